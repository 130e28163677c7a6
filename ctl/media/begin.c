// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The first program of a leg and the last: a new stream that sends nothing yet,
 * and nothing again. What lies between is program.c's.
 */
#include "state.h"

#include <errno.h>
#include <string.h>

/* All but the stream, which is forgotten with the leg's reports. */
static void hf_intake_forget(struct hf_intake *in)
{
	struct hf_stream stream = in->stream;

	*in = (struct hf_intake){.stream = stream};
}

int hf_leg_start(struct hf_media *m, uint32_t i,
		 const struct hf_address *local, uint16_t port)
{
	struct hf_leg_at at = hf_pins_leg(&m->map, i);
	struct {
		uint32_t ssrc, timestamp;
		uint16_t seq, epoch;
	} random;
	struct hf_program p = {0};
	uint64_t word;

	/* RFC 3550 5.1: all three begin at random. So does the epoch, lest two
	 * legs that are used alike run through the same ones. */
	if (hf_random_get(&m->random, &random, sizeof(random)))
		return -EIO;
	p.base_ns = hf_media_now(m) / HF_MS * HF_MS;
	p.ptime_ns = HF_PTIME_DEFAULT_MS * (uint32_t)HF_MS;
	p.ts_step = (uint16_t)(hf_codec_units(HF_CODEC_PCMU) *
			       HF_PTIME_DEFAULT_MS);
	p.ts_base = random.timestamp;
	p.ssrc = random.ssrc;
	p.mode = HF_MODE_IDLE;
	p.local_ip4 = hf_address_ip(local).s_addr;
	p.flags = local->ip4 ? 0 : HF_PROGRAM_IPV6;
	p.local_port = htons(port);
	p.peer = HF_LEG_NONE;
	m->own[i].line_ns = p.base_ns;
	m->own[i].line_ts = p.ts_base;
	/* Nothing is sent or taken in for this leg now: its counters and what
	 * was learned from the last call's packets are ours to forget. */
	memset(&at.leg->rx, 0, sizeof(at.leg->rx));
	hf_intake_forget(&m->map.claims[i].intake);
	memset(&m->map.bound[i], 0, sizeof(m->map.bound[i]));
	m->map.claims[i].sent = 0;
	m->map.claims[i].skipped = 0;
	/* The parity decides the program that is filled: the one not in force.
	 */
	word = hf_load_acquire(at.word);
	random.epoch &= (uint16_t)~1;
	random.epoch |= !(hf_word_epoch(word) & 1);
	at.leg->program[random.epoch & 1] = p;
	if (!local->ip4) {
		m->map.leg6[i] = (struct hf_leg6){0};
		memcpy(&m->map.leg6[i].program[random.epoch & 1].local,
		       local->ip6, sizeof(local->ip6));
	}
	/* The new epoch may be the one that is still named there. */
	m->map.claims[i].hot.epoch = HF_HOT_NONE;
	hf_store_release(at.word,
			 hf_word_make(random.epoch, 0, 0, random.seq, 0));
	return 0;
}

void hf_leg_stop(struct hf_media *m, uint32_t i)
{
	struct hf_leg_at at = hf_pins_leg(&m->map, i);
	struct hf_program p = {
		.ptime_ns = HF_PTIME_DEFAULT_MS * (uint32_t)HF_MS,
		.peer = HF_LEG_NONE,
	};
	uint64_t word;

	do {
		word = hf_load_acquire(at.word);
	} while (!hf_flip(&at, word, &p, 0, 0));
	hf_leg_loops(m, i, false, 0);
	hf_wheel_remove(m, i);
}
