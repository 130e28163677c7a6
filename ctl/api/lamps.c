// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers about subscriptions to lamps, built from the views of ctl/presence. */
#include "base/clock.h"
#include "events/json.h"
#include "internal.h"
#include "presence/lamps.h"

struct walk {
	struct hf_listing *listing;
	json_t *rows;
	unsigned int done;
	bool stopped;
};

static bool list_one(void *arg, const struct hf_watch_view *v)
{
	struct walk *walk = arg;
	json_t *row;

	walk->stopped = walk->done == HF_LISTING_ROWS;
	if (walk->stopped)
		return false;
	walk->done++;
	walk->listing->at = v->id;
	row = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:I}",
			"subscription", (json_int_t)v->id, "watcher",
			hf_json_text(v->watcher), "number",
			hf_json_text(v->number), "kind", hf_json_text(v->kind),
			"event", hf_json_text(v->event), "state",
			hf_json_text(v->state), "expires_s",
			(json_int_t)v->expires_s, "version",
			(json_int_t)v->version, "failures",
			(json_int_t)v->failures, "notifies",
			(json_int_t)v->notifies);
	if (json_array_append_new(walk->rows, row))
		walk->listing->failed = true;
	return true;
}

static bool list(const struct hf_control_wiring *w, struct hf_listing *listing,
		 json_t *rows)
{
	struct walk walk = { .listing = listing, .rows = rows };

	if (w->lamps)
		hf_lamps_each(w->lamps, hf_now_ms(), listing->at, list_one,
			      &walk);
	return walk.stopped;
}

void hf_answer_subscriptions(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	ret->listing.more = list;
}

json_t *hf_lamps_json(const struct hf_control_wiring *w)
{
	struct hf_lamp_totals t;

	if (!w->lamps)
		return json_null();
	hf_lamps_totals(w->lamps, &t);
	return json_pack(
		"{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}",
		"subscriptions", (json_int_t)t.subscriptions, "probing",
		(json_int_t)t.probing, "subscribed", (json_int_t)t.subscribed,
		"refused", (json_int_t)t.refused, "restored",
		(json_int_t)t.restored, "expired", (json_int_t)t.expired,
		"unsubscribed", (json_int_t)t.unsubscribed, "gone",
		(json_int_t)t.gone, "changes", (json_int_t)t.changes,
		"notifies", (json_int_t)t.notifies, "coalesced",
		(json_int_t)t.coalesced, "lost", (json_int_t)t.lost);
}
