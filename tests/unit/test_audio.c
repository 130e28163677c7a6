// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: audio media sdp base
 *
 * Sound files to samples at a codec's rate: rates, channels, what is refused.
 */
#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <unistd.h>

#include "audio/file.h"
#include "test.h"

static char err[512], path[64];

/* A file as 16-bit samples at 8000. */
static int load8(const char *file, int16_t **ret, size_t *ret_count)
{
	struct hf_sound s, at8;
	int r = hf_sound_read(file, &s, err, sizeof(err));

	if (r)
		return r;
	r = hf_sound_resample(&s, 8000, &at8);
	if (r)
		return r;
	*ret_count = at8.count;
	*ret = calloc(at8.count, sizeof(**ret));
	for (size_t i = 0; i < at8.count; i++)
		(*ret)[i] = (int16_t)lrintf(at8.x[i] * 32768);
	hf_sound_free(&s);
	hf_sound_free(&at8);
	return 0;
}

/* A second of a tone on every channel; returns the file's name. */
static const char *tone_file(int rate, int channels, double hz, int format)
{
	SF_INFO info = {
		.samplerate = rate, .channels = channels, .format = format};
	float *x = calloc((size_t)(rate * channels), sizeof(*x));
	SNDFILE *f;

	snprintf(path, sizeof(path), "/tmp/hf-test-audio-%d.wav", getpid());
	for (int i = 0; i < rate * channels; i++)
		x[i] = (float)(0.5 *
			       sin(2 * M_PI * hz * (i / channels) / rate));
	f = sf_open(path, SFM_WRITE, &info);
	sf_writef_float(f, x, rate);
	sf_close(f);
	free(x);
	return path;
}

/* Amplitude of a frequency in the samples, 1 = full scale. */
static double level(const int16_t *x, size_t n, double hz)
{
	double re = 0, im = 0;

	for (size_t i = 0; i < n; i++) {
		re += x[i] / 32768.0 * cos(2 * M_PI * hz * (double)i / 8000);
		im += x[i] / 32768.0 * sin(2 * M_PI * hz * (double)i / 8000);
	}
	return 2 * sqrt(re * re + im * im) / (double)n;
}

TEST(any_rate_and_number_of_channels_becomes_the_same_tone)
{
	static const int rates[] = {8000,  11025, 12000, 16000, 22050,
				    24000, 32000, 44100, 48000, 96000};

	for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
		int16_t *x;
		size_t n;

		CHECK_INT(load8(
				  tone_file(rates[i], 1 + (int)i % 3, 1000,
					    SF_FORMAT_WAV | SF_FORMAT_PCM_16),
				  &x, &n),
			  0);
		CHECK_INT(n, 8000);
		CHECK(fabs(level(x + 500, 7000, 1000) - 0.5) < 0.005);
		CHECK(level(x + 500, 7000, 1700) < 0.001);
		free(x);
	}
	unlink(path);
}

TEST(what_telephony_cannot_carry_does_not_fold_back)
{
	int16_t *x;
	size_t n;

	/* 5 kHz would come back as 3 kHz. */
	CHECK_INT(load8(tone_file(44100, 1, 5000,
					  SF_FORMAT_WAV | SF_FORMAT_FLOAT),
				&x, &n),
		  0);
	CHECK(level(x + 500, 7000, 3000) < 0.0005);
	free(x);
	/* 3.3 kHz is still there. */
	CHECK_INT(load8(tone_file(44100, 2, 3300,
					  SF_FORMAT_WAV | SF_FORMAT_PCM_24),
				&x, &n),
		  0);
	CHECK(fabs(level(x + 500, 7000, 3300) - 0.5) < 0.02);
	free(x);
	unlink(path);
}

TEST(a_file_of_8000_hz_comes_through_bit_by_bit)
{
	SF_INFO info = {.samplerate = 8000,
			.channels = 1,
			.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	int16_t in[1000], *x;
	SNDFILE *f;
	size_t n;

	for (int i = 0; i < 1000; i++)
		in[i] = (int16_t)(i * 65 - 32768);
	snprintf(path, sizeof(path), "/tmp/hf-test-audio-%d.wav", getpid());
	f = sf_open(path, SFM_WRITE, &info);
	sf_write_short(f, in, 1000);
	sf_close(f);
	CHECK_INT(load8(path, &x, &n), 0);
	CHECK_INT(n, 1000);
	CHECK_MEM(x, in, sizeof(in));
	free(x);
	unlink(path);
}

TEST(what_cannot_be_read_is_named_with_its_reason)
{
	int16_t *x = NULL;
	size_t n;
	FILE *f;

	CHECK_INT(load8("/nonexistent/music.wav", &x, &n),
		  -ENOENT);
	CHECK(strstr(err, "/nonexistent/music.wav"));
	CHECK(strstr(err, "No such file"));

	snprintf(path, sizeof(path), "/tmp/hf-test-audio-%d.wav", getpid());
	f = fopen(path, "w");
	fputs("this is no sound", f);
	fclose(f);
	CHECK_INT(load8(path, &x, &n), -EINVAL);
	CHECK(strstr(err, path));

	tone_file(1000, 1, 100, SF_FORMAT_WAV | SF_FORMAT_PCM_16);
	CHECK_INT(load8(path, &x, &n), -EINVAL);
	CHECK(strstr(err, "1000 Hz"));
	CHECK(!x);
	unlink(path);
}

TEST(a_file_without_a_sample_is_refused)
{
	SF_INFO info = {.samplerate = 44100,
			.channels = 2,
			.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	int16_t *x = NULL;
	size_t n;

	snprintf(path, sizeof(path), "/tmp/hf-test-audio-%d.wav", getpid());
	sf_close(sf_open(path, SFM_WRITE, &info));
	CHECK_INT(load8(path, &x, &n), -EINVAL);
	CHECK(strstr(err, "no sound in it"));
	CHECK(!x);
	unlink(path);
}

TEST_MAIN()
