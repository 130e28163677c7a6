// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests about webhooks: who is told, what waits for them, and another try.
 * ctl/hooks knows; the URLs themselves are never shown, they may be secrets.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "events/json.h"
#include "hooks/hooks.h"
#include "internal.h"

struct walk {
	const char *only; /* NULL = all */
	json_t *rows;
};

static json_t *time_or_null(uint64_t wall_ms)
{
	return wall_ms ? json_integer((json_int_t)wall_ms) : json_null();
}

static void add_hook(void *arg, const struct hf_hook_view *v)
{
	struct walk *walk = arg;

	if (walk->only && strcmp(walk->only, v->name))
		return;
	json_array_append_new(
		walk->rows,
		json_pack(
			"{s:o,s:o,s:s,s:b,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}",
			"webhook", hf_json_text(v->name), "to",
			hf_json_text(v->to), "format", v->format, "failing",
			(int)v->sick, "failure", hf_json_text(v->said),
			"waiting", (json_int_t)v->waiting, "sending",
			(json_int_t)v->sending, "failed",
			(json_int_t)v->failed, "delivered",
			(json_int_t)v->delivered, "attempts_failed",
			(json_int_t)v->attempts_failed, "given_up",
			(json_int_t)v->given_up, "dropped",
			(json_int_t)v->dropped, "seconds_to_retry",
			(json_int_t)v->next_s, "oldest_wall_ms",
			time_or_null(v->oldest_wall_ms)));
}

static void add_delivery(void *arg, const struct hf_delivery_view *v)
{
	json_t *rows = arg;

	json_array_append_new(
		rows,
		json_pack("{s:I,s:s,s:I,s:s,s:I,s:I,s:o,s:I,s:o}", "delivery",
			  (json_int_t)v->id, "event", v->event, "call",
			  (json_int_t)v->call, "state",
			  hf_delivery_state_name(v->state), "wall_ms",
			  (json_int_t)v->wall_ms, "attempts",
			  (json_int_t)v->attempts, "status",
			  v->status ? json_integer(v->status) : json_null(),
			  "ms", (json_int_t)v->ms, "answer",
			  hf_json_text(v->said)));
}

static json_t *unknown(const char *name)
{
	return hf_request_error(HF_ERR_NOT_FOUND,
				"there is no webhook \"%.64s\"", name);
}

static const char *name_of(const json_t *args)
{
	return json_string_value(json_object_get(args, "webhook"));
}

void hf_answer_webhook_list(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	struct walk walk = {.rows = json_array()};

	hf_hooks_each(w->hooks, add_hook, &walk);
	ret->json = walk.rows;
}

void hf_answer_webhook_show(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	struct walk walk = {.only = name_of(args), .rows = json_array()};
	json_t *deliveries = json_array(), *row;

	hf_hooks_each(w->hooks, add_hook, &walk);
	row = json_array_get(walk.rows, 0);
	if (!row || hf_hooks_deliveries(w->hooks, walk.only, add_delivery,
					deliveries)) {
		ret->json = unknown(walk.only);
		json_decref(deliveries);
	} else {
		ret->json = json_incref(row);
		json_object_set_new(row, "deliveries", deliveries);
	}
	json_decref(walk.rows);
}

void hf_answer_webhook_retry(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	uint32_t count = 0;
	int err = hf_hooks_retry(w->hooks, name_of(args), &count);

	ret->json = err == -ENOENT
			    ? unknown(name_of(args))
			    : err ? NULL
				  : json_pack("{s:o,s:I}", "webhook",
					      hf_json_text(name_of(args)),
					      "deliveries", (json_int_t)count);
}

void hf_answer_webhook_test(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	uint64_t id = 0;
	int err = hf_hooks_test(w->hooks, name_of(args), &id);

	ret->json = err == -ENOENT
			    ? unknown(name_of(args))
			    : err ? NULL
				  : json_pack("{s:o,s:I}", "webhook",
					      hf_json_text(name_of(args)),
					      "delivery", (json_int_t)id);
}
