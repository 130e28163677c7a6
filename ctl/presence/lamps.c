// SPDX-License-Identifier: GPL-2.0-or-later
/* The door of this room: made, attached, looked at, ended. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "internal.h"

void hf_lamps_look_at_clock(struct hf_lamps *l)
{
	uint64_t now = l->wire.now_ms ? l->wire.now_ms() : hf_now_ms();

	if (now > l->now_ms)
		l->now_ms = now;
}

int hf_lamps_create(const struct hf_lamps_wiring *wire, struct hf_lamps **ret)
{
	struct hf_lamps *l = calloc(1, sizeof(*l));
	int error;

	if (!l)
		return -ENOMEM;
	l->wire = *wire;
	l->config = wire->config;
	l->ready_tail = &l->ready;
	l->last_id = (uint64_t)wire->epoch << 32;
	hf_lamps_look_at_clock(l);
	error = hf_slab_create(&l->slab);
	if (!error)
		error = hf_lamp_slots_create(l);
	if (!error)
		error = hf_lamp_lists_create(l);
	if (!error)
		error = hf_lamp_body_create(&l->body);
	if (error) {
		hf_lamps_destroy(l);
		return error;
	}
	*ret = l;
	return 0;
}

void hf_lamps_destroy(struct hf_lamps *l)
{
	struct hf_watch *w, *next;

	if (!l)
		return;
	/* They end for us, not for who keeps them. */
	l->wire.store = NULL;
	HASH_ITER(hh, l->watches, w, next)
		hf_watch_free(w);
	hf_lamp_lists_destroy(l);
	hf_lamp_slots_destroy(l);
	hf_lamp_body_free(l->body);
	free(l->due.heap);
	hf_slab_destroy(l->slab);
	free(l);
}

void hf_lamps_attach(struct hf_lamps *l, struct hf_park *park, uint64_t now_ms)
{
	l->park = park;
	l->now_ms = now_ms;
	/* Slots may be taken already, by calls from before a restart, or free
	 * now that the park is gone. */
	for (uint32_t i = 0; i < l->slot_count; i++)
		hf_lamps_slot_changed(l, i);
}

void hf_lamps_totals(const struct hf_lamps *l, struct hf_lamp_totals *ret)
{
	*ret = l->totals;
}

static void view(const struct hf_watch *w, char *number, size_t len,
		 struct hf_watch_view *v)
{
	static const char *const kinds[] = { [HF_LAMP_SLOT] = "slot",
					     [HF_LAMP_LOT] = "lot",
					     [HF_LAMP_LIST] = "list" };
	const struct hf_lamps *l = w->lamps;

	hf_lamp_resource_number(l, w->on, number, len);
	*v = (struct hf_watch_view){
		.id = w->id,
		.watcher = w->who,
		.number = number,
		.kind = kinds[w->on->kind],
		.event = hf_lamp_event_name(w->event),
		.state = "told",
		.version = w->version,
		.failures = w->failures,
		.notifies = w->notifies,
	};
	if (w->expires_ms > l->now_ms)
		v->expires_s = (uint32_t)((w->expires_ms - l->now_ms) / 1000);
	if (w->ending)
		v->state = "ending";
	else if (w->failures > 1)
		v->state = "probed";
	else if (w->in_flight)
		v->state = "sending";
	else if (w->pending)
		v->state = "waiting";
}

void hf_lamps_each(struct hf_lamps *l, uint64_t now_ms, uint64_t after,
		   bool (*fn)(void *, const struct hf_watch_view *), void *arg)
{
	struct hf_watch *w = l->watches;
	struct hf_watch_view v;
	char number[64];

	if (now_ms > l->now_ms)
		l->now_ms = now_ms;
	/* From where the last piece ended, if that one is still there. */
	if (after) {
		struct hf_watch *last;

		HASH_FIND(hh, l->watches, &after, sizeof(after), last);
		if (last)
			w = last->hh.next;
	}
	for (; w; w = w->hh.next) {
		if (w->id <= after)
			continue;
		view(w, number, sizeof(number), &v);
		if (!fn(arg, &v))
			return;
	}
}
