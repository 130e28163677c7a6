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
	uint64_t expires_wall_ms;
	uint32_t version; /* the next document has at least this one */
};

struct hf_watch_store {
	void (*save)(void *arg, const struct hf_watch_record *);
	void (*forget)(void *arg, uint64_t id);
	void *arg;
};

#endif
