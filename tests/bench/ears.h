/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ears.bpf.c and the benchmarks of calls share. */
#ifndef HOLDFAST_BENCH_EARS_H
#define HOLDFAST_BENCH_EARS_H

#define BENCH_PORTS 65536

/* What the receiver knows of each port's stream. */
struct heard {
	__u64 last_ns, longest_ns; /* between two packets, since `since_ns` */
	__u32 packets, lost;
	__u32 wrong; /* numbers that do not follow: again, or behind */
	__u32 ssrc, ts;
	__u16 seq;
	__u16 streams; /* SSRCs */
};

/* Who talks: one packet each turn. All in network order. */
struct talker {
	__u32 from_ip4, to_ip4;
	__u16 from_port, to_port;
	__u16 ip_sum;
	__u16 own_port; /* host order: the number of its stream */
};

/* Ethernet, IPv4, UDP, RTP, 160 bytes of sound. */
#define TALK_BYTES 214

#endif
