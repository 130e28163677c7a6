/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paced program, one run at a time: which leg each run takes, and every
 * byte of what it writes. That the frames arrive is shown with holdfast-mediad.
 * rooms:
 */
#include <linux/bpf.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"

/* Blank paper with what an earlier frame left on it. */
static struct packet paper(void)
{
	struct packet p = {.len = HF_PACED_BYTES};

	memset(p.bytes, 0xa5, sizeof(p.bytes));
	return p;
}

static void hold(struct fixture *f, uint32_t leg)
{
	struct hf_program p = program_hold(leg);

	p.nexthop = HOP_ACROSS;
	leg_set(f, leg, &p, (uint16_t)(100 * leg));
}

static struct packet frame_of(struct fixture *f, uint32_t leg, uint32_t slot)
{
	struct shape s = shape_hold(f, leg, 10 + slot % 20);

	s.seq = (uint16_t)(100 * leg + slot);
	s.timestamp = 0xfffffff0 + 160 * slot;
	return packet_build(&s);
}

static void walk(struct fixture *f, uint32_t run, uint32_t first,
		 uint32_t count)
{
	f->work->run[run].first = first;
	f->work->run[run].count = count;
	f->work->runs = run + 1;
	f->work->at_run = 0;
	f->work->at_entry = 0;
	f->work->sent = 0;
}

TEST(a_blank_page_becomes_the_whole_frame_of_the_next_leg)
{
	FIXTURE(f);
	struct packet p = paper(), want;

	hold(f, 7);
	f->wheel[30].leg = 7;
	walk(f, 0, 30, 1);
	fixture_now(f, BASE);
	want = frame_of(f, 7, 0);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
	CHECK(packet_check_right(&p));
	CHECK_STR(fixture_counted(f), "hold_paced 1");
	CHECK_INT(f->claims[7].sent, 1);
	CHECK_INT(f->claims[7].skipped, 0);
	CHECK(f->claims[7].word == hf_word_make(5, 0, 41, 701, 1));
	CHECK_INT(f->work->sent, 1);
}

TEST(a_walk_takes_its_runs_in_order_and_ends)
{
	static const uint32_t order[] = {7, 8, 9, 40, 41};

	FIXTURE(f);
	for (int i = 0; i < 5; i++)
		hold(f, order[i]);
	for (int i = 0; i < 3; i++)
		f->wheel[30 + i].leg = order[i];
	f->wheel[100].leg = 40;
	f->wheel[101].leg = 41;
	walk(f, 0, 30, 3);
	walk(f, 1, 100, 2);
	fixture_now(f, BASE);
	for (int i = 0; i < 5; i++) {
		struct packet p = paper(), want = frame_of(f, order[i], 0);

		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
	}
	CHECK_STR(fixture_counted(f), "hold_paced 5");
	CHECK_INT(f->work->sent, 5);
	for (int i = 0; i < 3; i++) {
		struct packet p = paper();

		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
	}
	CHECK_STR(fixture_counted(f), "paced_idle 3");
	CHECK_INT(f->work->at_run, 2);
}

TEST(a_leg_whose_frame_is_not_due_is_passed_over)
{
	FIXTURE(f);
	struct packet p = paper(), before = p;
	uint64_t word;

	hold(f, 7);
	word = f->claims[7].word;
	f->wheel[30].leg = 7;
	walk(f, 0, 30, 1);
	fixture_now(f, BASE - 1);
	CHECK_INT(fixture_paced(f, &p), XDP_DROP);
	CHECK_PACKET(p, before);
	CHECK_STR(fixture_counted(f), "paced_idle 1");
	CHECK(f->claims[7].word == word);
}

TEST(a_leg_that_stands_in_the_wheel_twice_sends_one_frame)
{
	FIXTURE(f);
	struct packet p = paper();

	hold(f, 7);
	f->wheel[30].leg = 7;
	f->wheel[31].leg = 7;
	walk(f, 0, 30, 2);
	fixture_now(f, BASE + MS);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	p = paper();
	CHECK_INT(fixture_paced(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "hold_paced 1, paced_idle 1");
}

TEST(skipped_time_slots_are_counted_on_the_leg)
{
	FIXTURE(f);
	struct packet p = paper(), want;
	struct shape s;

	hold(f, 7);
	f->wheel[30].leg = 7;
	walk(f, 0, 30, 1);
	fixture_now(f, BASE + 201 * MS);
	s = shape_hold(f, 7, 20);
	s.seq = 700;
	s.timestamp = 0xfffffff0 + 1600;
	s.marker = 1;
	want = packet_build(&s);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_paced 1, hold_skipped 10");
	CHECK_INT(f->claims[7].skipped, 10);
}

TEST(a_shorter_frame_makes_the_page_shorter)
{
	static const uint32_t first[] = {FRAME_SHORT, FRAME_ODD};

	FIXTURE(f);
	for (int i = 0; i < 2; i++) {
		struct hf_program h = program_hold(7);
		struct shape s = shape_hold(f, 7, first[i]);
		struct packet p = paper(), want;

		h.nexthop = HOP_ACROSS;
		h.loop_first = first[i];
		leg_set(f, 7, &h, 700);
		f->wheel[30].leg = 7;
		walk(f, 0, 30, 1);
		fixture_now(f, BASE);
		s.seq = 700;
		s.timestamp = 0xfffffff0;
		want = packet_build(&s);
		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
	}
}

TEST(entries_that_are_empty_or_wrong_send_nothing)
{
	static const uint32_t wrong[] = {HF_LEG_NONE, 64, 20, 21, 22};

	FIXTURE(f);
	struct hf_program h = program_hold(21);

	h.mode = HF_MODE_RELAY;
	leg_set(f, 21, &h, 1);
	h = program_hold(22);
	h.remote_port = 0;
	leg_set(f, 22, &h, 1);
	for (int i = 0; i < 5; i++) {
		struct packet p = paper();

		f->wheel[30].leg = wrong[i];
		walk(f, 0, 30, 1);
		fixture_now(f, BASE + MS);
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "paced_idle 1");
	}
}

TEST(a_cursor_or_a_run_out_of_all_bounds_sends_nothing)
{
	static const struct {
		uint32_t runs, at_run, at_entry, first, count;
	} bad[] = {
		{0, 0, 0, 30, 1},
		{1, 0, 0, 30, 0},
		{1, 0, 0, 0xffffffff, 2},
		{1, 0, 0, HF_WHEEL_BUCKETS * 8, 1},
		{1, 0, 0xffffffff, 31, 0xffffffff},
		{0xffffffff, HF_WORK_RUNS, 0, 30, 1},
		{0xffffffff, 0xffffffff, 0, 30, 1},
	};

	FIXTURE(f);
	hold(f, 7);
	f->wheel[30].leg = 7;
	fixture_now(f, BASE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct packet p = paper();

		f->work->runs = bad[i].runs;
		f->work->at_run = bad[i].at_run;
		f->work->at_entry = bad[i].at_entry;
		f->work->run[0].first = bad[i].first;
		f->work->run[0].count = bad[i].count;
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "paced_idle 1");
	}
}

TEST(without_a_way_out_the_frame_stays_unclaimed)
{
	static const struct {
		uint16_t hop;
		const char *counted;
	} ways[] = {
		{HOP_UNRESOLVED, "drop_no_hop 1"},
		{HOP_UNKNOWN, "drop_no_hop 1"},
		{HOP_NO_REDIRECT, "drop_no_hop 1"},
		{HOP_GENERIC, "drop_no_hop 1"},
		{0, "drop_no_hop 1"},
		{HOP_NARROW, "drop_mtu 1"},
	};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct hf_program h = program_hold(7);
		struct packet p = paper();

		h.nexthop = ways[i].hop;
		leg_set(f, 7, &h, 700);
		f->wheel[30].leg = 7;
		walk(f, 0, 30, 1);
		fixture_now(f, BASE);
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), ways[i].counted);
		CHECK(f->claims[7].word == hf_word_make(5, 0, 0, 700, 0));
		CHECK_INT(f->work->sent, 0);
	}
}

TEST(a_caller_learned_behind_its_nat_is_sent_to_where_it_was_learned)
{
	FIXTURE(f);
	struct hf_program h = program_hold(7);
	struct shape in = shape_from_caller(7), out = shape_hold(f, 7, 10);
	struct packet p, want;

	h.nexthop = HOP_ACROSS;
	h.flags = HF_PROGRAM_LATCH;
	leg_set(f, 7, &h, 700);
	fixture_now(f, BASE - 100 * MS);
	in.sport = 61000;
	for (int i = 0; i < 3; i++) {
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	}
	f->wheel[30].leg = 7;
	walk(f, 0, 30, 1);
	fixture_now(f, BASE);
	out.seq = 700;
	out.timestamp = 0xfffffff0;
	out.dport = 61000;
	want = packet_build(&out);
	p = paper();
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
}

TEST(turn_around_and_the_timer_share_one_stream)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(7);

	hold(f, 7);
	f->wheel[30].leg = 7;
	for (uint32_t n = 0; n < 100; n++) {
		struct packet p, want = frame_of(f, 7, n);

		/* The timer misses every third; the caller's packet mends it.
		 */
		if (n % 3) {
			walk(f, 0, 30, 1);
			fixture_now(f, BASE + 20 * n * MS);
			p = paper();
			CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
			CHECK_PACKET(p, want);
		}
		fixture_now(f, BASE + (20 * n + 6) * MS);
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p),
			  n % 3 ? XDP_DROP : XDP_REDIRECT);
		if (n % 3 == 0)
			CHECK_PACKET(p, want);
	}
	CHECK_STR(fixture_counted(f),
		  "hold_turned 34, hold_paced 66, hold_not_due 66");
}

TEST_MAIN()
