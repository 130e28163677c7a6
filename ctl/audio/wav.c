// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sound files: read by libsndfile, mixed to mono, resampled to 8000 a second.
 * resample.c does the arithmetic.
 */
#include "wav.h"

#include <errno.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resample.h"

#define HF_AUDIO_RATE	      8000
#define HF_AUDIO_RATE_MIN     4000
#define HF_AUDIO_RATE_MAX     384000
#define HF_AUDIO_CHANNELS_MAX 32
#define HF_AUDIO_SECONDS_MAX  (6 * 3600)

static int hf_audio_check(const char *file, const SF_INFO *info, char *err,
			  size_t err_len)
{
	if (info->samplerate < HF_AUDIO_RATE_MIN ||
	    info->samplerate > HF_AUDIO_RATE_MAX) {
		snprintf(err, err_len,
			 "%s: a rate of %d Hz cannot be used (%d to %d Hz can)",
			 file, info->samplerate, HF_AUDIO_RATE_MIN,
			 HF_AUDIO_RATE_MAX);
		return -EINVAL;
	}
	if (info->channels < 1 || info->channels > HF_AUDIO_CHANNELS_MAX) {
		snprintf(err, err_len, "%s: %d channels cannot be mixed", file,
			 info->channels);
		return -EINVAL;
	}
	if (info->frames >
	    (sf_count_t)info->samplerate * HF_AUDIO_SECONDS_MAX) {
		snprintf(err, err_len, "%s: longer than %d hours", file,
			 HF_AUDIO_SECONDS_MAX / 3600);
		return -EFBIG;
	}
	return 0;
}

/* All of the file as one channel. A damaged end is cut off, as players do. */
static int hf_audio_read(SNDFILE *snd, const SF_INFO *info, float **ret,
			 size_t *ret_count)
{
	size_t channels = (size_t)info->channels;
	size_t room = (size_t)info->frames, count = 0;
	float *mono = calloc(room ? room : 1, sizeof(*mono));
	float *block = calloc(4096, channels * sizeof(*block));
	sf_count_t n;

	if (!mono || !block) {
		free(mono);
		free(block);
		return -ENOMEM;
	}
	while (count < room && (n = sf_readf_float(snd, block, 4096)) > 0) {
		for (sf_count_t i = 0; i < n && count < room; i++) {
			float sum = 0;

			for (size_t ch = 0; ch < channels; ch++)
				sum += block[(size_t)i * channels + ch];
			mono[count++] = sum / (float)channels;
		}
	}
	free(block);
	*ret = mono;
	*ret_count = count;
	return 0;
}

int hf_audio_load(const char *file, int16_t **ret, size_t *ret_count, char *err,
		  size_t err_len)
{
	SF_INFO info = {0};
	SNDFILE *snd = sf_open(file, SFM_READ, &info);
	float *mono = NULL;
	size_t count = 0;
	int r;

	if (!snd) {
		/* The library names no reason that a user could act on when the
		 * file is simply not there. */
		snprintf(err, err_len, "%s: cannot be read as sound: %s", file,
			 sf_strerror(NULL));
		return sf_error(NULL) == SF_ERR_SYSTEM ? -ENOENT : -EINVAL;
	}
	r = hf_audio_check(file, &info, err, err_len);
	if (!r) {
		r = hf_audio_read(snd, &info, &mono, &count);
		if (!r)
			r = hf_resample(mono, count, (uint32_t)info.samplerate,
					HF_AUDIO_RATE, ret, ret_count);
		if (r)
			snprintf(err, err_len, "%s: %s", file, strerror(-r));
	}
	sf_close(snd);
	free(mono);
	if (r)
		return r;
	if (!*ret_count) {
		snprintf(err, err_len, "%s: there is no sound in it", file);
		free(*ret);
		*ret = NULL;
		return -EINVAL;
	}
	return 0;
}
