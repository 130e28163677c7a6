/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Callers of a benchmark who talk every 20 ms, and what all of them hear
 * (ears.bpf.c), on the far end of the anchor's stage (anchor.h).
 */
#ifndef HOLDFAST_BENCH_TALK_H
#define HOLDFAST_BENCH_TALK_H

#include <errno.h>
#include <linux/types.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "../ears.h"
#include "anchor.h"

struct talk {
	struct anchor *anchor;
	const struct sl_load *sip;
	uint32_t dialogs;     /* those of it */
	uint32_t half_silent; /* of so many each second one says nothing */
	/* Its own: */
	pthread_t thread;
	volatile bool stop;
	struct talker *talker;
	uint32_t talkers;
	uint64_t not_said; /* packets that there was no time for */
	double late_ms;	   /* at worst */
};

struct talk_loss {
	uint64_t packets, lost, wrong, streams, silent_over_100ms, not_said;
	double longest_ms;
};

/* -errno */
int talk_begin(struct talk *);
void talk_end(struct talk *);
/* What is heard counts from now on; */
void talk_listen_anew(struct talk *);
/* and until now. */
void talk_heard(const struct talk *, struct talk_loss *ret);

#endif
