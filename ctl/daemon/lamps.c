// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What phones and PBXs see of the slots: subscriptions and pushed states.
 */
#include <string.h>

#include "base/log.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "presence/lamps.h"
#include "push/push.h"
#include "sip/stack.h"

/* What phones see of the slots. */
int hf_app_open_lamps(struct hf_app *app)
{
	const struct hf_lamps_wiring wiring = {
		.config = app->config,
		.ops = hf_sip_watch_ops(),
		.stack = app->sip,
		.epoch = app->epoch,
	};
	int error = hf_lamps_create(&wiring, &app->lamps);

	if (!error)
		error = hf_bus_subscribe(app->bus, hf_lamps_event, app->lamps,
					 &app->lamp_events);
	if (!error)
		error = hf_push_create(app->config, app->lamps, &app->push);
	if (!error)
		return 0;
	hf_error("lamps: %s", strerror(-error));
	return HF_EXIT_FAILED;
}
