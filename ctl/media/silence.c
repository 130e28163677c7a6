// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Parties that have gone silent: from a leg that should send by its SDP nothing
 * comes for media.silence_s, neither RTP nor RTCP (a phone that suppresses
 * silence still reports). All legs are looked at once in two seconds; each
 * silence is told once, and its end once.
 */
#include "state.h"

/* Housekeeping ticks for one round. */
#define HF_SILENCE_TICKS 20

static uint32_t hf_unit_now(const struct hf_media *m)
{
	return (uint32_t)(hf_media_now(m) >> 20);
}

/* The newer of two moments; units wrap after 52 days. */
static uint32_t hf_unit_newer(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0 ? a : b;
}

static bool hf_leg_should_send(const struct hf_leg_own *own)
{
	return own->open && !own->orphan && own->has_remote &&
	       own->remote.may_send && own->remote.ip4.s_addr &&
	       own->remote.port;
}

void hf_silence_begin(struct hf_media *m, uint32_t leg)
{
	struct hf_leg_own *own = &m->own[leg];

	if (!hf_leg_should_send(own)) {
		own->listening = false;
		own->silent = false; /* as it was told to */
		return;
	}
	if (!own->listening)
		own->listen_unit = hf_unit_now(m);
	own->listening = true;
}

static void hf_silence_look(struct hf_media *m, uint32_t leg, uint32_t now)
{
	struct hf_leg_own *own = &m->own[leg];
	uint32_t limit = (uint32_t)(m->config->media.silence_s * 1000 * HF_MS >>
				    20);
	const struct hf_heard *h = &m->map.heard[leg];
	uint32_t newest = own->listen_unit, idle;

	if (!own->listening)
		return;
	if (HF_READ(m->map.claims[leg].intake.packets))
		newest = hf_unit_newer(newest, m->map.claims[leg].intake.last_rx);
	if (HF_READ(m->map.claims[leg].intake.forwarded))
		newest = hf_unit_newer(newest,
				       (uint32_t)m->map.claims[leg].intake.last_out);
	if (HF_READ(h->report_unit))
		newest = hf_unit_newer(newest, h->report_unit);
	idle = (int32_t)(now - newest) > 0 ? now - newest : 0;
	if (own->silent == (idle >= limit))
		return;
	own->silent = !own->silent;
	if (!own->silent)
		idle = now - own->silent_unit;
	own->silent_unit = newest;
	if (m->ears.silent)
		m->ears.silent(m->ears.arg, leg, own->silent,
			       (uint32_t)(((uint64_t)idle << 20) / 1000 /
					  HF_MS));
}

void hf_silence_tick(struct hf_media *m)
{
	uint32_t legs = m->map.instance->legs, now = hf_unit_now(m);

	if (!m->config->media.silence_s)
		return;
	for (uint32_t n = 0; n <= legs / HF_SILENCE_TICKS; n++)
		hf_silence_look(m, m->silence_sweep++ % legs, now);
}
