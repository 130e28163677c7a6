// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of events and the sentence that a person reads. The words of the names
 * stand in event.h, once; json.c puts both into the JSON. */
#include <inttypes.h>
#include <stdio.h>

#include "bus.h"

const char *hf_event_name(enum hf_event_type type)
{
	static const char *const name[] = {
#define X(symbol, name, text) [HF_EVENT_##symbol] = name,
		HF_EVENTS(X)
#undef X
	};

	return (unsigned int)type < HF_EVENT_COUNT ? name[type] : "unknown";
}

static const char *event_sentence(enum hf_event_type type)
{
	static const char *const sentence[] = {
#define X(symbol, name, text) [HF_EVENT_##symbol] = text,
		HF_EVENTS(X)
#undef X
	};

	return (unsigned int)type < HF_EVENT_COUNT ? sentence[type] :
						     "unknown event";
}

static int known(const char *s)
{
	return s && *s;
}

/* "main 701", "main" or nothing. */
static void print_place(FILE *out, const struct hf_event *e)
{
	if (!known(e->lot) && !known(e->slot))
		return;
	fprintf(out, " [%s%s%s]", known(e->lot) ? e->lot : "",
		known(e->lot) && known(e->slot) ? " " : "",
		known(e->slot) ? e->slot : "");
}

static void print_caller(FILE *out, const struct hf_event *e)
{
	const char *number = known(e->caller_number) ? e->caller_number :
						       e->caller_uri;

	if (!known(e->caller_name) && !known(number))
		return;
	fprintf(out, ", caller");
	if (known(e->caller_name))
		fprintf(out, " %s", e->caller_name);
	if (known(number))
		fprintf(out, " <%s>", number);
}

size_t hf_event_text(const struct hf_event *e, char *text, size_t len)
{
	FILE *out;
	long n;

	if (!len)
		return 0;
	text[0] = '\0';
	out = fmemopen(text, len, "w");
	if (!out)
		return 0;
	if (e->call)
		fprintf(out, "call %" PRIu64, e->call);
	print_place(out, e);
	fprintf(out, "%s%s", e->call || known(e->lot) ? ": " : "",
		event_sentence(e->type));
	print_caller(out, e);
	if (known(e->parker_uri))
		fprintf(out, ", parked by %s", e->parker_uri);
	if (known(e->retriever_uri))
		fprintf(out, ", picked up by %s", e->retriever_uri);
	if (e->seconds_parked)
		fprintf(out, ", after %u s", e->seconds_parked);
	if (e->seconds_left)
		fprintf(out, ", rings back in %u s", e->seconds_left);
	if (e->attempt)
		fprintf(out, ", attempt %u", e->attempt);
	if (known(e->party))
		fprintf(out, ", the %s", e->party);
	if (known(e->digit))
		fprintf(out, ": %s for %u ms", e->digit, e->digit_ms);
	if (known(e->rule))
		fprintf(out, ", rule %s", e->rule);
	if (known(e->reason))
		fprintf(out, ": %s", e->reason);
	n = ftell(out);
	fclose(out);
	text[len - 1] = '\0';
	if (n < 0)
		return 0;
	return (size_t)n < len ? (size_t)n : len - 1;
}
