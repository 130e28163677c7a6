// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a subscription (RFC 6665 section 4.2): who may begin one, for how
 * long, its refresh and its end. send.c sends for it, restore.c takes it up again
 * after a restart.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "internal.h"

const char *hf_lamp_event_name(uint8_t event)
{
	switch (event) {
	case HF_LAMP_EVENT_DIALOG:
		return "dialog";
	case HF_LAMP_EVENT_CALL_INFO:
		return "call-info";
	default:
		return "presence";
	}
}

static struct hf_watch *refuse(struct hf_lamps *l, struct hf_subscribed *ret,
			       int status, const char *why)
{
	l->totals.refused++;
	*ret = (struct hf_subscribed){ .status = status, .why = why };
	return NULL;
}

/* Does this Accept header take the type? RFC 3261 20.1; q is not looked at. */
static bool accepts(const char *accept, const char *type)
{
	const char *slash = strchr(type, '/');
	size_t group = slash ? (size_t)(slash - type) : 0;

	while (accept && *accept) {
		size_t n;

		accept += strspn(accept, " \t,");
		n = strcspn(accept, " \t,;");
		if ((n == strlen(type) && !strncasecmp(accept, type, n)) ||
		    (n == 3 && !strncmp(accept, "*/*", 3)) ||
		    (n == group + 2 && !strncasecmp(accept, type, group) &&
		     !strncmp(accept + group, "/*", 2)))
			return true;
		accept += strcspn(accept, ",");
	}
	return false;
}

/* Which document: by Event, and by Accept where an Event has two. */
static int choose_event(const struct hf_subscribe *in, uint8_t *ret)
{
	if (!strcasecmp(in->event, "dialog"))
		*ret = HF_LAMP_EVENT_DIALOG;
	else if (!strcasecmp(in->event, "presence"))
		*ret = HF_LAMP_EVENT_PRESENCE;
	else if (!strcasecmp(in->event, "call-info"))
		*ret = HF_LAMP_EVENT_CALL_INFO;
	else
		return 489;
	if (!in->accept || accepts(in->accept, hf_lamp_type(*ret)))
		return 0;
	if (*ret != HF_LAMP_EVENT_PRESENCE ||
	    !accepts(in->accept, hf_lamp_type(HF_LAMP_EVENT_XPIDF)))
		return 406;
	*ret = HF_LAMP_EVENT_XPIDF;
	return 0;
}

/* RFC 6665 4.2.1.1: shorter than asked is allowed, longer is not. */
static int choose_expires(const struct hf_lamps *l,
			  const struct hf_subscribe *in, uint32_t *ret)
{
	uint32_t most = l->config->lamps.max_expires_s;
	uint32_t least = l->config->lamps.min_expires_s;

	*ret = in->has_expires && in->expires < most ? in->expires : most;
	return *ret && *ret < least ? 423 : 0;
}

struct hf_watch *hf_watch_new(struct hf_lamps *l, struct hf_lamp_resource *on,
			      const char *entity, const char *who,
			      const char *event_id)
{
	size_t a = strlen(entity) + 1, b = strlen(who) + 1;
	size_t c = strlen(event_id) + 1;
	struct hf_watch *w;

	if (a + b + c > UINT16_MAX)
		return NULL;
	w = hf_slab_alloc(l->slab, sizeof(*w));
	if (w)
		w->entity = hf_slab_alloc(l->slab, a + b + c);
	if (!w || !w->entity ||
	    hf_due_reserve(&l->due, l->totals.subscriptions + 1)) {
		if (w)
			hf_slab_free(l->slab, w->entity, a + b + c);
		hf_slab_free(l->slab, w, sizeof(*w));
		return NULL;
	}
	w->text_len = (uint16_t)(a + b + c);
	memcpy(w->entity, entity, a);
	w->who = memcpy(w->entity + a, who, b);
	w->event_id = memcpy(w->who + b, event_id, c);
	w->lamps = l;
	w->heap_at = UINT32_MAX;
	w->on = on;
	w->next = on->watches;
	if (w->next)
		w->next->prev = w;
	on->watches = w;
	l->totals.subscriptions++;
	return w;
}

void hf_watch_add(struct hf_watch *w)
{
	HASH_ADD(hh, w->lamps->watches, id, sizeof(w->id), w);
}

void hf_watch_free(struct hf_watch *w)
{
	struct hf_lamps *l = w->lamps;
	const struct hf_watch_store *store = l->wire.store;

	if (w->prev)
		w->prev->next = w->next;
	else
		w->on->watches = w->next;
	if (w->next)
		w->next->prev = w->prev;
	for (struct hf_watch **at = &l->ready; w->ready && *at;) {
		if (*at != w) {
			at = &(*at)->ready_next;
			continue;
		}
		*at = w->ready_next;
		if (l->ready_tail == &w->ready_next)
			l->ready_tail = at;
		break;
	}
	hf_due_remove(&l->due, w);
	HASH_DEL(l->watches, w);
	l->totals.subscriptions--;
	if (w->failures > 1)
		l->totals.probing--;
	if (store && w->started)
		store->forget(store->arg, w->id);
	if (w->sip)
		l->wire.ops->release(w->sip);
	hf_slab_free(l->slab, w->entity, w->text_len);
	hf_slab_free(l->slab, w, sizeof(*w));
}

/* The URI the watcher knows it by: To, unless a proxy has put another number
 * there than in the Request-URI. */
static const char *entity_of(struct hf_lamps *l, const struct hf_subscribe *in,
			     const struct hf_lamp_resource *on)
{
	if (in->to_uri && hf_lamp_resource_find(l, in->tenant, in->to_user) == on)
		return in->to_uri;
	return in->uri;
}

static struct hf_watch *subscribe(struct hf_lamps *l, struct hf_watcher *sip,
				  const struct hf_subscribe *in,
				  struct hf_subscribed *ret)
{
	const struct hf_identity *who =
		in->asserted.uri ? &in->asserted : &in->from;
	struct hf_lamp_resource *on;
	struct hf_watch *w;
	uint32_t expires;
	uint8_t event;
	int status = choose_event(in, &event);

	hf_lamps_look_at_clock(l);
	if (status == 489)
		return refuse(l, ret, 489, "event is not served");
	on = in->no_tenant ? NULL :
			     hf_lamp_resource_find(l, in->tenant, in->user);
	if (!on)
		return refuse(l, ret, 404, "no such slot, lot or list");
	if (!hf_lamp_may_watch(l, on, who, in->source ? in->source : ""))
		return refuse(l, ret, 403, "the sender may not watch this lot");
	if (status || (on->kind == HF_LAMP_LIST &&
		       event == HF_LAMP_EVENT_CALL_INFO))
		return refuse(l, ret, status ? status : 489,
			      "no document that the sender accepts");
	/* RFC 4662 4.3 */
	if (on->kind == HF_LAMP_LIST && !in->eventlist)
		return refuse(l, ret, 421, "a list, but no eventlist");
	status = choose_expires(l, in, &expires);
	if (status) {
		refuse(l, ret, status, "expires too soon");
		ret->min_expires = l->config->lamps.min_expires_s;
		return NULL;
	}
	w = l->totals.subscriptions < HF_LAMP_WATCHES_MAX ?
		    hf_watch_new(l, on, entity_of(l, in, on),
			      who->uri ? who->uri : "",
			      in->event_id ? in->event_id : "") :
		    NULL;
	if (!w)
		return refuse(l, ret, 500, "no room for a subscription");
	w->sip = sip;
	w->id = ++l->last_id;
	w->event = event;
	w->stream = in->stream;
	w->expires_ms = l->now_ms + expires * 1000ULL;
	w->ending = !expires; /* a fetch: one state, then it is over */
	w->reason = "timeout";
	hf_watch_add(w);
	*ret = (struct hf_subscribed){
		.status = 200,
		.expires = expires,
		.eventlist = on->kind == HF_LAMP_LIST,
	};
	return w;
}

void hf_watch_save(struct hf_watch *w, const struct hf_watch_dialog *dialog)
{
	const struct hf_watch_store *store = w->lamps->wire.store;
	struct hf_watch_record r = {
		.id = w->id,
		.dialog = *dialog,
		.entity = w->entity,
		.event = hf_lamp_event_name(w->event),
		.event_id = w->event_id,
		.type = hf_lamp_type(w->event),
		.who = w->who,
		.stream = w->stream,
		.version = w->version,
	};
	char number[160];

	if (!store || w->ending)
		return;
	hf_lamp_resource_key(w->lamps, w->on, number, sizeof(number));
	r.number = number;
	r.expires_ms = w->expires_ms;
	r.expires_wall_ms = hf_wall_ms() + (w->expires_ms - w->lamps->now_ms);
	store->save(store->arg, &r);
}

static void send_all(struct hf_watch *w)
{
	w->pending = w->full = w->urgent = true;
	w->send_ms = 0;
	w->part = 0;
	hf_watch_schedule(w);
}

static void start(struct hf_watch *w)
{
	struct hf_lamps *l = w->lamps;

	hf_lamps_look_at_clock(l);
	l->totals.subscribed++;
	w->started = true;
	send_all(w);
}

static void refresh(struct hf_watch *w, const struct hf_subscribe *in,
		    struct hf_subscribed *ret)
{
	struct hf_lamps *l = w->lamps;
	uint32_t expires;
	int status = choose_expires(l, in, &expires);

	hf_lamps_look_at_clock(l);
	/* Over, but its last NOTIFY is still under way. */
	if (w->ending && !(in->has_expires && !in->expires))
		status = 481;
	if (status) {
		refuse(l, ret, status,
		       status == 481 ? "it has ended" : "expires too soon");
		ret->min_expires = l->config->lamps.min_expires_s;
		return;
	}
	if (!expires && !w->ending) {
		l->totals.unsubscribed++;
		w->ending = true;
		w->reason = "timeout";
	}
	w->expires_ms = l->now_ms + expires * 1000ULL;
	*ret = (struct hf_subscribed){
		.status = 200,
		.expires = expires,
		.eventlist = w->on->kind == HF_LAMP_LIST,
	};
}

/* RFC 6665 4.2.1.2: every accepted SUBSCRIBE is followed by a NOTIFY. */
static void refreshed(struct hf_watch *w, const struct hf_watch_dialog *dialog)
{
	hf_watch_save(w, dialog);
	if (!w->ended)
		send_all(w);
}

const struct hf_watch_calls hf_watch_calls = {
	.subscribe = subscribe,
	.keep = hf_watch_save,
	.start = start,
	.refresh = refresh,
	.refreshed = refreshed,
	.sent = hf_watch_sent,
	.slot_count = hf_lamps_slot_count,
	.slot = hf_lamps_slot,
	.tenant = hf_lamps_tenant,
	.follow = hf_lamps_follow,
	.unfollow = hf_lamps_unfollow,
	.document = hf_lamps_document,
};
