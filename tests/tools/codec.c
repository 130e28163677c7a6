// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Codecs for tests, by the libraries alone and none of our code:
 *
 *	codec encode|decode g722|opus [BYTES] <in >out
 *
 * Samples are 16-bit, one channel, at 16000 a second (G.722) or 48000 (Opus);
 * frames are 20 ms of BYTES bytes (160). The decoder of Opus looks at frames one
 * by one; an empty one (all zero) is a lost one.
 */
#include <opus.h>
#include <spandsp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int g722(int encode)
{
	g722_encode_state_t *e = g722_encode_init(NULL, 64000, 0);
	g722_decode_state_t *d = g722_decode_init(NULL, 64000, 0);
	int16_t x[320];
	uint8_t b[160];

	if (encode)
		while (fread(x, sizeof(x), 1, stdin) == 1) {
			g722_encode(e, b, x, 320);
			fwrite(b, sizeof(b), 1, stdout);
		}
	else
		while (fread(b, sizeof(b), 1, stdin) == 1) {
			g722_decode(d, x, b, 160);
			fwrite(x, sizeof(x), 1, stdout);
		}
	return 0;
}

static int opus(int encode, int bytes)
{
	int error;
	OpusEncoder *e = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO,
					     &error);
	OpusDecoder *d = opus_decoder_create(48000, 1, &error);
	uint8_t b[1500], none[1500] = {0};
	int16_t x[960];

	opus_encoder_ctl(e, OPUS_SET_BITRATE(bytes * 8 * 50));
	opus_encoder_ctl(e, OPUS_SET_VBR(0));
	if (encode)
		while (fread(x, sizeof(x), 1, stdin) == 1) {
			if (opus_encode(e, x, 960, b, bytes) != bytes)
				return 1;
			fwrite(b, (size_t)bytes, 1, stdout);
		}
	else
		while (fread(b, (size_t)bytes, 1, stdin) == 1) {
			int lost = !memcmp(b, none, (size_t)bytes);

			if (opus_decode(d, lost ? NULL : b, lost ? 0 : bytes, x,
					960, 0) != 960)
				return 1;
			fwrite(x, sizeof(x), 1, stdout);
		}
	return 0;
}

int main(int argc, char **argv)
{
	int bytes = argc > 3 ? atoi(argv[3]) : 160;
	int encode = argc > 1 && !strcmp(argv[1], "encode");

	if (argc < 3 || bytes < 1 || bytes > 1500)
		return 2;
	return strcmp(argv[2], "opus") ? g722(encode) : opus(encode, bytes);
}
