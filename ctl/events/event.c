// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of events and the sentence that a person reads. The words of the names
 * stand in event.h, once; json.c puts both into the JSON. */
#include <inttypes.h>
#include <stdarg.h>
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

/* Text that grows in a buffer of fixed size, and is cut at its end. */
struct line {
	char *text;
	size_t len, used;
};

static void __attribute__((format(printf, 2, 3)))
print(struct line *l, const char *format, ...)
{
	va_list args;
	int n;

	if (l->used + 1 >= l->len)
		return;
	va_start(args, format);
	n = vsnprintf(l->text + l->used, l->len - l->used, format, args);
	va_end(args);
	if (n > 0)
		l->used += (size_t)n < l->len - l->used ? (size_t)n :
							  l->len - l->used - 1;
}

/* "main 701", "main" or nothing. */
static void print_place(struct line *out, const struct hf_event *e)
{
	if (!known(e->lot) && !known(e->slot))
		return;
	print(out, " [%s%s%s]", known(e->lot) ? e->lot : "",
	      known(e->lot) && known(e->slot) ? " " : "",
	      known(e->slot) ? e->slot : "");
}

static void print_caller(struct line *out, const struct hf_event *e)
{
	const char *number = known(e->caller_number) ? e->caller_number :
						       e->caller_uri;

	if (!known(e->caller_name) && !known(number))
		return;
	print(out, ", caller");
	if (known(e->caller_name))
		print(out, " %s", e->caller_name);
	if (known(number))
		print(out, " <%s>", number);
}

size_t hf_event_text(const struct hf_event *e, char *text, size_t len)
{
	struct line out = {text, len, 0};

	if (!len)
		return 0;
	text[0] = '\0';
	if (e->call)
		print(&out, "call %" PRIu64, e->call);
	print_place(&out, e);
	print(&out, "%s%s", e->call || known(e->lot) ? ": " : "",
	      event_sentence(e->type));
	print_caller(&out, e);
	if (known(e->parker_uri))
		print(&out, ", parked by %s", e->parker_uri);
	if (known(e->retriever_uri))
		print(&out, ", picked up by %s", e->retriever_uri);
	if (e->seconds_parked)
		print(&out, ", after %u s", e->seconds_parked);
	if (e->seconds_left)
		print(&out, ", rings back in %u s", e->seconds_left);
	if (e->attempt)
		print(&out, ", attempt %u", e->attempt);
	if (known(e->party))
		print(&out, ", the %s", e->party);
	if (known(e->digit))
		print(&out, ": %s for %u ms", e->digit, e->digit_ms);
	if (known(e->rule))
		print(&out, ", rule %s", e->rule);
	if (known(e->reason))
		print(&out, ": %s", e->reason);
	return out.used;
}
