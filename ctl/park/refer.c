// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * REFER. In the dialog of who has picked up: the caller is sent on to anybody
 * (called by us, joined when that one answers) or parked again. Outside any
 * dialog (RFC 5359 2.9): a phone asks us to fetch the caller it talks to, by an
 * INVITE with Replaces, into a slot. Who sent the REFER is told how it ended,
 * and keeps its call until it has ended well.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define TARGET_RINGS_MS 120000
#define FETCH_MS	32000 /* 64*T1: the caller's phone answers by itself */

static unsigned long long id(const struct hf_call *call)
{
	return (unsigned long long)call->id;
}

static const struct hf_signal_ops *ops(const struct hf_call *call)
{
	return call->park->wire.signal;
}

bool hf_if_refer_is_refused(const struct hf_call *call,
			    const struct hf_stimulus *s)
{
	return s->decision->verdict == HF_DO_REFUSE;
}

bool hf_if_refer_parks(const struct hf_call *call, const struct hf_stimulus *s)
{
	return s->decision->verdict == HF_DO_PARK;
}

bool hf_if_retriever_waits(const struct hf_call *call,
			   const struct hf_stimulus *s)
{
	return call->retriever;
}

bool hf_if_retriever_left(const struct hf_call *call,
			  const struct hf_stimulus *s)
{
	return !call->retriever;
}

void hf_act_refuse_refer(struct hf_call *call, const struct hf_stimulus *s)
{
	bool early = s->event == HF_E_RETRIEVER_REFER &&
		     call->state != HF_S_RELAY;
	int status = early ? 491 : s->decision->status;

	hf_info("call %llu: REFER refused with %d: %s", id(call), status,
		early ? "not now" : s->decision->reason);
	ops(call)->refer(s->party->dialog, status, NULL);
}

void hf_act_repark(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_stimulus make_room = {
		.event = HF_E_HANG_UP,
		.why = "the caller for this slot has come by REFER",
	};
	const struct hf_cause cause = {.sip = 200, .text = "Parked"};
	struct hf_party *agent = s->party;

	ops(call)->refer(agent->dialog, 202, NULL);
	if (s->decision->call)
		hf_call_event(s->decision->call, &make_room);
	call->retriever = NULL;
	call->lot = s->decision->lot;
	call->rule = s->decision->rule;
	hf_call_wait_again(call, s->decision->slot, NULL);
	ops(call)->refer(agent->dialog, 200, NULL);
	hf_party_drop(agent, 0, &cause);
}

/* A host that is an address, or ours, means nothing to the proxy. */
static void target_uri(const struct hf_call *call, struct hf_identity target,
		       char *uri, size_t len)
{
	const struct hf_config_tenant *of = call->lot->config->of;
	const struct hf_config *c = call->park->config;
	const char *domain = hf_tenant_domain(c, of);

	if (domain && !strcmp(target.host ?: "", domain))
		target.host = "";
	if (!hf_tenant_proxy(c, of) ||
	    hf_identity_aor(c, of, &target, uri, len))
		snprintf(uri, len, "%s", target.uri);
}

void hf_act_begin_transfer(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_words words;
	const char *failed;
	char uri[512];

	ops(call)->refer(s->party->dialog, 202, NULL);
	call->step_in = false;
	hf_slot_free(call);
	hf_caller_listen(call);
	hf_party_hear_nothing(call->retriever);
	target_uri(call, s->refer->target, uri, sizeof(uri));
	hf_timer_arm(&call->park->timers, &call->timer,
		     call->park->now_ms + TARGET_RINGS_MS);
	failed = hf_call_target(call, uri, s->refer, &words);
	if (!failed) {
		hf_info("call %llu: sent on to %s", id(call), uri);
		return;
	}
	snprintf(call->why, sizeof(call->why), "%.99s cannot be called: %.80s",
		 uri, failed);
	hf_call_then(call, HF_E_RECALL_FAILED);
}

static void target_unfit(struct hf_call *call, struct hf_party *target,
			 const char *why)
{
	const struct hf_cause cause = {.sip = 488, .text = why};

	hf_party_drop(target, 0, &cause);
	snprintf(call->why, sizeof(call->why), "%s", why);
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_act_target_answered(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 200, .text = "Transferred"};
	struct hf_party *agent = call->retriever, *target = call->recall;
	struct hf_words words;
	int err;

	call->recall = NULL;
	target->answered = true;
	target->up = true;
	hf_party_index(target);
	if (hf_party_take_answer(target, s->body, s->len,
				 hf_call_codecs(call, target), &words)) {
		target_unfit(call, target, words.why);
		return;
	}
	call->retriever = target;
	err = hf_call_relay(call);
	if (err) {
		call->retriever = agent;
		hf_caller_listen(call);
		target_unfit(call, target, strerror(-err));
		return;
	}
	if (agent) {
		ops(call)->refer(agent->dialog, 200, NULL);
		hf_party_drop(agent, 0, &cause);
	}
	hf_call_then(call, HF_E_JOINED);
}

void hf_act_transferred(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_identity who = hf_person_view(&call->retriever->who);

	hf_timer_stop(&call->park->timers, &call->timer);
	if (hf_person_set(&call->picked, &who))
		hf_warn("call %llu: no memory for the target's name", id(call));
	call->by_slot = false;
	hf_report(call, HF_EVENT_TRANSFERRED, NULL);
	hf_call_name_to_caller(call);
}

void hf_act_target_silent(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 408, .text = "Nobody answers"};

	hf_ring_drop(call, &cause);
	snprintf(call->why, sizeof(call->why), "nobody answered");
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_act_transferor_left(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_party_drop(call->retriever, 0, NULL);
	call->retriever = NULL;
}

static void transfer_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_timer_stop(&call->park->timers, &call->timer);
	hf_report(call, HF_EVENT_TRANSFER_FAILED, s->why);
	hf_ring_drop(call, NULL);
}

void hf_act_back_to_retriever(struct hf_call *call, const struct hf_stimulus *s)
{
	transfer_failed(call, s);
	ops(call)->refer(call->retriever->dialog, s->status ?: 480, NULL);
	hf_call_relay_as_agreed(call);
}

void hf_act_repark_lost(struct hf_call *call, const struct hf_stimulus *s)
{
	transfer_failed(call, s);
	hf_call_wait_again(call, NULL, "a transfer failed and who sent the "
				       "caller on had hung up");
}

void hf_call_tell_referrer(struct hf_call *call, int status, const char *phrase)
{
	struct hf_dialog *dialog = call->referrer;

	if (!dialog)
		return;
	call->referrer = NULL;
	ops(call)->refer(dialog, status, phrase);
	ops(call)->release(dialog);
}

void hf_act_fetch(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = call->caller;
	struct hf_words words;
	struct hf_call_out out = {
		.uri = s->refer->target.uri,
		.replaces = s->refer->replaces,
		.referred_by = hf_person_view(&call->parker),
		.body = words.sdp,
	};
	const char *sip_call_id = NULL;

	hf_slot_take(s->decision->slot, call);
	hf_timer_arm(&call->park->timers, &call->timer,
		     call->park->now_ms + FETCH_MS);
	if (!hf_party_make_offer(p, p->source, hf_call_codecs(call, p), &words))
		p->dialog = ops(call)->invite(call->park->wire.stack, p, &out);
	/* it is not known yet where the caller's phone signals from */
	p->source = (struct hf_ip){0};
	if (!p->dialog) {
		snprintf(call->why, sizeof(call->why),
			 "the caller cannot be called");
		hf_call_then(call, HF_E_FETCH_FAILED);
		return;
	}
	if (ops(call)->call_id)
		sip_call_id = ops(call)->call_id(p->dialog);
	if (!sip_call_id)
		return;
	free(p->sip_call_id);
	p->sip_call_id = strdup(sip_call_id);
}

void hf_act_fetched(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = call->caller;
	struct hf_words words;

	p->answered = true;
	p->up = true;
	hf_party_index(p);
	if (hf_party_take_answer(p, s->body, s->len, hf_call_codecs(call, p),
				 &words)) {
		snprintf(call->why, sizeof(call->why), "%s", words.why);
		hf_call_tell_referrer(call, 488, NULL);
		hf_call_then(call, HF_E_CALLER_UNFIT);
		return;
	}
	hf_call_begin_wait(call, NULL);
	hf_call_tell_referrer(call, 200, NULL);
}

void hf_act_fetch_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = s->why && *s->why ? s->why : "no answer";
	const struct hf_cause cause = {.sip = 487, .text = why};

	hf_report(call, HF_EVENT_ABANDONED, why);
	hf_call_tell_referrer(call, s->status ?: 480, NULL);
	hf_call_end(call, &cause);
}
