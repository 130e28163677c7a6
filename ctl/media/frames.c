// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clips as runs of the frame table: encoded once, with the payload's sum, so
 * that a sender copies and adds and computes nothing. A clip that is replaced
 * goes into new runs (ranges.c), the legs that play it are flipped to those,
 * and the old ones are given back.
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

/*
 * A loop ends in the middle of a frame: fill it up with the clip's end played
 * backwards, fading into its beginning played backwards. Both joints are
 * between neighbouring samples, so nothing clicks, and the level does not drop.
 * This is sample `i`, which is behind the last one.
 */
static int16_t hf_clip_pad(const int16_t *samples, size_t count, size_t whole,
			   size_t i)
{
	size_t gap = whole - count, at = i - count;
	size_t back = at + 2 <= count ? count - 2 - at : 0;
	size_t ahead = gap - at < count ? gap - at : count - 1;
	int32_t w = (int32_t)((at + 1) * 256 / (gap + 1));

	return (int16_t)((samples[back] * (256 - w) + samples[ahead] * w) /
			 256);
}

static void hf_frame_fill(struct hf_frame *f, const uint8_t *bytes,
			  uint16_t count)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->payload, bytes, count);
	f->bytes = count;
	f->sum = hf_csum_bytes(f->payload, count);
}

/* Is this what the clip holds already? Then a reload changes nothing. */
static bool hf_clip_same(const struct hf_media *m, const struct hf_clip *clip,
			 const struct hf_clip_data *d)
{
	if (clip->shared != d->shared || !clip->into != !d->into ||
	    (d->into && strcmp(clip->into, d->into)) ||
	    clip->block_frames != d->block_frames ||
	    clip->lead_frames != d->lead_frames ||
	    clip->tail_frames != d->tail_frames ||
	    clip->every_frames != d->every_frames)
		return false;
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		struct hf_clip_frames have = clip->frames[codec][HF_PACKING_20];
		const struct hf_coded *c = &d->in[codec];

		if (have.len != c->frames)
			return false;
		for (uint32_t i = 0; i < have.len; i++) {
			const struct hf_frame *f =
				&m->map.frames[have.first + i];

			if (f->bytes != c->frame_bytes ||
			    memcmp(f->payload,
				   c->bytes + (size_t)i * c->frame_bytes,
				   f->bytes))
				return false;
		}
	}
	return true;
}

static uint32_t hf_clip_find(const struct hf_media *m, const char *name)
{
	for (uint32_t i = 0; i < m->clips.count; i++)
		if (m->clips.clip[i].name &&
		    !strcmp(m->clips.clip[i].name, name))
			return i;
	return HF_NO_CLIP;
}

static bool hf_clip_loaded(const struct hf_clip *clip)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		if (clip->frames[codec][HF_PACKING_20].len)
			return true;
	return false;
}

int hf_clip_lookup(const struct hf_media *m, const char *name,
		   uint32_t *ret_clip)
{
	uint32_t i = name ? hf_clip_find(m, name) : HF_NO_CLIP;

	if (i == HF_NO_CLIP || !hf_clip_loaded(&m->clips.clip[i]))
		return -ENOENT;
	*ret_clip = i;
	return 0;
}

bool hf_media_clip_exists(const struct hf_media *m, const char *name,
			  enum hf_codec codec)
{
	uint32_t i = hf_clip_find(m, name);

	return i != HF_NO_CLIP &&
	       m->clips.clip[i].frames[codec][HF_PACKING_20].len;
}

int hf_media_clip_ms(const struct hf_media *m, const char *name,
		     uint32_t *ret_ms)
{
	uint32_t i;
	int r = hf_clip_lookup(m, name, &i);

	for (int codec = 0; !r && codec < HF_CODEC_COUNT; codec++) {
		uint32_t len =
			m->clips.clip[i].frames[codec][HF_PACKING_20].len;

		if (len)
			*ret_ms = len * HF_PTIME_DEFAULT_MS;
	}
	return r;
}

/* 20 ms frames cut in half: the same bytes, nothing is encoded again. */
static int hf_clip_halve(struct hf_media *m, struct hf_clip_frames from,
			 struct hf_clip_frames *ret)
{
	uint32_t first;
	int r;

	if (!from.len)
		return -ENOENT;
	r = hf_range_get(m, 2 * from.len, &first);
	if (r)
		return r;
	for (uint32_t i = 0; i < 2 * from.len; i++) {
		const struct hf_frame *whole =
			&m->map.frames[from.first + i / 2];
		struct hf_frame *half = &m->map.frames[first + i];

		memset(half, 0, sizeof(*half));
		half->bytes = whole->bytes / 2;
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
	 * time up to 200 ms (RFC 3551 4.2). A frame of Opus cannot be cut. */
	if (*ptime_ms == 10 && codec != HF_CODEC_OPUS &&
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

	for (uint32_t k = 0; i == HF_NO_CLIP && k < c->count; k++)
		if (!c->clip[k].name)
			i = k;
	if (i == HF_NO_CLIP) {
		if (c->count == HF_CLIPS_MAX)
			return -ENOSPC;
		more = reallocarray(c->clip, c->count + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->clip = more;
		i = c->count++;
		memset(&more[i], 0, sizeof(*more));
	}
	if (!c->clip[i].name)
		c->clip[i].name = strdup(name);
	*ret = i;
	return c->clip[i].name ? 0 : -ENOMEM;
}

/* When nobody plays the clip's frames any more, once nobody begins to: an
 * announcement is heard to its end. */
static uint64_t hf_clip_last_use(const struct hf_media *m,
				 const struct hf_clip *c)
{
	return hf_media_now(m) + HF_GRACE_NS +
	       c->block_frames * HF_PTIME_DEFAULT_MS * HF_MS;
}

static void hf_clip_release(struct hf_media *m,
			    struct hf_clip_frames f[][HF_PACKING_COUNT],
			    uint64_t free_at)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		for (int p = 0; p < HF_PACKING_COUNT; p++)
			hf_range_release(&m->clips, f[codec][p], free_at);
}

/* The new frames are in place: legs that play the clip go over to them. */
static void hf_clip_replace(struct hf_media *m, uint32_t clip,
			    struct hf_clip_frames next[][HF_PACKING_COUNT],
			    uint64_t free_at)
{
	struct hf_clip_frames(*f)[HF_PACKING_COUNT] =
		m->clips.clip[clip].frames;
	struct hf_clip_frames old[HF_CODEC_COUNT][HF_PACKING_COUNT];

	memcpy(old, f, sizeof(old));
	memcpy(f, next, sizeof(old));
	m->clips.clip[clip].version++;
	for (uint32_t i = 0; m->legs_open && i < m->map.instance->legs; i++)
		if (m->own[i].open && m->own[i].want == HF_MODE_HOLD &&
		    m->own[i].clip == clip)
			hf_leg_apply(m, i);
	hf_clip_release(m, old, free_at);
}

static int hf_clip_fill(struct hf_media *m, const struct hf_coded *c,
			struct hf_clip_frames *ret)
{
	uint32_t first;
	int r;

	if (!c->frames)
		return 0;
	if (hf_range_reuse(m, c, &first)) {
		*ret = (struct hf_clip_frames){first, c->frames};
		return 0;
	}
	r = hf_range_get(m, c->frames, &first);
	if (r)
		return r;
	for (uint32_t i = 0; i < c->frames; i++)
		hf_frame_fill(&m->map.frames[first + i],
			      c->bytes + (size_t)i * c->frame_bytes,
			      c->frame_bytes);
	*ret = (struct hf_clip_frames){first, c->frames};
	return 0;
}

static bool hf_clip_data_ok(const char *name, const struct hf_clip_data *d)
{
	uint32_t any = 0;

	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		const struct hf_coded *c = &d->in[codec];

		any |= c->frames;
		if (c->frames &&
		    (!c->frame_bytes || c->frame_bytes > HF_FRAME_BYTES))
			return false;
		if (d->into && d->block_frames && c->frames % d->block_frames)
			return false;
	}
	return any && name && *name &&
	       (!d->into || (d->block_frames && d->every_frames &&
			     d->block_frames <= UINT16_MAX / 2));
}

int hf_media_clip_put(struct hf_media *m, const char *name,
		      const struct hf_clip_data *d)
{
	struct hf_clip_frames next[HF_CODEC_COUNT][HF_PACKING_COUNT] = {0};
	char *into = NULL;
	struct hf_clip *c;
	uint64_t free_at;
	uint32_t clip;
	int r;

	if (!hf_clip_data_ok(name, d))
		return -EINVAL;
	r = hf_clip_entry(m, name, &clip);
	if (r)
		return r;
	if (hf_clip_same(m, &m->clips.clip[clip], d))
		return 0;
	if (d->into && !(into = strdup(d->into)))
		return -ENOMEM;
	for (int codec = 0; codec < HF_CODEC_COUNT && !r; codec++)
		r = hf_clip_fill(m, &d->in[codec], &next[codec][HF_PACKING_20]);
	if (r) {
		hf_clip_release(m, next, 1);
		hf_clips_tick(m, 1);
		free(into);
		return r;
	}
	c = &m->clips.clip[clip];
	free_at = hf_clip_last_use(m, c);
	free(c->into);
	c->into = into;
	c->shared = d->shared;
	c->block_frames = d->block_frames;
	c->lead_frames = d->lead_frames;
	c->tail_frames = d->tail_frames;
	c->every_frames = d->every_frames;
	hf_clip_replace(m, clip, next, free_at);
	return 0;
}

int hf_media_clip_load(struct hf_media *m, const char *name,
		       const int16_t *samples, size_t count)
{
	size_t len = (count + HF_SAMPLES - 1) / HF_SAMPLES;
	struct hf_clip_data d = {0};
	uint8_t *bytes;
	int r;

	if (!count)
		return -EINVAL;
	if (len > m->map.instance->frames)
		return -ENOSPC;
	bytes = calloc(2 * len, HF_SAMPLES);
	if (!bytes)
		return -ENOMEM;
	d.in[HF_CODEC_PCMU] =
		(struct hf_coded){bytes, (uint32_t)len, HF_SAMPLES};
	d.in[HF_CODEC_PCMA] = (struct hf_coded){bytes + len * HF_SAMPLES,
						(uint32_t)len, HF_SAMPLES};
	for (size_t i = 0; i < len * HF_SAMPLES; i++) {
		int16_t x = i < count ? samples[i]
				      : hf_clip_pad(samples, count,
						    len * HF_SAMPLES, i);

		d.in[HF_CODEC_PCMU].bytes[i] = hf_ulaw_encode(x);
		d.in[HF_CODEC_PCMA].bytes[i] = hf_alaw_encode(x);
	}
	r = hf_media_clip_put(m, name, &d);
	free(bytes);
	return r;
}

static uint32_t hf_clip_legs(const struct hf_media *m, uint32_t clip)
{
	uint32_t n = 0;

	for (uint32_t i = 0; m->legs_open && i < m->map.instance->legs; i++)
		n += m->own[i].open && m->own[i].want == HF_MODE_HOLD &&
		     m->own[i].clip == clip;
	return n;
}

int hf_media_clip_remove(struct hf_media *m, const char *name)
{
	struct hf_clip *c;
	uint32_t i;

	if (hf_clip_lookup(m, name, &i))
		return -ENOENT;
	if (hf_clip_legs(m, i))
		return -EBUSY;
	c = &m->clips.clip[i];
	hf_clip_release(m, c->frames, hf_clip_last_use(m, c));
	memset(c->frames, 0, sizeof(c->frames));
	free(c->name);
	free(c->into);
	c->name = c->into = NULL;
	c->version++;
	/* A leg that will come back to it finds another clip there, or none. */
	for (uint32_t k = 0; k < m->map.instance->legs; k++)
		if (m->own[k].open && m->own[k].clip == i)
			m->own[k].clip = m->own[k].playing = HF_NO_CLIP;
	return 0;
}

void hf_media_clips(const struct hf_media *m,
		    bool (*fn)(void *arg, const struct hf_clip_view *),
		    void *arg)
{
	for (uint32_t i = 0; i < m->clips.count; i++) {
		const struct hf_clip *c = &m->clips.clip[i];
		struct hf_clip_view v = {
			.name = c->name,
			.legs = hf_clip_legs(m, i),
			.shared = c->shared,
		};
		uint32_t one = 0;

		if (!c->name || !hf_clip_loaded(c))
			continue;
		for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
			for (int p = 0; p < HF_PACKING_COUNT; p++)
				v.frames[codec] += c->frames[codec][p].len;
			if (c->frames[codec][HF_PACKING_20].len)
				one = c->frames[codec][HF_PACKING_20].len;
		}
		v.ms = (c->into ? c->block_frames - c->lead_frames : one) *
		       HF_PTIME_DEFAULT_MS;
		if (!fn(arg, &v))
			return;
	}
}

void hf_clips_fini(struct hf_clips *c)
{
	for (uint32_t i = 0; i < c->count; i++) {
		free(c->clip[i].name);
		free(c->clip[i].into);
	}
	free(c->clip);
	free(c->phrase);
	free(c->range);
	memset(c, 0, sizeof(*c));
}
