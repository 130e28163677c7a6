// SPDX-License-Identifier: GPL-2.0-or-later
/* What happened, copied into one piece of memory for the writing thread. */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Every text of a kind of note, by its place in struct hf_note. */
#define AT(field) offsetof(struct hf_note, field)
static const size_t event_text[] = {
	AT(event.lot),		 AT(event.slot),
	AT(event.caller_number), AT(event.caller_name),
	AT(event.caller_uri),	 AT(event.parker_uri),
	AT(event.retriever_uri), AT(event.parked_call_id),
	AT(event.other_call_id), AT(event.rule),
	AT(event.reason),	 AT(event.user_to_user),
	AT(event.source), AT(event.carried),
};
static const size_t kept_text[] = {
	AT(kept.lot),		AT(kept.slot),	     AT(kept.caller_number),
	AT(kept.caller_name),	AT(kept.caller_uri), AT(kept.parker_uri),
	AT(kept.retriever_uri), AT(kept.user_to_user), AT(kept.rule),
};
static const size_t act_text[] = {
	AT(act.way), AT(act.who),  AT(act.origin), AT(act.act),
	AT(act.lot), AT(act.slot), AT(act.result), AT(act.detail),
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char **text_at(const struct hf_note *n, size_t at)
{
	return (const char **)((char *)n + at);
}

/* A copy with its text behind it; "" is NULL from now on. */
static struct hf_note *copy(const struct hf_note *from, const size_t *list,
			    size_t count)
{
	size_t size = sizeof(*from);
	struct hf_note *n;
	char *at;

	for (size_t i = 0; i < count; i++)
		if (*text_at(from, list[i]))
			size += strlen(*text_at(from, list[i])) + 1;
	n = malloc(size);
	if (!n)
		return NULL;
	*n = *from;
	at = (char *)(n + 1);
	for (size_t i = 0; i < count; i++) {
		const char *text = *text_at(from, list[i]);

		*text_at(n, list[i]) = NULL;
		if (!text || !*text)
			continue;
		*text_at(n, list[i]) = at;
		at = stpcpy(at, text) + 1;
	}
	return n;
}

struct hf_note *hf_note_event(const struct hf_event *e, uint64_t wall_ms)
{
	const struct hf_note n = {
		.kind = HF_NOTE_EVENT, .wall_ms = wall_ms, .event = *e};

	return copy(&n, event_text, COUNT(event_text));
}

struct hf_note *hf_note_kept(const struct hf_record_kept *k, uint64_t wall_ms)
{
	const struct hf_note n = {
		.kind = HF_NOTE_KEPT, .wall_ms = wall_ms, .kept = *k};

	return copy(&n, kept_text, COUNT(kept_text));
}

struct hf_note *hf_note_act(const struct hf_record_act *a, uint64_t wall_ms)
{
	const struct hf_note n = {
		.kind = HF_NOTE_ACT, .wall_ms = wall_ms, .act = *a};

	return copy(&n, act_text, COUNT(act_text));
}

struct hf_note *hf_note_bare(enum hf_note_kind kind, uint64_t call,
			     uint64_t wall_ms)
{
	struct hf_note *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->kind = kind;
	n->wall_ms = wall_ms;
	n->call = call;
	return n;
}
