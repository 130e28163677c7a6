/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the receiver (ears.bpf.c) knows of each port's stream. */
#ifndef HOLDFAST_BENCH_EARS_H
#define HOLDFAST_BENCH_EARS_H

struct heard {
	__u64 last_ns, longest_ns; /* between two packets, since `since_ns` */
	__u32 packets, lost;
	__u32 ssrc;
	__u16 seq;
	__u16 streams; /* SSRCs */
};

#endif
