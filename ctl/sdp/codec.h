/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the codecs; inside ctl/sdp only (names: session.h). */
#ifndef HOLDFAST_SDP_CODEC_H
#define HOLDFAST_SDP_CODEC_H

#include "session.h"

#define HF_CODEC_CLOCK 8000 /* of telephone-event where the peer named none */

/* RTP clock: not always the rate of the samples (G.722, RFC 3551 4.5.2). */
uint32_t hf_codec_clock(enum hf_codec);
unsigned int hf_codec_channels(enum hf_codec);
/* What we say in a=fmtp, or NULL. */
const char *hf_codec_fmtp(enum hf_codec);
/* The fixed number, or the one we propose. */
uint8_t hf_codec_own_pt(enum hf_codec);
bool hf_codec_pt_is_static(enum hf_codec);
int hf_codec_by_static_pt(uint8_t payload_type); /* -ENOENT */
/* Of a number that needs no rtpmap, NULL if it has no fixed meaning. */
const char *hf_codec_static_name(uint8_t payload_type);

#endif
