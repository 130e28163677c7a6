// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Offer/answer state of one dialog: takes what the peer says (parse.c,
 * choose.c) into the session. write.c writes our side of it.
 */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "choose.h"
#include "codec.h"
#include "room.h"

void hf_session_init(struct hf_session *s, struct hf_ip local_ip4,
		     uint16_t local_port, uint64_t origin_id)
{
	memset(s, 0, sizeof(*s));
	s->local_ip4 = local_ip4;
	s->local_port = local_port;
	s->origin_id = origin_id;
	s->origin_version = 1;
	s->audio_index = -1;
	for (int c = 0; c < HF_CODEC_COUNT; c++)
		s->codec_pt[c] = s->codec_rx_pt[c] =
			hf_codec_own_pt((enum hf_codec)c);
}

static bool keep_word(char *out, size_t size, struct hf_text t)
{
	if (t.len >= size)
		return false;
	memcpy(out, t.at, t.len);
	out[t.len] = '\0';
	return true;
}

/* Formats of a refused line mean nothing, but one has to stand there (RFC 3264
 * 6); so a list that is too long is cut after a whole one. */
static bool keep_formats(char *out, size_t size, struct hf_text formats)
{
	struct hf_text word;
	size_t used = 0;

	while (hf_text_word(&formats, ' ', &word)) {
		if (used + 1 + word.len >= size && used)
			break;
		if (word.len >= size)
			return false;
		if (used)
			out[used++] = ' ';
		memcpy(out + used, word.at, word.len);
		used += word.len;
	}
	if (!used)
		out[used++] = '0';
	out[used] = '\0';
	return true;
}

/* Every line of the offer, in order: the answer has to repeat them. */
static int keep_shape(struct hf_session *s, const struct hf_sdp *sdp, char *why,
		      size_t why_len)
{
	if (!sdp->media_count || sdp->media_count > HF_SDP_MAX_MEDIA) {
		snprintf(why, why_len, "%u m= lines; 1 to %d are supported",
			 sdp->media_count, HF_SDP_MAX_MEDIA);
		return -ENOPROTOOPT;
	}
	hf_room_clear_lines(s);
	for (unsigned int i = 0; i < sdp->media_count; i++) {
		const struct hf_sdp_media *m = &sdp->media[i];
		char type[16], proto[24], formats[128];
		const struct hf_sdp_line line = {type, proto, formats};

		if (keep_word(type, sizeof(type), m->type) &&
		    keep_word(proto, sizeof(proto), m->proto) &&
		    keep_formats(formats, sizeof(formats), m->formats) &&
		    hf_room_add_line(s, &line))
			continue;
		snprintf(why, why_len, "m= line %u has an unknown form", i + 1);
		return -ENOPROTOOPT;
	}
	return 0;
}

/* The peer's side of the line in use. */
static void keep_remote(struct hf_session *s, const struct hf_sdp_media *m,
			const struct hf_choice *c)
{
	s->have_remote = true;
	s->remote_ip4 = m->ip4;
	s->remote_port = m->port;
	s->remote_rtcp_port = m->rtcp_port;
	if (!m->rtcp_port && m->port && m->port < UINT16_MAX)
		s->remote_rtcp_port = m->port + 1;
	s->remote_rtcp_ip4 = m->rtcp_port ? m->rtcp_ip4 : (struct hf_ip){0};
	s->rtcp_mux = m->rtcp_mux;
	s->remote_direction = m->direction;
	/* Hold as RFC 2543 had it: whatever the attribute says, nobody listens
	 * there (RFC 3264 8.4). */
	if (!m->ip4.s_addr)
		s->remote_direction &= HF_SENDONLY;
	s->ptime_ms = m->ptime_ms;
	s->maxptime_ms = m->maxptime_ms;
	for (int i = 0; i < HF_CODEC_COUNT; i++) {
		s->codec_offered[i] = c->offered[i];
		s->codec_pt[i] = c->offered[i]
					 ? c->pt[i]
					 : hf_codec_own_pt((enum hf_codec)i);
	}
	s->codec = c->codec;
	s->dtmf_pt = c->dtmf_pt;
	if (c->dtmf_pt)
		s->dtmf_clock = c->dtmf_clock;
}

/* The peer takes its own audio away (port 0): the dialog goes on without. */
static int take_disabled(struct hf_session *s, const struct hf_sdp *sdp)
{
	int found = -1;

	for (unsigned int i = 0; i < sdp->media_count; i++) {
		const struct hf_sdp_media *m = &sdp->media[i];

		if (!hf_text_is(m->type, "audio"))
			continue;
		if (m->port)
			return -ENOPROTOOPT;
		if (found < 0 && hf_text_is(m->proto, "RTP/AVP"))
			found = (int)i;
	}
	if (found < 0 || !s->have_remote)
		return -ENOPROTOOPT;
	s->audio_index = found;
	s->remote_port = s->remote_rtcp_port = 0;
	s->remote_direction = HF_INACTIVE;
	return 0;
}

/* The first audio line that is in use and that we can use. */
static int take_audio(struct hf_session *s, const struct hf_sdp *sdp,
		      const enum hf_codec *codecs, unsigned int count,
		      char *why, size_t why_len)
{
	bool said = false;

	snprintf(why, why_len, "there is no audio line in use");
	for (unsigned int i = 0; i < sdp->media_count; i++) {
		const struct hf_sdp_media *m = &sdp->media[i];
		struct hf_choice c;
		char reason[256];

		if (!m->port || !hf_text_is(m->type, "audio"))
			continue;
		if (s->ip4_only && m->address == HF_SDP_ADDRESS_IP6) {
			if (!said)
				snprintf(why, why_len,
					 "IPv6 media is not supported");
			said = true;
			continue;
		}
		if (hf_sdp_choose(m, codecs, count, &c, reason,
				  sizeof(reason)) < 0) {
			if (!said)
				snprintf(why, why_len, "%s", reason);
			said = true;
			continue;
		}
		keep_remote(s, m, &c);
		s->audio_index = (int)i;
		/* Our answer will carry the offerer's numbers (RFC 3264 6.1).
		 */
		memcpy(s->codec_rx_pt, s->codec_pt, sizeof(s->codec_rx_pt));
		s->dtmf_rx_pt = s->dtmf_pt;
		return 0;
	}
	return take_disabled(s, sdp);
}

int hf_session_take_offer(struct hf_session *s, const char *text, size_t len,
			  const enum hf_codec *codecs, unsigned int count,
			  char *why, size_t why_len)
{
	struct hf_session next = *s;
	struct hf_sdp sdp;
	int error;

	error = hf_sdp_parse(&sdp, text, len, why, why_len);
	if (!error)
		error = keep_shape(&next, &sdp, why, why_len);
	if (!error)
		error = take_audio(&next, &sdp, codecs, count, why, why_len);
	if (error)
		return error;
	*s = next;
	if (why_len)
		why[0] = '\0';
	return 0;
}

int hf_session_take_answer(struct hf_session *s, const char *text, size_t len,
			   const enum hf_codec *codecs, unsigned int count,
			   char *why, size_t why_len)
{
	const struct hf_sdp_media *m;
	struct hf_choice c;
	struct hf_sdp sdp;
	int error;

	if (s->audio_index < 0)
		return -EINVAL;
	error = hf_sdp_parse(&sdp, text, len, why, why_len);
	if (error)
		return error;
	/* Lines that are missing behind ours do no harm. */
	if ((unsigned int)s->audio_index >= sdp.media_count) {
		snprintf(why, why_len, "the answer has %u m= lines, not %u",
			 sdp.media_count, s->media_count);
		return -EBADMSG;
	}
	m = &sdp.media[s->audio_index];
	if (!m->port) {
		snprintf(why, why_len, "the answer refuses audio");
		return -ENOPROTOOPT;
	}
	error = hf_sdp_choose(m, codecs, count, &c, why, why_len);
	if (error)
		return error;
	keep_remote(s, m, &c);
	if (why_len)
		why[0] = '\0';
	return 0;
}

bool hf_session_remote(const struct hf_session *s, struct hf_media_remote *ret)
{
	if (!s->have_remote)
		return false;
	memset(ret, 0, sizeof(*ret));
	ret->ip4 = s->remote_ip4;
	ret->port = s->remote_port;
	ret->codec = s->codec;
	ret->payload_type = s->codec_pt[s->codec];
	ret->rx_payload_type = s->codec_rx_pt[s->codec];
	ret->dtmf_pt = s->dtmf_pt;
	ret->rx_dtmf_pt = s->dtmf_pt ? s->dtmf_rx_pt : 0;
	ret->dtmf_clock = s->dtmf_clock;
	ret->rtcp_port = s->remote_rtcp_port;
	ret->rtcp_ip4 = s->remote_rtcp_ip4;
	ret->rtcp_mux = s->rtcp_mux;
	ret->ptime_ms = hf_sdp_ptime(s->ptime_ms, s->maxptime_ms);
	ret->may_send = s->remote_port && s->remote_direction & HF_SENDONLY;
	ret->may_receive = s->remote_port && s->remote_direction & HF_RECVONLY;
	return true;
}
