// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfastd, the controller: reads the command line and the configuration, opens
 * every room (ctl/daemon/open.c says in which order) and runs the loop until it
 * is asked to stop.
 *
 * Exit status: 0 asked to stop, 1 failed, 2 bad configuration or usage.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "media/media.h"
#include "sip/loop.h"

int main(int argc, char **argv)
{
	struct hf_app app = {
		.signals = -1,
		.timer = -1,
		.armed_ms = UINT64_MAX,
		.tick_ms = UINT64_MAX,
		.orphans_end_ms = UINT64_MAX,
		.leaving_ms = UINT64_MAX,
	};
	int status = hf_options_read(argc, argv, &app.options);

	if (status)
		return status - 1;
	if (!hf_instance_ok(app.options.instance)) {
		fprintf(stderr,
			"holdfastd: --instance is up to 32 letters, digits, _ and -\n");
		return HF_EXIT_USAGE;
	}
	if (app.options.check)
		return hf_options_check(&app.options);
	hf_log_open("holdfastd",
		    app.options.verbose ? HF_LOG_DEBUG : HF_LOG_INFO);
	app.start_ms = hf_now_ms();
	if (hf_config_load(app.options.config, app.options.instance, stderr,
			   &app.config))
		return HF_EXIT_USAGE;
	if (app.options.prepare) {
		status = hf_app_prepare(&app);
		hf_config_free(app.config);
		return status;
	}
	status = hf_app_open(&app);
	if (!status) {
		printf("ready\n");
		fflush(stdout);
		hf_notify("READY=1");
		hf_watchdog_begin(&app.watchdog);
		hf_loop_run(app.loop);
		hf_notify("STOPPING=1");
		if (app.leave)
			hf_app_leave(&app, 0);
	} else if (app.park && hf_media_is_adopted(app.media)) {
		hf_app_leave(&app, status);
	}
	hf_app_close(&app, !status);
	return status;
}
