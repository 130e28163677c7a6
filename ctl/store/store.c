// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journal as others see it: opened, read, handed records, asked how far it
 * is. open.c finds the file, writer.c is the thread that writes.
 *
 * What is handed over between two calls of hf_store_flush() belongs together
 * and is written in one transaction: after a kill a call and the farewell that
 * took its place are never both there, nor both missing.
 */
#include "store.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "internal.h"

/* What nobody waits for is written by then. Were we killed meanwhile, the call
 * would be taken up as it was so long ago. */
#define LATER_MS 10
#define SETTLE_MS 1000

static int init(struct hf_store *s)
{
	pthread_condattr_t attr;

	s->due_ms = UINT64_MAX;
	s->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	pthread_mutex_init(&s->lock, NULL);
	/* Waits by the clock that nobody sets. */
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	return s->event < 0 ? -errno : 0;
}

int hf_store_open(const struct hf_store_place *place, struct hf_store **ret,
		  char *err, size_t err_len)
{
	struct hf_store *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	snprintf(err, err_len, "journal: out of memory");
	if (!s)
		return r;
	r = init(s);
	if (!r)
		r = hf_database_open(s, place, err, err_len);
	if (r) {
		hf_store_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

bool hf_store_same_boot(const struct hf_store *s)
{
	return s->same_boot;
}

int hf_store_each_call(struct hf_store *s,
		       void (*fn)(void *arg, const struct hf_store_call *),
		       void *arg)
{
	int r = hf_rows_read(s->db, fn, arg);

	if (r)
		hf_error("journal: %s: %s", s->path, sqlite3_errmsg(s->db));
	return r ? -EIO : 0;
}

int hf_store_start(struct hf_store *s)
{
	int r = SQLITE_OK;

	if (!s->same_boot)
		r = sqlite3_exec(s->db, "DELETE FROM call; DELETE FROM party",
				 NULL, NULL, NULL);
	if (r) {
		hf_error("journal: %s: %s", s->path, sqlite3_errmsg(s->db));
		return -EIO;
	}
	s->copy.due_ms = hf_now_ms() + s->copy.every_ms;
	s->copy.ticket = UINT64_MAX; /* there is none yet */
	r = pthread_create(&s->thread, NULL, hf_writer, s);
	s->running = !r;
	if (s->running)
		pthread_setname_np(s->thread, "journal");
	return -r;
}

static int hand_over(struct hf_store *s, struct hf_op *op)
{
	s->ticket++;
	return hf_ops_add(&s->fresh, op);
}

int hf_store_put_call(struct hf_store *s, const struct hf_store_call *c)
{
	return hand_over(s, hf_op_put(c));
}

int hf_store_drop_call(struct hf_store *s, uint64_t id)
{
	return hand_over(s, hf_op_drop(id));
}

int hf_store_put_setting(struct hf_store *s, const char *name,
			 const char *value)
{
	s->urgent = true;
	return hand_over(s, hf_op_setting(name, value));
}

/* `due_ms`: 0 = now. */
static void flush(struct hf_store *s, uint64_t due_ms)
{
	if (!s->fresh && (due_ms || s->settled_seen == s->ticket))
		return;
	pthread_mutex_lock(&s->lock);
	if (s->fresh && hf_ops_merge(&s->pending, &s->fresh))
		hf_warn("journal: no memory for a record");
	s->flushed = s->ticket;
	s->urgent = false;
	/* The thread sleeps until the earliest that it knows of. */
	if (s->flushed != s->settled && due_ms < s->due_ms) {
		s->due_ms = due_ms;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
}

void hf_store_flush(struct hf_store *s)
{
	flush(s, 0);
}

void hf_store_flush_later(struct hf_store *s)
{
	flush(s, s->urgent ? 0 : hf_now_ms() + LATER_MS);
}

uint64_t hf_store_ticket(const struct hf_store *s)
{
	return s->ticket;
}

static void lose_patience(struct hf_store *s)
{
	if (s->slow || !s->busy_ms || !s->patience_ms ||
	    hf_now_ms() - s->busy_ms < s->patience_ms)
		return;
	s->slow = true;
	hf_error("journal: %s takes longer than %u ms to be written: calls no longer wait for it, and what is not written would not survive a restart",
		 s->path, s->patience_ms);
}

uint64_t hf_store_settled(struct hf_store *s)
{
	uint64_t n;

	hf_store_flush(s);
	pthread_mutex_lock(&s->lock);
	lose_patience(s);
	/* Each rise is told of under the lock: asked without one, nothing is
	 * there to be read. */
	if (s->settled != s->settled_seen &&
	    read(s->event, &n, sizeof(n)) < 0)
		n = 0; /* the number is right anyway */
	n = s->slow ? s->ticket : s->settled;
	s->settled_seen = s->settled;
	pthread_mutex_unlock(&s->lock);
	return n;
}

uint64_t hf_store_next_ms(struct hf_store *s)
{
	uint64_t at = UINT64_MAX;

	pthread_mutex_lock(&s->lock);
	if (s->busy_ms && s->patience_ms && !s->slow)
		at = s->busy_ms + s->patience_ms;
	pthread_mutex_unlock(&s->lock);
	return at;
}

void hf_store_settle(struct hf_store *s)
{
	struct pollfd p = {.fd = s->event, .events = POLLIN};
	uint64_t until = hf_now_ms() + SETTLE_MS, now;

	while (s->running && hf_store_settled(s) < s->ticket &&
	       (now = hf_now_ms()) < until)
		poll(&p, 1, (int)(until - now));
}

bool hf_store_failing(struct hf_store *s)
{
	bool failing;

	pthread_mutex_lock(&s->lock);
	failing = s->failing;
	pthread_mutex_unlock(&s->lock);
	return failing;
}

int hf_store_fd(const struct hf_store *s)
{
	return s->event;
}

void hf_store_close(struct hf_store *s)
{
	if (!s)
		return;
	if (s->running) {
		hf_store_flush(s);
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	hf_ops_free(&s->fresh);
	hf_ops_free(&s->pending);
	hf_database_close(s);
	if (s->event >= 0)
		close(s->event);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}
