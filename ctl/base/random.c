// SPDX-License-Identifier: GPL-2.0-or-later
/* Random bytes from a small store, see random.h. */
#include "random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

int hf_random_get(struct hf_random *r, void *ret, size_t len)
{
	uint8_t *at;

	if (len > sizeof(r->pool))
		return -EINVAL;
	if (len > r->left) {
		r->left = 0;
		/* Up to 256 bytes come whole (getrandom(2)). */
		if (getrandom(r->pool, sizeof(r->pool), 0) !=
		    (ssize_t)sizeof(r->pool))
			return -EIO;
		r->left = sizeof(r->pool);
	}
	at = r->pool + sizeof(r->pool) - r->left;
	memcpy(ret, at, len);
	memset(at, 0, len);
	r->left -= len;
	return 0;
}
