// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The HTTP thread: its sockets, libmicrohttpd, and what the event loop says.
 * Everything of HTTP runs in this one thread; route.c and stream.c are called
 * from it.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define HF_HTTP_IDLE_S	   30
#define HF_HTTP_HEADER_MAX 16384

struct hf_job *hf_server_job(enum hf_job_kind kind, enum hf_may may,
			     void *owner)
{
	struct hf_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->kind = kind;
	job->may = may;
	job->owner = owner;
	return job;
}

bool hf_server_ask(struct hf_http *h, struct hf_job *job)
{
	if (!job || h->stop || h->server.pending >= HF_HTTP_JOBS) {
		hf_job_free(job);
		return false;
	}
	h->server.pending++;
	hf_queue_ask(&h->queue, job);
	return true;
}

static void job_done(struct hf_http *h, struct hf_job *job)
{
	h->server.pending--;
	switch (job->kind) {
	case HF_JOB_BEAT:
		h->server.beat_asked = false;
		hf_job_free(job);
		return;
	case HF_JOB_BOARD:
		hf_board_table(h, job->owner, job);
		hf_job_free(job);
		return;
	default:
		hf_request_done(job->owner, job);
	}
}

static void take_said(struct hf_http *h)
{
	struct hf_said *s, *next;
	uint64_t count;

	while (read(h->queue.to_http, &count, sizeof(count)) > 0)
		;
	for (s = hf_queue_take_said(&h->queue); s; s = next) {
		next = s->next;
		if (s->over)
			hf_boards_end(h);
		else if (s->began)
			hf_board_begin(h, s->began->owner);
		else if (s->job)
			job_done(h, s->job);
		else
			hf_boards_tell(h, s);
		hf_text_free(&s->text);
		free(s);
	}
}

/* A board that hears nothing for a while says so: have something said. */
static void beat(struct hf_http *h)
{
	struct hf_server *s = &h->server;
	uint64_t now = hf_now_ms();

	if (now < s->beat_ms || s->beat_asked)
		return;
	s->beat_ms = now + HF_HTTP_BEAT_MS;
	s->beat_asked =
		hf_server_ask(h, hf_server_job(HF_JOB_BEAT, HF_MAY_NOTHING,
					       NULL));
}

static int wait_ms(const struct hf_server *s)
{
	uint64_t now = hf_now_ms(), least;
	MHD_UNSIGNED_LONG_LONG timeout;

	least = s->beat_ms > now && !s->beat_asked ? s->beat_ms - now : 500;
	for (unsigned int i = 0; i < s->daemon_count; i++)
		if (MHD_get_timeout(s->daemon[i], &timeout) == MHD_YES &&
		    timeout < least)
			least = timeout;
	return (int)least;
}

static void one_round(struct hf_http *h, int most_ms)
{
	struct hf_server *s = &h->server;
	struct epoll_event events[8];
	int ms = wait_ms(s);

	epoll_wait(s->epoll, events, 8, ms < most_ms ? ms : most_ms);
	take_said(h);
	if (!h->stop)
		beat(h);
	for (unsigned int i = 0; i < s->daemon_count; i++)
		MHD_run(s->daemon[i]);
}

static void *run(void *arg)
{
	struct hf_http *h = arg;
	struct hf_server *s = &h->server;

	/* Calls first: fifty boards are told of a park after its answer. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	while (!h->stop)
		one_round(h, 1000);
	/* Every sleeping connection has to be woken before libmicrohttpd lets
	 * go; the loop answers what is asked while it waits for us. */
	hf_boards_end(h);
	for (int i = 0; (s->pending || i < 3) && i < 200; i++) {
		one_round(h, 10);
		hf_boards_end(h);
	}
	return NULL;
}

/* --- start and stop --------------------------------------------------------
 */

static int listen_at(const struct hf_config_http_listen *l, char *err,
		     size_t err_len)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ip4;
		struct sockaddr_in6 ip6;
	} at = {0};
	int one = 1, family = l->ip6 ? AF_INET6 : AF_INET, fd, failed;

	at.any.sa_family = (sa_family_t)family;
	if (l->ip6)
		inet_pton(family, l->host, &at.ip6.sin6_addr);
	else
		inet_pton(family, l->host, &at.ip4.sin_addr);
	at.ip4.sin_port = htons(l->port); /* at the same place in both */
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) &&
	    !bind(fd, &at.any, l->ip6 ? sizeof(at.ip6) : sizeof(at.ip4)) &&
	    !listen(fd, 128))
		return fd;
	failed = -errno;
	snprintf(err, err_len, "http.listen %s port %u: %s", l->host, l->port,
		 strerror(-failed));
	if (fd >= 0)
		close(fd);
	return failed;
}

static char *read_pem(const char *path, char *err, size_t err_len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? calloc(1, 65537) : NULL;
	size_t n = text ? fread(text, 1, 65536, f) : 0;

	if (!n) {
		snprintf(err, err_len, "http: %s: %s", path,
			 f ? "cannot be read" : strerror(errno));
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection,
			      const char *url, const char *method,
			      const char *version, const char *body,
			      size_t *body_len, void **request)
{
	return hf_route_handle(arg, connection, url, method, version, body,
			       body_len, request);
}

static void completed(void *arg, struct MHD_Connection *connection,
		      void **request, enum MHD_RequestTerminationCode why)
{
	hf_route_completed(arg, connection, request);
}

/* What browsers send cannot be allowed to fill the log. */
static void say_nothing(void *arg, const char *format, va_list ap)
{
}

static struct MHD_Daemon *open_daemon(struct hf_http *h, int fd)
{
	const bool tls = h->server.certificate;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, h},
		{MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)say_nothing, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, HF_HTTP_CONNECTIONS, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, HF_HTTP_IDLE_S, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, HF_HTTP_HEADER_MAX, NULL},
		{tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
		 h->server.certificate},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, h->server.key},
		{MHD_OPTION_END, 0, NULL}};

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
					MHD_USE_ERROR_LOG |
					(tls ? MHD_USE_TLS : 0),
				0, NULL, NULL, handle, h, MHD_OPTION_ARRAY,
				options, MHD_OPTION_END);
}

static int watch(struct hf_server *s, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_listeners(struct hf_http *h, char *err, size_t err_len)
{
	struct hf_server *s = &h->server;

	for (unsigned int i = 0; i < h->config->http.listen_count; i++) {
		const union MHD_DaemonInfo *info;
		int fd = listen_at(&h->config->http.listen[i], err, err_len);
		struct MHD_Daemon *daemon;

		if (fd < 0)
			return fd;
		daemon = open_daemon(h, fd);
		if (!daemon) {
			close(fd);
			snprintf(
				err, err_len, "http: cannot start%s",
				s->certificate
					? "; are certificate and key a pair, in PEM?"
					: "");
			return -EINVAL;
		}
		s->daemon[s->daemon_count++] = daemon;
		info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
		if (!info || watch(s, info->epoll_fd)) {
			snprintf(err, err_len, "http: cannot be watched");
			return -EINVAL;
		}
	}
	return 0;
}

int hf_server_start(struct hf_http *h, char *err, size_t err_len)
{
	const struct hf_config *c = h->config;
	struct hf_server *s = &h->server;
	int failed;

	hf_page_policy(s->policy, sizeof(s->policy));
	if (c->http.certificate) {
		s->certificate = read_pem(c->http.certificate, err, err_len);
		s->key = s->certificate ? read_pem(c->http.key, err, err_len)
					: NULL;
		if (!s->key)
			return -EINVAL;
	}
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	failed = s->epoll < 0 ? -errno : watch(s, h->queue.to_http);
	if (failed) {
		snprintf(err, err_len, "http: %s", strerror(-failed));
		return failed;
	}
	failed = open_listeners(h, err, err_len);
	if (failed)
		return failed;
	h->beat_ms = hf_now_ms();
	failed = -pthread_create(&s->thread, NULL, run, h);
	if (failed) {
		snprintf(err, err_len, "http: %s", strerror(-failed));
		return failed;
	}
	s->running = true;
	for (unsigned int i = 0; i < c->http.listen_count; i++)
		hf_info("http%s on %s port %u", s->certificate ? "s" : "",
			c->http.listen[i].host, c->http.listen[i].port);
	return 0;
}

/* Until its thread has gone, the loop goes on answering: it has no park any
 * more, so each answer is short. */
static void join(struct hf_http *h)
{
	struct timespec until;

	h->stop = true;
	do {
		hf_queue_wake(h->queue.to_http);
		hf_http_dispatch(h);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 5000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(h->server.thread, NULL, &until) ==
		 ETIMEDOUT);
	h->server.running = false;
}

void hf_server_stop(struct hf_http *h)
{
	struct hf_server *s = &h->server;

	if (s->running)
		join(h);
	for (unsigned int i = 0; i < s->daemon_count; i++)
		MHD_stop_daemon(s->daemon[i]);
	s->daemon_count = 0;
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->certificate);
	if (s->key)
		explicit_bzero(s->key, strlen(s->key));
	free(s->key);
}
