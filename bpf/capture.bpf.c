// SPDX-License-Identifier: GPL-2.0
/*
 * One leg's packets, copied as they are on the wire, for a capture file. These
 * programs hook what runs anyway (fentry and fexit) and are attached only while
 * somebody captures (ctl/capture), so that there is nothing in the
 * packet path itself: not even a test of a flag.
 *
 *   hf_capture_in        entry of hf_receive     what comes in, RTP and RTCP
 *   hf_capture_out       exit of hf_receive,     what goes out: turned around,
 *   hf_capture_gathered  of hf_gathered,         relayed,
 *   hf_capture_paced     of hf_paced             or paced by live frames
 *   hf_capture_stack     net_dev_start_xmit      what holdfast-mediad sends by
 *   hf_capture_direct    __dev_direct_xmit       sockets: RTCP, and packets
 *
 * Which packets are the leg's is told by the packet itself: to or from the
 * leg's own address and one of its two ports, behind up to two VLAN tags.
 */
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include <holdfast/capture.h>

struct xdp_buff {
	void *data;
	void *data_end;
} __attribute__((preserve_access_index));

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct sock *sk;
	unsigned int len;
	unsigned int data_len;
	unsigned char *data;
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, HF_CAPTURE_RING_BYTES);
} captured SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hf_captured);
} scratch SEC(".maps");

const volatile struct hf_capture_leg leg;
const volatile __u32 network; /* inode of its namespace */
/* Packets that did not fit into the ring, or were not read whole. */
__u64 lost;

#define AF_PACKET 17
#define AT_TYPE 12
/* Enough for two tags, IPv4 with options, and ports: told from these alone. */
#define HEADERS 96

/* Where the IP header begins; 0 if there is none of the leg's family. */
static __always_inline __u32 ip_at(const __u8 *b, __u32 len)
{
	__u32 at = AT_TYPE;
	__u16 type;
	int i;

	for (i = 0; i < 3; i++) {
		if (at + 2 > len || at > AT_TYPE + 8)
			return 0;
		type = (__u16)(b[at] << 8 | b[at + 1]);
		at += 2;
		if (type != 0x8100 && type != 0x88a8)
			break;
		at += 2;
	}
	return type == (leg.family == 6 ? 0x86dd : 0x0800) ? at : 0;
}

static __always_inline int same_address(const __u8 *b)
{
	__u32 n = leg.family == 6 ? 16 : 4;
	__u32 i;

	for (i = 0; i < 16; i++)
		if (i < n && b[i] != leg.address[i])
			return 0;
	return 1;
}

static __always_inline int same_port(const __u8 *b)
{
	__u16 port = (__u16)(b[0] << 8 | b[1]);

	return port == leg.port || port == leg.port + 1;
}

/* Is it UDP of the leg in this direction? */
static __always_inline int is_ours(const __u8 *b, __u32 len, int out)
{
	__u32 at = ip_at(b, len), address, udp;

	if (at < 14 || at > 22 || len < at + 20)
		return 0;
	if (b[at + (leg.family == 6 ? 6 : 9)] != 17)
		return 0;
	address = leg.family == 6 ? (out ? 8 : 24) : (out ? 12 : 16);
	udp = leg.family == 6 ? 40 : (b[at] & 15) * 4;
	if (udp < 20 || udp > 60 || len < at + udp + 4)
		return 0;
	return same_address(b + at + address) &&
	       same_port(b + at + udp + (out ? 0 : 2));
}

static __always_inline int take(const void *data, __u64 len, int out)
{
	struct hf_captured *c;
	__u32 zero = 0, bytes;

	c = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || len < 14)
		return 0;
	bytes = len < HEADERS ? (__u32)len : HEADERS;
	asm volatile("" : "+r"(bytes));
	if (bytes > HEADERS || bpf_probe_read_kernel(c->bytes, bytes, data) ||
	    !is_ours(c->bytes, bytes, out))
		return 0;
	bytes = len > HF_CAPTURE_BYTES ? HF_CAPTURE_BYTES : (__u32)len;
	asm volatile("" : "+r"(bytes));
	if (bytes > HF_CAPTURE_BYTES ||
	    bpf_probe_read_kernel(c->bytes, bytes, data))
		return 0;
	c->at_ns = bpf_ktime_get_ns();
	c->length = (__u32)len;
	c->taken = (__u16)bytes;
	c->out = (__u16)out;
	bytes += offsetof(struct hf_captured, bytes);
	if (bytes > sizeof(*c) || bpf_ringbuf_output(&captured, c, bytes, 0))
		__sync_fetch_and_add(&lost, 1);
	return 0;
}

static __always_inline int take_xdp(struct xdp_buff *xdp, int out)
{
	return take(xdp->data, xdp->data_end - xdp->data, out);
}

SEC("fentry/hf_receive")
int BPF_PROG(hf_capture_in, struct xdp_buff *xdp)
{
	return take_xdp(xdp, 0);
}

/* What is dropped, or waits to be gathered, is not sent. */
SEC("fexit/hf_receive")
int BPF_PROG(hf_capture_out, struct xdp_buff *xdp, int verdict)
{
	return verdict == XDP_TX || verdict == XDP_REDIRECT ? take_xdp(xdp, 1) :
							      0;
}

SEC("fexit/hf_gathered")
int BPF_PROG(hf_capture_gathered, struct xdp_buff *xdp, int verdict)
{
	return verdict == XDP_PASS ? take_xdp(xdp, 1) : 0;
}

SEC("fexit/hf_paced")
int BPF_PROG(hf_capture_paced, struct xdp_buff *xdp, int verdict)
{
	return verdict == XDP_REDIRECT ? take_xdp(xdp, 1) : 0;
}

/* In the network of the instance: a bridge elsewhere passes the same packet on. */
static __always_inline int take_skb(struct sk_buff *skb)
{
	if (skb->dev->nd_net.net->ns.inum != network)
		return 0;
	return take(skb->data, skb->len - skb->data_len, 1);
}

/* What a packet socket sent was taken below; a bond or bridge passes it on to the
 * device behind it. */
SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(hf_capture_stack, struct sk_buff *skb)
{
	if (BPF_CORE_READ(skb, sk, __sk_common.skc_family) == AF_PACKET)
		return 0;
	return take_skb(skb);
}

SEC("fentry/__dev_direct_xmit")
int BPF_PROG(hf_capture_direct, struct sk_buff *skb)
{
	return take_skb(skb);
}

char LICENSE[] SEC("license") = "GPL";
