/* SPDX-License-Identifier: GPL-2.0 */
/*
 * To a peer on this host from one outside: no device is the way there. The host
 * believes no packet of its own address that comes in by a device, and one that
 * is redirected to lo comes in by that. So it is handed, as it would leave, to
 * holdfast-mediad (include/holdfast/report.h), which sends it by a socket.
 */
#ifndef HF_BPF_HOST_H
#define HF_BPF_HOST_H

#include <holdfast/report.h>
#include "maps.h"
#include "stats.h"
#include "wire.h"

/* For HF_TO_HOST, and not longer than a record takes: who answers that has seen
 * to it (relay.h; hold frames are short). Not inline: it stands in nobody's way. */
static __attribute__((noinline)) int hf_host_give(struct xdp_md *ctx)
{
	__u32 bytes = (__u32)bpf_xdp_get_buff_len(ctx) - ETH_HLEN;
	struct hf_to_host *record;

	record = bpf_ringbuf_reserve(&rtcp_in, sizeof(*record), 0);
	if (!record)
		return hf_drop(HF_COUNT_TX_REFUSED);
	record->bytes = (__u16)bytes;
	if (!hf_bytes_read(ctx, ETH_HLEN, record->packet, bytes,
			   HF_TO_HOST_MAX))
		record->bytes = 0;
	/* Records of RTCP, of which its reader is not told, may be in front. */
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return XDP_DROP;
}

#endif
