// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An INVITE of the peer: the first one of a call (hf_invite_in), and the answer
 * to it or to a later re-INVITE or UPDATE (hf_request_reply), up to the ACK,
 * the CANCEL, or the wait for an ACK that never comes (hf_request_event).
 * indialog.c brings the later ones here.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

static bool set_uri(char **field, const url_t *url)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	char *text;
	bool ok;

	su_home_init(home);
	text = url_as_string(home, url);
	ok = text && hf_dialog_set(field, text);
	su_home_deinit(home);
	return ok;
}

/* The dialog's leg in the stack: From is ours, whoever began. */
bool hf_dialog_leg(struct hf_dialog *d, nta_incoming_t *irq,
		   const sip_t *invite)
{
	struct hf_sip *sip = d->sip;
	char cseq[32];

	snprintf(cseq, sizeof(cseq), "%u INVITE", sip->epoch << 16);
	d->leg = nta_leg_tcreate(
		sip->agent, hf_indialog, d, SIPTAG_CALL_ID(invite->sip_call_id),
		SIPTAG_FROM(invite->sip_to), SIPTAG_TO(invite->sip_from),
		SIPTAG_CSEQ_STR(cseq),
		NTATAG_REMOTE_CSEQ(invite->sip_cseq->cs_seq), TAG_END());
	if (!d->leg || !nta_leg_tag(d->leg, nta_incoming_tag(irq, NULL)) ||
	    !hf_dialog_set(&d->call_id, invite->sip_call_id->i_id) ||
	    !set_uri(&d->local, invite->sip_to->a_url) ||
	    !set_uri(&d->remote, invite->sip_from->a_url))
		return false;
	return nta_leg_server_route(d->leg, invite->sip_record_route,
				    invite->sip_contact) >= 0;
}

static void offer_to_park(struct hf_dialog *d, const sip_t *invite,
			  const struct hf_peer *peer)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_party *party;
	struct hf_invite in;

	su_home_init(home);
	hf_parse_invite(home, invite, peer, &in);
	d->late_offer = !in.body;
	hf_dialog_party(d); /* runs what is due; there is no party yet */
	party = hf_park_invite(d->sip->park, d, &in);
	if (!d->released)
		d->party = party;
	if (!party)
		hf_dialog_release(d);
	su_home_deinit(home);
}

void hf_invite_in(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *invite,
		  const struct hf_peer *peer)
{
	struct hf_dialog *d = hf_dialog_create(sip);

	if (d) {
		d->state = HF_DIALOG_OFFERED;
		/* A user of ours is told who waits, as a colleague is. */
		d->trusted = peer->trusted || peer->user;
		d->listener = peer->listener;
		d->inside = hf_listener_inside(sip, d->listener, peer->source);
		hf_identify_learn(d, invite);
	}
	if (!d || !hf_dialog_leg(d, irq, invite)) {
		if (d)
			hf_dialog_free(d);
		hf_refuse(sip, irq, invite, peer, SIP_500_INTERNAL_SERVER_ERROR,
			  "out of memory", TAG_END());
		return;
	}
	d->request = irq;
	d->knows_prack = sip_has_feature(invite->sip_supported, "100rel") ||
			 sip_has_feature(invite->sip_require, "100rel");
	d->counted = true;
	sip->unacked++;
	nta_incoming_bind(irq, hf_request_event, d);
	hf_refresh_agree(d, invite);
	hf_dialog_enter(d);
	offer_to_park(d, invite, peer);
	/* Thinking it over: stop the retransmissions (RFC 3261 8.2.6.1). After
	 * a 183 it would stop the repetitions of that. */
	if (d->request && d->state == HF_DIALOG_OFFERED && !d->reply_held &&
	    nta_incoming_status(d->request) < 100)
		nta_incoming_treply(d->request, SIP_100_TRYING, TAG_END());
	hf_dialog_leave(d);
}

static bool is_update(const struct hf_dialog *d)
{
	return nta_incoming_method(d->request) == sip_method_update;
}

static void request_done(struct hf_dialog *d)
{
	bool update = is_update(d);

	hf_hold_forget_reply(d);
	if (!update) {
		hf_reliable_forget(d);
		d->said_early = false;
	}
	hf_request_end(d->sip, d->request);
	d->request = NULL;
	d->request_answered = false;
	if (!update)
		hf_dialog_acked(d);
}

static void acked(struct hf_dialog *d, const sip_t *ack)
{
	const struct hf_cause none = {0, NULL};
	struct hf_party *party;
	const char *body;
	size_t len;

	request_done(d);
	if (d->state == HF_DIALOG_ACCEPTED)
		d->state = HF_DIALOG_CONFIRMED;
	if (d->state != HF_DIALOG_CONFIRMED)
		return;
	if (d->bye_wanted) {
		hf_dialog_bye(d, &none);
		return;
	}
	hf_parse_body(ack, &body, &len);
	party = hf_dialog_party(d);
	if (party)
		hf_park_ack(party, body, len);
	hf_reinvite_try(d);
}

/* RFC 3261 13.3.1.4: 64*T1 without an ACK, so BYE. */
static void never_acked(struct hf_dialog *d)
{
	const struct hf_cause cause = {408, "no ACK"};
	bool ended = d->bye_wanted || d->state == HF_DIALOG_OVER;
	struct hf_party *party;

	request_done(d);
	if (d->state == HF_DIALOG_ACCEPTED)
		d->state = HF_DIALOG_CONFIRMED;
	hf_dialog_bye(d, &cause);
	party = ended ? NULL : hf_dialog_party(d);
	if (party)
		hf_park_no_ack(party);
}

static void cancelled(struct hf_dialog *d)
{
	struct hf_party *party;
	bool first = d->state == HF_DIALOG_OFFERED;

	nta_incoming_treply(d->request, SIP_487_REQUEST_CANCELLED,
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	request_done(d);
	/* A cancelled re-INVITE leaves the call as it was (RFC 3261 14.1). */
	if (!first) {
		hf_reinvite_try(d);
		return;
	}
	d->state = HF_DIALOG_OVER;
	party = hf_dialog_party(d);
	if (party)
		hf_park_cancel(party);
}

/* RFC 3262 3: 64*T1 without a PRACK, so the call is refused. */
static void never_pracked(struct hf_dialog *d)
{
	struct hf_party *party;

	nta_incoming_treply(d->request, 504, "No PRACK",
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	request_done(d);
	d->state = HF_DIALOG_OVER;
	party = hf_dialog_party(d);
	if (party)
		hf_park_cancel(party);
}

int hf_request_event(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *sip)
{
	sip_method_t method = sip && sip->sip_request
				      ? sip->sip_request->rq_method
				      : sip_method_invalid;

	if (irq != d->request)
		return 0;
	hf_dialog_enter(d);
	if (method == sip_method_ack)
		acked(d, sip);
	else if (method == sip_method_cancel && !d->request_answered)
		cancelled(d);
	else if (!sip && d->request_answered)
		never_acked(d);
	else if (!sip && d->state == HF_DIALOG_OFFERED)
		never_pracked(d);
	hf_dialog_leave(d);
	return 0;
}

/* Who you now talk to (RFC 3325 in a response); only for who is trusted. */
static sip_unknown_t *reply_extensions(su_home_t *home,
				       const struct hf_dialog *d,
				       const struct hf_reply *r)
{
	sip_unknown_t *list = NULL;

	list = hf_header_text(home, "User-to-User", r->user_to_user, list);
	list = hf_header_lines(home, r->carried, list);
	if (d->trusted && r->asserted.uri)
		list = hf_header_names(home, d->sip, &r->asserted, r->privacy,
				       "called", list);
	return list;
}

/* A 2xx waits for its record, if there is a journal. */
static void send_reply(struct hf_dialog *d, const struct hf_reply *r)
{
	bool early = r->status < 200, ok = r->status < 300;
	bool hide = r->privacy && r->asserted.uri && d->trusted;
	const char *body = r->body;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_unknown_t *extensions;
	sip_contact_t *contact;
	sip_warning_t *warning = NULL;
	sip_reason_t *reason;
	msg_t *msg;
	const char *expires;
	char retry[16];

	su_home_init(home);
	contact = ok ? hf_header_contact(home, d) : NULL;
	reason =
		r->reason ? hf_header_reason(home, r->status, r->reason) : NULL;
	if (r->status == 488 && r->reason)
		warning = hf_header_warning(home, d->sip, r->reason);
	extensions = reply_extensions(home, d, r);
	expires = ok && !early ? hf_refresh_text(home, d) : NULL;
	snprintf(retry, sizeof(retry), "%d", r->retry_after_s);
	msg = nta_incoming_create_response(d->request, 0, NULL);
	nta_incoming_complete_response(
		d->request, msg, r->status, r->phrase,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_ALLOW(d->sip->allow),
		SIPTAG_SUPPORTED(d->sip->supported),
		SIPTAG_SERVER(d->sip->server),
		TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
		TAG_IF(expires && !d->refresh_ours,
		       SIPTAG_REQUIRE_STR("timer")),
		TAG_IF(reason, SIPTAG_REASON(reason)),
		TAG_IF(warning, SIPTAG_WARNING(warning)),
		TAG_IF(r->retry_after_s > 0, SIPTAG_RETRY_AFTER_STR(retry)),
		TAG_IF(hide, SIPTAG_PRIVACY_STR("id")),
		TAG_IF(extensions, SIPTAG_UNKNOWN(extensions)),
		TAG_IF(body, SIPTAG_CONTENT_TYPE(d->sip->sdp_type)),
		TAG_IF(body, SIPTAG_PAYLOAD_STR(body)), TAG_END());
	su_home_deinit(home);
	if (!msg || (early && hf_reliable_reply(d, msg)))
		return;
	/* What belongs to no call yet is in no record either. */
	if (!ok || early || (is_update(d) && d->state != HF_DIALOG_CONFIRMED) ||
	    !hf_hold_reply(d, msg))
		nta_incoming_mreply(d->request, msg);
}

void hf_request_replied(struct hf_dialog *d, bool was_held)
{
	if (!is_update(d) || d->state == HF_DIALOG_CONFIRMED)
		hf_refresh_start(d);
	if (is_update(d)) {
		request_done(d);
		if (was_held)
			hf_update_done(d);
		return;
	}
	d->request_answered = true;
	if (d->state == HF_DIALOG_OFFERED)
		d->state = HF_DIALOG_ACCEPTED;
}

void hf_request_reply(struct hf_dialog *d, const struct hf_reply *r)
{
	bool first = d->state == HF_DIALOG_OFFERED;

	if (!d->request || d->request_answered || d->reply_held)
		return;
	first = first && !is_update(d);
	if (r->contact_user)
		hf_dialog_set(&d->contact_user, r->contact_user);
	if (r->display)
		hf_dialog_set(&d->contact_display, r->display);
	send_reply(d, r);
	if (r->status < 200)
		return; /* early media: the final answer is still to come */
	if (r->status >= 300) {
		request_done(d);
		if (first)
			d->state = HF_DIALOG_OVER;
		else
			hf_reinvite_try(d);
		return;
	}
	if (!d->reply_held)
		hf_request_replied(d, false);
}
