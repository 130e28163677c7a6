// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables. `step[n]` makes schema n + 1 of schema n; an empty database is
 * schema 0. A step that has been released is never changed. */
#include <stdio.h>

#include "internal.h"

static const char *const step[HF_RECORDS_SCHEMA] = {
	/* resolution and reason: of the newest wait. kept: named after a
	 * restart, see hf_records_kept(). */
	"CREATE TABLE call(id INTEGER PRIMARY KEY, began_ms INTEGER NOT NULL,"
	" ended_ms INTEGER, lot TEXT, slot TEXT, caller_number TEXT,"
	" caller_name TEXT, caller_uri TEXT, private INTEGER NOT NULL,"
	" parker TEXT, retriever TEXT, sip_call_id TEXT, user_to_user TEXT,"
	" headers TEXT, rule TEXT, parks INTEGER NOT NULL DEFAULT 0,"
	" attempts INTEGER NOT NULL DEFAULT 0,"
	" seconds_parked INTEGER NOT NULL DEFAULT 0, resolution TEXT,"
	" reason TEXT, kept INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX call_began ON call(began_ms);"
	"CREATE INDEX call_open ON call(id) WHERE ended_ms IS NULL;"
	"CREATE TABLE wait(call INTEGER NOT NULL, n INTEGER NOT NULL,"
	" lot TEXT, slot TEXT, parker TEXT, parked_ms INTEGER NOT NULL,"
	" ended_ms INTEGER, seconds INTEGER, attempts INTEGER NOT NULL DEFAULT 0,"
	" resolution TEXT, retriever TEXT, PRIMARY KEY(call, n)) WITHOUT ROWID;"
	"CREATE INDEX wait_parked ON wait(parked_ms);"
	"CREATE INDEX wait_open ON wait(call) WHERE ended_ms IS NULL;"
	"CREATE TABLE act(id INTEGER PRIMARY KEY AUTOINCREMENT,"
	" wall_ms INTEGER NOT NULL, way TEXT NOT NULL, who TEXT, uid INTEGER,"
	" origin TEXT, act TEXT NOT NULL, call INTEGER, lot TEXT, slot TEXT,"
	" result TEXT NOT NULL, detail TEXT);"
	"CREATE INDEX act_time ON act(wall_ms);"
	"CREATE INDEX act_call ON act(call);",
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

int hf_records_migrate(sqlite3 *db)
{
	char set[48];
	int at = 0, r = version(db, &at);

	if (r)
		return r;
	if (at > HF_RECORDS_SCHEMA)
		return SQLITE_SCHEMA;
	for (; at < HF_RECORDS_SCHEMA && !r; at++) {
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
