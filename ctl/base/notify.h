/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What systemd is told of us: sd_notify(3) without its library. Where nobody
 * asked to be told, as from a shell, nothing happens.
 */
#ifndef HOLDFAST_BASE_NOTIFY_H
#define HOLDFAST_BASE_NOTIFY_H

#include <stdint.h>

/* "READY=1" and the like, to whoever started us. */
void hf_notify(const char *state);

/* As often as $WATCHDOG_USEC wants to hear it, a third of the time ahead. */
struct hf_watchdog {
	uint64_t every_ms; /* 0: nobody wants to hear */
	uint64_t due_ms;
};

void hf_watchdog_begin(struct hf_watchdog *w);
/* The loop goes round. Returns when to call again, UINT64_MAX for never. */
uint64_t hf_watchdog_turn(struct hf_watchdog *w, uint64_t now_ms);

#endif
