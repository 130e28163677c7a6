// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who you now talk to, told in mid-call: an UPDATE without a body (RFC 3311)
 * whose P-Asserted-Identity (RFC 5876) names the other party. Only for peers
 * that are trusted and said that they take UPDATE; it changes nothing else in
 * the call, and one that refuses it is not asked again. Others are told by a
 * re-INVITE, if the operator wants it (sip.identity_reinvite).
 */
#include "private.h"

void hf_identify_learn(struct hf_dialog *d, const sip_t *s)
{
	if (s && s->sip_allow)
		d->takes_update = sip_is_allowed(s->sip_allow,
						 sip_method_update, "UPDATE");
}

static int answered(struct hf_dialog *d, nta_outgoing_t *orq, const sip_t *sip)
{
	int status = nta_outgoing_status(orq);
	const struct hf_cause cause = {0, NULL};

	if (status < 200 ||
	    hf_dialog_again(d, &d->update, sip, answered, NULL))
		return 0;
	hf_dialog_enter(d);
	d->update = NULL;
	if (status < 300 && d->session_s && d->state == HF_DIALOG_CONFIRMED)
		hf_refresh_answered(d, sip);
	hf_refresh_too_short(d, status, sip); /* at the next refresh */
	hf_asked_end(d->sip, orq);
	if (status == 405 || status == 501 || status == 420)
		d->takes_update = false;
	if (status == 481 && d->state == HF_DIALOG_CONFIRMED)
		hf_dialog_lost(d, &cause, "the other side lost the call");
	hf_dialog_leave(d);
	return 0;
}

static void by_reinvite(struct hf_dialog *d, const struct hf_identity *who,
			bool privacy)
{
	if (!who->uri || !hf_dialog_set(&d->name, who->uri) ||
	    !hf_dialog_set(&d->name_display, who->display))
		return;
	d->name_private = privacy;
	d->name_waits = true;
	hf_reinvite_try(d);
}

void hf_identify(struct hf_dialog *d, const struct hf_identity *who,
		 bool privacy)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	sip_unknown_t *names;
	sip_contact_t *contact;
	const char *expires;

	if (d->state != HF_DIALOG_CONFIRMED || d->bye_wanted || d->released ||
	    !d->trusted || !d->sip->config->sip.connected_identity)
		return;
	if (!d->takes_update) {
		if (d->sip->config->sip.identity_reinvite)
			by_reinvite(d, who, privacy);
		return;
	}
	su_home_init(home);
	names = hf_header_names(home, d->sip, who, privacy, "called", NULL);
	contact = hf_header_contact(home, d);
	/* Without it an agreed session would be over (RFC 4028 7.2). */
	expires = hf_refresh_ask(home, d);
	if (names) {
		/* the latest word counts: an older one is not waited for */
		hf_asked_end(d->sip, d->update);
		d->update = nta_outgoing_tcreate(
			d->leg, answered, d, NULL, SIP_METHOD_UPDATE, NULL,
			TAG_IF(contact, SIPTAG_CONTACT(contact)),
			TAG_IF(privacy, SIPTAG_PRIVACY_STR("id")),
			TAG_IF(expires, SIPTAG_SESSION_EXPIRES_STR(expires)),
			SIPTAG_UNKNOWN(names), SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
			SIPTAG_SUPPORTED_STR(HF_SIP_SUPPORTED_OUT),
			SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
			TPTAG_IDENT(d->listener->ident), TAG_END());
	}
	su_home_deinit(home);
}
