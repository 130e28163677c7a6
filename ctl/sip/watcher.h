/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscriptions to our lamps and publications of them, inside ctl/sip: what
 * subscribe.c, notify.c, restore.c and publish.c share. The lamps
 * (ctl/presence/watch.h) decide; here only messages move.
 */
#ifndef HOLDFAST_SIP_WATCHER_H
#define HOLDFAST_SIP_WATCHER_H

#include "private.h"

#include "presence/persist.h"
#include "presence/watch.h"

/* The dialog of a subscription. There are tens of thousands: no text is kept
 * that the stack's leg has already. */
struct hf_watcher {
	struct hf_watcher *prev, *next;
	struct hf_sip *sip;
	struct hf_watch *watch; /* NULL: the lamps have let go */
	const struct hf_listener *listener;
	nta_leg_t *leg;
	nta_outgoing_t *notify;
	/* Where to send when the Contact cannot be reached (NAT), NULL = there */
	url_t *via;
};

struct hf_watcher *hf_watcher_create(struct hf_sip *, const struct hf_listener *);
void hf_watcher_free(struct hf_watcher *);
/* SUBSCRIBE in the dialog of a watcher. */
int hf_watcher_request(void *watcher, nta_leg_t *, nta_incoming_t *,
		       const sip_t *);
/* Our Contact of a subscription: the address it came to. */
sip_contact_t *hf_watcher_contact(su_home_t *, const struct hf_watcher *);

/* notify.c */
int hf_watcher_notify(struct hf_watcher *, const struct hf_notify *);
void hf_watcher_release(struct hf_watcher *);

/* restore.c */
/* "<sip:a;lr>, <sip:b;lr>", of `home`. */
char *hf_route_text(su_home_t *home, const sip_route_t *);
/* The listener of that name, or a like one. */
const struct hf_listener *hf_listener_named(const struct hf_sip *,
					    const char *name);
struct hf_watcher *hf_watcher_adopt(void *sip, struct hf_watch *,
				    const struct hf_watch_dialog *);
/* Strings of `home`; NULL when memory ran out. */
bool hf_watcher_text(su_home_t *home, const struct hf_watcher *, const sip_t *,
		     struct hf_watch_dialog *ret);

#endif
