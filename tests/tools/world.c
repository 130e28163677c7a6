// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into a program under test (tests/e2e/lib/world.py): a wall clock that
 * somebody sets, and a disk that takes its time. Both are told in a file of two
 * numbers that is mapped: seconds the wall clock is ahead, ms of each sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *world;

__attribute__((constructor)) static void open_world(void)
{
	const char *path = getenv("HF_WORLD");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED
			  : mmap(NULL, 16, PROT_READ, MAP_SHARED, fd, 0);

	if (fd >= 0)
		close(fd);
	if (at != MAP_FAILED)
		world = at;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	long r = syscall(SYS_clock_gettime, clock, t);

	if (!r && world &&
	    (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
		t->tv_sec += world[0];
	return (int)r;
}

int gettimeofday(struct timeval *restrict tv,
		 __attribute__((unused)) void *restrict zone)
{
	struct timespec t;
	int r = clock_gettime(CLOCK_REALTIME, &t);

	tv->tv_sec = t.tv_sec;
	tv->tv_usec = t.tv_nsec / 1000;
	return r;
}

time_t time(time_t *ret)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (ret)
		*ret = t.tv_sec;
	return t.tv_sec;
}

static void take_time(void)
{
	int64_t ms = world ? world[1] : 0;
	struct timespec t = {.tv_sec = ms / 1000,
			     .tv_nsec = ms % 1000 * 1000000};

	if (ms)
		nanosleep(&t, NULL);
}

int fsync(int fd)
{
	take_time();
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	take_time();
	return (int)syscall(SYS_fdatasync, fd);
}
