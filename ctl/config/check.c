// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What has to fit together once every value has been read: numbers that phones
 * dial, names that refer to each other, ports, files. Complains through the
 * reader, so this adds to what was wrong with single values.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "reader.h"

/*
 * All numbers that one key makes diallable: a fixed text and behind it a number
 * of fixed width, "*68" + 701..720. Width 0: the text alone.
 */
struct hf_family {
	char text[80];
	unsigned int digits;
	uint32_t first, last;
	const struct hf_config_lot *lot;
	const void *field;
	const char *key;
};

static uint64_t power_of_ten(unsigned int n)
{
	uint64_t p = 1;

	while (n--)
		p *= 10;
	return p;
}

/* Is there a number in both? The shared one that is dialled goes into `both`.
 */
static bool meet(const struct hf_family *a, const struct hf_family *b,
		 char *both, size_t both_len)
{
	size_t a_len = strlen(a->text), b_len = strlen(b->text);
	uint64_t rest = 0, first, last;

	if (a_len > b_len)
		return meet(b, a, both, both_len);
	if (a_len + a->digits != b_len + b->digits ||
	    strncmp(a->text, b->text, a_len))
		return false;
	/* What b has fixed beyond a's text has to be digits of a's number. */
	for (const char *c = b->text + a_len; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		rest = rest * 10 + (uint64_t)(*c - '0');
	}
	rest *= power_of_ten(b->digits);
	first = rest + b->first;
	last = rest + b->last;
	if (first < a->first)
		first = a->first;
	if (last > a->last)
		last = a->last;
	if (first > last)
		return false;
	if (a->digits)
		snprintf(both, both_len, "%s%0*llu", a->text, (int)a->digits,
			 (unsigned long long)first);
	else
		snprintf(both, both_len, "%s", a->text);
	return true;
}

static unsigned int families_of(const struct hf_config_lot *lot,
				struct hf_family *f)
{
	const struct {
		char *const *prefix;
		const char *key;
	} prefixes[] = { { &lot->park_prefix, "park_prefix" },
			 { &lot->pickup_prefix, "pickup_prefix" } };
	unsigned int n = 0;

	if (lot->park) {
		f[n] = (struct hf_family){ .lot = lot,
					   .field = &lot->park,
					   .key = "park" };
		snprintf(f[n++].text, sizeof(f->text), "%s", lot->park);
	}
	if (lot->retrieve_oldest) {
		f[n] = (struct hf_family){ .lot = lot,
					   .field = &lot->retrieve_oldest,
					   .key = "retrieve_oldest" };
		snprintf(f[n++].text, sizeof(f->text), "%s",
			 lot->retrieve_oldest);
	}
	if (!lot->slot_digits)
		return n; /* slots were wrong, which has been said */
	f[n] = (struct hf_family){ .digits = lot->slot_digits,
				   .first = lot->slot_first,
				   .last = lot->slot_last,
				   .lot = lot,
				   .field = &lot->slot_prefix,
				   .key = "slots" };
	snprintf(f[n++].text, sizeof(f->text), "%s", lot->slot_prefix);
	for (unsigned int i = 0; i < 2; i++) {
		if (!*prefixes[i].prefix)
			continue;
		f[n] = f[n - 1];
		f[n].field = prefixes[i].prefix;
		f[n].key = prefixes[i].key;
		snprintf(f[n++].text, sizeof(f->text), "%s%s",
			 *prefixes[i].prefix, lot->slot_prefix);
	}
	return n;
}

/* No number may mean two things. */
static void check_numbers(struct hf_reader *r)
{
	const struct hf_config *c = r->config;
	struct hf_family *all = calloc(c->lot_count * 5 + 1, sizeof(*all));
	unsigned int count = 0;
	char both[128];

	if (!all) {
		r->no_memory = true;
		return;
	}
	for (unsigned int i = 0; i < c->lot_count; i++)
		count += families_of(&c->lots[i], all + count);
	for (unsigned int i = 0; i < count; i++)
		for (unsigned int j = 0; j < i; j++) {
			const struct hf_family *a = &all[i], *b = &all[j];

			if (a->lot->of != b->lot->of ||
			    !meet(a, b, both, sizeof(both)))
				continue;
			hf_wrong_at(r, a->field, a->lot, a->key,
				    "%s is also a number of lots[%u].%s (line "
				    "%u); no number may mean two things",
				    both, (unsigned int)(b->lot - c->lots),
				    b->key, hf_line_of(r, b->field));
			break;
		}
	free(all);
}

static bool has_slot(const struct hf_config_lot *lot, const char *slot)
{
	size_t prefix = strlen(lot->slot_prefix);
	unsigned long n;

	if (strncmp(slot, lot->slot_prefix, prefix))
		return false;
	slot += prefix;
	if (strlen(slot) != lot->slot_digits ||
	    strspn(slot, "0123456789") != lot->slot_digits)
		return false;
	n = strtoul(slot, NULL, 10);
	return n >= lot->slot_first && n <= lot->slot_last;
}

static int by_slot(const void *a, const void *b)
{
	const struct hf_config_label *const *x = a, *const *y = b;
	int order = strcmp((*x)->slot, (*y)->slot);

	return order ? order : (*x > *y) - (*x < *y);
}

static void check_labels(struct hf_reader *r, const struct hf_config_lot *lot)
{
	const struct hf_config_label **sorted;

	if (!lot->label_count)
		return;
	sorted = calloc(lot->label_count, sizeof(*sorted));
	if (!sorted) {
		r->no_memory = true;
		return;
	}
	for (unsigned int i = 0; i < lot->label_count; i++) {
		const struct hf_config_label *label = &lot->labels[i];

		sorted[i] = label;
		if (lot->slot_digits && !has_slot(lot, label->slot))
			hf_wrong_at(r, &label->slot, lot, "labels",
				    "is not a slot of this lot, which has "
				    "%s%0*u to %s%0*u",
				    lot->slot_prefix, (int)lot->slot_digits,
				    lot->slot_first, lot->slot_prefix,
				    (int)lot->slot_digits, lot->slot_last);
	}
	qsort(sorted, lot->label_count, sizeof(*sorted), by_slot);
	for (unsigned int i = 1; i < lot->label_count; i++)
		if (!strcmp(sorted[i - 1]->slot, sorted[i]->slot))
			hf_wrong_at(r, &sorted[i]->slot, lot, "labels",
				    "is there twice, first in line %u",
				    hf_line_of(r, &sorted[i - 1]->slot));
	free(sorted);
}

bool hf_config_has_clip(const struct hf_config *c, const char *name)
{
	for (unsigned int i = 0; i < c->audio.clip_count; i++)
		if (c->audio.clips[i].name &&
		    !strcmp(c->audio.clips[i].name, name))
			return true;
	return false;
}

static void check_hold_audio(struct hf_reader *r,
			     const struct hf_config_lot *lot)
{
	const struct hf_config *c = r->config;
	const char *names[64], *near;
	unsigned int count = 0;

	if (!lot->hold_audio || hf_config_has_clip(c, lot->hold_audio))
		return;
	/* A default that nobody wrote is said once, by check_clips(). */
	if (!hf_line_of(r, &lot->hold_audio))
		return;
	for (unsigned int i = 0; i < c->audio.clip_count && count < 64; i++)
		if (c->audio.clips[i].name)
			names[count++] = c->audio.clips[i].name;
	near = hf_nearest(lot->hold_audio, names, count);
	hf_wrong_at(r, &lot->hold_audio, lot, "hold_audio",
		    "no clip of audio.clips is called %s%s%s%s",
		    lot->hold_audio, near ? "; did you mean " : "",
		    near ? near : "", near ? "?" : "");
}

static void check_rights(struct hf_reader *r, const struct hf_config_lot *lot)
{
	const struct {
		char **list;
		unsigned int count;
		const char *key;
	} rights[] = {
		{ lot->may_park, lot->may_park_count, "may_park" },
		{ lot->may_retrieve, lot->may_retrieve_count, "may_retrieve" },
		{ lot->may_watch, lot->may_watch_count, "may_watch" },
	};

	if (r->config->sip.internal_count ||
	    (lot->of && lot->of->internal_count))
		return;
	for (unsigned int k = 0; k < 3; k++)
		for (unsigned int i = 0; i < rights[k].count; i++)
			if (rights[k].list[i] &&
			    /* a lamp that nobody asked for is no mistake */
			    (k < 2 || hf_line_of(r, &rights[k].list[i])) &&
			    !strcmp(rights[k].list[i], "internal"))
				hf_wrong_at(r, &rights[k].list[i], lot,
					    rights[k].key,
					    "says internal, but sip.internal "
					    "names nobody; list your users "
					    "there, or write [ any ]");
}

static void check_lots(struct hf_reader *r)
{
	const struct hf_config *c = r->config;
	uint64_t slots = 0;

	for (unsigned int i = 0; i < c->lot_count; i++) {
		const struct hf_config_lot *lot = &c->lots[i];

		if (lot->slot_digits)
			slots += lot->slot_last - lot->slot_first + 1;
		check_labels(r, lot);
		check_hold_audio(r, lot);
		check_rights(r, lot);
		if (lot->timeout_s > lot->max_wait_s)
			hf_wrong_at(
				r, &lot->timeout_s, lot, "timeout_s",
				"%u s are longer than max_wait_s (%u s), so "
				"nobody would be rung; make it shorter, or 0 "
				"for never",
				lot->timeout_s, lot->max_wait_s);
		for (unsigned int j = 0; j < i && lot->name; j++)
			if (c->lots[j].name &&
			    !strcmp(c->lots[j].name, lot->name))
				hf_wrong_at(r, &lot->name, lot, "name",
					    "%s is also the name of lots[%u]",
					    lot->name, j);
	}
	if (slots > 100000)
		hf_wrong_at(r, &c->lots, c, "lots",
			    "have %llu slots together; 100000 at most",
			    (unsigned long long)slots);
}

/* sound.c checks the clips themselves. */
static void check_clips(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	hf_config_audio_check(r);
	hf_config_paging_check(r);
	hf_config_routing_check(r);
	if (c->audio.clip_count && !hf_config_has_clip(c, "default"))
		hf_wrong_at(r, &c->audio.clips, c, "audio.clips",
			    "no clip is called default; name the one that is "
			    "played where nothing else is said");
}

static void check_addresses(struct hf_reader *r)
{
	const struct hf_config *c = r->config;
	struct hf_config_address *a = c->media.addresses;

	for (unsigned int i = 0; i < c->media.address_count; i++) {
		if (!a[i].advertise.s_addr && a[i].inside_count)
			hf_wrong_at(r, &a[i].inside, &a[i], "inside",
				    "is of no use without advertise");
		if (!a[i].advertise.s_addr)
			a[i].advertise = a[i].ip4;
		if (hf_ip_is6(&a[i].advertise) != hf_ip_is6(&a[i].ip4))
			hf_wrong_at(r, &a[i].advertise, &a[i], "advertise",
				    "is of another family than the address");
		for (unsigned int j = 0; j < i && a[i].ip4.s_addr; j++)
			if (hf_ip_equal(&a[j].ip4, &a[i].ip4))
				hf_wrong_at(r, &a[i].ip4, &a[i], "address",
					    "is there twice, first in line %u",
					    hf_line_of(r, &a[j].ip4));
	}
}

/* Every datagram to a media address and port is consumed by the packet path, so
 * SIP must not be there. */
static void check_listen(struct hf_reader *r)
{
	const struct hf_config *c = r->config;
	struct hf_ip ip;

	for (unsigned int i = 0; i < c->sip.listen_count; i++) {
		const struct hf_config_listen *l = &c->sip.listen[i];

		for (unsigned int j = 0; j < i && l->port; j++) {
			const struct hf_config_listen *k = &c->sip.listen[j];

			if (l->port == k->port && !strcmp(l->host, k->host) &&
			    !strcmp(l->transport, k->transport))
				hf_wrong_at(r, l, c, "sip.listen",
					    "is there twice, first in line %u",
					    hf_line_of(r, k));
		}
		if (strcmp(l->transport, "udp") ||
		    !hf_ip_read(l->host, &ip) ||
		    l->port < c->media.port_min || l->port > c->media.port_max)
			continue;
		for (unsigned int j = 0; j < c->media.address_count; j++)
			if (hf_ip_equal(&c->media.addresses[j].ip4, &ip))
				hf_wrong_at(r, l, c, "sip.listen",
					    "port %u is one of media.ports "
					    "(%u-%u) on the same address; take "
					    "another",
					    l->port, c->media.port_min,
					    c->media.port_max);
	}
}

static void check_nat(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->sip.nat_count; i++) {
		const struct hf_config_nat *n = &c->sip.nat[i];
		bool listens = false;
		struct in_addr ip;

		for (unsigned int j = 0; j < c->sip.listen_count; j++)
			listens |= inet_pton(AF_INET, c->sip.listen[j].host,
					     &ip) == 1 &&
				   ip.s_addr == n->address.s_addr;
		if (n->address.s_addr && !listens)
			hf_wrong_at(r, &n->address, n, "address",
				    "is not an address of sip.listen");
		for (unsigned int j = 0; j < i; j++)
			if (c->sip.nat[j].address.s_addr == n->address.s_addr)
				hf_wrong_at(r, &n->address, n, "address",
					    "is there twice, first in line %u",
					    hf_line_of(r,
						       &c->sip.nat[j].address));
	}
}

/* One that is there twice would take turns with itself. */
static void check_registrations(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->sip.registration_count; i++) {
		const struct hf_config_registration *a =
			&c->sip.registrations[i];

		if (!a->name != !a->password)
			hf_wrong_at(r, a->name ? &a->name : &a->password, a,
				    a->name ? "name" : "password",
				    "needs %s beside it, or leave both to "
				    "sip.digest.accounts",
				    a->name ? "password" : "name");
		for (unsigned int k = 0; k < i && a->aor; k++)
			if (c->sip.registrations[k].aor &&
			    !strcmp(c->sip.registrations[k].aor, a->aor))
				hf_wrong_at(r, &a->aor, a, "aor",
					    "%s is also that of "
					    "sip.register[%u]",
					    a->aor, k);
	}
}

static void check_digest(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->sip.digest.user_count; i++) {
		struct hf_config_user *u = &c->sip.digest.users[i];
		char text[400];

		for (unsigned int j = 0; j < i && u->name; j++)
			if (c->sip.digest.users[j].name &&
			    !strcmp(u->name, c->sip.digest.users[j].name))
				hf_wrong_at(r, &u->name, u, "name",
					    "%s is there twice", u->name);
		if (u->identity || !u->name)
			continue;
		if (strpbrk(u->name, "@:;?/<> ")) {
			hf_wrong_at(r, &u->name, u, "name",
				    "%s is no user of a URI; say in identity "
				    "who that is",
				    u->name);
			continue;
		}
		snprintf(text, sizeof(text), "sip:%s@%s", u->name,
			 c->sip.domain ? c->sip.domain : "localhost");
		u->identity = hf_config_text(r, text);
	}
}

static void check_tls(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->sip.listen_count; i++)
		if (!strcmp(c->sip.listen[i].transport, "tls") &&
		    !c->sip.tls.certificates)
			hf_wrong_at(r, &c->sip.listen[i], c, "sip.listen",
				    "TLS needs certificates; name their folder "
				    "in sip.tls.certificates");
}

static void check_list(struct hf_reader *r, const struct hf_config_lamp_list *l)
{
	const struct hf_config *c = r->config;
	unsigned int lot, entries = 0;
	uint32_t slot, count;

	if (l->name && (hf_config_find_slot(c, l->of, l->name, &lot, &slot) ||
			hf_config_find_lot(c, l->of, l->name, &lot)))
		hf_wrong_at(r, &l->name, l, "name",
			    "%s is also a slot or a lot; no number may mean two "
			    "things",
			    l->name);
	for (unsigned int i = 0; i < l->entry_count; i++) {
		if (!l->entries[i])
			continue;
		if (!hf_config_find_entry(c, l->of, l->entries[i], &lot, &slot,
					  &count))
			hf_wrong_at(r, &l->entries[i], l, "entries",
				    "%s is not a slot, a range of slots of one "
				    "lot, or a lot",
				    l->entries[i]);
		else
			entries += count ? count : 1;
	}
	if (entries > 1000)
		hf_wrong_at(r, &l->entries, l, "entries",
			    "are %u lamps; 1000 at most", entries);
}

static void check_lamps(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	if (c->lamps.min_expires_s > c->lamps.max_expires_s)
		hf_wrong_at(r, &c->lamps.min_expires_s, c,
			    "lamps.min_expires_s",
			    "%u s are longer than max_expires_s (%u s)",
			    c->lamps.min_expires_s, c->lamps.max_expires_s);
	for (unsigned int i = 0; i < c->lamps.list_count; i++) {
		check_list(r, &c->lamps.lists[i]);
		for (unsigned int j = 0; j < i && c->lamps.lists[i].name; j++)
			if (c->lamps.lists[j].name &&
			    c->lamps.lists[j].of == c->lamps.lists[i].of &&
			    !strcmp(c->lamps.lists[i].name,
				    c->lamps.lists[j].name))
				hf_wrong_at(r, &c->lamps.lists[i].name,
					    &c->lamps.lists[i], "name",
					    "%s is there twice",
					    c->lamps.lists[i].name);
	}
	for (unsigned int i = 0; i < c->lamps.push_count; i++) {
		struct hf_config_push *p = &c->lamps.push[i];
		bool tcp = p->url && !strncmp(p->url, "tcp:", 4);

		if (p->url && tcp != (p->pbx == HF_PUSH_FREESWITCH))
			hf_wrong_at(r, &p->url, p, "url",
				    "Asterisk is reached by http:// or https://, "
				    "FreeSWITCH by tcp://");
		if (!p->device)
			p->device = hf_config_text(
				r, p->pbx == HF_PUSH_ASTERISK ?
					   "Stasis:park%s" :
					   "park+%s");
	}
}

static void check_control(struct hf_reader *r)
{
	const struct hf_config *c = r->config;
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (c->control.socket && strlen(c->control.socket) > most)
		hf_wrong_at(r, &c->control.socket, c, "control.socket",
			    "is longer than the %zu bytes a socket's path may "
			    "have",
			    most);
}

/* Peers that ask for no domain of ours get the address they can reach. */
static void default_domain(struct hf_reader *r)
{
	struct hf_config *c = r->config;

	const char *host = c->sip.listen_count ? c->sip.listen[0].host : "";
	char text[sizeof(c->sip.listen[0].host) + 2];

	if (c->sip.domain || !c->sip.listen_count)
		return;
	snprintf(text, sizeof(text), strchr(host, ':') ? "[%s]" : "%s", host);
	c->sip.domain = hf_config_text(r, text);
}

void hf_config_check(struct hf_reader *r)
{
	default_domain(r);
	hf_config_tenants_resolve(r);
	check_listen(r);
	check_tls(r);
	check_digest(r);
	check_registrations(r);
	check_nat(r);
	hf_config_tenants_check(r);
	check_addresses(r);
	check_clips(r);
	check_lots(r);
	check_numbers(r);
	check_lamps(r);
	hf_config_http_check(r);
	hf_config_hooks_check(r);
	check_control(r);
}
