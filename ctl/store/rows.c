// SPDX-License-Identifier: GPL-2.0-or-later
/* Records to rows of the database, and back. Columns stand in the order of the
 * lists in record.h. */
#include <string.h>

#include "internal.h"

#define MARK(name) ",?"
#define NAME(name) "," #name

static const char *const text[] = {
	"BEGIN IMMEDIATE",
	"COMMIT",
	"ROLLBACK",
	"INSERT OR REPLACE INTO call(id" HF_STORE_CALL(NAME, NAME, NAME)
		") VALUES(?" HF_STORE_CALL(MARK, MARK, MARK) ")",
	"INSERT INTO party(call" HF_STORE_PARTY(NAME, NAME, NAME)
		") VALUES(?" HF_STORE_PARTY(MARK, MARK, MARK) ")",
	"DELETE FROM call WHERE id=?",
	"DELETE FROM party WHERE call=?",
};

int hf_rows_prepare(sqlite3 *db, struct hf_rows *rows)
{
	sqlite3_stmt **each[] = {
		&rows->begin,	  &rows->commit,    &rows->rollback,
		&rows->put_call,  &rows->put_party, &rows->drop_call,
		&rows->drop_party};
	int r = SQLITE_OK;

	for (size_t i = 0; i < sizeof(text) / sizeof(*text) && !r; i++)
		r = sqlite3_prepare_v3(db, text[i], -1,
				       SQLITE_PREPARE_PERSISTENT, each[i],
				       NULL);
	return r;
}

void hf_rows_fini(struct hf_rows *rows)
{
	sqlite3_finalize(rows->begin);
	sqlite3_finalize(rows->commit);
	sqlite3_finalize(rows->rollback);
	sqlite3_finalize(rows->put_call);
	sqlite3_finalize(rows->put_party);
	sqlite3_finalize(rows->drop_call);
	sqlite3_finalize(rows->drop_party);
	memset(rows, 0, sizeof(*rows));
}

static int run(sqlite3_stmt *s)
{
	int r = sqlite3_step(s);

	sqlite3_reset(s);
	return r == SQLITE_DONE ? SQLITE_OK : r;
}

#define I(name) sqlite3_bind_int64(s, ++n, r->name);
#define T(name) \
	sqlite3_bind_text(s, ++n, r->name ? r->name : "", -1, SQLITE_STATIC);
#define B(name)                                                         \
	sqlite3_bind_blob(s, ++n, r->name ? r->name : "", (int)r->name##_len, \
			  SQLITE_STATIC);
static int put_call(sqlite3_stmt *s, const struct hf_store_call *r)
{
	int n = 0;

	sqlite3_bind_int64(s, ++n, (sqlite3_int64)r->id);
	HF_STORE_CALL(I, T, B)
	return run(s);
}

static int put_party(sqlite3_stmt *s, uint64_t call,
		     const struct hf_store_party *r)
{
	int n = 0;

	sqlite3_bind_int64(s, ++n, (sqlite3_int64)call);
	HF_STORE_PARTY(I, T, B)
	return run(s);
}
#undef I
#undef T
#undef B

static int write_op(struct hf_rows *rows, const struct hf_op *op)
{
	int r;

	sqlite3_bind_int64(rows->drop_party, 1, (sqlite3_int64)op->id);
	r = run(rows->drop_party);
	if (!r && op->drop) {
		sqlite3_bind_int64(rows->drop_call, 1, (sqlite3_int64)op->id);
		return run(rows->drop_call);
	}
	if (!r)
		r = put_call(rows->put_call, &op->call);
	for (unsigned int i = 0; i < op->call.party_count && !r; i++)
		r = put_party(rows->put_party, op->id, &op->call.party[i]);
	return r;
}

int hf_rows_write(struct hf_rows *rows, const struct hf_op *ops)
{
	int r = run(rows->begin);

	if (r)
		return r;
	for (const struct hf_op *op = ops; op && !r; op = op->hh.next)
		r = write_op(rows, op);
	if (!r)
		r = run(rows->commit);
	/* The disk may have ended the transaction already. */
	if (r && !sqlite3_get_autocommit(sqlite3_db_handle(rows->begin)))
		run(rows->rollback);
	return r;
}

static const char *column_text(sqlite3_stmt *s, int n)
{
	const unsigned char *t = sqlite3_column_text(s, n);

	return t ? (const char *)t : "";
}

#define I(name) r->name = sqlite3_column_int64(s, ++n);
#define T(name) r->name = column_text(s, ++n);
#define B(name)                               \
	r->name = sqlite3_column_blob(s, ++n); \
	r->name##_len = (size_t)sqlite3_column_bytes(s, n);
static void get_call(sqlite3_stmt *s, struct hf_store_call *r)
{
	int n = 0;

	r->id = (uint64_t)sqlite3_column_int64(s, 0);
	r->party_count = 0;
	HF_STORE_CALL(I, T, B)
}

static void get_party(sqlite3_stmt *s, struct hf_store_party *r)
{
	int n = 0;

	HF_STORE_PARTY(I, T, B)
}
#undef I
#undef T
#undef B

/* A statement for each party: the columns of all stay valid at once. */
static int read_parties(sqlite3_stmt **each, struct hf_store_call *c)
{
	for (int i = 0; i < HF_STORE_PARTIES; i++) {
		int r;

		sqlite3_reset(each[i]);
		sqlite3_bind_int64(each[i], 1, (sqlite3_int64)c->id);
		sqlite3_bind_int64(each[i], 2, i);
		r = sqlite3_step(each[i]);
		if (r == SQLITE_DONE)
			break;
		if (r != SQLITE_ROW)
			return r;
		get_party(each[i], &c->party[c->party_count++]);
	}
	return SQLITE_OK;
}

int hf_rows_read(sqlite3 *db,
		 void (*fn)(void *arg, const struct hf_store_call *), void *arg)
{
	sqlite3_stmt *calls = NULL, *party[HF_STORE_PARTIES] = {NULL};
	struct hf_store_call c;
	int r, step;

	r = sqlite3_prepare_v2(db,
			       "SELECT id" HF_STORE_CALL(NAME, NAME, NAME)
			       " FROM call ORDER BY id",
			       -1, &calls, NULL);
	for (int i = 0; i < HF_STORE_PARTIES && !r; i++)
		r = sqlite3_prepare_v2(
			db,
			"SELECT call" HF_STORE_PARTY(NAME, NAME, NAME)
			" FROM party WHERE call=? ORDER BY rowid "
			"LIMIT 1 OFFSET ?",
			-1, &party[i], NULL);
	while (!r && (step = sqlite3_step(calls)) != SQLITE_DONE) {
		r = step == SQLITE_ROW ? SQLITE_OK : step;
		if (r)
			break;
		get_call(calls, &c);
		r = read_parties(party, &c);
		if (!r && fn)
			fn(arg, &c);
	}
	sqlite3_finalize(calls);
	for (int i = 0; i < HF_STORE_PARTIES; i++)
		sqlite3_finalize(party[i]);
	return r;
}
