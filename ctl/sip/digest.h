/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What digest.c (ours) and challenge.c (theirs) share; inside ctl/sip only. */
#ifndef HOLDFAST_SIP_DIGEST_H
#define HOLDFAST_SIP_DIGEST_H

#include "private.h"

#include "base/sha256.h"

struct hf_digest {
	bool sha256; /* else MD5 */
	const char *user, *realm, *password;
	const char *method, *uri;
	const char *nonce, *nc, *cnonce; /* nc NULL: without qop */
};

bool hf_digest_response(su_home_t *, const struct hf_digest *,
			char ret[HF_SHA256_HEX]);
/* "realm=": the value without quotes, NULL if it is not there. */
const char *hf_digest_param(su_home_t *, const msg_auth_t *, const char *name);
/* Up to 32 bytes, twice as many digits; false: the kernel gave none. */
bool hf_digest_random(char *hex, unsigned int bytes);

#endif
