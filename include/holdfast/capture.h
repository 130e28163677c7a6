/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the capture programs (bpf/capture.bpf.c) hand to the controller: one
 * record for each packet of the leg, through a ring buffer. Not part of the
 * pinned maps: they live while somebody captures.
 */
#ifndef HOLDFAST_CAPTURE_H
#define HOLDFAST_CAPTURE_H

#include <linux/types.h>

#define HF_CAPTURE_BYTES 1600 /* taken of a packet */
#define HF_CAPTURE_RING_BYTES (1 << 20)

/* Whose packets. */
struct hf_capture_leg {
	__u8 address[16]; /* our own, of the leg; IPv4 in the first four */
	__u16 port;	  /* host order, of RTP; RTCP is the next */
	__u8 family;	  /* 4 or 6 */
	__u8 reserved[5];
};

struct hf_captured {
	__u64 at_ns;  /* CLOCK_MONOTONIC */
	__u32 length; /* of the packet on the wire, */
	__u16 taken;  /* and of it here */
	__u16 out;    /* 1: sent by us, 0: came in */
	__u8 bytes[HF_CAPTURE_BYTES];
};

#endif
