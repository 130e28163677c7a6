/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who somebody is and what he may do. */
#ifndef HOLDFAST_PARK_IDENTITY_H
#define HOLDFAST_PARK_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "../config/config.h"
#include "signal.h"

/* identity.c: a struct hf_identity of our own, in one piece of memory. */
struct hf_person {
	char *uri; /* NULL = nobody */
	char *user, *host, *display;
};
int hf_person_set(struct hf_person *, const struct hf_identity *);
void hf_person_clear(struct hf_person *);
struct hf_identity hf_person_view(const struct hf_person *);
bool hf_identity_known(const struct hf_identity *);
bool hf_identity_anonymous(const struct hf_identity *);
bool hf_identity_same(const struct hf_identity *, const struct hf_identity *);
/* Who sent the INVITE: asserted, else From. */
const struct hf_identity *hf_invite_sender(const struct hf_invite *);
/* Who passed the caller on: Referred-By, Diversion, History-Info; or NULL. */
const struct hf_identity *hf_invite_mark(const struct hf_invite *);
/* Where to ring this user: its address of record, a host that is an IP address
 * replaced by our peer's domain. */
int hf_identity_aor(const struct hf_config *, const struct hf_config_tenant *,
		    const struct hf_identity *,
		    char *out, size_t len);
/* Where media of who is called will be, as far as is known before the answer:
 * the proxy's address, else that of the URI (may be NULL); 0.0.0.0 = not known. */
struct hf_ip hf_towards(const struct hf_park *,
			  const struct hf_config_tenant *, const char *uri);
void hf_user_escape(const char *user, char *out, size_t len);
bool hf_identity_internal(const struct hf_config *,
			  const struct hf_config_tenant *,
			  const struct hf_identity *);
/* Is it one of the tenant's park numbers or slots? */
bool hf_identity_is_slot(struct hf_park *, const struct hf_config_tenant *,
			 const struct hf_identity *);
bool hf_may_park(const struct hf_config *, const struct hf_config_lot *,
		 const struct hf_identity *, bool passed_on, const char *source);
bool hf_may_retrieve(const struct hf_config *, const struct hf_config_lot *,
		     const struct hf_identity *, const char *source);

#endif
