// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Digest (RFC 7616, by SHA-256 of RFC 8760 and by MD5): the arithmetic that
 * both sides share, and ours as a client: a request of ours that was answered
 * 401 or 407 goes out again with credentials. challenge.c is the server.
 *
 * Each request answers a challenge of its own, so the count is always 1 and
 * nothing has to be remembered from one to the next, nor over a restart.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <sofia-sip/su_md5.h>
#include <sofia-sip/su_string.h>

#include "base/sha256.h"
#include "digest.h"

static void hash(bool sha256, const char *text, char *hex)
{
	uint8_t digest[HF_SHA256_BYTES];
	su_md5_t md5;

	if (sha256) {
		hf_sha256(text, strlen(text), digest);
		hf_sha256_hex(digest, hex);
		return;
	}
	su_md5_init(&md5);
	su_md5_update(&md5, text, (usize_t)strlen(text));
	su_md5_hexdigest(&md5, hex);
	su_md5_deinit(&md5);
}

bool hf_digest_response(su_home_t *home, const struct hf_digest *d,
			char ret[HF_SHA256_HEX])
{
	char a1[HF_SHA256_HEX], a2[HF_SHA256_HEX];
	char *text;

	text = su_sprintf(home, "%s:%s:%s", d->user, d->realm, d->password);
	if (!text)
		return false;
	hash(d->sha256, text, a1);
	text = su_sprintf(home, "%s:%s", d->method, d->uri);
	if (!text)
		return false;
	hash(d->sha256, text, a2);
	/* without qop as in RFC 2069, which some servers still are of */
	if (d->nc)
		text = su_sprintf(home, "%s:%s:%s:%s:auth:%s", a1, d->nonce,
				  d->nc, d->cnonce, a2);
	else
		text = su_sprintf(home, "%s:%s:%s", a1, d->nonce, a2);
	if (!text)
		return false;
	hash(d->sha256, text, ret);
	return true;
}

const char *hf_digest_param(su_home_t *home, const msg_auth_t *au,
			    const char *name)
{
	const char *value = msg_params_find(au->au_params, name);
	char *plain;

	if (!value)
		return NULL;
	if (value[0] != '"')
		return value;
	plain = msg_unquote_dup(home, value);
	return plain ? plain : "";
}

bool hf_digest_random(char *hex, unsigned int bytes)
{
	uint8_t raw[32];

	/* Something that can be guessed would be worse than no answer. */
	if (bytes > sizeof(raw) ||
	    getrandom(raw, bytes, 0) != (ssize_t)bytes)
		return false;
	for (unsigned int i = 0; i < bytes; i++)
		sprintf(hex + 2 * i, "%02x", raw[i]);
	return true;
}

/* Of several challenges the one we can answer, by the better hash. */
static const msg_auth_t *choose(su_home_t *home, const msg_auth_t *list,
				bool *sha256)
{
	const msg_auth_t *best = NULL;

	*sha256 = false;
	for (; list; list = list->au_next) {
		const char *algorithm =
			hf_digest_param(home, list, "algorithm=");
		bool better = algorithm && !strcasecmp(algorithm, "SHA-256");

		if (!list->au_scheme || strcasecmp(list->au_scheme, "Digest") ||
		    (algorithm && !better && strcasecmp(algorithm, "MD5")))
			continue;
		if (!best || (better && !*sha256)) {
			best = list;
			*sha256 = better;
		}
	}
	return best;
}

static const struct hf_config_account *account_for(const struct hf_sip *sip,
						   const char *realm)
{
	for (unsigned int i = 0; i < sip->config->sip.digest.account_count;
	     i++) {
		const struct hf_config_account *a =
			&sip->config->sip.digest.accounts[i];

		if (!a->realm || !strcmp(a->realm, realm))
			return a;
	}
	return NULL;
}

/* qop="auth,auth-int": do they take auth? */
static bool takes_auth(const char *qop)
{
	while (qop && *qop) {
		size_t n = strcspn(qop, ", ");

		if (n == 4 && !strncasecmp(qop, "auth", 4))
			return true;
		qop += n + strspn(qop + n, ", ");
	}
	return false;
}

/* What stands between " and ", for a name that the other side chose. */
static char *escaped(su_home_t *home, const char *text)
{
	char *out = su_alloc(home, 2 * strlen(text) + 1), *o = out;

	for (; out && *text; text++) {
		if (*text == '"' || *text == '\\')
			*o++ = '\\';
		*o++ = *text;
	}
	if (out)
		*o = '\0';
	return out;
}

/* Our Authorization header's value, NULL if there is nothing to answer with. */
static char *credentials(struct hf_sip *sip, su_home_t *home,
			 const msg_auth_t *challenges, const char *method,
			 const char *uri, const struct hf_config_account *as)
{
	struct hf_digest d = {.method = method, .uri = uri};
	const msg_auth_t *au = choose(home, challenges, &d.sha256);
	const struct hf_config_account *account;
	char response[HF_SHA256_HEX], cnonce[33];
	const char *opaque, *qop;
	char *text;

	if (!au)
		return NULL;
	d.realm = hf_digest_param(home, au, "realm=");
	d.nonce = hf_digest_param(home, au, "nonce=");
	account = as ?: account_for(sip, d.realm ?: "");
	if (!d.realm || !d.nonce)
		return NULL;
	if (!account)
		return NULL;
	d.user = account->name;
	d.password = account->password;
	qop = hf_digest_param(home, au, "qop=");
	if (qop && !takes_auth(qop))
		return NULL;
	if (!hf_digest_random(cnonce, 16))
		return NULL;
	d.cnonce = cnonce;
	d.nc = qop ? "00000001" : NULL;
	if (!hf_digest_response(home, &d, response))
		return NULL;
	opaque = hf_digest_param(home, au, "opaque=");
	text = su_sprintf(
		home,
		"Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"%s\", response=\"%s\", algorithm=%s",
		escaped(home, d.user), escaped(home, d.realm),
		escaped(home, d.nonce), escaped(home, uri), response,
		d.sha256 ? "SHA-256" : "MD5");
	if (text && qop)
		text = su_sprintf(home, "%s, qop=auth, nc=%s, cnonce=\"%s\"",
				  text, d.nc, cnonce);
	if (text && opaque)
		text = su_sprintf(home, "%s, opaque=\"%s\"", text,
				  escaped(home, opaque));
	return text;
}

/* The second refusal is final, unless only the nonce had grown old. */
static bool may_try(su_home_t *home, const sip_t *asked,
		    const msg_auth_t *challenges, bool proxy)
{
	const char *stale;

	if (proxy ? !asked->sip_proxy_authorization :
		    !asked->sip_authorization)
		return true;
	stale = hf_digest_param(home, challenges, "stale=");
	return stale && !strcasecmp(stale, "true");
}

nta_outgoing_t *hf_digest_again(struct hf_sip *sip, nta_leg_t *leg,
				nta_outgoing_t *orq, const sip_t *answer,
				nta_response_f *callback, void *magic,
				const url_t *route,
				const struct hf_listener *listener)
{
	return hf_digest_again_as(sip, leg, orq, answer, callback, magic, route,
				  listener, NULL);
}

nta_outgoing_t *hf_digest_again_as(struct hf_sip *sip, nta_leg_t *leg,
				   nta_outgoing_t *orq, const sip_t *answer,
				   nta_response_f *callback, void *magic,
				   const url_t *route,
				   const struct hf_listener *listener,
				   const struct hf_config_account *as)
{
	int status = nta_outgoing_status(orq);
	bool proxy = status == 407;
	const msg_auth_t *challenges = NULL;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	nta_outgoing_t *next = NULL;
	msg_t *asked, *copy = NULL;
	char *value = NULL;
	sip_t *s;

	if ((status != 401 && !proxy) || !answer)
		return NULL;
	challenges = proxy ? answer->sip_proxy_authenticate :
			     answer->sip_www_authenticate;
	asked = challenges ? nta_outgoing_getrequest(orq) : NULL;
	s = asked ? sip_object(asked) : NULL;
	su_home_init(home);
	if (s && may_try(home, s, challenges, proxy))
		value = credentials(sip, home, challenges,
				    s->sip_request->rq_method_name,
				    url_as_string(home,
						  s->sip_request->rq_url),
				    as);
	if (value)
		copy = msg_copy(asked);
	s = copy ? sip_object(copy) : NULL;
	if (s) {
		while (s->sip_via)
			sip_header_remove(copy, s, (sip_header_t *)s->sip_via);
		sip_header_remove(copy, s, (sip_header_t *)s->sip_cseq);
		if (proxy && s->sip_proxy_authorization)
			sip_header_remove(
				copy, s,
				(sip_header_t *)s->sip_proxy_authorization);
		if (!proxy && s->sip_authorization)
			sip_header_remove(copy, s,
					  (sip_header_t *)s->sip_authorization);
		sip_add_tl(copy, s,
			   TAG_IF(proxy, SIPTAG_PROXY_AUTHORIZATION_STR(value)),
			   TAG_IF(!proxy, SIPTAG_AUTHORIZATION_STR(value)),
			   TAG_END());
		if (nta_msg_request_complete(
			    copy, leg, s->sip_request->rq_method,
			    s->sip_request->rq_method_name, NULL) < 0)
			msg_destroy(copy);
		else
			next = nta_outgoing_mcreate(
				sip->agent, callback, magic,
				(const url_string_t *)route, copy,
				TPTAG_IDENT(listener->ident), TAG_END());
	}
	if (asked)
		msg_destroy(asked);
	su_home_deinit(home);
	return next;
}
