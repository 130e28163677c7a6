// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Agreeing with one party on media: its SDP (ctl/sdp) on one side, its leg
 * (ctl/media) on the other. An offer works on a copy of the session and is
 * committed when the leg has taken it too, so what is refused changes nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct hf_codecs hf_codecs_all(const struct hf_park *park)
{
	const struct hf_config *config = park->config;
	struct hf_codecs c = {.count = 0};

	for (unsigned int i = 0; i < config->audio.codec_count; i++) {
		int codec = hf_codec_by_name(config->audio.codecs[i]);

		if (codec >= 0 && c.count < HF_CODEC_COUNT)
			c.list[c.count++] = (enum hf_codec)codec;
	}
	if (!c.count)
		return (struct hf_codecs){.list = {HF_CODEC_PCMU,
						   HF_CODEC_PCMA},
					  .count = 2};
	return c;
}

struct hf_codecs hf_codecs_only(enum hf_codec codec)
{
	return (struct hf_codecs){.list = {codec}, .count = 1};
}

static int status_of(int err)
{
	switch (err) {
	case 0:
		return 0;
	case -EBADMSG:
		return 400;
	case -ENOPROTOOPT:
		return 488;
	default:
		return 500;
	}
}

static int say(struct hf_words *w, int status, const char *text)
{
	snprintf(w->why, sizeof(w->why), "%s", text);
	return status;
}

/* Media sent to these would come back to us, or to everybody. The legs of one
 * call that meet (loop.c) get no media at all. */
static bool bad_remote(struct hf_party *p, const struct hf_session *s,
		       bool *ret_loop)
{
	uint32_t host = ntohl(s->remote_ip4.s_addr);

	*ret_loop = false;
	if (!host) /* RFC 2543 hold */
		return false;
	/* Of IPv6 ctl/sdp has looked at the kind. */
	if (!hf_ip_is6(&s->remote_ip4) &&
	    (IN_MULTICAST(host) || host == INADDR_BROADCAST || (host >> 24) == 0))
		return true;
	if (!hf_media_is_own_port(p->park->wire.media, s->remote_ip4,
				  s->remote_port))
		return false;
	*ret_loop = hf_loop_seen(p, s->remote_ip4, s->remote_port);
	return !*ret_loop;
}

static int open_leg(struct hf_party *p, struct hf_session *s,
		    struct hf_ip towards, struct hf_words *w)
{
	struct hf_ip ip4;
	uint16_t port;
	uint32_t leg;
	int err;

	if (p->leg == HF_LEG_NONE) {
		err = hf_media_leg_open(p->park->wire.media, towards, &leg,
					&ip4, &port);
		/* SIP may be of another family than the media we offer. */
		if (err == -EAFNOSUPPORT && !s->have_remote)
			err = hf_media_leg_open(p->park->wire.media,
						(struct hf_ip){0}, &leg, &ip4,
						&port);
		if (err == -EAFNOSUPPORT) {
			snprintf(w->why, sizeof(w->why),
				 "no media address here is IPv%c",
				 hf_ip_is6(&towards) ? '6' : '4');
			return 488;
		}
		if (err) {
			snprintf(w->why, sizeof(w->why),
				 "no media port is free (%s)", strerror(-err));
			return 480;
		}
		hf_party_set_leg(p, leg);
		s->local_ip4 = ip4;
		s->local_port = port;
	}
	return 0;
}

static void start_session(struct hf_party *p, struct hf_session *s)
{
	uint64_t id = p->talk ? p->talk->id : p->call->id;
	uint32_t n = p->talk ? p->talk->sessions++ : p->call->sessions++;

	/* rises over restarts, because these ids do */
	hf_session_init(s, (struct hf_ip){0}, 0, id << 16 | (n & 0xffff));
}

/*
 * Behind NAT the SDP names an address that nothing comes from. The datapath
 * learns the port from packets (HF_PROGRAM_LATCH), but believes only the
 * address it was given: so that is the one the signalling came from, if it is
 * in media.allow.
 */
static bool latches(const struct hf_party *p, const struct hf_session *s)
{
	const struct hf_park *park = p->park;

	return p->source.s_addr && hf_config_may_latch(park->config, p->source) &&
	       s->remote_ip4.s_addr && s->remote_port &&
	       !hf_ip_equal(&s->remote_ip4, &p->source) &&
	       hf_ip_is6(&s->remote_ip4) == hf_ip_is6(&p->source) &&
	       !hf_media_is_own(park->wire.media, p->source);
}

/* What was agreed, as the leg wants it. */
static bool remote_of(const struct hf_party *p, const struct hf_session *s,
		      struct hf_media_remote *r)
{
	*r = (struct hf_media_remote){0};
	if (!hf_session_remote(s, r))
		return false;
	r->latch = latches(p, s);
	if (r->latch)
		r->ip4 = p->source;
	r->auto_clock = p->call && p->call->lot->config->hold_clock_auto;
	return true;
}

/* Hand what was agreed to the leg. */
static int set_remote(struct hf_party *p, const struct hf_session *s,
		      struct hf_words *w)
{
	struct hf_media_remote r;
	int err;

	if (!remote_of(p, s, &r))
		return say(w, 488, "the SDP names no media address");
	err = hf_media_leg_remote(p->park->wire.media, p->leg, &r);
	if (!err)
		return 0;
	snprintf(w->why, sizeof(w->why),
		 "the media address cannot be used (%s)", strerror(-err));
	return 488;
}

int hf_party_adopt_leg(struct hf_party *p)
{
	struct hf_media_remote r;
	bool known = remote_of(p, p->session, &r);

	return hf_media_leg_adopt(p->park->wire.media, p->leg,
				  hf_call_id_mark(p->sip_call_id),
				  known ? &r : NULL,
				  p->call ? hf_call_hold_audio(p->call) : NULL);
}

/* An offer that came in: all of it or nothing. */
static int take_offer(struct hf_party *p, struct hf_session *s,
		      const char *body, size_t len, struct hf_codecs c,
		      struct hf_words *w)
{
	struct hf_ip towards;
	int status;
	bool loop;

	s->ip4_only = !hf_media_has_ip6(p->park->wire.media);
	status = status_of(hf_session_take_offer(s, body, len, c.list, c.count,
						 w->why, sizeof(w->why)));
	if (status)
		return status;
	if (bad_remote(p, s, &loop))
		return say(w, 488, "the media address is not a peer's");
	towards = s->remote_ip4.s_addr ? s->remote_ip4 : p->source;
	status = open_leg(p, s, towards, w);
	if (status)
		return status;
	if (hf_session_write_answer(s, HF_SENDRECV, w->sdp, sizeof(w->sdp)))
		return say(w, 500, "the SDP answer could not be written");
	return loop ? 0 : set_remote(p, s, w);
}

/* The session is now this one. */
static int commit(struct hf_party *p, const struct hf_session *s,
		  struct hf_words *w)
{
	return hf_party_keep(p, s) ? say(w, 500, "out of memory") : 0;
}

int hf_party_make_offer(struct hf_party *p, struct hf_ip towards,
			struct hf_codecs c, struct hf_words *w)
{
	struct hf_session s;
	int status;

	if (p->leg == HF_LEG_NONE)
		start_session(p, &s);
	else
		hf_session_copy(&s, p->session);
	status = open_leg(p, &s, towards, w);
	if (status)
		return status;
	if (hf_session_write_offer(&s, HF_SENDRECV, c.list, c.count, w->sdp,
				   sizeof(w->sdp)))
		return say(w, 500, "the SDP offer could not be written");
	p->offered = c;
	return commit(p, &s, w);
}

int hf_party_offer_same(struct hf_party *p, struct hf_words *w)
{
	struct hf_session s;

	/* As an answer has it: no codec and no event that is not agreed on. */
	hf_session_copy(&s, p->session);
	if (hf_session_write_answer(&s, HF_SENDRECV, w->sdp, sizeof(w->sdp)))
		return say(w, 500, "the SDP offer could not be written");
	p->offered = hf_codecs_only(s.codec);
	return commit(p, &s, w);
}

/* The first INVITE of a party. Without SDP we offer (RFC 3264 5). */
int hf_party_take_invite(struct hf_party *p, const char *body, size_t len,
			 struct hf_codecs c, struct hf_words *w)
{
	struct hf_session s;
	int status;

	w->why[0] = '\0';
	if (body) {
		start_session(p, &s);
		status = take_offer(p, &s, body, len, c, w);
		return status ? status : commit(p, &s, w);
	}
	status = hf_party_make_offer(p, p->source, c, w);
	p->awaiting_answer = !status;
	return status;
}

/* What was agreed while it rang, if that still fits. */
static bool in_common(const struct hf_party *p, struct hf_codecs c)
{
	for (unsigned int i = 0; i < c.count; i++)
		if (c.list[i] == p->session->codec)
			return true;
	return false;
}

int hf_party_take_answer(struct hf_party *p, const char *body, size_t len,
			 struct hf_codecs c, struct hf_words *w)
{
	struct hf_session s;
	bool loop = false;
	int status;

	w->why[0] = '\0';
	p->awaiting_answer = false;
	if (!body && p->early)
		return in_common(p, c) ? 0 : say(w, 488, "no codec in common");
	if (!body)
		return say(w, 488, "no SDP answer came");
	hf_session_copy(&s, p->session);
	status = status_of(hf_session_take_answer(
		&s, body, len, c.list, c.count, w->why, sizeof(w->why)));
	if (!status && bad_remote(p, &s, &loop))
		status = say(w, 488, "the media address is not a peer's");
	if (!status && !loop)
		status = set_remote(p, &s, w);
	return status ? status : commit(p, &s, w);
}

/* A re-INVITE. One offer at a time: 491 while ours is not answered (RFC 3261
 * 14.2 calls it Request Pending). */
int hf_party_retake(struct hf_party *p, const char *body, size_t len,
		    struct hf_codecs c, struct hf_words *w)
{
	struct hf_session s;
	int status;

	w->why[0] = '\0';
	if (p->awaiting_answer || p->reoffered)
		return say(w, 491, "the answer to our offer is still to come");
	if (!body) {
		status = hf_party_make_offer(p, p->source, c, w);
		p->awaiting_answer = !status;
		return status;
	}
	hf_session_copy(&s, p->session);
	status = take_offer(p, &s, body, len, c, w);
	return status ? status : commit(p, &s, w);
}

struct hf_codecs hf_codecs_in_offer(const char *body, size_t len,
				    struct hf_codecs known)
{
	struct hf_codecs c = {.count = 0};
	struct hf_session *s = calloc(1, sizeof(*s));
	char why[HF_WHY_LEN];

	if (s && !hf_session_take_offer(s, body, len, known.list, known.count,
					why, sizeof(why))) {
		c.list[c.count++] = s->codec;
		for (unsigned int i = 0; i < known.count; i++)
			if (known.list[i] != s->codec &&
			    s->codec_offered[known.list[i]])
				c.list[c.count++] = known.list[i];
	}
	free(s);
	return c;
}

int hf_party_reoffer(struct hf_party *p, struct hf_codecs c)
{
	struct hf_words w;
	int err;

	if (!p->up || p->awaiting_answer || p->reoffered || !c.count)
		return -EBUSY;
	if (hf_party_make_offer(p, p->source, c, &w))
		return -EINVAL;
	err = p->park->wire.signal->reinvite(p->dialog, w.sdp);
	p->reoffered = !err;
	return err;
}

/* Does its side want to hear something? False on hold in any way. */
bool hf_party_listens(const struct hf_party *p)
{
	const struct hf_session *s = p->session;

	return s->have_remote && s->remote_ip4.s_addr && s->remote_port &&
	       (s->remote_direction & HF_RECVONLY);
}

void hf_party_hear_nothing(struct hf_party *p)
{
	int err;

	if (p->hears == HF_HEARS_NOTHING || p->leg == HF_LEG_NONE)
		return;
	p->hears = HF_HEARS_NOTHING;
	err = hf_media_leg_idle(p->park->wire.media, p->leg);
	if (err)
		hf_warn("call %llu: leg %u goes on sending: %s",
			(unsigned long long)p->call->id, p->leg,
			strerror(-err));
}

/* By the rules of the lot, or NULL. */
static const char *rule_audio(const struct hf_call *call)
{
	const struct hf_config_lot *lot = call->lot->config;

	for (unsigned int i = 0; call->who.uri && i < lot->audio_rule_count;
	     i++)
		if (hf_pattern_match(lot->audio_rules[i].caller, call->who.user,
				     call->who.host))
			return lot->audio_rules[i].clip;
	return NULL;
}

/* What was asked for, if it is there; what a rule says; the lot's own; while
 * that is being loaded after a reload, the default. */
const char *hf_call_hold_audio(const struct hf_call *call)
{
	const char *own = call->lot->config->hold_audio, *rule;
	struct hf_media *media = call->park->wire.media;
	enum hf_codec codec;

	if (!call->caller)
		return own;
	codec = call->caller->session->codec;
	if (call->hold_audio &&
	    hf_media_clip_exists(media, call->hold_audio, codec))
		return call->hold_audio;
	rule = rule_audio(call);
	if (rule && hf_media_clip_exists(media, rule, codec))
		return rule;
	if (!hf_media_clip_exists(media, own, codec) &&
	    hf_media_clip_exists(media, "default", codec))
		return "default";
	return own;
}

/* Silence is better for a caller than a lost call, so this cannot fail. */
void hf_party_hear_hold(struct hf_party *p)
{
	const char *clip = hf_call_hold_audio(p->call);
	int err;

	if (p->hears == HF_HEARS_HOLD || p->leg == HF_LEG_NONE)
		return;
	err = hf_media_leg_hold(p->park->wire.media, p->leg, clip);
	if (err) {
		hf_warn("call %llu: no hold audio \"%s\": %s",
			(unsigned long long)p->call->id, clip, strerror(-err));
		hf_party_hear_nothing(p);
		return;
	}
	p->hears = HF_HEARS_HOLD;
}
