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

/* A pair that nobody has played for so long leaves the table: long enough that
 * a lot with steady traffic never puts it in again. */
#define HF_UNUSED_NS (60 * 1000 * HF_MS)

/* Entry `i` from now on, the others move up. */
static int hf_range_insert(struct hf_clips *c, uint32_t i, uint32_t first,
			   uint32_t len)
{
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
	c->range[i] = (struct hf_range){
		.first = first, .len = len, .clip = HF_NO_CLIP};
	c->ranges++;
	c->used += len;
	return 0;
}

/* The first gap that is long enough. */
static int hf_range_gap(struct hf_media *m, uint32_t len, uint32_t *ret_first)
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
	*ret_first = first;
	return hf_range_insert(c, i, first, len);
}

int hf_range_get(struct hf_media *m, uint32_t len, uint32_t *ret_first)
{
	uint64_t now = hf_media_now(m);
	int r;

	do {
		r = hf_range_gap(m, len, ret_first);
	} while (r == -ENOSPC && hf_pair_evict(m, now, HF_GRACE_NS));
	return r;
}

uint32_t hf_range_free(const struct hf_media *m, uint32_t *ret_longest)
{
	const struct hf_clips *c = &m->clips;
	uint32_t first = 0, end;

	*ret_longest = 0;
	for (uint32_t i = 0; i <= c->ranges; i++) {
		end = i < c->ranges ? c->range[i].first :
				      m->map.instance->frames;
		if (end - first > *ret_longest)
			*ret_longest = end - first;
		if (i < c->ranges)
			first = end + c->range[i].len;
	}
	return m->map.instance->frames - c->used;
}

/* What does not fit is left out: then it is overwritten, and a listener hears
 * something else for a moment. */
void hf_range_keep(struct hf_media *m, uint32_t first, uint32_t len)
{
	struct hf_clips *c = &m->clips;
	uint32_t i = 0;

	if (!len || first >= m->map.instance->frames ||
	    m->map.instance->frames - first < len)
		return;
	while (i < c->ranges && c->range[i].first + c->range[i].len <= first)
		i++;
	if (i < c->ranges && c->range[i].first < first + len)
		return; /* has been kept */
	if (!hf_range_insert(c, i, first, len))
		c->range[i].kept = true;
}

/* Frame i of these. */
static bool hf_frame_is(const struct hf_frame *f, const struct hf_coded *c,
			enum hf_packing packing, uint32_t i)
{
	uint32_t bytes = c->frame_bytes / (packing == HF_PACKING_10 ? 2 : 1);

	return f->bytes == bytes &&
	       !memcmp(f->payload, c->bytes + (size_t)i * bytes, bytes);
}

bool hf_range_reuse(struct hf_media *m, const struct hf_coded *coded,
		    enum hf_packing packing, uint32_t *ret_first)
{
	uint32_t len = coded->frames * (packing == HF_PACKING_10 ? 2 : 1);

	for (uint32_t i = 0; i < m->clips.ranges; i++) {
		struct hf_range *r = &m->clips.range[i];
		uint32_t n = 0;

		if (!r->kept || r->len != len)
			continue;
		while (n < len && hf_frame_is(&m->map.frames[r->first + n],
					      coded, packing, n))
			n++;
		if (n < len)
			continue;
		r->kept = false;
		r->free_at_ns = 0;
		*ret_first = r->first;
		return true;
	}
	return false;
}

struct hf_range *hf_range_find(const struct hf_clips *c, uint32_t first)
{
	uint32_t low = 0, high = c->ranges;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (c->range[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->ranges && c->range[low].first == first
		       ? &c->range[low]
		       : NULL;
}

void hf_range_release(struct hf_clips *c, struct hf_clip_frames f,
		      uint64_t free_at_ns)
{
	struct hf_range *r = f.len ? hf_range_find(c, f.first) : NULL;

	if (!r)
		return;
	r->free_at_ns = free_at_ns;
	r->clip = HF_NO_CLIP;
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

	while (hf_pair_evict(m, now_ns, HF_UNUSED_NS))
		;
	for (uint32_t i = 0; i < c->ranges; i++) {
		if (c->range[i].free_at_ns && !c->range[i].users &&
		    c->range[i].free_at_ns <= now_ns) {
			c->used -= c->range[i].len;
			hf_phrase_forget(c, c->range[i].first);
		} else {
			c->range[kept++] = c->range[i];
		}
	}
	c->ranges = kept;
}
