// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A set of small numbers whose next member is found in a few steps however many
 * there are: each level says which words of the level below are not empty.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"

#define WORD_BITS 64

static uint32_t words(uint32_t bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

int hf_bitmap_init(struct hf_bitmap *b, uint32_t count)
{
	uint32_t n = count;

	*b = (struct hf_bitmap){.count = count};
	do {
		if (b->levels == 4) {
			hf_bitmap_fini(b);
			return -E2BIG;
		}
		b->word[b->levels] = calloc(words(n) ?: 1, sizeof(uint64_t));
		if (!b->word[b->levels]) {
			hf_bitmap_fini(b);
			return -ENOMEM;
		}
		b->levels++;
		n = words(n);
	} while (n > 1);
	for (uint32_t i = 0; i < count; i++)
		hf_bitmap_set(b, i);
	return 0;
}

void hf_bitmap_fini(struct hf_bitmap *b)
{
	for (unsigned int i = 0; i < b->levels; i++)
		free(b->word[i]);
	b->levels = 0;
}

void hf_bitmap_set(struct hf_bitmap *b, uint32_t n)
{
	for (unsigned int i = 0; i < b->levels; i++, n /= WORD_BITS)
		b->word[i][n / WORD_BITS] |= 1ULL << (n % WORD_BITS);
}

void hf_bitmap_clear(struct hf_bitmap *b, uint32_t n)
{
	for (unsigned int i = 0; i < b->levels; i++, n /= WORD_BITS) {
		b->word[i][n / WORD_BITS] &= ~(1ULL << (n % WORD_BITS));
		if (b->word[i][n / WORD_BITS])
			break;
	}
}

bool hf_bitmap_test(const struct hf_bitmap *b, uint32_t n)
{
	return b->word[0][n / WORD_BITS] >> (n % WORD_BITS) & 1;
}

uint32_t hf_bitmap_next(const struct hf_bitmap *b, uint32_t from)
{
	uint32_t bits = b->count, n = from;
	unsigned int level = 0;

	/* up, until a word has a member at or after n ... */
	for (;;) {
		uint64_t w;

		if (n >= bits)
			return UINT32_MAX;
		w = b->word[level][n / WORD_BITS] >> (n % WORD_BITS);
		if (w) {
			n += (uint32_t)__builtin_ctzll(w);
			break;
		}
		if (level + 1 == b->levels)
			return UINT32_MAX;
		n = n / WORD_BITS + 1;
		bits = words(bits);
		level++;
	}
	/* ... then down to its first one */
	while (level--)
		n = n * WORD_BITS +
		    (uint32_t)__builtin_ctzll(b->word[level][n]);
	return n;
}
