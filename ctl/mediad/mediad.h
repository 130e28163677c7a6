/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The media keeper: what holdfast-mediad does between its command line and its
 * exit status. It holds the lock of its instance, opens the pinned maps, and
 * runs the paced sender (sender.h), the next hops (nexthop.h) and the reports to
 * the peers (report.h) until it is
 * told to stop or the instance is gone.
 */
#ifndef HOLDFAST_MEDIAD_MEDIAD_H
#define HOLDFAST_MEDIAD_MEDIAD_H

#include <stdbool.h>
#include <stdint.h>

struct hf_mediad_options {
	const char *instance;
	const char *control_socket; /* ours lie beside it */
	uint8_t tos;		    /* of hold and relayed frames */
	int priority;		    /* real-time, 0 = none */
	/* A service of its own: systemd is told, and an instance that is not
	 * there (yet, or any more) is waited for. */
	bool service;
};

/* 0 when asked to stop, or -errno after one line in the log. */
int hf_mediad_run(const struct hf_mediad_options *);

#endif
