// SPDX-License-Identifier: GPL-2.0
/*
 * The maps of ABI 1, the layout before what a packet touches was packed: names,
 * types and sizes as its holdfastd pinned them (of 200 legs), and for its
 * hf_receive a program that answers what comes to our ports, so that a test
 * hears whether the programs of before still run. tests/e2e/test_upgrade.py
 * makes of it what an upgrade finds.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define ARRAY(name, entries, bytes)                \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__uint(value_size, bytes);         \
	} name SEC(".maps")

#define BUCKETS 110 /* of the wheel: 10, 20, 30 and 50 ms */

ARRAY(instance, 1, 808);
ARRAY(legs, 200, 256);
ARRAY(frames, 1024, 192);
ARRAY(nexthops, 65536, 64);
ARRAY(wheel, BUCKETS * 16, 8);
ARRAY(wheel_fill, BUCKETS, 8);
ARRAY(work, 1, 8288);
ARRAY(heard, 200, 64);
ARRAY(marks, 200, 8);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} happenings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u32);
} devmap SEC(".maps");

struct packet {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
} __attribute__((packed));

SEC("xdp")
int hf_receive(struct xdp_md *ctx)
{
	struct packet *p = (void *)(long)ctx->data;
	unsigned char mac[ETH_ALEN];
	__be16 port;
	__be32 ip;

	if ((void *)(p + 1) > (void *)(long)ctx->data_end ||
	    p->eth.h_proto != bpf_htons(ETH_P_IP) ||
	    p->ip.protocol != IPPROTO_UDP || p->ip.ihl != 5 ||
	    bpf_ntohs(p->udp.dest) < 20000 || bpf_ntohs(p->udp.dest) > 20199)
		return XDP_PASS;
	__builtin_memcpy(mac, p->eth.h_dest, ETH_ALEN);
	__builtin_memcpy(p->eth.h_dest, p->eth.h_source, ETH_ALEN);
	__builtin_memcpy(p->eth.h_source, mac, ETH_ALEN);
	ip = p->ip.daddr;
	p->ip.daddr = p->ip.saddr;
	p->ip.saddr = ip;
	port = p->udp.dest;
	p->udp.dest = p->udp.source;
	p->udp.source = port;
	p->udp.check = 0;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
