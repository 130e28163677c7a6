// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: store database base */
/* The journal: what was written comes back, from older programs too. What breaks
 * on the way is in test_store_faults.c. */
#include "store_world.h"

TEST(a_record_comes_back_as_it_was_and_a_dropped_one_does_not)
{
	struct hf_store_call one = call_of(1, "701"), two = call_of(2, "702");
	struct hf_store *s;
	struct seen seen = {0};

	fresh_folder();
	s = reopen();
	CHECK(s != NULL);
	CHECK(!hf_store_same_boot(s));
	CHECK_INT(hf_store_start(s), 0);
	CHECK_INT(hf_store_put_call(s, &one), 0);
	CHECK(settle(s));
	one.slot = "703";
	CHECK_INT(hf_store_put_call(s, &one), 0);
	CHECK_INT(hf_store_put_call(s, &two), 0);
	CHECK_INT(hf_store_drop_call(s, 2), 0);
	hf_store_close(s);
	s = reopen();
	CHECK(s != NULL);
	CHECK(hf_store_same_boot(s));
	CHECK_INT(hf_store_each_call(s, note, &seen), 0);
	hf_store_close(s);
	CHECK_INT(seen.count, 1);
	CHECK_INT(seen.parties, 1);
	CHECK_INT(seen.last, 1);
	CHECK_STR(seen.slot, "703");
	CHECK_STR(seen.role, "caller");
	CHECK_STR(seen.route, "<sip:p1;lr>, <sip:p2;lr>");
	CHECK_INT(seen.session_len, 4);
	CHECK_MEM(seen.session, "a\0b", 4);
	CHECK_INT(seen.chain, -1);
	CHECK_INT(seen.leg, 2);
}

struct heard {
	unsigned int count;
	struct hf_store_subscription last;
	char call_id[64], via[64];
	char etag[64], slot[16];
	int64_t expires;
};

static void hear_subscription(void *arg, const struct hf_store_subscription *s)
{
	struct heard *h = arg;

	h->count++;
	h->last = *s;
	snprintf(h->call_id, sizeof(h->call_id), "%s", s->sip_call_id);
	snprintf(h->via, sizeof(h->via), "%s", s->via);
}

static void hear_publication(void *arg, const struct hf_store_publication *p)
{
	struct heard *h = arg;

	h->count++;
	h->expires = p->expires_wall_ms;
	snprintf(h->etag, sizeof(h->etag), "%s", p->etag);
	snprintf(h->slot, sizeof(h->slot), "%s", p->slot);
}

TEST(subscriptions_and_publications_come_back_also_after_another_boot)
{
	struct hf_store_subscription one = {.id = 1ULL << 40,
					    .number = "701",
					    .sip_call_id = "x@y",
					    .version = 9,
					    .expires_wall_ms = 1LL << 41,
					    .local_cseq = 70000};
	struct hf_store_publication p = {
		.id = UINT64_MAX >> 1, .slot = "701", .etag = "a.1"};
	struct hf_store_call call = call_of(1, "701");
	struct heard h = {0};
	struct hf_store *s;
	struct seen seen = {0};
	sqlite3 *db = NULL;

	fresh_folder();
	s = reopen();
	CHECK_INT(hf_store_start(s), 0);
	CHECK_INT(hf_store_put_call(s, &call), 0);
	CHECK_INT(hf_store_put_subscription(s, &one), 0);
	one.version = 10;
	CHECK_INT(hf_store_put_subscription(s, &one), 0);
	one.id = 2;
	CHECK_INT(hf_store_put_subscription(s, &one), 0);
	CHECK(settle(s));
	CHECK_INT(hf_store_drop_subscription(s, 2), 0);
	CHECK_INT(hf_store_put_publication(s, &p), 0);
	p.etag = "a.2";
	p.expires_wall_ms = 77;
	CHECK_INT(hf_store_put_publication(s, &p), 0);
	hf_store_close(s);
	/* as another boot leaves it */
	CHECK_INT(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db, "UPDATE meta SET value='x' WHERE key='boot'",
			       NULL, NULL, NULL),
		  SQLITE_OK);
	sqlite3_close(db);
	s = reopen();
	CHECK(!hf_store_same_boot(s));
	CHECK_INT(hf_store_start(s), 0); /* the calls are gone with the media */
	hf_store_close(s);
	s = reopen();
	CHECK_INT(hf_store_each_call(s, note, &seen), 0);
	CHECK_INT(seen.count, 0);
	CHECK_INT(hf_store_each_subscription(s, hear_subscription, &h), 0);
	CHECK_INT(h.count, 1);
	CHECK(h.last.id == 1ULL << 40);
	CHECK_INT(h.last.version, 10);
	CHECK_INT(h.last.local_cseq, 70000);
	CHECK(h.last.expires_wall_ms == 1LL << 41);
	CHECK_STR(h.call_id, "x@y");
	CHECK_STR(h.via, "");
	h.count = 0;
	CHECK_INT(hf_store_each_publication(s, hear_publication, &h), 0);
	CHECK_INT(h.count, 1);
	CHECK_INT(h.expires, 77);
	CHECK_STR(h.etag, "a.2");
	CHECK_STR(h.slot, "701");
	hf_store_close(s);
}

static void note_setting(void *arg, const char *name, const char *value)
{
	char *text = arg;

	sprintf(text + strlen(text), "%s=%s;", name, value);
}

static uint64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

TEST(what_nobody_waits_for_is_written_all_the_same_and_then_there_is_rest)
{
	struct pollfd p = {.events = POLLIN};
	struct hf_store_call c;
	struct hf_store *s;
	uint64_t begin, cpu;

	fresh_folder();
	s = reopen();
	CHECK(s && !hf_store_start(s));
	p.fd = hf_store_fd(s);
	/* Nobody asks: only the thread itself can know that it is time. */
	for (uint64_t id = 1; id <= 20; id++) {
		c = call_of(id, "701");
		CHECK_INT(hf_store_put_call(s, &c), 0);
		hf_store_flush_later(s);
		if (id % 5)
			continue;
		CHECK_INT(poll(&p, 1, 10000), 1);
		CHECK(settle(s));
	}
	/* Somebody is in a hurry about what is on its way already. */
	c = call_of(21, "702");
	CHECK_INT(hf_store_put_call(s, &c), 0);
	hf_store_flush_later(s);
	while (hf_store_settled(s) < hf_store_ticket(s))
		hf_store_flush(s);
	cpu = cpu_ms();
	for (begin = hf_now_ms(); hf_now_ms() < begin + 1000;)
		poll(NULL, 0, 50);
	CHECK(cpu_ms() - cpu < 100);
	hf_store_close(s);
	s = reopen();
	CHECK_INT(calls_in(s), 21);
	hf_store_close(s);
}

TEST(settings_come_back_until_they_are_taken_back)
{
	struct hf_store *s;
	char text[200] = "";

	fresh_folder();
	s = reopen();
	CHECK(s && !hf_store_start(s));
	CHECK_INT(hf_store_put_setting(s, "lot.main.timeout_s", "20"), 0);
	CHECK_INT(hf_store_put_setting(s, "lot.main.timeout_s", "30"), 0);
	CHECK_INT(hf_store_put_setting(s, "lot.vip.closed", "yes"), 0);
	CHECK_INT(hf_store_put_setting(s, "lot.vip.full", "no"), 0);
	CHECK_INT(hf_store_put_setting(s, "lot.vip.full", NULL), 0);
	hf_store_close(s);
	s = reopen();
	CHECK_INT(hf_store_each_setting(s, note_setting, text), 0);
	hf_store_close(s);
	CHECK_STR(text, "lot.main.timeout_s=30;lot.vip.closed=yes;");
}

/* The tables of schema 1 with a call in them, as its program left them. */
TEST(a_database_of_an_older_schema_is_made_new_and_loses_nothing)
{
	const struct hf_store_subscription watch = {.id = 5, .number = "701"};
	struct hf_store *s;
	struct seen seen = {0};
	struct heard h = {0};
	sqlite3 *db;

	fresh_folder();
	s = reopen();
	CHECK(s && !hf_store_start(s));
	put_calls(s, 1, 7);
	hf_store_close(s);
	CHECK_INT(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
	CHECK_INT(sqlite3_exec(db,
			       "DROP TABLE setting; DROP TABLE subscription;"
			       "DROP TABLE publication;"
			       "ALTER TABLE call DROP COLUMN carried;"
			       "ALTER TABLE party DROP COLUMN takes_update;"
			       "PRAGMA user_version=1",
			       NULL, NULL, NULL),
		  SQLITE_OK);
	sqlite3_close(db);
	s = reopen();
	CHECK(s != NULL);
	CHECK_INT(hf_store_each_call(s, note, &seen), 0);
	CHECK_INT(seen.count, 7);
	CHECK_INT(seen.parties, 7);
	CHECK_INT(hf_store_start(s), 0);
	CHECK_INT(hf_store_put_setting(s, "a", "b"), 0);
	CHECK_INT(hf_store_put_subscription(s, &watch), 0);
	hf_store_close(s);
	s = reopen();
	CHECK_INT(hf_store_each_subscription(s, hear_subscription, &h), 0);
	CHECK_INT(h.count, 1);
	hf_store_close(s);
}

TEST_MAIN()
