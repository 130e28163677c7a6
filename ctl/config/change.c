// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From one configuration to the next while calls are here: what cannot change
 * at run time is named, and what is taken away but still in use is carried over
 * until it is free. The new one is not in use yet, so it may still be written.
 */
#include <stdlib.h>
#include <string.h>

#include "reader.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_texts(char *const *a, unsigned int n, char *const *b,
		       unsigned int m)
{
	if (n != m)
		return false;
	for (unsigned int i = 0; i < n; i++)
		if (!same_text(a[i], b[i]))
			return false;
	return true;
}

static void fixed(FILE *errors, unsigned int *count, bool same, const char *key,
		  const char *path)
{
	if (same)
		return;
	++*count;
	if (errors)
		fprintf(errors,
			"%s: %s cannot change while holdfastd runs; change it back, or restart holdfastd (calls go on)\n",
			path, key);
}

static bool same_listen(const struct hf_config *a, const struct hf_config *b)
{
	if (a->sip.listen_count != b->sip.listen_count)
		return false;
	for (unsigned int i = 0; i < a->sip.listen_count; i++)
		if (strcmp(a->sip.listen[i].transport,
			   b->sip.listen[i].transport) ||
		    strcmp(a->sip.listen[i].host, b->sip.listen[i].host) ||
		    a->sip.listen[i].port != b->sip.listen[i].port)
			return false;
	return true;
}

static bool same_prefixes(const struct hf_config_prefix *a, unsigned int n,
			  const struct hf_config_prefix *b, unsigned int m)
{
	if (n != m)
		return false;
	for (unsigned int i = 0; i < n; i++)
		if (a[i].bits != b[i].bits ||
		    memcmp(&a[i].net, &b[i].net, sizeof(a[i].net)))
			return false;
	return true;
}

static bool same_nat(const struct hf_config *a, const struct hf_config *b)
{
	if (a->sip.nat_count != b->sip.nat_count)
		return false;
	for (unsigned int i = 0; i < a->sip.nat_count; i++) {
		const struct hf_config_nat *x = &a->sip.nat[i];
		const struct hf_config_nat *y = &b->sip.nat[i];

		if (x->address.s_addr != y->address.s_addr ||
		    x->advertise.s_addr != y->advertise.s_addr ||
		    !same_prefixes(x->inside, x->inside_count, y->inside,
				   y->inside_count))
			return false;
	}
	return true;
}

static bool same_addresses(const struct hf_config *a, const struct hf_config *b)
{
	if (a->media.address_count != b->media.address_count)
		return false;
	for (unsigned int i = 0; i < a->media.address_count; i++)
		if (!hf_ip_equal(&a->media.addresses[i].ip4,
				 &b->media.addresses[i].ip4) ||
		    !hf_ip_equal(&a->media.addresses[i].advertise,
				 &b->media.addresses[i].advertise) ||
		    !same_prefixes(a->media.addresses[i].inside,
				   a->media.addresses[i].inside_count,
				   b->media.addresses[i].inside,
				   b->media.addresses[i].inside_count) ||
		    strcmp(a->media.addresses[i].interface,
			   b->media.addresses[i].interface))
			return false;
	return true;
}

static bool same_http(const struct hf_config *a, const struct hf_config *b)
{
	if (a->http.listen_count != b->http.listen_count)
		return false;
	for (unsigned int i = 0; i < a->http.listen_count; i++)
		if (strcmp(a->http.listen[i].host, b->http.listen[i].host) ||
		    a->http.listen[i].port != b->http.listen[i].port)
			return false;
	return true;
}

static bool same_zones(const struct hf_config *a, const struct hf_config *b)
{
	if (a->zone_count != b->zone_count)
		return false;
	for (unsigned int i = 0; i < a->zone_count; i++) {
		const struct hf_config_zone *x = &a->zones[i];
		const struct hf_config_zone *y = &b->zones[i];

		if (!same_text(x->name, y->name) ||
		    !same_text(x->tenant, y->tenant) ||
		    x->group.s_addr != y->group.s_addr || x->port != y->port ||
		    x->ttl != y->ttl || strcmp(x->interface, y->interface) ||
		    !same_text(x->codec, y->codec))
			return false;
	}
	return true;
}

unsigned int hf_config_fixed(const struct hf_config *a,
			     const struct hf_config *b, FILE *errors)
{
	const char *path = b->path;
	unsigned int n = 0;

	fixed(errors, &n, same_listen(a, b), "sip.listen", path);
	fixed(errors, &n, same_nat(a, b), "sip.nat", path);
	fixed(errors, &n,
	      same_text(a->sip.tls.certificates, b->sip.tls.certificates) &&
		      a->sip.tls.verify == b->sip.tls.verify,
	      "sip.tls", path);
	fixed(errors, &n, same_text(a->sip.domain, b->sip.domain), "sip.domain",
	      path);
	fixed(errors, &n, same_addresses(a, b), "media.addresses", path);
	fixed(errors, &n,
	      a->media.port_min == b->media.port_min &&
		      a->media.port_max == b->media.port_max,
	      "media.ports", path);
	fixed(errors, &n, a->media.pacer == b->media.pacer, "media.pacer",
	      path);
	fixed(errors, &n, a->audio.memory_mib == b->audio.memory_mib,
	      "audio.memory_mib", path);
	fixed(errors, &n,
	      same_texts(a->audio.codecs, a->audio.codec_count,
			 b->audio.codecs, b->audio.codec_count),
	      "audio.codecs", path);
	fixed(errors, &n,
	      a->audio.opus_kbit_s == b->audio.opus_kbit_s &&
		      a->audio.loudness_db == b->audio.loudness_db,
	      "audio.opus_kbit_s or audio.loudness_db", path);
	fixed(errors, &n, same_text(a->control.socket, b->control.socket),
	      "control.socket", path);
	fixed(errors, &n, same_text(a->control.state_dir, b->control.state_dir),
	      "control.state_dir", path);
	fixed(errors, &n,
	      same_text(a->journal.path, b->journal.path) &&
		      a->journal.sync == b->journal.sync,
	      "journal.path or journal.sync", path);
	fixed(errors, &n,
	      same_text(a->history.path, b->history.path) &&
		      !a->history.keep_days == !b->history.keep_days,
	      "history.path, or whether there is a history,", path);
	fixed(errors, &n,
	      same_text(a->lamps.publish.to, b->lamps.publish.to) &&
		      a->lamps.publish.event == b->lamps.publish.event &&
		      a->lamps.publish.expires_s == b->lamps.publish.expires_s,
	      "lamps.publish", path);
	fixed(errors, &n, same_zones(a, b), "paging (but for its phones)", path);
	fixed(errors, &n, same_http(a, b), "http.listen", path);
	fixed(errors, &n,
	      same_text(a->http.certificate, b->http.certificate) &&
		      same_text(a->http.key, b->http.key),
	      "http.certificate or http.key", path);
	return n;
}

/* --- lots that go ---------------------------------------------------------- */

static struct hf_config_lot *lot_named(const struct hf_config *c,
				       const char *name)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (!strcmp(c->lots[i].name, name))
			return &c->lots[i];
	return NULL;
}

/* The lot as it was, but nobody can park there any more. Its text stays where it
 * is: who replaces a configuration keeps the old one. */
static void keep_lot(const struct hf_config *c, struct hf_config_lot *to,
		     const struct hf_config_lot *from)
{
	static char none[] = "";

	*to = *from;
	to->leaving = true;
	if (from->of && hf_config_tenant_named(c, from->of->name))
		to->of = hf_config_tenant_named(c, from->of->name);
	to->offered_first = 1; /* no slot */
	to->offered_last = 0;
	to->park = none;
	to->park_prefix = NULL;
	memset(&to->alerts, 0, sizeof(to->alerts));
}

struct busy {
	bool (*fn)(void *arg, unsigned int lot, uint32_t slot);
	void *arg;
};

/* The first and the last slot of the lot that somebody waits in. */
static bool taken_range(const struct busy *busy, unsigned int lot,
			const struct hf_config_lot *c, uint32_t *first,
			uint32_t *last)
{
	bool any = false;

	for (uint32_t i = 0; i <= c->slot_last - c->slot_first; i++) {
		if (!busy->fn(busy->arg, lot, i))
			continue;
		if (!any)
			*first = c->slot_first + i;
		*last = c->slot_first + i;
		any = true;
	}
	return any;
}

static bool overlaps(const struct hf_config_lot *a,
		     const struct hf_config_lot *b)
{
	return a->of == b->of && !strcmp(a->slot_prefix, b->slot_prefix) &&
	       a->slot_digits == b->slot_digits &&
	       a->slot_first <= b->slot_last && b->slot_first <= a->slot_last;
}

/* Does a number of the lot mean something else in the new configuration? */
static const char *clash(const struct hf_config *c,
			 const struct hf_config_lot *lot)
{
	char name[64];
	unsigned int found;

	for (unsigned int i = 0; i < c->lot_count; i++) {
		if (&c->lots[i] == lot || !c->lots[i].name)
			continue;
		if (overlaps(&c->lots[i], lot))
			return c->lots[i].name;
	}
	for (uint32_t s = 0; s <= lot->slot_last - lot->slot_first; s++) {
		hf_config_slot_name(lot, s, name, sizeof(name));
		if (hf_config_find_lot(c, lot->of, name, &found))
			return c->lots[found].name;
	}
	return NULL;
}

static bool say_clash(FILE *errors, const struct hf_config *c,
		      const struct hf_config_lot *lot, const char *other)
{
	if (errors)
		fprintf(errors,
			"%s: lots: somebody waits in a slot of lot %s that would belong to lot %s, or is its number; wait until it is free\n",
			c->path, lot->name, other);
	return !errors;
}

/* Whose it is: a caller of one tenant must not wait in the lot of another. A
 * first tenant may be given to what had none. */
static bool same_owner(const struct hf_config *c, const struct hf_config_lot *to,
		       const struct hf_config_lot *from, FILE *errors)
{
	if (!from->of || (to->of && !strcmp(to->of->name, from->of->name)))
		return true;
	if (errors)
		fprintf(errors,
			"%s: lots: lot %s cannot leave its tenant %s while a call is in it; wait until it is empty\n",
			c->path, to->name, from->of->name);
	return false;
}

/* The slots that a lot loses, but somebody waits in. Without `errors` what
 * cannot be kept is left out. */
static bool widen(struct hf_config *c, struct hf_config_lot *to,
		  const struct hf_config_lot *from, const struct busy *busy,
		  unsigned int index, FILE *errors)
{
	const uint32_t as_first = to->slot_first, as_last = to->slot_last;
	uint32_t first = 0, last = 0;
	const char *other;

	if (!taken_range(busy, index, from, &first, &last))
		return true;
	if (strcmp(to->slot_prefix, from->slot_prefix) ||
	    to->slot_digits != from->slot_digits) {
		if (errors)
			fprintf(errors,
				"%s: lots: the slots of lot %s cannot be called otherwise while somebody waits in one; wait until it is empty\n",
				c->path, to->name);
		return !errors;
	}
	if (first >= to->slot_first && last <= to->slot_last)
		return true;
	to->slot_first = first < to->slot_first ? first : to->slot_first;
	to->slot_last = last > to->slot_last ? last : to->slot_last;
	other = clash(c, to);
	if (!other)
		return true;
	to->slot_first = errors ? to->slot_first : as_first;
	to->slot_last = errors ? to->slot_last : as_last;
	return say_clash(errors, c, to, other);
}

static bool make_room(struct hf_config *c, unsigned int more)
{
	struct hf_config_lot *lots = hf_config_alloc(
		c, (c->lot_count + more + 1) * sizeof(*lots));

	if (!lots)
		return false;
	memcpy(lots, c->lots, c->lot_count * sizeof(*lots));
	c->lots = lots;
	return true;
}

int hf_config_follow(struct hf_config *c, const struct hf_config *old,
		     bool (*busy_fn)(void *arg, unsigned int lot, uint32_t slot),
		     bool (*lot_used)(void *arg, unsigned int lot), void *arg,
		     FILE *errors)
{
	const struct busy busy = {busy_fn, arg};
	bool ok = make_room(c, old->lot_count);

	for (unsigned int i = 0; i < old->lot_count && ok; i++) {
		const struct hf_config_lot *from = &old->lots[i];
		struct hf_config_lot *to = lot_named(c, from->name);
		const char *other;

		if (to) {
			if (lot_used(arg, i) &&
			    !same_owner(c, to, from, errors))
				ok = !errors;
			else
				ok = widen(c, to, from, &busy, i, errors);
			continue;
		}
		if (!lot_used(arg, i))
			continue;
		to = &c->lots[c->lot_count];
		keep_lot(c, to, from);
		other = clash(c, to);
		if (other) {
			ok = say_clash(errors, c, to, other);
			continue;
		}
		c->leaving++;
		c->lot_count++;
	}
	for (unsigned int i = 0; i < c->lot_count; i++)
		c->leaving += !c->lots[i].leaving &&
			      (c->lots[i].slot_first <
				       c->lots[i].offered_first ||
			       c->lots[i].slot_last > c->lots[i].offered_last);
	return ok ? 0 : -1;
}
