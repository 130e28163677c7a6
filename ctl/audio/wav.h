/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound files, as ctl/media wants them: 16-bit mono samples at 8000 a second. */
#ifndef HOLDFAST_AUDIO_WAV_H
#define HOLDFAST_AUDIO_WAV_H

#include <stddef.h>
#include <stdint.h>

/*
 * Any rate and number of channels that libsndfile reads. *ret is the caller's to
 * free. On failure -errno and one sentence that names the file in err.
 */
int hf_audio_load(const char *file, int16_t **ret, size_t *ret_count, char *err,
		  size_t err_len);

#endif
