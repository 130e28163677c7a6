// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The short forms (include/holdfast/hot.h) of the program that program.c has put
 * in force: of a held leg its own, of a relayed one what both legs say.
 */
#include "state.h"

#include <holdfast/hot.h>
#include <holdfast/remote.h>

/* The program a sender may take instead of the one in force: the remote that
 * was learned does not change any more. */
static struct hf_program hf_leg_settled(const struct hf_leg *leg, uint64_t word)
{
	struct hf_program p = *hf_word_program(leg, word);
	struct hf_remote r;

	if (hf_remote_learned(&p, &leg->rx)) {
		r = hf_remote_get(&p, &leg->rx);
		p.remote_ip4 = r.ip4;
		p.remote_port = r.port;
		p.flags &= (uint8_t)~(HF_PROGRAM_LATCH | HF_PROGRAM_LATCH_ANY);
	}
	return p;
}

/* The short form of the relay from a leg to its peer, if both programs say so
 * and it is not there yet. False if there can be none. */
static bool hf_leg_cross(struct hf_media *m, uint32_t i,
			 const struct hf_program *p, uint64_t word)
{
	struct hf_across *to = &m->map.claims[i].across, across;
	struct hf_program q;
	uint64_t to_word;

	if (p->peer >= m->map.instance->legs)
		return false;
	to_word = hf_load_acquire(&m->map.claims[p->peer].word);
	if (hf_across_is(to, word, to_word))
		return true;
	q = hf_leg_settled(&m->map.legs[p->peer], to_word);
	across = hf_across_make(i, p, word, &q, to_word);
	if (across.epoch == HF_HOT_NONE)
		return false;
	hf_across_store(to, &across);
	return true;
}

static void hf_leg_shorten_own(struct hf_media *m, uint32_t i,
			       const struct hf_program *p, uint64_t word)
{
	struct hf_claim *claim = &m->map.claims[i];
	struct hf_hot hot;

	HF_WRITE(claim->peer, p->peer);
	if (hf_leg_cross(m, i, p, word))
		return;
	hot = hf_hot_make(p, word);
	if (hot.epoch != HF_HOT_NONE)
		hf_hot_store(&claim->hot, &hot);
	else /* epochs come round again */
		HF_WRITE(claim->hot.epoch, HF_HOT_NONE);
}

void hf_leg_shorten(struct hf_media *m, uint32_t i)
{
	uint64_t word = hf_load_acquire(&m->map.claims[i].word), from_word;
	struct hf_program p, from;

	if (m->map.claims[i].hot.epoch == hf_word_epoch(word))
		return;
	p = hf_leg_settled(&m->map.legs[i], word);
	hf_leg_shorten_own(m, i, &p, word);
	if (p.mode != HF_MODE_RELAY || p.peer >= m->map.instance->legs)
		return;
	/* What comes to this leg is in the short form of the leg it comes from. */
	from_word = hf_load_acquire(&m->map.claims[p.peer].word);
	from = hf_leg_settled(&m->map.legs[p.peer], from_word);
	if (from.peer == i)
		hf_leg_cross(m, p.peer, &from, from_word);
}
