/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hold frame as an IP packet, byte by byte: what the module (IPv4) and the media
 * keeper put between the Ethernet header and the payload. (XDP writes the same bytes with checks
 * that its verifier understands: bpf/frame.h.)
 *
 * An anchor is an endpoint, not a router: TTL 64, identification 0 with "do not
 * fragment" (RFC 6864). The payload's sum came with it, so the UDP check does
 * not depend on its size.
 *
 * Pure: no I/O, no clock, no allocation.
 */
#ifndef HOLDFAST_HOLD_PACKET_H
#define HOLDFAST_HOLD_PACKET_H

#include "abi.h"
#include "claim.h"
#include "csum.h"
#include "world.h"

#define HF_HOLD_HEADERS 40 /* IPv4, UDP, RTP */
#define HF_HOLD_HEADERS6 60
#define HF_HOLD_TTL 64

HF_INLINE void hf_put16(__u8 *at, __u16 v)
{
	__builtin_memcpy(at, &v, sizeof(v));
}

HF_INLINE void hf_put32(__u8 *at, __u32 v)
{
	__builtin_memcpy(at, &v, sizeof(v));
}

/* UDP and RTP; `pair` is the sum of the addresses. */
HF_INLINE void hf_hold_udp_write(__u8 *udp, const struct hf_program *p,
				 const struct hf_due *d, __u64 pair,
				 __u32 payload_len, __u16 payload_sum)
{
	__be16 udp_len = HF_HTONS(HF_HOLD_HEADERS - 20 + payload_len);
	__u16 bits = (HF_FORCE __u16)HF_HTONS(0x8000 | d->marker << 7 |
					      (p->payload_type & 0x7f));
	__u16 seq = (HF_FORCE __u16)HF_HTONS(d->seq);
	__u32 ts = (HF_FORCE __u32)HF_HTONL(d->timestamp);
	__u32 ssrc = (HF_FORCE __u32)p->ssrc;
	__u64 sum = hf_csum_udp_header(pair, p->local_port, p->remote_port,
				       udp_len);

	sum += (__u64)bits + seq + ts + ssrc + payload_sum;
	hf_put16(udp, (HF_FORCE __u16)p->local_port);
	hf_put16(udp + 2, (HF_FORCE __u16)p->remote_port);
	hf_put16(udp + 4, (HF_FORCE __u16)udp_len);
	hf_put16(udp + 6, hf_csum_udp(sum));
	hf_put16(udp + 8, bits);
	hf_put16(udp + 10, seq);
	hf_put32(udp + 12, ts);
	hf_put32(udp + 16, ssrc);
}

/* The same as below for an IPv6 leg: HF_HOLD_HEADERS6 bytes. */
HF_INLINE void hf_hold_headers6_write(__u8 *ip, const struct hf_program *p,
				      const struct hf_pair6 *six,
				      const struct hf_due *d,
				      const struct hf_hop *hop,
				      __u32 payload_len, __u16 payload_sum)
{
	__u32 first = 6u << 28 | (__u32)hop->tos << 20;
	__u32 bytes = HF_HOLD_HEADERS - 20 + payload_len;
	__u8 ttl = hop->ttl ? hop->ttl : HF_HOLD_TTL;

	hf_put32(ip, (HF_FORCE __u32)HF_HTONL(first));
	hf_put16(ip + 4, (HF_FORCE __u16)HF_HTONS(bytes));
	hf_put16(ip + 6, (HF_FORCE __u16)HF_HTONS(17 << 8 | ttl));
	__builtin_memcpy(ip + 8, &six->local, 16);
	__builtin_memcpy(ip + 24, &six->remote, 16);
	hf_hold_udp_write(ip + 40, p, d,
			  hf_csum_pair6(&six->local, &six->remote), payload_len,
			  payload_sum);
}

/* The first HF_HOLD_FRONT bytes of an IPv4 frame, which are the same for all
 * that go by one hop, in front of a payload of this length; returns the sum of
 * their words. */
#define HF_HOLD_FRONT 10
HF_INLINE __u64 hf_hold_front_write(__u8 *ip, const struct hf_hop *hop,
				    __u32 payload_len)
{
	__u16 first = (HF_FORCE __u16)HF_HTONS(0x4500 | hop->tos);
	__u16 len = (HF_FORCE __u16)HF_HTONS(HF_HOLD_HEADERS + payload_len);
	__u16 df = (HF_FORCE __u16)HF_HTONS(0x4000);
	__u16 ttl = (HF_FORCE __u16)HF_HTONS(
		(hop->ttl ? hop->ttl : HF_HOLD_TTL) << 8 | 17);

	hf_put16(ip, first);
	hf_put16(ip + 2, len);
	hf_put16(ip + 4, 0);
	hf_put16(ip + 6, df);
	hf_put16(ip + 8, ttl);
	return (__u64)first + len + df + ttl;
}

/* The rest of its headers, behind a front of that sum. */
HF_INLINE void hf_hold_behind_write(__u8 *ip, const struct hf_program *p,
				    const struct hf_due *d, __u64 front_sum,
				    __u32 payload_len, __u16 payload_sum)
{
	__u64 pair = hf_csum_pair4(p->local_ip4, p->remote_ip4);

	hf_put16(ip + 10, hf_csum_ip(front_sum + pair));
	hf_put32(ip + 12, (HF_FORCE __u32)p->local_ip4);
	hf_put32(ip + 16, (HF_FORCE __u32)p->remote_ip4);
	hf_hold_udp_write(ip + 20, p, d, pair, payload_len, payload_sum);
}

/* Writes HF_HOLD_HEADERS bytes, every one of them, in front of a payload of
 * this length and sum (struct hf_frame), to the remote that stands in the
 * program. */
HF_INLINE void hf_hold_headers_write(__u8 *ip, const struct hf_program *p,
				     const struct hf_due *d,
				     const struct hf_hop *hop,
				     __u32 payload_len, __u16 payload_sum)
{
	hf_hold_behind_write(ip, p, d,
			     hf_hold_front_write(ip, hop, payload_len),
			     payload_len, payload_sum);
}

#endif
