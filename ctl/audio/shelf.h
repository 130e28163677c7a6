/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The library from inside: library.c keeps the entries and the thread, prompts.c
 * says which prompts, labels and announcements there have to be.
 */
#ifndef HOLDFAST_AUDIO_SHELF_H
#define HOLDFAST_AUDIO_SHELF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clip.h"
#include "library.h"

#define HF_LABEL_LEN 96 /* as ctl/park's words */

struct hf_job {
	struct hf_library *library;
	struct hf_entry *entry;
	struct hf_clip_source src;
	struct hf_clip_source music; /* into != NULL */
	char *into;	  /* ours, as the next ones */
	char *file;	  /* of an added clip, */
	char *music_file; /* and of the music that it goes into */
	char *part[3];	  /* and of prompts said one after the other */
	bool passing;	  /* not to be kept on disk */
	/* what the worker makes */
	struct hf_clip_data data;
	atomic_uint percent;
	int error;
	char why[256];
	struct hf_job *next;
};

struct hf_entry {
	char *name, *source;
	bool configured, ready;
	bool stale; /* what its job is made of has changed */
	bool passing, unwanted; /* spoken.c: to be told of; not any more */
	char *file; /* of a clip added by hand, once it is there */
	uint32_t seed;
	struct hf_job *job; /* NULL = nothing is loading */
	char why[256];	    /* of a failure */
	struct hf_entry *next;
};

struct hf_library {
	const struct hf_config *config;
	struct hf_media *media;
	struct hf_clip_want want;
	char cache[4096]; /* the folder, see cache.h */
	struct hf_entry *entries;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct hf_job *todo, *done;
	atomic_bool stopping;
	int fd;
	void (*spoken)(void *spoken_arg, const char *clip, const char *why);
	void *spoken_arg;
	uint64_t texts; /* that have been spoken */
};

/* library.c */
struct hf_entry *hf_entry_find(const struct hf_library *, const char *name);
/* Made if there is none; NULL: no memory. */
struct hf_entry *hf_entry_get(struct hf_library *, const char *name);
void hf_entry_source(struct hf_entry *, const char *source);
struct hf_job *hf_job_create(struct hf_library *, struct hf_entry *);
/* It is not to be done after all. */
void hf_job_drop(struct hf_job *);
/* To the thread. */
void hf_job_queue(struct hf_library *, struct hf_job *);
/* Before all that wait. */
void hf_job_queue_first(struct hf_library *, struct hf_job *);
/* At once, in this thread: the start waits for it. */
int hf_job_now(struct hf_library *, struct hf_entry *, struct hf_clip_source,
	       char *err, size_t err_len);
const struct hf_config_clip *hf_clip_configured(const struct hf_config *,
						const char *name);
/* As it is heard now: from the configuration, or as it was added since. */
/* A clip that the configuration does not have (NULL) was added. */
struct hf_clip_source hf_source_now(const struct hf_config_clip *,
				    const struct hf_entry *, char **file);

/* spoken.c: its job is over; the entry may be gone then. */
void hf_spoken_end(struct hf_library *, struct hf_entry *);
/* Can all voices of the configuration be spoken? One sentence in err. */
int hf_voices_check(const struct hf_config *, char *err, size_t err_len);

/* prompts.c */
int hf_prompts_load(struct hf_library *, char *err, size_t err_len);
void hf_labels_begin(struct hf_library *);
void hf_announcements_begin(struct hf_library *);
/* A clip is another one now, or gone: so is what was put into it, or made of
 * it. True: there was something. */
bool hf_announcements_forget(struct hf_library *, const char *clip);
void hf_announcements_again(struct hf_library *, const char *changed);

#endif
