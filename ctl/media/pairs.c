// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A clip in one codec and packet time - a pair - as a run of the frame table.
 * The encoded clip itself (frames.c) lies in plain memory. It is copied into the
 * table, with the payload's sums, when the first leg wants it, and the run is
 * given back (ranges.c) when no leg has played it for a while. Which leg plays
 * which run is counted here, by the programs in force.
 */
#include "state.h"

#include <errno.h>
#include <holdfast/csum.h>
#include <string.h>

#include "../base/log.h"

#define HF_CLIP_FALLBACK "default"

static uint32_t hf_packing_parts(enum hf_packing packing)
{
	return packing == HF_PACKING_10 ? 2 : 1;
}

void hf_coded_fill(struct hf_media *m, uint32_t first,
		   const struct hf_coded *c, enum hf_packing packing)
{
	uint32_t parts = hf_packing_parts(packing);
	uint16_t bytes = (uint16_t)(c->frame_bytes / parts);

	for (uint32_t i = 0; i < c->frames * parts; i++) {
		struct hf_frame *f = &m->map.frames[first + i];

		memset(f, 0, sizeof(*f));
		memcpy(f->payload, c->bytes + (size_t)i * bytes, bytes);
		f->bytes = bytes;
		f->sum = hf_csum_bytes(f->payload, bytes);
	}
}

int hf_pair_make(struct hf_media *m, const struct hf_coded *c,
		 enum hf_packing packing, struct hf_clip_frames *ret)
{
	uint32_t len = c->frames * hf_packing_parts(packing), first;
	int r;

	if (!len)
		return -ENOENT;
	r = hf_range_get(m, len, &first);
	if (r)
		return r;
	hf_coded_fill(m, first, c, packing);
	*ret = (struct hf_clip_frames){first, len};
	return 0;
}

void hf_pair_set(struct hf_media *m, uint32_t clip, enum hf_codec codec,
		 enum hf_packing packing, struct hf_clip_frames f)
{
	struct hf_range *r = hf_range_find(&m->clips, f.first);

	m->clips.clip[clip].frames[codec][packing] = f;
	m->clips.clip[clip].said_full[codec] = false;
	r->clip = clip;
	r->codec = (uint8_t)codec;
	r->packing = (uint8_t)packing;
	r->idle_ns = hf_media_now(m);
}

void hf_pair_busy(struct hf_media *m, struct hf_clip_frames f,
		  uint64_t until_ns)
{
	struct hf_range *r = hf_range_find(&m->clips, f.first);

	if (r && r->idle_ns < until_ns)
		r->idle_ns = until_ns;
}

/* In the table, now if not yet. */
static struct hf_clip_frames hf_pair_get(struct hf_media *m, uint32_t clip,
					 enum hf_codec codec,
					 enum hf_packing packing)
{
	struct hf_clip *c = &m->clips.clip[clip];
	struct hf_clip_frames f = c->frames[codec][packing];

	if (f.len)
		hf_pair_busy(m, f, hf_media_now(m));
	else if (!hf_pair_make(m, &c->coded[codec], packing, &f))
		hf_pair_set(m, clip, codec, packing, f);
	return f;
}

/* More than 20 ms does not fit a frame, and a receiver takes any packet time up
 * to 200 ms (RFC 3551 4.2). A frame of Opus cannot be cut. */
static bool hf_pair_halves(enum hf_codec codec, uint32_t ptime_ms)
{
	return ptime_ms == 10 && codec != HF_CODEC_OPUS;
}

struct hf_clip_frames hf_clip_frames_get(struct hf_media *m, uint32_t clip,
					 enum hf_codec codec,
					 uint32_t *ptime_ms)
{
	struct hf_clip_frames f;

	if (clip == HF_NO_CLIP)
		return (struct hf_clip_frames){0, 0};
	if (hf_pair_halves(codec, *ptime_ms)) {
		f = hf_pair_get(m, clip, codec, HF_PACKING_10);
		if (f.len)
			return f;
	}
	*ptime_ms = HF_PTIME_DEFAULT_MS;
	return hf_pair_get(m, clip, codec, HF_PACKING_20);
}

uint32_t hf_clip_measure(const struct hf_media *m, uint32_t clip,
			 enum hf_codec codec, uint32_t *ptime_ms)
{
	uint32_t frames = m->clips.clip[clip].coded[codec].frames;

	if (hf_pair_halves(codec, *ptime_ms))
		return 2 * frames;
	*ptime_ms = HF_PTIME_DEFAULT_MS;
	return frames;
}

/* Once, until it is in the table. */
static void hf_pair_say_full(struct hf_media *m, uint32_t clip,
			     enum hf_codec codec, uint32_t instead)
{
	static const char *const name[HF_CODEC_COUNT] = {
		[HF_CODEC_PCMU] = "PCMU", [HF_CODEC_PCMA] = "PCMA",
		[HF_CODEC_G722] = "G722", [HF_CODEC_OPUS] = "opus",
		[HF_CODEC_G729] = "G729"};
	struct hf_clip *c = &m->clips.clip[clip];
	uint32_t longest, free = hf_range_free(m, &longest);

	if (c->said_full[codec])
		return;
	c->said_full[codec] = true;
	hf_warn("no room for clip %s in %s: %u frames are wanted, %u of %u are free, %u in one piece; callers hear %s until there is; raise audio.memory_mib (%u)",
		c->name, name[codec], c->coded[codec].frames, free,
		m->map.instance->frames, longest,
		instead == HF_NO_CLIP ? "nothing"
				      : m->clips.clip[instead].name,
		m->config->audio.memory_mib);
}

uint32_t hf_clip_choose(struct hf_media *m, uint32_t leg, uint32_t wanted,
			uint32_t *ptime_ms, struct hf_clip_frames *ret)
{
	struct hf_leg_own *own = &m->own[leg];
	enum hf_codec codec = own->remote.codec;
	uint32_t instead[2] = {own->playing, HF_NO_CLIP};
	uint32_t asked = *ptime_ms, found = HF_NO_CLIP;
	bool was_starved = own->starved;

	*ret = hf_clip_frames_get(m, wanted, codec, ptime_ms);
	own->starved = wanted != HF_NO_CLIP && !ret->len &&
		       m->clips.clip[wanted].coded[codec].frames;
	if (!own->starved)
		return wanted;
	hf_clip_lookup(m, HF_CLIP_FALLBACK, &instead[1]);
	for (int i = 0; i < 2 && found == HF_NO_CLIP; i++) {
		if (instead[i] == HF_NO_CLIP || instead[i] == wanted)
			continue;
		*ptime_ms = asked;
		*ret = hf_clip_frames_get(m, instead[i], codec, ptime_ms);
		if (ret->len)
			found = instead[i];
	}
	m->clips.starved += !was_starved;
	hf_pair_say_full(m, wanted, codec, found);
	return found == HF_NO_CLIP ? wanted : found;
}

void hf_leg_loops(struct hf_media *m, uint32_t leg, bool loops, uint32_t first)
{
	struct hf_leg_own *own = &m->own[leg];
	uint64_t now = hf_media_now(m);
	struct hf_range *r;

	if (own->loops == loops && (!loops || own->loop_first == first))
		return;
	r = own->loops ? hf_range_find(&m->clips, own->loop_first) : NULL;
	if (r && !--r->users) {
		if (r->idle_ns < now)
			r->idle_ns = now;
		if (r->free_at_ns && r->free_at_ns < now + HF_GRACE_NS)
			r->free_at_ns = now + HF_GRACE_NS;
	}
	r = loops ? hf_range_find(&m->clips, first) : NULL;
	if (r)
		r->users++;
	own->loops = r;
	own->loop_first = first;
}

bool hf_pair_evict(struct hf_media *m, uint64_t now_ns, uint64_t unused_ns)
{
	struct hf_clips *c = &m->clips;
	struct hf_range *found = NULL;
	uint32_t behind;

	for (uint32_t i = 0; i < c->ranges; i++) {
		struct hf_range *r = &c->range[i];

		if (r->clip != HF_NO_CLIP && !r->users &&
		    r->idle_ns + unused_ns <= now_ns &&
		    (!found || r->idle_ns < found->idle_ns))
			found = r;
	}
	if (!found)
		return false;
	c->clip[found->clip].frames[found->codec][found->packing] =
		(struct hf_clip_frames){0, 0};
	c->used -= found->len;
	behind = c->ranges-- - (uint32_t)(found - c->range) - 1;
	memmove(found, found + 1, behind * sizeof(*found));
	return true;
}
