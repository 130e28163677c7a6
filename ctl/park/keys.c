// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A party presses a key of its phone. ctl/media tells each press once, when it
 * is over; here it finds its call, the world is told as far as media.key_events
 * allows, and the call is asked what the key means to it.
 */
#include <string.h>

#include "internal.h"

/* Who is so slow between two keys of repark_keys has not meant it. */
#define HF_KEYS_APART_MS 3000

/* Two who talk may be typing what is nobody else's business. */
static bool published(const struct hf_call *call)
{
	switch (call->park->config->media.key_events) {
	case HF_KEYS_NONE:
		return false;
	case HF_KEYS_WAITING:
		return call->state != HF_S_RELAY;
	default:
		return true;
	}
}

void hf_park_digit(struct hf_park *park, uint32_t leg, char digit,
		   uint32_t duration_ms)
{
	struct hf_party *p = hf_party_by_leg(park, leg);

	if (!p || !p->call)
		return;
	if (published(p->call))
		hf_report_key(p, digit, duration_ms);
	hf_call_key(p->call, p, digit);
}

void hf_park_silent(struct hf_park *park, uint32_t leg, bool silent,
		    uint32_t seconds)
{
	struct hf_party *p = hf_party_by_leg(park, leg);

	if (p && p->call)
		hf_report_silence(p, silent, seconds);
}

/* Who waits may be let out by a key (escape): its target is called as a
 * supervisor would have somebody called. */
static void escape(struct hf_call *call, char digit)
{
	const struct hf_config_lot *lot = call->lot->config;
	const struct hf_stimulus s = {.event = HF_E_RING_FOR,
				      .uri = lot->escape.to};

	if (!lot->escape.key || digit != lot->escape.key[0] || call->ring_for ||
	    (call->state != HF_S_PARKED && call->state != HF_S_RECALLING))
		return;
	hf_info("call %llu: the caller presses %c: %s is called",
		(unsigned long long)call->id, digit, lot->escape.to);
	hf_call_event(call, &s);
}

/* The latest keys end with those of the lot, none of them late. */
static bool keyed(struct hf_call *call, const char *keys, char digit)
{
	size_t want = strlen(keys), have;
	char *k = call->keyed;

	if (call->park->now_ms - call->keyed_ms > HF_KEYS_APART_MS)
		k[0] = '\0';
	call->keyed_ms = call->park->now_ms;
	have = strlen(k);
	if (have >= want) { /* more: the lot's keys were others a moment ago */
		memmove(k, k + have - want + 1, want);
		have = want - 1;
	}
	k[have] = digit;
	k[have + 1] = '\0';
	if (strcmp(k, keys))
		return false;
	k[0] = '\0';
	return true;
}

#define HF_KEY_CONFIRM '1'

static void confirm(struct hf_call *call, struct hf_party *p, char digit)
{
	const struct hf_stimulus s = {.event = HF_E_RECALL_CONFIRMED,
				      .party = p};

	if (digit == HF_KEY_CONFIRM)
		hf_call_event(call, &s);
}

/*
 * Who waits may escape; who has answered a recall may have to take it; who has
 * picked up may park the call again (repark_keys). Any other key means nothing
 * here, and none of the caller's does while two talk: the packets themselves have
 * gone to the other party.
 */
void hf_call_key(struct hf_call *call, struct hf_party *p, char digit)
{
	const char *again = call->lot->config->repark_keys;
	const struct hf_stimulus s = {.event = HF_E_KEYED, .party = p};

	hf_debug("call %llu: a key of the %s, %s", (unsigned long long)call->id,
		 hf_party_role(p), hf_state_name(call->state));
	if (p == call->caller)
		escape(call, digit);
	else if (hf_ring_asked(p) && call->state == HF_S_RECALLING)
		confirm(call, p, digit);
	else if (p == call->retriever && call->state == HF_S_RELAY && again &&
		 keyed(call, again, digit))
		hf_call_event(call, &s);
}

/* Why it stays as it is: nothing is lost by it. NULL: nothing speaks against
 * it. */
static const char *objection(const struct hf_call *call)
{
	const struct hf_identity agent = hf_person_view(&call->picked);
	char source[HF_IP_TEXT];

	if (call->step_in)
		return NULL; /* it has its slot */
	if (!hf_may_park(call->park->config, call->lot->config, &agent, true,
			 hf_party_source(call->retriever, source)))
		return "repark_keys: who has picked up may not park here";
	if (!call->lot->free_count)
		return "repark_keys: the lot is full";
	return NULL;
}

bool hf_if_keys_refused(const struct hf_call *call, const struct hf_stimulus *s)
{
	return objection(call);
}

void hf_act_refuse_keyed(struct hf_call *call, const struct hf_stimulus *s)
{
	const char *why = objection(call);

	hf_info("call %llu: %s", (unsigned long long)call->id, why);
	hf_report(call, HF_EVENT_REFUSED, why);
}

void hf_act_park_keyed(struct hf_call *call, const struct hf_stimulus *s)
{
	static const struct hf_cause cause = {.sip = 200, .text = "Parked"};
	static const char why[] = "repark_keys of who had picked it up";
	struct hf_party *agent = call->retriever;

	call->retriever = NULL;
	call->rule = "repark-keys";
	if (call->step_in) { /* it has kept its slot and its parker */
		call->step_in = false;
		hf_person_clear(&call->picked);
		hf_call_begin_wait(call, why);
	} else {
		hf_call_wait_again(call, NULL, why);
	}
	hf_party_drop(agent, 0, &cause);
}
