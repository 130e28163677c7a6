// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls of alerts, see callouts.h. A line is one URI; what it is to be told waits
 * there in order. How a call rings, speaks and ends is ctl/park's (hf_park_say).
 */
#include "callouts.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "events/bus.h"
#include "hooks.h"
#include "park/park.h"

#define HF_ATTEMPTS    2
#define HF_AGAIN_MS    5000 /* after nobody answered */
#define HF_BUSY_MS     1000 /* while something else is said there */
#define HF_TOGETHER    4    /* told in one call, */
#define HF_TIMES       2    /* and how often */
#define HF_WHY_LONGEST 160

enum note_state { NOTE_MADE, NOTE_READY, NOTE_OUT, NOTE_HEARD, NOTE_FAILED };

/* One text for one URI. */
struct note {
	struct note *next;
	enum note_state state; /* MADE: it is being spoken */
	uint64_t call;
	unsigned int ring_s;
	char clip[32];
	char why[HF_WHY_LONGEST]; /* FAILED */
	char *cause, *lot, *slot, *from_user, *rule;
};

struct line {
	struct line *next;
	struct hf_callouts *all;
	struct note *first;
	uint64_t talk; /* 0 = none */
	uint64_t again_ms;
	unsigned int attempts;
	char uri[];
};

struct hf_callouts {
	struct hf_callouts_wiring wire;
	struct hf_park *park;
	struct hf_hooks *hooks;
	struct line *lines;
	uint64_t next_ms;
};

static void keep(struct hf_callouts *c, const struct line *line,
		 const struct note *n, bool on)
{
	char name[512];

	snprintf(name, sizeof(name), HF_CALLOUT_KEPT "%s/%s", n->cause,
		 line->uri);
	hf_hooks_raise(c->hooks, name, on);
}

static void note_free(struct note *n)
{
	if (!n)
		return;
	free(n->cause);
	free(n->lot);
	free(n->slot);
	free(n->from_user);
	free(n->rule);
	free(n);
}

/* Takes it out of its line. */
static void remove_note(struct line *line, struct note *n)
{
	struct note **at = &line->first;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	line->all->wire.forget(line->all->wire.arg, n->clip);
	note_free(n);
}

static void look_soon(struct hf_callouts *c)
{
	c->next_ms = 0;
}

/* --- a call --------------------------------------------------------------------- */

static void begun(void *arg)
{
	struct line *line = arg;

	for (struct note *n = line->first; n; n = n->next) {
		if (n->state != NOTE_OUT)
			continue;
		n->state = NOTE_HEARD;
		keep(line->all, line, n, false);
		hf_info("alert: lot %s%s%s: %s hears of it", n->lot,
			n->slot ? " " : "", n->slot ? n->slot : "", line->uri);
	}
}

/* Nobody took it: once more, or it is told that nobody did. */
static void unheard(struct line *line, const char *why)
{
	bool again = ++line->attempts < HF_ATTEMPTS;

	for (struct note *n = line->first; n; n = n->next) {
		if (n->state != NOTE_OUT)
			continue;
		n->state = again ? NOTE_READY : NOTE_FAILED;
		snprintf(n->why, sizeof(n->why), "%s", why);
	}
	if (again)
		line->again_ms = hf_now_ms() + HF_AGAIN_MS;
	else
		line->attempts = 0;
}

static void over(void *arg, enum hf_talk_end how, const char *why)
{
	struct line *line = arg;
	struct note *n = line->first, *next;
	bool heard = false;

	line->talk = 0;
	for (; n; n = next) {
		next = n->next;
		if (n->state != NOTE_HEARD)
			continue;
		heard = true;
		remove_note(line, n);
	}
	if (heard)
		line->attempts = 0;
	else
		unheard(line, why);
	look_soon(line->all);
}

/* From the first on, what is ready and comes from the same lot. */
static unsigned int gather(const struct line *line, struct note **notes)
{
	unsigned int count = 0;

	for (struct note *n = line->first; n && count < HF_TOGETHER;
	     n = n->next) {
		if (n->state != NOTE_READY ||
		    strcmp(n->lot, line->first->lot))
			break;
		notes[count++] = n;
	}
	return count;
}

static void dial(struct hf_callouts *c, struct line *line, uint64_t now_ms)
{
	const char *clips[HF_TIMES * HF_TOGETHER];
	struct note *notes[HF_TOGETHER];
	unsigned int count = gather(line, notes);
	char display[96], why[HF_WHY_LONGEST];
	struct hf_saying s = {
		.uri = line->uri,
		.lot = line->first->lot,
		.from_user = line->first->from_user,
		.display = display,
		.clips = clips,
		.ring_s = line->first->ring_s,
		.begun = begun,
		.over = over,
		.arg = line,
	};
	int err;

	if (!count)
		return;
	for (unsigned int k = 0; k < HF_TIMES; k++)
		for (unsigned int i = 0; i < count; i++)
			clips[s.count++] = notes[i]->clip;
	snprintf(display, sizeof(display), "Alert: %.64s", line->first->lot);
	err = hf_park_say(c->park, &s, &line->talk, why, sizeof(why));
	if (err == -EBUSY) {
		line->again_ms = now_ms + HF_BUSY_MS;
		return;
	}
	for (unsigned int i = 0; i < count; i++)
		notes[i]->state = NOTE_OUT;
	if (!err)
		return;
	line->talk = 0;
	unheard(line, why);
}

/* --- what waits ------------------------------------------------------------------- */

static void give_up(struct hf_callouts *c, struct line *line, struct note *n)
{
	char reason[HF_WHY_LONGEST + 200];
	const struct hf_event e = {
		.type = HF_EVENT_ALERT_UNHEARD,
		.call = n->call,
		.lot = n->lot,
		.slot = n->slot,
		.rule = n->rule,
		.reason = reason,
	};

	snprintf(reason, sizeof(reason), "%.180s: %s", line->uri, n->why);
	hf_warn("alert: lot %s%s%s: nobody heard of it: %s", n->lot,
		n->slot ? " " : "", n->slot ? n->slot : "", reason);
	keep(c, line, n, false);
	hf_bus_publish(c->wire.bus, &e);
	remove_note(line, n);
}

static void run_line(struct hf_callouts *c, struct line *line, uint64_t now_ms)
{
	struct note *n = line->first, *next;

	for (; n; n = next) {
		next = n->next;
		if (n->state == NOTE_FAILED)
			give_up(c, line, n);
	}
	if (line->talk || !line->first)
		return;
	if (line->again_ms <= now_ms)
		dial(c, line, now_ms);
	/* Refused at once, for the last time. */
	if (line->first && line->first->state == NOTE_FAILED)
		look_soon(c);
	else if (line->first && line->again_ms > now_ms &&
		 line->again_ms < c->next_ms)
		c->next_ms = line->again_ms;
}

void hf_callouts_run(struct hf_callouts *c, uint64_t now_ms)
{
	struct line **at, *line;

	if (!c || !c->park || now_ms < c->next_ms)
		return;
	hf_park_run(c->park, now_ms); /* it takes its time from this */
	c->next_ms = UINT64_MAX;
	for (at = &c->lines; (line = *at);) {
		run_line(c, line, now_ms);
		if (line->first || line->talk) {
			at = &line->next;
			continue;
		}
		*at = line->next;
		free(line);
	}
}

uint64_t hf_callouts_next_ms(const struct hf_callouts *c)
{
	return c && c->park ? c->next_ms : UINT64_MAX;
}

static struct line *line_of(struct hf_callouts *c, const char *uri)
{
	struct line **at = &c->lines, *line;

	while (*at && strcmp((*at)->uri, uri))
		at = &(*at)->next;
	if (*at)
		return *at;
	line = calloc(1, sizeof(*line) + strlen(uri) + 1);
	if (!line)
		return NULL;
	line->all = c;
	strcpy(line->uri, uri);
	*at = line;
	return line;
}

static bool copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return !from || *to;
}

static struct note *note_new(const struct hf_callout *o)
{
	struct note *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->call = o->call;
	n->ring_s = o->ring_s;
	if (copy(&n->cause, o->cause) && copy(&n->lot, o->lot) &&
	    copy(&n->slot, o->slot) && copy(&n->from_user, o->from_user) &&
	    copy(&n->rule, o->rule))
		return n;
	note_free(n);
	return NULL;
}

void hf_callouts_add(struct hf_callouts *c, const struct hf_callout *o)
{
	struct line *line = c ? line_of(c, o->to) : NULL;
	struct note **at, *n;
	int err;

	if (!c)
		return;
	for (at = line ? &line->first : NULL; at && *at; at = &(*at)->next)
		if (!strcmp((*at)->cause, o->cause) &&
		    (*at)->state != NOTE_HEARD)
			return; /* will be told */
	n = at ? note_new(o) : NULL;
	if (!n) {
		hf_error("alert: lot %s: %s is not called: out of memory",
			 o->lot, o->to);
		return;
	}
	*at = n;
	keep(c, line, n, true);
	err = c->wire.speak(c->wire.arg, o->text, o->voice, n->clip,
			    sizeof(n->clip));
	if (!err)
		return;
	n->state = NOTE_FAILED;
	snprintf(n->why, sizeof(n->why), "%s", strerror(-err));
	look_soon(c);
}

void hf_callouts_spoken(struct hf_callouts *c, const char *clip,
			const char *why)
{
	for (struct line *line = c ? c->lines : NULL; line; line = line->next)
		for (struct note *n = line->first; n; n = n->next) {
			if (n->state != NOTE_MADE || strcmp(n->clip, clip))
				continue;
			n->state = why ? NOTE_FAILED : NOTE_READY;
			snprintf(n->why, sizeof(n->why), "%s", why ? why : "");
			look_soon(c);
			return;
		}
}

/* True: something that its phone rings for is still to be told. */
static bool rings_for_something(const struct line *line)
{
	for (const struct note *n = line->first; n; n = n->next)
		if (n->state == NOTE_OUT || n->state == NOTE_HEARD)
			return true;
	return false;
}

void hf_callouts_cancel(struct hf_callouts *c, const char *cause)
{
	struct note *n, *next;

	for (struct line *line = c ? c->lines : NULL; line; line = line->next) {
		for (n = line->first; n; n = next) {
			next = n->next;
			if (strcmp(n->cause, cause) || n->state == NOTE_HEARD)
				continue;
			keep(c, line, n, false);
			remove_note(line, n);
		}
		if (line->talk && !rings_for_something(line)) {
			hf_park_say_no_more(c->park, line->talk);
			line->talk = 0;
			line->attempts = 0;
		}
	}
	if (c)
		look_soon(c);
}

/* --- life --------------------------------------------------------------------------- */

void hf_callouts_attach(struct hf_callouts *c, struct hf_park *park)
{
	if (!c)
		return;
	c->park = park;
	look_soon(c);
}

void hf_callouts_keep(struct hf_callouts *c, struct hf_hooks *hooks)
{
	if (c)
		c->hooks = hooks;
}

int hf_callouts_create(const struct hf_callouts_wiring *wire,
		       struct hf_callouts **ret)
{
	struct hf_callouts *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->wire = *wire;
	c->next_ms = UINT64_MAX;
	*ret = c;
	return 0;
}

void hf_callouts_destroy(struct hf_callouts *c)
{
	struct line *line;
	struct note *n;

	if (!c)
		return;
	while ((line = c->lines)) {
		c->lines = line->next;
		while ((n = line->first)) {
			line->first = n->next;
			note_free(n);
		}
		free(line);
	}
	free(c);
}
