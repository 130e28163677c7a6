// SPDX-License-Identifier: GPL-2.0-or-later
/* See sql.h. */
#include "sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define BUSY_MS 2000

const char *const hf_sql_suffix[HF_SQL_FILES] = {"", "-wal", "-shm"};

int hf_sql_open(const char *path, sqlite3 **ret)
{
	int r = sqlite3_open_v2(path, ret,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
					SQLITE_OPEN_NOMUTEX,
				NULL);

	return r ? r : sqlite3_busy_timeout(*ret, BUSY_MS);
}

int hf_sql_ask(sqlite3 *db, const char *sql, int64_t *number, char *text,
	       size_t len)
{
	const char *value;
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (!r)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		*number = sqlite3_column_int64(s, 0);
		value = (const char *)sqlite3_column_text(s, 0);
		if (text)
			snprintf(text, len, "%s", value ? value : "");
		r = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return r;
}

int hf_sql_check(sqlite3 *db)
{
	char said[32] = "";
	int64_t number;
	int r = hf_sql_ask(db, "PRAGMA quick_check(1)", &number, said,
			   sizeof(said));

	if (r == SQLITE_DONE)
		return SQLITE_CORRUPT;
	return r || !strcmp(said, "ok") ? r : SQLITE_CORRUPT;
}

static int run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int hf_sql_migrate(sqlite3 *db, const char *const *step, int steps)
{
	int64_t at = 0;
	char set[48];
	int r = hf_sql_ask(db, "PRAGMA user_version", &at, NULL, 0);

	if (r)
		return r;
	if (at > steps)
		return SQLITE_SCHEMA;
	for (; at < steps && !r; at++) {
		snprintf(set, sizeof(set), "PRAGMA user_version=%d",
			 (int)at + 1);
		r = run(db, "BEGIN IMMEDIATE");
		if (!r)
			r = run(db, step[at]);
		if (!r)
			r = run(db, set);
		if (!r)
			r = run(db, "COMMIT");
		if (r)
			run(db, "ROLLBACK");
	}
	return r;
}

bool hf_sql_is_damaged(int code)
{
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

int hf_sql_set_aside(const char *path, char *ret, size_t len)
{
	char from[4200], to[4300];

	snprintf(ret, len, "%s.damaged-%ld", path, (long)time(NULL));
	for (int i = 0; i < HF_SQL_FILES; i++) {
		snprintf(from, sizeof(from), "%s%s", path, hf_sql_suffix[i]);
		snprintf(to, sizeof(to), "%s%s", ret, hf_sql_suffix[i]);
		if (rename(from, to) && errno != ENOENT)
			return -errno;
	}
	return 0;
}
