/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtpengine's userspace player, as the bench of calls has it. */
#ifndef HOLDFAST_BENCH_RTPENGINE_H
#define HOLDFAST_BENCH_RTPENGINE_H

#include <stdint.h>
#include <sys/types.h>

struct rtpengine {
	pid_t pid;
	int fd; /* its control port */
	char wav[128];
};

/* Starts it on `address` and lets it play a file in `dir` to as many calls, at
 * `remote` from UDP port `port` on. 0, or a negative errno; -ENOENT: it is not
 * installed. To be closed in either case. */
int rtpengine_open(struct rtpengine *, const char *dir, const char *address,
		   const char *remote, uint16_t port, uint32_t calls);
void rtpengine_close(struct rtpengine *);

#endif
