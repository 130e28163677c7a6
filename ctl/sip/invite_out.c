// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An INVITE of ours (recall, fallback): sent by way of the outbound proxy,
 * followed to its final answer, or given up. A second 2xx from another branch
 * is ACKed and BYEd by the stack; one that crosses our CANCEL is by us.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sofia-sip/su_string.h>

#include "private.h"

#define HF_LONGER_MOST 3 /* 422s in a row */

void hf_invite_ack(struct hf_dialog *d, uint32_t cseq, const char *branch)
{
	nta_outgoing_t *ack;
	char text[24];

	snprintf(text, sizeof(text), "%u ACK", cseq);
	/* The stack repeats it for every repetition of the 2xx. */
	ack = nta_outgoing_tcreate(d->leg, NULL, NULL, NULL, SIP_METHOD_ACK,
				   NULL, SIPTAG_CSEQ_STR(text),
				   TAG_IF(branch, NTATAG_ACK_BRANCH(branch)),
				   SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
				   TPTAG_IDENT(d->listener->ident), TAG_END());
	hf_asked_end(d->sip, ack);
}

static void invite_done(struct hf_dialog *d)
{
	hf_asked_end(d->sip, d->invite);
	d->invite = NULL;
	if (d->retry)
		su_timer_reset(d->retry);
}

static void failed(struct hf_dialog *d, int status, const char *phrase)
{
	struct hf_party *party;

	d->state = HF_DIALOG_OVER;
	hf_ringing_end(d);
	hf_early_free(d);
	if (d->cancelled) {
		status = 487;
		phrase = sip_487_Request_terminated;
	}
	party = hf_dialog_party(d);
	if (party)
		hf_park_failed(party, status, phrase ? phrase : "");
}

/* RFC 3261 21.3: the first Contact is the one to try. */
static void redirected(struct hf_dialog *d, int status, const sip_t *sip)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_party *party = hf_dialog_party(d);
	struct hf_identity to;

	su_home_init(home);
	hf_parse_address(home, sip->sip_contact, &to);
	d->state = HF_DIALOG_OVER;
	hf_ringing_end(d);
	hf_early_free(d);
	if (party && to.uri)
		hf_park_redirected(party, status, sip->sip_status->st_phrase,
				   &to);
	else if (party)
		hf_park_failed(party, status, sip->sip_status->st_phrase);
	su_home_deinit(home);
}

void hf_invite_confirmed(struct hf_dialog *d)
{
	hf_invite_ack(d, d->ack_cseq, NULL);
	invite_done(d);
	hf_reinvite_try(d);
}

/* RFC 3261 13.2.2.4 */
static void confirm(struct hf_dialog *d, const sip_t *ok)
{
	const struct hf_cause cause = {d->bye_sip, d->bye_text};
	const sip_contact_t *contact = ok->sip_contact;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_party *party;
	const char *body;
	char *early;
	size_t len;

	su_home_init(home);
	hf_parse_body(ok, &body, &len);
	hf_early_won(d, ok, &body, &len, &early);
	hf_refresh_answered(d, ok);
	/* A 2xx must bring its Contact; without one the address called serves
	 * for the ACK and the BYE. */
	if (!contact)
		contact = sip_contact_create(
			home, (url_string_t *)ok->sip_to->a_url, NULL);
	hf_identify_learn(d, ok);
	nta_leg_rtag(d->leg, ok->sip_to->a_tag);
	nta_leg_client_reroute(d->leg, ok->sip_record_route, contact, 1);
	su_home_deinit(home);
	d->state = HF_DIALOG_CONFIRMED;
	hf_ringing_end(d);
	d->ack_cseq = ok->sip_cseq->cs_seq;
	/* Without the ACK the peer says it again, also to the next process,
	 * which knows nothing of the call and ends it. */
	if (!hf_hold_ack(d))
		hf_invite_confirmed(d);
	if (d->cancelled || d->released) {
		hf_dialog_bye(d, &cause);
		failed(d, 487, NULL);
	} else {
		party = hf_dialog_party(d);
		if (party)
			hf_park_answered(party, body, len);
	}
	free(early);
}

static int answered(struct hf_dialog *, nta_outgoing_t *, const sip_t *);

/* RFC 4028 7.3: the same INVITE with the interval that was asked for. */
static bool send_longer(struct hf_dialog *d, su_home_t *home,
			const url_t *route)
{
	const char *expires = hf_refresh_ask(home, d);
	msg_t *asked = nta_outgoing_getrequest(d->invite);
	msg_t *copy = asked ? msg_copy(asked) : NULL;
	sip_t *s = copy ? sip_object(copy) : NULL;
	nta_outgoing_t *next = NULL;

	if (asked)
		msg_destroy(asked);
	if (!s)
		return false;
	while (s->sip_via)
		sip_header_remove(copy, s, (sip_header_t *)s->sip_via);
	sip_header_remove(copy, s, (sip_header_t *)s->sip_cseq);
	sip_header_remove(copy, s, (sip_header_t *)s->sip_session_expires);
	sip_header_remove(copy, s, (sip_header_t *)s->sip_min_se);
	sip_add_tl(copy, s, SIPTAG_SESSION_EXPIRES_STR(expires),
		   SIPTAG_MIN_SE_STR(expires), TAG_END());
	if (nta_msg_request_complete(copy, d->leg, SIP_METHOD_INVITE, NULL) < 0)
		msg_destroy(copy);
	else
		next = nta_outgoing_mcreate(d->sip->agent, answered, d,
					    (const url_string_t *)route, copy,
					    TPTAG_IDENT(d->listener->ident),
					    TAG_END());
	if (!next)
		return false;
	hf_asked_end(d->sip, d->invite);
	d->invite = next;
	return true;
}

/* Asked who we are, or for a longer session: the same INVITE, by the same way,
 * with the answer. */
static bool again(struct hf_dialog *d, const sip_t *sip)
{
	int status = nta_outgoing_status(d->invite);
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const url_t *route;
	msg_t *msg;
	bool sent;

	if (status != 401 && status != 407 && status != 422)
		return false;
	su_home_init(home);
	route = hf_hosts_resolve(home, hf_proxy_of(home, d->sip, d->tenant));
	if (status == 422)
		sent = d->session_s && d->too_short++ < HF_LONGER_MOST &&
		       hf_refresh_too_short(d, status, sip) &&
		       send_longer(d, home, route);
	else
		sent = hf_dialog_again(d, &d->invite, sip, answered, route);
	msg = sent ? nta_outgoing_getrequest(d->invite) : NULL;
	if (msg) {
		/* another CSeq and branch to CANCEL, if need be */
		hf_ringing_end(d);
		hf_ringing_begin(
			d,
			url_as_string(home,
				      sip_object(msg)->sip_request->rq_url),
			route);
		msg_destroy(msg);
	}
	su_home_deinit(home);
	return sent;
}

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);
	struct hf_party *party;

	if (d->ack_held)
		return 0; /* the same 2xx again */
	if (!d->cancelled && !d->released && again(d, sip))
		return 0;
	hf_dialog_enter(d);
	if (status >= 300) {
		/* `sip` dies with the transaction: keep it until it is told. */
		d->invite = NULL;
		if (d->retry)
			su_timer_reset(d->retry);
		if (status < 400 && sip && sip->sip_contact && !d->cancelled)
			redirected(d, status, sip);
		else
			failed(d, status,
			       sip && sip->sip_status ? sip->sip_status->st_phrase
					      : sip_status_phrase(status));
		hf_asked_end(d->sip, orq);
	} else if (status >= 200) {
		confirm(d, sip);
	} else if (status > 100 && !d->cancelled && hf_early_progress(d, sip)) {
		party = hf_dialog_party(d);
		if (party)
			hf_park_progress(party, status);
	}
	hf_dialog_leave(d);
	return 0;
}

/* RFC 3261 9.1: no final answer 64*T1 after the CANCEL counts as 487. */
static void cancel_unanswered(su_root_magic_t *loop, su_timer_t *timer,
			      struct hf_dialog *d)
{
	if (!d->invite)
		return;
	hf_dialog_enter(d);
	invite_done(d);
	failed(d, 487, NULL);
	hf_dialog_leave(d);
}

void hf_invite_cancel(struct hf_dialog *d, const struct hf_cause *cause)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_reason_t *reason;

	if (d->state != HF_DIALOG_CALLING || d->cancelled || !d->invite)
		return;
	d->cancelled = true;
	d->bye_sip = cause ? cause->sip : 0;
	hf_dialog_set(&d->bye_text, cause ? cause->text : NULL);
	su_home_init(home);
	reason = hf_header_reason(home, d->bye_sip, d->bye_text);
	/* Held back by the stack until a provisional answer comes. */
	nta_outgoing_tcancel(d->invite, NULL, NULL,
			     TAG_IF(reason, SIPTAG_REASON(reason)),
			     SIPTAG_USER_AGENT_STR(HF_SIP_AGENT), TAG_END());
	su_home_deinit(home);
	if (!d->retry)
		d->retry = su_timer_create(su_root_task(d->sip->root), 0);
	if (d->retry)
		su_timer_set_interval(d->retry, cancel_unanswered, d,
				      64 * (su_duration_t)d->sip->t1_ms);
}

static bool create_leg(struct hf_dialog *d, su_home_t *home,
		       const struct hf_call_out *call)
{
	struct hf_sip *sip = d->sip;
	sip_from_t *from =
		hf_header_from(home, sip, call->tenant, &call->from,
			       call->privacy);
	sip_to_t *to = sip_to_create(home, URL_STRING_MAKE(call->uri));
	sip_call_id_t *id = sip_call_id_create(home, d->listener->host);
	char cseq[32];

	if (!from || !to || !id || !hf_dialog_set(&d->call_id, id->i_id) ||
	    !hf_dialog_set(&d->local, url_as_string(home, from->a_url)) ||
	    !hf_dialog_set(&d->remote, url_as_string(home, to->a_url)))
		return false;
	snprintf(cseq, sizeof(cseq), "%u INVITE", sip->epoch << 16);
	d->leg = nta_leg_tcreate(sip->agent, hf_indialog, d, SIPTAG_CALL_ID(id),
				 SIPTAG_FROM(from), SIPTAG_TO(to),
				 SIPTAG_CSEQ_STR(cseq), TAG_END());
	return d->leg && nta_leg_tag(d->leg, NULL);
}

/* RFC 7044 5: from the slot, perhaps by way of who forwards, to where it goes. Each
 * index grows from the one before: the call was mapped on, not forked. */
static sip_unknown_t *history(su_home_t *home, const struct hf_call_out *call,
			      sip_unknown_t *next)
{
	const char *way[] = {call->diversion, call->diverted_by, call->uri};
	char *value = NULL;
	const char *index = NULL;

	if (!call->diversion)
		return next;
	for (unsigned int i = 0; i < 3; i++) {
		url_t *url = way[i] ? hf_header_uri(home, way[i]) : NULL;

		if (!url)
			continue;
		value = index ? su_sprintf(home, "%s, <%s>;index=%s.1;mp=%s",
					   value, url_as_string(home, url),
					   index, index)
			      : su_sprintf(home, "<%s>;index=1",
					   url_as_string(home, url));
		index = index ? su_sprintf(home, "%s.1", index) : "1";
	}
	return hf_header_text(home, "History-Info", value, next);
}

static sip_unknown_t *call_extensions(su_home_t *home, const struct hf_sip *sip,
				      const struct hf_call_out *call)
{
	struct hf_identity slot = {.uri = call->diversion};
	struct hf_identity by = {.uri = call->diverted_by};
	sip_unknown_t *list = NULL;

	list = hf_header_text(home, "X-Holdfast-Recall", call->recall_marker,
			      list);
	list = hf_header_text(home, "User-to-User", call->user_to_user, list);
	list = hf_header_address(home, "Referred-By", &call->referred_by, list);
	list = hf_header_text(home, "Alert-Info", call->alert_info, list);
	list = history(home, call, list);
	list = hf_header_text(home, "Call-Info", call->call_info, list);
	list = hf_header_text(home, "Answer-Mode", call->answer_mode, list);
	list = hf_header_address(home, "Diversion", &slot, list);
	list = hf_header_address(home, "Diversion", &by, list);
	list = hf_header_lines(home, call->carried, list);
	return hf_header_names(home, sip, &call->asserted, call->privacy,
			       "calling", list);
}

static sip_replaces_t *replaces_header(su_home_t *home,
				       const struct hf_replaces *r)
{
	char *text = su_sprintf(home, "%s;to-tag=%s;from-tag=%s%s", r->call_id,
				r->to_tag, r->from_tag,
				r->early_only ? ";early-only" : "");

	return text ? sip_replaces_make(home, text) : NULL;
}

/* `route`: where it goes, NULL = where its URI says. */
static bool send_invite(struct hf_dialog *d, su_home_t *home,
			const struct hf_call_out *call, const url_t *route)
{
	sip_unknown_t *extensions = call_extensions(home, d->sip, call);
	sip_contact_t *contact = hf_header_contact(home, d);
	sip_replaces_t *replaces =
		call->replaces ? replaces_header(home, call->replaces) : NULL;
	const char *expires;
	char min_se[16];

	if (call->replaces && !replaces)
		return false;
	expires = hf_refresh_ask(home, d);
	snprintf(min_se, sizeof(min_se), "%u", hf_refresh_least(d->sip));
	d->invite = nta_outgoing_tcreate(
		d->leg, answered, d, (const url_string_t *)route,
		SIP_METHOD_INVITE, URL_STRING_MAKE(call->uri),
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		TAG_IF(call->privacy, SIPTAG_PRIVACY_STR("id")),
		TAG_IF(replaces, SIPTAG_REPLACES(replaces)),
		TAG_IF(extensions, SIPTAG_UNKNOWN(extensions)),
		SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED_NEW),
		TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
		TAG_IF(expires, SIPTAG_MIN_SE_STR(min_se)),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TAG_IF(call->body, SIPTAG_CONTENT_TYPE_STR(HF_SIP_ACCEPT)),
		TAG_IF(call->body, SIPTAG_PAYLOAD_STR(call->body)),
		TPTAG_IDENT(d->listener->ident), TAG_END());
	return d->invite;
}

struct hf_dialog *hf_invite_out(struct hf_sip *sip, struct hf_party *party,
				const struct hf_call_out *call)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_dialog *d = hf_dialog_create(sip);
	const url_t *towards, *url;
	bool sent;

	if (!d) {
		errno = ENOMEM;
		return NULL;
	}
	su_home_init(home);
	url = hf_header_uri(home, call->uri);
	towards = hf_proxy_of(home, sip, call->tenant);
	towards = hf_hosts_resolve(home, towards ? towards : url);
	d->tenant = call->tenant;
	d->state = HF_DIALOG_CALLING;
	d->session_s = sip->config->sip.session_s;
	if (d->session_s && d->session_s < hf_refresh_least(sip))
		d->session_s = hf_refresh_least(sip);
	d->ours = true;
	d->trusted = true; /* where we call is by configuration */
	d->party = party;
	d->listener = hf_listener_towards(sip, towards);
	d->inside = hf_listener_inside(sip, d->listener,
				       towards ? towards->url_host : NULL);
	sent = url && create_leg(d, home, call) &&
	       send_invite(d, home, call, towards == url ? NULL : towards);
	if (sent)
		hf_ringing_begin(d, call->uri,
				 towards == url ? NULL : towards);
	su_home_deinit(home);
	if (!sent) {
		d->released = true;
		hf_dialog_free(d);
		errno = EINVAL;
		return NULL;
	}
	return d;
}
