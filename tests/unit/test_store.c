// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: store database base */
/* The journal: what it has said to be on disk is there, whatever happens. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sqlite3.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "../../ctl/base/clock.h"
#include "../../ctl/base/log.h"
#include "../../ctl/store/store.h"

/* In a folder of this process alone, where it stays. */
#define FOLDER "journal"
#define FILE_NAME FOLDER "/journal.db"

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	return remove(path);
}

static char own_folder[] = "/tmp/holdfast-test-store-XXXXXX";
static pid_t own_pid;

__attribute__((constructor)) static void make_own_folder(void)
{
	own_pid = getpid();
	if (!mkdtemp(own_folder) || chdir(own_folder)) {
		perror(own_folder);
		exit(1);
	}
}

__attribute__((destructor)) static void remove_own_folder(void)
{
	if (getpid() != own_pid)
		return;
	umount(FOLDER);
	nftw(own_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void fresh_folder(void)
{
	umount(FOLDER);
	nftw(FOLDER, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	mkdir(FOLDER, 0700);
}

static struct hf_store *reopen(void)
{
	const struct hf_store_place place = {.path = FILE_NAME, .sync = true};
	struct hf_store *s = NULL;
	char err[512];

	if (hf_store_open(&place, &s, err, sizeof(err)))
		printf("# %s\n", err);
	return s;
}

static struct hf_store_call call_of(uint64_t id, const char *slot)
{
	struct hf_store_call c = {.id = id,
				  .lot = "main",
				  .slot = slot,
				  .state = "parked",
				  .timer_ms = -1,
				  .chain = -1,
				  .party_count = 1};

	c.party[0] = (struct hf_store_party){
		.role = "caller",
		.leg = (int64_t)id * 2,
		.session = "a\0b",
		.session_len = 4,
		.route = "<sip:p1;lr>, <sip:p2;lr>",
		.local = "<sip:700@x>;tag=1",
	};
	return c;
}

/* Until everything handed over is settled. */
static bool settle(struct hf_store *s)
{
	struct pollfd p = {.fd = hf_store_fd(s), .events = POLLIN};

	while (hf_store_settled(s) < hf_store_ticket(s))
		if (poll(&p, 1, 10000) != 1)
			return false;
	return true;
}

struct seen {
	unsigned int count, parties;
	uint64_t last;
	char slot[32], route[64], role[16];
	unsigned char session[8];
	size_t session_len;
	int64_t chain, leg;
	uint8_t *ids;
	size_t max;
};

static void note(void *arg, const struct hf_store_call *c)
{
	struct seen *s = arg;

	s->count++;
	s->parties += c->party_count;
	s->last = c->id;
	s->chain = c->chain;
	snprintf(s->slot, sizeof(s->slot), "%s", c->slot);
	if (c->party_count) {
		const struct hf_store_party *p = &c->party[0];

		snprintf(s->route, sizeof(s->route), "%s", p->route);
		snprintf(s->role, sizeof(s->role), "%s", p->role);
		s->session_len = p->session_len;
		if (p->session_len <= sizeof(s->session))
			memcpy(s->session, p->session, p->session_len);
		s->leg = p->leg;
	}
	if (c->id < s->max)
		s->ids[c->id] = 1;
}

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

/* Writes records 1, 2, 3 ... and says in `fd` which are on disk. */
static void write_for_ever(int fd)
{
	struct hf_store *s = reopen();
	struct pollfd p;
	uint64_t id = 0, settled;

	if (!s || hf_store_start(s))
		_exit(1);
	p = (struct pollfd){.fd = hf_store_fd(s), .events = POLLIN};
	for (;;) {
		for (int i = 0; i < 3; i++) {
			struct hf_store_call c = call_of(++id, "701");

			hf_store_put_call(s, &c);
		}
		poll(&p, 1, 1);
		settled = hf_store_settled(s); /* tickets are ids here */
		if (write(fd, &settled, sizeof(settled)) < 0)
			_exit(1);
	}
}

TEST(what_was_said_to_be_on_disk_is_there_after_a_kill_at_any_moment)
{
	for (unsigned int round = 0; round < 25; round++) {
		static uint8_t ids[1 << 20];
		struct seen seen = {.ids = ids, .max = sizeof(ids)};
		uint64_t said = 0, last;
		struct hf_store *s;
		int pipes[2];
		pid_t child;

		fresh_folder();
		memset(ids, 0, sizeof(ids));
		CHECK_INT(pipe(pipes), 0);
		fflush(stdout);
		child = fork();
		if (!child)
			write_for_ever(pipes[1]);
		close(pipes[1]);
		/* Some rounds in the first commits, some in the thousands. */
		while (said < round * round * 4 &&
		       read(pipes[0], &said, sizeof(said)) == sizeof(said))
			;
		usleep(round * 997 % 5000);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		while (read(pipes[0], &last, sizeof(last)) == sizeof(last))
			said = last;
		close(pipes[0]);
		s = reopen();
		CHECK(s != NULL);
		CHECK_INT(hf_store_each_call(s, note, &seen), 0);
		hf_store_close(s);
		for (uint64_t id = 1; id <= said; id++)
			if (!ids[id])
				FAIL("round %u: %llu of %llu is not there",
				     round, (unsigned long long)id,
				     (unsigned long long)said);
		CHECK_INT(seen.parties, seen.count);
	}
}

TEST(a_damaged_file_is_kept_aside_and_a_new_one_begun)
{
	static const char junk[8192] = "SQLite format 3";
	struct hf_store_call one = call_of(1, "701");
	struct hf_store *s;
	struct seen seen = {0};
	int fd, found;

	fresh_folder();
	fd = open(FILE_NAME, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && write(fd, junk, sizeof(junk)) == sizeof(junk));
	close(fd);
	s = reopen();
	CHECK(s != NULL);
	CHECK_INT(hf_store_start(s), 0);
	CHECK_INT(hf_store_put_call(s, &one), 0);
	hf_store_close(s);
	s = reopen();
	CHECK(s != NULL);
	CHECK_INT(hf_store_each_call(s, note, &seen), 0);
	hf_store_close(s);
	CHECK_INT(seen.count, 1);
	found = system("test $(ls " FILE_NAME ".damaged-* | wc -l) -ge 1");
	CHECK_INT(found, 0);
}

TEST(on_a_full_disk_calls_go_on_and_are_written_when_there_is_room)
{
	static char fill[4096];
	struct hf_store *s;
	struct seen seen = {0};
	int fd;

	fresh_folder();
	if (mount("none", FOLDER, "tmpfs", 0, "size=512k"))
		SKIP("needs the right to mount a small tmpfs");
	s = reopen();
	CHECK(s != NULL);
	CHECK_INT(hf_store_start(s), 0);
	fd = open(FOLDER "/fill", O_WRONLY | O_CREAT, 0600);
	while (write(fd, fill, sizeof(fill)) > 0)
		;
	for (uint64_t id = 1; id <= 200; id++) {
		struct hf_store_call c = call_of(id, "701");

		CHECK_INT(hf_store_put_call(s, &c), 0);
	}
	CHECK(settle(s)); /* nobody waits for room */
	CHECK(hf_store_failing(s));
	close(fd);
	unlink(FOLDER "/fill");
	for (int i = 0; i < 500 && hf_store_failing(s); i++)
		usleep(20000);
	CHECK(!hf_store_failing(s));
	hf_store_close(s);
	s = reopen();
	CHECK(s != NULL);
	CHECK_INT(hf_store_each_call(s, note, &seen), 0);
	hf_store_close(s);
	umount(FOLDER);
	CHECK_INT(seen.count, 200);
}

static struct hf_store *reopen_at(const struct hf_store_place *place)
{
	struct hf_store *s = NULL;
	char err[512];

	if (hf_store_open(place, &s, err, sizeof(err)))
		printf("# %s\n", err);
	return s;
}

static unsigned int calls_in(struct hf_store *s)
{
	struct seen seen = {0};

	return hf_store_each_call(s, note, &seen) ? 9999 : seen.count;
}

static void put_calls(struct hf_store *s, uint64_t first, uint64_t last)
{
	for (uint64_t id = first; id <= last; id++) {
		struct hf_store_call c = call_of(id, "701");

		hf_store_put_call(s, &c);
	}
	settle(s);
}

#define SPARE "spare"
static void no_spare(void)
{
	unlink(SPARE);
	unlink(SPARE "-wal");
	unlink(SPARE "-shm");
}

TEST(what_cannot_be_written_goes_on_in_the_spare_place_and_comes_back)
{
	const struct hf_store_place place = {
		.path = FILE_NAME, .spare = SPARE, .sync = true};
	struct hf_store *s;

	fresh_folder();
	no_spare();
	if (mount("none", FOLDER, "tmpfs", 0, "size=4m"))
		SKIP("needs the right to mount a small tmpfs");
	s = reopen_at(&place);
	CHECK(s && !hf_store_start(s));
	put_calls(s, 1, 5);
	hf_store_close(s);
	CHECK_INT(mount("none", FOLDER, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
	s = reopen_at(&place);
	CHECK(s != NULL);
	CHECK(hf_store_same_boot(s));
	CHECK_INT(calls_in(s), 5);
	CHECK_INT(hf_store_start(s), 0);
	put_calls(s, 6, 8);
	CHECK(!hf_store_failing(s));
	hf_store_close(s);
	s = reopen_at(&place); /* still read-only */
	CHECK(s != NULL);
	CHECK_INT(calls_in(s), 8);
	hf_store_close(s);
	CHECK_INT(mount("none", FOLDER, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	s = reopen_at(&place);
	CHECK(s != NULL);
	CHECK_INT(calls_in(s), 8);
	CHECK(access(SPARE, F_OK) != 0);
	hf_store_close(s);
	s = reopen(); /* without any spare */
	CHECK(s != NULL);
	CHECK_INT(calls_in(s), 8);
	hf_store_close(s);
	umount(FOLDER);
}

static bool wait_for_file(const char *path)
{
	for (int i = 0; i < 3000; i++) {
		if (!access(path, F_OK))
			return true;
		usleep(10000);
	}
	return false;
}

TEST(a_damaged_file_is_replaced_by_its_copy)
{
	const struct hf_store_place place = {
		.path = FILE_NAME, .sync = true, .copy_s = 1};
	struct hf_store_call c = call_of(3, "703");
	struct hf_store *s;
	int fd;

	fresh_folder();
	s = reopen_at(&place);
	CHECK(s && !hf_store_start(s));
	put_calls(s, 1, 300);
	CHECK(wait_for_file(FILE_NAME ".copy"));
	CHECK_INT(hf_store_put_call(s, &c), 0);
	hf_store_close(s);
	fd = open(FILE_NAME, O_WRONLY);
	for (off_t at = 4096; at < 100 * 4096; at += 4096)
		CHECK(pwrite(fd, "not a page", 10, at) == 10);
	close(fd);
	s = reopen_at(&place);
	CHECK(s != NULL);
	CHECK_INT(calls_in(s), 300);
	CHECK_INT(hf_store_start(s), 0);
	put_calls(s, 301, 301);
	hf_store_close(s);
	s = reopen_at(&place);
	CHECK_INT(calls_in(s), 301);
	hf_store_close(s);
	CHECK_INT(system("test $(ls " FILE_NAME ".damaged-* | wc -l) -ge 1"),
		  0);
}

TEST(nobody_waits_for_a_disk_that_takes_too_long)
{
	const struct hf_store_place place = {
		.path = FILE_NAME, .sync = true, .patience_ms = 300};
	struct hf_store_call c = call_of(1, "701");
	uint64_t begin = hf_now_ms();
	struct hf_store *s;
	sqlite3 *other;

	fresh_folder();
	s = reopen_at(&place);
	CHECK(s && !hf_store_start(s));
	CHECK_INT(sqlite3_open(FILE_NAME, &other), SQLITE_OK);
	CHECK_INT(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL),
		  SQLITE_OK);
	CHECK_INT(hf_store_put_call(s, &c), 0);
	CHECK(hf_store_settled(s) < hf_store_ticket(s));
	while (hf_store_settled(s) < hf_store_ticket(s) &&
	       hf_now_ms() < begin + 10000) {
		/* it says when to look again */
		uint64_t next = hf_store_next_ms(s), now = hf_now_ms();
		struct pollfd p = {.fd = hf_store_fd(s), .events = POLLIN};

		poll(&p, 1, next > now && next < now + 1500
				    ? (int)(next - now) : 1500);
	}
	CHECK_INT(hf_store_settled(s), hf_store_ticket(s));
	CHECK_INT(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	hf_store_close(s);
	s = reopen();
	CHECK_INT(calls_in(s), 1);
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

TEST(a_read_only_disk_and_a_newer_file_are_refused_in_a_sentence)
{
	const struct hf_store_place place = {.path = FILE_NAME, .sync = true};
	struct hf_store *s;
	char err[512];

	fresh_folder();
	if (mount("none", FOLDER, "tmpfs", 0, "size=512k"))
		SKIP("needs the right to mount a small tmpfs");
	CHECK_INT(mount("none", FOLDER, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
	CHECK(hf_store_open(&place, &s, err, sizeof(err)) < 0);
	umount(FOLDER);
	CHECK(strstr(err, FILE_NAME) && strstr(err, "cannot be used"));
	hf_store_close(reopen());
	CHECK_INT(system("printf '\\000\\000\\000\\143' | dd of=" FILE_NAME
			 " bs=1 seek=60 conv=notrunc status=none"),
		  0);
	CHECK(hf_store_open(&place, &s, err, sizeof(err)) < 0);
	CHECK(strstr(err, "newer holdfastd"));
	fresh_folder();
	rmdir(FOLDER);
}
TEST_MAIN()
