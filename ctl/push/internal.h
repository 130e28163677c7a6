/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside ctl/push: push.c keeps the newest state of each slot for each PBX and
 * runs their threads; asterisk.c and freeswitch.c each say it in the words of
 * one PBX.
 */
#ifndef HOLDFAST_PUSH_INTERNAL_H
#define HOLDFAST_PUSH_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "presence/lamps.h"
#include "push.h"

/* One slot as it is to be told. */
struct hf_push_state {
	char slot[64], name[96], number[64];
	enum hf_lamp_state_shown shown;
	bool early; /* of a parked call */
	uint64_t call;
};

/* A connection to one PBX, used by its thread alone. 0 or -errno; after an
 * error it is closed and opened anew. */
struct hf_push_pbx_ops {
	void *(*open)(const struct hf_config_push *);
	int (*tell)(void *pbx, const struct hf_push_state *);
	/* Is the connection that was used last still there? */
	bool (*alive)(void *pbx);
	void (*close)(void *pbx);
};
extern const struct hf_push_pbx_ops hf_push_asterisk, hf_push_freeswitch;

/* The configured name with the slot in it; false if it does not fit. */
bool hf_push_device(const struct hf_config_push *, const char *slot, char *out,
		    size_t len);

#endif
