/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends every event of the bus as a netlink message with the attributes of
 * include/uapi/holdfast.h: by the kernel module to its multicast group, or,
 * without the module, by ourselves on NETLINK_USERSOCK with the same payload.
 * Nobody has to listen, and nobody who reads slowly holds us up.
 */
#ifndef HOLDFAST_EVENTS_NETLINK_H
#define HOLDFAST_EVENTS_NETLINK_H

#include "bus.h"

struct hf_event_netlink;

/* -errno if neither way can be opened; the bus works without. */
int hf_event_netlink_open(struct hf_bus *, const char *instance,
			  struct hf_event_netlink **ret);
void hf_event_netlink_close(struct hf_event_netlink *);

#endif
