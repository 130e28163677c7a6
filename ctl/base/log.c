// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Logging to standard error. One write(2) a line, so that lines of several
 * threads and processes do not mix.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Logging is the one thing that has no owner to be passed down from: the state
 * is set once at start, before there is a second thread. */
static struct {
	const char *program;
	enum hf_log_level most;
	bool journal;
} hf_log_state = {"holdfast", HF_LOG_INFO, false};

/* systemd names the pipe it gave us by device and inode; level marks are only
 * for a journal that is really at the other end (systemd.exec(5)). */
static bool hf_log_to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%lu:%lu", &device, &inode) != 2)
		return false;
	return !fstat(STDERR_FILENO, &st) && st.st_dev == device &&
	       st.st_ino == inode;
}

void hf_log_open(const char *program, enum hf_log_level most_verbose)
{
	hf_log_state.program = program;
	hf_log_state.most = most_verbose;
	hf_log_state.journal = hf_log_to_journal();
}

/* The text of a second is made once in it, by each thread. */
static const char *hf_log_clock(time_t second)
{
	static _Thread_local char text[32];
	static _Thread_local time_t made;
	struct tm tm;

	if (second != made) {
		localtime_r(&second, &tm);
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
		made = second;
	}
	return text;
}

static size_t hf_log_prefix(char *line, size_t size, enum hf_log_level level)
{
	struct timespec t;
	int n;

	if (hf_log_state.journal) {
		n = snprintf(line, size, "<%d>", level);
	} else {
		clock_gettime(CLOCK_REALTIME, &t);
		n = snprintf(line, size, "%s.%03ld %s: %s",
			     hf_log_clock(t.tv_sec), t.tv_nsec / 1000000,
			     hf_log_state.program,
			     level == HF_LOG_ERROR  ? "error: "
			     : level == HF_LOG_WARN ? "warning: "
						    : "");
	}
	return n < 0 ? 0 : (size_t)n;
}

void hf_log(enum hf_log_level level, const char *format, ...)
{
	int saved = errno;
	char line[2048];
	size_t used;
	va_list args;
	int n;

	if (level > hf_log_state.most)
		return;
	used = hf_log_prefix(line, sizeof(line) - 1, level);
	va_start(args, format);
	errno = saved; /* for %m */
	n = vsnprintf(line + used, sizeof(line) - 1 - used, format, args);
	va_end(args);
	if (n > 0)
		used += (size_t)n < sizeof(line) - 2 - used
				? (size_t)n
				: sizeof(line) - 2 - used;
	/* One message is one line, whatever a peer put into it. */
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[used++] = '\n';
	while (write(STDERR_FILENO, line, used) < 0 && errno == EINTR)
		;
	errno = saved;
}
