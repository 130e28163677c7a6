// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The thread of the webhooks. A round: end what is over, take in what was handed
 * over, write both to disk, begin what may go, wait. What a receiver answers
 * decides how long it is left alone: twice as long after each failure, a little
 * by chance, so that many anchors do not come back in step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

#define HF_ROUND_MOST_MS 10000

struct hf_entry *hf_entry_new(struct hf_hook *hook, size_t body_len)
{
	struct hf_entry *e = calloc(1, sizeof(*e) + body_len + 1);

	if (!e)
		return NULL;
	e->hook = hook;
	e->len = body_len;
	return e;
}

/* --- taking in --------------------------------------------------------------- */

static void lock(struct hf_hooks *h)
{
	pthread_mutex_lock(&h->lock);
}

static void unlock(struct hf_hooks *h)
{
	pthread_mutex_unlock(&h->lock);
}

static void forget(struct hf_hooks *h, struct hf_entry *e)
{
	hf_disk_remove(&h->disk, e);
	free(e);
}

static void enqueue(struct hf_hooks *h, struct hf_entry *e)
{
	lock(h);
	hf_hook_enqueue(e);
	unlock(h);
}

static struct hf_entry *take_oldest(struct hf_hook *hook, uint64_t wall_ms)
{
	struct hf_entry *e;

	lock(hook->hooks);
	e = hf_hook_oldest(hook, wall_ms);
	unlock(hook->hooks);
	return e;
}

/* More than `queue` wait: the oldest go. */
static void trim(struct hf_hooks *h, struct hf_hook *hook)
{
	while (hook->waiting.count > hook->config->queue) {
		struct hf_entry *e = take_oldest(hook, UINT64_MAX);

		if (!e)
			return; /* all are being sent */
		forget(h, e);
		lock(h);
		hook->dropped++;
		hook->dropped_untold++;
		unlock(h);
		if (!hook->full_said)
			hf_warn("webhook %s: its queue of %u is full; the oldest are dropped (%s)",
				hook->config->name, hook->config->queue,
				hook->said);
		hook->full_said = true;
	}
}

static void tell_hook(struct hf_hooks *h, struct hf_hook *hook,
		      const struct hf_item *item)
{
	const char *json = item->full && hook->config->trusted ? item->full
							       : item->json;
	char *body = hf_hook_body(hook->config, item->type, json);
	struct hf_entry *e =
		body ? hf_entry_new(hook, strlen(body)) : NULL;

	if (!e) {
		hf_error("webhook %s: %s of call %llu is lost: out of memory",
			 hook->config->name, hf_hook_type_name(item->type),
			 (unsigned long long)item->call);
		free(body);
		return;
	}
	memcpy(e->body, body, e->len);
	free(body);
	e->id = item->id ? item->id : ++h->next_id;
	e->call = item->call;
	e->wall_ms = item->wall_ms;
	e->type = item->type;
	hf_disk_put(&h->disk, e);
	enqueue(h, e);
	trim(h, hook);
}

static bool wants(const struct hf_hook *hook, const struct hf_item *item)
{
	if (!(hook->wants & 1ULL << item->type))
		return false;
	return !hook->lots ||
	       (item->lot >= 0 && hook->lots[item->lot / 64] &
					  1ULL << item->lot % 64);
}

static void say(struct hf_hooks *h, const struct hf_item *item)
{
	if (item->hook >= 0) {
		tell_hook(h, &h->hook[item->hook], item);
		return;
	}
	for (unsigned int i = 0; i < h->hook_count; i++)
		if (wants(&h->hook[i], item))
			tell_hook(h, &h->hook[i], item);
}

/* What was given up goes again, what waits goes now. */
static void retry(struct hf_hooks *h, struct hf_hook *hook)
{
	struct hf_entry *e;

	lock(h);
	hf_hook_hurry(hook);
	unlock(h);
	while ((e = hook->failed.head)) {
		lock(h);
		hf_entries_remove(&hook->failed, e);
		unlock(h);
		hf_disk_note(&h->disk, e, false);
		enqueue(h, e);
	}
	trim(h, hook);
}

static void take_in(struct hf_hooks *h)
{
	struct hf_item *item, *next;

	lock(h);
	item = h->inbox;
	h->inbox = NULL;
	h->inbox_end = &h->inbox;
	h->inbox_count = 0;
	unlock(h);
	for (; item; item = next) {
		next = item->next;
		switch (item->kind) {
		case HF_ITEM_SAY:
			say(h, item);
			break;
		case HF_ITEM_RETRY:
			retry(h, &h->hook[item->hook]);
			break;
		case HF_ITEM_RAISE:
		case HF_ITEM_CLEAR:
			hf_disk_raise(&h->disk, item->json,
				      item->kind == HF_ITEM_RAISE);
			break;
		}
		free(item);
	}
	h->disk.last_id = h->next_id;
}

/* --- what an attempt came to -------------------------------------------------- */

/* Half of it is sure, half by chance. */
static uint64_t wait_after(struct hf_hooks *h, unsigned int failures)
{
	uint64_t ms = HF_HOOK_WAIT_MS;

	while (--failures && ms < HF_HOOK_WAIT_MOST_MS)
		ms *= 2;
	if (ms > HF_HOOK_WAIT_MOST_MS)
		ms = HF_HOOK_WAIT_MOST_MS;
	h->random = h->random * 1664525 + 1013904223;
	return ms / 2 + (uint64_t)(h->random >> 8) % (ms / 2 + 1);
}

static void remember(struct hf_hook *hook, const struct hf_entry *e)
{
	struct hf_recent *r =
		&hook->recent[hook->recent_at++ % HF_HOOK_RECENT];

	*r = (struct hf_recent){.id = e->id,
				.call = e->call,
				.wall_ms = e->wall_ms,
				.type = e->type,
				.attempts = e->attempts,
				.status = e->status,
				.ms = e->ms};
	memcpy(r->said, e->said, sizeof(r->said));
}

static void sent(struct hf_hooks *h, struct hf_entry *e)
{
	struct hf_hook *hook = e->hook;
	bool was_sick = hook->sick || hook->gave_up_said;

	lock(h);
	remember(hook, e);
	hook->sick = 0;
	hook->gave_up_said = hook->full_said = false;
	hook->dropped_untold = 0;
	hook->delivered++;
	hf_hook_finish(e);
	unlock(h);
	forget(h, e);
	if (was_sick)
		hf_info("webhook %s: %s takes deliveries again",
			hook->config->name, hook->to);
}

/* Kept for a person who asks for another try; the oldest of many go. It is out
 * of the queue. */
static void give_up(struct hf_hooks *h, struct hf_entry *e)
{
	struct hf_hook *hook = e->hook;
	struct hf_entry *old = NULL;

	if (!hook->gave_up_said)
		hf_warn("webhook %s: %s of call %llu is given up: %s; holdfastctl webhook retry %s would try again",
			hook->config->name, hf_hook_type_name(e->type),
			(unsigned long long)e->call, e->said,
			hook->config->name);
	hf_disk_note(&h->disk, e, true);
	lock(h);
	hook->gave_up_said = true;
	hook->given_up++;
	hf_entries_add(&hook->failed, e);
	if (hook->failed.count > HF_HOOK_FAILED) {
		old = hook->failed.head;
		hf_entries_remove(&hook->failed, old);
	}
	unlock(h);
	if (old)
		forget(h, old);
}

/* What is as old as that is not tried any more. */
static uint64_t dead_ms(const struct hf_hook *hook)
{
	const uint64_t life = hook->config->give_up_s * 1000ULL;
	const uint64_t wall = hf_wall_ms();

	return wall > life ? wall - life : 0;
}

static void try_later(struct hf_hooks *h, struct hf_entry *e, uint64_t after_ms)
{
	struct hf_hook *hook = e->hook;
	const uint64_t now = hf_now_ms(), dead = dead_ms(hook);
	uint64_t sick_ms = wait_after(h, hook->sick + 1);
	uint64_t ms = wait_after(h, e->attempts);

	if (!hook->sick)
		hf_warn("webhook %s: %s: %s; tried again",
			hook->config->name, hook->to, e->said);
	hf_disk_note(&h->disk, e, false);
	lock(h);
	hook->sick++;
	hook->next_ms = now + (after_ms > sick_ms ? after_ms : sick_ms);
	if (e->wall_ms <= dead)
		hf_hook_finish(e);
	else
		hf_hook_delay(e, now + (after_ms > ms ? after_ms : ms));
	unlock(h);
	if (e->wall_ms <= dead)
		give_up(h, e);
	while ((e = take_oldest(hook, dead)))
		give_up(h, e);
}

static void end_some(struct hf_hooks *h)
{
	struct hf_outcome o;

	while (hf_send_done(h, &o)) {
		struct hf_entry *e = o.entry;

		lock(h);
		e->status = o.status;
		e->ms = o.ms;
		memcpy(e->said, o.said, sizeof(o.said));
		memcpy(e->hook->said, o.said, sizeof(o.said));
		e->hook->attempts_failed += o.what != HF_SENT;
		if (o.what == HF_SEND_NEVER)
			hf_hook_finish(e);
		unlock(h);
		if (o.what == HF_SENT)
			sent(h, e);
		else if (o.what == HF_SEND_LATER)
			try_later(h, e, o.after_ms);
		else
			give_up(h, e);
	}
}

static void begin_some(struct hf_hooks *h)
{
	uint64_t now = hf_now_ms();

	for (unsigned int i = 0; i < h->hook_count; i++) {
		struct hf_hook *hook = &h->hook[i];
		struct hf_entry *e;

		for (;;) {
			lock(h);
			e = hf_hook_take(hook, now);
			unlock(h);
			if (!e)
				break;
			if (!hf_send_begin(h, e))
				continue;
			lock(h);
			hf_hook_delay(e, now + HF_HOOK_WAIT_MS);
			unlock(h);
			break;
		}
	}
}

static int wait_ms(const struct hf_hooks *h)
{
	uint64_t now = hf_now_ms(), least = now + HF_ROUND_MOST_MS;

	for (unsigned int i = 0; i < h->hook_count; i++) {
		uint64_t at = hf_hook_next_ms(&h->hook[i], now);

		if (at < least)
			least = at;
	}
	return least > now ? (int)(least - now) : 0;
}

void *hf_hooks_work(void *arg)
{
	struct hf_hooks *h = arg;
	int running;

	while (!h->stop) {
		end_some(h);
		take_in(h);
		hf_disk_commit(&h->disk);
		begin_some(h);
		curl_multi_perform(h->multi, &running);
		end_some(h);
		curl_multi_poll(h->multi, NULL, 0, wait_ms(h), NULL);
		curl_multi_perform(h->multi, &running);
	}
	take_in(h);
	hf_disk_commit(&h->disk);
	return NULL;
}
