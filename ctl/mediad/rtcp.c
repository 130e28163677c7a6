// SPDX-License-Identifier: GPL-2.0-or-later
/* RTCP packets as bytes, see rtcp.h. */
#include "mediad/rtcp.h"

#include <errno.h>
#include <string.h>

#define RTCP_SR	  200
#define RTCP_RR	  201
#define RTCP_SDES 202
#define RTCP_BYE  203

static uint8_t *put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 24);
	at[1] = (uint8_t)(v >> 16);
	at[2] = (uint8_t)(v >> 8);
	at[3] = (uint8_t)v;
	return at + 4;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

/* RFC 3550 6.2: the smallest interval; with two parties and more than 3 kbit/s
 * of audio it is the interval. 6.3.1: half to one and a half of it, over
 * e - 3/2. */
#define INTERVAL_MS 5000

uint32_t hf_rtcp_interval_ms(uint32_t random, bool first)
{
	uint32_t t = first ? INTERVAL_MS / 2 : INTERVAL_MS;

	return (t / 2 + random % (t + 1)) * 1000 / 1218;
}

/* A header whose length is that of the packet that ends at `end`. */
static void head(uint8_t *at, unsigned int count, uint8_t type,
		 const uint8_t *end)
{
	size_t words = (size_t)(end - at) / 4 - 1;

	at[0] = (uint8_t)(0x80 | count);
	at[1] = type;
	at[2] = (uint8_t)(words >> 8);
	at[3] = (uint8_t)words;
}

static uint8_t *put_block(uint8_t *at, const struct hf_rtcp_block *b)
{
	/* 24 bits with their sign (RFC 3550 A.3). */
	int32_t lost = b->lost > 0x7fffff    ? 0x7fffff
		       : b->lost < -0x800000 ? -0x800000
					     : b->lost;

	at = put32(at, b->source);
	at = put32(at,
		   (uint32_t)b->fraction << 24 | ((uint32_t)lost & 0xffffff));
	at = put32(at, b->highest);
	at = put32(at, b->jitter);
	at = put32(at, b->last_sr);
	return put32(at, b->since);
}

static uint8_t *put_report(uint8_t *at, const struct hf_rtcp_report *r)
{
	uint8_t *begin = at;

	at = put32(at + 4, r->ssrc);
	if (r->sender) {
		at = put32(at, (uint32_t)(r->ntp >> 32));
		at = put32(at, (uint32_t)r->ntp);
		at = put32(at, r->timestamp);
		at = put32(at, r->packets);
		at = put32(at, r->octets);
	}
	if (r->block)
		at = put_block(at, &r->about);
	head(begin, r->block, r->sender ? RTCP_SR : RTCP_RR, at);
	return at;
}

/* One chunk with one CNAME, its end and padding (RFC 3550 6.5). */
static uint8_t *put_sdes(uint8_t *at, const struct hf_rtcp_report *r)
{
	uint8_t *begin = at;

	at = put32(at + 4, r->ssrc);
	*at++ = 1; /* CNAME */
	*at++ = r->cname_bytes;
	memcpy(at, r->cname, r->cname_bytes);
	at += r->cname_bytes;
	do
		*at++ = 0;
	while ((at - begin) % 4);
	head(begin, 1, RTCP_SDES, at);
	return at;
}

size_t hf_rtcp_write(const struct hf_rtcp_report *r, uint8_t *out, size_t room)
{
	uint8_t *at = out;

	if (room < HF_RTCP_BYTES_MAX || r->cname_bytes > 60)
		return 0;
	at = put_report(at, r);
	at = put_sdes(at, r);
	if (r->bye) {
		uint8_t *begin = at;

		at = put32(at + 4, r->ssrc);
		head(begin, 1, RTCP_BYE, at);
	}
	return (size_t)(at - out);
}

static void read_block(const uint8_t *at, uint32_t source,
		       struct hf_rtcp_seen *seen)
{
	uint32_t lost = get32(at + 4);

	if (get32(at) != source)
		return;
	seen->block = true;
	seen->about = (struct hf_rtcp_block){
		.source = source,
		.fraction = (uint8_t)(lost >> 24),
		.lost = (int32_t)(lost << 8) >> 8,
		.highest = get32(at + 8),
		.jitter = get32(at + 12),
		.last_sr = get32(at + 16),
		.since = get32(at + 20),
	};
}

/* One packet of the compound, whole or cut. */
static void read_packet(const uint8_t *at, size_t len, uint32_t source,
			struct hf_rtcp_seen *seen)
{
	unsigned int count = at[0] & 0x1f;
	size_t block = at[1] == RTCP_SR ? 28 : 8;

	switch (at[1]) {
	case RTCP_SR:
	case RTCP_RR:
		if (len < block)
			return;
		seen->ssrc = get32(at + 4);
		if (at[1] == RTCP_SR) {
			seen->sender = true;
			seen->mid = get32(at + 8) << 16 | get32(at + 12) >> 16;
		}
		for (; count-- && block + 24 <= len; block += 24)
			read_block(at + block, source, seen);
		break;
	case RTCP_BYE:
		seen->bye = true;
		break;
	}
}

int hf_rtcp_read(const uint8_t *bytes, size_t len, uint32_t source,
		 struct hf_rtcp_seen *ret)
{
	struct hf_rtcp_seen seen = {0};
	size_t at = 0, size;

	/* RFC 3550 A.2; a reduced one (RFC 5506) may begin with anything. */
	if (len < 4 || bytes[1] < 192 || bytes[1] > 223)
		return -EBADMSG;
	while (len - at >= 4) {
		if (bytes[at] >> 6 != 2)
			return -EBADMSG;
		size = 4 * (1 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]));
		read_packet(bytes + at, size < len - at ? size : len - at,
			    source, &seen);
		if (size >= len - at)
			break;
		at += size;
	}
	*ret = seen;
	return 0;
}
