// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Server-sent events. A board first gets the slot table as it is, then "live",
 * then whatever changes. What it has not read waits in a buffer of fixed size;
 * when that is full the connection is cut, and the board, which notices, comes
 * again for a fresh table. Nothing waits for a board.
 */
#include "internal.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"

struct hf_board {
	struct hf_board *next, **self;
	struct hf_http *http;
	struct MHD_Connection *connection;
	int fd;
	const char *tenant; /* it is told of this one alone, NULL = of all */
	bool began;  /* gets what every board gets */
	bool tabled; /* its table is here, or never comes */
	bool suspended, ended;
	struct hf_text table; /* and how much of it is read */
	size_t table_at;
	size_t head, used; /* of the ring */
	char ring[HF_HTTP_BOARD_BYTES];
};

static void wake(struct hf_board *b)
{
	if (!b->suspended)
		return;
	b->suspended = false;
	MHD_resume_connection(b->connection);
}

static void add(struct hf_board *b, const char *text, size_t len)
{
	if (b->ended)
		return;
	if (len > sizeof(b->ring) - b->used) {
		b->ended = true;
		b->http->counts.slow_boards++;
		/* The socket is full, so its turn may never come. */
		shutdown(b->fd, SHUT_RDWR);
		wake(b);
		return;
	}
	while (len) {
		size_t at = (b->head + b->used) % sizeof(b->ring);
		size_t n = sizeof(b->ring) - at;

		if (n > len)
			n = len;
		memcpy(b->ring + at, text, n);
		b->used += n;
		text += n;
		len -= n;
	}
	if (b->tabled)
		wake(b);
}

static ssize_t read_some(void *arg, uint64_t pos, char *to, size_t most)
{
	struct hf_board *b = arg;
	size_t n;

	if (b->ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (b->table_at < b->table.len) {
		n = b->table.len - b->table_at;
		n = n < most ? n : most;
		memcpy(to, b->table.at + b->table_at, n);
		b->table_at += n;
		if (b->table_at == b->table.len) {
			hf_text_free(&b->table);
			b->table_at = 0;
		}
		return (ssize_t)n;
	}
	if (!b->used || !b->tabled) {
		b->suspended = true;
		MHD_suspend_connection(b->connection);
		return 0;
	}
	n = sizeof(b->ring) - b->head;
	n = n < b->used ? n : b->used;
	n = n < most ? n : most;
	memcpy(to, b->ring + b->head, n);
	b->head = (b->head + n) % sizeof(b->ring);
	b->used -= n;
	return (ssize_t)n;
}

static void board_free(void *arg)
{
	struct hf_board *b = arg;

	*b->self = b->next;
	if (b->next)
		b->next->self = b->self;
	b->http->server.board_count--;
	b->http->counts.boards--;
	if (b->tenant)
		b->http->counts.tenant_boards--;
	hf_text_free(&b->table);
	free(b);
}

int hf_board_open(struct hf_http *h, struct MHD_Connection *connection,
		  const char *tenant)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct hf_board *b = calloc(1, sizeof(*b));
	struct MHD_Response *response;
	struct hf_job *job;
	int queued;

	if (!b)
		return MHD_NO;
	b->tenant = tenant;
	b->http = h;
	b->connection = connection;
	b->fd = info ? info->connect_fd : -1;
	b->next = h->server.boards;
	b->self = &h->server.boards;
	if (b->next)
		b->next->self = &b->next;
	h->server.boards = b;
	h->server.board_count++;
	h->counts.boards++;
	if (tenant)
		h->counts.tenant_boards++;
	response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 8192,
						     read_some, b, board_free);
	if (!response) {
		board_free(b);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "text/event-stream");
	/* A proxy in between should pass it on as it comes. */
	MHD_add_response_header(response, "X-Accel-Buffering", "no");
	hf_reply_headers(response);
	b->suspended = false;
	queued = MHD_queue_response(connection, 200, response);
	job = queued != MHD_NO ? hf_server_job(HF_JOB_BOARD, HF_MAY_READ, b) :
				 NULL;
	if (job)
		job->tenant = tenant;
	if (queued != MHD_NO && !hf_server_ask(h, job))
		b->ended = true;
	MHD_destroy_response(response);
	return queued;
}

/* The job's owner may have gone meanwhile. */
static bool there(const struct hf_http *h, const struct hf_board *board)
{
	for (const struct hf_board *b = h->server.boards; b; b = b->next)
		if (b == board)
			return true;
	return false;
}

void hf_board_begin(struct hf_http *h, struct hf_board *b)
{
	if (there(h, b))
		b->began = true;
}

void hf_board_table(struct hf_http *h, struct hf_board *b, struct hf_job *job)
{
	static const char head[] = "retry: 1000\nevent: table\ndata: ";
	static const char tail[] = "\n\nevent: live\ndata: {}\n\n";

	if (!there(h, b))
		return;
	b->tabled = true;
	if (job->status != 200 || job->text.bad) {
		b->ended = true;
	} else {
		hf_text_add(&b->table, head, sizeof(head) - 1);
		hf_text_add(&b->table, job->text.at, job->text.len);
		hf_text_add(&b->table, tail, sizeof(tail) - 1);
		if (b->table.bad)
			b->ended = true;
	}
	wake(b);
}

/* A reload may have made names anew, so they are compared as text. */
static bool is_for(const struct hf_board *b, const struct hf_said *said)
{
	if (said->beat)
		return true;
	if (!b->tenant || !said->tenant)
		return !b->tenant && !said->tenant;
	return !strcmp(b->tenant, said->tenant);
}

void hf_boards_tell(struct hf_http *h, const struct hf_said *said)
{
	for (struct hf_board *b = h->server.boards; b; b = b->next)
		if (b->began && is_for(b, said))
			add(b, said->text.at, said->text.len);
}

void hf_boards_end(struct hf_http *h)
{
	for (struct hf_board *b = h->server.boards; b; b = b->next) {
		b->ended = true;
		wake(b);
	}
}
