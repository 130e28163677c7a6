/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTCP (RFC 3550) of each leg: what the controller wants, what holdfast-mediad
 * has sent and what the peer has reported: map `rtcp`. RTCP that comes in goes
 * to holdfast-mediad as it is, through the ring buffer `rtcp_in`, and never on
 * to the other party, whose SSRCs it does not name.
 */
#ifndef HOLDFAST_REPORT_H
#define HOLDFAST_REPORT_H

#include "abi.h"
#include "world.h"

/* hf_rtcp.flags */
#define HF_RTCP_ON	0x01 /* reports are sent */
#define HF_RTCP_MUX	0x02 /* on the ports of RTP (RFC 5761) */
#define HF_RTCP_ADDRESS 0x04 /* `remote` is another one than that of RTP */

#define HF_CNAME_BYTES 16

struct hf_rtcp {
	/* Written by the controller. `turn` is odd while it writes. At the end
	 * of a leg `remote` and its port are there in full, for the BYE. */
	__u32 turn;
	__u32 opened;		    /* counts the calls that had this leg */
	__be16 remote_port;	    /* without HF_RTCP_MUX */
	__u8 flags;		    /* HF_RTCP_* */
	__u8 family;		    /* of `remote`: 4 or 6 */
	__u8 remote[16];	    /* IPv4: the first four */
	__u8 cname[HF_CNAME_BYTES]; /* random text (RFC 7022), of this call */
	/* What of the stream to this leg was relayed before; and the counts of
	 * its talker when that began to be relayed: the rest is from then. */
	__u32 peer; /* the talker, HF_LEG_NONE = nobody now */
	__u32 before_packets, before_octets;
	__u32 begin_packets, begin_octets;

	/* Written by holdfast-mediad. What was sent: */
	__u64 counted;	       /* hold frames, */
	__u64 octets;	       /* and their payload */
	__be32 ssrc;	       /* that our reports name; 0 = none yet */
	__u32 sent;	       /* reports */
	__u32 expected_before; /* of the peer, at the report before */
	__u32 count_before;
	__u16 frame_bytes; /* of the newest hold frames */
	__be16 from_port;  /* where the peer's RTCP comes from */
	/* What the peer reported: */
	__u32 got;	   /* reports */
	__u32 sr_mid;	   /* its newest NTP time, middle 32 bits, */
	__u32 sr_at;	   /* which came then, 2^16 ns units; 0 = never */
	__u32 peer_lost;   /* of what we sent: fraction << 24, and all */
	__u32 peer_jitter; /* in timestamp units */
	__u32 round_trip;  /* in 1/65536 s, 0 = not known */
	__u32 tail;
};

/* One RTCP packet as it came, from the header of RTCP on. */
#define HF_RTCP_IN_MAX 232
struct hf_rtcp_in {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 leg;
	__u16 bytes; /* of packet[]; what is longer is cut */
	__be16 sport;
	__u8 packet[HF_RTCP_IN_MAX];
};
#define HF_RTCP_IN_BYTES (1024 * 1024)

/* Through the same ring, told apart by its size: a packet for a peer on this
 * host from one outside, from its IP header on. No device is the way there. */
#define HF_TO_HOST_MAX 1500
struct hf_to_host {
	__u16 bytes;
	__u16 reserved;
	__u8 packet[HF_TO_HOST_MAX];
};

/* From one leg not more often than this, in units of 2^20 ns. */
#define HF_RTCP_GAP_UNITS 16

HF_ASSERT(__builtin_offsetof(struct hf_rtcp, counted) == 64, "a line a writer");
HF_ASSERT(sizeof(struct hf_rtcp) == 128, "two lines");
HF_ASSERT(sizeof(struct hf_rtcp_in) == 248, "no padding");
HF_ASSERT(sizeof(struct hf_to_host) == 1504, "no padding, another size");

#endif
