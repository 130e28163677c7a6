// SPDX-License-Identifier: GPL-2.0-or-later
/* What a new INVITE means, and the complaints about other park systems that must
 * never be made about this one.
 * rooms: park media audio sdp config base */
#include <inttypes.h>

#include "park_parties.h"

TEST(a_retrieve_of_an_empty_slot_never_parks_the_dialler)
{
	struct world *w = world();

	CHECK_INT(dial(w, BOB_URI, "701")->status, 404);
	CHECK_STR(rule_used(w), "slot-empty");
	CHECK_INT(dial(w, BOB_URI, "*88701")->status, 404);
	CHECK_STR(rule_used(w), "pick-up");
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

/* fusionpbx #1830, and "two outside callers could be joined together". */
TEST(two_outside_callers_never_meet)
{
	struct world *w = world();
	struct hf_dialog *c = park_one(w, "701"), *d;

	CHECK_INT(dial(w, OUTSIDER_URI, "701")->status, 403);
	CHECK_STR(rule_used(w), "slot-outsider");
	CHECK_INT(dial(w, OUTSIDER_URI, "*88701")->status, 403);
	d = transfer(w, BOB_URI, "701");
	CHECK_INT(d->status, 200);
	CHECK_STR(d->contact, "702");
	CHECK_STR(hears(w, c), "hold");
	CHECK_STR(hears(w, d), "hold");
	WORLD_END(w);
}

TEST(a_transfer_header_never_lets_an_outsider_pick_up)
{
	struct world *w = world();
	struct hf_invite in = invite(OUTSIDER_URI, "*88701");
	struct hf_dialog *c = park_one(w, "701");

	in.referred_by = who(ALICE_URI);
	in.diversion = who(BOB_URI);
	CHECK_INT(send_invite(w, &in)->status, 403);
	in = replacing(OUTSIDER_URI, c);
	in.referred_by = who(ALICE_URI);
	CHECK_INT(send_invite(w, &in)->status, 403);
	CHECK_STR(rule_used(w), "replaces-parked");
	/* may_retrieve: any still means colleagues only */
	w->lots[0].may_retrieve = (char *[]){ "any" };
	CHECK_INT(dial(w, OUTSIDER_URI, "701")->status, 403);
	CHECK_STR(hears(w, c), "hold");
	WORLD_END(w);
}

TEST(a_caller_transferred_to_a_taken_slot_gets_the_next_one_and_no_bridge)
{
	struct world *w = world();
	struct hf_dialog *a = park_one(w, "702"), *b = park_one(w, "702");

	CHECK_STR(a->contact, "702");
	CHECK_STR(b->contact, "701");
	CHECK_STR(note(w, 0)->reason, "slot 702 was taken");
	CHECK_STR(hears(w, a), "hold");
	CHECK_STR(hears(w, b), "hold");
	WORLD_END(w);
}

TEST(on_busy_refuse_and_ring_parker_do_as_they_say)
{
	struct world *w = world_new();
	struct hf_dialog *d;

	w->lots[0].on_busy = HF_BUSY_REFUSE;
	world_start(w);
	park_one(w, "702");
	CHECK_INT(transfer(w, BOB_URI, "702")->status, 486);
	w->lots[0].on_busy = HF_BUSY_RING_PARKER;
	d = transfer(w, BOB_URI, "702");
	CHECK_INT(d->status, 200);
	ack(d);
	CHECK(recall(w));
	CHECK_STR(recall_uri(w), BOB_URI);
	CHECK_STR(slot_state(w, "701"), "free");
	WORLD_END(w);
}

/* asterisk #624: "it's hanging up the call instead". */
TEST(a_full_lot_never_drops_a_transferred_caller)
{
	struct world *w = world();
	struct hf_dialog *d, *r, *first;

	first = park_one(w, "700");
	park_one(w, "700");
	park_one(w, "700");
	CHECK(count_notes(w, HF_EVENT_LOT_FULL));
	d = transfer(w, ALICE_URI, "700");
	CHECK_INT(d->status, 200);
	CHECK_STR(hears(w, d), "hold");
	ack(d);
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, ALICE_URI);
	CHECK_STR(hears(w, d), "hold");
	CHECK_INT(last(w, HF_EVENT_PARKED)->call,
		  last(w, HF_EVENT_RECALL_STARTED)->call);
	CHECK_STR(last(w, HF_EVENT_PARKED)->reason, "the lot is full");
	/* not answered: it waits on, and takes a slot that becomes free */
	bye(first);
	CHECK(count_notes(w, HF_EVENT_LOT_AVAILABLE));
	fail(r, 486, "Busy Here");
	CHECK_INT(last(w, HF_EVENT_MOVED)->call,
		  last(w, HF_EVENT_RECALL_FAILED)->call);
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_INT(dial(w, BOB_URI, "701")->status, 200);
	WORLD_END(w);
}

TEST(on_full_refuse_and_uri_do_as_they_say)
{
	struct world *w = world_new();
	struct hf_dialog *d, *r;

	w->lots[0].slot_last = 701;
	w->lots[0].on_full = HF_FULL_URI;
	w->lots[0].on_full_uri = "sip:overflow@pbx.example.com";
	world_start(w);
	park_one(w, "700");
	d = transfer(w, ALICE_URI, "700");
	ack(d);
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, "sip:overflow@pbx.example.com");
	fail(r, 480, "Temporarily Unavailable");
	pass(w, 10);
	r = recall(w);
	CHECK(r);
	CHECK_STR(r->uri, ALICE_URI);
	bye(d);
	CHECK_INT(r->cancels, 1);
	w->lots[0].on_full = HF_FULL_REFUSE;
	CHECK_INT(transfer(w, ALICE_URI, "700")->status, 486);
	WORLD_END(w);
}

TEST(a_dialler_at_a_taken_slot_or_a_full_lot_gets_486)
{
	struct world *w = world_new();

	w->lots[0].slot_last = 702;
	world_start(w);
	park_one(w, "700");
	CHECK_INT(dial(w, BOB_URI, "*68701")->status, 486);
	CHECK_STR(rule_used(w), "park-only");
	CHECK_STR(slot_state(w, "702"), "free");
	park_one(w, "700");
	CHECK_INT(dial(w, BOB_URI, "700")->status, 486);
	CHECK_STR(rule_used(w), "reserve");
	CHECK_INT(dial(w, BOB_URI, "park+700")->status, 486);
	WORLD_END(w);
}

/* FreePBX #1066: calls could not be sent directly to a slot. */
TEST(every_way_to_name_a_slot_for_parking_parks_there)
{
	static const struct {
		const char *user, *params, *contact, *rule;
	} way[] = {
		{ "702", "", "702", "slot-transfer" },
		{ "*68702", "", "702", "park-only" },
		{ "park+702", "", "702", "park-only" },
		{ "PARK+702", "", "702", "park-only" },
		{ "callpark", "orbit=702", "702", "park-only" },
		{ "callpark", "x=1;Orbit=702;lr", "702", "park-only" },
		{ "700", "orbit=702", "702", "park-only" },
		{ "703", "orbit=702", "702", "park-only" },
		{ "park+700", "", "701", "park-only" },
		{ "700", "", "701", "park-transfer" },
	};

	for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		struct world *w = world();
		struct hf_invite in = invite(CALLER_URI, way[i].user);
		struct hf_dialog *d;

		in.target_params = way[i].params;
		in.referred_by = who(ALICE_URI);
		d = send_invite(w, &in);
		CHECK_INT(d->status, 200);
		CHECK_STR(d->contact, way[i].contact);
		ack(d);
		CHECK_STR(rule_used(w), way[i].rule);
		WORLD_END(w);
	}
}

TEST(a_key_that_names_its_call_gets_that_call_or_481)
{
	static const char *const number[] = { "701", "*88701" };

	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++) {
		struct world *w = world();
		struct hf_dialog *first = transfer(w, ALICE_URI, "700");
		struct hf_invite in = invite(BOB_URI, number[i]);
		char meant[32], old[32];

		ack(first);
		snprintf(old, sizeof(old), "x=1;call=%" PRIu64,
			 note(w, 0)->call);
		bye(first);
		in.target_params = old;
		CHECK_INT(send_invite(w, &in)->status, 481);
		/* another caller is in the slot now */
		ack(transfer(w, ALICE_URI, "701"));
		snprintf(meant, sizeof(meant), "call=%" PRIu64,
			 note(w, 0)->call);
		CHECK_INT(send_invite(w, &in)->status, 481);
		CHECK_STR(rule_used(w), "stale-call");
		/* one who may not pick up learns nothing of who waits */
		in = invite(CALLER_URI, number[i]);
		in.target_params = meant;
		CHECK_INT(send_invite(w, &in)->status, 403);
		in = invite(BOB_URI, number[i]);
		in.target_params = meant;
		CHECK_INT(send_invite(w, &in)->status, 200);
		WORLD_END(w);
	}
}

TEST(numbers_that_mean_nothing_are_404)
{
	static const char *const number[] = { "", "704", "0701", "70", "7011",
					      "701x", "*68", "*68999", "*88999",
					      "park+", "park+999", "callpark",
					      "99999999999999999999" };
	struct world *w = world();
	struct hf_invite in = invite(BOB_URI, "callpark");

	for (size_t i = 0; i < sizeof(number) / sizeof(number[0]); i++)
		CHECK_INT(dial(w, BOB_URI, number[i])->status, 404);
	in.target_params = "orbit=999";
	CHECK_INT(send_invite(w, &in)->status, 404);
	CHECK_INT(transfer(w, ALICE_URI, "999")->status, 404);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(slots_with_a_prefix_and_leading_zeros_are_taken_literally)
{
	struct world *w = world_new();

	w->lots[0].slot_prefix = "*";
	w->lots[0].slot_first = 7;
	w->lots[0].slot_last = 12;
	w->lots[0].slot_digits = 3;
	w->lots[0].park_prefix = w->lots[0].pickup_prefix = NULL;
	world_start(w);
	CHECK_STR(transfer(w, ALICE_URI, "*007")->contact, "*007");
	CHECK_INT(transfer(w, ALICE_URI, "*7")->status, 404);
	CHECK_INT(transfer(w, ALICE_URI, "007")->status, 404);
	CHECK_STR(transfer(w, ALICE_URI, "*012")->contact, "*012");
	WORLD_END(w);
}

TEST(a_transfer_mark_may_be_Diversion_or_History_Info_too)
{
	struct world *w = world();
	struct hf_invite in = invite(CALLER_URI, "700");

	in.diversion = who(BOB_URI);
	ack(send_invite(w, &in));
	CHECK_STR(note(w, 0)->parker, BOB_URI);
	CHECK_STR(rule_used(w), "park-transfer");
	in = invite(CALLER_URI, "700");
	in.history = who(ALICE_URI);
	ack(send_invite(w, &in));
	CHECK_STR(note(w, 0)->parker, ALICE_URI);
	/* from a peer that is not trusted they say nothing */
	in = invite(CALLER_URI, "700");
	in.referred_by = who(ALICE_URI);
	in.trusted = false;
	CHECK_INT(send_invite(w, &in)->status, 403);
	CHECK_STR(rule_used(w), "park-unmarked");
	WORLD_END(w);
}

TEST(an_unmarked_caller_from_a_trusted_peer_is_parked_without_a_parker)
{
	struct world *w = world();
	struct hf_dialog *c = dial(w, CALLER_URI, "700");

	CHECK_INT(c->status, 200);
	ack(c);
	CHECK_STR(rule_used(w), "park-unmarked");
	CHECK_STR(note(w, 0)->parker, "");
	CHECK_STR(slot_state(w, "701"), "parked");
	WORLD_END(w);
}

TEST(a_parker_outside_may_park_is_refused_but_its_address_counts_as_its_domain)
{
	struct world *w = world();
	struct hf_dialog *d;

	CHECK_INT(transfer(w, OUTSIDER_URI, "700")->status, 403);
	d = transfer(w, "sip:1001@192.0.2.77:5062", "700");
	CHECK_INT(d->status, 200);
	ack(d);
	pass(w, 90);
	CHECK_STR(recall_uri(w), ALICE_URI);
	WORLD_END(w);
}

TEST(a_colleague_who_dials_the_park_number_gets_a_slot_reserved_and_told)
{
	struct world *w = world();
	struct hf_dialog *a = dial(w, ALICE_URI, "700");

	CHECK_INT(a->status, 200);
	CHECK_STR(a->contact, "701");
	CHECK_STR(a->display, "Parked at 701");
	CHECK_STR(slot_state(w, "701"), "reserved");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RESERVED);
	CHECK_STR(note(w, 0)->parker, ALICE_URI);
	CHECK_INT(note(w, 0)->seconds_left, 30);
	ack(a);
	CHECK_INT(dial(w, BOB_URI, "701")->status, 486);
	bye(a);
	CHECK_STR(slot_state(w, "701"), "free");
	CHECK_INT(note(w, 0)->type, HF_EVENT_RESERVATION_EXPIRED);
	CHECK_STR(world_leaks(w), "");
	world_free(w);
}

TEST(a_colleague_who_dials_an_empty_slot_keeps_it_where_the_lot_says_so)
{
	struct world *w = world();
	struct hf_dialog *a;

	w->lots[0].on_empty = HF_EMPTY_RESERVE;
	CHECK_INT(dial(w, CALLER_URI, "703")->status, 403);
	a = dial(w, ALICE_URI, "703");
	CHECK_INT(a->status, 200);
	CHECK_STR(a->contact, "703");
	CHECK_STR(a->display, "Parked at 703");
	CHECK_STR(rule_used(w), "slot-reserve");
	CHECK_STR(slot_state(w, "703"), "reserved");
	ack(a);
	/* nobody is picked up there, and a pick-up number never keeps a slot */
	CHECK_INT(dial(w, BOB_URI, "703")->status, 486);
	CHECK_INT(dial(w, BOB_URI, "*88704")->status, 404);
	CHECK_STR(slot_state(w, "704"), "free");
	bye(a);
	CHECK_STR(slot_state(w, "703"), "free");
	WORLD_END(w);
}

/* FreePBX #714: "It just shows 701". */
TEST(the_first_answer_to_a_retriever_names_the_caller_and_not_the_slot)
{
	struct world *w = world();
	struct hf_invite in = invite("sip:anonymous@anonymous.invalid", "700");
	struct hf_dialog *b;

	in.asserted = who(CALLER_URI);
	in.referred_by = who(ALICE_URI);
	ack(send_invite(w, &in));
	b = dial(w, BOB_URI, "701");
	CHECK_STR(b->asserted, CALLER_URI);
	WORLD_END(w);
}

TEST(slots_are_chosen_first_next_or_random_and_each_only_once)
{
	for (int choice = HF_CHOICE_FIRST; choice <= HF_CHOICE_RANDOM;
	     choice++) {
		struct world *w = world_new();
		struct hf_dialog *d;
		bool seen[3] = { 0 };

		w->lots[0].choice = (enum hf_slot_choice)choice;
		world_start(w);
		d = park_one(w, "700");
		bye(d);
		for (int i = 0; i < 3; i++) {
			int n;

			d = park_one(w, "700");
			n = atoi(d->contact) - 701;
			CHECK(n >= 0 && n < 3 && !seen[n]);
			seen[n] = true;
			if (choice == HF_CHOICE_FIRST)
				CHECK_INT(n, i);
			if (choice == HF_CHOICE_NEXT)
				CHECK_INT(n, (i + 1) % 3);
		}
		WORLD_END(w);
	}
}

TEST(the_free_slots_of_a_large_lot_are_found_whatever_is_taken)
{
	static const uint32_t count[] = { 1, 63, 64, 65, 4096, 4097, 300000 };
	struct hf_bitmap b;
	uint32_t n;

	for (size_t i = 0; i < sizeof(count) / sizeof(count[0]); i++) {
		CHECK_INT(hf_bitmap_init(&b, count[i]), 0);
		CHECK_INT(hf_bitmap_next(&b, 0), 0);
		CHECK_INT(hf_bitmap_next(&b, count[i]), UINT32_MAX);
		for (n = 0; n < count[i]; n++) {
			CHECK_INT(hf_bitmap_next(&b, 0), n);
			hf_bitmap_clear(&b, n);
		}
		CHECK_INT(hf_bitmap_next(&b, 0), UINT32_MAX);
		hf_bitmap_set(&b, count[i] - 1);
		CHECK_INT(hf_bitmap_next(&b, 0), count[i] - 1);
		hf_bitmap_set(&b, count[i] / 2);
		CHECK_INT(hf_bitmap_next(&b, 0), count[i] / 2);
		CHECK_INT(hf_bitmap_next(&b, count[i] / 2 + 1),
			  count[i] / 2 == count[i] - 1 ? UINT32_MAX :
							 count[i] - 1);
		hf_bitmap_fini(&b);
	}
}

TEST(an_address_of_record_is_built_from_what_the_header_says)
{
	struct hf_config c = { .sip = { .domain = "park.example.com",
					.outbound_proxy =
						"sip:pbx.example.com:5080" } };
	static const struct {
		struct hf_identity id;
		const char *aor;
	} in[] = {
		{ { "sip:1001@pbx.test:5070;transport=tcp", "1001", "pbx.test",
		    "" }, "sip:1001@pbx.test" },
		{ { "sip:1001@10.1.2.3:5070", "1001", "10.1.2.3", "" },
		  "sip:1001@pbx.example.com" },
		{ { "sip:1001@[2001:db8::1]", "1001", "2001:db8::1", "" },
		  "sip:1001@pbx.example.com" },
		{ { "sips:a%20b@pbx.test", "a b", "pbx.test", "" },
		  "sips:a%20b@pbx.test" },
		{ { "tel:+4930123;x=y", "+4930123", "", "" },
		  "sip:+4930123@pbx.example.com" },
		{ { "sip:pbx.test", "", "pbx.test", "" }, NULL },
		{ { "sip:anonymous@anonymous.invalid", "anonymous",
		    "anonymous.invalid", "" }, NULL },
	};
	char out[128];

	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		int err = hf_identity_aor(&c, NULL, &in[i].id, out, sizeof(out));

		CHECK_INT(err == 0, in[i].aor != NULL);
		if (in[i].aor)
			CHECK_STR(out, in[i].aor);
	}
	c.sip.outbound_proxy = NULL;
	CHECK_INT(hf_identity_aor(&c, NULL, &in[1].id, out, sizeof(out)), 0);
	CHECK_STR(out, "sip:1001@park.example.com");
	CHECK_INT(hf_identity_aor(&c, NULL, &in[1].id, out, 10), -ENAMETOOLONG);
}

TEST(names_are_escaped_where_they_become_part_of_a_URI)
{
	char out[32];

	hf_user_escape("*701", out, sizeof(out));
	CHECK_STR(out, "*701");
	hf_user_escape("#7 1@%", out, sizeof(out));
	CHECK_STR(out, "%237%201%40%25");
	hf_user_escape("##########", out, 8);
	CHECK_STR(out, "%23%23");
}

TEST(a_right_may_be_a_network_but_never_lets_an_outsider_pick_up)
{
	static char *from_net[] = { "127.0.0.0/24", "2001:db8::/32" };
	static char *elsewhere[] = { "127.0.1.0/24" };
	struct world *w = world_new();
	struct hf_invite in;
	struct hf_dialog *d;

	w->lots[0].may_park = w->lots[0].may_retrieve = from_net;
	w->lots[0].may_park_count = w->lots[0].may_retrieve_count = 2;
	world_start(w);
	/* from 127.0.0.2: whoever it is may park */
	d = dial(w, CALLER_URI, "*68701");
	CHECK_INT(d->status, 200);
	ack(d);
	in = invite(ALICE_URI, "701");
	in.source = "127.0.3.2";
	CHECK_INT(send_invite(w, &in)->status, 403);
	in = invite(ALICE_URI, "701");
	in.source = "2001:db9::1";
	CHECK_INT(send_invite(w, &in)->status, 403);
	/* in the network, but nobody of ours: two outsiders never meet */
	CHECK_INT(dial(w, "sip:+4930999@pbx.example.com", "701")->status, 403);
	in = invite(ALICE_URI, "701");
	in.source = "2001:db8::1";
	d = send_invite(w, &in);
	CHECK_INT(d->status, 200);
	ack(d);
	w->lots[0].may_park = elsewhere;
	w->lots[0].may_park_count = 1;
	in = invite(ALICE_URI, "700");
	in.referred_by = who(ALICE_URI);
	CHECK_INT(send_invite(w, &in)->status, 403);
	WORLD_END(w);
}

TEST_MAIN()
