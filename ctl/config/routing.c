// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys of `routing:`: rules that say by caller, called number, parker,
 * header or source where a call is parked and how. ctl/park/route.c follows
 * them.
 */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "keys.h"

#define ROUTE(field) offsetof(struct hf_config_route, field)

/* user, or user@host; ? and * as elsewhere. */
static bool parse_number(struct hf_reader *r, const char *text, void *field)
{
	if (strchr(text, '@'))
		return hf_parse_pattern(r, text, field);
	if (!strncasecmp(text, "sip:", 4))
		return hf_wrong(r, "\"%s\" is a URI; leave sip: out", text);
	return hf_parse_text(r, text, field);
}

/* "X-Account: gold*" */
bool hf_parse_match(struct hf_reader *r, const char *text, void *field)
{
	const char *colon = strstr(text, ": ");

	if (!colon || colon == text || !colon[2])
		return hf_wrong(r,
				"\"%s\" needs a header and what it may say; "
				"write \"X-Account: gold*\"",
				text);
	return hf_parse_text(r, text, field);
}

static const struct hf_key route_keys[] = {
	{ VALUE("name", ROUTE(name), hf_parse_name, "gold"), .required = true },
	{ VALUE("tenant", ROUTE(tenant), hf_parse_name, "acme") },
	{ VALUE("called", ROUTE(called), parse_number, "\"700\"") },
	{ VALUE("caller", ROUTE(caller), parse_number, "\"+4940*@*\"") },
	{ VALUE("parker", ROUTE(parker), parse_number, "\"10??\"") },
	{ VALUE("header", ROUTE(header), hf_parse_match,
		"\"X-Account: gold*\"") },
	{ LIST("source", ROUTE(source), ROUTE(source_count), hf_parse_prefix,
	       struct hf_config_prefix, 1, 64, "192.0.2.0/24") },
	{ VALUE("lot", ROUTE(lot), hf_parse_name, "main") },
	{ VALUE("slot", ROUTE(slot), hf_parse_dial, "\"701\"") },
	{ NUMBER("park_time_s", ROUTE(park_time_s), 1, 86400) },
	{ VALUE("hold_audio", ROUTE(hold_audio), hf_parse_name, "default") },
	{ LIST("only", ROUTE(only), ROUTE(only_count), parse_number, char *, 1,
	       16, "\"1001\"") },
	{ .name = "refuse",
	  .kind = HF_KEY_BOOL,
	  .offset = ROUTE(refuse),
	  .example = "true" },
	{ 0 }
};
const struct hf_map hf_config_route_map = { route_keys, NULL };

static const struct hf_config_lot *lot_named(const struct hf_config *c,
					     const char *name)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (c->lots[i].name && !strcmp(c->lots[i].name, name))
			return &c->lots[i];
	return NULL;
}

bool hf_config_carries(const struct hf_config *c, const char *header)
{
	size_t n = strcspn(header, ":");

	for (unsigned int i = 0; i < c->sip.carry_count; i++)
		if (c->sip.carry[i] && strlen(c->sip.carry[i]) == n &&
		    !strncasecmp(c->sip.carry[i], header, n))
			return true;
	return false;
}

static void check_route(struct hf_reader *r, struct hf_config_route *route)
{
	const struct hf_config *c = r->config;
	unsigned int lot;
	uint32_t slot;

	if (!route->called && !route->caller && !route->parker &&
	    !route->header && !route->source_count)
		hf_wrong_at(r, route, route, "name",
			    "fits every call; say called, caller, parker, "
			    "header or source");
	if (route->header && !hf_config_carries(c, route->header))
		hf_wrong_at(r, &route->header, route, "header",
			    "\"%.*s\" is not read; add it to sip.carry_headers",
			    (int)strcspn(route->header, ":"), route->header);
	if (route->lot && !lot_named(c, route->lot))
		hf_wrong_at(r, &route->lot, route, "lot",
			    "there is no lot \"%s\"", route->lot);
	if (route->hold_audio && !hf_config_has_clip(c, route->hold_audio))
		hf_wrong_at(r, &route->hold_audio, route, "hold_audio",
			    "no clip of audio.clips is called %s",
			    route->hold_audio);
	if (!route->slot)
		return;
	if (c->tenant_count && !route->of) {
		hf_wrong_at(r, &route->slot, route, "slot",
			    "is a slot of which tenant? Say lot or tenant too");
		return;
	}
	if (!hf_config_find_slot(c, route->of, route->slot, &lot,
				 &slot))
		hf_wrong_at(r, &route->slot, route, "slot",
			    "there is no slot %s", route->slot);
	else if (route->lot && strcmp(c->lots[lot].name, route->lot))
		hf_wrong_at(r, &route->slot, route, "slot",
			    "slot %s is in lot \"%s\"", route->slot,
			    c->lots[lot].name);
}

void hf_config_routing_check(struct hf_reader *r)
{
	for (unsigned int i = 0; i < r->config->route_count; i++)
		check_route(r, &r->config->routes[i]);
}
