/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IPv6 and 802.1Q tags, in and out: every byte and the verdict. What is the same
 * for all forms has test_receive.c, test_relay.c and test_paced.c.
 * rooms: mediad
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>

#include <holdfast/claim.h>
#include <holdfast/hot.h>
#include <holdfast/remote.h>
#include <holdfast/report.h>

#include "../unit/test.h"
#include "bpf/datapath.skel.h"
#include "fixture.h"
#include "ready.h"

#define LEG (LEGS6 + 3)
#define NOW (BASE + 1000 * MS)
#define NOW_TS (0xfffffff0 + 8000)

static void hold(struct fixture *f, uint32_t leg, uint16_t hop)
{
	struct hf_program p = program_hold(leg);

	p.nexthop = hop;
	leg_set(f, leg, &p, 600);
	fixture_now(f, BASE + TURN);
}

static struct packet hold_frame(struct fixture *f, uint32_t leg, uint32_t tags)
{
	struct shape s = shape_hold(f, leg, 10);

	s.seq = 600;
	s.timestamp = 0xfffffff0;
	s.tags = tags;
	s.tci[0] = VLAN_TCI;
	return packet_build(&s);
}

TEST(an_ipv6_caller_gets_the_hold_frame_that_is_due)
{
	FIXTURE(f);

	for (int longest = 0; longest < 2; longest++) {
		struct shape in = shape_from_caller(LEG);
		struct packet p, want = hold_frame(f, LEG, 0);

		in.payload_len = longest ? 1400 : 20;
		in.behind = 6;
		p = packet_build(&in);
		hold(f, LEG, HOP_BACK);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
		CHECK_PACKET(p, want);
		CHECK(packet_check_right(&p));
		CHECK_STR(fixture_counted(f), "hold_turned 1");
		CHECK_INT(f->claims[LEG].intake.packets, 1);
	}
}

TEST(by_the_program_an_ipv6_leg_sends_the_same_as_by_its_short_form)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(LEG);
	struct packet p = packet_build(&in), want = hold_frame(f, LEG, 0);

	f->no_hot = 1;
	hold(f, LEG, HOP_BACK);
	f->no_hot = 0;
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_PACKET(p, want);
}

TEST(tags_of_what_comes_are_read_and_those_of_the_way_out_written)
{
	static const struct {
		uint32_t leg;
		unsigned int tags;
		uint16_t hop;
		int verdict;
	} ways[] = {
		{3, 0, HOP_VLAN_BACK, XDP_TX},	 {3, 1, HOP_VLAN_BACK, XDP_TX},
		{3, 1, HOP_BACK, XDP_TX},	 {3, 2, HOP_VLAN, XDP_REDIRECT},
		{LEG, 0, HOP_VLAN_BACK, XDP_TX}, {LEG, 1, HOP_BACK, XDP_TX},
		{LEG, 1, HOP_VLAN, XDP_REDIRECT}, {LEG, 2, HOP_VLAN_BACK, XDP_TX},
	};

	FIXTURE(f);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		int tagged = ways[i].hop != HOP_BACK;
		struct shape in = shape_from_caller(ways[i].leg);
		struct packet p, want = hold_frame(f, ways[i].leg, tagged);

		in.tags = ways[i].tags;
		in.tci[0] = 0x0007;
		in.tci[1] = 0x6064;
		p = packet_build(&in);
		hold(f, ways[i].leg, ways[i].hop);
		CHECK_INT(fixture_receive(f, &p), ways[i].verdict);
		CHECK_PACKET(p, want);
		CHECK(packet_check_right(&p));
		CHECK_STR(fixture_counted(f), "hold_turned 1");
	}
}

TEST(an_address_on_a_vlan_takes_no_frames_of_another)
{
	static const struct {
		uint16_t tci;
		unsigned int tags;
		int verdict;
	} ways[] = {{0, 0, XDP_TX},	 {100, 1, XDP_TX}, {0xe064, 1, XDP_TX},
		    {0xe000, 1, XDP_TX}, {101, 1, XDP_PASS}};

	FIXTURE(f);
	f->instance->address[1].vlan = 100;
	f->instance->address[3].vlan = 100;
	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(*ways); i++) {
		uint32_t leg = i & 1 ? LEG : 3;
		struct shape in = shape_from_caller(leg);
		struct packet p, before;

		in.tags = ways[i / 2].tags;
		in.tci[0] = ways[i / 2].tci;
		before = p = packet_build(&in);
		hold(f, leg, HOP_BACK);
		CHECK_INT(fixture_receive(f, &p), ways[i / 2].verdict);
		if (ways[i / 2].verdict == XDP_PASS)
			CHECK_PACKET(p, before);
		CHECK_STR(fixture_counted(f),
			  ways[i / 2].verdict == XDP_PASS ? "" :
							    "hold_turned 1");
	}
}

TEST(extension_headers_and_fragments_are_left_to_the_stack)
{
	/* Hop-by-hop, routing, fragment, authentication, options, mobility. */
	static const uint8_t types[] = {0, 43, 44, 51, 60, 135};

	FIXTURE(f);
	for (size_t i = 0; i < 2 * sizeof(types); i++) {
		struct shape in = shape_from_caller(LEG);
		struct packet p, before;

		in.tags = i & 1;
		p = packet_build(&in);
		packet_add_extension(&p, types[i / 2]);
		before = p;
		hold(f, LEG, HOP_BACK);
		CHECK_INT(fixture_receive(f, &p), XDP_PASS);
		CHECK_PACKET(p, before);
		CHECK_STR(fixture_counted(f), "");
	}
}

TEST(what_is_not_ours_is_left_to_the_stack_in_any_form)
{
	static const uint8_t other[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x11};

	FIXTURE(f);
	for (int i = 0; i < 6; i++) {
		struct shape in = shape_from_caller(i < 5 ? LEG : 3);
		struct packet p, before;

		in.tags = i == 4 || i == 5;
		if (i == 0 || i == 4)
			in.daddr6 = other;
		if (i == 1)
			in.dport = 39998;
		if (i == 2)
			in.dport = 40064;
		if (i == 5)
			in.daddr ^= 0x100;
		p = packet_build(&in);
		if (i == 3)
			p.bytes[14] = 0x50; /* IP version 5 */
		before = p;
		CHECK_INT(fixture_receive(f, &p), XDP_PASS);
		CHECK_PACKET(p, before);
		CHECK_STR(fixture_counted(f), "");
	}
}

/* Cut off behind `len` bytes: passed as it is, or consumed and counted. */
static void truncate_at(struct fixture *f, const struct packet *whole,
			size_t len)
{
	size_t ip = packet_ip_at(whole);
	size_t udp = ip + (whole->bytes[ip] >> 4 == 6 ? 40 : 20);
	struct packet p = *whole;
	int verdict;

	p.len = len;
	verdict = fixture_receive(f, &p);
	if (len < udp + 8) {
		CHECK_INT(verdict, XDP_PASS);
		CHECK_INT(p.len, len);
		CHECK_MEM(p.bytes, whole->bytes, len);
		CHECK_STR(fixture_counted(f), "");
	} else {
		CHECK_INT(verdict, XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_length 1");
	}
}

TEST(a_packet_truncated_at_any_length_sends_nothing)
{
	static const uint32_t legs[] = {LEG, LEG, LEG, 3, 3};
	static const unsigned int tags[] = {0, 1, 2, 1, 2};

	FIXTURE(f);
	for (int i = 0; i < 5; i++) {
		struct shape in = shape_from_caller(legs[i]);
		struct packet whole;

		in.tags = tags[i];
		in.payload_len = 24;
		whole = packet_build(&in);
		hold(f, legs[i], HOP_BACK);
		for (size_t len = 14; len < whole.len; len++)
			truncate_at(f, &whole, len);
		CHECK(f->claims[legs[i]].word ==
		      hf_word_make(5, 0, 0, 600, 0));
	}
}

TEST(ipv6_lengths_that_contradict_each_other_are_dropped)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(LEG);
	struct packet p = packet_build(&in);

	hold(f, LEG, HOP_BACK);
	packet_poke16(&p, 18, (uint16_t)(packet_peek16(&p, 18) - 1));
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_length 1");
	p = packet_build(&in);
	packet_poke16(&p, 18, 0);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_length 1");
	p = packet_build(&in);
	packet_poke16(&p, 58, 19);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_length 1");
}

TEST(ipv6_without_a_checksum_is_dropped)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(LEG);
	struct packet p;

	hold(f, LEG, HOP_BACK);
	in.check = CHECK_ZERO;
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_no_check 1");
}

TEST(an_address_with_the_digest_of_the_remote_is_not_the_remote)
{
	FIXTURE(f);
	struct hf_ip6 right, wrong;
	struct shape in = shape_from_caller(LEG);
	struct packet p;

	memcpy(&right, fixture_caller6, 16);
	wrong = right;
	wrong.word[2] ^= HF_HTONL(0x00010203);
	wrong.word[3] ^= hf_ip6_digest(&wrong) ^ hf_ip6_digest(&right);
	CHECK(hf_ip6_digest(&wrong) == hf_ip6_digest(&right));
	CHECK(!hf_ip6_equal(&wrong, &right));
	in.saddr6 = (const uint8_t *)&wrong;
	for (int short_form = 0; short_form < 2; short_form++) {
		f->no_hot = !short_form;
		hold(f, LEG, HOP_BACK);
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
	f->no_hot = 0;
}

TEST(of_an_ipv6_remote_behind_a_nat_the_port_is_learned)
{
	FIXTURE(f);
	struct hf_program h = program_hold(LEG);
	struct shape in = shape_from_caller(LEG), out = shape_hold(f, LEG, 10);
	struct packet p, want;

	h.flags |= HF_PROGRAM_LATCH | HF_PROGRAM_LATCH_ANY;
	leg_set(f, LEG, &h, 600);
	fixture_now(f, BASE + TURN);
	in.sport = 61000;
	in.saddr6 = fixture_agent6;
	for (int i = 0; i < 4; i++) {
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
	in.saddr6 = fixture_caller6;
	for (int i = 0; i < 2; i++) {
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_source 1");
	}
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_STR(fixture_counted(f), "hold_turned 1, latched 1");
	out.dport = 61000;
	out.seq = 600;
	out.timestamp = 0xfffffff0;
	want = packet_build(&out);
	CHECK_PACKET(p, want);
}

/* Relay from a leg of either family to one of either. */

struct pair {
	uint32_t from, to;
};

static const struct pair pairs[] = {{4, 3}, {4, LEG}, {LEG + 1, 3}, {LEG + 1, LEG}};
#define PAIRS (sizeof(pairs) / sizeof(*pairs))

static struct hf_program relay(uint32_t leg, uint32_t peer, int agent)
{
	struct hf_program p = program_hold(leg);

	p.mode = HF_MODE_RELAY;
	p.peer = peer;
	p.loop_len = 0;
	if (!agent)
		return p;
	p.remote_ip4 = leg < LEGS6 ? HF_HTONL(AGENT) :
				     hf_ip6_digest((const void *)fixture_agent6);
	p.remote_port = HF_HTONS(AGENT_PORT);
	return p;
}

static void join(struct fixture *f, const struct pair *k, uint16_t hop)
{
	struct hf_program to = relay(k->to, k->from, 0);
	struct hf_program from = relay(k->from, k->to, 1);

	to.nexthop = hop;
	leg_set(f, k->to, &to, 600);
	leg_set(f, k->from, &from, 7000);
	fixture_now(f, NOW);
}

static struct shape from_agent(const struct pair *k, uint16_t i)
{
	struct shape s = shape_from_caller(k->from);

	s.saddr = AGENT;
	if (k->from >= LEGS6)
		s.saddr6 = fixture_agent6;
	s.sport = AGENT_PORT;
	s.seq = (uint16_t)(100 + i);
	s.timestamp = 160000 + 160u * i;
	return s;
}

static struct packet to_caller(const struct fixture *f, const struct pair *k,
			       const struct shape *in, uint16_t i, int tagged)
{
	struct shape s = shape_hold(f, k->to, 0);

	s.payload = in->payload;
	s.payload_len = in->payload_len;
	s.marker = !i;
	s.seq = (uint16_t)(600 + i);
	s.timestamp = NOW_TS + 160u * i;
	s.tags = (unsigned int)tagged;
	s.tci[0] = VLAN_TCI;
	if (in->check == CHECK_ZERO && k->to < LEGS6)
		s.check = CHECK_ZERO;
	return packet_build(&s);
}

/* Three packets: by the programs, then by the short form. */
static void relay_some(struct fixture *f, const struct pair *k, int tags,
		       enum packet_check check)
{
	join(f, k, tags ? HOP_VLAN_BACK : HOP_BACK);
	for (uint16_t i = 0; i < 3; i++) {
		struct shape in = from_agent(k, i);
		struct packet p, want;

		in.tags = (unsigned int)tags;
		in.payload_len = 161;
		in.check = check;
		p = packet_build(&in);
		want = to_caller(f, k, &in, i, tags > 0);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
		CHECK_PACKET(p, want);
		CHECK_STR(fixture_counted(f), "relayed 1");
	}
	CHECK_INT(f->claims[k->from].intake.epoch,
		  HF_STEADY | hf_word_epoch(f->claims[k->to].word));
	CHECK(hf_across_is(&f->claims[k->from].across, f->claims[k->from].word,
			   f->claims[k->to].word));
	CHECK_INT(f->claims[k->from].intake.forwarded, 3);
}

TEST(every_pair_of_families_is_relayed_with_and_without_tags)
{
	FIXTURE(f);
	for (size_t i = 0; i < PAIRS; i++)
		for (int tags = 0; tags < 3; tags++)
			relay_some(f, &pairs[i], tags, CHECK_FULL);
}

TEST(checksums_left_unfinished_are_finished_for_every_pair)
{
	FIXTURE(f);
	f->instance->devices = 1;
	f->instance->device[0].ifindex = 1;
	f->instance->device[0].flags = HF_DEVICE_PARTIAL_CSUM;
	for (size_t i = 0; i < PAIRS; i++)
		relay_some(f, &pairs[i], (int)i & 1, CHECK_PARTIAL);
}

TEST(a_talker_without_checksums_gets_one_towards_ipv6)
{
	FIXTURE(f);
	relay_some(f, &pairs[0], 0, CHECK_ZERO);
	relay_some(f, &pairs[1], 0, CHECK_ZERO);
	relay_some(f, &pairs[1], 1, CHECK_ZERO);
}

/* What is handed over for a peer on this host. */
static struct {
	struct hf_to_host last;
	unsigned int records;
} handed;

static int handed_over(void *arg, void *data, size_t len)
{
	handed.records += len == sizeof(handed.last);
	if (len == sizeof(handed.last))
		memcpy(&handed.last, data, len);
	return 0;
}

TEST(for_a_peer_on_this_host_every_pair_is_handed_over_byte_by_byte)
{
	FIXTURE(f);
	struct ring_buffer *ring = ring_buffer__new(
		bpf_map__fd(f->skel->maps.rtcp_in), handed_over, NULL, NULL);
	int full = 0;

	for (size_t i = 0; i < PAIRS; i++) {
		join(f, &pairs[i], HOP_HOST);
		for (uint16_t n = 0; n < 3; n++) {
			struct shape in = from_agent(&pairs[i], n);
			struct packet p = packet_build(&in), want;

			want = to_caller(f, &pairs[i], &in, n, 0);
			handed.records = 0;
			CHECK_INT(fixture_receive(f, &p), XDP_DROP);
			CHECK_STR(fixture_counted(f), "relayed 1");
			ring_buffer__consume(ring);
			CHECK_INT(handed.records, 1);
			CHECK_INT(handed.last.bytes, want.len - 14);
			CHECK_MEM(handed.last.packet, want.bytes + 14,
				  want.len - 14);
		}
	}
	/* Nobody reads: counted, too. */
	for (uint16_t n = 3; n < 1000 && !full; n++) {
		struct shape in = from_agent(&pairs[PAIRS - 1], n);
		struct packet p = packet_build(&in);

		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		full = !strcmp(fixture_counted(f), "relayed 1, tx_refused 1");
	}
	CHECK(full);
	ring_buffer__consume(ring);
	ring_buffer__free(ring);
}

/* One byte more than a record takes, and the longest that it takes. */
TEST(for_a_peer_on_this_host_a_packet_that_is_too_long_is_counted_once)
{
	FIXTURE(f);
	struct ring_buffer *ring = ring_buffer__new(
		bpf_map__fd(f->skel->maps.rtcp_in), handed_over, NULL, NULL);

	for (size_t i = 0; i < PAIRS; i++) {
		int headers = pairs[i].to < LEGS6 ? 40 : 60;

		join(f, &pairs[i], HOP_HOST);
		handed.records = 0;
		/* By the programs, then by the short form. */
		for (uint16_t n = 0; n < 3; n++) {
			struct shape in = from_agent(&pairs[i], n);
			uint64_t before = f->claims[pairs[i].to].word;
			struct packet p, want;

			in.payload_len = (size_t)(HF_TO_HOST_MAX + 1 - headers);
			p = packet_build(&in);
			CHECK_INT(fixture_receive(f, &p), XDP_DROP);
			CHECK_STR(fixture_counted(f), "drop_mtu 1");
			CHECK(f->claims[pairs[i].to].word == before);
			in.payload_len--;
			p = packet_build(&in);
			want = to_caller(f, &pairs[i], &in, n, 0);
			CHECK_INT(fixture_receive(f, &p), XDP_DROP);
			CHECK_STR(fixture_counted(f), "relayed 1");
			ring_buffer__consume(ring);
			CHECK_INT(handed.records, n + 1);
			CHECK_INT(handed.last.bytes, HF_TO_HOST_MAX);
			CHECK_MEM(handed.last.packet, want.bytes + 14,
				  HF_TO_HOST_MAX);
		}
		CHECK(hf_across_is(&f->claims[pairs[i].from].across,
				   f->claims[pairs[i].from].word,
				   f->claims[pairs[i].to].word));
	}
	ring_buffer__free(ring);
}

TEST(what_no_longer_fits_when_it_has_become_ipv6_is_counted)
{
	FIXTURE(f);
	/* MTU 150: IPv4, UDP, RTP and 110 bytes; 90 with IPv6. */
	for (size_t i = 0; i < PAIRS; i++) {
		size_t most = pairs[i].to < LEGS6 ? 110 : 90;
		struct shape in = from_agent(&pairs[i], 0);
		struct packet p;

		join(f, &pairs[i], HOP_NARROW);
		in.payload_len = most + 1;
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "drop_mtu 1");
		CHECK(f->claims[pairs[i].to].word ==
		      hf_word_make(5, 0, 0, 600, 0));
		in.payload_len = most;
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
		CHECK_STR(fixture_counted(f), "relayed 1");
	}
}

TEST(a_change_of_the_ipv6_remote_is_followed_without_a_lost_packet)
{
	FIXTURE(f);
	const struct pair *k = &pairs[3];
	struct hf_program to = relay(k->to, k->from, 0);
	struct shape in;
	struct packet p;

	relay_some(f, k, 0, CHECK_FULL);
	to.remote_ip4 = hf_ip6_digest((const void *)fixture_agent6);
	to.remote_port = HF_HTONS(50500);
	CHECK_INT(leg_flip(f, k->to, &to, 0), 1);
	in = from_agent(k, 3);
	p = packet_build(&in);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_MEM(p.bytes + 38, fixture_agent6, 16);
	CHECK_INT(packet_peek16(&p, 56), 50500);
	CHECK_INT(packet_peek16(&p, 64), 603);
	CHECK(packet_check_right(&p));
}

TEST(a_blank_page_becomes_an_ipv6_frame_and_a_tagged_one)
{
	FIXTURE(f);
	for (int i = 0; i < 3; i++) {
		uint32_t leg = i ? LEG : 3;
		int tagged = i != 1;
		struct packet p = {.len = HF_PACED_BYTES}, want;

		hold(f, leg, tagged ? HOP_VLAN : HOP_ACROSS);
		fixture_now(f, BASE);
		CHECK_INT(ready_one(f, leg), HF_READY_LIVE);
		want = hold_frame(f, leg, (uint32_t)tagged);
		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
		CHECK_STR(fixture_counted(f), "hold_paced 1");
	}
}

TEST_MAIN()
