// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: presence config base */
/*
 * The lamps alone: a park made of paper, a SIP side that writes down what it is
 * asked to send, and time that the test moves.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

#include "base/clock.h"
#include "config/config.h"
#include "events/event.h"
#include "park/park.h"
#include "presence/lamps.h"

#include "test.h"

#define SLOTS 30

struct hf_watcher {
	struct hf_watch *watch;
	bool used, released, under_way;
	unsigned int sent;
	char body[16384], reason[32];
	bool active;
};

static struct world {
	struct hf_config config;
	struct hf_config_lot lot;
	struct hf_config_lamp_list list;
	struct hf_slot_view slot[SLOTS];
	char name[SLOTS][16];
	struct hf_lamps *lamps;
	struct hf_watcher watcher[400];
	uint64_t now;
	int refuse; /* errno of notify() */
	unsigned int saved, forgotten, sent;
	struct hf_watch_record record;
	char text[12][128];
} w;

/* The park. */
bool hf_park_slot(struct hf_park *park, uint64_t now_ms, uint32_t slot,
		  struct hf_slot_view *ret)
{
	if (slot >= SLOTS)
		return false;
	*ret = w.slot[slot];
	return true;
}

static int notify(struct hf_watcher *x, const struct hf_notify *n)
{
	if (w.refuse)
		return -w.refuse;
	if (x->under_way || x->released)
		printf("# NOTIFY while one is under way, or after the end\n"), abort();
	x->under_way = true;
	x->sent++;
	w.sent++;
	x->active = n->active;
	snprintf(x->reason, sizeof(x->reason), "%s", n->reason ? n->reason : "");
	snprintf(x->body, sizeof(x->body), "%.*s", (int)n->len, n->body);
	return 0;
}

static void release(struct hf_watcher *x)
{
	if (x->released)
		abort();
	x->released = true;
}

static struct hf_watcher *adopt(void *stack, struct hf_watch *watch,
				const struct hf_watch_dialog *d)
{
	for (int i = 0; i < 400; i++)
		if (!w.watcher[i].used) {
			w.watcher[i].used = true;
			w.watcher[i].watch = watch;
			return &w.watcher[i];
		}
	return NULL;
}

static const char *keep(int i, const char *text)
{
	snprintf(w.text[i], sizeof(w.text[i]), "%s", text);
	return w.text[i];
}

static void save(void *arg, const struct hf_watch_record *r)
{
	w.saved++;
	w.record = *r;
	w.record.dialog.call_id = keep(0, r->dialog.call_id);
	w.record.dialog.local = keep(1, r->dialog.local);
	w.record.dialog.remote = keep(2, r->dialog.remote);
	w.record.dialog.contact = keep(3, r->dialog.contact);
	w.record.dialog.route = keep(4, r->dialog.route);
	w.record.dialog.listener = keep(5, r->dialog.listener);
	w.record.number = keep(6, r->number);
	w.record.entity = keep(7, r->entity);
	w.record.event = keep(8, r->event);
	w.record.event_id = keep(9, r->event_id);
	w.record.type = keep(10, r->type);
	w.record.who = keep(11, r->who);
}

static void forget(void *arg, uint64_t id)
{
	w.forgotten++;
}

static const struct hf_watch_ops ops = { notify, release, adopt };
static const struct hf_watch_store store = { save, forget, NULL };
static char *internal[] = { "1???@pbx" };
static char *may[] = { "internal" };
static char *entries[] = { "701-730" };
static const struct hf_watch_dialog dialog = {
	"id@phone", "<sip:701@park>;tag=us", "<sip:1001@pbx>;tag=them",
	"sip:1001@192.0.2.9:5060", "", "udp:192.0.2.1:5060", 7, 1, "",
};

static uint64_t now_ms(void)
{
	return w.now;
}

static void open_lamps(uint32_t epoch)
{
	const struct hf_lamps_wiring wiring = { .config = &w.config,
						.ops = &ops,
						.store = &store,
						.epoch = epoch,
						.now_ms = now_ms };

	if (hf_lamps_create(&wiring, &w.lamps))
		abort();
	hf_lamps_attach(w.lamps, (struct hf_park *)&w, w.now);
	hf_lamps_run(w.lamps, w.now);
}

static void open_world(void)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.lot = (struct hf_config_lot){ .name = "main", .park = "700",
					.slot_prefix = "", .slot_first = 701,
					.slot_last = 700 + SLOTS,
					.slot_digits = 3, .may_watch = may,
					.may_watch_count = 1 };
	w.list = (struct hf_config_lamp_list){ .name = "all",
						.entries = entries,
						.entry_count = 1 };
	w.config.lots = &w.lot;
	w.config.lot_count = 1;
	w.config.sip.internal = internal;
	w.config.sip.internal_count = 1;
	w.config.lamps.lists = &w.list;
	w.config.lamps.list_count = 1;
	w.config.lamps.min_expires_s = 60;
	w.config.lamps.max_expires_s = 3600;
	for (int i = 0; i < SLOTS; i++) {
		snprintf(w.name[i], sizeof(w.name[i]), "%d", 701 + i);
		w.slot[i] = (struct hf_slot_view){ .lot = "main",
						   .slot = w.name[i],
						   .state = "free" };
	}
	open_lamps(1);
}

static void close_world(void)
{
	hf_lamps_destroy(w.lamps);
}

static void at(uint64_t ms)
{
	w.now += ms;
	for (int i = 0; i < 100 && hf_lamps_next_ms(w.lamps) <= w.now; i++)
		hf_lamps_run(w.lamps, w.now);
}

static void set(int slot, const char *state, const char *name)
{
	w.slot[slot].state = state;
	w.slot[slot].call = strcmp(state, "free") ? 17 : 0;
	w.slot[slot].caller_name = name;
	w.slot[slot].caller_number = "4930";
	w.slot[slot].caller_uri = "sip:4930@pbx";
	hf_lamps_slot_changed(w.lamps, (uint32_t)slot);
	at(0);
}

static struct hf_watcher *watch_as(const char *number, uint32_t expires,
				   const char *event)
{
	char uri[64];
	struct hf_subscribe in = { .user = number, .uri = uri, .event = event,
				   .from = { "sip:1001@pbx", "1001", "pbx", "" },
				   .eventlist = true, .has_expires = true,
				   .expires = expires };
	struct hf_subscribed out;
	struct hf_watcher *x = adopt(NULL, NULL, NULL);

	snprintf(uri, sizeof(uri), "sip:%s@park", number);
	x->watch = hf_watch_calls.subscribe(w.lamps, x, &in, &out);
	if (!x->watch)
		return NULL;
	hf_watch_calls.keep(x->watch, &dialog);
	hf_watch_calls.start(x->watch);
	at(0);
	return x;
}

static struct hf_watcher *watch(const char *number)
{
	return watch_as(number, 600, "dialog");
}

static void answer(struct hf_watcher *x, int status)
{
	x->under_way = false;
	hf_watch_calls.sent(x->watch, status, 0);
	at(0);
}

TEST(the_first_change_goes_at_once_and_the_next_after_a_second)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	CHECK_INT(x->sent, 1);
	answer(x, 200);
	set(0, "parked", "A");
	CHECK_INT(x->sent, 2);
	answer(x, 200);
	set(0, "free", "");
	at(999);
	CHECK_INT(x->sent, 2);
	set(0, "parked", "B");
	at(1);
	CHECK_INT(x->sent, 3);
	CHECK(strstr(x->body, "display=\"B\""));
	answer(x, 200);
	close_world();
}

TEST(one_is_under_way_at_a_time_and_the_last_state_follows)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	set(0, "parked", "A");
	set(0, "recalling", "A");
	at(20000);
	CHECK_INT(x->sent, 1);
	answer(x, 200);
	CHECK_INT(x->sent, 2);
	CHECK(strstr(x->body, "<state>early</state>"));
	close_world();
}

TEST(a_change_that_nobody_sees_is_not_sent)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 200);
	set(0, "arriving", "A");
	CHECK_INT(x->sent, 1);
	set(0, "parked", "A");
	CHECK_INT(x->sent, 2);
	answer(x, 200);
	at(5000);
	set(0, "claimed", "A");
	CHECK_INT(x->sent, 2);
	close_world();
}

TEST(a_watcher_that_does_not_answer_is_probed_ever_more_rarely)
{
	static const uint64_t wait[] = { 1000, 30000, 60000, 120000 };
	struct hf_lamp_totals t;
	struct hf_watcher *x;

	open_world();
	x = watch_as("701", 3600, "dialog");
	for (int i = 0; i < 4; i++) {
		answer(x, 408);
		at(wait[i] - 1);
		CHECK_INT(x->sent, i + 1);
		at(1);
		CHECK_INT(x->sent, i + 2);
	}
	hf_lamps_totals(w.lamps, &t);
	CHECK_INT(t.lost, 4);
	CHECK_INT(t.probing, 1);
	answer(x, 200);
	hf_lamps_totals(w.lamps, &t);
	CHECK_INT(t.probing, 0);
	CHECK_INT(t.subscriptions, 1);
	close_world();
}

TEST(a_481_ends_it_and_others_do_not)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 503);
	CHECK(!x->released);
	at(1000);
	answer(x, 481);
	CHECK(x->released);
	CHECK_INT(w.forgotten, 1);
	close_world();
}

TEST(a_subscription_expires_with_a_last_notify_even_while_one_is_lost)
{
	struct hf_watcher *x, *y;

	open_world();
	x = watch("701");
	y = watch("702");
	answer(x, 200);
	at(600000);
	CHECK(!x->active);
	CHECK_STR(x->reason, "timeout");
	CHECK(!x->released);
	answer(x, 200);
	CHECK(x->released);
	CHECK_INT(y->sent, 1);
	answer(y, 408);
	CHECK_INT(y->sent, 2);
	CHECK(!y->active);
	answer(y, 408);
	CHECK(y->released);
	close_world();
}

TEST(names_are_made_xml_whatever_they_are)
{
	struct hf_watcher *x;

	open_world();
	x = watch("701");
	answer(x, 200);
	set(0, "parked", "J\xfcrgen <&\"\x1b\x01 \xe2\x82\xac \xed\xa0\x80");
	CHECK(strstr(x->body, "J\xef\xbf\xbdrgen &lt;&amp;&quot;   \xe2\x82\xac "
			      "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
	close_world();
}

TEST(a_whole_lot_is_told_in_full_after_a_loss)
{
	struct hf_watcher *x;

	open_world();
	x = watch("700");
	answer(x, 200);
	set(0, "parked", "A");
	CHECK(strstr(x->body, "state=\"partial\""));
	answer(x, 408);
	at(1000);
	CHECK(strstr(x->body, "state=\"full\""));
	CHECK(strstr(x->body, "<dialog id=\"701\""));
	answer(x, 200);
	close_world();
}

TEST(a_crowded_lot_is_always_told_in_full)
{
	struct hf_watcher *x;

	open_world();
	for (int i = 0; i < SLOTS; i++)
		set(i, "parked", "A");
	x = watch("700");
	answer(x, 200);
	set(3, "free", "");
	CHECK(strstr(x->body, "state=\"full\""));
	CHECK(strstr(x->body, "29 waiting"));
	answer(x, 200);
	for (int i = 4; i < SLOTS; i++)
		set(i, "free", "");
	at(1000);
	CHECK(strstr(x->body, "state=\"full\""));
	CHECK(strstr(x->body, "3 waiting"));
	answer(x, 200);
	at(1000);
	set(0, "free", "");
	CHECK(strstr(x->body, "state=\"partial\""));
	close_world();
}

TEST(a_list_comes_in_parts_without_waiting_and_loses_none)
{
	struct hf_watcher *x;
	bool seen[SLOTS] = { false };
	char cid[32];
	int parts = 0;

	open_world();
	x = watch("all");
	do {
		for (int i = 0; i < SLOTS; i++) {
			snprintf(cid, sizeof(cid), "instance id=\"%d\"", 701 + i);
			seen[i] |= !!strstr(x->body, cid);
		}
		CHECK(!!strstr(x->body, "fullState=\"true\"") == !parts);
		answer(x, 200);
	} while (++parts < 40 && x->under_way);
	CHECK(parts > 1 && parts < 40);
	for (int i = 0; i < SLOTS; i++)
		CHECK(seen[i]);
	at(5000);
	set(4, "parked", "A");
	CHECK(strstr(x->body, "instance id=\"705\""));
	CHECK(!strstr(x->body, "instance id=\"704\""));
	close_world();
}

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

TEST(three_hundred_watchers_with_a_notify_under_way_all_come_back)
{
	struct hf_lamp_totals t;
	struct hf_watcher *x[300];

	open_world();
	for (int i = 0; i < 300; i++)
		x[i] = watch("701");
	for (int i = 0; i < 300; i++)
		answer(x[i], 200);
	set(0, "parked", "A");
	at(0);
	for (int i = 0; i < 300; i++)
		CHECK_INT(x[i]->sent, 2);
	for (int i = 0; i < 300; i++)
		answer(x[i], 200);
	at(600000);
	for (int i = 0; i < 300; i++)
		answer(x[i], 200);
	hf_lamps_totals(w.lamps, &t);
	CHECK_INT(t.subscriptions, 0);
	CHECK_INT(t.expired, 300);
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
