// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The call state machine, whole: what every event does in every state. For a
 * pair the first row whose guard holds counts, and the last row of a pair has
 * no guard. IGNORE says that nothing is to be done and why; BUG that the pair
 * cannot happen and why. tests/unit/test_park_table.c walks the matrix;
 * Documentation/call-states.md is printed from here.
 */
#include <string.h>

#include "internal.h"

/* clang-format off */
#define IN(s)  (1u << HF_S_##s)
#define ON(e)  (1ull << HF_E_##e)
#define ALWAYS NULL, NULL
#define IF(g)  hf_if_##g, #g
#define DO(a)  hf_act_##a, #a
#define TO(s)  HF_S_##s
#define STAY   HF_S_SAME
#define IGNORE hf_act_ignore, "ignore", HF_S_SAME
#define BUG    hf_act_bug, "bug", HF_S_SAME

#define WAITING	  (IN(PARKED) | IN(RECALLING))
#define EVERY	  ((1u << HF_S_COUNT) - 1)
#define RETRIEVER                                                              \
	(ON(RETRIEVER_ACK) | ON(RETRIEVER_NO_ACK) | ON(RETRIEVER_CANCEL) |     \
	 ON(RETRIEVER_BYE) | ON(RETRIEVER_OFFER) | ON(RETRIEVER_REFER) |       \
	 ON(RETRIEVER_UNFIT) | ON(JOINED))
#define CALLER                                                                 \
	(ON(CALLER_ACK) | ON(CALLER_NO_ACK) | ON(CALLER_CANCEL) |              \
	 ON(CALLER_BYE) | ON(CALLER_OFFER) | ON(CALLER_UNFIT))
#define CALLER_LEAVES                                                          \
	(ON(CALLER_CANCEL) | ON(CALLER_BYE) | ON(CALLER_NO_ACK) |              \
	 ON(CALLER_UNFIT))
#define RETRIEVER_LEAVES                                                       \
	(ON(RETRIEVER_CANCEL) | ON(RETRIEVER_BYE) | ON(RETRIEVER_NO_ACK) |     \
	 ON(RETRIEVER_UNFIT))
#define FETCHED                                                                \
	(ON(FETCH_RINGS) | ON(FETCHED) | ON(FETCH_FAILED))
#define RECALL                                                                 \
	(ON(RECALL_RINGS) | ON(RECALL_ANSWERED) | ON(RECALL_CONFIRMED) |       \
	 ON(RECALL_FAILED))

static const struct hf_row table[] = {
	/* The way in: the slot is claimed before the 200. */
	{ IN(NEW), ON(PARK), ALWAYS, DO(answer_caller), TO(ARRIVING),
	  "claim the slot, answer 200, music if the offer was early" },
	{ IN(NEW), ON(RESERVE), ALWAYS, DO(answer_parker), TO(RESERVED),
	  "claim the slot, answer 200 with its number, the lease starts" },
	{ IN(ARRIVING), ON(CALLER_ACK), IF(no_slot), DO(begin_wait_and_ring),
	  TO(RECALLING), "the lot is full: the parker is rung at once" },
	{ IN(ARRIVING), ON(CALLER_ACK), ALWAYS, DO(begin_wait), TO(PARKED),
	  "the park timer starts" },
	{ IN(ARRIVING), CALLER_LEAVES, ALWAYS, DO(abandon), TO(ENDED),
	  "it never arrived; the slot is free, no ACK is answered with BYE" },
	{ IN(ARRIVING), ON(CALLER_OFFER), ALWAYS, DO(reoffer_caller), STAY,
	  "answered; 491 while the answer to our own offer is missing" },
	{ IN(ARRIVING), ON(TIMER) | ON(MAX_WAIT), ALWAYS, BUG,
	  "no timer runs before the ACK; the stack's 64*T1 does" },

	{ IN(NEW), ON(ADOPT), ALWAYS, DO(adopt), TO(RECALLING),
	  "a slot of its own, and the agent is rung" },


	/* RFC 5359 2.9: the parker asks us to fetch the caller. */
	{ IN(NEW), ON(FETCH), ALWAYS, DO(fetch), TO(FETCHING),
	  "claim the slot, call the caller with Replaces" },
	{ IN(FETCHING), ON(FETCHED), ALWAYS, DO(fetched), TO(PARKED),
	  "the caller is here and waits; the parker is told (NOTIFY 200)" },
	{ IN(FETCHING), ON(FETCH_RINGS), ALWAYS, IGNORE,
	  "only the 2xx counts" },
	{ IN(FETCHING), ON(FETCH_FAILED) | ON(TIMER) | CALLER_LEAVES, ALWAYS,
	  DO(fetch_failed), TO(ENDED),
	  "the slot is free, the parker is told and still has its call" },
	{ IN(FETCHING), ON(CALLER_ACK) | ON(CALLER_OFFER) | ON(CALLER_REFER),
	  ALWAYS, BUG, "there is no dialog yet" },
	{ IN(FETCHING), ON(MAX_WAIT) | ON(SWAPPED), ALWAYS, BUG,
	  "the wait has not begun" },
	{ IN(FETCHING), RETRIEVER, ALWAYS, BUG, "there is no retriever" },

	/* A slot kept by the leg of a parker. */
	{ IN(RESERVED), ON(CALLER_ACK), ALWAYS, DO(late_answer), STAY,
	  "the lease runs already" },
	{ IN(RESERVED), ON(CALLER_OFFER), ALWAYS, DO(reoffer_reserved), STAY,
	  "a new identity in it means that the caller has arrived (SWAPPED)" },
	{ IN(RESERVED), ON(SWAP), ALWAYS, DO(try_swap), STAY,
	  "the caller's leg takes the place of the parker's (RFC 3891)" },
	{ IN(RESERVED), ON(SWAPPED), ALWAYS, DO(swap_in), TO(PARKED),
	  "attended park: the caller waits" },
	{ IN(RESERVED), ON(TIMER), ALWAYS, DO(lease_over), TO(PARKED),
	  "many PBXs finish an attended transfer without a word, so the leg is "
	  "the caller; the parker is who dialled" },
	{ IN(RESERVED), CALLER_LEAVES, ALWAYS, DO(give_up_slot), TO(ENDED),
	  "the parker gave up" },
	{ IN(RESERVED), ON(MAX_WAIT), ALWAYS, BUG,
	  "the longest wait is armed when the wait begins" },

	/* The wait. */
	{ WAITING, ON(CALLER_ACK), ALWAYS, DO(late_answer), STAY,
	  "ACK of a swapped leg or of a re-INVITE" },
	{ WAITING, ON(CALLER_OFFER), ALWAYS, DO(reoffer_caller), STAY,
	  "answered; music as its direction says" },
	{ WAITING, ON(CALLER_BYE) | ON(CALLER_NO_ACK) | ON(CALLER_UNFIT),
	  ALWAYS, DO(abandon), TO(ENDED),
	  "the slot is free, a running recall is cancelled" },
	{ WAITING, ON(CALLER_CANCEL), ALWAYS, IGNORE,
	  "of a re-INVITE; an INVITE that has its 200 cannot be cancelled "
	  "(RFC 3261 9.2)" },
	{ WAITING, ON(SWAP), IF(may_be_swapped), DO(try_swap), STAY,
	  "the transfer came after the lease had ended" },
	{ WAITING, ON(SWAPPED), ALWAYS, DO(swap_in), STAY,
	  "same slot, same timers" },
	{ WAITING, ON(MAX_WAIT), ALWAYS, DO(expire), TO(ENDED),
	  "nobody waits for ever: BYE" },
	{ IN(PARKED), ON(RETRIEVE), ALWAYS, DO(claim), TO(CLAIMED),
	  "first come, first served; 200 with the caller's codec and name" },
	{ IN(PARKED), ON(TIMER), IF(chain_is_over), DO(give_up), TO(ENDED),
	  "nobody is left to ring and `finally` says hang_up" },
	{ IN(PARKED), ON(TIMER), IF(nobody_to_ring), DO(wait_on), STAY,
	  "no usable parker, no fallback: the timer runs anew" },
	{ IN(PARKED), ON(TIMER), ALWAYS, DO(start_recall), TO(RECALLING),
	  "park time over: the next of the chain is rung" },

	{ WAITING, ON(MOVE), ALWAYS, DO(move), STAY, "same call, same timers" },
	{ IN(PARKED), ON(RING_FOR), ALWAYS, DO(ring_for), TO(RECALLING),
	  "click to retrieve; the caller may be picked up meanwhile" },

	/* Ringing back; the caller still waits and can be picked up. */
	{ IN(RECALLING), ON(RING_FOR), ALWAYS, DO(ring_for_instead), STAY,
	  "the caller presses the escape key: who rings is let go" },
	{ IN(RECALLING), ON(RETRIEVE), ALWAYS, DO(claim_and_stop_ring),
	  TO(CLAIMED), "the recall is cancelled: completed elsewhere" },
	{ IN(RECALLING), ON(RECALL_RINGS), ALWAYS, DO(recall_rings), STAY,
	  "the SDP of a 1xx is not used: the caller has music" },
	{ IN(RECALLING), ON(RECALL_ANSWERED), IF(must_confirm),
	  DO(ask_to_confirm), STAY,
	  "recall.confirm: dtmf. It may be a voicemail box: the caller waits on, "
	  "others ring on" },
	{ IN(RECALLING), ON(RECALL_ANSWERED), ALWAYS, DO(recall_answered),
	  TO(CLAIMED), "the answerer claims the caller" },
	{ IN(RECALLING), ON(RECALL_CONFIRMED), IF(was_asked), DO(recall_confirmed),
	  TO(CLAIMED), "the answerer has pressed 1: it claims the caller" },
	{ IN(RECALLING), ON(RECALL_FAILED), IF(rings_for_somebody),
	  DO(ring_for_failed), TO(PARKED),
	  "not one of the chain: the park time that was left" },
	{ IN(RECALLING), ON(RECALL_FAILED), IF(ring_ends_chain), DO(give_up),
	  TO(ENDED), "the last of the chain, and `finally` says hang_up" },
	{ IN(RECALLING), ON(RECALL_FAILED), ALWAYS, DO(recall_failed),
	  TO(PARKED), "the park timer runs anew, then the next of the chain" },
	{ IN(RECALLING), ON(TIMER), ALWAYS, DO(ring_over), STAY,
	  "CANCEL, or BYE to who answered and pressed nothing; when nobody is "
	  "left, it has failed" },

	/* One has won; everything can still be undone. */
	{ IN(CLAIMED), ON(RETRIEVER_ACK) | ON(RETRIEVER_NO_ACK) |
	  ON(RETRIEVER_OFFER) | ON(RETRIEVER_REFER) | ON(JOINED),
	  IF(retriever_unanswered), BUG,
	  "no 200 yet: the caller is being asked for a codec" },
	{ IN(CLAIMED), ON(RETRIEVER_ACK), ALWAYS, DO(join), STAY,
	  "switch the media" },
	{ IN(CLAIMED), ON(JOINED), ALWAYS, DO(pick_up), TO(RELAY),
	  "the slot is free at once, the call keeps its id" },
	{ IN(CLAIMED), ON(RETRIEVER_UNFIT), IF(claimant_is_recall),
	  DO(recall_unfit), TO(RECALLING),
	  "the answerer has no codec of the caller: BYE, a failed recall" },
	{ IN(CLAIMED), RETRIEVER_LEAVES, IF(claimed_while_ringing),
	  DO(unclaim_and_ring), TO(RECALLING),
	  "the state it came from; rings for the time that was left" },
	{ IN(CLAIMED), RETRIEVER_LEAVES, ALWAYS, DO(unclaim), TO(PARKED),
	  "the state it came from; the park time that was left" },
	{ IN(CLAIMED), ON(RETRIEVER_OFFER), ALWAYS, DO(reoffer_claim), STAY,
	  "answered; nothing is joined before the ACK" },
	{ IN(CLAIMED), ON(CALLER_BYE) | ON(CALLER_NO_ACK) | ON(CALLER_UNFIT),
	  ALWAYS, DO(abandon), TO(ENDED),
	  "the retriever gets BYE, or 487 before its 200" },
	{ IN(CLAIMED), ON(CALLER_CANCEL), ALWAYS, IGNORE, "of a re-INVITE" },
	{ IN(CLAIMED), ON(CALLER_ACK), ALWAYS, DO(late_answer), STAY,
	  "of a re-INVITE" },
	{ IN(CLAIMED), ON(CALLER_OFFER), ALWAYS, DO(reoffer_caller), STAY,
	  "only with the codec that the retriever was answered with" },
	{ IN(CLAIMED), ON(MAX_WAIT), ALWAYS, IGNORE,
	  "a claim ends within 64*T1; if it comes to nothing, this is due" },
	{ IN(CLAIMED), ON(TIMER), ALWAYS, BUG, "stopped while claimed" },
	{ IN(CLAIMED), ON(SWAPPED), ALWAYS, BUG, "no swap is begun here" },

	{ IN(CLAIMED), ON(REINVITE_DONE), IF(retriever_is_held),
	  DO(answer_held), STAY,
	  "the caller has been asked for the retriever's codec" },
	{ WAITING | IN(CLAIMED), ON(REINVITE_DONE), ALWAYS, DO(caller_reoffered), STAY,
	  "who asked for it has gone; the caller keeps what it agreed to" },

	/* After the pick-up the call behaves like any call. */
	{ IN(RELAY), ON(RETRIEVER_OFFER), IF(strangers_meet),
	  DO(part_strangers), TO(RECALLING),
	  "an agent who meant to park has picked up instead and put an outsider "
	  "through: both wait in slots of their own and the agent is rung" },
	{ IN(RELAY), ON(SWAP), ALWAYS, DO(swap_leg), STAY,
	  "attended transfer: the new leg takes the place of the old" },
	{ IN(RELAY), ON(CALLER_OFFER) | ON(RETRIEVER_OFFER), ALWAYS,
	  DO(reoffer_relay), STAY,
	  "hold: the other side hears hold audio; a codec that the other side "
	  "lacks: 488" },
	{ IN(RELAY), ON(CALLER_ACK) | ON(RETRIEVER_ACK), ALWAYS,
	  DO(relay_answer), STAY, "of a re-INVITE" },
	{ IN(RELAY), ON(CALLER_CANCEL) | ON(RETRIEVER_CANCEL), ALWAYS, IGNORE,
	  "of a re-INVITE" },
	{ IN(RELAY), ON(CALLER_BYE) | ON(CALLER_NO_ACK) | ON(CALLER_UNFIT),
	  ALWAYS, DO(caller_left_relay), TO(ENDED), "BYE to the retriever" },
	{ IN(RELAY),
	  ON(RETRIEVER_BYE) | ON(RETRIEVER_NO_ACK) | ON(RETRIEVER_UNFIT),
	  IF(stepped_in), DO(step_out), TO(PARKED),
	  "a supervisor has talked to the caller, who waits on in its slot" },
	{ IN(RELAY),
	  ON(RETRIEVER_BYE) | ON(RETRIEVER_NO_ACK) | ON(RETRIEVER_UNFIT),
	  IF(waits_after_recall), DO(wait_after_recall), TO(PARKED),
	  "on_hangup: park; who answered the recall is the parker now" },
	{ IN(RELAY),
	  ON(RETRIEVER_BYE) | ON(RETRIEVER_NO_ACK) | ON(RETRIEVER_UNFIT),
	  ALWAYS, DO(retriever_left_relay), TO(ENDED), "BYE to the caller" },
	{ IN(RELAY), ON(TIMER) | ON(MAX_WAIT) | ON(SWAPPED) | ON(JOINED),
	  ALWAYS, BUG, "what leads to it was stopped by the pick-up" },

	{ IN(RELAY), ON(RETRIEVER_REFER), IF(refer_is_refused),
	  DO(refuse_refer), STAY, "the call goes on as it was" },
	{ IN(RELAY), ON(RETRIEVER_REFER), IF(refer_parks), DO(repark),
	  TO(PARKED), "parked again: same call id; BYE to who had picked it up" },
	{ IN(RELAY), ON(RETRIEVER_REFER), ALWAYS, DO(begin_transfer),
	  TO(TRANSFER), "202; the target is called by the outbound proxy" },

	{ IN(RELAY), ON(KEYED), IF(keys_refused), DO(refuse_keyed), STAY,
	  "no room, or no right to park: both talk on, and the world is told" },
	{ IN(RELAY), ON(KEYED), ALWAYS, DO(park_keyed), TO(PARKED),
	  "repark_keys: same call id, its slot again; BYE to who had picked it "
	  "up" },
	{ IN(RELAY), ON(LOOPED), ALWAYS, DO(park_looped), TO(PARKED),
	  "a PBX has parked it by a call of its own: same call id, both of its "
	  "legs get BYE" },

	/* Sent on: the caller waits for the target. */
	{ IN(TRANSFER), RETRIEVER, IF(retriever_left), BUG,
	  "who sent the caller on has gone and is forgotten" },
	{ IN(TRANSFER), ON(RECALL_RINGS), ALWAYS, DO(recall_rings), STAY,
	  "the SDP of a 1xx is not used: the caller has music" },
	{ IN(TRANSFER), ON(RECALL_ANSWERED), ALWAYS, DO(target_answered), STAY,
	  "switch the media; NOTIFY 200 and BYE to who sent it on" },
	{ IN(TRANSFER), ON(JOINED), ALWAYS, DO(transferred), TO(RELAY),
	  "the target is the retriever now" },
	{ IN(TRANSFER), ON(RECALL_FAILED), IF(retriever_waits),
	  DO(back_to_retriever), TO(RELAY),
	  "NOTIFY with the failure; both talk again" },
	{ IN(TRANSFER), ON(RECALL_FAILED), ALWAYS, DO(repark_lost), TO(PARKED),
	  "who sent it on has hung up: it is the parker now" },
	{ IN(TRANSFER), ON(TIMER), ALWAYS, DO(target_silent), STAY,
	  "CANCEL; it counts as failed" },
	{ IN(TRANSFER),
	  ON(RETRIEVER_BYE) | ON(RETRIEVER_NO_ACK) | ON(RETRIEVER_UNFIT),
	  ALWAYS, DO(transferor_left), STAY, "the transfer goes on" },
	{ IN(TRANSFER), ON(RETRIEVER_OFFER), ALWAYS, DO(reoffer_claim), STAY,
	  "answered; it hears nothing meanwhile" },
	{ IN(TRANSFER), ON(RETRIEVER_ACK) | ON(RETRIEVER_CANCEL) |
	  ON(CALLER_CANCEL), ALWAYS, IGNORE, "of a re-INVITE" },
	{ IN(TRANSFER), ON(CALLER_ACK), ALWAYS, DO(late_answer), STAY,
	  "of a re-INVITE" },
	{ IN(TRANSFER), ON(CALLER_OFFER), ALWAYS, DO(reoffer_caller), STAY,
	  "only with the codec that the target is offered" },
	{ IN(TRANSFER), ON(CALLER_BYE) | ON(CALLER_NO_ACK) | ON(CALLER_UNFIT),
	  ALWAYS, DO(caller_left_relay), TO(ENDED),
	  "CANCEL to the target, BYE to who sent it on" },
	{ IN(TRANSFER), ON(MAX_WAIT) | ON(SWAPPED), ALWAYS, BUG,
	  "what leads to it was stopped by the pick-up" },

	/* Whoever comes too early or too late. */
	{ IN(CLAIMED) | IN(TRANSFER), ON(RETRIEVER_REFER), ALWAYS,
	  DO(refuse_refer), STAY, "not now" },
	{ EVERY & ~IN(NEW) & ~IN(ENDED), ON(CALLER_REFER), ALWAYS,
	  DO(refuse_refer), STAY, "403: a caller sends nobody anywhere" },
	{ IN(ARRIVING) | IN(FETCHING) | IN(RESERVED) | IN(CLAIMED) | IN(RELAY) |
	  IN(TRANSFER), ON(RETRIEVE), ALWAYS, DO(refuse_busy), STAY, "486: not there yet, or taken" },
	{ IN(ARRIVING) | IN(FETCHING) | IN(PARKED) | IN(RECALLING) |
	  IN(CLAIMED) | IN(TRANSFER), ON(SWAP), ALWAYS, DO(refuse_swap), STAY,
	  "486: of a call that waits only a leg that a parker dialled" },

	/* We end it. */
	{ EVERY & ~IN(NEW) & ~IN(ENDED), ON(HANG_UP), ALWAYS, DO(hang_up),
	  TO(ENDED), "BYE to all" },

	{ EVERY & ~IN(NEW) & ~IN(ENDED), ON(VOICE), ALWAYS, DO(voice), STAY,
	  "while the caller waits: an announcement into the music; in RELAY: "
	  "the tone is over, and both hear each other" },

	/* What cannot happen. */
	{ EVERY, ON(MOVE) | ON(RING_FOR), ALWAYS, BUG,
	  "acts.c looks at the state first" },
	{ EVERY, ON(LOOPED), ALWAYS, BUG, "loop.c looks at the state first" },
	{ IN(RECALLING) | IN(TRANSFER), ON(RECALL_CONFIRMED), ALWAYS, BUG,
	  "who was not asked does not confirm" },
	{ EVERY, ON(KEYED), ALWAYS, BUG, "keys.c looks at the state first" },
	{ IN(NEW), ~(ON(PARK) | ON(RESERVE) | ON(ADOPT) | ON(FETCH)), ALWAYS, BUG,
	  "a new call gets one of four events before anything else" },
	{ IN(ENDED), ~0ull, ALWAYS, BUG, "the record of an ended call is gone" },
	{ EVERY, ON(PARK) | ON(RESERVE) | ON(ADOPT) | ON(FETCH), ALWAYS, BUG,
	  "only a new call" },
	{ EVERY & ~IN(FETCHING), FETCHED, ALWAYS, BUG,
	  "only a caller that a REFER named is called by us" },
	{ IN(ARRIVING), ON(SWAPPED), ALWAYS, BUG, "no swap is begun here" },
	{ IN(ARRIVING) | IN(RESERVED) | WAITING, RETRIEVER, ALWAYS, BUG,
	  "there is no retriever" },
	{ EVERY & ~IN(RECALLING) & ~IN(TRANSFER), RECALL, ALWAYS, BUG,
	  "there is no recall; one that was given up is forgotten" },
	{ EVERY, ON(REINVITE_DONE), ALWAYS, BUG,
	  "only a waiting caller gets a re-INVITE of ours" },
};
/* clang-format on */

void hf_act_ignore(struct hf_call *call, const struct hf_stimulus *s)
{
}

void hf_act_bug(struct hf_call *call, const struct hf_stimulus *s)
{
	call->park->bugs++;
	hf_error("call %llu: %s --%s--> cannot happen; nothing is done",
		 (unsigned long long)call->id, hf_state_symbol(call->state),
		 hf_event_symbol(s->event));
}

bool hf_row_is_bug(const struct hf_row *row)
{
	return row->action == hf_act_bug;
}

bool hf_row_is_ignore(const struct hf_row *row)
{
	return row->action == hf_act_ignore;
}

const struct hf_row *hf_table(size_t *ret_count)
{
	*ret_count = sizeof(table) / sizeof(table[0]);
	return table;
}

static bool fits(const struct hf_row *row, unsigned int state,
		 unsigned int event)
{
	return row->states >> state & 1 && row->events >> event & 1;
}

const struct hf_row *hf_table_row(const struct hf_call *call,
				  const struct hf_stimulus *s)
{
	size_t count = sizeof(table) / sizeof(table[0]);

	for (size_t i = 0; i < count; i++)
		if (fits(&table[i], call->state, s->event) &&
		    (!table[i].guard || table[i].guard(call, s)))
			return &table[i];
	/* the walk of the matrix proves that there is no such pair */
	return &table[count - 1];
}

static const char *words(const char *name, char *out, size_t len)
{
	snprintf(out, len, "%s", name);
	for (char *c = out; *c; c++)
		if (*c == '_')
			*c = ' ';
	return out;
}

/* Does the row count for the pair, or does one above it decide already? */
static bool counts(size_t row, unsigned int state, unsigned int event)
{
	if (!fits(&table[row], state, event))
		return false;
	for (size_t i = 0; i < row; i++)
		if (!table[i].guard && fits(&table[i], state, event))
			return false;
	return true;
}

static void print_row(FILE *out, size_t i, unsigned int state)
{
	const struct hf_row *row = &table[i];
	char guard[64] = "", action[64];
	const char *comma = "| ";

	for (unsigned int e = 0; e < HF_E_COUNT; e++) {
		if (!counts(i, state, e))
			continue;
		fprintf(out, "%s%s", comma,
			hf_event_symbol((enum hf_call_event)e));
		comma = ", ";
	}
	if (*comma == '|')
		return;
	if (row->guard)
		words(row->guard_name, guard, sizeof(guard));
	fprintf(out, " | %s | %s | %s | %s |\n", guard,
		words(row->action_name, action, sizeof(action)),
		hf_state_symbol(row->next == HF_S_SAME
					? (enum hf_call_state)state
					: row->next),
		row->why);
}

static void print_state(FILE *out, unsigned int state, const char *text)
{
	size_t count = sizeof(table) / sizeof(table[0]);

	fprintf(out, "\n### %s\n%s\n\n",
		hf_state_symbol((enum hf_call_state)state), text);
	fprintf(out, "| event | if | action | next | why |\n"
		     "|---|---|---|---|---|\n");
	for (size_t i = 0; i < count; i++)
		print_row(out, i, state);
}

void hf_park_print_table(FILE *out)
{
	const char *name, *text;
	unsigned int state = 0;

	fprintf(out,
		"# Call states\n\n"
		"Printed from the table in ctl/park/table.c; do not edit. "
		"For a pair of state and\nevent the first row whose guard "
		"holds counts. `ignore`: nothing is to be done.\n`bug`: the "
		"pair cannot happen; it is logged and nothing is done.\n\n"
		"## What a new INVITE means\n"
		"The first rule that fits counts. Its name is logged, stands "
		"in the events and in\n`holdfastctl call show`.\n\n"
		"| rule | when and what |\n|---|---|\n");
	for (size_t i = 0; i < hf_rule_count(); i++) {
		hf_rule_describe(i, &name, &text);
		fprintf(out, "| `%s` | %s |\n", name, text);
	}
	fprintf(out, "\n## Events\n\n| event | meaning |\n|---|---|\n");
#define X(symbol, meaning) fprintf(out, "| %s | %s |\n", #symbol, meaning);
	HF_CALL_EVENTS(X)
#undef X
	fprintf(out, "\n## States\n");
#define X(symbol, name_, meaning) print_state(out, state++, meaning);
	HF_CALL_STATES(X)
#undef X
}
