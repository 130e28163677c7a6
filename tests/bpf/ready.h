/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holdfast-mediad makes ready for the paced program, on the memory of the
 * fixture. A test that includes it names the room mediad. */
#ifndef HOLDFAST_TEST_READY_H
#define HOLDFAST_TEST_READY_H

#include <string.h>

#include "fixture.h"
#include "mediad/ready.h"

/* Nothing is ready, and no paper was used. */
static inline void ready_clear(struct fixture *f)
{
	uint64_t sent = f->ready->sent;

	memset(f->ready, 0, sizeof(*f->ready));
	f->ready->now_ns = f->work->now_ns;
	f->ready->sent = sent;
}

/* One more, if one is due, as of now, with what the one before left. */
static inline enum hf_ready_way
ready_add_behind(struct fixture *f, uint32_t leg, struct hf_ready_front *front)
{
	struct hf_pins pins = {
		.instance = f->instance,
		.legs = f->legs,
		.leg6 = f->leg6,
		.claims = f->claims,
		.frames = f->frames,
		.nexthops = f->nexthops,
		.nexthop_count = HOPS,
		.work = f->work,
	};
	struct hf_ready *r = f->ready;
	enum hf_ready_way way;

	way = hf_ready_make(&pins, front, leg, f->work->now_ns, false,
			    &r->frame[r->count]);
	if (way == HF_READY_LIVE)
		r->count++;
	return way;
}

static inline enum hf_ready_way ready_add(struct fixture *f, uint32_t leg)
{
	struct hf_ready_front front = {0};

	return ready_add_behind(f, leg, &front);
}

/* The frame of this leg alone. */
static inline enum hf_ready_way ready_one(struct fixture *f, uint32_t leg)
{
	ready_clear(f);
	return ready_add(f, leg);
}

#endif
