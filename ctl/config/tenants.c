// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys of `tenants:`, and whose a request is: by the host of its Request-URI,
 * else by the peer that sent it, the address it came to, or a header, in this
 * order. Nobody's is a right answer: then it is refused, and never served from
 * another tenant's lots.
 */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "keys.h"

#define TENANT(field) offsetof(struct hf_config_tenant, field)
static const struct hf_key tenant_keys[] = {
	{ VALUE("name", TENANT(name), hf_parse_name, "acme"),
	  .required = true },
	{ LIST("domains", TENANT(domains), TENANT(domain_count),
	       hf_parse_domain, char *, 1, 64, "acme.example.com") },
	{ LIST("peers", TENANT(peers), TENANT(peer_count), hf_parse_prefix,
	       struct hf_config_prefix, 1, 256, "192.0.2.64/27") },
	{ LIST("listen", TENANT(listen), TENANT(listen_count), hf_parse_listen,
	       struct hf_config_listen, 1, 16, "\"udp:192.0.2.10:5070\"") },
	{ VALUE("header", TENANT(header), hf_parse_match,
		"\"X-Tenant: acme\"") },
	{ VALUE("domain", TENANT(domain), hf_parse_domain,
		"acme.example.com") },
	{ VALUE("outbound_proxy", TENANT(outbound_proxy), hf_parse_proxy,
		"\"sip:pbx.acme.example.com\"") },
	{ LIST("internal", TENANT(internal), TENANT(internal_count),
	       hf_parse_pattern, char *, 1, 1024,
	       "\"1???@acme.example.com\"") },
	{ 0 }
};
const struct hf_map hf_config_tenant_map = { tenant_keys, NULL };

const struct hf_config_tenant *hf_config_tenant_named(const struct hf_config *c,
						      const char *name)
{
	for (unsigned int i = 0; name && i < c->tenant_count; i++)
		if (c->tenants[i].name && !strcmp(c->tenants[i].name, name))
			return &c->tenants[i];
	return NULL;
}

const char *hf_tenant_domain(const struct hf_config *c,
			     const struct hf_config_tenant *of)
{
	return of && of->domain ? of->domain : c->sip.domain;
}

const char *hf_tenant_proxy(const struct hf_config *c,
			    const struct hf_config_tenant *of)
{
	return of && of->outbound_proxy ? of->outbound_proxy :
					  c->sip.outbound_proxy;
}

static bool has_domain(const struct hf_config_tenant *t, const char *host)
{
	for (unsigned int i = 0; host && i < t->domain_count; i++)
		if (t->domains[i] && !strcasecmp(t->domains[i], host))
			return true;
	return false;
}

static bool has_peer(const struct hf_config_tenant *t,
		     const struct hf_tenant_ask *a)
{
	struct in6_addr ip;

	return a->source && t->peer_count && hf_ip_parse(a->source, &ip) &&
	       hf_prefix_any(t->peers, t->peer_count, &ip);
}

static bool has_listen(const struct hf_config_tenant *t,
		       const struct hf_tenant_ask *a)
{
	for (unsigned int i = 0; a->local && i < t->listen_count; i++)
		if (t->listen[i].port == a->local_port &&
		    !strcmp(t->listen[i].host, a->local) &&
		    !strcmp(t->listen[i].transport, a->transport))
			return true;
	return false;
}

static bool has_header(const struct hf_config_tenant *t,
		       const struct hf_tenant_ask *a)
{
	return t->header && hf_header_match(t->header, a->headers);
}

typedef bool belongs_fn(const struct hf_config_tenant *,
			const struct hf_tenant_ask *);

/* How many tenants claim it, and the last of them. */
static unsigned int claimed(const struct hf_config *c,
			    const struct hf_tenant_ask *a, belongs_fn *belongs,
			    const struct hf_config_tenant **ret)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < c->tenant_count; i++) {
		if (!belongs(&c->tenants[i], a))
			continue;
		*ret = &c->tenants[i];
		n++;
	}
	return n;
}

/* A peer or an address that is others' alone does not speak for this tenant,
 * whatever domain it writes. */
static bool is_others(const struct hf_config *c, const struct hf_tenant_ask *a,
		      const struct hf_config_tenant *t)
{
	const struct hf_config_tenant *other;

	return (claimed(c, a, has_peer, &other) && !has_peer(t, a)) ||
	       (claimed(c, a, has_listen, &other) && !has_listen(t, a));
}

bool hf_config_tenant(const struct hf_config *c, const struct hf_tenant_ask *a,
		      const struct hf_config_tenant **ret)
{
	static belongs_fn *const by[] = { has_peer, has_listen, has_header };
	const struct hf_config_tenant *t = NULL;

	*ret = NULL;
	if (!c->tenant_count)
		return true;
	for (unsigned int i = 0; i < c->tenant_count && !t; i++)
		if (has_domain(&c->tenants[i], a->host))
			t = &c->tenants[i];
	/* Who is claimed by several (a proxy that they share) says nothing. */
	for (unsigned int k = 0; k < 3 && !t; k++)
		if (claimed(c, a, by[k], &t) != 1)
			t = NULL;
	if (!t || is_others(c, a, t))
		return false;
	*ret = t;
	return true;
}

/* Which lots, lists and PBXs are whose; before what looks numbers up. */
static void resolve(struct hf_reader *r, char *const *name,
		    const struct hf_config_tenant **of, const void *owner,
		    const char *what)
{
	const struct hf_config *c = r->config;

	*of = hf_config_tenant_named(c, *name);
	if (*name && !*of)
		hf_wrong_at(r, name, owner, "tenant",
			    "there is no tenant \"%s\" in tenants", *name);
	else if (!*name && c->tenant_count)
		hf_wrong_at(r, name, owner, "tenant",
			    "this %s is of no tenant, so nobody would reach "
			    "it; say whose it is",
			    what);
}

/* A rule is for the tenant it names, else for its lot's, else for all. */
static void resolve_route(struct hf_reader *r, struct hf_config_route *route)
{
	const struct hf_config *c = r->config;
	const struct hf_config_tenant *lots = NULL;

	route->of = hf_config_tenant_named(c, route->tenant);
	if (route->tenant && !route->of)
		hf_wrong_at(r, &route->tenant, route, "tenant",
			    "there is no tenant \"%s\" in tenants",
			    route->tenant);
	for (unsigned int i = 0; route->lot && i < c->lot_count; i++)
		if (c->lots[i].name && !strcmp(c->lots[i].name, route->lot))
			lots = c->lots[i].of;
	if (route->of && lots && lots != route->of)
		hf_wrong_at(r, &route->lot, route, "lot",
			    "lot %s is of tenant %s", route->lot, lots->name);
	if (!route->of)
		route->of = lots;
}

void hf_config_tenants_resolve(struct hf_reader *r)
{
	struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->tenant_count; i++)
		if (!c->tenants[i].domain)
			c->tenants[i].domain = c->tenants[i].domain_count ?
						       c->tenants[i].domains[0] :
						       c->sip.domain;
	for (unsigned int i = 0; i < c->lot_count; i++)
		resolve(r, &c->lots[i].tenant, &c->lots[i].of, &c->lots[i],
			"lot");
	for (unsigned int i = 0; i < c->route_count; i++)
		resolve_route(r, &c->routes[i]);
	for (unsigned int i = 0; i < c->zone_count; i++)
		resolve(r, &c->zones[i].tenant, &c->zones[i].of, &c->zones[i],
			"zone");
	for (unsigned int i = 0; i < c->lamps.list_count; i++)
		resolve(r, &c->lamps.lists[i].tenant, &c->lamps.lists[i].of,
			&c->lamps.lists[i], "list");
	for (unsigned int i = 0; i < c->lamps.push_count; i++)
		resolve(r, &c->lamps.push[i].tenant, &c->lamps.push[i].of,
			&c->lamps.push[i], "PBX");
}

static void check_domains(struct hf_reader *r, unsigned int at)
{
	const struct hf_config *c = r->config;
	const struct hf_config_tenant *t = &c->tenants[at];

	for (unsigned int d = 0; d < t->domain_count; d++)
		for (unsigned int i = 0; i < at; i++)
			if (t->domains[d] &&
			    has_domain(&c->tenants[i], t->domains[d]))
				hf_wrong_at(r, &t->domains[d], t, "domains",
					    "%s is also a domain of tenant %s",
					    t->domains[d], c->tenants[i].name);
}

static void check_tenant_listen(struct hf_reader *r, unsigned int at)
{
	const struct hf_config *c = r->config;
	const struct hf_config_tenant *t = &c->tenants[at];

	for (unsigned int k = 0; k < t->listen_count; k++) {
		const struct hf_config_listen *l = &t->listen[k];
		const struct hf_tenant_ask ask = { .transport = l->transport,
						   .local = l->host,
						   .local_port = l->port };
		bool found = !l->port;

		for (unsigned int i = 0; i < c->sip.listen_count; i++)
			found |= c->sip.listen[i].port == l->port &&
				 !strcmp(c->sip.listen[i].host, l->host) &&
				 !strcmp(c->sip.listen[i].transport,
					 l->transport);
		if (!found)
			hf_wrong_at(r, l, t, "listen",
				    "is not one of sip.listen");
		for (unsigned int i = 0; i < at && l->port; i++)
			if (has_listen(&c->tenants[i], &ask))
				hf_wrong_at(r, l, t, "listen",
					    "is also of tenant %s",
					    c->tenants[i].name);
	}
}

static void check_tenant(struct hf_reader *r, unsigned int at)
{
	const struct hf_config *c = r->config;
	const struct hf_config_tenant *t = &c->tenants[at];

	for (unsigned int i = 0; i < at && t->name; i++)
		if (c->tenants[i].name && !strcmp(c->tenants[i].name, t->name))
			hf_wrong_at(r, &t->name, t, "name",
				    "%s is there twice", t->name);
	if (!t->domain_count && !t->peer_count && !t->listen_count &&
	    !t->header)
		hf_wrong_at(r, t, t, "name",
			    "nobody can be told to be this tenant's; say "
			    "domains, peers, listen or header");
	if (t->header && !hf_config_carries(c, t->header))
		hf_wrong_at(r, &t->header, t, "header",
			    "\"%.*s\" is not read; add it to sip.carry_headers",
			    (int)strcspn(t->header, ":"), t->header);
	check_domains(r, at);
	check_tenant_listen(r, at);
}

void hf_config_tenants_check(struct hf_reader *r)
{
	for (unsigned int i = 0; i < r->config->tenant_count; i++)
		check_tenant(r, i);
}
