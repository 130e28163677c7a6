// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text form of every answer. What is printed is the JSON that -j prints,
 * arranged for a person; table.c aligns it.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "table.h"

const char *hf_json_str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

long long hf_json_num(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *hf_print_duration(char *text, size_t len, const json_t *seconds)
{
	long long s = json_integer_value(seconds);

	text[0] = '\0';
	if (!json_is_integer(seconds))
		return text;
	if (s >= 3600)
		snprintf(text, len, "%lld:%02lld:%02lld", s / 3600,
			 s / 60 % 60, s % 60);
	else
		snprintf(text, len, "%lld:%02lld", s / 60, s % 60);
	return text;
}

static void add_number(struct hf_table *t, bool known, long long n)
{
	if (known)
		hf_table_add(t, "%lld", n);
	else
		hf_table_add(t, "%s", "");
}

static void add_duration(struct hf_table *t, const json_t *object,
			 const char *key, bool known)
{
	char text[32] = "";

	if (known)
		hf_print_duration(text, sizeof(text), json_object_get(object, key));
	hf_table_add(t, "%s", text);
}

/* "Alice <1001>", "Alice", "1001". */
static void add_caller(struct hf_table *t, const json_t *object)
{
	const char *name = hf_json_str(object, "caller_name");
	const char *caller = hf_json_str(object, "caller_number");

	if (*name && *caller)
		hf_table_add(t, "%s <%s>", name, caller);
	else
		hf_table_add(t, "%s", *name ? name : caller);
}

static void add_address(struct hf_table *t, const json_t *object,
			const char *address, const char *port)
{
	const char *host = hf_json_str(object, address);

	if (!*host)
		hf_table_add(t, "%s", "");
	else
		hf_table_add(t, strchr(host, ':') ? "[%s]:%lld" : "%s:%lld",
			     host, hf_json_num(object, port));
}

static void print_line(struct hf_cli *cli, const char *label, const char *text)
{
	fprintf(cli->out, "%-11s", label);
	hf_print_safe(cli->out, text);
	fputc('\n', cli->out);
}

static void show_listeners(struct hf_cli *cli, const json_t *status)
{
	char text[160];
	json_t *l;
	size_t i;

	json_array_foreach(json_object_get(status, "listen"), i, l) {
		const char *host = hf_json_str(l, "address");

		snprintf(text, sizeof(text),
			 strchr(host, ':') ? "%s [%s]:%lld" : "%s %s:%lld",
			 hf_json_str(l, "transport"), host, hf_json_num(l, "port"));
		print_line(cli, "listening", text);
	}
}

static void show_media(struct hf_cli *cli, const json_t *status)
{
	char text[512];
	json_t *d;
	size_t i;

	snprintf(text, sizeof(text), "%s (%s)", hf_json_str(status, "engine"),
		 hf_json_str(status, "engine_reason"));
	print_line(cli, "engine", text);
	print_line(cli, "sender",
		   json_is_true(json_object_get(status, "sender_alive")) ?
			   "alive" :
			   "NOT ALIVE: callers that send nothing hear nothing");
	json_array_foreach(json_object_get(status, "devices"), i, d) {
		snprintf(text, sizeof(text), "%s, XDP %s", hf_json_str(d, "device"),
			 hf_json_str(d, "xdp"));
		print_line(cli, "device", text);
	}
	snprintf(text, sizeof(text), "%lld of %lld in use",
		 hf_json_num(status, "legs_open"), hf_json_num(status, "legs"));
	print_line(cli, "legs", text);
	snprintf(text, sizeof(text), "%lld of %lld in use",
		 hf_json_num(status, "frames_used"), hf_json_num(status, "frames"));
	print_line(cli, "frames", text);
}

static void show_totals(struct hf_cli *cli, const json_t *totals)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "%lld parked, %lld picked up, %lld rang back, %lld abandoned, %lld refused",
		 hf_json_num(totals, "parks"), hf_json_num(totals, "retrieved"),
		 hf_json_num(totals, "rang_back"), hf_json_num(totals, "abandoned"),
		 hf_json_num(totals, "refused"));
	print_line(cli, "so far", text);
}

static void show_lamps(struct hf_cli *cli, const json_t *lamps)
{
	char text[256];

	if (!json_is_object(lamps))
		return;
	snprintf(text, sizeof(text),
		 "%lld watched, %lld do not answer; %lld changes, %lld sent, %lld lost",
		 hf_json_num(lamps, "subscriptions"), hf_json_num(lamps, "probing"),
		 hf_json_num(lamps, "changes"), hf_json_num(lamps, "notifies"),
		 hf_json_num(lamps, "lost"));
	print_line(cli, "lamps", text);
}

/* Only where there are some. */
static void show_registered(struct hf_cli *cli, const json_t *r)
{
	char text[96];

	if (!hf_json_num(r, "total"))
		return;
	snprintf(text, sizeof(text), "%lld of %lld registrars",
		 hf_json_num(r, "registered"), hf_json_num(r, "total"));
	print_line(cli, "registered", text);
}

void hf_show_status(struct hf_cli *cli, const json_t *status)
{
	const json_t *calls = json_object_get(status, "calls");
	char text[256], up[32];
	json_t *lot;
	size_t i;

	hf_print_duration(up, sizeof(up), json_object_get(status, "uptime_s"));
	snprintf(text, sizeof(text), "%s, instance %s, pid %lld, up %s",
		 hf_json_str(status, "version"), hf_json_str(status, "instance"),
		 hf_json_num(status, "pid"), up);
	print_line(cli, "holdfastd", text);
	print_line(cli, "config", hf_json_str(status, "config"));
	show_listeners(cli, status);
	show_registered(cli, json_object_get(status, "registrations"));
	show_media(cli, status);
	snprintf(text, sizeof(text),
		 "%lld: %lld parked, %lld ringing back, %lld talking",
		 hf_json_num(calls, "total"), hf_json_num(calls, "parked"),
		 hf_json_num(calls, "recalling"), hf_json_num(calls, "relayed"));
	print_line(cli, "calls", text);
	json_array_foreach(json_object_get(status, "lots"), i, lot) {
		snprintf(text, sizeof(text),
			 "%s, park at %s, %lld of %lld slots free",
			 hf_json_str(lot, "lot"), hf_json_str(lot, "park"),
			 hf_json_num(lot, "slots_free"), hf_json_num(lot, "slots"));
		print_line(cli, "lot", text);
	}
	show_lamps(cli, json_object_get(status, "lamps"));
	show_totals(cli, json_object_get(status, "totals"));
}

bool hf_json_any(const json_t *rows, const char *key)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (*hf_json_str(row, key))
			return true;
	return false;
}

void hf_show_slots(struct hf_cli *cli, const json_t *slots)
{
	static const char *const titles[] = { "TENANT", "LOT",	">SLOT",     "LABEL",
					      "STATE",	">CALL",     "CALLER",
					      "PARKER", ">WAITING", ">RINGS IN",
					      NULL };
	bool tenants = hf_json_any(slots, "tenant");
	struct hf_table t;
	json_t *s;
	size_t i;

	hf_table_init(&t, tenants ? titles : titles + 1);
	json_array_foreach(slots, i, s) {
		bool taken = hf_json_num(s, "call") != 0;

		if (tenants)
			hf_table_add(&t, "%s", hf_json_str(s, "tenant"));
		hf_table_add(&t, "%s", hf_json_str(s, "lot"));
		hf_table_add(&t, "%s", hf_json_str(s, "slot"));
		hf_table_add(&t, "%s", hf_json_str(s, "label"));
		hf_table_add(&t, "%s", hf_json_str(s, "state"));
		add_number(&t, taken, hf_json_num(s, "call"));
		add_caller(&t, s);
		hf_table_add(&t, "%s", hf_json_str(s, "parker"));
		add_duration(&t, s, "seconds_parked", taken);
		add_duration(&t, s, "seconds_to_recall", taken);
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_calls(struct hf_cli *cli, const json_t *calls)
{
	static const char *const titles[] = { ">CALL",	   "STATE",  "LOT",
					      ">SLOT",	   "CALLER", "PARKER",
					      "RETRIEVER", ">AGE",   ">WAITING",
					      NULL };
	struct hf_table t;
	json_t *c;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(calls, i, c) {
		hf_table_add(&t, "%lld", hf_json_num(c, "call"));
		hf_table_add(&t, "%s", hf_json_str(c, "state"));
		hf_table_add(&t, "%s", hf_json_str(c, "lot"));
		hf_table_add(&t, "%s", hf_json_str(c, "slot"));
		add_caller(&t, c);
		hf_table_add(&t, "%s", hf_json_str(c, "parker"));
		hf_table_add(&t, "%s", hf_json_str(c, "retriever"));
		add_duration(&t, c, "seconds", true);
		add_duration(&t, c, "seconds_parked", true);
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

/* One cell a figure: "leg" first, then the addresses, then the counts. */
static const char *const leg_titles[] = { ">LEG",	"MODE",	   "LOCAL",
					  "REMOTE",	"SSRC",	   ">IN",
					  ">HOLD SENT", ">TURNED", ">SKIPPED",
					  ">RELAYED",	">DROPPED", ">IDLE ms",
					  NULL };

static void add_leg(struct hf_table *t, long long leg, const json_t *m)
{
	const json_t *idle = json_object_get(m, "idle_ms");

	hf_table_add(t, "%lld", leg);
	hf_table_add(t, "%s", hf_json_str(m, "mode"));
	add_address(t, m, "local_address", "local_port");
	add_address(t, m, "remote_address", "remote_port");
	hf_table_add(t, "%08llx", hf_json_num(m, "ssrc"));
	hf_table_add(t, "%lld", hf_json_num(m, "packets_in"));
	hf_table_add(t, "%lld", hf_json_num(m, "hold_sent"));
	hf_table_add(t, "%lld", hf_json_num(m, "hold_turned"));
	hf_table_add(t, "%lld", hf_json_num(m, "hold_skipped"));
	hf_table_add(t, "%lld", hf_json_num(m, "relayed_out"));
	hf_table_add(t, "%lld", hf_json_num(m, "dropped"));
	add_number(t, json_is_integer(idle), json_integer_value(idle));
}

static void show_parties(struct hf_cli *cli, const json_t *parties)
{
	static const char *const titles[] = { "PARTY", "IDENTITY", "STATE",
					      "CODEC", ">LEG", "SIP CALL-ID",
					      NULL };
	struct hf_table t, legs;
	const json_t *leg;
	json_t *p;
	size_t i;

	hf_table_init(&t, titles);
	hf_table_init(&legs, leg_titles);
	json_array_foreach(parties, i, p) {
		leg = json_object_get(p, "leg");
		hf_table_add(&t, "%s", hf_json_str(p, "role"));
		hf_table_add(&t, "%s", hf_json_str(p, "identity"));
		hf_table_add(&t, "%s", hf_json_str(p, "state"));
		hf_table_add(&t, "%s", hf_json_str(p, "codec"));
		add_number(&t, json_is_integer(leg), json_integer_value(leg));
		hf_table_add(&t, "%s", hf_json_str(p, "sip_call_id"));
		if (json_is_object(json_object_get(p, "media")))
			add_leg(&legs, hf_json_num(p, "leg"),
				json_object_get(p, "media"));
	}
	fputc('\n', cli->out);
	hf_table_print(&t, cli->out, 0, cli->colour);
	fputc('\n', cli->out);
	hf_table_print(&legs, cli->out, 0, cli->colour);
}

static void print_seconds(struct hf_cli *cli, const char *label,
			  const json_t *call, const char *key)
{
	char text[32];

	if (json_is_integer(json_object_get(call, key)))
		print_line(cli, label,
			   hf_print_duration(text, sizeof(text),
				    json_object_get(call, key)));
}

void hf_show_call(struct hf_cli *cli, const json_t *call)
{
	static const char *const line[][2] = {
		{ "caller", "caller_number" }, { "name", "caller_name" },
		{ "parker", "parker" },	       { "retriever", "retriever" },
		{ "rule", "rule" },	       { "routing", "routing" },
		{ "only for", "only" },
	};
	char text[256];

	snprintf(text, sizeof(text), "%lld, %s", hf_json_num(call, "call"),
		 hf_json_str(call, "state"));
	print_line(cli, "call", text);
	snprintf(text, sizeof(text), "%s %s", hf_json_str(call, "lot"),
		 hf_json_str(call, "slot"));
	print_line(cli, "slot", text);
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		if (*hf_json_str(call, line[i][1]))
			print_line(cli, line[i][0], hf_json_str(call, line[i][1]));
	print_seconds(cli, "age", call, "seconds");
	print_seconds(cli, "waiting", call, "seconds_parked");
	print_seconds(cli, "rings in", call, "seconds_to_recall");
	snprintf(text, sizeof(text), "parked %lld times, recall attempt %lld",
		 hf_json_num(call, "park_count"), hf_json_num(call, "attempt"));
	print_line(cli, "history", text);
	show_parties(cli, json_object_get(call, "parties"));
}

void hf_show_legs(struct hf_cli *cli, const json_t *legs)
{
	struct hf_table t;
	json_t *leg;
	size_t i;

	hf_table_init(&t, leg_titles);
	json_array_foreach(legs, i, leg)
		add_leg(&t, hf_json_num(leg, "leg"), leg);
	hf_table_print(&t, cli->out, 0, cli->colour);
}

/* Keys and values below each other, as they are in the JSON. */
void hf_show_leg(struct hf_cli *cli, const json_t *leg)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)leg, key, value) {
		fprintf(cli->out, "%-18s", key);
		if (json_is_string(value))
			hf_print_safe(cli->out, json_string_value(value));
		else if (!strcmp(key, "ssrc"))
			fprintf(cli->out, "%08llx",
				(long long)json_integer_value(value));
		else if (json_is_integer(value))
			fprintf(cli->out, "%lld",
				(long long)json_integer_value(value));
		else
			fputc('-', cli->out);
		fputc('\n', cli->out);
	}
}

void hf_show_subscriptions(struct hf_cli *cli, const json_t *subscriptions)
{
	static const char *const titles[] = { "WATCHER",  ">NUMBER",   "KIND",
					      "EVENT",	  "STATE",     ">SENT",
					      ">FAILED", ">EXPIRES IN", NULL };
	struct hf_table t;
	json_t *s;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(subscriptions, i, s) {
		hf_table_add(&t, "%s", hf_json_str(s, "watcher"));
		hf_table_add(&t, "%s", hf_json_str(s, "number"));
		hf_table_add(&t, "%s", hf_json_str(s, "kind"));
		hf_table_add(&t, "%s", hf_json_str(s, "event"));
		hf_table_add(&t, "%s", hf_json_str(s, "state"));
		hf_table_add(&t, "%lld", hf_json_num(s, "notifies"));
		hf_table_add(&t, "%lld", hf_json_num(s, "failures"));
		add_duration(&t, s, "expires_s", true);
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_registrations(struct hf_cli *cli, const json_t *list)
{
	static const char *const titles[] = { "AOR",	     "REGISTRAR",
					      "STATE",	     ">EXPIRES IN",
					      ">RETRIED IN", "REASON", NULL };
	struct hf_table t;
	json_t *r;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(list, i, r) {
		hf_table_add(&t, "%s", hf_json_str(r, "aor"));
		hf_table_add(&t, "%s", hf_json_str(r, "registrar"));
		hf_table_add(&t, "%s", hf_json_str(r, "state"));
		add_duration(&t, r, "expires_s", true);
		add_duration(&t, r, "retry_s", true);
		hf_table_add(&t, "%s", hf_json_str(r, "reason"));
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_stats(struct hf_cli *cli, const json_t *stats)
{
	static const char *const titles[] = { "COUNTER", ">VALUE", NULL };
	struct hf_table t;
	const char *key;
	json_t *value;

	hf_table_init(&t, titles);
	json_object_foreach(json_object_get(stats, "totals"), key, value) {
		hf_table_add(&t, "calls %s", key);
		hf_table_add(&t, "%lld", (long long)json_integer_value(value));
	}
	json_object_foreach(json_object_get(stats, "counters"), key, value) {
		hf_table_add(&t, "packets %s", key);
		hf_table_add(&t, "%lld", (long long)json_integer_value(value));
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

void hf_show_act(struct hf_cli *cli, const json_t *answer)
{
	fprintf(cli->out, "call %lld: %s\n",
		(long long)json_integer_value(json_object_get(answer, "call")),
		json_string_value(json_object_get(answer, "did")));
}

void hf_show_drain(struct hf_cli *cli, const json_t *answer)
{
	fprintf(cli->out, "%s\n",
		json_is_true(json_object_get(answer, "draining")) ?
			"draining: new calls get 503" :
			"new calls are taken");
}

void hf_show_reload(struct hf_cli *cli, const json_t *answer)
{
	const char *note = hf_json_str(answer, "note");

	fprintf(cli->out, "in force%s%s\n", *note ? ": " : "", note);
}
