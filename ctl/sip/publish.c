// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lamps told to a presence server (RFC 3903): a publication for each slot that
 * is or was taken, changed when the slot changes, refreshed while it is taken.
 * Its tag is kept over a restart (published() of stack.h), so that the next
 * process changes what the server has instead of adding to it.
 * A server that does not know a publication any more (412: it was restarted, or
 * it expired) gets it anew; one that does not answer is asked again, ever more
 * rarely. To one slot there is one PUBLISH under way, so the last state is the
 * last that is sent; altogether there are never more than fifty.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "watcher.h"

#include "base/clock.h"
#include "base/log.h"

#define HF_PUBLISH_AT_ONCE 50
#define HF_PUBLISH_TICK_MS 250
#define HF_PUBLISH_RETRY_MS 2000
#define HF_PUBLISH_RETRY_MOST_MS 60000

struct hf_publication {
	struct hf_publisher *publisher;
	struct hf_publication *next_waiting;
	nta_outgoing_t *request;
	char *etag; /* NULL: the server has none of ours */
	uint64_t due_ms; /* refresh or retry, UINT64_MAX = neither */
	uint32_t slot, version, failures;
	bool waiting, taken;
	bool changed; /* since the last one was sent */
	bool removing;
};

struct hf_publisher {
	struct hf_sip *sip;
	url_t *server;
	su_timer_t *timer;
	struct hf_publication **of_slot;
	uint32_t slot_count, under_way, expires_s;
	struct hf_publication *first, **tail; /* waiting */
	bool quiet; /* it has been said that the server does not answer */
	bool stopping;
};

static void wait_in_line(struct hf_publication *p)
{
	struct hf_publisher *pr = p->publisher;

	if (p->waiting || p->request)
		return;
	p->waiting = true;
	p->next_waiting = NULL;
	*pr->tail = p;
	pr->tail = &p->next_waiting;
}

/* FNV-1a: slots may change their places in the configuration. */
static uint64_t id_of(const char *slot)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *slot; slot++)
		hash = (hash ^ (unsigned char)*slot) * 0x100000001b3ULL;
	return hash >> 1; /* a number for the database */
}

static bool is_dialog(const struct hf_publisher *pr)
{
	return pr->sip->config->lamps.publish.event == HF_PUBLISH_DIALOG;
}

/* What the slot is called among all tenants' slots: "acme/701". */
static const char *key_of(su_home_t *home, struct hf_publication *p)
{
	struct hf_sip *sip = p->publisher->sip;
	const struct hf_config_tenant *of =
		sip->lamp_calls->tenant(sip->lamps, p->slot);
	bool taken;
	const char *slot = sip->lamp_calls->slot(sip->lamps, p->slot, &taken);

	return slot && of ? su_sprintf(home, "%s/%s", of->name, slot) : slot;
}

/* `etag` is ours from now on; NULL = the server has nothing of this slot. */
static void set_etag(struct hf_publication *p, char *etag, uint64_t for_s)
{
	struct hf_sip *sip = p->publisher->sip;
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const char *slot;

	su_home_init(home);
	free(p->etag);
	p->etag = etag;
	slot = key_of(home, p);
	/* One that said "free" is taken back at once, or expires. */
	if (!p->taken && is_dialog(p->publisher))
		etag = NULL;
	if (sip->published && slot)
		sip->published(sip->published_arg, id_of(slot), slot, etag,
			       hf_wall_ms() + for_s * 1000);
	su_home_deinit(home);
}

static int answered(struct hf_dialog *, nta_outgoing_t *, const sip_t *);

/* Without a body it is a refresh (RFC 3903 4.1); `expires` 0 removes it. */
static bool put(struct hf_publication *p, uint32_t expires, bool with_body)
{
	struct hf_publisher *pr = p->publisher;
	struct hf_sip *sip = pr->sip;
	const char *event = is_dialog(pr) ? "dialog" : "presence";
	su_home_t home[1] = { SU_HOME_INIT(home) };
	const char *name, *host, *type = NULL, *body = NULL;
	const struct hf_config_tenant *of;
	sip_payload_t *payload = NULL;
	char *entity, text[16];
	sip_from_t *from;
	sip_to_t *to;
	size_t len = 0;

	su_home_init(home);
	name = sip->lamp_calls->slot(sip->lamps, p->slot, &p->taken);
	of = sip->lamp_calls->tenant(sip->lamps, p->slot);
	host = of ? of->domain : pr->server->url_host;
	entity = name ? su_sprintf(home, "sip:%s@%s", name, host) : NULL;
	if (entity && with_body) {
		body = sip->lamp_calls->document(sip->lamps, p->slot, event,
						 entity, p->version++, &type,
						 &len);
		payload = body ? sip_payload_create(home, body, (isize_t)len) :
				 NULL;
	}
	from = entity ? sip_from_create(home, URL_STRING_MAKE(entity)) : NULL;
	to = entity ? sip_to_create(home, URL_STRING_MAKE(entity)) : NULL;
	snprintf(text, sizeof(text), "%u", expires);
	if (from && to && !sip_from_tag(home, from, nta_agent_newtag(
				home, "%s", sip->agent)) &&
	    (payload || !with_body))
		p->request = nta_outgoing_tcreate(
			sip->default_leg, answered, (struct hf_dialog *)p,
			(url_string_t *)pr->server, SIP_METHOD_PUBLISH,
			URL_STRING_MAKE(entity), SIPTAG_FROM(from),
			SIPTAG_TO(to), SIPTAG_EVENT_STR(event),
			SIPTAG_EXPIRES_STR(text),
			TAG_IF(p->etag, SIPTAG_IF_MATCH_STR(p->etag)),
			TAG_IF(payload, SIPTAG_CONTENT_TYPE_STR(type)),
			TAG_IF(payload, SIPTAG_PAYLOAD(payload)),
			SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
			TPTAG_IDENT(hf_listener_towards(sip, pr->server)->ident),
			TAG_END());
	su_home_deinit(home);
	if (p->request)
		pr->under_way++;
	return p->request;
}

static void retry_later(struct hf_publication *p)
{
	uint64_t wait = HF_PUBLISH_RETRY_MS;

	for (uint32_t i = 0; i < p->failures && wait < HF_PUBLISH_RETRY_MOST_MS;
	     i++)
		wait *= 2;
	p->failures++;
	p->changed = true;
	p->due_ms = hf_now_ms() + wait;
}

/* As many as may be under way. */
static void go_on(struct hf_publisher *pr)
{
	while (pr->first && pr->under_way < HF_PUBLISH_AT_ONCE) {
		struct hf_publication *p = pr->first;
		bool with_body = p->changed || !p->etag;

		pr->first = p->next_waiting;
		if (!pr->first)
			pr->tail = &pr->first;
		p->waiting = p->changed = false;
		p->due_ms = UINT64_MAX;
		if (!put(p, pr->expires_s, with_body))
			retry_later(p);
	}
}

/* The server is to forget what it has of this slot. Asked once. */
static void take_back(struct hf_publication *p)
{
	if (!p->etag || p->request)
		return;
	p->due_ms = UINT64_MAX;
	p->removing = put(p, 0, false);
	if (!p->removing)
		set_etag(p, NULL, 0);
}

static void taken_back(struct hf_publication *p)
{
	p->removing = false;
	set_etag(p, NULL, 0); /* if it was not heard, it expires there */
	if (p->changed)
		wait_in_line(p);
}

static void accepted(struct hf_publication *p, const sip_t *s)
{
	uint64_t granted = s->sip_expires ? s->sip_expires->ex_delta :
					    p->publisher->expires_s;

	if (p->publisher->quiet)
		hf_info("publish: the presence server answers");
	p->publisher->quiet = false;
	p->failures = 0;
	set_etag(p,
		 s->sip_etag && s->sip_etag->g_string ?
			 strdup(s->sip_etag->g_string) :
			 NULL,
		 granted);
	/* A free slot is said once, and then left to expire there. */
	p->due_ms = hf_now_ms() + granted * (p->taken ? 750 : 1000);
	/* A dialog that has ended must not live again under that tag: Kamailio
	 * takes no further state of it. The next call is another publication. */
	if (!p->taken && (is_dialog(p->publisher) || p->publisher->stopping))
		take_back(p);
}

static void refused(struct hf_publication *p, int status, const sip_t *s)
{
	struct hf_publisher *pr = p->publisher;

	if (status == 412 && p->etag) {
		set_etag(p, NULL, 0);
		p->changed = true;
		return;
	}
	if (status == 423 && s && s->sip_min_expires &&
	    s->sip_min_expires->me_delta > pr->expires_s) {
		pr->expires_s = (uint32_t)s->sip_min_expires->me_delta;
		p->changed = true;
		return;
	}
	if (!pr->quiet)
		hf_warn("publish: the presence server answers %d; tried again",
			status);
	pr->quiet = true;
	retry_later(p);
}

/* The server wants to know who we are (sip.digest.accounts). */
static bool asked_again(struct hf_publication *p, nta_outgoing_t *orq,
			const sip_t *s)
{
	struct hf_publisher *pr = p->publisher;
	nta_outgoing_t *next = hf_digest_again(
		pr->sip, pr->sip->default_leg, orq, s, answered, p, pr->server,
		hf_listener_towards(pr->sip, pr->server));

	if (!next)
		return false;
	hf_asked_end(pr->sip, orq);
	p->request = next;
	return true;
}

static int answered(struct hf_dialog *cookie, nta_outgoing_t *orq,
		    const sip_t *s)
{
	struct hf_publication *p = (struct hf_publication *)cookie;
	int status = nta_outgoing_status(orq);
	bool again, was_removal = p->removing;

	if (status < 200 || asked_again(p, orq, s))
		return 0;
	hf_asked_end(p->publisher->sip, orq);
	p->request = NULL;
	p->publisher->under_way--;
	again = p->changed;
	if (p->removing)
		taken_back(p);
	else if (status < 300 && s)
		accepted(p, s);
	else
		refused(p, status, s);
	if (p->request || was_removal)
		; /* that first, or it waits already */
	else if (again || (p->changed && p->due_ms == UINT64_MAX))
		wait_in_line(p);
	go_on(p->publisher);
	return 0;
}

static struct hf_publication *publication(struct hf_publisher *pr,
					  uint32_t slot)
{
	struct hf_publication *p = pr->of_slot[slot];

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->publisher = pr;
	p->slot = slot;
	p->due_ms = UINT64_MAX;
	p->version = pr->sip->epoch << 16;
	return pr->of_slot[slot] = p;
}

static void slot_changed(void *arg, uint32_t slot)
{
	struct hf_publisher *pr = arg;
	struct hf_publication *p;

	if (slot >= pr->slot_count)
		return;
	p = publication(pr, slot);
	if (!p)
		return;
	p->changed = true;
	wait_in_line(p);
	go_on(pr);
}

static void tick(su_root_magic_t *magic, su_timer_t *timer,
		 struct hf_dialog *cookie)
{
	struct hf_publisher *pr = (struct hf_publisher *)cookie;
	uint64_t now = hf_now_ms();

	for (uint32_t i = 0; i < pr->slot_count; i++) {
		struct hf_publication *p = pr->of_slot[i];

		if (!p || p->due_ms > now || p->request)
			continue;
		p->due_ms = UINT64_MAX;
		if (p->taken || p->changed) {
			wait_in_line(p);
		} else { /* has expired there */
			set_etag(p, NULL, 0);
		}
	}
	go_on(pr);
}

static void free_all(struct hf_publisher *pr)
{
	for (uint32_t i = 0; pr->of_slot && i < pr->slot_count; i++) {
		struct hf_publication *p = pr->of_slot[i];

		if (!p)
			continue;
		hf_asked_end(pr->sip, p->request);
		free(p->etag);
		free(p);
	}
	free(pr->of_slot);
	su_timer_destroy(pr->timer);
	free(pr);
}

void hf_publish_start(struct hf_sip *sip)
{
	const char *to = sip->config->lamps.publish.to;
	struct hf_publisher *pr = to ? calloc(1, sizeof(*pr)) : NULL;

	if (!pr)
		return;
	pr->sip = sip;
	pr->tail = &pr->first;
	pr->expires_s = sip->config->lamps.publish.expires_s;
	pr->slot_count = sip->lamp_calls->slot_count(sip->lamps);
	pr->of_slot = calloc(pr->slot_count ? pr->slot_count : 1,
			     sizeof(struct hf_publication *));
	pr->server = url_hdup(sip->home, URL_STRING_MAKE(to)->us_url);
	pr->timer = su_timer_create(su_root_task(sip->root),
				    HF_PUBLISH_TICK_MS);
	if (!pr->of_slot || !pr->server || !pr->timer ||
	    su_timer_run(pr->timer, tick, (struct hf_dialog *)pr) ||
	    sip->lamp_calls->follow(sip->lamps, slot_changed, pr)) {
		hf_error("publish: out of memory; nothing is published");
		free_all(pr);
		return;
	}
	sip->publisher = pr;
}

bool hf_sip_published(struct hf_sip *sip, uint32_t slot, const char *etag,
		      uint64_t expires_wall_ms)
{
	struct hf_publisher *pr = sip->publisher;
	struct hf_publication *p;

	if (!pr || expires_wall_ms <= hf_wall_ms() || slot >= pr->slot_count)
		return false;
	p = publication(pr, slot);
	if (!p || p->etag)
		return false;
	/* What is there may have changed: told anew with the next tick. */
	p->etag = strdup(etag);
	p->changed = true;
	wait_in_line(p);
	return true;
}

void hf_sip_unpublish(struct hf_sip *sip)
{
	struct hf_publisher *pr = sip->publisher;

	if (!pr || pr->stopping)
		return;
	pr->stopping = true;
	for (uint32_t i = 0; i < pr->slot_count; i++)
		if (pr->of_slot[i] && !pr->of_slot[i]->taken)
			take_back(pr->of_slot[i]);
}

bool hf_publish_idle(const struct hf_sip *sip)
{
	const struct hf_publisher *pr = sip->publisher;

	return !pr || !pr->stopping || (!pr->under_way && !pr->first);
}

void hf_publish_stop(struct hf_sip *sip)
{
	struct hf_publisher *pr = sip->publisher;

	if (!pr)
		return;
	sip->publisher = NULL;
	sip->lamp_calls->unfollow(sip->lamps, pr);
	free_all(pr);
}
