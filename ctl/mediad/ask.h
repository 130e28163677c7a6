/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks neighbours whether they still have the hardware address that they had.
 * One that has another now and does not say so would be found by the kernel
 * only after half a minute: it does not see what XDP sends, so it does not look.
 * Each is asked by a packet to itself; who does not answer, by one to all. The
 * answers go to the kernel, and what changes by them comes back to nexthop.c as
 * any other news. An answer that the kernel would not believe yet, because it
 * learned something about this neighbour a moment ago, is heard here and told it.
 *
 * nexthop.c says when; way.h has whom.
 */
#ifndef HOLDFAST_MEDIAD_ASK_H
#define HOLDFAST_MEDIAD_ASK_H

#include "mediad/way.h"

#define HF_ASK_EVERY_MS 300 /* the next so many */
#define HF_ASK_AT_ONCE	32  /* neighbours */
#define HF_ASK_PATIENCE_MS 100

struct hf_question {
	uint32_t ifindex;
	struct hf_ip via, from;
	uint8_t mac[6], own[6];
	bool locked; /* the kernel would believe nobody else */
};

struct hf_asker {
	int arp, icmp6; /* -1: cannot be asked that way */
	int ear;	/* hears answers over ARP, -1 = needs not */
	uint32_t chain; /* of the ways by neighbour, where to go on */
	uint32_t asked;
	struct hf_question question[HF_ASK_AT_ONCE];
	bool waiting;	  /* for answers to those, */
	bool rests;	  /* no call goes anywhere, as far as is known */
	uint64_t next_ms; /* until then; 0 = nobody is to be asked */
};

void hf_asker_open(struct hf_asker *);
void hf_asker_close(struct hf_asker *);

/* Whether there is anybody to ask: no, or ask soon. */
void hf_asker_stop(struct hf_asker *);

static inline void hf_asker_start(struct hf_asker *a, uint64_t now_ms)
{
	if (!a->next_ms && !a->rests)
		a->next_ms = now_ms + HF_ASK_EVERY_MS;
}

/* At next_ms. */
void hf_asker_turn(struct hf_asker *, struct hf_wayfinder *, uint64_t now_ms);

#endif
