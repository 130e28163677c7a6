// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our side of a session as text: answers and offers. One writer for both, so
 * that a line in use looks the same whoever asked for it.
 */
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choose.h"
#include "codec.h"
#include "room.h"

#define HF_DTMF_PT 101 /* for telephone-event where the peer named none */

struct hf_writer {
	char *out;
	size_t size, used;
	bool full;
};

static void put(struct hf_writer *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct hf_writer *w, const char *format, ...)
{
	va_list args;
	int n;

	if (w->full)
		return;
	va_start(args, format);
	n = vsnprintf(w->out + w->used, w->size - w->used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= w->size - w->used)
		w->full = true;
	else
		w->used += (size_t)n;
}

static const char *direction_name(enum hf_direction d)
{
	switch (d) {
	case HF_INACTIVE:
		return "inactive";
	case HF_SENDONLY:
		return "sendonly";
	case HF_RECVONLY:
		return "recvonly";
	case HF_SENDRECV:
		break;
	}
	return "sendrecv";
}

static void put_codec(struct hf_writer *w, uint8_t number, enum hf_codec codec)
{
	put(w, "a=rtpmap:%u %s/%u", number, hf_codec_name(codec),
	    hf_codec_clock(codec));
	if (hf_codec_channels(codec) > 1)
		put(w, "/%u", hf_codec_channels(codec));
	put(w, "\r\n");
	if (hf_codec_fmtp(codec))
		put(w, "a=fmtp:%u %s\r\n", number, hf_codec_fmtp(codec));
}

/* A line in use. `codecs` in order; the numbers are those we want to be sent.
 */
static void put_audio(struct hf_writer *w, const struct hf_session *s,
		      enum hf_direction direction, const enum hf_codec *codecs,
		      unsigned int count)
{
	put(w, "m=audio %u RTP/AVP", s->local_port);
	for (unsigned int i = 0; i < count; i++)
		put(w, " %u", s->codec_rx_pt[codecs[i]]);
	if (s->dtmf_rx_pt)
		put(w, " %u", s->dtmf_rx_pt);
	put(w, "\r\n");
	for (unsigned int i = 0; i < count; i++)
		put_codec(w, s->codec_rx_pt[codecs[i]], codecs[i]);
	if (s->dtmf_rx_pt)
		put(w, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n",
		    s->dtmf_rx_pt, s->dtmf_clock ?: HF_CODEC_CLOCK,
		    s->dtmf_rx_pt);
	/* Said when the peer has said it, also in later offers (RFC 5761
	 * 5.1.1); not all who know nothing of it pass it over. */
	if (s->rtcp_mux)
		put(w, "a=rtcp-mux\r\n");
	put(w, "a=ptime:%u\r\na=%s\r\n",
	    hf_sdp_ptime(s->ptime_ms, s->maxptime_ms),
	    direction_name(direction));
}

static void put_session(struct hf_writer *w, const struct hf_session *s,
			bool audio, enum hf_direction direction,
			const enum hf_codec *codecs, unsigned int count)
{
	char kind = hf_ip_is6(&s->local_ip4) ? '6' : '4';
	char ip[HF_IP_TEXT];

	hf_ip_text(&s->local_ip4, ip);
	put(w,
	    "v=0\r\no=holdfast %" PRIu64 " %" PRIu64 " IN IP%c %s\r\ns=-\r\n"
	    "c=IN IP%c %s\r\nt=0 0\r\n",
	    s->origin_id, s->origin_version, kind, ip, kind, ip);
	for (unsigned int i = 0; i < s->media_count; i++) {
		struct hf_sdp_line line = hf_room_line(s, i);

		if (audio && (int)i == s->audio_index)
			put_audio(w, s, direction, codecs, count);
		else
			put(w, "m=%s 0 %s %s\r\n", line.type, line.proto,
			    line.formats);
	}
}

/* The version goes up when, and only when, the text is another one than last
 * time (RFC 3264 8). Nothing is changed if the text does not fit. */
static int write_session(struct hf_session *s, bool audio,
			 enum hf_direction direction,
			 const enum hf_codec *codecs, unsigned int count,
			 char *out, size_t out_len)
{
	char text[HF_SDP_MAX_TEXT];
	uint64_t version = s->origin_version;

	for (int pass = 0; pass < 2; pass++) {
		struct hf_writer w = { .out = text, .size = sizeof(text) };

		put_session(&w, s, audio, direction, codecs, count);
		if (w.full || w.used >= out_len) {
			s->origin_version = version;
			return -ENOSPC;
		}
		if (!s->text_len || !strcmp(hf_session_text(s), text))
			break;
		if (!pass)
			s->origin_version++;
	}
	s->local_direction = direction;
	hf_room_set_text(s, text); /* it is no longer than its room */
	strcpy(out, text);
	return 0;
}

static enum hf_direction mirror(enum hf_direction d)
{
	return (enum hf_direction)(((d & HF_SENDONLY) ? HF_RECVONLY : 0) |
				   ((d & HF_RECVONLY) ? HF_SENDONLY : 0));
}

int hf_session_write_answer(struct hf_session *s, enum hf_direction want,
			    char *out, size_t out_len)
{
	enum hf_direction d = want & mirror(s->remote_direction);

	if (!s->have_remote || s->audio_index < 0)
		return -EINVAL;
	return write_session(s, s->remote_port != 0, d, &s->codec, 1, out,
			     out_len);
}

/* `like`, or a number that neither side has used for another thing in this
 * session (RFC 3264 8.3.2). */
static uint8_t free_number(const struct hf_session *s, uint8_t like)
{
	bool used[128] = { false };
	const char *at = hf_room_line(s, (unsigned int)s->audio_index).formats;

	while (*at) {
		char *end;
		unsigned long n = strtoul(at, &end, 10);

		if (end == at)
			break;
		if (n < sizeof(used))
			used[n] = true;
		at = end;
	}
	for (int c = 0; c < HF_CODEC_COUNT; c++)
		if (s->codec_rx_pt[c] != like)
			used[s->codec_rx_pt[c]] = true;
	used[s->dtmf_rx_pt] = true;
	if (!used[like])
		return like;
	for (uint8_t n = 96; n < 128; n++)
		if (!used[n])
			return n;
	return 0;
}

int hf_session_write_offer(struct hf_session *s, enum hf_direction want,
			   const enum hf_codec *codecs, unsigned int count,
			   char *out, size_t out_len)
{
	struct hf_session next = *s;
	int error;

	if (!count)
		return -EINVAL;
	if (!next.media_count) {
		const struct hf_sdp_line audio = {"audio", "RTP/AVP", ""};

		hf_room_add_line(&next, &audio);
		next.audio_index = 0;
	}
	if (!next.dtmf_rx_pt)
		next.dtmf_rx_pt = free_number(&next, HF_DTMF_PT);
	if (!next.dtmf_clock && count == 1)
		next.dtmf_clock = hf_codec_clock(codecs[0]);
	for (unsigned int i = 0; i < count; i++)
		if (!next.codec_offered[codecs[i]] &&
		    !hf_codec_pt_is_static(codecs[i]))
			next.codec_rx_pt[codecs[i]] = free_number(
				&next, next.codec_rx_pt[codecs[i]]);
	error = write_session(&next, true, want, codecs, count, out, out_len);
	if (!error)
		*s = next;
	return error;
}
