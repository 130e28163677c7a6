// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * Provisional answers that are acknowledged (RFC 3262), theirs and ours, and
 * what may happen in an early dialog.
 */
#include "test_sip_peer.h"

/* The offer or answer of an early dialog, told apart by its port. */
#define EARLY_SDP                                                              \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n"     \
	"t=0 0\r\nm=audio 4002 RTP/AVP 0\r\n"

/* Answers of several phones to one INVITE of ours. */
struct ringing {
	struct stage s;
	char *invite;
};

static bool ring(struct ringing *r)
{
	const struct hf_call_out plain = { .uri = NULL };

	if (!stage_open(&r->s, 0) || !call_out(&r->s, &plain) ||
	    !take(&r->s, "INVITE "))
		return false;
	r->invite = strdup(r->s.got);
	return true;
}

/* `rseq` 0: not reliably. */
static void answer(struct ringing *r, int status, const char *tag,
		   unsigned int rseq, const char *body)
{
	char *taken = r->s.got, more[256];
	int n = snprintf(more, sizeof(more),
			 "Contact: <sip:%s@127.0.0.1:%u>\r\n", tag,
			 r->s.peer_port);

	if (rseq)
		snprintf(more + n, sizeof(more) - (size_t)n,
			 "Require: 100rel\r\nRSeq: %u\r\n", rseq);
	r->s.got = r->invite;
	respond(&r->s, status, tag, more, body);
	r->s.got = taken;
}

static void hang_up_the_stage(struct ringing *r)
{
	stage_close(&r->s);
	free(r->invite);
}

/* The PRACK that comes next, answered. */
static bool took_prack(struct ringing *r, const char *tag, const char *rack)
{
	struct stage *s = &r->s;
	char uri[64], to[64];

	snprintf(uri, sizeof(uri), "PRACK sip:%s@127.0.0.1:", tag);
	snprintf(to, sizeof(to), ";tag=%s", tag);
	if (!take(s, uri) || strcmp(header(s, "RAck"), rack) ||
	    !strstr(header(s, "To"), to)) {
		printf("# no PRACK %s to %s: %s\n", rack, tag, s->got);
		return false;
	}
	respond(s, 200, NULL, NULL, NULL);
	return true;
}

TEST(a_phone_that_rings_reliably_gets_one_prack_for_each_answer_in_their_order)
{
	struct ringing r;

	CHECK(ring(&r));
	CHECK_STR(header(&r.s, "Supported"), "replaces, timer, 100rel");
	CHECK(strstr(header(&r.s, "Allow"), "PRACK"));
	answer(&r, 180, "p1", 0, NULL);
	answer(&r, 180, "p1", 7001, NULL);
	CHECK(took_prack(&r, "p1", "7001 196609 INVITE"));
	CHECK_STR(header(&r.s, "CSeq"), "196610 PRACK");
	CHECK_INT(r.s.park.progress, 180);
	/* said again, and one whose predecessor is missing */
	answer(&r, 180, "p1", 7001, NULL);
	answer(&r, 183, "p1", 7003, NULL);
	RUN_FOR(&r.s, 50);
	CHECK_INT(r.s.queued, 0);
	CHECK_INT(r.s.park.progress, 180);
	answer(&r, 183, "p1", 7002, NULL);
	CHECK(took_prack(&r, "p1", "7002 196609 INVITE"));
	CHECK_STR(header(&r.s, "CSeq"), "196611 PRACK");
	CHECK_INT(r.s.park.progress, 183);
	answer(&r, 200, "p1", 0, SDP);
	CHECK(take(&r.s, "ACK sip:p1@"));
	CHECK_STR(header(&r.s, "CSeq"), "196609 ACK");
	CHECK_STR(r.s.park.body, SDP);
	CHECK_INT(r.s.park.early_answers, 0);
	/* the dialog goes on where its PRACKs were */
	r.s.park.ops->bye(r.s.park.dialog, NULL);
	r.s.park.ops->release(r.s.park.dialog);
	CHECK(take(&r.s, "BYE sip:p1@"));
	CHECK_STR(header(&r.s, "CSeq"), "196612 BYE");
	respond(&r.s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&r.s, hf_sip_idle(r.s.sip)));
	hang_up_the_stage(&r);
}

TEST(an_early_answer_counts_when_the_200_comes_without_one)
{
	struct ringing r;

	CHECK(ring(&r));
	answer(&r, 183, "p1", 1, EARLY_SDP);
	CHECK(took_prack(&r, "p1", "1 196609 INVITE"));
	CHECK_INT(r.s.park.early_answers, 1);
	CHECK_STR(r.s.park.body, EARLY_SDP);
	/* only one answer to an offer */
	answer(&r, 183, "p1", 2, SDP);
	CHECK(took_prack(&r, "p1", "2 196609 INVITE"));
	CHECK_INT(r.s.park.early_answers, 1);
	answer(&r, 200, "p1", 0, NULL);
	CHECK(take(&r.s, "ACK sip:p1@"));
	CHECK_INT(r.s.park.answers, 1);
	CHECK_STR(r.s.park.body, "");
	hang_up_the_stage(&r);
}

TEST(each_branch_of_a_forked_call_gets_its_own_prack_and_keeps_its_own_answer)
{
	struct ringing r;

	CHECK(ring(&r));
	answer(&r, 183, "p1", 500, EARLY_SDP);
	CHECK(took_prack(&r, "p1", "500 196609 INVITE"));
	answer(&r, 183, "p2", 20, SDP);
	CHECK(took_prack(&r, "p2", "20 196609 INVITE"));
	CHECK_STR(header(&r.s, "CSeq"), "196610 PRACK");
	answer(&r, 180, "p1", 501, NULL);
	CHECK(took_prack(&r, "p1", "501 196609 INVITE"));
	CHECK_INT(r.s.park.early_answers, 1);
	answer(&r, 200, "p2", 0, NULL);
	CHECK(take(&r.s, "ACK sip:p2@"));
	CHECK(strstr(header(&r.s, "To"), ";tag=p2"));
	CHECK_STR(r.s.park.body, SDP);
	r.s.park.ops->bye(r.s.park.dialog, NULL);
	r.s.park.ops->release(r.s.park.dialog);
	CHECK(take(&r.s, "BYE sip:p2@"));
	CHECK_STR(header(&r.s, "CSeq"), "196611 BYE");
	hang_up_the_stage(&r);
}

/* Of the phone that rings; its dialog's tags out of the INVITE. */
static void from_phone(struct ringing *r, const char *method, const char *tag,
		       unsigned int cseq, const char *body)
{
	struct stage *s = &r->s;
	char *taken = s->got, text[2048];

	s->got = r->invite;
	snprintf(text, sizeof(text),
		 "%s sip:127.0.0.1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKph%u\r\n"
		 "From: <sip:1001@pbx.example.com>;tag=%s\r\nTo: %s\r\n"
		 "Call-ID: %s\r\nCSeq: %u %s\r\n"
		 "Contact: <sip:%s@127.0.0.1:%u>\r\n%s"
		 "Content-Length: %zu\r\n\r\n%s",
		 method, s->peer_port, cseq, tag, header(s, "From"),
		 header(s, "Call-ID"), cseq, method, tag, s->peer_port,
		 body ? "Content-Type: application/sdp\r\n" : "",
		 body ? strlen(body) : 0, body ? body : "");
	s->got = taken;
	say_to(s, text);
}

TEST(who_rings_may_offer_anew_once_our_offer_is_answered)
{
	struct ringing r;

	CHECK(ring(&r));
	r.s.park.again = (struct hf_reply){ .status = 200, .body = SDP };
	answer(&r, 180, "p1", 1, NULL);
	CHECK(took_prack(&r, "p1", "1 196609 INVITE"));
	from_phone(&r, "UPDATE", "p1", 1, EARLY_SDP);
	CHECK(take(&r.s, "SIP/2.0 491"));
	/* no offer: nothing crosses */
	from_phone(&r, "UPDATE", "p1", 2, NULL);
	CHECK(take(&r.s, "SIP/2.0 200"));
	CHECK_STR(header(&r.s, "Content-Type"), "");
	answer(&r, 183, "p1", 2, SDP);
	CHECK(took_prack(&r, "p1", "2 196609 INVITE"));
	from_phone(&r, "UPDATE", "p1", 3, EARLY_SDP);
	CHECK(take(&r.s, "SIP/2.0 200"));
	CHECK(strstr(r.s.got, SDP));
	CHECK_INT(r.s.park.reinvites, 1);
	CHECK_INT(r.s.park.acks, 0);
	/* A second branch has had no answer of ours to offer against. */
	answer(&r, 183, "p2", 9, SDP);
	CHECK(took_prack(&r, "p2", "9 196609 INVITE"));
	from_phone(&r, "UPDATE", "p2", 4, EARLY_SDP);
	CHECK(take(&r.s, "SIP/2.0 491"));
	/* What the 200 repeats is older than the offer. */
	answer(&r, 200, "p1", 0, SDP);
	CHECK(take(&r.s, "ACK sip:p1@"));
	CHECK_STR(r.s.park.body, "");
	CHECK_INT(r.s.park.answers, 1);
	from_phone(&r, "BYE", "p1", 5, NULL);
	CHECK(take(&r.s, "SIP/2.0 200"));
	CHECK_INT(r.s.park.byes, 1);
	hang_up_the_stage(&r);
}

TEST(a_phone_that_rang_reliably_can_be_given_up_and_can_refuse)
{
	for (int give_up = 0; give_up < 2; give_up++) {
		struct ringing r;

		CHECK(ring(&r));
		answer(&r, 183, "p1", 1, SDP);
		CHECK(took_prack(&r, "p1", "1 196609 INVITE"));
		if (give_up) {
			r.s.park.ops->cancel(r.s.park.dialog, NULL);
			CHECK(take(&r.s, "CANCEL "));
			respond(&r.s, 200, "p1", NULL, NULL);
		}
		answer(&r, give_up ? 487 : 486, "p1", 0, NULL);
		CHECK(take(&r.s, "ACK "));
		CHECK(WAIT(&r.s, r.s.park.failures == 1));
		CHECK_INT(r.s.park.failed_status, give_up ? 487 : 486);
		CHECK(WAIT(&r.s, hf_sip_idle(r.s.sip)));
		hang_up_the_stage(&r);
	}
}

TEST(reliable_answers_out_of_every_range_do_no_harm)
{
	struct ringing r;
	char tag[16];

	CHECK(ring(&r));
	/* more branches than we follow */
	for (unsigned int i = 0; i < 40; i++) {
		snprintf(tag, sizeof(tag), "b%u", i);
		answer(&r, 180, tag, 0xffffffff - i, NULL);
		if (i < 32)
			CHECK(take(&r.s, "PRACK "));
		if (i < 32)
			respond(&r.s, 481, NULL, NULL, NULL);
	}
	RUN_FOR(&r.s, 50);
	CHECK_INT(r.s.queued, 0);
	answer(&r, 200, "b39", 0, SDP);
	CHECK(take(&r.s, "ACK sip:b39@"));
	CHECK_STR(r.s.park.body, SDP);
	hang_up_the_stage(&r);
}

/* Ours: the caller hears something before it is refused. */

static const struct hf_reply in_words = { .status = 183, .body = SDP };
static const struct hf_reply refusal = { .status = 486 };

static bool hear_183(struct line *l, const char *more, const char *body)
{
	l->s->park.reply = in_words;
	invite(l, more, body);
	if (!take(l->s, "SIP/2.0 183"))
		return false;
	snprintf(l->tag, sizeof(l->tag), "%s", to_tag(l->s));
	return true;
}

static void prack(struct line *l, unsigned long rseq, const char *body)
{
	char rack[64];

	l->serial++;
	snprintf(rack, sizeof(rack), "RAck: %lu 1 INVITE\r\n", rseq);
	request(l, "PRACK", ++l->cseq, rack, body);
}

/* The refusal ends it, and nothing of it is left. */
static bool refused(struct line *l)
{
	struct stage *s = l->s;

	s->park.ops->reply(s->park.dialog, &refusal);
	s->park.ops->release(s->park.dialog);
	if (!take(s, "SIP/2.0 486"))
		return false;
	request(l, "ACK", 1, NULL, NULL);
	return WAIT(s, hf_sip_idle(s->sip));
}

TEST(a_183_is_repeated_until_its_prack_to_who_requires_or_supports_it)
{
	static const char *const asks[] = { "Require: 100rel\r\n",
					    "Supported: timer, 100rel\r\n" };

	for (unsigned int i = 0; i < 2; i++) {
		struct stage s;
		struct line l = { .s = &s, .id = i ? "r2" : "r1" };
		unsigned long rseq;
		char first[4096];
		int again = 0;

		CHECK(stage_open(&s, 20));
		CHECK(hear_183(&l, asks[i], SDP));
		CHECK_STR(header(&s, "Require"), "100rel");
		CHECK(strstr(s.got, SDP));
		rseq = strtoul(header(&s, "RSeq"), NULL, 10);
		CHECK(rseq > 0 && rseq < 1u << 31);
		snprintf(first, sizeof(first), "%s", s.got);
		CHECK(WAIT(&s, s.queued >= 2));
		prack(&l, rseq + 1, NULL);
		CHECK(take(&s, "SIP/2.0 481"));
		prack(&l, rseq, NULL);
		while (WAIT(&s, s.queued) &&
		       !strncmp(s.queue[0], "SIP/2.0 183", 11)) {
			CHECK_STR(s.queue[0], first);
			again++;
			CHECK(take(&s, "SIP/2.0 183"));
		}
		CHECK(take(&s, "SIP/2.0 200"));
		CHECK(strstr(header(&s, "CSeq"), "PRACK"));
		RUN_FOR(&s, 200);
		CHECK_INT(s.queued, 0);
		CHECK_INT(s.park.acks, 0);
		CHECK(refused(&l));
		stage_close(&s);
	}
}

TEST(a_183_to_who_does_not_know_prack_is_said_plainly)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r3" };

	CHECK(stage_open(&s, 0));
	CHECK(hear_183(&l, NULL, SDP));
	CHECK_STR(header(&s, "RSeq"), "");
	CHECK_STR(header(&s, "Require"), "");
	prack(&l, 1, NULL);
	CHECK(take(&s, "SIP/2.0 481"));
	CHECK(refused(&l));
	stage_close(&s);
}

TEST(a_183_that_is_never_acknowledged_ends_in_504)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r4" };

	CHECK(stage_open(&s, 10)); /* 64*T1 = 640 ms */
	CHECK(hear_183(&l, "Require: 100rel\r\n", SDP));
	while (WAIT(&s, s.queued) && !strncmp(s.queue[0], "SIP/2.0 183", 11))
		CHECK(take(&s, "SIP/2.0 183"));
	CHECK(take(&s, "SIP/2.0 504"));
	CHECK_INT(s.park.cancels, 1);
	request(&l, "ACK", 1, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_refusal_does_not_wait_for_the_prack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r5" };

	CHECK(stage_open(&s, 0));
	CHECK(hear_183(&l, "Require: 100rel\r\n", SDP));
	CHECK(refused(&l));
	prack(&l, 1, NULL);
	CHECK(take(&s, "SIP/2.0 481"));
	stage_close(&s);
}

TEST(a_late_offer_is_made_in_the_183_and_answered_in_the_prack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r6" };
	unsigned long rseq;

	CHECK(stage_open(&s, 0));
	CHECK(hear_183(&l, "Require: 100rel\r\n", NULL));
	CHECK(s.park.reliable);
	rseq = strtoul(header(&s, "RSeq"), NULL, 10);
	/* one offer at a time */
	in_dialog(&l, "UPDATE", NULL, EARLY_SDP);
	CHECK(take(&s, "SIP/2.0 500"));
	CHECK_INT(s.park.reinvites, 0);
	prack(&l, rseq, EARLY_SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.acks, 1);
	CHECK_STR(s.park.body, EARLY_SDP);
	CHECK(refused(&l));
	stage_close(&s);
}

TEST(an_offer_before_the_refusal_is_answered_by_update_and_not_by_prack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r7" };
	unsigned long rseq;

	CHECK(stage_open(&s, 0));
	CHECK(hear_183(&l, "Require: 100rel\r\n", SDP));
	rseq = strtoul(header(&s, "RSeq"), NULL, 10);
	prack(&l, rseq, EARLY_SDP);
	CHECK(take(&s, "SIP/2.0 488"));
	s.park.again = (struct hf_reply){ .status = 200, .body = SDP };
	in_dialog(&l, "UPDATE", NULL, EARLY_SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(strstr(header(&s, "CSeq"), "UPDATE"));
	CHECK(strstr(s.got, SDP));
	s.park.again.status = 488;
	in_dialog(&l, "UPDATE", NULL, EARLY_SDP);
	CHECK(take(&s, "SIP/2.0 488"));
	CHECK_INT(s.park.reinvites, 2);
	CHECK_INT(s.park.acks, 0);
	CHECK(refused(&l));
	stage_close(&s);
}

TEST(who_gives_up_before_its_prack_gets_487)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r8" };

	CHECK(stage_open(&s, 0));
	CHECK(hear_183(&l, "Require: 100rel\r\n", SDP));
	l.tag[0] = '\0';
	request(&l, "CANCEL", 1, NULL, NULL);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK(take(&s, "SIP/2.0 487"));
	CHECK_INT(s.park.cancels, 1);
	request(&l, "ACK", 1, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_200_to_who_requires_100rel_needs_no_prack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "r9" };

	CHECK(stage_open(&s, 0));
	s.park.reply = (struct hf_reply){ .status = 200, .body = SDP };
	invite(&l, "Require: 100rel\r\n", SDP);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_STR(header(&s, "RSeq"), "");
	ack(&l, NULL);
	CHECK(WAIT(&s, s.park.acks == 1));
	stage_close(&s);
}

TEST_MAIN()
