/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SIP side of holdfastd, as its main program sees it: it listens, keeps the
 * dialogs, and carries out and reports what ctl/park/signal.h says. No header
 * of the stack underneath is needed to use it.
 *
 * Some corners of signal.h, as this side fills them in:
 *
 *  - hf_park_run() is called before every report.
 *  - hf_park_reinvite() also reports an UPDATE with an offer; its 2xx is never
 *    ACKed, so hf_park_ack() without a body follows at once.
 *  - An UPDATE without an offer is answered here, whatever else is under way
 *    (RFC 3311 5.2 has nothing against it); hf_park_identity() if a trusted peer
 *    says in it who is there now.
 *  - Of a forked INVITE the branch that answered early first is reported; if
 *    another one wins, hf_park_answered() has that one's answer.
 *  - A re-INVITE that the peer CANCELs is ended with 487 here; a reply to it,
 *    then or later, does nothing, and neither ACK nor its absence is reported.
 *  - hf_park_no_ack(): the BYE is already on its way.
 *  - reply(), cancel(), bye() or reinvite() on a dialog that is over do nothing
 *    (reinvite() says -ENOTCONN).
 *  - A dialog that is released while it is still up is ended as its state wants
 *    (BYE, CANCEL, or 500 to an INVITE never answered).
 */
#ifndef HOLDFAST_SIP_STACK_H
#define HOLDFAST_SIP_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "park/signal.h"

struct hf_config;
struct hf_lamps;
struct hf_loop;
struct hf_sip;
struct hf_store_call;
struct hf_watch_calls;
struct hf_watch_ops;

struct hf_sip_wiring {
	struct hf_loop *loop;
	const struct hf_config *config;
	uint32_t epoch;		  /* from hf_epoch_next() */
	unsigned int t1_ms;	  /* 0 = 500; tests are in a hurry */
	unsigned int max_unacked; /* INVITEs without ACK; 0 = 2000 */
	unsigned int min_se_s;	  /* 0 = sip.min_session_s */
	/* A presence server has this of a slot now, etag NULL = nothing more.
	 * To be given back through hf_sip_published() after a restart. */
	void (*published)(void *arg, uint64_t id, const char *slot,
			  const char *etag, uint64_t expires_wall_ms);
	void *published_arg;
	/* A registrar knows (`on`) or no longer knows where `aor` is; `why` is a
	 * sentence. Each change is told once. */
	void (*registered)(void *arg, const char *aor, bool on,
			   const char *why);
	void *registered_arg;
};

/*
 * Binds the configured addresses. Nothing is answered before the loop runs, and
 * 503 is the answer until a park logic is attached. On failure `err` has one
 * sentence.
 */
int hf_sip_create(const struct hf_sip_wiring *, struct hf_sip **ret, char *err,
		  size_t err_len);
/* From now on by this configuration, whose listeners and domain are the same. */
int hf_sip_reload(struct hf_sip *, const struct hf_config *, char *err,
		  size_t err_len);
/* How the requests that are over ended, of ours and of others; all that were
 * there at least once. Takes NULL. */
void hf_sip_each_count(const struct hf_sip *,
		       void (*fn)(void *arg, bool ours, const char *method,
				  int status, uint64_t count),
		       void *arg);
/* NULL: from now on new calls get 503 (shutting down). */
void hf_sip_attach(struct hf_sip *, struct hf_park *);
/* Subscriptions are served from now on (&hf_watch_calls of presence/watch.h);
 * NULL, NULL: no more. */
void hf_sip_attach_lamps(struct hf_sip *, struct hf_lamps *,
			 const struct hf_watch_calls *);
/* From before a restart, with the lamps attached, of all slots in their order;
 * false: of no use. */
bool hf_sip_published(struct hf_sip *, uint32_t slot, const char *etag,
		      uint64_t expires_wall_ms);
/* Take back what presence servers have of ours; before it, the lamps have been
 * told that all slots are free. */
void hf_sip_unpublish(struct hf_sip *);
/*
 * With a journal each message that the other side will count on waits:
 * hf_sip_settled() lets go those whose records are settled, and says whether
 * there were any. `newest` counts the records handed over so far, `settled`
 * those on disk. `put` and `drop` keep farewells (store/record.h).
 */
struct hf_sip_journal {
	void (*put)(void *arg, const struct hf_store_call *);
	void (*drop)(void *arg, uint64_t id);
	void *arg;
};
void hf_sip_journal(struct hf_sip *, const struct hf_sip_journal *);
bool hf_sip_holds(const struct hf_sip *);
bool hf_sip_settled(struct hf_sip *, uint64_t settled, uint64_t newest);
/* A farewell of the process before us: say it again. */
int hf_sip_goodbye(struct hf_sip *, const struct hf_store_call *);
/* An INVITE that the process before us left without an answer: CANCEL. */
int hf_sip_ringing(struct hf_sip *, const struct hf_store_call *);
/* What became of sip.register; the text lives until fn returns. Takes NULL. */
struct hf_registration_view {
	const char *aor, *registrar, *contact;
	const char *state; /* "registering", "registered", "failed", "leaving" */
	const char *why;   /* of a failure, "" = none */
	uint32_t expires_s;  /* left of what was granted, 0 = nothing */
	uint32_t retry_s;    /* until the next try, 0 = none is due */
	uint32_t failures;   /* in a row */
};
void hf_sip_each_registration(const struct hf_sip *,
			      void (*fn)(void *arg,
					 const struct hf_registration_view *),
			      void *arg);
/* Take them back, as far as they are up: we were asked to stop. */
void hf_sip_unregister(struct hf_sip *);
/* No dialog is left, the last BYE and the last PUBLISH are answered. */
bool hf_sip_idle(const struct hf_sip *);
/* After the park logic is destroyed. */
void hf_sip_destroy(struct hf_sip *);

/* For struct hf_park_wiring: .signal = hf_sip_signal_ops(), .stack = sip. */
const struct hf_signal_ops *hf_sip_signal_ops(void);

/* For struct hf_lamps_wiring: .ops = hf_sip_watch_ops(), .stack = sip. */
const struct hf_watch_ops *hf_sip_watch_ops(void);

/* Raise and return the epoch kept in `folder`, creating both if need be. What
 * cannot be written there is kept in the file `spare` (NULL = none), for as long
 * as that lives. */
int hf_epoch_next(const char *folder, const char *spare, uint32_t *ret,
		  char *err, size_t err_len);

#endif
