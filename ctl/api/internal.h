/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the control socket say to each other: socket.c takes the
 * socket and knows who may speak, control.c moves bytes, request.c understands
 * a line, answer.c and media.c build what is sent back.
 */
#ifndef HOLDFAST_API_INTERNAL_H
#define HOLDFAST_API_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control.h"

/* Documented in Documentation/control.md; a line includes its end. */
#define HF_REQUEST_MAX 4096	    /* bytes of a request line */
#define HF_CLIENTS_MAX 64	    /* connections at a time */
#define HF_MONITOR_BYTES_MAX 262144 /* not yet read by a monitor, then dropped */
#define HF_LOST_WAIT_MS 10000	    /* for a dropped monitor to read the rest */

/* X(symbol, code in JSON) */
#define HF_ERRORS(X)                                                           \
	X(BAD_REQUEST, "bad_request")                                          \
	X(TOO_LONG, "too_long")                                                \
	X(UNKNOWN_COMMAND, "unknown_command")                                  \
	X(BAD_ARGUMENT, "bad_argument")                                        \
	X(NOT_FOUND, "not_found")                                              \
	X(FORBIDDEN, "forbidden")                                              \
	X(STARTING, "starting")                                                \
	X(TOO_MANY_CLIENTS, "too_many_clients")                                \
	X(FAILED, "failed")

enum hf_error_code {
#define X(symbol, name) HF_ERR_##symbol,
	HF_ERRORS(X)
#undef X
};

/* What a peer may do, by its user and groups. */
enum hf_may { HF_MAY_NOTHING, HF_MAY_READ, HF_MAY_ALL };

/* Who asks, for the record of acts (ctl/records). Text is of the caller. */
struct hf_asker {
	enum hf_may may;
	const char *way; /* "socket", "http" */
	const char *who; /* HTTP user; NULL: found by uid */
	int64_t uid;	 /* -1 = none */
	const char *origin; /* "pid 812", "192.0.2.7"; NULL = not known */
};

/* socket.c: the listening socket and the lock that says its owner is alive. */
struct hf_control_socket {
	int fd;
	int lock;
	char path[108];
	gid_t group; /* "holdfast", (gid_t)-1 if there is none */
	const uint32_t *users; /* of the group, who may do everything */
	unsigned int user_count;
};
int hf_control_socket_take(struct hf_control_socket *, const char *instance,
			   const char *path, char *err, size_t err_len);
void hf_control_socket_leave(struct hf_control_socket *);
enum hf_may hf_control_peer_may(const struct hf_control_socket *, int fd);
void hf_control_peer(int fd, int64_t *ret_uid, char *origin, size_t len);

/*
 * A list that is answered a piece at a time: a machine with tens of thousands
 * of slots must not keep SIP waiting while somebody looks at them all.
 */
#define HF_LISTING_ROWS 500 /* looked at in one turn */
struct hf_question;
struct hf_listing {
	/* Add rows from the cursor on; false when all are in. NULL: no list. */
	bool (*more)(const struct hf_control_wiring *, struct hf_listing *,
		     json_t *rows);
	const char *tenant; /* only of this one, NULL = all; likewise */
	const char *lot; /* only this one, NULL = all; of the configuration */
	uint64_t at;	 /* slots: how many are done; calls: the last id */
	bool begun;	 /* something is written, */
	bool rows;	 /* and it has rows */
	bool failed;	 /* a row is missing: no memory */
	/* What the history is asked (history.c), and that it has not answered:
	 * ->more is called again after hf_records_fd() was readable. */
	struct hf_question *question;
	bool waits;
	bool single;	/* the answer is the one row, */
	json_t *answer; /* or this instead of rows, if nothing is written */
};
/* Before its end, too. */
void hf_listing_end(struct hf_listing *);

/* What a request leads to: one of the three. All empty: no memory. */
struct hf_answer {
	json_t *json;
	bool monitor;
	struct hf_listing listing;
};

/* request.c: answer one line. */
void hf_request_answer(const struct hf_control_wiring *, const struct hf_asker *,
		       const char *line, size_t len, struct hf_answer *ret);
json_t *hf_request_error(enum hf_error_code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The first line of a monitor. */
json_t *hf_request_hello(const struct hf_control_wiring *);

/* answer.c; ret is empty. `args` are checked already. */
typedef void hf_answer_fn(const struct hf_control_wiring *, const json_t *args,
			  struct hf_answer *ret);
hf_answer_fn hf_answer_lot_explain; /* explain.c */
hf_answer_fn hf_answer_status, hf_answer_slots, hf_answer_calls, hf_answer_call,
	hf_answer_legs, hf_answer_leg, hf_answer_stats, hf_answer_subscriptions,
	hf_answer_audio_list, hf_answer_audio_show, hf_answer_audio_add,
	hf_answer_audio_remove, hf_answer_audio_play, hf_answer_audio_playing,
	hf_answer_call_page, hf_answer_call_move, hf_answer_call_kick,
	hf_answer_call_retrieve, hf_answer_call_step_in, hf_answer_drain,
	hf_answer_webhook_list, hf_answer_webhook_show, hf_answer_webhook_retry,
	hf_answer_webhook_test,
	hf_answer_reload, hf_answer_history_list, hf_answer_history_show, hf_answer_history_audit,
	hf_answer_stats_lots, hf_answer_stats_hours;

/* answer.c: one slot, for the board too. */
struct hf_slot_view;
json_t *hf_slot_json(const struct hf_slot_view *);

/* lamps.c: the block of counters in status */
json_t *hf_lamps_json(const struct hf_control_wiring *);

/* registrations.c: the block of figures in status */
json_t *hf_registrations_json(const struct hf_control_wiring *w);
hf_answer_fn hf_answer_registrations;

/* history.c: the block of figures in status */
json_t *hf_history_json(const struct hf_control_wiring *);

/* media.c: JSON null where the media side has no answer. */
json_t *hf_media_status_json(const struct hf_media *);
json_t *hf_media_counters_json(const struct hf_media *);
json_t *hf_media_leg_json(const struct hf_media *, uint32_t leg);

#endif
