// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Another configuration under a running library (library.c): what is new or
 * another one is loaded by the thread, and what was there is heard until then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "library.h"
#include "shelf.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_clip(const struct hf_config_clip *a,
		      const struct hf_config_clip *b)
{
	bool same = same_text(a->file, b->file) && same_text(a->text, b->text) &&
		    same_text(a->voice, b->voice) &&
		    same_text(a->g729, b->g729) && a->shuffle == b->shuffle &&
		    a->position == b->position &&
		    a->file_count == b->file_count;

	for (unsigned int i = 0; same && i < a->file_count; i++)
		same = same_text(a->files[i], b->files[i]);
	return same;
}

static void load_again(struct hf_library *l, const struct hf_config_clip *clip)
{
	struct hf_entry *e = hf_entry_get(l, clip->name);
	struct hf_job *job;

	if (e && e->job) {
		hf_warn("clip %s is being loaded: it stays as it is; reload once more to change it",
			clip->name);
		return;
	}
	job = e ? hf_job_create(l, e) : NULL;
	if (!job) {
		hf_error("clip %s: out of memory", clip->name);
		return;
	}
	e->configured = true;
	free(e->file);
	e->file = NULL;
	hf_entry_source(e, clip->text	 ? clip->text
			: clip->file	 ? clip->file
			: clip->file_count ? clip->files[0]
					   : "");
	job->src = hf_source_now(clip, e, &job->file);
	hf_job_queue(l, job);
}

void hf_library_reload(struct hf_library *l, const struct hf_config *config)
{
	const struct hf_config *old = l->config;
	const struct hf_config_clip *before;
	char err[512] = "";

	l->config = config;
	for (unsigned int i = 0; i < config->audio.clip_count; i++) {
		const struct hf_config_clip *clip = &config->audio.clips[i];

		before = hf_clip_configured(old, clip->name);
		if (!before || !same_clip(before, clip))
			load_again(l, clip);
	}
	for (unsigned int i = 0; i < old->audio.clip_count; i++) {
		const char *name = old->audio.clips[i].name;
		struct hf_entry *e = hf_entry_find(l, name);

		if (!e || hf_clip_configured(config, name))
			continue;
		/* Who hears it hears it to the end. */
		e->configured = false;
		hf_library_remove(l, name, err, sizeof(err));
	}
	if (hf_prompts_load(l, err, sizeof(err)))
		hf_warn("%s", err);
	if (hf_voices_check(config, err, sizeof(err)))
		hf_warn("%s", err);
	hf_labels_begin(l);
	/* What failed may fit now. */
	for (struct hf_entry *e = l->entries; e; e = e->next)
		if (strchr(e->name, '+'))
			e->why[0] = '\0';
	hf_announcements_begin(l);
}
