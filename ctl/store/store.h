/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal: every call that we have answered and every subscription to a lamp,
 * on disk, so that the next holdfastd can take them up. A SQLite database in WAL mode, written by a thread
 * of its own: what is handed over while one commit is under way goes into the
 * next one together.
 *
 * A record is written whole each time; of several changes of one call that wait
 * only the newest is written. Nothing here blocks the caller but open and close.
 */
#ifndef HOLDFAST_STORE_STORE_H
#define HOLDFAST_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

struct hf_store;

/*
 * Opens or makes the database. A damaged one is kept aside under another name,
 * which the log says, and its newest copy takes its place. One that cannot be
 * written (read-only, full) goes on in `spare`, which lives as long as this
 * boot. `err` has one sentence on failure. What can be read stands still until
 * hf_store_start().
 */
struct hf_store_place {
	const char *path;
	const char *spare; /* NULL = none */
	bool sync;
	/* Nobody waits longer for one commit: the caller would hear nothing,
	 * and the other side would send its INVITE again and again. 0: for ever */
	unsigned int patience_ms;
	unsigned int copy_s; /* a copy is made that often, 0 = never */
};
int hf_store_open(const struct hf_store_place *, struct hf_store **ret,
		  char *err, size_t err_len);
/* Everything handed over is written before this returns, if it can be. */
void hf_store_close(struct hf_store *);

/* Was it written since this machine was started? Else nothing of the media that
 * it tells of is left. */
bool hf_store_same_boot(const struct hf_store *);
/* The calls in it, by id. Pointers live until `fn` returns. */
int hf_store_each_call(struct hf_store *,
		       void (*fn)(void *arg, const struct hf_store_call *),
		       void *arg);
/* What was changed at run time, by name. */
int hf_store_each_setting(struct hf_store *,
			  void (*fn)(void *arg, const char *name,
				     const char *value),
			  void *arg);
/* From now on it is ours: the boot is noted, the thread runs. */
int hf_store_start(struct hf_store *);

/* Copied. -ENOMEM: the call would not survive a restart. */
int hf_store_put_call(struct hf_store *, const struct hf_store_call *);
int hf_store_drop_call(struct hf_store *, uint64_t id);
/* Settings outlive a boot. value NULL: as the configuration says. */
int hf_store_put_setting(struct hf_store *, const char *name,
			 const char *value);
/* What was handed over until now is written whole or not at all: call when all
 * that belongs together has been. */
void hf_store_flush(struct hf_store *);
/* The same, but nobody waits for it: it may wait some ms for company. */
void hf_store_flush_later(struct hf_store *);

/* The same for those who watch lamps, and for what presence servers have of
 * ours. They outlive a boot. subscriptions.c. */
int hf_store_each_subscription(
	struct hf_store *,
	void (*fn)(void *arg, const struct hf_store_subscription *), void *arg);
int hf_store_put_subscription(struct hf_store *,
			      const struct hf_store_subscription *);
int hf_store_drop_subscription(struct hf_store *, uint64_t id);
int hf_store_each_publication(
	struct hf_store *,
	void (*fn)(void *arg, const struct hf_store_publication *), void *arg);
int hf_store_put_publication(struct hf_store *,
			     const struct hf_store_publication *);
int hf_store_drop_publication(struct hf_store *, uint64_t id);

/* Counts what was handed over; */
uint64_t hf_store_ticket(const struct hf_store *);
/* all of it up to this is settled: on disk, or known not to get there soon (full
 * disk, or one that takes too long; said in the log). Then a call goes on all
 * the same. */
uint64_t hf_store_settled(struct hf_store *);
/* When to ask that again even if hf_store_fd() is silent, UINT64_MAX = never. */
uint64_t hf_store_next_ms(struct hf_store *);
/* For what is asked once in a while: blocks until all is settled, or a second. */
void hf_store_settle(struct hf_store *);
bool hf_store_failing(struct hf_store *);
/* How long the disk took for each commit: bucket i counts those up to
 * hf_store_bounds_us[i], the last all longer ones. */
#define HF_STORE_BUCKETS 10
extern const unsigned int hf_store_bounds_us[HF_STORE_BUCKETS];
struct hf_store_times {
	uint64_t bucket[HF_STORE_BUCKETS + 1], count, sum_us;
};
void hf_store_times(struct hf_store *, struct hf_store_times *ret);
/* Readable when hf_store_settled() has risen; asking for that empties it. */
int hf_store_fd(const struct hf_store *);

#endif
