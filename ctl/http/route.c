// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a request asks for, and whether who asks may. Reading is GET; whatever
 * changes something is POST with a JSON body and a token, which no page of
 * another site can send. Documentation/openapi.json describes all of it.
 */
#include "internal.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/json.h"

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

enum what {
	WHAT_LINE,    /* a request of the control protocol */
	WHAT_ITEM,    /* the same for one call or leg: /ID behind the path */
	WHAT_ACT,     /* POST /ID/ACT */
	WHAT_COMMAND, /* POST of a whole request */
	WHAT_JOB,
	WHAT_EVENTS,
	WHAT_BOARD,
	WHAT_OPENAPI,
	WHAT_ME,
	WHAT_HEALTH,
	WHAT_READY,
};

struct route {
	const char *path;
	enum what what;
	enum hf_http_role role;
	const char *command; /* of a line; key of the id for an item */
	const char *key;     /* item: name of the id; line: what to pick */
	enum hf_job_kind job;
};

static const struct route routes[] = {
	{"/", WHAT_BOARD, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/healthz", WHAT_HEALTH, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/readyz", WHAT_READY, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/metrics", WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL, HF_JOB_METRICS},
	{"/api/v1/openapi.json", WHAT_OPENAPI, HF_ROLE_HTTP_NONE, NULL, NULL,
	 0},
	{"/api/v1/me", WHAT_ME, HF_ROLE_HTTP_NONE, NULL, NULL, 0},
	{"/api/v1/events", WHAT_EVENTS, HF_ROLE_HTTP_VIEW, NULL, NULL, 0},
	{"/api/v1/acts", WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL, HF_JOB_ACTS},
	{"/api/v1/history", WHAT_JOB, HF_ROLE_HTTP_VIEW, NULL, NULL,
	 HF_JOB_HISTORY},
	{"/api/v1/status", WHAT_LINE, HF_ROLE_HTTP_VIEW, "status", NULL, 0},
	{"/api/v1/lots", WHAT_LINE, HF_ROLE_HTTP_VIEW, "status", "lots", 0},
	{"/api/v1/slots", WHAT_LINE, HF_ROLE_HTTP_VIEW, "slot list", NULL, 0},
	{"/api/v1/calls", WHAT_LINE, HF_ROLE_HTTP_VIEW, "call list", NULL, 0},
	{"/api/v1/calls/", WHAT_ITEM, HF_ROLE_HTTP_VIEW, "call show", "call",
	 0},
	{"/api/v1/calls/", WHAT_ACT, HF_ROLE_HTTP_ACT, "call", "call", 0},
	{"/api/v1/legs", WHAT_LINE, HF_ROLE_HTTP_VIEW, "leg list", NULL, 0},
	{"/api/v1/legs/", WHAT_ITEM, HF_ROLE_HTTP_VIEW, "leg show", "leg", 0},
	{"/api/v1/stats", WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats", NULL, 0},
	{"/api/v1/stats/lots", WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats lots", NULL,
	 0},
	{"/api/v1/stats/hours", WHAT_LINE, HF_ROLE_HTTP_VIEW, "stats hours",
	 NULL, 0},
	{"/api/v1/history/calls", WHAT_LINE, HF_ROLE_HTTP_VIEW, "history list",
	 NULL, 0},
	{"/api/v1/history/calls/", WHAT_ITEM, HF_ROLE_HTTP_VIEW, "history show",
	 "call", 0},
	{"/api/v1/history/audit", WHAT_LINE, HF_ROLE_HTTP_ADMIN,
	 "history audit", NULL, 0},
	{"/api/v1/subscriptions", WHAT_LINE, HF_ROLE_HTTP_VIEW,
	 "subscription list", NULL, 0},
	{"/api/v1/webhooks", WHAT_LINE, HF_ROLE_HTTP_VIEW, "webhook list", NULL,
	 0},
	{"/api/v1/command", WHAT_COMMAND, HF_ROLE_HTTP_ADMIN, NULL, NULL, 0},
};

static bool wants_post(const struct route *r)
{
	return r->what == WHAT_ACT || r->what == WHAT_COMMAND;
}

/* --- answers ---------------------------------------------------------------
 */

void hf_route_headers(struct MHD_Response *response)
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
	hf_route_headers(response);
	queued = MHD_queue_response(r->connection, status, response);
	MHD_destroy_response(response);
	return queued;
}

static int reply_json(struct hf_request *r, unsigned int status, json_t *json)
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

static int refuse(struct hf_request *r, unsigned int status, const char *code,
		  const char *message)
{
	return reply_json(r, status,
			  json_pack("{s:{s:s,s:s}}", "error", "code", code,
				    "message", message));
}

static int reply_job(struct hf_request *r)
{
	struct hf_job *job = r->job;
	const char *type = job->kind == HF_JOB_METRICS
				   ? "text/plain; version=0.0.4; charset=utf-8"
				   : "application/json";

	if (job->text.bad)
		return refuse(r, 500, "failed", "out of memory");
	return reply(r, job->status, type, NULL, job->text.at, job->text.len,
		     MHD_RESPMEM_MUST_COPY);
}

static int reply_page(struct hf_request *r)
{
	struct hf_page page = hf_page_board();

	return reply(r, 200, "text/html; charset=utf-8", r->http->server.policy,
		     page.at, page.len, MHD_RESPMEM_PERSISTENT);
}

static int reply_openapi(struct hf_request *r)
{
	struct hf_page page = hf_page_openapi();

	return reply(r, 200, "application/json", NULL, page.at, page.len,
		     MHD_RESPMEM_PERSISTENT);
}

static int reply_me(struct hf_request *r)
{
	static const char *const role[] = {"none", "view", "act", "admin"};
	const struct hf_config_http_user *u = r->user.named;

	return reply_json(r, 200,
			  json_pack("{s:o,s:s,s:o,s:o}", "name",
				    hf_json_text(u ? u->name : NULL), "role",
				    role[r->user.role], "phone",
				    hf_json_text(u ? u->phone : NULL), "tenant",
				    hf_json_text(u ? u->tenant : NULL)));
}

/* Alive: the event loop answers. It is asked every other second. */
static int reply_health(struct hf_request *r)
{
	uint64_t beat = r->http->beat_ms, now = hf_now_ms();

	if (now > beat + 15000)
		return refuse(r, 503, "failed",
			      "the event loop has not answered for 15 s");
	return reply_json(r, 200, json_pack("{s:b}", "alive", 1));
}

static int reply_ready(struct hf_request *r)
{
	const char *why = r->http->loop.not_ready;

	return reply_json(r, why ? 503 : 200,
			  json_pack("{s:b,s:o}", "ready", !why, "reason",
				    hf_json_text(why)));
}

/* --- asking the loop --------------------------------------------------------
 */

static enum hf_may may_of(enum hf_http_role role)
{
	return role >= HF_ROLE_HTTP_ACT	   ? HF_MAY_ALL
	       : role == HF_ROLE_HTTP_VIEW ? HF_MAY_READ
					   : HF_MAY_NOTHING;
}

/* By whom and from where; for the record of acts. */
static void name_asker(struct hf_request *r, struct hf_job *job)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (r->user.named)
		snprintf(job->who, sizeof(job->who), "%s", r->user.named->name);
	if (info && info->client_addr)
		getnameinfo(info->client_addr,
			    info->client_addr->sa_family == AF_INET6
				    ? sizeof(struct sockaddr_in6)
				    : sizeof(struct sockaddr_in),
			    job->origin, sizeof(job->origin), NULL, 0,
			    NI_NUMERICHOST);
}

/* Whose things who asks may see; NULL = everybody's. */
static const char *tenant_of(const struct hf_request *r)
{
	return r->user.named ? r->user.named->tenant : NULL;
}

/* Ask, and let the connection sleep until hf_request_done(). */
static int ask(struct hf_request *r, enum hf_job_kind kind, char *line,
	       const char *pick)
{
	struct hf_job *job = hf_server_job(kind, may_of(r->user.role), r);

	if (job) {
		job->line = line;
		job->pick = pick;
		job->tenant = tenant_of(r);
		name_asker(r, job);
	} else {
		free(line);
	}
	if (!hf_server_ask(r->http, job))
		return refuse(r, 503, "too_many_clients",
			      "too much is being asked; try again");
	r->asked = true;
	MHD_suspend_connection(r->connection);
	return MHD_YES;
}

static int ask_json(struct hf_request *r, json_t *request, const char *pick)
{
	char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;

	json_decref(request);
	if (!line)
		return refuse(r, 500, "failed", "out of memory");
	return ask(r, HF_JOB_REQUEST, line, pick);
}

void hf_request_done(struct hf_request *r, struct hf_job *job)
{
	r->job = job;
	MHD_resume_connection(r->connection);
}

/* Digits, and what ends them; false if there are none or too many. */
static bool read_id(const char *text, json_int_t *ret, const char **rest)
{
	size_t len = strspn(text, "0123456789");

	if (!len || len > 18)
		return false;
	*ret = strtoll(text, NULL, 10);
	*rest = text + len;
	return true;
}

/* A filter of the history; what it does not know the loop refuses. */
static enum MHD_Result put_filter(void *arg, enum MHD_ValueKind kind,
				  const char *key, const char *value)
{
	static const char *const numbers[] = {"since_ms", "until_ms", "limit",
					      "call"};
	json_t *request = arg;
	const char *rest;
	json_int_t n;

	if (!strcmp(key, "command"))
		return MHD_YES;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(key, numbers[i]) && value &&
		    read_id(value, &n, &rest) && !*rest) {
			json_object_set_new(request, key, json_integer(n));
			return MHD_YES;
		}
	json_object_set_new(request, key, hf_json_text(value ? value : ""));
	return MHD_YES;
}

/* "*" is all lots together: of a tenant that has one, that one. */
static void all_of_one(struct hf_request *r, json_t *request)
{
	const char *lot = json_string_value(json_object_get(request, "lot"));
	const char *only = tenant_of(r) ? hf_tenant_only_lot(r->http->config,
							     tenant_of(r)) :
					  NULL;

	if (only && lot && !strcmp(lot, "*"))
		json_object_set_new(request, "lot", json_string(only));
}

static int ask_line(struct hf_request *r, const struct route *route)
{
	json_t *request = json_pack("{s:s}", "command", route->command);
	const char *lot = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, "lot");
	const char *tenant = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, "tenant");
	json_int_t limit;

	if (strchr(route->path + strlen("/api/v1/"), '/')) {
		MHD_get_connection_values(r->connection, MHD_GET_ARGUMENT_KIND,
					  put_filter, request);
		all_of_one(r, request);
		limit = json_integer_value(json_object_get(request, "limit"));
		if (json_object_get(request, "limit") &&
		    (limit < 1 || limit > HF_HTTP_ROWS)) {
			json_decref(request);
			return refuse(r, 400, "bad_argument",
				      "limit is a number from 1 to 10000");
		}
	} else if (!strcmp(route->command, "slot list")) {
		if (lot)
			json_object_set_new(request, "lot", hf_json_text(lot));
		if (tenant)
			json_object_set_new(request, "tenant",
					    hf_json_text(tenant));
	}
	return ask_json(r, request, route->key);
}

static int ask_item(struct hf_request *r, const struct route *route)
{
	const char *rest;
	json_int_t id;

	if (!read_id(r->url + strlen(route->path), &id, &rest) || *rest)
		return refuse(r, 404, "not_found", "there is no such thing");
	return ask_json(r,
			json_pack("{s:s,s:I}", "command", route->command,
				  route->key, id),
			NULL);
}

/* The body as an object; NULL after `said` has the reason. */
static json_t *read_body(struct hf_request *r, const char **said)
{
	json_t *body;

	*said = "the body has to be a JSON object";
	if (!r->body.len)
		return json_object();
	if (r->body.bad)
		return NULL;
	body = json_loadb(r->body.at, r->body.len, JSON_REJECT_DUPLICATES,
			  NULL);
	if (json_is_object(body))
		return body;
	json_decref(body);
	return NULL;
}

/* "me" is the phone of who asks. */
static bool put_phone(struct hf_request *r, json_t *body)
{
	const char *whom = json_string_value(json_object_get(body, "for"));

	if (!whom || strcmp(whom, "me"))
		return true;
	if (!r->user.named || !r->user.named->phone)
		return false;
	json_object_set_new(body, "for", hf_json_text(r->user.named->phone));
	return true;
}

static int ask_act(struct hf_request *r, const struct route *route)
{
	const char *rest, *said;
	char command[64];
	json_int_t id;
	json_t *body;

	if (!read_id(r->url + strlen(route->path), &id, &rest) ||
	    *rest != '/' || !rest[1] || strlen(rest) > 32 ||
	    strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz-") != strlen(rest + 1))
		return refuse(r, 404, "not_found", "there is no such act");
	body = read_body(r, &said);
	if (!body)
		return refuse(r, 400, "bad_request", said);
	if (!put_phone(r, body)) {
		json_decref(body);
		return refuse(r, 400, "bad_argument",
			      "no phone is configured for you (http.users)");
	}
	snprintf(command, sizeof(command), "%s %s", route->command, rest + 1);
	json_object_set_new(body, "command", json_string(command));
	json_object_set_new(body, route->key, json_integer(id));
	hf_info("http: %s asks: %s %lld",
		r->user.named ? r->user.named->name : "somebody", command,
		(long long)id);
	return ask_json(r, body, NULL);
}

static int ask_command(struct hf_request *r)
{
	const char *said;
	json_t *body = read_body(r, &said);

	if (!body)
		return refuse(r, 400, "bad_request", said);
	return ask_json(r, body, NULL);
}

/* --- the way of a request
 * ----------------------------------------------------- */

/* Exactly, or with something behind a path that ends in a slash. */
static bool path_fits(const struct route *route, const char *url)
{
	size_t len = strlen(route->path);

	if (route->what == WHAT_ITEM || route->what == WHAT_ACT)
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

static int serve(struct hf_request *r, const struct route *route)
{
	switch (route->what) {
	case WHAT_LINE:
		return ask_line(r, route);
	case WHAT_ITEM:
		return ask_item(r, route);
	case WHAT_ACT:
		return ask_act(r, route);
	case WHAT_COMMAND:
		return ask_command(r);
	case WHAT_JOB:
		return ask(r, route->job, NULL, NULL);
	case WHAT_EVENTS:
		if (r->http->server.board_count >= HF_HTTP_BOARDS)
			return refuse(r, 503, "too_many_clients",
				      "too many boards are open");
		r->http->counts.answers[2]++;
		return hf_board_open(r->http, r->connection, tenant_of(r));
	case WHAT_BOARD:
		return reply_page(r);
	case WHAT_OPENAPI:
		return reply_openapi(r);
	case WHAT_ME:
		return reply_me(r);
	case WHAT_HEALTH:
		return reply_health(r);
	case WHAT_READY:
		return reply_ready(r);
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
		*ret = refuse(r, 429, "too_many_requests",
			      "you ask too often; wait a little");
	} else if (!hf_auth_host_ok(h->config, header(r, "Host"))) {
		*ret = refuse(r, 421, "forbidden",
			      "this name is not in http.names");
	} else if (r->too_long) {
		*ret = refuse(r, 413, "too_long",
			      "a body is at most 4096 bytes");
	} else if (!hf_auth_user(h->config, header(r, "Authorization"),
				 &r->user)) {
		/* Guessing is made slow. */
		hf_auth_rate_ok(&h->server, from, 20, now);
		h->counts.refused_token++;
		*ret = refuse(r, 401, "unauthorized", "this token is unknown");
	} else {
		return false;
	}
	return true;
}

static int answer(struct hf_request *r)
{
	const struct route *found = NULL;
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
		return refuse(
			r, 404, "not_found",
			"there is nothing here; see /api/v1/openapi.json");
	if (!found)
		return refuse(r, 405, "bad_request", "not by this method");
	if (found->role > HF_ROLE_HTTP_NONE && is_foreign(r))
		return refuse(
			r, 403, "forbidden",
			r->post ? "send application/json from our own page"
				: "other sites may not ask");
	if (found->role > HF_ROLE_HTTP_NONE && tenant_of(r) &&
	    !hf_tenant_may_ask(found->path))
		return refuse(r, 403, "forbidden",
			      "this is of all tenants; you are of one");
	if (r->user.role >= found->role)
		return serve(r, found);
	if (!r->user.named)
		return refuse(r, 401, "unauthorized", "this needs a token");
	return refuse(r, 403, "forbidden", "your role does not allow this");
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
		return reply_job(r);
	if (r->asked)
		return MHD_YES;
	r->post = !strcmp(method, "POST");
	if (!r->post && strcmp(method, "GET") && strcmp(method, "HEAD"))
		return refuse(r, 405, "bad_request", "GET and POST only");
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
