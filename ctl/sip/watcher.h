/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Subscriptions to our lamps and publications of them, inside ctl/sip: what
 * subscribe.c, notify.c, restore.c and publish.c share. The lamps
 * (ctl/presence/watch.h) decide; here only messages move.
 */
#ifndef HOLDFAST_SIP_WATCHER_H
#define HOLDFAST_SIP_WATCHER_H

#include <uthash.h>

#include "private.h"

#include "base/slab.h"
#include "presence/persist.h"
#include "presence/watch.h"

/*
 * The dialog of a subscription, as text. There are tens of thousands and each
 * is quiet nearly always, so the stack has a leg for it only while a NOTIFY is
 * under way: the text costs a quarter of the leg.
 */
struct hf_watcher {
	struct hf_sip *sip;
	struct hf_watch *watch; /* NULL: the lamps have let go */
	const struct hf_listener *listener;
	nta_leg_t *leg;
	nta_outgoing_t *notify;
	uint32_t local_cseq, remote_cseq;
	uint16_t text_len;
	bool held; /* its 200 waits until it is in the journal */
	char *text; /* the strings of hf_watcher_text(), one after the other */
	UT_hash_handle hh; /* by our tag, the first of them */
};

struct hf_watcher_text {
	const char *tag;
	struct hf_watch_dialog dialog; /* without `listener` */
};

struct hf_watcher *hf_watcher_create(struct hf_sip *,
				     const struct hf_listener *);
void hf_watcher_free(struct hf_watcher *);
void hf_watchers_free(struct hf_sip *);
/* Its 200 is on its way. */
void hf_watcher_begin(struct hf_watcher *);
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
/* The text of a dialog: valid until it is set again. */
void hf_watcher_text(const struct hf_watcher *, struct hf_watcher_text *ret);
int hf_watcher_set_text(struct hf_watcher *, const struct hf_watcher_text *);
/* "udp:192.0.2.10:5060" */
void hf_watcher_listener(const struct hf_watcher *, char *text, size_t len);
bool hf_watcher_open_leg(struct hf_watcher *);
struct hf_watcher *hf_watcher_adopt(void *sip, struct hf_watch *,
				    const struct hf_watch_dialog *);

#endif
