/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claim (include/holdfast/claim.h): its rules one by one on a virtual
 * clock. That it holds between processors is test_claim_stress.c.
 * rooms:
 */
#include <stdint.h>

#include <holdfast/claim.h>

#include "test.h"

#define MS   HF_MS
#define BASE (1000000 * MS)

static struct hf_program hold(uint32_t ptime_ms)
{
	return (struct hf_program){
		.base_ns = BASE,
		.ptime_ns = (uint32_t)(ptime_ms * MS),
		.ts_base = 5000,
		.ts_step = (uint16_t)(8 * ptime_ms),
		.mode = HF_MODE_HOLD,
		.loop_first = 100,
		.loop_len = 50,
	};
}

static uint64_t word_at(uint32_t slot)
{
	return hf_word_make(7, 0, 0, 65534, slot);
}

TEST(the_word_keeps_its_five_parts_apart)
{
	uint64_t w = hf_word_make(0x3fff, 3, 0x7f, 0xffff, 0x1ffffff);

	CHECK(w == UINT64_MAX);
	w = hf_word_make(0x2aaa, 2, 0x55, 0x1234, 0x1555555);
	CHECK_INT(hf_word_epoch(w), 0x2aaa);
	CHECK_INT(hf_word_run(w), 2);
	CHECK_INT(hf_word_late(w), 0x55);
	CHECK_INT(hf_word_seq(w), 0x1234);
	CHECK_INT(hf_word_slot(w), 0x1555555);
	w = hf_word_make(0x4000, 4, 0x80, 0, 0x2000000);
	CHECK(w == 0);
}

TEST(a_frame_is_due_at_its_deadline_and_not_one_nanosecond_before)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	CHECK_INT(hf_due(&p, word_at(3), BASE + 60 * MS - 1, 0, &d), 0);
	CHECK_INT(hf_due(&p, word_at(3), BASE + 60 * MS, 0, &d), 1);
	CHECK_INT(d.timestamp, 5000 + 3 * 160);
	CHECK_INT(d.frame, 103);
	CHECK_INT(d.seq, 65534);
	CHECK_INT(d.skipped, 0);
	CHECK_INT(d.marker, 0);
	CHECK(d.next == hf_word_make(7, 0, 41, 65535, 4));
}

TEST(nothing_is_due_unless_the_leg_is_held_with_something_to_play)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	p.mode = HF_MODE_IDLE;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 0);
	p.mode = HF_MODE_RELAY;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 0);
	p = hold(20);
	p.loop_len = 0;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 0);
	p = hold(20);
	p.ptime_ns = 0;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 0);
}

TEST(turn_around_behind_a_timer_waits_longer_than_a_timer_that_is_well_takes)
{
	static const struct {
		uint32_t ptime_ms;
		uint64_t wait_ms;
	} of[] = {{10, 6}, {20, 11}, {30, 11}, {40, 6}, {60, 6}};

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		struct hf_program p = hold(of[i].ptime_ms);
		uint64_t end = BASE + of[i].wait_ms * MS, word = word_at(0);
		int64_t after = hf_turn_after(&p, word);
		struct hf_due d;

		CHECK_INT(hf_due(&p, word, end - 1, after, &d), 0);
		CHECK_INT(hf_due(&p, word, end, after, &d), 1);
		CHECK_INT(hf_word_late(d.next),
			  of[i].ptime_ms > 10 ? 42 + of[i].wait_ms : 47);
	}
}

TEST(turn_around_that_took_the_frame_before_waits_for_no_timer)
{
	static const uint32_t ptimes[] = {20, 30, 40, 60};

	for (size_t i = 0; i < sizeof(ptimes) / sizeof(*ptimes); i++) {
		struct hf_program p = hold(ptimes[i]);
		uint64_t word = word_at(0), next = BASE + p.ptime_ns;
		int64_t wait = hf_turn_after(&p, word);
		struct hf_due d;

		/* A timer's, however late: turn-around waits as long again. */
		CHECK_INT(hf_due(&p, word, BASE + wait, 0, &d), 1);
		CHECK_INT(hf_turn_after(&p, d.next), wait);
		/* Its own, then as soon as it is due, and so on. */
		CHECK_INT(hf_due(&p, word, BASE + wait, wait, &d), 1);
		for (int n = 0; n < 5; n++, next += p.ptime_ns) {
			word = d.next;
			CHECK_INT(hf_turn_after(&p, word), 1);
			CHECK_INT(hf_due(&p, word, next, 1, &d), 0);
			CHECK_INT(hf_due(&p, word, next + 1, 1, &d), 1);
		}
		/* Until the timer is back. */
		CHECK_INT(hf_due(&p, d.next, next, 0, &d), 1);
		CHECK_INT(hf_turn_after(&p, d.next), wait);
	}
}

TEST(turn_around_without_a_timer_may_be_half_a_packet_time_early)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	CHECK_INT(hf_due(&p, word_at(5), BASE + 90 * MS - 1,
			 -(int64_t)(10 * MS), &d),
		  0);
	CHECK_INT(
		hf_due(&p, word_at(5), BASE + 90 * MS, -(int64_t)(10 * MS), &d),
		1);
	CHECK_INT(hf_word_late(d.next), 31);
	CHECK_INT(d.timestamp, 5000 + 5 * 160);
}

TEST(the_lateness_of_a_frame_is_coded_in_milliseconds_rounded_up)
{
	CHECK_INT(hf_late_code(0), 41);
	CHECK_INT(hf_late_code(1), 42);
	CHECK_INT(hf_late_code(MS), 42);
	CHECK_INT(hf_late_code(MS + 1), 43);
	CHECK_INT(hf_late_code(-1), 41);
	CHECK_INT(hf_late_code(-(int64_t)MS), 40);
	CHECK_INT(hf_late_code(-(int64_t)MS - 1), 40);
	CHECK_INT(hf_late_code(-(int64_t)(40 * MS)), 1);
	CHECK_INT(hf_late_code(-(int64_t)(500 * MS)), 1);
	CHECK_INT(hf_late_code(86 * MS), 127);
	CHECK_INT(hf_late_code(5000 * MS), 127);
}

TEST(two_frames_are_never_within_five_milliseconds)
{
	struct hf_program p = hold(20);
	struct hf_due first, d;

	/* Frame 0 went 19 ms late; frame 1 is due one later, but waits. */
	CHECK_INT(hf_due(&p, word_at(0), BASE + 19 * MS, 0, &first), 1);
	CHECK_INT(hf_due(&p, first.next, BASE + 20 * MS, 0, &d), 0);
	CHECK_INT(hf_due(&p, first.next, BASE + 24 * MS - 1, 0, &d), 0);
	CHECK_INT(hf_due(&p, first.next, BASE + 24 * MS, 0, &d), 1);
	/* Early ones too. */
	CHECK_INT(hf_due(&p, word_at(0), BASE + 9 * MS, -(int64_t)(10 * MS),
			 &first),
		  1);
	CHECK_INT(
		hf_due(&p, first.next, BASE + 13 * MS, -(int64_t)(10 * MS), &d),
		0);
	CHECK_INT(
		hf_due(&p, first.next, BASE + 14 * MS, -(int64_t)(10 * MS), &d),
		1);
	/* An epoch that begins without knowledge of the frame before. */
	CHECK_INT(hf_due(&p, word_at(1), BASE + 20 * MS, 0, &d), 1);
}

TEST(a_frame_overdue_by_sixty_milliseconds_is_sent_by_more_it_is_skipped)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	CHECK_INT(hf_due(&p, word_at(0), BASE + 60 * MS, 0, &d), 1);
	CHECK_INT(d.skipped, 0);
	CHECK_INT(d.marker, 0);
	CHECK_INT(hf_word_run(d.next), 1);
	CHECK_INT(hf_word_late(d.next), 101);
	CHECK_INT(hf_due(&p, word_at(0), BASE + 60 * MS + 1, 0, &d), 1);
	CHECK_INT(d.skipped, 3);
	CHECK_INT(d.marker, 1);
	CHECK_INT(d.timestamp, 5000 + 3 * 160);
	CHECK_INT(d.frame, 103);
	CHECK_INT(d.seq, 65534);
	CHECK(d.next == hf_word_make(7, 0, 42, 65535, 4));
	/* With short packets the limit is what two catch-ups can still mend. */
	p = hold(10);
	CHECK_INT(hf_due(&p, word_at(0), BASE + 30 * MS, 0, &d), 1);
	CHECK_INT(d.skipped, 0);
	CHECK_INT(hf_due(&p, word_at(0), BASE + 30 * MS + 1, 0, &d), 1);
	CHECK_INT(d.skipped, 3);
}

TEST(after_two_catch_up_frames_in_a_row_the_rest_is_skipped)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	CHECK_INT(hf_due(&p, word_at(0), BASE + 55 * MS, 0, &d), 1);
	CHECK_INT(hf_word_run(d.next), 1);
	CHECK_INT(hf_due(&p, d.next, BASE + 60 * MS, 0, &d), 1);
	CHECK_INT(hf_word_run(d.next), 2);
	CHECK_INT(d.skipped, 0);
	CHECK_INT(hf_due(&p, d.next, BASE + 65 * MS, 0, &d), 1);
	CHECK_INT(d.skipped, 1);
	CHECK_INT(d.marker, 1);
	CHECK_INT(hf_word_run(d.next), 0);
	CHECK_INT(hf_word_slot(d.next), 4);
}

TEST(only_the_first_slot_of_an_epoch_carries_the_marker_it_asks_for)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	p.flags = HF_PROGRAM_MARK_FIRST;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 1);
	CHECK_INT(d.marker, 1);
	CHECK_INT(hf_due(&p, word_at(1), BASE + 20 * MS, 0, &d), 1);
	CHECK_INT(d.marker, 0);
}

TEST(the_announcement_plays_once_and_then_the_music_loops_from_its_phase)
{
	struct hf_program p = hold(20);
	struct hf_due d;
	uint32_t slot;

	p.once_first = 1000;
	p.once_len = 3;
	p.loop_phase = 3;
	for (slot = 0; slot < 200; slot++) {
		uint32_t want = slot < 3 ? 1000 + slot : 100 + (slot - 3) % 50;

		CHECK_INT(
			hf_due(&p, word_at(slot), BASE + slot * 20 * MS, 0, &d),
			1);
		CHECK_INT(d.frame, want);
	}
	/* Music that was in its middle before this epoch goes on there. */
	p.once_len = 0;
	p.loop_phase = (uint32_t)-17;
	CHECK_INT(hf_due(&p, word_at(0), BASE, 0, &d), 1);
	CHECK_INT(d.frame, 117);
}

TEST(an_announcement_without_music_ends)
{
	struct hf_program p = hold(20);
	struct hf_due d;

	p.once_first = 1000;
	p.once_len = 2;
	p.loop_len = 0;
	CHECK_INT(hf_due(&p, word_at(1), BASE + 20 * MS, 0, &d), 1);
	CHECK_INT(d.frame, 1001);
	CHECK_INT(hf_due(&p, word_at(2), BASE + 40 * MS, 0, &d), 0);
	/* Also when the last frames of it would be skipped over. */
	CHECK_INT(hf_due(&p, word_at(0), BASE + 90 * MS, 0, &d), 0);
}

TEST(sequence_and_timestamp_wrap_without_a_seam)
{
	struct hf_program p = hold(20);
	uint64_t word = hf_word_make(1, 0, 0, 65534, 0);
	struct hf_due d;

	p.ts_base = (uint32_t)-160;
	for (int i = 0; i < 4; i++) {
		CHECK_INT(hf_due(&p, word, BASE + (uint64_t)i * 20 * MS, 0, &d),
			  1);
		CHECK_INT(d.seq, (uint16_t)(65534 + i));
		CHECK_INT(d.timestamp, (uint32_t)((i - 1) * 160));
		word = d.next;
	}
}

TEST(a_relayed_stream_takes_over_at_the_timestamp_of_the_moment)
{
	struct hf_program p = hold(20);

	CHECK_INT(hf_program_timestamp(&p, BASE), 5000);
	CHECK_INT(hf_program_timestamp(&p, BASE + 20 * MS), 5160);
	CHECK_INT(hf_program_timestamp(&p, BASE + 3600 * 1000 * MS),
		  5000 + 3600 * 8000);
	CHECK_INT(hf_program_timestamp(&p, BASE - 10 * MS), 4920);
	p.ptime_ns = 0;
	CHECK_INT(hf_program_timestamp(&p, BASE + MS), 5000);
}

TEST(a_relayed_packet_moves_the_word_only_forward)
{
	uint64_t w = hf_word_make(9, 2, 77, 65535, 12);
	uint64_t next = hf_relay_next(w, 65535);

	CHECK(next == hf_word_make(9, 0, 0, 0, 12));
	CHECK(hf_relay_next(next, 4) == hf_word_make(9, 0, 0, 5, 12));
	CHECK(hf_relay_next(next, 65535) == next);
	CHECK(hf_relay_next(next, 65535 - 90) == next);
}

TEST(a_flip_goes_on_with_the_sequence_and_leaves_the_old_program_alone)
{
	struct hf_leg leg = {.program[1] = hold(20)};
	__u64 word = 0;
	struct hf_leg_at at = {&leg, &word};
	struct hf_program p = hold(30), before = leg.program[1];

	word = hf_word_make(7, 2, 50, 40000, 33);
	CHECK_INT(hf_flip(&at, word + 1, &p, 5, 60), 0);
	CHECK(word == hf_word_make(7, 2, 50, 40000, 33));
	CHECK_INT(hf_flip(&at, word, &p, 5, 60), 1);
	CHECK(word == hf_word_make(8, 2, 60, 40000, 5));
	CHECK_MEM(&leg.program[0], &p, sizeof(p));
	CHECK_MEM(&leg.program[1], &before, sizeof(before));
	CHECK(hf_word_program(&leg, word) == &leg.program[0]);
	word = hf_word_make(0x3fff, 0, 0, 1, 1);
	CHECK_INT(hf_flip(&at, word, &p, 0, 0), 1);
	CHECK_INT(hf_word_epoch(word), 0);
}

/* A fixed sequence of odd numbers, the same in every run. */
static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* Hours of a leg between two senders that come when they like: whatever they
 * do, each of these holds. Returns the sentence that did not. */
static const char *live_through(uint32_t ptime_ms, uint64_t seed)
{
	struct hf_program p = hold(ptime_ms);
	uint64_t ptime = p.ptime_ns, limit = hf_late_limit(p.ptime_ns);
	uint64_t now = BASE, last = 0, sent = 0, skipped = 0;
	uint64_t word = hf_word_make(1, 0, 0, 17, 0);
	unsigned int in_a_row = 0;
	struct hf_due d;

	for (int i = 0; i < 300000; i++) {
		uint32_t kind = draw(&seed) % 100;
		int64_t after = 0;
		uint64_t deadline;

		now += kind ? draw(&seed) % (2 * MS) : draw(&seed) % (300 * MS);
		if (draw(&seed) % 2)
			after = draw(&seed) % 2 ? hf_turn_after(&p, word)
						: -(int64_t)(ptime / 2);
		if (!hf_due(&p, word, now, after, &d))
			continue;
		deadline = BASE + (uint64_t)(hf_word_slot(d.next) - 1) * ptime;
		if (last && now - last < HF_GAP_NS)
			return "two frames within the gap";
		if (now > deadline + limit)
			return "a frame later than the limit";
		/* Who skips may send at once: nobody else was there. */
		if (!d.skipped && (int64_t)(now - deadline) < after)
			return "a frame earlier than its sender may";
		/* Turn-around behind a timer may stay one frame behind, but
		 * amid frames that are caught up it counts as one. */
		if (now < deadline + ptime || d.skipped)
			in_a_row = 0;
		else if (after <= 0 || 2 * ptime > limit ||
			 now >= deadline + 2 * ptime ||
			 (in_a_row && now - last < ptime / 2))
			in_a_row++;
		if (in_a_row > HF_CATCH_UP_MAX)
			return "too many catch-up frames in a row";
		if (d.seq != (uint16_t)(17 + sent))
			return "a gap in the sequence";
		if (d.timestamp !=
		    5000 + (uint32_t)(sent + skipped + d.skipped) * p.ts_step)
			return "a timestamp off its slot";
		if (d.marker != !!d.skipped)
			return "a skip without its marker, or the reverse";
		last = now;
		sent++;
		skipped += d.skipped;
		word = d.next;
		if (sent + skipped != hf_word_slot(word))
			return "sent and skipped are not the slots";
	}
	/* All that is due by now is accounted for, but for what is allowed to
	 * be waiting. */
	if (sent + skipped + limit / ptime + 1 < (now - BASE) / ptime)
		return "frames neither sent nor skipped";
	if (sent < 5000 || skipped < 10)
		return "too little happened for this to prove anything";
	return "";
}

TEST(sent_plus_skipped_is_the_time_elapsed_whatever_the_senders_do)
{
	static const uint32_t ptimes[] = {10, 20, 30, 40, 60};

	for (size_t i = 0; i < sizeof(ptimes) / sizeof(*ptimes); i++)
		for (uint64_t seed = 1; seed <= 4; seed++)
			CHECK_STR(live_through(ptimes[i], seed), "");
}

TEST(turn_around_loses_no_frame_of_a_caller_whose_packets_come_when_they_like)
{
	/* Each phase of the caller, packets up to 10 ms late, and no other
	 * sender: one packet, one frame, but for the one it may be behind. */
	for (uint64_t phase = 0; phase < 20 + 30; phase++) {
		uint32_t ptime = phase < 20 ? 20 : 30;
		struct hf_program p = hold(ptime);
		uint64_t word = hf_word_make(1, 0, 0, 17, 0), seed = phase + 1;
		uint32_t sent = 0, skipped = 0;
		struct hf_due d;

		for (uint64_t i = 0; i < 5000; i++) {
			uint64_t now = BASE + (ptime * i + phase % ptime) * MS +
				       draw(&seed) % (10 * MS);

			if (!hf_due(&p, word, now, hf_turn_after(&p, word), &d))
				continue;
			sent++;
			skipped += d.skipped;
			word = d.next;
		}
		CHECK_INT(skipped, 0);
		CHECK(sent >= 4998);
	}
}

TEST(without_a_timer_a_regular_caller_with_long_packets_loses_one_frame_at_most)
{
	/* His packets come as often as ours are due, whenever that is. */
	for (uint64_t phase = 0; phase < 40 + 60; phase++) {
		uint32_t ptime = phase < 40 ? 40 : 60, skipped = 0;
		struct hf_program p = hold(ptime);
		uint64_t word = hf_word_make(1, 0, 41, 17, 0);
		struct hf_due d;

		for (uint64_t i = 0; i < 1000; i++) {
			uint64_t now = BASE + 1 +
				       (ptime * i + phase % ptime) * MS;

			if (!hf_due(&p, word, now, hf_turn_after(&p, word),
				    &d))
				continue;
			skipped += d.skipped;
			word = d.next;
		}
		CHECK(skipped <= 1);
		CHECK_INT(hf_word_slot(word), 1000);
	}
}

/* Five seconds of a caller without a timer, whose packets come up to 15 ms late
 * and of whom 3 percent are lost: how many more frames were skipped than
 * packets were lost. */
static int skipped_more_than_lost(uint32_t ptime, uint32_t phase, uint64_t seed)
{
	struct hf_program p = hold(ptime);
	/* The timer's last frame was on time. */
	uint64_t word = hf_word_make(1, 0, 41, 17, 0);
	int more = 0;
	struct hf_due d;

	for (uint64_t i = 0; i < 5000 / ptime; i++) {
		uint32_t late = draw(&seed) % (10 * MS);

		if (draw(&seed) % 50 == 0)
			late += draw(&seed) % (5 * MS);
		if (draw(&seed) % 64 < 2) {
			more--;
			continue;
		}
		if (!hf_due(&p, word, BASE + (ptime * i + phase) * MS + late,
			    hf_turn_after(&p, word), &d))
			continue;
		more += (int)d.skipped;
		word = d.next;
	}
	return more;
}

TEST(without_a_timer_a_caller_whose_packets_come_unevenly_loses_the_frames_of_lost_packets_only)
{
	int worst = 0;

	for (uint32_t phase = 0; phase < 20 + 30; phase++)
		for (uint64_t seed = 1; seed <= 200; seed++) {
			int more = skipped_more_than_lost(
				phase < 20 ? 20 : 30,
				phase < 20 ? phase : phase - 20, seed);

			worst = more > worst ? more : worst;
		}
	CHECK_INT(worst, 1);
}

TEST(a_program_that_is_torn_apart_while_it_is_read_divides_by_nothing)
{
	/* What a slow reader may see of a rewrite: any mixture of fields. */
	for (int bits = 0; bits < 16; bits++) {
		struct hf_program p = hold(20);
		struct hf_due d;

		if (bits & 1)
			p.loop_len = 0;
		if (bits & 2)
			p.ptime_ns = 0;
		if (bits & 4)
			p.once_len = 65535;
		if (bits & 8)
			p.base_ns = UINT64_MAX;
		(void)hf_due(&p, word_at(1), BASE + 90 * MS, 0, &d);
		(void)hf_program_frame(&p, 70000);
		(void)hf_program_timestamp(&p, BASE);
	}
	CHECK(1);
}

TEST_MAIN()
