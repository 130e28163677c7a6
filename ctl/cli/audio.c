// SPDX-License-Identifier: GPL-2.0-or-later
/* holdfastctl audio: what can be heard. Adding a file stays until it is loaded
 * and says how far it is; playing one, until it has been heard. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "table.h"

#define HF_POLL_US 200000

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static void add_state(struct hf_table *t, const json_t *clip)
{
	if (!strcmp(text_of(clip, "state"), "loading"))
		hf_table_add(t, "loading %lld %%",
			     (long long)json_integer_value(
				     json_object_get(clip, "percent")));
	else
		hf_table_add(t, "%s", text_of(clip, "state"));
}

/* The codecs in which it is in the table. */
static void add_loaded(struct hf_table *t, const json_t *clip)
{
	json_t *loaded = json_object_get(clip, "frames"), *frames;
	char text[64] = "-";
	const char *codec;
	size_t n = 0;

	json_object_foreach(loaded, codec, frames)
		if (n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "%s%s", n ? "," : "", codec);
	hf_table_add(t, "%s", text);
}

void hf_show_clips(struct hf_cli *cli, const json_t *answer)
{
	static const char *const titles[] = {"CLIP",   ">SECONDS",  ">MIB",
					     "LOADED", ">HEARD BY", "STATE",
					     "SOURCE", NULL};
	double used = json_number_value(json_object_get(answer, "kib_used"));
	double all = json_number_value(json_object_get(answer, "kib"));
	struct hf_table t;
	json_t *clip;
	size_t i;

	hf_table_init(&t, titles);
	json_array_foreach(json_object_get(answer, "clips"), i, clip)
	{
		hf_table_add(&t, "%s", text_of(clip, "clip"));
		hf_table_add(&t, "%.1f",
			     (double)json_integer_value(
				     json_object_get(clip, "ms")) /
				     1000);
		hf_table_add(&t, "%.1f",
			     json_number_value(json_object_get(clip, "kib")) /
				     1024);
		add_loaded(&t, clip);
		hf_table_add(&t, "%lld",
			     (long long)json_integer_value(
				     json_object_get(clip, "legs")));
		add_state(&t, clip);
		hf_table_add(&t, "%s", text_of(clip, "source"));
	}
	hf_table_print(&t, cli->out, 0, cli->colour);
	fprintf(cli->out, "\n%.1f of %.0f MiB used\n", used / 1024, all / 1024);
}

void hf_show_clip(struct hf_cli *cli, const json_t *clip)
{
	json_t *frames, *loaded;
	const char *codec;

	fprintf(cli->out, "clip %s: %s, %.1f s, from ", text_of(clip, "clip"),
		text_of(clip, "state"),
		(double)json_integer_value(json_object_get(clip, "ms")) / 1000);
	hf_print_safe(cli->out, text_of(clip, "source"));
	fprintf(cli->out, "%s%s\n",
		json_is_true(json_object_get(clip, "configured"))
			? ""
			: " (until holdfastd ends)",
		json_is_true(json_object_get(clip, "shared"))
			? "; all hear the same moment"
			: "");
	if (*text_of(clip, "failure")) {
		fprintf(cli->out, "  refused: ");
		hf_print_safe(cli->out, text_of(clip, "failure"));
		fprintf(cli->out, "\n");
	}
	json_object_foreach(json_object_get(clip, "encoded"), codec, frames) {
		loaded = json_object_get(json_object_get(clip, "frames"),
					 codec);
		fprintf(cli->out, "  %-5s %lld frames, %s\n", codec,
			(long long)json_integer_value(loaded ? loaded : frames),
			loaded ? "loaded" : "not in use");
	}
	fprintf(cli->out, "  %.1f KiB, heard by %lld now\n",
		json_number_value(json_object_get(clip, "kib")),
		(long long)json_integer_value(json_object_get(clip, "legs")));
}

/* One question and its answer; *ret is NULL after a failure, which is said. */
static int exchange(struct hf_cli *cli, json_t *request, json_t **ret)
{
	int status = hf_cli_send(cli, request);

	*ret = NULL;
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

/* Until the clip is there, or is refused. */
static int follow(struct hf_cli *cli, const char *name)
{
	bool show = !cli->json && isatty(fileno(cli->err));
	json_t *clip;
	int status;

	for (;;) {
		status = exchange(cli,
				  json_pack("{s:s,s:s}", "command",
					    "audio show", "clip", name),
				  &clip);
		if (status)
			return status;
		if (strcmp(text_of(clip, "state"), "loading"))
			break;
		if (show)
			fprintf(cli->err, "\r%s: %lld %% ", name,
				(long long)json_integer_value(
					json_object_get(clip, "percent")));
		json_decref(clip);
		usleep(HF_POLL_US);
	}
	if (show)
		fprintf(cli->err, "\r                              \r");
	if (!strcmp(text_of(clip, "state"), "failed"))
		status = hf_cli_fail(cli, HF_EXIT_FAILED, "failed", "%s",
				     text_of(clip, "failure"));
	else if (cli->json)
		hf_cli_print_json(cli, clip);
	else
		hf_show_clip(cli, clip);
	json_decref(clip);
	return status;
}

int hf_cli_audio_add(struct hf_cli *cli, const struct hf_command *command,
		     const char *name)
{
	char *file = realpath(cli->second, NULL);
	json_t *request, *answer;
	int status;

	if (!file)
		return hf_cli_fail(cli, HF_EXIT_FAILED, "failed", "%s: %s",
				   cli->second, strerror(errno));
	request = json_pack("{s:s,s:s,s:s}", "command", "audio add", "clip",
			    name, "file", file);
	free(file);
	if (!request)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "name and file have to be UTF-8");
	status = hf_cli_connect(cli);
	if (status) {
		json_decref(request);
		return status;
	}
	status = exchange(cli, request, &answer);
	json_decref(answer);
	if (!status)
		status = follow(cli, name);
	hf_cli_disconnect(cli);
	return status;
}

/* Until the phone has heard it, or did not answer. */
static int follow_play(struct hf_cli *cli, json_int_t play, const char *name,
		       const char *to)
{
	json_t *state;
	int status;

	for (;;) {
		status = exchange(cli,
				  json_pack("{s:s,s:I}", "command",
					    "audio playing", "play", play),
				  &state);
		if (status)
			return status;
		if (strcmp(text_of(state, "state"), "ringing") &&
		    strcmp(text_of(state, "state"), "playing"))
			break;
		json_decref(state);
		usleep(HF_POLL_US);
	}
	if (!strcmp(text_of(state, "state"), "failed"))
		status = hf_cli_fail(cli, HF_EXIT_FAILED, "failed",
				     "%s was not heard by %s: %s", name,
				     to, text_of(state, "why"));
	else if (cli->json)
		hf_cli_print_json(cli, state);
	else
		fprintf(cli->out, "%s was played to %s\n", name, to);
	json_decref(state);
	return status;
}

int hf_cli_audio_play(struct hf_cli *cli, const struct hf_command *command,
		      const char *name)
{
	const char *to = hf_cli_option(cli, "to");
	json_t *request, *answer;
	int status;

	if (!to)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "audio play needs --to URI, as in: %s",
				   command->example);
	request = json_pack("{s:s,s:s,s:s}", "command", "audio play", "clip",
			    name, "to", to);
	if (!request)
		return hf_cli_fail(cli, HF_EXIT_USAGE, "usage",
				   "name and URI have to be UTF-8");
	status = hf_cli_connect(cli);
	if (status) {
		json_decref(request);
		return status;
	}
	status = exchange(cli, request, &answer);
	if (!status)
		status = follow_play(
			cli, json_integer_value(json_object_get(answer, "play")),
			name, to);
	json_decref(answer);
	hf_cli_disconnect(cli);
	return status;
}

void hf_show_removed(struct hf_cli *cli, const json_t *answer)
{
	fprintf(cli->out, "clip %s is gone\n", text_of(answer, "clip"));
}
