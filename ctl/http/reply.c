// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers to requests (request.h): what every one says about itself, errors in
 * the one form that openapi.json has, and what the HTTP thread can answer
 * alone.
 */
#include "request.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "events/json.h"

void hf_reply_headers(struct MHD_Response *response)
{
	MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(response, "X-Frame-Options", "DENY");
	MHD_add_response_header(response, "Cross-Origin-Resource-Policy",
				"same-origin");
}

static int reply(struct hf_request *r, unsigned int status, const char *type,
		 const char *policy, const char *text, size_t len,
		 enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, (void *)text, mode);
	int queued;

	if (!response)
		return MHD_NO;
	r->http->counts.answers[status / 100 % 6]++;
	MHD_add_response_header(response, "Content-Type", type);
	if (policy)
		MHD_add_response_header(response, "Content-Security-Policy",
					policy);
	if (status == 401)
		MHD_add_response_header(response, "WWW-Authenticate",
					"Bearer realm=\"Holdfast\"");
	if (status == 405)
		MHD_add_response_header(response, "Allow",
					r->post ? "GET, HEAD" : "POST");
	if (status == 429 || status == 503)
		MHD_add_response_header(response, "Retry-After", "2");
	hf_reply_headers(response);
	queued = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

int hf_reply_json(struct hf_request *r, unsigned int status, json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int queued = MHD_NO;

	json_decref(json);
	if (text)
		queued = reply(r, status, "application/json", NULL, text,
			       strlen(text), MHD_RESPMEM_MUST_COPY);
	free(text);
	return queued;
}

int hf_reply_refuse(struct hf_request *r, unsigned int status, const char *code,
		    const char *message)
{
	return hf_reply_json(r, status,
			     json_pack("{s:{s:s,s:s}}", "error", "code", code,
				       "message", message));
}

int hf_reply_job(struct hf_request *r)
{
	struct hf_job *job = r->job;
	const char *type = job->kind == HF_JOB_METRICS
				   ? "text/plain; version=0.0.4; charset=utf-8"
				   : "application/json";

	if (job->text.bad)
		return hf_reply_refuse(r, 500, "failed", "out of memory");
	return reply(r, job->status, type, NULL, job->text.at, job->text.len,
		     MHD_RESPMEM_MUST_COPY);
}

int hf_reply_page(struct hf_request *r)
{
	struct hf_page page = hf_page_board();

	return reply(r, 200, "text/html; charset=utf-8", r->http->server.policy,
		     page.at, page.len, MHD_RESPMEM_PERSISTENT);
}

int hf_reply_openapi(struct hf_request *r)
{
	struct hf_page page = hf_page_openapi();

	return reply(r, 200, "application/json", NULL, page.at, page.len,
		     MHD_RESPMEM_PERSISTENT);
}

int hf_reply_me(struct hf_request *r)
{
	static const char *const role[] = {"none", "view", "act", "admin"};
	const struct hf_config_http_user *u = r->user.named;

	return hf_reply_json(r, 200,
			     json_pack("{s:o,s:s,s:o,s:o}", "name",
				       hf_json_text(u ? u->name : NULL), "role",
				       role[r->user.role], "phone",
				       hf_json_text(u ? u->phone : NULL),
				       "tenant",
				       hf_json_text(u ? u->tenant : NULL)));
}

/* Alive: the event loop answers. It is asked every other second. */
int hf_reply_health(struct hf_request *r)
{
	uint64_t beat = r->http->beat_ms, now = hf_now_ms();

	if (now > beat + 15000)
		return hf_reply_refuse(
			r, 503, "failed",
			"the event loop has not answered for 15 s");
	return hf_reply_json(r, 200, json_pack("{s:b}", "alive", 1));
}

int hf_reply_ready(struct hf_request *r)
{
	const char *why = r->http->loop.not_ready;

	return hf_reply_json(r, why ? 503 : 200,
			     json_pack("{s:b,s:o}", "ready", !why, "reason",
				       hf_json_text(why)));
}
