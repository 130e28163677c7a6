/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The switch between sources (include/holdfast/rtp.h) and the source lock
 * (include/holdfast/remote.h), without packets.
 * rooms:
 */
#include <stdint.h>

#include <holdfast/remote.h>
#include <holdfast/rtp.h>

#include "test.h"

#define MS   HF_MS
#define BASE (5000000 * MS)

/* A receiving leg in relay, the receive line of the leg that talks, and what
 * came out last. */
struct bench {
	struct hf_program to;
	struct hf_bound bound;
	struct hf_intake intake;
	struct hf_leg_rx rx;
	__u64 word, now;
	struct hf_relayed out;
};

static struct bench begin(uint16_t next_seq)
{
	return (struct bench){
		.to =
			{
				.base_ns = BASE,
				.ptime_ns = 20 * MS,
				.ts_base = 70000,
				.ts_step = 160,
				.mode = HF_MODE_RELAY,
			},
		.word = hf_word_make(6, 0, 0, next_seq, 0),
		.now = BASE + 1000 * MS,
	};
}

static int put(struct bench *b, uint32_t ssrc, uint16_t seq, uint32_t ts,
	       uint8_t kind, uint8_t marker)
{
	struct hf_rtp_in in = {ts, (__be32)ssrc, seq, marker, kind};
	int verdict =
		hf_relay_due(&b->bound, &b->rx, b->intake.last_out, &b->to,
			     b->word, b->now, &in, &b->out);

	if (verdict == HF_RELAY_JUMP)
		hf_relay_jump(&b->bound, &b->rx, &in);
	if (verdict != HF_RELAY_SEND)
		return verdict;
	if (!hf_claim(&b->word, b->word, b->out.next))
		return -1;
	hf_relay_done(&b->bound, &b->rx, &b->intake, &in, &b->out, b->now);
	return verdict;
}

/* As the packet path does: the plain way, and where that says no the other. Counts
 * those that went the plain way. */
static int put_plainly(struct bench *b, uint16_t seq, uint32_t ts, int *plain)
{
	struct hf_rtp_in in = {ts, 1, seq, 0, HF_RTP_AUDIO};

	if (!hf_relay_goes_on(&b->intake, b->word, &in, &b->out)) {
		hf_relay_unsteady(&b->intake);
		b->intake.stream.source = in.ssrc;
		return put(b, 1, seq, ts, HF_RTP_AUDIO, 0);
	}
	if (!hf_claim(&b->word, b->word, b->out.next))
		return -1;
	hf_relay_sent(&b->intake, &b->out, b->now);
	++*plain;
	return HF_RELAY_SEND;
}

static int audio(struct bench *b, uint32_t ssrc, uint16_t seq, uint32_t ts)
{
	return put(b, ssrc, seq, ts, HF_RTP_AUDIO, 0);
}

TEST(the_first_packet_of_a_source_takes_the_next_sequence_and_the_marker)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 9000, 123456), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 500);
	CHECK_INT(b.out.marker, 1);
	CHECK_INT(b.out.timestamp, 70000 + 8000);
	CHECK_INT(hf_word_seq(b.word), 501);
	b.now += 20 * MS;
	CHECK_INT(audio(&b, 1, 9001, 123616), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 501);
	CHECK_INT(b.out.marker, 0);
	CHECK_INT(b.out.timestamp, 70000 + 8160);
	CHECK_INT(b.intake.forwarded, 2);
}

TEST(a_stream_never_begins_before_the_time_slot_that_hold_had_reached)
{
	struct bench b = begin(500);

	/* Slot 52 was sent early, at 1030 ms, the switch is at 1031 ms. */
	b.word = hf_word_make(6, 0, 0, 500, 53);
	b.now = BASE + 1031 * MS;
	CHECK_INT(audio(&b, 1, 1, 1), HF_RELAY_SEND);
	CHECK_INT(b.out.timestamp, 70000 + 53 * 160);
}

TEST(loss_swaps_and_wrap_of_the_talker_come_out_as_they_went_in)
{
	static const int lost[] = {3, 9, 10, 11, 40};
	struct bench b = begin(65530);
	uint16_t in = 65500;

	for (int i = 0; i < 80; i++) {
		/* Packets 20 and 21 swap places, 30 comes five too late. */
		int n = i == 20 ? 21 : i == 21 ? 20 : i;
		int skip = 0;

		if (n >= 30 && n < 35)
			n++;
		else if (n == 35)
			n = 30;
		for (size_t k = 0; k < sizeof(lost) / sizeof(*lost); k++)
			skip |= n == lost[k];
		if (skip)
			continue;
		b.now = BASE + 1000 * MS + (uint64_t)i * 20 * MS;
		CHECK_INT(audio(&b, 1, (uint16_t)(in + n), (uint32_t)n * 160),
			  HF_RELAY_SEND);
		CHECK_INT(b.out.seq, (uint16_t)(65530 + n));
		CHECK_INT(b.out.timestamp, 70000 + 8000 + n * 160);
		CHECK_INT(b.out.marker, !i);
	}
	CHECK_INT(hf_word_seq(b.word), (uint16_t)(65530 + 80));
}

TEST(plain_packets_go_by_the_offsets_alone_and_the_watch_is_kept)
{
	struct bench b = begin(65000);
	int plain = 0, fresh = 0;

	/* Twice round the sequence numbers. */
	for (uint32_t i = 0; i < 140000; i++) {
		b.now = BASE + 1000 * MS + (uint64_t)i * 20 * MS;
		CHECK_INT(put_plainly(&b, (uint16_t)(100 + i), 7 + i * 160,
				      &plain),
			  HF_RELAY_SEND);
		CHECK_INT(b.out.seq, (uint16_t)(65000 + i));
		CHECK_INT(b.out.timestamp, 70000 + 8000 + i * 160);
		CHECK_INT(b.out.marker, !i);
		CHECK(b.intake.last_out == ((uint64_t)b.out.timestamp << 32 |
					    (uint32_t)(b.now >> 20)));
		fresh += !!(b.bound.flags & HF_BOUND_FRESH);
		/* Its begin stays behind, in reach of 16 bits. */
		CHECK((uint16_t)(b.out.seq - b.bound.first) < 8192);
	}
	CHECK_INT(b.intake.forwarded, 140000);
	CHECK(plain > 140000 - 140000 / HF_RTP_WATCH - 3);
	CHECK(fresh > HF_RTP_FRESH && fresh <= HF_RTP_FRESH + HF_RTP_WATCH + 1);
}

TEST(no_packet_is_plain_that_another_source_a_flip_a_jump_or_the_watch_is_about)
{
	struct bench b = begin(1000);
	struct hf_rtp_in in = {160, 1, 101, 0, HF_RTP_AUDIO}, no;
	int plain = 0;

	CHECK_INT(put_plainly(&b, 100, 0, &plain), HF_RELAY_SEND);
	CHECK(hf_relay_goes_on(&b.intake, b.word, &in, &b.out));
	no = in, no.ssrc = 2;
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	no = in, no.kind = HF_RTP_EVENT;
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	no = in, no.seq = 100; /* doubled */
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	no = in, no.seq = 101 + HF_RTP_DROPOUT;
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	no = in, no.seq = 124; /* goes out as 1024 */
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	no.seq = 123;
	CHECK(hf_relay_goes_on(&b.intake, b.word, &no, &b.out));
	CHECK(!hf_relay_goes_on(&b.intake, hf_word_make(7, 0, 0, 1001, 0), &in,
				&b.out));
	CHECK_INT(put(&b, 1, 9000, 0, HF_RTP_AUDIO, 0), HF_RELAY_JUMP);
	hf_relay_unsteady(&b.intake);
	CHECK(!hf_relay_goes_on(&b.intake, b.word, &in, &b.out));
	CHECK_INT(put(&b, 1, 101, 160, HF_RTP_AUDIO, 0), HF_RELAY_SEND);
	in.seq++;
	CHECK(hf_relay_goes_on(&b.intake, b.word, &in, &b.out));
}

TEST(a_packet_from_before_the_switch_is_dropped)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_SEND);
	CHECK_INT(audio(&b, 1, 99, 15840), HF_RELAY_OLD);
	CHECK_INT(audio(&b, 1, 101, 16160), HF_RELAY_SEND);
	CHECK_INT(audio(&b, 1, 98, 15680), HF_RELAY_OLD);
	CHECK_INT(b.out.seq < 500, 1);
	CHECK_INT(hf_word_seq(b.word), 502);
}

TEST(reordering_is_judged_rightly_for_as_long_as_a_call_may_last)
{
	struct bench b = begin(40000);

	for (uint32_t n = 0; n < 200000; n++) {
		b.now += 20 * MS;
		CHECK_INT(audio(&b, 1, (uint16_t)(n + 1), (n + 1) * 160),
			  HF_RELAY_SEND);
		CHECK_INT(b.out.seq, (uint16_t)(40000 + n));
		if (n < 10 || n % 777)
			continue;
		CHECK_INT(audio(&b, 1, (uint16_t)(n - 4), (n - 4) * 160),
			  HF_RELAY_SEND);
		CHECK_INT(b.out.seq, (uint16_t)(40000 + n - 5));
	}
}

TEST(a_new_ssrc_binds_anew_by_the_time_since_the_last_packet)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_SEND);
	b.now += 200 * MS;
	CHECK_INT(audio(&b, 2, 7, 555), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 501);
	CHECK_INT(b.out.marker, 1);
	/* 2^20 ns is the unit in which the moment is kept. */
	CHECK(b.out.timestamp >= 78000 + 1600 - 9);
	CHECK(b.out.timestamp <= 78000 + 1600 + 9);
	/* However soon it comes, the timestamp goes on by one packet. */
	CHECK_INT(audio(&b, 3, 7, 555), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 502);
	CHECK(b.out.timestamp >= 79600 + 160 - 9);
}

TEST(a_flip_of_the_receiving_leg_binds_anew)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_SEND);
	b.word = hf_word_make(7, 0, 0, 620, 0);
	b.to.ts_base = 1000000;
	CHECK_INT(audio(&b, 1, 101, 16160), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 620);
	CHECK_INT(b.out.timestamp, 1000000 + 8000);
	CHECK_INT(b.out.marker, 1);
	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_OLD);
}

TEST(a_jump_must_be_confirmed_by_the_next_packet)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_SEND);
	/* One stray from long ago does not move the stream. */
	CHECK_INT(audio(&b, 1, 65500, 9), HF_RELAY_JUMP);
	CHECK_INT(audio(&b, 1, 101, 16160), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 501);
	/* Its successor proves nothing any more. */
	CHECK_INT(audio(&b, 1, 65501, 9), HF_RELAY_JUMP);
	/* Two in a row do. */
	CHECK_INT(audio(&b, 1, 65502, 169), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 502);
	CHECK_INT(b.out.marker, 1);
}

TEST(a_gap_of_a_minute_is_loss_and_a_larger_one_is_a_jump)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 0), HF_RELAY_SEND);
	CHECK_INT(audio(&b, 1, 100 + 3000, 0), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 3500);
	CHECK_INT(audio(&b, 1, 3100 + 3001, 0), HF_RELAY_JUMP);
	CHECK_INT(audio(&b, 1, 3101 - 100, 0), HF_RELAY_SEND);
	CHECK_INT(audio(&b, 1, 3101 - 101, 0), HF_RELAY_JUMP);
}

TEST(an_event_begun_before_the_switch_is_not_continued)
{
	struct bench b = begin(500);

	/* Its middle does not begin a source. */
	CHECK_INT(put(&b, 1, 100, 16000, HF_RTP_EVENT, 0), HF_RELAY_OLD);
	CHECK_INT(audio(&b, 1, 101, 16800), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 500);
	/* Nor is it taken up between audio. */
	CHECK_INT(put(&b, 1, 102, 16000, HF_RTP_EVENT, 0), HF_RELAY_OLD);
	/* One begun since is, even if its first packet was lost. */
	CHECK_INT(put(&b, 1, 103, 17000, HF_RTP_EVENT, 0), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 502);
	CHECK_INT(b.out.marker, 0);
}

TEST(an_event_begun_after_the_switch_passes_with_its_marker)
{
	struct bench b = begin(500);

	CHECK_INT(put(&b, 1, 100, 16000, HF_RTP_EVENT, 1), HF_RELAY_SEND);
	CHECK_INT(b.out.marker, 1);
	CHECK_INT(put(&b, 1, 101, 16000, HF_RTP_EVENT, 0), HF_RELAY_SEND);
	CHECK_INT(b.out.seq, 501);
	CHECK_INT(b.out.timestamp, 78000);
	CHECK_INT(audio(&b, 1, 102, 16480), HF_RELAY_SEND);
	CHECK_INT(put(&b, 1, 103, 16640, HF_RTP_EVENT, 1), HF_RELAY_SEND);
	CHECK_INT(b.out.marker, 1);
}

TEST(the_newest_timestamp_and_its_moment_are_kept_together)
{
	struct bench b = begin(500);

	CHECK_INT(audio(&b, 1, 100, 16000), HF_RELAY_SEND);
	CHECK(b.intake.last_out ==
	      ((uint64_t)78000 << 32 | (uint32_t)(b.now >> 20)));
	/* A late one, and the repeats of an event, do not touch it. */
	b.now += 20 * MS;
	CHECK_INT(audio(&b, 1, 102, 16320), HF_RELAY_SEND);
	uint64_t kept = b.intake.last_out;

	b.now += 20 * MS;
	CHECK_INT(audio(&b, 1, 101, 16160), HF_RELAY_SEND);
	CHECK(b.intake.last_out == kept);
	CHECK_INT(put(&b, 1, 103, 16320, HF_RTP_EVENT, 0), HF_RELAY_SEND);
	CHECK(b.intake.last_out == kept);
}

TEST(payload_types_say_what_a_packet_is)
{
	struct hf_program p = {.rx_payload_type = 8, .rx_dtmf_pt = 101};

	CHECK_INT(hf_rtp_kind(&p, 8), HF_RTP_AUDIO);
	CHECK_INT(hf_rtp_kind(&p, 101), HF_RTP_EVENT);
	CHECK_INT(hf_rtp_kind(&p, 0), HF_RTP_OTHER);
	CHECK_INT(hf_rtp_kind(&p, 13), HF_RTP_OTHER);
	p = (struct hf_program){.rx_payload_type = 0};
	CHECK_INT(hf_rtp_kind(&p, 0), HF_RTP_AUDIO);
	CHECK(hf_rtp_is_v2(0x80) && hf_rtp_is_v2(0xbf));
	CHECK(!hf_rtp_is_v2(0x7f) && !hf_rtp_is_v2(0xc0) && !hf_rtp_is_v2(0));
	CHECK(hf_rtp_is_rtcp(200) && !hf_rtp_is_rtcp(0x80 | 8));
	CHECK(!hf_rtp_is_rtcp(0x80 | 101));
}

/* The source lock. */

#define SIGNALLED  ((struct hf_remote){(__be32)0x01020304, (__be16)0x1111})
#define BEHIND_NAT ((struct hf_remote){(__be32)0x01020304, (__be16)0x2222})
#define ELSEWHERE  ((struct hf_remote){(__be32)0x05060708, (__be16)0x3333})

static struct hf_program latching(uint8_t flags)
{
	return (struct hf_program){
		.remote_ip4 = SIGNALLED.ip4,
		.remote_port = SIGNALLED.port,
		.rx_payload_type = 8,
		.flags = HF_PROGRAM_LATCH | flags,
	};
}

static int is(struct hf_remote a, struct hf_remote b)
{
	return a.ip4 == b.ip4 && a.port == b.port;
}

TEST(three_packets_of_one_source_and_ssrc_are_learned)
{
	struct hf_program p = latching(0);
	struct hf_leg_rx rx = {0};

	CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8), 0);
	CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8), 0);
	CHECK(is(hf_remote_get(&p, &rx), SIGNALLED));
	CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8), 1);
	CHECK(is(hf_remote_get(&p, &rx), BEHIND_NAT));
	/* And for good. */
	for (int i = 0; i < 9; i++)
		CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 9, 8), 0);
	CHECK(is(hf_remote_get(&p, &rx), BEHIND_NAT));
	p.flags = 0;
	CHECK(is(hf_remote_get(&p, &rx), SIGNALLED));
}

TEST(another_source_ssrc_or_payload_type_begins_the_count_again)
{
	struct hf_program p = latching(HF_PROGRAM_LATCH_ANY);
	struct hf_leg_rx rx = {0};

	hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8);
	hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8);
	CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 10, 8), 0);
	hf_latch_step(&p, &rx, BEHIND_NAT, 10, 8);
	CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 10, 8), 0);
	hf_latch_step(&p, &rx, ELSEWHERE, 10, 8);
	CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 10, 0), 0);
	CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 10, 8), 1);
}

TEST(an_address_other_than_the_signalling_is_learned_only_where_configured)
{
	struct hf_program p = latching(0);
	struct hf_leg_rx rx = {0};

	for (int i = 0; i < 9; i++)
		CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 9, 8), 0);
	p = latching(HF_PROGRAM_LATCH_ANY);
	for (int i = 0; i < 2; i++)
		CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 9, 8), 0);
	CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 9, 8), 1);
}

TEST(one_packet_from_the_signalled_address_ends_the_learning)
{
	struct hf_program p = latching(HF_PROGRAM_LATCH_ANY);
	struct hf_leg_rx rx = {0};

	CHECK_INT(hf_latch_step(&p, &rx, SIGNALLED, 9, 8), 1);
	for (int i = 0; i < 9; i++)
		CHECK_INT(hf_latch_step(&p, &rx, ELSEWHERE, 9, 8), 0);
	CHECK(is(hf_remote_get(&p, &rx), SIGNALLED));
}

TEST(a_newly_signalled_remote_forgets_what_was_learned)
{
	struct hf_program p = latching(0);
	struct hf_leg_rx rx = {0};

	for (int i = 0; i < 3; i++)
		hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8);
	CHECK(hf_remote_learned(&p, &rx));
	p.remote_port = (__be16)0x4444;
	CHECK(!hf_remote_learned(&p, &rx));
	CHECK_INT(hf_remote_get(&p, &rx).port, 0x4444);
	for (int i = 0; i < 2; i++)
		CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8), 0);
	CHECK_INT(hf_latch_step(&p, &rx, BEHIND_NAT, 9, 8), 1);
}

TEST_MAIN()
