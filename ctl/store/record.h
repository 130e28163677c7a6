/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the journal keeps of a call: plain values, so that ctl/park and ctl/sip
 * can fill and read them and ctl/store can write them without knowing what they
 * mean. The lists are the structs and the tables of the database in one: who
 * adds to one has the column in older databases, too, with 0 or "" in it
 * (migrate.c).
 *
 * I: a number. T: text, NULL is written as "" and never read. B: bytes.
 * Times are CLOCK_MONOTONIC in ms; noted_* is one moment by both clocks, from
 * which all of them can be told as wall time.
 */
#ifndef HOLDFAST_STORE_RECORD_H
#define HOLDFAST_STORE_RECORD_H

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define HF_STORE_CALL(I, T, B)                                                 \
	T(tenant) T(lot) T(slot) T(last_slot) T(state) T(claimed_from) T(rule)           \
	T(who_uri) T(who_user) T(who_host) T(who_display)                      \
	T(parker_uri) T(parker_user) T(parker_host) T(parker_display)          \
	T(picked_uri) T(picked_user) T(picked_host) T(picked_display)          \
	T(user_to_user) I(privacy) I(dialled) I(by_slot) I(first_ring)         \
	I(chain) I(attempt) I(park_count) I(sessions) I(since_ms) I(parked_ms)          \
	I(picked_ms) I(waited_ms) I(wait_ends_ms) I(left_ms) I(timer_ms) I(limit_ms)        \
	I(noted_ms) I(noted_wall_ms) T(hold_audio) I(told) I(toned)            \
	I(step_in) I(park_time_s) I(by_recall) T(carried) T(only) T(routing)

#define HF_STORE_PARTY(I, T, B)                                                \
	T(role) I(incoming) I(answered) I(up) I(awaiting_answer) I(privacy)    \
	I(hears) I(leg) I(source) T(offered) B(session)                        \
	T(who_uri) T(who_user) T(who_host) T(who_display)                      \
	T(sip_call_id) T(local) T(local_tag) T(remote) T(remote_tag)           \
	I(remote_cseq) T(route) T(target) T(listener) I(ours) I(trusted)       \
	T(contact_user) T(contact_display) I(session_s) I(takes_update)        \
	T(branch) I(local_cseq) T(source6)

/* A watcher of lamps (ctl/presence/persist.h). */
#define HF_STORE_SUBSCRIPTION(I, T, B)                                         \
	T(number) T(entity) T(event) T(event_id) T(type) T(who) I(stream)      \
	I(version) I(expires_ms) I(expires_wall_ms)                            \
	T(sip_call_id) T(local) T(remote) T(contact) T(route) T(via)           \
	T(listener) I(local_cseq) I(remote_cseq)

/* What a presence server has of ours. */
#define HF_STORE_PUBLICATION(I, T, B) T(slot) T(etag) I(expires_wall_ms)
/* clang-format on */

#define HF_STORE_I(name) int64_t name;
#define HF_STORE_T(name) const char *name;
#define HF_STORE_B(name) \
	const void *name; \
	size_t name##_len;

struct hf_store_party {
	HF_STORE_PARTY(HF_STORE_I, HF_STORE_T, HF_STORE_B)
};

/*
 * A dialog that we have ended and whose peer has not said that it knows stands
 * there as a call of this state, with one party; `rule` and `attempt` are the
 * words and the code of its Reason.
 */
#define HF_STORE_GOODBYE "goodbye"
/* An INVITE of ours that has no final answer yet, with one party. */
#define HF_STORE_RINGING "ringing"

#define HF_STORE_PARTIES 2
struct hf_store_call {
	uint64_t id;
	HF_STORE_CALL(HF_STORE_I, HF_STORE_T, HF_STORE_B)
	unsigned int party_count;
	struct hf_store_party party[HF_STORE_PARTIES];
};

struct hf_store_subscription {
	uint64_t id;
	HF_STORE_SUBSCRIPTION(HF_STORE_I, HF_STORE_T, HF_STORE_B)
};

struct hf_store_publication {
	uint64_t id; /* of the slot */
	HF_STORE_PUBLICATION(HF_STORE_I, HF_STORE_T, HF_STORE_B)
};

#endif
