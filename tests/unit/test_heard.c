// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * Keys (RFC 4733): each press is told once, whatever is lost, doubled or late.
 */
#include <holdfast/stream.h>

#include "media_stage.h"

#define UNIT_MS(ms) ((uint32_t)((uint64_t)(ms) * HF_MS >> 20))

/* What was told, such as "5:800 " or "(5) " for a key that is down. */
struct ear {
	struct hf_heard h;
	uint32_t ms;
	char told[600];
};

static void tell(struct ear *e, uint8_t event, uint32_t length)
{
	size_t at = strlen(e->told);

	snprintf(e->told + at, sizeof(e->told) - at, "%u:%u ", event, length);
}

#define MARK 1
#define END  2
static void packet(struct ear *e, uint32_t ssrc, uint32_t ts, uint8_t event,
		   uint16_t duration, int flags)
{
	const struct hf_dtmf_in in = {
		.timestamp = ts,
		.ssrc = ssrc,
		.now_unit = UNIT_MS(e->ms),
		.duration = duration,
		.event = event,
		.end = !!(flags & END),
		.marker = !!(flags & MARK),
	};
	struct hf_dtmf_out out = {0};
	int what = hf_dtmf_step(&e->h, &in, &out);

	if (what & HF_DTMF_CUT)
		tell(e, out.cut_event, out.cut_length);
	if (what & HF_DTMF_OVER)
		tell(e, out.event, out.length);
	else if (what & HF_DTMF_BEGUN)
		strcat(e->told, "( ");
	e->ms += 20;
}

/* A whole press of 100 ms as phones send it: five packets, three ends. */
static void press(struct ear *e, uint32_t ts, uint8_t event)
{
	for (uint16_t i = 1; i <= 5; i++)
		packet(e, 7, ts, event, (uint16_t)(160 * i), i == 1 ? MARK : 0);
	for (int i = 0; i < 3; i++)
		packet(e, 7, ts, event, 800, END);
}

TEST(a_key_is_told_once_at_the_first_of_its_three_ends)
{
	struct ear e = {.ms = 5000};

	press(&e, 1000, 5);
	CHECK_STR(e.told, "( 5:800 ");
	press(&e, 5000, 5);
	press(&e, 9000, 11);
	CHECK_STR(e.told, "( 5:800 ( 5:800 ( 11:800 ");
}

TEST(any_part_of_a_key_may_be_lost_but_all_of_it)
{
	/* Each bit of `lost` is a packet of the eight. */
	for (unsigned int lost = 0; lost < 255; lost++) {
		struct ear e = {.ms = 5000};
		struct hf_dtmf_out out;
		unsigned int longest = 0;
		char want[16];

		for (unsigned int i = 0; i < 8; i++) {
			uint16_t d = (uint16_t)(160 * (i < 5 ? i + 1 : 5));

			if (lost & 1u << i)
				continue;
			packet(&e, 7, 1000, 3, d,
			       (i ? 0 : MARK) | (i < 5 ? 0 : END));
			longest = d;
		}
		if (hf_dtmf_expire(&e.h, UNIT_MS(e.ms + 300), 250, &out))
			tell(&e, out.event, out.length);
		if (hf_dtmf_expire(&e.h, UNIT_MS(e.ms + 900), 250, &out))
			tell(&e, out.event, out.length);
		snprintf(want, sizeof(want), "3:%u ", longest);
		CHECK_STR(e.told[0] == '(' ? e.told + 2 : e.told, want);
	}
}

TEST(a_key_whose_ends_are_lost_is_told_at_the_next_key)
{
	struct ear e = {.ms = 5000};

	packet(&e, 7, 1000, 1, 160, MARK);
	packet(&e, 7, 1000, 1, 320, 0);
	packet(&e, 7, 2000, 2, 160, MARK);
	CHECK_STR(e.told, "( 1:320 ( ");
	packet(&e, 7, 2000, 2, 320, END);
	CHECK_STR(e.told, "( 1:320 ( 2:320 ");
}

TEST(packets_that_are_doubled_or_late_tell_nothing)
{
	struct ear e = {.ms = 5000};

	press(&e, 1000, 5);
	press(&e, 5000, 6);
	press(&e, 1000, 5);
	packet(&e, 7, 5000, 6, 480, 0);
	packet(&e, 7, 5000, 6, 160, MARK);
	CHECK_STR(e.told, "( 5:800 ( 6:800 ");
}

TEST(packets_out_of_order_give_the_longest_duration)
{
	struct ear e = {.ms = 5000};

	packet(&e, 7, 1000, 9, 480, 0);
	packet(&e, 7, 1000, 9, 160, MARK);
	packet(&e, 7, 1000, 9, 320, 0);
	packet(&e, 7, 1000, 9, 400, END);
	CHECK_STR(e.told, "( 9:480 ");
}

TEST(a_key_held_for_longer_than_the_field_counts_is_one_key)
{
	struct ear e = {.ms = 5000};
	uint32_t ts = 0xffff0000, held = 0, d;
	int first = 1;

	/* 20 s: pieces of 65535 units, each with a new timestamp and without
	 * end or marker (RFC 4733 2.5.1.3). */
	for (; held < 160000; held += 160) {
		d = held + 160 - (ts - 0xffff0000);
		if (d > 0xffff) {
			packet(&e, 7, ts, 4, 0xffff, 0);
			ts += 0xffff;
			d -= 0xffff;
			e.ms -= 20;
		}
		packet(&e, 7, ts, 4, (uint16_t)d, first ? MARK : 0);
		first = 0;
	}
	CHECK_STR(e.told, "( ");
	packet(&e, 7, ts, 4, (uint16_t)(held - (ts - 0xffff0000)), END);
	packet(&e, 7, ts, 4, (uint16_t)(held - (ts - 0xffff0000)), END);
	CHECK_STR(e.told, "( 4:160000 ");
}

TEST(a_marker_makes_the_next_timestamp_another_press)
{
	struct ear e = {.ms = 5000};

	packet(&e, 7, 1000, 4, 160, MARK);
	packet(&e, 7, 1000, 4, 320, 0);
	packet(&e, 7, 1320, 4, 160, MARK);
	packet(&e, 7, 1320, 4, 320, END);
	CHECK_STR(e.told, "( 4:320 ( 4:320 ");
}

TEST(a_key_that_was_given_up_is_not_told_again_when_it_goes_on)
{
	struct ear e = {.ms = 5000};
	struct hf_dtmf_out out;

	packet(&e, 7, 1000, 4, 160, MARK);
	CHECK_INT(hf_dtmf_expire(&e.h, UNIT_MS(5100), 250, &out), 0);
	CHECK_INT(hf_dtmf_expire(&e.h, UNIT_MS(5300), 250, &out), 1);
	CHECK_INT(out.length, 160);
	e.ms = 5400;
	packet(&e, 7, 1000, 4, 3200, 0);
	packet(&e, 7, 1000 + 3200, 4, 160, 0);
	packet(&e, 7, 1000 + 3200, 4, 320, END);
	CHECK_STR(e.told, "( ");
	press(&e, 9000, 4);
	CHECK_STR(e.told, "( ( 4:800 ");
}

TEST(another_source_with_the_same_timestamp_is_another_press)
{
	struct ear e = {.ms = 5000};

	packet(&e, 7, 1000, 4, 320, END);
	packet(&e, 8, 1000, 4, 320, END);
	CHECK_STR(e.told, "4:320 4:320 ");
}

TEST(a_flood_of_keys_is_cut_off)
{
	struct ear e = {.ms = 1 << 20};
	int told = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		e.ms = 1 << 20;
		packet(&e, 7, 1000 + 1000 * i, 4, 320, MARK | END);
		told += !!*e.told;
		e.told[0] = 0;
	}
	CHECK_INT(told, HF_KEYS_A_SECOND);
	e.ms += 2000;
	packet(&e, 7, 20000000, 4, 320, MARK | END);
	CHECK_STR(e.told, "4:320 ");
}

/* Sequence numbers one after the other, into one stream. */
static void counts(struct hf_stream *h, const uint16_t *seq, int n)
{
	for (int i = 0; i < n; i++) {
		const struct hf_stream_in in = {.source = 1, .seq = seq[i]};

		hf_stream_count(h, &in);
	}
}
#define COUNTS(h, ...)                                   \
	do {                                             \
		const uint16_t hf_s[] = {__VA_ARGS__};   \
		counts(h, hf_s, sizeof(hf_s) / sizeof(*hf_s)); \
	} while (0)

TEST(packets_are_counted_over_the_end_of_the_sequence_numbers)
{
	struct hf_stream h = {0};

	COUNTS(&h, 65533, 65534, 65535, 0, 1, 3, 2, 3);
	CHECK_INT(h.count, 8);
	CHECK_INT(h.first, 65533);
	CHECK_INT(h.newest, 65536 + 3);
}

TEST(a_jump_of_the_sequence_numbers_is_believed_when_it_goes_on)
{
	struct hf_stream h = {0};

	COUNTS(&h, 10, 11, 12, 40000, 13, 14);
	CHECK_INT(h.count, 5);
	CHECK_INT(h.newest, 14);
	COUNTS(&h, 40010, 40011, 40012);
	CHECK_INT(h.first, 40011);
	CHECK_INT(h.count, 2);
	hf_stream_count(&h, &(struct hf_stream_in){2, 0, 7, 0});
	CHECK_INT(h.first, 7);
	CHECK_INT(h.count, 1);
}

TEST(jitter_is_that_of_RFC_3550)
{
	/* Late by 0, 10, 0, 10 ms ...: differences of 10 ms, so it goes to 10. */
	static const struct {
		uint32_t ptime_ns, unit, unit_ns;
	} clock[] = {{20000000, 160, 0},
		     {20000000, 960, 20833},
		     {30000000, 240, 125000}};

	for (int c = 0; c < 3; c++) {
		struct hf_stream h = {0};
		uint64_t now = 5000000000000;
		double ms;

		for (uint32_t i = 0; i < 400; i++) {
			now += clock[c].ptime_ns;
			hf_stream_jitter(&h, clock[c].unit_ns,
					 0xfffff000 + i * clock[c].unit,
					 now + (i & 1) * 10000000);
		}
		ms = (h.jitter >> 4) * 1.024e-3;
		CHECK(ms > 9.8 && ms < 10.2);
	}
}

struct listener {
	uint32_t leg, ms, count;
	char digit;
};

static void hear(void *arg, uint32_t leg, char digit, uint32_t ms)
{
	*(struct listener *)arg = (struct listener){
		leg, ms, ((struct listener *)arg)->count + 1, digit};
}

TEST(the_media_tell_a_key_whose_end_never_comes)
{
	STAGE(s, 10, 1);
	struct listener l = {0};
	struct hf_media_ears ears = {.digit = hear, .arg = &l};
	uint32_t leg = stage_leg(s, "198.51.100.7", 4000);
	struct hf_dtmf_in in = {.timestamp = 99, .event = 11, .duration = 960};
	struct hf_dtmf_out out;

	hf_media_listen(s->m, &ears);
	in.now_unit = (uint32_t)(s->now >> 20);
	CHECK_INT(hf_dtmf_step(&s->m->map.heard[leg], &in, &out),
		  HF_DTMF_BEGUN);
	hf_key_watch(s->m, leg);
	hf_media_tick(s->m);
	CHECK_INT(l.count, 0);
	stage_run(s, 300);
	hf_media_tick(s->m);
	hf_media_tick(s->m);
	CHECK_INT(l.count, 1);
	CHECK_INT(l.digit, '#');
	CHECK_INT(l.ms, 120);
	CHECK_INT(l.leg, leg);
	CHECK_INT(s->m->keys_down, 0);
}

TEST(the_next_call_on_a_leg_does_not_hear_the_last_one_s_keys)
{
	STAGE(s, 1, 1);
	struct listener l = {0};
	struct hf_media_ears ears = {.digit = hear, .arg = &l};
	uint32_t leg = stage_leg(s, "198.51.100.7", 4000);
	struct hf_dtmf_in in = {.timestamp = 99, .event = 1, .duration = 160};
	struct hf_dtmf_out out;

	hf_media_listen(s->m, &ears);
	in.now_unit = (uint32_t)(s->now >> 20);
	hf_dtmf_step(&s->m->map.heard[leg], &in, &out);
	hf_key_watch(s->m, leg);
	hf_media_leg_close(s->m, leg);
	CHECK_INT(stage_leg(s, "198.51.100.8", 4000), leg);
	stage_run(s, 1000);
	hf_media_tick(s->m);
	CHECK_INT(l.count, 0);
	hf_media_hear_digit(s->m, leg, '7', 80);
	CHECK_INT(l.count, 1);
	CHECK_INT(l.digit, '7');
	hf_media_listen(s->m, NULL);
	hf_media_hear_digit(s->m, leg, '7', 80);
	CHECK_INT(l.count, 1);
}

TEST_MAIN()
