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

TEST(a_peer_that_takes_no_UPDATE_is_refreshed_by_an_offer_of_what_is_agreed)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x5" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Supported: timer\r\nSession-Expires: 2;refresher=uas\r\n",
	       SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "2;refresher=uas");
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "Session-Expires"), "2;refresher=uac");
	CHECK_STR(header(&s, "Min-SE"), "1");
	CHECK_STR(header(&s, "Supported"), "replaces, timer");
	CHECK(strstr(s.got, "\r\n\r\n" SDP));
	respond(&s, 422, NULL, "Min-SE: 3\r\n", NULL);
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "Session-Expires"), "3;refresher=uac");
	respond(&s, 200, NULL, "Session-Expires: 3;refresher=uac\r\n", SDP);
	CHECK(take(&s, "ACK "));
	CHECK(WAIT(&s, s.park.refreshed == 1));
	CHECK_STR(s.park.body, SDP);
	CHECK_INT(s.park.reinvites_done, 0);
	/* It is the peer's from now on: it does not, and we end it. */
	CHECK(take(&s, "INVITE sip:carol@"));
	respond(&s, 200, NULL, "Session-Expires: 2;refresher=uas\r\n", SDP);
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "BYE "));
	CHECK_STR(s.park.why, "session expired");
	stage_close(&s);
}

TEST(a_refresh_by_an_offer_gives_way_to_other_offers)
{
	const struct how soon = { .min_se_s = 1 };
	struct line l = { .id = "x6" };
	struct stage s;

	CHECK(stage_open_as(&s, &soon));
	l.s = &s;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n",
	       SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	/* An offer of the park logic says it, too. */
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "Session-Expires"), "90;refresher=uac");
	respond(&s, 200, NULL, "Session-Expires: 1;refresher=uac\r\n", SDP);
	CHECK(take(&s, "ACK "));
	CHECK_INT(s.park.reinvites_done, 1);
	CHECK(take(&s, "INVITE sip:carol@"));
	respond(&s, 491, NULL, NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK_INT(s.park.reinvites_done, 1);
	s.park.busy = true;
	CHECK(take(&s, "BYE "));
	CHECK_STR(s.park.why, "session expired");
	stage_close(&s);
}

TEST(a_peer_without_session_timers_is_asked_whether_it_knows_the_call)
{
	struct line l = { .id = "x7" };
	struct stage s;

	CHECK(stage_open(&s, 0));
	s.config.sip.alive_s = 1;
	l.s = &s;
	CHECK(establish(&l));
	CHECK(take(&s, "OPTIONS sip:carol@"));
	CHECK(strstr(header(&s, "From"), l.tag));
	respond(&s, 200, NULL, NULL, NULL);
	/* whatever it says of OPTIONS, it is there */
	CHECK(take(&s, "OPTIONS sip:carol@"));
	respond(&s, 503, NULL, NULL, NULL);
	CHECK(take(&s, "OPTIONS sip:carol@"));
	CHECK_INT(s.park.byes, 0);
	respond(&s, 481, NULL, NULL, NULL);
	CHECK(take(&s, "BYE "));
	CHECK_STR(s.park.why, "the other side lost the call");
	respond(&s, 481, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_peer_that_is_silent_twice_has_lost_its_call)
{
	struct line l = { .id = "x8" };
	struct stage s;

	CHECK(stage_open(&s, 5)); /* 64*T1 = 320 ms */
	s.config.sip.alive_s = 1;
	l.s = &s;
	CHECK(establish(&l));
	CHECK(take(&s, "OPTIONS sip:carol@"));
	CHECK(WAIT(&s, s.park.byes == 1));
	CHECK_STR(s.park.why, "the other side does not answer");
	stage_close(&s);
}

TEST(our_own_call_asks_for_a_session_and_takes_the_interval_it_is_told)
{
	const struct hf_call_out plain = { .uri = NULL };
	struct stage s;
	char contact[200];

	CHECK(stage_open(&s, 0));
	s.config.sip.session_s = 1800;
	s.config.sip.min_session_s = 90;
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	CHECK_STR(header(&s, "Session-Expires"), "1800");
	CHECK_STR(header(&s, "Min-SE"), "90");
	CHECK_STR(header(&s, "CSeq"), "196609 INVITE");
	CHECK(strstr(header(&s, "Supported"), "timer"));
	respond(&s, 422, "p1", "Min-SE: 3600\r\n", NULL);
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "INVITE sip:1001@pbx.example.com SIP/2.0"));
	CHECK_STR(header(&s, "Session-Expires"), "3600");
	CHECK_STR(header(&s, "Min-SE"), "3600");
	CHECK_STR(header(&s, "CSeq"), "196610 INVITE");
	CHECK(strstr(s.got, SDP));
	snprintf(contact, sizeof(contact),
		 "Contact: <sip:phone@127.0.0.1:%u>\r\nAllow: UPDATE\r\n"
		 "Require: timer\r\nSession-Expires: 2;refresher=uac\r\n",
		 s.peer_port);
	respond(&s, 200, "p2", contact, SDP);
	CHECK(take(&s, "ACK sip:phone@"));
	CHECK_INT(s.park.answers, 1);
	CHECK(take(&s, "UPDATE sip:phone@"));
	CHECK_STR(header(&s, "Session-Expires"), "2;refresher=uac");
	respond(&s, 200, NULL, "Session-Expires: 1;refresher=uas\r\n", NULL);
	CHECK(take(&s, "BYE "));
	CHECK_STR(s.park.why, "session expired");
	stage_close(&s);
}

TEST(a_call_of_ours_that_is_never_long_enough_has_failed)
{
	const struct hf_call_out plain = { .uri = NULL };
	struct stage s;
	char min_se[32];

	CHECK(stage_open(&s, 0));
	s.config.sip.session_s = 90;
	CHECK(call_out(&s, &plain));
	for (int i = 1; i <= 4; i++) {
		CHECK(take(&s, "INVITE "));
		snprintf(min_se, sizeof(min_se), "Min-SE: %d\r\n", 90 + i);
		respond(&s, 422, "p1", min_se, NULL);
		CHECK(take(&s, "ACK "));
	}
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 422);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST_MAIN()
