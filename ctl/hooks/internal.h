/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of ctl/hooks say to each other. Two threads meet here:
 *
 *	event loop of holdfastd		thread of the webhooks
 *	hooks.c   hands over, shows	worker.c    takes in, sends, waits
 *	alerts.c  what has to be told	queue.c     what waits, and in what order
 *					send.c      one delivery, by libcurl
 *					template.c  bodies in the words of each
 *					disk.c      the queue in SQLite
 *
 * `lock` protects the inbox, the queues and the counters. It is never held while
 * the network or the disk is waited for: the thread alone changes the queues,
 * and looks at them without it.
 */
#ifndef HOLDFAST_HOOKS_INTERNAL_H
#define HOLDFAST_HOOKS_INTERNAL_H

#include <curl/curl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <uthash.h>

#include "config/config.h"
#include "events/event.h"
#include "hooks.h"

#define HF_HOOK_INBOX	 20000 /* handed over and not yet taken in */
#define HF_HOOK_FAILED	 1000  /* given up and kept, for each webhook */
#define HF_HOOK_RECENT	 64    /* finished ones that are shown */
#define HF_HOOK_WAIT_MS	 1000  /* after the first failure, then twice that */
#define HF_HOOK_WAIT_MOST_MS	60000
#define HF_HOOK_AFTER_MOST_MS	3600000 /* Retry-After is believed so far */
#define HF_HOOK_TYPE_RECORD HF_EVENT_COUNT
#define HF_HOOK_TYPE_TEST   (HF_EVENT_COUNT + 1)
_Static_assert(HF_HOOK_TYPE_TEST < 64, "the set of events is a uint64_t");

/* What the loop hands over. */
enum hf_item_kind { HF_ITEM_SAY, HF_ITEM_RETRY, HF_ITEM_RAISE, HF_ITEM_CLEAR };
struct hf_item {
	struct hf_item *next;
	enum hf_item_kind kind;
	unsigned int type; /* enum hf_event_type, HF_HOOK_TYPE_ */
	int lot;	   /* -1 = none */
	int hook;	   /* -1 = whoever wants it */
	uint64_t id;	   /* of a test: chosen by the loop; else 0 */
	uint64_t call, wall_ms;
	const char *full; /* NULL = no difference */
	char json[];	  /* or the cause of an alert */
};

struct hf_lane;
struct hf_hook;

/* One thing to be told to one receiver. */
struct hf_entry {
	struct hf_entry *prev, *next;	    /* all that wait, oldest first */
	struct hf_entry *lane_next;	    /* the same call's */
	struct hf_hook *hook;
	struct hf_lane *lane;
	uint64_t id, call, wall_ms;
	unsigned int type;
	unsigned int attempts, status, ms;
	bool sending, on_disk;
	char said[128];
	size_t len;
	char body[];
};

/* What is to be told of one call, in its order. */
struct hf_lane {
	UT_hash_handle hh;
	uint64_t call;
	struct hf_entry *head, *tail;
	uint64_t due_ms;
	bool sending;
	struct hf_lane *prev, *next; /* due ones first come first, or by time */
};

/* A list of entries. */
struct hf_entries {
	struct hf_entry *head, *tail;
	unsigned int count;
};

struct hf_recent {
	uint64_t id, call, wall_ms;
	unsigned int type, attempts, status, ms;
	char said[128];
};

struct hf_hook {
	const struct hf_config_hook *config;
	struct hf_hooks *hooks;
	char to[128];
	uint64_t wants;	  /* types, one bit each */
	uint64_t *lots;	  /* NULL = all */
	struct hf_entries waiting, failed;
	struct hf_lane *lanes; /* by call */
	struct hf_lane *due, *due_tail; /* may go now */
	struct hf_lane *later;		/* by due_ms */
	unsigned int sending, sick; /* failures in a row */
	uint64_t next_ms;	    /* a sick one: not before */
	uint64_t delivered, attempts_failed, given_up, dropped;
	uint64_t dropped_untold; /* since the last delivery */
	bool full_said, gave_up_said;
	char said[128];
	struct hf_recent recent[HF_HOOK_RECENT];
	unsigned int recent_at;
};

/* One transfer under way, or its handle kept for the next. */
struct hf_transfer {
	struct hf_transfer *next, *all; /* idle ones; all of them */
	CURL *curl;
	struct curl_slist *headers;
	struct hf_entry *entry;
	size_t got;
	char error[CURL_ERROR_SIZE];
};

struct hf_disk {
	sqlite3 *db;
	char *path;
	char origin[17]; /* random; ids are unique with it */
	uint64_t last_id;
	bool failing, open; /* a transaction is */
	sqlite3_stmt *insert, *remove, *update, *raise, *clear;
};

struct hf_hooks {
	const struct hf_config *config;
	struct hf_bus *bus;
	struct hf_bus_reader *reader;
	uint64_t wants; /* of all webhooks together */
	uint32_t random; /* of the jitter */
	CURLM *multi;
	struct hf_transfer *idle, *transfers;
	struct hf_disk disk;
	pthread_t thread;
	bool running;
	_Atomic bool stop;
	pthread_mutex_t lock;
	struct hf_item *inbox, **inbox_end;
	unsigned int inbox_count;
	uint64_t inbox_dropped;
	_Atomic uint64_t next_id;
	unsigned int hook_count;
	struct hf_hook hook[];
};

/* hooks.c */
const char *hf_hook_type_name(unsigned int type);
/* From any thread. NULL: no memory, which is then said. */
struct hf_item *hf_item_new(enum hf_item_kind, const char *json,
			    const char *full);
void hf_hooks_hand_over(struct hf_hooks *, struct hf_item *);
int hf_hooks_lot(const struct hf_hooks *, const char *name); /* -1 = none */

/* queue.c: under the lock, by the thread alone. */
void hf_hook_enqueue(struct hf_entry *);
/* The next that may go now, taken as being sent; NULL = none. */
struct hf_entry *hf_hook_take(struct hf_hook *, uint64_t now_ms);
/* When hf_hook_take() may have one, UINT64_MAX = not before something comes. */
uint64_t hf_hook_next_ms(const struct hf_hook *, uint64_t now_ms);
/* Its attempt is over: it is out of the queue, the caller's. */
void hf_hook_finish(struct hf_entry *);
/* or it stays, and its call waits until then. */
void hf_hook_delay(struct hf_entry *, uint64_t until_ms);
/* The oldest that is not being sent, if it is of that time or before: out of the
 * queue; else NULL. */
struct hf_entry *hf_hook_oldest(struct hf_hook *, uint64_t wall_ms);
/* Everything may go now. */
void hf_hook_hurry(struct hf_hook *);
void hf_entries_add(struct hf_entries *, struct hf_entry *);
void hf_entries_remove(struct hf_entries *, struct hf_entry *);
void hf_hook_free_entries(struct hf_hook *);

/* template.c: the body for a receiver; malloc'ed, NULL = no memory or no JSON.
 * `json` is the event. */
char *hf_hook_body(const struct hf_config_hook *, unsigned int type,
		   const char *json);

/* send.c */
/* Begin; -errno when it could not even be tried. */
int hf_send_begin(struct hf_hooks *, struct hf_entry *);
struct hf_outcome {
	struct hf_entry *entry;
	enum { HF_SENT, HF_SEND_LATER, HF_SEND_NEVER } what;
	uint64_t after_ms; /* the receiver's own wish, 0 = none */
	unsigned int status, ms;
	char said[128];
};
/* Take what is over; false = nothing more. */
bool hf_send_done(struct hf_hooks *, struct hf_outcome *ret);
void hf_send_abort(struct hf_hooks *);

/* disk.c. What fails is said once and tried again with the next. */
int hf_disk_open(struct hf_disk *, const char *path, char *err, size_t err_len);
void hf_disk_close(struct hf_disk *);
int hf_disk_each(struct hf_disk *,
		 void (*fn)(void *arg, const char *hook, bool failed,
			    struct hf_entry *),
		 void *arg);
int hf_disk_each_raised(struct hf_disk *, void (*fn)(void *, const char *),
			void *arg);
void hf_disk_forget_hook(struct hf_disk *, const char *hook);
void hf_disk_put(struct hf_disk *, struct hf_entry *);
void hf_disk_remove(struct hf_disk *, struct hf_entry *);
void hf_disk_note(struct hf_disk *, const struct hf_entry *, bool failed);
void hf_disk_raise(struct hf_disk *, const char *cause, bool on);
void hf_disk_commit(struct hf_disk *);

/* worker.c */
void *hf_hooks_work(void *hooks);
struct hf_entry *hf_entry_new(struct hf_hook *, size_t body_len);

#endif
