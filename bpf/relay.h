/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Relay: a packet from the remote of one leg goes to the remote of another, as
 * part of the one stream that leg sends (include/holdfast/rtp.h has the rules).
 *
 * Two words are involved. The receiving leg's is claimed, which proves its
 * program. The sending leg's is only read, so it is read once more when all
 * that was taken from its program is in hand.
 */
#ifndef HF_BPF_RELAY_H
#define HF_BPF_RELAY_H

#include "frame.h"
#include "heard.h"
#include "stats.h"
#include "hold.h"
#include "parse.h"

/* The word can only be moved by another CPU relaying to the same leg or by a
 * flip, so a second try nearly always ends it. */
#define HF_RELAY_TRIES	   3
/* 8-byte words of the longest packet whose checksum is computed in full. */
#define HF_RELAY_SUM_WORDS 200

/* What of the receiving leg goes into the packet. */
struct hf_onward {
	struct hf_tuple tuple;
	const struct hf_pair6 *six;
	__be32 ssrc;
	__u32 nexthop;
	__u8 payload_type;
};

/* The numbers of an RTP packet; not what kind it is. */
static __always_inline void hf_rtp_get(void *data, struct hf_rtp_in *rtp)
{
	rtp->timestamp = HF_NTOHL(HF_W32(data, HF_AT_RTP_TS));
	rtp->ssrc = HF_W32(data, HF_AT_RTP_SSRC);
	rtp->seq = HF_NTOHS(HF_W16(data, HF_AT_RTP_SEQ));
	rtp->marker = HF_W8(data, HF_AT_RTP + 1) >> 7;
	rtp->kind = HF_RTP_OTHER;
}

/* 0, or the counter of why packets of this kind do not go there. */
static __always_inline int hf_onward_get(const struct hf_leg *to,
					 const struct hf_program *p,
					 __u64 word, __u32 leg, __u32 from_leg,
					 __u8 kind, struct hf_onward *o)
{
	if (p->mode != HF_MODE_RELAY || p->peer != from_leg)
		return HF_COUNT_DROP_IDLE;
	o->payload_type =
		kind == HF_RTP_EVENT ? p->tx_dtmf_pt : p->payload_type;
	if (kind == HF_RTP_EVENT && !o->payload_type)
		return HF_COUNT_DROP_PAYLOAD_TYPE;
	if (!hf_pair6_get(p, leg, word, &o->six))
		return HF_COUNT_DROP_IDLE;
	hf_tuple_get(p, &to->rx, o->six, &o->tuple);
	if (!o->tuple.dport)
		return HF_COUNT_DROP_IDLE;
	o->ssrc = p->ssrc;
	o->nexthop = p->nexthop;
	return 0;
}

/*
 * Sum of the packet from the RTP header to its end, folded. A function of its
 * own: the verifier walks its loop once, not once for each way that leads here.
 */
__attribute__((noinline)) int hf_rtp_sum(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	char *at = (char *)(long)ctx->data + HF_AT_RTP;
	__u64 sum = 0;
	int i;

	for (i = 0; i < HF_RELAY_SUM_WORDS; i++) {
		if ((void *)(at + 8) > data_end)
			break;
		sum += (__u64)HF_W32(at, 0) + HF_W32(at, 4);
		at += 8;
	}
	if ((void *)(at + 4) <= data_end) {
		sum += HF_W32(at, 0);
		at += 4;
	}
	if ((void *)(at + 2) <= data_end) {
		sum += HF_W16(at, 0);
		at += 2;
	}
	if ((void *)(at + 1) <= data_end)
		sum += (__u16)HF_HTONS((__u16)HF_W8(at, 0) << 8);
	return hf_csum_fold(sum);
}

/* The words that a relayed packet's UDP check covers and that change, but for
 * its addresses. */
static __always_inline __u64 hf_changed_sum(void *data)
{
	return (__u64)HF_W32(data, HF_AT_UDP) +
	       HF_W32(data, HF_AT_RTP) + HF_W32(data, HF_AT_RTP_TS) +
	       HF_W32(data, HF_AT_RTP_SSRC);
}

/* Has the packet's check to be computed in full? IPv6 has to have one. */
static __always_inline int hf_relay_sums(void *data, const struct hf_onward *o,
					 int partial)
{
	return partial || (o->six && !HF_W16(data, HF_AT_UDP_CHECK));
}

/* Rewrite the claimed packet, which ends where the datagram does. Needs 54
 * bytes. 0 if it cannot be what it should. */
static __always_inline int hf_relay_write(struct xdp_md *ctx, void *data,
					  const struct hf_way *way,
					  const struct hf_onward *o,
					  const struct hf_relayed *d,
					  const struct hf_incoming *in,
					  int partial)
{
	const struct hf_tuple *t = &o->tuple;
	__u16 check = HF_W16(data, HF_AT_UDP_CHECK);
	__u64 old = hf_changed_sum(data) + in->pair;
	int full = hf_relay_sums(data, o, partial);
	__u32 udp_len = in->udp_len;
	__u8 second = (d->marker ? HF_RTP_MARKER : 0) |
		      (o->payload_type & 0x7f);
	__u64 changed;

	hf_headers_write(data, way, t, udp_len);
	HF_W8(data, HF_AT_RTP + 1) = second;
	HF_W16(data, HF_AT_RTP_SEQ) = HF_HTONS(d->seq);
	HF_W32(data, HF_AT_RTP_TS) = HF_HTONL(d->timestamp);
	HF_W32(data, HF_AT_RTP_SSRC) = o->ssrc;
	changed = (__u16)HF_HTONS((__u16)HF_W8(data, HF_AT_RTP) << 8 | second) +
		  (__u64)(__u16)HF_HTONS(d->seq) +
		  (__u32)HF_HTONL(d->timestamp) + (__u32)o->ssrc +
		  (__u16)t->sport + (__u16)t->dport + t->pair;
	if (full)
		check = hf_csum_udp(hf_csum_udp_header(t->pair, t->sport,
						       t->dport,
						       HF_HTONS(udp_len)) +
				    (__u16)hf_rtp_sum(ctx));
	else if (check) /* 0: the talker computes none (RFC 768) */
		check = hf_csum_udp_change(check, old, changed);
	HF_W16(data, HF_AT_UDP_CHECK) =
		hf_without & HF_WITHOUT_CHECK ? 0 : check;
	return !hf_wrap_bytes(way, o->six) ||
	       hf_wrap(ctx, way, o->six, udp_len);
}

/* As hf_refuse(), for a packet from the right source: relayed ones are counted
 * where they are relayed. */
static __always_inline int hf_intake_refuse(struct hf_intake *intake, __u64 now_ns,
					   __u32 which)
{
	intake->packets++;
	HF_WRITE(intake->last_rx, (__u32)(now_ns >> 20));
	return hf_refuse(intake, which);
}

/* From its IP header on, as it leaves. */
static __always_inline __u32 hf_relay_bytes(const struct hf_onward *o,
					    const struct hf_incoming *in)
{
	return in->udp_len + 20 + (o->six ? HF_IP6_MORE : 0);
}

/* Is there room for it that way? What has no check yet must not be larger than
 * what is summed up. */
static __always_inline int hf_relay_fits(const struct hf_onward *o,
					 const struct hf_way *way,
					 const struct hf_incoming *in)
{
	if (hf_relay_bytes(o, in) > way->mtu)
		return 0;
	return !o->six || in->udp_len <= 8 + 8 * HF_RELAY_SUM_WORDS;
}

/* And in the record, if it goes by holdfast-mediad (host.h)? */
static __always_inline int hf_relay_fits_record(int verdict,
						const struct hf_onward *o,
						const struct hf_incoming *in)
{
	return verdict != HF_TO_HOST || hf_relay_bytes(o, in) <= HF_TO_HOST_MAX;
}

/*
 * Work the packet out and claim it. Returns 0 with *verdict, *way, *o and *d
 * filled, or the counter of why not.
 */
static __always_inline int
hf_relay_claim(struct xdp_md *ctx, struct hf_leg *from, const __u64 *from_claim,
	       __u64 from_word, struct hf_bound *b,
	       const struct hf_intake *intake, struct hf_leg *to,
	       __u64 *to_claim, __u32 peer, const struct hf_incoming *in,
	       const struct hf_rtp_in *rtp, __u64 now_ns, struct hf_way *way,
	       struct hf_onward *o, struct hf_relayed *d, int *verdict)
{
	const struct hf_program *p;
	int i, refused;
	__u64 word;

	for (i = 0; i < HF_RELAY_TRIES; i++) {
		word = hf_load_acquire(to_claim);
		p = &to->program[hf_word_epoch(word) & 1];
		refused = hf_onward_get(to, p, word, peer, in->leg, rtp->kind,
					o);
		if (refused)
			return refused;
		if (!hf_way_get(o->nexthop, way))
			return HF_COUNT_DROP_NO_HOP;
		if (!hf_relay_fits(o, way, in))
			return HF_COUNT_DROP_MTU;
		*verdict = hf_way_verdict(way, in);
		if (*verdict == XDP_DROP)
			return HF_COUNT_DROP_NO_HOP;
		if (!hf_relay_fits_record(*verdict, o, in))
			return HF_COUNT_DROP_MTU;
		switch (hf_relay_due(b, &from->rx, intake->last_out, p, word,
				     now_ns, rtp, d)) {
		case HF_RELAY_OLD:
			return HF_COUNT_RELAY_LATE;
		case HF_RELAY_JUMP:
			hf_relay_jump(b, &from->rx, rtp);
			return HF_COUNT_RELAY_JUMP;
		}
		if (hf_word_epoch(HF_READ(*from_claim)) !=
		    hf_word_epoch(from_word))
			break;
		if (hf_claim(to_claim, word, d->next))
			return 0;
	}
	return HF_COUNT_CLAIM_LOST;
}

static __always_inline int hf_relay(struct xdp_md *ctx, struct hf_leg *from,
				    const __u64 *claim, struct hf_intake *intake,
				    struct hf_bound *b, __u64 word,
				    const struct hf_program *p,
				    const struct hf_incoming *in,
				    struct hf_rtp_in *rtp, __u8 payload_type,
				    __u64 now_ns)
{
	__u32 peer = p->peer, want = HF_AT_UDP + in->udp_len;
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	int partial, verdict, refused;
	struct hf_claim *to_claim;
	struct hf_onward onward;
	struct hf_relayed out;
	struct hf_way way;
	struct hf_leg *to;

	rtp->kind = hf_rtp_kind(p, payload_type);
	if (rtp->kind == HF_RTP_OTHER)
		return hf_intake_refuse(intake, now_ns,
				       HF_COUNT_DROP_PAYLOAD_TYPE);
	to = bpf_map_lookup_elem(&legs, &peer);
	to_claim = bpf_map_lookup_elem(&claims, &peer);
	if (!to || !to_claim)
		return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_IDLE);
	partial = hf_device_partial(in->ifindex);
	if (partial && in->udp_len > 8 + 8 * HF_RELAY_SUM_WORDS)
		return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_MTU);
	/* What lies behind the datagram is nobody's business further on. */
	if ((__u64)(data_end - data) != want) {
		if (!hf_packet_resize(ctx, want))
			return hf_intake_refuse(intake, now_ns,
					       HF_COUNT_DROP_RESIZE);
		data = (void *)(long)ctx->data;
		data_end = (void *)(long)ctx->data_end;
	}
	if (data + HF_AT_PAYLOAD > data_end)
		return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_LENGTH);

	refused = hf_relay_claim(ctx, from, claim, word, b, intake, to,
				 &to_claim->word, peer, in, rtp, now_ns, &way,
				 &onward, &out, &verdict);
	if (refused)
		return hf_intake_refuse(intake, now_ns, refused);
	if (!hf_relay_write(ctx, data, &way, &onward, &out, in, partial))
		return hf_intake_refuse(intake, now_ns, HF_COUNT_DROP_RESIZE);
	hf_relay_done(b, &from->rx, intake, rtp, &out, now_ns);
	if (rtp->kind != HF_RTP_AUDIO) /* last_out stays at the event's begin */
		HF_WRITE(intake->last_rx, (__u32)(now_ns >> 20));
	hf_count(HF_COUNT_RELAYED);
	return verdict;
}

/* Is it of the leg's remote, audio, and whole? */
static __always_inline int hf_relay_takes(void *data, void *data_end,
					  const struct hf_across *a,
					  const struct hf_incoming *in)
{
	return in->saddr == a->remote_ip4 && in->sport == a->remote_port &&
	       !((HF_W8(data, HF_AT_RTP + 1) ^ a->rx_payload_type) & 0x7f) &&
	       hf_rtp_is_v2(HF_W8(data, HF_AT_RTP)) &&
	       (__u64)(data_end - data) == HF_AT_UDP + (__u64)in->udp_len;
}

/* What of the receiving leg goes into the packet; 0 if that is not there. */
static __always_inline int hf_across_onward(const struct hf_across *a,
					    __u32 peer, __u64 to_word,
					    struct hf_onward *o)
{
	const struct hf_leg6 *l;

	o->tuple.saddr = a->saddr;
	o->tuple.daddr = a->daddr;
	o->tuple.sport = a->sport;
	o->tuple.dport = a->dport;
	o->tuple.pair = hf_csum_pair4(a->saddr, a->daddr);
	o->ssrc = a->ssrc;
	o->nexthop = a->nexthop;
	o->payload_type = a->payload_type;
	o->six = 0;
	if (!a->six)
		return 1;
	l = bpf_map_lookup_elem(&leg6, &peer);
	if (!l)
		return 0;
	o->six = &l->program[hf_word_epoch(to_word) & 1];
	o->tuple.pair = hf_csum_pair6(&o->six->local, &o->six->remote);
	return 1;
}

/*
 * The common case: the next audio packet of a source that is bound, between two
 * programs that have not changed. Touches the claim line and the intake of the
 * one leg, and the word of the other. 0 for everything else, with nothing
 * changed.
 */
static __always_inline int hf_relay_plain(struct xdp_md *ctx, void *data,
					  const struct hf_claim *from,
					  struct hf_intake *intake, __u64 word,
					  const struct hf_incoming *in,
					  __u64 now_ns, int *ret_verdict)
{
	void *data_end = (void *)(long)ctx->data_end;
	const struct hf_across *a = &from->across;
	struct hf_claim *to_claim;
	struct hf_onward o;
	struct hf_relayed d;
	struct hf_rtp_in rtp;
	struct hf_way way;
	int partial, verdict;
	__u32 peer, to_epoch;
	__u64 to_word;

	if (!hf_across_in_force(&a, word, &to_epoch))
		return 0;
	peer = a->peer;
	to_claim = bpf_map_lookup_elem(&claims, &peer);
	if (!to_claim)
		return 0;
	to_word = hf_load_acquire(&to_claim->word);
	hf_rtp_get(data, &rtp);
	rtp.kind = HF_RTP_AUDIO;
	if (hf_word_epoch(to_word) != to_epoch ||
	    !hf_relay_takes(data, data_end, a, in) ||
	    !hf_relay_goes_on(intake, to_word, &rtp, &d))
		return 0;
	partial = hf_device_partial(in->ifindex);
	if (partial && in->udp_len > 8 + 8 * HF_RELAY_SUM_WORDS)
		return 0;
	if (!hf_across_onward(a, peer, to_word, &o) ||
	    !hf_way_get(o.nexthop, &way) || !hf_relay_fits(&o, &way, in))
		return 0;
	verdict = hf_way_verdict(&way, in);
	HF_BARRIER();
	if (verdict == XDP_DROP || !hf_relay_fits_record(verdict, &o, in) ||
	    hf_word_epoch(HF_READ(from->word)) != hf_word_epoch(word) ||
	    !hf_take(&to_claim->word, to_word, d.next))
		return 0;
	if (!hf_relay_write(ctx, data, &way, &o, &d, in, partial)) {
		*ret_verdict = hf_drop(HF_COUNT_DROP_RESIZE);
		return 1;
	}
	hf_relay_sent(intake, &d, now_ns);
	hf_stream_hear(&intake->stream, &rtp, in, from->unit_ns, 1, now_ns);
	hf_count(HF_COUNT_RELAYED);
	*ret_verdict = verdict;
	return 1;
}

#endif
