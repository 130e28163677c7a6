// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Puts the rooms together, in the order that lets each failure be told before
 * the packet path is touched:
 *
 *	configuration -> layout of the pinned maps -> control socket (is this
 *	instance free?) -> epoch -> journal -> SIP addresses -> media -> hold
 *	audio -> park logic -> calls of the journal -> "ready"
 */
#include <string.h>

#include "api/control.h"
#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "events/netlink.h"
#include "hooks/alerts.h"
#include "http/http.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "sip/loop.h"
#include "sip/stack.h"

/* Call ids stay readable, and rise over restarts. */
#define HF_CALLS_PER_EPOCH 1000000000ULL

static void slot_changed(void *arg, uint32_t slot)
{
	struct hf_app *app = arg;

	hf_lamps_slot_changed(app->lamps, slot);
	hf_http_slot_changed(app->http, slot);
	hf_alerts_slot_changed(app->alerts);
}

static bool say_into(void *arg, const struct hf_config_lot *lot,
		     const char *music)
{
	struct hf_app *app = arg;

	return hf_library_into(app->library, lot, music);
}

int hf_app_open_park(struct hf_app *app)
{
	const struct hf_park_wiring wiring = {
		.config = app->config,
		.media = app->media,
		.signal = hf_sip_signal_ops(),
		.stack = app->sip,
		.event = hf_bus_publish,
		.event_arg = app->bus,
		.call_id_base = app->epoch * HF_CALLS_PER_EPOCH,
		.slot_changed = slot_changed,
		.slot_arg = app,
		.journal_put = hf_app_journal_put,
		.journal_drop = hf_app_journal_drop,
		.journal_arg = app,
		.over = hf_app_record_over,
		.over_arg = app,
		.say_into = say_into,
		.say_arg = app,
	};
	int error = hf_park_create(&wiring, &app->park);

	if (error) {
		hf_error("park logic: %s", strerror(-error));
		return HF_EXIT_FAILED;
	}
	hf_lamps_attach(app->lamps, app->park, hf_now_ms());
	hf_sip_attach(app->sip, app->park);
	hf_sip_attach_lamps(app->sip, app->lamps, &hf_watch_calls);
	hf_control_attach_lamps(app->control, app->lamps);
	hf_control_attach(app->control, app->park, app->media);
	hf_control_attach_insides(app->control, app->sip, app->store);
	hf_http_not_ready(app->http, NULL);
	hf_control_attach_library(app->control, app->library);
	if (hf_app_restore_calls(app) || hf_app_listen(app))
		return HF_EXIT_FAILED;
	hf_app_attach_alerts(app);
	return 0;
}

static void control_readable(void *arg)
{
	struct hf_app *app = arg;

	if (app->park)
		hf_park_run(app->park, hf_now_ms());
	hf_control_dispatch(app->control);
}

/* The journal of another version stays as that has left it. */
static int check_layout(const struct hf_app *app)
{
	char err[1024];

	if (app->options.memory_media ||
	    !hf_media_check_pinned(app->config, err, sizeof(err)))
		return 0;
	hf_error("%s", err);
	return HF_EXIT_FAILED;
}

int hf_app_open(struct hf_app *app)
{
	int error = hf_app_open_loop(app);

	if (!error)
		error = check_layout(app);
	if (!error && hf_bus_create(0, &app->bus)) {
		hf_error("event bus: out of memory");
		error = HF_EXIT_FAILED;
	}
	if (!error)
		error = hf_app_open_signalling(app);
	if (!error)
		error = hf_app_open_hooks(app);
	if (!error)
		error = hf_app_open_media(app);
	/* After the media: they have loaded the module, if it can be. */
	if (!error && hf_event_netlink_open(app->bus, app->options.instance,
					    &app->netlink))
		hf_warn("events: no netlink here; the control socket has them");
	if (!error)
		error = hf_app_open_lamps(app);
	if (!error)
		hf_app_open_records(app);
	if (!error)
		error = hf_app_open_park(app);
	if (!error && hf_loop_watch(app->loop, hf_control_fd(app->control),
				    control_readable, app)) {
		hf_error("control socket: cannot be watched");
		error = HF_EXIT_FAILED;
	}
	return error;
}
