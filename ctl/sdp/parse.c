// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Foreign SDP text taken apart, one pass, nothing copied. choose.c decides what
 * of it is usable; this file only knows the grammar (RFC 8866 section 5 and 9).
 */
#include "parse.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What has been said so far; `media` is NULL before the first m= line. */
struct hf_sdp_reader {
	struct hf_sdp *sdp;
	struct hf_sdp_media session; /* its c= and attributes are defaults */
	struct hf_sdp_media spare;   /* takes the m= lines that are too many */
	struct hf_sdp_media *media;
	unsigned int line;
	bool have_version;
	const char *wrong; /* what is wrong with the line */
};

bool hf_text_is(struct hf_text t, const char *word)
{
	return t.len == strlen(word) && !strncasecmp(t.at, word, t.len);
}

bool hf_text_word(struct hf_text *t, char separator, struct hf_text *ret_word)
{
	const char *end;

	while (t->len && *t->at == separator && separator == ' ')
		t->at++, t->len--;
	if (!t->len)
		return false;
	end = memchr(t->at, separator, t->len);
	ret_word->at = t->at;
	ret_word->len = end ? (size_t)(end - t->at) : t->len;
	t->at += ret_word->len;
	t->len -= ret_word->len;
	if (end)
		t->at++, t->len--;
	return true;
}

bool hf_text_number(struct hf_text t, unsigned long max, unsigned long *ret)
{
	unsigned long n = 0;

	if (!t.len || t.len > 10)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9')
			return false;
		n = n * 10 + (unsigned long)(t.at[i] - '0');
	}
	if (n > max)
		return false;
	*ret = n;
	return true;
}

/* A token goes into our answer again, so it must not carry anything odd. */
static bool is_token(struct hf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] <= ' ' || t.at[i] >= 0x7f)
			return false;
	return t.len > 0;
}

static bool is_digits(struct hf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.at[i] != '.' && (t.at[i] < '0' || t.at[i] > '9'))
			return false;
	return t.len < INET_ADDRSTRLEN;
}

static struct hf_sdp_media *level(struct hf_sdp_reader *r)
{
	return r->media ? r->media : &r->session;
}

/* "IP4" or "IP6" and an address of that kind. */
static bool read_address(struct hf_text family, struct hf_text address,
			 struct hf_ip *ret)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr ip4;

	*ret = (struct hf_ip){0};
	if (address.len >= sizeof(copy))
		return false;
	memcpy(copy, address.at, address.len);
	copy[address.len] = '\0';
	if (hf_text_is(family, "IP4") && inet_pton(AF_INET, copy, &ip4) == 1)
		*ret = hf_ip_of4(ip4);
	else if (hf_text_is(family, "IP6") &&
		 inet_pton(AF_INET6, copy, &six) == 1 &&
		 !IN6_IS_ADDR_V4MAPPED(&six))
		*ret = hf_ip_of6(&six);
	else
		return false;
	return true;
}

/* c=IN IP4 192.0.2.10 (RFC 8866 5.7). Where several stand, the first counts. */
static void read_connection(struct hf_sdp_reader *r, struct hf_text t)
{
	struct hf_sdp_media *m = level(r);
	struct hf_text net, family, value, address;

	if (!hf_text_word(&t, ' ', &net) || !hf_text_word(&t, ' ', &family) ||
	    !hf_text_word(&t, ' ', &value)) {
		r->wrong = "c= needs a network, a family and an address";
		return;
	}
	if (m->address != HF_SDP_ADDRESS_NONE)
		return;
	m->address = HF_SDP_ADDRESS_OTHER;
	if (!hf_text_is(net, "IN"))
		return;
	/* A "/ttl" behind it means multicast, which the address says too. */
	if (!hf_text_word(&value, '/', &address))
		return;
	if (read_address(family, address, &m->ip4))
		m->address = hf_text_is(family, "IP6") ? HF_SDP_ADDRESS_IP6 :
							 HF_SDP_ADDRESS_IP4;
	else if (hf_text_is(family, "IP4") && is_digits(address))
		r->wrong = "c= has an address that is none";
}

static void read_formats(struct hf_sdp_media *m)
{
	struct hf_text rest = m->formats, word;
	unsigned long n;

	while (hf_text_word(&rest, ' ', &word))
		if (hf_text_number(word, 127, &n) &&
		    m->format_count < HF_SDP_FORMATS)
			m->format[m->format_count++] = (uint8_t)n;
}

/* m=audio 49170/2 RTP/AVP 0 8 101 (RFC 8866 5.14) */
static void read_media(struct hf_sdp_reader *r, struct hf_text t)
{
	struct hf_sdp_media *m = &r->spare;
	struct hf_text ports, port, word, rest;
	unsigned long n;

	if (r->sdp->media_count < HF_SDP_MAX_MEDIA)
		m = &r->sdp->media[r->sdp->media_count];
	memset(m, 0, sizeof(*m));
	m->port_count = 1;
	r->sdp->media_count++;
	r->media = m;
	r->wrong = "m= needs a type, a port, a protocol and a format";
	if (!hf_text_word(&t, ' ', &m->type) ||
	    !hf_text_word(&t, ' ', &ports) ||
	    !hf_text_word(&t, ' ', &m->proto) || !is_token(m->type) ||
	    !is_token(m->proto))
		return;
	if (!hf_text_word(&ports, '/', &port) ||
	    !hf_text_number(port, 65535, &n))
		return;
	m->port = (uint16_t)n;
	if (ports.len) {
		if (!hf_text_number(ports, 65535, &n))
			return;
		m->port_count = (unsigned int)n;
	}
	m->formats = rest = t;
	while (hf_text_word(&rest, ' ', &word))
		if (!is_token(word))
			return;
	read_formats(m);
	/* Some refuse a line without repeating its formats. */
	if (m->port && !hf_text_word(&t, ' ', &word))
		return;
	r->wrong = NULL;
}

/* "101 telephone-event/8000": the number, the rest stays in *t. */
static bool read_format_number(struct hf_text *t, unsigned long *ret)
{
	struct hf_text word;

	return hf_text_word(t, ' ', &word) && hf_text_number(word, 127, ret) &&
	       t->len;
}

static bool read_direction(struct hf_sdp_media *m, struct hf_text name)
{
	static const char *const words[] = {
		[HF_INACTIVE] = "inactive",
		[HF_SENDONLY] = "sendonly",
		[HF_RECVONLY] = "recvonly",
		[HF_SENDRECV] = "sendrecv",
	};

	for (unsigned int d = 0; d < 4; d++)
		if (hf_text_is(name, words[d])) {
			m->direction = (enum hf_direction)d;
			m->have_direction = true;
			return true;
		}
	return false;
}

/* "53020 IN IP4 126.16.64.4", or the port alone (RFC 3605 2.1). */
static void read_rtcp(struct hf_sdp_media *m, struct hf_text t)
{
	struct hf_text word, type;
	unsigned long port;

	if (!hf_text_word(&t, ' ', &word) ||
	    !hf_text_number(word, 65535, &port))
		return;
	m->rtcp_port = (uint16_t)port;
	if (!hf_text_word(&t, ' ', &word) || !hf_text_is(word, "IN") ||
	    !hf_text_word(&t, ' ', &type) || !hf_text_word(&t, ' ', &word))
		return;
	read_address(type, word, &m->rtcp_ip4);
}

/* a=name or a=name:value */
static void read_attribute(struct hf_sdp_reader *r, struct hf_text t)
{
	struct hf_sdp_media *m = level(r);
	struct hf_text name, word;
	unsigned long n;

	if (!hf_text_word(&t, ':', &name))
		return;
	while (name.len && name.at[name.len - 1] == ' ')
		name.len--;
	if (read_direction(m, name))
		return;
	if (hf_text_is(name, "rtpmap")) {
		if (read_format_number(&t, &n) && !m->rtpmap[n].at)
			hf_text_word(&t, ' ', &m->rtpmap[n]);
	} else if (hf_text_is(name, "fmtp")) {
		if (read_format_number(&t, &n) && !m->fmtp[n].at)
			m->fmtp[n] = t;
	} else if (hf_text_is(name, "ptime")) {
		if (hf_text_word(&t, ' ', &word) &&
		    hf_text_number(word, 1000, &n))
			m->ptime_ms = (uint16_t)n;
	} else if (hf_text_is(name, "maxptime")) {
		if (hf_text_word(&t, ' ', &word) &&
		    hf_text_number(word, 1000, &n))
			m->maxptime_ms = (uint16_t)n;
	} else if (hf_text_is(name, "rtcp")) {
		read_rtcp(m, t);
	} else if (hf_text_is(name, "rtcp-mux")) {
		m->rtcp_mux = true;
	}
}

static void read_line(struct hf_sdp_reader *r, struct hf_text t)
{
	char type;

	r->wrong = NULL;
	if (!t.len)
		return;
	if (t.len < 2 || t.at[1] != '=') {
		r->wrong = "not of the form x=value";
		return;
	}
	type = t.at[0];
	t.at += 2;
	t.len -= 2;
	if (type == 'v') {
		if (!hf_text_is(t, "0"))
			r->wrong = "not version 0";
		r->have_version = true;
	} else if (type == 'c') {
		read_connection(r, t);
	} else if (type == 'm') {
		read_media(r, t);
	} else if (type == 'a') {
		read_attribute(r, t);
	}
}

/* What a media section does not say holds from the session. */
static void inherit(struct hf_sdp_reader *r)
{
	unsigned int count = r->sdp->media_count;

	if (count > HF_SDP_MAX_MEDIA)
		count = HF_SDP_MAX_MEDIA;
	for (unsigned int i = 0; i < count; i++) {
		struct hf_sdp_media *m = &r->sdp->media[i];

		if (m->address == HF_SDP_ADDRESS_NONE) {
			m->address = r->session.address;
			m->ip4 = r->session.ip4;
		}
		if (!m->have_direction)
			m->direction = r->session.have_direction
					       ? r->session.direction
					       : HF_SENDRECV;
		if (!m->ptime_ms)
			m->ptime_ms = r->session.ptime_ms;
		if (!m->maxptime_ms)
			m->maxptime_ms = r->session.maxptime_ms;
	}
}

int hf_sdp_parse(struct hf_sdp *ret, const char *text, size_t len, char *why,
		 size_t why_len)
{
	struct hf_text rest = { text, len }, line;
	struct hf_sdp_reader r = { .sdp = ret };

	ret->media_count = 0;
	if (!len || len > HF_SDP_MAX_INPUT || memchr(text, '\0', len)) {
		snprintf(why, why_len, "the body is empty, too long or binary");
		return -EBADMSG;
	}
	while (hf_text_word(&rest, '\n', &line)) {
		r.line++;
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
		read_line(&r, line);
		if (r.wrong) {
			snprintf(why, why_len, "SDP line %u: %s", r.line,
				 r.wrong);
			return -EBADMSG;
		}
	}
	if (!r.have_version) {
		snprintf(why, why_len, "the body has no v=0 line");
		return -EBADMSG;
	}
	inherit(&r);
	return 0;
}
