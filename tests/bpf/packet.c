/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet builder of packet.h. */
#include "packet.h"

#include <string.h>

static void put16(uint8_t *b, uint16_t v)
{
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}

static void put32(uint8_t *b, uint32_t v)
{
	put16(b, (uint16_t)(v >> 16));
	put16(b + 2, (uint16_t)v);
}

uint16_t slow_sum(const uint8_t *b, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i++) {
		sum += i & 1 ? b[i] : (uint32_t)b[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

uint16_t packet_peek16(const struct packet *p, size_t at)
{
	return (uint16_t)(p->bytes[at] << 8 | p->bytes[at + 1]);
}

uint32_t packet_peek32(const struct packet *p, size_t at)
{
	return (uint32_t)packet_peek16(p, at) << 16 | packet_peek16(p, at + 2);
}

void packet_poke16(struct packet *p, size_t at, uint16_t v)
{
	put16(p->bytes + at, v);
}

/* Addresses, protocol and UDP length. */
static uint16_t pseudo_sum(const uint8_t *ip)
{
	uint8_t tail[4] = {0, 17, ip[24], ip[25]};

	return slow_sum(tail, 4, slow_sum(ip + 12, 8, 0));
}

struct packet packet_build(const struct shape *s)
{
	size_t udp_len = 8 + 12 + s->payload_len;
	struct packet p = {.len = 34 + udp_len + s->behind};
	uint8_t *ip = p.bytes + 14, *udp = ip + 20, *rtp = udp + 8;
	uint16_t sum;

	memcpy(p.bytes, s->dmac, 6);
	memcpy(p.bytes + 6, s->smac, 6);
	put16(p.bytes + 12, 0x0800);
	ip[0] = 0x45;
	ip[1] = s->tos;
	put16(ip + 2, (uint16_t)(20 + udp_len));
	put16(ip + 4, s->id);
	put16(ip + 6, s->frag);
	ip[8] = s->ttl;
	ip[9] = 17;
	put32(ip + 12, s->saddr);
	put32(ip + 16, s->daddr);
	put16(ip + 10, (uint16_t)~slow_sum(ip, 20, 0));
	put16(udp, s->sport);
	put16(udp + 2, s->dport);
	put16(udp + 4, (uint16_t)udp_len);
	rtp[0] = s->first;
	rtp[1] = (uint8_t)(s->marker << 7 | s->payload_type);
	put16(rtp + 2, s->seq);
	put32(rtp + 4, s->timestamp);
	put32(rtp + 8, s->ssrc);
	memcpy(rtp + 12, s->payload, s->payload_len);
	memset(rtp + 12 + s->payload_len, 0xee, s->behind);

	sum = pseudo_sum(ip);
	if (s->check == CHECK_PARTIAL)
		put16(udp + 6, sum);
	if (s->check == CHECK_FULL) {
		sum = (uint16_t)~slow_sum(udp, udp_len, sum);
		put16(udp + 6, sum ? sum : 0xffff);
	}
	return p;
}

int packet_check_right(const struct packet *p)
{
	const uint8_t *ip = p->bytes + 14;

	return slow_sum(ip + 20, packet_peek16(p, 38), pseudo_sum(ip)) ==
	       0xffff;
}

void packet_add_options(struct packet *p)
{
	static const uint8_t nop[4] = {1, 1, 1, 1};

	memmove(p->bytes + 38, p->bytes + 34, p->len - 34);
	memcpy(p->bytes + 34, nop, 4);
	p->len += 4;
	p->bytes[14] = 0x46;
	put16(p->bytes + 16, (uint16_t)(packet_peek16(p, 16) + 4));
	put16(p->bytes + 24, 0);
	put16(p->bytes + 24, (uint16_t)~slow_sum(p->bytes + 14, 24, 0));
}
