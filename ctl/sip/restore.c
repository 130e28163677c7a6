// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The dialog of a subscription as text: kept in one block, made into a leg of
 * the stack for each NOTIFY, and taken up after a restart. The leg has the same
 * Call-ID, tags and route set each time, and its CSeq goes on; after a restart
 * it begins above all that can have been sent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "watcher.h"

#define HF_TEXTS 7

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

void hf_watcher_text(const struct hf_watcher *w, struct hf_watcher_text *ret)
{
	const char *part[HF_TEXTS], *c = w->text;

	for (int i = 0; i < HF_TEXTS; i++) {
		part[i] = c;
		c += strlen(c) + 1;
	}
	*ret = (struct hf_watcher_text){
		.tag = part[0],
		.dialog = { .call_id = part[1],
			    .local = part[2],
			    .remote = part[3],
			    .contact = part[4],
			    .route = part[5],
			    .via = part[6],
			    .local_cseq = w->local_cseq,
			    .remote_cseq = w->remote_cseq },
	};
}

int hf_watcher_set_text(struct hf_watcher *w, const struct hf_watcher_text *t)
{
	const char *part[HF_TEXTS] = { t->tag,		 t->dialog.call_id,
				       t->dialog.local,	 t->dialog.remote,
				       t->dialog.contact, t->dialog.route,
				       t->dialog.via };
	size_t len = 0;
	char *text, *c;

	for (int i = 0; i < HF_TEXTS; i++) {
		if (!part[i])
			return -ENOMEM;
		len += strlen(part[i]) + 1;
	}
	if (len > UINT16_MAX)
		return -EMSGSIZE;
	text = c = hf_slab_alloc(w->sip->slab, len);
	if (!text)
		return -ENOMEM;
	for (int i = 0; i < HF_TEXTS; i++)
		c = stpcpy(c, part[i]) + 1;
	/* `t` may point into the old block: it goes last. */
	if (w->text) {
		HASH_DEL(w->sip->watchers, w);
		hf_slab_free(w->sip->slab, w->text, w->text_len);
	}
	w->text = text;
	w->text_len = (uint16_t)len;
	HASH_ADD_KEYPTR(hh, w->sip->watchers, w->text, strlen(w->text), w);
	return 0;
}

void hf_watcher_listener(const struct hf_watcher *w, char *text, size_t len)
{
	snprintf(text, len, "%s:%s:%u", w->listener->transport,
		 w->listener->host, w->listener->port);
}

bool hf_watcher_open_leg(struct hf_watcher *w)
{
	struct hf_sip *sip = w->sip;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_record_route_t *route = NULL;
	struct hf_watcher_text t;
	sip_contact_t *contact;
	char cseq[32];
	bool ok;

	hf_watcher_text(w, &t);
	su_home_init(home);
	snprintf(cseq, sizeof(cseq), "%u NOTIFY", w->local_cseq);
	contact = sip_contact_create(home, URL_STRING_MAKE(t.dialog.contact),
				     NULL);
	if (*t.dialog.route)
		route = sip_record_route_make(home, t.dialog.route);
	w->leg = nta_leg_tcreate(sip->agent, hf_watcher_request, w,
				 SIPTAG_CALL_ID_STR(t.dialog.call_id),
				 SIPTAG_FROM_STR(t.dialog.local),
				 SIPTAG_TO_STR(t.dialog.remote),
				 SIPTAG_CSEQ_STR(cseq),
				 NTATAG_REMOTE_CSEQ(w->remote_cseq), TAG_END());
	/* Never by SIPTAG_ROUTE: the leg would be routed strictly. */
	ok = w->leg && contact && (!*t.dialog.route || route) &&
	     nta_leg_server_route(w->leg, route, contact) >= 0;
	su_home_deinit(home);
	if (!ok) {
		nta_leg_destroy(w->leg);
		w->leg = NULL;
	}
	return ok;
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
	struct hf_watcher *w = l && d->local_cseq <= HF_WATCH_MOST ?
				       hf_watcher_create(sip, l) :
				       NULL;
	const char *tag = strstr(d->local, ">;tag=");
	const struct hf_watcher_text t = { .tag = tag ? tag + 6 : NULL,
					   .dialog = *d };

	if (!w)
		return NULL;
	w->remote_cseq = d->remote_cseq;
	if (d->local_cseq + HF_WATCH_AHEAD > w->local_cseq)
		w->local_cseq = d->local_cseq + HF_WATCH_AHEAD;
	if (!tag || hf_watcher_set_text(w, &t)) {
		hf_watcher_free(w);
		return NULL;
	}
	w->watch = watch;
	return w;
}
