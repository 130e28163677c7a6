// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rooms: base
 *
 * Log lines, as they arrive on standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "test.h"

/* What was written to standard error while `say` ran. */
static const char *heard(void (*say)(void), bool journal)
{
	static char text[8192];
	char stream[64];
	int saved = dup(STDERR_FILENO), p[2];
	struct stat st;
	ssize_t n;

	if (pipe(p))
		abort();
	dup2(p[1], STDERR_FILENO);
	fstat(STDERR_FILENO, &st);
	snprintf(stream, sizeof(stream), "%lu:%lu", (unsigned long)st.st_dev,
		 (unsigned long)st.st_ino);
	if (journal)
		setenv("JOURNAL_STREAM", stream, 1);
	else
		setenv("JOURNAL_STREAM", "1:1", 1);
	hf_log_open("test", HF_LOG_INFO);
	say();
	dup2(saved, STDERR_FILENO);
	close(p[1]);
	n = read(p[0], text, sizeof(text) - 1);
	close(p[0]);
	close(saved);
	text[n < 0 ? 0 : n] = 0;
	return text;
}

static void warn(void)
{
	hf_warn("slot %d is taken", 701);
}

static void forge(void)
{
	hf_info("from %s", "evil\n<0>holdfastd: forged\x1b[2J");
}

static void whisper(void)
{
	hf_debug("nobody reads this");
}

static void explain(void)
{
	errno = ENOENT;
	hf_error("it failed: %m");
	if (errno != ENOENT)
		abort();
}

static void ramble(void)
{
	char long_text[5000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	hf_info("%s", long_text);
}

TEST(a_journal_gets_the_level_and_a_person_the_time_and_the_program)
{
	const char *text = heard(warn, true);

	CHECK_STR(text, "<4>slot 701 is taken\n");
	text = heard(warn, false);
	CHECK(strstr(text, " test: warning: slot 701 is taken\n"));
	CHECK(text[2] == ':' && text[5] == ':' && text[8] == '.');
}

TEST(a_message_is_one_line_whatever_a_peer_put_into_it)
{
	CHECK_STR(heard(forge, true), "<6>from evil <0>holdfastd: forged [2J\n");
}

TEST(what_is_too_detailed_is_not_written_and_errno_survives)
{
	CHECK_STR(heard(whisper, true), "");
	CHECK_STR(heard(explain, true), "<3>it failed: No such file or directory\n");
}

TEST(a_message_that_is_too_long_is_cut_and_still_ends_its_line)
{
	const char *text = heard(ramble, true);
	size_t n = strlen(text);

	CHECK(n > 2000 && n < 2100);
	CHECK_INT(text[n - 1], '\n');
}

TEST_MAIN()
