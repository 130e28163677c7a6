// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A party: one dialog of the stack with its media leg and who is behind it. A
 * party that is dropped is gone at once; whatever still happens on its wire is
 * the stack's business (signal.h), so no late event can reach a call.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int hf_party_keep(struct hf_party *p, const struct hf_session *s)
{
	struct hf_session *kept = hf_session_keep((void *)p->session, s);

	if (!kept)
		return -ENOMEM;
	p->session = kept;
	return 0;
}

struct hf_party *hf_party_create(struct hf_park *park, struct hf_dialog *dialog,
				 enum hf_role role)
{
	static const struct hf_session none;
	struct hf_party *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (hf_party_keep(p, &none)) {
		free(p);
		return NULL;
	}
	p->park = park;
	p->dialog = dialog;
	p->role = role;
	p->leg = HF_LEG_NONE;
	return p;
}

int hf_party_fill(struct hf_party *p, const struct hf_invite *in)
{
	p->incoming = true;
	p->privacy = in->privacy;
	hf_ip_read(in->source ?: "", &p->source);
	p->sip_call_id = strdup(in->call_id ?: "");
	p->remote_tag = strdup(in->from_tag ?: "");
	if (!p->sip_call_id || !p->remote_tag)
		return -ENOMEM;
	return hf_person_set(&p->who, hf_invite_sender(in));
}

static char *replaces_key(const char *call_id, const char *our_tag)
{
	char *key;

	return asprintf(&key, "%s\n%s", call_id, our_tag) < 0 ? NULL : key;
}

/* Our tags are unique, so Call-ID and tag name one party. A party that cannot
 * be indexed only cannot be named by Replaces. */
void hf_party_index(struct hf_party *p)
{
	const char *tag = p->park->wire.signal->local_tag(p->dialog);

	if (p->key || !tag || !p->sip_call_id)
		return;
	p->key = replaces_key(p->sip_call_id, tag);
	if (!p->key)
		return;
	HASH_ADD_KEYPTR(hh, p->park->parties, p->key, strlen(p->key), p);
	if (!p->hh.tbl) {
		free(p->key);
		p->key = NULL;
	}
}

void hf_party_set_leg(struct hf_party *p, uint32_t leg)
{
	struct hf_park *park = p->park;

	if (p->leg != HF_LEG_NONE && p->hh_leg.tbl)
		HASH_DELETE(hh_leg, park->legs, p);
	p->hh_leg.tbl = NULL;
	p->leg = leg;
	if (leg != HF_LEG_NONE)
		HASH_ADD(hh_leg, park->legs, leg, sizeof(p->leg), p);
}

/* Without memory for its entry a party is not found: its keys do nothing. */
struct hf_party *hf_party_by_leg(const struct hf_park *park, uint32_t leg)
{
	struct hf_party *p;

	HASH_FIND(hh_leg, park->legs, &leg, sizeof(leg), p);
	return p;
}

const char *hf_party_role(const struct hf_party *p)
{
	if (p->call && p == p->call->caller)
		return p->call->state == HF_S_RESERVED ? "parker" : "parkee";
	switch (p->role) {
	case HF_ROLE_RECALL:
		return "recall";
	case HF_ROLE_TARGET:
		return "target";
	default:
		return "retriever";
	}
}

uint64_t hf_call_id_mark(const char *sip_call_id)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (const char *c = sip_call_id ?: ""; *c; c++)
		h = (h ^ (uint8_t)*c) * 0x100000001b3ULL;
	return h ?: 1;
}

/* RFC 3891 3: to-tag is ours, from-tag is the peer's. */
struct hf_party *hf_party_by_replaces(const struct hf_park *park,
				      const struct hf_replaces *r)
{
	struct hf_party *p;
	char *key;

	if (!r->call_id || !r->to_tag)
		return NULL;
	key = replaces_key(r->call_id, r->to_tag);
	if (!key)
		return NULL;
	HASH_FIND(hh, park->parties, key, strlen(key), p);
	free(key);
	if (!p || !p->call)
		return NULL;
	if (p->remote_tag && strcmp(p->remote_tag, r->from_tag ?: ""))
		return NULL;
	return p;
}

void hf_party_free(struct hf_party *p, bool close_leg)
{
	struct hf_park *park;

	if (!p)
		return;
	park = p->park;
	if (park->fresh == p)
		park->fresh = NULL;
	if (p->leg != HF_LEG_NONE && close_leg)
		hf_media_leg_close(park->wire.media, p->leg);
	hf_party_set_leg(p, HF_LEG_NONE);
	if (p->key)
		HASH_DEL(park->parties, p);
	if (p->dialog)
		park->wire.signal->release(p->dialog);
	hf_person_clear(&p->who);
	free(p->sip_call_id);
	free(p->remote_tag);
	free(p->key);
	free((void *)p->session);
	free(p);
}

#define HF_RETRY_S 30 /* draining */

void hf_party_drop(struct hf_party *p, int status, const struct hf_cause *cause)
{
	static const struct hf_cause none;
	const struct hf_signal_ops *ops;

	if (!p)
		return;
	ops = p->park->wire.signal;
	cause = cause ?: &none;
	if (!p->dialog || p->gone) {
		/* nothing left to end */
	} else if (p->answered) {
		ops->bye(p->dialog, cause);
	} else if (!p->incoming) {
		ops->cancel(p->dialog, cause);
	} else {
		struct hf_reply reply = {
			.status = status ?: 487,
			.reason = cause->text,
			.retry_after_s = status == 503 ? HF_RETRY_S : 0,
		};

		ops->reply(p->dialog, &reply);
	}
	hf_party_free(p, true);
}

const char *hf_party_state(const struct hf_party *p)
{
	if (p->up)
		return "up";
	if (p->answered)
		return "answered";
	return p->incoming ? "arriving" : "ringing";
}

const char *hf_party_source(const struct hf_party *p, char text[HF_IP_TEXT])
{
	return p && p->source.s_addr ? hf_ip_text(&p->source, text) : NULL;
}
