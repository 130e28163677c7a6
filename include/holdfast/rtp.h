/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTP (RFC 3550) as far as the packet path reads it, and the switch: how the
 * packets of whichever source a leg is being relayed become the leg's one
 * stream, whose sequence numbers never have a gap that the source did not make.
 *
 * Within one source, out = in + a constant for sequence and timestamp, so the
 * talker's own loss, reordering and pauses stay visible. The constants are
 * bound at the first packet of a source: its sequence is the next of the stream
 * (the claim word), its timestamp follows the time that has passed. They stand
 * in struct hf_bound of the leg the packets come from, and hold for one epoch of
 * the leg they go to, so any flip of that leg binds anew. They stand once more in
 * struct hf_intake, on the line that every packet needs anyway, from when a
 * packet was relayed by them until one comes that is not the plain next one;
 * those in between look at nothing else (hf_relay_goes_on()).
 *
 * As with hold frames, hf_relay_due() works a packet out, the caller takes it
 * by hf_claim(), and only then hf_relay_done() notes it. Pure.
 */
#ifndef HOLDFAST_RTP_H
#define HOLDFAST_RTP_H

#include "abi.h"
#include "claim.h"
#include "world.h"

#define HF_RTP_BYTES  12
#define HF_RTP_MARKER 0x80 /* in the second byte, above the payload type */

/* RFC 3550 A.1: sequence numbers further off than these begin a new run, which
 * the next packet must confirm. */
#define HF_RTP_DROPOUT	3000
#define HF_RTP_MISORDER 100

/* How long after a switch, in packets, an event (RFC 4733) from before it is
 * looked for, at least: plain packets leave the watch over that to the one that
 * begins the next HF_RTP_WATCH sequence numbers, which is not plain. Both
 * together stay well within 2^15 units of 8 timestamps, of 20 ms packets. */
#define HF_RTP_FRESH 500
#define HF_RTP_WATCH 512

HF_INLINE int hf_rtp_is_v2(__u8 first_byte)
{
	return first_byte >> 6 == 2;
}

/* RTCP on the RTP port (RFC 5761 section 4): types 192-223. */
HF_INLINE int hf_rtp_is_rtcp(__u8 second_byte)
{
	return second_byte >= 192 && second_byte <= 223;
}

/* What a relayed packet is, by the payload types of the leg it came from. */
enum hf_rtp_kind { HF_RTP_OTHER, HF_RTP_AUDIO, HF_RTP_EVENT };

HF_INLINE int hf_rtp_kind(const struct hf_program *from, __u8 payload_type)
{
	if (payload_type == from->rx_payload_type)
		return HF_RTP_AUDIO;
	if (payload_type == from->rx_dtmf_pt && payload_type)
		return HF_RTP_EVENT;
	return HF_RTP_OTHER;
}

/* An incoming packet's numbers, host order except the SSRC. */
struct hf_rtp_in {
	__u32 timestamp;
	__be32 ssrc;
	__u16 seq;
	__u8 marker; /* 0 or 1 */
	__u8 kind;   /* enum hf_rtp_kind */
};

enum hf_relay_verdict {
	HF_RELAY_SEND,
	HF_RELAY_OLD,  /* from before the switch: drop it */
	HF_RELAY_JUMP, /* out of all order: drop it, hf_relay_jump() notes it */
};

/* One relayed packet, worked out but not yet claimed. */
struct hf_relayed {
	__u64 next;	 /* the receiving leg's word once it is claimed */
	__u32 timestamp; /* host order */
	__u16 seq;
	__u8 marker;
	__u8 bind;     /* binds the source */
	__u8 in_order; /* the newest of the stream so far */
};

/* The timestamp with which a source takes over the stream. */
HF_INLINE __u32 hf_relay_timestamp(const struct hf_bound *b, __u64 last_out,
				   const struct hf_program *to, __u64 word,
				   __u64 now_ns)
{
	__u32 ptime = HF_READ(to->ptime_ns);
	__u32 step = to->ts_step;
	__u32 floor = to->ts_base + hf_word_slot(word) * step;
	__u32 ts;

	if ((b->flags & HF_BOUND) && last_out && ptime &&
	    b->epoch == hf_word_epoch(word)) {
		/* Another source on the same line: on from its newest packet,
		 * by the time since then and by one packet at least. */
		__u32 units = (__u32)(now_ns >> 20) - (__u32)last_out;
		__u32 passed = (__u32)(((__u64)units << 20) * step / ptime);

		return (__u32)(last_out >> 32) +
		       (passed > step ? passed : step);
	}
	ts = hf_program_timestamp(to, now_ns);
	return (__s32)(ts - floor) < 0 ? floor : ts;
}

HF_INLINE int hf_relay_bind(const struct hf_bound *b, __u64 last_out,
			    const struct hf_program *to, __u64 word,
			    __u64 now_ns, const struct hf_rtp_in *in,
			    struct hf_relayed *d)
{
	/* The middle of an event is not a beginning: wait for what follows. */
	if (in->kind == HF_RTP_EVENT && !in->marker)
		return HF_RELAY_OLD;
	d->seq = hf_word_seq(word);
	d->timestamp = hf_relay_timestamp(b, last_out, to, word, now_ns);
	d->marker = 1;
	d->bind = 1;
	d->in_order = 1;
	d->next = hf_relay_next(word, d->seq);
	return HF_RELAY_SEND;
}

/* Did this event begin before the packet that bound the source? */
HF_INLINE int hf_relay_old_event(const struct hf_bound *b,
				 const struct hf_leg_rx *rx,
				 const struct hf_rtp_in *in)
{
	return in->kind == HF_RTP_EVENT && !in->marker &&
	       (b->flags & HF_BOUND_FRESH) &&
	       (__s16)(__u16)((__u16)(in->timestamp >> 3) - rx->event) <
		       0;
}

/* The common case of hf_relay_due(): on from the packet before, in its order.
 * 0 if it is not one, with nothing done. */
HF_INLINE int hf_relay_goes_on(const struct hf_intake *i, __u64 word,
			       const struct hf_rtp_in *in, struct hf_relayed *d)
{
	__u16 next = hf_word_seq(word);

	if (i->epoch != (HF_STEADY | hf_word_epoch(word)) ||
	    i->stream.source != in->ssrc || in->kind != HF_RTP_AUDIO)
		return 0;
	d->seq = (__u16)(in->seq + i->seq);
	if ((__u16)(d->seq - next) >= HF_RTP_DROPOUT ||
	    (__u16)(d->seq ^ (__u16)(next - 1)) >= HF_RTP_WATCH)
		return 0;
	d->timestamp = in->timestamp + i->ts;
	d->marker = in->marker;
	d->bind = 0;
	d->in_order = 1;
	d->next = hf_relay_next(word, d->seq);
	return 1;
}

/*
 * `b`, `rx` and last_out are of the leg the packet came from, `to` and `word` are the
 * program and the word of the leg it goes to, the word read first.
 */
HF_INLINE int hf_relay_due(const struct hf_bound *b,
			   const struct hf_leg_rx *rx, __u64 last_out,
			   const struct hf_program *to, __u64 word,
			   __u64 now_ns, const struct hf_rtp_in *in,
			   struct hf_relayed *d)
{
	__u8 flags = b->flags;
	__u16 ahead;

	if (!(flags & HF_BOUND) || b->epoch != hf_word_epoch(word) ||
	    b->ssrc != in->ssrc)
		return hf_relay_bind(b, last_out, to, word, now_ns, in, d);
	d->seq = (__u16)(in->seq + b->seq);
	ahead = (__u16)(d->seq - hf_word_seq(word));
	d->in_order = ahead < HF_RTP_DROPOUT;
	if (!d->in_order) {
		if ((__u16)-ahead > HF_RTP_MISORDER) {
			if ((flags & HF_BOUND_JUMP) && in->seq == rx->bad_seq)
				return hf_relay_bind(b, last_out, to, word,
						     now_ns, in, d);
			return HF_RELAY_JUMP;
		}
		if ((__s16)(__u16)(d->seq - b->first) < 0)
			return HF_RELAY_OLD;
	}
	if (hf_relay_old_event(b, rx, in))
		return HF_RELAY_OLD;
	d->timestamp = in->timestamp + b->ts;
	d->marker = in->marker;
	d->bind = 0;
	d->next = hf_relay_next(word, d->seq);
	return HF_RELAY_SEND;
}

/* Note the packet that hf_relay_due() called a jump. */
HF_INLINE void hf_relay_jump(struct hf_bound *b, struct hf_leg_rx *rx,
			     const struct hf_rtp_in *in)
{
	rx->bad_seq = (__u16)(in->seq + 1);
	b->flags |= HF_BOUND_JUMP;
}

/* Note a packet that was claimed: in the intake, which is all that a plain one
 * needs. An event repeats the timestamp of its begin: keep the moment of the
 * first, so that timestamp and time belong together. */
HF_INLINE void hf_relay_sent(struct hf_intake *i, const struct hf_relayed *d,
			     __u64 now_ns)
{
	i->forwarded++;
	if (d->bind ||
	    (d->in_order &&
	     (__s32)(d->timestamp - (__u32)(i->last_out >> 32)) > 0))
		HF_WRITE(i->last_out,
			 (__u64)d->timestamp << 32 | (__u32)(now_ns >> 20));
}

/* From here on not by the offsets in the intake: before a packet that is not
 * plain is counted, which may change the source that they are of. */
HF_INLINE void hf_relay_unsteady(struct hf_intake *i)
{
	if (i->epoch)
		hf_store_release(&i->epoch, (__u16)0);
}

/* The next ones may go by them. */
HF_INLINE void hf_relay_steady(struct hf_intake *i, const struct hf_bound *b)
{
	if (b->ssrc != i->stream.source || (b->flags & HF_BOUND_JUMP))
		return;
	i->seq = b->seq;
	i->ts = b->ts;
	hf_store_release(&i->epoch, (__u16)(HF_STEADY | b->epoch));
}

/* And all else, of one that is not plain. */
HF_INLINE void hf_relay_done(struct hf_bound *b, struct hf_leg_rx *rx,
			     struct hf_intake *i, const struct hf_rtp_in *in,
			     const struct hf_relayed *d, __u64 now_ns)
{
	__u16 since;

	hf_relay_sent(i, d, now_ns);
	if (d->bind) {
		b->ssrc = in->ssrc;
		b->seq = (__u16)(d->seq - in->seq);
		b->ts = d->timestamp - in->timestamp;
		b->epoch = (__u16)hf_word_epoch(d->next);
		b->first = d->seq;
		rx->event = (__u16)(in->timestamp >> 3);
		b->flags = HF_BOUND | HF_BOUND_FRESH;
	} else if (!d->in_order) {
		return;
	}
	/* What bound the source slides out of a 16-bit comparison's reach. */
	since = (__u16)(d->seq - b->first);
	if (since > 4 * HF_RTP_FRESH)
		b->first = (__u16)(d->seq - 2 * HF_RTP_FRESH);
	if (since > HF_RTP_FRESH || (in->kind == HF_RTP_EVENT && !d->bind))
		b->flags &= (__u8)~HF_BOUND_FRESH;
	if (b->flags & HF_BOUND_JUMP)
		b->flags &= (__u8)~HF_BOUND_JUMP;
	hf_relay_steady(i, b);
}

#endif
