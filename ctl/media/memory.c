// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The media over plain memory: the same records and the same code as over BPF
 * maps, but nobody sends. For unit tests, and for machines without BPF. Clips
 * come by hf_media_clip_load() alone; no file is read.
 */
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pins_map.h"

#define HF_MEMORY_HOPS 1024

static int hf_memory_take(struct hf_media *m, enum hf_pin_map map, size_t count,
			  size_t size, void **ret)
{
	/* Lines of 64 bytes, as the kernel's pages have them. */
	if (posix_memalign(&m->memory[map], 64, count * size))
		return -ENOMEM;
	memset(m->memory[map], 0, count * size);
	*ret = m->memory[map];
	return 0;
}

static int hf_memory_maps(struct hf_media *m, const struct hf_instance *in)
{
	struct hf_pins *p = &m->map;
	size_t wheel = (size_t)HF_WHEEL_BUCKETS * in->wheel_capacity;

	p->wheel_capacity = in->wheel_capacity;
	p->nexthop_count = HF_MEMORY_HOPS;
#define TAKE(map, n) \
	hf_memory_take(m, HF_PIN_##map, n, sizeof(*p->map), (void **)&p->map)
	if (TAKE(instance, 1) || TAKE(legs, in->legs) ||
	    TAKE(frames, in->frames) || TAKE(nexthops, HF_MEMORY_HOPS) ||
	    TAKE(wheel, wheel) || TAKE(wheel_fill, HF_WHEEL_BUCKETS) ||
	    TAKE(turned, HF_TURNED_WORDS(in->legs)) || TAKE(work, 1) ||
	    TAKE(ready, 1) || TAKE(heard, in->legs) ||
	    TAKE(claims, in->legs) ||
	    TAKE(bound, in->legs) || TAKE(leg6, in->legs) ||
	    TAKE(nexthop6, HF_MEMORY_HOPS) || TAKE(rtcp, in->legs))
		return -ENOMEM;
#undef TAKE
	*p->instance = *in;
	return 0;
}

int hf_media_open_memory(const struct hf_config *config, struct hf_media **ret,
			 char *err, size_t err_len)
{
	struct hf_media *m = calloc(1, sizeof(*m));
	struct hf_instance in;
	int r = -ENOMEM;

	if (!m)
		goto fail;
	hf_pins_init(&m->map);
	m->config = config;
	r = hf_media_describe(
		config, &in, hf_media_frame_count(config),
		hf_media_wheel_capacity(hf_media_leg_count(config)));
	if (!r)
		r = hf_memory_maps(m, &in);
	if (!r)
		r = hf_media_init(m);
	if (!r)
		r = hf_marks_open_memory(m);
	if (r)
		goto fail;
	*ret = m;
	return 0;
fail:
	snprintf(err, err_len, "the media tables cannot be set up: %s",
		 strerror(-r));
	hf_media_close(m, false);
	return r;
}
