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

/*
 * The rest are functions that the verifier looks at by themselves, each once, so
 * that the ways that lead there and those from there on add up and are not
 * multiplied, and neither do their stacks.
 */
#define HF_GO_ON (-1)

/*
 * The common cases: of what is kept for them alone (hot.h, struct hf_intake).
 * HF_GO_ON for another one, with nothing done. Notes the word to go by.
 */
__attribute__((noinline)) int hf_receive_plain(struct xdp_md *ctx,
					       struct hf_incoming *in,
					       __u64 now_ns)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_intake *intake_by;
	struct hf_claim *claim;
	struct hf_rtp_in rtp;
	struct hf_program p;
	const struct hf_hot *h;
	__u32 index;
	__u64 word;
	int verdict;

	if (!in)
		return XDP_DROP;
	index = in->leg;
	claim = bpf_map_lookup_elem(&claims, &index);
	if (!claim)
		return hf_drop(HF_COUNT_DROP_NO_LEG);
	intake_by = &claim->intake;
	if (data + HF_AT_PAYLOAD > data_end)
		return hf_drop(HF_COUNT_DROP_LENGTH);
	if (!in->six)
		in->word = hf_load_acquire(&claim->word);
	word = in->word;
	h = &claim->hot;
	if (hf_hold_is_plain(data, h, word, in, &p)) {
		hf_rtp_get(data, &rtp);
		hf_stream_hear(&intake_by->stream, &rtp, in, claim->unit_ns, 1,
			       now_ns);
		return hf_hold_turn(ctx, &claim->word, intake_by, 0, word, &p,
				    in, now_ns);
	}
	if (hf_relay_plain(ctx, data, claim, intake_by, word, in, now_ns,
			   &verdict))
		return verdict;
	return HF_GO_ON;
}

/* Is it for anybody, and good for anything? Else the verdict. */
__attribute__((noinline)) int hf_receive_check(struct xdp_md *ctx,
					       const struct hf_incoming *in,
					       __u64 now_ns)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_claim *claim;
	const struct hf_program *p;
	struct hf_intake *intake_by;
	struct hf_rtp_in rtp;
	struct hf_leg *leg;
	__u32 index;
	__u8 second;

	if (!in || data + HF_AT_PAYLOAD > data_end)
		return XDP_DROP;
	index = in->leg;
	claim = bpf_map_lookup_elem(&claims, &index);
	leg = bpf_map_lookup_elem(&legs, &index);
	if (!claim || !leg)
		return XDP_DROP;
	intake_by = &claim->intake;
	second = HF_W8(data, HF_AT_RTP + 1);
	p = &leg->program[hf_word_epoch(in->word) & 1];
	if (!p->remote_port)
		return hf_drop(HF_COUNT_DROP_NO_LEG);
	if (!hf_rtp_is_v2(HF_W8(data, HF_AT_RTP)))
		return hf_refuse(intake_by, HF_COUNT_DROP_NOT_RTP);
	if (hf_rtp_is_rtcp(second))
		return hf_rtcp_hear(ctx, in, HF_AT_RTP);
	hf_rtp_get(data, &rtp);
	if (!hf_source_right(leg, p, in, rtp.ssrc, second & 0x7f))
		return hf_refuse(intake_by, HF_COUNT_DROP_SOURCE);

	hf_relay_unsteady(intake_by);
	hf_stream_hear(&intake_by->stream, &rtp, in, claim->unit_ns,
		       (second & 0x7f) == p->rx_payload_type, now_ns);
	if (p->flags & HF_PROGRAM_RX_OFF)
		return hf_intake_refuse(intake_by, now_ns, HF_COUNT_DROP_IDLE);
	if (p->rx_dtmf_pt && (second & 0x7f) == p->rx_dtmf_pt) {
		struct hf_dtmf_in key = {
			.timestamp = rtp.timestamp,
			.ssrc = HF_NTOHL(rtp.ssrc),
			.now_unit = (__u32)(now_ns >> 20),
			.marker = second >> 7,
		};

		hf_dtmf_hear(ctx, index, HF_AT_RTP, HF_AT_UDP + in->udp_len,
			     &key);
	}
	return HF_GO_ON;
}

/* For all packets that were checked: by the program itself. */
__attribute__((noinline)) int hf_receive_act(struct xdp_md *ctx,
					     const struct hf_incoming *in,
					     __u64 now_ns)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct hf_program *p;
	struct hf_intake *intake_by;
	struct hf_claim *claim;
	struct hf_rtp_in rtp;
	struct hf_bound *b;
	struct hf_leg *leg;
	__u32 index;
	__u64 word;

	if (!in || data + HF_AT_PAYLOAD > data_end)
		return XDP_DROP;
	index = in->leg;
	word = in->word;
	claim = bpf_map_lookup_elem(&claims, &index);
	b = bpf_map_lookup_elem(&bound, &index);
	leg = bpf_map_lookup_elem(&legs, &index);
	if (!claim || !b || !leg)
		return XDP_DROP;
	intake_by = &claim->intake;
	p = &leg->program[hf_word_epoch(word) & 1];
	if (p->peer != HF_LEG_NONE) {
		hf_rtp_get(data, &rtp);
		return hf_relay(ctx, leg, &claim->word, intake_by, b, word, p,
				in, &rtp, HF_W8(data, HF_AT_RTP + 1) & 0x7f,
				now_ns);
	}
	if (p->mode == HF_MODE_HOLD)
		return hf_hold_turn(ctx, &claim->word, intake_by, &leg->rx, word, p,
				    in, now_ns);
	return hf_intake_refuse(intake_by, now_ns, HF_COUNT_DROP_IDLE);
}

/* In whatever form it came. */
static __always_inline int hf_receive_rtp(struct xdp_md *ctx,
					  struct hf_incoming *in, __u64 now_ns)
{
	int verdict;

	if (in->more && !hf_unwrap(ctx, in))
		return hf_drop(HF_COUNT_DROP_RESIZE);
	verdict = hf_receive_plain(ctx, in, now_ns);
	if (verdict == HF_GO_ON)
		verdict = hf_receive_check(ctx, in, now_ns);
	if (verdict == HF_GO_ON)
		verdict = hf_receive_act(ctx, in, now_ns);
	return verdict;
}

#endif
