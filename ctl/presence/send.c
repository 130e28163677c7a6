// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When something is sent. To one watcher there is never more than one NOTIFY
 * under way, so none can overtake another; the first change goes at once, later
 * ones at most one a second, and what goes is the state of that moment. A
 * NOTIFY that nobody answers is counted and the whole state is tried again,
 * first soon, then ever more rarely, until the subscription expires: a phone
 * that was away for a minute has not lost its lamps. Everything due in one
 * moment is sent a few at a time, so that calls need not wait for it.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "internal.h"

#define HF_PROBE_FIRST_MS 1000
#define HF_PROBE_MS 30000
#define HF_PROBE_MOST_MS 600000
/* The stack keeps what it sent for some seconds; then this much of it is worth
 * giving back. */
#define HF_TRIM_AFTER 1000
#define HF_TRIM_MS 7000
/* ... and what it was sent (RFC 3261 17.2.2, timer J) for longer. */
#define HF_TRIM_AGAIN_MS 28000

static void make_ready(struct hf_watch *w)
{
	struct hf_lamps *l = w->lamps;

	hf_due_remove(&l->due, w);
	w->ready = true;
	w->ready_next = NULL;
	*l->ready_tail = w;
	l->ready_tail = &w->ready_next;
}

/* Put it where its next moment is looked for. */
void hf_watch_schedule(struct hf_watch *w)
{
	struct hf_lamps *l = w->lamps;
	uint64_t at = w->expires_ms, earliest;

	if (w->ready || !w->started)
		return;
	if (w->in_flight) {
		/* Its end, or the end of the transaction, comes first. */
		hf_due_remove(&l->due, w);
		return;
	}
	if (w->pending) {
		earliest = w->send_ms;
		if (!w->urgent && !w->ending && w->sent_ms &&
		    w->sent_ms + HF_LAMP_INTERVAL_MS > earliest)
			earliest = w->sent_ms + HF_LAMP_INTERVAL_MS;
		if (earliest <= l->now_ms) {
			make_ready(w);
			return;
		}
		if (earliest < at)
			at = earliest;
	}
	hf_due_set(&l->due, w, at);
}

void hf_watch_touch(struct hf_watch *w)
{
	if (w->pending)
		w->lamps->totals.coalesced++;
	if (w->ending)
		return;
	w->pending = true;
	w->send_ms = 0;
	hf_watch_schedule(w);
}

/* Nobody answered, or not with a yes. */
static void failed(struct hf_watch *w)
{
	uint64_t wait = HF_PROBE_FIRST_MS;

	w->lamps->totals.lost++;
	w->pending = w->full = true;
	w->part = 0;
	if (w->failures < UINT16_MAX)
		w->failures++;
	if (w->failures == 2)
		w->lamps->totals.probing++;
	for (unsigned int i = 1; i < w->failures && wait < HF_PROBE_MOST_MS; i++)
		wait = wait < HF_PROBE_MS ? HF_PROBE_MS : wait * 2;
	w->send_ms = w->lamps->now_ms + wait;
}

/* Answers after which there is no subscription any more (RFC 6665 4.2.2, and
 * RFC 5057 5.1 for those that end the dialog). */
static bool ends_it(int status)
{
	return status == 481 || status == 489 || status == 410 ||
	       status == 405 || status == 501 || status == 604;
}

void hf_watch_sent(struct hf_watch *w, int status, uint32_t retry_after_s)
{
	struct hf_lamps *l = w->lamps;

	hf_lamps_look_at_clock(l);
	w->in_flight = false;
	if (w->ended || ends_it(status)) {
		if (!w->ended) {
			l->totals.gone++;
			hf_info("lamps: %s no longer watches (%d)", w->who,
				status);
		}
		hf_watch_free(w);
		return;
	}
	if (status >= 200 && status < 300) {
		if (w->failures > 1)
			l->totals.probing--;
		w->failures = 0;
		if (w->part)
			w->pending = w->urgent = true;
	} else {
		failed(w);
		if (retry_after_s && retry_after_s <= 3600)
			w->send_ms = l->now_ms + retry_after_s * 1000ULL;
	}
	if (l->now_ms >= w->expires_ms && !w->ending) {
		l->totals.expired++;
		w->ending = w->pending = w->full = w->urgent = true;
		w->send_ms = 0;
	}
	if (w->ending) {
		w->pending = true;
		w->send_ms = 0;
	}
	hf_watch_schedule(w);
}

static void send_now(struct hf_watch *w)
{
	struct hf_lamps *l = w->lamps;
	struct hf_notify n = {
		.event = hf_lamp_event_name(w->event),
		.event_id = *w->event_id ? w->event_id : NULL,
		.active = !w->ending,
		.reason = w->ending ? w->reason : NULL,
		.eventlist = w->on->kind == HF_LAMP_LIST,
	};
	bool is_change = !w->urgent;
	int error;

	if (w->expires_ms > l->now_ms)
		n.expires_s = (uint32_t)((w->expires_ms - l->now_ms + 999) / 1000);
	w->pending = w->urgent = false;
	error = hf_lamp_body_write(w, &n) ? l->wire.ops->notify(w->sip, &n) :
					    -ENOMEM;
	if (error && w->ending) {
		hf_watch_free(w);
		return;
	}
	if (error) {
		hf_debug("lamps: cannot send to %s: %s", w->who,
			 strerror(-error));
		failed(w);
		hf_watch_schedule(w);
		return;
	}
	w->in_flight = true;
	w->ended = w->ending;
	w->notifies++;
	l->totals.notifies++;
	if (is_change)
		w->sent_ms = l->now_ms;
	if (!l->trim_again)
		l->trim_ms = l->now_ms + HF_TRIM_MS;
}

static void due(struct hf_lamps *l)
{
	while (l->due.count && l->due.heap[0]->due_ms <= l->now_ms) {
		struct hf_watch *w = l->due.heap[0];

		hf_due_remove(&l->due, w);
		if (w->expires_ms <= l->now_ms && !w->ending) {
			l->totals.expired++;
			w->ending = w->pending = w->full = w->urgent = true;
			w->send_ms = 0;
		}
		hf_watch_schedule(w);
	}
}

static void trim(struct hf_lamps *l)
{
	if (!l->trim_ms || l->now_ms < l->trim_ms)
		return;
	l->trim_ms = 0;
	if (l->trim_again) {
		l->trim_again = false;
		malloc_trim(0);
		return;
	}
	if (l->totals.notifies - l->trimmed < HF_TRIM_AFTER)
		return;
	l->trimmed = l->totals.notifies;
	malloc_trim(0);
	l->trim_again = true;
	l->trim_ms = l->now_ms + HF_TRIM_AGAIN_MS;
}

void hf_lamps_run(struct hf_lamps *l, uint64_t now_ms)
{
	l->now_ms = now_ms;
	hf_lamp_slots_update(l);
	due(l);
	for (int i = 0; i < HF_LAMP_TURN && l->ready; i++) {
		struct hf_watch *w = l->ready;

		l->ready = w->ready_next;
		if (!l->ready)
			l->ready_tail = &l->ready;
		w->ready = false;
		send_now(w);
	}
	trim(l);
}

uint64_t hf_lamps_next_ms(const struct hf_lamps *l)
{
	uint64_t next = l->due.count ? l->due.heap[0]->due_ms : HF_LAMP_NEVER;

	if (l->dirty_count || l->ready)
		return l->now_ms;
	return l->trim_ms && l->trim_ms < next ? l->trim_ms : next;
}

bool hf_lamps_idle(const struct hf_lamps *l)
{
	const struct hf_watch *w;

	if (l->dirty_count || l->ready)
		return false;
	/* Whoever does not answer is not waited for. */
	for (w = l->watches; w; w = w->hh.next)
		if (!w->failures && (w->in_flight || w->pending))
			return false;
	return true;
}
