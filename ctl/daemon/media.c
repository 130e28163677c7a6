// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The packet path, the sounds it plays and the keys it hears.
 */
#include <string.h>

#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "daemon/app.h"
#include "events/bus.h"
#include "media/media.h"
#include "park/park.h"
#include "sip/loop.h"

static void library_readable(void *arg)
{
	struct hf_app *app = arg;

	hf_library_dispatch(app->library);
}

static int open_library(struct hf_app *app)
{
	char err[512] = "";
	int error = hf_library_create(app->config, app->media, &app->library);

	if (!error)
		error = hf_library_load(app->library, err, sizeof(err));
	if (error) {
		hf_error("%s", err[0] ? err : strerror(-error));
		return HF_EXIT_USAGE;
	}
	if (!hf_loop_watch(app->loop, hf_library_fd(app->library),
			   library_readable, app))
		return 0;
	hf_error("sound library: cannot be watched");
	return HF_EXIT_FAILED;
}

static void key_pressed(void *arg, uint32_t leg, char digit, uint32_t ms)
{
	struct hf_app *app = arg;

	hf_park_run(app->park, hf_now_ms());
	hf_park_digit(app->park, leg, digit, ms);
}

static void party_silent(void *arg, uint32_t leg, bool silent, uint32_t seconds)
{
	struct hf_app *app = arg;

	hf_park_run(app->park, hf_now_ms());
	hf_park_silent(app->park, leg, silent, seconds);
}

static void device_news(void *arg, enum hf_media_device_news news,
			const char *text)
{
	static const enum hf_event_type type[] = {
		[HF_MEDIA_DEVICE_LOST] = HF_EVENT_MEDIA_DEVICE_LOST,
		[HF_MEDIA_DEVICE_BACK] = HF_EVENT_MEDIA_DEVICE_BACK,
		[HF_MEDIA_DEVICE_CHANGED] = HF_EVENT_MEDIA_DEVICE_CHANGED,
	};
	const struct hf_event e = {.type = type[news], .reason = text};
	struct hf_app *app = arg;

	if (news == HF_MEDIA_DEVICE_LOST)
		hf_warn("media: %s", text);
	else
		hf_info("media: %s", text);
	hf_bus_publish(app->bus, &e);
}

static void devices_readable(void *arg)
{
	struct hf_app *app = arg;

	hf_media_devices_dispatch(app->media);
}

static void media_readable(void *arg)
{
	struct hf_app *app = arg;

	hf_media_dispatch(app->media);
}

int hf_app_listen(struct hf_app *app)
{
	const struct hf_media_ears ears = {.digit = key_pressed,
					  .silent = party_silent,
					  .device = device_news,
					  .arg = app};
	int fd = hf_media_fd(app->media);
	int news = hf_media_devices_fd(app->media);

	hf_media_listen(app->media, &ears);
	hf_media_dispatch(app->media); /* pressed while nobody was here */
	hf_media_devices_dispatch(app->media);
	if (fd < 0 || (!hf_loop_watch(app->loop, fd, media_readable, app) &&
		       !hf_loop_watch(app->loop, news, devices_readable, app)))
		return 0;
	hf_error("keys of parties and devices: cannot be watched");
	return HF_EXIT_FAILED;
}

int hf_app_prepare(const struct hf_app *app)
{
	char err[1024] = "";
	int error = hf_media_prepare(app->config, err, sizeof(err));

	if (!error)
		return 0;
	hf_error("packet programs: %s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}

int hf_app_open_media(struct hf_app *app)
{
	char err[512] = "";
	int error = 0;

	if (app->options.memory_media)
		error = hf_media_open_memory(app->config, &app->media, err,
					     sizeof(err));
	else
		error = hf_media_open_bpf(app->config, &app->media, err,
					  sizeof(err));
	if (error) {
		hf_error("%s", err[0] ? err : strerror(-error));
		return HF_EXIT_FAILED;
	}
	if (app->options.memory_media)
		hf_warn("--media memory: for testing, nobody hears anything");
	error = open_library(app);
	if (!error)
		hf_media_settle(app->media); /* it has begun meanwhile */
	return error;
}
