// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Provisional answers that are acknowledged (RFC 3262), on both sides.
 *
 * Ours, to a peer that knows the extension: the stack repeats them until their
 * PRACK, and refuses a PRACK that fits none. Theirs: each is acknowledged once
 * and in its order, in an early dialog of its own for each branch that a proxy
 * has forked our INVITE to, with its own tag, route set and count of answers.
 * That is why the library's nta_outgoing_prack() is not used, which has one
 * count per INVITE: the second phone that rings would never get its PRACK.
 *
 * An early dialog may have answered our offer before its 2xx, which then may
 * come without (section 5), and may change its mind by an UPDATE (indialog.c).
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define HF_EARLY_MOST 32 /* branches of one INVITE */

struct hf_early {
	struct hf_early *next;
	nta_leg_t *leg;
	nta_outgoing_t *prack; /* the latest */
	uint32_t rseq;	       /* acknowledged so far */
	char *answer;	       /* to our offer; NULL = none yet */
	bool told;	       /* the park logic goes by it */
	bool offered;	       /* ... and by an UPDATE after it */
};

/* Ours */

/* Acknowledged, or (no `sip`) overtaken by the final answer. */
static int pracked(struct hf_dialog *d, nta_reliable_t *rel,
		   nta_incoming_t *prack, const sip_t *sip)
{
	struct hf_party *party;
	const char *body;
	size_t len;

	nta_reliable_destroy(rel);
	if (d->reliable == rel)
		d->reliable = NULL;
	if (!sip)
		return 0;
	hf_parse_body(sip, &body, &len);
	/* An offer of its own (section 5) would need an answer in here. What
	 * was agreed goes on; it may ask again by an UPDATE. */
	if (body && !d->late_offer) {
		nta_incoming_treply(prack, SIP_488_NOT_ACCEPTABLE,
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
		hf_request_end(d->sip, prack);
		return 0;
	}
	hf_dialog_enter(d);
	nta_incoming_treply(prack, SIP_200_OK, SIPTAG_SERVER_STR(HF_SIP_AGENT),
			    TAG_END());
	hf_request_end(d->sip, prack);
	party = d->late_offer && d->request ? hf_dialog_party(d) : NULL;
	d->late_offer = false;
	if (party)
		hf_park_ack(party, body, len);
	hf_dialog_leave(d);
	return 0;
}

bool hf_reliable_reply(struct hf_dialog *d, msg_t *msg)
{
	/* One at a time (section 3): nobody here has two to say. */
	if (!d->knows_prack || d->reliable)
		return false;
	d->reliable = nta_reliable_mreply(d->request, pracked, d, msg);
	d->said_early = d->reliable;
	return true;
}

void hf_reliable_forget(struct hf_dialog *d)
{
	nta_reliable_t *rel = d->reliable;

	d->reliable = NULL;
	if (rel)
		nta_reliable_destroy(rel);
}

/* Theirs */

static struct hf_early *early_of(const struct hf_dialog *d, const char *tag)
{
	struct hf_early *e = tag ? d->early : NULL;

	while (e && strcmp(nta_leg_get_rtag(e->leg), tag))
		e = e->next;
	return e;
}

static void early_free(struct hf_dialog *d, struct hf_early *e)
{
	hf_asked_end(d->sip, e->prack);
	nta_leg_destroy(e->leg);
	free(e->answer);
	free(e);
}

void hf_early_free(struct hf_dialog *d)
{
	struct hf_early *e;

	while ((e = d->early)) {
		d->early = e->next;
		early_free(d, e);
	}
}

/* The same dialog as seen by this branch: our requests in it go on counting
 * from the INVITE. */
static nta_leg_t *early_leg(struct hf_dialog *d, const sip_t *sip)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	char *local, *remote, *cseq;
	nta_leg_t *leg = NULL;

	su_home_init(home);
	local = su_sprintf(home, "<%s>;tag=%s", d->local,
			   nta_leg_get_tag(d->leg));
	remote = su_sprintf(home, "<%s>;tag=%s", d->remote,
			    sip->sip_to->a_tag);
	cseq = su_sprintf(home, "%u INVITE", nta_outgoing_cseq(d->invite));
	if (local && remote && cseq)
		leg = nta_leg_tcreate(d->sip->agent, hf_indialog, d,
				      SIPTAG_CALL_ID_STR(d->call_id),
				      SIPTAG_FROM_STR(local),
				      SIPTAG_TO_STR(remote),
				      SIPTAG_CSEQ_STR(cseq), TAG_END());
	su_home_deinit(home);
	return leg;
}

static struct hf_early *early_create(struct hf_dialog *d, const sip_t *sip)
{
	struct hf_early *e;
	unsigned int count = 0;

	for (e = d->early; e; e = e->next)
		count++;
	e = count < HF_EARLY_MOST ? calloc(1, sizeof(*e)) : NULL;
	if (!e)
		return NULL;
	e->leg = early_leg(d, sip);
	if (!e->leg) {
		free(e);
		return NULL;
	}
	e->next = d->early;
	d->early = e;
	return e;
}

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	struct hf_early *e = d->early;

	while (e && e->prack != orq)
		e = e->next;
	if (!e || nta_outgoing_status(orq) < 200)
		return 0;
	/* Asked who we are; whatever else is wrong shows in the INVITE. */
	e->prack = hf_digest_again(d->sip, e->leg, orq, sip, answered, d, NULL,
				   d->listener);
	hf_asked_end(d->sip, orq);
	return 0;
}

static void acknowledge(struct hf_dialog *d, struct hf_early *e,
			const sip_t *sip)
{
	sip_rack_t rack[1];

	sip_rack_init(rack);
	rack->ra_response = sip->sip_rseq->rs_response;
	rack->ra_cseq = sip->sip_cseq->cs_seq;
	rack->ra_method = sip->sip_cseq->cs_method;
	rack->ra_method_name = sip->sip_cseq->cs_method_name;
	/* Whoever says more has had the one before. */
	hf_asked_end(d->sip, e->prack);
	e->prack = nta_outgoing_tcreate(
		e->leg, answered, d, NULL, SIP_METHOD_PRACK, NULL,
		SIPTAG_RACK(rack), SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(d->listener->ident), TAG_END());
}

/* Section 5: the answer to our offer, and no other after it. */
static void take_answer(struct hf_dialog *d, struct hf_early *e,
			const sip_t *sip)
{
	struct hf_party *party;
	const char *body;
	size_t len;

	hf_parse_body(sip, &body, &len);
	if (!body || e->answer)
		return;
	e->answer = strndup(body, len);
	for (const struct hf_early *o = d->early; o; o = o->next)
		if (o->told)
			return; /* another branch was first */
	e->told = true;
	party = hf_dialog_party(d);
	if (party)
		hf_park_early(party, body, len);
}

bool hf_early_progress(struct hf_dialog *d, const sip_t *sip)
{
	struct hf_early *e;
	uint32_t rseq;

	if (!sip || !sip->sip_rseq || !sip->sip_to->a_tag ||
	    !sip_has_feature(sip->sip_require, "100rel"))
		return true;
	rseq = sip->sip_rseq->rs_response;
	e = early_of(d, sip->sip_to->a_tag);
	/* Section 4: a repetition, or one before it is missing. */
	if (e && rseq != e->rseq + 1)
		return false;
	if (!e)
		e = early_create(d, sip);
	if (!e)
		return true;
	e->rseq = rseq;
	nta_leg_client_reroute(e->leg, sip->sip_record_route, sip->sip_contact,
			       1);
	acknowledge(d, e, sip);
	take_answer(d, e, sip);
	return true;
}

bool hf_early_agreed(const struct hf_dialog *d, const sip_t *request)
{
	const struct hf_early *e = early_of(d, request->sip_from->a_tag);

	return d->state == HF_DIALOG_CALLING && e && e->told;
}

void hf_early_offered(struct hf_dialog *d, const sip_t *request)
{
	struct hf_early *e = early_of(d, request->sip_from->a_tag);

	if (e)
		e->offered = true;
}

/*
 * This branch has won: its early dialog is the dialog now, the others are no
 * more. What it said of its media before counts if it says nothing now, or has
 * offered something else since. No body: the park logic knows all of it.
 */
void hf_early_won(struct hf_dialog *d, const sip_t *ok, const char **body,
		  size_t *len, char **ret_text)
{
	struct hf_early *e = early_of(d, ok->sip_to->a_tag);
	nta_leg_t *leg = d->leg;

	*ret_text = NULL;
	if (e) {
		d->leg = e->leg;
		e->leg = leg;
	}
	if (e && e->offered) {
		*body = NULL;
		*len = 0;
	} else if (e && !*body && !e->told && e->answer) {
		*body = *ret_text = e->answer;
		*len = strlen(*body);
		e->answer = NULL;
	}
	hf_early_free(d);
}
