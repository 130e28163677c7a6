/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stage for the tests of ctl/media: the media over plain memory, a clock that
 * the test turns, and the two sides that move claim words - a paced sender that
 * walks the wheel and a receive side that relays - made of the same pure code as
 * the real ones (holdfast/claim.h, holdfast/rtp.h). What they send is recorded.
 */
#ifndef HOLDFAST_TEST_MEDIA_STAGE_H
#define HOLDFAST_TEST_MEDIA_STAGE_H

#include <arpa/inet.h>
#include <holdfast/rtp.h>

#include "media/state.h"
#include "test.h"

#define STAGE_SENT_MAX 20000

struct stage_packet {
	uint64_t at_ns;
	uint32_t leg, ssrc, timestamp, frame; /* frame: HF_LEG_NONE if relayed */
	uint16_t seq;
	uint8_t marker, payload_type;
};

struct stage {
	struct hf_config_address address[2];
	struct hf_config config;
	struct hf_media *m;
	uint64_t now;
	struct stage_packet sent[STAGE_SENT_MAX];
	size_t count;
	bool sender_stopped;
};

/* One party's own RTP stream; its clock is right but for `drift` in 1000. */
struct talker {
	uint32_t leg, ssrc, timestamp;
	uint16_t seq;
	int drift;
};

static uint64_t stage_clock(void *arg)
{
	return ((struct stage *)arg)->now;
}

static inline struct hf_ip ip4(const char *text)
{
	struct hf_ip a;

	hf_ip_read(text, &a);
	return a;
}

static inline struct hf_media_remote remote_at(const char *ip, uint16_t port)
{
	return (struct hf_media_remote){ .ip4 = ip4(ip),
					 .port = port,
					 .rtcp_port = (uint16_t)(port + 1),
					 .codec = HF_CODEC_PCMU,
					 .payload_type = 0,
					 .ptime_ms = 20,
					 .may_send = true,
					 .may_receive = true };
}

/* A clip whose frames can be told apart: `frames` of 160 equal samples. */
static inline void stage_clip(struct stage *s, const char *name, int frames)
{
	int16_t *samples = calloc((size_t)frames * 160, sizeof(*samples));

	for (int i = 0; i < frames * 160; i++)
		samples[i] = (int16_t)(1000 + i / 160 * 100);
	hf_media_clip_load(s->m, name, samples, (size_t)frames * 160);
	free(samples);
}

static inline struct stage *stage_open(unsigned int legs,
				       unsigned int memory_mib)
{
	struct stage *s = calloc(1, sizeof(*s));
	char err[256];

	s->address[0].ip4 = ip4("192.0.2.10");
	s->address[0].advertise = ip4("203.0.113.7");
	s->config.instance = (char *)"test";
	s->config.media.addresses = s->address;
	s->config.media.address_count = 1;
	s->config.media.port_min = 20000;
	s->config.media.port_max = (uint16_t)(20000 + 2 * legs - 1);
	s->config.audio.memory_mib = memory_mib;
	if (hf_media_open_memory(&s->config, &s->m, err, sizeof(err))) {
		printf("# %s\n", err);
		exit(1);
	}
	s->now = 1000000 * HF_MS + 123456;
	s->m->clock = stage_clock;
	s->m->clock_arg = s;
	return s;
}

static inline void stage_close(struct stage **s)
{
	hf_media_close((*s)->m, true);
	free(*s);
}

static inline uint32_t stage_leg(struct stage *s, const char *ip, uint16_t port)
{
	struct hf_media_remote r = remote_at(ip, port);
	uint32_t leg = HF_LEG_NONE;
	struct hf_ip local;
	uint16_t local_port;

	hf_media_leg_open(s->m, (struct hf_ip){ 0 }, &leg, &local,
			  &local_port);
	hf_media_leg_remote(s->m, leg, &r);
	return leg;
}

static inline const struct hf_program *stage_program(struct stage *s,
						     uint32_t leg)
{
	struct hf_leg *l = &s->m->map.legs[leg];

	return hf_word_program(l, s->m->map.claims[leg].word);
}

static inline void stage_record(struct stage *s, uint32_t leg,
				const struct hf_program *p, uint16_t seq,
				uint32_t timestamp, uint8_t marker,
				uint32_t frame)
{
	if (s->count < STAGE_SENT_MAX)
		s->sent[s->count++] = (struct stage_packet){
			.at_ns = s->now,
			.leg = leg,
			.ssrc = p->ssrc,
			.timestamp = timestamp,
			.frame = frame,
			.seq = seq,
			.marker = marker,
			.payload_type = p->payload_type,
		};
}

/* The paced sender's visit of one leg at this moment. */
static inline void stage_pace(struct stage *s, uint32_t leg)
{
	struct hf_claim *c = &s->m->map.claims[leg];
	const struct hf_program *p = stage_program(s, leg);
	__u64 *word = &c->word;
	struct hf_due d;

	if (!hf_due(p, *word, s->now, 0, &d) ||
	    !hf_claim(word, *word, d.next))
		return;
	c->sent++;
	c->skipped += d.skipped;
	stage_record(s, leg, p, d.seq, d.timestamp, d.marker, d.frame);
}

/* The sender's turn: the buckets of this millisecond, and nothing else. */
static inline void stage_turn(struct stage *s)
{
	static const uint32_t classes[] = {
#define X(ptime, base) ptime,
		HF_WHEEL_CLASSES(X)
#undef X
	};

	for (size_t c = 0; c < sizeof(classes) / sizeof(*classes); c++) {
		uint32_t b = hf_wheel_bucket(classes[c], s->now / HF_MS);

		for (uint32_t e = 0; e < s->m->map.wheel_fill[b].entries; e++) {
			uint32_t leg = hf_pins_wheel(&s->m->map, b, e)->leg;

			if (leg != HF_LEG_NONE)
				stage_pace(s, leg);
		}
	}
}

/* Time goes on to `ms` whole milliseconds from now; the sender keeps its turns. */
static inline void stage_run(struct stage *s, uint32_t ms)
{
	uint64_t end = s->now + ms * HF_MS;

	while (s->now < end) {
		uint64_t next = (s->now / HF_MS + 1) * HF_MS;

		s->now = next < end ? next : end;
		if (s->now == next && !s->sender_stopped)
			stage_turn(s);
	}
}

static inline uint32_t stage_talker_time(const struct stage *s,
					 const struct talker *t)
{
	return t->timestamp +
	       (uint32_t)(s->now * 8 / HF_MS * (uint64_t)(1000 + t->drift) /
			  1000);
}

/* A packet of the talker arrives now. Returns whether it was passed on. */
static inline bool stage_hear(struct stage *s, struct talker *t)
{
	struct hf_leg_rx *rx = &s->m->map.legs[t->leg].rx;
	struct hf_bound *b = &s->m->map.bound[t->leg];
	struct hf_intake *heard = &s->m->map.claims[t->leg].intake;
	const struct hf_program *p = stage_program(s, t->leg);
	struct hf_rtp_in in = { .timestamp = stage_talker_time(s, t),
				.ssrc = htonl(t->ssrc),
				.seq = t->seq++,
				.kind = HF_RTP_AUDIO };
	struct hf_relayed d;
	uint32_t peer = p->peer;

	__u64 *word;

	if (p->flags & HF_PROGRAM_RX_OFF || peer == HF_LEG_NONE)
		return false;
	word = &s->m->map.claims[peer].word;
	p = stage_program(s, peer);
	if (p->mode != HF_MODE_RELAY || p->peer != t->leg || !p->remote_port)
		return false;
	switch (hf_relay_due(b, rx, heard->last_out, p, *word, s->now, &in,
			     &d)) {
	case HF_RELAY_JUMP:
		hf_relay_jump(b, rx, &in);
		return false;
	case HF_RELAY_OLD:
		return false;
	}
	if (!hf_claim(word, *word, d.next))
		return false;
	hf_relay_done(b, rx, heard, &in, &d, s->now);
	stage_record(s, peer, p, d.seq, d.timestamp, d.marker, HF_LEG_NONE);
	return true;
}

/* The talker talks for `packets` packets of 20 ms. Returns how many went on. */
static inline int stage_talk(struct stage *s, struct talker *t, int packets)
{
	int heard = 0;

	for (int i = 0; i < packets; i++) {
		heard += stage_hear(s, t);
		stage_run(s, 20);
	}
	return heard;
}

/*
 * What the remote of `leg` received is one stream: one SSRC, no gap, timestamps
 * that only rise and follow the time to within `tolerance` units. Returns NULL,
 * or what is wrong.
 */
static inline const char *stage_broken(const struct stage *s, uint32_t leg,
				       uint32_t tolerance)
{
	const struct stage_packet *first = NULL, *last = NULL;
	static char why[160];

	for (size_t i = 0; i < s->count; i++) {
		const struct stage_packet *p = &s->sent[i];
		int64_t off;

		if (p->leg != leg)
			continue;
		if (!first)
			first = p;
		off = (int32_t)(p->timestamp - first->timestamp) -
		      (int64_t)((p->at_ns - first->at_ns) * 8 / HF_MS);
		if (p->ssrc != first->ssrc)
			snprintf(why, sizeof(why), "packet %zu: new SSRC", i);
		else if (last && p->seq != (uint16_t)(last->seq + 1))
			snprintf(why, sizeof(why), "packet %zu: %u after %u", i,
				 p->seq, last->seq);
		else if (last && (int32_t)(p->timestamp - last->timestamp) <= 0)
			snprintf(why, sizeof(why),
				 "packet %zu: timestamp goes by %d", i,
				 (int32_t)(p->timestamp - last->timestamp));
		else if (off < -(int64_t)tolerance || off > tolerance)
			snprintf(why, sizeof(why),
				 "packet %zu: timestamp off by %lld", i,
				 (long long)off);
		else {
			last = p;
			continue;
		}
		return why;
	}
	return first ? NULL : "nothing was sent";
}

/* Packets with the marker to this leg. */
static inline int stage_markers(const struct stage *s, uint32_t leg)
{
	int n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->sent[i].leg == leg && s->sent[i].marker;
	return n;
}

static inline const struct stage_packet *stage_last(const struct stage *s,
						    uint32_t leg)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->sent[i].leg == leg)
			return &s->sent[i];
	return NULL;
}

#define STAGE(name, legs, mib)                                                 \
	__attribute__((cleanup(stage_close))) struct stage *name =             \
		stage_open(legs, mib)

#endif
