/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What clip.c and into.c share; inside ctl/audio only. */
#ifndef HOLDFAST_AUDIO_PARTS_H
#define HOLDFAST_AUDIO_PARTS_H

#include "clip.h"
#include "file.h"

struct hf_clip_work {
	const struct hf_clip_want *want;
	unsigned int codecs, codecs_done;
	uint32_t frames; /* of one codec */
};
void hf_clip_work_start(struct hf_clip_work *, const struct hf_clip_want *,
			uint32_t frames);
/* A hf_progress_fn of a struct hf_clip_work. */
bool hf_clip_progress(void *arg, uint32_t frames_done);

/* The source's sound, as loud as wanted, from silence to silence. */
int hf_clip_sound(const struct hf_clip_source *, const struct hf_clip_want *,
		  struct hf_sound *ret, char *err, size_t err_len);
/* 20 ms frames that it takes, the same in every codec. */
uint32_t hf_clip_frames(const struct hf_sound *);
/* At the codec's rate, filled up with silence to that many frames. */
int hf_clip_at_codec(const struct hf_sound *, enum hf_codec,
		     struct hf_sound *ret);

#endif
