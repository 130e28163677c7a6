// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said once: prompts, and announcements into the music. Both become a
 * run of frames that the next program plays before its loop (program.c), so a
 * leg goes back to its music by itself, whoever is alive then.
 *
 * A run is made of copies and shared by all who are to hear the same; it is
 * given back when the last of them must have heard the end.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A phrase nobody says again soon; longer than any late sender copies. */
#define HF_PHRASE_KEEP_NS (30000 * HF_MS)

/*
 * What is said is said once: whatever of it comes due before the way there is
 * open is lost. So a leg that sends nothing yet begins a little later: by the
 * time in which a sender that sleeps is surely woken, or, where the neighbour
 * has still to be asked for its address, in which that is answered.
 */
#define HF_LEAD_AWAKE_MS 100
#define HF_LEAD_WAY_MS	 500

static enum hf_packing hf_packing_of(uint32_t ptime_ms)
{
	return ptime_ms == 10 ? HF_PACKING_10 : HF_PACKING_20;
}

static bool hf_phrase_is(const struct hf_clips *c, const struct hf_phrase *have,
			 const struct hf_phrase *want)
{
	if (have->codec != want->codec || have->packing != want->packing ||
	    have->count != want->count)
		return false;
	for (unsigned int i = 0; i < want->count; i++)
		if (have->clip[i] != want->clip[i] ||
		    have->version[i] != c->clip[want->clip[i]].version)
			return false;
	return true;
}

static struct hf_phrase *hf_phrase_room(struct hf_clips *c)
{
	if (c->phrases == HF_PHRASES_MAX)
		return NULL;
	if (!(c->phrases & (c->phrases - 1))) {
		uint32_t room = c->phrases ? 2 * c->phrases : 1;
		void *more = reallocarray(c->phrase, room, sizeof(*c->phrase));

		if (!more)
			return NULL;
		c->phrase = more;
	}
	return &c->phrase[c->phrases];
}

/* All clips of it in the packet time asked for, or in 20 ms. */
static int hf_phrase_measure(struct hf_media *m, struct hf_phrase *p,
			     uint32_t *ptime_ms)
{
	p->len = 0;
	for (unsigned int i = 0; i < p->count; i++) {
		uint32_t len =
			hf_clip_measure(m, p->clip[i], p->codec, ptime_ms);

		if (!len)
			return -ENOENT;
		p->len += len;
		p->version[i] = m->clips.clip[p->clip[i]].version;
	}
	p->packing = hf_packing_of(*ptime_ms);
	return p->len <= UINT16_MAX ? 0 : -EFBIG;
}

/* The run of this phrase, made if there is none. */
static int hf_phrase_get(struct hf_media *m, struct hf_phrase *want)
{
	struct hf_clips *c = &m->clips;
	uint32_t at, ptime = want->packing == HF_PACKING_10 ? 10 : 20;
	struct hf_phrase *p;
	int r;

	for (uint32_t i = 0; i < c->phrases; i++)
		if (hf_phrase_is(c, &c->phrase[i], want)) {
			want->first = c->phrase[i].first;
			return 0;
		}
	p = hf_phrase_room(c);
	if (!p)
		return -ENOSPC;
	r = hf_range_get(m, want->len, &want->first);
	if (r)
		return r;
	at = want->first;
	for (unsigned int i = 0; i < want->count; i++) {
		hf_coded_fill(m, at, &c->clip[want->clip[i]].coded[want->codec],
			      want->packing);
		at += hf_clip_measure(m, want->clip[i], want->codec, &ptime);
	}
	*p = *want;
	c->phrases++;
	return 0;
}

/* How long before its first word a leg has to wait. */
static uint32_t hf_say_lead(const struct hf_media *m, uint32_t leg)
{
	uint64_t word = hf_load_acquire(&m->map.claims[leg].word);
	const struct hf_program *p =
		hf_word_program(&m->map.legs[leg], word);
	uint32_t hop = m->own[leg].hop;
	const struct hf_nexthop *n;

	if (p->mode == HF_MODE_HOLD &&
	    (p->loop_len || hf_word_slot(word) < p->once_len))
		return 0;
	if (hop == HF_NO_HOP || !m->poke)
		return HF_LEAD_AWAKE_MS;
	n = &m->map.nexthops[hop];
	return n->hop[hf_load_acquire(&n->turn) & 1].flags & HF_HOP_VALID ?
		       HF_LEAD_AWAKE_MS :
		       HF_LEAD_WAY_MS;
}

int hf_media_leg_say(struct hf_media *m, uint32_t leg, const char *const *clips,
		     unsigned int count, const char *then, uint32_t *ret_ms)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);
	uint32_t music = HF_NO_CLIP, ptime;
	struct hf_clip_frames loop;
	struct hf_phrase p = {.count = count};
	uint64_t until;
	int r = 0;

	if (!own || !own->has_remote || !count || count > HF_SAY_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < count && !r; i++)
		r = hf_clip_lookup(m, clips[i], &p.clip[i]);
	if (!r && then)
		r = hf_clip_lookup(m, then, &music);
	if (r)
		return r;
	p.codec = own->remote.codec;
	ptime = own->remote.ptime_ms;
	/* The music goes on in the same packets. */
	if (then)
		hf_clip_choose(m, leg, music, &ptime, &loop);
	r = hf_phrase_measure(m, &p, &ptime);
	if (!r)
		r = hf_phrase_get(m, &p);
	if (r)
		return r;
	own->say_lead_ms = hf_say_lead(m, leg);
	*ret_ms = own->say_lead_ms + p.len * ptime;
	until = hf_media_now(m) + *ret_ms * HF_MS + HF_PHRASE_KEEP_NS;
	hf_range_release(&m->clips, (struct hf_clip_frames){p.first, p.len},
			 until);
	hf_leg_part(m, leg);
	own->want = HF_MODE_HOLD;
	own->clip = music;
	own->say_first = p.first;
	own->say_len = p.len;
	own->say_at = 0;
	own->say_slot = HF_SAY_NOW;
	own->say_music = HF_SAY_KEEP;
	own->say_codec = p.codec;
	own->say_ptime_ms = ptime;
	hf_leg_apply(m, leg);
	return 0;
}

/* Which frame of its loop the leg plays next; false if it plays none. */
static bool hf_leg_place(struct hf_media *m, uint32_t i, uint32_t *ret_place,
			 uint32_t *ret_slot, uint32_t *ret_ptime_ms)
{
	const struct hf_leg *leg = &m->map.legs[i];
	uint64_t word = hf_load_acquire(&m->map.claims[i].word);
	const struct hf_program *p = hf_word_program(leg, word);
	uint32_t slot = hf_word_slot(word);

	if (p->mode != HF_MODE_HOLD || !p->loop_len || slot < p->once_len)
		return false;
	*ret_place = (slot - p->loop_phase) % p->loop_len;
	*ret_slot = slot;
	*ret_ptime_ms = p->ptime_ns / (uint32_t)HF_MS;
	return true;
}

int hf_media_leg_announce(struct hf_media *m, uint32_t leg, const char *clip,
			  uint32_t *ret_ms)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);
	uint32_t found, place, slot, ptime, of_leg, per, block, lead, every;
	uint32_t ahead;
	struct hf_clip_frames f;
	struct hf_clip *c;
	int r;

	if (!own)
		return -EINVAL;
	r = hf_clip_lookup(m, clip, &found);
	if (r)
		return r;
	*ret_ms = 1000;
	if (!hf_leg_place(m, leg, &place, &slot, &ptime))
		return -EAGAIN;
	c = &m->clips.clip[found];
	if (!c->into || own->playing == HF_NO_CLIP ||
	    strcmp(c->into, m->clips.clip[own->playing].name))
		return -ENOENT;
	per = HF_PTIME_DEFAULT_MS / ptime;
	of_leg = ptime;
	f = hf_clip_frames_get(m, found, own->remote.codec, &ptime);
	block = c->block_frames * per;
	lead = c->lead_frames * per;
	every = c->every_frames * per;
	/* No room; or not for packets as short as the music's. */
	if (!f.len || ptime != of_leg)
		return -ENOENT;
	/* How far the next place is that is not too near, counted in frames. */
	ahead = (every - place % every) % every;
	if (ahead > lead || place + ahead >= f.len / block * every) {
		*ret_ms = (ahead > lead ? ahead - lead / 2 : ahead + every) *
			  ptime;
		return -EAGAIN;
	}
	place = (place + ahead) / every;
	own->say_first = f.first + place * block;
	own->say_len = block;
	own->say_at = lead - ahead;
	own->say_slot = slot;
	own->say_music = place * every + c->tail_frames * per;
	own->say_codec = own->remote.codec;
	own->say_ptime_ms = ptime;
	hf_leg_apply(m, leg);
	*ret_ms = (block - own->say_at) * ptime;
	hf_pair_busy(m, f, hf_media_now(m) + block * ptime * HF_MS);
	return 0;
}
