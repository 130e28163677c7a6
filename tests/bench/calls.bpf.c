// SPDX-License-Identifier: GPL-2.0
/*
 * The far end of the bench of calls: calls_far takes every packet of a call off
 * the wire, counts it, and if asked to keeps account of its call's spacing and
 * sequence; calls_far_tc is the same for those who send packets of the stack,
 * cheaper for them than XDP. calls_talk is the callers, as live frames.
 * calls_eat, on the near end, is a receiver that drops all they say, calls_reflect
 * one that sends it back.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>
#include <holdfast/abi.h>
#include <holdfast/csum.h>
#include "calls.h"
#include "reflect.h"
#include "wire.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} arrived SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u32);
	__type(value, struct calls_heard);
} heard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CALLS_ERRORS_US);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct calls_talk);
} talk SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS_MAX);
	__type(key, __u32);
	__type(value, struct calls_least);
} least SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CALLS_LEAST_FRAMES);
	__type(key, __u32);
	__type(value, struct calls_least_frame);
} least_frames SEC(".maps");

static __always_inline void count(void)
{
	__u32 zero = 0;
	__u64 *n = bpf_map_lookup_elem(&arrived, &zero);

	if (n)
		++*n;
}

static __always_inline void spacing(struct calls_heard *h, __u32 ts, __u64 now)
{
	__u32 slots = (ts - h->timestamp) / 160;
	__s64 off = (__s64)((now - h->last_ns) / 1000) -
		    (__s64)slots * CALLS_PTIME_US;
	__u32 key = (__u32)(off < 0 ? -off : off);
	__u64 *n;

	if (key >= CALLS_ERRORS_US)
		key = CALLS_ERRORS_US - 1;
	n = bpf_map_lookup_elem(&errors, &key);
	if (n)
		++*n;
}

static __always_inline void listen_to(void *data)
{
	__u32 call = (HF_NTOHS(HF_W16(data, HF_AT_UDP + 2)) / 2) - CALLS_PORT;
	struct calls_heard *h = bpf_map_lookup_elem(&heard, &call);
	__u32 ts = HF_NTOHL(HF_W32(data, HF_AT_RTP_TS));
	__u16 seq = HF_NTOHS(HF_W16(data, HF_AT_RTP_SEQ));
	__u64 now = bpf_ktime_get_ns();

	if (!h)
		return;
	if (h->packets) {
		if (seq != (__u16)(h->seq + 1))
			h->wrong++;
		spacing(h, ts, now);
	}
	h->packets++;
	h->seq = seq;
	h->timestamp = ts;
	h->last_ns = now;
}

static __always_inline int is_call(void *data, void *data_end)
{
	return data + HF_AT_PAYLOAD <= data_end &&
	       HF_W16(data, HF_AT_ETHERTYPE) == HF_HTONS(0x0800) &&
	       HF_W8(data, HF_AT_IP_PROTOCOL) == 17;
}

SEC("xdp")
int calls_far(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct calls_talk *t;
	__u32 zero = 0;

	if (!is_call(data, data_end))
		return XDP_PASS;
	count();
	t = bpf_map_lookup_elem(&talk, &zero);
	if (t && t->listen && data + HF_AT_PAYLOAD <= data_end)
		listen_to(data);
	return XDP_DROP;
}

SEC("tc")
int calls_far_tc(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data;
	void *data_end = (void *)(long)skb->data_end;

	if (!is_call(data, data_end))
		return TC_ACT_OK;
	count();
	return TC_ACT_SHOT;
}

SEC("xdp")
int calls_eat(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	return is_call(data, data_end) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int calls_reflect(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	return is_call(data, data_end) ? bench_send_back(data) : XDP_PASS;
}

/* The packet goes back as the next frame of its call: no clock, no claim, no check
 * of who sent it, nothing counted. */
static __always_inline int hold_least(void *data, void *data_end)
{
	__u32 call = HF_NTOHS(HF_W16(data, HF_AT_UDP + 2)) / 2 - CALLS_PORT / 2;
	__u32 ports = HF_W32(data, HF_AT_UDP), key, first, ts;
	__u64 addresses = HF_W64(data, HF_AT_IP_SADDR), sum;
	struct calls_least *l = bpf_map_lookup_elem(&least, &call);
	const struct calls_least_frame *f;
	__u16 seq;
	int i;

	if (!l || data + CALLS_PACKET > data_end)
		return XDP_DROP;
	key = l->next++ % CALLS_LEAST_FRAMES;
	f = bpf_map_lookup_elem(&least_frames, &key);
	if (!f)
		return XDP_DROP;
	seq = HF_HTONS(l->seq++);
	ts = HF_HTONL(l->timestamp);
	l->timestamp += 160;
	first = (__u16)HF_HTONS(0x8008);
	HF_W64(data, HF_AT_IP_SADDR) = addresses >> 32 | addresses << 32;
	HF_W32(data, HF_AT_UDP) = ports >> 16 | ports << 16;
	HF_W16(data, HF_AT_RTP) = first;
	HF_W16(data, HF_AT_RTP_SEQ) = seq;
	HF_W32(data, HF_AT_RTP_TS) = ts;
	HF_W32(data, HF_AT_RTP_SSRC) = l->ssrc;
	sum = (addresses & 0xffffffff) + (addresses >> 32) + ports +
	      HF_HTONS(17) + 2 * HF_HTONS(180) + first + seq + ts + l->ssrc +
	      f->sum;
	HF_W16(data, HF_AT_UDP_CHECK) = hf_csum_udp(sum);
#pragma unroll
	for (i = 0; i < 160; i += 8)
		HF_W64(data, HF_AT_PAYLOAD + i) = HF_W64(f->payload, i);
	return bench_send_back(data);
}

SEC("xdp")
int calls_hold_least(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	return is_call(data, data_end) ? hold_least(data, data_end) : XDP_PASS;
}

SEC("xdp")
int calls_talk(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct calls_talk *t;
	__u32 zero = 0, i, ports, ts, ssrc;
	__u16 seq;
	__u64 sum;

	t = bpf_map_lookup_elem(&talk, &zero);
	if (!t || data + CALLS_PACKET > data_end)
		return XDP_ABORTED;
	i = t->next;
	t->next = i + 1;
	/* Calls come by in no order that memory could know. */
	i = i * CALLS_STEP % CALLS_MAX;
	ports = HF_HTONL((2 * CALLS_PORT + 2 * i) << 16 | (CALLS_PORT + 2 * i));
	seq = HF_HTONS((__u16)t->round);
	ts = HF_HTONL(t->round * 160);
	ssrc = HF_HTONL(0x1000 + i);
	if (t->next >= t->calls) {
		t->next = 0;
		t->round++;
	}
	for (i = 0; i + 8 <= CALLS_PACKET; i += 8)
		HF_W64(data, i) = HF_W64(t->packet, i);
	HF_W32(data, 208) = HF_W32(t->packet, 208);
	HF_W16(data, 212) = HF_W16(t->packet, 212);
	HF_W32(data, HF_AT_UDP) = ports;
	HF_W16(data, HF_AT_RTP_SEQ) = seq;
	HF_W32(data, HF_AT_RTP_TS) = ts;
	HF_W32(data, HF_AT_RTP_SSRC) = ssrc;
	sum = t->sum + ports + seq + ts + ssrc;
	HF_W16(data, HF_AT_UDP_CHECK) = hf_csum_udp(sum);
	return (int)bpf_redirect(t->out, 0);
}

char LICENSE[] SEC("license") = "GPL";
