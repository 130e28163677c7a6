// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The thread that writes: what came in during one commit goes into the next
 * together, and what nobody waits for waits for company. What fails to be written is tried again each second and meanwhile
 * counts as settled: a caller is parked also while the disk is full; only a
 * restart would lose it, which the log says once.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "internal.h"

#define RETRY_MS 1000
/* A disk that is full now and then is said once, and taken back when it has
 * been well for so long. */
#define WELL_MS	 3000
/* A commit costs about as much for one call as for ten: it is mostly the disk's.
 * So under load they begin this far apart; alone, none waits. */
#define GATHER_NS (5 * 1000000ULL)

/* Others may be asked for: tell them how far we are. */
static void tell(struct hf_store *s)
{
	uint64_t one = 1;

	if (write(s->event, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static void note_failure(struct hf_store *s, int r)
{
	if (r && !s->said_ms)
		hf_error("journal: %s cannot be written: %s; calls go on, but would not survive a restart",
			 s->path, sqlite3_errstr(r));
	if (r)
		s->said_ms = hf_now_ms();
	s->failing = r != 0;
	if (s->slow && s->settled == s->flushed) {
		s->slow = false;
		hf_info("journal: %s has caught up", s->path);
	}
}

const unsigned int hf_store_bounds_us[HF_STORE_BUCKETS] = {
	250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 2500000};

/* Under the lock. */
static void note_time(struct hf_store_times *t, uint64_t us)
{
	unsigned int i = 0;

	while (i < HF_STORE_BUCKETS && us > hf_store_bounds_us[i])
		i++;
	t->bucket[i]++;
	t->count++;
	t->sum_us += us;
}

void hf_store_times(struct hf_store *s, struct hf_store_times *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->times;
	pthread_mutex_unlock(&s->lock);
}

/* The lock is held, and let go while the disk works. */
static void write_pending(struct hf_store *s)
{
	struct hf_op *batch = s->pending;
	uint64_t upto = s->flushed, began = hf_now_ns();
	int r = 0;

	s->pending = NULL;
	s->due_ms = UINT64_MAX;
	s->began_ns = began;
	s->busy_ms = batch ? hf_now_ms() : 0;
	pthread_mutex_unlock(&s->lock);
	if (batch)
		r = hf_rows_write(&s->rows, batch);
	pthread_mutex_lock(&s->lock);
	s->busy_ms = 0;
	if (batch && !r)
		note_time(&s->times, (hf_now_ns() - began) / 1000);
	if (r)
		hf_ops_return(&s->pending, &batch);
	hf_ops_free(&batch);
	if (s->settled != upto) {
		s->settled = upto;
		tell(s);
	}
	/* Whoever has asked to be quick meant what was under way. */
	if (s->flushed == upto)
		s->due_ms = UINT64_MAX;
	note_failure(s, r);
}

static void note_well(struct hf_store *s)
{
	if (!s->said_ms || s->failing || hf_now_ms() < s->said_ms + WELL_MS)
		return;
	s->said_ms = 0;
	hf_info("journal: %s can be written again", s->path);
}

static bool has_work(const struct hf_store *s)
{
	return s->stop ||
	       (s->flushed != s->settled && s->due_ms <= hf_now_ms());
}

/* Until `until_ms` at the latest, or until what nobody waits for is due. */
static void sleep_until(struct hf_store *s, uint64_t until_ms)
{
	while (!has_work(s)) {
		uint64_t at = s->due_ms < until_ms ? s->due_ms : until_ms;
		struct timespec t = {.tv_sec = (time_t)(at / 1000),
				     .tv_nsec = (long)(at % 1000) * 1000000};

		if (at == UINT64_MAX)
			pthread_cond_wait(&s->wake, &s->lock);
		else if (pthread_cond_timedwait(&s->wake, &s->lock, &t) &&
			 at == until_ms)
			break;
	}
}

/* Not woken meanwhile by each record that comes in. */
static void gather(struct hf_store *s)
{
	uint64_t at = s->began_ns + GATHER_NS;
	struct timespec t = {.tv_sec = (time_t)(at / 1000000000),
			     .tv_nsec = (long)(at % 1000000000)};

	if (!s->pending || s->stop || hf_now_ns() >= at)
		return;
	pthread_mutex_unlock(&s->lock);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	pthread_mutex_lock(&s->lock);
}

/* The copy is made while there is nothing else to do, or a little at a time. */
static void copy_a_little(struct hf_store *s)
{
	pthread_mutex_unlock(&s->lock);
	hf_copy_step(s, hf_now_ms());
	pthread_mutex_lock(&s->lock);
}

static void wait_for_work(struct hf_store *s)
{
	uint64_t until = UINT64_MAX;

	/* Something could not be written: try again in a while, sooner only
	 * for what is new, which must not wait. */
	if (s->failing)
		until = hf_now_ms() + RETRY_MS;
	else if (s->copy.backup)
		until = 0;
	else if (s->copy.every_ms && s->copy.ticket != s->settled)
		until = s->copy.due_ms;
	if (s->said_ms && !s->failing && s->said_ms + WELL_MS < until)
		until = s->said_ms + WELL_MS;
	sleep_until(s, until);
}

void *hf_writer(void *store)
{
	struct hf_store *s = store;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		wait_for_work(s);
		if (s->stop && !s->pending)
			break;
		gather(s);
		if (has_work(s) || s->failing)
			write_pending(s);
		if (s->stop && s->failing)
			break;
		note_well(s);
		if (!s->failing)
			copy_a_little(s);
	}
	pthread_mutex_unlock(&s->lock);
	hf_copy_abandon(&s->copy);
	return NULL;
}
