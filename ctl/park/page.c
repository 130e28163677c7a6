// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Paging, see page.h. A page is one announcement in one zone. Phones are talks
 * (talk.c); a multicast group is a leg of ours whose remote is the group, so
 * that the kernel sends it like hold audio and we touch no packet.
 *
 * A page begins when no page before it shares the zone or a phone. A call that
 * has been picked up meanwhile is no longer called out.
 */
#include "page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Between two announcements, and until the last frame is heard. */
#define HF_PAUSE_MS 500
/* The stream stays one stream for the next announcement that soon: receivers
 * lock on to a source for some seconds. */
#define HF_GROUP_KEEP_MS 10000
#define HF_PAGES_MAX	 200

struct hf_zone {
	struct hf_park *park;
	const struct hf_config_zone *config;
	uint32_t leg; /* of the group, HF_LEG_NONE */
	bool speaks;
	struct hf_page *page; /* that it speaks */
	struct hf_timer timer;
};

struct hf_page {
	struct hf_page *next;
	struct hf_park *park;
	struct hf_zone *zone;
	uint64_t call;
	const char *lot, *slot; /* as it begins */
	bool begun;
	unsigned int open, reached, asked; /* phones, and the group for one */
};

static void next_pages(struct hf_park *park);

static bool waits(const struct hf_call *call)
{
	return call && call->slot &&
	       (call->state == HF_S_PARKED || call->state == HF_S_RECALLING);
}

/* Is there a phone in both zones? */
static bool zones_meet(const struct hf_config_zone *a,
		       const struct hf_config_zone *b)
{
	if (a == b)
		return true;
	for (unsigned int i = 0; i < a->target_count; i++)
		for (unsigned int k = 0; k < b->target_count; k++)
			if (!strcmp(a->targets[i].uri, b->targets[k].uri))
				return true;
	return a->group.s_addr && a->group.s_addr == b->group.s_addr &&
	       a->port == b->port;
}

static void remove_page(struct hf_page *page)
{
	struct hf_page **at = &page->park->paging.pages;

	while (*at != page)
		at = &(*at)->next;
	*at = page->next;
	page->park->paging.waiting--;
	free(page);
}

static void report(const struct hf_page *page)
{
	const struct hf_park *park = page->park;
	char reason[HF_WHY_LEN];
	struct hf_event e = {
		.type = HF_EVENT_PAGED,
		.call = page->call,
		.lot = page->lot,
		.slot = page->slot,
		.reason = reason,
	};

	snprintf(reason, sizeof(reason), "zone %s: %u of %u reached",
		 page->zone->config->name, page->reached, page->asked);
	hf_info("call %llu: paged, %s", (unsigned long long)page->call, reason);
	if (park->wire.event)
		park->wire.event(park->wire.event_arg, &e);
}

/* One phone, or the group, is through. */
static void part_over(struct hf_page *page, bool reached)
{
	struct hf_park *park = page->park;

	page->reached += reached;
	if (--page->open)
		return;
	report(page);
	remove_page(page);
	next_pages(park);
}

static void phone_over(void *arg, enum hf_talk_end how, const char *why)
{
	part_over(arg, how == HF_TALK_SAID);
}

/* "A call for Sales on 704", or "A call is waiting on 704". */
static void make_speech(const struct hf_call *call, struct hf_speech *s)
{
	const char *language = call->lot->config->voice.language;
	struct hf_media *media = call->park->wire.media;
	char label[HF_WORD_LEN], clip[2 * HF_WORD_LEN];
	bool spoken = false;

	s->count = 0;
	hf_speech_add(s, language, "tone");
	if (call->slot->label) {
		snprintf(label, sizeof(label), "=%s", call->slot->label);
		snprintf(clip, sizeof(clip), "%s/%s", language, label);
		for (int codec = 0; codec < HF_CODEC_COUNT && !spoken; codec++)
			spoken = hf_media_clip_exists(media, clip, codec);
	}
	if (spoken) {
		hf_speech_add(s, language, "call-for");
		hf_speech_add(s, language, label);
		hf_speech_add(s, language, "on");
	} else {
		hf_speech_add(s, language, "call-on");
	}
	hf_speech_spell(s, language, call->slot->name);
}

static void call_phone(struct hf_page *page, const struct hf_call *call,
		       const struct hf_config_page_target *target,
		       const struct hf_speech *speech)
{
	static const char *const alert[] = {
		[HF_AUTO_ALERT_INFO] =
			"<http://www.notused.com>;info=alert-autoanswer;delay=0",
		[HF_AUTO_RING_ANSWER] = "Ring Answer",
		[HF_AUTO_ANSWER_MODE] = NULL,
	};
	const struct hf_config *c = page->park->config;
	char info[256], display[128], why[HF_WHY_LEN];
	uint64_t talk;
	struct hf_talk_out out = {
		.uri = target->uri,
		.tenant = call->lot->config->of,
		.from_user = call->slot->name,
		.display = display,
		.alert_info = target->alert_info,
		.ring_s = page->zone->config->answer_s,
		.speech = *speech,
		.over = phone_over,
		.over_arg = page,
	};

	/* RFC 3261 20.9 with the parameter of Broadsoft that phones know. */
	snprintf(info, sizeof(info), "<sip:%.200s>;answer-after=0",
		 hf_tenant_domain(c, out.tenant) ?: "anonymous.invalid");
	snprintf(display, sizeof(display), "Call on %s%s%.60s",
		 call->slot->name, call->slot->label ? ": " : "",
		 call->slot->label ?: "");
	if (target->auto_answer == HF_AUTO_CALL_INFO)
		out.call_info = info;
	else if (target->auto_answer == HF_AUTO_ANSWER_MODE)
		out.answer_mode = "Auto";
	else if (!out.alert_info && target->auto_answer != HF_AUTO_NONE)
		out.alert_info = alert[target->auto_answer];
	page->asked++;
	if (hf_talk_call(page->park, &out, &talk, why, sizeof(why)))
		hf_warn("page in zone %s: %s", page->zone->config->name, why);
	else
		page->open++;
}

/* The group's leg, opened if it is not. */
static int open_group(struct hf_zone *z)
{
	const struct hf_config_zone *c = z->config;
	const struct hf_media_group group = {
		.ip4 = c->group,
		.port = (uint16_t)c->port,
		.ttl = (uint8_t)c->ttl,
		.interface = c->interface,
		.codec = (enum hf_codec)hf_codec_by_name(c->codec),
	};

	if (z->leg != HF_LEG_NONE)
		return 0;
	return hf_media_group_open(z->park->wire.media, &group, &z->leg);
}

static void group_speak(struct hf_page *page, const struct hf_speech *speech)
{
	struct hf_zone *z = page->zone;
	int codec = hf_codec_by_name(z->config->codec);
	struct hf_media *media = z->park->wire.media;
	const char *words[HF_SAY_MAX];
	unsigned int count = 0;
	uint32_t ms = 0;
	int err = open_group(z);

	for (unsigned int i = 0; i < speech->count; i++)
		if (hf_media_clip_exists(media, speech->word[i],
					 (enum hf_codec)codec))
			words[count++] = speech->word[i];
	page->asked++;
	if (!err)
		err = count ? hf_media_leg_say(media, z->leg, words, count,
					       NULL, &ms)
			    : -ENOENT;
	if (err) {
		hf_warn("page in zone %s: nothing is sent to its group: %s",
			z->config->name,
			count ? strerror(-err) : "there are no prompts");
		return;
	}
	page->open++;
	z->speaks = true;
	z->page = page;
	hf_timer_arm(&z->park->timers, &z->timer,
		     z->park->now_ms + ms + HF_PAUSE_MS);
}

static void zone_due(struct hf_timer *timer)
{
	struct hf_zone *z =
		(void *)((char *)timer - offsetof(struct hf_zone, timer));

	if (!z->speaks) {
		hf_media_leg_close(z->park->wire.media, z->leg);
		z->leg = HF_LEG_NONE;
		return;
	}
	z->speaks = false;
	hf_timer_arm(&z->park->timers, &z->timer,
		     z->park->now_ms + HF_GROUP_KEEP_MS);
	part_over(z->page, true);
}

/* False: there is nothing to be said any more, and the page is gone. */
static bool begin(struct hf_page *page)
{
	const struct hf_config_zone *c = page->zone->config;
	struct hf_call *call = hf_call_find(page->park, page->call);
	struct hf_speech speech;

	if (!waits(call)) {
		remove_page(page);
		return false;
	}
	page->begun = true;
	page->lot = call->lot->config->name;
	page->slot = call->slot->name;
	make_speech(call, &speech);
	page->open = 1; /* not over before all are called */
	for (unsigned int i = 0; i < c->target_count; i++)
		call_phone(page, call, &c->targets[i], &speech);
	if (c->group.s_addr)
		group_speak(page, &speech);
	return true;
}

/* May it begin, with those before it still there? */
static bool is_next(const struct hf_page *page)
{
	const struct hf_config_zone *c = page->zone->config;

	for (const struct hf_page *p = page->park->paging.pages; p != page;
	     p = p->next)
		if (zones_meet(p->zone->config, c))
			return false;
	/* What a process before us had begun to say. */
	for (unsigned int i = 0; i < c->target_count; i++)
		if (hf_talk_with(page->park, c->targets[i].uri))
			return false;
	return true;
}

static void next_pages(struct hf_park *park)
{
	struct hf_page *page, *next;

	if (park->paging.looking)
		return; /* begun below: it looks again */
	park->paging.looking = true;
	for (page = park->paging.pages; page; page = next) {
		next = page->next;
		if (page->begun || !is_next(page))
			continue;
		if (begin(page))
			part_over(page, false);
		next = park->paging.pages; /* what was in the way may be gone */
	}
	park->paging.looking = false;
}

static int add(struct hf_call *call, struct hf_zone *zone)
{
	struct hf_park *park = call->park;
	struct hf_page **at = &park->paging.pages, *page;

	if (park->paging.waiting == HF_PAGES_MAX)
		return -ENOSPC;
	for (; *at; at = &(*at)->next)
		if ((*at)->call == call->id && (*at)->zone == zone &&
		    !(*at)->begun)
			return 0; /* is said soon */
	page = calloc(1, sizeof(*page));
	if (!page)
		return -ENOMEM;
	page->park = park;
	page->zone = zone;
	page->call = call->id;
	*at = page;
	park->paging.waiting++;
	return 0;
}

/* Another tenant's people are not to hear who calls here. */
static bool may_page(const struct hf_call *call, const struct hf_zone *zone)
{
	return zone->config->of == call->lot->config->of;
}

static struct hf_zone *zone_of(struct hf_call *call, const char *name)
{
	const struct hf_park *park = call->park;

	for (unsigned int i = 0; name && i < park->config->zone_count; i++)
		if (!strcmp(park->paging.zones[i].config->name, name) &&
		    may_page(call, &park->paging.zones[i]))
			return &park->paging.zones[i];
	return NULL;
}

static int add_and_look(struct hf_call *call, struct hf_zone *zone)
{
	int err = add(call, zone);

	/* The call may be in the middle of a change. */
	if (!err)
		hf_pages_look(call->park);
	return err;
}

void hf_page_parked(struct hf_call *call)
{
	const char *of_lot = call->lot->config->page;
	const char *name = call->page ?: of_lot;
	struct hf_zone *zone = zone_of(call, name);
	int err;

	if (!name || !strcmp(name, "none") || !call->slot)
		return;
	if (!zone) {
		hf_info("call %llu: there is no paging zone %.64s",
			(unsigned long long)call->id, name);
		zone = zone_of(call, of_lot);
	}
	err = zone ? add_and_look(call, zone) : 0;
	if (err)
		hf_warn("call %llu: no page in zone %s: %s",
			(unsigned long long)call->id, zone->config->name,
			err == -ENOSPC ? "too many wait already"
				       : strerror(-err));
}

int hf_park_page(struct hf_park *park, uint64_t id, const char *name,
		 const char **why)
{
	struct hf_call *call = hf_call_find(park, id);
	struct hf_zone *zone;
	int err;

	*why = "there is no such call";
	if (!call)
		return -ENOENT;
	*why = "the call does not wait in a slot";
	if (!waits(call))
		return -EBUSY;
	*why = "there is no such paging zone";
	zone = zone_of(call, name);
	if (name && !zone)
		return -ENOENT;
	if (!zone)
		zone = zone_of(call, call->page);
	if (!zone)
		zone = zone_of(call, call->lot->config->page);
	if (!zone && park->config->zone_count == 1 &&
	    may_page(call, &park->paging.zones[0]))
		zone = &park->paging.zones[0];
	*why = park->config->zone_count
		       ? "its lot has no paging zone; name one"
		       : "there are no paging zones (paging)";
	if (!zone)
		return -EINVAL;
	*why = "too many announcements wait already";
	err = add_and_look(call, zone);
	return err;
}

void hf_pages_look(struct hf_park *park)
{
	if (park->paging.pages)
		hf_timer_arm(&park->timers, &park->paging.look, park->now_ms);
}

static void look_due(struct hf_timer *timer)
{
	next_pages((void *)((char *)timer -
			    offsetof(struct hf_park, paging.look)));
}

int hf_pages_create(struct hf_park *park)
{
	struct hf_paging *p = &park->paging;
	unsigned int count = park->config->zone_count;
	int err;

	if (!count)
		return 0;
	p->zones = calloc(count, sizeof(*p->zones));
	err = p->zones ? hf_timers_reserve_due(&park->timers, &p->look,
					       look_due)
		       : -ENOMEM;
	for (unsigned int i = 0; i < count && !err; i++) {
		p->zones[i].park = park;
		p->zones[i].config = &park->config->zones[i];
		p->zones[i].leg = HF_LEG_NONE;
		err = hf_timers_reserve_due(&park->timers, &p->zones[i].timer,
					    zone_due);
	}
	return err;
}

void hf_pages_end(struct hf_park *park)
{
	struct hf_paging *p = &park->paging;
	struct hf_page *page;

	while ((page = p->pages)) {
		p->pages = page->next;
		free(page);
	}
	for (unsigned int i = 0; p->zones && i < park->config->zone_count; i++) {
		hf_timers_release(&park->timers, &p->zones[i].timer);
		if (p->zones[i].park && p->zones[i].leg != HF_LEG_NONE)
			hf_media_leg_close(park->wire.media, p->zones[i].leg);
	}
	hf_timers_release(&park->timers, &p->look);
	free(p->zones);
	*p = (struct hf_paging){0};
}

/* The zones are the same; what they consist of may not be. */
void hf_pages_reload(struct hf_park *park)
{
	for (unsigned int i = 0; i < park->config->zone_count; i++)
		park->paging.zones[i].config = &park->config->zones[i];
}
