/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way out: hf_way_get() copies the hop in force from the next-hop table,
 * hf_way_verdict() turns it into XDP_TX or a redirect. Both answer "no" for a
 * way that cannot be taken; nothing is sent on a guess. A packet that leaves as
 * IPv6 or with a tag is written in the plain form first, then shape.h's.
 */
#ifndef HF_BPF_EGRESS_H
#define HF_BPF_EGRESS_H

#include "maps.h"
#include "parse.h"
#include "wire.h"

struct hf_way {
	__u64 macs; /* destination, and the first two bytes of source */
	__u32 mac_rest;
	__u32 ifindex;
	__u16 mtu;
	__u8 flags;
	__u8 tos;
	__u8 ttl;
	__be16 vlan_tci;
};

static __always_inline int hf_way_get(__u32 index, struct hf_way *way)
{
	const struct hf_nexthop *n = bpf_map_lookup_elem(&nexthops, &index);
	const struct hf_hop *hop;
	__u32 turn;

	if (!n)
		return 0;
	turn = HF_READ(n->turn);
	hop = &n->hop[turn & 1];
	way->macs = HF_W64(hop, __builtin_offsetof(struct hf_hop, dmac));
	way->mac_rest =
		HF_W32(hop, __builtin_offsetof(struct hf_hop, smac) + 2);
	way->ifindex = hop->ifindex;
	way->mtu = hop->mtu;
	way->flags = hop->flags;
	way->tos = hop->tos;
	way->ttl = hop->ttl ? hop->ttl : HF_IP_TTL;
	way->vlan_tci = hop->vlan_tci;
	HF_BARRIER();
	/* Else it was rewritten twice while we read it. */
	return HF_READ(n->turn) == turn && way->flags & HF_HOP_VALID;
}

/* A verdict beside those of the kernel: hf_host_give() it (host.h). */
#define HF_TO_HOST 0x100

/* The verdict that sends a packet that came in by this way, XDP_DROP if there is
 * none. No effect by itself. */
static __always_inline int hf_way_verdict(const struct hf_way *way,
					  const struct hf_incoming *in)
{
	if (in->here_only)
		return way->ifindex == in->ifindex ? XDP_TX : XDP_DROP;
	if (way->ifindex == in->ifindex && !(way->flags & HF_HOP_REDIRECT))
		return XDP_TX;
	if (way->flags & HF_HOP_NO_REDIRECT) {
		if (way->flags & HF_HOP_LOCAL)
			return HF_TO_HOST;
		if (!(way->flags & HF_HOP_GENERIC))
			return XDP_DROP;
	}
	return (int)bpf_redirect_map(&devmap, way->ifindex, XDP_DROP);
}

static __always_inline void hf_way_write(void *data, const struct hf_way *way)
{
	HF_W64(data, 0) = way->macs;
	HF_W32(data, 8) = way->mac_rest;
	HF_W16(data, HF_AT_ETHERTYPE) = HF_HTONS(0x0800);
}

#endif
