// SPDX-License-Identifier: GPL-2.0-or-later
/* The tables, step by step (hf_sql_migrate()). A step that has been released is
 * never changed. */
#include "../database/sql.h"
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

int hf_records_migrate(sqlite3 *db)
{
	return hf_sql_migrate(db, step, HF_RECORDS_SCHEMA);
}
