// SPDX-License-Identifier: GPL-2.0-or-later
/* Lock and socket of the media keeper, see files.h. */
#include "mediad/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "media/pins.h"

/* IN_ATTRIB: of a file that is still open, its name went. */
#define HF_FILE_GONE (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The lock goes when the process does. */
static int take_lock(struct hf_files *f)
{
	int fd = open(f->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;
	char text[16];
	int n;

	if (fd < 0) {
		rc = -errno;
		hf_error("%s cannot be opened: %s", f->lock_path,
			 strerror(-rc));
		return rc;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = -errno;
		close(fd);
		hf_error(
			"another holdfast-mediad serves the instance '%s' (%s is locked)",
			f->instance, f->lock_path);
		return rc;
	}
	close_fd(&f->lock_fd);
	f->lock_fd = fd;
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || write(fd, text, (size_t)n) != n)
		hf_warn("%s cannot be written: %s", f->lock_path,
			strerror(errno));
	return 0;
}

static int open_poke(struct hf_files *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, rc = 0;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->poke_path);
	unlink(a.sun_path); /* we hold the lock: nobody else listens there */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    chmod(a.sun_path, 0600)) {
		rc = -errno;
		close(fd);
		hf_error("%s cannot be bound: %s", f->poke_path, strerror(-rc));
		return rc;
	}
	/* In the place of the one before: whoever polls keeps its number. */
	if (f->poke_fd >= 0) {
		rc = dup3(fd, f->poke_fd, O_CLOEXEC) < 0 ? -errno : 0;
		close(fd);
	} else {
		f->poke_fd = fd;
	}
	return rc;
}

static void watch(struct hf_files *f)
{
	if (inotify_add_watch(f->watch_fd, f->lock_path, HF_FILE_GONE) < 0 ||
	    inotify_add_watch(f->watch_fd, f->poke_path, HF_FILE_GONE) < 0)
		hf_debug("%s cannot be watched: %s", f->lock_path,
			 strerror(errno));
}

int hf_files_open(struct hf_files *f, const char *instance,
		  const char *control_socket)
{
	int rc;

	memset(f, 0, sizeof(*f));
	f->instance = instance;
	f->lock_fd = f->poke_fd = -1;
	f->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (hf_sender_lock_path(control_socket, instance, f->lock_path,
				sizeof(f->lock_path)) ||
	    hf_sender_poke_path(control_socket, instance, f->poke_path,
				sizeof(f->poke_path))) {
		hf_error("the path %s is too long for a socket",
			 control_socket);
		return -ENAMETOOLONG;
	}
	rc = take_lock(f);
	if (!rc)
		rc = open_poke(f);
	if (!rc && f->watch_fd >= 0)
		watch(f);
	return rc;
}

static bool is_there(const char *path, int fd)
{
	struct stat name, own;

	return !stat(path, &name) && !fstat(fd, &own) &&
	       name.st_ino == own.st_ino && name.st_dev == own.st_dev;
}

/* Of a socket fstat() shows another inode than its name has: it is ours if it
 * answers, for we hold the lock. */
static bool is_heard(const struct hf_files *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool heard;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", f->poke_path);
	heard = fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a));
	close_fd(&fd);
	return heard;
}

int hf_files_check(struct hf_files *f)
{
	char event[4096] __attribute__((aligned(8))), folder[108];
	bool lock, poke;
	int rc = 0;

	while (read(f->watch_fd, event, sizeof(event)) > 0)
		;
	lock = is_there(f->lock_path, f->lock_fd);
	poke = is_heard(f);
	if (lock && poke)
		return 0;
	memcpy(folder, f->lock_path, sizeof(folder));
	mkdir(dirname(folder), 0755); /* it may have gone with them */
	if (!lock)
		rc = take_lock(f);
	if (!rc && !poke)
		rc = open_poke(f);
	watch(f);
	if (!rc)
		hf_warn("%s was removed while we use it, and is made again",
			lock ? f->poke_path : f->lock_path);
	return rc;
}

void hf_files_close(struct hf_files *f)
{
	if (f->poke_fd >= 0)
		unlink(f->poke_path);
	close_fd(&f->poke_fd);
	close_fd(&f->lock_fd);
	close_fd(&f->watch_fd);
}
