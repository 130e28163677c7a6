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

/* Nothing in a call waits for a key: the packets themselves have gone to the
 * other party if there is one. */
void hf_call_key(struct hf_call *call, struct hf_party *p, char digit)
{
	hf_debug("call %llu: a key of the %s, %s", (unsigned long long)call->id,
		 hf_party_role(p), hf_state_name(call->state));
}
