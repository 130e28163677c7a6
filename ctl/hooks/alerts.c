// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which alerts are due, and when they are over. The calls of a lot stand in the
 * order in which they will have waited too long, which is nearly always the
 * order in which they come. alert_tell.c says it, in the words of words.c.
 */
#include "alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_parts.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "events/bus.h"
#include "hooks.h"
#include "park/park.h"

const struct hf_config_lot *hf_alert_lot(const struct hf_alerts *a,
					 unsigned int lot)
{
	return &a->wire.config->lots[lot];
}

/* --- the waiters of a lot
 * ------------------------------------------------------- */

void hf_waiter_take_out(struct hf_alerts *a, struct hf_waiter *w)
{
	struct hf_alert_lot_state *l = &a->lot[w->lot];

	if (w->prev)
		w->prev->next = w->next;
	else
		l->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		l->last = w->prev;
}

void hf_waiter_put_in(struct hf_alerts *a, struct hf_waiter *w)
{
	struct hf_alert_lot_state *l = &a->lot[w->lot];
	const unsigned int limit = hf_alert_lot(a, w->lot)->alerts.waiting_s;
	struct hf_waiter *before = l->last;

	w->due_ms = limit && !w->told_waiting ? w->since_ms + limit * 1000ULL
					      : UINT64_MAX;
	while (before && before->due_ms > w->due_ms)
		before = before->prev;
	w->prev = before;
	w->next = before ? before->next : l->first;
	if (w->next)
		w->next->prev = w;
	else
		l->last = w;
	if (before)
		before->next = w;
	else
		l->first = w;
	if (w->due_ms < a->next_ms)
		a->next_ms = w->due_ms;
}

void hf_alert_copy(char *to, size_t len, const char *from)
{
	snprintf(to, len, "%s", from ? from : "");
}

int hf_alert_lot_index(const struct hf_alerts *a, const char *name)
{
	for (unsigned int i = 0; name && i < a->wire.config->lot_count; i++)
		if (!strcmp(hf_alert_lot(a, i)->name, name))
			return (int)i;
	return -1;
}

struct hf_waiter *hf_waiter_find(const struct hf_alerts *a, uint64_t call)
{
	struct hf_waiter *w;

	HASH_FIND(hh, a->waiters, &call, sizeof(call), w);
	return w;
}

/* From now on it waits there; it may have been known before. */
struct hf_waiter *hf_waiter_follow(struct hf_alerts *a, uint64_t call,
				   const char *lot_name, uint32_t seconds,
				   uint64_t now_ms)
{
	int lot = hf_alert_lot_index(a, lot_name);
	struct hf_waiter *w = hf_waiter_find(a, call);

	if (w) {
		hf_waiter_take_out(a, w);
	} else if (lot >= 0 && (hf_alert_lot(a, lot)->alerts.waiting_s ||
				hf_alert_lot(a, lot)->alerts.recall_failed)) {
		w = calloc(1, sizeof(*w));
		if (!w) {
			hf_error(
				"alerts: call %llu is not followed: out of memory",
				(unsigned long long)call);
			return NULL;
		}
		w->call = call;
		HASH_ADD(hh, a->waiters, call, sizeof(w->call), w);
	} else {
		return NULL;
	}
	w->lot = lot >= 0 ? (unsigned int)lot : w->lot;
	w->since_ms = now_ms - seconds * 1000ULL;
	hf_waiter_put_in(a, w);
	return w;
}

/* It waits no more. What was told of it is told to be over by the next run. */
static void lose(struct hf_alerts *a, uint64_t call, uint64_t now_ms)
{
	struct hf_waiter *w = hf_waiter_find(a, call);

	if (!w)
		return;
	hf_waiter_take_out(a, w);
	HASH_DEL(a->waiters, w);
	if (!w->told_waiting && !w->told_recall) {
		free(w);
		return;
	}
	w->dead_next = a->over;
	a->over = w;
	a->next_ms = now_ms;
}

/* --- what happens
 * ------------------------------------------------------------- */

static void on_event(void *arg, const struct hf_event *e, const char *json,
		     size_t len)
{
	struct hf_alerts *a = arg;
	uint64_t now = hf_now_ms();
	struct hf_waiter *w;

	switch (e->type) {
	case HF_EVENT_PARKED:
	case HF_EVENT_SWAPPED:
	case HF_EVENT_REPARKED:
	case HF_EVENT_MOVED:
		w = hf_waiter_follow(a, e->call, e->lot, e->seconds_parked,
				     now);
		if (!w)
			return;
		w->privacy = e->privacy;
		hf_alert_copy(w->slot, sizeof(w->slot), e->slot);
		hf_alert_copy(w->number, sizeof(w->number), e->caller_number);
		hf_alert_copy(w->name, sizeof(w->name), e->caller_name);
		hf_alert_copy(w->uri, sizeof(w->uri), e->caller_uri);
		return;
	case HF_EVENT_RETRIEVED:
	case HF_EVENT_RECALL_ANSWERED:
	case HF_EVENT_ABANDONED:
	case HF_EVENT_EXPIRED:
	case HF_EVENT_KICKED:
	case HF_EVENT_TRANSFERRED:
	case HF_EVENT_ENDED:
		lose(a, e->call, now);
		return;
	case HF_EVENT_RECALL_FAILED:
		w = hf_waiter_find(a, e->call);
		if (!w || w->told_recall ||
		    !hf_alert_lot(a, w->lot)->alerts.recall_failed)
			return;
		w->recall_failed = a->recalls_failed = true;
		a->next_ms = now;
		return;
	default:
		return;
	}
}

void hf_alerts_slot_changed(struct hf_alerts *a)
{
	if (a)
		a->slots_changed = true;
}

/* --- what is due
 * --------------------------------------------------------------- */

static void tell_waiting(struct hf_alerts *a, struct hf_waiter *w,
			 uint64_t now_ms)
{
	hf_waiter_take_out(a, w);
	w->told_waiting = true;
	hf_waiter_put_in(a, w);
	hf_alert_say_waiting(a, w, now_ms);
}

static void tell_over(struct hf_alerts *a, uint64_t now_ms)
{
	struct hf_waiter *w;

	while ((w = a->over)) {
		a->over = w->dead_next;
		hf_alert_say_over(a, w, now_ms);
		free(w);
	}
}

static void tell_recalls(struct hf_alerts *a, uint64_t now_ms)
{
	struct hf_waiter *w, *next;

	a->recalls_failed = false;
	HASH_ITER (hh, a->waiters, w, next) {
		if (!w->recall_failed)
			continue;
		w->recall_failed = false;
		w->told_recall = true;
		hf_alert_say_recall(a, w, now_ms);
	}
}

static void look_at_lot(struct hf_alerts *a, unsigned int i)
{
	const struct hf_config_lot *lot = hf_alert_lot(a, i);
	uint32_t slots, taken;

	if (!lot->alerts.full_percent)
		return;
	hf_park_lot_taken(a->park, i, &slots, &taken);
	if (a->lot[i].full
		    ? taken * 100ULL >
			      slots * (uint64_t)lot->alerts.full_clear_percent
		    : taken * 100ULL <
			      slots * (uint64_t)lot->alerts.full_percent)
		return;
	a->lot[i].full = !a->lot[i].full;
	hf_alert_say_full(a, i, slots, taken);
}

void hf_alerts_run(struct hf_alerts *a, uint64_t now_ms)
{
	if (!a || !a->park)
		return;
	if (a->slots_changed) {
		a->slots_changed = false;
		for (unsigned int i = 0; i < a->wire.config->lot_count; i++)
			look_at_lot(a, i);
	}
	if (now_ms < a->next_ms)
		return;
	tell_over(a, now_ms);
	if (a->recalls_failed)
		tell_recalls(a, now_ms);
	a->next_ms = UINT64_MAX;
	for (unsigned int i = 0; i < a->wire.config->lot_count; i++) {
		struct hf_alert_lot_state *l = &a->lot[i];

		while (l->first && l->first->due_ms <= now_ms)
			tell_waiting(a, l->first, now_ms);
		if (l->first && l->first->due_ms < a->next_ms)
			a->next_ms = l->first->due_ms;
	}
}

uint64_t hf_alerts_next_ms(const struct hf_alerts *a)
{
	if (!a || !a->park)
		return UINT64_MAX;
	return a->slots_changed ? 0 : a->next_ms;
}

/* --- life
 * ----------------------------------------------------------------------- */

static bool has_alerts(const struct hf_config *c)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (c->lots[i].alerts.waiting_s ||
		    c->lots[i].alerts.full_percent ||
		    c->lots[i].alerts.recall_failed)
			return true;
	return false;
}

int hf_alerts_create(const struct hf_alerts_wiring *wire,
		     struct hf_alerts **ret)
{
	struct hf_alerts *a;
	int err;

	*ret = NULL;
	if (!has_alerts(wire->config))
		return 0;
	a = calloc(1, sizeof(*a) + wire->config->lot_count * sizeof(a->lot[0]));
	if (!a)
		return -ENOMEM;
	a->wire = *wire;
	a->next_ms = UINT64_MAX;
	hf_hooks_each_raised(wire->hooks, hf_alerts_read_raised, a);
	err = hf_bus_subscribe(wire->bus, on_event, a, &a->reader);
	if (err) {
		hf_alerts_destroy(a);
		return err;
	}
	*ret = a;
	return 0;
}

void hf_alerts_destroy(struct hf_alerts *a)
{
	struct hf_waiter *w, *next;

	if (!a)
		return;
	if (a->reader)
		hf_bus_unsubscribe(a->wire.bus, a->reader);
	HASH_ITER (hh, a->waiters, w, next) {
		HASH_DEL(a->waiters, w);
		free(w);
	}
	while ((w = a->over)) {
		a->over = w->dead_next;
		free(w);
	}
	hf_alerts_forget_raised(a);
	free(a);
}
