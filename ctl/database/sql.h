/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What every file of SQLite in here needs: opened with patience, looked over,
 * its tables brought up to date, and kept aside under another name when it is
 * damaged. The journal (ctl/store), the history (ctl/records) and the queue of
 * webhooks (ctl/hooks) each bring their own tables and say their own words.
 *
 * Functions that return int return SQLite's codes, but for hf_sql_set_aside().
 */
#ifndef HOLDFAST_DATABASE_SQL_H
#define HOLDFAST_DATABASE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A database is up to three files: its path with each of these. */
#define HF_SQL_FILES 3
extern const char *const hf_sql_suffix[HF_SQL_FILES];

/* Made if it is not there. *ret is to be closed whatever is returned. */
int hf_sql_open(const char *path, sqlite3 **ret);
/* SQLITE_CORRUPT if it is not what it should be; reads all of it. */
int hf_sql_check(sqlite3 *);
/* The first value of the first row, as a number and, if asked for, as text;
 * SQLITE_DONE if there is no row. */
int hf_sql_ask(sqlite3 *, const char *sql, int64_t *number, char *text,
	       size_t len);
/* step[n] makes schema n + 1 of schema n, each whole or not at all; an empty
 * database is schema 0. SQLITE_SCHEMA: it is of a newer program. */
int hf_sql_migrate(sqlite3 *, const char *const *step, int steps);

/* Does this code say that the file itself is bad, whatever is tried? */
bool hf_sql_is_damaged(int code);
/* The damaged one stays for whoever wants to look at it, as PATH.damaged-TIME,
 * which is put into ret. 0 or -errno. */
int hf_sql_set_aside(const char *path, char *ret, size_t len);

#endif
