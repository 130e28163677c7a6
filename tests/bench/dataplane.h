/* SPDX-License-Identifier: GPL-2.0 */
/* What dataplane.c and dataplane.bpf.c share. */
#ifndef HOLDFAST_BENCH_DATAPLANE_H
#define HOLDFAST_BENCH_DATAPLANE_H

#include <linux/types.h>

#define BENCH_LEGS   100000
#define BENCH_PACKET 214 /* G.711, 20 ms */

/* Where legs are: on as many addresses, from the same port on. The remote of
 * leg i is BENCH_REMOTE + i. */
#define BENCH_ADDRESSES	  4
#define BENCH_LEGS_EACH	  (BENCH_LEGS / BENCH_ADDRESSES)
#define BENCH_PORT_MIN	  10000
#define BENCH_ANCHOR	  0xc0000201u /* 192.0.2.1 and following */
#define BENCH_REMOTE	  0x0a000000u /* 10.0.0.0 */
#define BENCH_REMOTE_PORT 40000

struct bench_control {
	__u64 macs[2]; /* destination and source, as in the packet */
	__u64 sum;     /* of what the UDP check covers and no target changes */
	__u32 generated;
	__u32 returned;
	__u32 out; /* ifindex */
	__u32 bare_out;
	__u32 keep;
	__u32 timestamp; /* as in the packet */
	__u16 seq;	 /* as in the packet */
	__u16 first;	 /* of RTP, as in the packet */
	__u32 reserved;
};

struct bench_kept {
	__u8 bytes[224];
	__u64 len;
};

#endif
