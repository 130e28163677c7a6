// SPDX-License-Identifier: GPL-2.0-or-later
/* Routing rules, calls that only some may pick up, calls that nobody may park,
 * and what `lot explain` says of all that.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

static char *only_alice[] = { "1001", "9*@other.example" };
static struct hf_config_prefix net = { .bits = 96 + 24 };

/* Two lots, 701-703 and 801-802, and the rules. */
static struct world *routed(struct hf_config_route *routes, unsigned int count)
{
	struct world *w = world_new();

	w->config.lot_count = 2;
	lot_defaults(&w->lots[1]);
	w->lots[1].name = "second";
	w->lots[1].park = "800";
	w->lots[1].slot_first = 801;
	w->lots[1].slot_last = 802;
	w->config.routes = routes;
	w->config.route_count = count;
	world_start(w);
	return w;
}

static struct hf_dialog *park_with(struct world *w, const char *to,
				   const char *headers)
{
	struct hf_invite in = invite(CALLER_URI, to);
	struct hf_dialog *d;

	in.referred_by = who(ALICE_URI);
	in.carried = headers;
	d = send_invite(w, &in);
	if (d->status == 200)
		ack(d);
	return d;
}

TEST(the_first_rule_that_fits_chooses_lot_slot_and_park_time)
{
	struct hf_config_route routes[] = {
		{ .name = "no", .header = "X-Account: silver" },
		{ .name = "gold", .header = "X-Account: gold*",
		  .called = "700", .lot = "second", .slot = "802",
		  .park_time_s = 33 },
		{ .name = "late", .called = "700", .lot = "main" },
	};
	struct world *w = routed(routes, 3);
	const struct hf_call *call;
	struct hf_dialog *c;

	park_with(w, "700", "X-Other: 1\nX-Account: golden");
	CHECK_STR(slot_state(w, "802"), "parked");
	call = slot(w, "802")->call;
	CHECK_STR(call->route, "gold");
	CHECK_STR(call->rule, "park-transfer");
	CHECK_INT(call->park_time_s, 33);
	/* the slot is taken now: the next of that lot */
	park_with(w, "700", "X-Account: gold");
	CHECK_STR(slot_state(w, "801"), "parked");
	/* without the header the rule behind it fits */
	c = park_with(w, "700", "X-Account: tin\nX-Tail: gold");
	CHECK_STR(slot_state(w, "701"), "parked");
	CHECK_STR(c->party->call->route, "late");
	/* who dials a slot gets that slot */
	park_with(w, "703", "X-Account: gold");
	CHECK_STR(slot_state(w, "703"), "parked");
	WORLD_END(w);
}

TEST(a_rule_gives_a_number_that_is_nobodys_to_a_lot)
{
	struct hf_config_route routes[] = {
		{ .name = "did", .called = "49305550?", .lot = "second" },
		{ .name = "all", .caller = "*@*", .lot = "main" },
	};
	struct world *w = routed(routes, 2);

	park_with(w, "493055501", "");
	CHECK_STR(slot_state(w, "801"), "parked");
	/* a rule without `called` opens no other number */
	CHECK_INT(park_with(w, "493055599", "")->status, 404);
	WORLD_END(w);
}

TEST(rules_look_at_caller_parker_and_source_alike)
{
	struct hf_config_route routes[] = {
		{ .name = "net", .source = &net, .source_count = 1,
		  .lot = "second", .parker = "1002" },
		{ .name = "caller", .caller = "+4930*@*", .parker = "1001",
		  .lot = "second" },
	};
	struct world *w;

	hf_ip_parse("127.0.0.0", &net.net);
	w = routed(routes, 2);
	park_with(w, "700", "");
	CHECK_STR(slot(w, "801")->call->route, "caller");
	WORLD_END(w);
}

TEST(a_call_that_is_for_somebody_is_picked_up_by_nobody_else)
{
	struct hf_config_route routes[] = {
		{ .name = "private", .called = "700", .only = only_alice,
		  .only_count = 2 },
	};
	struct world *w = routed(routes, 1);
	struct hf_dialog *b, *a, *c = park_with(w, "700", "");

	CHECK_STR(c->party->call->only, "1001,9*@other.example");
	b = dial(w, BOB_URI, "701");
	CHECK_INT(b->status, 403);
	CHECK_STR(note(w, 0)->reason, "this call is for somebody else");
	CHECK_STR(slot_state(w, "701"), "parked");
	a = dial(w, ALICE_URI, "*88701");
	CHECK_INT(a->status, 200);
	ack(a);
	WORLD_END(w);
}

TEST(the_header_names_who_may_pick_up_and_its_parker_always_may)
{
	struct hf_invite in = invite(CALLER_URI, "700");
	struct world *w = world();
	struct hf_dialog *c, *d;

	in.referred_by = who(ALICE_URI);
	in.only = "1007, 1002@elsewhere.example";
	c = send_invite(w, &in);
	ack(c);
	CHECK_INT(dial(w, BOB_URI, "701")->status, 403);
	d = dial(w, ALICE_URI, "701");
	CHECK_INT(d->status, 200);
	ack(d);
	WORLD_END(w);
}

TEST(what_may_not_be_parked_is_refused_but_still_picked_up_for)
{
	struct hf_config_route routes[] = { { .name = "never",
					      .called = "7*",
					      .refuse = true } };
	struct hf_invite in = invite(CALLER_URI, "800");
	struct world *w = routed(routes, 1);
	struct hf_dialog *b;

	CHECK_INT(park_with(w, "700", "")->status, 403);
	CHECK_STR(note(w, 0)->reason, "a routing rule says: not to be parked");
	in.referred_by = who(ALICE_URI);
	in.no_park = true;
	CHECK_INT(send_invite(w, &in)->status, 403);
	park_one(w, "800");
	CHECK_STR(slot_state(w, "801"), "parked");
	b = dial(w, BOB_URI, "801");
	CHECK_INT(b->status, 200);
	ack(b);
	WORLD_END(w);
}

static struct hf_explained explain(struct world *w, struct hf_explain ask)
{
	struct hf_explained e;

	if (hf_park_explain(w->park, &ask, &e))
		e.verdict = "wrong";
	return e;
}

TEST(lot_explain_says_what_an_INVITE_would_mean_and_takes_nothing)
{
	struct hf_config_route routes[] = { { .name = "gold",
					      .header = "X-Account: gold",
					      .lot = "second" } };
	struct world *w = routed(routes, 1);
	struct hf_explained e;

	e = explain(w, (struct hf_explain){ .number = "700",
					    .from = CALLER_URI,
					    .transferred_by = ALICE_URI,
					    .headers = "X-Account: gold" });
	CHECK_STR(e.verdict, "park");
	CHECK_STR(e.rule, "park-transfer");
	CHECK_STR(e.routing, "gold");
	CHECK_STR(e.lot, "second");
	CHECK_STR(e.slot, "801");
	e = explain(w, (struct hf_explain){ .number = "700",
					    .from = ALICE_URI });
	CHECK_STR(e.verdict, "reserve");
	CHECK(!e.routing);
	e = explain(w, (struct hf_explain){ .number = "x;orbit=702",
					    .from = "1001@pbx.example.com" });
	CHECK_STR(e.rule, "park-only");
	CHECK_STR(e.slot, "702");
	e = explain(w, (struct hf_explain){ .number = "701", .from = BOB_URI });
	CHECK_STR(e.verdict, "refuse");
	CHECK_INT(e.status, 404);
	CHECK_STR(e.reason, "nobody is parked there");
	e = explain(w, (struct hf_explain){ .number = "700",
					    .from = "a b@c" });
	CHECK_STR(e.verdict, "wrong");
	CHECK_STR(e.wrong, "from");
	e = explain(w, (struct hf_explain){ .number = "700",
					    .source = "nowhere" });
	CHECK_STR(e.wrong, "source");
	WORLD_END(w);
}

TEST_MAIN()
