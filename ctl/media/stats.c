// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the legs and the whole say about themselves. Reads memory that others
 * write at the same time; every figure is right by itself, a set of them is not
 * a snapshot.
 */
#include "state.h"

#include <errno.h>
#include <holdfast/remote.h>
#include <string.h>

static const char *const hf_mode_words[HF_MODE_COUNT] = {
#define X(symbol, word) [HF_MODE_##symbol] = word,
	HF_MODES(X)
#undef X
};

/* When the newest packet came from the remote, relayed or not. */
static uint32_t hf_last_rx(const struct hf_intake *in)
{
	uint32_t rx = HF_READ(in->last_rx), out = (uint32_t)HF_READ(in->last_out);

	if (!in->forwarded)
		return rx;
	if (!in->packets)
		return out;
	return (int32_t)(rx - out) > 0 ? rx : out;
}

/* How the stream of the peer arrives, and ours at the peer. */
static void hf_stats_reception(const struct hf_media *m, uint32_t leg,
			       const struct hf_program *p,
			       struct hf_media_leg_stats *ret)
{
	const struct hf_stream *h = &m->map.claims[leg].intake.stream;
	const struct hf_rtcp *r = &m->map.rtcp[leg];
	uint32_t count = HF_READ(h->count), lost = HF_READ(r->peer_lost);
	uint32_t trip = HF_READ(r->round_trip);

	if (count)
		ret->lost = (int32_t)(HF_READ(h->newest) - HF_READ(h->first) +
				      1 - count);
	ret->jitter_us =
		(uint32_t)(((uint64_t)(HF_READ(h->jitter) >> 4) << 10) / 1000);
	ret->rtcp_out = r->sent;
	ret->rtcp_in = r->got;
	ret->peer_lost = (int32_t)(lost << 8) >> 8;
	ret->peer_lost_percent = (lost >> 24) * 100 / 256;
	if (p->ts_step)
		ret->peer_jitter_us = (uint32_t)((uint64_t)r->peer_jitter *
						 p->ptime_ns / p->ts_step /
						 1000);
	ret->round_trip_us =
		trip ? (int64_t)((uint64_t)trip * 1000000 >> 16) : -1;
}

int hf_media_leg_stats(const struct hf_media *m, uint32_t leg,
		       struct hf_media_leg_stats *ret)
{
	const struct hf_program *p;
	const struct hf_intake *in;
	const struct hf_leg *l;
	struct hf_remote remote;
	uint64_t word;
	uint32_t units;

	if (leg >= m->map.instance->legs || !m->own[leg].open)
		return -EINVAL;
	l = &m->map.legs[leg];
	in = &m->map.claims[leg].intake;
	word = hf_load_acquire(&m->map.claims[leg].word);
	p = hf_word_program(l, word);
	remote = hf_remote_get(p, &l->rx);
	*ret = (struct hf_media_leg_stats){
		.mode = hf_mode_words[p->mode],
		.ssrc = ntohl(p->ssrc),
		.local_ip4 = hf_leg_local_ip(m, leg, word),
		.remote_ip4 = hf_leg_remote_ip(m, leg, word),
		.local_port = ntohs(p->local_port),
		.remote_port = ntohs(remote.port),
		.packets_in = in->packets + in->forwarded,
		.hold_sent = HF_READ(m->map.claims[leg].sent) + in->turn_sent,
		.hold_turned = in->turn_sent,
		.hold_skipped = HF_READ(m->map.claims[leg].skipped) +
				l->rx.turn_skipped,
		.relayed_out = in->forwarded,
		.dropped = in->dropped,
		.idle_ms = -1,
	};
	if (!(p->flags & HF_PROGRAM_IPV6)) /* it may have been learned */
		ret->remote_ip4.s_addr = remote.ip4;
	hf_stats_reception(m, leg, p, ret);
	if (!ret->packets_in)
		return 0;
	/* A packet may be newer than our clock reading. */
	units = (uint32_t)(hf_media_now(m) >> 20) - hf_last_rx(in);
	ret->idle_ms = (int32_t)units < 0 ?
			       0 :
			       (int64_t)(((uint64_t)units << 20) / HF_MS);
	return 0;
}

int hf_media_totals(const struct hf_media *m, struct hf_media_totals *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->engine = "memory";
	ret->engine_reason = "plain memory: nothing is sent";
	ret->legs = m->map.instance->legs;
	ret->legs_open = m->legs_open;
	ret->frames = m->map.instance->frames;
	ret->frames_used = m->clips.used;
	ret->clips_starved = m->clips.starved;
	ret->late_ticks = HF_READ(m->map.work->late_ticks);
	ret->late_max_us = HF_READ(m->map.work->late_max_us);
	if (m->bpf)
		hf_bpf_totals(m, ret);
	return 0;
}
