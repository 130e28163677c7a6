/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lamps: what phones, presence servers and other PBXs see of the slots.
 *
 * Follows the park logic through its hook (hf_lamps_slot_changed) and reads the
 * slot only when something is about to be sent, so whatever is sent is the
 * newest state. Knows SIP only through watch.h. Time is passed in.
 */
#ifndef HOLDFAST_PRESENCE_LAMPS_H
#define HOLDFAST_PRESENCE_LAMPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "persist.h"
#include "watch.h"

struct hf_config;
struct hf_event;
struct hf_lamps;

struct hf_lamps_wiring {
	const struct hf_config *config;
	const struct hf_watch_ops *ops;
	void *stack; /* first argument of ops->adopt */
	const struct hf_watch_store *store; /* NULL: nothing is kept */
	uint32_t epoch; /* rises over restarts */
	uint64_t (*now_ms)(void); /* NULL = hf_now_ms() */
};

int hf_lamps_create(const struct hf_lamps_wiring *, struct hf_lamps **ret);
/* Subscriptions go on; the park logic has been told before. -errno: nothing has
 * changed. */
int hf_lamps_reload(struct hf_lamps *, const struct hf_config *,
		    uint64_t now_ms);
void hf_lamps_destroy(struct hf_lamps *);
/* The park whose slots are shown; NULL before it is destroyed: then all slots
 * are free. */
void hf_lamps_attach(struct hf_lamps *, struct hf_park *, uint64_t now_ms);
/* Everybody who answers knows the newest state. */
bool hf_lamps_idle(const struct hf_lamps *);

/* Fit struct hf_park_wiring and hf_bus_read_fn. */
void hf_lamps_slot_changed(void *lamps, uint32_t slot);
void hf_lamps_event(void *lamps, const struct hf_event *, const char *json,
		    size_t len);

/* Send what is due, some of it at a time. Call at hf_lamps_next_ms(). */
void hf_lamps_run(struct hf_lamps *, uint64_t now_ms);
uint64_t hf_lamps_next_ms(const struct hf_lamps *);

/* Take up a subscription from before a restart; it gets its full state in its
 * turn. -ENOENT: what it watches is no more, -EACCES: it may not any more (both
 * are told), -ETIME: it has expired. */
int hf_lamps_restore(struct hf_lamps *, const struct hf_watch_record *,
		     uint64_t now_ms);

enum hf_lamp_state_shown { HF_LAMP_FREE, HF_LAMP_TAKEN, HF_LAMP_PARKED, HF_LAMP_RECALLING };

/* A slot as it is shown. Strings live until the next call into the park. */
struct hf_lamp_look {
	const char *lot, *slot, *label;
	const struct hf_config_tenant *tenant;
	enum hf_lamp_state_shown shown;
	uint64_t call;
	const char *name, *number, *uri; /* of the caller, never NULL */
	const char *call_id, *local_tag, *remote_tag; /* NULL = not shown */
	const char *ended; /* RFC 4235 event of the last end, NULL = unknown */
	uint64_t since_wall_ms;
	bool early;	      /* parked calls blink */
	bool idle_terminated; /* a free slot has a dialog that has ended */
};
/* False: there is no such slot. */
bool hf_lamps_look(struct hf_lamps *, uint32_t slot, struct hf_lamp_look *ret);
uint32_t hf_lamps_slot_count(const struct hf_lamps *);
/* Be told of every change of what is shown, up to four readers. The reader may
 * look, and nothing else. */
int hf_lamps_follow(struct hf_lamps *, void (*changed)(void *arg, uint32_t slot),
		    void *arg);
void hf_lamps_unfollow(struct hf_lamps *, void *arg);
/* The slot's name (NULL = no such slot), and is it taken? */
const char *hf_lamps_slot(struct hf_lamps *, uint32_t slot, bool *ret_taken);
const struct hf_config_tenant *hf_lamps_tenant(const struct hf_lamps *,
					       uint32_t slot);
/* The document of one slot: "dialog" or "presence". Lives until the next call
 * into the lamps. NULL: no memory. */
const char *hf_lamps_document(struct hf_lamps *, uint32_t slot,
			      const char *event, const char *entity,
			      uint32_t version, const char **ret_type,
			      size_t *ret_len);

/* One subscription, for people. */
struct hf_watch_view {
	uint64_t id;
	const char *watcher, *number, *kind, *event, *state;
	uint32_t expires_s, version, failures;
	uint64_t notifies;
};
/* From id `after` on, in the order of ids; the callback returns false to stop.
 */
void hf_lamps_each(struct hf_lamps *, uint64_t now_ms, uint64_t after,
		   bool (*fn)(void *, const struct hf_watch_view *), void *arg);

struct hf_lamp_totals {
	uint32_t subscriptions, probing;
	uint64_t subscribed, refused, restored, turned_away;
	uint64_t expired, unsubscribed, gone;
	uint64_t changes, notifies, coalesced, lost;
};
void hf_lamps_totals(const struct hf_lamps *, struct hf_lamp_totals *ret);

#endif
