// SPDX-License-Identifier: GPL-2.0
/*
 * The other ends of the data path benchmark: bench_generate makes a packet for
 * the next leg in the order it is given, bench_reflect is the floor that the
 * data path is compared with (swap the MACs, send back), bench_sink counts and
 * drops what comes back, or keeps it to be compared byte by byte.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <holdfast/abi.h>
#include <holdfast/csum.h>
#include "dataplane.h"
#include "reflect.h"
#include "wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_LEGS);
	__type(key, __u32);
	__type(value, __u32);
} order SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_LEGS);
	__type(key, __u32);
	__type(value, struct bench_kept);
} kept SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_kept);
} bare SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u32);
} bare_devmap SEC(".maps");

/* The packet is the template of BPF_PROG_TEST_RUN; what differs from call to
 * call is written here, with a right checksum. */
SEC("xdp")
int bench_generate(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const __u32 *leg;
	struct bench_control *c;
	__u32 zero = 0, at, saddr, daddr, ports;
	__u64 sum;

	c = bpf_map_lookup_elem(&control, &zero);
	if (!c || data + BENCH_PACKET > data_end)
		return XDP_ABORTED;
	at = c->generated++;
	if (c->generated == BENCH_LEGS)
		c->generated = 0;
	leg = bpf_map_lookup_elem(&order, &at);
	if (!leg)
		return XDP_ABORTED;
	saddr = HF_HTONL(BENCH_REMOTE + *leg);
	daddr = HF_HTONL(BENCH_ANCHOR + *leg / BENCH_LEGS_EACH);
	ports = HF_HTONL((__u32)BENCH_REMOTE_PORT << 16 |
			 (BENCH_PORT_MIN + 2 * (*leg % BENCH_LEGS_EACH)));
	/* Pages come back as they were left: all that hold and relay read.
	 * (Hold does not read the payload, and relay leaves it as it is.) */
	HF_W64(data, 0) = c->macs[0];
	HF_W32(data, 8) = (__u32)c->macs[1];
	HF_W32(data, HF_AT_IP_SADDR) = saddr;
	HF_W32(data, HF_AT_IP_DADDR) = daddr;
	HF_W32(data, HF_AT_UDP) = ports;
	HF_W16(data, HF_AT_RTP) = c->first;
	HF_W16(data, HF_AT_RTP_SEQ) = c->seq;
	HF_W32(data, HF_AT_RTP_TS) = c->timestamp;
	HF_W32(data, HF_AT_RTP_SSRC) = saddr;
	sum = c->sum + saddr + daddr + ports + saddr;
	HF_W16(data, HF_AT_UDP_CHECK) = hf_csum_udp(sum);
	return (int)bpf_redirect(c->out, 0);
}

SEC("xdp")
int bench_reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	return data + 14 <= data_end ? bench_send_back(data) : XDP_PASS;
}

/*
 * A bare live-frames sender: one ready-made packet, to one device. Live frames
 * come out of a pool of pages that are as their last user left them, so whoever
 * sends one writes all of it; and as any sender to more than one device would,
 * it sends through a devmap.
 */
SEC("xdp")
int bench_bare(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct bench_kept *ready;
	struct bench_control *c;
	__u32 zero = 0;
	int i;

	c = bpf_map_lookup_elem(&control, &zero);
	ready = bpf_map_lookup_elem(&bare, &zero);
	if (!c || !ready || data + BENCH_PACKET > data_end)
		return XDP_ABORTED;
#pragma unroll
	for (i = 0; i + 8 <= BENCH_PACKET; i += 8)
		HF_W64(data, i) = HF_W64(ready->bytes, i);
	HF_W32(data, i) = HF_W32(ready->bytes, i);
	HF_W16(data, i + 4) = HF_W16(ready->bytes, i + 4);
	return (int)bpf_redirect_map(&bare_devmap, c->bare_out, XDP_DROP);
}

SEC("xdp")
int bench_sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct bench_control *c;
	struct bench_kept *k;
	__u32 zero = 0, at;
	int i;

	c = bpf_map_lookup_elem(&control, &zero);
	if (!c)
		return XDP_DROP;
	at = c->returned++;
	if (!c->keep || data + BENCH_PACKET > data_end)
		return XDP_DROP;
	k = bpf_map_lookup_elem(&kept, &at);
	if (!k)
		return XDP_DROP;
	k->len = (__u64)(data_end - data);
#pragma unroll
	for (i = 0; i + 8 <= BENCH_PACKET; i += 8)
		HF_W64(k->bytes, i) = HF_W64(data, i);
	HF_W32(k->bytes, i) = HF_W32(data, i);
	HF_W16(k->bytes, i + 4) = HF_W16(data, i + 4);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
