// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Taking the control socket of an instance, and who may speak on it.
 *
 * A socket file says nothing about whether its daemon lives. A lock does: the
 * kernel lets go of it when the process ends, however it ends. So the lock file
 * beside the socket decides, and stays there for ever (removing it would let
 * two daemons lock two different files of one name).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "internal.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

static int make_parents(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *c = dir + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (mkdir(dir, 0755) && errno != EEXIST)
			return -errno;
		*c = '/';
	}
	return 0;
}

static int refuse_second(const char *instance, long pid, char *err, size_t len)
{
	if (pid > 0)
		snprintf(err, len,
			 "another holdfastd with instance %s is running, pid %ld",
			 instance, pid);
	else
		snprintf(err, len,
			 "another holdfastd with instance %s is running",
			 instance);
	return -EADDRINUSE;
}

/* The lock, or -EADDRINUSE; with our pid in it for the one who comes next. */
static int take_lock(const char *instance, const char *path, char *err,
		     size_t err_len)
{
	char name[128], text[24] = "";
	int fd, ret, n;

	snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		ret = -errno;
		snprintf(err, err_len, "cannot open %s: %s", name,
			 strerror(-ret));
		return ret;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ret = -errno;
		if (ret == -EWOULDBLOCK) {
			if (read(fd, text, sizeof(text) - 1) < 0)
				text[0] = '\0';
			ret = refuse_second(instance, atol(text), err, err_len);
		} else {
			snprintf(err, err_len, "cannot lock %s: %s", name,
				 strerror(-ret));
		}
		close(fd);
		return ret;
	}
	n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) {
		ret = -errno;
		snprintf(err, err_len, "cannot write %s: %s", name,
			 strerror(errno));
		close(fd);
		return ret ? ret : -EIO;
	}
	return fd;
}

/* Somebody answers on the socket although the lock was free (its file was
 * removed by hand): still alive. Returns its pid, 0 if nobody is there. */
static long living_owner(const struct sockaddr_un *address)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
		    0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

static int listen_on(struct hf_control_socket *s, const char *instance,
		     char *err, size_t err_len)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct group *group = getgrnam("holdfast");
	struct stat st;
	long owner;
	int ret;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", s->path);
	owner = living_owner(&address);
	if (owner)
		return refuse_second(instance, owner, err, err_len);
	if (!lstat(s->path, &st) && !S_ISSOCK(st.st_mode)) {
		snprintf(err, err_len,
			 "%s is in the way: it is not a socket; remove it or change control.socket",
			 s->path);
		return -EEXIST;
	}
	unlink(s->path);
	s->group = group ? group->gr_gid : (gid_t)-1;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Nobody can connect before listen(), so the mode is never too wide. */
	if (s->fd < 0 ||
	    bind(s->fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chmod(s->path, 0660) ||
	    (group && chown(s->path, (uid_t)-1, s->group) && errno != EPERM) ||
	    listen(s->fd, 16)) {
		ret = -errno;
		snprintf(err, err_len, "cannot listen on %s: %s", s->path,
			 strerror(-ret));
		return ret;
	}
	return 0;
}

int hf_control_socket_take(struct hf_control_socket *s, const char *instance,
			   const char *path, char *err, size_t err_len)
{
	int ret;

	*s = (struct hf_control_socket){ .fd = -1, .lock = -1 };
	if (strlen(path) >= sizeof(s->path)) {
		snprintf(err, err_len,
			 "control.socket: a path of at most %zu characters, not %s",
			 sizeof(s->path) - 1, path);
		return -ENAMETOOLONG;
	}
	ret = make_parents(path);
	if (ret) {
		snprintf(err, err_len, "cannot make the folder of %s: %s", path,
			 strerror(-ret));
		return ret;
	}
	ret = take_lock(instance, path, err, err_len);
	if (ret < 0)
		return ret;
	s->lock = ret;
	snprintf(s->path, sizeof(s->path), "%s", path);
	ret = listen_on(s, instance, err, err_len);
	if (ret) {
		/* What is at the path is not ours to remove. */
		s->path[0] = '\0';
		hf_control_socket_leave(s);
	}
	return ret;
}

void hf_control_socket_leave(struct hf_control_socket *s)
{
	if (s->path[0])
		unlink(s->path);
	if (s->fd >= 0)
		close(s->fd);
	if (s->lock >= 0)
		close(s->lock);
	*s = (struct hf_control_socket){ .fd = -1, .lock = -1 };
}

static bool in_group(int fd, gid_t primary, gid_t wanted)
{
	gid_t groups[256];
	socklen_t len = sizeof(groups);

	if (wanted == (gid_t)-1)
		return false;
	if (primary == wanted)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

void hf_control_peer(int fd, int64_t *ret_uid, char *origin, size_t len)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	*ret_uid = -1;
	origin[0] = '\0';
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n))
		return;
	*ret_uid = peer.uid;
	snprintf(origin, len, "pid %ld", (long)peer.pid);
}

enum hf_may hf_control_peer_may(const struct hf_control_socket *s, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return HF_MAY_NOTHING;
	if (peer.uid == 0 || peer.uid == geteuid())
		return HF_MAY_ALL;
	if (!in_group(fd, peer.gid, s->group))
		return HF_MAY_NOTHING;
	for (unsigned int i = 0; i < s->user_count; i++)
		if (peer.uid == s->users[i])
			return HF_MAY_ALL;
	return HF_MAY_READ;
}
