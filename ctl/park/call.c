// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a call: made for an INVITE that decide.c lets in, moved by the
 * table (table.c) in hf_call_event() and nowhere else, freed when it has ended.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct hf_call *hf_call_find(struct hf_park *park, uint64_t id)
{
	struct hf_call *call;

	HASH_FIND(hh, park->calls, &id, sizeof(id), call);
	return call;
}

const char *hf_state_symbol(enum hf_call_state s)
{
	static const char *const symbol[] = {
#define X(symbol, name, text) #symbol,
		HF_CALL_STATES(X)
#undef X
	};

	return symbol[s];
}

const char *hf_state_name(enum hf_call_state s)
{
	static const char *const name[] = {
#define X(symbol, name, text) name,
		HF_CALL_STATES(X)
#undef X
	};

	return name[s];
}

const char *hf_event_symbol(enum hf_call_event e)
{
	static const char *const symbol[] = {
#define X(symbol, text) #symbol,
		HF_CALL_EVENTS(X)
#undef X
	};

	return symbol[e];
}

/* Who counts where in the totals. */
static void count(struct hf_park *park, enum hf_call_state s, uint32_t by)
{
	struct hf_park_totals *t = &park->totals;

	if (s == HF_S_PARKED || s == HF_S_RECALLING || s == HF_S_CLAIMED)
		t->parked += by;
	if (s == HF_S_RECALLING)
		t->recalling += by;
	if (s == HF_S_RELAY)
		t->relayed += by;
}

static int fill(struct hf_call *call, const struct hf_decision *d,
		const struct hf_invite *in)
{
	const char *hold_audio = in->hold_audio && *in->hold_audio
					 ? in->hold_audio
				 : d->route ? d->route->hold_audio
					    : NULL;
	int err;

	err = hf_timers_reserve(&call->park->timers, &call->timer, call,
				HF_E_TIMER);
	if (!err)
		err = hf_timers_reserve(&call->park->timers, &call->limit, call,
					HF_E_MAX_WAIT);
	if (!err)
		err = hf_timers_reserve(&call->park->timers, &call->voice, call,
					HF_E_VOICE);
	if (!err)
		err = hf_person_set(&call->who, hf_invite_sender(in));
	if (!err)
		err = hf_person_set(&call->parker, d->parker);
	if (err)
		return err;
	if (hold_audio && !(call->hold_audio = strdup(hold_audio)))
		return -ENOMEM;
	if (in->page && *in->page && !(call->page = strdup(in->page)))
		return -ENOMEM;
	if (d->route && !(call->route = strdup(d->route->name)))
		return -ENOMEM;
	call->only = hf_route_only(d->route, in);
	call->user_to_user = strdup(in->user_to_user ?: "");
	call->carried = strdup(in->carried ?: "");
	return call->user_to_user && call->carried ? 0 : -ENOMEM;
}

struct hf_call *hf_call_create(struct hf_park *park,
			       const struct hf_decision *d,
			       const struct hf_invite *in,
			       struct hf_party *caller)
{
	struct hf_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->park = park;
	call->id = ++park->last_call;
	call->state = HF_S_NEW;
	call->lot = d->lot;
	call->rule = d->rule;
	call->first_ring = d->first_ring;
	call->chain = d->first_ring ? -1 : 0;
	call->privacy = in->privacy;
	call->dialled = !d->passed_on;
	call->since_ms = park->now_ms;
	call->park_time_s = (uint32_t)in->park_time_s;
	if (!call->park_time_s && d->route)
		call->park_time_s = d->route->park_time_s;
	HASH_ADD(hh, park->calls, id, sizeof(call->id), call);
	if (!call->hh.tbl || fill(call, d, in)) {
		hf_call_free(call, true);
		return NULL;
	}
	call->caller = caller;
	caller->call = call;
	return call;
}

void hf_call_free(struct hf_call *call, bool close_legs)
{
	struct hf_park *park;

	if (!call)
		return;
	park = call->park;
	hf_call_unnote(call);
	if (park->wire.over)
		park->wire.over(park->wire.over_arg, call->id);
	hf_party_free(call->caller, close_legs);
	hf_party_free(call->retriever, close_legs);
	hf_ring_free(call, close_legs);
	hf_call_tell_referrer(call, 487, NULL);
	hf_slot_free(call);
	hf_timers_release(&park->timers, &call->timer);
	hf_timers_release(&park->timers, &call->limit);
	hf_timers_release(&park->timers, &call->voice);
	if (call->hh.tbl)
		HASH_DEL(park->calls, call);
	hf_person_clear(&call->who);
	hf_person_clear(&call->parker);
	hf_person_clear(&call->picked);
	free(call->user_to_user);
	free(call->carried);
	free(call->only);
	free(call->route);
	free(call->held_offer);
	free(call->ring_for);
	free(call->hold_audio);
	free(call->page);
	free(call);
}

/* The only place where a call changes its state. */
static void set_state(struct hf_call *call, enum hf_call_event event,
		      enum hf_call_state next)
{
	if (next == HF_S_SAME) {
		hf_debug("call %llu: %s --%s--> same",
			 (unsigned long long)call->id,
			 hf_state_symbol(call->state), hf_event_symbol(event));
		return;
	}
	hf_log(call->state == HF_S_NEW && call->named ? HF_LOG_DEBUG
						      : HF_LOG_INFO,
	       "call %llu: %s --%s--> %s", (unsigned long long)call->id,
	       hf_state_symbol(call->state), hf_event_symbol(event),
	       hf_state_symbol(next));
	count(call->park, call->state, (uint32_t)-1);
	call->state = next;
	count(call->park, call->state, 1);
	if (call->slot)
		hf_slot_changed(call->slot);
}

void hf_call_resume(struct hf_call *call, enum hf_call_state state)
{
	count(call->park, call->state, (uint32_t)-1);
	call->state = state;
	count(call->park, state, 1);
}

void hf_call_event(struct hf_call *call, const struct hf_stimulus *s)
{
	struct hf_stimulus next;

	for (;;) {
		const struct hf_row *row = hf_table_row(call, s);

		call->has_then = false;
		row->action(call, s);
		set_state(call, s->event, row->next);
		if (call->state == HF_S_ENDED) {
			hf_call_free(call, true);
			return;
		}
		if (!call->has_then) {
			hf_call_note(call);
			return;
		}
		next = (struct hf_stimulus){.event = call->then,
					    .why = call->why};
		s = &next;
	}
}

void hf_call_then(struct hf_call *call, enum hf_call_event event)
{
	call->then = event;
	call->has_then = true;
}

const char *hf_call_slot_name(const struct hf_call *call)
{
	if (call->slot)
		return call->slot->name;
	return call->last_slot ?: "";
}

uint32_t hf_call_seconds_parked(const struct hf_call *call)
{
	uint64_t until = call->picked_ms ?: call->park->now_ms;

	if (!call->park_count || until < call->parked_ms)
		return 0;
	return (uint32_t)((call->waited_ms + until - call->parked_ms) / 1000);
}

uint32_t hf_call_seconds_left(const struct hf_call *call)
{
	uint64_t now = call->park->now_ms;

	if (call->state == HF_S_RECALLING || !hf_timer_armed(&call->timer) ||
	    call->timer.at <= now)
		return 0;
	return (uint32_t)((call->timer.at - now + 999) / 1000);
}

void hf_call_refuse(struct hf_call *call, const struct hf_stimulus *s,
		    int status, const char *why)
{
	struct hf_decision d = *s->decision;
	const struct hf_cause cause = {.sip = status, .text = why};

	d.status = status;
	d.reason = why;
	d.lot = call->lot;
	d.slot = call->slot;
	hf_report_refused(call->park, s->invite, &d);
	hf_info("call %llu: %s to %s: %s", (unsigned long long)call->id,
		hf_event_symbol(s->event), s->invite->from.uri ?: "?", why);
	hf_party_drop(s->party, status, &cause);
}

void hf_call_end(struct hf_call *call, const struct hf_cause *cause)
{
	struct hf_party *caller = call->caller;

	hf_timer_stop(&call->park->timers, &call->timer);
	hf_timer_stop(&call->park->timers, &call->limit);
	hf_ring_drop(call, cause);
	hf_party_drop(call->retriever, 487, cause);
	call->retriever = NULL;
	if (caller) {
		call->caller = NULL;
		hf_party_drop(caller, 487, cause);
	}
	hf_slot_free(call);
}

static const struct hf_session *agreed(const struct hf_party *p)
{
	return p && p->session->have_remote ? p->session : NULL;
}

/* What a party may choose from while nobody else has chosen. */
static struct hf_codecs free_choice(const struct hf_party *p)
{
	struct hf_codecs all = hf_codecs_all(p->park);

	if (p->awaiting_answer)
		return p->offered;
	if (!p->session->have_remote)
		return all;
	for (unsigned int i = 0; i < all.count; i++)
		if (all.list[i] == p->session->codec) {
			all.list[i] = all.list[0];
			all.list[0] = p->session->codec;
		}
	return all;
}

struct hf_codecs hf_call_codecs_late(const struct hf_call *call)
{
	const struct hf_session *s = call->caller->session;
	struct hf_codecs known = free_choice(call->caller), c = {.count = 1};

	c.list[0] = s->codec;
	for (unsigned int i = 0; i < known.count; i++)
		if (known.list[i] != s->codec &&
		    s->codec_offered[known.list[i]])
			c.list[c.count++] = known.list[i];
	return c;
}

/*
 * Once somebody else has agreed on a codec, or is being offered the caller's,
 * only that one keeps both together; nothing is transcoded.
 */
struct hf_codecs hf_call_codecs(const struct hf_call *call,
				const struct hf_party *p)
{
	const struct hf_session *other;

	if (p->role != HF_ROLE_CALLER)
		other = agreed(call->caller);
	else if (call->retriever || call->recall)
		other = agreed(call->retriever) ?: agreed(call->caller);
	else
		other = NULL;
	return other ? hf_codecs_only(other->codec) : free_choice(p);
}
