// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who may, and how often. There are no cookies, so a page of somebody else can
 * make a browser ask but never with a token; the Host header is checked so that
 * a name of theirs that points to our address (DNS rebinding) gets nothing.
 */
#include "internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "base/sha256.h"

#define HF_RATE_PER_S 50
#define HF_RATE_BURST 250

bool hf_auth_host_ok(const struct hf_config *config, const char *host)
{
	char name[256];
	unsigned char raw[16];
	size_t len;

	if (!host)
		return false; /* RFC 9112 section 3.2 */
	if (host[0] == '[') {
		len = strcspn(++host, "]");
		if (!host[len])
			return false;
	} else {
		len = strcspn(host, ":");
	}
	if (!len || len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (inet_pton(AF_INET, name, raw) == 1 ||
	    inet_pton(AF_INET6, name, raw) == 1 ||
	    !strcasecmp(name, "localhost"))
		return true;
	for (unsigned int i = 0; i < config->http.name_count; i++)
		if (!strcasecmp(name, config->http.names[i]))
			return true;
	return false;
}

/* How long it takes says nothing about where two hashes differ. */
static bool same(const char *a, const char *b)
{
	unsigned int differ = 0;

	for (int i = 0; i < HF_SHA256_HEX - 1; i++)
		differ |= (unsigned int)(a[i] ^ b[i]);
	return !differ;
}

bool hf_auth_user(const struct hf_config *config, const char *authorization,
		  struct hf_http_user *ret)
{
	uint8_t digest[HF_SHA256_BYTES];
	char given[HF_SHA256_HEX], wanted[HF_SHA256_HEX];

	*ret = (struct hf_http_user){.role = config->http.anonymous};
	if (!authorization)
		return true;
	if (strncasecmp(authorization, "Bearer ", 7))
		return false;
	authorization += 7;
	hf_sha256(authorization, strlen(authorization), digest);
	hf_sha256_hex(digest, given);
	for (unsigned int i = 0; i < config->http.user_count; i++) {
		const struct hf_config_http_user *u = &config->http.users[i];

		if (!strncmp(u->token, "sha256:", 7)) {
			memcpy(wanted, u->token + 7, HF_SHA256_HEX);
		} else {
			hf_sha256(u->token, strlen(u->token), digest);
			hf_sha256_hex(digest, wanted);
		}
		if (!same(given, wanted))
			continue;
		ret->named = u;
		ret->role = u->role;
	}
	return ret->named != NULL;
}

static void address_of(const struct sockaddr *from, uint8_t address[16])
{
	memset(address, 0, 16);
	if (from && from->sa_family == AF_INET)
		memcpy(address, &((const struct sockaddr_in *)from)->sin_addr,
		       4);
	if (from && from->sa_family == AF_INET6)
		memcpy(address, &((const struct sockaddr_in6 *)from)->sin6_addr,
		       8); /* a /64 is one customer */
}

/* Addresses that share a place in the table push each other out; a stranger who
 * finds such a pair gains a full bucket, no more. */
bool hf_auth_rate_ok(struct hf_server *s, const void *from, unsigned int cost,
		     uint64_t now_ms)
{
	uint8_t address[16];
	struct hf_limit *l;
	uint32_t at = 2166136261U;
	int64_t left;

	address_of(from, address);
	for (int i = 0; i < 16; i++)
		at = (at ^ address[i]) * 16777619U;
	l = &s->limit[at % HF_LIMITS];
	if (!l->at_ms || memcmp(l->address, address, sizeof(address))) {
		memcpy(l->address, address, sizeof(address));
		l->at_ms = now_ms;
		l->left = HF_RATE_BURST * 1000;
	}
	left = l->left + (int64_t)(now_ms - l->at_ms) * HF_RATE_PER_S;
	l->left =
		left < HF_RATE_BURST * 1000 ? (int)left : HF_RATE_BURST * 1000;
	l->at_ms = now_ms;
	if (l->left < 1000 && cost == 1)
		return false;
	l->left -= (int)cost * 1000;
	return true;
}
