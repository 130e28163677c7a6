// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a request (request.h) asks the event loop: made a request of the control
 * protocol, from its path, its query and its body.
 */
#include "request.h"

#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "events/json.h"

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
const char *hf_ask_tenant(const struct hf_request *r)
{
	return r->user.named ? r->user.named->tenant : NULL;
}

/* Ask, and let the connection sleep until hf_request_done(). */
int hf_ask_job(struct hf_request *r, enum hf_job_kind kind, char *line,
	       const char *pick)
{
	struct hf_job *job = hf_server_job(kind, may_of(r->user.role), r);

	if (job) {
		job->line = line;
		job->pick = pick;
		job->tenant = hf_ask_tenant(r);
		name_asker(r, job);
	} else {
		free(line);
	}
	if (!hf_server_ask(r->http, job))
		return hf_reply_refuse(r, 503, "too_many_clients",
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
		return hf_reply_refuse(r, 500, "failed", "out of memory");
	return hf_ask_job(r, HF_JOB_REQUEST, line, pick);
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
	const char *only =
		hf_ask_tenant(r)
			? hf_tenant_only_lot(r->http->config, hf_ask_tenant(r))
			: NULL;

	if (only && lot && !strcmp(lot, "*"))
		json_object_set_new(request, "lot", json_string(only));
}

int hf_ask_line(struct hf_request *r, const struct hf_route *route)
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
			return hf_reply_refuse(
				r, 400, "bad_argument",
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

int hf_ask_item(struct hf_request *r, const struct hf_route *route)
{
	const char *rest;
	json_int_t id;

	if (!read_id(r->url + strlen(route->path), &id, &rest) || *rest)
		return hf_reply_refuse(r, 404, "not_found",
				       "there is no such thing");
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

int hf_ask_act(struct hf_request *r, const struct hf_route *route)
{
	const char *rest, *said;
	char command[64];
	json_int_t id;
	json_t *body;

	if (!read_id(r->url + strlen(route->path), &id, &rest) ||
	    *rest != '/' || !rest[1] || strlen(rest) > 32 ||
	    strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz-") != strlen(rest + 1))
		return hf_reply_refuse(r, 404, "not_found",
				       "there is no such act");
	body = read_body(r, &said);
	if (!body)
		return hf_reply_refuse(r, 400, "bad_request", said);
	if (!put_phone(r, body)) {
		json_decref(body);
		return hf_reply_refuse(
			r, 400, "bad_argument",
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

int hf_ask_command(struct hf_request *r)
{
	const char *said;
	json_t *body = read_body(r, &said);

	if (!body)
		return hf_reply_refuse(r, 400, "bad_request", said);
	return ask_json(r, body, NULL);
}
