/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One dialog and the texts both sides use, for the tests of ctl/sdp. */
#ifndef HOLDFAST_TEST_SDP_DIALOG_H
#define HOLDFAST_TEST_SDP_DIALOG_H

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sdp/session.h"

static const enum hf_codec BOTH[] = { HF_CODEC_PCMU, HF_CODEC_PCMA };

/* What we write first, up to the m= lines. */
#define OURS(version)                                                          \
	"v=0\r\n"                                                              \
	"o=holdfast 77 " version " IN IP4 192.0.2.10\r\n"                      \
	"s=-\r\n"                                                              \
	"c=IN IP4 192.0.2.10\r\n"                                              \
	"t=0 0\r\n"
#define PCMU_LINE(direction)                                                   \
	"m=audio 20000 RTP/AVP 0\r\n"                                          \
	"a=rtpmap:0 PCMU/8000\r\n"                                             \
	"a=ptime:20\r\n"                                                       \
	"a=" direction "\r\n"
#define PCMU_DTMF_LINE(number, direction)                                      \
	"m=audio 20000 RTP/AVP 0 " number "\r\n"                               \
	"a=rtpmap:0 PCMU/8000\r\n"                                             \
	"a=rtpmap:" number " telephone-event/8000\r\n"                         \
	"a=fmtp:" number " 0-15\r\n"                                           \
	"a=ptime:20\r\n"                                                       \
	"a=" direction "\r\n"
#define PCMA_DTMF_LINE(number, direction)                                      \
	"m=audio 20000 RTP/AVP 8 " number "\r\n"                               \
	"a=rtpmap:8 PCMA/8000\r\n"                                             \
	"a=rtpmap:" number " telephone-event/8000\r\n"                         \
	"a=fmtp:" number " 0-15\r\n"                                           \
	"a=ptime:20\r\n"                                                       \
	"a=" direction "\r\n"

/* What a peer writes first. */
#define THEIRS                                                                 \
	"v=0\r\n"                                                              \
	"o=- 1 1 IN IP4 198.51.100.1\r\n"                                      \
	"s=-\r\n"                                                              \
	"c=IN IP4 198.51.100.1\r\n"                                            \
	"t=0 0\r\n"

static inline struct hf_session fresh(void)
{
	struct hf_session s;
	struct hf_ip ip;

	hf_ip_read("192.0.2.10", &ip);
	hf_session_init(&s, ip, 20000, 77);
	return s;
}

/* Take an offer; the reason comes back when it is refused, "" if not. */
static inline const char *take(struct hf_session *s, const char *offer)
{
	static char why[300];
	int error = hf_session_take_offer(s, offer, strlen(offer), BOTH, 2, why,
					  sizeof(why) - 4);

	if (error == -EBADMSG)
		memmove(why + 4, why, strlen(why) + 1), memcpy(why, "400 ", 4);
	else if (error == -ENOPROTOOPT)
		memmove(why + 4, why, strlen(why) + 1), memcpy(why, "488 ", 4);
	else if (error || why[0])
		strcpy(why, "unexpected");
	return why;
}

static inline const char *write_answer(struct hf_session *s,
				       enum hf_direction want)
{
	static char out[HF_SDP_MAX_TEXT];

	if (hf_session_write_answer(s, want, out, sizeof(out)) < 0)
		return "not written";
	return out;
}

/* The answer, or the refusal, to the first offer of a dialog. */
static inline const char *reply(const char *offer)
{
	struct hf_session s = fresh();
	const char *refused = take(&s, offer);

	return refused[0] ? refused : write_answer(&s, HF_SENDRECV);
}

#endif
