// SPDX-License-Identifier: GPL-2.0
/*
 * The ears of the benchmarks of calls: on the far end of the veth pair, takes
 * every RTP packet off the wire and keeps count for its port. A gap in the
 * sequence is loss.
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
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct heard);
} ears SEC(".maps");

struct rtp {
	__u8 v, pt;
	__be16 seq;
	__be32 ts, ssrc;
};

static __always_inline void hear(struct heard *h, const struct rtp *r)
{
	__u16 seq = bpf_ntohs(r->seq);
	__u64 now = bpf_ktime_get_ns();

	if (h->packets && h->ssrc == r->ssrc) {
		__u16 step = seq - h->seq;

		if (step > 1 && step < 0x8000)
			h->lost += step - 1;
		if (now - h->last_ns > h->longest_ns)
			h->longest_ns = now - h->last_ns;
	} else {
		h->streams++;
	}
	h->ssrc = r->ssrc;
	h->seq = seq;
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

char _license[] SEC("license") = "GPL";
