// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line of text to a phone, outside of any call (RFC 3428). Who gets it does
 * not wait for it and is not asked again: it is a courtesy.
 */
#include <stdio.h>

#include "private.h"

#include "base/log.h"

static int told(nta_outgoing_magic_t *arg, nta_outgoing_t *request,
		const sip_t *answer)
{
	struct hf_sip *sip = (struct hf_sip *)arg;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	unsigned int i = 0;
	const url_t *towards;

	if (nta_outgoing_status(request) < 200)
		return 0;
	while (i < HF_SIP_MESSAGES && sip->message[i].request != request)
		i++;
	if (i < HF_SIP_MESSAGES) {
		su_home_init(home);
		towards = hf_hosts_resolve(
			home, hf_proxy_of(home, sip, sip->message[i].of));
		/* asked who we are: again, with the answer */
		sip->message[i].request = hf_digest_again(
			sip, sip->default_leg, request, answer,
			(nta_response_f *)told, sip, towards,
			hf_listener_towards(
				sip, towards ?: nta_outgoing_request_uri(
							request)));
		su_home_deinit(home);
	}
	hf_asked_end(sip, request);
	return 0;
}

static nta_outgoing_t *send_text(struct hf_sip *sip, su_home_t *home,
				 const struct hf_config_tenant *of, const char *from_user, const char *to,
				 const char *text)
{
	url_t *url = hf_header_uri(home, to);
	const url_t *towards = hf_proxy_of(home, sip, of);
	char *own = su_sprintf(home, "sip:%s@%s", from_user,
			       hf_tenant_domain(sip->config, of));
	sip_from_t *f =
		own ? sip_from_create(home, URL_STRING_MAKE(own)) : NULL;
	sip_to_t *t = url ? sip_to_create(home, (url_string_t *)url) : NULL;

	if (!f || !t ||
	    sip_from_tag(home, f, nta_agent_newtag(home, "%s", sip->agent)))
		return NULL;
	towards = hf_hosts_resolve(home, towards ? towards : url);
	return nta_outgoing_tcreate(
		sip->default_leg, (nta_response_f *)told,
		(nta_outgoing_magic_t *)sip,
		(const url_string_t *)(towards == url ? NULL : towards),
		SIP_METHOD_MESSAGE, (url_string_t *)url, SIPTAG_FROM(f),
		SIPTAG_TO(t),
		SIPTAG_CONTENT_TYPE_STR("text/plain;charset=UTF-8"),
		SIPTAG_PAYLOAD_STR(text), SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
		TPTAG_IDENT(hf_listener_towards(sip, towards)->ident),
		TAG_END());
}

void hf_message_send(struct hf_sip *sip, const struct hf_config_tenant *of,
		     const char *from_user, const char *to, const char *text)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	unsigned int i = 0;

	while (i < HF_SIP_MESSAGES && sip->message[i].request)
		i++;
	if (i == HF_SIP_MESSAGES) {
		hf_warn("no MESSAGE to %s: %d others are under way", to,
			HF_SIP_MESSAGES);
		return;
	}
	su_home_init(home);
	sip->message[i].of = of;
	sip->message[i].request =
		send_text(sip, home, of, from_user, to, text);
	if (!sip->message[i].request)
		hf_warn("no MESSAGE to %s: it cannot be sent", to);
	su_home_deinit(home);
}

void hf_messages_free(struct hf_sip *sip)
{
	for (unsigned int i = 0; i < HF_SIP_MESSAGES; i++)
		if (sip->message[i].request)
			hf_asked_end(sip, sip->message[i].request);
}
