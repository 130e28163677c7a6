// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * RTCP through the receive program: what is handed to holdfast-mediad, byte by
 * byte, and that none of it ever goes on to another party.
 * rooms:
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <holdfast/claim.h>
#include <holdfast/report.h>

#include "../unit/test.h"
#include "bpf/datapath.skel.h"
#include "fixture.h"

#define LEG  3
#define PEER 5

static struct hf_rtcp_in last;
static int records;

static int took(void *arg, void *data, size_t len)
{
	records++;
	memcpy(&last, data, len < sizeof(last) ? len : sizeof(last));
	return 0;
}

/* How many records the ring holds; the newest is `last` afterwards. */
static int handed_over(struct fixture *f)
{
	static struct ring_buffer *ring;

	records = 0;
	if (!ring)
		ring = ring_buffer__new(bpf_map__fd(f->skel->maps.rtcp_in),
					took, NULL, NULL);
	ring_buffer__consume(ring);
	return records;
}

#define HEARING(f) \
	FIXTURE(f);  \
	memset(f->heard, 0, 64 * sizeof(*f->heard)); \
	handed_over(f)

static void hold(struct fixture *f)
{
	struct hf_program p = program_hold(LEG);

	leg_set(f, LEG, &p, 600);
	fixture_now(f, BASE - 100 * MS);
}

/* A datagram with this payload where RTP would be, `len` of it. */
static struct packet rtcp(const uint8_t *bytes, size_t len, uint16_t port)
{
	static uint8_t rest[1500];
	struct shape s = shape_from_caller(LEG);
	struct packet p;
	uint16_t udp_len = (uint16_t)(8 + len), ip_len = (uint16_t)(28 + len);

	s.dport = port;
	s.payload = rest;
	s.payload_len = len > 12 ? len - 12 : 0;
	p = packet_build(&s);
	memcpy(p.bytes + 42, bytes, len);
	p.len = 42 + len;
	packet_poke16(&p, 16, ip_len);
	packet_poke16(&p, 38, udp_len);
	return p;
}

static uint8_t report[1400] = {0x81, 200};

static void report_fill(void)
{
	for (size_t i = 2; i < sizeof(report); i++)
		report[i] = (uint8_t)(i * 13);
}

TEST(rtcp_is_handed_over_as_it_came_from_its_port_and_from_that_of_rtp)
{
	HEARING(f);
	uint16_t port = 20000 + 2 * LEG;
	struct packet p;

	hold(f);
	report_fill();
	for (int mux = 0; mux < 2; mux++) {
		fixture_now(f, BASE + mux * 50 * MS);
		p = rtcp(report, 60, (uint16_t)(port + !mux));
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "rtcp_rx 1");
		CHECK_INT(handed_over(f), 1);
		CHECK_INT(last.leg, LEG);
		CHECK_INT(last.at_ns, BASE + mux * 50 * MS);
		CHECK_INT(last.sport, HF_HTONS(CALLER_PORT));
		CHECK_INT(last.bytes, 60);
		CHECK_MEM(last.packet, report, 60);
	}
	CHECK_INT(f->heard[LEG].report_unit, (BASE + 50 * MS) >> 20);
	CHECK_INT(f->claims[LEG].intake.packets, 0);
}

TEST(rtcp_of_every_length_is_taken_whole_or_up_to_what_is_kept)
{
	HEARING(f);
	struct packet p;

	hold(f);
	report_fill();
	for (size_t len = 0; len <= 1400; len += len < 300 ? 1 : 100) {
		size_t kept = len < HF_RTCP_IN_MAX ? len : HF_RTCP_IN_MAX;

		fixture_now(f, BASE + len * 50 * MS);
		p = rtcp(report, len, 20001 + 2 * LEG);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_INT(handed_over(f), len >= 8);
		if (len < 8)
			continue;
		CHECK_INT(last.bytes, kept);
		CHECK_MEM(last.packet, report, kept);
	}
	fixture_counted(f);
	/* The UDP header promises more than there is. */
	p = rtcp(report, 100, 20001 + 2 * LEG);
	p.len -= 1;
	fixture_now(f, BASE + 100000 * MS);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_length 1");
	CHECK_INT(handed_over(f), 0);
}

TEST(rtcp_is_taken_from_the_peer_s_address_alone_and_not_too_often)
{
	HEARING(f);
	struct packet p = rtcp(report, 60, 20001 + 2 * LEG), other = p;

	hold(f);
	packet_poke16(&other, 28, 0x0a0b); /* the source's low half */
	CHECK_INT(fixture_receive(f, &other), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_source 1");
	other = p;
	packet_poke16(&other, 34, 9999); /* behind a NAT: any port */
	CHECK_INT(fixture_receive(f, &other), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_rx 1");
	for (int i = 0; i < 100; i++) {
		other = p;
		fixture_receive(f, &other);
	}
	CHECK_STR(fixture_counted(f), "rtcp_lost 100");
	CHECK_INT(handed_over(f), 1);
	/* To a leg that has no call. */
	p = rtcp(report, 60, 20001 + 2 * (LEG + 1));
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "drop_no_leg 1");
}

TEST(another_address_for_rtcp_is_right_when_the_sdp_named_it)
{
	HEARING(f);
	struct packet p = rtcp(report, 60, 20001 + 2 * LEG), again;
	struct hf_rtcp line = {.flags = HF_RTCP_ON | HF_RTCP_ADDRESS,
			       .family = 4,
			       .remote = {198, 51, 10, 11}};
	uint32_t leg = LEG;

	hold(f);
	packet_poke16(&p, 28, 0x0a0b);
	again = p;
	bpf_map_update_elem(bpf_map__fd(f->skel->maps.rtcp), &leg, &line, 0);
	CHECK_INT(fixture_receive(f, &again), XDP_DROP);
	line.flags = 0;
	bpf_map_update_elem(bpf_map__fd(f->skel->maps.rtcp), &leg, &line, 0);
	CHECK_STR(fixture_counted(f), "rtcp_rx 1");
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_source 1");
}

/* The same to an IPv6 leg, perhaps behind a tag. */
static struct packet rtcp6(uint32_t leg, const uint8_t *source, uint16_t port,
			   unsigned int tags, size_t len)
{
	struct shape s = shape_from_caller(leg);
	struct packet p;
	size_t ip;

	s.dport = port;
	s.saddr6 = source;
	s.payload_len = len - 12;
	s.tags = tags;
	p = packet_build(&s);
	ip = packet_ip_at(&p);
	memcpy(p.bytes + ip + 48, report, len);
	p.len = ip + 48 + len;
	return p;
}

TEST(rtcp_of_ipv6_is_taken_from_the_whole_address_of_the_peer_or_of_the_sdp)
{
	HEARING(f);
	uint32_t leg = LEGS6 + LEG;
	uint16_t port = 40000 + 2 * LEG;
	struct hf_program h = program_hold(leg);
	struct hf_rtcp line = {.flags = HF_RTCP_ON | HF_RTCP_ADDRESS,
			       .family = 6};
	int fd = bpf_map__fd(f->skel->maps.rtcp);
	uint64_t now = BASE - 100 * MS;
	struct packet p;

	report_fill();
	leg_set(f, leg, &h, 600);
	for (unsigned int way = 0; way < 4; way++, now += 50 * MS) {
		fixture_now(f, now);
		p = rtcp6(leg, fixture_caller6, (uint16_t)(port + way / 2), way & 1,
			  60);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "rtcp_rx 1");
		CHECK_INT(handed_over(f), 1);
		CHECK_INT(last.leg, leg);
		CHECK_INT(last.bytes, 60);
		CHECK_MEM(last.packet, report, 60);
	}
	for (unsigned int way = 0; way < 4; way++, now += 50 * MS) {
		fixture_now(f, now);
		p = rtcp6(leg, fixture_agent6, (uint16_t)(port + way / 2), way & 1,
			  60);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), "rtcp_source 1");
	}
	memcpy(line.remote, fixture_agent6, 16);
	bpf_map_update_elem(fd, &leg, &line, 0);
	fixture_now(f, now);
	p = rtcp6(leg, fixture_agent6, (uint16_t)(port + 1), 0, 60);
	CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	CHECK_STR(fixture_counted(f), "rtcp_rx 1");
	line.flags = 0;
	bpf_map_update_elem(fd, &leg, &line, 0);
	CHECK_INT(handed_over(f), 1);
}

TEST(no_rtcp_packet_type_of_a_relayed_party_ever_goes_on)
{
	HEARING(f);
	struct hf_program from = program_hold(LEG), to = program_hold(PEER);

	from.mode = to.mode = HF_MODE_RELAY;
	from.peer = PEER;
	to.peer = LEG;
	leg_set(f, LEG, &from, 600);
	leg_set(f, PEER, &to, 700);
	for (int type = 192; type <= 223; type++) {
		uint8_t bytes[60] = {0x81, (uint8_t)type};
		struct packet mux = rtcp(bytes, 60, 20000 + 2 * LEG);
		struct packet own = rtcp(bytes, 60, 20001 + 2 * LEG);

		fixture_now(f, BASE + (uint64_t)type * 100 * MS);
		CHECK_INT(fixture_receive(f, &mux), XDP_DROP);
		fixture_now(f, BASE + (uint64_t)type * 100 * MS + 50 * MS);
		CHECK_INT(fixture_receive(f, &own), XDP_DROP);
	}
	CHECK_STR(fixture_counted(f), "rtcp_rx 64");
	CHECK_INT(f->claims[LEG].intake.forwarded, 0);
}

TEST(a_stream_is_counted_whichever_way_its_packets_go)
{
	HEARING(f);
	struct hf_stream *stream = &f->claims[LEG].intake.stream;
	struct hf_program from = program_hold(LEG), to = program_hold(PEER);

	from.mode = to.mode = HF_MODE_RELAY;
	from.peer = PEER;
	to.peer = LEG;
	leg_set(f, LEG, &from, 600);
	leg_set(f, PEER, &to, 700);
	for (unsigned int i = 0; i < 10; i++) {
		struct shape s = shape_from_caller(LEG);
		struct packet p;

		s.seq = (uint16_t)(65530 + i);
		s.timestamp += 160 * i;
		if (i == 4)
			continue;
		fixture_now(f, BASE + 20ULL * i * MS);
		p = packet_build(&s);
		CHECK_INT(fixture_receive(f, &p), XDP_TX);
	}
	CHECK_INT(f->claims[LEG].intake.forwarded, 9);
	CHECK_INT(stream->octets, 9 * 160);
	CHECK_INT(stream->count, 9);
	CHECK_INT(stream->first, 65530);
	CHECK_INT(stream->newest, 65539);
	CHECK_INT(stream->source, HF_HTONL(0x11223344));
	CHECK(stream->jitter >> 4 < 10);
}

TEST_MAIN()
