// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What waits for one receiver, and what may go next. The entries of one call
 * form a lane and go one after the other; lanes overtake each other. A receiver
 * that fails is asked by one lane at a time, and by one that has not just failed
 * if there is such a one, so that a single body it cannot digest does not keep
 * the others.
 */
#include <stdlib.h>

#include "internal.h"

void hf_entries_add(struct hf_entries *list, struct hf_entry *e)
{
	e->next = NULL;
	e->prev = list->tail;
	if (e->prev)
		e->prev->next = e;
	else
		list->head = e;
	list->tail = e;
	list->count++;
}

void hf_entries_remove(struct hf_entries *list, struct hf_entry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		list->head = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		list->tail = e->prev;
	list->count--;
}

/* --- the lanes: due ones in their order, later ones by time ------------------ */

static void lane_out(struct hf_hook *h, struct hf_lane *l)
{
	if (l->prev)
		l->prev->next = l->next;
	else if (h->due == l)
		h->due = l->next;
	else if (h->later == l)
		h->later = l->next;
	if (l->next)
		l->next->prev = l->prev;
	if (h->due_tail == l)
		h->due_tail = l->prev;
	l->prev = l->next = NULL;
}

static void lane_due(struct hf_hook *h, struct hf_lane *l)
{
	l->prev = h->due_tail;
	l->next = NULL;
	if (l->prev)
		l->prev->next = l;
	else
		h->due = l;
	h->due_tail = l;
}

static void lane_later(struct hf_hook *h, struct hf_lane *l)
{
	struct hf_lane *before = NULL, *at = h->later;

	while (at && at->due_ms <= l->due_ms) {
		before = at;
		at = at->next;
	}
	l->prev = before;
	l->next = at;
	if (at)
		at->prev = l;
	if (before)
		before->next = l;
	else
		h->later = l;
}

static void lane_place(struct hf_hook *h, struct hf_lane *l)
{
	if (l->due_ms)
		lane_later(h, l);
	else
		lane_due(h, l);
}

static struct hf_lane *lane_of(struct hf_hook *h, uint64_t call)
{
	struct hf_lane *l;

	HASH_FIND(hh, h->lanes, &call, sizeof(call), l);
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->call = call;
	HASH_ADD(hh, h->lanes, call, sizeof(l->call), l);
	lane_due(h, l);
	return l;
}

static void lane_pop(struct hf_hook *h, struct hf_lane *l)
{
	l->head = l->head->lane_next;
	if (l->head)
		return;
	if (!l->sending)
		lane_out(h, l);
	HASH_DEL(h->lanes, l);
	free(l);
}

/* --- entries ------------------------------------------------------------------ */

void hf_hook_enqueue(struct hf_entry *e)
{
	struct hf_hook *h = e->hook;
	struct hf_lane *l = lane_of(h, e->call);

	if (!l) { /* no memory: it stays on disk for the next start */
		free(e);
		h->dropped++;
		return;
	}
	e->lane = l;
	e->lane_next = NULL;
	e->sending = false;
	if (l->head)
		l->tail->lane_next = e;
	else
		l->head = e;
	l->tail = e;
	hf_entries_add(&h->waiting, e);
}

struct hf_entry *hf_hook_take(struct hf_hook *h, uint64_t now_ms)
{
	struct hf_lane *l = h->due;
	struct hf_entry *e;

	if (h->sending >= (h->sick ? 1 : h->config->parallel) ||
	    (h->sick && now_ms < h->next_ms))
		return NULL;
	if (!l && h->later && h->later->due_ms <= now_ms)
		l = h->later;
	if (!l)
		return NULL;
	lane_out(h, l);
	l->sending = true;
	l->due_ms = 0;
	e = l->head;
	e->sending = true;
	e->attempts++;
	h->sending++;
	return e;
}

uint64_t hf_hook_next_ms(const struct hf_hook *h, uint64_t now_ms)
{
	uint64_t at = UINT64_MAX;

	if (h->sending >= (h->sick ? 1 : h->config->parallel))
		return at; /* the end of a transfer wakes us */
	if (h->due)
		at = now_ms;
	else if (h->later)
		at = h->later->due_ms;
	if (at != UINT64_MAX && h->sick && h->next_ms > at)
		at = h->next_ms;
	return at;
}

void hf_hook_finish(struct hf_entry *e)
{
	struct hf_hook *h = e->hook;
	struct hf_lane *l = e->lane;

	hf_entries_remove(&h->waiting, e);
	h->sending--;
	e->sending = false;
	l->head = e->lane_next;
	if (l->head) {
		l->sending = false;
		lane_place(h, l);
		return;
	}
	HASH_DEL(h->lanes, l);
	free(l);
}

void hf_hook_delay(struct hf_entry *e, uint64_t until_ms)
{
	struct hf_lane *l = e->lane;

	e->sending = false;
	e->hook->sending--;
	l->sending = false;
	l->due_ms = until_ms;
	lane_place(e->hook, l);
}

struct hf_entry *hf_hook_oldest(struct hf_hook *h, uint64_t wall_ms)
{
	struct hf_entry *e = h->waiting.head;

	/* What is being sent is the oldest of its call, so what follows in the
	 * list may be one of the same call: not at the head of its lane. */
	while (e && (e->sending || e->lane->head != e))
		e = e->next;
	if (!e || e->wall_ms > wall_ms)
		return NULL;
	hf_entries_remove(&h->waiting, e);
	lane_pop(h, e->lane);
	return e;
}

void hf_hook_hurry(struct hf_hook *h)
{
	struct hf_lane *l;

	while ((l = h->later)) {
		lane_out(h, l);
		l->due_ms = 0;
		lane_due(h, l);
	}
	h->next_ms = 0;
}

void hf_hook_free_entries(struct hf_hook *h)
{
	struct hf_lane *l, *next_lane;
	struct hf_entry *e, *next;

	for (e = h->waiting.head; e; e = next) {
		next = e->next;
		free(e);
	}
	for (e = h->failed.head; e; e = next) {
		next = e->next;
		free(e);
	}
	HASH_ITER (hh, h->lanes, l, next_lane) {
		HASH_DEL(h->lanes, l);
		free(l);
	}
}
