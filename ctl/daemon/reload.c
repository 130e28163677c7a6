// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The configuration file anew, under running calls: read and checked whole, then
 * every room is handed the new one, in the order in which they depend on each
 * other. Until the last that can refuse has agreed, all can go back.
 *
 * The old configuration is kept: a leg that rings, a queued sound, an HTTP answer
 * may still refer to its text. What the new file no longer has but a call still
 * uses is there until it is free (hf_config_follow()); then the same text is
 * applied once more, without it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/control.h"
#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "config/config.h"
#include "daemon/app.h"
#include "http/http.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "push/push.h"
#include "records/records.h"
#include "sip/stack.h"

/* Sounds are loaded later, by a thread of their own: see now what will fail. */
static bool readable(const char *file, const char *clip, FILE *errors)
{
	if (!file || !access(file, R_OK))
		return true;
	fprintf(errors, "audio.clips: %s: %s cannot be read: %s\n", clip, file,
		strerror(errno));
	return false;
}

static bool clips_readable(const struct hf_config *c, FILE *errors)
{
	bool ok = true;

	for (unsigned int i = 0; i < c->audio.clip_count; i++) {
		const struct hf_config_clip *clip = &c->audio.clips[i];

		ok &= readable(clip->file, clip->name, errors);
		ok &= readable(clip->g729, clip->name, errors);
		for (unsigned int k = 0; k < clip->file_count; k++)
			ok &= readable(clip->files[k], clip->name, errors);
	}
	return ok;
}

static int check(struct hf_app *app, struct hf_config *next, FILE *errors)
{
	if (hf_config_fixed(app->config, next, errors) ||
	    !clips_readable(next, errors) ||
	    hf_config_follow(next, app->config, hf_park_slot_busy,
			     hf_park_lot_used, app->park, errors))
		return -EINVAL;
	return 0;
}

/* Rooms that can refuse. */
static int swap(struct hf_app *app, const struct hf_config *next, FILE *errors)
{
	char err[256] = "out of memory";
	int error = hf_sip_reload(app->sip, next, err, sizeof(err));

	if (!error) {
		error = hf_park_reload(app->park, next);
		if (error)
			hf_sip_reload(app->sip, app->config, err, sizeof(err));
	}
	if (!error) {
		error = hf_lamps_reload(app->lamps, next, hf_now_ms());
		if (error && !hf_park_reload(app->park, app->config))
			hf_sip_reload(app->sip, app->config, err, sizeof(err));
	}
	if (error)
		fprintf(errors, "%s: %s\n", next->path, err);
	return error;
}

/* Rooms that cannot. */
static void hand_over(struct hf_app *app, struct hf_config *next)
{
	const struct hf_records_limits limits = {next->history.keep_days,
						 next->history.max_mib};

	hf_media_reload(app->media, next);
	hf_library_reload(app->library, next);
	hf_control_reload(app->control, next);
	hf_http_reload(app->http, next);
	hf_records_limit(app->records, &limits);
	app->config = next;
	/* It may be talking to a PBX that hangs. */
	if (hf_push_create(next, app->lamps, app->push, &app->push))
		hf_error("lamps.push: out of memory: PBXs are told nothing until the next reload");
	hf_app_close_hooks(app);
	if (hf_app_open_hooks(app))
		hf_error("webhooks and alerts are off until the next reload");
	else
		hf_app_attach_alerts(app);
}

bool hf_app_retire(struct hf_app *app, struct hf_config *config)
{
	struct hf_config **all =
		realloc(app->retired, (app->retired_count + 1) * sizeof(*all));

	if (!all)
		return false;
	app->retired = all;
	all[app->retired_count++] = config;
	return true;
}

/* Takes the text when it is in force. */
static int apply(struct hf_app *app, char *text, size_t len, FILE *errors)
{
	struct hf_config *next = NULL;
	int error = hf_config_parse(text, len, app->options.config,
				    app->options.instance, errors, &next);

	if (!error)
		error = check(app, next, errors);
	if (!error && !hf_app_retire(app, app->config))
		error = -ENOMEM;
	if (!error) {
		error = swap(app, next, errors);
		if (error)
			app->retired_count--;
	}
	if (error) {
		hf_config_free(next);
		return error;
	}
	hand_over(app, next);
	app->leaving_ms = next->leaving ? hf_now_ms() + HF_LEAVING_MS
					: UINT64_MAX;
	if (text != app->config_text) {
		free(app->config_text);
		app->config_text = text;
		app->config_len = len;
		app->text_of_start = false;
		hf_app_keep_text(app, true);
	} else {
		hf_app_keep_text(app, false);
	}
	return 0;
}

/* The errors as they stand in the file, one a line. */
static int reload(struct hf_app *app, char **said)
{
	size_t said_len = 0, len = 0;
	FILE *errors = open_memstream(said, &said_len);
	char *text = NULL;
	int error;

	if (!errors)
		return -ENOMEM;
	error = app->park ? hf_config_read(app->options.config, &text, &len)
			  : -EAGAIN;
	if (error)
		fprintf(errors, "%s: cannot be read: %s\n",
			app->options.config, strerror(-error));
	else if (app->config_text && !app->text_of_start &&
		 len == app->config_len &&
		 !memcmp(text, app->config_text, len))
		fprintf(errors, "the file has not changed\n");
	else
		error = apply(app, text, len, errors);
	if (text != app->config_text)
		free(text);
	if (!error && app->config->leaving)
		fprintf(errors,
			"%u lots go, in whole or in part, when the last call has left them\n",
			app->config->leaving);
	fclose(errors);
	return error;
}

static void log_lines(const char *text, bool failed)
{
	while (*text) {
		int n = (int)strcspn(text, "\n");

		if (failed)
			hf_error("reload: %.*s", n, text);
		else
			hf_info("reload: %.*s", n, text);
		text += n + (text[n] == '\n');
	}
}

int hf_app_reload(void *arg, char *why, size_t len)
{
	struct hf_app *app = arg;
	char *said = NULL, state[64];
	int error;

	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)(hf_now_ns() / 1000));
	hf_notify(state);
	error = reload(app, &said);
	hf_notify("READY=1");
	if (error)
		hf_error("reload: %s is not applied; all goes on as before",
			 app->options.config);
	else
		hf_info("reload: %s is in force", app->options.config);
	log_lines(said ? said : "", error);
	snprintf(why, len, "%s", said ? said : strerror(ENOMEM));
	while (*why && why[strlen(why) - 1] == '\n')
		why[strlen(why) - 1] = '\0';
	free(said);
	return error;
}

void hf_app_reload_by_signal(struct hf_app *app, int64_t uid, long pid)
{
	char why[1024] = "";
	int error = hf_app_reload(app, why, sizeof(why));

	hf_app_record_signal(app, "reload", uid, pid, error ? "failed" : "ok",
			     why);
}

void hf_app_let_go(struct hf_app *app, uint64_t now)
{
	char *said = NULL;
	size_t len = 0;
	FILE *errors;

	if (now < app->leaving_ms)
		return;
	app->leaving_ms = now + HF_LEAVING_MS;
	if (hf_park_leaving(app->park) >= app->config->leaving)
		return;
	errors = open_memstream(&said, &len);
	if (!errors)
		return;
	if (apply(app, app->config_text, app->config_len, errors))
		app->leaving_ms = now + 60000;
	else
		hf_info("reload: what was to go is gone, but for %u lots",
			app->config->leaving);
	fclose(errors);
	free(said);
}

void hf_app_close_reload(struct hf_app *app)
{
	for (unsigned int i = 0; i < app->retired_count; i++)
		hf_config_free(app->retired[i]);
	free(app->retired);
	free(app->config_text);
}
