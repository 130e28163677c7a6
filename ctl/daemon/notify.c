// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What systemd is told of us: sd_notify(3) without its library.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/app.h"

/* Tell systemd, as sd_notify(3) says: one datagram to $NOTIFY_SOCKET. */
void hf_app_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* abstract */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		   (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) <
	    0)
		hf_warn("cannot tell systemd \"%s\": %s", state,
			strerror(errno));
	close(fd);
}

void hf_app_watchdog_begin(struct hf_app *app)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && atol(pid) != (long)getpid()))
		return;
	app->watchdog_ms = (uint64_t)atoll(usec) / 1000 / 3;
	if (usec[0] && !app->watchdog_ms)
		app->watchdog_ms = 1;
}

uint64_t hf_app_watchdog(struct hf_app *app, uint64_t now)
{
	if (!app->watchdog_ms)
		return UINT64_MAX;
	if (now >= app->watchdog_due_ms) {
		hf_app_notify("WATCHDOG=1");
		app->watchdog_due_ms = now + app->watchdog_ms;
	}
	return app->watchdog_due_ms;
}
