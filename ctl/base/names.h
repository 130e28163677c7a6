/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names that the controller and its tool must agree on. */
#ifndef HOLDFAST_BASE_NAMES_H
#define HOLDFAST_BASE_NAMES_H

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define HF_VERSION "0.1.0"
#define HF_INSTANCE_DEFAULT "main"

/*
 * Where holdfastd of an instance listens for holdfastctl, unless its
 * configuration says otherwise (control.socket).
 */
static inline void hf_control_socket_default(const char *instance, char *path,
					     size_t len)
{
	if (!strcmp(instance, HF_INSTANCE_DEFAULT))
		snprintf(path, len, "/run/holdfast/control.sock");
	else
		snprintf(path, len, "/run/holdfast/control-%s.sock", instance);
}

#endif
