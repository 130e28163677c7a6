// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DNS messages between the stack and the servers of this host: see resolver.h
 * for why. A message is passed on as it is; the servers, their order, their
 * retries and a changed /etc/resolv.conf are the C library's business.
 */
#include "resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <resolv.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

/* One name that nobody answers for must not keep the next one waiting. */
#define HF_RESOLVER_THREADS 2
/* Per server and try: a phone that is to ring has waited long enough. */
#define HF_RESOLVER_SECONDS 2
#define HF_RESOLVER_TRIES 2
/* No answer is longer, over UDP with RFC 6891 as the stack asks it. */
#define HF_RESOLVER_MAX 4096

struct hf_resolver {
	int socket, file;
	struct sockaddr_in own;
	atomic_bool stop;
	atomic_uint users; /* the owner and each thread; the last one frees */
	char conf[32];
};

static void put(struct hf_resolver *r)
{
	if (atomic_fetch_sub(&r->users, 1) > 1)
		return;
	if (r->socket >= 0)
		close(r->socket);
	if (r->file >= 0)
		close(r->file);
	free(r);
}

/* The question comes back as an answer: the server could not (RFC 1035 4.1.1). */
static ssize_t failure(const uint8_t *question, size_t len, uint8_t *answer)
{
	memcpy(answer, question, len);
	answer[2] |= 0x80;			/* QR: an answer */
	answer[3] = (answer[3] & 0x70) | 0x82;	/* RA, RCODE 2 */
	return len;
}

static ssize_t ask(const uint8_t *question, size_t len, uint8_t *answer)
{
	struct __res_state state = {0};
	ssize_t got = -1;

	if (res_ninit(&state) == 0) {
		state.retrans = HF_RESOLVER_SECONDS;
		state.retry = HF_RESOLVER_TRIES;
		/* Cut short is for the stack to see: it asked by UDP. */
		state.options |= RES_IGNTC;
		got = res_nsend(&state, question, len, answer, HF_RESOLVER_MAX);
		res_nclose(&state);
	}
	if (got >= (ssize_t)sizeof(HEADER) && got <= HF_RESOLVER_MAX)
		return got;
	hf_debug("DNS: no server of /etc/resolv.conf answers");
	return failure(question, len, answer);
}

static void *work(void *arg)
{
	struct hf_resolver *r = arg;
	uint8_t question[HF_RESOLVER_MAX], answer[HF_RESOLVER_MAX];
	struct sockaddr_in from;

	while (!r->stop) {
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(r->socket, question, sizeof(question), 0,
				       (struct sockaddr *)&from, &from_len);

		if (len < 0 && errno != EINTR && errno != ECONNREFUSED)
			break;
		if (len < (ssize_t)sizeof(HEADER))
			continue;
		len = ask(question, len, answer);
		sendto(r->socket, answer, len, MSG_NOSIGNAL,
		       (struct sockaddr *)&from, from_len);
	}
	put(r);
	return NULL;
}

/* The stack will do what the second socket here does: is there a way? */
static int try_connect(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		error = -errno;
	close(fd);
	return error;
}

static int listen_on_loopback(struct hf_resolver *r)
{
	socklen_t len = sizeof(r->own);

	r->own.sin_family = AF_INET;
	r->own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (r->socket < 0 ||
	    bind(r->socket, (struct sockaddr *)&r->own, len) ||
	    getsockname(r->socket, (struct sockaddr *)&r->own, &len))
		return -errno;
	return try_connect(&r->own);
}

static int write_conf(struct hf_resolver *r)
{
	/* More patient than the threads are: each question is asked once. */
	unsigned int patience =
		HF_RESOLVER_SECONDS * HF_RESOLVER_TRIES * MAXNS + 1;

	r->file = memfd_create("resolv.conf", MFD_CLOEXEC);
	if (r->file < 0)
		return -errno;
	if (dprintf(r->file,
		    "nameserver 127.0.0.1\nport %u\n"
		    "options timeout:%u attempts:1\n",
		    ntohs(r->own.sin_port), patience) < 0)
		return -EIO;
	snprintf(r->conf, sizeof(r->conf), "/proc/self/fd/%d", r->file);
	return 0;
}

/* Nobody waits for them: they may be waiting for a server that is not there. */
static int start_threads(struct hf_resolver *r)
{
	pthread_attr_t detached;
	pthread_t thread;
	int error = 0;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < HF_RESOLVER_THREADS && !error; i++) {
		atomic_fetch_add(&r->users, 1);
		error = -pthread_create(&thread, &detached, work, r);
		if (error)
			put(r);
	}
	pthread_attr_destroy(&detached);
	return error;
}

int hf_resolver_create(struct hf_resolver **ret, char *err, size_t err_len)
{
	struct hf_resolver *r = calloc(1, sizeof(*r));
	int error;

	if (!r) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	r->socket = r->file = -1;
	r->users = 1;
	error = listen_on_loopback(r);
	if (!error)
		error = write_conf(r);
	if (!error)
		error = start_threads(r);
	if (error) {
		snprintf(err, err_len,
			 "names cannot be looked up over the loopback: %s "
			 "(is it up? ip link set lo up)",
			 strerror(-error));
		hf_resolver_destroy(r);
		return error;
	}
	*ret = r;
	return 0;
}

const char *hf_resolver_conf(const struct hf_resolver *r)
{
	return r->conf;
}

void hf_resolver_destroy(struct hf_resolver *r)
{
	if (!r)
		return;
	r->stop = true;
	/* An empty message wakes whoever waits for one. */
	for (int i = 0; i < HF_RESOLVER_THREADS && r->socket >= 0; i++)
		sendto(r->socket, "", 0, MSG_NOSIGNAL,
		       (struct sockaddr *)&r->own, sizeof(r->own));
	put(r);
}
