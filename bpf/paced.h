/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paced hold: the frames of BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES
 * are blank paper. Each run takes the next element of the wheel that
 * holdfast-mediad put into `work` (abi.h), and if that leg's frame is due
 * writes it and redirects it; else it drops the paper. Pages are used again as
 * they were left, so every byte that is sent is written here.
 */
#ifndef HF_BPF_PACED_H
#define HF_BPF_PACED_H

#include "frame.h"
#include "stats.h"

/* The next leg of this walk; 0 if there is none. Moves the cursor. */
static __always_inline int hf_walk_next(struct hf_work *w, __u32 *leg)
{
	const struct hf_wheel_entry *e;
	__u32 run = w->at_run, entry = w->at_entry, key, count;

	if (run >= HF_WORK_RUNS || run >= w->runs)
		return 0;
	count = w->run[run].count;
	key = w->run[run].first + entry;
	if (entry + 1 >= count) {
		w->at_run = run + 1;
		w->at_entry = 0;
	} else {
		w->at_entry = entry + 1;
	}
	if (entry >= count)
		return 0;
	e = bpf_map_lookup_elem(&wheel, &key);
	if (!e)
		return 0;
	*leg = e->leg;
	return 1;
}

static __always_inline int hf_paced_send(struct xdp_md *ctx, struct hf_work *w,
					 struct hf_leg *leg, __u64 *claim)
{
	const struct hf_program *p;
	int verdict, refused;
	struct hf_way way;
	struct hf_due due;
	__u64 word;

	word = hf_load_acquire(claim);
	p = &leg->program[hf_word_epoch(word) & 1];
	if (!p->remote_port || !hf_due(p, word, w->now_ns, 0, &due))
		return hf_drop(HF_COUNT_PACED_IDLE);
	if (!hf_way_get(p->nexthop, &way))
		return hf_drop(HF_COUNT_DROP_NO_HOP);
	refused = hf_hold_write(ctx, p, &leg->rx, &way, &due);
	if (refused)
		return hf_drop(refused);
	verdict = hf_way_verdict(&way, 0);
	if (verdict == XDP_DROP)
		return hf_drop(HF_COUNT_DROP_NO_HOP);

	if (!hf_claim(claim, word, due.next))
		return hf_drop(HF_COUNT_CLAIM_LOST);
	leg->tx.sent++;
	w->sent++;
	hf_count(HF_COUNT_HOLD_PACED);
	if (due.skipped) {
		leg->tx.skipped += due.skipped;
		hf_count_add(HF_COUNT_HOLD_SKIPPED, due.skipped);
	}
	return verdict;
}

#endif
