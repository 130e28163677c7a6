// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What would an INVITE mean? The rules themselves answer (decide.c), for an
 * INVITE that nobody has sent; nothing is taken and nothing changes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

struct who {
	char uri[300], user[128], host[128];
};

/* "sip:1001@host:5060;x=y", "1001@host" or, of our domain, "1001". */
static int take_who(const struct hf_park *park,
		    const struct hf_config_tenant *of, const char *text,
		    struct who *w, struct hf_identity *ret)
{
	const char *user = text, *at;
	size_t n, host;

	if (!text || !*text)
		return 0;
	if (!strncasecmp(text, "sip:", 4))
		user = text + 4;
	at = strchr(user, '@');
	n = at ? (size_t)(at - user) : strcspn(user, ":;?>");
	host = at ? strcspn(at + 1, ":;?>") : 0;
	if (!n || n >= sizeof(w->user) || host >= sizeof(w->host) ||
	    strcspn(text, " <>\"") != strlen(text))
		return -EINVAL;
	snprintf(w->user, sizeof(w->user), "%.*s", (int)n, user);
	if (host)
		snprintf(w->host, sizeof(w->host), "%.*s", (int)host, at + 1);
	else
		snprintf(w->host, sizeof(w->host), "%s",
			 hf_tenant_domain(park->config, of) ?: "");
	snprintf(w->uri, sizeof(w->uri), "sip:%s@%s", w->user, w->host);
	*ret = (struct hf_identity){
		.uri = w->uri, .user = w->user, .host = w->host, .display = ""};
	return 0;
}

static const char *verdict_name(const struct hf_decision *d)
{
	static const char *const name[] = {
		[HF_DO_REFUSE] = "refuse",   [HF_DO_PARK] = "park",
		[HF_DO_RESERVE] = "reserve", [HF_DO_SWAP] = "swap",
		[HF_DO_RETRIEVE] = "retrieve", [HF_DO_TRANSFER] = "transfer",
	};

	return name[d->verdict];
}

static const char *text_of_rule(const char *rule)
{
	const char *name, *text;

	for (size_t i = 0; i < hf_rule_count(); i++) {
		hf_rule_describe(i, &name, &text);
		if (!strcmp(name, rule))
			return text;
	}
	return "";
}

/* False: there is none of that name. Users without a host are of its domain. */
static bool find_tenant(const struct hf_park *park,
			const struct hf_explain *ask, struct hf_invite *in)
{
	const char *at = strchr(ask->number, '@');
	char host[128] = "";
	const struct hf_tenant_ask whose = {.host = host,
					    .source = ask->source,
					    .headers = ask->headers};

	if (ask->tenant) {
		in->tenant = hf_config_tenant_named(park->config, ask->tenant);
		return in->tenant;
	}
	if (at)
		snprintf(host, sizeof(host), "%.*s",
			 (int)strcspn(at + 1, ":;?>"), at + 1);
	in->no_tenant = !hf_config_tenant(park->config, &whose, &in->tenant);
	return true;
}

int hf_park_explain(struct hf_park *park, const struct hf_explain *ask,
		    struct hf_explained *ret)
{
	struct hf_invite in = {
		.call_id = "", .from_tag = "", .user_to_user = "",
		.recall_marker = "", .target_params = "",
		.carried = ask->headers ?: "", .trusted = true,
		.source = ask->source,
	};
	struct who target = {.uri = ""}, from = {.uri = ""}, mark = {.uri = ""};
	char number[160];
	struct in6_addr ip;
	struct hf_decision d;

	*ret = (struct hf_explained){.wrong = "number"};
	if (!ask->number || !*ask->number ||
	    strlen(ask->number) >= sizeof(number))
		return -EINVAL;
	snprintf(number, sizeof(number), "%.*s",
		 (int)strcspn(ask->number, ";"), ask->number);
	ret->wrong = "tenant";
	if (!find_tenant(park, ask, &in))
		return -EINVAL;
	ret->wrong = "number";
	if (take_who(park, in.tenant, number, &target, &in.target))
		return -EINVAL;
	in.target_params = strchr(ask->number, ';')
				   ? strchr(ask->number, ';') + 1
				   : "";
	ret->wrong = "from";
	if (take_who(park, in.tenant, ask->from, &from, &in.from))
		return -EINVAL;
	if (!in.from.uri)
		in.from = (struct hf_identity){"", "", "", ""};
	ret->wrong = "transferred_by";
	if (take_who(park, in.tenant, ask->transferred_by, &mark, &in.referred_by))
		return -EINVAL;
	ret->wrong = "source";
	if (ask->source) {
		if (!hf_ip_parse(ask->source, &ip))
			return -EINVAL;
		in.trusted = hf_config_trusted(park->config, &ip);
	}
	ret->wrong = NULL;
	hf_decide(park, &in, &d);
	ret->verdict = verdict_name(&d);
	ret->rule = d.rule;
	ret->text = text_of_rule(d.rule);
	ret->routing = d.route ? d.route->name : NULL;
	ret->tenant = in.tenant ? in.tenant->name : NULL;
	ret->lot = d.lot ? d.lot->config->name : NULL;
	ret->trusted = in.trusted;
	ret->status = d.verdict == HF_DO_REFUSE ? d.status : 0;
	if (d.slot && d.verdict != HF_DO_REFUSE)
		snprintf(ret->slot, sizeof(ret->slot), "%s", d.slot->name);
	snprintf(ret->reason, sizeof(ret->reason), "%s", d.reason ?: "");
	return 0;
}
