/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share:
 *
 *  - store.c    what others see: handing over, tickets
 *  - open.c     finding a database that can be used
 *  - writer.c   the thread that writes
 *  - queue.c    what waits to be written
 *  - rows.c     calls to rows and back
 *  - settings.c the same for settings
 *  - subscriptions.c  the same for subscriptions and publications
 *  - copy.c     a copy of it all, now and then
 *  - migrate.c  the tables, and older ones made new
 */
#ifndef HOLDFAST_STORE_INTERNAL_H
#define HOLDFAST_STORE_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "store.h"

enum hf_op_kind { HF_OP_CALL, HF_OP_SETTING, HF_OP_SUBSCRIPTION,
		  HF_OP_PUBLICATION };

/* A record that waits. Its text is behind it in the same piece of memory. */
struct hf_op {
	struct hf_op_key {
		uint64_t kind, id;
	} key;
	bool drop;
	union {
		struct hf_store_call call;
		struct hf_store_subscription subscription;
		struct hf_store_publication publication;
		struct {
			const char *name, *value;
		} setting;
	};
	UT_hash_handle hh;
};
/* queue.c */
struct hf_op *hf_op_put(const struct hf_store_call *);
struct hf_op *hf_op_drop(uint64_t id);
struct hf_op *hf_op_setting(const char *name, const char *value);
/* Takes the place of an older one of that key. Owns `op`, whatever happens. */
int hf_ops_add(struct hf_op **ops, struct hf_op *op);
/* All of `newer`, which is empty then. -ENOMEM: not all. */
int hf_ops_merge(struct hf_op **ops, struct hf_op **newer);
/* Those that could not be written, behind newer ones. */
void hf_ops_return(struct hf_op **ops, struct hf_op **failed);
void hf_ops_free(struct hf_op **ops);

/* subscriptions.c */
struct hf_sub_rows {
	sqlite3_stmt *put[2], *drop[2];
};
int hf_sub_rows_prepare(sqlite3 *, struct hf_sub_rows *);
void hf_sub_rows_fini(struct hf_sub_rows *);
int hf_sub_write(struct hf_sub_rows *, const struct hf_op *);

/* rows.c */
struct hf_rows {
	sqlite3_stmt *begin, *commit, *rollback;
	sqlite3_stmt *put_call, *put_party, *drop_call, *drop_party;
	sqlite3_stmt *put_setting, *drop_setting;
	struct hf_sub_rows subs;
};
int hf_rows_prepare(sqlite3 *, struct hf_rows *);
void hf_rows_fini(struct hf_rows *);
/* All of them in one transaction: SQLITE_OK, or nothing is written. */
int hf_rows_write(struct hf_rows *, const struct hf_op *ops);
int hf_rows_read(sqlite3 *,
		 void (*fn)(void *arg, const struct hf_store_call *),
		 void *arg);
int hf_row_run(sqlite3_stmt *);

/* settings.c */
int hf_setting_write(struct hf_rows *, const struct hf_op *);

/* migrate.c: SQLITE_OK; SQLITE_SCHEMA = made by a newer version. */
int hf_migrate(sqlite3 *);

/* copy.c */
struct hf_copy {
	sqlite3 *to;
	sqlite3_backup *backup; /* NULL = none is under way */
	uint64_t every_ms, due_ms;
	uint64_t ticket; /* what the newest one has */
};
/* A little of it. */
void hf_copy_step(struct hf_store *, uint64_t now_ms);
void hf_copy_abandon(struct hf_copy *);
void hf_copy_name(const struct hf_store *, char *ret, size_t len);

/* open.c */
int hf_database_open(struct hf_store *, const struct hf_store_place *,
		     char *err, size_t err_len);
void hf_database_close(struct hf_store *);
void hf_make_private(const char *path);

/* writer.c */
void *hf_writer(void *store);

struct hf_store {
	sqlite3 *db;
	char *path; /* of the one in use */
	bool sync;
	unsigned int patience_ms;
	char boot[40];
	bool same_boot;
	struct hf_rows rows;
	struct hf_copy copy;
	pthread_t thread;
	bool running;
	int event;
	struct hf_op *fresh; /* not flushed yet; of who hands over */
	bool urgent; /* among them is what does not wait for company */
	uint64_t ticket;
	uint64_t settled_seen; /* by who hands over */
	/* Under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hf_op *pending;
	uint64_t due_ms;   /* when they are written at the latest */
	uint64_t began_ns; /* the newest commit */
	uint64_t flushed, settled;
	uint64_t busy_ms; /* the commit under way began then, 0 = none */
	bool slow;	  /* it takes so long that nobody waits for it */
	bool failing, stop;
	uint64_t said_ms; /* that it fails; 0 = nothing to take back */
	struct hf_store_times times;
};

#endif
