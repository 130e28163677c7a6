/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection to the control socket: bytes in, lines out. control.c owns
 * the connections and decides what a line means; a client only moves bytes.
 */
#ifndef HOLDFAST_API_CLIENT_H
#define HOLDFAST_API_CLIENT_H

#include "internal.h"

struct hf_client {
	int fd;
	enum hf_may may;
	int64_t uid; /* of the peer, and its process; for the record of acts */
	char origin[24];
	bool monitor;  /* events are sent as they come */
	struct hf_listing listing; /* an answer that is not all written yet */
	bool ended;    /* the peer has finished sending */
	bool finished; /* nothing more will be said: close when all is sent */
	bool broken;   /* close at once */
	uint64_t lost; /* events a slow monitor missed; > 0: being dropped */
	uint64_t lost_ms; /* when it began */
	char in[HF_REQUEST_MAX];
	size_t in_len;
	char *out; /* not yet sent: out[out_at] .. out[out_len - 1] */
	size_t out_at, out_len, out_room;
	uint32_t interest; /* epoll events asked for */
};

static inline size_t hf_client_pending(const struct hf_client *c)
{
	return c->out_len - c->out_at;
}

/* Send what is pending, as far as the peer takes it. */
void hf_client_flush(struct hf_client *);
/* Queue a line (the end of line is added) and send what goes. */
void hf_client_line(struct hf_client *, const char *line, size_t len);
/* Takes the reference; NULL json means that memory ran out: the client ends. */
void hf_client_json(struct hf_client *, json_t *json);
/* Queue the next rows of the client's listing, with the end of the array if
 * these are the last ones. Takes the reference. */
void hf_client_rows(struct hf_client *, json_t *rows, bool last);
/* Take in what has arrived, as far as there is room. */
void hf_client_receive(struct hf_client *);
/* Is there something to do once the peer has taken what is pending: a listing
 * to go on with, a whole request (or one that can never become whole)? */
bool hf_client_has_work(const struct hf_client *);
/* What must be polled for now. */
uint32_t hf_client_interest(const struct hf_client *);

#endif
