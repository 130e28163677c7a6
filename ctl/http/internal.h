/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of ctl/http say to each other. Two threads meet here:
 *
 *	event loop of holdfastd            HTTP thread
 *	loop.c    takes jobs, answers      server.c  listens, runs the sockets
 *	tell.c    what boards are told     route.c   what a request asks for
 *	tally.c   counts what happened     ask.c     asks the loop for it
 *	metrics.c /metrics as text         reply.c   answers it
 *	tenant.c  whose a row is           auth.c    who may, and how often
 *	                                   stream.c  server-sent events
 *	                                   page.c    the files built in
 *
 * queue.c is the only thing that both touch.
 */
#ifndef HOLDFAST_HTTP_INTERNAL_H
#define HOLDFAST_HTTP_INTERNAL_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/internal.h"
#include "config/config.h"
#include "events/event.h"
#include "http.h"

#define HF_HTTP_CONNECTIONS 256
#define HF_HTTP_JOBS	    64	   /* asked and not yet answered */
#define HF_HTTP_ROWS	    10000  /* of the history, in one answer */
#define HF_HTTP_BOARDS	    128	   /* readers of events */
#define HF_HTTP_BOARD_BYTES 262144 /* not yet read by one, then dropped */
#define HF_HTTP_BEAT_MS	    2000   /* a board that hears nothing is told so */

/* Text that grows. `bad` after memory ran out: then it has no meaning. */
struct hf_text {
	char *at;
	size_t len, room;
	bool bad;
};
void hf_text_add(struct hf_text *, const char *data, size_t len);
void hf_text_print(struct hf_text *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void hf_text_free(struct hf_text *);

/* --- queue.c: jobs to the loop, messages to the HTTP thread ------------- */

enum hf_job_kind {
	HF_JOB_REQUEST, /* a line of the control protocol */
	HF_JOB_METRICS,
	HF_JOB_HISTORY,
	HF_JOB_ACTS,  /* which of the acts this controller offers */
	HF_JOB_BOARD, /* the whole slot table, for a new board */
	HF_JOB_BEAT,
};

struct hf_job {
	struct hf_job *next;
	enum hf_job_kind kind;
	enum hf_may may;
	char who[64], origin[64]; /* of who asks, for the record of acts */
	char *line;		  /* of a request */
	const char *tenant; /* only of this one, NULL = all; of the configuration */
	const char *pick; /* NULL, or the key of the answer that is wanted */
	void *owner;	  /* of the HTTP thread: a request or a board */
	uint64_t asked_ns;
	/* the loop's */
	struct hf_listing listing;
	/* the answer */
	unsigned int status;
	struct hf_text text;
};

/* What the loop says: a job is done, or something for every board. */
struct hf_said {
	struct hf_said *next;
	struct hf_job *job;   /* NULL: for every board */
	const char *tenant; /* for boards of this one; NULL = of nobody's alone */
	bool beat;	    /* for every board whatever */
	bool over; /* boards end: they come again for a whole table */
	struct hf_job *began; /* a board's job was taken up: from now on it
			       * gets what every board gets */
	struct hf_text text;
};

struct hf_queue {
	pthread_mutex_t lock;
	struct hf_job *jobs, **jobs_end;
	struct hf_said *said, **said_end;
	unsigned int job_count;
	int to_loop, to_http; /* eventfds */
};
int hf_queue_open(struct hf_queue *);
void hf_queue_close(struct hf_queue *);
void hf_queue_ask(struct hf_queue *, struct hf_job *);
void hf_queue_say(struct hf_queue *, struct hf_said *);
struct hf_job *hf_queue_take_job(struct hf_queue *);
struct hf_said *hf_queue_take_said(struct hf_queue *); /* all, in order */
void hf_queue_wake(int fd);
void hf_job_free(struct hf_job *);

/* --- tally.c: what happened, counted by the loop ------------------------ */

#define HF_WAIT_BUCKETS 12
extern const unsigned int hf_wait_bounds[HF_WAIT_BUCKETS]; /* seconds */
#define HF_HISTORY_HOURS 48

/* How a wait ended. X(symbol, name) */
#define HF_RESOLUTIONS(X)         \
	X(RETRIEVED, "retrieved") \
	X(RANG_BACK, "rang_back") \
	X(ABANDONED, "abandoned") \
	X(EXPIRED, "expired")     \
	X(KICKED, "kicked")
enum hf_resolution {
#define X(symbol, name) HF_RES_##symbol,
	HF_RESOLUTIONS(X)
#undef X
		HF_RES_COUNT
};

struct hf_waits {
	uint64_t bucket[HF_WAIT_BUCKETS + 1]; /* the last: longer */
	uint64_t sum_s, count;
};
struct hf_hour {
	uint64_t hour; /* since 1970; 0 = unused */
	uint32_t parks, recalls, recalls_failed;
	uint32_t resolved[HF_RES_COUNT];
	uint32_t waits[64]; /* finer, see hf_tally_quantile() */
};
struct hf_tally {
	uint64_t events[HF_EVENT_COUNT];
	struct hf_waits *waits; /* [lot * HF_RES_COUNT + resolution] */
	unsigned int lots;
	struct hf_hour hour[HF_HISTORY_HOURS];
};
int hf_tally_open(struct hf_tally *, unsigned int lots);
void hf_tally_close(struct hf_tally *);
/* Other lots; those of the same name keep their figures. */
int hf_tally_reload(struct hf_tally *, const struct hf_config *now,
		    const struct hf_config *next);
void hf_tally_event(struct hf_tally *, const struct hf_config *,
		    const struct hf_event *);
/* The hours that have passed, oldest first. NULL: no memory. */
json_t *hf_tally_history(const struct hf_tally *, uint64_t wall_ms);

/* --- loop.c and metrics.c: the side of the event loop ------------------- */

struct hf_loop_side {
	const struct hf_control_wiring *wiring;
	struct hf_bus_reader *reader;
	struct hf_tally tally;
	struct hf_job *work; /* the job that is being answered */
	struct hf_job *waiting; /* jobs that wait for the history */
	_Atomic(const char *) not_ready;
	uint32_t *changed; /* slots to tell of, each once */
	uint32_t changed_count, slot_count;
	uint8_t *is_changed;	 /* one bit a slot */
	struct hf_text happened; /* events to tell of */
	struct hf_text *theirs; /* of each tenant: slots; behind all: events */
	unsigned int tenant_count;
};

/* Figures of the HTTP thread that /metrics shows. */
struct hf_http_counts {
	_Atomic uint64_t answers[6]; /* by first digit of the status */
	_Atomic uint64_t slow_boards, refused_rate, refused_token;
	_Atomic uint32_t boards, tenant_boards;
	_Atomic uint64_t asked, asked_ns; /* of the loop: how many, how long */
	_Atomic uint64_t asked_most_ns;
};

void hf_metrics_write(const struct hf_http *, struct hf_text *);

/* tell.c. Room for the slots and tenants of a configuration; -ENOMEM leaves what
 * there was. */
int hf_tell_open(struct hf_loop_side *, const struct hf_config *);
void hf_tell_close(struct hf_loop_side *);
/* A reader of the bus; `http` is a struct hf_http. */
void hf_tell_event(void *http, const struct hf_event *, const char *json,
		   size_t len);
bool hf_tell_wanted(void *http, const struct hf_event *);
void hf_text_json(struct hf_text *, const json_t *);
/* Take out of an answer what callers with privacy want nobody to see. */
void hf_private_mask(json_t *);

/* --- the HTTP thread ---------------------------------------------------- */

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

struct hf_limit { /* a token bucket of one address */
	uint8_t address[16];
	uint64_t at_ms;
	int left; /* thousandths; below 0 after wrong tokens */
};
#define HF_LIMITS 512

struct hf_board;
struct hf_server {
	struct MHD_Daemon *daemon[4];
	unsigned int daemon_count;
	int epoll;
	pthread_t thread;
	bool running;
	struct hf_board *boards;
	unsigned int board_count, pending; /* jobs asked */
	struct hf_limit limit[HF_LIMITS];
	uint64_t beat_ms; /* the next */
	bool beat_asked;
	char policy[320];	 /* Content-Security-Policy */
	char *certificate, *key; /* PEM */
};

struct hf_http {
	/* The loop may put another one here; the one before stays readable. */
	const struct hf_config *_Atomic config;
	struct hf_queue queue;
	struct hf_loop_side loop;
	struct hf_server server;
	struct hf_http_counts counts;
	_Atomic bool ready;
	_Atomic bool stop;
	_Atomic uint64_t beat_ms; /* when the loop last answered */
};

/* server.c */
int hf_server_start(struct hf_http *, char *err, size_t err_len);
void hf_server_stop(struct hf_http *);

/* auth.c */
struct hf_http_user {
	enum hf_http_role role;
	const struct hf_config_http_user *named; /* NULL: anonymous */
};
/* False: the name that was asked for is not ours. */
bool hf_auth_host_ok(const struct hf_config *, const char *host);
/* False: there is an Authorization, and it is wrong. */
bool hf_auth_user(const struct hf_config *, const char *authorization,
		  struct hf_http_user *ret);
/* False: this address has asked too often. */
bool hf_auth_rate_ok(struct hf_server *, const void *sockaddr,
		     unsigned int cost, uint64_t now_ms);

/* route.c: libmicrohttpd's access handler and its end. */
struct hf_request;
int hf_route_handle(void *http, struct MHD_Connection *, const char *url,
		    const char *method, const char *version, const char *body,
		    size_t *body_len, void **request);
void hf_route_completed(void *http, struct MHD_Connection *, void **request);
/* ask.c: the answer to what a request asked the loop. */
void hf_request_done(struct hf_request *, struct hf_job *);

/* server.c: a job for the loop, NULL: no memory. */
struct hf_job *hf_server_job(enum hf_job_kind, enum hf_may, void *owner);
/* Ask the loop; false when too much is asked already. Takes the job, which may
 * be NULL. */
bool hf_server_ask(struct hf_http *, struct hf_job *);

/* reply.c: what every answer says about itself. */
void hf_reply_headers(struct MHD_Response *);

/* tenant.c; `tenant` NULL owns everything. Take out of a list what is another's;
 * an object that is, is not there. */
bool hf_tenant_owns(const struct hf_config *, const char *tenant,
		    const json_t *row);
void hf_tenant_filter(const struct hf_config *, const char *tenant,
		      json_t *rows);
json_t *hf_tenant_show(const struct hf_config *, const char *tenant,
		       json_t *answer);
bool hf_tenant_may_ask(const char *path);
/* NULL: it has none, or several. */
const char *hf_tenant_only_lot(const struct hf_config *, const char *tenant);
bool hf_tenant_has_call(const struct hf_control_wiring *, const char *tenant,
			json_int_t call);

/* stream.c; `tenant` NULL = of all */
int hf_board_open(struct hf_http *, struct MHD_Connection *,
		  const char *tenant);
void hf_board_begin(struct hf_http *, struct hf_board *);
/* Takes the job's text. */
void hf_board_table(struct hf_http *, struct hf_board *, struct hf_job *);
void hf_boards_tell(struct hf_http *, const struct hf_said *);
void hf_boards_end(struct hf_http *);

/* page.c */
struct hf_page {
	const char *at;
	size_t len;
};
struct hf_page hf_page_board(void);
struct hf_page hf_page_openapi(void);
/* The Content-Security-Policy that lets only our own page run. */
void hf_page_policy(char *policy, size_t len);

#endif
