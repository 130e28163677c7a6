// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys that parties press: whose they are, and who gets to know.
 * rooms: park media audio sdp config base */
#include "park_world.h"

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

TEST_MAIN()
