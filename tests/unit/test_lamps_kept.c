// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: presence config base */
/* Subscriptions that outlive the process: what is kept of them, what the next one
 * tells them and when, and what is not taken up again. */
#include "lamps_world.h"

TEST(subscriptions_survive_a_restart_with_rising_versions_at_a_paced_rate)
{
	struct hf_watch_record r[200];
	char call_id[200][32];
	unsigned int in_turn;
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	CHECK_INT(w.saved, 1);
	answer(x, 200);
	CHECK_STR(w.record.number, "701");
	CHECK_STR(w.record.dialog.call_id, "id@phone");
	for (int i = 0; i < 200; i++) {
		snprintf(call_id[i], sizeof(call_id[i]), "id%d@phone", i);
		r[i] = w.record;
		r[i].id = w.record.id + (uint64_t)i;
		r[i].dialog.call_id = call_id[i];
	}
	hf_lamps_destroy(w.lamps); /* as by a crash: nothing is sent or forgotten */
	CHECK_INT(w.forgotten, 0);
	memset(w.watcher, 0, sizeof(w.watcher));
	w.sent = 0;
	open_lamps(2);
	for (int i = 0; i < 200; i++)
		CHECK_INT(hf_lamps_restore(w.lamps, &r[i], w.now), 0);
	CHECK_INT(hf_lamps_restore(w.lamps, &r[0], w.now), -EEXIST);
	at(0);
	in_turn = w.sent;
	CHECK(in_turn <= 4);
	at(50);
	CHECK(w.sent >= 90 && w.sent <= 110);
	at(60);
	CHECK_INT(w.sent, 200);
	CHECK(strstr(w.watcher[0].body, "version=\"1048576\" state=\"full\""));
	answer(&w.watcher[0], 200);
	set(0, "parked", "A");
	CHECK(strstr(w.watcher[0].body, "version=\"1048577\""));
	x = watch("702");
	CHECK(x);
	close_world();
}

TEST(a_subscribe_after_a_long_silence_has_all_of_its_time)
{
	struct hf_watcher *x, *y;

	open_world();
	x = watch("701");
	answer(x, 200);
	w.now += 500000; /* nothing is due: nobody looks at the clock */
	y = watch("702");
	answer(y, 200);
	at(599999);
	CHECK(y->active);
	CHECK_INT(y->sent, 1);
	at(1);
	CHECK(!y->active);
	close_world();
}

TEST(a_restored_lamp_that_changes_before_its_turn_is_told_at_once)
{
	struct hf_watch_record r;
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 200);
	r = w.record;
	hf_lamps_destroy(w.lamps);
	memset(w.watcher, 0, sizeof(w.watcher));
	w.sent = 0;
	open_lamps(2);
	for (int i = 0; i < 20; i++, r.id++)
		CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), 0);
	at(0);
	CHECK(w.sent < 20);
	set(0, "parked", "A");
	CHECK_INT(w.sent, 20);
	close_world();
}

TEST(time_left_is_counted_by_the_clock_that_nobody_sets)
{
	struct hf_watch_record r;
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 200);
	r = w.record;
	hf_lamps_destroy(w.lamps);
	memset(w.watcher, 0, sizeof(w.watcher));
	open_lamps(2);
	/* the same boot: the wall clock was set to whatever */
	r.same_boot = true;
	r.expires_wall_ms = 1;
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now + 599999), 0);
	r.id++;
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now + 600000), -ETIME);
	/* another: what the monotonic clock said means nothing, and a wall
	 * clock that was set back gives no more than the configuration */
	r.id++;
	r.same_boot = false;
	r.expires_ms = 1;
	r.expires_wall_ms = hf_wall_ms() + 1000000000;
	w.now += 600000;
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), 0);
	at(3599999);
	CHECK(w.watcher[1].active);
	w.watcher[1].under_way = false;
	hf_watch_calls.sent(w.watcher[1].watch, 200, 0);
	at(1);
	CHECK(!w.watcher[1].active);
	close_world();
}

TEST(without_a_park_all_slots_are_free_and_everybody_is_told)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 200);
	set(0, "parked", "A");
	CHECK(!hf_lamps_idle(w.lamps));
	answer(x, 200);
	CHECK(hf_lamps_idle(w.lamps));
	hf_lamps_attach(w.lamps, NULL, w.now);
	CHECK(!hf_lamps_idle(w.lamps));
	at(1000);
	CHECK(strstr(x->body, "<state>terminated</state>"));
	CHECK(x->active);
	answer(x, 200);
	CHECK(hf_lamps_idle(w.lamps));
	close_world();
}

TEST(what_is_gone_or_over_is_not_restored)
{
	struct hf_watch_record r;

	open_world();
	watch("701");
	r = w.record;
	close_world();
	memset(w.watcher, 0, sizeof(w.watcher));
	open_lamps(2);
	r.number = "999";
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), -ENOENT);
	CHECK_STR(w.watcher[0].reason, "noresource");
	CHECK(!w.watcher[0].active && w.watcher[0].released);
	r = w.record;
	r.who = "sip:9999@pbx";
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), -EACCES);
	CHECK_STR(w.watcher[1].reason, "rejected");
	CHECK(w.watcher[1].released);
	r = w.record;
	r.expires_wall_ms = hf_wall_ms() - 1;
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), -ETIME);
	r = w.record;
	r.version = UINT32_MAX;
	CHECK_INT(hf_lamps_restore(w.lamps, &r, w.now), -ERANGE);
	CHECK_INT(w.forgotten, 4);
	close_world();
}

TEST(lamps_of_two_tenants_with_one_number_are_two_lamps)
{
	static struct hf_config_tenant tenants[] = { { .name = "acme" },
						     { .name = "zeta" } };
	struct hf_subscribe in = { .user = "701", .uri = "sip:701@zeta",
				   .event = "dialog", .has_expires = true,
				   .expires = 600, .tenant = &tenants[1],
				   .from = { "sip:1001@pbx", "1001", "pbx", "" } };
	struct hf_config_lot lots[2];
	struct hf_subscribed out;
	struct hf_watcher *x;

	open_world();
	close_world();
	/* slots 0-9 are acme's 701-710, 10-19 zeta's */
	lots[0] = lots[1] = w.lot;
	lots[0].slot_last = lots[1].slot_last = 710;
	lots[1].name = "zeta-main";
	lots[0].of = w.list.of = &tenants[0];
	lots[1].of = &tenants[1];
	w.config.lots = lots;
	w.config.lot_count = 2;
	w.config.tenants = tenants;
	w.config.tenant_count = 2;
	for (int i = 0; i < 20; i++) {
		snprintf(w.name[i], sizeof(w.name[i]), "%d", 701 + i % 10);
		w.slot[i].lot = lots[i / 10].name;
	}
	open_lamps(1);
	x = adopt(NULL, NULL, NULL);
	x->watch = hf_watch_calls.subscribe(w.lamps, x, &in, &out);
	if (!x->watch)
		abort();
	hf_watch_calls.keep(x->watch, &dialog);
	hf_watch_calls.start(x->watch);
	at(0);
	answer(x, 200);
	CHECK_STR(w.record.number, "zeta/701");
	set(0, "parked", "Of acme");
	at(2000);
	CHECK_INT(x->sent, 1);
	set(10, "parked", "Of zeta");
	CHECK_INT(x->sent, 2);
	CHECK(strstr(x->body, "display=\"Of zeta\""));
	answer(x, 200);
	/* nobody's, and a list that is another's */
	in.no_tenant = true;
	CHECK(!hf_watch_calls.subscribe(w.lamps, x, &in, &out));
	CHECK_INT(out.status, 404);
	in.no_tenant = false;
	in.user = "all";
	CHECK(!hf_watch_calls.subscribe(w.lamps, x, &in, &out));
	CHECK_INT(out.status, 404);
	/* the next process watches the same one */
	close_world();
	open_lamps(2);
	w.record.expires_ms = w.now + 500000;
	w.record.same_boot = true;
	CHECK_INT(hf_lamps_restore(w.lamps, &w.record, w.now), 0);
	at(100);
	for (int i = 0; i < 400; i++)
		if (w.watcher[i].used && strstr(w.watcher[i].body, "Of zeta"))
			x = &w.watcher[i];
	CHECK(strstr(x->body, "Of zeta") && !strstr(x->body, "Of acme"));
	close_world();
}

TEST(a_network_may_watch_and_goes_on_over_a_restart)
{
	static char *net[] = { "192.0.2.0/24" };
	struct hf_subscribe in = { .user = "701", .uri = "sip:701@park",
				   .event = "dialog", .has_expires = true,
				   .expires = 600, .source = "192.0.3.9",
				   .from = { "sip:x@y", "x", "y", "" } };
	struct hf_subscribed out;
	struct hf_watcher *x;

	open_world();
	w.lot.may_watch = net;
	x = adopt(NULL, NULL, NULL);
	CHECK(!hf_watch_calls.subscribe(w.lamps, x, &in, &out));
	CHECK_INT(out.status, 403);
	in.source = "192.0.2.9";
	x->watch = hf_watch_calls.subscribe(w.lamps, x, &in, &out);
	CHECK_INT(out.status, 200);
	if (!x->watch)
		abort();
	hf_watch_calls.keep(x->watch, &dialog);
	hf_watch_calls.start(x->watch);
	at(0);
	answer(x, 200);
	close_world();
	open_lamps(2);
	w.record.expires_ms = w.now + 500000;
	w.record.same_boot = true;
	CHECK_INT(hf_lamps_restore(w.lamps, &w.record, w.now), 0);
	close_world();
}

TEST_MAIN()
