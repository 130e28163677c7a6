/* SPDX-License-Identifier: GPL-2.0 */
/* What dataplane.c and dataplane.bpf.c share. */
#ifndef HOLDFAST_BENCH_DATAPLANE_H
#define HOLDFAST_BENCH_DATAPLANE_H

#include <linux/types.h>

#define BENCH_LEGS   100000
#define BENCH_PACKET 214 /* G.711, 20 ms */

/* Where a packet pretends to come from and goes to. */
struct bench_target {
	__be32 saddr;
	__be32 daddr;
	__u32 ports; /* as in the UDP header */
	__u32 leg;
};

struct bench_control {
	__u64 macs[2]; /* destination and source, as in the packet */
	__u64 sum;     /* of what the UDP check covers and no target changes */
	__u32 generated;
	__u32 returned;
	__u32 out; /* ifindex */
	__u32 keep;
	__u32 timestamp; /* as in the packet */
	__u16 seq;	 /* as in the packet */
	__u16 first;	 /* of RTP, as in the packet */
};

struct bench_kept {
	__u8 bytes[224];
	__u64 len;
};

#endif
