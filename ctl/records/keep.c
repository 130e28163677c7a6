// SPDX-License-Identifier: GPL-2.0-or-later
/* How long rows are kept: by age, then by the size of the file. A step is short,
 * so what happens meanwhile is written in between. */
#include <string.h>

#include "internal.h"

#define STEP_ROWS 500
#define DAY_MS	  86400000ULL

static int number(sqlite3 *db, const char *sql, uint64_t *ret)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (!r)
		r = sqlite3_step(s);
	if (r == SQLITE_ROW) {
		*ret = (uint64_t)sqlite3_column_int64(s, 0);
		r = SQLITE_OK;
	}
	sqlite3_finalize(s);
	return r;
}

/* What the rows take: free pages are used again. */
static int size(sqlite3 *db, uint64_t *ret)
{
	uint64_t pages = 0, unused = 0, bytes = 0;
	int r = number(db, "PRAGMA page_count", &pages);

	if (!r)
		r = number(db, "PRAGMA freelist_count", &unused);
	if (!r)
		r = number(db, "PRAGMA page_size", &bytes);
	*ret = (pages - unused) * bytes;
	return r;
}

int hf_records_measure(sqlite3 *db, struct hf_records_figures *f)
{
	int r = size(db, &f->bytes);

	if (!r)
		r = number(db, "SELECT count(*) FROM call", &f->calls);
	if (!r)
		r = number(db, "SELECT count(*) FROM wait", &f->waits);
	if (!r)
		r = number(db, "SELECT count(*) FROM act", &f->acts);
	return r;
}

static int run(sqlite3 *db, const char *sql, uint64_t before_ms, bool *more)
{
	sqlite3_stmt *s = NULL;
	int r = sqlite3_prepare_v2(db, sql, -1, &s, NULL);

	if (!r) {
		sqlite3_bind_int64(s, 1, (sqlite3_int64)before_ms);
		sqlite3_bind_int64(s, 2, STEP_ROWS);
		r = sqlite3_step(s) == SQLITE_DONE ? SQLITE_OK
						   : sqlite3_errcode(db);
	}
	if (!r && sqlite3_changes(db) >= STEP_ROWS)
		*more = true;
	sqlite3_finalize(s);
	return r;
}

/* Calls that are over, and acts, of before this moment: the oldest of them. */
static int drop_before(sqlite3 *db, uint64_t before_ms, bool *more)
{
	int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (!r)
		r = run(db,
			"DELETE FROM wait WHERE call IN (SELECT id FROM call"
			" WHERE began_ms<?1 AND ended_ms IS NOT NULL AND"
			" ended_ms<?1 ORDER BY began_ms LIMIT ?2)",
			before_ms, more);
	if (!r)
		r = run(db,
			"DELETE FROM call WHERE id IN (SELECT id FROM call"
			" WHERE began_ms<?1 AND ended_ms IS NOT NULL AND"
			" ended_ms<?1 ORDER BY began_ms LIMIT ?2)",
			before_ms, more);
	if (!r)
		r = run(db,
			"DELETE FROM act WHERE id IN (SELECT id FROM act"
			" WHERE wall_ms<?1 ORDER BY wall_ms LIMIT ?2)",
			before_ms, more);
	if (!r)
		r = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (r && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

/* So much younger than the oldest row that about a twentieth goes. */
static int too_old_for_size(sqlite3 *db, uint64_t wall_ms, uint64_t *ret)
{
	uint64_t oldest = 0;
	int r = number(db,
		       "SELECT min(t) FROM (SELECT min(began_ms) AS t FROM call"
		       " WHERE ended_ms IS NOT NULL UNION ALL"
		       " SELECT min(wall_ms) FROM act) WHERE t IS NOT NULL",
		       &oldest);

	*ret = 0;
	if (!r && oldest && oldest < wall_ms)
		*ret = oldest + (wall_ms - oldest) / 20 + 1;
	return r;
}

int hf_records_prune(sqlite3 *db, const struct hf_records_limits *limits,
		     uint64_t wall_ms, bool *more)
{
	uint64_t keep_ms = limits->keep_days * DAY_MS, bytes = 0, before;
	int r = SQLITE_OK;

	*more = false;
	if (wall_ms > keep_ms)
		r = drop_before(db, wall_ms - keep_ms, more);
	if (!r && !*more)
		r = size(db, &bytes);
	if (!r && bytes > limits->max_mib * (1ULL << 20)) {
		r = too_old_for_size(db, wall_ms, &before);
		if (!r && before) {
			r = drop_before(db, before, more);
			*more = true;
		}
	}
	/* Give pages back to the disk, a few at a time. */
	if (!r)
		r = sqlite3_exec(db, "PRAGMA incremental_vacuum(500)", NULL,
				 NULL, NULL);
	return r;
}
