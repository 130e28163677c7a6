// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events as they happen: a line each, as text or as the JSON that came. By
 * netlink where that is permitted and the daemon is in our network namespace:
 * then a slow reader is told what it missed and goes on. Else over the control
 * socket, which ends for a slow reader.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "internal.h"
#include "netlink.h"
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

	if (!hf_cli_option(cli, "until"))
		return HF_EXIT_OK;
	json_array_foreach(names, i, name) {
		const char *n = json_string_value(name);

		if (!n)
			continue;
		if (!strcmp(n, hf_cli_option(cli, "until")))
			return HF_EXIT_OK;
		if (used < sizeof(known))
			used += (size_t)snprintf(known + used,
						 sizeof(known) - used, "%s%s",
						 used ? ", " : "", n);
	}
	return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
			   "there is no event \"%s\"; there are: %s",
			   hf_cli_option(cli, "until"), known);
}

/* The first line: from which event on, so that a script knows it is heard. */
static int take_hello(struct hf_cli *cli, struct hf_netlink_reader **r,
		      json_int_t *ret_last, char *instance, size_t len)
{
	struct timeval for_ever = { 0 };
	const char *source;
	const json_t *hello;
	json_t *line;
	int status = hf_cli_receive(cli, &line);

	if (status)
		return status;
	hello = json_object_get(line, "hello");
	*ret_last = number(hello, "last_event");
	snprintf(instance, len, "%s", string(hello, "instance"));
	/* A daemon that sends none: the socket has them. */
	if (*r && !json_is_true(json_object_get(hello, "netlink"))) {
		hf_netlink_reader_close(*r);
		*r = NULL;
	}
	source = *r ? hf_netlink_reader_source(*r) : "control socket";
	json_object_set_new(json_object_get(line, "hello"), "source",
			    json_string(source));
	if (hf_cli_is_error(cli, line))
		status = HF_EXIT_FAILED;
	else
		status = check_until(cli, hello);
	if (!status && cli->json)
		hf_cli_print_json(cli, line);
	else if (!status)
		fprintf(cli->out,
			"listening to holdfastd %s, instance %s, after event #%lld (%s)\n",
			string(hello, "version"), string(hello, "instance"),
			(long long)*ret_last, source);
	fflush(cli->out);
	json_decref(line);
	setsockopt(cli->fd, SOL_SOCKET, SO_RCVTIMEO, &for_ever,
		   sizeof(for_ever));
	return status;
}

/* Prints it. True if that was the last to be seen. */
static bool show_event(struct hf_cli *cli, const json_t *event, long *seen)
{
	if (cli->json)
		hf_cli_print_json(cli, event);
	else
		print_event(cli, event);
	fflush(cli->out);
	return (cli->count && ++*seen >= cli->count) ||
	       (hf_cli_option(cli, "until") && !strcmp(hf_cli_option(cli, "until"), string(event, "event"))) ||
	       ferror(cli->out);
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
		enough = show_event(cli, event, &seen);
		json_decref(event);
		if (enough)
			return HF_EXIT_OK;
	}
}

static int ask(struct hf_cli *cli, const char *command, json_t **ret)
{
	int status = hf_cli_send(cli, json_pack("{s:s}", "command", command));

	if (!status)
		status = hf_cli_receive(cli, ret);
	if (!status && hf_cli_is_error(cli, *ret)) {
		json_decref(*ret);
		status = HF_EXIT_FAILED;
	}
	return status;
}

/*
 * Events are missing up to the newest one: say how many, and how things stand.
 * Those still in the queue are older than the table and are passed over.
 */
static int say_lost(struct hf_cli *cli, json_int_t *last)
{
	json_t *status_of = NULL, *slots = NULL, *lost;
	int status = ask(cli, "status", &status_of);
	json_int_t newest = number(status_of, "last_event");

	json_decref(status_of);
	if (!status)
		status = ask(cli, "slot list", &slots);
	if (status)
		return status;
	lost = json_pack("{s:I,s:o}", "lost", newest - *last, "slots", slots);
	if (cli->json) {
		hf_cli_print_json(cli, lost);
	} else {
		fprintf(cli->out,
			"lost: %lld events were not read fast enough; now:\n",
			(long long)(newest - *last));
		hf_show_slots(cli, slots);
	}
	fflush(cli->out);
	json_decref(lost);
	*last = newest;
	return HF_EXIT_OK;
}

/* What has come: HF_EXIT_OK and *enough, or what went wrong. */
static int take_queue(struct hf_cli *cli, struct hf_netlink_reader *r,
		      const char *instance, uid_t owner, json_int_t *last,
		      long *seen, bool *enough)
{
	bool overrun = false;
	json_t *event;
	int status = HF_EXIT_OK;

	while (!*enough && !status &&
	       (event = hf_netlink_reader_next(r, instance, owner, &overrun))) {
		json_int_t n = number(event, "number");

		if (overrun || n > *last + 1)
			status = say_lost(cli, last);
		overrun = false;
		if (!status && n > *last) {
			*last = n;
			*enough = show_event(cli, event, seen);
		}
		json_decref(event);
	}
	if (overrun && !status)
		status = say_lost(cli, last);
	return status;
}

/* `cli` has an idle connection to the daemon; it ends when the daemon does. */
static int take_netlink(struct hf_cli *cli, struct hf_netlink_reader *r,
			const char *instance, uid_t owner, json_int_t last)
{
	bool enough = false;
	long seen = 0;
	int status = HF_EXIT_OK;

	while (!status && !enough) {
		struct pollfd p[HF_NETLINK_READER_FDS + 1];
		struct pollfd *daemon = p + HF_NETLINK_READER_FDS;
		json_t *end;

		hf_netlink_reader_poll(r, p);
		*daemon = (struct pollfd){ .fd = cli->fd, .events = POLLIN };
		if (poll(p, HF_NETLINK_READER_FDS + 1, -1) < 0 &&
		    errno != EINTR)
			return HF_EXIT_FAILED;
		status = take_queue(cli, r, instance, owner, &last, &seen,
				    &enough);
		if (!status && !enough && daemon->revents)
			status = hf_cli_receive(cli, &end);
	}
	return status;
}

/* Netlink does not cross network namespaces: is the daemon in ours? */
static bool same_namespace(const struct hf_cli *cli, uid_t *ret_owner)
{
	struct ucred daemon;
	socklen_t len = sizeof(daemon);
	struct stat here, there;
	char path[64];

	if (getsockopt(cli->fd, SOL_SOCKET, SO_PEERCRED, &daemon, &len))
		return false;
	*ret_owner = daemon.uid;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)daemon.pid);
	return !stat("/proc/self/ns/net", &here) && !stat(path, &there) &&
	       here.st_ino == there.st_ino;
}

int hf_cli_monitor(struct hf_cli *cli, const struct hf_command *command,
		   const char *arg)
{
	struct hf_netlink_reader *r = NULL;
	char name[64] = ""; /* of the instance: the daemon knows it */
	json_int_t last = 0;
	uid_t owner = 0;
	int status = hf_cli_connect(cli);

	/* Joined before the hello, so that nothing falls in between. */
	if (!status && same_namespace(cli, &owner))
		r = hf_netlink_reader_open();
	if (!status)
		status = hf_cli_send(cli, json_pack("{s:s}", "command",
						    command->object));
	if (!status)
		status = take_hello(cli, &r, &last, name, sizeof(name));
	if (!status && r) {
		hf_cli_disconnect(cli);
		status = hf_cli_connect(cli);
	}
	if (!status)
		status = r ? take_netlink(cli, r, name, owner, last) :
			     take_events(cli);
	hf_netlink_reader_close(r);
	hf_cli_disconnect(cli);
	return status;
}
