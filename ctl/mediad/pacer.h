/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which buckets of the timing wheel are due: arithmetic only. sender.c holds
 * the clock and sends.
 *
 * A frame whose deadline is millisecond t lies in bucket t mod P of the class
 * with packet time P. A turn covers the milliseconds since the turn before it,
 * each once; after a pause of more than P every bucket of that class is visited
 * once, since a visit sends at most one frame a leg. What a leg still lacks
 * then follows in a few sweeps of the whole wheel, a gap apart, so that a pause
 * of the sender is caught up as the claim allows it and not one packet time
 * after the other.
 */
#ifndef HOLDFAST_MEDIAD_PACER_H
#define HOLDFAST_MEDIAD_PACER_H

#include <stdbool.h>
#include <stdint.h>

#include "holdfast/abi.h"

/* Milliseconds between two sweeps: more than the claim's smallest gap between
 * two frames, whose lateness is rounded up to the next millisecond. */
#define HF_PACER_SWEEP_MS 7
/* One a catch-up frame that the claim allows, one for the frame after. */
#define HF_PACER_SWEEPS	  3
/* Buckets visited later than that leave legs behind: the shortest packet time.
 * On the grid that is as coarse none of them waits, and it is so much later. */
#define HF_PACER_LATE_MS  10

/* A turn costs most by being one, whatever it sends, and more after a sleep
 * than amid work: with few entries in the wheel there are fewer. */
#define HF_PACER_GRID_MS    2
#define HF_PACER_COARSE_MS  5
#define HF_PACER_COARSER_MS 10 /* if all of them are of 20 or 30 ms */
#define HF_PACER_FEW	    32 /* entries: coarse up to here */
#define HF_PACER_MANY	    64 /* fine again above */

/* A zeroed one is as good as new. */
struct hf_pacer {
	uint64_t last_ms;    /* the newest millisecond that had its turn */
	uint64_t sweep_ms;   /* when the next sweep is due */
	unsigned int sweeps; /* still to do */
	uint64_t idle_ms;    /* no bucket was to be visited up to then */
	uint32_t grid_ms;    /* between turns; 0 is HF_PACER_GRID_MS */
};

struct hf_pacer_run {
	uint32_t first; /* bucket of the oldest millisecond */
	uint32_t count; /* buckets from there, going round at ptime_ms */
};

/* Begin at this moment: buckets of earlier milliseconds had their turn, and one
 * sweep finds the frames that waited for somebody to send them. */
void hf_pacer_start(struct hf_pacer *, uint64_t now_ms);

/* The buckets of one class for the turn at `now_ms`. */
struct hf_pacer_run hf_pacer_due(const struct hf_pacer *, uint64_t now_ms,
				 uint32_t ptime_ms);

/* Is this turn to visit every bucket? */
bool hf_pacer_sweeping(const struct hf_pacer *, uint64_t now_ms);

/* The turn that began at `now_ms` is done, at `end_ms`: what it sent late for
 * having been held up makes the frames behind it wait (HF_GAP_NS). */
void hf_pacer_done(struct hf_pacer *, uint64_t now_ms, uint64_t end_ms);

/*
 * When to wake next: the first turn after `now_ms` that has something to do, but
 * at most HF_PACER_NAP_MS ahead, whatever the wheel says. 0 when it is empty. Who
 * fills a bucket that was empty wakes the sender: then ask again.
 *
 * Turns are taken on a grid that divides all packet times, so a leg is served
 * the same while after its deadline each time, and the distance of its packets
 * stays right: at every second millisecond, and at every fifth or tenth while few
 * legs wait (HF_PACER_FEW). Then the buckets behind the grid wait for its next
 * point however late the turn is, or they would be early once. Turn-around leaves
 * them alone as long (hf_turn_after()).
 *
 * The change over shifts a leg once by less than the coarser grid. To the finer
 * one that is to the fore: a few sweeps find who came so close to the frame
 * before that the claim made it wait.
 */
#define HF_PACER_NAP_MS 20
bool hf_wheel_filled(const struct hf_wheel_fill *);
uint64_t hf_pacer_next(struct hf_pacer *, uint64_t now_ms,
		       const struct hf_wheel_fill *fill);

#endif
