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

/* Walks over views: what is gathered, from what, and whether memory lasted. */
struct walk {
	const struct hf_control_wiring *wiring;
	json_t *list;
	const char *lot;   /* only this one, NULL = all */
	uint64_t call;	   /* only this one */
	json_t *call_json; /* set when found */
	bool failed;
};

/* The park says 0 for a call that does not wait for its ring-back. */
static json_t *seconds_or_null(uint32_t seconds)
{
	return seconds ? json_integer(seconds) : json_null();
}

static json_t *walk_done(struct walk *walk)
{
	if (!walk->failed)
		return walk->list;
	json_decref(walk->list);
	return NULL;
}

static bool walk_add(struct walk *walk, json_t *item)
{
	if (json_array_append_new(walk->list, item))
		walk->failed = true;
	return !walk->failed;
}

static bool add_slot(void *arg, const struct hf_slot_view *v)
{
	struct walk *walk = arg;

	if (walk->lot && strcmp(walk->lot, v->lot))
		return true;
	return walk_add(
		walk,
		json_pack("{s:o,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:I,s:o,s:I}",
			  "lot", hf_json_text(v->lot), "slot",
			  hf_json_text(v->slot), "label",
			  hf_json_text(v->label), "state",
			  hf_json_text(v->state), "call",
			  (json_int_t)v->call, "caller_number",
			  hf_json_text(v->caller_number), "caller_name",
			  hf_json_text(v->caller_name), "parker",
			  hf_json_text(v->parker), "seconds_parked",
			  (json_int_t)v->seconds_parked, "seconds_to_recall",
			  seconds_or_null(v->seconds_to_recall), "attempt",
			  (json_int_t)v->attempt));
}

static const struct hf_config_lot *find_lot(const struct hf_config *config,
					    const char *name)
{
	for (unsigned int i = 0; i < config->lot_count; i++)
		if (!strcmp(config->lots[i].name, name))
			return &config->lots[i];
	return NULL;
}

json_t *hf_answer_slots(const struct hf_control_wiring *w, const json_t *args)
{
	struct walk walk = { .wiring = w, .list = json_array() };

	walk.lot = json_string_value(json_object_get(args, "lot"));
	if (walk.lot && !find_lot(w->config, walk.lot)) {
		json_decref(walk.list);
		return hf_request_error(HF_ERR_NOT_FOUND,
					"there is no lot \"%.64s\"", walk.lot);
	}
	hf_park_each_slot(w->park, hf_now_ms(), add_slot, &walk);
	return walk_done(&walk);
}

static json_t *call_json(const struct hf_call_view *v)
{
	return json_pack(
		"{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:o,s:I,s:I}",
		"call", (json_int_t)v->call, "state", hf_json_text(v->state),
		"lot", hf_json_text(v->lot), "slot", hf_json_text(v->slot),
		"caller_number", hf_json_text(v->caller_number), "caller_name",
		hf_json_text(v->caller_name), "parker", hf_json_text(v->parker),
		"retriever", hf_json_text(v->retriever), "rule",
		hf_json_text(v->rule), "seconds", (json_int_t)v->seconds,
		"seconds_parked", (json_int_t)v->seconds_parked,
		"seconds_to_recall", seconds_or_null(v->seconds_to_recall),
		"attempt", (json_int_t)v->attempt, "park_count",
		(json_int_t)v->park_count);
}

static bool add_call(void *arg, const struct hf_call_view *v)
{
	return walk_add(arg, call_json(v));
}

json_t *hf_answer_calls(const struct hf_control_wiring *w, const json_t *args)
{
	struct walk walk = { .wiring = w, .list = json_array() };

	hf_park_each_call(w->park, hf_now_ms(), add_call, &walk);
	return walk_done(&walk);
}

static unsigned int party_count(const struct hf_call_view *v)
{
	const unsigned int room = sizeof(v->party) / sizeof(v->party[0]);

	return v->party_count < room ? v->party_count : room;
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

static bool show_call(void *arg, const struct hf_call_view *v)
{
	struct walk *walk = arg;
	json_t *parties;

	if (v->call != walk->call)
		return true;
	walk->call_json = call_json(v);
	parties = json_array();
	for (unsigned int i = 0; i < party_count(v); i++)
		if (json_array_append_new(parties,
					  party_json(walk->wiring->media,
						     &v->party[i])))
			walk->failed = true;
	if (json_object_set_new(walk->call_json, "parties", parties))
		walk->failed = true;
	return false;
}

json_t *hf_answer_call(const struct hf_control_wiring *w, const json_t *args)
{
	struct walk walk = { .wiring = w };

	walk.call = (uint64_t)json_integer_value(json_object_get(args, "call"));
	hf_park_each_call(w->park, hf_now_ms(), show_call, &walk);
	if (walk.failed) {
		json_decref(walk.call_json);
		return NULL;
	}
	return walk.call_json ?
		       walk.call_json :
		       hf_request_error(HF_ERR_NOT_FOUND,
					"there is no call %llu",
					(unsigned long long)walk.call);
}

/* A leg's figures with the call it belongs to in front. */
static json_t *leg_json(const struct hf_media *media,
			const struct hf_call_view *v,
			const struct hf_party_view *p)
{
	json_t *leg = json_pack("{s:I,s:I,s:o,s:o,s:o}", "leg",
				(json_int_t)p->leg, "call",
				(json_int_t)v->call, "role",
				hf_json_text(p->role), "identity",
				hf_json_text(p->identity), "codec",
				hf_json_text(p->codec));
	json_t *media_json = hf_media_leg_json(media, p->leg);

	if (json_is_object(media_json) && json_object_update(leg, media_json)) {
		json_decref(leg);
		leg = NULL;
	}
	json_decref(media_json);
	return leg;
}

static bool add_legs(void *arg, const struct hf_call_view *v)
{
	struct walk *walk = arg;

	for (unsigned int i = 0; i < party_count(v); i++)
		if (v->party[i].leg != HF_LEG_NONE)
			walk_add(walk, leg_json(walk->wiring->media, v,
						&v->party[i]));
	return !walk->failed;
}

json_t *hf_answer_legs(const struct hf_control_wiring *w, const json_t *args)
{
	struct walk walk = { .wiring = w, .list = json_array() };

	hf_park_each_call(w->park, hf_now_ms(), add_legs, &walk);
	return walk_done(&walk);
}

json_t *hf_answer_leg(const struct hf_control_wiring *w, const json_t *args)
{
	json_int_t wanted = json_integer_value(json_object_get(args, "leg"));
	json_t *legs = hf_answer_legs(w, NULL), *leg, *found = NULL;
	size_t i;

	if (!legs)
		return NULL;
	json_array_foreach(legs, i, leg)
		if (json_integer_value(json_object_get(leg, "leg")) == wanted)
			found = json_incref(leg);
	json_decref(legs);
	return found ? found :
		       hf_request_error(HF_ERR_NOT_FOUND,
					"no call uses leg %lld",
					(long long)wanted);
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
		json_t *lot = json_pack("{s:o,s:o,s:I,s:I}", "lot",
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

json_t *hf_answer_status(const struct hf_control_wiring *w, const json_t *args)
{
	struct hf_park_totals t;
	json_t *calls;

	hf_park_totals(w->park, &t);
	calls = json_pack("{s:{s:I,s:I,s:I,s:I},s:o,s:o}", "calls", "total",
			  (json_int_t)t.calls, "parked", (json_int_t)t.parked,
			  "recalling", (json_int_t)t.recalling, "relayed",
			  (json_int_t)t.relayed, "lots", lots_json(w), "totals",
			  totals_json(&t));
	return merge(merge(instance_json(w), hf_media_status_json(w->media)),
		     calls);
}

json_t *hf_answer_stats(const struct hf_control_wiring *w, const json_t *args)
{
	struct hf_park_totals t;

	hf_park_totals(w->park, &t);
	return json_pack("{s:o,s:o}", "totals", totals_json(&t), "counters",
			 hf_media_counters_json(w->media));
}
