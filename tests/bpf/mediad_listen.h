/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the peer of test_mediad.c hears: the stream of leg 0 off the wire, each
 * byte compared with what the RFCs say, or what its kernel's UDP takes in.
 */
#ifndef HOLDFAST_TEST_MEDIAD_LISTEN_H
#define HOLDFAST_TEST_MEDIAD_LISTEN_H

#include "mediad_legs.h"

static void unhold_all(struct stage *s)
{
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		hf_store_release(&s->pins.wheel_fill[b].entries, 0);
	/* A turn that began before is over when the next one begins. */
	for (uint64_t beat = s->pins.work->beat_ns, i = 0;
	     i < 100 && s->pins.work->beat_ns == beat; i++)
		poll(NULL, 0, 1);
}

static uint16_t check_of(const uint8_t *bytes, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | (i + 1 < n ? bytes[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static bool is_six(const struct hf_program *p)
{
	return p->flags & HF_PROGRAM_IPV6;
}

/* IPv4 (RFC 791) or IPv6 (RFC 8200) behind Ethernet; where the addresses are. */
static size_t expect_ip(const struct hf_program *p, uint8_t *b)
{
	if (is_six(p)) {
		put16(b + 12, 0x86dd);
		put32(b + 14, 6u << 28 | STAGE_TOS << 20);
		put16(b + 18, 180);
		b[20] = 17;
		b[21] = 64;
		inet_pton(AF_INET6, LOCAL6, b + 22);
		inet_pton(AF_INET6, REMOTE6, b + 38);
		return 22;
	}
	put16(b + 12, 0x0800);
	b[14] = 0x45;
	b[15] = STAGE_TOS;
	put16(b + 16, 200);
	put16(b + 20, 0x4000); /* do not fragment */
	b[22] = 64;
	b[23] = 17;
	memcpy(b + 26, &p->local_ip4, 4);
	memcpy(b + 30, &p->remote_ip4, 4);
	put16(b + 24, check_of(b + 14, 20, 0));
	return 26;
}

/* The packet for sequence number and time slot, byte by byte, from the RFCs. */
static void expect(const struct stage *s, const struct hf_program *p,
		   uint16_t seq, uint32_t slot, bool marker, uint8_t *b)
{
	struct hf_hop hop = stage_hop(s, p->nexthop);
	uint8_t *udp = b + udp_at(is_six(p));
	uint32_t pseudo = 17 + 180;

	memset(b, 0, HF_PACED_BYTES + 20);
	memcpy(b, hop.dmac, 6);
	memcpy(b + 6, hop.smac, 6);
	for (size_t i = expect_ip(p, b); b + i < udp; i += 2)
		pseudo += (uint32_t)b[i] << 8 | b[i + 1];
	memcpy(udp, &p->local_port, 2);
	memcpy(udp + 2, &p->remote_port, 2);
	put16(udp + 4, 180);
	udp[8] = 0x80;
	udp[9] = (uint8_t)(p->payload_type | (marker ? 0x80 : 0));
	put16(udp + 10, seq);
	put32(udp + 12, p->ts_base + slot * p->ts_step);
	memcpy(udp + 16, &p->ssrc, 4);
	for (uint32_t i = 0; i < HF_FRAME_BYTES; i++)
		udp[20 + i] = (uint8_t)(slot % STAGE_FRAMES * 31 + i);
	put16(udp + 6, check_of(udp, 180, pseudo));
}

/* Reads the stream of leg 0 and compares each packet with what it must be. */
struct listener {
	struct stage *s;
	struct hf_program *p;
	uint64_t base; /* the first frame is due then, ms */
	int wire6;     /* of IPv6 */
	uint16_t seq;
	uint32_t packets, markers, skipped, longest_gap_ms;
	uint32_t slot; /* expected next */
	uint64_t last_ms;
};

/* Where most tests begin: a silent caller at the peer's address is held. */
static bool listen_begin(struct listener *l, struct stage *s)
{
	*l = (struct listener){.s = s, .seq = FIRST_SEQ};
	if (!stage_reach(s, 0, REMOTE))
		return false;
	l->base = hf_now_ms() + 30;
	l->p = hold(s, 0, 0, l->base);
	return true;
}

static bool listen_one(struct listener *l, const uint8_t *b, ssize_t n)
{
	const struct hf_program *p = l->p;
	uint8_t wanted[HF_PACED_BYTES + 20];
	const uint8_t *ts = b + udp_at(is_six(p)) + 12;
	uint32_t slot, skip;
	uint64_t now = hf_now_ms();
	bool marker;

	if (n != HF_PACED_BYTES + (is_six(p) ? 20 : 0)) {
		printf("# %zd bytes\n", n);
		return false;
	}
	slot = (((uint32_t)ts[0] << 24 | (uint32_t)ts[1] << 16 |
		 (uint32_t)ts[2] << 8 | ts[3]) -
		p->ts_base) /
	       p->ts_step;
	skip = slot - l->slot;
	/* The first packet carries the marker, and one behind a skip. */
	marker = !l->packets || skip;
	expect(l->s, p, l->seq, slot, marker, wanted);
	for (int i = 0; i < n; i++) {
		if (b[i] != wanted[i]) {
			printf("# packet %u: byte %d is %02x, not %02x\n",
			       l->packets, i, b[i], wanted[i]);
			return false;
		}
	}
	if (l->packets && now - l->last_ms > l->longest_gap_ms)
		l->longest_gap_ms = (uint32_t)(now - l->last_ms);
	l->last_ms = now;
	l->packets++;
	l->markers += marker;
	l->skipped += skip;
	l->seq++;
	l->slot = slot + 1;
	return true;
}

/* The next packet of it within `ms`; 0 if there is none. */
static ssize_t listen_next(const struct listener *l, uint8_t *b, size_t size,
			   int ms)
{
	return next_on(is_six(l->p) ? l->wire6 : l->s->wire, is_six(l->p), b,
		       size, ms);
}

static bool listen_until(struct listener *l, uint64_t end_ms)
{
	uint8_t b[2048];
	uint64_t now;

	while ((now = hf_now_ms()) < end_ms) {
		ssize_t n = listen_next(l, b, sizeof(b), (int)(end_ms - now));

		if (n && !listen_one(l, b, n))
			return false;
	}
	return true;
}

/* Nobody is held any more; all that is still on its way is heard, and is all
 * that the leg has sent. */
static bool listen_end(struct listener *l)
{
	const struct hf_claim *claim = &l->s->pins.claims[0];
	uint8_t b[2048];
	ssize_t n;

	unhold_all(l->s);
	while ((n = listen_next(l, b, sizeof(b), 50)) > 0)
		if (!listen_one(l, b, n))
			return false;
	printf("# %u frames, %u skipped, longest gap %u ms\n", l->packets,
	       l->skipped, l->longest_gap_ms);
	if (l->packets == claim->sent && l->skipped == claim->skipped &&
	    claim->sent + claim->skipped == hf_word_slot(claim->word))
		return true;
	printf("# sent %u, skipped %u, at slot %u\n", claim->sent,
	       claim->skipped, hf_word_slot(claim->word));
	return false;
}

/* A datagram socket of the peer's namespace, or of ours. */
static int udp_socket(const struct stage *s, bool peers, const char *ip, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} a = {.four = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = inet_addr(ip)}};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there, fd;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net",
		 peers ? (int)s->peer : (int)getpid());
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(there, CLONE_NEWNET))
		abort();
	if (inet_pton(AF_INET6, ip, &a.six.sin6_addr)) {
		a.any.sa_family = AF_INET6;
		a.six.sin6_flowinfo = 0;
	}
	fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, &a.any,
		 a.any.sa_family == AF_INET ? sizeof(a.four) : sizeof(a.six)))
		printf("# bind %s: %s\n", ip, strerror(errno));
	if (setns(home, CLONE_NEWNET))
		abort();
	close(there);
	close(home);
	return fd;
}

/* So many datagrams of leg 0, in order, as the kernel's UDP takes them in: it
 * has checked their sums. */
static bool hear_datagrams(int fd, unsigned int count)
{
	uint8_t b[512];

	for (unsigned int i = 0; i < count; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 3000) <= 0 ||
		    recv(fd, b, sizeof(b), 0) != 12 + HF_FRAME_BYTES)
			return false;
		if (((uint32_t)b[2] << 8 | b[3]) != (uint16_t)(FIRST_SEQ + i)) {
			printf("# datagram %u: sequence number %u\n", i,
			       (uint32_t)b[2] << 8 | b[3]);
			return false;
		}
	}
	return true;
}

/* Leg 0 over hop 0 to another address than usual. */
static void hold_towards(struct stage *s, const char *ip)
{
	struct hf_program *p = hold(s, 0, 0, hf_now_ms() + 100);

	p->remote_ip4 = inet_addr(ip);
}

#endif
