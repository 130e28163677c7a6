// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The file of records: opened, written by a thread of its own, kept small.
 *
 * A commit here is not waited for by anybody and not forced to the disk: what
 * is committed outlives the process, and all but the last moments a power cut.
 */
#include "records.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../database/sql.h"
#include "internal.h"

#define RETRY_MS      1000
#define PRUNE_MS      60000
#define PRUNE_MORE_MS 50
#define PAUSE_MS      100 /* between two batches: many rows a commit */

static int open_database(struct hf_records *r)
{
	int e = hf_sql_open(r->path, &r->db);

	/* Takes effect where the file is new. */
	if (!e)
		e = sqlite3_exec(r->db,
				 "PRAGMA auto_vacuum=INCREMENTAL;"
				 "PRAGMA journal_mode=WAL;"
				 "PRAGMA synchronous=NORMAL;"
				 "PRAGMA journal_size_limit=8388608",
				 NULL, NULL, NULL);
	if (!e)
		e = hf_records_migrate(r->db);
	if (!e)
		e = hf_record_rows_prepare(r->db, &r->rows);
	if (!e)
		e = hf_records_measure(r->db, &r->figures);
	return e;
}

static void close_database(struct hf_records *r)
{
	hf_record_rows_fini(&r->rows);
	sqlite3_close(r->db);
	r->db = NULL;
}

static int open_or_renew(struct hf_records *r, char *err, size_t len)
{
	int e = open_database(r);
	char aside[4200];

	if (hf_sql_is_damaged(e)) {
		close_database(r);
		if (!hf_sql_set_aside(r->path, aside, sizeof(aside))) {
			hf_error("history: %s is damaged; it is kept as %s, and a new one is begun",
				 r->path, aside);
			e = open_database(r);
		}
	}
	if (e == SQLITE_SCHEMA)
		snprintf(err, len,
			 "history: %s was written by a newer holdfastd: use that, or move the file away",
			 r->path);
	else if (e)
		snprintf(err, len, "history: %s cannot be used: %s", r->path,
			 r->db ? sqlite3_errmsg(r->db) : sqlite3_errstr(e));
	return e ? -EIO : 0;
}

/* --- the writing thread; the lock is held where nothing else is said ------ */

static void wait_until(struct hf_records *r, uint64_t ms)
{
	struct timespec until = {.tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000};

	pthread_cond_timedwait(&r->wake, &r->lock, &until);
}

static void note_failure(struct hf_records *r, int e)
{
	if (e && !r->figures.failing)
		hf_error("history: %s cannot be written: %s; up to %u events are kept until it can",
			 r->path, sqlite3_errstr(e), HF_NOTES_MAX);
	if (!e && r->figures.failing)
		hf_info("history: %s can be written again", r->path);
	r->figures.failing = e != 0;
}

static void free_notes(struct hf_note *n)
{
	struct hf_note *next;

	for (; n; n = next) {
		next = n->next;
		free(n);
	}
}

/* Back in front of what has come since. */
static void give_back(struct hf_records *r, struct hf_note *first,
		      struct hf_note **end)
{
	if (!r->first)
		r->end = end;
	*end = r->first;
	r->first = first;
}

static void tell_over(struct hf_records *r, uint64_t call)
{
	const struct hf_filter filter = {
		.asks = HF_ASKS_CALL, .call = call, .limit = 1};
	struct hf_question *q = hf_question_create(&filter);
	json_t *rows = NULL;
	bool last;

	/* One that was never parked has no rows. */
	if (q && !hf_question_answer(r->db, q, &rows, &last) &&
	    json_array_size(rows))
		r->over(r->over_arg, json_array_get(rows, 0));
	json_decref(rows);
	hf_question_free(q);
}

static void tell_all_over(struct hf_records *r, const struct hf_note *n)
{
	pthread_mutex_lock(&r->over_lock);
	for (; n && r->over; n = n->next)
		if (n->kind == HF_NOTE_OVER)
			tell_over(r, n->call);
	pthread_mutex_unlock(&r->over_lock);
}

void hf_records_follow(struct hf_records *r,
		       void (*over)(void *arg, const json_t *call), void *arg)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->over_lock);
	r->over = over;
	r->over_arg = arg;
	pthread_mutex_unlock(&r->over_lock);
}

/* All that waits, in one transaction. */
static void write_some(struct hf_records *r)
{
	struct hf_note *batch = r->first, **end = r->end;
	uint32_t count = r->figures.queued;
	int e;

	r->first = NULL;
	r->end = &r->first;
	pthread_mutex_unlock(&r->lock);
	e = hf_record_rows_write(&r->rows, batch);
	/* One that can never be written must not stand in the way. */
	if (e == SQLITE_CONSTRAINT || e == SQLITE_MISMATCH) {
		hf_error("history: %u events are lost: %s", count,
			 sqlite3_errmsg(r->db));
		e = SQLITE_OK;
	}
	if (!e) {
		tell_all_over(r, batch);
		free_notes(batch);
	}
	pthread_mutex_lock(&r->lock);
	note_failure(r, e);
	if (e) {
		give_back(r, batch, end);
		return;
	}
	r->figures.queued -= count;
	r->figures.written += count;
	if (r->told_lost && r->figures.queued < HF_NOTES_MAX / 2)
		r->told_lost = false;
}

static void prune(struct hf_records *r)
{
	struct hf_records_limits limits = r->limits;
	struct hf_records_figures f = {0};
	bool more = false;
	int e;

	pthread_mutex_unlock(&r->lock);
	e = hf_records_prune(r->db, &limits, hf_wall_ms(), &more);
	if (!e && !more)
		e = hf_records_measure(r->db, &f);
	pthread_mutex_lock(&r->lock);
	if (!e && !more) {
		r->figures.calls = f.calls;
		r->figures.waits = f.waits;
		r->figures.acts = f.acts;
		r->figures.bytes = f.bytes;
	}
	r->prune_ms = hf_now_ms() + (more && !e ? PRUNE_MORE_MS : PRUNE_MS);
}

static void *writer(void *arg)
{
	struct hf_records *r = arg;
	uint64_t pause = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		uint64_t now = hf_now_ms();

		if (now >= r->prune_ms) {
			prune(r);
		} else if (r->first && now >= pause) {
			write_some(r);
			pause = hf_now_ms() +
				(r->figures.failing ? RETRY_MS : PAUSE_MS);
		} else if (r->first && pause < r->prune_ms) {
			wait_until(r, pause);
		} else {
			wait_until(r, r->prune_ms);
		}
	}
	if (r->first)
		write_some(r);
	if (r->first)
		hf_error("history: %u events could not be written and are lost",
			 r->figures.queued);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- for the event loop --------------------------------------------------- */

/* Owns the note. */
static void add(struct hf_records *r, struct hf_note *n, uint32_t most)
{
	bool full;

	pthread_mutex_lock(&r->lock);
	full = !n || r->figures.queued >= most;
	if (full) {
		r->figures.lost++;
		full = !r->told_lost;
		r->told_lost = true;
		free(n);
		n = NULL;
	} else {
		n->next = NULL;
		*r->end = n;
		r->end = &n->next;
		if (!r->figures.queued++)
			pthread_cond_signal(&r->wake);
	}
	pthread_mutex_unlock(&r->lock);
	if (full && !n)
		hf_error("history: more happens than can be written: records are being lost");
}

void hf_records_event(void *records, const struct hf_event *e, const char *json,
		      size_t len)
{
	/* A key that is pressed and the state of the media are not history. */
	if (e->type == HF_EVENT_DIGIT || e->type == HF_EVENT_MEDIA_SILENT ||
	    e->type == HF_EVENT_MEDIA_RESUMED)
		return;
	if (records && (e->call || e->type == HF_EVENT_REFUSED))
		add(records, hf_note_event(e, e->wall_ms), HF_NOTES_MAX);
}

void hf_records_over(struct hf_records *r, uint64_t call)
{
	if (r)
		add(r, hf_note_bare(HF_NOTE_OVER, call, hf_wall_ms()),
		    HF_NOTES_OVER_MAX);
}

void hf_records_kept(struct hf_records *r, const struct hf_record_kept *k)
{
	if (r)
		add(r, hf_note_kept(k, hf_wall_ms()), UINT32_MAX);
}

void hf_records_all_kept(struct hf_records *r)
{
	if (r)
		add(r, hf_note_bare(HF_NOTE_ALL_KEPT, 0, hf_wall_ms()),
		    UINT32_MAX);
}

void hf_records_act(struct hf_records *r, const struct hf_record_act *a)
{
	if (r)
		add(r, hf_note_act(a, hf_wall_ms()), HF_NOTES_MAX);
}

void hf_records_limit(struct hf_records *r,
		      const struct hf_records_limits *limits)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->limits = *limits;
	r->prune_ms = 0;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}

void hf_records_figures(struct hf_records *r, struct hf_records_figures *ret)
{
	*ret = (struct hf_records_figures){0};
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	*ret = r->figures;
	pthread_mutex_unlock(&r->lock);
}

const char *hf_records_path(const struct hf_records *r)
{
	return r ? r->path : NULL;
}

int hf_records_open(const char *path, const struct hf_records_limits *limits,
		    struct hf_records **ret, char *err, size_t err_len)
{
	struct hf_records *r = calloc(1, sizeof(*r));
	pthread_condattr_t monotonic;
	int e = -ENOMEM;

	snprintf(err, err_len, "history: out of memory");
	if (!r)
		return e;
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->over_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r->end = &r->first;
	r->limits = *limits;
	r->asking.event = -1;
	r->path = strdup(path);
	if (r->path)
		e = open_or_renew(r, err, err_len);
	if (!e) {
		e = -pthread_create(&r->thread, NULL, writer, r);
		r->running = !e;
		if (!e)
			e = hf_asking_start(&r->asking, r->path);
		if (e)
			snprintf(err, err_len, "history: %s", strerror(-e));
	}
	if (e)
		hf_records_close(r);
	else
		*ret = r;
	return e;
}

void hf_records_close(struct hf_records *r)
{
	if (!r)
		return;
	hf_asking_stop(&r->asking);
	if (r->running) {
		pthread_mutex_lock(&r->lock);
		r->stop = true;
		pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
	}
	free_notes(r->first);
	close_database(r);
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->over_lock);
	free(r->path);
	free(r);
}
