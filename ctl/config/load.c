// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From a file to a struct hf_config: reads it, lets reader.c walk it and
 * check.c compare, and prints all that is wrong in the order of the file.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "reader.h"

#define HF_CONFIG_LONGEST (16u << 20) /* bytes */

struct hf_block {
	struct hf_block *next;
	max_align_t data[];
};

/* A configuration with all the memory behind it: one call frees it. */
struct hf_box {
	struct hf_config config;
	struct hf_block *blocks;
};

static struct hf_box *box_of(struct hf_config *c)
{
	return (struct hf_box *)((char *)c - offsetof(struct hf_box, config));
}

void *hf_config_alloc(struct hf_config *c, size_t size)
{
	struct hf_block *b = calloc(1, sizeof(*b) + size);

	if (!b)
		return NULL;
	b->next = box_of(c)->blocks;
	box_of(c)->blocks = b;
	return b->data;
}

void hf_config_free(struct hf_config *c)
{
	struct hf_block *b, *next;

	if (!c)
		return;
	for (b = box_of(c)->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(box_of(c));
}

static int by_line(const void *a, const void *b)
{
	const struct hf_problem *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static void print_problems(struct hf_reader *r, FILE *errors)
{
	if (r->problem_count)
		qsort(r->problems, r->problem_count, sizeof(r->problems[0]),
		      by_line);
	for (unsigned int i = 0; i < r->problem_count && errors; i++)
		fprintf(errors, "%s:%u: %s\n", r->path, r->problems[i].line,
			r->problems[i].text);
	if (r->no_memory && errors)
		fprintf(errors, "%s: out of memory\n", r->path);
}

static void free_reader(struct hf_reader *r)
{
	for (unsigned int i = 0; i < r->problem_count; i++)
		free(r->problems[i].text);
	free(r->problems);
	free(r->marks);
}

/* What libyaml says, and what people mean who run into it. */
static void syntax_error(struct hf_reader *r, const yaml_parser_t *p)
{
	const char *hint = "";

	r->line = (unsigned int)p->problem_mark.line + 1;
	if (p->error == YAML_MEMORY_ERROR) {
		r->no_memory = true;
		return;
	}
	if (p->error == YAML_READER_ERROR)
		r->line = 1;
	if (p->problem && (strstr(p->problem, "alias") ||
			   (p->context && strstr(p->context, "alias"))))
		hint = "; a value that begins with * or & has to be in quotes";
	else if (p->problem && strstr(p->problem, "tab"))
		hint = "; indent with spaces";
	hf_wrong(r, "not valid YAML: %s%s%s%s",
		 p->problem ? p->problem : "unknown error",
		 p->context ? " " : "", p->context ? p->context : "", hint);
}

static void read_document(struct hf_reader *r, yaml_parser_t *parser)
{
	yaml_document_t document, second;
	yaml_node_t *root;

	if (!yaml_parser_load(parser, &document)) {
		syntax_error(r, parser);
		return;
	}
	root = yaml_document_get_root_node(&document);
	r->document = &document;
	r->line = 1;
	if (!root) {
		hf_wrong(r, "the file is empty");
	} else {
		r->line = (unsigned int)root->start_mark.line + 1;
		hf_read_map(r, root, &hf_config_map, r->config);
		if (!r->no_memory)
			hf_config_check(r);
	}
	yaml_document_delete(&document);
	r->document = NULL;
	if (!root)
		return;
	r->key[0] = '\0';
	if (!yaml_parser_load(parser, &second)) {
		syntax_error(r, parser);
		return;
	}
	root = yaml_document_get_root_node(&second);
	if (root) {
		r->line = (unsigned int)root->start_mark.line + 1;
		hf_wrong(r, "a second document begins here; one per file");
	}
	yaml_document_delete(&second);
}

static bool instance_ok(const char *name)
{
	size_t len = strlen(name);

	return len && len <= 32 && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
			    "WXYZ0123456789_-") == len;
}

int hf_config_parse(const char *text, size_t len, const char *path,
		    const char *instance, FILE *errors, struct hf_config **ret)
{
	struct hf_reader r = { .path = path };
	struct hf_box *box = calloc(1, sizeof(*box));
	yaml_parser_t parser;
	int error = 0;

	if (!box || !yaml_parser_initialize(&parser)) {
		free(box);
		return -ENOMEM;
	}
	r.config = &box->config;
	r.config->path = hf_config_text(&r, path);
	r.config->instance = hf_config_text(&r, instance);
	if (!r.no_memory) {
		yaml_parser_set_input_string(&parser,
					     (const unsigned char *)text, len);
		read_document(&r, &parser);
	}
	yaml_parser_delete(&parser);
	print_problems(&r, errors);
	if (r.no_memory)
		error = -ENOMEM;
	else if (r.problem_count)
		error = -EINVAL;
	free_reader(&r);
	if (error)
		hf_config_free(&box->config);
	else
		*ret = &box->config;
	return error;
}

int hf_config_read(const char *path, char **ret, size_t *ret_len)
{
	FILE *f = fopen(path, "re");
	size_t room = 0, used = 0, n;
	char *text = NULL, *more;
	int error = 0;

	if (!f)
		return -errno;
	do {
		room += 65536;
		more = room <= HF_CONFIG_LONGEST ? realloc(text, room) : NULL;
		if (!more) {
			error = room <= HF_CONFIG_LONGEST ? -ENOMEM : -EFBIG;
			break;
		}
		text = more;
		n = fread(text + used, 1, room - used, f);
		used += n;
	} while (used == room);
	if (!error && ferror(f))
		error = errno ? -errno : -EIO;
	fclose(f);
	if (error) {
		free(text);
		return error;
	}
	*ret = text;
	*ret_len = used;
	return 0;
}

int hf_config_load(const char *path, const char *instance, FILE *errors,
		   struct hf_config **ret)
{
	char *text = NULL;
	size_t len = 0;
	int error;

	if (!instance)
		instance = "main";
	if (!instance_ok(instance)) {
		if (errors)
			fprintf(errors,
				"instance \"%s\": not a name; use up to "
				"32 letters, digits, _ and -\n",
				instance);
		return -EINVAL;
	}
	error = hf_config_read(path, &text, &len);
	if (error) {
		if (errors)
			fprintf(errors, "%s: cannot be read: %s\n", path,
				strerror(-error));
		return error;
	}
	error = hf_config_parse(text, len, path, instance, errors, ret);
	free(text);
	return error;
}
