// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stack's clock. It reads CLOCK_REALTIME, so a wall clock set back by an
 * hour stops every SIP timer for an hour, and its timers are kept in whole
 * milliseconds while the clock is finer, so that its loop spins through the
 * last one before each. Both are cured by the hook that the library keeps for
 * its own tests: time that goes by CLOCK_MONOTONIC, in whole milliseconds.
 *
 * loop.c installs it before anything of the stack runs.
 */
#include "private.h"

#include "base/clock.h"

#define HF_NTP_EPOCH_S 2208988800ULL /* 1900 to 1970, as the stack counts */

extern void (*_su_time)(su_time_t *tv);

/* The hook has no argument to carry this: wall time minus monotonic time when
 * the hook was installed, so that what the stack prints as a date is near. */
static uint64_t offset_ms;

static void monotonic_time(su_time_t *tv)
{
	uint64_t ms;

	if (!tv)
		return;
	ms = hf_now_ms() + offset_ms;
	tv->tv_sec = (unsigned long)(ms / 1000 + HF_NTP_EPOCH_S);
	tv->tv_usec = (unsigned long)(ms % 1000 * 1000);
}

void hf_clock_install(void)
{
	if (_su_time == monotonic_time)
		return;
	offset_ms = hf_wall_ms() - hf_now_ms();
	_su_time = monotonic_time;
}
