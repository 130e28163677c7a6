// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs of the frame table. One that is in use is never overwritten: what is
 * replaced is free only after a grace period, because a sender may still be
 * copying from it (it will lose its claim).
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A place for `len` frames: the first gap that is long enough. */
int hf_range_get(struct hf_media *m, uint32_t len, uint32_t *ret_first)
{
	struct hf_clips *c = &m->clips;
	uint32_t first = 0, i;

	for (i = 0; i < c->ranges; i++) {
		if (c->range[i].first - first >= len)
			break;
		first = c->range[i].first + c->range[i].len;
	}
	if (m->map.instance->frames - first < len)
		return -ENOSPC;
	if (c->ranges == c->room) {
		uint32_t room = c->room ? 2 * c->room : 16;
		void *more = reallocarray(c->range, room, sizeof(*c->range));

		if (!more)
			return -ENOMEM;
		c->range = more;
		c->room = room;
	}
	memmove(&c->range[i + 1], &c->range[i],
		(c->ranges - i) * sizeof(*c->range));
	c->range[i] = (struct hf_range){.first = first, .len = len};
	c->ranges++;
	c->used += len;
	*ret_first = first;
	return 0;
}

struct hf_range *hf_range_find(struct hf_clips *c, uint32_t first)
{
	for (uint32_t i = 0; i < c->ranges; i++)
		if (c->range[i].first == first)
			return &c->range[i];
	return NULL;
}

void hf_range_release(struct hf_clips *c, struct hf_clip_frames f,
		      uint64_t free_at_ns)
{
	struct hf_range *r = f.len ? hf_range_find(c, f.first) : NULL;

	if (r)
		r->free_at_ns = free_at_ns;
}

/* A phrase goes with its run. */
static void hf_phrase_forget(struct hf_clips *c, uint32_t first)
{
	for (uint32_t i = 0; i < c->phrases; i++)
		if (c->phrase[i].first == first)
			c->phrase[i--] = c->phrase[--c->phrases];
}

void hf_clips_tick(struct hf_media *m, uint64_t now_ns)
{
	struct hf_clips *c = &m->clips;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->ranges; i++) {
		if (c->range[i].free_at_ns &&
		    c->range[i].free_at_ns <= now_ns) {
			c->used -= c->range[i].len;
			hf_phrase_forget(c, c->range[i].first);
		} else {
			c->range[kept++] = c->range[i];
		}
	}
	c->ranges = kept;
}
