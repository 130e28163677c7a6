/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A talk: one leg on which something is said once, outside of any call. Who
 * dials an empty slot may be told so, a phone is paged, a clip is tried out.
 *
 * It has a party of its own (party->talk instead of party->call), so park.c
 * leads what happens to its dialog here; it has no state table because it has
 * one way to go: called or answered, saying, hung up.
 */
#ifndef HOLDFAST_PARK_TALK_H
#define HOLDFAST_PARK_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../media/media.h"
#include "park.h"
#include "signal.h"
#include "timers.h"

#define HF_WORD_LEN 96

/* What is said: names of clips, one after the other. What does not exist in
 * the codec of the leg is left out. */
struct hf_speech {
	char word[HF_SAY_MAX][HF_WORD_LEN];
	unsigned int count;
};

enum hf_talk_state {
	HF_TALK_RINGS,	/* our INVITE is out */
	HF_TALK_GREETS, /* our 200 is out, its ACK is awaited */
	HF_TALK_SPEAKS,
};

struct hf_talk {
	struct hf_park *park;
	struct hf_talk *next, **at; /* of park->talks */
	uint64_t id;		    /* one of the numbers of calls */
	uint32_t sessions;
	enum hf_talk_state state;
	struct hf_party *party;
	struct hf_speech speech;
	bool whole;  /* one clip, however long */
	int refuse_with; /* early media: the final answer afterwards; else 0 */
	bool noted;	 /* stands in the journal */
	struct hf_timer timer;
	/* NULL, or told once: that it is answered and speaks; */
	void (*begun)(void *over_arg);
	/* when it is over; `why` is a sentence. */
	void (*over)(void *over_arg, enum hf_talk_end, const char *why);
	void *over_arg;
};

/* A call of ours to say something. */
struct hf_talk_out {
	const char *uri;
	const struct hf_config_tenant *tenant; /* for whom; NULL = the only one */
	const char *from_user, *display; /* of our domain */
	const char *call_info, *alert_info, *answer_mode; /* NULL = none */
	unsigned int ring_s;
	struct hf_speech speech;
	bool whole;
	void (*begun)(void *over_arg);
	void (*over)(void *over_arg, enum hf_talk_end, const char *why);
	void *over_arg;
};
/* 0, and `over` will be told; or -errno with a sentence in why. */
int hf_talk_call(struct hf_park *, const struct hf_talk_out *,
		 uint64_t *ret_talk, char *why, size_t why_len);
/* It is not to be said after all; nobody is told. Takes what is not there. */
void hf_talk_take_back(struct hf_park *, uint64_t talk);
/* Has the talk been answered? False also when it is over. */
bool hf_talk_speaks(const struct hf_park *, uint64_t talk);

/*
 * Say it to who sent the INVITE at hand, then hang up; or, `early`, before the
 * final answer `status`. False: it cannot be, nothing was sent, and the party
 * is as it was.
 */
bool hf_talk_answer(struct hf_park *, struct hf_party *,
		    const struct hf_invite *, const struct hf_speech *,
		    int status, bool early);

/* Ends them all; without `hang_up` the phones are left to the next process. */
void hf_talks_end(struct hf_park *, bool hang_up);
/* Is somebody of this URI being talked to? */
bool hf_talk_with(const struct hf_park *, const char *uri);

/* From park.c, for a party that has a talk. */
void hf_talk_ack(struct hf_talk *, const char *body, size_t len);
void hf_talk_answered(struct hf_talk *, const char *body, size_t len);
void hf_talk_gone(struct hf_talk *, const char *why);
void hf_talk_reinvite(struct hf_talk *, const char *body, size_t len);

/* journal.c: the state that says it is a talk; and one of a process before us,
 * which is let speak to its end. */
#define HF_TALK_STATE "talk"
struct hf_store_call;
void hf_talk_note(struct hf_talk *, uint64_t ends_ms);
void hf_talk_unnote(struct hf_talk *);
int hf_talk_restore(struct hf_park *, const struct hf_store_call *);
/* talk.c: a talk with this party, not yet anywhere. */
struct hf_talk *hf_talk_create(struct hf_park *, struct hf_party *);
void hf_talk_free(struct hf_talk *, bool close_leg);

/* "parked-at", then the digits: one word a character. */
void hf_speech_add(struct hf_speech *, const char *language, const char *word);
void hf_speech_spell(struct hf_speech *, const char *language,
		     const char *number);

#endif
