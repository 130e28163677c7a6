// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: store database base */
/* The journal: what it has said to be on disk is there, whatever happens: kills,
 * damage, disks that are full, slow or read-only. */
#include "store_world.h"

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
