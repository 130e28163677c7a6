/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of network drivers: their name, and what to do about one that
 * takes redirected frames and sends none. Shared with holdfast-mediad.
 */
#ifndef HOLDFAST_MEDIA_DRIVER_H
#define HOLDFAST_MEDIA_DRIVER_H

#include <stddef.h>
#include <stdint.h>

/* "" if the device has none that can be asked (lo). */
void hf_driver_name(const char *device, char *ret, size_t len);
/* What helps a device of this driver; never NULL. */
const char *hf_driver_fix(const char *driver);
/* Frames that its counters say XDP sent through it, all queues together; 0 if it
 * counts none. */
uint64_t hf_driver_xdp_sent(const char *device);

#endif
