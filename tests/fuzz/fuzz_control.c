// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: api events sdp base */
/* Any line on the control socket gets one answer that is one line of JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "events/bus.h"
#include "../unit/fake_views.h"

static void check_answer(json_t *json)
{
	char *line = json_dumps(json, JSON_COMPACT);

	if (!line || strchr(line, '\n'))
		abort();
	free(line);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int park, media;
	struct hf_control_wiring w = { .config = &fake_config,
				       .park = (struct hf_park *)&park,
				       .media = (struct hf_media *)&media,
				       .version = "0" };
	const struct hf_asker asker = { .may = HF_MAY_READ, .uid = -1 };
	static int records;
	struct hf_answer answer;
	bool more = true;

	if (hf_bus_create(0, &w.bus))
		abort();
	w.records = (struct hf_records *)&records;
	hf_request_answer(&w, &asker, (const char *)data, len, &answer);
	if (!!answer.json + answer.monitor + !!answer.listing.more != 1)
		abort();
	if (answer.json)
		check_answer(answer.json);
	while (answer.listing.more && more) {
		json_t *rows = json_array();

		more = answer.listing.more(&w, &answer.listing, rows);
		check_answer(rows);
		answer.listing.waits = false;
	}
	hf_listing_end(&answer.listing);
	hf_bus_destroy(w.bus);
	return 0;
}
