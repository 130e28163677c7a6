// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The encoders: G.711 by our own table, G.722 by spandsp, Opus by libopus.
 * G.711 keeps no memory, so any frame may follow any other; the other two do.
 */
#include "encode.h"

#include <errno.h>
#include <math.h>
#include <opus.h>
#include <spandsp.h>
#include <stdlib.h>
#include <string.h>

#include "../media/g711.h"

#define HF_FRAMES_PER_S	   50
#define HF_SAMPLES_MAX	   960
#define HF_PROGRESS_EVERY  250
#define HF_OPUS_COMPLEXITY 8

struct encoder {
	enum hf_codec codec;
	size_t samples; /* of a frame */
	uint16_t bytes;
	g722_encode_state_t *g722;
	OpusEncoder *opus;
};

uint32_t hf_encode_rate(enum hf_codec codec)
{
	switch (codec) {
	case HF_CODEC_PCMU:
	case HF_CODEC_PCMA:
		return 8000;
	case HF_CODEC_G722:
		return 16000;
	case HF_CODEC_OPUS:
		return 48000;
	case HF_CODEC_G729: /* ready-made only */
	case HF_CODEC_COUNT:
		break;
	}
	return 0;
}

/* A constant rate makes all frames of one size. The mode without SILK has the
 * shortest memory, so what is joined settles at once. */
static int open_opus(struct encoder *e, unsigned int kbit_s)
{
	int error;

	e->opus = opus_encoder_create(
		48000, 1, OPUS_APPLICATION_RESTRICTED_LOWDELAY, &error);
	if (!e->opus)
		return -ENOMEM;
	e->bytes = (uint16_t)(kbit_s * 1000 / 8 / HF_FRAMES_PER_S);
	opus_encoder_ctl(e->opus, OPUS_SET_BITRATE((int)kbit_s * 1000));
	opus_encoder_ctl(e->opus, OPUS_SET_VBR(0));
	opus_encoder_ctl(e->opus, OPUS_SET_COMPLEXITY(HF_OPUS_COMPLEXITY));
	opus_encoder_ctl(e->opus, OPUS_SET_SIGNAL(OPUS_SIGNAL_MUSIC));
	return 0;
}

static int open_encoder(struct encoder *e, enum hf_codec codec,
			unsigned int opus_kbit_s)
{
	*e = (struct encoder){.codec = codec, .bytes = 160};
	e->samples = hf_encode_rate(codec) / HF_FRAMES_PER_S;
	if (!e->samples)
		return -EINVAL;
	if (codec == HF_CODEC_OPUS)
		return open_opus(e, opus_kbit_s);
	if (codec != HF_CODEC_G722)
		return 0;
	e->g722 = g722_encode_init(NULL, 64000, 0);
	return e->g722 ? 0 : -ENOMEM;
}

static void close_encoder(struct encoder *e)
{
	if (e->g722)
		g722_encode_free(e->g722);
	if (e->opus)
		opus_encoder_destroy(e->opus);
}

static int encode_frame(struct encoder *e, const int16_t *x, uint8_t *out)
{
	switch (e->codec) {
	case HF_CODEC_PCMU:
	case HF_CODEC_PCMA:
		for (size_t i = 0; i < e->samples; i++)
			out[i] = e->codec == HF_CODEC_PCMU
					 ? hf_ulaw_encode(x[i])
					 : hf_alaw_encode(x[i]);
		return 0;
	case HF_CODEC_G722:
		return g722_encode(e->g722, out, x, (int)e->samples) == e->bytes
			       ? 0
			       : -EIO;
	default:
		return opus_encode(e->opus, x, (int)e->samples, out,
				   e->bytes) == e->bytes
			       ? 0
			       : -EIO;
	}
}

static void take_frame(const struct hf_sound *s, size_t samples, uint32_t frame,
		       int16_t *x)
{
	for (size_t i = 0; i < samples; i++) {
		size_t at = frame * samples + i;
		float v = at < s->count ? s->x[at] * 32768 : 0;

		x[i] = v > 32767    ? 32767
		       : v < -32768 ? -32768
				    : (int16_t)lrintf(v);
	}
}

int hf_encode(const struct hf_encode *how, const struct hf_sound *s,
	      struct hf_coded *ret)
{
	bool memory =
		how->codec != HF_CODEC_PCMU && how->codec != HF_CODEC_PCMA;
	unsigned int passes = how->loop && memory ? 2 : 1;
	uint32_t frames, done = 0, skip = how->warm_up_frames;
	int16_t x[HF_SAMPLES_MAX];
	struct hf_coded c = {0};
	struct encoder e;
	int r = open_encoder(&e, how->codec, how->opus_kbit_s);

	if (r)
		goto out;
	frames = (uint32_t)((s->count + e.samples - 1) / e.samples);
	if (frames <= skip) {
		r = -EINVAL;
		goto out;
	}
	c.frames = frames - skip;
	c.frame_bytes = e.bytes;
	c.bytes = calloc(c.frames, e.bytes);
	if (!c.bytes)
		r = -ENOMEM;
	for (uint32_t i = 0; !r && i < passes * frames; i++) {
		uint8_t unused[HF_SAMPLES_MAX];
		uint32_t at = i % frames;

		take_frame(s, e.samples, at, x);
		r = encode_frame(&e, x,
				 at < skip ? unused
					   : c.bytes + (size_t)(at - skip) *
							       e.bytes);
		if (!r && how->progress && !(++done % HF_PROGRESS_EVERY) &&
		    !how->progress(how->arg, done / passes))
			r = -ECANCELED;
	}
out:
	close_encoder(&e);
	if (r)
		free(c.bytes);
	else
		*ret = c;
	return r;
}
