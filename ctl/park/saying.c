// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A call of ours that says something, for rooms that have something to tell
 * (ctl/hooks: alerts). One talk (talk.c), seen from outside.
 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

int hf_park_say(struct hf_park *park, const struct hf_saying *s,
		uint64_t *ret_talk, char *why, size_t why_len)
{
	const struct hf_lot *lot = s->lot ? hf_lot_by_name(park, s->lot) : NULL;
	struct hf_talk_out out = {
		.uri = s->uri,
		.tenant = lot ? lot->config->of : NULL,
		.from_user = s->from_user,
		.display = s->display,
		.ring_s = s->ring_s,
		.begun = s->begun,
		.over = s->over,
		.over_arg = s->arg,
	};

	if (hf_talk_with(park, s->uri)) {
		snprintf(why, why_len, "%s: is being talked to", s->uri);
		return -EBUSY;
	}
	if (!s->count || s->count > HF_SAY_MAX) {
		snprintf(why, why_len, "%s: %u clips at once", s->uri,
			 s->count);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < s->count; i++)
		snprintf(out.speech.word[out.speech.count++], HF_WORD_LEN, "%s",
			 s->clips[i]);
	return hf_talk_call(park, &out, ret_talk, why, why_len);
}

void hf_park_say_no_more(struct hf_park *park, uint64_t talk)
{
	hf_talk_take_back(park, talk);
}
