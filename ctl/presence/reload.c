// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A new configuration under running subscriptions: slots, lots and lists are made
 * anew, and each watch goes on with what its number means now. One whose number
 * means nothing any more is ended (RFC 6665 4.1.3: noresource).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static void follow(struct hf_lamps *l, const struct hf_lamps *old,
		   struct hf_watch *w)
{
	struct hf_lamp_resource *on;
	enum hf_lamp_kind kind = w->on->kind;
	char name[160];

	hf_lamp_resource_key(old, w->on, name, sizeof(name));
	on = hf_lamp_resource_by_key(l, name);
	if (!on || on->kind != kind) {
		/* One behind the last: always free, and nobody finds it. */
		on = &l->slots[l->slot_count].resource;
		w->ending = w->pending = w->full = w->urgent = true;
		w->reason = "noresource";
	}
	w->on = on;
	w->prev = NULL;
	w->next = on->watches;
	if (w->next)
		w->next->prev = w;
	on->watches = w;
	if (w->sent_seq > l->seq)
		w->sent_seq = l->seq;
	/* A list may be another one now. */
	if (kind != HF_LAMP_SLOT)
		w->pending = w->full = true;
	hf_watch_schedule(w);
}

int hf_lamps_reload(struct hf_lamps *l, const struct hf_config *config,
		    uint64_t now_ms)
{
	struct hf_lamps old = *l;
	struct hf_watch *w, *next;
	int error;

	l->config = config;
	l->slots = NULL;
	l->lots = NULL;
	l->lists = NULL;
	l->dirty = NULL;
	l->slot_count = l->dirty_count = 0;
	error = hf_lamp_slots_create(l);
	if (!error)
		error = hf_lamp_lists_create(l);
	if (error) {
		hf_lamp_lists_destroy(l);
		hf_lamp_slots_destroy(l);
		*l = old;
		return error;
	}
	l->wire.config = config;
	HASH_ITER(hh, l->watches, w, next)
		follow(l, &old, w);
	hf_lamp_lists_destroy(&old);
	hf_lamp_slots_destroy(&old);
	/* Those that are taken show so anew. */
	hf_lamps_attach(l, l->park, now_ms);
	return 0;
}
