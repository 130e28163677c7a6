// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfast-mediad, from the controller's side. It is started detached, because
 * callers must hear music when the controller is gone; its socket says whether
 * it lives, its beat in the shared memory whether it works.
 */
#include "bpf_state.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"

#define HF_KEEPER_CHECK_NS   (1000 * HF_MS)
#define HF_KEEPER_RESTART_NS (2000 * HF_MS)
#define HF_KEEPER_BEAT_NS    (3000 * HF_MS)
#define HF_KEEPER_STOP_MS    1000
#define HF_KEEPER_SETTLE_MS  2000
#define HF_KEEPER_PATH	     300

void hf_keeper_init(struct hf_bpf *b, const char *control_socket)
{
	struct hf_keeper *s = &b->keeper;

	s->poke_fd =
		socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	s->poke.sun_family = AF_UNIX;
	if (hf_sender_lock_path(control_socket, b->instance, s->lock_path,
				sizeof(s->lock_path)) ||
	    hf_sender_poke_path(control_socket, b->instance, s->poke.sun_path,
				sizeof(s->poke.sun_path)))
		snprintf(s->error, sizeof(s->error),
			 "the path of the control socket is too long");
}

void hf_keeper_fini(struct hf_bpf *b)
{
	if (b->keeper.poke_fd >= 0)
		close(b->keeper.poke_fd);
	b->keeper.poke_fd = -1;
}

static void hf_keeper_send(struct hf_bpf *b, char what)
{
	/* Nobody there, or its queue is full: it looks by itself as well. */
	(void)sendto(b->keeper.poke_fd, &what, 1, MSG_NOSIGNAL,
		     (struct sockaddr *)&b->keeper.poke,
		     sizeof(b->keeper.poke));
}

void hf_keeper_poke(struct hf_media *m, char what)
{
	if (m->bpf)
		hf_keeper_send(m->bpf, what);
}

/* Somebody listens to pokes. (Trying its lock could take it from a sender that
 * is just starting.) */
static bool hf_keeper_runs(const struct hf_bpf *b)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there;

	if (fd < 0)
		return false;
	there = !connect(fd, (const struct sockaddr *)&b->keeper.poke,
			 sizeof(b->keeper.poke));
	close(fd);
	return there;
}

/* An empty name: a unit of its own, which systemd starts, and again. */
static bool hf_keeper_is_unit(void)
{
	const char *named = getenv("HOLDFAST_MEDIAD");

	return named && !*named;
}

static int hf_keeper_program(char *ret, size_t len)
{
	const char *named = getenv("HOLDFAST_MEDIAD");
	char self[4096];
	ssize_t n;

	if (named) {
		snprintf(ret, len, "%s", named);
	} else {
		n = readlink("/proc/self/exe", self, sizeof(self) - 1);
		if (n < 0)
			return -errno;
		self[n] = 0;
		snprintf(ret, len, "%s/holdfast-mediad", dirname(self));
	}
	return access(ret, X_OK) ? -errno : 0;
}

/* Beside its lock. */
static void hf_keeper_log_path(const struct hf_bpf *b, char *ret, size_t len)
{
	const char *dot = strrchr(b->keeper.lock_path, '.');

	snprintf(ret, len, "%.*s.log",
		 dot ? (int)(dot - b->keeper.lock_path) : 0,
		 b->keeper.lock_path);
}

/* Its messages go where ours go, unless that is a pipe or a terminal: whoever
 * reads that waits for its end, and the sender does not end with us. */
static int hf_keeper_log(const struct hf_bpf *b)
{
	char path[HF_KEEPER_PATH];
	struct stat st;

	if (getenv("JOURNAL_STREAM") ||
	    (!fstat(STDERR_FILENO, &st) && S_ISREG(st.st_mode)))
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	hf_keeper_log_path(b, path, sizeof(path));
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
}

/* In the child; only what is safe between fork and exec. */
static void hf_keeper_exec(char **argv, int log, int null)
{
	sigset_t none;

	setsid();
	if (fork())
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
	close_range(3, ~0U, 0);
	execv(argv[0], argv);
	_exit(127);
}

static void hf_keeper_start(struct hf_bpf *b, const char *control_socket)
{
	char program[4200], instance[64], where[4096];
	char *argv[] = {program,    "--instance", instance,
			"--socket", where,	  NULL};
	int r = hf_keeper_program(program, sizeof(program));
	int log, null;
	pid_t pid;

	if (r) {
		snprintf(b->keeper.error, sizeof(b->keeper.error),
			 "%.160s cannot be started: %s", program, strerror(-r));
		return;
	}
	snprintf(instance, sizeof(instance), "%s", b->instance);
	snprintf(where, sizeof(where), "%s", control_socket);
	log = hf_keeper_log(b);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid = fork();
	if (!pid)
		hf_keeper_exec(argv, log, null);
	b->keeper.error[0] = 0;
	if (pid < 0)
		snprintf(b->keeper.error, sizeof(b->keeper.error),
			 "holdfast-mediad cannot be started: %s",
			 strerror(errno));
	else
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	if (log >= 0)
		close(log);
	if (null >= 0)
		close(null);
}

/* With nobody on hold it sleeps and does not beat; then its socket is the
 * proof. */
static bool hf_keeper_works(const struct hf_media *m, uint64_t now_ns)
{
	const struct hf_keeper *k = &m->bpf->keeper;
	uint64_t beat = hf_load_acquire(&m->map.work->beat_ns);

	return !m->wheel.total || now_ns < beat + HF_KEEPER_BEAT_NS ||
	       now_ns < k->busy_ns + HF_KEEPER_BEAT_NS;
}

bool hf_keeper_is_alive(const struct hf_media *m)
{
	return hf_keeper_runs(m->bpf) && hf_keeper_works(m, hf_media_now(m));
}

static void hf_keeper_check(struct hf_media *m, uint64_t now_ns)
{
	struct hf_keeper *k = &m->bpf->keeper;
	char before[sizeof(k->error)];

	if (hf_keeper_runs(m->bpf)) {
		/* Stuck: end it, and start a new one at the next look. */
		if (!hf_keeper_works(m, now_ns))
			hf_keeper_send(m->bpf, HF_POKE_QUIT);
		return;
	}
	if (hf_keeper_is_unit())
		return;
	memcpy(before, k->error, sizeof(before));
	hf_keeper_start(m->bpf, m->config->control.socket);
	k->started_ns = now_ns;
	if (k->error[0] && strcmp(before, k->error))
		hf_warn("media: %s; hold audio is sent by turn-around only",
			k->error);
}

void hf_keeper_tick(struct hf_media *m, uint64_t now_ns)
{
	struct hf_keeper *k = &m->bpf->keeper;

	if (!m->wheel.total)
		k->busy_ns = now_ns;
	if (now_ns - k->checked_ns < HF_KEEPER_CHECK_NS ||
	    (k->started_ns && now_ns - k->started_ns < HF_KEEPER_RESTART_NS))
		return;
	k->checked_ns = now_ns;
	hf_keeper_check(m, now_ns);
}

/* It listens before it sends: devices are tried first. A role that is taken by a
 * process that has died is not. */
static bool hf_keeper_is_ready(const struct hf_media *m)
{
	const struct hf_work *work = m->map.work;
	pid_t pid = (pid_t)HF_READ(work->pid);

	if (HF_READ(work->engine) == HF_ENGINE_KMOD)
		return hf_keeper_runs(m->bpf);
	return HF_READ(work->engine) != HF_ENGINE_NONE && pid > 0 &&
	       (!kill(pid, 0) || errno == EPERM);
}

void hf_media_settle(struct hf_media *m)
{
	const struct timespec pause = {.tv_nsec = 5000000};

	if (!m->bpf || m->bpf->keeper.error[0])
		return;
	for (int ms = 0; ms < HF_KEEPER_SETTLE_MS; ms += 5) {
		if (hf_keeper_is_ready(m))
			return;
		nanosleep(&pause, NULL);
	}
	hf_warn("media: holdfast-mediad is not ready yet; the first callers may miss the beginning");
}

void hf_keeper_stop(struct hf_bpf *b)
{
	char path[HF_KEEPER_PATH];
	struct timespec pause = {.tv_nsec = 5000000};

	/* It sees that its pins are gone, and waits for the next. */
	if (hf_keeper_is_unit()) {
		hf_keeper_send(b, HF_POKE_WHEEL);
		return;
	}
	for (int ms = 0; hf_keeper_runs(b) && ms < HF_KEEPER_STOP_MS; ms += 5) {
		if (ms % 100 == 0)
			hf_keeper_send(b, HF_POKE_QUIT);
		nanosleep(&pause, NULL);
	}
	unlink(b->keeper.poke.sun_path);
	unlink(b->keeper.lock_path);
	hf_keeper_log_path(b, path, sizeof(path));
	unlink(path);
}
