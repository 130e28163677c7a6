/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts: somebody waits too long, a lot is nearly full, nobody answered when a
 * call rang back. Each cause is told once, as an event of the bus (so webhooks,
 * the board and netlink have it), by SIP MESSAGE and by a call; and once more,
 * as an event, when it is over. What has been told is kept over restarts by
 * hooks.h.
 *
 * All of it runs on the event loop: hearing of a call is one look into a hash,
 * and nothing is sent from there.
 */
#ifndef HOLDFAST_HOOKS_ALERTS_H
#define HOLDFAST_HOOKS_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

struct hf_alerts;
struct hf_bus;
struct hf_callout;
struct hf_config;
struct hf_config_lot;
struct hf_hooks;
struct hf_park;
struct hf_slot_view;

struct hf_alerts_wiring {
	const struct hf_config *config;
	struct hf_bus *bus;
	struct hf_hooks *hooks;
	/* A line of text to a URI. */
	void (*message)(void *arg, const struct hf_config_lot *, const char *to,
			const char *text);
	/* Call somebody (callouts.h); and no more, the cause is over. */
	void (*call)(void *arg, const struct hf_callout *);
	void (*uncall)(void *arg, const char *cause);
	void *arg;
};

/* Before hf_hooks_start(). *ret stays NULL where no lot has alerts; all take
 * that. */
int hf_alerts_create(const struct hf_alerts_wiring *, struct hf_alerts **ret);
void hf_alerts_destroy(struct hf_alerts *);

/* The calls of the process before us are there; NULL: there is no park (any
 * more). */
void hf_alerts_attach(struct hf_alerts *, struct hf_park *, uint64_t now_ms);
/* Some slot may look different now. */
void hf_alerts_slot_changed(struct hf_alerts *);
/* Tell what is due; not from inside the bus. */
void hf_alerts_run(struct hf_alerts *, uint64_t now_ms);
/* When hf_alerts_run() is next needed, UINT64_MAX = not at all. */
uint64_t hf_alerts_next_ms(const struct hf_alerts *);

#endif
