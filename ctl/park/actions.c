// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Actions of the table for a caller on the way into its slot, while it waits,
 * and when its wait ends without a pick-up. retrieve.c and recall.c have the
 * others.
 */
#include <string.h>

#include "internal.h"

static unsigned long long id(const struct hf_call *call)
{
	return (unsigned long long)call->id;
}

bool hf_if_no_slot(const struct hf_call *call, const struct hf_stimulus *s)
{
	return !call->slot;
}

bool hf_if_may_be_swapped(const struct hf_call *call,
			  const struct hf_stimulus *s)
{
	return call->dialled;
}

/* Music, unless the caller's side wants to hear nothing (flow ix). */
void hf_caller_listen(struct hf_call *call)
{
	if (hf_party_listens(call->caller))
		hf_party_hear_hold(call->caller);
	else
		hf_party_hear_nothing(call->caller);
}

/*
 * Whom this party talks to; nobody while its call waits, but for one who dialled
 * for a slot: the slot. A PBX in between passes that name on to the phone, and
 * never our Contact. `uri` holds it meanwhile.
 */
static struct hf_identity speaks_to(const struct hf_call *call,
				    const struct hf_party *p,
				    const char *display, char *uri, size_t len)
{
	const char *domain = hf_tenant_domain(call->park->config,
					      call->lot->config->of);
	char number[128];

	if (display && call->slot && domain) {
		hf_user_escape(call->slot->name, number, sizeof(number));
		snprintf(uri, len, "sip:%s@%s", number, domain);
		return (struct hf_identity){.uri = uri,
					    .user = call->slot->name,
					    .host = domain,
					    .display = display};
	}
	if (p->role != HF_ROLE_CALLER)
		return hf_person_view(&call->who);
	if (call->state == HF_S_RELAY)
		return hf_person_view(&call->picked);
	return (struct hf_identity){0};
}

bool hf_call_answer(struct hf_call *call, struct hf_party *p,
		    const struct hf_stimulus *s, const char *display)
{
	struct hf_words words;
	char uri[256];
	struct hf_reply reply = {
		.status = 200,
		.body = words.sdp,
		.contact_user = call->slot ? call->slot->name : NULL,
		.display = display,
		.asserted = speaks_to(call, p, display, uri, sizeof(uri)),
		.privacy = call->privacy && p->role != HF_ROLE_CALLER,
	};
	int status = hf_party_take_invite(p, s->body, s->len,
					  hf_call_codecs(call, p), &words);

	if (status) {
		if (p == call->caller)
			call->caller = NULL;
		hf_call_refuse(call, s, status, words.why);
		return false;
	}
	call->park->wire.signal->reply(p->dialog, &reply);
	p->answered = true;
	hf_party_index(p);
	return true;
}

void hf_act_answer_caller(struct hf_call *call, const struct hf_stimulus *s)
{
	if (s->decision->slot)
		hf_slot_take(s->decision->slot, call);
	snprintf(call->why, sizeof(call->why), "%s", s->decision->reason ?: "");
	if (!hf_call_answer(call, call->caller, s, NULL)) {
		hf_call_then(call, HF_E_CALLER_UNFIT);
		return;
	}
	hf_caller_listen(call);
}

void hf_act_answer_parker(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t lease = call->lot->config->reserve_s ?: 1;
	char display[96];

	hf_slot_take(s->decision->slot, call);
	snprintf(display, sizeof(display), "Parked at %s", call->slot->name);
	if (!hf_call_answer(call, call->caller, s, display)) {
		hf_call_then(call, HF_E_CALLER_UNFIT);
		return;
	}
	/* The ACK is waited for with words, not with music. */
	if (!hf_voice_tells(call))
		hf_caller_listen(call);
	hf_timer_arm(&call->park->timers, &call->timer,
		     call->park->now_ms + lease * 1000);
	hf_report(call, HF_EVENT_RESERVED, NULL);
}

/* The wait starts: timers, music, and the world is told, once a call. */
void hf_call_begin_wait(struct hf_call *call, const char *reason)
{
	struct hf_park *park = call->park;
	uint64_t wait = hf_recall_wait_ms(call);
	uint64_t limit = call->lot->config->max_wait_s * 1000ULL;

	if (call->park_count) {
		call->waited_ms += call->picked_ms - call->parked_ms;
		call->picked_ms = 0;
	}
	call->parked_ms = park->now_ms;
	call->park_count++;
	hf_oldest_put(call);
	park->totals.parks++;
	hf_timer_stop(&park->timers, &call->timer);
	if (wait != HF_NEVER)
		hf_timer_arm(&park->timers, &call->timer, park->now_ms + wait);
	if (limit) {
		call->wait_ends_ms = park->now_ms + limit;
		hf_timer_arm(&park->timers, &call->limit, call->wait_ends_ms);
	}
	hf_caller_listen(call);
	hf_voice_begin(call);
	hf_voice_message(call);
	hf_page_parked(call);
	hf_report(call,
		  call->park_count > 1 ? HF_EVENT_REPARKED : HF_EVENT_PARKED,
		  reason && *reason ? reason : NULL);
}

void hf_act_begin_wait(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_call_begin_wait(call, call->why);
}

void hf_act_begin_wait_and_ring(struct hf_call *call,
				const struct hf_stimulus *s)
{
	hf_call_begin_wait(call, call->why);
	hf_act_start_recall(call, s);
}

void hf_act_lease_over(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = "the lease is over and the leg is still up: "
			  "it is taken for the caller";

	hf_report(call, HF_EVENT_RESERVATION_EXPIRED, why);
	hf_call_begin_wait(call, why);
}

static const char *how_it_left(const struct hf_stimulus *s)
{
	if (s->why && *s->why)
		return s->why;
	switch (s->event) {
	case HF_E_CALLER_CANCEL:
		return "cancelled";
	case HF_E_CALLER_NO_ACK:
		return "no ACK came";
	case HF_E_CALLER_UNFIT:
		return "no media could be agreed";
	default:
		return "hung up";
	}
}

/* The caller is gone, or must go because nothing was agreed with it. Without a
 * caller the INVITE was refused, which has been reported. */
void hf_act_abandon(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = how_it_left(s);
	const struct hf_cause cause = {.sip = 487, .text = why};

	if (call->caller) {
		call->park->totals.abandoned++;
		hf_report(call, HF_EVENT_ABANDONED, why);
	}
	hf_call_end(call, &cause);
}

void hf_act_give_up_slot(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = how_it_left(s);
	const struct hf_cause cause = {.sip = 487, .text = why};

	if (call->caller)
		hf_report(call, HF_EVENT_RESERVATION_EXPIRED, why);
	hf_call_end(call, &cause);
}

void hf_act_expire(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 480,
				       .text = "The longest wait is over"};

	hf_report(call, HF_EVENT_EXPIRED, cause.text);
	hf_call_end(call, &cause);
}

void hf_act_hang_up(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = s->why ?: "ended by the operator";
	const struct hf_cause cause = {.sip = 480, .text = why};

	hf_report(call,
		  call->state == HF_S_RELAY ? HF_EVENT_ENDED : HF_EVENT_KICKED,
		  why);
	hf_call_end(call, &cause);
}

/* ACK with or without the answer to our offer; park.c has taken that. */
void hf_act_late_answer(struct hf_call *call, const struct hf_stimulus *s)
{
	if (call->state == HF_S_RESERVED && hf_voice_tells(call))
		hf_voice_tell_slot(call);
	hf_caller_listen(call);
}

/*
 * Answer a re-INVITE. True if it was accepted, or wants no answer; then `who` of
 * the party is what the request says now.
 */
bool hf_call_reoffer(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = s->party;
	struct hf_words words;
	struct hf_reply reply = {
		.status = 200,
		.body = words.sdp,
		.contact_user = call->slot ? call->slot->name : NULL,
	};
	int status;

	if (s->no_offer)
		return true;
	if (s->answer)
		return !hf_party_take_answer(p, s->body, s->len,
					     hf_call_codecs(call, p), &words);
	status = hf_party_retake(p, s->body, s->len, hf_call_codecs(call, p),
				 &words);
	if (status) {
		hf_info("call %llu: re-INVITE refused with %d: %s", id(call),
			status, words.why);
		reply = (struct hf_reply){.status = status,
					  .reason = words.why};
	} else if (p == call->retriever) {
		reply.asserted = hf_person_view(&call->who);
		reply.privacy = call->privacy;
	}
	call->park->wire.signal->reply(p->dialog, &reply);
	return !status;
}

/* A new identity in the caller's dialog: the PBX has put somebody else there.
 */
static bool new_identity(struct hf_call *call, const struct hf_identity *now)
{
	struct hf_identity was = hf_person_view(&call->who);

	if (!hf_identity_known(now) || hf_identity_same(&was, now))
		return false;
	if (hf_person_set(&call->who, now) ||
	    hf_person_set(&call->caller->who, now))
		hf_warn("call %llu: no memory for the new identity", id(call));
	return true;
}

void hf_act_reoffer_caller(struct hf_call *call, const struct hf_stimulus *s)
{
	if (!hf_call_reoffer(call, s))
		return;
	if (!call->caller->awaiting_answer)
		hf_caller_listen(call);
	if (new_identity(call, s->asserted) && call->dialled) {
		call->dialled = false;
		hf_report(call, HF_EVENT_SWAPPED,
			  "the identity of the leg changed");
	}
}

void hf_act_reoffer_reserved(struct hf_call *call, const struct hf_stimulus *s)
{
	if (!hf_call_reoffer(call, s))
		return;
	if (!call->caller->awaiting_answer)
		hf_caller_listen(call);
	if (new_identity(call, s->asserted)) {
		snprintf(call->why, sizeof(call->why),
			 "the identity of the leg changed");
		hf_call_then(call, HF_E_SWAPPED);
	}
}

/* INVITE with Replaces (RFC 3891): the new leg first, then BYE for the old. */
void hf_act_try_swap(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 200, .text = "Replaced"};
	struct hf_party *old = call->caller, *p = s->party;

	p->call = call;
	if (!hf_call_answer(call, p, s, NULL))
		return;
	if (hf_person_set(&call->who, hf_invite_sender(s->invite)))
		hf_warn("call %llu: no memory for the new identity", id(call));
	call->privacy = s->invite->privacy;
	call->caller = p;
	hf_party_drop(old, 0, &cause);
	hf_caller_listen(call);
	snprintf(call->why, sizeof(call->why), "INVITE with Replaces");
	hf_call_then(call, HF_E_SWAPPED);
}

void hf_act_swap_in(struct hf_call *call, const struct hf_stimulus *s)
{
	call->dialled = false;
	hf_report(call, HF_EVENT_SWAPPED, s->why);
	if (!call->park_count)
		hf_call_begin_wait(call, NULL);
}

void hf_act_refuse_swap(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_call_refuse(call, s, 486, "this leg cannot be replaced now");
}
