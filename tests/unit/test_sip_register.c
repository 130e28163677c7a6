// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: sip config base */
/*
 * REGISTER as a client (RFC 3261 10.2), against a registrar that does what one
 * may do: grant less, ask for more, ask who we are, be silent, forget.
 */
#include "test_sip_peer.h"

#define T1_MS 20 /* so that a silent registrar is one after 1.3 s */

static struct {
	int count;
	bool on;
	char why[128];
} told;

static void registered(void *arg, const char *aor, bool on, const char *why)
{
	told.count++;
	told.on = on;
	snprintf(told.why, sizeof(told.why), "%s", why);
}

struct office {
	struct stage s;
	struct hf_config_registration one;
	char aor[64];
};

/* A stage whose peer is the registrar of one entry. */
static bool office_open(struct office *o)
{
	memset(&told, 0, sizeof(told));
	if (!stage_open_as(&o->s, &(struct how){ .t1_ms = T1_MS,
						 .registered = registered }))
		return false;
	snprintf(o->aor, sizeof(o->aor), "sip:park@127.0.0.1:%u",
		 o->s.peer_port);
	o->one = (struct hf_config_registration){ .aor = o->aor,
						  .contact = "#7",
						  .name = "holdfast",
						  .password = "secret",
						  .expires_s = 60 };
	o->s.config.sip.registrations = &o->one;
	o->s.config.sip.registration_count = 1;
	return true;
}

static void reload(struct office *o)
{
	char err[256];

	hf_sip_reload(o->s.sip, &o->s.config, err, sizeof(err));
}

/* Answer the REGISTER taken last. */
static void answer(struct office *o, const char *status, const char *more)
{
	struct stage *s = &o->s;
	char text[2048];

	snprintf(text, sizeof(text),
		 "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=reg\r\n"
		 "Call-ID: %s\r\nCSeq: %s\r\n%sContent-Length: 0\r\n\r\n",
		 status, header(s, "Via"), header(s, "From"), header(s, "To"),
		 header(s, "Call-ID"), header(s, "CSeq"), more);
	say_to(s, text);
}

static void grant(struct office *o, unsigned int seconds)
{
	char more[256];

	snprintf(more, sizeof(more), "Contact: %s;expires=%u\r\n",
		 header(&o->s, "Contact"), seconds);
	answer(o, "200 OK", more);
}

static void keep_view(void *arg, const struct hf_registration_view *v)
{
	*(struct hf_registration_view *)arg = *v;
}

static struct hf_registration_view view(struct office *o)
{
	struct hf_registration_view v = { .state = "none", .why = "" };

	hf_sip_each_registration(o->s.sip, keep_view, &v);
	return v;
}

static bool registers(struct office *o, const char *expires)
{
	if (!take(&o->s, "REGISTER sip:127.0.0.1 SIP/2.0"))
		return false;
	return !strcmp(header(&o->s, "Expires"), expires);
}

TEST(an_entry_is_registered_and_renewed_before_it_ends_in_the_same_call)
{
	struct office o;
	char contact[128], call_id[128];
	unsigned long cseq;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	snprintf(contact, sizeof(contact), "<sip:%%237@127.0.0.1:%u>",
		 o.s.port);
	CHECK_STR(header(&o.s, "Contact"), contact);
	snprintf(contact, sizeof(contact), "<%s>", o.aor);
	CHECK_STR(header(&o.s, "To"), contact);
	CHECK(strstr(header(&o.s, "From"), contact));
	snprintf(call_id, sizeof(call_id), "%s", header(&o.s, "Call-ID"));
	cseq = strtoul(header(&o.s, "CSeq"), NULL, 10);
	CHECK_STR(view(&o).state, "registering");
	grant(&o, 2);
	CHECK(WAIT(&o.s, told.count));
	CHECK(told.on);
	CHECK_STR(view(&o).state, "registered");
	CHECK(view(&o).expires_s <= 2);
	CHECK(registers(&o, "60"));
	CHECK_STR(header(&o.s, "Call-ID"), call_id);
	CHECK_INT(strtoul(header(&o.s, "CSeq"), NULL, 10), cseq + 1);
	CHECK_STR(view(&o).state, "registered");
	grant(&o, 60);
	CHECK(WAIT(&o.s, view(&o).expires_s > 10));
	CHECK_INT(told.count, 1);
	stage_close(&o.s);
}

#define CHALLENGE(nonce, more)                                        \
	"WWW-Authenticate: Digest realm=\"pbx\", nonce=\"" nonce "\", " \
	"qop=\"auth\", algorithm=MD5" more "\r\n"

TEST(a_registrar_that_asks_who_we_are_is_told_also_when_its_nonce_is_stale)
{
	struct office o;
	unsigned long cseq;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	cseq = strtoul(header(&o.s, "CSeq"), NULL, 10);
	answer(&o, "401 Unauthorized", CHALLENGE("one", ""));
	CHECK(registers(&o, "60"));
	CHECK(strstr(header(&o.s, "Authorization"), "username=\"holdfast\""));
	CHECK(strstr(header(&o.s, "Authorization"), "nonce=\"one\""));
	CHECK(strstr(header(&o.s, "Authorization"), "uri=\"sip:127.0.0.1\""));
	CHECK_INT(strtoul(header(&o.s, "CSeq"), NULL, 10), cseq + 1);
	answer(&o, "401 Unauthorized", CHALLENGE("two", ", stale=true"));
	CHECK(registers(&o, "60"));
	CHECK(strstr(header(&o.s, "Authorization"), "nonce=\"two\""));
	CHECK_INT(told.count, 0);
	grant(&o, 60);
	CHECK(WAIT(&o.s, told.count));
	CHECK(told.on);
	stage_close(&o.s);
}

TEST(a_wrong_password_is_told_once_and_tried_again_only_after_long)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	answer(&o, "401 Unauthorized", CHALLENGE("one", ""));
	CHECK(registers(&o, "60"));
	answer(&o, "401 Unauthorized", CHALLENGE("two", ""));
	CHECK(WAIT(&o.s, told.count));
	CHECK(!told.on);
	CHECK_STR(told.why,
		  "401: the registrar does not take our name and password");
	CHECK_STR(view(&o).state, "failed");
	CHECK_STR(view(&o).why, told.why);
	CHECK(view(&o).retry_s >= 3); /* of 240 T1: 4.8 s */
	/* a changed password is tried at once */
	o.one.password = (char *)"better";
	reload(&o);
	CHECK(registers(&o, "60"));
	grant(&o, 60);
	CHECK(WAIT(&o.s, told.count == 2));
	CHECK(told.on);
	stage_close(&o.s);
}

TEST(stale_for_ever_is_an_end_too)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	for (int i = 0; i < 4; i++) {
		CHECK(registers(&o, "60"));
		answer(&o, "401 Unauthorized", CHALLENGE("n", ", stale=true"));
	}
	CHECK(WAIT(&o.s, told.count));
	CHECK(!told.on);
	stage_close(&o.s);
}

TEST(a_registrar_that_wants_longer_times_gets_them)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	answer(&o, "423 Interval Too Brief", "Min-Expires: 1800\r\n");
	CHECK(registers(&o, "1800"));
	CHECK_INT(told.count, 0);
	answer(&o, "423 Interval Too Brief", "Min-Expires: 1800\r\n");
	CHECK(WAIT(&o.s, told.count));
	CHECK_STR(told.why, "423 Interval Too Brief");
	stage_close(&o.s);
}

TEST(a_registrar_that_is_away_is_tried_again_until_it_is_back)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	CHECK(WAIT(&o.s, told.count)); /* 64*T1 */
	CHECK(!told.on);
	CHECK_STR(told.why, "the registrar does not answer");
	CHECK(view(&o).failures == 1);
	while (o.s.queued) /* repetitions of the first */
		free(o.s.queue[--o.s.queued]);
	CHECK(registers(&o, "60"));
	CHECK_INT(told.count, 1);
	answer(&o, "503 Service Unavailable", "Retry-After: 1\r\n");
	CHECK(registers(&o, "60"));
	grant(&o, 60);
	CHECK(WAIT(&o.s, told.count == 2));
	CHECK(told.on);
	CHECK_INT(view(&o).failures, 0);
	stage_close(&o.s);
}

TEST(what_was_granted_holds_while_the_registrar_is_away_and_no_longer)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	grant(&o, 2);
	CHECK(WAIT(&o.s, told.count));
	CHECK(registers(&o, "60"));
	answer(&o, "500 Server Internal Error", "");
	CHECK(WAIT(&o.s, view(&o).failures));
	CHECK_STR(view(&o).state, "registered");
	CHECK_INT(told.count, 1);
	while (told.count == 1 && registers(&o, "60"))
		answer(&o, "500 Server Internal Error", "");
	CHECK_INT(told.count, 2);
	CHECK(!told.on);
	CHECK_STR(view(&o).state, "failed");
	stage_close(&o.s);
}

TEST(an_entry_that_leaves_the_configuration_is_taken_back)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	o.s.config.sip.registration_count = 0;
	reload(&o); /* while the answer is awaited */
	grant(&o, 60);
	CHECK(registers(&o, "0"));
	CHECK_STR(view(&o).state, "leaving");
	answer(&o, "401 Unauthorized", CHALLENGE("one", ""));
	CHECK(registers(&o, "0"));
	CHECK(strstr(header(&o.s, "Authorization"), "response="));
	answer(&o, "200 OK", "");
	CHECK(WAIT(&o.s, !strcmp(view(&o).state, "none")));
	CHECK_INT(told.count, 0);
	stage_close(&o.s);
}

TEST(who_is_asked_to_stop_takes_all_back_and_waits_for_it)
{
	struct office o;

	CHECK(office_open(&o));
	reload(&o);
	CHECK(registers(&o, "60"));
	grant(&o, 60);
	CHECK(WAIT(&o.s, told.count));
	CHECK(hf_sip_idle(o.s.sip));
	hf_sip_unregister(o.s.sip);
	CHECK(!hf_sip_idle(o.s.sip));
	CHECK(registers(&o, "0"));
	answer(&o, "200 OK", "");
	CHECK(WAIT(&o.s, hf_sip_idle(o.s.sip)));
	stage_close(&o.s);
}

TEST_MAIN()
