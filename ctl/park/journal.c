// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A call as a record of the journal, and back. Everything that a later process
 * needs is written whole after each event; what belongs to the dialog is the
 * stack's to fill (signal.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "internal.h"

static const char *const role_name[] = {
	[HF_ROLE_CALLER] = "caller",
	[HF_ROLE_RETRIEVER] = "retriever",
	[HF_ROLE_RECALL] = "recall",
	[HF_ROLE_TARGET] = "retriever", /* only an answered one is kept */
};

static int64_t timer_ms(const struct hf_timer *t)
{
	return hf_timer_armed(t) ? (int64_t)t->at : -1;
}

#define PERSON(record, name, person)                   \
	do {                                           \
		(record)->name##_uri = (person)->uri;  \
		(record)->name##_user = (person)->user; \
		(record)->name##_host = (person)->host; \
		(record)->name##_display = (person)->display; \
	} while (0)

/* Text of a record that stands nowhere else. */
struct hf_record_text {
	char offered[128];
	char source[HF_IP_TEXT];
	uint8_t session[2 * HF_SDP_MAX_TEXT];
};

static const char *codec_names(const struct hf_codecs *c, char *out, size_t len)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < c->count && used < len; i++)
		used += (size_t)snprintf(out + used, len - used, "%s%s",
					 i ? "," : "",
					 hf_codec_name(c->list[i]));
	return out;
}

static void read_codec_names(struct hf_codecs *c, const char *names)
{
	char copy[128], *at = copy, *name;
	int codec;

	snprintf(copy, sizeof(copy), "%s", names);
	c->count = 0;
	while ((name = strsep(&at, ",")) && c->count < HF_CODEC_COUNT) {
		codec = hf_codec_by_name(name);
		if (codec >= 0)
			c->list[c->count++] = (enum hf_codec)codec;
	}
}

static void fill_party(struct hf_party *p, struct hf_store_party *r,
		       struct hf_record_text *text)
{
	const struct hf_signal_ops *ops = p->park->wire.signal;

	memset(r, 0, sizeof(*r));
	hf_media_leg_mark(p->park->wire.media, p->leg,
			  hf_call_id_mark(p->sip_call_id));
	if (ops->save)
		ops->save(p->dialog, r);
	r->role = role_name[p->role];
	r->incoming = p->incoming;
	r->answered = p->answered;
	r->up = p->up;
	r->awaiting_answer = p->awaiting_answer;
	r->privacy = p->privacy;
	r->hears = p->hears;
	r->leg = p->leg;
	r->source = hf_ip_is6(&p->source) ? 0 : p->source.s_addr;
	r->source6 = hf_ip_is6(&p->source) ? hf_ip_text(&p->source, text->source) : NULL;
	r->offered = codec_names(&p->offered, text->offered,
				 sizeof(text->offered));
	r->session = text->session;
	r->session_len = hf_session_save(p->session, text->session,
					 sizeof(text->session));
	PERSON(r, who, &p->who);
	r->sip_call_id = p->sip_call_id;
}

static void fill_call(struct hf_call *call, struct hf_store_call *r)
{
	r->id = call->id;
	r->tenant = call->lot->config->of ? call->lot->config->of->name : NULL;
	r->lot = call->lot->config->name;
	r->slot = call->slot ? call->slot->name : NULL;
	r->last_slot = call->last_slot;
	r->state = hf_state_name(call->state);
	r->claimed_from = hf_state_name(call->claimed_from);
	r->rule = call->rule;
	PERSON(r, who, &call->who);
	PERSON(r, parker, &call->parker);
	PERSON(r, picked, &call->picked);
	r->user_to_user = call->user_to_user;
	r->privacy = call->privacy;
	r->dialled = call->dialled;
	r->by_slot = call->by_slot;
	r->first_ring = call->first_ring != NULL;
	r->chain = call->chain;
	r->attempt = call->attempt;
	r->park_count = call->park_count;
	r->sessions = call->sessions;
	r->since_ms = (int64_t)call->since_ms;
	r->parked_ms = (int64_t)call->parked_ms;
	r->picked_ms = (int64_t)call->picked_ms;
	r->waited_ms = (int64_t)call->waited_ms;
	r->wait_ends_ms = (int64_t)call->wait_ends_ms;
	r->left_ms = (int64_t)call->left_ms;
	r->timer_ms = timer_ms(&call->timer);
	r->limit_ms = timer_ms(&call->limit);
	r->hold_audio = call->hold_audio;
	r->told = call->told;
	r->toned = call->toned;
	r->step_in = call->step_in;
	r->park_time_s = call->park_time_s;
	r->by_recall = call->by_recall;
	r->carried = call->carried;
	r->only = call->only;
	r->routing = call->route;
	r->noted_ms = (int64_t)call->park->now_ms;
	r->noted_wall_ms = (int64_t)hf_wall_ms();
}

void hf_call_note(struct hf_call *call)
{
	const struct hf_park_wiring *wire = &call->park->wire;
	struct hf_record_text text[HF_STORE_PARTIES];
	struct hf_store_call r;

	if (!wire->journal_put || !call->caller || !call->caller->answered ||
	    call->caller->gone)
		return;
	fill_call(call, &r);
	fill_party(call->caller, &r.party[0], &text[0]);
	r.party_count = 1;
	if (call->retriever && call->retriever->answered)
		fill_party(call->retriever, &r.party[r.party_count++],
			   &text[1]);
	/* who has answered a recall and is not joined yet: to be let go */
	for (struct hf_party *p = call->recall; p && r.party_count == 1;
	     p = p->ring_next)
		if (hf_ring_asked(p))
			fill_party(p, &r.party[r.party_count++], &text[1]);
	call->noted = true;
	wire->journal_put(wire->journal_arg, &r);
}

void hf_call_unnote(struct hf_call *call)
{
	const struct hf_park_wiring *wire = &call->park->wire;

	if (call->noted && wire->journal_drop)
		wire->journal_drop(wire->journal_arg, call->id);
	call->noted = false;
}

void hf_talk_note(struct hf_talk *t, uint64_t ends_ms)
{
	const struct hf_park_wiring *wire = &t->park->wire;
	struct hf_record_text text;
	struct hf_store_call r = {
		.id = t->id,
		.lot = t->park->lots[0].config->name,
		.state = HF_TALK_STATE,
		.since_ms = (int64_t)t->park->now_ms,
		.timer_ms = (int64_t)ends_ms,
		.limit_ms = -1,
		.noted_ms = (int64_t)t->park->now_ms,
		.noted_wall_ms = (int64_t)hf_wall_ms(),
		.party_count = 1,
	};

	if (!wire->journal_put || !t->party->answered || t->party->gone)
		return;
	PERSON(&r, who, &t->party->who);
	fill_party(t->party, &r.party[0], &text);
	t->noted = true;
	wire->journal_put(wire->journal_arg, &r);
}

void hf_talk_unnote(struct hf_talk *t)
{
	const struct hf_park_wiring *wire = &t->park->wire;

	if (t->noted && wire->journal_drop)
		wire->journal_drop(wire->journal_arg, t->id);
	t->noted = false;
}

static int person(struct hf_person *p, const char *uri, const char *user,
		  const char *host, const char *display)
{
	const struct hf_identity id = {uri, user, host, display};

	return *uri ? hf_person_set(p, &id) : 0;
}

static bool state_of(const char *name, enum hf_call_state *ret)
{
	for (int s = 0; s < HF_S_COUNT; s++)
		if (!strcmp(name, hf_state_name((enum hf_call_state)s))) {
			*ret = (enum hf_call_state)s;
			return true;
		}
	return false;
}

static const char *rule_of(const char *name)
{
	const char *rule, *text;

	for (size_t i = 0; i < hf_rule_count(); i++) {
		hf_rule_describe(i, &rule, &text);
		if (!strcmp(rule, name))
			return rule;
	}
	return "restored";
}

static struct hf_lot *lot_of(struct hf_park *park, const char *name)
{
	for (unsigned int i = 0; i < park->config->lot_count; i++)
		if (!strcmp(park->lots[i].config->name, name))
			return &park->lots[i];
	return NULL;
}

/* The lot may have another name now, or be another's of the same tenant: the slot
 * is what people know. */
static struct hf_lot *lot_instead(struct hf_park *park,
				  const struct hf_store_call *r)
{
	const struct hf_config_tenant *of =
		hf_config_tenant_named(park->config, r->tenant);
	const char *name = r->slot && *r->slot ? r->slot : r->last_slot;
	struct hf_slot *slot = hf_slot_by_number(park, of, name);

	if (slot)
		return slot->lot;
	for (unsigned int i = 0; i < park->config->lot_count; i++)
		if (park->lots[i].config->of == of)
			return &park->lots[i];
	return NULL;
}

/* Where the call was; never with another tenant. NULL: nowhere any more. */
static struct hf_lot *lot_for(struct hf_park *park,
			      const struct hf_store_call *r)
{
	struct hf_lot *lot = lot_of(park, r->lot);

	if (lot && (!r->tenant || !*r->tenant ||
		    (lot->config->of &&
		     !strcmp(lot->config->of->name, r->tenant))))
		return lot;
	lot = lot_instead(park, r);
	if (lot)
		hf_warn("call %llu: there is no lot %s any more: it goes on in lot %s",
			(unsigned long long)r->id, r->lot, lot->config->name);
	return lot;
}

/* A slot that is to go is there for its call. */
static void take_slot_again(struct hf_call *call, const char *name)
{
	struct hf_slot *slot = name ? hf_lot_slot(call->lot, name) : NULL;

	if (!slot || slot->call)
		return;
	if (!slot->leaving) {
		hf_slot_take(slot, call);
		return;
	}
	slot->call = call;
	call->slot = slot;
	hf_oldest_put(call);
	hf_slot_changed(slot);
}

/* The record in memory, but for parties, slot and timers. */
static int read_call(struct hf_call *call, const struct hf_store_call *r)
{
	struct hf_park *park = call->park;
	struct hf_slot *last =
		r->last_slot ? hf_lot_slot(call->lot, r->last_slot) : NULL;
	int err;

	call->rule = rule_of(r->rule);
	call->first_ring = r->first_ring ? call->lot->config->on_full_uri : NULL;
	call->chain = (int)r->chain;
	if (call->chain < 0 && !call->first_ring)
		call->chain = 0;
	call->privacy = r->privacy;
	call->dialled = r->dialled;
	call->by_slot = r->by_slot;
	call->attempt = (uint32_t)r->attempt;
	call->park_count = (uint32_t)r->park_count;
	call->sessions = (uint32_t)r->sessions;
	call->since_ms = (uint64_t)r->since_ms;
	call->parked_ms = (uint64_t)r->parked_ms;
	call->picked_ms = (uint64_t)r->picked_ms;
	call->waited_ms = (uint64_t)r->waited_ms;
	call->wait_ends_ms = (uint64_t)r->wait_ends_ms;
	call->left_ms = (uint64_t)r->left_ms;
	call->last_slot = last ? last->name : NULL;
	call->user_to_user = strdup(r->user_to_user);
	if (*r->hold_audio)
		call->hold_audio = strdup(r->hold_audio);
	call->told = r->told;
	call->toned = r->toned;
	call->step_in = r->step_in;
	call->park_time_s = (uint32_t)r->park_time_s;
	call->by_recall = r->by_recall;
	call->carried = strdup(r->carried);
	if (*r->only)
		call->only = strdup(r->only);
	if (*r->routing)
		call->route = strdup(r->routing);
	err = call->user_to_user && call->carried ? 0 : -ENOMEM;
	if (!err)
		err = person(&call->who, r->who_uri, r->who_user, r->who_host,
			     r->who_display);
	if (!err)
		err = person(&call->parker, r->parker_uri, r->parker_user,
			     r->parker_host, r->parker_display);
	if (!err)
		err = person(&call->picked, r->picked_uri, r->picked_user,
			     r->picked_host, r->picked_display);
	if (!err)
		err = hf_timers_reserve(&park->timers, &call->timer, call,
					HF_E_TIMER);
	if (!err)
		err = hf_timers_reserve(&park->timers, &call->limit, call,
					HF_E_MAX_WAIT);
	if (!err)
		err = hf_timers_reserve(&park->timers, &call->voice, call,
					HF_E_VOICE);
	return err;
}

static int read_party(struct hf_party *p, const struct hf_store_party *r)
{
	struct hf_session s;
	int err;

	p->incoming = r->incoming;
	p->answered = r->answered;
	p->up = r->up;
	p->awaiting_answer = r->awaiting_answer;
	p->privacy = r->privacy;
	if (!r->source6 || !hf_ip_read(r->source6, &p->source))
		p->source = hf_ip_of4((struct in_addr){(in_addr_t)r->source});
	read_codec_names(&p->offered, r->offered);
	p->sip_call_id = strdup(r->sip_call_id);
	p->remote_tag = p->incoming ? strdup(r->remote_tag) : NULL;
	if (!p->sip_call_id || (p->incoming && !p->remote_tag) ||
	    person(&p->who, r->who_uri, r->who_user, r->who_host,
		   r->who_display))
		return -ENOMEM;
	err = hf_session_restore(&s, r->session, r->session_len);
	return err ? err : hf_party_keep(p, &s);
}

/* The dialog first: what cannot go on is at least told so. */
static int restore_party(struct hf_call *call, enum hf_role role,
			 struct hf_party **at, const struct hf_store_party *r)
{
	const struct hf_signal_ops *ops = call->park->wire.signal;
	struct hf_party *p = hf_party_create(call->park, NULL, role);
	int err;

	if (!p)
		return -ENOMEM;
	p->call = call;
	*at = p;
	err = read_party(p, r);
	p->dialog = ops->adopt ? ops->adopt(call->park->wire.stack, p, r,
					    hf_session_text(p->session))
			       : NULL;
	if (!p->dialog)
		return err ? err : -ECONNRESET;
	hf_party_index(p);
	if (err)
		return err;
	hf_party_set_leg(p, (uint32_t)r->leg);
	err = hf_party_adopt_leg(p);
	if (err)
		hf_party_set_leg(p, HF_LEG_NONE);
	return err;
}

/* Who was being rung is cancelled by the stack, and then rung again. */
#define HF_RING_ANEW_MS 1000

/* Media as the state wants it; where it is so already nothing changes. */
static int restore_media(struct hf_call *call)
{
	struct hf_media *media = call->park->wire.media;

	if (call->state == HF_S_RELAY)
		return call->retriever ? hf_call_relay(call) : -ENOENT;
	hf_caller_listen(call);
	if (call->state == HF_S_PARKED)
		hf_voice_begin(call);
	if (call->caller->hears == HF_HEARS_NOTHING)
		hf_media_leg_idle(media, call->caller->leg);
	if (call->retriever)
		hf_media_leg_idle(media, call->retriever->leg);
	return 0;
}

static void restore_timers(struct hf_call *call, const struct hf_store_call *r)
{
	struct hf_timers *t = &call->park->timers;
	uint64_t soon = call->park->now_ms + HF_RING_ANEW_MS;
	bool rang = !strcmp(r->state, hf_state_name(HF_S_RECALLING));

	if (r->timer_ms >= 0)
		hf_timer_arm(t, &call->timer,
			     rang && (uint64_t)r->timer_ms > soon
				     ? soon
				     : (uint64_t)r->timer_ms);
	if (r->limit_ms >= 0)
		hf_timer_arm(t, &call->limit, (uint64_t)r->limit_ms);
}

/* What a call lacks that was not PARKED when it was written down. */
static void restore_wait(struct hf_call *call)
{
	struct hf_timers *t = &call->park->timers;
	uint64_t now = call->park->now_ms, wait = hf_recall_wait_ms(call);
	uint64_t limit = call->lot->config->max_wait_s * 1000ULL;

	if (!call->slot)
		hf_call_find_slot(call);
	if (!hf_timer_armed(&call->timer) && wait != HF_NEVER)
		hf_timer_arm(t, &call->timer, now + wait);
	if (!hf_timer_armed(&call->limit) && limit) {
		call->wait_ends_ms = now + limit;
		hf_timer_arm(t, &call->limit, call->wait_ends_ms);
	}
}

/*
 * Legs that we were calling are gone. Whoever was being rung is rung again after
 * a moment; a transfer returns to the retriever, or the caller waits; so does one whose retriever had no answer
 * yet.
 */
static enum hf_call_state resume_as(const struct hf_store_call *r,
				    enum hf_call_state was)
{
	bool pair = r->party_count > 1; /* in these states: two who are joined */

	switch (was) {
	case HF_S_RECALLING:
		return HF_S_PARKED;
	case HF_S_TRANSFER:
		return pair ? HF_S_RELAY : HF_S_PARKED;
	case HF_S_CLAIMED:
		return pair ? HF_S_CLAIMED : HF_S_PARKED;
	default:
		return was;
	}
}

static int restore(struct hf_call *call, const struct hf_store_call *r,
		   bool nowhere)
{
	/* it had answered a recall, and is rung again */
	static const struct hf_cause again = {.sip = 480,
					      .text = "You are called again"};
	int err = read_call(call, r), e;

	for (unsigned int i = 0; i < r->party_count; i++) {
		bool caller = !strcmp(r->party[i].role, "caller");

		e = restore_party(call,
				  caller ? HF_ROLE_CALLER
				  : !strcmp(r->party[i].role, "recall")
					  ? HF_ROLE_RECALL
					  : HF_ROLE_RETRIEVER,
				  caller ? &call->caller : &call->retriever,
				  &r->party[i]);
		err = err ? err : e;
	}
	if (!err && (!call->caller || nowhere))
		err = -ENOENT;
	if (err)
		return err;
	if (call->state == HF_S_PARKED && call->retriever) {
		hf_party_drop(call->retriever, 0, &again);
		call->retriever = NULL;
	}
	take_slot_again(call, r->slot);
	/* a slot that is kept while both talk: a supervisor has stepped in */
	call->step_in = call->state == HF_S_RELAY && call->slot;
	if (call->state != HF_S_RELAY)
		restore_timers(call, r);
	if (call->state == HF_S_PARKED)
		restore_wait(call);
	return restore_media(call);
}

/* The kernel says it to its end; then it is hung up. */
int hf_talk_restore(struct hf_park *park, const struct hf_store_call *r)
{
	const struct hf_signal_ops *ops = park->wire.signal;
	struct hf_party *p = hf_party_create(park, NULL, HF_ROLE_CALLER);
	struct hf_talk *t = p ? hf_talk_create(park, p) : NULL;
	int err;

	if (!t) {
		hf_party_free(p, true);
		return -ENOMEM;
	}
	t->id = r->id;
	t->noted = true;
	t->state = HF_TALK_SPEAKS;
	err = r->party_count ? read_party(p, &r->party[0]) : -EINVAL;
	if (r->party_count && ops->adopt)
		p->dialog = ops->adopt(park->wire.stack, p, &r->party[0],
				       hf_session_text(p->session));
	if (!p->dialog) {
		hf_talk_free(t, true);
		return err ? err : -ECONNRESET;
	}
	p->leg = err ? HF_LEG_NONE : (uint32_t)r->party[0].leg;
	if (p->leg != HF_LEG_NONE && hf_party_adopt_leg(p))
		p->leg = HF_LEG_NONE;
	hf_timer_arm(&park->timers, &t->timer,
		     p->leg == HF_LEG_NONE ? park->now_ms
					   : (uint64_t)r->timer_ms);
	return 0;
}

int hf_park_restore(struct hf_park *park, const struct hf_store_call *r)
{
	const struct hf_cause lost = {.sip = 500,
				      .text = "Lost over a restart"};
	struct hf_call *call;
	enum hf_call_state state;
	int err = -EINVAL;
	bool nowhere;

	park->now_ms = hf_now_ms();
	if (!strcmp(r->state, HF_TALK_STATE))
		return hf_talk_restore(park, r);
	call = calloc(1, sizeof(*call));
	if (!call)
		return -ENOMEM;
	call->park = park;
	call->id = r->id;
	call->noted = true;
	call->lot = lot_for(park, r);
	nowhere = !call->lot;
	if (nowhere) /* only until it has ended */
		call->lot = &park->lots[0];
	if (!state_of(r->claimed_from, &call->claimed_from))
		call->claimed_from = HF_S_PARKED;
	HASH_ADD(hh, park->calls, id, sizeof(call->id), call);
	if (call->hh.tbl && state_of(r->state, &state)) {
		state = resume_as(r, state);
		if (call->claimed_from == HF_S_RECALLING)
			call->claimed_from = HF_S_PARKED;
		hf_call_resume(call, state);
		err = restore(call, r, nowhere);
	}
	if (!err)
		return 0;
	hf_warn("call %llu of %s cannot be taken up: %s",
		(unsigned long long)r->id, r->who_uri, strerror(-err));
	if (call->caller || call->retriever) {
		if (!nowhere)
			hf_report(call, HF_EVENT_ENDED, "lost over a restart");
		hf_call_end(call, &lost);
	}
	hf_call_resume(call, HF_S_ENDED);
	hf_call_free(call, true);
	return err;
}
