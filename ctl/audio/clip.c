// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole way of a clip: its sound (file.c, speak.c), as loud as wanted
 * (level.c), in whole frames, encoded for every codec (encode.c). into.c does
 * the same for an announcement that is put into music.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "encode.h"
#include "level.h"
#include "parts.h"

#define HF_LIST_RATE   48000 /* of a playlist's sound */
#define HF_LIST_GAP_MS 400
#define HF_ENDS_MS     5
#define HF_G729_BYTES  20 /* of 20 ms */

/* The same order for the same seed: an announcement is put into the music as it
 * plays. */
static void shuffle(unsigned int *order, unsigned int count, uint32_t seed)
{
	for (unsigned int i = count; i > 1; i--) {
		unsigned int k, t;

		seed = seed * 1664525u + 1013904223u; /* Numerical Recipes */
		k = (unsigned int)(((uint64_t)seed * i) >> 32);
		t = order[i - 1];
		order[i - 1] = order[k];
		order[k] = t;
	}
}

static int append(struct hf_sound *to, const struct hf_sound *s)
{
	size_t gap = to->count ? (size_t)to->rate * HF_LIST_GAP_MS / 1000 : 0;
	float *x = reallocarray(to->x, to->count + gap + s->count, sizeof(*x));

	if (!x)
		return -ENOMEM;
	memset(x + to->count, 0, gap * sizeof(*x));
	memcpy(x + to->count + gap, s->x, s->count * sizeof(*x));
	to->x = x;
	to->count += gap + s->count;
	return 0;
}

/* Each as loud as the others, and from silence to silence. */
static int finish(struct hf_sound *s, const struct hf_clip_want *want)
{
	int r = hf_level_set(s, want->loudness_db);

	if (!r)
		hf_level_ends(s, HF_ENDS_MS);
	return r;
}

static int read_list(const struct hf_clip_source *src,
		     const struct hf_clip_want *want, struct hf_sound *ret,
		     char *err, size_t err_len)
{
	unsigned int *order = calloc(src->count, sizeof(*order));
	struct hf_sound all = {.rate = HF_LIST_RATE};
	int r = order ? 0 : -ENOMEM;

	for (unsigned int i = 0; order && i < src->count; i++)
		order[i] = i;
	if (order && src->shuffle)
		shuffle(order, src->count, src->seed);
	for (unsigned int i = 0; !r && i < src->count; i++) {
		struct hf_sound one = {0}, same = {0};

		r = hf_sound_read(src->files[order[i]], &one, err, err_len);
		if (!r)
			r = finish(&one, want);
		if (!r)
			r = hf_sound_resample(&one, all.rate, &same);
		if (!r)
			r = append(&all, &same);
		hf_sound_free(&one);
		hf_sound_free(&same);
	}
	free(order);
	if (r)
		hf_sound_free(&all);
	else
		*ret = all;
	return r;
}

/* Silence before and behind it. */
static int pad(struct hf_sound *s, unsigned int lead_ms, unsigned int tail_ms)
{
	size_t lead = (size_t)s->rate * lead_ms / 1000;
	size_t tail = (size_t)s->rate * tail_ms / 1000;
	float *x;

	if (!lead && !tail)
		return 0;
	x = calloc(lead + s->count + tail, sizeof(*x));
	if (!x)
		return -ENOMEM;
	memcpy(x + lead, s->x, s->count * sizeof(*x));
	free(s->x);
	s->x = x;
	s->count += lead + tail;
	return 0;
}

int hf_clip_sound(const struct hf_clip_source *src,
		  const struct hf_clip_want *want, struct hf_sound *ret,
		  char *err, size_t err_len)
{
	int r;

	if (src->count > 1)
		return read_list(src, want, ret, err, err_len);
	if (src->text)
		r = hf_sound_speak(src->text, src->voice, ret, err, err_len);
	else if (src->count)
		r = hf_sound_read(src->files[0], ret, err, err_len);
	else
		r = -EINVAL;
	if (!r) {
		r = finish(ret, want);
		if (!r)
			r = pad(ret, src->lead_ms, src->tail_ms);
		if (r)
			hf_sound_free(ret);
	}
	return r;
}

uint32_t hf_clip_frames(const struct hf_sound *s)
{
	return (uint32_t)(((uint64_t)s->count * 50 + s->rate - 1) / s->rate);
}

int hf_clip_at_codec(const struct hf_sound *s, enum hf_codec codec,
		     struct hf_sound *ret)
{
	size_t whole = (size_t)hf_clip_frames(s) * (hf_encode_rate(codec) / 50);
	int r = hf_sound_resample(s, hf_encode_rate(codec), ret);
	float *x;

	if (r)
		return r;
	x = reallocarray(ret->x, whole, sizeof(*x));
	if (!x) {
		hf_sound_free(ret);
		return -ENOMEM;
	}
	if (whole > ret->count)
		memset(x + ret->count, 0, (whole - ret->count) * sizeof(*x));
	ret->x = x;
	ret->count = whole;
	return 0;
}

static int read_g729(const char *file, struct hf_coded *ret, char *err,
		     size_t err_len)
{
	FILE *f = fopen(file, "re");
	struct stat st;
	size_t frames;

	if (!f || fstat(fileno(f), &st)) {
		snprintf(err, err_len, "%s: %s", file, strerror(errno));
		if (f)
			fclose(f);
		return -EINVAL;
	}
	frames = (size_t)st.st_size / HF_G729_BYTES;
	*ret = (struct hf_coded){calloc(frames ? frames : 1, HF_G729_BYTES),
				 (uint32_t)frames, HF_G729_BYTES};
	if (!frames || st.st_size % (HF_G729_BYTES / 2) || !ret->bytes ||
	    fread(ret->bytes, HF_G729_BYTES, frames, f) != frames) {
		snprintf(err, err_len,
			 "%s: not frames of G.729, 10 bytes for each 10 ms",
			 file);
		free(ret->bytes);
		*ret = (struct hf_coded){0};
		fclose(f);
		return -EINVAL;
	}
	fclose(f);
	return 0;
}

/* Where the work stands: codecs done, and how far the current one is. */
bool hf_clip_progress(void *arg, uint32_t frames_done)
{
	const struct hf_clip_work *w = arg;
	unsigned int percent = 10 + 90 * w->codecs_done / w->codecs;

	percent += (unsigned int)(90ULL * frames_done / w->frames / w->codecs);
	return !w->want->progress ||
	       w->want->progress(w->want->arg, percent < 99 ? percent : 99);
}

void hf_clip_work_start(struct hf_clip_work *w, const struct hf_clip_want *want,
			uint32_t frames)
{
	*w = (struct hf_clip_work){.want = want, .frames = frames};
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		w->codecs += want->codec[codec] && hf_encode_rate(codec);
}

static int encode_all(const struct hf_clip_source *src,
		      const struct hf_clip_want *want, const struct hf_sound *s,
		      struct hf_clip_data *d)
{
	struct hf_clip_work w;
	int r = 0;

	hf_clip_work_start(&w, want, hf_clip_frames(s));
	for (int codec = 0; codec < HF_CODEC_COUNT && !r; codec++) {
		struct hf_encode how = {
			.codec = codec,
			.opus_kbit_s = want->opus_kbit_s,
			.loop = src->loop,
			.progress = hf_clip_progress,
			.arg = &w,
		};
		struct hf_sound at_rate;

		if (!want->codec[codec] || !hf_encode_rate(codec))
			continue;
		r = hf_clip_at_codec(s, codec, &at_rate);
		if (r)
			return r;
		r = hf_encode(&how, &at_rate, &d->in[codec]);
		hf_sound_free(&at_rate);
		w.codecs_done++;
	}
	return r;
}

int hf_clip_make(const struct hf_clip_source *src,
		 const struct hf_clip_want *want, struct hf_clip_data *ret,
		 char *err, size_t err_len)
{
	struct hf_clip_data d = {.shared = src->shared};
	struct hf_sound s;
	int r;

	err[0] = '\0';
	r = hf_clip_sound(src, want, &s, err, err_len);
	if (!r) {
		r = encode_all(src, want, &s, &d);
		hf_sound_free(&s);
	}
	if (!r && src->g729 && want->codec[HF_CODEC_G729])
		r = read_g729(src->g729, &d.in[HF_CODEC_G729], err, err_len);
	if (!r) {
		*ret = d;
		return 0;
	}
	if (!err[0])
		snprintf(err, err_len, "%s", strerror(-r));
	hf_clip_data_free(&d);
	return r;
}

void hf_clip_data_free(struct hf_clip_data *d)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		free(d->in[codec].bytes);
	*d = (struct hf_clip_data){0};
}
