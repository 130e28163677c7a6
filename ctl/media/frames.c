// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clips as ranges of the frame table: encoded once, with the payload's sum, so
 * that a sender copies and adds and computes nothing.
 *
 * A range that is in use is never overwritten. A clip that is replaced goes
 * into a new range, the legs that play it are flipped to that, and the old
 * range is free only after a grace period, because a sender may still be
 * copying from it (it will lose its claim).
 */
#include "state.h"

#include <errno.h>
#include <holdfast/csum.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "g711.h"

#define HF_SAMPLES   160 /* of a 20 ms frame; G.711: one byte each */
#define HF_GRACE_NS  (1000 * HF_MS)
#define HF_CLIPS_MAX 4096

/* A place for `len` frames: the first gap that is long enough. */
static int hf_range_get(struct hf_media *m, uint32_t len, uint32_t *ret_first)
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

static struct hf_range *hf_range_find(struct hf_clips *c, uint32_t first)
{
	for (uint32_t i = 0; i < c->ranges; i++)
		if (c->range[i].first == first)
			return &c->range[i];
	return NULL;
}

/* free_at_ns: now for what no program ever pointed to. */
static void hf_range_release(struct hf_clips *c, struct hf_clip_frames f,
			     uint64_t free_at_ns)
{
	struct hf_range *r = f.len ? hf_range_find(c, f.first) : NULL;

	if (r)
		r->free_at_ns = free_at_ns;
}

void hf_clips_tick(struct hf_media *m, uint64_t now_ns)
{
	struct hf_clips *c = &m->clips;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < c->ranges; i++) {
		if (c->range[i].free_at_ns && c->range[i].free_at_ns <= now_ns)
			c->used -= c->range[i].len;
		else
			c->range[kept++] = c->range[i];
	}
	c->ranges = kept;
}

/*
 * A loop ends in the middle of a frame: fill it up with the clip's end played
 * backwards, fading into its beginning played backwards. Both joints are
 * between neighbouring samples, so nothing clicks, and the level does not drop.
 */
static void hf_clip_pad(const int16_t *samples, size_t count, int16_t *frame,
			size_t have)
{
	size_t gap = HF_SAMPLES - have;

	for (size_t i = 0; i < gap; i++) {
		size_t back = i + 2 <= count ? count - 2 - i : 0;
		size_t ahead = gap - i < count ? gap - i : count - 1;
		int32_t w = (int32_t)((i + 1) * 256 / (gap + 1));

		frame[have + i] = (int16_t)((samples[back] * (256 - w) +
					     samples[ahead] * w) /
					    256);
	}
}

static void hf_frame_fill(struct hf_frame *f, enum hf_codec codec,
			  const int16_t *samples)
{
	memset(f, 0, sizeof(*f));
	for (int i = 0; i < HF_SAMPLES; i++)
		f->payload[i] = codec == HF_CODEC_PCMU
					? hf_ulaw_encode(samples[i])
					: hf_alaw_encode(samples[i]);
	f->bytes = HF_SAMPLES;
	f->sum = hf_csum_bytes(f->payload, HF_SAMPLES);
}

/* Frame `i` of the clip. */
static void hf_clip_frame(struct hf_frame *f, enum hf_codec codec,
			  const int16_t *samples, size_t count, size_t i)
{
	size_t rest = count - i * HF_SAMPLES;
	int16_t last[HF_SAMPLES];

	if (rest >= HF_SAMPLES) {
		hf_frame_fill(f, codec, samples + i * HF_SAMPLES);
		return;
	}
	memcpy(last, samples + i * HF_SAMPLES, rest * sizeof(*last));
	hf_clip_pad(samples, count, last, rest);
	hf_frame_fill(f, codec, last);
}

/* Is this what the clip holds already? Then a reload changes nothing. */
static bool hf_clip_same(const struct hf_media *m, uint32_t clip,
			 const int16_t *samples, size_t count, uint32_t len)
{
	struct hf_frame f;

	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		struct hf_clip_frames have =
			m->clips.clip[clip].frames[codec][HF_PACKING_20];

		if (have.len != len)
			return false;
		for (uint32_t i = 0; i < len; i++) {
			hf_clip_frame(&f, codec, samples, count, i);
			if (memcmp(&f, &m->map.frames[have.first + i],
				   sizeof(f)))
				return false;
		}
	}
	return true;
}

static uint32_t hf_clip_find(const struct hf_media *m, const char *name)
{
	for (uint32_t i = 0; i < m->clips.count; i++)
		if (!strcmp(m->clips.clip[i].name, name))
			return i;
	return HF_NO_CLIP;
}

int hf_clip_lookup(const struct hf_media *m, const char *name,
		   uint32_t *ret_clip)
{
	uint32_t i = name ? hf_clip_find(m, name) : HF_NO_CLIP;

	if (i == HF_NO_CLIP || !m->clips.clip[i].frames[0][HF_PACKING_20].len)
		return -ENOENT;
	*ret_clip = i;
	return 0;
}

/* 20 ms frames cut in half: the same bytes, nothing is encoded again. */
static int hf_clip_halve(struct hf_media *m, struct hf_clip_frames from,
			 struct hf_clip_frames *ret)
{
	uint32_t first;
	int r = hf_range_get(m, 2 * from.len, &first);

	if (r)
		return r;
	for (uint32_t i = 0; i < 2 * from.len; i++) {
		const struct hf_frame *whole =
			&m->map.frames[from.first + i / 2];
		struct hf_frame *half = &m->map.frames[first + i];

		memset(half, 0, sizeof(*half));
		half->bytes = HF_SAMPLES / 2;
		memcpy(half->payload, whole->payload + i % 2 * half->bytes,
		       half->bytes);
		half->sum = hf_csum_bytes(half->payload, half->bytes);
	}
	*ret = (struct hf_clip_frames){first, 2 * from.len};
	return 0;
}

struct hf_clip_frames hf_clip_frames_get(struct hf_media *m, uint32_t clip,
					 enum hf_codec codec,
					 uint32_t *ptime_ms)
{
	struct hf_clip_frames *f;

	if (clip == HF_NO_CLIP)
		return (struct hf_clip_frames){0, 0};
	f = m->clips.clip[clip].frames[codec];
	/* More than 20 ms does not fit a frame, and a receiver takes any packet
	 * time up to 200 ms (RFC 3551 4.2). */
	if (*ptime_ms == 10 &&
	    (f[HF_PACKING_10].len ||
	     !hf_clip_halve(m, f[HF_PACKING_20], &f[HF_PACKING_10])))
		return f[HF_PACKING_10];
	*ptime_ms = HF_PTIME_DEFAULT_MS;
	return f[HF_PACKING_20];
}

/* The entry of this name, a new empty one if there is none. */
static int hf_clip_entry(struct hf_media *m, const char *name, uint32_t *ret)
{
	struct hf_clips *c = &m->clips;
	uint32_t i = hf_clip_find(m, name);
	struct hf_clip *more;

	if (i == HF_NO_CLIP) {
		if (c->count == HF_CLIPS_MAX)
			return -ENOSPC;
		more = reallocarray(c->clip, c->count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->clip = more;
		memset(&more[c->count], 0, sizeof(*more));
		more[c->count].name = strdup(name);
		if (!more[c->count].name)
			return -ENOMEM;
		i = c->count++;
	}
	*ret = i;
	return 0;
}

/* The new frames are in place: legs that play the clip go over to them. */
static void hf_clip_replace(struct hf_media *m, uint32_t clip,
			    const uint32_t *first, uint32_t len)
{
	struct hf_clip_frames(*f)[HF_PACKING_COUNT] =
		m->clips.clip[clip].frames;
	struct hf_clip_frames old[HF_CODEC_COUNT][HF_PACKING_COUNT];
	uint64_t free_at = hf_media_now(m) + HF_GRACE_NS;

	memcpy(old, f, sizeof(old));
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		f[codec][HF_PACKING_20] =
			(struct hf_clip_frames){first[codec], len};
		f[codec][HF_PACKING_10].len = 0;
	}
	for (uint32_t i = 0; m->legs_open && i < m->map.instance->legs; i++)
		if (m->own[i].open && m->own[i].want == HF_MODE_HOLD &&
		    m->own[i].clip == clip)
			hf_leg_apply(m, i);
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		for (int p = 0; p < HF_PACKING_COUNT; p++)
			hf_range_release(&m->clips, old[codec][p], free_at);
}

int hf_media_clip_load(struct hf_media *m, const char *name,
		       const int16_t *samples, size_t count)
{
	uint32_t first[HF_CODEC_COUNT], clip, len;
	int r, codec;

	if (!count || !name || !*name)
		return -EINVAL;
	if (count > (size_t)m->map.instance->frames * HF_SAMPLES)
		return -ENOSPC;
	len = (uint32_t)((count + HF_SAMPLES - 1) / HF_SAMPLES);
	r = hf_clip_entry(m, name, &clip);
	if (r)
		return r;
	if (hf_clip_same(m, clip, samples, count, len))
		return 0;
	for (codec = 0; codec < HF_CODEC_COUNT; codec++) {
		r = hf_range_get(m, len, &first[codec]);
		if (r)
			goto undo;
		for (uint32_t i = 0; i < len; i++)
			hf_clip_frame(&m->map.frames[first[codec] + i], codec,
				      samples, count, i);
	}
	hf_clip_replace(m, clip, first, len);
	return 0;
undo:
	while (codec-- > 0)
		hf_range_release(&m->clips,
				 (struct hf_clip_frames){first[codec], len}, 1);
	hf_clips_tick(m, 1);
	return r;
}

void hf_clips_fini(struct hf_clips *c)
{
	for (uint32_t i = 0; i < c->count; i++)
		free(c->clip[i].name);
	free(c->clip);
	free(c->range);
	memset(c, 0, sizeof(*c));
}
