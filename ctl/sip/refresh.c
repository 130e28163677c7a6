// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A parked caller is exactly the call nobody notices has died. Session timers
 * (RFC 4028) tell: if the peer refreshes, we end the dialog when it stops; if it
 * is for us, we refresh at half the interval, by an UPDATE without a body where
 * the peer takes UPDATE, else by a re-INVITE that offers nothing new. A peer
 * without them is asked now and then whether it knows the call (OPTIONS in the
 * dialog).
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

#include "base/clock.h"

#define HF_REFRESH_AGAIN_MS 10000 /* after a refusal that says nothing */
#define HF_REFRESH_WEEK	    (86400 * 7)

static uint32_t interval_of(unsigned long s)
{
	return s > HF_REFRESH_WEEK ? HF_REFRESH_WEEK : (uint32_t)s;
}

unsigned int hf_refresh_least(const struct hf_sip *sip)
{
	unsigned int s = sip->config->sip.min_session_s;

	if (sip->min_se_s)
		return sip->min_se_s;
	return s ? s : HF_SIP_MIN_SE;
}

/* What the answer to this INVITE or UPDATE will say; see headers of replies. */
void hf_refresh_agree(struct hf_dialog *d, const sip_t *request)
{
	const sip_session_expires_t *x = request->sip_session_expires;
	bool knows = sip_has_feature(request->sip_supported, "timer");
	bool they;

	d->session_s = 0;
	d->refresh_ours = false;
	if (!x)
		return;
	they = knows && (!x->x_refresher || !strcasecmp(x->x_refresher, "uac"));
	/* Of a peer that knows it a small one was refused before; one that a
	 * proxy put in we would have to keep up with. */
	if (!they && x->x_delta < hf_refresh_least(d->sip))
		return;
	d->session_s = interval_of(x->x_delta);
	d->refresh_ours = !they;
}

const char *hf_refresh_text(su_home_t *home, const struct hf_dialog *d)
{
	if (!d->session_s)
		return NULL;
	return su_sprintf(home, "%u;refresher=%s", d->session_s,
			  d->refresh_ours ? "uas" : "uac");
}

const char *hf_refresh_ask(su_home_t *home, const struct hf_dialog *d)
{
	if (!d->session_s)
		return NULL;
	/* The first time it is for the peer to choose (section 7.1). */
	if (d->state == HF_DIALOG_CALLING)
		return su_sprintf(home, "%u", d->session_s);
	return su_sprintf(home, "%u;refresher=%s", d->session_s,
			  d->refresh_ours ? "uac" : "uas");
}

/* Section 10: BYE a third of the interval, at most 32 s, before it ends. */
static uint64_t ends_after_ms(const struct hf_dialog *d)
{
	uint32_t before = d->session_s / 3 < 32 ? d->session_s / 3 : 32;

	return (uint64_t)(d->session_s - before) * 1000;
}

static void due(su_root_magic_t *, su_timer_t *, struct hf_dialog *);

/* Look again then, or when the session is over. */
static void wait_for(struct hf_dialog *d, uint64_t ms)
{
	uint64_t now = hf_now_ms();
	uint64_t left = d->session_ends_ms > now ? d->session_ends_ms - now : 0;

	if (!d->expiry)
		d->expiry = su_timer_create(su_root_task(d->sip->root), 0);
	if (d->expiry)
		su_timer_set_interval(d->expiry, due, d,
				      (su_duration_t)(ms < left ? ms : left));
}

void hf_refresh_answered(struct hf_dialog *d, const sip_t *ok)
{
	const sip_session_expires_t *x = ok->sip_session_expires;

	if (x && x->x_delta) {
		d->session_s = interval_of(x->x_delta);
		d->refresh_ours = !x->x_refresher ||
				  strcasecmp(x->x_refresher, "uas");
	} else if (!d->refresh_ours) {
		/* Section 7.2: it knows nothing of it. (Of one that we refresh
		 * we go on for the proxies.) */
		d->session_s = 0;
	}
	hf_refresh_start(d);
}

static void lost(struct hf_dialog *d, int status)
{
	const struct hf_cause none = {0, NULL};

	hf_dialog_lost(d, &none,
		       status == 481 ? "the other side lost the call"
				     : "the other side does not answer");
}

/* Section 7.3: what it wants, if it is more than we asked for. */
bool hf_refresh_too_short(struct hf_dialog *d, int status, const sip_t *sip)
{
	const sip_min_se_t *min = sip ? sip->sip_min_se : NULL;

	if (status != 422 || !min || min->min_delta <= d->session_s)
		return false;
	d->session_s = interval_of(min->min_delta);
	return true;
}

void hf_refresh_refused(struct hf_dialog *d, int status, const sip_t *sip)
{
	if (status == 481 || status == 408) {
		lost(d, status);
	} else if (hf_refresh_too_short(d, status, sip)) {
		wait_for(d, 0);
	} else if ((status == 405 || status == 501) && d->takes_update) {
		/* It said otherwise: then by re-INVITE. */
		d->takes_update = false;
		wait_for(d, 0);
	} else {
		wait_for(d, HF_REFRESH_AGAIN_MS);
	}
}

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);

	if (status < 200 ||
	    hf_dialog_again(d, &d->refresh, sip, answered, NULL))
		return 0;
	hf_dialog_enter(d);
	d->refresh = NULL;
	if (d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted &&
	    d->refresh_ours && d->session_s) {
		if (status < 300)
			hf_refresh_answered(d, sip);
		else
			hf_refresh_refused(d, status, sip);
	}
	hf_asked_end(d->sip, orq); /* `sip` was its own */
	hf_dialog_leave(d);
	return 0;
}

static void update(struct hf_dialog *d)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_contact_t *contact;
	char min_se[16];

	su_home_init(home);
	contact = hf_header_contact(home, d);
	snprintf(min_se, sizeof(min_se), "%u", hf_refresh_least(d->sip));
	hf_asked_end(d->sip, d->refresh);
	d->refresh = nta_outgoing_tcreate(
		d->leg, answered, d, NULL, SIP_METHOD_UPDATE, NULL,
		TAG_IF(contact, SIPTAG_CONTACT(contact)),
		SIPTAG_SESSION_EXPIRES_STR(hf_refresh_ask(home, d)),
		SIPTAG_MIN_SE_STR(min_se), SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED_OUT),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(d->listener->ident), TAG_END());
	su_home_deinit(home);
}

static unsigned int alive_ms(const struct hf_dialog *d)
{
	return d->sip->config->sip.alive_s * 1000;
}

/* Any answer that anybody made is a sign of life, but that there is no such
 * call. Silence has to be heard twice. */
static int told(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);
	bool silent = status == 408 || !sip || nta_sip_is_internal(sip);

	if (status < 200 || hf_dialog_again(d, &d->refresh, sip, told, NULL))
		return 0;
	hf_dialog_enter(d);
	d->refresh = NULL;
	if (d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted &&
	    !d->session_s) {
		if (status == 481 || (silent && d->unheard))
			lost(d, status);
		else if (silent)
			wait_for(d, HF_REFRESH_AGAIN_MS < alive_ms(d)
					    ? HF_REFRESH_AGAIN_MS
					    : alive_ms(d));
		d->unheard = silent;
	}
	hf_asked_end(d->sip, orq);
	hf_dialog_leave(d);
	return 0;
}

static void ask_alive(struct hf_dialog *d)
{
	hf_asked_end(d->sip, d->refresh);
	d->refresh = nta_outgoing_tcreate(
		d->leg, told, d, NULL, SIP_METHOD_OPTIONS, NULL,
		SIPTAG_ACCEPT_STR(HF_SIP_ACCEPT),
		SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(d->listener->ident), TAG_END());
}

static void due(su_root_magic_t *loop, su_timer_t *timer, struct hf_dialog *d)
{
	const struct hf_cause cause = {408, "session expired"};
	/* The ACK that makes it a call may still be on its way. */
	bool up = d->state == HF_DIALOG_CONFIRMED && !d->bye_wanted;

	hf_dialog_enter(d);
	if (!d->session_s) {
		if (up && !d->refresh)
			ask_alive(d);
		if (alive_ms(d))
			wait_for(d, alive_ms(d));
	} else if (!d->refresh_ours || hf_now_ms() >= d->session_ends_ms) {
		hf_dialog_lost(d, &cause, "session expired");
	} else if (up && d->takes_update) {
		update(d);
		wait_for(d, UINT64_MAX);
	} else {
		bool sent = up && hf_reinvite_refresh(d);

		wait_for(d, sent ? UINT64_MAX : HF_REFRESH_AGAIN_MS);
	}
	hf_dialog_leave(d);
}

void hf_refresh_start(struct hf_dialog *d)
{
	d->unheard = false;
	if (!d->session_s) {
		d->session_ends_ms = UINT64_MAX;
		hf_refresh_stop(d);
		if (alive_ms(d))
			wait_for(d, alive_ms(d));
		return;
	}
	d->session_ends_ms = hf_now_ms() + ends_after_ms(d);
	/* Section 7.2: half of it is the time to do it. */
	wait_for(d, d->refresh_ours ? (uint64_t)d->session_s * 500
				    : UINT64_MAX);
}

/* The process before us may have been about to: soon, not all at once. */
void hf_refresh_resume(struct hf_dialog *d)
{
	int most = d->session_s < 120 ? (int)d->session_s * 250 : 30000;

	hf_refresh_start(d);
	if (d->session_s && d->refresh_ours)
		wait_for(d, (uint64_t)su_randint(most / 4, most));
	else if (!d->session_s && alive_ms(d))
		wait_for(d, (uint64_t)su_randint(alive_ms(d) / 4, alive_ms(d)));
}

void hf_refresh_stop(struct hf_dialog *d)
{
	if (d->expiry)
		su_timer_reset(d->expiry);
	hf_asked_end(d->sip, d->refresh);
	d->refresh = NULL;
}
