// SPDX-License-Identifier: GPL-2.0-or-later
/* Right configuration files and what becomes of them. rooms: config base */
#include "test.h"

#include <arpa/inet.h>

#include "config/reader.h"
#include "config_file.h"

static struct hf_config *load(const char *text)
{
	struct hf_config *c = NULL;
	char *said;

	if (load_as(text, NULL, &c, &said) < 0 || said[0])
		printf("# %s", said);
	free(said);
	return c;
}

static const char *ip(struct hf_ip a)
{
	static char text[HF_IP_TEXT];

	return hf_ip_text(&a, text);
}

/* The example with its clips where they exist. */
static char *example(void)
{
	FILE *f = fopen("Documentation/holdfast.yaml.example", "r");
	static const char installed[] = "/usr/share/holdfast/audio/";
	char *text = calloc(1, 65536), *at;

	if (!f)
		abort();
	if (!fread(text, 1, 65535, f))
		abort();
	fclose(f);
	while ((at = strstr(text, installed)))
		memmove(at, at + strlen(installed),
			strlen(at + strlen(installed)) + 1);
	return text;
}

/* The block of a key in the page, up to the next one's; NULL: it has none. */
static char *block(const char *page, const char *path)
{
	char want[256];
	const char *at, *end;

	snprintf(want, sizeof(want), "\n.TP\n.B %s\n", path);
	at = strstr(page, want);
	if (!at)
		return NULL;
	at += strlen(want);
	end = strstr(at, "\n.TP\n");
	return end ? strndup(at, (size_t)(end - at)) : strdup(at);
}

/* Every key has a block, or is named in that of what it is in: items of a list
 * are told of in one. Returns how many have one, and 1000 for each that is
 * nowhere. */
static unsigned int in_page(const char *page, const struct hf_map *map,
			    const char *prefix)
{
	unsigned int found = 0;

	for (const struct hf_key *k = map->keys; k->name; k++) {
		char path[200], items[208], parent[200];
		char *own, *text;
		size_t len;

		snprintf(path, sizeof(path), "%s%s", prefix, k->name);
		own = block(page, path);
		found += own != NULL;
		if (!own) {
			snprintf(parent, sizeof(parent), "%s", prefix);
			len = strlen(parent);
			while (len && strchr(".[]", parent[len - 1]))
				parent[--len] = '\0';
			text = block(page, parent);
			if (!text || !strstr(text, k->name)) {
				printf("# %s is not in the page\n", path);
				found += 1000;
			}
			free(text);
		}
		if (k->map) {
			snprintf(items, sizeof(items), "%s%s.", path,
				 k->kind == HF_KEY_LIST ? "[]" : "");
			found += in_page(page, k->map, items);
		}
		free(own);
	}
	return found;
}

TEST(the_man_page_has_every_key_and_no_other)
{
	FILE *f = fopen("Documentation/man/holdfast.yaml.5", "r");
	char *page = calloc(1, 131072), *at = page;
	unsigned int headings = 0;

	if (!f || !fread(page, 1, 131071, f))
		abort();
	fclose(f);
	at = strstr(page, ".SH KEYS");
	CHECK(at);
	*strstr(at, ".SH FILES") = '\0';
	for (char *b = at; (b = strstr(b, "\n.TP\n.B ")); b++)
		headings++;
	CHECK_INT(in_page(page, &hf_config_map, ""), headings);
	free(page);
}

TEST(the_example_file_is_accepted)
{
	char *text = example();
	struct hf_config *c;

	write_file("sales.flac", "");
	write_file("one.ogg", "");
	write_file("two.mp3", "");
	write_file("evening.g729", "");
	c = load(text);
	free(text);
	CHECK(c);
	CHECK_INT(c->sip.listen_count, 4);
	CHECK_STR(c->sip.listen[1].transport, "tcp");
	CHECK_STR(c->sip.listen[1].host, "192.0.2.10");
	CHECK_INT(c->sip.listen[1].port, 5060);
	CHECK_STR(c->sip.domain, "park.example.com");
	CHECK_STR(c->sip.outbound_proxy, "sip:pbx.example.com");
	CHECK_INT(c->sip.trusted_count, 3);
	CHECK_INT(c->sip.trusted[1].bits, 128);
	CHECK_STR(ip(c->media.addresses[0].ip4), "192.0.2.10");
	CHECK_STR(ip(c->media.addresses[0].advertise), "203.0.113.7");
	CHECK_STR(c->media.addresses[0].interface, "eth0");
	CHECK_INT(c->audio.clip_count, 4);
	CHECK_STR(c->audio.clips[1].name, "sales");
	CHECK_STR(c->audio.clips[1].file, path_of("sales.flac"));
	CHECK_INT(c->audio.clips[1].position, HF_POSITION_SHARED);
	CHECK_INT(c->audio.clips[2].file_count, 2);
	CHECK(c->audio.clips[2].shuffle);
	CHECK_STR(c->audio.clips[2].g729, path_of("evening.g729"));
	CHECK_STR(c->audio.clips[3].voice, "en");
	CHECK_INT(c->audio.codec_count, 4);
	CHECK_STR(c->audio.codecs[3], "opus");
	CHECK_INT(c->audio.loudness_db, -21);
	CHECK_INT(c->lots[0].label_count, 2);
	CHECK_STR(c->lots[0].labels[1].slot, "702");
	CHECK_STR(c->lots[0].labels[1].text, "Warehouse");
	CHECK_STR(c->lots[0].park_prefix, "*68");
	CHECK_STR(c->lots[0].pickup_prefix, "*88");
	CHECK_INT(c->lots[0].may_retrieve_count, 2);
	CHECK_INT(c->lots[0].recall.fallback_count, 2);
	CHECK_INT(c->lots[0].recall.fallback[0].count, 1);
	CHECK_STR(c->lots[0].recall.fallback[0].uris[0],
		  "sip:reception@pbx.example.com");
	CHECK_INT(c->lots[0].recall.fallback[1].count, 2);
	CHECK_STR(c->lots[0].recall.fallback[1].uris[1],
		  "sip:desk2@pbx.example.com");
	CHECK_STR(c->lots[0].recall.alert_info,
		  "<http://pbx.example.com/ring>;info=recall");
	CHECK_INT(c->hook_count, 2);
	CHECK_INT(c->hooks[0].format, HF_HOOK_SLACK);
	CHECK_INT(c->hooks[0].event_count, 4);
	CHECK_INT(c->hooks[0].queue, 10000);
	CHECK_STR(c->hooks[1].authorization, "Bearer TOKEN");
	CHECK_INT(c->lots[0].alerts.waiting_s, 120);
	CHECK_INT(c->lots[0].alerts.full_clear_percent, 60);
	CHECK_INT(c->lots[0].alerts.call_count, 1);
	CHECK_STR(c->lots[0].alerts.call[0], "sip:1009@pbx.example.com");
	CHECK_STR(c->lots[0].alerts.voice, "en");
	hf_config_free(c);
}

/* Is there "name:" with nothing of a word in front? */
static bool names_key(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *at = text;

	while ((at = strstr(at, name))) {
		bool begins = at == text || at[-1] == ' ' || at[-1] == '\n';

		if (begins && at[len] == ':')
			return true;
		at++;
	}
	return false;
}

static const char *missing_key(const char *text, const struct hf_map *map)
{
	for (const struct hf_key *k = map->keys; k->name; k++) {
		const char *missing = NULL;

		if (!names_key(text, k->name))
			return k->name;
		if (k->map)
			missing = missing_key(text, k->map);
		if (missing)
			return missing;
	}
	return NULL;
}

TEST(the_example_file_names_every_key_there_is)
{
	char *text = example(), *c, *out = text;
	const char *missing;

	/* without comments */
	for (c = text; *c; c++) {
		if (*c == '#' && (c == text || c[-1] == ' ' || c[-1] == '\n'))
			c += strcspn(c, "\n");
		*out++ = *c;
	}
	*out = '\0';
	missing = missing_key(text, &hf_config_map);
	free(text);
	CHECK_STR(missing ? missing : "none missing", "none missing");
}

/* The example says which default a key has; this says it is true. */
TEST(what_is_left_out_has_the_default_that_the_example_names)
{
	struct hf_config *c = load(SMALLEST);
	const struct hf_config_lot *lot;

	CHECK(c);
	lot = &c->lots[0];
	CHECK_STR(c->instance, "main");
	CHECK_STR(c->sip.domain, "192.0.2.10");
	CHECK(!c->sip.outbound_proxy);
	CHECK_STR(ip(c->media.addresses[0].advertise), "192.0.2.10");
	CHECK_INT(c->media.port_min, 20000);
	CHECK_INT(c->media.port_max, 29999);
	CHECK(!c->media.latch);
	CHECK_INT(c->audio.memory_mib, 256);
	CHECK_STR(c->control.socket, "/run/holdfast/control.sock");
	CHECK_STR(c->control.state_dir, "/var/lib/holdfast");
	CHECK(!lot->park_prefix && !lot->pickup_prefix);
	CHECK_INT(lot->label_count, 0);
	CHECK_INT(lot->timeout_s, 90);
	CHECK_INT(lot->max_wait_s, 3600);
	CHECK_INT(lot->reserve_s, 30);
	CHECK_STR(lot->hold_audio, "default");
	CHECK(!lot->hold_clock_auto);
	CHECK_INT(lot->choice, HF_CHOICE_FIRST);
	CHECK_INT(lot->on_busy, HF_BUSY_NEXT_FREE);
	CHECK_INT(lot->on_empty, HF_EMPTY_REFUSE);
	CHECK_INT(lot->on_full, HF_FULL_RING_PARKER);
	CHECK_INT(lot->may_park_count, 1);
	CHECK_STR(lot->may_park[0], "internal");
	CHECK_INT(lot->may_retrieve_count, 1);
	CHECK_STR(lot->may_retrieve[0], "internal");
	CHECK_INT(lot->may_watch_count, 1);
	CHECK_STR(lot->may_watch[0], "internal");
	CHECK_INT(lot->lamp_pickup, HF_LAMP_DIAL);
	CHECK_INT(lot->lamp_state, HF_LAMP_CONFIRMED);
	CHECK_INT(lot->lamp_idle, HF_LAMP_EMPTY);
	CHECK_INT(c->lamps.min_expires_s, 60);
	CHECK_INT(c->lamps.max_expires_s, 3600);
	CHECK_INT(c->lamps.publish.expires_s, 300);
	CHECK(!c->lamps.publish.to && !c->lamps.list_count);
	CHECK_INT(lot->recall.ring_s, 30);
	CHECK_INT(lot->recall.attempts, 2);
	CHECK_INT(lot->recall.fallback_count, 0);
	CHECK_INT(lot->recall.finally, HF_FINALLY_REPEAT);
	CHECK_STR(lot->recall.display_prefix, "Park %s: ");
	CHECK(!lot->recall.alert_info);
	hf_config_free(c);
}

TEST(another_instance_has_its_own_socket_and_state)
{
	struct hf_config *c = NULL;
	char *said;

	CHECK_INT(load_as(SMALLEST, "demo", &c, &said), 0);
	free(said);
	CHECK_STR(c->instance, "demo");
	CHECK_STR(c->control.socket, "/run/holdfast/control-demo.sock");
	CHECK_STR(c->control.state_dir, "/var/lib/holdfast/demo");
	hf_config_free(c);
}

#define LAMPS(text) SIP MEDIA AUDIO LOT "lamps:\n" text

TEST(a_lamp_list_names_slots_ranges_and_lots)
{
	struct hf_config *c = load(
		LAMPS("  lists: [ { name: l, entries: [ 701, 702-704, main ] } ]\n"));
	unsigned int lot;
	uint32_t slot, count;

	CHECK(c);
	CHECK_INT(c->lamps.list_count, 1);
	CHECK(hf_config_find_entry(c, c->tenants, c->lamps.lists[0].entries[1], &lot, &slot,
				   &count));
	CHECK_INT(slot, 1);
	CHECK_INT(count, 3);
	CHECK(hf_config_find_entry(c, c->tenants, "main", &lot, &slot, &count));
	CHECK_INT(count, 0);
	CHECK(!hf_config_find_entry(c, c->tenants, "704-702", &lot, &slot, &count));
	CHECK(!hf_config_find_slot(c, c->tenants, "0701", &lot, &slot));
	hf_config_free(c);
}

TEST(slots_keep_their_prefix_and_leading_zeros)
{
	struct hf_config *c =
		load(SIP MEDIA AUDIO "lots:\n"
				     "  - { name: a, park: 7, slots: 00-09 }\n"
				     "  - { name: b, park: 8, "
				     "slots: \"*7001-*7001\" }\n"
				     "  - { name: c, park: 9, slots: x5 }\n");

	CHECK(c);
	CHECK_STR(c->lots[0].slot_prefix, "");
	CHECK_INT(c->lots[0].slot_first, 0);
	CHECK_INT(c->lots[0].slot_last, 9);
	CHECK_INT(c->lots[0].slot_digits, 2);
	CHECK_STR(c->lots[1].slot_prefix, "*");
	CHECK_INT(c->lots[1].slot_first, 7001);
	CHECK_INT(c->lots[1].slot_digits, 4);
	CHECK_STR(c->lots[2].slot_prefix, "x");
	CHECK_INT(c->lots[2].slot_last, 5);
	hf_config_free(c);
}

TEST(every_word_is_read_as_what_it_says)
{
	struct hf_config *c =
		load(SMALLEST "    hold_clock: auto\n"
			      "    slot_choice: random\n"
			      "    on_busy: ring_parker\n"
			      "    on_empty: reserve\n"
			      "    on_full: sip:desk@pbx.example.com\n"
			      "    may_park: [ any ]\n"
			      "    recall: { finally: hang_up, attempts: 0 }\n"
			      "  - name: two\n"
			      "    park: \"800\"\n"
			      "    slots: 801-801\n"
			      "    slot_choice: next\n"
			      "    on_busy: refuse\n"
			      "    on_full: refuse\n"
			      "    timeout_s: 0\n"
			      "    recall:\n"
			      "      finally: sip:desk@pbx.example.com;x=1\n"
			      "      display_prefix: \"\"\n");

	CHECK(c);
	CHECK(c->lots[0].hold_clock_auto);
	CHECK_INT(c->lots[0].choice, HF_CHOICE_RANDOM);
	CHECK_INT(c->lots[0].on_busy, HF_BUSY_RING_PARKER);
	CHECK_INT(c->lots[0].on_empty, HF_EMPTY_RESERVE);
	CHECK_INT(c->lots[0].on_full, HF_FULL_URI);
	CHECK_STR(c->lots[0].on_full_uri, "sip:desk@pbx.example.com");
	CHECK_STR(c->lots[0].may_park[0], "any");
	CHECK_INT(c->lots[0].recall.finally, HF_FINALLY_HANG_UP);
	CHECK_INT(c->lots[0].recall.attempts, 0);
	CHECK_INT(c->lots[1].choice, HF_CHOICE_NEXT);
	CHECK_INT(c->lots[1].on_busy, HF_BUSY_REFUSE);
	CHECK_INT(c->lots[1].on_full, HF_FULL_REFUSE);
	CHECK_INT(c->lots[1].timeout_s, 0);
	CHECK_INT(c->lots[1].recall.finally, HF_FINALLY_URI);
	CHECK_STR(c->lots[1].recall.finally_uri,
		  "sip:desk@pbx.example.com;x=1");
	CHECK_STR(c->lots[1].recall.display_prefix, "");
	hf_config_free(c);
}

TEST(patterns_match_user_and_host_and_nothing_longer)
{
	CHECK(hf_pattern_match("1???@pbx.example.com", "1001",
			       "pbx.example.com"));
	CHECK(hf_pattern_match("1???@pbx.example.com", "1001",
			       "PBX.Example.COM"));
	CHECK(!hf_pattern_match("1???@pbx.example.com", "10015",
				"pbx.example.com"));
	CHECK(!hf_pattern_match("1???@pbx.example.com", "101",
				"pbx.example.com"));
	CHECK(!hf_pattern_match("1???@pbx.example.com", "2001",
				"pbx.example.com"));
	CHECK(!hf_pattern_match("1???@pbx.example.com", "1001",
				"pbx.example.com.evil.example"));
	CHECK(hf_pattern_match("*@*", "", ""));
	CHECK(hf_pattern_match("*@*", NULL, NULL));
	CHECK(!hf_pattern_match("?@*", NULL, NULL));
	CHECK(!hf_pattern_match("alice@x", "Alice", "x"));
	CHECK(hf_pattern_match("a*b*c@x", "aXbYbZc", "x"));
	CHECK(!hf_pattern_match("a*b*c@x", "aXbYbZ", "x"));
	CHECK(hf_pattern_match("*@*.example.com", "a@b", "p.example.com"));
	CHECK(!hf_pattern_match("*@*.example.com", "a", "example.com"));
	CHECK(hf_pattern_match("1001", "1001", "anything"));
}

TEST(a_hostile_name_does_not_make_a_pattern_slow)
{
	char name[20001];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(!hf_pattern_match("*a*a*a*a*a*a*a*a*a*a*b@*", name, "x"));
}

TEST(trusted_is_who_is_in_a_prefix)
{
	struct hf_config *c = load(
		"sip:\n  listen: [ \"udp:192.0.2.10\" ]\n"
		"  trusted: [ 192.0.2.0/25, 198.51.100.7 ]\n"
		"  internal: [ \"1???@pbx\", \"boss@*\" ]\n" MEDIA AUDIO LOT);
	struct in6_addr a;

	CHECK(c);
	CHECK_INT(c->sip.listen[0].port, 5060);
	hf_ip_parse("192.0.2.127", &a);
	CHECK(hf_config_trusted(c, &a));
	hf_ip_parse("192.0.2.128", &a);
	CHECK(!hf_config_trusted(c, &a));
	hf_ip_parse("198.51.100.7", &a);
	CHECK(hf_config_trusted(c, &a));
	hf_ip_parse("198.51.100.6", &a);
	CHECK(!hf_config_trusted(c, &a));
	CHECK(hf_config_internal(c, NULL, "1234", "pbx"));
	CHECK(hf_config_internal(c, NULL, "boss", "home.example"));
	CHECK(!hf_config_internal(c, NULL, "01234", "pbx"));
	hf_config_free(c);
}

TEST(a_prefix_of_length_nothing_trusts_everybody)
{
	struct hf_config *c = load("sip:\n  listen: [ \"udp:192.0.2.10\" ]\n"
				   "  trusted: [ 0.0.0.0/0 ]\n"
				   "  internal: [ \"*@*\" ]\n" MEDIA AUDIO LOT);
	struct in6_addr a;

	CHECK(c);
	hf_ip_parse("255.1.2.3", &a);
	CHECK(hf_config_trusted(c, &a));
	/* of its own kind */
	hf_ip_parse("2001:db8::1", &a);
	CHECK(!hf_config_trusted(c, &a));
	hf_config_free(c);
}

TEST(peers_and_listeners_may_be_of_ipv6_and_of_tls)
{
	struct hf_config *c = load(
		"sip:\n  listen: [ \"udp:[2001:DB8:0::10]:5062\", "
		"\"tls:192.0.2.10\" ]\n"
		"  trusted: [ \"2001:db8::/45\", \"::1\" ]\n"
		"  outbound_proxy: \"sip:[2001:db8::20]:5070;transport=tcp\"\n"
		"  tls: { certificates: /etc/x, verify: all }\n"
		"  nat: [ { address: 192.0.2.10, advertise: 203.0.113.7, "
		"inside: [ 192.0.2.0/24 ] } ]\n"
		"  internal: [ \"*@*\" ]\n" MEDIA AUDIO LOT);
	struct in6_addr a;

	CHECK(c);
	CHECK_STR(c->sip.listen[0].host, "2001:db8::10");
	CHECK_INT(c->sip.listen[0].port, 5062);
	CHECK_STR(c->sip.listen[1].transport, "tls");
	CHECK_INT(c->sip.listen[1].port, 5061);
	CHECK_STR(c->sip.domain, "[2001:db8::10]");
	CHECK_STR(c->sip.tls.certificates, "/etc/x");
	CHECK_INT(c->sip.tls.verify, HF_TLS_ALL);
	CHECK_INT(c->sip.nat_count, 1);
	CHECK_STR(ip(hf_ip_of4(c->sip.nat[0].advertise)), "203.0.113.7");
	hf_ip_parse("192.0.2.1", &a);
	CHECK(hf_prefix_any(c->sip.nat[0].inside, 1, &a));
	hf_ip_parse("[2001:db8:7::9]", &a);
	CHECK(hf_config_trusted(c, &a));
	hf_ip_parse("2001:db8:8::9", &a);
	CHECK(!hf_config_trusted(c, &a));
	hf_ip_parse("::1", &a);
	CHECK(hf_config_trusted(c, &a));
	hf_ip_parse("0.0.0.1", &a);
	CHECK(!hf_config_trusted(c, &a));
	hf_config_free(c);
}

static bool may_latch(const struct hf_config *c, const char *source)
{
	struct in6_addr a;

	hf_ip_parse(source, &a);
	return hf_config_may_latch(c, hf_ip_of6(&a));
}

TEST(media_is_learned_from_networks_of_either_family)
{
	struct hf_config *c = load(
		SIP "media:\n  addresses:\n"
		    "    - { address: 192.0.2.10, interface: eth0 }\n"
		    "    - { address: \"2001:db8::10\", interface: eth0, "
		    "advertise: \"2001:db8:ff::7\" }\n"
		    "  nat: true\n"
		    "  allow: [ \"2001:db8:6::/47\", 198.51.100.0/25, \"::1\" ]\n"
		    AUDIO LOT);

	CHECK(c);
	CHECK_STR(ip(c->media.addresses[1].advertise), "2001:db8:ff::7");
	CHECK(may_latch(c, "2001:db8:6::1"));
	CHECK(may_latch(c, "2001:db8:7:ffff::9"));
	CHECK(!may_latch(c, "2001:db8:8::1"));
	CHECK(!may_latch(c, "2001:db7:7::1"));
	CHECK(may_latch(c, "::1"));
	CHECK(may_latch(c, "198.51.100.127"));
	CHECK(!may_latch(c, "198.51.100.128"));
	/* ::198.51.100.1 is another one */
	CHECK(!may_latch(c, "::c633:6401"));
	hf_config_free(c);
}

TEST(the_summary_counts_lots_slots_and_legs)
{
	struct hf_config *c =
		load(SIP "media:\n  addresses:\n"
			 "    - { address: 192.0.2.10, interface: eth0 }\n"
			 "    - { address: 192.0.2.11, interface: eth1 }\n"
			 "  ports: 30000-30009\n" AUDIO LOT);
	char *text = NULL, *first;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	CHECK(c);
	CHECK_INT(hf_config_leg_count(c), 10);
	hf_config_print_summary(c, f);
	fclose(f);
	first = strchr(text, '\n') + 1;
	CHECK_STR(first,
		  "lot main: park 700, slots 701 to 720 (20)\n"
		  "instance main: lots: 1, slots: 20, media addresses: 2\n"
		  "ports 30000-30009 allow 10 legs: 10 parked calls, or 5 "
		  "picked up\n"
		  "note: there are more slots than legs; a call beyond 10 "
		  "finds no ports\n");
	free(text);
	hf_config_free(c);
}

TEST(freeing_nothing_is_allowed)
{
	hf_config_free(NULL);
}
#define TENANTS                                                                \
	"tenants:\n"                                                           \
	"  - name: acme\n"                                                     \
	"    domains: [ acme.example.com, ACME.example.net ]\n"                \
	"    internal: [ \"2??@acme.example.com\" ]\n"                         \
	"    outbound_proxy: \"sip:pbx.acme.example.com\"\n"                   \
	"  - { name: zeta, peers: [ 192.0.2.64/27, 192.0.2.7 ] }\n"            \
	"  - { name: beta, listen: [ \"udp:192.0.2.10:5070\" ], peers: [ 192.0.2.7 ] }\n" \
	"  - { name: eta, header: \"X-Tenant: e*\" }\n"
#define TENANT_SIP                                                              \
	"sip:\n"                                                               \
	"  listen: [ \"udp:192.0.2.10:5060\", \"udp:192.0.2.10:5070\" ]\n"     \
	"  trusted: [ 192.0.2.0/24 ]\n"                                        \
	"  internal: [ \"1???@pbx.example.com\" ]\n"                           \
	"  carry_headers: [ X-Tenant ]\n"
#define TENANT_LOTS                                                             \
	"lots:\n"                                                              \
	"  - { name: a, tenant: acme, park: \"700\", slots: 701-720 }\n"       \
	"  - { name: z, tenant: zeta, park: \"700\", slots: 701-720 }\n"

static const char *whose(const struct hf_config *c, const char *host,
			 const char *source, uint16_t port,
			 const char *headers)
{
	const struct hf_tenant_ask ask = { .host = host, .source = source,
					   .transport = "udp",
					   .local = "192.0.2.10",
					   .local_port = port,
					   .headers = headers };
	const struct hf_config_tenant *t;

	if (!hf_config_tenant(c, &ask, &t))
		return "nobody";
	return t ? t->name : "the only one";
}

TEST(a_request_is_the_tenants_that_its_domain_peer_address_or_header_names)
{
	struct hf_config *c = load(TENANT_SIP MEDIA AUDIO TENANTS TENANT_LOTS);
	unsigned int lot;
	uint32_t slot;

	if (!c)
		abort();
	CHECK_STR(whose(c, "acme.example.com", "192.0.2.20", 5060, ""), "acme");
	CHECK_STR(whose(c, "Acme.Example.Net", "192.0.2.20", 5060, ""), "acme");
	/* the domain counts before the header */
	CHECK_STR(whose(c, "acme.example.com", "192.0.2.20", 5060,
			"X-Tenant: eta"), "acme");
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.70", 5060, ""), "zeta");
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.20", 5070, ""), "beta");
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.20", 5060,
			"X-Other: 1\nX-Tenant: eta"), "eta");
	/* nobody's */
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.20", 5060, ""), "nobody");
	CHECK_STR(whose(c, "else.example.com", "192.0.2.20", 5060,
			"X-Tenant: acme"), "nobody");
	/* a peer of two says nothing; the address decides */
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.7", 5060, ""), "nobody");
	CHECK_STR(whose(c, "192.0.2.10", "192.0.2.7", 5070, ""), "beta");
	/* the peer or the address of another does not speak for acme */
	CHECK_STR(whose(c, "acme.example.com", "192.0.2.70", 5060, ""),
		  "nobody");
	CHECK_STR(whose(c, "acme.example.com", "192.0.2.20", 5070, ""),
		  "nobody");
	/* what is its own, and what it has of sip: */
	CHECK(hf_config_internal(c, &c->tenants[0], "201", "acme.example.com"));
	CHECK(!hf_config_internal(c, &c->tenants[0], "1001",
				  "pbx.example.com"));
	CHECK(hf_config_internal(c, &c->tenants[1], "1001", "pbx.example.com"));
	CHECK_STR(hf_tenant_domain(c, &c->tenants[0]), "acme.example.com");
	CHECK_STR(hf_tenant_domain(c, &c->tenants[1]), "192.0.2.10");
	CHECK_STR(hf_tenant_proxy(c, &c->tenants[0]),
		  "sip:pbx.acme.example.com");
	CHECK(!hf_tenant_proxy(c, &c->tenants[1]));
	CHECK(hf_config_find_slot(c, &c->tenants[1], "701", &lot, &slot));
	CHECK_INT(lot, 1);
	CHECK(!hf_config_find_slot(c, &c->tenants[2], "701", &lot, &slot));
	hf_config_free(c);
	c = load(SMALLEST);
	CHECK_STR(whose(c, "any.example.com", "203.0.113.1", 1, ""),
		  "the only one");
	hf_config_free(c);
}

TEST_MAIN()
