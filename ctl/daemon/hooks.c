// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is told of what happens: webhooks and alerts. Opened before the first call
 * can be taken up, so that nothing is missed.
 */
#include <string.h>

#include "api/control.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/app.h"
#include "hooks/alerts.h"
#include "hooks/hooks.h"
#include "park/signal.h"
#include "records/records.h"
#include "sip/stack.h"

static void send_message(void *arg, const char *from_user, const char *to,
			 const char *text)
{
	struct hf_app *app = arg;

	hf_sip_signal_ops()->message(app->sip, from_user, to, text);
}

void hf_app_attach_alerts(struct hf_app *app)
{
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
		.arg = app,
	};
	char err[512] = "";
	int error = hf_hooks_create(app->config, app->bus, &app->hooks, err,
				    sizeof(err));

	alerts.hooks = app->hooks;
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
