/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deadlines of calls. */
#ifndef HOLDFAST_PARK_TIMERS_H
#define HOLDFAST_PARK_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "states.h"

#define HF_NEVER UINT64_MAX

struct hf_call;

/* timers.c: a heap; each call owns three entries. */
struct hf_timer {
	uint64_t at;
	uint32_t place; /* in the heap; UINT32_MAX = not armed */
	enum hf_call_event event;
	struct hf_call *call; /* whose event it is; */
	void (*due)(struct hf_timer *); /* or this is called instead */
};

struct hf_timers {
	struct hf_timer **heap;
	uint32_t count, room, owned;
};
int hf_timers_reserve(struct hf_timers *, struct hf_timer *, struct hf_call *,
		      enum hf_call_event);
int hf_timers_reserve_due(struct hf_timers *, struct hf_timer *,
			  void (*due)(struct hf_timer *));
void hf_timers_release(struct hf_timers *, struct hf_timer *);
void hf_timer_arm(struct hf_timers *, struct hf_timer *, uint64_t at);
void hf_timer_stop(struct hf_timers *, struct hf_timer *);
bool hf_timer_armed(const struct hf_timer *);
struct hf_timer *hf_timers_due(struct hf_timers *, uint64_t now);
uint64_t hf_timers_next(const struct hf_timers *);
void hf_timers_fini(struct hf_timers *);

#endif
