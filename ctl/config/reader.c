// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The walk: YAML nodes along tables of keys (tables.c) into records. Knows
 * types, required and doubled keys; the meaning of a value is values.c's.
 */
#include "reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Room for one more in an array, or NULL. */
static void *grow(void *array, unsigned int count, unsigned int *room,
		  size_t size)
{
	unsigned int wanted = *room ? *room * 2 : 32;
	void *more;

	if (count < *room)
		return array;
	more = reallocarray(array, wanted, size);
	if (more)
		*room = wanted;
	return more;
}

static void add_problem(struct hf_reader *r, unsigned int line, const char *key,
			const char *format, va_list args)
{
	char *what, *text;
	void *more = grow(r->problems, r->problem_count, &r->problem_room,
			  sizeof(r->problems[0]));

	if (!more) {
		r->no_memory = true;
		return;
	}
	r->problems = more;
	if (vasprintf(&what, format, args) < 0) {
		r->no_memory = true;
		return;
	}
	if (!key[0]) {
		text = what;
	} else {
		if (asprintf(&text, "%s: %s", key, what) < 0)
			text = NULL;
		free(what);
	}
	if (!text) {
		r->no_memory = true;
		return;
	}
	r->problems[r->problem_count] = (struct hf_problem){
		.line = line, .order = r->problem_count, .text = text
	};
	r->problem_count++;
}

bool hf_wrong(struct hf_reader *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add_problem(r, r->line, r->key, format, args);
	va_end(args);
	return false;
}

static const struct hf_mark *find_mark(const struct hf_reader *r,
				       const void *field, bool record)
{
	for (unsigned int i = 0; field && i < r->mark_count; i++)
		if (r->marks[i].field == field && r->marks[i].record == record)
			return &r->marks[i];
	return NULL;
}

unsigned int hf_line_of(const struct hf_reader *r, const void *field)
{
	const struct hf_mark *mark = find_mark(r, field, false);

	return mark ? mark->line : 0;
}

void hf_wrong_at(struct hf_reader *r, const void *field, const void *owner,
		 const char *name, const char *format, ...)
{
	const struct hf_mark *mark = find_mark(r, field, false);
	char key[sizeof(r->key) + 64];
	unsigned int line = 1;
	va_list args;

	if (mark) {
		snprintf(key, sizeof(key), "%s", mark->key);
		line = mark->line;
	} else {
		mark = find_mark(r, owner, true);
		snprintf(key, sizeof(key), "%s%s%s", mark ? mark->key : "",
			 mark && mark->key[0] ? "." : "", name);
		if (mark)
			line = mark->line;
	}
	va_start(args, format);
	add_problem(r, line, key, format, args);
	va_end(args);
}

void hf_mark(struct hf_reader *r, const void *field, bool record)
{
	void *more = grow(r->marks, r->mark_count, &r->mark_room,
			  sizeof(r->marks[0]));
	char *key = hf_config_text(r, r->key);

	if (more)
		r->marks = more;
	if (!more || !key) {
		r->no_memory = true;
		return;
	}
	r->marks[r->mark_count++] = (struct hf_mark){
		.field = field, .record = record, .line = r->line, .key = key
	};
}

char *hf_config_text(struct hf_reader *r, const char *text)
{
	char *copy = hf_config_alloc(r->config, strlen(text) + 1);

	if (copy)
		strcpy(copy, text);
	else
		r->no_memory = true;
	return copy;
}

size_t hf_key_enter(struct hf_reader *r, const yaml_node_t *node,
		    const char *format, ...)
{
	size_t before = strlen(r->key);
	va_list args;

	r->line = (unsigned int)node->start_mark.line + 1;
	va_start(args, format);
	vsnprintf(r->key + before, sizeof(r->key) - before, format, args);
	va_end(args);
	return before;
}

void hf_key_leave(struct hf_reader *r, size_t before)
{
	r->key[before] = '\0';
}

static bool is_null(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	return node->type == YAML_SCALAR_NODE &&
	       node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

const char *hf_scalar(struct hf_reader *r, const yaml_node_t *node)
{
	const char *text;

	if (node->type != YAML_SCALAR_NODE) {
		hf_wrong(r, "is a %s; one value belongs here",
			 node->type == YAML_MAPPING_NODE ? "map" : "list");
		return NULL;
	}
	text = (const char *)node->data.scalar.value;
	if (is_null(node)) {
		hf_wrong(r, "has no value; give one or leave the key out");
		return NULL;
	}
	if (strlen(text) != node->data.scalar.length) {
		hf_wrong(r, "contains a zero byte");
		return NULL;
	}
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			hf_wrong(r, "contains a line break or another control "
				    "character");
			return NULL;
		}
	return text;
}

static bool read_number(struct hf_reader *r, const char *text,
			const struct hf_key *key, unsigned int *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return hf_wrong(
			r, "\"%s\" is not a whole number; write %u to %u%s",
			text, key->min, key->max,
			strlen(key->name) > 2 &&
					!strcmp(key->name + strlen(key->name) -
							2,
						"_s")
				? " (seconds: the key carries the unit)"
				: "");
	if (n < key->min || n > key->max)
		return hf_wrong(r, "%s is out of range; write %u to %u", text,
				key->min, key->max);
	*ret = (unsigned int)n;
	return true;
}

static bool read_word(struct hf_reader *r, const char *text,
		      const struct hf_key *key, int *ret)
{
	unsigned int count = 0;
	const char *near;

	for (; key->words[count]; count++)
		if (!strcmp(text, key->words[count])) {
			*ret = (int)count;
			return true;
		}
	near = hf_nearest(text, key->words, count);
	if (near)
		return hf_wrong(r,
				"\"%s\" is unknown; did you mean %s? "
				"(it can be %s)",
				text, near, key->example);
	return hf_wrong(r, "\"%s\" is unknown; it can be %s", text,
			key->example);
}

static bool read_bool(struct hf_reader *r, const char *text, bool *ret)
{
	if (!strcmp(text, "true") || !strcmp(text, "yes")) {
		*ret = true;
		return true;
	}
	if (!strcmp(text, "false") || !strcmp(text, "no")) {
		*ret = false;
		return true;
	}
	return hf_wrong(r, "\"%s\" is neither true nor false", text);
}

static void read_scalar(struct hf_reader *r, const yaml_node_t *node,
			const struct hf_key *key, void *field)
{
	const char *text = hf_scalar(r, node);

	if (!text)
		return;
	hf_mark(r, field, false);
	if (key->kind == HF_KEY_NUMBER)
		read_number(r, text, key, field);
	else if (key->kind == HF_KEY_WORD)
		read_word(r, text, key, field);
	else if (key->kind == HF_KEY_BOOL)
		read_bool(r, text, field);
	else
		key->parse(r, text, field);
}

static void read_list(struct hf_reader *r, yaml_node_t *node,
		      const struct hf_key *key, char *record)
{
	yaml_node_item_t *item;
	unsigned int count, i = 0;
	char *array;

	if (node->type != YAML_SEQUENCE_NODE) {
		hf_wrong(r, "needs a list; write [ %s ]", key->example);
		return;
	}
	hf_mark(r, record + key->offset, false);
	count = (unsigned int)(node->data.sequence.items.top -
			       node->data.sequence.items.start);
	if (count < key->min) {
		hf_wrong(r, "is empty; write [ %s ]", key->example);
		return;
	}
	if (count > key->max) {
		hf_wrong(r, "has %u entries; %u at most", count, key->max);
		return;
	}
	array = hf_config_alloc(r->config, (count + 1) * key->item_size);
	if (!array) {
		r->no_memory = true;
		return;
	}
	for (item = node->data.sequence.items.start; i < count; item++, i++) {
		yaml_node_t *child = yaml_document_get_node(r->document, *item);
		void *field = array + i * key->item_size;
		size_t before = hf_key_enter(r, child, "[%u]", i);

		if (key->map)
			hf_read_map(r, child, key->map, field);
		else
			read_scalar(r, child, key, field);
		hf_key_leave(r, before);
	}
	memcpy(record + key->offset, &array, sizeof(array));
	memcpy(record + key->count_offset, &count, sizeof(count));
}

static void read_value(struct hf_reader *r, yaml_node_t *node,
		       const struct hf_key *key, char *record)
{
	switch (key->kind) {
	case HF_KEY_MAP:
		hf_read_map(r, node, key->map, record + key->offset);
		break;
	case HF_KEY_LIST:
		read_list(r, node, key, record);
		break;
	case HF_KEY_OWN:
		hf_mark(r, record + key->offset, false);
		key->node(r, node, record + key->offset);
		break;
	case HF_KEY_VALUE:
	case HF_KEY_NUMBER:
	case HF_KEY_WORD:
	case HF_KEY_BOOL:
		read_scalar(r, node, key, record + key->offset);
		break;
	}
}

static void wrong_key(struct hf_reader *r, const struct hf_map *map)
{
	const char *names[64];
	unsigned int count = 0;
	const char *name = strrchr(r->key, '.'), *near;
	char known[512] = "";

	name = name ? name + 1 : r->key;
	for (const struct hf_key *k = map->keys; k->name && count < 64; k++)
		names[count++] = k->name;
	near = hf_nearest(name, names, count);
	if (near) {
		hf_wrong(r, "unknown key; did you mean %s?", near);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		size_t used = strlen(known);

		snprintf(known + used, sizeof(known) - used, "%s%s",
			 i ? ", " : "", names[i]);
	}
	hf_wrong(r, "unknown key; known here: %s", known);
}

/* One pair of a map. `seen` has a place for each known key. */
static void read_pair(struct hf_reader *r, const yaml_node_pair_t *pair,
		      const struct hf_map *map, char *record,
		      unsigned int *seen)
{
	yaml_node_t *name_node = yaml_document_get_node(r->document, pair->key);
	yaml_node_t *node = yaml_document_get_node(r->document, pair->value);
	const struct hf_key *key = map->keys;
	const char *name;
	size_t before;

	if (name_node->type != YAML_SCALAR_NODE) {
		before = hf_key_enter(r, name_node, "%s", "");
		hf_wrong(r, "a key has to be a word");
		hf_key_leave(r, before);
		return;
	}
	name = (const char *)name_node->data.scalar.value;
	before = hf_key_enter(r, name_node, "%s%.64s", r->key[0] ? "." : "",
			      name);
	while (key->name && strcmp(key->name, name))
		key++;
	if (!key->name) {
		wrong_key(r, map);
	} else if (seen[key - map->keys]) {
		hf_wrong(r, "is there twice, first in line %u",
			 seen[key - map->keys]);
	} else {
		seen[key - map->keys] = r->line;
		/* A value that is left out has its mark on the next line. */
		if (!is_null(node))
			r->line = (unsigned int)node->start_mark.line + 1;
		read_value(r, node, key, record);
	}
	hf_key_leave(r, before);
}

void hf_read_map(struct hf_reader *r, yaml_node_t *node,
		 const struct hf_map *map, void *record)
{
	unsigned int seen[64] = { 0 }, line = r->line;

	if (map->init)
		map->init(r, record);
	if (node->type != YAML_MAPPING_NODE) {
		hf_wrong(r, "needs keys with values below it");
		return;
	}
	hf_mark(r, record, true);
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     p < node->data.mapping.pairs.top; p++)
		read_pair(r, p, map, record, seen);
	r->line = line;
	for (const struct hf_key *k = map->keys; k->name; k++)
		if (k->required && !seen[k - map->keys]) {
			size_t before = hf_key_enter(
				r, node, "%s%s", r->key[0] ? "." : "", k->name);

			hf_wrong(r,
				 k->kind == HF_KEY_LIST
					 ? "is missing; write %s: [ %s ]"
					 : "is missing; write %s: %s",
				 k->name, k->example);
			hf_key_leave(r, before);
		}
}
