// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happened since the start, counted from the events: waits as a histogram
 * for /metrics, and hour by hour for the charts of the board.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events/event.h"
#include "events/json.h"

const unsigned int hf_wait_bounds[HF_WAIT_BUCKETS] = {
	5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1800};

#define HOUR_MS 3600000ULL

int hf_tally_open(struct hf_tally *t, unsigned int lots)
{
	t->lots = lots;
	t->waits = calloc((size_t)lots * HF_RES_COUNT + 1, sizeof(*t->waits));
	return t->waits ? 0 : -ENOMEM;
}

void hf_tally_close(struct hf_tally *t)
{
	free(t->waits);
	t->waits = NULL;
}

int hf_tally_reload(struct hf_tally *t, const struct hf_config *now,
		    const struct hf_config *next)
{
	struct hf_waits *waits = calloc(
		(size_t)next->lot_count * HF_RES_COUNT + 1, sizeof(*waits));

	if (!waits)
		return -ENOMEM;
	for (unsigned int i = 0; i < next->lot_count; i++)
		for (unsigned int k = 0; k < t->lots; k++)
			if (!strcmp(next->lots[i].name, now->lots[k].name))
				memcpy(&waits[i * HF_RES_COUNT],
				       &t->waits[k * HF_RES_COUNT],
				       HF_RES_COUNT * sizeof(*waits));
	free(t->waits);
	t->waits = waits;
	t->lots = next->lot_count;
	return 0;
}

/* HF_RES_COUNT: this event ends no wait. */
static enum hf_resolution resolution_of(enum hf_event_type type)
{
	switch (type) {
	case HF_EVENT_RETRIEVED:
		return HF_RES_RETRIEVED;
	case HF_EVENT_RECALL_ANSWERED:
		return HF_RES_RANG_BACK;
	case HF_EVENT_ABANDONED:
		return HF_RES_ABANDONED;
	case HF_EVENT_EXPIRED:
		return HF_RES_EXPIRED;
	case HF_EVENT_KICKED:
		return HF_RES_KICKED;
	default:
		return HF_RES_COUNT;
	}
}

/* Seconds up to 16, then four steps for each doubling: no figure is read off
 * with more than a fifth of error, and 64 of them reach beyond three days. */
static unsigned int fine_of(uint32_t seconds)
{
	unsigned int low = 16, i = 16;

	if (seconds < 16)
		return seconds;
	while (seconds >= 2 * low && i < 60) {
		low *= 2;
		i += 4;
	}
	i += (seconds - low) / (low / 4);
	return i < 63 ? i : 63;
}

/* The longest wait of a step. */
static unsigned int fine_end(unsigned int i)
{
	unsigned int low;

	if (i < 16)
		return i;
	low = 16U << (i - 16) / 4;
	return low + (low / 4) * ((i - 16) % 4 + 1) - 1;
}

static struct hf_hour *hour_of(struct hf_tally *t, uint64_t wall_ms)
{
	uint64_t number = wall_ms / HOUR_MS;
	struct hf_hour *h = &t->hour[number % HF_HISTORY_HOURS];

	if (h->hour != number)
		*h = (struct hf_hour){.hour = number};
	return h;
}

static void add_wait(struct hf_tally *t, const struct hf_config *config,
		     const struct hf_event *e, enum hf_resolution res)
{
	unsigned int i = 0;

	for (unsigned int lot = 0; e->lot && lot < t->lots; lot++) {
		struct hf_waits *w = &t->waits[lot * HF_RES_COUNT + res];

		if (strcmp(config->lots[lot].name, e->lot))
			continue;
		while (i < HF_WAIT_BUCKETS &&
		       e->seconds_parked > hf_wait_bounds[i])
			i++;
		w->bucket[i]++;
		w->count++;
		w->sum_s += e->seconds_parked;
		return;
	}
}

void hf_tally_event(struct hf_tally *t, const struct hf_config *config,
		    const struct hf_event *e)
{
	enum hf_resolution res = resolution_of(e->type);
	struct hf_hour *h = hour_of(t, e->wall_ms);

	if ((unsigned int)e->type < HF_EVENT_COUNT)
		t->events[e->type]++;
	h->parks += e->type == HF_EVENT_PARKED || e->type == HF_EVENT_SWAPPED ||
		    e->type == HF_EVENT_REPARKED;
	h->recalls += e->type == HF_EVENT_RECALL_STARTED;
	h->recalls_failed += e->type == HF_EVENT_RECALL_FAILED;
	if (res == HF_RES_COUNT)
		return;
	h->resolved[res]++;
	h->waits[fine_of(e->seconds_parked)]++;
	add_wait(t, config, e, res);
}

/* The wait that `percent` of all were not longer than; null for no waits. */
static json_t *quantile(const struct hf_hour *h, unsigned int percent)
{
	uint64_t total = 0, passed = 0;

	for (unsigned int i = 0; i < 64; i++)
		total += h->waits[i];
	for (unsigned int i = 0; i < 64 && total; i++) {
		passed += h->waits[i];
		if (passed * 100 >= total * percent)
			return json_integer(fine_end(i));
	}
	return json_null();
}

static json_t *hour_json(const struct hf_hour *h, uint64_t number)
{
	static const char *const name[] = {
#define X(symbol, name) [HF_RES_##symbol] = name,
		HF_RESOLUTIONS(X)
#undef X
	};
	static const struct hf_hour none;
	json_t *resolved = json_object();

	if (h->hour != number)
		h = &none;
	for (int i = 0; i < HF_RES_COUNT; i++)
		json_object_set_new(resolved, name[i],
				    json_integer(h->resolved[i]));
	return json_pack(
		"{s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "wall_ms",
		(json_int_t)(number * HOUR_MS), "parks", (json_int_t)h->parks,
		"recalls", (json_int_t)h->recalls, "recalls_failed",
		(json_int_t)h->recalls_failed, "wait_p50_s", quantile(h, 50),
		"wait_p95_s", quantile(h, 95), "resolutions", resolved);
}

json_t *hf_tally_history(const struct hf_tally *t, uint64_t wall_ms)
{
	uint64_t now = wall_ms / HOUR_MS;
	json_t *hours = json_array();

	for (uint64_t i = 0; i < HF_HISTORY_HOURS; i++) {
		uint64_t number = now + 1 + i - HF_HISTORY_HOURS;

		if (json_array_append_new(
			    hours,
			    hour_json(&t->hour[number % HF_HISTORY_HOURS],
				      number))) {
			json_decref(hours);
			return NULL;
		}
	}
	return json_pack("{s:o}", "hours", hours);
}
