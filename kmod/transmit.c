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
 *    have no queue to lock;
 *  - through the stack, one by one, for peers on this host.
 *
 * Runs in the tick: bottom halves are off and RCU is read-locked, so a device
 * found by its index stays until the batch is flushed.
 */
#include <linux/etherdevice.h>
#include <linux/if_bridge.h>
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <net/ip.h>
#include <net/route.h>

#include <holdfast/hold_packet.h>

#include "compat.h"
#include "holdfast.h"

/*
 * Memory for frames: pages that a CPU takes again once what was in them is sent,
 * the first ones first, so that they stay in its cache. The system's allocator
 * would clear a page each time (init_on_alloc), which costs more than sending.
 */
#define HF_PAGES 256 /* frames of one tick, until their device is done */
struct hf_memory {
	struct page *page[HF_PAGES];
	unsigned int at, left; /* the page in use, and bytes of it */
};

static DEFINE_PER_CPU(struct hf_memory, hf_memory);

static bool hf_page_in_flight(struct page *page)
{
	return page && page_ref_count(page) > 1;
}

static void *hf_memory_get(unsigned int bytes)
{
	struct hf_memory *m = this_cpu_ptr(&hf_memory);
	struct page **page = &m->page[m->at];

	if (m->left < bytes) {
		m->at = hf_page_in_flight(m->page[0]) ? (m->at + 1) % HF_PAGES : 0;
		page = &m->page[m->at];
		if (hf_page_in_flight(*page)) {
			put_page(*page);
			*page = NULL;
		}
		if (!*page)
			*page = alloc_page(GFP_ATOMIC | __GFP_NOMEMALLOC | __GFP_NOWARN);
		m->left = *page ? PAGE_SIZE : 0;
		if (!*page)
			return NULL;
	}
	m->left -= bytes;
	get_page(*page);
	return page_address(*page) + m->left;
}

void hf_memory_free(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu)
		for (i = 0; i < HF_PAGES; i++)
			if (per_cpu(hf_memory, cpu).page[i])
				put_page(per_cpu(hf_memory, cpu).page[i]);
}

static unsigned int hf_ip_bytes(const struct hf_packet *p)
{
	return HF_HOLD_HEADERS + p->bytes;
}

static unsigned int hf_link_bytes(const struct hf_packet *p)
{
	return p->hop.flags & HF_HOP_VLAN ? VLAN_ETH_HLEN : ETH_HLEN;
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

/*
 * The whole frame. The payload goes by words: for so little the processor's own
 * copying takes longer to begin than to copy. The last word may write up to
 * seven bytes behind the frame, where there is room (HF_SLACK) and nobody reads.
 */
#define HF_SLACK 8
static void hf_build(u8 *at, const struct hf_packet *p)
{
	const u64 *from = (const u64 *)p->frame->payload;
	u8 *ip = hf_build_link(at, p), *to = ip + HF_HOLD_HEADERS;
	int left;

	hf_hold_headers_write(ip, &p->program, &p->due, &p->hop, p->bytes,
			      p->sum);
	for (left = p->bytes; left > 0; left -= 8, to += 8)
		put_unaligned(READ_ONCE(*from++), (u64 *)to);
}

static bool hf_is_stacked(const struct net_device *dev)
{
	return is_vlan_dev(dev) || netif_is_lag_master(dev) ||
	       netif_is_bridge_master(dev) || netif_is_macvlan(dev);
}

static void hf_refused(struct hf_batch *batch, unsigned int count)
{
	hf_count(batch->counters, HF_STAT_BUSY, count);
	batch->refused |= count > 0;
}

static void hf_flush_xdp(struct hf_batch *batch)
{
	struct xdp_frame **frame = (struct xdp_frame **)batch->item;
	int n, i;

	n = batch->dev->netdev_ops->ndo_xdp_xmit(batch->dev, batch->count,
						 frame, XDP_XMIT_FLUSH);
	n = max(n, 0);
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

/* Can it send for us, and how? Asked once for all its frames of a tick. */
static void hf_use_device(struct hf_batch *batch, u32 ifindex)
{
	struct net_device *dev = dev_get_by_index_rcu(batch->hold->net, ifindex);

	batch->ifindex = ifindex;
	batch->dev = NULL;
	if (!dev || !netif_running(dev) || !netif_carrier_ok(dev) ||
	    (dev->type != ARPHRD_ETHER && !(dev->flags & IFF_LOOPBACK)))
		return;
	batch->dev = dev;
	batch->mtu = READ_ONCE(dev->mtu);
	batch->raw = batch->hold->xdp_xmit && dev->netdev_ops->ndo_xdp_xmit &&
		     dev_xdp_prog_count(dev);
	/* What comes out of lo has to have come from this host's own stack. */
	batch->routed = batch->hold->plain || dev->flags & IFF_LOOPBACK;
}

static bool hf_claim_counted(struct hf_batch *batch, const struct hf_packet *p,
			     u64 *word, u64 old)
{
	if (hf_claim(word, old, p->due.next))
		return true;
	hf_count(batch->counters, HF_STAT_LOST, 1);
	return false;
}

static void hf_finish_skb(struct sk_buff *skb, struct hf_batch *batch,
			  unsigned int link, unsigned int len)
{
	skb_reserve(skb, XDP_PACKET_HEADROOM);
	skb_put(skb, len);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, link);
	skb_set_transport_header(skb, link + sizeof(struct iphdr));
	skb->protocol = htons(link == ETH_HLEN ? ETH_P_IP : ETH_P_8021Q);
	skb->dev = batch->dev;
}

static void hf_finish_xdp(struct xdp_frame *frame, unsigned int len,
			  unsigned int size)
{
	memset(frame, 0, sizeof(*frame));
	frame->data = (u8 *)frame + XDP_PACKET_HEADROOM;
	frame->len = len;
	frame->headroom = XDP_PACKET_HEADROOM - sizeof(*frame);
	frame->frame_sz = size;
	hf_frame_page_shared(frame);
}

/* Into the batch, as a packet or as an XDP frame. */
static bool hf_transmit_batched(struct hf_batch *batch, struct hf_packet *p,
				u64 *word, u64 old)
{
	unsigned int link = hf_link_bytes(p), len = link + hf_ip_bytes(p), size;
	void *memory, *item;

	/* Room in front spares a device whose peer runs XDP (veth) a copy. */
	size = SKB_DATA_ALIGN(XDP_PACKET_HEADROOM + len + HF_SLACK) +
	       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	memory = hf_memory_get(size);
	item = memory;
	if (memory && !batch->raw)
		item = napi_build_skb(memory, size);
	if (!item) {
		if (memory)
			skb_free_frag(memory);
		hf_count(batch->counters, HF_STAT_NO_MEMORY, 1);
		return false;
	}
	if (!hf_claim_counted(batch, p, word, old)) {
		if (batch->raw)
			skb_free_frag(memory);
		else
			kfree_skb(item);
		return false;
	}
	hf_build(memory + XDP_PACKET_HEADROOM, p);
	if (batch->raw)
		hf_finish_xdp(memory, len, size);
	else
		hf_finish_skb(item, batch, link, len);
	batch->item[batch->count++] = item;
	return true;
}

/* Who does not keep the payload's sum adds it all up. */
static void hf_check_in_full(struct sk_buff *skb, const struct hf_program *g)
{
	struct udphdr *udp = udp_hdr(skb);
	unsigned int len = skb->len - sizeof(struct iphdr);

	udp->check = 0;
	udp->check = csum_tcpudp_magic(g->local_ip4, g->remote_ip4, len, IPPROTO_UDP,
				       csum_partial(udp, len, 0)) ?: CSUM_MANGLED_0;
}

/*
 * One allocation, one route lookup, one trip through the stack for each frame:
 * for peers on this host, and to be measured against (the flag `plain`).
 */
static bool hf_transmit_routed(struct hf_batch *batch, struct hf_packet *p,
			       u64 *word, u64 old)
{
	struct hf_program *g = &p->program;
	struct net *net = batch->hold->net;
	struct sk_buff *skb;
	struct flowi4 fl4;
	struct rtable *rt;

	skb = alloc_skb(LL_MAX_HEADER + hf_ip_bytes(p), GFP_ATOMIC);
	if (!skb) {
		hf_count(batch->counters, HF_STAT_NO_MEMORY, 1);
		return false;
	}
	if (!hf_claim_counted(batch, p, word, old))
		goto drop;
	rt = ip_route_output_ports(net, &fl4, NULL, g->remote_ip4, g->local_ip4,
				   g->remote_port, g->local_port, IPPROTO_UDP,
				   0, 0);
	if (IS_ERR(rt)) {
		hf_count(batch->counters, HF_STAT_NO_HOP, 1);
		goto drop;
	}
	skb_dst_set(skb, &rt->dst);
	skb_reserve(skb, LL_MAX_HEADER);
	skb_reset_network_header(skb);
	hf_hold_headers_write(skb_put(skb, HF_HOLD_HEADERS), g, &p->due,
			      &p->hop, p->bytes, p->sum);
	skb_put_data(skb, p->frame->payload, p->bytes);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	if (batch->hold->plain)
		hf_check_in_full(skb, g);
	skb->protocol = htons(ETH_P_IP);
	ip_local_out(net, NULL, skb);
	return true;

drop:
	kfree_skb(skb);
	return false;
}

bool hf_transmit(struct hf_batch *batch, struct hf_packet *packet, u64 *word,
		 u64 old)
{
	if (!batch->ifindex || batch->ifindex != packet->hop.ifindex) {
		hf_batch_flush(batch);
		hf_use_device(batch, packet->hop.ifindex);
	}
	if (!batch->dev || hf_ip_bytes(packet) > batch->mtu) {
		hf_count(batch->counters, HF_STAT_NO_HOP, 1);
		return false;
	}
	if (batch->routed)
		return hf_transmit_routed(batch, packet, word, old);
	if (batch->count == HF_BATCH)
		hf_batch_flush(batch);
	return hf_transmit_batched(batch, packet, word, old);
}
