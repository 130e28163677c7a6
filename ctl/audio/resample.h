/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From one rate to another, once, at load time. */
#ifndef HOLDFAST_AUDIO_RESAMPLE_H
#define HOLDFAST_AUDIO_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* `in` is within +-1. The result has round(count * to / from) samples; it is the
 * caller's to free. -ENOMEM. */
int hf_resample(const float *in, size_t count, uint32_t from, uint32_t to,
		int16_t **ret, size_t *ret_count);

#endif
