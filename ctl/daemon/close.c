// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end: every call hung up, or every call left to the next holdfastd.
 */
#include <unistd.h>

#include "api/control.h"
#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "events/netlink.h"
#include "hooks/alerts.h"
#include "hooks/callouts.h"
#include "hooks/hooks.h"
#include "http/http.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "push/push.h"
#include "sip/loop.h"
#include "sip/stack.h"
#include "store/store.h"

/* How long a stop waits for the answers to its BYEs. */
#define HF_LAST_BYE_MS 2000

/* The last BYEs go out and are answered and the lamps of ended calls go dark,
 * or their time is over. */
static void say_goodbye(struct hf_app *app)
{
	uint64_t until = hf_now_ms() + HF_LAST_BYE_MS;

	while ((!hf_sip_idle(app->sip) || !hf_lamps_idle(app->lamps)) &&
	       hf_now_ms() < until && !app->impatient)
		hf_loop_step(app->loop, 50);
}

/* In any state of half-openness. `hang_up`: we were asked to stop. */
void hf_app_close(struct hf_app *app, bool hang_up)
{
	if (app->control) {
		hf_control_attach(app->control, NULL, NULL);
		hf_control_attach_insides(app->control, NULL, NULL);
		hf_http_not_ready(app->http, "stopping");
		hf_control_attach_library(app->control, NULL);
		hf_control_attach_lamps(app->control, NULL);
	}
	if (app->media) {
		hf_media_listen(app->media, NULL);
		if (hf_media_fd(app->media) >= 0)
			hf_loop_unwatch(app->loop, hf_media_fd(app->media));
	}
	hf_alerts_attach(app->alerts, NULL, hf_now_ms());
	hf_callouts_attach(app->callouts, NULL);
	/* Subscriptions stay in the journal: whether the next holdfastd comes at
	 * once or not at all, nobody has to subscribe anew. */
	hf_park_destroy(app->park, hang_up);
	app->park = NULL;
	if (app->lamps)
		hf_lamps_attach(app->lamps, NULL, hf_now_ms());
	if (app->sip) {
		hf_sip_attach(app->sip, NULL);
		if (hang_up) {
			hf_sip_unpublish(app->sip);
			hf_sip_unregister(app->sip);
			say_goodbye(app);
		}
		hf_sip_attach_lamps(app->sip, NULL, NULL);
	}
	if (app->library) {
		hf_loop_unwatch(app->loop, hf_library_fd(app->library));
		hf_library_destroy(app->library);
		app->library = NULL;
	}
	if (app->http) {
		hf_loop_unwatch(app->loop, hf_http_fd(app->http));
		hf_http_destroy(app->http);
	}
	/* A start that failed ends no call of the process before us. */
	hf_media_close(app->media,
		       hang_up || !hf_media_is_adopted(app->media));
	hf_app_close_records(app);
	if (app->control) {
		hf_loop_unwatch(app->loop, hf_control_fd(app->control));
		hf_control_destroy(app->control);
	}
	hf_alerts_destroy(app->alerts);
	hf_callouts_destroy(app->callouts);
	hf_hooks_destroy(app->hooks); /* it has heard how every call ended */
	hf_push_destroy(app->push);
	hf_lamps_destroy(app->lamps);
	hf_sip_destroy(app->sip);
	if (app->store) {
		hf_loop_unwatch(app->loop, hf_store_fd(app->store));
		hf_store_close(app->store);
	}
	if (app->lamp_events)
		hf_bus_unsubscribe(app->bus, app->lamp_events);
	hf_event_netlink_close(app->netlink);
	hf_bus_destroy(app->bus);
	if (app->loop) {
		hf_loop_unwatch(app->loop, app->signals);
		hf_loop_unwatch(app->loop, app->timer);
		hf_loop_destroy(app->loop);
	}
	if (app->signals >= 0)
		close(app->signals);
	if (app->timer >= 0)
		close(app->timer);
	hf_app_close_reload(app);
	hf_config_free(app->config);
}

/* All is in the journal and in the pinned maps: end as if killed, and the next
 * holdfastd takes the calls up. */
void hf_app_leave(struct hf_app *app, int status)
{
	struct hf_park_totals totals;

	hf_park_totals(app->park, &totals);
	hf_store_close(app->store);
	hf_app_close_records(app);
	hf_hooks_destroy(app->hooks); /* the records have told it the last */
	hf_info("left %u calls to the next holdfastd", totals.calls);
	unlink(app->config->control.socket);
	_exit(status);
}
