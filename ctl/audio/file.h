/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound as it is worked on here, and sound files read into it. */
#ifndef HOLDFAST_AUDIO_FILE_H
#define HOLDFAST_AUDIO_FILE_H

#include <stddef.h>
#include <stdint.h>

/* One channel within +-1. */
struct hf_sound {
	float *x; /* the owner's to free */
	size_t count;
	uint32_t rate;
};

/*
 * Any file that libsndfile reads, mixed to mono. On failure -errno and one
 * sentence that names the file in err.
 */
int hf_sound_read(const char *file, struct hf_sound *ret, char *err,
		  size_t err_len);
/* A text spoken by espeak-ng. -ENOENT if that is not installed. */
int hf_sound_speak(const char *text, const char *voice, struct hf_sound *ret,
		   char *err, size_t err_len);
/* The same at another rate; round(count * to / from) samples. -ENOMEM. */
int hf_sound_resample(const struct hf_sound *, uint32_t rate,
		      struct hf_sound *ret);
void hf_sound_free(struct hf_sound *);

#endif
