/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Source lock: from where a leg takes media, and where it sends it.
 *
 * Both are the signalled address, unless the program allows to learn it from
 * packets (symmetric RTP through a NAT, RFC 4961). Learning is narrow, because
 * whoever is learned hears the call: three packets in a row of one source with
 * one SSRC and the negotiated payload type, from the address of the signalling
 * unless told otherwise, and never a second time for the same signalled remote.
 * A packet from the signalled address itself ends the learning.
 *
 * An IPv6 leg has digests where an IPv4 leg has addresses, so that all of this
 * goes for both. Digests may be alike: whoever takes a packet in compares the
 * whole address first, and passes 0, which is no digest, for another one. What
 * is learned of an IPv6 remote is its port alone.
 *
 * The receive side alone calls hf_latch_step(); every sender hf_remote_get().
 * Pure; the memory is struct hf_leg_rx of the leg (abi.h).
 */
#ifndef HOLDFAST_REMOTE_H
#define HOLDFAST_REMOTE_H

#include "abi.h"
#include "world.h"

#define HF_LATCH_PACKETS 3

/* Of a media address. */
HF_INLINE __u32 hf_hint_of(__be32 ip4)
{
	return HF_NTOHL(ip4) % HF_HINTS;
}

/* Where two addresses have the same hint, the first one is found faster. */
HF_INLINE void hf_hints_fill(struct hf_instance *in)
{
	__u32 i = in->addresses;

	while (i--)
		if (in->address[i].ip4)
			in->hint[hf_hint_of(in->address[i].ip4)] = (__u8)i;
}

struct hf_remote {
	__be32 ip4; /* or digest */
	__be16 port;
};

/* Of an IPv6 address; never 0. */
HF_INLINE __be32 hf_ip6_digest(const struct hf_ip6 *ip)
{
	__u32 d = (HF_FORCE __u32)ip->word[0] * 0x9e3779b1u;

	d = (d ^ (HF_FORCE __u32)ip->word[1]) * 0x85ebca6bu;
	d = (d ^ (HF_FORCE __u32)ip->word[2]) * 0xc2b2ae35u;
	d ^= (HF_FORCE __u32)ip->word[3];
	return (HF_FORCE __be32)(d ? d : 1);
}

HF_INLINE int hf_ip6_equal(const struct hf_ip6 *a, const struct hf_ip6 *b)
{
	return !(((HF_FORCE __u32)a->word[0] ^ (HF_FORCE __u32)b->word[0]) |
		 ((HF_FORCE __u32)a->word[1] ^ (HF_FORCE __u32)b->word[1]) |
		 ((HF_FORCE __u32)a->word[2] ^ (HF_FORCE __u32)b->word[2]) |
		 ((HF_FORCE __u32)a->word[3] ^ (HF_FORCE __u32)b->word[3]));
}

/* A signalled remote in 32 bits: a latch holds for this one only. */
HF_INLINE __u32 hf_remote_key(__be32 ip4, __be16 port)
{
	return (HF_FORCE __u32)ip4 ^
	       (__u32)(HF_FORCE __u16)port * 0x9e3779b1u;
}

HF_INLINE int hf_remote_learned(const struct hf_program *p,
				const struct hf_leg_rx *rx)
{
	return (p->flags & HF_PROGRAM_LATCH) &&
	       hf_load_acquire(&rx->latch_state) == HF_LATCH_LEARNED &&
	       rx->latch_key == hf_remote_key(p->remote_ip4, p->remote_port);
}

/* Where the leg's remote is: what was learned, else what was signalled. */
HF_INLINE struct hf_remote hf_remote_get(const struct hf_program *p,
					 const struct hf_leg_rx *rx)
{
	struct hf_remote r = {p->remote_ip4, p->remote_port};

	if (hf_remote_learned(p, rx)) {
		r.ip4 = rx->latched_ip4;
		r.port = rx->latched_port;
	}
	return r;
}

/*
 * A packet of another source than hf_remote_get(), or of the signalled one
 * before anything was learned, came for a leg whose program has
 * HF_PROGRAM_LATCH. Returns 1 if its source is the learned one from now on.
 */
HF_INLINE int hf_latch_step(const struct hf_program *p, struct hf_leg_rx *rx,
			    struct hf_remote from, __be32 ssrc,
			    __u8 payload_type)
{
	__u32 remote = hf_remote_key(p->remote_ip4, p->remote_port);
	__u32 key = remote ^ (__u32)ssrc;
	int signalled =
		from.ip4 == p->remote_ip4 && from.port == p->remote_port;

	if (hf_remote_learned(p, rx))
		return 0;
	if (payload_type != p->rx_payload_type)
		return 0;
	if ((p->flags & (HF_PROGRAM_LATCH_ANY | HF_PROGRAM_IPV6)) !=
		    HF_PROGRAM_LATCH_ANY &&
	    from.ip4 != p->remote_ip4)
		return 0;
	if (rx->latch_state != HF_LATCH_CANDIDATE || rx->latch_key != key ||
	    rx->latched_ip4 != from.ip4 || rx->latched_port != from.port) {
		hf_store_release(&rx->latch_state, HF_LATCH_CANDIDATE);
		rx->latched_ip4 = from.ip4;
		rx->latched_port = from.port;
		rx->latch_key = key;
		rx->latch_count = 0;
	}
	rx->latch_count++;
	if (rx->latch_count < HF_LATCH_PACKETS && !signalled)
		return 0;
	rx->latch_key = remote;
	hf_store_release(&rx->latch_state, HF_LATCH_LEARNED);
	return 1;
}

#endif
