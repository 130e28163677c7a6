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
	nta_incoming_treply(irq, status, phrase, SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	hf_request_end(sip, irq);
}

/* The 200 waits until the journal has forgotten the call: else a kill would
 * bring it back with nobody at the other end. */
static void answer_bye(struct hf_dialog *d, nta_incoming_t *irq)
{
	msg_t *msg = nta_incoming_create_response(irq, 0, NULL);

	nta_incoming_complete_response(irq, msg, SIP_200_OK,
				       SIPTAG_SERVER_STR(HF_SIP_AGENT),
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

/*
 * May this offer be taken now? RFC 3261 14.2: a second INVITE while the first
 * has no final answer gets 500 with Retry-After; while ours is pending, 491.
 * RFC 3311 5.2 says the same of UPDATE. A 2xx still without its ACK may carry
 * our offer: 491, too.
 */
static bool may_offer(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s,
		      const struct hf_peer *peer)
{
	if (d->state == HF_DIALOG_OVER || d->bye_wanted) {
		hf_refuse(d->sip, irq, s, peer, SIP_481_NO_TRANSACTION,
			  "the call is over", TAG_END());
		return false;
	}
	if (d->request && !d->request_answered) {
		char retry[2] = {(char)('0' + su_randint(0, 9)), '\0'};

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

/* A refresh: nothing to negotiate, nothing to report. */
static void refresh(struct hf_dialog *d)
{
	const struct hf_reply ok = {.status = 200};

	hf_request_reply(d, &ok);
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

	d->identity_only = false;
	if (d->request || d->state != HF_DIALOG_CONFIRMED)
		return;
	party = hf_dialog_party(d);
	if (party)
		hf_park_ack(party, NULL, 0);
}

static void offer(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s)
{
	bool update = s->sip_request->rq_method == sip_method_update;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_identity asserted;
	struct hf_peer peer;
	const char *body;
	size_t len;

	hf_peer_of(d->sip, irq, &peer);
	if (!may_offer(d, irq, s, &peer) ||
	    !hf_precheck_session(d->sip, irq, s, &peer))
		return;
	/* Target refresh (RFC 3261 12.2.2); the route set stays. */
	if (s->sip_contact)
		nta_leg_server_route(d->leg, s->sip_record_route,
				     s->sip_contact);
	hf_refresh_agree(d, s);
	su_home_init(home);
	hf_parse_body(s, &body, &len);
	hf_parse_asserted(home, s, peer.trusted, &asserted);
	d->request = irq;
	nta_incoming_bind(irq, hf_request_event, d);
	d->identity_only = update && !body;
	if (d->identity_only && !asserted.uri)
		refresh(d);
	else
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

static void dispatch(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s)
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
		offer(d, irq, s);
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
	dispatch(d, irq, request);
	hf_dialog_leave(d);
	return 0;
}
