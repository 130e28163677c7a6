/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hold by turn-around: a packet of a held caller came in; if the caller's next
 * hold frame is due, the packet becomes that frame and goes back.
 */
#ifndef HF_BPF_HOLD_H
#define HF_BPF_HOLD_H

#include "frame.h"
#include "stats.h"

static __always_inline int hf_hold_turn(struct xdp_md *ctx, struct hf_leg *leg,
					__u64 word, const struct hf_program *p,
					__u64 now_ns)
{
	__s64 after_ns = HF_TURN_LATE_NS;
	struct hf_way way;
	struct hf_due due;
	int verdict, refused;

	if (p->flags & HF_PROGRAM_AUTO_CLOCK)
		after_ns = -(__s64)(p->ptime_ns / 2);
	if (!hf_due(p, word, now_ns, after_ns, &due))
		return hf_drop(HF_COUNT_HOLD_NOT_DUE);
	if (!hf_way_get(p->nexthop, &way))
		return hf_refuse(&leg->rx, HF_COUNT_DROP_NO_HOP);
	refused = hf_hold_write(ctx, p, &leg->rx, &way, &due);
	if (refused)
		return hf_refuse(&leg->rx, refused);
	verdict = hf_way_verdict(&way, ctx->ingress_ifindex);
	if (verdict == XDP_DROP)
		return hf_refuse(&leg->rx, HF_COUNT_DROP_NO_HOP);

	/* Everything is in the packet; from here it is ours or nobody's. */
	if (!hf_claim(&leg->tx.word, word, due.next))
		return hf_drop(HF_COUNT_CLAIM_LOST);
	leg->rx.turn_sent++;
	hf_count(HF_COUNT_HOLD_TURNED);
	if (due.skipped) {
		leg->rx.turn_skipped += due.skipped;
		hf_count_add(HF_COUNT_HOLD_SKIPPED, due.skipped);
	}
	return verdict;
}

#endif
