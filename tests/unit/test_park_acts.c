// SPDX-License-Identifier: GPL-2.0-or-later
/* What a supervisor, the configuration or the service asks of a waiting call:
 * moved, ended, fetched by a click, by one number or for a while, drained.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(a_supervisor_moves_a_call_to_another_slot_with_its_timers)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701");
	uint64_t id = c->party->call->id;
	const char *why = "";

	park_one(w, "702");
	pass(w, 60);
	CHECK_INT(hf_park_move(w->park, id, "702", &why), -EBUSY);
	CHECK_STR(why, "the slot is taken");
	CHECK_INT(hf_park_move(w->park, id, "799", &why), -ENOENT);
	CHECK_INT(hf_park_move(w->park, 999, "703", &why), -ENOENT);
	CHECK_INT(hf_park_move(w->park, id, "703", &why), 0);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(slot(w, "703")->call->id, id);
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(note(w, 0)->type, HF_EVENT_MOVED);
	CHECK_STR(note(w, 0)->slot, "703");
	pass(w, 30);
	CHECK_STR(slot_state(w, "703"), "recalling");
	CHECK_INT(hf_park_move(w->park, id, "700", &why), 0);
	CHECK_STR(slot_state(w, "701"), "recalling");
	WORLD_END(w);
}

TEST(a_supervisor_ends_a_call)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701");

	CHECK_INT(hf_park_kick(w->park, c->party->call->id), 0);
	CHECK_INT(c->byes, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_KICKED);
	CHECK_INT(hf_park_kick(w->park, 999), -ENOENT);
	WORLD_END(w);
}

TEST(click_to_retrieve_calls_the_phone_and_joins_it)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r;
	uint64_t id = c->party->call->id;
	const char *why;

	CHECK_INT(hf_park_ring_for(w->park, id, "1002", false, &why), -EINVAL);
	CHECK_INT(hf_park_ring_for(w->park, id, BOB_URI, false, &why), 0);
	CHECK_INT(hf_park_ring_for(w->park, id, BOB_URI, false, &why), -EBUSY);
	r = phone_called_at(w, BOB_URI);
	CHECK(r != NULL);
	CHECK_STR(hears(w, c), "hold");
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RETRIEVED);
	CHECK_STR(note(w, 0)->retriever, BOB_URI);
	WORLD_END(w);
}

TEST(a_click_that_nobody_answers_leaves_the_recall_as_it_was)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701");
	const char *why;

	pass(w, 60);
	hf_park_ring_for(w->park, c->party->call->id, BOB_URI, false, &why);
	fail_recall(w, 486, "Busy Here");
	CHECK_STR(slot_state(w, "701"), "parked");
	pass(w, 30);
	CHECK_STR(recall_uri(w), ALICE_URI);
	CHECK_INT(last(w, HF_EVENT_RECALL_STARTED)->attempt, 1);
	WORLD_END(w);
}

TEST(who_steps_in_talks_to_the_caller_who_then_waits_in_its_slot_again)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r;
	struct hf_slot_view v;
	const char *why;

	hf_park_ring_for(w->park, c->party->call->id, BOB_URI, true, &why);
	r = recall(w);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK(hf_park_slot(w->park, w->now, 0, &v));
	CHECK_STR(v.state, "claimed");
	CHECK_INT(dial(w, ALICE_URI, "701")->status, 486);
	bye(r);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(slot(w, "701")->call->parker.uri, ALICE_URI);
	pass(w, 90);
	CHECK_STR(recall_uri(w), ALICE_URI);
	WORLD_END(w);
}

TEST(while_it_drains_new_calls_get_503_and_those_here_go_on)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *n, *r;

	hf_park_drain(w->park, true);
	n = transfer(w, ALICE_URI, "700");
	CHECK_INT(n->status, 503);
	CHECK_INT(n->retry_after, 30);
	CHECK_INT(dial(w, ALICE_URI, "700")->status, 503);
	w->wrongs = 0; /* 503 is for this alone */
	r = pick_up(w, "701");
	CHECK_STR(hears(w, c), "relay");
	bye(r);
	hf_park_drain(w->park, false);
	park_one(w, "701");
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(the_oldest_call_of_a_lot_is_picked_up_by_one_number)
{
	struct world *w = world_new();
	struct hf_dialog *a, *b;
	const char *why = "";

	w->lots[0].retrieve_oldest = "*89";
	world_start(w);
	CHECK_INT(dial(w, BOB_URI, "*89")->status, 404);
	a = park_one(w, "703");
	pass(w, 5);
	b = park_one(w, "701");
	CHECK_INT(dial(w, CALLER_URI, "*89")->status, 403);
	/* Its wait goes on in another slot. */
	CHECK_INT(hf_park_move(w->park, a->party->call->id, "702", &why), 0);
	pick_up(w, "*89");
	CHECK_STR(hears(w, a), "relay");
	pick_up(w, "*89");
	CHECK_STR(hears(w, b), "relay");
	CHECK_INT(dial(w, BOB_URI, "*89")->status, 404);
	WORLD_END(w);
}

TEST(a_call_may_bring_its_own_park_time)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "701");
	struct hf_dialog *d;

	in.referred_by = who(ALICE_URI);
	in.park_time_s = 20;
	d = send_invite(w, &in);
	ack(d);
	pass(w, 19);
	CHECK_STR(recall_uri(w), "nobody");
	pass(w, 1);
	CHECK_STR(recall_uri(w), ALICE_URI);
	WORLD_END(w);
}

TEST_MAIN()
