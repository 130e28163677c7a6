// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The meaning of single values: texts, names, URIs and what phones dial.
 * Addresses and ranges are in ranges.c. Called by reader.c through tables.c.
 */
#include "values.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HF_NAME_LONGEST 32
#define HF_DIAL_LONGEST 31
#define HF_URI_LONGEST	255

static bool store(struct hf_reader *r, const char *text, void *field)
{
	char *copy = hf_config_text(r, text);

	memcpy(field, &copy, sizeof(copy));
	return copy != NULL;
}

static bool only(const char *text, const char *others)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(others, *text))
			return false;
	return true;
}

bool hf_parse_name(struct hf_reader *r, const char *text, void *field)
{
	if (!only(text, "_.-") || !isalnum((unsigned char)text[0]) ||
	    strlen(text) > HF_NAME_LONGEST)
		return hf_wrong(r,
				"\"%s\" is not a name; use up to %d letters, "
				"digits, _ . and -",
				text, HF_NAME_LONGEST);
	return store(r, text, field);
}

bool hf_parse_dial(struct hf_reader *r, const char *text, void *field)
{
	if (!text[0] || !only(text, "*#+._-") || strlen(text) > HF_DIAL_LONGEST)
		return hf_wrong(r,
				"\"%s\" cannot be dialled; use up to %d "
				"digits, letters, * # + . _ and -",
				text, HF_DIAL_LONGEST);
	return store(r, text, field);
}

/* For people and SIP headers. Control characters are refused before. */
bool hf_parse_text(struct hf_reader *r, const char *text, void *field)
{
	if (strlen(text) > HF_URI_LONGEST)
		return hf_wrong(r, "is longer than %d bytes", HF_URI_LONGEST);
	return store(r, text, field);
}

/* What can stand in a quoted string; messages never show it. */
bool hf_parse_secret(struct hf_reader *r, const char *text, void *field)
{
	if (!text[0] || strlen(text) > 100 || strpbrk(text, "\"\\"))
		return hf_wrong(r,
				"has to have 1 to 100 characters, and no \" "
				"and no \\");
	return store(r, text, field);
}

bool hf_parse_path(struct hf_reader *r, const char *text, void *field)
{
	if (text[0] != '/')
		return hf_wrong(r,
				"\"%s\" is not an absolute path; begin with /",
				text);
	return store(r, text, field);
}

/* A user of this host, by name or number. */
bool hf_parse_user(struct hf_reader *r, const char *text, void *field)
{
	const struct passwd *user;
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && number < UINT32_MAX) {
		*(uint32_t *)field = (uint32_t)number;
		return true;
	}
	user = getpwnam(text);
	if (!user)
		return hf_wrong(r,
				"\"%s\" is no user of this host; name one, or give a number",
				text);
	*(uint32_t *)field = (uint32_t)user->pw_uid;
	return true;
}

/* Relative to the folder of the configuration file, wherever we are started. */
bool hf_parse_file(struct hf_reader *r, const char *text, void *field)
{
	const char *slash = strrchr(r->path, '/');
	size_t folder = slash ? (size_t)(slash - r->path) + 1 : 0;
	char *path;

	if (!text[0])
		return hf_wrong(r, "names no file");
	if (text[0] == '/')
		return store(r, text, field);
	path = hf_config_alloc(r->config, folder + strlen(text) + 1);
	if (!path) {
		r->no_memory = true;
		return false;
	}
	memcpy(path, r->path, folder);
	strcpy(path + folder, text);
	memcpy(field, &path, sizeof(path));
	return true;
}

bool hf_parse_domain(struct hf_reader *r, const char *text, void *field)
{
	if (strchr(text, ':'))
		return hf_wrong(
			r,
			"\"%s\" is not a domain; leave scheme and port "
			"out, and take a name where SIP is on IPv6",
			text);
	if (!text[0] || !only(text, ".-") || strlen(text) > 253)
		return hf_wrong(r, "\"%s\" is not a domain", text);
	return store(r, text, field);
}

static bool host_port_ok(const char *host, size_t len)
{
	const char *colon = memchr(host, ':', len);
	size_t host_len = colon ? (size_t)(colon - host) : len;
	char ip6[INET6_ADDRSTRLEN];
	struct in6_addr ip;
	unsigned long port = 0;

	if (host[0] == '[') { /* RFC 3261 25.1: IPv6reference */
		const char *end = memchr(host, ']', len);

		host_len = end ? (size_t)(end - host) + 1 : 0;
		if (host_len < 4 || host_len > sizeof(ip6) ||
		    (host_len < len && host[host_len] != ':'))
			return false;
		memcpy(ip6, host + 1, host_len - 2);
		ip6[host_len - 2] = '\0';
		if (inet_pton(AF_INET6, ip6, &ip) != 1)
			return false;
		colon = host_len < len ? host + host_len : NULL;
	}
	if (!host_len)
		return false;
	for (size_t i = 0; i < host_len && host[0] != '['; i++)
		if (!isalnum((unsigned char)host[i]) && host[i] != '.' &&
		    host[i] != '-')
			return false;
	if (!colon)
		return true;
	for (const char *c = colon + 1; c < host + len; c++) {
		if (!isdigit((unsigned char)*c) || port > 65535)
			return false;
		port = port * 10 + (unsigned long)(*c - '0');
	}
	return port > 0 && port <= 65535;
}

static bool scheme_ok(struct hf_reader *r, const char *text)
{
	if (!strncasecmp(text, "sips:", 5) || !strncasecmp(text, "tel:", 4))
		return hf_wrong(r,
				"\"%s\": %.*s URIs are not supported yet by "
				"this version; write sip:",
				text, (int)strcspn(text, ":"), text);
	if (strncasecmp(text, "sip:", 4))
		return hf_wrong(r, "\"%s\" is not a URI; write sip:%s", text,
				strchr(text, '@') ? text : "user@host");
	return true;
}

/* sip:user@host:port;parameters (RFC 3261 19.1), without <> and headers. */
static bool read_uri(struct hf_reader *r, const char *text, bool want_user,
		     void *field)
{
	const char *rest = text + 4, *at;
	size_t len;

	if (!scheme_ok(r, text))
		return false;
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("<>\"\\^`{|}", *c))
			return hf_wrong(r,
					"\"%s\" is not a URI; it contains a "
					"character that has to be escaped",
					text);
	at = strchr(rest, '@');
	if (strchr(at ? at : rest, '?'))
		return hf_wrong(r, "\"%s\": headers behind ? are not supported",
				text);
	if (want_user && (!at || at == rest))
		return hf_wrong(r, "\"%s\" names no user; write sip:user@host",
				text);
	if (!want_user && at)
		return hf_wrong(r, "\"%s\" names a user; write sip:host", text);
	rest = at ? at + 1 : rest;
	len = strcspn(rest, ";");
	if (!host_port_ok(rest, len))
		return hf_wrong(r, "\"%s\" has no valid host and port", text);
	if (strlen(text) > HF_URI_LONGEST)
		return hf_wrong(r, "is longer than %d bytes", HF_URI_LONGEST);
	return store(r, text, field);
}

bool hf_parse_uri(struct hf_reader *r, const char *text, void *field)
{
	return read_uri(r, text, true, field);
}

bool hf_parse_proxy(struct hf_reader *r, const char *text, void *field)
{
	return read_uri(r, text, false, field);
}

/* Standard headers are ours to write; X-Holdfast-... have a meaning already. */
bool hf_parse_header(struct hf_reader *r, const char *text, void *field)
{
	if (strncasecmp(text, "X-", 2) || !text[2] || !only(text, "-_") ||
	    strlen(text) > HF_NAME_LONGEST)
		return hf_wrong(r,
				"\"%s\" cannot be carried; write X- and up to "
				"%d letters, digits, _ and -",
				text, HF_NAME_LONGEST - 2);
	if (!strncasecmp(text, "X-Holdfast-", 11))
		return hf_wrong(r, "\"%s\" is for Holdfast itself", text);
	return store(r, text, field);
}

/* A word that goes to a program's command line and into paths. */
bool hf_parse_voice(struct hf_reader *r, const char *text, void *field)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

	if (!len || len > 32 || text[len] || text[0] == '-')
		return hf_wrong(r,
				"is a language or voice such as en or de, "
				"not \"%s\"",
				text);
	return hf_parse_text(r, text, field);
}

bool hf_parse_pattern(struct hf_reader *r, const char *text, void *field)
{
	const char *at = strrchr(text, '@');

	if (!strncasecmp(text, "sip:", 4))
		return hf_wrong(r, "\"%s\" is a URI; leave sip: out", text);
	if (!at)
		return hf_wrong(r,
				"\"%s\" says no host; write %s@your.domain, or "
				"%s@* for any",
				text, text, text);
	if (at == text || !at[1])
		return hf_wrong(r, "\"%s\" has an empty side; write * for any",
				text);
	if (strlen(text) > HF_URI_LONGEST)
		return hf_wrong(r, "is longer than %d bytes", HF_URI_LONGEST);
	for (const char *c = text; *c; c++)
		if (*c <= ' ' || *c == '"' || *c == '<' || *c == '>')
			return hf_wrong(r, "\"%s\" is not a pattern user@host",
					text);
	return store(r, text, field);
}

bool hf_parse_right(struct hf_reader *r, const char *text, void *field)
{
	static const char *const words[] = { "internal", "any" };
	struct hf_config_prefix net;
	const char *near;

	if (!strcmp(text, words[0]) || !strcmp(text, words[1]))
		return store(r, text, field);
	if (strchr(text, '@'))
		return hf_parse_pattern(r, text, field);
	if (strchr(text, '/'))
		return hf_parse_prefix(r, text, &net) && store(r, text, field);
	near = hf_nearest(text, words, 2);
	return hf_wrong(r,
			"\"%s\" is unknown; %s%s%sit can be internal, any, a "
			"pattern user@host or a network such as 192.0.2.0/24",
			text, near ? "did you mean " : "", near ? near : "",
			near ? "? " : "");
}

/* The slot replaces %s; anything else with % would be read as a format. */
bool hf_parse_display(struct hf_reader *r, const char *text, void *field)
{
	const char *percent = strchr(text, '%');

	if (percent && (percent[1] != 's' || strchr(percent + 1, '%')))
		return hf_wrong(r,
				"\"%s\" may have one %%s, for the slot, and no "
				"other %%",
				text);
	return hf_parse_text(r, text, field);
}

/* Where a PBX is told about slots. */
bool hf_parse_push_url(struct hf_reader *r, const char *text, void *field)
{
	static const char *const schemes[] = { "http://", "https://", "tcp://" };

	for (unsigned int i = 0; i < 3; i++) {
		size_t n = strlen(schemes[i]);

		if (!strncmp(text, schemes[i], n) && text[n] &&
		    !strpbrk(text, " <>\"\\"))
			return hf_parse_text(r, text, field);
	}
	return hf_wrong(r,
			"\"%s\" is not a URL; write http://pbx:8088/ari for "
			"Asterisk, tcp://pbx:8021 for FreeSWITCH",
			text);
}

/* One of `words`, else a URI. */
static bool word_or_uri(struct hf_reader *r, const char *text,
			const char *const *words, unsigned int count,
			const char *kinds, int *word, char **uri)
{
	const char *near;

	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(text, words[i])) {
			*word = (int)i;
			return true;
		}
	if (strchr(text, ':') || strchr(text, '@')) {
		*word = (int)count;
		return hf_parse_uri(r, text, uri);
	}
	near = hf_nearest(text, words, count);
	return hf_wrong(r, "\"%s\" is unknown; %s%s%sit can be %s", text,
			near ? "did you mean " : "", near ? near : "",
			near ? "? " : "", kinds);
}

bool hf_parse_on_full(struct hf_reader *r, const char *text, void *field)
{
	static const char *const words[] = { [HF_FULL_REFUSE] = "refuse",
					     [HF_FULL_RING_PARKER] =
						     "ring_parker" };
	struct hf_config_lot *lot =
		(void *)((char *)field -
			 offsetof(struct hf_config_lot, on_full));
	int word = (int)lot->on_full;
	bool ok = word_or_uri(r, text, words, HF_FULL_URI,
			      "refuse, ring_parker or a URI", &word,
			      &lot->on_full_uri);

	lot->on_full = (enum hf_on_full)word;
	return ok;
}

bool hf_parse_finally(struct hf_reader *r, const char *text, void *field)
{
	static const char *const words[] = {
		[HF_FINALLY_REPEAT] = "repeat", [HF_FINALLY_HANG_UP] = "hang_up"
	};
	struct hf_config_lot *lot =
		(void *)((char *)field -
			 offsetof(struct hf_config_lot, recall.finally));
	int word = (int)lot->recall.finally;
	bool ok = word_or_uri(r, text, words, HF_FINALLY_URI,
			      "repeat, hang_up or a URI", &word,
			      &lot->recall.finally_uri);

	lot->recall.finally = (enum hf_finally)word;
	return ok;
}
