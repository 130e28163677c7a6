// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that outlive us: a dialog as a record, and the same dialog made anew
 * from it after a restart, with the same Call-ID, tags and route set, our CSeq
 * from this process's epoch on, above all that were sent. (held.c: what is not
 * said before it is on disk; goodbye.c: dialogs that we have ended.)
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

void hf_sip_journal(struct hf_sip *sip, const struct hf_sip_journal *journal)
{
	sip->journal = *journal;
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
	/* below nought: ours to refresh */
	r->session_s = d->refresh_ours ? -(int64_t)d->session_s : d->session_s;
	r->takes_update = d->takes_update;
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

	if (d->bye_wanted) /* it has been sent */
		return;
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

/* The INVITE did not come again in all the time it has. */
static void doubt_forgotten(su_root_magic_t *loop, su_timer_t *timer,
			    struct hf_dialog *d)
{
	hf_dialog_enter(d);
	hf_dialog_undoubt(d);
	if (!d->bye)
		hf_goodbye_end(d);
	hf_dialog_leave(d);
}

/* A peer that does not know the call may not have heard our 200 yet: it will
 * send its INVITE again, and is refused then. */
void hf_doubt_bye_answered(struct hf_dialog *d, int status)
{
	if (status < 300 || !d->retry)
		hf_dialog_undoubt(d);
	else
		su_timer_set_interval(d->retry, doubt_forgotten, d,
				      64 * (su_duration_t)d->sip->t1_ms);
}

static void ask(su_root_magic_t *, su_timer_t *, struct hf_dialog *);

static int told(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);

	if (status < 200 || hf_dialog_again(d, &d->probe, sip, told, NULL))
		return 0;
	hf_dialog_enter(d);
	hf_asked_end(d->sip, orq);
	d->probe = NULL;
	if (!d->in_doubt || d->request || d->bye_wanted)
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
	if (!d->in_doubt || d->request || d->probe || d->bye_wanted)
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
	d->doubt_next = d->sip->doubts;
	d->sip->doubts = d;
	d->retry = su_timer_create(su_root_task(d->sip->root), 0);
	if (d->retry)
		su_timer_set_interval(d->retry, ask, d, HF_FIRST_ASK_MS);
}

void hf_dialog_undoubt(struct hf_dialog *d)
{
	struct hf_dialog **at = &d->sip->doubts;

	if (!d->in_doubt)
		return;
	while (*at != d)
		at = &(*at)->doubt_next;
	*at = d->doubt_next;
	d->in_doubt = false;
}

/* Where our requests in the dialog go. */
static const char *next_hop(nta_leg_t *leg)
{
	const sip_contact_t *target = NULL;
	const sip_route_t *route = NULL;

	nta_leg_get_route(leg, &route, &target);
	return route  ? route->r_url->url_host :
	       target ? target->m_url->url_host :
			NULL;
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
	d->refresh_ours = r->session_s < 0;
	d->session_s = (uint32_t)(r->session_s < 0 ? -r->session_s :
						     r->session_s);
	d->takes_update = r->takes_update;
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
	d->inside = hf_listener_inside(sip, l, next_hop(d->leg));
	/* A whole interval anew: the refresh may have come while we were dead.
	 */
	hf_refresh_resume(d);
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

static struct hf_dialog *doubt_of(const struct hf_sip *sip, const sip_t *s)
{
	struct hf_dialog *d;

	for (d = s->sip_from->a_tag ? sip->doubts : NULL; d; d = d->doubt_next)
		if (!d->request && !strcmp(d->call_id, s->sip_call_id->i_id) &&
		    !strcmp(nta_leg_get_rtag(d->leg), s->sip_from->a_tag) &&
		    nta_leg_get_rseq(d->leg) == s->sip_cseq->cs_seq)
			break;
	return d;
}

/* An INVITE that the process before us has taken: the same dialog, the same
 * answer (RFC 3261 17.2.1 as if we had never been away). */
bool hf_invite_again(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s)
{
	struct hf_dialog *d = doubt_of(sip, s);
	struct hf_reply ok = {.status = 200};

	if (!d)
		return false;
	nta_incoming_tag(irq, nta_leg_get_tag(d->leg));
	if (d->bye_wanted) {
		hf_info("an INVITE comes again whose call has ended since");
		nta_incoming_treply(irq, SIP_480_TEMPORARILY_UNAVAILABLE,
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
		hf_request_end(sip, irq);
		return true;
	}
	hf_info("an INVITE comes again that was answered before the restart");
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

/* A 2xx to a re-INVITE of the process before us. The peer has taken our offer;
 * without an ACK it would end the call. */
bool hf_answer_again(struct hf_sip *sip, const sip_t *s)
{
	nta_leg_t *leg;
	struct hf_dialog *d;

	if (!s->sip_to->a_tag || !s->sip_from->a_tag || !s->sip_via ||
	    !s->sip_via->v_branch)
		return false;
	leg = nta_leg_by_dialog(sip->agent, NULL, s->sip_call_id,
				s->sip_to->a_tag, NULL, s->sip_from->a_tag,
				NULL);
	d = leg ? nta_leg_magic(leg, hf_indialog) : NULL;
	if (!d)
		return false;
	hf_invite_ack(d, s->sip_cseq->cs_seq, s->sip_via->v_branch);
	return true;
}

bool hf_stray_bye(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s)
{
	if (!sip->park || !hf_park_stray_bye(sip->park, s->sip_call_id->i_id))
		return false;
	nta_incoming_treply(irq, SIP_200_OK, SIPTAG_SERVER_STR(HF_SIP_AGENT),
			    TAG_END());
	hf_request_end(sip, irq);
	return true;
}
