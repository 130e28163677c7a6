// SPDX-License-Identifier: GPL-2.0-or-later
/* From one rate to another, once, at load time: libsamplerate. */
#include <errno.h>
#include <samplerate.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

int hf_sound_resample(const struct hf_sound *s, uint32_t rate,
		      struct hf_sound *ret)
{
	uint64_t count = ((uint64_t)s->count * rate + s->rate / 2) / s->rate;
	/* The converter needs silence behind the end to let go of the end. */
	size_t tail = s->rate / 50;
	SRC_DATA d = {
		.input_frames = (long)(s->count + tail),
		.output_frames = (long)(count + rate / 25),
		.src_ratio = (double)rate / s->rate,
	};
	float *in, *out;
	int r = 0;

	out = calloc((size_t)d.output_frames, sizeof(*out));
	if (s->rate == rate) {
		if (out)
			memcpy(out, s->x, s->count * sizeof(*out));
	} else if (out && (in = calloc(s->count + tail, sizeof(*in)))) {
		memcpy(in, s->x, s->count * sizeof(*in));
		d.data_in = in;
		d.data_out = out;
		r = src_simple(&d, SRC_SINC_MEDIUM_QUALITY, 1);
		free(in);
	} else {
		r = 1;
	}
	if (!out || r) {
		free(out);
		return -ENOMEM;
	}
	*ret = (struct hf_sound){out, (size_t)count, rate};
	return 0;
}
