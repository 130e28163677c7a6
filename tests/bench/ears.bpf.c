// SPDX-License-Identifier: GPL-2.0
/*
 * Ears and mouths of the benchmarks of calls, on the far end of the veth pair.
 * `talk` makes a packet of each blank frame it is given (BPF_PROG_TEST_RUN with
 * live frames), of one talker after the other. `listen` takes every RTP packet
 * off the wire and keeps count for its port: a gap in the sequence is loss.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "ears.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_PORTS);
	__type(key, __u32);
	__type(value, struct heard);
} ears SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_PORTS);
	__type(key, __u32);
	__type(value, struct talker);
} talkers SEC(".maps");

struct rtp {
	__u8 v, pt;
	__be16 seq;
	__be32 ts, ssrc;
};

/* The next talker to have a word, the number of the turn; one thread's. */
__u32 talk_at, talk_turn, talk_step;
__u32 talk_device;
__u8 talk_macs[12];

static __always_inline void hear(struct heard *h, const struct rtp *r)
{
	__u16 seq = bpf_ntohs(r->seq);
	__u64 now = bpf_ktime_get_ns();
	__u32 ts = bpf_ntohl(r->ts);

	if (h->packets && h->ssrc == r->ssrc) {
		__u16 step = seq - h->seq;

		if (step > 1 && step < 0x8000)
			h->lost += step - 1;
		if (!step || step >= 0x8000 || (__s32)(ts - h->ts) <= 0)
			h->wrong++;
		if (now - h->last_ns > h->longest_ns)
			h->longest_ns = now - h->last_ns;
	} else {
		h->streams++;
	}
	h->ssrc = r->ssrc;
	h->seq = seq;
	h->ts = ts;
	h->last_ns = now;
	h->packets++;
}

SEC("xdp")
int listen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp = (void *)(ip + 1);
	struct rtp *rtp = (void *)(udp + 1);
	struct heard *h;
	__u32 port;

	if ((void *)(rtp + 1) > end || ip->protocol != 17 || ip->ihl != 5 ||
	    udp->source == bpf_htons(5060) || rtp->v >> 6 != 2)
		return XDP_PASS;
	if (rtp->pt >= 200 && rtp->pt <= 207)
		return XDP_DROP;
	port = bpf_ntohs(udp->dest);
	h = bpf_map_lookup_elem(&ears, &port);
	if (h)
		hear(h, rtp);
	return XDP_DROP;
}

static __always_inline void say(void *data, const struct talker *t)
{
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	struct udphdr *udp = (void *)(ip + 1);
	struct rtp *rtp = (void *)(udp + 1);

	__builtin_memcpy(eth, talk_macs, 12);
	eth->h_proto = bpf_htons(ETH_P_IP);
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->ttl = 64;
	ip->protocol = 17;
	ip->tot_len = bpf_htons(TALK_BYTES - sizeof(*eth));
	ip->saddr = t->from_ip4;
	ip->daddr = t->to_ip4;
	ip->check = t->ip_sum;
	udp->source = t->from_port;
	udp->dest = t->to_port;
	udp->len = bpf_htons(TALK_BYTES - sizeof(*eth) - sizeof(*ip));
	udp->check = 0;
	rtp->v = 0x80;
	rtp->pt = 0;
	rtp->seq = bpf_htons(talk_turn);
	rtp->ts = bpf_htonl(talk_turn * talk_step);
	rtp->ssrc = bpf_htonl(t->own_port);
}

SEC("xdp")
int talk(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct talker *t;
	__u32 at = talk_at;

	talk_at = at + 1;
	t = bpf_map_lookup_elem(&talkers, &at);
	if (!t || !t->to_port || data + TALK_BYTES > end)
		return XDP_DROP;
	say(data, t);
	return bpf_redirect(talk_device, 0);
}

char _license[] SEC("license") = "GPL";
