// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a request asks for, and whether who asks may. Reading is GET; whatever
 * changes something is POST with a JSON body and a token, which no page of
 * another site can send. Documentation/openapi.json describes all of it.
 */
#include "request.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

static const struct hf_route routes[] = {
	{"/", HF_WHAT_BOARD, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/healthz", HF_WHAT_HEALTH, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/readyz", HF_WHAT_READY, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/metrics", HF_WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL,
	 HF_JOB_METRICS},
	{"/api/v1/openapi.json", HF_WHAT_OPENAPI, HF_ROLE_HTTP_NONE, NULL, NULL,
	 0},
	{"/api/v1/me", HF_WHAT_ME, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/api/v1/events", HF_WHAT_EVENTS, HF_ROLE_HTTP_VIEW, NULL, NULL, 0},
	{"/api/v1/acts", HF_WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL,
	 HF_JOB_ACTS},
	{"/api/v1/history", HF_WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL,
	 HF_JOB_HISTORY},
	{"/api/v1/status", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "status", NULL, 0},
	{"/api/v1/lots", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "status", "lots", 0},
	{"/api/v1/slots", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "slot list", NULL,
	 0},
	{"/api/v1/calls", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "call list", NULL,
	 0},
	{"/api/v1/calls/", HF_WHAT_ITEM, HF_ROLE_HTTP_VIEW, "call show", "call",
	 0},
	{"/api/v1/calls/", HF_WHAT_ACT, HF_ROLE_HTTP_ACT, "call", "call", 0},
	{"/api/v1/legs", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "leg list", NULL, 0},
	{"/api/v1/legs/", HF_WHAT_ITEM, HF_ROLE_HTTP_VIEW, "leg show", "leg",
	 0},
	{"/api/v1/stats", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats", NULL, 0},
	{"/api/v1/stats/lots", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats lots",
	 NULL, 0},
	{"/api/v1/stats/hours", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats hours",
	 NULL, 0},
	{"/api/v1/history/calls", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW,
	 "history list", NULL, 0},
	{"/api/v1/history/calls/", HF_WHAT_ITEM, HF_ROLE_HTTP_VIEW,
	 "history show", "call", 0},
	{"/api/v1/history/audit", HF_WHAT_LINE, HF_ROLE_HTTP_ADMIN,
	 "history audit", NULL, 0},
	{"/api/v1/subscriptions", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW,
	 "subscription list", NULL, 0},
	{"/api/v1/webhooks", HF_WHAT_LINE, HF_ROLE_HTTP_VIEW, "webhook list",
	 NULL, 0},
	{"/api/v1/command", HF_WHAT_COMMAND, HF_ROLE_HTTP_ADMIN, NULL, NULL, 0},
};

static bool wants_post(const struct hf_route *r)
{
	return r->what == HF_WHAT_ACT || r->what == HF_WHAT_COMMAND;
}

/* Exactly, or with something behind a path that ends in a slash. */
static bool path_fits(const struct hf_route *route, const char *url)
{
	size_t len = strlen(route->path);

	if (route->what == HF_WHAT_ITEM || route->what == HF_WHAT_ACT)
		return !strncmp(url, route->path, len) && url[len];
	return !strcmp(url, route->path);
}

static const char *header(struct hf_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND,
					   name);
}

/* A page of another site, or a form: nothing that our own page sends. */
static bool is_foreign(struct hf_request *r)
{
	const char *site = header(r, "Sec-Fetch-Site");
	const char *type = header(r, "Content-Type");

	if (site && strcmp(site, "same-origin") && strcmp(site, "none"))
		return true;
	return r->post && (!type || strncasecmp(type, "application/json", 16));
}

static int serve(struct hf_request *r, const struct hf_route *route)
{
	switch (route->what) {
	case HF_WHAT_LINE:
		return hf_ask_line(r, route);
	case HF_WHAT_ITEM:
		return hf_ask_item(r, route);
	case HF_WHAT_ACT:
		return hf_ask_act(r, route);
	case HF_WHAT_COMMAND:
		return hf_ask_command(r);
	case HF_WHAT_JOB:
		return hf_ask_job(r, route->job, NULL, NULL);
	case HF_WHAT_EVENTS:
		if (r->http->server.board_count >= HF_HTTP_BOARDS)
			return hf_reply_refuse(r, 503, "too_many_clients",
					       "too many boards are open");
		r->http->counts.answers[2]++;
		return hf_board_open(r->http, r->connection, hf_ask_tenant(r));
	case HF_WHAT_BOARD:
		return hf_reply_page(r);
	case HF_WHAT_OPENAPI:
		return hf_reply_openapi(r);
	case HF_WHAT_ME:
		return hf_reply_me(r);
	case HF_WHAT_HEALTH:
		return hf_reply_health(r);
	case HF_WHAT_READY:
		return hf_reply_ready(r);
	}
	return MHD_NO;
}

/* What holds for every request; true when it is answered. */
static bool turn_away(struct hf_request *r, int *ret)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const void *from = info ? info->client_addr : NULL;
	struct hf_http *h = r->http;
	uint64_t now = hf_now_ms();

	if (!hf_auth_rate_ok(&h->server, from, 1, now)) {
		h->counts.refused_rate++;
		*ret = hf_reply_refuse(r, 429, "too_many_requests",
				       "you ask too often; wait a little");
	} else if (!hf_auth_host_ok(h->config, header(r, "Host"))) {
		*ret = hf_reply_refuse(r, 421, "forbidden",
				       "this name is not in http.names");
	} else if (r->too_long) {
		*ret = hf_reply_refuse(r, 413, "too_long",
				       "a body is at most 4096 bytes");
	} else if (!hf_auth_user(h->config, header(r, "Authorization"),
				 &r->user)) {
		/* Guessing is made slow. */
		hf_auth_rate_ok(&h->server, from, 20, now);
		h->counts.refused_token++;
		*ret = hf_reply_refuse(r, 401, "unauthorized",
				       "this token is unknown");
	} else {
		return false;
	}
	return true;
}

static int answer(struct hf_request *r)
{
	const struct hf_route *found = NULL;
	bool known = false;
	int ret;

	if (turn_away(r, &ret))
		return ret;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_fits(&routes[i], r->url))
			continue;
		known = true;
		if (wants_post(&routes[i]) == r->post)
			found = &routes[i];
	}
	if (!known)
		return hf_reply_refuse(
			r, 404, "not_found",
			"there is nothing here; see /api/v1/openapi.json");
	if (!found)
		return hf_reply_refuse(r, 405, "bad_request",
				       "not by this method");
	if (found->role > HF_ROLE_HTTP_NONE && is_foreign(r))
		return hf_reply_refuse(
			r, 403, "forbidden",
			r->post ? "send application/json from our own page"
				: "other sites may not ask");
	if (found->role > HF_ROLE_HTTP_NONE && hf_ask_tenant(r) &&
	    !hf_tenant_may_ask(found->path))
		return hf_reply_refuse(
			r, 403, "forbidden",
			"this is of all tenants; you are of one");
	if (r->user.role >= found->role)
		return serve(r, found);
	if (!r->user.named)
		return hf_reply_refuse(r, 401, "unauthorized",
				       "this needs a token");
	return hf_reply_refuse(r, 403, "forbidden",
			       "your role does not allow this");
}

int hf_route_handle(void *http, struct MHD_Connection *connection,
		    const char *url, const char *method, const char *version,
		    const char *body, size_t *body_len, void **request)
{
	struct hf_request *r = *request;

	if (!r) {
		r = calloc(1, sizeof(*r));
		if (!r)
			return MHD_NO;
		r->http = http;
		r->connection = connection;
		*request = r;
		return MHD_YES;
	}
	r->url = url;
	if (*body_len) {
		if (r->body.len + *body_len > HF_REQUEST_MAX)
			r->too_long = true;
		else
			hf_text_add(&r->body, body, *body_len);
		*body_len = 0;
		return MHD_YES;
	}
	if (r->job)
		return hf_reply_job(r);
	if (r->asked)
		return MHD_YES;
	r->post = !strcmp(method, "POST");
	if (!r->post && strcmp(method, "GET") && strcmp(method, "HEAD"))
		return hf_reply_refuse(r, 405, "bad_request",
				       "GET and POST only");
	return answer(r);
}

void hf_route_completed(void *http, struct MHD_Connection *connection,
			void **request)
{
	struct hf_request *r = *request;

	if (!r)
		return;
	hf_job_free(r->job);
	hf_text_free(&r->body);
	free(r);
	*request = NULL;
}
