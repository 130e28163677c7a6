// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that outlive us. A 200 that commits us to a call waits until the record
 * of the call is on disk (hf_reply_hold, hf_sip_settled). After a restart the
 * dialog is made anew from that record: same Call-ID, tags and route set, our
 * CSeq from this process's epoch on, above all that were sent.
 *
 * A dialog whose ACK the process before us did not see is in doubt. Its INVITE
 * may come again: then it gets the same 200. Else the peer is asked (OPTIONS in
 * the dialog) whether it knows the call.
 */
#include <stdlib.h>
#include <string.h>

#include "watcher.h"

#include "base/log.h"
#include "store/record.h"

#define HF_FIRST_ASK_MS 1000

void hf_sip_journal(struct hf_sip *sip, bool on)
{
	sip->journal = on;
}

/* Behind the others: they are let go in the order of their records. */
void hf_reply_hold(struct hf_dialog *d, msg_t *reply)
{
	struct hf_dialog **at = &d->sip->held;

	while (*at)
		at = &(*at)->held_next;
	*at = d;
	d->held = reply;
	d->held_next = NULL;
	d->ticket = 0;
}

void hf_reply_forget(struct hf_dialog *d)
{
	struct hf_dialog **at = &d->sip->held;

	if (!d->held)
		return;
	while (*at != d)
		at = &(*at)->held_next;
	*at = d->held_next;
	msg_destroy(d->held);
	d->held = NULL;
}

static void let_go(struct hf_dialog *d)
{
	msg_t *reply = d->held;

	d->held = NULL;
	hf_dialog_enter(d);
	if (!d->request || d->request_answered)
		msg_destroy(reply);
	else if (nta_incoming_mreply(d->request, reply) >= 0)
		hf_request_replied(d);
	hf_dialog_leave(d);
}

void hf_sip_settled(struct hf_sip *sip, uint64_t settled, uint64_t newest)
{
	struct hf_dialog *d;

	/* Whoever was answered in this round has its record handed over. */
	for (d = sip->held; d; d = d->held_next)
		if (!d->ticket)
			d->ticket = newest;
	while ((d = sip->held) && d->ticket <= settled) {
		sip->held = d->held_next;
		let_go(d);
	}
}

bool hf_sip_holds(const struct hf_sip *sip)
{
	return sip->held;
}

void hf_dialog_save(struct hf_dialog *d, struct hf_store_party *r)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const sip_contact_t *target = NULL;
	const sip_route_t *route = NULL;
	char listener[96];

	snprintf(listener, sizeof(listener), "%s:%s:%u", d->listener->transport,
		 d->listener->host, d->listener->port);
	su_home_init(home);
	nta_leg_get_route(d->leg, &route, &target);
	hf_dialog_set(&d->saved_route, hf_route_text(home, route));
	hf_dialog_set(&d->saved_target,
		      target ? url_as_string(home, target->m_url) : NULL);
	hf_dialog_set(&d->saved_listener, listener);
	su_home_deinit(home);
	r->local = d->local;
	r->local_tag = nta_leg_get_tag(d->leg);
	r->remote = d->remote;
	r->remote_tag = nta_leg_get_rtag(d->leg);
	r->remote_cseq = nta_leg_get_rseq(d->leg);
	r->route = d->saved_route;
	r->target = d->saved_target;
	r->listener = d->saved_listener;
	r->ours = d->ours;
	r->trusted = d->trusted;
	r->contact_user = d->contact_user;
	r->contact_display = d->contact_display;
	r->session_s = d->session_s;
}

static bool adopt_leg(struct hf_dialog *d, const struct hf_store_party *r)
{
	struct hf_sip *sip = d->sip;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_record_route_t *route = NULL;
	sip_contact_t *contact;
	char *local, *remote;
	char cseq[32];
	bool ok;

	su_home_init(home);
	snprintf(cseq, sizeof(cseq), "%u INVITE", sip->epoch << 16);
	local = su_sprintf(home, "<%s>;tag=%s", r->local, r->local_tag);
	remote = su_sprintf(home, "<%s>;tag=%s", r->remote, r->remote_tag);
	contact = sip_contact_create(home, URL_STRING_MAKE(r->target), NULL);
	if (*r->route)
		route = sip_record_route_make(home, r->route);
	ok = local && remote && contact && (!*r->route || route);
	if (ok)
		d->leg = nta_leg_tcreate(
			sip->agent, hf_indialog, d,
			SIPTAG_CALL_ID_STR(r->sip_call_id),
			SIPTAG_FROM_STR(local), SIPTAG_TO_STR(remote),
			SIPTAG_CSEQ_STR(cseq),
			NTATAG_REMOTE_CSEQ((uint32_t)r->remote_cseq),
			TAG_END());
	/* Never by SIPTAG_ROUTE: the leg would be routed strictly. */
	ok = ok && d->leg && nta_leg_server_route(d->leg, route, contact) >= 0;
	su_home_deinit(home);
	return ok;
}

static void doubt_over(struct hf_dialog *d, bool stands, const sip_t *ack)
{
	const struct hf_cause cause = {408, "no ACK"};
	struct hf_party *party;
	const char *body = NULL;
	size_t len = 0;

	if (d->retry)
		su_timer_reset(d->retry);
	hf_dialog_undoubt(d);
	if (d->state == HF_DIALOG_ACCEPTED)
		d->state = HF_DIALOG_CONFIRMED;
	if (d->state != HF_DIALOG_CONFIRMED)
		return;
	if (ack)
		hf_parse_body(ack, &body, &len);
	if (!stands)
		hf_dialog_bye(d, &cause);
	party = hf_dialog_party(d);
	if (party && stands)
		hf_park_ack(party, body, len);
	else if (party)
		hf_park_no_ack(party);
}

static void ask(su_root_magic_t *, su_timer_t *, struct hf_dialog *);

static int told(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);

	if (status < 200)
		return 0;
	hf_dialog_enter(d);
	nta_outgoing_destroy(orq);
	d->probe = NULL;
	if (!d->in_doubt || d->request)
		; /* it has shown itself meanwhile */
	else if (status < 300)
		doubt_over(d, true, NULL);
	else if (d->asked++)
		doubt_over(d, false, NULL);
	else /* our 200 may never have left: its INVITE will come again */
		su_timer_set_interval(d->retry, ask, d,
				      64 * (su_duration_t)d->sip->t1_ms);
	hf_dialog_leave(d);
	return 0;
}

static void ask(su_root_magic_t *loop, su_timer_t *timer, struct hf_dialog *d)
{
	if (!d->in_doubt || d->request || d->probe)
		return;
	hf_dialog_enter(d);
	d->probe = nta_outgoing_tcreate(d->leg, told, d, NULL,
					SIP_METHOD_OPTIONS, NULL,
					SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
					TPTAG_IDENT(d->listener->ident),
					TAG_END());
	if (!d->probe)
		doubt_over(d, true, NULL);
	hf_dialog_leave(d);
}

static void begin_doubt(struct hf_dialog *d)
{
	d->in_doubt = true;
	d->sip->in_doubt++;
	d->retry = su_timer_create(su_root_task(d->sip->root), 0);
	if (d->retry)
		su_timer_set_interval(d->retry, ask, d, HF_FIRST_ASK_MS);
}

void hf_dialog_undoubt(struct hf_dialog *d)
{
	if (d->in_doubt)
		d->sip->in_doubt--;
	d->in_doubt = false;
}

struct hf_dialog *hf_dialog_adopt(struct hf_sip *sip, struct hf_party *party,
				  const struct hf_store_party *r,
				  const char *answer)
{
	const struct hf_listener *l = hf_listener_named(sip, r->listener);
	struct hf_dialog *d = l ? hf_dialog_create(sip) : NULL;

	if (!d)
		return NULL;
	d->listener = l;
	d->ours = r->ours;
	d->trusted = r->trusted;
	d->session_s = (uint32_t)r->session_s;
	d->state = r->up ? HF_DIALOG_CONFIRMED : HF_DIALOG_ACCEPTED;
	if (!adopt_leg(d, r) || !hf_dialog_set(&d->call_id, r->sip_call_id) ||
	    !hf_dialog_set(&d->local, r->local) ||
	    !hf_dialog_set(&d->remote, r->remote) ||
	    !hf_dialog_set(&d->contact_user, r->contact_user) ||
	    !hf_dialog_set(&d->contact_display, r->contact_display) ||
	    !hf_dialog_set(&d->offer, r->up ? NULL : answer)) {
		d->released = true;
		hf_dialog_free(d);
		return NULL;
	}
	d->party = party;
	/* A whole interval anew: the refresh may have come while we were dead.
	 */
	hf_refresh_start(d);
	if (!r->up)
		begin_doubt(d);
	return d;
}

/* An ACK that found no transaction: of an INVITE of the process before us. */
void hf_dialog_ack_found(struct hf_dialog *d, const sip_t *ack)
{
	if (d->in_doubt && !d->request)
		doubt_over(d, true, ack);
}

/* An INVITE that the process before us has taken: the same dialog, the same
 * answer (RFC 3261 17.2.1 as if we had never been away). */
bool hf_invite_again(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s)
{
	struct hf_dialog *d = sip->in_doubt ? sip->dialogs : NULL;
	struct hf_reply ok = {.status = 200};

	for (; d; d = d->next)
		if (d->in_doubt && !d->request && s->sip_from->a_tag &&
		    !strcmp(d->call_id, s->sip_call_id->i_id) &&
		    !strcmp(nta_leg_get_rtag(d->leg), s->sip_from->a_tag) &&
		    nta_leg_get_rseq(d->leg) == s->sip_cseq->cs_seq)
			break;
	if (!d)
		return false;
	hf_info("an INVITE comes again that was answered before the restart");
	nta_incoming_tag(irq, nta_leg_get_tag(d->leg));
	if (d->retry)
		su_timer_reset(d->retry);
	hf_dialog_undoubt(d);
	d->request = irq;
	d->state = HF_DIALOG_OFFERED;
	nta_incoming_bind(irq, hf_request_event, d);
	ok.body = d->offer;
	hf_dialog_enter(d);
	hf_request_reply(d, &ok);
	hf_dialog_leave(d);
	return true;
}
