// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables. `step[n]` makes schema n + 1 of schema n; an empty database is
 * schema 0. A step that has been released is never changed. Columns that the
 * lists of record.h have and the tables lack are added without a step: an older
 * program reads what it knows of such a table and leaves the rest as it is.
 */
#include <stdio.h>

#include "internal.h"

#define I(name) ", " #name " INTEGER NOT NULL DEFAULT 0"
#define T(name) ", " #name " TEXT NOT NULL DEFAULT ''"
#define B(name) ", " #name " BLOB NOT NULL DEFAULT x''"

/* One column each, in the words of a step. */
#define ONE_I(name) {#name, "INTEGER NOT NULL DEFAULT 0"},
#define ONE_T(name) {#name, "TEXT NOT NULL DEFAULT ''"},
#define ONE_B(name) {#name, "BLOB NOT NULL DEFAULT x''"},
static const struct hf_column {
	const char *name, *type;
} call_columns[] = {HF_STORE_CALL(ONE_I, ONE_T, ONE_B){NULL, NULL}},
  party_columns[] = {HF_STORE_PARTY(ONE_I, ONE_T, ONE_B){NULL, NULL}},
  subscription_columns[] = {
	  HF_STORE_SUBSCRIPTION(ONE_I, ONE_T, ONE_B){NULL, NULL}},
  publication_columns[] = {
	  HF_STORE_PUBLICATION(ONE_I, ONE_T, ONE_B){NULL, NULL}};

static const char *const step[] = {
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);"
	"CREATE TABLE call(id INTEGER PRIMARY KEY" HF_STORE_CALL(I, T, B) ");"
	/* id: HF_PARTY_ID() in rows.c */
	"CREATE TABLE party(id INTEGER PRIMARY KEY" HF_STORE_PARTY(I, T, B) ");",

	"CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL);",

	"CREATE TABLE subscription(id INTEGER PRIMARY KEY"
		HF_STORE_SUBSCRIPTION(I, T, B) ");"
	"CREATE TABLE publication(id INTEGER PRIMARY KEY"
		HF_STORE_PUBLICATION(I, T, B) ");",
};
#define SCHEMA ((int)(sizeof(step) / sizeof(*step)))

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

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return !sqlite3_table_column_metadata(db, NULL, table, column, NULL,
					      NULL, NULL, NULL, NULL);
}

static int add_columns(sqlite3 *db, const char *table,
		       const struct hf_column *c)
{
	char text[200];
	int r = SQLITE_OK;

	for (; c->name && !r; c++) {
		if (has_column(db, table, c->name))
			continue;
		snprintf(text, sizeof(text), "ALTER TABLE %s ADD COLUMN %s %s",
			 table, c->name, c->type);
		r = sqlite3_exec(db, text, NULL, NULL, NULL);
	}
	return r;
}

int hf_migrate(sqlite3 *db)
{
	char set[48];
	int at = 0, r = version(db, &at);

	if (r)
		return r;
	if (at > SCHEMA)
		return SQLITE_SCHEMA;
	for (; at < SCHEMA && !r; at++) {
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
	if (!r)
		r = add_columns(db, "call", call_columns);
	if (!r)
		r = add_columns(db, "party", party_columns);
	if (!r)
		r = add_columns(db, "subscription", subscription_columns);
	if (!r)
		r = add_columns(db, "publication", publication_columns);
	return r;
}
