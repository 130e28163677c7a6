// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every key of the configuration file: its type, its limits, its default. The
 * same list for people is Documentation/holdfast.yaml.example; a test keeps the
 * two together.
 */
#include <stddef.h>
#include <string.h>

#include "holdfast/abi.h"
#include "keys.h"

#define NAT(field) offsetof(struct hf_config_nat, field)
static const struct hf_key nat_keys[] = {
	{ VALUE("address", NAT(address), hf_parse_ip4, "192.0.2.10"),
	  .required = true },
	{ VALUE("advertise", NAT(advertise), hf_parse_ip4, "203.0.113.7"),
	  .required = true },
	{ LIST("inside", NAT(inside), NAT(inside_count), hf_parse_prefix,
	       struct hf_config_prefix, 1, 64, "192.0.2.0/24") },
	{ 0 }
};
static const struct hf_map nat_map = { nat_keys, NULL };

static const char *const verify_words[] = { [HF_TLS_OUTGOING] = "outgoing",
					    [HF_TLS_ALL] = "all",
					    [HF_TLS_NONE] = "none", NULL };
static const struct hf_key tls_keys[] = {
	{ VALUE("certificates", CONFIG(sip.tls.certificates), hf_parse_path,
		"/etc/holdfast/tls"),
	  .required = true },
	{ WORD("verify", CONFIG(sip.tls.verify), verify_words, "outgoing") },
	{ 0 }
};
static const struct hf_map tls_map = { tls_keys, NULL };

#define DIGEST_USER(field) offsetof(struct hf_config_user, field)
#define ACCOUNT(field)     offsetof(struct hf_config_account, field)
static const struct hf_key digest_user_keys[] = {
	{ VALUE("name", DIGEST_USER(name), hf_parse_secret, "desk"),
	  .required = true },
	{ VALUE("password", DIGEST_USER(password), hf_parse_secret, "\"...\""),
	  .required = true },
	{ VALUE("identity", DIGEST_USER(identity), hf_parse_uri,
		"\"sip:1001@pbx.example.com\"") },
	{ .name = "trusted",
	  .kind = HF_KEY_BOOL,
	  .offset = DIGEST_USER(trusted),
	  .example = "true" },
	{ 0 }
};
static const struct hf_map digest_user_map = { digest_user_keys, NULL };

static const struct hf_key account_keys[] = {
	{ VALUE("realm", ACCOUNT(realm), hf_parse_secret, "pbx.example.com") },
	{ VALUE("name", ACCOUNT(name), hf_parse_secret, "holdfast"),
	  .required = true },
	{ VALUE("password", ACCOUNT(password), hf_parse_secret, "\"...\""),
	  .required = true },
	{ 0 }
};
static const struct hf_map account_map = { account_keys, NULL };

static const struct hf_key digest_keys[] = {
	{ VALUE("realm", CONFIG(sip.digest.realm), hf_parse_secret,
		"park.example.com") },
	{ RECORDS("users", CONFIG(sip.digest.users),
		  CONFIG(sip.digest.user_count), &digest_user_map,
		  struct hf_config_user, 1, 10000,
		  "{ name: desk, password: \"...\" }") },
	{ RECORDS("accounts", CONFIG(sip.digest.accounts),
		  CONFIG(sip.digest.account_count), &account_map,
		  struct hf_config_account, 1, 64,
		  "{ name: holdfast, password: \"...\" }") },
	{ 0 }
};
static const struct hf_map digest_map = { digest_keys, NULL };

#define REGISTRATION(field) offsetof(struct hf_config_registration, field)
static const struct hf_key registration_keys[] = {
	{ VALUE("aor", REGISTRATION(aor), hf_parse_uri,
		"\"sip:park@pbx.example.com\""),
	  .required = true },
	{ VALUE("registrar", REGISTRATION(registrar), hf_parse_proxy,
		"\"sip:192.0.2.5\"") },
	{ VALUE("contact", REGISTRATION(contact), hf_parse_dial, "\"700\"") },
	{ VALUE("name", REGISTRATION(name), hf_parse_secret, "park") },
	{ VALUE("password", REGISTRATION(password), hf_parse_secret,
		"\"...\"") },
	{ NUMBER("expires_s", REGISTRATION(expires_s), 60, 86400) },
	{ 0 }
};

static void init_registration(struct hf_reader *r, void *record)
{
	((struct hf_config_registration *)record)->expires_s = 300;
}
static const struct hf_map registration_map = { registration_keys,
						init_registration };

static const struct hf_key sip_keys[] = {
	{ LIST("listen", CONFIG(sip.listen), CONFIG(sip.listen_count),
	       hf_parse_listen, struct hf_config_listen, 1, 16,
	       "\"udp:192.0.2.10:5060\""),
	  .required = true },
	{ VALUE("domain", CONFIG(sip.domain), hf_parse_domain,
		"park.example.com") },
	{ VALUE("outbound_proxy", CONFIG(sip.outbound_proxy), hf_parse_proxy,
		"\"sip:pbx.example.com\"") },
	{ LIST("trusted", CONFIG(sip.trusted), CONFIG(sip.trusted_count),
	       hf_parse_prefix, struct hf_config_prefix, 1, 1024,
	       "192.0.2.0/24"),
	  .required = true },
	{ LIST("internal", CONFIG(sip.internal), CONFIG(sip.internal_count),
	       hf_parse_pattern, char *, 0, 1024, "\"1???@pbx.example.com\"") },
	{ LIST("carry_headers", CONFIG(sip.carry), CONFIG(sip.carry_count),
	       hf_parse_header, char *, 0, 16, "X-Account") },
	{ .name = "remote_party_id",
	  .kind = HF_KEY_BOOL,
	  .offset = CONFIG(sip.remote_party_id),
	  .example = "true" },
	{ .name = "connected_identity",
	  .kind = HF_KEY_BOOL,
	  .offset = CONFIG(sip.connected_identity),
	  .example = "false" },
	{ .name = "identity_reinvite",
	  .kind = HF_KEY_BOOL,
	  .offset = CONFIG(sip.identity_reinvite),
	  .example = "true" },
	{ NUMBER("session_s", CONFIG(sip.session_s), 0, 86400) },
	{ NUMBER("min_session_s", CONFIG(sip.min_session_s), 90, 86400) },
	{ NUMBER("alive_s", CONFIG(sip.alive_s), 0, 86400) },
	{ RECORDS("nat", CONFIG(sip.nat), CONFIG(sip.nat_count), &nat_map,
		  struct hf_config_nat, 1, 16,
		  "{ address: 192.0.2.10, advertise: 203.0.113.7 }") },
	{ RECORDS("register", CONFIG(sip.registrations),
		  CONFIG(sip.registration_count), &registration_map,
		  struct hf_config_registration, 1, 64,
		  "{ aor: \"sip:park@pbx.example.com\" }") },
	{ SECTION("digest", &digest_map,
		  "{ users: [ { name: desk, password: \"...\" } ] }") },
	{ SECTION("tls", &tls_map, "{ certificates: /etc/holdfast/tls }") },
	{ 0 }
};
static const struct hf_map sip_map = { sip_keys, NULL };

static bool parse_pacer(struct hf_reader *r, const char *text, void *field)
{
	static const char *const words[] = { [HF_PACER_AUTO] = "auto",
					     [HF_PACER_KMOD] = "kmod",
					     [HF_PACER_BPF] = "bpf",
					     [HF_PACER_PACKET] = "packet" };

	for (unsigned int i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcmp(text, words[i])) {
			*(enum hf_pacer_choice *)field = i;
			return true;
		}
	return hf_wrong(r,
			"\"%s\" is unknown; it can be auto, kmod, bpf or packet",
			text);
}

#define ADDRESS(field) offsetof(struct hf_config_address, field)
static const struct hf_key address_keys[] = {
	{ VALUE("address", ADDRESS(ip4), hf_parse_ip, "192.0.2.10"),
	  .required = true },
	{ VALUE("interface", ADDRESS(interface), hf_parse_interface, "eth0"),
	  .required = true },
	{ VALUE("advertise", ADDRESS(advertise), hf_parse_ip, "203.0.113.7") },
	{ LIST("inside", ADDRESS(inside), ADDRESS(inside_count),
	       hf_parse_prefix, struct hf_config_prefix, 1, 64,
	       "192.0.2.0/24") },
	{ 0 }
};
static const struct hf_map address_map = { address_keys, NULL };

static const char *const key_event_words[] = { [HF_KEYS_ALL] = "all",
					       [HF_KEYS_WAITING] = "waiting",
					       [HF_KEYS_NONE] = "none",
					       NULL };
static const struct hf_key media_keys[] = {
	{ RECORDS("addresses", CONFIG(media.addresses),
		  CONFIG(media.address_count), &address_map,
		  struct hf_config_address, 1, HF_MAX_ADDRESSES,
		  "{ address: 192.0.2.10, interface: eth0 }"),
	  .required = true },
	{ VALUE("ports", CONFIG(media.port_min), hf_parse_ports,
		"20000-29999") },
	{ VALUE("pacer", CONFIG(media.pacer), parse_pacer, "auto") },
	{ .name = "nat",
	  .kind = HF_KEY_BOOL,
	  .offset = CONFIG(media.latch),
	  .example = "true" },
	{ LIST("allow", CONFIG(media.allow), CONFIG(media.allow_count),
	       hf_parse_prefix, struct hf_config_prefix, 0, 1024,
	       "198.51.100.0/24") },
	{ NUMBER("silence_s", CONFIG(media.silence_s), 0, 86400) },
	{ WORD("key_events", CONFIG(media.key_events), key_event_words,
	       "all, waiting or none") },
	{ 0 }
};
static const struct hf_map media_map = { media_keys, NULL };

static const struct hf_key control_keys[] = {
	{ VALUE("socket", CONFIG(control.socket), hf_parse_path,
		"/run/holdfast/control.sock") },
	{ VALUE("state_dir", CONFIG(control.state_dir), hf_parse_path,
		"/var/lib/holdfast") },
	{ LIST("users", CONFIG(control.users), CONFIG(control.user_count),
	       hf_parse_user, uint32_t, 0, 64, "operator") },
	{ 0 }
};
static const struct hf_map control_map = { control_keys, NULL };

static const char *const sync_words[] = { [HF_SYNC_FULL] = "full",
					  [HF_SYNC_OFF] = "off", NULL };
static const struct hf_key journal_keys[] = {
	{ VALUE("path", CONFIG(journal.path), hf_parse_path,
		"/var/lib/holdfast/journal.db") },
	{ WORD("sync", CONFIG(journal.sync), sync_words, "full") },
	{ NUMBER("copy_s", CONFIG(journal.copy_s), 0, 3600) },
	{ NUMBER("orphan_grace_s", CONFIG(journal.orphan_grace_s), 0, 3600) },
	{ 0 }
};
static const struct hf_map journal_map = { journal_keys, NULL };

static const struct hf_key history_keys[] = {
	{ VALUE("path", CONFIG(history.path), hf_parse_path,
		"/var/lib/holdfast/history.db") },
	{ NUMBER("keep_days", CONFIG(history.keep_days), 0, 36500) },
	{ NUMBER("max_mib", CONFIG(history.max_mib), 1, 1048576) },
	{ 0 }
};
static const struct hf_map history_map = { history_keys, NULL };

static const char *const clock_words[] = { "timer", "auto", NULL };
static const char *const choice_words[] = { [HF_CHOICE_FIRST] = "first",
					    [HF_CHOICE_NEXT] = "next",
					    [HF_CHOICE_RANDOM] = "random",
					    NULL };
static const char *const busy_words[] = { [HF_BUSY_REFUSE] = "refuse",
					  [HF_BUSY_NEXT_FREE] = "next_free",
					  [HF_BUSY_RING_PARKER] = "ring_parker",
					  NULL };

static const char *const empty_words[] = { [HF_EMPTY_REFUSE] = "refuse",
					   [HF_EMPTY_RESERVE] = "reserve",
					   NULL };

static bool parse_hold_clock(struct hf_reader *r, const char *text, void *field)
{
	for (int i = 0; clock_words[i]; i++)
		if (!strcmp(text, clock_words[i])) {
			*(bool *)field = i == 1;
			return true;
		}
	return hf_wrong(r, "\"%s\" is unknown; it can be timer or auto", text);
}

/* labels: { "701": Sales, ... }: the keys are slots, check.c knows which. */
static bool read_labels(struct hf_reader *r, yaml_node_t *node, void *field)
{
	struct hf_config_lot *lot = (void *)((char *)field - LOT(labels));
	unsigned int count, n = 0;

	if (node->type != YAML_MAPPING_NODE)
		return hf_wrong(r, "needs slots with texts; write "
				   "{ \"701\": Sales }");
	count = (unsigned int)(node->data.mapping.pairs.top -
			       node->data.mapping.pairs.start);
	if (count > 10000)
		return hf_wrong(r, "has %u entries; 10000 at most", count);
	lot->labels = hf_config_alloc(r->config,
				      (count + 1) * sizeof(lot->labels[0]));
	if (!lot->labels) {
		r->no_memory = true;
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		yaml_node_pair_t *p = &node->data.mapping.pairs.start[i];
		yaml_node_t *k = yaml_document_get_node(r->document, p->key);
		yaml_node_t *v = yaml_document_get_node(r->document, p->value);
		struct hf_config_label *label = &lot->labels[n];
		size_t before = hf_key_enter(r, k, "%s", "");
		const char *slot = hf_scalar(r, k), *text = NULL;

		if (slot) {
			hf_key_enter(r, k, ".%.64s", slot);
			hf_mark(r, &label->slot, false);
			text = hf_scalar(r, v);
		}
		if (text && hf_parse_dial(r, slot, &label->slot) &&
		    hf_parse_text(r, text, &label->text))
			n++;
		hf_key_leave(r, before);
	}
	lot->label_count = n;
	return true;
}

static const char *const pickup_words[] = { [HF_LAMP_DIAL] = "dial",
					    [HF_LAMP_REPLACES] = "replaces",
					    NULL };
static const char *const lamp_words[] = { [HF_LAMP_CONFIRMED] = "confirmed",
					  [HF_LAMP_EARLY] = "early", NULL };
static const char *const idle_words[] = { [HF_LAMP_EMPTY] = "empty",
					  [HF_LAMP_TERMINATED] = "terminated",
					  NULL };

static const struct hf_key lot_keys[] = {
	{ VALUE("name", LOT(name), hf_parse_name, "main"), .required = true },
	{ VALUE("tenant", LOT(tenant), hf_parse_name, "acme") },
	{ VALUE("park", LOT(park), hf_parse_dial, "\"700\""),
	  .required = true },
	{ VALUE("slots", LOT(slot_prefix), hf_parse_slots, "701-720"),
	  .required = true },
	{ VALUE("park_prefix", LOT(park_prefix), hf_parse_dial, "\"*68\"") },
	{ VALUE("pickup_prefix", LOT(pickup_prefix), hf_parse_dial,
		"\"*88\"") },
	{ VALUE("retrieve_oldest", LOT(retrieve_oldest), hf_parse_dial,
		"\"*89\"") },
	{ .name = "labels",
	  .kind = HF_KEY_OWN,
	  .offset = LOT(labels),
	  .node = read_labels,
	  .example = "{ \"701\": Sales }" },
	{ NUMBER("timeout_s", LOT(timeout_s), 0, 86400) },
	{ NUMBER("max_wait_s", LOT(max_wait_s), 10, 259200) },
	{ NUMBER("reserve_s", LOT(reserve_s), 1, 3600) },
	{ VALUE("hold_audio", LOT(hold_audio), hf_parse_name, "default") },
	{ RECORDS("hold_audio_rules", LOT(audio_rules), LOT(audio_rule_count),
		  &hf_config_audio_rule_map, struct hf_config_audio_rule, 1,
		  1000, "{ caller: \"0049*@*\", clip: sales }") },
	{ SECTION("voice", &hf_config_voice_map, "{ language: en }") },
	{ SECTION("escape", &hf_config_escape_map,
		  "{ key: \"*\", to: \"sip:operator@pbx.example.com\" }") },
	{ VALUE("repark_keys", LOT(repark_keys), hf_config_parse_keys,
		"\"*7\"") },
	{ VALUE("page", LOT(page), hf_parse_name, "warehouse") },
	{ .name = "message_parker",
	  .kind = HF_KEY_BOOL,
	  .offset = LOT(message_parker),
	  .example = "true" },
	{ VALUE("hold_clock", LOT(hold_clock_auto), parse_hold_clock,
		"timer") },
	{ WORD("slot_choice", LOT(choice), choice_words,
	       "first, next or random") },
	{ WORD("on_busy", LOT(on_busy), busy_words,
	       "refuse, next_free or ring_parker") },
	{ WORD("on_empty", LOT(on_empty), empty_words, "refuse or reserve") },
	{ VALUE("on_full", LOT(on_full), hf_parse_on_full, "ring_parker") },
	{ LIST("may_park", LOT(may_park), LOT(may_park_count), hf_parse_right,
	       char *, 1, 64, "internal") },
	{ LIST("may_retrieve", LOT(may_retrieve), LOT(may_retrieve_count),
	       hf_parse_right, char *, 1, 64, "internal") },
	{ LIST("may_watch", LOT(may_watch), LOT(may_watch_count), hf_parse_right,
	       char *, 1, 64, "internal") },
	{ WORD("lamp_pickup", LOT(lamp_pickup), pickup_words,
	       "dial or replaces") },
	{ WORD("lamp_state", LOT(lamp_state), lamp_words,
	       "confirmed or early") },
	{ WORD("lamp_idle", LOT(lamp_idle), idle_words,
	       "empty or terminated") },
	{ SECTION("recall", &hf_config_recall_map, "{ ring_s: 30 }") },
	{ SECTION("alerts", &hf_config_alerts_map, "{ waiting_s: 120 }") },
	{ 0 }
};

static void init_lot(struct hf_reader *r, void *record)
{
	static const char *const rights[] = { "internal" };
	struct hf_config_lot *lot = record;

	lot->slot_prefix = hf_config_text(r, "");
	lot->timeout_s = 90;
	lot->max_wait_s = 3600;
	lot->reserve_s = 30;
	lot->hold_audio = hf_config_text(r, "default");
	lot->voice.language = hf_config_text(r, "en");
	lot->voice.tell_slot = true;
	lot->voice.announce_every_s = 60;
	lot->choice = HF_CHOICE_FIRST;
	lot->on_busy = HF_BUSY_NEXT_FREE;
	lot->on_empty = HF_EMPTY_REFUSE;
	lot->on_full = HF_FULL_RING_PARKER;
	lot->may_park = hf_config_alloc(r->config, sizeof(char *));
	lot->may_retrieve = hf_config_alloc(r->config, sizeof(char *));
	lot->may_watch = hf_config_alloc(r->config, sizeof(char *));
	lot->recall.ring_s = 30;
	lot->recall.attempts = 2;
	lot->recall.confirm_s = 10;
	lot->recall.finally = HF_FINALLY_REPEAT;
	lot->recall.display_prefix = hf_config_text(r, "Park %s: ");
	if (!lot->may_park || !lot->may_retrieve || !lot->may_watch) {
		r->no_memory = true;
		return;
	}
	lot->may_park[0] = hf_config_text(r, rights[0]);
	lot->may_retrieve[0] = hf_config_text(r, rights[0]);
	lot->may_watch[0] = hf_config_text(r, rights[0]);
	lot->may_park_count = lot->may_retrieve_count = 1;
	lot->may_watch_count = 1;
}
static const struct hf_map lot_map = { lot_keys, init_lot };

#define LAMP_LIST(field) offsetof(struct hf_config_lamp_list, field)
static const struct hf_key lamp_list_keys[] = {
	{ VALUE("name", LAMP_LIST(name), hf_parse_dial, "team-lamps"),
	  .required = true },
	{ VALUE("tenant", LAMP_LIST(tenant), hf_parse_name, "acme") },
	{ LIST("entries", LAMP_LIST(entries), LAMP_LIST(entry_count),
	       hf_parse_dial, char *, 1, 1000, "\"701-710\""),
	  .required = true },
	{ 0 }
};
static const struct hf_map lamp_list_map = { lamp_list_keys, NULL };

static const char *const publish_words[] = { [HF_PUBLISH_DIALOG] = "dialog",
					     [HF_PUBLISH_PRESENCE] = "presence",
					     NULL };
static const struct hf_key publish_keys[] = {
	{ VALUE("to", CONFIG(lamps.publish.to), hf_parse_proxy,
		"\"sip:presence.example.com\""),
	  .required = true },
	{ WORD("event", CONFIG(lamps.publish.event), publish_words,
	       "dialog or presence") },
	{ NUMBER("expires_s", CONFIG(lamps.publish.expires_s), 10, 86400) },
	{ 0 }
};
static const struct hf_map publish_map = { publish_keys, NULL };

#define PUSH(field) offsetof(struct hf_config_push, field)
static const char *const pbx_words[] = { [HF_PUSH_ASTERISK] = "asterisk",
					 [HF_PUSH_FREESWITCH] = "freeswitch",
					 NULL };
static const struct hf_key push_keys[] = {
	{ WORD("pbx", PUSH(pbx), pbx_words, "asterisk or freeswitch"),
	  .required = true },
	{ VALUE("tenant", PUSH(tenant), hf_parse_name, "acme") },
	{ VALUE("url", PUSH(url), hf_parse_push_url,
		"\"http://pbx.example.com:8088/ari\""),
	  .required = true },
	{ VALUE("user", PUSH(user), hf_parse_text, "holdfast") },
	{ VALUE("password", PUSH(password), hf_parse_text, "secret") },
	{ VALUE("device", PUSH(device), hf_parse_display,
		"\"Stasis:park%s\"") },
	{ 0 }
};
static const struct hf_map push_map = { push_keys, NULL };

static const struct hf_key lamps_keys[] = {
	{ NUMBER("min_expires_s", CONFIG(lamps.min_expires_s), 1, 86400) },
	{ NUMBER("max_expires_s", CONFIG(lamps.max_expires_s), 1, 86400) },
	{ RECORDS("lists", CONFIG(lamps.lists), CONFIG(lamps.list_count),
		  &lamp_list_map, struct hf_config_lamp_list, 0, 1000,
		  "{ name: team-lamps, entries: [ \"701-710\" ] }") },
	{ SECTION("publish", &publish_map,
		  "{ to: \"sip:presence.example.com\" }") },
	{ RECORDS("push", CONFIG(lamps.push), CONFIG(lamps.push_count),
		  &push_map, struct hf_config_push, 0, 16,
		  "{ pbx: asterisk, url: \"http://pbx:8088/ari\" }") },
	{ 0 }
};
static const struct hf_map lamps_map = { lamps_keys, NULL };

static const struct hf_key config_keys[] = {
	{ SECTION("sip", &sip_map, "{ listen: [ ... ] }"), .required = true },
	{ SECTION("media", &media_map, "{ addresses: [ ... ] }"),
	  .required = true },
	{ SECTION("audio", &hf_config_audio_map, "{ clips: [ ... ] }"),
	  .required = true },
	{ SECTION("control", &control_map, "{ socket: PATH }") },
	{ SECTION("journal", &journal_map, "{ sync: full }") },
	{ SECTION("history", &history_map, "{ keep_days: 90 }") },
	{ SECTION("lamps", &lamps_map, "{ min_expires_s: 60 }") },
	{ SECTION("http", &hf_config_http_map,
		  "{ listen: [ \"127.0.0.1:8080\" ] }") },
	{ RECORDS("webhooks", CONFIG(hooks), CONFIG(hook_count),
		  &hf_config_hook_map, struct hf_config_hook, 0, 16,
		  "{ name: team, url: \"https://...\" }") },
	{ RECORDS("paging", CONFIG(zones), CONFIG(zone_count),
		  &hf_config_zone_map, struct hf_config_zone, 1, 100,
		  "{ name: floor, phones: [ ... ] }") },
	{ RECORDS("tenants", CONFIG(tenants), CONFIG(tenant_count),
		  &hf_config_tenant_map, struct hf_config_tenant, 1, 1000,
		  "{ name: acme, domains: [ acme.example.com ] }") },
	{ RECORDS("routing", CONFIG(routes), CONFIG(route_count),
		  &hf_config_route_map, struct hf_config_route, 0, 1000,
		  "{ name: gold, caller: \"+4940*\", lot: main }") },
	{ RECORDS("lots", CONFIG(lots), CONFIG(lot_count), &lot_map,
		  struct hf_config_lot, 1, 1000,
		  "{ name: main, park: \"700\", slots: 701-720 }"),
	  .required = true },
	{ 0 }
};

static char *instance_path(struct hf_reader *r, const char *of_main,
			   const char *before, const char *after)
{
	const char *instance = r->config->instance;
	char *path;

	if (!strcmp(instance, "main"))
		return hf_config_text(r, of_main);
	path = hf_config_alloc(r->config, strlen(before) + strlen(instance) +
						  strlen(after) + 1);
	if (!path) {
		r->no_memory = true;
		return NULL;
	}
	strcpy(path, before);
	strcat(path, instance);
	strcat(path, after);
	return path;
}

/* Two instances on one machine share nothing unless told to. */
static void init_config(struct hf_reader *r, void *record)
{
	struct hf_config *c = record;

	c->sip.connected_identity = true;
	c->sip.session_s = 1800;
	c->sip.min_session_s = 90;
	c->sip.alive_s = 600;
	c->media.port_min = 20000;
	c->media.port_max = 29999;
	hf_config_audio_init(r);
	c->lamps.min_expires_s = 60;
	c->lamps.max_expires_s = 3600;
	c->lamps.publish.expires_s = 300;
	c->journal.orphan_grace_s = 60;
	c->media.silence_s = 60;
	c->journal.copy_s = 30;
	c->history.keep_days = 90;
	c->history.max_mib = 1024;
	c->control.socket = instance_path(r, "/run/holdfast/control.sock",
					  "/run/holdfast/control-", ".sock");
	c->control.state_dir =
		instance_path(r, "/var/lib/holdfast", "/var/lib/holdfast/", "");
}
const struct hf_map hf_config_map = { config_keys, init_config };
