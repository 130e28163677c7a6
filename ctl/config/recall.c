// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of `recall:` in a lot: who is rung when nobody comes. */
#include <stddef.h>

#include "keys.h"

#define FALLBACKS_MOST 16

static bool read_ring(struct hf_reader *r, yaml_node_t *node,
		      struct hf_config_ring *ring)
{
	yaml_node_item_t one = 0, *item = &one;
	bool group = node->type == YAML_SEQUENCE_NODE, ok = true;
	unsigned int count = 1;

	if (group) {
		item = node->data.sequence.items.start;
		count = (unsigned int)(node->data.sequence.items.top - item);
	}
	if (!count || count > HF_CONFIG_RING_MAX)
		return hf_wrong(r,
				"rings %u phones at once; a group has 1 to %u",
				count, HF_CONFIG_RING_MAX);
	ring->uris = hf_config_alloc(r->config, count * sizeof(char *));
	if (!ring->uris) {
		r->no_memory = true;
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		yaml_node_t *child =
			group ? yaml_document_get_node(r->document, item[i])
			      : node;
		size_t before = group ? hf_key_enter(r, child, "[%u]", i)
				      : hf_key_enter(r, child, "%s", "");
		const char *text = hf_scalar(r, child);

		ok = text && hf_parse_uri(r, text, &ring->uris[i]) && ok;
		hf_key_leave(r, before);
	}
	ring->count = count;
	return ok;
}

/* fallback: [ URI, [ URI, URI ], ... ]: an inner list rings at once. */
static bool read_fallback(struct hf_reader *r, yaml_node_t *node, void *field)
{
	struct hf_config_lot *lot =
		(void *)((char *)field - LOT(recall.fallback));
	yaml_node_item_t *item;
	unsigned int count;
	bool ok = true;

	if (node->type != YAML_SEQUENCE_NODE)
		return hf_wrong(
			r,
			"needs a list; write [ "
			"\"sip:reception@pbx.example.com\" ]");
	item = node->data.sequence.items.start;
	count = (unsigned int)(node->data.sequence.items.top - item);
	if (count > FALLBACKS_MOST)
		return hf_wrong(r, "has %u entries; %u at most", count,
				FALLBACKS_MOST);
	lot->recall.fallback = hf_config_alloc(
		r->config, (count + 1) * sizeof(lot->recall.fallback[0]));
	if (!lot->recall.fallback) {
		r->no_memory = true;
		return false;
	}
	for (unsigned int i = 0; i < count; i++) {
		yaml_node_t *child =
			yaml_document_get_node(r->document, item[i]);
		size_t before = hf_key_enter(r, child, "[%u]", i);

		ok = read_ring(r, child, &lot->recall.fallback[i]) && ok;
		hf_key_leave(r, before);
	}
	lot->recall.fallback_count = count;
	return ok;
}

static const char *const hangup_words[] = { [HF_HANGUP_END] = "hang_up",
					    [HF_HANGUP_PARK] = "park", NULL };

static const char *const confirm_words[] = { [HF_CONFIRM_NONE] = "none",
					     [HF_CONFIRM_DTMF] = "dtmf", NULL };

static const struct hf_key recall_keys[] = {
	{ NUMBER("ring_s", LOT(recall.ring_s), 1, 600) },
	{ NUMBER("attempts", LOT(recall.attempts), 0, 100) },
	{ .name = "fallback",
	  .kind = HF_KEY_OWN,
	  .offset = LOT(recall.fallback),
	  .node = read_fallback,
	  .example = "[ \"sip:reception@pbx.example.com\" ]" },
	{ VALUE("finally", LOT(recall.finally), hf_parse_finally, "repeat") },
	{ VALUE("display_prefix", LOT(recall.display_prefix), hf_parse_display,
		"\"Park %s: \"") },
	{ VALUE("alert_info", LOT(recall.alert_info), hf_parse_text,
		"\"<http://pbx.example.com/ring>;info=recall\"") },
	{ .name = "follow_redirect",
	  .kind = HF_KEY_BOOL,
	  .offset = LOT(recall.follow_redirect),
	  .example = "true" },
	{ WORD("on_hangup", LOT(recall.on_hangup), hangup_words,
	       "hang_up or park") },
	{ WORD("confirm", LOT(recall.confirm), confirm_words, "none or dtmf") },
	{ NUMBER("confirm_s", LOT(recall.confirm_s), 3, 120) },
	{ 0 }
};
const struct hf_map hf_config_recall_map = { recall_keys, NULL };
