// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/* Calls of the peer: the stack's UAS side, from INVITE to BYE. */
#include "test_sip_peer.h"

TEST(a_parked_call_is_answered_acked_and_ended_by_the_caller)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a1" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200,
					  .body = SDP,
					  .contact_user = "701",
					  .display = "Parked at 701" };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200 OK"));
	CHECK(strstr(header(&s, "Contact"), "\"Parked at 701\" <sip:701@127.0.0.1:"));
	CHECK_STR(header(&s, "Server"), "Holdfast/" HF_VERSION);
	CHECK(strstr(header(&s, "Allow"), "UPDATE"));
	CHECK(strstr(header(&s, "Supported"), "replaces"));
	CHECK_STR(header(&s, "Content-Type"), "application/sdp");
	CHECK(strstr(s.got, "\r\n\r\n" SDP));
	CHECK_STR(s.park.call_id, "a1");
	CHECK_STR(s.park.target_user, "700");
	CHECK_STR(s.park.from, "sip:+4930123@example.org");
	CHECK_STR(s.park.from_display, "Carol");
	CHECK_STR(s.park.source, "127.0.0.1");
	CHECK_STR(s.park.local, "127.0.0.1");
	CHECK_STR(s.park.body, SDP);
	CHECK_STR(s.park.ops->local_tag(s.park.dialog), to_tag(&s));
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	in_dialog(&l, "BYE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.byes, 1);
	CHECK(s.park.runs >= 3);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(we_end_a_call_with_a_reason)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a2" };

	CHECK(stage_open(&s, 0));
	s.park.bye_on_ack = true;
	CHECK(establish(&l));
	CHECK(take(&s, "BYE sip:carol@127.0.0.1:"));
	CHECK_STR(header(&s, "Reason"), "SIP;cause=200;text=\"test \\\"over\\\"\"");
	/* Epoch 3: CSeq counts from 3 << 16. */
	CHECK_STR(header(&s, "CSeq"), "196609 BYE");
	CHECK(strstr(header(&s, "From"), l.tag));
	s.park.released = true;
	s.park.ops->release(s.park.dialog);
	CHECK(!hf_sip_idle(s.sip));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_retransmitted_invite_gets_the_same_answer_and_one_call)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a3" };
	char first[4096];

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(first, sizeof(first), "%s", s.got);
	request(&l, "INVITE", l.cseq, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(s.got, first);
	CHECK_INT(s.park.invites, 1);
	stage_close(&s);
}

TEST(a_merged_invite_gets_482)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a4" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	l.serial++; /* same Call-ID, tag and CSeq over another way */
	request(&l, "INVITE", l.cseq, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 482"));
	CHECK_INT(s.park.invites, 1);
	stage_close(&s);
}

TEST(cancel_before_the_answer_ends_in_487)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a5" };

	CHECK(stage_open(&s, 0));
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 100"));
	request(&l, "CANCEL", l.cseq, NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "CSeq"), "1 CANCEL");
	CHECK(take(&s, "SIP/2.0 487"));
	CHECK_STR(header(&s, "CSeq"), "1 INVITE");
	CHECK_INT(s.park.cancels, 1);
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(cancel_after_the_answer_changes_nothing)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a6" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	snprintf(l.tag, sizeof(l.tag), "%s", to_tag(&s));
	request(&l, "CANCEL", l.cseq, NULL, NULL);
	CHECK(take(&s, "SIP/2.0 481"));
	l.serial++;
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	CHECK_INT(s.park.cancels, 0);
	stage_close(&s);
}

TEST(a_call_that_is_never_acked_is_repeated_and_then_ended)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a7" };
	int repeated = 0;

	CHECK(stage_open(&s, 10)); /* 64*T1 = 640 ms */
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(WAIT(&s, s.park.no_acks == 1));
	for (int i = 0; i < s.queued; i++)
		repeated += !strncmp(s.queue[i], "SIP/2.0 200", 11);
	CHECK(repeated >= 3);
	CHECK(take(&s, "BYE "));
	CHECK_STR(header(&s, "Reason"), "SIP;cause=408;text=\"no ACK\"");
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(bye_asked_for_before_the_ack_waits_for_it)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a8" };
	const struct hf_cause cause = { 0, NULL };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	s.park.ops->bye(s.park.dialog, &cause);
	s.park.ops->release(s.park.dialog);
	RUN_FOR(&s, 100);
	CHECK_INT(s.queued, 0);
	ack(&l, NULL);
	CHECK(take(&s, "BYE "));
	CHECK_STR(header(&s, "Reason"), "");
	CHECK_INT(s.park.acks, 0);
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_refused_call_is_over_at_once)
{
	struct stage s;
	struct line l = { .s = &s, .id = "a9" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 486,
					  .reason = "slot taken",
					  .retry_after_s = 7 };
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 486 Busy Here"));
	CHECK_STR(header(&s, "Reason"), "SIP;cause=486;text=\"slot taken\"");
	CHECK_STR(header(&s, "Retry-After"), "7");
	CHECK_STR(header(&s, "Contact"), "");
	CHECK(hf_sip_idle(s.sip));
	request(&l, "ACK", l.cseq, NULL, NULL);
	stage_close(&s);
}

TEST(a_call_answered_later_hears_100_first)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b1" };
	struct hf_reply ok = { .status = 200, .body = SDP };

	CHECK(stage_open(&s, 0));
	invite(&l, NULL, NULL);
	CHECK(take(&s, "SIP/2.0 100"));
	CHECK_STR(s.park.body, "");
	s.park.ops->reply(s.park.dialog, &ok);
	CHECK(take(&s, "SIP/2.0 200"));
	ack(&l, SDP);
	CHECK(WAIT(&s, s.park.acks == 1));
	CHECK_STR(s.park.body, SDP);
	stage_close(&s);
}

TEST(the_bye_follows_the_recorded_route)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b2" };
	char rr[256];

	CHECK(stage_open(&s, 0));
	s.park.bye_on_ack = true;
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	snprintf(rr, sizeof(rr),
		 "Record-Route: <sip:127.0.0.1:%u;lr>\r\n"
		 "Record-Route: <sip:edge.example.org;lr>\r\n",
		 s.peer_port);
	invite(&l, rr, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(headers(&s, "Record-Route"), 2);
	ack(&l, NULL);
	CHECK(take(&s, "BYE sip:carol@127.0.0.1:"));
	CHECK(strstr(header(&s, "Route"), ";lr>"));
	CHECK(strstr(s.got, "edge.example.org"));
	respond(&s, 200, NULL, NULL, NULL);
	stage_close(&s);
}

TEST(the_new_identity_goes_to_trusted_peers_and_says_privacy)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b3" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){
		.status = 200,
		.body = SDP,
		.asserted = { .uri = "sip:+49301@example.org",
			      .display = "Dave \"D\"" },
		.privacy = true,
		.user_to_user = "56a390;encoding=hex",
	};
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "P-Asserted-Identity"),
		  "\"Dave \\\"D\\\"\" <sip:+49301@example.org>");
	CHECK_STR(header(&s, "Privacy"), "id");
	CHECK_STR(header(&s, "User-to-User"), "56a390;encoding=hex");
	ack(&l, NULL);
	stage_close(&s);
}

TEST(names_and_texts_of_strangers_stay_inside_their_header)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b4" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){
		.status = 200,
		.body = SDP,
		.contact_user = "7\r\nX-Evil: 1\r\n>01@x",
		.display = "a\" <sip:x>\r\nX-Evil: 2",
		.asserted = { .uri = "sip:a@b>\r\nX-Evil: 3", .display = "" },
		.reason = "gone\r\nX-Evil: 4",
		.user_to_user = "u\r\nX-Evil: 5",
	};
	invite(&l, NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(headers(&s, "X-Evil"), 0);
	CHECK_INT(headers(&s, "P-Asserted-Identity"), 0);
	CHECK_INT(headers(&s, "User-to-User"), 0);
	CHECK(!strncmp(header(&s, "Contact"), "\"a\\\" <sip:x>  X-Evil: 2\" <sip:7%0D%0A", 35));
	ack(&l, NULL);
	stage_close(&s);
}

TEST(an_offer_inside_the_dialog_is_answered_and_acked)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b5" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.again = (struct hf_reply){ .status = 200, .body = SDP };
	in_dialog(&l, "INVITE", "P-Asserted-Identity: <sip:x@y.example>\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.reinvites, 1);
	CHECK_STR(s.park.asserted, "sip:x@y.example");
	l.serial++;
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK(WAIT(&s, s.park.acks == 2));
	in_dialog(&l, "UPDATE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(strstr(s.got, SDP));
	CHECK_INT(s.park.reinvites, 2);
	CHECK_INT(s.park.acks, 3);
	in_dialog(&l, "UPDATE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.reinvites, 2);
	CHECK_STR(header(&s, "Content-Type"), "");
	stage_close(&s);
}

TEST(an_update_without_offer_may_bring_a_new_identity)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c9" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	in_dialog(&l, "UPDATE", "P-Asserted-Identity: <sip:x@y.example>\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.identities, 1);
	CHECK_STR(s.park.asserted, "sip:x@y.example");
	CHECK_STR(header(&s, "Content-Type"), "");
	CHECK(strstr(header(&s, "Contact"), "<sip:127.0.0.1:"));
	CHECK(strstr(s.got, "Content-Length: 0\r\n\r\n"));
	/* A stranger's word is not believed. */
	s.config.sip.trusted_count = 0;
	in_dialog(&l, "UPDATE", "P-Asserted-Identity: <sip:z@y.example>\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.identities, 1);
	CHECK_INT(s.park.reinvites, 0);
	CHECK_INT(s.park.acks, 1);
	stage_close(&s);
}

TEST(an_update_without_offer_is_answered_while_offers_are_under_way)
{
	struct stage s;
	struct line l = { .s = &s, .id = "d1" };
	struct hf_reply ok = { .status = 200, .body = SDP };
	char *ours;

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	/* ours */
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	ours = strdup(s.got);
	in_dialog(&l, "UPDATE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 491"));
	in_dialog(&l, "UPDATE",
		  "P-Asserted-Identity: <sip:x@y.example>\r\n"
		  "Supported: timer\r\nSession-Expires: 900;refresher=uac\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "900;refresher=uac");
	CHECK_STR(header(&s, "Require"), "timer");
	CHECK_INT(s.park.identities, 1);
	free(s.got);
	s.got = ours;
	respond(&s, 200, NULL, NULL, SDP);
	CHECK(take(&s, "ACK "));
	CHECK(WAIT(&s, s.park.reinvites_done == 1));
	/* theirs, not answered, and then without its ACK */
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 100"));
	in_dialog(&l, "UPDATE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 500"));
	in_dialog(&l, "UPDATE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(strstr(header(&s, "CSeq"), "UPDATE"));
	s.park.ops->reply(s.park.dialog, &ok);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(strstr(header(&s, "CSeq"), "INVITE"));
	in_dialog(&l, "UPDATE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(strstr(header(&s, "CSeq"), "UPDATE"));
	CHECK_INT(s.park.reinvites, 1);
	stage_close(&s);
}

TEST(a_refused_offer_leaves_the_call_up)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b6" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.again = (struct hf_reply){ .status = 488 };
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 488"));
	request(&l, "ACK", l.cseq, NULL, NULL);
	in_dialog(&l, "BYE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.byes, 1);
	stage_close(&s);
}

TEST(a_second_offer_before_the_first_is_answered_gets_500_with_retry_after)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b7" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 100"));
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 500"));
	CHECK(strlen(header(&s, "Retry-After")) == 1);
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK_INT(s.park.reinvites, 1);
	stage_close(&s);
}

TEST(a_cancelled_offer_leaves_the_call_up)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b8" };
	struct hf_reply ok = { .status = 200, .body = SDP };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 100"));
	request(&l, "CANCEL", l.cseq, NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(take(&s, "SIP/2.0 487"));
	request(&l, "ACK", l.cseq, NULL, NULL);
	s.park.ops->reply(s.park.dialog, &ok);
	CHECK_INT(s.park.cancels, 0);
	in_dialog(&l, "BYE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "CSeq"), "3 BYE");
	stage_close(&s);
}

TEST(an_offer_that_crosses_ours_gets_491)
{
	struct stage s;
	struct line l = { .s = &s, .id = "b9" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	free(s.queued ? s.queue[--s.queued] : NULL);
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 491"));
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK_INT(s.park.reinvites, 0);
	stage_close(&s);
}

TEST(our_offer_is_sent_again_after_491)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c1" };
	char contact[64];

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(s.park.ops->reinvite(s.park.dialog, SDP) < 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "CSeq"), "196609 INVITE");
	respond(&s, 491, NULL, NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK(s.park.ops->reinvite(s.park.dialog, SDP) < 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	CHECK_STR(header(&s, "CSeq"), "196610 INVITE");
	CHECK(strstr(s.got, SDP));
	CHECK_INT(s.park.reinvites_done, 0);
	snprintf(contact, sizeof(contact),
		 "Contact: <sip:moved@127.0.0.1:%u>\r\n", s.peer_port);
	respond(&s, 200, NULL, contact, SDP);
	/* The 2xx moved the target (RFC 3261 12.2.1.2). */
	CHECK(take(&s, "ACK sip:moved@127.0.0.1:"));
	CHECK(WAIT(&s, s.park.reinvites_done == 1));
	CHECK_INT(s.park.reinvite_status, 200);
	stage_close(&s);
}

TEST(our_offer_waits_for_the_end_of_theirs)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c7" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.again = (struct hf_reply){ .status = 200, .body = SDP };
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	RUN_FOR(&s, 50);
	CHECK_INT(s.queued, 0);
	l.serial++;
	request(&l, "ACK", l.cseq, NULL, NULL);
	CHECK(take(&s, "INVITE sip:carol@"));
	respond(&s, 488, NULL, NULL, NULL);
	CHECK(WAIT(&s, s.park.reinvite_status == 488));
	stage_close(&s);
}

TEST(our_offer_ends_with_the_call)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c8" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	s.park.ops->bye(s.park.dialog, NULL);
	CHECK(s.park.ops->reinvite(s.park.dialog, SDP) < 0);
	s.park.ops->release(s.park.dialog);
	respond(&s, 200, NULL, NULL, SDP);
	/* Late answers are acknowledged all the same. */
	CHECK(take(&s, "BYE "));
	CHECK(take(&s, "ACK "));
	CHECK(!hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_peer_that_has_lost_the_call_ends_it)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c2" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	respond(&s, 481, NULL, NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "BYE "));
	CHECK(WAIT(&s, s.park.byes == 1));
	CHECK_STR(s.park.why, "the other side lost the call");
	stage_close(&s);
}

TEST(bye_while_an_offer_is_pending_ends_both)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c3" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	in_dialog(&l, "INVITE", NULL, SDP);
	CHECK(take(&s, "SIP/2.0 100"));
	in_dialog(&l, "BYE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(take(&s, "SIP/2.0 487"));
	CHECK_INT(s.park.byes, 1);
	stage_close(&s);
}

TEST(a_session_interval_is_agreed_when_the_peer_refreshes)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c4" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Supported: timer\r\nSession-Expires: 1800\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "1800;refresher=uac");
	CHECK_STR(header(&s, "Require"), "timer");
	ack(&l, NULL);
	in_dialog(&l, "UPDATE",
		  "Supported: timer\r\nSession-Expires: 900;refresher=uac\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "900;refresher=uac");
	in_dialog(&l, "UPDATE",
		  "Supported: timer\r\nSession-Expires: 900;refresher=uas\r\n",
		  NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "900;refresher=uas");
	/* without one it is over */
	in_dialog(&l, "UPDATE", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "Session-Expires"), "");
	stage_close(&s);
}

TEST(info_and_options_inside_a_call_are_answered)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c5" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	in_dialog(&l, "INFO", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	in_dialog(&l, "INFO", "Info-Package: x\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 469"));
	in_dialog(&l, "OPTIONS", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	in_dialog(&l, "PUBLISH", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 405"));
	in_dialog(&l, "PRACK", "RAck: 1 1 INVITE\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 481"));
	l.cseq = 0;
	in_dialog(&l, "OPTIONS", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 500"));
	stage_close(&s);
}

TEST(a_call_that_the_park_logic_lets_go_is_ended)
{
	struct stage s;
	struct line l = { .s = &s, .id = "c6" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.ops->release(s.park.dialog);
	CHECK(take(&s, "BYE "));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST_MAIN()
