// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests about what can be heard: ctl/audio knows where a clip comes from and
 * how far it is loaded, ctl/media what it takes of the frame table.
 */
#include <errno.h>
#include <string.h>

#include "audio/library.h"
#include "events/json.h"
#include "internal.h"
#include "media/media.h"
#include "park/park.h"
#include "sdp/session.h"

#define HF_FRAME_KIB 0.1875 /* of the frame table */

struct walk {
	const struct hf_control_wiring *wiring;
	const char *only; /* NULL = all */
	json_t *rows;
	bool failed;
};

struct search {
	const char *name;
	struct hf_clip_view found;
	bool hit;
};

static bool search_clip(void *arg, const struct hf_clip_view *v)
{
	struct search *s = arg;

	s->hit = !strcmp(v->name, s->name);
	if (s->hit)
		s->found = *v;
	return !s->hit;
}

/* Frames by codec, where there are any. */
static json_t *frames_json(const uint32_t *frames, uint64_t *sum)
{
	json_t *by_codec = json_object();

	*sum = 0;
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++) {
		if (!frames[codec])
			continue;
		*sum += frames[codec];
		json_object_set_new(by_codec, hf_codec_name(codec),
				    json_integer(frames[codec]));
	}
	return by_codec;
}

static bool list_one(void *arg, const struct hf_library_view *v)
{
	struct walk *walk = arg;
	struct search s = {.name = v->name};
	json_t *row, *loaded, *encoded;
	uint64_t frames, all;

	if (walk->only && strcmp(walk->only, v->name))
		return true;
	hf_media_clips(walk->wiring->media, search_clip, &s);
	loaded = frames_json(s.found.frames, &frames);
	encoded = frames_json(s.found.encoded, &all);
	row = json_pack(
		"{s:o,s:s,s:I,s:o,s:o,s:b,s:b,s:I,s:I,s:f,s:o,s:o}", "clip",
		hf_json_text(v->name), "state", v->state, "percent",
		(json_int_t)v->percent, "source", hf_json_text(v->source),
		"failure", v->error[0] ? hf_json_text(v->error) : json_null(),
		"configured", v->configured, "shared", s.found.shared, "ms",
		(json_int_t)s.found.ms, "legs", (json_int_t)s.found.legs, "kib",
		(double)frames * HF_FRAME_KIB, "frames", loaded, "encoded", encoded);
	if (json_array_append_new(walk->rows, row))
		walk->failed = true;
	return true;
}

static json_t *list(const struct hf_control_wiring *w, const char *only)
{
	struct walk walk = {.wiring = w, .only = only, .rows = json_array()};

	hf_library_each(w->library, list_one, &walk);
	if (walk.failed) {
		json_decref(walk.rows);
		return NULL;
	}
	return walk.rows;
}

static bool have_library(const struct hf_control_wiring *w,
			 struct hf_answer *ret)
{
	if (w->library)
		return true;
	ret->json = hf_request_error(
		HF_ERR_STARTING,
		"holdfastd is starting or stopping; ask again");
	return false;
}

void hf_answer_audio_list(const struct hf_control_wiring *w, const json_t *args,
			  struct hf_answer *ret)
{
	struct hf_media_totals t;

	if (!have_library(w, ret))
		return;
	hf_media_totals(w->media, &t);
	ret->json = json_pack("{s:o,s:f,s:f}", "clips", list(w, NULL),
			      "kib_used", (double)t.frames_used * HF_FRAME_KIB,
			      "kib", (double)t.frames * HF_FRAME_KIB);
}

void hf_answer_audio_show(const struct hf_control_wiring *w, const json_t *args,
			  struct hf_answer *ret)
{
	const char *name = json_string_value(json_object_get(args, "clip"));
	json_t *rows;

	if (!have_library(w, ret))
		return;
	rows = list(w, name);
	ret->json =
		json_array_size(rows)
			? json_incref(json_array_get(rows, 0))
			: hf_request_error(HF_ERR_NOT_FOUND,
					   "there is no clip \"%.64s\"", name);
	json_decref(rows);
}

/* The library's words under the code that fits. */
static json_t *result(int error, const char *why, const char *name)
{
	if (error)
		return hf_request_error(error == -ENOENT   ? HF_ERR_NOT_FOUND
					: error == -EINVAL ? HF_ERR_BAD_ARGUMENT
							   : HF_ERR_FAILED,
					"%s", why);
	return json_pack("{s:o}", "clip", hf_json_text(name));
}

void hf_answer_audio_add(const struct hf_control_wiring *w, const json_t *args,
			 struct hf_answer *ret)
{
	const char *name = json_string_value(json_object_get(args, "clip"));
	const char *file = json_string_value(json_object_get(args, "file"));
	char why[256] = "";

	if (have_library(w, ret))
		ret->json = result(hf_library_add(w->library, name, file, why,
						  sizeof(why)),
				   why, name);
}

void hf_answer_audio_remove(const struct hf_control_wiring *w,
			    const json_t *args, struct hf_answer *ret)
{
	const char *name = json_string_value(json_object_get(args, "clip"));
	char why[256] = "";

	if (have_library(w, ret))
		ret->json = result(
			hf_library_remove(w->library, name, why, sizeof(why)),
			why, name);
}

void hf_answer_audio_play(const struct hf_control_wiring *w, const json_t *args,
			  struct hf_answer *ret)
{
	const char *clip = json_string_value(json_object_get(args, "clip"));
	const char *to = json_string_value(json_object_get(args, "to"));
	char why[256] = "";
	uint64_t play = 0;
	int err = hf_park_play(w->park, clip, to, &play, why, sizeof(why));

	ret->json = err ? result(err, why, clip)
			: json_pack("{s:I,s:o,s:o}", "play", (json_int_t)play,
				    "clip", hf_json_text(clip), "to",
				    hf_json_text(to));
}

void hf_answer_audio_playing(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	json_int_t play = json_integer_value(json_object_get(args, "play"));
	const char *state, *why;

	if (hf_park_play_state(w->park, (uint64_t)play, &state, &why))
		ret->json = json_pack("{s:I,s:s,s:o}", "play", play, "state",
				      state, "why", hf_json_text(why));
	else
		ret->json = hf_request_error(HF_ERR_NOT_FOUND,
					     "there is no play %lld",
					     (long long)play);
}
