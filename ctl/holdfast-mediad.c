// SPDX-License-Identifier: GPL-2.0-or-later
/* holdfast-mediad: the command line of the media keeper (ctl/mediad/). */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "mediad/mediad.h"

#define EXIT_USAGE 2
#define DSCP_EF	   46 /* expedited forwarding, RFC 4594 section 4.1 */
#define PRIORITY   50

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: holdfast-mediad [OPTION]...\n"
		"\n"
		"Keeps the media of a running Holdfast instance alive: sends hold frames\n"
		"that are due to callers who send nothing themselves, reports to everybody by\n"
		"RTCP how the media arrive, and keeps the way to\n"
		"each media destination (device, hardware addresses, MTU) up to date. It\n"
		"works on the maps that holdfastd pinned below /sys/fs/bpf/holdfast/ and goes\n"
		"on when holdfastd is restarted or dies. holdfastd starts it by itself; run\n"
		"it by hand, in the foreground, to watch what it does.\n"
		"\n"
		"  -i, --instance NAME   the instance to serve (default: main)\n"
		"  -s, --socket PATH     control socket of that instance; the keeper's own\n"
		"                        socket and lock lie beside it\n"
		"                        (default: /run/holdfast/control.sock)\n"
		"      --dscp N          mark what is sent with this DSCP, 0 to 63\n"
		"                        (default: 46, expedited forwarding)\n"
		"      --priority N      real-time priority of the sender, 1 to 99, 0 for none\n"
		"                        (default: 50)\n"
		"      --service         as systemd runs it: tell it when we are ready and that\n"
		"                        we are well, and wait for an instance that is not\n"
		"                        there yet instead of ending\n"
		"  -v, --verbose         say more: each change of a next hop\n"
		"  -h, --help            this text\n"
		"\n"
		"Exit status: 0 asked to stop (SIGTERM, or the instance is gone), 1 failed,\n"
		"2 wrong usage. Needs root, or CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW\n"
		"and CAP_SYS_NICE.\n"
		"\n"
		"Example: a demo instance, verbosely\n"
		"  holdfast-mediad --instance demo --socket /run/holdfast-demo/control.sock -v\n");
}

/* A number in a range, or usage error. */
static int number(const char *option, const char *text, long max, long *ret)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!*text || *end || n < 0 || n > max) {
		fprintf(stderr,
			"holdfast-mediad: --%s %s: a number from 0 to %ld is wanted\n",
			option, text, max);
		return -1;
	}
	*ret = n;
	return 0;
}

/* 0 to go on, or the exit status plus one. */
static int read_options(int argc, char **argv, struct hf_mediad_options *o,
			enum hf_log_level *level)
{
	static const struct option options[] = {
		{"instance", required_argument, NULL, 'i'},
		{"socket", required_argument, NULL, 's'},
		{"dscp", required_argument, NULL, 'd'},
		{"priority", required_argument, NULL, 'p'},
		{"service", no_argument, NULL, 'S'},
		{"foreground", no_argument, NULL, 'f'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	long n = 0;
	int c;

	while ((c = getopt_long(argc, argv, "i:s:vh", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			o->instance = optarg;
			break;
		case 's':
			o->control_socket = optarg;
			break;
		case 'd':
			if (number("dscp", optarg, 63, &n))
				return EXIT_USAGE + 1;
			o->tos = (uint8_t)(n << 2);
			break;
		case 'p':
			if (number("priority", optarg, 99, &n))
				return EXIT_USAGE + 1;
			o->priority = (int)n;
			break;
		case 'S':
			o->service = true;
			break;
		case 'f': /* it always is; a supervisor may say so */
			break;
		case 'v':
			*level = HF_LOG_DEBUG;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS + 1;
		default:
			fprintf(stderr, "Try 'holdfast-mediad --help'.\n");
			return EXIT_USAGE + 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr,
			"holdfast-mediad: what is '%s'? There are only options; try --help\n",
			argv[optind]);
		return EXIT_USAGE + 1;
	}
	if (!*o->instance || strchr(o->instance, '/') || *o->instance == '.') {
		fprintf(stderr,
			"holdfast-mediad: --instance '%s' is not a name\n",
			o->instance);
		return EXIT_USAGE + 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct hf_mediad_options options = {
		.instance = "main",
		.control_socket = "/run/holdfast/control.sock",
		.tos = DSCP_EF << 2,
		.priority = PRIORITY,
	};
	enum hf_log_level level = HF_LOG_INFO;
	int status = read_options(argc, argv, &options, &level);

	if (status)
		return status - 1;
	hf_log_open("holdfast-mediad", level);
	return hf_mediad_run(&options) ? EXIT_FAILURE : EXIT_SUCCESS;
}
