// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counts the RTP that arrives at a device, stream by stream: for many calls a
 * Python test cannot keep up. Runs in the namespace of whoever listens:
 *
 *	ear DEVICE PORT COUNT     listens to COUNT streams at PORT, PORT + 2, ...
 *
 * Prints "listening", counts until its stdin is closed, then prints a line for
 * each stream that was heard:
 *
 *	PORT PACKETS HOLES DOUBLES SKIPPED BAD FIRST_MS LAST_MS SWAPPED
 *
 * HOLES are sequence numbers that did not come, DOUBLES those that came again,
 * SWAPPED those that came behind a later one (two CPUs sent), SKIPPED the time
 * slots by which timestamps jumped over what one packet owns, BAD all else that
 * is wrong: another SSRC, a timestamp that is not a whole packet time on, a
 * wrong checksum. A last line "lost N" says what the ear itself missed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/csum.h>

#define STEP 160 /* timestamp units a packet */

struct stream {
	uint64_t packets, holes, doubles, skipped, bad, swapped;
	uint64_t seen; /* bit n: the newest sequence number less n has come */
	uint64_t first_ms, last_ms;
	uint32_t ssrc, ts;
	uint16_t seq;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* The whole datagram, as a receiver would check it. */
static bool checksum_ok(const uint8_t *ip, uint32_t udp_bytes)
{
	uint64_t sum = hf_csum_bytes(ip + 12, 8);

	sum += (uint64_t)htons(17) + htons((uint16_t)udp_bytes);
	sum += hf_csum_bytes(ip + 20, udp_bytes);
	return hf_csum_fold(sum) == 0xffff && hf_csum_bytes(ip, 20) == 0xffff;
}

/* The first of each stream is described. */
static void bad(struct stream *s, const char *what, uint32_t a, uint32_t b)
{
	if (!s->bad++)
		fprintf(stderr, "# ear: %s: %u, %u behind sequence number %u\n", what, a, b, s->seq);
}

/* One that is `back` behind the newest. */
static void hear_old(struct stream *s, uint16_t back)
{
	if (back >= 64 || s->seen >> back & 1) {
		s->doubles++;
		return;
	}
	s->seen |= 1ULL << back;
	s->holes--;
	s->swapped++;
}

/* Is it the newest now? */
static bool hear_next(struct stream *s, const uint8_t *rtp)
{
	uint16_t step = (uint16_t)(get16(rtp + 2) - s->seq);
	uint32_t units = get32(rtp + 4) - s->ts;

	if (!step || step > 0x8000) {
		hear_old(s, (uint16_t)-step);
		return false;
	}
	s->holes += step - 1u;
	s->seen = step < 64 ? s->seen << step | 1 : 1;
	if (units % STEP || units / STEP < step || get32(rtp + 8) != s->ssrc)
		bad(s, "a wrong clock or source", step, units);
	else
		s->skipped += units / STEP - step;
	return true;
}

static void hear(struct stream *s, const uint8_t *ip, uint32_t udp_bytes)
{
	const uint8_t *rtp = ip + 28;
	bool newest = true;

	if (udp_bytes != 8 + 12 + 160 || rtp[0] != 0x80 || !checksum_ok(ip, udp_bytes)) {
		bad(s, "a wrong size or sum", udp_bytes, rtp[0]);
		return;
	}
	if (!s->packets) {
		s->first_ms = now_ms();
		s->ssrc = get32(rtp + 8);
		s->seen = 1;
	} else {
		newest = hear_next(s, rtp);
	}
	s->packets++;
	s->last_ms = now_ms();
	if (!newest)
		return;
	s->seq = get16(rtp + 2);
	s->ts = get32(rtp + 4);
}

static int open_device(const char *name)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	/* Deaf until it is bound: binding one that hears interrupts its hearing,
	 * and what came before would be followed by a hole. */
	int fd = socket(AF_PACKET, SOCK_RAW, 0), size = 32 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || !a.sll_ifindex || bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		fprintf(stderr, "ear: %s: %s\n", name, strerror(errno));
		exit(1);
	}
	return fd;
}

static void listen_to(int fd, struct stream *streams, uint16_t port, uint32_t count)
{
	struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	uint8_t b[2048];

	while (poll(p, 2, -1) > 0 || errno == EINTR) {
		ssize_t n;

		while ((n = recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0) {
			uint32_t index, udp = get16(b + 38);

			if (n < 54 || b[14] != 0x45 || b[23] != 17 || 34 + udp > (uint32_t)n)
				continue;
			index = (uint32_t)(get16(b + 36) - port) / 2;
			/* what goes to odd ports is RTCP */
			if (get16(b + 36) >= port && index < count &&
			    (get16(b + 36) - port) % 2 == 0)
				hear(streams + index, b + 14, udp);
		}
		if (p[1].revents)
			return;
	}
}

int main(int argc, char **argv)
{
	struct tpacket_stats lost = { 0 };
	socklen_t len = sizeof(lost);
	struct stream *streams;
	uint32_t count;
	uint16_t port;
	int fd;

	if (argc != 4)
		return 2;
	port = (uint16_t)atoi(argv[2]);
	count = (uint32_t)atoi(argv[3]);
	streams = calloc(count, sizeof(*streams));
	if (!streams)
		return 1;
	fd = open_device(argv[1]);
	printf("listening\n");
	fflush(stdout);
	listen_to(fd, streams, port, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct stream *s = streams + i;

		if (s->packets || s->bad)
			printf("%u %llu %llu %llu %llu %llu %llu %llu %llu\n", port + 2 * i,
			       (unsigned long long)s->packets, (unsigned long long)s->holes,
			       (unsigned long long)s->doubles, (unsigned long long)s->skipped,
			       (unsigned long long)s->bad, (unsigned long long)s->first_ms,
			       (unsigned long long)s->last_ms,
			       (unsigned long long)s->swapped);
	}
	getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &len);
	printf("lost %u\n", lost.tp_drops);
	return 0;
}
