/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the remote of a leg is like, and the keys it presses, which are told to
 * the controller (include/holdfast/heard.h has the rules). A packet with a key
 * goes its way all the same, which is the other party's if the leg is relayed.
 */
#ifndef HF_BPF_HEARD_H
#define HF_BPF_HEARD_H

#include <holdfast/heard.h>
#include <holdfast/rtp.h>
#include "maps.h"
#include "parse.h"
#include "stats.h"

/* How well the stream arrives. Packets of a key repeat the timestamp of its
 * begin, so they are not `audio`. */
static __always_inline void hf_stream_hear(struct hf_stream *s,
					   const struct hf_rtp_in *rtp,
					   const struct hf_incoming *in,
					   __u32 unit_ns, int audio,
					   __u64 now_ns)
{
	struct hf_stream_in packet = {
		.source = rtp->ssrc,
		.timestamp = rtp->timestamp,
		.seq = rtp->seq,
		.octets = (__u16)(in->udp_len - 8 - HF_RTP_BYTES),
	};

	if (hf_without & HF_WITHOUT_STREAM)
		return;
	if (hf_stream_count(s, &packet) && audio)
		hf_stream_jitter(s, unit_ns, rtp->timestamp, now_ns);
}

static __always_inline void hf_happened(const struct hf_happening *h)
{
	if (bpf_ringbuf_output(&happenings, (void *)h, sizeof(*h), 0))
		hf_count(HF_COUNT_HAPPENING_LOST);
}

/* Where the payload of the RTP packet at `rtp` begins; 0 if it has none of
 * `want` bytes. `end`: of the datagram. */
static __always_inline __u32 hf_payload_at(struct xdp_md *ctx, __u32 rtp,
					   __u32 end, __u32 want)
{
	__u32 at = rtp + HF_RTP_BYTES;
	__u8 extension[4], first;

	if (bpf_xdp_load_bytes(ctx, rtp, &first, 1))
		return 0;
	at += 4 * (first & 0x0f);
	if (first & 0x10) {
		if (bpf_xdp_load_bytes(ctx, at, extension, 4))
			return 0;
		at += 4 + 4 * ((__u32)extension[2] << 8 | extension[3]);
	}
	return at + want <= end ? at : 0;
}

/* Not inline: few packets are of keys, and those of the others should find
 * their instructions close together. */
static __attribute__((noinline)) int hf_dtmf_hear(struct xdp_md *ctx, __u32 leg,
						  __u32 rtp, __u32 end,
						  struct hf_dtmf_in *in)
{
	struct hf_happening tell = {.leg = leg};
	struct hf_heard *h = bpf_map_lookup_elem(&heard, &leg);
	struct hf_dtmf_out out = {};
	__u8 payload[4];
	__u32 at;
	int what;

	at = hf_payload_at(ctx, rtp, end, sizeof(payload));
	if (!h || !at || bpf_xdp_load_bytes(ctx, at, payload, sizeof(payload)))
		return 0;
	in->event = payload[0];
	in->end = payload[1] >> 7;
	in->duration = (__u16)((__u16)payload[2] << 8 | payload[3]);
	what = hf_dtmf_step(h, in, &out);
	if (!what)
		return 0;
	tell.at_ns = hf_now();
	if (what & HF_DTMF_CUT) {
		tell.kind = HF_HAPPENED_KEY;
		tell.event = out.cut_event;
		tell.length = out.cut_length;
		hf_happened(&tell);
	}
	tell.kind =
		what & HF_DTMF_OVER ? HF_HAPPENED_KEY : HF_HAPPENED_KEY_BEGUN;
	tell.event = out.event;
	tell.length = out.length;
	hf_happened(&tell);
	return 0;
}

#endif
