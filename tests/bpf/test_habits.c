/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What callers' own streams do, and what they hear meanwhile: packet times other
 * than ours, clocks that run wrong, pauses, packets twice, another SSRC. Each
 * answer is compared byte by byte, each packet without one has a counter.
 * Single packets have test_receive.c; a thousand callers at once test_soak.c.
 * rooms:
 */
#include <linux/bpf.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"

#define LEG   3
#define FIRST 600
#define TS    0xfffffff0
#define US    1000ULL

/* What a caller has heard. */
struct account {
	uint32_t sent, skipped;
	uint32_t next; /* time slot */
};

static void hold(struct fixture *f, uint32_t ptime_ms, uint8_t flags)
{
	struct hf_program p = program_hold(LEG);

	p.ptime_ns = (uint32_t)(ptime_ms * MS);
	p.ts_step = (uint16_t)(8 * ptime_ms);
	p.flags = flags;
	if (ptime_ms == 10) /* 80 bytes */
		p.loop_first = FRAME_SHORT, p.loop_len = 5;
	leg_set(f, LEG, &p, FIRST);
}

static struct packet frame_of(struct fixture *f, const struct hf_program *h,
			      uint32_t slot, const struct account *a)
{
	struct shape s = shape_hold(
		f, LEG, h->loop_first + slot % h->loop_len);

	s.seq = (uint16_t)(FIRST + a->sent);
	s.timestamp = TS + h->ts_step * slot;
	s.marker = slot != a->next;
	return packet_build(&s);
}

/* Its answer has to be the next of the stream, in its time; 0: there is none. */
static int answered(struct fixture *f, struct shape *s, uint64_t now,
		    struct account *a)
{
	const struct hf_program *h = &f->legs[LEG].program[1];
	struct packet p = packet_build(s), before = p, want;
	uint64_t deadline;
	uint32_t slot;

	fixture_now(f, now);
	if (fixture_receive(f, &p) != XDP_TX) {
		if (p.len != before.len ||
		    memcmp(p.bytes, before.bytes, p.len))
			printf("# dropped, but changed\n");
		return 0;
	}
	slot = (packet_peek32(&p, 46) - TS) / h->ts_step;
	want = frame_of(f, h, slot, a);
	deadline = BASE + (uint64_t)slot * h->ptime_ns;
	if (slot < a->next || now < deadline - h->ptime_ns / 2 ||
	    now > deadline + hf_late_limit(h->ptime_ns) ||
	    p.len != want.len || memcmp(p.bytes, want.bytes, p.len)) {
		printf("# time slot %u, after %u frames\n", slot, a->sent);
		return -1;
	}
	a->skipped += slot - a->next;
	a->next = slot + 1;
	a->sent++;
	return 1;
}

/* The short form (hot.h) and the program itself say the same. */
static int in_agreement(struct fixture *f, const struct account *a)
{
	uint64_t word = f->claims[LEG].word;

	return hf_word_slot(word) == a->next && a->sent + a->skipped == a->next &&
	       hf_word_seq(word) == (uint16_t)(FIRST + a->sent) &&
	       f->claims[LEG].intake.turn_sent == a->sent &&
	       f->legs[LEG].rx.turn_skipped == a->skipped;
}

TEST(whatever_packet_time_the_caller_has_ours_is_kept)
{
	/* Six seconds without any other sender. One packet never brings more
	 * than one frame, so that who sends more seldom than we do hears all
	 * the time slots that its packets can bring. */
	static const struct {
		uint32_t theirs, ours;
		uint8_t flags;
		const char *counted;
	} way[] = {
		{10, 20, 0, "hold_turned 301, hold_not_due 299"},
		{20, 20, 0, "hold_turned 300"},
		{30, 20, 0, "hold_turned 200, hold_skipped 98"},
		{40, 20, 0, "hold_turned 150, hold_skipped 148"},
		{10, 10, 0, "hold_turned 600"},
		{20, 10, 0, "hold_turned 300, hold_skipped 298"},
		{20, 30, 0, "hold_turned 200, hold_not_due 100"},
		{40, 30, 0, "hold_turned 150, hold_skipped 49"},
		{20, 40, 0, "hold_turned 150, hold_not_due 150"},
		{30, 40, 0, "hold_turned 150, hold_not_due 50"},
		{10, 20, HF_PROGRAM_AUTO_CLOCK,
		 "hold_turned 301, hold_not_due 299"},
		{20, 20, HF_PROGRAM_AUTO_CLOCK, "hold_turned 300"},
		{30, 20, HF_PROGRAM_AUTO_CLOCK,
		 "hold_turned 200, hold_skipped 100"},
		{40, 20, HF_PROGRAM_AUTO_CLOCK,
		 "hold_turned 150, hold_skipped 147"},
	};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(way) / sizeof(*way); i++) {
		struct shape s = shape_from_caller(LEG);
		struct account a = {0};

		hold(f, way[i].ours, way[i].flags);
		fixture_counted(f);
		for (uint32_t n = 0; n < 6000 / way[i].theirs; n++) {
			s.seq++;
			s.timestamp += 8 * way[i].theirs;
			CHECK(answered(f, &s,
				       BASE + TURN + n * way[i].theirs * MS,
				       &a) >= 0);
		}
		CHECK(in_agreement(f, &a));
		CHECK_STR(fixture_counted(f), way[i].counted);
	}
}

TEST(a_caller_s_clock_that_runs_wrong_does_not_move_ours)
{
	/* A minute each, 1000 ppm fast, right and slow: what is too much brings
	 * nothing, what is missing is skipped. */
	static const struct {
		uint64_t period_us;
		const char *counted;
	} clock[] = {
		{19980, "hold_turned 3000, hold_not_due 3"},
		{20000, "hold_turned 3000"},
		{20020, "hold_turned 2997, hold_skipped 2"},
	};

	FIXTURE(f);
	for (size_t i = 0; i < 3; i++) {
		struct shape s = shape_from_caller(LEG);
		struct account a = {0};

		hold(f, 20, 0);
		fixture_counted(f);
		for (uint64_t t = 12000; t < 60000000; t += clock[i].period_us) {
			s.seq++;
			s.timestamp += 160;
			CHECK(answered(f, &s, BASE + t * US, &a) >= 0);
		}
		CHECK(in_agreement(f, &a));
		CHECK_STR(fixture_counted(f), clock[i].counted);
	}
}

TEST(a_caller_who_pauses_is_skipped_and_marked_where_it_goes_on)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct account a = {0};

	hold(f, 20, 0);
	/* DTX: 400 ms of talk, a pause of 600 in which one packet comes each
	 * 160 ms with the noise (RFC 3389), of 10 bytes. */
	for (uint32_t n = 0; n < 500; n++) {
		uint32_t at = n % 50;

		if (at >= 20 && at % 8)
			continue;
		s.payload_len = at >= 20 ? 10 : 160;
		s.marker = !at;
		s.seq++;
		s.timestamp += 160;
		CHECK_INT(answered(f, &s, BASE + 20 * n * MS + TURN, &a), 1);
	}
	CHECK(in_agreement(f, &a));
	/* Each second 20 packets of talk and four in the pause. */
	CHECK_INT(a.sent, 240);
	CHECK_STR(fixture_counted(f), "hold_turned 240, hold_skipped 258");
}

TEST(a_packet_that_comes_twice_brings_one_frame)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct account a = {0};

	hold(f, 20, 0);
	for (uint32_t n = 0; n < 50; n++) {
		uint64_t at = BASE + 20 * n * MS + TURN;

		s.seq++;
		s.timestamp += 160;
		CHECK_INT(answered(f, &s, at, &a), 1);
		CHECK_INT(answered(f, &s, at, &a), 0);
		CHECK_INT(answered(f, &s, at + 9 * MS, &a), 0);
	}
	CHECK(in_agreement(f, &a));
	CHECK_STR(fixture_counted(f), "hold_turned 50, hold_not_due 100");
	/* Reports count what came (RFC 3550, A.3). */
	CHECK_INT(f->claims[LEG].intake.stream.count, 150);
	CHECK_INT(f->claims[LEG].intake.packets, 150);
}

TEST(another_ssrc_of_a_held_caller_leaves_its_music_alone)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct account a = {0};

	hold(f, 20, 0);
	for (uint32_t n = 0; n < 50; n++) {
		s.ssrc = n < 25 ? 0x11111111 : 0x22222222;
		s.seq = (uint16_t)(n < 25 ? 100 + n : 40000 + n);
		CHECK_INT(answered(f, &s, BASE + 20 * n * MS + TURN, &a), 1);
	}
	CHECK(in_agreement(f, &a));
	CHECK_STR(fixture_counted(f), "hold_turned 50");
	/* Reports are of the new one from its first packet. */
	CHECK_INT(HF_NTOHL(f->claims[LEG].intake.stream.source), 0x22222222);
	CHECK_INT(f->claims[LEG].intake.stream.first, 40025);
	CHECK_INT(f->claims[LEG].intake.stream.count, 25);
}

TEST(a_source_that_changes_its_ssrc_is_not_learned)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct account a = {0};

	hold(f, 20, HF_PROGRAM_LATCH);
	s.sport = 61000;
	for (uint32_t n = 0; n < 20; n++) {
		s.ssrc = 0x11111111 * (1 + n / 2 % 2);
		CHECK_INT(answered(f, &s, BASE + 20 * n * MS + TURN, &a), 0);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
	CHECK_INT(f->claims[LEG].intake.dropped, 20);
	CHECK_INT(f->legs[LEG].rx.latch_state, HF_LATCH_CANDIDATE);
	CHECK(f->claims[LEG].word == hf_word_make(5, 0, 0, FIRST, 0));
}

TEST(a_frame_is_sent_up_to_sixty_milliseconds_late_and_then_given_up)
{
	static const struct {
		uint64_t late_ns;
		uint32_t slot;
		const char *counted;
	} way[] = {
		{60 * MS, 0, "hold_turned 1"},
		/* One frame behind is as far as turn-around goes. */
		{60 * MS + 1, 2, "hold_turned 1, hold_skipped 2"},
		{80 * MS - 1, 2, "hold_turned 1, hold_skipped 2"},
		{80 * MS, 3, "hold_turned 1, hold_skipped 3"},
	};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(way) / sizeof(*way); i++) {
		struct shape s = shape_from_caller(LEG);
		struct account a = {0};

		hold(f, 20, 0);
		fixture_counted(f);
		CHECK_INT(answered(f, &s, BASE + way[i].late_ns, &a), 1);
		CHECK_INT(a.next - 1, way[i].slot);
		CHECK(in_agreement(f, &a));
		CHECK_STR(fixture_counted(f), way[i].counted);
	}
}

TEST(a_flood_behind_a_pause_brings_two_frames_in_a_row_and_no_more)
{
	/* When the frames come, in 100 us after the first deadline: two are caught
	 * up as fast as it goes, the third waits for half a packet time, and the
	 * rest come when they are due. */
	static const uint64_t at[] = {600, 650,	 750,  850,
				      900, 1001, 1201, 1401};

	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct account a = {0};

	hold(f, 20, 0);
	/* A packet each 100 us. */
	for (uint64_t t = 60 * MS; t < 160 * MS; t += 100 * US) {
		s.seq++;
		if (answered(f, &s, BASE + t, &a))
			CHECK_INT(t / (100 * US), at[a.sent - 1]);
	}
	CHECK(in_agreement(f, &a));
	CHECK_STR(fixture_counted(f), "hold_turned 8, hold_not_due 992");
}

TEST_MAIN()
