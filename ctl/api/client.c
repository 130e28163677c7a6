// SPDX-License-Identifier: GPL-2.0-or-later
/* Moving bytes of one connection without ever waiting; see client.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "client.h"

void hf_client_flush(struct hf_client *c)
{
	while (!c->broken && hf_client_pending(c)) {
		ssize_t n = send(c->fd, c->out + c->out_at,
				 hf_client_pending(c),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			c->out_at += (size_t)n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		else if (errno != EINTR)
			c->broken = true;
	}
	/* All is sent. A long answer's memory is not kept for short ones. */
	c->out_at = c->out_len = 0;
	if (c->out_room > HF_MONITOR_BYTES_MAX) {
		free(c->out);
		c->out = NULL;
		c->out_room = 0;
	}
}

/* Room for `len` more bytes behind what is pending. */
static bool make_room(struct hf_client *c, size_t len)
{
	size_t pending = hf_client_pending(c), room = c->out_room;
	char *out;

	if (c->out_len + len <= room)
		return true;
	if (c->out_at) {
		memmove(c->out, c->out + c->out_at, pending);
		c->out_at = 0;
		c->out_len = pending;
	}
	if (pending + len <= room)
		return true;
	if (!room)
		room = 4096;
	while (room < pending + len)
		room *= 2;
	out = realloc(c->out, room);
	if (!out)
		return false;
	c->out = out;
	c->out_room = room;
	return true;
}

static void append(struct hf_client *c, const char *text, size_t len)
{
	if (!c->broken && !make_room(c, len))
		c->broken = true;
	if (c->broken)
		return;
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
}

void hf_client_line(struct hf_client *c, const char *line, size_t len)
{
	append(c, line, len);
	append(c, "\n", 1);
	hf_client_flush(c);
}

void hf_client_rows(struct hf_client *c, json_t *rows, bool last)
{
	struct hf_listing *listing = &c->listing;
	char *text = json_dumps(rows, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;

	json_decref(rows);
	if (len < 2) {
		c->broken = true;
		free(text);
		return;
	}
	/* Each piece is an array; its brackets go, but for the outermost. */
	if (!listing->begun)
		append(c, "[", 1);
	else if (listing->rows && len > 2)
		append(c, ",", 1);
	listing->begun = true;
	listing->rows |= len > 2;
	append(c, text + 1, len - 2);
	if (last)
		append(c, "]\n", 2);
	free(text);
	hf_client_flush(c);
}

void hf_client_json(struct hf_client *c, json_t *json)
{
	char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	if (line)
		hf_client_line(c, line, strlen(line));
	else
		c->broken = true;
	free(line);
}

void hf_client_receive(struct hf_client *c)
{
	ssize_t n;

	if (c->ended || c->in_len == sizeof(c->in))
		return;
	n = recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len,
		 MSG_DONTWAIT);
	if (n > 0)
		c->in_len += (size_t)n;
	else if (n == 0)
		c->ended = true;
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		c->broken = true;
	/* A monitor has said all it had to say. */
	if (c->monitor)
		c->in_len = 0;
}

bool hf_client_has_work(const struct hf_client *c)
{
	if (c->listing.more)
		return !c->listing.waits;
	if (!c->in_len || c->finished)
		return false;
	return c->ended || c->in_len == sizeof(c->in) ||
	       memchr(c->in, '\n', c->in_len);
}

uint32_t hf_client_interest(const struct hf_client *c)
{
	uint32_t interest = 0;

	if (c->listing.waits)
		return 0;
	/*
	 * While an answer waits to be taken no new request is read. A request
	 * that is already here has its turn when the socket is writable, which
	 * lets other clients and the daemon's real work go first.
	 */
	if (hf_client_pending(c) || hf_client_has_work(c))
		interest |= EPOLLOUT;
	else if (!c->ended)
		interest |= EPOLLIN;
	/* But a monitor's end must be seen even if it is slow. */
	if (c->monitor && !c->ended)
		interest |= EPOLLIN;
	return interest;
}
