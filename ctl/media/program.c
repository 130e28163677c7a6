// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The next program of a leg, and the flip to it. legs.c says in struct
 * hf_leg_own what a leg shall do; this file turns that into a struct hf_program
 * for exactly the claim word that was read, and tries again when a sender moved
 * the word meanwhile (claim.h).
 *
 * Whatever changes, the stream to the remote stays one stream (RFC 3550 5.1):
 * one SSRC, the sequence in the word, and a timestamp that follows real time.
 * The line (base_ns, ts_base) is kept as it is wherever possible. A new one is
 * drawn in two cases: when frames must begin at a new moment, and when the line
 * was a talker's, whose clock is not ours; then the new line begins at the
 * newest packet that was relayed.
 */
#include "state.h"

#include <string.h>

#define HF_REBASE_SLOT	(1u << (HF_SLOT_BITS - 1))

/* A change being worked out. */
struct hf_change {
	struct hf_media *m;
	uint32_t leg;
	struct hf_leg_own *own;
	struct hf_clip_frames clip;
	uint32_t plays; /* which clip that is */
	enum hf_mode mode;
	uint32_t ptime_ms;
	uint64_t now;
	uint64_t first_ms; /* deadline of the first frame, 0 = the line is kept
			    */
	uint64_t last_out; /* of the talker, as it was used; 0 = it was not */
	uint64_t word;
	uint32_t clock;	     /* timestamp units in a ms, */
	bool clock_changes;  /* which is not what it was: */
	uint32_t fresh_ssrc; /* a new stream (RFC 3550 5.2, RFC 7160) */
	uint32_t slot, late, music_ms, epochs;
	uint64_t line_ns; /* the leg's own line, if it was looked at */
	uint32_t line_ts;
	struct hf_program old, next;
};

static uint32_t hf_unit(uint64_t ns)
{
	return (uint32_t)(ns >> 20);
}

/* Timestamp units in a millisecond: RFC 7587 4.1 for Opus; G.722 says 8000 for
 * its 16000 samples (RFC 3551 4.5.2). */
uint32_t hf_codec_units(enum hf_codec codec)
{
	return codec == HF_CODEC_OPUS ? 48 : 8;
}

/* What the leg wants, as far as its remote's side allows it. */
static enum hf_mode hf_leg_mode(const struct hf_leg_own *own)
{
	const struct hf_media_remote *r = &own->remote;

	/* 0.0.0.0 and port 0 are "nowhere" (RFC 2543 B.5, RFC 3264 8.4). */
	if (!own->has_remote || !r->ip4.s_addr || !r->port || !r->may_receive)
		return HF_MODE_IDLE;
	return own->want;
}

/*
 * The newest packet that was relayed to this leg under the program in force:
 * its timestamp and time, or 0. What stands there may be from an earlier relay,
 * even to another leg.
 */
static uint64_t hf_change_last_out(const struct hf_change *c)
{
	const struct hf_bound *b;
	uint64_t out;

	if (c->old.mode != HF_MODE_RELAY ||
	    c->old.peer >= c->m->map.instance->legs)
		return 0;
	b = &c->m->map.bound[c->old.peer];
	out = hf_load_acquire(&c->m->map.claims[c->old.peer].intake.last_out);
	if (!out || (int32_t)((uint32_t)out - c->own->relay_unit) < 0 ||
	    b->epoch != hf_word_epoch(c->word))
		return 0;
	return out;
}

static uint32_t hf_apart(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0 ? b - a : a - b;
}

/* Timestamp units in a time, by the leg's clock rate. */
static uint32_t hf_change_units(const struct hf_change *c, uint64_t ns)
{
	return (uint32_t)(ns * c->old.ts_step / c->old.ptime_ns);
}

/* The time from the talker's packet to `at`; 0 if it came just after. */
static uint64_t hf_since_out(uint64_t out, uint64_t at)
{
	int32_t units = (int32_t)(hf_unit(at) - (uint32_t)out);

	if (units < 0)
		return 0;
	return ((uint64_t)units << 20) + (at & ((1 << 20) - 1));
}

/*
 * The stream's timestamp at `at`, a moment not before c->now: what has passed
 * since the newest packet. Jitter and a few ms of waiting would add up over
 * many switches; while the stream is within a packet of the leg's own line, it
 * comes back to that. A talker whose clock is further off moves the line.
 */
static uint32_t hf_change_timestamp(struct hf_change *c, uint64_t at)
{
	const struct hf_program *p = &c->old;
	uint32_t now, least, line, passed, last;
	uint64_t since;

	if (c->clock_changes) {
		c->line_ns = at;
		return c->line_ts = c->fresh_ssrc * 0x9e3779b1u;
	}
	if (c->last_out) {
		last = (uint32_t)(c->last_out >> 32);
		since = hf_since_out(c->last_out, at);
		/* At least a ms: two packets never share a timestamp. */
		passed = hf_change_units(c, since < HF_MS ? HF_MS : since);
		now = last + passed;
		least = last + (passed < p->ts_step ? passed : p->ts_step);
	} else {
		now = hf_program_timestamp(p, at);
		least = p->ts_base + hf_word_slot(c->word) * p->ts_step;
	}
	line = c->own->line_ts +
	       (uint32_t)((at - c->own->line_ns) * c->clock / HF_MS);
	c->line_ns = at;
	c->line_ts = line;
	if (hf_apart(line, now) > HF_PTIME_DEFAULT_MS * c->clock)
		return c->line_ts = now;
	return (int32_t)(line - least) > 0 ? line : least;
}

/* Where in the clip the frame of the next time slot would be, in ms. */
static uint32_t hf_change_music(const struct hf_change *c)
{
	const struct hf_program *p = &c->old;
	uint32_t slot = hf_word_slot(c->word);

	if (p->mode != HF_MODE_HOLD || !p->loop_len)
		return c->own->music_ms;
	if (slot < p->once_len)
		slot = p->once_len;
	return (slot - p->loop_phase) % p->loop_len *
	       (p->ptime_ns / (uint32_t)HF_MS);
}

/*
 * Flips of a leg go through here: the addresses of an IPv6 leg stand beside its
 * program, and are written as that is.
 */
static int hf_leg_flip(struct hf_media *m, uint32_t i, uint64_t word,
		       const struct hf_program *p, uint32_t slot, uint32_t late,
		       uint32_t epochs)
{
	struct hf_leg_at at = hf_pins_leg(&m->map, i);
	const struct hf_address *address = hf_leg_address_of(m, i);
	const struct hf_leg_own *own = &m->own[i];
	uint32_t epoch = hf_word_epoch(word);
	struct hf_pair6 pair;

	if (!address->ip4) {
		pair = m->map.leg6[i].program[epoch & 1];
		memcpy(&pair.local, address->ip6, sizeof(pair.local));
		/* Of an orphan it is known from there alone. */
		if (own->has_remote)
			memcpy(&pair.remote, &own->remote.ip4.six,
			       sizeof(pair.remote));
		m->map.leg6[i].program[(epoch + epochs) & 1] = pair;
	}
	return hf_flip_by(&at, word, p, slot, late, epochs);
}

static struct hf_ip hf_leg_ip(const struct hf_media *m, uint32_t i,
			      uint64_t word, bool remote)
{
	const struct hf_program *p = hf_word_program(&m->map.legs[i], word);
	const struct hf_pair6 *pair;
	struct in6_addr six;

	if (!(p->flags & HF_PROGRAM_IPV6))
		return (struct hf_ip){.s_addr = remote ? p->remote_ip4 :
							 p->local_ip4};
	pair = &m->map.leg6[i].program[hf_word_epoch(word) & 1];
	memcpy(&six, remote ? &pair->remote : &pair->local, sizeof(six));
	return hf_ip_of6(&six);
}

struct hf_ip hf_leg_remote_ip(const struct hf_media *m, uint32_t i,
			      uint64_t word)
{
	return hf_leg_ip(m, i, word, true);
}

struct hf_ip hf_leg_local_ip(const struct hf_media *m, uint32_t i, uint64_t word)
{
	return hf_leg_ip(m, i, word, false);
}

/* The peer's side: addresses and payload types, whatever the mode. */
static void hf_change_remote(struct hf_change *c)
{
	const struct hf_media_remote *r = &c->own->remote;
	struct hf_program *n = &c->next;

	n->flags = 0;
	n->peer = c->own->want == HF_MODE_RELAY ? c->own->peer : HF_LEG_NONE;
	if (!hf_leg_address_of(c->m, c->leg)->ip4)
		n->flags = HF_PROGRAM_IPV6;
	if (!c->own->has_remote)
		return;
	n->remote_ip4 = r->ip4.s_addr;
	n->remote_port = htons(r->port);
	n->nexthop = c->own->hop == HF_NO_HOP ? 0 : (uint16_t)c->own->hop;
	n->payload_type = r->payload_type;
	n->tx_dtmf_pt = r->dtmf_pt;
	n->rx_payload_type = r->rx_payload_type;
	n->rx_dtmf_pt = r->rx_dtmf_pt;
	n->ts_step = (uint16_t)(n->ptime_ns / HF_MS * c->clock);
	if (c->clock_changes)
		n->ssrc = c->fresh_ssrc;
	if (!r->may_send)
		n->flags |= HF_PROGRAM_RX_OFF;
	if (r->latch)
		n->flags |= HF_PROGRAM_LATCH;
	if (r->auto_clock)
		n->flags |= HF_PROGRAM_AUTO_CLOCK;
}

/* Before the flip: does the hold audio begin at a new moment, and which? */
static void hf_change_begin(struct hf_change *c)
{
	const struct hf_program *p = &c->old;
	uint64_t earliest = c->now + HF_MS, next, out, at;
	uint32_t wait;

	if (c->mode != HF_MODE_HOLD)
		return;
	if (c->own->say_len)
		earliest += c->own->say_lead_ms * HF_MS;
	if (c->own->clip == HF_NO_CLIP && c->own->say_ptime_ms)
		c->ptime_ms = c->own->say_ptime_ms; /* said still */
	if (p->mode == HF_MODE_HOLD && p->ptime_ns == c->ptime_ms * HF_MS &&
	    !c->clock_changes &&
	    (p->loop_len || hf_word_slot(c->word) < p->once_len))
		return;
	/* A frame that was sent early owns its time up to the next one's. */
	next = p->base_ns + (uint64_t)hf_word_slot(c->word) * p->ptime_ns;
	if (p->mode == HF_MODE_RELAY)
		next += HF_GAP_NS; /* see hf_change_handover() */
	if (next > earliest && next < c->now + 2ULL * p->ptime_ns)
		earliest = next;
	/* And the talker's last packet is not followed at once (claim.h). */
	out = hf_change_last_out(c);
	if (out) {
		next = c->now - hf_since_out(out, c->now) + HF_GAP_NS + HF_MS;
		if (next > earliest)
			earliest = next;
	}
	wait = hf_wheel_wait(c->own->remote.auto_clock ? HF_PROGRAM_AUTO_CLOCK : 0,
			     c->ptime_ms);
	at = hf_wheel_pick(c->m, c->ptime_ms,
			   (earliest + HF_MS - 1) / HF_MS + wait);
	hf_wheel_put(c->m, c->leg, hf_wheel_bucket(c->ptime_ms, at));
	c->first_ms = at - wait;
}

/* Which frame of the clip time slot `slot` of the next program gets. */
static uint32_t hf_change_place(const struct hf_change *c, bool goes_on,
				uint32_t slot)
{
	uint64_t at;

	if (!c->clip.len)
		return 0;
	if (c->plays != HF_NO_CLIP && c->m->clips.clip[c->plays].shared) {
		at = c->next.base_ns + (uint64_t)slot * c->next.ptime_ns;
		return (uint32_t)(at / c->next.ptime_ns % c->clip.len);
	}
	return goes_on ? c->music_ms / c->ptime_ms % c->clip.len : 0;
}

/* Frames once, then the clip. The line is moved so that the time slot to come is
 * the first of these that is to be sent; the line itself stays the same. */
static void hf_change_say(struct hf_change *c)
{
	struct hf_leg_own *own = c->own;
	struct hf_program *n = &c->next;
	uint32_t at = own->say_at, step, place;

	/* A frame may have been sent since it was worked out. */
	if (own->say_slot != HF_SAY_NOW)
		at += c->slot - own->say_slot;
	step = c->slot - at;
	n->base_ns += (uint64_t)((int64_t)(int32_t)step * n->ptime_ns);
	n->ts_base += step * n->ts_step;
	c->slot = at;
	n->once_first = own->say_first;
	n->once_len = (uint16_t)own->say_len;
	n->loop_first = c->clip.first;
	n->loop_len = c->clip.len;
	place = own->say_music;
	if (place == HF_SAY_KEEP || c->clip.len <= place)
		place = hf_change_place(c, c->plays == own->playing,
					n->once_len);
	n->loop_phase = n->once_len - place;
}

static void hf_change_hold(struct hf_change *c)
{
	struct hf_program *n = &c->next;
	uint32_t ptime_ns = c->ptime_ms * (uint32_t)HF_MS;
	bool same_clip = c->plays == c->own->playing;

	if (c->first_ms) {
		n->base_ns = c->first_ms * HF_MS;
		n->ts_base = hf_change_timestamp(c, n->base_ns);
		n->ptime_ns = ptime_ns;
		n->ts_step = (uint16_t)(c->clock * c->ptime_ms);
		n->flags |= HF_PROGRAM_MARK_FIRST;
		c->slot = 0;
		c->late = 0;
		/* Also a sender that may be early keeps its distance. */
		if (c->last_out)
			c->late = hf_late_code(
				(int64_t)(c->now + ptime_ns - n->base_ns -
					  hf_since_out(c->last_out, c->now)));
	} else if (!c->slot) {
		/* The first frame is still to come. */
		n->flags |= c->old.flags & HF_PROGRAM_MARK_FIRST;
	}
	if (c->own->say_len) {
		hf_change_say(c);
		return;
	}
	if (!c->first_ms && same_clip && c->clip.len == c->old.loop_len &&
	    c->clip.first == c->old.loop_first &&
	    (!n->once_len || c->own->say_codec == c->own->remote.codec))
		return; /* all goes on as it is */
	n->once_len = 0;
	n->once_first = 0;
	n->loop_first = c->clip.first;
	n->loop_len = c->clip.len;
	n->loop_phase = c->slot - hf_change_place(c, same_clip, c->slot);
}

/* A line of our own after a talker's: its newest packet, and real time. */
static void hf_change_redraw(struct hf_change *c)
{
	if (!c->last_out && !c->clock_changes)
		return;
	c->next.base_ns = c->now / HF_MS * HF_MS;
	c->next.ts_base = hf_change_timestamp(c, c->now);
	c->slot = 0;
	c->late = 0;
}

/*
 * A relayed stream begins by the time that has passed, but not before the time
 * slot in the word (rtp.h). That shall be the slot after the last frame only if
 * its time has come: so let the line begin just behind the last frame itself,
 * or now if a first frame is still to come.
 */
static void hf_change_handover(struct hf_change *c)
{
	uint32_t last = c->slot - 1;

	if (c->last_out || c->clock_changes ||
	    (!c->slot && c->old.base_ns <= c->now))
		return;
	if (!c->slot) {
		c->next.base_ns = c->now / HF_MS * HF_MS;
		c->next.ts_base =
			hf_program_timestamp(&c->old, c->next.base_ns);
		return;
	}
	c->next.base_ns += (uint64_t)last * c->old.ptime_ns;
	c->next.ts_base += last * c->old.ts_step + 1;
	c->slot = 0;
}

static void hf_change_relay(struct hf_change *c)
{
	bool same = c->old.mode == HF_MODE_RELAY && c->old.peer == c->own->peer;

	if (!same || (!c->last_out && (c->old.flags & HF_PROGRAM_MARK_FIRST)))
		c->next.flags |= HF_PROGRAM_MARK_FIRST;
	c->late = 0;
	hf_change_handover(c);
	hf_change_redraw(c);
}

/* The program that follows the one in force under c->word. */
static void hf_change_compute(struct hf_change *c)
{
	c->next = c->old;
	c->next.mode = (uint8_t)c->mode;
	c->slot = hf_word_slot(c->word);
	c->late = hf_word_late(c->word);
	c->music_ms = hf_change_music(c);
	c->last_out = hf_change_last_out(c);
	hf_change_remote(c);
	if (c->mode == HF_MODE_HOLD)
		hf_change_hold(c);
	else if (c->mode == HF_MODE_RELAY)
		hf_change_relay(c);
	else
		hf_change_redraw(c);
}

/* Is the program in force already what is wanted? */
static bool hf_change_is_none(struct hf_change *c)
{
	struct hf_program n = c->next;

	if (c->first_ms || c->mode != c->old.mode || c->clock_changes ||
	    (c->mode == HF_MODE_HOLD && c->own->say_len))
		return false;
	n.flags &= (uint8_t)~HF_PROGRAM_MARK_FIRST;
	n.flags |= c->old.flags & HF_PROGRAM_MARK_FIRST;
	n.base_ns = c->old.base_ns;
	n.ts_base = c->old.ts_base;
	return !memcmp(&n, &c->old, sizeof(n));
}

/*
 * The offsets a talker's packets are bound by name only the epoch of the leg
 * they go to (rtp.h). If they are left from another leg that was at the very
 * epoch this one is about to reach, they would hold here too: step over it.
 */
static void hf_change_step(struct hf_change *c)
{
	uint32_t epoch = hf_word_epoch(c->word) + 1;
	const struct hf_bound *b;

	c->epochs = 1;
	if (c->mode != HF_MODE_RELAY)
		return;
	b = &c->m->map.bound[c->own->peer];
	if ((epoch & ((1u << HF_EPOCH_BITS) - 1)) == b->epoch)
		c->epochs = 3; /* an odd step: the other program is filled */
}

/* A packet that was claimed just before the flip may have been noted just after
 * it: then the frames to come begin after that packet. */
static void hf_change_confirm(struct hf_change *c)
{
	struct hf_leg_at at = hf_pins_leg(&c->m->map, c->leg);
	uint64_t out;

	if (c->old.mode != HF_MODE_RELAY)
		return;
	out = hf_change_last_out(c);
	if (!out || out == c->last_out)
		return;
	c->last_out = out;
	c->next.ts_base = hf_change_timestamp(
		c, c->next.base_ns > c->now ? c->next.base_ns : c->now);
	do {
		c->word = hf_load_acquire(at.word);
		if (c->next.mode == HF_MODE_RELAY || hf_word_slot(c->word))
			return;
	} while (!hf_leg_flip(c->m, c->leg, c->word, &c->next, 0, 0, 1));
}

/* Another codec may count time by another clock. */
static void hf_change_clock(struct hf_change *c)
{
	uint32_t was = c->old.ts_step / (c->old.ptime_ns / (uint32_t)HF_MS);

	c->clock = was;
	if (!c->own->has_remote)
		return;
	c->clock = hf_codec_units(c->own->remote.codec);
	/* Without randomness it stays one stream: a jump, not a lost call. */
	c->clock_changes =
		c->clock != was &&
		!hf_random_get(&c->m->random, &c->fresh_ssrc,
			       sizeof(c->fresh_ssrc));
}

void hf_leg_apply(struct hf_media *m, uint32_t i)
{
	struct hf_leg_at at = hf_pins_leg(&m->map, i);
	struct hf_leg_own *own = &m->own[i];
	struct hf_change c = {
		.m = m,
		.leg = i,
		.own = own,
		.mode = hf_leg_mode(own),
		.ptime_ms = own->say_len ? own->say_ptime_ms :
					   own->remote.ptime_ms,
	};
	uint32_t unit;

	/* Which may take a few ms, if it has to be copied. */
	if (c.mode == HF_MODE_HOLD)
		c.plays = hf_clip_choose(m, i, own->clip, &c.ptime_ms, &c.clip);
	if (own->say_len && c.ptime_ms != own->say_ptime_ms) {
		/* Rather no music than in packets of another length. */
		c.clip = (struct hf_clip_frames){0, 0};
		c.ptime_ms = own->say_ptime_ms;
		own->starved = true;
	}
	c.now = hf_media_now(m);
	unit = hf_unit(c.now);
	c.word = hf_load_acquire(at.word);
	/* We alone write programs: this one stays as it is while we think. */
	c.old = *hf_word_program(at.leg, c.word);
	hf_change_clock(&c);
	hf_change_begin(&c);
	hf_change_compute(&c);
	if (hf_change_is_none(&c))
		return;
	do {
		c.word = hf_load_acquire(at.word);
		hf_change_compute(&c);
		hf_change_step(&c);
	} while (!hf_leg_flip(m, i, c.word, &c.next, c.slot, c.late, c.epochs));
	hf_change_confirm(&c);
	hf_leg_shorten(m, i);

	if (c.line_ns) {
		own->line_ns = c.line_ns;
		own->line_ts = c.line_ts;
	}
	own->music_ms = c.music_ms;
	own->say_len = 0;
	hf_leg_loops(m, i, c.mode == HF_MODE_HOLD && c.next.loop_len,
		     c.next.loop_first);
	if (c.mode == HF_MODE_HOLD)
		own->playing = c.plays;
	else
		hf_wheel_remove(m, i);
	hf_rtcp_talker(m, i, c.mode == HF_MODE_RELAY ? own->peer : HF_LEG_NONE);
	if (c.mode == HF_MODE_RELAY &&
	    (c.old.mode != HF_MODE_RELAY || c.old.peer != own->peer))
		own->relay_unit = unit;
}

void hf_leg_feed(struct hf_media *m, uint32_t i)
{
	const struct hf_leg_own *own = &m->own[i];
	uint64_t word = hf_load_acquire(&m->map.claims[i].word);
	const struct hf_program *p = hf_word_program(&m->map.legs[i], word);

	if (own->starved && own->want == HF_MODE_HOLD &&
	    (p->mode != HF_MODE_HOLD || hf_word_slot(word) >= p->once_len))
		hf_leg_apply(m, i);
}

void hf_leg_rebase(struct hf_media *m, uint32_t i)
{
	struct hf_leg_at at = hf_pins_leg(&m->map, i);
	struct hf_program p;
	uint64_t word;
	uint32_t slot;

	do {
		word = hf_load_acquire(at.word);
		slot = hf_word_slot(word);
		p = *hf_word_program(at.leg, word);
		if (slot < HF_REBASE_SLOT || p.mode != HF_MODE_HOLD ||
		    slot < p.once_len)
			return;
		p.base_ns += (uint64_t)slot * p.ptime_ns;
		p.ts_base += slot * p.ts_step;
		p.flags &= (uint8_t)~HF_PROGRAM_MARK_FIRST;
		p.once_len = 0;
		if (p.loop_len)
			p.loop_phase = 0 - (slot - p.loop_phase) % p.loop_len;
	} while (!hf_leg_flip(m, i, word, &p, 0, hf_word_late(word), 1));
	hf_leg_shorten(m, i);
}
