/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * holdfastctl: asks holdfastd over its control socket and shows the answer, as
 * text or as the JSON it came in. Knows nothing of the daemon but the protocol
 * (Documentation/control.md).
 */
#ifndef HOLDFAST_CLI_CLI_H
#define HOLDFAST_CLI_CLI_H

#include <stdio.h>

enum hf_exit {
	HF_EXIT_OK = 0,
	HF_EXIT_FAILED = 1,
	HF_EXIT_USAGE = 2,
	HF_EXIT_ABSENT = 3, /* no holdfastd there */
};

/* The whole program; main() is only its frame. Returns an enum hf_exit. */
int hf_cli_run(int argc, char **argv, FILE *out, FILE *err);

#endif
