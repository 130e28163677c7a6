/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monotonic time for everything but the journal and what people read. */
#ifndef HOLDFAST_BASE_CLOCK_H
#define HOLDFAST_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t hf_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

static inline uint64_t hf_now_ms(void)
{
	return hf_now_ns() / 1000000ULL;
}

/* Milliseconds since 1970, for records and events only. */
static inline uint64_t hf_wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000ULL + (uint64_t)t.tv_nsec / 1000000ULL;
}

#endif
