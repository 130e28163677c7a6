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

#include <holdfast/hot.h>
#include "frame.h"
#include "stats.h"

/* Legs whose memory is asked for at once (gather.h says why). */
#define HF_WALK_AHEAD 16

static __always_inline void hf_walk_ask_leg(__u32 key)
{
	const struct hf_wheel_entry *e = bpf_map_lookup_elem(&wheel, &key);
	const struct hf_claim *c;
	__u32 leg;

	if (!e)
		return;
	leg = e->leg;
	c = bpf_map_lookup_elem(&claims, &leg);
	if (c)
		(void)HF_READ(c->word);
}

static __always_inline void hf_walk_ask_frame(__u32 key)
{
	const struct hf_wheel_entry *e = bpf_map_lookup_elem(&wheel, &key);
	const struct hf_claim *c;
	const struct hf_frame *f;
	__u32 leg, frame;

	if (!e)
		return;
	leg = e->leg;
	c = bpf_map_lookup_elem(&claims, &leg);
	if (!c || !c->hot.loop_len)
		return;
	frame = hf_hot_frame(&c->hot, hf_word_slot(c->word));
	f = bpf_map_lookup_elem(&frames, &frame);
	if (!f)
		return;
	(void)HF_READ(f->bytes);
	(void)HF_READ(f->payload[0]);
	(void)HF_READ(f->payload[64]);
}

/* `key` and those behind it. */
static __always_inline void hf_walk_ask(__u32 key, __u32 count)
{
	__u32 i;

	for (i = 0; i < HF_WALK_AHEAD && i < count; i++)
		hf_walk_ask_leg(key + i);
	for (i = 0; i < HF_WALK_AHEAD && i < count; i++)
		hf_walk_ask_frame(key + i);
}

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
	if (entry % HF_WALK_AHEAD == 0) {
		/* A busy machine may keep the walk waiting for long. */
		w->now_ns = hf_now();
		hf_walk_ask(key, count - entry);
	}
	e = bpf_map_lookup_elem(&wheel, &key);
	if (!e)
		return 0;
	*leg = e->leg;
	return 1;
}

static __always_inline int hf_paced_frame(struct xdp_md *ctx, struct hf_work *w,
					  struct hf_claim *claim, __u32 index,
					  __u64 word,
					  const struct hf_program *p,
					  const struct hf_leg_rx *rx)
{
	const struct hf_pair6 *six;
	int verdict, refused;
	struct hf_way way;
	struct hf_due due;

	if (!p->remote_port || !hf_due(p, word, w->now_ns, 0, &due))
		return hf_drop(HF_COUNT_PACED_IDLE);
	if (!hf_way_get(p->nexthop, &way) ||
	    !hf_pair6_get(p, index, word, &six))
		return hf_drop(HF_COUNT_DROP_NO_HOP);
	refused = hf_hold_write(ctx, p, rx, six, &way, &due);
	if (refused)
		return hf_drop(refused);
	verdict = hf_way_redirect(&way);
	if (verdict == XDP_DROP)
		return hf_drop(HF_COUNT_DROP_NO_HOP);

	if (!hf_claim(&claim->word, word, due.next))
		return hf_drop(HF_COUNT_CLAIM_LOST);
	claim->sent++;
	w->sent++;
	hf_count(HF_COUNT_HOLD_PACED);
	if (due.skipped) {
		claim->skipped += due.skipped;
		hf_count_add(HF_COUNT_HOLD_SKIPPED, due.skipped);
	}
	return verdict;
}

/* The common case works from the short form of the program (hot.h): it is on
 * the line of the claim word, so nothing else of the leg is touched. */
static __always_inline int hf_paced_send(struct xdp_md *ctx, struct hf_work *w,
					 __u32 index)
{
	struct hf_claim *claim = bpf_map_lookup_elem(&claims, &index);
	const struct hf_hot *h;
	struct hf_program p;
	struct hf_leg *leg;
	__u64 word;

	if (!claim)
		return hf_drop(HF_COUNT_PACED_IDLE);
	word = hf_load_acquire(&claim->word);
	h = &claim->hot;
	if (hf_hot_in_force(&h, word)) {
		hf_hot_program(h, &p);
		/* A leg that latches has no short form. */
		return hf_paced_frame(ctx, w, claim, index, word, &p, 0);
	}
	leg = bpf_map_lookup_elem(&legs, &index);
	if (!leg)
		return hf_drop(HF_COUNT_PACED_IDLE);
	return hf_paced_frame(ctx, w, claim, index, word,
			      &leg->program[hf_word_epoch(word) & 1],
			      &leg->rx);
}

#endif
