// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A party presses a key of its phone. ctl/media tells each press once, when it
 * is over; here it finds its call, the world is told as far as media.key_events
 * allows, and the call is asked what the key means to it.
 */
#include <string.h>

#include "internal.h"

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

/*
 * Who waits may be let out by a key (escape): its target is called as a
 * supervisor would have somebody called. Any other key means nothing here; the
 * packets themselves have gone to the other party if there is one.
 */
void hf_call_key(struct hf_call *call, struct hf_party *p, char digit)
{
	const struct hf_config_lot *lot = call->lot->config;
	const struct hf_stimulus s = {.event = HF_E_RING_FOR,
				      .uri = lot->escape.to};

	hf_debug("call %llu: a key of the %s, %s", (unsigned long long)call->id,
		 hf_party_role(p), hf_state_name(call->state));
	if (p != call->caller || !lot->escape.key ||
	    digit != lot->escape.key[0] || call->ring_for ||
	    (call->state != HF_S_PARKED && call->state != HF_S_RECALLING))
		return;
	hf_info("call %llu: the caller presses %c: %s is called",
		(unsigned long long)call->id, digit, lot->escape.to);
	hf_call_event(call, &s);
}
