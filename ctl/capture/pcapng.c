// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng 3 and 4), in the byte order
 * of this machine, as the first block says.
 */
#include "capture.h"

#include <errno.h>
#include <string.h>

#define BLOCK_SECTION	0x0a0d0d0aU
#define BLOCK_INTERFACE 1U
#define BLOCK_PACKET	6U
#define ORDER_MAGIC	0x1a2b3c4dU
#define LINK_ETHERNET	1U
#define OPTION_COMMENT	1U
#define OPTION_TSRESOL	9U /* of an interface */
#define OPTION_FLAGS	2U /* of a packet: 1 came in, 2 went out */
#define COMMENT_MAX	1024U

static uint32_t padded(uint32_t n)
{
	return (n + 3) & ~3U;
}

struct block {
	uint8_t bytes[64 + HF_CAPTURE_BYTES];
	uint32_t used;
};

static void put(struct block *b, const void *data, uint32_t n)
{
	memcpy(b->bytes + b->used, data, n);
	memset(b->bytes + b->used + n, 0, padded(n) - n);
	b->used += padded(n);
}

static void put32(struct block *b, uint32_t v)
{
	put(b, &v, sizeof(v));
}

static void put_option(struct block *b, uint16_t code, const void *data,
		       uint16_t n)
{
	uint16_t head[2] = {code, n};

	put(b, head, sizeof(head));
	put(b, data, n);
}

static void begin(struct block *b, uint32_t type)
{
	b->used = 0;
	put32(b, type);
	put32(b, 0); /* its length, when that is known */
}

static int end(struct block *b, FILE *out)
{
	uint32_t length;

	put32(b, 0); /* end of options */
	length = b->used + 4;
	put32(b, length);
	memcpy(b->bytes + 4, &length, sizeof(length));
	if (fwrite(b->bytes, b->used, 1, out) == 1)
		return 0;
	return errno ? -errno : -EIO;
}

int hf_pcapng_begin(FILE *out, const char *comment)
{
	const uint16_t version[2] = {1, 0}, link[2] = {LINK_ETHERNET, 0};
	const uint64_t unknown = UINT64_MAX;
	const uint8_t nanoseconds = 9;
	size_t n = strlen(comment);
	struct block b;
	int r;

	begin(&b, BLOCK_SECTION);
	put32(&b, ORDER_MAGIC);
	put(&b, version, sizeof(version));
	put(&b, &unknown, sizeof(unknown));
	put_option(&b, OPTION_COMMENT, comment,
		   (uint16_t)(n < COMMENT_MAX ? n : COMMENT_MAX));
	r = end(&b, out);
	if (r)
		return r;
	begin(&b, BLOCK_INTERFACE);
	put(&b, link, sizeof(link));
	put32(&b, HF_CAPTURE_BYTES);
	put_option(&b, OPTION_TSRESOL, &nanoseconds, 1);
	return end(&b, out);
}

int hf_pcapng_packet(FILE *out, const struct hf_captured *c, uint64_t wall_ns)
{
	const uint32_t flags = c->out ? 2 : 1;
	struct block b;

	begin(&b, BLOCK_PACKET);
	put32(&b, 0); /* the one interface */
	put32(&b, (uint32_t)(wall_ns >> 32));
	put32(&b, (uint32_t)wall_ns);
	put32(&b, c->taken);
	put32(&b, c->length);
	put(&b, c->bytes, c->taken);
	put_option(&b, OPTION_FLAGS, &flags, sizeof(flags));
	return end(&b, out);
}
