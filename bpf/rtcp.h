/* SPDX-License-Identifier: GPL-2.0 */
/*
 * RTCP for one of our legs: from the right address it is handed to
 * holdfast-mediad, which reads it (include/holdfast/report.h). Always consumed.
 */
#ifndef HF_BPF_RTCP_H
#define HF_BPF_RTCP_H

#include <holdfast/claim.h>
#include <holdfast/remote.h>
#include "maps.h"
#include "parse.h"
#include "shape.h"
#include "stats.h"
#include "wire.h"

/*
 * The address alone counts: behind a NAT the port of RTCP is not known, and all
 * that a report can do is to be shown.
 */
static __always_inline int hf_rtcp_source_right(const struct hf_leg *leg,
						const struct hf_program *p,
						const struct hf_rtcp *r,
						const struct hf_incoming *in)
{
	if (in->saddr == hf_remote_get(p, &leg->rx).ip4)
		return 1;
	return (r->flags & HF_RTCP_ADDRESS) && r->family == 4 &&
	       in->saddr == *(const __be32 *)r->remote;
}

/* The same for IPv6, whose packet is still as it came; `at`: where its UDP
 * payload begins. */
static __always_inline int hf_rtcp_source6_right(struct xdp_md *ctx, __u32 leg,
						 __u64 word,
						 const struct hf_rtcp *r,
						 __u32 at)
{
	struct hf_ip6 from;

	if (bpf_xdp_load_bytes(ctx, at - 8 - 32, &from, sizeof(from)))
		return 0;
	if (hf_remote6_is(leg, word, &from))
		return 1;
	return (r->flags & HF_RTCP_ADDRESS) && r->family == 6 &&
	       hf_ip6_equal((const void *)r->remote, &from);
}

/* The counter of what becomes of it. */
static __always_inline int hf_rtcp_take(struct xdp_md *ctx,
					const struct hf_incoming *in, __u32 at)
{
	__u32 have = (__u32)bpf_xdp_get_buff_len(ctx), bytes;
	__u64 now_ns = hf_now();
	__u32 unit = (__u32)(now_ns >> 20), index = in->leg;
	const struct hf_program *p;
	__u64 word;
	struct hf_rtcp_in *record;
	struct hf_heard *h = bpf_map_lookup_elem(&heard, &index);
	struct hf_rtcp *r = bpf_map_lookup_elem(&rtcp, &index);
	struct hf_leg *leg = bpf_map_lookup_elem(&legs, &index);
	struct hf_claim *claim = bpf_map_lookup_elem(&claims, &index);

	if (!h || !r || !leg || !claim)
		return HF_COUNT_DROP_NO_LEG;
	word = hf_load_acquire(&claim->word);
	p = hf_word_program(leg, word);
	if (!p->remote_port)
		return HF_COUNT_DROP_NO_LEG;
	if (in->six && in->more ?
		    !hf_rtcp_source6_right(ctx, index, word, r, at) :
		    !hf_rtcp_source_right(leg, p, r, in))
		return HF_COUNT_RTCP_SOURCE;
	if (in->udp_len < 8 + 8 || at + in->udp_len - 8 > have)
		return HF_COUNT_RTCP_LENGTH;
	if (h->report_unit && unit - h->report_unit < HF_RTCP_GAP_UNITS)
		return HF_COUNT_RTCP_LOST;
	h->report_unit = unit ? unit : 1;
	bytes = in->udp_len - 8;
	if (bytes > HF_RTCP_IN_MAX)
		bytes = HF_RTCP_IN_MAX;
	record = bpf_ringbuf_reserve(&rtcp_in, sizeof(*record), 0);
	if (!record)
		return HF_COUNT_RTCP_LOST;
	record->at_ns = now_ns;
	record->leg = index;
	record->bytes = (__u16)bytes;
	record->sport = in->sport;
	if (!hf_bytes_read(ctx, at, record->packet, bytes, HF_RTCP_IN_MAX))
		record->bytes = 0;
	/* Its reader looks by itself, so that a packet is not a wake-up. */
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return HF_COUNT_RTCP_RX;
}

/* `at`: where it begins in the packet. Not inline, see hf_dtmf_hear(). */
static __attribute__((noinline)) int
hf_rtcp_hear(struct xdp_md *ctx, const struct hf_incoming *in, __u32 at)
{
	return hf_drop(hf_rtcp_take(ctx, in, at));
}

#endif
