// SPDX-License-Identifier: GPL-2.0-or-later
/* Whole calls through the park logic: park, pick up, hang up, at every point.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(a_transferred_caller_is_parked_picked_up_and_hangs_up)
{
	struct world *w = world();
	struct hf_dialog *c, *b;
	struct hf_invite in = invite(CALLER_URI, "700");

	in.referred_by = who(ALICE_URI);
	in.user_to_user = "abc;encoding=hex";
	in.carried = "X-Account: 42";
	c = send_invite(w, &in);
	CHECK_INT(c->status, 200);
	CHECK_STR(c->contact, "701");
	CHECK(strstr(c->sdp, "a=sendrecv"));
	CHECK_STR(slot_state(w, "701"), "arriving");
	CHECK_STR(hears(w, c), "hold"); /* early offer: music with the 200 */
	ack(c);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_INT(note(w, 0)->type, HF_EVENT_PARKED);
	CHECK_STR(note(w, 0)->slot, "701");
	CHECK_STR(note(w, 0)->lot, "main");
	CHECK_STR(note(w, 0)->caller, "+4930123");
	CHECK_STR(note(w, 0)->parker, ALICE_URI);
	CHECK_STR(note(w, 0)->rule, "park-transfer");
	CHECK_STR(note(w, 0)->uui, "abc;encoding=hex");
	CHECK_STR(note(w, 0)->parked_call_id, c->call_id);
	CHECK_INT(note(w, 0)->seconds_left, 90);
	pass(w, 12);

	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 200);
	CHECK_STR(b->asserted, CALLER_URI);
	CHECK_STR(b->contact, "701");
	CHECK_STR(b->uui, "abc;encoding=hex");
	CHECK_STR(b->carried, "X-Account: 42");
	CHECK_STR(slot_state(w, "701"), "claimed");
	CHECK_STR(hears(w, c), "hold"); /* nothing is switched before the ACK */
	CHECK_STR(c->told_name, "");
	ack(b);
	CHECK_STR(c->told_name, BOB_URI);
	CHECK_STR(b->told_name, ""); /* the 200 had it */
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, b), "relay");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RETRIEVED);
	CHECK_STR(note(w, 0)->slot, "701");
	CHECK_STR(note(w, 0)->retriever, BOB_URI);
	CHECK_STR(note(w, 0)->other_call_id, b->call_id);
	CHECK_INT(note(w, 0)->seconds_parked, 12);

	bye(c);
	CHECK_INT(b->byes, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_ENDED);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(the_retriever_hangs_up_and_the_caller_gets_BYE)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b = dial(w, BOB_URI, "701");

	ack(b);
	bye(b);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_caller_who_hangs_up_while_parked_frees_the_slot)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");

	pass(w, 5);
	bye(c);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(note(w, 0)->type, HF_EVENT_ABANDONED);
	CHECK_INT(note(w, 0)->seconds_parked, 5);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(CANCEL_before_the_answer_and_no_ACK_after_it_free_the_slot)
{
	struct world *w = world();
	struct hf_dialog *c = transfer(w, ALICE_URI, "701");

	hf_park_no_ack(c->party);
	CHECK_INT(c->byes, 1);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(note(w, 0)->type, HF_EVENT_ABANDONED);
	c = transfer(w, ALICE_URI, "701");
	bye(c);
	CHECK_INT(c->byes, 0);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

/* Every way a pick-up can come to nothing; the park time goes on from where it
 * stood. */
TEST(a_pick_up_that_comes_to_nothing_gives_the_caller_back_with_its_time)
{
	for (int way = 0; way < 3; way++) {
		struct world *w = world();
		struct hf_dialog *c = park_one(w, "700"), *b;

		pass(w, 60);
		b = dial(w, BOB_URI, "701");
		pass(w, 32);
		CHECK(!recall(w));
		if (way == 0)
			hf_park_no_ack(b->party);
		else if (way == 1)
			bye(b);
		else
			hf_park_ack(b->party, NULL, 0), bye(b);
		if (way == 2) {
			CHECK_INT(c->byes, 1);
			WORLD_END(w);
			continue;
		}
		CHECK_INT(b->byes, way == 0);
		CHECK_STR(slot_state(w, "701"), "parked");
		CHECK_STR(hears(w, c), "hold");
		CHECK_INT(slot(w, "701")->call->timer.at - w->now, 30000);
		pass(w, 30);
		CHECK_STR(slot_state(w, "701"), "recalling");
		WORLD_END(w);
	}
}

TEST(a_caller_who_hangs_up_during_the_claim_ends_the_retriever_too)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b = dial(w, BOB_URI, "701");

	bye(c);
	CHECK_INT(b->byes, 1);
	CHECK(b->released);
	CHECK_INT(note(w, 0)->type, HF_EVENT_ABANDONED);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(of_two_retrievers_one_wins_and_the_other_gets_486)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");
	struct hf_dialog *a = dial(w, ALICE_URI, "701");
	struct hf_dialog *b = dial(w, BOB_URI, "701");

	CHECK_INT(a->status, 200);
	CHECK_INT(b->status, 486);
	CHECK(*b->reason);
	CHECK(b->released);
	CHECK_INT(note(w, 0)->type, HF_EVENT_REFUSED);
	ack(a);
	CHECK_STR(hears(w, c), "relay");
	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 404);
	WORLD_END(w);
}

TEST(a_retriever_without_the_callers_codec_gets_488_and_the_caller_stays)
{
	struct world *w = world();
	struct hf_invite in = invite(BOB_URI, "701");
	struct hf_dialog *c = park_one(w, "700"), *b;

	CHECK(strstr(c->sdp, "RTP/AVP 8")); /* the caller's first choice */
	in.body = sdp("127.0.0.4", 5000, "0", "sendrecv");
	in.body_len = strlen(in.body);
	b = send_invite(w, &in);
	reinvited(c, 488, NULL); /* it has been asked for the other */
	CHECK_INT(b->status, 488);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_INT(slot(w, "701")->call->timer.at - w->now, 90000);
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(a_late_offer_is_answered_with_an_offer_and_music_starts_at_the_ACK)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "700");
	const char *answer_text = sdp("127.0.0.3", 4000, "0", "sendrecv");
	struct hf_dialog *c, *b;

	in.body = NULL;
	in.referred_by = who(ALICE_URI);
	c = send_invite(w, &in);
	CHECK_INT(c->status, 200);
	CHECK(strstr(c->sdp, "PCMU") && strstr(c->sdp, "PCMA"));
	CHECK_STR(hears(w, c), "idle");
	hf_park_ack(c->party, answer_text, strlen(answer_text));
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(sends_to(w, c), "127.0.0.3:4000");

	/* the retriever is late too: only the caller's codec is offered */
	in = invite(BOB_URI, "701");
	in.body = NULL;
	b = send_invite(w, &in);
	CHECK_INT(b->status, 200);
	CHECK(strstr(b->sdp, "PCMU") && !strstr(b->sdp, "PCMA"));
	answer_text = sdp("127.0.0.4", 5000, "0", "sendrecv");
	hf_park_ack(b->party, answer_text, strlen(answer_text));
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_late_answer_that_cannot_be_used_ends_the_leg_with_BYE)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "700");
	const char *bad = sdp("127.0.0.3", 4000, "9", "sendrecv");
	struct hf_dialog *c, *b;

	in.body = NULL;
	in.referred_by = who(ALICE_URI);
	c = send_invite(w, &in);
	hf_park_ack(c->party, bad, strlen(bad));
	CHECK_INT(c->byes, 1);
	CHECK_STR(slot_state(w, "701"), "free");
	c = send_invite(w, &in);
	hf_park_ack(c->party, NULL, 0);
	CHECK_INT(c->byes, 1);

	c = park_one(w, "700");
	in = invite(BOB_URI, "701");
	in.body = NULL;
	b = send_invite(w, &in);
	hf_park_ack(b->party, bad, strlen(bad));
	CHECK_INT(b->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(an_offer_that_cannot_be_used_is_refused_before_anything_is_claimed)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "700");
	struct hf_dialog *c;

	in.referred_by = who(ALICE_URI);
	in.body = sdp("127.0.0.3", 4000, "9", "sendrecv");
	in.body_len = strlen(in.body);
	c = send_invite(w, &in);
	CHECK_INT(c->status, 488);
	in.body = "not sdp";
	in.body_len = 7;
	c = send_invite(w, &in);
	CHECK_INT(c->status, 400);
	in.body = sdp("127.0.0.1", 20002, "0", "sendrecv"); /* our own port */
	in.body_len = strlen(in.body);
	c = send_invite(w, &in);
	CHECK_INT(c->status, 488);
	CHECK_INT(count_notes(w, HF_EVENT_REFUSED), 3);
	CHECK_INT(count_notes(w, HF_EVENT_ABANDONED), 0);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(no_free_media_port_is_480_and_leaves_nothing_behind)
{
	struct world *w = world_new();
	struct hf_dialog *d;

	w->config.media.port_max = w->config.media.port_min + 3;
	world_start(w);
	park_one(w, "700");
	park_one(w, "700");
	d = transfer(w, ALICE_URI, "700");
	CHECK_INT(d->status, 480);
	CHECK_STR(slot_state(w, "703"), "free");
	d = dial(w, BOB_URI, "701");
	CHECK_INT(d->status, 480);
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

/* Flow (ix). */
TEST(the_music_of_a_parked_caller_follows_the_direction_of_its_re_INVITE)
{
	static const struct {
		const char *ip, *theirs, *ours, *hears;
	} step[] = {
		{ "127.0.0.3", "sendonly", "a=recvonly", "idle" },
		{ "127.0.0.3", "sendrecv", "a=sendrecv", "hold" },
		{ "127.0.0.3", "inactive", "a=inactive", "idle" },
		{ "127.0.0.3", "recvonly", "a=sendonly", "hold" },
		{ "0.0.0.0", "sendrecv", NULL, "idle" },
		{ "127.0.0.3", "sendrecv", "a=sendrecv", "hold" },
	};
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");

	for (size_t i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		reinvite(c, NULL, sdp(step[i].ip, 4000, "8", step[i].theirs));
		CHECK_INT(c->status, 200);
		CHECK(!step[i].ours || strstr(c->sdp, step[i].ours));
		CHECK_STR(hears(w, c), step[i].hears);
		ack(c);
		CHECK_STR(hears(w, c), step[i].hears);
	}
	WORLD_END(w);
}

TEST(a_re_INVITE_with_a_new_address_moves_the_leg_and_a_bad_one_changes_nothing)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");
	char before[HF_SDP_MAX_TEXT];

	reinvite(c, NULL, sdp("127.0.0.9", 4444, "8", "sendrecv"));
	CHECK_INT(c->status, 200);
	CHECK_STR(sends_to(w, c), "127.0.0.9:4444");
	strcpy(before, c->sdp);
	reinvite(c, NULL, sdp("127.0.0.9", 4446, "9", "sendrecv"));
	CHECK_INT(c->status, 488);
	CHECK_STR(sends_to(w, c), "127.0.0.9:4444");
	CHECK_STR(hears(w, c), "hold");
	/* our own port: known only when the media is asked */
	reinvite(c, NULL, sdp("127.0.0.1", 20004, "0", "inactive"));
	CHECK_INT(c->status, 488);
	CHECK_INT(c->party->session->codec, HF_CODEC_PCMA);
	CHECK_STR(hears(w, c), "hold");
	reinvite(c, NULL, sdp("127.0.0.9", 4444, "8", "sendrecv"));
	CHECK_STR(c->sdp, before); /* identical offer, identical answer */
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(an_offer_of_what_is_agreed_is_the_text_said_last_and_its_answer_may_move_media)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;
	char text[HF_SDP_MAX_TEXT];
	const char *moved;

	CHECK_INT(hf_park_session(c->party, text, sizeof(text)), 0);
	CHECK_STR(text, c->sdp);
	moved = sdp("127.0.0.3", 4444, "8", "sendrecv");
	hf_park_refreshed(c->party, moved, strlen(moved));
	CHECK_STR(sends_to(w, c), "127.0.0.3:4444");
	CHECK_STR(hears(w, c), "hold");
	/* on hold it stays so */
	reinvite(c, NULL, sdp("127.0.0.3", 4444, "8", "sendonly"));
	CHECK_INT(hf_park_session(c->party, text, sizeof(text)), 0);
	CHECK_STR(text, c->sdp);
	reinvite(c, NULL, sdp("127.0.0.3", 4444, "8", "sendrecv"));
	b = dial(w, BOB_URI, "701");
	ack(b);
	CHECK_STR(hears(w, c), "relay");
	CHECK_INT(hf_park_session(b->party, text, sizeof(text)), 0);
	CHECK_STR(text, b->sdp);
	moved = sdp("127.0.0.4", 5010, "8", "sendrecv");
	hf_park_refreshed(b->party, moved, strlen(moved));
	CHECK_STR(sends_to(w, b), "127.0.0.4:5010");
	CHECK_STR(hears(w, b), "relay");
	/* an answer that is none leaves the call as it was */
	hf_park_refreshed(b->party, "v=0", 3);
	CHECK_STR(hears(w, b), "relay");
	CHECK_STR(hears(w, c), "relay");
	/* while the answer to our offer is to come there is none other */
	reinvite(b, NULL, NULL);
	CHECK(hf_park_session(b->party, text, sizeof(text)) < 0);
	WORLD_END(w);
}

TEST(a_re_INVITE_may_change_the_codec_of_a_parked_caller)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");

	reinvite(c, NULL, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_INT(c->status, 200);
	CHECK_INT(c->party->session->codec, HF_CODEC_PCMU);
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(a_re_INVITE_without_an_offer_gets_one_and_applies_at_the_ACK)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700");
	const char *moved = sdp("127.0.0.3", 4100, "8", "sendrecv");

	reinvite(c, NULL, NULL);
	CHECK_INT(c->status, 200);
	CHECK(strstr(c->sdp, "PCMU") && strstr(c->sdp, "PCMA"));
	CHECK_STR(hears(w, c), "hold");
	reinvite(c, NULL, sdp("127.0.0.3", 4200, "8", "sendrecv"));
	CHECK_INT(c->status, 491);
	hf_park_ack(c->party, moved, strlen(moved));
	CHECK_STR(sends_to(w, c), "127.0.0.3:4100");
	/* a bare ACK keeps what was agreed */
	reinvite(c, NULL, NULL);
	ack(c);
	CHECK_STR(sends_to(w, c), "127.0.0.3:4100");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(no_ACK_for_a_re_INVITE_ends_the_dialog)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;

	reinvite(c, NULL, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	hf_park_no_ack(c->party);
	CHECK_INT(c->byes, 1);
	c = park_one(w, "700");
	b = dial(w, BOB_URI, "701");
	ack(b);
	reinvite(b, NULL, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	hf_park_no_ack(b->party);
	CHECK_INT(b->byes, 1);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(CANCEL_of_a_re_INVITE_ends_nothing)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;

	hf_park_cancel(c->party);
	CHECK_STR(slot_state(w, "701"), "parked");
	b = dial(w, BOB_URI, "701");
	ack(b);
	hf_park_cancel(b->party);
	hf_park_cancel(c->party);
	CHECK_STR(hears(w, c), "relay");
	CHECK_INT(b->byes + c->byes, 0);
	WORLD_END(w);
}

/* fusionpbx #2479: retrieve, hold, resume, and the music went on. */
TEST(hold_in_a_picked_up_call_plays_to_the_other_side_and_resume_ends_it)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b = dial(w, BOB_URI, "701");

	ack(b);
	reinvite(b, NULL, sdp("127.0.0.4", 5000, "8", "sendonly"));
	CHECK_INT(b->status, 200);
	CHECK(strstr(b->sdp, "a=recvonly"));
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, b), "idle");
	ack(b);
	/* both hold */
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "8", "inactive"));
	CHECK_STR(hears(w, c), "idle");
	CHECK_STR(hears(w, b), "idle");
	/* one comes back: the other still holds */
	reinvite(b, NULL, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, b), "hold");
	CHECK_STR(hears(w, c), "idle");
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(hears(w, b), "relay");
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(in_a_picked_up_call_a_codec_the_other_side_lacks_is_488)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b = dial(w, BOB_URI, "701");

	ack(b);
	reinvite(c, NULL, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_INT(c->status, 488);
	CHECK_STR(hears(w, c), "relay");
	reinvite(b, NULL, sdp("127.0.0.5", 5002, "8 0", "sendrecv"));
	CHECK_INT(b->status, 200);
	CHECK_STR(sends_to(w, b), "127.0.0.5:5002");
	CHECK_STR(hears(w, b), "relay");
	WORLD_END(w);
}

TEST(a_late_re_INVITE_in_a_picked_up_call_offers_only_the_common_codec)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b = dial(w, BOB_URI, "701");
	const char *hold = sdp("127.0.0.4", 5000, "8", "sendonly");

	ack(b);
	reinvite(b, NULL, NULL);
	CHECK_INT(b->status, 200);
	CHECK(strstr(b->sdp, "PCMA") && !strstr(b->sdp, "PCMU"));
	CHECK_STR(hears(w, c), "relay");
	hf_park_ack(b->party, hold, strlen(hold));
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(a_retriever_who_picks_up_on_hold_leaves_the_caller_its_music)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *b;
	struct hf_invite in = invite(BOB_URI, "701");

	in.body = sdp("127.0.0.4", 5000, "8", "sendonly");
	in.body_len = strlen(in.body);
	b = send_invite(w, &in);
	ack(b);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_STR(hears(w, c), "hold");
	reinvite(b, NULL, sdp("127.0.0.4", 5000, "8", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(an_anonymous_caller_stays_anonymous_towards_the_retriever)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "700");
	struct hf_dialog *b, *r;

	in.referred_by = who(ALICE_URI);
	in.privacy = true;
	ack(send_invite(w, &in));
	b = dial(w, BOB_URI, "701");
	CHECK(b->privacy);
	bye(b);
	pass(w, 90);
	r = recall(w);
	CHECK(r && r->privacy);
	CHECK_STR(r->from_user, "anonymous");
	CHECK_STR(r->from_display, "Park 701: Anonymous");
	WORLD_END(w);
}

TEST(the_longest_wait_ends_the_call_also_if_it_passes_during_a_claim)
{
	struct world *w = world_new();
	struct hf_dialog *c, *b;

	w->lots[0].max_wait_s = 60;
	world_start(w);
	c = park_one(w, "700");
	pass(w, 59);
	CHECK_INT(c->byes, 0);
	pass(w, 1);
	CHECK_INT(c->byes, 1);
	CHECK_INT(note(w, 0)->type, HF_EVENT_EXPIRED);

	c = park_one(w, "700");
	pass(w, 50);
	b = dial(w, BOB_URI, "701");
	pass(w, 20);
	CHECK_INT(c->byes, 0);
	hf_park_no_ack(b->party);
	pass(w, 0);
	CHECK_INT(c->byes, 1);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(stopping_with_hang_up_ends_every_call_and_without_leaves_the_legs)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "700"), *d = park_one(w, "700");
	struct hf_dialog *b = dial(w, BOB_URI, "702");

	ack(b);
	hf_park_destroy(w->park, true);
	CHECK_INT(c->byes + d->byes + b->byes, 3);
	CHECK_INT(legs_open(w), 0);
	hf_media_close(w->media, true);
	world_start(w);
	c = park_one(w, "700");
	hf_park_destroy(w->park, false);
	CHECK_INT(c->byes, 0);
	CHECK_INT(legs_open(w), 1);
	w->park = NULL;
	world_free(w);
}

static bool keep_call(void *arg, const struct hf_call_view *view)
{
	*(struct hf_call_view *)arg = *view;
	return true;
}

static bool keep_702(void *arg, const struct hf_slot_view *view)
{
	*(struct hf_slot_view *)arg = *view;
	return strcmp(view->slot, "702");
}

TEST(views_show_the_slot_table_and_the_parties)
{
	struct world *w = world();
	struct hf_park_totals t;
	struct hf_call_view v;
	struct hf_slot_view s;
	struct hf_dialog *c = park_one(w, "702"), *b;

	hf_park_each_slot(w->park, w->now + 3000, keep_702, &s);
	CHECK_STR(s.slot, "702");
	CHECK_STR(s.state, "parked");
	CHECK_STR(s.caller_number, "+4930123");
	CHECK_STR(s.parker, ALICE_URI);
	CHECK_INT(s.seconds_parked, 3);
	CHECK_INT(s.seconds_to_recall, 87);
	b = dial(w, BOB_URI, "702");
	ack(b);
	hf_park_each_call(w->park, w->now + 4000, keep_call, &v);
	CHECK_STR(v.state, "relay");
	CHECK_STR(v.slot, "702");
	CHECK_STR(v.rule, "slot-transfer");
	CHECK_STR(v.retriever, BOB_URI);
	CHECK_INT(v.party_count, 2);
	CHECK_STR(v.party[0].role, "parkee");
	CHECK_STR(v.party[0].codec, "PCMA");
	CHECK_STR(v.party[0].sip_call_id, c->call_id);
	CHECK_STR(v.party[1].role, "retriever");
	CHECK_STR(v.party[1].state, "up");
	hf_park_totals(w->park, &t);
	CHECK_INT(t.calls, 1);
	CHECK_INT(t.relayed, 1);
	CHECK_INT(t.parked, 0);
	CHECK_INT(t.parks, 1);
	CHECK_INT(t.retrieved, 1);
	CHECK_INT(t.slots, 3);
	CHECK_INT(t.slots_free, 3);
	WORLD_END(w);
}

TEST_MAIN()
