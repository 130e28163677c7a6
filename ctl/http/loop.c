// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The side of the event loop: answers the HTTP thread's jobs with the functions
 * that answer the control socket. A long list is answered a piece a turn, so SIP
 * never waits for one. tell.c has what is said unasked.
 */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/bus.h"
#include "events/json.h"
#include "park/park.h"

/* Acts that the board shows where the controller has them. */
static const char *const acts[] = {"move", "kick", "retrieve", "step-in",
				   "page"};

static unsigned int status_of(const json_t *answer)
{
	static const struct {
		const char *code;
		unsigned int status;
	} table[] = {
		{"bad_request", 400}, {"bad_argument", 400},
		{"too_long", 413},    {"unknown_command", 404},
		{"not_found", 404},   {"forbidden", 403},
		{"starting", 503},    {"too_many_clients", 503},
		{"failed", 409},
	};
	const char *code = json_string_value(
		json_object_get(json_object_get(answer, "error"), "code"));

	if (!answer)
		return 500;
	if (!code)
		return json_object_get(answer, "error") ? 409 : 200;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(code, table[i].code))
			return table[i].status;
	return 409;
}

/* The next rows of a list; true when all are in. */
static bool list_some(struct hf_loop_side *l, struct hf_job *job)
{
	json_t *rows = json_array(), *row;
	bool more;
	size_t i;

	if (!rows || !l->wiring->park || !l->wiring->media) {
		json_decref(rows);
		job->text.len = 0;
		job->status = 503;
		hf_text_print(&job->text,
			      "{\"error\":{\"code\":\"starting\",\"message\":"
			      "\"holdfastd is stopping\"}}");
		return true;
	}
	more = job->listing.more(l->wiring, &job->listing, rows);
	if (job->listing.answer) {
		json_decref(rows);
		job->status = status_of(job->listing.answer);
		job->listing.answer = hf_tenant_show(
			l->wiring->config, job->tenant, job->listing.answer);
		job->status = status_of(job->listing.answer);
		hf_private_mask(job->listing.answer);
		job->text.len = 0;
		hf_text_json(&job->text, job->listing.answer);
		return true;
	}
	hf_tenant_filter(l->wiring->config, job->tenant, rows);
	hf_private_mask(rows);
	json_array_foreach(rows, i, row)
	{
		hf_text_add(&job->text, job->text.len ? "," : "[", 1);
		hf_text_json(&job->text, row);
	}
	json_decref(rows);
	if (job->listing.failed)
		job->text.bad = true;
	if (more)
		return false;
	if (!job->text.len)
		hf_text_add(&job->text, "[", 1);
	hf_text_add(&job->text, "]", 1);
	return true;
}

/* A call that who asks does not see is not there for him; of other requests,
 * rows are left out later. */
static bool is_not_there(struct hf_loop_side *l, const struct hf_job *job,
			 const char *line)
{
	json_t *request = job->tenant ? json_loads(line, 0, NULL) : NULL;
	const char *command =
		json_string_value(json_object_get(request, "command"));
	bool gone = command && !strncmp(command, "call ", 5) &&
		    strcmp(command, "call list") &&
		    !hf_tenant_has_call(l->wiring, job->tenant,
					json_integer_value(json_object_get(
						request, "call")));

	json_decref(request);
	return gone;
}

/* True when it is answered. */
static bool ask(struct hf_loop_side *l, struct hf_job *job, const char *line)
{
	const struct hf_asker asker = {
		.may = job->may,
		.way = "http",
		.who = job->who[0] ? job->who : "anonymous",
		.uid = -1,
		.origin = job->origin,
	};
	struct hf_answer answer;

	if (is_not_there(l, job, line))
		answer = (struct hf_answer){
			.json = hf_request_error(HF_ERR_NOT_FOUND,
						 "there is no such call")};
	else
		hf_request_answer(l->wiring, &asker, line, strlen(line),
				  &answer);
	job->status = 200;
	if (answer.listing.more) {
		job->listing = answer.listing;
		return list_some(l, job);
	}
	if (answer.monitor)
		answer.json = hf_request_error(HF_ERR_BAD_REQUEST,
					       "events are at /api/v1/events");
	job->status = status_of(answer.json);
	hf_private_mask(answer.json);
	if (job->pick)
		hf_tenant_filter(l->wiring->config, job->tenant,
				 json_object_get(answer.json, job->pick));
	if (job->pick && job->status == 200)
		hf_text_json(&job->text,
			     json_object_get(answer.json, job->pick));
	else
		hf_text_json(&job->text, answer.json);
	json_decref(answer.json);
	return true;
}

/* An act that is there complains about its arguments, not about its name: asked
 * without any it does nothing, and by nobody it is not recorded. */
static bool offers(struct hf_loop_side *l, const char *act)
{
	struct hf_control_wiring unrecorded = *l->wiring;
	const struct hf_asker asker = {.may = HF_MAY_ALL, .uid = -1};
	struct hf_answer answer;
	char line[64];
	const char *code;
	bool there;

	unrecorded.records = NULL;
	snprintf(line, sizeof(line), "{\"command\":\"call %s\"}", act);
	hf_request_answer(&unrecorded, &asker, line, strlen(line), &answer);
	code = json_string_value(
		json_object_get(json_object_get(answer.json, "error"), "code"));
	there = code && !strcmp(code, "bad_argument");
	json_decref(answer.json);
	return there;
}

static void list_acts(struct hf_loop_side *l, struct hf_job *job)
{
	job->status = 200;
	hf_text_add(&job->text, "[", 1);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		if (offers(l, acts[i]))
			hf_text_print(&job->text, "%s\"%s\"",
				      job->text.len > 1 ? "," : "", acts[i]);
	hf_text_add(&job->text, "]", 1);
}

static void beat(struct hf_http *h)
{
	struct hf_text text = {0};
	struct hf_said *said;

	h->beat_ms = hf_now_ms();
	hf_text_print(
		&text,
		"event: beat\ndata: {\"wall_ms\":%llu,\"last_event\":%llu,"
		"\"ready\":%s}\n\n",
		(unsigned long long)hf_wall_ms(),
		(unsigned long long)hf_bus_last(h->loop.wiring->bus),
		h->ready ? "true" : "false");
	said = text.bad ? NULL : calloc(1, sizeof(*said));
	if (!said) {
		hf_text_free(&text);
		return;
	}
	said->text = text;
	said->beat = true;
	hf_queue_say(&h->queue, said);
}

/* A board's slot table begins: what changes from now on goes to it too. */
static void announce(struct hf_http *h, struct hf_job *job)
{
	struct hf_said *said = calloc(1, sizeof(*said));

	if (said) {
		said->began = job;
		hf_queue_say(&h->queue, said);
	} else {
		job->text.bad = true;
	}
}

/* Work at a job for one turn; true when it is answered. */
static bool work(struct hf_http *h, struct hf_job *job)
{
	struct hf_loop_side *l = &h->loop;
	json_t *json;

	if (job->listing.more)
		return list_some(l, job);
	switch (job->kind) {
	case HF_JOB_BOARD:
		announce(h, job);
		return ask(l, job, "{\"command\":\"slot list\"}");
	case HF_JOB_REQUEST:
		return ask(l, job, job->line);
	case HF_JOB_METRICS:
		job->status = 200;
		hf_metrics_write(h, &job->text);
		return true;
	case HF_JOB_HISTORY:
		job->status = 200;
		json = hf_tally_history(&l->tally, hf_wall_ms());
		hf_text_json(&job->text, json);
		json_decref(json);
		return true;
	case HF_JOB_ACTS:
		list_acts(l, job);
		return true;
	case HF_JOB_BEAT:
		beat(h);
		return true;
	}
	return true;
}

static void done(struct hf_http *h, struct hf_job *job)
{
	struct hf_said *said = calloc(1, sizeof(*said));
	uint64_t ns = hf_now_ns() - job->asked_ns;

	h->counts.asked++;
	h->counts.asked_ns += ns;
	if (ns > h->counts.asked_most_ns)
		h->counts.asked_most_ns = ns;
	if (!said) {
		/* Its request stays open until the client gives up. */
		hf_error("http: an answer is lost: out of memory");
		return;
	}
	said->job = job;
	hf_queue_say(&h->queue, said);
}

/* One whose history has come, or, at the end, never will. */
static struct hf_job *take_waiting(struct hf_http *h)
{
	struct hf_job **at = &h->loop.waiting, *job;

	while ((job = *at) && job->listing.waits && !h->stop)
		at = &job->next;
	if (job)
		*at = job->next;
	return job;
}

void hf_http_answered(struct hf_http *h)
{
	if (!h || !h->loop.waiting)
		return;
	for (struct hf_job *job = h->loop.waiting; job; job = job->next)
		job->listing.waits = false;
	hf_queue_wake(h->queue.to_loop);
}

static struct hf_job *take_job(struct hf_http *h)
{
	struct hf_job *job = h->loop.waiting ? take_waiting(h) : NULL;

	return job ? job : hf_queue_take_job(&h->queue);
}

void hf_http_dispatch(struct hf_http *h)
{
	uint64_t count;
	struct hf_loop_side *l = &h->loop;

	while (read(h->queue.to_loop, &count, sizeof(count)) > 0)
		;
	/* A few small jobs or one piece of a list, then SIP has its turn. */
	for (int i = 0; i < 8; i++) {
		if (!l->work)
			l->work = take_job(h);
		if (!l->work)
			return;
		if (work(h, l->work)) {
			done(h, l->work);
			l->work = NULL;
		} else if (l->work->listing.waits) {
			l->work->next = l->waiting;
			l->waiting = l->work;
			l->work = NULL;
		} else {
			break;
		}
	}
	hf_queue_wake(h->queue.to_loop);
}

int hf_http_fd(const struct hf_http *h)
{
	return h->queue.to_loop;
}

/* --- life ---------------------------------------------------------------- */

void hf_http_reload(struct hf_http *h, const struct hf_config *config)
{
	struct hf_loop_side *l = h ? &h->loop : NULL;
	struct hf_said *said = h ? calloc(1, sizeof(*said)) : NULL;

	if (!h)
		return;
	/* A list of slots that is half told fits no more. */
	if (l->work && l->work->listing.more && !l->work->listing.question)
		l->work->listing.failed = true;
	if (hf_tally_reload(&l->tally, h->config, config) ||
	    hf_tell_open(l, config)) {
		hf_error("http: out of memory: no board sees the new lots");
		free(said);
		return;
	}
	h->config = config;
	if (!said)
		return;
	said->over = true;
	hf_queue_say(&h->queue, said);
}

static int open_loop_side(struct hf_http *h,
			  const struct hf_control_wiring *wiring)
{
	struct hf_loop_side *l = &h->loop;
	int err;

	l->wiring = wiring;
	l->not_ready = "starting";
	err = hf_tell_open(l, h->config);
	if (err)
		return err;
	err = hf_tally_open(&l->tally, h->config->lot_count);
	if (!err)
		err = hf_bus_subscribe(wiring->bus, hf_tell_event, h,
				       &l->reader);
	if (!err)
		hf_bus_wants(l->reader, hf_tell_wanted);
	return err;
}

int hf_http_create(const struct hf_control_wiring *wiring, struct hf_http **ret,
		   char *err, size_t err_len)
{
	struct hf_http *h;
	int failed;

	*ret = NULL;
	if (!wiring->config->http.listen_count)
		return 0;
	h = calloc(1, sizeof(*h));
	if (!h) {
		snprintf(err, err_len, "http: out of memory");
		return -ENOMEM;
	}
	h->config = wiring->config;
	h->queue.to_loop = h->queue.to_http = h->server.epoll = -1;
	failed = hf_queue_open(&h->queue);
	if (!failed)
		failed = open_loop_side(h, wiring);
	if (failed)
		snprintf(err, err_len, "http: %s", strerror(-failed));
	else
		failed = hf_server_start(h, err, err_len);
	if (failed) {
		hf_http_destroy(h);
		return failed;
	}
	*ret = h;
	return 0;
}

void hf_http_not_ready(struct hf_http *h, const char *why)
{
	if (!h)
		return;
	h->loop.not_ready = why;
	h->ready = !why;
}

void hf_http_destroy(struct hf_http *h)
{
	struct hf_job *job;

	if (!h)
		return;
	if (h->loop.reader)
		hf_bus_unsubscribe(h->loop.wiring->bus, h->loop.reader);
	hf_server_stop(h);
	hf_job_free(h->loop.work);
	while ((job = h->loop.waiting)) {
		h->loop.waiting = job->next;
		hf_job_free(job);
	}
	hf_queue_close(&h->queue);
	hf_tally_close(&h->loop.tally);
	hf_text_free(&h->loop.happened);
	hf_tell_close(&h->loop);
	free(h->loop.changed);
	free(h->loop.is_changed);
	free(h);
}
