/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one event loop of holdfastd, on the stack's su_root. Everything of the
 * controller runs in it, on one thread; nothing in a callback may block.
 */
#ifndef HOLDFAST_SIP_LOOP_H
#define HOLDFAST_SIP_LOOP_H

struct hf_loop;

int hf_loop_create(struct hf_loop **ret);
/* Descriptors still watched are forgotten, not closed. */
void hf_loop_destroy(struct hf_loop *);

/*
 * Call `fn` whenever `fd` is readable (level triggered: read all of it, or be
 * called again). Unwatch before closing. A callback may unwatch itself.
 */
int hf_loop_watch(struct hf_loop *, int fd, void (*fn)(void *arg), void *arg);
void hf_loop_unwatch(struct hf_loop *, int fd);

/* Call `fn` before the loop goes to sleep, to set timers by what has changed.
 */
void hf_loop_before_wait(struct hf_loop *, void (*fn)(void *arg), void *arg);

/* Runs until hf_loop_stop(). */
void hf_loop_run(struct hf_loop *);
void hf_loop_stop(struct hf_loop *);
/* One round: wait at most this long, then handle what is there. */
void hf_loop_step(struct hf_loop *, long timeout_ms);

#endif
