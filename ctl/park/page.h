/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paging: a parked call is called out in a zone of the configuration (paging),
 * on phones that are called to answer by themselves, by multicast, or both.
 * What is said in a zone, or by one phone, is said in order and never at once.
 */
#ifndef HOLDFAST_PARK_PAGE_H
#define HOLDFAST_PARK_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "timers.h"

struct hf_call;
struct hf_config_zone;
struct hf_page;
struct hf_park;
struct hf_zone;

struct hf_paging {
	struct hf_page *pages; /* oldest first; those that are said, and to come */
	struct hf_zone *zones; /* config->zone_count of them */
	unsigned int waiting;  /* pages in the list */
	bool looking;	       /* for what may begin */
	struct hf_timer look;
};

int hf_pages_create(struct hf_park *);
void hf_pages_end(struct hf_park *);

/* The call has come to wait: page it, if its lot or its INVITE says so. */
void hf_page_parked(struct hf_call *);

/* Something may be over that a page has waited for. */
void hf_pages_look(struct hf_park *);
void hf_pages_reload(struct hf_park *);

#endif
