// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Alerts over a restart: what the process before us has told is not told again,
 * but for people whom it had still to call; what is over since goes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_parts.h"
#include "base/clock.h"
#include "callouts.h"
#include "config/config.h"
#include "hooks.h"
#include "park/park.h"

bool hf_alert_was_raised(const struct hf_alerts *a, const char *name)
{
	struct hf_alert_raised *c;

	HASH_FIND_STR(a->raised, name, c);
	return c;
}

void hf_alerts_read_raised(void *arg, const char *name)
{
	struct hf_alerts *a = arg;
	struct hf_alert_raised *c = calloc(1, sizeof(*c) + strlen(name) + 1);

	if (!c)
		return;
	strcpy(c->name, name);
	HASH_ADD_STR(a->raised, name, c);
}

void hf_alerts_forget_raised(struct hf_alerts *a)
{
	struct hf_alert_raised *c, *next;

	HASH_ITER (hh, a->raised, c, next) {
		HASH_DEL(a->raised, c);
		free(c);
	}
}

static bool seed(void *arg, const struct hf_slot_view *v)
{
	struct hf_alerts *a = arg;
	char cause[64];
	struct hf_waiter *w;

	if (!v->call ||
	    (strcmp(v->state, "parked") && strcmp(v->state, "recalling")))
		return true;
	w = hf_waiter_follow(a, v->call, v->lot, v->seconds_parked,
			     hf_now_ms());
	if (!w)
		return true;
	w->privacy = v->privacy;
	hf_alert_copy(w->slot, sizeof(w->slot), v->slot);
	hf_alert_copy(w->number, sizeof(w->number), v->caller_number);
	hf_alert_copy(w->name, sizeof(w->name), v->caller_name);
	hf_alert_copy(w->uri, sizeof(w->uri), v->caller_uri);
	hf_waiter_take_out(a, w);
	hf_alert_cause(cause, sizeof(cause), "waiting", w->call);
	w->told_waiting = hf_alert_was_raised(a, cause);
	hf_alert_cause(cause, sizeof(cause), "recall_failed", w->call);
	w->told_recall = hf_alert_was_raised(a, cause);
	hf_waiter_put_in(a, w);
	return true;
}

/* Of a call that has gone while nobody looked there is nothing to tell. */
static void drop_stale(struct hf_alerts *a)
{
	struct hf_alert_raised *c, *next;

	HASH_ITER (hh, a->raised, c, next) {
		const char *slash = strchr(c->name, '/');
		int lot = slash ? hf_alert_lot_index(a, slash + 1) : -1;
		bool full = !strncmp(c->name, "nearly_full/", 12);

		if (!strncmp(c->name, HF_CALLOUT_KEPT, strlen(HF_CALLOUT_KEPT)))
			continue; /* drop_calls() */
		if (full && lot >= 0)
			a->lot[lot].full = true;
		else if (full || !slash ||
			 !hf_waiter_find(a, strtoull(slash + 1, NULL, 10)))
			hf_hooks_raise(a->wire.hooks, c->name, false);
	}
}

/* Does what is to be told in a call still stand? */
static bool call_stands(const struct hf_alerts *a, const char *kept)
{
	const char *cause = kept + strlen(HF_CALLOUT_KEPT);
	const char *slash = strchr(cause, '/');
	const char *end = slash ? strchr(slash + 1, '/') : NULL;
	char name[128];

	if (!end || (size_t)(end - cause) >= sizeof(name))
		return false;
	memcpy(name, cause, (size_t)(end - cause));
	name[end - cause] = '\0';
	if (!hf_alert_was_raised(a, name))
		return false;
	if (!strncmp(name, "nearly_full/", 12))
		return hf_alert_lot_index(a, name + 12) >= 0;
	return hf_waiter_find(a, strtoull(slash + 1, NULL, 10));
}

static void drop_calls(struct hf_alerts *a)
{
	struct hf_alert_raised *c, *next;

	HASH_ITER (hh, a->raised, c, next)
		if (!strncmp(c->name, HF_CALLOUT_KEPT,
			     strlen(HF_CALLOUT_KEPT)) &&
		    !call_stands(a, c->name))
			hf_hooks_raise(a->wire.hooks, c->name, false);
}

/* Who was to be called and had not been reached is called now. */
static void call_again(struct hf_alerts *a, uint64_t now_ms)
{
	struct hf_waiter *w, *next;
	uint32_t slots, taken;

	a->calls_only = true;
	HASH_ITER (hh, a->waiters, w, next) {
		if (w->told_waiting)
			hf_alert_say_waiting(a, w, now_ms);
		if (w->told_recall)
			hf_alert_say_recall(a, w, now_ms);
	}
	for (unsigned int i = 0; i < a->wire.config->lot_count; i++) {
		if (!a->lot[i].full)
			continue;
		hf_park_lot_taken(a->park, i, &slots, &taken);
		hf_alert_say_full(a, i, slots, taken);
	}
	a->calls_only = false;
}

void hf_alerts_attach(struct hf_alerts *a, struct hf_park *park,
		      uint64_t now_ms)
{
	if (!a)
		return;
	a->park = park;
	if (!park)
		return;
	hf_park_each_slot(park, now_ms, seed, a);
	drop_stale(a);
	drop_calls(a);
	call_again(a, now_ms);
	hf_alerts_forget_raised(a);
	a->slots_changed = true;
}
