// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is told of what happens: webhooks and alerts. Opened before the first call
 * can be taken up, so that nothing is missed.
 */
#include <string.h>

#include "api/control.h"
#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "hooks/alerts.h"
#include "hooks/callouts.h"
#include "hooks/hooks.h"
#include "park/signal.h"
#include "records/records.h"
#include "sip/stack.h"

static void send_message(void *arg, const struct hf_config_lot *lot,
			 const char *to,
			 const char *text)
{
	struct hf_app *app = arg;

	hf_sip_signal_ops()->message(app->sip, lot->of, lot->park, to, text);
}

static void call_somebody(void *arg, const struct hf_callout *callout)
{
	struct hf_app *app = arg;

	hf_callouts_add(app->callouts, callout);
}

static void call_nobody(void *arg, const char *cause)
{
	struct hf_app *app = arg;

	hf_callouts_cancel(app->callouts, cause);
}

static int speak(void *arg, const char *text, const char *voice, char *clip,
		 size_t len)
{
	struct hf_app *app = arg;

	return hf_library_speak(app->library, text, voice, clip, len);
}

static void forget(void *arg, const char *clip)
{
	struct hf_app *app = arg;

	if (app->library)
		hf_library_forget(app->library, clip);
}

static void spoken(void *arg, const char *clip, const char *why)
{
	struct hf_app *app = arg;

	hf_callouts_spoken(app->callouts, clip, why);
}

void hf_app_attach_alerts(struct hf_app *app)
{
	hf_library_follow(app->library, spoken, app);
	hf_callouts_attach(app->callouts, app->park);
	hf_alerts_attach(app->alerts, app->park, hf_now_ms());
}

/* Both sides may come first. */
void hf_app_follow_records(struct hf_app *app)
{
	if (hf_hooks_want_records(app->hooks))
		hf_records_follow(app->records, hf_hooks_record, app->hooks);
}

void hf_app_close_hooks(struct hf_app *app)
{
	hf_control_attach_hooks(app->control, NULL);
	hf_records_follow(app->records, NULL, NULL);
	hf_alerts_attach(app->alerts, NULL, hf_now_ms());
	hf_alerts_destroy(app->alerts);
	hf_callouts_keep(app->callouts, NULL);
	hf_hooks_destroy(app->hooks);
	app->alerts = NULL;
	app->hooks = NULL;
}

int hf_app_open_hooks(struct hf_app *app)
{
	struct hf_alerts_wiring alerts = {
		.config = app->config,
		.bus = app->bus,
		.message = send_message,
		.call = call_somebody,
		.uncall = call_nobody,
		.arg = app,
	};
	const struct hf_callouts_wiring callouts = {
		.bus = app->bus,
		.speak = speak,
		.forget = forget,
		.arg = app,
	};
	char err[512] = "";
	int error = hf_hooks_create(app->config, app->bus, &app->hooks, err,
				    sizeof(err));

	alerts.hooks = app->hooks;
	/* Those who ring stay over a reload. */
	if (!error && !app->callouts)
		error = hf_callouts_create(&callouts, &app->callouts);
	hf_callouts_keep(app->callouts, app->hooks);
	if (!error)
		error = hf_alerts_create(&alerts, &app->alerts);
	if (!error)
		error = hf_hooks_start(app->hooks);
	if (!error) {
		hf_control_attach_hooks(app->control, app->hooks);
		hf_app_follow_records(app);
		return 0;
	}
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}
