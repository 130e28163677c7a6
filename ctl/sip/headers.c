// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plain fields into headers. Names and texts come from strangers, by way of the
 * park logic: everything here is quoted, escaped or checked so that it stays
 * one header of the kind meant; what cannot be made so is left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "private.h"

#define HF_ANONYMOUS "sip:anonymous@anonymous.invalid" /* RFC 3323 4.1.1.3 */

/* A quoted-string (RFC 3261 25.1); what cannot stand in one becomes a space. */
static char *quoted(su_home_t *home, const char *text)
{
	char *out = su_alloc(home, 2 * strlen(text) + 3), *o = out;

	if (!out)
		return NULL;
	*o++ = '"';
	for (const char *c = text; *c; c++) {
		unsigned char b = (unsigned char)*c;

		if (b < 0x20 || b == 0x7f) {
			*o++ = ' ';
			continue;
		}
		if (b == '"' || b == '\\')
			*o++ = '\\';
		*o++ = *c;
	}
	*o++ = '"';
	*o = '\0';
	return out;
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* A URI that cannot break out of <>; NULL if it is none. */
url_t *hf_header_uri(su_home_t *home, const char *uri)
{
	url_t *url;

	if (!uri || !*uri || !is_printable(uri) || strpbrk(uri, " <>\""))
		return NULL;
	url = url_hdup(home, URL_STRING_MAKE(uri)->us_url);
	return url && (url->url_type == url_sip || url->url_type == url_sips ||
		       url->url_type == url_tel)
		       ? url
		       : NULL;
}

static char *own_uri(su_home_t *home, const struct hf_dialog *d)
{
	const char *user = d->contact_user;
	const sip_contact_t *target = NULL;
	const sip_route_t *route = NULL;
	char *escaped = NULL;
	bool secure;

	if (user && *user) {
		escaped = su_alloc(home, 3 * strlen(user) + 1);
		if (!escaped)
			return NULL;
		url_escape(escaped, user, "@:;?/&=+$,<>\"");
	}
	nta_leg_get_route(d->leg, &route, &target);
	secure = target && target->m_url->url_type == url_sips;
	return hf_listener_uri(home, d->sip, d->listener, d->inside, secure,
			       escaped);
}

sip_contact_t *hf_header_contact(su_home_t *home, const struct hf_dialog *d)
{
	char *uri = own_uri(home, d);
	sip_contact_t *m;

	m = uri ? sip_contact_create(home, URL_STRING_MAKE(uri), NULL) : NULL;
	if (m && d->contact_display && *d->contact_display)
		m->m_display = quoted(home, d->contact_display);
	return m;
}

sip_from_t *hf_header_from(su_home_t *home, const struct hf_sip *sip,
			   const struct hf_config_tenant *of,
			   const struct hf_identity *who, bool privacy)
{
	url_t *url = privacy ? NULL : hf_header_uri(home, who->uri);
	const char *display = who->display;
	sip_from_t *from;

	if (privacy) {
		url = hf_header_uri(home, HF_ANONYMOUS);
		display = "Anonymous";
	} else if (!url) {
		char *own = su_sprintf(home, "sip:park@%s",
				       hf_tenant_domain(sip->config, of));

		url = hf_header_uri(home, own);
		if (!url)
			url = hf_header_uri(home, HF_ANONYMOUS);
	}
	from = url ? sip_from_create(home, (url_string_t *)url) : NULL;
	if (from && display && *display)
		from->a_display = quoted(home, display);
	return from;
}

sip_reason_t *hf_header_reason(su_home_t *home, int cause, const char *text)
{
	char *value;

	if (!cause)
		return NULL;
	value = text && *text ? quoted(home, text) : NULL;
	value = su_sprintf(home, "SIP;cause=%d%s%s", cause,
			   value ? ";text=" : "", value ? value : "");
	return value ? sip_reason_make(home, value) : NULL;
}

/* RFC 3261 20.43: what in the offer cannot be had, for people. */
sip_warning_t *hf_header_warning(su_home_t *home, const struct hf_sip *sip,
				 const char *text)
{
	char *value = quoted(home, text);

	value = value ? su_sprintf(home, "399 %s %s", sip->config->sip.domain,
				   value) :
			NULL;
	return value ? sip_warning_make(home, value) : NULL;
}

static sip_unknown_t *extension(su_home_t *home, const char *name, char *value,
				sip_unknown_t *next)
{
	sip_unknown_t *un;

	un = (sip_unknown_t *)msg_header_alloc(home, sip_unknown_class, 0);
	if (!un)
		return next;
	un->un_name = name;
	un->un_value = value;
	un->un_next = next;
	return un;
}

sip_unknown_t *hf_header_text(su_home_t *home, const char *name,
			      const char *value, sip_unknown_t *next)
{
	char *copy;

	if (!value || !*value || !is_printable(value))
		return next;
	copy = su_strdup(home, value);
	return copy ? extension(home, name, copy, next) : next;
}

sip_unknown_t *hf_header_lines(su_home_t *home, const char *lines,
			       sip_unknown_t *next)
{
	char *line = lines ? su_strdup(home, lines) : NULL;

	while (line && *line) {
		size_t n = strcspn(line, "\n");
		char *after = line[n] ? line + n + 1 : line + n;
		char *colon;

		line[n] = '\0';
		colon = strstr(line, ": ");
		if (colon) {
			*colon = '\0';
			next = hf_header_text(home, line, colon + 2, next);
		}
		line = after;
	}
	return next;
}

sip_unknown_t *hf_header_address(su_home_t *home, const char *name,
				 const struct hf_identity *who,
				 sip_unknown_t *next)
{
	url_t *url = hf_header_uri(home, who->uri);
	char *uri = url ? url_as_string(home, url) : NULL;
	char *display = NULL, *value;

	if (!uri)
		return next;
	if (who->display && *who->display)
		display = quoted(home, who->display);
	value = su_sprintf(home, "%s%s<%s>", display ? display : "",
			   display ? " " : "", uri);
	return value ? extension(home, name, value, next) : next;
}

/* draft-ietf-sip-privacy: older than RFC 3325, and all that some trunks know. */
static sip_unknown_t *remote_party(su_home_t *home,
				   const struct hf_identity *who, bool privacy,
				   const char *party, sip_unknown_t *next)
{
	sip_unknown_t *un =
		hf_header_address(home, "Remote-Party-ID", who, NULL);

	if (!un)
		return next;
	un->un_value = su_sprintf(home, "%s;party=%s;screen=yes;privacy=%s",
				  un->un_value, party, privacy ? "full" : "off");
	un->un_next = next;
	return un->un_value ? un : next;
}

sip_unknown_t *hf_header_names(su_home_t *home, const struct hf_sip *sip,
			       const struct hf_identity *who, bool privacy,
			       const char *party, sip_unknown_t *next)
{
	if (sip->config->sip.remote_party_id)
		next = remote_party(home, who, privacy, party, next);
	return hf_header_address(home, "P-Asserted-Identity", who, next);
}
