// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * Clips in the frame table: the bytes of G.711, the sums, the end of a loop,
 * which pairs of clip and codec are there and when, a table that is full, ranges
 * that are used again.
 */
#include <errno.h>
#include <holdfast/csum.h>
#include <math.h>

#include "media/g711.h"
#include "media_stage.h"

/* Reference points of ITU-T G.711, tables 1 and 2: decoded magnitudes of the
 * ends of the segments, in 16-bit samples. */
TEST(g711_decodes_the_ends_of_the_segments)
{
	static const int16_t alaw[8] = {248,  504,  1008,  2016,
					4032, 8064, 16128, 32256};
	static const int16_t ulaw[8] = {120,  372,  876,   1884,
					3900, 7932, 15996, 32124};

	for (int segment = 0; segment < 8; segment++) {
		uint8_t code = (uint8_t)(segment << 4 | 0x0f);

		CHECK_INT(hf_alaw_decode((uint8_t)((0x80 | code) ^ 0x55)),
			  alaw[segment]);
		CHECK_INT(hf_alaw_decode((uint8_t)(code ^ 0x55)),
			  -alaw[segment]);
		CHECK_INT(hf_ulaw_decode((uint8_t)~code), ulaw[segment]);
		CHECK_INT(hf_ulaw_decode((uint8_t) ~(0x80 | code)),
			  -ulaw[segment]);
	}
	CHECK_INT(hf_ulaw_encode(0), 0xff);
	CHECK_INT(hf_alaw_encode(0), 0xd5);
}

TEST(g711_encodes_each_sample_to_the_nearest_code)
{
	for (int x = -32768; x < 32768; x++) {
		int a = hf_alaw_decode(hf_alaw_encode((int16_t)x)) - x;
		int u = hf_ulaw_decode(hf_ulaw_encode((int16_t)x)) - x;
		int size = x < 0 ? -x : x;

		/* Half a step: a 32nd of the sample, and what is cut off. */
		CHECK((a < 0 ? -a : a) <= size / 32 + 8 + (size > 32256) * 512);
		CHECK((u < 0 ? -u : u) <= size / 32 + 8 + (size > 32124) * 644);
	}
	for (int code = 0; code < 256; code++) {
		CHECK_INT(hf_alaw_encode(hf_alaw_decode((uint8_t)code)), code);
		if (code != 0x7f) /* the other zero */
			CHECK_INT(hf_ulaw_encode(hf_ulaw_decode((uint8_t)code)),
				  code);
	}
}

static uint32_t used_of(struct stage *s)
{
	struct hf_media_totals t;

	hf_media_totals(s->m, &t);
	return t.frames_used;
}

/* A clip of any sound, `frames` long. */
static int load(struct stage *s, const char *name, uint32_t frames,
		int16_t sound)
{
	int16_t *samples = calloc(frames * 160, sizeof(*samples));
	int r;

	samples[0] = sound;
	r = hf_media_clip_load(s->m, name, samples, frames * 160);
	free(samples);
	return r;
}

static uint32_t leg_with(struct stage *s, uint16_t port, enum hf_codec codec,
			 const char *clip)
{
	struct hf_media_remote r = remote_at("198.51.100.1", port);
	uint32_t leg = stage_leg(s, "198.51.100.1", port);

	r.codec = codec;
	r.payload_type = codec == HF_CODEC_PCMA ? 8 : 0;
	hf_media_leg_remote(s->m, leg, &r);
	hf_media_leg_hold(s->m, leg, clip);
	return leg;
}

/* Time with its housekeeping each 100 ms; nobody sends. */
static void pass(struct stage *s, uint32_t seconds)
{
	for (uint32_t i = 0; i < 10 * seconds; i++) {
		s->now += 100 * HF_MS;
		hf_media_tick(s->m);
	}
}

/* The controller dies, and another one finds the maps. */
static void restart(struct stage *s)
{
	struct hf_media next = {.config = s->m->config,
				.map = s->m->map,
				.clock = s->m->clock,
				.clock_arg = s->m->clock_arg,
				.adopted = true};

	memcpy(next.memory, s->m->memory, sizeof(next.memory));
	hf_media_fini(s->m);
	*s->m = next;
	CHECK_INT(hf_media_init(s->m), 0);
	CHECK_INT(hf_marks_open_memory(s->m), 0);
}

/* Each run knows how many legs loop it, by the programs in force. */
static void check_users(struct stage *s)
{
	for (uint32_t i = 0; i < s->m->clips.ranges; i++) {
		const struct hf_range *r = &s->m->clips.range[i];
		uint32_t users = 0;

		for (uint32_t leg = 0; leg < s->m->map.instance->legs; leg++) {
			const struct hf_program *p = stage_program(s, leg);

			users += p->mode == HF_MODE_HOLD && p->loop_len &&
				 p->loop_first == r->first;
		}
		CHECK_INT(r->users, users);
	}
}

TEST(a_clip_becomes_frames_of_its_bytes_with_their_sum)
{
	STAGE(s, 10, 1);
	int16_t samples[480];
	uint32_t clip, ptime = 20;

	for (int i = 0; i < 480; i++)
		samples[i] = (int16_t)(i * 60 - 14000);
	CHECK_INT(hf_media_clip_load(s->m, "ramp", samples, 480), 0);
	CHECK_INT(hf_clip_lookup(s->m, "ramp", &clip), 0);
	for (int codec = 0; codec <= HF_CODEC_PCMA; codec++) {
		struct hf_clip_frames f =
			hf_clip_frames_get(s->m, clip, codec, &ptime);

		CHECK_INT(f.len, 3);
		for (int i = 0; i < 480; i++)
			CHECK_INT(s->m->map.frames[f.first + i / 160]
					  .payload[i % 160],
				  codec == HF_CODEC_PCMU
					  ? hf_ulaw_encode(samples[i])
					  : hf_alaw_encode(samples[i]));
		for (int i = 0; i < 3; i++) {
			struct hf_frame *frame = &s->m->map.frames[f.first + i];
			uint32_t sum = 0;

			for (int k = 0; k < 160; k += 2)
				sum += (uint32_t)frame->payload[k] |
				       (uint32_t)frame->payload[k + 1] << 8;
			while (sum >> 16)
				sum = (sum & 0xffff) + (sum >> 16);
			CHECK_INT(frame->bytes, 160);
			CHECK_INT(frame->sum, HF_HTONS(HF_NTOHS(sum)));
		}
	}
}

TEST(ten_millisecond_frames_are_the_same_bytes_cut_in_half)
{
	STAGE(s, 10, 1);
	struct hf_clip_frames whole, half;
	uint32_t clip, ptime = 20, used;

	stage_clip(s, "default", 50);
	used = s->m->clips.used;
	hf_clip_lookup(s->m, "default", &clip);
	whole = hf_clip_frames_get(s->m, clip, HF_CODEC_PCMA, &ptime);
	CHECK_INT(s->m->clips.used, used + 50);
	used = s->m->clips.used;
	ptime = 10;
	half = hf_clip_frames_get(s->m, clip, HF_CODEC_PCMA, &ptime);
	CHECK_INT(ptime, 10);
	CHECK_INT(half.len, 100);
	CHECK_INT(s->m->clips.used, used + 100);
	for (uint32_t i = 0; i < 100; i++) {
		struct hf_frame *h = &s->m->map.frames[half.first + i];

		CHECK_INT(h->bytes, 80);
		CHECK_MEM(h->payload,
			  s->m->map.frames[whole.first + i / 2].payload +
				  i % 2 * 80,
			  80);
		CHECK_INT(h->sum, hf_csum_bytes(h->payload, 80));
	}
	/* Once is enough. */
	hf_clip_frames_get(s->m, clip, HF_CODEC_PCMA, &ptime);
	CHECK_INT(s->m->clips.used, used + 100);
	ptime = 30;
	CHECK_INT(hf_clip_frames_get(s->m, clip, HF_CODEC_PCMA, &ptime).first,
		  whole.first);
	CHECK_INT(ptime, 20);
}

/* Loudest step between neighbouring samples of a loop played twice. */
static int loudest_step(struct stage *s, const char *name, size_t *ret_samples)
{
	uint32_t clip, ptime = 20, first, len;
	int most = 0, last = 0;
	struct hf_clip_frames f;

	hf_clip_lookup(s->m, name, &clip);
	f = hf_clip_frames_get(s->m, clip, HF_CODEC_PCMU, &ptime);
	first = f.first;
	len = f.len;
	for (uint32_t i = 0; i < 2 * len * 160; i++) {
		uint32_t at = i % (len * 160);
		int x = hf_ulaw_decode(
			s->m->map.frames[first + at / 160].payload[at % 160]);

		if (i && abs(x - last) > most)
			most = abs(x - last);
		last = x;
	}
	*ret_samples = len * 160;
	return most;
}

TEST(a_loop_that_ends_inside_a_frame_does_not_click)
{
	static const size_t lengths[] = {1601, 1700, 1759, 161, 100, 3};
	STAGE(s, 10, 1);
	int16_t samples[2000];
	size_t got;

	/* 200 Hz at 8000: steps of at most 630 and a µ-law step. */
	for (int i = 0; i < 2000; i++)
		samples[i] = (int16_t)(4000 * sin(i * 2 * M_PI / 40) + 200);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		size_t n = lengths[i];

		CHECK_INT(hf_media_clip_load(s->m, "sine", samples, n), 0);
		CHECK(loudest_step(s, "sine", &got) < 900);
		CHECK_INT(got, (n + 159) / 160 * 160);
	}
	CHECK_INT(hf_media_clip_load(s->m, "sine", samples, 0), -EINVAL);
	CHECK_INT(hf_media_clip_load(s->m, "sine", samples, 1), 0);
}

TEST(only_what_a_leg_plays_is_in_the_table_and_from_its_first_frame)
{
	STAGE(s, 10, 1);
	uint32_t clip, ptime = 20, ulaw, alaw, other;
	struct hf_clip_frames f;
	struct hf_frame *frame;

	stage_clip(s, "default", 50);
	stage_clip(s, "unheard", 70);
	CHECK_INT(used_of(s), 0);
	ulaw = leg_with(s, 4000, HF_CODEC_PCMU, "default");
	CHECK_INT(used_of(s), 50);
	/* The second leg of a pair finds it there. */
	other = leg_with(s, 4010, HF_CODEC_PCMU, "default");
	CHECK_INT(used_of(s), 50);
	CHECK_INT(stage_program(s, other)->loop_first,
		  stage_program(s, ulaw)->loop_first);
	stage_run(s, 200);
	s->count = 0;
	alaw = leg_with(s, 4020, HF_CODEC_PCMA, "default");
	CHECK_INT(used_of(s), 100);
	stage_run(s, 100);
	CHECK(stage_last(s, alaw));
	for (size_t i = 0, n = 0; i < s->count; i++) {
		if (s->sent[i].leg != alaw)
			continue;
		frame = &s->m->map.frames[s->sent[i].frame];
		CHECK_INT(frame->bytes, 160);
		CHECK_INT(frame->payload[0],
			  hf_alaw_encode((int16_t)(1000 + n * 100)));
		CHECK_INT(frame->sum, hf_csum_bytes(frame->payload, 160));
		n++;
	}
	/* A codec changed within the call: its pair comes with it. */
	hf_media_leg_close(s->m, alaw);
	hf_clip_lookup(s->m, "unheard", &clip);
	f = hf_clip_frames_get(s->m, clip, HF_CODEC_PCMA, &ptime);
	CHECK_INT(f.len, 70);
	CHECK_INT(used_of(s), 170);
	check_users(s);
}

TEST(a_pair_that_no_leg_has_played_for_a_minute_leaves_the_table)
{
	STAGE(s, 10, 1);
	uint32_t a, b, first;
	struct hf_frame before;

	stage_clip(s, "default", 50);
	a = leg_with(s, 4000, HF_CODEC_PCMU, "default");
	b = leg_with(s, 4010, HF_CODEC_PCMA, "default");
	first = stage_program(s, a)->loop_first;
	before = s->m->map.frames[first];
	pass(s, 600);
	CHECK_INT(used_of(s), 100);
	hf_media_leg_close(s->m, b);
	pass(s, 58);
	CHECK_INT(used_of(s), 100);
	/* Who comes within the minute finds it where it was. */
	b = leg_with(s, 4010, HF_CODEC_PCMA, "default");
	hf_media_relay(s->m, a, leg_with(s, 4020, HF_CODEC_PCMU, "default"));
	pass(s, 58);
	CHECK_INT(used_of(s), 100);
	hf_media_leg_hold(s->m, a, "default");
	CHECK_INT(stage_program(s, a)->loop_first, first);
	pass(s, 600);
	CHECK_INT(used_of(s), 100);
	CHECK_MEM(&s->m->map.frames[first], &before, sizeof(before));
	check_users(s);
	hf_media_leg_idle(s->m, b);
	pass(s, 59);
	CHECK_INT(used_of(s), 100);
	pass(s, 2);
	CHECK_INT(used_of(s), 50);
	hf_media_leg_close(s->m, a);
	pass(s, 61);
	CHECK_INT(used_of(s), 0);
	/* And comes back. */
	hf_media_leg_hold(s->m, b, "default");
	CHECK_INT(used_of(s), 50);
	CHECK_INT(stage_program(s, b)->loop_len, 50);
}

TEST(a_clip_that_finds_no_room_leaves_the_old_one_playing_and_follows_later)
{
	STAGE(s, 10, 1); /* 5461 frames */
	struct hf_media_totals t;
	uint32_t a, b, c, loop;

	load(s, "default", 2500, 1000);
	load(s, "long", 2500, 2000);
	load(s, "other", 1500, 3000);
	a = leg_with(s, 4000, HF_CODEC_PCMU, "default");
	b = leg_with(s, 4010, HF_CODEC_PCMU, "long");
	CHECK_INT(used_of(s), 5000);
	stage_run(s, 1000);
	loop = stage_program(s, b)->loop_first;
	CHECK_INT(hf_media_leg_hold(s->m, b, "other"), 0);
	CHECK_INT(stage_program(s, b)->loop_first, loop);
	/* Who plays nothing yet hears the default; again is not counted. */
	c = leg_with(s, 4020, HF_CODEC_PCMU, "other");
	CHECK_INT(stage_program(s, c)->loop_first,
		  stage_program(s, a)->loop_first);
	CHECK_INT(hf_media_leg_hold(s->m, c, "other"), 0);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.clips_starved, 2);
	stage_run(s, 1000);
	CHECK(!stage_broken(s, b, 0));
	check_users(s);
	/* Not what is still played, by name or instead; and not unsaid. */
	CHECK_INT(hf_media_clip_remove(s->m, "other"), -EBUSY);
	CHECK_INT(hf_media_clip_remove(s->m, "long"), -EBUSY);
	CHECK_INT(load(s, "default", 2400, 1001), -ENOSPC);
	CHECK_INT(stage_program(s, a)->loop_len, 2500);
	/* A pair that nobody plays makes room, once no sender can copy it. */
	hf_media_leg_close(s->m, a);
	CHECK_INT(hf_media_leg_hold(s->m, c, "long"), 0);
	CHECK_INT(hf_media_leg_hold(s->m, c, "other"), 0);
	CHECK_INT(stage_program(s, c)->loop_first, loop);
	stage_run(s, 1001);
	for (int i = 0; i < 10; i++)
		hf_media_tick(s->m);
	CHECK_INT(stage_program(s, c)->loop_len, 1500);
	CHECK_INT(stage_program(s, b)->loop_len, 1500);
	CHECK_INT(used_of(s), 2500 + 1500);
	stage_run(s, 1000);
	CHECK(!stage_broken(s, b, 0));
	CHECK(!stage_broken(s, c, 0));
	hf_media_totals(s->m, &t);
	CHECK_INT(t.clips_starved, 3);
	check_users(s);
}

TEST(a_clip_larger_than_the_table_or_than_its_room_is_refused_and_the_old_one_stays)
{
	STAGE(s, 10, 1); /* 5461 frames */
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), loop, i = 10;
	struct hf_frame before;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	loop = stage_program(s, leg)->loop_first;
	before = s->m->map.frames[loop];
	/* Too long at all; and for what is free, in the codec that is heard. */
	CHECK_INT(load(s, "huge", 5462, 1), -ENOSPC);
	CHECK_INT(load(s, "default", 5430, 1), -ENOSPC);
	CHECK_INT(hf_media_leg_hold(s->m, leg, "huge"), -ENOENT);
	CHECK_INT(stage_program(s, leg)->loop_first, loop);
	CHECK_INT(stage_program(s, leg)->loop_len, 50);
	CHECK_MEM(&s->m->map.frames[loop], &before, sizeof(before));
	CHECK_INT(used_of(s), 50);
	/* The same again is nothing new. */
	stage_clip(s, "default", 50);
	CHECK_INT(used_of(s), 50);
	CHECK_INT(stage_program(s, leg)->loop_first, loop);

	/* What is given back can be had again, for ever. */
	for (i = 0; i < 20; i++) {
		CHECK_INT(load(s, "default", 2000 - i, (int16_t)(i * 1000)), 0);
		stage_run(s, 1100);
		hf_media_tick(s->m);
		CHECK_INT(used_of(s), 2000 - i);
	}
	/* Full for the half-size frames too: then it is 20 ms. */
	i = 10;
	CHECK_INT(hf_clip_frames_get(s->m, 0, HF_CODEC_PCMU, &i).len, 1981);
	CHECK_INT(i, 20);
	CHECK_INT(load(s, "short", 950, 1), 0);
	i = 10;
	CHECK_INT(hf_clip_frames_get(s->m, s->m->clips.count - 1,
				     HF_CODEC_PCMU, &i)
			  .len,
		  1900);
	CHECK_INT(i, 10);
}

TEST(frames_of_a_replaced_clip_stay_as_they_are_for_a_grace_period)
{
	STAGE(s, 10, 1); /* 5461 frames */
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), old;
	struct hf_frame before[50];

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	old = s->m->clips.range[0].first;
	memcpy(before, &s->m->map.frames[old], sizeof(before));
	/* A sender that read the program just before may still copy them. */
	CHECK_INT(load(s, "default", 60, 1), 0);
	CHECK_INT(used_of(s), 50 + 60);
	stage_run(s, 980);
	hf_media_tick(s->m);
	CHECK_INT(load(s, "other", 50, 1), 0);
	leg_with(s, 4010, HF_CODEC_PCMU, "other");
	CHECK_INT(used_of(s), 50 + 60 + 50);
	CHECK_MEM(&s->m->map.frames[old], before, sizeof(before));
	stage_run(s, 40);
	hf_media_tick(s->m);
	CHECK_INT(used_of(s), 60 + 50);
	/* Then the place is taken again. */
	CHECK_INT(load(s, "third", 40, 1), 0);
	leg_with(s, 4020, HF_CODEC_PCMU, "third");
	CHECK(memcmp(&s->m->map.frames[old], before, sizeof(before)) != 0);
}

TEST(a_restart_keeps_the_pairs_in_use_where_they_are_and_loads_no_others)
{
	STAGE(s, 10, 1);
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	uint32_t ulaw, half, orphan, loop[3];
	struct hf_program before;

	stage_clip(s, "default", 50);
	load(s, "gone", 90, 7);
	load(s, "unheard", 70, 8);
	ulaw = leg_with(s, 4000, HF_CODEC_PCMU, "default");
	r.ptime_ms = 10;
	half = stage_leg(s, "198.51.100.1", 4000);
	CHECK_INT(hf_media_leg_remote(s->m, half, &r), 0);
	CHECK_INT(hf_media_leg_hold(s->m, half, "default"), 0);
	orphan = leg_with(s, 4020, HF_CODEC_PCMA, "gone");
	loop[0] = stage_program(s, ulaw)->loop_first;
	loop[1] = stage_program(s, half)->loop_first;
	loop[2] = stage_program(s, orphan)->loop_first;
	CHECK_INT(used_of(s), 50 + 100 + 90);
	stage_run(s, 1000);
	before = *stage_program(s, ulaw);

	restart(s);
	load(s, "unheard", 70, 8);
	stage_clip(s, "default", 50);
	CHECK_INT(used_of(s), 50 + 100 + 90);
	CHECK_INT(hf_media_leg_adopt(s->m, half, 0, &r, "default"), 0);
	CHECK_INT(hf_media_leg_hold(s->m, half, "default"), 0);
	r = remote_at("198.51.100.1", 4000);
	CHECK_INT(hf_media_leg_adopt(s->m, ulaw, 0, &r, "default"), 0);
	CHECK_INT(hf_media_leg_hold(s->m, ulaw, "default"), 0);
	hf_media_adopted(s->m);
	CHECK_MEM(stage_program(s, ulaw), &before, sizeof(before));
	CHECK_INT(stage_program(s, half)->loop_first, loop[1]);
	check_users(s);
	/* However long they play, also what no clip has now and nobody's. */
	pass(s, 600);
	CHECK_INT(used_of(s), 50 + 100 + 90);
	CHECK_INT(stage_program(s, ulaw)->loop_first, loop[0]);
	CHECK_INT(stage_program(s, orphan)->loop_first, loop[2]);
	hf_media_orphans_end(s->m);
	hf_media_tick(s->m);
	CHECK_INT(used_of(s), 50 + 100 + 90);
	pass(s, 1);
	CHECK_INT(used_of(s), 50 + 100);
	hf_media_leg_close(s->m, half);
	pass(s, 61);
	CHECK_INT(used_of(s), 50);
	check_users(s);
}

TEST(who_hears_another_clip_for_want_of_room_hears_it_on_through_a_restart)
{
	STAGE(s, 10, 1); /* 5461 frames */
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	struct hf_program before;
	uint32_t leg;

	load(s, "default", 4000, 1000);
	load(s, "other", 1500, 3000);
	leg_with(s, 4010, HF_CODEC_PCMU, "default");
	leg = leg_with(s, 4000, HF_CODEC_PCMU, "other");
	CHECK_INT(stage_program(s, leg)->loop_len, 4000);
	stage_run(s, 1000);
	before = *stage_program(s, leg);
	restart(s);
	load(s, "default", 4000, 1000);
	load(s, "other", 1500, 3000);
	CHECK_INT(hf_media_leg_adopt(s->m, leg, 0, &r, "other"), 0);
	CHECK_INT(hf_media_leg_hold(s->m, leg, "other"), 0);
	hf_media_adopted(s->m);
	CHECK_MEM(stage_program(s, leg), &before, sizeof(before));
	check_users(s);
}

/* Something happens to one of the legs. */
static void walk(struct stage *s, uint32_t *legs, const char *clip)
{
	struct hf_media_remote r = remote_at("198.51.100.1", 4000);
	uint32_t *leg = &legs[rand() % 6], ms;

	r.codec = rand() % 2 ? HF_CODEC_PCMA : HF_CODEC_PCMU;
	r.ptime_ms = rand() % 2 ? 10 : 20;
	r.may_receive = rand() % 5;
	switch (rand() % 7) {
	case 0:
		hf_media_leg_remote(s->m, *leg, &r);
		break;
	case 1:
		hf_media_leg_idle(s->m, *leg);
		break;
	case 2:
		hf_media_relay(s->m, *leg, legs[rand() % 6]);
		break;
	case 3:
		hf_media_leg_say(s->m, *leg, &clip, 1,
				 rand() % 2 ? "default" : NULL, &ms);
		break;
	case 4:
		hf_media_leg_close(s->m, *leg);
		*leg = leg_with(s, 4000, r.codec, "default");
		break;
	case 5:
		hf_media_clip_remove(s->m, clip);
		break;
	default:
		hf_media_leg_hold(s->m, *leg, clip);
	}
}

TEST(no_two_clips_share_a_frame_whatever_comes_and_goes)
{
	STAGE(s, 10, 1);
	int16_t *samples = calloc(400 * 160, sizeof(*samples));
	uint32_t legs[6] = {0};
	char name[8];

	srand(3);
	stage_clip(s, "default", 50);
	for (int i = 0; i < 6; i++)
		legs[i] = leg_with(s, (uint16_t)(4000 + 10 * i), HF_CODEC_PCMU,
				   "default");
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "c%d", rand() % 9);
		hf_media_clip_load(s->m, name, samples,
				   (size_t)(1 + rand() % 400) * 160);
		s->now += 400 * HF_MS;
		hf_media_tick(s->m);
		walk(s, legs, name);
		check_users(s);
		for (uint32_t k = 1; k < s->m->clips.ranges; k++) {
			struct hf_range *r = &s->m->clips.range[k];

			CHECK(r[-1].first + r[-1].len <= r->first);
			CHECK(r->first + r->len <= s->m->map.instance->frames);
		}
	}
	free(samples);
}

TEST_MAIN()
