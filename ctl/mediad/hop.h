/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a next hop is replaced under the eyes of the packet path: fill the copy
 * that is not in force, then move `turn` on. A reader takes `turn`, the copy it
 * names, and `turn` again: a copy is written to only after its turn is over, so
 * whoever finds the same turn twice holds a whole hop.
 *
 * Pure. One writer.
 */
#ifndef HOLDFAST_MEDIAD_HOP_H
#define HOLDFAST_MEDIAD_HOP_H

#include <stdbool.h>
#include <string.h>

#include "holdfast/abi.h"
#include "holdfast/world.h"

/* The hop in force, for the writer itself: nobody else turns it. */
static inline struct hf_hop hf_hop_current(const struct hf_nexthop *n)
{
	return n->hop[n->turn & 1];
}

/* Put `hop` in force. Returns whether that was a change. */
static inline bool hf_hop_write(struct hf_nexthop *n, const struct hf_hop *hop)
{
	__u32 turn = n->turn;

	if (!memcmp(&n->hop[turn & 1], hop, sizeof(*hop)))
		return false;
	/* The last turn must be seen before the copy it ended is touched. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	n->hop[~turn & 1] = *hop;
	hf_store_release(&n->turn, turn + 1);
	return true;
}

#endif
