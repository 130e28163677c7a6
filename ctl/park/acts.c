// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a supervisor does to a call by the control socket: another slot, the
 * end, somebody called and joined with the caller (click to retrieve), or the
 * supervisor itself for a word with a caller who keeps the slot. And draining:
 * no new calls, those that are here go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static bool waits(const struct hf_call *call)
{
	return call->state == HF_S_PARKED || call->state == HF_S_RECALLING;
}

int hf_park_move(struct hf_park *park, uint64_t id, const char *number,
		 const char **why)
{
	struct hf_call *call = hf_call_find(park, id);
	struct hf_stimulus s = {.event = HF_E_MOVE};
	struct hf_lot *lot;

	*why = "there is no such call";
	if (!call)
		return -ENOENT;
	*why = "the call does not wait";
	if (!waits(call))
		return -EBUSY;
	/* never another tenant's */
	s.slot = hf_slot_by_number(park, call->lot->config->of, number);
	lot = s.slot ? NULL :
		       hf_lot_by_number(park, call->lot->config->of, number);
	*why = "there is no such slot or lot";
	if (!s.slot && !lot)
		return -ENOENT;
	if (lot)
		s.slot = hf_lot_choose(lot);
	*why = "the lot is full";
	if (!s.slot)
		return -EBUSY;
	*why = "the slot is taken";
	if (s.slot->call)
		return -EBUSY;
	hf_call_event(call, &s);
	return 0;
}

void hf_act_move(struct hf_call *call, const struct hf_stimulus *s)
{
	char why[80];

	snprintf(why, sizeof(why), "from slot %s, by a supervisor",
		 call->slot ? call->slot->name : "-");
	hf_slot_free(call);
	call->lot = s->slot->lot;
	hf_slot_take(s->slot, call);
	hf_report(call, HF_EVENT_MOVED, why);
}

int hf_park_kick(struct hf_park *park, uint64_t id)
{
	const struct hf_stimulus s = {.event = HF_E_HANG_UP};
	struct hf_call *call = hf_call_find(park, id);

	if (!call)
		return -ENOENT;
	hf_call_event(call, &s);
	return 0;
}

int hf_park_ring_for(struct hf_park *park, uint64_t id, const char *uri,
		     bool step_in, const char **why)
{
	const struct hf_stimulus s = {
		.event = HF_E_RING_FOR, .uri = uri, .step_in = step_in};
	struct hf_call *call = hf_call_find(park, id);

	*why = "there is no such call";
	if (!call)
		return -ENOENT;
	*why = "the call does not wait, or rings already";
	if (call->state != HF_S_PARKED)
		return -EBUSY;
	*why = "not a sip: or tel: URI";
	if (strncmp(uri, "sip:", 4) && strncmp(uri, "sips:", 5) &&
	    strncmp(uri, "tel:", 4))
		return -EINVAL;
	hf_call_event(call, &s);
	return 0;
}

bool hf_if_rings_for_somebody(const struct hf_call *call,
			      const struct hf_stimulus *s)
{
	return call->ring_for;
}

bool hf_if_stepped_in(const struct hf_call *call, const struct hf_stimulus *s)
{
	return call->step_in;
}

void hf_act_ring_for(struct hf_call *call, const struct hf_stimulus *s)
{
	unsigned int ring_s = call->lot->config->recall.ring_s ?: 30;
	uint64_t now = call->park->now_ms;

	call->left_ms = HF_NEVER;
	if (hf_timer_armed(&call->timer))
		call->left_ms = call->timer.at > now ? call->timer.at - now : 0;
	free(call->ring_for);
	call->ring_for = strdup(s->uri);
	call->step_in = s->step_in;
	if (!call->ring_for) {
		hf_call_then(call, HF_E_RECALL_FAILED);
		return;
	}
	hf_recall_ring(call, ring_s * 1000ULL);
}

/* The park time is over already: what follows a failure is a whole one. */
void hf_act_ring_for_instead(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 487,
				       .text = "The caller wants another"};

	hf_ring_drop(call, &cause);
	hf_timer_stop(&call->park->timers, &call->timer);
	hf_act_ring_for(call, s);
	call->left_ms = 0;
}

void hf_act_ring_for_failed(struct hf_call *call, const struct hf_stimulus *s)
{
	/* 0: it was answered, and came to nothing */
	uint64_t left = call->left_ms ?: hf_recall_wait_ms(call);

	hf_recall_failed(call, s);
	free(call->ring_for);
	call->ring_for = NULL;
	call->step_in = false;
	hf_timer_stop(&call->park->timers, &call->timer);
	if (left != HF_NEVER)
		hf_timer_arm(&call->park->timers, &call->timer,
			     call->park->now_ms + left);
}

/* The parker stays who it was. */
void hf_act_step_out(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_party_drop(call->retriever, 0, NULL);
	call->retriever = NULL;
	call->step_in = false;
	hf_person_clear(&call->picked);
	hf_call_begin_wait(call, "who had stepped in has hung up");
}

void hf_park_drain(struct hf_park *park, bool on)
{
	park->draining = on;
	hf_info(on ? "draining: new calls get 503" : "new calls are taken");
}

bool hf_park_draining(const struct hf_park *park)
{
	return park->draining;
}
