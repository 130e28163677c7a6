// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the world is told: one flat record (ctl/events/event.h) per happening,
 * filled from the call as it stands at that moment.
 */
#include <arpa/inet.h>

#include "internal.h"

static void tell(struct hf_park *park, const struct hf_event *e)
{
	if (park->wire.event)
		park->wire.event(park->wire.event_arg, e);
}

/* Where the signalling of who acted comes from. */
static const char *source_of(const struct hf_call *call,
			     enum hf_event_type type, char *text, size_t len)
{
	const struct hf_party *who = call->caller;

	if (type == HF_EVENT_RETRIEVED || type == HF_EVENT_RECALL_ANSWERED ||
	    type == HF_EVENT_TRANSFERRED || type == HF_EVENT_REFUSED)
		who = call->retriever ?: call->recall;
	if (!who || !who->source.s_addr)
		return NULL;
	return len < HF_IP_TEXT ? NULL : hf_ip_text(&who->source, text);
}

static const char *tenant_of(const struct hf_lot *lot)
{
	return lot->config->of ? lot->config->of->name : NULL;
}

static struct hf_event event_of(const struct hf_call *call,
				enum hf_event_type type)
{
	const struct hf_party *other = call->retriever ?: call->recall;

	return (struct hf_event){
		.type = type,
		.call = call->id,
		.tenant = tenant_of(call->lot),
		.lot = call->lot->config->name,
		.slot = hf_call_slot_name(call),
		.caller_number = call->who.user,
		.caller_name = call->who.display,
		.caller_uri = call->who.uri,
		.parker_uri = call->parker.uri,
		.retriever_uri = call->picked.uri,
		.parked_call_id =
			call->caller ? call->caller->sip_call_id : NULL,
		.other_call_id = other ? other->sip_call_id : NULL,
		.seconds_parked = hf_call_seconds_parked(call),
		.seconds_left = hf_call_seconds_left(call),
		.attempt = call->attempt,
		.rule = call->rule,
		.user_to_user = call->user_to_user,
		.carried = call->carried,
		.privacy = call->privacy,
	};
}

void hf_report(struct hf_call *call, enum hf_event_type type,
	       const char *reason)
{
	struct hf_event e = event_of(call, type);
	char source[INET6_ADDRSTRLEN];

	e.reason = reason;
	e.source = source_of(call, type, source, sizeof(source));
	if (call->slot)
		hf_slot_changed(call->slot);
	tell(call->park, &e);
}

void hf_report_key(const struct hf_party *p, char digit, uint32_t ms)
{
	struct hf_event e = event_of(p->call, HF_EVENT_DIGIT);
	const char text[] = {digit, 0};

	e.rule = NULL; /* nothing was decided */
	e.party = hf_party_role(p);
	e.digit = text;
	e.digit_ms = ms;
	tell(p->call->park, &e);
}

void hf_report_silence(const struct hf_party *p, bool silent, uint32_t seconds)
{
	struct hf_event e = event_of(p->call, silent ? HF_EVENT_MEDIA_SILENT :
						       HF_EVENT_MEDIA_RESUMED);
	char why[80];

	snprintf(why, sizeof(why),
		 silent ? "neither RTP nor RTCP for %u s" : "after %u s",
		 seconds);
	e.rule = NULL;
	e.reason = why;
	e.party = hf_party_role(p);
	tell(p->call->park, &e);
}

void hf_report_refused(struct hf_park *park, const struct hf_invite *in,
		       const struct hf_decision *d)
{
	const struct hf_identity *sender = hf_invite_sender(in);
	const struct hf_identity *mark = hf_invite_mark(in);
	struct hf_event e = {
		.type = HF_EVENT_REFUSED,
		.tenant = in->tenant ? in->tenant->name : NULL,
		.lot = d->lot ? d->lot->config->name : NULL,
		.slot = d->slot ? d->slot->name : NULL,
		.caller_number = sender->user,
		.caller_name = sender->display,
		.caller_uri = sender->uri,
		.parker_uri = mark ? mark->uri : NULL,
		.parked_call_id = in->call_id,
		.rule = d->rule,
		.reason = d->reason,
		.user_to_user = in->user_to_user,
		.carried = in->carried,
		.source = in->source,
	};

	park->totals.refused++;
	tell(park, &e);
}

void hf_report_lot(struct hf_lot *lot, enum hf_event_type type)
{
	struct hf_event e = {.type = type,
			     .tenant = tenant_of(lot),
			     .lot = lot->config->name};

	tell(lot->park, &e);
}
