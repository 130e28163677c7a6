// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NOTIFY (RFC 6665 4.2.2): one request in the dialog of a watcher, and its end
 * told to the lamps. subscribe.c made the dialog, or restore.c took it up.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "watcher.h"

static int answered(struct hf_dialog *, nta_outgoing_t *, const sip_t *);

/* Asked who we are. */
static bool again(struct hf_watcher *w, nta_outgoing_t *orq,
		  const sip_t *answer)
{
	int status = nta_outgoing_status(orq);
	su_home_t home[1] = { SU_HOME_INIT(home) };
	nta_outgoing_t *next = NULL;
	struct hf_watcher_text t;
	url_t *via = NULL;

	if (status != 401 && status != 407)
		return false;
	su_home_init(home);
	hf_watcher_text(w, &t);
	if (*t.dialog.via)
		via = url_make(home, t.dialog.via);
	next = hf_digest_again(w->sip, w->leg, orq, answer, answered, w, via,
			       w->listener);
	su_home_deinit(home);
	if (!next)
		return false;
	hf_asked_end(w->sip, orq);
	w->notify = next;
	w->local_cseq = nta_leg_get_seq(w->leg);
	return true;
}

static int answered(struct hf_dialog *cookie, nta_outgoing_t *orq,
		    const sip_t *answer)
{
	struct hf_watcher *w = (struct hf_watcher *)cookie;
	int status = nta_outgoing_status(orq);
	uint32_t retry = 0;

	if (status < 200 || again(w, orq, answer))
		return 0;
	if (answer && answer->sip_retry_after)
		retry = (uint32_t)answer->sip_retry_after->af_delta;
	hf_asked_end(w->sip, orq);
	nta_leg_destroy(w->leg);
	w->notify = NULL;
	w->leg = NULL;
	if (!w->watch)
		hf_watcher_free(w);
	else
		w->sip->lamp_calls->sent(w->watch, status, retry);
	return 0;
}

static sip_subscription_state_t *state(su_home_t *home,
				       const struct hf_notify *n)
{
	char text[96];

	if (n->active)
		snprintf(text, sizeof(text), "active;expires=%u", n->expires_s);
	else
		snprintf(text, sizeof(text), "terminated%s%s",
			 n->reason ? ";reason=" : "", n->reason ? n->reason : "");
	return sip_subscription_state_make(home, text);
}

int hf_watcher_notify(struct hf_watcher *w, const struct hf_notify *n)
{
	su_home_t home[1] = { SU_HOME_INIT(home) };
	sip_subscription_state_t *ss;
	sip_contact_t *contact;
	sip_payload_t *body;
	struct hf_watcher_text t;
	sip_event_t *event;
	char text[128];

	if (w->notify)
		return -EBUSY;
	if (!w->leg && !hf_watcher_open_leg(w))
		return -ENOMEM;
	hf_watcher_text(w, &t);
	su_home_init(home);
	snprintf(text, sizeof(text), "%s%s%s", n->event,
		 n->event_id ? ";id=" : "", n->event_id ? n->event_id : "");
	event = sip_event_make(home, text);
	ss = state(home, n);
	contact = hf_watcher_contact(home, w);
	body = n->type ? sip_payload_create(home, n->body, (isize_t)n->len) :
			 NULL;
	if (event && ss && contact && (body || !n->type))
		w->notify = nta_outgoing_tcreate(
			w->leg, answered, (struct hf_dialog *)w,
			*t.dialog.via ? URL_STRING_MAKE(t.dialog.via) : NULL, SIP_METHOD_NOTIFY, NULL,
			SIPTAG_EVENT(event), SIPTAG_SUBSCRIPTION_STATE(ss),
			SIPTAG_CONTACT(contact),
			TAG_IF(n->eventlist, SIPTAG_REQUIRE_STR("eventlist")),
			TAG_IF(body, SIPTAG_CONTENT_TYPE_STR(n->type)),
			TAG_IF(body, SIPTAG_PAYLOAD(body)),
			SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
			TPTAG_IDENT(w->listener->ident), TAG_END());
	su_home_deinit(home);
	w->local_cseq = nta_leg_get_seq(w->leg);
	if (w->notify)
		return 0;
	nta_leg_destroy(w->leg);
	w->leg = NULL;
	return -EIO;
}

void hf_watcher_release(struct hf_watcher *w)
{
	w->watch = NULL;
	/* One under way still wants its answer: the dialog goes with it. */
	if (!w->notify)
		hf_watcher_free(w);
}

const struct hf_watch_ops *hf_sip_watch_ops(void)
{
	static const struct hf_watch_ops ops = {
		.notify = hf_watcher_notify,
		.release = hf_watcher_release,
		.adopt = hf_watcher_adopt,
	};

	return &ops;
}
