/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holdfastd as a whole: every room it is made of, and the files that open, run
 * and close them. The only place that sees all rooms; no room sees it.
 *
 * Functions that return int here return an exit status (0 = well), and have
 * logged why.
 */
#ifndef HF_DAEMON_APP_H
#define HF_DAEMON_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/notify.h"
#include "presence/persist.h"

#define HF_EXIT_FAILED 1
#define HF_EXIT_USAGE  2

struct hf_options {
	const char *config;
	const char *check;
	const char *instance;
	bool prepare;
	bool memory_media;
	bool verbose;
};

struct hf_app {
	struct hf_options options;
	struct hf_config *config;
	char *config_text; /* that it was made of; see reload.c */
	size_t config_len;
	bool text_of_start; /* a reload of the same text reads the sounds anew */
	struct hf_config **retired; /* before it: text is still referred to */
	unsigned int retired_count;
	unsigned int kept_texts; /* of configurations, in the journal */
	uint64_t leaving_ms; /* when to see what is to go; UINT64_MAX = nothing */
	struct hf_loop *loop;
	struct hf_bus *bus;
	struct hf_event_netlink *netlink; /* NULL: not on this host */
	struct hf_control *control;
	struct hf_http *http;
	struct hf_sip *sip;
	struct hf_media *media;
	struct hf_library *library;
	struct hf_park *park;
	struct hf_lamps *lamps;
	struct hf_watch_store watch_store;
	struct hf_bus_reader *lamp_events;
	struct hf_push *push;
	struct hf_store *store;
	struct hf_hooks *hooks; /* NULL: nobody is to be told */
	struct hf_alerts *alerts; /* NULL: nothing is alarming */
	struct hf_callouts *callouts; /* people who are called of it */
	struct hf_records *records; /* NULL: no history is kept */
	struct hf_bus_reader *record_events;
	uint64_t orphans_end_ms; /* UINT64_MAX = there are none */
	bool leave;		 /* calls go on without us */
	uint32_t epoch;
	int signals;	   /* signalfd */
	int timer;	   /* timerfd of the park logic and the media tick */
	uint64_t armed_ms; /* what `timer` is set to, UINT64_MAX = off */
	uint64_t tick_ms;  /* next media tick, UINT64_MAX = no call */
	uint64_t start_ms;
	struct hf_watchdog watchdog;
	bool stopping;
	bool impatient; /* asked twice */
};

/* options.c. 0 = go on, else the exit status plus one. */
int hf_options_read(int argc, char **argv, struct hf_options *o);
int hf_options_check(const struct hf_options *o);
bool hf_instance_ok(const char *name);

/* open.c: all of it, in order. */
int hf_app_open(struct hf_app *app);
/* loop.c */
int hf_app_open_loop(struct hf_app *app);
/* signalling.c */
int hf_app_open_signalling(struct hf_app *app);
/* media.c */
int hf_app_open_media(struct hf_app *app);
int hf_app_prepare(const struct hf_app *app); /* for the holdfastd after us */
int hf_app_listen(struct hf_app *app); /* to keys, once the calls are there */
/* hooks.c */
int hf_app_open_hooks(struct hf_app *app);
void hf_app_follow_records(struct hf_app *app);
/* lamps.c */
int hf_app_open_lamps(struct hf_app *app);
void hf_app_restore_lamps(struct hf_app *app);
void hf_app_keep_publication(void *arg, uint64_t id, const char *slot,
			     const char *etag, uint64_t expires_wall_ms);

/* journal.c */
struct hf_store_call;
/* Where `what` goes when the state folder cannot be written. */
void hf_app_spare_path(const struct hf_app *app, const char *what, char *ret,
		       size_t len);
int hf_app_open_journal(struct hf_app *app);
void hf_app_journal_put(void *arg, const struct hf_store_call *call);
void hf_app_journal_drop(void *arg, uint64_t call);
/* What this round has said goes to the disk together; what has got there lets
 * go what waits for it. */
void hf_app_journal_flush(struct hf_app *app);
int hf_app_restore_calls(struct hf_app *app);
void hf_app_end_orphans(struct hf_app *app, uint64_t now_ms);

/* kept.c: what the journal keeps beside the calls */
/* Lots that the file has lost but calls of the journal wait in. */
void hf_app_follow_journal(struct hf_app *app);
/* The text in force is app->config_text; `anew`: it was another one. */
void hf_app_keep_text(struct hf_app *app, bool anew);
void hf_app_keep_drain(void *app, bool on);
/* Once the park logic stands. */
void hf_app_restore_drain(struct hf_app *app);

/* reload.c */
/* `app->config` stays for whoever refers to its text. */
bool hf_app_retire(struct hf_app *app, struct hf_config *config);
/* For struct hf_control_wiring: the file anew, whole or not at all. */
int hf_app_reload(void *app, char *why, size_t len);
void hf_app_reload_by_signal(struct hf_app *app, int64_t uid, long pid);
#define HF_LEAVING_MS 500 /* how often it is looked whether it is */
/* What a reload left there until it is free goes. */
void hf_app_let_go(struct hf_app *app, uint64_t now_ms);
void hf_app_close_reload(struct hf_app *app);

/* hooks.c */
void hf_app_close_hooks(struct hf_app *app);
void hf_app_attach_alerts(struct hf_app *app);

/* records.c */
void hf_app_open_records(struct hf_app *app);
void hf_app_close_records(struct hf_app *app);
void hf_app_record_over(void *arg, uint64_t call);
void hf_app_record_kept(struct hf_app *app, const struct hf_store_call *call);
void hf_app_record_signal(struct hf_app *app, const char *act, int64_t uid,
			  long pid, const char *result, const char *detail);

/* close.c: in any state of half-openness. `hang_up`: we were asked to stop. */
void hf_app_close(struct hf_app *app, bool hang_up);
/* Ends the process and leaves every call to the next. */
void hf_app_leave(struct hf_app *app, int status);

#endif
