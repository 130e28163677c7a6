/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uthash as this room uses it: no memory for an entry is an error of one call,
 * seen by its hh.tbl being NULL, and not the end of the process. */
#ifndef HOLDFAST_PARK_HASH_H
#define HOLDFAST_PARK_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
