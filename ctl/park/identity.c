// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who somebody is and what he may do: copies of identities, the transfer marks,
 * the patterns of may_park and may_retrieve, the address to ring a parker at.
 * decide.c asks, recall.c rings.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

static size_t length(const char *s)
{
	return s ? strlen(s) + 1 : 1;
}

static char *put(char **at, const char *s)
{
	char *start = *at;

	if (s)
		strcpy(start, s);
	else
		*start = '\0';
	*at += strlen(start) + 1;
	return start;
}

int hf_person_set(struct hf_person *p, const struct hf_identity *id)
{
	struct hf_person fresh = {0};
	char *at;

	if (hf_identity_known(id)) {
		at = malloc(length(id->uri) + length(id->user) +
			    length(id->host) + length(id->display));
		if (!at)
			return -ENOMEM;
		fresh.uri = put(&at, id->uri);
		fresh.user = put(&at, id->user);
		fresh.host = put(&at, id->host);
		fresh.display = put(&at, id->display);
	}
	free(p->uri);
	*p = fresh;
	return 0;
}

void hf_person_clear(struct hf_person *p)
{
	free(p->uri); /* the start of the one piece */
	memset(p, 0, sizeof(*p));
}

struct hf_identity hf_person_view(const struct hf_person *p)
{
	return (struct hf_identity){
		.uri = p->uri,
		.user = p->uri ? p->user : "",
		.host = p->uri ? p->host : "",
		.display = p->uri ? p->display : "",
	};
}

bool hf_identity_known(const struct hf_identity *id)
{
	return id && id->uri && *id->uri;
}

/* RFC 3323 4.1.1.3 and RFC 3325 9.1: the names of nobody. */
bool hf_identity_anonymous(const struct hf_identity *id)
{
	return !hf_identity_known(id) || !id->user || !*id->user ||
	       !strcasecmp(id->user, "anonymous") ||
	       (id->host && !strcasecmp(id->host, "anonymous.invalid"));
}

const struct hf_identity *hf_invite_sender(const struct hf_invite *in)
{
	return hf_identity_known(&in->asserted) ? &in->asserted : &in->from;
}

/* The order of belief: Referred-By names the one who transferred; Diversion and
 * History-Info name whose target was changed. The stack fills all three only
 * when the sender is trusted. */
const struct hf_identity *hf_invite_mark(const struct hf_invite *in)
{
	if (!in->trusted)
		return NULL;
	if (hf_identity_known(&in->referred_by))
		return &in->referred_by;
	if (hf_identity_known(&in->diversion))
		return &in->diversion;
	if (hf_identity_known(&in->history))
		return &in->history;
	return NULL;
}

static bool is_address(const char *host)
{
	struct in_addr a;

	return strchr(host, ':') || host[0] == '[' ||
	       inet_pton(AF_INET, host, &a) == 1;
}

/* A PBX writes its domain at one time and its address at the next. */
bool hf_identity_same(const struct hf_identity *a, const struct hf_identity *b)
{
	if (!hf_identity_known(a) || !hf_identity_known(b) ||
	    strcmp(a->user ?: "", b->user ?: ""))
		return false;
	return is_address(a->host ?: "") || is_address(b->host ?: "") ||
	       !strcasecmp(a->host ?: "", b->host ?: "");
}

/* The host of "sip:user@host:port;params", copied; "" if there is none. */
static void uri_host(const char *uri, char *out, size_t len)
{
	const char *host, *at;
	size_t n;

	out[0] = '\0';
	host = strchr(uri, ':');
	if (!host)
		return;
	host++;
	at = strrchr(host, '@');
	if (at)
		host = at + 1;
	if (*host == '[')
		n = strcspn(host, "]") + 1;
	else
		n = strcspn(host, ":;?>");
	if (!n || n >= len)
		return;
	memcpy(out, host, n);
	out[n] = '\0';
}

struct hf_ip hf_towards(const struct hf_park *park,
			  const struct hf_config_tenant *of, const char *uri)
{
	const char *proxy = hf_tenant_proxy(park->config, of);
	struct in6_addr found;
	char host[256];

	uri_host(proxy ?: uri ?: "", host, sizeof(host));
	if (!hf_ip_parse(host, &found))
		return (struct hf_ip){0};
	return hf_ip_of6(&found);
}

/* The domain that our users are known under at the peer that routes for us. */
static void home_domain(const struct hf_config *c,
			const struct hf_config_tenant *of, char *out, size_t len)
{
	const char *proxy = hf_tenant_proxy(c, of);
	const char *domain = hf_tenant_domain(c, of);

	out[0] = '\0';
	/* A proxy that tenants share is not the domain of one. */
	if (proxy && (!of || of->outbound_proxy))
		uri_host(proxy, out, len);
	if (!out[0] && domain)
		snprintf(out, len, "%s", domain);
}

int hf_identity_aor(const struct hf_config *c,
		    const struct hf_config_tenant *of,
		    const struct hf_identity *id, char *out, size_t len)
{
	const char *scheme = "sip", *user, *end;
	char host[256];
	size_t n;

	if (hf_identity_anonymous(id))
		return -ENOENT;
	user = strchr(id->uri, ':');
	if (!user)
		return -EINVAL;
	user++;
	if (!strncasecmp(id->uri, "sips:", 5))
		scheme = "sips";
	if (!strncasecmp(id->uri, "tel:", 4)) {
		end = user + strcspn(user, ";?");
	} else {
		end = strchr(user, '@');
		if (!end)
			return -EINVAL;
	}
	n = (size_t)(end - user);
	if (!id->host || !*id->host || is_address(id->host))
		home_domain(c, of, host, sizeof(host));
	else
		snprintf(host, sizeof(host), "%s", id->host);
	if (!n || !host[0])
		return -EINVAL;
	if ((size_t)snprintf(out, len, "%s:%.*s@%s", scheme, (int)n, user,
			     host) >= len)
		return -ENAMETOOLONG;
	return 0;
}

/* RFC 3261 25.1, `user`: what is not allowed there is written as %HH. */
void hf_user_escape(const char *user, char *out, size_t len)
{
	static const char allowed[] = "-_.!~*'()&=+$,;?/";
	size_t n = 0;

	for (; *user && n + 4 <= len; user++) {
		unsigned char c = (unsigned char)*user;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr(allowed, c))
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, len - n, "%%%02X", c);
	}
	out[n] = '\0';
}

static bool matches(const struct hf_config *c,
		    const struct hf_config_tenant *of, const char *pattern,
		    const char *user, const char *host)
{
	if (!strcmp(pattern, "any"))
		return true;
	if (!user || !host)
		return false;
	if (!strcmp(pattern, "internal"))
		return hf_config_internal(c, of, user, host);
	return hf_pattern_match(pattern, user, host);
}

static bool any_matches(const struct hf_config *c,
			const struct hf_config_tenant *of, char *const *patterns,
			unsigned int count, const char *user, const char *host,
			const char *source)
{
	for (unsigned int i = 0; i < count; i++)
		if (matches(c, of, patterns[i], user, host) ||
		    hf_right_from(patterns[i], source))
			return true;
	return false;
}

/*
 * `passed_on`: the identity stands in a transfer header of a trusted peer. A
 * PBX writes its own or the phone's address there as often as its domain, so a
 * host that is an address also counts as the peer's domain.
 */
bool hf_may_park(const struct hf_config *c, const struct hf_config_lot *lot,
		 const struct hf_identity *id, bool passed_on, const char *source)
{
	const char *user = hf_identity_known(id) ? id->user : NULL;
	const char *host = hf_identity_known(id) ? id->host : NULL;
	char home[256];

	if (any_matches(c, lot->of, lot->may_park, lot->may_park_count, user,
			host, source))
		return true;
	if (!passed_on || !user || (host && *host && !is_address(host)))
		return false;
	home_domain(c, lot->of, home, sizeof(home));
	return any_matches(c, lot->of, lot->may_park, lot->may_park_count, user,
			   home, source);
}

bool hf_identity_internal(const struct hf_config *c,
			  const struct hf_config_tenant *of,
			  const struct hf_identity *id)
{
	return !hf_identity_anonymous(id) && id->host &&
	       hf_config_internal(c, of, id->user, id->host);
}

/* One of our own numbers, as a PBX gives for whom it has connected with us. */
bool hf_identity_is_slot(struct hf_park *park,
			 const struct hf_config_tenant *of,
			 const struct hf_identity *id)
{
	return hf_identity_known(id) && id->user &&
	       (hf_lot_by_number(park, of, id->user) ||
		hf_slot_by_number(park, of, id->user));
}

/* A retriever must be a colleague whatever the lot says: two outsiders must
 * never meet. `source` is where the request came from, NULL = not known. */
bool hf_may_retrieve(const struct hf_config *c, const struct hf_config_lot *lot,
		     const struct hf_identity *id, const char *source)
{
	return hf_identity_internal(c, lot->of, id) &&
	       any_matches(c, lot->of, lot->may_retrieve,
			   lot->may_retrieve_count, id->user, id->host, source);
}
