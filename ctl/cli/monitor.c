// SPDX-License-Identifier: GPL-2.0-or-later
/* Events as they happen: a line each, as text or as the JSON that came. */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "internal.h"
#include "table.h"

static const char *string(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

static json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_event(struct hf_cli *cli, const json_t *event)
{
	json_int_t wall_ms = number(event, "wall_ms");
	time_t seconds = (time_t)(wall_ms / 1000);
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	fprintf(cli->out, "%s.%03d #%lld %s%-14s%s ", when,
		(int)(wall_ms % 1000), (long long)number(event, "number"),
		cli->colour ? "\033[1m" : "", string(event, "event"),
		cli->colour ? "\033[0m" : "");
	hf_print_safe(cli->out, string(event, "text"));
	fputc('\n', cli->out);
}

/* The daemon says which events it knows; a wrong name would wait for ever. */
static int check_until(struct hf_cli *cli, const json_t *hello)
{
	const json_t *names = json_object_get(hello, "events"), *name;
	char known[1024] = "";
	size_t i, used = 0;

	if (!cli->until)
		return HF_EXIT_OK;
	json_array_foreach(names, i, name) {
		const char *n = json_string_value(name);

		if (!n)
			continue;
		if (!strcmp(n, cli->until))
			return HF_EXIT_OK;
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used,
						 sizeof(known) - used, "%s%s",
						 used ? ", " : "", n);
	}
	return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
			   "there is no event \"%s\"; there are: %s",
			   cli->until, known);
}

/* The first line: from which event on, so that a script knows it is heard. */
static int take_hello(struct hf_cli *cli)
{
	struct timeval for_ever = { 0 };
	const json_t *hello;
	json_t *line;
	int status = hf_cli_receive(cli, &line);

	if (status)
		return status;
	hello = json_object_get(line, "hello");
	if (hf_cli_is_error(cli, line))
		status = HF_EXIT_FAILED;
	else
		status = check_until(cli, hello);
	if (!status && cli->json)
		hf_cli_print_json(cli, line);
	else if (!status)
		fprintf(cli->out,
			"listening to holdfastd %s, instance %s, after event #%lld\n",
			string(hello, "version"), string(hello, "instance"),
			(long long)number(hello, "last_event"));
	fflush(cli->out);
	json_decref(line);
	setsockopt(cli->fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever,
		   sizeof(for_ever));
	return status;
}

static int take_events(struct hf_cli *cli)
{
	for (long seen = 0;;) {
		json_t *event;
		bool enough;
		int status = hf_cli_receive(cli, &event);

		if (status)
			return status;
		if (json_object_get(event, "lost")) {
			status = hf_cli_fail(
				cli, HF_EXIT_FAILED, "lost",
				"%lld events are lost: they were not read fast enough; see holdfastctl slot list",
				(long long)number(event, "lost"));
			json_decref(event);
			return status;
		}
		if (cli->json)
			hf_cli_print_json(cli, event);
		else
			print_event(cli, event);
		fflush(cli->out);
		enough = (cli->count && ++seen >= cli->count) ||
			 (cli->until &&
			  !strcmp(cli->until, string(event, "event"))) ||
			 ferror(cli->out);
		json_decref(event);
		if (enough)
			return HF_EXIT_OK;
	}
}

int hf_cli_monitor(struct hf_cli *cli, const struct hf_command *command,
		   const char *arg)
{
	int status = hf_cli_connect(cli);

	if (!status)
		status = hf_cli_send(cli, json_pack("{s:s}", "command",
						    command->object));
	if (!status)
		status = take_hello(cli);
	if (!status)
		status = take_events(cli);
	hf_cli_disconnect(cli);
	return status;
}
