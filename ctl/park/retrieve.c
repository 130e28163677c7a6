// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Picking up: one retriever claims the caller with its INVITE and gets it with
 * its ACK; until then the caller's music goes on and everything can be undone.
 * An answered recall (recall.c) takes the same way. Afterwards the relay, with
 * its holds and offers, until one side hangs up.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool hf_if_claimed_while_ringing(const struct hf_call *call,
				 const struct hf_stimulus *s)
{
	return call->claimed_from == HF_S_RECALLING;
}

bool hf_if_claimant_is_recall(const struct hf_call *call,
			      const struct hf_stimulus *s)
{
	return call->retriever && call->retriever->role == HF_ROLE_RECALL;
}

static void note_claim(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t now = call->park->now_ms;

	call->by_slot = s->decision->plain;
	call->claimed_from = call->state;
	call->left_ms = HF_NEVER;
	if (hf_timer_armed(&call->timer))
		call->left_ms = call->timer.at > now ? call->timer.at - now : 0;
	hf_timer_stop(&call->park->timers, &call->timer);
}

/* Agree with the retriever and answer it. The 200 itself says who waits. */
static int welcome(struct hf_call *call, struct hf_party *p, const char *body,
		   size_t len, struct hf_words *words)
{
	struct hf_reply reply = {
		.status = 200,
		.body = words->sdp,
		.contact_user = call->slot ? call->slot->name : NULL,
		.asserted = hf_person_view(&call->who),
		.privacy = call->privacy,
		.user_to_user = call->user_to_user,
		.carried = call->carried,
	};
	int status = hf_party_take_invite(p, body, len,
					  body ? hf_call_codecs(call, p)
					       : hf_call_codecs_late(call),
					  words);

	if (status)
		return status;
	call->park->wire.signal->reply(p->dialog, &reply);
	p->answered = true;
	call->retriever = p;
	hf_party_index(p);
	return 0;
}

/* No codec in common. The caller may have one of the retriever's: ask it, with
 * its music going on, and keep the retriever waiting meanwhile. */
static bool ask_caller(struct hf_call *call, struct hf_party *p,
		       const struct hf_stimulus *s)
{
	struct hf_codecs c = hf_codecs_in_offer(s->body, s->len,
						hf_codecs_all(call->park));

	if (!c.count)
		return false;
	free(call->held_offer);
	call->held_offer = strndup(s->body, s->len);
	if (!call->held_offer || hf_party_reoffer(call->caller, c)) {
		free(call->held_offer);
		call->held_offer = NULL;
		return false;
	}
	hf_info("call %llu: the caller is asked for a codec of the retriever's",
		(unsigned long long)call->id);
	call->retriever = p;
	return true;
}

static bool admit(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = s->party;
	struct hf_words words;
	int status;

	p->call = call;
	/* for one round trip the caller's codec is open */
	if (!call->caller->session->have_remote ||
	    call->caller->awaiting_answer || call->caller->reoffered) {
		hf_call_refuse(call, s, 480, "the caller is not there yet");
		return false;
	}
	status = welcome(call, p, s->body, s->len, &words);
	if (!status || (status == 488 && s->body && ask_caller(call, p, s)))
		return true;
	hf_call_refuse(call, s, status, words.why);
	return false;
}

bool hf_if_retriever_is_held(const struct hf_call *call,
			     const struct hf_stimulus *s)
{
	return s->party == call->caller && call->held_offer;
}

bool hf_if_retriever_unanswered(const struct hf_call *call,
				const struct hf_stimulus *s)
{
	return !call->retriever->answered;
}

/* The end of a re-INVITE of ours to the caller; it keeps what it agreed to. */
static bool caller_agreed(struct hf_call *call, const struct hf_stimulus *s,
			  struct hf_words *words)
{
	struct hf_party *p = s->party;
	bool ok = s->status < 300;

	p->reoffered = false;
	if (!ok)
		snprintf(words->why, sizeof(words->why),
			 "the caller refused another codec (%d)", s->status);
	else
		ok = !hf_party_take_answer(p, s->body, s->len, p->offered,
					   words);
	return ok;
}

void hf_act_caller_reoffered(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_words words;

	caller_agreed(call, s, &words);
	hf_caller_listen(call);
}

/* ... and the retriever has waited for it: before its 200, or after its ACK. */
void hf_act_answer_held(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = call->retriever;
	char *offer = call->held_offer;
	const struct hf_cause cause = {.sip = 488, .text = "No common codec"};
	struct hf_words words;
	bool ok = caller_agreed(call, s, &words);

	call->held_offer = NULL;
	hf_caller_listen(call);
	if (ok && !p->answered)
		ok = !welcome(call, p, offer, strlen(offer), &words);
	else if (ok)
		hf_act_join(call, s);
	free(offer);
	if (ok)
		return;
	snprintf(call->why, sizeof(call->why), "%s", words.why);
	hf_report(call, HF_EVENT_REFUSED, call->why);
	call->retriever = NULL;
	hf_party_drop(p, 488, &cause);
	hf_call_then(call, HF_E_RETRIEVER_UNFIT);
}

void hf_act_claim(struct hf_call *call, const struct hf_stimulus *s)
{
	note_claim(call, s);
	if (!admit(call, s))
		hf_call_then(call, HF_E_RETRIEVER_UNFIT);
}

void hf_act_claim_and_stop_ring(struct hf_call *call,
				const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 200,
				       .text = "Call completed elsewhere"};

	note_claim(call, s);
	if (!admit(call, s)) {
		hf_call_then(call, HF_E_RETRIEVER_UNFIT);
		return;
	}
	hf_ring_drop(call, &cause);
	call->step_in = false;
}

void hf_act_refuse_busy(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = "somebody else is picking this call up";

	if (call->state == HF_S_RESERVED)
		why = "the slot is reserved and nobody waits in it yet";
	else if (call->state == HF_S_ARRIVING)
		why = "the caller is only arriving";
	else if (call->state == HF_S_RELAY)
		why = "the call has been picked up";
	hf_call_refuse(call, s, 486, why);
}

/*
 * Who hears whom. A side that does not listen has put the call on hold: then
 * the other one hears our hold audio, whatever music the holder may send.
 */
int hf_call_relay(struct hf_call *call)
{
	struct hf_party *a = call->caller, *b = call->retriever;
	bool to_a = hf_party_listens(a), to_b = hf_party_listens(b);
	int err;

	if (to_a && to_b) {
		if (a->hears == HF_HEARS_PEER && b->hears == HF_HEARS_PEER)
			return 0;
		err = hf_media_relay(call->park->wire.media, a->leg, b->leg);
		if (err)
			return err;
		a->hears = HF_HEARS_PEER;
		b->hears = HF_HEARS_PEER;
		return 0;
	}
	if (to_a)
		hf_party_hear_hold(a);
	else
		hf_party_hear_nothing(a);
	if (to_b)
		hf_party_hear_hold(b);
	else
		hf_party_hear_nothing(b);
	return 0;
}

/*
 * The retriever left the choice to us and chose what the caller has not agreed
 * to yet; or a recall is answered while the caller is still being asked for the
 * codec of somebody who has given up. 0 = the caller need not be asked, 1 = it
 * is being asked, -EAGAIN = it cannot be: it has an offer of ours without an answer.
 */
static int caller_follows(struct hf_call *call)
{
	struct hf_party *c = call->caller;
	enum hf_codec codec = call->retriever->session->codec;

	/* one that has yet to answer is bound to this codec when it does */
	if (!c->session->have_remote ||
	    (c->session->codec == codec && !c->reoffered))
		return 0;
	call->held_offer = strdup("");
	if (call->held_offer &&
	    (c->reoffered || !hf_party_reoffer(c, hf_codecs_only(codec))))
		return 1;
	free(call->held_offer);
	call->held_offer = NULL;
	return -EAGAIN;
}

void hf_act_join(struct hf_call *call, const struct hf_stimulus *s)
{
	int err = call->held_offer ? 1 : caller_follows(call);

	if (err > 0)
		return;
	if (!err)
		err = hf_voice_tone(call) ? 0 : hf_call_relay(call);
	if (!err) {
		hf_call_then(call, HF_E_JOINED);
		return;
	}
	snprintf(call->why, sizeof(call->why),
		 "the two legs cannot be joined (%s)", strerror(-err));
	hf_call_then(call, HF_E_RETRIEVER_UNFIT);
}

void hf_act_pick_up(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_park *park = call->park;
	bool rang_back = call->retriever->role == HF_ROLE_RECALL &&
			 !call->ring_for;
	struct hf_identity who = hf_person_view(&call->retriever->who);

	hf_timer_stop(&park->timers, &call->timer);
	hf_timer_stop(&park->timers, &call->limit);
	call->picked_ms = park->now_ms;
	if (!rang_back)
		call->by_recall = false;
	if (hf_person_set(&call->picked, &who))
		hf_warn("call %llu: no memory for the retriever's name",
			(unsigned long long)call->id);
	if (rang_back)
		park->totals.rang_back++;
	else
		park->totals.retrieved++;
	hf_report(call,
		  rang_back ? HF_EVENT_RECALL_ANSWERED : HF_EVENT_RETRIEVED,
		  call->step_in ? "stepped in: the slot is kept" : NULL);
	free(call->ring_for);
	call->ring_for = NULL;
	hf_call_name_to_caller(call);
	if (!call->step_in)
		hf_slot_free(call);
}

void hf_call_name_to_caller(struct hf_call *call)
{
	const struct hf_signal_ops *ops = call->park->wire.signal;
	const struct hf_identity who = hf_person_view(&call->picked);

	if (ops->identify && who.uri)
		ops->identify(call->caller->dialog, &who,
			      call->retriever->privacy);
}

/* Who dialled has the name from its 200, who was called from the INVITE. */
void hf_call_name_to_retriever(struct hf_call *call)
{
	const struct hf_signal_ops *ops = call->park->wire.signal;
	const struct hf_identity who = hf_person_view(&call->who);

	if (ops->identify && who.uri)
		ops->identify(call->retriever->dialog, &who, call->privacy);
}

/* The claim comes to nothing: the retriever goes, the caller waits on. */
static void undo(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_park *park = call->park;
	const struct hf_cause cause = {
		.sip = s->event == HF_E_RETRIEVER_UNFIT ? 488 : 408,
		.text = s->event == HF_E_RETRIEVER_UNFIT
				? "No media could be agreed"
				: "No ACK came",
	};

	hf_party_drop(call->retriever, 0, &cause);
	call->retriever = NULL;
	free(call->held_offer);
	call->held_offer = NULL;
	hf_caller_listen(call);
	/* max_wait may have passed while the claim kept it from ending the call
	 */
	if (call->wait_ends_ms && !hf_timer_armed(&call->limit))
		hf_timer_arm(&park->timers, &call->limit,
			     call->wait_ends_ms > park->now_ms
				     ? call->wait_ends_ms
				     : park->now_ms);
}

void hf_act_unclaim(struct hf_call *call, const struct hf_stimulus *s)
{
	undo(call, s);
	if (call->left_ms != HF_NEVER)
		hf_timer_arm(&call->park->timers, &call->timer,
			     call->park->now_ms + call->left_ms);
}

/* A phone that rings for a blink is a nuisance. */
#define RING_AGAIN_MS 5000

void hf_act_unclaim_and_ring(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t left = call->left_ms;

	undo(call, s);
	if (left == HF_NEVER || left < RING_AGAIN_MS)
		left = RING_AGAIN_MS;
	if (call->recall)
		hf_timer_arm(&call->park->timers, &call->timer,
			     call->park->now_ms + left);
	else
		hf_recall_ring(call, left);
}

static void end_relay(struct hf_call *call, const char *why)
{
	const struct hf_cause cause = {.sip = 200, .text = why};

	hf_report(call, HF_EVENT_ENDED, why);
	hf_call_end(call, &cause);
}

void hf_act_caller_left_relay(struct hf_call *call, const struct hf_stimulus *s)
{
	end_relay(call, s->why && *s->why ? s->why : "the caller hung up");
}

void hf_act_retriever_left_relay(struct hf_call *call,
				 const struct hf_stimulus *s)
{
	end_relay(call, s->why && *s->why ? s->why : "the retriever hung up");
}

void hf_call_relay_as_agreed(struct hf_call *call)
{
	int err = hf_call_relay(call);

	if (err)
		hf_warn("call %llu: the legs stay apart: %s",
			(unsigned long long)call->id, strerror(-err));
}

/* Who one talks to may change at any time (RFC 4916, or a PBX's UPDATE). Only
 * that it talks to us is no news. */
static void take_name(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_person *shown =
		s->party == call->caller ? &call->who : &call->picked;

	if (hf_identity_is_slot(call->park, call->lot->config->of,
				s->asserted))
		return;
	if (hf_identity_known(s->asserted) &&
	    (hf_person_set(shown, s->asserted) ||
	     hf_person_set(&s->party->who, s->asserted)))
		hf_warn("call %llu: no memory for the new identity",
			(unsigned long long)call->id);
	if (!hf_identity_known(s->asserted))
		return;
	if (s->party == call->caller)
		hf_call_name_to_retriever(call);
	else
		hf_call_name_to_caller(call);
}

void hf_act_reoffer_relay(struct hf_call *call, const struct hf_stimulus *s)
{
	if (!hf_call_reoffer(call, s))
		return;
	take_name(call, s);
	if (!s->party->awaiting_answer)
		hf_call_relay_as_agreed(call);
}

void hf_act_relay_answer(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_call_relay_as_agreed(call);
}

/* Between its 200 and its ACK a retriever hears nothing that could change. */
void hf_act_reoffer_claim(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_call_reoffer(call, s);
}
