// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests of the peer inside a dialog. The stack has found the dialog by its
 * Call-ID and tags and refused a CSeq that went back.
 */
#include <string.h>

#include "private.h"

static void answer(struct hf_sip *sip, nta_incoming_t *irq, int status,
		   const char *phrase)
{
	nta_incoming_treply(irq, status, phrase, SIPTAG_ALLOW(sip->allow),
			    SIPTAG_SERVER(sip->server), TAG_END());
	hf_request_end(sip, irq);
}

/* The 200 waits until the journal has forgotten the call: else a kill would
 * bring it back with nobody at the other end. */
static void answer_bye(struct hf_dialog *d, nta_incoming_t *irq)
{
	msg_t *msg = nta_incoming_create_response(irq, 0, NULL);

	nta_incoming_complete_response(irq, msg, SIP_200_OK,
				       SIPTAG_SERVER(d->sip->server),
				       TAG_END());
	if (msg && hf_hold_answer(d->sip, irq, msg))
		return;
	if (msg)
		nta_incoming_mreply(irq, msg);
	hf_request_end(d->sip, irq);
}

static void bye(struct hf_dialog *d, nta_incoming_t *irq)
{
	bool was_over = d->state == HF_DIALOG_OVER;
	struct hf_party *party;

	answer_bye(d, irq);
	d->state = HF_DIALOG_OVER;
	d->offer_waits = false;
	hf_refresh_stop(d);
	hf_hold_forget_reply(d);
	hf_dialog_undoubt(d);
	if (!d->bye)
		hf_goodbye_end(d);
	if (d->request) {
		/* RFC 3261 15.1.2: what is pending gets 487. A 2xx without its
		 * ACK is left to the stack, which repeats it for its time. */
		if (!d->request_answered)
			nta_incoming_treply(
				d->request, SIP_487_REQUEST_TERMINATED,
				SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
		hf_request_end(d->sip, d->request);
		d->request = NULL;
		d->request_answered = false;
		hf_dialog_acked(d);
	}
	party = was_over ? NULL : hf_dialog_party(d);
	if (party)
		hf_park_bye(party, "the other side hung up");
}

static bool may_go_on(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s,
		      const struct hf_peer *peer)
{
	if (d->state != HF_DIALOG_OVER && !d->bye_wanted)
		return true;
	hf_refuse(d->sip, irq, s, peer, SIP_481_NO_TRANSACTION,
		  "the call is over", TAG_END());
	return false;
}

/*
 * May this offer be taken now? RFC 3261 14.2: a second INVITE while the first
 * has no final answer gets 500 with Retry-After; while ours is pending, 491.
 * RFC 3311 5.2 says the same of UPDATE, but what is pending there is an offer
 * without its answer, and an INVITE may have had that early. A 2xx still without
 * its ACK may carry our offer: 491, too.
 */
static bool may_offer(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s,
		      const struct hf_peer *peer)
{
	bool update = s->sip_request->rq_method == sip_method_update;
	char retry[2] = {(char)('0' + su_randint(0, 9)), '\0'};

	if (update && !d->request && hf_early_agreed(d, s))
		return true;
	if (update && d->request && d->said_early && !d->late_offer)
		return true;
	if (d->request && !d->request_answered) {
		hf_refuse(d->sip, irq, s, peer, SIP_500_INTERNAL_SERVER_ERROR,
			  "the offer before is not answered yet",
			  SIPTAG_RETRY_AFTER_STR(retry), TAG_END());
		return false;
	}
	if (d->invite || d->request) {
		hf_refuse(d->sip, irq, s, peer, SIP_491_REQUEST_PENDING,
			  "offers cross", TAG_END());
		return false;
	}
	return true;
}

static void report_offer(struct hf_dialog *d,
			 const struct hf_identity *asserted, const char *body,
			 size_t len)
{
	struct hf_party *party = hf_dialog_party(d);

	if (party)
		hf_park_reinvite(party, asserted, body, len);
}

void hf_update_done(struct hf_dialog *d)
{
	struct hf_party *party;

	if (d->request || d->state != HF_DIALOG_CONFIRMED)
		return;
	party = hf_dialog_party(d);
	if (party)
		hf_park_ack(party, NULL, 0);
}

/*
 * UPDATE without an offer: a sign of life, or a new name. It is answered also
 * while offers cross or wait for their answer.
 */
static void update_plainly(struct hf_dialog *d, nta_incoming_t *irq,
			   const sip_t *s, const struct hf_peer *peer)
{
	bool up = d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_identity asserted;
	struct hf_party *party;
	sip_contact_t *contact;
	const char *expires;

	su_home_init(home);
	contact = hf_header_contact(home, d);
	if (up)
		hf_refresh_agree(d, s);
	expires = up ? hf_refresh_text(home, d) : NULL;
	nta_incoming_treply(
		irq, SIP_200_OK, TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED),
		SIPTAG_SERVER_STR(HF_SIP_AGENT),
		TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
		TAG_IF(expires && !d->refresh_ours,
		       SIPTAG_REQUIRE_STR("timer")),
		TAG_END());
	hf_parse_asserted(home, s, peer->trusted, &asserted);
	if (up)
		hf_refresh_start(d);
	party = up && asserted.uri ? hf_dialog_party(d) : NULL;
	if (party)
		hf_park_identity(party, &asserted);
	hf_request_end(d->sip, irq); /* the message was its own */
	su_home_deinit(home);
}

/* UPDATE with an offer: to be answered in our place, while the INVITE that began
 * it all waits with a 183 of ours (RFC 3311 5.2). */
static void update_early(struct hf_dialog *d, nta_incoming_t *irq,
			 const char *body, size_t len)
{
	const struct hf_reply later = {.status = 504};
	const struct hf_identity nobody = {.uri = NULL};
	nta_incoming_t *invite = d->request;

	d->request = irq;
	report_offer(d, &nobody, body, len);
	if (d->request == irq)
		hf_request_reply(d, &later);
	d->request = invite;
}

static void offer(struct hf_dialog *d, nta_leg_t *leg, nta_incoming_t *irq,
		  const sip_t *s)
{
	bool update = s->sip_request->rq_method == sip_method_update;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_identity asserted;
	struct hf_peer peer;
	const char *body;
	size_t len;

	hf_peer_of(d->sip, irq, &peer);
	hf_parse_body(s, &body, &len);
	if (!may_go_on(d, irq, s, &peer) ||
	    ((!update || body) && !may_offer(d, irq, s, &peer)) ||
	    !hf_precheck_session(d->sip, irq, s, &peer))
		return;
	/* Target refresh (RFC 3261 12.2.2); the route set stays. */
	if (s->sip_contact)
		nta_leg_server_route(leg, s->sip_record_route, s->sip_contact);
	if (update && !body) {
		update_plainly(d, irq, s, &peer);
		return;
	}
	if (d->request) {
		update_early(d, irq, body, len);
		return;
	}
	su_home_init(home);
	if (d->state == HF_DIALOG_CALLING)
		hf_early_offered(d, s);
	else
		hf_refresh_agree(d, s);
	hf_parse_asserted(home, s, peer.trusted, &asserted);
	d->request = irq;
	nta_incoming_bind(irq, hf_request_event, d);
	report_offer(d, &asserted, body, len);
	if (update && !d->reply_held && nta_incoming_status(irq) < 300)
		hf_update_done(d);
	else if (!update && d->request && !d->request_answered &&
		 !d->reply_held)
		nta_incoming_treply(d->request, SIP_100_TRYING, TAG_END());
	su_home_deinit(home);
}

static void refer(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s)
{
	struct hf_peer peer;

	hf_peer_of(d->sip, irq, &peer);
	if (hf_precheck_session(d->sip, irq, s, &peer))
		hf_refer_in(d, irq, s, &peer);
}

static bool has_info_package(const sip_t *s)
{
	for (const sip_unknown_t *un = s->sip_unknown; un; un = un->un_next)
		if (un->un_name && !strcasecmp(un->un_name, "Info-Package"))
			return true;
	return false;
}

static void dispatch(struct hf_dialog *d, nta_leg_t *leg, nta_incoming_t *irq,
		     const sip_t *s)
{
	switch (s->sip_request->rq_method) {
	case sip_method_ack:
		/* Its INVITE is forgotten, or it is a repetition. */
		hf_dialog_ack_found(d, s);
		hf_request_end(d->sip, irq);
		break;
	case sip_method_bye:
		bye(d, irq);
		break;
	case sip_method_invite:
	case sip_method_update:
		offer(d, leg, irq, s);
		break;
	case sip_method_options:
		hf_options(d->sip, irq);
		break;
	case sip_method_info:
		/* Old-style INFO (DTMF, picture requests) is taken and ignored;
		 * no info package is (RFC 6086 4.2.2). */
		if (has_info_package(s))
			answer(d->sip, irq, 469, "Bad Info Package");
		else
			answer(d->sip, irq, SIP_200_OK);
		break;
	case sip_method_refer:
		refer(d, irq, s);
		break;
	case sip_method_cancel:
	case sip_method_notify:
		answer(d->sip, irq, SIP_481_NO_TRANSACTION);
		break;
	case sip_method_unknown:
		answer(d->sip, irq, SIP_501_NOT_IMPLEMENTED);
		break;
	default:
		answer(d->sip, irq, SIP_405_METHOD_NOT_ALLOWED);
		break;
	}
}

int hf_indialog(void *dialog, nta_leg_t *leg, nta_incoming_t *irq,
		const sip_t *request)
{
	struct hf_dialog *d = dialog;

	hf_dialog_enter(d);
	dispatch(d, leg, irq, request);
	hf_dialog_leave(d);
	return 0;
}
