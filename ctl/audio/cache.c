// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file of the cache: a head, then the frames of each codec. It is written
 * under another name and renamed; a sum over all of it tells one that a power
 * cut has torn. library.c asks for it before it encodes.
 */
#include "cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/names.h"
#include "../base/sha256.h"

#define MAGIC 0x31636668u /* "hfc1" */
#define SUFFIX ".clip"

struct hf_cache_head {
	uint32_t magic, shared;
	struct {
		uint32_t frames, frame_bytes;
	} in[HF_CODEC_COUNT];
	uint64_t sum;
};

static void add(struct hf_sha256 *h, const void *bytes, size_t len)
{
	uint64_t n = len;

	hf_sha256_add(h, &n, sizeof(n));
	hf_sha256_add(h, bytes, len);
}

static void add_text(struct hf_sha256 *h, const char *text)
{
	add(h, text ? text : "", text ? strlen(text) : 0);
}

static bool add_file(struct hf_sha256 *h, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return false;
	add_text(h, path);
	add(h, &st.st_size, sizeof(st.st_size));
	add(h, &st.st_ino, sizeof(st.st_ino));
	add(h, &st.st_mtim, sizeof(st.st_mtim));
	return true;
}

/* The seed is left out: music that was shuffled goes on in the order in which
 * it is heard now. */
bool hf_cache_key(const struct hf_clip_source *src,
		  const struct hf_clip_want *want, struct hf_cache_key *ret)
{
	const uint32_t how[] = {src->shuffle,
				src->shared,
				src->loop,
				want->opus_kbit_s,
				(uint32_t)want->loudness_db,
				HF_CODEC_COUNT};
	struct hf_sha256 h;
	uint8_t sum[HF_SHA256_BYTES];

	hf_sha256_begin(&h);
	add_text(&h, HF_VERSION);
	add(&h, how, sizeof(how));
	add(&h, want->codec, sizeof(want->codec));
	add_text(&h, src->text);
	add_text(&h, src->voice);
	if (src->g729 && !add_file(&h, src->g729))
		return false;
	for (unsigned int i = 0; i < src->count; i++)
		if (!add_file(&h, src->files[i]))
			return false;
	hf_sha256_end(&h, sum);
	hf_sha256_hex(sum, ret->name);
	return true;
}

static void path_of(const char *folder, const struct hf_cache_key *key,
		    const char *suffix, char *ret, size_t len)
{
	snprintf(ret, len, "%s/%s%s", folder, key->name, suffix);
}

static uint64_t sum_of(uint64_t sum, const uint8_t *bytes, size_t len)
{
	uint64_t word;

	for (; len >= sizeof(word); bytes += 8, len -= 8) {
		memcpy(&word, bytes, sizeof(word));
		sum = (sum << 1 | sum >> 63) + word;
	}
	for (; len; len--)
		sum = (sum << 1 | sum >> 63) + *bytes++;
	return sum;
}

static bool whole(int fd, bool to_disk, void *bytes, size_t len)
{
	ssize_t n = 1;

	for (char *at = bytes; len && n > 0; at += n, len -= (size_t)n)
		n = to_disk ? write(fd, at, len) : read(fd, at, len);
	return n > 0;
}

static int get_codec(int fd, struct hf_coded *c, uint32_t frames,
		     uint32_t frame_bytes, uint64_t *sum)
{
	size_t len = (size_t)frames * frame_bytes;

	if (!len)
		return 0;
	if (frame_bytes > 160 || frames > 1u << 24)
		return -ENOENT;
	c->bytes = malloc(len);
	if (!c->bytes)
		return -ENOMEM;
	c->frames = frames;
	c->frame_bytes = (uint16_t)frame_bytes;
	if (!whole(fd, false, c->bytes, len))
		return -ENOENT;
	*sum = sum_of(*sum, c->bytes, len);
	return 0;
}

int hf_cache_get(const char *folder, const struct hf_cache_key *key,
		 struct hf_clip_data *ret)
{
	struct hf_clip_data d = {0};
	struct hf_cache_head head;
	char path[4200];
	uint64_t sum = 0;
	int fd, r = 0;

	path_of(folder, key, SUFFIX, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ENOENT;
	if (!whole(fd, false, &head, sizeof(head)) || head.magic != MAGIC)
		r = -ENOENT;
	for (int c = 0; c < HF_CODEC_COUNT && !r; c++)
		r = get_codec(fd, &d.in[c], head.in[c].frames,
			      head.in[c].frame_bytes, &sum);
	if (!r && sum != head.sum)
		r = -ENOENT;
	if (!r)
		futimens(fd, NULL); /* it is in use: see the sweep */
	close(fd);
	if (r) {
		hf_clip_data_free(&d);
		return r;
	}
	d.shared = head.shared;
	*ret = d;
	return 0;
}

void hf_cache_put(const char *folder, const struct hf_cache_key *key,
		  const struct hf_clip_data *d)
{
	struct hf_cache_head head = {.magic = MAGIC, .shared = d->shared};
	char path[4200], fresh[4200];
	bool ok;
	int fd;

	mkdir(folder, 0750);
	path_of(folder, key, SUFFIX, path, sizeof(path));
	path_of(folder, key, ".new", fresh, sizeof(fresh));
	for (int c = 0; c < HF_CODEC_COUNT; c++) {
		head.in[c].frames = d->in[c].frames;
		head.in[c].frame_bytes = d->in[c].frame_bytes;
		head.sum = sum_of(head.sum, d->in[c].bytes,
				  (size_t)d->in[c].frames *
					  d->in[c].frame_bytes);
	}
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return;
	ok = whole(fd, true, &head, sizeof(head));
	for (int c = 0; c < HF_CODEC_COUNT && ok; c++)
		ok = !d->in[c].frames ||
		     whole(fd, true, d->in[c].bytes,
			   (size_t)d->in[c].frames * d->in[c].frame_bytes);
	close(fd);
	if (!ok || rename(fresh, path))
		unlink(fresh);
}

void hf_cache_sweep(const char *folder, long start_s)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' &&
		    !fstatat(dirfd(dir), e->d_name, &st, 0) &&
		    st.st_mtim.tv_sec < start_s)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}
