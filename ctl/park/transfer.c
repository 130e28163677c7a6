// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After the pick-up, when the two who talk are to change: a leg is replaced
 * (RFC 3891), or turns out to be somebody else now. And the guard: an agent who
 * dials a bare slot number to park its customer there, while somebody waits in
 * it, picks that one up instead; completing the transfer would then bring two
 * outside callers together. Within GUARD_MS of such a pick-up that is refused,
 * or, where nothing can be refused any more, undone.
 */
#include "internal.h"

#define GUARD_MS 10000

static unsigned long long id(const struct hf_call *call)
{
	return (unsigned long long)call->id;
}

bool hf_call_guarded(const struct hf_call *call)
{
	return call->state == HF_S_RELAY && call->by_slot &&
	       call->park->now_ms - call->picked_ms < GUARD_MS;
}

bool hf_if_strangers_meet(const struct hf_call *call,
			  const struct hf_stimulus *s)
{
	const struct hf_identity now = hf_person_view(&call->picked);

	return hf_call_guarded(call) && hf_identity_known(s->asserted) &&
	       !hf_identity_is_slot(call->park, call->lot->config->of,
				    s->asserted) &&
	       !hf_identity_same(s->asserted, &now) &&
	       !hf_identity_internal(call->park->config, call->lot->config->of,
				     s->asserted);
}

void hf_call_find_slot(struct hf_call *call)
{
	struct hf_slot *slot = hf_lot_choose_again(call->lot, call->last_slot);

	if (slot)
		hf_slot_take(slot, call);
}

void hf_call_wait_again(struct hf_call *call, struct hf_slot *slot,
			const char *why)
{
	const struct hf_identity agent = hf_person_view(&call->picked);

	if (hf_person_set(&call->parker, &agent))
		hf_warn("call %llu: no memory for the agent's name", id(call));
	hf_person_clear(&call->picked);
	call->chain = 0;
	call->attempt = 0;
	call->step_in = false;
	hf_slot_free(call);
	if (slot)
		hf_slot_take(slot, call);
	else
		hf_call_find_slot(call);
	hf_call_begin_wait(call, why);
}

/* INVITE with Replaces for a leg of a picked-up call. */
void hf_act_swap_leg(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 200, .text = "Replaced"};
	bool retriever = s->decision->replaced == call->retriever;
	struct hf_party **place = retriever ? &call->retriever : &call->caller;
	struct hf_person *shown = retriever ? &call->picked : &call->who;
	struct hf_party *old = *place, *p = s->party;

	p->call = call;
	p->role = retriever ? HF_ROLE_RETRIEVER : HF_ROLE_CALLER;
	if (!hf_call_answer(call, p, s, NULL))
		return;
	*place = p;
	hf_call_relay_as_agreed(call);
	hf_party_drop(old, 0, &cause);
	if (hf_person_set(shown, hf_invite_sender(s->invite)))
		hf_warn("call %llu: no memory for the new identity", id(call));
	if (!retriever)
		call->privacy = s->invite->privacy;
	hf_report(call, HF_EVENT_SWAPPED, "INVITE with Replaces");
	if (retriever)
		hf_call_name_to_caller(call);
	else
		hf_call_name_to_retriever(call);
}

/* The leg `p` in a call of its own. The decision stands in for that of an
 * INVITE. */
static struct hf_call *new_call(struct hf_call *from, struct hf_party *p,
				const struct hf_stimulus *s,
				struct hf_identity agent)
{
	const struct hf_decision d = {
		.verdict = HF_DO_PARK,
		.rule = "transfer-guard",
		.lot = from->lot,
		.parker = &agent,
		.passed_on = true,
	};
	const struct hf_invite in = {
		.from = *s->asserted,
		.user_to_user = "",
		.trusted = true,
	};

	return hf_call_create(from->park, &d, &in, p);
}

void hf_act_part_strangers(struct hf_call *call, const struct hf_stimulus *s)
{
	const struct hf_cause cause = {.sip = 500, .text = "No memory"};
	struct hf_identity agent = hf_person_view(&call->picked);
	struct hf_party *p = s->party;
	struct hf_stimulus adopt = *s;
	struct hf_call *other;

	hf_party_hear_nothing(p);
	other = new_call(call, p, s, agent);
	call->retriever = NULL;
	hf_call_wait_again(call, NULL, "two outside callers would have met");
	hf_act_start_recall(call, s);
	if (!other) {
		hf_party_drop(p, 500, &cause);
		return;
	}
	p->role = HF_ROLE_CALLER;
	adopt.event = HF_E_ADOPT;
	hf_call_event(other, &adopt);
}

void hf_act_adopt(struct hf_call *call, const struct hf_stimulus *s)
{
	hf_call_find_slot(call);
	hf_call_reoffer(call, s);
	if (hf_person_set(&call->caller->who, s->asserted))
		hf_warn("call %llu: no memory for the new identity", id(call));
	hf_call_begin_wait(call, "two outside callers would have met");
	hf_act_start_recall(call, s);
}
