// SPDX-License-Identifier: GPL-2.0-or-later
/* holdfastctl webhook: who is told over HTTP, and whether it arrives. A test
 * stays until it is known how it ended. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"
#include "table.h"

#define HF_POLL_US   100000
#define HF_POLL_MOST 300 /* half a minute */

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static long long number_of(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_state(struct hf_table *t, const json_t *hook)
{
	if (!json_is_true(json_object_get(hook, "failing")))
		hf_table_add(t, "ok");
	else if (number_of(hook, "seconds_to_retry"))
		hf_table_add(t, "%s; next try in %lld s",
			     text_of(hook, "failure"),
			     number_of(hook, "seconds_to_retry"));
	else
		hf_table_add(t, "%s", text_of(hook, "failure"));
}

void hf_show_webhooks(struct hf_cli *cli, const json_t *answer)
{
	static const char *const titles[] = {
		"WEBHOOK",  "TO",	"FORMAT",   ">WAITING", ">DELIVERED",
		">FAILED", ">DROPPED", "STATE", NULL};
	struct hf_table t;
	json_t *hook;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(answer, i, hook)
	{
		hf_table_add(&t, "%s", text_of(hook, "webhook"));
		hf_table_add(&t, "%s", text_of(hook, "to"));
		hf_table_add(&t, "%s", text_of(hook, "format"));
		hf_table_add(&t, "%lld",
			     number_of(hook, "waiting") +
				     number_of(hook, "sending"));
		hf_table_add(&t, "%lld", number_of(hook, "delivered"));
		hf_table_add(&t, "%lld", number_of(hook, "failed"));
		hf_table_add(&t, "%lld", number_of(hook, "dropped"));
		print_state(&t, hook);
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
	if (!json_array_size(answer))
		fprintf(cli->out, "no webhooks are configured\n");
}

static void add_time(struct hf_table *t, long long wall_ms)
{
	time_t when = (time_t)(wall_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	hf_table_add(t, "%s", text);
}

void hf_show_webhook(struct hf_cli *cli, const json_t *hook)
{
	static const char *const titles[] = {"DELIVERY", "WHEN",      "EVENT",
					     ">CALL",	 ">ATTEMPTS", "STATE",
					     "ANSWER",	 NULL};
	struct hf_table t;
	json_t *d;
	size_t i;

	fprintf(cli->out,
		"webhook %s: %s to %s: %lld wait, %lld delivered, %lld given up, %lld dropped\n",
		text_of(hook, "webhook"), text_of(hook, "format"),
		text_of(hook, "to"),
		number_of(hook, "waiting") + number_of(hook, "sending"),
		number_of(hook, "delivered"), number_of(hook, "given_up"),
		number_of(hook, "dropped"));
	if (json_is_true(json_object_get(hook, "failing"))) {
		fprintf(cli->out, "  fails: ");
		hf_print_safe(cli->out, text_of(hook, "failure"));
		fprintf(cli->out, "\n");
	}
	hf_table_init(&t, titles);
	json_array_foreach(json_object_get(hook, "deliveries"), i, d)
	{
		hf_table_add(&t, "%lld", number_of(d, "delivery"));
		add_time(&t, number_of(d, "wall_ms"));
		hf_table_add(&t, "%s", text_of(d, "event"));
		hf_table_add(&t, "%lld", number_of(d, "call"));
		hf_table_add(&t, "%lld", number_of(d, "attempts"));
		hf_table_add(&t, "%s", text_of(d, "state"));
		hf_table_add(&t, "%s", text_of(d, "answer"));
	}
	if (i) {
		fprintf(cli->out, "\n");
		hf_table_print(&t, cli->out, 0, cli->colour);
	}
}

void hf_show_webhook_retry(struct hf_cli *cli, const json_t *answer)
{
	fprintf(cli->out, "webhook %s: %lld deliveries are tried now\n",
		text_of(answer, "webhook"), number_of(answer, "deliveries"));
}

static int exchange(struct hf_cli *cli, const char *command, const char *name,
		    json_t **ret)
{
	json_t *request = json_pack("{s:s,s:s}", "command", command, "webhook",
				    name);
	int status;

	*ret = NULL;
	if (!request)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "the name has to be UTF-8");
	status = hf_cli_send(cli, request);
	if (!status)
		status = hf_cli_receive(cli, ret);
	if (!status && hf_cli_is_error(cli, *ret))
		status = HF_EXIT_FAILED;
	if (status) {
		json_decref(*ret);
		*ret = NULL;
	}
	return status;
}

static json_t *delivery_of(const json_t *hook, long long id)
{
	json_t *d;
	size_t i;

	json_array_foreach(json_object_get(hook, "deliveries"), i, d)
		if (number_of(d, "delivery") == id)
			return d;
	return NULL;
}

/* Says how the first attempt ended; whether it is over. */
static bool told(struct hf_cli *cli, const char *name, const json_t *d,
		 int *status)
{
	const char *state = text_of(d, "state");
	bool done = !strcmp(state, "delivered");

	if (!d || (!done && !*text_of(d, "answer")))
		return false;
	if (!done)
		*status = hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
				      "webhook %s: %s", name,
				      text_of(d, "answer"));
	else if (cli->json)
		hf_cli_print_json(cli, d);
	else
		fprintf(cli->out, "webhook %s: delivered in %lld ms (%s)\n",
			name, number_of(d, "ms"), text_of(d, "answer"));
	return true;
}

int hf_cli_webhook_test(struct hf_cli *cli, const struct hf_command *command,
			const char *name)
{
	json_t *answer = NULL, *hook;
	int status = hf_cli_connect(cli);
	bool done = false;
	long long id;

	if (status)
		return status;
	status = exchange(cli, "webhook test", name, &answer);
	id = number_of(answer, "delivery");
	json_decref(answer);
	for (int i = 0; !status && !done && i < HF_POLL_MOST; i++) {
		usleep(HF_POLL_US);
		status = exchange(cli, "webhook show", name, &hook);
		if (!status)
			done = told(cli, name, delivery_of(hook, id), &status);
		json_decref(hook);
	}
	if (!status && !done)
		status = hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
				     "webhook %s: no answer yet; it waits in the queue as delivery %lld",
				     name, id);
	hf_cli_disconnect(cli);
	return status;
}
