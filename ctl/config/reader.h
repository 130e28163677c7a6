/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Walks a YAML document along tables of keys and fills plain records; inside
 * ctl/config only. tables.c says which keys there are, values.c how a value is
 * read, check.c what has to fit together. All of them complain through here, so
 * that one run finds everything that is wrong.
 */
#ifndef HOLDFAST_CONFIG_READER_H
#define HOLDFAST_CONFIG_READER_H

#include <yaml.h>

#include "config.h"

struct hf_reader;

enum hf_key_kind {
	HF_KEY_VALUE,  /* a scalar, read by `parse` */
	HF_KEY_NUMBER, /* unsigned int from `min` to `max` */
	HF_KEY_WORD,   /* an enum, by its place in `words` */
	HF_KEY_BOOL,
	HF_KEY_MAP,  /* a record inside this one */
	HF_KEY_LIST, /* an array of records or scalars: pointer and count */
	HF_KEY_OWN,  /* any node, read by `node` */
};

/* Reads one scalar into the record at `field`; false after a complaint. */
typedef bool hf_parse_fn(struct hf_reader *, const char *text, void *field);

struct hf_key {
	const char *name;
	enum hf_key_kind kind;
	bool required;
	const char *example; /* what a right value looks like */
	size_t offset;	     /* of the field in its record */
	hf_parse_fn *parse;
	unsigned int min, max; /* of a number; of the items of a list */
	const char *const *words;
	const struct hf_map *map; /* of a map; of each item of a list */
	size_t item_size;	  /* of a list */
	size_t count_offset;	  /* of a list: unsigned int in the record */
	bool (*node)(struct hf_reader *, yaml_node_t *, void *field);
};

struct hf_map {
	const struct hf_key *keys; /* ends with a name of NULL */
	void (*init)(struct hf_reader *, void *record); /* defaults, or NULL */
};

struct hf_problem {
	unsigned int line;
	unsigned int order;
	char *text; /* "key: what is wrong" */
};

/* Where in the file a field was read. */
struct hf_mark {
	const void *field;
	bool record; /* of the record that begins there, not its first field */
	unsigned int line;
	char *key;
};

struct hf_reader {
	struct hf_config *config;
	const char *path;
	yaml_document_t *document;
	unsigned int line; /* of the value being read */
	char key[256];	   /* its path: "lots[0].timeout_s" */
	struct hf_problem *problems;
	unsigned int problem_count, problem_room;
	struct hf_mark *marks;
	unsigned int mark_count, mark_room;
	bool no_memory;
};

/* Memory that lives as long as the configuration; zeroed, NULL on failure. */
void *hf_config_alloc(struct hf_config *, size_t size);
char *hf_config_text(struct hf_reader *, const char *text);

/* Complain about the value being read. Returns false. */
bool hf_wrong(struct hf_reader *, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Complain about a field read earlier; where it is not in the file, about the
 * key `name` of the record `owner`. */
void hf_wrong_at(struct hf_reader *, const void *field, const void *owner,
		 const char *name, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Line of a field, 0 if it is not in the file. */
unsigned int hf_line_of(const struct hf_reader *, const void *field);

/* The scalar of a node, NULL after a complaint. */
const char *hf_scalar(struct hf_reader *, const yaml_node_t *);
/* Remember where the value being read stands. */
void hf_mark(struct hf_reader *, const void *field, bool record);
/* Add to and take from the path of the value being read. */
size_t hf_key_enter(struct hf_reader *, const yaml_node_t *,
		    const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void hf_key_leave(struct hf_reader *, size_t);

void hf_read_map(struct hf_reader *, yaml_node_t *, const struct hf_map *,
		 void *record);

/* Of the words, the one most like `text`; NULL if none is like it at all. */
const char *hf_nearest(const char *text, const char *const *words,
		       unsigned int count);

extern const struct hf_map hf_config_map; /* tables.c */
extern const struct hf_map hf_config_audio_map; /* sound.c */
extern const struct hf_map hf_config_voice_map; /* of a lot */
extern const struct hf_map hf_config_escape_map;
bool hf_config_parse_keys(struct hf_reader *, const char *text, void *field);
extern const struct hf_map hf_config_audio_rule_map;
extern const struct hf_map hf_config_recall_map; /* recall.c, of a lot */
extern const struct hf_map hf_config_route_map; /* routing.c */
void hf_config_routing_check(struct hf_reader *);
/* Is the header of "X-Account: gold*" read at all? */
bool hf_config_carries(const struct hf_config *, const char *header);
void hf_config_audio_init(struct hf_reader *);
void hf_config_audio_check(struct hf_reader *);
extern const struct hf_map hf_config_tenant_map; /* tenants.c */
void hf_config_tenants_resolve(struct hf_reader *);
void hf_config_tenants_check(struct hf_reader *);
extern const struct hf_map hf_config_zone_map; /* paging.c */
void hf_config_paging_check(struct hf_reader *);
extern const struct hf_map hf_config_http_map; /* http.c */
void hf_config_http_check(struct hf_reader *);
extern const struct hf_map hf_config_hook_map; /* hooks.c: of a webhook */
extern const struct hf_map hf_config_alerts_map; /* of a lot */
void hf_config_hooks_check(struct hf_reader *);
void hf_config_check(struct hf_reader *); /* check.c */
bool hf_config_has_clip(const struct hf_config *, const char *name);


#endif
