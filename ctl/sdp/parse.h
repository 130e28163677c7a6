/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Foreign SDP text (RFC 8866) taken apart; inside ctl/sdp only.
 *
 * Tolerant about everything we do not use: unknown lines, their order, LF
 * alone, blank lines. c= and m= decide where media goes, so a bad one is an
 * error; an attribute that does not follow its grammar counts as not said,
 * because each has a safe default.
 */
#ifndef HOLDFAST_SDP_PARSE_H
#define HOLDFAST_SDP_PARSE_H

#include <stdarg.h>

#include "session.h"

#define HF_SDP_MAX_INPUT 65535 /* bytes of foreign text */
#define HF_SDP_FORMATS 128     /* RTP payload types are 7 bits */

/* A piece of the text parsed; valid as long as that text. */
struct hf_text {
	const char *at;
	size_t len;
};

enum hf_sdp_address {
	HF_SDP_ADDRESS_NONE,
	HF_SDP_ADDRESS_IP4,
	HF_SDP_ADDRESS_IP6,
	HF_SDP_ADDRESS_OTHER, /* a host name, another network */
};

struct hf_sdp_media {
	struct hf_text type;	/* "audio" */
	struct hf_text proto;	/* "RTP/AVP" */
	struct hf_text formats; /* the rest of the line */
	uint16_t port;
	unsigned int port_count; /* of "49170/2"; 1 if not said */
	uint8_t format[HF_SDP_FORMATS]; /* numbers among the formats, in order */
	unsigned int format_count;
	enum hf_sdp_address address; /* c= of the line, else of the session */
	struct hf_ip ip4;
	enum hf_direction direction;
	bool have_direction;
	uint16_t rtcp_port; /* a=rtcp (RFC 3605), 0 = not said */
	struct hf_ip rtcp_ip4; /* ... with an address */
	bool rtcp_mux;	    /* a=rtcp-mux (RFC 5761) */
	uint16_t ptime_ms, maxptime_ms;
	struct hf_text rtpmap[HF_SDP_FORMATS]; /* "PCMU/8000", at NULL = none */
	struct hf_text fmtp[HF_SDP_FORMATS];
};

struct hf_sdp {
	unsigned int media_count; /* lines seen; only so many are kept: */
	struct hf_sdp_media media[HF_SDP_MAX_MEDIA];
};

/* 0 or -EBADMSG with a sentence in `why`. *ret points into `text`. */
int hf_sdp_parse(struct hf_sdp *ret, const char *text, size_t len, char *why,
		 size_t why_len);

bool hf_text_is(struct hf_text, const char *word); /* without regard to case */
/* Cut the next word off the front; false at the end. */
bool hf_text_word(struct hf_text *, char separator, struct hf_text *ret_word);
/* Nothing but digits, at most `max`. */
bool hf_text_number(struct hf_text, unsigned long max, unsigned long *ret);

#endif
