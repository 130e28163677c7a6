// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the journal keeps beside the calls: that we drain, and the text of the
 * configuration. Who starts us may have changed the file meanwhile; then it is as
 * at a reload: a lot that is gone but in use drains (hf_config_follow()). A text
 * is kept until nothing of it is used any more, so there may be several.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "park/park.h"
#include "store/store.h"

#define HF_TEXT	     "configuration."
#define HF_TEXTS_MAX 100
#define HF_DRAIN     "drain"

struct texts {
	char *text[HF_TEXTS_MAX]; /* the oldest first */
	unsigned int count;
};

static void read_text(void *arg, const char *name, const char *value)
{
	struct texts *t = arg;

	if (!strncmp(name, HF_TEXT, strlen(HF_TEXT)) &&
	    t->count < HF_TEXTS_MAX && (t->text[t->count] = strdup(value)))
		t->count++;
}

static void put_text(struct hf_app *app, unsigned int n, const char *text)
{
	char name[32];

	snprintf(name, sizeof(name), HF_TEXT "%03u", n);
	hf_store_put_setting(app->store, name, text);
}

void hf_app_keep_text(struct hf_app *app, bool anew)
{
	char *text;

	if (!app->config_text || (app->config->leaving && !anew) ||
	    app->kept_texts >= HF_TEXTS_MAX)
		return;
	text = strndup(app->config_text, app->config_len);
	if (!text)
		return;
	while (!app->config->leaving && app->kept_texts > 1)
		put_text(app, --app->kept_texts, NULL);
	if (!app->config->leaving)
		app->kept_texts = 0;
	put_text(app, app->kept_texts++, text);
	free(text);
}

/* ---- which lots and slots the calls of the journal are in */

struct place {
	uint64_t lot, slot; /* hashes of their names */
};

struct places {
	const struct hf_config *config; /* that hf_config_follow() asks of */
	struct place *place;
	size_t count, room;
};

static uint64_t hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ULL;
	return h;
}

static void note_place(void *arg, const struct hf_store_call *c)
{
	struct places *p = arg;
	struct place *more;

	if (!*c->lot || !strcmp(c->state, HF_STORE_GOODBYE) ||
	    !strcmp(c->state, HF_STORE_RINGING))
		return;
	if (p->count == p->room) {
		more = realloc(p->place, (p->room * 2 + 64) * sizeof(*more));
		if (!more)
			return;
		p->place = more;
		p->room = p->room * 2 + 64;
	}
	p->place[p->count++] = (struct place){hash(c->lot), hash(c->slot)};
}

static int by_place(const void *x, const void *y)
{
	const struct place *a = x, *b = y;

	if (a->lot != b->lot)
		return a->lot < b->lot ? -1 : 1;
	return (a->slot > b->slot) - (a->slot < b->slot);
}

static bool lot_used(void *arg, unsigned int lot)
{
	const struct places *p = arg;
	uint64_t name = hash(p->config->lots[lot].name);

	for (size_t i = 0; i < p->count; i++)
		if (p->place[i].lot == name)
			return true;
	return false;
}

static bool slot_busy(void *arg, unsigned int lot, uint32_t slot)
{
	const struct places *p = arg;
	struct place key;
	char name[64];

	hf_config_slot_name(&p->config->lots[lot], slot, name, sizeof(name));
	key = (struct place){hash(p->config->lots[lot].name), hash(name)};
	return p->count && bsearch(&key, p->place, p->count, sizeof(key),
				   by_place);
}

/* ---- a start */

static struct hf_config *parse(const struct hf_app *app, const char *text)
{
	struct hf_config *c = NULL;
	char *said = NULL;
	size_t len = 0;
	FILE *errors = open_memstream(&said, &len);

	if (errors &&
	    hf_config_parse(text, strlen(text), app->options.config,
			    app->options.instance, errors, &c))
		c = NULL;
	if (errors)
		fclose(errors);
	if (!c)
		hf_warn("journal: the configuration before is not understood any more: lots that only it has are lost: %.200s",
			said ? said : "");
	free(said);
	return c;
}

static void say_what_stays(const struct hf_config *c)
{
	for (unsigned int i = 0; i < c->lot_count; i++) {
		const struct hf_config_lot *lot = &c->lots[i];

		if (lot->leaving)
			hf_warn("lot %s is not in %s any more, but calls of before are in it: they stay, and can be picked up, until they are over; nobody is parked there",
				lot->name, c->path);
		else if (lot->slot_first < lot->offered_first ||
			 lot->slot_last > lot->offered_last)
			hf_warn("lot %s has lost slots in which calls wait: these slots stay until they are free",
				lot->name);
	}
}

static void follow(struct hf_app *app, const struct texts *t)
{
	struct places places = {0};
	struct hf_config *before = NULL, *c;

	if (hf_store_each_call(app->store, note_place, &places) ||
	    !places.count)
		return;
	qsort(places.place, places.count, sizeof(*places.place), by_place);
	for (unsigned int i = 0; i <= t->count; i++) {
		c = i < t->count ? parse(app, t->text[i]) : app->config;
		if (!c)
			continue;
		places.config = before;
		if (before)
			hf_config_follow(c, before, slot_busy, lot_used,
					 &places, NULL);
		if (i < t->count && !hf_app_retire(app, c))
			break; /* out of memory: it stays for ever */
		before = c;
	}
	free(places.place);
	say_what_stays(app->config);
}

void hf_app_follow_journal(struct hf_app *app)
{
	struct texts t = {.count = 0};
	bool same;

	if (hf_config_read(app->options.config, &app->config_text,
			   &app->config_len))
		return;
	app->text_of_start = true;
	hf_store_each_setting(app->store, read_text, &t);
	app->kept_texts = t.count;
	same = t.count && strlen(t.text[t.count - 1]) == app->config_len &&
	       !memcmp(t.text[t.count - 1], app->config_text, app->config_len);
	if (hf_store_same_boot(app->store) && !(same && t.count == 1))
		follow(app, &t);
	if (app->config->leaving)
		app->leaving_ms = hf_now_ms() + HF_LEAVING_MS;
	if (!same || (t.count > 1 && !app->config->leaving))
		hf_app_keep_text(app, !same);
	while (t.count)
		free(t.text[--t.count]);
}

/* ---- draining */

void hf_app_keep_drain(void *arg, bool on)
{
	struct hf_app *app = arg;

	if (hf_store_put_setting(app->store, HF_DRAIN, on ? "on" : NULL))
		hf_warn("journal: no memory to keep that we drain");
	else
		hf_store_settle(app->store);
}

static void read_drain(void *arg, const char *name, const char *value)
{
	struct hf_app *app = arg;

	if (strcmp(name, HF_DRAIN) || strcmp(value, "on"))
		return;
	hf_warn("new calls are refused, as before the restart, until `holdfastctl drain off`");
	hf_park_drain(app->park, true);
}

void hf_app_restore_drain(struct hf_app *app)
{
	hf_store_each_setting(app->store, read_drain, app);
}
