/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is heard on a leg besides its audio (stream.h): map `heard`, one line a
 * leg, written by the receive side. Here the keys its remote presses (RFC 4733).
 *
 * One key press is many packets: the same timestamp, a duration that grows, and
 * at the end three with the end bit, of which all may be lost. It is told once,
 * when it is over: at the first end bit, at the next key, or when nothing of it
 * has come for a while, which the controller finds out (hf_dtmf_expire). Each
 * of them takes the one key word by compare-and-exchange, so only one tells it.
 * Pure, but for that.
 */
#ifndef HOLDFAST_HEARD_H
#define HOLDFAST_HEARD_H

#include "abi.h"
#include "world.h"

/* In the low byte of a key word. */
#define HF_KEY_NONE    0
#define HF_KEY_RUNNING 1
#define HF_KEY_OVER    2 /* told */
#define HF_KEY_EXPIRED 3 /* told, though its end has not been seen */

/* More keys than this in a second (2^30 ns) are no person's. */
#define HF_KEYS_A_SECOND   25
/* A key press that is cut in pieces (RFC 4733 2.5.1.3) goes on without marker
 * within this many units of 2^20 ns. */
#define HF_KEY_PIECE_UNITS 200
/* A timestamp that is older by less belongs to a packet that comes late. */
#define HF_KEY_LATE	   (1 << 17)

struct hf_heard {
	/* timestamp << 32 | low half of the SSRC << 16 | event << 8 | state */
	__u64 key;
	__u32 key_begin;  /* timestamp of its first piece */
	__u32 key_length; /* so far, in timestamp units */
	__u32 key_unit;	  /* its newest packet, CLOCK_MONOTONIC / 2^20 ns */
	__u16 key_second; /* the second in which key_count keys began */
	__u16 key_count;
	__u32 report_unit; /* newest RTCP, 2^20 ns units, 0 = none */
	__u32 reserved[9];
};

/* One packet of an event, host order. */
struct hf_dtmf_in {
	__u32 timestamp;
	__u32 ssrc;
	__u32 now_unit;
	__u16 duration;
	__u8 event;
	__u8 end;
	__u8 marker;
};

/* What to tell after a packet. */
#define HF_DTMF_BEGUN 0x01 /* a key is down: look whether it ends */
#define HF_DTMF_OVER  0x02 /* this key is over: `event`, `length` */
#define HF_DTMF_CUT   0x04 /* the one before it too: `cut_event`, `cut_length` \
			    */
struct hf_dtmf_out {
	__u32 length, cut_length;
	__u8 event, cut_event;
};

HF_INLINE __u64 hf_key_make(const struct hf_dtmf_in *in, __u8 state)
{
	return (__u64)in->timestamp << 32 | (__u64)(in->ssrc & 0xffff) << 16 |
	       (__u32)in->event << 8 | state;
}

HF_INLINE __u8 hf_key_state(__u64 key)
{
	return (__u8)key;
}

HF_INLINE __u8 hf_key_event(__u64 key)
{
	return (__u8)(key >> 8);
}

/* The next piece of a key that is held for long: a new timestamp, but neither
 * marker nor end in between. */
HF_INLINE int hf_key_goes_on(const struct hf_heard *h, __u64 key,
			     const struct hf_dtmf_in *in)
{
	__u32 ahead = in->timestamp - (__u32)(key >> 32);

	return !in->marker && hf_key_event(key) == in->event &&
	       (hf_key_state(key) == HF_KEY_RUNNING ||
		hf_key_state(key) == HF_KEY_EXPIRED) &&
	       ahead && ahead <= 0xffff &&
	       in->now_unit - h->key_unit < HF_KEY_PIECE_UNITS;
}

HF_INLINE int hf_key_allowed(struct hf_heard *h, __u32 now_unit)
{
	__u16 second = (__u16)(now_unit >> 10);

	if (h->key_second != second) {
		h->key_second = second;
		h->key_count = 0;
	}
	return h->key_count++ < HF_KEYS_A_SECOND;
}

/* A packet of the key that the word is about, or of its next piece. */
HF_INLINE int hf_dtmf_more(struct hf_heard *h, __u64 key,
			   const struct hf_dtmf_in *in, struct hf_dtmf_out *out)
{
	__u32 length = in->timestamp - h->key_begin + in->duration;
	__u8 state = hf_key_state(key);

	if (state != HF_KEY_RUNNING && state != HF_KEY_EXPIRED)
		return 0;
	if (in->end && state == HF_KEY_RUNNING)
		state = HF_KEY_OVER;
	if (hf_cmpxchg64(&h->key, key, hf_key_make(in, state)) != key)
		return 0;
	if ((__s32)(length - h->key_length) > 0)
		h->key_length = length;
	h->key_unit = in->now_unit;
	if (state != HF_KEY_OVER)
		return 0;
	out->event = in->event;
	out->length = h->key_length;
	return HF_DTMF_OVER;
}

/* Returns what is to be told: HF_DTMF_*. */
HF_INLINE int hf_dtmf_step(struct hf_heard *h, const struct hf_dtmf_in *in,
			   struct hf_dtmf_out *out)
{
	__u64 key = HF_READ(h->key);
	__s32 ahead = (__s32)(in->timestamp - (__u32)(key >> 32));
	int tell = in->end ? HF_DTMF_OVER : HF_DTMF_BEGUN;
	__u32 cut = h->key_length;

	if (hf_key_state(key) != HF_KEY_NONE &&
	    (__u16)(key >> 16) == (__u16)in->ssrc) {
		if (!ahead)
			return hf_key_event(key) == in->event
				       ? hf_dtmf_more(h, key, in, out)
				       : 0;
		if (ahead < 0 && ahead > -HF_KEY_LATE)
			return 0;
		if (hf_key_goes_on(h, key, in))
			return hf_dtmf_more(h, key, in, out);
	}
	if (!hf_key_allowed(h, in->now_unit))
		return 0;
	if (hf_cmpxchg64(&h->key, key,
			 hf_key_make(in, in->end ? HF_KEY_OVER
						 : HF_KEY_RUNNING)) != key)
		return 0;
	h->key_begin = in->timestamp;
	h->key_length = in->duration;
	h->key_unit = in->now_unit;
	if (hf_key_state(key) == HF_KEY_RUNNING) {
		out->cut_event = hf_key_event(key);
		out->cut_length = cut;
		tell |= HF_DTMF_CUT;
	}
	out->event = in->event;
	out->length = in->duration;
	return tell;
}

/* Nothing of the key that runs has come for `units`: it is over. 1 if it is the
 * caller who has to tell it. */
HF_INLINE int hf_dtmf_expire(struct hf_heard *h, __u32 now_unit, __u32 units,
			     struct hf_dtmf_out *out)
{
	__u64 key = HF_READ(h->key);

	if (hf_key_state(key) != HF_KEY_RUNNING ||
	    (__s32)(now_unit - HF_READ(h->key_unit) - units) < 0)
		return 0;
	out->event = hf_key_event(key);
	out->length = HF_READ(h->key_length);
	return hf_cmpxchg64(&h->key, key, (key & ~0xffULL) | HF_KEY_EXPIRED) ==
	       key;
}

/*
 * What the receive side tells the controller, through the ring buffer map
 * `happenings`. A record that finds the ring full is lost and counted.
 */
#define HF_HAPPENED_KEY_BEGUN 1
#define HF_HAPPENED_KEY	      2 /* it is over */
struct hf_happening {
	__u64 at_ns; /* CLOCK_MONOTONIC */
	__u32 leg;
	__u32 length; /* of the key, in timestamp units */
	__u8 kind;    /* HF_HAPPENED_* */
	__u8 event; /* RFC 4733 3.2: 0-9, 10 = *, 11 = #, 12-15 = A-D, 16 flash
		     */
	__u8 reserved[6];
};
#define HF_HAPPENINGS_BYTES (256 * 1024)

HF_ASSERT(sizeof(struct hf_heard) == 64, "one line");
HF_ASSERT(sizeof(struct hf_happening) == 24, "no padding");

#endif
