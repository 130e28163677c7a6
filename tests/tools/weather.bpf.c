// SPDX-License-Identifier: GPL-2.0
/*
 * The ear of tests/bpf/test_soak.c, on the far end of the veth pair: each hold
 * frame is looked at where it arrives, so that no queue to userspace can lose
 * one of a thousand calls. `frames` and `claims` are the anchor's maps.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <holdfast/claim.h>
#include "weather.h"

struct rtp {
	__u8 first, type;
	__be16 seq;
	__be32 ts, ssrc;
	__u64 sound[HF_FRAME_BYTES / 8];
} __attribute__((packed));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEATHER_CALLS);
	__type(key, __u32);
	__type(value, struct weather_heard);
} heard SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hf_frame);
} frames SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEATHER_CALLS);
	__type(key, __u32);
	__type(value, struct hf_claim);
} claims SEC(".maps");

__u32 frames_used;
__u32 strangers; /* to no call */

static __always_inline void check_sound(struct weather_heard *h,
					const struct rtp *r, __u32 slot)
{
	__u32 key = slot % frames_used;
	const struct hf_frame *f = bpf_map_lookup_elem(&frames, &key);
	const __u64 *want = (const void *)f;

	if (!f)
		return;
	for (int i = 0; i < HF_FRAME_BYTES / 8; i++) {
		if (want[i] != r->sound[i]) {
			h->sound++;
			return;
		}
	}
}

/* Sequence, timestamp and marker against those of the frame before. */
static __always_inline void check_numbers(struct weather_heard *h,
					  const struct rtp *r, __u32 ts,
					  __u32 slot)
{
	__u16 seq = bpf_ntohs(r->seq), step = seq - h->seq;
	__u32 slots = slot - h->slot;

	if (!step)
		h->doubled++;
	else if (step >= 0x8000)
		h->disorder++;
	if (!step || step >= 0x8000)
		return;
	h->lost += step - 1;
	if ((ts - WEATHER_TS_BASE) % WEATHER_TS_STEP || slots - step > 1u << 30)
		h->stamp++;
	else
		h->skipped += slots - step;
	/* With a number left out nobody knows whose mark is missing. */
	if (step == 1 && !(r->type & 0x80) != (slots == 1))
		h->marker++;
	h->seq = seq;
	h->slot = slot;
}

/* Since the wire may be slow, what counts is when the frame was taken. */
static __always_inline void check_time(struct weather_heard *h, __u32 call,
				       __u32 slot)
{
	__u64 deadline = slot * WEATHER_PTIME_NS;
	__s64 late = (__s64)(bpf_ktime_get_ns() - h->base_ns - deadline);
	const struct hf_claim *c = bpf_map_lookup_elem(&claims, &call);
	__u64 word = c ? c->word : 0, taken;
	__s32 code = (__s32)hf_word_late(word) - 41;

	if (late > 0 && late / 1000 > h->late_us)
		h->late_us = (__u32)((__u64)late / 1000);
	/* Frames are taken 5 ms apart. */
	if (hf_word_slot(word) != slot + 1) {
		h->held_up++;
		return;
	}
	taken = deadline / HF_MS + code;
	if (h->taken_ms && code > (__s32)(WEATHER_PTIME_NS / HF_MS) &&
	    taken - h->taken_ms < WEATHER_CLOSE_MS)
		h->run++;
	else
		h->run = 0;
	if (h->run > h->longest_run)
		h->longest_run = h->run;
	h->taken_ms = taken;
}

SEC("xdp")
int listen(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp = (void *)(ip + 1);
	struct rtp *rtp = (void *)(udp + 1);
	struct weather_heard *h;
	__u32 call, ts, slot;

	if ((void *)(udp + 1) > end || ip->protocol != 17 || ip->ihl != 5)
		return XDP_PASS;
	call = (bpf_ntohs(udp->dest) - WEATHER_PORT) / 2;
	h = bpf_map_lookup_elem(&heard, &call);
	if (!h || !h->base_ns) {
		__sync_fetch_and_add(&strangers, 1);
		return XDP_DROP;
	}
	if ((void *)(rtp + 1) > end) {
		h->header++;
		return XDP_DROP;
	}
	if (end - data != WEATHER_BYTES || rtp->first != 0x80 ||
	    (rtp->type & 0x7f) != 8 ||
	    rtp->ssrc != bpf_htonl(WEATHER_SSRC + call))
		h->header++;
	ts = bpf_ntohl(rtp->ts);
	slot = (ts - WEATHER_TS_BASE) / WEATHER_TS_STEP;
	check_sound(h, rtp, slot);
	check_numbers(h, rtp, ts, slot);
	check_time(h, call, slot);
	h->packets++;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
