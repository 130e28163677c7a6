// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said outside of calls: refusals in words, pages, clips to try out.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

static int16_t second[8000]; /* of silence: a word */

static struct hf_config_page_target yard_phones[] = {
	{ .uri = "sip:1003@pbx.example.com" },
	{ .uri = "sip:1004@pbx.example.com",
	  .auto_answer = HF_AUTO_ALERT_INFO },
};
static struct hf_config_page_target hall_phones[] = {
	{ .uri = "sip:1005@pbx.example.com",
	  .auto_answer = HF_AUTO_RING_ANSWER },
};
static struct hf_config_page_target both_phones[] = {
	{ .uri = "sip:1003@pbx.example.com" },
	{ .uri = "sip:1005@pbx.example.com" },
};
static struct hf_config_zone zones[4];

static struct world *talk_world(const char *page)
{
	static const char *const words[] = { "tone", "call-on", "empty", "full",
					     "nobody", "0", "1", "2", "3", "7",
					     "call-for", "on", "=Sales" };
	static struct hf_config_label labels[] = { { "702", "Sales" } };
	struct world *w = world_new();
	char name[32];

	zones[0] = (struct hf_config_zone){ .name = "yard",
					    .targets = yard_phones,
					    .target_count = 2,
					    .answer_s = 5 };
	zones[1] = (struct hf_config_zone){ .name = "hall",
					    .targets = hall_phones,
					    .target_count = 1,
					    .answer_s = 5 };
	zones[2] = (struct hf_config_zone){ .name = "both",
					    .targets = both_phones,
					    .target_count = 2,
					    .answer_s = 5 };
	zones[3] = (struct hf_config_zone){ .name = "group",
					    .port = 5004,
					    .ttl = 3,
					    .interface = "lo",
					    .codec = "PCMA" };
	inet_pton(AF_INET, "239.255.70.1", &zones[3].group);
	w->config.zones = zones;
	w->config.zone_count = 4;
	w->lots[0].page = (char *)page;
	w->lots[0].labels = labels;
	w->lots[0].label_count = 1;
	w->lots[0].voice.language = "en";
	w->lots[0].voice.refusals = HF_REFUSE_ANSWERED;
	world_start(w);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(name, sizeof(name), "en/%s", words[i]);
		if (hf_media_clip_load(w->media, name, second, 8000))
			exit(1);
	}
	return w;
}

static void talks_end(struct world *w)
{
	world_hang_up(w);
	hf_talks_end(w->park, true);
	pass(w, 30); /* the group's leg is kept for a while */
}

/* The newest INVITE of ours to this URI that is not answered, or NULL. */
static struct hf_dialog *called(struct world *w, const char *uri)
{
	for (struct hf_dialog *d = w->dialogs; d; d = d->next)
		if (!d->incoming && !d->released && !d->answered &&
		    !strcmp(d->uri, uri))
			return d;
	return NULL;
}

static const char *answer_sdp(void)
{
	return sdp("127.0.0.4", 5000, "8", "sendrecv");
}

static void pick(struct world *w, const char *uri)
{
	struct hf_dialog *d = called(w, uri);

	CHECK(d);
	if (d)
		answer(d, answer_sdp());
}

TEST(an_empty_slot_is_told_in_words_and_hung_up)
{
	struct world *w = talk_world(NULL);
	struct hf_dialog *d = dial(w, ALICE_URI, "701");

	CHECK_INT(d->status, 200);
	CHECK_STR(hears(w, d), "idle");
	ack(d);
	CHECK_STR(hears(w, d), "hold");
	CHECK_INT(last(w, HF_EVENT_REFUSED)->type, HF_EVENT_REFUSED);
	CHECK_STR(last(w, HF_EVENT_REFUSED)->rule, "slot-empty");
	pass(w, 1);
	CHECK_INT(d->byes, 0);
	pass(w, 1);
	CHECK_INT(d->byes, 1);
	talks_end(w);
	WORLD_END(w);
}

TEST(a_full_lot_is_told_to_who_dials_but_not_to_who_is_transferred)
{
	struct world *w = talk_world(NULL);
	struct hf_dialog *d;

	w->lots[0].on_full = HF_FULL_REFUSE;
	for (int i = 0; i < 3; i++)
		park_one(w, "700");
	d = transfer(w, ALICE_URI, "700");
	CHECK_INT(d->status, 486);
	d = dial(w, ALICE_URI, "700");
	CHECK_INT(d->status, 200);
	ack(d);
	CHECK_STR(hears(w, d), "hold");
	bye(d); /* had enough */
	CHECK_INT(hf_park_next_ms(w->park) != HF_NEVER, 1);
	talks_end(w);
	WORLD_END(w);
}

TEST(a_stranger_and_a_lot_without_the_wish_get_the_number_only)
{
	struct world *w = talk_world(NULL);
	struct hf_dialog *d = dial(w, CALLER_URI, "701");

	CHECK_INT(d->status, 403);
	w->lots[0].voice.refusals = HF_REFUSE_PLAINLY;
	d = dial(w, ALICE_URI, "701");
	CHECK_INT(d->status, 404);
	WORLD_END(w);
}

TEST(early_media_says_it_before_the_refusal)
{
	struct world *w = talk_world(NULL);
	struct hf_dialog *d;

	w->lots[0].voice.refusals = HF_REFUSE_EARLY;
	d = dial(w, ALICE_URI, "701");
	CHECK_INT(d->status, 183);
	CHECK(strstr(d->sdp, "m=audio"));
	CHECK_STR(hears(w, d), "hold");
	pass(w, 2);
	CHECK_INT(d->status, 404);
	d = dial(w, ALICE_URI, "*88702");
	CHECK_INT(d->status, 183);
	d->over = true;
	hf_park_cancel(d->party);
	CHECK(d->released);
	WORLD_END(w);
}

TEST(early_media_without_an_offer_waits_for_the_answer_in_the_prack)
{
	struct world *w = talk_world(NULL);
	const char *body = answer_sdp();
	struct hf_invite in;
	struct hf_dialog *d;

	w->lots[0].voice.refusals = HF_REFUSE_EARLY;
	in = invite(ALICE_URI, "701");
	in.body = NULL;
	in.body_len = 0;
	CHECK_INT(send_invite(w, &in)->status, 404);
	in = invite(ALICE_URI, "701");
	in.body = NULL;
	in.body_len = 0;
	in.reliable = true;
	d = send_invite(w, &in);
	CHECK_INT(d->status, 183);
	CHECK(strstr(d->sdp, "m=audio"));
	CHECK_STR(hears(w, d), "idle");
	hf_park_ack(d->party, body, strlen(body));
	CHECK_STR(hears(w, d), "hold");
	pass(w, 2);
	CHECK_INT(d->status, 404);
	/* an answer that is none */
	d = send_invite(w, &in);
	CHECK_INT(d->status, 183);
	hf_park_ack(d->party, NULL, 0);
	CHECK_INT(d->status, 404);
	CHECK(d->released);
	WORLD_END(w);
}

TEST(an_offer_without_a_prompt_in_its_codec_gets_the_number)
{
	struct world *w = talk_world(NULL);
	struct hf_invite in = invite(ALICE_URI, "701");
	struct hf_dialog *d;

	CHECK_INT(hf_media_clip_remove(w->media, "en/empty"), 0);
	d = send_invite(w, &in);
	CHECK_INT(d->status, 404);
	WORLD_END(w);
}

TEST(a_parked_call_is_called_out_on_every_phone_of_the_zone)
{
	struct world *w = talk_world("yard");
	struct hf_dialog *d, *e;

	park_one(w, "700");
	pass(w, 0);
	d = called(w, "sip:1003@pbx.example.com");
	e = called(w, "sip:1004@pbx.example.com");
	CHECK(d && e);
	if (!d || !e)
		return;
	CHECK_STR(d->call_info, "<sip:park.example.com>;answer-after=0");
	CHECK_STR(d->alert_info, "");
	CHECK_STR(e->call_info, "");
	CHECK(strstr(e->alert_info, "info=alert-autoanswer"));
	CHECK_STR(d->from_user, "701");
	answer(d, answer_sdp());
	CHECK_STR(hears(w, d), "hold");
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 0);
	fail(e, 486, "Busy Here");
	pass(w, 6); /* tone, call-on, 7 0 1: five words of a second */
	CHECK_INT(d->byes, 1);
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 1);
	CHECK_STR(last(w, HF_EVENT_PAGED)->reason, "zone yard: 1 of 2 reached");
	CHECK_STR(last(w, HF_EVENT_PAGED)->slot, "701");
	talks_end(w);
	WORLD_END(w);
}

TEST(parks_in_a_row_are_said_in_order_and_never_at_once)
{
	struct world *w = talk_world("hall");
	static const char *const phone = "sip:1005@pbx.example.com";
	struct hf_dialog *d;

	for (int i = 0; i < 3; i++)
		park_one(w, "700");
	pass(w, 0);
	for (int i = 0; i < 3; i++) {
		d = called(w, phone);
		CHECK(d);
		if (!d)
			return;
		CHECK_STR(d->from_user, i == 0 ? "701" : i == 1 ? "702" : "703");
		CHECK_STR(d->alert_info, "Ring Answer");
		answer(d, answer_sdp());
		CHECK(!called(w, phone)); /* no second one while it speaks */
		pass(w, 8);
		CHECK_INT(d->byes, 1);
	}
	CHECK(!called(w, phone));
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 3);
	talks_end(w);
	WORLD_END(w);
}

TEST(zones_that_share_a_phone_wait_for_each_other)
{
	struct world *w = talk_world("yard");
	const char *why;

	park_one(w, "700");
	pass(w, 0);
	CHECK_INT(hf_park_page(w->park, 17, "both", &why), 0);
	CHECK_INT(hf_park_page(w->park, 17, "hall", &why), 0);
	pass(w, 0);
	/* 1005 is in `both` and `hall`; `both` waits for 1003 of `yard`. */
	CHECK(!called(w, "sip:1005@pbx.example.com"));
	pick(w, "sip:1003@pbx.example.com");
	pick(w, "sip:1004@pbx.example.com");
	pass(w, 6);
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 1);
	pick(w, "sip:1003@pbx.example.com");
	pick(w, "sip:1005@pbx.example.com");
	CHECK(!called(w, "sip:1005@pbx.example.com"));
	pass(w, 6);
	pick(w, "sip:1005@pbx.example.com");
	pass(w, 6);
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 3);
	CHECK_STR(last(w, HF_EVENT_PAGED)->reason, "zone hall: 1 of 1 reached");
	talks_end(w);
	WORLD_END(w);
}

TEST(who_has_been_picked_up_is_no_longer_called_out)
{
	struct world *w = talk_world("hall");
	struct hf_dialog *bob;

	park_one(w, "700");
	park_one(w, "700");
	pass(w, 0);
	pick(w, "sip:1005@pbx.example.com");
	bob = dial(w, BOB_URI, "702");
	ack(bob);
	CHECK_STR(hears(w, bob), "relay");
	pass(w, 8);
	CHECK(!called(w, "sip:1005@pbx.example.com"));
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 1);
	talks_end(w);
	WORLD_END(w);
}

TEST(a_phone_that_does_not_answer_holds_nobody_up_for_long)
{
	struct world *w = talk_world("hall");
	struct hf_dialog *d;

	park_one(w, "700");
	park_one(w, "700");
	pass(w, 0);
	d = called(w, "sip:1005@pbx.example.com");
	CHECK(d);
	if (!d)
		return;
	pass(w, 5);
	CHECK_INT(d->cancels, 1);
	CHECK_STR(last(w, HF_EVENT_PAGED)->reason, "zone hall: 0 of 1 reached");
	pass(w, 0);
	CHECK(called(w, "sip:1005@pbx.example.com"));
	talks_end(w);
	WORLD_END(w);
}

TEST(one_call_may_be_paged_elsewhere_or_not_at_all)
{
	struct world *w = talk_world("yard");
	struct hf_invite in = invite(CALLER_URI, "700");
	const char *why;

	in.referred_by = who(ALICE_URI);
	in.page = "none";
	ack(send_invite(w, &in));
	in.page = "hall";
	ack(send_invite(w, &in));
	pass(w, 0);
	CHECK(!called(w, "sip:1003@pbx.example.com"));
	CHECK(called(w, "sip:1005@pbx.example.com"));
	CHECK_INT(hf_park_page(w->park, 99, NULL, &why), -ENOENT);
	CHECK_INT(hf_park_page(w->park, 17, "nowhere", &why), -ENOENT);
	CHECK_STR(why, "there is no such paging zone");
	talks_end(w);
	WORLD_END(w);
}

TEST(a_group_is_sent_to_by_one_leg_of_ours_one_page_after_the_other)
{
	struct world *w = talk_world("group");
	unsigned int legs;

	park_one(w, "700");
	park_one(w, "700");
	legs = legs_open(w);
	pass(w, 0);
	CHECK_INT(legs_open(w), legs + 1);
	pass(w, 5);
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 0);
	pass(w, 1);
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 1);
	CHECK_INT(legs_open(w), legs + 1);
	pass(w, 8); /* with a label: two words more */
	CHECK_INT(count_notes(w, HF_EVENT_PAGED), 2);
	CHECK_INT(legs_open(w), legs + 1);
	pass(w, 10);
	CHECK_INT(legs_open(w), legs);
	talks_end(w);
	WORLD_END(w);
}

TEST(a_clip_is_played_to_a_phone_once)
{
	struct world *w = talk_world(NULL);
	const char *state, *why;
	struct hf_dialog *d;
	uint64_t play = 0, other = 0;
	char text[200];

	CHECK_INT(hf_park_play(w->park, "none", ALICE_URI, &play, text,
			       sizeof(text)), -ENOENT);
	CHECK_STR(text, "there is no clip \"none\"");
	CHECK_INT(hf_park_play(w->park, "default", "1001", &play, text,
			       sizeof(text)), -EINVAL);
	CHECK_INT(hf_park_play(w->park, "default", ALICE_URI, &play, text,
			       sizeof(text)), 0);
	CHECK_INT(hf_park_play(w->park, "default", BOB_URI, &other, text,
			       sizeof(text)), 0);
	CHECK(hf_park_play_state(w->park, play, &state, &why));
	CHECK_STR(state, "ringing");
	d = called(w, ALICE_URI);
	CHECK(d);
	if (!d)
		return;
	answer(d, answer_sdp());
	CHECK(hf_park_play_state(w->park, play, &state, &why));
	CHECK_STR(state, "playing");
	pass(w, 2);
	CHECK_INT(d->byes, 1);
	CHECK(hf_park_play_state(w->park, play, &state, &why));
	CHECK_STR(state, "played");
	fail(called(w, BOB_URI), 486, "Busy Here");
	CHECK(hf_park_play_state(w->park, other, &state, &why));
	CHECK_STR(state, "failed");
	CHECK_STR(why, "486 Busy Here");
	CHECK(!hf_park_play_state(w->park, 5, &state, &why));
	WORLD_END(w);
}

TEST(whatever_comes_in_a_talk_is_answered)
{
	struct world *w = talk_world(NULL);
	struct hf_dialog *d = dial(w, ALICE_URI, "701");

	ack(d);
	reinvite(d, NULL, sdp("127.0.0.3", 4002, "8", "sendrecv"));
	CHECK_INT(d->status, 200);
	CHECK_STR(sends_to(w, d), "127.0.0.3:4002");
	CHECK_INT(refer(d, BOB_URI, NULL), 403);
	d->pending = false;
	hf_park_no_ack(d->party);
	CHECK(d->released);
	w->wrongs = 0; /* a dialog without its ACK is the stack's to end */
	WORLD_END(w);
}

static struct world *escape_world(void)
{
	struct world *w = talk_world(NULL);

	w->lots[0].escape.key = (char *)"*";
	w->lots[0].escape.to = (char *)"sip:operator@pbx.example.com";
	return w;
}

TEST(who_waits_is_put_through_by_the_escape_key)
{
	struct world *w = escape_world();
	struct hf_dialog *d = park_one(w, "700"), *operator;

	press(w, d, '5');
	CHECK(!recall(w));
	press(w, d, '*');
	press(w, d, '*');
	CHECK_STR(recall_uri(w), "sip:operator@pbx.example.com");
	CHECK_STR(hears(w, d), "hold");
	operator = recall(w);
	if (!operator)
		return;
	answer(operator, answer_sdp());
	CHECK_STR(hears(w, d), "relay");
	CHECK_STR(slot_state(w, "701"), "free");
	press(w, d, '*'); /* of no meaning now */
	CHECK(!recall(w));
	talks_end(w);
	WORLD_END(w);
}

TEST(an_escape_that_is_not_answered_leaves_the_wait_as_it_was)
{
	struct world *w = escape_world();
	struct hf_dialog *d = park_one(w, "700");

	pass(w, 60);
	press(w, d, '*');
	CHECK_STR(slot_state(w, "701"), "recalling");
	fail_recall(w, 486, "Busy Here");
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(hears(w, d), "hold");
	pass(w, 29);
	CHECK(!recall(w));
	pass(w, 1);
	CHECK_STR(recall_uri(w), "sip:1001@pbx.example.com");
	talks_end(w);
	WORLD_END(w);
}

TEST(the_escape_key_lets_the_parker_go_who_is_being_rung)
{
	struct world *w = escape_world();
	struct hf_dialog *d = park_one(w, "700"), *parker;

	pass(w, 90);
	parker = recall(w);
	CHECK(parker);
	if (!parker)
		return;
	press(w, d, '*');
	CHECK_INT(parker->cancels, 1);
	CHECK_STR(recall_uri(w), "sip:operator@pbx.example.com");
	pass(w, 30); /* it rings in vain */
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK(!recall(w));
	pass(w, 90);
	CHECK_STR(recall_uri(w), "sip:1001@pbx.example.com");
	talks_end(w);
	WORLD_END(w);
}

TEST_MAIN()
