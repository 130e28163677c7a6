// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An INVITE of ours that has no final answer yet stands in the journal. Whoever
 * is killed while a phone rings leaves it ringing, and nobody would pick up the
 * one that answers: the next process sends the CANCEL, by the record of what it
 * has to match (RFC 3261 9.1: Request-URI, Call-ID, To, From, CSeq and the branch
 * of the Via), and the ACK of the 487. A 2xx that crosses it gets ACK and BYE
 * (agent.c).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher.h"

#include <sofia-sip/nta_stateless.h>

#include "store/record.h"

struct hf_ringing {
	struct hf_ringing *next;
	struct hf_sip *sip;
	uint64_t id; /* of its record */
	const struct hf_listener *listener;
	su_home_t home[1]; /* of the texts */
	const char *call_id, *from, *to, *branch;
	url_t *uri, *route; /* route NULL: where `uri` says */
	uint32_t cseq;
	nta_outgoing_t *cancel;
	su_timer_t *over;
};

void hf_ringing_begin(struct hf_dialog *d, const char *uri, const url_t *route)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	struct hf_sip *sip = d->sip;
	struct hf_store_call r = {.state = HF_STORE_RINGING, .party_count = 1};
	struct hf_store_party *p = &r.party[0];
	char listener[96];

	if (!sip->journal.put || !d->invite)
		return;
	su_home_init(home);
	snprintf(listener, sizeof(listener), "%s:%s:%u", d->listener->transport,
		 d->listener->host, d->listener->port);
	r.id = d->ringing = hf_record_id(sip);
	p->role = HF_STORE_RINGING;
	p->sip_call_id = d->call_id;
	p->local = d->local;
	p->local_tag = nta_leg_get_tag(d->leg);
	p->remote = d->remote;
	p->target = uri;
	p->route = route ? url_as_string(home, route) : NULL;
	p->listener = listener;
	p->branch = nta_outgoing_branch(d->invite);
	p->local_cseq = nta_outgoing_cseq(d->invite);
	sip->journal.put(sip->journal.arg, &r);
	su_home_deinit(home);
}

void hf_ringing_end(struct hf_dialog *d)
{
	if (d->ringing)
		d->sip->journal.drop(d->sip->journal.arg, d->ringing);
	d->ringing = 0;
}

static void forget(struct hf_ringing *g)
{
	struct hf_ringing **at = &g->sip->ringing;

	while (*at && *at != g)
		at = &(*at)->next;
	if (*at)
		*at = g->next;
	hf_asked_end(g->sip, g->cancel);
	su_timer_destroy(g->over);
	su_home_deinit(g->home);
	free(g);
}

static void settled(struct hf_ringing *g)
{
	struct hf_sip *sip = g->sip;

	sip->journal.drop(sip->journal.arg, g->id);
	forget(g);
}

void hf_ringing_free(struct hf_sip *sip)
{
	while (sip->ringing)
		forget(sip->ringing);
}

static void nothing_comes(su_root_magic_t *loop, su_timer_t *timer,
			  su_timer_arg_t *arg)
{
	settled((struct hf_ringing *)arg);
}

/* The stack has one type for all that a transaction or a timer may belong to. */
static int cancelled(nta_outgoing_magic_t *arg, nta_outgoing_t *orq,
		     const sip_t *sip)
{
	struct hf_ringing *g = (struct hf_ringing *)arg;
	int status = nta_outgoing_status(orq);

	if (status < 200)
		return 0;
	hf_asked_end(g->sip, orq);
	g->cancel = NULL;
	/* 481: it has been answered, or never came. Else the 487 comes. */
	if (status >= 300)
		settled(g);
	return 0;
}

/* A request of the transaction that the process before us began. */
static msg_t *request(struct hf_ringing *g, sip_method_t method,
		      const char *name, const sip_to_t *to)
{
	msg_t *msg = nta_msg_create(g->sip->agent, 0);
	char cseq[32];

	if (!msg)
		return NULL;
	snprintf(cseq, sizeof(cseq), "%u %s", g->cseq, name);
	if (sip_add_tl(msg, sip_object(msg),
		       SIPTAG_REQUEST(sip_request_create(
			       msg_home(msg), method, name,
			       (url_string_t *)g->uri, NULL)),
		       SIPTAG_FROM_STR(g->from), TAG_IF(to, SIPTAG_TO(to)),
		       TAG_IF(!to, SIPTAG_TO_STR(g->to)),
		       SIPTAG_CALL_ID_STR(g->call_id), SIPTAG_CSEQ_STR(cseq),
		       SIPTAG_MAX_FORWARDS_STR("70"),
		       SIPTAG_USER_AGENT_STR(HF_SIP_AGENT), TAG_END()) >= 0)
		return msg;
	msg_destroy(msg);
	return NULL;
}

static void cancel(struct hf_ringing *g)
{
	msg_t *msg = request(g, SIP_METHOD_CANCEL, NULL);

	if (msg)
		g->cancel = nta_outgoing_mcreate(
			g->sip->agent, cancelled, (nta_outgoing_magic_t *)g,
			(url_string_t *)g->route, msg,
			NTATAG_BRANCH_KEY(g->branch),
			TPTAG_IDENT(g->listener->ident), TAG_END());
}

/* Outside the stack's transactions: it would look for the INVITE. */
static void ack(struct hf_ringing *g, const sip_t *answer)
{
	msg_t *msg = request(g, SIP_METHOD_ACK, answer->sip_to);

	if (!msg)
		return;
	nta_msg_complete(msg);
	nta_msg_tsend(g->sip->agent, msg,
		      (url_string_t *)(g->route ? g->route : g->uri),
		      NTATAG_BRANCH_KEY(g->branch),
		      TPTAG_IDENT(g->listener->ident), TAG_END());
}

bool hf_ringing_refused(struct hf_sip *sip, const sip_t *s)
{
	struct hf_ringing *g = sip->ringing;

	while (g && (strcmp(g->call_id, s->sip_call_id->i_id) ||
		     g->cseq != s->sip_cseq->cs_seq))
		g = g->next;
	if (!g)
		return false;
	ack(g, s);
	settled(g);
	return true;
}

static bool read_record(struct hf_ringing *g, const struct hf_store_party *p)
{
	su_home_t *home = g->home;

	g->listener = hf_listener_named(g->sip, p->listener);
	g->call_id = su_strdup(home, p->sip_call_id);
	g->from = su_sprintf(home, "<%s>;tag=%s", p->local, p->local_tag);
	g->to = su_sprintf(home, "<%s>", p->remote);
	g->branch = su_strdup(home, p->branch);
	g->uri = url_hdup(home, URL_STRING_MAKE(p->target)->us_url);
	g->route = *p->route ? url_hdup(home, URL_STRING_MAKE(p->route)->us_url)
			     : NULL;
	g->cseq = (uint32_t)p->local_cseq;
	return g->listener && g->call_id && g->from && g->to && g->branch &&
	       *g->branch && g->uri && (g->route || !*p->route);
}

int hf_sip_ringing(struct hf_sip *sip, const struct hf_store_call *r)
{
	struct hf_ringing *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	g->sip = sip;
	g->id = r->id;
	su_home_init(g->home);
	g->next = sip->ringing;
	sip->ringing = g;
	if (r->party_count && read_record(g, &r->party[0]))
		cancel(g);
	g->over = su_timer_create(su_root_task(sip->root), 0);
	if (!g->cancel || !g->over ||
	    su_timer_set_interval(g->over, nothing_comes,
				  (su_timer_arg_t *)g,
				  64 * (su_duration_t)sip->t1_ms) < 0) {
		settled(g);
		return -EINVAL;
	}
	return 0;
}
