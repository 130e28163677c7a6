// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a number means to somebody who watches it, who may watch it, and the
 * lists of the configuration. watch.c asks for every SUBSCRIBE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

static struct hf_lamp_resource *slot_or_lot(struct hf_lamps *l,
					    const struct hf_config_tenant *of,
					    const char *user)
{
	unsigned int lot;
	uint32_t slot;

	if (hf_config_find_slot(l->config, of, user, &lot, &slot))
		return &l->slots[l->lots[lot].first + slot].resource;
	if (hf_config_find_lot(l->config, of, user, &lot))
		return &l->lots[lot].resource;
	return NULL;
}

struct hf_lamp_resource *hf_lamp_resource_find(struct hf_lamps *l,
					       const struct hf_config_tenant *of,
					       const char *user)
{
	struct hf_lamp_resource *r;

	if (!user || !*user)
		return NULL;
	r = slot_or_lot(l, of, user);
	/* park+701, in whatever case the PBX's own lamps are written. */
	if (!r && !strncasecmp(user, "park+", 5))
		r = slot_or_lot(l, of, user + 5);
	for (unsigned int i = 0; !r && i < l->config->lot_count; i++) {
		const char *prefix = l->config->lots[i].pickup_prefix;
		size_t n = prefix ? strlen(prefix) : 0;

		if (l->config->lots[i].of == of && n &&
		    !strncmp(user, prefix, n))
			r = slot_or_lot(l, of, user + n);
	}
	for (unsigned int i = 0; !r && i < l->config->lamps.list_count; i++)
		if (l->lists[i].of == of && !strcmp(l->lists[i].name, user))
			r = &l->lists[i].resource;
	return r;
}

void hf_lamp_resource_number(const struct hf_lamps *l,
			     const struct hf_lamp_resource *r, char *name,
			     size_t len)
{
	const struct hf_lamp_slot *slot = (const void *)r;
	const struct hf_lamp_lot *lot = (const void *)r;

	switch (r->kind) {
	case HF_LAMP_SLOT:
		lot = &l->lots[slot->lot];
		hf_config_slot_name(lot->config, slot->index - lot->first, name,
				    len);
		break;
	case HF_LAMP_LOT:
		snprintf(name, len, "%s", lot->config->park);
		break;
	case HF_LAMP_LIST:
		snprintf(name, len, "%s",
			 ((const struct hf_lamp_list *)r)->name);
		break;
	}
}

static const struct hf_config_tenant *owner(const struct hf_lamps *l,
					    const struct hf_lamp_resource *r)
{
	switch (r->kind) {
	case HF_LAMP_SLOT:
		return l->lots[((const struct hf_lamp_slot *)r)->lot].config->of;
	case HF_LAMP_LOT:
		return ((const struct hf_lamp_lot *)r)->config->of;
	case HF_LAMP_LIST:
		return ((const struct hf_lamp_list *)r)->of;
	}
	return NULL;
}

void hf_lamp_resource_key(const struct hf_lamps *l,
			  const struct hf_lamp_resource *r, char *key, size_t len)
{
	const struct hf_config_tenant *of = owner(l, r);
	char number[128];

	/* A lot that is to go has no number any more. */
	if (r->kind == HF_LAMP_LOT)
		snprintf(number, sizeof(number), "%s",
			 ((const struct hf_lamp_lot *)r)->config->name);
	else
		hf_lamp_resource_number(l, r, number, sizeof(number));
	snprintf(key, len, "%s%s%s", of ? of->name : "", of ? "/" : "", number);
}

struct hf_lamp_resource *hf_lamp_resource_by_key(struct hf_lamps *l,
						 const char *key)
{
	const char *slash = key ? strchr(key, '/') : NULL;
	char name[80];

	if (!slash)
		return hf_lamp_resource_find(l, NULL, key);
	snprintf(name, sizeof(name), "%.*s", (int)(slash - key), key);
	return hf_lamp_resource_find(
		l, hf_config_tenant_named(l->config, name), slash + 1);
}

static bool allowed(const struct hf_lamps *l, const struct hf_config_lot *lot,
		    const struct hf_identity *who, const char *source)
{
	for (unsigned int i = 0; i < lot->may_watch_count; i++) {
		const char *right = lot->may_watch[i];

		if (!strcmp(right, "any") || hf_right_from(right, source) ||
		    (!source && strchr(right, '/') && !strchr(right, '@')) ||
		    (!strcmp(right, "internal") ?
			     hf_config_internal(l->config, lot->of, who->user,
						who->host) :
			     hf_pattern_match(right, who->user, who->host)))
			return true;
	}
	return false;
}

/* A list may be watched by who may watch all of it. */
bool hf_lamp_may_watch(const struct hf_lamps *l,
		       const struct hf_lamp_resource *r,
		       const struct hf_identity *who, const char *source)
{
	const struct hf_lamp_list *list = (const void *)r;

	switch (r->kind) {
	case HF_LAMP_SLOT:
		return allowed(
			l, l->lots[((const struct hf_lamp_slot *)r)->lot].config,
			who, source);
	case HF_LAMP_LOT:
		return allowed(l, ((const struct hf_lamp_lot *)r)->config, who,
			       source);
	case HF_LAMP_LIST:
		for (uint32_t i = 0; i < list->count; i++)
			if (!hf_lamp_may_watch(l, list->entries[i], who,
					       source))
				return false;
		return true;
	}
	return false;
}

void hf_lamp_uri_beside(const char *entity, const char *user, char *uri,
			size_t len)
{
	const char *host = strchr(entity, '@');
	size_t n = 0;

	snprintf(uri, len, "sip:");
	/* Slots may have # in front, which a URI cannot have as it is. */
	for (const char *c = user; *c && (n = strlen(uri)) + 4 < len; c++)
		snprintf(uri + n, len - n, *c == '#' ? "%%23" : "%c", *c);
	n = strlen(uri);
	snprintf(uri + n, len - n, "%s", host ? host : "");
}

static int add_entry(struct hf_lamps *l, struct hf_lamp_list *list,
		     struct hf_lamp_resource *r)
{
	struct hf_lamp_member *m;

	for (uint32_t i = 0; i < list->count; i++)
		if (list->entries[i] == r)
			return 0; /* named twice */
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->list = list;
	m->next = r->lists;
	r->lists = m;
	list->entries[list->count++] = r;
	return 0;
}

static int fill_list(struct hf_lamps *l, struct hf_lamp_list *list,
		     const struct hf_config_lamp_list *c)
{
	uint32_t slot, count, room = 0;
	unsigned int lot;
	int error = 0;

	list->resource.kind = HF_LAMP_LIST;
	list->name = c->name;
	list->of = c->of;
	for (unsigned int i = 0; i < c->entry_count; i++)
		if (hf_config_find_entry(l->config, c->of, c->entries[i], &lot,
					 &slot, &count))
			room += count ? count : 1;
	list->entries = calloc(room ? room : 1, sizeof(struct hf_lamp_resource *));
	if (!list->entries)
		return -ENOMEM;
	for (unsigned int i = 0; i < c->entry_count && !error; i++) {
		if (!hf_config_find_entry(l->config, c->of, c->entries[i], &lot,
					  &slot, &count))
			continue;
		if (!count)
			error = add_entry(l, list, &l->lots[lot].resource);
		for (uint32_t k = 0; k < count && !error; k++)
			error = add_entry(
				l, list,
				&l->slots[l->lots[lot].first + slot + k].resource);
	}
	return error;
}

int hf_lamp_lists_create(struct hf_lamps *l)
{
	unsigned int count = l->config->lamps.list_count;
	int error = 0;

	l->lists = calloc(count ? count : 1, sizeof(*l->lists));
	if (!l->lists)
		return -ENOMEM;
	for (unsigned int i = 0; i < count && !error; i++)
		error = fill_list(l, &l->lists[i], &l->config->lamps.lists[i]);
	return error;
}

static void free_members(struct hf_lamp_resource *r)
{
	struct hf_lamp_member *m;

	while ((m = r->lists)) {
		r->lists = m->next;
		free(m);
	}
}

void hf_lamp_lists_destroy(struct hf_lamps *l)
{
	for (uint32_t i = 0; l->slots && i < l->slot_count; i++)
		free_members(&l->slots[i].resource);
	for (unsigned int i = 0; l->lots && i < l->config->lot_count; i++)
		free_members(&l->lots[i].resource);
	for (unsigned int i = 0; l->lists && i < l->config->lamps.list_count; i++)
		free(l->lists[i].entries);
	free(l->lists);
}
