/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share:
 *
 *  - records.c   opening, the writing thread and its queue
 *  - note.c      what happened, as a piece of the queue
 *  - rows.c      such pieces to rows
 *  - keep.c      what is old or too much goes
 *  - tables.c    the tables, and older ones made new
 *  - ask.c       the answering thread
 *  - question.c  filters to SQL, rows to JSON
 */
#ifndef HOLDFAST_RECORDS_INTERNAL_H
#define HOLDFAST_RECORDS_INTERNAL_H

#include <pthread.h>
#include <sqlite3.h>

#include "records.h"

#define HF_RECORDS_SCHEMA 1
#define HF_NOTES_MAX 50000 /* that wait to be written */
/* The ends of calls are small and close rows: they may wait for longer. */
#define HF_NOTES_OVER_MAX (8 * HF_NOTES_MAX)

/* How a wait ended. X(symbol, name) */
#define HF_WAIT_ENDS(X)           \
	X(RETRIEVED, "retrieved") \
	X(RANG_BACK, "rang_back") \
	X(ABANDONED, "abandoned") \
	X(EXPIRED, "expired")     \
	X(KICKED, "kicked")       \
	X(LOST, "lost")           \
	X(ENDED, "ended")

enum hf_note_kind {
	HF_NOTE_EVENT,
	HF_NOTE_OVER,
	HF_NOTE_KEPT,
	HF_NOTE_ALL_KEPT,
	HF_NOTE_ACT,
};

/* Something that happened. Its text stands behind it in the same memory. */
struct hf_note {
	struct hf_note *next;
	enum hf_note_kind kind;
	uint64_t wall_ms;
	union {
		struct hf_event event;
		struct hf_record_kept kept;
		struct hf_record_act act;
		uint64_t call;
	};
};
/* note.c; NULL: no memory. free() ends one. */
struct hf_note *hf_note_event(const struct hf_event *, uint64_t wall_ms);
struct hf_note *hf_note_kept(const struct hf_record_kept *, uint64_t wall_ms);
struct hf_note *hf_note_act(const struct hf_record_act *, uint64_t wall_ms);
struct hf_note *hf_note_bare(enum hf_note_kind, uint64_t call,
			     uint64_t wall_ms);

/* rows.c */
enum hf_row_text {
	HF_ROW_BEGIN,
	HF_ROW_COMMIT,
	HF_ROW_ROLLBACK,
	HF_ROW_CALL,
	HF_ROW_NEW_CALL,
	HF_ROW_CLOSE_STALE,
	HF_ROW_PARK,
	HF_ROW_FIRST_PARK,
	HF_ROW_MOVE,
	HF_ROW_RECALL,
	HF_ROW_END_WAIT,
	HF_ROW_LATE_WAIT,
	HF_ROW_SUM_UP,
	HF_ROW_REASON,
	HF_ROW_OVER,
	HF_ROW_KEPT_CALL,
	HF_ROW_KEPT_WAIT,
	HF_ROW_KEPT_NAME,
	HF_ROW_LOST_WAITS,
	HF_ROW_LOST_CALLS,
	HF_ROW_LOST_NONE,
	HF_ROW_ACT,
	HF_ROW_COUNT
};
#define HF_ROW_PARAMETERS 19 /* ?1 to ?18 */
struct hf_record_rows {
	sqlite3_stmt *s[HF_ROW_COUNT];
	uint32_t takes[HF_ROW_COUNT]; /* bit n: it has ?n */
};
int hf_record_rows_prepare(sqlite3 *, struct hf_record_rows *);
void hf_record_rows_fini(struct hf_record_rows *);
/* All in one transaction: SQLITE_OK, or nothing is written. */
int hf_record_rows_write(struct hf_record_rows *, const struct hf_note *first);

/* tables.c: SQLITE_OK; SQLITE_SCHEMA = made by a newer version. */
int hf_records_migrate(sqlite3 *);

/* keep.c: one step of what is to go; *more = come again soon. */
int hf_records_prune(sqlite3 *, const struct hf_records_limits *,
		     uint64_t wall_ms, bool *more);
int hf_records_measure(sqlite3 *, struct hf_records_figures *);

/* question.c */
struct hf_question {
	struct hf_records *records;
	struct hf_question *next;
	struct hf_filter filter; /* its text is ours */
	/* where the next piece begins */
	uint64_t at_ms, at_id, given;
	sqlite3 *db; /* while it is being answered; for the time limit */
	uint64_t until_ms;
	/* Under the lock of the asking side: */
	json_t *rows;
	bool last, failed, working, dropped;
	_Atomic bool stop;
	char why[256];
};
struct hf_question *hf_question_create(const struct hf_filter *);
void hf_question_free(struct hf_question *);
/* The next piece: rows and *last; or -errno with q->why. */
int hf_question_answer(sqlite3 *, struct hf_question *, json_t **rows,
		       bool *last);

/* ask.c */
struct hf_asking {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hf_question *first, **end;
	unsigned int count;
	int event;
	bool running, stop;
	const char *path;
};
int hf_asking_start(struct hf_asking *, const char *path);
void hf_asking_stop(struct hf_asking *);

struct hf_records {
	sqlite3 *db;
	char *path;
	struct hf_record_rows rows;
	pthread_t thread;
	bool running;
	struct hf_asking asking;
	uint64_t prune_ms; /* when next; of the writing thread */
	pthread_mutex_t over_lock; /* held while it is told */
	void (*over)(void *arg, const json_t *call);
	void *over_arg;
	/* Under the lock: */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct hf_note *first, **end;
	struct hf_records_limits limits;
	struct hf_records_figures figures;
	bool stop, told_lost;
};

#endif
