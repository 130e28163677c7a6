// SPDX-License-Identifier: GPL-2.0
/*
 * How a frame goes out. Memory first, then the claim, then the bytes: once a
 * frame is claimed nothing can fail but the device's queue. Frames for one
 * device are collected and handed over with its queue locked once:
 *
 *  - as packets (page fragments) straight to the driver, the default;
 *  - as XDP frames to ndo_xdp_xmit, if asked for and the device has an XDP
 *    program of its own;
 *  - through dev_queue_xmit() for stacked devices (VLAN, bond, bridge), which
 *    have no queue to lock.
 *
 * Runs in the tick: bottom halves are off and RCU is read-locked, so a device
 * found by its index stays until the batch is flushed.
 */
#include <linux/etherdevice.h>
#include <linux/if_bridge.h>
#include <linux/if_macvlan.h>
#include <linux/if_team.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/bonding.h>
#include <net/ip.h>
#include <net/route.h>

#include <holdfast/csum.h>

#include "compat.h"
#include "holdfast.h"

#define HF_RTP_HEADER 12
#define HF_TTL 64

struct hf_rtp_header {
	__be16 bits; /* version 2, marker, payload type */
	__be16 seq;
	__be32 timestamp;
	__be32 ssrc;
} __packed;

static u16 hf_udp_bytes(const struct hf_packet *p)
{
	return sizeof(struct udphdr) + HF_RTP_HEADER + p->bytes;
}

/* IPv4, UDP and RTP; every byte of a packet is written. */
static void hf_build(u8 *ip_start, const struct hf_packet *p)
{
	struct iphdr *ip = (struct iphdr *)ip_start;
	struct udphdr *udp = (struct udphdr *)(ip + 1);
	struct hf_rtp_header *rtp = (struct hf_rtp_header *)(udp + 1);
	const struct hf_program *g = &p->program;
	u16 udp_bytes = hf_udp_bytes(p);
	u64 sum;

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = p->hop.tos;
	ip->tot_len = htons(sizeof(*ip) + udp_bytes);
	ip->id = 0;
	ip->frag_off = htons(IP_DF);
	ip->ttl = p->hop.ttl ?: HF_TTL;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = g->local_ip4;
	ip->daddr = g->remote_ip4;
	ip->check = 0;
	ip->check = ip_fast_csum(ip_start, ip->ihl);
	udp->source = g->local_port;
	udp->dest = g->remote_port;
	udp->len = htons(udp_bytes);
	rtp->bits = htons(0x8000 | p->due.marker << 7 | (g->payload_type & 0x7f));
	rtp->seq = htons(p->due.seq);
	rtp->timestamp = htonl(p->due.timestamp);
	rtp->ssrc = g->ssrc;
	memcpy(rtp + 1, p->frame->payload, p->bytes);
	/* The payload's sum came with it, so this does not depend on its size. */
	sum = hf_csum_udp_header(g->local_ip4, g->remote_ip4, g->local_port,
				 g->remote_port, udp->len);
	sum += (__force u16)rtp->bits + (__force u16)rtp->seq;
	sum += (u64)(__force u32)rtp->timestamp + (__force u32)rtp->ssrc;
	sum += p->sum;
	udp->check = (__force __sum16)hf_csum_udp(sum);
}

/* Ethernet, with the tag of the hop; returns where IP begins. */
static u8 *hf_build_link(u8 *at, const struct hf_packet *p)
{
	struct vlan_ethhdr *vlan = (struct vlan_ethhdr *)at;
	struct ethhdr *eth = (struct ethhdr *)at;

	ether_addr_copy(eth->h_dest, p->hop.dmac);
	ether_addr_copy(eth->h_source, p->hop.smac);
	if (!(p->hop.flags & HF_HOP_VLAN)) {
		eth->h_proto = htons(ETH_P_IP);
		return at + ETH_HLEN;
	}
	vlan->h_vlan_proto = htons(ETH_P_8021Q);
	vlan->h_vlan_TCI = p->hop.vlan_tci;
	vlan->h_vlan_encapsulated_proto = htons(ETH_P_IP);
	return at + VLAN_ETH_HLEN;
}

static unsigned int hf_link_bytes(const struct hf_packet *p)
{
	return p->hop.flags & HF_HOP_VLAN ? VLAN_ETH_HLEN : ETH_HLEN;
}

static bool hf_is_stacked(const struct net_device *dev)
{
	return is_vlan_dev(dev) || netif_is_bond_master(dev) ||
	       netif_is_team_master(dev) || netif_is_bridge_master(dev) ||
	       netif_is_macvlan(dev) || netif_is_lag_master(dev);
}

static bool hf_takes_xdp(struct hf_hold *hold, struct net_device *dev)
{
	return hold->xdp_xmit && dev->netdev_ops->ndo_xdp_xmit &&
	       dev_xdp_prog_count(dev);
}

static void hf_refused(struct hf_batch *batch, unsigned int count)
{
	if (!count)
		return;
	hf_count(batch->counters, &batch->counters->busy, count);
	batch->refused = true;
}

static void hf_flush_xdp(struct hf_batch *batch)
{
	struct xdp_frame **frame = (struct xdp_frame **)batch->item;
	int n, i;

	n = batch->dev->netdev_ops->ndo_xdp_xmit(batch->dev, batch->count,
						 frame, XDP_XMIT_FLUSH);
	if (n < 0)
		n = 0;
	hf_refused(batch, batch->count - n);
	for (i = n; i < batch->count; i++)
		xdp_return_frame_rx_napi(frame[i]);
}

static void hf_flush_queue(struct hf_batch *batch)
{
	struct sk_buff **skb = (struct sk_buff **)batch->item;
	struct net_device *dev = batch->dev;
	unsigned int i = 0, q;
	struct netdev_queue *txq;

	q = smp_processor_id() % dev->real_num_tx_queues;
	txq = netdev_get_tx_queue(dev, q);
	HARD_TX_LOCK(dev, txq, smp_processor_id());
	for (; i < batch->count; i++) {
		if (netif_xmit_frozen_or_drv_stopped(txq))
			break;
		skb_set_queue_mapping(skb[i], q);
		if (!dev_xmit_complete(netdev_start_xmit(skb[i], dev, txq,
							 i + 1 < batch->count)))
			break; /* still ours */
	}
	HARD_TX_UNLOCK(dev, txq);
	hf_refused(batch, batch->count - i);
	for (; i < batch->count; i++)
		kfree_skb(skb[i]);
}

void hf_batch_flush(struct hf_batch *batch)
{
	unsigned int i;

	if (!batch->count)
		return;
	if (batch->raw)
		hf_flush_xdp(batch);
	else if (hf_is_stacked(batch->dev))
		for (i = 0; i < batch->count; i++)
			dev_queue_xmit(batch->item[i]);
	else
		hf_flush_queue(batch);
	batch->count = 0;
}

/* The device of the hop, up and in our namespace; NULL is counted. */
static struct net_device *hf_device(struct hf_batch *batch,
				    const struct hf_packet *p)
{
	struct net_device *dev = batch->dev;

	if (!dev || dev->ifindex != p->hop.ifindex) {
		hf_batch_flush(batch);
		dev = dev_get_by_index_rcu(batch->hold->net, p->hop.ifindex);
		batch->dev = dev;
		if (dev)
			batch->raw = hf_takes_xdp(batch->hold, dev);
	}
	if (!dev || !netif_running(dev) || !netif_carrier_ok(dev) ||
	    dev->type != ARPHRD_ETHER ||
	    sizeof(struct iphdr) + hf_udp_bytes(p) > READ_ONCE(dev->mtu)) {
		hf_count(batch->counters, &batch->counters->no_hop, 1);
		return NULL;
	}
	return dev;
}

static bool hf_claim_counted(struct hf_batch *batch, const struct hf_packet *p,
			     u64 *word, u64 old)
{
	if (hf_claim(word, old, p->due.next))
		return true;
	hf_count(batch->counters, &batch->counters->lost, 1);
	return false;
}

static bool hf_transmit_skb(struct hf_batch *batch, struct hf_packet *p,
			    u64 *word, u64 old)
{
	unsigned int link = hf_link_bytes(p), size;
	unsigned int len = link + sizeof(struct iphdr) + hf_udp_bytes(p);
	struct sk_buff *skb;
	void *memory;

	/* Room in front spares a device whose peer runs XDP (veth) a copy. */
	size = SKB_DATA_ALIGN(XDP_PACKET_HEADROOM + len) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	memory = napi_alloc_frag(size);
	if (!memory)
		goto no_memory;
	skb = napi_build_skb(memory, size);
	if (!skb) {
		skb_free_frag(memory);
		goto no_memory;
	}
	if (!hf_claim_counted(batch, p, word, old)) {
		kfree_skb(skb);
		return false;
	}
	skb_reserve(skb, XDP_PACKET_HEADROOM);
	hf_build(hf_build_link(skb_put(skb, len), p), p);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, link);
	skb_set_transport_header(skb, link + sizeof(struct iphdr));
	skb->protocol = htons(link == ETH_HLEN ? ETH_P_IP : ETH_P_8021Q);
	skb->dev = batch->dev;
	batch->item[batch->count++] = skb;
	return true;

no_memory:
	hf_count(batch->counters, &batch->counters->no_memory, 1);
	return false;
}

static bool hf_transmit_xdp(struct hf_batch *batch, struct hf_packet *p,
			    u64 *word, u64 old)
{
	unsigned int len = hf_link_bytes(p) + sizeof(struct iphdr) + hf_udp_bytes(p);
	unsigned int size = SKB_DATA_ALIGN(XDP_PACKET_HEADROOM + len) +
			    SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct xdp_frame *frame = napi_alloc_frag(size);

	if (!frame) {
		hf_count(batch->counters, &batch->counters->no_memory, 1);
		return false;
	}
	if (!hf_claim_counted(batch, p, word, old)) {
		skb_free_frag(frame);
		return false;
	}
	memset(frame, 0, sizeof(*frame));
	frame->data = (u8 *)frame + XDP_PACKET_HEADROOM;
	frame->len = len;
	frame->headroom = XDP_PACKET_HEADROOM - sizeof(*frame);
	frame->frame_sz = size;
	hf_frame_page_shared(frame);
	hf_build(hf_build_link(frame->data, p), p);
	batch->item[batch->count++] = frame;
	return true;
}

/*
 * One allocation, one route lookup, one trip through the stack for each frame:
 * the straightforward way, kept to be measured against.
 */
static bool hf_transmit_plain(struct hf_batch *batch, struct hf_packet *p,
			      u64 *word, u64 old)
{
	unsigned int len = sizeof(struct iphdr) + hf_udp_bytes(p);
	struct net *net = batch->hold->net;
	struct sk_buff *skb;
	struct udphdr *udp;
	struct flowi4 fl4;
	struct rtable *rt;

	skb = alloc_skb(LL_MAX_HEADER + len, GFP_ATOMIC);
	if (!skb) {
		hf_count(batch->counters, &batch->counters->no_memory, 1);
		return false;
	}
	if (!hf_claim_counted(batch, p, word, old)) {
		kfree_skb(skb);
		return false;
	}
	rt = ip_route_output_ports(net, &fl4, NULL, p->program.remote_ip4,
				   p->program.local_ip4, p->program.remote_port,
				   p->program.local_port, IPPROTO_UDP, 0, 0);
	if (IS_ERR(rt)) {
		kfree_skb(skb);
		hf_count(batch->counters, &batch->counters->no_hop, 1);
		return false;
	}
	skb_dst_set(skb, &rt->dst);
	skb_reserve(skb, LL_MAX_HEADER);
	hf_build(skb_put(skb, len), p);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	udp = udp_hdr(skb);
	udp->check = 0;
	udp->check = csum_tcpudp_magic(p->program.local_ip4,
				       p->program.remote_ip4, hf_udp_bytes(p),
				       IPPROTO_UDP,
				       csum_partial(udp, hf_udp_bytes(p), 0));
	if (!udp->check)
		udp->check = CSUM_MANGLED_0;
	skb->protocol = htons(ETH_P_IP);
	ip_local_out(net, NULL, skb);
	return true;
}

bool hf_transmit(struct hf_batch *batch, struct hf_packet *packet, u64 *word,
		 u64 old)
{
	if (batch->hold->plain)
		return hf_transmit_plain(batch, packet, word, old);
	if (!hf_device(batch, packet))
		return false;
	if (batch->count == HF_BATCH)
		hf_batch_flush(batch);
	if (batch->raw)
		return hf_transmit_xdp(batch, packet, word, old);
	return hf_transmit_skb(batch, packet, word, old);
}
