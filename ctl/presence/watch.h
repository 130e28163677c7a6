/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the lamps and the SIP side say to each other about subscriptions
 * (RFC 6665). The SIP side moves SUBSCRIBE and NOTIFY and keeps their dialog
 * (struct hf_watcher); the lamps decide who may watch what, when something is
 * sent and what stands in it (struct hf_watch). Both are plain tables, so each
 * side is tested without the other. One thread; nothing here blocks.
 *
 * Pointers handed over in a call live until the call returns.
 */
#ifndef HOLDFAST_PRESENCE_WATCH_H
#define HOLDFAST_PRESENCE_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "park/signal.h"

struct hf_lamps;
struct hf_watch;
struct hf_watcher;
struct hf_watch_record;

#define HF_LAMP_ALLOW_EVENTS "dialog, presence, call-info"

/* A SUBSCRIBE outside any dialog, or a refresh. */
struct hf_subscribe {
	const char *user; /* of the Request-URI, unescaped */
	const char *uri;  /* the Request-URI without parameters */
	const char *to_user, *to_uri;
	const char *event;    /* "dialog"; "" if the header is absent */
	const char *event_id; /* NULL = none */
	const char *accept;   /* all types, NULL = no Accept header */
	struct hf_identity from;
	struct hf_identity asserted; /* only if trusted */
	const char *source;
	const struct hf_config_tenant *tenant; /* as in struct hf_invite */
	bool no_tenant;
	bool eventlist; /* Supported: eventlist */
	bool stream;	/* came by TCP: bodies of any size */
	bool has_expires;
	uint32_t expires;
};

/* How to answer it. */
struct hf_subscribed {
	int status;
	const char *phrase; /* NULL = the standard one */
	const char *why;    /* for the log, of a refusal */
	uint32_t expires;
	uint32_t min_expires; /* of a 423 */
	bool eventlist;	      /* Require: eventlist */
};

/* The dialog as text, to be kept over a restart. */
struct hf_watch_dialog {
	const char *call_id;
	const char *local, *remote; /* From and To as we write them, with tag */
	const char *contact;	    /* the watcher's, a URI */
	const char *route;	    /* in route order, "" = none */
	const char *listener;	    /* "udp:192.0.2.10:5060" */
	uint32_t remote_cseq, local_cseq; /* the last used */
	const char *via; /* where to send if not to the Contact, "" = there */
};

struct hf_notify {
	const char *event, *event_id;
	bool active;	    /* else terminated */
	const char *reason; /* of the termination, NULL = none */
	uint32_t expires_s;
	const char *type; /* Content-Type with parameters, NULL = no body */
	const char *body;
	size_t len;
	bool eventlist;
};

/* What the lamps ask of the SIP side. None calls back before it returns. */
struct hf_watch_ops {
	/* Send one NOTIFY; its end comes through ->sent(). There is never more
	 * than one under way for a watcher. -errno: nothing was sent. */
	int (*notify)(struct hf_watcher *, const struct hf_notify *);
	/* Forget it; a transaction under way ends alone. */
	void (*release)(struct hf_watcher *);
	/* The dialog of a subscription from before a restart; without a watch
	 * it is only told once that it is over, and released. NULL: it cannot
	 * be taken up. */
	struct hf_watcher *(*adopt)(void *stack, struct hf_watch *,
				    const struct hf_watch_dialog *);
};

/* What the SIP side tells the lamps. */
struct hf_watch_calls {
	/* A new subscription. NULL: refused, and `ret` says how to answer. Else
	 * the answer is a 200, and ->keep() and ->start() follow. */
	struct hf_watch *(*subscribe)(struct hf_lamps *, struct hf_watcher *,
				      const struct hf_subscribe *,
				      struct hf_subscribed *ret);
	/* This is its dialog, to be kept. */
	void (*keep)(struct hf_watch *, const struct hf_watch_dialog *);
	/* The 200 is on its way: the first NOTIFY may go. */
	void (*start)(struct hf_watch *);
	/* A SUBSCRIBE in its dialog: a longer time, or the end (Expires: 0). */
	void (*refresh)(struct hf_watch *, const struct hf_subscribe *,
			struct hf_subscribed *ret);
	/* ... has been answered: the full state follows. */
	void (*refreshed)(struct hf_watch *, const struct hf_watch_dialog *);
	/* The NOTIFY under way has ended with this final status; 408 if nobody
	 * answered. May release the watcher. */
	void (*sent)(struct hf_watch *, int status, uint32_t retry_after_s);

	/* For publications, of all slots in their order. See lamps.h. */
	uint32_t (*slot_count)(const struct hf_lamps *);
	/* Its name, NULL = there is none; and is it taken? */
	const char *(*slot)(struct hf_lamps *, uint32_t slot, bool *ret_taken);
	/* Whose it is; NULL = the only tenant's. */
	const struct hf_config_tenant *(*tenant)(const struct hf_lamps *,
						 uint32_t slot);
	int (*follow)(struct hf_lamps *,
		      void (*changed)(void *arg, uint32_t slot), void *arg);
	void (*unfollow)(struct hf_lamps *, void *arg);
	const char *(*document)(struct hf_lamps *, uint32_t slot,
				const char *event, const char *entity,
				uint32_t version, const char **ret_type,
				size_t *ret_len);
};
extern const struct hf_watch_calls hf_watch_calls;

#endif
