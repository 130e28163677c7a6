// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ringing back. The chain of one call, by `chain`:
 *
 *	-1		on_full: <uri>, once
 *	0 .. a-1	the parker, `attempts` times
 *	a .. a+f-1	the fallbacks, one phone or a group each
 *	a+f		`finally`: a URI is rung again and again, `repeat`
 *			starts over, `hang_up` ends the call
 *
 * Each entry rings for ring_s; between two entries the park timer runs anew and
 * the caller waits as before, with music and retrievable all the time.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#include "base/log.h"

/* A call without a slot cannot be picked up, so its pauses are short. */
#define NO_SLOT_PAUSE_MS 10000

static const struct hf_config_lot *config(const struct hf_call *call)
{
	return call->lot->config;
}

static bool parker_aor(const struct hf_call *call, char *uri, size_t len)
{
	struct hf_identity parker = hf_person_view(&call->parker);

	if (!config(call)->recall.attempts)
		return false;
	/* one of our own numbers would only bring the call back here */
	if (hf_lot_by_number(call->park, config(call)->of, parker.user) ||
	    hf_slot_by_number(call->park, config(call)->of, parker.user))
		return false;
	return !hf_identity_aor(call->park->config, config(call)->of, &parker,
				uri, len);
}

static bool only(struct hf_targets *t, const char *uri)
{
	t->uri[0] = uri;
	t->count = 1;
	return true;
}

/* The first entry at or after `at` that can be rung. */
static bool entry(const struct hf_call *call, int at, struct hf_targets *t,
		  const char **why)
{
	const struct hf_config_lot *c = config(call);
	int a = (int)c->recall.attempts, f = (int)c->recall.fallback_count;

	*why = NULL;
	t->last_resort = at < 0;
	if (at < 0)
		return only(t, call->first_ring);
	if (at < a) {
		if (parker_aor(call, t->own, sizeof(t->own)))
			return only(t, t->own);
		*why = "no usable parker: the first fallback is called";
		at = a;
	}
	if (at < a + f) {
		const struct hf_config_ring *ring = &c->recall.fallback[at - a];

		for (t->count = 0; t->count < ring->count; t->count++)
			t->uri[t->count] = ring->uris[t->count];
		return true;
	}
	if (c->recall.finally == HF_FINALLY_URI && c->recall.finally_uri) {
		if (*why)
			*why = "no usable parker and no fallback: "
			       "the last resort is called";
		t->last_resort = true;
		return only(t, c->recall.finally_uri);
	}
	return false;
}

bool hf_recall_target(const struct hf_call *call, struct hf_targets *t,
		      const char **why)
{
	*why = NULL;
	if (call->ring_for)
		return only(t, call->ring_for);
	if (entry(call, call->chain, t, why))
		return true;
	if (config(call)->recall.finally == HF_FINALLY_REPEAT)
		return entry(call, 0, t, why);
	return false;
}

/* Past the entry that was rung just now. */
static int after(const struct hf_call *call)
{
	char uri[512];
	int a = (int)config(call)->recall.attempts;
	int all = a + (int)config(call)->recall.fallback_count;
	int at = call->chain;

	if (at >= 0 && at < a && !parker_aor(call, uri, sizeof(uri)))
		at = a; /* it was the first fallback */
	at++;
	if (at < all)
		return at;
	return config(call)->recall.finally == HF_FINALLY_REPEAT ? 0 : all;
}

uint64_t hf_recall_wait_ms(const struct hf_call *call)
{
	uint64_t ms = (call->park_time_s ?: config(call)->timeout_s) * 1000ULL;

	if (!call->slot && (!ms || ms > NO_SLOT_PAUSE_MS))
		return NO_SLOT_PAUSE_MS;
	return ms ?: HF_NEVER;
}

static bool chain_over(const struct hf_call *call, int at)
{
	struct hf_targets t;
	const char *why;

	return config(call)->recall.finally == HF_FINALLY_HANG_UP &&
	       !entry(call, at, &t, &why);
}

bool hf_if_chain_is_over(const struct hf_call *call,
			 const struct hf_stimulus *s)
{
	return chain_over(call, call->chain);
}

bool hf_if_ring_ends_chain(const struct hf_call *call,
			   const struct hf_stimulus *s)
{
	return chain_over(call, after(call));
}

bool hf_if_nobody_to_ring(const struct hf_call *call,
			  const struct hf_stimulus *s)
{
	struct hf_targets t;
	const char *why;

	return !hf_recall_target(call, &t, &why);
}

void hf_recall_ring(struct hf_call *call, uint64_t ring_ms)
{
	const char *unusual, *failed;
	struct hf_targets targets;
	struct hf_words words;

	if (!hf_recall_target(call, &targets, &unusual)) {
		snprintf(call->why, sizeof(call->why),
			 "nobody to ring: no usable parker and no fallback");
		hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	call->ring_asks = config(call)->recall.confirm == HF_CONFIRM_DTMF &&
			  !call->ring_for && !targets.last_resort;
	call->ring_ends_ms = call->park->now_ms + ring_ms;
	failed = hf_ring_start(call, &targets, &words);
	if (failed) {
		snprintf(call->why, sizeof(call->why),
			 "%.99s cannot be rung: %.80s", targets.uri[0], failed);
		hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	hf_timer_arm(&call->park->timers, &call->timer, call->ring_ends_ms);
	hf_report(call, HF_EVENT_RECALL_STARTED, unusual);
}

void hf_act_start_recall(struct hf_call *call, const struct hf_stimulus *s)
{
	unsigned int ring_s = config(call)->recall.ring_s ?: 30;

	call->attempt++;
	hf_recall_ring(call, ring_s * 1000ULL);
}

void hf_act_recall_rings(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_debug("call %llu: the recall rings (%d)",
		 (unsigned long long)call->id, s->status);
}

/* The caller is claimed for this one; the others stop ringing. */
static void claim_for(struct hf_call *call, struct hf_party *p)
{
	call->claimed_from = call->state;
	call->left_ms = 0;
	call->by_slot = false;
	hf_timer_stop(&call->park->timers, &call->timer);
	hf_ring_won(p);
	call->recall = NULL;
	call->by_recall = !call->ring_for;
	call->retriever = p;
	p->confirm_ends_ms = 0;
}

/* Our ACK is out, so they can be joined at once. */
void hf_act_recall_answered(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = s->party;
	struct hf_words words;

	claim_for(call, p);
	p->answered = true;
	p->up = true;
	hf_party_index(p);
	if (hf_party_take_answer(p, s->body, s->len, hf_call_codecs(call, p),
				 &words)) {
		snprintf(call->why, sizeof(call->why), "%s", words.why);
		hf_call_then(call, HF_E_RETRIEVER_UNFIT);
		return;
	}
	hf_act_join(call, s);
}

bool hf_if_must_confirm(const struct hf_call *call, const struct hf_stimulus *s)
{
	return call->ring_asks;
}

bool hf_if_was_asked(const struct hf_call *call, const struct hf_stimulus *s)
{
	return s->party && hf_ring_asked(s->party);
}

/*
 * A box or a pocket answers too, and would take the caller along. It is told
 * which key to press; until then nothing has happened to the caller.
 */
void hf_act_ask_to_confirm(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t ends = call->park->now_ms +
			(config(call)->recall.confirm_s ?: 10) * 1000ULL;
	struct hf_timers *timers = &call->park->timers;
	struct hf_party *p = s->party;
	struct hf_words words;

	p->answered = true;
	p->up = true;
	if (hf_party_take_answer(p, s->body, s->len, hf_call_codecs(call, p),
				 &words)) {
		snprintf(call->why, sizeof(call->why), "%s", words.why);
		if (!hf_ring_lost(p, 488, call->why))
			hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	hf_party_index(p);
	hf_info("call %llu: %s has answered and is asked to press 1",
		(unsigned long long)call->id, p->who.uri ?: "?");
	p->confirm_ends_ms = ends;
	/* it has the whole time; the others ring no longer than they did */
	if (!call->recall->ring_next || ends < call->timer.at)
		hf_timer_arm(timers, &call->timer, ends);
	hf_voice_ask(p);
}

void hf_act_recall_confirmed(struct hf_call *call, const struct hf_stimulus *s)
{
	claim_for(call, s->party);
	hf_act_join(call, s);
}

/* Answered, but without media in common: it counts as not answered. */
void hf_act_recall_unfit(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 488, .text = s->why};

	call->recall = call->retriever;
	call->retriever = NULL;
	free(call->held_offer);
	call->held_offer = NULL;
	hf_ring_drop(call, &cause);
	hf_caller_listen(call);
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_act_ring_over(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why;
	uint64_t next;

	if (hf_ring_expire(call, &next, &why)) {
		hf_timer_arm(&call->park->timers, &call->timer, next);
		return;
	}
	snprintf(call->why, sizeof(call->why), "%s", why);
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_recall_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 480, .text = s->why};
	char why[HF_WHY_LEN];

	if (s->status)
		snprintf(why, sizeof(why), "%d %s", s->status, s->why ?: "");
	else
		snprintf(why, sizeof(why), "%s", s->why ?: "");
	hf_info("call %llu: the recall failed: %s",
		(unsigned long long)call->id, why);
	hf_report(call, HF_EVENT_RECALL_FAILED, why);
	hf_ring_drop(call, &cause);
}

void hf_act_wait_on(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t wait;

	if (!call->slot) { /* there was no room: is there now? */
		struct hf_slot *slot = hf_lot_choose(call->lot);

		if (slot) {
			hf_slot_take(slot, call);
			hf_report(call, HF_EVENT_MOVED,
				  "a slot of the full lot became free");
		}
	}
	wait = hf_recall_wait_ms(call);
	hf_timer_stop(&call->park->timers, &call->timer);
	if (wait != HF_NEVER)
		hf_timer_arm(&call->park->timers, &call->timer,
			     call->park->now_ms + wait);
}

void hf_act_recall_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_recall_failed(call, s);
	call->chain = after(call);
	hf_act_wait_on(call, s);
}

/* `finally: hang_up`, and the chain is through. */
void hf_act_give_up(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 480,
				       .text = "Nobody could be reached"};

	if (s->event == HF_E_RECALL_FAILED)
		hf_recall_failed(call, s);
	hf_report(call, HF_EVENT_EXPIRED,
		  "the recall chain is through: finally hang_up");
	hf_call_end(call, &cause);
}

bool hf_if_waits_after_recall(const struct hf_call *call,
			      const struct hf_stimulus *s)
{
	return call->by_recall &&
	       config(call)->recall.on_hangup == HF_HANGUP_PARK;
}

void hf_act_wait_after_recall(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_party_drop(call->retriever, 0, NULL);
	call->retriever = NULL;
	hf_call_wait_again(call, NULL,
			   "who had answered the recall has hung up");
}
