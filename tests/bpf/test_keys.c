// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys (RFC 4733) through the receive program: what it writes into the ring
 * buffer, and that the packets go their way. The rules have tests of their own
 * in tests/unit/test_heard.c.
 * rooms:
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <holdfast/claim.h>
#include <holdfast/heard.h>

#include "../unit/test.h"
#include "bpf/datapath.skel.h"
#include "fixture.h"

#define LEG  3
#define PEER 5

static char told[1000];

static int took(void *arg, void *data, size_t len)
{
	const struct hf_happening *h = data;
	size_t at = strlen(told);

	if (len < sizeof(*h))
		strcpy(told, "short ");
	else
		snprintf(told + at, sizeof(told) - at, "%u leg %u key %u %u; ",
			 h->kind, h->leg, h->event, h->length);
	return 0;
}

/* What the ring holds since the last time. */
static const char *happened(struct fixture *f)
{
	static struct ring_buffer *ring;

	told[0] = 0;
	if (!ring)
		ring = ring_buffer__new(
			bpf_map__fd(f->skel->maps.happenings), took, NULL,
			NULL);
	ring_buffer__consume(ring);
	return told;
}

#define HEARING(f) \
	FIXTURE(f);  \
	memset(f->heard, 0, 64 * sizeof(*f->heard)); \
	happened(f)

/* The caller is held on LEG, nothing is due, and its keys are number 101. */
static void hold(struct fixture *f)
{
	struct hf_program p = program_hold(LEG);

	p.rx_dtmf_pt = 101;
	leg_set(f, LEG, &p, 600);
	fixture_now(f, BASE - 100 * MS);
}

static struct shape key(const uint8_t *payload)
{
	struct shape s = shape_from_caller(LEG);

	s.payload_type = 101;
	s.payload = payload;
	s.payload_len = 4;
	return s;
}

static int receive(struct fixture *f, const struct shape *s)
{
	struct packet p = packet_build(s);

	return fixture_receive(f, &p);
}

TEST(a_key_of_a_held_caller_is_put_into_the_ring_once)
{
	static const uint8_t begin[] = {7, 10, 0, 160}, more[] = {7, 10, 1, 64},
			     end[] = {7, 0x8a, 3, 32};
	HEARING(f);
	struct shape s = key(begin);

	hold(f);
	s.marker = 1;
	CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "1 leg 3 key 7 160; ");
	s.marker = 0;
	s.payload = more;
	CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "");
	s.payload = end;
	for (int i = 0; i < 3; i++)
		CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "2 leg 3 key 7 800; ");
	CHECK_STR(fixture_counted(f), "hold_not_due 5");
	CHECK_INT(f->heard[LEG].key_length, 800);
}

TEST(a_packet_with_a_key_also_brings_the_frame_that_is_due)
{
	static const uint8_t end[] = {7, 0x8a, 3, 32};
	HEARING(f);
	struct shape s = key(end);

	hold(f);
	fixture_now(f, BASE + TURN);
	CHECK_INT(receive(f, &s), XDP_TX);
	CHECK_STR(happened(f), "2 leg 3 key 7 800; ");
}

TEST(only_the_payload_type_that_was_agreed_on_is_keys)
{
	static const uint8_t end[] = {7, 0x8a, 3, 32};
	HEARING(f);
	struct shape s = key(end);
	struct hf_program p = program_hold(LEG);

	hold(f);
	s.payload_type = 100;
	CHECK_INT(receive(f, &s), XDP_DROP);
	s.payload_type = 101;
	s.sport++;
	CHECK_INT(receive(f, &s), XDP_DROP);
	s.sport--;
	leg_set(f, LEG, &p, 600); /* none agreed on */
	CHECK_INT(receive(f, &s), XDP_DROP);
	p.rx_dtmf_pt = 101;
	p.flags = HF_PROGRAM_RX_OFF;
	leg_set(f, LEG, &p, 600);
	CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "");
}

TEST(the_payload_is_found_behind_sources_and_extensions)
{
	/* Two CSRCs, an extension of two words, then the event. */
	uint8_t bytes[24] = {1, 1, 1, 1, 2, 2, 2, 2, 0xbe, 0xde, 0, 2,
			     9, 9, 9, 9, 9, 9, 9, 9, 5, 0x8a, 0, 240};
	HEARING(f);
	struct shape s = key(bytes);

	hold(f);
	s.first = 0x92;
	s.payload_len = sizeof(bytes);
	CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "2 leg 3 key 5 240; ");
	/* Of any shorter packet nothing is believed. */
	s.timestamp += 8000;
	s.behind = 30;
	for (s.payload_len = 0; s.payload_len < sizeof(bytes); s.payload_len++)
		CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "");
	bytes[10] = 0xff; /* an extension of 65282 words */
	s.payload_len = sizeof(bytes);
	CHECK_INT(receive(f, &s), XDP_DROP);
	CHECK_STR(happened(f), "");
}

TEST(a_key_of_a_relayed_party_is_told_and_goes_on_to_the_other)
{
	static const uint8_t end[] = {11, 0x8a, 3, 32};
	HEARING(f);
	struct hf_program from = program_hold(LEG), to = program_hold(PEER);
	struct shape s = key(end);
	struct packet p;

	from.mode = to.mode = HF_MODE_RELAY;
	from.peer = PEER;
	to.peer = LEG;
	from.rx_dtmf_pt = 101;
	to.tx_dtmf_pt = 96;
	to.remote_ip4 = HF_HTONL(AGENT);
	to.remote_port = HF_HTONS(AGENT_PORT);
	leg_set(f, LEG, &from, 600);
	leg_set(f, PEER, &to, 700);
	fixture_now(f, BASE);
	s.marker = 1;
	p = packet_build(&s);
	CHECK_INT(fixture_receive(f, &p), XDP_TX);
	CHECK_INT(p.bytes[43] & 0x7f, 96);
	CHECK_MEM(p.bytes + 54, end, 4);
	CHECK_STR(happened(f), "2 leg 3 key 11 800; ");
	CHECK_STR(fixture_counted(f), "relayed 1");
}

TEST(a_full_ring_loses_keys_and_counts_them)
{
	uint8_t end[] = {1, 0x8a, 0, 160};
	HEARING(f);
	struct shape s = key(end);
	unsigned int room = HF_HAPPENINGS_BYTES / 32;

	hold(f);
	for (unsigned int i = 0; i < room + 10; i++) {
		s.timestamp += 1000;
		fixture_now(f, BASE + i * 2000 * MS);
		leg_set(f, LEG, &f->legs[LEG].program[1], 600);
		receive(f, &s);
	}
	CHECK(strstr(fixture_counted(f), "happening_lost 1"));
	happened(f);
	s.timestamp += 1000;
	fixture_now(f, BASE + (room + 20) * 2000ULL * MS);
	receive(f, &s);
	CHECK_STR(happened(f), "2 leg 3 key 1 160; ");
}

TEST_MAIN()
