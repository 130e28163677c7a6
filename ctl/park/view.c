// SPDX-License-Identifier: GPL-2.0-or-later
/* The slot table, the calls and the totals, for people and programs to read. */
#include "internal.h"

/* Nothing runs here: time only shows. */
static void look(struct hf_park *park, uint64_t now_ms)
{
	if (now_ms > park->now_ms)
		park->now_ms = now_ms;
}

static void view_slot(const struct hf_slot *slot, struct hf_slot_view *v)
{
	const struct hf_call *call = slot->call;

	*v = (struct hf_slot_view){
		.tenant = slot->lot->config->of ? slot->lot->config->of->name :
						  NULL,
		.lot = slot->lot->config->name,
		.slot = slot->name,
		.label = slot->label,
		.state = "free",
	};
	if (!call)
		return;
	v->state = hf_state_name(call->state);
	if (call->state == HF_S_RELAY) /* kept while a supervisor talks */
		v->state = hf_state_name(HF_S_CLAIMED);
	v->call = call->id;
	v->caller_number = call->who.user;
	v->caller_name = call->who.display;
	v->parker = call->parker.uri;
	v->seconds_parked = hf_call_seconds_parked(call);
	v->seconds_to_recall = hf_call_seconds_left(call);
	v->attempt = call->attempt;
	v->caller_uri = call->who.uri;
	v->privacy = call->privacy;
	if (!call->caller || !call->caller->dialog)
		return;
	v->sip_call_id = call->caller->sip_call_id;
	v->remote_tag = call->caller->remote_tag;
	v->local_tag = call->park->wire.signal->local_tag(call->caller->dialog);
}

bool hf_park_slot(struct hf_park *park, uint64_t now_ms, uint32_t index,
		  struct hf_slot_view *ret)
{
	look(park, now_ms);
	for (unsigned int i = 0; i < park->config->lot_count; i++) {
		const struct hf_lot *lot = &park->lots[i];

		if (index - lot->first >= lot->slot_count)
			continue;
		view_slot(&lot->slots[index - lot->first], ret);
		return true;
	}
	return false;
}

void hf_park_each_slot(struct hf_park *park, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_slot_view *),
		       void *arg)
{
	look(park, now_ms);
	for (unsigned int i = 0; i < park->config->lot_count; i++) {
		const struct hf_lot *lot = &park->lots[i];

		for (uint32_t k = 0; k < lot->slot_count; k++) {
			struct hf_slot_view v;

			view_slot(&lot->slots[k], &v);
			if (!fn(arg, &v))
				return;
		}
	}
}

static void add_party(struct hf_call_view *v, const struct hf_party *p,
		      const char *role)
{
	struct hf_party_view *pv;

	if (!p || v->party_count == HF_VIEW_PARTIES)
		return;
	pv = &v->party[v->party_count++];
	*pv = (struct hf_party_view){
		.role = role,
		.identity = p->who.uri,
		.sip_call_id = p->sip_call_id,
		.state = hf_party_state(p),
		.leg = p->leg,
	};
	if (p->session->have_remote)
		pv->codec = hf_codec_name(p->session->codec);
}

static void view_call(const struct hf_call *call, struct hf_call_view *v)
{
	uint64_t now = call->park->now_ms;

	*v = (struct hf_call_view){
		.call = call->id,
		.state = hf_state_name(call->state),
		.tenant = call->lot->config->of ? call->lot->config->of->name :
						  NULL,
		.lot = call->lot->config->name,
		.slot = hf_call_slot_name(call),
		.rule = call->rule,
		.routing = call->route,
		.only = call->only,
		.caller_number = call->who.user,
		.caller_name = call->who.display,
		.parker = call->parker.uri,
		.retriever = call->picked.uri,
		.privacy = call->privacy,
		.seconds = (uint32_t)((now - call->since_ms) / 1000),
		.seconds_parked = hf_call_seconds_parked(call),
		.seconds_to_recall = hf_call_seconds_left(call),
		.attempt = call->attempt,
		.park_count = call->park_count,
	};
	add_party(v, call->caller,
		  call->state == HF_S_RESERVED ? "parker" : "parkee");
	if (call->retriever)
		add_party(v, call->retriever,
			  call->retriever->role == HF_ROLE_RECALL
				  ? "recall"
				  : "retriever");
	for (const struct hf_party *p = call->recall; p; p = p->ring_next)
		add_party(v, p,
			  call->state == HF_S_TRANSFER ? "target" : "recall");
}

void hf_park_each_call(struct hf_park *park, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_call_view *),
		       void *arg)
{
	look(park, now_ms);
	for (struct hf_call *call = park->calls; call; call = call->hh.next) {
		struct hf_call_view v;

		view_call(call, &v);
		if (!fn(arg, &v))
			return;
	}
}

void hf_park_totals(const struct hf_park *park, struct hf_park_totals *ret)
{
	*ret = park->totals;
	ret->calls = HASH_COUNT(park->calls);
	ret->talks = park->talk_count;
}

void hf_park_lot_taken(const struct hf_park *park, unsigned int lot,
		       uint32_t *ret_slots, uint32_t *ret_taken)
{
	*ret_slots = park->lots[lot].offered_count;
	*ret_taken = *ret_slots - park->lots[lot].free_count;
}
