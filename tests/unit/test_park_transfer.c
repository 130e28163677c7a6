// SPDX-License-Identifier: GPL-2.0-or-later
/* REFER: the retriever sends the caller on, or back into a slot, and callers are
 * fetched into one.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(the_retriever_sends_the_caller_on_and_is_released_on_answer)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *t;
	uint64_t call = c->party->call->id;

	CHECK_INT(refer(r, "sip:+4955@pbx.example.com", NULL), 202);
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, r), "idle");
	t = phone_called_at(w, "sip:+4955@pbx.example.com");
	CHECK(t != NULL);
	CHECK_STR(t->referred_by, BOB_URI);
	CHECK_STR(t->asserted, CALLER_URI);
	CHECK_STR(t->marker, "");
	hf_park_progress(t->party, 180);
	CHECK_INT(r->byes, 0);
	answer(t, sdp("127.0.0.7", 7000, "8", "sendrecv"));
	CHECK_INT(r->refer_outcome, 200);
	CHECK_INT(r->byes, 1);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, t), "relay");
	CHECK_INT(c->party->call->id, call);
	CHECK_INT(note(w, 0)->type, HF_EVENT_TRANSFERRED);
	CHECK_STR(note(w, 0)->retriever, "sip:+4955@pbx.example.com");
	bye(c);
	CHECK_INT(t->byes, 1);
	WORLD_END(w);
}

TEST(a_transfer_to_an_address_of_ours_or_a_number_goes_by_the_proxy)
{
	struct world *w = world();
	struct hf_dialog *r;

	park_one(w, "701");
	r = pick_up(w, "701");
	refer(r, "sip:1003@127.0.0.1:5060", NULL);
	CHECK(phone_called_at(w, "sip:1003@pbx.example.com"));
	WORLD_END(w);
}

TEST(a_failed_transfer_returns_the_caller_to_the_retriever)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");

	refer(r, "sip:1003@pbx.example.com", NULL);
	CHECK_INT(refer(r, "sip:1004@pbx.example.com", NULL), 491);
	fail(phone_called(w, 0), 486, "Busy Here");
	CHECK_INT(r->refer_outcome, 486);
	CHECK_INT(r->byes, 0);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	CHECK_INT(note(w, 0)->type, HF_EVENT_TRANSFER_FAILED);
	/* and once more, to nobody who answers */
	CHECK_INT(refer(r, "sip:1003@pbx.example.com", NULL), 202);
	pass(w, 120);
	CHECK_INT(r->refer_outcome, 480);
	CHECK_STR(hears(w, c), "relay");
	/* or without a codec in common */
	refer(r, "sip:1003@pbx.example.com", NULL);
	answer(phone_called(w, 0), sdp("127.0.0.7", 7000, "0", "sendrecv"));
	CHECK_INT(r->refer_outcome, 480);
	CHECK_STR(hears(w, r), "relay");
	WORLD_END(w);
}

TEST(a_failed_transfer_by_one_who_has_hung_up_parks_the_caller_again)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "702"), *r = pick_up(w, "702");
	uint64_t call = c->party->call->id;

	refer(r, "sip:1003@pbx.example.com", NULL);
	bye(r);
	CHECK_INT(c->byes, 0);
	fail(phone_called(w, 0), 480, "Gone");
	CHECK_STR(slot_state(w, "702"), "parked");
	CHECK_INT(slot(w, "702")->call->id, call);
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(note(w, 0)->type, HF_EVENT_REPARKED);
	pass(w, 90);
	CHECK_STR(recall_uri(w), BOB_URI);
	WORLD_END(w);
}

TEST(a_caller_who_hangs_up_during_a_transfer_ends_it)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "702"), *r = pick_up(w, "702"), *t;

	refer(r, "sip:1003@pbx.example.com", NULL);
	t = phone_called(w, 0);
	bye(c);
	CHECK_INT(t->cancels, 1);
	CHECK_INT(r->byes, 1);
	WORLD_END(w);
}

TEST(a_refer_to_the_park_number_parks_again_in_the_old_slot)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "702"), *r;
	uint64_t call = c->party->call->id;

	pass(w, 20);
	r = pick_up(w, "702");
	pass(w, 50);
	CHECK_INT(refer(r, "sip:700@127.0.0.1", NULL), 202);
	CHECK_INT(r->refer_outcome, 200);
	CHECK_INT(r->byes, 1);
	CHECK_STR(slot_state(w, "702"), "parked");
	CHECK_INT(slot(w, "702")->call->id, call);
	CHECK_STR(hears(w, c), "hold");
	pass(w, 5);
	bye(c);
	CHECK_INT(last(w, HF_EVENT_ABANDONED)->seconds_parked, 25);
	CHECK_STR(last(w, HF_EVENT_ABANDONED)->parker, BOB_URI);
	WORLD_END(w);
}

TEST(a_refer_to_a_slot_parks_there_or_is_refused)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "702"), *r = pick_up(w, "702");

	park_one(w, "701");
	CHECK_INT(refer(r, "sip:701@pbx.example.com", NULL), 486);
	CHECK_INT(refer(r, "sip:*88701@pbx.example.com", NULL), 403);
	CHECK_INT(refer(r, "sip:*68709@pbx.example.com", NULL), 404);
	CHECK_STR(hears(w, c), "relay");
	CHECK_INT(refer(c, "sip:1003@pbx.example.com", NULL), 403);
	CHECK_INT(refer(r, "sip:*68703@pbx.example.com", NULL), 202);
	CHECK_STR(slot_state(w, "703"), "parked");
	CHECK_INT(r->byes, 1);
	WORLD_END(w);
}

TEST(a_refer_with_Replaces_of_a_reserved_slot_parks_the_caller_there)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *kept;
	struct hf_replaces names;

	park_one(w, "701");
	kept = dial(w, BOB_URI, "700");
	ack(kept);
	CHECK_STR(slot_state(w, "702"), "reserved");
	names = (struct hf_replaces){ .call_id = kept->call_id,
				      .to_tag = kept->local_tag,
				      .from_tag = kept->remote_tag };
	CHECK_INT(refer(r, "sip:702@127.0.0.1", &names), 202);
	CHECK_INT(r->refer_outcome, 200);
	CHECK_INT(kept->byes, 1);
	CHECK_STR(slot_state(w, "702"), "parked");
	CHECK(slot(w, "702")->call->caller->dialog == c);
	WORLD_END(w);
}

TEST(a_refer_with_Replaces_elsewhere_is_passed_on_in_the_INVITE)
{
	struct world *w = world();
	const struct hf_replaces names = { .call_id = "x@y", .to_tag = "a",
					   .from_tag = "b" };
	struct hf_dialog *r;

	park_one(w, "701");
	r = pick_up(w, "701");
	CHECK_INT(refer(r, "sip:1003@pbx.example.com", &names), 202);
	CHECK_STR(phone_called(w, 0)->replaces, "x@y a b");
	WORLD_END(w);
}

TEST(a_refer_outside_a_dialog_fetches_the_caller_into_a_slot)
{
	struct world *w = world();
	const struct hf_replaces names = { .call_id = "x@y", .to_tag = "a",
					   .from_tag = "b" };
	struct hf_dialog *ref = refer_outside(w, ALICE_URI, "700", &names);
	struct hf_dialog *c = phone_called(w, 0), *r;

	CHECK_INT(ref->refer_answer, 202);
	CHECK(c != NULL);
	CHECK_STR(c->uri, "sip:+4930123@127.0.0.3:5070");
	CHECK_STR(c->replaces, "x@y a b");
	CHECK_STR(c->referred_by, ALICE_URI);
	CHECK_STR(slot_state(w, "701"), "arriving");
	CHECK_INT(dial(w, BOB_URI, "701")->status, 486);
	answer(c, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_INT(ref->refer_outcome, 200);
	CHECK(ref->released);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(last(w, HF_EVENT_PARKED)->parker, ALICE_URI);
	r = pick_up(w, "701");
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(r->asserted, "sip:+4930123@127.0.0.3:5070");
	bye(r);
	CHECK_INT(c->byes, 1);
	WORLD_END(w);
}

TEST(a_caller_that_cannot_be_fetched_leaves_the_slot_free)
{
	struct world *w = world();
	const struct hf_replaces names = { .call_id = "x@y", .to_tag = "a",
					   .from_tag = "b" };
	struct hf_dialog *ref = refer_outside(w, ALICE_URI, "701", &names);

	fail(phone_called(w, 0), 481, "no such dialog");
	CHECK_INT(ref->refer_outcome, 481);
	CHECK_STR(slot_state(w, "701"), "free");
	/* nobody answers */
	ref = refer_outside(w, ALICE_URI, "701", &names);
	pass(w, 32);
	CHECK_INT(ref->refer_outcome, 480);
	CHECK_STR(slot_state(w, "701"), "free");
	/* it answers with media that we have not */
	ref = refer_outside(w, ALICE_URI, "701", &names);
	answer(phone_called(w, 0), sdp("127.0.0.3", 4000, "96", "sendrecv"));
	CHECK_INT(ref->refer_outcome, 488);
	CHECK_STR(slot_state(w, "701"), "free");
	/* without Replaces, without the right, into a taken slot */
	CHECK_INT(refer_outside(w, ALICE_URI, "701", NULL)->refer_answer, 403);
	CHECK_INT(refer_outside(w, CALLER_URI, "701", &names)->refer_answer,
		  403);
	park_one(w, "701");
	CHECK_INT(refer_outside(w, ALICE_URI, "701", &names)->refer_answer,
		  486);
	WORLD_END(w);
}

TEST_MAIN()
