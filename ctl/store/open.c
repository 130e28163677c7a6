// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding a database that can be used: the one where it should be; if that is
 * damaged its newest copy, else a new one; if nothing can be written there
 * (read-only, full) the spare place, which begins with what could be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../database/sql.h"
#include "internal.h"

/* Pages stay in memory (32 MiB at most) and are taken over from the log less
 * often: most are changed again before. The log has 16 MiB then, which a start
 * reads in some ms. */
#define FEWER_WRITES "PRAGMA cache_size=-32768; PRAGMA wal_autocheckpoint=4000"

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

	s->same_boot = false;
	if (!sqlite3_prepare_v2(s->db,
				"SELECT value FROM meta WHERE key='boot'", -1,
				&st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW)
		s->same_boot = !strcmp((const char *)sqlite3_column_text(st, 0),
				       s->boot);
	sqlite3_finalize(st);
}

/* Also the test of whether anything can be written there. */
static int note_boot(struct hf_store *s)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(
		s->db, "INSERT OR REPLACE INTO meta VALUES('boot',?)", -1, &st,
		NULL);

	if (!r) {
		sqlite3_bind_text(st, 1, s->boot, -1, SQLITE_STATIC);
		r = hf_row_run(st);
	}
	sqlite3_finalize(st);
	return r;
}

/* Callers' numbers and the configuration's passwords are in it. */
void hf_make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && fchmod(fd, 0600))
		hf_debug("journal: %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static int open_database(struct hf_store *s, const char *path)
{
	int r;

	free(s->path);
	s->path = strdup(path);
	if (!s->path)
		return SQLITE_NOMEM;
	hf_make_private(path);
	r = hf_sql_open(path, &s->db);
	if (!r)
		r = hf_sql_check(s->db);
	if (!r)
		r = sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL,
				 NULL);
	if (!r)
		r = sqlite3_exec(s->db,
				 s->sync ? "PRAGMA synchronous=FULL"
					 : "PRAGMA synchronous=OFF",
				 NULL, NULL, NULL);
	if (!r)
		r = sqlite3_exec(s->db, FEWER_WRITES, NULL, NULL, NULL);
	if (!r)
		r = hf_migrate(s->db);
	if (!r) {
		read_same_boot(s);
		r = note_boot(s);
	}
	if (!r)
		r = hf_rows_prepare(s->db, &s->rows);
	return r;
}

void hf_database_close(struct hf_store *s)
{
	hf_rows_fini(&s->rows);
	sqlite3_close(s->db);
	s->db = NULL;
}

/* A new one, of its copy if that is whole. */
static int renew(struct hf_store *s, const char *path)
{
	char copy[4200], aside[4200];
	struct stat st;
	int r;

	hf_database_close(s);
	if (hf_sql_set_aside(path, aside, sizeof(aside)))
		return SQLITE_CANTOPEN;
	hf_copy_name(s, copy, sizeof(copy));
	if (!stat(copy, &st) && !rename(copy, path)) {
		r = open_database(s, path);
		if (!hf_sql_is_damaged(r)) {
			hf_error("journal: %s is damaged; it is kept as %s. Its copy of %ld s ago takes its place: later calls are lost",
				 path, aside, (long)(time(NULL) - st.st_mtime));
			return r;
		}
		hf_database_close(s);
		unlink(path);
	}
	hf_error("journal: %s is damaged; it is kept as %s, and calls that only it knew are lost",
		 path, aside);
	return open_database(s, path);
}

static int open_or_renew(struct hf_store *s, const char *path)
{
	int r = open_database(s, path);

	return hf_sql_is_damaged(r) ? renew(s, path) : r;
}

static int copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC), out, r = 0;
	ssize_t n = 1;

	if (in < 0)
		return errno == ENOENT ? 0 : -errno;
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	while (out >= 0 && n > 0)
		n = sendfile(out, in, NULL, 1 << 24);
	if (out < 0 || n < 0)
		r = -errno;
	if (out >= 0)
		close(out);
	close(in);
	return r;
}

static void forget(const char *path)
{
	char name[4200];

	for (int i = 0; i < HF_SQL_FILES; i++) {
		snprintf(name, sizeof(name), "%s%s", path, hf_sql_suffix[i]);
		unlink(name);
	}
}

/* The file and what it has not taken in yet; the shared index is made anew. */
static int copy_database(const char *from, const char *to)
{
	char a[4200], b[4200];
	int r = 0;

	forget(to);
	for (int i = 0; i < 2 && !r; i++) {
		snprintf(a, sizeof(a), "%s%s", from, hf_sql_suffix[i]);
		snprintf(b, sizeof(b), "%s%s", to, hf_sql_suffix[i]);
		r = copy_file(a, b);
	}
	return r;
}

static bool unwritable(int r)
{
	return r == SQLITE_READONLY || r == SQLITE_FULL || r == SQLITE_IOERR ||
	       r == SQLITE_CANTOPEN || r == SQLITE_PERM;
}

/* What a process before us kept in the spare place goes back to where it should
 * be, if that can be written now. */
static bool bring_back(const struct hf_store_place *p)
{
	if (copy_database(p->spare, p->path))
		return false;
	forget(p->spare);
	hf_info("journal: %s is in its place again", p->path);
	return true;
}

static int open_spare(struct hf_store *s, const struct hf_store_place *p,
		      int why)
{
	int r;

	hf_database_close(s);
	if (access(p->spare, F_OK) && copy_database(p->path, p->spare))
		return why;
	r = open_or_renew(s, p->spare);
	if (!r)
		hf_error("journal: %s cannot be written (%s): it is kept in %s until holdfastd is started again",
			 p->path, sqlite3_errstr(why), p->spare);
	return r;
}

int hf_database_open(struct hf_store *s, const struct hf_store_place *p,
		     char *err, size_t err_len)
{
	int r = read_boot(s->boot, sizeof(s->boot));

	if (r) {
		snprintf(err, err_len, "journal: no boot id: %s", strerror(-r));
		return r;
	}
	s->sync = p->sync;
	s->patience_ms = p->patience_ms;
	s->copy.every_ms = p->copy_s * 1000ULL;
	if (p->spare && !access(p->spare, F_OK) && !bring_back(p))
		r = open_spare(s, p, SQLITE_CANTOPEN);
	else
		r = open_or_renew(s, p->path);
	if (p->spare && access(p->spare, F_OK) && unwritable(r & 0xff))
		r = open_spare(s, p, r);
	if (r == SQLITE_SCHEMA)
		snprintf(err, err_len,
			 "journal: %s was written by a newer holdfastd: use that, or move the file away",
			 p->path);
	else if (r)
		snprintf(err, err_len, "journal: %s cannot be used: %s",
			 p->path, s->db ? sqlite3_errmsg(s->db)
					: sqlite3_errstr(r));
	return r ? -EIO : 0;
}
