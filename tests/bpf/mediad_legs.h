/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Legs on the stage of mediad_stage.h, and the packets that they send as the
 * peer's device gets them: for test_mediad.c and test_nexthops.c.
 */
#ifndef HOLDFAST_TEST_MEDIAD_LEGS_H
#define HOLDFAST_TEST_MEDIAD_LEGS_H

#include "mediad_stage.h"

#include "holdfast/remote.h"

#define PTIME_MS  20
#define SSRC	  0x5eed5eedu
#define FIRST_SEQ 65500u /* the sequence wraps on the way */
#define REMOTE	  "10.9.0.2"
#define LOCAL6	  "2001:db8:9::1"
#define REMOTE6	  "2001:db8:9::2"

/* Leg `index` hears the clip from `ms` on. */
static struct hf_program *hold(struct stage *s, uint32_t index, uint32_t hop,
			       uint64_t ms)
{
	uint32_t bucket = hf_wheel_bucket(PTIME_MS, ms), entry;
	struct hf_leg *leg = &s->pins.legs[index];
	struct hf_program *p = &leg->program[1];

	*p = (struct hf_program){
		.base_ns = ms * HF_MS,
		.ptime_ns = PTIME_MS * HF_MS,
		.ts_base = 0xfffff000u, /* wraps, too */
		.ts_step = 160,
		.ssrc = htonl(SSRC),
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.remote_ip4 = inet_addr(REMOTE),
		.local_ip4 = inet_addr("10.9.0.1"),
		.remote_port = htons((uint16_t)(40000 + 2 * index)),
		.local_port = htons((uint16_t)(20000 + 2 * index)),
		.nexthop = (uint16_t)hop,
		.flags = HF_PROGRAM_MARK_FIRST,
		.peer = HF_LEG_NONE,
		.loop_len = STAGE_FRAMES,
	};
	hf_store_release(&s->pins.claims[index].word,
			 hf_word_make(1, 0, 0, (uint16_t)FIRST_SEQ, 0));
	entry = s->pins.wheel_fill[bucket].entries;
	hf_pins_wheel(&s->pins, bucket, entry)->leg = index;
	hf_store_release(&s->pins.wheel_fill[bucket].entries, entry + 1);
	stage_poke(s, HF_POKE_WHEEL);
	return p;
}

/* Where UDP begins. */
static size_t udp_at(bool six)
{
	return six ? 54 : 34;
}

/* The next RTP packet on this wire within `ms`, or 0. */
static ssize_t next_on(int wire, bool six, uint8_t *b, size_t size, int ms)
{
	uint64_t end = hf_now_ms() + (uint64_t)ms;
	const uint8_t *udp = b + udp_at(six);

	for (;;) {
		struct pollfd p = {.fd = wire, .events = POLLIN};
		uint64_t now = hf_now_ms();
		ssize_t n;

		if (poll(&p, 1, now < end ? (int)(end - now) : 0) <= 0)
			return 0;
		n = recv(wire, b, size, 0);
		if (n >= udp + 8 - b && b[six ? 20 : 23] == 17 &&
		    *udp >= 20000 >> 8 && *udp <= 30000 >> 8)
			return n;
	}
}

static ssize_t next_packet(const struct stage *s, uint8_t *b, size_t size,
			   int ms)
{
	return next_on(s->wire, false, b, size, ms);
}

/* Nobody is asked before the address of the link is sure to be ours. */
#define ON6                                                        \
	"d=%s; c=/proc/sys/net/ipv6/conf/$d; echo 0 > $c/accept_dad; " \
	"echo 0 > $c/disable_ipv6; ip addr add %s/64 dev $d nodad"

/* Both ends of the line get an IPv6 address; what comes is recorded. */
static int wire6_open(struct stage *s)
{
	if (access("/proc/sys/net/ipv6", F_OK))
		return -1;
	peer_sh(s, ON6, "hfm1", REMOTE6);
	sh(ON6, "hfm0", LOCAL6);
	return stage_wire(s, ETH_P_IPV6);
}

/* Leg 0 over hop 0, of IPv6. */
static struct hf_program *hold6(struct stage *s, const char *to, uint64_t ms)
{
	struct hf_pair6 *six = s->pins.leg6[0].program;
	struct hf_program *p = hold(s, 0, 0, ms);

	inet_pton(AF_INET6, LOCAL6, &six[1].local);
	inet_pton(AF_INET6, to, &six[1].remote);
	p->local_ip4 = hf_ip6_digest(&six[1].local);
	p->remote_ip4 = hf_ip6_digest(&six[1].remote);
	p->flags |= HF_PROGRAM_IPV6;
	return p;
}

#endif
