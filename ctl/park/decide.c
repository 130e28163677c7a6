// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a new INVITE means: an ordered list of named rules, the first that fits
 * counts. A rule only reads; the chosen slot is taken by the table's action in
 * the same breath. Park and pick-up are told apart by what the INVITE says and
 * never by whether a slot happens to be taken, so two outside callers cannot
 * meet and a retriever is never parked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

/* The INVITE with what the rules want to know of it. */
struct ask {
	struct hf_park *park;
	const struct hf_invite *in;
	enum hf_number_kind number;
	struct hf_lot *lot;
	struct hf_slot *slot;
	const struct hf_identity *sender, *mark;
	struct hf_party *replaced;
	bool sender_may_park, mark_may_park, may_retrieve;
	const struct hf_config_route *route;
};

/* The next free slot, or the one that a routing rule wants if it is free. */
static struct hf_slot *choose(const struct ask *a)
{
	struct hf_slot *slot = NULL;

	if (a->route && a->route->slot)
		slot = hf_lot_slot(a->lot, a->route->slot);
	return slot && !slot->leaving && !slot->call ? slot :
						       hf_lot_choose(a->lot);
}

static bool refuse(struct hf_decision *d, int status, const char *reason)
{
	d->verdict = HF_DO_REFUSE;
	d->status = status;
	d->reason = reason;
	return true;
}

/* One that a dialler may be told in words (voice.c). */
static bool refuse_aloud(struct hf_decision *d, int status, const char *reason,
			 const char *prompt)
{
	d->prompt = prompt;
	return refuse(d, status, reason);
}

/* The lot has no room for a caller who arrives by transfer: the PBX has let go
 * of it already, so a refusal would cut it off. */
static bool park_without_slot(struct ask *a, struct hf_decision *d)
{
	const struct hf_config_lot *c = a->lot->config;

	if (c->on_full == HF_FULL_REFUSE)
		return refuse(d, 486, "the lot is full");
	d->verdict = HF_DO_PARK;
	d->slot = NULL;
	if (c->on_full == HF_FULL_URI)
		d->first_ring = c->on_full_uri;
	if (!d->reason)
		d->reason = "the lot is full";
	return true;
}

static bool park_anywhere(struct ask *a, struct hf_decision *d)
{
	d->slot = choose(a);
	if (!d->slot)
		return d->passed_on ? park_without_slot(a, d)
				    : refuse_aloud(d, 486, "the lot is full",
						   "full");
	d->verdict = HF_DO_PARK;
	return true;
}

static bool park_there(struct ask *a, struct hf_decision *d)
{
	if (!a->slot)
		return park_anywhere(a, d);
	d->slot = a->slot;
	d->verdict = HF_DO_PARK;
	if (!a->slot->call)
		return true;
	if (!d->passed_on)
		return refuse(d, 486, "the slot is taken");
	snprintf(d->remark, sizeof(d->remark), "slot %s was taken",
		 a->slot->name);
	d->reason = d->remark;
	switch (a->lot->config->on_busy) {
	case HF_BUSY_REFUSE:
		return refuse(d, 486, "the slot is taken");
	case HF_BUSY_RING_PARKER:
		d->slot = NULL;
		return true;
	case HF_BUSY_NEXT_FREE:
		break;
	}
	return park_anywhere(a, d);
}

/* Who parks, and may he? False: it is not allowed, and *d says so. */
static bool parker_is_allowed(struct ask *a, struct hf_decision *d)
{
	if (a->mark) {
		d->parker = a->mark;
		d->passed_on = true;
		if (!a->mark_may_park)
			refuse(d, 403, "the parker may not park here");
		return a->mark_may_park;
	}
	if (a->sender_may_park) {
		d->parker = a->sender;
		return true;
	}
	/* No mark, not a colleague, from a peer we trust: the caller itself,
	 * sent on by a PBX that keeps its transfers to itself. */
	d->passed_on = a->in->trusted;
	if (!a->in->trusted)
		refuse(d, 403, "the sender may not park here");
	return a->in->trusted;
}

static bool retrieve(struct ask *a, struct hf_decision *d, struct hf_call *call)
{
	if (!a->may_retrieve)
		return refuse(d, 403, "the sender may not pick up here");
	if (!hf_call_is_for(call, a->sender))
		return refuse(d, 403, "this call is for somebody else");
	d->verdict = HF_DO_RETRIEVE;
	d->call = call;
	return true;
}

/* The rules. */

static bool unknown_tenant(struct ask *a, struct hf_decision *d)
{
	return a->in->no_tenant &&
	       refuse(d, 404, "neither domain, peer, address nor header is a "
			      "tenant's");
}

static bool own_recall(struct ask *a, struct hf_decision *d)
{
	const struct hf_identity *from[] = {&a->in->diversion, &a->in->history};
	bool ours = a->in->recall_marker && *a->in->recall_marker;

	/* A peer that drops our marker may still show the slot that rings. */
	for (int i = 0; i < 2 && !ours; i++) {
		struct hf_slot *slot = NULL;

		if (hf_identity_known(from[i]))
			slot = hf_slot_by_number(a->park, a->in->tenant,
						 from[i]->user);
		ours = slot && slot->call &&
		       slot->call->state == HF_S_RECALLING;
	}
	return ours && refuse(d, 482, "our own recall has come back");
}

static bool replaces_dialled(struct ask *a, struct hf_decision *d)
{
	struct hf_call *call = a->replaced ? a->replaced->call : NULL;

	if (!call || a->replaced != call->caller || !call->dialled)
		return false;
	if (call->state != HF_S_RESERVED && call->state != HF_S_PARKED &&
	    call->state != HF_S_RECALLING)
		return false;
	/* a colleague who takes the dialog off a lamp picks the call up */
	if (call->state != HF_S_RESERVED && a->may_retrieve)
		return false;
	if (a->in->replaces->early_only)
		return refuse(d, 486, "the dialog is confirmed (early-only)");
	if (!a->in->trusted && !a->sender_may_park)
		return refuse(d, 403, "the sender may not park here");
	d->verdict = HF_DO_SWAP;
	d->call = call;
	d->replaced = a->replaced;
	return true;
}

static bool replaces_parked(struct ask *a, struct hf_decision *d)
{
	struct hf_call *call = a->replaced ? a->replaced->call : NULL;

	if (!call || a->replaced != call->caller || call->state == HF_S_RELAY)
		return false;
	if (a->in->replaces->early_only)
		return refuse(d, 486, "the dialog is confirmed (early-only)");
	return retrieve(a, d, call);
}

static bool replaces_relayed(struct ask *a, struct hf_decision *d)
{
	struct hf_call *call = a->replaced ? a->replaced->call : NULL;

	if (!call)
		return false;
	if (call->state != HF_S_RELAY)
		return refuse(d, 486, "this leg cannot be replaced now");
	if (a->in->replaces->early_only)
		return refuse(d, 486, "the dialog is confirmed (early-only)");
	if (!a->in->trusted && !a->may_retrieve)
		return refuse(d, 403, "the sender may not take this call over");
	if (a->replaced == call->retriever && hf_call_guarded(call) &&
	    !hf_identity_internal(a->park->config, call->lot->config->of,
				  a->sender))
		return refuse(d, 486, "two outside callers would meet");
	d->verdict = HF_DO_SWAP;
	d->call = call;
	d->replaced = a->replaced;
	return true;
}

static bool replaces_nothing(struct ask *a, struct hf_decision *d)
{
	return a->in->replaces &&
	       refuse(d, 481, "Replaces names no dialog of ours");
}

static bool park_only(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_PARK_ONLY)
		return false;
	if (!a->lot)
		return refuse(d, 404, "there is no such slot");
	return !parker_is_allowed(a, d) || park_there(a, d);
}

static bool park_transfer(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_LOT || !a->mark)
		return false;
	return !parker_is_allowed(a, d) || park_anywhere(a, d);
}

static bool park_unmarked(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_LOT || a->sender_may_park)
		return false;
	return !parker_is_allowed(a, d) || park_anywhere(a, d);
}

static bool reserve(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_LOT)
		return false;
	d->parker = a->sender;
	d->slot = choose(a);
	if (!d->slot)
		return refuse_aloud(d, 486, "the lot is full", "full");
	d->verdict = HF_DO_RESERVE;
	return true;
}

/* A phone that only dials says with `;call=` whom it means (the id of the
 * call), as one that sends Replaces does with the dialog: whoever has come to
 * the slot since is not picked up in the other's place. */
static bool stale_call(struct ask *a, struct hf_decision *d)
{
	const struct hf_call *call = a->slot ? a->slot->call : NULL;
	char wanted[24], id[24] = "";

	if (a->number != HF_NUMBER_PICK_UP &&
	    (a->number != HF_NUMBER_SLOT || a->mark))
		return false;
	if (!a->may_retrieve ||
	    !hf_uri_value(a->in->target_params, "call=", wanted, sizeof(wanted)))
		return false;
	if (call)
		snprintf(id, sizeof(id), "%" PRIu64, call->id);
	return strcmp(wanted, id) &&
	       refuse_aloud(d, 481, "the call that is meant waits there no more",
			    "empty");
}

static bool pick_up(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_PICK_UP)
		return false;
	if (!a->may_retrieve)
		return refuse(d, 403, "the sender may not pick up here");
	if (!a->slot || !a->slot->call)
		return refuse_aloud(d, 404, "nobody is parked there", "empty");
	return retrieve(a, d, a->slot->call);
}

static bool pick_up_oldest(struct ask *a, struct hf_decision *d)
{
	struct hf_call *call;

	if (a->number != HF_NUMBER_OLDEST)
		return false;
	if (!a->may_retrieve)
		return refuse(d, 403, "the sender may not pick up here");
	call = hf_oldest_for(a->lot, a->sender);
	return call ? retrieve(a, d, call)
		    : refuse_aloud(d, 404, "nobody is parked here", "nobody");
}

static bool slot_transfer(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_SLOT || !a->mark)
		return false;
	return !parker_is_allowed(a, d) || park_there(a, d);
}

static bool slot_outsider(struct ask *a, struct hf_decision *d)
{
	return a->number == HF_NUMBER_SLOT && !a->may_retrieve &&
	       refuse(d, 403, "the sender may not pick up here");
}

static bool slot_pick_up(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_SLOT || !a->slot->call)
		return false;
	d->plain = true;
	return retrieve(a, d, a->slot->call);
}

static bool slot_reserve(struct ask *a, struct hf_decision *d)
{
	if (a->number != HF_NUMBER_SLOT || !a->sender_may_park ||
	    a->lot->config->on_empty != HF_EMPTY_RESERVE)
		return false;
	d->parker = a->sender;
	d->slot = a->slot;
	d->verdict = HF_DO_RESERVE;
	return true;
}

static bool slot_empty(struct ask *a, struct hf_decision *d)
{
	return a->number == HF_NUMBER_SLOT &&
	       refuse_aloud(d, 404, "nobody is parked there", "empty");
}

static bool unknown_number(struct ask *a, struct hf_decision *d)
{
	return refuse(d, 404, "there is no such number");
}

/* clang-format off */
static const struct {
	const char *name;
	bool (*fits)(struct ask *, struct hf_decision *);
	const char *text;
} rules[] = {
	{ "unknown-tenant", unknown_tenant,
	  "With `tenants`: neither domain, peer, listen address nor header is "
	  "one's, or they are of different ones: 404." },
	{ "own-recall", own_recall,
	  "Our own recall comes back (marker, or a transfer header names a slot "
	  "that is ringing): 482." },
	{ "replaces-dialled", replaces_dialled,
	  "Replaces names the leg of a parker who dialled for a slot: the "
	  "sender takes its place. After the lease only if the sender may not "
	  "pick up." },
	{ "replaces-parked", replaces_parked,
	  "Replaces names the dialog of a waiting caller: pick up; 403 without "
	  "the right." },
	{ "replaces-relayed", replaces_relayed,
	  "Replaces names a leg of a picked-up call: the sender takes its "
	  "place. 486 for an outsider within 10 s of a pick-up by the bare slot "
	  "number: two outside callers would meet." },
	{ "replaces-nothing", replaces_nothing,
	  "Replaces names no dialog of ours: 481, never parked." },
	{ "park-only", park_only,
	  "Park prefix and slot, `park+N` or `orbit=N`: park there. A taken "
	  "slot: `on_busy` for a caller who was transferred, 486 for one who "
	  "dials." },
	{ "park-transfer", park_transfer,
	  "The lot's park number with Referred-By, Diversion or History-Info: "
	  "park at the next free slot; without one `on_full`." },
	{ "park-unmarked", park_unmarked,
	  "The lot's park number from a trusted peer, the sender not in "
	  "`may_park`: the caller itself; park. Not trusted: 403." },
	{ "reserve", reserve,
	  "The lot's park number dialled by somebody in `may_park`: keep a slot "
	  "and tell it; 486 if the lot is full." },
	{ "stale-call", stale_call,
	  "A slot that is dialled with `;call=ID`, and the call that waits there "
	  "is not (or no longer) that one: 481, nobody else is picked up." },
	{ "pick-up", pick_up,
	  "Pick-up prefix and slot: pick up; 403 without the right, 404 if "
	  "nobody is there." },
	{ "pick-up-oldest", pick_up_oldest,
	  "The lot's `retrieve_oldest` number: pick up who has waited longest; "
	  "403 without the right, 404 if nobody waits." },
	{ "slot-transfer", slot_transfer,
	  "A slot with Referred-By, Diversion or History-Info: park there; a "
	  "taken slot: `on_busy`, never a bridge." },
	{ "slot-outsider", slot_outsider,
	  "A slot dialled by somebody who may not pick up: 403." },
	{ "slot-pick-up", slot_pick_up, "A taken slot: pick up." },
	{ "slot-reserve", slot_reserve,
	  "An empty slot dialled by somebody in `may_park`, with `on_empty: "
	  "reserve`: keep it for a caller who is transferred there." },
	{ "slot-empty", slot_empty,
	  "An empty slot: 404, the dialler is never parked." },
	{ "unknown-number", unknown_number, "Anything else: 404." },
};
/* clang-format on */

size_t hf_rule_count(void)
{
	return sizeof(rules) / sizeof(rules[0]);
}

void hf_rule_describe(size_t i, const char **name, const char **text)
{
	*name = rules[i].name;
	*text = rules[i].text;
}

/*
 * A routing rule chooses the lot where the dialled number names no slot, and
 * may give a number to a lot that has none of its own.
 */
static void follow_route(struct ask *a, struct hf_decision *d)
{
	struct hf_lot *lot = NULL;

	if (a->replaced || a->in->replaces || a->number == HF_NUMBER_PICK_UP ||
	    a->number == HF_NUMBER_OLDEST)
		return;
	a->route = hf_route_find(a->park->config, a->in);
	if (!a->route)
		return;
	d->route = a->route;
	if (a->slot)
		return;
	if (a->route->lot)
		lot = hf_lot_by_name(a->park, a->route->lot);
	else if (a->route->slot)
		lot = hf_slot_by_number(a->park, a->in->tenant, a->route->slot)
			      ->lot;
	if (!lot || lot->config->of != a->in->tenant ||
	    (a->number == HF_NUMBER_UNKNOWN && !a->route->called))
		return;
	a->lot = lot;
	if (a->number == HF_NUMBER_UNKNOWN)
		a->number = HF_NUMBER_LOT;
}

static void may_be_parked(const struct ask *a, struct hf_decision *d)
{
	if (a->in->no_park)
		refuse(d, 403, "the caller's side says: not to be parked");
	else if (a->route && a->route->refuse)
		refuse(d, 403, "a routing rule says: not to be parked");
}

/* A dialog of a call that is this tenant's. */
static struct hf_party *replaced_in(struct hf_park *park,
				    const struct hf_config_tenant *of,
				    const struct hf_replaces *replaces)
{
	struct hf_party *p = hf_party_by_replaces(park, replaces);

	return p && p->call && p->call->lot->config->of == of ? p : NULL;
}

void hf_decide(struct hf_park *park, const struct hf_invite *in,
	       struct hf_decision *d)
{
	struct ask a = {
		.park = park,
		.in = in,
		.sender = hf_invite_sender(in),
		.mark = hf_invite_mark(in),
	};
	struct hf_lot *lot;

	*d = (struct hf_decision){.verdict = HF_DO_REFUSE};
	if (in->no_tenant)
		a.number = HF_NUMBER_UNKNOWN;
	else if (in->replaces)
		a.replaced = replaced_in(park, in->tenant, in->replaces);
	else
		a.number = hf_number_read(park, in, &a.lot, &a.slot);
	if (!in->no_tenant)
		follow_route(&a, d);
	lot = a.replaced ? a.replaced->call->lot : a.lot;
	if (lot) {
		const struct hf_config *c = park->config;

		a.sender_may_park =
			hf_may_park(c, lot->config, a.sender, false, in->source);
		a.mark_may_park =
			a.mark && hf_may_park(c, lot->config, a.mark, true,
					      in->source);
		a.may_retrieve = hf_may_retrieve(c, lot->config, a.sender, in->source);
	}
	d->lot = lot;
	d->slot = a.slot;
	for (size_t i = 0; i < hf_rule_count(); i++) {
		if (!rules[i].fits(&a, d))
			continue;
		d->rule = rules[i].name;
		break;
	}
	if (d->verdict == HF_DO_PARK || d->verdict == HF_DO_RESERVE)
		may_be_parked(&a, d);
}

/* Attended: the agent has dialled for a slot, and that leg is named. */
static void into_reserved(struct hf_call *call, const struct hf_party *leg,
			  struct hf_decision *d)
{
	struct hf_call *kept = leg->call;

	if (kept->state != HF_S_RESERVED || kept == call) {
		refuse(d, 486, "this leg cannot be replaced now");
		return;
	}
	d->verdict = HF_DO_PARK;
	d->lot = kept->lot;
	d->slot = kept->slot;
	d->call = kept;
}

void hf_decide_refer(struct hf_call *call, const struct hf_refer *refer,
		     struct hf_decision *d)
{
	const struct hf_identity agent = hf_person_view(&call->picked);
	const struct hf_invite in = {
		.target = refer->target,
		.target_params = refer->target_params,
		.tenant = call->lot->config->of,
	};
	struct ask a = {.park = call->park, .in = &in};
	struct hf_party *leg = NULL;
	char text[HF_IP_TEXT];
	const char *source = hf_party_source(call->retriever, text);

	*d = (struct hf_decision){
		.verdict = HF_DO_TRANSFER, .rule = "refer", .lot = call->lot};
	if (refer->replaces)
		leg = replaced_in(call->park, in.tenant, refer->replaces);
	if (leg)
		into_reserved(call, leg, d);
	if (refer->replaces)
		return;
	a.number = hf_number_read(call->park, &in, &a.lot, &a.slot);
	if (a.number == HF_NUMBER_UNKNOWN)
		return;
	if (a.number == HF_NUMBER_PICK_UP || a.number == HF_NUMBER_OLDEST) {
		refuse(d, 403, "a caller cannot be sent to a pick-up number");
	} else if (!a.lot) {
		refuse(d, 404, "there is no such slot");
	} else if (!hf_may_park(a.park->config, a.lot->config, &agent, true,
				source)) {
		refuse(d, 403, "the parker may not park here");
	} else {
		d->verdict = HF_DO_PARK;
		d->lot = a.lot;
		d->slot = a.slot ?: hf_lot_choose_again(a.lot, call->last_slot);
		if (!d->slot)
			refuse(d, 486, "the lot is full");
		else if (d->slot->call && d->slot->call != call)
			refuse(d, 486, "the slot is taken");
	}
}
