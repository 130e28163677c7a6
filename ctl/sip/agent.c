// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stack's agent: made with the settings that a server of long calls needs,
 * one default leg that takes every request outside our dialogs, and the order
 * in which all of it ends.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watcher.h"

#include <sofia-sip/nta_stateless.h>
#include <sofia-sip/sresolv.h>

#include "base/log.h"
#include "resolver.h"

#define HF_SIP_MAX_UNACKED 2000
#define HF_SIP_MAX_MESSAGE 65536

/* Answers to nothing that is still known: late, doubled or made up. */
static int stray_message(struct hf_sip *sip, nta_agent_t *agent, msg_t *msg,
			 sip_t *request)
{
	/* A 2xx to an INVITE of the process before us. */
	if (request && request->sip_status &&
	    request->sip_status->st_status / 100 == 2 && request->sip_cseq &&
	    request->sip_cseq->cs_method == sip_method_invite &&
	    request->sip_cseq->cs_seq < sip->epoch << 16 &&
	    !hf_answer_again(sip, request) && nta_msg_ackbye(agent, msg) >= 0)
		return 0;
	/* The 487 to one that the process before us left ringing. */
	if (request && request->sip_status &&
	    request->sip_status->st_status >= 300 && request->sip_cseq &&
	    request->sip_cseq->cs_method == sip_method_invite)
		hf_ringing_refused(sip, request);
	msg_destroy(msg);
	return 0;
}

/* A request outside any of our dialogs. */
static int outside_dialog(void *arg, nta_leg_t *leg, nta_incoming_t *irq,
			  const sip_t *request)
{
	struct hf_sip *sip = arg;
	struct hf_peer peer;

	hf_peer_of(sip, irq, &peer);
	if (request->sip_request->rq_method == sip_method_ack) {
		/* Of a call that is gone; an ACK is never answered. */
		hf_request_end(sip, irq);
		return 0;
	}
	if (request->sip_to->a_tag && hf_subscribe_again(sip, irq, request))
		return 0;
	if (request->sip_request->rq_method == sip_method_bye &&
	    hf_stray_bye(sip, irq, request))
		return 0;
	if (!hf_precheck(sip, irq, request, &peer))
		return 0;
	if (request->sip_request->rq_method == sip_method_options)
		hf_options(sip, irq);
	else if (request->sip_request->rq_method == sip_method_subscribe)
		hf_subscribe_in(sip, irq, request, &peer);
	else if (request->sip_request->rq_method == sip_method_refer)
		hf_refer_outside(sip, irq, request, &peer);
	else if (!hf_invite_again(sip, irq, request))
		hf_invite_in(sip, irq, request, &peer);
	return 0;
}

static int create_agent(struct hf_sip *sip)
{
	unsigned int t1 = sip->t1_ms;

	sip->agent = nta_agent_create(
		sip->root, (url_string_t *)-1, stray_message, sip, NTATAG_UA(1),
		NTATAG_SERVER_RPORT(2), NTATAG_MERGE_482(1),
		/* 200 ms without an answer: the stack says 100 by itself. */
		NTATAG_EXTRA_100(1),
		/* We send the 487, so that call and request end together. */
		NTATAG_CANCEL_487(0), NTATAG_MAXSIZE(HF_SIP_MAX_MESSAGE),
		/* Never change to TCP because a request is long: a peer that
		 * drops the SYN costs five seconds. */
		NTATAG_UDP_MTU(65535), NTATAG_MAX_PROCEEDING(sip->max_unacked),
		NTATAG_USE_NAPTR(0), NTATAG_SIP_T1(t1),
		NTATAG_SIP_T1X64(64 * t1), NTATAG_SIP_T2(8 * t1),
		NTATAG_SIP_T4(10 * t1),
		SRESTAG_RESOLV_CONF(hf_resolver_conf(sip->resolver)),
		TAG_END());
	if (!sip->agent)
		return -ENOMEM;
	sip->default_leg = nta_leg_tcreate(sip->agent, outside_dialog, sip,
					   NTATAG_NO_DIALOG(1), TAG_END());
	return sip->default_leg ? 0 : -ENOMEM;
}

static int read_proxy(struct hf_sip *sip, char *err, size_t err_len)
{
	const char *text = sip->config->sip.outbound_proxy;

	if (!text || !*text)
		return 0;
	sip->outbound_proxy =
		url_hdup(sip->home, URL_STRING_MAKE(text)->us_url);
	if (sip->outbound_proxy && sip->outbound_proxy->url_type == url_sip &&
	    sip->outbound_proxy->url_host)
		return 0;
	snprintf(err, err_len, "sip.outbound_proxy: %s is not a sip: URI",
		 text);
	return -EINVAL;
}

const url_t *hf_proxy_of(su_home_t *home, const struct hf_sip *sip,
			 const struct hf_config_tenant *of)
{
	return of && of->outbound_proxy ? url_make(home, of->outbound_proxy) :
					  sip->outbound_proxy;
}

static bool make_headers(struct hf_sip *sip)
{
	sip->supported = sip_supported_make(sip->home, HF_SIP_SUPPORTED);
	sip->allow = sip_allow_make(sip->home, HF_SIP_ALLOW);
	sip->server = sip_server_make(sip->home, HF_SIP_AGENT);
	sip->sdp_type = sip_content_type_make(sip->home, HF_SIP_ACCEPT);
	sip->accept = sip_accept_make(sip->home, HF_SIP_ACCEPT);
	return sip->supported && sip->allow && sip->server && sip->sdp_type &&
	       sip->accept;
}

int hf_sip_create(const struct hf_sip_wiring *wiring, struct hf_sip **ret,
		  char *err, size_t err_len)
{
	struct hf_sip *sip = calloc(1, sizeof(*sip));
	int error;

	snprintf(err, err_len, "out of memory");
	if (!sip)
		return -ENOMEM;
	sip->loop = wiring->loop;
	sip->root = hf_loop_root(wiring->loop);
	sip->config = wiring->config;
	sip->epoch = wiring->epoch;
	sip->published = wiring->published;
	sip->published_arg = wiring->published_arg;
	sip->registered = wiring->registered;
	sip->registered_arg = wiring->registered_arg;
	sip->t1_ms = wiring->t1_ms ? wiring->t1_ms : NTA_SIP_T1;
	sip->max_unacked =
		wiring->max_unacked ? wiring->max_unacked : HF_SIP_MAX_UNACKED;
	hf_hold_init(sip);
	error = hf_count_open(sip);
	if (!error && hf_challenge_open(sip))
		error = -ENOMEM;
	sip->min_se_s = wiring->min_se_s;
	sip->home = su_home_new(sizeof(su_home_t));
	if (!error)
		error = sip->home ? hf_slab_create(&sip->slab) : -ENOMEM;
	if (!error)
		error = make_headers(sip) ? read_proxy(sip, err, err_len)
					  : -ENOMEM;
	if (!error)
		error = hf_resolver_create(&sip->resolver, err, err_len);
	if (!error)
		error = create_agent(sip);
	if (!error)
		error = hf_listen_all(sip, err, err_len);
	if (error) {
		hf_sip_destroy(sip);
		return error;
	}
	err[0] = '\0';
	*ret = sip;
	return 0;
}

int hf_sip_reload(struct hf_sip *sip, const struct hf_config *config, char *err,
		  size_t err_len)
{
	const struct hf_config *old = sip->config;
	url_t *proxy = sip->outbound_proxy;
	int error;

	sip->config = config;
	sip->outbound_proxy = NULL;
	error = read_proxy(sip, err, err_len);
	if (error) {
		sip->config = old;
		sip->outbound_proxy = proxy;
	}
	if (sip->park)
		hf_register_sync(sip);
	/* The one before stays in the agent's home: dialogs may point to it. */
	return error;
}

void hf_sip_attach(struct hf_sip *sip, struct hf_park *park)
{
	sip->park = park;
	if (park) /* calls can be taken */
		hf_register_sync(sip);
}

void hf_sip_attach_lamps(struct hf_sip *sip, struct hf_lamps *lamps,
			 const struct hf_watch_calls *calls)
{
	if (!lamps)
		hf_publish_stop(sip);
	sip->lamps = lamps;
	sip->lamp_calls = lamps ? calls : NULL;
	if (lamps)
		hf_publish_start(sip);
}

bool hf_sip_idle(const struct hf_sip *sip)
{
	return !sip->dialogs && !sip->held && hf_publish_idle(sip) &&
	       hf_register_idle(sip);
}

void hf_sip_destroy(struct hf_sip *sip)
{
	if (!sip)
		return;
	hf_hold_fini(sip);
	/* What is still under way loses its owner, then its transactions, its
	 * leg, and only then the agent that all of them live in. */
	while (sip->dialogs) {
		sip->dialogs->released = true;
		hf_dialog_free(sip->dialogs);
	}
	hf_register_free(sip);
	hf_watchers_free(sip);
	hf_messages_free(sip);
	hf_ringing_free(sip);
	nta_leg_destroy(sip->default_leg);
	nta_agent_destroy(sip->agent);
	hf_resolver_destroy(sip->resolver);
	su_home_unref(sip->home);
	hf_slab_destroy(sip->slab);
	hf_challenge_close(sip);
	hf_count_close(sip);
	free(sip);
}
