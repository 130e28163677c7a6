/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The short form of a program (struct hf_hot, abi.h): what turn-around needs for
 * the common case, on the line of the claim word.
 *
 * It is a copy, never the truth. It names the epoch it was made for, and the
 * controller writes it only after the word has moved to that epoch, the name
 * last. So a sender that finds the word's epoch in it has a whole copy, unless
 * the leg is changed again meanwhile, and then its claim fails (claim.h). A
 * sender that finds another epoch takes the program itself. A controller killed
 * between the flip and the copy has therefore changed the leg completely; who
 * adopts the leg makes up for the copy.
 *
 * A leg whose packets are relayed has another short form in its place (struct
 * hf_across). Two legs' programs are in it, so it names both epochs: the sending
 * leg's word is read once more when all that is needed of the copy is in hand,
 * the receiving leg's is claimed. A change of either ends it for good, and the
 * controller makes it anew.
 *
 * Pure; hf_hot_make() and hf_across_make() are the controller's, hf_hot_program()
 * the senders'.
 */
#ifndef HOLDFAST_HOT_H
#define HOLDFAST_HOT_H

#include "claim.h"

#define HF_HOT_FRAMES (1u << 24)

/* Does the program fit the short form, for time slots from `slot` on? */
HF_INLINE int hf_hot_fits(const struct hf_program *p, __u32 slot)
{
	__u32 ms = p->ptime_ns / (__u32)HF_MS;

	return p->mode == HF_MODE_HOLD && p->peer == HF_LEG_NONE &&
	       p->remote_port && p->remote_ip4 &&
	       !(p->flags & (__u8)~(HF_PROGRAM_MARK_FIRST |
				    HF_PROGRAM_AUTO_CLOCK | HF_PROGRAM_IPV6)) &&
	       p->payload_type == p->rx_payload_type && ms &&
	       ms <= HF_HOT_PTIME && p->ptime_ns == ms * (__u32)HF_MS &&
	       (p->ts_step == 8 * ms || p->ts_step == 48 * ms) &&
	       p->base_ns % HF_MS == 0 && p->base_ns / HF_MS >> 40 == 0 &&
	       slot >= p->once_len && p->loop_len &&
	       (__s32)(slot - p->loop_phase) >= 0 &&
	       p->loop_len <= 0xffff && p->loop_first < HF_HOT_FRAMES;
}

/* The frame of the loop that time slot 0 has, or would have. */
HF_INLINE __u16 hf_hot_loop_at(const struct hf_program *p)
{
	if (p->loop_phase >> 31)
		return (__u16)((0 - p->loop_phase) % p->loop_len);
	return (__u16)((p->loop_len - p->loop_phase % p->loop_len) %
		       p->loop_len);
}

/* The short form; its epoch is HF_HOT_NONE if there is none. */
HF_INLINE struct hf_hot hf_hot_make(const struct hf_program *p, __u64 word)
{
	struct hf_hot h = {.epoch = HF_HOT_NONE};
	__u64 base_ms = p->base_ns / HF_MS;
	__u32 ms = p->ptime_ns / (__u32)HF_MS;

	if (!hf_hot_fits(p, hf_word_slot(word)))
		return h;
	h.epoch = (__u16)hf_word_epoch(word);
	h.payload_type = (__u8)((p->payload_type & 0x7f) |
				(p->ts_step == 8 * ms ? 0 : HF_HOT_CLOCK_48));
	h.kind = (__u8)ms;
	if (p->flags & HF_PROGRAM_AUTO_CLOCK)
		h.kind |= HF_HOT_AUTO_CLOCK;
	if (p->flags & HF_PROGRAM_MARK_FIRST)
		h.kind |= HF_HOT_MARK_FIRST;
	h.remote_ip4 = p->remote_ip4;
	h.remote_port = p->remote_port;
	h.nexthop = p->nexthop;
	h.ssrc = p->ssrc;
	h.ts_base = p->ts_base;
	h.base_ms = (__u32)base_ms;
	h.loop = (__u32)(base_ms >> 32 << 24) | p->loop_first;
	h.loop_len = (__u16)p->loop_len;
	h.loop_at = hf_hot_loop_at(p);
	h.local_ip4 = p->local_ip4;
	h.local_port = p->local_port;
	h.six = p->flags & HF_PROGRAM_IPV6;
	return h;
}

/*
 * The short form of the relay from a leg (p, word) to its peer (q, to_word); its
 * epoch is HF_HOT_NONE if there is none.
 */
HF_INLINE struct hf_across hf_across_make(__u32 leg, const struct hf_program *p,
					  __u64 word,
					  const struct hf_program *q,
					  __u64 to_word)
{
	struct hf_across a = {.epoch = HF_HOT_NONE};
	const __u8 latch = HF_PROGRAM_LATCH | HF_PROGRAM_LATCH_ANY;

	if (q->mode != HF_MODE_RELAY || q->peer != leg || !p->remote_port ||
	    !p->remote_ip4 || !q->remote_port || !q->remote_ip4 ||
	    p->flags & (latch | HF_PROGRAM_RX_OFF) || q->flags & latch)
		return a;
	a.epoch = (__u16)(HF_ACROSS | hf_word_epoch(word));
	a.to_epoch = (__u16)hf_word_epoch(to_word);
	a.rx_payload_type = p->rx_payload_type;
	a.payload_type = q->payload_type;
	a.remote_port = p->remote_port;
	a.remote_ip4 = p->remote_ip4;
	a.ssrc = q->ssrc;
	a.saddr = q->local_ip4;
	a.daddr = q->remote_ip4;
	a.sport = q->local_port;
	a.dport = q->remote_port;
	a.nexthop = q->nexthop;
	a.six = q->flags & HF_PROGRAM_IPV6;
	a.peer = p->peer;
	return a;
}

/* Is it of these words? */
HF_INLINE int hf_across_is(const struct hf_across *a, __u64 word, __u64 to_word)
{
	return a->epoch == (HF_ACROSS | hf_word_epoch(word)) &&
	       a->to_epoch == hf_word_epoch(to_word);
}

/* Put either there: the epochs are in the first 8 bytes, and they come last. */
HF_INLINE void hf_short_store(void *to, const void *from)
{
	__u64 word[5];
	int i;

	__builtin_memcpy(word, from, sizeof(word));
	for (i = 1; i < 5; i++)
		HF_WRITE(((__u64 *)to)[i], word[i]);
	hf_store_release((__u64 *)to, word[0]);
}

HF_INLINE void hf_hot_store(struct hf_hot *to, const struct hf_hot *from)
{
	hf_short_store(to, from);
}

HF_INLINE void hf_across_store(struct hf_across *to,
			       const struct hf_across *from)
{
	hf_short_store(to, from);
}

/* The program for a sender. */
HF_INLINE void hf_hot_program(const struct hf_hot *h, struct hf_program *p)
{
	__u32 ms = h->kind & HF_HOT_PTIME;
	__u32 loop = h->loop;

	p->base_ns = ((__u64)(loop >> 24) << 32 | h->base_ms) * HF_MS;
	p->ptime_ns = ms * (__u32)HF_MS;
	p->ts_base = h->ts_base;
	p->ssrc = h->ssrc;
	p->ts_step = (__u16)(h->payload_type & HF_HOT_CLOCK_48 ? 48 * ms :
								  8 * ms);
	p->mode = HF_MODE_HOLD;
	p->payload_type = h->payload_type & 0x7f;
	p->remote_ip4 = h->remote_ip4;
	p->remote_port = h->remote_port;
	p->local_ip4 = h->local_ip4;
	p->local_port = h->local_port;
	p->nexthop = h->nexthop;
	p->flags = (__u8)((h->kind & HF_HOT_AUTO_CLOCK ? HF_PROGRAM_AUTO_CLOCK :
							 0) |
			  (h->kind & HF_HOT_MARK_FIRST ? HF_PROGRAM_MARK_FIRST :
							 0) |
			  (h->six ? HF_PROGRAM_IPV6 : 0));
	p->once_len = 0;
	p->loop_first = loop & (HF_HOT_FRAMES - 1);
	p->loop_len = h->loop_len;
	p->loop_phase = 0u - h->loop_at;
}

/* The frame of the loop for a time slot: as hf_program_frame() of the above. */
HF_INLINE __u32 hf_hot_frame(const struct hf_hot *h, __u32 slot)
{
	return (h->loop & (HF_HOT_FRAMES - 1)) + (slot + h->loop_at) % h->loop_len;
}

/*
 * hf_due() for a paced sender and the program above, if the leg's next frame is
 * due and no packet time late: then *d is the same. It is 0 for everything else
 * that may be, which hf_due() knows.
 */
HF_INLINE int hf_hot_due(const struct hf_hot *h, __u64 word, __u64 now_ns,
			 struct hf_due *d)
{
	__u32 ms = h->kind & HF_HOT_PTIME, ptime = ms * (__u32)HF_MS;
	__u32 slot = hf_word_slot(word), loop = h->loop, over;
	__u64 due_ms = ((__u64)(loop >> 24) << 32 | h->base_ms) + slot * ms;
	__u64 since = now_ns - due_ms * HF_MS; /* or it is not yet */
	__u32 loop_len = HF_READ(h->loop_len); /* we divide by it */

	if (since >= ptime || !slot || !loop_len)
		return 0;
	over = (__u32)since;
	/* HF_GAP_NS behind the frame before, which is 36 ms less than what its
	 * lateness says, and never if that is not known. */
	if (over + ptime + 36 * (__u32)HF_MS <
	    hf_word_late(word) * (__u32)HF_MS)
		return 0;
	d->seq = hf_word_seq(word);
	d->frame =
		(loop & (HF_HOT_FRAMES - 1)) + (slot + h->loop_at) % loop_len;
	d->timestamp =
		h->ts_base +
		slot * (h->payload_type & HF_HOT_CLOCK_48 ? 48 * ms : 8 * ms);
	d->skipped = 0;
	d->marker = 0;
	d->next = hf_word_make(hf_word_epoch(word), 0,
			       41 + hf_whole_ms(over + (__u32)HF_MS - 1),
			       (__u16)(d->seq + 1), slot + 1);
	return 1;
}
HF_ASSERT(HF_GAP_NS == 5 * HF_MS, "41 - 5 above");

#endif
