// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers about sip.register, built from the view of ctl/sip. */
#include <string.h>

#include "events/json.h"
#include "internal.h"
#include "sip/stack.h"

static void add(void *arg, const struct hf_registration_view *v)
{
	json_t **rows = arg;
	json_t *row = json_pack(
		"{s:o,s:o,s:o,s:o,s:I,s:I,s:I,s:o}", "aor",
		hf_json_text(v->aor), "registrar", hf_json_text(v->registrar),
		"contact", hf_json_text(v->contact), "state",
		hf_json_text(v->state), "expires_s", (json_int_t)v->expires_s,
		"retry_s", (json_int_t)v->retry_s, "failures",
		(json_int_t)v->failures, "reason", hf_json_text(v->why));

	if (*rows && json_array_append_new(*rows, row)) {
		json_decref(*rows);
		*rows = NULL;
	}
}

void hf_answer_registrations(const struct hf_control_wiring *w,
			     const json_t *args, struct hf_answer *ret)
{
	ret->json = json_array();
	hf_sip_each_registration(w->sip, add, &ret->json);
}

struct figures {
	json_int_t total, registered;
};

static void count(void *arg, const struct hf_registration_view *v)
{
	struct figures *f = arg;

	f->total++;
	f->registered += !strcmp(v->state, "registered");
}

json_t *hf_registrations_json(const struct hf_control_wiring *w)
{
	struct figures f = {0};

	hf_sip_each_registration(w->sip, count, &f);
	return json_pack("{s:I,s:I}", "total", f.total, "registered",
			 f.registered);
}
