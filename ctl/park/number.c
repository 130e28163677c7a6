// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a Request-URI names: a lot or a slot, and by prefix or parameter what is
 * wanted of it. decide.c says what the INVITE then means.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "internal.h"

bool hf_uri_value(const char *params, const char *name, char *out, size_t len)
{
	size_t skip = strlen(name);

	while (params && *params) {
		size_t n = strcspn(params, ";");

		if (n > skip && !strncasecmp(params, name, skip)) {
			snprintf(out, len, "%.*s", (int)(n - skip),
				 params + skip);
			return true;
		}
		params += n + (params[n] == ';');
	}
	return false;
}

/* Behind park+ or orbit=: a slot, or a whole lot. */
static enum hf_number_kind park_target(struct hf_park *park,
				       const struct hf_config_tenant *of,
				       const char *number, struct hf_lot **lot,
				       struct hf_slot **slot)
{
	*slot = hf_slot_by_number(park, of, number);
	*lot = *slot ? (*slot)->lot : hf_lot_by_number(park, of, number);
	return HF_NUMBER_PARK_ONLY;
}

enum hf_number_kind hf_number_read(struct hf_park *park,
				   const struct hf_invite *in,
				   struct hf_lot **lot, struct hf_slot **slot)
{
	const struct hf_config_tenant *of = in->tenant;
	const char *user = in->target.user ?: "";
	char number[64];

	*lot = NULL;
	*slot = NULL;
	if (hf_uri_value(in->target_params, "orbit=", number, sizeof(number)))
		return park_target(park, of, number, lot, slot);
	if (!strncasecmp(user, "park+", 5))
		return park_target(park, of, user + 5, lot, slot);
	if ((*lot = hf_lot_by_number(park, of, user)))
		return HF_NUMBER_LOT;
	if ((*slot = hf_slot_by_number(park, of, user))) {
		*lot = (*slot)->lot;
		return HF_NUMBER_SLOT;
	}
	if ((*lot = hf_lot_by_oldest(park, of, user)))
		return HF_NUMBER_OLDEST;
	if (hf_slot_by_prefix(park, of, user, true, lot, slot)) {
		if (!*slot)
			*lot = NULL; /* a prefix alone is no wish for any */
		return HF_NUMBER_PARK_ONLY;
	}
	if (hf_slot_by_prefix(park, of, user, false, lot, slot))
		return HF_NUMBER_PICK_UP;
	return HF_NUMBER_UNKNOWN;
}
