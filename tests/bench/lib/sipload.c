// SPDX-License-Identifier: GPL-2.0-or-later
/* SIP for benchmarks, see sipload.h. */
#include "sipload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AGAIN_MS 500.0

double sl_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int sl_open(struct sl_load *l, const char *local, unsigned int port,
	    const char *to, uint32_t dialogs)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_port = htons((uint16_t)port)};
	int bytes = 16 << 20;

	memset(l, 0, sizeof(*l));
	snprintf(l->local, sizeof(l->local), "%s", local);
	l->port = port;
	l->to = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons(5060)};
	inet_pton(AF_INET, local, &from.sin_addr);
	inet_pton(AF_INET, to, &l->to.sin_addr);
	l->dialog = calloc(dialogs, sizeof(*l->dialog));
	l->count = dialogs;
	l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!l->dialog || l->fd < 0 ||
	    bind(l->fd, (struct sockaddr *)&from, sizeof(from)))
		return -errno;
	setsockopt(l->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	return 0;
}

void sl_close(struct sl_load *l)
{
	close(l->fd);
	free(l->dialog);
}

static void say(struct sl_load *l, const char *text, int len)
{
	while (sendto(l->fd, text, (size_t)len, 0, (struct sockaddr *)&l->to,
		      sizeof(l->to)) < 0 &&
	       errno == EAGAIN) {
		struct pollfd p = {.fd = l->fd, .events = POLLOUT};

		poll(&p, 1, 10);
	}
}

/* `branch`: the first letter of whose transaction it is. */
static void request_in(struct sl_load *l, uint32_t n, const char *method,
		       char branch, const char *user, unsigned int cseq,
		       const char *more, const char *body)
{
	const struct sl_dialog *d = &l->dialog[n];
	char text[1600], to[16];

	inet_ntop(AF_INET, &l->to.sin_addr, to, sizeof(to));
	say(l, text,
	    snprintf(text, sizeof(text),
		     "%s sip:%s@%s SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP %s:%u;branch=z9hG4bK%x%c%x;rport\r\n"
		     "From: <sip:%c%06u@pbx.example.com>;tag=f%x\r\n"
		     "To: <sip:%s@park.example.com>%s%s\r\n"
		     "Call-ID: %u@load\r\nCSeq: %u %s\r\n"
		     "Contact: <sip:load@%s:%u>\r\nMax-Forwards: 70\r\n%s"
		     "Content-Length: %zu\r\n\r\n%s",
		     method, user, to, l->local, l->port, n, branch, cseq,
		     d->inside ? '2' : '1', n, n, user,
		     *d->tag ? ";tag=" : "", d->tag, n, cseq, method, l->local,
		     l->port, more, strlen(body), body));
}

static void request(struct sl_load *l, uint32_t n, const char *method,
		    const char *user, unsigned int cseq, const char *more,
		    const char *body)
{
	request_in(l, n, method, method[0], user, cseq, more, body);
}

static void invite(struct sl_load *l, uint32_t n)
{
	struct sl_dialog *d = &l->dialog[n];
	char body[400], ip[16];

	inet_ntop(AF_INET, &d->rtp_ip4, ip, sizeof(ip));
	snprintf(body, sizeof(body),
		 "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
		 "m=audio %u RTP/AVP 0\r\na=%s\r\n",
		 ip, ip, d->rtp_port, d->direction);
	d->again_ms = sl_now_ms();
	request(l, n, "INVITE", d->user, 1,
		d->inside ? "Content-Type: application/sdp\r\n"
			  : "Content-Type: application/sdp\r\n"
			    "Referred-By: <sip:1001@pbx.example.com>\r\n",
		body);
}

static void begin(struct sl_load *l, uint32_t n, const char *user, bool inside,
		  const struct sockaddr_in *rtp, const char *direction)
{
	struct sl_dialog *d = &l->dialog[n];

	*d = (struct sl_dialog){
		.state = SL_INVITED,
		.inside = inside,
		.cseq = 1,
		.rtp_ip4 = rtp->sin_addr.s_addr,
		.rtp_port = ntohs(rtp->sin_port),
		.sent_ms = sl_now_ms(),
		.direction = direction,
	};
	snprintf(d->user, sizeof(d->user), "%s", user);
	invite(l, n);
}

void sl_park(struct sl_load *l, uint32_t n, uint32_t slot,
	     const struct sockaddr_in *rtp, const char *direction)
{
	char user[16];

	snprintf(user, sizeof(user), "*68%u", slot);
	begin(l, n, user, false, rtp, direction);
}

void sl_park_any(struct sl_load *l, uint32_t n, const char *lot,
		 const struct sockaddr_in *rtp, const char *direction)
{
	begin(l, n, lot, false, rtp, direction);
}

void sl_pick_up(struct sl_load *l, uint32_t n, uint32_t slot,
		const struct sockaddr_in *rtp)
{
	char user[16];

	snprintf(user, sizeof(user), "%u", slot);
	begin(l, n, user, true, rtp, "sendrecv");
}

void sl_bye(struct sl_load *l, uint32_t n)
{
	struct sl_dialog *d = &l->dialog[n];

	d->state = SL_ENDING;
	request(l, n, "BYE", "park", ++d->cseq, "", "");
}

void sl_ask(struct sl_load *l, uint32_t n)
{
	struct sl_dialog *d = &l->dialog[n];

	d->known = 0;
	request(l, n, "OPTIONS", "park", ++d->cseq, "", "");
}

void sl_ping(struct sl_load *l)
{
	static const char form[] =
		"OPTIONS sip:%s SIP/2.0\r\n"
		"Via: SIP/2.0/UDP %s:%u;branch=z9hG4bKp%llx;rport\r\n"
		"From: <sip:ping@pbx.example.com>;tag=p\r\n"
		"To: <sip:park.example.com>\r\nCall-ID: ping%llx\r\n"
		"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
		"Content-Length: 0\r\n\r\n";
	unsigned long long id = (unsigned long long)(sl_now_ms() * 1000);
	char text[600], to[16];

	inet_ntop(AF_INET, &l->to.sin_addr, to, sizeof(to));
	say(l, text, snprintf(text, sizeof(text), form, to, l->local, l->port,
			      id, id));
}

void sl_towards(struct sl_load *l, unsigned int port)
{
	l->to.sin_port = htons((uint16_t)port);
}

static const char *header(const char *m, const char *name)
{
	const char *at = strstr(m, name);

	return at ? at + strlen(name) : NULL;
}

static void learn(struct sl_dialog *d, const char *m)
{
	const char *to = header(m, "\r\nTo: "), *tag, *c, *media;
	const char *contact = header(m, "\r\nContact: ");
	char ip[16] = "";

	tag = to ? strstr(to, ";tag=") : NULL;
	if (tag)
		snprintf(d->tag, sizeof(d->tag), "%.*s",
			 (int)strcspn(tag + 5, ";\r\n"), tag + 5);
	contact = contact ? strstr(contact, "sip:") : NULL;
	if (contact)
		d->slot = (uint32_t)strtoul(contact + 4, NULL, 10);
	c = header(m, "\r\nc=IN IP4 ");
	media = header(m, "\r\nm=audio ");
	if (!c || !media)
		return;
	snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(c, "\r\n"), c);
	inet_pton(AF_INET, ip, &d->remote_ip4);
	d->remote_port = (uint16_t)strtoul(media, NULL, 10);
}

static void invite_answered(struct sl_load *l, uint32_t n, unsigned int status,
			    const char *m)
{
	struct sl_dialog *d = &l->dialog[n];
	bool first = d->state == SL_INVITED;

	if (status < 200)
		return;
	if (d->state == SL_INVITED) {
		d->answer_ms = sl_now_ms();
		d->status = (uint16_t)status;
		d->state = status < 300 ? SL_UP : SL_FAILED;
		learn(d, m);
		l->up += status < 300;
		l->failed += status >= 300;
	}
	if (status < 300) {
		request(l, n, "ACK", d->user, 1, "", "");
	} else {
		/* It is the INVITE's transaction that this ends (RFC 3261
		 * 17.1.1.3): its branch, and the tag of the answer. */
		learn(d, m);
		request_in(l, n, "ACK", 'I', d->user, 1, "", "");
		d->tag[0] = '\0';
	}
	if (first && l->changed)
		l->changed(l, n);
}

static void response(struct sl_load *l, const char *m)
{
	unsigned int status = (unsigned int)strtoul(m + 8, NULL, 10);
	const char *id = header(m, "\r\nCall-ID: ");
	const char *cseq = header(m, "\r\nCSeq: ");
	struct sl_dialog *d;
	uint32_t n;

	if (!id || !cseq)
		return;
	if (!strncmp(id, "ping", 4)) {
		l->options_ms = sl_now_ms();
		return;
	}
	n = (uint32_t)strtoul(id, NULL, 10);
	cseq = strchr(cseq, ' ');
	if (n >= l->count || !cseq)
		return;
	d = &l->dialog[n];
	if (!strncmp(cseq, " INVITE", 7)) {
		invite_answered(l, n, status, m);
	} else if (!strncmp(cseq, " BYE", 4) && d->state == SL_ENDING) {
		d->state = SL_OVER;
		l->ended++;
		if (l->changed)
			l->changed(l, n);
	} else if (!strncmp(cseq, " OPTIONS", 8) && !d->known) {
		d->known = status < 300 ? 1 : 2;
		l->pinged += status < 300;
		l->refused += status >= 300;
	}
}

static void copy(const char *m, const char *name, char *out, size_t len)
{
	const char *at = header(m, name);

	snprintf(out, len, "%.*s", at ? (int)strcspn(at, "\r\n") : 0, at);
}

/* BYE, OPTIONS: 200; a call to us: busy. */
static void asked(struct sl_load *l, const char *m)
{
	char via[300], from[200], to[200], id[128], cseq[64], text[1200];
	const char *status = strncmp(m, "INVITE ", 7) ? "200 OK"
						      : "486 Busy Here";
	const char *number;
	uint32_t n;
	bool over;

	if (!strncmp(m, "ACK ", 4))
		return;
	copy(m, "\r\nVia: ", via, sizeof(via));
	copy(m, "\r\nFrom: ", from, sizeof(from));
	copy(m, "\r\nTo: ", to, sizeof(to));
	copy(m, "\r\nCall-ID: ", id, sizeof(id));
	copy(m, "\r\nCSeq: ", cseq, sizeof(cseq));
	number = id;
	n = (uint32_t)strtoul(number, NULL, 10);
	over = !strncmp(m, "BYE ", 4) && strstr(id, "@load") && n < l->count &&
	       l->dialog[n].state == SL_UP;
	if (over) {
		l->dialog[n].state = SL_OVER;
		l->ended++;
	}
	say(l, text,
	    snprintf(text, sizeof(text),
		     "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\n"
		     "Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		     status, via, from, to, strstr(to, ";tag=") ? "" : ";tag=l",
		     id, cseq));
	if (over && l->changed)
		l->changed(l, n);
}

bool sl_run(struct sl_load *l, double until_ms,
	    bool (*done)(const struct sl_load *, void *arg), void *arg)
{
	struct pollfd p = {.fd = l->fd, .events = POLLIN};
	char m[8192];
	ssize_t n;

	for (;;) {
		double left = until_ms - sl_now_ms();

		while ((n = recv(l->fd, m, sizeof(m) - 1, 0)) > 0) {
			m[n] = '\0';
			if (!strncmp(m, "SIP/2.0 ", 8))
				response(l, m);
			else
				asked(l, m);
		}
		if (done && done(l, arg))
			return true;
		if (left <= 0)
			return !done;
		poll(&p, 1, left > 20 ? 20 : (int)left + 1);
	}
}

void sl_repeat(struct sl_load *l, uint32_t first, uint32_t last)
{
	double now = sl_now_ms();

	for (uint32_t n = first; n < last; n++) {
		struct sl_dialog *d = &l->dialog[n];

		if (d->state != SL_INVITED || now - d->again_ms < AGAIN_MS)
			continue;
		l->repeated++;
		invite(l, n);
	}
}
