// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks of multiples of 64 bytes, cut from pieces of 256 KiB that are mapped
 * for them, and kept in a list by size when they are free. With the address
 * sanitizer every block is one of malloc, so that it sees wrong uses.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "slab.h"

#define HF_SLAB_STEP  64
#define HF_SLAB_MOST  2048
#define HF_SLAB_PIECE (256 * 1024)

struct hf_free_block {
	struct hf_free_block *next;
};

struct hf_piece {
	struct hf_piece *next;
};

struct hf_slab {
	struct hf_free_block *free[HF_SLAB_MOST / HF_SLAB_STEP];
	struct hf_piece *pieces;
	char *rest; /* of the newest piece */
	size_t left;
};

#ifdef __SANITIZE_ADDRESS__
#define HF_SLAB_OFF 1
#else
#define HF_SLAB_OFF 0
#endif

int hf_slab_create(struct hf_slab **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void hf_slab_destroy(struct hf_slab *s)
{
	if (!s)
		return;
	while (s->pieces) {
		struct hf_piece *p = s->pieces;

		s->pieces = p->next;
		munmap(p, HF_SLAB_PIECE);
	}
	free(s);
}

static size_t place(size_t size)
{
	return size ? (size - 1) / HF_SLAB_STEP : 0;
}

static void *cut(struct hf_slab *s, size_t bytes)
{
	void *block;

	if (s->left < bytes) {
		struct hf_piece *p = mmap(NULL, HF_SLAB_PIECE,
					  PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return NULL;
		p->next = s->pieces;
		s->pieces = p;
		s->rest = (char *)p + HF_SLAB_STEP;
		s->left = HF_SLAB_PIECE - HF_SLAB_STEP;
	}
	block = s->rest;
	s->rest += bytes;
	s->left -= bytes;
	return block;
}

void *hf_slab_alloc(struct hf_slab *s, size_t size)
{
	size_t at = place(size);
	struct hf_free_block *block;

	if (HF_SLAB_OFF || size > HF_SLAB_MOST)
		return calloc(1, size);
	block = s->free[at];
	if (!block)
		return cut(s, (at + 1) * HF_SLAB_STEP);
	s->free[at] = block->next;
	return memset(block, 0, (at + 1) * HF_SLAB_STEP);
}

void hf_slab_free(struct hf_slab *s, void *p, size_t size)
{
	struct hf_free_block *block = p;

	if (HF_SLAB_OFF || size > HF_SLAB_MOST) {
		free(p);
		return;
	}
	if (!block)
		return;
	block->next = s->free[place(size)];
	s->free[place(size)] = block;
}
