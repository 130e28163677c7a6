// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/* Whom one talks to, and the headers that travel with a call: what the stack
 * reads and writes of them. */
#include "test_sip_peer.h"

static char *account[] = { "X-Account", "X-Ticket" };

TEST(headers_to_be_carried_come_in_from_trusted_peers_alone)
{
	struct stage s;
	struct line l = { .s = &s, .id = "n1" }, m = { .s = &s, .id = "n2" };
	static const char more[] = "X-Ticket: 7;a=b\r\nx-account: 42\r\n"
				   "X-Other: no\r\nX-Account: second\r\n";

	CHECK(stage_open(&s, 0));
	s.config.sip.carry = account;
	s.config.sip.carry_count = 2;
	s.park.reply = (struct hf_reply){ .status = 486 };
	invite(&l, more, SDP);
	CHECK(take(&s, "SIP/2.0 486"));
	CHECK_STR(s.park.carried, "X-Account: 42\nX-Ticket: 7;a=b");
	s.config.sip.trusted_count = 0;
	invite(&m, more, SDP);
	CHECK(take(&s, "SIP/2.0 403"));
	stage_close(&s);
}

TEST(headers_that_are_carried_go_out_in_answers_and_in_calls_of_ours)
{
	struct stage s;
	struct line l = { .s = &s, .id = "n3" };
	const struct hf_call_out call = {
		.carried = "X-Account: 42\nX-Ticket: a\rX-Evil: 1",
	};

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200,
					  .body = SDP,
					  .carried = "X-Account: 42" };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "X-Account"), "42");
	ack(&l, NULL);
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE "));
	CHECK_STR(header(&s, "X-Account"), "42");
	CHECK_INT(headers(&s, "X-Evil"), 0);
	CHECK_INT(headers(&s, "X-Ticket"), 0);
	stage_close(&s);
}

TEST(remote_party_id_is_written_beside_the_asserted_identity_when_asked_for)
{
	struct stage s;
	struct line l = { .s = &s, .id = "n4" };
	const struct hf_call_out call = {
		.asserted = { .uri = "sip:1001@pbx.example.com",
			      .display = "Alice" },
		.privacy = true,
	};

	CHECK(stage_open(&s, 0));
	s.config.sip.remote_party_id = true;
	s.park.reply = (struct hf_reply){
		.status = 200,
		.body = SDP,
		.asserted = { .uri = "sip:+49301@example.org",
			      .display = "Dave" },
	};
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "P-Asserted-Identity"),
		  "\"Dave\" <sip:+49301@example.org>");
	CHECK_STR(header(&s, "Remote-Party-ID"),
		  "\"Dave\" <sip:+49301@example.org>;party=called;screen=yes;"
		  "privacy=off");
	ack(&l, NULL);
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE "));
	CHECK_STR(header(&s, "Remote-Party-ID"),
		  "\"Alice\" <sip:1001@pbx.example.com>;party=calling;"
		  "screen=yes;privacy=full");
	stage_close(&s);
}

static const struct hf_identity bob = { .uri = "sip:1002@pbx.example.com",
					.display = "Bob" };

/* A call that is up, of a peer that says what it allows. */
static bool up(struct stage *s, struct line *l, const char *allow)
{
	if (!stage_open(s, 0))
		return false;
	s->config.sip.connected_identity = true;
	s->park.release_on_end = true;
	s->park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(l, allow, SDP);
	if (!take(s, "SIP/2.0 200"))
		return false;
	ack(l, NULL);
	return WAIT(s, s->park.acks == 1);
}

TEST(a_peer_without_update_is_told_a_name_by_an_offer_of_what_is_agreed_if_wanted)
{
	struct stage s;
	struct line l = { .s = &s, .id = "n9" };

	CHECK(up(&s, &l, "Allow: INVITE, ACK\r\n"));
	s.park.ops->identify(s.park.dialog, &bob, false);
	RUN_FOR(&s, 50);
	CHECK_INT(s.queued, 0);
	s.config.sip.identity_reinvite = true;
	s.park.ops->identify(s.park.dialog, &bob, true);
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "P-Asserted-Identity"),
		  "\"Bob\" <sip:1002@pbx.example.com>");
	CHECK_STR(header(&s, "Privacy"), "id");
	CHECK(strstr(s.got, "\r\n\r\n" SDP));
	/* the next one waits for it, and the latest counts */
	s.park.ops->identify(s.park.dialog, &bob, false);
	respond(&s, 491, NULL, NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "Privacy"), "");
	CHECK(strstr(header(&s, "P-Asserted-Identity"), "Bob"));
	/* a refusal is no reason to say it again, nor to hang up */
	respond(&s, 488, NULL, NULL, NULL);
	CHECK(take(&s, "ACK "));
	RUN_FOR(&s, 50);
	CHECK_INT(s.queued, 0);
	CHECK_INT(s.park.reinvites_done, 0);
	CHECK_INT(s.park.byes, 0);
	stage_close(&s);
}

TEST(a_new_name_is_told_in_mid_call_by_an_update_without_a_body)
{
	struct stage s;
	struct line l = { .s = &s, .id = "n5" };

	CHECK(up(&s, &l, "Allow: INVITE, ACK, UPDATE\r\n"));
	s.park.ops->identify(s.park.dialog, &bob, false);
	CHECK(take(&s, "UPDATE "));
	CHECK_STR(header(&s, "P-Asserted-Identity"),
		  "\"Bob\" <sip:1002@pbx.example.com>");
	CHECK_STR(header(&s, "Content-Length"), "0");
	CHECK_STR(header(&s, "Privacy"), "");
	CHECK(strstr(header(&s, "Contact"), "<sip:"));
	respond(&s, 200, NULL, NULL, NULL);
	/* and once more, as a name to be hidden */
	s.park.ops->identify(s.park.dialog, &bob, true);
	CHECK(take(&s, "UPDATE "));
	CHECK_STR(header(&s, "Privacy"), "id");
	/* whoever refuses it keeps its call and is not asked again */
	respond(&s, 405, NULL, NULL, NULL);
	RUN_FOR(&s, 50);
	s.park.ops->identify(s.park.dialog, &bob, false);
	s.park.ops->bye(s.park.dialog, NULL);
	CHECK(take(&s, "BYE "));
	respond(&s, 200, NULL, NULL, NULL);
	s.park.ops->release(s.park.dialog);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_peer_that_does_not_allow_update_gets_none)
{
	static const char *const allow[] = { NULL,
					     "Allow: INVITE, ACK, BYE\r\n" };

	for (unsigned int i = 0; i < 2; i++) {
		struct stage s;
		struct line l = { .s = &s, .id = i ? "n6" : "n7" };

		CHECK(up(&s, &l, allow[i]));
		s.park.ops->identify(s.park.dialog, &bob, false);
		s.park.ops->bye(s.park.dialog, NULL);
		CHECK(take(&s, "BYE "));
		respond(&s, 200, NULL, NULL, NULL);
		s.park.ops->release(s.park.dialog);
		CHECK(WAIT(&s, hf_sip_idle(s.sip)));
		stage_close(&s);
	}
}

TEST_MAIN()
