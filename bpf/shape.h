/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets of another form than untagged IPv4 (wire.h): hf_unwrap() cuts off what
 * they have more in front, so that whoever looks at them next finds things where
 * an IPv4 packet has them; hf_wrap() puts it on again for the way out. What was
 * cut off and counts further on is in struct hf_incoming.
 *
 * Neither is inline, and an untagged IPv4 packet meets neither.
 */
#ifndef HF_BPF_SHAPE_H
#define HF_BPF_SHAPE_H

#include <holdfast/claim.h>
#include <holdfast/remote.h>
#include "egress.h"
#include "parse.h"

/* The IPv6 addresses of the program in force: 0 in *ret for an IPv4 leg. Returns
 * 0 if they are not there. */
static __always_inline int hf_pair6_get(const struct hf_program *p, __u32 leg,
					__u64 word,
					const struct hf_pair6 **ret)
{
	const struct hf_leg6 *l;

	*ret = 0;
	if (!(p->flags & HF_PROGRAM_IPV6))
		return 1;
	l = bpf_map_lookup_elem(&leg6, &leg);
	if (!l)
		return 0;
	*ret = &l->program[hf_word_epoch(word) & 1];
	return 1;
}

/* Is this the address of the leg's remote? */
static __always_inline int hf_remote6_is(__u32 leg, __u64 word,
					 const struct hf_ip6 *from)
{
	const struct hf_leg6 *l = bpf_map_lookup_elem(&leg6, &leg);

	return l && hf_ip6_equal(&l->program[hf_word_epoch(word) & 1].remote,
				 from);
}

/* Bytes that a packet has in front more than a plain one, this way. */
static __always_inline __u32 hf_wrap_bytes(const struct hf_way *way,
					   const struct hf_pair6 *six)
{
	return (six ? HF_IP6_MORE : 0) +
	       (way->flags & HF_HOP_VLAN ? HF_TAG_BYTES : 0);
}

/*
 * Bring a packet that hf_parse() found to be of another form to the plain one.
 * If its source is not the remote's whole address, `in` says so. 0 if it
 * cannot be done. Packet pointers are void afterwards.
 */
static __attribute__((noinline)) int hf_unwrap(struct xdp_md *ctx,
					       struct hf_incoming *in)
{
	struct hf_claim *claim;
	struct hf_ip6 from;
	__u32 leg = in->leg;

	if (in->six) {
		claim = bpf_map_lookup_elem(&claims, &leg);
		if (!claim || bpf_xdp_load_bytes(ctx,
						 in->more + HF_AT_IP6_SADDR -
							 HF_IP6_MORE,
						 &from, sizeof(from)))
			return 0;
		/* The word that whoever comes next goes by. */
		in->word = hf_load_acquire(&claim->word);
		if (!hf_remote6_is(leg, in->word, &from))
			in->saddr = 0;
	}
	if (bpf_xdp_adjust_head(ctx, (int)in->more))
		return 0;
	in->more = 0;
	return 1;
}

/*
 * A packet in the plain form, written whole, gets its tag and its IPv6 header;
 * six: its addresses, or 0. Returns 0 if there is no room in front. Packet
 * pointers are void afterwards.
 */
static __attribute__((noinline)) int hf_wrap(struct xdp_md *ctx,
					     const struct hf_way *way,
					     const struct hf_pair6 *six,
					     __u32 udp_len)
{
	int tag = way->flags & HF_HOP_VLAN;
	void *data, *data_end;

	if (bpf_xdp_adjust_head(ctx, -(int)hf_wrap_bytes(way, six)))
		return 0;
	data = (void *)(long)ctx->data;
	data_end = (void *)(long)ctx->data_end;
	if (data + HF_AT_UDP + HF_TAG_BYTES > data_end)
		return 0;
	HF_W64(data, 0) = way->macs;
	HF_W32(data, 8) = way->mac_rest;
	if (tag) {
		HF_W16(data, HF_AT_ETHERTYPE) = HF_HTONS(ETH_P_8021Q);
		HF_W16(data, HF_AT_ETHERTYPE + 2) = way->vlan_tci;
		data += HF_TAG_BYTES;
	}
	HF_W16(data, HF_AT_ETHERTYPE) = HF_HTONS(six ? ETH_P_IPV6 : ETH_P_IP);
	if (!six)
		return 1;
	if (data + HF_AT_UDP + HF_IP6_MORE > data_end)
		return 0;
	/* Flow label 0: the ports tell flows apart well enough (RFC 6437). */
	HF_W32(data, HF_AT_IP) = HF_HTONL(6u << 28 | (__u32)way->tos << 20);
	HF_W16(data, HF_AT_IP6_LEN) = HF_HTONS(udp_len);
	HF_W16(data, HF_AT_IP6_LEN + 2) =
		HF_HTONS(IPPROTO_UDP << 8 | way->ttl);
	HF_W32(data, HF_AT_IP6_SADDR) = six->local.word[0];
	HF_W32(data, HF_AT_IP6_SADDR + 4) = six->local.word[1];
	HF_W32(data, HF_AT_IP6_SADDR + 8) = six->local.word[2];
	HF_W32(data, HF_AT_IP6_SADDR + 12) = six->local.word[3];
	HF_W32(data, HF_AT_IP6_DADDR) = six->remote.word[0];
	HF_W32(data, HF_AT_IP6_DADDR + 4) = six->remote.word[1];
	HF_W32(data, HF_AT_IP6_DADDR + 8) = six->remote.word[2];
	HF_W32(data, HF_AT_IP6_DADDR + 12) = six->remote.word[3];
	return 1;
}

#endif
