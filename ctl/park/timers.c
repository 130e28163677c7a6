// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Deadlines of calls, in a binary heap:
 *  - `timer` of a call: the end of its state (lease, park time, ring time);
 *  - `limit` of a call: the longest wait of its lot;
 *  - `voice` of a call: what is to be said next, or has been;
 *  - of a talk: the end of its ringing or of its words; of a paging zone.
 * Room is taken with the owner, so that arming cannot fail.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define NOWHERE UINT32_MAX

static int reserve(struct hf_timers *t)
{
	if (t->owned == t->room) {
		uint32_t room = t->room ? t->room * 2 : 64;
		struct hf_timer **heap;

		heap = realloc(t->heap, room * sizeof(*heap));
		if (!heap)
			return -ENOMEM;
		t->heap = heap;
		t->room = room;
	}
	t->owned++;
	return 0;
}

int hf_timers_reserve(struct hf_timers *t, struct hf_timer *timer,
		      struct hf_call *call, enum hf_call_event event)
{
	int err = reserve(t);

	if (!err)
		*timer = (struct hf_timer){
			.place = NOWHERE, .event = event, .call = call};
	return err;
}

int hf_timers_reserve_due(struct hf_timers *t, struct hf_timer *timer,
			  void (*due)(struct hf_timer *))
{
	int err = reserve(t);

	if (!err)
		*timer = (struct hf_timer){.place = NOWHERE, .due = due};
	return err;
}

void hf_timers_release(struct hf_timers *t, struct hf_timer *timer)
{
	if (!timer->call && !timer->due)
		return; /* never reserved */
	hf_timer_stop(t, timer);
	timer->call = NULL;
	timer->due = NULL;
	t->owned--;
}

static void place(struct hf_timers *t, uint32_t at, struct hf_timer *timer)
{
	t->heap[at] = timer;
	timer->place = at;
}

static void sift_up(struct hf_timers *t, uint32_t at)
{
	struct hf_timer *timer = t->heap[at];

	while (at && timer->at < t->heap[(at - 1) / 2]->at) {
		place(t, at, t->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(t, at, timer);
}

static void sift_down(struct hf_timers *t, uint32_t at)
{
	struct hf_timer *timer = t->heap[at];
	uint32_t child;

	while ((child = 2 * at + 1) < t->count) {
		if (child + 1 < t->count &&
		    t->heap[child + 1]->at < t->heap[child]->at)
			child++;
		if (t->heap[child]->at >= timer->at)
			break;
		place(t, at, t->heap[child]);
		at = child;
	}
	place(t, at, timer);
}

void hf_timer_arm(struct hf_timers *t, struct hf_timer *timer, uint64_t at)
{
	if (timer->place == NOWHERE)
		place(t, t->count++, timer);
	timer->at = at;
	sift_up(t, timer->place);
	sift_down(t, timer->place);
}

void hf_timer_stop(struct hf_timers *t, struct hf_timer *timer)
{
	uint32_t at = timer->place;

	if (at == NOWHERE)
		return;
	timer->place = NOWHERE;
	if (at == --t->count)
		return;
	place(t, at, t->heap[t->count]);
	sift_up(t, at);
	sift_down(t, t->heap[at]->place);
}

bool hf_timer_armed(const struct hf_timer *timer)
{
	return timer->place != NOWHERE;
}

struct hf_timer *hf_timers_due(struct hf_timers *t, uint64_t now)
{
	struct hf_timer *timer;

	if (!t->count || t->heap[0]->at > now)
		return NULL;
	timer = t->heap[0];
	hf_timer_stop(t, timer);
	return timer;
}

uint64_t hf_timers_next(const struct hf_timers *t)
{
	return t->count ? t->heap[0]->at : HF_NEVER;
}

void hf_timers_fini(struct hf_timers *t)
{
	free(t->heap);
	*t = (struct hf_timers){0};
}
