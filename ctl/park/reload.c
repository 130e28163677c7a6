// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new configuration under running calls: the lots are made anew, and each call
 * is put back into its own. What the new file no longer has is there until its
 * last call is gone (hf_config_follow()).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool hf_park_slot_busy(void *arg, unsigned int lot, uint32_t slot)
{
	const struct hf_park *park = arg;

	return park->lots[lot].slots[slot].call;
}

bool hf_park_lot_used(void *arg, unsigned int lot)
{
	struct hf_park *park = arg;

	for (struct hf_call *call = park->calls; call; call = call->hh.next)
		if (call->lot == &park->lots[lot])
			return true;
	return false;
}

static bool has_leaving_slot(const struct hf_lot *lot)
{
	for (uint32_t i = 0; i < lot->slot_count; i++)
		if (lot->slots[i].leaving && lot->slots[i].call)
			return true;
	return false;
}

unsigned int hf_park_leaving(struct hf_park *park)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < park->config->lot_count; i++) {
		const struct hf_lot *lot = &park->lots[i];

		if (lot->config->leaving)
			n += hf_park_lot_used(park, i);
		else if (lot->offered_count < lot->slot_count)
			n += has_leaving_slot(lot);
	}
	return n;
}

static struct hf_lot *same_lot(struct hf_park *park, const struct hf_lot *old)
{
	for (unsigned int i = 0; i < park->config->lot_count; i++)
		if (!strcmp(park->lots[i].config->name, old->config->name))
			return &park->lots[i];
	return &park->lots[0];
}

/* Not hf_slot_take(): nobody has to be told. */
static void put_back(struct hf_call *call, const char *name)
{
	struct hf_slot *slot = hf_lot_slot(call->lot, name);

	call->slot = slot;
	call->waits_at = 0; /* the lot of before is given up whole */
	if (!slot)
		return;
	slot->call = call;
	hf_oldest_put(call);
	if (slot->leaving)
		return;
	hf_bitmap_clear(&call->lot->free, slot->index);
	call->lot->free_count--;
	call->park->totals.slots_free--;
}

/* The wait that has begun is as long as the new file says. */
static void set_times(struct hf_call *call, uint64_t old_wait,
		      unsigned int old_limit_s)
{
	struct hf_timers *t = &call->park->timers;
	uint64_t now = call->park->now_ms, wait = hf_recall_wait_ms(call), at;
	unsigned int limit_s = call->lot->config->max_wait_s;

	if (call->state == HF_S_PARKED && wait != old_wait) {
		at = call->parked_ms + wait;
		if (wait == HF_NEVER)
			hf_timer_stop(t, &call->timer);
		else
			hf_timer_arm(t, &call->timer, at > now ? at : now + 1);
	}
	if (limit_s == old_limit_s || !hf_timer_armed(&call->limit))
		return;
	at = call->parked_ms + limit_s * 1000ULL;
	call->wait_ends_ms = at > now ? at : now + 1;
	hf_timer_arm(t, &call->limit, call->wait_ends_ms);
}

static void move(struct hf_call *call)
{
	struct hf_park *park = call->park;
	const struct hf_lot *old = call->lot;
	const char *slot = call->slot ? call->slot->name : NULL;
	uint64_t wait = hf_recall_wait_ms(call);
	struct hf_slot *last;

	call->lot = same_lot(park, old);
	last = call->last_slot ? hf_lot_slot(call->lot, call->last_slot) : NULL;
	call->last_slot = last ? last->name : NULL;
	if (slot)
		put_back(call, slot);
	if (call->first_ring)
		call->first_ring = call->lot->config->on_full_uri;
	if (call->chain < 0 && !call->first_ring)
		call->chain = 0;
	set_times(call, wait, old->config->max_wait_s);
}

int hf_park_reload(struct hf_park *park, const struct hf_config *config)
{
	const struct hf_config *old_config = park->config;
	struct hf_lot *old = park->lots;
	struct hf_park_totals totals = park->totals;
	int err;

	HASH_CLEAR(hh, park->lot_by_number);
	park->config = config;
	park->totals.slots = park->totals.slots_free = 0;
	err = hf_lots_create(park);
	if (err) {
		hf_lots_destroy(park);
		park->lots = old;
		park->config = old_config;
		park->totals = totals;
		hf_lots_index(park);
		return err;
	}
	park->wire.config = config;
	hf_pages_reload(park);
	for (struct hf_call *call = park->calls; call; call = call->hh.next)
		move(call);
	hf_lots_free(old, old_config->lot_count);
	return 0;
}
