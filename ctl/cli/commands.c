// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The one table of what holdfastctl can do. Help, man page and bash completion
 * are compared with it by tests/e2e/ctl_words.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* NULL if the argument is not UTF-8. */
static json_t *make_request(const struct hf_cli *cli,
			    const struct hf_command *command, const char *arg)
{
	json_t *request, *value = NULL;
	char name[64];

	hf_command_name(command, name, sizeof(name));
	if (!strcmp(name, "stats counters"))
		name[strlen("stats")] = '\0'; /* as it has always been */
	request = json_pack("{s:s}", "command", name);
	if (!arg)
		return request;
	if (command->key2 && cli->second &&
	    json_object_set_new(request, command->key2,
				json_string(cli->second))) {
		json_decref(request);
		return NULL;
	}
	value = command->number ? json_integer(atoll(arg)) : json_string(arg);
	if (!json_object_set_new(request, command->key, value))
		return request;
	json_decref(request);
	return NULL;
}

int hf_cli_ask(struct hf_cli *cli, json_t *request, json_t **ret)
{
	int status = hf_cli_connect(cli);

	if (!status)
		status = hf_cli_send(cli, request);
	else
		json_decref(request);
	if (!status)
		status = hf_cli_receive(cli, ret);
	if (!status && hf_cli_is_error(cli, *ret))
		status = HF_EXIT_FAILED;
	hf_cli_disconnect(cli);
	return status;
}

/* Ask the question of the command's name, show the answer. */
static int ask(struct hf_cli *cli, const struct hf_command *command,
	       const char *arg)
{
	json_t *answer = NULL;
	int status = hf_cli_ask(cli, make_request(cli, command, arg), &answer);

	if (!status && cli->json)
		hf_cli_print_json(cli, answer);
	else if (!status)
		command->show(cli, answer);
	json_decref(answer);
	return status;
}

const struct hf_object hf_objects[] = {
	{ "status", "the daemon at a glance" },
	{ "lot", "groups of slots, and the rules that lead there" },
	{ "slot", "where calls wait" },
	{ "call", "the calls that wait, ring back or talk" },
	{ "leg", "the RTP endpoints of the calls" },
	{ "subscription", "who has lamps" },
	{ "registration", "which registrars know where we are" },
	{ "audio", "what callers hear" },
	{ "webhook", "who is told over HTTP" },
	{ "history", "calls that are over, and who did what" },
	{ "stats", "what has been counted" },
	{ "reload", "apply the configuration file anew" },
	{ "drain", "take no new calls, or take them again" },
	{ "monitor", "events as they happen" },
	{ NULL, NULL },
};

const struct hf_command hf_commands[] = {
	{ .object = "status",
	  .args = "",
	  .summary = "instance, engine, devices, calls, lots",
	  .example = "holdfastctl -j status | jq -r .engine",
	  .run = ask,
	  .show = hf_show_status },
	{ .object = "lot",
	  .command = "list",
	  .args = "",
	  .summary = "every lot with its park number and room",
	  .example = "holdfastctl lot list",
	  .run = hf_cli_lots,
	  .show = hf_show_lots },
	{ .object = "lot",
	  .command = "explain",
	  .args = "NUMBER",
	  .key = "number",
	  .summary = "what dialling a number would mean, and why",
	  .example = "holdfastctl lot explain 700 --from sip:1001@pbx.example.com",
	  .run = hf_cli_explain,
	  .show = hf_show_explained },
	{ .object = "slot",
	  .command = "list",
	  .args = "[LOT]",
	  .key = "lot",
	  .summary = "every slot and who waits in it",
	  .example = "holdfastctl slot list main",
	  .run = hf_cli_slots,
	  .show = hf_show_slots },
	{ .object = "call",
	  .command = "list",
	  .args = "",
	  .summary = "one line for each call",
	  .example = "holdfastctl call list",
	  .run = ask,
	  .show = hf_show_calls },
	{ .object = "call",
	  .command = "show",
	  .args = "ID",
	  .key = "call",
	  .number = true,
	  .summary = "a call's parties, media and times",
	  .example = "holdfastctl call show 17",
	  .run = ask,
	  .show = hf_show_call },
	{ .object = "call",
	  .command = "move",
	  .args = "ID SLOT",
	  .key = "call",
	  .key2 = "to",
	  .number = true,
	  .summary = "give a waiting call another slot or lot",
	  .example = "holdfastctl call move 17 705",
	  .run = ask,
	  .show = hf_show_act },
	{ .object = "call",
	  .command = "kick",
	  .args = "ID",
	  .key = "call",
	  .number = true,
	  .summary = "end a call",
	  .example = "holdfastctl call kick 17",
	  .run = ask,
	  .show = hf_show_act },
	{ .object = "call",
	  .command = "retrieve",
	  .args = "ID URI",
	  .key = "call",
	  .key2 = "for",
	  .number = true,
	  .summary = "call somebody and join the waiting caller",
	  .example = "holdfastctl call retrieve 17 sip:1002@pbx.example.com",
	  .run = ask,
	  .show = hf_show_act },
	{ .object = "call",
	  .command = "step-in",
	  .args = "ID URI",
	  .key = "call",
	  .key2 = "for",
	  .number = true,
	  .summary = "talk to a waiting caller, who keeps the slot",
	  .example = "holdfastctl call step-in 17 sip:1002@pbx.example.com",
	  .run = ask,
	  .show = hf_show_act },
	{ .object = "call",
	  .command = "page",
	  .args = "ID [ZONE]",
	  .key = "call",
	  .key2 = "zone",
	  .number = true,
	  .summary = "call a waiting call out in a paging zone",
	  .example = "holdfastctl call page 17 warehouse",
	  .run = ask,
	  .show = hf_show_act },
	{ .object = "reload",
	  .args = "",
	  .summary = "apply the configuration file, whole or not at all",
	  .example = "holdfastctl reload",
	  .run = ask,
	  .show = hf_show_reload },
	{ .object = "drain",
	  .args = "MODE",
	  .key = "mode",
	  .summary = "on: new calls get 503, others go on; off",
	  .example = "holdfastctl drain on",
	  .run = ask,
	  .show = hf_show_drain },
	{ .object = "leg",
	  .command = "list",
	  .args = "",
	  .summary = "one line for each leg in use",
	  .example = "holdfastctl leg list",
	  .run = ask,
	  .show = hf_show_legs },
	{ .object = "leg",
	  .command = "show",
	  .args = "LEG",
	  .key = "leg",
	  .number = true,
	  .summary = "a leg's addresses, packets, loss, jitter and round trip",
	  .example = "holdfastctl leg show 4",
	  .run = ask,
	  .show = hf_show_leg },
	{ .object = "leg",
	  .command = "capture",
	  .args = "LEG",
	  .key = "leg",
	  .number = true,
	  .summary = "a leg's packets, both ways, into a pcapng file",
	  .example = "holdfastctl leg capture 4 --file leg4.pcapng --seconds 10",
	  .run = hf_cli_capture },
	{ .object = "subscription",
	  .command = "list",
	  .args = "",
	  .summary = "one line for each phone and lamp",
	  .example = "holdfastctl subscription list",
	  .run = ask,
	  .show = hf_show_subscriptions },
	{ .object = "registration",
	  .command = "list",
	  .args = "",
	  .summary = "one line for each entry of sip.register",
	  .example = "holdfastctl registration list",
	  .run = ask,
	  .show = hf_show_registrations },
	{ .object = "audio",
	  .command = "list",
	  .args = "",
	  .summary = "every clip, and what it takes",
	  .example = "holdfastctl audio list",
	  .run = ask,
	  .show = hf_show_clips },
	{ .object = "audio",
	  .command = "show",
	  .args = "CLIP",
	  .key = "clip",
	  .summary = "one clip, codec by codec",
	  .example = "holdfastctl audio show default",
	  .run = ask,
	  .show = hf_show_clip },
	{ .object = "audio",
	  .command = "add",
	  .args = "CLIP FILE",
	  .summary = "load a sound file under a name",
	  .example = "holdfastctl audio add default spring.flac",
	  .run = hf_cli_audio_add },
	{ .object = "audio",
	  .command = "play",
	  .args = "CLIP",
	  .summary = "call a phone (--to), play a clip to it once",
	  .example = "holdfastctl audio play default --to sip:1002@pbx.example.com",
	  .run = hf_cli_audio_play },
	{ .object = "audio",
	  .command = "remove",
	  .args = "CLIP",
	  .key = "clip",
	  .summary = "forget a clip nobody hears",
	  .example = "holdfastctl audio remove spring",
	  .run = ask,
	  .show = hf_show_removed },
	{ .object = "webhook",
	  .command = "list",
	  .args = "",
	  .summary = "one line for each webhook",
	  .example = "holdfastctl webhook list",
	  .run = ask,
	  .show = hf_show_webhooks },
	{ .object = "webhook",
	  .command = "show",
	  .args = "NAME",
	  .key = "webhook",
	  .summary = "a webhook and its newest deliveries",
	  .example = "holdfastctl webhook show team",
	  .run = ask,
	  .show = hf_show_webhook },
	{ .object = "webhook",
	  .command = "retry",
	  .args = "NAME",
	  .key = "webhook",
	  .summary = "try what waits now, and what was given up again",
	  .example = "holdfastctl webhook retry team",
	  .run = ask,
	  .show = hf_show_webhook_retry },
	{ .object = "webhook",
	  .command = "test",
	  .args = "NAME",
	  .key = "webhook",
	  .summary = "send a test, and say how it was answered",
	  .example = "holdfastctl webhook test team",
	  .run = hf_cli_webhook_test },
	{ .object = "history",
	  .command = "list",
	  .args = "",
	  .summary = "calls, the newest first, and how their waits ended",
	  .example = "holdfastctl history list --since 2d --lot main",
	  .run = hf_cli_history,
	  .show = hf_show_history },
	{ .object = "history",
	  .command = "show",
	  .args = "ID",
	  .key = "call",
	  .number = true,
	  .summary = "all that is known of one call",
	  .example = "holdfastctl history show 17",
	  .run = hf_cli_history,
	  .show = hf_show_record },
	{ .object = "history",
	  .command = "audit",
	  .args = "",
	  .summary = "who did what, from where",
	  .example = "holdfastctl history audit --who 1001 --since today",
	  .run = hf_cli_history,
	  .show = hf_show_acts },
	{ .object = "stats",
	  .command = "counters",
	  .args = "",
	  .summary = "calls and packets since the start, by name",
	  .example = "holdfastctl -j stats counters | jq .counters.relayed",
	  .run = ask,
	  .show = hf_show_stats },
	{ .object = "stats",
	  .command = "lots",
	  .args = "",
	  .summary = "waits and how they ended, by lot (24 hours)",
	  .example = "holdfastctl stats lots --since 7d",
	  .run = hf_cli_history,
	  .show = hf_show_figures },
	{ .object = "stats",
	  .command = "hours",
	  .args = "",
	  .summary = "the same by lot and hour",
	  .example = "holdfastctl stats hours --lot main --csv",
	  .run = hf_cli_history,
	  .show = hf_show_figures },
	{ .object = "monitor",
	  .args = "",
	  .summary = "one line for each event, until interrupted",
	  .example = "holdfastctl -j monitor --until retrieved",
	  .run = hf_cli_monitor },
	{ .object = NULL },
};

void hf_command_name(const struct hf_command *c, char *name, size_t len)
{
	snprintf(name, len, "%s%s%s", c->object, c->command ? " " : "",
		 c->command ? c->command : "");
}
