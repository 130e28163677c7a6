// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/* REFER, in a call and outside any, and the NOTIFYs about it. */
#include "test_sip_peer.h"

#define TO_BOB "Refer-To: <sip:1002@pbx.example.com>\r\n"

TEST(a_refer_gets_202_then_100_and_200_in_NOTIFYs_and_only_then_the_BYE)
{
	const struct hf_cause cause = { 200, "Transferred" };
	struct stage s;
	struct line l = { .s = &s, .id = "r1" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.refer_answer = 202;
	in_dialog(&l, "REFER", TO_BOB "Referred-By: <sip:1001@pbx>\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK(*header(&s, "Contact"));
	CHECK_STR(s.park.refer_to, "sip:1002@pbx.example.com");
	CHECK_STR(s.park.referred_by, "sip:1001@pbx");
	CHECK_STR(s.park.refer_replaces, "");
	CHECK(take(&s, "NOTIFY sip:carol@127.0.0.1:"));
	CHECK_STR(header(&s, "Event"), "refer");
	CHECK(strstr(header(&s, "Subscription-State"), "active;expires="));
	CHECK_STR(header(&s, "Content-Type"), "message/sipfrag;version=2.0");
	CHECK(strstr(s.got, "\r\n\r\nSIP/2.0 100 Trying\r\n"));
	/* ended well before the first NOTIFY is answered: in order */
	s.park.ops->refer(s.park.dialog, 200, NULL);
	s.park.ops->bye(s.park.dialog, &cause);
	s.park.released = true;
	s.park.ops->release(s.park.dialog);
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(take(&s, "NOTIFY "));
	CHECK_STR(header(&s, "Subscription-State"),
		  "terminated;reason=noresource");
	CHECK(strstr(s.got, "\r\n\r\nSIP/2.0 200 OK\r\n"));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(take(&s, "BYE "));
	CHECK(strstr(header(&s, "Reason"), "Transferred"));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_failed_refer_says_so_and_the_call_goes_on)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r2" };
	char id[64];

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.refer_answer = 202;
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK(take(&s, "NOTIFY "));
	respond(&s, 200, NULL, NULL, NULL);
	/* while it runs there is no other */
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 491"));
	CHECK_INT(s.park.refers, 1);
	s.park.ops->refer(s.park.dialog, 486, NULL);
	CHECK(take(&s, "NOTIFY "));
	CHECK(strstr(s.got, "\r\n\r\nSIP/2.0 486 Busy Here\r\n"));
	respond(&s, 200, NULL, NULL, NULL);
	/* the second subscription of a dialog has an id */
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK(take(&s, "NOTIFY "));
	snprintf(id, sizeof(id), "refer;id=%u", l.cseq);
	CHECK_STR(header(&s, "Event"), id);
	respond(&s, 200, NULL, NULL, NULL);
	s.park.ops->refer(s.park.dialog, 200, NULL);
	CHECK(take(&s, "NOTIFY "));
	CHECK_STR(header(&s, "Event"), id);
	respond(&s, 200, NULL, NULL, NULL);
	stage_close(&s);
}

TEST(a_sender_that_wants_no_NOTIFY_gets_none)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r3" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.refer_answer = 202;
	in_dialog(&l, "REFER", TO_BOB "Refer-Sub: false\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK_STR(header(&s, "Refer-Sub"), "false");
	s.park.ops->refer(s.park.dialog, 200, NULL);
	in_dialog(&l, "OPTIONS", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.queued, 0);
	stage_close(&s);
}

TEST(a_NOTIFY_that_is_refused_is_the_last)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r4" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.refer_answer = 202;
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK(take(&s, "NOTIFY "));
	respond(&s, 481, NULL, NULL, NULL);
	RUN_FOR(&s, 20);
	s.park.ops->refer(s.park.dialog, 200, NULL);
	in_dialog(&l, "OPTIONS", NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.queued, 0);
	stage_close(&s);
}

TEST(a_refer_must_name_exactly_one_target_to_invite)
{
	static const struct {
		const char *headers, *answer;
	} wrong[] = {
		{ "", "SIP/2.0 400" },
		{ TO_BOB TO_BOB, "SIP/2.0 400" },
		{ "Refer-To: <mailto:a@b>\r\n", "SIP/2.0 4" },
		{ "Refer-To: <sip:a@b;method=BYE>\r\n", "SIP/2.0 416" },
		{ TO_BOB "Require: magic\r\n", "SIP/2.0 420" },
	};
	struct stage s;
	struct line l = { .s = &s, .id = "r5" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		in_dialog(&l, "REFER", wrong[i].headers, NULL);
		CHECK(take(&s, wrong[i].answer));
	}
	CHECK_INT(s.park.refers, 0);
	/* what the park logic refuses or forgets to answer */
	s.park.refer_answer = 403;
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 403"));
	s.park.refer_answer = 0;
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 500"));
	stage_close(&s);
}

TEST(Replaces_in_a_refer_to_is_read_and_nothing_else_of_its_headers)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r6" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	s.park.refer_answer = 403;
	in_dialog(&l, "REFER",
		  "Refer-To: <sip:1002@pbx?Subject=x%0d%0aVia%3a%20y&Replaces="
		  "abc%40def%3Bto-tag%3D77%3Bfrom-tag%3D99>\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 403"));
	CHECK_STR(s.park.refer_to, "sip:1002@pbx");
	CHECK_STR(s.park.refer_replaces, "abc@def 77 99");
	in_dialog(&l, "REFER",
		  "Refer-To: <sip:1002@pbx?Replaces=nonsense>\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 403"));
	CHECK_STR(s.park.refer_replaces, "");
	stage_close(&s);
}

TEST(a_refer_outside_any_call_has_a_dialog_of_its_own)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r7" };
	struct line other = { .s = &s, .id = "o7" };

	CHECK(stage_open(&s, 0));
	s.park.refer_answer = 202;
	in_dialog(&l, "REFER",
		  "Refer-To: <sip:alice@10.0.0.9?Replaces=a%40b%3Bto-tag%3D1"
		  "%3Bfrom-tag%3D2>\r\n", NULL);
	CHECK(take(&s, "SIP/2.0 202"));
	CHECK(*to_tag(&s));
	CHECK_STR(s.park.target_user, "700");
	CHECK_STR(s.park.refer_to, "sip:alice@10.0.0.9");
	CHECK_STR(s.park.refer_replaces, "a@b 1 2");
	CHECK(take(&s, "NOTIFY sip:carol@"));
	respond(&s, 200, NULL, NULL, NULL);
	/* the answer is read before there is anything more to tell */
	in_dialog(&other, "OPTIONS", "", NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	s.park.ops->refer(s.park.refer_dialog, 200, NULL);
	s.park.ops->release(s.park.refer_dialog);
	CHECK(take(&s, "NOTIFY "));
	CHECK(strstr(s.got, "SIP/2.0 200 OK\r\n"));
	CHECK(!hf_sip_idle(s.sip));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	/* and refused ones leave nothing */
	s.park.refer_answer = 403;
	l.id = "r8";
	l.tag[0] = '\0';
	in_dialog(&l, "REFER", TO_BOB, NULL);
	CHECK(take(&s, "SIP/2.0 403"));
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(an_INVITE_of_ours_carries_Replaces_and_Referred_By)
{
	const struct hf_replaces names = { .call_id = "a@b", .to_tag = "1",
					   .from_tag = "2" };
	struct stage s;

	CHECK(stage_open(&s, 0));
	s.call = (struct hf_call_out){
		.uri = "sip:alice@example.com",
		.body = SDP,
		.replaces = &names,
		.referred_by = { .uri = "sip:1001@pbx" },
	};
	s.park.dialog = s.park.ops->invite(s.sip, OUR_PARTY, &s.call);
	CHECK(s.park.dialog != NULL);
	CHECK(take(&s, "INVITE sip:alice@example.com"));
	CHECK_STR(header(&s, "Replaces"), "a@b;to-tag=1;from-tag=2");
	CHECK_STR(header(&s, "Referred-By"), "<sip:1001@pbx>");
	respond(&s, 486, "t", NULL, NULL);
	CHECK(WAIT(&s, s.park.failures));
	stage_close(&s);
}

TEST_MAIN()
