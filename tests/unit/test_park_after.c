// SPDX-License-Identifier: GPL-2.0-or-later
/* What a leg can do once its call is up: come from behind NAT, be replaced,
 * change its identity, send the caller on.
 * rooms: park media audio sdp config base */
#include "park_world.h"

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

static struct hf_dialog *replace(struct world *w, const char *from,
				 const struct hf_dialog *leg, const char *body)
{
	struct hf_invite in = invite(from, "1002");
	const struct hf_replaces r = { .call_id = leg->call_id,
				       .to_tag = leg->local_tag,
				       .from_tag = leg->remote_tag };

	in.replaces = &r;
	in.body = body;
	in.body_len = body ? strlen(body) : 0;
	return send_invite(w, &in);
}

static struct hf_dialog *pick_up(struct world *w, const char *number)
{
	struct hf_dialog *d = dial(w, BOB_URI, number);

	ack(d);
	return d;
}

#define OUTSIDER_URI "sip:+4940999@pbx.example.com"
#define CAROL_URI    "sip:1003@pbx.example.com"

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

static struct hf_dialog *ringing(struct world *w, unsigned int nth)
{
	struct hf_dialog *d = w->dialogs;

	for (; d; d = d->next)
		if (!d->incoming && !d->released && !d->answered && !nth--)
			return d;
	return NULL;
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
	CHECK_STR(ringing(w, 0)->uri, BOB_URI);
	CHECK_STR(ringing(w, 1)->uri, BOB_URI);
	CHECK_INT(last(w, HF_EVENT_REPARKED)->call, call);
	/* both are found again */
	answer(ringing(w, 0), sdp("127.0.0.4", 7000, "8", "sendrecv"));
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
	CHECK_STR(ringing(w, 0)->uri, BOB_URI);
	CHECK_STR(ringing(w, 1)->uri, BOB_URI);
	WORLD_END(w);
}

static struct hf_dialog *ringing_at(struct world *w, const char *uri)
{
	struct hf_dialog *d = ringing(w, 0);

	return d && !strcmp(d->uri, uri) ? d : NULL;
}

TEST(the_retriever_sends_the_caller_on_and_is_released_on_answer)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701"), *t;
	uint64_t call = c->party->call->id;

	CHECK_INT(refer(r, "sip:+4955@pbx.example.com", NULL), 202);
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, r), "idle");
	t = ringing_at(w, "sip:+4955@pbx.example.com");
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
	CHECK(ringing_at(w, "sip:1003@pbx.example.com"));
	WORLD_END(w);
}

TEST(a_failed_transfer_returns_the_caller_to_the_retriever)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *r = pick_up(w, "701");

	refer(r, "sip:1003@pbx.example.com", NULL);
	CHECK_INT(refer(r, "sip:1004@pbx.example.com", NULL), 491);
	fail(ringing(w, 0), 486, "Busy Here");
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
	answer(ringing(w, 0), sdp("127.0.0.7", 7000, "0", "sendrecv"));
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
	fail(ringing(w, 0), 480, "Gone");
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
	t = ringing(w, 0);
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
	CHECK_STR(ringing(w, 0)->replaces, "x@y a b");
	WORLD_END(w);
}

TEST(a_refer_outside_a_dialog_fetches_the_caller_into_a_slot)
{
	struct world *w = world();
	const struct hf_replaces names = { .call_id = "x@y", .to_tag = "a",
					   .from_tag = "b" };
	struct hf_dialog *ref = refer_outside(w, ALICE_URI, "700", &names);
	struct hf_dialog *c = ringing(w, 0), *r;

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

	fail(ringing(w, 0), 481, "no such dialog");
	CHECK_INT(ref->refer_outcome, 481);
	CHECK_STR(slot_state(w, "701"), "free");
	/* nobody answers */
	ref = refer_outside(w, ALICE_URI, "701", &names);
	pass(w, 32);
	CHECK_INT(ref->refer_outcome, 480);
	CHECK_STR(slot_state(w, "701"), "free");
	/* it answers with media that we have not */
	ref = refer_outside(w, ALICE_URI, "701", &names);
	answer(ringing(w, 0), sdp("127.0.0.3", 4000, "96", "sendrecv"));
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
	r = ringing_at(w, BOB_URI);
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
