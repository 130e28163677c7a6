// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * FreeSWITCH: a PRESENCE_IN event by its event socket for each change, as its
 * own valet parking makes them, so a phone that subscribes there to the slot's
 * presence sees it. The connection stays; when FreeSWITCH is restarted its end
 * is seen, and everything is told anew.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "internal.h"

#define HF_ESL_TIMEOUT_S 5

struct freeswitch {
	const struct hf_config_push *config;
	int fd;
	char in[4096];
	size_t in_len;
};

static int send_text(struct freeswitch *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int send_text(struct freeswitch *f, const char *format, ...)
{
	char text[2048];
	size_t done = 0;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -EMSGSIZE;
	while (done < (size_t)n) {
		ssize_t sent = send(f->fd, text + done, (size_t)n - done,
				    MSG_NOSIGNAL);

		if (sent <= 0)
			return -errno;
		done += (size_t)sent;
	}
	return 0;
}

/* The next block of headers, up to its empty line. No event is asked for, so
 * none has a body. */
static int read_block(struct freeswitch *f, char *out, size_t len)
{
	for (;;) {
		char *end = memmem(f->in, f->in_len, "\n\n", 2);
		ssize_t got;

		if (end) {
			size_t n = (size_t)(end - f->in) + 2;

			snprintf(out, len, "%.*s", (int)n, f->in);
			f->in_len -= n;
			memmove(f->in, f->in + n, f->in_len);
			return 0;
		}
		if (f->in_len == sizeof(f->in))
			return -EPROTO;
		got = recv(f->fd, f->in + f->in_len, sizeof(f->in) - f->in_len,
			   0);
		if (got <= 0)
			return got < 0 ? -errno : -ECONNRESET;
		f->in_len += (size_t)got;
	}
}

static int expect_ok(struct freeswitch *f)
{
	char block[1024];
	int error = read_block(f, block, sizeof(block));

	if (error)
		return error;
	return strstr(block, "Reply-Text: +OK") ? 0 : -EACCES;
}

static int dial(const char *url)
{
	const struct timeval limit = { .tv_sec = HF_ESL_TIMEOUT_S };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *i;
	const char *at = url + strlen("tcp://"), *colon = strrchr(at, ':');
	char host[256], port[16];
	int fd = -1;

	snprintf(host, sizeof(host), "%.*s",
		 colon ? (int)(colon - at) : (int)strlen(at), at);
	snprintf(port, sizeof(port), "%s", colon ? colon + 1 : "8021");
	if (getaddrinfo(host, port, &hints, &list))
		return -1;
	for (i = list; i && fd < 0; i = i->ai_next) {
		fd = socket(i->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		if (!connect(fd, i->ai_addr, i->ai_addrlen))
			break;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

static void close_it(void *pbx)
{
	struct freeswitch *f = pbx;

	if (!f)
		return;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

static void *open_it(const struct hf_config_push *config)
{
	struct freeswitch *f = calloc(1, sizeof(*f));
	char greeting[1024];

	if (!f)
		return NULL;
	f->config = config;
	f->fd = dial(config->url);
	if (f->fd < 0 || read_block(f, greeting, sizeof(greeting)) ||
	    !strstr(greeting, "auth/request") ||
	    send_text(f, "auth %s\n\n",
		      config->password ? config->password : "ClueCon") ||
	    expect_ok(f)) {
		close_it(f);
		return NULL;
	}
	return f;
}

/* What stands in a header line of an event: nothing that ends it. */
static void one_line(const char *in, char *out, size_t len)
{
	snprintf(out, len, "%s", in);
	for (char *c = out; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
}

static int tell(void *pbx, const struct hf_push_state *s)
{
	struct freeswitch *f = pbx;
	bool taken = s->shown != HF_LAMP_FREE;
	bool early = s->shown == HF_LAMP_RECALLING ||
		     (s->shown == HF_LAMP_PARKED && s->early);
	char device[320], status[192], name[96];
	int error;

	if (!hf_push_device(f->config, s->slot, device, sizeof(device)))
		return -ENAMETOOLONG;
	one_line(*s->name ? s->name : s->number, name, sizeof(name));
	snprintf(status, sizeof(status), "%s%s%s", taken ? "Active" : "Empty",
		 taken && *name ? " " : "", taken ? name : "");
	error = send_text(
		f,
		"sendevent PRESENCE_IN\nproto: park\nlogin: %s\nfrom: %s\n"
		"rpid: %s\nstatus: %s\nevent_type: presence\n"
		"alt_event_type: dialog\nevent_count: 1\nunique-id: park-%s\n"
		"channel-state: %s\nanswer-state: %s\n"
		"presence-call-direction: inbound\n\n",
		device, device, taken ? "on-the-phone" : "unknown", status,
		s->slot, taken ? (early ? "CS_ROUTING" : "CS_EXECUTE") :
				 "CS_HANGUP",
		taken ? (early ? "early" : "confirmed") : "terminated");
	return error ? error : expect_ok(f);
}

/* Nothing is said to us unasked: readable means closed. */
static bool alive(void *pbx)
{
	struct freeswitch *f = pbx;
	struct pollfd p = { f->fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 0;
}

const struct hf_push_pbx_ops hf_push_freeswitch = { open_it, tell, alive,
						    close_it };
