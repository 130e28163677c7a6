// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sound files read by libsndfile, mixed to mono; resample.c brings them to a
 * codec's rate, level.c to the wanted loudness.
 */
#include "file.h"

#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HF_RATE_MIN	4000
#define HF_RATE_MAX	384000
#define HF_CHANNELS_MAX 32
#define HF_SECONDS_MAX	(6 * 3600)
#define HF_BLOCK	4096

static int hf_sound_check(const char *file, const SF_INFO *info, char *err,
			  size_t err_len)
{
	if (info->samplerate < HF_RATE_MIN || info->samplerate > HF_RATE_MAX) {
		snprintf(err, err_len,
			 "%s: a rate of %d Hz cannot be used (%d to %d Hz can)",
			 file, info->samplerate, HF_RATE_MIN, HF_RATE_MAX);
		return -EINVAL;
	}
	if (info->channels < 1 || info->channels > HF_CHANNELS_MAX) {
		snprintf(err, err_len, "%s: %d channels cannot be mixed", file,
			 info->channels);
		return -EINVAL;
	}
	if (info->frames > (sf_count_t)info->samplerate * HF_SECONDS_MAX) {
		snprintf(err, err_len, "%s: longer than %d hours", file,
			 HF_SECONDS_MAX / 3600);
		return -EFBIG;
	}
	return 0;
}

/* All of the file as one channel. A damaged end is cut off, as players do. */
static int hf_sound_mix(SNDFILE *snd, const SF_INFO *info, struct hf_sound *s)
{
	size_t channels = (size_t)info->channels, room = (size_t)info->frames;
	float *block = calloc(HF_BLOCK, channels * sizeof(*block));
	sf_count_t n;

	s->x = calloc(room ? room : 1, sizeof(*s->x));
	if (!s->x || !block) {
		free(block);
		return -ENOMEM;
	}
	while (s->count < room &&
	       (n = sf_readf_float(snd, block, HF_BLOCK)) > 0) {
		for (sf_count_t i = 0; i < n && s->count < room; i++) {
			float sum = 0;

			for (size_t ch = 0; ch < channels; ch++)
				sum += block[(size_t)i * channels + ch];
			s->x[s->count++] = sum / (float)channels;
		}
	}
	free(block);
	return 0;
}

int hf_sound_read(const char *file, struct hf_sound *ret, char *err,
		  size_t err_len)
{
	SF_INFO info = {0};
	SNDFILE *snd = sf_open(file, SFM_READ, &info);
	struct hf_sound s = {0};
	int r;

	if (!snd) {
		snprintf(err, err_len, "%s: cannot be read as sound: %s", file,
			 sf_strerror(NULL));
		return sf_error(NULL) == SF_ERR_SYSTEM ? -ENOENT : -EINVAL;
	}
	r = hf_sound_check(file, &info, err, err_len);
	if (!r) {
		s.rate = (uint32_t)info.samplerate;
		r = hf_sound_mix(snd, &info, &s);
		if (r)
			snprintf(err, err_len, "%s: %s", file, strerror(-r));
	}
	sf_close(snd);
	if (!r && !s.count) {
		snprintf(err, err_len, "%s: there is no sound in it", file);
		r = -EINVAL;
	}
	if (r)
		hf_sound_free(&s);
	else
		*ret = s;
	return r;
}

void hf_sound_free(struct hf_sound *s)
{
	free(s->x);
	*s = (struct hf_sound){0};
}
