// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Subscriptions to lamps, and what presence servers have of ours: put, dropped
 * and read like calls, written in the same transaction. They are worth something after a reboot too: phones keep what they have
 * subscribed to until it expires.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "internal.h"

#define MARK(name) ",?"
#define NAME(name) "," #name

static const char *const put_text[] = {
	"INSERT OR REPLACE INTO subscription(id"
		HF_STORE_SUBSCRIPTION(NAME, NAME, NAME)
	") VALUES(?" HF_STORE_SUBSCRIPTION(MARK, MARK, MARK) ")",
	"INSERT OR REPLACE INTO publication(id"
		HF_STORE_PUBLICATION(NAME, NAME, NAME)
	") VALUES(?" HF_STORE_PUBLICATION(MARK, MARK, MARK) ")",
};
static const char *const drop_text[] = {
	"DELETE FROM subscription WHERE id=?",
	"DELETE FROM publication WHERE id=?",
};

int hf_sub_rows_prepare(sqlite3 *db, struct hf_sub_rows *rows)
{
	int r = SQLITE_OK;

	for (int i = 0; i < 2 && !r; i++) {
		r = sqlite3_prepare_v3(db, put_text[i], -1,
				       SQLITE_PREPARE_PERSISTENT,
				       &rows->put[i], NULL);
		if (!r)
			r = sqlite3_prepare_v3(db, drop_text[i], -1,
					       SQLITE_PREPARE_PERSISTENT,
					       &rows->drop[i], NULL);
	}
	return r;
}

void hf_sub_rows_fini(struct hf_sub_rows *rows)
{
	for (int i = 0; i < 2; i++) {
		sqlite3_finalize(rows->put[i]);
		sqlite3_finalize(rows->drop[i]);
	}
}

#define I(name) sqlite3_bind_int64(s, ++n, r->name);
#define T(name) sqlite3_bind_text(s, ++n, r->name, -1, SQLITE_STATIC);
static void bind_subscription(sqlite3_stmt *s,
			      const struct hf_store_subscription *r)
{
	int n = 1;

	HF_STORE_SUBSCRIPTION(I, T, I)
}

static void bind_publication(sqlite3_stmt *s,
			     const struct hf_store_publication *r)
{
	int n = 1;

	HF_STORE_PUBLICATION(I, T, I)
}
#undef I
#undef T

int hf_sub_write(struct hf_sub_rows *rows, const struct hf_op *op)
{
	int which = op->key.kind == HF_OP_PUBLICATION;
	sqlite3_stmt *s = (op->drop ? rows->drop : rows->put)[which];

	sqlite3_bind_int64(s, 1, (sqlite3_int64)op->key.id);
	if (!op->drop && which)
		bind_publication(s, &op->publication);
	else if (!op->drop)
		bind_subscription(s, &op->subscription);
	return hf_row_run(s);
}

static struct hf_op *op_new(enum hf_op_kind kind, uint64_t id, size_t text)
{
	struct hf_op *op = malloc(sizeof(*op) + text);

	if (!op)
		return NULL;
	op->key = (struct hf_op_key){kind, id};
	op->drop = !text;
	memset(&op->hh, 0, sizeof(op->hh));
	return op;
}

static int hand_over(struct hf_store *s, struct hf_op *op)
{
	s->urgent = true; /* a version that is said is not said again */
	s->ticket++;
	return hf_ops_add(&s->fresh, op);
}

int hf_store_drop_subscription(struct hf_store *s, uint64_t id)
{
	return hand_over(s, op_new(HF_OP_SUBSCRIPTION, id, 0));
}

int hf_store_drop_publication(struct hf_store *s, uint64_t id)
{
	return hand_over(s, op_new(HF_OP_PUBLICATION, id, 0));
}

static const char *keep(char **at, const char *text)
{
	char *copy = *at;

	*at = stpcpy(copy, text ? text : "") + 1;
	return copy;
}

#define NONE(name)
#define SIZE(name) text += (from->name ? strlen(from->name) : 0) + 1;
#define KEEP(name) r->name = keep(&at, r->name);
int hf_store_put_subscription(struct hf_store *s,
			      const struct hf_store_subscription *from)
{
	struct hf_store_subscription *r;
	size_t text = 0;
	struct hf_op *op;
	char *at;

	HF_STORE_SUBSCRIPTION(NONE, SIZE, NONE)
	op = op_new(HF_OP_SUBSCRIPTION, from->id, text);
	if (!op)
		return -ENOMEM;
	r = &op->subscription;
	*r = *from;
	at = (char *)(op + 1);
	HF_STORE_SUBSCRIPTION(NONE, KEEP, NONE)
	return hand_over(s, op);
}

int hf_store_put_publication(struct hf_store *s,
			     const struct hf_store_publication *from)
{
	struct hf_store_publication *r;
	size_t text = 0;
	struct hf_op *op;
	char *at;

	HF_STORE_PUBLICATION(NONE, SIZE, NONE)
	op = op_new(HF_OP_PUBLICATION, from->id, text);
	if (!op)
		return -ENOMEM;
	r = &op->publication;
	*r = *from;
	at = (char *)(op + 1);
	HF_STORE_PUBLICATION(NONE, KEEP, NONE)
	return hand_over(s, op);
}
#undef SIZE
#undef KEEP

static const char *column_text(sqlite3_stmt *s, int n)
{
	const unsigned char *t = sqlite3_column_text(s, n);

	return t ? (const char *)t : "";
}

/* The rows of a table, one after the other; SQLITE_DONE = that was all. */
static int read_rows(struct hf_store *s, const char *query,
		     void (*row)(sqlite3_stmt *, void *), void *arg)
{
	sqlite3_stmt *st = NULL;
	int r = sqlite3_prepare_v2(s->db, query, -1, &st, NULL);

	while (!r && (r = sqlite3_step(st)) == SQLITE_ROW) {
		row(st, arg);
		r = SQLITE_OK;
	}
	sqlite3_finalize(st);
	if (r == SQLITE_DONE)
		return 0;
	hf_error("journal: %s: %s", s->path, sqlite3_errmsg(s->db));
	return -EIO;
}

#define I(name) r.name = sqlite3_column_int64(s, ++n);
#define T(name) r.name = column_text(s, ++n);
struct subscriptions {
	void (*fn)(void *arg, const struct hf_store_subscription *);
	void *arg;
};

static void subscription_row(sqlite3_stmt *s, void *arg)
{
	struct hf_store_subscription r = {
		.id = (uint64_t)sqlite3_column_int64(s, 0)};
	const struct subscriptions *to = arg;
	int n = 0;

	HF_STORE_SUBSCRIPTION(I, T, I)
	to->fn(to->arg, &r);
}

int hf_store_each_subscription(
	struct hf_store *s,
	void (*fn)(void *arg, const struct hf_store_subscription *), void *arg)
{
	struct subscriptions to = {fn, arg};

	return read_rows(s,
			 "SELECT id" HF_STORE_SUBSCRIPTION(NAME, NAME, NAME)
			 " FROM subscription ORDER BY id",
			 subscription_row, &to);
}

struct publications {
	void (*fn)(void *arg, const struct hf_store_publication *);
	void *arg;
};

static void publication_row(sqlite3_stmt *s, void *arg)
{
	struct hf_store_publication r = {
		.id = (uint64_t)sqlite3_column_int64(s, 0)};
	const struct publications *to = arg;
	int n = 0;

	HF_STORE_PUBLICATION(I, T, I)
	to->fn(to->arg, &r);
}

int hf_store_each_publication(
	struct hf_store *s,
	void (*fn)(void *arg, const struct hf_store_publication *), void *arg)
{
	struct publications to = {fn, arg};

	return read_rows(s,
			 "SELECT id" HF_STORE_PUBLICATION(NAME, NAME, NAME)
			 " FROM publication ORDER BY id",
			 publication_row, &to);
}
