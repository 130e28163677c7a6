// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfastctl history and the stats of lots: filters from the command line into
 * the request, and the answer as text or comma-separated values.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"
#include "table.h"

/* --- times --------------------------------------------------------------- */

/* "90s", "15m", "2h", "3d", "1w": that long ago. */
static bool parse_ago(const char *text, time_t now, time_t *ret)
{
	static const struct {
		char unit;
		long seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400},
		     {'w', 604800}};
	char *end;
	long n;

	if (!isdigit((unsigned char)*text) || strlen(text) > 8)
		return false;
	n = strtol(text, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].unit && !end[1]) {
			*ret = now - n * units[i].seconds;
			return true;
		}
	return false;
}

/* Dates and times of the day, where the user is. */
static bool parse_date(const char *text, time_t now, time_t *ret)
{
	static const char *const forms[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M",    "%Y-%m-%d",	  "%H:%M",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm t = {0};
		const char *end;

		if (forms[i][1] == 'H') {
			localtime_r(&now, &t);
			t.tm_sec = 0;
		}
		end = strptime(text, forms[i], &t);
		if (!end || *end)
			continue;
		t.tm_isdst = -1;
		*ret = mktime(&t);
		return *ret != (time_t)-1;
	}
	return false;
}

static bool parse_time(const char *text, json_int_t *ret_ms)
{
	time_t now = time(NULL), at;
	struct tm day;

	if (strlen(text) >= 10 && strlen(text) <= 11 &&
	    strspn(text, "0123456789") == strlen(text)) {
		at = atoll(text); /* seconds since 1970 */
	} else if (!strcmp(text, "now")) {
		at = now;
	} else if (!strcmp(text, "today") || !strcmp(text, "yesterday")) {
		localtime_r(&now, &day);
		day.tm_hour = day.tm_min = day.tm_sec = 0;
		day.tm_mday -= *text == 'y';
		day.tm_isdst = -1;
		at = mktime(&day);
	} else if (!parse_ago(text, now, &at) && !parse_date(text, now, &at)) {
		return false;
	}
	*ret_ms = (json_int_t)at * 1000;
	return *ret_ms >= 0;
}

/* --- the request ---------------------------------------------------------- */

enum filter_kind { FILTER_TEXT, FILTER_NUMBER, FILTER_TIME };
static const struct {
	const char *option, *key;
	enum filter_kind kind;
} filters[] = {
	{"lot", "lot", FILTER_TEXT},
	{"slot", "slot", FILTER_TEXT},
	{"caller", "caller", FILTER_TEXT},
	{"parker", "parker", FILTER_TEXT},
	{"retriever", "retriever", FILTER_TEXT},
	{"resolution", "resolution", FILTER_TEXT},
	{"who", "who", FILTER_TEXT},
	{"act", "act", FILTER_TEXT},
	{"limit", "limit", FILTER_NUMBER},
	{"call", "call", FILTER_NUMBER},
	{"since", "since_ms", FILTER_TIME},
	{"until", "until_ms", FILTER_TIME},
};

static json_t *filter_value(enum filter_kind kind, const char *text)
{
	json_int_t ms;

	if (kind == FILTER_TEXT)
		return json_string(text);
	if (kind == FILTER_TIME)
		return parse_time(text, &ms) ? json_integer(ms) : NULL;
	if (!*text || strlen(text) > 18 ||
	    strspn(text, "0123456789") != strlen(text))
		return NULL;
	return json_integer(atoll(text));
}

static int add_filters(struct hf_cli *cli, json_t *request)
{
	static const char *const needs[] = {
		[FILTER_TEXT] = "text",
		[FILTER_NUMBER] = "a number",
		[FILTER_TIME] =
			"a time, such as 2h (ago), today, 2025-06-01 or \"2025-06-01 14:30\"",
	};

	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const char *text = hf_cli_option(cli, filters[i].option);
		json_t *value;

		if (!text)
			continue;
		value = filter_value(filters[i].kind, text);
		if (json_object_set_new(request, filters[i].key, value))
			return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
					   "--%s is %s, not \"%s\"",
					   filters[i].option,
					   needs[filters[i].kind], text);
	}
	return HF_EXIT_OK;
}

/* --- comma-separated values (RFC 4180) ------------------------------------ */

static void csv_text(FILE *out, const char *text)
{
	/* A spreadsheet takes these for the beginning of a formula. */
	const char *guard = *text && strchr("=+-@\t\r", *text) ? "'" : "";

	if (!strpbrk(text, ",\"\r\n") && !*guard) {
		fputs(text, out);
		return;
	}
	fprintf(out, "\"%s", guard);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

/* Times as people and spreadsheets read them. */
static void csv_time(FILE *out, json_int_t ms)
{
	time_t at = (time_t)(ms / 1000);
	char text[32] = "";
	struct tm t;

	if (localtime_r(&at, &t))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &t);
	fputs(text, out);
}

static void csv_value(FILE *out, const char *key, const json_t *value)
{
	size_t len = strlen(key);

	if (json_is_string(value))
		csv_text(out, json_string_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else if (json_is_integer(value) && len > 3 &&
		 !strcmp(key + len - 3, "_ms"))
		csv_time(out, json_integer_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		fprintf(out, "%.1f", json_real_value(value));
}

/* "call.lot": from the call, "lot": from its wait. The first line has the
 * names, without the dot and with those of times as they are printed. */
static const char *const history_columns[] = {
	"call.call", "call.began_ms", "call.ended_ms", "call.caller_number",
	"call.caller_name", "call.caller_uri", "call.private", "wait.n",
	"wait.lot", "wait.slot", "wait.parker", "wait.parked_ms",
	"wait.ended_ms", "wait.seconds", "wait.attempts", "wait.resolution",
	"wait.retriever", "call.reason", "call.user_to_user",
	"call.sip_call_id", NULL};
static const char *const act_columns[] = {
	"wall_ms", "way", "who", "uid", "origin", "act", "call", "lot", "slot",
	"result", "detail", NULL};
static const char *const figure_columns[] = {
	"hour_ms", "lot", "parks", "retrieved", "rang_back", "abandoned",
	"expired", "kicked", "lost", "ended", "waiting", "attempts",
	"seconds_average", "seconds_p50", "seconds_p95", "seconds_most", NULL};

static const char *key_of(const char *column)
{
	const char *dot = strchr(column, '.');

	return dot ? dot + 1 : column;
}

static void csv_names(FILE *out, const char *const *columns)
{
	for (int i = 0; columns[i]; i++) {
		const char *key = key_of(columns[i]);
		size_t len = strlen(key);
		bool wait = !strncmp(columns[i], "wait.", 5) &&
			    (!strcmp(key, "ended_ms") || !strcmp(key, "n"));

		if (len > 3 && !strcmp(key + len - 3, "_ms"))
			len -= 3;
		fprintf(out, "%s%s%.*s", i ? "," : "", wait ? "wait_" : "",
			(int)len, key);
	}
	fputs("\r\n", out);
}

static void csv_line(FILE *out, const char *const *columns, const json_t *call,
		     const json_t *wait)
{
	for (int i = 0; columns[i]; i++) {
		const char *key = key_of(columns[i]);
		bool of_wait = !strncmp(columns[i], "wait.", 5);

		if (i)
			fputc(',', out);
		csv_value(out, key,
			  json_object_get(of_wait ? wait : call, key));
	}
	fputs("\r\n", out);
}

/* A line for each wait: a call that was parked twice has two. */
static void print_csv(struct hf_cli *cli, const struct hf_command *command,
		      const json_t *rows)
{
	const char *const *columns =
		!strcmp(command->object, "stats")    ? figure_columns
		: !strcmp(command->command, "audit") ? act_columns
						     : history_columns;
	const json_t *waits;
	json_t *row, *wait;
	size_t i, j;

	if (columns == figure_columns && strcmp(command->command, "hours"))
		columns++;
	csv_names(cli->out, columns);
	json_array_foreach(rows, i, row)
	{
		waits = json_object_get(row, "waits");
		if (!json_array_size(waits))
			csv_line(cli->out, columns, row, NULL);
		json_array_foreach(waits, j, wait)
			csv_line(cli->out, columns, row, wait);
	}
}

int hf_cli_history(struct hf_cli *cli, const struct hf_command *command,
		   const char *arg)
{
	json_t *request, *answer = NULL;
	char name[64];
	int status;

	hf_command_name(command, name, sizeof(name));
	request = json_pack("{s:s}", "command", name);
	if (arg)
		json_object_set_new(request, command->key,
				    json_integer(atoll(arg)));
	status = add_filters(cli, request);
	if (status) {
		json_decref(request);
		return status;
	}
	status = hf_cli_ask(cli, request, &answer);
	if (!status && cli->csv && arg) {
		json_t *rows = json_pack("[O]", answer);

		print_csv(cli, command, rows);
		json_decref(rows);
	} else if (!status && cli->csv) {
		print_csv(cli, command, answer);
	} else if (!status && cli->json) {
		hf_cli_print_json(cli, answer);
	} else if (!status) {
		command->show(cli, answer);
	}
	json_decref(answer);
	return status;
}

/* --- text ------------------------------------------------------------------ */

/* "14:30:05" today, else with the date. */
static void add_time(struct hf_table *t, const json_t *row, const char *key)
{
	const json_t *ms = json_object_get(row, key);
	time_t now = time(NULL), at = (time_t)(json_integer_value(ms) / 1000);
	struct tm day, today;
	char text[32] = "";

	if (json_is_integer(ms) && localtime_r(&at, &day) &&
	    localtime_r(&now, &today))
		strftime(text, sizeof(text),
			 day.tm_yday == today.tm_yday &&
					 day.tm_year == today.tm_year
				 ? "%H:%M:%S"
				 : "%Y-%m-%d %H:%M:%S",
			 &day);
	hf_table_add(t, "%s", text);
}

static void add_seconds(struct hf_table *t, const json_t *row, const char *key)
{
	char text[32];

	hf_table_add(t, "%s",
		     hf_print_duration(text, sizeof(text),
				       json_object_get(row, key)));
}

/* "sip:1002@pbx.example.com" -> "1002@pbx.example.com" */
static void add_person(struct hf_table *t, const json_t *row, const char *key)
{
	const char *uri = hf_json_str(row, key);

	hf_table_add(t, "%s",
		     !strncmp(uri, "sip:", 4) ? uri + 4 : uri);
}

static void add_caller(struct hf_table *t, const json_t *row)
{
	const char *name = hf_json_str(row, "caller_name");
	const char *caller = hf_json_str(row, "caller_number");

	if (*name && *caller)
		hf_table_add(t, "%s <%s>", name, caller);
	else
		hf_table_add(t, "%s", *name ? name : caller);
}

static const char *ended_as(const json_t *row)
{
	const char *resolution = hf_json_str(row, "resolution");

	if (*resolution)
		return resolution;
	return json_is_null(json_object_get(row, "ended_ms")) ? "waiting" : "";
}

void hf_show_history(struct hf_cli *cli, const json_t *calls)
{
	static const char *const titles[] = {
		">CALL",  "BEGAN",    "LOT", ">SLOT",	"CALLER",    "PARKER",
		">WAITED", ">PARKS", "ENDED AS", "RETRIEVER", NULL};
	struct hf_table t;
	json_t *c;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(calls, i, c)
	{
		hf_table_add(&t, "%lld", hf_json_num(c, "call"));
		add_time(&t, c, "began_ms");
		hf_table_add(&t, "%s", hf_json_str(c, "lot"));
		hf_table_add(&t, "%s", hf_json_str(c, "slot"));
		add_caller(&t, c);
		add_person(&t, c, "parker");
		add_seconds(&t, c, "seconds_parked");
		hf_table_add(&t, "%lld", hf_json_num(c, "parks"));
		hf_table_add(&t, "%s", ended_as(c));
		add_person(&t, c, "retriever");
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

static void show_waits(struct hf_cli *cli, const json_t *waits)
{
	static const char *const titles[] = {
		">WAIT",   "PARKED",	"LOT",	    ">SLOT",	 "PARKER",
		">WAITED", ">ATTEMPTS", "ENDED AS", "RETRIEVER", NULL};
	struct hf_table t;
	json_t *w;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(waits, i, w)
	{
		hf_table_add(&t, "%lld", hf_json_num(w, "n"));
		add_time(&t, w, "parked_ms");
		hf_table_add(&t, "%s", hf_json_str(w, "lot"));
		hf_table_add(&t, "%s", hf_json_str(w, "slot"));
		add_person(&t, w, "parker");
		add_seconds(&t, w, "seconds");
		hf_table_add(&t, "%lld", hf_json_num(w, "attempts"));
		hf_table_add(&t, "%s", ended_as(w));
		add_person(&t, w, "retriever");
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_acts(struct hf_cli *cli, const json_t *acts)
{
	static const char *const titles[] = {"TIME", "WHO",   "FROM",
					     "BY",   "ACT",   ">CALL",
					     ">SLOT", "RESULT", "DETAIL", NULL};
	struct hf_table t;
	json_t *a;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(acts, i, a)
	{
		const json_t *uid = json_object_get(a, "uid");

		add_time(&t, a, "wall_ms");
		if (!*hf_json_str(a, "who") && json_is_integer(uid))
			hf_table_add(&t, "uid %lld",
				     (long long)json_integer_value(uid));
		else
			add_person(&t, a, "who");
		hf_table_add(&t, "%s", hf_json_str(a, "origin"));
		hf_table_add(&t, "%s", hf_json_str(a, "way"));
		hf_table_add(&t, "%s", hf_json_str(a, "act"));
		if (json_is_integer(json_object_get(a, "call")))
			hf_table_add(&t, "%lld", hf_json_num(a, "call"));
		else
			hf_table_add(&t, "%s", "");
		hf_table_add(&t, "%s", hf_json_str(a, "slot"));
		hf_table_add(&t, "%s", hf_json_str(a, "result"));
		hf_table_add(&t, "%s", hf_json_str(a, "detail"));
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_record(struct hf_cli *cli, const json_t *call)
{
	static const char *const line[][2] = {
		{"caller", "caller_number"}, {"name", "caller_name"},
		{"uri", "caller_uri"},	     {"rule", "rule"},
		{"ended as", "resolution"},  {"reason", "reason"},
		{"call-id", "sip_call_id"},  {"user-to-user", "user_to_user"},
	};
	json_t *one = json_pack("[O]", call);

	hf_show_history(cli, one);
	json_decref(one);
	fputc('\n', cli->out);
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++) {
		const char *text = hf_json_str(call, line[i][1]);

		if (!*text)
			continue;
		fprintf(cli->out, "%-14s", line[i][0]);
		hf_print_safe(cli->out, text);
		fputc('\n', cli->out);
	}
	fputc('\n', cli->out);
	show_waits(cli, json_object_get(call, "waits"));
	fputc('\n', cli->out);
	hf_show_acts(cli, json_object_get(call, "acts"));
}

void hf_show_figures(struct hf_cli *cli, const json_t *rows)
{
	static const char *const titles[] = {
		"HOUR",	      "LOT",	   ">PARKS",   ">RETRIEVED",
		">RANG BACK", ">ABANDONED", ">OTHER",   ">WAITING",
		">AVERAGE",   ">P95",	   ">LONGEST", NULL};
	bool hours = json_object_get(json_array_get(rows, 0), "hour_ms");
	struct hf_table t;
	json_t *r;
	size_t i;

	hf_table_init(&t, titles + !hours);
	json_array_foreach(rows, i, r)
	{
		json_t *average = json_integer((json_int_t)json_number_value(
			json_object_get(r, "seconds_average")));
		char text[32];

		if (hours)
			add_time(&t, r, "hour_ms");
		hf_table_add(&t, "%s", hf_json_str(r, "lot"));
		hf_table_add(&t, "%lld", hf_json_num(r, "parks"));
		hf_table_add(&t, "%lld", hf_json_num(r, "retrieved"));
		hf_table_add(&t, "%lld", hf_json_num(r, "rang_back"));
		hf_table_add(&t, "%lld", hf_json_num(r, "abandoned"));
		hf_table_add(&t, "%lld",
			     hf_json_num(r, "expired") +
				     hf_json_num(r, "kicked") +
				     hf_json_num(r, "lost") +
				     hf_json_num(r, "ended"));
		hf_table_add(&t, "%lld", hf_json_num(r, "waiting"));
		hf_table_add(&t, "%s",
			     hf_print_duration(text, sizeof(text), average));
		json_decref(average);
		add_seconds(&t, r, "seconds_p95");
		add_seconds(&t, r, "seconds_most");
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}
