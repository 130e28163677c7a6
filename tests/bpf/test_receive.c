/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets into the receive program, hold by turn-around out: every byte and the
 * verdict. Relay has test_relay.c.
 * rooms:
 */
#include <linux/bpf.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"

#define LEG 3

/* Leg 3 holds the caller, its slot 0 is as overdue as has to be, sequence 600.
 */
static void hold(struct fixture *f, uint8_t flags)
{
	struct hf_program p = program_hold(LEG);

	p.flags = flags;
	leg_set(f, LEG, &p, 600);
	fixture_now(f, BASE + TURN);
}

static struct packet from_caller(void)
{
	struct shape s = shape_from_caller(LEG);

	return packet_build(&s);
}

static struct packet hold_frame(struct fixture *f, uint32_t frame, uint16_t seq,
				uint32_t ts, uint8_t marker)
{
	struct shape s = shape_hold(f, LEG, frame);

	s.seq = seq;
	s.timestamp = ts;
	s.marker = marker;
	return packet_build(&s);
}

TEST(a_packet_of_a_held_caller_goes_back_as_the_hold_frame_that_is_due)
{
	FIXTURE(f);
	struct packet p = from_caller(), want;

	hold(f, HF_PROGRAM_MARK_FIRST);
	want = hold_frame(f, 10, 600, 0xfffffff0, 1);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK(packet_check_right(&p));
	CHECK_STR(fixture_counted(f), "hold_turned 1");
	CHECK_INT(f->claims[LEG].intake.turn_sent, 1);
	CHECK_INT(f->claims[LEG].intake.packets, 1);
	CHECK_INT(f->claims[LEG].intake.last_rx, (BASE + TURN) >> 20);
	CHECK(f->claims[LEG].word == hf_word_make(5, 0, 53, 601, 1));
}

TEST(the_stream_goes_on_frame_by_frame_across_the_end_of_the_clip)
{
	FIXTURE(f);

	hold(f, 0);
	for (uint32_t n = 0; n < 45; n++) {
		struct packet p = from_caller();
		struct packet want =
			hold_frame(f, 10 + n % 20, (uint16_t)(600 + n),
				   0xfffffff0 + 160 * n, 0);

		fixture_now(f, BASE + 20 * n * MS + TURN);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
		CHECK_PACKET(p, want);
	}
	CHECK_STR(fixture_counted(f), "hold_turned 45");
}

TEST(a_caller_on_another_device_gets_its_frame_by_redirect)
{
	FIXTURE(f);
	struct hf_program h = program_hold(LEG);
	struct packet p = from_caller(), want;

	h.nexthop = HOP_ACROSS;
	leg_set(f, LEG, &h, 600);
	fixture_now(f, BASE + TURN);
	want = hold_frame(f, 10, 600, 0xfffffff0, 0);
	CHECK_INT(fixture_receive(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_turned 1");
}

TEST(a_leg_on_the_second_address_is_found_by_its_own_ports)
{
	FIXTURE(f);
	struct hf_program h = program_hold(40);
	struct shape in = shape_from_caller(40), out = shape_hold(f, 40, 10);
	struct packet p = packet_build(&in), want;

	leg_set(f, 40, &h, 9);
	fixture_now(f, BASE + TURN);
	out.seq = 9;
	out.timestamp = 0xfffffff0;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(a_packet_before_the_frame_is_due_is_consumed)
{
	FIXTURE(f);
	struct packet p = from_caller(), before = p;
	uint64_t word;

	hold(f, 0);
	word = f->claims[LEG].word;
	fixture_now(f, BASE + TURN - 1);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_PACKET(p, before);
	CHECK_STR(fixture_counted(f), "hold_not_due 1");
	CHECK(f->claims[LEG].word == word);
	CHECK_INT(f->claims[LEG].intake.packets, 1);
	CHECK_INT(f->claims[LEG].intake.dropped, 0);
}

TEST(a_flood_of_packets_is_not_amplified)
{
	FIXTURE(f);
	int sent = 0;

	hold(f, HF_PROGRAM_AUTO_CLOCK);
	for (int i = 0; i < 2000; i++) {
		struct packet p = from_caller();

		fixture_now(f, BASE + (uint64_t)i * MS / 2);
		sent += fixture_receive(f, &p) == XDP_TX;
	}
	/* One second: fifty frames, and the one half a packet time early. */
	CHECK_INT(sent, 51);
	CHECK_STR(fixture_counted(f), "hold_turned 51, hold_not_due 1949");
}

TEST(with_hold_clock_auto_the_caller_s_packet_takes_the_frame_early)
{
	FIXTURE(f);
	struct packet p = from_caller(), want;

	hold(f, HF_PROGRAM_AUTO_CLOCK);
	want = hold_frame(f, 10, 600, 0xfffffff0, 0);
	fixture_now(f, BASE - 10 * MS - 1);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	fixture_now(f, BASE - 10 * MS);
	p = from_caller();
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_turned 1, hold_not_due 1");
}

/* Nobody else marks a leg, and none that needs the sender. */
TEST(the_sender_is_told_of_a_leg_that_its_own_packets_serve)
{
	FIXTURE(f);
	struct packet p = from_caller();

	f->turned->legs = 0;
	hold(f, HF_PROGRAM_AUTO_CLOCK);
	fixture_now(f, BASE - 10 * MS - 1); /* not due */
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_INT(f->turned->legs, 0);
	fixture_now(f, BASE - 10 * MS);
	p = from_caller();
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK(f->turned->legs == 1ULL << LEG);
	f->turned->legs = 0;
	hold(f, 0); /* by the timer, which is late */
	fixture_now(f, BASE + TURN);
	p = from_caller();
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(f->turned->legs, 0);
}

TEST(after_a_silence_the_frames_missed_are_skipped_and_counted)
{
	FIXTURE(f);
	struct packet p = from_caller(), want;

	hold(f, 0);
	fixture_now(f, BASE + 1007 * MS);
	/* All but the one that turn-around may be behind. */
	want = hold_frame(f, 10 + 49 % 20, 600, 0xfffffff0 + 49 * 160, 1);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_turned 1, hold_skipped 49");
	CHECK_INT(f->legs[LEG].rx.turn_skipped, 49);
	CHECK(f->claims[LEG].word == hf_word_make(5, 0, 68, 601, 50));
}

TEST(a_packet_of_any_other_size_becomes_a_frame_of_the_right_size)
{
	static const size_t sizes[] = {0,   1,	 6,   20,  80,
				       159, 161, 240, 480, 1400};
	static const uint32_t frames[] = {10, FRAME_SHORT, FRAME_ODD};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (size_t k = 0; k < 3; k++) {
			struct hf_program h = program_hold(LEG);
			struct shape s = shape_from_caller(LEG);
			struct packet p, want;

			h.loop_first = frames[k];
			leg_set(f, LEG, &h, 600);
			fixture_now(f, BASE + TURN);
			s.payload_len = sizes[i];
			s.behind = sizes[i] < 6 ? 6 - sizes[i] : 0;
			p = packet_build(&s);
			want = hold_frame(f, frames[k], 600, 0xfffffff0, 0);
			CHECK_INT(fixture_receive(f, &p), XDP_TX);
			CHECK_PACKET(p, want);
			CHECK(packet_check_right(&p));
		}
	CHECK_STR(fixture_counted(f), "hold_turned 30");
}

TEST(a_checksum_that_comes_out_as_zero_is_sent_as_ffff)
{
	FIXTURE(f);
	struct hf_frame *frame = &f->frames[10];
	struct packet p = from_caller(), want;
	uint16_t check, last;

	hold(f, 0);
	want = hold_frame(f, 10, 600, 0xfffffff0, 0);
	/* Put into the last word what the check lacks to be zero. */
	check = packet_peek16(&want, 40);
	last = packet_peek16(&want, want.len - 2);
	last = slow_sum((uint8_t[]){(uint8_t)(check >> 8), (uint8_t)check}, 2,
			last);
	frame->payload[158] = (uint8_t)(last >> 8);
	frame->payload[159] = (uint8_t)last;
	frame->sum = (uint16_t)HF_HTONS(slow_sum(frame->payload, 160, 0));
	want = hold_frame(f, 10, 600, 0xfffffff0, 0);
	CHECK_INT(packet_peek16(&want, 40), 0xffff);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

/* What is not ours. */

TEST(packets_that_are_not_ours_pass_untouched_and_uncounted)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct packet all[16], before;
	int n = 0;

	hold(f, 0);
	all[n++] = packet_build(&s);
	packet_add_options(&all[0]);
	s.frag = 0x2000; /* the first of several fragments */
	all[n++] = packet_build(&s);
	s.frag = 0x0010; /* a later one */
	all[n++] = packet_build(&s);
	s.frag = 0x2010;
	all[n++] = packet_build(&s);
	s = shape_from_caller(LEG);
	s.dport = 19998;
	all[n++] = packet_build(&s);
	s.dport = 19999;
	all[n++] = packet_build(&s);
	s.dport = 20064;
	all[n++] = packet_build(&s);
	s.dport = 30000; /* a leg's port, but of the other address */
	all[n++] = packet_build(&s);
	s = shape_from_caller(LEG);
	s.daddr = ANCHOR + 5;
	all[n++] = packet_build(&s);
	s.daddr = 0; /* not the IPv6 entry of the address table */
	all[n++] = packet_build(&s);
	all[n] = from_caller();
	all[n++].bytes[23] = 6; /* TCP */
	all[n] = from_caller();
	all[n++].bytes[14] = 0x65;
	all[n] = from_caller();
	packet_poke16(&all[n++], 12, 0x0806); /* ARP */
	all[n] = from_caller();
	packet_poke16(&all[n++], 12, 0x86dd); /* IPv6 */
	all[n] = from_caller();
	packet_poke16(&all[n++], 12, 0x8100); /* a VLAN tag */
	for (int i = 0; i < n; i++) {
		before = all[i];
		CHECK_INT(fixture_receive(f, &all[i]), XDP_PASS);
		CHECK_PACKET(all[i], before);
		CHECK_STR(fixture_counted(f), "");
	}
	CHECK_INT(f->claims[LEG].intake.packets, 0);
}

TEST(do_not_fragment_is_not_a_fragment)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct packet p;

	hold(f, 0);
	s.frag = 0x4000;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
}

TEST(a_packet_truncated_at_any_length_is_consumed_or_passed_never_sent)
{
	FIXTURE(f);
	struct packet whole = from_caller(), p, before;

	hold(f, 0);
	for (size_t len = 14; len < whole.len; len++) {
		before = whole;
		before.len = len;
		memset(before.bytes + len, 0, sizeof(before.bytes) - len);
		p = before;
		CHECK_INT(fixture_receive(f, &p),
			  len < 42 ? XDP_PASS : XDP_DROP);
		CHECK_PACKET(p, before);
		CHECK_STR(fixture_counted(f), len < 42 ? "" : "drop_length 1");
	}
	CHECK_INT(f->claims[LEG].intake.packets, 0);
	CHECK(f->claims[LEG].word == hf_word_make(5, 0, 0, 600, 0));
}

TEST(lengths_that_contradict_each_other_are_consumed)
{
	/* Offset and value: UDP length too small for RTP, larger than the IP
	 * packet, larger than what came; IP length smaller than UDP's. */
	static const uint16_t bad[][2] = {
		{38, 0},      {38, 7},	 {38, 8},  {38, 19}, {38, 181},
		{38, 0xffff}, {16, 199}, {16, 20}, {16, 0},
	};

	FIXTURE(f);
	hold(f, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct packet p = from_caller();

		packet_poke16(&p, bad[i][0], bad[i][1]);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_length 1");
	}
}

/* What is ours and refused. */

TEST(what_is_not_rtp_version_two_is_consumed)
{
	FIXTURE(f);
	hold(f, 0);
	for (int version = 0; version < 4; version++) {
		struct shape s = shape_from_caller(LEG);
		struct packet p;

		if (version == 2)
			continue;
		s.first = (uint8_t)(version << 6);
		p = packet_build(&s);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_not_rtp 1");
	}
	CHECK_INT(f->claims[LEG].intake.dropped, 3);
}

TEST(rtcp_is_taken_in_on_its_own_port_and_on_the_rtp_port)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct packet p;

	hold(f, 0);
	s.dport++;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_rx 1");
	s.dport--;
	s.marker = 1;
	s.payload_type = 200 & 0x7f;
	fixture_now(f, BASE + 100 * MS);
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_rx 1");
}

TEST(a_packet_from_anywhere_but_the_signalled_address_is_consumed)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct packet p;

	hold(f, 0);
	s.sport++;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_source 1");
	s.sport--;
	s.saddr++;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_source 1");
	CHECK_INT(f->claims[LEG].intake.dropped, 2);
	CHECK_INT(f->claims[LEG].intake.packets, 0);
}

TEST(behind_a_nat_the_third_packet_of_one_source_is_answered_there)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG), out;
	struct packet p, want;

	hold(f, HF_PROGRAM_LATCH);
	s.sport = 61000;
	for (int i = 0; i < 2; i++) {
		p = packet_build(&s);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
	p = packet_build(&s);
	out = shape_hold(f, LEG, 10);
	out.dport = 61000;
	out.seq = 600;
	out.timestamp = 0xfffffff0;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_turned 1, latched 1");
	CHECK_INT(f->legs[LEG].rx.latch_state, HF_LATCH_LEARNED);
	/* From then on nobody else. */
	s.sport = 61001;
	for (int i = 0; i < 4; i++) {
		p = packet_build(&s);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
}

TEST(a_new_remote_by_a_flip_forgets_the_learned_one)
{
	FIXTURE(f);
	struct shape s = shape_from_caller(LEG);
	struct hf_program h;
	struct packet p;

	hold(f, HF_PROGRAM_LATCH);
	s.sport = 61000;
	for (int i = 0; i < 3; i++) {
		p = packet_build(&s);
		(void)fixture_receive(f, &p);
	}
	CHECK_STR(fixture_counted(f),
		  "hold_turned 1, drop_source 2, latched 1");
	h = program_hold(LEG);
	h.flags = HF_PROGRAM_LATCH;
	h.remote_port = HF_HTONS(42000);
	CHECK_INT(leg_flip(f, LEG, &h, 0), 1);
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_source 1");
	s.sport = 42000;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(packet_peek16(&p, 36), 42000);
}

TEST(a_port_without_a_call_consumes_what_comes)
{
	FIXTURE(f);
	struct packet p = from_caller();

	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_no_leg 1");
	/* An address whose legs the map does not hold. */
	f->instance->address[1].leg_base = 1000;
	p = from_caller();
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_no_leg 1");
}

TEST(an_address_is_found_whatever_the_hints_say)
{
	FIXTURE(f);

	for (uint32_t i = 0; i <= 0xff; i++) {
		struct packet p = from_caller();

		memset(f->instance->hint, (int)i, sizeof(f->instance->hint));
		hold(f, 0);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
	}
}

TEST(an_idle_leg_and_one_told_not_to_send_consume_what_comes)
{
	FIXTURE(f);
	struct hf_program h = program_hold(LEG);
	struct packet p = from_caller();

	h.mode = HF_MODE_IDLE;
	leg_set(f, LEG, &h, 600);
	fixture_now(f, BASE + TURN);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_idle 1");
	hold(f, HF_PROGRAM_RX_OFF);
	p = from_caller();
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_idle 1");
	CHECK_INT(f->claims[LEG].intake.dropped, 1);
}

TEST(without_a_way_out_nothing_is_claimed_or_sent)
{
	static const struct {
		uint16_t hop;
		const char *counted;
	} ways[] = {
		{HOP_UNRESOLVED, "drop_no_hop 1"},
		{HOP_UNKNOWN, "drop_no_hop 1"},
		{HOP_NO_REDIRECT, "drop_no_hop 1"},
		{HOPS, "drop_no_hop 1"},
		{HOP_NARROW, "drop_mtu 1"},
	};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct hf_program h = program_hold(LEG);
		struct packet p = from_caller();

		h.nexthop = ways[i].hop;
		leg_set(f, LEG, &h, 600);
		fixture_now(f, BASE + TURN);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), ways[i].counted);
		CHECK(f->claims[LEG].word == hf_word_make(5, 0, 0, 600, 0));
		CHECK_INT(f->claims[LEG].intake.dropped, 1);
	}
}

TEST(a_clip_outside_the_frame_table_is_refused)
{
	FIXTURE(f);
	static const struct {
		uint32_t first;
		uint16_t bytes;
	} bad[] = {{FRAMES, 0}, {0xffffffff, 0}, {5, 0}, {5, 161}, {5, 0xffff}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct hf_program h = program_hold(LEG);
		struct packet p = from_caller();

		f->frames[5].bytes = bad[i].bytes;
		h.loop_first = bad[i].first;
		leg_set(f, LEG, &h, 600);
		fixture_now(f, BASE + TURN);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_frame 1");
		CHECK(f->claims[LEG].word == hf_word_make(5, 0, 0, 600, 0));
	}
}

TEST_MAIN()
