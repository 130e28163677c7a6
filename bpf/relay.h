/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Relay: a packet from the remote of one leg goes to the remote of another, as
 * part of the one stream that leg sends (include/holdfast/rtp.h has the rules).
 *
 * Two words are involved. The receiving leg's is claimed, which proves its
 * program. The sending leg's is only read, so it is read once more when all
 * that was taken from its program is in hand.
 */
#ifndef HF_BPF_RELAY_H
#define HF_BPF_RELAY_H

#include "frame.h"
#include "stats.h"
#include "parse.h"

/* The word can only be moved by another CPU relaying to the same leg or by a
 * flip, so a second try nearly always ends it. */
#define HF_RELAY_TRIES	   3
/* 8-byte words of the longest packet whose checksum is computed in full. */
#define HF_RELAY_SUM_WORDS 200

/* What of the receiving leg goes into the packet. */
struct hf_onward {
	struct hf_tuple tuple;
	__be32 ssrc;
	__u32 nexthop;
	__u8 payload_type;
};

/* 0, or the counter of why packets of this kind do not go there. */
static __always_inline int hf_onward_get(const struct hf_leg *to,
					 const struct hf_program *p,
					 __u32 from_leg, __u8 kind,
					 struct hf_onward *o)
{
	if (p->mode != HF_MODE_RELAY || p->peer != from_leg)
		return HF_COUNT_DROP_IDLE;
	o->payload_type =
		kind == HF_RTP_EVENT ? p->tx_dtmf_pt : p->payload_type;
	if (kind == HF_RTP_EVENT && !o->payload_type)
		return HF_COUNT_DROP_PAYLOAD_TYPE;
	hf_tuple_get(p, &to->rx, &o->tuple);
	if (!o->tuple.dport)
		return HF_COUNT_DROP_IDLE;
	o->ssrc = p->ssrc;
	o->nexthop = p->nexthop;
	return 0;
}

/* Does this device let senders leave checksums unfinished? */
static __always_inline int hf_device_partial(__u32 ifindex)
{
	const struct hf_instance *in;
	__u32 zero = 0;
	int i;

	in = bpf_map_lookup_elem(&instance, &zero);
	if (!in)
		return 0;
#pragma unroll
	for (i = 0; i < HF_MAX_DEVICES; i++) {
		if ((__u32)i >= in->devices)
			return 0;
		if (in->device[i].ifindex == ifindex)
			return in->device[i].flags & HF_DEVICE_PARTIAL_CSUM;
	}
	return 0;
}

/* Sum of the packet from the RTP header to its end. */
static __always_inline __u64 hf_rtp_sum(void *data, void *data_end)
{
	char *at = data + HF_AT_RTP;
	__u64 sum = 0;
	int i;

	for (i = 0; i < HF_RELAY_SUM_WORDS; i++) {
		if ((void *)(at + 8) > data_end)
			break;
		sum += (__u64)HF_W32(at, 0) + HF_W32(at, 4);
		at += 8;
	}
	if ((void *)(at + 4) <= data_end) {
		sum += HF_W32(at, 0);
		at += 4;
	}
	if ((void *)(at + 2) <= data_end) {
		sum += HF_W16(at, 0);
		at += 2;
	}
	if ((void *)(at + 1) <= data_end)
		sum += (__u16)HF_HTONS((__u16)HF_W8(at, 0) << 8);
	return sum;
}

/* The words that a relayed packet's UDP check covers and that change. */
static __always_inline __u64 hf_changed_sum(void *data)
{
	return (__u64)HF_W32(data, HF_AT_IP_SADDR) +
	       HF_W32(data, HF_AT_IP_DADDR) + HF_W32(data, HF_AT_UDP) +
	       HF_W32(data, HF_AT_RTP) + HF_W32(data, HF_AT_RTP_TS) +
	       HF_W32(data, HF_AT_RTP_SSRC);
}

/* Rewrite the claimed packet. Needs 54 bytes; `data_end` is its exact end. */
static __always_inline void hf_relay_write(void *data, void *data_end,
					   const struct hf_way *way,
					   const struct hf_onward *o,
					   const struct hf_relayed *d,
					   __u32 udp_len, int partial)
{
	const struct hf_tuple *t = &o->tuple;
	__u16 check = HF_W16(data, HF_AT_UDP_CHECK);
	__u64 old = hf_changed_sum(data);

	hf_headers_write(data, way, t, udp_len);
	HF_W8(data, HF_AT_RTP + 1) =
		(d->marker ? HF_RTP_MARKER : 0) | (o->payload_type & 0x7f);
	HF_W16(data, HF_AT_RTP_SEQ) = HF_HTONS(d->seq);
	HF_W32(data, HF_AT_RTP_TS) = HF_HTONL(d->timestamp);
	HF_W32(data, HF_AT_RTP_SSRC) = o->ssrc;
	if (partial)
		check = hf_csum_udp(hf_csum_udp_header(t->saddr, t->daddr,
						       t->sport, t->dport,
						       HF_HTONS(udp_len)) +
				    hf_rtp_sum(data, data_end));
	else if (check) /* 0: the talker computes none (RFC 768) */
		check = hf_csum_udp_change(check, old, hf_changed_sum(data));
	HF_W16(data, HF_AT_UDP_CHECK) = check;
}

/*
 * Work the packet out and claim it. Returns the verdict that sends it with
 * *way, *o and *d filled, or XDP_DROP with everything counted.
 */
static __always_inline int
hf_relay_claim(struct xdp_md *ctx, struct hf_leg *from, __u64 from_word,
	       struct hf_leg *to, const struct hf_incoming *in,
	       const struct hf_rtp_in *rtp, __u64 now_ns, struct hf_way *way,
	       struct hf_onward *o, struct hf_relayed *d)
{
	const struct hf_program *p;
	int i, verdict, refused;
	__u64 word;

	for (i = 0; i < HF_RELAY_TRIES; i++) {
		word = hf_load_acquire(&to->tx.word);
		p = &to->program[hf_word_epoch(word) & 1];
		refused = hf_onward_get(to, p, in->leg, rtp->kind, o);
		if (refused)
			return hf_refuse(&from->rx, refused);
		if (!hf_way_get(o->nexthop, way))
			return hf_refuse(&from->rx, HF_COUNT_DROP_NO_HOP);
		if (in->udp_len + 20 > way->mtu)
			return hf_refuse(&from->rx, HF_COUNT_DROP_MTU);
		verdict = hf_way_verdict(way, ctx->ingress_ifindex);
		if (verdict == XDP_DROP)
			return hf_refuse(&from->rx, HF_COUNT_DROP_NO_HOP);
		switch (hf_relay_due(&from->rx, p, word, now_ns, rtp, d)) {
		case HF_RELAY_OLD:
			return hf_refuse(&from->rx, HF_COUNT_RELAY_LATE);
		case HF_RELAY_JUMP:
			hf_relay_jump(&from->rx, rtp);
			return hf_refuse(&from->rx, HF_COUNT_RELAY_JUMP);
		}
		if (hf_word_epoch(HF_READ(from->tx.word)) !=
		    hf_word_epoch(from_word))
			break;
		if (hf_claim(&to->tx.word, word, d->next))
			return verdict;
	}
	return hf_refuse(&from->rx, HF_COUNT_CLAIM_LOST);
}

static __always_inline int hf_relay(struct xdp_md *ctx, struct hf_leg *from,
				    __u64 word, const struct hf_program *p,
				    const struct hf_incoming *in,
				    struct hf_rtp_in *rtp, __u8 payload_type,
				    __u64 now_ns)
{
	__u32 peer = p->peer, want = HF_AT_UDP + in->udp_len;
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_onward onward;
	struct hf_relayed out;
	int partial, verdict;
	struct hf_way way;
	struct hf_leg *to;

	rtp->kind = hf_rtp_kind(p, payload_type);
	if (rtp->kind == HF_RTP_OTHER)
		return hf_refuse(&from->rx, HF_COUNT_DROP_PAYLOAD_TYPE);
	to = bpf_map_lookup_elem(&legs, &peer);
	if (!to)
		return hf_refuse(&from->rx, HF_COUNT_DROP_IDLE);
	hf_leg_touch(to);
	partial = hf_device_partial(ctx->ingress_ifindex);
	if (partial && in->udp_len > 8 + 8 * HF_RELAY_SUM_WORDS)
		return hf_refuse(&from->rx, HF_COUNT_DROP_MTU);
	/* What lies behind the datagram is nobody's business further on. */
	if ((__u64)(data_end - data) != want) {
		if (!hf_packet_resize(ctx, want))
			return hf_refuse(&from->rx, HF_COUNT_DROP_RESIZE);
		data = (void *)(long)ctx->data;
		data_end = (void *)(long)ctx->data_end;
	}
	if (data + HF_AT_PAYLOAD > data_end)
		return hf_refuse(&from->rx, HF_COUNT_DROP_LENGTH);

	verdict = hf_relay_claim(ctx, from, word, to, in, rtp, now_ns, &way,
				 &onward, &out);
	if (verdict == XDP_DROP)
		return verdict;
	hf_relay_write(data, data_end, &way, &onward, &out, in->udp_len,
		       partial);
	hf_relay_done(&from->rx, rtp, &out, now_ns);
	hf_count(HF_COUNT_RELAYED);
	return verdict;
}

#endif
