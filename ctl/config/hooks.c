// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys below `webhooks`, and `alerts` of a lot: who is told over HTTP, and
 * what somebody has to be told of. Part of the tables in tables.c; checked from
 * check.c. What a webhook or an alert says is ctl/hooks.
 */
#include <string.h>

#include "events/event.h"
#include "keys.h"

#define HOOK(field) offsetof(struct hf_config_hook, field)

#define HF_URL_LONGEST	  2000
#define HF_SECRET_SHORTEST 16
#define HF_SECRET_LONGEST  200
#define HF_CLEAR_BELOW	   10 /* percent, unless it is said */

/* Names of the events, and of what is none. */
const char *const hf_config_event_names[] = {
#define X(symbol, name, text) name,
	HF_EVENTS(X)
#undef X
		"record",
	NULL};

/* What a text of a webhook may put in: the keys of an event (ctl/events/json.c;
 * a test keeps the two together). */
const char *const hf_config_event_keys[] = {
	"number",	  "event",	    "wall_ms",	    "call",
	"tenant",	  "lot",	    "slot",
	"caller_number",  "caller_name",
	"caller_uri",	  "private",	    "parker_uri",   "retriever_uri",
	"parked_call_id", "other_call_id",  "seconds_parked", "seconds_left",
	"attempt",	  "rule",	    "reason",	    "user_to_user",
	"party",	  "digit",	    "digit_ms",
	"text",		  NULL};

static unsigned int count_of(const char *const *words)
{
	unsigned int n = 0;

	while (words[n])
		n++;
	return n;
}

static bool one_of(const char *const *words, const char *text, size_t len)
{
	for (; *words; words++)
		if (strlen(*words) == len && !memcmp(*words, text, len))
			return true;
	return false;
}

/* It may hold a secret, so it is never repeated. */
static bool parse_url(struct hf_reader *r, const char *text, void *field)
{
	bool tls = !strncmp(text, "https://", 8);
	const char *host = text + (tls ? 8 : 7);
	char *copy;

	if ((!tls && strncmp(text, "http://", 7)) || !*host || *host == '/' ||
	    strpbrk(text, " <>\"\\#"))
		return hf_wrong(r, "is not a URL; write https://host/path");
	if (memchr(host, '@', strcspn(host, "/?")))
		return hf_wrong(r,
				"has a user before its host; that goes into "
				"authorization");
	if (strlen(text) > HF_URL_LONGEST)
		return hf_wrong(r, "is longer than %d bytes", HF_URL_LONGEST);
	copy = hf_config_text(r, text);
	memcpy(field, &copy, sizeof(copy));
	return copy != NULL;
}

static bool parse_secret(struct hf_reader *r, const char *text, void *field)
{
	size_t len = strlen(text);

	if (len < HF_SECRET_SHORTEST || len > HF_SECRET_LONGEST)
		return hf_wrong(r,
				"is %zu characters; %d to %d are needed "
				"(openssl rand -hex 32 makes one)",
				len, HF_SECRET_SHORTEST, HF_SECRET_LONGEST);
	return hf_parse_text(r, text, field);
}

/* The value of an Authorization header. */
static bool parse_authorization(struct hf_reader *r, const char *text,
				void *field)
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return hf_wrong(r, "may have nothing but ASCII");
	if (!strchr(text, ' '))
		return hf_wrong(r, "is the whole value of the header; write "
				   "\"Bearer TOKEN\"");
	return hf_parse_text(r, text, field);
}

static bool parse_event(struct hf_reader *r, const char *text, void *field)
{
	const char *near;

	if (one_of(hf_config_event_names, text, strlen(text)))
		return hf_parse_text(r, text, field);
	near = hf_nearest(text, hf_config_event_names,
			  count_of(hf_config_event_names));
	return hf_wrong(r, "\"%.64s\" is no event; %s%s%sthe list is in "
			   "control.md",
			text, near ? "did you mean " : "", near ? near : "",
			near ? "? " : "");
}

/* "{caller_name} waits in {slot}" */
static bool parse_template(struct hf_reader *r, const char *text, void *field)
{
	for (const char *c = strchr(text, '{'); c; c = strchr(c + 1, '{')) {
		size_t len = strcspn(c + 1, "{}");

		if (c[1 + len] != '}')
			return hf_wrong(r, "has a { without its }");
		if (!one_of(hf_config_event_keys, c + 1, len))
			return hf_wrong(r,
					"{%.*s} is no key of an event; "
					"{caller_name}, {slot}, {text} and "
					"others are in control.md",
					(int)(len < 40 ? len : 40), c + 1);
	}
	return hf_parse_text(r, text, field);
}

static const char *const format_words[] = {[HF_HOOK_JSON] = "json",
					   [HF_HOOK_SLACK] = "slack",
					   [HF_HOOK_TEAMS] = "teams",
					   NULL};

static const struct hf_key hook_keys[] = {
	{VALUE("name", HOOK(name), hf_parse_name, "team"), .required = true},
	{VALUE("url", HOOK(url), parse_url,
	       "\"https://hooks.example.com/park\""),
	 .required = true},
	{WORD("format", HOOK(format), format_words, "json, slack or teams")},
	{LIST("events", HOOK(events), HOOK(event_count), parse_event, char *, 1,
	      64, "parked")},
	{LIST("lots", HOOK(lots), HOOK(lot_count), hf_parse_name, char *, 1,
	      1000, "main")},
	{VALUE("text", HOOK(text), parse_template,
	       "\"{caller_name} waits in {slot}\"")},
	{VALUE("secret", HOOK(secret), parse_secret, "\"...\"")},
	{VALUE("authorization", HOOK(authorization), parse_authorization,
	       "\"Bearer TOKEN\"")},
	{VALUE("ca", HOOK(ca), hf_parse_path, "/etc/holdfast/tls/ca.pem")},
	{.name = "cleartext",
	 .kind = HF_KEY_BOOL,
	 .offset = HOOK(cleartext),
	 .example = "true"},
	{.name = "trusted",
	 .kind = HF_KEY_BOOL,
	 .offset = HOOK(trusted),
	 .example = "true"},
	{NUMBER("timeout_s", HOOK(timeout_s), 1, 120)},
	{NUMBER("give_up_s", HOOK(give_up_s), 1, 604800)},
	{NUMBER("queue", HOOK(queue), 1, 100000)},
	{NUMBER("parallel", HOOK(parallel), 1, 16)},
	{0}};

static void init_hook(struct hf_reader *r, void *record)
{
	struct hf_config_hook *hook = record;

	hook->timeout_s = 10;
	hook->give_up_s = 86400;
	hook->queue = 10000;
	hook->parallel = 4;
}
const struct hf_map hf_config_hook_map = {hook_keys, init_hook};

/* What an alert's text may put in; ctl/hooks/words.c puts it. */
static const char *const alert_words[] = {"lot",     "slot",   "caller",
					  "seconds", "reason", NULL};

static bool parse_alert_text(struct hf_reader *r, const char *text, void *field)
{
	for (const char *c = strchr(text, '{'); c; c = strchr(c + 1, '{')) {
		size_t len = strcspn(c + 1, "{}");

		if (c[1 + len] != '}' || !one_of(alert_words, c + 1, len))
			return hf_wrong(r, "may have {lot}, {slot}, {caller}, "
					   "{seconds} and {reason} in it, and "
					   "no other {");
	}
	return hf_parse_text(r, text, field);
}

/* --- alerts of a lot -------------------------------------------------------- */

static const struct hf_key alert_keys[] = {
	{NUMBER("waiting_s", LOT(alerts.waiting_s), 0, 259200)},
	{NUMBER("full_percent", LOT(alerts.full_percent), 0, 100)},
	{NUMBER("full_clear_percent", LOT(alerts.full_clear_percent), 0, 99)},
	{.name = "recall_failed",
	 .kind = HF_KEY_BOOL,
	 .offset = LOT(alerts.recall_failed),
	 .example = "true"},
	{LIST("message", LOT(alerts.message), LOT(alerts.message_count),
	      hf_parse_uri, char *, 0, 16, "\"sip:1001@pbx.example.com\"")},
	{LIST("call", LOT(alerts.call), LOT(alerts.call_count), hf_parse_uri,
	      char *, 0, 16, "\"sip:1001@pbx.example.com\"")},
	{VALUE("text", LOT(alerts.text), parse_alert_text,
	       "\"{caller} waits in {slot}\"")},
	{VALUE("voice", LOT(alerts.voice), hf_parse_voice, "en")},
	{0}};
const struct hf_map hf_config_alerts_map = {alert_keys, NULL};

/* --- what has to fit together ----------------------------------------------- */

static bool to_loopback(const char *url)
{
	const char *host = strstr(url, "//") + 2;
	size_t len = strcspn(host, ":/?");

	return !strncmp(host, "127.", 4) || !strncmp(host, "[::1]", 5) ||
	       (len == 9 && !strncmp(host, "localhost", 9));
}

static bool lot_exists(const struct hf_config *c, const char *name)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (c->lots[i].name && !strcmp(c->lots[i].name, name))
			return true;
	return false;
}

static void check_hook(struct hf_reader *r, unsigned int at)
{
	const struct hf_config *c = r->config;
	const struct hf_config_hook *h = &c->hooks[at];

	for (unsigned int i = 0; i < at; i++)
		if (h->name && c->hooks[i].name &&
		    !strcmp(h->name, c->hooks[i].name))
			hf_wrong_at(r, &h->name, h, "name", "%s is there twice",
				    h->name);
	if (h->url && !strncmp(h->url, "http:", 5) && !h->cleartext &&
	    !to_loopback(h->url))
		hf_wrong_at(r, &h->url, h, "url",
			    "callers' names and numbers would cross the "
			    "network in clear text; write https:, or "
			    "cleartext: true");
	if (h->text && h->format == HF_HOOK_JSON)
		hf_wrong_at(r, &h->text, h, "text",
			    "belongs to format: slack or teams; json carries "
			    "the whole event");
	for (unsigned int i = 0; i < h->lot_count; i++)
		if (h->lots[i] && !lot_exists(c, h->lots[i]))
			hf_wrong_at(r, &h->lots[i], h, "lots",
				    "there is no lot %s", h->lots[i]);
}

static void check_alerts(struct hf_reader *r, struct hf_config_lot *lot)
{
	const unsigned int full = lot->alerts.full_percent;

	/* Our own words are English. */
	if (!lot->alerts.voice)
		lot->alerts.voice = hf_config_text(
			r, lot->alerts.text ? lot->voice.language : "en");
	if (lot->alerts.waiting_s > lot->max_wait_s)
		hf_wrong_at(r, &lot->alerts.waiting_s, lot, "alerts.waiting_s",
			    "nobody waits longer than max_wait_s (%u s)",
			    lot->max_wait_s);
	if (!lot->alerts.full_clear_percent)
		lot->alerts.full_clear_percent =
			full > HF_CLEAR_BELOW ? full - HF_CLEAR_BELOW : 0;
	else if (lot->alerts.full_clear_percent >= full)
		hf_wrong_at(r, &lot->alerts.full_clear_percent, lot,
			    "alerts.full_clear_percent",
			    "has to be below full_percent (%u)", full);
}

void hf_config_hooks_check(struct hf_reader *r)
{
	for (unsigned int i = 0; i < r->config->hook_count; i++)
		check_hook(r, i);
	for (unsigned int i = 0; i < r->config->lot_count; i++)
		check_alerts(r, &r->config->lots[i]);
}
