// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Telling an alert, or that it is over (alerts.c says when): an event of the
 * bus, a line of the log, a message, a call to people. What has been told is
 * kept by hooks.h.
 */
#include <stdio.h>
#include <string.h>

#include "alert_parts.h"
#include "base/log.h"
#include "callouts.h"
#include "config/config.h"
#include "events/bus.h"
#include "hooks.h"
#include "words.h"

void hf_alert_cause(char *name, size_t len, const char *kind, uint64_t call)
{
	snprintf(name, len, "%s/%llu", kind, (unsigned long long)call);
}

static bool known(const char *s)
{
	return s && *s;
}

static void send_messages(struct hf_alerts *a, const struct hf_config_lot *lot,
			  const struct hf_event *e)
{
	char text[512];

	if (!lot->alerts.message_count || !a->wire.message)
		return;
	hf_alert_message(lot, e, text, sizeof(text));
	for (unsigned int i = 0; i < lot->alerts.message_count; i++)
		a->wire.message(a->wire.arg, lot, lot->alerts.message[i], text);
}

/* Has the process before us still been about to call this one? */
static bool owes_call(const struct hf_alerts *a, const char *cause,
		      const char *uri)
{
	char name[512];

	snprintf(name, sizeof(name), HF_CALLOUT_KEPT "%s/%s", cause, uri);
	return hf_alert_was_raised(a, name);
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

static void tell_of(struct hf_alerts *a, const struct hf_waiter *w,
		    enum hf_event_type type, const char *kind,
		    const char *reason, uint64_t now_ms)
{
	const struct hf_config_lot *lot = hf_alert_lot(a, w->lot);
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

	hf_alert_cause(cause, sizeof(cause), kind, w->call);
	tell(a, lot, cause, &e);
}

void hf_alert_say_waiting(struct hf_alerts *a, const struct hf_waiter *w,
			  uint64_t now_ms)
{
	char reason[80];

	snprintf(reason, sizeof(reason), "the caller has waited for %llu s",
		 (unsigned long long)(now_ms - w->since_ms) / 1000);
	tell_of(a, w, HF_EVENT_ALERT, "waiting", reason, now_ms);
}

void hf_alert_say_recall(struct hf_alerts *a, const struct hf_waiter *w,
			 uint64_t now_ms)
{
	tell_of(a, w, HF_EVENT_ALERT, "recall_failed",
		"nobody answered when the call rang back", now_ms);
}

void hf_alert_say_over(struct hf_alerts *a, const struct hf_waiter *w,
		       uint64_t now_ms)
{
	if (w->told_waiting)
		tell_of(a, w, HF_EVENT_ALERT_CLEARED, "waiting",
			"the caller waits no more", now_ms);
	if (w->told_recall)
		tell_of(a, w, HF_EVENT_ALERT_CLEARED, "recall_failed",
			"the caller waits no more", now_ms);
}

void hf_alert_say_full(struct hf_alerts *a, unsigned int i, uint32_t slots,
		       uint32_t taken)
{
	const struct hf_config_lot *lot = hf_alert_lot(a, i);
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
