/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The park logic: lots, slots, calls and the one state table that moves them.
 *
 * It knows SIP only through signal.h and media only through ../media/media.h.
 * One thread. Time is passed in, so a test can be a day long in a millisecond.
 */
#ifndef HOLDFAST_PARK_PARK_H
#define HOLDFAST_PARK_PARK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "signal.h"

struct hf_config;
struct hf_media;
struct hf_event;
struct hf_store_call;

struct hf_config_lot;

struct hf_park_wiring {
	const struct hf_config *config;
	struct hf_media *media;
	const struct hf_signal_ops *signal;
	void *stack; /* first argument of signal->invite */
	void (*event)(void *event_arg, const struct hf_event *);
	void *event_arg;
	uint64_t call_id_base; /* first call id - 1; rises over restarts */
	/* NULL, or told that a slot may look different now; it may not call
	 * back. `slot` counts all slots in the order of hf_park_each_slot(). */
	void (*slot_changed)(void *slot_arg, uint32_t slot);
	void *slot_arg;
	/* NULL, or told of each call that has changed, and of its end. */
	void (*journal_put)(void *journal_arg, const struct hf_store_call *);
	void (*journal_drop)(void *journal_arg, uint64_t call);
	void *journal_arg;
	/* NULL, or told that a call is over, after its last event. */
	void (*over)(void *over_arg, uint64_t call);
	void *over_arg;
	/* NULL, or asked to put what this lot says into music that a call of it
	 * hears. True: that is under way, and worth waiting for. */
	bool (*say_into)(void *say_arg, const struct hf_config_lot *,
			 const char *music);
	void *say_arg;
};

int hf_park_create(const struct hf_park_wiring *, struct hf_park **ret);
/* Ends every call with BYE first if `hang_up`. */
void hf_park_destroy(struct hf_park *, bool hang_up);

/*
 * Take up a call from the journal: its dialogs, legs, slot and timers. What
 * cannot be taken up is ended with BYE; then -errno, and the record is dropped.
 */
int hf_park_restore(struct hf_park *, const struct hf_store_call *);

/* Run what is due. Call before handing over any input, and at hf_park_next_ms. */
void hf_park_run(struct hf_park *, uint64_t now_ms);
/* When hf_park_run is next needed, UINT64_MAX = not at all. */
uint64_t hf_park_next_ms(const struct hf_park *);

/* A party pressed a key (ctl/media, struct hf_media_ears). */
void hf_park_digit(struct hf_park *, uint32_t leg, char digit,
		   uint32_t duration_ms);

/* From this leg's party nothing comes, or it sends again: after so many seconds. */
void hf_park_silent(struct hf_park *, uint32_t leg, bool silent,
		    uint32_t seconds);

/* One line of the slot table. Strings live until the next call into the park. */
struct hf_slot_view {
	const char *tenant; /* NULL = the only one */
	const char *lot, *slot, *label;
	const char *state; /* "free", "arriving", "reserved", "parked", "recalling", "claimed" */
	uint64_t call;	   /* 0 = none */
	const char *caller_number, *caller_name, *parker;
	uint32_t seconds_parked, seconds_to_recall;
	uint32_t attempt;
	const char *caller_uri;
	bool privacy; /* the caller's name and number are not for everybody */
	/* The caller's dialog as we see it; NULL = none (yet). */
	const char *sip_call_id, *local_tag, *remote_tag;
};

struct hf_party_view {
	const char *role; /* "parkee", "retriever", "recall", "parker", "target" */
	const char *identity, *sip_call_id, *state;
	uint32_t leg; /* HF_LEG_NONE = none */
	const char *codec;
};

struct hf_call_view {
	uint64_t call;
	const char *state; /* also "relay", "transfer" */
	const char *tenant;
	const char *lot, *slot, *rule;
	const char *routing; /* the routing rule that was followed, or NULL */
	const char *only;    /* who alone may pick it up, or NULL */
	const char *caller_number, *caller_name, *parker, *retriever;
	bool privacy; /* as of a slot */
	uint32_t seconds, seconds_parked, seconds_to_recall, attempt, park_count;
#define HF_VIEW_PARTIES 18 /* two who talk, and all that may ring at once */
	struct hf_party_view party[HF_VIEW_PARTIES];
	unsigned int party_count;
};

/* The callback returns false to stop. Views are valid inside it only. Slots come
 * lot by lot, always all of them in the same order; calls in the order of their
 * ids. (ctl/api walks them piece by piece.) */
void hf_park_each_slot(struct hf_park *, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_slot_view *), void *arg);
void hf_park_each_call(struct hf_park *, uint64_t now_ms,
		       bool (*fn)(void *, const struct hf_call_view *), void *arg);

/* One slot by its number; false if there is none. */
bool hf_park_slot(struct hf_park *park, uint64_t now_ms, uint32_t slot,
		  struct hf_slot_view *ret);

/*
 * A new configuration, made by hf_config_follow() with these two: every call goes
 * on in its lot and slot. 0, or -ENOMEM and nothing has changed.
 */
int hf_park_reload(struct hf_park *, const struct hf_config *);
bool hf_park_slot_busy(void *park, unsigned int lot, uint32_t slot);
bool hf_park_lot_used(void *park, unsigned int lot);
/* Of what is there only until it is free: how many lots have some in use? */
unsigned int hf_park_leaving(struct hf_park *);

/*
 * Acts of a supervisor. -ENOENT: no such call, slot or lot; -EBUSY: not in the
 * state for it; then *why is a sentence.
 */
int hf_park_move(struct hf_park *, uint64_t call, const char *slot_or_lot,
		 const char **why);
int hf_park_kick(struct hf_park *, uint64_t call);
/* Call `uri` and join it with the caller, who waits on meanwhile. step_in: the
 * slot is kept, and when that one hangs up the caller waits in it again. */
int hf_park_ring_for(struct hf_park *, uint64_t call, const char *uri,
		     bool step_in, const char **why);
/* Call `uri`, play the clip once and hang up. *ret_play names it for... */
int hf_park_play(struct hf_park *, const char *clip, const char *uri,
		 uint64_t *ret_play, char *why, size_t why_len);
/* ... this: "ringing", "playing", "played", "failed" and why. False: there is
 * none, or it is forgotten. */
bool hf_park_play_state(const struct hf_park *, uint64_t play,
			const char **ret_state, const char **ret_why);
/* How a call of ours that says something ended. */
enum hf_talk_end {
	HF_TALK_SAID,	    /* to its end */
	HF_TALK_LEFT,	    /* answered, but hung up before the end */
	HF_TALK_UNANSWERED, /* never answered, or cannot be */
};
struct hf_saying {
	const char *uri;
	const char *lot; /* of which it speaks, NULL = none: whose proxy */
	const char *from_user, *display; /* of our domain */
	const char *const *clips; /* one after the other, up to 16 */
	unsigned int count, ring_s;
	void (*begun)(void *arg); /* it is answered, and hears it */
	void (*over)(void *arg, enum hf_talk_end, const char *why);
	void *arg;
};
/* Call, say it, hang up. 0: `over` will be told. -EBUSY: something is being said
 * to that phone already; or another -errno. Then why is a sentence. */
int hf_park_say(struct hf_park *, const struct hf_saying *, uint64_t *ret_talk,
		char *why, size_t why_len);
/* It is not to be said any more: nothing is told of it. */
void hf_park_say_no_more(struct hf_park *, uint64_t talk);
/* Call it out in a paging zone; NULL: its own, its lot's, or the only one. */
int hf_park_page(struct hf_park *, uint64_t call, const char *zone,
		 const char **why);
/* No new calls to park (503); calls that are here go on. */
void hf_park_drain(struct hf_park *, bool on);
bool hf_park_draining(const struct hf_park *);

struct hf_park_totals {
	uint32_t talks; /* legs on which something is said, outside of calls */
	uint32_t calls, parked, relayed, recalling, slots, slots_free;
	uint64_t parks, retrieved, rang_back, abandoned, refused;
};
void hf_park_totals(const struct hf_park *, struct hf_park_totals *ret);
/* Of the lot that is the `lot`th of the configuration. */
void hf_park_lot_taken(const struct hf_park *, unsigned int lot,
		       uint32_t *ret_slots, uint32_t *ret_taken);

/* An INVITE that nobody sent; NULL = not in it. */
struct hf_explain {
	const char *number; /* dialled, with parameters: "700", "x;orbit=701" */
	const char *from, *transferred_by; /* URIs, or what stands before the @ */
	const char *source;  /* IP address; NULL = a trusted peer */
	const char *headers; /* "Name: value" lines */
	const char *tenant;  /* NULL: as host, source and headers say */
};
struct hf_explained {
	const char *wrong; /* -EINVAL: which of the above */
	const char *verdict; /* "park", "reserve", "retrieve", "refuse" */
	const char *rule, *text, *routing, *tenant, *lot; /* NULL = none */
	bool trusted;
	int status; /* of a refusal, else 0 */
	char slot[64], reason[80];
};
/* What it would mean, by the rules; nothing is taken. 0 or -EINVAL. */
int hf_park_explain(struct hf_park *, const struct hf_explain *,
		    struct hf_explained *ret);

/* The state table as a Markdown page (Documentation/call-states.md). */
void hf_park_print_table(FILE *);

#endif
