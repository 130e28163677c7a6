/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the alerts share. A cause is "waiting/CALL",
 * "recall_failed/CALL" or "nearly_full/LOT".
 *
 *  - alerts.c       who waits, and what is due
 *  - alert_tell.c   telling it: event, log, message, call
 *  - alert_kept.c   what the process before us has told already
 */
#ifndef HOLDFAST_HOOKS_ALERT_PARTS_H
#define HOLDFAST_HOOKS_ALERT_PARTS_H

#include "alerts.h"

#include <uthash.h>

struct hf_config_lot;
struct hf_bus_reader;

/* A call that waits in a lot with alerts. */
struct hf_waiter {
	UT_hash_handle hh;
	uint64_t call;
	unsigned int lot;
	uint64_t since_ms, due_ms; /* UINT64_MAX: told, or never */
	bool told_waiting, told_recall;
	bool recall_failed; /* to be told */
	bool privacy;
	struct hf_waiter *prev, *next; /* of the lot, by due_ms */
	struct hf_waiter *dead_next;
	char slot[32], number[64], name[96], uri[160];
};

struct hf_alert_lot_state {
	struct hf_waiter *first, *last;
	bool full; /* told */
};

struct hf_alert_raised {
	UT_hash_handle hh;
	char name[];
};

struct hf_alerts {
	struct hf_alerts_wiring wire;
	struct hf_park *park;
	struct hf_bus_reader *reader;
	struct hf_alert_raised *raised; /* of the process before us */
	bool calls_only; /* tell again who had not been reached yet, no more */
	struct hf_waiter *waiters;
	struct hf_waiter *over; /* to be told that it is over */
	bool slots_changed, recalls_failed;
	uint64_t next_ms;
	struct hf_alert_lot_state lot[];
};

/* alerts.c */
const struct hf_config_lot *hf_alert_lot(const struct hf_alerts *,
					 unsigned int lot);
/* -1: there is none of that name. */
int hf_alert_lot_index(const struct hf_alerts *, const char *name);
void hf_alert_copy(char *to, size_t len, const char *from);
struct hf_waiter *hf_waiter_find(const struct hf_alerts *, uint64_t call);
/* From now on it waits there; it may have been known before. */
struct hf_waiter *hf_waiter_follow(struct hf_alerts *, uint64_t call,
				   const char *lot_name, uint32_t seconds,
				   uint64_t now_ms);
void hf_waiter_take_out(struct hf_alerts *, struct hf_waiter *);
void hf_waiter_put_in(struct hf_alerts *, struct hf_waiter *);

/* alert_tell.c */
void hf_alert_cause(char *name, size_t len, const char *kind, uint64_t call);
void hf_alert_say_waiting(struct hf_alerts *, const struct hf_waiter *,
			  uint64_t now_ms);
void hf_alert_say_recall(struct hf_alerts *, const struct hf_waiter *,
			 uint64_t now_ms);
void hf_alert_say_over(struct hf_alerts *, const struct hf_waiter *,
		       uint64_t now_ms);
/* Or no longer full. */
void hf_alert_say_full(struct hf_alerts *, unsigned int lot, uint32_t slots,
		       uint32_t taken);

/* alert_kept.c */
bool hf_alert_was_raised(const struct hf_alerts *, const char *cause);
void hf_alerts_read_raised(void *alerts, const char *cause);
void hf_alerts_forget_raised(struct hf_alerts *);

#endif
