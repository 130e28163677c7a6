// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The words of alerts. `alerts.text` of a lot replaces our English ones, with
 * {lot}, {slot}, {caller}, {seconds} and {reason} in it; ctl/config knows the
 * same list.
 */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "events/event.h"

static int known(const char *s)
{
	return s && *s;
}

/* "7 0 1": a slot is dialled, so it is spoken as it is dialled. */
static void put_digits(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, "%c%s", *text,
			isdigit((unsigned char)text[0]) &&
					isdigit((unsigned char)text[1])
				? " "
				: "");
}

static void put_caller(FILE *out, const struct hf_event *e)
{
	const char *name = known(e->caller_name) ? e->caller_name : "";
	const char *number = known(e->caller_number) ? e->caller_number : "";

	if (e->privacy || (!*name && !*number))
		fputs("a caller", out);
	else
		fprintf(out, "%s%s%s", name, *name && *number ? ", " : "",
			number);
}

static void put_key(FILE *out, const char *key, const struct hf_event *e,
		    int spoken)
{
	if (!strcmp(key, "lot"))
		fputs(e->lot, out);
	else if (!strcmp(key, "slot") && known(e->slot))
		spoken ? put_digits(out, e->slot) : (void)fputs(e->slot, out);
	else if (!strcmp(key, "caller") && e->call)
		put_caller(out, e);
	else if (!strcmp(key, "seconds"))
		fprintf(out, "%u", e->seconds_parked);
	else if (!strcmp(key, "reason"))
		fputs(e->reason, out);
}

static void put_own(FILE *out, const char *text, const struct hf_event *e,
		    int spoken)
{
	char key[16];

	while (*text) {
		size_t len = *text == '{' ? strcspn(text + 1, "}") : 0;

		if (*text != '{' || len >= sizeof(key) || !text[len + 1]) {
			fputc(*text++, out);
			continue;
		}
		memcpy(key, text + 1, len);
		key[len] = '\0';
		put_key(out, key, e, spoken);
		text += len + 2;
	}
}

static FILE *open_text(char *text, size_t len)
{
	text[0] = '\0';
	return fmemopen(text, len, "w");
}

static void close_text(FILE *out, char *text, size_t len)
{
	fclose(out);
	text[len - 1] = '\0';
}

void hf_alert_message(const struct hf_config_lot *lot, const struct hf_event *e,
		      char *text, size_t len)
{
	FILE *out = open_text(text, len);

	if (!out)
		return;
	if (lot->alerts.text) {
		put_own(out, lot->alerts.text, e, 0);
	} else if (e->call) {
		fprintf(out, "%s in %s: ", e->slot, e->lot);
		put_caller(out, e);
		fprintf(out, " (%s)", e->reason);
	} else {
		fprintf(out, "Lot %s: %s", e->lot, e->reason);
	}
	close_text(out, text, len);
}

void hf_alert_speech(const struct hf_config_lot *lot, const struct hf_event *e,
		     char *text, size_t len)
{
	FILE *out = open_text(text, len);

	if (!out)
		return;
	if (lot->alerts.text) {
		put_own(out, lot->alerts.text, e, 1);
	} else {
		fprintf(out, "Attention. Lot %s", e->lot);
		if (known(e->slot)) {
			fputs(", slot ", out);
			put_digits(out, e->slot);
		}
		fputs(". ", out);
		/* Longer than a minute is told in minutes. */
		if (!strcmp(e->rule, "waiting") && e->seconds_parked >= 120)
			fprintf(out, "A caller has waited for %u minutes.",
				e->seconds_parked / 60);
		else
			fprintf(out, "%c%s.", toupper((unsigned char)*e->reason),
				e->reason + 1);
	}
	close_text(out, text, len);
}
