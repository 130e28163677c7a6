// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The event loop: a thin coat over su_root (epoll), so that holdfastd.c and the
 * other rooms can wait for descriptors without seeing the stack. agent.c takes
 * the su_root itself through hf_loop_root().
 */
#include <errno.h>
#include <stdlib.h>

#include "private.h"

#define HF_LOOP_WATCHES 16

struct hf_watch {
	int fd; /* -1 = free */
	int index;
	void (*fn)(void *arg);
	void *arg;
};

struct hf_loop {
	su_root_t *root;
	void (*before)(void *arg);
	void *before_arg;
	struct hf_watch watch[HF_LOOP_WATCHES];
};

int hf_loop_create(struct hf_loop **ret)
{
	struct hf_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	for (int i = 0; i < HF_LOOP_WATCHES; i++)
		loop->watch[i].fd = -1;
	/* The stack reads the clock from its first call on: the hook goes
	 * first. */
	hf_clock_install();
	hf_stack_log_install();
	if (su_init() < 0) {
		free(loop);
		return -ENOMEM;
	}
	loop->root = su_root_create(loop);
	if (!loop->root) {
		su_deinit();
		free(loop);
		return -ENOMEM;
	}
	/* One thread owns everything. */
	su_root_threading(loop->root, 0);
	*ret = loop;
	return 0;
}

void hf_loop_destroy(struct hf_loop *loop)
{
	if (!loop)
		return;
	for (int i = 0; i < HF_LOOP_WATCHES; i++)
		if (loop->watch[i].fd >= 0)
			hf_loop_unwatch(loop, loop->watch[i].fd);
	su_root_destroy(loop->root);
	su_deinit();
	free(loop);
}

su_root_t *hf_loop_root(struct hf_loop *loop)
{
	return loop->root;
}

static int watch_event(struct hf_loop *loop, su_wait_t *wait,
		       struct hf_watch *watch)
{
	watch->fn(watch->arg);
	return 0;
}

int hf_loop_watch(struct hf_loop *loop, int fd, void (*fn)(void *arg),
		  void *arg)
{
	struct hf_watch *watch = NULL;
	su_wait_t wait[1] = {SU_WAIT_INIT};

	for (int i = 0; i < HF_LOOP_WATCHES && !watch; i++)
		if (loop->watch[i].fd < 0)
			watch = &loop->watch[i];
	if (!watch)
		return -ENOSPC;
	if (su_wait_create(wait, fd, SU_WAIT_IN) < 0)
		return -errno;
	watch->fn = fn;
	watch->arg = arg;
	watch->index =
		su_root_register(loop->root, wait, watch_event, watch, 0);
	if (watch->index < 0)
		return -errno;
	watch->fd = fd;
	return 0;
}

void hf_loop_unwatch(struct hf_loop *loop, int fd)
{
	for (int i = 0; i < HF_LOOP_WATCHES; i++) {
		struct hf_watch *watch = &loop->watch[i];

		if (fd < 0 || watch->fd != fd)
			continue;
		su_root_deregister(loop->root, watch->index);
		watch->fd = -1;
	}
}

static void before_wait(struct hf_loop *loop, su_root_t *root)
{
	if (loop->before)
		loop->before(loop->before_arg);
}

void hf_loop_before_wait(struct hf_loop *loop, void (*fn)(void *arg), void *arg)
{
	bool first = !loop->before;

	loop->before = fn;
	loop->before_arg = arg;
	if (first && fn)
		su_root_add_prepoll(loop->root, before_wait, loop);
}

void hf_loop_run(struct hf_loop *loop)
{
	su_root_run(loop->root);
}

void hf_loop_stop(struct hf_loop *loop)
{
	su_root_break(loop->root);
}

void hf_loop_step(struct hf_loop *loop, long timeout_ms)
{
	su_root_step(loop->root, timeout_ms);
}
