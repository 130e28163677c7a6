/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel knows about the way to an address: routes, links and
 * neighbours, asked one at a time and watched for changes. The one file of the
 * media keeper that speaks netlink; nexthop.c decides what the answers mean.
 *
 * Errors are negative errno, also where the library has its own numbers.
 */
#ifndef HOLDFAST_MEDIAD_NETLINK_H
#define HOLDFAST_MEDIAD_NETLINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>

#include "base/ip.h"

struct hf_netlink;

struct hf_route {
	uint32_t ifindex;
	struct hf_ip via; /* gateway, or the destination itself when on link */
	struct hf_ip from; /* our address that the kernel would take */
	uint32_t mtu; /* of the route, 0 = the device's */
	bool local;   /* the destination is this host */
};

struct hf_link {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	uint32_t mtu;
	uint8_t mac[6];
	bool up; /* administratively up, and with a carrier */
	bool loopback;
	bool ethernet; /* carries Ethernet frames */
	bool noarp;    /* asks nobody for addresses */
	bool redirect; /* may take frames that XDP redirects there */
	bool vlan;     /* an 802.1Q device on top of `lower` */
	uint16_t vlan_id;
	uint32_t lower; /* device below, 0 = none, or in another namespace */
	uint64_t tx_packets;
};

struct hf_neigh {
	bool known;  /* mac is usable */
	bool failed; /* nobody answered */
	bool fixed;  /* an administrator's: no answer changes it */
	bool others; /* somebody else's to keep, or to change */
	uint8_t mac[6];
	uint64_t confirmed_ms; /* since it was last sure of that */
	uint64_t updated_ms;   /* since it last changed anything there */
};

/* What changed. Only what the receiver needs to look again. */
struct hf_netlink_events {
	void (*link)(void *arg, uint32_t ifindex, bool gone);
	void (*neigh)(void *arg, uint32_t ifindex, const struct hf_ip *address);
	void (*route)(void *arg);
	void *arg;
};

/* Events may be NULL: only to ask. */
int hf_netlink_open(const struct hf_netlink_events *, struct hf_netlink **ret);
void hf_netlink_close(struct hf_netlink *);
/* Ask for notifications, or no longer. 1: they begin now (look at everything
 * once), 0: that was so already, or they ended. */
int hf_netlink_watch(struct hf_netlink *, bool on);

/* Readable when something changed. */
int hf_netlink_fd(const struct hf_netlink *);
/* Report what changed. -ENOBUFS: some of it was lost, look at everything. */
int hf_netlink_read(struct hf_netlink *);

/* `from`: of a multicast group, our address whose device sends there; or 0. */
int hf_netlink_route(struct hf_netlink *, const struct hf_ip *dest,
		     __be32 from, struct hf_route *ret);
int hf_netlink_link(struct hf_netlink *, uint32_t ifindex, struct hf_link *ret);
/* -ENOENT when the kernel has no entry. */
int hf_netlink_neigh(struct hf_netlink *, uint32_t ifindex,
		     const struct hf_ip *address, struct hf_neigh *ret);
/* Let the kernel find out, or (if it knows) confirm what it knows soon. The
 * packets that XDP sends do not tell the kernel that a neighbour is in use. What
 * is fixed or others' stays as it is. */
int hf_netlink_neigh_use(struct hf_netlink *, uint32_t ifindex,
			 const struct hf_ip *address);
/* The neighbour has answered, from there: instead of what the kernel knows of
 * it, which must be neither fixed nor others'. */
int hf_netlink_neigh_found(struct hf_netlink *, uint32_t ifindex,
			   const struct hf_ip *address, const uint8_t mac[6]);

#endif
