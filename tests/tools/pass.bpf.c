// SPDX-License-Identifier: GPL-2.0
/*
 * Passes everything, but what is sent to UDP port 39999 it drops: media of calls
 * that a test has only for their number. A veth device hands frames that XDP sent
 * on its peer to the stack only while it has an XDP program itself; the test stage
 * (tests/e2e/lib/net.py) puts this one on the far ends.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SINK_PORT 39999

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	const void *end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (void *)(eth + 1);
	const struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->ihl != 5 || ip->protocol != 17 ||
	    udp->dest != bpf_htons(SINK_PORT))
		return XDP_PASS;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
