// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * What is said once on a leg: prompts one after the other, announcements into
 * the music, and that it stays one stream.
 */
#include <errno.h>

#include "media_stage.h"

/* The payload's first byte of the n-th packet to the leg. */
static int heard(struct stage *s, uint32_t leg, size_t n)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->sent[i].leg == leg && !n--)
			return s->m->map.frames[s->sent[i].frame].payload[0];
	return -1;
}

static size_t count(struct stage *s, uint32_t leg)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		n += s->sent[i].leg == leg;
	return n;
}

/* A clip of PCMU whose frames carry the bytes first, first + 1 ... */
static void put(struct stage *s, const char *name, int first, uint32_t frames,
		const struct hf_clip_data *like)
{
	struct hf_clip_data d = like ? *like : (struct hf_clip_data){0};
	uint8_t *bytes = calloc(frames, 160);

	for (uint32_t i = 0; i < frames; i++)
		memset(bytes + i * 160, (first + (int)i) & 0xff, 160);
	d.in[HF_CODEC_PCMU] = (struct hf_coded){bytes, frames, 160};
	CHECK_INT(hf_media_clip_put(s->m, name, &d), 0);
	free(bytes);
}

/* One SSRC, no gap in sequence or timestamp. */
static void one_stream(struct stage *s, uint32_t leg)
{
	const struct stage_packet *last = NULL;

	for (size_t i = 0; i < s->count; i++) {
		const struct stage_packet *p = &s->sent[i];

		if (p->leg != leg)
			continue;
		if (last) {
			CHECK_INT(p->ssrc, last->ssrc);
			CHECK_INT((uint16_t)(p->seq - last->seq), 1);
			CHECK_INT(p->timestamp - last->timestamp, 160);
			CHECK_INT(p->at_ns - last->at_ns, 20 * HF_MS);
		}
		last = p;
	}
}

TEST(prompts_are_said_one_after_the_other_and_then_the_music_goes_on)
{
	STAGE(s, 4, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms;
	static const char *const said[] = {"seven", "zero"};

	put(s, "music", 0, 50, NULL);
	put(s, "seven", 100, 3, NULL);
	put(s, "zero", 200, 2, NULL);
	hf_media_leg_hold(s->m, leg, "music");
	stage_run(s, 200);
	CHECK_INT(count(s, leg), 10);
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 2, "music", &ms), 0);
	CHECK_INT(ms, 100);
	stage_run(s, 200);
	CHECK_INT(heard(s, leg, 9), 9);
	for (size_t i = 0; i < 3; i++)
		CHECK_INT(heard(s, leg, 10 + i), 100 + (int)i);
	CHECK_INT(heard(s, leg, 13), 200);
	CHECK_INT(heard(s, leg, 14), 201);
	/* Where it was. */
	CHECK_INT(heard(s, leg, 15), 10);
	CHECK_INT(heard(s, leg, 19), 14);
	one_stream(s, leg);
}

TEST(after_a_prompt_without_music_nothing_is_sent_and_a_second_one_begins_anew)
{
	STAGE(s, 4, 1);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms;
	static const char *const said[] = {"seven"};
	struct hf_media_leg_stats stats;

	put(s, "seven", 100, 3, NULL);
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 1, NULL, &ms), 0);
	stage_run(s, 1000);
	CHECK_INT(count(s, leg), 3);
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 1, NULL, &ms), 0);
	stage_run(s, 1000);
	CHECK_INT(count(s, leg), 6);
	CHECK_INT(heard(s, leg, 3), 100);
	hf_media_leg_stats(s->m, leg, &stats);
	CHECK_INT(stats.hold_skipped, 0);
	CHECK_INT(hf_media_leg_say(s->m, leg, (const char *const[]){"none"}, 1,
				   NULL, &ms),
		  -ENOENT);
}

static void nobody_is_poked(struct hf_media *m, char what)
{
	(void)m;
	(void)what;
}

TEST(the_first_word_waits_until_the_sender_is_awake_and_the_way_is_open)
{
	STAGE(s, 4, 1);
	static const char *const said[] = {"seven"};
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms;
	struct hf_nexthop *way;

	put(s, "seven", 100, 3, NULL);
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 1, NULL, &ms), 0);
	CHECK_INT(ms, 100 + 60);
	stage_run(s, 100);
	CHECK_INT(count(s, leg), 0);
	stage_run(s, 30);
	CHECK_INT(heard(s, leg, 0), 100);
	stage_run(s, 60);
	CHECK_INT(count(s, leg), 3);

	/* With a media keeper there are ways that it has yet to find. */
	s->m->poke = nobody_is_poked;
	leg = stage_leg(s, "198.51.100.2", 4000);
	way = &s->m->map.nexthops[s->m->own[leg].hop];
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 1, NULL, &ms), 0);
	CHECK_INT(ms, 500 + 60);
	stage_run(s, 500);
	CHECK_INT(count(s, leg), 0);
	stage_run(s, 90);
	CHECK_INT(heard(s, leg, 0), 100);
	CHECK_INT(count(s, leg), 3);
	way->hop[way->turn & 1].flags = HF_HOP_VALID;
	CHECK_INT(hf_media_leg_say(s->m, leg, said, 1, NULL, &ms), 0);
	CHECK_INT(ms, 100 + 60);
	s->m->poke = NULL;
}

TEST(a_phrase_is_copied_once_for_all_and_given_back)
{
	STAGE(s, 4, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000), ms;
	uint32_t b = stage_leg(s, "198.51.100.2", 4000), used;
	static const char *const said[] = {"seven", "seven"};

	put(s, "seven", 100, 30, NULL);
	used = s->m->clips.used;
	hf_media_leg_say(s->m, a, said, 2, NULL, &ms);
	hf_media_leg_say(s->m, b, said, 2, NULL, &ms);
	CHECK_INT(s->m->clips.used, used + 60);
	stage_run(s, 20000);
	hf_media_tick(s->m);
	CHECK_INT(s->m->clips.used, used + 60);
	hf_media_leg_say(s->m, b, said, 2, NULL, &ms);
	stage_run(s, 25000);
	hf_media_tick(s->m);
	CHECK_INT(s->m->clips.used, used + 60);
	stage_run(s, 10000);
	hf_media_tick(s->m);
	CHECK_INT(s->m->clips.used, used);
	/* A clip that was replaced is not said from an old copy. */
	hf_media_leg_say(s->m, b, said, 2, NULL, &ms);
	put(s, "seven", 50, 30, NULL);
	s->count = 0;
	hf_media_leg_say(s->m, a, said, 2, NULL, &ms);
	stage_run(s, 200);
	CHECK_INT(heard(s, a, 0), 50);
}

/* Music of 600 frames; blocks of 40: 25 lead, 5 said, 10 tail. */
static const struct hf_clip_data into_music = {
	.into = "music",
	.block_frames = 40,
	.lead_frames = 25,
	.tail_frames = 10,
	.every_frames = 250,
};

TEST(an_announcement_begins_at_a_place_and_the_music_goes_on_behind_it)
{
	STAGE(s, 4, 4);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms = 0;
	int at, r = 0;

	put(s, "music", 0, 600, NULL);
	put(s, "thanks", 0, 3 * 40, &into_music);
	hf_media_leg_hold(s->m, leg, "music");
	stage_run(s, 1000);
	CHECK_INT(hf_media_leg_announce(s->m, leg, "thanks", &ms), -EAGAIN);
	CHECK(ms > 3000 && ms < 4000);
	for (at = 0; at < 20; at++) {
		stage_run(s, ms);
		r = hf_media_leg_announce(s->m, leg, "thanks", &ms);
		if (r != -EAGAIN)
			break;
	}
	CHECK_INT(r, 0);
	at = (int)count(s, leg);
	CHECK(at > 225 && at <= 250);
	stage_run(s, ms + 1000);
	/* Block 1 from the frame of the lead that is `at`. */
	CHECK_INT(heard(s, leg, (size_t)at), 40 + at - 225);
	CHECK_INT(heard(s, leg, 250), 40 + 25);
	CHECK_INT(heard(s, leg, 264), 40 + 39);
	CHECK_INT(heard(s, leg, 265), 260 & 0xff);
	CHECK_INT(heard(s, leg, 266), 261 & 0xff);
	one_stream(s, leg);
	CHECK_INT(hf_media_leg_announce(s->m, leg, "music", &ms), -ENOENT);
}

TEST(an_announcement_may_begin_at_any_frame_of_its_lead)
{
	for (uint32_t early = 20; early < 500; early += 20) {
		STAGE(s, 4, 4);
		uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms;

		put(s, "music", 0, 600, NULL);
		put(s, "thanks", 0, 3 * 40, &into_music);
		hf_media_leg_hold(s->m, leg, "music");
		stage_run(s, 5000 - early);
		CHECK_INT(hf_media_leg_announce(s->m, leg, "thanks", &ms), 0);
		stage_run(s, 1000);
		for (size_t i = 251 - early / 20; i < 265; i++)
			CHECK_INT(heard(s, leg, i), 40 + (int)i - 225);
		CHECK_INT(heard(s, leg, 265), 260 & 0xff);
		one_stream(s, leg);
	}
}

TEST(an_announcement_keeps_its_frames_until_it_is_over)
{
	STAGE(s, 4, 1); /* 5461 frames */
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ms;
	uint32_t other = stage_leg(s, "198.51.100.2", 4000);
	struct hf_clip_data slow = into_music;

	slow.block_frames = 150;
	put(s, "music", 0, 600, NULL);
	put(s, "thanks", 0, 3 * 150, &slow);
	put(s, "big", 0, 4800, NULL);
	hf_media_leg_hold(s->m, leg, "music");
	stage_run(s, 4700);
	CHECK_INT(s->m->clips.used, 600);
	CHECK_INT(hf_media_leg_announce(s->m, leg, "thanks", &ms), 0);
	CHECK_INT(s->m->clips.used, 600 + 450);
	stage_run(s, 2000);
	hf_media_leg_hold(s->m, other, "big");
	CHECK_INT(s->m->clips.used, 600 + 450);
	hf_media_leg_idle(s->m, other);
	stage_run(s, 1000);
	for (size_t i = 240; i < 375; i++)
		CHECK_INT(heard(s, leg, i), (150 + (int)i - 225) & 0xff);
	CHECK_INT(heard(s, leg, 375), 260 & 0xff);
	/* Then it makes room, and comes back to be said. */
	stage_run(s, 1000);
	hf_media_leg_hold(s->m, other, "big");
	CHECK_INT(s->m->clips.used, 600 + 4800);
	one_stream(s, leg);
}

TEST(what_is_said_and_music_that_stands_in_have_packets_of_one_length)
{
	STAGE(s, 4, 1); /* 5461 frames */
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	uint32_t other = stage_leg(s, "198.51.100.2", 4000), leg, ms;
	const char *words[] = {"word"};
	const struct hf_program *p;

	put(s, "default", 0, 500, NULL);
	put(s, "most", 0, 3900, NULL);
	put(s, "big", 0, 3800, NULL);
	put(s, "word", 200, 20, NULL);
	hf_media_leg_hold(s->m, other, "most");
	r.ptime_ms = 10;
	leg = stage_leg(s, "198.51.100.1", 4000);
	hf_media_leg_remote(s->m, leg, &r);
	CHECK_INT(hf_media_leg_say(s->m, leg, words, 1, "big", &ms), 0);
	p = stage_program(s, leg);
	CHECK_INT(p->ptime_ns, 10 * HF_MS);
	CHECK_INT(p->once_len, 40);
	CHECK_INT(s->m->map.frames[p->once_first].bytes, 80);
	CHECK_INT(p->loop_len, 1000);
	CHECK_INT(s->m->map.frames[p->loop_first].bytes, 80);
	/* What it wants finds room: the word is heard to its end first. */
	hf_media_leg_idle(s->m, other);
	stage_run(s, 300);
	CHECK_INT(hf_media_clip_remove(s->m, "most"), 0);
	s->m->clips.range[0].free_at_ns = 1;
	for (int i = 0; i < 8; i++)
		hf_media_tick(s->m);
	CHECK_INT(stage_program(s, leg)->once_len, 40);
	stage_run(s, 300);
	for (int i = 0; i < 8; i++)
		hf_media_tick(s->m);
	CHECK_INT(stage_program(s, leg)->loop_len, 3800);
	CHECK_INT(stage_program(s, leg)->ptime_ns, 20 * HF_MS);
}

TEST(music_like_a_radio_is_at_the_same_moment_for_all)
{
	STAGE(s, 4, 1);
	uint32_t a = stage_leg(s, "198.51.100.1", 4000);
	uint32_t b = stage_leg(s, "198.51.100.2", 4000);
	static const struct hf_clip_data radio = {.shared = true};
	size_t first;

	put(s, "radio", 0, 200, &radio);
	hf_media_leg_hold(s->m, a, "radio");
	stage_run(s, 1500);
	first = count(s, a);
	hf_media_leg_hold(s->m, b, "radio");
	stage_run(s, 1000);
	for (size_t i = 0; i < 20; i++) {
		int apart = heard(s, a, first + 2 + i) - heard(s, b, i);

		CHECK(apart % 200 >= -1 && apart % 200 <= 3);
	}
}

TEST(another_clock_rate_is_another_stream)
{
	STAGE(s, 4, 1);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), ssrc;
	struct hf_clip_data d = {0};
	uint8_t bytes[50 * 160] = {0};

	d.in[HF_CODEC_PCMU] = (struct hf_coded){bytes, 50, 160};
	d.in[HF_CODEC_OPUS] = (struct hf_coded){bytes, 50, 120};
	hf_media_clip_put(s->m, "music", &d);
	hf_media_leg_hold(s->m, leg, "music");
	stage_run(s, 200);
	ssrc = s->sent[s->count - 1].ssrc;
	s->count = 0;
	r.codec = HF_CODEC_OPUS;
	r.payload_type = 111;
	CHECK_INT(hf_media_leg_remote(s->m, leg, &r), 0);
	stage_run(s, 200);
	CHECK(s->sent[0].ssrc != ssrc);
	CHECK_INT(s->sent[0].payload_type, 111);
	CHECK_INT(s->sent[0].marker, 1);
	for (size_t i = 1; i < s->count; i++) {
		CHECK_INT(s->sent[i].ssrc, s->sent[0].ssrc);
		CHECK_INT(s->sent[i].timestamp - s->sent[i - 1].timestamp, 960);
		CHECK_INT(s->m->map.frames[s->sent[i].frame].bytes, 120);
	}
	CHECK(s->count >= 9);
}

TEST_MAIN()
