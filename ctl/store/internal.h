/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share:
 *
 *  - store.c   opening, the writing thread, tickets
 *  - queue.c   what waits to be written
 *  - rows.c    records to rows and back
 *  - migrate.c the tables, and older ones made new
 */
#ifndef HOLDFAST_STORE_INTERNAL_H
#define HOLDFAST_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "store.h"

/* A record that waits. Its text is behind it in the same piece of memory. */
struct hf_op {
	uint64_t id;
	bool drop;
	struct hf_store_call call;
	UT_hash_handle hh;
};
/* queue.c */
struct hf_op *hf_op_put(const struct hf_store_call *);
struct hf_op *hf_op_drop(uint64_t id);
/* Takes the place of an older one of that call. Owns `op`, whatever happens. */
int hf_ops_add(struct hf_op **ops, struct hf_op *op);
/* Those that could not be written, behind newer ones. */
void hf_ops_return(struct hf_op **ops, struct hf_op **failed);
void hf_ops_free(struct hf_op **ops);

/* rows.c */
struct hf_rows {
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *put_call, *put_party, *drop_call, *drop_party;
};
int hf_rows_prepare(sqlite3 *, struct hf_rows *);
void hf_rows_fini(struct hf_rows *);
/* All of them in one transaction: SQLITE_OK, or nothing is written. */
int hf_rows_write(struct hf_rows *, const struct hf_op *ops);
int hf_rows_read(sqlite3 *,
		 void (*fn)(void *arg, const struct hf_store_call *),
		 void *arg);

/* migrate.c: SQLITE_OK; SQLITE_SCHEMA = made by a newer version. */
int hf_migrate(sqlite3 *);

struct hf_store {
	sqlite3 *db;
	char *path;
	char boot[40];
	bool same_boot;
	struct hf_rows rows;
	pthread_t thread;
	bool running;
	int event;
	/* Under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hf_op *pending;
	uint64_t ticket, settled;
	bool failing, stop;
};

#endif
