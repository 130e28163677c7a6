// SPDX-License-Identifier: GPL-2.0-or-later
/* Hold frames as packets of sockets, see packets.h. */
#include "mediad/packets.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "holdfast/hold_packet.h"
#include "holdfast/remote.h"
#include "media/pins.h"

#define BATCH	   64 /* messages a call */
#define SAY_NS	   10000000000ULL
#define LINK_BYTES 18 /* Ethernet and a tag */
#define ROOM	   (LINK_BYTES + HF_HOLD_HEADERS6 + HF_FRAME_BYTES)

enum { DEVICES, HOST, HOST6, QUEUES };

struct queue {
	int fd;
	unsigned int count;
	uint64_t said_ns; /* when a refusal was last told */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union {
		struct sockaddr_ll device;
		struct sockaddr_in host;
		struct sockaddr_in6 host6;
	} to[BATCH];
	uint8_t data[BATCH][ROOM];
};

struct hf_packets {
	const struct hf_pins *pins;
	struct queue queue[QUEUES];
};

/* What one frame needs, each part of shared memory read once. */
struct packet {
	struct hf_program program;
	struct hf_hop hop;
	struct hf_due due;
	struct hf_pair6 six;
	uint32_t head; /* bytes of headers behind Ethernet */
	const struct hf_frame *frame;
	uint16_t bytes, sum; /* of its payload */
};

static void queue_init(struct queue *q)
{
	for (unsigned int i = 0; i < BATCH; i++) {
		q->iov[i].iov_base = q->data[i];
		q->msg[i].msg_hdr.msg_iov = &q->iov[i];
		q->msg[i].msg_hdr.msg_iovlen = 1;
		q->msg[i].msg_hdr.msg_name = &q->to[i];
	}
}

int hf_packets_open(const struct hf_pins *pins, struct hf_packets **ret)
{
	struct hf_packets *p = calloc(1, sizeof(*p));
	int size = 4 << 20, one = 1, rc;

	if (!p)
		return -ENOMEM;
	p->pins = pins;
	queue_init(&p->queue[DEVICES]);
	queue_init(&p->queue[HOST]);
	queue_init(&p->queue[HOST6]);
	/* Protocol 0: this one hears nothing. */
	p->queue[DEVICES].fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	rc = -errno;
	p->queue[HOST].fd =
		socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	/* IPPROTO_RAW means headers by us (raw(7)); none on a host without IPv6.
	 */
	p->queue[HOST6].fd =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (p->queue[HOST6].fd >= 0)
		setsockopt(p->queue[HOST6].fd, IPPROTO_IPV6, IPV6_HDRINCL, &one,
			   sizeof(one));
	if (p->queue[DEVICES].fd < 0 || p->queue[HOST].fd < 0) {
		rc = p->queue[DEVICES].fd < 0 ? rc : -errno;
		hf_packets_close(p);
		return rc;
	}
	for (int i = 0; i < QUEUES; i++)
		setsockopt(p->queue[i].fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
			   sizeof(size));
	/* A frame that waits in a queue behind a burst of others is late. */
	setsockopt(p->queue[DEVICES].fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
		   sizeof(one));
	*ret = p;
	return 0;
}

void hf_packets_close(struct hf_packets *p)
{
	if (!p)
		return;
	for (int i = 0; i < QUEUES; i++)
		if (p->queue[i].fd >= 0)
			close(p->queue[i].fd);
	free(p);
}

/* Not each of them: `tx_refused` counts. */
static void say_failed(struct queue *q, int err)
{
	uint64_t now = hf_now_ns();

	if (q->said_ns && now - q->said_ns < SAY_NS)
		return;
	q->said_ns = now;
	hf_warn("hold frames are not taken by their device: %s", strerror(err));
}

static void queue_flush(struct hf_packets *p, struct queue *q)
{
	unsigned int at = 0;
	int err = 0;

	while (at < q->count) {
		int n = sendmmsg(q->fd, q->msg + at, q->count - at,
				 MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		/* The first of them is refused: a full ring, a device that went
		 * away. It was claimed, so it is lost. */
		if (n < 0) {
			err = errno;
			/* report.c counts there, too. */
			__atomic_add_fetch(&p->pins->work->packets.busy, 1,
					   __ATOMIC_RELAXED);
			n = 1;
		}
		at += (unsigned int)n;
	}
	if (err)
		say_failed(q, err);
	q->count = 0;
}

void hf_packets_flush(struct hf_packets *p)
{
	queue_flush(p, &p->queue[DEVICES]);
	queue_flush(p, &p->queue[HOST]);
	queue_flush(p, &p->queue[HOST6]);
}

/* The hop in force, whole. */
static bool get_hop(const struct hf_pins *pins, uint16_t index,
		    struct hf_hop *hop)
{
	const struct hf_nexthop *n;
	uint32_t turn;

	if (index >= pins->nexthop_count)
		return false;
	n = &pins->nexthops[index];
	turn = hf_load_acquire(&n->turn);
	*hop = n->hop[turn & 1];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return HF_READ(n->turn) == turn && hop->flags & HF_HOP_VALID;
}

/* All that a frame needs is there and fits together. */
static bool prepare(struct hf_packets *p, const struct hf_leg *leg,
		    struct packet *k)
{
	struct hf_remote to = hf_remote_get(&k->program, &leg->rx);

	k->head = HF_HOLD_HEADERS;
	if (k->program.flags & HF_PROGRAM_IPV6)
		k->head = HF_HOLD_HEADERS6;
	k->program.remote_ip4 = to.ip4;
	k->program.remote_port = to.port;
	if (k->due.frame >= p->pins->instance->frames)
		return false;
	k->frame = &p->pins->frames[k->due.frame];
	k->bytes = HF_READ(k->frame->bytes);
	k->sum = HF_READ(k->frame->sum);
	return k->bytes && k->bytes <= HF_FRAME_BYTES &&
	       get_hop(p->pins, k->program.nexthop, &k->hop) &&
	       k->head + k->bytes <= k->hop.mtu;
}

/* Ethernet, with the tag of the hop; returns its length. */
static size_t write_link(uint8_t *at, const struct hf_hop *hop, bool six)
{
	size_t len = ETH_HLEN;

	memcpy(at, hop->dmac, 6);
	memcpy(at + 6, hop->smac, 6);
	if (hop->flags & HF_HOP_VLAN) {
		memcpy(at + 12, (uint8_t[]){0x81, 0x00}, 2);
		memcpy(at + 14, &hop->vlan_tci, 2);
		len += 4;
	}
	memcpy(at + len - 2, six ? (uint8_t[]){0x86, 0xdd} :
				   (uint8_t[]){0x08, 0x00}, 2);
	return len;
}

static void enqueue(struct hf_packets *p, const struct packet *k)
{
	bool host = k->hop.flags & HF_HOP_LOCAL;
	bool six = k->head == HF_HOLD_HEADERS6;
	struct queue *q = &p->queue[!host ? DEVICES : six ? HOST6 : HOST];
	unsigned int i = q->count++;
	size_t link = host ? 0 : write_link(q->data[i], &k->hop, six);

	if (six)
		hf_hold_headers6_write(q->data[i] + link, &k->program, &k->six,
				       &k->due, &k->hop, k->bytes, k->sum);
	else
		hf_hold_headers_write(q->data[i] + link, &k->program, &k->due,
				      &k->hop, k->bytes, k->sum);
	memcpy(q->data[i] + link + k->head, k->frame->payload, k->bytes);
	q->iov[i].iov_len = link + k->head + k->bytes;
	memset(&q->to[i], 0, sizeof(q->to[i]));
	if (host && six) {
		q->to[i].host6.sin6_family = AF_INET6;
		memcpy(&q->to[i].host6.sin6_addr, &k->six.remote, 16);
		q->msg[i].msg_hdr.msg_namelen = sizeof(q->to[i].host6);
	} else if (host) {
		q->to[i].host.sin_family = AF_INET;
		q->to[i].host.sin_addr.s_addr = k->program.remote_ip4;
		q->msg[i].msg_hdr.msg_namelen = sizeof(q->to[i].host);
	} else {
		q->to[i].device.sll_family = AF_PACKET;
		q->to[i].device.sll_protocol =
			htons(six ? ETH_P_IPV6 : ETH_P_IP);
		q->to[i].device.sll_ifindex = (int)k->hop.ifindex;
		q->msg[i].msg_hdr.msg_namelen = sizeof(q->to[i].device);
	}
	if (q->count == BATCH)
		queue_flush(p, q);
}

bool hf_packets_add(struct hf_packets *p, uint32_t index, uint64_t now_ns)
{
	struct hf_work *work = p->pins->work;
	struct hf_leg *leg = &p->pins->legs[index];
	struct hf_claim *claim = &p->pins->claims[index];
	struct packet k;
	uint64_t word;

	word = hf_load_acquire(&claim->word);
	k.program = *hf_word_program(leg, word);
	if (k.program.flags & HF_PROGRAM_IPV6)
		k.six = p->pins->leg6[index].program[hf_word_epoch(word) & 1];
	if (!k.program.remote_port ||
	    !hf_due(&k.program, word, now_ns, 0, &k.due))
		return true;
	if (!prepare(p, leg, &k))
		return false;
	if (!hf_claim(&claim->word, word, k.due.next)) {
		work->packets.lost++;
		return true;
	}
	enqueue(p, &k);
	work->packets.sent++;
	claim->sent++;
	if (k.due.skipped) {
		work->packets.skipped += k.due.skipped;
		claim->skipped += k.due.skipped;
	}
	return true;
}
