// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The dialog of a subscription as text, and back: what makes it survive a
 * restart. The stack's leg is made anew with the same Call-ID, tags and route
 * set; its CSeq begins at this process's epoch, above all that were sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "watcher.h"

/* From the leg: a refresh need not repeat the Record-Route. */
char *hf_route_text(su_home_t *home, const sip_route_t *r)
{
	char *text = su_strdup(home, "");

	for (; r && text; r = r->r_next) {
		char *one = url_as_string(home, r->r_url);

		text = one ? su_sprintf(home, "%s%s<%s>", text,
					*text ? ", " : "", one) :
			     NULL;
	}
	return text;
}

static char *address_text(su_home_t *home, const sip_addr_t *a, const char *tag)
{
	char *uri = url_as_string(home, a->a_url);

	return uri && tag ? su_sprintf(home, "<%s>;tag=%s", uri, tag) : NULL;
}

bool hf_watcher_text(su_home_t *home, const struct hf_watcher *w, const sip_t *s,
		     struct hf_watch_dialog *ret)
{
	const struct hf_listener *l = w->listener;
	const char *tag = nta_leg_get_tag(w->leg);
	const sip_contact_t *target = NULL;
	const sip_route_t *route = NULL;

	nta_leg_get_route(w->leg, &route, &target);

	ret->call_id = s->sip_call_id->i_id;
	ret->local = address_text(home, s->sip_to, tag);
	ret->remote = address_text(home, s->sip_from, s->sip_from->a_tag);
	ret->contact = target ? url_as_string(home, target->m_url) : NULL;
	ret->route = hf_route_text(home, route);
	ret->listener = su_sprintf(home, "%s:%s:%u", l->transport, l->host,
				   l->port);
	ret->remote_cseq = s->sip_cseq->cs_seq;
	if (!ret->local)
		ret->local = "";
	if (!ret->remote)
		ret->remote = "";
	if (!ret->contact)
		ret->contact = "";
	if (!ret->route)
		ret->route = "";
	if (!ret->listener)
		ret->listener = "";
	return *ret->local && *ret->remote && *ret->contact;
}

/* The listener of that name, else one of the same transport: the addresses may
 * have changed while we were down. */
const struct hf_listener *hf_listener_named(const struct hf_sip *sip,
					    const char *name)
{
	const struct hf_listener *like = NULL;
	char text[96];

	for (unsigned int i = 0; i < sip->listener_count; i++) {
		const struct hf_listener *l = &sip->listener[i];
		size_t n = strlen(l->transport);

		snprintf(text, sizeof(text), "%s:%s:%u", l->transport, l->host,
			 l->port);
		if (!strcmp(text, name))
			return l;
		if (!like && !strncmp(l->transport, name, n) && name[n] == ':')
			like = l;
	}
	return like;
}

struct hf_watcher *hf_watcher_adopt(void *stack, struct hf_watch *watch,
				    const struct hf_watch_dialog *d)
{
	struct hf_sip *sip = stack;
	const struct hf_listener *l = hf_listener_named(sip, d->listener);
	struct hf_watcher *w = l ? hf_watcher_create(sip, l) : NULL;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_record_route_t *route = NULL;
	sip_contact_t *contact;
	char cseq[32];
	bool ok;

	if (!w)
		return NULL;
	su_home_init(home);
	snprintf(cseq, sizeof(cseq), "%u NOTIFY", sip->epoch << 16);
	contact = sip_contact_create(home, URL_STRING_MAKE(d->contact), NULL);
	if (*d->route)
		route = sip_record_route_make(home, d->route);
	w->leg = nta_leg_tcreate(sip->agent, hf_watcher_request, w,
				 SIPTAG_CALL_ID_STR(d->call_id),
				 SIPTAG_FROM_STR(d->local),
				 SIPTAG_TO_STR(d->remote), SIPTAG_CSEQ_STR(cseq),
				 NTATAG_REMOTE_CSEQ(d->remote_cseq), TAG_END());
	/* Never by SIPTAG_ROUTE: the leg would be routed strictly. */
	ok = w->leg && contact && (!*d->route || route) &&
	     nta_leg_server_route(w->leg, route, contact) >= 0;
	su_home_deinit(home);
	if (!ok) {
		hf_watcher_free(w);
		return NULL;
	}
	w->watch = watch;
	return w;
}
