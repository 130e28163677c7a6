/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does a device send what XDP redirects to it? Many do not, and nothing says so:
 * the kernel drops the frames, the call succeeds. So some frames are redirected
 * that nobody forwards, and the device's own counters are asked.
 */
#ifndef HOLDFAST_MEDIAD_PROBE_H
#define HOLDFAST_MEDIAD_PROBE_H

#include "mediad/netlink.h"

/* 0: it sends them. 1: it swallows them. -errno: it cannot be said. */
int hf_probe_device(struct hf_netlink *, uint32_t ifindex);

#endif
