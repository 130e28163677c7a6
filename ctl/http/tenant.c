// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A user of one tenant sees its lots, calls and history and nothing of anybody
 * else's: what is not surely its own is left out. Rows say whose they are, by
 * `tenant` or, of the history, by `lot`; figures of the whole machine have no
 * owner and are refused. loop.c asks here for each answer, route.c for each path.
 */
#include "internal.h"

#include <string.h>

static const struct hf_config_lot *lot_named(const struct hf_config *c,
					     const char *name)
{
	for (unsigned int i = 0; name && i < c->lot_count; i++)
		if (!strcmp(c->lots[i].name, name))
			return &c->lots[i];
	return NULL;
}

static bool is(const char *tenant, const char *whose)
{
	return whose && !strcmp(tenant, whose);
}

bool hf_tenant_owns(const struct hf_config *c, const char *tenant,
		    const json_t *row)
{
	const json_t *of = json_object_get(row, "tenant");
	const struct hf_config_lot *lot;

	if (!tenant)
		return true;
	if (of)
		return is(tenant, json_string_value(of));
	lot = lot_named(c, json_string_value(json_object_get(row, "lot")));
	return lot && is(tenant, lot->tenant);
}

void hf_tenant_filter(const struct hf_config *c, const char *tenant,
		      json_t *rows)
{
	for (size_t i = json_array_size(rows); tenant && i--;)
		if (!hf_tenant_owns(c, tenant, json_array_get(rows, i)))
			json_array_remove(rows, i);
}

json_t *hf_tenant_show(const struct hf_config *c, const char *tenant,
		       json_t *answer)
{
	if (!answer || json_object_get(answer, "error") ||
	    hf_tenant_owns(c, tenant, answer))
		return answer;
	json_decref(answer);
	return hf_request_error(HF_ERR_NOT_FOUND, "there is no such call");
}

bool hf_tenant_may_ask(const char *path)
{
	static const char *const of_lots[] = {
		"/api/v1/events",	 "/api/v1/acts",
		"/api/v1/lots",		 "/api/v1/slots",
		"/api/v1/calls",	 "/api/v1/calls/",
		"/api/v1/stats/lots",	 "/api/v1/stats/hours",
		"/api/v1/history/calls", "/api/v1/history/calls/"};

	for (size_t i = 0; i < sizeof(of_lots) / sizeof(*of_lots); i++)
		if (!strcmp(path, of_lots[i]))
			return true;
	return false;
}

const char *hf_tenant_only_lot(const struct hf_config *c, const char *tenant)
{
	const char *name = NULL;

	for (unsigned int i = 0; i < c->lot_count; i++) {
		if (!is(tenant, c->lots[i].tenant))
			continue;
		if (name)
			return NULL;
		name = c->lots[i].name;
	}
	return name;
}

bool hf_tenant_has_call(const struct hf_control_wiring *w, const char *tenant,
			json_int_t call)
{
	const struct hf_asker asker = {.may = HF_MAY_READ, .uid = -1};
	struct hf_answer answer;
	char line[64];
	bool has;

	snprintf(line, sizeof(line), "{\"command\":\"call show\",\"call\":%lld}",
		 (long long)call);
	hf_request_answer(w, &asker, line, strlen(line), &answer);
	has = hf_tenant_owns(w->config, tenant, answer.json);
	json_decref(answer.json);
	return has;
}
