// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a frame costs the module, against the straightforward way (one packet
 * allocated, routed and queued for each frame), both by the clock of the module
 * itself. Runs inside scripts/vm; scripts/bench module boots it with -i, where that
 * clock counts instructions.
 *
 *	bench_kmod FILE [ROUNDS]
 *
 * Each round measures both sides, one after the other, and gives one ratio; the
 * median of the rounds is what counts (tests/bench/report.h).
 */
#include <stdlib.h>
#include <unistd.h>

#include <uapi/holdfast.h>

#include "../bench/report.h"
#include "kmod.h"

#define CALLS 1000
#define FRAMES_EACH 20000 /* a round and side */

/* Nanoseconds a frame, or a negative number. */
static double cost(bool plain)
{
	struct rig_request q = attach_request("cost");
	struct rig_stats s = { 0 };
	static struct rig rig;
	char why[256];

	if (begin_with(&rig, NULL, CALLS))
		return -1;
	q.plain = plain;
	if (rig_ask(&rig, &q, why, sizeof(why))) {
		printf("# %s\n", why);
		return -1;
	}
	play(&rig, CALLS);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = q.plain = false;
	rig_ask(&rig, &q, why, sizeof(why));
	while (s.sent < FRAMES_EACH && !rig_stats(&rig, "cost", &s))
		usleep(20000);
	end(&rig, NULL);
	return s.sent ? (double)s.send_ns / (double)s.sent : -1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 9;
	double plain[REPORT_ROUNDS_MAX], ours[REPORT_ROUNDS_MAX];
	struct report r;

	if (argc < 2 || rounds < 1 || rounds > REPORT_ROUNDS_MAX)
		return 2;
	r = report_begin("module");
	for (int i = 0; i < rounds; i++) {
		plain[i] = cost(true);
		ours[i] = cost(false);
		if (plain[i] <= 0 || ours[i] <= 0)
			return 1;
	}
	report_ratio(&r, "straightforward", median(plain, (size_t)rounds), "ns/frame", NULL, 0);
	/* how many times more the straightforward way costs */
	report_ratio(&r, "module", median(ours, (size_t)rounds), "ns/frame", "straightforward",
		     median_ratio(ours, plain, (size_t)rounds));
	report_carry(&r, "rounds", (uint64_t)rounds);
	printf("the straightforward way costs %.2f times as much\n",
	       median_ratio(plain, ours, (size_t)rounds));
	return report_end(&r, argv[1]) ? 1 : 0;
}
