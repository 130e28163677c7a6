/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event bus: every event of the park logic passes here once, gets its
 * number (without holes) and wall time, becomes one line of JSON, and goes to
 * every reader: the control socket's monitors today, netlink and webhooks by
 * the same door. One thread; nothing here blocks.
 */
#ifndef HOLDFAST_EVENTS_BUS_H
#define HOLDFAST_EVENTS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

struct hf_bus;
struct hf_bus_reader;

/*
 * `event` carries its number and time; `json` is the same as one line without
 * its end, `len` characters; NULL and 0 if no reader wants it (hf_bus_wants()).
 * Both live until the call returns. A reader may
 * unsubscribe itself or another inside the call, but not publish.
 */
typedef void (*hf_bus_read_fn)(void *arg, const struct hf_event *event,
			       const char *json, size_t len);

/* The first event will be number `last_number` + 1 (0 for a new instance). */
int hf_bus_create(uint64_t last_number, struct hf_bus **ret);
/* Readers still subscribed are released. */
void hf_bus_destroy(struct hf_bus *);

/* Fits struct hf_park_wiring: .event = hf_bus_publish, .event_arg = bus. */
void hf_bus_publish(void *bus, const struct hf_event *event);
/* Do the events go out by netlink, too? */
void hf_bus_set_netlink(struct hf_bus *, bool);
bool hf_bus_netlink(const struct hf_bus *);
/* Number of the newest event, 0 = none yet. */
uint64_t hf_bus_last(const struct hf_bus *);

int hf_bus_subscribe(struct hf_bus *, hf_bus_read_fn, void *arg,
		     struct hf_bus_reader **ret);
/* Asked before each event: will this reader read its JSON? With no such function
 * it always does. hf_bus_no_json() fits. */
void hf_bus_wants(struct hf_bus_reader *,
		  bool (*wants)(void *arg, const struct hf_event *));
bool hf_bus_no_json(void *arg, const struct hf_event *);
void hf_bus_unsubscribe(struct hf_bus *, struct hf_bus_reader *);

/*
 * The event as a person reads it: "call 17 waits in main 701: Alice <1001>,
 * parked by sip:1002@pbx". Also under "text" in the JSON. Returns the length.
 */
size_t hf_event_text(const struct hf_event *, char *text, size_t len);

#endif
