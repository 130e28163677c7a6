/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real programs on made-up memory: loads the data path with a test clock,
 * maps its maps, and fills them as the controller would, for 96 legs on three
 * media addresses. Runs in a network namespace of its own, where device 1 (lo)
 * is where packets come in and device `other` is another one.
 */
#ifndef HOLDFAST_TEST_FIXTURE_H
#define HOLDFAST_TEST_FIXTURE_H

#include <stdint.h>

#include <holdfast/abi.h>
#include <holdfast/heard.h>
#include <holdfast/stream.h>

#include "packet.h"

#define MS   1000000ULL
#define BASE (1000000 * MS) /* deadline of time slot 0 of every program here \
			     */
#define TURN (11 * MS)	    /* after it, turn-around sends (20 ms, claim.h) */

#define ANCHOR	    0xc000020au /* 192.0.2.10: legs 0-31 on ports 20000-20063 */
#define ANCHOR2	    0xc000020bu /* 192.0.2.11: legs 32-63 on ports 30000-30063 */
#define LEGS6	    64 /* legs 64-95 on ports 40000-40063 of fixture_anchor6 */
#define CALLER	    0xc6336407u /* 198.51.100.7 */
#define AGENT	    0xcb007109u /* 203.0.113.9 */
#define CALLER_PORT 40000
#define AGENT_PORT  50000

/* Next hops. */
enum {
	HOP_BACK = 1, /* out of the device where packets come in */
	HOP_ACROSS,   /* another device */
	HOP_UNRESOLVED,
	HOP_UNKNOWN, /* a device that is not in the devmap */
	HOP_NARROW,  /* back, MTU 150 */
	HOP_VLAN, /* across, tag 5 of id 100 */
	HOP_VLAN_BACK,
	HOP_NO_REDIRECT, /* another device, which takes no redirected frames */
	HOP_GENERIC, /* but we are in generic mode */
	HOP_VETH, /* back, by redirect */
	HOP_HOST, /* a peer on this host */
	HOPS,
};

#define VLAN_TCI 0xa064

#define FRAMES	    40
#define FRAME_SHORT 30 /* 80 bytes from here on */
#define FRAME_ODD   35 /* 33 bytes */

struct fixture {
	struct hf_datapath_bpf *skel;
	struct hf_instance *instance;
	struct hf_leg *legs;
	struct hf_leg6 *leg6;
	struct hf_claim *claims;
	struct hf_bound *bound;
	struct hf_frame *frames;
	struct hf_nexthop *nexthops;
	struct hf_wheel_entry *wheel;
	struct hf_turned *turned;
	struct hf_work *work;
	struct hf_ready *ready;
	struct hf_heard *heard;
	int receive, paced; /* programs */
	int no_hot; /* legs get no short form of their program */
	uint32_t other;	    /* ifindex */
	uint64_t counters[HF_COUNTERS_MAX];
};

/* NULL, with a reason, where BPF cannot be loaded. One for all tests, reset. */
struct fixture *fixture_get(const char **ret_why);
void fixture_now(struct fixture *, uint64_t ns);

/* Run a program on a packet, once. Returns the verdict (enum xdp_action) and
 * replaces the packet by what came out. */
int fixture_receive(struct fixture *, struct packet *);
int fixture_paced(struct fixture *, struct packet *);

/* The counters that changed since fixture_get() or the call before, such as
 * "hold_turned 1, hold_skipped 3". */
const char *fixture_counted(struct fixture *);

extern const uint8_t fixture_anchor6[16], fixture_caller6[16],
	fixture_agent6[16];

/* A program that holds the caller (of the leg's family), and one leg playing it from `seq` on. */
struct hf_program program_hold(uint32_t leg);
void leg_set(struct fixture *, uint32_t leg, const struct hf_program *,
	     uint16_t seq);
/* Give it the short form of its program, as the controller does after a flip. */
void leg_shorten(struct fixture *, uint32_t leg);
/* Reprogram as the controller does. */
int leg_flip(struct fixture *, uint32_t leg, const struct hf_program *,
	     uint32_t slot);

/* An RTP packet from the caller to this leg, and a hold frame to the caller,
 * to compare with; `frame` is an index of the frame table. */
struct shape shape_from_caller(uint32_t leg);
struct shape shape_hold(const struct fixture *, uint32_t leg, uint32_t frame);

/* For tests (tests/unit/test.h): the fixture, or a skip with its reason. */
#define FIXTURE(f)                             \
	const char *why;                       \
	struct fixture *f = fixture_get(&why); \
	if (!f)                                \
	SKIP(why)

#define CHECK_PACKET(got, want)                                   \
	do {                                                      \
		CHECK_INT((got).len, (want).len);                 \
		CHECK_MEM((got).bytes, (want).bytes, (want).len); \
	} while (0)

#endif
