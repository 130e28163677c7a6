// SPDX-License-Identifier: GPL-2.0-or-later
/* The stage of the module's tests and the listener on its far end, see kmod.h. */
#include "kmod.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <holdfast/csum.h>
#include <uapi/holdfast.h>

uint8_t peer_mac[6];

int calls(void)
{
	const char *n = getenv("HF_VM_CALLS");

	return n && atoi(n) > 0 && atoi(n) < 200 ? atoi(n) : 200;
}

int load(void)
{
	const char *ko = getenv("HOLDFAST_KO");

	return runf("busybox insmod %s", ko ? ko : "/holdfast/holdfast.ko");
}

int unload(void)
{
	return run("busybox rmmod holdfast");
}

static int stage_up(void)
{
	FILE *f;
	char text[32] = "";
	unsigned int m[6];

	run("ip netns add peer 2>/dev/null");
	if (run("ip link add hf0 type veth peer name hf1 netns peer") ||
	    run("ip addr add 10.9.0.1/24 dev hf0 && ip link set hf0 up") ||
	    run("ip -n peer addr add 10.9.0.2/24 dev hf1 && ip -n peer link set hf1 up"))
		return -1;
	f = popen("ip netns exec peer cat /sys/class/net/hf1/address", "r");
	if (!f || !fgets(text, sizeof(text), f))
		return -1;
	pclose(f);
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		return -1;
	for (int i = 0; i < 6; i++)
		peer_mac[i] = (uint8_t)m[i];
	return runf("ip neigh replace 10.9.0.2 lladdr %s dev hf0 nud permanent",
		    strtok(text, "\n"));
}

static void stage_down(void)
{
	run("ip link del hf0 2>/dev/null; ip netns del peer 2>/dev/null");
}

static bool ear_checks(const struct ear *e, const uint8_t *p, uint32_t leg)
{
	const uint8_t *rtp = p + 42;
	uint32_t ts;
	uint32_t slot;
	uint64_t sum;
	__be32 saddr, daddr;
	__be16 sport, dport, len;

	memcpy(&ts, rtp + 4, 4);
	slot = (HF_NTOHL(ts) - 1000 * leg) / 160;
	memcpy(&saddr, p + 26, 4);
	memcpy(&daddr, p + 30, 4);
	memcpy(&sport, p + 34, 2);
	memcpy(&dport, p + 36, 2);
	memcpy(&len, p + 38, 2);
	sum = hf_csum_udp_header(hf_csum_pair4(saddr, daddr), sport, dport, len);
	sum += hf_csum_bytes(p + 40, 2) + (uint64_t)hf_csum_bytes(rtp, 172);
	return hf_csum_fold(sum) == 0xffff && hf_csum_bytes(p + 14, 20) == 0xffff &&
	       !memcmp(rtp + 12, e->frames[slot % e->frame_count].payload, 160);
}

static void ear_hear(struct ear *e, const uint8_t *p, ssize_t n)
{
	uint16_t port, seq;
	uint32_t leg, ts;
	struct heard *h;

	if (n < 42 || p[12] != 8 || p[13] != 0 || p[23] != 17)
		return; /* neighbour discovery and the like */
	memcpy(&port, p + 36, 2);
	leg = HF_NTOHS(port) - 30000u;
	if (n != PACKET || leg >= LEGS || p[26] != 10 || p[27] != 9) {
		e->foreign++;
		return;
	}
	h = &e->leg[leg];
	memcpy(&seq, p + 44, 2);
	memcpy(&ts, p + 46, 4);
	seq = HF_NTOHS(seq);
	ts = HF_NTOHL(ts);
	if (!h->count) {
		h->first_seq = seq;
		h->first_ts = ts;
		h->first_ns = rig_now();
		memcpy(h->first, p, PACKET);
	} else if ((uint16_t)(h->last_seq + 1) != seq) {
		h->holes++;
	}
	if (!ear_checks(e, p, leg))
		h->wrong++;
	h->last_seq = seq;
	h->last_ts = ts;
	h->last_ns = rig_now();
	memcpy(h->packet, p, PACKET);
	h->count++;
}

static void *ear_run(void *arg)
{
	struct ear *e = arg;
	uint8_t p[2048];

	while (!e->stop) {
		ssize_t n = recv(e->fd, p, sizeof(p), 0);

		if (n > 0)
			ear_hear(e, p, n);
	}
	return NULL;
}

/* Whose thread runs: a failed test leaves it. */
static struct ear *listening;

static int ear_open(struct ear *e, struct rig *r)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval tv = { .tv_usec = 50000 };
	int here = open("/proc/self/ns/net", O_RDONLY), there, size = 16 << 20;

	memset(e, 0, sizeof(*e));
	e->frames = r->value[RIG_FRAMES];
	e->frame_count = r->frames;
	there = open("/run/netns/peer", O_RDONLY);
	if (there < 0 || setns(there, CLONE_NEWNET))
		return -1;
	e->fd = socket(AF_PACKET, SOCK_RAW, 0);
	setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	bind(e->fd, (struct sockaddr *)&a, sizeof(a));
	setns(here, CLONE_NEWNET);
	close(here);
	close(there);
	listening = e;
	return pthread_create(&e->thread, NULL, ear_run, e);
}

static void ear_close(struct ear *e)
{
	e->stop = true;
	pthread_join(e->thread, NULL);
	close(e->fd);
	listening = NULL;
}

uint64_t ear_total(const struct ear *e)
{
	uint64_t n = 0;

	for (int i = 0; i < LEGS; i++)
		n += e->leg[i].count;
	return n;
}

bool ear_wait(struct ear *e, uint32_t leg, uint64_t count, int ms)
{
	uint64_t end = rig_now() + (uint64_t)ms * HF_MS;

	while (rig_now() < end) {
		if (*(volatile uint64_t *)&e->leg[leg].count >= count)
			return true;
		usleep(1000);
	}
	return false;
}

struct rig_request attach_request(const char *name)
{
	return (struct rig_request){ .cmd = HOLDFAST_CMD_ATTACH, .instance = name, .maps = true };
}

int begin_with(struct rig *r, struct ear *e, uint32_t legs)
{
	/* What a failed test before this one has left. */
	if (listening)
		ear_close(listening);
	run("ip link del hf0 2>/dev/null; ip netns del peer 2>/dev/null; "
	    "[ ! -d /sys/module/holdfast ] || busybox rmmod holdfast");
	if (load() || stage_up() || rig_open(r, legs, FRAMES))
		return -1;
	rig_frames(r);
	rig_hop(r, 0, "hf0", peer_mac);
	return e ? ear_open(e, r) : 0;
}

int begin(struct rig *r, struct ear *e)
{
	return begin_with(r, e, LEGS);
}

void end(struct rig *r, struct ear *e)
{
	if (e)
		ear_close(e);
	rig_close(r);
	stage_down();
	if (unload())
		printf("# the module does not unload\n");
}

void play(struct rig *r, int legs)
{
	uint64_t base = (rig_now() / HF_MS + 40) * HF_MS;

	for (int i = 0; i < legs; i++)
		rig_leg(r, (uint32_t)i, (uint16_t)(30000 + i), base + (uint64_t)(i % 20) * HF_MS);
}
