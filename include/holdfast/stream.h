/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How well the stream of a leg's remote arrives: on the leg's line of the receive
 * side (hf_claim.intake), written with every packet from the right source. Counted
 * as RFC 3550 A.1 and A.8 do; holdfast-mediad reports it. Pure.
 */
#ifndef HOLDFAST_STREAM_H
#define HOLDFAST_STREAM_H

#include "abi.h"
#include "world.h"

#define HF_STREAM_UNIT_NS 125000 /* of a timestamp that runs at 8000 a second */

/* A packet, host order except the SSRC. */
struct hf_stream_in {
	__be32 source;
	__u32 timestamp;
	__u16 seq;
	__u16 octets;
};

HF_INLINE void hf_stream_begin(struct hf_stream *s, __be32 source, __u16 seq)
{
	s->source = source;
	s->newest = seq;
	s->first = seq;
	s->wild = 0;
	s->jitter = 0;
	s->transit = 0;
	s->count = 1;
}

/* Count a packet. 0: out of all order, not counted. */
HF_INLINE int hf_stream_count(struct hf_stream *s,
			      const struct hf_stream_in *in)
{
	__u16 ahead = (__u16)(in->seq - (__u16)s->newest);

	s->octets += in->octets;
	if (!s->count || s->source != in->source) {
		hf_stream_begin(s, in->source, in->seq);
		return 1;
	}
	if (ahead < 3000) {
		s->newest += ahead;
	} else if (ahead <= 0xffff - 100) {
		if (in->seq != s->wild) {
			s->wild = (__u16)(in->seq + 1);
			return 0;
		}
		hf_stream_begin(s, in->source, in->seq);
		return 1;
	}
	s->count++;
	return 1;
}

/* How irregularly audio comes. What is off by 8 s and more is another beginning
 * of the timestamps, and no jitter. unit_ns is that of struct hf_claim. */
HF_INLINE void hf_stream_jitter(struct hf_stream *s, __u32 unit_ns,
				__u32 timestamp, __u64 now_ns)
{
	__u64 unit = unit_ns ? unit_ns : HF_STREAM_UNIT_NS;
	__u32 transit = (__u32)((now_ns - timestamp * unit) >> 10);
	__s32 d = (__s32)(transit - s->transit);
	__u32 off = (__u32)(d < 0 ? -(__s64)d : d);

	if (s->transit && off < 1 << 23)
		s->jitter += off - ((s->jitter + 8) >> 4);
	s->transit = transit ? transit : 1;
}

#endif
