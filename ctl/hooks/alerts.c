// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which alerts are due, and when they are over. A cause is "waiting/CALL",
 * "recall_failed/CALL" or "nearly_full/LOT". The calls of a lot stand in the
 * order in which they will have waited too long, which is nearly always the
 * order in which they come. words.c says it.
 */
#include "alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "callouts.h"
#include "config/config.h"
#include "events/bus.h"
#include "hooks.h"
#include "park/park.h"
#include "words.h"

#include <uthash.h>

/* A call that waits in a lot with alerts. */
struct waiter {
	UT_hash_handle hh;
	uint64_t call;
	unsigned int lot;
	uint64_t since_ms, due_ms; /* UINT64_MAX: told, or never */
	bool told_waiting, told_recall;
	bool recall_failed; /* to be told */
	bool privacy;
	struct waiter *prev, *next; /* of the lot, by due_ms */
	struct waiter *dead_next;
	char slot[32], number[64], name[96], uri[160];
};

struct lot {
	struct waiter *first, *last;
	bool full; /* told */
};

struct cause {
	UT_hash_handle hh;
	char name[];
};

struct hf_alerts {
	struct hf_alerts_wiring wire;
	struct hf_park *park;
	struct hf_bus_reader *reader;
	struct cause *raised; /* of the process before us */
	bool calls_only; /* tell again who had not been reached yet, no more */
	struct waiter *waiters;
	struct waiter *over; /* to be told that it is over */
	bool slots_changed, recalls_failed;
	uint64_t next_ms;
	struct lot lot[];
};

static const struct hf_config_lot *config_of(const struct hf_alerts *a,
					     unsigned int lot)
{
	return &a->wire.config->lots[lot];
}

static void cause_name(char *name, size_t len, const char *kind, uint64_t call)
{
	snprintf(name, len, "%s/%llu", kind, (unsigned long long)call);
}

static bool was_raised(const struct hf_alerts *a, const char *name)
{
	struct cause *c;

	HASH_FIND_STR(a->raised, name, c);
	return c;
}

/* --- the waiters of a lot ------------------------------------------------------- */

static void take_out(struct hf_alerts *a, struct waiter *w)
{
	struct lot *l = &a->lot[w->lot];

	if (w->prev)
		w->prev->next = w->next;
	else
		l->first = w->next;
	if (w->next)
		w->next->prev = w->prev;
	else
		l->last = w->prev;
}

static void put_in(struct hf_alerts *a, struct waiter *w)
{
	struct lot *l = &a->lot[w->lot];
	const unsigned int limit = config_of(a, w->lot)->alerts.waiting_s;
	struct waiter *before = l->last;

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

static bool known(const char *s)
{
	return s && *s;
}

static void copy(char *to, size_t len, const char *from)
{
	snprintf(to, len, "%s", from ? from : "");
}

static int lot_of(const struct hf_alerts *a, const char *name)
{
	for (unsigned int i = 0; name && i < a->wire.config->lot_count; i++)
		if (!strcmp(config_of(a, i)->name, name))
			return (int)i;
	return -1;
}

static struct waiter *find(const struct hf_alerts *a, uint64_t call)
{
	struct waiter *w;

	HASH_FIND(hh, a->waiters, &call, sizeof(call), w);
	return w;
}

/* From now on it waits there; it may have been known before. */
static struct waiter *follow(struct hf_alerts *a, uint64_t call,
			     const char *lot_name, uint32_t seconds,
			     uint64_t now_ms)
{
	int lot = lot_of(a, lot_name);
	struct waiter *w = find(a, call);

	if (w) {
		take_out(a, w);
	} else if (lot >= 0 && (config_of(a, lot)->alerts.waiting_s ||
				config_of(a, lot)->alerts.recall_failed)) {
		w = calloc(1, sizeof(*w));
		if (!w) {
			hf_error("alerts: call %llu is not followed: out of memory",
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
	put_in(a, w);
	return w;
}

/* It waits no more. What was told of it is told to be over by the next run. */
static void lose(struct hf_alerts *a, uint64_t call, uint64_t now_ms)
{
	struct waiter *w = find(a, call);

	if (!w)
		return;
	take_out(a, w);
	HASH_DEL(a->waiters, w);
	if (!w->told_waiting && !w->told_recall) {
		free(w);
		return;
	}
	w->dead_next = a->over;
	a->over = w;
	a->next_ms = now_ms;
}

/* --- what happens ------------------------------------------------------------- */

static void on_event(void *arg, const struct hf_event *e, const char *json,
		     size_t len)
{
	struct hf_alerts *a = arg;
	uint64_t now = hf_now_ms();
	struct waiter *w;

	switch (e->type) {
	case HF_EVENT_PARKED:
	case HF_EVENT_SWAPPED:
	case HF_EVENT_REPARKED:
	case HF_EVENT_MOVED:
		w = follow(a, e->call, e->lot, e->seconds_parked, now);
		if (!w)
			return;
		w->privacy = e->privacy;
		copy(w->slot, sizeof(w->slot), e->slot);
		copy(w->number, sizeof(w->number), e->caller_number);
		copy(w->name, sizeof(w->name), e->caller_name);
		copy(w->uri, sizeof(w->uri), e->caller_uri);
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
		w = find(a, e->call);
		if (!w || w->told_recall ||
		    !config_of(a, w->lot)->alerts.recall_failed)
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

/* --- telling -------------------------------------------------------------------- */

static void send_messages(struct hf_alerts *a, const struct hf_config_lot *lot,
			  const struct hf_event *e)
{
	char text[512];

	if (!lot->alerts.message_count || !a->wire.message)
		return;
	hf_alert_message(lot, e, text, sizeof(text));
	for (unsigned int i = 0; i < lot->alerts.message_count; i++)
		a->wire.message(a->wire.arg, lot, lot->alerts.message[i],
				text);
}

/* Has the process before us still been about to call this one? */
static bool owes_call(const struct hf_alerts *a, const char *cause,
		      const char *uri)
{
	char name[512];

	snprintf(name, sizeof(name), HF_CALLOUT_KEPT "%s/%s", cause, uri);
	return was_raised(a, name);
}

static void call_people(struct hf_alerts *a, const struct hf_config_lot *lot,
			const char *cause, const struct hf_event *e)
{
	char text[512];
	struct hf_callout o = {
		.cause = cause,
		.lot = lot->name,
		.slot = known(e->slot) ? e->slot : NULL,
		.from_user = lot->park,
		.call = e->call,
		.rule = e->rule,
		.text = text,
		.voice = lot->alerts.voice,
		.ring_s = lot->recall.ring_s,
	};

	if (!lot->alerts.call_count || !a->wire.call)
		return;
	hf_alert_speech(lot, e, text, sizeof(text));
	for (unsigned int i = 0; i < lot->alerts.call_count; i++) {
		o.to = lot->alerts.call[i];
		if (!a->calls_only || owes_call(a, cause, o.to))
			a->wire.call(a->wire.arg, &o);
	}
}

static void tell(struct hf_alerts *a, const struct hf_config_lot *lot,
		 const char *cause, const struct hf_event *e)
{
	bool on = e->type == HF_EVENT_ALERT;

	/* Who is called first: what is kept of an alert has its calls. */
	if (on)
		call_people(a, lot, cause, e);
	else if (a->wire.uncall)
		a->wire.uncall(a->wire.arg, cause);
	if (a->calls_only)
		return;
	hf_hooks_raise(a->wire.hooks, cause, on);
	hf_bus_publish(a->wire.bus, e);
	if (!on)
		return;
	hf_warn("alert: lot %s%s%s: %s", lot->name, e->slot ? " " : "",
		e->slot ? e->slot : "", e->reason);
	send_messages(a, lot, e);
}

static void tell_of(struct hf_alerts *a, const struct waiter *w,
		    enum hf_event_type type, const char *kind,
		    const char *reason, uint64_t now_ms)
{
	const struct hf_config_lot *lot = config_of(a, w->lot);
	struct hf_event e = {
		.type = type,
		.call = w->call,
		.lot = lot->name,
		.slot = w->slot,
		.caller_number = w->number,
		.caller_name = w->name,
		.caller_uri = w->uri,
		.privacy = w->privacy,
		.seconds_parked = (uint32_t)((now_ms - w->since_ms) / 1000),
		.rule = kind,
		.reason = reason,
	};
	char cause[64];

	cause_name(cause, sizeof(cause), kind, w->call);
	tell(a, lot, cause, &e);
}

static void say_waiting(struct hf_alerts *a, const struct waiter *w,
			uint64_t now_ms)
{
	char reason[80];

	snprintf(reason, sizeof(reason), "the caller has waited for %llu s",
		 (unsigned long long)(now_ms - w->since_ms) / 1000);
	tell_of(a, w, HF_EVENT_ALERT, "waiting", reason, now_ms);
}

static void say_recall(struct hf_alerts *a, const struct waiter *w,
		       uint64_t now_ms)
{
	tell_of(a, w, HF_EVENT_ALERT, "recall_failed",
		"nobody answered when the call rang back", now_ms);
}

static void tell_waiting(struct hf_alerts *a, struct waiter *w, uint64_t now_ms)
{
	take_out(a, w);
	w->told_waiting = true;
	put_in(a, w);
	say_waiting(a, w, now_ms);
}

static void tell_over(struct hf_alerts *a, uint64_t now_ms)
{
	struct waiter *w;

	while ((w = a->over)) {
		a->over = w->dead_next;
		if (w->told_waiting)
			tell_of(a, w, HF_EVENT_ALERT_CLEARED, "waiting",
				"the caller waits no more", now_ms);
		if (w->told_recall)
			tell_of(a, w, HF_EVENT_ALERT_CLEARED, "recall_failed",
				"the caller waits no more", now_ms);
		free(w);
	}
}

static void tell_recalls(struct hf_alerts *a, uint64_t now_ms)
{
	struct waiter *w, *next;

	a->recalls_failed = false;
	HASH_ITER (hh, a->waiters, w, next) {
		if (!w->recall_failed)
			continue;
		w->recall_failed = false;
		w->told_recall = true;
		say_recall(a, w, now_ms);
	}
}

static void say_full(struct hf_alerts *a, unsigned int i, uint32_t slots,
		     uint32_t taken)
{
	const struct hf_config_lot *lot = config_of(a, i);
	char reason[80], cause[128];
	const struct hf_event e = {
		.type = a->lot[i].full ? HF_EVENT_ALERT
				       : HF_EVENT_ALERT_CLEARED,
		.lot = lot->name,
		.rule = "nearly_full",
		.reason = reason,
	};

	snprintf(reason, sizeof(reason), "%u of %u slots are taken", taken,
		 slots);
	snprintf(cause, sizeof(cause), "nearly_full/%s", lot->name);
	tell(a, lot, cause, &e);
}

static void look_at_lot(struct hf_alerts *a, unsigned int i)
{
	const struct hf_config_lot *lot = config_of(a, i);
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
	say_full(a, i, slots, taken);
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
		struct lot *l = &a->lot[i];

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

/* --- life ----------------------------------------------------------------------- */

static void read_raised(void *arg, const char *name)
{
	struct hf_alerts *a = arg;
	struct cause *c = calloc(1, sizeof(*c) + strlen(name) + 1);

	if (!c)
		return;
	strcpy(c->name, name);
	HASH_ADD_STR(a->raised, name, c);
}

static void forget_raised(struct hf_alerts *a)
{
	struct cause *c, *next;

	HASH_ITER (hh, a->raised, c, next) {
		HASH_DEL(a->raised, c);
		free(c);
	}
}

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
	a = calloc(1, sizeof(*a) +
			      wire->config->lot_count * sizeof(a->lot[0]));
	if (!a)
		return -ENOMEM;
	a->wire = *wire;
	a->next_ms = UINT64_MAX;
	hf_hooks_each_raised(wire->hooks, read_raised, a);
	err = hf_bus_subscribe(wire->bus, on_event, a, &a->reader);
	if (err) {
		hf_alerts_destroy(a);
		return err;
	}
	hf_bus_wants(a->reader, hf_bus_no_json);
	*ret = a;
	return 0;
}

static bool seed(void *arg, const struct hf_slot_view *v)
{
	struct hf_alerts *a = arg;
	char cause[64];
	struct waiter *w;

	if (!v->call || (strcmp(v->state, "parked") &&
			 strcmp(v->state, "recalling")))
		return true;
	w = follow(a, v->call, v->lot, v->seconds_parked, hf_now_ms());
	if (!w)
		return true;
	w->privacy = v->privacy;
	copy(w->slot, sizeof(w->slot), v->slot);
	copy(w->number, sizeof(w->number), v->caller_number);
	copy(w->name, sizeof(w->name), v->caller_name);
	copy(w->uri, sizeof(w->uri), v->caller_uri);
	take_out(a, w);
	cause_name(cause, sizeof(cause), "waiting", w->call);
	w->told_waiting = was_raised(a, cause);
	cause_name(cause, sizeof(cause), "recall_failed", w->call);
	w->told_recall = was_raised(a, cause);
	put_in(a, w);
	return true;
}

/* Of a call that has gone while nobody looked there is nothing to tell. */
static void drop_stale(struct hf_alerts *a)
{
	struct cause *c, *next;

	HASH_ITER (hh, a->raised, c, next) {
		const char *slash = strchr(c->name, '/');
		int lot = slash ? lot_of(a, slash + 1) : -1;
		bool full = !strncmp(c->name, "nearly_full/", 12);

		if (!strncmp(c->name, HF_CALLOUT_KEPT, strlen(HF_CALLOUT_KEPT)))
			continue; /* drop_calls() */
		if (full && lot >= 0)
			a->lot[lot].full = true;
		else if (full || !slash || !find(a, strtoull(slash + 1, NULL, 10)))
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
	if (!was_raised(a, name))
		return false;
	if (!strncmp(name, "nearly_full/", 12))
		return lot_of(a, name + 12) >= 0;
	return find(a, strtoull(slash + 1, NULL, 10));
}

static void drop_calls(struct hf_alerts *a)
{
	struct cause *c, *next;

	HASH_ITER (hh, a->raised, c, next)
		if (!strncmp(c->name, HF_CALLOUT_KEPT,
			     strlen(HF_CALLOUT_KEPT)) &&
		    !call_stands(a, c->name))
			hf_hooks_raise(a->wire.hooks, c->name, false);
}

/* Who was to be called and had not been reached is called now. */
static void call_again(struct hf_alerts *a, uint64_t now_ms)
{
	struct waiter *w, *next;
	uint32_t slots, taken;

	a->calls_only = true;
	HASH_ITER (hh, a->waiters, w, next) {
		if (w->told_waiting)
			say_waiting(a, w, now_ms);
		if (w->told_recall)
			say_recall(a, w, now_ms);
	}
	for (unsigned int i = 0; i < a->wire.config->lot_count; i++) {
		if (!a->lot[i].full)
			continue;
		hf_park_lot_taken(a->park, i, &slots, &taken);
		say_full(a, i, slots, taken);
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
	forget_raised(a);
	a->slots_changed = true;
}

void hf_alerts_destroy(struct hf_alerts *a)
{
	struct waiter *w, *next;

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
	forget_raised(a);
	free(a);
}
