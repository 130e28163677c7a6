// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said besides the music: the slot to who dialled for one, a tone to a
 * caller who is picked up, announcements into the wait. Each is put before the
 * music of the leg in one step (media.h), so it ends by itself. What is missing
 * (a prompt, a clip in the leg's codec) is passed over: a call is worth more.
 */
#include <errno.h>
#include <string.h>

#include "internal.h"

static bool prompt(const struct hf_call *call, const char *word, char *name)
{
	const struct hf_session *s = call->caller->session;

	snprintf(name, HF_WORD_LEN, "%s/%s", call->lot->config->voice.language,
		 word);
	return hf_media_clip_exists(call->park->wire.media, name, s->codec);
}

static const char *word_of(char c)
{
	static const char *const digits[] = {"0", "1", "2", "3", "4",
					     "5", "6", "7", "8", "9"};

	if (c >= '0' && c <= '9')
		return digits[c - '0'];
	return c == '*' ? "star" : c == '#' ? "hash" : NULL;
}

bool hf_voice_refuses(struct hf_park *park, struct hf_party *p,
		      const struct hf_invite *in, const struct hf_decision *d)
{
	const struct hf_config_lot *lot = d->lot ? d->lot->config : NULL;
	struct hf_speech speech = {.count = 0};

	/* Who is transferred would be taken off the transferor's hands by a
	 * 200; a stranger is told nothing. */
	if (!d->prompt || !lot || lot->voice.refusals == HF_REFUSE_PLAINLY ||
	    in->replaces || hf_invite_mark(in) ||
	    !hf_identity_internal(park->config, lot->of, hf_invite_sender(in)))
		return false;
	hf_speech_add(&speech, lot->voice.language, d->prompt);
	return hf_talk_answer(park, p, in, &speech, d->status,
			      lot->voice.refusals == HF_REFUSE_EARLY);
}

bool hf_voice_tells(const struct hf_call *call)
{
	char name[HF_WORD_LEN];

	return call->lot->config->voice.language &&
	       call->lot->config->voice.tell_slot && !call->told &&
	       prompt(call, "parked-at", name);
}

void hf_voice_tell_slot(struct hf_call *call)
{
	char name[HF_SAY_MAX][HF_WORD_LEN];
	const char *words[HF_SAY_MAX];
	unsigned int count = 0;
	uint32_t ms;
	int err;

	call->told = true;
	if (!call->slot || !hf_party_listens(call->caller))
		return;
	if (prompt(call, "parked-at", name[0]))
		words[count++] = name[0];
	for (const char *at = call->slot->name; *at && count < HF_SAY_MAX;
	     at++) {
		const char *word = word_of(*at);

		if (word && prompt(call, word, name[count])) {
			words[count] = name[count];
			count++;
		}
	}
	err = hf_media_leg_say(call->park->wire.media, call->caller->leg, words,
			       count, hf_call_hold_audio(call), &ms);
	if (err)
		hf_warn("call %llu: the slot is not told: %s",
			(unsigned long long)call->id, strerror(-err));
	else
		call->caller->hears = HF_HEARS_HOLD;
}

void hf_voice_ask(struct hf_party *p)
{
	static const char *const said[] = {"press", "1", "to-be-put-through"};
	const struct hf_config_lot *lot = p->call->lot->config;
	struct hf_media *media = p->park->wire.media;
	char name[3][HF_WORD_LEN];
	const char *words[3];
	uint32_t ms;
	int err = 0;

	for (unsigned int i = 0; i < 3; i++) {
		snprintf(name[i], HF_WORD_LEN, "%s/%s", lot->voice.language,
			 said[i]);
		words[i] = name[i];
		if (!lot->voice.language ||
		    !hf_media_clip_exists(media, name[i], p->session->codec))
			err = -ENOENT;
	}
	if (!err && hf_party_listens(p))
		err = hf_media_leg_say(media, p->leg, words, 3, NULL, &ms);
	if (err)
		hf_warn("call %llu: %s is not told to press 1: %s",
			(unsigned long long)p->call->id, p->who.uri ?: "?",
			strerror(-err));
}

bool hf_voice_tone(struct hf_call *call)
{
	char name[HF_WORD_LEN];
	const char *tone = name;
	uint32_t ms;

	if (call->toned || !call->lot->config->voice.pickup_tone ||
	    !hf_party_listens(call->caller) || !prompt(call, "tone", name))
		return false;
	call->toned = true;
	if (hf_media_leg_say(call->park->wire.media, call->caller->leg, &tone,
			     1, NULL, &ms))
		return false;
	call->caller->hears = HF_HEARS_NOTHING;
	hf_timer_arm(&call->park->timers, &call->voice,
		     call->park->now_ms + ms);
	return true;
}

/* Then it is looked again whether something can be said by now. */
#define HF_COMING_MS 1000
/* How soon a caller learns which key there is. */
#define HF_ESCAPE_FIRST_MS 2000

void hf_voice_begin(struct hf_call *call)
{
	const struct hf_config_lot *lot = call->lot->config;
	uint64_t every = lot->voice.announce_every_s * 1000ULL;

	call->toned = false;
	call->announced = 0;
	hf_timer_stop(&call->park->timers, &call->voice);
	if (lot->escape.key)
		hf_timer_arm(&call->park->timers, &call->voice,
			     call->park->now_ms + HF_ESCAPE_FIRST_MS);
	else if (lot->voice.announce && every)
		hf_timer_arm(&call->park->timers, &call->voice,
			     call->park->now_ms + every);
}

/* What is next: the key first, then by turns. The library calls it so: what is
 * said, put into this music. False: nothing is. */
static bool announcement(const struct hf_call *call, char *name, size_t len)
{
	const struct hf_config_lot *lot = call->lot->config;
	const char *music = hf_call_hold_audio(call);
	bool key = lot->escape.key &&
		   (!lot->voice.announce || !(call->announced & 1));

	if (key)
		snprintf(name, len, "%s+%s/escape-%s", music,
			 lot->voice.language, lot->escape.key);
	else if (lot->voice.announce)
		snprintf(name, len, "%s+%s", music, lot->voice.announce);
	return key || lot->voice.announce;
}

/* Music that this call alone hears (a header, a rule, a route): is it being
 * made ready for what is said into it? */
static bool is_coming(const struct hf_call *call)
{
	const struct hf_park_wiring *w = &call->park->wire;

	return w->say_into && w->say_into(w->say_arg, call->lot->config,
					  hf_call_hold_audio(call));
}

static void announce(struct hf_call *call)
{
	const struct hf_config_lot *lot = call->lot->config;
	uint64_t every = lot->voice.announce_every_s * 1000ULL;
	char name[160];
	uint32_t ms = 0;
	int err;

	if (!every || !announcement(call, name, sizeof(name)))
		return;
	err = hf_media_leg_announce(call->park->wire.media, call->caller->leg,
				    name, &ms);
	if (err == -ENOENT && is_coming(call)) {
		err = -EAGAIN;
		ms = HF_COMING_MS;
	}
	if (err != -EAGAIN)
		call->announced++;
	if (err && err != -EAGAIN)
		hf_debug("call %llu: no announcement %s: %s",
			 (unsigned long long)call->id, name, strerror(-err));
	hf_timer_arm(&call->park->timers, &call->voice,
		     call->park->now_ms + ms + (err == -EAGAIN ? 0 : every));
}

void hf_act_voice(struct hf_call *call, const struct hf_stimulus *s)
{
	if (call->state == HF_S_RELAY)
		hf_call_relay(call); /* the tone is over */
	else if (call->state == HF_S_PARKED || call->state == HF_S_RECALLING ||
		 call->state == HF_S_CLAIMED)
		announce(call);
}

void hf_voice_message(struct hf_call *call)
{
	const struct hf_signal_ops *signal = call->park->wire.signal;
	const char *name = call->who.display ?: "";
	const char *number = call->who.user ?: "";
	char text[400];

	if (!call->lot->config->message_parker || !call->slot ||
	    !call->parker.uri || !signal->message)
		return;
	if (call->privacy)
		snprintf(text, sizeof(text), "Parked at %s: anonymous",
			 call->slot->name);
	else
		snprintf(text, sizeof(text), "Parked at %s: %.150s%s%.150s",
			 call->slot->name, name, *name && *number ? ", " : "",
			 number);
	signal->message(call->park->wire.stack, call->lot->config->of,
			call->lot->config->park,
			call->parker.uri, text);
}
