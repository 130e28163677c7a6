// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is told of what happens: webhooks. Opened before the first call can be
 * taken up, so that nothing is missed.
 */
#include <string.h>

#include "api/control.h"
#include "base/log.h"
#include "daemon/app.h"
#include "hooks/hooks.h"

int hf_app_open_hooks(struct hf_app *app)
{
	char err[512] = "";
	int error = hf_hooks_create(app->config, app->bus, &app->hooks, err,
				    sizeof(err));

	if (!error)
		error = hf_hooks_start(app->hooks);
	if (!error) {
		hf_control_attach_hooks(app->control, app->hooks);
		return 0;
	}
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}
