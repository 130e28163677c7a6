// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: audio media sdp config base
 *
 * Loudness, encoders, whole clips, announcements put into music.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sndfile.h>
#include <spandsp.h>
#include <unistd.h>

#include "audio/encode.h"
#include "audio/level.h"
#include "audio/library.h"
#include "audio/parts.h"
#include "config/config.h"
#include "test.h"

static char err[512];

static struct hf_sound tone(uint32_t rate, double hz, double seconds,
			    double level)
{
	struct hf_sound s = {.rate = rate, .count = (size_t)(rate * seconds)};

	s.x = calloc(s.count, sizeof(*s.x));
	for (size_t i = 0; i < s.count; i++)
		s.x[i] = (float)(level * sin(2 * M_PI * hz * (double)i / rate));
	return s;
}

static const char *tone_file(const char *name, double hz, double seconds)
{
	static char path[2][96];
	static int at;
	struct hf_sound s = tone(16000, hz, seconds, 0.3);
	SF_INFO info = {.samplerate = 16000,
			.channels = 1,
			.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	SNDFILE *f;

	at = !at;
	snprintf(path[at], sizeof(path[at]), "/tmp/hf-test-%s-%d.wav", name,
		 getpid());
	f = sf_open(path[at], SFM_WRITE, &info);
	sf_writef_float(f, s.x, (sf_count_t)s.count);
	sf_close(f);
	hf_sound_free(&s);
	return path[at];
}

TEST(loudness_is_that_of_the_sounding_parts)
{
	struct hf_sound s = tone(16000, 500, 4, 0.1), pause = s;

	/* RMS of a sine of 0.1: -23 dB. */
	CHECK(fabs(hf_level_measure(&s) + 23.01) < 0.1);
	/* The same with three quarters of silence. */
	pause.count = 4 * s.count;
	pause.x = calloc(pause.count, sizeof(*pause.x));
	memcpy(pause.x, s.x, s.count * sizeof(*s.x));
	CHECK(fabs(hf_level_measure(&pause) + 23.01) < 0.3);
	CHECK_INT(hf_level_set(&pause, -18), 0);
	CHECK(fabs(hf_level_measure(&pause) + 18) < 0.3);
	memset(pause.x, 0, pause.count * sizeof(*pause.x));
	CHECK_INT(hf_level_set(&pause, -18), 0);
	CHECK(pause.x[100] == 0);
	hf_sound_free(&pause);
	hf_sound_free(&s);
}

TEST(no_peak_passes_the_limiter_and_what_is_quiet_stays_as_it_is)
{
	struct hf_sound s = tone(8000, 500, 4, 0.1);
	float before, most = 0;

	for (size_t i = 8000; i < 8400; i++)
		s.x[i] *= 9; /* a shout */
	before = s.x[28000 + 4];
	CHECK_INT(hf_level_set(&s, -14), 0);
	for (size_t i = 0; i < s.count; i++)
		most = fmaxf(most, fabsf(s.x[i]));
	CHECK(most <= 0.8401f);
	CHECK(most > 0.6f);
	/* Far from the shout nothing but the gain. */
	CHECK(fabsf(s.x[28000 + 4] / before -
		    s.x[20004] / (0.1f * sinf(2 * (float)M_PI * 500 * 20004 /
					      8000))) < 0.01f);
	hf_sound_free(&s);
}

TEST(every_codec_makes_frames_of_its_size)
{
	static const struct {
		enum hf_codec codec;
		uint16_t bytes;
	} want[] = {{HF_CODEC_PCMU, 160},
		    {HF_CODEC_PCMA, 160},
		    {HF_CODEC_G722, 160},
		    {HF_CODEC_OPUS, 120}};

	for (size_t i = 0; i < 4; i++) {
		struct hf_sound s =
			tone(hf_encode_rate(want[i].codec), 440, 0.5, 0.3);
		struct hf_encode how = {.codec = want[i].codec,
					.opus_kbit_s = 48,
					.loop = true};
		struct hf_coded c;

		CHECK_INT(hf_encode(&how, &s, &c), 0);
		CHECK_INT(c.frames, 25);
		CHECK_INT(c.frame_bytes, want[i].bytes);
		free(c.bytes);
		hf_sound_free(&s);
	}
	CHECK_INT(hf_encode_rate(HF_CODEC_G729), 0);
}

/* Largest step of the sound of a loop of G.722 around its joint. */
TEST(a_loop_of_g722_is_its_second_pass)
{
	struct hf_sound s = tone(16000, 400, 0.5, 0.4); /* whole periods */
	struct hf_encode how = {.codec = HF_CODEC_G722, .loop = true};
	g722_decode_state_t *d = g722_decode_init(NULL, 64000, 0);
	g722_encode_state_t *e = g722_encode_init(NULL, 64000, 0);
	struct hf_coded once, loop;
	int16_t x[320], in[8000];
	uint8_t pass[2][25 * 160];
	int worst = 0, last = 0;

	for (int i = 0; i < 8000; i++)
		in[i] = (int16_t)lrintf(s.x[i] * 32768);
	g722_encode(e, pass[0], in, 8000);
	g722_encode(e, pass[1], in, 8000);
	CHECK_INT(hf_encode(&how, &s, &loop), 0);
	CHECK_MEM(loop.bytes, pass[1], sizeof(pass[1]));
	how.loop = false;
	CHECK_INT(hf_encode(&how, &s, &once), 0);
	CHECK_MEM(once.bytes, pass[0], sizeof(pass[0]));
	CHECK(memcmp(once.bytes, loop.bytes, 160));
	/* 400 Hz at 0.4: steps of at most 2059. */
	for (int i = 0; i < 75; i++) {
		g722_decode(d, x, loop.bytes + i % 25 * 160, 160);
		for (int k = 0; k < 320; k++) {
			if (i > 5 && abs(x[k] - last) > worst)
				worst = abs(x[k] - last);
			last = x[k];
		}
	}
	CHECK(worst < 2600);
	free(once.bytes);
	free(loop.bytes);
	hf_sound_free(&s);
	g722_decode_free(d);
	g722_encode_free(e);
}

static const struct hf_clip_want want_g711 = {
	.codec = {[HF_CODEC_PCMA] = true, [HF_CODEC_G722] = true},
	.opus_kbit_s = 48,
	.loudness_db = -21,
};

TEST(a_clip_begins_and_ends_in_silence_in_whole_frames_of_every_codec)
{
	char *file = (char *)tone_file("clip", 440, 1.013);
	struct hf_clip_source src = {.files = &file, .count = 1, .loop = true};
	struct hf_clip_data d;
	int16_t x[320];
	g722_decode_state_t *g = g722_decode_init(NULL, 64000, 0);

	CHECK_INT(hf_clip_make(&src, &want_g711, &d, err, sizeof(err)), 0);
	CHECK_INT(d.in[HF_CODEC_PCMA].frames, 51);
	CHECK_INT(d.in[HF_CODEC_G722].frames, 51);
	CHECK_INT(d.in[HF_CODEC_PCMU].frames, 0);
	CHECK_INT(d.in[HF_CODEC_PCMA].bytes[0] | 0x80, 0xd5); /* +-0 */
	CHECK_INT(d.in[HF_CODEC_PCMA].bytes[51 * 160 - 1] | 0x80, 0xd5);
	for (int i = 0; i < 51; i++)
		g722_decode(g, x, d.in[HF_CODEC_G722].bytes + i * 160, 160);
	CHECK(abs(x[319]) < 300);
	g722_decode_free(g);
	hf_clip_data_free(&d);
	unlink(file);
}

TEST(a_playlist_has_all_its_files_and_a_shuffled_one_another_order)
{
	char *files[4] = {
		strdup(tone_file("a", 300, 1)), strdup(tone_file("b", 400, 1)),
		strdup(tone_file("c", 500, 1)), strdup(tone_file("d", 600, 1))};
	struct hf_clip_source src = {.files = files, .count = 4, .loop = true};
	struct hf_clip_data plain, d;
	bool differs = false;

	CHECK_INT(hf_clip_make(&src, &want_g711, &plain, err, sizeof(err)), 0);
	CHECK_INT(plain.in[HF_CODEC_PCMA].frames, 4 * 50 + 3 * 20);
	src.shuffle = true;
	for (src.seed = 1; src.seed < 9; src.seed++) {
		CHECK_INT(hf_clip_make(&src, &want_g711, &d, err, sizeof(err)),
			  0);
		CHECK_INT(d.in[HF_CODEC_PCMA].frames, 4 * 50 + 3 * 20);
		differs |=
			memcmp(d.in[HF_CODEC_PCMA].bytes,
			       plain.in[HF_CODEC_PCMA].bytes, 260 * 160) != 0;
		hf_clip_data_free(&d);
	}
	CHECK(differs);
	hf_clip_data_free(&plain);
	for (int i = 0; i < 4; i++) {
		unlink(files[i]);
		free(files[i]);
	}
}

TEST(an_announcement_is_a_block_for_each_5_s_of_the_music)
{
	char *music = strdup(tone_file("music", 440, 12));
	char *said = strdup(tone_file("said", 800, 1));
	struct hf_clip_source m = {.files = &music, .count = 1, .loop = true};
	struct hf_clip_source a = {.files = &said, .count = 1};
	struct hf_clip_data d, loop;
	uint32_t block;

	CHECK_INT(hf_clip_make(&m, &want_g711, &loop, err, sizeof(err)), 0);
	CHECK_INT(hf_clip_make_into(&a, &m, "music", &want_g711, &d, err,
				    sizeof(err)),
		  0);
	block = d.block_frames;
	CHECK_INT(block, d.lead_frames + d.tail_frames + 50 + 10);
	CHECK_INT(d.in[HF_CODEC_PCMA].frames, 3 * block);
	CHECK_INT(d.every_frames, 250);
	/* The lead is the music before the place, the end the music again. */
	for (uint32_t k = 1; k < 3; k++) {
		const uint8_t *b = d.in[HF_CODEC_PCMA].bytes + k * block * 160;
		const uint8_t *l = loop.in[HF_CODEC_PCMA].bytes;

		CHECK_MEM(b, l + (k * 250 - d.lead_frames) * 160,
			  d.lead_frames * 160);
		CHECK_MEM(b + (block - 15) * 160,
			  l + (k * 250 + d.tail_frames - 15) * 160, 15 * 160);
	}
	hf_clip_data_free(&d);
	hf_clip_data_free(&loop);
	unlink(music);
	unlink(said);
	free(music);
	free(said);
}

TEST(ready_made_g729_is_taken_in_and_half_a_frame_refused)
{
	char *file = strdup(tone_file("x", 440, 1)),
	     g729[] = "/tmp/hf-g729-XXXXXX";
	struct hf_clip_source src = {.files = &file, .count = 1, .g729 = g729};
	struct hf_clip_want want = want_g711;
	struct hf_clip_data d;
	int fd = mkstemp(g729);

	want.codec[HF_CODEC_G729] = true;
	CHECK_INT(write(fd, "0123456789abcdefghij0123456789ABCDEFGHIJ", 40),
		  40);
	CHECK_INT(hf_clip_make(&src, &want, &d, err, sizeof(err)), 0);
	CHECK_INT(d.in[HF_CODEC_G729].frames, 2);
	CHECK_MEM(d.in[HF_CODEC_G729].bytes + 20, "0123456789ABCDEFGHIJ", 20);
	hf_clip_data_free(&d);
	CHECK_INT(write(fd, "x", 1), 1);
	CHECK_INT(hf_clip_make(&src, &want, &d, err, sizeof(err)), -EINVAL);
	CHECK(strstr(err, g729));
	close(fd);
	unlink(g729);
	unlink(file);
	free(file);
}

/* A library with the clip "default" of one second. */
struct stage {
	struct hf_config_address address;
	struct hf_config_clip clip;
	struct hf_config_lot lot;
	struct hf_config config;
	struct hf_media *media;
	struct hf_library *l;
	char *codecs[2];
};

static struct stage *stage_open(struct stage *s, unsigned int memory_mib)
{
	s->codecs[0] = "PCMA";
	s->codecs[1] = "opus";
	s->address.ip4.s_addr = s->address.advertise.s_addr =
		htonl(INADDR_LOOPBACK);
	s->clip = (struct hf_config_clip){
		.name = "default",
		.file = strdup(tone_file("default", 440, 1))};
	s->lot.hold_audio = "default";
	s->config.media.addresses = &s->address;
	s->config.media.address_count = 1;
	s->config.media.port_min = 20000;
	s->config.media.port_max = 20019;
	s->config.audio.memory_mib = memory_mib;
	s->config.audio.codecs = s->codecs;
	s->config.audio.codec_count = 2;
	s->config.audio.opus_kbit_s = 48;
	s->config.audio.loudness_db = -21;
	s->config.audio.clips = &s->clip;
	s->config.audio.clip_count = 1;
	s->config.lots = &s->lot;
	s->config.lot_count = 1;
	if (hf_media_open_memory(&s->config, &s->media, err, sizeof(err)) ||
	    hf_library_create(&s->config, s->media, &s->l))
		abort();
	return s;
}

static void stage_close(struct stage *s)
{
	hf_library_destroy(s->l);
	hf_media_close(s->media, true);
	unlink(s->clip.file);
	free(s->clip.file);
}

static bool keep_view(void *arg, const struct hf_library_view *v)
{
	struct hf_library_view *keep = arg;

	if (strcmp(v->name, keep->name))
		return true;
	*keep = *v;
	return false;
}

static struct hf_library_view wait_for(struct stage *s, const char *name)
{
	struct hf_library_view v = {.name = name};

	for (int i = 0; i < 200; i++) {
		struct pollfd p = {.fd = hf_library_fd(s->l), .events = POLLIN};

		hf_library_each(s->l, keep_view, &v);
		if (v.state && strcmp(v.state, "loading"))
			break;
		poll(&p, 1, 100);
		hf_library_dispatch(s->l);
	}
	return v;
}

static bool add_encoded(void *arg, const struct hf_clip_view *v)
{
	uint32_t *frames = arg;

	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		*frames += v->encoded[codec];
	return true;
}

/* Frames there are of all clips, in the table or not. */
static uint32_t encoded(const struct stage *s)
{
	uint32_t frames = 0;

	hf_media_clips(s->media, add_encoded, &frames);
	return frames;
}

/* Somebody hears the clip in PCMA. */
static void listen_to(struct stage *s, const char *clip)
{
	struct hf_media_remote r = {.codec = HF_CODEC_PCMA,
				    .payload_type = 8,
				    .ptime_ms = 20,
				    .port = 4000,
				    .may_receive = true};
	struct hf_ip local;
	uint32_t leg;
	uint16_t port;

	hf_ip_read("198.51.100.1", &r.ip4);
	if (hf_media_leg_open(s->media, (struct hf_ip){0}, &leg, &local,
			      &port) ||
	    hf_media_leg_remote(s->media, leg, &r) ||
	    hf_media_leg_hold(s->media, leg, clip))
		abort();
}

TEST(a_file_is_loaded_behind_the_calls_and_a_bad_one_leaves_the_old_sound)
{
	struct stage s = {0};
	struct hf_library_view v;
	struct hf_media_totals t;
	char *file;

	stage_open(&s, 1);
	CHECK_INT(hf_library_load(s.l, err, sizeof(err)), 0);
	CHECK(hf_media_clip_exists(s.media, "default", HF_CODEC_OPUS));
	CHECK(!hf_media_clip_exists(s.media, "default", HF_CODEC_PCMU));
	CHECK_INT(encoded(&s), 100);
	hf_media_totals(s.media, &t);
	CHECK_INT(t.frames_used, 0);
	listen_to(&s, "default");

	file = strdup(tone_file("new", 600, 2));
	CHECK_INT(hf_library_add(s.l, "new", file, err, sizeof(err)), 0);
	CHECK_INT(hf_library_add(s.l, "new", file, err, sizeof(err)), -EBUSY);
	v = wait_for(&s, "new");
	CHECK_STR(v.state, "ready");
	CHECK(!v.configured);
	CHECK(hf_media_clip_exists(s.media, "new", HF_CODEC_PCMA));

	/* No sound, then too much of it. */
	CHECK_INT(
		hf_library_add(s.l, "default", "/etc/passwd", err, sizeof(err)),
		0);
	v = wait_for(&s, "default");
	CHECK_STR(v.state, "failed");
	CHECK(strstr(v.error, "/etc/passwd"));
	hf_media_totals(s.media, &t);
	CHECK_INT(t.frames_used, 50);
	unlink(file);
	free(file);
	file = strdup(tone_file("long", 600, 109));
	CHECK_INT(hf_library_add(s.l, "default", file, err, sizeof(err)), 0);
	v = wait_for(&s, "default");
	CHECK_STR(v.state, "failed");
	CHECK(strstr(v.error, "takes 1.0 MiB in the codecs in which it is "
			      "heard now and 1.0 of 1 MiB are free"));
	unlink(file);
	free(file);
	file = strdup(tone_file("longer", 600, 120));
	CHECK_INT(hf_library_add(s.l, "longer", file, err, sizeof(err)), 0);
	v = wait_for(&s, "longer");
	CHECK_STR(v.state, "failed");
	CHECK(strstr(v.error, "longer takes 1.1 MiB in one codec"));
	CHECK(strstr(v.error, "there are 1 MiB"));
	CHECK(strstr(v.error, "memory_mib"));
	CHECK(hf_media_clip_exists(s.media, "default", HF_CODEC_OPUS));
	hf_media_totals(s.media, &t);
	CHECK_INT(t.frames_used, 50);
	CHECK_INT(encoded(&s), 100 + 200);

	CHECK_INT(hf_library_remove(s.l, "default", err, sizeof(err)), -EBUSY);
	CHECK_INT(hf_library_remove(s.l, "new", err, sizeof(err)), 0);
	CHECK_INT(hf_library_remove(s.l, "new", err, sizeof(err)), -ENOENT);
	CHECK(!hf_media_clip_exists(s.media, "new", HF_CODEC_PCMA));
	CHECK_INT(hf_library_add(s.l, "a/b", file, err, sizeof(err)), -EINVAL);
	CHECK_INT(hf_library_add(s.l, "ab", "x.wav", err, sizeof(err)),
		  -EINVAL);
	unlink(file);
	free(file);
	stage_close(&s);
}

TEST(announcements_are_made_anew_when_their_music_is_replaced)
{
	struct stage s = {0};
	struct hf_config_clip clips[2];
	struct hf_media_totals t;
	char *file = strdup(tone_file("new", 600, 20));
	char *said = strdup(tone_file("said", 900, 1));

	stage_open(&s, 4);
	clips[0] = (struct hf_config_clip){
		.name = "default", .file = strdup(tone_file("old", 440, 7))};
	clips[1] = (struct hf_config_clip){.name = "thanks", .file = said};
	s.config.audio.clips = clips;
	s.config.audio.clip_count = 2;
	s.lot.voice.announce = "thanks";
	s.lot.voice.announce_every_s = 10;
	CHECK_INT(hf_library_load(s.l, err, sizeof(err)), 0);
	CHECK_STR(wait_for(&s, "default+thanks").state, "ready");
	/* 7 s and 1 s, and two blocks of 110 frames, each in two codecs. */
	CHECK_INT(encoded(&s), 2 * (350 + 50 + 2 * 110));
	CHECK_INT(hf_library_add(s.l, "default", file, err, sizeof(err)), 0);
	CHECK_STR(wait_for(&s, "default").state, "ready");
	CHECK(!hf_media_clip_exists(s.media, "default+thanks", HF_CODEC_PCMA));
	CHECK_STR(wait_for(&s, "default+thanks").state, "ready");
	CHECK_INT(encoded(&s), 2 * (1000 + 50 + 4 * 110));
	/* Nobody has heard any of it. */
	hf_media_totals(s.media, &t);
	CHECK_INT(t.frames_used, 0);
	unlink(clips[0].file);
	unlink(file);
	unlink(said);
	free(clips[0].file);
	free(file);
	stage_close(&s);
	free(said);
}

TEST(a_library_that_ends_while_it_loads_ends_at_once)
{
	struct stage s = {0};
	char *file = strdup(tone_file("long", 600, 200));

	stage_open(&s, 64);
	CHECK_INT(hf_library_load(s.l, err, sizeof(err)), 0);
	CHECK_INT(hf_library_add(s.l, "long", file, err, sizeof(err)), 0);
	CHECK_INT(hf_library_add(s.l, "more", file, err, sizeof(err)), 0);
	stage_close(&s);
	unlink(file);
	free(file);
}

TEST_MAIN()
