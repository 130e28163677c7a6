// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What every request must pass before anything else looks at it. The stack
 * itself answers broken syntax (400), old versions (505), merged requests (482)
 * and a CSeq that went back (500); the rest of RFC 3261 8.2 stands here, in the
 * order of 8.2 but for the source, which comes first: who is not trusted learns
 * nothing.
 */
#include <stdio.h>
#include <string.h>

#include "private.h"

#define HF_RETRY_OVERLOAD_S "5"

void hf_refuse(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *request,
	       const struct hf_peer *peer, int status, const char *phrase,
	       const char *why, tag_type_t tag, tag_value_t value, ...)
{
	ta_list ta;

	ta_start(ta, tag, value);
	nta_incoming_treply(irq, status, phrase,
			    SIPTAG_SERVER_STR(HF_SIP_AGENT), ta_tags(ta));
	ta_end(ta);
	hf_request_end(sip, irq);
	hf_refused(sip, peer, request->sip_request->rq_method_name, status,
		   why);
}

/* The verdict on a method that starts nothing here; true = go on. */
static bool check_method(struct hf_sip *sip, nta_incoming_t *irq,
			 const sip_t *r, const struct hf_peer *peer)
{
	switch (r->sip_request->rq_method) {
	case sip_method_invite:
	case sip_method_options:
	case sip_method_refer:
		return true;
	case sip_method_subscribe:
		if (sip->lamps)
			return true;
		break;
	case sip_method_cancel:
	case sip_method_bye:
	case sip_method_update:
	case sip_method_prack:
	case sip_method_info:
	case sip_method_notify:
		hf_refuse(sip, irq, r, peer, SIP_481_NO_TRANSACTION,
			  "no such call", TAG_END());
		return false;
	case sip_method_unknown:
		hf_refuse(sip, irq, r, peer, SIP_501_NOT_IMPLEMENTED,
			  "unknown method", SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
			  TAG_END());
		return false;
	default:
		break;
	}
	hf_refuse(sip, irq, r, peer, SIP_405_METHOD_NOT_ALLOWED,
		  "method not served", SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
		  TAG_END());
	return false;
}

/* RFC 3261 8.2.2.3. Answered by the library, with Unsupported. */
static bool check_require(struct hf_sip *sip, nta_incoming_t *irq,
			  const sip_t *r, const struct hf_peer *peer)
{
	int status =
		nta_check_required(irq, r, sip->supported,
				   SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END());

	if (!status)
		return true;
	hf_request_end(sip, irq);
	hf_refused(sip, peer, r->sip_request->rq_method_name, status,
		   "requires an extension that is not supported");
	return false;
}

static bool check_body(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *r,
		       const struct hf_peer *peer)
{
	const char *type =
		r->sip_content_type ? r->sip_content_type->c_type : NULL;
	const char *why = NULL;

	if (!r->sip_payload || !r->sip_payload->pl_len)
		return true;
	if (!type || strcasecmp(type, HF_SIP_ACCEPT))
		why = "body is not SDP";
	else if (r->sip_content_encoding && r->sip_content_encoding->k_items &&
		 strcasecmp(r->sip_content_encoding->k_items[0], "identity"))
		why = "body is encoded";
	if (!why)
		return true;
	hf_refuse(sip, irq, r, peer, SIP_415_UNSUPPORTED_MEDIA, why,
		  SIPTAG_ACCEPT_STR(HF_SIP_ACCEPT),
		  SIPTAG_ACCEPT_ENCODING_STR("identity"), TAG_END());
	return false;
}

/* Who says what it accepts, and it is no SDP, would get some all the same
 * (RFC 3261 21.4.7). Answered by the library, with Accept. */
static bool check_accept(struct hf_sip *sip, nta_incoming_t *irq,
			 const sip_t *r, const struct hf_peer *peer)
{
	sip_method_t method = r->sip_request->rq_method;

	if ((method != sip_method_invite && method != sip_method_update) ||
	    !r->sip_accept ||
	    !nta_check_accept(irq, r, sip->accept, NULL,
			      SIPTAG_SERVER_STR(HF_SIP_AGENT), TAG_END()))
		return true;
	hf_request_end(sip, irq);
	hf_refused(sip, peer, r->sip_request->rq_method_name, 406,
		   "accepts no SDP");
	return false;
}

/* RFC 4028 section 9: too small an interval is refused only to a peer that
 * knows the extension; from another it was put in by a proxy. */
static bool check_interval(struct hf_sip *sip, nta_incoming_t *irq,
			   const sip_t *r, const struct hf_peer *peer)
{
	char min_se[16];

	if (!r->sip_session_expires ||
	    r->sip_session_expires->x_delta >= hf_refresh_least(sip) ||
	    !sip_has_feature(r->sip_supported, "timer"))
		return true;
	snprintf(min_se, sizeof(min_se), "%u", hf_refresh_least(sip));
	hf_refuse(sip, irq, r, peer, SIP_422_SESSION_TIMER_TOO_SMALL,
		  "session interval too short", SIPTAG_MIN_SE_STR(min_se),
		  TAG_END());
	return false;
}

bool hf_precheck_session(struct hf_sip *sip, nta_incoming_t *irq,
			 const sip_t *r, const struct hf_peer *peer)
{
	return check_require(sip, irq, r, peer) &&
	       check_body(sip, irq, r, peer) &&
	       check_accept(sip, irq, r, peer) &&
	       check_interval(sip, irq, r, peer);
}

/* RFC 3891 sections 3 and 6.1: one at most, with both tags. Who means to take a
 * call's place must not become a new call because of a slip. The library keeps
 * one, and what it cannot read apart. */
static const char *replaces_fault(const sip_t *r)
{
	const msg_header_t *h = (const msg_header_t *)r->sip_request;
	unsigned int count = 0;

	for (; h; h = h->sh_succ)
		count += h->sh_class == sip_replaces_class;
	if (count > 1)
		return "more than one Replaces";
	for (const sip_error_t *e = r->sip_error; e; e = e->er_next)
		if (e->er_name && !strcasecmp(e->er_name, "Replaces"))
			return "unreadable Replaces";
	if (r->sip_replaces && (!r->sip_replaces->rp_to_tag ||
				!r->sip_replaces->rp_from_tag))
		return "Replaces without both tags";
	return NULL;
}

static bool check_hops(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *r,
		       const struct hf_peer *peer)
{
	if (!r->sip_max_forwards || r->sip_max_forwards->mf_count)
		return true;
	hf_refuse(sip, irq, r, peer, SIP_483_TOO_MANY_HOPS, "no hops left",
		  TAG_END());
	return false;
}

/* What a new call needs besides. */
static bool check_invite(struct hf_sip *sip, nta_incoming_t *irq,
			 const sip_t *r, const struct hf_peer *peer)
{
	const sip_contact_t *contact = r->sip_contact;
	const char *fault;

	if (!check_hops(sip, irq, r, peer))
		return false;
	/* RFC 3261 8.1.1.8: exactly one, and of our kind. */
	if (!contact || contact->m_next ||
	    (contact->m_url->url_type != url_sip &&
	     contact->m_url->url_type != url_sips) ||
	    !contact->m_url->url_host) {
		hf_refuse(sip, irq, r, peer, 400, "Bad Contact Header",
			  "no usable Contact", TAG_END());
		return false;
	}
	fault = replaces_fault(r);
	if (fault) {
		hf_refuse(sip, irq, r, peer, 400, "Bad Replaces Header",
			  fault, TAG_END());
		return false;
	}
	if (!hf_precheck_session(sip, irq, r, peer))
		return false;
	if (!sip->park || sip->unacked >= sip->max_unacked) {
		hf_refuse(sip, irq, r, peer, SIP_503_SERVICE_UNAVAILABLE,
			  sip->park ? "too many calls without ACK"
				    : "starting or stopping",
			  SIPTAG_RETRY_AFTER_STR(HF_RETRY_OVERLOAD_S),
			  TAG_END());
		return false;
	}
	return true;
}

bool hf_precheck(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *r,
		 struct hf_peer *peer)
{
	/* A dialog we do not have (any more): say so even to a stranger, or a
	 * phone that lost its proxy never learns that the call is gone. */
	if (r->sip_to->a_tag) {
		hf_refuse(sip, irq, r, peer, SIP_481_NO_TRANSACTION,
			  "no such call", TAG_END());
		return false;
	}
	if (!peer->trusted && sip->config->sip.digest.user_count) {
		if (!hf_challenge(sip, irq, r, peer))
			return false;
	} else if (!peer->trusted) {
		hf_refuse(sip, irq, r, peer, SIP_403_FORBIDDEN,
			  "source is not in sip.trusted", TAG_END());
		return false;
	}
	if (!check_method(sip, irq, r, peer))
		return false;
	if (r->sip_request->rq_url->url_type != url_sip &&
	    !(r->sip_request->rq_url->url_type == url_sips &&
	      !strcmp(peer->listener->transport, "tls"))) {
		hf_refuse(sip, irq, r, peer, SIP_416_UNSUPPORTED_URI,
			  "not a sip: URI, nor a sips: one by TLS", TAG_END());
		return false;
	}
	if (r->sip_request->rq_method == sip_method_options)
		return check_require(sip, irq, r, peer);
	if (r->sip_request->rq_method == sip_method_subscribe)
		return check_hops(sip, irq, r, peer) &&
		       check_require(sip, irq, r, peer);
	return check_invite(sip, irq, r, peer);
}
