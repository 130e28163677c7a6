/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of holdfastctl say to each other: commands.c has the one table
 * of commands and options, run.c reads the command line, help.c explains it,
 * connection.c talks to the daemon, show.c and table.c print, monitor.c stays.
 */
#ifndef HOLDFAST_CLI_INTERNAL_H
#define HOLDFAST_CLI_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "cli.h"

/* One run of the program. */
struct hf_cli {
	FILE *out, *err;
	bool json, pretty, colour;
	const char *instance; /* NULL: not said */
	char socket[256];
	bool watch, csv;
	long count; /* of monitor, 0 = no limit */
	/* What was said with the options that have a value; see hf_cli_option(). */
	const char *value[32];
	unsigned int given; /* a bit for each option that was used */
	const char *second; /* word of the command, where there are two */
	/* the connection */
	int fd;
	char *buffer;
	size_t used, room, line; /* `line` bytes in front are the last line */
};

struct hf_command {
	const char *object, *command; /* command NULL: the object stands alone */
	const char *args;	      /* "[LOT]", "ID", "", "NAME FILE" */
	const char *key;	      /* of the argument in the request */
	const char *key2;	      /* of the second one, NULL = none */
	bool number;		      /* the argument is a number */
	const char *summary, *example;
	int (*run)(struct hf_cli *, const struct hf_command *, const char *arg);
	void (*show)(struct hf_cli *, const json_t *);
};

struct hf_object {
	const char *name, *summary;
};

/* X(name, letter or 0, argument or NULL, only for these objects or NULL, text) */
#define HF_OPTIONS(X)                                                          \
	X("json", 'j', NULL, NULL, "print JSON, one object or array")          \
	X("pretty", 'p', NULL, NULL, "print JSON, indented")                   \
	X("instance", 'i', "INSTANCE", NULL, "the daemon's instance (main)")   \
	X("socket", 's', "SOCKET", NULL,                                       \
	  "its control socket, if configured elsewhere")                       \
	X("count", 'n', "N", "monitor", "end after N events")                  \
	X("until", 'u', "EVENT", "monitor", "end after an event of that name") \
	X("watch", 'w', NULL, "slot", "draw the slots anew as they change")    \
	X("lot", 0, "LOT", "history stats", "of this lot only")                \
	X("since", 0, "TIME", "history stats",                                 \
	  "from then on: 2h, 3d, today, 2025-06-01, \"2025-06-01 14:30\"")     \
	X("until", 'u', "TIME", "history stats", "until then")                 \
	X("csv", 0, NULL, "history stats", "print comma-separated values")     \
	X("limit", 0, "N", "history", "the newest N (100), 0 for all")         \
	X("slot", 0, "SLOT", "history", "that waited in this slot")            \
	X("caller", 0, "TEXT", "history", "whose caller contains this")        \
	X("parker", 0, "TEXT", "history", "parked by someone like this")       \
	X("retriever", 0, "TEXT", "history", "picked up by someone like this") \
	X("resolution", 0, "WORD", "history",                                  \
	  "whose wait ended so: retrieved, rang_back, abandoned, ...")         \
	X("call", 0, "ID", "history", "acts on this call (audit)")             \
	X("who", 0, "TEXT", "history", "acts by someone like this (audit)")    \
	X("act", 0, "TEXT", "history", "acts called like this (audit)")        \
	X("to", 0, "URI", "audio", "the phone that play calls")                \
	X("tenant", 0, "TENANT", "slot lot", "of this tenant only; whose call (explain)") \
	X("file", 'o', "FILE", "leg",                                          \
	  "into this pcapng file, - for standard output (capture)")            \
	X("seconds", 0, "N", "leg", "for so long: 1 to 3600, 60 (capture)")    \
	X("packets", 0, "N", "leg",                                            \
	  "so many at most: 1 to 1000000, 10000 (capture)")                    \
	X("from", 0, "URI", "lot", "who calls (explain)")                      \
	X("by", 0, "URI", "lot", "who transferred the call here (explain)")    \
	X("source", 0, "ADDRESS", "lot", "where the INVITE comes from (explain)") \
	X("header", 0, "TEXT", "lot", "\"Name: value\" of the INVITE (explain)") \
	X("help", 'h', NULL, NULL, "explain, at every level")                  \
	X("version", 'V', NULL, NULL, "print the version")

/* help.c: an option by its place in HF_OPTIONS; NULL name = the end. */
struct hf_option {
	const char *name, *argument, *objects, *text;
	char letter;
};
extern const struct hf_option hf_options[];
bool hf_option_fits(const struct hf_option *, const char *object);
/* What was given for it, or NULL. */
const char *hf_cli_option(const struct hf_cli *, const char *name);

/* commands.c; both tables end with a NULL name. */
extern const struct hf_command hf_commands[];
extern const struct hf_object hf_objects[];
/* "slot list" for people and for the request. */
void hf_command_name(const struct hf_command *, char *name, size_t len);

/* run.c: one sentence to the user, in JSON if asked. Returns `status`. */
int hf_cli_fail(struct hf_cli *, enum hf_exit status, const char *code,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
void hf_cli_print_json(struct hf_cli *, const json_t *);

/* help.c: object and command NULL = not chosen yet. */
void hf_cli_help(struct hf_cli *, const struct hf_object *,
		 const struct hf_command *);

/* connection.c: an enum hf_exit each; what went wrong has been said. */
int hf_cli_connect(struct hf_cli *);
int hf_cli_send(struct hf_cli *, json_t *request); /* takes the reference */
/* The next line as JSON; HF_EXIT_ABSENT when the daemon has ended. */
int hf_cli_receive(struct hf_cli *, json_t **ret);
void hf_cli_disconnect(struct hf_cli *);
/* Says an {"error":..} answer. False if `answer` is none. */
bool hf_cli_is_error(struct hf_cli *, const json_t *answer);

/* capture.c */
int hf_cli_capture(struct hf_cli *, const struct hf_command *, const char *arg);

/* monitor.c */
int hf_cli_monitor(struct hf_cli *, const struct hf_command *, const char *arg);

/* show.c: the text forms. */
void hf_show_status(struct hf_cli *, const json_t *);
void hf_show_slots(struct hf_cli *, const json_t *);
void hf_show_calls(struct hf_cli *, const json_t *);
void hf_show_call(struct hf_cli *, const json_t *);
void hf_show_legs(struct hf_cli *, const json_t *);
void hf_show_leg(struct hf_cli *, const json_t *);
void hf_show_registrations(struct hf_cli *, const json_t *);
void hf_show_subscriptions(struct hf_cli *, const json_t *);
void hf_show_act(struct hf_cli *, const json_t *);
void hf_show_reload(struct hf_cli *, const json_t *);
void hf_show_drain(struct hf_cli *, const json_t *);
void hf_show_stats(struct hf_cli *, const json_t *);

/* show.c, for other files that print */
const char *hf_json_str(const json_t *object, const char *key); /* "" = none */
/* Does a row of these have it? */
bool hf_json_any(const json_t *rows, const char *key);
long long hf_json_num(const json_t *object, const char *key);
/* 75 -> "1:15", 7205 -> "2:00:05"; empty for null. */
const char *hf_print_duration(char *text, size_t len, const json_t *seconds);

/* watch.c */
int hf_cli_slots(struct hf_cli *, const struct hf_command *, const char *arg);

/* lot.c */
int hf_cli_lots(struct hf_cli *, const struct hf_command *, const char *arg);
void hf_show_lots(struct hf_cli *, const json_t *);
int hf_cli_explain(struct hf_cli *, const struct hf_command *, const char *arg);
void hf_show_explained(struct hf_cli *, const json_t *);

/* history.c */
int hf_cli_history(struct hf_cli *, const struct hf_command *, const char *arg);
void hf_show_history(struct hf_cli *, const json_t *);
void hf_show_record(struct hf_cli *, const json_t *);
void hf_show_acts(struct hf_cli *, const json_t *);
void hf_show_figures(struct hf_cli *, const json_t *);

/* commands.c: connect, ask, disconnect. Takes the request. */
int hf_cli_ask(struct hf_cli *, json_t *request, json_t **ret);

/* audio.c */
void hf_show_clips(struct hf_cli *, const json_t *);
void hf_show_clip(struct hf_cli *, const json_t *);
void hf_show_removed(struct hf_cli *, const json_t *);
int hf_cli_audio_add(struct hf_cli *, const struct hf_command *,
		     const char *name);
int hf_cli_audio_play(struct hf_cli *, const struct hf_command *,
		      const char *name);

/* webhook.c */
void hf_show_webhooks(struct hf_cli *, const json_t *);
void hf_show_webhook(struct hf_cli *, const json_t *);
void hf_show_webhook_retry(struct hf_cli *, const json_t *);
int hf_cli_webhook_test(struct hf_cli *, const struct hf_command *,
			const char *name);

#endif
