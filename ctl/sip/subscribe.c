// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SUBSCRIBE, the first and those in its dialog (RFC 6665 4.2): headers into the
 * plain fields of ctl/presence/watch.h, and the lamps' verdict into an answer.
 * agent.c brings those outside any dialog here; notify.c sends what follows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "watcher.h"

#define HF_SUBSCRIBE_RETRY_S "10"

struct hf_watcher *hf_watcher_create(struct hf_sip *sip,
				     const struct hf_listener *listener)
{
	struct hf_watcher *w = hf_slab_alloc(sip->slab, sizeof(*w));

	if (!w)
		return NULL;
	w->sip = sip;
	w->listener = listener;
	w->local_cseq = sip->epoch << 16;
	return w;
}

void hf_watcher_free(struct hf_watcher *w)
{
	struct hf_sip *sip = w->sip;

	hf_hold_forget_watch(w);
	hf_asked_end(w->sip, w->notify);
	nta_leg_destroy(w->leg);
	if (w->text) {
		HASH_DEL(sip->watchers, w);
		hf_slab_free(sip->slab, w->text, w->text_len);
	}
	hf_slab_free(sip->slab, w, sizeof(*w));
}

void hf_watchers_free(struct hf_sip *sip)
{
	struct hf_watcher *w, *next;

	HASH_ITER(hh, sip->watchers, w, next)
		hf_watcher_free(w);
}

sip_contact_t *hf_watcher_contact(su_home_t *home, const struct hf_watcher *w)
{
	const struct hf_listener *l = w->listener;
	const sip_route_t *route = NULL;
	const url_t *target, *next;
	struct hf_watcher_text t;
	char *uri;

	/* It may have no leg now; where its NOTIFYs go is known all the same. */
	hf_watcher_text(w, &t);
	target = url_make(home, t.dialog.contact);
	if (*t.dialog.route)
		route = sip_route_make(home, t.dialog.route);
	next = *t.dialog.via ?
		       url_make(home, t.dialog.via) :
	       route ? route->r_url :
		       target;
	uri = hf_listener_uri(
		home, w->sip, l,
		hf_listener_inside(w->sip, l, next ? next->url_host : NULL),
		target && target->url_type == url_sips, NULL);
	return uri ? sip_contact_create(home, URL_STRING_MAKE(uri), NULL) :
		     NULL;
}

/* All Accept headers in one line. */
static const char *accept_text(su_home_t *home, const sip_t *s)
{
	char *text = NULL;

	for (const sip_accept_t *a = s->sip_accept; a; a = a->ac_next)
		if (a->ac_type)
			text = su_sprintf(home, "%s%s%s", text ? text : "",
					  text ? ", " : "", a->ac_type);
	/* An empty Accept is as good as none: phones mean nothing by it. */
	return text;
}

static void read_request(su_home_t *home, const sip_t *s,
			 const struct hf_peer *peer, struct hf_subscribe *ret)
{
	struct hf_invite in;
	url_t to = *s->sip_to->a_url;

	/* Identities are read as those of an INVITE are. */
	hf_parse_invite(home, s, peer, &in);
	memset(ret, 0, sizeof(*ret));
	ret->user = in.target.user;
	ret->uri = in.target.uri;
	to.url_params = NULL;
	to.url_headers = NULL;
	to.url_password = NULL;
	ret->to_uri = to.url_user ? url_as_string(home, &to) : NULL;
	ret->to_user = su_strdup(home, to.url_user ? to.url_user : "");
	if (ret->to_user && to.url_user)
		url_unescape((char *)ret->to_user, to.url_user);
	ret->from = in.from;
	ret->asserted = in.asserted;
	ret->source = peer->source;
	ret->tenant = in.tenant;
	ret->no_tenant = in.no_tenant;
	ret->event = s->sip_event && s->sip_event->o_type ? s->sip_event->o_type :
							     "";
	ret->event_id = s->sip_event ? s->sip_event->o_id : NULL;
	ret->accept = accept_text(home, s);
	ret->eventlist = sip_has_feature(s->sip_supported, "eventlist") ||
			 sip_has_feature(s->sip_require, "eventlist");
	ret->stream = strcmp(peer->listener->transport, "udp");
	if (s->sip_expires) {
		ret->has_expires = true;
		ret->expires = (uint32_t)s->sip_expires->ex_delta;
	}
}

static const char *phrase_of(int status)
{
	switch (status) {
	case 421:
		return "Extension Required";
	case 423:
		return "Interval Too Brief";
	case 489:
		return sip_489_Bad_event;
	default:
		return sip_status_phrase(status);
	}
}

static void refuse(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s,
		   const struct hf_peer *peer, const struct hf_subscribed *r)
{
	char least[16];

	snprintf(least, sizeof(least), "%u", r->min_expires);
	hf_refuse(sip, irq, s, peer, r->status,
		  r->phrase ? r->phrase : phrase_of(r->status), r->why,
		  TAG_IF(r->status == 423, SIPTAG_MIN_EXPIRES_STR(least)),
		  TAG_IF(r->status == 489,
			 SIPTAG_ALLOW_EVENTS_STR(HF_LAMP_ALLOW_EVENTS)),
		  TAG_IF(r->status == 421, SIPTAG_REQUIRE_STR("eventlist")),
		  TAG_IF(r->status >= 500,
			 SIPTAG_RETRY_AFTER_STR(HF_SUBSCRIBE_RETRY_S)),
		  TAG_END());
}

static msg_t *acceptance(struct hf_watcher *w, nta_incoming_t *irq,
			 const struct hf_subscribed *r)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	msg_t *reply = nta_incoming_create_response(irq, 0, NULL);
	sip_contact_t *contact;
	char expires[16];

	su_home_init(home);
	contact = hf_watcher_contact(home, w);
	snprintf(expires, sizeof(expires), "%u", r->expires);
	nta_incoming_complete_response(
		irq, reply, SIP_200_OK,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_EXPIRES_STR(expires),
		TAG_IF(r->eventlist, SIPTAG_REQUIRE_STR("eventlist")),
		SIPTAG_ALLOW_EVENTS_STR(HF_LAMP_ALLOW_EVENTS),
		SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	su_home_deinit(home);
	return reply;
}

static void accept_it(struct hf_watcher *w, nta_incoming_t *irq,
		      const struct hf_subscribed *r)
{
	nta_incoming_mreply(irq, acceptance(w, irq, r));
	hf_request_end(w->sip, irq);
}

/* The request's source, if the Contact is on another address than that: behind
 * NAT only the way it came leads back. Requests that came through a proxy have
 * a Record-Route, and go by that. */
static const char *read_via(su_home_t *home, const struct hf_watcher *w,
			    const sip_t *s, const struct hf_peer *peer)
{
	const url_t *contact = s->sip_contact->m_url;
	const sip_via_t *via = s->sip_via;
	const char *port;

	if (s->sip_record_route || !contact->url_host || !via ||
	    !strcmp(contact->url_host, peer->source) || !via->v_received ||
	    strcmp(via->v_received, peer->source))
		return "";
	port = via->v_rport && *via->v_rport ? via->v_rport : via->v_port;
	return su_sprintf(home, "sip:%s%s%s:%s;transport=%s",
			  strchr(peer->source, ':') ? "[" : "", peer->source,
			  strchr(peer->source, ':') ? "]" : "", port ? port : "5060", w->listener->transport);
}

static char *read_address(su_home_t *home, const sip_addr_t *a, const char *tag)
{
	char *uri = url_as_string(home, a->a_url);

	return !uri ? NULL :
	       tag  ? su_sprintf(home, "<%s>;tag=%s", uri, tag) :
		      su_sprintf(home, "<%s>", uri);
}

/* The dialog that a first SUBSCRIBE makes. */
static int create_dialog(struct hf_watcher *w, su_home_t *home,
			 nta_incoming_t *irq, const sip_t *s,
			 const struct hf_peer *peer)
{
	struct hf_watcher_text t = { .tag = nta_incoming_tag(irq, NULL) };

	t.dialog.call_id = s->sip_call_id->i_id;
	t.dialog.local = t.tag ? read_address(home, s->sip_to, t.tag) : NULL;
	t.dialog.remote = read_address(home, s->sip_from, s->sip_from->a_tag);
	t.dialog.contact = url_as_string(home, s->sip_contact->m_url);
	t.dialog.route = hf_route_text(home, s->sip_record_route);
	t.dialog.via = read_via(home, w, s, peer);
	w->remote_cseq = s->sip_cseq->cs_seq;
	return hf_watcher_set_text(w, &t);
}

/* A refresh may come from another Contact (RFC 6665 4.5.1); the route stays. */
static void refresh_target(struct hf_watcher *w, su_home_t *home,
			   const sip_t *s, const struct hf_peer *peer)
{
	struct hf_watcher_text t;
	const char *contact, *via;

	contact = url_as_string(home, s->sip_contact->m_url);
	via = read_via(home, w, s, peer);
	w->listener = peer->listener;
	if (w->leg)
		nta_leg_server_route(w->leg, NULL, s->sip_contact);
	hf_watcher_text(w, &t);
	if (!contact || !via ||
	    (!strcmp(contact, t.dialog.contact) && !strcmp(via, t.dialog.via)))
		return;
	t.dialog.contact = contact;
	t.dialog.via = via;
	/* without memory it stays where it was */
	(void)hf_watcher_set_text(w, &t);
}

static bool usable_contact(const sip_t *s)
{
	const sip_contact_t *m = s->sip_contact;

	return m && !m->m_next && m->m_url->url_host &&
	       (m->m_url->url_type == url_sip || m->m_url->url_type == url_sips);
}

void hf_watcher_begin(struct hf_watcher *w)
{
	if (w->watch)
		w->sip->lamp_calls->start(w->watch);
}

static void begin(struct hf_watcher *w, nta_incoming_t *irq,
		  const struct hf_subscribed *r)
{
	struct hf_watcher_text t;
	char listener[96];
	msg_t *reply;

	hf_watcher_text(w, &t);
	hf_watcher_listener(w, listener, sizeof(listener));
	t.dialog.listener = listener;
	w->sip->lamp_calls->keep(w->watch, &t.dialog);
	reply = acceptance(w, irq, r);
	/* What a phone was told it has, it has; one that only fetches is
	 * nothing to be kept. */
	if (r->expires && hf_hold_watch(w, irq, reply))
		return;
	nta_incoming_mreply(irq, reply);
	hf_request_end(w->sip, irq);
	hf_watcher_begin(w);
}

void hf_subscribe_in(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s,
		     const struct hf_peer *peer)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct hf_subscribed r = { .status = 500, .why = "out of memory" };
	struct hf_subscribe in;
	struct hf_watcher *w;

	if (!usable_contact(s)) {
		hf_refuse(sip, irq, s, peer, 400, "Bad Contact Header",
			  "no usable Contact", TAG_END());
		return;
	}
	w = hf_watcher_create(sip, peer->listener);
	su_home_init(home);
	read_request(home, s, peer, &in);
	if (w)
		w->watch = sip->lamp_calls->subscribe(sip->lamps, w, &in, &r);
	if (w && w->watch && create_dialog(w, home, irq, s, peer)) {
		r = (struct hf_subscribed){ .status = 500,
					    .why = "out of memory" };
		/* As if the phone had said that it knows nothing of it. */
		sip->lamp_calls->sent(w->watch, 481, 0);
		w = NULL;
	}
	if (w && w->watch) {
		begin(w, irq, &r);
	} else {
		if (w)
			hf_watcher_free(w);
		refuse(sip, irq, s, peer, &r);
	}
	su_home_deinit(home);
}

static void refresh(struct hf_watcher *w, nta_incoming_t *irq, const sip_t *s)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	struct hf_watcher_text t;
	struct hf_subscribed r;
	struct hf_subscribe in;
	struct hf_peer peer;
	char listener[96];

	hf_peer_of(w->sip, irq, &peer);
	su_home_init(home);
	read_request(home, s, &peer, &in);
	w->sip->lamp_calls->refresh(w->watch, &in, &r);
	if (r.status != 200) {
		refuse(w->sip, irq, s, &peer, &r);
	} else {
		if (usable_contact(s))
			refresh_target(w, home, s, &peer);
		accept_it(w, irq, &r);
		hf_watcher_text(w, &t);
		hf_watcher_listener(w, listener, sizeof(listener));
		t.dialog.listener = listener;
		w->sip->lamp_calls->refreshed(w->watch, &t.dialog);
	}
	su_home_deinit(home);
}

bool hf_subscribe_again(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *s)
{
	const char *tag = s->sip_to->a_tag;
	struct hf_watcher_text t;
	struct hf_watcher *w;
	const char *theirs;

	HASH_FIND(hh, sip->watchers, tag, strlen(tag), w);
	if (!w)
		return false;
	hf_watcher_text(w, &t);
	theirs = strstr(t.dialog.remote, ">;tag=");
	if (strcmp(t.dialog.call_id, s->sip_call_id->i_id) ||
	    strcmp(theirs ? theirs + 6 : "",
		   s->sip_from->a_tag ? s->sip_from->a_tag : ""))
		return false;
	if (s->sip_cseq->cs_seq < w->remote_cseq) { /* RFC 3261 12.2.2 */
		nta_incoming_treply(irq, SIP_500_INTERNAL_SERVER_ERROR,
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
		hf_request_end(sip, irq);
		return true;
	}
	hf_watcher_request(w, NULL, irq, s);
	return true;
}

int hf_watcher_request(void *watcher, nta_leg_t *leg, nta_incoming_t *irq,
		       const sip_t *s)
{
	struct hf_watcher *w = watcher;

	w->remote_cseq = s->sip_cseq->cs_seq;
	if (s->sip_request->rq_method == sip_method_subscribe && w->watch &&
	    w->sip->lamps) {
		refresh(w, irq, s);
		return 0;
	}
	if (s->sip_request->rq_method == sip_method_options) {
		hf_options(w->sip, irq);
		return 0;
	}
	if (s->sip_request->rq_method == sip_method_subscribe)
		nta_incoming_treply(irq, SIP_481_NO_TRANSACTION,
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	else
		nta_incoming_treply(irq, SIP_405_METHOD_NOT_ALLOWED,
				    SIPTAG_ALLOW_STR("SUBSCRIBE, OPTIONS"),
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
	hf_request_end(w->sip, irq);
	return 0;
}
