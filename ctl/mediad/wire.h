/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTCP onto the wire: UDP from any port of ours by one raw socket a family, on
 * the way that the kernel's routes say. And packets that are relayed to a peer
 * on this host, where no device leads.
 */
#ifndef HOLDFAST_MEDIAD_WIRE_H
#define HOLDFAST_MEDIAD_WIRE_H

#include <stdint.h>

#include "holdfast/report.h"
#include "mediad/rtcp.h"

/* Between whom, and who we are there. */
struct hf_rtcp_line {
	uint8_t family;		       /* 4 or 6 */
	uint8_t local[16], remote[16]; /* IPv4: the first four */
	__be16 local_port, remote_port;
	uint32_t ssrc;
	uint8_t cname[HF_CNAME_BYTES];
};

struct hf_rtcp_wire;

int hf_rtcp_wire_open(uint8_t tos, struct hf_rtcp_wire **ret);
void hf_rtcp_wire_close(struct hf_rtcp_wire *);
/* 0, or why not: tried again with the next report. */
int hf_rtcp_wire_send(struct hf_rtcp_wire *, const struct hf_rtcp_line *,
		      const struct hf_rtcp_report *);

/* A whole packet, from its IP header on, for a peer on this host. */
int hf_rtcp_wire_give(struct hf_rtcp_wire *, const uint8_t *packet,
		      uint16_t bytes);

/* A UDP header in front of the payload behind it, with its check. */
void hf_udp_head(uint8_t *udp, const struct hf_rtcp_line *, uint16_t bytes);

#endif
