// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls to rows of the database, and back. Columns stand in the order of the
 * lists in record.h. The parties of a call follow each other by id, so they are
 * found, dropped and read in the order of the calls without an index.
 */
#include <string.h>

#include "internal.h"

#define HF_PARTY_ID(call, n) ((sqlite3_int64)((call) * 4 + (n)))
_Static_assert(HF_STORE_PARTIES <= 4, "ids of parties");

#define MARK(name) ",?"
#define NAME(name) "," #name

static const char *const text[] = {
	"BEGIN IMMEDIATE",
	"COMMIT",
	"ROLLBACK",
	"INSERT OR REPLACE INTO call(id" HF_STORE_CALL(NAME, NAME, NAME)
		") VALUES(?" HF_STORE_CALL(MARK, MARK, MARK) ")",
	"INSERT OR REPLACE INTO party(id" HF_STORE_PARTY(NAME, NAME, NAME)
		") VALUES(?" HF_STORE_PARTY(MARK, MARK, MARK) ")",
	"DELETE FROM call WHERE id=?",
	"DELETE FROM party WHERE id BETWEEN ? AND ?",
	"INSERT OR REPLACE INTO setting(name,value) VALUES(?,?)",
	"DELETE FROM setting WHERE name=?",
};

int hf_rows_prepare(sqlite3 *db, struct hf_rows *rows)
{
	sqlite3_stmt **each[] = {
		&rows->begin,	  &rows->commit,    &rows->rollback,
		&rows->put_call,  &rows->put_party, &rows->drop_call,
		&rows->drop_party, &rows->put_setting, &rows->drop_setting};
	int r = SQLITE_OK;

	for (size_t i = 0; i < sizeof(text) / sizeof(*text) && !r; i++)
		r = sqlite3_prepare_v3(db, text[i], -1,
				       SQLITE_PREPARE_PERSISTENT, each[i],
				       NULL);
	return r ? r : hf_sub_rows_prepare(db, &rows->subs);
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
	sqlite3_finalize(rows->put_setting);
	sqlite3_finalize(rows->drop_setting);
	hf_sub_rows_fini(&rows->subs);
	memset(rows, 0, sizeof(*rows));
}

int hf_row_run(sqlite3_stmt *s)
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
	return hf_row_run(s);
}

static int put_party(sqlite3_stmt *s, sqlite3_int64 id,
		     const struct hf_store_party *r)
{
	int n = 0;

	sqlite3_bind_int64(s, ++n, id);
	HF_STORE_PARTY(I, T, B)
	return hf_row_run(s);
}
#undef I
#undef T
#undef B

static int drop_parties(struct hf_rows *rows, uint64_t call, unsigned int from)
{
	sqlite3_bind_int64(rows->drop_party, 1, HF_PARTY_ID(call, from));
	sqlite3_bind_int64(rows->drop_party, 2, HF_PARTY_ID(call, 3));
	return hf_row_run(rows->drop_party);
}

static int write_call(struct hf_rows *rows, uint64_t id,
		      const struct hf_store_call *c)
{
	int r = put_call(rows->put_call, c);

	for (unsigned int i = 0; i < c->party_count && !r; i++)
		r = put_party(rows->put_party, HF_PARTY_ID(id, i),
			      &c->party[i]);
	return r ? r : drop_parties(rows, id, c->party_count);
}

static int write_op(struct hf_rows *rows, const struct hf_op *op)
{
	int r;

	if (op->key.kind == HF_OP_SETTING)
		return hf_setting_write(rows, op);
	if (op->key.kind != HF_OP_CALL)
		return hf_sub_write(&rows->subs, op);
	if (!op->drop)
		return write_call(rows, op->key.id, &op->call);
	r = drop_parties(rows, op->key.id, 0);
	if (r)
		return r;
	sqlite3_bind_int64(rows->drop_call, 1, (sqlite3_int64)op->key.id);
	return hf_row_run(rows->drop_call);
}

int hf_rows_write(struct hf_rows *rows, const struct hf_op *ops)
{
	int r = hf_row_run(rows->begin);

	if (r)
		return r;
	for (const struct hf_op *op = ops; op && !r; op = op->hh.next)
		r = write_op(rows, op);
	if (!r)
		r = hf_row_run(rows->commit);
	/* The disk may have ended the transaction already. */
	if (r && !sqlite3_get_autocommit(sqlite3_db_handle(rows->begin)))
		hf_row_run(rows->rollback);
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

/* To the first party of the call, or of one behind it. */
static int skip_parties(sqlite3_stmt *party, int *at, uint64_t call)
{
	while (*at == SQLITE_ROW &&
	       sqlite3_column_int64(party, 0) < HF_PARTY_ID(call, 0))
		*at = sqlite3_step(party);
	return *at == SQLITE_ROW || *at == SQLITE_DONE ? SQLITE_OK : *at;
}

/* Two statements side by side. The columns of the second party of a call are
 * read by a third one, so that those of the first stay valid. */
struct hf_reading {
	sqlite3_stmt *call, *party, *more;
	int at;
};

static int read_call(struct hf_reading *s, struct hf_store_call *c)
{
	int r = skip_parties(s->party, &s->at, c->id);

	get_call(s->call, c);
	if (r || s->at != SQLITE_ROW ||
	    sqlite3_column_int64(s->party, 0) != HF_PARTY_ID(c->id, 0))
		return r;
	get_party(s->party, &c->party[c->party_count++]);
	sqlite3_reset(s->more);
	for (unsigned int i = 1; i < HF_STORE_PARTIES; i++) {
		sqlite3_bind_int64(s->more, 1, HF_PARTY_ID(c->id, i));
		r = sqlite3_step(s->more);
		if (r == SQLITE_DONE)
			break;
		if (r != SQLITE_ROW)
			return r;
		get_party(s->more, &c->party[c->party_count++]);
	}
	return SQLITE_OK;
}

#define PARTIES "SELECT id" HF_STORE_PARTY(NAME, NAME, NAME) " FROM party "

int hf_rows_read(sqlite3 *db,
		 void (*fn)(void *arg, const struct hf_store_call *), void *arg)
{
	struct hf_reading s = {0};
	struct hf_store_call c;
	int r, step;

	r = sqlite3_prepare_v2(db,
			       "SELECT id" HF_STORE_CALL(NAME, NAME, NAME)
			       " FROM call ORDER BY id",
			       -1, &s.call, NULL);
	if (!r)
		r = sqlite3_prepare_v2(db, PARTIES "ORDER BY id", -1, &s.party,
				       NULL);
	if (!r)
		r = sqlite3_prepare_v2(db, PARTIES "WHERE id=?", -1, &s.more,
				       NULL);
	if (!r)
		s.at = sqlite3_step(s.party);
	while (!r && (step = sqlite3_step(s.call)) != SQLITE_DONE) {
		r = step == SQLITE_ROW ? SQLITE_OK : step;
		if (r)
			break;
		c.id = (uint64_t)sqlite3_column_int64(s.call, 0);
		r = read_call(&s, &c);
		if (!r)
			fn(arg, &c);
	}
	sqlite3_finalize(s.call);
	sqlite3_finalize(s.party);
	sqlite3_finalize(s.more);
	return r;
}
