/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From sound files or a text to a clip in every codec wanted (media.h). */
#ifndef HOLDFAST_AUDIO_CLIP_H
#define HOLDFAST_AUDIO_CLIP_H

#include <stdbool.h>

#include "../media/media.h"

struct hf_clip_source {
	char *const *files; /* one after the other, */
	unsigned int count;
	bool shuffle; /* or in the order that `seed` makes */
	uint32_t seed;
	const char *text; /* or this is spoken */
	const char *voice;
	const char *g729; /* ready-made, NULL = none */
	bool shared;
	bool loop; /* music; not what is said once */
	unsigned int lead_ms, tail_ms; /* of silence around it */
};

struct hf_clip_want {
	bool codec[HF_CODEC_COUNT];
	unsigned int opus_kbit_s;
	int loudness_db;
	/* False ends the work with -ECANCELED. NULL = nobody asks. */
	bool (*progress)(void *arg, unsigned int percent);
	void *arg;
};

/* On failure -errno and a sentence in err. */
int hf_clip_make(const struct hf_clip_source *, const struct hf_clip_want *,
		 struct hf_clip_data *ret, char *err, size_t err_len);
/* `said` put into `music`, whose clip is called `into`. */
int hf_clip_make_into(const struct hf_clip_source *said,
		      const struct hf_clip_source *music, const char *into,
		      const struct hf_clip_want *, struct hf_clip_data *ret,
		      char *err, size_t err_len);
void hf_clip_data_free(struct hf_clip_data *);

#endif
