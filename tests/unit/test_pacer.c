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
	struct hf_pacer p = {0};
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
	struct hf_pacer p = {0};
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
	struct hf_pacer p = {0};

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
	struct hf_pacer p = {0};

	hf_pacer_start(&p, 500);
	CHECK_INT(hf_pacer_due(&p, 500, 20).count, 0);
	CHECK_INT(hf_pacer_due(&p, 499, 20).count, 0);
	hf_pacer_done(&p, 499, 499);
	CHECK_INT(p.last_ms, 500);
}

TEST(a_late_turn_is_followed_by_sweeps_and_then_by_none)
{
	struct hf_pacer p = {0};
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

/* So many entries for somebody else, at the last bucket. */
#define CROWD_AT (HF_WHEEL_BUCKETS - 1)

TEST(sleep_ends_at_the_next_filled_bucket_but_is_never_longer_than_a_nap)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p = {0};

	CHECK_INT(hf_pacer_next(&p, 1000, fill), 0);
	p.grid_ms = HF_PACER_GRID_MS;
	fill[100 + 39].entries = HF_PACER_MANY; /* 60 ms, just before 1000 */
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
	fill[10 + 12].entries = 1;
	p.grid_ms = HF_PACER_GRID_MS;
	p.sweeps = 1;
	p.sweep_ms = 1002;
	fill[CROWD_AT].entries = HF_PACER_MANY;
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1002);
}

TEST(with_few_entries_sleep_ends_at_a_coarser_grid)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p = {0};

	fill[100 + 39].entries = 1; /* 60 ms packets, just before 1000 */
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1000 + HF_PACER_NAP_MS);
	fill[10 + 11].entries = 1; /* 20 ms packets, due at ..11 */
	fill[10 + 15].entries = 1;
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1015);
	CHECK_INT(hf_pacer_next(&p, 1012, fill), 1015);
	CHECK_INT(hf_pacer_next(&p, 1015, fill), 1035);
	fill[10 + 16].entries = 1;
	CHECK_INT(hf_pacer_next(&p, 1015, fill), 1020);
	p.sweeps = 1;
	p.sweep_ms = 1002;
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1005);
}

TEST(with_few_entries_of_20_or_30_ms_alone_it_is_coarser_still)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p = {0};

	fill[10 + 1].entries = 1;  /* 20 ms packets, due at ..01 */
	fill[30 + 17].entries = 1; /* 30 ms packets: 1007, 1037 */
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1010);
	CHECK_INT(hf_pacer_next(&p, 1010, fill), 1030);
	p.sweeps = 0;
	fill[60 + 4].entries = 1; /* 40 ms packets: 1004 */
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1005);
	CHECK_INT(p.sweeps, HF_PACER_SWEEPS);
	p.sweeps = 0;
	fill[60 + 4].entries = 0;
	CHECK_INT(hf_pacer_next(&p, 1000, fill), 1010);
	CHECK_INT(p.sweeps, 0);
	fill[4].entries = 1; /* 10 ms packets: 1004 */
	CHECK_INT(hf_pacer_next(&p, 1001, fill), 1005);
}

TEST(the_grid_is_coarse_for_few_entries_and_does_not_flap)
{
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
	struct hf_pacer p = {0};
	static const struct {
		uint32_t entries;
		uint32_t grid_ms;
	} step[] = {{HF_PACER_FEW + 1, HF_PACER_GRID_MS},
		    {HF_PACER_FEW, HF_PACER_COARSE_MS},
		    {HF_PACER_FEW + 1, HF_PACER_COARSE_MS},
		    {HF_PACER_MANY, HF_PACER_COARSE_MS},
		    {HF_PACER_MANY + 1, HF_PACER_GRID_MS},
		    {HF_PACER_MANY, HF_PACER_GRID_MS},
		    {HF_PACER_FEW + 1, HF_PACER_GRID_MS},
		    {2, HF_PACER_COARSE_MS}};

	for (size_t i = 0; i < sizeof(step) / sizeof(*step); i++) {
		fill[3].entries = step[i].entries / 2; /* all of them count */
		fill[120].entries = step[i].entries - fill[3].entries;
		hf_pacer_next(&p, 1000, fill);
		CHECK_INT(p.grid_ms, step[i].grid_ms);
	}
}

/* Serve one leg of that class and bucket for a while, as the sender does, whose
 * turns begin up to `late_ms` late: in turns of one distance, never before its
 * deadline, always well before turn-around takes over. */
static bool served(struct hf_wheel_fill *fill, size_t class, uint32_t bucket,
		   uint32_t late_ms)
{
	uint64_t ptime = ptimes[class], last = 0, ms = 6000, wait, woken;
	const struct hf_program program = {.ptime_ns = ptime * HF_MS};
	struct hf_pacer p = {0};
	uint32_t seed = 7;

	hf_pacer_start(&p, ms);
	p.sweeps = 0;
	while (ms < 6600) {
		struct hf_pacer_run r;
		uint64_t before = ms;

		ms = hf_pacer_next(&p, p.last_ms, fill);
		woken = ms + rnd(&seed) % (late_ms + 1);
		r = hf_pacer_due(&p, woken, (uint32_t)ptime);
		hf_pacer_done(&p, woken, woken);
		if (ms <= before || p.sweeps)
			return false;
		if ((bucket + ptime - r.first) % ptime >= r.count)
			continue;
		if (last && ms - last != ptime)
			return false;
		last = ms;
		wait = (ms + ptime - bucket) % ptime;
		if (wait >= p.grid_ms ||
		    (wait + 2) * HF_MS > (uint64_t)hf_turn_after(&program, 0))
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
			CHECK(served(fill, c, b, 0));
			/* Woken amid others' milliseconds, too. */
			for (uint32_t i = 0; i < 10; i++)
				fill[i].entries = 1;
			CHECK(served(fill, c, b, 4));
			fill[base + b].entries = HF_PACER_MANY + 1;
			CHECK(served(fill, c, b, 0));
		}
	}
}

/* A leg, its claim and the sender's turns. */
struct play {
	struct hf_wheel_fill fill[HF_WHEEL_BUCKETS];
	struct hf_program program;
	struct hf_pacer pacer;
	uint64_t word, last_ns, sent, skipped, changes;
	uint32_t seed;
	bool close; /* two frames were */
};

/* One turn, which begins a little late and sends what the claim allows. */
static void play_turn(struct play *p, size_t class, uint32_t bucket)
{
	uint64_t ptime = ptimes[class], ms, now;
	struct hf_pacer_run r;
	uint32_t grid_ms = p->pacer.grid_ms;
	struct hf_due d;

	ms = hf_pacer_next(&p->pacer, p->pacer.last_ms, p->fill);
	p->changes += grid_ms != p->pacer.grid_ms;
	now = ms * HF_MS + rnd(&p->seed) % (2 * HF_MS);
	ms = now / HF_MS;
	r = hf_pacer_due(&p->pacer, ms, (uint32_t)ptime);
	if (((bucket + ptime - r.first) % ptime < r.count ||
	     hf_pacer_sweeping(&p->pacer, ms)) &&
	    hf_due(&p->program, p->word, now, 0, &d)) {
		p->close |= p->last_ns && now - p->last_ns < HF_GAP_NS;
		p->last_ns = now;
		p->word = d.next;
		p->sent++;
		p->skipped += d.skipped;
	}
	hf_pacer_done(&p->pacer, ms, ms);
}

TEST(a_change_of_the_grid_leaves_no_frame_out_and_sends_no_two_close_together)
{
	static const uint32_t crowds[] = {0, 1, 2 * HF_PACER_MANY};

	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++) {
		uint64_t begin = 6000, end = 10000, crowd = begin, due;
		uint32_t bucket = b, ms;
		struct play p = {.seed = b + 1};
		size_t class = 0;

		while (bucket >= ptimes[class])
			bucket -= ptimes[class++];
		ms = ptimes[class];
		p.program = (struct hf_program){
			.mode = HF_MODE_HOLD,
			.ptime_ns = ms * (uint32_t)HF_MS,
			.base_ns = (begin + bucket) * HF_MS,
			.ts_step = (uint16_t)(8 * ms),
			.loop_len = 50,
		};
		p.word = hf_word_make(1, 0, 0, 100, 0);
		p.fill[b].entries = 1;
		hf_pacer_start(&p.pacer, begin - 1);
		while (p.pacer.last_ms < end) {
			uint64_t before = p.pacer.last_ms;

			if (p.pacer.last_ms >= crowd) {
				p.fill[CROWD_AT].entries =
					crowds[rnd(&p.seed) % 3] + (b == CROWD_AT);
				crowd += 40 + rnd(&p.seed) % 100;
			}
			play_turn(&p, class, bucket);
			CHECK(p.pacer.last_ms > before);
		}
		CHECK(p.changes > 10);
		CHECK(!p.close);
		CHECK_INT(p.skipped, 0);
		due = (p.pacer.last_ms - begin - bucket) / ms + 1;
		CHECK(p.sent == due || p.sent + 1 == due);
	}
}

TEST(a_nap_is_not_taken_for_a_late_turn_but_a_turn_long_after_it_is)
{
	static const struct {
		uint32_t at;	/* a bucket of 1000, */
		uint64_t turn;	/* which is next filled for this turn */
		uint64_t bears; /* so late is late, but leaves nobody behind */
	} of[] = {{60 + 0, 1040, HF_PACER_LATE_MS - HF_PACER_COARSE_MS},
		  {30 + 10, 1030, HF_PACER_LATE_MS}};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct hf_wheel_fill fill[HF_WHEEL_BUCKETS] = {0};
		struct hf_pacer p = {0};
		uint64_t ms = 1020;

		hf_pacer_start(&p, 1000);
		p.sweeps = 0;
		fill[of[i].at].entries = 1;
		CHECK_INT(hf_pacer_next(&p, 1000, fill), ms);
		hf_pacer_done(&p, ms, ms);
		CHECK_INT(p.sweeps, 0);
		CHECK_INT(hf_pacer_next(&p, ms, fill), of[i].turn);
		ms = of[i].turn + of[i].bears;
		hf_pacer_done(&p, ms, ms);
		CHECK_INT(p.sweeps, 0);
		p.last_ms = 1020;
		hf_pacer_done(&p, ms + 1, ms + 1);
		CHECK_INT(p.sweeps, HF_PACER_SWEEPS);
		/* Held up amid a turn: the call waits for others who attach
		 * programs. */
		p.sweeps = 0;
		ms = hf_pacer_next(&p, ms, fill);
		hf_pacer_done(&p, ms, ms + HF_PACER_LATE_MS);
		CHECK_INT(p.sweeps, 0);
		ms = hf_pacer_next(&p, ms, fill);
		hf_pacer_done(&p, ms, ms + HF_PACER_LATE_MS + 1);
		CHECK_INT(p.sweeps, HF_PACER_SWEEPS);
		CHECK(p.sweep_ms > ms + HF_PACER_LATE_MS);
	}
}

TEST_MAIN()
