// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Talks, see talk.h. The words become one run of frames that the kernel plays
 * on the leg (hf_media_leg_say); we only wait until it is over and hang up.
 */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The first frame waits for its time slot, the last for its receiver. */
#define HF_TAIL_MS 200

static unsigned long long id(const struct hf_talk *t)
{
	return (unsigned long long)t->id;
}

void hf_speech_add(struct hf_speech *s, const char *language, const char *word)
{
	if (s->count < HF_SAY_MAX)
		snprintf(s->word[s->count++], HF_WORD_LEN, "%s/%s", language,
			 word);
}

void hf_speech_spell(struct hf_speech *s, const char *language,
		     const char *number)
{
	for (; *number; number++) {
		const char digit[] = {*number, '\0'};

		if (*number >= '0' && *number <= '9')
			hf_speech_add(s, language, digit);
		else if (*number == '*')
			hf_speech_add(s, language, "star");
		else if (*number == '#')
			hf_speech_add(s, language, "hash");
	}
}

static void due(struct hf_timer *timer);

struct hf_talk *hf_talk_create(struct hf_park *park, struct hf_party *p)
{
	struct hf_talk *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->park = park;
	if (hf_timers_reserve_due(&park->timers, &t->timer, due)) {
		free(t);
		return NULL;
	}
	t->id = ++park->last_call;
	t->party = p;
	p->talk = t;
	t->next = park->talks;
	t->at = &park->talks;
	if (t->next)
		t->next->at = &t->next;
	park->talks = t;
	park->talk_count++;
	return t;
}

void hf_talk_free(struct hf_talk *t, bool close_leg)
{
	if (!t)
		return;
	hf_talk_unnote(t);
	hf_party_free(t->party, close_leg);
	hf_timers_release(&t->park->timers, &t->timer);
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->park->talk_count--;
	free(t);
}

static void over(struct hf_talk *t, enum hf_talk_end how, const char *why,
		 const struct hf_cause *cause)
{
	void (*tell)(void *, enum hf_talk_end, const char *) = t->over;
	void *arg = t->over_arg;
	struct hf_party *p = t->party;
	char said[HF_WHY_LEN];

	snprintf(said, sizeof(said), "%s", why);
	hf_info("talk %llu with %s: %s", id(t), p->who.uri ?: "?", said);
	t->party = NULL;
	hf_party_drop(p, t->refuse_with, cause);
	hf_pages_look(t->park);
	hf_talk_free(t, true);
	if (tell)
		tell(arg, how, said);
}

static void due(struct hf_timer *timer)
{
	static const struct hf_cause silent = {408, "Nobody answers"};
	struct hf_talk *t = (void *)((char *)timer -
				     offsetof(struct hf_talk, timer));

	if (t->state == HF_TALK_RINGS)
		over(t, HF_TALK_UNANSWERED, "nobody answered", &silent);
	else
		over(t, HF_TALK_SAID, "said", NULL);
}

/* The words that there are in this codec. */
static unsigned int words_of(const struct hf_talk *t, const char **words)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < t->speech.count; i++)
		if (hf_media_clip_exists(t->park->wire.media, t->speech.word[i],
					 t->party->session->codec))
			words[n++] = t->speech.word[i];
	return n;
}

/* A clip longer than a leg can say at once: as music, until it is through. */
static int play_whole(struct hf_talk *t, const char *clip, uint32_t *ret_ms)
{
	struct hf_media *media = t->park->wire.media;
	int err = hf_media_clip_ms(media, clip, ret_ms);

	if (!err)
		err = hf_media_leg_hold(media, t->party->leg, clip);
	return err;
}

static void speak(struct hf_talk *t)
{
	static const struct hf_cause mute = {488, "Nothing can be said"};
	const char *words[HF_SAY_MAX];
	unsigned int count = words_of(t, words);
	uint64_t ends;
	uint32_t ms;
	int err;

	if (!hf_party_listens(t->party)) {
		over(t, HF_TALK_LEFT, "it does not listen", &mute);
		return;
	}
	err = count ? hf_media_leg_say(t->park->wire.media, t->party->leg,
				       words, count, NULL, &ms)
		    : -ENOENT;
	if (count == 1 && t->whole && err && err != -ENOENT)
		err = play_whole(t, words[0], &ms);
	if (err) {
		over(t, HF_TALK_LEFT,
		     err == -ENOENT ? "there is no such sound in its codec"
				    : strerror(-err),
		     &mute);
		return;
	}
	t->state = HF_TALK_SPEAKS;
	ends = t->park->now_ms + ms + HF_TAIL_MS;
	hf_timer_arm(&t->park->timers, &t->timer, ends);
	hf_talk_note(t, ends);
	if (t->begun)
		t->begun(t->over_arg);
}

/* A call out. */

static struct hf_dialog *send_invite(struct hf_talk *t,
				     const struct hf_talk_out *o,
				     const char *sdp)
{
	const char *domain = hf_tenant_domain(t->park->config, o->tenant) ?:
							   "anonymous.invalid";
	char uri[256], user[128], marker[32];
	struct hf_call_out out = {
		.uri = t->party->who.uri,
		.tenant = o->tenant,
		.recall_marker = marker,
		.call_info = o->call_info,
		.alert_info = o->alert_info,
		.answer_mode = o->answer_mode,
		.body = sdp,
	};

	hf_user_escape(o->from_user, user, sizeof(user));
	snprintf(uri, sizeof(uri), "sip:%s@%.120s", user, domain);
	snprintf(marker, sizeof(marker), "%llu", id(t));
	out.from = (struct hf_identity){.uri = uri,
					.user = user,
					.host = domain,
					.display = o->display};
	return t->park->wire.signal->invite(t->park->wire.stack, t->party,
					    &out);
}

static const char *try_call(struct hf_talk *t, const struct hf_talk_out *o,
			    struct hf_words *w)
{
	const struct hf_signal_ops *ops = t->park->wire.signal;
	const struct hf_identity who = {.uri = o->uri};
	const char *sip_call_id;
	struct hf_party *p = t->party;

	if (hf_person_set(&p->who, &who))
		return "out of memory";
	if (hf_party_make_offer(p, hf_towards(t->park, o->tenant, o->uri),
				hf_codecs_all(t->park), w))
		return w->why;
	p->dialog = send_invite(t, o, w->sdp);
	if (!p->dialog)
		return "the INVITE cannot be sent";
	sip_call_id = ops->call_id ? ops->call_id(p->dialog) : NULL;
	if (sip_call_id)
		p->sip_call_id = strdup(sip_call_id);
	return NULL;
}

int hf_talk_call(struct hf_park *park, const struct hf_talk_out *o,
		 uint64_t *ret_talk, char *why, size_t why_len)
{
	struct hf_party *p = hf_party_create(park, NULL, HF_ROLE_TARGET);
	struct hf_talk *t = p ? hf_talk_create(park, p) : NULL;
	const char *failed = "out of memory";
	struct hf_words words;

	if (!t)
		hf_party_free(p, true);
	else
		failed = try_call(t, o, &words);
	if (failed) {
		snprintf(why, why_len, "%s: %s", o->uri, failed);
		hf_talk_free(t, true);
		return -EIO;
	}
	t->state = HF_TALK_RINGS;
	t->speech = o->speech;
	t->whole = o->whole;
	t->begun = o->begun;
	t->over = o->over;
	t->over_arg = o->over_arg;
	hf_timer_arm(&park->timers, &t->timer,
		     park->now_ms + o->ring_s * 1000ULL);
	*ret_talk = t->id;
	return 0;
}

bool hf_talk_speaks(const struct hf_park *park, uint64_t talk)
{
	for (const struct hf_talk *t = park->talks; t; t = t->next)
		if (t->id == talk)
			return t->state == HF_TALK_SPEAKS;
	return false;
}

void hf_talk_take_back(struct hf_park *park, uint64_t talk)
{
	/* Phones do not list it as missed. */
	static const struct hf_cause settled = {200, "Call completed elsewhere"};

	for (struct hf_talk *t = park->talks; t; t = t->next) {
		if (t->id != talk)
			continue;
		t->over = NULL;
		over(t, HF_TALK_UNANSWERED, settled.text, &settled);
		return;
	}
}

void hf_talk_answered(struct hf_talk *t, const char *body, size_t len)
{
	const struct hf_cause unfit = {488, "No media in common"};
	struct hf_party *p = t->party;
	struct hf_words words;

	hf_timer_stop(&t->park->timers, &t->timer);
	p->answered = true;
	p->up = true;
	if (hf_party_take_answer(p, body, len, p->offered, &words))
		over(t, HF_TALK_LEFT, words.why, &unfit);
	else
		speak(t);
}

/* A call in. */

bool hf_talk_answer(struct hf_park *park, struct hf_party *p,
		    const struct hf_invite *in, const struct hf_speech *speech,
		    int status, bool early)
{
	struct hf_talk *t = hf_talk_create(park, p);
	const char *words[HF_SAY_MAX];
	struct hf_words w;
	struct hf_reply reply = {.status = early ? 183 : 200, .body = w.sdp};

	if (!t)
		return false;
	t->speech = *speech;
	if ((early && !in->body && !in->reliable) ||
	    hf_party_take_invite(p, in->body, in->body_len, hf_codecs_all(park),
				 &w) ||
	    (in->body && (!words_of(t, words) || !hf_party_listens(p)))) {
		p->talk = NULL;
		t->party = NULL;
		hf_talk_free(t, true);
		return false;
	}
	t->refuse_with = early ? status : 0;
	park->wire.signal->reply(p->dialog, &reply);
	p->answered = !early;
	t->state = HF_TALK_GREETS;
	if (early && in->body)
		speak(t);
	else
		hf_talk_note(t, park->now_ms);
	return true;
}

void hf_talk_ack(struct hf_talk *t, const char *body, size_t len)
{
	const struct hf_cause unfit = {488, "No media in common"};
	struct hf_party *p = t->party;
	bool first = !p->up;
	struct hf_words words;

	p->up = true;
	if (p->awaiting_answer &&
	    hf_party_take_answer(p, body, len, p->offered, &words))
		over(t, HF_TALK_LEFT, words.why, &unfit);
	else if (first)
		speak(t);
}

void hf_talk_gone(struct hf_talk *t, const char *why)
{
	over(t, t->state == HF_TALK_RINGS ? HF_TALK_UNANSWERED : HF_TALK_LEFT,
	     why, NULL);
}

/* Hold, a sign of life, another address: what is being said goes on. */
void hf_talk_reinvite(struct hf_talk *t, const char *body, size_t len)
{
	struct hf_party *p = t->party;
	struct hf_words words;
	struct hf_reply reply = {.status = 200, .body = words.sdp};
	int status = hf_party_retake(p, body, len,
				     hf_codecs_only(p->session->codec), &words);

	if (status)
		reply = (struct hf_reply){.status = status,
					  .reason = words.why};
	t->park->wire.signal->reply(p->dialog, &reply);
}

bool hf_talk_with(const struct hf_park *park, const char *uri)
{
	for (const struct hf_talk *t = park->talks; t; t = t->next)
		if (t->party->who.uri && !strcmp(t->party->who.uri, uri))
			return true;
	return false;
}

void hf_talks_end(struct hf_park *park, bool hang_up)
{
	const struct hf_cause stop = {480, "the controller stops"};

	while (park->talks) {
		struct hf_talk *t = park->talks;

		t->over = NULL;
		if (hang_up)
			over(t, HF_TALK_LEFT, stop.text, &stop);
		else
			hf_talk_free(t, false);
	}
}
