// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What of a foreign m= line is usable: transport, address, codec, telephone
 * events, packet time. session.c asks for each line of an offer and for the one
 * line of an answer that is ours.
 */
#include "choose.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"

/* "PCMU/8000" or "opus/48000/2" (RFC 8866 6.6) */
struct hf_encoding {
	struct hf_text name;
	unsigned long clock;
	unsigned long channels;
};

static bool read_encoding(struct hf_text t, struct hf_encoding *ret)
{
	struct hf_text clock;

	ret->channels = 1;
	if (!t.at || !hf_text_word(&t, '/', &ret->name) || !ret->name.len ||
	    !hf_text_word(&t, '/', &clock) ||
	    !hf_text_number(clock, 1000000, &ret->clock))
		return false;
	return !t.len || hf_text_number(t, 255, &ret->channels);
}

/* Which of our codecs a format is. A number with a fixed meaning needs no
 * rtpmap (RFC 3551 6); one that gives it another meaning makes it unusable. */
static int codec_of(const struct hf_sdp_media *m, uint8_t pt)
{
	int fixed = hf_codec_by_static_pt(pt);
	struct hf_encoding e;

	if (!read_encoding(m->rtpmap[pt], &e))
		return fixed;
	for (int c = 0; c < HF_CODEC_COUNT; c++) {
		if (!hf_text_is(e.name, hf_codec_name((enum hf_codec)c)))
			continue;
		if (e.clock != hf_codec_clock((enum hf_codec)c) ||
		    e.channels != hf_codec_channels((enum hf_codec)c))
			return -ENOENT;
		return fixed < 0 || fixed == c ? c : -ENOENT;
	}
	return -ENOENT;
}

/* Do the events of "0-15,32" include digits? Without an fmtp, or with one that
 * is none, it is 0-15 (RFC 4733 2.4.1). */
static bool has_digits(struct hf_text events)
{
	struct hf_text item, word;
	unsigned long first, last;
	bool digits = false;

	if (!events.at)
		return true;
	while (hf_text_word(&events, ',', &item)) {
		while (item.len && *item.at == ' ')
			item.at++, item.len--;
		while (item.len && item.at[item.len - 1] == ' ')
			item.len--;
		if (!hf_text_word(&item, '-', &word) ||
		    !hf_text_number(word, 255, &first))
			return true;
		last = first;
		if (item.len && !hf_text_number(item, 255, &last))
			return true;
		if (first <= 11 && first <= last)
			digits = true;
	}
	return digits;
}

static bool is_dtmf(const struct hf_sdp_media *m, uint8_t pt,
		    unsigned long clock)
{
	struct hf_encoding e;

	/* 0 means none in struct hf_session, and is PCMU anyway. */
	return pt && read_encoding(m->rtpmap[pt], &e) &&
	       hf_text_is(e.name, "telephone-event") && e.clock == clock &&
	       has_digits(m->fmtp[pt]);
}

/* Events go by the clock of the audio they stand in (RFC 4733 2.1); beside Opus
 * many name 8000 alone all the same. */
static void choose_dtmf(const struct hf_sdp_media *m, struct hf_choice *c)
{
	uint32_t clocks[] = { hf_codec_clock(c->codec), HF_CODEC_CLOCK };

	for (unsigned int k = 0; k < 2; k++)
		for (unsigned int i = 0; i < m->format_count; i++) {
			if (codec_of(m, m->format[i]) >= 0 ||
			    !is_dtmf(m, m->format[i], clocks[k]))
				continue;
			c->dtmf_pt = m->format[i];
			c->dtmf_clock = clocks[k];
			return;
		}
}

static bool is_wanted(int codec, const enum hf_codec *codecs,
		      unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if ((int)codecs[i] == codec)
			return true;
	return false;
}

/* For people and a Warning header, so nothing but plain letters. */
static void append_name(char *out, size_t len, struct hf_text name)
{
	size_t used = strlen(out);

	if (used && used + 2 < len) {
		memcpy(out + used, ", ", 3);
		used += 2;
	}
	for (size_t i = 0; i < name.len && used + 1 < len; i++) {
		char c = name.at[i];

		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\')
			c = '?';
		out[used++] = c;
		out[used] = '\0';
	}
}

static void name_formats(const struct hf_sdp_media *m, char *out, size_t len)
{
	out[0] = '\0';
	for (unsigned int i = 0; i < m->format_count; i++) {
		uint8_t pt = m->format[i];
		const char *fixed = hf_codec_static_name(pt);
		struct hf_encoding e;
		char number[8];

		if (read_encoding(m->rtpmap[pt], &e)) {
			append_name(out, len, e.name);
			continue;
		}
		if (!fixed) {
			snprintf(number, sizeof(number), "%u", pt);
			fixed = number;
		}
		append_name(out, len, (struct hf_text){ fixed, strlen(fixed) });
	}
}

static int refuse_codecs(const struct hf_sdp_media *m,
			 const enum hf_codec *codecs, unsigned int count,
			 char *why, size_t why_len)
{
	char theirs[128], ours[128] = "";

	name_formats(m, theirs, sizeof(theirs));
	for (unsigned int i = 0; i < count; i++) {
		const char *name = hf_codec_name(codecs[i]);

		append_name(ours, sizeof(ours),
			    (struct hf_text){ name, strlen(name) });
	}
	snprintf(why, why_len, "no common codec: they have %s; here %s",
		 theirs[0] ? theirs : "none", ours);
	return -ENOPROTOOPT;
}

static int check_address(const struct hf_sdp_media *m, char *why,
			 size_t why_len)
{
	bool six = hf_ip_is6(&m->ip4);
	uint32_t ip = six ? 0 : ntohl(m->ip4.s_addr);
	const char *wrong = NULL;

	if (m->address == HF_SDP_ADDRESS_NONE)
		wrong = "there is no c= line with an address";
	else if (m->address == HF_SDP_ADDRESS_OTHER)
		wrong = "the media address is not a numeric address of its kind";
	else if (six && IN6_IS_ADDR_LINKLOCAL(&m->ip4.six))
		wrong = "the media address is good for one link only";
	else if ((ip >> 28) == 14 ||
		 (six && IN6_IS_ADDR_MULTICAST(&m->ip4.six)))
		wrong = "the media address is multicast";
	else if ((ip >> 28) == 15)
		wrong = "the media address is broadcast or reserved";
	else if (ip && (ip >> 24) == 0) /* 0.0.0.0 alone is RFC 2543 hold */
		wrong = "the media address is unspecified";
	if (!wrong)
		return 0;
	snprintf(why, why_len, "%s", wrong);
	return -ENOPROTOOPT;
}

static int check_transport(const struct hf_sdp_media *m, char *why,
			   size_t why_len)
{
	const char *wrong = NULL;

	if (!hf_text_is(m->type, "audio"))
		wrong = "not audio";
	else if (hf_text_is(m->proto, "RTP/SAVP") ||
		 hf_text_is(m->proto, "RTP/SAVPF") ||
		 hf_text_is(m->proto, "UDP/TLS/RTP/SAVP") ||
		 hf_text_is(m->proto, "UDP/TLS/RTP/SAVPF"))
		wrong = "encrypted media is not supported; offer RTP/AVP";
	else if (!hf_text_is(m->proto, "RTP/AVP"))
		wrong = "the media transport is not RTP/AVP";
	else if (m->port_count > 1)
		wrong = "several ports in one m= line are not supported";
	if (!wrong)
		return 0;
	snprintf(why, why_len, "%s", wrong);
	return -ENOPROTOOPT;
}

/* The frames that hold audio is kept in last 20 ms, or 10: 30 ms of G.711 are
 * more than one holds. So who asks for longer ones is told 20. */
uint16_t hf_sdp_ptime(uint16_t ptime_ms, uint16_t maxptime_ms)
{
	if (!maxptime_ms)
		maxptime_ms = UINT16_MAX;
	if (ptime_ms != 10 && maxptime_ms >= 20)
		return 20;
	return maxptime_ms >= 10 ? 10 : 0;
}

int hf_sdp_choose(const struct hf_sdp_media *m, const enum hf_codec *codecs,
		  unsigned int count, struct hf_choice *ret, char *why,
		  size_t why_len)
{
	struct hf_choice c = { .codec = HF_CODEC_COUNT };
	int error;

	error = check_transport(m, why, why_len);
	if (!error)
		error = check_address(m, why, why_len);
	if (error)
		return error;
	if (!hf_sdp_ptime(m->ptime_ms, m->maxptime_ms)) {
		snprintf(why, why_len, "maxptime %u ms is below 10 ms",
			 m->maxptime_ms);
		return -ENOPROTOOPT;
	}
	for (unsigned int i = 0; i < m->format_count; i++) {
		uint8_t pt = m->format[i];
		int codec = codec_of(m, pt);

		if (codec >= 0 && !c.offered[codec]) {
			c.offered[codec] = true;
			c.pt[codec] = pt;
			if (c.codec == HF_CODEC_COUNT &&
			    is_wanted(codec, codecs, count))
				c.codec = (enum hf_codec)codec;
		}
	}
	if (c.codec == HF_CODEC_COUNT)
		return refuse_codecs(m, codecs, count, why, why_len);
	choose_dtmf(m, &c);
	*ret = c;
	return 0;
}
