// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Legs of a controller before us. Their programs stand in the pinned maps and
 * go on; here struct hf_leg_own is made again for each, from the program in
 * force. Nothing is written that a sender reads, so nobody hears a gap. The park
 * logic then names the legs that belong to its calls (hf_media_leg_adopt); the
 * others are orphans and end when their time is over.
 */
#include "state.h"

#include <errno.h>

/* Frames that were in use are kept this long: somebody may be in the middle of
 * an announcement. */
#define HF_KEPT_NS (60 * 1000 * HF_MS)

static const struct hf_program *hf_leg_in_force(const struct hf_media *m,
						uint32_t leg)
{
	const struct hf_leg *l = &m->map.legs[leg];

	return hf_word_program(l,
			       hf_load_acquire(&m->map.claims[leg].word));
}

bool hf_leg_is_live(const struct hf_media *m, uint32_t leg)
{
	return m->adopted && hf_leg_in_force(m, leg)->local_port;
}

/* When did the relay in force begin? Later than any packet that was relayed
 * before it: the newest packet is of this one if it says so (rtp.h). */
static uint32_t hf_relay_unit(const struct hf_media *m, uint32_t leg,
			      const struct hf_program *p)
{
	const struct hf_bound *b;
	uint32_t now = (uint32_t)(hf_media_now(m) >> 20);
	uint64_t out;

	if (p->peer >= m->map.instance->legs)
		return now;
	b = &m->map.bound[p->peer];
	out = hf_load_acquire(&m->map.claims[p->peer].intake.last_out);
	return out && b->epoch == hf_word_epoch(m->map.claims[leg].word)
		       ? (uint32_t)out
		       : now;
}

bool hf_media_is_adopted(const struct hf_media *m)
{
	return m && m->adopted;
}

void hf_legs_adopt(struct hf_media *m)
{
	for (uint32_t i = 0; i < m->map.instance->legs; i++) {
		const struct hf_program *p = hf_leg_in_force(m, i);

		if (!hf_leg_is_live(m, i))
			continue;
		m->own[i] = (struct hf_leg_own){
			.open = true,
			.orphan = true,
			.want = p->mode,
			.peer = p->mode == HF_MODE_RELAY ? p->peer
							 : HF_LEG_NONE,
			.clip = HF_NO_CLIP,
			.playing = HF_NO_CLIP,
			.hop = HF_NO_HOP,
			.bucket = HF_NO_BUCKET,
			.line_ns = p->base_ns,
			.line_ts = p->ts_base,
		};
		if (p->mode == HF_MODE_RELAY)
			m->own[i].relay_unit = hf_relay_unit(m, i, p);
		/* A kill may have come between the flip and that. */
		hf_leg_shorten(m, i);
		m->legs_open++;
		m->orphans++;
		hf_range_keep(m, p->once_first, p->once_len);
		if (p->mode == HF_MODE_HOLD && p->loop_len) {
			hf_range_keep(m, p->loop_first, p->loop_len);
			hf_leg_loops(m, i, true, p->loop_first);
		}
	}
}

/* After the clips are loaded. */
int hf_media_leg_adopt(struct hf_media *m, uint32_t leg, uint64_t mark,
		       const struct hf_media_remote *remote, const char *clip)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);
	const struct hf_range *run;
	uint32_t hop = HF_NO_HOP;
	int r;

	if (!own || !own->orphan || (remote && remote->codec >= HF_CODEC_COUNT))
		return -ENOENT;
	/* The port has been taken by another call since that was written. */
	if (m->marks && m->marks[leg] && mark && m->marks[leg] != mark)
		return -ESTALE;
	if (remote && remote->ip4.s_addr && remote->port) {
		r = hf_hop_get(m, remote->ip4, 0, 0, &hop);
		if (r)
			return r;
	}
	own->orphan = false;
	m->orphans--;
	own->hop = hop;
	if (remote) {
		own->remote = *remote;
		own->has_remote = true;
		hf_rtcp_apply(m, leg);
		hf_silence_begin(m, leg);
	}
	if (hf_clip_lookup(m, clip, &own->clip)) {
		own->clip = HF_NO_CLIP;
		return 0;
	}
	/* There may have been no room for it. */
	run = own->loops ? hf_range_find(&m->clips, own->loop_first) : NULL;
	own->playing = run && run->clip != HF_NO_CLIP ? run->clip : own->clip;
	return 0;
}

uint32_t hf_media_orphans(struct hf_media *m,
			  void (*fn)(void *arg, uint32_t leg,
				     const struct hf_media_leg_stats *),
			  void *arg)
{
	struct hf_media_leg_stats stats;
	uint32_t count = 0;

	for (uint32_t i = 0; m->orphans && i < m->map.instance->legs; i++) {
		if (!m->own[i].open || !m->own[i].orphan)
			continue;
		count++;
		if (fn && !hf_media_leg_stats(m, i, &stats))
			fn(arg, i, &stats);
	}
	return count;
}

bool hf_media_orphan_end(struct hf_media *m, uint64_t mark)
{
	bool any = false;

	for (uint32_t i = 0; m->orphans && mark && i < m->map.instance->legs;
	     i++) {
		if (!m->own[i].open || !m->own[i].orphan ||
		    hf_media_leg_get_mark(m, i) != mark)
			continue;
		hf_media_leg_close(m, i);
		any = true;
	}
	return any;
}

void hf_media_orphans_end(struct hf_media *m)
{
	for (uint32_t i = 0; m->orphans && i < m->map.instance->legs; i++)
		if (m->own[i].open && m->own[i].orphan)
			hf_media_leg_close(m, i);
}

void hf_media_adopted(struct hf_media *m)
{
	uint64_t until = hf_media_now(m) + HF_KEPT_NS;

	for (uint32_t i = 0; i < m->clips.ranges; i++)
		if (m->clips.range[i].kept)
			m->clips.range[i].free_at_ns = until;
}
