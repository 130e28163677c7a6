// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: media base
 *
 * Clips in the frame table: the bytes of G.711, the sums, the end of a loop, a
 * table that is full, ranges that are used again.
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

TEST(a_table_that_is_full_keeps_the_old_clip)
{
	STAGE(s, 10, 1); /* 5461 frames */
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), loop, i;
	int16_t *samples = calloc(3000 * 160, sizeof(*samples));
	struct hf_frame before;
	struct hf_media_totals t;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	loop = stage_program(s, leg)->loop_first;
	before = s->m->map.frames[loop];
	CHECK_INT(hf_media_clip_load(s->m, "default", samples, 3000 * 160),
		  -ENOSPC);
	CHECK_INT(hf_media_clip_load(s->m, "huge", samples, 3000 * 160),
		  -ENOSPC);
	CHECK_INT(hf_media_leg_hold(s->m, leg, "huge"), -ENOENT);
	CHECK_INT(stage_program(s, leg)->loop_first, loop);
	CHECK_INT(stage_program(s, leg)->loop_len, 50);
	CHECK_MEM(&s->m->map.frames[loop], &before, sizeof(before));
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 100);
	CHECK_INT(t.frames, 5461);
	/* The same again is nothing new. */
	stage_clip(s, "default", 50);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 100);
	CHECK_INT(stage_program(s, leg)->loop_first, loop);

	/* What is given back can be had again, for ever. */
	for (i = 0; i < 20; i++) {
		samples[0] = (int16_t)(i * 1000);
		CHECK_INT(hf_media_clip_load(s->m, "big", samples, 1000 * 160),
			  0);
		stage_run(s, 1100);
		hf_media_tick(s->m);
	}
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 2100);
	/* Full for the half-size frames too: then it is 20 ms. */
	i = 10;
	CHECK_INT(hf_media_clip_load(s->m, "more", samples, 700 * 160), 0);
	CHECK_INT(hf_media_clip_load(s->m, "most", samples, 600 * 160), 0);
	CHECK_INT(hf_clip_frames_get(s->m, 0, HF_CODEC_PCMU, &i).len, 100);
	i = 10;
	CHECK_INT(hf_clip_frames_get(s->m, s->m->clips.count - 1, HF_CODEC_PCMU,
				     &i)
			  .len,
		  600);
	CHECK_INT(i, 20);
	free(samples);
}

TEST(frames_of_a_replaced_clip_stay_as_they_are_for_a_grace_period)
{
	STAGE(s, 10, 1); /* 5461 frames */
	uint32_t leg = stage_leg(s, "198.51.100.1", 4000), old;
	int16_t *samples = calloc(1500 * 160, sizeof(*samples));
	struct hf_frame before[100];
	struct hf_media_totals t;

	stage_clip(s, "default", 50);
	hf_media_leg_hold(s->m, leg, "default");
	old = s->m->clips.range[0].first;
	memcpy(before, &s->m->map.frames[old], sizeof(before));
	/* A sender that read the program just before may still copy them. */
	CHECK_INT(hf_media_clip_load(s->m, "default", samples, 60 * 160), 0);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 100 + 120);
	stage_run(s, 980);
	hf_media_tick(s->m);
	CHECK_INT(hf_media_clip_load(s->m, "other", samples, 50 * 160), 0);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 100 + 120 + 100);
	CHECK_MEM(&s->m->map.frames[old], before, sizeof(before));
	stage_run(s, 40);
	hf_media_tick(s->m);
	hf_media_totals(s->m, &t);
	CHECK_INT(t.frames_used, 120 + 100);
	/* Then the place is taken again. */
	CHECK_INT(hf_media_clip_load(s->m, "third", samples, 40 * 160), 0);
	CHECK(memcmp(&s->m->map.frames[old], before, sizeof(before)) != 0);
	free(samples);
}

TEST(no_two_clips_share_a_frame_whatever_comes_and_goes)
{
	STAGE(s, 10, 1);
	int16_t *samples = calloc(400 * 160, sizeof(*samples));
	char name[8];

	srand(3);
	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof(name), "c%d", rand() % 9);
		hf_media_clip_load(s->m, name, samples,
				   (size_t)(1 + rand() % 400) * 160);
		s->now += 400 * HF_MS;
		hf_media_tick(s->m);
		for (uint32_t k = 1; k < s->m->clips.ranges; k++) {
			struct hf_range *r = &s->m->clips.range[k];

			CHECK(r[-1].first + r[-1].len <= r->first);
			CHECK(r->first + r->len <= s->m->map.instance->frames);
		}
	}
	free(samples);
}

TEST_MAIN()
