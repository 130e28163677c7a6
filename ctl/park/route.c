// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Routing rules of the configuration: where a call goes by who calls, what was
 * dialled, who parks, what a header says or where it comes from. The first rule
 * all of whose conditions fit counts. And calls that only some may pick up.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

static bool fits_who(const char *pattern, const struct hf_identity *id)
{
	if (!pattern)
		return true;
	return hf_identity_known(id) &&
	       hf_pattern_match(pattern, id->user, id->host);
}

static bool fits_source(const struct hf_config_route *r, const char *source)
{
	struct in6_addr ip;

	if (!r->source_count)
		return true;
	return source && hf_ip_parse(source, &ip) &&
	       hf_prefix_any(r->source, r->source_count, &ip);
}

const struct hf_config_route *hf_route_find(const struct hf_config *c,
					    const struct hf_invite *in)
{
	const struct hf_identity *sender = hf_invite_sender(in);
	const struct hf_identity *mark = hf_invite_mark(in);

	for (unsigned int i = 0; i < c->route_count; i++) {
		const struct hf_config_route *r = &c->routes[i];

		if (r->of && r->of != in->tenant)
			continue;
		if (fits_who(r->called, &in->target) &&
		    fits_who(r->caller, sender) &&
		    fits_who(r->parker, mark) &&
		    (!r->header || hf_header_match(r->header, in->carried)) &&
		    fits_source(r, in->source))
			return r;
	}
	return NULL;
}

/* The patterns of a rule, or of the header, as one text; NULL = everybody. */
char *hf_route_only(const struct hf_config_route *r, const struct hf_invite *in)
{
	char *text = NULL, *longer;

	if (in->only && *in->only)
		return strdup(in->only);
	for (unsigned int i = 0; r && i < r->only_count; i++) {
		if (asprintf(&longer, "%s%s%s", text ?: "", text ? "," : "",
			     r->only[i]) < 0)
			longer = NULL;
		free(text);
		text = longer;
		if (!text)
			return NULL;
	}
	return text;
}

bool hf_call_is_for(const struct hf_call *call, const struct hf_identity *who)
{
	const struct hf_identity parker = hf_person_view(&call->parker);
	const char *p = call->only;
	char pattern[256];

	if (!p || hf_identity_same(who, &parker))
		return true;
	while (*p && hf_identity_known(who)) {
		size_t n;

		p += strspn(p, ", ");
		n = strcspn(p, ", ");
		snprintf(pattern, sizeof(pattern), "%.*s", (int)n, p);
		if (n && n < sizeof(pattern) &&
		    hf_pattern_match(pattern, who->user, who->host))
			return true;
		p += n;
	}
	return false;
}
