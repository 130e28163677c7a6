// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which leg reports when, see report.h. A leg that reports stands in a ring of
 * due times; what it reports is worked out from the maps (reception.c), as
 * bytes by rtcp.c.
 */
#include "mediad/report.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "media/pins.h"
#include "mediad/reception.h"
#include "mediad/rtcp.h"
#include "mediad/wire.h"

#define SCAN_MS	     1000
/* After a word of the controller: others may follow. */
#define SCAN_SOON_MS 100

/* Due times, so many ms a place; more than the longest interval in all. */
#define RING	256
#define RING_MS 32

struct reporter {
	struct reporter *next, **self; /* in the ring */
	uint32_t leg, opened, due;     /* due: in RING_MS */
	uint32_t spoken;	       /* packets sent when it last reported */
	uint8_t silent;		       /* reports since it sent audio */
	struct hf_rtcp_line last;      /* to whom it reported last */
};

struct hf_reports {
	const struct hf_pins *pins;
	struct hf_rtcp_wire *wire;
	struct ring_buffer *in;
	struct reporter **of; /* by leg */
	struct reporter *ring[RING];
	uint32_t count;
	uint32_t place; /* of the ring that was looked at last */
	uint64_t scan_ms, scanned_ms;
	int64_t wall_ns; /* real time - CLOCK_MONOTONIC */
	uint64_t random;
};

static uint32_t random32(struct hf_reports *r)
{
	/* xorshift: nobody gains by guessing when a report comes. */
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)(r->random >> 16);
}

static void ring_remove(struct reporter *p)
{
	if (!p->self)
		return;
	*p->self = p->next;
	if (p->next)
		p->next->self = p->self;
	p->self = NULL;
}

static void ring_put(struct hf_reports *r, struct reporter *p, uint32_t in_ms)
{
	uint32_t ahead = in_ms / RING_MS;
	struct reporter **at;

	ring_remove(p);
	if (ahead < 1)
		ahead = 1;
	if (ahead > RING - 1)
		ahead = RING - 1;
	p->due = (uint32_t)(hf_now_ms() / RING_MS) + ahead;
	at = &r->ring[p->due % RING];
	p->next = *at;
	p->self = at;
	if (p->next)
		p->next->self = &p->next;
	*at = p;
}

/* The end of a source: RFC 3550 6.6. */
static void say_bye(struct hf_reports *r, struct reporter *p)
{
	struct hf_rtcp_report report = {
		.ssrc = p->last.ssrc,
		.cname = p->last.cname,
		.cname_bytes = HF_CNAME_BYTES,
		.bye = true,
	};

	if (p->last.ssrc)
		hf_rtcp_wire_send(r->wire, &p->last, &report);
	p->last.ssrc = 0;
	r->pins->rtcp[p->leg].ssrc = 0;
}

/* Legs that ended while nobody was here. */
static void say_byes_owed(struct hf_reports *r)
{
	for (uint32_t i = 0; i < r->pins->instance->legs; i++) {
		struct reporter p = {.leg = i};

		if (r->pins->rtcp[i].ssrc && !r->of[i] &&
		    hf_rtcp_line_ended(r->pins, i, &p.last))
			say_bye(r, &p);
	}
}

static void reporter_close(struct hf_reports *r, uint32_t leg)
{
	struct reporter *p = r->of[leg];

	say_bye(r, p);
	ring_remove(p);
	free(p);
	r->of[leg] = NULL;
	r->count--;
}

static void reporter_open(struct hf_reports *r, uint32_t leg, uint32_t opened)
{
	struct reporter *p = calloc(1, sizeof(*p));

	if (!p)
		return; /* the next scan tries again */
	p->leg = leg;
	p->opened = opened;
	p->silent = 2;
	/* One before us has reported: what it began is ours to end. */
	if (r->pins->rtcp[leg].sent &&
	    !hf_rtcp_line_get(r->pins, leg, &p->last))
		p->last.ssrc = 0;
	r->of[leg] = p;
	r->count++;
	ring_put(r, p, hf_rtcp_interval_ms(random32(r), true));
}

static void report(struct hf_reports *r, struct reporter *p)
{
	struct hf_rtcp *line = &r->pins->rtcp[p->leg];
	struct hf_rtcp_report report = {0};
	struct hf_rtcp_line to;
	uint64_t now_ns = hf_now_ns();

	if (!hf_rtcp_line_get(r->pins, p->leg, &to)) {
		ring_put(r, p, SCAN_MS); /* being changed, or on hold */
		return;
	}
	/* Another clock of the audio, another source. */
	if (p->last.ssrc && p->last.ssrc != to.ssrc)
		say_bye(r, p);
	hf_reception_sender(r->pins, p->leg, &to, now_ns, r->wall_ns, &report);
	report.sender = report.packets != p->spoken || p->silent < 2;
	p->silent = report.packets != p->spoken ? 0
		    : p->silent < 2		? p->silent + 1
						: 2;
	p->spoken = report.packets;
	hf_reception_block(r->pins, p->leg, now_ns, &report);
	report.cname = to.cname;
	report.cname_bytes = HF_CNAME_BYTES;
	p->last = to;
	line->ssrc = htonl(to.ssrc);
	if (!hf_rtcp_wire_send(r->wire, &to, &report))
		line->sent++;
	ring_put(r, p, hf_rtcp_interval_ms(random32(r), false));
}

static void scan(struct hf_reports *r)
{
	const struct hf_rtcp *line = r->pins->rtcp;

	for (uint32_t i = 0; i < r->pins->instance->legs; i++) {
		struct reporter *p = r->of[i];
		uint32_t opened = HF_READ(line[i].opened);
		bool on = HF_READ(line[i].flags) & HF_RTCP_ON;

		if (p && (!on || p->opened != opened))
			reporter_close(r, i);
		if (on && !r->of[i])
			reporter_open(r, i, opened);
	}
	r->scanned_ms = hf_now_ms();
	r->scan_ms = r->count ? r->scanned_ms + SCAN_MS : 0;
}

/* One that is refused is lost, like one that a device refuses. */
static void give(struct hf_reports *r, const struct hf_to_host *h)
{
	if (h->bytes <= HF_TO_HOST_MAX &&
	    hf_rtcp_wire_give(r->wire, h->packet, h->bytes))
		__atomic_add_fetch(&r->pins->work->packets.busy, 1,
				   __ATOMIC_RELAXED);
}

static int take(void *arg, void *data, size_t len)
{
	struct hf_reports *r = arg;
	const struct hf_rtcp_in *in = data;
	struct hf_rtcp_seen seen;

	if (len == sizeof(struct hf_to_host)) {
		give(r, data);
		return 0;
	}
	if (len < sizeof(*in) || in->leg >= r->pins->instance->legs ||
	    in->bytes > HF_RTCP_IN_MAX || !r->of[in->leg] ||
	    hf_rtcp_read(in->packet, in->bytes,
			 ntohl(r->pins->rtcp[in->leg].ssrc), &seen))
		return 0;
	hf_reception_take(r->pins, in, &seen, r->wall_ns);
	return 0;
}

void hf_reports_changed(struct hf_reports *r)
{
	uint64_t soon = r->scanned_ms + SCAN_SOON_MS, now = hf_now_ms();

	if (soon < now)
		soon = now;
	if (!r->scan_ms || soon < r->scan_ms)
		r->scan_ms = soon;
}

int hf_reports_fd(const struct hf_reports *r)
{
	return ring_buffer__epoll_fd(r->in);
}

void hf_reports_read(struct hf_reports *r)
{
	ring_buffer__consume(r->in);
}

int hf_reports_wait_ms(const struct hf_reports *r)
{
	uint64_t now = hf_now_ms(), at = r->scan_ms;
	uint32_t place = (uint32_t)(now / RING_MS);

	if (!r->scan_ms)
		return -1;
	for (uint32_t i = r->place + 1; (int32_t)(i - place) < RING; i++) {
		if (!r->ring[i % RING] || r->ring[i % RING]->due != i)
			continue;
		if ((uint64_t)i * RING_MS < at) /* wraps in 4 years */
			at = (uint64_t)i * RING_MS;
		break;
	}
	return at > now ? (int)(at - now) : 0;
}

void hf_reports_tick(struct hf_reports *r)
{
	uint32_t place = (uint32_t)(hf_now_ms() / RING_MS);

	if (!r->scan_ms)
		return;
	ring_buffer__consume(r->in);
	if (hf_now_ms() >= r->scan_ms)
		scan(r);
	if (place - r->place > RING)
		r->place = place - RING;
	while (r->place != place) {
		struct reporter *p, *next;

		r->place++;
		for (p = r->ring[r->place % RING]; p; p = next) {
			next = p->next;
			if ((int32_t)(p->due - r->place) <= 0)
				report(r, p);
		}
	}
}

static int64_t wall_offset(void)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (int64_t)wall.tv_sec * 1000000000LL + wall.tv_nsec -
	       (int64_t)hf_now_ns();
}

int hf_reports_open(const struct hf_pins *pins, uint8_t tos,
		    struct hf_reports **ret)
{
	struct hf_reports *r = calloc(1, sizeof(*r));
	int rc = -ENOMEM;

	if (!r)
		return rc;
	r->pins = pins;
	r->wall_ns = wall_offset();
	r->place = (uint32_t)(hf_now_ms() / RING_MS);
	r->of = calloc(pins->instance->legs, sizeof(*r->of));
	if (r->of)
		rc = hf_rtcp_wire_open(tos, &r->wire);
	if (!rc) {
		r->in = ring_buffer__new(pins->fd[HF_PIN_rtcp_in], take, r,
					 NULL);
		rc = r->in ? 0 : -errno;
	}
	if (!rc && getrandom(&r->random, sizeof(r->random), 0) < 0)
		rc = -errno;
	if (rc) {
		hf_reports_close(r);
		return rc;
	}
	r->random |= 1;
	scan(r);
	say_byes_owed(r);
	*ret = r;
	return 0;
}

/* Legs that are still there get no BYE: whoever comes after us goes on. */
void hf_reports_close(struct hf_reports *r)
{
	if (!r)
		return;
	if (r->scan_ms)
		scan(r);
	for (uint32_t i = 0; r->of && i < r->pins->instance->legs; i++)
		free(r->of[i]);
	ring_buffer__free(r->in);
	hf_rtcp_wire_close(r->wire);
	free(r->of);
	free(r);
}
