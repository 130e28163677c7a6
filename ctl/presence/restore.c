// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Subscriptions from before a restart: each goes on in its dialog with a higher
 * version, and is told its full state in its turn. What has expired, what is
 * watched no more and who may watch no more ends here. See persist.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

/* Full states for all, at 2000 a second. */
#define HF_RESTORED_PER_MS 2
/* Told that they are over. */
#define HF_TURNED_AWAY_MOST 500

static int event_of(const struct hf_watch_record *r, uint8_t *ret)
{
	for (uint8_t e = 0; e <= HF_LAMP_EVENT_CALL_INFO; e++)
		if (!strcmp(r->event, hf_lamp_event_name(e)) &&
		    !strcmp(r->type, hf_lamp_type(e))) {
			*ret = e;
			return 0;
		}
	return -EINVAL;
}

static int take_up(struct hf_lamps *l, struct hf_watch *w,
		   const struct hf_watch_record *r, uint64_t left_ms)
{
	uint64_t turn = l->totals.restored / HF_RESTORED_PER_MS;
	struct hf_watch_dialog dialog = r->dialog;

	w->id = r->id;
	hf_watch_add(w);
	w->sip = l->wire.ops->adopt(l->wire.stack, w, &r->dialog);
	if (!w->sip) {
		hf_watch_free(w);
		return -ENOTCONN;
	}
	if (r->id > l->last_id)
		l->last_id = r->id;
	/* Higher than any that the process before has sent. */
	w->version = r->version + HF_WATCH_AHEAD;
	/* It may show a call that has ended since: that is said once. */
	w->lit = true;
	w->stream = r->stream;
	w->expires_ms = l->now_ms + left_ms;
	w->reason = "timeout";
	w->started = w->pending = w->full = w->urgent = true;
	if (!l->restore_ms)
		l->restore_ms = l->now_ms;
	w->send_ms = l->restore_ms + turn;
	l->totals.restored++;
	/* Should we be killed as well, the next is above us. */
	dialog.local_cseq += HF_WATCH_AHEAD;
	hf_watch_save(w, &dialog);
	hf_watch_schedule(w);
	return 0;
}

/* What it watches is no more, or not for it: this is said once, without a
 * document. Not to too many at a time; the others hear it at their refresh. */
static void turn_away(struct hf_lamps *l, const struct hf_watch_record *r,
		      const char *reason)
{
	const struct hf_notify n = {
		.event = r->event,
		.event_id = *r->event_id ? r->event_id : NULL,
		.reason = reason,
	};
	struct hf_watcher *sip;

	if (l->totals.turned_away++ >= HF_TURNED_AWAY_MOST)
		return;
	sip = l->wire.ops->adopt(l->wire.stack, NULL, &r->dialog);
	if (!sip)
		return;
	if (l->wire.ops->notify(sip, &n))
		hf_debug("lamps: %s cannot be told that it is over", r->who);
	l->wire.ops->release(sip);
}

/* User and host of a URI as ctl/sip wrote it. */
static void split(const char *uri, char *user, char *host, size_t len)
{
	const char *at = strchr(uri, '@'), *c = strchr(uri, ':');
	const char *end = at ? at : uri + strlen(uri);
	unsigned int byte;
	size_t n = 0;

	for (c = c ? c + 1 : end; c < end && n + 1 < len; c++) {
		user[n++] = *c;
		if (*c == '%' && end - c > 2 && sscanf(c + 1, "%2x", &byte) == 1) {
			user[n - 1] = (char)byte;
			c += 2;
		}
	}
	user[n] = '\0';
	at = at ? at + 1 : "";
	n = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":;");
	snprintf(host, len, "%.*s", (int)n, at);
}

/* Does the configuration still let it? */
static bool may_still(struct hf_lamps *l, const struct hf_lamp_resource *on,
		      const char *who)
{
	char user[256], host[256];
	const struct hf_identity id = {
		.uri = who, .user = user, .host = host, .display = ""};

	split(who, user, host, sizeof(user));
	return hf_lamp_may_watch(l, on, &id, NULL);
}

/* How long it still has; 0 = none. A clock that was set back gives no more than
 * could be granted anew. */
static uint64_t time_left(const struct hf_lamps *l,
			  const struct hf_watch_record *r)
{
	uint64_t now = r->same_boot ? l->now_ms : hf_wall_ms();
	uint64_t end = r->same_boot ? r->expires_ms : r->expires_wall_ms;
	uint64_t most = l->config->lamps.max_expires_s * 1000ULL;

	if (end <= now)
		return 0;
	return end - now < most ? end - now : most;
}

static int check_restored(struct hf_lamps *l, const struct hf_watch_record *r,
			  struct hf_lamp_resource *on, uint8_t *ret_event)
{
	int error = event_of(r, ret_event);

	if (!error && r->version > HF_WATCH_MOST)
		error = -ERANGE; /* its refresh gets 481, and it begins anew */
	if (!error && !time_left(l, r))
		error = -ETIME;
	if (!error && !on) {
		turn_away(l, r, "noresource");
		error = -ENOENT;
	}
	if (!error && !may_still(l, on, r->who)) {
		turn_away(l, r, "rejected");
		error = -EACCES;
	}
	return error;
}

int hf_lamps_restore(struct hf_lamps *l, const struct hf_watch_record *r,
		     uint64_t now_ms)
{
	struct hf_lamp_resource *on = hf_lamp_resource_by_key(l, r->number);
	const struct hf_watch_store *store = l->wire.store;
	struct hf_watch *w = NULL, *same;
	uint8_t event = 0;
	int error;

	l->now_ms = now_ms;
	/* What has changed meanwhile is news to nobody yet: all have their turn. */
	hf_lamp_slots_update(l);
	HASH_FIND(hh, l->watches, &r->id, sizeof(r->id), same);
	if (same)
		return -EEXIST;
	error = check_restored(l, r, on, &event);
	if (!error) {
		w = hf_watch_new(l, on, r->entity, r->who, r->event_id);
		error = w ? 0 : -ENOMEM;
	}
	if (!error) {
		w->event = event;
		error = take_up(l, w, r, time_left(l, r));
	}
	if (error && error != -ENOMEM && store)
		store->forget(store->arg, r->id);
	return error;
}
