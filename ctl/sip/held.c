// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What waits for the disk. A message after which the other side counts on us is
 * sent when the journal has what it says: a 2xx that commits us to a call or to
 * other media, the ACK of a call or of an offer of ours, a BYE of ours, our
 * answer to theirs, and the 200 to a SUBSCRIBE. If we are killed before, the
 * other side has not heard of it and asks again; if after, the record is there.
 *
 * All wait in one line and leave it in that order.
 */
#include <stdlib.h>

#include "watcher.h"

enum hf_held_what { HF_HELD_REPLY, HF_HELD_ANSWER, HF_HELD_ACK, HF_HELD_BYE,
		    HF_HELD_WATCH };

struct hf_held {
	struct hf_held *next;
	enum hf_held_what what;
	uint64_t ticket;	  /* 0: of the round at hand */
	struct hf_dialog *dialog; /* NULL: ANSWER */
	struct hf_watcher *watcher; /* WATCH */
	nta_incoming_t *irq;	  /* ANSWER: of the BYE; WATCH */
	msg_t *message;		  /* REPLY, ANSWER, WATCH */
};

static struct hf_held *hold(struct hf_sip *sip, enum hf_held_what what,
			    struct hf_dialog *d)
{
	struct hf_held *h =
		sip->journal.put ? calloc(1, sizeof(*h)) : NULL;

	if (!h)
		return NULL; /* no journal, or no memory: at once */
	h->what = what;
	h->dialog = d;
	*sip->held_tail = h;
	sip->held_tail = &h->next;
	if (!sip->held_fresh)
		sip->held_fresh = h;
	return h;
}

void hf_hold_init(struct hf_sip *sip)
{
	sip->held_tail = &sip->held;
}

/* It has left the line. */
static void drop(struct hf_sip *sip, struct hf_held *h)
{
	if (h == sip->held_fresh)
		sip->held_fresh = h->next;
	if (h->message)
		msg_destroy(h->message);
	if (h->irq)
		hf_request_end(sip, h->irq);
	free(h);
}

static void forget(struct hf_sip *sip, struct hf_dialog *d, bool replies_only)
{
	struct hf_held **at = &sip->held, *h;

	while ((h = *at)) {
		if (h->dialog != d ||
		    (replies_only && h->what != HF_HELD_REPLY)) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		drop(sip, h);
	}
	sip->held_tail = at;
}

void hf_hold_fini(struct hf_sip *sip)
{
	struct hf_held *h;

	while ((h = sip->held)) {
		sip->held = h->next;
		drop(sip, h);
	}
	hf_hold_init(sip);
}

bool hf_hold_reply(struct hf_dialog *d, msg_t *reply)
{
	struct hf_held *h = hold(d->sip, HF_HELD_REPLY, d);

	if (!h)
		return false;
	h->message = reply;
	d->reply_held = true;
	return true;
}

void hf_hold_forget_reply(struct hf_dialog *d)
{
	if (d->reply_held)
		forget(d->sip, d, true);
	d->reply_held = false;
}

void hf_hold_forget(struct hf_dialog *d)
{
	if (d->reply_held || d->ack_held || d->bye_held)
		forget(d->sip, d, false);
	d->reply_held = d->ack_held = d->bye_held = false;
}

bool hf_hold_answer(struct hf_sip *sip, nta_incoming_t *irq, msg_t *answer)
{
	struct hf_held *h = hold(sip, HF_HELD_ANSWER, NULL);

	if (!h)
		return false;
	h->irq = irq;
	h->message = answer;
	return true;
}

bool hf_hold_ack(struct hf_dialog *d)
{
	d->ack_held = hold(d->sip, HF_HELD_ACK, d) != NULL;
	return d->ack_held;
}

bool hf_hold_bye(struct hf_dialog *d)
{
	d->bye_held = hold(d->sip, HF_HELD_BYE, d) != NULL;
	return d->bye_held;
}

bool hf_hold_watch(struct hf_watcher *w, nta_incoming_t *irq, msg_t *answer)
{
	struct hf_held *h = hold(w->sip, HF_HELD_WATCH, NULL);

	if (!h)
		return false;
	h->watcher = w;
	h->irq = irq;
	h->message = answer;
	w->held = true;
	return true;
}

void hf_hold_forget_watch(struct hf_watcher *w)
{
	struct hf_held **at = &w->sip->held, *h;

	if (!w->held)
		return;
	w->held = false;
	while ((h = *at)) {
		if (h->watcher != w) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		drop(w->sip, h);
	}
	w->sip->held_tail = at;
}

static void let_reply_go(struct hf_dialog *d, msg_t *reply)
{
	d->reply_held = false;
	hf_dialog_enter(d);
	if (!d->request || d->request_answered)
		msg_destroy(reply);
	else if (nta_incoming_mreply(d->request, reply) >= 0)
		hf_request_replied(d, true);
	hf_dialog_leave(d);
}

static void let_ack_go(struct hf_dialog *d)
{
	d->ack_held = false;
	hf_dialog_enter(d);
	hf_invite_confirmed(d);
	hf_dialog_leave(d);
}

static void let_bye_go(struct hf_dialog *d)
{
	d->bye_held = false;
	hf_dialog_enter(d);
	hf_dialog_send_bye(d);
	hf_dialog_leave(d);
}

static void let_go(struct hf_sip *sip, struct hf_held *h)
{
	msg_t *message = h->message;

	h->message = NULL; /* is given away */
	switch (h->what) {
	case HF_HELD_REPLY:
		let_reply_go(h->dialog, message);
		break;
	case HF_HELD_ANSWER:
		nta_incoming_mreply(h->irq, message);
		break;
	case HF_HELD_ACK:
		let_ack_go(h->dialog);
		break;
	case HF_HELD_BYE:
		let_bye_go(h->dialog);
		break;
	case HF_HELD_WATCH:
		h->watcher->held = false;
		nta_incoming_mreply(h->irq, message);
		hf_watcher_begin(h->watcher);
		break;
	}
	drop(sip, h);
}

bool hf_sip_settled(struct hf_sip *sip, uint64_t settled, uint64_t newest)
{
	struct hf_held *h;
	bool any = false;

	/* Whatever was said in this round has its record handed over. */
	for (h = sip->held_fresh; h; h = h->next)
		h->ticket = newest + 1;
	sip->held_fresh = NULL;
	while ((h = sip->held) && h->ticket && h->ticket <= settled + 1) {
		sip->held = h->next;
		if (!h->next)
			sip->held_tail = &sip->held;
		let_go(sip, h);
		any = true;
	}
	return any;
}

bool hf_sip_holds(const struct hf_sip *sip)
{
	return sip->held;
}
