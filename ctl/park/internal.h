/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of this room share. The walk of an INVITE: park.c takes it
 * from the stack, decide.c says what it means, call.c runs the table (table.c)
 * whose actions stand in actions.c, retrieve.c, transfer.c, refer.c,
 * loop.c and recall.c (ring.c calls the legs); negotiate.c agrees on media,
 * party.c keeps dialogs, lot.c slots, oldest.c who has waited longest, timers.c
 * deadlines; keys.c hears keys; report.c tells the world.
 */
#ifndef HOLDFAST_PARK_INTERNAL_H
#define HOLDFAST_PARK_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../base/log.h"
#include "../config/config.h"
#include "../events/event.h"
#include "../media/media.h"
#include "../sdp/session.h"
#include "../store/record.h"
#include "decide.h"
#include "hash.h"
#include "identity.h"
#include "lot.h"
#include "park.h"
#include "party.h"
#include "states.h"
#include "page.h"
#include "table.h"
#include "talk.h"
#include "timers.h"

/* play.c */
#define HF_PLAYS 16 /* remembered */
enum hf_play_state { HF_PLAY_NONE, HF_PLAY_RUNS, HF_PLAY_DONE, HF_PLAY_FAILED };
struct hf_play {
	uint64_t id; /* of its talk */
	enum hf_play_state state;
	char why[HF_WHY_LEN];
};

/* call.c */
struct hf_call {
	struct hf_park *park;
	uint64_t id;
	enum hf_call_state state;
	struct hf_lot *lot;
	struct hf_slot *slot;  /* NULL: the lot was full, or picked up */
	const char *last_slot; /* its name, for records after it is free */
	struct hf_party *caller, *retriever;
	struct hf_party *recall; /* the first that rings, see ring.c */
	bool ring_asks; /* who answers has to press a key */
	uint64_t ring_ends_ms;
	struct hf_dialog *referrer; /* of a REFER outside any dialog, or NULL */
	struct hf_person who;	 /* the caller */
	struct hf_person parker; /* uri NULL: not known */
	struct hf_person picked; /* the retriever */
	bool privacy;
	bool dialled; /* by the parker itself: a consult leg, may be swapped */
	char *ring_for; /* a supervisor's wish, while it is tried; or NULL */
	bool step_in;	/* ... and the slot is kept */
	char *held_offer; /* of a retriever that waits for the caller's codec */
	bool by_recall; /* picked up by answering our recall */
	bool by_slot; /* picked up by the bare number of the slot */
	char *user_to_user;
	char *carried; /* headers, as lines */
	char *only;    /* who may pick it up, patterns; NULL = as the lot says */
	char *route;   /* the routing rule that was followed, or NULL */
	const char *rule;
	const char *first_ring; /* on_full: <uri>, rung before the parker */
	uint64_t since_ms, parked_ms, picked_ms;
	uint64_t waited_ms;    /* of earlier waits; the current one not in it */
	uint64_t wait_ends_ms; /* max_wait */
	uint64_t left_ms;      /* of the timer, while claimed */
	enum hf_call_state claimed_from;
	int chain; /* next or current entry of the recall chain, see recall.c */
	uint32_t attempt, park_count, sessions;
	uint32_t waits_at; /* in the heap of its lot, from 1 on: oldest.c */
	uint32_t park_time_s; /* its own, instead of the lot's; 0 = none */
	struct hf_timer timer, limit;
	struct hf_timer voice; /* the next thing to be said, or said */
	char *hold_audio;      /* asked for by who sent the caller, or NULL */
	bool told;	       /* the parker has heard the slot */
	bool toned;	       /* the caller has heard the tone */
	uint32_t announced;    /* into this wait */
	char keyed[HF_REPARK_KEYS_MAX + 1]; /* the retriever's latest keys */
	uint64_t keyed_ms;		    /* when the last of them was */
	char *page; /* zone to be paged in, by who sent the caller; or NULL */
	/* What an action says happens next; run after the change of state. */
	enum hf_call_event then;
	bool has_then;
	bool noted; /* stands in the journal */
	bool named; /* the log has a line of how it began */
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
	bool no_offer; /* of an UPDATE, which has its answer */
	bool answer; /* `body` is that, to an offer of what is agreed */
	const struct hf_refer *refer;
	const char *uri;      /* RING_FOR */
	struct hf_slot *slot; /* MOVE */
	bool step_in;
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
	struct hf_party *legs;	  /* by leg */
	struct hf_talk *talks;
	uint32_t talk_count;
	struct hf_paging paging;
	struct hf_play plays[HF_PLAYS];
	struct hf_timers timers;
	struct hf_party *fresh; /* of the INVITE at hand; NULL once refused */
	bool draining; /* no new calls */
	struct {
		uint64_t talking, waiting; /* calls; 0 = none */
	} loop; /* found in the SDP at hand, see loop.c */
	struct hf_park_totals totals;
	uint64_t bugs; /* pairs of the table that cannot happen, and did */
};

struct hf_call *hf_call_create(struct hf_park *, const struct hf_decision *,
			       const struct hf_invite *, struct hf_party *);
void hf_call_free(struct hf_call *, bool close_legs);
struct hf_call *hf_call_find(struct hf_park *, uint64_t id);
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
struct hf_codecs hf_call_codecs(const struct hf_call *,
				const struct hf_party *);
/* What to offer a retriever that left it to us: all that the caller has. */
struct hf_codecs hf_call_codecs_late(const struct hf_call *);
void hf_call_begin_wait(struct hf_call *, const char *reason);
void hf_caller_listen(struct hf_call *);
/* Answer the INVITE of a new leg of the call. False: refused, and dropped. */
bool hf_call_answer(struct hf_call *, struct hf_party *,
		    const struct hf_stimulus *, const char *display);
bool hf_call_reoffer(struct hf_call *, const struct hf_stimulus *);
const char *hf_state_name(enum hf_call_state);	 /* "parked" */
const char *hf_state_symbol(enum hf_call_state); /* "PARKED" */
const char *hf_event_symbol(enum hf_call_event);

/* Begins in another state than NEW: from the journal. */
void hf_call_resume(struct hf_call *, enum hf_call_state);

/* journal.c */
void hf_call_note(struct hf_call *);
void hf_call_unnote(struct hf_call *);

/* recall.c */
struct hf_targets { /* rung at once */
	const char *uri[HF_CONFIG_RING_MAX];
	unsigned int count;
	char own[512]; /* for one that is not in the configuration */
	bool last_resort; /* `finally`, or on_full: may be a voicemail box */
};
/* Whom to ring next; false = nobody. `why`: what is unusual about it. */
bool hf_recall_target(const struct hf_call *, struct hf_targets *,
		      const char **why);
uint64_t hf_recall_wait_ms(const struct hf_call *);
void hf_recall_ring(struct hf_call *, uint64_t ring_ms);
/* Tell of it, and forget the leg. */
void hf_recall_failed(struct hf_call *, const struct hf_stimulus *);
/* route.c. The rule of the configuration that fits, or NULL. */
const struct hf_config_route *hf_route_find(const struct hf_config *,
					    const struct hf_invite *);
char *hf_route_only(const struct hf_config_route *, const struct hf_invite *);
/* May this one pick the call up, as far as the call itself says? */
bool hf_call_is_for(const struct hf_call *, const struct hf_identity *);

/* ring.c: legs that we call. NULL, or why none can be called. */
const char *hf_ring_start(struct hf_call *, const struct hf_targets *,
			  struct hf_words *);
/* One of several has failed, and is forgotten. False: it was the last. */
bool hf_ring_lost(struct hf_party *, int status, const char *why);
/* Those whose time is over are let go. True: there are others, until *ret_ms;
 * else `why` says what it was. */
bool hf_ring_expire(struct hf_call *, uint64_t *ret_ms, const char **why);
/* Has this one answered a recall without having taken the caller yet? */
bool hf_ring_asked(const struct hf_party *);
/* What such a one offers anew is answered; what it is told goes on. */
void hf_ring_reoffered(struct hf_party *, const char *body, size_t len);
/* The others are told that the call was completed elsewhere. */
void hf_ring_won(struct hf_party *);
void hf_ring_drop(struct hf_call *, const struct hf_cause *);
void hf_ring_free(struct hf_call *, bool close_legs);
/* RFC 3261 21.3: ring there instead. False: it counts as a failure. */
bool hf_ring_redirect(struct hf_party *, const struct hf_identity *to);
const char *hf_call_target(struct hf_call *, const char *uri,
			   const struct hf_refer *, struct hf_words *);

/* negotiate.c: the clip that this caller hears. */
const char *hf_call_hold_audio(const struct hf_call *);
/* voice.c */
/* Are there words for this lot? */
bool hf_voice_tells(const struct hf_call *);
void hf_voice_tell_slot(struct hf_call *);
/* "Press one to be put through", where there are words. */
void hf_voice_ask(struct hf_party *);
/* The tone of a pick-up. False: there is none, or it was. */
bool hf_voice_tone(struct hf_call *);
/* The wait begins: when is it announced into? */
void hf_voice_begin(struct hf_call *);
/* Say to a dialler why not, where the lot wants it so. True: it is begun. */
bool hf_voice_refuses(struct hf_park *, struct hf_party *,
		      const struct hf_invite *, const struct hf_decision *);
/* And the parker is told where, in writing. */
void hf_voice_message(struct hf_call *);

/* retrieve.c: connect the two legs as their directions say. */
int hf_call_relay(struct hf_call *);
void hf_call_relay_as_agreed(struct hf_call *); /* logs a failure */
/* Each side hears whom it talks to now. */
void hf_call_name_to_caller(struct hf_call *);
void hf_call_name_to_retriever(struct hf_call *);

/* transfer.c: did a pick-up by the bare slot number happen just now? */
bool hf_call_guarded(const struct hf_call *);
/* Take a slot of the lot for a call that has none, the old one if it is free. */
void hf_call_find_slot(struct hf_call *);
/* Parked again by who had picked it up; NULL: the old slot or any. */
void hf_call_wait_again(struct hf_call *, struct hf_slot *, const char *why);

/* loop.c. Is this media port that of another leg which the same peer has with us,
 * the one being picked up and the other parked? Then hf_loop_close() makes them
 * one call, once the SDP has been answered. */
bool hf_loop_seen(struct hf_party *, struct hf_ip, uint16_t port);
void hf_loop_close(struct hf_park *);

/* keys.c: what a key means to the call. */
void hf_call_key(struct hf_call *, struct hf_party *, char digit);

/* refer.c: tell who sent the REFER how it ended, and let go of it. */
void hf_call_tell_referrer(struct hf_call *, int status, const char *phrase);

/* report.c */
void hf_report(struct hf_call *, enum hf_event_type, const char *reason);
void hf_report_key(const struct hf_party *, char digit, uint32_t ms);
void hf_report_silence(const struct hf_party *, bool silent, uint32_t seconds);
void hf_report_refused(struct hf_park *, const struct hf_invite *,
		       const struct hf_decision *);
void hf_report_lot(struct hf_lot *, enum hf_event_type);

#endif
