// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The keys below `http`: where the board, the REST interface and the metrics
 * are, and who may use them. Part of the tables in tables.c; checked from
 * check.c.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "values.h"

#define HTTP(field) offsetof(struct hf_config, http.field)
#define USER(field) offsetof(struct hf_config_http_user, field)

#define HF_TOKEN_SHORTEST 16
#define HF_TOKEN_LONGEST  200
#define HF_TOKEN_HASH	  "sha256:"

/* "127.0.0.1:8080", "[::1]:8080" */
static bool parse_address(struct hf_reader *r, const char *text, void *field)
{
	struct hf_config_http_listen *l = field;
	const char *colon = strrchr(text, ':'), *from = text;
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned char raw[16];
	unsigned long port;
	char *end = NULL;

	if (len > 2 && text[0] == '[' && colon[-1] == ']') {
		l->ip6 = true;
		from++;
		len -= 2;
	}
	port = colon && strspn(colon + 1, "0123456789") == strlen(colon + 1)
		       ? strtoul(colon + 1, &end, 10)
		       : 0;
	if (!len || len >= sizeof(l->host) || !port || port > 65535)
		return hf_wrong(r,
				"\"%s\" is not ADDRESS:PORT; write "
				"127.0.0.1:8080 or [::1]:8080",
				text);
	memcpy(l->host, from, len);
	l->host[len] = '\0';
	l->port = (uint16_t)port;
	if (inet_pton(l->ip6 ? AF_INET6 : AF_INET, l->host, raw) != 1)
		return hf_wrong(r, "\"%s\" is not a numeric address", l->host);
	return true;
}

/* Compared with Host: as browsers write it. */
static bool parse_host_name(struct hf_reader *r, const char *text, void *field)
{
	if (!text[0] || strlen(text) > 253 ||
	    strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-") !=
		    strlen(text))
		return hf_wrong(r,
				"\"%s\" is not a host name; write it in small "
				"letters and without a port",
				text);
	return hf_parse_text(r, text, field);
}

static bool parse_token(struct hf_reader *r, const char *text, void *field)
{
	size_t len = strlen(text), prefix = strlen(HF_TOKEN_HASH);

	if (!strncmp(text, HF_TOKEN_HASH, prefix)) {
		if (len != prefix + 64 ||
		    strspn(text + prefix, "0123456789abcdef") != 64)
			return hf_wrong(
				r, "sha256: needs 64 digits of 0-9 and a-f "
				   "behind it; printf %%s TOKEN | sha256sum "
				   "prints them");
		return hf_parse_text(r, text, field);
	}
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c > '~')
			return hf_wrong(
				r, "may have no spaces and nothing but "
				   "ASCII; openssl rand -hex 24 makes one");
	if (len < HF_TOKEN_SHORTEST || len > HF_TOKEN_LONGEST)
		return hf_wrong(
			r,
			"is %zu characters; %d to %d are needed (openssl "
			"rand -hex 24 makes one)",
			len, HF_TOKEN_SHORTEST, HF_TOKEN_LONGEST);
	return hf_parse_text(r, text, field);
}

/* "" = none. */
static bool parse_pem(struct hf_reader *r, const char *text, void *field)
{
	return !text[0] || hf_parse_path(r, text, field);
}

static const char *const role_words[] = {[HF_ROLE_HTTP_NONE] = "none",
					 [HF_ROLE_HTTP_VIEW] = "view",
					 [HF_ROLE_HTTP_ACT] = "act",
					 [HF_ROLE_HTTP_ADMIN] = "admin",
					 NULL};
static const char *const anonymous_words[] = {
	[HF_ROLE_HTTP_NONE] = "none", [HF_ROLE_HTTP_VIEW] = "view", NULL};

static const struct hf_key user_keys[] = {
	{.name = "name",
	 .kind = HF_KEY_VALUE,
	 .offset = USER(name),
	 .parse = hf_parse_name,
	 .example = "anna",
	 .required = true},
	{.name = "role",
	 .kind = HF_KEY_WORD,
	 .offset = USER(role),
	 .words = role_words,
	 .example = "view, act or admin",
	 .required = true},
	{.name = "token",
	 .kind = HF_KEY_VALUE,
	 .offset = USER(token),
	 .parse = parse_token,
	 .example = "\"sha256:...\"",
	 .required = true},
	{.name = "phone",
	 .kind = HF_KEY_VALUE,
	 .offset = USER(phone),
	 .parse = hf_parse_uri,
	 .example = "\"sip:1001@pbx.example.com\""},
	{.name = "tenant",
	 .kind = HF_KEY_VALUE,
	 .offset = USER(tenant),
	 .parse = hf_parse_name,
	 .example = "acme"},
	{0}};
static const struct hf_map user_map = {user_keys, NULL};

static const struct hf_key http_keys[] = {
	{.name = "listen",
	 .kind = HF_KEY_LIST,
	 .offset = HTTP(listen),
	 .count_offset = HTTP(listen_count),
	 .parse = parse_address,
	 .item_size = sizeof(struct hf_config_http_listen),
	 .min = 1,
	 .max = 4,
	 .example = "\"127.0.0.1:8080\"",
	 .required = true},
	{.name = "names",
	 .kind = HF_KEY_LIST,
	 .offset = HTTP(names),
	 .count_offset = HTTP(name_count),
	 .parse = parse_host_name,
	 .item_size = sizeof(char *),
	 .max = 16,
	 .example = "board.example.com"},
	{.name = "certificate",
	 .kind = HF_KEY_VALUE,
	 .offset = HTTP(certificate),
	 .parse = parse_pem,
	 .example = "/etc/holdfast/tls/board.pem"},
	{.name = "key",
	 .kind = HF_KEY_VALUE,
	 .offset = HTTP(key),
	 .parse = parse_pem,
	 .example = "/etc/holdfast/tls/board.key"},
	{.name = "cleartext",
	 .kind = HF_KEY_BOOL,
	 .offset = HTTP(cleartext),
	 .example = "true"},
	{.name = "anonymous",
	 .kind = HF_KEY_WORD,
	 .offset = HTTP(anonymous),
	 .words = anonymous_words,
	 .example = "none or view"},
	{.name = "users",
	 .kind = HF_KEY_LIST,
	 .offset = HTTP(users),
	 .count_offset = HTTP(user_count),
	 .map = &user_map,
	 .item_size = sizeof(struct hf_config_http_user),
	 .max = 1000,
	 .example = "{ name: anna, role: view, token: \"...\" }"},
	{0}};
const struct hf_map hf_config_http_map = {http_keys, NULL};

static bool is_loopback(const struct hf_config_http_listen *l)
{
	return l->ip6 ? !strcmp(l->host, "::1") : !strncmp(l->host, "127.", 4);
}

static void check_users(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	for (unsigned int i = 0; i < c->http.user_count; i++) {
		const struct hf_config_http_user *u = &c->http.users[i];

		if (u->role == HF_ROLE_HTTP_NONE)
			hf_wrong_at(r, &u->role, u, "role",
				    "has to be view, act or admin");
		if (u->tenant && !hf_config_tenant_named(c, u->tenant))
			hf_wrong_at(r, &u->tenant, u, "tenant",
				    "no tenant of tenants is called %s",
				    u->tenant);
		else if (u->tenant && u->role == HF_ROLE_HTTP_ADMIN)
			hf_wrong_at(r, &u->role, u, "role",
				    "admin may do everything to everybody, so "
				    "it is not for a user of one tenant; write "
				    "act or view");
		for (unsigned int j = 0; j < i; j++) {
			const struct hf_config_http_user *v = &c->http.users[j];

			if (u->name && v->name && !strcmp(u->name, v->name))
				hf_wrong_at(r, &u->name, u, "name",
					    "%s is there twice", u->name);
			if (u->token && v->token && !strcmp(u->token, v->token))
				hf_wrong_at(
					r, &u->token, u, "token",
					"is also that of %s; each needs one "
					"of its own",
					v->name ? v->name : "another user");
		}
	}
}

void hf_config_http_check(struct hf_reader *r)
{
	const struct hf_config *c = r->config;

	if (!c->http.certificate != !c->http.key)
		hf_wrong_at(r,
			    c->http.key ? &c->http.key : &c->http.certificate,
			    c, c->http.key ? "http.key" : "http.certificate",
			    "TLS needs both a certificate and its key");
	for (unsigned int i = 0; i < c->http.listen_count; i++) {
		const struct hf_config_http_listen *l = &c->http.listen[i];

		if (l->port && !is_loopback(l) && !c->http.certificate &&
		    !c->http.cleartext)
			hf_wrong_at(r, l, c, "http.listen",
				    "tokens would cross the network in clear "
				    "text; give certificate and key, or say "
				    "cleartext: true");
	}
	check_users(r);
}
