/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ITU-T G.711: 16-bit linear samples to and from µ-law (PCMU) and A-law (PCMA). */
#ifndef HOLDFAST_MEDIA_G711_H
#define HOLDFAST_MEDIA_G711_H

#include <stdint.h>

uint8_t hf_ulaw_encode(int16_t sample);
int16_t hf_ulaw_decode(uint8_t code);
uint8_t hf_alaw_encode(int16_t sample);
int16_t hf_alaw_decode(uint8_t code);

#endif
