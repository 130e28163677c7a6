// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables. `step[n]` makes schema n + 1 of schema n; an empty database is
 * schema 0. A step that has been released is never changed. */
#include <stdio.h>

#include "internal.h"

#define I(name) ", " #name " INTEGER NOT NULL"
#define T(name) ", " #name " TEXT NOT NULL"
#define B(name) ", " #name " BLOB NOT NULL"

static const char *const step[HF_STORE_SCHEMA] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE call(id INTEGER PRIMARY KEY" HF_STORE_CALL(I, T, B) ");"
	"CREATE TABLE party(call INTEGER NOT NULL" HF_STORE_PARTY(I, T, B) ");"
	"CREATE INDEX party_call ON party(call);",
};

static int version(sqlite3 *db, int *ret)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &s, NULL);

	if (!r)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		*ret = sqlite3_column_int(s, 0);
		r = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return r;
}

int hf_migrate(sqlite3 *db)
{
	char set[48];
	int at = 0, r = version(db, &at);

	if (r)
		return r;
	if (at > HF_STORE_SCHEMA)
		return SQLITE_SCHEMA;
	for (; at < HF_STORE_SCHEMA && !r; at++) {
		snprintf(set, sizeof(set), "PRAGMA user_version=%d", at + 1);
		r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
		if (!r)
			r = sqlite3_exec(db, step[at], NULL, NULL, NULL);
		if (!r)
			r = sqlite3_exec(db, set, NULL, NULL, NULL);
		if (!r)
			r = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
		if (r)
			sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}
