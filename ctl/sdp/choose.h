/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a foreign m= line usable, and with what? Inside ctl/sdp only. */
#ifndef HOLDFAST_SDP_CHOOSE_H
#define HOLDFAST_SDP_CHOOSE_H

#include "parse.h"

struct hf_choice {
	bool offered[HF_CODEC_COUNT];
	uint8_t pt[HF_CODEC_COUNT]; /* of those offered */
	enum hf_codec codec;	    /* the one to use */
	uint8_t dtmf_pt;	    /* 0 = none */
	uint32_t dtmf_clock;
};

/* What of a line we can use with `codecs`: 0, or -ENOPROTOOPT with a sentence.
 * The port is not looked at. */
int hf_sdp_choose(const struct hf_sdp_media *, const enum hf_codec *codecs,
		  unsigned int count, struct hf_choice *ret, char *why,
		  size_t why_len);

/* The packet time for what we send: what the peer asked for if we have it, else
 * 20 ms, never above its maxptime; 0 = none fits. */
uint16_t hf_sdp_ptime(uint16_t ptime_ms, uint16_t maxptime_ms);

#endif
