// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Legs that we call for a waiting caller: the parker or a fallback, several at
 * once where the configuration names a group, or the target of a transfer. The
 * first of the ring hangs at call->recall, the others behind it. To the state
 * machine a ring is one recall: it is answered by the first who answers, and
 * has failed when the last has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A phone that is forwarded to one that is forwarded ... */
#define REDIRECTS_MOST 3

static const struct hf_config_lot *config(const struct hf_call *call)
{
	return call->lot->config;
}

/* "Park %s: " with the slot, and the caller behind it. The text is the
 * operator's, so it is never a format of printf. */
static void label(const struct hf_call *call, char *out, size_t len)
{
	const char *prefix = config(call)->recall.display_prefix ?: "Park %s: ";
	const char *slot = hf_call_slot_name(call);
	const char *mark = strstr(prefix, "%s");
	const char *name = call->who.uri && *call->who.display
				   ? call->who.display
				   : call->who.user;

	if (call->privacy)
		name = "Anonymous";
	if (!*slot) /* no room in the lot: its name says what rings */
		slot = config(call)->name;
	if (mark)
		snprintf(out, len, "%.*s%s%s%s", (int)(mark - prefix), prefix,
			 slot, mark + 2, name ?: "");
	else
		snprintf(out, len, "%s%s", prefix, name ?: "");
}

/* Where the answer will come from, as far as is known before it comes. */
static struct hf_ip towards(const struct hf_call *call)
{
	struct hf_ip ip =
		hf_towards(call->park, call->lot->config->of, NULL);

	return ip.s_addr ? ip : call->caller->source;
}

static struct hf_dialog *send_invite(struct hf_call *call, struct hf_party *p,
				     const char *diverted_by, const char *sdp)
{
	const struct hf_config *c = call->park->config;
	const char *domain = hf_tenant_domain(c, call->lot->config->of) ?:
						 "anonymous.invalid";
	const char *user = call->who.uri ? call->who.user : "";
	char display[256], number[128], slot[256], marker[32];
	struct hf_call_out out = {
		.uri = p->who.uri,
		.tenant = call->lot->config->of,
		.asserted = hf_person_view(&call->who),
		.privacy = call->privacy,
		.alert_info = config(call)->recall.alert_info,
		.diverted_by = diverted_by,
		.recall_marker = marker,
		.user_to_user = call->user_to_user,
		.carried = call->carried,
		.body = sdp,
	};

	if (call->privacy || !*user)
		user = "anonymous";
	label(call, display, sizeof(display));
	/* many PBXs show P-Asserted-Identity and drop From */
	if (!call->privacy)
		out.asserted.display = display;
	snprintf(marker, sizeof(marker), "%llu", (unsigned long long)call->id);
	out.from = (struct hf_identity){
		.user = user, .host = domain, .display = display};
	if (call->slot) {
		hf_user_escape(call->slot->name, number, sizeof(number));
		snprintf(slot, sizeof(slot), "sip:%s@%s", number, domain);
		out.diversion = slot;
	}
	return call->park->wire.signal->invite(call->park->wire.stack, p, &out);
}

/* The target of a transfer sees the caller as it is. */
static struct hf_dialog *send_transfer(struct hf_call *call, struct hf_party *p,
				       const struct hf_refer *refer,
				       const char *sdp)
{
	const struct hf_call_out out = {
		.uri = p->who.uri,
		.tenant = call->lot->config->of,
		.from = hf_person_view(&call->who),
		.asserted = hf_person_view(&call->who),
		.privacy = call->privacy,
		.user_to_user = call->user_to_user,
		.carried = call->carried,
		.replaces = refer->replaces,
		.referred_by = hf_person_view(&call->picked),
		.body = sdp,
	};

	return call->park->wire.signal->invite(call->park->wire.stack, p, &out);
}

/* Make the leg and the INVITE, and put it into the ring; why not, if not. */
static const char *try_ring(struct hf_call *call, const char *uri,
			    const struct hf_refer *refer,
			    const struct hf_party *diverted,
			    struct hf_words *w)
{
	const struct hf_identity who = {.uri = uri};
	const struct hf_signal_ops *ops = call->park->wire.signal;
	const char *sip_call_id = NULL;
	struct hf_party *p, **last;

	if (!call->caller->session->have_remote)
		return "the caller is not there yet";
	p = hf_party_create(call->park, NULL,
			    refer ? HF_ROLE_TARGET : HF_ROLE_RECALL);
	if (!p)
		return "no memory";
	p->call = call;
	if (hf_person_set(&p->who, &who)) {
		hf_party_free(p, true);
		return "no memory";
	}
	if (hf_party_make_offer(p, towards(call), hf_call_codecs(call, p), w)) {
		hf_party_free(p, true);
		return w->why;
	}
	p->dialog = refer ? send_transfer(call, p, refer, w->sdp)
			  : send_invite(call, p,
					diverted ? diverted->who.uri : NULL,
					w->sdp);
	if (!p->dialog) {
		hf_party_free(p, true);
		return strerror(errno);
	}
	if (ops->call_id)
		sip_call_id = ops->call_id(p->dialog);
	if (sip_call_id)
		p->sip_call_id = strdup(sip_call_id);
	p->redirects = diverted ? diverted->redirects + 1 : 0;
	for (last = &call->recall; *last; last = &(*last)->ring_next)
		;
	*last = p;
	return NULL;
}

const char *hf_call_target(struct hf_call *call, const char *uri,
			   const struct hf_refer *refer, struct hf_words *w)
{
	return try_ring(call, uri, refer, NULL, w);
}

const char *hf_ring_start(struct hf_call *call, const struct hf_targets *t,
			  struct hf_words *w)
{
	const char *failed = "nobody is named";

	for (unsigned int i = 0; i < t->count; i++) {
		const char *why = try_ring(call, t->uri[i], NULL, NULL, w);

		if (!why)
			continue;
		failed = why;
		if (t->count > 1)
			hf_warn("call %llu: %s cannot be rung: %s",
				(unsigned long long)call->id, t->uri[i], why);
	}
	return call->recall ? NULL : failed;
}

static bool unlink_party(struct hf_party *p)
{
	struct hf_party **at = &p->call->recall;

	while (*at && *at != p)
		at = &(*at)->ring_next;
	if (!*at)
		return false;
	*at = p->ring_next;
	p->ring_next = NULL;
	return true;
}

bool hf_ring_lost(struct hf_party *p, int status, const char *why)
{
	struct hf_call *call = p->call;

	if (!call->recall || !call->recall->ring_next || !unlink_party(p))
		return false;
	hf_info("call %llu: %s of the group: %d %s", (unsigned long long)call->id,
		p->who.uri, status, why ?: "");
	hf_party_drop(p, 0, NULL);
	return true;
}

bool hf_ring_expire(struct hf_call *call, uint64_t *ret_ms, const char **why)
{
	static const struct hf_cause cause = {.sip = 408,
					      .text = "Nobody answers"};
	struct hf_party *p, *next;

	*ret_ms = HF_NEVER;
	*why = "nobody answered";
	for (p = call->recall; p; p = next) {
		uint64_t ends = p->confirm_ends_ms ?: call->ring_ends_ms;

		next = p->ring_next;
		if (ends > call->park->now_ms) {
			*ret_ms = ends < *ret_ms ? ends : *ret_ms;
			continue;
		}
		if (p->confirm_ends_ms)
			*why = "answered, but 1 was not pressed";
		unlink_party(p);
		hf_party_drop(p, 0, &cause);
	}
	return call->recall;
}

bool hf_ring_asked(const struct hf_party *p)
{
	return p->call && p->confirm_ends_ms;
}

void hf_ring_reoffered(struct hf_party *p, const char *body, size_t len)
{
	struct hf_words words;
	struct hf_reply reply = {.status = 200, .body = words.sdp};
	int status = hf_party_retake(p, body, len, hf_call_codecs(p->call, p),
				     &words);

	if (status)
		reply = (struct hf_reply){.status = status,
					  .reason = words.why};
	p->park->wire.signal->reply(p->dialog, &reply);
}

void hf_ring_won(struct hf_party *p)
{
	const struct hf_cause cause = {.sip = 200,
				       .text = "Call completed elsewhere"};
	struct hf_call *call = p->call;

	if (!unlink_party(p))
		return;
	hf_ring_drop(call, &cause);
	call->recall = p;
}

void hf_ring_drop(struct hf_call *call, const struct hf_cause *cause)
{
	struct hf_party *p;

	while ((p = call->recall)) {
		call->recall = p->ring_next;
		hf_party_drop(p, 0, cause);
	}
}

void hf_ring_free(struct hf_call *call, bool close_legs)
{
	struct hf_party *p;

	while ((p = call->recall)) {
		call->recall = p->ring_next;
		hf_party_free(p, close_legs);
	}
}

bool hf_ring_redirect(struct hf_party *p, const struct hf_identity *to)
{
	struct hf_call *call = p->call;
	struct hf_words words;
	const char *why;

	if (p->role != HF_ROLE_RECALL || !config(call)->recall.follow_redirect ||
	    p->redirects >= REDIRECTS_MOST ||
	    hf_identity_is_slot(call->park, call->lot->config->of, to))
		return false; /* it would only bring the caller back here */
	why = try_ring(call, to->uri, NULL, p, &words);
	if (why) {
		hf_warn("call %llu: %s sends us to %s, which cannot be rung: %s",
			(unsigned long long)call->id, p->who.uri, to->uri, why);
		return false;
	}
	hf_info("call %llu: %s sends us to %s", (unsigned long long)call->id,
		p->who.uri, to->uri);
	return true;
}
