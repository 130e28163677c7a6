// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests that change a call: what a supervisor does (ctl/park/acts.c). Each
 * answers with the call's id and what has begun; how it ends is an event.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "events/bus.h"
#include "events/json.h"
#include "internal.h"
#include "park/park.h"

static uint64_t call_of(const json_t *args)
{
	return (uint64_t)json_integer_value(json_object_get(args, "call"));
}

static const char *text_of(const json_t *args, const char *key)
{
	return json_string_value(json_object_get(args, key));
}

static void finish(struct hf_answer *ret, int err, uint64_t call,
		   const char *did, const char *why)
{
	if (!err)
		ret->json = json_pack("{s:I,s:s}", "call", (json_int_t)call,
				      "did", did);
	else
		ret->json = hf_request_error(err == -ENOENT ? HF_ERR_NOT_FOUND :
					     err == -EINVAL ?
							      HF_ERR_BAD_ARGUMENT :
							      HF_ERR_FAILED,
					     "call %llu: %s",
					     (unsigned long long)call, why);
}

void hf_answer_call_move(const struct hf_control_wiring *w, const json_t *args,
			 struct hf_answer *ret)
{
	const char *why = "";
	int err = hf_park_move(w->park, call_of(args), text_of(args, "to"),
			       &why);

	finish(ret, err, call_of(args), "moved", why);
}

void hf_answer_call_kick(const struct hf_control_wiring *w, const json_t *args,
			 struct hf_answer *ret)
{
	finish(ret, hf_park_kick(w->park, call_of(args)), call_of(args),
	       "kicked", "there is no such call");
}

static void ring_for(const struct hf_control_wiring *w, const json_t *args,
		     bool step_in, struct hf_answer *ret)
{
	const char *why = "";
	int err = hf_park_ring_for(w->park, call_of(args), text_of(args, "for"),
				   step_in, &why);

	finish(ret, err, call_of(args), "ringing", why);
}

void hf_answer_call_retrieve(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	ring_for(w, args, false, ret);
}

void hf_answer_call_step_in(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	ring_for(w, args, true, ret);
}

void hf_answer_call_page(const struct hf_control_wiring *w, const json_t *args,
			 struct hf_answer *ret)
{
	const char *why = "";
	int err = hf_park_page(w->park, call_of(args), text_of(args, "zone"),
			       &why);

	finish(ret, err, call_of(args), "paging", why);
}

void hf_answer_drain(const struct hf_control_wiring *w, const json_t *args,
		     struct hf_answer *ret)
{
	const char *mode = text_of(args, "mode");

	if (strcmp(mode, "on") && strcmp(mode, "off")) {
		ret->json = hf_request_error(HF_ERR_BAD_ARGUMENT,
					     "mode is on or off");
		return;
	}
	hf_park_drain(w->park, !strcmp(mode, "on"));
	/* Whoever restarts us now is not to find new calls. */
	if (w->keep_drain)
		w->keep_drain(w->reload_arg, !strcmp(mode, "on"));
	ret->json = json_pack("{s:b}", "draining", !strcmp(mode, "on"));
}

void hf_answer_reload(const struct hf_control_wiring *w, const json_t *args,
		      struct hf_answer *ret)
{
	char why[4096] = "this holdfastd cannot";

	if (w->reload && !w->reload(w->reload_arg, why, sizeof(why)))
		ret->json = json_pack("{s:b,s:o}", "reloaded", 1, "note",
				      hf_json_text(why));
	else
		ret->json = hf_request_error(HF_ERR_FAILED, "%s", why);
}
