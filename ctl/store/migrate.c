// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables, step by step (hf_sql_migrate()). A step that has been released is
 * never changed. Columns that the
 * lists of record.h have and the tables lack are added without a step: an older
 * program reads what it knows of such a table and leaves the rest as it is.
 */
#include <stdio.h>

#include "../database/sql.h"
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
	int r = hf_sql_migrate(db, step, SCHEMA);

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
