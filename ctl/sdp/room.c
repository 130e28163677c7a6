// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The text that a session holds: the words of each m= line, each with its final
 * NUL, one line behind the other, then what we wrote last. Packed, because a
 * session is kept for each of many calls and most have one short line.
 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

static size_t used(const struct hf_session *s)
{
	return offsetof(struct hf_session, room) + s->lines_len + s->text_len +
	       1;
}

void hf_session_copy(struct hf_session *to, const struct hf_session *kept)
{
	memcpy(to, kept, used(kept));
}

struct hf_session *hf_session_keep(struct hf_session *at,
				   const struct hf_session *s)
{
	struct hf_session *kept = realloc(at, used(s));

	if (kept)
		memcpy(kept, s, used(s));
	return kept;
}

const char *hf_session_text(const struct hf_session *s)
{
	return s->room + s->lines_len;
}

struct hf_sdp_line hf_room_line(const struct hf_session *s, unsigned int i)
{
	struct hf_sdp_line line;
	const char *at = s->room;

	for (unsigned int word = 0; word < 3 * i; word++)
		at += strlen(at) + 1;
	line.type = at;
	line.proto = line.type + strlen(line.type) + 1;
	line.formats = line.proto + strlen(line.proto) + 1;
	return line;
}

bool hf_room_add_line(struct hf_session *s, const struct hf_sdp_line *line)
{
	size_t type = strlen(line->type) + 1, proto = strlen(line->proto) + 1;
	size_t formats = strlen(line->formats) + 1;
	size_t len = type + proto + formats;
	char *at = s->room + s->lines_len;

	if (s->media_count >= HF_SDP_MAX_MEDIA || len > HF_SDP_MAX_LINE)
		return false;
	memmove(at + len, at, s->text_len + 1u);
	memcpy(at, line->type, type);
	memcpy(at + type, line->proto, proto);
	memcpy(at + type + proto, line->formats, formats);
	s->lines_len = (uint16_t)(s->lines_len + len);
	s->media_count++;
	return true;
}

void hf_room_clear_lines(struct hf_session *s)
{
	memmove(s->room, hf_session_text(s), s->text_len + 1u);
	s->lines_len = 0;
	s->media_count = 0;
}

bool hf_room_set_text(struct hf_session *s, const char *text)
{
	size_t len = strlen(text);

	if (len >= HF_SDP_MAX_TEXT)
		return false;
	memcpy(s->room + s->lines_len, text, len + 1);
	s->text_len = (uint16_t)len;
	return true;
}
