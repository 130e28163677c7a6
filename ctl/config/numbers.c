// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which slot or lot a number means, from the configuration alone: for the
 * lamps, which know no calls, and for check.c.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"

void hf_config_slot_name(const struct hf_config_lot *lot, uint32_t slot,
			 char *name, size_t len)
{
	snprintf(name, len, "%s%0*u", lot->slot_prefix ? lot->slot_prefix : "",
		 (int)lot->slot_digits, lot->slot_first + slot);
}

static bool slot_in(const struct hf_config_lot *lot, const char *number,
		    size_t len, uint32_t *ret)
{
	const char *prefix = lot->slot_prefix ? lot->slot_prefix : "";
	size_t n = strlen(prefix);
	uint64_t value = 0;

	if (!lot->slot_digits || len != n + lot->slot_digits ||
	    strncmp(number, prefix, n))
		return false;
	for (size_t i = n; i < len; i++) {
		if (number[i] < '0' || number[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(number[i] - '0');
	}
	if (value < lot->slot_first || value > lot->slot_last)
		return false;
	*ret = (uint32_t)(value - lot->slot_first);
	return true;
}

static bool find(const struct hf_config *c, const struct hf_config_tenant *of,
		 const char *number, size_t len, unsigned int *ret_lot,
		 uint32_t *ret_slot)
{
	for (unsigned int i = 0; i < c->lot_count; i++)
		if (c->lots[i].of == of &&
		    slot_in(&c->lots[i], number, len, ret_slot)) {
			*ret_lot = i;
			return true;
		}
	return false;
}

bool hf_config_find_slot(const struct hf_config *c,
			 const struct hf_config_tenant *of, const char *number,
			 unsigned int *ret_lot, uint32_t *ret_slot)
{
	return number &&
	       find(c, of, number, strlen(number), ret_lot, ret_slot);
}

bool hf_config_find_named(const struct hf_config *c, const char *lot,
			  const char *slot, unsigned int *ret_lot,
			  uint32_t *ret_slot)
{
	for (unsigned int i = 0; lot && slot && i < c->lot_count; i++) {
		if (strcmp(c->lots[i].name, lot))
			continue;
		*ret_lot = i;
		return slot_in(&c->lots[i], slot, strlen(slot), ret_slot);
	}
	return false;
}

bool hf_config_find_lot(const struct hf_config *c,
			const struct hf_config_tenant *of, const char *number,
			unsigned int *ret_lot)
{
	for (unsigned int i = 0; number && *number && i < c->lot_count; i++) {
		const struct hf_config_lot *lot = &c->lots[i];

		if (lot->of != of)
			continue;
		if ((lot->park && !strcmp(lot->park, number)) ||
		    (lot->name && !strcmp(lot->name, number))) {
			*ret_lot = i;
			return true;
		}
	}
	return false;
}

bool hf_config_find_entry(const struct hf_config *c,
			  const struct hf_config_tenant *of, const char *entry,
			  unsigned int *ret_lot, uint32_t *ret_slot,
			  uint32_t *ret_count)
{
	const char *dash = strrchr(entry, '-');
	unsigned int lot;
	uint32_t last;

	*ret_count = 1;
	if (hf_config_find_slot(c, of, entry, ret_lot, ret_slot))
		return true;
	if (dash &&
	    find(c, of, entry, (size_t)(dash - entry), ret_lot, ret_slot) &&
	    hf_config_find_slot(c, of, dash + 1, &lot, &last) && lot == *ret_lot &&
	    last >= *ret_slot) {
		*ret_count = last - *ret_slot + 1;
		return true;
	}
	*ret_slot = *ret_count = 0;
	return hf_config_find_lot(c, of, entry, ret_lot);
}
