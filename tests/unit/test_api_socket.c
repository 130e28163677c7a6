// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: api events sdp base */
/* Taking the control socket, and who may speak on it. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/control.h"
#include "api/internal.h"
#include "test.h"

static struct {
	char dir[64], path[96], err[512];
} w;

static int open_world(void)
{
	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/holdfast-test-sock-XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/control.sock", w.dir);
	return 0;
}

static void close_world(void)
{
	char name[128];

	unlink(w.path);
	snprintf(name, sizeof(name), "%s.lock", w.path);
	unlink(name);
	rmdir(w.dir);
}

static int take(struct hf_control_socket *s)
{
	return hf_control_socket_take(s, "two", w.path, w.err, sizeof(w.err));
}

static int dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", w.path);
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -errno;
}

TEST(the_socket_is_for_its_user_and_group_and_goes_with_its_daemon)
{
	struct hf_control_socket s;
	struct stat st;
	int fd;

	CHECK_INT(open_world(), 0);
	CHECK_INT(take(&s), 0);
	CHECK_INT(stat(w.path, &st), 0);
	CHECK(S_ISSOCK(st.st_mode));
	CHECK_INT(st.st_mode & 07777, 0660);
	fd = dial();
	CHECK(fd >= 0);
	close(fd);
	hf_control_socket_leave(&s);
	CHECK_INT(access(w.path, F_OK), -1);
	close_world();
}

TEST(folders_on_the_way_to_the_socket_are_made)
{
	struct hf_control_socket s;
	char dir[128], path[160];
	struct stat st;

	CHECK_INT(open_world(), 0);
	snprintf(dir, sizeof(dir), "%s/a", w.dir);
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	umask(022);
	CHECK_INT(hf_control_socket_take(&s, "two", path, w.err, sizeof(w.err)),
		  0);
	CHECK_INT(stat(dir, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0755);
	hf_control_socket_leave(&s);
	strcat(path, ".lock");
	unlink(path);
	rmdir(dir);
	close_world();
}

TEST(a_second_daemon_is_refused_with_instance_and_pid)
{
	struct hf_control_socket s, t;
	char want[128];
	int fd;

	CHECK_INT(open_world(), 0);
	CHECK_INT(take(&s), 0);
	CHECK_INT(take(&t), -EADDRINUSE);
	snprintf(want, sizeof(want),
		 "another holdfastd with instance two is running, pid %d",
		 getpid());
	CHECK_STR(w.err, want);
	fd = dial(); /* and the first one still has its socket */
	CHECK(fd >= 0);
	close(fd);
	hf_control_socket_leave(&s);
	close_world();
}

TEST(a_living_daemon_is_seen_even_if_its_lock_file_was_removed)
{
	struct hf_control_socket s, t;
	char name[128], want[128];

	CHECK_INT(open_world(), 0);
	CHECK_INT(take(&s), 0);
	snprintf(name, sizeof(name), "%s.lock", w.path);
	CHECK_INT(unlink(name), 0);
	CHECK_INT(take(&t), -EADDRINUSE);
	snprintf(want, sizeof(want),
		 "another holdfastd with instance two is running, pid %d",
		 getpid());
	CHECK_STR(w.err, want);
	CHECK_INT(access(w.path, F_OK), 0);
	hf_control_socket_leave(&s);
	close_world();
}

TEST(a_living_daemon_is_seen_even_if_its_socket_file_was_removed)
{
	struct hf_control_socket s, t;

	CHECK_INT(open_world(), 0);
	CHECK_INT(take(&s), 0);
	CHECK_INT(unlink(w.path), 0);
	CHECK_INT(take(&t), -EADDRINUSE);
	hf_control_socket_leave(&s);
	close_world();
}

TEST(the_socket_of_a_killed_daemon_is_replaced)
{
	struct hf_control_socket s;
	int ready[2], fd, status;
	pid_t child;
	char byte;

	CHECK_INT(open_world(), 0);
	CHECK_INT(pipe(ready), 0);
	fflush(stdout);
	child = fork();
	if (!child) {
		if (take(&s) || write(ready[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	CHECK_INT(take(&s), -EADDRINUSE);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	CHECK_INT(access(w.path, F_OK), 0); /* it left its socket file */
	CHECK_INT(dial(), -ECONNREFUSED);
	CHECK_INT(take(&s), 0);
	fd = dial();
	CHECK(fd >= 0);
	close(fd);
	hf_control_socket_leave(&s);
	close_world();
}

TEST(a_file_that_is_no_socket_is_never_removed)
{
	struct hf_control_socket s;
	int fd;

	CHECK_INT(open_world(), 0);
	fd = open(w.path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	CHECK_INT(take(&s), -EEXIST);
	CHECK(strstr(w.err, "is in the way"));
	CHECK_INT(access(w.path, F_OK), 0);
	close_world();
}

TEST(a_path_that_no_socket_can_have_is_refused_with_a_sentence)
{
	struct hf_control_socket s;
	char path[200];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	CHECK_INT(hf_control_socket_take(&s, "two", path, w.err,
					 sizeof(w.err)),
		  -ENAMETOOLONG);
	CHECK(strstr(w.err, "at most 107 characters"));
	CHECK_INT(hf_control_socket_take(&s, "two", "/proc/no/control.sock",
					 w.err, sizeof(w.err)),
		  -ENOENT);
	CHECK(strstr(w.err, "cannot make the folder of /proc/no/control.sock"));
}

#define NOBODY 65534
#define OPERATOR 65533
static const uint32_t operator_uid = OPERATOR;

/* What a peer with these ids may do; the peer is a child that only connects. */
static int may_as(uid_t uid, gid_t gid, gid_t extra)
{
	struct hf_control_socket s;
	int fd, may, status;
	pid_t child;

	if (take(&s))
		return -1;
	s.group = 4242; /* what a group "holdfast" might be */
	s.users = &operator_uid;
	s.user_count = 1;
	chmod(w.path, 0666);
	chmod(w.dir, 0755);
	fflush(stdout);
	child = fork();
	if (!child) {
		if (setgroups(extra ? 1 : 0, &extra) || setgid(gid) ||
		    setuid(uid) || dial() < 0)
			_exit(1);
		for (;;)
			pause();
	}
	fcntl(s.fd, F_SETFL, 0); /* wait for the child */
	fd = accept(s.fd, NULL, NULL);
	may = fd < 0 ? -1 : (int)hf_control_peer_may(&s, fd);
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	hf_control_socket_leave(&s);
	return may;
}

TEST(root_may_all_the_group_may_read_and_others_nothing)
{
	if (geteuid() != 0)
		SKIP("needs root to become somebody else");
	CHECK_INT(open_world(), 0);
	CHECK_INT(may_as(0, 0, 0), HF_MAY_ALL);
	CHECK_INT(may_as(NOBODY, 4242, 0), HF_MAY_READ);
	CHECK_INT(may_as(NOBODY, NOBODY, 4242), HF_MAY_READ);
	CHECK_INT(may_as(NOBODY, NOBODY, 4243), HF_MAY_NOTHING);
	CHECK_INT(may_as(NOBODY, NOBODY, 0), HF_MAY_NOTHING);
	close_world();
}

TEST(a_user_of_control_users_may_all_as_a_member_of_the_group)
{
	if (geteuid() != 0)
		SKIP("needs root to become somebody else");
	CHECK_INT(open_world(), 0);
	CHECK_INT(may_as(OPERATOR, 4242, 0), HF_MAY_ALL);
	CHECK_INT(may_as(OPERATOR, OPERATOR, 4242), HF_MAY_ALL);
	CHECK_INT(may_as(OPERATOR, OPERATOR, 0), HF_MAY_NOTHING);
	close_world();
}

TEST_MAIN()
