// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our own re-INVITE: sent when no other INVITE is pending in the dialog, and
 * sent again after the wait of RFC 3261 14.1 when the peer's crossed it (491).
 * The park logic offers something by it, or we have something to say to a peer
 * that takes no UPDATE: that the session goes on (refresh.c), or a name
 * (identify.c). Then the offer is what was agreed already.
 */
#include <errno.h>
#include <stdio.h>

#include "private.h"

static void finish(struct hf_dialog *d, int status, const sip_t *answer)
{
	struct hf_party *party = hf_dialog_party(d);
	const char *body;
	size_t len;

	hf_parse_body(answer, &body, &len);
	if (!d->refreshing && party)
		hf_park_reinvite_done(party, status, body, len);
	else if (d->refreshing && party && status < 300 && body)
		hf_park_refreshed(party, body, len);
	if (d->refreshing && status >= 300 && d->session_s && d->refresh_ours)
		hf_refresh_refused(d, status, answer);
	d->refreshing = false;
	hf_reinvite_try(d);
}

static void glare_over(su_root_magic_t *loop, su_timer_t *timer,
		       struct hf_dialog *d)
{
	hf_dialog_enter(d);
	if (d->refreshing) {
		d->refreshing = false;
		/* What is agreed may be something else by now. */
		if (!hf_reinvite_refresh(d) && d->session_s)
			hf_refresh_refused(d, 491, NULL);
	} else {
		d->offer_waits = true;
		hf_reinvite_try(d);
	}
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

static void send_offer(struct hf_dialog *);

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);
	const struct hf_cause cause = {0, NULL};
	bool longer;

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
	longer = hf_refresh_too_short(d, status, sip);
	if (status != 491 && !longer)
		d->name_waits = false;
	if (status < 300 && d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted)
		hf_refresh_answered(d, sip);
	if (d->state != HF_DIALOG_CONFIRMED)
		; /* ended meanwhile */
	else if (longer && !d->bye_wanted)
		send_offer(d);
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
	struct hf_identity who = {.uri = d->name, .display = d->name_display};
	sip_unknown_t *names = NULL;
	sip_contact_t *contact;
	const char *expires;
	char min_se[16];

	su_home_init(home);
	contact = hf_header_contact(home, d);
	expires = hf_refresh_ask(home, d);
	snprintf(min_se, sizeof(min_se), "%u", hf_refresh_least(d->sip));
	if (d->name_waits)
		names = hf_header_names(home, d->sip, &who, d->name_private,
					"called", NULL);
	d->offer_waits = false;
	d->invite = nta_outgoing_tcreate(
		d->leg, answered, d, NULL, SIP_METHOD_INVITE, NULL,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED_OUT),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
		TAG_IF(expires, SIPTAG_MIN_SE_STR(min_se)),
		TAG_IF(names && d->name_private, SIPTAG_PRIVACY_STR("id")),
		TAG_IF(names, SIPTAG_UNKNOWN(names)),
		SIPTAG_CONTENT_TYPE_STR(HF_SIP_ACCEPT),
		SIPTAG_PAYLOAD_STR(d->offer), TPTAG_IDENT(d->listener->ident),
		TAG_END());
	su_home_deinit(home);
}

bool hf_reinvite_refresh(struct hf_dialog *d)
{
	struct hf_party *party;
	char sdp[HF_SIP_MAX_SDP];

	if (d->state != HF_DIALOG_CONFIRMED || d->bye_wanted || d->request ||
	    d->invite || d->offer_waits ||
	    (d->retry && su_timer_is_set(d->retry)))
		return false;
	party = hf_dialog_party(d);
	if (!party || hf_park_session(party, sdp, sizeof(sdp)) ||
	    !hf_dialog_set(&d->offer, sdp))
		return false;
	d->refreshing = true;
	send_offer(d);
	if (!d->invite)
		d->refreshing = false;
	return d->invite;
}

void hf_reinvite_try(struct hf_dialog *d)
{
	if (d->name_waits && !d->offer_waits && !d->released)
		hf_reinvite_refresh(d);
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
