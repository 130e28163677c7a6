// SPDX-License-Identifier: GPL-2.0-or-later
/* What systemd is told of us, see notify.h. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/notify.h"

/* Tell systemd, as sd_notify(3) says: one datagram to $NOTIFY_SOCKET. */
void hf_notify(const char *state)
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

void hf_watchdog_begin(struct hf_watchdog *w)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && atol(pid) != (long)getpid()))
		return;
	w->every_ms = (uint64_t)atoll(usec) / 1000 / 3;
	if (usec[0] && !w->every_ms)
		w->every_ms = 1;
}

uint64_t hf_watchdog_turn(struct hf_watchdog *w, uint64_t now_ms)
{
	if (!w->every_ms)
		return UINT64_MAX;
	if (now_ms >= w->due_ms) {
		hf_notify("WATCHDOG=1");
		w->due_ms = now_ms + w->every_ms;
	}
	return w->due_ms;
}
