/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One row of the state machine, and what rows are made of. */
#ifndef HOLDFAST_PARK_TABLE_H
#define HOLDFAST_PARK_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "states.h"

struct hf_call;
struct hf_stimulus;

/* table.c */
typedef bool hf_guard_fn(const struct hf_call *, const struct hf_stimulus *);
typedef void hf_action_fn(struct hf_call *, const struct hf_stimulus *);
#define HF_S_SAME HF_S_COUNT
struct hf_row {
	uint32_t states; /* bits */
	uint64_t events; /* bits */
	hf_guard_fn *guard;
	const char *guard_name;
	hf_action_fn *action;
	const char *action_name;
	enum hf_call_state next;
	const char *why;
};
const struct hf_row *hf_table_row(const struct hf_call *,
				  const struct hf_stimulus *);
const struct hf_row *hf_table(size_t *ret_count);
bool hf_row_is_bug(const struct hf_row *);
bool hf_row_is_ignore(const struct hf_row *);

/* The actions and guards of the table, by file. */
#define HF_ACTIONS(X)           \
	/* actions.c */         \
	X(answer_caller)        \
	X(answer_parker)        \
	X(try_swap)             \
	X(swap_in)              \
	X(begin_wait)           \
	X(begin_wait_and_ring)  \
	X(lease_over)           \
	X(abandon)              \
	X(give_up_slot)         \
	X(expire)               \
	X(hang_up)              \
	X(late_answer)          \
	X(reoffer_caller)       \
	X(reoffer_reserved)     \
	X(refuse_swap)          \
	/* transfer.c */        \
	X(swap_leg)             \
	X(part_strangers)       \
	X(adopt)                \
	/* refer.c */           \
	X(refuse_refer)         \
	X(repark)               \
	X(begin_transfer)       \
	X(target_answered)      \
	X(transferred)          \
	X(target_silent)        \
	X(transferor_left)      \
	X(back_to_retriever)    \
	X(repark_lost)          \
	/* loop.c */            \
	X(park_looped)          \
	/* keys.c */            \
	X(park_keyed)           \
	X(refuse_keyed)         \
	/* refer.c */           \
	X(fetch)                \
	X(fetched)              \
	X(fetch_failed)         \
	/* acts.c */            \
	X(move)                 \
	X(ring_for)             \
	X(ring_for_instead)     \
	X(step_out)             \
	X(ring_for_failed)      \
	/* voice.c */           \
	X(voice)                \
	/* retrieve.c */        \
	X(claim)                \
	X(claim_and_stop_ring)  \
	X(refuse_busy)          \
	X(join)                 \
	X(pick_up)              \
	X(unclaim)              \
	X(unclaim_and_ring)     \
	X(caller_left_relay)    \
	X(retriever_left_relay) \
	X(reoffer_relay)        \
	X(relay_answer)         \
	X(reoffer_claim)        \
	X(caller_reoffered)     \
	X(answer_held)          \
	/* recall.c */          \
	X(start_recall)         \
	X(recall_rings)         \
	X(ask_to_confirm)       \
	X(recall_answered)      \
	X(recall_confirmed)     \
	X(recall_failed)        \
	X(ring_over)            \
	X(recall_unfit)         \
	X(wait_after_recall)    \
	X(wait_on)              \
	X(give_up)              \
	/* table.c */           \
	X(ignore)               \
	X(bug)
#define X(name) hf_action_fn hf_act_##name;
HF_ACTIONS(X)
#undef X

#define HF_GUARDS(X)             \
	X(no_slot)               \
	X(claimed_while_ringing) \
	X(claimant_is_recall)    \
	X(retriever_is_held)     \
	X(retriever_unanswered)  \
	X(chain_is_over)         \
	X(ring_ends_chain)       \
	X(nobody_to_ring)        \
	X(waits_after_recall)    \
	X(must_confirm)          \
	X(was_asked)             \
	X(may_be_swapped)        \
	X(strangers_meet)        \
	X(refer_is_refused)      \
	X(refer_parks)           \
	X(keys_refused)          \
	X(retriever_waits)       \
	X(retriever_left)        \
	X(stepped_in)            \
	X(rings_for_somebody)
#define X(name) hf_guard_fn hf_if_##name;
HF_GUARDS(X)
#undef X

#endif
