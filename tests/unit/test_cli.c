// SPDX-License-Identifier: GPL-2.0-or-later
/* rooms: cli capture media config api events sdp base */
/* holdfastctl against the real control socket with a made-up park behind it,
 * served by a child process that publishes an event every few milliseconds. */
#include <fcntl.h>
#include <jansson.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/control.h"
#include "base/clock.h"
#include "base/names.h"
#include "cli/cli.h"
#include "events/bus.h"
#include "fake_views.h"
#include "test.h"

static struct {
	char dir[64], path[96];
	pid_t server;
	char out[1 << 18], err[8192];
	int status;
} w;

/* The server: until the pipe's other end closes. */
static void serve(int ready, int stop)
{
	struct hf_control_wiring wiring = { .config = &fake_config,
					    .version = HF_VERSION };
	static const enum hf_event_type types[] = { HF_EVENT_PARKED,
						    HF_EVENT_RECALL_STARTED,
						    HF_EVENT_RETRIEVED };
	static int park, media;
	struct hf_control *control;
	struct hf_bus *bus;
	char err[256];

	fake_config.control.socket = w.path;
	if (hf_bus_create(0, &bus))
		_exit(1);
	wiring.bus = bus;
	wiring.start_ms = hf_now_ms() - 3723000;
	if (hf_control_create(&wiring, &control, err, sizeof(err)))
		_exit(1);
	hf_control_attach(control, (struct hf_park *)&park,
			  (struct hf_media *)&media);
	if (write(ready, "!", 1) != 1)
		_exit(1);
	for (unsigned int n = 0;; n++) {
		struct hf_event event = { .type = types[n % 3], .call = 17,
					  .lot = "main", .slot = "701",
					  .caller_name = FAKE_NAME };
		struct pollfd p[2] = {
			{ .fd = hf_control_fd(control), .events = POLLIN },
			{ .fd = stop, .events = POLLIN }
		};

		poll(p, 2, 5);
		if (p[1].revents)
			break;
		hf_control_dispatch(control);
		hf_bus_publish(bus, &event);
	}
	hf_control_destroy(control);
	hf_bus_destroy(bus);
	_exit(0);
}

static int stop_fd = -1;

static int open_world(void)
{
	int ready[2], stop[2];
	char byte;

	memset(&w, 0, sizeof(w));
	setlocale(LC_CTYPE, "C.UTF-8");
	strcpy(w.dir, "/tmp/holdfast-test-cli-XXXXXX");
	if (!mkdtemp(w.dir) || pipe2(ready, O_CLOEXEC) || pipe2(stop, O_CLOEXEC))
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/control.sock", w.dir);
	fflush(stdout);
	w.server = fork();
	if (!w.server) {
		close(stop[1]);
		serve(ready[1], stop[0]);
	}
	close(ready[1]);
	close(stop[0]);
	stop_fd = stop[1];
	/* End of file instead of a byte: the server could not start. */
	if (read(ready[0], &byte, 1) != 1)
		return -1;
	close(ready[0]);
	return 0;
}

static int stop_server(void)
{
	int status = -1;

	close(stop_fd);
	stop_fd = -1;
	waitpid(w.server, &status, 0);
	return status;
}

static int close_world(void)
{
	char name[128];
	int status = stop_fd >= 0 ? stop_server() : 0;

	snprintf(name, sizeof(name), "%s.lock", w.path);
	unlink(name);
	rmdir(w.dir);
	return status;
}

/* Run holdfastctl with these words; -s and the socket are put in front. */
static int run_at(const char *path, const char *first, va_list ap)
{
	char *argv[24] = { "holdfastctl", "-s", (char *)path };
	int argc = path ? 3 : 1;
	FILE *out, *err;

	memset(w.out, 0, sizeof(w.out));
	memset(w.err, 0, sizeof(w.err));
	for (const char *a = first; a; a = va_arg(ap, const char *))
		argv[argc++] = (char *)a;
	argv[argc] = NULL;
	out = fmemopen(w.out, sizeof(w.out) - 1, "w");
	err = fmemopen(w.err, sizeof(w.err) - 1, "w");
	w.status = hf_cli_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return w.status;
}

static int run(const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	run_at(w.path, first, ap);
	va_end(ap);
	return w.status;
}

static int run_elsewhere(const char *first, ...)
{
	va_list ap;

	va_start(ap, first);
	run_at(NULL, first, ap);
	va_end(ap);
	return w.status;
}

/* Is standard output one JSON value? */
static json_t *out_json(void)
{
	return json_loads(w.out, JSON_REJECT_DUPLICATES, NULL);
}

static int out_has(const char *text)
{
	if (strstr(w.out, text))
		return 1;
	printf("# not in the output: %s\n%s\n", text, w.out);
	return 0;
}

static int err_has(const char *text)
{
	if (strstr(w.err, text))
		return 1;
	printf("# not in the error: %s\n%s\n", text, w.err);
	return 0;
}

TEST(no_words_at_all_mean_status)
{
	CHECK_INT(open_world(), 0);
	CHECK_INT(run(NULL), HF_EXIT_OK);
	CHECK(out_has("instance unit"));
	CHECK(out_has("up 1:02:0"));
	CHECK(out_has("engine     bpf (the module is not loaded)\n"));
	CHECK(out_has("sender     alive\n"));
	CHECK(out_has("device     eth0, XDP native\n"));
	CHECK(out_has("listening  udp 192.0.2.10:5060\n"));
	CHECK(out_has("lot        main, park at 700, 1 of 2 slots free\n"));
	CHECK(out_has("calls      2: 1 parked, 0 ringing back, 1 talking\n"));
	CHECK_STR(w.err, "");
	CHECK_INT(close_world(), 0);
}

TEST(the_slot_table_is_aligned_and_free_of_control_characters)
{
	CHECK_INT(open_world(), 0);
	CHECK_INT(run("slot", "list", NULL), HF_EXIT_OK);
	CHECK_STR(w.out,
		  "LOT   SLOT  LABEL  STATE   CALL  CALLER                            PARKER                    WAITING  RINGS IN\n"
		  "main   701  Sales  parked    17  J\xef\xbf\xbdrgen \"Jo\" ?[31m\\ <+4930123456>  sip:1001@pbx.example.com     0:12      1:18\n"
		  "main   702  -      free       -  -                                 -                               -         -\n");
	CHECK_INT(close_world(), 0);
}

TEST(a_beginning_that_fits_one_word_is_enough)
{
	static char list[sizeof(w.out)];

	CHECK_INT(open_world(), 0);
	CHECK_INT(run("slot", "list", NULL), HF_EXIT_OK);
	memcpy(list, w.out, sizeof(list));
	CHECK_INT(run("sl", "l", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, list);
	CHECK_INT(run("slot", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, list);
	CHECK_INT(run("sl", "li", "main", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, list);
	CHECK_INT(close_world(), 0);
}

TEST(json_and_text_show_the_same_call)
{
	json_t *call;

	CHECK_INT(open_world(), 0);
	CHECK_INT(run("call", "show", "18", NULL), HF_EXIT_OK);
	CHECK(out_has("call       18, relay\n"));
	CHECK(out_has("rule       park_number\n"));
	CHECK(out_has("192.0.2.10:20012  198.51.100.7:40000  deadbeef"));
	CHECK(out_has("retriever  sip:1002@pbx.example.com"));
	CHECK_INT(run("call", "show", "18", "-j", NULL), HF_EXIT_OK);
	CHECK(strchr(w.out, '\n') == w.out + strlen(w.out) - 1);
	call = out_json();
	CHECK_INT(json_integer_value(json_object_get(call, "call")), 18);
	json_decref(call);
	CHECK_INT(run("-p", "call", "show", "18", NULL), HF_EXIT_OK);
	CHECK(out_has("\n  \"call\": 18,\n"));
	CHECK_INT(close_world(), 0);
}

TEST(every_command_prints_json_that_can_be_read)
{
	static const char *const words[][3] = {
		{ "status" },	      { "slot", "list", "big" },
		{ "call", "list" },   { "call", "show", "17" },
		{ "leg", "list" },    { "leg", "show", "4" },
		{ "stats" },	      { "help" },
		{ "webhook", "list" }, { "webhook", "show", "team" },
		{ "webhook", "retry", "team" }, { "webhook", "test", "team" },
	};

	CHECK_INT(open_world(), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		json_t *json;

		CHECK_INT(run("-j", words[i][0], words[i][1], words[i][2],
			      NULL),
			  HF_EXIT_OK);
		json = out_json();
		CHECK(json);
		CHECK(!json_object_get(json, "error"));
		json_decref(json);
		CHECK_INT(run(words[i][0], words[i][1], words[i][2], NULL),
			  HF_EXIT_OK);
		CHECK(w.out[0] && !strchr(w.out, '\x1b'));
	}
	CHECK_INT(run("-j", "slot", "list", "big", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, "[]\n");
	CHECK_INT(close_world(), 0);
}

TEST(webhooks_are_shown_with_what_became_of_each_delivery)
{
	CHECK_INT(open_world(), 0);
	CHECK_INT(run("webhook", "list", NULL), HF_EXIT_OK);
	CHECK(out_has("team     https://hooks.example.com  slack         3"));
	CHECK(out_has("answered 503; next try in 4 s"));
	CHECK_INT(run("webhook", "show", "team", NULL), HF_EXIT_OK);
	CHECK(out_has("  fails: answered 503\n"));
	CHECK(out_has("parked      17         1  waiting    answered 503\n"));
	CHECK_INT(run("webhook", "test", "team", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, "webhook team: delivered in 0 ms (answered 200)\n");
	CHECK_INT(run("webhook", "test", "none", NULL), HF_EXIT_FAILED);
	CHECK_STR(w.err, "holdfastctl: there is no webhook \"none\"\n");
	CHECK_INT(close_world(), 0);
}

TEST(what_is_not_there_ends_with_1_and_a_sentence)
{
	json_t *json;

	CHECK_INT(open_world(), 0);
	CHECK_INT(run("call", "show", "99", NULL), HF_EXIT_FAILED);
	CHECK_STR(w.err, "holdfastctl: there is no call 99\n");
	CHECK_STR(w.out, "");
	CHECK_INT(run("-j", "slot", "list", "nowhere", NULL), HF_EXIT_FAILED);
	json = out_json();
	CHECK_STR(json_string_value(json_object_get(
			  json_object_get(json, "error"), "code")),
		  "not_found");
	json_decref(json);
	CHECK_INT(close_world(), 0);
}

TEST(wrong_usage_ends_with_2_and_says_what_would_be_right)
{
	json_t *json;

	CHECK_INT(open_world(), 0);
	CHECK_INT(run("st", NULL), HF_EXIT_USAGE);
	CHECK(err_has("\"st\" may be: status, stats"));
	CHECK_INT(run("slots", NULL), HF_EXIT_USAGE);
	CHECK(err_has("there is no object \"slots\""));
	CHECK_INT(run("slot", "lost", NULL), HF_EXIT_USAGE);
	CHECK(err_has("there is no command \"slot lost\""));
	CHECK_INT(run("slot", "", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("call", "show", NULL), HF_EXIT_USAGE);
	CHECK(err_has("call show needs ID, as in: holdfastctl call show 17"));
	CHECK_INT(run("call", "show", "x1", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("call", "show", "1", "2", NULL), HF_EXIT_USAGE);
	CHECK(err_has("too much after call show: \"2\""));
	CHECK_INT(run("status", "now", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("slot", "list", "--count", "3", NULL), HF_EXIT_USAGE);
	CHECK(err_has("--count belongs to monitor"));
	CHECK_INT(run("monitor", "--count", "0", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("--what", NULL), HF_EXIT_USAGE);
	CHECK(err_has("there is no option --what"));
	CHECK_INT(run("-i", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("-i", "../x", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("slot", "list", "\xff", NULL), HF_EXIT_USAGE);
	CHECK_INT(run("--what", "-j", NULL), HF_EXIT_USAGE);
	json = out_json();
	CHECK_STR(json_string_value(json_object_get(
			  json_object_get(json, "error"), "code")),
		  "usage");
	json_decref(json);
	CHECK_STR(w.err, "");
	CHECK_INT(close_world(), 0);
}

TEST(no_daemon_ends_with_3_and_says_how_to_start_it)
{
	json_t *json;
	int fd;

	CHECK_INT(open_world(), 0);
	CHECK_INT(stop_server(), 0);
	CHECK_INT(run(NULL), HF_EXIT_ABSENT);
	CHECK(err_has("holdfastd is not running for instance main: no socket at "));
	CHECK(err_has("start it with: holdfastd --config "));
	/* the socket of a daemon that was killed */
	fd = open(w.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	CHECK_INT(run("-j", "-i", "two", NULL), HF_EXIT_ABSENT);
	json = out_json();
	CHECK_STR(json_string_value(json_object_get(
			  json_object_get(json, "error"), "code")),
		  "not_running");
	json_decref(json);
	CHECK(out_has("nobody listens on"));
	unlink(w.path);
	CHECK_INT(run_elsewhere("-i", "no-such-instance", NULL),
		  HF_EXIT_ABSENT);
	CHECK(err_has("no socket at /run/holdfast/control-no-such-instance.sock"));
	CHECK(err_has("--instance no-such-instance"));
	CHECK_INT(close_world(), 0);
}

static int lines(void)
{
	int n = 0;

	for (const char *c = w.out; *c; c++)
		n += *c == '\n';
	return n;
}

TEST(monitor_prints_a_line_an_event_until_the_count_is_reached)
{
	char *line, *rest = NULL;
	int n = 0;

	CHECK_INT(open_world(), 0);
	CHECK_INT(run("monitor", "--count", "4", NULL), HF_EXIT_OK);
	CHECK_INT(lines(), 5);
	CHECK(out_has("listening to holdfastd " HF_VERSION ", instance unit, after event #"));
	CHECK(out_has("call 17 [main 701]: "));
	CHECK(!strchr(w.out, '\x1b'));
	CHECK_INT(run("-j", "monitor", "-n", "4", NULL), HF_EXIT_OK);
	for (line = strtok_r(w.out, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest), n++) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		CHECK(json);
		CHECK(json_object_get(json, n ? "event" : "hello"));
		json_decref(json);
	}
	CHECK_INT(n, 5);
	CHECK_INT(close_world(), 0);
}

TEST(monitor_ends_with_the_event_it_was_told_to_wait_for)
{
	CHECK_INT(open_world(), 0);
	CHECK_INT(run("monitor", "--until", "retrieved", NULL), HF_EXIT_OK);
	CHECK(out_has(" retrieved "));
	CHECK(strstr(strstr(w.out, " retrieved "), "\n")[1] == '\0');
	CHECK_INT(run("monitor", "--until", "retreived", NULL), HF_EXIT_USAGE);
	CHECK(err_has("there is no event \"retreived\"; there are: parked, "));
	CHECK_INT(close_world(), 0);
}

TEST(help_teaches_at_every_level_without_a_daemon)
{
	CHECK_INT(run_elsewhere("help", NULL), HF_EXIT_OK);
	CHECK(out_has("slot list [LOT]"));
	CHECK(out_has("Exit status: 0 done"));
	CHECK_INT(run_elsewhere("--help", NULL), HF_EXIT_OK);
	CHECK_INT(run_elsewhere("call", "help", NULL), HF_EXIT_OK);
	CHECK(out_has("Example: holdfastctl call show 17"));
	CHECK_INT(run_elsewhere("help", "mon", NULL), HF_EXIT_OK);
	CHECK(out_has("--until EVENT"));
	CHECK_INT(run_elsewhere("call", "sh", "--help", NULL), HF_EXIT_OK);
	CHECK(out_has("Usage: holdfastctl call show ID"));
	CHECK_INT(run_elsewhere("help", "nothing", NULL), HF_EXIT_USAGE);
	CHECK_INT(run_elsewhere("--version", NULL), HF_EXIT_OK);
	CHECK_STR(w.out, "holdfastctl " HF_VERSION "\n");
}

TEST(output_that_cannot_be_written_is_a_failure)
{
	char *argv[] = { "holdfastctl", "help", NULL };
	FILE *full = fopen("/dev/full", "we");
	FILE *err = fmemopen(w.err, sizeof(w.err) - 1, "w");

	if (!full || !err)
		SKIP("there is no /dev/full");
	CHECK_INT(hf_cli_run(2, argv, full, err), HF_EXIT_FAILED);
	fclose(full);
	fclose(err);
	CHECK(err_has("cannot write"));
}

TEST_MAIN()
