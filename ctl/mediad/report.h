/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reports: RTCP of every leg that the controller has given one, at the
 * intervals of RFC 3550 section 6.2, whatever the leg does: hold, relay or
 * nothing. They are sent by a raw socket, with the kernel's routes. What peers
 * report comes from the ring buffer and is written into the map, for people to
 * see.
 *
 * The map is looked through once a second while any leg has RTCP, and when the
 * controller says that a leg began or ended; without legs nothing wakes.
 *
 * The ring also has packets that are relayed to peers on this host. Those are
 * told, and go on at once.
 */
#ifndef HOLDFAST_MEDIAD_REPORT_H
#define HOLDFAST_MEDIAD_REPORT_H

#include <stdint.h>

struct hf_pins;
struct hf_reports;

/* `pins` must outlive them. `tos` of what is sent. */
int hf_reports_open(const struct hf_pins *, uint8_t tos,
		    struct hf_reports **ret);
void hf_reports_close(struct hf_reports *);
/* A leg began or ended. */
void hf_reports_changed(struct hf_reports *);
/* Readable when something for this host came. */
int hf_reports_fd(const struct hf_reports *);
void hf_reports_read(struct hf_reports *);
/* How long to sleep at most, -1 = for ever. */
int hf_reports_wait_ms(const struct hf_reports *);
void hf_reports_tick(struct hf_reports *);

#endif
