/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Webhooks: what happens is told to URLs, in the words of plain JSON, Slack or
 * Teams, signed, and until it has arrived (Documentation/hooks.md).
 *
 * A thread of its own does the talking and the writing to disk. The event loop
 * only hands a copy over, under a lock that is held for a few instructions;
 * whatever is wrong with a receiver, a disk or a name server stays over there.
 * The queue is a SQLite database beside the journal, so what is not delivered
 * goes on after a restart. Alerts (alerts.h) keep in it what they have told.
 *
 * All functions are for the thread of the event loop, unless it says otherwise.
 */
#ifndef HOLDFAST_HOOKS_HOOKS_H
#define HOLDFAST_HOOKS_HOOKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_bus;
struct hf_config;
struct hf_hooks;

/* Opens the queue and reads what waits in it; delivers from hf_hooks_start()
 * on. *ret stays NULL where there are no webhooks and no alerts. One sentence
 * in err. */
int hf_hooks_create(const struct hf_config *, struct hf_bus *,
		    struct hf_hooks **ret, char *err, size_t err_len);
int hf_hooks_start(struct hf_hooks *);
/* What was handed over is on disk when this returns; what is being sent goes
 * again after the next start. Takes NULL. */
void hf_hooks_destroy(struct hf_hooks *);

/* The record of a call that is over, for those who asked for "record"; keys as
 * of `history show`. From any thread. Fits hf_records_follow(). */
void hf_hooks_record(void *hooks, const json_t *call);
/* Does anybody want them? Takes NULL. */
bool hf_hooks_want_records(const struct hf_hooks *);

/* What an alert has told, kept over restarts. */
void hf_hooks_raise(struct hf_hooks *, const char *cause, bool on);
void hf_hooks_each_raised(struct hf_hooks *,
			  void (*fn)(void *arg, const char *cause), void *arg);

/* --- for people -------------------------------------------------------------- */

struct hf_hook_view {
	const char *name, *format;
	char to[128]; /* scheme, host and port; the rest may be a secret */
	bool sick;    /* the last attempt failed */
	char said[128]; /* why, "" */
	uint32_t waiting, sending, failed; /* entries now */
	uint64_t delivered, attempts_failed, given_up, dropped;
	uint32_t next_s; /* to the next attempt of a sick one */
	uint64_t oldest_wall_ms; /* of those that wait, 0 = none */
};
enum hf_delivery_state {
	HF_DELIVERY_WAITING,
	HF_DELIVERY_SENDING,
	HF_DELIVERY_DELIVERED,
	HF_DELIVERY_FAILED, /* given up; kept for hf_hooks_retry() */
};
struct hf_delivery_view {
	uint64_t id, call;
	const char *event;
	enum hf_delivery_state state;
	uint64_t wall_ms; /* of the event */
	uint32_t attempts, status, ms; /* of the last: HTTP status, how long */
	char said[128]; /* what the last attempt came to, "" */
};
const char *hf_delivery_state_name(enum hf_delivery_state);

/* The callback may not call back. NULL has none. */
void hf_hooks_each(struct hf_hooks *, void (*fn)(void *, const struct hf_hook_view *),
		   void *arg);
/* The newest deliveries of one, waiting or done, newest first; -ENOENT. */
#define HF_HOOK_SHOWN 50
int hf_hooks_deliveries(struct hf_hooks *, const char *name,
			void (*fn)(void *, const struct hf_delivery_view *),
			void *arg);
/* Try at once whatever waits, and again what was given up. *ret counts; the
 * work is the thread's. -ENOENT. */
int hf_hooks_retry(struct hf_hooks *, const char *name, uint32_t *ret);
/* Queue a made-up event; *ret is the delivery's id. -ENOENT, -ENOMEM. */
int hf_hooks_test(struct hf_hooks *, const char *name, uint64_t *ret);

#endif
