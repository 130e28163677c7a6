/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share. The walk of an INVITE: park.c takes it
 * from the stack, decide.c says what it means, call.c runs the table (table.c)
 * whose actions stand in actions.c, retrieve.c and recall.c; negotiate.c agrees
 * on media, party.c keeps dialogs, lot.c slots, timers.c deadlines; report.c
 * tells the world.
 */
#ifndef HOLDFAST_PARK_INTERNAL_H
#define HOLDFAST_PARK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Out of memory while hashing is an error of the one call, not of the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "../base/log.h"
#include "../config/config.h"
#include "../events/event.h"
#include "../media/media.h"
#include "../sdp/session.h"
#include "park.h"
#include "states.h"

#define HF_LEG_NONE UINT32_MAX
#define HF_NEVER    UINT64_MAX

struct hf_call;
struct hf_lot;
struct hf_timers;

/* identity.c: a struct hf_identity of our own, in one piece of memory. */
struct hf_person {
	char *uri; /* NULL = nobody */
	char *user, *host, *display;
};
int hf_person_set(struct hf_person *, const struct hf_identity *);
void hf_person_clear(struct hf_person *);
struct hf_identity hf_person_view(const struct hf_person *);
bool hf_identity_known(const struct hf_identity *);
bool hf_identity_anonymous(const struct hf_identity *);
bool hf_identity_same(const struct hf_identity *, const struct hf_identity *);
/* Who sent the INVITE: asserted, else From. */
const struct hf_identity *hf_invite_sender(const struct hf_invite *);
/* Who passed the caller on: Referred-By, Diversion, History-Info; or NULL. */
const struct hf_identity *hf_invite_mark(const struct hf_invite *);
/* Where to ring this user: its address of record, a host that is an IP address
 * replaced by our peer's domain. */
int hf_identity_aor(const struct hf_config *, const struct hf_identity *,
		    char *out, size_t len);
void hf_user_escape(const char *user, char *out, size_t len);
bool hf_may_park(const struct hf_config *, const struct hf_config_lot *,
		 const struct hf_identity *, bool passed_on);
bool hf_may_retrieve(const struct hf_config *, const struct hf_config_lot *,
		     const struct hf_identity *);

/* bitmap.c: which of `count` numbers are free; every step is O(log64 count). */
struct hf_bitmap {
	uint64_t *word[4]; /* level 0: the bits; above: which words are not 0 */
	uint32_t count;
	unsigned int levels;
};
int hf_bitmap_init(struct hf_bitmap *, uint32_t count); /* all set */
void hf_bitmap_fini(struct hf_bitmap *);
void hf_bitmap_set(struct hf_bitmap *, uint32_t);
void hf_bitmap_clear(struct hf_bitmap *, uint32_t);
bool hf_bitmap_test(const struct hf_bitmap *, uint32_t);
/* The first set bit at or after `from`, UINT32_MAX = none. */
uint32_t hf_bitmap_next(const struct hf_bitmap *, uint32_t from);

/* lot.c */
struct hf_slot {
	struct hf_lot *lot;
	struct hf_call *call; /* NULL = free */
	const char *label;    /* or NULL */
	uint32_t index;
	char *name; /* "701" */
};

struct hf_lot {
	struct hf_park *park;
	const struct hf_config_lot *config;
	struct hf_slot *slots;
	uint32_t slot_count, free_count;
	uint32_t cursor; /* where `next` looks first */
	struct hf_bitmap free;
	UT_hash_handle hh; /* by park number */
};
int hf_lots_create(struct hf_park *);
void hf_lots_destroy(struct hf_park *);
struct hf_lot *hf_lot_by_number(const struct hf_park *, const char *user);
struct hf_slot *hf_slot_by_number(const struct hf_park *, const char *user);
/* "*68701" with the prefixes of the lots; true also if no slot follows. */
bool hf_slot_by_prefix(const struct hf_park *, const char *user, bool park,
		       struct hf_lot **ret_lot, struct hf_slot **ret_slot);
struct hf_slot *hf_lot_choose(struct hf_lot *); /* NULL = full */
void hf_slot_take(struct hf_slot *, struct hf_call *);
void hf_slot_free(struct hf_call *);

/* timers.c: a heap; each call owns two entries. */
struct hf_timer {
	uint64_t at;
	uint32_t place; /* in the heap; UINT32_MAX = not armed */
	enum hf_call_event event;
	struct hf_call *call;
};

struct hf_timers {
	struct hf_timer **heap;
	uint32_t count, room, owned;
};
int hf_timers_reserve(struct hf_timers *, struct hf_timer *, struct hf_call *,
		      enum hf_call_event);
void hf_timers_release(struct hf_timers *, struct hf_timer *);
void hf_timer_arm(struct hf_timers *, struct hf_timer *, uint64_t at);
void hf_timer_stop(struct hf_timers *, struct hf_timer *);
bool hf_timer_armed(const struct hf_timer *);
struct hf_timer *hf_timers_due(struct hf_timers *, uint64_t now);
uint64_t hf_timers_next(const struct hf_timers *);
void hf_timers_fini(struct hf_timers *);

/* party.c */
enum hf_role { HF_ROLE_CALLER, HF_ROLE_RETRIEVER, HF_ROLE_RECALL };
enum hf_hears { HF_HEARS_NOTHING, HF_HEARS_HOLD, HF_HEARS_PEER };

struct hf_party {
	struct hf_park *park;
	struct hf_call *call; /* NULL: not yet taken into one */
	struct hf_dialog *dialog;
	enum hf_role role;
	bool incoming;	      /* its INVITE, not ours */
	bool answered;	      /* there was a 2xx */
	bool up;	      /* ... and its ACK */
	bool gone;	      /* the stack said that the dialog is over */
	bool awaiting_answer; /* our offer is out, its answer comes in an ACK */
	bool privacy;
	enum hf_hears hears;
	uint32_t leg;
	struct in_addr source; /* of its signalling, 0 = unknown */
	struct hf_session *session;
	struct hf_person who;
	char *sip_call_id, *remote_tag;
	char *key; /* Call-ID and our tag: what Replaces names; NULL = not yet */
	UT_hash_handle hh;
};
struct hf_party *hf_party_create(struct hf_park *, struct hf_dialog *,
				 enum hf_role);
int hf_party_fill(struct hf_party *, const struct hf_invite *);
void hf_party_index(struct hf_party *);
struct hf_party *hf_party_by_replaces(const struct hf_park *,
				      const struct hf_replaces *);
/* Forget the party; close its leg. Ends the dialog unless it is over: BYE,
 * CANCEL, or a refusal with `status` (487 when 0). */
void hf_party_drop(struct hf_party *, int status, const struct hf_cause *);
void hf_party_free(struct hf_party *, bool close_leg);
const char *hf_party_state(const struct hf_party *);

/* negotiate.c: SIP status, 0 = agreed; then `out` holds the SDP to send. */
struct hf_codecs {
	enum hf_codec list[HF_CODEC_COUNT];
	unsigned int count;
};
#define HF_WHY_LEN 200
struct hf_words {
	char sdp[HF_SDP_MAX_TEXT];
	char why[HF_WHY_LEN];
};
struct hf_codecs hf_codecs_all(void);
struct hf_codecs hf_codecs_only(enum hf_codec);
int hf_party_take_invite(struct hf_party *, const char *body, size_t len,
			 struct hf_codecs, struct hf_words *out);
int hf_party_take_answer(struct hf_party *, const char *body, size_t len,
			 struct hf_codecs, struct hf_words *out);
int hf_party_make_offer(struct hf_party *, struct in_addr towards,
			struct hf_codecs, struct hf_words *out);
int hf_party_retake(struct hf_party *, const char *body, size_t len,
		    struct hf_codecs, struct hf_words *out);
bool hf_party_listens(const struct hf_party *);
void hf_party_hear_hold(struct hf_party *);
void hf_party_hear_nothing(struct hf_party *);

/* call.c */
struct hf_call {
	struct hf_park *park;
	uint64_t id;
	enum hf_call_state state;
	struct hf_lot *lot;
	struct hf_slot *slot; /* NULL: the lot was full, or picked up */
	const char *last_slot; /* its name, for records after it is free */
	struct hf_party *caller, *retriever, *recall;
	struct hf_person who;	 /* the caller */
	struct hf_person parker; /* uri NULL: not known */
	struct hf_person picked; /* the retriever */
	bool privacy;
	bool dialled;	/* by the parker itself: a consult leg, may be swapped */
	bool was_parked; /* was announced as parked */
	char *user_to_user;
	const char *rule;
	const char *first_ring; /* on_full: <uri>, rung before the parker */
	uint64_t since_ms, parked_ms, picked_ms;
	uint64_t wait_ends_ms;	/* max_wait */
	uint64_t left_ms;	/* of the timer, while claimed */
	enum hf_call_state claimed_from;
	int chain; /* next or current entry of the recall chain, see recall.c */
	uint32_t attempt, park_count, sessions;
	struct hf_timer timer, limit;
	/* What an action says happens next; run after the change of state. */
	enum hf_call_event then;
	bool has_then;
	char why[HF_WHY_LEN]; /* of the latest refusal or failure */
	UT_hash_handle hh;
};

/* One event of a call with all that came with it. */
struct hf_stimulus {
	enum hf_call_event event;
	struct hf_party *party;
	const struct hf_decision *decision; /* PARK, RESERVE, SWAP, RETRIEVE */
	const struct hf_invite *invite;
	const struct hf_identity *asserted;
	const char *body;
	size_t len;
	int status;
	const char *why;
};

struct hf_park {
	struct hf_park_wiring wire;
	const struct hf_config *config;
	uint64_t now_ms;
	uint64_t last_call;
	uint64_t random;
	struct hf_lot *lots; /* config->lot_count of them */
	struct hf_lot *lot_by_number;
	struct hf_call *calls;
	struct hf_party *parties; /* by key */
	struct hf_timers timers;
	struct hf_party *fresh; /* of the INVITE at hand; NULL once refused */
	struct hf_park_totals totals;
	uint64_t bugs; /* pairs of the table that cannot happen, and did */
};

struct hf_call *hf_call_create(struct hf_park *, const struct hf_decision *,
			       const struct hf_invite *, struct hf_party *);
void hf_call_free(struct hf_call *, bool close_legs);
/* Runs the table. The call may be gone afterwards. */
void hf_call_event(struct hf_call *, const struct hf_stimulus *);
void hf_call_then(struct hf_call *, enum hf_call_event);
const char *hf_call_slot_name(const struct hf_call *);
uint32_t hf_call_seconds_parked(const struct hf_call *);
uint32_t hf_call_seconds_left(const struct hf_call *);
/* A refusal that is the call's own (486, 488): answer, report, drop. */
void hf_call_refuse(struct hf_call *, const struct hf_stimulus *, int status,
		    const char *why);
/* Everything of the call ends; `cause` is told to all who are still there. */
void hf_call_end(struct hf_call *, const struct hf_cause *);
/* Codecs that a party may agree on without parting from the other side. */
struct hf_codecs hf_call_codecs(const struct hf_call *, const struct hf_party *);
void hf_call_begin_wait(struct hf_call *, const char *reason);
void hf_caller_listen(struct hf_call *);
bool hf_call_reoffer(struct hf_call *, const struct hf_stimulus *);
const char *hf_state_name(enum hf_call_state);	/* "parked" */
const char *hf_state_symbol(enum hf_call_state); /* "PARKED" */
const char *hf_event_symbol(enum hf_call_event);

/* table.c */
typedef bool hf_guard_fn(const struct hf_call *, const struct hf_stimulus *);
typedef void hf_action_fn(struct hf_call *, const struct hf_stimulus *);
#define HF_S_SAME HF_S_COUNT
struct hf_row {
	uint32_t states; /* bits */
	uint32_t events; /* bits */
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

/* decide.c */
enum hf_verdict { HF_DO_REFUSE, HF_DO_PARK, HF_DO_RESERVE, HF_DO_SWAP, HF_DO_RETRIEVE };
struct hf_decision {
	enum hf_verdict verdict;
	const char *rule;
	int status;	    /* of a refusal */
	const char *reason; /* of a refusal; else a remark, or NULL */
	struct hf_lot *lot;
	struct hf_slot *slot; /* NULL with PARK: the lot has no room */
	const struct hf_identity *parker; /* NULL = not known */
	bool passed_on; /* the caller arrives by transfer, did not dial */
	const char *first_ring;
	struct hf_call *call; /* SWAP, RETRIEVE */
	char remark[80];
};
void hf_decide(struct hf_park *, const struct hf_invite *,
	       struct hf_decision *ret);
size_t hf_rule_count(void);
void hf_rule_describe(size_t, const char **name, const char **text);

/* recall.c */
/* Whom to ring next; false = nobody. `why`: what is unusual about it. */
bool hf_recall_target(const struct hf_call *, char *uri, size_t len,
		      const char **why);
uint64_t hf_recall_wait_ms(const struct hf_call *);
void hf_recall_ring(struct hf_call *, uint64_t ring_ms);

/* retrieve.c: connect the two legs as their directions say. */
int hf_call_relay(struct hf_call *);

/* report.c */
void hf_report(struct hf_call *, enum hf_event_type, const char *reason);
void hf_report_refused(struct hf_park *, const struct hf_invite *,
		       const struct hf_decision *);
void hf_report_lot(struct hf_lot *, enum hf_event_type);

/* The actions and guards of the table, by file. */
#define HF_ACTIONS(X)                                                          \
	/* actions.c */                                                        \
	X(answer_caller)                                                       \
	X(answer_parker)                                                       \
	X(try_swap)                                                            \
	X(swap_in)                                                             \
	X(begin_wait)                                                          \
	X(begin_wait_and_ring)                                                 \
	X(lease_over)                                                          \
	X(abandon)                                                             \
	X(give_up_slot)                                                        \
	X(expire)                                                              \
	X(hang_up)                                                             \
	X(late_answer)                                                         \
	X(reoffer_caller)                                                      \
	X(reoffer_reserved)                                                    \
	X(refuse_swap)                                                         \
	/* retrieve.c */                                                       \
	X(claim)                                                               \
	X(claim_and_stop_ring)                                                 \
	X(refuse_busy)                                                         \
	X(join)                                                                \
	X(pick_up)                                                             \
	X(unclaim)                                                             \
	X(unclaim_and_ring)                                                    \
	X(caller_left_claim)                                                   \
	X(caller_left_relay)                                                   \
	X(retriever_left_relay)                                                \
	X(reoffer_relay)                                                       \
	X(relay_answer)                                                        \
	X(reoffer_claim)                                                       \
	/* recall.c */                                                         \
	X(start_recall)                                                        \
	X(recall_rings)                                                        \
	X(recall_answered)                                                     \
	X(recall_failed)                                                       \
	X(ring_over)                                                           \
	X(recall_unfit)                                                        \
	X(wait_on)                                                             \
	X(give_up)                                                             \
	/* table.c */                                                          \
	X(ignore)                                                              \
	X(bug)
#define X(name) hf_action_fn hf_act_##name;
HF_ACTIONS(X)
#undef X

#define HF_GUARDS(X)                                                           \
	X(no_slot)                                                             \
	X(claimed_while_ringing)                                               \
	X(claimant_is_recall)                                                  \
	X(chain_is_over)                                                       \
	X(ring_ends_chain)                                                     \
	X(nobody_to_ring)                                                      \
	X(may_be_swapped)
#define X(name) hf_guard_fn hf_if_##name;
HF_GUARDS(X)
#undef X

#endif
