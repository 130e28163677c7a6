// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The list of what can be heard, and the thread that makes it. An entry belongs
 * to the controller's thread; while its job is out, the job's inner part
 * belongs to the worker. Nothing else is shared but the two queues under the
 * lock.
 */
#include "library.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../config/config.h"
#include "../media/media.h"
#include "../sdp/session.h"
#include "cache.h"
#include "shelf.h"

/* What was encoded and not asked for that long is not kept. */
#define HF_CACHE_KEPT_S (7 * 86400)

static bool job_progress(void *arg, unsigned int percent)
{
	struct hf_job *job = arg;

	atomic_store(&job->percent, percent);
	return !atomic_load(&job->library->stopping);
}

/* As it was encoded before, if nothing has changed since. */
static int make_or_find(struct hf_job *job, const struct hf_clip_want *want)
{
	const char *folder = job->library->cache;
	struct hf_cache_key key;
	bool known = hf_cache_key(&job->src, want, &key);
	int r;

	if (known && !hf_cache_get(folder, &key, &job->data))
		return 0;
	r = hf_clip_make(&job->src, want, &job->data, job->why,
			 sizeof(job->why));
	if (known && !r)
		hf_cache_put(folder, &key, &job->data);
	return r;
}

static void job_run(struct hf_job *job)
{
	struct hf_clip_want want = job->library->want;

	want.progress = job_progress;
	want.arg = job;
	if (job->passing)
		job->error = hf_clip_make(&job->src, &want, &job->data,
					  job->why, sizeof(job->why));
	else if (job->into)
		job->error = hf_clip_make_into(&job->src, &job->music,
					       job->into, &want, &job->data,
					       job->why, sizeof(job->why));
	else
		job->error = make_or_find(job, &want);
}

static void push(struct hf_job **list, struct hf_job *job)
{
	while (*list)
		list = &(*list)->next;
	job->next = NULL;
	*list = job;
}

static void *work(void *arg)
{
	struct hf_library *l = arg;
	const uint64_t one = 1;
	struct hf_job *job;

	/* Calls first. */
	setpriority(PRIO_PROCESS, (id_t)gettid(), 10);
	pthread_mutex_lock(&l->lock);
	while (!atomic_load(&l->stopping)) {
		job = l->todo;
		if (!job) {
			pthread_cond_wait(&l->more, &l->lock);
			continue;
		}
		l->todo = job->next;
		pthread_mutex_unlock(&l->lock);
		job_run(job);
		pthread_mutex_lock(&l->lock);
		push(&l->done, job);
		if (write(l->fd, &one, sizeof(one)) < 0)
			break; /* the counter is full: it is readable */
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static void job_free(struct hf_job *job)
{
	if (!job)
		return;
	hf_clip_data_free(&job->data);
	free(job->into);
	free(job->file);
	free(job->music_file);
	for (size_t i = 0; i < sizeof(job->part) / sizeof(job->part[0]); i++)
		free(job->part[i]);
	free(job);
}

void hf_job_drop(struct hf_job *job)
{
	job->entry->job = NULL;
	job_free(job);
}

/* No room: say how much is wanted, and how much there is. */
static void say_full(const struct hf_library *l, struct hf_job *job)
{
	unsigned int mib = l->config->audio.memory_mib;
	const char *name = job->entry->name;
	uint32_t frames = 0, played;
	struct hf_media_totals t;

	hf_media_totals(l->media, &t);
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		if (job->data.in[codec].frames > frames)
			frames = job->data.in[codec].frames;
	played = hf_media_clip_played(l->media, name, &job->data);
	if (frames > t.frames)
		snprintf(
			job->why, sizeof(job->why),
			"%s takes %.1f MiB in one codec and there are %u MiB: raise audio.memory_mib",
			name, (double)frames * 192 / 1048576, mib);
	else
		snprintf(
			job->why, sizeof(job->why),
			"%s takes %.1f MiB in the codecs in which it is heard now and %.1f of %u MiB are free: raise audio.memory_mib",
			name, (double)played * 192 / 1048576,
			(double)(t.frames - t.frames_used) * 192 / 1048576,
			mib);
}

/* Back in the controller's thread: the clip goes in whole, or not at all. */
static int job_finish(struct hf_library *l, struct hf_job *job)
{
	struct hf_entry *e = job->entry;
	const char *changed;
	int r = job->error;

	if (e->stale && job->into) { /* of music that nobody plays now */
		e->stale = false;
		e->job = NULL;
		job_free(job);
		hf_announcements_begin(l);
		return 0;
	}
	if (!r) {
		r = hf_media_clip_put(l->media, e->name, &job->data);
		if (r == -ENOSPC)
			say_full(l, job);
		else if (r)
			snprintf(job->why, sizeof(job->why), "%s: %s", e->name,
				 strerror(-r));
	}
	snprintf(e->why, sizeof(e->why), "%s", r ? job->why : "");
	e->job = NULL;
	if (!r) {
		e->ready = true;
		if (job->file && !job->into) {
			free(e->file);
			e->file = job->file;
			job->file = NULL;
		}
	}
	changed = !r && !job->into ? e->name : NULL;
	job_free(job);
	if (changed)
		hf_announcements_again(l, changed);
	return r;
}

struct hf_entry *hf_entry_find(const struct hf_library *l, const char *name)
{
	for (struct hf_entry *e = l->entries; e; e = e->next)
		if (!strcmp(e->name, name))
			return e;
	return NULL;
}

struct hf_entry *hf_entry_get(struct hf_library *l, const char *name)
{
	struct hf_entry *e = hf_entry_find(l, name), **at = &l->entries;

	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->name = strdup(name);
	e->source = strdup("");
	if (!e->name || !e->source) {
		free(e->name);
		free(e->source);
		free(e);
		return NULL;
	}
	if (getrandom(&e->seed, sizeof(e->seed), GRND_NONBLOCK) < 0)
		e->seed = (uint32_t)(uintptr_t)e;
	while (*at)
		at = &(*at)->next;
	*at = e;
	return e;
}

void hf_entry_source(struct hf_entry *e, const char *source)
{
	char *copy = strdup(source);

	if (!copy)
		return;
	free(e->source);
	e->source = copy;
}

static struct hf_clip_source source_of(const struct hf_config_clip *c,
				       const struct hf_entry *e)
{
	struct hf_clip_source src = {
		.files = c->files,
		.count = c->file_count,
		.shuffle = c->shuffle,
		.seed = e->seed,
		.text = c->text,
		.voice = c->voice ? c->voice : "en",
		.g729 = c->g729,
		.shared = c->position == HF_POSITION_SHARED,
		.loop = true,
	};

	if (c->file) {
		src.files = (char *const *)&c->file;
		src.count = 1;
	}
	return src;
}

/* As it is heard now: from the configuration, or as it was added since. */
struct hf_clip_source hf_source_now(const struct hf_config_clip *c,
					const struct hf_entry *e, char **file)
{
	struct hf_clip_source src = {.loop = true};

	if (c)
		src = source_of(c, e);
	*file = e->file ? strdup(e->file) : NULL;
	if (*file) {
		src.files = file;
		src.count = 1;
		src.text = NULL;
		src.shuffle = false;
	}
	return src;
}

struct hf_job *hf_job_create(struct hf_library *l, struct hf_entry *e)
{
	struct hf_job *job = calloc(1, sizeof(*job));

	if (job) {
		job->library = l;
		job->entry = e;
		e->job = job;
	}
	return job;
}

/* At once, in this thread: the start waits for it. */
int hf_job_now(struct hf_library *l, struct hf_entry *e,
		    struct hf_clip_source src, char *err, size_t err_len)
{
	struct hf_job *job = hf_job_create(l, e);
	int r;

	if (!job)
		return -ENOMEM;
	job->src = src;
	job_run(job);
	r = job_finish(l, job);
	if (r)
		snprintf(err, err_len, "clip %s: %s", e->name, e->why);
	return r;
}

void hf_job_queue(struct hf_library *l, struct hf_job *job)
{
	pthread_mutex_lock(&l->lock);
	push(&l->todo, job);
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
}

void hf_job_queue_first(struct hf_library *l, struct hf_job *job)
{
	pthread_mutex_lock(&l->lock);
	job->next = l->todo;
	l->todo = job;
	pthread_cond_signal(&l->more);
	pthread_mutex_unlock(&l->lock);
}

const struct hf_config_clip *hf_clip_configured(const struct hf_config *c,
						    const char *name)
{
	for (unsigned int i = 0; i < c->audio.clip_count; i++)
		if (!strcmp(c->audio.clips[i].name, name))
			return &c->audio.clips[i];
	return NULL;
}

int hf_library_load(struct hf_library *l, char *err, size_t err_len)
{
	const struct hf_config *c = l->config;
	long start_s = (long)time(NULL);
	int r = 0;

	for (unsigned int i = 0; i < c->audio.clip_count && !r; i++) {
		const struct hf_config_clip *clip = &c->audio.clips[i];
		struct hf_entry *e = hf_entry_get(l, clip->name);

		if (!e) {
			snprintf(err, err_len, "out of memory");
			return -ENOMEM;
		}
		e->configured = true;
		hf_entry_source(e, clip->text	   ? clip->text
				: clip->file	   ? clip->file
				: clip->file_count ? clip->files[0]
						   : "");
		r = hf_job_now(l, e, source_of(clip, e), err, err_len);
	}
	if (!r)
		r = hf_prompts_load(l, err, err_len);
	if (!r)
		r = hf_voices_check(c, err, err_len);
	if (!r) {
		hf_announcements_begin(l);
		hf_labels_begin(l);
		hf_cache_sweep(l->cache, start_s - HF_CACHE_KEPT_S);
	}
	return r;
}

static bool name_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return len && len <= 64 && !name[len];
}

int hf_library_add(struct hf_library *l, const char *name, const char *file,
		   char *err, size_t err_len)
{
	struct hf_entry *e;
	struct hf_job *job;

	if (!name_ok(name) || file[0] != '/') {
		snprintf(err, err_len, "%s",
			 file[0] == '/'
				 ? "a clip's name is up to 64 letters, "
				   "digits, _ . and -"
				 : "the file is named with its whole path");
		return -EINVAL;
	}
	e = hf_entry_get(l, name);
	if (e && e->job) {
		snprintf(err, err_len, "%s is being loaded already", name);
		return -EBUSY;
	}
	job = e ? hf_job_create(l, e) : NULL;
	if (job)
		job->file = strdup(file);
	if (!job || !job->file) {
		snprintf(err, err_len, "out of memory");
		if (job)
			e->job = NULL;
		job_free(job);
		return -ENOMEM;
	}
	hf_entry_source(e, file);
	job->src = (struct hf_clip_source){
		.files = &job->file,
		.count = 1,
		.loop = true,
	};
	hf_job_queue(l, job);
	return 0;
}

/* Does a lot play this whatever happens? */
static bool configured(const struct hf_config *c, const char *name)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (!strcmp(c->lots[i].hold_audio, name))
			return true;
	return !strcmp(name, "default");
}

int hf_library_remove(struct hf_library *l, const char *name, char *err,
		      size_t err_len)
{
	struct hf_entry *e = hf_entry_find(l, name), **at = &l->entries;
	int r;

	if (!e) {
		snprintf(err, err_len, "there is no clip \"%.64s\"", name);
		return -ENOENT;
	}
	if (e->job || configured(l->config, name)) {
		snprintf(err, err_len, "%s %s", name,
			 e->job ? "is being loaded"
				: "is what the configuration plays");
		return -EBUSY;
	}
	r = e->ready ? hf_media_clip_remove(l->media, name) : 0;
	if (r == -EBUSY) {
		snprintf(err, err_len, "somebody hears %s now", name);
		return r;
	}
	hf_announcements_forget(l, name);
	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	free(e->name);
	free(e->source);
	free(e->file);
	free(e);
	return 0;
}

void hf_library_each(const struct hf_library *l,
		     bool (*fn)(void *arg, const struct hf_library_view *),
		     void *arg)
{
	for (const struct hf_entry *e = l->entries; e; e = e->next) {
		struct hf_library_view v = {
			.name = e->name,
			.source = e->source,
			.state = e->job	     ? "loading"
				 : e->why[0] ? "failed"
					     : "ready",
			.error = e->why,
			.percent = e->job ? atomic_load(&e->job->percent) : 100,
			.configured = e->configured,
		};

		/* Of music that has changed, and not wanted since. */
		if (!e->job && !e->ready && !e->why[0])
			continue;
		if (!e->passing && !fn(arg, &v))
			return;
	}
}

int hf_library_fd(const struct hf_library *l)
{
	return l->fd;
}

void hf_library_dispatch(struct hf_library *l)
{
	struct hf_job *job, *next;
	uint64_t count;

	if (read(l->fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: nothing is done */
	pthread_mutex_lock(&l->lock);
	job = l->done;
	l->done = NULL;
	pthread_mutex_unlock(&l->lock);
	for (; job; job = next) {
		struct hf_entry *e = job->entry;

		next = job->next;
		if (job_finish(l, job))
			hf_warn("clip %s is not loaded: %s", e->name, e->why);
		else if (!e->passing)
			hf_info("clip %s is loaded", e->name);
		if (e->passing)
			hf_spoken_end(l, e);
	}
}

int hf_library_create(const struct hf_config *config, struct hf_media *media,
		      struct hf_library **ret)
{
	struct hf_library *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->config = config;
	l->media = media;
	snprintf(l->cache, sizeof(l->cache), "%s/audio",
		 config->control.state_dir);
	l->want.opus_kbit_s = config->audio.opus_kbit_s;
	l->want.loudness_db = config->audio.loudness_db;
	for (unsigned int i = 0; i < config->audio.codec_count; i++) {
		int codec = hf_codec_by_name(config->audio.codecs[i]);

		if (codec >= 0)
			l->want.codec[codec] = true;
	}
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->more, NULL);
	l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->fd < 0) {
		r = -errno;
		hf_library_destroy(l);
		return r;
	}
	r = -pthread_create(&l->thread, NULL, work, l);
	l->started = !r;
	if (r) {
		hf_library_destroy(l);
		return r;
	}
	*ret = l;
	return 0;
}

static void free_jobs(struct hf_job *job)
{
	while (job) {
		struct hf_job *next = job->next;

		job_free(job);
		job = next;
	}
}

void hf_library_destroy(struct hf_library *l)
{
	struct hf_entry *e;

	if (!l)
		return;
	atomic_store(&l->stopping, true);
	if (l->started) {
		pthread_mutex_lock(&l->lock);
		pthread_cond_signal(&l->more);
		pthread_mutex_unlock(&l->lock);
		pthread_join(l->thread, NULL);
	}
	free_jobs(l->todo);
	free_jobs(l->done);
	while ((e = l->entries)) {
		l->entries = e->next;
		free(e->name);
		free(e->source);
		free(e->file);
		free(e);
	}
	if (l->fd >= 0)
		close(l->fd);
	pthread_cond_destroy(&l->more);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
