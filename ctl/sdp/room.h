/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text that a session holds, inside this room: see room.c. */
#ifndef HOLDFAST_SDP_ROOM_H
#define HOLDFAST_SDP_ROOM_H

#include "session.h"

/* Line `i` of media_count; its words live as long as the session is not changed. */
struct hf_sdp_line hf_room_line(const struct hf_session *, unsigned int i);
/* One more at the end. False: it is too long, or one too many. */
bool hf_room_add_line(struct hf_session *, const struct hf_sdp_line *);
void hf_room_clear_lines(struct hf_session *);
/* False: it is too long. */
bool hf_room_set_text(struct hf_session *, const char *text);

#endif
