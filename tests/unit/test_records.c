// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: records database events base */
/* The history of calls: what happened is found again, and is not kept for ever. */
#include "test.h"

#include <ftw.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../ctl/base/clock.h"
#include "../../ctl/records/records.h"

#define FILE_NAME "history.db" /* of a folder of our own, see fresh_folder() */
#define HOUR_MS	  3600000ULL
#define DAY_MS	  86400000ULL

static const struct hf_records_limits lasting = {100, 1000};

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	return remove(path);
}

static char folder[64];

static void remove_folder(void)
{
	if (chdir("/") || !folder[0])
		return;
	umount(folder);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void fresh_folder(void)
{
	remove_folder();
	snprintf(folder, sizeof(folder), "/tmp/holdfast-records-XXXXXX");
	if (!mkdtemp(folder) || chdir(folder))
		abort();
}

static struct hf_records *reopen(const struct hf_records_limits *limits)
{
	struct hf_records *r = NULL;
	char err[512];

	if (hf_records_open(FILE_NAME, limits, &r, err, sizeof(err)))
		printf("# %s\n", err);
	return r;
}

static struct hf_event event(enum hf_event_type type, uint64_t call,
			     uint64_t wall_ms)
{
	return (struct hf_event){
		.type = type,
		.call = call,
		.wall_ms = wall_ms,
		.lot = "main",
		.slot = "701",
		.caller_number = "4930111",
		.caller_name = "Alice",
		.caller_uri = "sip:4930111@example.net",
		.parker_uri = "sip:1001@pbx.example.com",
	};
}

static void tell(struct hf_records *r, const struct hf_event *e)
{
	hf_records_event(r, e, "", 0);
}

/* A wait of so many seconds, and its end. */
static void one_wait(struct hf_records *r, uint64_t call, uint64_t at,
		     unsigned int seconds, enum hf_event_type end)
{
	struct hf_event e = event(HF_EVENT_PARKED, call, at);

	tell(r, &e);
	e.type = end;
	e.wall_ms = at + seconds * 1000;
	e.seconds_parked = seconds;
	e.retriever_uri = "sip:1002@pbx.example.com";
	tell(r, &e);
	hf_records_over(r, call);
}

/* All pieces of an answer; NULL if it failed. *ret_pieces may be NULL. */
static json_t *ask(struct hf_records *r, const struct hf_filter *f,
		   unsigned int *ret_pieces)
{
	struct hf_question *q = hf_records_ask(r, f);
	struct pollfd p = {.fd = hf_records_fd(r), .events = POLLIN};
	json_t *all = json_array(), *rows = NULL;
	enum hf_piece piece = HF_PIECE_MORE;
	unsigned int pieces = 0;
	const char *why = "";

	while (q && (piece == HF_PIECE_MORE || piece == HF_PIECE_NONE)) {
		piece = hf_records_answer(q, &rows, &why);
		if (piece == HF_PIECE_NONE && poll(&p, 1, 20000) != 1)
			break;
		hf_records_heard(r);
		if (piece != HF_PIECE_MORE && piece != HF_PIECE_LAST)
			continue;
		json_array_extend(all, rows);
		json_decref(rows);
		pieces++;
	}
	if (piece != HF_PIECE_LAST) {
		printf("# %s\n", why);
		json_decref(all);
		all = NULL;
	}
	hf_question_drop(q);
	if (ret_pieces)
		*ret_pieces = pieces;
	return all;
}

/* Until all that was told is written. */
static bool settled(struct hf_records *r)
{
	struct hf_records_figures f;

	for (int i = 0; i < 2000; i++) {
		hf_records_figures(r, &f);
		if (!f.queued)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static unsigned int count(struct hf_records *r, const struct hf_filter *f)
{
	json_t *rows = ask(r, f, NULL);
	unsigned int n = rows ? (unsigned int)json_array_size(rows) : ~0u;

	json_decref(rows);
	return n;
}

TEST(a_call_is_one_row_with_every_wait_in_it)
{
	uint64_t t0 = hf_wall_ms() - HOUR_MS;
	struct hf_event e = event(HF_EVENT_PARKED, 17, t0);
	const struct hf_filter show = {.asks = HF_ASKS_CALL, .call = 17};
	struct hf_records *r;
	json_t *rows, *call, *wait;

	fresh_folder();
	r = reopen(&lasting);
	CHECK(r != NULL);
	e.user_to_user = "56a390f3d2b7310023a2;encoding=hex";
	tell(r, &e);
	e.type = HF_EVENT_RECALL_STARTED;
	tell(r, &e);
	tell(r, &e);
	e.type = HF_EVENT_RECALL_ANSWERED;
	e.wall_ms = t0 + 95000;
	e.seconds_parked = 95;
	e.retriever_uri = "sip:1001@pbx.example.com";
	tell(r, &e);
	e.type = HF_EVENT_REPARKED;
	e.wall_ms = t0 + 200000;
	e.parker_uri = "sip:1003@pbx.example.com";
	tell(r, &e);
	e.type = HF_EVENT_MOVED;
	e.slot = "705";
	tell(r, &e);
	e.type = HF_EVENT_RETRIEVED;
	e.wall_ms = t0 + 210000;
	e.seconds_parked = 105; /* in all */
	e.retriever_uri = "sip:1002@pbx.example.com";
	e.source = "198.51.100.7";
	tell(r, &e);
	e.type = HF_EVENT_ENDED;
	e.reason = "the caller hung up";
	tell(r, &e);
	hf_records_over(r, 17);
	CHECK(settled(r));
	rows = ask(r, &show, NULL);
	call = json_array_get(rows, 0);
	CHECK_INT(number(call, "call"), 17);
	CHECK_INT(number(call, "began_ms"), t0);
	CHECK(json_is_integer(json_object_get(call, "ended_ms")));
	CHECK_INT(number(call, "parks"), 2);
	CHECK_INT(number(call, "attempts"), 2);
	CHECK_INT(number(call, "seconds_parked"), 105);
	CHECK_STR(text(call, "resolution"), "retrieved");
	CHECK_STR(text(call, "reason"), "the caller hung up");
	CHECK_STR(text(call, "user_to_user"),
		  "56a390f3d2b7310023a2;encoding=hex");
	CHECK_INT(json_array_size(json_object_get(call, "waits")), 2);
	wait = json_array_get(json_object_get(call, "waits"), 0);
	CHECK_STR(text(wait, "parker"), "sip:1001@pbx.example.com");
	CHECK_STR(text(wait, "slot"), "701");
	CHECK_INT(number(wait, "seconds"), 95);
	CHECK_INT(number(wait, "attempts"), 2);
	CHECK_STR(text(wait, "resolution"), "rang_back");
	wait = json_array_get(json_object_get(call, "waits"), 1);
	CHECK_STR(text(wait, "parker"), "sip:1003@pbx.example.com");
	CHECK_STR(text(wait, "slot"), "705");
	CHECK_INT(number(wait, "seconds"), 10);
	CHECK_STR(text(wait, "resolution"), "retrieved");
	CHECK_STR(text(wait, "retriever"), "sip:1002@pbx.example.com");
	/* Newest first: who picked up, from where. */
	wait = json_array_get(json_object_get(call, "acts"), 0);
	CHECK_STR(text(wait, "act"), "retrieve");
	CHECK_STR(text(wait, "who"), "sip:1002@pbx.example.com");
	CHECK_STR(text(wait, "origin"), "198.51.100.7");
	json_decref(rows);
	hf_records_close(r);
	remove_folder();
}

TEST(a_wait_over_a_restart_is_one_row_and_what_did_not_come_back_is_lost)
{
	uint64_t now = hf_wall_ms();
	struct hf_event e = event(HF_EVENT_PARKED, 1, now - 60000);
	struct hf_record_kept kept = {.call = 1, .began_ms = now - 60000,
				      .parked_ms = now - 60000, .lot = "main",
				      .slot = "701"};
	struct hf_filter show = {.asks = HF_ASKS_CALL, .call = 1};
	struct hf_records *r;
	json_t *rows, *call;

	fresh_folder();
	r = reopen(&lasting);
	tell(r, &e);
	e.call = 2;
	tell(r, &e);
	CHECK(settled(r));
	hf_records_close(r);
	r = reopen(&lasting);
	hf_records_kept(r, &kept);
	kept.call = 3; /* one whose beginning was never written */
	kept.caller_number = "4940";
	hf_records_kept(r, &kept);
	hf_records_all_kept(r);
	e = event(HF_EVENT_RETRIEVED, 1, now);
	e.seconds_parked = 60;
	tell(r, &e);
	e.call = 3;
	tell(r, &e);
	CHECK(settled(r));
	for (show.call = 1; show.call <= 3; show.call++) {
		rows = ask(r, &show, NULL);
		call = json_array_get(rows, 0);
		CHECK_INT(json_array_size(json_object_get(call, "waits")), 1);
		CHECK_STR(text(call, "resolution"),
			  show.call == 2 ? "lost" : "retrieved");
		CHECK_INT(json_is_null(json_object_get(call, "ended_ms")),
			  show.call != 2);
		if (show.call != 2)
			CHECK_INT(number(call, "seconds_parked"), 60);
		json_decref(rows);
	}
	hf_records_close(r);
	remove_folder();
}

TEST(filters_find_what_they_say_and_long_answers_come_in_pieces)
{
	static const struct {
		struct hf_filter f;
		unsigned int rows;
	} cases[] = {
		{{.limit = 0}, 1001},
		{{.limit = 7}, 7},
		{{.limit = 450}, 450},
		{{.resolution = "abandoned"}, 333},
		{{.resolution = "retrieved", .limit = 5}, 5},
		{{.lot = "second"}, 1},
		{{.lot = "main", .slot = "799"}, 0},
		{{.lot = "second", .slot = "799"}, 1},
		{{.caller = "ALIC"}, 1000},
		{{.caller = "4940"}, 1},
		{{.parker = "2001"}, 1},
		{{.parker = "2001", .resolution = "abandoned"}, 0},
		{{.retriever = "1002@"}, 667},
		{{.since_ms = 1700000000000ULL + 999 * 1000}, 2},
		{{.until_ms = 1700000000000ULL + 3 * 1000}, 3},
		{{.caller = "' OR 1=1 --"}, 0},
	};
	struct hf_event e = event(HF_EVENT_PARKED, 1001, 1700000000000ULL +
							       1000 * 1000);
	struct hf_records *r;
	unsigned int pieces;
	json_t *rows;

	fresh_folder();
	r = reopen(&(struct hf_records_limits){36500, 1000});
	for (uint64_t i = 0; i < 1000; i++)
		one_wait(r, i + 1, 1700000000000ULL + i * 1000, 5,
			 i % 3 == 1 ? HF_EVENT_ABANDONED : HF_EVENT_RETRIEVED);
	e.lot = "second";
	e.slot = "799";
	e.caller_name = "";
	e.caller_number = "4940";
	e.parker_uri = "sip:2001@pbx.example.com";
	tell(r, &e);
	CHECK(settled(r));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (count(r, &cases[i].f) != cases[i].rows)
			FAIL("case %zu: %u rows, not %u", i,
			     count(r, &cases[i].f), cases[i].rows);
	rows = ask(r, &cases[0].f, &pieces);
	CHECK(pieces > 4);
	for (size_t i = 0; i < json_array_size(rows); i++)
		CHECK_INT(number(json_array_get(rows, i), "call"),
			  1001 - (long long)i);
	json_decref(rows);
	hf_records_close(r);
	remove_folder();
}

TEST(figures_by_lot_and_hour_have_the_nearest_rank_of_95_in_100)
{
	const uint64_t hour = 1700000000000ULL / HOUR_MS * HOUR_MS;
	struct hf_filter f = {.asks = HF_ASKS_HOURS, .since_ms = hour};
	struct hf_records *r;
	json_t *rows, *row;

	fresh_folder();
	r = reopen(&(struct hf_records_limits){36500, 1000});
	/* 1 .. 100 s in the first hour, two waits in the second. */
	for (uint64_t i = 1; i <= 100; i++)
		one_wait(r, i, hour + 1000, (unsigned int)i,
			 i <= 90   ? HF_EVENT_RETRIEVED
			 : i <= 97 ? HF_EVENT_RECALL_ANSWERED
				   : HF_EVENT_ABANDONED);
	one_wait(r, 101, hour + HOUR_MS, 10, HF_EVENT_EXPIRED);
	one_wait(r, 102, hour + HOUR_MS, 20, HF_EVENT_RETRIEVED);
	CHECK(settled(r));
	rows = ask(r, &f, NULL);
	CHECK_INT(json_array_size(rows), 2);
	row = json_array_get(rows, 0);
	CHECK_INT(number(row, "hour_ms"), hour);
	CHECK_INT(number(row, "parks"), 100);
	CHECK_INT(number(row, "retrieved"), 90);
	CHECK_INT(number(row, "rang_back"), 7);
	CHECK_INT(number(row, "abandoned"), 3);
	CHECK_INT(number(row, "seconds_p50"), 50);
	CHECK_INT(number(row, "seconds_p95"), 95);
	CHECK_INT(number(row, "seconds_most"), 100);
	CHECK_INT(json_real_value(json_object_get(row, "seconds_average")) * 10,
		  505);
	row = json_array_get(rows, 1);
	CHECK_INT(number(row, "parks"), 2);
	CHECK_INT(number(row, "seconds_p95"), 20);
	CHECK_INT(number(row, "expired"), 1);
	json_decref(rows);
	f.asks = HF_ASKS_LOTS;
	rows = ask(r, &f, NULL);
	CHECK_INT(json_array_size(rows), 1);
	CHECK_INT(number(json_array_get(rows, 0), "parks"), 102);
	json_decref(rows);
	hf_records_close(r);
	remove_folder();
}

TEST(old_calls_and_those_too_many_for_the_file_go_but_never_one_that_waits)
{
	const uint64_t now = hf_wall_ms();
	struct hf_records_limits small = {10, 1};
	struct hf_event e = event(HF_EVENT_PARKED, 1, now - 20 * DAY_MS);
	struct hf_records_figures f = {0};
	struct hf_records *r;
	json_t *rows;
	struct hf_filter all = {.limit = 0};

	fresh_folder();
	r = reopen(&lasting);
	tell(r, &e);
	for (uint64_t i = 2; i < 8000; i++)
		one_wait(r, i, now - (i < 1000 ? 11 : 9) * DAY_MS + i * 1000, 5,
			 HF_EVENT_RETRIEVED);
	CHECK(settled(r));
	/* hf_records_over() is now: the age of a call is that of its end. */
	hf_records_close(r);
	{
		sqlite3 *db;

		CHECK_INT(sqlite3_open(FILE_NAME, &db), 0);
		CHECK_INT(sqlite3_exec(db,
				       "UPDATE call SET ended_ms=began_ms+5000"
				       " WHERE id>1",
				       NULL, NULL, NULL),
			  0);
		sqlite3_close(db);
	}
	r = reopen(&small);
	for (int i = 0; i < 2000 && (!f.bytes || f.bytes > 1 << 20 ||
				     f.calls > 7001);
	     i++) {
		poll(NULL, 0, 10);
		hf_records_figures(r, &f);
	}
	CHECK(f.bytes && f.bytes <= 1 << 20);
	CHECK(f.calls > 100 && f.calls < 7001);
	rows = ask(r, &all, NULL);
	CHECK_INT(number(json_array_get(rows, 0), "call"), 7999);
	CHECK_INT(number(json_array_get(rows, json_array_size(rows) - 1),
			 "call"),
		  1);
	CHECK(number(json_array_get(rows, json_array_size(rows) - 2), "call") >
	      1000);
	json_decref(rows);
	hf_records_close(r);
	remove_folder();
}

TEST(a_full_disk_makes_nobody_wait_and_what_waits_is_written_when_there_is_room)
{
	const uint64_t now = hf_wall_ms();
	struct hf_filter all = {.limit = 0};
	struct hf_records_figures f = {0};
	struct hf_records *r;
	FILE *ballast;
	char byte[4096] = {1};

	fresh_folder();
	if (mount("none", folder, "tmpfs", 0, "size=1m") || chdir(folder)) {
		remove_folder();
		SKIP("needs the right to mount a small tmpfs");
	}
	r = reopen(&lasting);
	CHECK(r != NULL);
	one_wait(r, 1, now, 5, HF_EVENT_RETRIEVED);
	CHECK(settled(r));
	ballast = fopen("ballast", "w");
	while (ballast && fwrite(byte, sizeof(byte), 1, ballast) == 1 &&
	       !fflush(ballast))
		;
	for (uint64_t i = 2; i <= 500; i++)
		one_wait(r, i, now, 5, HF_EVENT_RETRIEVED);
	for (int i = 0; i < 2000 && !f.failing; i++) {
		poll(NULL, 0, 10);
		hf_records_figures(r, &f);
	}
	CHECK(f.failing);
	CHECK_INT(f.lost, 0);
	unlink("ballast");
	fclose(ballast);
	CHECK(settled(r));
	CHECK_INT(count(r, &all), 500);
	hf_records_close(r);
	remove_folder();
}

TEST(a_damaged_file_is_set_aside_and_one_of_a_newer_version_left_alone)
{
	struct hf_records *r;
	char err[512];
	FILE *f;

	fresh_folder();
	f = fopen(FILE_NAME, "w");
	fputs("this is not a database, whatever its name says", f);
	fclose(f);
	r = reopen(&lasting);
	CHECK(r != NULL);
	hf_records_close(r);
	CHECK_INT(system("ls history.db.damaged-* >/dev/null"), 0);
	CHECK_INT(system("printf '\\000\\000\\000\\143' | dd of=" FILE_NAME
			 " bs=1 seek=60 conv=notrunc status=none"),
		  0);
	CHECK(hf_records_open(FILE_NAME, &lasting, &r, err, sizeof(err)) < 0);
	CHECK(strstr(err, "newer holdfastd"));
	remove_folder();
}

TEST(more_than_can_wait_is_lost_and_counted)
{
	const uint64_t now = hf_wall_ms();
	struct hf_records_figures f;
	struct hf_records *r;

	fresh_folder();
	r = reopen(&lasting);
	for (uint64_t i = 1; i <= 120000; i++) {
		struct hf_event e = event(HF_EVENT_REFUSED, 0, now);

		tell(r, &e);
	}
	hf_records_figures(r, &f);
	CHECK(f.queued <= 50000);
	CHECK(f.lost > 0);
	hf_records_close(r);
	remove_folder();
}

TEST(a_question_may_be_dropped_at_any_time)
{
	const struct hf_filter f = {.limit = 0};
	struct hf_records *r;

	fresh_folder();
	r = reopen(&lasting);
	for (uint64_t i = 1; i <= 300; i++)
		one_wait(r, i, hf_wall_ms(), 5, HF_EVENT_RETRIEVED);
	CHECK(settled(r));
	for (int i = 0; i < 200; i++) {
		struct hf_question *q = hf_records_ask(r, &f);

		CHECK(q != NULL);
		if (i % 3)
			poll(NULL, 0, i % 3);
		hf_question_drop(q);
	}
	CHECK_INT(count(r, &f), 300);
	hf_records_close(r);
	remove_folder();
}
TEST_MAIN()
