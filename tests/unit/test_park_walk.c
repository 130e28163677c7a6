// SPDX-License-Identifier: GPL-2.0-or-later
/* A random walk: whatever a stack may say, in any order, over many calls at
 * once. After each step everything is counted again.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

#ifndef STEPS /* -DSTEPS=, -DSEEDS= for a longer walk */
#define STEPS 50000
#endif
#ifndef SEEDS
#define SEEDS 4
#endif

struct walk {
	struct world *w;
	uint64_t random;
	unsigned int answered, parked, relayed, swapped, recalled, referred;
};

static unsigned int draw(struct walk *k, unsigned int below)
{
	k->random ^= k->random << 13;
	k->random ^= k->random >> 7;
	k->random ^= k->random << 17;
	return (unsigned int)(k->random >> 33) % below;
}

#define PICK(k, list) (list)[draw(k, sizeof(list) / sizeof((list)[0]))]

static const char *some_sdp(struct walk *k)
{
	static const char *const formats[] = { "8 0 101", "0 8", "8", "8", "0",
					       "9" };
	static const char *const direction[] = { "sendrecv", "sendrecv",
						 "sendrecv", "sendonly",
						 "recvonly", "inactive" };
	static const char *const ip[] = { "127.0.0.3", "127.0.0.4", "127.0.0.5",
					  "0.0.0.0", "127.0.0.1" };

	if (!draw(k, 12))
		return NULL;
	if (!draw(k, 40))
		return "v=0\r\nnonsense";
	return sdp(draw(k, 8) ? PICK(k, (const char *[]){ "127.0.0.3" }) :
				PICK(k, ip),
		   4000 + 2 * draw(k, 4), PICK(k, formats), PICK(k, direction));
}

/* The list holds what is live: what was released is put away here. */
static void prune(struct world *w)
{
	struct hf_dialog **at = &w->dialogs, *d;

	while ((d = *at)) {
		if (!d->released) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		w->dialog_count--;
		free(d);
	}
}

static struct hf_dialog *some_dialog(struct walk *k)
{
	struct hf_dialog *d = k->w->dialogs;
	unsigned int n;

	if (!k->w->dialog_count)
		return NULL;
	for (n = draw(k, k->w->dialog_count); d && n; n--)
		d = d->next;
	return d;
}

static void new_invite(struct walk *k)
{
	static const char *const from[] = { CALLER_URI, ALICE_URI, BOB_URI,
					    "sip:+4940999@pbx.example.com",
					    "sip:1003@pbx.example.com" };
	static const char *const to[] = { "700", "700", "701", "702", "703",
					  "704", "*68702", "*88703", "park+701",
					  "callpark", "999", "800", "801" };
	struct hf_dialog *replaced = draw(k, 6) ? NULL : some_dialog(k);
	struct hf_invite in = invite(PICK(k, from), PICK(k, to));
	struct hf_replaces r;

	in.body = some_sdp(k);
	in.body_len = in.body ? strlen(in.body) : 0;
	in.privacy = !draw(k, 5);
	in.trusted = draw(k, 10);
	if (in.trusted && draw(k, 2))
		in.referred_by = who(PICK(k, from));
	if (in.trusted && !draw(k, 6))
		in.diversion = who(PICK(k, from));
	if (!draw(k, 8))
		in.target_params = "orbit=703";
	if (!draw(k, 30))
		in.recall_marker = "17";
	if (replaced) {
		r = (struct hf_replaces){
			.call_id = replaced->call_id,
			.to_tag = replaced->local_tag,
			.from_tag = draw(k, 10) ? replaced->remote_tag : "no",
			.early_only = !draw(k, 10),
		};
		in.replaces = &r;
	}
	send_invite(k->w, &in);
}

/* A dialog of ours that still rings. */
static void ringing(struct walk *k, struct hf_dialog *d)
{
	const struct hf_identity moved = who("sip:mobile@pbx.example.com");
	const char *body = some_sdp(k);

	switch (draw(k, 8)) {
	case 0:
		d->over = true;
		if (draw(k, 2))
			hf_park_redirected(d->party, 302, "Moved", &moved);
		else
			hf_park_failed(d->party, 486, "Busy Here");
		break;
	case 1:
		d->over = true;
		hf_park_bye(d->party, "the dialog is lost");
		break;
	case 2:
	case 3:
		answer(d, body ?: "");
		k->recalled++;
		break;
	default:
		hf_park_progress(d->party, 180);
	}
}

/* 2xx sent, of the first INVITE or of a re-INVITE, and no ACK yet. */
static void unacked(struct walk *k, struct hf_dialog *d)
{
	const char *body = d->party->awaiting_answer ? some_sdp(k) : NULL;

	switch (draw(k, 12)) {
	case 0:
		hf_park_no_ack(d->party);
		break;
	case 1:
		bye(d);
		break;
	case 2:
		break;
	default:
		d->cancelled = false; /* here: acknowledged */
		hf_park_ack(d->party, body, body ? strlen(body) : 0);
	}
}

static void some_refer(struct walk *k, struct hf_dialog *d)
{
	static const char *const to[] = {
		"sip:1003@pbx.example.com", "sip:+4955@pbx.example.com",
		"sip:700@127.0.0.1", "sip:702@127.0.0.1", "sip:800@127.0.0.1",
		"sip:*68701@127.0.0.1" };
	struct hf_dialog *named = draw(k, 3) ? NULL : some_dialog(k);
	struct hf_replaces r = { .early_only = false };

	if (named) {
		r.call_id = named->call_id;
		r.to_tag = named->local_tag;
		r.from_tag = named->remote_tag;
	}
	refer(d, PICK(k, to), named ? &r : NULL);
	k->referred++;
}

static void some_refer_outside(struct walk *k)
{
	static const char *const from[] = { CALLER_URI, ALICE_URI, BOB_URI };
	static const char *const to[] = { "700", "701", "703", "802", "999" };
	const struct hf_replaces r = { .call_id = "x", .to_tag = "a",
				       .from_tag = "b" };

	refer_outside(k->w, PICK(k, from), PICK(k, to), draw(k, 5) ? &r : NULL);
}

static void some_act(struct walk *k)
{
	static const char *const to[] = { "701", "702", "703", "801", "800",
					  "700", "999" };
	struct hf_park *park = k->w->park;
	struct hf_dialog *d = some_dialog(k);
	const char *why;
	uint64_t id;

	if (!d || !d->party || !d->party->call)
		return;
	id = d->party->call->id;
	switch (draw(k, 8)) {
	case 0:
		hf_park_kick(park, id);
		break;
	case 1:
	case 2:
	case 3:
		hf_park_move(park, id, PICK(k, to), &why);
		break;
	default:
		hf_park_ring_for(park, id, BOB_URI, draw(k, 2), &why);
	}
}

static void up(struct walk *k, struct hf_dialog *d)
{
	static const char *const now[] = { NULL, NULL, CALLER_URI, BOB_URI };

	if (d->reinviting) { /* the stack answers 491 meanwhile */
		if (draw(k, 2))
			reinvited(d, draw(k, 4) ? 200 : 488, some_sdp(k));
		else if (!draw(k, 4))
			bye(d);
		return;
	}
	switch (draw(k, 12)) {
	case 0:
		bye(d);
		break;
	case 1:
	case 2:
		reinvite(d, PICK(k, now), some_sdp(k));
		if (!d->released && d->status < 300)
			d->cancelled = true; /* here: an ACK is due */
		break;
	case 3:
		hf_park_cancel(d->party);
		break;
	case 4:
	case 5:
		some_refer(k, d);
		break;
	default:
		break;
	}
}

static void step(struct walk *k)
{
	struct hf_dialog *d = some_dialog(k);
	unsigned int what = draw(k, 10);

	if (d && !d->party)
		return; /* only a REFER, and nothing happens in its dialog */
	if (what == 3 && !draw(k, 20)) {
		some_act(k);
		prune(k->w);
		return;
	}
	if (what == 1 && !draw(k, 4) && k->w->dialog_count < 24) {
		some_refer_outside(k);
	} else if (!d || (what < 2 && k->w->dialog_count < 24)) {
		new_invite(k);
	} else if (what == 2) {
		k->w->now += draw(k, 2) ? draw(k, 2000) : draw(k, 100000);
		hf_park_run(k->w->park, k->w->now);
	} else if (!d->incoming && !d->answered) {
		ringing(k, d);
	} else if (!d->answered) { /* it waits for the caller's codec */
		d->over = !draw(k, 4);
		if (d->over)
			hf_park_cancel(d->party);
	} else if (!d->party->up || d->cancelled) {
		unacked(k, d);
	} else {
		up(k, d);
	}
	prune(k->w);
}

#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			return #x;                                             \
	} while (0)

static const char *check_party(const struct hf_call *call,
			       const struct hf_party *p, unsigned int *legs,
			       unsigned int *without)
{
	if (!p)
		return NULL;
	MUST(p->call == call);
	MUST(p->dialog && !p->dialog->released);
	MUST(p->dialog->party == p || !p->dialog->party);
	MUST(p->leg != HF_LEG_NONE || (call->held_offer && !p->answered));
	MUST(!p->gone);
	(*legs)++;
	*without += p->leg == HF_LEG_NONE;
	return NULL;
}

static const char *check_state(struct world *w, const struct hf_call *call)
{
	const struct hf_party *c = call->caller, *r = call->retriever;
	bool waits = call->state == HF_S_PARKED ||
		     call->state == HF_S_RECALLING;

	MUST(call->state != HF_S_NEW && call->state != HF_S_ENDED);
	MUST(!call->has_then || call->state);
	bool transfer = call->state == HF_S_TRANSFER;

	if (call->state == HF_S_FETCHING) {
		MUST(c && !c->answered && call->slot && call->referrer && !r);
		MUST(hf_timer_armed(&call->timer) && !call->recall);
		return NULL;
	}
	MUST(c && c->answered);
	MUST(!call->referrer);
	MUST(!call->held_offer || call->state == HF_S_CLAIMED);
	MUST(!call->held_offer || c->reoffered);
	MUST(transfer || !r == (call->state != HF_S_CLAIMED &&
				call->state != HF_S_RELAY));
	MUST(!call->recall == (call->state != HF_S_RECALLING && !transfer));
	MUST(!call->slot || call->slot->call == call);
	MUST(!call->waits_at == (!call->slot || !call->park_count));
	MUST((call->state != HF_S_RELAY && !transfer) || !call->slot ||
	     (call->step_in && !transfer));
	MUST(!call->ring_for || call->state == HF_S_RECALLING ||
	     call->state == HF_S_CLAIMED);
	MUST(call->state != HF_S_RESERVED || call->slot);
	MUST(hf_timer_armed(&call->timer) ==
	     (waits || transfer || call->state == HF_S_RESERVED));
	MUST(!waits || hf_timer_armed(&call->limit));
	MUST(!hf_timer_armed(&call->timer) || call->timer.at > w->now);
	MUST(call->state == HF_S_ARRIVING || call->state == HF_S_RESERVED ||
	     call->park_count >= 1);
	/* the music of a waiting caller */
	if (waits || transfer || call->state == HF_S_RESERVED ||
	    call->state == HF_S_CLAIMED)
		MUST((c->hears == HF_HEARS_HOLD) == hf_party_listens(c));
	if (call->state == HF_S_RELAY) {
		MUST((c->hears != HF_HEARS_NOTHING) == hf_party_listens(c));
		MUST((r->hears != HF_HEARS_NOTHING) == hf_party_listens(r));
		MUST((c->hears == HF_HEARS_PEER) == (r->hears == HF_HEARS_PEER));
		MUST(!c->session->have_remote || !r->session->have_remote ||
		     c->session->codec == r->session->codec);
	}
	return NULL;
}

/* Two outsiders never meet: who picked up is a colleague or was called by us,
 * and whom a colleague puts through is its own business, but not at once after
 * a pick-up by the bare slot number. */
static const char *check_meeting(struct world *w, const struct hf_call *call)
{
	const struct hf_party *r = call->retriever;

	if (!r || r->role == HF_ROLE_RECALL)
		return NULL;
	if ((call->state == HF_S_RELAY || call->state == HF_S_TRANSFER) &&
	    (!call->by_slot || w->now - call->picked_ms >= 10000))
		return NULL;
	MUST(hf_config_internal(&w->config, NULL, r->who.user, r->who.host));
	return NULL;
}

static const char *check_lots(struct world *w)
{
	for (unsigned int i = 0; i < w->config.lot_count; i++) {
		const struct hf_lot *lot = &w->park->lots[i];
		uint32_t free_count = 0;

		for (uint32_t k = 0; k < lot->slot_count; k++) {
			const struct hf_slot *s = &lot->slots[k];

			free_count += !s->call;
			MUST(!s->call || s->call->slot == s);
			MUST(hf_bitmap_test(&lot->free, k) == !s->call);
		}
		MUST(free_count == lot->free_count);
		for (uint32_t k = 0; k < lot->oldest.count; k++) {
			const struct hf_call *c = lot->oldest.call[k];

			MUST(c->waits_at == k + 1 && c->slot);
			MUST(c->slot->lot == lot && c->slot->call == c);
			MUST(lot->oldest.call[0]->parked_ms <= c->parked_ms);
		}
	}
	return NULL;
}

static const char *check_all(struct world *w)
{
	struct hf_park_totals sum = { 0 }, t;
	struct hf_call *call, *next;
	unsigned int legs = 0, without = 0, referrers = 0;
	const char *what = NULL;

	MUST(!w->wrongs);
	MUST(!w->park->bugs);
	HASH_ITER(hh, w->park->calls, call, next) {
		what = what ?: check_state(w, call);
		what = what ?: check_meeting(w, call);
		what = what ?: check_party(call, call->caller, &legs, &without);
		what = what ?: check_party(call, call->retriever, &legs, &without);
		for (const struct hf_party *p = call->recall; p; p = p->ring_next)
			what = what ?: check_party(call, p, &legs, &without);
		sum.calls++;
		referrers += call->referrer != NULL;
		sum.relayed += call->state == HF_S_RELAY;
		sum.recalling += call->state == HF_S_RECALLING;
		sum.parked += call->state == HF_S_PARKED ||
			      call->state == HF_S_RECALLING ||
			      call->state == HF_S_CLAIMED;
	}
	if (what)
		return what;
	hf_park_totals(w->park, &t);
	MUST(t.calls == sum.calls && t.relayed == sum.relayed);
	MUST(t.recalling == sum.recalling && t.parked == sum.parked);
	MUST(legs - without == legs_open(w));
	MUST(legs + referrers == w->dialog_count);
	MUST(w->park->timers.owned == 3 * t.calls);
	return check_lots(w);
}

static struct hf_config_ring two_groups[] = { { fallback_uris, 2 },
					      { fallback_uris, 2 } };

static void configure(struct walk *k, struct hf_config_lot *lot)
{
	lot->timeout_s = 5 + draw(k, 60);
	lot->max_wait_s = 60 + draw(k, 600);
	lot->reserve_s = 5 + draw(k, 30);
	lot->recall.ring_s = 5 + draw(k, 30);
	lot->recall.attempts = draw(k, 3);
	lot->recall.fallback = draw(k, 2) ? two_fallbacks : two_groups;
	lot->recall.fallback_count = draw(k, 3);
	lot->recall.on_hangup = (enum hf_on_hangup)draw(k, 2);
	lot->recall.follow_redirect = draw(k, 2);
	lot->recall.finally = (enum hf_finally)draw(k, 3);
	lot->recall.finally_uri = "sip:last@pbx.example.com";
	lot->on_busy = (enum hf_on_busy)draw(k, 3);
	lot->on_empty = (enum hf_on_empty)draw(k, 2);
	lot->on_full = (enum hf_on_full)draw(k, 3);
	lot->on_full_uri = "sip:full@pbx.example.com";
	lot->choice = (enum hf_slot_choice)draw(k, 3);
}

static const char *walk(unsigned int seed, struct walk *k)
{
	static char text[300];
	const char *what = NULL;
	unsigned int i;

	k->random = 0x9e3779b97f4a7c15ULL * (seed + 1);
	k->w = world_new();
	k->w->config.lot_count = 2;
	lot_defaults(&k->w->lots[1]);
	k->w->lots[1].name = "second";
	k->w->lots[1].park = "800";
	k->w->lots[1].slot_first = 801;
	k->w->lots[1].slot_last = 802;
	configure(k, &k->w->lots[0]);
	configure(k, &k->w->lots[1]);
	world_start(k->w);
	for (i = 0; i < STEPS && !what; i++) {
		if (i % 5000 == 4999) {
			configure(k, &k->w->lots[0]);
			configure(k, &k->w->lots[1]);
		}
		step(k);
		what = check_all(k->w);
	}
	k->parked += (unsigned int)k->w->park->totals.parks;
	k->relayed += (unsigned int)k->w->park->totals.retrieved;
	k->swapped += count_notes(k->w, HF_EVENT_SWAPPED);
	text[0] = '\0';
	if (what)
		snprintf(text, sizeof(text), "step %u: %s (%s)", i, what,
			 k->w->wrong);
	world_hang_up(k->w);
	if (!what)
		snprintf(text, sizeof(text), "%s", world_leaks(k->w));
	world_free(k->w);
	return text;
}

TEST(a_random_walk_over_many_calls_breaks_no_invariant)
{
	struct walk k = { 0 };

	for (unsigned int seed = 0; seed < SEEDS; seed++) {
		const char *what = walk(seed, &k);

		if (*what)
			FAIL("seed %u, %s", seed, what);
	}
	/* a walk that gets nowhere proves nothing */
	printf("# %u parks, %u pick-ups, %u answered recalls\n", k.parked,
	       k.relayed, k.recalled);
	CHECK(k.parked > 1000);
	CHECK(k.relayed > 200);
	CHECK(k.recalled > 100);
	CHECK(k.swapped > 10);
}

/* Ten thousand times two retrievers at one slot. */
TEST(two_retrievers_racing_for_one_slot_never_both_win)
{
	struct world *w = world();
	unsigned int wins = 0, busy = 0;

	for (unsigned int i = 0; i < 10000; i++) {
		struct hf_dialog *c = park_one(w, "700");
		struct hf_dialog *a = dial(w, ALICE_URI, c->contact);
		struct hf_dialog *b = dial(w, BOB_URI, c->contact);

		wins += (a->status == 200) + (b->status == 200);
		busy += (a->status == 486) + (b->status == 486);
		bye(c);
		prune(w);
	}
	CHECK_INT(wins, 10000);
	CHECK_INT(busy, 10000);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST_MAIN()
