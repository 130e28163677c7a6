/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the codecs; inside ctl/sdp only (names: session.h). */
#ifndef HOLDFAST_SDP_CODEC_H
#define HOLDFAST_SDP_CODEC_H

#include "session.h"

#define HF_CODEC_CLOCK 8000 /* RTP clock of every codec we know so far */

uint8_t hf_codec_static_pt(enum hf_codec);
int hf_codec_by_static_pt(uint8_t payload_type); /* -ENOENT */
/* Of a number that needs no rtpmap, NULL if it has no fixed meaning. */
const char *hf_codec_static_name(uint8_t payload_type);

#endif
