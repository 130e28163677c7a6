// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * The timing wheel: balance, holes, and that every holding leg is found exactly
 * when it is due by a sender that knows nothing but the wheel.
 */
#include "media_stage.h"

#define LEGS 2000

static uint32_t open_legs(struct stage *s, uint32_t *leg, int n)
{
	for (int i = 0; i < n; i++) {
		leg[i] = stage_leg(s, "198.51.100.1", (uint16_t)(4000 + 2 * i));
		hf_media_leg_hold(s->m, leg[i], "default");
		/* They come in a storm: fifty in the same millisecond. */
		if (i % 50 == 49)
			stage_run(s, 1);
	}
	return (uint32_t)n;
}

/* The fullest bucket of the 20 ms class, and whether count and fill agree. */
static uint32_t fullest(const struct stage *s, bool *ret_agree)
{
	uint32_t most = 0;

	*ret_agree = true;
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++) {
		uint32_t n = 0, fill = s->m->map.wheel_fill[b].entries;

		for (uint32_t e = 0; e < s->m->map.wheel_capacity; e++) {
			uint32_t leg = hf_pins_wheel(&s->m->map, b, e)->leg;

			if (leg == HF_LEG_NONE)
				continue;
			n++;
			*ret_agree &= e < fill && s->m->own[leg].bucket == b &&
				      s->m->own[leg].entry == e;
		}
		*ret_agree &= n == s->m->wheel.count[b];
		if (n > most)
			most = n;
	}
	return most;
}

TEST(legs_are_spread_evenly_over_the_buckets)
{
	static uint32_t leg[LEGS];
	STAGE(s, LEGS, 1);
	bool agree;

	stage_clip(s, "default", 50);
	open_legs(s, leg, LEGS);
	/* 100 each would be perfect. */
	CHECK(fullest(s, &agree) <= 115);
	CHECK(agree);
	CHECK_INT(s->m->wheel.total, LEGS);
}

TEST(a_few_legs_share_the_turns_of_the_sender)
{
	STAGE(s, LEGS, 1);
	int used = 0;

	srand(7);
	stage_clip(s, "default", 50);
	for (uint16_t i = 0; i < 10; i++) {
		uint32_t leg = stage_leg(s, "198.51.100.1", 4000 + 2 * i);

		hf_media_leg_hold(s->m, leg, "default");
		s->now += (uint64_t)(rand() % 5000000) * 1000;
	}
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		used += s->m->wheel.count[b] > 0;
	CHECK(used <= 2);
}

TEST(every_leg_gets_exactly_one_frame_in_each_packet_time)
{
	static uint32_t leg[LEGS];
	static int frames[LEGS];
	STAGE(s, LEGS, 1);

	stage_clip(s, "default", 50);
	open_legs(s, leg, 500);
	stage_run(s, 20);
	memset(frames, 0, sizeof(frames));
	for (int round = 1; round <= 10; round++) {
		s->count = 0;
		stage_run(s, 20);
		CHECK_INT(s->count, 500);
		for (size_t i = 0; i < s->count; i++)
			frames[s->sent[i].leg]++;
		for (int i = 0; i < 500; i++)
			CHECK_INT(frames[leg[i]], round);
	}
	for (int i = 0; i < 500; i++) {
		CHECK_INT(s->m->map.claims[leg[i]].skipped, 0);
		CHECK_INT(hf_word_late(s->m->map.claims[leg[i]].word), 41);
	}
}

TEST(with_hold_clock_auto_a_leg_s_turn_is_half_a_packet_time_after_its_deadline)
{
	STAGE(s, LEGS, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	const struct hf_program *p;

	r.auto_clock = true;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	stage_clip(s, "default", 50);
	s->m->map.turned[leg / 64].legs = ~0ULL;
	hf_media_leg_hold(s->m, leg, "default");
	CHECK(s->m->map.turned[leg / 64].legs == ~(1ULL << leg % 64));
	p = stage_program(s, leg);
	CHECK(p->flags & HF_PROGRAM_AUTO_CLOCK);
	CHECK_INT(s->m->own[leg].bucket,
		  hf_wheel_bucket(20, p->base_ns / HF_MS + 10));
	stage_run(s, 1000);
	CHECK(s->count >= 49 && s->count <= 50);
	for (size_t i = 0; i < s->count; i++)
		CHECK_INT(s->sent[i].at_ns,
			  p->base_ns + 10 * HF_MS + i * 20 * HF_MS);
	CHECK_INT(s->m->map.claims[leg].skipped, 0);
}

TEST(a_leg_that_leaves_becomes_a_hole_and_the_lowest_hole_is_used_first)
{
	STAGE(s, LEGS, 1);
	static uint32_t leg[LEGS];
	uint32_t b, fill;
	bool agree;

	stage_clip(s, "default", 50);
	open_legs(s, leg, LEGS);
	b = s->m->own[leg[7]].bucket;
	fill = s->m->map.wheel_fill[b].entries;
	hf_wheel_remove(s->m, leg[7]);
	CHECK_INT(s->m->map.wheel_fill[b].entries, fill);
	hf_wheel_put(s->m, leg[8], b);
	CHECK_INT(s->m->own[leg[8]].bucket, b);
	CHECK(s->m->own[leg[8]].entry < fill);
	CHECK_INT(s->m->map.wheel_fill[b].entries, fill);
	hf_wheel_put(s->m, leg[7], b);
	fullest(s, &agree);
	CHECK(agree);
}

TEST(the_wheel_is_empty_again_when_all_have_left)
{
	STAGE(s, LEGS, 1);
	static uint32_t leg[LEGS];
	bool agree;

	stage_clip(s, "default", 50);
	open_legs(s, leg, LEGS);
	for (int i = 0; i < LEGS; i++) {
		int which = (i * 7) % LEGS; /* in another order */

		if (i % 2)
			hf_media_leg_idle(s->m, leg[which]);
		else
			hf_media_leg_close(s->m, leg[which]);
	}
	CHECK_INT(fullest(s, &agree), 0);
	CHECK(agree);
	CHECK_INT(s->m->wheel.total, 0);
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		CHECK_INT(s->m->map.wheel_fill[b].entries, 0);
}

/* A day in a call center: come, go, come back; the wheel stays sound. */
TEST(a_random_day_keeps_the_wheel_sound_and_short)
{
	STAGE(s, 400, 1);
	uint32_t leg[400];
	bool holding[400] = {false}, agree;
	int n = 0;

	srand(1);
	stage_clip(s, "default", 50);
	for (int i = 0; i < 400; i++)
		leg[i] = stage_leg(s, "198.51.100.1", 4000);
	for (int i = 0; i < 20000; i++) {
		int which = rand() % 400;

		if (holding[which])
			hf_media_leg_idle(s->m, leg[which]);
		else
			hf_media_leg_hold(s->m, leg[which], "default");
		holding[which] = !holding[which];
		n += holding[which] ? 1 : -1;
		s->now += (uint64_t)(rand() % 3000) * 1000;
	}
	CHECK(fullest(s, &agree) <= (uint32_t)n / 20 + 15);
	CHECK(agree);
	CHECK_INT(s->m->wheel.total, n);
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		CHECK(s->m->map.wheel_fill[b].entries <= 40);
}

TEST(all_legs_fit_even_when_all_want_ten_milliseconds)
{
	STAGE(s, 1000, 2);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);

	r.ptime_ms = 10;
	stage_clip(s, "default", 50);
	for (int i = 0; i < 1000; i++) {
		uint32_t leg = stage_leg(s, "198.51.100.1", 4000);

		hf_media_leg_remote(s->m, leg, &r);
		hf_media_leg_hold(s->m, leg, "default");
		CHECK(s->m->own[leg].bucket < 10);
	}
	CHECK_INT(s->m->wheel.total, 1000);
	s->count = 0;
	stage_run(s, 10);
	s->count = 0;
	stage_run(s, 10);
	CHECK_INT(s->count, 1000);
}

static int pokes;

static void poke(struct hf_media *m, char what)
{
	pokes += what == HF_POKE_WHEEL;
}

TEST(the_sender_is_woken_when_the_first_leg_of_a_bucket_comes_and_only_then)
{
	STAGE(s, 40, 1);
	enum { n = 16 }; /* share one (wheel.c) */
	uint32_t leg[n + 2];

	stage_clip(s, "default", 50);
	pokes = 0;
	s->m->poke = poke;
	for (int i = 0; i < n + 2; i++)
		leg[i] = stage_leg(s, "198.51.100.1", (uint16_t)(4000 + 2 * i));
	for (int i = 0; i < n; i++)
		hf_media_leg_hold(s->m, leg[i], "default");
	CHECK_INT(pokes, 1);
	hf_media_leg_hold(s->m, leg[n], "default"); /* a bucket of its own */
	hf_media_leg_hold(s->m, leg[n + 1], "default");
	CHECK(s->m->own[leg[n]].bucket != s->m->own[leg[0]].bucket);
	CHECK_INT(pokes, 2);
	hf_media_leg_idle(s->m, leg[0]);
	hf_media_leg_hold(s->m, leg[0], "default");
	CHECK_INT(pokes, 2);
	for (int i = 0; i < n + 2; i++)
		hf_media_leg_idle(s->m, leg[i]);
	hf_media_leg_hold(s->m, leg[1], "default");
	CHECK_INT(pokes, 3);
}

TEST_MAIN()
