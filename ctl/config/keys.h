/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a line of a table of keys is written; for tables.c and its like. */
#ifndef HOLDFAST_CONFIG_KEYS_H
#define HOLDFAST_CONFIG_KEYS_H

#include "values.h"

#define CONFIG(field) offsetof(struct hf_config, field)
#define LOT(field)    offsetof(struct hf_config_lot, field)
#define VALUE(key, at, fn, like)                                      \
	.name = key, .kind = HF_KEY_VALUE, .offset = at, .parse = fn, \
	.example = like
#define NUMBER(key, at, least, most)                                    \
	.name = key, .kind = HF_KEY_NUMBER, .offset = at, .min = least, \
	.max = most
#define WORD(key, at, list, like)                                      \
	.name = key, .kind = HF_KEY_WORD, .offset = at, .words = list, \
	.example = like
#define LIST(key, at, counter, fn, type, least, most, like)              \
	.name = key, .kind = HF_KEY_LIST, .offset = at,                  \
	.count_offset = counter, .parse = fn, .item_size = sizeof(type), \
	.min = least, .max = most, .example = like
#define RECORDS(key, at, counter, table, type, least, most, like)         \
	.name = key, .kind = HF_KEY_LIST, .offset = at,                   \
	.count_offset = counter, .map = table, .item_size = sizeof(type), \
	.min = least, .max = most, .example = like
#define SECTION(key, table, like) \
	.name = key, .kind = HF_KEY_MAP, .map = table, .example = like

#endif
