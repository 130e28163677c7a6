/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random bytes of the kernel, fetched many at a time: each call of it costs more
 * than what a leg needs. What was handed out is not kept.
 */
#ifndef HOLDFAST_BASE_RANDOM_H
#define HOLDFAST_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#define HF_RANDOM_POOL 256

struct hf_random {
	uint8_t pool[HF_RANDOM_POOL];
	size_t left; /* at the end of the pool */
};

/* At most HF_RANDOM_POOL bytes; -errno if there are none to be had. */
int hf_random_get(struct hf_random *, void *ret, size_t len);

#endif
