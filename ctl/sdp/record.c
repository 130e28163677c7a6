// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A session as bytes that another version of this program can read, for the
 * journal: a version, then fields, each with its number, its length and its
 * value. A field that is not known is passed over, one that is not there stays
 * as hf_session_init() leaves it. Numbers of fields are never used again for
 * something else.
 */
#include "room.h"

#include <errno.h>
#include <string.h>

#define VERSION 1

/* N(field number, member): a number. */
#define HF_SESSION_NUMBERS(N)                                                  \
	N(1, local_ip4.s_addr) N(2, local_port) N(3, origin_id)                \
	N(4, origin_version) N(5, local_direction) N(6, have_remote)           \
	N(7, remote_ip4.s_addr) N(8, remote_port) N(9, remote_rtcp_port)       \
	N(10, remote_direction) N(11, dtmf_pt) N(12, dtmf_rx_pt)               \
	N(13, dtmf_clock) N(14, ptime_ms) N(15, maxptime_ms)
#define FIELD_LINES 16 /* m= lines */
#define FIELD_AUDIO 17 /* audio_index + 1 */
#define FIELD_CODEC 18 /* its name */
#define FIELD_KNOWN 19 /* of each codec: offered, both numbers, name */
#define FIELD_MEDIA 20 /* of each m= line: three words */
#define FIELD_TEXT  21
#define FIELD_LOCAL6  22 /* the addresses, where they are IPv6 */
#define FIELD_REMOTE6 23

struct hf_bytes {
	uint8_t *at;
	size_t left;
	bool full;
};

static void put(struct hf_bytes *b, uint8_t field, const void *value,
		size_t len)
{
	b->full |= b->left < len + 3;
	if (b->full)
		return;
	b->at[0] = field;
	b->at[1] = (uint8_t)len;
	b->at[2] = (uint8_t)(len >> 8);
	memcpy(b->at + 3, value, len);
	b->at += len + 3;
	b->left -= len + 3;
}

/* The lowest byte first, no zeros behind the highest. */
static void put_number(struct hf_bytes *b, uint8_t field, uint64_t value)
{
	uint8_t byte[8];
	size_t len = 0;

	for (; value; value >>= 8)
		byte[len++] = (uint8_t)value;
	if (len)
		put(b, field, byte, len);
}

static void put_codecs(struct hf_bytes *b, const struct hf_session *s)
{
	const char *name = hf_codec_name(s->codec);
	uint8_t known[3 + 16];

	put(b, FIELD_CODEC, name, strlen(name));
	for (int c = 0; c < HF_CODEC_COUNT; c++) {
		name = hf_codec_name((enum hf_codec)c);
		known[0] = s->codec_offered[c];
		known[1] = s->codec_pt[c];
		known[2] = s->codec_rx_pt[c];
		memcpy(known + 3, name, strlen(name));
		put(b, FIELD_KNOWN, known, 3 + strlen(name));
	}
}

static void put_media(struct hf_bytes *b, const struct hf_session *s)
{
	for (unsigned int i = 0; i < s->media_count; i++) {
		struct hf_sdp_line line = hf_room_line(s, i);
		const char *end = line.formats + strlen(line.formats) + 1;

		/* the three stand one behind the other */
		put(b, FIELD_MEDIA, line.type, (size_t)(end - line.type));
	}
}

size_t hf_session_save(const struct hf_session *s, uint8_t *out, size_t len)
{
	struct hf_bytes b = {out, len, false};

	if (!len)
		return 0;
	*b.at++ = VERSION;
	b.left--;
#define N(field, member) put_number(&b, field, (uint64_t)s->member);
	HF_SESSION_NUMBERS(N)
#undef N
	put_number(&b, FIELD_LINES, s->media_count);
	put_number(&b, FIELD_AUDIO, (uint64_t)(s->audio_index + 1));
	put_codecs(&b, s);
	put_media(&b, s);
	put(&b, FIELD_TEXT, hf_session_text(s), s->text_len);
	if (hf_ip_is6(&s->local_ip4))
		put(&b, FIELD_LOCAL6, &s->local_ip4.six, 16);
	if (hf_ip_is6(&s->remote_ip4))
		put(&b, FIELD_REMOTE6, &s->remote_ip4.six, 16);
	return b.full ? 0 : (size_t)(b.at - out);
}

static bool get_text(char *to, size_t size, const uint8_t *value, size_t len)
{
	if (len >= size || memchr(value, 0, len))
		return false;
	memcpy(to, value, len);
	to[len] = '\0';
	return true;
}

static bool get_codec(struct hf_session *s, uint8_t field, const uint8_t *value,
		      size_t len)
{
	size_t head = field == FIELD_KNOWN ? 3 : 0;
	char name[16];
	int c;

	if (len < head || !get_text(name, sizeof(name), value + head, len - head))
		return false;
	c = hf_codec_by_name(name);
	if (field == FIELD_KNOWN && c >= 0) {
		s->codec_offered[c] = value[0];
		s->codec_pt[c] = value[1] & 0x7f;
		s->codec_rx_pt[c] = value[2] & 0x7f;
	}
	/* One that we do not speak we may still have heard of; but not have
	 * chosen. */
	if (field == FIELD_CODEC && c >= 0)
		s->codec = (enum hf_codec)c;
	return field == FIELD_KNOWN || c >= 0;
}

static const char *get_word(const uint8_t **at, size_t *left)
{
	const char *word = (const char *)*at;
	const uint8_t *end = memchr(*at, 0, *left);
	size_t len = end ? (size_t)(end - *at) : 0;

	if (!end)
		return NULL;
	*at += len + 1;
	*left -= len + 1;
	return word;
}

static bool get_media(struct hf_session *s, const uint8_t *value, size_t len)
{
	struct hf_sdp_line line;

	line.type = get_word(&value, &len);
	line.proto = line.type ? get_word(&value, &len) : NULL;
	line.formats = line.proto ? get_word(&value, &len) : NULL;
	return line.formats && !len && hf_room_add_line(s, &line);
}

static bool get_number(struct hf_session *s, unsigned int *lines, uint8_t field,
		       const uint8_t *value, size_t len)
{
	uint64_t n = 0;

	if (len > 8)
		return false;
	for (size_t i = len; i--;)
		n = n << 8 | value[i];
	switch (field) {
#define N(number, member)                          \
	case number:                               \
		s->member = (__typeof__(s->member))n; \
		return (uint64_t)s->member == n;
		HF_SESSION_NUMBERS(N)
#undef N
	case FIELD_LINES:
		*lines = (unsigned int)n;
		return n <= HF_SDP_MAX_MEDIA;
	case FIELD_AUDIO:
		s->audio_index = (int)n - 1;
		return n <= HF_SDP_MAX_MEDIA;
	}
	return true;
}

static bool get_ip6(struct hf_ip *ip, const uint8_t *value, size_t len)
{
	struct in6_addr six;

	if (len != sizeof(six))
		return false;
	memcpy(&six, value, len);
	*ip = hf_ip_of6(&six);
	return true;
}

/* `lines`: how many there were to be. */
static bool get(struct hf_session *s, unsigned int *lines, uint8_t field,
		const uint8_t *value, size_t len)
{
	char text[HF_SDP_MAX_TEXT];

	switch (field) {
	case FIELD_CODEC:
	case FIELD_KNOWN:
		return get_codec(s, field, value, len);
	case FIELD_MEDIA:
		return get_media(s, value, len);
	case FIELD_TEXT:
		return get_text(text, sizeof(text), value, len) &&
		       hf_room_set_text(s, text);
	case FIELD_LOCAL6:
		return get_ip6(&s->local_ip4, value, len);
	case FIELD_REMOTE6:
		return get_ip6(&s->remote_ip4, value, len);
	default:
		return field > FIELD_TEXT || get_number(s, lines, field, value, len);
	}
}

int hf_session_restore(struct hf_session *ret, const void *bytes, size_t len)
{
	const uint8_t *at = bytes, *end = at + len;
	unsigned int lines = 0;
	struct hf_session s;

	hf_session_init(&s, (struct hf_ip){0}, 0, 0);
	s.origin_version = 0;
	if (!len || *at++ != VERSION)
		return -EPROTO;
	while (at < end) {
		size_t size = end - at < 3 ? 0 : at[1] | (size_t)at[2] << 8;

		if (end - at < 3 || (size_t)(end - at) < 3 + size ||
		    !get(&s, &lines, at[0], at + 3, size))
			return -EPROTO;
		at += 3 + size;
	}
	if (s.media_count != lines || s.local_direction > HF_SENDRECV ||
	    s.remote_direction > HF_SENDRECV ||
	    s.audio_index >= (int)s.media_count)
		return -EPROTO;
	*ret = s;
	return 0;
}
