// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * What is refused before the park logic hears of it, and what is made of the
 * headers of what it does hear.
 */
#include "test_sip_peer.h"

static void send_raw(struct stage *s, const char *method, const char *uri,
		     const char *lines, const char *body)
{
	static unsigned int serial;
	char text[16384];

	snprintf(text, sizeof(text),
		 "%s %s SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKraw%u\r\n"
		 "From: <sip:carol@example.org>;tag=r%u\r\nTo: <sip:700@a>\r\n"
		 "Call-ID: raw%u\r\nCSeq: 1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
		 method, uri, s->peer_port, serial, serial, serial, method,
		 lines, strlen(body), body);
	serial++;
	say_to(s, text);
}

#define CONTACT "Contact: <sip:carol@127.0.0.1>\r\n"

TEST(options_says_what_we_can)
{
	struct stage s;

	CHECK(stage_open(&s, 0));
	send_raw(&s, "OPTIONS", "sip:park.example.com", "", "");
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Allow"),
		  "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, SUBSCRIBE, REFER, "
		  "PRACK");
	CHECK_STR(header(&s, "Supported"),
		  "replaces, timer, 100rel, eventlist, norefersub");
	CHECK_STR(header(&s, "Accept"), "application/sdp");
	CHECK_STR(header(&s, "Server"), "Holdfast/" HF_VERSION);
	CHECK(strstr(header(&s, "To"), "tag="));
	stage_close(&s);
}

TEST(a_source_that_is_not_trusted_gets_403)
{
	struct stage s;

	CHECK(stage_open(&s, 0));
	s.config.sip.trusted_count = 0;
	send_raw(&s, "INVITE", "sip:700@a", CONTACT, "");
	CHECK(take(&s, "SIP/2.0 403"));
	send_raw(&s, "OPTIONS", "sip:700@a", "", "");
	CHECK(take(&s, "SIP/2.0 403"));
	CHECK_INT(s.park.invites, 0);
	stage_close(&s);
}

TEST(each_thing_that_is_wrong_has_its_own_answer)
{
	static const struct {
		const char *method, *uri, *lines, *body, *answer;
	} wrong[] = {
		{ "INVITE", "sip:700@a", CONTACT "Max-Forwards: 0\r\n", "",
		  "SIP/2.0 483" },
		{ "INVITE", "nobodyknows:700", CONTACT, "", "SIP/2.0 416" },
		{ "INVITE", "tel:700", CONTACT, "", "SIP/2.0 416" },
		{ "INVITE", "sip:700@a", CONTACT "Require: teleport\r\n", "",
		  "SIP/2.0 420" },
		{ "OPTIONS", "sip:700@a", "Require: teleport\r\n", "",
		  "SIP/2.0 420" },
		{ "INVITE", "sip:700@a", "", "", "SIP/2.0 400 Bad Contact" },
		{ "INVITE", "sip:700@a", "Contact: *\r\n", "", "SIP/2.0 400" },
		{ "INVITE", "sip:700@a", "Contact: <tel:1>\r\n", "",
		  "SIP/2.0 400" },
		{ "INVITE", "sip:700@a", CONTACT CONTACT, "", "SIP/2.0 400" },
		{ "INVITE", "sip:700@a",
		  CONTACT "Content-Type: text/plain\r\n", "hello",
		  "SIP/2.0 415" },
		{ "INVITE", "sip:700@a",
		  CONTACT "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n",
		  "v=0", "SIP/2.0 415" },
		{ "INVITE", "sip:700@a",
		  CONTACT "Supported: timer\r\nSession-Expires: 60\r\n", "",
		  "SIP/2.0 422" },
		{ "INVITE", "sip:700@a", CONTACT "Accept: text/plain\r\n", "",
		  "SIP/2.0 406" },
		{ "INVITE", "sip:700@a",
		  CONTACT "Accept: application/sdp;q=0, text/*\r\n", "",
		  "SIP/2.0 406" },
		{ "MESSAGE", "sip:700@a", "", "", "SIP/2.0 405" },
		{ "REGISTER", "sip:a", "", "", "SIP/2.0 405" },
		{ "SUBSCRIBE", "sip:700@a", CONTACT "Event: dialog\r\n", "",
		  "SIP/2.0 405" },
		{ "DANCE", "sip:700@a", "", "", "SIP/2.0 501" },
		{ "BYE", "sip:700@a", "", "", "SIP/2.0 481" },
		{ "CANCEL", "sip:700@a", "", "", "SIP/2.0 481" },
		{ "UPDATE", "sip:700@a", CONTACT, "", "SIP/2.0 481" },
	};
	struct stage s;

	CHECK(stage_open(&s, 0));
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		send_raw(&s, wrong[i].method, wrong[i].uri, wrong[i].lines,
			 wrong[i].body);
		CHECK(take(&s, wrong[i].answer));
		CHECK_STR(header(&s, "Server"), "Holdfast/" HF_VERSION);
		if (!strncmp(wrong[i].answer, "SIP/2.0 405", 11) ||
		    !strncmp(wrong[i].answer, "SIP/2.0 501", 11))
			CHECK(strstr(header(&s, "Allow"), "INVITE"));
		if (!strncmp(wrong[i].answer, "SIP/2.0 420", 11))
			CHECK_STR(header(&s, "Unsupported"), "teleport");
		if (!strncmp(wrong[i].answer, "SIP/2.0 415", 11) ||
		    !strncmp(wrong[i].answer, "SIP/2.0 406", 11))
			CHECK_STR(header(&s, "Accept"), "application/sdp");
		if (!strncmp(wrong[i].answer, "SIP/2.0 422", 11))
			CHECK_STR(header(&s, "Min-SE"), "90");
	}
	CHECK_INT(s.park.invites, 0);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(who_accepts_sdp_in_any_words_is_heard)
{
	static const char *const accepts[] = {
		"Accept: application/sdp\r\n", "Accept: */*\r\n",
		"Accept: text/plain, application/*;q=0.5\r\n",
		"Accept: APPLICATION/SDP;level=1\r\n",
	};
	struct stage s;
	char lines[200];

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 486 };
	for (unsigned int i = 0; i < sizeof(accepts) / sizeof(*accepts); i++) {
		snprintf(lines, sizeof(lines), CONTACT "%s", accepts[i]);
		send_raw(&s, "INVITE", "sip:700@a", lines, "");
		CHECK(take(&s, "SIP/2.0 486"));
	}
	stage_close(&s);
}

TEST(a_request_for_a_call_we_do_not_have_gets_481_even_from_a_stranger)
{
	struct stage s;
	struct line l = { .s = &s, .id = "p1", .tag = "gone" };

	CHECK(stage_open(&s, 0));
	s.config.sip.trusted_count = 0;
	in_dialog(&l, "BYE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 481"));
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 481"));
	request(&l, "ACK", l.cseq, NULL, NULL);
	stage_close(&s);
}

TEST(without_a_park_logic_new_calls_get_503)
{
	struct stage s;

	CHECK(stage_open(&s, 0));
	hf_sip_attach(s.sip, NULL);
	send_raw(&s, "INVITE", "sip:700@a", CONTACT, "");
	CHECK(take(&s, "SIP/2.0 503"));
	CHECK_STR(header(&s, "Retry-After"), "5");
	stage_close(&s);
}

TEST(too_many_calls_without_ack_get_503)
{
	struct stage s;
	const struct how little_patience = { .max_unacked = 2 };
	char id[3][4] = { "q0", "q1", "q2" };
	struct line l[3];

	CHECK(stage_open_as(&s, &little_patience));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	for (int i = 0; i < 3; i++) {
		l[i] = (struct line){ .s = &s, .id = id[i] };
		invite(&l[i], NULL, SDP);
		CHECK(take(&s, i < 2 ? "SIP/2.0 200" : "SIP/2.0 503"));
		if (i == 0)
			snprintf(l[0].tag, sizeof(l[0].tag), "%s", to_tag(&s));
	}
	CHECK_INT(s.park.invites, 2);
	/* One ACK makes room for one. */
	l[0].serial++;
	request(&l[0], "ACK", 1, NULL, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	request(&l[2], "ACK", 1, NULL, NULL);
	invite(&l[2], NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.invites, 3);
	stage_close(&s);
}

/* An INVITE with these lines, taken by the park logic. */
static bool hear(struct stage *s, struct line *l, const char *lines)
{
	s->park.reply = (struct hf_reply){ .status = 486 };
	snprintf(l->tag, sizeof(l->tag), "%s", "");
	invite(l, lines, SDP);
	return take(s, "SIP/2.0 486");
}

TEST(transfer_headers_and_identities_reach_the_park_logic)
{
	struct stage s;
	struct line l = { .s = &s, .id = "h1",
			  .uri = "sip:%37%300@park.example.com:5080;orbit=701;user=phone" };

	CHECK(stage_open(&s, 0));
	CHECK(hear(&s, &l,
		   "P-Asserted-Identity: \"Dave \\\"D\\\" X\" <sip:1002@pbx.example.com;user=phone>, <tel:+4930>\r\n"
		   "Referred-By: \"Agent\" <sip:1001@pbx.example.com;x=y>\r\n"
		   "Diversion: <sip:1003@pbx.example.com>;reason=unconditional, <sip:1004@x>\r\n"
		   "Diversion: <sip:1005@x>\r\n"
		   "History-Info: <sip:1006@x?Reason=SIP%3Bcause%3D302>;index=1, <sip:1007@x>;index=1.1\r\n"
		   "History-Info: <sip:700@park.example.com>;index=1.1.1\r\n"
		   "Privacy: user;id\r\nUser-to-User: 56a390;encoding=hex\r\n"
		   "X-Holdfast-Recall: main/701/2\r\n"
		   "Replaces: abc@def;to-tag=ours;from-tag=theirs;early-only\r\n"));
	CHECK_STR(s.park.asserted, "sip:1002@pbx.example.com");
	CHECK_STR(s.park.asserted_display, "Dave \"D\" X");
	CHECK_STR(s.park.referred_by, "sip:1001@pbx.example.com");
	CHECK_STR(s.park.diversion, "sip:1003@pbx.example.com");
	CHECK_STR(s.park.history, "sip:1007@x");
	CHECK_STR(s.park.uui, "56a390;encoding=hex");
	CHECK_STR(s.park.marker, "main/701/2");
	CHECK_STR(s.park.replaces, "abc@def ours theirs");
	CHECK(s.park.early_only);
	CHECK(s.park.privacy);
	CHECK(s.park.trusted);
	CHECK_STR(s.park.target_user, "700");
	CHECK_STR(s.park.params, "orbit=701;user=phone");
	stage_close(&s);
}

TEST(a_history_without_the_current_target_ends_with_the_one_we_want)
{
	struct stage s;
	struct line l = { .s = &s, .id = "h2" };

	CHECK(stage_open(&s, 0));
	CHECK(hear(&s, &l, "History-Info: <sip:1006@x>;index=1\r\n"));
	CHECK_STR(s.park.history, "sip:1006@x");
	CHECK(hear(&s, &l, "History-Info: <sip:700@x>;index=1\r\n"));
	CHECK_STR(s.park.history, "(none)");
	stage_close(&s);
}

TEST(broken_extension_headers_count_as_absent)
{
	static const char *const broken[] = {
		"Diversion: <sip:\r\n",
		"Diversion: >>>\r\n",
		"Diversion: \"unclosed <sip:x@y>\r\n",
		"Diversion: *\r\n",
		"Diversion: <mailto:x@y>\r\n",
		"Diversion:\r\n",
		"P-Asserted-Identity: ,,,\r\n",
		"P-Asserted-Identity: <sip:a b@c>\r\n",
		"P-Asserted-Identity: <>\r\n",
		"History-Info: ;index=1\r\n",
		"History-Info: <http://x>;index=1\r\n",
	};
	struct stage s;
	struct line l = { .s = &s, .id = "h3" };

	CHECK(stage_open(&s, 0));
	for (unsigned int i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		CHECK(hear(&s, &l, broken[i]));
		CHECK_STR(s.park.diversion, "(none)");
		CHECK_STR(s.park.asserted, "(none)");
		CHECK_STR(s.park.history, "(none)");
	}
	stage_close(&s);
}

TEST(broken_headers_that_the_stack_knows_do_no_harm)
{
	static const char *const broken[] = {
		"Referred-By: <sip:\r\n",
		"Referred-By: <<<>>>\r\n",
		"Referred-By: \"x\r\n",
		"Replaces: ;;;\r\n",
		"Replaces: abc\r\n",
		"Replaces: abc;to-tag=1\r\n",
		"Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2\r\n",
		"Session-Expires: soon\r\n",
		"Privacy: ;;\r\n",
		"Supported: \"\r\n",
	};
	struct stage s;
	struct line l = { .s = &s, .id = "h4" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 486 };
	for (unsigned int i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		s.park.has_replaces = false;
		l.tag[0] = '\0';
		invite(&l, broken[i], SDP);
		/* Either refused by its syntax, or heard without the header. */
		CHECK(take(&s, "SIP/2.0 4"));
		CHECK(!s.park.has_replaces);
		CHECK(!strncmp(s.got, "SIP/2.0 400", 11) ||
		      (!strncmp(s.got, "SIP/2.0 486", 11) &&
		       !strstr(broken[i], "Replaces")));
	}
	stage_close(&s);
}

TEST(control_characters_never_reach_a_name)
{
	struct stage s;
	struct line l = { .s = &s, .id = "h5",
			  .uri = "sip:7%0d%0a00@park.example.com" };

	CHECK(stage_open(&s, 0));
	CHECK(hear(&s, &l,
		   "P-Asserted-Identity: \"a\x01\tb\\\x02\" <sip:1%00@x>\r\n"
		   "User-to-User: a\x03\r\n"
		   "X-Holdfast-Recall: main/\x7f\r\n"));
	CHECK_STR(s.park.target_user, "7%0D%0A00");
	CHECK(strcspn(s.park.asserted_display, "\x01\x02\t") ==
	      strlen(s.park.asserted_display));
	CHECK_STR(s.park.uui, "");
	CHECK_STR(s.park.marker, "");
	stage_close(&s);
}

TEST(garbage_is_survived)
{
	static const char *const junk[] = {
		"", "\r\n\r\n", "INVITE", "INVITE sip:a SIP/2.0\r\n\r\n",
		"SIP/2.0 200 OK\r\n\r\n", "INVITE sip:a SIP/9.9\r\nVia: x\r\n\r\n",
		"SIP/2.0 99999999999 X\r\nVia: SIP/2.0/UDP h\r\n\r\n",
		"\x00\x01\x02\x03", "ACK sip:a SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>;tag=2\r\nCall-ID: x\r\nCSeq: 1 ACK\r\n\r\n",
	};
	struct stage s;
	struct line l = { .s = &s, .id = "h6" };

	CHECK(stage_open(&s, 0));
	for (unsigned int i = 0; i < sizeof(junk) / sizeof(junk[0]); i++)
		say_to(&s, junk[i]);
	RUN_FOR(&s, 50);
	while (s.queued)
		free(s.queue[--s.queued]);
	CHECK(hear(&s, &l, ""));
	stage_close(&s);
}

TEST_MAIN()
