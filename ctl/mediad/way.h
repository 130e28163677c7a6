/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One destination's way out: from its address through route, link and neighbour
 * to a hop in the map. way.c asks the kernel (netlink.h) and writes the hop
 * (hop.h); nexthop.c decides which ways there are and when to look again.
 *
 * Answers about the device and the neighbour that the way before it used are
 * kept for one round, because most callers are reached through one gateway.
 */
#ifndef HOLDFAST_MEDIAD_WAY_H
#define HOLDFAST_MEDIAD_WAY_H

#include <stdbool.h>
#include <stdint.h>

#include "mediad/hop.h"
#include "mediad/netlink.h"
#include "mediad/nexthop.h"

/* Whether a device still swallows frames: soon, since the other end of one that
 * was just made may not be ready, and then less and less often. */
#define HF_WAY_ASK_SOON_MS 1000
#define HF_WAY_ASK_AGAIN_MS 16000
#define HF_WAY_CHAINS 4096 /* of ways by neighbour */

enum hf_way_state {
	HF_WAY_NEW,
	HF_WAY_OPEN,	 /* the map has a valid hop */
	HF_WAY_ASKING,	 /* waiting for the neighbour's address */
	HF_WAY_BLOCKED,	 /* no route, device down */
};

struct hf_way {
	struct hf_way *chain;	/* next of the same hash */
	uint32_t index;		/* of the map */
	uint32_t place;		/* in the list of all ways, nexthop.c */
	uint32_t route_ifindex; /* where the route leads, 0 = none */
	uint32_t ifindex;	/* where frames go (below a VLAN device) */
	struct hf_ip dest;
	struct hf_ip via;
	struct hf_ip from; /* ours, on the way there */
	enum hf_way_state state;
	bool unanswered; /* open, on what was known before */
};

/* A device that is a way out. */
struct hf_way_device {
	uint32_t ifindex;
	bool veth; /* XDP_TX needs a program at its other end, redirecting not */
	bool swallows; /* what is redirected to it, as of */
	uint64_t asked_ms;
	uint64_t again_ms; /* swallows: look again after so long */
};

/* What a round of changes came to, for one line of the log instead of many. */
struct hf_way_news {
	uint32_t count;
	uint32_t index, ifindex; /* of the first */
	struct hf_ip dest, via;
	char why[160];
};

struct hf_wayfinder {
	struct hf_nexthops_setup setup;
	struct hf_netlink *nl;
	struct hf_way *chain[HF_WAY_CHAINS];
	struct hf_way_device *device; /* that use_device() knows */
	uint32_t devices;
	/* What the last question said; ifindex 0 = not asked in this round. */
	struct {
		uint32_t ifindex;
		int rc;
		struct hf_link link;
	} last_link;
	struct {
		uint32_t ifindex;
		struct hf_ip via;
		int rc;
		struct hf_neigh neigh;
	} last_neigh;
	uint32_t used_ifindex; /* the last neighbour whose use was announced */
	struct hf_ip used_via;
	struct hf_way_news opened, lost, unanswered;
};

/* A round of questions: forget the answers before it, log what came of it. */
void hf_wayfinder_begin(struct hf_wayfinder *);
void hf_wayfinder_end(struct hf_wayfinder *);

/* When a device that swallows frames should be looked at again, 0 = none does. */
uint64_t hf_wayfinder_again_ms(const struct hf_wayfinder *);

/* The device is gone (0: any may be): it must be introduced again. */
void hf_wayfinder_forget_device(struct hf_wayfinder *, uint32_t ifindex);

/* Find the way and put it into the map. */
void hf_way_resolve(struct hf_wayfinder *, struct hf_way *);
/* Its entry is not wanted any more. The memory stays the caller's. */
void hf_way_drop(struct hf_wayfinder *, struct hf_way *);
/* Tell the kernel that the neighbour is in use. */
void hf_way_use(struct hf_wayfinder *, const struct hf_way *);
/* Something happened to this neighbour: look at the ways that use it. */
void hf_way_neighbour(struct hf_wayfinder *, uint32_t ifindex,
		      const struct hf_ip *address);

#endif
