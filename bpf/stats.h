/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counting: one counter per cause and CPU. hf_drop() counts and returns the
 * verdict that consumes the packet.
 */
#ifndef HF_BPF_STATS_H
#define HF_BPF_STATS_H

#include "maps.h"

static __always_inline void hf_count_add(__u32 which, __u64 n)
{
	__u64 *c;

	if (hf_without & HF_WITHOUT_COUNTERS)
		return;
	c = bpf_map_lookup_elem(&stats, &which);
	if (c)
		*c += n;
}

static __always_inline void hf_count(__u32 which)
{
	hf_count_add(which, 1);
}

static __always_inline int hf_drop(__u32 which)
{
	hf_count(which);
	return XDP_DROP;
}

/* As hf_drop(), for a packet that a leg refused. */
static __always_inline int hf_refuse(struct hf_intake *intake, __u32 which)
{
	intake->dropped++;
	return hf_drop(which);
}

#endif
