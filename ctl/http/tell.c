// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What boards are told of themselves: the slots that changed and the events, for
 * all and for those of one tenant, gathered in a turn of the event loop and said
 * at its end. What loop.c answers is asked.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "events/bus.h"
#include "events/json.h"
#include "park/park.h"

static void hide(json_t *object, const char *key)
{
	if (json_object_get(object, key))
		json_object_set_new(object, key, json_null());
}

void hf_private_mask(json_t *json)
{
	const char *role = json_string_value(json_object_get(json, "role"));
	json_t *item;
	size_t i;

	if (json_is_array(json)) {
		json_array_foreach(json, i, item) hf_private_mask(item);
		return;
	}
	if (!json_is_true(json_object_get(json, "private")))
		return;
	hide(json, "caller_number");
	hide(json, "caller_name");
	hide(json, "caller_uri");
	if (role && !strcmp(role, "parkee"))
		hide(json, "identity");
	json_array_foreach(json_object_get(json, "parties"), i, item)
	{
		role = json_string_value(json_object_get(item, "role"));
		if (role && !strcmp(role, "parkee"))
			hide(item, "identity");
	}
}

void hf_text_json(struct hf_text *t, const json_t *json)
{
	char *line = json ? json_dumps(json, JSON_COMPACT) : NULL;

	if (line)
		hf_text_add(t, line, strlen(line));
	else
		t->bad = true;
	free(line);
}

/* Takes over the text. `tenant`: for its boards, NULL = for those of all. */
static void say(struct hf_http *h, struct hf_text *text, const char *tenant)
{
	struct hf_said *said = text->bad ? NULL : calloc(1, sizeof(*said));

	if (!said) {
		hf_text_free(text);
		return;
	}
	said->text = *text;
	said->tenant = tenant;
	hf_queue_say(&h->queue, said);
}

/* What the boards of this tenant are told, NULL if there are none. */
static struct hf_text *theirs(struct hf_http *h, const char *tenant,
			      bool events)
{
	const struct hf_config *c = h->config;
	struct hf_loop_side *l = &h->loop;

	if (!tenant || !h->counts.tenant_boards)
		return NULL;
	for (unsigned int i = 0; i < l->tenant_count; i++)
		if (!strcmp(c->tenants[i].name, tenant))
			return &l->theirs[i + (events ? l->tenant_count : 0)];
	return NULL;
}

/* One for all boards, and once more for those of its tenant. */
static void add_told(struct hf_text *all, struct hf_text *their, size_t from)
{
	if (their && !all->bad)
		hf_text_add(their, all->at + from, all->len - from);
	else if (their)
		their->bad = true;
}

static void say_theirs(struct hf_http *h)
{
	struct hf_loop_side *l = &h->loop;

	for (unsigned int i = 0; i < l->tenant_count; i++) {
		struct hf_text *slots = &l->theirs[i];
		struct hf_text *events = &l->theirs[i + l->tenant_count];

		if (events->len)
			hf_text_add(slots, events->at, events->len);
		slots->bad |= events->bad;
		hf_text_free(events);
		if (!slots->len && !slots->bad)
			continue;
		say(h, slots, h->config->tenants[i].name);
		*slots = (struct hf_text){0};
	}
}

void hf_tell_event(void *arg, const struct hf_event *event, const char *json,
		   size_t len)
{
	struct hf_http *h = arg;
	struct hf_event seen = *event;
	struct hf_text *text = &h->loop.happened;
	size_t from = text->len;
	json_t *object = NULL;

	hf_tally_event(&h->loop.tally, h->config, event);
	/* One that has come since we were asked sees the slots as they are. */
	if (!h->counts.boards || (!json && !event->privacy))
		return;
	/* Told after the slots that it changes: who hears "parked" sees it. */
	hf_text_add(text, "event: happened\ndata: ", 22);
	if (event->privacy) {
		seen.caller_number = seen.caller_name = seen.caller_uri = NULL;
		object = hf_event_json(&seen);
		hf_text_json(text, object);
		json_decref(object);
	} else {
		hf_text_add(text, json, len);
	}
	hf_text_add(text, "\n\n", 2);
	add_told(text, theirs(h, event->tenant, true), from);
}

bool hf_tell_wanted(void *arg, const struct hf_event *event)
{
	const struct hf_http *h = arg;

	return h->counts.boards && !event->privacy;
}

void hf_http_slot_changed(struct hf_http *h, uint32_t slot)
{
	struct hf_loop_side *l = h ? &h->loop : NULL;

	if (!l || !h->counts.boards || slot >= l->slot_count ||
	    l->is_changed[slot / 8] & 1 << slot % 8)
		return;
	l->is_changed[slot / 8] |= (uint8_t)(1 << slot % 8);
	l->changed[l->changed_count++] = slot;
}

static void look_ready(struct hf_http *h)
{
	const struct hf_park *park = h->loop.wiring->park;

	if (park)
		hf_http_not_ready(h, hf_park_draining(park) ? "draining" : NULL);
}

void hf_http_flush(struct hf_http *h)
{
	struct hf_loop_side *l = h ? &h->loop : NULL;
	struct hf_text text = {0};

	if (!l)
		return;
	look_ready(h);
	if (!l->changed_count && !l->happened.len)
		return;
	for (uint32_t i = 0; i < l->changed_count; i++) {
		uint32_t slot = l->changed[i];
		size_t from = text.len;
		struct hf_slot_view v;
		json_t *row;

		l->is_changed[slot / 8] &= (uint8_t) ~(1 << slot % 8);
		if (!l->wiring->park ||
		    !hf_park_slot(l->wiring->park, hf_now_ms(), slot, &v))
			continue;
		row = hf_slot_json(&v);
		hf_private_mask(row);
		hf_text_add(&text, "event: slot\ndata: ", 18);
		hf_text_json(&text, row);
		hf_text_add(&text, "\n\n", 2);
		add_told(&text, theirs(h, v.tenant, false), from);
		json_decref(row);
	}
	l->changed_count = 0;
	if (l->happened.len)
		hf_text_add(&text, l->happened.at, l->happened.len);
	text.bad |= l->happened.bad;
	hf_text_free(&l->happened);
	say(h, &text, NULL);
	say_theirs(h);
}

void hf_tell_close(struct hf_loop_side *l)
{
	for (unsigned int i = 0; i < 2 * l->tenant_count; i++)
		hf_text_free(&l->theirs[i]);
	free(l->theirs);
	l->theirs = NULL;
	l->tenant_count = 0;
}

int hf_tell_open(struct hf_loop_side *l, const struct hf_config *config)
{
	uint32_t count = 0, *changed;
	struct hf_text *their;
	uint8_t *is_changed;

	for (unsigned int i = 0; i < config->lot_count; i++)
		count += config->lots[i].slot_last -
			 config->lots[i].slot_first + 1;
	changed = calloc(count + 1, sizeof(*changed));
	is_changed = calloc(1, count / 8 + 1);
	their = calloc(2 * (size_t)config->tenant_count + 1, sizeof(*their));
	if (!changed || !is_changed || !their) {
		free(changed);
		free(is_changed);
		free(their);
		return -ENOMEM;
	}
	hf_tell_close(l);
	l->theirs = their;
	l->tenant_count = config->tenant_count;
	free(l->changed);
	free(l->is_changed);
	l->changed = changed;
	l->is_changed = is_changed;
	l->slot_count = count;
	l->changed_count = 0;
	return 0;
}
