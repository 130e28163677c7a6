/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control protocol over a real socket, with a made-up park behind it
 * (fake_views.h): for test_api.c and test_api_lines.c.
 */
#ifndef HOLDFAST_TEST_API_WORLD_H
#define HOLDFAST_TEST_API_WORLD_H

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/control.h"
#include "api/internal.h"
#include "base/clock.h"
#include "events/bus.h"
#include "fake_views.h"
#include "test.h"

/* each test uses some of this */
#pragma GCC diagnostic ignored "-Wunused-function"

#define DEADLINE_MS 5000

struct world {
	char dir[64], path[96];
	struct hf_bus *bus;
	struct hf_control *control;
	char line[1 << 20]; /* the last line read */
	char rest[1 << 20]; /* read but not yet taken */
	size_t rest_len;
};
static struct world w;

static void attach(void)
{
	static int park, media; /* the fakes look at neither */

	hf_control_attach(w.control, (struct hf_park *)&park,
			  (struct hf_media *)&media);
}

static int open_world(void)
{
	struct hf_control_wiring wiring = { .config = &fake_config,
					    .version = "1.2.3" };
	char err[256];

	memset(&w, 0, sizeof(w));
	strcpy(w.dir, "/tmp/holdfast-test-api-XXXXXX");
	if (!mkdtemp(w.dir))
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/sub/control.sock", w.dir);
	fake_config.control.socket = w.path;
	fake_extra_slots = fake_extra_calls = 0;
	fake_even_calls_ended = false;
	if (hf_bus_create(0, &w.bus))
		return -1;
	wiring.bus = w.bus;
	wiring.start_ms = hf_now_ms();
	if (hf_control_create(&wiring, &w.control, err, sizeof(err))) {
		printf("# %s\n", err);
		return -1;
	}
	attach();
	return 0;
}

static void close_world(void)
{
	char name[128];

	hf_control_destroy(w.control);
	hf_bus_destroy(w.bus);
	snprintf(name, sizeof(name), "%s.lock", w.path);
	unlink(name);
	snprintf(name, sizeof(name), "%s/sub", w.dir);
	rmdir(name);
	rmdir(w.dir);
}

static int dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", w.path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	w.rest_len = 0;
	return fd;
}

/* Let the daemon's side run until it has nothing to do. */
static void turn(void)
{
	struct pollfd p = { .fd = hf_control_fd(w.control), .events = POLLIN };

	for (int i = 0; i < 100000 && poll(&p, 1, 0) > 0; i++)
		hf_control_dispatch(w.control);
}

/* The next line the daemon sends, without its end; NULL: closed or too late. */
static const char *read_line(int fd)
{
	uint64_t end_ms = hf_now_ms() + DEADLINE_MS;

	while (hf_now_ms() < end_ms) {
		struct pollfd p[2] = { { .fd = hf_control_fd(w.control),
					 .events = POLLIN },
				       { .fd = fd, .events = POLLIN } };
		char *end = memchr(w.rest, '\n', w.rest_len);
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - w.rest);

			memcpy(w.line, w.rest, len);
			w.line[len] = '\0';
			w.rest_len -= len + 1;
			memmove(w.rest, end + 1, w.rest_len);
			return w.line;
		}
		poll(p, 2, 100);
		if (p[0].revents)
			hf_control_dispatch(w.control);
		n = recv(fd, w.rest + w.rest_len, sizeof(w.rest) - w.rest_len,
			 MSG_DONTWAIT);
		if (n == 0)
			return NULL;
		if (n > 0)
			w.rest_len += (size_t)n;
	}
	printf("# no line within %d ms\n", DEADLINE_MS);
	return NULL;
}

/* Nothing more comes, because the daemon has closed, not because it is late. */
static int is_closed(int fd)
{
	char byte;

	return !read_line(fd) && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static json_t *read_json(int fd)
{
	const char *line = read_line(fd);

	return line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static json_t *ask(int fd, const char *request)
{
	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 ||
	    send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
		return NULL;
	return read_json(fd);
}

static const char *text(json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static json_int_t number(json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	return json_is_integer(value) ? json_integer_value(value) : -99;
}

static const char *error_code(json_t *answer)
{
	return text(json_object_get(answer, "error"), "code");
}

static const char *error_text(json_t *answer)
{
	return text(json_object_get(answer, "error"), "message");
}

static int refused(int fd, const char *request, const char *code)
{
	json_t *a = ask(fd, request);
	const char *got = error_code(a);
	int as_said = got && !strcmp(got, code) && error_text(a) &&
		      *error_text(a) && json_object_size(a) == 1;

	if (!as_said)
		printf("# %s gives %s\n", request, w.line);
	json_decref(a);
	return as_said;
}

static void publish(enum hf_event_type type)
{
	struct hf_event event = { .type = type, .call = 17, .lot = "main",
				  .slot = "701", .caller_name = FAKE_NAME };

	hf_bus_publish(w.bus, &event);
}

#endif
