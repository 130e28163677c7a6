/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stage for the SIP stack's tests: the real stack on 127.0.0.1, a park logic
 * made of paper that writes down what it is told, and a peer that speaks raw SIP
 * over a UDP socket. All in one loop, so nothing ever sleeps: whoever waits runs
 * the loop until what is awaited is there or the deadline has passed.
 */
#ifndef HOLDFAST_TEST_SIP_PEER_H
#define HOLDFAST_TEST_SIP_PEER_H

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/names.h"
#include "config/config.h"
#include "park/park.h"
#include "sip/loop.h"
#include "sip/stack.h"

#include "test.h"

#define SDP "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define DEADLINE_MS 10000
#define QUEUE 64

/* The paper park logic: it remembers one call at a time. */
struct hf_park {
	const struct hf_signal_ops *ops;
	struct hf_dialog *dialog;
	bool released;
	struct hf_reply reply; /* to an INVITE; status 0 = later */
	struct hf_reply again; /* to a re-INVITE or UPDATE */
	bool bye_on_ack, release_on_end;
	bool draining;
	bool many; /* several calls: each is let go at its ACK or end */
	/* what was told */
	int identities, early_answers, refreshed;
	bool busy; /* it has an offer of its own under way */
	int invites, acks, no_acks, cancels, byes, reinvites, answers, failures;
	int progress, failed_status, reinvite_status, reinvites_done, runs;
	char why[128], body[1024], phrase[128];
	char redirected_to[128];
	int refers, refer_answer; /* 0 = none */
	char refer_to[128], refer_replaces[256];
	struct hf_dialog *refer_dialog;
	/* of the last INVITE, copied */
	char call_id[128], target[128], target_user[128], from[128];
	char from_display[128], asserted[128], asserted_display[128];
	char referred_by[128], diversion[128], history[128], uui[128];
	char carried[128];
	char marker[128], local[64], source[64], replaces[256], params[64];
	bool privacy, trusted, has_replaces, early_only, reliable;
};


struct stage {
	struct hf_loop *loop;
	struct hf_sip *sip;
	struct hf_config config;
	struct hf_config_listen listen[2];
	struct hf_config_prefix trusted[1];
	struct hf_park park;
	struct hf_call_out call;
	char proxy[64];
	int fd;
	unsigned int port, peer_port;
	char *queue[QUEUE];
	int queued;
	char *got; /* the last message taken from the queue */
	char from[64]; /* where the newest message came from */
};

/* What is not as usual: one UDP listener on 127.0.0.1. */
struct how {
	unsigned int t1_ms, min_se_s, max_unacked;
	const char *host[2], *transport[2];
	bool no_proxy;
	void (*registered)(void *arg, const char *aor, bool on,
			   const char *why);
};

static struct hf_park *the_park; /* the reports carry only the party */
/* The party of a call of ours, whose dialog is not known before. */
#define OUR_PARTY ((struct hf_party *)&the_park)

static void copy(char *to, const char *from)
{
	snprintf(to, 128, "%s", from ? from : "(none)");
}

/* A party is its dialog under another name. */
static void let_go(struct hf_park *p, struct hf_party *party)
{
	if (p->many)
		p->ops->release((struct hf_dialog *)party);
	if (p->many || p->released || !p->release_on_end)
		return;
	p->released = true;
	p->ops->release(p->dialog);
}

struct hf_party *hf_park_invite(struct hf_park *p, struct hf_dialog *d,
				const struct hf_invite *in)
{
	p->dialog = d;
	p->released = false;
	p->invites++;
	copy(p->call_id, in->call_id);
	copy(p->target, in->target.uri);
	copy(p->target_user, in->target.user);
	copy(p->from, in->from.uri);
	copy(p->from_display, in->from.display);
	copy(p->asserted, in->asserted.uri);
	copy(p->asserted_display, in->asserted.display);
	copy(p->referred_by, in->referred_by.uri);
	copy(p->diversion, in->diversion.uri);
	copy(p->history, in->history.uri);
	copy(p->uui, in->user_to_user);
	copy(p->carried, in->carried);
	copy(p->marker, in->recall_marker);
	snprintf(p->local, sizeof(p->local), "%s", in->local);
	snprintf(p->source, sizeof(p->source), "%s", in->source);
	snprintf(p->params, sizeof(p->params), "%s", in->target_params);
	p->privacy = in->privacy;
	p->trusted = in->trusted;
	p->reliable = in->reliable;
	p->has_replaces = in->replaces;
	if (in->replaces) {
		snprintf(p->replaces, sizeof(p->replaces), "%s %s %s",
			 in->replaces->call_id, in->replaces->to_tag,
			 in->replaces->from_tag);
		p->early_only = in->replaces->early_only;
	}
	snprintf(p->body, sizeof(p->body), "%.*s", (int)in->body_len,
		 in->body ? in->body : "");
	if (p->reply.status)
		p->ops->reply(d, &p->reply);
	if (p->reply.status >= 300) {
		p->released = !p->many;
		p->ops->release(d);
		return NULL;
	}
	return (struct hf_party *)d;
}

void hf_park_ack(struct hf_party *party, const char *body, size_t len)
{
	const struct hf_cause cause = { 200, "test \"over\"" };

	the_park->acks++;
	snprintf(the_park->body, sizeof(the_park->body), "%.*s", (int)len,
		 body ? body : "");
	if (the_park->bye_on_ack)
		the_park->ops->bye(the_park->dialog, &cause);
	if (the_park->many)
		let_go(the_park, party);
}

void hf_park_no_ack(struct hf_party *party)
{
	the_park->no_acks++;
	let_go(the_park, party);
}

void hf_park_cancel(struct hf_party *party)
{
	the_park->cancels++;
	let_go(the_park, party);
}

void hf_park_bye(struct hf_party *party, const char *why)
{
	the_park->byes++;
	copy(the_park->why, why);
	let_go(the_park, party);
}

void hf_park_reinvite(struct hf_party *party, const struct hf_identity *asserted,
		      const char *body, size_t len)
{
	the_park->reinvites++;
	copy(the_park->asserted, asserted->uri);
	if (the_park->again.status)
		the_park->ops->reply(the_park->many ?
					     (struct hf_dialog *)party :
					     the_park->dialog,
				     &the_park->again);
}

bool hf_park_draining(const struct hf_park *p)
{
	return p->draining;
}

static void note_refer(struct hf_dialog *d, const struct hf_refer *r)
{
	the_park->refers++;
	the_park->refer_dialog = d;
	copy(the_park->refer_to, r->target.uri);
	copy(the_park->referred_by, r->referred_by.uri);
	copy(the_park->refer_replaces, "");
	if (r->replaces)
		snprintf(the_park->refer_replaces,
			 sizeof(the_park->refer_replaces), "%s %s %s",
			 r->replaces->call_id, r->replaces->to_tag,
			 r->replaces->from_tag);
	if (the_park->refer_answer)
		the_park->ops->refer(d, the_park->refer_answer, NULL);
}

void hf_park_identity(struct hf_party *party, const struct hf_identity *asserted)
{
	the_park->identities++;
	copy(the_park->asserted, asserted->uri);
}

int hf_park_session(struct hf_party *party, char *sdp, size_t len)
{
	snprintf(sdp, len, "%s", SDP);
	return the_park->busy ? -1 : 0;
}

void hf_park_refreshed(struct hf_party *party, const char *body, size_t len)
{
	the_park->refreshed++;
	snprintf(the_park->body, sizeof(the_park->body), "%.*s", (int)len,
		 body);
}

void hf_park_early(struct hf_party *party, const char *body, size_t len)
{
	the_park->early_answers++;
	snprintf(the_park->body, sizeof(the_park->body), "%.*s", (int)len,
		 body);
}

void hf_park_refer(struct hf_party *party, const struct hf_refer *r)
{
	note_refer(the_park->many ? (struct hf_dialog *)party :
				    the_park->dialog, r);
}

void hf_park_refer_outside(struct hf_park *p, struct hf_dialog *d,
			   const struct hf_invite *asked,
			   const struct hf_refer *r)
{
	copy(p->target_user, asked->target.user);
	copy(p->from, asked->from.uri);
	note_refer(d, r);
	if (p->refer_answer != 202)
		p->ops->release(d);
}

void hf_park_progress(struct hf_party *party, int status)
{
	the_park->progress = status;
}

void hf_park_answered(struct hf_party *party, const char *body, size_t len)
{
	the_park->answers++;
	snprintf(the_park->body, sizeof(the_park->body), "%.*s", (int)len,
		 body ? body : "");
}

void hf_park_failed(struct hf_party *party, int status, const char *phrase)
{
	the_park->failures++;
	the_park->failed_status = status;
	copy(the_park->phrase, phrase);
	let_go(the_park, party);
}

void hf_park_redirected(struct hf_party *party, int status, const char *phrase,
			const struct hf_identity *to)
{
	copy(the_park->redirected_to, to->uri);
	hf_park_failed(party, status, phrase);
}

bool hf_park_stray_bye(struct hf_park *park, const char *call_id)
{
	return false;
}

void hf_park_reinvite_done(struct hf_party *party, int status, const char *body,
			   size_t len)
{
	the_park->reinvites_done++;
	the_park->reinvite_status = status;
}

void hf_park_run(struct hf_park *p, uint64_t now_ms)
{
	p->runs++;
}

static unsigned int free_port(int type)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, type, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, len) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		abort();
	close(fd);
	return ntohs(a.sin_port);
}

static void peer_readable(void *arg)
{
	struct stage *s = arg;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char data[65536];
	ssize_t got;

	while ((got = recvfrom(s->fd, data, sizeof(data) - 1, MSG_DONTWAIT,
			       (struct sockaddr *)&from, &len)) > 0) {
		inet_ntop(AF_INET, &from.sin_addr, s->from, sizeof(s->from));
		data[got] = '\0';
		if (s->queued < QUEUE)
			s->queue[s->queued++] = strdup(data);
	}
}

static bool stage_open_as(struct stage *s, const struct how *how)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct hf_sip_wiring wiring = {
		.config = &s->config,
		.epoch = 3,
		.t1_ms = how->t1_ms,
		.min_se_s = how->min_se_s,
		.max_unacked = how->max_unacked,
		.registered = how->registered,
	};
	socklen_t len = sizeof(a);
	char err[256];

	memset(s, 0, sizeof(*s));
	the_park = &s->park;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(s->fd, (struct sockaddr *)&a, len) ||
	    getsockname(s->fd, (struct sockaddr *)&a, &len))
		return false;
	s->peer_port = ntohs(a.sin_port);
	s->port = free_port(SOCK_DGRAM);
	for (int i = 0; i < (how->host[1] ? 2 : 1); i++) {
		strcpy(s->listen[i].transport,
		       how->transport[i] ? how->transport[i] : "udp");
		strcpy(s->listen[i].host,
		       how->host[i] ? how->host[i] : "127.0.0.1");
		s->listen[i].port = (uint16_t)s->port;
		s->config.sip.listen_count = (unsigned int)i + 1;
	}
	s->config.sip.listen = s->listen;
	s->config.sip.domain = "park.example.com";
	s->trusted[0].net = hf_ip_mapped(a.sin_addr);
	s->trusted[0].bits = 128;
	s->config.sip.trusted = s->trusted;
	s->config.sip.trusted_count = 1;
	snprintf(s->proxy, sizeof(s->proxy), "sip:127.0.0.1:%u", s->peer_port);
	s->config.sip.outbound_proxy = how->no_proxy ? NULL : s->proxy;
	if (hf_loop_create(&s->loop))
		return false;
	wiring.loop = s->loop;
	if (hf_sip_create(&wiring, &s->sip, err, sizeof(err))) {
		printf("# %s\n", err);
		return false;
	}
	s->park.ops = hf_sip_signal_ops();
	s->park.release_on_end = true;
	hf_sip_attach(s->sip, &s->park);
	hf_loop_watch(s->loop, s->fd, peer_readable, s);
	return true;
}

__attribute__((unused)) static bool stage_open(struct stage *s,
					       unsigned int t1_ms)
{
	return stage_open_as(s, &(struct how){ .t1_ms = t1_ms });
}

static void stage_close(struct stage *s)
{
	hf_sip_destroy(s->sip);
	hf_loop_destroy(s->loop);
	close(s->fd);
	for (int i = 0; i < s->queued; i++)
		free(s->queue[i]);
	free(s->got);
}

/* Run the loop until `done` or the deadline; the result is `done`. */
#define WAIT(s, done)                                                          \
	({                                                                     \
		uint64_t hf_end = hf_now_ms() + DEADLINE_MS;                   \
		bool hf_done;                                                  \
		while (!(hf_done = (done)) && hf_now_ms() < hf_end)            \
			hf_loop_step((s)->loop, 20);                           \
		hf_done;                                                       \
	})
/* Run it for that long, to see that nothing happens. */
#define RUN_FOR(s, ms)                                                         \
	do {                                                                   \
		uint64_t hf_end = hf_now_ms() + (ms);                          \
		while (hf_now_ms() < hf_end)                                   \
			hf_loop_step((s)->loop, 5);                            \
	} while (0)

/* The next message that begins so; what comes before it is thrown away if it
 * is a repetition of `100` or of the message taken last. NULL otherwise. */
static const char *take(struct stage *s, const char *begins)
{
	while (WAIT(s, s->queued)) {
		char *m = s->queue[0];
		bool again = s->got && !strcmp(m, s->got);

		memmove(s->queue, s->queue + 1, sizeof(*s->queue) * --s->queued);
		if (!strncmp(m, begins, strlen(begins))) {
			free(s->got);
			return s->got = m;
		}
		if (!again && strncmp(m, "SIP/2.0 100", 11)) {
			printf("# expected %s, got: %.300s\n", begins, m);
			free(m);
			return NULL;
		}
		free(m);
	}
	printf("# expected %s, got nothing\n", begins);
	return NULL;
}

/* Value of the first header of that name in the last message, "" if none. */
static const char *header(const struct stage *s, const char *name)
{
	static char value[8][1024];
	static unsigned int turn;
	char *v = value[turn++ % 8];
	size_t n = strlen(name);

	v[0] = '\0';
	for (const char *l = s->got ? strstr(s->got, "\r\n") : NULL; l;
	     l = strstr(l, "\r\n")) {
		l += 2;
		if (!strncmp(l, "\r\n", 2))
			break;
		if (strncasecmp(l, name, n) || l[n] != ':')
			continue;
		for (l += n + 1; *l == ' ';)
			l++;
		snprintf(v, 1024, "%.*s", (int)strcspn(l, "\r\n"), l);
		break;
	}
	return v;
}

/* How many headers of that name there are. */
__attribute__((unused)) static int headers(const struct stage *s,
					   const char *name)
{
	size_t n = strlen(name);
	int count = 0;

	for (const char *l = s->got ? strstr(s->got, "\r\n") : NULL; l;
	     l = strstr(l + 2, "\r\n"))
		if (!strncmp(l, "\r\n\r\n", 4))
			break;
		else if (!strncasecmp(l + 2, name, n) && l[2 + n] == ':')
			count++;
	return count;
}

static const char *to_tag(const struct stage *s)
{
	const char *t = strstr(header(s, "To"), "tag=");

	return t ? t + 4 : "";
}

static void say_to(struct stage *s, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)s->port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sendto(s->fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof(a));
}

/* One side of a dialog, as the peer keeps it. */
struct line {
	struct stage *s;
	const char *id;	 /* Call-ID, From tag and branches come from it */
	char tag[128];	 /* the stack's */
	unsigned int cseq;
	unsigned int serial; /* of the branch */
	const char *uri;     /* Request-URI, NULL = sip:700@ */
};

/* Any request; `more` are whole lines, `body` SDP or NULL. */
static void request(struct line *l, const char *method, unsigned int cseq,
		    const char *more, const char *body)
{
	char text[16384], to[200] = "";

	if (l->tag[0])
		snprintf(to, sizeof(to), ";tag=%s", l->tag);
	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bK%s-%u\r\n"
		 "From: \"Carol\" <sip:+4930123@example.org>;tag=f%s\r\n"
		 "To: <sip:700@park.example.com>%s\r\n"
		 "Call-ID: %s\r\nCSeq: %u %s\r\n"
		 "Contact: <sip:carol@127.0.0.1:%u>\r\n"
		 "%s%sContent-Length: %zu\r\n\r\n%s",
		 method, l->uri ? l->uri : "sip:700@park.example.com",
		 l->s->peer_port, l->id, l->serial, l->id, to, l->id, cseq,
		 method, l->s->peer_port, more ? more : "",
		 body ? "Content-Type: application/sdp\r\n" : "",
		 body ? strlen(body) : 0, body ? body : "");
	say_to(l->s, text);
}

static void invite(struct line *l, const char *more, const char *body)
{
	l->serial++;
	request(l, "INVITE", ++l->cseq, more, body);
}

static void ack(struct line *l, const char *body)
{
	snprintf(l->tag, sizeof(l->tag), "%s", to_tag(l->s));
	l->serial++;
	request(l, "ACK", l->cseq, NULL, body);
}

__attribute__((unused)) static void
in_dialog(struct line *l, const char *method, const char *more,
		      const char *body)
{
	l->serial++;
	request(l, method, ++l->cseq, more, body);
}

/* Answer the request taken last. */
__attribute__((unused)) static void
respond(struct stage *s, int status, const char *tag,
		    const char *more, const char *body)
{
	char text[16384], to[200] = "";
	const char *to_line = header(s, "To");

	if (tag && !strstr(to_line, "tag="))
		snprintf(to, sizeof(to), ";tag=%s", tag);
	snprintf(text, sizeof(text),
		 "SIP/2.0 %d Test\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s\r\n"
		 "Call-ID: %s\r\nCSeq: %s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
		 status, header(s, "Via"), header(s, "From"), to_line, to,
		 header(s, "Call-ID"), header(s, "CSeq"), more ? more : "",
		 body ? "Content-Type: application/sdp\r\n" : "",
		 body ? strlen(body) : 0, body ? body : "");
	say_to(s, text);
}

/* An accepted and ACKed call. */
__attribute__((unused)) static bool establish(struct line *l)
{
	l->s->park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(l, NULL, SDP);
	if (!take(l->s, "SIP/2.0 200"))
		return false;
	ack(l, NULL);
	return WAIT(l->s, l->s->park.acks);
}

/* An INVITE of ours; what the test leaves open is filled in. */
__attribute__((unused)) static bool call_out(struct stage *s, const struct hf_call_out *more)
{
	struct hf_call_out call = *more;

	if (!call.uri)
		call.uri = "sip:1001@pbx.example.com";
	if (!call.body)
		call.body = SDP;
	s->park.released = false;
	s->park.dialog = s->park.ops->invite(s->sip, OUR_PARTY, &call);
	return s->park.dialog;
}

#endif
