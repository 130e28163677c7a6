/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One request on its way through the HTTP thread: route.c finds out what it
 * asks for and whether who asks may, ask.c asks the loop, reply.c answers.
 */
#ifndef HOLDFAST_HTTP_REQUEST_H
#define HOLDFAST_HTTP_REQUEST_H

#include "internal.h"

struct hf_request {
	struct hf_http *http;
	struct MHD_Connection *connection;
	const char *url;
	bool post;
	bool asked; /* the loop, which has not answered yet if job is NULL */
	bool too_long;
	struct hf_job *job;
	struct hf_http_user user;
	struct hf_text body;
};

enum hf_what {
	HF_WHAT_LINE,	 /* a request of the control protocol */
	HF_WHAT_ITEM,	 /* the same for one call or leg: /ID behind the path */
	HF_WHAT_ACT,	 /* POST /ID/ACT */
	HF_WHAT_COMMAND, /* POST of a whole request */
	HF_WHAT_JOB,
	HF_WHAT_EVENTS,
	HF_WHAT_BOARD,
	HF_WHAT_OPENAPI,
	HF_WHAT_ME,
	HF_WHAT_HEALTH,
	HF_WHAT_READY,
};

struct hf_route {
	const char *path;
	enum hf_what what;
	enum hf_http_role role;
	const char *command; /* of a line; key of the id for an item */
	const char *key;     /* item: name of the id; line: what to pick */
	enum hf_job_kind job;
};

/* reply.c; what libmicrohttpd's access handler returns. */
int hf_reply_json(struct hf_request *, unsigned int status, json_t *);
int hf_reply_refuse(struct hf_request *, unsigned int status, const char *code,
		    const char *message);
int hf_reply_job(struct hf_request *);
int hf_reply_page(struct hf_request *);
int hf_reply_openapi(struct hf_request *);
int hf_reply_me(struct hf_request *);
int hf_reply_health(struct hf_request *);
int hf_reply_ready(struct hf_request *);

/* ask.c; the same, and the connection sleeps until hf_request_done(). */
int hf_ask_job(struct hf_request *, enum hf_job_kind, char *line,
	       const char *pick);
int hf_ask_line(struct hf_request *, const struct hf_route *);
int hf_ask_item(struct hf_request *, const struct hf_route *);
int hf_ask_act(struct hf_request *, const struct hf_route *);
int hf_ask_command(struct hf_request *);
/* Whose things who asks may see; NULL = everybody's. */
const char *hf_ask_tenant(const struct hf_request *);

#endif
