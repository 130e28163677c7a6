/* SPDX-License-Identifier: GPL-2.0 */
/* What lib/calls.c and calls.bpf.c share. */
#ifndef HOLDFAST_BENCH_CALLS_H
#define HOLDFAST_BENCH_CALLS_H

#include <linux/types.h>

#define CALLS_MAX	10000
#define CALLS_STEP	7919 /* has no factor in common with that */
#define CALLS_PORT	20000 /* of the anchor; the remotes' are twice that */
#define CALLS_PACKET	214
#define CALLS_PTIME_US	20000
#define CALLS_ERRORS_US 32768 /* resolution of spacing errors: 1 us */

/* One call's stream as it arrives. */
struct calls_heard {
	__u64 last_ns;
	__u32 timestamp;
	__u16 seq;
	__u16 reserved;
	__u32 packets;
	__u32 wrong; /* sequence numbers that were not the next */
};

/* What the callers say: one packet, made ready but for who says it. */
struct calls_talk {
	__u8 packet[224];
	__u64 sum; /* of what the UDP check covers and no call changes */
	__u32 next, calls;
	__u32 round; /* of all calls */
	__u32 out;
	__u32 listen; /* keep account of each call */
	__u32 reserved;
};

#define CALLS_LEAST_FRAMES 512

/* What the least program that holds a call would have to know of it, and the
 * frames that it plays. */
struct calls_least {
	__u32 next; /* frame */
	__u32 timestamp;
	__u32 ssrc; /* network order */
	__u16 seq;
	__u16 reserved;
};
struct calls_least_frame {
	__u64 sum;
	__u8 payload[160];
};

#endif
