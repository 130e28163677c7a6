/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is remembered of calls when they are over: one row for each call, one
 * for each of its waits, and one for each act of anybody (SQLite, history.db in
 * the state folder). Fed by the event bus and the park logic, asked by ctl/api.
 *
 * Nothing here makes a call wait: what happens is copied into a bounded queue
 * that a thread of its own empties; what finds the queue full is counted and
 * lost. Questions are answered by a second thread, a piece at a time.
 *
 * The rows are known by the id of the call, which is never used again: a wait
 * that began before a restart ends in the same row. All functions but
 * hf_records_open() take NULL for "nothing is kept".
 */
#ifndef HOLDFAST_RECORDS_RECORDS_H
#define HOLDFAST_RECORDS_RECORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../events/event.h"

struct hf_records;
struct hf_question;

struct hf_records_limits {
	unsigned int keep_days; /* of calls that are over, and of acts */
	unsigned int max_mib;	/* of the file; the oldest go first */
};

/* Opens or makes the file and starts the threads. One that is damaged is set
 * aside under another name. `err` has one sentence on failure. */
int hf_records_open(const char *path, const struct hf_records_limits *,
		    struct hf_records **ret, char *err, size_t err_len);
/* What waits is written first, if the disk takes it. */
void hf_records_close(struct hf_records *);
void hf_records_limit(struct hf_records *, const struct hf_records_limits *);

/* Fits hf_bus_subscribe(); the JSON is not used. */
void hf_records_event(void *records, const struct hf_event *, const char *json,
		      size_t len);
/* The call is over, whatever its last event was. */
void hf_records_over(struct hf_records *, uint64_t call);

/* A call of the process before us that goes on. Names live until it returns. */
struct hf_record_kept {
	uint64_t call;
	uint64_t began_ms, parked_ms; /* wall; parked 0: does not wait */
	const char *lot, *slot, *caller_number, *caller_name, *caller_uri;
	const char *parker_uri, *retriever_uri, *user_to_user, *rule;
	bool privacy;
};
void hf_records_kept(struct hf_records *, const struct hf_record_kept *);
/* All of them have been named: whatever else was open was lost. */
void hf_records_all_kept(struct hf_records *);

/* What somebody did that is no event of a call. NULL: not known. */
struct hf_record_act {
	const char *way;    /* "sip", "socket", "http", "signal" */
	const char *who;    /* SIP or HTTP identity; of `uid` found out here */
	int64_t uid;	    /* -1 = none */
	const char *origin; /* "pid 812", "192.0.2.7" */
	const char *act;    /* "call kick" */
	uint64_t call;	    /* 0 = none */
	const char *lot, *slot;
	const char *result; /* "ok", or the code of the error */
	const char *detail;
};
void hf_records_act(struct hf_records *, const struct hf_record_act *);

/* Told by the writing thread of each call that is over, when its rows are
 * written: `call` as HF_ASKS_CALL answers it. After `over` NULL nobody is told. */
void hf_records_follow(struct hf_records *,
		       void (*over)(void *arg, const json_t *call), void *arg);

struct hf_records_figures {
	uint64_t calls, waits, acts; /* rows in the file */
	uint64_t bytes;		     /* of it, the newest known */
	uint64_t written, lost;	     /* of what happened, since the start */
	uint32_t queued;
	bool failing;
};
void hf_records_figures(struct hf_records *, struct hf_records_figures *ret);
const char *hf_records_path(const struct hf_records *);

/* --- questions ------------------------------------------------------------ */

enum hf_asks {
	HF_ASKS_CALLS, /* newest first */
	HF_ASKS_CALL,  /* one, with its waits and acts */
	HF_ASKS_ACTS,  /* newest first */
	HF_ASKS_LOTS,  /* a row for each lot */
	HF_ASKS_HOURS, /* a row for each lot and hour */
};
/* NULL or 0: whatever. Text is compared without case, anywhere within. */
struct hf_filter {
	enum hf_asks asks;
	uint64_t call;
	const char *lot, *slot; /* these exactly */
	const char *caller, *parker, *retriever;
	const char *resolution; /* exactly, of a wait */
	const char *who, *act;	/* of acts */
	uint64_t since_ms, until_ms;
	uint64_t limit;
};
bool hf_records_resolution_ok(const char *resolution);
/* "retrieved, rang_back, ..." */
const char *hf_records_resolutions(void);

/*
 * The answer comes in pieces: hf_records_fd() is readable when one may be there,
 * hf_records_answer() takes it. NULL: no memory, or too much is being asked.
 */
struct hf_question *hf_records_ask(struct hf_records *,
				   const struct hf_filter *);
enum hf_piece {
	HF_PIECE_NONE,	 /* not yet */
	HF_PIECE_MORE,	 /* *rows, and there are more */
	HF_PIECE_LAST,	 /* *rows, the last */
	HF_PIECE_FAILED, /* *why is a sentence; the question is over */
};
/* *rows is an array that the caller owns. */
enum hf_piece hf_records_answer(struct hf_question *, json_t **rows,
				const char **why);
/* In any state; NULL is fine. All must be gone before hf_records_close(). */
void hf_question_drop(struct hf_question *);
int hf_records_fd(const struct hf_records *);
/* Empties what made the descriptor readable. */
void hf_records_heard(struct hf_records *);

#endif
