// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who in a lot has waited longest, without a look at each slot: the calls that
 * have a slot and have waited stand in a heap of the lot, the oldest wait on
 * top. lot.c puts them in and takes them out with their slot, actions.c again
 * when a new wait begins.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

int hf_oldest_init(struct hf_oldest *h, uint32_t slots)
{
	h->count = 0;
	h->call = calloc(slots ?: 1, sizeof(struct hf_call *));
	return h->call ? 0 : -ENOMEM;
}

void hf_oldest_fini(struct hf_oldest *h)
{
	free(h->call);
	h->call = NULL;
}

static bool is_before(const struct hf_call *a, const struct hf_call *b)
{
	return a->parked_ms != b->parked_ms ? a->parked_ms < b->parked_ms
					    : a->id < b->id;
}

static void set(struct hf_oldest *h, uint32_t i, struct hf_call *call)
{
	h->call[i] = call;
	call->waits_at = i + 1;
}

static void rise(struct hf_oldest *h, uint32_t i, struct hf_call *call)
{
	for (; i && is_before(call, h->call[(i - 1) / 2]); i = (i - 1) / 2)
		set(h, i, h->call[(i - 1) / 2]);
	set(h, i, call);
}

static void sink(struct hf_oldest *h, uint32_t i, struct hf_call *call)
{
	for (;;) {
		uint32_t c = 2 * i + 1;

		if (c + 1 < h->count && is_before(h->call[c + 1], h->call[c]))
			c++;
		if (c >= h->count || !is_before(h->call[c], call))
			break;
		set(h, i, h->call[c]);
		i = c;
	}
	rise(h, i, call);
}

void hf_oldest_drop(struct hf_call *call)
{
	struct hf_oldest *h;
	struct hf_call *last;
	uint32_t i;

	if (!call->waits_at)
		return;
	h = &call->slot->lot->oldest;
	i = call->waits_at - 1;
	call->waits_at = 0;
	last = h->call[--h->count];
	if (last != call)
		sink(h, i, last);
}

void hf_oldest_put(struct hf_call *call)
{
	struct hf_oldest *h;

	hf_oldest_drop(call);
	if (!call->slot || !call->park_count)
		return;
	h = &call->slot->lot->oldest;
	rise(h, h->count++, call);
}

static bool may_be_picked_up(const struct hf_call *call,
			     const struct hf_identity *sender)
{
	return (call->state == HF_S_PARKED || call->state == HF_S_RECALLING) &&
	       hf_call_is_for(call, sender);
}

struct hf_call *hf_oldest_for(const struct hf_lot *lot,
			      const struct hf_identity *sender)
{
	const struct hf_oldest *h = &lot->oldest;
	struct hf_call *first = NULL;

	if (h->count && may_be_picked_up(h->call[0], sender))
		return h->call[0];
	/* It is being picked up this moment, or somebody else's. */
	for (uint32_t i = 1; i < h->count; i++)
		if ((!first || is_before(h->call[i], first)) &&
		    may_be_picked_up(h->call[i], sender))
			first = h->call[i];
	return first;
}
