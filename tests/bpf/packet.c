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

size_t packet_ip_at(const struct packet *p)
{
	size_t at = 12;

	while (packet_peek16(p, at) == 0x8100 || packet_peek16(p, at) == 0x88a8)
		at += 4;
	return at + 2;
}

static size_t ip_bytes(const uint8_t *ip)
{
	return ip[0] >> 4 == 6 ? 40 : 20;
}

/* Addresses, protocol and UDP length. */
static uint16_t pseudo_sum(const uint8_t *ip)
{
	size_t head = ip_bytes(ip);
	uint8_t tail[4] = {0, 17, ip[head + 4], ip[head + 5]};

	if (head == 40)
		return slow_sum(tail, 4, slow_sum(ip + 8, 32, 0));
	return slow_sum(tail, 4, slow_sum(ip + 12, 8, 0));
}

/* Ethernet and tags; returns where IP begins. */
static size_t build_link(uint8_t *b, const struct shape *s)
{
	size_t at = 12;

	memcpy(b, s->dmac, 6);
	memcpy(b + 6, s->smac, 6);
	for (unsigned int i = 0; i < s->tags; i++, at += 4) {
		put16(b + at, i + 1 < s->tags ? 0x88a8 : 0x8100);
		put16(b + at + 2, s->tci[i]);
	}
	put16(b + at, s->saddr6 ? 0x86dd : 0x0800);
	return at + 2;
}

static void build_ip6(uint8_t *ip, const struct shape *s, size_t udp_len)
{
	put32(ip, 6u << 28 | (uint32_t)s->tos << 20);
	put16(ip + 4, (uint16_t)udp_len);
	ip[6] = 17;
	ip[7] = s->ttl;
	memcpy(ip + 8, s->saddr6, 16);
	memcpy(ip + 24, s->daddr6, 16);
}

static void build_ip4(uint8_t *ip, const struct shape *s, size_t udp_len)
{
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
}

struct packet packet_build(const struct shape *s)
{
	size_t udp_len = 8 + 12 + s->payload_len;
	struct packet p = {.len = 0};
	uint8_t *ip = p.bytes + build_link(p.bytes, s), *udp, *rtp;
	uint16_t sum;

	if (s->saddr6)
		build_ip6(ip, s, udp_len);
	else
		build_ip4(ip, s, udp_len);
	udp = ip + ip_bytes(ip);
	rtp = udp + 8;
	p.len = (size_t)(udp - p.bytes) + udp_len + s->behind;
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
	const uint8_t *ip = p->bytes + packet_ip_at(p);
	const uint8_t *udp = ip + ip_bytes(ip);

	return slow_sum(udp, (size_t)(udp[4] << 8 | udp[5]), pseudo_sum(ip)) ==
	       0xffff;
}

void packet_add_extension(struct packet *p, uint8_t type)
{
	size_t ip = packet_ip_at(p), at = ip + 40;

	memmove(p->bytes + at + 8, p->bytes + at, p->len - at);
	memset(p->bytes + at, 0, 8);
	p->len += 8;
	p->bytes[at] = p->bytes[ip + 6];
	p->bytes[ip + 6] = type;
	put16(p->bytes + ip + 4, (uint16_t)(packet_peek16(p, ip + 4) + 8));
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
