// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * One stream to each remote whatever a call goes through: hold, relay, other
 * music, other addresses, nowhere. media_stage.h plays the senders.
 */
#include <errno.h>

#include <holdfast/hot.h>

#include "media_stage.h"

#define CHECK_STREAM(s, leg, tolerance)                               \
	do {                                                          \
		const char *hf_why = stage_broken(s, leg, tolerance); \
		if (hf_why)                                           \
			FAIL("%s", hf_why);                           \
	} while (0)

TEST(hold_and_relay_in_turn_are_one_stream_without_gap)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct talker a = {agent, 0xa9e27, 77777777, 65530, 0};

	stage_clip(s, "default", 50);
	for (int round = 0; round < 3; round++) {
		CHECK_INT(hf_media_leg_hold(s->m, caller, "default"), 0);
		stage_run(s, 507);
		CHECK_INT(hf_media_relay(s->m, caller, agent), 0);
		stage_run(s, 13);
		CHECK_INT(stage_talk(s, &a, 40), 40);
	}
	/* 25 or 26 frames a hold, 40 packets a relay. */
	CHECK(s->count >= 3 * 65 && s->count <= 3 * 67);
	CHECK_STREAM(s, caller, 24);
	CHECK_INT(stage_markers(s, caller), 6);
}

TEST(the_first_hold_frame_is_due_within_one_packet_time_and_a_whole_ms)
{
	STAGE(s, 200, 1);

	stage_clip(s, "default", 50);
	for (int i = 0; i < 200; i++) {
		uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
		const struct hf_program *p;

		CHECK_INT(hf_media_leg_hold(s->m, leg, "default"), 0);
		p = stage_program(s, leg);
		CHECK_INT(p->base_ns % HF_MS, 0);
		CHECK(p->base_ns > s->now);
		CHECK(p->base_ns <= s->now + 20 * HF_MS);
		s->now += 3 * HF_MS / 2;
	}
	s->now += 20 * HF_MS;
}

TEST(a_talker_whose_clock_runs_fast_does_not_turn_the_stream_back)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct talker a = {agent, 5, 1000, 1, 10};
	uint32_t before, after;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 100);
	hf_media_relay(s->m, caller, agent);
	/* 1 % fast: a second too far after 100. */
	for (int i = 0; i < 5000; i++) {
		CHECK(stage_hear(s, &a));
		stage_run(s, 20);
	}
	before = stage_last(s, caller)->timestamp;
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 20);
	after = stage_last(s, caller)->timestamp;
	CHECK_INT(stage_last(s, caller)->frame != HF_LEG_NONE, 1);
	CHECK((int32_t)(after - before) >= 160 &&
	      (int32_t)(after - before) <= 160 + 20 * 8 + 10);
	CHECK_STREAM(s, caller, 10000);
}

TEST(hold_audio_waits_five_ms_after_the_last_relayed_packet)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct talker a = {agent, 5, 1000, 1, 0};
	uint64_t last;

	stage_clip(s, "default", 50);
	hf_media_relay(s->m, caller, agent);
	CHECK(stage_hear(s, &a));
	last = s->now;
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 40);
	CHECK(s->sent[1].at_ns >= last + HF_GAP_NS);
	CHECK_STREAM(s, caller, 16);
}

TEST(music_goes_on_where_it_was_after_a_relay_and_after_silence)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	uint32_t frame;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 1310); /* more than once around */
	frame = stage_last(s, caller)->frame;
	hf_media_relay(s->m, caller, agent);
	stage_run(s, 5000);
	CHECK_INT(stage_last(s, caller)->frame, frame);
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 20);
	CHECK_INT(stage_last(s, caller)->frame, frame + 1);

	hf_media_leg_idle(s->m, caller);
	stage_run(s, 777);
	CHECK_INT(stage_last(s, caller)->frame, frame + 1);
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 20);
	CHECK_INT(stage_last(s, caller)->frame, frame + 2);
	CHECK_STREAM(s, caller, 16);
}

/* Frames every 20 ms exactly, timestamps by 160, no marker but the first. */
static const char *uneven(const struct stage *s)
{
	static char why[128];

	for (size_t i = 1; i < s->count; i++) {
		const struct stage_packet *a = &s->sent[i - 1],
					  *b = &s->sent[i];

		if (b->at_ns - a->at_ns == 20 * HF_MS &&
		    b->timestamp - a->timestamp == 160 &&
		    b->seq == (uint16_t)(a->seq + 1) && !b->marker)
			continue;
		snprintf(why, sizeof(why),
			 "packet %zu: %llu ns, timestamp by %d, marker %d", i,
			 (unsigned long long)(b->at_ns - a->at_ns),
			 (int)(b->timestamp - a->timestamp), b->marker);
		return why;
	}
	return NULL;
}

TEST(another_clip_codec_or_address_while_holding_leaves_no_seam)
{
	STAGE(s, 10, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
	struct hf_media_remote r = remote_at("198.51.100.9", 4444);
	uint32_t first;

	stage_clip(s, "default", 50);
	stage_clip(s, "other", 30);
	hf_media_leg_hold(s->m, leg, "default");
	stage_run(s, 333);
	CHECK_INT(hf_media_leg_hold(s->m, leg, "other"), 0);
	stage_run(s, 20);
	first = stage_last(s, leg)->frame;
	CHECK_INT(first, stage_program(s, leg)->loop_first);
	stage_run(s, 60);
	CHECK_INT(stage_last(s, leg)->frame, first + 3);

	r.codec = HF_CODEC_PCMA;
	r.payload_type = 8;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	CHECK_INT(stage_program(s, leg)->remote_ip4, r.ip4.s_addr);
	stage_run(s, 20);
	CHECK_INT(stage_last(s, leg)->payload_type, 8);
	/* The same place of the clip, in the other codec. */
	CHECK_INT(stage_last(s, leg)->frame - stage_program(s, leg)->loop_first,
		  4);
	stage_run(s, 2000);
	if (uneven(s))
		FAIL("%s", uneven(s));
}

TEST(a_clip_that_is_replaced_goes_on_in_the_new_frames_without_a_seam)
{
	STAGE(s, 10, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), used;
	struct hf_media_totals t;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	stage_run(s, 200);
	stage_clip(s, "default", 60);
	CHECK_INT(stage_program(s, leg)->loop_len, 60);
	stage_run(s, 20);
	CHECK_INT(stage_last(s, leg)->frame - stage_program(s, leg)->loop_first,
		  s->count - 1);
	hf_media_tick(s->m);
	hf_media_totals(s->m, &t);
	used = t.frames_used;
	CHECK_INT(used, 110); /* the old ones are kept for a moment */
	stage_run(s, 1100);
	hf_media_tick(s->m);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 60);
	if (uneven(s))
		FAIL("%s", uneven(s));
}

TEST(a_leg_in_relay_that_gets_new_addresses_loses_no_packet)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	struct talker a = {agent, 5, 1000, 65500, 0};
	struct talker c = {caller, 6, 2000, 1, 0};

	hf_media_relay(s->m, caller, agent);
	for (int i = 0; i < 20; i++) {
		CHECK_INT(stage_talk(s, &a, 3), 3);
		CHECK_INT(stage_talk(s, &c, 2), 2);
		r.port = (uint16_t)(4000 + 2 * i);
		CHECK_INT(hf_media_leg_remote(s->m, caller, &r), 0);
		CHECK_INT(stage_program(s, caller)->remote_port, htons(r.port));
		CHECK_INT(stage_program(s, caller)->mode, HF_MODE_RELAY);
		CHECK_INT(stage_program(s, caller)->peer, agent);
		CHECK_INT(stage_program(s, agent)->peer, caller);
	}
	CHECK_STREAM(s, caller, 16);
	CHECK_STREAM(s, agent, 16);
}

TEST(setting_what_is_set_already_changes_nothing)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	uint64_t word;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, caller, "default");
	stage_run(s, 50);
	word = s->m->map.claims[caller].word;
	hf_media_leg_hold(s->m, caller, "default");
	hf_media_leg_remote(s->m, caller, &r);
	CHECK(s->m->map.claims[caller].word == word);
	hf_media_relay(s->m, caller, agent);
	word = s->m->map.claims[caller].word;
	hf_media_relay(s->m, caller, agent);
	hf_media_relay(s->m, agent, caller);
	hf_media_leg_remote(s->m, caller, &r);
	CHECK(s->m->map.claims[caller].word == word);
}

TEST(a_remote_that_may_not_receive_or_is_nowhere_gets_nothing)
{
	STAGE(s, 10, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	const struct hf_media_remote nowhere[] = {
		{.port = 4000, .ptime_ms = 20, .may_send = 1, .may_receive = 1},
		remote_at("198.51.100.1", 0),
		{.ip4 = r.ip4, .port = 4000, .ptime_ms = 20, .may_send = 1},
	};
	size_t sent;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	stage_run(s, 100);
	for (int i = 0; i < 3; i++) {
		sent = s->count;
		CHECK_INT(hf_media_leg_remote(s->m, leg, &nowhere[i]), 0);
		stage_run(s, 200);
		CHECK_INT(s->count, sent);
		CHECK_INT(stage_program(s, leg)->mode, HF_MODE_IDLE);
		CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
		stage_run(s, 60);
		CHECK_INT(s->count, sent + 3);
		CHECK_INT(s->sent[sent].marker, 1);
		/* The music has waited. */
		CHECK_INT(s->sent[sent].frame, s->sent[sent - 1].frame + 1);
	}
	CHECK_STREAM(s, leg, 16);
}

TEST(one_way_media_in_a_relay_stops_one_way_only)
{
	STAGE(s, 10, 1);
	uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
	uint32_t agent = stage_leg(s, "198.51.100.2", 4000);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	struct talker a = {agent, 5, 1000, 10, 0};
	struct talker c = {caller, 6, 2000, 1, 0};

	hf_media_relay(s->m, caller, agent);
	CHECK_INT(stage_talk(s, &a, 5), 5);
	r.may_receive = false;
	hf_media_leg_remote(s->m, caller, &r);
	CHECK_INT(stage_talk(s, &a, 5), 0);
	CHECK_INT(stage_talk(s, &c, 5), 5);
	r.may_receive = true;
	r.may_send = false;
	hf_media_leg_remote(s->m, caller, &r);
	CHECK_INT(stage_talk(s, &a, 5), 5);
	CHECK_INT(stage_talk(s, &c, 5), 0);
	CHECK(stage_program(s, caller)->flags & HF_PROGRAM_RX_OFF);
	CHECK_STREAM(s, caller, 160);
}

TEST(what_relays_is_parted_when_one_side_leaves)
{
	STAGE(s, 10, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.2", 4000);
	uint32_t c = stage_leg(s, "198.51.100.3", 4000);
	struct talker ta = {a, 5, 1000, 10, 0}, tb = {b, 6, 2000, 1, 0};

	hf_media_relay(s->m, a, b);
	CHECK_INT(stage_talk(s, &ta, 2), 2);
	hf_media_relay(s->m, a, c);
	CHECK_INT(stage_talk(s, &ta, 2), 2);
	CHECK_INT(stage_last(s, c) != NULL, 1);
	CHECK_INT(stage_talk(s, &tb, 2), 0);
	CHECK_INT(stage_program(s, b)->mode, HF_MODE_IDLE);
	CHECK_INT(stage_program(s, b)->peer, HF_LEG_NONE);
	hf_media_leg_close(s->m, c);
	CHECK_INT(stage_program(s, a)->peer, HF_LEG_NONE);
	CHECK_INT(stage_talk(s, &ta, 2), 0);
}

TEST(offsets_bound_for_another_leg_at_the_same_epoch_do_not_hold)
{
	STAGE(s, 10, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.2", 4000);
	uint32_t c = stage_leg(s, "198.51.100.3", 4000);
	struct talker t = {a, 5, 1000, 10, 0};
	struct hf_leg *leg = s->m->map.legs;

	hf_media_relay(s->m, a, b);
	CHECK_INT(stage_talk(s, &t, 5), 5);
	/* c is one step before the epoch that a is bound for. */
	leg[c].program[(s->m->map.bound[a].epoch - 1) & 1] = *stage_program(s, c);
	s->m->map.claims[c].word = hf_word_make(s->m->map.bound[a].epoch - 1u, 0, 0,
				      hf_word_seq(s->m->map.claims[c].word), 0);
	hf_media_leg_idle(s->m, a);
	hf_media_relay(s->m, a, c);
	CHECK_INT(stage_talk(s, &t, 5), 5);
	CHECK_STREAM(s, c, 16);
}

/* Does what comes from leg a go to leg b by the short form? */
static bool is_short(const struct stage *s, uint32_t a, uint32_t b)
{
	const struct hf_claim *claim = s->m->map.claims;

	return hf_across_is(&claim[a].across, claim[a].word, claim[b].word) &&
	       claim[a].across.peer == b;
}

TEST(the_short_form_of_a_relay_follows_each_change_of_either_leg)
{
	STAGE(s, 10, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.2", 4000);
	struct hf_media_remote r = remote_at("198.51.100.9", 4100);
	struct talker t = {a, 5, 1000, 10, 0};
	struct hf_leg_rx *rx;

	stage_clip(s, "default", 50);
	hf_media_relay(s->m, a, b);
	CHECK(is_short(s, a, b) && is_short(s, b, a));
	CHECK_INT(stage_talk(s, &t, 3), 3);
	CHECK_INT(hf_media_leg_remote(s->m, a, &r), 0);
	CHECK(is_short(s, a, b) && is_short(s, b, a));
	CHECK_INT(s->m->map.claims[b].across.daddr, r.ip4.s_addr);
	CHECK_INT(s->m->map.claims[a].across.remote_ip4, r.ip4.s_addr);
	/* Behind NAT: not before the address is learned. */
	r.latch = true;
	CHECK_INT(hf_media_leg_remote(s->m, a, &r), 0);
	hf_media_tick(s->m);
	CHECK(!is_short(s, a, b) && !is_short(s, b, a));
	rx = &s->m->map.legs[a].rx;
	rx->latch_key = hf_remote_key(r.ip4.s_addr, htons(r.port));
	rx->latched_ip4 = 77;
	rx->latched_port = 78;
	rx->latch_state = HF_LATCH_LEARNED;
	for (int i = 0; i < 1000 && !is_short(s, b, a); i++)
		hf_media_tick(s->m);
	CHECK(is_short(s, a, b) && is_short(s, b, a));
	CHECK_INT(s->m->map.claims[b].across.daddr, 77);
	CHECK_INT(s->m->map.claims[b].across.dport, 78);
	CHECK_INT(s->m->map.claims[a].across.remote_ip4, 77);
	hf_media_leg_hold(s->m, a, "default");
	CHECK(!is_short(s, a, b) && !is_short(s, b, a));
	CHECK_INT(stage_talk(s, &t, 3), 0);
	hf_media_relay(s->m, a, b);
	CHECK(is_short(s, a, b) && is_short(s, b, a));
	/* One that listens only. */
	hf_media_leg_idle(s->m, b);
	CHECK(!is_short(s, a, b));
}

TEST(a_long_hold_starts_counting_again_unheard)
{
	STAGE(s, 10, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000);
	const uint32_t far = (1u << 24) + 7;
	struct hf_leg *l;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	stage_run(s, 50);
	/* As if it had held for days already. */
	l = &s->m->map.legs[leg];
	for (int i = 0; i < 2; i++) {
		l->program[i].base_ns -= (uint64_t)far * 20 * HF_MS;
		l->program[i].ts_base -= far * 160;
		l->program[i].loop_phase += far;
	}
	s->m->map.claims[leg].word += far;
	stage_run(s, 200);
	for (int i = 0; i < 700; i++)
		hf_media_tick(s->m);
	CHECK(hf_word_slot(s->m->map.claims[leg].word) < 10);
	stage_run(s, 200);
	if (uneven(s))
		FAIL("%s", uneven(s));
	for (size_t i = 1; i < s->count; i++)
		CHECK_INT(s->sent[i].frame, s->sent[i - 1].frame + 1);
	CHECK(s->count > 20);
}

TEST(legs_with_different_codecs_are_not_joined)
{
	STAGE(s, 10, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.2", 4000);
	struct hf_media_remote r = remote_at("198.51.100.2", 4000);

	r.codec = HF_CODEC_PCMA;
	CHECK_INT(hf_media_leg_remote(s->m, b, &r), 0);
	CHECK_INT(hf_media_relay(s->m, a, b), -EPROTONOSUPPORT);
	CHECK_INT(stage_program(s, a)->mode, HF_MODE_IDLE);
	r.codec = HF_CODEC_PCMU;
	CHECK_INT(hf_media_leg_remote(s->m, b, &r), 0);
	CHECK_INT(hf_media_relay(s->m, a, b), 0);
	r.codec = HF_CODEC_PCMA;
	CHECK_INT(hf_media_leg_remote(s->m, b, &r), -EPROTONOSUPPORT);
	CHECK_INT(hf_media_relay(s->m, a, a), -EINVAL);
	CHECK_INT(hf_media_leg_hold(s->m, a, "unheard of"), -ENOENT);
	CHECK_INT(stage_program(s, a)->mode, HF_MODE_RELAY);
}

/* A call in a storm: anything at any time, jitter, other talkers; it is one
 * stream to the caller all the same. */
TEST(a_random_life_is_one_stream)
{
	static const uint16_t ptimes[] = {10, 20, 30, 60};

	for (unsigned int seed = 1; seed <= 60; seed++) {
		STAGE(s, 10, 1);
		uint32_t caller = stage_leg(s, "198.51.100.1", 4000);
		uint32_t other[2] = {stage_leg(s, "198.51.100.2", 4000),
				     stage_leg(s, "198.51.100.3", 4000)};
		struct talker t[2] = {
			{other[0], seed, 4000000000u, 65000, 0},
			{other[1], seed + 1000, 1, 5, 0},
		};
		struct hf_media_remote r = remote_at("198.51.100.1", 4000);

		srand(seed);
		stage_clip(s, "default", 50);
		stage_clip(s, "other", 7);
		for (int i = 0; i < 150; i++) {
			int n = rand() % 2;

			switch (rand() % 8) {
			case 0:
			case 1:
				hf_media_leg_hold(s->m, caller,
						  n ? "default" : "other");
				break;
			case 2:
			case 3:
			case 4:
				hf_media_relay(s->m, caller, other[n]);
				break;
			case 5:
				hf_media_leg_idle(s->m, caller);
				break;
			case 6:
				r.ptime_ms = ptimes[rand() % 4];
				r.port = (uint16_t)(4000 + rand() % 9);
				hf_media_leg_remote(s->m, caller, &r);
				break;
			default:
				s->sender_stopped =
					rand() % 4 == 0 && seed % 2 == 0;
			}
			for (int k = rand() % 8; k > 0; k--) {
				stage_hear(s, &t[0]);
				stage_hear(s, &t[1]);
				stage_run(s, 20u);
			}
			/* The packets' time is not ours. */
			stage_run(s, (uint32_t)(rand() % 9));
		}
		/* A sender that paused may send a frame 60 ms late. */
		CHECK_STREAM(s, caller, seed % 2 ? 40 : 40 + 480);
	}
}

TEST_MAIN()
