// SPDX-License-Identifier: GPL-2.0
/*
 * The packet path of the anchor. A packet's walk:
 *
 *   hf_receive, on every media device
 *     parse.h    ours? which leg?                    -> else XDP_PASS
 *     gather.h   may it wait for those right behind it? Then the rest is done in
 *                hf_gathered, for up to 16 packets at a time
 *     shape.h    a tag, IPv6: the packet is brought to the plain form
 *     receive.h  RTP, right source?                  -> else a counted drop
 *     rtcp.h     RTCP: to holdfast-mediad, keys (heard.h): to the controller
 *     relay.h    the leg has a peer: on to its remote
 *     hold.h     the leg is held: back as its hold frame, if that is due
 *     host.h     the way out leads to this host: to holdfast-mediad
 *
 *   hf_paced, on blank live frames that holdfast-mediad asks for
 *     paced.h    the next hold frame that it has made ready
 *
 * Hold frames and relayed packets are worked out (claim.h, rtp.h), written (frame.h,
 * egress.h, shape.h for IPv6 and tags) and taken by one compare-and-exchange before
 * they leave.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "paced.h"
#include "gather.h"
#include "host.h"
#include "receive.h"

SEC("xdp.frags")
int hf_receive(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_incoming in;
	int verdict;

	in.ifindex = ctx->ingress_ifindex;
	in.here_only = 0;
	switch (hf_parse(ctx, data, data_end, &in)) {
	case HF_PARSE_PASS:
		return XDP_PASS;
	case HF_PARSE_RTCP:
		return hf_rtcp_hear(ctx, &in, HF_AT_RTP + in.more);
	case HF_PARSE_LENGTH:
		return hf_drop(HF_COUNT_DROP_LENGTH);
	case HF_PARSE_NO_CHECK:
		return hf_drop(HF_COUNT_DROP_NO_CHECK);
	}
	if (hf_gather(data, data_end, &in))
		return XDP_REDIRECT;
	/* Reading the clock waits for all loads before it, so it comes first.
	 */
	verdict = hf_receive_rtp(ctx, &in, hf_now());
	return verdict == HF_TO_HOST ? hf_host_give(ctx) : verdict;
}

SEC("xdp.frags/devmap")
int hf_gathered(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_incoming in, *known;
	struct hf_note *note;
	__u64 now_ns = 0;

	note = hf_gathered_next(ctx, &now_ns);
	/* Lengths anew: of a note only what stands in the headers is certain. */
	if (note && !note->in.more && data + HF_AT_PAYLOAD <= data_end &&
	    (__u64)(data_end - data) >= HF_AT_UDP + (__u64)note->in.udp_len) {
		known = &note->in;
	} else {
		known = &in;
		in.ifindex = ctx->egress_ifindex;
		in.here_only = 1;
		if (hf_parse(ctx, data, data_end, &in) != HF_PARSE_RTP)
			return XDP_DROP;
	}
	return hf_receive_rtp(ctx, known, now_ns) == XDP_TX ? XDP_PASS :
							      XDP_DROP;
}

SEC("xdp")
int hf_paced(struct xdp_md *ctx)
{
	return hf_paced_send(ctx);
}

char LICENSE[] SEC("license") = "GPL";
