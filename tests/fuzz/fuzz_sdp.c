// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as an offer, as an offer in a running dialog and as an answer.
 * What must hold: refused leaves the session as it was; taken is answered with
 * text that parses again and has as many m= lines; the same again gives the
 * same text. rooms: sdp
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "sdp/session.h"

static const enum hf_codec both[] = { HF_CODEC_PCMU, HF_CODEC_PCMA };

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct hf_session fresh(void)
{
	struct hf_session s;
	struct hf_ip ip;

	hf_ip_read("192.0.2.10", &ip);
	hf_session_init(&s, ip, 20000, 77);
	return s;
}

static bool take(struct hf_session *s, const char *text, size_t len, bool offer)
{
	struct hf_session before = *s;
	char why[200] = "";
	int error = offer ? hf_session_take_offer(s, text, len, both, 2, why,
						  sizeof(why))
			  : hf_session_take_answer(s, text, len, both, 2, why,
						   sizeof(why));

	if (!error)
		return true;
	must(why[0]);
	for (const char *c = why; *c; c++)
		must(*c >= ' ' && *c < 0x7f && *c != '"' && *c != '\\');
	must(!memcmp(s, &before, sizeof(before)));
	return false;
}

static void check_remote(const struct hf_session *s)
{
	struct hf_media_remote r;

	must(hf_session_remote(s, &r));
	must(r.codec < HF_CODEC_COUNT);
	must(r.payload_type < 128 && r.rx_payload_type < 128);
	must(r.dtmf_pt < 128 && r.rx_dtmf_pt < 128);
	must(r.ptime_ms == 10 || r.ptime_ms == 20 || r.ptime_ms == 30 ||
	     r.ptime_ms == 40 || r.ptime_ms == 60);
	must(r.ip4.s_addr || !r.may_receive);
	must(r.port || (!r.may_receive && !r.may_send));
	must((ntohl(r.ip4.s_addr) >> 28) < 14);
}

/* What we wrote has to be something that we could take ourselves. */
static void check_text(const char *text, unsigned int lines, bool audio)
{
	struct hf_session s = fresh();

	must(strlen(text) < HF_SDP_MAX_TEXT);
	must(take(&s, text, strlen(text), true) == audio);
	must(!audio || s.media_count == lines);
}

static void answer(struct hf_session *s, const char *text, size_t len)
{
	char first[HF_SDP_MAX_TEXT], again[HF_SDP_MAX_TEXT];
	uint64_t version;

	if (!take(s, text, len, true))
		return;
	check_remote(s);
	must(!hf_session_write_answer(s, HF_SENDRECV, first, sizeof(first)));
	check_text(first, s->media_count, s->remote_port != 0);
	version = s->origin_version;
	must(take(s, text, len, true));
	must(!hf_session_write_answer(s, HF_SENDRECV, again, sizeof(again)));
	must(!strcmp(first, again) && s->origin_version == version);
	must(!hf_session_write_offer(s, HF_SENDRECV, both, 2, again,
				     sizeof(again)));
	check_text(again, s->media_count, true);
	must(s->origin_version <= version + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char running[] =
		"v=0\r\nc=IN IP4 198.51.100.1\r\nm=video 9 RTP/AVP 34\r\n"
		"m=audio 4000 RTP/AVP 8 97 101\r\n"
		"a=rtpmap:97 PCMU/8000\r\n"
		"a=rtpmap:101 telephone-event/8000\r\n";
	const char *text = (const char *)data;
	struct hf_session s = fresh();
	char out[HF_SDP_MAX_TEXT];

	answer(&s, text, size);
	s = fresh();
	must(take(&s, running, strlen(running), true));
	answer(&s, text, size);
	s = fresh();
	must(!hf_session_write_offer(&s, HF_SENDRECV, both, 2, out,
				     sizeof(out)));
	if (take(&s, text, size, false)) {
		check_remote(&s);
		must(!hf_session_write_offer(&s, HF_SENDRECV, both, 2, out,
					     sizeof(out)));
		check_text(out, 1, true);
	}
	return 0;
}
