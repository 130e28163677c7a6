/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RTCP packets (RFC 3550 section 6) as bytes: what we write and what we read of
 * a peer's. Pure; report.c knows when and about whom.
 */
#ifndef HOLDFAST_MEDIAD_RTCP_H
#define HOLDFAST_MEDIAD_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sender or receiver report, SDES, BYE: what one of ours can come to. */
#define HF_RTCP_BYTES_MAX (28 + 24 + 8 + 4 + 64 + 8)

/* Reception of one source, as a report block has it. */
struct hf_rtcp_block {
	uint32_t source;
	uint8_t fraction; /* lost since the report before, of 256 */
	int32_t lost;	  /* all */
	uint32_t highest; /* sequence number with its cycles */
	uint32_t jitter;  /* in timestamp units */
	uint32_t last_sr; /* middle of the NTP time of its newest SR, */
	uint32_t since;	  /* and how long ago that came, 1/65536 s */
};

struct hf_rtcp_report {
	uint32_t ssrc;
	bool sender; /* these four are said: */
	uint64_t ntp;
	uint32_t timestamp, packets, octets;
	bool block; /* and this */
	struct hf_rtcp_block about;
	const uint8_t *cname;
	uint8_t cname_bytes; /* at most 60 */
	bool bye;
};

/* All numbers host order. The bytes written, 0 if there is no room. */
size_t hf_rtcp_write(const struct hf_rtcp_report *, uint8_t *out, size_t room);

struct hf_rtcp_seen {
	uint32_t ssrc; /* who reports */
	bool sender;   /* a sender report: */
	uint32_t mid;  /* middle of its NTP time */
	bool block;    /* it says how it receives `source`: */
	struct hf_rtcp_block about;
	bool bye;
};
/* What a compound packet says, and says of `source`. It may have been cut at
 * its end. -EBADMSG if it is no RTCP. */
int hf_rtcp_read(const uint8_t *bytes, size_t len, uint32_t source,
		 struct hf_rtcp_seen *ret);

/* Until the next report of a leg; to its first one if it has made none. */
uint32_t hf_rtcp_interval_ms(uint32_t random, bool first);

#endif
