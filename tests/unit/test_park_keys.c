// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys that parties press: whose they are, and who gets to know.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(a_key_is_an_event_of_the_call_and_names_the_party)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;

	press(w, c, '5');
	CHECK_INT(note(w, 0)->type, HF_EVENT_DIGIT);
	CHECK_STR(note(w, 0)->slot, "701");
	CHECK_STR(note(w, 0)->caller, "+4930123");
	CHECK_STR(note(w, 0)->party, "parkee");
	CHECK_STR(note(w, 0)->digit, "5");
	b = dial(w, BOB_URI, "701");
	ack(b);
	press(w, b, '#');
	CHECK_INT(note(w, 0)->type, HF_EVENT_DIGIT);
	CHECK_STR(note(w, 0)->party, "retriever");
	CHECK_STR(note(w, 0)->digit, "#");
	CHECK_STR(note(w, 0)->slot, "701");
	press(w, c, '*');
	CHECK_STR(note(w, 0)->party, "parkee");
	CHECK_STR(note(w, 0)->digit, "*");
	WORLD_END(w);
}

TEST(keys_of_two_who_talk_are_told_to_nobody_if_the_configuration_says_so)
{
	struct world *w = world_new();
	struct hf_dialog *c, *b;
	uint64_t notes;

	w->config.media.key_events = HF_KEYS_WAITING;
	world_start(w);
	c = park_one(w, "700");
	press(w, c, '5');
	CHECK_STR(note(w, 0)->digit, "5");
	b = dial(w, BOB_URI, "701");
	ack(b);
	notes = w->notes;
	press(w, b, '4');
	press(w, c, '4');
	CHECK_INT(w->notes, notes);
	w->config.media.key_events = HF_KEYS_NONE;
	bye(b);
	c = park_one(w, "700");
	notes = w->notes;
	press(w, c, '4');
	CHECK_INT(w->notes, notes);
	WORLD_END(w);
}

TEST(a_silence_is_an_event_of_the_call_and_names_the_party)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");

	hf_park_silent(w->park, c->party->leg, true, 61);
	CHECK_INT(note(w, 0)->type, HF_EVENT_MEDIA_SILENT);
	CHECK_STR(note(w, 0)->party, "parkee");
	CHECK_STR(note(w, 0)->reason, "neither RTP nor RTCP for 61 s");
	CHECK_STR(slot_state(w, "701"), "parked");
	hf_park_silent(w->park, c->party->leg, false, 70);
	CHECK_INT(note(w, 0)->type, HF_EVENT_MEDIA_RESUMED);
	CHECK_STR(note(w, 0)->reason, "after 70 s");
	WORLD_END(w);
}

TEST(a_leg_that_has_changed_hands_belongs_to_its_new_party)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");
	uint32_t leg = c->party->leg;

	bye(c);
	CHECK(!hf_party_by_leg(w->park, leg));
	hf_park_digit(w->park, leg, '1', 100);
	CHECK_INT(note(w, 0)->type, HF_EVENT_ABANDONED);
	CHECK_INT(HASH_CNT(hh_leg, w->park->legs), 0);
	WORLD_END(w);
}

/* *7 after a pick-up; the lot has 701 to 703. */
static struct world *repark_world(struct hf_dialog **c, struct hf_dialog **b)
{
	struct world *w = world_new();

	w->lots[0].repark_keys = (char *)"*7";
	world_start(w);
	*c = park_one(w, "702");
	*b = dial(w, BOB_URI, "702");
	ack(*b);
	return w;
}

TEST(who_has_picked_up_parks_the_call_again_by_the_keys_of_its_lot)
{
	struct hf_dialog *c, *b;
	struct world *w = repark_world(&c, &b);
	uint64_t id = c->party->call->id;

	press(w, b, '*');
	CHECK_STR(hears(w, c), "relay");
	press(w, b, '7');
	CHECK_INT(b->byes, 1);
	CHECK_STR(b->cause_text, "Parked");
	CHECK(b->released);
	CHECK_STR(slot_state(w, "702"), "parked");
	CHECK_INT(slot(w, "702")->call->id, id);
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(note(w, 0)->type, HF_EVENT_REPARKED);
	CHECK_STR(note(w, 0)->parker, BOB_URI);
	CHECK_STR(note(w, 0)->rule, "repark-keys");
	pass(w, 90);
	CHECK_STR(recall_uri(w), BOB_URI);
	WORLD_END(w);
}

TEST(the_keys_of_who_was_parked_park_nobody)
{
	struct hf_dialog *c, *b;
	struct world *w = repark_world(&c, &b);

	press(w, c, '*');
	press(w, c, '7');
	CHECK_STR(hears(w, c), "relay");
	press(w, b, '*');
	press(w, c, '7'); /* nor do both together */
	CHECK_STR(hears(w, c), "relay");
	CHECK_INT(count_notes(w, HF_EVENT_REPARKED), 0);
	WORLD_END(w);
}

TEST(keys_in_passing_or_late_do_not_park_a_call_again)
{
	static const char *const passing[] = { "7", "17", "*17", "7*", "*#7" };
	struct hf_dialog *c, *b;
	struct world *w = repark_world(&c, &b);

	for (unsigned int i = 0; i < 5; i++) {
		for (const char *k = passing[i]; *k; k++)
			press(w, b, *k);
		CHECK_STR(hears(w, c), "relay");
		pass(w, 4);
	}
	press(w, b, '*');
	pass(w, 4);
	press(w, b, '7');
	CHECK_STR(hears(w, c), "relay");
	press(w, b, '*'); /* pressed twice by mistake */
	press(w, b, '*');
	press(w, b, '7');
	CHECK_STR(slot_state(w, "702"), "parked");
	WORLD_END(w);
}

TEST(without_keys_of_the_lot_none_park_a_call_again)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;

	b = dial(w, BOB_URI, "701");
	ack(b);
	press(w, b, '*');
	press(w, b, '7');
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_full_lot_or_a_missing_right_leaves_both_talking_and_is_told)
{
	struct hf_dialog *c, *b, *other;
	struct world *w = repark_world(&c, &b);

	for (int i = 0; i < 3; i++)
		other = park_one(w, "700");
	press(w, b, '*');
	press(w, b, '7');
	CHECK_STR(hears(w, c), "relay");
	CHECK_INT(last(w, HF_EVENT_REFUSED)->call, c->party->call->id);
	CHECK(strstr(last(w, HF_EVENT_REFUSED)->reason, "the lot is full"));
	bye(other);
	w->lots[0].may_park = (char *[]){ "boss@pbx.example.com" };
	press(w, b, '*');
	press(w, b, '7');
	CHECK_STR(hears(w, c), "relay");
	CHECK(strstr(last(w, HF_EVENT_REFUSED)->reason, "may not park here"));
	/* by the network that it calls from it may */
	w->lots[0].may_park = (char *[]){ "127.0.0.2/32" };
	press(w, b, '*');
	press(w, b, '7');
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(keys_that_a_reload_makes_shorter_amid_their_pressing_are_the_lots_new_ones)
{
	struct hf_dialog *c, *b;
	struct world *w = repark_world(&c, &b);

	w->lots[0].repark_keys = (char *)"12345678";
	for (const char *k = "1234567"; *k; k++)
		press(w, b, *k);
	w->lots[0].repark_keys = (char *)"*7";
	press(w, b, '*');
	CHECK_STR(hears(w, c), "relay");
	press(w, b, '7');
	CHECK_STR(slot_state(w, "702"), "parked");
	WORLD_END(w);
}

TEST(a_supervisor_who_has_stepped_in_leaves_by_the_keys_and_the_parker_stays)
{
	struct world *w = world_new();
	struct hf_dialog *c, *b;
	const char *why;

	w->lots[0].repark_keys = (char *)"*7";
	world_start(w);
	c = park_one(w, "700");
	hf_park_ring_for(w->park, c->party->call->id, BOB_URI, true, &why);
	b = recall(w);
	answer(b, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	press(w, b, '*');
	press(w, b, '7');
	CHECK_INT(b->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(note(w, 0)->parker, ALICE_URI);
	WORLD_END(w);
}

TEST_MAIN()
