// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ITU-T G.711. Both laws: a sign, three bits for the segment (each twice as
 * wide as the one before), four bits for the step in it. Sent inverted (µ-law)
 * or with every second bit inverted (A-law).
 */
#include "g711.h"

#define HF_ULAW_BIAS 132 /* 33 of 14 bits: makes every segment a power of two \
			  */
#define HF_ULAW_CLIP 32635

uint8_t hf_ulaw_encode(int16_t sample)
{
	int negative = sample < 0;
	int32_t x = negative ? -(int32_t)sample : sample;
	int segment;

	if (x > HF_ULAW_CLIP)
		x = HF_ULAW_CLIP;
	x += HF_ULAW_BIAS;
	segment = 31 - __builtin_clz((uint32_t)x) - 7;
	return (uint8_t) ~(negative << 7 | segment << 4 |
			   ((x >> (segment + 3)) & 0x0f));
}

int16_t hf_ulaw_decode(uint8_t code)
{
	int segment, x;

	code = (uint8_t)~code;
	segment = (code >> 4) & 7;
	x = (((code & 0x0f) << 3) + HF_ULAW_BIAS) << segment;
	x -= HF_ULAW_BIAS;
	return (int16_t)(code & 0x80 ? -x : x);
}

uint8_t hf_alaw_encode(int16_t sample)
{
	/* 13 bits; below zero the steps begin at -1. */
	int x = sample >= 0 ? sample >> 3 : ~sample >> 3;
	int segment = x < 32 ? 0 : 31 - __builtin_clz((uint32_t)x) - 4;
	int code =
		segment << 4 | ((segment < 2 ? x >> 1 : x >> segment) & 0x0f);

	return (uint8_t)((sample >= 0 ? code | 0x80 : code) ^ 0x55);
}

int16_t hf_alaw_decode(uint8_t code)
{
	int segment, x;

	code ^= 0x55;
	segment = (code >> 4) & 7;
	x = ((code & 0x0f) << 4) + 8;
	if (segment)
		x = (x + 256) << (segment - 1);
	return (int16_t)(code & 0x80 ? x : -x);
}
