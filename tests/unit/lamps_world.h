/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lamps alone: a park made of paper, a SIP side that writes down what it is
 * asked to send, and time that the test moves. For test_lamps.c and
 * test_lamps_kept.c.
 */
#ifndef HOLDFAST_TEST_LAMPS_WORLD_H
#define HOLDFAST_TEST_LAMPS_WORLD_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>

#include "base/clock.h"
#include "config/config.h"
#include "events/event.h"
#include "park/park.h"
#include "presence/lamps.h"

#include "test.h"

#define SLOTS 30

struct hf_watcher {
	struct hf_watch *watch;
	bool used, released, under_way;
	unsigned int sent;
	char body[16384], reason[32];
	bool active;
};

static struct world {
	struct hf_config config;
	struct hf_config_lot lot;
	struct hf_config_lamp_list list;
	struct hf_slot_view slot[SLOTS];
	char name[SLOTS][16];
	struct hf_lamps *lamps;
	struct hf_watcher watcher[400];
	uint64_t now;
	int refuse; /* errno of notify() */
	unsigned int saved, forgotten, sent;
	struct hf_watch_record record;
	char text[12][128];
} w;

/* The park. */
bool hf_park_slot(struct hf_park *park, uint64_t now_ms, uint32_t slot,
		  struct hf_slot_view *ret)
{
	if (slot >= SLOTS)
		return false;
	*ret = w.slot[slot];
	return true;
}

static int notify(struct hf_watcher *x, const struct hf_notify *n)
{
	if (w.refuse)
		return -w.refuse;
	if (x->under_way || x->released)
		printf("# NOTIFY while one is under way, or after the end\n"), abort();
	x->under_way = true;
	x->sent++;
	w.sent++;
	x->active = n->active;
	snprintf(x->reason, sizeof(x->reason), "%s", n->reason ? n->reason : "");
	snprintf(x->body, sizeof(x->body), "%.*s", (int)n->len, n->body);
	return 0;
}

static void release(struct hf_watcher *x)
{
	if (x->released)
		abort();
	x->released = true;
}

static struct hf_watcher *adopt(void *stack, struct hf_watch *watch,
				const struct hf_watch_dialog *d)
{
	for (int i = 0; i < 400; i++)
		if (!w.watcher[i].used) {
			w.watcher[i].used = true;
			w.watcher[i].watch = watch;
			return &w.watcher[i];
		}
	return NULL;
}

static const char *keep(int i, const char *text)
{
	snprintf(w.text[i], sizeof(w.text[i]), "%s", text);
	return w.text[i];
}

static void save(void *arg, const struct hf_watch_record *r)
{
	w.saved++;
	w.record = *r;
	w.record.dialog.call_id = keep(0, r->dialog.call_id);
	w.record.dialog.local = keep(1, r->dialog.local);
	w.record.dialog.remote = keep(2, r->dialog.remote);
	w.record.dialog.contact = keep(3, r->dialog.contact);
	w.record.dialog.route = keep(4, r->dialog.route);
	w.record.dialog.listener = keep(5, r->dialog.listener);
	w.record.number = keep(6, r->number);
	w.record.entity = keep(7, r->entity);
	w.record.event = keep(8, r->event);
	w.record.event_id = keep(9, r->event_id);
	w.record.type = keep(10, r->type);
	w.record.who = keep(11, r->who);
}

static void forget(void *arg, uint64_t id)
{
	w.forgotten++;
}

static const struct hf_watch_ops ops = { notify, release, adopt };
static const struct hf_watch_store store = { save, forget, NULL };
static char *internal[] = { "1???@pbx" };
static char *may[] = { "internal" };
static char *entries[] = { "701-730" };
static const struct hf_watch_dialog dialog = {
	"id@phone", "<sip:701@park>;tag=us", "<sip:1001@pbx>;tag=them",
	"sip:1001@192.0.2.9:5060", "", "udp:192.0.2.1:5060", 7, 1, "",
};

static uint64_t now_ms(void)
{
	return w.now;
}

static void open_lamps(uint32_t epoch)
{
	const struct hf_lamps_wiring wiring = { .config = &w.config,
						.ops = &ops,
						.store = &store,
						.epoch = epoch,
						.now_ms = now_ms };

	if (hf_lamps_create(&wiring, &w.lamps))
		abort();
	hf_lamps_attach(w.lamps, (struct hf_park *)&w, w.now);
	hf_lamps_run(w.lamps, w.now);
}

static void open_world(void)
{
	memset(&w, 0, sizeof(w));
	w.now = 1000000;
	w.lot = (struct hf_config_lot){ .name = "main", .park = "700",
					.slot_prefix = "", .slot_first = 701,
					.slot_last = 700 + SLOTS,
					.slot_digits = 3, .may_watch = may,
					.may_watch_count = 1 };
	w.list = (struct hf_config_lamp_list){ .name = "all",
						.entries = entries,
						.entry_count = 1 };
	w.config.lots = &w.lot;
	w.config.lot_count = 1;
	w.config.sip.internal = internal;
	w.config.sip.internal_count = 1;
	w.config.lamps.lists = &w.list;
	w.config.lamps.list_count = 1;
	w.config.lamps.min_expires_s = 60;
	w.config.lamps.max_expires_s = 3600;
	for (int i = 0; i < SLOTS; i++) {
		snprintf(w.name[i], sizeof(w.name[i]), "%d", 701 + i);
		w.slot[i] = (struct hf_slot_view){ .lot = "main",
						   .slot = w.name[i],
						   .state = "free" };
	}
	open_lamps(1);
}

static void close_world(void)
{
	hf_lamps_destroy(w.lamps);
}

static void at(uint64_t ms)
{
	w.now += ms;
	for (int i = 0; i < 100 && hf_lamps_next_ms(w.lamps) <= w.now; i++)
		hf_lamps_run(w.lamps, w.now);
}

static void set(int slot, const char *state, const char *name)
{
	w.slot[slot].state = state;
	w.slot[slot].call = strcmp(state, "free") ? 17 : 0;
	w.slot[slot].caller_name = name;
	w.slot[slot].caller_number = "4930";
	w.slot[slot].caller_uri = "sip:4930@pbx";
	hf_lamps_slot_changed(w.lamps, (uint32_t)slot);
	at(0);
}

static struct hf_watcher *watch_as(const char *number, uint32_t expires,
				   const char *event)
{
	char uri[64];
	struct hf_subscribe in = { .user = number, .uri = uri, .event = event,
				   .from = { "sip:1001@pbx", "1001", "pbx", "" },
				   .eventlist = true, .has_expires = true,
				   .expires = expires };
	struct hf_subscribed out;
	struct hf_watcher *x = adopt(NULL, NULL, NULL);

	snprintf(uri, sizeof(uri), "sip:%s@park", number);
	x->watch = hf_watch_calls.subscribe(w.lamps, x, &in, &out);
	if (!x->watch)
		return NULL;
	hf_watch_calls.keep(x->watch, &dialog);
	hf_watch_calls.start(x->watch);
	at(0);
	return x;
}

static struct hf_watcher *watch(const char *number)
{
	return watch_as(number, 600, "dialog");
}

static void answer(struct hf_watcher *x, int status)
{
	x->under_way = false;
	hf_watch_calls.sent(x->watch, status, 0);
	at(0);
}

#endif
