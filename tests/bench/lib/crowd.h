/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The crowd of the bench of lamps (../lamps.c): phones that subscribe, callers
 * who are parked and who picks them up. It speaks just enough SIP over UDP, and
 * it is the checker too: it knows from its own calls what each lamp has to show
 * and measures for how long each shows what is not true any more.
 */
#ifndef HOLDFAST_BENCH_CROWD_H
#define HOLDFAST_BENCH_CROWD_H

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <time.h>

#include "../report.h"

#define PHONES	   20000u
#define CROWD	   1000u /* phones at slot 0 */
#define EACH	   20u
#define SLOTS	   (1u + (PHONES - CROWD) / EACH)
#define FIRST_SLOT 1000u
#define PORT	   25060u
#define WINDOW	   200u /* SUBSCRIBEs without answer */
#define MESSAGE	   8192
#define RETRIEVER  0x80000000u
#define ENDING	   0x40000000u

struct phone {
	uint32_t slot, shown, notifies;
	bool wrong, subscribed;
	double since;
};

#define PAST 8

struct slot {
	uint32_t truth; /* the number of the call that waits, 0 = free */
	struct {
		uint32_t truth;
		double until;
	} past[PAST]; /* what was true before, newest first */
	bool busy;	/* a transaction is under way: */
	uint32_t expect; /* call number and what of it is under way */
	uint32_t first, count; /* its phones */
	char tag[80];	/* To tag of the parked call */
};

struct crowd {
	int phones, calls; /* sockets */
	unsigned int phone_port, call_port;
	struct sockaddr_in daemon;
	pid_t pid;
	struct phone phone[PHONES];
	struct slot slot[SLOTS];
	double *wrong; /* how long each was, in ms */
	size_t wrong_count, wrong_room;
	double *answer; /* of INVITEs, ms */
	size_t answer_count, answer_room;
	double invited[1 << 16]; /* when, by call number */
	uint32_t slot_of[1 << 16];
	uint32_t calls_made, subscribed, changes;
	uint64_t notifies;
	double last_notify;
	double loss;
	bool measure;
	uint64_t random;
	char folder[64];
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint32_t draw(struct crowd *c, uint32_t below)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (uint32_t)((c->random >> 32) % below);
}

static bool lost(struct crowd *c)
{
	return c->loss > 0 && draw(c, 10000) < c->loss * 10000;
}

static void keep(double **list, size_t *count, size_t *room, double value)
{
	if (*count == *room) {
		*room = *room ? *room * 2 : 4096;
		*list = reallocarray(*list, *room, sizeof(**list));
		if (!*list)
			abort();
	}
	(*list)[(*count)++] = value;
}

static double percentile(double *list, size_t count, double p)
{
	if (!count)
		return 0;
	qsort(list, count, sizeof(*list), report_by_size);
	return list[(size_t)((double)(count - 1) * p)];
}

static void say(struct crowd *c, int fd, const char *text, int len)
{
	if (sendto(fd, text, (size_t)len, 0, (struct sockaddr *)&c->daemon,
		   sizeof(c->daemon)) < 0)
		perror("sendto");
}

static void wrong_until(struct crowd *c, struct phone *p, double now)
{
	if (p->wrong && c->measure)
		keep(&c->wrong, &c->wrong_count, &c->wrong_room, now - p->since);
	p->wrong = false;
}

/* The truth has changed: what the lamp shows is wrong from now on, or right. */
static void truth_changed(struct crowd *c, struct phone *p, double now)
{
	if (p->shown == c->slot[p->slot].truth) {
		wrong_until(c, p, now);
	} else if (!p->wrong) {
		p->wrong = true;
		p->since = now;
	}
}

/*
 * The lamp has changed. If it was overtaken by the next change on its way, it is
 * wrong since what it shows stopped being true, not since long before.
 */
static void lamp_changed(struct crowd *c, struct phone *p, uint32_t shown,
			 double now)
{
	const struct slot *s = &c->slot[p->slot];

	if (p->shown == shown)
		return;
	p->shown = shown;
	if (shown == s->truth) {
		wrong_until(c, p, now);
		return;
	}
	for (int i = 0; i < PAST; i++) {
		if (s->past[i].truth != shown || !s->past[i].until)
			continue;
		wrong_until(c, p, now);
		p->since = s->past[i].until;
		break;
	}
	p->wrong = true;
}

static void set_truth(struct crowd *c, uint32_t slot, uint32_t value)
{
	struct slot *s = &c->slot[slot];
	double now = now_ms();

	memmove(&s->past[1], &s->past[0], sizeof(s->past) - sizeof(s->past[0]));
	s->past[0].truth = s->truth;
	s->past[0].until = now;
	s->truth = value;
	c->changes++;
	for (uint32_t i = 0; i < s->count; i++)
		truth_changed(c, &c->phone[s->first + i], now);
}

static void subscribe(struct crowd *c, uint32_t i)
{
	char text[1024];
	unsigned int number = FIRST_SLOT + c->phone[i].slot;

	say(c, c->phones, text,
	    snprintf(text, sizeof(text),
		     "SUBSCRIBE sip:%u@127.0.0.1:%u SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKs%u;rport\r\n"
		     "From: <sip:1%u@pbx.example.com>;tag=f%u\r\n"
		     "To: <sip:%u@park.example.com>\r\n"
		     "Call-ID: p%u-0123456789abcdef@pbx.example.com\r\n"
		     "CSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\n"
		     "Contact: <sip:1%u@127.0.0.1:%u>\r\nEvent: dialog\r\n"
		     "Accept: application/dialog-info+xml\r\nExpires: 3600\r\n"
		     "Content-Length: 0\r\n\r\n",
		     number, PORT, c->phone_port, i, i, i, number, i, i,
		     c->phone_port));
}

/* kind: 'c' the caller who is parked, 'r' who picks up. */
static void request(struct crowd *c, char kind, const char *method, uint32_t n,
		    const char *target, unsigned int cseq, const char *tag,
		    const char *more, const char *body)
{
	char text[2048];

	say(c, c->calls, text,
	    snprintf(text, sizeof(text),
		     "%s sip:%s@127.0.0.1:%u SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%c%u%s%u;rport\r\n"
		     "From: \"n%u\" <sip:%s@pbx.example.com>;tag=%c%u\r\n"
		     "To: <sip:%s@park.example.com>%s%s\r\n"
		     "Call-ID: %c%u@pbx.example.com\r\nCSeq: %u %s\r\n"
		     "Contact: <sip:%c@127.0.0.1:%u>\r\nMax-Forwards: 70\r\n%s"
		     "Content-Length: %zu\r\n\r\n%s",
		     method, target, PORT, c->call_port, kind, n, method, cseq,
		     n, kind == 'c' ? "4930111" : "1001", kind, n, target,
		     tag ? ";tag=" : "", tag ? tag : "", kind, n, cseq, method,
		     kind, c->call_port, more, strlen(body), body));
}

#define SDP                                                                    \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\n"     \
	"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define HAS_SDP "Content-Type: application/sdp\r\n"

static void park(struct crowd *c, uint32_t slot)
{
	uint32_t n = ++c->calls_made & 0xffff;
	char target[32];

	c->slot[slot].busy = true;
	c->slot[slot].expect = n;
	c->slot_of[n] = slot;
	c->invited[n] = now_ms();
	snprintf(target, sizeof(target), "*68%u", FIRST_SLOT + slot);
	request(c, 'c', "INVITE", n, target, 1, NULL,
		HAS_SDP "Referred-By: <sip:1001@pbx.example.com>\r\n", SDP);
}

/* The caller hangs up, or somebody picks up. */
static void end(struct crowd *c, uint32_t slot, bool pick_up)
{
	struct slot *s = &c->slot[slot];
	uint32_t n = s->truth;
	char target[32];

	s->busy = true;
	if (pick_up) {
		s->expect = n | RETRIEVER;
		c->invited[n] = now_ms();
		snprintf(target, sizeof(target), "%u", FIRST_SLOT + slot);
		request(c, 'r', "INVITE", n, target, 1, NULL,
			HAS_SDP "P-Asserted-Identity: <sip:1001@pbx.example.com>\r\n",
			SDP);
		return;
	}
	s->expect = n | ENDING;
	request(c, 'c', "BYE", n, "park", 2, s->tag, "", "");
	set_truth(c, slot, 0);
}

/* The value of a header, in `out`. */
static bool header(const char *m, const char *name, char *out, size_t len)
{
	const char *at = strcasestr(m, name);

	if (!at)
		return false;
	at += strlen(name);
	snprintf(out, len, "%.*s", (int)strcspn(at, "\r\n"), at);
	return true;
}

static void answer(struct crowd *c, int fd, const char *m)
{
	char via[512], from[256], to[256], id[128], cseq[64], text[1500];

	if (!header(m, "\r\nVia: ", via, sizeof(via)) ||
	    !header(m, "\r\nFrom: ", from, sizeof(from)) ||
	    !header(m, "\r\nTo: ", to, sizeof(to)) ||
	    !header(m, "\r\nCall-ID: ", id, sizeof(id)) ||
	    !header(m, "\r\nCSeq: ", cseq, sizeof(cseq)))
		return;
	say(c, fd, text,
	    snprintf(text, sizeof(text),
		     "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
		     "Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		     via, from, to, id, cseq));
}

static void notified(struct crowd *c, const char *m)
{
	const char *body = strstr(m, "\r\n\r\n"), *name;
	char id[128];
	uint32_t i;

	if (lost(c) || !body || !header(m, "\r\nCall-ID: p", id, sizeof(id)))
		return;
	i = (uint32_t)strtoul(id, NULL, 10);
	if (i >= PHONES)
		return;
	c->notifies++;
	c->last_notify = now_ms();
	name = strstr(body, "display=\"n");
	c->phone[i].notifies++;
	lamp_changed(c, &c->phone[i],
		     name ? (uint32_t)strtoul(name + 10, NULL, 10) : 0,
		     c->last_notify);
	if (!lost(c))
		answer(c, c->phones, m);
}

static void phones_hear(struct crowd *c, const char *m)
{
	char id[128];
	uint32_t i;

	if (!strncmp(m, "NOTIFY ", 7)) {
		notified(c, m);
		return;
	}
	if (strncmp(m, "SIP/2.0 200", 11)) {
		fprintf(stderr, "lamps: %.*s\n", (int)strcspn(m, "\r\n"), m);
		return;
	}
	header(m, "\r\nCall-ID: p", id, sizeof(id));
	i = (uint32_t)strtoul(id, NULL, 10);
	if (i < PHONES && !c->phone[i].subscribed) {
		c->phone[i].subscribed = true;
		c->subscribed++;
	}
}

static void invite_answered(struct crowd *c, char kind, uint32_t n,
			    const char *m)
{
	uint32_t slot = c->slot_of[n];
	struct slot *s = &c->slot[slot];
	char to[256], target[32], *tag;

	/* a repetition, or of a call that is over? */
	if (!s->busy || s->expect != (kind == 'r' ? n | RETRIEVER : n))
		return;
	if (strncmp(m, "SIP/2.0 200", 11)) {
		if (strncmp(m, "SIP/2.0 1", 9)) {
			fprintf(stderr, "lamps: INVITE: %.*s\n",
				(int)strcspn(m, "\r\n"), m);
			s->busy = false;
		}
		return;
	}
	header(m, "\r\nTo: ", to, sizeof(to));
	tag = strstr(to, "tag=");
	if (!tag)
		return;
	keep(&c->answer, &c->answer_count, &c->answer_room,
	     now_ms() - c->invited[n]);
	snprintf(target, sizeof(target), "%u", FIRST_SLOT + slot);
	request(c, kind, "ACK", n, target, 1, tag + 4, "", "");
	s->busy = false;
	if (kind == 'c') {
		snprintf(s->tag, sizeof(s->tag), "%.79s", tag + 4);
		set_truth(c, slot, n);
		return;
	}
	set_truth(c, slot, 0);
	s->expect = n | ENDING;
	s->busy = true;
	request(c, 'r', "BYE", n, target, 2, tag + 4, "", "");
}

static void calls_hear(struct crowd *c, const char *m)
{
	char id[128], cseq[64];
	uint32_t n;

	if (!strncmp(m, "BYE ", 4)) {
		answer(c, c->calls, m);
		return;
	}
	if (!header(m, "\r\nCall-ID: ", id, sizeof(id)) ||
	    !header(m, "\r\nCSeq: ", cseq, sizeof(cseq)))
		return;
	n = (uint32_t)strtoul(id + 1, NULL, 10) & 0xffff;
	if (strstr(cseq, "INVITE"))
		invite_answered(c, id[0], n, m);
	else if (strstr(cseq, "BYE") &&
		 c->slot[c->slot_of[n]].expect == (n | ENDING))
		c->slot[c->slot_of[n]].busy = false;
}

/* Take what has come; wait for at most so long. */
static void hear(struct crowd *c, double wait_ms)
{
	struct pollfd fd[2] = { { c->phones, POLLIN, 0 }, { c->calls, POLLIN, 0 } };
	struct timespec t = { 0, 0 };
	char m[MESSAGE];
	ssize_t n;

	if (wait_ms > 0)
		t.tv_nsec = (long)(wait_ms * 1e6);
	ppoll(fd, 2, &t, NULL);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 64; k++) {
			n = recv(fd[i].fd, m, sizeof(m) - 1, MSG_DONTWAIT);
			if (n <= 0)
				break;
			m[n] = '\0';
			if (i)
				calls_hear(c, m);
			else
				phones_hear(c, m);
		}
}

static void rest(struct crowd *c, double ms)
{
	double until = now_ms() + ms;

	while (now_ms() < until)
		hear(c, 5);
}

/* Something changes at a slot: park, or one of the two ends. */
static bool change(struct crowd *c, uint32_t slot)
{
	if (c->slot[slot].busy)
		return false;
	if (!c->slot[slot].truth)
		park(c, slot);
	else
		end(c, slot, draw(c, 4) == 0);
	return true;
}

/* `hot`: of ten changes so many are at only ten slots. */
static uint32_t change_at_rate(struct crowd *c, double seconds, double rate,
			       uint32_t hot)
{
	double start = now_ms(), stop = start + seconds * 1e3, next = start;
	uint32_t before = c->changes;

	while (now_ms() < stop) {
		for (; next <= now_ms(); next += 1e3 / rate) {
			for (int tries = 0; tries < 20; tries++) {
				uint32_t slot = draw(c, 10) < hot ?
							1 + draw(c, 10) :
							1 + draw(c, SLOTS - 1);

				if (change(c, slot))
					break;
			}
		}
		hear(c, next - now_ms() < 1 ? next - now_ms() : 1);
	}
	return c->changes - before;
}

static uint32_t wrong_now(const struct crowd *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < PHONES; i++)
		n += c->phone[i].wrong;
	return n;
}

#endif
