/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoded clips on disk, so that a start does not encode again what has not
 * changed: calls of the process before are waiting for it. What is kept is
 * known by everything that it is made of: files by size and time, settings, the
 * version of the program.
 */
#ifndef HOLDFAST_AUDIO_CACHE_H
#define HOLDFAST_AUDIO_CACHE_H

#include "../base/sha256.h"
#include "clip.h"

struct hf_cache_key {
	char name[HF_SHA256_HEX];
};
/* False: it cannot be known whether such a source has changed. */
bool hf_cache_key(const struct hf_clip_source *, const struct hf_clip_want *,
		  struct hf_cache_key *ret);
/* -ENOENT, also for one that is damaged. */
int hf_cache_get(const char *folder, const struct hf_cache_key *,
		 struct hf_clip_data *ret);
/* If there is no room, it is not kept. */
void hf_cache_put(const char *folder, const struct hf_cache_key *,
		  const struct hf_clip_data *);
/* What nobody has asked for since `start_s` (time(2)) goes. */
void hf_cache_sweep(const char *folder, long start_s);

#endif
