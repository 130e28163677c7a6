// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The side of the event loop: which events are wanted, the hand-over to the
 * thread, and what people are shown of the queues.
 */
#include "hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/bus.h"
#include "events/json.h"
#include "internal.h"

const char *hf_hook_type_name(unsigned int type)
{
	return type == HF_HOOK_TYPE_RECORD ? "record"
	       : type == HF_HOOK_TYPE_TEST ? "test"
					   : hf_event_name(type);
}

const char *hf_delivery_state_name(enum hf_delivery_state state)
{
	static const char *const name[] = {
		[HF_DELIVERY_WAITING] = "waiting",
		[HF_DELIVERY_SENDING] = "sending",
		[HF_DELIVERY_DELIVERED] = "delivered",
		[HF_DELIVERY_FAILED] = "failed"};

	return name[state];
}

/* --- handing over ------------------------------------------------------------ */

struct hf_item *hf_item_new(enum hf_item_kind kind, const char *json,
				const char *full)
{
	size_t len = strlen(json) + 1, more = full ? strlen(full) + 1 : 0;
	struct hf_item *item = calloc(1, sizeof(*item) + len + more);

	if (!item)
		return NULL;
	item->kind = kind;
	item->hook = item->lot = -1;
	item->wall_ms = hf_wall_ms();
	memcpy(item->json, json, len);
	if (full)
		item->full = memcpy(item->json + len, full, more);
	return item;
}

/* The oldest go when the thread does not keep up: it never does so because of a
 * receiver, only because of a disk. */
void hf_hooks_hand_over(struct hf_hooks *h, struct hf_item *item)
{
	struct hf_item *old = NULL;
	bool was_empty;

	if (!item) {
		hf_error("webhooks: an event is lost: out of memory");
		return;
	}
	pthread_mutex_lock(&h->lock);
	was_empty = !h->inbox;
	*h->inbox_end = item;
	h->inbox_end = &item->next;
	if (++h->inbox_count > HF_HOOK_INBOX) {
		old = h->inbox;
		h->inbox = old->next;
		h->inbox_count--;
		h->inbox_dropped++;
	}
	pthread_mutex_unlock(&h->lock);
	if (old && h->inbox_dropped % 1000 == 1)
		hf_warn("webhooks: the disk is slower than the events; %llu are dropped",
			(unsigned long long)h->inbox_dropped);
	free(old);
	if (was_empty)
		curl_multi_wakeup(h->multi);
}

int hf_hooks_lot(const struct hf_hooks *h, const char *name)
{
	for (unsigned int i = 0; name && i < h->config->lot_count; i++)
		if (!strcmp(h->config->lots[i].name, name))
			return (int)i;
	return -1;
}

static void on_event(void *arg, const struct hf_event *event, const char *json,
		     size_t len)
{
	struct hf_hooks *h = arg;
	struct hf_event seen = *event;
	struct hf_item *item = NULL;
	json_t *object;
	char *line;

	if (!(h->wants & 1ULL << event->type))
		return;
	if (event->privacy) {
		seen.caller_number = seen.caller_name = seen.caller_uri = NULL;
		object = hf_event_json(&seen);
		line = object ? json_dumps(object, JSON_COMPACT) : NULL;
		json_decref(object);
		if (line)
			item = hf_item_new(HF_ITEM_SAY, line, json);
		free(line);
	} else {
		item = hf_item_new(HF_ITEM_SAY, json, NULL);
	}
	if (item) {
		item->type = event->type;
		item->lot = hf_hooks_lot(h, event->lot);
		item->call = event->call;
		item->wall_ms = event->wall_ms;
	}
	hf_hooks_hand_over(h, item);
}

static bool wants(void *arg, const struct hf_event *event)
{
	const struct hf_hooks *h = arg;

	return h->wants & 1ULL << event->type;
}

void hf_hooks_raise(struct hf_hooks *h, const char *cause, bool on)
{
	if (h)
		hf_hooks_hand_over(
			h, hf_item_new(on ? HF_ITEM_RAISE : HF_ITEM_CLEAR,
				       cause, NULL));
}

void hf_hooks_each_raised(struct hf_hooks *h,
			  void (*fn)(void *arg, const char *cause), void *arg)
{
	if (h && hf_disk_each_raised(&h->disk, fn, arg))
		hf_error("webhooks: %s: the alerts that were told cannot be read",
			 h->disk.path);
}

/* --- life ---------------------------------------------------------------------- */

/* Scheme, host and port: what may be shown of a URL. */
static void public_part(const char *url, char *to, size_t len)
{
	const char *host = strstr(url, "//") + 2;

	snprintf(to, len, "%.*s", (int)(host - url + (long)strcspn(host, "/?")),
		 url);
}

static uint64_t types_of(const struct hf_config_hook *c)
{
	uint64_t types = 0;

	for (unsigned int t = 0; t <= HF_HOOK_TYPE_RECORD; t++) {
		if (!c->event_count && t != HF_HOOK_TYPE_RECORD)
			types |= 1ULL << t;
		for (unsigned int i = 0; i < c->event_count; i++)
			if (!strcmp(c->events[i], hf_hook_type_name(t)))
				types |= 1ULL << t;
	}
	return types;
}

static int open_hook(struct hf_hooks *h, unsigned int i)
{
	struct hf_hook *hook = &h->hook[i];
	const struct hf_config_hook *c = &h->config->hooks[i];

	hook->config = c;
	hook->hooks = h;
	hook->wants = types_of(c);
	h->wants |= hook->wants;
	h->hook_count = i + 1;
	public_part(c->url, hook->to, sizeof(hook->to));
	if (!c->lot_count)
		return 0;
	hook->lots = calloc(h->config->lot_count / 64 + 1, sizeof(uint64_t));
	if (!hook->lots)
		return -ENOMEM;
	for (unsigned int k = 0; k < c->lot_count; k++) {
		int lot = hf_hooks_lot(h, c->lots[k]);

		hook->lots[lot / 64] |= 1ULL << lot % 64;
	}
	return 0;
}

static struct hf_hook *find(struct hf_hooks *h, const char *name)
{
	for (unsigned int i = 0; h && i < h->hook_count; i++)
		if (!strcmp(h->hook[i].config->name, name))
			return &h->hook[i];
	return NULL;
}

struct reading {
	struct hf_hooks *hooks;
	unsigned int waiting, unknown;
	char name[64]; /* of one that is not configured any more */
};

static void take_up(void *arg, const char *name, bool failed,
		    struct hf_entry *e)
{
	struct reading *r = arg;

	e->hook = find(r->hooks, name);
	if (!e->hook) {
		snprintf(r->name, sizeof(r->name), "%s", name);
		r->unknown++;
		free(e);
	} else if (failed) {
		hf_entries_add(&e->hook->failed, e);
	} else {
		hf_hook_enqueue(e);
		r->waiting++;
	}
}

static int read_queue(struct hf_hooks *h)
{
	struct reading r;

	do {
		r = (struct reading){.hooks = h};
		for (unsigned int i = 0; i < h->hook_count; i++) {
			hf_hook_free_entries(&h->hook[i]);
			h->hook[i].waiting = (struct hf_entries){0};
			h->hook[i].failed = (struct hf_entries){0};
			h->hook[i].due = h->hook[i].due_tail = NULL;
			h->hook[i].later = NULL;
		}
		if (hf_disk_each(&h->disk, take_up, &r))
			return -EIO;
		if (r.unknown) {
			hf_warn("webhooks: %s is not in the configuration any more; what waited for it is dropped",
				r.name);
			hf_disk_forget_hook(&h->disk, r.name);
		}
	} while (r.unknown);
	if (r.waiting)
		hf_info("webhooks: %u deliveries go on", r.waiting);
	return 0;
}

static bool needed(const struct hf_config *c)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (c->lots[i].alerts.waiting_s ||
		    c->lots[i].alerts.full_percent ||
		    c->lots[i].alerts.recall_failed)
			return true;
	return c->hook_count;
}

static int open_all(struct hf_hooks *h, char *err, size_t err_len)
{
	char path[4096];
	int r = 0;

	if (getrandom(&h->random, sizeof(h->random), 0) < 0)
		h->random = (uint32_t)hf_now_ns();
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return -ENOMEM;
	h->multi = curl_multi_init();
	if (!h->multi)
		return -ENOMEM;
	for (unsigned int i = 0; i < h->config->hook_count && !r; i++)
		r = open_hook(h, i);
	snprintf(path, sizeof(path), "%s/hooks.db",
		 h->config->control.state_dir);
	if (!r)
		r = hf_disk_open(&h->disk, path, err, err_len);
	h->next_id = h->disk.last_id;
	if (!r)
		r = read_queue(h);
	if (!r)
		r = hf_bus_subscribe(h->bus, on_event, h, &h->reader);
	if (!r)
		hf_bus_wants(h->reader, wants);
	return r;
}

int hf_hooks_create(const struct hf_config *config, struct hf_bus *bus,
		    struct hf_hooks **ret, char *err, size_t err_len)
{
	struct hf_hooks *h;
	int r;

	*ret = NULL;
	if (!needed(config))
		return 0;
	snprintf(err, err_len, "webhooks: out of memory");
	h = calloc(1, sizeof(*h) + config->hook_count * sizeof(h->hook[0]));
	if (!h)
		return -ENOMEM;
	h->config = config;
	h->bus = bus;
	h->inbox_end = &h->inbox;
	pthread_mutex_init(&h->lock, NULL);
	r = open_all(h, err, err_len);
	if (r) {
		hf_hooks_destroy(h);
		return r;
	}
	*ret = h;
	return 0;
}

int hf_hooks_start(struct hf_hooks *h)
{
	int r = h ? pthread_create(&h->thread, NULL, hf_hooks_work, h) : 0;

	if (h)
		h->running = !r;
	return -r;
}

void hf_hooks_destroy(struct hf_hooks *h)
{
	struct hf_item *item;

	if (!h)
		return;
	if (h->reader)
		hf_bus_unsubscribe(h->bus, h->reader);
	if (h->running) {
		h->stop = true;
		curl_multi_wakeup(h->multi);
		pthread_join(h->thread, NULL);
	}
	hf_send_abort(h);
	hf_disk_close(&h->disk);
	for (unsigned int i = 0; i < h->hook_count; i++) {
		hf_hook_free_entries(&h->hook[i]);
		free(h->hook[i].lots);
	}
	while ((item = h->inbox)) {
		h->inbox = item->next;
		free(item);
	}
	curl_multi_cleanup(h->multi);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* --- for people ------------------------------------------------------------------ */

static void view_hook(const struct hf_hook *hook, uint64_t now_ms,
		      struct hf_hook_view *v)
{
	static const char *const format[] = {[HF_HOOK_JSON] = "json",
					     [HF_HOOK_SLACK] = "slack",
					     [HF_HOOK_TEAMS] = "teams"};

	*v = (struct hf_hook_view){
		.name = hook->config->name,
		.format = format[hook->config->format],
		.sick = hook->sick || hook->gave_up_said,
		.waiting = hook->waiting.count - hook->sending,
		.sending = hook->sending,
		.failed = hook->failed.count,
		.delivered = hook->delivered,
		.attempts_failed = hook->attempts_failed,
		.given_up = hook->given_up,
		.dropped = hook->dropped,
		.oldest_wall_ms =
			hook->waiting.head ? hook->waiting.head->wall_ms : 0,
	};
	memcpy(v->to, hook->to, sizeof(v->to));
	if (v->sick)
		memcpy(v->said, hook->said, sizeof(v->said));
	if (hook->sick && hook->next_ms > now_ms)
		v->next_s = (uint32_t)((hook->next_ms - now_ms + 999) / 1000);
}

void hf_hooks_each(struct hf_hooks *h,
		   void (*fn)(void *, const struct hf_hook_view *), void *arg)
{
	struct hf_hook_view v;

	for (unsigned int i = 0; h && i < h->hook_count; i++) {
		pthread_mutex_lock(&h->lock);
		view_hook(&h->hook[i], hf_now_ms(), &v);
		pthread_mutex_unlock(&h->lock);
		fn(arg, &v);
	}
}

static struct hf_delivery_view view_entry(const struct hf_entry *e, bool failed)
{
	struct hf_delivery_view v = {
		.id = e->id,
		.call = e->call,
		.event = hf_hook_type_name(e->type),
		.state = failed	      ? HF_DELIVERY_FAILED
			 : e->sending ? HF_DELIVERY_SENDING
				      : HF_DELIVERY_WAITING,
		.wall_ms = e->wall_ms,
		.attempts = e->attempts,
		.status = e->status,
		.ms = e->ms};

	memcpy(v.said, e->said, sizeof(v.said));
	return v;
}

static struct hf_delivery_view view_recent(const struct hf_recent *r)
{
	struct hf_delivery_view v = {.id = r->id,
				     .call = r->call,
				     .event = hf_hook_type_name(r->type),
				     .state = HF_DELIVERY_DELIVERED,
				     .wall_ms = r->wall_ms,
				     .attempts = r->attempts,
				     .status = r->status,
				     .ms = r->ms};

	memcpy(v.said, r->said, sizeof(v.said));
	return v;
}

static int newest_first(const void *a, const void *b)
{
	const struct hf_delivery_view *x = a, *y = b;

	return x->id < y->id ? 1 : x->id > y->id ? -1 : 0;
}

/* The newest of each kind, up to HF_HOOK_SHOWN of each. */
static unsigned int collect(const struct hf_hook *hook,
			    struct hf_delivery_view *v)
{
	const struct hf_entry *e;
	unsigned int n = 0, k;

	for (e = hook->waiting.tail, k = 0; e && k < HF_HOOK_SHOWN; k++) {
		v[n++] = view_entry(e, false);
		e = e->prev;
	}
	for (e = hook->failed.tail, k = 0; e && k < HF_HOOK_SHOWN; k++) {
		v[n++] = view_entry(e, true);
		e = e->prev;
	}
	for (k = 0; k < HF_HOOK_RECENT && hook->recent[k].id; k++)
		v[n++] = view_recent(&hook->recent[k]);
	return n;
}

int hf_hooks_deliveries(struct hf_hooks *h, const char *name,
			void (*fn)(void *, const struct hf_delivery_view *),
			void *arg)
{
	struct hf_hook *hook = find(h, name);
	struct hf_delivery_view *v;
	unsigned int n;

	if (!hook)
		return -ENOENT;
	v = calloc(2 * HF_HOOK_SHOWN + HF_HOOK_RECENT, sizeof(*v));
	if (!v)
		return -ENOMEM;
	pthread_mutex_lock(&h->lock);
	n = collect(hook, v);
	pthread_mutex_unlock(&h->lock);
	qsort(v, n, sizeof(*v), newest_first);
	for (unsigned int i = 0; i < n && i < HF_HOOK_SHOWN; i++)
		fn(arg, &v[i]);
	free(v);
	return 0;
}

int hf_hooks_retry(struct hf_hooks *h, const char *name, uint32_t *ret)
{
	struct hf_hook *hook = find(h, name);
	struct hf_item *item = hook ? hf_item_new(HF_ITEM_RETRY, "", NULL) : NULL;

	if (!hook)
		return -ENOENT;
	if (!item)
		return -ENOMEM;
	pthread_mutex_lock(&h->lock);
	*ret = hook->waiting.count + hook->failed.count;
	pthread_mutex_unlock(&h->lock);
	item->hook = (int)(hook - h->hook);
	hf_hooks_hand_over(h, item);
	return 0;
}

int hf_hooks_test(struct hf_hooks *h, const char *name, uint64_t *ret)
{
	struct hf_hook *hook = find(h, name);
	struct hf_item *item = NULL;
	json_t *object;
	char *line;

	if (!hook)
		return -ENOENT;
	object = json_pack("{s:s,s:I,s:s}", "event", "test", "wall_ms",
			   (json_int_t)hf_wall_ms(), "text",
			   "This is a test of Holdfast: nothing has happened.");
	line = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	if (line)
		item = hf_item_new(HF_ITEM_SAY, line, NULL);
	free(line);
	if (!item)
		return -ENOMEM;
	item->type = HF_HOOK_TYPE_TEST;
	item->hook = (int)(hook - h->hook);
	item->id = *ret = ++h->next_id;
	hf_hooks_hand_over(h, item);
	return 0;
}
