// SPDX-License-Identifier: GPL-2.0-or-later
/* Which buckets the paced sender visits, and how it lists their elements. */
/* rooms: mediad base */
#include "test.h"

#include "holdfast/claim.h"
#include "mediad/pacer.h"

static const uint32_t ptimes[] = {
#define X(ptime, base) ptime,
	HF_WHEEL_CLASSES(X)
#undef X
};
#define CLASSES (sizeof(ptimes) / sizeof(ptimes[0]))

/* A small generator of our own: the same numbers everywhere. */
static uint32_t rnd(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

TEST(each_millisecond_has_its_turn_once_when_the_clock_ticks)
{
	struct hf_pacer p;
	uint64_t ms = 1000;

	hf_pacer_start(&p, ms);
	while (ms++ < 1200) {
		for (size_t c = 0; c < CLASSES; c++) {
			struct hf_pacer_run r = hf_pacer_due(&p, ms, ptimes[c]);

			CHECK_INT(r.count, 1);
			CHECK_INT(r.first, ms % ptimes[c]);
		}
		hf_pacer_done(&p, ms, ms);
	}
}

TEST(no_bucket_is_missed_or_visited_twice_however_late_the_turns_are)
{
	uint32_t seed = 2463534242u;
	struct hf_pacer p;
	uint64_t ms = 5;

	hf_pacer_start(&p, ms);
	for (int turn = 0; turn < 20000; turn++) {
		uint64_t before = ms;

		ms += rnd(&seed) % (turn % 7 ? 4 : 90);
		for (size_t c = 0; c < CLASSES; c++) {
			uint32_t visits[60] = {0}, wanted[60] = {0};
			struct hf_pacer_run r = hf_pacer_due(&p, ms, ptimes[c]);

			for (uint32_t i = 0; i < r.count; i++)
				visits[(r.first + i) % ptimes[c]]++;
			for (uint64_t t = before + 1; t <= ms; t++)
				wanted[t % ptimes[c]] = 1;
			CHECK_MEM(visits, wanted, sizeof(visits));
		}
		hf_pacer_done(&p, ms, ms);
	}
}

TEST(buckets_come_in_the_order_of_their_deadlines)
{
	struct hf_pacer_run r;
	struct hf_pacer p;

	hf_pacer_start(&p, 1017);
	r = hf_pacer_due(&p, 1023, 20); /* 1018 .. 1023 */
	CHECK_INT(r.first, 18);
	CHECK_INT(r.count, 6);
	r = hf_pacer_due(&p, 2000, 20); /* 1981 .. 2000 */
	CHECK_INT(r.first, 1);
	CHECK_INT(r.count, 20);
}

TEST(a_turn_at_the_same_millisecond_or_an_earlier_one_visits_nothing)
{
	struct hf_pacer p;

	hf_pacer_start(&p, 500);
	CHECK_INT(hf_pacer_due(&p, 500, 20).count, 0);
	CHECK_INT(hf_pacer_due(&p, 499, 20).count, 0);
	hf_pacer_done(&p, 499, 499);
	CHECK_INT(p.last_ms, 500);
}

TEST(a_late_turn_is_followed_by_sweeps_and_then_by_none)
{
	struct hf_pacer p;
	uint64_t ms = 1000;
	unsigned int sweeps = 0;

	hf_pacer_start(&p, ms);
	for (; ms < 1100; ms++) /* those of the start are over */
		hf_pacer_done(&p, ms, ms);
	CHECK(!hf_pacer_sweeping(&p, ms));
	ms += 45;
	hf_pacer_done(&p, ms, ms);
	CHECK(!hf_pacer_sweeping(&p, ms + 1));
	for (uint64_t end = ms + 200; ms < end; ms++) {
		sweeps += hf_pacer_sweeping(&p, ms);
		hf_pacer_done(&p, ms, ms);
	}
	CHECK_INT(sweeps, HF_PACER_SWEEPS);
}

TEST(sleep_ends_at_the_next_filled_bucket_but_is_never_longer_than_a_nap)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p = {0};

	CHECK_INT(hf_pacer_next(&p, 1000, fill), 0);
	fill[100 + 39].entries = 1; /* 60 ms packets, just before 1000 */
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1000 + HF_PACER_NAP_MS);
	fill[10 + 12].entries = 1; /* 20 ms packets, due at ..12 */
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1012);
	CHECK_INT(hf_pacer_next(&p, 1011, fill), 1012);
	CHECK_INT(hf_pacer_next(&p, 1012, fill), 1032);
	CHECK_INT(hf_pacer_next(&p, 1031, fill), 1032);
	fill[100 + 59].entries = 1; /* 60 ms packets */
	CHECK_INT(hf_pacer_next(&p, 60058, fill), 60060);
	memset(fill, 0, sizeof(fill));
	CHECK_INT(hf_pacer_next(&p, 1011, fill), 0);
	p.sweeps = 1;
	p.sweep_ms = 1002;
	fill[10 + 12].entries = 1;
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1002);
}

/* Serve one leg of that class and bucket for a while, as the sender does: at one
 * distance, never early, always before turn-around takes over. */
static bool served(struct hf_wheel_fill *fill, size_t class, uint32_t bucket)
{
	uint64_t ptime = ptimes[class], last = 0, ms = 6000;
	struct hf_pacer p;

	hf_pacer_start(&p, ms);
	p.sweeps = 0;
	while (ms < 6600) {
		struct hf_pacer_run r;
		uint64_t before = ms;

		ms = hf_pacer_next(&p, ms, fill);
		r = hf_pacer_due(&p, ms, (uint32_t)ptime);
		hf_pacer_done(&p, ms, ms);
		if (ms <= before || p.sweeps)
			return false;
		if ((bucket + ptime - r.first) % ptime >= r.count)
			continue;
		if (last && ms - last != ptime)
			return false;
		last = ms;
		if ((ms - bucket) % ptime * HF_MS >= HF_TURN_LATE_NS)
			return false;
	}
	return last;
}

TEST(a_leg_of_any_millisecond_is_served_at_a_constant_distance)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS];

	for (size_t c = 0, base = 0; c < CLASSES; base += ptimes[c++]) {
		for (uint32_t b = 0; b < ptimes[c]; b++) {
			memset(fill, 0, sizeof(fill));
			fill[base + b].entries = 1;
			CHECK(served(fill, c, b));
		}
	}
}

TEST(a_nap_is_not_taken_for_a_late_turn_but_a_turn_long_after_it_is)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p;
	uint64_t ms;

	hf_pacer_start(&p, 1000);
	p.sweeps = 0;
	fill[10].entries = 1;
	ms = hf_pacer_next(&p, 1000, fill);
	CHECK_INT(ms, 1020);
	hf_pacer_done(&p, ms, ms);
	CHECK_INT(p.sweeps, 0);
	ms = hf_pacer_next(&p, ms, fill) + HF_PACER_LATE_MS;
	hf_pacer_done(&p, ms, ms);
	CHECK_INT(p.sweeps, HF_PACER_SWEEPS);
	/* Held up amid a turn: the call waits for others who attach programs. */
	p.sweeps = 0;
	ms = hf_pacer_next(&p, ms, fill);
	hf_pacer_done(&p, ms, ms + HF_PACER_LATE_MS);
	CHECK_INT(p.sweeps, 0);
	ms = hf_pacer_next(&p, ms, fill);
	hf_pacer_done(&p, ms, ms + HF_PACER_LATE_MS + 1);
	CHECK_INT(p.sweeps, HF_PACER_SWEEPS);
	CHECK(p.sweep_ms > ms + HF_PACER_LATE_MS);
}

TEST(elements_side_by_side_become_one_run_and_small_holes_are_walked_over)
{
	static struct hf_work w;

	memset(&w, 0, sizeof(w));
	for (uint32_t e = 100; e < 110; e++)
		CHECK(hf_runs_add(&w, e));
	CHECK_INT(w.runs, 1);
	CHECK_INT(w.run[0].count, 10);
	CHECK(hf_runs_add(&w, 110 + HF_RUN_HOLE));
	CHECK_INT(w.runs, 1);
	CHECK_INT(w.run[0].count, 11 + HF_RUN_HOLE);
	CHECK(hf_runs_add(&w, 200));
	CHECK(hf_runs_add(&w, 50)); /* the wheel went round */
	CHECK_INT(w.runs, 3);
	CHECK_INT(w.run[2].first, 50);
	CHECK_INT(hf_runs_left(&w), 11 + HF_RUN_HOLE + 2);
}

TEST(no_element_is_lost_when_the_runs_are_used_up)
{
	static struct hf_work w;
	uint32_t taken = 0, sent = 0;

	memset(&w, 0, sizeof(w));
	for (uint32_t e = 0; e < 1000; e++) {
		if (!hf_runs_add(&w, e * 10)) {
			sent += hf_runs_left(&w);
			w.runs = 0;
			CHECK(hf_runs_add(&w, e * 10));
		}
		taken++;
	}
	CHECK(w.runs <= HF_WORK_RUNS);
	CHECK_INT(sent + hf_runs_left(&w), taken);
}

TEST(the_cursor_says_how_much_of_a_walk_is_left)
{
	static struct hf_work w;

	memset(&w, 0, sizeof(w));
	w.runs = 2;
	w.run[0].count = 7;
	w.run[1].count = 5;
	CHECK_INT(hf_runs_left(&w), 12);
	w.at_entry = 6;
	CHECK_INT(hf_runs_left(&w), 6);
	w.at_run = 1;
	w.at_entry = 2;
	CHECK_INT(hf_runs_left(&w), 3);
	w.at_run = 2;
	w.at_entry = 0;
	CHECK_INT(hf_runs_left(&w), 0);
	/* Whatever stands there, a walk has an end. */
	w.at_run = 1;
	w.at_entry = 99;
	CHECK_INT(hf_runs_left(&w), 0);
	w.at_run = HF_WORK_RUNS + 7;
	CHECK_INT(hf_runs_left(&w), 0);
}

TEST_MAIN()
