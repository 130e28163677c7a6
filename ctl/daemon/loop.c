// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The loop: signals, the one timer, and what is done before each sleep.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemon/app.h"
#include "hooks/alerts.h"
#include "hooks/callouts.h"
#include "http/http.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "sip/loop.h"
#include "sip/stack.h"
#include "store/store.h"

/* How often the media is looked at while there are calls. */
#define HF_MEDIA_TICK_MS 100

static void arm(struct hf_app *app, uint64_t at_ms)
{
	struct itimerspec when = {0};

	if (at_ms == app->armed_ms)
		return;
	app->armed_ms = at_ms;
	if (at_ms != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at_ms / 1000);
		when.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000 + 1;
	}
	if (timerfd_settime(app->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		hf_error("timer: %s", strerror(errno));
}

/* The lamps' turn; when is the next? */
static uint64_t lamps_next(struct hf_app *app)
{
	if (hf_lamps_next_ms(app->lamps) <= hf_now_ms())
		hf_lamps_run(app->lamps, hf_now_ms());
	return hf_lamps_next_ms(app->lamps);
}

/* Before each sleep: what is the next thing to be done without being asked? */
static void before_wait(void *arg)
{
	struct hf_app *app = arg;
	uint64_t next, lamps, watchdog;

	if (app->sip && app->store)
		hf_app_journal_flush(app);
	if (!app->park) { /* opening, or saying goodbye */
		next = app->store ? hf_store_next_ms(app->store) : UINT64_MAX;
		lamps = app->stopping && app->lamps ? lamps_next(app) :
						      UINT64_MAX;
		arm(app, next < lamps ? next : lamps);
		return;
	}
	watchdog = hf_watchdog_turn(&app->watchdog, hf_now_ms());
	hf_alerts_run(app->alerts, hf_now_ms());
	hf_callouts_run(app->callouts, hf_now_ms());
	hf_http_flush(app->http);
	next = hf_park_next_ms(app->park);
	if (hf_alerts_next_ms(app->alerts) < next)
		next = hf_alerts_next_ms(app->alerts);
	if (hf_callouts_next_ms(app->callouts) < next)
		next = hf_callouts_next_ms(app->callouts);
	if (app->orphans_end_ms < next)
		next = app->orphans_end_ms;
	if (watchdog < next)
		next = watchdog;
	if (app->leaving_ms < next)
		next = app->leaving_ms;
	if (app->tick_ms == UINT64_MAX) {
		struct hf_park_totals totals;

		hf_park_totals(app->park, &totals);
		if (totals.calls || totals.talks)
			app->tick_ms = hf_now_ms() + HF_MEDIA_TICK_MS;
	}
	next = next < app->tick_ms ? next : app->tick_ms;
	lamps = lamps_next(app);
	if (hf_sip_holds(app->sip) && hf_store_next_ms(app->store) < next)
		next = hf_store_next_ms(app->store);
	arm(app, next < lamps ? next : lamps);
}

static void timer_due(void *arg)
{
	struct hf_app *app = arg;
	struct hf_park_totals totals;
	uint64_t now = hf_now_ms(), ticks;

	if (read(app->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		hf_error("timer: %s", strerror(errno));
	app->armed_ms = UINT64_MAX;
	if (!app->park)
		return;
	hf_park_run(app->park, now);
	hf_app_end_orphans(app, now);
	hf_app_let_go(app, now);
	if (now < app->tick_ms)
		return;
	hf_media_tick(app->media);
	/* One tick after the last call, then rest. */
	hf_park_totals(app->park, &totals);
	app->tick_ms = totals.calls || totals.talks ? now + HF_MEDIA_TICK_MS
						    : UINT64_MAX;
}

static void signal_came(void *arg)
{
	struct hf_app *app = arg;
	struct signalfd_siginfo info;

	while (read(app->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			hf_app_reload_by_signal(app, info.ssi_uid,
						info.ssi_pid);
			continue;
		}
		app->leave = info.ssi_signo == SIGUSR1;
		app->impatient = app->stopping;
		app->stopping = true;
		hf_loop_stop(app->loop);
	}
}

int hf_app_open_loop(struct hf_app *app)
{
	sigset_t set;
	int error = hf_loop_create(&app->loop);

	if (error) {
		hf_error("event loop: %s", strerror(-error));
		return HF_EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	app->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	app->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (app->signals < 0 || app->timer < 0 ||
	    hf_loop_watch(app->loop, app->signals, signal_came, app) ||
	    hf_loop_watch(app->loop, app->timer, timer_due, app)) {
		hf_error("event loop: %s", strerror(errno));
		return HF_EXIT_FAILED;
	}
	hf_loop_before_wait(app->loop, before_wait, app);
	return 0;
}
