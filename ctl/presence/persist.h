/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has to be kept of a subscription so that it survives a restart of the
 * controller. The lamps hand a record over whenever one begins or is refreshed,
 * and say when it ends; after a restart each record is given back through
 * hf_lamps_restore(). Who keeps them, and how, is not their concern.
 */
#ifndef HOLDFAST_PRESENCE_PERSIST_H
#define HOLDFAST_PRESENCE_PERSIST_H

#include <stdbool.h>
#include <stdint.h>

#include "watch.h"

/*
 * A record is written at each SUBSCRIBE, and its numbers are older than the last
 * NOTIFY: who takes it up goes on this far above them. A list that changes all
 * the time needs a few hundred a second, for an hour. Never beyond 2^31.
 */
#define HF_WATCH_AHEAD (1u << 20)
#define HF_WATCH_MOST  (INT32_MAX - HF_WATCH_AHEAD)

/* Text lives until the call returns. No text is NULL; absent is "". */
struct hf_watch_record {
	uint64_t id; /* unique over restarts */
	struct hf_watch_dialog dialog;
	const char *number;   /* what is watched: slot, lot or list */
	const char *entity;   /* its URI as the watcher knows it */
	const char *event;    /* "dialog" */
	const char *event_id;
	const char *type;     /* "application/pidf+xml" */
	const char *who;      /* URI of the watcher */
	bool stream;
	/* By both clocks: within one boot the monotonic one counts, which
	 * nobody sets; after another the wall clock is all there is. */
	uint64_t expires_ms, expires_wall_ms;
	bool same_boot; /* for hf_lamps_restore() */
	uint32_t version; /* of the next document, then */
};

struct hf_watch_store {
	void (*save)(void *arg, const struct hf_watch_record *);
	void (*forget)(void *arg, uint64_t id);
	void *arg;
};

#endif
