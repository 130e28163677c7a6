// SPDX-License-Identifier: GPL-2.0-or-later
/* One event as a JSON object; bus.c makes the line from it. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "json.h"

/*
 * Length of the UTF-8 sequence at `s`, 0 if there is none: no overlong forms,
 * no surrogates, nothing above U+10FFFF (RFC 3629 section 4).
 */
static size_t utf8_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

json_t *hf_json_text(const char *text)
{
	const unsigned char *in = (const unsigned char *)text;
	size_t out = 0;
	json_t *json;
	char *copy;

	if (!text || !*text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	/* Each bad byte becomes the three of U+FFFD. */
	copy = malloc(3 * strlen(text) + 1);
	if (!copy)
		return NULL;
	while (*in) {
		size_t n = utf8_length(in);

		memcpy(copy + out, n ? (const char *)in : "\xef\xbf\xbd",
		       n ? n : 3);
		out += n ? n : 3;
		in += n ? n : 1;
	}
	json = json_stringn(copy, out);
	free(copy);
	return json;
}

static int set_text(json_t *object, const char *key, const char *text)
{
	return json_object_set_new(object, key, hf_json_text(text));
}

json_t *hf_json_headers(const char *lines)
{
	json_t *headers = lines && *lines ? json_object() : json_null();

	while (lines && *lines && headers) {
		size_t len = strcspn(lines, "\n");
		const char *colon = memchr(lines, ':', len);
		char name[64], value[1024];
		bool bad = false;

		if (colon && colon + 2 <= lines + len) {
			snprintf(name, sizeof(name), "%.*s",
				 (int)(colon - lines), lines);
			snprintf(value, sizeof(value), "%.*s",
				 (int)(lines + len - (colon + 2)), colon + 2);
			bad = json_object_set_new(headers, name,
						  hf_json_text(value));
		}
		if (bad) {
			json_decref(headers);
			headers = NULL;
		}
		lines += len + (lines[len] == '\n');
	}
	return headers;
}

/* Only there when there is one. */
static int set_headers(json_t *object, const char *lines)
{
	if (!lines || !*lines)
		return 0;
	return json_object_set_new(object, "headers", hf_json_headers(lines));
}

static int set_number(json_t *object, const char *key, uint64_t number)
{
	return json_object_set_new(object, key,
				   json_integer((json_int_t)number));
}

json_t *hf_event_json(const struct hf_event *e)
{
	json_t *object = json_object();
	char text[1024];
	bool bad;

	hf_event_text(e, text, sizeof(text));
	bad = set_number(object, "number", e->number) ||
	      set_text(object, "event", hf_event_name(e->type)) ||
	      set_number(object, "wall_ms", e->wall_ms) ||
	      set_number(object, "call", e->call) ||
	      set_text(object, "tenant", e->tenant) ||
	      set_text(object, "lot", e->lot) ||
	      set_text(object, "slot", e->slot) ||
	      set_text(object, "caller_number", e->caller_number) ||
	      set_text(object, "caller_name", e->caller_name) ||
	      set_text(object, "caller_uri", e->caller_uri) ||
	      json_object_set_new(object, "private",
				  json_boolean(e->privacy)) ||
	      set_text(object, "parker_uri", e->parker_uri) ||
	      set_text(object, "retriever_uri", e->retriever_uri) ||
	      set_text(object, "parked_call_id", e->parked_call_id) ||
	      set_text(object, "other_call_id", e->other_call_id) ||
	      set_number(object, "seconds_parked", e->seconds_parked) ||
	      json_object_set_new(object, "seconds_left",
				  e->seconds_left ?
					  json_integer(e->seconds_left) :
					  json_null()) ||
	      set_number(object, "attempt", e->attempt) ||
	      set_text(object, "rule", e->rule) ||
	      set_text(object, "reason", e->reason) ||
	      set_text(object, "user_to_user", e->user_to_user) ||
	      set_headers(object, e->carried) ||
	      set_text(object, "party", e->party) ||
	      set_text(object, "digit", e->digit) ||
	      set_number(object, "digit_ms", e->digit_ms) ||
	      set_text(object, "text", text);
	if (!bad)
		return object;
	json_decref(object);
	return NULL;
}
