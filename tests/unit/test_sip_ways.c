// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * Ways in and out: several addresses, all addresses, TCP; and a peer that stops
 * refreshing its session.
 */
#include "test_sip_peer.h"

static void say_to_host(struct stage *s, const char *host, const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons((uint16_t)s->port) };

	inet_pton(AF_INET, host, &a.sin_addr);
	sendto(s->fd, text, strlen(text), 0, (struct sockaddr *)&a, sizeof(a));
}

#define INVITE_FROM(transport, port, id)                                       \
	"INVITE sip:700@park.example.com SIP/2.0\r\n"                          \
	"Via: SIP/2.0/" transport " 127.0.0.1:%u;branch=z9hG4bK" id "\r\n"     \
	"From: <sip:carol@example.org>;tag=" id "\r\nTo: <sip:700@a>\r\n"      \
	"Call-ID: " id "\r\nCSeq: 1 INVITE\r\n"                                \
	"Contact: <sip:carol@127.0.0.1:%u" port ">\r\n"                        \
	"Content-Length: 0\r\n\r\n"
#define ACK_FROM(transport, id)                                                \
	"ACK sip:700@park.example.com SIP/2.0\r\n"                             \
	"Via: SIP/2.0/" transport " 127.0.0.1:%u;branch=z9hG4bK" id "a\r\n"    \
	"From: <sip:carol@example.org>;tag=" id "\r\nTo: <sip:700@a>;tag=%s\r\n" \
	"Call-ID: " id "\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"

static bool call_at(struct stage *s, const char *host, const char *expected)
{
	char text[2048], contact[128];

	s->park.bye_on_ack = true;
	s->park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	snprintf(text, sizeof(text), INVITE_FROM("UDP", "", "w1"), s->peer_port,
		 s->peer_port);
	say_to_host(s, host, text);
	snprintf(contact, sizeof(contact), "<sip:%s:%u>", expected, s->port);
	if (!take(s, "SIP/2.0 200") ||
	    strcmp(header(s, "Contact"), contact) ||
	    strcmp(s->from, expected) || strcmp(s->park.local, expected))
		return false;
	snprintf(text, sizeof(text), ACK_FROM("UDP", "w1"), s->peer_port,
		 to_tag(s));
	say_to_host(s, host, text);
	if (!take(s, "BYE sip:carol@127.0.0.1"))
		return false;
	respond(s, 200, NULL, NULL, NULL);
	return !strcmp(s->from, expected) && strstr(header(s, "Via"), expected);
}

TEST(a_call_stays_on_the_address_it_came_in_on)
{
	const struct how two = { .host = { "127.0.0.1", "127.0.0.2" } };
	struct stage s;

	CHECK(stage_open_as(&s, &two));
	CHECK(call_at(&s, "127.0.0.2", "127.0.0.2"));
	stage_close(&s);
	CHECK(stage_open_as(&s, &two));
	CHECK(call_at(&s, "127.0.0.1", "127.0.0.1"));
	stage_close(&s);
}

TEST(a_listener_on_all_addresses_names_the_one_that_faces_the_peer)
{
	const struct how any = { .host = { "0.0.0.0" } };
	struct stage s;

	CHECK(stage_open_as(&s, &any));
	CHECK(call_at(&s, "127.0.0.1", "127.0.0.1"));
	stage_close(&s);
}

TEST(our_call_leaves_by_the_address_that_faces_the_proxy)
{
	const struct how two = { .host = { "127.0.0.2", "127.0.0.1" } };
	const struct hf_call_out call = { .uri = "sip:1001@pbx.example.com",
					  .body = SDP };
	char contact[64];
	struct stage s;

	CHECK(stage_open_as(&s, &two));
	s.park.dialog = s.park.ops->invite(s.sip, OUR_PARTY, &call);
	CHECK(s.park.dialog);
	CHECK(take(&s, "INVITE sip:1001@"));
	/* The way to 127.0.0.1 goes out from 127.0.0.1. */
	CHECK_STR(s.from, "127.0.0.1");
	snprintf(contact, sizeof(contact), "<sip:127.0.0.1:%u>", s.port);
	CHECK_STR(header(&s, "Contact"), contact);
	CHECK(strstr(header(&s, "Via"), "127.0.0.1"));
	respond(&s, 486, "p", NULL, NULL);
	CHECK(WAIT(&s, s.park.failures));
	stage_close(&s);
}

/* The peer on TCP: its socket takes the place of the UDP one. */
static void tcp_readable(void *arg)
{
	struct stage *s = arg;
	char data[16384], *m = data, *end;
	ssize_t got = recv(s->fd, data, sizeof(data) - 1, MSG_DONTWAIT);

	data[got > 0 ? got : 0] = '\0';
	while ((end = strstr(m, "\r\n\r\n")) && s->queued < QUEUE) {
		const char *l = strstr(m, "Content-Length: ");

		end += 4 + (l && l < end ? atoi(l + 16) : 0);
		s->queue[s->queued++] = strndup(m, (size_t)(end - m));
		m = end;
	}
}

TEST(a_call_over_tcp_is_answered_and_ended_on_its_connection)
{
	const struct how tcp = { .host = { "127.0.0.1" }, .transport = { "tcp" } };
	struct sockaddr_in a = { .sin_family = AF_INET };
	char text[2048];
	struct stage s;

	CHECK(stage_open_as(&s, &tcp));
	hf_loop_unwatch(s.loop, s.fd);
	close(s.fd);
	s.fd = socket(AF_INET, SOCK_STREAM, 0);
	a.sin_port = htons((uint16_t)s.port);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(!connect(s.fd, (struct sockaddr *)&a, sizeof(a)));
	hf_loop_watch(s.loop, s.fd, tcp_readable, &s);
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	snprintf(text, sizeof(text), INVITE_FROM("TCP", ";transport=tcp", "t1"),
		 s.peer_port, s.peer_port);
	CHECK(send(s.fd, text, strlen(text), 0) > 0);
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(text, sizeof(text), "<sip:127.0.0.1:%u;transport=tcp>", s.port);
	CHECK_STR(header(&s, "Contact"), text);
	snprintf(text, sizeof(text), ACK_FROM("TCP", "t1"), s.peer_port,
		 to_tag(&s));
	CHECK(send(s.fd, text, strlen(text), 0) > 0);
	CHECK(WAIT(&s, s.park.acks == 1));
	snprintf(text, sizeof(text),
		 "BYE sip:700@a SIP/2.0\r\n"
		 "Via: SIP/2.0/TCP 127.0.0.1:%u;branch=z9hG4bKt1b\r\n"
		 "From: <sip:carol@example.org>;tag=t1\r\nTo: <sip:700@a>;tag=%s\r\n"
		 "Call-ID: t1\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n",
		 s.peer_port, to_tag(&s));
	CHECK(send(s.fd, text, strlen(text), 0) > 0);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.byes, 1);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_session_that_is_not_refreshed_expires)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x1" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Supported: timer\r\nSession-Expires: 1\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "1;refresher=uac");
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	CHECK(take(&s, "BYE "));
	CHECK(strstr(header(&s, "Reason"), "session expired"));
	CHECK_STR(s.park.why, "session expired");
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_refresh_keeps_the_session_alive)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x2" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Supported: timer\r\nSession-Expires: 1\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	/* A longer interval takes the place of the short one. */
	in_dialog(&l, "UPDATE", "Supported: timer\r\nSession-Expires: 90\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	RUN_FOR(&s, 1200);
	CHECK_INT(s.park.byes, 0);
	CHECK_INT(s.queued, 0);
	stage_close(&s);
}

TEST(a_peer_that_wants_us_to_refresh_is_refreshed_by_UPDATE_at_half_time)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x3" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l,
	       "Allow: INVITE, UPDATE\r\nSupported: timer\r\n"
	       "Session-Expires: 2;refresher=uas\r\n",
	       SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "2;refresher=uas");
	CHECK_STR(header(&s, "Require"), "");
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	/* Too small for the peer: again at once with what it wants. */
	CHECK(take(&s, "UPDATE "));
	CHECK_STR(header(&s, "Session-Expires"), "2;refresher=uac");
	CHECK(strstr(header(&s, "Supported"), "timer"));
	CHECK_STR(header(&s, "Content-Length"), "0");
	respond(&s, 422, NULL, "Min-SE: 3\r\n", NULL);
	CHECK(take(&s, "UPDATE "));
	CHECK_STR(header(&s, "Session-Expires"), "3;refresher=uac");
	respond(&s, 200, NULL, "Session-Expires: 3;refresher=uac\r\n", NULL);
	CHECK(take(&s, "UPDATE "));
	CHECK_INT(s.park.byes, 0);
	/* and it says that it has no such call */
	respond(&s, 481, NULL, NULL, NULL);
	CHECK(take(&s, "BYE "));
	CHECK_STR(s.park.why, "the other side lost the call");
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_session_whose_refreshes_are_refused_ends_before_its_time)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x4" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	/* put in by a proxy: the peer does not know session timers */
	invite(&l, "Allow: INVITE, UPDATE\r\nSession-Expires: 3\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "3;refresher=uas");
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	CHECK(take(&s, "UPDATE "));
	respond(&s, 500, NULL, NULL, NULL);
	CHECK(take(&s, "BYE "));
	CHECK(strstr(header(&s, "Reason"), "session expired"));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST_MAIN()
