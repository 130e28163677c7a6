// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A clip to try out: a phone is called and hears it once (talk.c). The latest
 * few are remembered, so that who asked can learn how it ended.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

#define HF_PLAY_RING_S 30

static void over(void *arg, enum hf_talk_end how, const char *why)
{
	struct hf_play *play = arg;

	play->state = how == HF_TALK_SAID ? HF_PLAY_DONE : HF_PLAY_FAILED;
	snprintf(play->why, sizeof(play->why), "%s", why);
}

/* The entry that has been over for longest, or NULL. */
static struct hf_play *room(struct hf_park *park)
{
	struct hf_play *best = NULL;

	for (unsigned int i = 0; i < HF_PLAYS; i++) {
		struct hf_play *p = &park->plays[i];

		if (p->state != HF_PLAY_RUNS && (!best || p->id < best->id))
			best = p;
	}
	return best;
}

static bool is_there(const struct hf_park *park, const char *clip)
{
	for (int codec = 0; codec < HF_CODEC_COUNT; codec++)
		if (hf_media_clip_exists(park->wire.media, clip,
					 (enum hf_codec)codec))
			return true;
	return false;
}

int hf_park_play(struct hf_park *park, const char *clip, const char *uri,
		 uint64_t *ret_play, char *why, size_t why_len)
{
	struct hf_talk_out out = {
		.uri = uri,
		.from_user = "audio",
		.display = "Holdfast audio",
		.ring_s = HF_PLAY_RING_S,
		.whole = true,
		.over = over,
	};
	struct hf_play *play = room(park);
	int err;

	if (!is_there(park, clip)) {
		snprintf(why, why_len, "there is no clip \"%.64s\"", clip);
		return -ENOENT;
	}
	if (strncmp(uri, "sip:", 4) && strncmp(uri, "sips:", 5) &&
	    strncmp(uri, "tel:", 4)) {
		snprintf(why, why_len,
			 "\"%.80s\" is not a sip: or tel: URI", uri);
		return -EINVAL;
	}
	if (!play) {
		snprintf(why, why_len, "%d clips are being played already",
			 HF_PLAYS);
		return -EBUSY;
	}
	out.over_arg = play;
	out.speech.count = 1;
	if ((size_t)snprintf(out.speech.word[0], HF_WORD_LEN, "%s", clip) >=
	    HF_WORD_LEN) {
		snprintf(why, why_len, "the name is too long");
		return -EINVAL;
	}
	err = hf_talk_call(park, &out, &play->id, why, why_len);
	if (err)
		return err;
	play->state = HF_PLAY_RUNS;
	*ret_play = play->id;
	return 0;
}

bool hf_park_play_state(const struct hf_park *park, uint64_t id,
			const char **ret_state, const char **ret_why)
{
	static const char *const word[] = {[HF_PLAY_DONE] = "played",
					   [HF_PLAY_FAILED] = "failed"};

	for (unsigned int i = 0; i < HF_PLAYS; i++) {
		const struct hf_play *p = &park->plays[i];

		if (!id || p->id != id)
			continue;
		*ret_why = p->why;
		*ret_state = word[p->state];
		if (p->state != HF_PLAY_RUNS)
			return true;
		*ret_why = "";
		*ret_state = hf_talk_speaks(park, id) ? "playing" : "ringing";
		return true;
	}
	return false;
}
