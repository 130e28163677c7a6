// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The journal's life: opened, read, then written by a thread of its own.
 *
 * What fails to be written is tried again each second and meanwhile counts as
 * settled: a caller is parked also while the disk is full; only a restart would
 * lose it, which the log says once.
 */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "internal.h"

#define RETRY_S 1
#define BUSY_MS 2000

static int read_boot(char *ret, size_t len)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f)
		return -errno;
	ret[0] = '\0';
	if (!fgets(ret, (int)len, f))
		ret[0] = '\0';
	fclose(f);
	ret[strcspn(ret, "\n")] = '\0';
	return *ret ? 0 : -EIO;
}

static void read_same_boot(struct hf_store *s)
{
	sqlite3_stmt *st = NULL;

	if (!sqlite3_prepare_v2(s->db,
				"SELECT value FROM meta WHERE key='boot'", -1,
				&st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW)
		s->same_boot = !strcmp((const char *)sqlite3_column_text(st, 0),
				       s->boot);
	sqlite3_finalize(st);
}

static int sound(sqlite3 *db)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);

	if (!r)
		r = sqlite3_step(st);
	if (r == SQLITE_ROW)
		r = strcmp((const char *)sqlite3_column_text(st, 0), "ok")
			    ? SQLITE_CORRUPT
			    : SQLITE_OK;
	sqlite3_finalize(st);
	return r;
}

static int open_database(struct hf_store *s, bool sync)
{
	int r = sqlite3_open_v2(s->path, &s->db,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					SQLITE_OPEN_NOMUTEX,
				NULL);

	if (!r)
		r = sqlite3_busy_timeout(s->db, BUSY_MS);
	if (!r)
		r = sound(s->db);
	if (!r)
		r = sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL,
				 NULL);
	if (!r)
		r = sqlite3_exec(s->db,
				 sync ? "PRAGMA synchronous=FULL"
				      : "PRAGMA synchronous=OFF",
				 NULL, NULL, NULL);
	if (!r)
		r = hf_migrate(s->db);
	if (!r)
		r = hf_rows_read(s->db, NULL, NULL);
	if (!r)
		r = hf_rows_prepare(s->db, &s->rows);
	return r;
}

static void close_database(struct hf_store *s)
{
	hf_rows_fini(&s->rows);
	sqlite3_close(s->db);
	s->db = NULL;
}

/* The damaged one stays for whoever wants to look at it. */
static int set_aside(const char *path)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char from[4200], to[4200];
	long now = (long)time(NULL);

	for (int i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "%s%s", path, suffix[i]);
		snprintf(to, sizeof(to), "%s.damaged-%ld%s", path, now,
			 suffix[i]);
		if (rename(from, to) && errno != ENOENT)
			return -errno;
		if (!i)
			hf_error("journal: %s is damaged; it is kept as %s, and calls that only it knew are lost",
				 path, to);
	}
	return 0;
}

static int open_or_renew(struct hf_store *s, bool sync, char *err,
			 size_t err_len)
{
	int r = open_database(s, sync);

	if (r == SQLITE_CORRUPT || r == SQLITE_NOTADB) {
		close_database(s);
		if (!set_aside(s->path))
			r = open_database(s, sync);
	}
	if (r == SQLITE_SCHEMA)
		snprintf(err, err_len,
			 "journal: %s was written by a newer holdfastd: use that, or move the file away",
			 s->path);
	else if (r)
		snprintf(err, err_len, "journal: %s cannot be used: %s",
			 s->path, s->db ? sqlite3_errmsg(s->db)
					: sqlite3_errstr(r));
	return r ? -EIO : 0;
}

int hf_store_open(const char *path, bool sync, struct hf_store **ret, char *err,
		  size_t err_len)
{
	struct hf_store *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;

	snprintf(err, err_len, "journal: out of memory");
	if (!s)
		return r;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	s->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	s->path = strdup(path);
	if (s->event >= 0 && s->path && !read_boot(s->boot, sizeof(s->boot)))
		r = open_or_renew(s, sync, err, err_len);
	if (r) {
		hf_store_close(s);
		return r;
	}
	read_same_boot(s);
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

/* Others may be asked for: tell them how far we are. */
static void tell(struct hf_store *s)
{
	uint64_t one = 1;

	if (write(s->event, &one, sizeof(one)) < 0)
		return; /* it is readable already */
}

static void note_failure(struct hf_store *s, int r)
{
	if (r && !s->failing)
		hf_error("journal: %s cannot be written: %s; calls go on, but would not survive a restart",
			 s->path, sqlite3_errstr(r));
	if (!r && s->failing)
		hf_info("journal: %s can be written again", s->path);
	s->failing = r != 0;
}

/* The lock is held, and let go while the disk works. */
static void write_pending(struct hf_store *s)
{
	struct hf_op *batch = s->pending;
	uint64_t upto = s->ticket;
	int r = 0;

	s->pending = NULL;
	pthread_mutex_unlock(&s->lock);
	if (batch)
		r = hf_rows_write(&s->rows, batch);
	pthread_mutex_lock(&s->lock);
	note_failure(s, r);
	if (r)
		hf_ops_return(&s->pending, &batch);
	hf_ops_free(&batch);
	if (s->settled != upto) {
		s->settled = upto;
		tell(s);
	}
}

static void wait_for_work(struct hf_store *s)
{
	struct timespec until;

	if (!s->failing || s->stop) {
		while (!s->stop && s->ticket == s->settled)
			pthread_cond_wait(&s->wake, &s->lock);
		return;
	}
	/* Something could not be written: try again in a while, sooner only
	 * for what is new, which must not wait. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_S;
	while (!s->stop && s->ticket == s->settled &&
	       !pthread_cond_timedwait(&s->wake, &s->lock, &until))
		;
}

static void *writer(void *arg)
{
	struct hf_store *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		wait_for_work(s);
		if (s->stop && !s->pending)
			break;
		write_pending(s);
		if (s->stop && s->failing)
			break;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int hf_store_start(struct hf_store *s)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(
		s->db, "INSERT OR REPLACE INTO meta VALUES('boot',?)", -1, &st,
		NULL);

	if (!r && !s->same_boot)
		r = sqlite3_exec(s->db, "DELETE FROM call; DELETE FROM party",
				 NULL, NULL, NULL);
	if (!r) {
		sqlite3_bind_text(st, 1, s->boot, -1, SQLITE_STATIC);
		r = sqlite3_step(st) == SQLITE_DONE ? 0 : SQLITE_ERROR;
	}
	if (r)
		hf_error("journal: %s: %s", s->path, sqlite3_errmsg(s->db));
	sqlite3_finalize(st);
	if (r)
		return -EIO;
	r = pthread_create(&s->thread, NULL, writer, s);
	s->running = !r;
	return -r;
}

static int enqueue(struct hf_store *s, struct hf_op *op)
{
	int r;

	pthread_mutex_lock(&s->lock);
	r = hf_ops_add(&s->pending, op);
	s->ticket++;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	return r;
}

int hf_store_put_call(struct hf_store *s, const struct hf_store_call *c)
{
	return enqueue(s, hf_op_put(c));
}

int hf_store_drop_call(struct hf_store *s, uint64_t id)
{
	return enqueue(s, hf_op_drop(id));
}

uint64_t hf_store_ticket(const struct hf_store *s)
{
	return s->ticket; /* only our own thread raises it */
}

uint64_t hf_store_settled(struct hf_store *s)
{
	uint64_t n;

	if (read(s->event, &n, sizeof(n)) < 0)
		n = 0; /* nothing new; the number is right anyway */
	pthread_mutex_lock(&s->lock);
	n = s->settled;
	pthread_mutex_unlock(&s->lock);
	return n;
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
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->wake);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	hf_ops_free(&s->pending);
	close_database(s);
	if (s->event >= 0)
		close(s->event);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}
