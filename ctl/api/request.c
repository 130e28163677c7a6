// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One request line: parsed, checked against the table of commands, answered.
 * The lines come from control.c; the answers are built in answer.c and media.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "events/bus.h"
#include "events/json.h"
#include "internal.h"
#include "records/records.h"

#define HF_ARGUMENTS 10

struct argument {
	const char *name; /* NULL = no argument */
	json_type type;
	bool required;
};

struct command {
	const char *name;
	enum hf_may needs;
	struct argument argument[HF_ARGUMENTS];
	hf_answer_fn *answer; /* NULL: monitor */
};

#define PERIOD                                                    \
	{ "lot", JSON_STRING, false }, { "since_ms", JSON_INTEGER, false }, \
	{ "until_ms", JSON_INTEGER, false }

static const struct command commands[] = {
	{ "status", HF_MAY_READ, { { 0 } }, hf_answer_status },
	{ "slot list",
	  HF_MAY_READ,
	  { { "lot", JSON_STRING, false }, { "tenant", JSON_STRING, false } },
	  hf_answer_slots },
	{ "lot explain",
	  HF_MAY_READ,
	  { { "number", JSON_STRING, true }, { "call", JSON_OBJECT, false } },
	  hf_answer_lot_explain },
	{ "call list", HF_MAY_READ, { { 0 } }, hf_answer_calls },
	{ "call show",
	  HF_MAY_READ,
	  { { "call", JSON_INTEGER, true } },
	  hf_answer_call },
	{ "call move",
	  HF_MAY_ALL,
	  { { "call", JSON_INTEGER, true }, { "to", JSON_STRING, true } },
	  hf_answer_call_move },
	{ "call kick",
	  HF_MAY_ALL,
	  { { "call", JSON_INTEGER, true } },
	  hf_answer_call_kick },
	{ "call retrieve",
	  HF_MAY_ALL,
	  { { "call", JSON_INTEGER, true }, { "for", JSON_STRING, true } },
	  hf_answer_call_retrieve },
	{ "call step-in",
	  HF_MAY_ALL,
	  { { "call", JSON_INTEGER, true }, { "for", JSON_STRING, true } },
	  hf_answer_call_step_in },
	{ "call page",
	  HF_MAY_ALL,
	  { { "call", JSON_INTEGER, true }, { "zone", JSON_STRING, false } },
	  hf_answer_call_page },
	{ "drain",
	  HF_MAY_ALL,
	  { { "mode", JSON_STRING, true } },
	  hf_answer_drain },
	{ "reload", HF_MAY_ALL, { { 0 } }, hf_answer_reload },
	{ "leg list", HF_MAY_READ, { { 0 } }, hf_answer_legs },
	{ "leg show", HF_MAY_READ, { { "leg", JSON_INTEGER, true } }, hf_answer_leg },
	{ "subscription list",
	  HF_MAY_READ,
	  { { 0 } },
	  hf_answer_subscriptions },
	{ "registration list",
	  HF_MAY_READ,
	  { { 0 } },
	  hf_answer_registrations },
	{ "audio list", HF_MAY_READ, { { 0 } }, hf_answer_audio_list },
	{ "audio show",
	  HF_MAY_READ,
	  { { "clip", JSON_STRING, true } },
	  hf_answer_audio_show },
	{ "audio add",
	  HF_MAY_ALL,
	  { { "clip", JSON_STRING, true }, { "file", JSON_STRING, true } },
	  hf_answer_audio_add },
	{ "audio remove",
	  HF_MAY_ALL,
	  { { "clip", JSON_STRING, true } },
	  hf_answer_audio_remove },
	{ "webhook list", HF_MAY_READ, { { 0 } }, hf_answer_webhook_list },
	{ "webhook show",
	  HF_MAY_READ,
	  { { "webhook", JSON_STRING, true } },
	  hf_answer_webhook_show },
	{ "webhook retry",
	  HF_MAY_ALL,
	  { { "webhook", JSON_STRING, true } },
	  hf_answer_webhook_retry },
	{ "webhook test",
	  HF_MAY_ALL,
	  { { "webhook", JSON_STRING, true } },
	  hf_answer_webhook_test },
	{ "audio play",
	  HF_MAY_ALL,
	  { { "clip", JSON_STRING, true }, { "to", JSON_STRING, true } },
	  hf_answer_audio_play },
	{ "audio playing",
	  HF_MAY_READ,
	  { { "play", JSON_INTEGER, true } },
	  hf_answer_audio_playing },
	{ "stats", HF_MAY_READ, { { 0 } }, hf_answer_stats },
	{ "stats lots", HF_MAY_READ, { PERIOD }, hf_answer_stats_lots },
	{ "stats hours", HF_MAY_READ, { PERIOD }, hf_answer_stats_hours },
	{ "history list",
	  HF_MAY_READ,
	  { PERIOD,
	    { "limit", JSON_INTEGER, false },
	    { "slot", JSON_STRING, false },
	    { "caller", JSON_STRING, false },
	    { "parker", JSON_STRING, false },
	    { "retriever", JSON_STRING, false },
	    { "resolution", JSON_STRING, false } },
	  hf_answer_history_list },
	{ "history show",
	  HF_MAY_READ,
	  { { "call", JSON_INTEGER, true } },
	  hf_answer_history_show },
	{ "history audit",
	  HF_MAY_READ,
	  { PERIOD,
	    { "limit", JSON_INTEGER, false },
	    { "slot", JSON_STRING, false },
	    { "call", JSON_INTEGER, false },
	    { "who", JSON_STRING, false },
	    { "act", JSON_STRING, false } },
	  hf_answer_history_audit },
	{ "monitor", HF_MAY_READ, { { 0 } }, NULL },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

json_t *hf_request_error(enum hf_error_code code, const char *format, ...)
{
	static const char *const name[] = {
#define X(symbol, name) [HF_ERR_##symbol] = name,
		HF_ERRORS(X)
#undef X
	};
	char message[4608];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	return json_pack("{s:{s:s,s:o}}", "error", "code", name[code],
			 "message", hf_json_text(message));
}

static json_t *event_names(void)
{
	json_t *names = json_array();

	for (int i = 0; i < HF_EVENT_COUNT; i++)
		json_array_append_new(names, json_string(hf_event_name(i)));
	return names;
}

json_t *hf_request_hello(const struct hf_control_wiring *w)
{
	char boot_id[64] = "";
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (f) {
		if (!fgets(boot_id, sizeof(boot_id), f))
			boot_id[0] = '\0';
		boot_id[strcspn(boot_id, "\n")] = '\0';
		fclose(f);
	}
	return json_pack("{s:{s:o,s:o,s:I,s:o,s:I,s:b,s:o}}", "hello", "version",
			 hf_json_text(w->version), "instance",
			 hf_json_text(w->config->instance), "pid",
			 (json_int_t)getpid(), "boot_id", hf_json_text(boot_id),
			 "last_event", (json_int_t)hf_bus_last(w->bus),
			 "netlink", (int)hf_bus_netlink(w->bus), "events",
			 event_names());
}

static json_t *unknown_command(const char *name)
{
	char known[512] = "";
	size_t used = 0;

	for (size_t i = 0; i < COMMANDS && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
					 "%s%s", i ? ", " : "",
					 commands[i].name);
	return hf_request_error(HF_ERR_UNKNOWN_COMMAND,
				"there is no command \"%.64s\"; there are: %s",
				name, known);
}

static const struct argument *find_argument(const struct command *c,
					    const char *name)
{
	for (unsigned int i = 0; i < HF_ARGUMENTS; i++)
		if (c->argument[i].name && !strcmp(c->argument[i].name, name))
			return &c->argument[i];
	return NULL;
}

/* NULL if the arguments fit the command, else the error. */
static json_t *check_arguments(const struct command *c, json_t *request)
{
	const struct argument *a;
	const char *key;
	json_t *value;

	json_object_foreach(request, key, value) {
		if (!strcmp(key, "command"))
			continue;
		a = find_argument(c, key);
		if (!a)
			return hf_request_error(HF_ERR_BAD_ARGUMENT,
						"%s has no argument \"%.64s\"",
						c->name, key);
		if (json_typeof(value) != a->type)
			return hf_request_error(
				HF_ERR_BAD_ARGUMENT,
				"argument \"%s\" of %s is a %s", a->name,
				c->name,
				a->type == JSON_INTEGER ? "whole number" :
							  "string");
		if (a->type == JSON_INTEGER && json_integer_value(value) < 0)
			return hf_request_error(HF_ERR_BAD_ARGUMENT,
						"argument \"%s\" of %s is not negative",
						a->name, c->name);
	}
	for (unsigned int i = 0; i < HF_ARGUMENTS; i++) {
		a = &c->argument[i];
		if (a->required && !json_object_get(request, a->name))
			return hf_request_error(HF_ERR_BAD_ARGUMENT,
						"%s needs the argument \"%s\"",
						c->name, a->name);
	}
	return NULL;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

/* The error of a request that cannot be run, else NULL and its command. */
static json_t *check(const struct hf_control_wiring *w,
		     const struct hf_asker *asker, json_t *request,
		     const struct command **ret)
{
	const char *name =
		json_string_value(json_object_get(request, "command"));
	const struct command *c;
	json_t *error;

	if (!name)
		return hf_request_error(HF_ERR_BAD_REQUEST,
					"a request is an object with the string \"command\"");
	c = find_command(name);
	if (!c)
		return unknown_command(name);
	*ret = c;
	if (asker->may < c->needs)
		return hf_request_error(HF_ERR_FORBIDDEN,
					"%s is for root and the user that runs holdfastd",
					c->name);
	error = check_arguments(c, request);
	if (!error && c->answer && (!w->park || !w->media))
		error = hf_request_error(HF_ERR_STARTING,
					 "holdfastd is starting or stopping; ask again");
	return error;
}

static const char *text_of(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

/* What changes something is remembered, with who wanted it, also if refused. */
static void record(const struct hf_control_wiring *w,
		   const struct hf_asker *asker, const struct command *c,
		   const json_t *request, const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	const char *result = text_of(error, "code");
	const struct hf_record_act act = {
		.way = asker->way,
		.who = asker->who,
		.uid = asker->uid,
		.origin = asker->origin,
		.act = c->name,
		.call = (uint64_t)json_integer_value(
			json_object_get(request, "call")),
		.result = result ? result : "ok",
		.detail = error		       ? text_of(error, "message")
			  : text_of(request, "to")     ? text_of(request, "to")
			  : text_of(request, "for")    ? text_of(request, "for")
			  : text_of(request, "clip")   ? text_of(request, "clip")
						       : text_of(request, "mode"),
	};

	if (c->needs == HF_MAY_ALL)
		hf_records_act(w->records, &act);
}

void hf_request_answer(const struct hf_control_wiring *w,
		       const struct hf_asker *asker, const char *line,
		       size_t len, struct hf_answer *ret)
{
	const struct command *command = NULL;
	json_error_t error;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

	*ret = (struct hf_answer){ 0 };
	if (!request)
		ret->json = hf_request_error(HF_ERR_BAD_REQUEST,
					     "not JSON, at byte %d: %s",
					     error.position, error.text);
	else
		ret->json = check(w, asker, request, &command);
	if (!ret->json && command->answer)
		command->answer(w, request, ret);
	else if (!ret->json)
		ret->monitor = true;
	if (command)
		record(w, asker, command, request, ret->json);
	json_decref(request);
}
