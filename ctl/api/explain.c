// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * "lot explain": what an INVITE would mean, by the rules of ctl/park/decide.c and
 * the routing of the configuration. Nothing is taken and nothing changes.
 */
#include <jansson.h>
#include <string.h>

#include "events/json.h"
#include "internal.h"
#include "park/park.h"

static const char *const known[] = { "from", "transferred_by", "source",
				     "headers", "tenant" };
#define KNOWN (sizeof(known) / sizeof(known[0]))

static const char *unknown_key(json_t *call)
{
	const char *key;
	json_t *value;

	json_object_foreach(call, key, value) {
		bool ok = json_is_string(value);

		for (size_t i = 0, hit = 0; i <= KNOWN && ok && !hit; i++) {
			if (i == KNOWN)
				return key;
			hit = !strcmp(known[i], key);
		}
		if (!ok)
			return key;
	}
	return NULL;
}

void hf_answer_lot_explain(const struct hf_control_wiring *w,
			   const json_t *args, struct hf_answer *ret)
{
	json_t *call = json_object_get(args, "call");
	struct hf_explain ask = {
		.number = json_string_value(json_object_get(args, "number")),
		.from = json_string_value(json_object_get(call, "from")),
		.transferred_by = json_string_value(
			json_object_get(call, "transferred_by")),
		.source = json_string_value(json_object_get(call, "source")),
		.headers = json_string_value(json_object_get(call, "headers")),
		.tenant = json_string_value(json_object_get(call, "tenant")),
	};
	const char *bad = unknown_key(call);
	struct hf_explained e;

	if (bad) {
		ret->json = hf_request_error(
			HF_ERR_BAD_ARGUMENT,
			"call.%.32s: known are the texts from, transferred_by, "
			"source, headers and tenant",
			bad);
		return;
	}
	if (hf_park_explain(w->park, &ask, &e)) {
		ret->json = hf_request_error(
			HF_ERR_BAD_ARGUMENT,
			"%s: write a number, sip:user@host, an IP address or "
			"the name of a tenant",
			e.wrong);
		return;
	}
	ret->json = json_pack(
		"{s:s,s:s,s:s,s:o,s:o,s:o,s:o,s:b,s:o,s:o}", "verdict", e.verdict,
		"rule", e.rule, "text", e.text, "routing",
		hf_json_text(e.routing), "tenant",
		hf_json_text(e.tenant), "lot", hf_json_text(e.lot), "slot",
		hf_json_text(*e.slot ? e.slot : NULL), "trusted",
		(int)e.trusted, "status",
		e.status ? json_integer(e.status) : json_null(), "reason",
		hf_json_text(*e.reason ? e.reason : NULL));
}
