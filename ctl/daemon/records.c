// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The history of calls: opened where it can be (calls go on without it), fed by
 * the event bus and the park logic, asked through the control socket and HTTP.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/control.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "http/http.h"
#include "hooks/hooks.h"
#include "records/records.h"
#include "sip/loop.h"
#include "store/record.h"

static void history_answered(void *arg)
{
	struct hf_app *app = arg;

	hf_records_heard(app->records);
	hf_control_answered(app->control);
	hf_http_answered(app->http);
}

void hf_app_open_records(struct hf_app *app)
{
	const struct hf_config *c = app->config;
	const struct hf_records_limits limits = {c->history.keep_days,
						 c->history.max_mib};
	char path[4096], err[512] = "";
	int error;

	if (!c->history.keep_days) {
		if (hf_hooks_want_records(app->hooks))
			hf_warn("webhooks: nobody gets records of calls: history.keep_days is 0");
		return;
	}
	if (c->history.path)
		snprintf(path, sizeof(path), "%s", c->history.path);
	else
		snprintf(path, sizeof(path), "%s/history.db",
			 c->control.state_dir);
	error = hf_records_open(path, &limits, &app->records, err,
				sizeof(err));
	if (!error)
		error = hf_bus_subscribe(app->bus, hf_records_event,
					 app->records, &app->record_events);
	if (!error)
		hf_bus_wants(app->record_events, hf_bus_no_json);
	if (!error)
		error = hf_loop_watch(app->loop, hf_records_fd(app->records),
				      history_answered, app);
	if (error) {
		hf_error("%s; calls go on without a history",
			 err[0] ? err : strerror(-error));
		hf_app_close_records(app);
		return;
	}
	hf_control_attach_records(app->control, app->records);
	hf_app_follow_records(app);
}

void hf_app_close_records(struct hf_app *app)
{
	struct hf_records *records = app->records;

	if (app->control)
		hf_control_attach_records(app->control, NULL);
	hf_bus_unsubscribe(app->bus, app->record_events);
	app->record_events = NULL;
	if (!records)
		return;
	app->records = NULL;
	hf_loop_unwatch(app->loop, hf_records_fd(records));
	hf_records_close(records);
}

void hf_app_record_over(void *arg, uint64_t call)
{
	struct hf_app *app = arg;

	hf_records_over(app->records, call);
}

/* Times of the journal are monotonic; noted_* is one moment by both clocks. */
static uint64_t wall_of(const struct hf_store_call *c, int64_t ms)
{
	int64_t wall = c->noted_wall_ms - c->noted_ms + ms;

	return ms > 0 && wall > 0 ? (uint64_t)wall : 0;
}

void hf_app_record_kept(struct hf_app *app, const struct hf_store_call *c)
{
	bool waits = !c->picked_ms && c->park_count;
	const struct hf_record_kept kept = {
		.call = c->id,
		.began_ms = wall_of(c, c->since_ms),
		.parked_ms = waits ? wall_of(c, c->parked_ms) : 0,
		.lot = c->lot,
		.slot = *c->slot ? c->slot : c->last_slot,
		.caller_number = c->who_user,
		.caller_name = c->who_display,
		.caller_uri = c->who_uri,
		.parker_uri = c->parker_uri,
		.retriever_uri = c->picked_uri,
		.user_to_user = c->user_to_user,
		.rule = c->rule,
		.privacy = c->privacy,
	};

	hf_records_kept(app->records, &kept);
}

void hf_app_record_signal(struct hf_app *app, const char *act, int64_t uid,
			  long pid, const char *result, const char *detail)
{
	char origin[32];
	const struct hf_record_act a = {
		.way = "signal",
		.uid = uid,
		.origin = origin,
		.act = act,
		.result = result,
		.detail = detail,
	};

	snprintf(origin, sizeof(origin), "pid %ld", pid);
	hf_records_act(app->records, &a);
}
