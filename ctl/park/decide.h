/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a new INVITE means. */
#ifndef HOLDFAST_PARK_DECIDE_H
#define HOLDFAST_PARK_DECIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "signal.h"

struct hf_call;
struct hf_lot;
struct hf_slot;

/* number.c: what the Request-URI of an INVITE names. */
enum hf_number_kind {
	HF_NUMBER_UNKNOWN,
	HF_NUMBER_LOT,	     /* the lot's park number */
	HF_NUMBER_SLOT,	     /* a slot, and nothing more */
	HF_NUMBER_PARK_ONLY, /* prefix, park+N, orbit=N; no slot: any of it */
	HF_NUMBER_PICK_UP,   /* prefix; slot NULL = there is no such slot */
	HF_NUMBER_OLDEST,    /* of the lot */
};
enum hf_number_kind hf_number_read(struct hf_park *, const struct hf_invite *,
				   struct hf_lot **, struct hf_slot **);
/* The value of a URI parameter, named with its "="; false without one. */
bool hf_uri_value(const char *params, const char *name, char *out, size_t len);

/* decide.c */
enum hf_verdict {
	HF_DO_REFUSE,
	HF_DO_PARK,
	HF_DO_RESERVE,
	HF_DO_SWAP,
	HF_DO_RETRIEVE,
	HF_DO_TRANSFER, /* of a REFER: call somebody else */
};
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
	const struct hf_party *replaced; /* SWAP: the leg that goes */
	bool plain; /* RETRIEVE: by the bare number of the slot */
	const char *prompt; /* REFUSE: says why to who dialled, or NULL */
	const struct hf_config_route *route; /* that was followed, or NULL */
	char remark[80];
};
void hf_decide(struct hf_park *, const struct hf_invite *,
	       struct hf_decision *ret);
/* What a REFER of the retriever means: TRANSFER, PARK (again), REFUSE. With
 * PARK, `call` is one that keeps the slot for it, or NULL. */
void hf_decide_refer(struct hf_call *, const struct hf_refer *,
		     struct hf_decision *ret);
size_t hf_rule_count(void);
void hf_rule_describe(size_t, const char **name, const char **text);

#endif
