// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ringing back. The chain of one call, by `chain`:
 *
 *	-1		on_full: <uri>, once
 *	0 .. a-1	the parker, `attempts` times
 *	a .. a+f-1	the fallbacks
 *	a+f		`finally`: a URI is rung again and again, `repeat`
 *starts over, `hang_up` ends the call
 *
 * Each entry rings for ring_s; between two entries the park timer runs anew and
 * the caller waits as before, with music and retrievable all the time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A call without a slot cannot be picked up, so its pauses are short. */
#define NO_SLOT_PAUSE_MS 10000

static const struct hf_config_lot *config(const struct hf_call *call)
{
	return call->lot->config;
}

static bool parker_aor(const struct hf_call *call, char *uri, size_t len)
{
	struct hf_identity parker = hf_person_view(&call->parker);

	if (!config(call)->recall.attempts)
		return false;
	/* one of our own numbers would only bring the call back here */
	if (hf_lot_by_number(call->park, parker.user) ||
	    hf_slot_by_number(call->park, parker.user))
		return false;
	return !hf_identity_aor(call->park->config, &parker, uri, len);
}

/* The first entry at or after `chain` that can be rung; -1 past the end. */
static bool entry(const struct hf_call *call, int at, char *uri, size_t len,
		  const char **why)
{
	const struct hf_config_lot *c = config(call);
	int a = (int)c->recall.attempts, f = (int)c->recall.fallback_count;

	*why = NULL;
	if (at < 0) {
		snprintf(uri, len, "%s", call->first_ring);
		return true;
	}
	if (at < a) {
		if (parker_aor(call, uri, len))
			return true;
		*why = "no usable parker: the first fallback is called";
		at = a;
	}
	if (at < a + f) {
		snprintf(uri, len, "%s", c->recall.fallback[at - a]);
		return true;
	}
	if (c->recall.finally == HF_FINALLY_URI && c->recall.finally_uri) {
		if (*why)
			*why = "no usable parker and no fallback: "
			       "the last resort is called";
		snprintf(uri, len, "%s", c->recall.finally_uri);
		return true;
	}
	return false;
}

bool hf_recall_target(const struct hf_call *call, char *uri, size_t len,
		      const char **why)
{
	*why = NULL;
	if (call->ring_for) {
		snprintf(uri, len, "%s", call->ring_for);
		return true;
	}
	if (entry(call, call->chain, uri, len, why))
		return true;
	if (config(call)->recall.finally == HF_FINALLY_REPEAT)
		return entry(call, 0, uri, len, why);
	return false;
}

/* Past the entry that was rung just now. */
static int after(const struct hf_call *call)
{
	char uri[512];
	int a = (int)config(call)->recall.attempts;
	int all = a + (int)config(call)->recall.fallback_count;
	int at = call->chain;

	if (at >= 0 && at < a && !parker_aor(call, uri, sizeof(uri)))
		at = a; /* it was the first fallback */
	at++;
	if (at < all)
		return at;
	return config(call)->recall.finally == HF_FINALLY_REPEAT ? 0 : all;
}

uint64_t hf_recall_wait_ms(const struct hf_call *call)
{
	uint64_t ms = (call->park_time_s ?: config(call)->timeout_s) * 1000ULL;

	if (!call->slot && (!ms || ms > NO_SLOT_PAUSE_MS))
		return NO_SLOT_PAUSE_MS;
	return ms ?: HF_NEVER;
}

static bool chain_over(const struct hf_call *call, int at)
{
	const char *why;
	char uri[512];

	return config(call)->recall.finally == HF_FINALLY_HANG_UP &&
	       !entry(call, at, uri, sizeof(uri), &why);
}

bool hf_if_chain_is_over(const struct hf_call *call,
			 const struct hf_stimulus *s)
{
	return chain_over(call, call->chain);
}

bool hf_if_ring_ends_chain(const struct hf_call *call,
			   const struct hf_stimulus *s)
{
	return chain_over(call, after(call));
}

bool hf_if_nobody_to_ring(const struct hf_call *call,
			  const struct hf_stimulus *s)
{
	const char *why;
	char uri[512];

	return !hf_recall_target(call, uri, sizeof(uri), &why);
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
static struct in_addr towards(const struct hf_call *call)
{
	const char *proxy = call->park->config->sip.outbound_proxy;
	struct in_addr ip = {0};
	char host[64];
	const char *at;
	size_t n;

	if (proxy && (at = strchr(proxy, ':'))) {
		if (strchr(at, '@'))
			at = strchr(at, '@');
		n = strcspn(++at, ":;?>");
		if (n < sizeof(host)) {
			memcpy(host, at, n);
			host[n] = '\0';
			if (inet_pton(AF_INET, host, &ip) == 1)
				return ip;
		}
	}
	return call->caller->source;
}

static struct hf_dialog *send_invite(struct hf_call *call, struct hf_party *p,
				     const char *sdp)
{
	const struct hf_config *c = call->park->config;
	const char *domain = c->sip.domain ?: "anonymous.invalid";
	const char *user = call->who.uri ? call->who.user : "";
	char display[256], number[128], slot[256], marker[32];
	struct hf_call_out out = {
		.uri = p->who.uri,
		.asserted = hf_person_view(&call->who),
		.privacy = call->privacy,
		.alert_info = config(call)->recall.alert_info,
		.recall_marker = marker,
		.user_to_user = call->user_to_user,
		.body = sdp,
	};

	if (call->privacy || !*user)
		user = "anonymous";
	label(call, display, sizeof(display));
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
		.from = hf_person_view(&call->who),
		.asserted = hf_person_view(&call->who),
		.privacy = call->privacy,
		.user_to_user = call->user_to_user,
		.replaces = refer->replaces,
		.referred_by = hf_person_view(&call->picked),
		.body = sdp,
	};

	return call->park->wire.signal->invite(call->park->wire.stack, p, &out);
}

/* Make the leg and the INVITE; why not, if not. */
static const char *try_ring(struct hf_call *call, const char *uri,
			    const struct hf_refer *refer, struct hf_words *w)
{
	const struct hf_identity who = {.uri = uri};
	const struct hf_signal_ops *ops = call->park->wire.signal;
	const char *sip_call_id = NULL;
	struct hf_party *p;

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
			  : send_invite(call, p, w->sdp);
	if (!p->dialog) {
		hf_party_free(p, true);
		return strerror(errno);
	}
	if (ops->call_id)
		sip_call_id = ops->call_id(p->dialog);
	if (sip_call_id)
		p->sip_call_id = strdup(sip_call_id);
	call->recall = p;
	return NULL;
}

const char *hf_call_target(struct hf_call *call, const char *uri,
			   const struct hf_refer *refer, struct hf_words *w)
{
	return try_ring(call, uri, refer, w);
}

void hf_recall_ring(struct hf_call *call, uint64_t ring_ms)
{
	const char *unusual, *failed;
	struct hf_words words;
	char uri[512];

	if (!hf_recall_target(call, uri, sizeof(uri), &unusual)) {
		snprintf(call->why, sizeof(call->why),
			 "nobody to ring: no usable parker and no fallback");
		hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	failed = try_ring(call, uri, NULL, &words);
	if (failed) {
		snprintf(call->why, sizeof(call->why),
			 "%.99s cannot be rung: %.80s", uri, failed);
		hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	hf_timer_arm(&call->park->timers, &call->timer,
		     call->park->now_ms + ring_ms);
	hf_report(call, HF_EVENT_RECALL_STARTED, unusual);
}

void hf_act_start_recall(struct hf_call *call, const struct hf_stimulus *s)
{
	unsigned int ring_s = config(call)->recall.ring_s ?: 30;

	call->attempt++;
	hf_recall_ring(call, ring_s * 1000ULL);
}

void hf_act_recall_rings(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_debug("call %llu: the recall rings (%d)",
		 (unsigned long long)call->id, s->status);
}

/* The caller is claimed for the answerer; our ACK is out, so join at once. */
void hf_act_recall_answered(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_party *p = call->recall;
	struct hf_words words;

	call->claimed_from = call->state;
	call->left_ms = 0;
	call->by_slot = false;
	hf_timer_stop(&call->park->timers, &call->timer);
	call->recall = NULL;
	call->retriever = p;
	p->answered = true;
	p->up = true;
	hf_party_index(p);
	if (hf_party_take_answer(p, s->body, s->len, hf_call_codecs(call, p),
				 &words)) {
		snprintf(call->why, sizeof(call->why), "%s", words.why);
		hf_call_then(call, HF_E_RETRIEVER_UNFIT);
		return;
	}
	hf_act_join(call, s);
}

/* Answered, but without media in common: it counts as not answered. */
void hf_act_recall_unfit(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 488, .text = s->why};

	call->recall = call->retriever;
	call->retriever = NULL;
	free(call->held_offer);
	call->held_offer = NULL;
	hf_party_drop(call->recall, 0, &cause);
	call->recall = NULL;
	hf_caller_listen(call);
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_act_ring_over(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 408, .text = "Nobody answers"};

	hf_party_drop(call->recall, 0, &cause);
	call->recall = NULL;
	snprintf(call->why, sizeof(call->why), "nobody answered");
	hf_call_then(call, HF_E_RECALL_FAILED);
}

void hf_recall_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 480, .text = s->why};
	char why[HF_WHY_LEN];

	if (s->status)
		snprintf(why, sizeof(why), "%d %s", s->status, s->why ?: "");
	else
		snprintf(why, sizeof(why), "%s", s->why ?: "");
	hf_report(call, HF_EVENT_RECALL_FAILED, why);
	hf_party_drop(call->recall, 0, &cause);
	call->recall = NULL;
}

void hf_act_wait_on(struct hf_call *call, const struct hf_stimulus *s)
{
	uint64_t wait;

	if (!call->slot) { /* there was no room: is there now? */
		struct hf_slot *slot = hf_lot_choose(call->lot);

		if (slot) {
			hf_slot_take(slot, call);
			hf_report(call, HF_EVENT_MOVED,
				  "a slot of the full lot became free");
		}
	}
	wait = hf_recall_wait_ms(call);
	hf_timer_stop(&call->park->timers, &call->timer);
	if (wait != HF_NEVER)
		hf_timer_arm(&call->park->timers, &call->timer,
			     call->park->now_ms + wait);
}

void hf_act_recall_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_recall_failed(call, s);
	call->chain = after(call);
	hf_act_wait_on(call, s);
}

/* `finally: hang_up`, and the chain is through. */
void hf_act_give_up(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 480,
				       .text = "Nobody could be reached"};

	if (s->event == HF_E_RECALL_FAILED)
		hf_recall_failed(call, s);
	hf_report(call, HF_EVENT_EXPIRED,
		  "the recall chain is through: finally hang_up");
	hf_call_end(call, &cause);
}
