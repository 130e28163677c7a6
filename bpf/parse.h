/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is this packet for one of our legs, and which? hf_parse() says so:
 *
 *   HF_PARSE_PASS    not ours: leave it to the stack, untouched and uncounted
 *   HF_PARSE_RTP     ours; *in is filled, a whole RTP header is there
 *   HF_PARSE_RTCP    ours, on a leg's RTCP port
 *   HF_PARSE_LENGTH  ours, but truncated or its lengths contradict
 *   HF_PARSE_NO_CHECK ours, but IPv6 without the checksum that it must have
 *
 * Lengths are those of the IP and UDP headers; the buffer only bounds them,
 * because Ethernet pads short packets and drivers may leave more behind.
 * in->more of another form says how to bring it to the plain one (shape.h).
 */
#ifndef HF_BPF_PARSE_H
#define HF_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <holdfast/csum.h>
#include <holdfast/remote.h>
#include <holdfast/rtp.h>
#include "maps.h"
#include "wire.h"

enum hf_parsed {
	HF_PARSE_PASS,
	HF_PARSE_RTP,
	HF_PARSE_RTCP,
	HF_PARSE_LENGTH,
	HF_PARSE_NO_CHECK,
};

struct hf_incoming {
	__u64 pair; /* sum of its addresses */
	__u64 word; /* IPv6, unwrapped: of its leg */
	__u32 leg;
	__u32 ifindex;	 /* where it came in */
	__u32 here_only; /* and it can be sent by that device only */
	__u32 more;	 /* bytes in front that the plain form has not */
	__u32 six;	 /* it is IPv6 */
	__u32 udp_len; /* host order, with the UDP header */
	__be32 saddr;  /* IPv6: digests (remote.h), */
	__be32 daddr;  /* 0 of a source that is not the leg's remote */
	__be16 sport;
	__be16 dport;
};

/* May a frame with this tag (host order, 0 = none) be for that address? Ids that
 * are 0 only say a priority. */
static __always_inline int hf_vlan_fits(const struct hf_address *a, __u32 tci)
{
	return !a->vlan || !(tci & 0xfff) || a->vlan == (tci & 0xfff);
}

static __always_inline int hf_leg_of_port(const struct hf_address *a,
					  __u32 port, __u32 *leg)
{
	if (port < a->port_min || port > a->port_max)
		return 0;
	*leg = a->leg_base + ((port - a->port_min) >> 1);
	return 1;
}

/* The leg that listens at this address and port; 0 if none could. */
static __always_inline int hf_leg_index(__be32 daddr, __u32 port, __u32 tci,
					__u32 *leg)
{
	const struct hf_instance *in;
	const struct hf_address *a;
	__u32 zero = 0;
	int i;

	in = bpf_map_lookup_elem(&instance, &zero);
	if (!in || !daddr)
		return 0;
	a = &in->address[in->hint[hf_hint_of(daddr)] & (HF_MAX_ADDRESSES - 1)];
	if (a->ip4 == daddr)
		return hf_vlan_fits(a, tci) && hf_leg_of_port(a, port, leg);
	for (i = 0; i < HF_MAX_ADDRESSES; i++) {
		a = &in->address[i];
		if ((__u32)i >= in->addresses)
			return 0;
		if (a->ip4 != daddr)
			continue;
		return hf_vlan_fits(a, tci) && hf_leg_of_port(a, port, leg);
	}
	return 0;
}

static __always_inline int hf_leg_index6(const struct hf_ip6 *daddr, __u32 port,
					 __u32 tci, __u32 *leg)
{
	const struct hf_instance *in;
	__u32 zero = 0;
	int i;

	in = bpf_map_lookup_elem(&instance, &zero);
	if (!in)
		return 0;
	for (i = 0; i < HF_MAX_ADDRESSES; i++) {
		const struct hf_address *a = &in->address[i];

		if ((__u32)i >= in->addresses)
			return 0;
		if (a->ip4 || !hf_ip6_equal((const void *)a->ip6, daddr))
			continue;
		return hf_vlan_fits(a, tci) && hf_leg_of_port(a, port, leg);
	}
	return 0;
}

/* Does this device let senders leave checksums unfinished? Of one that we are not
 * attached to ourselves (a member of a bond) nobody knows: to compute a sum in
 * full is never wrong. */
static __always_inline int hf_device_partial(__u32 ifindex)
{
	const struct hf_instance *in;
	__u32 zero = 0;
	int i;

	in = bpf_map_lookup_elem(&instance, &zero);
	if (!in || !in->devices)
		return 0;
	for (i = 0; i < HF_MAX_DEVICES; i++) {
		if ((__u32)i >= in->devices)
			break;
		if (in->device[i].ifindex == ifindex)
			return in->device[i].flags & HF_DEVICE_PARTIAL_CSUM;
	}
	return HF_DEVICE_PARTIAL_CSUM;
}

/* UDP at its place in the plain form of a packet that begins at `data`, which
 * need not be the packet's own begin. */
static __always_inline int hf_parse_udp(void *data, void *data_end,
					__u32 ip_head, __u32 ip_len,
					struct hf_incoming *in)
{
	in->sport = HF_W16(data, HF_AT_UDP);
	in->dport = HF_W16(data, HF_AT_UDP + 2);
	in->udp_len = HF_NTOHS(HF_W16(data, HF_AT_UDP_LEN));
	if (HF_NTOHS(in->dport) & 1)
		return HF_PARSE_RTCP;
	if (in->udp_len < 8 + HF_RTP_BYTES || in->udp_len + ip_head > ip_len ||
	    data + HF_AT_PAYLOAD > data_end ||
	    (__u64)(data_end - data) < HF_AT_UDP + (__u64)in->udp_len)
		return HF_PARSE_LENGTH;
	return HF_PARSE_RTP;
}

/* IPv4 behind an Ethernet header that begins at `data` but for its addresses. */
static __always_inline int hf_parse_ip4(void *data, void *data_end, __u32 tci,
					struct hf_incoming *in)
{
	__u32 port;

	if (data + HF_AT_RTP > data_end)
		return HF_PARSE_PASS;
	if (HF_W16(data, HF_AT_ETHERTYPE) != HF_HTONS(ETH_P_IP) ||
	    HF_W8(data, HF_AT_IP) != 0x45 ||
	    HF_W8(data, HF_AT_IP_PROTOCOL) != IPPROTO_UDP ||
	    (HF_W16(data, HF_AT_IP_FRAG) & HF_HTONS(HF_IP_FRAGMENT)))
		return HF_PARSE_PASS;
	port = HF_NTOHS(HF_W16(data, HF_AT_UDP + 2));
	if (!hf_leg_index(HF_W32(data, HF_AT_IP_DADDR), port, tci, &in->leg))
		return HF_PARSE_PASS;
	in->saddr = HF_W32(data, HF_AT_IP_SADDR);
	in->daddr = HF_W32(data, HF_AT_IP_DADDR);
	in->pair = hf_csum_pair4(in->saddr, in->daddr);
	in->six = 0;
	return hf_parse_udp(data, data_end, 20,
			    HF_NTOHS(HF_W16(data, HF_AT_IP_LEN)), in);
}

/* Extension headers, fragments among them, are the stack's. */
static __always_inline int hf_parse_ip6(void *data, void *data_end, __u32 tci,
					struct hf_incoming *in)
{
	struct hf_ip6 *saddr = data + HF_AT_IP6_SADDR;
	struct hf_ip6 *daddr = data + HF_AT_IP6_DADDR;
	void *plain = data + HF_IP6_MORE;
	__u32 port;

	if (plain + HF_AT_RTP > data_end)
		return HF_PARSE_PASS;
	if (HF_W16(data, HF_AT_ETHERTYPE) != HF_HTONS(ETH_P_IPV6) ||
	    HF_W8(data, HF_AT_IP) >> 4 != 6 ||
	    HF_W8(data, HF_AT_IP6_NEXT) != IPPROTO_UDP)
		return HF_PARSE_PASS;
	port = HF_NTOHS(HF_W16(plain, HF_AT_UDP + 2));
	if (!hf_leg_index6(daddr, port, tci, &in->leg))
		return HF_PARSE_PASS;
	in->saddr = hf_ip6_digest(saddr);
	in->daddr = hf_ip6_digest(daddr);
	in->pair = hf_csum_pair6(saddr, daddr);
	in->six = 1;
	/* RFC 8200 8.1. Where sums are left unfinished, one may add up to 0. */
	if (!HF_W16(plain, HF_AT_UDP_CHECK) && !hf_device_partial(in->ifindex))
		return HF_PARSE_NO_CHECK;
	return hf_parse_udp(plain, data_end, 0,
			    HF_NTOHS(HF_W16(data, HF_AT_IP6_LEN)), in);
}

/* Whatever is not untagged IPv4: IPv6, and up to two tags. The inner one is that
 * of the address. */
static __attribute__((noinline)) int hf_parse_other(struct xdp_md *ctx,
						    struct hf_incoming *in)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 tci = 0;
	__u16 type;
	int i, what;

	in->more = 0;
#pragma unroll
	for (i = 0; i < 2; i++) {
		if (data + HF_AT_IP + HF_TAG_BYTES > data_end)
			return HF_PARSE_PASS;
		type = HF_W16(data, HF_AT_ETHERTYPE);
		if (type != HF_HTONS(ETH_P_8021Q) &&
		    type != HF_HTONS(ETH_P_8021AD))
			break;
		tci = HF_NTOHS(HF_W16(data, HF_AT_ETHERTYPE + 2));
		data += HF_TAG_BYTES;
		in->more += HF_TAG_BYTES;
	}
	if (data + HF_AT_IP > data_end)
		return HF_PARSE_PASS;
	if (HF_W16(data, HF_AT_ETHERTYPE) != HF_HTONS(ETH_P_IPV6))
		return hf_parse_ip4(data, data_end, tci, in);
	what = hf_parse_ip6(data, data_end, tci, in);
	in->more += HF_IP6_MORE;
	return what;
}

/* in->ifindex is set. */
static __always_inline int hf_parse(struct xdp_md *ctx, void *data,
				    void *data_end, struct hf_incoming *in)
{
	in->more = 0;
	if (data + HF_AT_IP > data_end)
		return HF_PARSE_PASS;
	if (HF_W16(data, HF_AT_ETHERTYPE) == HF_HTONS(ETH_P_IP))
		return hf_parse_ip4(data, data_end, 0, in);
	return hf_parse_other(ctx, in);
}

#endif
