/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The states of a call and what can happen to it. Enums, names in logs and the
 * generated page all come from these two lists; table.c says what follows from
 * each pair.
 */
#ifndef HOLDFAST_PARK_STATES_H
#define HOLDFAST_PARK_STATES_H

/* clang-format off */
/* X(symbol, name for views, what it means) */
#define HF_CALL_STATES(X)                                                      \
	X(NEW, "new", "An INVITE was let in; nothing is claimed yet.")         \
	X(ARRIVING, "arriving",                                                \
	  "The slot is claimed and the caller answered; its ACK is awaited.")  \
	X(RESERVED, "reserved",                                                \
	  "A parker dialled for a slot and holds it until the lease ends.")    \
	X(PARKED, "parked", "The caller waits. May be picked up.")             \
	X(RECALLING, "recalling",                                              \
	  "The caller waits while somebody is rung. May be picked up.")        \
	X(CLAIMED, "claimed",                                                  \
	  "One retriever has won the caller; its ACK is awaited.")             \
	X(RELAY, "relay", "Both talk; the slot is free again.")                \
	X(TRANSFER, "transfer",                                                \
	  "The retriever has sent the caller on (REFER): the target is rung, " \
	  "the caller hears music.")                                           \
	X(FETCHING, "arriving",                                                \
	  "A REFER asks for the caller to be fetched: the slot is claimed and "\
	  "our INVITE with Replaces is out.")                                  \
	X(ENDED, "ended", "Over; the record goes away at once.")

/* X(symbol, what it means) */
#define HF_CALL_EVENTS(X)                                                      \
	X(PARK, "A new INVITE is to be parked.")                               \
	X(RESERVE, "A new INVITE asks for a slot to park into.")               \
	X(ADOPT, "A leg of another call becomes the caller of this one.")      \
	X(SWAP, "An INVITE with Replaces names a leg of the call.")            \
	X(SWAPPED, "The new leg of a swap fits.")                              \
	X(RETRIEVE, "An INVITE wants the caller.")                             \
	X(CALLER_ACK, "ACK of the caller for a 200 of ours.")                  \
	X(CALLER_NO_ACK, "No ACK of the caller in 64*T1.")                     \
	X(CALLER_CANCEL, "The caller cancels before our final answer.")        \
	X(CALLER_BYE, "The caller hangs up, or its dialog is lost.")           \
	X(CALLER_OFFER, "re-INVITE of the caller, with or without SDP.")       \
	X(CALLER_REFER, "REFER in the dialog of the caller.")                  \
	X(CALLER_UNFIT, "No media can be agreed with the caller.")             \
	X(RETRIEVER_ACK, "ACK of the retriever for a 200 of ours.")            \
	X(RETRIEVER_NO_ACK, "No ACK of the retriever in 64*T1.")               \
	X(RETRIEVER_CANCEL, "The retriever cancels before our final answer.")  \
	X(RETRIEVER_BYE, "The retriever hangs up, or its dialog is lost.")     \
	X(RETRIEVER_OFFER, "re-INVITE of the retriever.")                      \
	X(RETRIEVER_REFER, "REFER in the dialog of the retriever.")            \
	X(RETRIEVER_UNFIT, "No media can be agreed with the retriever.")       \
	X(JOINED, "Caller and retriever hear each other.")                     \
	X(FETCH, "A REFER outside any dialog names a caller to park.")         \
	X(FETCH_RINGS, "1xx to the INVITE that fetches the caller.")           \
	X(FETCHED, "2xx to it.")                                               \
	X(FETCH_FAILED, "It failed, or could not be sent.")                    \
	X(RECALL_RINGS, "1xx to our recall, or from the target of a transfer.") \
	X(RECALL_ANSWERED, "2xx to our recall; the stack has sent the ACK.")   \
	X(RECALL_CONFIRMED, "Who answered has pressed the key that takes the " \
			    "caller.")                                         \
	X(RECALL_FAILED, "The recall ended without an answer, or could not "   \
			 "be sent.")                                           \
	X(REINVITE_DONE, "The end of a re-INVITE of ours.")                    \
	X(TIMER, "The time of the state is over: lease, park time or ring "    \
		 "time.")                                                      \
	X(VOICE, "Something is to be said to the caller, or has been.")        \
	X(MAX_WAIT, "The longest wait of the lot is over.")                    \
	X(MOVE, "A supervisor gives the call another slot.")                   \
	X(RING_FOR, "Somebody is to be called and joined, by a supervisor.")   \
	X(KEYED, "Its retriever has pressed the keys that park it again.")      \
	X(LOOPED, "Its retriever's leg has been connected with a leg that waits "\
		  "here.")                                                     \
	X(HANG_UP, "We end the call: the controller stops, or an operator.")

/* clang-format on */

enum hf_call_state {
#define X(symbol, name, text) HF_S_##symbol,
	HF_CALL_STATES(X)
#undef X
		HF_S_COUNT
};

enum hf_call_event {
#define X(symbol, text) HF_E_##symbol,
	HF_CALL_EVENTS(X)
#undef X
		HF_E_COUNT
};

#endif
