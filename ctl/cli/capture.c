// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfastctl leg capture: asks the daemon where the leg is, and then looks
 * itself (ctl/capture), with the rights of who runs it, into a file of theirs.
 * Bounded by packets and seconds; what is in the file when it ends for whatever
 * reason can be read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture.h"
#include "internal.h"

#define DEFAULT_SECONDS 60
#define MAX_SECONDS	3600
#define DEFAULT_PACKETS 10000
#define MAX_PACKETS	1000000

struct taking {
	struct hf_cli *cli;
	struct hf_capture *capture;
	FILE *file;
	const char *name; /* of the file, "-" */
	bool made;	  /* by us: to be removed if nothing came of it */
	int64_t wall_ns;  /* to be added to CLOCK_MONOTONIC */
	long packets, limit;
	long in, out;
	int error; /* of the file */
	bool module; /* the kernel module paces this leg's frames */
};

/* They go from the module straight to the driver's queue. */
static const char module_note[] =
	"frames that the kernel module paces are not in it: they pass no place where they can be seen; with media.pacer: bpf they do";

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* 0 or the exit status. */
static int number_of(struct hf_cli *cli, const char *option, long standard,
		     long max, long *ret)
{
	const char *text = hf_cli_option(cli, option);
	char *end = NULL;

	*ret = text ? strtol(text, &end, 10) : standard;
	if (!text || (end != text && !*end && *ret >= 1 && *ret <= max))
		return HF_EXIT_OK;
	return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
			   "--%s is a number from 1 to %ld, not %s", option,
			   max, text);
}

/* Who paces is of the moment; nothing is failed for want of it. */
static bool module_paces(struct hf_cli *cli, const struct hf_capture_leg *l)
{
	json_t *status = NULL;
	bool is;

	if (l->family != 4 ||
	    hf_cli_ask(cli, json_pack("{s:s}", "command", "status"), &status)) {
		json_decref(status);
		return false;
	}
	is = !strcmp(hf_json_str(status, "engine"), "kmod");
	json_decref(status);
	return is;
}

static int leg_of(struct hf_cli *cli, const char *arg, struct hf_capture_leg *l)
{
	json_t *answer = NULL;
	const char *address;
	int status;

	status = hf_cli_ask(cli,
			    json_pack("{s:s,s:I}", "command", "leg show", "leg",
				      (json_int_t)atoll(arg)),
			    &answer);
	if (status) {
		json_decref(answer);
		return status;
	}
	address = json_string_value(json_object_get(answer, "local_address"));
	memset(l, 0, sizeof(*l));
	l->port = (uint16_t)json_integer_value(
		json_object_get(answer, "local_port"));
	if (address && inet_pton(AF_INET, address, l->address) == 1)
		l->family = 4;
	else if (address && inet_pton(AF_INET6, address, l->address) == 1)
		l->family = 6;
	json_decref(answer);
	if (l->family)
		return HF_EXIT_OK;
	return hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
			   "leg %s has no address: it sends and hears nothing",
			   arg);
}

static int open_file(struct taking *t)
{
	int fd;

	if (!strcmp(t->name, "-")) {
		t->file = t->cli->out;
		if (t->cli->json || isatty(STDOUT_FILENO))
			return hf_cli_fail(t->cli, HF_EXIT_USAGE, "usage",
					   "--file - needs a pipe or a file behind it, and goes without --json");
		return HF_EXIT_OK;
	}
	fd = open(t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	t->file = fd < 0 ? NULL : fdopen(fd, "w");
	t->made = t->file;
	if (t->file)
		return HF_EXIT_OK;
	return hf_cli_fail(t->cli, HF_EXIT_FAILED, "failed",
			   errno == EEXIST ?
				   "%s is there already (%s): name another file with --file, or remove it" :
				   "%s cannot be made: %s",
			   t->name, strerror(errno));
}

static void on_packet(void *arg, const struct hf_captured *c)
{
	struct taking *t = arg;

	if (t->error || t->packets >= t->limit)
		return;
	t->error = hf_pcapng_packet(t->file, c,
				    c->at_ns + (uint64_t)t->wall_ns);
	if (t->error)
		return;
	t->packets++;
	*(c->out ? &t->out : &t->in) += 1;
}

/* Until the limits, a signal, or a file that takes no more. */
static void take(struct taking *t, long seconds)
{
	int64_t end = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000LL;
	struct pollfd p[2] = {{.fd = hf_capture_fd(t->capture), .events = POLLIN},
			      {.events = POLLIN}};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
	while (!t->error && t->packets < t->limit && !p[1].revents) {
		int64_t left = (end - clock_ns(CLOCK_MONOTONIC)) / 1000000;

		if (left <= 0)
			break;
		poll(p, 2, (int)left + 1);
		hf_capture_read(t->capture);
		if (!t->error && fflush(t->file))
			t->error = -errno;
	}
	if (p[1].fd >= 0)
		close(p[1].fd);
}

static int finish(struct taking *t, const char *leg)
{
	long lost = (long)hf_capture_lost(t->capture);
	FILE *to = t->file == t->cli->out ? t->cli->err : t->cli->out;

	if (t->made && fclose(t->file) && !t->error)
		t->error = -errno;
	if (t->error)
		return hf_cli_fail(t->cli, HF_EXIT_FAILED, "failed",
				   "%s cannot be written: %s; the first %ld packets are in it",
				   t->name, strerror(-t->error), t->packets);
	if (t->cli->json) {
		json_t *o = json_pack("{s:I,s:s,s:I,s:I,s:I,s:I,s:s?}", "leg",
				      (json_int_t)atoll(leg), "file", t->name,
				      "packets", (json_int_t)t->packets, "in",
				      (json_int_t)t->in, "out",
				      (json_int_t)t->out, "lost",
				      (json_int_t)lost, "note",
				      t->module ? module_note : NULL);

		hf_cli_print_json(t->cli, o);
		json_decref(o);
		return HF_EXIT_OK;
	}
	fprintf(to, "%ld packets of leg %s in %s: %ld came in, %ld went out\n",
		t->packets, leg, t->name, t->in, t->out);
	if (lost)
		fprintf(to, "%ld more came faster than they could be written\n",
			lost);
	if (t->module)
		fprintf(to, "%s\n", module_note);
	return HF_EXIT_OK;
}

int hf_cli_capture(struct hf_cli *cli, const struct hf_command *command,
		   const char *arg)
{
	struct taking t = {.cli = cli, .name = hf_cli_option(cli, "file")};
	struct hf_capture_setup setup = {
		.instance = cli->instance ? cli->instance : "main",
		.packet = on_packet,
		.arg = &t};
	char err[512], comment[400], name[64];
	int status, written;
	long seconds;

	snprintf(name, sizeof(name), "leg-%s.pcapng", arg);
	t.name = t.name ? t.name : name;
	status = number_of(cli, "seconds", DEFAULT_SECONDS, MAX_SECONDS,
			   &seconds);
	if (!status)
		status = number_of(cli, "packets", DEFAULT_PACKETS, MAX_PACKETS,
				   &t.limit);
	if (!status)
		status = leg_of(cli, arg, &setup.leg);
	if (!status)
		t.module = module_paces(cli, &setup.leg);
	if (!status)
		status = open_file(&t);
	if (status)
		return status;
	snprintf(comment, sizeof(comment),
		 "leg %s of the Holdfast instance %s%s%s", arg, setup.instance,
		 t.module ? "; " : "", t.module ? module_note : "");
	t.wall_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	written = hf_pcapng_begin(t.file, comment);
	if (!written && fflush(t.file))
		written = -errno;
	t.error = written;
	if (hf_capture_open(&setup, &t.capture, err, sizeof(err))) {
		if (t.made) {
			fclose(t.file);
			unlink(t.name);
		}
		return hf_cli_fail(cli, HF_EXIT_FAILED, "failed", "%s", err);
	}
	take(&t, seconds);
	status = finish(&t, arg);
	hf_capture_close(t.capture);
	return status;
}
