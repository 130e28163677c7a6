/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet for one of our legs: is it RTP, is it from the right source, and
 * what is it good for? Always consumed, never an ICMP.
 */
#ifndef HF_BPF_RECEIVE_H
#define HF_BPF_RECEIVE_H

#include "heard.h"
#include "hold.h"
#include "parse.h"
#include "relay.h"
#include "rtcp.h"

/* Source lock. 1 if the packet is from the leg's remote. */
static __always_inline int hf_source_right(struct hf_leg *leg,
					   const struct hf_program *p,
					   const struct hf_incoming *in,
					   __be32 ssrc, __u8 payload_type)
{
	struct hf_remote from = {in->saddr, in->sport};
	struct hf_remote r;

	if (!(p->flags & HF_PROGRAM_LATCH))
		return in->saddr == p->remote_ip4 &&
		       in->sport == p->remote_port;
	r = hf_remote_get(p, &leg->rx);
	if (from.ip4 == r.ip4 && from.port == r.port &&
	    hf_remote_learned(p, &leg->rx))
		return 1;
	if (!hf_latch_step(p, &leg->rx, from, ssrc, payload_type))
		return from.ip4 == r.ip4 && from.port == r.port;
	hf_count(HF_COUNT_LATCHED);
	return 1;
}

/* For all packets: by the program itself. */
static __always_inline int hf_receive_slow(struct xdp_md *ctx, void *data,
					   struct hf_leg *leg, __u64 *claim,
					   struct hf_intake *intake,
					   struct hf_bound *b,
					   struct hf_stream *s,
					   const struct hf_incoming *in,
					   __u64 word, __u64 now_ns)
{
	__u8 second = HF_W8(data, HF_AT_RTP + 1);
	struct hf_rtp_in rtp;
	const struct hf_program *p;

	p = &leg->program[hf_word_epoch(word) & 1];
	if (!p->remote_port)
		return hf_drop(HF_COUNT_DROP_NO_LEG);
	if (!hf_rtp_is_v2(HF_W8(data, HF_AT_RTP)))
		return hf_refuse(intake, HF_COUNT_DROP_NOT_RTP);
	if (hf_rtp_is_rtcp(second))
		return hf_rtcp_hear(ctx, in, HF_AT_RTP);
	hf_rtp_get(data, &rtp);
	if (!hf_source_right(leg, p, in, rtp.ssrc, second & 0x7f))
		return hf_refuse(intake, HF_COUNT_DROP_SOURCE);

	hf_stream_hear(s, &rtp, in, (second & 0x7f) == p->rx_payload_type,
		       now_ns);
	if (p->flags & HF_PROGRAM_RX_OFF)
		return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_IDLE);
	if (p->rx_dtmf_pt && (second & 0x7f) == p->rx_dtmf_pt) {
		struct hf_dtmf_in key = {
			.timestamp = rtp.timestamp,
			.ssrc = HF_NTOHL(rtp.ssrc),
			.now_unit = (__u32)(now_ns >> 20),
			.marker = second >> 7,
		};

		hf_dtmf_hear(ctx, in->leg, HF_AT_RTP, HF_AT_UDP + in->udp_len,
			     &key);
	}
	if (p->peer != HF_LEG_NONE)
		return hf_relay(ctx, leg, claim, intake, b, word, p, in, &rtp,
				second & 0x7f, now_ns);
	if (p->mode == HF_MODE_HOLD)
		return hf_hold_turn(ctx, claim, intake, leg, word, p, in,
				    now_ns);
	return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_IDLE);
}

static __always_inline int hf_receive_rtp(struct xdp_md *ctx, void *data,
					  const struct hf_incoming *in,
					  __u64 now_ns)
{
	struct hf_claim *claim;
	struct hf_intake *intake_by;
	struct hf_bound *b;
	struct hf_stream *s;
	struct hf_rtp_in rtp;
	struct hf_hot *h;
	struct hf_program p;
	struct hf_leg *leg;
	__u64 word;
	int verdict;

	claim = bpf_map_lookup_elem(&claims, &in->leg);
	h = bpf_map_lookup_elem(&hot, &in->leg);
	intake_by = bpf_map_lookup_elem(&intake, &in->leg);
	b = bpf_map_lookup_elem(&bound, &in->leg);
	s = bpf_map_lookup_elem(&streams, &in->leg);
	leg = bpf_map_lookup_elem(&legs, &in->leg);
	if (!claim || !h || !intake_by || !b || !s || !leg)
		return hf_drop(HF_COUNT_DROP_NO_LEG);
	word = hf_load_acquire(&claim->word);
	if (hf_hold_is_plain(data, h, word, in, &p)) {
		hf_rtp_get(data, &rtp);
		hf_stream_hear(s, &rtp, in, 1, now_ns);
		return hf_hold_turn(ctx, &claim->word, intake_by, leg, word, &p, in,
				    now_ns);
	}
	if (hf_relay_plain(ctx, data, b, s, leg, word, in, now_ns, &verdict))
		return verdict;
	return hf_receive_slow(ctx, data, leg, &claim->word, intake_by, b, s, in,
			       word, now_ns);
}

#endif
