// SPDX-License-Identifier: GPL-2.0-or-later
/* What a leg can do once its call is up: come from behind NAT, be replaced,
 * change its identity. Sending the caller on is in test_park_transfer.c.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

TEST(a_party_behind_nat_is_sought_at_the_source_of_its_signalling)
{
	struct world *w = world_new();
	struct hf_dialog *c;

	w->config.media.latch = true;
	world_start(w);
	c = park_one(w, "701"); /* SDP 127.0.0.3, signals from 127.0.0.2 */
	CHECK_STR(sends_to(w, c), "127.0.0.2:4000");
	reinvite(c, NULL, sdp("127.0.0.2", 4100, "8", "sendrecv"));
	CHECK_STR(sends_to(w, c), "127.0.0.2:4100");
	reinvite(c, NULL, sdp("0.0.0.0", 4100, "8", "sendrecv"));
	CHECK_INT(c->status, 200);
	CHECK_STR(hears(w, c), "idle");
	WORLD_END(w);
}

TEST(behind_nat_a_party_is_sought_only_in_the_networks_that_media_allow_names)
{
	struct hf_config_prefix allow[] = {{.bits = 96 + 32}, {.bits = 96 + 8}};
	struct world *w = world_new();
	struct hf_dialog *c, *d;

	hf_ip_parse("127.0.0.3", &allow[0].net);
	hf_ip_parse("10.0.0.0", &allow[1].net);
	w->config.media.latch = true;
	w->config.media.allow = allow;
	w->config.media.allow_count = 2;
	world_start(w);
	c = park_one(w, "701"); /* signals from 127.0.0.2 */
	CHECK_STR(sends_to(w, c), "127.0.0.3:4000");
	hf_ip_parse("127.0.0.0", &allow[0].net);
	allow[0].bits = 96 + 24;
	d = park_one(w, "702");
	CHECK_STR(sends_to(w, d), "127.0.0.2:4000");
	WORLD_END(w);
}

TEST(without_nat_in_the_configuration_the_sdp_is_believed)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701");

	CHECK_STR(sends_to(w, c), "127.0.0.3:4000");
	WORLD_END(w);
}

TEST(a_colleague_takes_the_place_of_the_retriever_and_both_talk)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *n;
	uint64_t call = c->party->call->id;

	n = replace(w, CAROL_URI, r, sdp("127.0.0.5", 5000, "8", "sendrecv"));
	CHECK_INT(n->status, 200);
	CHECK_STR(n->asserted, CALLER_URI);
	CHECK_INT(r->byes, 1);
	CHECK(r->released);
	ack(n);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, n), "relay");
	CHECK_INT(c->party->call->id, call);
	CHECK_STR(c->party->call->picked.uri, CAROL_URI);
	CHECK_INT(note(w, 0)->type, HF_EVENT_SWAPPED);
	bye(n);
	CHECK_INT(c->byes, 1);
	WORLD_END(w);
}

TEST(the_leg_of_the_caller_is_replaced_too)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *n;

	n = replace(w, OUTSIDER_URI, c, sdp("127.0.0.5", 5000, "8", "sendrecv"));
	CHECK_INT(n->status, 200);
	CHECK_STR(n->asserted, BOB_URI);
	CHECK_INT(c->byes, 1);
	ack(n);
	CHECK_STR(hears(w, r), "relay");
	CHECK_STR(r->party->call->who.uri, OUTSIDER_URI);
	WORLD_END(w);
}

TEST(a_replacing_leg_without_sdp_is_joined_at_its_ack)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *n;
	const char *body = sdp("127.0.0.5", 5000, "8", "sendrecv");

	n = replace(w, CAROL_URI, r, NULL);
	CHECK_INT(n->status, 200);
	CHECK_STR(hears(w, c), "hold");
	hf_park_ack(n->party, body, strlen(body));
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, n), "relay");
	WORLD_END(w);
}

TEST(a_replacing_leg_without_a_common_codec_changes_nothing)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *n;

	n = replace(w, CAROL_URI, r, sdp("127.0.0.5", 5000, "96", "sendrecv"));
	CHECK_INT(n->status, 488);
	CHECK(n->released);
	CHECK_INT(r->byes, 0);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(hears(w, r), "relay");
	WORLD_END(w);
}

TEST(within_ten_seconds_an_outsider_does_not_replace_who_dialled_the_slot)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *n;
	const char *body = sdp("127.0.0.5", 5000, "8", "sendrecv");

	w->now += 9999;
	hf_park_run(w->park, w->now);
	n = replace(w, OUTSIDER_URI, r, body);
	CHECK_INT(n->status, 486);
	CHECK_INT(r->byes + c->byes, 0);
	CHECK_STR(hears(w, c), "relay");
	w->now += 1;
	hf_park_run(w->park, w->now);
	n = replace(w, OUTSIDER_URI, r, body);
	CHECK_INT(n->status, 200);
	WORLD_END(w);
}

TEST(after_a_pick_up_by_prefix_an_outsider_may_be_put_through)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "*88701"), *n;

	n = replace(w, OUTSIDER_URI, r,
		    sdp("127.0.0.5", 5000, "8", "sendrecv"));
	CHECK_INT(n->status, 200);
	ack(n);
	CHECK_STR(hears(w, c), "relay");
	WORLD_END(w);
}

TEST(an_identity_change_to_an_outsider_parks_both_and_rings_the_agent)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");
	uint64_t call = c->party->call->id;

	reinvite(r, OUTSIDER_URI, sdp("127.0.0.6", 6000, "8", "sendrecv"));
	CHECK_INT(r->status, 200);
	ack(r);
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_STR(slot_state(w, "702"), "recalling");
	CHECK_INT(slot(w, "701")->call->id, call);
	CHECK_STR(slot(w, "701")->call->who.uri, CALLER_URI);
	CHECK_STR(slot(w, "702")->call->who.uri, OUTSIDER_URI);
	CHECK_STR(slot(w, "702")->call->rule, "transfer-guard");
	CHECK_INT(slot(w, "701")->call->park_count, 2);
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, r), "hold");
	CHECK_INT(c->byes + r->byes, 0);
	CHECK_STR(phone_called(w, 0)->uri, BOB_URI);
	CHECK_STR(phone_called(w, 1)->uri, BOB_URI);
	CHECK_INT(last(w, HF_EVENT_REPARKED)->call, call);
	/* both are found again */
	answer(phone_called(w, 0), sdp("127.0.0.4", 7000, "8", "sendrecv"));
	fail_recall(w, 486, "Busy Here");
	CHECK_INT(w->park->totals.relayed, 1);
	CHECK_INT(w->park->totals.parked, 1);
	WORLD_END(w);
}

TEST(an_update_without_sdp_to_an_outsider_parts_them_as_well)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");

	reinvite(r, OUTSIDER_URI, NULL);
	ack(r);
	CHECK_STR(slot_state(w, "701"), "recalling");
	CHECK_STR(slot_state(w, "702"), "recalling");
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, r), "hold");
	WORLD_END(w);
}

TEST(an_identity_change_to_a_colleague_or_later_is_taken_over)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");

	reinvite(r, CAROL_URI, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	ack(r);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(r->party->call->picked.uri, CAROL_URI);
	pass(w, 10);
	reinvite(r, OUTSIDER_URI, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	ack(r);
	CHECK_STR(hears(w, c), "relay");
	CHECK_STR(r->party->call->picked.uri, OUTSIDER_URI);
	CHECK_STR(slot_state(w, "701"), "free");
	WORLD_END(w);
}

TEST(a_parted_pair_finds_room_in_a_full_lot_by_waiting_without_a_slot)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");

	park_one(w, "701");
	park_one(w, "702");
	park_one(w, "703");
	reinvite(r, OUTSIDER_URI, sdp("127.0.0.6", 6000, "8", "sendrecv"));
	ack(r);
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, r), "hold");
	CHECK_STR(phone_called(w, 0)->uri, BOB_URI);
	CHECK_STR(phone_called(w, 1)->uri, BOB_URI);
	WORLD_END(w);
}

TEST(each_side_is_told_when_the_other_turns_out_to_be_somebody_else)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *b = pick_up(w, "*88701"), *d;

	CHECK_STR(c->told_name, BOB_URI);
	/* an attended transfer on the caller's side: another outsider talks */
	reinvite(c, OUTSIDER_URI, sdp("127.0.0.3", 4000, "8", "sendrecv"));
	CHECK_STR(b->told_name, OUTSIDER_URI);
	CHECK_STR(c->told_name, BOB_URI);
	ack(c);
	/* a colleague takes over the retriever's leg */
	pass(w, 11);
	d = replace(w, CAROL_URI, b, sdp("127.0.0.5", 5000, "8", "sendrecv"));
	CHECK_INT(d->status, 200);
	CHECK_STR(c->told_name, CAROL_URI);
	ack(d);
	WORLD_END(w);
}

TEST_MAIN()
