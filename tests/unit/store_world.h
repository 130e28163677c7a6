/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal in a folder of this process alone, and what is in it: for
 * test_store.c and test_store_faults.c.
 */
#ifndef HOLDFAST_TEST_STORE_WORLD_H
#define HOLDFAST_TEST_STORE_WORLD_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
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

/* each test uses some of this */
#pragma GCC diagnostic ignored "-Wunused-function"

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


#endif
