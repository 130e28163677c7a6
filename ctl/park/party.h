/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A party of a call: its dialog, its leg, who it is, and how media is agreed on
 * with it.
 */
#ifndef HOLDFAST_PARK_PARTY_H
#define HOLDFAST_PARK_PARTY_H

#include <stdbool.h>
#include <stdint.h>

#include "holdfast/abi.h"

#include "../media/media.h"
#include "../sdp/session.h"
#include "hash.h"
#include "identity.h"
#include "signal.h"

struct hf_call;

/* party.c */
enum hf_role {
	HF_ROLE_CALLER,
	HF_ROLE_RETRIEVER,
	HF_ROLE_RECALL,
	HF_ROLE_TARGET, /* of a transfer; the retriever once it has answered */
};
struct hf_codecs {
	enum hf_codec list[HF_CODEC_COUNT];
	unsigned int count;
};

enum hf_hears { HF_HEARS_NOTHING, HF_HEARS_HOLD, HF_HEARS_PEER };

struct hf_party {
	struct hf_park *park;
	struct hf_call *call; /* NULL: not yet taken into one */
	struct hf_talk *talk; /* instead of a call; or NULL */
	struct hf_dialog *dialog;
	enum hf_role role;
	bool incoming;	      /* its INVITE, not ours */
	bool answered;	      /* there was a 2xx */
	bool up;	      /* ... and its ACK */
	bool gone;	      /* the stack said that the dialog is over */
	bool awaiting_answer; /* our offer is out, its answer comes in an ACK */
	bool reoffered;	      /* ... in a re-INVITE of ours */
	bool early;	      /* it has answered our offer, but not the call */
	bool privacy;
	struct hf_codecs offered; /* by us, in the latest offer */
	enum hf_hears hears;
	uint32_t leg;
	struct hf_ip source; /* of its signalling, 0 = unknown */
	const struct hf_session *session; /* cut: hf_party_keep() */
	struct hf_party *ring_next; /* rings for the same call, see ring.c */
	unsigned int redirects;	    /* 3xx that led here */
	/* Has answered a recall and is to press a key until then; 0 = not. */
	uint64_t confirm_ends_ms;
	struct hf_person who;
	char *sip_call_id, *remote_tag;
	char *key; /* Call-ID and our tag: what Replaces names; NULL = not yet
		    */
	UT_hash_handle hh, hh_leg; /* the latter while it has a leg */
};
struct hf_party *hf_party_create(struct hf_park *, struct hf_dialog *,
				 enum hf_role);
/* The session is now this one. -ENOMEM: it is as it was. */
int hf_party_keep(struct hf_party *, const struct hf_session *);
int hf_party_fill(struct hf_party *, const struct hf_invite *);
void hf_party_index(struct hf_party *);
/* The party has this leg from now on; HF_LEG_NONE: none. */
void hf_party_set_leg(struct hf_party *, uint32_t leg);
struct hf_party *hf_party_by_leg(const struct hf_park *, uint32_t leg);
const char *hf_party_role(const struct hf_party *); /* "parkee" */
/* What a leg is marked with (media.h); never 0. */
uint64_t hf_call_id_mark(const char *sip_call_id);
struct hf_party *hf_party_by_replaces(const struct hf_park *,
				      const struct hf_replaces *);
/* Forget the party; close its leg. Ends the dialog unless it is over: BYE,
 * CANCEL, or a refusal with `status` (487 when 0). */
void hf_party_drop(struct hf_party *, int status, const struct hf_cause *);
void hf_party_free(struct hf_party *, bool close_leg);
const char *hf_party_state(const struct hf_party *);
/* Where its signalling comes from, for the rights; NULL = not known. */
const char *hf_party_source(const struct hf_party *, char text[HF_IP_TEXT]);

/* negotiate.c: SIP status, 0 = agreed; then `out` holds the SDP to send. */
#define HF_WHY_LEN 200
struct hf_words {
	char sdp[HF_SDP_MAX_TEXT];
	char why[HF_WHY_LEN];
};
struct hf_codecs hf_codecs_all(const struct hf_park *); /* configured */
struct hf_codecs hf_codecs_only(enum hf_codec);
int hf_party_take_invite(struct hf_party *, const char *body, size_t len,
			 struct hf_codecs, struct hf_words *out);
int hf_party_take_answer(struct hf_party *, const char *body, size_t len,
			 struct hf_codecs, struct hf_words *out);
int hf_party_make_offer(struct hf_party *, struct hf_ip towards,
			struct hf_codecs, struct hf_words *out);
/* What is agreed, as our offer. */
int hf_party_offer_same(struct hf_party *, struct hf_words *);
int hf_party_retake(struct hf_party *, const char *body, size_t len,
		    struct hf_codecs, struct hf_words *out);
/* What of this list an offer has, its first choice first. */
struct hf_codecs hf_codecs_in_offer(const char *body, size_t len,
				    struct hf_codecs);
/* Offer these to a party that is up; 0 = under way. */
int hf_party_reoffer(struct hf_party *, struct hf_codecs);
bool hf_party_listens(const struct hf_party *);
void hf_party_hear_hold(struct hf_party *);
void hf_party_hear_nothing(struct hf_party *);
/* The leg of a process before us, with what the session says. */
int hf_party_adopt_leg(struct hf_party *);

#endif
