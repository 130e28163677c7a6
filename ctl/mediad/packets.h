/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hold frames as packets of sockets, for ways that live frames cannot take:
 * devices without the driver function for redirected frames, devices that
 * swallow them, and this host itself; for all ways where the kernel refuses live
 * frames or `media.pacer` says so; and for turns in which few frames are due. The
 * same legs, the same claim, the same bytes: only the way into the device differs.
 *
 * One socket for frames of all devices, one for destinations on this host: what
 * goes there takes the host's own stack, which believes no packet of its own
 * address that comes out of a device. Both are filled in batches of one call.
 */
#ifndef HOLDFAST_MEDIAD_PACKETS_H
#define HOLDFAST_MEDIAD_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

struct hf_packets;
struct hf_pins;
struct hf_ready_frame;

int hf_packets_open(const struct hf_pins *, struct hf_packets **ret);
void hf_packets_close(struct hf_packets *);

/* Claim this frame (ready.h), and queue it if nobody else had it: to its device,
 * or to this host itself. */
void hf_packets_add(struct hf_packets *, const struct hf_ready_frame *,
		    bool host);
/* What is queued goes out: claimed is claimed. */
void hf_packets_flush(struct hf_packets *);

#endif
