/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets from one leg's remote to another's: every byte and the verdict. Leg 3
 * is the caller's, leg 4 the agent's; most tests let the agent talk.
 * rooms:
 */
#include <linux/bpf.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"

#define CALLER_LEG 3
#define AGENT_LEG  4
#define NOW	   (BASE + 1000 * MS)
#define NOW_TS	   (0xfffffff0 + 8000) /* of a program that began at BASE */

static struct hf_program relay(uint32_t leg, uint32_t peer)
{
	struct hf_program p = program_hold(leg);

	p.mode = HF_MODE_RELAY;
	p.peer = peer;
	p.loop_len = 0;
	p.rx_dtmf_pt = 101;
	p.tx_dtmf_pt = 101;
	if (leg == AGENT_LEG) {
		p.remote_ip4 = HF_HTONL(AGENT);
		p.remote_port = HF_HTONS(AGENT_PORT);
	}
	return p;
}

/* Both legs joined, the caller's stream at sequence 600. */
static void join(struct fixture *f)
{
	struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
	struct hf_program agent = relay(AGENT_LEG, CALLER_LEG);

	leg_set(f, CALLER_LEG, &caller, 600);
	leg_set(f, AGENT_LEG, &agent, 7000);
	fixture_now(f, NOW);
}

static struct shape from_agent(uint16_t seq, uint32_t ts)
{
	struct shape s = shape_from_caller(AGENT_LEG);

	s.saddr = AGENT;
	s.sport = AGENT_PORT;
	s.seq = seq;
	s.timestamp = ts;
	return s;
}

/* What the caller gets for it. */
static struct shape to_caller(const struct fixture *f, const struct shape *in,
			      uint16_t seq, uint32_t ts)
{
	struct shape s = shape_hold(f, CALLER_LEG, 0);

	s.first = in->first;
	s.marker = in->marker;
	s.payload = in->payload;
	s.payload_len = in->payload_len;
	s.seq = seq;
	s.timestamp = ts;
	return s;
}

/* Send and return the verdict; *out is what came out. */
static int talk(struct fixture *f, uint16_t seq, uint32_t ts,
		struct packet *out)
{
	struct shape s = from_agent(seq, ts);

	*out = packet_build(&s);
	return fixture_receive(f, out);
}

#define OUT_SEQ(p)    packet_peek16(&(p), 44)
#define OUT_TS(p)     packet_peek32(&(p), 46)
#define OUT_SSRC(p)   packet_peek32(&(p), 50)
#define OUT_MARKER(p) ((p).bytes[43] >> 7)
#define OUT_PT(p)     ((p).bytes[43] & 0x7f)

TEST(a_packet_of_the_agent_reaches_the_caller_in_the_caller_s_stream)
{
	FIXTURE(f);
	struct shape in = from_agent(100, 160000), out;
	struct packet p = packet_build(&in), want;

	join(f);
	out = to_caller(f, &in, 600, NOW_TS);
	out.marker = 1;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "relayed 1");
	CHECK_INT(f->claims[AGENT_LEG].intake.forwarded, 1);
	CHECK(f->claims[AGENT_LEG].intake.last_out ==
	      ((uint64_t)(uint32_t)NOW_TS << 32 | (uint32_t)(NOW >> 20)));
	CHECK(f->claims[CALLER_LEG].word == hf_word_make(5, 0, 0, 601, 0));

	in = from_agent(101, 160160);
	p = packet_build(&in);
	out = to_caller(f, &in, 601, NOW_TS + 160);
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(both_directions_are_relayed_at_once)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(CALLER_LEG);
	struct packet p = packet_build(&in), want;
	struct shape out = shape_hold(f, AGENT_LEG, 0);

	join(f);
	out.daddr = AGENT;
	out.dport = AGENT_PORT;
	out.payload = in.payload;
	out.marker = 1;
	out.seq = 7000;
	out.timestamp = NOW_TS;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	CHECK_INT(talk(f, 1, 1, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 600);
}

TEST(a_caller_on_another_device_or_on_a_veth_is_reached_by_redirect)
{
	static const uint16_t hops[] = {HOP_ACROSS, HOP_GENERIC, HOP_VETH};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
		struct shape in = from_agent(100, 160000), out;
		struct packet p = packet_build(&in), want;

		join(f);
		caller.nexthop = hops[i];
		leg_set(f, CALLER_LEG, &caller, 600);
		out = to_caller(f, &in, 600, NOW_TS);
		out.marker = 1;
		want = packet_build(&out);
		CHECK_INT(fixture_receive(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
	}
}

TEST(loss_doubles_swaps_and_a_wrap_around_the_switch_come_out_as_they_went_in)
{
	/* Offsets into the agent's stream, in the order of arrival. */
	static const int order[] = {0, 1,	3,  2,	4,  4, 8,
				    9, 11, 12, 10, 13, 20};

	FIXTURE(f);
	struct packet p;

	join(f);
	f->claims[CALLER_LEG].word = hf_word_make(5, 0, 0, 65532, 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
		int n = order[i];

		fixture_now(f, NOW + (uint64_t)i * 20 * MS);
		CHECK_INT(talk(f, (uint16_t)(65530 + n), (uint32_t)n * 160, &p),
			  XDP_TX);
		CHECK_INT(OUT_SEQ(p), (uint16_t)(65532 + n));
		CHECK_INT(OUT_TS(p), (uint32_t)(NOW_TS + n * 160));
		CHECK_INT(OUT_SSRC(p), 0xabcd0000 + CALLER_LEG);
		CHECK_INT(OUT_MARKER(p), !i);
		CHECK(packet_check_right(&p));
	}
	CHECK_STR(fixture_counted(f), "relayed 13");
	CHECK_INT(hf_word_seq(f->claims[CALLER_LEG].word),
		  (uint16_t)(65532 + 21));
}

TEST(packets_from_before_the_switch_are_dropped)
{
	FIXTURE(f);
	struct packet p;

	join(f);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_TX);
	CHECK_INT(talk(f, 99, 15840, &p), XDP_DROP);
	CHECK_INT(talk(f, 60, 9600, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "relayed 1, relay_late 2");
	CHECK_INT(f->claims[AGENT_LEG].intake.dropped, 2);
	CHECK_INT(hf_word_seq(f->claims[CALLER_LEG].word), 601);
}

TEST(a_new_ssrc_of_the_talker_stays_the_caller_s_one_stream)
{
	FIXTURE(f);
	struct shape s = from_agent(9, 9);
	struct packet p;
	uint32_t ts;

	join(f);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_TX);
	fixture_now(f, NOW + 60 * MS);
	s.ssrc = 0x55667788;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 601);
	CHECK_INT(OUT_MARKER(p), 1);
	CHECK_INT(OUT_SSRC(p), 0xabcd0000 + CALLER_LEG);
	ts = OUT_TS(p) - (uint32_t)NOW_TS;
	CHECK(ts >= 480 - 9 && ts <= 480 + 9);
	CHECK(packet_check_right(&p));
}

TEST(a_wild_sequence_number_is_dropped_until_the_next_confirms_it)
{
	FIXTURE(f);
	struct packet p;

	join(f);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_TX);
	CHECK_INT(talk(f, 30000, 16160, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "relayed 1, relay_jump 1");
	CHECK_INT(talk(f, 101, 16160, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 601);
	CHECK_INT(talk(f, 40000, 5, &p), XDP_DROP);
	CHECK_INT(talk(f, 40001, 165, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 602);
	CHECK_INT(OUT_MARKER(p), 1);
}

/* Hold, a first agent, hold again, a second agent: as the controller does it.
 */

struct listener {
	uint16_t seq;	/* next expected */
	uint32_t ts;	/* of the last */
	uint64_t at_ns; /* when that was */
	int packets;
};

/* The caller's ear: one SSRC, no gap, timestamps by the time elapsed. */
static const char *hear(struct listener *l, const struct packet *p,
			uint64_t now, uint32_t tolerance)
{
	uint32_t ts = OUT_TS(*p),
		 passed = (uint32_t)((now - l->at_ns) / 125000);

	if (OUT_SSRC(*p) != 0xabcd0000 + CALLER_LEG)
		return "another SSRC";
	if (!packet_check_right(p))
		return "a wrong checksum";
	if (l->packets && OUT_SEQ(*p) != l->seq)
		return "a gap in the sequence";
	if (l->packets && ts - l->ts - passed + tolerance > 2 * tolerance)
		return "a timestamp off the time elapsed";
	if (l->packets && (int32_t)(ts - l->ts) <= 0)
		return "a timestamp that does not advance";
	*l = (struct listener){(uint16_t)(OUT_SEQ(*p) + 1), ts, now,
			       l->packets + 1};
	return "";
}

/* One more hold frame by turn-around, `n` packets of 20 ms. */
static const char *hold_on(struct fixture *f, struct listener *l, uint64_t *now,
			   int n)
{
	while (n--) {
		struct shape s = shape_from_caller(CALLER_LEG);
		struct packet p = packet_build(&s);
		const char *wrong;

		*now += 20 * MS;
		fixture_now(f, *now);
		if (fixture_receive(f, &p) != XDP_TX)
			return "no hold frame";
		/* A frame has the timestamp of its deadline. */
		wrong = hear(l, &p, *now, (uint32_t)(TURN / 125000) + 2);
		if (*wrong)
			return wrong;
	}
	return "";
}

static const char *talk_on(struct fixture *f, struct listener *l, uint64_t *now,
			   uint32_t ssrc, uint16_t seq, uint32_t ts, int n)
{
	for (int i = 0; i < n; i++) {
		struct shape s =
			from_agent((uint16_t)(seq + i), ts + 160 * (uint32_t)i);
		struct packet p;
		const char *wrong;

		*now += 20 * MS;
		fixture_now(f, *now);
		s.ssrc = ssrc;
		p = packet_build(&s);
		if (fixture_receive(f, &p) != XDP_TX)
			return "not relayed";
		wrong = hear(l, &p, *now, 40);
		if (*wrong)
			return wrong;
		if (OUT_MARKER(p) != !i)
			return "a marker too many or too few";
	}
	return "";
}

/* The program the stream goes on with at `now`: its time line is that of the
 * newest packet, moved on by the time since. */
static int flip_at(struct fixture *f, struct hf_program p,
		   const struct listener *l, uint64_t now)
{
	p.base_ns = now / MS * MS + 20 * MS;
	p.ts_base = l->ts + (uint32_t)((p.base_ns - l->at_ns) / 125000);
	return leg_flip(f, CALLER_LEG, &p, 0);
}

TEST(hold_relay_hold_relay_is_one_stream_to_the_caller)
{
	FIXTURE(f);
	struct hf_program hold = program_hold(CALLER_LEG);
	struct hf_program talking = relay(CALLER_LEG, AGENT_LEG);
	struct hf_program agent = relay(AGENT_LEG, CALLER_LEG);
	struct listener l = {0};
	uint64_t now = BASE + TURN - 20 * MS;

	hold.flags = HF_PROGRAM_MARK_FIRST;
	leg_set(f, CALLER_LEG, &hold, 65500);
	leg_set(f, AGENT_LEG, &agent, 7000);
	CHECK_STR(hold_on(f, &l, &now, 30), "");
	CHECK_INT(flip_at(f, talking, &l, now), 1);
	now += 3 * MS;
	CHECK_STR(talk_on(f, &l, &now, 111, 500, 777777, 50), "");
	now += 8 * MS;
	CHECK_INT(flip_at(f, hold, &l, now), 1);
	now += TURN;
	CHECK_STR(hold_on(f, &l, &now, 25), "");
	CHECK_INT(flip_at(f, talking, &l, now), 1);
	CHECK_STR(talk_on(f, &l, &now, 222, 65530, 42, 20), "");
	CHECK_INT(l.packets, 125);
	CHECK_INT(l.seq, (uint16_t)(65500 + 125));
	CHECK_STR(fixture_counted(f), "hold_turned 55, relayed 70");
}

TEST(the_first_agent_s_late_packets_do_not_reach_the_held_caller)
{
	FIXTURE(f);
	struct hf_program hold = program_hold(CALLER_LEG);
	struct packet p;

	join(f);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_TX);
	CHECK_INT(leg_flip(f, CALLER_LEG, &hold, 0), 1);
	CHECK_INT(talk(f, 101, 16160, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "relayed 1, drop_idle 1");
}

TEST(an_agent_reaches_only_the_leg_that_names_it_as_its_peer)
{
	FIXTURE(f);
	struct hf_program other = relay(CALLER_LEG, AGENT_LEG + 1);
	struct packet p;

	join(f);
	leg_set(f, CALLER_LEG, &other, 600);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_idle 1");
	other = relay(AGENT_LEG, 5000);
	leg_set(f, AGENT_LEG, &other, 600);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_idle 1");
}

TEST(payload_types_are_mapped_for_audio_and_for_events)
{
	FIXTURE(f);
	struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
	struct hf_program agent = relay(AGENT_LEG, CALLER_LEG);
	struct shape in = from_agent(100, 160000), out;
	static const uint8_t event[4] = {5, 10, 0, 160};
	struct packet p, want;

	join(f);
	caller.payload_type = 96;
	caller.tx_dtmf_pt = 120;
	agent.rx_payload_type = 8;
	agent.rx_dtmf_pt = 101;
	leg_set(f, CALLER_LEG, &caller, 600);
	leg_set(f, AGENT_LEG, &agent, 7000);
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(OUT_PT(p), 96);
	CHECK(packet_check_right(&p));
	in = from_agent(101, 160160);
	in.payload_type = 101;
	in.marker = 1;
	in.payload = event;
	in.payload_len = 4;
	p = packet_build(&in);
	out = to_caller(f, &in, 601, NOW_TS + 160);
	out.payload_type = 120;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
	/* Neither audio nor event: not negotiated. */
	in.payload_type = 13;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "relayed 2, drop_payload_type 1");
	/* The caller wants no events. */
	caller.tx_dtmf_pt = 0;
	leg_set(f, CALLER_LEG, &caller, 600);
	in.payload_type = 101;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_payload_type 1");
}

TEST(a_key_pressed_before_the_switch_is_not_heard_after_it)
{
	FIXTURE(f);
	struct shape key = from_agent(100, 16000);
	struct packet p;

	join(f);
	key.payload_type = 101;
	key.payload_len = 4;
	for (int i = 0; i < 3; i++) {
		key.seq = (uint16_t)(100 + i);
		p = packet_build(&key);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	}
	CHECK_STR(fixture_counted(f), "relay_late 3");
	CHECK_INT(talk(f, 103, 17600, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 600);
	key.seq = 104; /* its end, repeated */
	p = packet_build(&key);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "relayed 1, relay_late 1");
	key.seq = 105;
	key.timestamp = 18000;
	key.marker = 1;
	p = packet_build(&key);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 602);
	CHECK_INT(OUT_MARKER(p), 1);
}

TEST(contributing_sources_extension_and_padding_travel_with_the_packet)
{
	FIXTURE(f);
	struct shape in = from_agent(100, 160000), out;
	struct packet p, want;

	join(f);
	in.first = 0xb2;
	p = packet_build(&in);
	out = to_caller(f, &in, 600, NOW_TS);
	out.marker = 1;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(a_checksum_left_to_hardware_is_computed_in_full)
{
	static const size_t sizes[] = {0, 1, 2,	 3,   4,   5,	 7,
				       8, 9, 33, 160, 161, 1399, 1400};

	FIXTURE(f);
	join(f);
	f->instance->device[0].ifindex = 4711;
	f->instance->device[1].ifindex = 1;
	f->instance->device[1].flags = HF_DEVICE_PARTIAL_CSUM;
	f->instance->devices = 2;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct shape in = from_agent((uint16_t)(100 + i), 0), out;
		struct packet p, want;

		in.payload_len = sizes[i];
		in.check = i % 2 ? CHECK_PARTIAL : CHECK_FULL;
		p = packet_build(&in);
		out = to_caller(f, &in, (uint16_t)(600 + i), NOW_TS);
		out.marker = !i;
		want = packet_build(&out);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
		CHECK_PACKET(p, want);
	}
	/* Even if the sender says that it computed none. */
	struct shape in = from_agent(120, 0);
	struct packet p;

	in.check = CHECK_ZERO;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK(packet_check_right(&p));
}

TEST(a_checksum_that_the_talker_left_out_stays_out)
{
	FIXTURE(f);
	struct shape in = from_agent(100, 160000), out;
	struct packet p, want;

	join(f);
	in.check = CHECK_ZERO;
	p = packet_build(&in);
	out = to_caller(f, &in, 600, NOW_TS);
	out.marker = 1;
	out.check = CHECK_ZERO;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(a_payload_damaged_on_the_way_in_still_fails_the_receiver_s_check)
{
	FIXTURE(f);
	struct shape in = from_agent(100, 160000);
	struct packet p = packet_build(&in);

	join(f);
	p.bytes[100] ^= 0x10;
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK(!packet_check_right(&p));
}

TEST(every_checksum_of_a_long_stream_is_right)
{
	FIXTURE(f);
	join(f);
	for (uint32_t i = 0; i < 5000; i++) {
		struct packet p;

		CHECK_INT(talk(f, (uint16_t)(60000 + i), i * 977, &p), XDP_TX);
		CHECK(packet_check_right(&p));
		CHECK(packet_peek16(&p, 40));
	}
	CHECK_STR(fixture_counted(f), "relayed 5000");
}

TEST(what_lies_behind_the_datagram_is_cut_off)
{
	FIXTURE(f);
	struct shape in = from_agent(100, 160000), out;
	struct packet p, want;

	join(f);
	in.payload_len = 4;
	in.behind = 20;
	p = packet_build(&in);
	in.behind = 0;
	out = to_caller(f, &in, 600, NOW_TS);
	out.marker = 1;
	want = packet_build(&out);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(a_packet_larger_than_the_mtu_of_the_way_out_is_counted_not_sent)
{
	FIXTURE(f);
	struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
	struct shape in = from_agent(100, 160000);
	struct packet p;

	join(f);
	caller.nexthop = HOP_NARROW; /* 150: 40 of headers, 110 of payload */
	leg_set(f, CALLER_LEG, &caller, 600);
	in.payload_len = 111;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_mtu 1");
	CHECK(f->claims[CALLER_LEG].word == hf_word_make(5, 0, 0, 600, 0));
	in.payload_len = 110;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(OUT_SEQ(p), 600);
}

TEST(without_a_way_out_a_packet_is_dropped_and_the_stream_has_no_gap)
{
	static const uint16_t hops[] = {HOP_UNRESOLVED, HOP_UNKNOWN,
					HOP_NO_REDIRECT, HOPS};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(hops) / sizeof(*hops); i++) {
		struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
		struct packet p;

		join(f);
		caller.nexthop = hops[i];
		leg_set(f, CALLER_LEG, &caller, 600);
		CHECK_INT(talk(f, 100, 16000, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_no_hop 1");
		CHECK(f->claims[CALLER_LEG].word ==
		      hf_word_make(5, 0, 0, 600, 0));
	}
}

TEST(a_receiving_leg_behind_a_nat_is_sent_to_where_it_was_learned)
{
	FIXTURE(f);
	struct hf_program caller = relay(CALLER_LEG, AGENT_LEG);
	struct shape s = shape_from_caller(CALLER_LEG);
	struct packet p;

	join(f);
	caller.flags = HF_PROGRAM_LATCH;
	leg_set(f, CALLER_LEG, &caller, 600);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_TX);
	CHECK_INT(packet_peek16(&p, 36), CALLER_PORT);
	s.sport = 61000;
	for (int i = 0; i < 3; i++) {
		p = packet_build(&s);
		CHECK_INT(fixture_receive(f, &p), i < 2 ? XDP_DROP : XDP_TX);
	}
	CHECK_INT(talk(f, 101, 16160, &p), XDP_TX);
	CHECK_INT(packet_peek16(&p, 36), 61000);
	CHECK(packet_check_right(&p));
}

/* As when the controller is killed between the flip and the copy. */
TEST(a_short_form_from_before_a_change_of_either_leg_is_not_gone_by)
{
	FIXTURE(f);
	struct hf_program p;
	struct packet out;
	uint16_t seq = 100;

	for (int which = 0; which < 2; which++) {
		uint32_t leg = which ? AGENT_LEG : CALLER_LEG;

		join(f);
		for (int i = 0; i < 3; i++, seq++)
			CHECK_INT(talk(f, seq, seq * 160u, &out), XDP_TX);
		CHECK(f->claims[AGENT_LEG].intake.epoch & HF_STEADY);
		p = *hf_word_program(&f->legs[leg], f->claims[leg].word);
		p.remote_port = HF_HTONS(61002);
		f->no_hot = 1;
		CHECK_INT(leg_flip(f, leg, &p, 0), 1);
		f->no_hot = 0;
		for (int i = 0; i < 3; i++, seq++) {
			CHECK_INT(talk(f, seq, seq * 160u, &out),
				  which ? XDP_DROP : XDP_TX);
			if (!which)
				CHECK_INT(packet_peek16(&out, 36), 61002);
		}
	}
}

TEST(a_talker_told_not_to_send_is_not_relayed)
{
	FIXTURE(f);
	struct hf_program agent = relay(AGENT_LEG, CALLER_LEG);
	struct packet p;

	join(f);
	agent.flags = HF_PROGRAM_RX_OFF;
	leg_set(f, AGENT_LEG, &agent, 7000);
	CHECK_INT(talk(f, 100, 16000, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_idle 1");
}

TEST_MAIN()
