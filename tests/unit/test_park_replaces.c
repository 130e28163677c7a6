// SPDX-License-Identifier: GPL-2.0-or-later
/* INVITE with Replaces (RFC 3891), and what else puts somebody in the place of a
 * leg: attended park, a swap that fails, retrieving the very call that is meant.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

/* A lamp shows the dialog of a leg whose lease has ended: it is a parked call. */
TEST(a_colleague_may_take_a_parked_leg_off_a_lamp_after_its_lease)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *b;
	struct hf_invite in;

	ack(a);
	pass(w, 30);
	in = replacing(BOB_URI, a);
	b = send_invite(w, &in);
	CHECK_INT(b->status, 200);
	CHECK_STR(slot_state(w, "701"), "claimed");
	CHECK_INT(a->byes, 0);
	ack(b);
	CHECK_STR(hears(w, a), "relay");
	WORLD_END(w);
}

TEST(attended_park_with_Replaces_puts_the_caller_in_the_parkers_place)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *c, *b;
	struct hf_invite in;

	ack(a);
	in = replacing(CALLER_URI, a);
	c = send_invite(w, &in);
	CHECK_INT(c->status, 200);
	CHECK_STR(c->contact, "701");
	CHECK_INT(a->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_INT(count_notes(w, HF_EVENT_SWAPPED), 1);
	CHECK_INT(count_notes(w, HF_EVENT_PARKED), 1);
	CHECK_STR(last(w, HF_EVENT_SWAPPED)->caller, "+4930123");
	CHECK_STR(last(w, HF_EVENT_SWAPPED)->parker, ALICE_URI);
	ack(c);
	CHECK_STR(hears(w, c), "hold");
	b = dial(w, BOB_URI, "701");
	CHECK_STR(b->asserted, CALLER_URI);
	WORLD_END(w);
}

TEST(a_swap_that_fails_leaves_the_parkers_leg_in_its_slot)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700");
	struct hf_invite in;

	ack(a);
	in = replacing(CALLER_URI, a);
	in.body = sdp("127.0.0.3", 4000, "9", "sendrecv");
	in.body_len = strlen(in.body);
	CHECK_INT(send_invite(w, &in)->status, 488);
	CHECK_INT(a->byes, 0);
	CHECK_STR(slot_state(w, "701"), "reserved");
	WORLD_END(w);
}

TEST(a_swapped_leg_whose_ACK_never_comes_frees_the_slot)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *c;
	struct hf_invite in;

	ack(a);
	in = replacing(CALLER_URI, a);
	in.body = NULL;
	c = send_invite(w, &in);
	CHECK_STR(hears(w, c), "idle");
	CHECK_INT(dial(w, BOB_URI, "701")->status, 480);
	CHECK_STR(slot_state(w, "701"), "parked");
	hf_park_no_ack(c->party);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_new_identity_without_an_offer_is_a_park_also_while_an_answer_is_awaited)
{
	struct world *w = world();
	const struct hf_identity alice = who(ALICE_URI), caller = who(CALLER_URI);
	struct hf_dialog *a = dial(w, ALICE_URI, "700");
	int replies;

	ack(a);
	replies = a->replies;
	hf_park_identity(a->party, &alice);
	CHECK_STR(slot_state(w, "701"), "reserved");
	reinvite(a, NULL, NULL); /* its answer comes with the ACK */
	hf_park_identity(a->party, &caller);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(last(w, HF_EVENT_SWAPPED)->caller, "+4930123");
	CHECK_INT(a->replies, replies + 1);
	hf_park_ack(a->party, NULL, 0);
	CHECK_STR(hears(w, a), "hold");
	CHECK_INT(a->byes, 0);
	WORLD_END(w);
}

TEST(attended_park_that_shows_only_as_a_new_identity_is_a_park)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700");

	ack(a);
	reinvite(a, ALICE_URI, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(slot_state(w, "701"), "reserved");
	reinvite(a, "sip:1001@192.0.2.5", sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(slot_state(w, "701"), "reserved");
	reinvite(a, CALLER_URI, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(last(w, HF_EVENT_SWAPPED)->caller, "+4930123");
	CHECK_STR(last(w, HF_EVENT_PARKED)->parker, ALICE_URI);
	pass(w, 90);
	CHECK_STR(recall_uri(w), ALICE_URI);
	WORLD_END(w);
}

TEST(a_reserved_slot_whose_lease_ends_with_the_leg_up_is_parked_not_dropped)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *c, *b;
	struct hf_invite in;

	ack(a);
	pass(w, 30);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_INT(a->byes, 0);
	CHECK_INT(count_notes(w, HF_EVENT_RESERVATION_EXPIRED), 1);
	CHECK_INT(count_notes(w, HF_EVENT_PARKED), 1);
	/* the PBX finishes the transfer only now */
	in = replacing(CALLER_URI, a);
	c = send_invite(w, &in);
	CHECK_INT(c->status, 200);
	CHECK_INT(a->byes, 1);
	CHECK_INT(count_notes(w, HF_EVENT_PARKED), 1);
	CHECK_INT(count_notes(w, HF_EVENT_SWAPPED), 1);
	ack(c);
	/* once it is the caller's, only a retriever may replace it */
	in = replacing(OUTSIDER_URI, c);
	CHECK_INT(send_invite(w, &in)->status, 403);
	pass(w, 90);
	CHECK_STR(recall_uri(w), ALICE_URI);
	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 200);
	WORLD_END(w);
}

TEST(a_colleague_retrieves_the_very_call_that_Replaces_names)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;
	struct hf_invite in = replacing(BOB_URI, c);

	b = send_invite(w, &in);
	CHECK_INT(b->status, 200);
	ack(b);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(b->asserted, CALLER_URI);
	/* and now neither leg is there to be taken by an early-only one */
	in = replacing(ALICE_URI, c);
	((struct hf_replaces *)in.replaces)->early_only = true;
	CHECK_INT(send_invite(w, &in)->status, 486);
	CHECK_STR(rule_used(w), "replaces-relayed");
	in = replacing(ALICE_URI, b);
	in.trusted = false;
	in.from = who(CALLER_URI);
	CHECK_INT(send_invite(w, &in)->status, 403);
	CHECK_STR(rule_used(w), "replaces-relayed");
	WORLD_END(w);
}

TEST(Replaces_must_match_Call_ID_and_both_tags)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");
	struct hf_invite in = replacing(BOB_URI, c);
	struct hf_replaces r = *in.replaces;

	in.replaces = &r;
	r.from_tag = "x";
	CHECK_INT(send_invite(w, &in)->status, 481);
	r.from_tag = c->remote_tag;
	r.to_tag = "x";
	CHECK_INT(send_invite(w, &in)->status, 481);
	r.to_tag = c->local_tag;
	r.call_id = "x";
	CHECK_INT(send_invite(w, &in)->status, 481);
	CHECK_STR(rule_used(w), "replaces-nothing");
	r.call_id = c->call_id;
	r.early_only = true;
	CHECK_INT(send_invite(w, &in)->status, 486);
	/* a stale token: the slot is used again, the dialog is another one */
	r.early_only = false;
	bye(c);
	park_one(w, "700");
	CHECK_INT(send_invite(w, &in)->status, 481);
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(our_own_recall_that_comes_back_gets_482)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;
	struct hf_invite in;

	pass(w, 90);
	r = recall(w);
	CHECK(r);
	in = invite(CALLER_URI, "700");
	in.recall_marker = r->marker;
	CHECK_INT(send_invite(w, &in)->status, 482);
	CHECK_STR(rule_used(w), "own-recall");
	in = invite(CALLER_URI, "702");
	in.diversion = who(r->diversion);
	CHECK_INT(send_invite(w, &in)->status, 482);
	/* the PBX hands the 482 on: it counts as a failed attempt */
	fail(r, 482, "Loop Detected");
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(note(w, 0)->reason, "482 Loop Detected");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST_MAIN()
