// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A call that comes round. A PBX that keeps its transfers to itself parks what
 * was picked up here by calling us once more and connecting the two legs that it
 * has with us now: each is told to send its media to the other, both are ours.
 * To relay that would run the caller through the PBX twice, and a PBX that passes
 * no media at all could not do it. The two are one call: it takes the place
 * that the new leg has been given, with its id, its caller and its waits, and
 * both legs end.
 *
 * negotiate.c finds it in the SDP, which is never a guess; park.c acts on it
 * when what was asked has been answered.
 */
#include <string.h>

#include "internal.h"

static unsigned long long id(const struct hf_call *call)
{
	return (unsigned long long)call->id;
}

static bool waits(const struct hf_call *call)
{
	switch (call->state) {
	case HF_S_ARRIVING:
	case HF_S_RESERVED:
	case HF_S_PARKED:
	case HF_S_RECALLING:
		return true;
	default:
		return false;
	}
}

static bool has_picked_up(const struct hf_party *p)
{
	return p->call->state == HF_S_RELAY && p == p->call->retriever;
}

static bool is_new(const struct hf_party *p)
{
	return p == p->call->caller && p->incoming &&
	       (p->call->state == HF_S_NEW || waits(p->call));
}

static const struct hf_config_tenant *tenant_of(const struct hf_party *p)
{
	return p->call->lot->config->of;
}

/* Who signals for it; whom we call is where our calls go. */
static in_addr_t peer_of(const struct hf_party *p)
{
	return p->source.s_addr ?:
	       hf_towards(p->park, tenant_of(p), NULL).s_addr;
}

bool hf_loop_seen(struct hf_party *p, struct hf_ip ip4, uint16_t port)
{
	struct hf_park *park = p->park;
	uint32_t leg = hf_media_leg_at(park->wire.media, ip4, port);
	struct hf_party *q;

	q = leg == HF_LEG_NONE ? NULL : hf_party_by_leg(park, leg);
	/* Only a peer's own legs: another's call is not for it to end. */
	if (!q || !p->call || !q->call || p->call == q->call ||
	    tenant_of(p) != tenant_of(q) || !peer_of(p) || peer_of(p) != peer_of(q))
		return false;
	if (has_picked_up(p) && is_new(q)) {
		park->loop.talking = p->call->id;
		park->loop.waiting = q->call->id;
		return true;
	}
	if (has_picked_up(q) && is_new(p)) {
		park->loop.talking = q->call->id;
		park->loop.waiting = p->call->id;
		return true;
	}
	return false;
}

/* Did the new leg ask for this slot, or for any? */
static bool slot_was_asked_for(const struct hf_call *waiting)
{
	return strcmp(waiting->rule, "park-transfer") &&
	       strcmp(waiting->rule, "park-unmarked");
}

void hf_loop_close(struct hf_park *park)
{
	struct hf_call *talking = hf_call_find(park, park->loop.talking);
	struct hf_call *waiting = hf_call_find(park, park->loop.waiting);
	struct hf_decision d = {.verdict = HF_DO_PARK};
	const struct hf_stimulus s = {.event = HF_E_LOOPED, .decision = &d};
	struct hf_identity parker;

	park->loop.talking = park->loop.waiting = 0;
	if (!talking || !waiting || talking->state != HF_S_RELAY ||
	    !waits(waiting))
		return;
	parker = hf_person_view(&waiting->parker);
	d.parker = &parker;
	d.call = waiting;
	d.lot = waiting->lot;
	d.rule = waiting->rule;
	/* where it came from, if that is free and no other was wanted */
	if (slot_was_asked_for(waiting) || talking->lot != waiting->lot)
		d.slot = waiting->slot;
	hf_info("call %llu: its own leg of call %llu is parked: one call",
		id(talking), id(waiting));
	hf_call_event(talking, &s);
}

void hf_act_park_looped(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_stimulus make_room = {
		.event = HF_E_HANG_UP,
		.why = "the call it brought is the one picked up before",
	};
	const struct hf_cause cause = {.sip = 200, .text = "Parked"};
	const struct hf_decision *d = s->decision;
	struct hf_party *agent = call->retriever;

	/* the mark on the new leg; an agent may have been renamed meanwhile */
	if (hf_identity_known(d->parker) &&
	    hf_person_set(&call->picked, d->parker))
		hf_warn("call %llu: no memory for the agent's name", id(call));
	if (d->call)
		hf_call_event(d->call, &make_room);
	call->retriever = NULL;
	call->lot = d->lot;
	call->rule = d->rule;
	hf_call_wait_again(call, d->slot, NULL);
	hf_party_drop(agent, 0, &cause);
}
