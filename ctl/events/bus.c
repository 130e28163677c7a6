// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers, time, one line of JSON, and the list of readers. event.c has the
 * words, json.c the object. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "bus.h"
#include "json.h"

struct hf_bus_reader {
	struct hf_bus_reader *next;
	hf_bus_read_fn read; /* NULL: unsubscribed while an event went round */
	bool (*wants)(void *arg, const struct hf_event *); /* NULL: always */
	void *arg;
};

struct hf_bus {
	uint64_t last;
	bool publishing, netlink;
	struct hf_bus_reader *readers;
};

int hf_bus_create(uint64_t last_number, struct hf_bus **ret)
{
	struct hf_bus *bus = calloc(1, sizeof(*bus));

	if (!bus)
		return -ENOMEM;
	bus->last = last_number;
	*ret = bus;
	return 0;
}

/* Free the readers that have left, or all. */
static void bus_reap(struct hf_bus *bus, bool all)
{
	struct hf_bus_reader **at = &bus->readers, *reader;

	while ((reader = *at)) {
		if (!all && reader->read) {
			at = &reader->next;
			continue;
		}
		*at = reader->next;
		free(reader);
	}
}

void hf_bus_destroy(struct hf_bus *bus)
{
	if (!bus)
		return;
	bus_reap(bus, true);
	free(bus);
}

void hf_bus_set_netlink(struct hf_bus *bus, bool netlink)
{
	bus->netlink = netlink;
}

bool hf_bus_netlink(const struct hf_bus *bus)
{
	return bus->netlink;
}

uint64_t hf_bus_last(const struct hf_bus *bus)
{
	return bus->last;
}

int hf_bus_subscribe(struct hf_bus *bus, hf_bus_read_fn read, void *arg,
		     struct hf_bus_reader **ret)
{
	struct hf_bus_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->read = read;
	reader->arg = arg;
	reader->next = bus->readers;
	bus->readers = reader;
	*ret = reader;
	return 0;
}

void hf_bus_unsubscribe(struct hf_bus *bus, struct hf_bus_reader *reader)
{
	if (!reader)
		return;
	reader->read = NULL;
	if (!bus->publishing)
		bus_reap(bus, false);
}

void hf_bus_wants(struct hf_bus_reader *reader,
		  bool (*wants)(void *arg, const struct hf_event *))
{
	reader->wants = wants;
}

bool hf_bus_no_json(void *arg, const struct hf_event *event)
{
	(void)arg;
	(void)event;
	return false;
}

static bool anybody_wants(const struct hf_bus *bus, const struct hf_event *e)
{
	for (const struct hf_bus_reader *r = bus->readers; r; r = r->next)
		if (r->read && (!r->wants || r->wants(r->arg, e)))
			return true;
	return false;
}

static char *line_of(const struct hf_event *event)
{
	json_t *object = hf_event_json(event);
	char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;

	json_decref(object);
	return line;
}

void hf_bus_publish(void *arg, const struct hf_event *given)
{
	struct hf_event event = *given;
	struct hf_bus *bus = arg;
	char *line = NULL;

	if (bus->publishing) {
		hf_error("event %s was published by a reader of events; left out",
			 hf_event_name(given->type));
		return;
	}
	event.number = ++bus->last;
	event.wall_ms = hf_wall_ms();
	if (anybody_wants(bus, &event)) {
		line = line_of(&event);
		if (!line) {
			/* The number is used up: readers see the gap and ask
			 * again. */
			hf_error("event %s is lost: out of memory",
				 hf_event_name(given->type));
			return;
		}
	}
	bus->publishing = true;
	for (struct hf_bus_reader *r = bus->readers; r; r = r->next)
		if (r->read)
			r->read(r->arg, &event, line, line ? strlen(line) : 0);
	bus->publishing = false;
	bus_reap(bus, false);
	free(line);
}
