/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for many small records that live long, apart from what comes and goes.
 * A SIP transaction takes ten times the memory of the record that it leaves
 * behind; if both came from the same heap, each record would keep a page or two
 * from being given back. Blocks here share pages only with each other.
 */
#ifndef HOLDFAST_BASE_SLAB_H
#define HOLDFAST_BASE_SLAB_H

#include <stddef.h>

struct hf_slab;

int hf_slab_create(struct hf_slab **ret);
/* Everything that was taken from it is gone. */
void hf_slab_destroy(struct hf_slab *);
/* Zeroed, or NULL. */
void *hf_slab_alloc(struct hf_slab *, size_t size);
/* With the size that it was asked for. */
void hf_slab_free(struct hf_slab *, void *, size_t size);

#endif
