// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What has to be there to be said: the prompts of each lot's language, the
 * labels of its slots, its announcement put into its music. Makes entries and
 * jobs of library.c; what is missing or fails is not said.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../config/config.h"
#include "../media/media.h"
#include "shelf.h"

/* A prompt of a language; one that is not there is not said. */
static int load_prompt(struct hf_library *l, const char *language,
		       const char *word, char *err, size_t err_len)
{
	char name[96], *path = NULL;
	struct hf_entry *e;
	int r = 0;

	snprintf(name, sizeof(name), "%s/%s", language, word);
	if (hf_entry_find(l, name))
		return 0;
	if (asprintf(&path, "%s/%s.wav", l->config->audio.prompts, name) < 0)
		return -ENOMEM;
	if (!access(path, R_OK)) {
		e = hf_entry_get(l, name);
		if (e) {
			e->configured = true;
			hf_entry_source(e, path);
			r = hf_job_now(l, e,
				     (struct hf_clip_source){.files = &path,
							     .count = 1},
				     err, err_len);
		}
	} else if (!strcmp(word, "parked-at")) {
		hf_info("no prompts in %s/%s: no slot is told",
			l->config->audio.prompts, language);
	}
	free(path);
	return r;
}

static bool is_paged(const struct hf_config *c, const struct hf_config_lot *lot)
{
	return c->zone_count > 0 || lot->page;
}

/* Is this prompt said in this lot? */
static bool is_said(const struct hf_config *c, const struct hf_config_lot *lot,
		    const char *word)
{
	if (!strcmp(word, "press") || !strcmp(word, "to-be-put-through"))
		return lot->recall.confirm == HF_CONFIRM_DTMF;
	if (!strcmp(word, "1") && lot->recall.confirm == HF_CONFIRM_DTMF)
		return true;
	if (!strcmp(word, "parked-at"))
		return lot->voice.tell_slot;
	if (!strcmp(word, "tone"))
		return lot->voice.pickup_tone || is_paged(c, lot);
	if (!strcmp(word, "empty") || !strcmp(word, "full") ||
	    !strcmp(word, "nobody"))
		return lot->voice.refusals != HF_REFUSE_PLAINLY;
	if (!strncmp(word, "call-", 5) || !strcmp(word, "on"))
		return is_paged(c, lot);
	return lot->voice.tell_slot || is_paged(c, lot);
}

int hf_prompts_load(struct hf_library *l, char *err, size_t err_len)
{
	static const char *const words[] = {
		"parked-at", "0",    "1",     "2",    "3",	"4",
		"5",	     "6",    "7",     "8",    "9",	"star",
		"hash",	     "tone", "empty", "full", "nobody", "call-for",
		"call-on",   "on",   "press", "to-be-put-through"};
	const struct hf_config *c = l->config;
	int r = 0;

	for (unsigned int i = 0; i < c->lot_count && c->audio.prompts; i++)
		for (size_t k = 0; k < sizeof(words) / sizeof(*words) && !r;
		     k++)
			if (is_said(c, &c->lots[i], words[k]))
				r = load_prompt(l, c->lots[i].voice.language,
						words[k], err, err_len);
	return r;
}

/*
 * What a slot is called, spoken: a recording LANGUAGE/=LABEL.wav, or the engine.
 * In the thread: a start does not wait for a hundred of them.
 */
static void begin_label(struct hf_library *l, const char *language,
			const char *label)
{
	char name[HF_LABEL_LEN], *path = NULL;
	struct hf_entry *e;
	struct hf_job *job;

	if ((size_t)snprintf(name, sizeof(name), "%s/=%s", language, label) >=
		    sizeof(name) ||
	    hf_entry_find(l, name))
		return;
	e = hf_entry_get(l, name);
	job = e ? hf_job_create(l, e) : NULL;
	if (!job)
		return;
	e->configured = true;
	hf_entry_source(e, label);
	if (l->config->audio.prompts && !strchr(label, '/') &&
	    asprintf(&path, "%s/%s.wav", l->config->audio.prompts, name) > 0 &&
	    !access(path, R_OK)) {
		job->file = path;
		job->src = (struct hf_clip_source){.files = &job->file,
						   .count = 1};
	} else {
		free(path);
		job->src = (struct hf_clip_source){.text = label,
						   .voice = language};
	}
	hf_job_queue(l, job);
}

void hf_labels_begin(struct hf_library *l)
{
	const struct hf_config *c = l->config;

	for (unsigned int i = 0; i < c->lot_count; i++)
		for (unsigned int k = 0; is_paged(c, &c->lots[i]) &&
					 k < c->lots[i].label_count;
		     k++)
			begin_label(l, c->lots[i].voice.language,
				    c->lots[i].labels[k].text);
}

/* "en/escape-*": press, the key, to be put through. */
#define HF_ESCAPE_PARTS 3
static void escape_name(const struct hf_config_lot *lot, char *name, size_t len)
{
	snprintf(name, len, "%s/escape-%s", lot->voice.language,
		 lot->escape.key);
}

static bool escape_files(const struct hf_config *c,
			 const struct hf_config_lot *lot, struct hf_job *job)
{
	const char *key = lot->escape.key;
	const char *words[HF_ESCAPE_PARTS] = {
		"press",
		*key == '*'   ? "star"
		: *key == '#' ? "hash"
			      : key,
		"to-be-put-through"};

	for (int i = 0; i < HF_ESCAPE_PARTS; i++) {
		if (asprintf(&job->part[i], "%s/%s/%s.wav", c->audio.prompts,
			     lot->voice.language, words[i]) < 0) {
			job->part[i] = NULL;
			return false;
		}
	}
	job->src = (struct hf_clip_source){.files = job->part,
					   .count = HF_ESCAPE_PARTS};
	return true;
}

/* An entry MUSIC+SAID and a job for it, if it is to be made. */
static struct hf_job *begin_into(struct hf_library *l, const char *music,
				 const char *said)
{
	struct hf_entry *of_music = hf_entry_find(l, music), *e;
	struct hf_job *job;
	char name[160];

	snprintf(name, sizeof(name), "%s+%s", music, said);
	e = of_music && of_music->ready ? hf_entry_get(l, name) : NULL;
	if (!e || e->job || e->ready || e->why[0])
		return NULL;
	job = hf_job_create(l, e);
	if (!job)
		return NULL;
	e->configured = true;
	job->music = hf_source_now(hf_clip_configured(l->config, music),
				   of_music, &job->music_file);
	job->into = strdup(music);
	if (job->into && (job->music.count || job->music.text))
		return job;
	hf_job_drop(job);
	return NULL;
}

static void begin_announcement(struct hf_library *l,
			       const struct hf_config_lot *lot,
			       const char *music)
{
	const struct hf_config_clip *a =
		hf_clip_configured(l->config, lot->voice.announce);
	struct hf_entry *said = hf_entry_find(l, lot->voice.announce);
	struct hf_job *job =
		a && said ? begin_into(l, music, lot->voice.announce) : NULL;

	if (!job)
		return;
	hf_entry_source(job->entry, said->source);
	job->src = hf_source_now(a, said, &job->file);
	job->src.loop = false;
	hf_job_queue(l, job);
}

static void begin_escape(struct hf_library *l, const struct hf_config_lot *lot,
			 const char *music)
{
	struct hf_job *job;
	char name[HF_LABEL_LEN];

	escape_name(lot, name, sizeof(name));
	job = begin_into(l, music, name);
	if (!job)
		return;
	if (!escape_files(l->config, lot, job)) {
		hf_job_drop(job);
		return;
	}
	hf_entry_source(job->entry, job->part[0]);
	hf_job_queue(l, job);
}

/* What each lot says into the music that its calls hear by the configuration;
 * calls need not wait for it. */
void hf_announcements_begin(struct hf_library *l)
{
	const struct hf_config *c = l->config;

	for (unsigned int i = 0; i < c->lot_count; i++) {
		const struct hf_config_lot *lot = &c->lots[i];

		hf_library_into(l, lot, lot->hold_audio);
		for (unsigned int k = 0; k < lot->audio_rule_count; k++)
			hf_library_into(l, lot, lot->audio_rules[k].clip);
	}
}

static bool is_loading(const struct hf_library *l, const char *music,
		       const char *said)
{
	const struct hf_entry *e;
	char name[160];

	snprintf(name, sizeof(name), "%s+%s", music, said);
	e = hf_entry_find(l, name);
	return e && e->job;
}

bool hf_library_into(struct hf_library *l, const struct hf_config_lot *lot,
		     const char *music)
{
	char escape[HF_LABEL_LEN];
	bool loading = false;

	if (lot->escape.key && l->config->audio.prompts) {
		begin_escape(l, lot, music);
		escape_name(lot, escape, sizeof(escape));
		loading = is_loading(l, music, escape);
	}
	if (lot->voice.announce) {
		begin_announcement(l, lot, music);
		loading |= is_loading(l, music, lot->voice.announce);
	}
	return loading;
}

/* Is `e`, "MUSIC+SAID", made of this clip? */
static bool is_made_of(const struct hf_entry *e, const char *clip)
{
	const char *plus = strchr(e->name, '+');

	return plus &&
	       (!strcmp(plus + 1, clip) ||
		(!strncmp(e->name, clip, strlen(clip)) &&
		 e->name + strlen(clip) == plus));
}

bool hf_announcements_forget(struct hf_library *l, const char *clip)
{
	bool any = false;

	for (struct hf_entry *e = l->entries; e; e = e->next) {
		if (!is_made_of(e, clip))
			continue;
		if (e->job)
			e->stale = true;
		if (e->ready)
			hf_media_clip_remove(l->media, e->name);
		e->ready = false;
		e->why[0] = '\0';
		any = true;
	}
	return any;
}

/* Silent until it has been made anew: at once, or when a call wants it. */
void hf_announcements_again(struct hf_library *l, const char *changed)
{
	if (hf_announcements_forget(l, changed))
		hf_announcements_begin(l);
}
