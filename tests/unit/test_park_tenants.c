// SPDX-License-Identifier: GPL-2.0-or-later
/* Tenants with the same numbers, side by side: whatever one does, the other's
 * slots of these numbers are not touched and not told of.
 * rooms: park media audio sdp config base */
#include "park_parties.h"

static char *acme_domain[] = { "acme.example.com" };
static char *zeta_domain[] = { "zeta.example.com" };
static char *acme_users[] = { "1???@acme.example.com" };
static char *zeta_users[] = { "1???@zeta.example.com" };
static struct hf_config_tenant tenants[] = {
	{ .name = "acme", .domains = acme_domain, .domain_count = 1,
	  .domain = "acme.example.com",
	  .outbound_proxy = "sip:pbx.acme.example.com",
	  .internal = acme_users, .internal_count = 1 },
	{ .name = "zeta", .domains = zeta_domain, .domain_count = 1,
	  .domain = "zeta.example.com",
	  .internal = zeta_users, .internal_count = 1 },
};
#define ACME (&tenants[0])
#define ZETA (&tenants[1])

/* Each has 701-703, 700, *68, *88 and *89. */
static struct world *shared_with(struct hf_config_zone *zones, int count)
{
	struct world *w = world_new();

	lot_defaults(&w->lots[1]);
	w->lots[1].name = "zeta-main";
	for (int i = 0; i < 2; i++) {
		w->lots[i].of = &tenants[i];
		w->lots[i].tenant = tenants[i].name;
		w->lots[i].park_prefix = "*68";
		w->lots[i].pickup_prefix = "*88";
		w->lots[i].retrieve_oldest = "*89";
	}
	w->config.lot_count = 2;
	w->config.tenants = tenants;
	w->config.tenant_count = 2;
	w->config.zones = zones;
	w->config.zone_count = count;
	world_start(w);
	return w;
}

static struct world *shared(void)
{
	return shared_with(NULL, 0);
}

static struct hf_invite to_tenant(const struct hf_config_tenant *of,
				  const char *from, const char *to)
{
	struct hf_invite in = invite(from, to);

	in.tenant = of;
	in.no_tenant = !of;
	return in;
}

static struct hf_dialog *dial_as(struct world *w,
				 const struct hf_config_tenant *of,
				 const char *from, const char *to)
{
	struct hf_invite in = to_tenant(of, from, to);
	struct hf_dialog *d = send_invite(w, &in);

	if (d->status == 200)
		ack(d);
	return d;
}

static struct hf_dialog *park_as(struct world *w,
				 const struct hf_config_tenant *of,
				 const char *to)
{
	struct hf_invite in = to_tenant(of, CALLER_URI, to);
	struct hf_dialog *d;

	in.referred_by = who(of == ACME ? "sip:1001@acme.example.com" :
					  "sip:1001@zeta.example.com");
	d = send_invite(w, &in);
	if (d->status == 200)
		ack(d);
	return d;
}

static const char *state_in(struct world *w, const struct hf_config_tenant *of,
			    const char *number)
{
	struct hf_slot *s = hf_slot_by_number(w->park, of, number);

	return !s ? "none" : s->call ? hf_state_name(s->call->state) : "free";
}

#define ALICE_OF_ACME "sip:1001@acme.example.com"
#define BOB_OF_ACME   "sip:1002@acme.example.com"
#define BOB_OF_ZETA   "sip:1002@zeta.example.com"

TEST(the_same_slot_of_two_tenants_holds_two_calls)
{
	struct world *w = shared();
	struct hf_dialog *a = park_as(w, ACME, "701");
	struct hf_dialog *z = park_as(w, ZETA, "701");

	CHECK_INT(a->status, 200);
	CHECK_INT(z->status, 200);
	CHECK_STR(a->party->call->lot->config->name, "main");
	CHECK_STR(z->party->call->lot->config->name, "zeta-main");
	CHECK_STR(z->party->call->slot->name, "701");
	CHECK_STR(last(w, HF_EVENT_PARKED)->lot, "zeta-main");
	CHECK_STR(last(w, HF_EVENT_PARKED)->tenant, "zeta");
	/* each by each way to its own, however the number is written */
	park_as(w, ZETA, "*68702");
	park_as(w, ZETA, "park+703");
	CHECK_STR(state_in(w, ZETA, "703"), "parked");
	CHECK_STR(state_in(w, ACME, "702"), "free");
	CHECK_STR(state_in(w, ACME, "703"), "free");
	park_as(w, ACME, "700");
	CHECK_STR(state_in(w, ACME, "702"), "parked");
	WORLD_END(w);
}

TEST(a_pick_up_gets_the_tenants_own_call_or_none)
{
	static const char *const ways[] = { "701", "*88701", "*89" };
	struct world *w = shared();
	struct hf_dialog *a = park_as(w, ACME, "701"), *d;

	for (int i = 0; i < 3; i++) {
		CHECK_INT(dial_as(w, ZETA, BOB_OF_ZETA, ways[i])->status, 404);
		/* a colleague of one is nobody to the other */
		CHECK_INT(dial_as(w, ACME, BOB_OF_ZETA, ways[i])->status, 403);
	}
	CHECK_STR(state_in(w, ACME, "701"), "parked");
	d = dial_as(w, ACME, BOB_OF_ACME, "701");
	CHECK_INT(d->status, 200);
	CHECK(d->party->call == a->party->call);
	CHECK_STR(last(w, HF_EVENT_RETRIEVED)->tenant, "acme");
	WORLD_END(w);
}

TEST(a_call_that_is_no_tenants_gets_404_whatever_it_dials)
{
	static const char *const numbers[] = { "700", "701", "*68701", "*88701",
					       "*89", "park+701" };
	struct world *w = shared();

	park_as(w, ACME, "701");
	for (int i = 0; i < 6; i++) {
		struct hf_dialog *d =
			dial_as(w, NULL, ALICE_OF_ACME, numbers[i]);

		CHECK_INT(d->status, 404);
		CHECK_STR(last(w, HF_EVENT_REFUSED)->rule, "unknown-tenant");
		CHECK_STR(last(w, HF_EVENT_REFUSED)->lot, "");
	}
	WORLD_END(w);
}

TEST(replaces_does_not_reach_into_another_tenant)
{
	struct world *w = shared();
	struct hf_dialog *a = park_as(w, ACME, "701"), *d;
	struct hf_replaces r = { .call_id = a->call_id,
				 .to_tag = a->local_tag,
				 .from_tag = a->remote_tag };
	struct hf_invite in = to_tenant(ZETA, BOB_OF_ZETA, "701");

	in.replaces = &r;
	d = send_invite(w, &in);
	CHECK_INT(d->status, 481);
	in = to_tenant(NULL, BOB_OF_ACME, "701");
	in.replaces = &r;
	d = send_invite(w, &in);
	CHECK_INT(d->status, 404);
	in = to_tenant(ACME, BOB_OF_ACME, "701");
	in.replaces = &r;
	d = send_invite(w, &in);
	CHECK_INT(d->status, 200);
	ack(d);
	WORLD_END(w);
}

TEST(a_recall_goes_by_the_tenants_proxy_with_its_domain)
{
	struct world *w = shared();
	struct hf_dialog *r;

	park_as(w, ZETA, "701");
	park_as(w, ACME, "701");
	pass(w, w->lots[0].timeout_s + 1);
	r = w->dialogs;
	CHECK(r && r->uri[0] && r->next && r->next->uri[0]);
	if (strcmp(r->tenant, "acme"))
		r = r->next;
	CHECK_STR(r->tenant, "acme");
	CHECK_STR(r->uri, ALICE_OF_ACME);
	CHECK_STR(r->diversion, "sip:701@acme.example.com");
	r = r == w->dialogs ? r->next : w->dialogs;
	CHECK_STR(r->tenant, "zeta");
	CHECK_STR(r->diversion, "sip:701@zeta.example.com");
	WORLD_END(w);
}

TEST(a_supervisor_moves_a_call_within_its_tenant)
{
	struct world *w = shared();
	struct hf_dialog *z = park_as(w, ZETA, "701");
	const char *why = NULL;

	CHECK_INT(hf_park_move(w->park, z->party->call->id, "702", &why), 0);
	CHECK_STR(state_in(w, ZETA, "702"), "parked");
	CHECK_STR(state_in(w, ACME, "702"), "free");
	CHECK_INT(hf_park_move(w->park, z->party->call->id, "700", &why), 0);
	CHECK_STR(state_in(w, ZETA, "701"), "parked");
	CHECK_STR(state_in(w, ACME, "701"), "free");
	WORLD_END(w);
}

TEST(a_refer_parks_again_in_the_tenants_own_slot)
{
	struct world *w = shared();
	struct hf_dialog *d;

	park_as(w, ACME, "701");
	park_as(w, ZETA, "701");
	d = dial_as(w, ZETA, BOB_OF_ZETA, "701");
	CHECK_INT(d->status, 200);
	refer(d, "sip:701@zeta.example.com", NULL);
	CHECK_STR(state_in(w, ZETA, "701"), "parked");
	CHECK_STR(state_in(w, ACME, "701"), "parked");
	WORLD_END(w);
}

TEST(a_routing_rule_leads_to_no_other_tenants_lot)
{
	struct hf_config_route route = { .name = "all", .of = ACME, .called = "7*",
					 .lot = "main", .slot = "703" };
	struct world *w = shared();
	struct hf_dialog *d;

	w->config.routes = &route;
	w->config.route_count = 1;
	d = park_as(w, ZETA, "700");
	CHECK_STR(d->party->call->lot->config->name, "zeta-main");
	CHECK_STR(state_in(w, ZETA, "703"), "free");
	CHECK_INT(park_as(w, ZETA, "799")->status, 404);
	d = park_as(w, ACME, "799");
	CHECK_STR(state_in(w, ACME, "703"), "parked");
	WORLD_END(w);
}

TEST(a_call_is_called_out_in_its_tenants_own_zones_alone)
{
	static struct hf_config_page_target phone = {
		.uri = "sip:1003@pbx.example.com"
	};
	static struct hf_config_zone zones[] = {
		{ .name = "acme-hall", .tenant = "acme", .of = ACME,
		  .targets = &phone, .target_count = 1, .answer_s = 5 },
	};
	struct world *w = shared_with(zones, 1);
	const char *why;
	uint64_t call;

	park_as(w, ZETA, "701");
	call = last(w, HF_EVENT_PARKED)->call;
	CHECK_INT(hf_park_page(w->park, call, "acme-hall", &why), -ENOENT);
	CHECK_STR(why, "there is no such paging zone");
	/* nor because it is the only one */
	CHECK_INT(hf_park_page(w->park, call, NULL, &why), -EINVAL);
	park_as(w, ACME, "701");
	call = last(w, HF_EVENT_PARKED)->call;
	CHECK_INT(hf_park_page(w->park, call, "acme-hall", &why), 0);
	world_hang_up(w);
	hf_talks_end(w->park, true);
	pass(w, 30); /* the phone that is called is let go */
	WORLD_END(w);
}

TEST(lot_explain_says_whose_a_number_is)
{
	struct hf_explain ask = { .number = "700@zeta.example.com",
				  .from = BOB_OF_ZETA };
	struct world *w = shared();
	struct hf_explained e;

	CHECK_INT(hf_park_explain(w->park, &ask, &e), 0);
	CHECK_STR(e.tenant, "zeta");
	CHECK_STR(e.lot, "zeta-main");
	CHECK_STR(e.verdict, "reserve");
	ask.number = "700";
	CHECK_INT(hf_park_explain(w->park, &ask, &e), 0);
	CHECK_STR(e.rule, "unknown-tenant");
	ask.tenant = "acme";
	ask.from = "1001";
	CHECK_INT(hf_park_explain(w->park, &ask, &e), 0);
	CHECK_STR(e.lot, "main");
	CHECK_STR(e.verdict, "reserve");
	ask.tenant = "beta";
	CHECK_INT(hf_park_explain(w->park, &ask, &e), -EINVAL);
	CHECK_STR(e.wrong, "tenant");
	WORLD_END(w);
}

TEST_MAIN()
