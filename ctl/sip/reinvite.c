// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our own re-INVITE: sent when no other INVITE is pending in the dialog, and
 * sent again after the wait of RFC 3261 14.1 when the peer's crossed it (491).
 */
#include <errno.h>

#include "private.h"

static void finish(struct hf_dialog *d, int status, const sip_t *answer)
{
	struct hf_party *party = hf_dialog_party(d);
	const char *body;
	size_t len;

	hf_parse_body(answer, &body, &len);
	if (party)
		hf_park_reinvite_done(party, status, body, len);
	hf_reinvite_try(d);
}

static void glare_over(su_root_magic_t *loop, su_timer_t *timer,
		       struct hf_dialog *d)
{
	hf_dialog_enter(d);
	d->offer_waits = true;
	hf_reinvite_try(d);
	hf_dialog_leave(d);
}

/* 2.1-4 s for who owns the Call-ID, 0-2 s for the other, in steps of 10 ms. */
static void wait_out_glare(struct hf_dialog *d)
{
	int ms = d->ours ? su_randint(210, 400) * 10 : su_randint(0, 200) * 10;

	if (!d->retry)
		d->retry = su_timer_create(su_root_task(d->sip->root), 0);
	if (!d->retry || su_timer_set_interval(d->retry, glare_over, d, ms) < 0)
		finish(d, 491, NULL);
}

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);
	const struct hf_cause cause = {0, NULL};

	if (status < 200 || d->ack_held)
		return 0; /* the same 2xx again */
	if (d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted &&
	    hf_dialog_again(d, &d->invite, sip, answered, NULL))
		return 0;
	hf_dialog_enter(d);
	if (status < 300) {
		nta_leg_client_reroute(d->leg, sip->sip_record_route,
				       sip->sip_contact, 0);
		d->ack_cseq = sip->sip_cseq->cs_seq;
	}
	/* What we make of the answer is handed over below, in the same round. */
	if (status >= 300 || !hf_hold_ack(d)) {
		if (status < 300)
			hf_invite_ack(d, d->ack_cseq, NULL);
		hf_asked_end(d->sip, orq);
		d->invite = NULL;
	}
	if (d->state != HF_DIALOG_CONFIRMED)
		; /* ended meanwhile */
	else if (status == 491)
		wait_out_glare(d);
	else if (status == 481 || status == 408)
		/* RFC 3261 12.2.1.2: the peer has no such dialog. */
		hf_dialog_lost(d, &cause,
			       status == 481
				       ? "the other side lost the call"
				       : "the other side does not answer");
	else
		finish(d, status, sip);
	hf_dialog_leave(d);
	return 0;
}

static void send_offer(struct hf_dialog *d)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_contact_t *contact;

	su_home_init(home);
	contact = hf_header_contact(home, d);
	d->offer_waits = false;
	d->invite = nta_outgoing_tcreate(
		d->leg, answered, d, NULL, SIP_METHOD_INVITE, NULL,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED_OUT),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		SIPTAG_CONTENT_TYPE_STR(HF_SIP_ACCEPT),
		SIPTAG_PAYLOAD_STR(d->offer), TPTAG_IDENT(d->listener->ident),
		TAG_END());
	su_home_deinit(home);
}

void hf_reinvite_try(struct hf_dialog *d)
{
	if (!d->offer_waits || d->state != HF_DIALOG_CONFIRMED || d->request ||
	    d->invite || d->bye_wanted || d->released)
		return;
	send_offer(d);
	if (!d->invite)
		finish(d, 500, NULL);
}

int hf_reinvite(struct hf_dialog *d, const char *body)
{
	if ((d->state != HF_DIALOG_CONFIRMED &&
	     d->state != HF_DIALOG_ACCEPTED) ||
	    d->bye_wanted)
		return -ENOTCONN;
	if ((d->invite && !d->ack_held) || d->offer_waits ||
	    (d->retry && su_timer_is_set(d->retry)))
		return -EBUSY;
	if (!hf_dialog_set(&d->offer, body))
		return -ENOMEM;
	/* An INVITE of the peer may be under way: then after its ACK. */
	d->offer_waits = true;
	if (d->state != HF_DIALOG_CONFIRMED || d->request || d->ack_held)
		return 0;
	send_offer(d);
	return d->invite ? 0 : -EIO;
}
