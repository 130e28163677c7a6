/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the next hops of the map `nexthops` true: each destination that a leg
 * wants is followed through route, link and neighbour to a device and two
 * hardware addresses, and whatever changes on that way is written to the map
 * within moments. It goes on while the controller is dead.
 *
 * Knows netlink.h and hop.h, no BPF: a device that becomes a way out is handed
 * to `use_device`, which puts it where the packet programs may redirect to, and
 * sees whether it sends what is redirected to it.
 */
#ifndef HOLDFAST_MEDIAD_NEXTHOP_H
#define HOLDFAST_MEDIAD_NEXTHOP_H

#include <stdint.h>

struct hf_address;
struct hf_ip6;
struct hf_nexthop;
struct hf_nexthops;

struct hf_nexthops_setup {
	struct hf_nexthop *table;
	const struct hf_ip6 *dest6; /* of those of IPv6 */
	uint32_t count; /* elements of it */
	uint8_t tos;	/* of what is sent: DSCP << 2 */
	const struct hf_address *address; /* our media addresses */
	uint32_t addresses;
	/* 0, 1 if it swallows redirected frames, or -errno; called again when the
	 * device was gone in between. */
	int (*use_device)(void *arg, uint32_t ifindex);
	/* Packets that come in are to be relayed to a device that takes no frames
	 * from native programs, or swallows them: 0 if they can be. May be NULL. */
	int (*make_generic)(void *arg);
	/* A way is about to open that no frame is redirected to. May be NULL. */
	void (*elsewhere)(void *arg);
	void *arg;
};

/* Resolves what is wanted already. */
int hf_nexthops_open(const struct hf_nexthops_setup *,
		     struct hf_nexthops **ret);
void hf_nexthops_close(struct hf_nexthops *);

/* The controller wants something: this entry, or, with UINT32_MAX, who knows.
 */
void hf_nexthops_wanted(struct hf_nexthops *, uint32_t index);

/* A media device is attached to again: what is known of it is of no use. */
void hf_nexthops_device(struct hf_nexthops *, uint32_t ifindex);

/* When readable: hf_nexthops_read(). */
int hf_nexthops_fd(const struct hf_nexthops *);
void hf_nexthops_read(struct hf_nexthops *);

/* Milliseconds until hf_nexthops_tick() has something to do, -1 = never. */
int hf_nexthops_wait_ms(const struct hf_nexthops *);
void hf_nexthops_tick(struct hf_nexthops *);

#endif
