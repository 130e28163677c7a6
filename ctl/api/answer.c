// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Answers about lots, slots and calls, built from the views of ctl/park. The
 * keys are documented in Documentation/control.md and stable. Media figures
 * come from media.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "events/bus.h"
#include "events/json.h"
#include "holdfast/abi.h"
#include "internal.h"
#include "media/media.h"
#include "park/park.h"

/* A walk over views from a listing's cursor on. */
struct walk {
	const struct hf_control_wiring *wiring;
	struct hf_listing *listing;
	json_t *rows;
	uint64_t seen;	   /* slots passed so far */
	unsigned int done; /* views looked at behind the cursor */
	bool stopped;	   /* there are more */
};

/* The park says 0 for a call that does not wait for its ring-back. */
static json_t *seconds_or_null(uint32_t seconds)
{
	return seconds ? json_integer(seconds) : json_null();
}

/* Has this turn done enough? */
static bool walk_is_full(struct walk *walk)
{
	walk->stopped = walk->done == HF_LISTING_ROWS;
	return walk->stopped;
}

static void walk_add(struct walk *walk, json_t *row)
{
	if (json_array_append_new(walk->rows, row))
		walk->listing->failed = true;
}

json_t *hf_slot_json(const struct hf_slot_view *v)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:b,s:o,s:I,s:o,s:I}",
			 "tenant", hf_json_text(v->tenant), "lot", hf_json_text(v->lot), "slot",
			 hf_json_text(v->slot), "label", hf_json_text(v->label),
			 "state", hf_json_text(v->state), "call",
			 (json_int_t)v->call, "caller_number",
			 hf_json_text(v->caller_number), "caller_name",
			 hf_json_text(v->caller_name), "private",
			 (int)v->privacy, "parker", hf_json_text(v->parker),
			 "seconds_parked",
			 (json_int_t)v->seconds_parked, "seconds_to_recall",
			 seconds_or_null(v->seconds_to_recall), "attempt",
			 (json_int_t)v->attempt);
}

/* Slots never come or go while the daemon runs, so their place is a cursor. */
static bool list_slot(void *arg, const struct hf_slot_view *v)
{
	struct walk *walk = arg;

	if (walk->seen++ < walk->listing->at)
		return true;
	if (walk_is_full(walk))
		return false;
	walk->done++;
	walk->listing->at = walk->seen;
	if ((!walk->listing->lot || !strcmp(walk->listing->lot, v->lot)) &&
	    (!walk->listing->tenant ||
	     (v->tenant && !strcmp(walk->listing->tenant, v->tenant))))
		walk_add(walk, hf_slot_json(v));
	return true;
}

static bool list_slots(const struct hf_control_wiring *w,
		       struct hf_listing *listing, json_t *rows)
{
	struct walk walk = { .wiring = w, .listing = listing, .rows = rows };

	hf_park_each_slot(w->park, hf_now_ms(), list_slot, &walk);
	return walk.stopped;
}

void hf_answer_slots(const struct hf_control_wiring *w, const json_t *args,
		     struct hf_answer *ret)
{
	const char *tenant = json_string_value(json_object_get(args, "tenant"));
	const char *lot = json_string_value(json_object_get(args, "lot"));

	for (unsigned int i = 0; lot && i < w->config->lot_count; i++)
		if (!strcmp(w->config->lots[i].name, lot))
			ret->listing.lot = w->config->lots[i].name;
	for (unsigned int i = 0; tenant && i < w->config->lot_count; i++)
		if (w->config->lots[i].tenant &&
		    !strcmp(w->config->lots[i].tenant, tenant))
			ret->listing.tenant = w->config->lots[i].tenant;
	if (tenant && !ret->listing.tenant)
		ret->json = hf_request_error(HF_ERR_NOT_FOUND,
					     "there is no tenant \"%.64s\"",
					     tenant);
	else if (lot && !ret->listing.lot)
		ret->json = hf_request_error(HF_ERR_NOT_FOUND,
					     "there is no lot \"%.64s\"", lot);
	else
		ret->listing.more = list_slots;
}

static json_t *call_json(const struct hf_call_view *v)
{
	return json_pack(
		"{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:I,s:I}",
		"call", (json_int_t)v->call, "state", hf_json_text(v->state),
		"tenant", hf_json_text(v->tenant), "lot", hf_json_text(v->lot), "slot", hf_json_text(v->slot),
		"caller_number", hf_json_text(v->caller_number), "caller_name",
		hf_json_text(v->caller_name), "private", (int)v->privacy,
		"parker", hf_json_text(v->parker), "retriever", hf_json_text(v->retriever), "rule",
		hf_json_text(v->rule), "routing", hf_json_text(v->routing),
		"only", hf_json_text(v->only), "seconds", (json_int_t)v->seconds,
		"seconds_parked", (json_int_t)v->seconds_parked,
		"seconds_to_recall", seconds_or_null(v->seconds_to_recall),
		"attempt", (json_int_t)v->attempt, "park_count",
		(json_int_t)v->park_count);
}

/*
 * Calls come in the order of their ids, so the last id is a cursor that
 * survives calls that end in between. False when the turn is over; *skip for a
 * call of an earlier turn.
 */
static bool walk_takes_call(struct walk *walk, const struct hf_call_view *v,
			    bool *skip)
{
	*skip = v->call <= walk->listing->at;
	if (*skip)
		return true;
	if (walk_is_full(walk))
		return false;
	walk->done++;
	walk->listing->at = v->call;
	return true;
}

static bool list_call(void *arg, const struct hf_call_view *v)
{
	struct walk *walk = arg;
	bool skip;

	if (!walk_takes_call(walk, v, &skip))
		return false;
	if (!skip)
		walk_add(walk, call_json(v));
	return true;
}

static bool list_calls(const struct hf_control_wiring *w,
		       struct hf_listing *listing, json_t *rows)
{
	struct walk walk = { .wiring = w, .listing = listing, .rows = rows };

	hf_park_each_call(w->park, hf_now_ms(), list_call, &walk);
	return walk.stopped;
}

void hf_answer_calls(const struct hf_control_wiring *w, const json_t *args,
		     struct hf_answer *ret)
{
	ret->listing.more = list_calls;
}

static unsigned int party_count(const struct hf_call_view *v)
{
	const unsigned int room = sizeof(v->party) / sizeof(v->party[0]);

	return v->party_count < room ? v->party_count : room;
}

/* A leg's figures with the call it belongs to in front. */
static json_t *leg_json(const struct hf_media *media,
			const struct hf_call_view *v,
			const struct hf_party_view *p)
{
	json_t *leg = json_pack("{s:I,s:I,s:o,s:b,s:o,s:o}", "leg",
				(json_int_t)p->leg, "call",
				(json_int_t)v->call, "role",
				hf_json_text(p->role), "private",
				(int)v->privacy, "identity",
				hf_json_text(p->identity), "codec",
				hf_json_text(p->codec));
	json_t *media_json = hf_media_leg_json(media, p->leg);

	if (!media_json ||
	    (json_is_object(media_json) && json_object_update(leg, media_json))) {
		json_decref(leg);
		leg = NULL;
	}
	json_decref(media_json);
	return leg;
}

static bool list_call_legs(void *arg, const struct hf_call_view *v)
{
	struct walk *walk = arg;
	bool skip;

	if (!walk_takes_call(walk, v, &skip))
		return false;
	for (unsigned int i = 0; !skip && i < party_count(v); i++)
		if (v->party[i].leg != HF_LEG_NONE)
			walk_add(walk, leg_json(walk->wiring->media, v,
						&v->party[i]));
	return true;
}

static bool list_legs(const struct hf_control_wiring *w,
		      struct hf_listing *listing, json_t *rows)
{
	struct walk walk = { .wiring = w, .listing = listing, .rows = rows };

	hf_park_each_call(w->park, hf_now_ms(), list_call_legs, &walk);
	return walk.stopped;
}

void hf_answer_legs(const struct hf_control_wiring *w, const json_t *args,
		    struct hf_answer *ret)
{
	ret->listing.more = list_legs;
}

/* One call or one leg among the calls. */
struct search {
	const struct hf_media *media;
	uint64_t wanted;
	bool hit;
	json_t *found; /* NULL after a hit: no memory */
};

/* What was found, or `what` and its number were not. */
static json_t *search_result(const struct search *s, const char *what)
{
	return s->hit ? s->found :
			hf_request_error(HF_ERR_NOT_FOUND, "%s %llu", what,
					 (unsigned long long)s->wanted);
}

static bool search_leg(void *arg, const struct hf_call_view *v)
{
	struct search *s = arg;

	for (unsigned int i = 0; i < party_count(v) && !s->hit; i++) {
		if (v->party[i].leg != s->wanted ||
		    v->party[i].leg == HF_LEG_NONE)
			continue;
		s->hit = true;
		s->found = leg_json(s->media, v, &v->party[i]);
	}
	return !s->hit;
}

void hf_answer_leg(const struct hf_control_wiring *w, const json_t *args,
		   struct hf_answer *ret)
{
	struct search s = { .media = w->media };

	s.wanted = (uint64_t)json_integer_value(json_object_get(args, "leg"));
	hf_park_each_call(w->park, hf_now_ms(), search_leg, &s);
	ret->json = search_result(&s, "no call uses leg");
}

static json_t *party_json(const struct hf_media *media,
			  const struct hf_party_view *p)
{
	bool has = p->leg != HF_LEG_NONE;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "role",
			 hf_json_text(p->role), "identity",
			 hf_json_text(p->identity), "sip_call_id",
			 hf_json_text(p->sip_call_id), "state",
			 hf_json_text(p->state), "codec",
			 hf_json_text(p->codec), "leg",
			 has ? json_integer(p->leg) : json_null(), "media",
			 has ? hf_media_leg_json(media, p->leg) : json_null());
}

static bool search_call(void *arg, const struct hf_call_view *v)
{
	struct search *s = arg;
	json_t *parties;

	if (v->call != s->wanted)
		return true;
	s->hit = true;
	s->found = call_json(v);
	parties = json_array();
	for (unsigned int i = 0; parties && i < party_count(v); i++) {
		if (!json_array_append_new(parties, party_json(s->media,
							       &v->party[i])))
			continue;
		json_decref(parties);
		parties = NULL;
	}
	if (json_object_set_new(s->found, "parties", parties)) {
		json_decref(s->found);
		s->found = NULL;
	}
	return false;
}

void hf_answer_call(const struct hf_control_wiring *w, const json_t *args,
		    struct hf_answer *ret)
{
	struct search s = { .media = w->media };

	s.wanted = (uint64_t)json_integer_value(json_object_get(args, "call"));
	hf_park_each_call(w->park, hf_now_ms(), search_call, &s);
	ret->json = search_result(&s, "there is no call");
}

/* Free slots per lot, counted in one walk over all slots. */
struct lot_walk {
	const struct hf_config *config;
	unsigned int at; /* the lot of the slot before */
	uint32_t *slots, *slots_free;
};

static bool count_slot(void *arg, const struct hf_slot_view *v)
{
	struct lot_walk *walk = arg;
	const struct hf_config *config = walk->config;

	/* Slots come lot by lot, so the search is nearly always one step. */
	for (unsigned int i = 0; i < config->lot_count; i++) {
		unsigned int at = (walk->at + i) % config->lot_count;

		if (strcmp(config->lots[at].name, v->lot))
			continue;
		walk->at = at;
		walk->slots[at]++;
		walk->slots_free[at] += !strcmp(v->state, "free");
		return true;
	}
	return true;
}

static json_t *lots_json(const struct hf_control_wiring *w)
{
	const struct hf_config *config = w->config;
	uint32_t *counts = calloc(2 * (size_t)config->lot_count + 1,
				  sizeof(*counts));
	struct lot_walk walk = { .config = config };
	json_t *list = json_array();

	if (!counts) {
		json_decref(list);
		return NULL;
	}
	walk.slots = counts;
	walk.slots_free = counts + config->lot_count;
	hf_park_each_slot(w->park, hf_now_ms(), count_slot, &walk);
	for (unsigned int i = 0; i < config->lot_count; i++) {
		json_t *lot = json_pack("{s:o,s:o,s:o,s:I,s:I}", "tenant",
					hf_json_text(config->lots[i].tenant),
					"lot",
					hf_json_text(config->lots[i].name),
					"park",
					hf_json_text(config->lots[i].park),
					"slots", (json_int_t)walk.slots[i],
					"slots_free",
					(json_int_t)walk.slots_free[i]);

		if (json_array_append_new(list, lot)) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(counts);
	return list;
}

static json_t *listeners_json(const struct hf_config *config)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < config->sip.listen_count; i++) {
		const struct hf_config_listen *l = &config->sip.listen[i];

		if (json_array_append_new(
			    list, json_pack("{s:o,s:o,s:i}", "transport",
					    hf_json_text(l->transport),
					    "address", hf_json_text(l->host),
					    "port", (int)l->port))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *totals_json(const struct hf_park_totals *t)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "parks",
			 (json_int_t)t->parks, "retrieved",
			 (json_int_t)t->retrieved, "rang_back",
			 (json_int_t)t->rang_back, "abandoned",
			 (json_int_t)t->abandoned, "refused",
			 (json_int_t)t->refused);
}

static json_t *instance_json(const struct hf_control_wiring *w)
{
	return json_pack("{s:o,s:o,s:I,s:I,s:o,s:o,s:I,s:o}", "version",
			 hf_json_text(w->version), "instance",
			 hf_json_text(w->config->instance), "pid",
			 (json_int_t)getpid(), "uptime_s",
			 (json_int_t)((hf_now_ms() - w->start_ms) / 1000),
			 "config", hf_json_text(w->config->path), "domain",
			 hf_json_text(w->config->sip.domain), "last_event",
			 (json_int_t)hf_bus_last(w->bus), "listen",
			 listeners_json(w->config));
}

/* Both objects in one; the second is used up. NULL if either is missing. */
static json_t *merge(json_t *into, json_t *more)
{
	if (!into || !more || json_object_update(into, more)) {
		json_decref(into);
		into = NULL;
	}
	json_decref(more);
	return into;
}

void hf_answer_status(const struct hf_control_wiring *w, const json_t *args,
		      struct hf_answer *ret)
{
	struct hf_park_totals t;
	json_t *calls;

	hf_park_totals(w->park, &t);
	calls = json_pack("{s:{s:I,s:I,s:I,s:I},s:o,s:o,s:o,s:o,s:o}", "calls", "total",
			  (json_int_t)t.calls, "parked", (json_int_t)t.parked,
			  "recalling", (json_int_t)t.recalling, "relayed",
			  (json_int_t)t.relayed, "lots", lots_json(w), "totals",
			  totals_json(&t), "lamps", hf_lamps_json(w),
			  "registrations", hf_registrations_json(w),
			  "history", hf_history_json(w));
	ret->json = merge(merge(instance_json(w),
				hf_media_status_json(w->media)),
			  calls);
}

void hf_answer_stats(const struct hf_control_wiring *w, const json_t *args,
		     struct hf_answer *ret)
{
	struct hf_park_totals t;

	hf_park_totals(w->park, &t);
	ret->json = json_pack("{s:o,s:o}", "totals", totals_json(&t),
			      "counters", hf_media_counters_json(w->media));
}
