/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel module as the paced sender: kmod.c hands it our maps over the
 * generic netlink family `holdfast` and takes them back. Whether it is there may
 * change at any time; holdfast-mediad stands by and sends when it is not.
 */
#ifndef HOLDFAST_MEDIA_KMOD_H
#define HOLDFAST_MEDIA_KMOD_H

#include <stdbool.h>
#include <stdint.h>

#include "../config/config.h"
#include "media.h"
#include "pins.h"

struct nl_sock;

struct hf_kmod {
	struct nl_sock *sock;
	int family; /* 0 = not there */
	bool attached;
	uint64_t checked_ns;
	char instance[33];
	char version[65]; /* of the module */
	char reason[256]; /* why it does not send */
};

/*
 * Attach the module, loading it if need be and allowed. Only with pacer: kmod
 * is it an error that it cannot be; then err has the sentence.
 */
int hf_kmod_open(struct hf_kmod *, const struct hf_config *,
		 const struct hf_pins *, char *err, size_t err_len);
/* Every second or so, and when somebody asks: is it still there, or there now?
 * True if that has changed. */
bool hf_kmod_check(struct hf_kmod *, const struct hf_config *,
		   const struct hf_pins *);
/* The wheel is no longer empty. */
void hf_kmod_kick(struct hf_kmod *);
/* `detach`: it stops sending for us; else it goes on. */
void hf_kmod_close(struct hf_kmod *, bool detach);
/* Adds what it has counted. */
void hf_kmod_totals(struct hf_kmod *, struct hf_media_totals *);

#endif
