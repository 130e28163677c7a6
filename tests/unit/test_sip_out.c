// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/* Calls of ours (recall, fallback): from INVITE to its end, and giving up. */
#include "test_sip_peer.h"

static const struct hf_call_out plain;

static char *contact_of(struct stage *s)
{
	static char line[64];

	snprintf(line, sizeof(line), "Contact: <sip:phone@127.0.0.1:%u>\r\n",
		 s->peer_port);
	return line;
}

TEST(a_recall_goes_through_the_proxy_and_is_answered)
{
	struct stage s;
	const struct hf_call_out call = {
		.from = { .uri = "sip:+4930123@example.org",
			  .display = "Park 701: Carol" },
		.asserted = { .uri = "sip:+4930123@example.org" },
		.alert_info = "<urn:alert:service:recall-callback>",
		.diversion = "sip:701@park.example.com",
		.recall_marker = "main/701",
		.user_to_user = "56a390",
	};

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE sip:1001@pbx.example.com SIP/2.0"));
	CHECK(strstr(header(&s, "From"),
		     "\"Park 701: Carol\" <sip:+4930123@example.org>;tag="));
	CHECK_STR(header(&s, "To"), "<sip:1001@pbx.example.com>");
	CHECK_STR(header(&s, "P-Asserted-Identity"), "<sip:+4930123@example.org>");
	CHECK_STR(header(&s, "Alert-Info"), "<urn:alert:service:recall-callback>");
	CHECK_STR(header(&s, "Diversion"), "<sip:701@park.example.com>");
	CHECK_STR(header(&s, "History-Info"),
		  "<sip:701@park.example.com>;index=1, "
		  "<sip:1001@pbx.example.com>;index=1.1;mp=1");
	CHECK_STR(header(&s, "X-Holdfast-Recall"), "main/701");
	CHECK_STR(header(&s, "User-to-User"), "56a390");
	CHECK_STR(header(&s, "User-Agent"), "Holdfast/" HF_VERSION);
	CHECK_STR(header(&s, "Call-ID"), s.park.ops->call_id(s.park.dialog));
	CHECK_STR(header(&s, "Route"), "");
	CHECK_STR(header(&s, "CSeq"), "196609 INVITE");
	CHECK(strstr(header(&s, "Contact"), "<sip:127.0.0.1:"));
	CHECK_STR(header(&s, "Max-Forwards"), "70");
	CHECK_STR(header(&s, "Supported"), "replaces, timer, 100rel");
	respond(&s, 180, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.progress == 180));
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK sip:phone@127.0.0.1:"));
	CHECK_STR(header(&s, "CSeq"), "196609 ACK");
	CHECK_INT(s.park.answers, 1);
	CHECK_STR(s.park.body, SDP);
	s.park.ops->bye(s.park.dialog, NULL);
	s.park.ops->release(s.park.dialog);
	CHECK(take(&s, "BYE sip:phone@127.0.0.1:"));
	CHECK(strstr(header(&s, "To"), "tag=p1"));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(the_called_side_hangs_up)
{
	struct stage s;
	char text[1024], id[200], from[256];

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	snprintf(id, sizeof(id), "%s", header(&s, "Call-ID"));
	snprintf(from, sizeof(from), "%s", header(&s, "From"));
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK "));
	snprintf(text, sizeof(text),
		 "BYE sip:127.0.0.1 SIP/2.0\r\n"
		 "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKout1\r\n"
		 "From: <sip:1001@pbx.example.com>;tag=p1\r\nTo: %s\r\n"
		 "Call-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
		 s.peer_port, from, id);
	say_to(&s, text);
	CHECK(take(&s, "SIP/2.0 200"));
	CHECK_INT(s.park.byes, 1);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_repeated_200_gets_its_ack_again)
{
	struct stage s;
	char first[4096];
	char *ok;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	ok = strdup(s.got);
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK "));
	snprintf(first, sizeof(first), "%s", s.got);
	free(s.got);
	s.got = ok;
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK "));
	CHECK_STR(s.got, first);
	CHECK_INT(s.park.answers, 1);
	stage_close(&s);
}

TEST(a_second_branch_that_answers_is_acked_and_ended)
{
	struct stage s;
	char *ok;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	ok = strdup(s.got);
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK "));
	free(s.got);
	s.got = ok;
	respond(&s, 200, "p2", contact_of(&s), SDP);
	CHECK(take(&s, "ACK "));
	CHECK(strstr(header(&s, "To"), "tag=p2"));
	CHECK(take(&s, "BYE "));
	CHECK(strstr(header(&s, "To"), "tag=p2"));
	respond(&s, 200, NULL, NULL, NULL);
	CHECK_INT(s.park.answers, 1);
	CHECK_INT(s.park.byes, 0);
	stage_close(&s);
}

TEST(a_busy_phone_is_reported_with_its_words)
{
	struct stage s;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	respond(&s, 486, "p1", NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 486);
	CHECK_STR(s.park.phrase, "Test");
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_redirection_tells_where_it_leads)
{
	struct stage s;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	respond(&s, 302, "p1",
		"Contact: \"Mobile\" <sip:017%203@gw.example.com;x=y>;q=0.5, "
		"<sip:b@c>\r\n",
		NULL);
	CHECK(take(&s, "ACK "));
	CHECK(WAIT(&s, s.park.failed_status == 302));
	CHECK_STR(s.park.redirected_to, "sip:017%203@gw.example.com");
	stage_close(&s);
}

TEST(a_redirection_that_leads_nowhere_is_a_failure)
{
	static const char *const contacts[] = { "", "Contact: *\r\n",
						"Contact: <mailto:a@b>\r\n" };

	for (unsigned int i = 0; i < 3; i++) {
		struct stage s;

		CHECK(stage_open(&s, 0));
		CHECK(call_out(&s, &plain));
		CHECK(take(&s, "INVITE "));
		respond(&s, 301, "p1", contacts[i], NULL);
		CHECK(take(&s, "ACK "));
		CHECK(WAIT(&s, s.park.failed_status == 301));
		CHECK_STR(s.park.redirected_to, "");
		stage_close(&s);
	}
}

TEST(a_recall_that_was_forwarded_names_the_whole_way)
{
	struct stage s;
	const struct hf_call_out call = {
		.diversion = "sip:*701@park.example.com",
		.diverted_by = "sip:1002@pbx.example.com",
	};

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE sip:1001@pbx.example.com SIP/2.0"));
	CHECK_STR(header(&s, "History-Info"),
		  "<sip:*701@park.example.com>;index=1, "
		  "<sip:1002@pbx.example.com>;index=1.1;mp=1, "
		  "<sip:1001@pbx.example.com>;index=1.1.1;mp=1.1");
	CHECK_STR(header(&s, "Diversion"), "<sip:1002@pbx.example.com>");
	stage_close(&s);
}

TEST(nobody_answering_is_408)
{
	struct stage s;

	CHECK(stage_open(&s, 5));
	CHECK(call_out(&s, &plain));
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 408);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(giving_up_a_ringing_phone_cancels_with_a_reason)
{
	struct stage s;
	const struct hf_cause cause = { 200, "Call completed elsewhere" };
	char *invite;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	invite = strdup(s.got);
	respond(&s, 180, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.progress == 180));
	s.park.ops->cancel(s.park.dialog, &cause);
	s.park.ops->cancel(s.park.dialog, &cause);
	CHECK(take(&s, "CANCEL sip:1001@pbx.example.com"));
	CHECK_STR(header(&s, "Reason"),
		  "SIP;cause=200;text=\"Call completed elsewhere\"");
	respond(&s, 200, "p1", NULL, NULL);
	free(s.got);
	s.got = invite;
	respond(&s, 487, "p1", NULL, NULL);
	CHECK(take(&s, "ACK "));
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 487);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(giving_up_before_any_answer_waits_for_one_to_cancel)
{
	struct stage s;
	const struct hf_cause cause = { 0, NULL };
	char *invite;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	invite = strdup(s.got);
	s.park.ops->cancel(s.park.dialog, &cause);
	RUN_FOR(&s, 100);
	CHECK_INT(s.queued, 0);
	respond(&s, 100, NULL, NULL, NULL);
	CHECK(take(&s, "CANCEL "));
	respond(&s, 200, "p1", NULL, NULL);
	free(s.got);
	s.got = invite;
	respond(&s, 487, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.failed_status == 487));
	stage_close(&s);
}

TEST(an_answer_that_crosses_the_cancel_is_acked_and_ended)
{
	struct stage s;
	const struct hf_cause cause = { 200, "Call completed elsewhere" };
	char *invite;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	invite = strdup(s.got);
	respond(&s, 180, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.progress == 180));
	s.park.ops->cancel(s.park.dialog, &cause);
	CHECK(take(&s, "CANCEL "));
	respond(&s, 481, "p1", NULL, NULL);
	free(s.got);
	s.got = invite;
	respond(&s, 200, "p1", contact_of(&s), SDP);
	CHECK(take(&s, "ACK sip:phone@"));
	CHECK(take(&s, "BYE sip:phone@"));
	CHECK_STR(header(&s, "Reason"),
		  "SIP;cause=200;text=\"Call completed elsewhere\"");
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 487);
	CHECK_INT(s.park.answers, 0);
	respond(&s, 200, NULL, NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(a_cancel_that_nobody_answers_ends_after_64_t1)
{
	struct stage s;
	const struct hf_cause cause = { 0, NULL };

	CHECK(stage_open(&s, 5));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	respond(&s, 180, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.progress == 180));
	s.park.ops->cancel(s.park.dialog, &cause);
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK_INT(s.park.failed_status, 487);
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_call_let_go_while_it_rings_ends_by_itself)
{
	struct stage s;
	char *invite;

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	invite = strdup(s.got);
	respond(&s, 180, "p1", NULL, NULL);
	CHECK(WAIT(&s, s.park.progress == 180));
	s.park.ops->release(s.park.dialog);
	CHECK(take(&s, "CANCEL "));
	free(s.got);
	s.got = invite;
	respond(&s, 487, "p1", NULL, NULL);
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	CHECK_INT(s.park.failures, 0);
	stage_close(&s);
}

TEST(an_anonymous_caller_stays_so_on_the_recall)
{
	struct stage s;
	const struct hf_call_out call = {
		.from = { .uri = "sip:+4930123@example.org", .display = "Carol" },
		.asserted = { .uri = "sip:+4930123@example.org" },
		.privacy = true,
	};

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE "));
	CHECK(!strncmp(header(&s, "From"),
		       "\"Anonymous\" <sip:anonymous@anonymous.invalid>", 45));
	CHECK_STR(header(&s, "Privacy"), "id");
	stage_close(&s);
}

TEST(our_own_domain_calls_when_nobody_else_does)
{
	struct stage s;
	const struct hf_call_out call = { .from = { .display = "Park" } };

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE "));
	CHECK(strstr(header(&s, "From"), "\"Park\" <sip:park@park.example.com>"));
	stage_close(&s);
}

TEST(nothing_foreign_breaks_out_of_the_headers_of_a_recall)
{
	struct stage s;
	const struct hf_call_out call = {
		.from = { .uri = "sip:a@b\r\nX-Evil: 1",
			  .display = "\"\r\nX-Evil: 2\r\n\\" },
		.asserted = { .uri = "sip:a@b", .display = "x\r\nX-Evil: 3" },
		.diversion = "sip:a@b>\r\nX-Evil: 4",
		.recall_marker = "m\nX-Evil: 5",
		.alert_info = "<a>\rX-Evil: 6",
	};

	CHECK(stage_open(&s, 0));
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE "));
	CHECK_INT(headers(&s, "X-Evil"), 0);
	CHECK_INT(headers(&s, "Alert-Info"), 0);
	CHECK(strstr(header(&s, "From"), "<sip:park@park.example.com>"));
	CHECK_STR(header(&s, "P-Asserted-Identity"), "\"x  X-Evil: 3\" <sip:a@b>");
	stage_close(&s);
}

TEST(a_target_that_is_no_uri_is_refused_at_once)
{
	struct stage s;
	const char *bad[] = { "1001", "sip:a b@c", "sip:a@b\r\nX: y", "" };

	CHECK(stage_open(&s, 0));
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct hf_call_out call = { .uri = bad[i] };

		CHECK(!call_out(&s, &call));
	}
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

TEST(a_proxy_whose_name_leads_nowhere_is_a_failure)
{
	struct stage s;
	const struct hf_call_out call = { .uri = "sip:1001@no-such-host.invalid" };

	CHECK(stage_open_as(&s, &(struct how){ .no_proxy = true }));
	CHECK(call_out(&s, &call));
	s.park.ops->cancel(s.park.dialog, NULL);
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK(hf_sip_idle(s.sip));
	stage_close(&s);
}

static bool has_localhost(void)
{
	FILE *f = fopen("/etc/hosts", "r");
	bool found = false;
	char line[512];

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "127.0.0.1", 9) && strstr(line, "localhost");
	if (f)
		fclose(f);
	return found;
}

TEST(a_name_is_looked_up_in_the_hosts_file)
{
	struct stage s;
	char uri[64];
	struct hf_call_out call = { .uri = uri };

	if (!has_localhost())
		SKIP("/etc/hosts has no line for localhost");
	CHECK(stage_open_as(&s, &(struct how){ .no_proxy = true }));
	snprintf(uri, sizeof(uri), "sip:1001@localhost:%u", s.peer_port);
	CHECK(call_out(&s, &call));
	CHECK(take(&s, "INVITE sip:1001@localhost:"));
	respond(&s, 486, "p", NULL, NULL);
	CHECK(WAIT(&s, s.park.failures == 1));
	stage_close(&s);
}

TEST(a_proxy_that_is_not_there_is_a_failure)
{
	struct stage s;
	char uri[64];
	struct hf_call_out call = { .uri = uri };

	CHECK(stage_open_as(&s, &(struct how){ .t1_ms = 5, .no_proxy = true }));
	snprintf(uri, sizeof(uri), "sip:1001@127.0.0.1:%u", free_port(SOCK_DGRAM));
	CHECK(call_out(&s, &call));
	CHECK(WAIT(&s, s.park.failures == 1));
	CHECK(s.park.failed_status == 503 || s.park.failed_status == 408);
	snprintf(uri, sizeof(uri), "sip:1001@127.0.0.1:%u;transport=tcp",
		 free_port(SOCK_STREAM));
	s.park.failures = 0;
	/* No TCP listener of ours: refused at once or reported. */
	if (call_out(&s, &call))
		CHECK(WAIT(&s, s.park.failures == 1));
	CHECK(WAIT(&s, hf_sip_idle(s.sip)));
	stage_close(&s);
}

TEST(calls_under_way_end_with_the_stack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "o1" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK(call_out(&s, &plain));
	CHECK(take(&s, "INVITE "));
	CHECK(!hf_sip_idle(s.sip));
	stage_close(&s);
}

static void note_record(void *arg, const struct hf_store_call *call)
{
	(*(unsigned int *)arg)++;
}

static void no_id(void *arg, uint64_t id)
{
}

TEST(with_a_journal_the_ack_of_our_offer_waits_until_its_answer_is_on_disk)
{
	unsigned int records = 0;
	const struct hf_sip_journal journal = { note_record, no_id, &records };
	struct stage s;
	struct line l = { .s = &s, .id = "j1" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	hf_sip_journal(s.sip, &journal);
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	respond(&s, 200, NULL, NULL, SDP);
	CHECK(WAIT(&s, s.park.reinvites_done == 1)); /* writes its record */
	CHECK(hf_sip_holds(s.sip));
	/* the peer says it again: nothing new */
	respond(&s, 200, NULL, NULL, SDP);
	RUN_FOR(&s, 50);
	CHECK_INT(s.park.reinvites_done, 1);
	CHECK_INT(s.queued, 0);
	/* the next offer waits behind it */
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	hf_sip_settled(s.sip, 0, 1);
	CHECK(hf_sip_holds(s.sip));
	RUN_FOR(&s, 50);
	CHECK_INT(s.queued, 0);
	hf_sip_settled(s.sip, 1, 1);
	CHECK(!hf_sip_holds(s.sip));
	CHECK(take(&s, "ACK "));
	CHECK(take(&s, "INVITE sip:carol@"));
	stage_close(&s);
}

/* In the newest message: a text of the same length. */
static void change(struct stage *s, const char *from, const char *to)
{
	char *at = strstr(s->got, from);

	CHECK(at && strlen(from) == strlen(to));
	memcpy(at, to, strlen(to));
}

TEST(an_answer_to_an_offer_of_the_process_before_us_gets_its_ack)
{
	struct stage s;
	struct line l = { .s = &s, .id = "j2" };

	CHECK(stage_open(&s, 0));
	CHECK(establish(&l));
	CHECK_INT(s.park.ops->reinvite(s.park.dialog, SDP), 0);
	CHECK(take(&s, "INVITE sip:carol@"));
	/* as if an earlier epoch had sent it */
	change(&s, "CSeq: 196609", "CSeq: 131073");
	change(&s, "branch=z9hG4bK", "branch=z9hG4bJ");
	respond(&s, 200, NULL, NULL, SDP);
	CHECK(take(&s, "ACK sip:carol@"));
	CHECK_STR(header(&s, "CSeq"), "131073 ACK");
	CHECK_INT(s.park.reinvites_done, 0);
	stage_close(&s);
}

TEST_MAIN()
