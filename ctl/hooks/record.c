// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of calls that are over, for a CRM: what ctl/records has written of the
 * call, its waits and its acts, with the headers that were carried along.
 */
#include <stdio.h>
#include <stdlib.h>

#include "events/json.h"
#include "internal.h"

bool hf_hooks_want_records(const struct hf_hooks *h)
{
	return h && h->wants & 1ULL << HF_HOOK_TYPE_RECORD;
}

static const char *text(const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));

	return value ? value : "";
}

/* "call 17 [main 701]: retrieved after 12 s" */
static json_t *sentence(const json_t *call)
{
	char line[256];

	snprintf(line, sizeof(line), "call %lld [%s %s]: %s after %lld s",
		 (long long)json_integer_value(json_object_get(call, "call")),
		 text(call, "lot"), text(call, "slot"),
		 text(call, "resolution"),
		 (long long)json_integer_value(
			 json_object_get(call, "seconds_parked")));
	return hf_json_text(line);
}

/* What says who the caller was. */
static void mask(json_t *call)
{
	static const char *const keys[] = {"caller_number", "caller_name",
					   "caller_uri"};

	for (unsigned int i = 0; i < 3; i++)
		json_object_set_new(call, keys[i], json_null());
	json_object_del(call, "acts"); /* the caller's own among them */
}

void hf_hooks_record(void *hooks, const json_t *given)
{
	struct hf_hooks *h = hooks;
	json_t *call = json_copy((json_t *)given);
	char *full = NULL, *line = NULL;
	struct hf_item *item = NULL;

	json_object_set_new(call, "event", json_string("record"));
	json_object_set_new(call, "text", sentence(call));
	if (json_is_true(json_object_get(call, "private"))) {
		full = json_dumps(call, JSON_COMPACT);
		mask(call);
	}
	line = json_dumps(call, JSON_COMPACT);
	if (line)
		item = hf_item_new(HF_ITEM_SAY, line, full);
	if (item) {
		item->type = HF_HOOK_TYPE_RECORD;
		item->lot = hf_hooks_lot(h, text(call, "lot"));
		item->call = (uint64_t)json_integer_value(
			json_object_get(call, "call"));
	}
	hf_hooks_hand_over(h, item);
	free(line);
	free(full);
	json_decref(call);
}
