/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events by netlink, for monitor.c: from the kernel module's group and from the
 * controller's own, whichever speaks. The one file of the room that sees libnl.
 */
#ifndef HOLDFAST_CLI_NETLINK_H
#define HOLDFAST_CLI_NETLINK_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

struct hf_netlink_reader;

/* NULL if we are not permitted (CAP_NET_ADMIN) or there is no netlink. */
struct hf_netlink_reader *hf_netlink_reader_open(void);
void hf_netlink_reader_close(struct hf_netlink_reader *);
/* "module" or "usersock" */
const char *hf_netlink_reader_source(const struct hf_netlink_reader *);
/* Fills so many entries, unused ones with -1. */
#define HF_NETLINK_READER_FDS 3
void hf_netlink_reader_poll(const struct hf_netlink_reader *, struct pollfd *);
/*
 * The next event of `instance` that the kernel or `owner` sent, as the object
 * that the control socket would send; NULL if there is none now. *overrun is
 * set when the kernel says that some were lost.
 */
json_t *hf_netlink_reader_next(struct hf_netlink_reader *, const char *instance,
			       uid_t owner, bool *overrun);

#endif
