// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Texts that are said once: made by the thread of library.c before anything
 * else that waits there, and forgotten by who had them made. They may name a
 * caller, so nothing of them is kept on disk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../config/config.h"
#include "file.h"
#include "shelf.h"

/* A hand takes the receiver to an ear first; and two texts are two. */
#define HF_LEAD_MS 600
#define HF_TAIL_MS 600

void hf_library_follow(struct hf_library *l,
		       void (*spoken)(void *arg, const char *clip,
				      const char *why),
		       void *arg)
{
	l->spoken = spoken;
	l->spoken_arg = arg;
}

int hf_library_speak(struct hf_library *l, const char *text, const char *voice,
		     char *clip, size_t len)
{
	struct hf_entry *e;
	struct hf_job *job;
	int n = snprintf(clip, len, "spoken/%llu",
			 (unsigned long long)++l->texts);

	if (n < 0 || (size_t)n >= len)
		return -EINVAL;
	e = hf_entry_get(l, clip);
	if (!e)
		return -ENOMEM;
	e->passing = true;
	job = hf_job_create(l, e);
	if (job) {
		job->passing = true;
		job->part[0] = strdup(text);
		job->part[1] = strdup(voice);
	}
	if (!job || !job->part[0] || !job->part[1]) {
		if (job)
			hf_job_drop(job);
		hf_library_forget(l, clip);
		return -ENOMEM;
	}
	job->src = (struct hf_clip_source){
		.text = job->part[0],
		.voice = job->part[1],
		.lead_ms = HF_LEAD_MS,
		.tail_ms = HF_TAIL_MS,
	};
	hf_job_queue_first(l, job);
	return 0;
}

void hf_library_forget(struct hf_library *l, const char *clip)
{
	struct hf_entry *e = hf_entry_find(l, clip);
	char why[128];

	if (!e || !e->passing)
		return;
	if (e->job)
		e->unwanted = true;
	else
		hf_library_remove(l, clip, why, sizeof(why));
}

void hf_spoken_end(struct hf_library *l, struct hf_entry *e)
{
	char clip[HF_SPOKEN_NAME], why[sizeof(e->why)];

	snprintf(clip, sizeof(clip), "%s", e->name);
	snprintf(why, sizeof(why), "%s", e->why);
	if (e->unwanted || !l->spoken)
		hf_library_forget(l, clip);
	else
		l->spoken(l->spoken_arg, clip, why[0] ? why : NULL);
}

int hf_voices_check(const struct hf_config *c, char *err, size_t err_len)
{
	const char *last = "";
	struct hf_sound s;
	char why[256];
	int r = 0;

	for (unsigned int i = 0; i < c->lot_count && !r; i++) {
		const struct hf_config_lot *lot = &c->lots[i];

		if (!lot->alerts.call_count || !strcmp(lot->alerts.voice, last))
			continue;
		last = lot->alerts.voice;
		r = hf_sound_speak("ok", last, &s, why, sizeof(why));
		if (r)
			snprintf(err, err_len, "lots: %s: alerts.call: %s",
				 lot->name, why);
		else
			hf_sound_free(&s);
	}
	return r;
}
