// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lots and their slots: which number is which slot, which slot is free, which
 * one is next. A slot has at most one call and a call at most one slot; nothing
 * else in this room writes those two pointers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char *label_of(const struct hf_config_lot *c, const char *slot)
{
	for (unsigned int i = 0; i < c->label_count; i++)
		if (!strcmp(c->labels[i].slot, slot))
			return c->labels[i].text;
	return NULL;
}

#define KEY_LEN 160

/* One text of both; neither has a line end in it. */
static bool key_of(const struct hf_config_tenant *of, const char *number,
		   char *key)
{
	return snprintf(key, KEY_LEN, "%s\n%s", number, of ? of->name : "") <
	       KEY_LEN;
}

static int lot_init(struct hf_lot *lot, struct hf_park *park,
		    const struct hf_config_lot *c)
{
	char name[KEY_LEN];
	int err;

	lot->park = park;
	lot->config = c;
	lot->slot_count = c->slot_last - c->slot_first + 1;
	lot->slots = calloc(lot->slot_count, sizeof(*lot->slots));
	if (!lot->slots)
		return -ENOMEM;
	err = hf_bitmap_init(&lot->free, lot->slot_count);
	if (!err)
		err = hf_oldest_init(&lot->oldest, lot->slot_count);
	if (err)
		return err;
	lot->first = park->totals.slots;
	park->totals.slots += lot->slot_count;
	for (uint32_t i = 0; i < lot->slot_count; i++) {
		struct hf_slot *slot = &lot->slots[i];

		snprintf(name, sizeof(name), "%s%0*u", c->slot_prefix ?: "",
			 (int)c->slot_digits, c->slot_first + i);
		slot->lot = lot;
		slot->index = i;
		slot->label = label_of(c, name);
		slot->leaving = !hf_config_slot_offered(c, i);
		if (slot->leaving)
			hf_bitmap_clear(&lot->free, i);
		else
			lot->offered_count++;
		slot->name = strdup(name);
		if (!slot->name)
			return -ENOMEM;
	}
	if (c->park && *c->park && key_of(c->of, c->park, name)) {
		lot->key = strdup(name);
		if (!lot->key)
			return -ENOMEM;
	}
	lot->free_count = lot->offered_count;
	park->totals.slots_free += lot->offered_count;
	return 0;
}

void hf_lots_index(struct hf_park *park)
{
	for (unsigned int i = 0; i < park->config->lot_count; i++) {
		struct hf_lot *lot = &park->lots[i];
		if (lot->key)
			HASH_ADD_KEYPTR(hh, park->lot_by_number, lot->key,
					strlen(lot->key), lot);
	}
}

int hf_lots_create(struct hf_park *park)
{
	park->lots = calloc(park->config->lot_count ?: 1, sizeof(*park->lots));
	if (!park->lots)
		return -ENOMEM;
	for (unsigned int i = 0; i < park->config->lot_count; i++) {
		int err =
			lot_init(&park->lots[i], park, &park->config->lots[i]);

		if (err)
			return err;
	}
	hf_lots_index(park);
	return 0;
}

void hf_lots_free(struct hf_lot *lots, unsigned int count)
{
	for (unsigned int i = 0; lots && i < count; i++) {
		struct hf_lot *lot = &lots[i];

		for (uint32_t k = 0; lot->slots && k < lot->slot_count; k++)
			free(lot->slots[k].name);
		free(lot->slots);
		free(lot->key);
		hf_bitmap_fini(&lot->free);
		hf_oldest_fini(&lot->oldest);
	}
	free(lots);
}

void hf_lots_destroy(struct hf_park *park)
{
	HASH_CLEAR(hh, park->lot_by_number);
	hf_lots_free(park->lots, park->config->lot_count);
	park->lots = NULL;
}

struct hf_lot *hf_lot_by_number(const struct hf_park *park,
				const struct hf_config_tenant *of,
				const char *user)
{
	struct hf_lot *lot;
	char key[KEY_LEN];

	if (!user || !*user || !key_of(of, user, key))
		return NULL;
	HASH_FIND(hh, park->lot_by_number, key, strlen(key), lot);
	return lot;
}

struct hf_lot *hf_lot_by_name(const struct hf_park *park, const char *name)
{
	for (unsigned int i = 0; i < park->config->lot_count; i++)
		if (!strcmp(park->lots[i].config->name, name))
			return &park->lots[i];
	return NULL;
}

struct hf_lot *hf_lot_by_oldest(const struct hf_park *park,
				const struct hf_config_tenant *of,
				const char *user)
{
	for (unsigned int i = 0; user && i < park->config->lot_count; i++) {
		const char *number = park->lots[i].config->retrieve_oldest;

		if (number && park->lots[i].config->of == of &&
		    !strcmp(number, user))
			return &park->lots[i];
	}
	return NULL;
}

/* The slot a number means in this lot, exactly as it is written there. */
struct hf_slot *hf_lot_slot(struct hf_lot *lot, const char *user)
{
	const char *prefix = lot->config->slot_prefix ?: "";
	size_t n = strlen(prefix);
	uint64_t number = 0;
	struct hf_slot *slot;

	if (strncmp(user, prefix, n) || !user[n] || strlen(user + n) > 10)
		return NULL;
	for (const char *c = user + n; *c; c++) {
		if (*c < '0' || *c > '9')
			return NULL;
		number = number * 10 + (uint64_t)(*c - '0');
	}
	if (number < lot->config->slot_first || number > lot->config->slot_last)
		return NULL;
	slot = &lot->slots[number - lot->config->slot_first];
	return strcmp(slot->name, user) ? NULL : slot;
}

/* One that is to go is not there once it is free. */
static struct hf_slot *slot_in(struct hf_lot *lot, const char *user)
{
	struct hf_slot *slot = hf_lot_slot(lot, user);

	return slot && slot->leaving && !slot->call ? NULL : slot;
}

struct hf_slot *hf_slot_by_number(const struct hf_park *park,
				  const struct hf_config_tenant *of,
				  const char *user)
{
	for (unsigned int i = 0; user && i < park->config->lot_count; i++) {
		struct hf_slot *slot =
			park->lots[i].config->of == of ?
				slot_in(&park->lots[i], user) :
				NULL;

		if (slot)
			return slot;
	}
	return NULL;
}

bool hf_slot_by_prefix(const struct hf_park *park,
		       const struct hf_config_tenant *of, const char *user,
		       bool to_park, struct hf_lot **ret_lot,
		       struct hf_slot **ret_slot)
{
	bool found = false;

	*ret_slot = NULL;
	for (unsigned int i = 0; user && i < park->config->lot_count; i++) {
		struct hf_lot *lot = &park->lots[i];
		const char *prefix = to_park ? lot->config->park_prefix
					     : lot->config->pickup_prefix;

		if (lot->config->of != of || !prefix || !*prefix ||
		    strncmp(user, prefix, strlen(prefix)))
			continue;
		if (!found)
			*ret_lot = lot;
		found = true;
		*ret_slot = slot_in(lot, user + strlen(prefix));
		if (*ret_slot) {
			*ret_lot = lot;
			return true;
		}
	}
	return found;
}

/* xorshift64: a spread, not a secret. */
static uint32_t draw(struct hf_park *park, uint32_t below)
{
	park->random ^= park->random << 13;
	park->random ^= park->random >> 7;
	park->random ^= park->random << 17;
	return (uint32_t)((park->random >> 32) % below);
}

struct hf_slot *hf_lot_choose(struct hf_lot *lot)
{
	uint32_t from = 0, n;

	if (!lot->free_count)
		return NULL;
	if (lot->config->choice == HF_CHOICE_NEXT)
		from = lot->cursor;
	else if (lot->config->choice == HF_CHOICE_RANDOM)
		from = draw(lot->park, lot->slot_count);
	n = hf_bitmap_next(&lot->free, from);
	if (n == UINT32_MAX)
		n = hf_bitmap_next(&lot->free, 0);
	return &lot->slots[n];
}

struct hf_slot *hf_lot_choose_again(struct hf_lot *lot, const char *name)
{
	struct hf_slot *slot = name ? slot_in(lot, name) : NULL;

	return slot && !slot->call ? slot : hf_lot_choose(lot);
}

void hf_slot_changed(const struct hf_slot *slot)
{
	const struct hf_park_wiring *wire = &slot->lot->park->wire;

	if (wire->slot_changed)
		wire->slot_changed(wire->slot_arg, slot->lot->first + slot->index);
}

void hf_slot_take(struct hf_slot *slot, struct hf_call *call)
{
	struct hf_lot *lot = slot->lot;

	slot->call = call;
	call->slot = slot;
	hf_oldest_put(call);
	hf_bitmap_clear(&lot->free, slot->index);
	lot->cursor = (slot->index + 1) % lot->slot_count;
	lot->park->totals.slots_free--;
	hf_slot_changed(slot);
	if (!--lot->free_count)
		hf_report_lot(lot, HF_EVENT_LOT_FULL);
}

void hf_slot_free(struct hf_call *call)
{
	struct hf_slot *slot = call->slot;
	struct hf_lot *lot;

	if (!slot)
		return;
	lot = slot->lot;
	hf_oldest_drop(call);
	call->last_slot = slot->name;
	call->slot = NULL;
	slot->call = NULL;
	hf_slot_changed(slot);
	if (slot->leaving)
		return;
	hf_bitmap_set(&lot->free, slot->index);
	lot->park->totals.slots_free++;
	if (!lot->free_count++)
		hf_report_lot(lot, HF_EVENT_LOT_AVAILABLE);
}
