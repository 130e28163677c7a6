// SPDX-License-Identifier: GPL-2.0-or-later
/* The answering thread: takes one question at a time, finds its next piece and
 * says that it is there. It has a connection of its own, for reading. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/clock.h"
#include "internal.h"

#define HF_QUESTIONS_MAX 64
#define HF_ANSWER_MS	 8000 /* for one piece */
#define HF_STEPS	 10000 /* of SQLite, between two looks at the clock */

static int out_of_time(void *arg)
{
	const struct hf_question *q = arg;

	return q->stop || hf_now_ms() > q->until_ms;
}

static void answer(sqlite3 *db, struct hf_question *q, json_t **rows,
		   bool *last)
{
	q->until_ms = hf_now_ms() + HF_ANSWER_MS;
	sqlite3_progress_handler(db, HF_STEPS, out_of_time, q);
	if (!hf_question_answer(db, q, rows, last))
		return;
	*rows = NULL;
	if (hf_now_ms() > q->until_ms)
		snprintf(q->why, sizeof(q->why),
			 "the answer takes too long: ask for less time (since, until)");
	else if (!q->why[0])
		snprintf(q->why, sizeof(q->why), "history: %s",
			 sqlite3_errmsg(db));
}

static bool open_reader(struct hf_asking *a, sqlite3 **db)
{
	if (!*db && sqlite3_open_v2(a->path, db,
				    SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
				    NULL)) {
		sqlite3_close(*db);
		*db = NULL;
	}
	if (*db)
		sqlite3_busy_timeout(*db, 2000);
	return *db;
}

static void tell(struct hf_asking *a)
{
	uint64_t one = 1;

	if (write(a->event, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

/* The lock is held, and let go while the disk works. */
static void work(struct hf_asking *a, sqlite3 **db)
{
	struct hf_question *q = a->first;
	json_t *rows = NULL;
	bool last = true;

	a->first = q->next;
	if (!a->first)
		a->end = &a->first;
	q->next = NULL;
	q->working = true;
	pthread_mutex_unlock(&a->lock);
	if (open_reader(a, db))
		answer(*db, q, &rows, &last);
	else
		snprintf(q->why, sizeof(q->why), "history: cannot be opened");
	pthread_mutex_lock(&a->lock);
	q->working = false;
	q->rows = rows;
	q->last = last;
	q->failed = !rows;
	if (q->dropped) {
		a->count--;
		hf_question_free(q);
	}
	tell(a);
}

static void *asker(void *arg)
{
	struct hf_asking *a = arg;
	sqlite3 *db = NULL;

	pthread_mutex_lock(&a->lock);
	while (!a->stop) {
		if (a->first)
			work(a, &db);
		else
			pthread_cond_wait(&a->wake, &a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	sqlite3_close(db);
	return NULL;
}

int hf_asking_start(struct hf_asking *a, const char *path)
{
	int e;

	a->end = &a->first;
	a->path = path;
	a->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->event < 0)
		return -errno;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	e = pthread_create(&a->thread, NULL, asker, a);
	a->running = !e;
	return -e;
}

void hf_asking_stop(struct hf_asking *a)
{
	if (a->running) {
		pthread_mutex_lock(&a->lock);
		a->stop = true;
		pthread_cond_signal(&a->wake);
		pthread_mutex_unlock(&a->lock);
		pthread_join(a->thread, NULL);
		pthread_cond_destroy(&a->wake);
		pthread_mutex_destroy(&a->lock);
	}
	if (a->event >= 0)
		close(a->event);
}

/* The lock is held. */
static void push(struct hf_asking *a, struct hf_question *q)
{
	q->next = NULL;
	*a->end = q;
	a->end = &q->next;
	pthread_cond_signal(&a->wake);
}

struct hf_question *hf_records_ask(struct hf_records *r,
				   const struct hf_filter *filter)
{
	struct hf_question *q = r ? hf_question_create(filter) : NULL;
	bool full;

	if (!q)
		return NULL;
	q->records = r;
	pthread_mutex_lock(&r->asking.lock);
	full = r->asking.count >= HF_QUESTIONS_MAX;
	if (!full) {
		r->asking.count++;
		push(&r->asking, q);
	}
	pthread_mutex_unlock(&r->asking.lock);
	if (!full)
		return q;
	hf_question_free(q);
	return NULL;
}

enum hf_piece hf_records_answer(struct hf_question *q, json_t **rows,
				const char **why)
{
	struct hf_asking *a = &q->records->asking;
	enum hf_piece piece = HF_PIECE_NONE;

	pthread_mutex_lock(&a->lock);
	if (q->failed) {
		*why = q->why;
		piece = HF_PIECE_FAILED;
	} else if (q->rows) {
		*rows = q->rows;
		q->rows = NULL;
		piece = q->last ? HF_PIECE_LAST : HF_PIECE_MORE;
		if (!q->last)
			push(a, q);
	}
	pthread_mutex_unlock(&a->lock);
	return piece;
}

void hf_question_drop(struct hf_question *q)
{
	struct hf_asking *a = q ? &q->records->asking : NULL;
	struct hf_question **at;

	if (!q)
		return;
	pthread_mutex_lock(&a->lock);
	q->stop = true;
	q->dropped = q->working;
	for (at = &a->first; *at && *at != q; at = &(*at)->next)
		;
	if (*at) {
		*at = q->next;
		if (!*at)
			a->end = at;
	}
	if (!q->dropped) {
		a->count--;
		hf_question_free(q);
	}
	pthread_mutex_unlock(&a->lock);
}

int hf_records_fd(const struct hf_records *r)
{
	return r ? r->asking.event : -1;
}

void hf_records_heard(struct hf_records *r)
{
	uint64_t n;

	if (r && read(r->asking.event, &n, sizeof(n)) < 0)
		return; /* nothing new */
}
