/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lots, their slots, and which of these are free. */
#ifndef HOLDFAST_PARK_LOT_H
#define HOLDFAST_PARK_LOT_H

#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "../config/config.h"

struct hf_call;
struct hf_park;

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
	bool leaving; /* there only until it is free */
	char *name; /* "701" */
};

/* oldest.c: calls with a slot that wait or have waited, a heap */
struct hf_oldest {
	struct hf_call **call;
	uint32_t count;
};
int hf_oldest_init(struct hf_oldest *, uint32_t slots);
void hf_oldest_fini(struct hf_oldest *);
/* To where its slot and the beginning of its wait say. */
void hf_oldest_put(struct hf_call *);
void hf_oldest_drop(struct hf_call *); /* before its slot is another one */
/* Whom the sender may pick up, and who came first; NULL = nobody. */
struct hf_lot;
struct hf_identity;
struct hf_call *hf_oldest_for(const struct hf_lot *,
			      const struct hf_identity *sender);

struct hf_lot {
	struct hf_park *park;
	const struct hf_config_lot *config;
	struct hf_slot *slots;
	uint32_t slot_count, offered_count, free_count; /* free: of the offered */
	uint32_t first; /* slots in the lots before this one */
	uint32_t cursor; /* where `next` looks first */
	struct hf_bitmap free;
	struct hf_oldest oldest;
	char *key; /* of the hash: park number and tenant */
	UT_hash_handle hh;
};
int hf_lots_create(struct hf_park *);
void hf_lots_destroy(struct hf_park *);
void hf_lots_index(struct hf_park *); /* by park number */
void hf_lots_free(struct hf_lot *lots, unsigned int count);
/* A slot of this lot by its number, also one that is to go and free. */
struct hf_slot *hf_lot_slot(struct hf_lot *, const char *user);
/* Numbers are a tenant's; NULL = the only one. */
struct hf_lot *hf_lot_by_number(const struct hf_park *,
				const struct hf_config_tenant *,
				const char *user);
struct hf_lot *hf_lot_by_name(const struct hf_park *, const char *name);
struct hf_lot *hf_lot_by_oldest(const struct hf_park *,
				const struct hf_config_tenant *,
				const char *user);
struct hf_slot *hf_slot_by_number(const struct hf_park *,
				  const struct hf_config_tenant *,
				  const char *user);
/* "*68701" with the prefixes of the lots; true also if no slot follows. */
bool hf_slot_by_prefix(const struct hf_park *,
		       const struct hf_config_tenant *, const char *user, bool park,
		       struct hf_lot **ret_lot, struct hf_slot **ret_slot);
struct hf_slot *hf_lot_choose(struct hf_lot *); /* NULL = full */
/* The same, but the slot of this name first if it is free. */
struct hf_slot *hf_lot_choose_again(struct hf_lot *, const char *name);
void hf_slot_take(struct hf_slot *, struct hf_call *);
void hf_slot_free(struct hf_call *);
/* Tell who shows slots that this one may look different. */
void hf_slot_changed(const struct hf_slot *);

#endif
