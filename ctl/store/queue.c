// SPDX-License-Identifier: GPL-2.0-or-later
/* What waits to be written: one record a key, the newest. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static size_t text_size(const char *t)
{
	return t ? strlen(t) + 1 : 1;
}

static const char *keep_text(char **at, const char *t)
{
	size_t n = text_size(t);
	char *copy = *at;

	memcpy(copy, t ? t : "", n);
	*at += n;
	return copy;
}

static const void *keep_bytes(char **at, const void *b, size_t len)
{
	char *copy = *at;

	if (len)
		memcpy(copy, b, len);
	*at += len;
	return copy;
}

static size_t extra(const struct hf_store_call *c)
{
	size_t n = 0;

#define I(name)
#define T(name) n += text_size(r->name);
#define B(name) n += r->name##_len;
	{
		const struct hf_store_call *r = c;

		HF_STORE_CALL(I, T, B)
	}
	for (unsigned int i = 0; i < c->party_count; i++) {
		const struct hf_store_party *r = &c->party[i];

		HF_STORE_PARTY(I, T, B)
	}
#undef T
#undef B
	return n;
}

static struct hf_op *op_new(enum hf_op_kind kind, uint64_t id, size_t text)
{
	struct hf_op *op = malloc(sizeof(*op) + text);

	if (!op)
		return NULL;
	op->key = (struct hf_op_key){kind, id};
	op->drop = false;
	memset(&op->hh, 0, sizeof(op->hh));
	return op;
}

struct hf_op *hf_op_put(const struct hf_store_call *c)
{
	struct hf_op *op = op_new(HF_OP_CALL, c->id, extra(c));
	char *at = (char *)(op + 1);

	if (!op)
		return NULL;
	op->call = *c;
#define T(name) r->name = keep_text(&at, r->name);
#define B(name) r->name = keep_bytes(&at, r->name, r->name##_len);
	{
		struct hf_store_call *r = &op->call;

		HF_STORE_CALL(I, T, B)
	}
	for (unsigned int i = 0; i < op->call.party_count; i++) {
		struct hf_store_party *r = &op->call.party[i];

		HF_STORE_PARTY(I, T, B)
	}
#undef I
#undef T
#undef B
	return op;
}

struct hf_op *hf_op_drop(uint64_t id)
{
	struct hf_op *op = op_new(HF_OP_CALL, id, 0);

	if (op)
		op->drop = true;
	return op;
}

/* Names are few and ours: 64 bits tell them apart. */
static uint64_t hash_name(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ULL;
	return h;
}

struct hf_op *hf_op_setting(const char *name, const char *value)
{
	struct hf_op *op = op_new(HF_OP_SETTING, hash_name(name),
				  text_size(name) + text_size(value));
	char *at = (char *)(op + 1);

	if (!op)
		return NULL;
	op->drop = !value;
	op->setting.name = keep_text(&at, name);
	op->setting.value = keep_text(&at, value);
	return op;
}

int hf_ops_add(struct hf_op **ops, struct hf_op *op)
{
	struct hf_op *old;

	if (!op)
		return -ENOMEM;
	HASH_FIND(hh, *ops, &op->key, sizeof(op->key), old);
	if (old) {
		HASH_DEL(*ops, old);
		free(old);
	}
	HASH_ADD(hh, *ops, key, sizeof(op->key), op);
	if (op->hh.tbl)
		return 0;
	free(op);
	return -ENOMEM;
}

int hf_ops_merge(struct hf_op **ops, struct hf_op **newer)
{
	struct hf_op *op, *next;
	int r = 0;

	if (!*ops) {
		*ops = *newer;
		*newer = NULL;
		return 0;
	}
	HASH_ITER (hh, *newer, op, next) {
		HASH_DEL(*newer, op);
		if (hf_ops_add(ops, op))
			r = -ENOMEM;
	}
	return r;
}

void hf_ops_return(struct hf_op **ops, struct hf_op **failed)
{
	struct hf_op *op, *next, *newer;

	HASH_ITER (hh, *failed, op, next) {
		HASH_DEL(*failed, op);
		HASH_FIND(hh, *ops, &op->key, sizeof(op->key), newer);
		if (newer)
			free(op);
		else
			hf_ops_add(ops, op);
	}
}

void hf_ops_free(struct hf_op **ops)
{
	struct hf_op *op, *next;

	HASH_ITER (hh, *ops, op, next) {
		HASH_DEL(*ops, op);
		free(op);
	}
}
