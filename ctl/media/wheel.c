// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The timing wheel: which legs are due in which millisecond.
 *
 * Senders walk a bucket from its start to its fill without a lock, so an entry
 * never moves: a leg that leaves becomes a hole and the lowest hole is filled
 * first, which keeps a bucket about as long as it was when it was fullest. A
 * leg that were moved while a sender walks past could be missed for a whole
 * packet time; a hole only costs one look.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>

/* What a controller before us left: those that play stay where they are. */
static void hf_wheel_adopt(struct hf_media *m, uint32_t b)
{
	struct hf_wheel *w = &m->wheel;
	uint32_t fill = m->map.wheel_fill[b].entries, six = 0;

	for (uint32_t e = 0; e < m->map.wheel_capacity; e++) {
		struct hf_wheel_entry *at = hf_pins_wheel(&m->map, b, e);
		struct hf_leg_own *own = hf_leg_get(m, at->leg);

		if (e >= fill || !own || own->want != HF_MODE_HOLD ||
		    own->bucket != HF_NO_BUCKET) {
			at->leg = HF_LEG_NONE;
			continue;
		}
		own->bucket = b;
		own->entry = e;
		w->taken[(size_t)b * w->words + e / 64] |= 1ULL << (e % 64);
		w->count[b]++;
		w->total++;
		six += !hf_leg_address_of(m, at->leg)->ip4;
	}
	w->total6 += six;
	m->map.wheel_fill[b].legs6 = six;
}

/* A kill may have come between the program and the wheel. */
static void hf_wheel_adopt_rest(struct hf_media *m)
{
	for (uint32_t i = 0; i < m->map.instance->legs; i++) {
		const struct hf_leg *leg = &m->map.legs[i];
		const struct hf_program *p;
		uint32_t ms;

		if (!m->own[i].open || m->own[i].want != HF_MODE_HOLD ||
		    m->own[i].bucket != HF_NO_BUCKET)
			continue;
		p = hf_word_program(leg, m->map.claims[i].word);
		ms = p->ptime_ns / (uint32_t)HF_MS;
		hf_wheel_put(m, i,
			     hf_wheel_bucket(ms, p->base_ns / HF_MS +
						     hf_wheel_wait(p->flags,
								   ms)));
	}
}

int hf_wheel_init(struct hf_media *m)
{
	struct hf_wheel *w = &m->wheel;

	w->words = (m->map.wheel_capacity + 63) / 64;
	w->taken =
		calloc((size_t)w->words * HF_WHEEL_BUCKETS, sizeof(*w->taken));
	if (!w->taken)
		return -ENOMEM;
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++) {
		if (m->adopted) {
			hf_wheel_adopt(m, b);
			continue;
		}
		hf_store_release(&m->map.wheel_fill[b].entries, 0);
		m->map.wheel_fill[b].legs6 = 0;
		for (uint32_t e = 0; e < m->map.wheel_capacity; e++)
			hf_pins_wheel(&m->map, b, e)->leg = HF_LEG_NONE;
	}
	if (m->adopted)
		hf_wheel_adopt_rest(m);
	return 0;
}

void hf_wheel_fini(struct hf_media *m)
{
	free(m->wheel.taken);
	m->wheel.taken = NULL;
}

/* A turn of the sender costs some 50 us whatever it sends (sender.c), so few
 * calls share one, up to this many; but music waits for company no longer
 * than three quarters of a packet time. */
#define HF_WHEEL_SHARE 16

static bool hf_wheel_company(const struct hf_media *m, uint32_t ptime_ms,
			     uint64_t from_ms, uint64_t *ret_ms)
{
	for (uint32_t i = 0; i < ptime_ms * 3 / 4; i++) {
		uint32_t n = m->wheel.count[hf_wheel_bucket(ptime_ms,
							    from_ms + i)];

		*ret_ms = from_ms + i;
		if (n && n < HF_WHEEL_SHARE && n < m->map.wheel_capacity)
			return true;
	}
	return false;
}

uint64_t hf_wheel_pick(const struct hf_media *m, uint32_t ptime_ms,
		       uint64_t from_ms)
{
	const struct hf_wheel *w = &m->wheel;
	uint64_t best = from_ms;
	uint32_t least = UINT32_MAX;

	if (hf_wheel_company(m, ptime_ms, from_ms, &best))
		return best;
	best = from_ms;
	for (uint32_t i = 0; i < ptime_ms; i++) {
		uint32_t n = w->count[hf_wheel_bucket(ptime_ms, from_ms + i)];

		/* Music must not wait a whole packet time for perfect balance;
		 * look on only while every bucket so far is full. */
		if (i >= ptime_ms / 2 && least < m->map.wheel_capacity)
			break;
		if (n < least) {
			least = n;
			best = from_ms + i;
		}
	}
	return best;
}

/* The lowest hole of a bucket, or its end. */
static uint32_t hf_wheel_hole(struct hf_media *m, uint32_t bucket)
{
	struct hf_wheel *w = &m->wheel;
	uint64_t *taken = w->taken + (size_t)bucket * w->words;
	uint32_t i = w->hint[bucket];

	while (i < w->words && taken[i] == UINT64_MAX)
		i++;
	w->hint[bucket] = i;
	if (i == w->words)
		return m->map.wheel_capacity;
	return i * 64 + (uint32_t)__builtin_ctzll(~taken[i]);
}

void hf_wheel_put(struct hf_media *m, uint32_t leg, uint32_t bucket)
{
	struct hf_leg_own *own = &m->own[leg];
	struct hf_wheel *w = &m->wheel;
	bool six, first;
	uint32_t e;

	if (own->bucket == bucket)
		return;
	hf_wheel_remove(m, leg);
	e = hf_wheel_hole(m, bucket);
	/* The buckets of a class together hold more than all legs: a full one
	 * is only ever picked when a test made the wheel too small. Turn-around
	 * still serves the leg. */
	if (e >= m->map.wheel_capacity)
		return;
	w->taken[(size_t)bucket * w->words + e / 64] |= 1ULL << (e % 64);
	own->bucket = bucket;
	own->entry = e;
	/* It naps until a bucket that it knows of. */
	first = !w->count[bucket]++;
	six = !hf_leg_address_of(m, leg)->ip4;
	if (six)
		m->map.wheel_fill[bucket].legs6++;
	/* What is said there may be of the call before. */
	__atomic_fetch_and(&m->map.turned[leg / 64].legs, ~(1ULL << leg % 64),
			   __ATOMIC_RELAXED);
	hf_store_release(&hf_pins_wheel(&m->map, bucket, e)->leg, leg);
	if (m->map.wheel_fill[bucket].entries <= e)
		hf_store_release(&m->map.wheel_fill[bucket].entries, e + 1);
	w->total++;
	/* Who sends nothing but IPv6 may sleep beside a full wheel. */
	first |= six && !w->total6++;
	if (first && m->poke)
		m->poke(m, HF_POKE_WHEEL);
}

/* The end of what is in use below `fill`. */
static uint32_t hf_wheel_top(const struct hf_wheel *w, uint32_t bucket,
			     uint32_t fill)
{
	const uint64_t *taken = w->taken + (size_t)bucket * w->words;

	for (uint32_t i = (fill + 63) / 64; i-- > 0;)
		if (taken[i])
			return i * 64 + 64 -
			       (uint32_t)__builtin_clzll(taken[i]);
	return 0;
}

void hf_wheel_remove(struct hf_media *m, uint32_t leg)
{
	struct hf_leg_own *own = &m->own[leg];
	struct hf_wheel *w = &m->wheel;
	uint32_t b = own->bucket, e = own->entry;

	if (b == HF_NO_BUCKET)
		return;
	own->bucket = HF_NO_BUCKET;
	hf_store_release(&hf_pins_wheel(&m->map, b, e)->leg, HF_LEG_NONE);
	w->taken[(size_t)b * w->words + e / 64] &= ~(1ULL << (e % 64));
	if (e / 64 < w->hint[b])
		w->hint[b] = e / 64;
	w->count[b]--;
	w->total--;
	if (!hf_leg_address_of(m, leg)->ip4) {
		m->map.wheel_fill[b].legs6--;
		w->total6--;
	}
	if (m->map.wheel_fill[b].entries == e + 1)
		hf_store_release(&m->map.wheel_fill[b].entries,
				 hf_wheel_top(w, b, e));
}
