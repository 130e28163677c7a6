// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The door of this room: everything that the stack (signal.h) and the main loop
 * (park.h) call. Each becomes one event of one call; the table does the rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int hf_park_create(const struct hf_park_wiring *wire, struct hf_park **ret)
{
	struct hf_park *park = calloc(1, sizeof(*park));
	int err;

	if (!park)
		return -ENOMEM;
	park->wire = *wire;
	park->config = wire->config;
	park->last_call = wire->call_id_base;
	park->random = wire->call_id_base * 0x9e3779b97f4a7c15ULL | 1;
	err = hf_lots_create(park);
	if (!err)
		err = hf_pages_create(park);
	if (err) {
		hf_park_destroy(park, false);
		return err;
	}
	*ret = park;
	return 0;
}

/* Without `hang_up` the legs stay as they are: callers keep their music. */
void hf_park_destroy(struct hf_park *park, bool hang_up)
{
	const struct hf_stimulus stop = {.event = HF_E_HANG_UP,
					 .why = "the controller stops"};
	struct hf_call *call, *next;

	if (!park)
		return;
	/* Calls that are left behind stay in the journal. */
	if (!hang_up)
		park->wire.journal_drop = NULL;
	HASH_ITER (hh, park->calls, call, next) {
		if (hang_up)
			hf_call_event(call, &stop);
		else
			hf_call_free(call, false);
	}
	hf_talks_end(park, hang_up);
	hf_pages_end(park);
	hf_lots_destroy(park);
	hf_timers_fini(&park->timers);
	free(park);
}

void hf_park_run(struct hf_park *park, uint64_t now_ms)
{
	struct hf_timer *timer;

	park->now_ms = now_ms;
	while ((timer = hf_timers_due(&park->timers, now_ms))) {
		const struct hf_stimulus s = {.event = timer->event};

		if (timer->due)
			timer->due(timer);
		else
			hf_call_event(timer->call, &s);
	}
}

uint64_t hf_park_next_ms(const struct hf_park *park)
{
	return hf_timers_next(&park->timers);
}

/* Not a call yet, and it will not be one. */
static void refuse(struct hf_park *park, struct hf_party *p,
		   const struct hf_invite *in, const struct hf_decision *d)
{
	const struct hf_cause cause = {.sip = d->status, .text = d->reason};

	hf_info("INVITE from %s to %s: rule %s: refused with %d: %s",
		in->from.uri ?: "?", in->target.uri ?: "?", d->rule, d->status,
		d->reason);
	hf_report_refused(park, in, d);
	hf_party_drop(p, d->status, &cause);
}

/* A colleague who dialled may hear why instead of reading a number. True: it
 * is being said. */
static bool refuse_in_words(struct hf_park *park, struct hf_party *p,
			    const struct hf_invite *in,
			    const struct hf_decision *d)
{
	if (!hf_voice_refuses(park, p, in, d))
		return false;
	hf_info("INVITE from %s to %s: rule %s: refused in words: %s",
		in->from.uri ?: "?", in->target.uri ?: "?", d->rule, d->reason);
	hf_report_refused(park, in, d);
	return true;
}

static void refuse_for_memory(struct hf_park *park, struct hf_party *p,
			      struct hf_dialog *dialog,
			      const struct hf_invite *in, struct hf_decision *d)
{
	const struct hf_reply reply = {.status = 500, .retry_after_s = 5};

	d->status = 500;
	d->reason = "no memory";
	if (p) {
		refuse(park, p, in, d);
		return;
	}
	hf_report_refused(park, in, d);
	park->wire.signal->reply(dialog, &reply);
	park->wire.signal->release(dialog);
}

struct hf_party *hf_park_invite(struct hf_park *park, struct hf_dialog *dialog,
				const struct hf_invite *in)
{
	static const enum hf_call_event event[] = {
		[HF_DO_PARK] = HF_E_PARK,
		[HF_DO_RESERVE] = HF_E_RESERVE,
		[HF_DO_SWAP] = HF_E_SWAP,
		[HF_DO_RETRIEVE] = HF_E_RETRIEVE,
	};
	struct hf_stimulus s = {
		.invite = in, .body = in->body, .len = in->body_len};
	struct hf_decision d;
	struct hf_call *call;

	hf_decide(park, in, &d);
	if (park->draining &&
	    (d.verdict == HF_DO_PARK || d.verdict == HF_DO_RESERVE)) {
		d.verdict = HF_DO_REFUSE;
		d.status = 503;
		d.reason = "draining: no new calls";
	}
	s.decision = &d;
	s.event = event[d.verdict];
	s.party =
		hf_party_create(park, dialog,
				d.verdict == HF_DO_RETRIEVE ? HF_ROLE_RETRIEVER
							    : HF_ROLE_CALLER);
	if (!s.party || hf_party_fill(s.party, in)) {
		refuse_for_memory(park, s.party, dialog, in, &d);
		return NULL;
	}
	if (d.verdict == HF_DO_REFUSE) {
		park->fresh = s.party;
		if (refuse_in_words(park, s.party, in, &d))
			return park->fresh;
		refuse(park, s.party, in, &d);
		return NULL;
	}
	call = d.call ?: hf_call_create(park, &d, in, s.party);
	if (!call) {
		refuse_for_memory(park, s.party, dialog, in, &d);
		return NULL;
	}
	hf_info("call %llu: INVITE from %s to %s: rule %s%s%s: %s",
		(unsigned long long)call->id, in->from.uri ?: "?",
		in->target.uri ?: "?", d.rule, d.route ? ", routing " : "",
		d.route ? d.route->name : "", hf_event_symbol(s.event));
	call->named = true;
	park->fresh = s.party;
	hf_call_event(call, &s);
	hf_loop_close(park);
	return park->fresh;
}

/* The event of a party's call: the same word for the caller and the other. */
static void tell(struct hf_party *p, enum hf_call_event caller,
		 enum hf_call_event retriever, struct hf_stimulus s)
{
	struct hf_call *call = p->call;

	p->park->fresh = NULL;
	s.party = p;
	if (p == call->caller)
		s.event = caller;
	else if (p == call->retriever)
		s.event = retriever;
	else if (hf_ring_lost(p, s.status, s.why))
		return;
	else
		s.event = HF_E_RECALL_FAILED; /* lost before its answer */
	hf_call_event(call, &s);
}

void hf_park_ack(struct hf_party *p, const char *body, size_t len)
{
	bool first = !p->up;
	struct hf_park *park;
	struct hf_codecs codecs;
	struct hf_words words;

	if (p->talk) {
		hf_talk_ack(p->talk, body, len);
		return;
	}
	p->up = true;
	/*
	 * An ACK without a body after a re-INVITE without one is wrong, but
	 * common as a sign of life; what was agreed before goes on.
	 */
	if (p->awaiting_answer && !body && !first)
		p->awaiting_answer = false;
	codecs = hf_call_codecs(p->call, p);
	if (first && p == p->call->retriever)
		codecs = p->offered; /* the caller follows, see join */
	if (p->awaiting_answer &&
	    hf_party_take_answer(p, body, len, codecs, &words)) {
		snprintf(p->call->why, sizeof(p->call->why), "%s", words.why);
		tell(p, HF_E_CALLER_UNFIT, HF_E_RETRIEVER_UNFIT,
		     (struct hf_stimulus){.why = p->call->why});
		return;
	}
	if (hf_ring_asked(p))
		return;
	park = p->park;
	tell(p, HF_E_CALLER_ACK, HF_E_RETRIEVER_ACK, (struct hf_stimulus){0});
	hf_loop_close(park);
}

void hf_park_no_ack(struct hf_party *p)
{
	if (p->talk) {
		p->gone = true;
		hf_talk_gone(p->talk, "no ACK came");
		return;
	}
	tell(p, HF_E_CALLER_NO_ACK, HF_E_RETRIEVER_NO_ACK,
	     (struct hf_stimulus){0});
}

/*
 * Of the first INVITE: the dialog is over. Of a re-INVITE: RFC 3261 9.2, only
 * that transaction; the call goes on.
 */
void hf_park_cancel(struct hf_party *p)
{
	if (!p->answered)
		p->gone = true;
	if (p->talk) {
		if (p->gone)
			hf_talk_gone(p->talk, "cancelled");
		return;
	}
	if (hf_ring_asked(p))
		return;
	tell(p, HF_E_CALLER_CANCEL, HF_E_RETRIEVER_CANCEL,
	     (struct hf_stimulus){0});
}

void hf_park_bye(struct hf_party *p, const char *why)
{
	p->gone = true;
	if (p->talk) {
		hf_talk_gone(p->talk, why && *why ? why : "hung up");
		return;
	}
	if (hf_ring_asked(p) && !(why && *why))
		why = "hung up without pressing 1";
	tell(p, HF_E_CALLER_BYE, HF_E_RETRIEVER_BYE,
	     (struct hf_stimulus){.why = why});
}

/* What one that rings may use: that does not change by its being early. */
static struct hf_codecs codecs_of(const struct hf_party *p)
{
	return p->talk ? p->offered : hf_call_codecs(p->call, p);
}

/* It hears nothing yet; what it wants is known when it answers. */
static void early_offer(struct hf_party *p, const char *body, size_t len)
{
	struct hf_words words;
	struct hf_reply reply = {.status = 200, .body = words.sdp};
	int status = hf_party_retake(p, body, len, codecs_of(p), &words);

	if (status)
		reply = (struct hf_reply){.status = status,
					  .reason = words.why};
	p->park->wire.signal->reply(p->dialog, &reply);
}

void hf_park_reinvite(struct hf_party *p, const struct hf_identity *asserted,
		      const char *body, size_t len)
{
	struct hf_park *park = p->park;

	if (!p->incoming && !p->answered) {
		early_offer(p, body, len);
		return;
	}
	if (p->talk) {
		hf_talk_reinvite(p->talk, body, len);
		return;
	}
	if (hf_ring_asked(p)) {
		hf_ring_reoffered(p, body, len);
		return;
	}
	tell(p, HF_E_CALLER_OFFER, HF_E_RETRIEVER_OFFER,
	     (struct hf_stimulus){
		     .asserted = asserted, .body = body, .len = len});
	hf_loop_close(park);
}

void hf_park_identity(struct hf_party *p, const struct hf_identity *asserted)
{
	if (p->talk)
		return;
	tell(p, HF_E_CALLER_OFFER, HF_E_RETRIEVER_OFFER,
	     (struct hf_stimulus){.asserted = asserted, .no_offer = true});
}

int hf_park_session(struct hf_party *p, char *sdp, size_t len)
{
	struct hf_words words;

	if (p->awaiting_answer || p->reoffered || !p->session->have_remote ||
	    p->leg == HF_LEG_NONE)
		return -EBUSY;
	if (hf_party_offer_same(p, &words))
		return -EINVAL;
	return snprintf(sdp, len, "%s", words.sdp) < (int)len ? 0 : -ENOSPC;
}

void hf_park_refreshed(struct hf_party *p, const char *body, size_t len)
{
	static const struct hf_identity nobody = {.uri = NULL};
	struct hf_words words;

	if (p->talk)
		hf_party_take_answer(p, body, len, p->offered, &words);
	else
		tell(p, HF_E_CALLER_OFFER, HF_E_RETRIEVER_OFFER,
		     (struct hf_stimulus){.asserted = &nobody,
					  .body = body,
					  .len = len,
					  .answer = true});
}

void hf_park_refer(struct hf_party *p, const struct hf_refer *refer)
{
	const struct hf_signal_ops *ops = p->park->wire.signal;
	struct hf_decision d = {
		.verdict = HF_DO_REFUSE,
		.status = 403,
		.rule = "refer",
		.reason = "only who has picked up may send the caller on",
	};

	if (!p->call || (p != p->call->caller && p != p->call->retriever)) {
		ops->refer(p->dialog, 403, NULL);
		return;
	}
	if (p == p->call->retriever && p->call->state == HF_S_RELAY)
		hf_decide_refer(p->call, refer, &d);
	tell(p, HF_E_CALLER_REFER, HF_E_RETRIEVER_REFER,
	     (struct hf_stimulus){.decision = &d, .refer = refer});
}

/* A call whose caller has yet to be fetched: its leg is called by us. */
static struct hf_call *call_to_fetch(struct hf_park *park,
				     struct hf_decision *d,
				     const struct hf_invite *asked,
				     const struct hf_refer *refer)
{
	struct hf_invite in = *asked;
	struct hf_party *p;
	struct hf_call *call;

	p = hf_party_create(park, NULL, HF_ROLE_CALLER);
	if (!p)
		return NULL;
	in.from = refer->target;
	in.asserted = (struct hf_identity){0};
	if (hf_party_fill(p, &in)) {
		hf_party_free(p, true);
		return NULL;
	}
	/* what the REFER says of itself is not true of this leg */
	p->incoming = false;
	free(p->sip_call_id);
	free(p->remote_tag);
	p->sip_call_id = NULL;
	p->remote_tag = NULL;
	call = hf_call_create(park, d, &in, p);
	if (!call)
		hf_party_free(p, true);
	return call;
}

void hf_park_refer_outside(struct hf_park *park, struct hf_dialog *dialog,
			   const struct hf_invite *asked,
			   const struct hf_refer *refer)
{
	struct hf_invite in = *asked;
	struct hf_stimulus s = {
		.event = HF_E_FETCH, .invite = asked, .refer = refer};
	struct hf_call *call = NULL;
	struct hf_decision d;

	if (park->draining) {
		park->wire.signal->refer(dialog, 503, NULL);
		park->wire.signal->release(dialog);
		return;
	}
	in.replaces = NULL;
	in.referred_by = *hf_invite_sender(asked); /* he parks the other one */
	hf_decide(park, &in, &d);
	/* nobody has let go of the caller yet: a refusal does no harm */
	if (d.verdict == HF_DO_PARK && (!d.slot || d.remark[0])) {
		d.verdict = HF_DO_REFUSE;
		d.status = 486;
		d.reason = d.remark[0] ? d.remark : "the lot is full";
	} else if (d.verdict != HF_DO_REFUSE &&
		   (d.verdict != HF_DO_PARK || !refer->replaces)) {
		d.verdict = HF_DO_REFUSE;
		d.status = 403;
		d.reason = "only a dialog to park (Replaces) is fetched";
	}
	if (d.verdict == HF_DO_PARK) {
		d.rule = "refer-outside";
		call = call_to_fetch(park, &d, asked, refer);
		d.status = 500;
		d.reason = "no memory";
	}
	if (!call) {
		hf_info("REFER from %s to %s: refused with %d: %s",
			asked->from.uri, asked->target.uri, d.status, d.reason);
		hf_report_refused(park, &in, &d);
		park->wire.signal->refer(dialog, d.status, NULL);
		park->wire.signal->release(dialog);
		return;
	}
	s.decision = &d;
	s.party = call->caller;
	call->referrer = dialog;
	park->wire.signal->refer(dialog, 202, NULL);
	hf_call_event(call, &s);
}

/* Did it ring together with others, who go on? */
static bool others_ring(struct hf_party *p, int status, const char *why)
{
	p->gone = true;
	p->park->fresh = NULL;
	return hf_ring_lost(p, status, why);
}

static bool is_fetched(const struct hf_party *p)
{
	return p == p->call->caller;
}

void hf_park_progress(struct hf_party *p, int status)
{
	struct hf_stimulus s = {.party = p, .status = status};

	if (p->talk)
		return;
	s.event = is_fetched(p) ? HF_E_FETCH_RINGS : HF_E_RECALL_RINGS;
	hf_call_event(p->call, &s);
}

void hf_park_early(struct hf_party *p, const char *body, size_t len)
{
	struct hf_words words;

	p->early = !hf_party_take_answer(p, body, len, codecs_of(p), &words);
	if (!p->early)
		hf_info("%s rings and cannot be talked to: %s",
			p->who.uri ?: "?", words.why);
}

void hf_park_answered(struct hf_party *p, const char *body, size_t len)
{
	struct hf_stimulus s = {.party = p, .body = body, .len = len};

	p->park->fresh = NULL;
	if (p->talk) {
		hf_talk_answered(p->talk, body, len);
		return;
	}
	s.event = is_fetched(p) ? HF_E_FETCHED : HF_E_RECALL_ANSWERED;
	hf_call_event(p->call, &s);
}

void hf_park_redirected(struct hf_party *p, int status, const char *phrase,
			const struct hf_identity *to)
{
	if (!p->talk && !is_fetched(p))
		hf_ring_redirect(p, to);
	hf_park_failed(p, status, phrase);
}

void hf_park_failed(struct hf_party *p, int status, const char *phrase)
{
	struct hf_stimulus s = {.party = p, .status = status, .why = phrase};

	if (p->talk) {
		char why[HF_WHY_LEN];

		p->gone = true;
		snprintf(why, sizeof(why), "%d %s", status, phrase ?: "");
		hf_talk_gone(p->talk, why);
		return;
	}
	s.event = is_fetched(p) ? HF_E_FETCH_FAILED : HF_E_RECALL_FAILED;
	if (!others_ring(p, status, phrase))
		hf_call_event(p->call, &s);
}

bool hf_park_stray_bye(struct hf_park *park, const char *call_id)
{
	return hf_media_orphan_end(park->wire.media, hf_call_id_mark(call_id));
}

void hf_park_reinvite_done(struct hf_party *p, int status, const char *body,
			   size_t len)
{
	if (p->talk)
		return;
	tell(p, HF_E_REINVITE_DONE, HF_E_REINVITE_DONE,
	     (struct hf_stimulus){.status = status, .body = body, .len = len});
}
