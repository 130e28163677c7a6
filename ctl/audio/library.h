/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Everything that can be heard: the clips of the configuration and those added
 * by hand. Files are read and encoded in a thread of its own; a finished clip
 * is handed to the media in hf_library_dispatch(), by the thread that owns
 * those.
 */
#ifndef HOLDFAST_AUDIO_LIBRARY_H
#define HOLDFAST_AUDIO_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_config;
struct hf_config_lot;
struct hf_library;
struct hf_media;

int hf_library_create(const struct hf_config *, struct hf_media *,
		      struct hf_library **ret);
/* The clips of the configuration, before anybody calls; one sentence in err.
 * What only makes calls nicer is begun here and follows later. */
int hf_library_load(struct hf_library *, char *err, size_t err_len);
/* Readable when hf_library_dispatch() has something to do. */
int hf_library_fd(const struct hf_library *);
void hf_library_dispatch(struct hf_library *);
/* Another configuration: clips that are new or others are loaded, those it does
 * not have go when nobody hears them. The old one stays readable. */
void hf_library_reload(struct hf_library *, const struct hf_config *);
void hf_library_destroy(struct hf_library *);

/* A call of this lot hears this music: what the lot says has to be put into it,
 * if it is not. True: that is under way. */
bool hf_library_into(struct hf_library *, const struct hf_config_lot *,
		     const char *music);

/* Begin to load a file; what is called so goes on until it is complete.
 * -EINVAL, -EBUSY while another one is loading for that name. */
int hf_library_add(struct hf_library *, const char *name, const char *file,
		   char *err, size_t err_len);
/* -ENOENT; -EBUSY: somebody hears it, or the configuration plays it. */
int hf_library_remove(struct hf_library *, const char *name, char *err,
		      size_t err_len);

/*
 * Begin to speak a text that is said once. 0: the callback will be told of the
 * clip whose name this is - why is NULL, or what went wrong - unless it is
 * forgotten first.
 */
void hf_library_follow(struct hf_library *,
		       void (*spoken)(void *arg, const char *clip,
				      const char *why),
		       void *arg);
#define HF_SPOKEN_NAME 32
int hf_library_speak(struct hf_library *, const char *text, const char *voice,
		     char *clip, size_t len);
/* It is not needed any more. Takes what is not there. */
void hf_library_forget(struct hf_library *, const char *clip);

struct hf_library_view {
	const char *name, *source;
	const char *state; /* "loading", "ready", "failed" */
	const char *error; /* of the newest attempt, "" */
	unsigned int percent;
	bool configured; /* else added by hand: gone at the next start */
};
void hf_library_each(const struct hf_library *,
		     bool (*fn)(void *arg, const struct hf_library_view *),
		     void *arg);

#endif
