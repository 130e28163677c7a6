// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of holdfastd, and --check-config.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/names.h"
#include "config/config.h"
#include "daemon/app.h"

static const char usage[] =
	"usage: holdfastd [--config FILE] [--instance NAME] [--verbose]\n"
	"       holdfastd --check-config FILE\n"
	"       holdfastd --prepare [--config FILE] [--instance NAME]\n"
	"       holdfastd --help | --version\n";

static const char help[] =
	"\n"
	"Holdfast parks SIP calls: a parked caller hears hold audio sent by the\n"
	"kernel, waits in a numbered slot, is picked up from any phone, and rings\n"
	"back to who parked it when nobody comes. holdfastd is its controller. It\n"
	"runs in the foreground and prints \"ready\" once it answers SIP.\n"
	"\n"
	"  --config FILE        configuration (/etc/holdfast/holdfast.yaml)\n"
	"  --check-config FILE  say all that is wrong with FILE, or what it means,\n"
	"                       and end; touches nothing\n"
	"  --prepare            load the packet programs for the holdfastd that is\n"
	"                       started next, and end: that one then runs without\n"
	"                       CAP_PERFMON, as holdfastd.service has it\n"
	"  --instance NAME      a second Holdfast on this host, with its own pins,\n"
	"                       socket and state (main)\n"
	"  --media bpf|memory   memory: no packet is ever sent or received; for\n"
	"                       testing the signalling without privileges (bpf)\n"
	"  --verbose            log what happens to each call\n"
	"  --version            print the version\n"
	"  --help               this\n"
	"\n"
	"SIGTERM or SIGINT hangs up every call, takes the packet path down and ends.\n"
	"SIGUSR1 ends it too, but leaves every call to the next holdfastd: parked\n"
	"callers hear music on, others talk on. So does a kill by SIGKILL.\n"
	"\n"
	"Start with a copy of holdfast.yaml.example, then:\n"
	"  holdfastd --check-config /etc/holdfast/holdfast.yaml\n"
	"  holdfastd\n"
	"  holdfastctl status\n"
	"\n"
	"Exit status: 0 asked to stop, 1 failed, 2 bad configuration or usage.\n";

/* 0 = go on, else the exit status plus one. */
int hf_options_read(int argc, char **argv, struct hf_options *o)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", required_argument, NULL, 'k'},
		{"prepare", no_argument, NULL, 'p'},
		{"instance", required_argument, NULL, 'i'},
		{"media", required_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	o->config = "/etc/holdfast/holdfast.yaml";
	o->instance = HF_INSTANCE_DEFAULT;
	while ((c = getopt_long(argc, argv, "hv", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = optarg;
			break;
		case 'p':
			o->prepare = true;
			break;
		case 'i':
			o->instance = optarg;
			break;
		case 'm':
			o->memory_media = !strcmp(optarg, "memory");
			if (o->memory_media || !strcmp(optarg, "bpf"))
				break;
			fprintf(stderr,
				"holdfastd: --media is bpf or memory, not %s\n",
				optarg);
			return 1 + HF_EXIT_USAGE;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			printf("holdfastd " HF_VERSION "\n");
			return 1;
		case 'h':
			printf("%s%s", usage, help);
			return 1;
		default:
			fprintf(stderr, "%s", usage);
			return 1 + HF_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "holdfastd: what is \"%s\"?\n%s", argv[optind], usage);
	return 1 + HF_EXIT_USAGE;
}

/* The name becomes part of paths: no more than a file name may be. */
bool hf_instance_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len && len <= 32 && !name[len];
}

int hf_options_check(const struct hf_options *o)
{
	struct hf_config *config;

	if (hf_config_load(o->check, o->instance, stderr, &config))
		return HF_EXIT_USAGE;
	hf_config_print_summary(config, stdout);
	hf_config_free(config);
	return 0;
}
