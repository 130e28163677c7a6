// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where we are, told to registrars (RFC 3261 10): for peers that send calls only
 * to who is registered with them. One registration for each entry of
 * sip.register, with a leg of its own, so that its Call-ID stays and its CSeq
 * rises; renewed well before it ends, tried again ever more rarely where it
 * fails, taken back when it leaves the configuration or we are asked to stop.
 *
 * A process that was killed takes nothing back: the next one registers the same
 * Contact, which takes the place of the old entry (10.3 step 7). So nothing of
 * it is in the journal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sofia-sip/su_string.h>

#include "digest.h"

#include "base/clock.h"
#include "base/log.h"

/* Of T1: 5 s, doubled up to 120 s. What a password refuses waits for that long
 * at once, for registrars lock out who keeps trying. */
#define HF_RETRY_T1	 10
#define HF_RETRY_MOST_T1 240
#define HF_RETRY_AFTER_MOST_S 3600
/* 401 says "stale" for a nonce that has grown old, but not for ever. */
#define HF_CHALLENGES_MOST 3

enum state { REGISTERING, REGISTERED, FAILED, LEAVING };

struct hf_registration {
	struct hf_sip *sip;
	struct hf_registration *next;
	su_home_t *home; /* of the text and the URLs */
	char *aor, *registrar, *user; /* what it is told by */
	char *given; /* registrar, as the file has it; or NULL */
	struct hf_config_account account; /* name NULL: as the file has it */
	url_t *domain;	/* whom we ask: the Request-URI */
	url_t *towards; /* where it is sent */
	sip_contact_t *contact;
	nta_leg_t *leg;
	nta_outgoing_t *request;
	su_timer_t *timer;
	enum state state;
	bool told, told_on;  /* the world was told, and this */
	bool bound;	     /* the registrar may have something of ours */
	bool wanted;	     /* it is in the configuration */
	bool removing;	     /* `request` takes it back */
	uint32_t configured_s, asked_s;
	uint32_t failures, challenges;
	uint64_t until_ms; /* the end of what was granted */
	uint64_t due_ms;   /* renewal or retry; UINT64_MAX = none */
	char why[160];
};

static void tell(struct hf_registration *r, bool on, const char *why)
{
	struct hf_sip *sip = r->sip;

	if (r->told && r->told_on == on)
		return;
	r->told = true;
	r->told_on = on;
	if (on)
		hf_info("registered %s: %s", r->aor, why);
	else
		hf_warn("not registered: %s: %s", r->aor, why);
	if (sip->registered)
		sip->registered(sip->registered_arg, r->aor, on, why);
}

static void destroy(struct hf_registration *r)
{
	if (!r)
		return;
	hf_asked_end(r->sip, r->request);
	nta_leg_destroy(r->leg);
	su_timer_destroy(r->timer);
	su_home_unref(r->home);
	free(r);
}

static void forget(struct hf_registration *r)
{
	struct hf_registration **at = &r->sip->registrations;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	destroy(r);
}

static void due(su_root_magic_t *, su_timer_t *, struct hf_dialog *);

static void wait_for(struct hf_registration *r, uint64_t ms)
{
	r->due_ms = hf_now_ms() + ms;
	su_timer_set_interval(r->timer, due, (struct hf_dialog *)r,
			      (su_duration_t)(ms ? ms : 1));
}

/* Three quarters of it and up: whoever restarts does not call in step. */
static uint64_t spread(uint64_t ms)
{
	uint32_t some = 0;
	char hex[9];

	if (hf_digest_random(hex, 4))
		some = (uint32_t)strtoul(hex, NULL, 16);
	return ms - ms / 4 * (some % 1000) / 1000;
}

static int answered(struct hf_dialog *, nta_outgoing_t *, const sip_t *);

/* `expires` 0 takes it back. False: it cannot be sent. */
static bool put(struct hf_registration *r, uint32_t expires)
{
	struct hf_sip *sip = r->sip;
	const struct hf_listener *l = hf_listener_towards(sip, r->towards);
	su_home_t home[1] = {SU_HOME_INIT(home)};
	const url_t *route;
	char text[16], *uri;

	su_home_init(home);
	snprintf(text, sizeof(text), "%u", expires);
	route = hf_hosts_resolve(home, r->towards);
	uri = hf_listener_uri(home, sip, l,
			      hf_listener_inside(sip, l, route->url_host),
			      false, r->user);
	if (uri) {
		su_free(r->home, r->contact);
		r->contact = sip_contact_create(r->home, URL_STRING_MAKE(uri),
						NULL);
	}
	r->asked_s = expires;
	r->challenges = 0;
	r->removing = !expires;
	if (uri && r->contact)
		r->request = nta_outgoing_tcreate(
			r->leg, answered, (struct hf_dialog *)r,
			(const url_string_t *)route, SIP_METHOD_REGISTER,
			(const url_string_t *)r->domain,
			SIPTAG_CONTACT(r->contact), SIPTAG_EXPIRES_STR(text),
			SIPTAG_ALLOW_STR(HF_SIP_ALLOW),
			SIPTAG_USER_AGENT_STR(HF_SIP_AGENT),
			TPTAG_IDENT(l->ident), TAG_END());
	su_home_deinit(home);
	r->due_ms = UINT64_MAX;
	if (expires)
		r->bound = true;
	return r->request;
}

static uint64_t retry_ms(const struct hf_registration *r, int status,
			 const sip_t *s)
{
	uint64_t t1 = r->sip->t1_ms, ms = HF_RETRY_T1 * t1;
	const uint64_t most = HF_RETRY_MOST_T1 * t1;

	for (uint32_t i = 1; i < r->failures && ms < most; i++)
		ms *= 2;
	if (ms > most || (status >= 400 && status < 500 && status != 408 &&
			  status != 423 && status != 480))
		ms = most;
	ms = spread(ms);
	if (s && s->sip_retry_after) {
		uint64_t after = s->sip_retry_after->af_delta;

		if (after > HF_RETRY_AFTER_MOST_S)
			after = HF_RETRY_AFTER_MOST_S;
		if (after * 1000 > ms)
			ms = after * 1000;
	}
	return ms;
}

static void failed(struct hf_registration *r, int status, const sip_t *s,
		   const char *why)
{
	uint64_t now = hf_now_ms(), ms;

	r->failures++;
	snprintf(r->why, sizeof(r->why), "%s", why);
	ms = retry_ms(r, status, s);
	/* Who does not answer may still send us calls until the end. */
	if (r->state == REGISTERED && now < r->until_ms &&
	    (!s || status == 408 || status >= 500)) {
		if (now + ms > r->until_ms)
			ms = r->until_ms - now;
	} else {
		r->state = FAILED;
		tell(r, false, r->why);
	}
	wait_for(r, ms);
}

/* For how long, by the answer's list of all that is registered (10.2.4). */
static uint32_t granted(const struct hf_registration *r, const sip_t *s)
{
	uint32_t all = s->sip_expires ? (uint32_t)s->sip_expires->ex_delta :
					r->asked_s;

	for (const sip_contact_t *m = s->sip_contact; m; m = m->m_next)
		if (!url_cmp(m->m_url, r->contact->m_url))
			return m->m_expires ?
				       (uint32_t)strtoul(m->m_expires, NULL, 10) :
				       all;
	return all;
}

static void accepted(struct hf_registration *r, const sip_t *s)
{
	uint32_t for_s = granted(r, s);
	char why[80];

	if (!for_s) {
		failed(r, 200, s, "the registrar has taken it for nothing");
		return;
	}
	r->state = REGISTERED;
	r->failures = 0;
	r->why[0] = '\0';
	r->until_ms = hf_now_ms() + for_s * 1000ULL;
	snprintf(why, sizeof(why), "for %u s at a time", for_s);
	tell(r, true, why);
	/* A try that nobody answers takes 64*T1: another one fits in. */
	wait_for(r, spread(for_s * (for_s > 120 ? 750ULL : 500ULL)));
}

/* RFC 3261 10.2.8: that is too short for it. */
static bool asks_for_longer(struct hf_registration *r, const sip_t *s)
{
	uint32_t least = s && s->sip_min_expires ?
				 (uint32_t)s->sip_min_expires->me_delta : 0;

	return !r->removing && least > r->asked_s && least <= 86400 &&
	       put(r, least);
}

static bool asked_again(struct hf_registration *r, nta_outgoing_t *orq,
			const sip_t *s)
{
	struct hf_sip *sip = r->sip;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	nta_outgoing_t *next = NULL;

	if (++r->challenges > HF_CHALLENGES_MOST)
		return false;
	su_home_init(home);
	next = hf_digest_again_as(sip, r->leg, orq, s, answered, r,
				  hf_hosts_resolve(home, r->towards),
				  hf_listener_towards(sip, r->towards),
				  r->account.name ? &r->account : NULL);
	su_home_deinit(home);
	if (!next)
		return false;
	hf_asked_end(sip, orq);
	r->request = next;
	return true;
}

static void leave(struct hf_registration *r)
{
	r->state = LEAVING;
	if (r->request && !r->removing)
		return; /* first what is under way, or it might come later */
	if (!r->bound || r->removing || !put(r, 0))
		r->bound = false;
}

static void refused(struct hf_registration *r, int status, const sip_t *s)
{
	char why[120];

	if (status == 401 || status == 407)
		snprintf(why, sizeof(why),
			 "%d: the registrar does not take our name and password",
			 status);
	else if (!s || status == 408) /* the stack says so itself */
		snprintf(why, sizeof(why), "the registrar does not answer");
	else
		snprintf(why, sizeof(why), "%d %.80s", status,
			 s->sip_status->st_phrase ?: "");
	failed(r, status, s, why);
}

static int answered(struct hf_dialog *cookie, nta_outgoing_t *orq,
		    const sip_t *s)
{
	struct hf_registration *r = (struct hf_registration *)cookie;
	int status = nta_outgoing_status(orq);
	bool removed = r->removing;

	if (status < 200 ||
	    ((status == 401 || status == 407) && asked_again(r, orq, s)))
		return 0;
	hf_asked_end(r->sip, orq);
	r->request = NULL;
	r->removing = false;
	if (removed)
		r->bound = false; /* if it was not heard, it expires there */
	if (r->state == LEAVING) {
		if (!removed)
			leave(r);
		if (!r->request && !r->wanted)
			forget(r);
		return 0;
	}
	if (status == 423 && asks_for_longer(r, s))
		return 0;
	if (status < 300 && s)
		accepted(r, s);
	else
		refused(r, status, s);
	return 0;
}

static void try_now(struct hf_registration *r)
{
	su_timer_reset(r->timer);
	if (!r->request && !put(r, r->configured_s))
		failed(r, 0, NULL, "it cannot be sent");
}

static void due(su_root_magic_t *magic, su_timer_t *timer,
		struct hf_dialog *cookie)
{
	struct hf_registration *r = (struct hf_registration *)cookie;

	if (r->state == LEAVING)
		return;
	if (r->state == REGISTERED && hf_now_ms() >= r->until_ms) {
		r->state = FAILED;
		tell(r, false, r->why[0] ? r->why : "it has ended");
	}
	try_now(r);
}

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ?: "", b ?: "");
}

/* Name, password and time may change while it is up. */
static bool update(struct hf_registration *r,
		   const struct hf_config_registration *c)
{
	bool changed = r->configured_s != c->expires_s ||
		       !same_text(r->account.name, c->name) ||
		       !same_text(r->account.password, c->password);

	r->configured_s = c->expires_s;
	su_free(r->home, r->account.name);
	su_free(r->home, r->account.password);
	r->account.name = su_strdup(r->home, c->name);
	r->account.password = su_strdup(r->home, c->password);
	return changed;
}

static char *user_of(su_home_t *home, const struct hf_config_registration *c)
{
	const char *at = strchr(c->aor, '@');
	char *user;

	if (!c->contact)
		return su_strndup(home, c->aor + 4, at - (c->aor + 4));
	user = su_alloc(home, 3 * strlen(c->contact) + 1);
	return user ? url_escape(user, c->contact, "@:;?/&=+$,<>\"") : NULL;
}

static bool make_leg(struct hf_registration *r)
{
	struct hf_sip *sip = r->sip;
	sip_from_t *from = sip_from_create(r->home, URL_STRING_MAKE(r->aor));
	sip_to_t *to = sip_to_create(r->home, URL_STRING_MAKE(r->aor));

	if (!from || !to ||
	    sip_from_tag(r->home, from,
			 nta_agent_newtag(r->home, "%s", sip->agent)))
		return false;
	r->leg = nta_leg_tcreate(sip->agent, NULL, NULL, SIPTAG_FROM(from),
				 SIPTAG_TO(to), TAG_END());
	return r->leg;
}

static struct hf_registration *create(struct hf_sip *sip,
				      const struct hf_config_registration *c)
{
	struct hf_registration *r = calloc(1, sizeof(*r));
	url_t *aor;

	if (!r)
		return NULL;
	r->sip = sip;
	r->due_ms = UINT64_MAX;
	r->home = su_home_new(sizeof(su_home_t));
	aor = r->home ? url_make(r->home, c->aor) : NULL;
	if (aor) {
		r->aor = su_strdup(r->home, c->aor);
		r->given = su_strdup(r->home, c->registrar);
		r->registrar = c->registrar ?
				       su_strdup(r->home, c->registrar) :
				       su_sprintf(r->home, "sip:%s%s%s",
						  aor->url_host,
						  aor->url_port ? ":" : "",
						  aor->url_port ?: "");
		r->user = user_of(r->home, c);
		/* 10.2: the domain of the registrar, and no user */
		r->domain = url_format(r->home, "sip:%s", aor->url_host);
	}
	if (r->registrar)
		r->towards = url_make(r->home, r->registrar);
	r->timer = su_timer_create(su_root_task(sip->root), 1000);
	update(r, c);
	if (!r->timer || !r->user || !r->domain || !r->towards ||
	    !make_leg(r)) {
		destroy(r);
		return NULL;
	}
	r->next = sip->registrations;
	sip->registrations = r;
	return r;
}

static struct hf_registration *find(struct hf_sip *sip,
				    const struct hf_config_registration *c)
{
	struct hf_registration *r = sip->registrations;
	su_home_t home[1] = {SU_HOME_INIT(home)};
	char *user;

	su_home_init(home);
	user = user_of(home, c);
	while (r && (r->state == LEAVING || !same_text(r->aor, c->aor) ||
		     !same_text(r->given, c->registrar) ||
		     !same_text(r->user, user)))
		r = r->next;
	su_home_deinit(home);
	return r;
}

void hf_register_sync(struct hf_sip *sip)
{
	const struct hf_config *config = sip->config;
	struct hf_registration *r, *next;

	for (r = sip->registrations; r; r = r->next)
		r->wanted = false;
	for (unsigned int i = 0; i < config->sip.registration_count; i++) {
		const struct hf_config_registration *c =
			&config->sip.registrations[i];
		bool anew;

		r = find(sip, c);
		anew = !r;
		if (!r)
			r = create(sip, c);
		if (!r) {
			hf_error("no memory to register %s", c->aor);
			continue;
		}
		r->wanted = true;
		if (update(r, c) || anew)
			try_now(r);
	}
	for (r = sip->registrations; r; r = next) {
		next = r->next;
		if (r->wanted || r->state == LEAVING)
			continue;
		su_timer_reset(r->timer);
		leave(r);
		if (!r->request)
			forget(r);
	}
}

void hf_sip_unregister(struct hf_sip *sip)
{
	for (struct hf_registration *r = sip->registrations; r; r = r->next) {
		su_timer_reset(r->timer);
		r->wanted = true; /* it stays in the list; we end soon */
		if (r->state != LEAVING)
			leave(r);
	}
}

bool hf_register_idle(const struct hf_sip *sip)
{
	for (const struct hf_registration *r = sip->registrations; r;
	     r = r->next)
		if (r->state == LEAVING && r->request)
			return false;
	return true;
}

void hf_register_free(struct hf_sip *sip)
{
	while (sip->registrations)
		forget(sip->registrations);
}

void hf_sip_each_registration(const struct hf_sip *sip,
			      void (*fn)(void *arg,
					 const struct hf_registration_view *),
			      void *arg)
{
	static const char *const names[] = {[REGISTERING] = "registering",
					    [REGISTERED] = "registered",
					    [FAILED] = "failed",
					    [LEAVING] = "leaving"};
	uint64_t now = hf_now_ms();

	for (const struct hf_registration *r = sip ? sip->registrations : NULL;
	     r; r = r->next) {
		const struct hf_registration_view v = {
			.aor = r->aor,
			.registrar = r->registrar,
			.contact = r->user,
			.state = names[r->state],
			.why = r->why,
			.expires_s = r->state == REGISTERED &&
						     r->until_ms > now ?
					     (uint32_t)((r->until_ms - now) /
							1000) :
					     0,
			.retry_s = r->failures && r->due_ms != UINT64_MAX &&
						   r->due_ms > now ?
					   (uint32_t)((r->due_ms - now + 999) /
						      1000) :
					   0,
			.failures = r->failures,
		};

		fn(arg, &v);
	}
}
