// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ways people and programs reach us: control socket, HTTP, SIP. All that can
 * be refused is refused here, before the packet path is touched.
 */
#include <stdio.h>
#include <string.h>

#include "api/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/names.h"
#include "config/config.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "http/http.h"
#include "park/park.h"
#include "sip/loop.h"
#include "sip/stack.h"

static void http_asks(void *arg)
{
	struct hf_app *app = arg;

	if (app->park)
		hf_park_run(app->park, hf_now_ms());
	hf_http_dispatch(app->http);
}

static void registered(void *arg, const char *aor, bool on, const char *why)
{
	struct hf_app *app = arg;
	char reason[400];
	const struct hf_event e = {
		.type = on ? HF_EVENT_REGISTERED : HF_EVENT_UNREGISTERED,
		.reason = reason,
	};

	snprintf(reason, sizeof(reason), "%s: %s", aor, why);
	hf_bus_publish(app->bus, &e);
}

/* Everything that can be refused without having touched the packet path. */
int hf_app_open_signalling(struct hf_app *app)
{
	struct hf_control_wiring control = {
		.config = app->config,
		.bus = app->bus,
		.version = HF_VERSION,
		.start_ms = app->start_ms,
		.reload = hf_app_reload,
		.reload_arg = app,
		.keep_drain = hf_app_keep_drain,
	};
	struct hf_sip_wiring sip = {
		.loop = app->loop,
		.config = app->config,
		.published = hf_app_keep_publication,
		.published_arg = app,
		.registered = registered,
		.registered_arg = app,
	};
	char err[512] = "", spare[4096];
	int error;

	hf_app_spare_path(app, "epoch", spare, sizeof(spare));
	error = hf_control_create(&control, &app->control, err, sizeof(err));
	if (!error)
		error = hf_http_create(hf_control_live(app->control),
				       &app->http, err, sizeof(err));
	if (!error && app->http)
		error = hf_loop_watch(app->loop, hf_http_fd(app->http),
				      http_asks, app);
	if (!error)
		error = hf_epoch_next(app->config->control.state_dir, spare,
				      &app->epoch, err, sizeof(err));
	sip.epoch = app->epoch;
	if (!error && hf_app_open_journal(app))
		return HF_EXIT_FAILED;
	if (!error)
		hf_app_follow_journal(app);
	if (!error)
		error = hf_sip_create(&sip, &app->sip, err, sizeof(err));
	if (!error)
		return 0;
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}
