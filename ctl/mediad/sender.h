/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paced sender: a thread with the clock in its hand. At each millisecond it
 * looks into the buckets of the timing wheel that are due (pacer.h), picks the
 * legs whose next hold frame waits to be sent, and asks the kernel to run the
 * paced program once for all of them; the program claims, copies and sends.
 * What live frames cannot reach goes out as packets (packets.h).
 *
 * While the kernel module sends for the instance it stands by: it looks once a
 * second whether the module still ticks, and sends when that is late or leaves.
 *
 * With an empty wheel it sleeps until hf_sender_wake(): no wake-ups at all.
 */
#ifndef HOLDFAST_MEDIAD_SENDER_H
#define HOLDFAST_MEDIAD_SENDER_H

#include <stdbool.h>

struct hf_pins;
struct hf_sender;

/* `pins` must outlive the sender. `priority` of SCHED_FIFO, 0 = do not ask. */
int hf_sender_start(const struct hf_pins *, int priority,
		    struct hf_sender **ret);
void hf_sender_wake(struct hf_sender *);
/* The module leaves the kernel: do not wait for it any more. */
void hf_sender_alone(struct hf_sender *);
/* Does it look at the wheel as it should, or is it stuck? */
bool hf_sender_is_well(const struct hf_sender *);
void hf_sender_stop(struct hf_sender *);

#endif
