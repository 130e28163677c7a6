// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What each slot looks like, and in what order they changed. The park logic
 * says that a slot may look different (hf_lamps_slot_changed); the next run
 * looks, and only a difference that somebody could see counts as a change: it
 * gets the next number, and every watcher of the slot, its lot and the lists
 * that it is in is touched (send.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "events/event.h"
#include "internal.h"

static const char *text(const char *s)
{
	return s ? s : "";
}

static enum hf_lamp_state_shown shown(const char *state)
{
	if (!strcmp(state, "parked") || !strcmp(state, "claimed"))
		return HF_LAMP_PARKED;
	if (!strcmp(state, "recalling"))
		return HF_LAMP_RECALLING;
	if (!strcmp(state, "reserved"))
		return HF_LAMP_TAKEN;
	return HF_LAMP_FREE; /* also while it arrives: nobody could pick it up */
}

/* FNV-1a, with the end of each text in it. */
static uint64_t add_text(uint64_t hash, const char *s)
{
	const unsigned char *c = (const unsigned char *)text(s);

	do
		hash = (hash ^ *c) * 0x100000001b3ULL;
	while (*c++);
	return hash;
}

static uint64_t hash_of(const struct hf_slot_view *v)
{
	enum hf_lamp_state_shown s = shown(v->state);
	uint64_t hash = 0xcbf29ce484222325ULL ^ (uint64_t)s;

	if (s == HF_LAMP_FREE)
		return hash;
	hash = (hash ^ v->call ^ (v->privacy ? 1ULL << 63 : 0)) *
	       0x100000001b3ULL;
	hash = add_text(hash, v->caller_number);
	hash = add_text(hash, v->caller_name);
	hash = add_text(hash, v->caller_uri);
	hash = add_text(hash, v->sip_call_id);
	hash = add_text(hash, v->local_tag);
	return add_text(hash, v->remote_tag);
}

static void unlink_taken(struct hf_lamp_lot *lot, struct hf_lamp_slot *slot)
{
	if (slot->prev)
		slot->prev->next = slot->next;
	else
		lot->oldest = slot->next;
	if (slot->next)
		slot->next->prev = slot->prev;
	else
		lot->last = slot->prev;
	slot->next = slot->prev = NULL;
	lot->waiting--;
}

/* By the time since when; nearly always at the end. */
static void link_taken(struct hf_lamp_lot *lot, struct hf_lamp_slot *slot)
{
	struct hf_lamp_slot *before = lot->last;

	while (before && before->since_wall_ms > slot->since_wall_ms)
		before = before->prev;
	slot->prev = before;
	slot->next = before ? before->next : lot->oldest;
	if (slot->next)
		slot->next->prev = slot;
	else
		lot->last = slot;
	if (before)
		before->next = slot;
	else
		lot->oldest = slot;
	lot->waiting++;
}

static void link_newest(struct hf_lamp_lot *lot, struct hf_lamp_slot *slot)
{
	if (lot->newest == slot)
		return;
	if (slot->newer)
		slot->newer->older = slot->older;
	if (slot->older)
		slot->older->newer = slot->newer;
	slot->newer = NULL;
	slot->older = lot->newest;
	if (lot->newest)
		lot->newest->newer = slot;
	lot->newest = slot;
}

static void changed(struct hf_lamps *l, struct hf_lamp_resource *r)
{
	r->seq = l->seq;
	for (struct hf_watch *w = r->watches; w; w = w->next)
		hf_watch_touch(w);
	for (struct hf_lamp_member *m = r->lists; m; m = m->next) {
		m->list->resource.seq = l->seq;
		for (struct hf_watch *w = m->list->resource.watches; w;
		     w = w->next)
			hf_watch_touch(w);
	}
}

/* A slot of a park, or a free one: without a park nobody is parked. */
static bool view(struct hf_lamps *l, const struct hf_lamp_slot *slot,
		 struct hf_slot_view *ret)
{
	const struct hf_config_lot *c = l->lots[slot->lot].config;

	if (l->park)
		return hf_park_slot(l->park, l->now_ms, slot->index, ret);
	hf_lamp_resource_number(l, &slot->resource, l->name, sizeof(l->name));
	*ret = (struct hf_slot_view){
		.lot = c->name, .slot = l->name, .state = "free"};
	for (unsigned int i = 0; i < c->label_count; i++)
		if (!strcmp(c->labels[i].slot, l->name))
			ret->label = c->labels[i].text;
	return true;
}

static void update(struct hf_lamps *l, struct hf_lamp_slot *slot)
{
	struct hf_lamp_lot *lot = &l->lots[slot->lot];
	struct hf_slot_view v;
	uint64_t hash;

	slot->dirty = false;
	if (!view(l, slot, &v))
		return;
	hash = hash_of(&v);
	if (hash == slot->hash)
		return;
	slot->hash = hash;
	if (slot->shown != HF_LAMP_FREE)
		unlink_taken(lot, slot);
	slot->shown = shown(v.state);
	slot->call = v.call;
	if (slot->shown != HF_LAMP_FREE) {
		slot->since_wall_ms =
			hf_wall_ms() - (uint64_t)v.seconds_parked * 1000;
		link_taken(lot, slot);
	}
	l->seq++;
	l->totals.changes++;
	link_newest(lot, slot);
	if (lot->waiting > HF_LAMP_LOT_DIALOGS)
		lot->crowded_seq = l->seq;
	changed(l, &slot->resource);
	changed(l, &lot->resource);
	for (unsigned int i = 0; i < l->reader_count; i++)
		l->reader[i].changed(l->reader[i].arg, slot->index);
}

void hf_lamp_slots_update(struct hf_lamps *l)
{
	uint32_t count = l->dirty_count;

	l->dirty_count = 0;
	for (uint32_t i = 0; i < count; i++)
		update(l, &l->slots[l->dirty[i]]);
}

void hf_lamps_slot_changed(void *lamps, uint32_t slot)
{
	struct hf_lamps *l = lamps;

	if (slot >= l->slot_count || l->slots[slot].dirty)
		return;
	l->slots[slot].dirty = true;
	l->dirty[l->dirty_count++] = slot;
}

/* How a dialog ended, in the words of RFC 4235 4.1.2. */
static const char *end_of(enum hf_event_type type)
{
	switch (type) {
	case HF_EVENT_RETRIEVED:
	case HF_EVENT_RECALL_ANSWERED:
	case HF_EVENT_MOVED:
		return "replaced";
	case HF_EVENT_ABANDONED:
		return "remote-bye";
	case HF_EVENT_EXPIRED:
	case HF_EVENT_KICKED:
		return "local-bye";
	case HF_EVENT_RESERVATION_EXPIRED:
		return "timeout";
	default:
		return NULL;
	}
}

void hf_lamps_event(void *lamps, const struct hf_event *e, const char *json,
		    size_t len)
{
	struct hf_lamps *l = lamps;
	const char *end = end_of(e->type);
	unsigned int lot;
	uint32_t slot;

	if (end && hf_config_find_named(l->config, e->lot, e->slot, &lot, &slot))
		l->slots[l->lots[lot].first + slot].ended = end;
}

int hf_lamp_slots_create(struct hf_lamps *l)
{
	const struct hf_config *c = l->config;
	uint32_t n = 0;

	for (unsigned int i = 0; i < c->lot_count; i++)
		l->slot_count += c->lots[i].slot_last - c->lots[i].slot_first + 1;
	l->lots = calloc(c->lot_count ? c->lot_count : 1, sizeof(*l->lots));
	/* One more, for watches of what is no more: see reload.c. */
	l->slots = calloc(l->slot_count + 1, sizeof(*l->slots));
	l->dirty = calloc(l->slot_count ? l->slot_count : 1, sizeof(*l->dirty));
	if (!l->lots || !l->slots || !l->dirty)
		return -ENOMEM;
	l->slots[l->slot_count].resource.kind = HF_LAMP_SLOT;
	l->slots[l->slot_count].index = l->slot_count;
	for (unsigned int i = 0; i < c->lot_count; i++) {
		struct hf_lamp_lot *lot = &l->lots[i];

		lot->resource.kind = HF_LAMP_LOT;
		lot->config = &c->lots[i];
		lot->first = n;
		lot->count = c->lots[i].slot_last - c->lots[i].slot_first + 1;
		for (uint32_t k = 0; k < lot->count; k++, n++) {
			struct hf_slot_view free_slot = { .state = "free" };

			l->slots[n].resource.kind = HF_LAMP_SLOT;
			l->slots[n].index = n;
			l->slots[n].lot = i;
			l->slots[n].hash = hash_of(&free_slot);
		}
	}
	return 0;
}

void hf_lamp_slots_destroy(struct hf_lamps *l)
{
	free(l->lots);
	free(l->slots);
	free(l->dirty);
}

/* The parts of a caller's identity that may be shown. */
static void look_at_caller(const struct hf_slot_view *v, bool tags,
			   struct hf_lamp_look *ret)
{
	if (v->privacy) { /* RFC 3323 4.1.1.3 */
		ret->name = "Anonymous";
		ret->number = "anonymous";
		ret->uri = "sip:anonymous@anonymous.invalid";
	} else {
		ret->name = text(v->caller_name);
		ret->number = text(v->caller_number);
		ret->uri = v->caller_uri && *v->caller_uri ?
				   v->caller_uri :
				   "sip:unknown@unknown.invalid";
	}
	if (!tags || !v->sip_call_id || !v->local_tag || !v->remote_tag)
		return;
	ret->call_id = v->sip_call_id;
	ret->local_tag = v->local_tag;
	ret->remote_tag = v->remote_tag;
}

bool hf_lamps_look(struct hf_lamps *l, uint32_t index, struct hf_lamp_look *ret)
{
	const struct hf_lamp_slot *slot;
	const struct hf_config_lot *c;
	struct hf_slot_view v;

	if (index >= l->slot_count)
		return false;
	slot = &l->slots[index];
	if (!view(l, slot, &v))
		return false;
	c = l->lots[slot->lot].config;
	*ret = (struct hf_lamp_look){
		.lot = v.lot,
		.tenant = c->of,
		.slot = v.slot,
		.label = v.label,
		.shown = shown(v.state),
		.name = "",
		.number = "",
		.uri = "",
		.ended = slot->ended,
		.early = c->lamp_state == HF_LAMP_EARLY,
		.idle_terminated = c->lamp_idle == HF_LAMP_TERMINATED,
	};
	if (ret->shown == HF_LAMP_FREE)
		return true;
	ret->call = v.call;
	ret->since_wall_ms = slot->since_wall_ms;
	look_at_caller(&v, c->lamp_pickup == HF_LAMP_REPLACES, ret);
	return true;
}

uint32_t hf_lamps_slot_count(const struct hf_lamps *l)
{
	return l->slot_count;
}

int hf_lamps_follow(struct hf_lamps *l, void (*fn)(void *arg, uint32_t slot),
		    void *arg)
{
	if (l->reader_count == HF_LAMP_READERS)
		return -ENOSPC;
	l->reader[l->reader_count].changed = fn;
	l->reader[l->reader_count++].arg = arg;
	return 0;
}

void hf_lamps_unfollow(struct hf_lamps *l, void *arg)
{
	for (unsigned int i = 0; i < l->reader_count; i++)
		if (l->reader[i].arg == arg)
			l->reader[i] = l->reader[--l->reader_count];
}

const struct hf_config_tenant *hf_lamps_tenant(const struct hf_lamps *l,
					       uint32_t slot)
{
	return slot < l->slot_count ? l->lots[l->slots[slot].lot].config->of :
				      NULL;
}

const char *hf_lamps_slot(struct hf_lamps *l, uint32_t slot, bool *ret_taken)
{
	struct hf_lamp_look look;

	if (!hf_lamps_look(l, slot, &look))
		return NULL;
	*ret_taken = look.shown != HF_LAMP_FREE;
	return look.slot;
}
