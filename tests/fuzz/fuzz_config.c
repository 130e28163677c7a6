// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a configuration file. What must hold: it is refused with at
 * least one line that begins with the file's name, or it is what the rest of
 * the program relies on. rooms: config
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/reader.h"

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_lot(const struct hf_config_lot *lot)
{
	char slot[128], text[256];

	must(lot->name && lot->park && lot->slot_prefix && lot->hold_audio);
	must(lot->slot_digits > 0 && lot->slot_digits < 10);
	must(lot->slot_first <= lot->slot_last);
	must(lot->timeout_s <= lot->max_wait_s);
	must(lot->may_park_count && lot->may_retrieve_count);
	must((lot->on_full == HF_FULL_URI) == (lot->on_full_uri != NULL));
	must((lot->recall.finally == HF_FINALLY_URI) ==
	     (lot->recall.finally_uri != NULL));
	for (unsigned int i = 0; i < lot->label_count; i++)
		must(lot->labels[i].slot && lot->labels[i].text);
	for (unsigned int i = 0; i < lot->may_park_count; i++)
		must(lot->may_park[i]);
	for (unsigned int i = 0; i < lot->recall.fallback_count; i++)
		for (unsigned int k = 0; k < lot->recall.fallback[i].count; k++)
			must(lot->recall.fallback[i].uris[k]);
	snprintf(slot, sizeof(slot), "%s%0*u", lot->slot_prefix,
		 (int)lot->slot_digits, lot->slot_last);
	must(strlen(slot) == strlen(lot->slot_prefix) + lot->slot_digits);
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), lot->recall.display_prefix, slot);
}

static void check_config(const struct hf_config *c)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	must(c->sip.listen_count && c->sip.trusted_count && c->sip.domain);
	must(c->media.address_count && c->audio.clip_count && c->lot_count);
	must(c->media.port_min % 2 == 0 && c->media.port_max % 2 == 1);
	must(c->media.port_min < c->media.port_max);
	must(hf_config_leg_count(c) > 0);
	must(c->control.socket && c->control.state_dir);
	for (unsigned int i = 0; i < c->sip.listen_count; i++)
		must(c->sip.listen[i].port && c->sip.listen[i].host[0]);
	for (unsigned int i = 0; i < c->media.address_count; i++)
		must(c->media.addresses[i].advertise.s_addr &&
		     c->media.addresses[i].interface[0]);
	for (unsigned int i = 0; i < c->sip.internal_count; i++)
		hf_pattern_match(c->sip.internal[i], "1001", "example.com");
	for (unsigned int i = 0; i < c->lot_count; i++)
		check_lot(&c->lots[i]);
	hf_config_print_summary(c, f);
	fclose(f);
	must(len > 0);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char path[] = "/dev/holdfast.yaml";
	struct hf_config *c = NULL;
	char *said = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&said, &len);
	int error =
		hf_config_parse((const char *)data, size, path, "fuzz", f, &c);

	fclose(f);
	if (error) {
		must(error == -EINVAL && !c);
		must(!strncmp(said, path, strlen(path)));
		must(said[len - 1] == '\n');
	} else {
		must(c && !len);
		check_config(c);
	}
	hf_config_free(c);
	free(said);
	return 0;
}
