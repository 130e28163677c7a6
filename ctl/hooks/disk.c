// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The queue on disk: SQLite in WAL mode, beside the journal. An entry is there
 * before it is sent for the first time and gone after it has arrived; what a kill
 * leaves between the two goes twice, with the same id.
 *
 * A full or broken disk stops nothing: entries go on in memory, which is said
 * once. Opened and read by the event loop, then used by the thread alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "database/sql.h"
#include "internal.h"

static const char tables[] =
	"CREATE TABLE IF NOT EXISTS entry(id INTEGER PRIMARY KEY,"
	" hook TEXT NOT NULL, type TEXT NOT NULL, call INTEGER NOT NULL,"
	" wall_ms INTEGER NOT NULL, attempts INTEGER NOT NULL,"
	" status INTEGER NOT NULL, said TEXT NOT NULL,"
	" failed INTEGER NOT NULL, body TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS raised(cause TEXT PRIMARY KEY);"
	"CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value);"
	"INSERT OR IGNORE INTO meta VALUES('origin', lower(hex(randomblob(8))));"
	"INSERT OR IGNORE INTO meta VALUES('last', 0)";

static int run(struct hf_disk *d, const char *sql)
{
	return sqlite3_exec(d->db, sql, NULL, NULL, NULL);
}

static int prepare(struct hf_disk *d)
{
	const struct {
		sqlite3_stmt **st;
		const char *sql;
	} all[] = {
		{&d->insert,
		 "INSERT OR REPLACE INTO entry VALUES(?,?,?,?,?,?,?,?,?,?)"},
		{&d->remove, "DELETE FROM entry WHERE id=?"},
		{&d->update, "UPDATE entry SET attempts=?, status=?, said=?,"
			     " failed=? WHERE id=?"},
		{&d->raise, "INSERT OR IGNORE INTO raised VALUES(?)"},
		{&d->clear, "DELETE FROM raised WHERE cause=?"},
	};
	int r = SQLITE_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !r; i++)
		r = sqlite3_prepare_v2(d->db, all[i].sql, -1, all[i].st, NULL);
	return r;
}

static int open_database(struct hf_disk *d)
{
	static const char *const step[] = {tables};
	int64_t last = 0, in_use = 0;
	int r = hf_sql_open(d->path, &d->db);

	if (!r)
		r = hf_sql_check(d->db);
	if (!r)
		r = run(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
	if (!r)
		r = hf_sql_migrate(d->db, step, 1);
	/* Some of them came without a step. */
	if (!r)
		r = run(d, tables);
	if (!r)
		r = hf_sql_ask(d->db, "SELECT value FROM meta WHERE key='origin'", &last,
			d->origin, sizeof(d->origin));
	if (!r)
		r = hf_sql_ask(d->db, "SELECT value FROM meta WHERE key='last'", &last,
			NULL, 0);
	if (!r)
		r = hf_sql_ask(d->db, "SELECT ifnull(max(id), 0) FROM entry", &in_use,
			NULL, 0);
	d->last_id = (uint64_t)(last > in_use ? last : in_use);
	return r ? r : prepare(d);
}

static void close_database(struct hf_disk *d)
{
	sqlite3_finalize(d->insert);
	sqlite3_finalize(d->remove);
	sqlite3_finalize(d->update);
	sqlite3_finalize(d->raise);
	sqlite3_finalize(d->clear);
	sqlite3_close(d->db);
	d->insert = d->remove = d->update = d->raise = d->clear = NULL;
	d->db = NULL;
}

/* Names and numbers of callers are in it: nobody else may read it. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int hf_disk_open(struct hf_disk *d, const char *path, char *err, size_t err_len)
{
	char aside[4200];
	int r;

	d->path = strdup(path);
	r = d->path ? make_file(path) : -ENOMEM;
	if (r) {
		snprintf(err, err_len, "webhooks: %s: %s", path, strerror(-r));
		return r;
	}
	r = open_database(d);
	if (hf_sql_is_damaged(r)) {
		close_database(d);
		if (!hf_sql_set_aside(path, aside, sizeof(aside)) &&
		    !make_file(path)) {
			hf_error("webhooks: %s is damaged; it is kept as %s, and what waited in it is not delivered",
				 path, aside);
			r = open_database(d);
		}
	}
	if (r == SQLITE_SCHEMA)
		snprintf(err, err_len,
			 "webhooks: %s was written by a newer holdfastd: use that, or move the file away",
			 path);
	else if (r)
		snprintf(err, err_len, "webhooks: %s cannot be used: %s", path,
			 d->db ? sqlite3_errmsg(d->db) : sqlite3_errstr(r));
	return r ? -EIO : 0;
}

void hf_disk_close(struct hf_disk *d)
{
	close_database(d);
	free(d->path);
	d->path = NULL;
}

/* --- reading, before the thread runs ----------------------------------------- */

static unsigned int type_of(const char *name)
{
	for (unsigned int i = 0; i <= HF_HOOK_TYPE_TEST; i++)
		if (!strcmp(hf_hook_type_name(i), name))
			return i;
	return HF_HOOK_TYPE_TEST;
}

static const char *text_at(sqlite3_stmt *st, int column)
{
	const char *text = (const char *)sqlite3_column_text(st, column);

	return text ? text : "";
}

static struct hf_entry *entry_of(sqlite3_stmt *st)
{
	const char *body = text_at(st, 9);
	struct hf_entry *e = hf_entry_new(NULL, strlen(body));

	if (!e)
		return NULL;
	memcpy(e->body, body, e->len);
	e->id = (uint64_t)sqlite3_column_int64(st, 0);
	e->type = type_of(text_at(st, 2));
	e->call = (uint64_t)sqlite3_column_int64(st, 3);
	e->wall_ms = (uint64_t)sqlite3_column_int64(st, 4);
	e->attempts = (unsigned int)sqlite3_column_int(st, 5);
	e->status = (unsigned int)sqlite3_column_int(st, 6);
	snprintf(e->said, sizeof(e->said), "%s", text_at(st, 7));
	e->on_disk = true;
	return e;
}

int hf_disk_each(struct hf_disk *d,
		 void (*fn)(void *arg, const char *hook, bool failed,
			    struct hf_entry *),
		 void *arg)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(d->db, "SELECT * FROM entry ORDER BY id", -1,
				   &st, NULL);

	while (!r && (r = sqlite3_step(st)) == SQLITE_ROW) {
		struct hf_entry *e = entry_of(st);

		r = e ? SQLITE_OK : SQLITE_NOMEM;
		if (e)
			fn(arg, text_at(st, 1), sqlite3_column_int(st, 8), e);
	}
	sqlite3_finalize(st);
	return r == SQLITE_DONE ? 0 : -EIO;
}

int hf_disk_each_raised(struct hf_disk *d, void (*fn)(void *, const char *),
			void *arg)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(d->db, "SELECT cause FROM raised", -1, &st,
				   NULL);

	while (!r && (r = sqlite3_step(st)) == SQLITE_ROW) {
		fn(arg, text_at(st, 0));
		r = SQLITE_OK;
	}
	sqlite3_finalize(st);
	return r == SQLITE_DONE ? 0 : -EIO;
}

/* --- writing ------------------------------------------------------------------ */

static void note(struct hf_disk *d, int r)
{
	if (r && !d->failing)
		hf_error("webhooks: %s cannot be written: %s; deliveries go on, but would not survive a restart",
			 d->path, sqlite3_errstr(r));
	if (!r && d->failing)
		hf_info("webhooks: %s can be written again", d->path);
	d->failing = r != 0;
}

static int begin(struct hf_disk *d)
{
	int r = d->open ? SQLITE_OK : run(d, "BEGIN IMMEDIATE");

	if (!r)
		d->open = true;
	return r;
}

static int step(struct hf_disk *d, sqlite3_stmt *st)
{
	int r = begin(d);

	if (!r)
		r = sqlite3_step(st) == SQLITE_DONE ? SQLITE_OK
						    : sqlite3_errcode(d->db);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	if (r)
		note(d, r);
	return r;
}

void hf_disk_put(struct hf_disk *d, struct hf_entry *e)
{
	sqlite3_stmt *st = d->insert;

	sqlite3_bind_int64(st, 1, (int64_t)e->id);
	sqlite3_bind_text(st, 2, e->hook->config->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, hf_hook_type_name(e->type), -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (int64_t)e->call);
	sqlite3_bind_int64(st, 5, (int64_t)e->wall_ms);
	sqlite3_bind_int(st, 6, (int)e->attempts);
	sqlite3_bind_int(st, 7, (int)e->status);
	sqlite3_bind_text(st, 8, e->said, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 9, 0);
	sqlite3_bind_text(st, 10, e->body, (int)e->len, SQLITE_STATIC);
	e->on_disk = !step(d, st);
}

void hf_disk_remove(struct hf_disk *d, struct hf_entry *e)
{
	if (!e->on_disk)
		return;
	sqlite3_bind_int64(d->remove, 1, (int64_t)e->id);
	step(d, d->remove);
}

void hf_disk_note(struct hf_disk *d, const struct hf_entry *e, bool failed)
{
	sqlite3_stmt *st = d->update;

	if (!e->on_disk)
		return;
	sqlite3_bind_int(st, 1, (int)e->attempts);
	sqlite3_bind_int(st, 2, (int)e->status);
	sqlite3_bind_text(st, 3, e->said, -1, SQLITE_STATIC);
	sqlite3_bind_int(st, 4, failed);
	sqlite3_bind_int64(st, 5, (int64_t)e->id);
	step(d, st);
}

void hf_disk_raise(struct hf_disk *d, const char *cause, bool on)
{
	sqlite3_stmt *st = on ? d->raise : d->clear;

	sqlite3_bind_text(st, 1, cause, -1, SQLITE_STATIC);
	step(d, st);
}

void hf_disk_forget_hook(struct hf_disk *d, const char *hook)
{
	char *sql = sqlite3_mprintf("DELETE FROM entry WHERE hook=%Q", hook);

	if (sql)
		note(d, run(d, sql));
	sqlite3_free(sql);
}

/* Ids are never given twice, also when the newest entries are gone: what a
 * receiver remembers of an id stays true. */
void hf_disk_commit(struct hf_disk *d)
{
	char sql[96];
	int r;

	if (!d->open)
		return;
	snprintf(sql, sizeof(sql),
		 "UPDATE meta SET value=%llu WHERE key='last'; COMMIT",
		 (unsigned long long)d->last_id);
	r = run(d, sql);
	if (r)
		run(d, "ROLLBACK");
	d->open = false;
	note(d, r);
}
