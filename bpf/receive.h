/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet for one of our legs: is it RTP, is it from the right source, and
 * what is it good for? Always consumed, never an ICMP.
 */
#ifndef HF_BPF_RECEIVE_H
#define HF_BPF_RECEIVE_H

#include "dtmf.h"
#include "hold.h"
#include "parse.h"
#include "relay.h"

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

static __always_inline int hf_receive_rtp(struct xdp_md *ctx, void *data,
					  struct hf_leg *leg,
					  const struct hf_incoming *in)
{
	__u8 second = HF_W8(data, HF_AT_RTP + 1);
	struct hf_rtp_in rtp = {};
	const struct hf_program *p;
	__u64 word, now_ns;

	/* Reading the clock waits for all loads before it, so it comes first.
	 */
	now_ns = hf_now();
	hf_leg_touch(leg);
	word = hf_load_acquire(&leg->tx.word);
	p = &leg->program[hf_word_epoch(word) & 1];
	if (!p->remote_port)
		return hf_drop(HF_COUNT_DROP_NO_LEG);
	if (!hf_rtp_is_v2(HF_W8(data, HF_AT_RTP)))
		return hf_refuse(&leg->rx, HF_COUNT_DROP_NOT_RTP);
	if (hf_rtp_is_rtcp(second))
		return hf_drop(HF_COUNT_RTCP_RX);
	rtp.ssrc = HF_W32(data, HF_AT_RTP_SSRC);
	if (!hf_source_right(leg, p, in, rtp.ssrc, second & 0x7f))
		return hf_refuse(&leg->rx, HF_COUNT_DROP_SOURCE);

	leg->rx.packets++;
	HF_WRITE(leg->rx.last_rx, (__u32)(now_ns >> 20));
	if (p->flags & HF_PROGRAM_RX_OFF)
		return hf_refuse(&leg->rx, HF_COUNT_DROP_IDLE);
	if (p->rx_dtmf_pt && (second & 0x7f) == p->rx_dtmf_pt) {
		struct hf_dtmf_in key = {
			.timestamp = HF_NTOHL(HF_W32(data, HF_AT_RTP_TS)),
			.ssrc = HF_NTOHL(rtp.ssrc),
			.now_unit = (__u32)(now_ns >> 20),
			.marker = second >> 7,
		};

		hf_dtmf_hear(ctx, in->leg, HF_AT_RTP, HF_AT_UDP + in->udp_len,
			     &key);
	}
	if (p->peer != HF_LEG_NONE) {
		rtp.seq = HF_NTOHS(HF_W16(data, HF_AT_RTP_SEQ));
		rtp.timestamp = HF_NTOHL(HF_W32(data, HF_AT_RTP_TS));
		rtp.marker = second >> 7;
		return hf_relay(ctx, leg, word, p, in, &rtp, second & 0x7f,
				now_ns);
	}
	if (p->mode == HF_MODE_HOLD)
		return hf_hold_turn(ctx, leg, word, p, now_ns);
	return hf_refuse(&leg->rx, HF_COUNT_DROP_IDLE);
}

#endif
