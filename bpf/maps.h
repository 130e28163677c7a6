/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of the data path, as the table at the end of include/holdfast/abi.h
 * has them. Sizes of what goes by leg, of frames, nexthops and wheel are set
 * before loading.
 */
#ifndef HF_BPF_MAPS_H
#define HF_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <holdfast/abi.h>
#include <holdfast/heard.h>
#include <holdfast/report.h>
#include <holdfast/stream.h>
#include <holdfast/world.h>

#define HF_ARRAY(name, entries, value_type)        \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, value_type);         \
	} name SEC(".maps")

HF_ARRAY(instance, 1, struct hf_instance);
HF_ARRAY(legs, 1, struct hf_leg);
HF_ARRAY(claims, 1, struct hf_claim);
HF_ARRAY(bound, 1, struct hf_bound);
HF_ARRAY(leg6, 1, struct hf_leg6);
HF_ARRAY(frames, 1, struct hf_frame);
HF_ARRAY(nexthops, 256, struct hf_nexthop);
HF_ARRAY(nexthop6, 256, struct hf_ip6);
HF_ARRAY(wheel, HF_WHEEL_BUCKETS, struct hf_wheel_entry);
HF_ARRAY(wheel_fill, HF_WHEEL_BUCKETS, struct hf_wheel_fill);
HF_ARRAY(turned, 1, struct hf_turned);
HF_ARRAY(work, 1, struct hf_work);
HF_ARRAY(ready, 1, struct hf_ready);
HF_ARRAY(heard, 1, struct hf_heard);
HF_ARRAY(rtcp, 1, struct hf_rtcp);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, HF_HAPPENINGS_BYTES);
} happenings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, HF_RTCP_IN_BYTES);
} rtcp_in SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HF_COUNTERS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, HF_MAX_DEVICES);
	__type(key, __u32);
	__type(value, __u32);
} devmap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, HF_MAX_DEVICES);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} gather SEC(".maps");

/* Packet tests set this before loading: the time is then work.now_ns. In
 * production it is 0 and the verifier removes the branch. */
const volatile __u8 hf_test_clock = 0;

/* What the bench leaves out to see what it costs (tests/bench/features.h). Also
 * set before loading, also 0 in production. */
#define HF_WITHOUT_CLAIM    0x01 /* the word is stored, not exchanged */
#define HF_WITHOUT_STREAM   0x02 /* how the remote's stream arrives */
#define HF_WITHOUT_COUNTERS 0x04
#define HF_WITHOUT_CHECK    0x08 /* UDP checksums */
#define HF_WITHOUT_PAYLOAD  0x10 /* of hold frames */
const volatile __u8 hf_without = 0;

static __always_inline __u64 hf_now(void)
{
	__u32 zero = 0;

	if (hf_test_clock) {
		struct hf_work *w = bpf_map_lookup_elem(&work, &zero);

		return w ? w->now_ns : 0;
	}
	return bpf_ktime_get_ns();
}

#endif
