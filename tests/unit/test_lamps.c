// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: presence config base */
/* Whom the lamps tell what, and when. What the next process takes up of them is
 * in test_lamps_kept.c. */
#include "lamps_world.h"

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

TEST_MAIN()
