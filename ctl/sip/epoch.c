// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The epoch: a counter kept on disk and raised at every start. It stands in the
 * high half of every CSeq that we begin a dialog with (and in call ids and SDP
 * origins), so that whatever a later process sends in an older dialog counts
 * higher than what this one sent (RFC 3261 12.2.1.1), with nothing written per
 * request.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "stack.h"

#define HF_EPOCH_MAX 32767 /* epoch << 16 stays below 2^31 */

static int make_folder(const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (!len || len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (char *c = part + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	if (mkdir(part, 0750) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

/* 0 for a file that is not there yet, -EINVAL for one that is not a number. */
static long read_epoch(int dir, const char *name)
{
	char text[32] = "";
	char *end;
	long value;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (got < 0)
		return -EIO;
	value = strtol(text, &end, 10);
	if (end == text || (*end && *end != '\n') || value < 0 ||
	    value > HF_EPOCH_MAX)
		return -EINVAL;
	return value;
}

/* On disk before anybody sees it, and never half: new file, then rename. */
static int write_epoch(int dir, const char *name, long epoch)
{
	char text[32], fresh[PATH_MAX];
	int len = snprintf(text, sizeof(text), "%ld\n", epoch);
	int fd, error = 0;

	snprintf(fresh, sizeof(fresh), "%s.new", name);
	fd = openat(dir, fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return -errno;
	if (write(fd, text, (size_t)len) != len || fsync(fd) < 0)
		error = errno ? -errno : -EIO;
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && renameat(dir, fresh, dir, name) < 0)
		error = -errno;
	if (!error && dir != AT_FDCWD && fsync(dir) < 0)
		error = -errno;
	if (error)
		unlinkat(dir, fresh, 0);
	return error;
}

/* Higher than both; back where it belongs as soon as that can be written. */
static int raise_epoch(int dir, const char *folder, const char *spare,
		       long *epoch)
{
	long other = spare ? read_epoch(AT_FDCWD, spare) : 0;
	int error;

	if (other > *epoch)
		*epoch = other;
	*epoch = *epoch < HF_EPOCH_MAX ? *epoch + 1 : 1;
	error = write_epoch(dir, "epoch", *epoch);
	if (!spare)
		return error;
	if (!error) {
		unlink(spare);
		return 0;
	}
	if (write_epoch(AT_FDCWD, spare, *epoch))
		return error;
	hf_error("%s/epoch cannot be written (%s): it is kept in %s", folder,
		 strerror(-error), spare);
	return 0;
}

int hf_epoch_next(const char *folder, const char *spare, uint32_t *ret,
		  char *err, size_t err_len)
{
	int dir, error = make_folder(folder);
	long epoch = 0;

	dir = error ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		error = error ? error : -errno;
		snprintf(err, err_len, "cannot use the state folder %s: %s",
			 folder, strerror(-error));
		return error;
	}
	epoch = read_epoch(dir, "epoch");
	if (epoch == -EINVAL) {
		snprintf(
			err, err_len,
			"%s/epoch is not a number from 0 to %d; write into it a number higher than it has ever been",
			folder, HF_EPOCH_MAX);
		close(dir);
		return -EINVAL;
	}
	error = epoch < 0 ? (int)epoch
			  : raise_epoch(dir, folder, spare, &epoch);
	close(dir);
	if (error) {
		snprintf(err, err_len, "cannot keep %s/epoch: %s", folder,
			 strerror(-error));
		return error;
	}
	*ret = (uint32_t)epoch;
	return 0;
}
