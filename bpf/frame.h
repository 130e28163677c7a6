/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packets we send, written whole: hf_headers_write() puts Ethernet and IPv4
 * there for both senders and the relay, hf_hold_write() a complete hold frame,
 * which is IPv6 or tagged where it shall be (shape.h).
 *
 * An anchor is an endpoint, not a router: TTL 64 (the hop may say another),
 * identification 0 with "do not fragment" (RFC 6864), checksums afresh.
 */
#ifndef HF_BPF_FRAME_H
#define HF_BPF_FRAME_H

#include <holdfast/claim.h>
#include <holdfast/csum.h>
#include <holdfast/hot.h>
#include <holdfast/remote.h>
#include <holdfast/rtp.h>
#include "egress.h"
#include "shape.h"
#include "wire.h"

/* Who sends to whom. */
struct hf_tuple {
	__u64 pair; /* sum of its addresses; */
	__be32 saddr; /* of IPv6 only that counts */
	__be32 daddr;
	__be16 sport;
	__be16 dport;
};

static __always_inline void hf_tuple_get(const struct hf_program *p,
					 const struct hf_leg_rx *rx,
					 const struct hf_pair6 *six,
					 struct hf_tuple *t)
{
	t->saddr = p->local_ip4;
	t->sport = p->local_port;
	t->daddr = p->remote_ip4;
	t->dport = p->remote_port;
	if (p->flags & HF_PROGRAM_LATCH) {
		struct hf_remote r = hf_remote_get(p, rx);

		t->daddr = r.ip4;
		t->dport = r.port;
	}
	t->pair = six ? hf_csum_pair6(&six->local, &six->remote) :
			hf_csum_pair4(t->saddr, t->daddr);
}

/* hf_claim() of the packet in hand. */
static __always_inline int hf_take(__u64 *word, __u64 old, __u64 next)
{
	if (hf_without & HF_WITHOUT_CLAIM) {
		HF_WRITE(*word, next);
		return 1;
	}
	return hf_claim(word, old, next);
}

/* Ethernet, IPv4 and UDP without its check. Needs 42 bytes. */
static __always_inline void hf_headers_write(void *data,
					     const struct hf_way *way,
					     const struct hf_tuple *t,
					     __u32 udp_len)
{
	__u32 first = (__u16)HF_HTONS(0x4500 | way->tos);
	__u32 len = (__u16)HF_HTONS(udp_len + 20);
	__u32 ttl = (__u16)HF_HTONS(way->ttl << 8 | 17);
	__u64 sum;

	hf_way_write(data, way);
	HF_W16(data, HF_AT_IP) = first;
	HF_W16(data, HF_AT_IP_LEN) = len;
	HF_W16(data, HF_AT_IP_ID) = 0;
	HF_W16(data, HF_AT_IP_FRAG) = HF_HTONS(HF_IP_DF);
	HF_W16(data, HF_AT_IP_TTL) = ttl;
	HF_W32(data, HF_AT_IP_SADDR) = t->saddr;
	HF_W32(data, HF_AT_IP_DADDR) = t->daddr;
	sum = (__u64)first + len + (__u16)HF_HTONS(HF_IP_DF) + ttl + t->saddr +
	      t->daddr;
	HF_W16(data, HF_AT_IP_CHECK) = hf_csum_ip(sum);
	HF_W16(data, HF_AT_UDP) = t->sport;
	HF_W16(data, HF_AT_UDP + 2) = t->dport;
	HF_W16(data, HF_AT_UDP_LEN) = HF_HTONS(udp_len);
}

/* The hold frame but for its payload; needs 54 bytes. */
static __always_inline void
hf_hold_headers_write(void *data, const struct hf_program *p,
		      const struct hf_tuple *t, const struct hf_way *way,
		      const struct hf_due *d, const struct hf_frame *frame,
		      __u32 udp_len)
{
	__u32 first = (__u16)HF_HTONS(0x8000 | (d->marker ? HF_RTP_MARKER : 0) |
				      (p->payload_type & 0x7f));
	__u32 seq = (__u16)HF_HTONS(d->seq);
	__u32 ts = (__u32)HF_HTONL(d->timestamp);
	__u32 ssrc = (__u32)p->ssrc;
	__u64 sum;

	hf_headers_write(data, way, t, udp_len);
	HF_W16(data, HF_AT_RTP) = first;
	HF_W16(data, HF_AT_RTP_SEQ) = seq;
	HF_W32(data, HF_AT_RTP_TS) = ts;
	HF_W32(data, HF_AT_RTP_SSRC) = ssrc;
	sum = hf_csum_udp_header(t->pair, t->sport, t->dport,
				 HF_HTONS(udp_len)) +
	      first + seq + ts + ssrc + frame->sum;
	HF_W16(data, HF_AT_UDP_CHECK) =
		hf_without & HF_WITHOUT_CHECK ? 0 : hf_csum_udp(sum);
}

/*
 * Is the short form that of this word? Then what comes after the epoch is read
 * after it, on every machine: the address depends on it. The same of the relay's,
 * which says to which epoch of the peer it goes.
 */
static __always_inline int hf_hot_in_force(const struct hf_hot **hot,
					   __u64 word)
{
	__u64 first = *(volatile __u64 *)*hot;
	const struct hf_hot *h = *hot;

	if ((__u16)first != hf_word_epoch(word))
		return 0;
	asm volatile("%[f] &= 0\n%[h] += %[f]"
		     : [f] "+r"(first), [h] "+r"(h));
	*hot = h;
	return 1;
}

static __always_inline int hf_across_in_force(const struct hf_across **across,
					      __u64 word, __u32 *to_epoch)
{
	__u64 first = *(volatile __u64 *)*across;
	const struct hf_across *a = *across;

	if ((__u16)first != (HF_ACROSS | hf_word_epoch(word)))
		return 0;
	*to_epoch = (__u16)(first >> 16);
	asm volatile("%[f] &= 0\n%[a] += %[f]"
		     : [f] "+r"(first), [a] "+r"(a));
	*across = a;
	return 1;
}

/* Make the packet `want` bytes long. 0 if it cannot be. */
static __always_inline int hf_packet_resize(struct xdp_md *ctx, __u32 want)
{
	__u64 have = bpf_xdp_get_buff_len(ctx);

	return have == want || !bpf_xdp_adjust_tail(ctx, (int)want - (int)have);
}

/* 0, or the counter of what was in the way. */
static __always_inline int hf_hold_wrap(struct xdp_md *ctx,
					const struct hf_pair6 *six,
					const struct hf_way *way, __u32 bytes)
{
	if (hf_wrap_bytes(way, six) &&
	    !hf_wrap(ctx, way, six, 8 + HF_RTP_BYTES + bytes))
		return HF_COUNT_DROP_RESIZE;
	return 0;
}

/*
 * Write the hold frame *d of program p over the packet, resizing it. Nothing is
 * claimed. Returns 0, or the counter of what was in the way; packet pointers of
 * the caller are void afterwards.
 */
static __always_inline int hf_hold_write(struct xdp_md *ctx,
					 const struct hf_program *p,
					 const struct hf_leg_rx *rx,
					 const struct hf_pair6 *six,
					 const struct hf_way *way,
					 const struct hf_due *d)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct hf_frame *frame;
	__u32 key = d->frame, bytes;
	struct hf_tuple t;
	int i;

	frame = bpf_map_lookup_elem(&frames, &key);
	if (!frame)
		return HF_COUNT_DROP_FRAME;
	bytes = frame->bytes;
	if (!bytes || bytes > HF_FRAME_BYTES)
		return HF_COUNT_DROP_FRAME;
	if (HF_IP_HEADERS + (six ? HF_IP6_MORE : 0) + HF_RTP_BYTES + bytes >
	    way->mtu)
		return HF_COUNT_DROP_MTU;
	if ((__u64)(data_end - data) != HF_AT_PAYLOAD + (__u64)bytes) {
		if (!hf_packet_resize(ctx, HF_AT_PAYLOAD + bytes))
			return HF_COUNT_DROP_RESIZE;
		data = (void *)(long)ctx->data;
		data_end = (void *)(long)ctx->data_end;
	}
	hf_tuple_get(p, rx, six, &t);
	if (bytes == HF_FRAME_BYTES) {
		if (data + HF_AT_PAYLOAD + HF_FRAME_BYTES > data_end)
			return HF_COUNT_DROP_RESIZE;
		hf_hold_headers_write(data, p, &t, way, d, frame,
				      8 + HF_RTP_BYTES + HF_FRAME_BYTES);
		if (hf_without & HF_WITHOUT_PAYLOAD)
			return hf_hold_wrap(ctx, six, way, bytes);
#pragma unroll
		for (i = 0; i < HF_FRAME_BYTES; i += 8)
			HF_W64(data, HF_AT_PAYLOAD + i) =
				HF_W64(frame->payload, i);
		return hf_hold_wrap(ctx, six, way, bytes);
	}
	if (data + HF_AT_PAYLOAD > data_end)
		return HF_COUNT_DROP_RESIZE;
	hf_hold_headers_write(data, p, &t, way, d, frame,
			      8 + HF_RTP_BYTES + bytes);
	if (!hf_bytes_write(ctx, HF_AT_PAYLOAD, frame->payload, bytes,
			    HF_FRAME_BYTES))
		return HF_COUNT_DROP_RESIZE;
	return hf_hold_wrap(ctx, six, way, bytes);
}

#endif
