// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers to offers, byte by byte. rooms: sdp base */
#include "test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "sdp/session.h"

static const enum hf_codec BOTH[] = { HF_CODEC_PCMU, HF_CODEC_PCMA };

#define HEAD(version)                                                          \
	"v=0\r\n"                                                              \
	"o=holdfast 77 " version " IN IP4 192.0.2.10\r\n"                      \
	"s=-\r\n"                                                              \
	"c=IN IP4 192.0.2.10\r\n"                                              \
	"t=0 0\r\n"
#define OFFER                                                                  \
	"v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\n"                        \
	"c=IN IP4 198.51.100.1\r\nt=0 0\r\n"

static struct hf_session fresh(void)
{
	struct hf_session s;
	struct in_addr ip;

	inet_pton(AF_INET, "192.0.2.10", &ip);
	hf_session_init(&s, ip, 20000, 77);
	return s;
}

static int take(struct hf_session *s, const char *offer, char *why, size_t len)
{
	return hf_session_take_offer(s, offer, strlen(offer), BOTH, 2, why,
				     len);
}

/* The answer, or the refusal, to one offer in a new dialog. */
static const char *answer(const char *offer, enum hf_direction want)
{
	static char out[HF_SDP_MAX_TEXT];
	struct hf_session s = fresh();
	char why[256];

	if (take(&s, offer, why, sizeof(why)) < 0)
		snprintf(out, sizeof(out), "%s", why);
	else if (hf_session_write_answer(&s, want, out, sizeof(out)) < 0)
		snprintf(out, sizeof(out), "not written");
	return out;
}

TEST(the_answer_names_one_codec_and_the_offerers_event_number)
{
	CHECK_STR(answer(OFFER "m=audio 4000 RTP/AVP 8 0 96\r\n"
			       "a=rtpmap:96 telephone-event/8000\r\n",
			 HF_SENDRECV),
		  HEAD("1") "m=audio 20000 RTP/AVP 8 96\r\n"
			    "a=rtpmap:8 PCMA/8000\r\n"
			    "a=rtpmap:96 telephone-event/8000\r\n"
			    "a=fmtp:96 0-15\r\n"
			    "a=ptime:20\r\n"
			    "a=sendrecv\r\n");
}
TEST_MAIN()
