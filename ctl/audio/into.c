// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An announcement in a piece of music. It may begin at a place each 5 s, and
 * for each place there is a block: some music before it, so that the block may
 * be entered at any frame of a short time; the music fading out; what is said;
 * the music from that place on, fading in and then at its full level for a
 * while.
 *
 * A block is encoded in one run, begun well before it, so a codec that
 * remembers finds in it what it would have found in the music; and at its end
 * the codec has heard the music long enough that the loop's own frames fit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode.h"
#include "parts.h"

#define HF_EVERY   250 /* frames of 20 ms: 5 s */
#define HF_LEAD	   25
#define HF_FADE	   10
#define HF_SETTLE  15 /* at full level, before the loop goes on */
#define HF_WARM_UP 50

struct block {
	const struct hf_sound *music, *said;
	size_t per; /* samples of a frame */
	uint32_t music_frames, said_frames;
	uint32_t frames; /* without the warm-up */
};

/* Frames `from` to `from + count` of the loop, weighed from a to b. */
static float *put_music(const struct block *b, float *out, int64_t from,
			uint32_t count, float a, float z)
{
	size_t n = count * b->per, loop = b->music_frames * b->per;
	int64_t at = from * (int64_t)b->per;

	at %= (int64_t)loop;
	if (at < 0)
		at += (int64_t)loop;
	for (size_t i = 0; i < n; i++) {
		float w = a + (z - a) * (float)i / (float)n;

		*out++ = w * b->music->x[((size_t)at + i) % loop];
	}
	return out;
}

static void put_block(const struct block *b, uint32_t place, float *out)
{
	size_t said = b->said_frames * b->per;

	out = put_music(b, out, (int64_t)place - HF_LEAD - HF_WARM_UP,
			HF_WARM_UP + HF_LEAD, 1, 1);
	out = put_music(b, out, place, HF_FADE, 1, 0);
	memcpy(out, b->said->x, said * sizeof(*out));
	out = put_music(b, out + said, place, HF_FADE, 0, 1);
	put_music(b, out, (int64_t)place + HF_FADE, HF_SETTLE, 1, 1);
}

/* Places where the whole tail is still in the piece. */
static uint32_t places_of(uint32_t music_frames)
{
	uint32_t tail = HF_FADE + HF_SETTLE;

	return music_frames < tail ? 0 : (music_frames - tail) / HF_EVERY + 1;
}

static int encode_blocks(const struct block *b, struct hf_encode *how,
			 struct hf_coded *ret)
{
	uint32_t places = places_of(b->music_frames);
	struct hf_sound s = {
		.count = (b->frames + HF_WARM_UP) * b->per,
		.rate = b->music->rate,
	};
	struct hf_coded all = {.frames = places * b->frames}, one;
	int r = 0;

	s.x = calloc(s.count, sizeof(*s.x));
	for (uint32_t k = 0; s.x && !r && k < places; k++) {
		put_block(b, k * HF_EVERY, s.x);
		r = hf_encode(how, &s, &one);
		if (r)
			break;
		if (!all.bytes) {
			all.frame_bytes = one.frame_bytes;
			all.bytes = calloc(all.frames, all.frame_bytes);
		}
		if (all.bytes)
			memcpy(all.bytes +
				       (size_t)k * b->frames * all.frame_bytes,
			       one.bytes, (size_t)b->frames * all.frame_bytes);
		else
			r = -ENOMEM;
		free(one.bytes);
		if (!r && !hf_clip_progress(how->arg, k * b->frames))
			r = -ECANCELED;
	}
	if (!s.x)
		r = -ENOMEM;
	free(s.x);
	if (r)
		free(all.bytes);
	else
		*ret = all;
	return r;
}

static int encode_codec(enum hf_codec codec, struct hf_clip_work *w,
			const struct hf_sound *music,
			const struct hf_sound *said, struct hf_clip_data *d)
{
	struct hf_encode how = {
		.codec = codec,
		.opus_kbit_s = w->want->opus_kbit_s,
		.warm_up_frames = HF_WARM_UP,
		.arg = w,
	};
	struct hf_sound m = {0}, a = {0};
	struct block b = {
		.music = &m,
		.said = &a,
		.per = hf_encode_rate(codec) / 50,
		.music_frames = hf_clip_frames(music),
		.said_frames = hf_clip_frames(said),
		.frames = d->block_frames,
	};
	int r = hf_clip_at_codec(music, codec, &m);

	if (!r)
		r = hf_clip_at_codec(said, codec, &a);
	if (!r)
		r = encode_blocks(&b, &how, &d->in[codec]);
	hf_sound_free(&m);
	hf_sound_free(&a);
	return r;
}

int hf_clip_make_into(const struct hf_clip_source *said,
		      const struct hf_clip_source *music, const char *into,
		      const struct hf_clip_want *want, struct hf_clip_data *ret,
		      char *err, size_t err_len)
{
	struct hf_clip_data d = {
		.into = into,
		.lead_frames = HF_LEAD,
		.tail_frames = HF_FADE + HF_SETTLE,
		.every_frames = HF_EVERY,
	};
	struct hf_sound m = {0}, a = {0};
	struct hf_clip_work w;
	int r;

	err[0] = '\0';
	r = hf_clip_sound(music, want, &m, err, err_len);
	if (!r)
		r = hf_clip_sound(said, want, &a, err, err_len);
	if (!r && !places_of(hf_clip_frames(&m))) {
		snprintf(err, err_len,
			 "%s is too short to put an announcement into", into);
		r = -EINVAL;
	}
	if (!r)
		d.block_frames =
			HF_LEAD + 2 * HF_FADE + HF_SETTLE + hf_clip_frames(&a);
	hf_clip_work_start(&w, want,
			   r ? 1
			     : places_of(hf_clip_frames(&m)) * d.block_frames);
	for (int codec = 0; codec < HF_CODEC_COUNT && !r; codec++) {
		if (!want->codec[codec] || !hf_encode_rate(codec))
			continue;
		r = encode_codec(codec, &w, &m, &a, &d);
		w.codecs_done++;
	}
	hf_sound_free(&m);
	hf_sound_free(&a);
	if (!r) {
		*ret = d;
		return 0;
	}
	if (!err[0])
		snprintf(err, err_len, "%s", strerror(-r));
	hf_clip_data_free(&d);
	return r;
}
