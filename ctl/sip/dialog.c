// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The record of a dialog, and how it ends. A record lives as long as somebody
 * needs it: the park logic until it releases it, each transaction until its
 * final answer, a callback on the stack until it returns. Whoever may have been
 * the last calls hf_dialog_leave().
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

#include "base/clock.h"

struct hf_dialog *hf_dialog_create(struct hf_sip *sip)
{
	struct hf_dialog *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->sip = sip;
	d->next = sip->dialogs;
	if (d->next)
		d->next->prev = d;
	sip->dialogs = d;
	sip->dialog_count++;
	return d;
}

/* The INVITE of the peer is settled: it no longer counts as un-ACKed. */
void hf_dialog_acked(struct hf_dialog *d)
{
	if (d->counted)
		d->sip->unacked--;
	d->counted = false;
}

void hf_dialog_free(struct hf_dialog *d)
{
	struct hf_sip *sip = d->sip;

	hf_dialog_acked(d);
	hf_dialog_undoubt(d);
	hf_hold_forget(d);
	hf_asked_end(d->sip, d->probe);
	hf_reliable_forget(d);
	hf_early_free(d);
	/* Unanswered requests get 500 from the stack, which finishes the rest
	 * of each transaction without us. */
	hf_request_end(d->sip, d->request);
	hf_asked_end(d->sip, d->invite);
	hf_asked_end(d->sip, d->bye);
	hf_asked_end(d->sip, d->update);
	hf_asked_end(d->sip, d->refresh);
	hf_request_end(d->sip, d->refer);
	hf_asked_end(d->sip, d->notify);
	nta_leg_destroy(d->leg);
	su_timer_destroy(d->retry);
	su_timer_destroy(d->expiry);
	if (d->prev)
		d->prev->next = d->next;
	else
		sip->dialogs = d->next;
	if (d->next)
		d->next->prev = d->prev;
	sip->dialog_count--;
	free(d->call_id);
	free(d->offer);
	free(d->name);
	free(d->name_display);
	free(d->local);
	free(d->remote);
	free(d->saved_route);
	free(d->saved_target);
	free(d->saved_listener);
	free(d->contact_user);
	free(d->contact_display);
	free(d->bye_text);
	free(d);
}

void hf_dialog_enter(struct hf_dialog *d)
{
	d->busy++;
}

void hf_dialog_leave(struct hf_dialog *d)
{
	d->busy--;
	if (!d->busy && d->released && !d->request && !d->invite && !d->bye &&
	    !d->notify && !d->bye_held && !d->in_doubt)
		hf_dialog_free(d);
}

struct hf_party *hf_dialog_party(struct hf_dialog *d)
{
	if (d->released || !d->sip->park)
		return NULL;
	hf_park_run(d->sip->park, hf_now_ms());
	return d->released ? NULL : d->party;
}

bool hf_dialog_set(char **field, const char *value)
{
	char *copy = value ? strdup(value) : NULL;

	if (value && !copy)
		return false;
	free(*field);
	*field = copy;
	return true;
}

bool hf_dialog_again(struct hf_dialog *d, nta_outgoing_t **at, const sip_t *sip,
		     nta_response_f *callback, const url_t *route)
{
	nta_outgoing_t *next = hf_digest_again(d->sip, d->leg, *at, sip,
					       callback, d, route, d->listener);

	if (!next)
		return false;
	hf_asked_end(d->sip, *at);
	*at = next;
	return true;
}

static int bye_answered(struct hf_dialog *d, nta_outgoing_t *orq,
			const sip_t *answer)
{
	int status = nta_outgoing_status(orq);

	if (status < 200 ||
	    hf_dialog_again(d, &d->bye, answer, bye_answered, NULL))
		return 0;
	hf_dialog_enter(d);
	hf_asked_end(d->sip, orq);
	d->bye = NULL;
	if (d->in_doubt)
		hf_doubt_bye_answered(d, status);
	if (!d->in_doubt)
		hf_goodbye_end(d);
	hf_dialog_leave(d);
	return 0;
}

void hf_dialog_send_bye(struct hf_dialog *d)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_reason_t *reason;

	su_home_init(home);
	reason = hf_header_reason(home, d->bye_sip, d->bye_text);
	d->state = HF_DIALOG_OVER;
	hf_refresh_stop(d);
	d->bye = nta_outgoing_tcreate(
		d->leg, bye_answered, d, NULL, SIP_METHOD_BYE, NULL,
		TAG_IF(reason, SIPTAG_REASON(reason)),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(d->listener->ident), TAG_END());
	su_home_deinit(home);
}

void hf_dialog_bye(struct hf_dialog *d, const struct hf_cause *cause)
{
	if (d->state != HF_DIALOG_CONFIRMED && d->state != HF_DIALOG_ACCEPTED)
		return;
	if (!d->bye_wanted && cause) {
		d->bye_sip = cause->sip;
		hf_dialog_set(&d->bye_text, cause->text);
	}
	d->bye_wanted = true;
	d->offer_waits = false;
	hf_goodbye_begin(d);
	/* The ACK to the process before us may have come long ago. */
	if (d->in_doubt && !d->request)
		d->state = HF_DIALOG_CONFIRMED;
	/* RFC 3261 15.1.1: the called side must not send BYE before the ACK or
	 * the end of its wait. */
	if (d->state == HF_DIALOG_CONFIRMED && !d->notify && !d->bye_held &&
	    !hf_hold_bye(d))
		hf_dialog_send_bye(d);
}

/* The dialog cannot go on; end it and say why. The caller has entered it. */
void hf_dialog_lost(struct hf_dialog *d, const struct hf_cause *cause,
		    const char *why)
{
	struct hf_party *party;

	if (d->state == HF_DIALOG_OVER)
		return;
	hf_dialog_bye(d, cause);
	party = hf_dialog_party(d);
	if (party)
		hf_park_bye(party, why);
}

void hf_dialog_release(struct hf_dialog *d)
{
	const struct hf_cause none = {0, NULL};

	if (d->released)
		return;
	hf_dialog_enter(d);
	d->released = true;
	d->party = NULL;
	if (d->state == HF_DIALOG_CALLING)
		hf_invite_cancel(d, &none);
	else if (!d->bye_wanted)
		hf_dialog_bye(d, &none);
	if (d->request && !d->request_answered) {
		hf_hold_forget_reply(d);
		nta_incoming_treply(d->request, SIP_500_INTERNAL_SERVER_ERROR,
				    SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());
		hf_request_end(d->sip, d->request);
		d->request = NULL;
		hf_dialog_acked(d);
	}
	hf_dialog_leave(d);
}
