// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connections of the control socket and the events that monitors get.
 * client.c moves their bytes, request.c answers their lines, socket.c knows who
 * may speak.
 *
 * A client is only ever freed in reap(), at the end of a dispatch: an event can
 * reach its connection at any time, also from within a request.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "client.h"
#include "config/config.h"
#include "events/bus.h"

struct hf_control {
	struct hf_control_wiring wiring;
	struct hf_control_socket socket;
	struct hf_bus_reader *reader;
	int epoll;
	int wake;  /* eventfd: a client must be reaped, run a dispatch */
	int spare; /* a descriptor kept back, see refuse_without_descriptors() */
	unsigned int client_count;
	struct hf_client *client[HF_CLIENTS_MAX];
};

static int watch(struct hf_control *k, int op, int fd, uint32_t interest,
		 void *what)
{
	struct epoll_event event = { .events = interest, .data.ptr = what };

	return epoll_ctl(k->epoll, op, fd, &event) ? -errno : 0;
}

/* Ask for a dispatch: the loop may not see a broken client by itself. */
static void wake(struct hf_control *k)
{
	uint64_t one = 1;

	if (write(k->wake, &one, sizeof(one)) < 0)
		hf_debug("control: already woken");
}

static void settle(struct hf_control *k, struct hf_client *c)
{
	uint32_t interest = hf_client_interest(c);

	if (!hf_client_pending(c) && !hf_client_has_work(c) &&
	    !c->listing.waits) {
		if (c->lost && !c->finished) {
			c->finished = true;
			hf_client_json(c, json_pack("{s:I}", "lost",
						    (json_int_t)c->lost));
			interest = hf_client_interest(c);
		}
		if (c->finished && !hf_client_pending(c))
			c->broken = true;
		if (c->ended && !c->monitor)
			c->broken = true;
	}
	if (!c->broken && interest != c->interest) {
		if (watch(k, EPOLL_CTL_MOD, c->fd, interest, c))
			c->broken = true;
		c->interest = interest;
	}
	if (c->broken)
		wake(k);
}

static void client_free(struct hf_control *k, struct hf_client *c)
{
	/* Closing is not enough while a child has yet to exec. */
	watch(k, EPOLL_CTL_DEL, c->fd, 0, NULL);
	close(c->fd);
	hf_listing_end(&c->listing);
	free(c->out);
	free(c);
}

/* A monitor that is being dropped has some time to read what it has missed. */
static bool overdue(const struct hf_client *c, uint64_t now_ms)
{
	return c->lost && now_ms - c->lost_ms > HF_LOST_WAIT_MS;
}

static void reap(struct hf_control *k)
{
	uint64_t now_ms = hf_now_ms();

	for (unsigned int i = 0; i < k->client_count;) {
		struct hf_client *c = k->client[i];

		if (!c->broken && !overdue(c, now_ms)) {
			i++;
			continue;
		}
		client_free(k, c);
		k->client[i] = k->client[--k->client_count];
	}
}

static void on_event(void *arg, const struct hf_event *event, const char *json,
		     size_t len)
{
	struct hf_control *k = arg;

	for (unsigned int i = 0; i < k->client_count; i++) {
		struct hf_client *c = k->client[i];

		if (!c->monitor || c->broken || c->finished)
			continue;
		if (c->lost ||
		    hf_client_pending(c) + len + 1 > HF_MONITOR_BYTES_MAX) {
			if (!c->lost++)
				c->lost_ms = hf_now_ms();
			if (overdue(c, hf_now_ms()))
				c->broken = true;
		} else {
			hf_client_line(c, json, len);
		}
		settle(k, c);
	}
}

static bool wants(void *arg, const struct hf_event *event)
{
	const struct hf_control *k = arg;

	for (unsigned int i = 0; i < k->client_count; i++)
		if (k->client[i]->monitor)
			return true;
	return false;
}

static void refuse(int fd, json_t *error)
{
	struct hf_client once = { .fd = fd };

	hf_client_json(&once, error);
	free(once.out);
	close(fd);
}

static const char *refuse_text(const struct hf_control *k)
{
	return k->socket.group == (gid_t)-1 ?
		       "the control socket is for root and the user that runs holdfastd" :
		       "the control socket is for root, the user that runs holdfastd and members of group holdfast";
}

/* Those of the group who act like root (control.users). */
static void know_users(struct hf_control *k)
{
	k->socket.users = k->wiring.config->control.users;
	k->socket.user_count = k->wiring.config->control.user_count;
}

static void add_client(struct hf_control *k, int fd)
{
	enum hf_may may = hf_control_peer_may(&k->socket, fd);
	struct hf_client *c;

	if (may == HF_MAY_NOTHING) {
		refuse(fd, hf_request_error(HF_ERR_FORBIDDEN, "%s",
					    refuse_text(k)));
		return;
	}
	if (k->client_count == HF_CLIENTS_MAX) {
		refuse(fd, hf_request_error(HF_ERR_TOO_MANY_CLIENTS,
					    "%d connections are open already",
					    HF_CLIENTS_MAX));
		return;
	}
	c = calloc(1, sizeof(*c));
	if (!c || watch(k, EPOLL_CTL_ADD, fd, EPOLLIN, c)) {
		free(c);
		close(fd);
		return;
	}
	c->fd = fd;
	c->may = may;
	hf_control_peer(fd, &c->uid, c->origin, sizeof(c->origin));
	c->interest = EPOLLIN;
	k->client[k->client_count++] = c;
}

/*
 * With no descriptor left accept() would fail for ever while the socket stays
 * readable, and the loop would spin. Give the spare one to the connection and
 * close it.
 */
static void refuse_without_descriptors(struct hf_control *k)
{
	if (k->spare < 0)
		return;
	close(k->spare);
	refuse(accept4(k->socket.fd, NULL, NULL, SOCK_CLOEXEC),
	       hf_request_error(HF_ERR_TOO_MANY_CLIENTS,
				"holdfastd has no file descriptor left"));
	k->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void accept_clients(struct hf_control *k)
{
	/* A few at a time; the rest wait in the backlog for the next turn. */
	for (int i = 0; i < 8; i++) {
		int fd = accept4(k->socket.fd, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			add_client(k, fd);
		else if (errno == EMFILE || errno == ENFILE)
			refuse_without_descriptors(k);
		else
			return;
	}
}

static void start_monitor(struct hf_control *k, struct hf_client *c)
{
	c->monitor = true;
	c->in_len = 0;
	hf_client_json(c, hf_request_hello(&k->wiring));
}

/* The next rows of a list. */
static void go_on_listing(struct hf_control *k, struct hf_client *c)
{
	json_t *rows = json_array();
	bool more;

	/* The park can go away between two pieces. */
	if (!rows || !k->wiring.park || !k->wiring.media) {
		json_decref(rows);
		c->broken = true;
		return;
	}
	more = c->listing.more(&k->wiring, &c->listing, rows);
	if (c->listing.failed || (c->listing.answer && c->listing.begun))
		c->broken = true;
	if (c->listing.waits) {
		json_decref(rows);
		return;
	}
	if (c->listing.answer) {
		json_decref(rows);
		hf_client_json(c, json_incref(c->listing.answer));
	} else {
		hf_client_rows(c, rows, !more);
	}
	if (!more)
		hf_listing_end(&c->listing);
}

void hf_control_reload(struct hf_control *k, const struct hf_config *config)
{
	k->wiring.config = config;
	know_users(k);
	for (unsigned int i = 0; i < k->client_count; i++) {
		struct hf_client *c = k->client[i];

		if (!c->listing.more || c->listing.question)
			continue;
		c->broken = true;
		wake(k);
	}
}

void hf_control_answered(struct hf_control *k)
{
	for (unsigned int i = 0; i < k->client_count; i++) {
		struct hf_client *c = k->client[i];

		if (!c->listing.waits)
			continue;
		c->listing.waits = false;
		settle(k, c);
	}
}

/* Answer one request; the next one has its turn with the next dispatch. */
static void take_line(struct hf_control *k, struct hf_client *c)
{
	const char *end = memchr(c->in, '\n', c->in_len);
	size_t len = end ? (size_t)(end - c->in) : c->in_len;
	const struct hf_asker asker = {.may = c->may,
				       .way = "socket",
				       .uid = c->uid,
				       .origin = c->origin};
	struct hf_answer answer;

	if (!end && c->in_len == sizeof(c->in)) {
		/* Before the line is answered: nothing more is read of it. */
		c->finished = true;
		hf_client_json(c, hf_request_error(HF_ERR_TOO_LONG,
						   "a request is a line of at most %d bytes",
						   HF_REQUEST_MAX));
		return;
	}
	hf_request_answer(&k->wiring, &asker, c->in, len, &answer);
	if (end)
		len++;
	c->in_len -= len;
	memmove(c->in, c->in + len, c->in_len);
	c->listing = answer.listing;
	if (answer.monitor)
		start_monitor(k, c);
	else if (answer.listing.more)
		go_on_listing(k, c);
	else
		hf_client_json(c, answer.json);
}

static void serve(struct hf_control *k, struct hf_client *c, uint32_t events)
{
	/* Gone for good; a peer that only stopped sending still reads. */
	if (events & (EPOLLHUP | EPOLLERR))
		c->broken = true;
	if (events & EPOLLIN)
		hf_client_receive(c);
	hf_client_flush(c);
	if (!c->broken && !hf_client_pending(c) && c->listing.more)
		go_on_listing(k, c);
	else if (!c->broken && !hf_client_pending(c) && hf_client_has_work(c))
		take_line(k, c);
	settle(k, c);
}

void hf_control_dispatch(struct hf_control *k)
{
	struct epoll_event events[16];
	int n = epoll_wait(k->epoll, events, 16, 0);
	uint64_t count;

	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;

		if (what == &k->socket)
			accept_clients(k);
		else if (what == &k->wake)
			while (read(k->wake, &count, sizeof(count)) > 0)
				;
		else
			serve(k, what, events[i].events);
	}
	reap(k);
}

static int set_up(struct hf_control *k)
{
	int err;

	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	k->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (k->epoll < 0 || k->wake < 0 || k->spare < 0)
		return -errno;
	err = watch(k, EPOLL_CTL_ADD, k->socket.fd, EPOLLIN, &k->socket);
	if (!err)
		err = watch(k, EPOLL_CTL_ADD, k->wake, EPOLLIN, &k->wake);
	if (!err)
		err = hf_bus_subscribe(k->wiring.bus, on_event, k, &k->reader);
	if (!err)
		hf_bus_wants(k->reader, wants);
	return err;
}

int hf_control_create(const struct hf_control_wiring *wiring,
		      struct hf_control **ret, char *err, size_t err_len)
{
	struct hf_control *k = calloc(1, sizeof(*k));
	int failed;

	if (!k) {
		snprintf(err, err_len, "control socket: out of memory");
		return -ENOMEM;
	}
	k->wiring = *wiring;
	k->epoll = k->wake = k->spare = k->socket.fd = k->socket.lock = -1;
	failed = hf_control_socket_take(&k->socket, wiring->config->instance,
					wiring->config->control.socket, err,
					err_len);
	if (!failed) {
		know_users(k);
		failed = set_up(k);
		if (failed)
			snprintf(err, err_len, "control socket: %s",
				 strerror(-failed));
	}
	if (failed) {
		hf_control_destroy(k);
		return failed;
	}
	*ret = k;
	return 0;
}

void hf_control_attach(struct hf_control *k, struct hf_park *park,
		       struct hf_media *media)
{
	k->wiring.park = park;
	k->wiring.media = media;
}

void hf_control_attach_lamps(struct hf_control *k, struct hf_lamps *lamps)
{
	k->wiring.lamps = lamps;
}

void hf_control_attach_library(struct hf_control *k, struct hf_library *library)
{
	k->wiring.library = library;
}

void hf_control_attach_insides(struct hf_control *k, struct hf_sip *sip,
			       struct hf_store *store)
{
	k->wiring.sip = sip;
	k->wiring.store = store;
}

void hf_control_attach_hooks(struct hf_control *k, struct hf_hooks *hooks)
{
	k->wiring.hooks = hooks;
}

/* NULL: who has asked it gets no more of it. */
void hf_control_attach_records(struct hf_control *k, struct hf_records *records)
{
	for (unsigned int i = 0; i < k->client_count; i++) {
		struct hf_client *c = k->client[i];

		if (!c->listing.question)
			continue;
		hf_listing_end(&c->listing);
		c->broken = true;
		wake(k);
	}
	k->wiring.records = records;
}

void hf_control_destroy(struct hf_control *k)
{
	if (!k)
		return;
	if (k->reader)
		hf_bus_unsubscribe(k->wiring.bus, k->reader);
	while (k->client_count)
		client_free(k, k->client[--k->client_count]);
	hf_control_socket_leave(&k->socket);
	if (k->epoll >= 0)
		close(k->epoll);
	if (k->wake >= 0)
		close(k->wake);
	if (k->spare >= 0)
		close(k->spare);
	free(k);
}

const struct hf_control_wiring *hf_control_live(const struct hf_control *k)
{
	return &k->wiring;
}

int hf_control_fd(const struct hf_control *k)
{
	return k->epoll;
}
