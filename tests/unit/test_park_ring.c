// SPDX-License-Identifier: GPL-2.0-or-later
/* Several phones at once, phones that are forwarded, and what becomes of the
 * caller when who answered hangs up.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

static char *group_uris[] = { "sip:desk1@pbx.example.com",
			      "sip:desk2@pbx.example.com",
			      "sip:desk3@pbx.example.com" };
static struct hf_config_ring group[] = { { group_uris, 3 } };

/* A caller in 701 for whom the three desks ring. */
static struct world *ringing(struct hf_dialog **caller,
			     struct hf_dialog *desks[3])
{
	struct world *w = world_new();

	w->lots[0].recall.attempts = 0;
	w->lots[0].recall.fallback = group;
	world_start(w);
	*caller = park_one(w, "700");
	pass(w, 90);
	for (struct hf_dialog *d = w->dialogs; d; d = d->next)
		for (unsigned int i = 0; i < 3; i++)
			if (!d->incoming && !strcmp(d->uri, group_uris[i]))
				desks[i] = d;
	return w;
}

TEST(a_group_rings_at_once_and_the_first_who_answers_has_the_caller)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	CHECK(desk[0] && desk[1] && desk[2]);
	CHECK_INT(count_notes(w, HF_EVENT_RECALL_STARTED), 1);
	answer(desk[1], sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, desk[1]), "relay");
	CHECK_STR(note(w, 0)->retriever, group_uris[1]);
	for (unsigned int i = 0; i < 3; i += 2) {
		CHECK_INT(desk[i]->cancels, 1);
		CHECK_INT(desk[i]->cause, 200);
		CHECK_STR(desk[i]->cause_text, "Call completed elsewhere");
		CHECK(desk[i]->released);
	}
	WORLD_END(w);
}

TEST(a_group_has_failed_when_the_last_of_it_has)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	fail(desk[0], 486, "Busy Here");
	fail(desk[2], 480, "Not here");
	CHECK(desk[0]->released && desk[2]->released);
	CHECK_INT(count_notes(w, HF_EVENT_RECALL_FAILED), 0);
	CHECK_STR(slot_state(w, "701"), "recalling");
	fail(desk[1], 404, "Not Found");
	CHECK_STR(note(w, 0)->reason, "404 Not Found");
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(a_pick_up_by_slot_stops_every_phone_of_a_group)
{
	struct hf_dialog *c, *b, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 200);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_INT(desk[i]->cancels, 1);
		CHECK_STR(desk[i]->cause_text, "Call completed elsewhere");
	}
	ack(b);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_group_that_nobody_answers_stops_ringing_when_its_time_is_over)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	pass(w, 30);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_INT(desk[i]->cancels, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(a_caller_who_hangs_up_stops_every_phone_of_a_group)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	bye(c);
	for (unsigned int i = 0; i < 3; i++)
		CHECK_INT(desk[i]->cancels, 1);
	WORLD_END(w);
}

/* A recall of the parker, which answers 302 with `to`. */
static struct hf_dialog *redirect(struct world *w, const char *to)
{
	const struct hf_identity where = who(to);
	struct hf_dialog *r = recall(w);

	r->over = true;
	hf_park_redirected(r->party, 302, "Moved Temporarily", &where);
	return r;
}

static struct world *recalled(bool follow)
{
	struct world *w = world_new();

	w->lots[0].recall.follow_redirect = follow;
	world_start(w);
	park_one(w, "700");
	pass(w, 90);
	return w;
}

TEST(a_forwarded_parker_counts_as_not_answered_unless_configured)
{
	struct world *w = recalled(false);

	redirect(w, "sip:mobile@pbx.example.com");
	CHECK_STR(note(w, 0)->reason, "302 Moved Temporarily");
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(a_forwarded_parker_is_followed_and_the_way_is_told)
{
	struct world *w = recalled(true);
	struct hf_dialog *old = redirect(w, "sip:mobile@pbx.example.com"), *r;

	CHECK(old->released);
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, "sip:mobile@pbx.example.com");
	CHECK_STR(r->diverted_by, ALICE_URI);
	CHECK_STR(r->diversion, "sip:701@park.example.com");
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_INT(count_notes(w, HF_EVENT_RECALL_FAILED), 0);
	pass(w, 30); /* of the ring, not anew */
	CHECK_INT(r->cancels, 1);
	WORLD_END(w);
}

TEST(phones_that_forward_to_each_other_are_given_up)
{
	struct world *w = recalled(true);

	for (int i = 0; i < 3; i++) {
		redirect(w, i % 2 ? ALICE_URI : BOB_URI);
		CHECK(recall(w));
	}
	redirect(w, ALICE_URI);
	CHECK(!recall(w));
	CHECK_STR(note(w, 0)->reason, "302 Moved Temporarily");
	WORLD_END(w);
}

TEST(a_parker_forwarded_to_the_park_number_is_not_followed)
{
	struct world *w = recalled(true);

	redirect(w, "sip:701@park.example.com");
	CHECK(!recall(w));
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(on_hangup_park_keeps_the_caller_when_who_answered_hangs_up)
{
	struct world *w = world_new();
	struct hf_dialog *c, *r;

	w->lots[0].recall.on_hangup = HF_HANGUP_PARK;
	world_start(w);
	c = park_one(w, "700");
	pass(w, 90);
	r = recall(w);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	bye(r);
	CHECK_INT(c->byes, 0);
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(slot_state(w, "701"), "parked");
	/* a pick-up by slot is over when it is over */
	r = dial(w, BOB_URI, "701");
	ack(r);
	bye(r);
	CHECK_INT(c->byes, 1);
	WORLD_END(w);
}

/* recall.confirm: dtmf. Who answers has to press 1. */

static struct world *asking(struct hf_dialog **c, struct hf_dialog **r)
{
	struct world *w = world_new();

	w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	w->lots[0].recall.confirm_s = 10;
	world_start(w);
	*c = park_one(w, "700");
	pass(w, 90);
	*r = recall(w);
	pass(w, 25);
	answer(*r, sdp("127.0.0.4", 5000, "8 101", "sendrecv"));
	return w;
}

TEST(who_answers_a_recall_gets_the_caller_by_pressing_1)
{
	struct hf_dialog *c, *r;
	struct world *w = asking(&c, &r);

	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_STR(hears(w, c), "hold");
	press(w, r, '2');
	press(w, c, '1');
	CHECK_STR(hears(w, c), "hold");
	pass(w, 9); /* beyond the ring time, within confirm_s */
	press(w, r, '1');
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(sends_to(w, r), "127.0.0.4:5000");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_ANSWERED);
	CHECK_STR(note(w, 0)->retriever, ALICE_URI);
	CHECK_STR(slot_state(w, "701"), "free");
	press(w, r, '1');
	pass(w, 20);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_voicemail_box_that_answers_a_recall_does_not_get_the_caller)
{
	struct hf_dialog *c, *r;
	struct world *w = asking(&c, &r);

	pass(w, 10);
	CHECK_INT(r->byes, 1);
	CHECK(r->released);
	CHECK_STR(last(w, HF_EVENT_RECALL_FAILED)->reason,
		  "answered, but 1 was not pressed");
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	pass(w, 90);
	r = recall(w);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	bye(r); /* the box has heard enough */
	CHECK_STR(note(w, 0)->reason, "hung up without pressing 1");
	CHECK_STR(slot_state(w, "701"), "parked");
	pass(w, 90);
	CHECK_STR(recall_uri(w), "sip:reception@pbx.example.com");
	WORLD_END(w);
}

TEST(who_dials_the_slot_gets_the_caller_while_another_is_asked_to_press)
{
	struct hf_dialog *c, *r, *b;
	struct world *w = asking(&c, &r);

	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 200);
	CHECK_INT(r->byes, 1);
	CHECK_STR(r->cause_text, "Call completed elsewhere");
	ack(b);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(the_group_rings_on_while_a_box_of_it_is_asked_to_press)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	bye(c);
	c = park_one(w, "700");
	pass(w, 90);
	for (struct hf_dialog *d = w->dialogs; d; d = d->next)
		for (unsigned int i = 0; i < 3; i++)
			if (!d->incoming && !d->released &&
			    !strcmp(d->uri, group_uris[i]))
				desk[i] = d;
	answer(desk[0], sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_INT(desk[1]->cancels, 0);
	pass(w, 10);
	CHECK_INT(desk[0]->byes, 1);
	CHECK_INT(desk[1]->cancels, 0);
	CHECK_STR(slot_state(w, "701"), "recalling");
	answer(desk[1], sdp("127.0.0.4", 5002, "8", "sendrecv"));
	answer(desk[2], sdp("127.0.0.4", 5004, "8", "sendrecv"));
	press(w, desk[2], '1');
	CHECK_STR(hears(w, desk[2]), "relay");
	CHECK_INT(desk[1]->byes, 1);
	CHECK_STR(desk[1]->cause_text, "Call completed elsewhere");
	WORLD_END(w);
}

TEST(the_last_of_a_group_has_its_own_time_to_press)
{
	struct hf_dialog *c, *desk[3] = { NULL };
	struct world *w = ringing(&c, desk);

	w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	bye(c);
	c = park_one(w, "700");
	pass(w, 90 + 28);
	for (struct hf_dialog *d = w->dialogs; d; d = d->next)
		if (!d->incoming && !d->released &&
		    !strcmp(d->uri, group_uris[2]))
			desk[2] = d;
	answer(desk[2], sdp("127.0.0.4", 5000, "8", "sendrecv"));
	pass(w, 5); /* the others have stopped */
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK(recall(w) == NULL);
	press(w, desk[2], '1');
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(the_one_who_is_asked_may_put_us_on_hold_and_change_its_address)
{
	struct hf_dialog *c, *r;
	struct world *w = asking(&c, &r);

	reinvite(r, NULL, sdp("127.0.0.5", 6000, "8", "sendrecv"));
	CHECK_INT(r->status, 200);
	ack(r);
	reinvite(r, NULL, sdp("127.0.0.5", 6000, "18", "sendrecv"));
	CHECK_INT(r->status, 488);
	reinvite(r, NULL, NULL);
	CHECK_INT(r->status, 200);
	hf_park_ack(r->party, sdp("127.0.0.5", 6002, "8", "sendrecv"),
		    strlen(sdp("127.0.0.5", 6002, "8", "sendrecv")));
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_INT(refer(r, "sip:1003@pbx.example.com", NULL), 403);
	press(w, r, '1');
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(sends_to(w, r), "127.0.0.5:6002");
	WORLD_END(w);
}

TEST(an_answer_without_media_in_common_is_no_answer_where_1_is_to_be_pressed)
{
	struct hf_dialog *c, *r;
	struct world *w = world_new();

	w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	world_start(w);
	c = park_one(w, "700");
	pass(w, 90);
	r = recall(w);
	answer(r, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	CHECK_INT(r->byes, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_FAILED);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

/* A voicemail box on purpose; and who was called by hand. */
TEST(neither_the_last_resort_nor_who_is_called_by_hand_has_to_press)
{
	struct world *w = world_new();
	struct hf_dialog *c, *r;
	const char *why;

	w->lots[0].recall.confirm = HF_CONFIRM_DTMF;
	w->lots[0].recall.finally = HF_FINALLY_URI;
	w->lots[0].recall.finally_uri = "sip:mailbox@pbx.example.com";
	w->lots[0].recall.attempts = 1;
	w->lots[0].recall.fallback_count = 0;
	world_start(w);
	c = park_one(w, "700");
	pass(w, 90);
	answer(recall(w), sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "hold");
	pass(w, 100);
	CHECK_STR(recall_uri(w), "sip:mailbox@pbx.example.com");
	r = recall(w);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	bye(r);
	c = park_one(w, "700");
	hf_park_ring_for(w->park, c->party->call->id, BOB_URI, false, &why);
	answer(recall(w), sdp("127.0.0.4", 5002, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST_MAIN()
