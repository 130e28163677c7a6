/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is this packet for one of our legs, and which? hf_parse() says so:
 *
 *   HF_PARSE_PASS    not ours: leave it to the stack, untouched and uncounted
 *   HF_PARSE_RTP     ours; *in is filled, a whole RTP header can be read
 *   HF_PARSE_RTCP    ours, on a leg's RTCP port
 *   HF_PARSE_LENGTH  ours, but truncated or its lengths contradict
 *
 * Lengths are those of the IP and UDP headers; the buffer only bounds them,
 * because Ethernet pads short packets and drivers may leave more behind.
 * Other families come in here: they fill the same struct.
 */
#ifndef HF_BPF_PARSE_H
#define HF_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <holdfast/rtp.h>
#include "maps.h"
#include "wire.h"

enum hf_parsed {
	HF_PARSE_PASS,
	HF_PARSE_RTP,
	HF_PARSE_RTCP,
	HF_PARSE_LENGTH,
};

struct hf_incoming {
	__u32 leg;
	__u32 ifindex;	 /* where it came in */
	__u32 here_only; /* and it can be sent by that device only */
	__u32 udp_len; /* host order, with the UDP header */
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
};

/* The leg that listens at this address and port; 0 if none could. */
static __always_inline int hf_leg_index(__be32 daddr, __u32 port, __u32 *leg)
{
	const struct hf_instance *in;
	__u32 zero = 0;
	int i;

	in = bpf_map_lookup_elem(&instance, &zero);
	if (!in || !daddr)
		return 0;
#pragma unroll
	for (i = 0; i < HF_MAX_ADDRESSES; i++) {
		const struct hf_address *a = &in->address[i];

		if ((__u32)i >= in->addresses)
			return 0;
		if (a->ip4 != daddr)
			continue;
		if (port < a->port_min || port > a->port_max)
			return 0;
		*leg = a->leg_base + ((port - a->port_min) >> 1);
		return 1;
	}
	return 0;
}

static __always_inline int hf_parse(void *data, void *data_end,
				    struct hf_incoming *in)
{
	__u32 port, ip_len;

	if (data + HF_AT_RTP > data_end)
		return HF_PARSE_PASS;
	if (HF_W16(data, HF_AT_ETHERTYPE) != HF_HTONS(ETH_P_IP) ||
	    HF_W8(data, HF_AT_IP) != 0x45 ||
	    HF_W8(data, HF_AT_IP_PROTOCOL) != IPPROTO_UDP ||
	    (HF_W16(data, HF_AT_IP_FRAG) & HF_HTONS(HF_IP_FRAGMENT)))
		return HF_PARSE_PASS;
	port = HF_NTOHS(HF_W16(data, HF_AT_UDP + 2));
	if (!hf_leg_index(HF_W32(data, HF_AT_IP_DADDR), port, &in->leg))
		return HF_PARSE_PASS;

	in->saddr = HF_W32(data, HF_AT_IP_SADDR);
	in->daddr = HF_W32(data, HF_AT_IP_DADDR);
	in->sport = HF_W16(data, HF_AT_UDP);
	in->dport = HF_W16(data, HF_AT_UDP + 2);
	in->udp_len = HF_NTOHS(HF_W16(data, HF_AT_UDP_LEN));
	ip_len = HF_NTOHS(HF_W16(data, HF_AT_IP_LEN));
	if (port & 1)
		return HF_PARSE_RTCP;
	if (in->udp_len < 8 + HF_RTP_BYTES || in->udp_len + 20 > ip_len ||
	    data + HF_AT_PAYLOAD > data_end ||
	    (__u64)(data_end - data) < HF_AT_UDP + (__u64)in->udp_len)
		return HF_PARSE_LENGTH;
	return HF_PARSE_RTP;
}

#endif
