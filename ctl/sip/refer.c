// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * REFER (RFC 3515), in a call or outside any, and the NOTIFYs that tell how it
 * ended. The park logic decides (hf_park_refer); here the request is read, its
 * answer and the implicit subscription are kept. One REFER at a time runs in a
 * dialog. Of the header part of Refer-To only Replaces is read, and none of its
 * text goes into a request as it came: unescaped it may hold line ends.
 */
#include <stdio.h>
#include <string.h>

#include <sofia-sip/sip_extra.h>
#include <sofia-sip/su_string.h>
#include <sofia-sip/url.h>

#include "private.h"

#define REFER_LASTS "180" /* longer than any target is rung */

static void refuse(struct hf_dialog *d, nta_incoming_t *irq, int status,
		   const char *phrase)
{
	nta_incoming_treply(irq, status, phrase,
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	hf_request_end(d->sip, irq);
}

/* RFC 3515 2.4.1: exactly one Refer-To. The library keeps one. */
static bool one_target(const sip_t *s)
{
	const msg_header_t *h = (const msg_header_t *)s->sip_request;
	unsigned int count = 0;

	for (; h; h = h->sh_succ)
		count += h->sh_class == sip_refer_to_class;
	return count == 1 && s->sip_refer_to && s->sip_refer_to->r_url->url_host;
}

static bool wants_invite(const sip_t *s)
{
	const url_t *url = s->sip_refer_to->r_url;
	char method[16];

	if (url->url_type != url_sip && url->url_type != url_sips &&
	    url->url_type != url_tel)
		return false;
	return !url_param(url->url_params, "method", method, sizeof(method)) ||
	       !strcasecmp(method, "INVITE");
}

/* RFC 4488: no subscription if the sender wants none. */
static bool is_quiet(const sip_t *s)
{
	const sip_refer_sub_t *rs = sip_refer_sub(s);

	return rs && rs->rs_value && !strcasecmp(rs->rs_value, "false");
}

/* Keep what the answer and the NOTIFYs need; false: already refused. */
static bool take(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s)
{
	if (!one_target(s)) {
		refuse(d, irq, 400, "Exactly One Refer-To Is Needed");
		return false;
	}
	if (!wants_invite(s)) {
		refuse(d, irq, SIP_416_UNSUPPORTED_URI);
		return false;
	}
	if (d->refer_runs || d->refer_final) {
		refuse(d, irq, SIP_491_REQUEST_PENDING);
		return false;
	}
	d->refer = irq;
	d->refer_quiet = is_quiet(s);
	/* RFC 3515 2.4.6: from the second one on they are told apart. */
	if (d->refer_count++)
		snprintf(d->refer_event, sizeof(d->refer_event),
			 "refer;id=%u", s->sip_cseq->cs_seq);
	else
		snprintf(d->refer_event, sizeof(d->refer_event), "refer");
	return true;
}

/* The park logic has to have answered by now. */
static void settle(struct hf_dialog *d)
{
	if (!d->refer)
		return;
	refuse(d, d->refer, SIP_500_INTERNAL_SERVER_ERROR);
	d->refer = NULL;
}

void hf_refer_in(struct hf_dialog *d, nta_incoming_t *irq, const sip_t *s,
		 const struct hf_peer *peer)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct hf_party *party;
	struct hf_refer refer;

	if (d->state != HF_DIALOG_CONFIRMED || d->bye_wanted) {
		refuse(d, irq, SIP_481_NO_TRANSACTION);
		return;
	}
	if (!take(d, irq, s))
		return;
	su_home_init(home);
	hf_parse_refer(home, s, peer, &refer);
	party = hf_dialog_party(d);
	if (party && refer.target.uri)
		hf_park_refer(party, &refer);
	settle(d);
	su_home_deinit(home);
}

/* Outside any call: the dialog is there for the subscription alone. */
void hf_refer_outside(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s,
		      const struct hf_peer *peer)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct hf_dialog *d = hf_dialog_create(sip);
	struct hf_invite asked;
	struct hf_refer refer;
	bool wanted = false;

	if (d) {
		d->state = HF_DIALOG_OVER;
		d->refer_only = true;
		d->trusted = peer->trusted;
		d->listener = peer->listener;
		d->inside = hf_listener_inside(sip, d->listener, peer->source);
	}
	if (!d || !hf_dialog_leg(d, irq, s)) {
		if (d) {
			d->released = true;
			hf_dialog_free(d);
		}
		hf_refuse(sip, irq, s, peer, SIP_500_INTERNAL_SERVER_ERROR,
			  "out of memory", TAG_END());
		return;
	}
	hf_dialog_enter(d);
	if (take(d, irq, s)) {
		su_home_init(home);
		hf_parse_invite(home, s, peer, &asked);
		hf_parse_refer(home, s, peer, &refer);
		hf_dialog_party(d); /* runs what is due; there is no party */
		wanted = refer.target.uri != NULL;
		if (wanted)
			hf_park_refer_outside(sip->park, d, &asked, &refer);
		settle(d);
		su_home_deinit(home);
	}
	/* The park logic keeps it until it has told how the REFER went. */
	if (!wanted)
		d->released = true;
	hf_dialog_leave(d);
}

static void send_notify(struct hf_dialog *d, int status, const char *phrase);

static int notified(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	const struct hf_cause none = { 0, NULL };
	int status = nta_outgoing_status(orq);

	if (status < 200 || hf_dialog_again(d, &d->notify, sip, notified, NULL))
		return 0;
	hf_dialog_enter(d);
	hf_asked_end(d->sip, orq);
	d->notify = NULL;
	/* 481 and silence end the subscription (RFC 6665 4.2.2). */
	if (status >= 300) {
		d->refer_quiet = true;
		d->refer_final = 0;
	}
	if (d->refer_final) {
		status = d->refer_final;
		d->refer_final = 0;
		send_notify(d, status, NULL);
	}
	if (!d->notify && d->bye_wanted)
		hf_dialog_bye(d, &none);
	hf_dialog_leave(d);
	return 0;
}

/* RFC 3515 2.4.5: the body is the status line. */
static void send_notify(struct hf_dialog *d, int status, const char *phrase)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_contact_t *contact;
	char body[160];

	su_home_init(home);
	if (!phrase || !*phrase)
		phrase = sip_status_phrase(status);
	snprintf(body, sizeof(body), "SIP/2.0 %d %s\r\n", status,
		 phrase ? phrase : "Status");
	contact = hf_header_contact(home, d);
	d->notify = nta_outgoing_tcreate(
		d->leg, notified, d, NULL, SIP_METHOD_NOTIFY, NULL,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_EVENT_STR(d->refer_event),
		SIPTAG_SUBSCRIPTION_STATE_STR(
			status < 200 ? "active;expires=" REFER_LASTS :
				       "terminated;reason=noresource"),
		SIPTAG_CONTENT_TYPE_STR("message/sipfrag;version=2.0"),
		SIPTAG_PAYLOAD_STR(body), SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(d->listener->ident), TAG_END());
	su_home_deinit(home);
}

static void answer(struct hf_dialog *d, int status, const char *phrase)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_unknown_t *quiet = NULL;
	sip_contact_t *contact;

	su_home_init(home);
	contact = hf_header_contact(home, d);
	if (status == 202 && d->refer_quiet)
		quiet = hf_header_text(home, "Refer-Sub", "false", NULL);
	nta_incoming_treply(
		d->refer, status, phrase,
		TAG_IF(status == 202 && contact, SIPTAG_CONTACT(contact)),
		TAG_IF(quiet, SIPTAG_UNKNOWN(quiet)),
		SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	hf_request_end(d->sip, d->refer);
	d->refer = NULL;
	su_home_deinit(home);
}

void hf_refer_outcome(struct hf_dialog *d, int status, const char *phrase)
{
	if (d->refer) {
		answer(d, status, phrase);
		d->refer_runs = status == 202;
		if (d->refer_runs && !d->refer_quiet)
			send_notify(d, 100, NULL);
		return;
	}
	if (!d->refer_runs)
		return;
	d->refer_runs = false;
	/* After a BYE the other side knows nothing of it any more. */
	if (d->refer_quiet ||
	    (!d->refer_only && d->state != HF_DIALOG_CONFIRMED))
		return;
	/* One at a time, so that they arrive in order. */
	if (d->notify)
		d->refer_final = status;
	else
		send_notify(d, status, phrase);
}
