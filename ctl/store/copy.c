// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A copy of the journal beside it, for the day on which the journal itself
 * cannot be read: made by the writing thread, a few pages at a time between
 * commits (SQLite takes changes over into a copy under way), every so often, and
 * put in the place of the one before when it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../base/log.h"
#include "../database/sql.h"
#include "internal.h"

#define PAGES 64

void hf_copy_name(const struct hf_store *s, char *ret, size_t len)
{
	snprintf(ret, len, "%s.copy", s->path);
}

static void unfinished_name(const struct hf_store *s, char *ret, size_t len)
{
	snprintf(ret, len, "%s.copy-unfinished", s->path);
}

static int begin(struct hf_store *s)
{
	struct hf_copy *c = &s->copy;
	char path[4200];
	int r;

	unfinished_name(s, path, sizeof(path));
	unlink(path);
	hf_make_private(path);
	r = hf_sql_open(path, &c->to);
	if (!r)
		r = sqlite3_exec(c->to,
				 "PRAGMA synchronous=OFF;"
				 "PRAGMA journal_mode=OFF",
				 NULL, NULL, NULL);
	if (!r) {
		c->backup = sqlite3_backup_init(c->to, "main", s->db, "main");
		r = c->backup ? SQLITE_OK : sqlite3_errcode(c->to);
	}
	return r;
}

void hf_copy_abandon(struct hf_copy *c)
{
	if (c->backup)
		sqlite3_backup_finish(c->backup);
	sqlite3_close(c->to);
	c->backup = NULL;
	c->to = NULL;
}

static int sync_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	int r = fd < 0 || fdatasync(fd) ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static void finish(struct hf_store *s, uint64_t ticket)
{
	char from[4200], to[4200];

	hf_copy_abandon(&s->copy);
	unfinished_name(s, from, sizeof(from));
	hf_copy_name(s, to, sizeof(to));
	if ((s->sync && sync_file(from)) || rename(from, to)) {
		hf_debug("journal: no copy: %s", strerror(errno));
		unlink(from);
		return;
	}
	s->copy.ticket = ticket;
}

/* A copy that cannot be made is tried again next time; the journal itself says
 * what is wrong with the disk. */
void hf_copy_step(struct hf_store *s, uint64_t now_ms)
{
	struct hf_copy *c = &s->copy;
	/* `settled` is written by this thread alone */
	uint64_t ticket = s->settled;
	int r;

	if (!c->every_ms ||
	    (!c->backup && (now_ms < c->due_ms || c->ticket == ticket)))
		return;
	r = c->backup ? SQLITE_OK : begin(s);
	if (!r)
		r = sqlite3_backup_step(c->backup, PAGES);
	if (r == SQLITE_OK)
		return;
	c->due_ms = now_ms + c->every_ms;
	if (r == SQLITE_DONE)
		finish(s, ticket);
	else
		hf_copy_abandon(c);
}
