/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hold by turn-around: a packet of a held caller came in; if the caller's next
 * hold frame is due, the packet becomes that frame and goes back.
 *
 * The common case works from the short form of the program alone (hot.h).
 */
#ifndef HF_BPF_HOLD_H
#define HF_BPF_HOLD_H

#include <holdfast/hot.h>
#include "frame.h"
#include "parse.h"
#include "stats.h"

/* The paced sender may pass by the leg (abi.h); or not, after all. */
static __always_inline void hf_turned_set(__u32 leg)
{
	__u32 key = leg / 64;
	struct hf_turned *t = bpf_map_lookup_elem(&turned, &key);

	if (t)
		__sync_fetch_and_or(&t->legs, 1ULL << leg % 64);
}

static __always_inline void hf_turned_unset(__u32 leg)
{
	__u32 key = leg / 64;
	struct hf_turned *t = bpf_map_lookup_elem(&turned, &key);

	if (t)
		__sync_fetch_and_and(&t->legs, ~(1ULL << leg % 64));
}

static __always_inline void hf_hold_skipped(__u32 leg, __u32 skipped)
{
	struct hf_leg *l = bpf_map_lookup_elem(&legs, &leg);

	if (l)
		l->rx.turn_skipped += skipped;
	hf_count_add(HF_COUNT_HOLD_SKIPPED, skipped);
}

/* `rx` may be missing where the program is of the short form (hot.h): that of a
 * leg that latches is not. */
static __always_inline int hf_hold_turn(struct xdp_md *ctx, __u64 *claim,
					struct hf_intake *intake,
					const struct hf_leg_rx *rx, __u64 word,
					const struct hf_program *p,
					const struct hf_incoming *in,
					__u64 now_ns)
{
	const struct hf_pair6 *six;
	struct hf_way way;
	struct hf_due due;
	int verdict, refused;

	intake->packets++;
	HF_WRITE(intake->last_rx, (__u32)(now_ns >> 20));
	if (!hf_due(p, word, now_ns, hf_turn_after(p, word), &due))
		return hf_drop(HF_COUNT_HOLD_NOT_DUE);
	if (!hf_way_get(p->nexthop, &way))
		return hf_refuse(intake, HF_COUNT_DROP_NO_HOP);
	if (!hf_pair6_get(p, in->leg, word, &six))
		return hf_refuse(intake, HF_COUNT_DROP_NO_HOP);
	refused = hf_hold_write(ctx, p, rx, six, &way, &due);
	if (refused)
		return hf_refuse(intake, refused);
	verdict = hf_way_verdict(&way, in);
	if (verdict == XDP_DROP)
		return hf_refuse(intake, HF_COUNT_DROP_NO_HOP);

	/* Everything is in the packet; from here it is ours or nobody's. */
	if (p->flags & HF_PROGRAM_AUTO_CLOCK)
		hf_turned_set(in->leg);
	if (!hf_take(claim, word, due.next)) {
		if (p->flags & HF_PROGRAM_AUTO_CLOCK)
			hf_turned_unset(in->leg);
		return hf_drop(HF_COUNT_CLAIM_LOST);
	}
	intake->turn_sent++;
	hf_count(HF_COUNT_HOLD_TURNED);
	if (due.skipped)
		hf_hold_skipped(in->leg, due.skipped);
	return verdict;
}

/*
 * The common case: is this packet one of the talker's, for a leg whose short
 * form is in force? Then *p is the program for hf_hold_turn(). Nothing is done.
 */
static __always_inline int hf_hold_is_plain(void *data,
					    const struct hf_hot *hot,
					    __u64 word,
					    const struct hf_incoming *in,
					    struct hf_program *p)
{
	if (!hf_hot_in_force(&hot, word))
		return 0;
	if (in->saddr != hot->remote_ip4 || in->sport != hot->remote_port ||
	    ((HF_W8(data, HF_AT_RTP + 1) ^ hot->payload_type) & 0x7f) ||
	    !hf_rtp_is_v2(HF_W8(data, HF_AT_RTP)))
		return 0;
	hf_hot_program(hot, p);
	return 1;
}

#endif
