// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: audio media sdp base
 *
 * Encoded clips on disk: found again as they were, not when what they are made
 * of has changed, and not when they are damaged.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sndfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audio/cache.h"
#include "test.h"

static char folder[64], wav[96];

static void write_tone(int samples)
{
	SF_INFO info = {.samplerate = 8000,
			.channels = 1,
			.format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
	SNDFILE *f = sf_open(wav, SFM_WRITE, &info);

	for (int i = 0; i < samples; i++) {
		short x = (short)(i * 37 % 8000);

		sf_write_short(f, &x, 1);
	}
	sf_close(f);
}

static const struct hf_clip_want want = {
	.codec = {[HF_CODEC_PCMU] = true, [HF_CODEC_PCMA] = true},
};

static struct hf_clip_source begin(void)
{
	static char *files[] = {wav};

	strcpy(folder, "/tmp/hf-test-cache-XXXXXX");
	mkdtemp(folder);
	snprintf(wav, sizeof(wav), "%s/tone.wav", folder);
	write_tone(8000);
	return (struct hf_clip_source){
		.files = files, .count = 1, .shared = true};
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r %s", folder);
	if (system(command))
		printf("# %s stays\n", folder);
}

TEST(a_clip_is_found_again_as_it_was_encoded)
{
	struct hf_clip_source src = begin();
	struct hf_clip_data made, found;
	struct hf_cache_key key;
	char err[256];

	CHECK_INT(hf_clip_make(&src, &want, &made, err, sizeof(err)), 0);
	CHECK(hf_cache_key(&src, &want, &key));
	CHECK(hf_cache_get(folder, &key, &found) < 0);
	hf_cache_put(folder, &key, &made);
	CHECK_INT(hf_cache_get(folder, &key, &found), 0);
	CHECK(found.shared);
	for (int c = 0; c < HF_CODEC_COUNT; c++) {
		CHECK_INT(found.in[c].frames, made.in[c].frames);
		CHECK_INT(found.in[c].frame_bytes, made.in[c].frame_bytes);
		if (made.in[c].frames)
			CHECK_MEM(found.in[c].bytes, made.in[c].bytes,
				  made.in[c].frames *
					  (size_t)made.in[c].frame_bytes);
	}
	CHECK(made.in[HF_CODEC_PCMU].frames);
	hf_clip_data_free(&made);
	hf_clip_data_free(&found);
	end();
}

TEST(whatever_a_clip_is_made_of_makes_another_key)
{
	struct hf_clip_source src = begin(), other = src;
	struct hf_clip_want louder = want;
	struct hf_cache_key key, now;

	CHECK(hf_cache_key(&src, &want, &key));
	CHECK(hf_cache_key(&src, &want, &now));
	CHECK_STR(now.name, key.name);
	louder.loudness_db = -3;
	CHECK(hf_cache_key(&src, &louder, &now) && strcmp(now.name, key.name));
	other.shared = false;
	CHECK(hf_cache_key(&other, &want, &now) && strcmp(now.name, key.name));
	other = src;
	other.text = "hello";
	CHECK(hf_cache_key(&other, &want, &now) && strcmp(now.name, key.name));
	other = src;
	other.seed = 5; /* music goes on in the order in which it is heard */
	CHECK(hf_cache_key(&other, &want, &now));
	CHECK_STR(now.name, key.name);
	write_tone(8001);
	CHECK(hf_cache_key(&src, &want, &now) && strcmp(now.name, key.name));
	unlink(wav);
	CHECK(!hf_cache_key(&src, &want, &now));
	end();
}

TEST(a_damaged_clip_is_not_played)
{
	struct hf_clip_source src = begin();
	struct hf_clip_data made, found;
	struct hf_cache_key key;
	char path[256], err[256];
	struct stat st;
	int fd;

	CHECK_INT(hf_clip_make(&src, &want, &made, err, sizeof(err)), 0);
	CHECK(hf_cache_key(&src, &want, &key));
	hf_cache_put(folder, &key, &made);
	snprintf(path, sizeof(path), "%s/%s.clip", folder, key.name);
	CHECK(!stat(path, &st));
	fd = open(path, O_WRONLY);
	CHECK(pwrite(fd, "x", 1, st.st_size / 2) == 1);
	close(fd);
	CHECK(hf_cache_get(folder, &key, &found) < 0);
	hf_cache_put(folder, &key, &made);
	CHECK(!truncate(path, st.st_size - 7));
	CHECK(hf_cache_get(folder, &key, &found) < 0);
	hf_clip_data_free(&made);
	hf_cache_sweep(folder, time(NULL) - 1000);
	CHECK(!stat(path, &st));
	hf_cache_sweep(folder, time(NULL) + 1000);
	CHECK(stat(path, &st) < 0);
	end();
}
TEST_MAIN()
