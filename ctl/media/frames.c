// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clips by name, each encoded in every codec it exists in, in plain memory. What
 * legs play of them stands in the frame table too (pairs.c). A clip that is
 * replaced while legs play it goes into new runs there, the legs are flipped to
 * those, and the old ones are given back (ranges.c).
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "g711.h"

#define HF_SAMPLES   160 /* of a 20 ms frame; G.711: one byte each */
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

/* Is this what the clip holds already? Then a reload changes nothing. */
static bool hf_clip_same(const struct hf_clip *clip,
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
		const struct hf_coded *have = &clip->coded[codec];
		const struct hf_coded *c = &d->in[codec];

		if (have->frames != c->frames ||
		    (c->frames && (have->frame_bytes != c->frame_bytes ||
				   memcmp(have->bytes, c->bytes,
					  (size_t)c->frames * c->frame_bytes))))
			return false;
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

static bool hf_clip_exists(const struct hf_clip *clip)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		if (clip->coded[codec].frames)
			return true;
	return false;
}

int hf_clip_lookup(const struct hf_media *m, const char *name,
		   uint32_t *ret_clip)
{
	uint32_t i = name ? hf_clip_find(m, name) : HF_NO_CLIP;

	if (i == HF_NO_CLIP || !hf_clip_exists(&m->clips.clip[i]))
		return -ENOENT;
	*ret_clip = i;
	return 0;
}

bool hf_media_clip_exists(const struct hf_media *m, const char *name,
			  enum hf_codec codec)
{
	uint32_t i = hf_clip_find(m, name);

	return i != HF_NO_CLIP && m->clips.clip[i].coded[codec].frames;
}

int hf_media_clip_ms(const struct hf_media *m, const char *name,
		     uint32_t *ret_ms)
{
	uint32_t i;
	int r = hf_clip_lookup(m, name, &i);

	for (int codec = 0; !r && codec < HF_CODEC_COUNT; codec++) {
		uint32_t len = m->clips.clip[i].coded[codec].frames;

		if (len)
			*ret_ms = len * HF_PTIME_DEFAULT_MS;
	}
	return r;
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

static bool hf_clip_is_played(const struct hf_media *m, uint32_t clip,
			      enum hf_codec codec, enum hf_packing packing)
{
	struct hf_clip_frames f = m->clips.clip[clip].frames[codec][packing];
	const struct hf_range *r =
		f.len ? hf_range_find(&m->clips, f.first) : NULL;

	return r && r->users;
}

uint32_t hf_media_clip_played(const struct hf_media *m, const char *name,
			      const struct hf_clip_data *d)
{
	uint32_t clip = hf_clip_find(m, name), frames = 0;

	for (int codec = 0; clip != HF_NO_CLIP && codec < HF_CODEC_COUNT;
	     codec++) {
		if (hf_clip_is_played(m, clip, codec, HF_PACKING_20))
			frames += d->in[codec].frames;
		if (hf_clip_is_played(m, clip, codec, HF_PACKING_10))
			frames += 2 * d->in[codec].frames;
	}
	return frames;
}

/* What legs play of the clip now, made of the new data; all of it or nothing.
 * Where there is no room for short packets, longer ones do. */
static int hf_clip_prepare(struct hf_media *m, uint32_t clip,
			   const struct hf_clip_data *d,
			   struct hf_clip_frames next[][HF_PACKING_COUNT])
{
	int r = 0;

	for (int codec = 0; codec < HF_CODEC_COUNT && !r; codec++) {
		struct hf_clip_frames *n = next[codec];
		bool whole = hf_clip_is_played(m, clip, codec, HF_PACKING_20);

		if (!d->in[codec].frames)
			continue;
		if (hf_clip_is_played(m, clip, codec, HF_PACKING_10) &&
		    hf_pair_make(m, &d->in[codec], HF_PACKING_10,
				 &n[HF_PACKING_10]))
			whole = true;
		if (whole)
			r = hf_pair_make(m, &d->in[codec], HF_PACKING_20,
					 &n[HF_PACKING_20]);
	}
	if (r) {
		hf_clip_release(m, next, 1);
		hf_clips_tick(m, 1);
	}
	return r;
}

/* The clip's runs are these now, and what a controller before us left in use of
 * the same frames. Legs that play it go over. */
static void hf_clip_replace(struct hf_media *m, uint32_t clip,
			    struct hf_clip_frames next[][HF_PACKING_COUNT],
			    uint64_t free_at)
{
	struct hf_clip *c = &m->clips.clip[clip];

	hf_clip_release(m, c->frames, free_at);
	memset(c->frames, 0, sizeof(c->frames));
	memset(c->said_full, 0, sizeof(c->said_full));
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		for (int p = 0; p < HF_PACKING_COUNT; p++) {
			struct hf_clip_frames n = next[codec][p];

			if (!n.len && hf_range_reuse(m, &c->coded[codec], p,
						     &n.first))
				n.len = hf_range_find(&m->clips, n.first)->len;
			if (n.len)
				hf_pair_set(m, clip, codec, p, n);
		}
	c->version++;
	for (uint32_t i = 0; m->legs_open && i < m->map.instance->legs; i++)
		if (m->own[i].open && m->own[i].want == HF_MODE_HOLD &&
		    (m->own[i].clip == clip || m->own[i].playing == clip))
			hf_leg_apply(m, i);
}

static void hf_coded_free(struct hf_coded *c)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		free(c[codec].bytes);
		c[codec] = (struct hf_coded){0};
	}
}

static int hf_coded_copy(const struct hf_clip_data *d, struct hf_coded *ret)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		size_t len = (size_t)d->in[codec].frames *
			     d->in[codec].frame_bytes;

		if (!len)
			continue;
		ret[codec] = d->in[codec];
		ret[codec].bytes = malloc(len);
		if (!ret[codec].bytes) {
			hf_coded_free(ret);
			return -ENOMEM;
		}
		memcpy(ret[codec].bytes, d->in[codec].bytes, len);
	}
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

/* Could each of its codecs be in the table at all? */
static bool hf_clip_fits(const struct hf_media *m, const struct hf_clip_data *d)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		if (d->in[codec].frames > m->map.instance->frames)
			return false;
	return true;
}

int hf_media_clip_put(struct hf_media *m, const char *name,
		      const struct hf_clip_data *d)
{
	struct hf_clip_frames next[HF_CODEC_COUNT][HF_PACKING_COUNT] = {0};
	struct hf_coded coded[HF_CODEC_COUNT] = {0};
	char *into = NULL;
	struct hf_clip *c;
	uint64_t free_at;
	uint32_t clip;
	int r;

	if (!hf_clip_data_ok(name, d))
		return -EINVAL;
	if (!hf_clip_fits(m, d))
		return -ENOSPC;
	r = hf_clip_entry(m, name, &clip);
	if (r)
		return r;
	if (hf_clip_same(&m->clips.clip[clip], d))
		return 0;
	if (d->into && !(into = strdup(d->into)))
		return -ENOMEM;
	r = hf_coded_copy(d, coded);
	if (!r)
		r = hf_clip_prepare(m, clip, d, next);
	if (r) {
		hf_coded_free(coded);
		free(into);
		return r;
	}
	c = &m->clips.clip[clip];
	free_at = hf_clip_last_use(m, c);
	hf_coded_free(c->coded);
	memcpy(c->coded, coded, sizeof(coded));
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

static bool hf_clip_is_wanted(const struct hf_media *m, uint32_t clip)
{
	for (uint32_t i = 0; m->legs_open && i < m->map.instance->legs; i++) {
		const struct hf_leg_own *own = &m->own[i];

		if (own->open && own->want == HF_MODE_HOLD &&
		    (own->clip == clip ||
		     (own->loops && own->playing == clip)))
			return true;
	}
	return false;
}

int hf_media_clip_remove(struct hf_media *m, const char *name)
{
	struct hf_clip *c;
	uint32_t i;

	if (hf_clip_lookup(m, name, &i))
		return -ENOENT;
	if (hf_clip_is_wanted(m, i))
		return -EBUSY;
	c = &m->clips.clip[i];
	hf_clip_release(m, c->frames, hf_clip_last_use(m, c));
	memset(c->frames, 0, sizeof(c->frames));
	hf_coded_free(c->coded);
	free(c->name);
	free(c->into);
	c->name = c->into = NULL;
	c->version++;
	/* A leg that will come back to it finds another clip there, or none. */
	for (uint32_t k = 0; k < m->map.instance->legs; k++)
		if (m->own[k].open && m->own[k].clip == i)
			m->own[k].clip = m->own[k].playing = HF_NO_CLIP;
		else if (m->own[k].open && m->own[k].playing == i)
			m->own[k].playing = HF_NO_CLIP;
	return 0;
}

static void hf_clip_view_codec(const struct hf_media *m,
			       const struct hf_clip *c, int codec,
			       struct hf_clip_view *v)
{
	v->encoded[codec] = c->coded[codec].frames;
	for (int p = 0; p < HF_PACKING_COUNT; p++) {
		struct hf_clip_frames f = c->frames[codec][p];

		v->frames[codec] += f.len;
		if (f.len)
			v->legs += hf_range_find(&m->clips, f.first)->users;
	}
}

void hf_media_clips(const struct hf_media *m,
		    bool (*fn)(void *arg, const struct hf_clip_view *),
		    void *arg)
{
	for (uint32_t i = 0; i < m->clips.count; i++) {
		const struct hf_clip *c = &m->clips.clip[i];
		struct hf_clip_view v = {
			.name = c->name,
			.shared = c->shared,
		};
		uint32_t one = 0;

		if (!c->name || !hf_clip_exists(c))
			continue;
		for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
			hf_clip_view_codec(m, c, codec, &v);
			if (c->coded[codec].frames)
				one = c->coded[codec].frames;
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
		hf_coded_free(c->clip[i].coded);
		free(c->clip[i].name);
		free(c->clip[i].into);
	}
	free(c->clip);
	free(c->phrase);
	free(c->range);
	memset(c, 0, sizeof(*c));
}
