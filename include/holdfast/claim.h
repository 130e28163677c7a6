/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claim: who sends which packet to a leg.
 *
 * Each leg has one 64-bit word. Whoever wants to send reads the word, reads the
 * program of its epoch, works out the packet by arithmetic, and takes it by one
 * compare-and-exchange of the word; who loses drops its work. Whoever changes a
 * leg fills the program that is not in force and moves the word to the next
 * epoch by one compare-and-exchange. Nothing else is shared, so each sequence
 * number is sent once, and no packet ever mixes two programs: a sender that read
 * a program while it was rewritten holds a word of an older epoch, and loses.
 *
 * The word, from the top:
 *   epoch 14   which program is in force (lowest bit), and that it still is
 *   run    2   catch-up frames sent in a row
 *   late   7   when time slot - 1 was claimed against its deadline, see below
 *   seq   16   the next RTP sequence number to this leg
 *   slot  25   the next time slot of this epoch (3.8 days of 10 ms packets)
 * Sequence and time slot are apart because a late sender skips time slots, never
 * sequence numbers: sent = change of seq, sent + skipped = change of slot, and
 * both change in the one exchange that sends.
 *
 * `late` is 0 for "not known", else milliseconds + 41, rounded up, -40 .. +86, or
 * more than it was (hf_turn_after()).
 *
 * Pure: no I/O, no clock, no allocation. Built into XDP, the module and
 * userspace, and tested there by two senders against a reprogrammer.
 */
#ifndef HOLDFAST_CLAIM_H
#define HOLDFAST_CLAIM_H

#include "abi.h"
#include "world.h"

#define HF_MS 1000000ULL /* ns */
#define HF_LATE_LIMIT_NS (60 * HF_MS) /* overdue by more: skipped */
#define HF_GAP_NS (5 * HF_MS)	      /* n+1 is never sent within this of n */
/* Turn-around takes over from here: no sender that is well is as late. That of
 * holdfast-mediad has its turns 5 ms apart while there are few calls, and 10 ms
 * if all of them have packets of 20 or 30 ms. What it sends is up to 4 or 9 ms
 * late then, and what it takes to wake. */
#define HF_TURN_LATE_MS 6
#define HF_TURN_LATE_20_MS 11 /* packets of 20 or 30 ms */
#define HF_CATCH_UP_MAX 2	      /* overdue frames in a row */

#define HF_EPOCH_BITS 14
#define HF_SLOT_BITS 25
#define HF_SLOT_MASK ((1ULL << HF_SLOT_BITS) - 1)
#define HF_SEQ_SHIFT HF_SLOT_BITS
#define HF_LATE_SHIFT (HF_SEQ_SHIFT + 16)
#define HF_RUN_SHIFT (HF_LATE_SHIFT + 7)
#define HF_EPOCH_SHIFT (HF_RUN_SHIFT + 2)
HF_ASSERT(HF_EPOCH_SHIFT + HF_EPOCH_BITS == 64, "the word is full");

HF_INLINE __u32 hf_word_epoch(__u64 w)
{
	return (__u32)(w >> HF_EPOCH_SHIFT);
}

HF_INLINE __u32 hf_word_slot(__u64 w)
{
	return (__u32)(w & HF_SLOT_MASK);
}

HF_INLINE __u16 hf_word_seq(__u64 w)
{
	return (__u16)(w >> HF_SEQ_SHIFT);
}

HF_INLINE __u32 hf_word_late(__u64 w)
{
	return (__u32)(w >> HF_LATE_SHIFT) & 0x7f;
}

HF_INLINE __u32 hf_word_run(__u64 w)
{
	return (__u32)(w >> HF_RUN_SHIFT) & 3;
}

HF_INLINE __u64 hf_word_make(__u32 epoch, __u32 run, __u32 late, __u16 seq,
			     __u32 slot)
{
	return (__u64)(epoch & ((1u << HF_EPOCH_BITS) - 1)) << HF_EPOCH_SHIFT |
	       (__u64)(run & 3) << HF_RUN_SHIFT |
	       (__u64)(late & 0x7f) << HF_LATE_SHIFT |
	       (__u64)seq << HF_SEQ_SHIFT | (slot & HF_SLOT_MASK);
}

/* The program that is in force under this word. */
HF_INLINE const struct hf_program *hf_word_program(const struct hf_leg *leg,
						   __u64 word)
{
	return &leg->program[hf_word_epoch(word) & 1];
}

/* One hold frame, worked out but not yet claimed. */
struct hf_due {
	__u64 next;	 /* the word once it is claimed */
	__u32 timestamp; /* host order */
	__u32 frame;	 /* index into the frame table */
	__u32 skipped;	 /* time slots given up by this claim */
	__u16 seq;	 /* host order */
	__u8 marker;	 /* 0 or 1 */
};

/* Whole milliseconds of less than 2^27 ns. clang makes no multiplication of a
 * division for BPF, and a division costs as much as twenty instructions. */
HF_INLINE __u32 hf_whole_ms(__u32 ns)
{
	return (__u32)(ns * 1125899907ULL >> 50);
}

HF_INLINE __u32 hf_late_code(__s64 late_ns)
{
	if (late_ns < -(__s64)(40 * HF_MS))
		late_ns = -(__s64)(40 * HF_MS);
	if (late_ns > (__s64)(86 * HF_MS))
		late_ns = 86 * HF_MS;
	if (late_ns < 0)
		return 41 - hf_whole_ms((__u32)-late_ns);
	return 41 + hf_whole_ms((__u32)late_ns + (__u32)HF_MS - 1);
}

/* How long after its deadline a frame is given up: no more than HF_CATCH_UP_MAX
 * frames may ever be waiting behind the one that is due. */
HF_INLINE __u64 hf_late_limit(__u32 ptime_ns)
{
	__u64 three = 3ULL * ptime_ns;

	return three < HF_LATE_LIMIT_NS ? three : HF_LATE_LIMIT_NS;
}

/* The frame for time slot `slot`: the one-shot clip first, then the loop. */
HF_INLINE __u32 hf_program_frame(const struct hf_program *p, __u32 slot)
{
	__u32 loop_len = HF_READ(p->loop_len);

	if (slot < p->once_len || !loop_len)
		return p->once_first + slot;
	return p->loop_first + (slot - p->loop_phase) % loop_len;
}

/* How late turn-around takes over. */
HF_INLINE __u32 hf_turn_late_ms(__u32 ptime_ns)
{
	return ptime_ns - (__u32)(20 * HF_MS) <= 10 * HF_MS ?
		       HF_TURN_LATE_20_MS :
		       HF_TURN_LATE_MS;
}

/*
 * Is a hold frame due for this leg now, and which?
 *
 * `word` was read before `p`, the program of its epoch. `after_ns` says when
 * this sender may act, relative to the deadline: 0 for a paced sender,
 * hf_turn_after() for turn-around, negative to be early.
 * Returns 1 and fills *d, or 0. No side effect: hf_claim() takes it.
 */
HF_INLINE int hf_due(const struct hf_program *p, __u64 word, __u64 now_ns,
		     __s64 after_ns, struct hf_due *d)
{
	__u32 ptime = HF_READ(p->ptime_ns); /* we divide by it */
	__u32 slot = hf_word_slot(word);
	__u32 late = hf_word_late(word);
	__u32 run = hf_word_run(word);
	__u32 skip = 0;
	__u64 deadline;
	__s64 over, behind;

	if (p->mode != HF_MODE_HOLD || !ptime)
		return 0;
	if (!p->loop_len && slot >= p->once_len)
		return 0;
	deadline = p->base_ns + (__u64)slot * ptime;
	over = (__s64)(now_ns - deadline);
	if (over < after_ns)
		return 0;
	/* The frame before this one was sent at deadline - ptime + late. */
	if (late && over + (__s64)ptime <
			    (__s64)HF_GAP_NS + ((__s64)late - 41) * (__s64)HF_MS)
		return 0;
	/* A packet of the caller's that came just before its frame was overdue
	 * leaves turn-around one frame behind, with one packet a frame for
	 * good. That is as it should be: giving the frame up would lose it. */
	behind = over;
	if (after_ns > 0 && 2ULL * ptime <= hf_late_limit(ptime))
		behind -= ptime;
	if (behind >= (__s64)ptime) {
		if (over > (__s64)hf_late_limit(ptime) || run >= HF_CATCH_UP_MAX) {
			skip = (__u32)((__u64)behind / ptime);
			over -= (__s64)((__u64)skip * ptime);
			run = 0;
		} else {
			run++;
		}
	} else if (over < (__s64)ptime) {
		run = 0;
	} else if (run && over + (__s64)ptime / 2 <
				  ((__s64)late - 41) * (__s64)HF_MS) {
		/* Amid the catch-up frames of a paced sender it is one of them. */
		if (run >= HF_CATCH_UP_MAX)
			return 0;
		run++;
	}
	d->skipped = skip;
	d->marker = skip || (!slot && (p->flags & HF_PROGRAM_MARK_FIRST));
	slot = (slot + skip) & (__u32)HF_SLOT_MASK;
	if (!p->loop_len && slot >= p->once_len)
		return 0;
	d->frame = hf_program_frame(p, slot);
	d->timestamp = p->ts_base + slot * p->ts_step;
	d->seq = hf_word_seq(word);
	late = hf_late_code(over);
	/* Turn-around behind a timer is always that late, see below; but with
	 * packets of 10 ms a timer would then be in time too close to it. */
	if (after_ns > 0 && ptime > 10 * HF_MS &&
	    late <= 41 + hf_turn_late_ms(ptime))
		late = 42 + hf_turn_late_ms(ptime);
	d->next = hf_word_make(hf_word_epoch(word), run, late,
			       (__u16)(d->seq + 1), slot + 1);
	return 1;
}

/*
 * When turn-around may claim, relative to the deadline: right behind it if the frame
 * before was claimed later than a paced sender that is well does it. That was
 * turn-around, and whenever it claims, it says that it was so late. To wait for a
 * timer then would waste packets of the caller's, and the frames that they bring.
 */
HF_INLINE __s64 hf_turn_after(const struct hf_program *p, __u64 word)
{
	__u32 late_ms = hf_turn_late_ms(p->ptime_ns);

	if (p->flags & HF_PROGRAM_AUTO_CLOCK)
		return -(__s64)(p->ptime_ns / 2);
	return hf_word_late(word) <= 41 + late_ms ? late_ms * (__s64)HF_MS : 1;
}

/* The leg's timestamp at a moment: where a relayed stream takes over. */
HF_INLINE __u32 hf_program_timestamp(const struct hf_program *p, __u64 now_ns)
{
	__u64 since = now_ns - p->base_ns;
	__u32 ptime = HF_READ(p->ptime_ns);

	if (!ptime)
		return p->ts_base;
	/* A switch may lie just before base_ns: count backwards from it. */
	if ((__s64)since < 0)
		return p->ts_base - (__u32)((0 - since) * p->ts_step / ptime);
	return p->ts_base + (__u32)(since * p->ts_step / ptime);
}

/* Take what was worked out from `word`. Returns 1 if it is ours to send. */
HF_INLINE int hf_claim(__u64 *word, __u64 old, __u64 next)
{
	return hf_cmpxchg64(word, old, next) == old;
}

/*
 * Relay: the word after a packet with this outgoing sequence number. A packet
 * from behind the newest one (reordered on its way to us) leaves the word as it
 * is; claiming it all the same proves that the epoch is still in force.
 */
HF_INLINE __u64 hf_relay_next(__u64 word, __u16 out_seq)
{
	if ((__s16)(__u16)(out_seq - hf_word_seq(word)) < 0)
		return word;
	return hf_word_make(hf_word_epoch(word), 0, 0, (__u16)(out_seq + 1),
			    hf_word_slot(word));
}

/* Where a leg's program is written: by the controller alone. */
struct hf_leg_at {
	struct hf_leg *leg;
	__u64 *word;
};

/*
 * Change a leg. The controller calls hf_flip() with the word it read and the
 * program it computed for exactly that word; 0 means the word has moved on:
 * read it again, compute again. `slot` is the time slot the new program begins
 * with and `late` tells the gap to the frame before it (0: none to keep).
 * `epochs` is how far the epoch moves, an odd number, normally 1.
 *
 * The short form of the program (hot.h) is the controller's to follow up with.
 */
HF_INLINE int hf_flip_by(const struct hf_leg_at *at, __u64 word,
			 const struct hf_program *p, __u32 slot, __u32 late,
			 __u32 epochs)
{
	__u32 epoch = hf_word_epoch(word) + epochs;

	at->leg->program[epoch & 1] = *p;
	HF_BARRIER();
	return hf_claim(at->word, word,
			hf_word_make(epoch, hf_word_run(word), late,
				     hf_word_seq(word), slot));
}

HF_INLINE int hf_flip(const struct hf_leg_at *at, __u64 word,
		      const struct hf_program *p, __u32 slot, __u32 late)
{
	return hf_flip_by(at, word, p, slot, late, 1);
}

#endif
