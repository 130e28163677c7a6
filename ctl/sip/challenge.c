// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who is not in sip.trusted may prove by digest to be one of
 * sip.digest.users. digest.c has the arithmetic.
 *
 * A nonce says when it ends and is signed with a key of this process, so a
 * challenge costs no memory. Once it has been used rightly its counts are kept
 * until it ends: no request is accepted twice (RFC 7616 5.5), and each nonce is
 * good for many. One from before a restart is stale, and the client tries again
 * by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include <sofia-sip/su_string.h>

#include "base/clock.h"
#include "digest.h"

#define NONCE_S	   300
#define NONCE_LEN  64 /* 16 digits of time, 16 of chance, 32 of signature */
#define NONCES_MAX 65536

struct nonce {
	char text[NONCE_LEN + 1];
	uint64_t end_ms;
	uint32_t top;	 /* the highest count seen */
	uint64_t window; /* bit n: top - n was seen */
	UT_hash_handle hh;
};

struct hf_challenger {
	char key[65];
	struct nonce *used;
};

int hf_challenge_open(struct hf_sip *sip)
{
	sip->challenger = calloc(1, sizeof(*sip->challenger));
	if (!sip->challenger)
		return -1;
	return hf_digest_random(sip->challenger->key, 32) ? 0 : -1;
}

static void forget(struct hf_challenger *c, struct nonce *n)
{
	HASH_DEL(c->used, n);
	free(n);
}

void hf_challenge_close(struct hf_sip *sip)
{
	if (!sip->challenger)
		return;
	while (sip->challenger->used)
		forget(sip->challenger, sip->challenger->used);
	free(sip->challenger);
	sip->challenger = NULL;
}

static void sign(const struct hf_challenger *c, char nonce[NONCE_LEN + 1])
{
	uint8_t mac[HF_SHA256_BYTES];
	char hex[HF_SHA256_HEX];

	hf_hmac_sha256(c->key, nonce, 32, mac);
	hf_sha256_hex(mac, hex);
	memcpy(nonce + 32, hex, 32);
	nonce[NONCE_LEN] = '\0';
}

static bool make_nonce(const struct hf_challenger *c, char ret[NONCE_LEN + 1])
{
	snprintf(ret, 17, "%016llx",
		 (unsigned long long)(hf_now_ms() + NONCE_S * 1000ull));
	if (!hf_digest_random(ret + 16, 8))
		return false;
	sign(c, ret);
	return true;
}

static bool same(const char *a, const char *b)
{
	unsigned char differ = strlen(a) != strlen(b);

	for (size_t i = 0; a[i] && b[i]; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

/* Ours, and not over: when it ends; else 0. */
static uint64_t nonce_end(const struct hf_challenger *c, const char *nonce)
{
	char copy[NONCE_LEN + 1], time[17];
	uint64_t end;

	if (strlen(nonce) != NONCE_LEN)
		return 0;
	memcpy(copy, nonce, 32);
	sign(c, copy);
	if (!same(copy, nonce))
		return 0;
	memcpy(time, nonce, 16);
	time[16] = '\0';
	end = strtoull(time, NULL, 16);
	return end > hf_now_ms() ? end : 0;
}

/* The first time for this count of this nonce? */
static bool count_once(struct hf_challenger *c, const char *nonce, uint32_t nc)
{
	uint64_t end = nonce_end(c, nonce);
	struct nonce *n;

	if (!end || !nc)
		return false;
	/* about in the order of their ends */
	while (c->used && c->used->end_ms <= hf_now_ms())
		forget(c, c->used);
	HASH_FIND(hh, c->used, nonce, NONCE_LEN, n);
	if (!n) {
		if (HASH_COUNT(c->used) >= NONCES_MAX)
			return false;
		n = calloc(1, sizeof(*n));
		if (!n)
			return false;
		memcpy(n->text, nonce, NONCE_LEN);
		n->end_ms = end;
		HASH_ADD(hh, c->used, text, NONCE_LEN, n);
	}
	if (nc > n->top) {
		n->window = nc - n->top < 64 ? n->window << (nc - n->top) : 0;
		n->window |= 1;
		n->top = nc;
		return true;
	}
	/* over UDP they may come in another order */
	if (n->top - nc >= 64 || n->window >> (n->top - nc) & 1)
		return false;
	n->window |= 1ull << (n->top - nc);
	return true;
}

static const struct hf_config_user *user_named(const struct hf_config *c,
					       const char *name)
{
	for (unsigned int i = 0; i < c->sip.digest.user_count; i++)
		if (!strcmp(c->sip.digest.users[i].name, name))
			return &c->sip.digest.users[i];
	return NULL;
}

static const char *realm_of(const struct hf_config *c)
{
	return c->sip.digest.realm ? c->sip.digest.realm : c->sip.domain;
}

/* A proxy may have written the URI anew, but not its user (RFC 3261 22.4). */
static bool same_user(su_home_t *home, const char *uri, const url_t *asked)
{
	url_t *url = url_make(home, uri);

	return url && !strcmp(url->url_user ? url->url_user : "",
			      asked->url_user ? asked->url_user : "");
}

enum verdict { NO_CREDENTIALS, WRONG, STALE, RIGHT };

static enum verdict verify(struct hf_sip *sip, su_home_t *home, const sip_t *r,
			   const msg_auth_t *au,
			   const struct hf_config_user **ret)
{
	const char *algorithm = hf_digest_param(home, au, "algorithm=");
	const char *user = hf_digest_param(home, au, "username=");
	const char *response = hf_digest_param(home, au, "response=");
	const char *qop = hf_digest_param(home, au, "qop=");
	struct hf_digest d = {
		.sha256 = algorithm && !strcasecmp(algorithm, "SHA-256"),
		.user = user,
		.realm = realm_of(sip->config),
		.method = r->sip_request->rq_method_name,
		.uri = hf_digest_param(home, au, "uri="),
		.nonce = hf_digest_param(home, au, "nonce="),
		.nc = hf_digest_param(home, au, "nc="),
		.cnonce = hf_digest_param(home, au, "cnonce="),
	};
	const struct hf_config_user *u = user ? user_named(sip->config, user) :
						NULL;
	char right[HF_SHA256_HEX];

	if (!u || !response || !d.uri || !d.nonce || !d.nc || !d.cnonce ||
	    !qop || strcasecmp(qop, "auth") || strlen(d.nc) != 8 ||
	    strspn(d.nc, "0123456789abcdefABCDEF") != 8 ||
	    !same_user(home, d.uri, r->sip_request->rq_url))
		return WRONG;
	d.password = u->password;
	if (!hf_digest_response(home, &d, right) || !same(right, response))
		return WRONG;
	if (!count_once(sip->challenger, d.nonce,
			(uint32_t)strtoul(d.nc, NULL, 16)))
		return STALE;
	*ret = u;
	return RIGHT;
}

/* Credentials for our realm, of however many. */
static enum verdict verify_all(struct hf_sip *sip, const sip_t *r,
			       const struct hf_config_user **ret)
{
	su_home_t home[1] = {SU_HOME_INIT(home)};
	enum verdict v = NO_CREDENTIALS;

	su_home_init(home);
	for (const msg_auth_t *au = r->sip_authorization;
	     au && v == NO_CREDENTIALS; au = au->au_next) {
		const char *realm = hf_digest_param(home, au, "realm=");

		if (au->au_scheme && !strcasecmp(au->au_scheme, "Digest") &&
		    realm && !strcmp(realm, realm_of(sip->config)))
			v = verify(sip, home, r, au, ret);
	}
	su_home_deinit(home);
	return v;
}

bool hf_challenge(struct hf_sip *sip, nta_incoming_t *irq, const sip_t *r,
		  struct hf_peer *peer)
{
	const struct hf_config_user *user = NULL;
	enum verdict v = verify_all(sip, r, &user);
	char one[NONCE_LEN + 1], other[NONCE_LEN + 1], sha[256], md5[256];

	if (v == RIGHT) {
		peer->user = user;
		peer->trusted = user->trusted;
		return true;
	}
	if (!make_nonce(sip->challenger, one) ||
	    !make_nonce(sip->challenger, other)) {
		hf_refuse(sip, irq, r, peer, SIP_500_INTERNAL_SERVER_ERROR,
			  "no random numbers for a challenge", TAG_END());
		return false;
	}
	/* RFC 8760 2.3: the one that we like best is the first. */
	snprintf(sha, sizeof(sha),
		 "Digest realm=\"%s\", nonce=\"%s\", qop=\"auth\", algorithm=SHA-256%s",
		 realm_of(sip->config), one, v == STALE ? ", stale=true" : "");
	snprintf(md5, sizeof(md5),
		 "Digest realm=\"%s\", nonce=\"%s\", qop=\"auth\", algorithm=MD5%s",
		 realm_of(sip->config), other,
		 v == STALE ? ", stale=true" : "");
	nta_incoming_treply(irq, SIP_401_UNAUTHORIZED,
			    SIPTAG_SERVER_STR(HF_SIP_AGENT),
			    SIPTAG_WWW_AUTHENTICATE_STR(sha),
			    SIPTAG_WWW_AUTHENTICATE_STR(md5), TAG_END());
	hf_request_end(sip, irq);
	/* To be asked is usual; to answer wrongly is not. */
	if (v == WRONG)
		hf_refused(sip, peer, r->sip_request->rq_method_name, 401,
			   "wrong user or password");
	return false;
}
