// SPDX-License-Identifier: GPL-2.0-or-later
/* holdfastctl lot: the lots at a glance, and what an INVITE would mean. */
#include <string.h>

#include "internal.h"
#include "table.h"

/* The lots stand in the answer to "status". */
int hf_cli_lots(struct hf_cli *cli, const struct hf_command *command,
		const char *arg)
{
	json_t *answer = NULL;
	int status = hf_cli_ask(
		cli, json_pack("{s:s}", "command", "status"), &answer);
	json_t *lots = json_object_get(answer, "lots");

	if (!status && cli->json)
		hf_cli_print_json(cli, lots);
	else if (!status)
		command->show(cli, lots);
	json_decref(answer);
	return status;
}

void hf_show_lots(struct hf_cli *cli, const json_t *lots)
{
	static const char *const titles[] = { "LOT", ">PARK AT", ">SLOTS",
					      ">FREE", "TENANT", NULL };
	static const char *const plain[] = { "LOT", ">PARK AT", ">SLOTS",
					     ">FREE", NULL };
	const char *only = hf_cli_option(cli, "tenant");
	bool tenants = hf_json_any(lots, "tenant");
	struct hf_table t;
	json_t *lot;
	size_t i;

	hf_table_init(&t, tenants ? titles : plain);
	json_array_foreach(lots, i, lot) {
		if (only && strcmp(hf_json_str(lot, "tenant"), only))
			continue;
		hf_table_add(&t, "%s", hf_json_str(lot, "lot"));
		hf_table_add(&t, "%s", hf_json_str(lot, "park"));
		hf_table_add(&t, "%lld", hf_json_num(lot, "slots"));
		hf_table_add(&t, "%lld", hf_json_num(lot, "slots_free"));
		if (tenants)
			hf_table_add(&t, "%s", hf_json_str(lot, "tenant"));
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
}

/* Of options to what the request calls them. NULL: not UTF-8. */
static json_t *explain_request(const struct hf_cli *cli, const char *number)
{
	static const char *const key[][2] = { { "from", "from" },
					      { "by", "transferred_by" },
					      { "source", "source" },
					      { "header", "headers" },
					      { "tenant", "tenant" } };
	json_t *call = json_object(), *r;

	for (size_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
		const char *value = hf_cli_option(cli, key[i][0]);

		if (value && json_object_set_new(call, key[i][1],
						 json_string(value))) {
			json_decref(call);
			return NULL;
		}
	}
	r = json_pack("{s:s,s:o}", "command", "lot explain", "call", call);
	if (r && !json_object_set_new(r, "number", json_string(number)))
		return r;
	json_decref(r);
	return NULL;
}

int hf_cli_explain(struct hf_cli *cli, const struct hf_command *command,
		   const char *number)
{
	json_t *answer = NULL;
	int status =
		hf_cli_ask(cli, explain_request(cli, number), &answer);

	if (!status && cli->json)
		hf_cli_print_json(cli, answer);
	else if (!status)
		command->show(cli, answer);
	json_decref(answer);
	return status;
}

void hf_show_explained(struct hf_cli *cli, const json_t *e)
{
	const char *lot = hf_json_str(e, "lot"), *slot = hf_json_str(e, "slot");

	fprintf(cli->out, "%s", hf_json_str(e, "verdict"));
	if (hf_json_num(e, "status"))
		fprintf(cli->out, " with %lld", hf_json_num(e, "status"));
	if (*hf_json_str(e, "tenant"))
		fprintf(cli->out, ", tenant %s", hf_json_str(e, "tenant"));
	if (*lot || *slot)
		fprintf(cli->out, ": lot %s", lot);
	if (*slot)
		fprintf(cli->out, ", slot %s", slot);
	if (*hf_json_str(e, "reason"))
		fprintf(cli->out, ", %s", hf_json_str(e, "reason"));
	fprintf(cli->out, "\nrule %s: %s\n", hf_json_str(e, "rule"),
		hf_json_str(e, "text"));
	if (*hf_json_str(e, "routing"))
		fprintf(cli->out, "routing %s\n", hf_json_str(e, "routing"));
	if (!json_is_true(json_object_get(e, "trusted")))
		fprintf(cli->out, "the source is not in sip.trusted: transfer "
				  "headers are not believed\n");
}
