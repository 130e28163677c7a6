/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Made-up RTP packets for the packet tests: a shape says every field, and
 * packet_build() turns it into bytes, checksums done the slow way (RFC 1071
 * byte by byte), so that what the programs compute is compared with something
 * else than itself.
 */
#ifndef HOLDFAST_TEST_PACKET_H
#define HOLDFAST_TEST_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum packet_check {
	CHECK_FULL,
	CHECK_ZERO,    /* the sender computes none */
	CHECK_PARTIAL, /* left to hardware: the pseudo header's sum only */
};

struct shape {
	uint8_t dmac[6], smac[6];
	uint32_t saddr, daddr; /* host order, as all here */
	const uint8_t *saddr6, *daddr6; /* of 16 bytes: IPv6 instead */
	unsigned int tags;		/* in front of it, */
	uint16_t tci[2];		/* the outer one first */
	uint16_t sport, dport;
	uint8_t tos, ttl; /* traffic class, hop limit */
	uint16_t id, frag; /* frag with its flags */
	uint8_t first;	   /* of RTP: version, padding, extension, CSRCs */
	uint8_t marker, payload_type;
	uint16_t seq;
	uint32_t timestamp, ssrc;
	const uint8_t *payload;
	size_t payload_len;
	size_t behind; /* bytes after the datagram, as Ethernet padding */
	enum packet_check check;
};

struct packet {
	uint8_t bytes[2048];
	size_t len;
};

struct packet packet_build(const struct shape *);
/* What a receiver's check of the UDP sum says. */
int packet_check_right(const struct packet *);
/* Where its IP header begins. */
size_t packet_ip_at(const struct packet *);
/* Insert an IPv6 extension header of 8 bytes. */
void packet_add_extension(struct packet *, uint8_t type);
/* Insert four bytes of IP options. */
void packet_add_options(struct packet *);
/* Change the 16-bit word at this offset, without repairing any checksum. */
void packet_poke16(struct packet *, size_t offset, uint16_t value);
uint16_t packet_peek16(const struct packet *, size_t offset);
uint32_t packet_peek32(const struct packet *, size_t offset);
/* RFC 1071, in network order. */
uint16_t slow_sum(const uint8_t *, size_t len, uint32_t sum);

#endif
