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
#include "holdfast/claim.h"
#include "media/pins.h"

#define BATCH	   64 /* messages a call */
#define SAY_NS	   10000000000ULL

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
	uint8_t data[BATCH][HF_READY_HEAD + HF_FRAME_BYTES];
};

struct hf_packets {
	const struct hf_pins *pins;
	struct queue queue[QUEUES];
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

/* IPPROTO_RAW: the way is the route's to that destination. */
static void address_host(struct queue *q, unsigned int i)
{
	const uint8_t *ip = q->data[i];
	struct msghdr *m = &q->msg[i].msg_hdr;

	if (ip[0] >> 4 == 6) {
		q->to[i].host6.sin6_family = AF_INET6;
		memcpy(&q->to[i].host6.sin6_addr, ip + 24, 16);
		m->msg_namelen = sizeof(q->to[i].host6);
	} else {
		q->to[i].host.sin_family = AF_INET;
		memcpy(&q->to[i].host.sin_addr, ip + 16, 4);
		m->msg_namelen = sizeof(q->to[i].host);
	}
}

static void address_device(struct queue *q, unsigned int i, uint32_t ifindex)
{
	const uint8_t *type = q->data[i] + 2 * ETH_ALEN;

	/* Of what is behind a tag. */
	if (type[0] == 0x81 && type[1] == 0x00)
		type += 4;
	q->to[i].device.sll_family = AF_PACKET;
	memcpy(&q->to[i].device.sll_protocol, type, 2);
	q->to[i].device.sll_ifindex = (int)ifindex;
	q->msg[i].msg_hdr.msg_namelen = sizeof(q->to[i].device);
}

static void enqueue(struct hf_packets *p, const struct hf_ready_frame *f,
		    bool host)
{
	uint32_t link = host ? ETH_HLEN : 0, head = f->head_bytes - link;
	bool six = host && f->head[ETH_HLEN] >> 4 == 6;
	struct queue *q = &p->queue[!host ? DEVICES : six ? HOST6 : HOST];
	unsigned int i = q->count++;

	memcpy(q->data[i], f->head + link, head);
	memcpy(q->data[i] + head, p->pins->frames[f->frame].payload, f->bytes);
	q->iov[i].iov_len = head + f->bytes;
	memset(&q->to[i], 0, sizeof(q->to[i]));
	if (host)
		address_host(q, i);
	else
		address_device(q, i, f->ifindex);
	if (q->count == BATCH)
		queue_flush(p, q);
}

void hf_packets_add(struct hf_packets *p, const struct hf_ready_frame *f,
		    bool host)
{
	struct hf_work *work = p->pins->work;
	struct hf_claim *claim = &p->pins->claims[f->leg];

	if (!hf_claim(&claim->word, f->word, f->next)) {
		work->packets.lost++;
		return;
	}
	enqueue(p, f, host);
	work->packets.sent++;
	claim->sent++;
	if (f->skipped) {
		work->packets.skipped += f->skipped;
		claim->skipped += f->skipped;
	}
}
