// SPDX-License-Identifier: GPL-2.0-or-later
/* Ringing back: the timer, the chain, its end, and everything that can cross it.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(a_call_that_nobody_fetches_rings_back_to_its_parker_who_gets_it)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;

	pass(w, 89);
	CHECK(!recall(w));
	pass(w, 1);
	CHECK_STR(slot_state(w, "701"), "recalling");
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, ALICE_URI);
	CHECK_STR(r->from_display, "Park 701: +4930123");
	CHECK_STR(r->from_user, "+4930123");
	CHECK_STR(r->asserted, CALLER_URI);
	CHECK_STR(r->diversion, "sip:701@park.example.com");
	CHECK(strstr(r->sdp, "PCMA"));
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_STARTED);
	CHECK_INT(note(w, 0)->attempt, 1);
	CHECK_STR(note(w, 0)->other_call_id, r->call_id);
	hf_park_progress(r->party, 180);
	hf_park_progress(r->party, 183);
	CHECK_STR(hears(w, c), "hold");
	pass(w, 10);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_ANSWERED);
	CHECK_STR(note(w, 0)->retriever, ALICE_URI);
	CHECK_INT(note(w, 0)->seconds_parked, 100);
	bye(r);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_recall_that_answers_and_offers_before_its_200_is_joined_as_agreed_last)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;
	const char *body = sdp("127.0.0.4", 5000, "8", "sendrecv");

	pass(w, 90);
	r = recall(w);
	hf_park_early(r->party, body, strlen(body));
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(sends_to(w, r), "127.0.0.4:5000");
	CHECK_INT(r->replies, 0);
	reinvite(r, NULL, sdp("127.0.0.4", 5006, "8", "sendrecv"));
	CHECK_INT(r->status, 200);
	CHECK(strstr(r->sdp, "m=audio "));
	CHECK_STR(hears(w, c), "hold");
	/* what cannot be had changes nothing */
	reinvite(r, NULL, sdp("127.0.0.4", 5008, "18", "sendrecv"));
	CHECK_INT(r->status, 488);
	CHECK_STR(slot_state(w, "701"), "recalling");
	r->answered = true;
	hf_park_answered(r->party, NULL, 0);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(sends_to(w, r), "127.0.0.4:5006");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_ANSWERED);
	bye(c);
	CHECK_INT(r->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_recall_whose_early_answer_fits_nothing_has_failed_when_it_answers)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;
	const char *body = sdp("127.0.0.4", 5000, "18", "sendrecv");

	pass(w, 90);
	r = recall(w);
	hf_park_early(r->party, body, strlen(body));
	CHECK_STR(slot_state(w, "701"), "recalling");
	r->answered = true;
	hf_park_answered(r->party, NULL, 0);
	CHECK_INT(r->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

/* attempts: 2, then the fallbacks, then from the start. */
TEST(the_chain_is_parker_parker_fallbacks_and_again_with_park_time_between)
{
	static const char *const order[] = {
		ALICE_URI, ALICE_URI, "sip:reception@pbx.example.com",
		"sip:night@pbx.example.com", ALICE_URI
	};
	struct world *w = world_new();
	struct hf_dialog *c, *r;

	w->lots[0].recall.fallback_count = 2;
	world_start(w);
	c = park_one(w, "700");
	for (unsigned int i = 0; i < 5; i++) {
		pass(w, 90);
		r = recall(w);
		CHECK(r);
		CHECK_STR(r->uri, order[i]);
		CHECK_INT(last(w, HF_EVENT_RECALL_STARTED)->attempt, i + 1);
		if (i % 2) {
			fail(r, 486, "Busy Here");
			CHECK_STR(note(w, 0)->reason, "486 Busy Here");
		} else {
			pass(w, 29);
			CHECK_INT(r->cancels, 0);
			pass(w, 1);
			CHECK_INT(r->cancels, 1);
			CHECK_STR(note(w, 0)->reason, "nobody answered");
		}
		CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_FAILED);
		CHECK_STR(slot_state(w, "701"), "parked");
		CHECK_STR(hears(w, c), "hold");
		CHECK(r->released);
	}
	WORLD_END(w);
}

TEST(finally_hang_up_ends_the_call_when_the_chain_is_through)
{
	struct world *w = world_new();
	struct hf_dialog *c;

	w->lots[0].recall.finally = HF_FINALLY_HANG_UP;
	w->lots[0].recall.attempts = 1;
	world_start(w);
	c = park_one(w, "700");
	pass(w, 90);
	fail_recall(w, 486, "Busy Here");
	CHECK_INT(c->byes, 0);
	pass(w, 90);
	CHECK_STR(recall_uri(w), "sip:reception@pbx.example.com");
	pass(w, 30);
	CHECK_INT(c->byes, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_EXPIRED);
	CHECK_INT(note(w, 1)->type, HF_EVENT_RECALL_FAILED);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(finally_a_URI_is_rung_again_and_again)
{
	struct world *w = world_new();

	w->lots[0].recall.finally = HF_FINALLY_URI;
	w->lots[0].recall.finally_uri = "sip:mailbox@pbx.example.com";
	w->lots[0].recall.attempts = 1;
	w->lots[0].recall.fallback_count = 0;
	world_start(w);
	park_one(w, "700");
	pass(w, 90);
	fail_recall(w, 480, "Gone");
	for (int i = 0; i < 3; i++) {
		pass(w, 90);
		CHECK_STR(recall_uri(w), "sip:mailbox@pbx.example.com");
		fail_recall(w, 480, "Gone");
	}
	WORLD_END(w);
}

/* ASTERISK-28616: the parker cannot be found, the comeback fails. */
TEST(without_a_usable_parker_the_first_fallback_is_rung_and_it_is_said)
{
	static const char *const nobody[] = { NULL, "sip:700@park.example.com",
					      "sip:702@park.example.com" };

	for (unsigned int i = 0; i < 3; i++) {
		struct world *w = world_new();
		struct hf_invite in = invite(CALLER_URI, "700");
		struct hf_dialog *r;

		w->lots[0].may_park = (char *[]){ "any" };
		world_start(w);
		in.diversion = who(nobody[i]);
		in.from = who("sip:anonymous@anonymous.invalid");
		in.referred_by = who(nobody[i]);
		if (!nobody[i])
			in.referred_by = in.from;
		ack(send_invite(w, &in));
		pass(w, 90);
		r = recall(w);
		CHECK(r);
		CHECK_STR(r->uri, "sip:reception@pbx.example.com");
		CHECK(strstr(note(w, 0)->reason, "no usable parker"));
		fail(r, 486, "Busy Here");
		pass(w, 90);
		CHECK_STR(recall_uri(w), "sip:reception@pbx.example.com");
		WORLD_END(w);
	}
}

TEST(with_nobody_to_ring_the_caller_waits_on_until_the_longest_wait)
{
	struct world *w = world_new();
	struct hf_dialog *c;

	w->lots[0].recall.fallback_count = 0;
	w->lots[0].max_wait_s = 600;
	world_start(w);
	c = dial(w, CALLER_URI, "700");
	ack(c);
	pass(w, 599);
	CHECK(!recall(w));
	CHECK_STR(slot_state(w, "701"), "parked");
	pass(w, 1);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");

	w->lots[0].recall.finally = HF_FINALLY_HANG_UP;
	c = dial(w, CALLER_URI, "700");
	ack(c);
	pass(w, 90);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_park_time_of_nought_never_rings_back)
{
	struct world *w = world_new();

	w->lots[0].timeout_s = 0;
	world_start(w);
	park_one(w, "700");
	pass(w, 3599);
	CHECK_INT(count_notes(w, HF_EVENT_RECALL_STARTED), 0);
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

/* kazoo #3721: interception while the parker rings. */
TEST(a_call_that_rings_back_can_be_picked_up_and_the_ring_stops)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r, *b;

	pass(w, 95);
	r = recall(w);
	CHECK(r);
	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 200);
	CHECK_INT(r->cancels, 1);
	CHECK_INT(r->cause, 200);
	CHECK_STR(r->cause_text, "Call completed elsewhere");
	CHECK(r->released); /* a 200 that crosses is the stack's */
	ack(b);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_lost_pick_up_while_ringing_rings_on_for_the_time_that_was_left)
{
	struct world *w = world();
	struct hf_dialog *b, *r;

	park_one(w, "700");
	pass(w, 90 + 12);
	b = dial(w, BOB_URI, "701");
	CHECK(!recall(w));
	bye(b);
	CHECK_STR(slot_state(w, "701"), "recalling");
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, ALICE_URI);
	CHECK_INT(slot(w, "701")->call->attempt, 1);
	pass(w, 17);
	CHECK_INT(r->cancels, 0);
	pass(w, 1);
	CHECK_INT(r->cancels, 1);
	/* with almost nothing left it still rings long enough to be heard */
	pass(w, 90 + 29);
	b = dial(w, BOB_URI, "701");
	bye(b);
	pass(w, 4);
	CHECK(recall(w));
	pass(w, 1);
	CHECK(!recall(w));
	WORLD_END(w);
}

TEST(a_pick_up_without_common_codec_does_not_disturb_the_ring)
{
	struct world *w = world();
	struct hf_invite in = invite(BOB_URI, "701");
	struct hf_dialog *r;

	park_one(w, "700");
	pass(w, 100);
	r = recall(w);
	CHECK(r);
	in.body = sdp("127.0.0.4", 5000, "96", "sendrecv");
	in.body_len = strlen(in.body);
	CHECK_INT(send_invite(w, &in)->status, 488);
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_INT(r->cancels, 0);
	CHECK(recall(w) == r);
	pass(w, 20);
	CHECK_INT(r->cancels, 1);
	WORLD_END(w);
}

TEST(a_caller_who_hangs_up_while_it_rings_stops_the_ring)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;

	pass(w, 90);
	r = recall(w);
	CHECK(r);
	bye(c);
	CHECK_INT(r->cancels, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_ABANDONED);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(an_answer_without_the_callers_codec_counts_as_not_answered)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;

	pass(w, 90);
	r = recall(w);
	CHECK(r);
	answer(r, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	CHECK_INT(r->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RECALL_FAILED);
	pass(w, 90);
	CHECK(recall(w));
	WORLD_END(w);
}

TEST(a_recall_that_cannot_be_sent_counts_as_failed_and_is_tried_again)
{
	struct world *w = world();

	park_one(w, "700");
	w->invite_fails = true;
	pass(w, 90);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK(strstr(note(w, 0)->reason, "cannot be rung"));
	CHECK_INT(slot(w, "701")->call->attempt, 1);
	w->invite_fails = false;
	pass(w, 90);
	CHECK(recall(w));
	WORLD_END(w);
}

TEST(a_full_lot_with_nobody_to_ring_keeps_the_caller)
{
	struct world *w = world_new();
	struct hf_dialog *c;

	w->lots[0].slot_last = 701;
	w->lots[0].recall.fallback_count = 0;
	world_start(w);
	park_one(w, "700");
	c = dial(w, CALLER_URI, "700");
	CHECK_INT(c->status, 200);
	ack(c);
	CHECK(!recall(w));
	CHECK_STR(hears(w, c), "hold");
	pass(w, 60);
	CHECK_INT(c->byes, 0);
	/* no lot number rings in a tight loop */
	CHECK(count_notes(w, HF_EVENT_RECALL_FAILED) <= 1);
	WORLD_END(w);
}

TEST(the_caller_may_put_itself_on_hold_while_it_rings_and_after)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *r;

	pass(w, 90);
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "8", "inactive"));
	CHECK_STR(hears(w, c), "idle");
	/* another codec would part it from the phone that rings */
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_INT(c->status, 488);
	r = recall(w);
	CHECK(r);
	answer(r, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "idle");
	CHECK_STR(hears(w, r), "hold");
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	WORLD_END(w);
}

/* A late offer leaves the codec open until its ACK. */
TEST(a_swap_while_it_rings_agrees_on_the_codec_that_rings)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *c, *r;
	const char *late = sdp("127.0.0.6", 6000, "8", "sendrecv");
	struct hf_replaces replaces = { .call_id = a->call_id,
					.to_tag = a->local_tag,
					.from_tag = a->remote_tag };
	struct hf_invite in = invite(CALLER_URI, "700");

	ack(a);
	pass(w, 30 + 90);
	r = recall(w);
	CHECK(r);
	in.replaces = &replaces;
	in.body = NULL;
	c = send_invite(w, &in);
	CHECK_INT(c->status, 200);
	CHECK(strstr(c->sdp, "PCMA") && !strstr(c->sdp, "PCMU"));
	answer(r, sdp("127.0.0.4", 5000, "8 0", "sendrecv"));
	CHECK_STR(hears(w, r), "hold"); /* until the caller has said where */
	hf_park_ack(c->party, late, strlen(late));
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_caller_whose_codec_is_open_is_not_rung_for_and_not_picked_up)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *a;
	const char *late = sdp("127.0.0.3", 4000, "0", "sendrecv");
	struct hf_replaces replaces;
	struct hf_invite in = invite(CALLER_URI, "700");

	reinvite(c, NULL, NULL);
	CHECK_INT(dial(w, BOB_URI, "701")->status, 480);
	CHECK_STR(slot_state(w, "701"), "parked");
	hf_park_ack(c->party, late, strlen(late));
	CHECK_INT(dial(w, BOB_URI, "701")->status, 200);

	a = dial(w, ALICE_URI, "700");
	ack(a);
	pass(w, 30 + 80);
	replaces = (struct hf_replaces){ .call_id = a->call_id,
					 .to_tag = a->local_tag,
					 .from_tag = a->remote_tag };
	in.replaces = &replaces;
	in.body = NULL;
	c = send_invite(w, &in);
	pass(w, 10);
	CHECK(!recall(w));
	CHECK(strstr(note(w, 0)->reason, "not there yet"));
	CHECK_STR(slot_state(w, "702"), "parked");
	WORLD_END(w);
}

TEST(the_label_of_a_recall_is_never_a_format)
{
	struct world *w = world_new();

	w->lots[0].recall.display_prefix = "100%n %s %d ";
	world_start(w);
	park_one(w, "700");
	pass(w, 90);
	CHECK_STR(recall(w)->from_display, "100%n 701 %d +4930123");
	WORLD_END(w);
}

TEST_MAIN()
