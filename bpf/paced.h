/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Paced hold: the frames of BPF_PROG_TEST_RUN with BPF_F_TEST_XDP_LIVE_FRAMES
 * are blank paper. Each run takes the next hold frame that holdfast-mediad has
 * made ready (abi.h), claims it, copies it and redirects it; else it drops the
 * paper. Pages are used again as they were left, so every byte that is sent is
 * written here.
 *
 * The claim comes before the copy, when nothing can go wrong any more: it waits
 * for all stores before it.
 */
#ifndef HF_BPF_PACED_H
#define HF_BPF_PACED_H

#include "frame.h"
#include "stats.h"

/* The next one; 0 if there is none, or they were made too long ago. */
static __always_inline const struct hf_ready_frame *
hf_paced_next(struct hf_ready *r)
{
	__u32 at = r->at;

	if (at >= HF_READY_FRAMES || at >= r->count)
		return 0;
	if (at % HF_READY_WATCH == 0 && hf_now() - r->now_ns > HF_READY_NS)
		return 0;
	r->at = at + 1;
	return &r->frame[at];
}

/* Nothing is in the way any more. */
static __always_inline int hf_paced_take(struct hf_ready *r,
					 struct hf_claim *claim,
					 const struct hf_ready_frame *f)
{
	__u32 skipped = f->skipped;

	if (!hf_claim(&claim->word, f->word, f->next))
		return 0;
	claim->sent++;
	r->sent++;
	if (skipped) {
		claim->skipped += skipped;
		hf_count_add(HF_COUNT_HOLD_SKIPPED, skipped);
	}
	return 1;
}

/* The usual lengths, by whole words. */
static __always_inline int hf_paced_plain(void *data, struct hf_ready *r,
					  struct hf_claim *claim,
					  const struct hf_ready_frame *f,
					  const struct hf_frame *frame,
					  int verdict)
{
	int i;

	if (!hf_paced_take(r, claim, f))
		return hf_drop(HF_COUNT_CLAIM_LOST);
#pragma unroll
	for (i = 0; i + 8 <= HF_AT_PAYLOAD; i += 8)
		HF_W64(data, i) = HF_W64(f->head, i);
	HF_W32(data, i) = HF_W32(f->head, i);
	HF_W16(data, i + 4) = HF_W16(f->head, i + 4);
#pragma unroll
	for (i = 0; i < HF_FRAME_BYTES; i += 8)
		HF_W64(data, HF_AT_PAYLOAD + i) = HF_W64(frame->payload, i);
	return verdict;
}

/* Another length: shorter payloads, IPv6, a tag. */
static __always_inline int
hf_paced_other(struct xdp_md *ctx, struct hf_ready *r, struct hf_claim *claim,
	       const struct hf_ready_frame *f, const struct hf_frame *frame,
	       int verdict)
{
	__u32 head = HF_READ(f->head_bytes), bytes = HF_READ(f->bytes);

	if (!head || head > HF_READY_HEAD || !bytes ||
	    bytes > HF_FRAME_BYTES || !hf_packet_resize(ctx, head + bytes))
		return hf_drop(HF_COUNT_DROP_RESIZE);
	if (!hf_paced_take(r, claim, f))
		return hf_drop(HF_COUNT_CLAIM_LOST);
	if (!hf_bytes_write(ctx, 0, f->head, head, HF_READY_HEAD) ||
	    !hf_bytes_write(ctx, head, frame->payload, bytes, HF_FRAME_BYTES))
		return hf_drop(HF_COUNT_DROP_RESIZE);
	return verdict;
}

static __always_inline int hf_paced_send(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	const struct hf_ready_frame *f;
	const struct hf_frame *frame;
	struct hf_claim *claim;
	struct hf_ready *r;
	__u32 zero = 0, leg, payload;
	int verdict;

	r = bpf_map_lookup_elem(&ready, &zero);
	f = r ? hf_paced_next(r) : 0;
	if (!f)
		return hf_drop(HF_COUNT_PACED_IDLE);
	leg = f->leg;
	payload = f->frame;
	claim = bpf_map_lookup_elem(&claims, &leg);
	frame = bpf_map_lookup_elem(&frames, &payload);
	if (!claim || !frame)
		return hf_drop(HF_COUNT_PACED_IDLE);
	verdict = (int)bpf_redirect_map(&devmap, f->ifindex, XDP_DROP);
	if (verdict == XDP_DROP)
		return hf_drop(HF_COUNT_DROP_NO_HOP);
	if (f->head_bytes == HF_AT_PAYLOAD && f->bytes == HF_FRAME_BYTES &&
	    (__u64)(data_end - data) == HF_PACED_BYTES &&
	    data + HF_PACED_BYTES <= data_end)
		return hf_paced_plain(data, r, claim, f, frame, verdict);
	return hf_paced_other(ctx, r, claim, f, frame, verdict);
}

#endif
