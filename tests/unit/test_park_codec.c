// SPDX-License-Identifier: GPL-2.0-or-later
/* Two who have no codec in common: the caller is asked for another one before
 * anything is switched.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

/* A caller with PCMA now, which also has PCMU and G.722. */
static struct hf_dialog *park_rich(struct world *w)
{
	struct hf_invite in = invite(CALLER_URI, "701");
	struct hf_dialog *d;

	in.referred_by = who(ALICE_URI);
	in.body = sdp("127.0.0.3", 4000, "8 0 9", "sendrecv");
	in.body_len = strlen(in.body);
	d = send_invite(w, &in);
	ack(d);
	return d;
}

static struct hf_dialog *dial_with(struct world *w, const char *body)
{
	struct hf_invite in = invite(BOB_URI, "701");

	in.body = body;
	in.body_len = body ? strlen(body) : 0;
	return send_invite(w, &in);
}

TEST(without_a_common_codec_the_caller_is_asked_before_anything_is_switched)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r;

	r = dial_with(w, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	CHECK_INT(r->replies, 0);
	CHECK(c->reinviting);
	CHECK(strstr(c->sdp, "RTP/AVP 0"));
	CHECK_STR(hears(w, c), "hold");
	/* one at a time */
	CHECK_INT(dial(w, ALICE_URI, "701")->status, 486);
	reinvited(c, 200, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_INT(r->status, 200);
	CHECK(strstr(r->sdp, "RTP/AVP 0"));
	CHECK_STR(r->asserted, CALLER_URI);
	CHECK_STR(hears(w, c), "hold");
	ack(r);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	WORLD_END(w);
}

TEST(a_caller_that_refuses_the_codec_waits_on_and_the_retriever_gets_488)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r;

	pass(w, 60);
	r = dial_with(w, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	reinvited(c, 488, NULL);
	CHECK_INT(r->status, 488);
	CHECK(r->released);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	pass(w, 29);
	CHECK_STR(recall_uri(w), "nobody");
	pass(w, 1);
	CHECK_STR(recall_uri(w), ALICE_URI);
	WORLD_END(w);
}

TEST(a_retriever_that_gives_up_while_the_caller_is_asked_harms_nobody)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r;

	r = dial_with(w, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	r->over = true;
	hf_park_cancel(r->party);
	CHECK_STR(slot_state(w, "701"), "parked");
	/* its answer is still to come */
	CHECK_INT(dial(w, BOB_URI, "701")->status, 480);
	reinvited(c, 200, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_STR(hears(w, c), "hold");
	r = dial_with(w, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	CHECK_INT(r->status, 200);
	ack(r);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(a_caller_who_hangs_up_while_it_is_asked_ends_the_pick_up_with_487)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r;

	r = dial_with(w, sdp("127.0.0.4", 5000, "0", "sendrecv"));
	bye(c);
	CHECK_INT(r->status, 487);
	WORLD_END(w);
}

TEST(a_retriever_without_sdp_is_offered_what_the_caller_has_and_the_caller_follows)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r = dial_with(w, NULL);
	const char *body = sdp("127.0.0.4", 5000, "0", "sendrecv");

	CHECK_INT(r->status, 200);
	CHECK(strstr(r->sdp, "RTP/AVP 8 0"));
	hf_park_ack(r->party, body, strlen(body));
	CHECK(c->reinviting);
	CHECK(strstr(c->sdp, "RTP/AVP 0"));
	CHECK_STR(hears(w, c), "hold");
	reinvited(c, 200, sdp("127.0.0.3", 4000, "0", "sendrecv"));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(slot_state(w, "701"), "free");
	WORLD_END(w);
}

TEST(a_caller_that_does_not_follow_stays_parked_and_the_retriever_gets_BYE)
{
	struct world *w = world();
	struct hf_dialog *c = park_rich(w), *r = dial_with(w, NULL);
	const char *body = sdp("127.0.0.4", 5000, "0", "sendrecv");

	hf_park_ack(r->party, body, strlen(body));
	reinvited(c, 488, NULL);
	CHECK_INT(r->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

/* Found by the walk: with one of them on hold the legs counted as joined, each
 * with a codec of its own, and nobody heard anybody afterwards. */
TEST(a_caller_who_cannot_be_asked_for_another_codec_is_not_joined_with_it)
{
	char other[400];
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700"), *c, *b;
	struct hf_invite in = invite(BOB_URI, "701");

	ack(a);
	c = replace(w, CALLER_URI, a, sdp("127.0.0.3", 4000, "0 8", "sendrecv"));
	CHECK_INT(c->status, 200); /* its ACK is on the way */
	in.body = NULL;
	b = send_invite(w, &in);
	CHECK_INT(b->status, 200);
	CHECK(strstr(b->sdp, "PCMU") && strstr(b->sdp, "PCMA"));
	snprintf(other, sizeof(other), "%s",
		 sdp("127.0.0.4", 5000, "8", "sendonly"));
	hf_park_ack(b->party, other, strlen(other));
	CHECK_STR(hears(w, c), "hold");
	CHECK_INT(b->byes, 1);
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST_MAIN()
