// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers into the plain fields of ctl/park/signal.h. The stack has parsed what
 * it knows; P-Asserted-Identity, Diversion, History-Info, User-to-User and our
 * own marker come as text and are parsed here by its address parser. A header
 * that is broken counts as absent: none of them may stop a call.
 */
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "private.h"

/* Longer ones would push a recall over the size of a datagram. */
#define HF_CARRIED_VALUE_MOST 200

/* No control characters: this text ends in logs, tables and other headers. */
static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* "Alice \"A\"" or Alice to its plain text. */
static char *plain_display(su_home_t *home, const char *display)
{
	size_t len = display ? strlen(display) : 0;
	char *out = su_zalloc(home, len + 1), *o = out;
	const char *c = display;
	bool quotes;

	if (!out || !len)
		return out;
	quotes = len >= 2 && c[0] == '"' && c[len - 1] == '"';
	if (quotes)
		c++, len -= 2;
	for (; len; c++, len--) {
		if (quotes && *c == '\\' && len > 1)
			c++, len--;
		*o++ = (unsigned char)*c < 0x20 || *c == 0x7f ? ' ' : *c;
	}
	*o = '\0';
	/* Spaces around it are not part of a name. */
	while (o > out && o[-1] == ' ')
		*--o = '\0';
	while (*out == ' ')
		out++;
	return out;
}

/* The user part as dialled; left escaped where that would hide what it is. */
static char *plain_user(su_home_t *home, const char *user)
{
	char *out = su_strdup(home, user ? user : "");

	if (!out || !user)
		return out;
	url_unescape(out, user);
	if (!is_plain(out) || strcasestr(user, "%00"))
		strcpy(out, user);
	return out;
}

static void identity_of(su_home_t *home, const url_t *from, const char *display,
			struct hf_identity *ret)
{
	bool tel = from->url_type == url_tel;
	const char *user = from->url_user;
	url_t url = *from;

	memset(ret, 0, sizeof(*ret));
	if (!tel && from->url_type != url_sip && from->url_type != url_sips)
		return;
	if (tel && !user)
		user = from->url_host;
	url.url_params = NULL;
	url.url_headers = NULL;
	url.url_password = NULL;
	ret->uri = url_as_string(home, &url);
	if (!ret->uri || !is_plain(ret->uri) || strpbrk(ret->uri, " <>\"")) {
		ret->uri = NULL;
		return;
	}
	ret->user = plain_user(home, user);
	ret->host =
		su_strdup(home, !tel && from->url_host ? from->url_host : "");
	ret->display = plain_display(home, display);
	if (!ret->user || !ret->host || !ret->display)
		ret->uri = NULL;
}

/* The value of an extension header, the `nth` line of that name, or NULL. */
static const char *text_header(const sip_t *s, const char *name,
			       unsigned int nth)
{
	for (const sip_unknown_t *un = s->sip_unknown; un; un = un->un_next)
		if (un->un_name && un->un_value &&
		    !strcasecmp(un->un_name, name) && !nth--)
			return un->un_value;
	return NULL;
}

/* Addresses of one line. Contact has the same grammar as all of these. */
static const sip_contact_t *addresses(su_home_t *home, const char *value)
{
	const sip_contact_t *m = value ? sip_contact_make(home, value) : NULL;

	return m && m->m_url->url_type != url_any ? m : NULL;
}

void hf_parse_address(su_home_t *home, const sip_contact_t *m,
		      struct hf_identity *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (m->m_url->url_type != url_any)
		identity_of(home, m->m_url, m->m_display, ret);
}

void hf_parse_asserted(su_home_t *home, const sip_t *s, bool trusted,
		       struct hf_identity *ret)
{
	const char *value;

	memset(ret, 0, sizeof(*ret));
	if (!trusted)
		return;
	/* RFC 3325 9.1: at most one sip: and one tel: URI; the first serves. */
	for (unsigned int i = 0;
	     (value = text_header(s, "P-Asserted-Identity", i)); i++) {
		const sip_contact_t *m = addresses(home, value);

		if (m && !ret->uri)
			identity_of(home, m->m_url, m->m_display, ret);
	}
}

static void parse_diversion(su_home_t *home, const sip_t *s,
			    struct hf_identity *ret)
{
	const sip_contact_t *m =
		addresses(home, text_header(s, "Diversion", 0));

	if (m)
		identity_of(home, m->m_url, m->m_display, ret);
}

static bool same_user(const url_t *a, const url_t *b)
{
	return a->url_user && b->url_user && !strcmp(a->url_user, b->url_user);
}

/*
 * RFC 7044: entries stand in the order of events, the last one being where the
 * request goes now, unless the sender left that out: then the last is the one
 * we want.
 */
static void parse_history(su_home_t *home, const sip_t *s,
			  struct hf_identity *ret)
{
	const url_t *target = s->sip_request->rq_url;
	const sip_contact_t *last = NULL, *before = NULL;
	const char *value;

	for (unsigned int i = 0; (value = text_header(s, "History-Info", i));
	     i++)
		for (const sip_contact_t *m = addresses(home, value); m;
		     m = m->m_next) {
			before = last;
			last = m;
		}
	if (last && same_user(last->m_url, target))
		last = before;
	if (last)
		identity_of(home, last->m_url, last->m_display, ret);
}

static bool wants_privacy(const sip_t *s)
{
	const msg_param_t *v =
		s->sip_privacy ? s->sip_privacy->priv_values : NULL;

	for (; v && *v; v++)
		if (!strcasecmp(*v, "id") || !strcasecmp(*v, "user") ||
		    !strcasecmp(*v, "full"))
			return true;
	return false;
}

static const char *plain_text(su_home_t *home, const char *value)
{
	return value && is_plain(value) ? value : "";
}

static const struct hf_replaces *plain_replaces(su_home_t *home,
						const sip_replaces_t *from)
{
	struct hf_replaces *r;

	if (!from || !from->rp_call_id || !from->rp_to_tag ||
	    !from->rp_from_tag)
		return NULL;
	r = su_zalloc(home, sizeof(*r));
	if (!r)
		return NULL;
	r->call_id = from->rp_call_id;
	r->to_tag = from->rp_to_tag;
	r->from_tag = from->rp_from_tag;
	r->early_only = from->rp_early_only;
	return r;
}

/* The header part of a Refer-To, unescaped, is lines of text by a stranger. */
static const struct hf_replaces *replaces_in(su_home_t *home, const char *part)
{
	char *text = part ? su_strdup(home, part) : NULL;
	char *line = text ? url_query_as_header_string(home, text) : NULL;

	while (line && *line) {
		size_t n = strcspn(line, "\r\n");
		char *next = line[n] ? line + n + 1 : line + n;

		line[n] = '\0';
		if (!strncasecmp(line, "Replaces:", 9) && is_plain(line))
			return plain_replaces(
				home, sip_replaces_make(home, line + 9));
		line = next;
	}
	return NULL;
}

void hf_parse_refer(su_home_t *home, const sip_t *s, const struct hf_peer *peer,
		    struct hf_refer *ret)
{
	const url_t *url = s->sip_refer_to->r_url;

	memset(ret, 0, sizeof(*ret));
	identity_of(home, url, s->sip_refer_to->r_display, &ret->target);
	ret->target_params = url->url_params ? url->url_params : "";
	ret->replaces = replaces_in(home, url->url_headers);
	if (peer->trusted && s->sip_referred_by)
		identity_of(home, s->sip_referred_by->b_url,
			    s->sip_referred_by->b_display, &ret->referred_by);
}

void hf_parse_body(const sip_t *s, const char **body, size_t *len)
{
	const sip_payload_t *pl = s ? s->sip_payload : NULL;
	const sip_content_type_t *type = s ? s->sip_content_type : NULL;

	*body = NULL;
	*len = 0;
	if (!pl || !pl->pl_len || !type || !type->c_type ||
	    strcasecmp(type->c_type, HF_SIP_ACCEPT))
		return;
	*body = pl->pl_data;
	*len = pl->pl_len;
}

/* The headers that the configuration says to carry, as "Name: value" lines. */
static const char *carried(su_home_t *home, const sip_t *s,
			   const struct hf_config *config)
{
	char *lines = NULL;

	for (unsigned int i = 0; i < config->sip.carry_count; i++) {
		const char *name = config->sip.carry[i];
		const char *value = text_header(s, name, 0);

		if (!value || !*value || !is_plain(value) ||
		    strlen(value) > HF_CARRIED_VALUE_MOST)
			continue;
		lines = su_sprintf(home, "%s%s%s: %s", lines ? lines : "",
				   lines ? "\n" : "", name, value);
	}
	return lines ? lines : "";
}

/* 1 to 86400; anything else counts as absent. */
static int seconds_in(const char *value)
{
	size_t n = value ? strspn(value, "0123456789") : 0;
	int seconds = n && n <= 5 && !value[n] ? atoi(value) : 0;

	return seconds <= 86400 ? seconds : 0;
}

/* Request-URI and From are always there; empty if they are of no use. */
static void never_absent(struct hf_identity *who)
{
	if (!who->uri)
		*who = (struct hf_identity){"", "", "", ""};
}

/* Who has given a password is who that is of, whatever else is said. */
static void proven(su_home_t *home, const struct hf_peer *peer,
		   struct hf_identity *ret)
{
	url_t *url;

	if (!peer->user)
		return;
	url = url_make(home, peer->user->identity);
	if (url)
		identity_of(home, url, NULL, ret);
}

static void whose(const url_t *target, const struct hf_peer *peer,
		  struct hf_invite *ret)
{
	const struct hf_tenant_ask ask = {
		.host = target->url_host,
		.source = peer->source,
		.transport = peer->listener->transport,
		.local = peer->listener->host,
		.local_port = peer->listener->port,
		.headers = ret->carried,
	};

	ret->no_tenant = !hf_config_tenant(peer->config, &ask, &ret->tenant);
}

void hf_parse_invite(su_home_t *home, const sip_t *s,
		     const struct hf_peer *peer, struct hf_invite *ret)
{
	const url_t *target = s->sip_request->rq_url;

	memset(ret, 0, sizeof(*ret));
	ret->call_id = s->sip_call_id->i_id;
	ret->from_tag = s->sip_from->a_tag ? s->sip_from->a_tag : "";
	identity_of(home, target, NULL, &ret->target);
	ret->target_params = target->url_params ? target->url_params : "";
	identity_of(home, s->sip_from->a_url, s->sip_from->a_display,
		    &ret->from);
	never_absent(&ret->target);
	never_absent(&ret->from);
	ret->source = peer->source;
	ret->local = peer->listener->host;
	ret->transport = peer->listener->transport;
	ret->trusted = peer->trusted;
	ret->reliable = sip_has_feature(s->sip_supported, "100rel") ||
			sip_has_feature(s->sip_require, "100rel");
	ret->privacy = wants_privacy(s);
	ret->replaces = plain_replaces(home, s->sip_replaces);
	ret->user_to_user = plain_text(home, text_header(s, "User-to-User", 0));
	ret->recall_marker =
		plain_text(home, text_header(s, "X-Holdfast-Recall", 0));
	ret->carried = "";
	hf_parse_body(s, &ret->body, &ret->body_len);
	proven(home, peer, &ret->asserted);
	if (peer->trusted)
		ret->carried = carried(home, s, peer->config);
	whose(target, peer, ret);
	if (!peer->trusted)
		return;
	ret->park_time_s = seconds_in(text_header(s, "X-Holdfast-Park-Time", 0));
	if (!peer->user)
		hf_parse_asserted(home, s, true, &ret->asserted);
	if (s->sip_referred_by)
		identity_of(home, s->sip_referred_by->b_url,
			    s->sip_referred_by->b_display, &ret->referred_by);
	parse_diversion(home, s, &ret->diversion);
	parse_history(home, s, &ret->history);
	ret->only = plain_text(home, text_header(s, "X-Holdfast-Only", 0));
	ret->no_park = !strcasecmp(
		plain_text(home, text_header(s, "X-Holdfast-Park", 0)), "no");
	ret->hold_audio =
		plain_text(home, text_header(s, "X-Holdfast-Audio", 0));
	ret->page = plain_text(home, text_header(s, "X-Holdfast-Page", 0));
}
