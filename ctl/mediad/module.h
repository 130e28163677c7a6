/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hears when the kernel module comes or goes: its netlink family is announced
 * to every listener of the family of families, before anything of it stops. */
#ifndef HOLDFAST_MEDIAD_MODULE_H
#define HOLDFAST_MEDIAD_MODULE_H

#include <stdbool.h>

struct nl_sock;

/* NULL if nothing can be heard; the sender then finds out by itself, later. */
struct nl_sock *hf_module_listen(void);
void hf_module_close(struct nl_sock *);
int hf_module_fd(const struct nl_sock *); /* -1 for NULL */
/* Something was announced: did our module leave? */
bool hf_module_left(struct nl_sock *);

#endif
