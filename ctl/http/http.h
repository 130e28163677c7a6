/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board, REST, server-sent events and /metrics, over the same requests as
 * the control socket (Documentation/board.md).
 *
 * HTTP has a thread of its own. What only the park logic knows is asked for
 * through a queue: the HTTP thread puts a job in, the one event loop of
 * holdfastd takes it out (hf_http_dispatch, when hf_http_fd() is readable) and
 * hands the answer back. The loop never waits for a browser: whoever reads
 * slowly fills a bounded buffer of the HTTP thread and is dropped.
 *
 * All functions are for the thread of the event loop.
 */
#ifndef HOLDFAST_HTTP_HTTP_H
#define HOLDFAST_HTTP_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "api/control.h"

struct hf_http;

/* 0 and *ret; *ret stays NULL where the configuration has no http section. The
 * wiring is the control socket's own (hf_control_live()), and outlives this. */
int hf_http_create(const struct hf_control_wiring *, struct hf_http **ret,
		   char *err, size_t err_len);
/* Why NULL = ready; else a reason for no new calls here. All take NULL. */
void hf_http_not_ready(struct hf_http *, const char *why);
void hf_http_destroy(struct hf_http *);

/* A new configuration with the same listeners; boards come again for a whole
 * table. */
void hf_http_reload(struct hf_http *, const struct hf_config *);

int hf_http_fd(const struct hf_http *);
void hf_http_dispatch(struct hf_http *);

/* The history has said something: go on with those who asked it. */
void hf_http_answered(struct hf_http *);

/* A slot may look different now (struct hf_park_wiring); told to the boards
 * with the next hf_http_flush(), which is for the loop's way to sleep. */
void hf_http_slot_changed(struct hf_http *, uint32_t slot);
void hf_http_flush(struct hf_http *);

#endif
