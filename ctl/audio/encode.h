/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound into the frames of a codec, 20 ms each. */
#ifndef HOLDFAST_AUDIO_ENCODE_H
#define HOLDFAST_AUDIO_ENCODE_H

#include <stdbool.h>

#include "../media/media.h"
#include "file.h"

/* Samples a second that the codec takes in; 0 = it is not encoded here. */
uint32_t hf_encode_rate(enum hf_codec);

/* False ends the work with -ECANCELED. */
typedef bool hf_progress_fn(void *arg, uint32_t frames_done);

struct hf_encode {
	enum hf_codec codec;
	unsigned int opus_kbit_s;
	/* The sound follows itself: a codec that remembers is fed all of it
	 * once before, so that the first frame fits behind the last. */
	bool loop;
	/* Not a loop: this much in front is fed but not kept. */
	uint32_t warm_up_frames;
	hf_progress_fn *progress; /* NULL = nobody asks */
	void *arg;
};
/* `s` is at the codec's rate; a last frame that is not whole gets silence. */
int hf_encode(const struct hf_encode *, const struct hf_sound *s,
	      struct hf_coded *ret);

#endif
