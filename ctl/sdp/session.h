/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Offer/answer (RFC 3264) of one dialog, on SDP text.
 *
 * A session holds no pointers, so a copy is a snapshot: an offer that is
 * refused leaves the session as it was because the caller commits the copy only
 * on success. It is made for the longest text there may be, and most are short:
 * who keeps many keeps them cut behind what is used (hf_session_keep()), and
 * works on a whole one (hf_session_copy()). Foreign text is parsed here and nowhere else; it is fuzzed.
 */
#ifndef HOLDFAST_SDP_SESSION_H
#define HOLDFAST_SDP_SESSION_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../media/media.h"

#define HF_SDP_MAX_MEDIA 8   /* m= lines kept of an offer; more is refused */
#define HF_SDP_MAX_LINE 168  /* bytes kept of one, with three final NULs */
#define HF_SDP_MAX_TEXT 2048 /* bytes we write at most, with the final NUL */

enum hf_direction {
	HF_INACTIVE = 0,
	HF_SENDONLY = 1, /* bit 0: sends */
	HF_RECVONLY = 2, /* bit 1: receives */
	HF_SENDRECV = 3,
};

struct hf_session {
	/* our side */
	bool ip4_only; /* said anew for each offer: we have no IPv6 address */
	struct hf_ip local_ip4;
	uint16_t local_port;
	uint64_t origin_id;
	uint64_t origin_version; /* +1 only when our text changes (RFC 3264 8) */
	enum hf_direction local_direction; /* as last written */
	/* the peer's side */
	bool have_remote;
	struct hf_ip remote_ip4; /* 0.0.0.0, ::: RFC 2543 hold */
	uint16_t remote_port;	   /* 0: media refused */
	uint16_t remote_rtcp_port;
	struct hf_ip remote_rtcp_ip4; /* none: remote_ip4 */
	bool rtcp_mux; /* the peer offers or answers it */
	enum hf_direction remote_direction; /* from the peer's view */
	bool codec_offered[HF_CODEC_COUNT];
	uint8_t codec_pt[HF_CODEC_COUNT]; /* the peer's number for it */
	uint8_t codec_rx_pt[HF_CODEC_COUNT]; /* ours: the peer sends with it */
	enum hf_codec codec;		  /* chosen */
	uint8_t dtmf_pt;		  /* peer's telephone-event number, 0 none */
	uint8_t dtmf_rx_pt; /* ours, 0 none: the peer sends with it */
	uint32_t dtmf_clock; /* of both, 0 = not said */
	uint16_t ptime_ms, maxptime_ms;	  /* 0 = not said */
	/* shape of the offer we answer: every m= line is answered, in order */
	unsigned int media_count;
	int audio_index; /* which one we take, -1 none */
	/* The m= lines, then what we wrote last, to see a change (room.c). The
	 * last member: what is not used is not kept. */
	uint16_t lines_len, text_len;
	char room[HF_SDP_MAX_MEDIA * HF_SDP_MAX_LINE + HF_SDP_MAX_TEXT];
};

/* Words of an m= line; formats as offered, for the refusal with port 0. */
struct hf_sdp_line {
	const char *type, *proto, *formats;
};

/* `origin_id` should be unique and rise over restarts (epoch in the high bits). */
void hf_session_init(struct hf_session *, struct hf_ip local_ip4,
		     uint16_t local_port, uint64_t origin_id);

/* A whole one from one that is cut, and back: `at` (NULL at first) is made as
 * long as needed. NULL = no memory, and `at` is as it was. */
void hf_session_copy(struct hf_session *to, const struct hf_session *kept);
struct hf_session *hf_session_keep(struct hf_session *at,
				   const struct hf_session *);
/* What we wrote last, "" at first. */
const char *hf_session_text(const struct hf_session *);

/* What we can use: `count` of `codecs`, at least one. Of these the one that the
 * offer names first is chosen, so the offerer's order decides; who needs one
 * certain codec (a retriever has to have the caller's) passes that one alone.
 * codec_offered[] says everything the offer has, in `codecs` or not.
 * An offer that itself sets its audio to port 0 in a running session is taken
 * (remote_port 0, nothing to send); the answer says port 0 too.
 * Returns 0, -EBADMSG (not SDP; reply 400), -ENOPROTOOPT (nothing usable; reply
 * 488). `why` is a sentence for log and Warning, plain ASCII without quotes. On
 * error *s is unchanged; on success nothing of an earlier offer is left. */
int hf_session_take_offer(struct hf_session *s, const char *text, size_t len,
			  const enum hf_codec *codecs, unsigned int count,
			  char *why, size_t why_len);
/* The answer to the offer taken; `want` is narrowed by the peer's direction
 * (RFC 3264 6.1). It names the chosen codec alone, with the offerer's numbers.
 * -EINVAL without an offer, -ENOSPC if `out` is too small (HF_SDP_MAX_TEXT is
 * always enough); then *s is unchanged. */
int hf_session_write_answer(struct hf_session *s, enum hf_direction want,
			    char *out, size_t out_len);
/* An offer with all of `codecs`, in their order; numbers in use are kept, and so
 * are the m= lines of the dialog. Errors as above. */
int hf_session_write_offer(struct hf_session *s, enum hf_direction want,
			   const enum hf_codec *codecs, unsigned int count,
			   char *out, size_t out_len);
/* The answer to the offer written; `codecs` as offered. Errors as for an offer;
 * an answer with port 0 for our line is -ENOPROTOOPT. */
int hf_session_take_answer(struct hf_session *s, const char *text, size_t len,
			   const enum hf_codec *codecs, unsigned int count,
			   char *why, size_t why_len);

/* What the datapath needs to know. False while there is no remote yet. */
bool hf_session_remote(const struct hf_session *, struct hf_media_remote *ret);

/* All of it as bytes that a later version reads, too (record.c): how many, 0 =
 * `len` is too small (2 * HF_SDP_MAX_TEXT is always enough). -EPROTO: these are
 * not such bytes; then *s is unchanged. */
size_t hf_session_save(const struct hf_session *s, uint8_t *out, size_t len);
int hf_session_restore(struct hf_session *s, const void *bytes, size_t len);

const char *hf_codec_name(enum hf_codec); /* "PCMU" */
int hf_codec_by_name(const char *name);	  /* -ENOENT */

#endif
