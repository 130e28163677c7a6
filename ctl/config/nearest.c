// SPDX-License-Identifier: GPL-2.0-or-later
/* "Did you mean ...?": the likeliest of a few words. Used by reader.c and
 * values.c. */
#include <string.h>

#include "reader.h"

#define HF_NEAREST_LONGEST 40

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make `a` of
 * `b` (optimal string alignment); typing errors are one step each. */
static unsigned int distance(const char *a, size_t a_len, const char *b,
			     size_t b_len)
{
	unsigned int row[3][HF_NEAREST_LONGEST + 1];

	for (unsigned int j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned int *now = row[i % 3], *up = row[(i + 2) % 3];
		unsigned int *up2 = row[(i + 1) % 3];

		now[0] = (unsigned int)i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned int n = up[j - 1] + (a[i - 1] != b[j - 1]);

			n = least(n, least(up[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				n = least(n, up2[j - 2] + 1);
			now[j] = n;
		}
	}
	return row[a_len % 3][b_len];
}

const char *hf_nearest(const char *text, const char *const *words,
		       unsigned int count)
{
	size_t len = strlen(text);
	const char *best = NULL;
	unsigned int best_n = 0;

	if (len > HF_NEAREST_LONGEST)
		return NULL;
	for (unsigned int i = 0; i < count; i++) {
		size_t word_len = strlen(words[i]);
		unsigned int n;

		if (word_len > HF_NEAREST_LONGEST)
			continue;
		n = distance(text, len, words[i], word_len);
		/* More than half of it wrong is another word. */
		if (n * 2 > (len > word_len ? len : word_len))
			continue;
		if (!best || n < best_n) {
			best = words[i];
			best_n = n;
		}
	}
	return best;
}
