// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bodies: the event as it is, or a sentence for people in Slack or Teams. What a
 * caller chose (name, number) is never markup: Slack has three characters that
 * are escaped, Teams a few of Markdown.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events/json.h"
#include "internal.h"

/* What the characters of foreign text become. */
typedef void escape_fn(FILE *out, char c);

static void escape_slack(FILE *out, char c)
{
	if (c == '&')
		fputs("&amp;", out);
	else if (c == '<')
		fputs("&lt;", out);
	else if (c == '>')
		fputs("&gt;", out);
	else
		fputc(c, out);
}

static void escape_teams(FILE *out, char c)
{
	if (strchr("\\`*_[]()#~>", c))
		fputc('\\', out);
	fputc(c, out);
}

static void put(FILE *out, escape_fn *escape, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ')
			fputc(' ', out);
		else
			escape(out, *text);
	}
}

/* The value of a key as a person reads it; "" for null. */
static void put_value(FILE *out, escape_fn *escape, const json_t *value)
{
	if (json_is_string(value))
		put(out, escape, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT,
			json_integer_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
}

/* "{caller_name} waits in {slot}"; what stands around the braces is the
 * operator's own and may be markup. */
static void put_template(FILE *out, escape_fn *escape, const char *text,
			 const json_t *event)
{
	char key[32];

	while (*text) {
		size_t len = *text == '{' ? strcspn(text + 1, "}") : 0;

		if (*text != '{' || len >= sizeof(key) || !text[len + 1]) {
			fputc(*text++, out);
			continue;
		}
		memcpy(key, text + 1, len);
		key[len] = '\0';
		put_value(out, escape, json_object_get(event, key));
		text += len + 2;
	}
}

static char *sentence(const struct hf_config_hook *c, escape_fn *escape,
		      const json_t *event)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	put_template(out, escape, c->text ? c->text : "{text}", event);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *slack(const char *text)
{
	return json_pack("{s:o}", "text", hf_json_text(text));
}

static void add_fact(json_t *facts, const char *title, const json_t *event,
		     const char *key)
{
	const json_t *value = json_object_get(event, key);
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!value || json_is_null(value))
		return;
	out = open_memstream(&text, &len);
	if (!out)
		return;
	put_value(out, escape_teams, value);
	if (!fclose(out) && len)
		json_array_append_new(facts,
				      json_pack("{s:s,s:o}", "title", title,
						"value", hf_json_text(text)));
	free(text);
}

/* An Adaptive Card, as the workflow "when a webhook request is received" of
 * Teams wants it. */
static json_t *teams(const char *text, const json_t *event)
{
	json_t *facts = json_array();

	add_fact(facts, "Lot", event, "lot");
	add_fact(facts, "Slot", event, "slot");
	add_fact(facts, "Caller", event, "caller_name");
	add_fact(facts, "Number", event, "caller_number");
	add_fact(facts, "Parked by", event, "parker_uri");
	add_fact(facts, "Seconds waited", event, "seconds_parked");
	return json_pack(
		"{s:s,s:[{s:s,s:n,s:{s:s,s:s,s:s,s:[{s:s,s:o,s:b,s:s},{s:s,s:o}]}}]}",
		"type", "message", "attachments", "contentType",
		"application/vnd.microsoft.card.adaptive", "contentUrl",
		"content", "$schema",
		"http://adaptivecards.io/schemas/adaptive-card.json", "type",
		"AdaptiveCard", "version", "1.4", "body", "type", "TextBlock",
		"text", hf_json_text(text), "wrap", 1, "weight", "Bolder",
		"type", "FactSet", "facts", facts);
}

char *hf_hook_body(const struct hf_config_hook *c, unsigned int type,
		   const char *json)
{
	bool is_slack = c->format == HF_HOOK_SLACK;
	json_t *event, *body = NULL;
	char *text, *ret;

	if (c->format == HF_HOOK_JSON)
		return strdup(json);
	event = json_loads(json, 0, NULL);
	text = event ? sentence(c, is_slack ? escape_slack : escape_teams,
				event)
		     : NULL;
	if (text)
		body = is_slack ? slack(text) : teams(text, event);
	ret = body ? json_dumps(body, JSON_COMPACT) : NULL;
	free(text);
	json_decref(body);
	json_decref(event);
	return ret;
}
