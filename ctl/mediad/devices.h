/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media devices that come back: a removed one that is made again gets the
 * receive program again, from its pin, so that calls go on by themselves, with
 * a controller or without one. What becomes of devices is logged here; a
 * controller tells it as events (media/devices.c).
 *
 * And those that leave native mode: what is redirected natively goes through the
 * driver of the device it goes to, which may have no function for that, or one
 * that swallows it; in generic mode it goes the way of all packets.
 */
#ifndef HOLDFAST_MEDIAD_DEVICES_H
#define HOLDFAST_MEDIAD_DEVICES_H

#include <stdint.h>

struct hf_devices;
struct hf_pins;

struct hf_devices_setup {
	const char *instance;
	const struct hf_pins *pins;
	/* A device is attached to again, and has this number now. */
	void (*attached)(void *arg, uint32_t ifindex);
	void *arg;
};

/* Attaches to what was lost and is there again already. */
int hf_devices_open(const struct hf_devices_setup *, struct hf_devices **ret);
void hf_devices_close(struct hf_devices *);
/* The controller has set up more, perhaps. */
void hf_devices_refresh(struct hf_devices *);
/* All of them to generic mode, as far as they are not: 0 or -errno. */
int hf_devices_make_generic(struct hf_devices *);
/* When readable: hf_devices_read(). */
int hf_devices_fd(const struct hf_devices *);
void hf_devices_read(struct hf_devices *);
/* Milliseconds until hf_devices_tick() tries again what was refused; -1 = never. */
int hf_devices_wait_ms(const struct hf_devices *);
void hf_devices_tick(struct hf_devices *);

#endif
