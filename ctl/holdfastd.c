// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdfastd, the controller: reads the command line and the configuration, puts
 * the rooms together in the order that lets each failure be told before the
 * packet path is touched, and runs the loop until it is asked to stop:
 *
 *	configuration -> control socket (is this instance free?) -> epoch ->
 *	journal -> SIP addresses -> media -> hold audio -> park logic -> calls of
 *	the journal -> "ready"
 *
 * Exit status: 0 asked to stop, 1 failed, 2 bad configuration or usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/control.h"
#include "audio/library.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/names.h"
#include "config/config.h"
#include "events/bus.h"
#include "http/http.h"
#include "events/netlink.h"
#include "media/media.h"
#include "park/park.h"
#include "presence/lamps.h"
#include "push/push.h"
#include "sip/loop.h"
#include "sip/stack.h"
#include "store/store.h"

#define HF_EXIT_FAILED	   1
#define HF_EXIT_USAGE	   2
#define HF_MEDIA_TICK_MS   100
/* How long a stop waits for the answers to its BYEs. */
#define HF_LAST_BYE_MS	   2000
/* Call ids stay readable, and rise over restarts. */
#define HF_CALLS_PER_EPOCH 1000000000ULL

static const char usage[] =
	"usage: holdfastd [--config FILE] [--instance NAME] [--verbose]\n"
	"       holdfastd --check-config FILE\n"
	"       holdfastd --help | --version\n";

static const char help[] =
	"\n"
	"Holdfast parks SIP calls: a parked caller hears hold audio sent by the\n"
	"kernel, waits in a numbered slot, is picked up from any phone, and rings\n"
	"back to who parked it when nobody comes. holdfastd is its controller. It\n"
	"runs in the foreground and prints \"ready\" once it answers SIP.\n"
	"\n"
	"  --config FILE        configuration (/etc/holdfast/holdfast.yaml)\n"
	"  --check-config FILE  say all that is wrong with FILE, or what it means,\n"
	"                       and end; touches nothing\n"
	"  --instance NAME      a second Holdfast on this host, with its own pins,\n"
	"                       socket and state (main)\n"
	"  --media bpf|memory   memory: no packet is ever sent or received; for\n"
	"                       testing the signalling without privileges (bpf)\n"
	"  --verbose            log what happens to each call\n"
	"  --version            print the version\n"
	"  --help               this\n"
	"\n"
	"SIGTERM or SIGINT hangs up every call, takes the packet path down and ends.\n"
	"SIGUSR1 ends it too, but leaves every call to the next holdfastd: parked\n"
	"callers hear music on, others talk on. So does a kill by SIGKILL.\n"
	"\n"
	"Start with a copy of holdfast.yaml.example, then:\n"
	"  holdfastd --check-config /etc/holdfast/holdfast.yaml\n"
	"  holdfastd\n"
	"  holdfastctl status\n"
	"\n"
	"Exit status: 0 asked to stop, 1 failed, 2 bad configuration or usage.\n";

struct hf_options {
	const char *config;
	const char *check;
	const char *instance;
	bool memory_media;
	bool verbose;
};

struct hf_app {
	struct hf_options options;
	struct hf_config *config;
	struct hf_loop *loop;
	struct hf_bus *bus;
	struct hf_event_netlink *netlink; /* NULL: not on this host */
	struct hf_control *control;
	struct hf_http *http;
	struct hf_sip *sip;
	struct hf_media *media;
	struct hf_library *library;
	struct hf_park *park;
	struct hf_lamps *lamps;
	struct hf_bus_reader *lamp_events;
	struct hf_push *push;
	struct hf_store *store;
	uint64_t orphans_end_ms; /* UINT64_MAX = there are none */
	bool leave;		 /* calls go on without us */
	uint32_t epoch;
	int signals;	   /* signalfd */
	int timer;	   /* timerfd of the park logic and the media tick */
	uint64_t armed_ms; /* what `timer` is set to, UINT64_MAX = off */
	uint64_t tick_ms;  /* next media tick, UINT64_MAX = no call */
	uint64_t start_ms;
	bool stopping;
	bool impatient; /* asked twice */
};

/* Tell systemd, as sd_notify(3) says: one datagram to $NOTIFY_SOCKET. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, len);
	if (path[0] == '@') /* abstract */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		   (struct sockaddr *)&to,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) <
	    0)
		hf_warn("cannot tell systemd \"%s\": %s", state,
			strerror(errno));
	close(fd);
}

/* 0 = go on, else the exit status plus one. */
static int read_options(int argc, char **argv, struct hf_options *o)
{
	static const struct option names[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", required_argument, NULL, 'k'},
		{"instance", required_argument, NULL, 'i'},
		{"media", required_argument, NULL, 'm'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	o->config = "/etc/holdfast/holdfast.yaml";
	o->instance = HF_INSTANCE_DEFAULT;
	while ((c = getopt_long(argc, argv, "hv", names, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = optarg;
			break;
		case 'i':
			o->instance = optarg;
			break;
		case 'm':
			o->memory_media = !strcmp(optarg, "memory");
			if (o->memory_media || !strcmp(optarg, "bpf"))
				break;
			fprintf(stderr,
				"holdfastd: --media is bpf or memory, not %s\n",
				optarg);
			return 1 + HF_EXIT_USAGE;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			printf("holdfastd " HF_VERSION "\n");
			return 1;
		case 'h':
			printf("%s%s", usage, help);
			return 1;
		default:
			fprintf(stderr, "%s", usage);
			return 1 + HF_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "holdfastd: what is \"%s\"?\n%s", argv[optind], usage);
	return 1 + HF_EXIT_USAGE;
}

/* The name becomes part of paths: no more than a file name may be. */
static bool instance_ok(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len && len <= 32 && !name[len];
}

static int check_config(const struct hf_options *o)
{
	struct hf_config *config;

	if (hf_config_load(o->check, o->instance, stderr, &config))
		return HF_EXIT_USAGE;
	hf_config_print_summary(config, stdout);
	hf_config_free(config);
	return 0;
}

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

static int open_media(struct hf_app *app)
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
	return open_library(app);
}

/* What phones see of the slots. */
static int open_lamps(struct hf_app *app)
{
	const struct hf_lamps_wiring wiring = {
		.config = app->config,
		.ops = hf_sip_watch_ops(),
		.stack = app->sip,
		.epoch = app->epoch,
	};
	int error = hf_lamps_create(&wiring, &app->lamps);

	if (!error)
		error = hf_bus_subscribe(app->bus, hf_lamps_event, app->lamps,
					 &app->lamp_events);
	if (!error)
		error = hf_push_create(app->config, app->lamps, &app->push);
	if (!error)
		return 0;
	hf_error("lamps: %s", strerror(-error));
	return HF_EXIT_FAILED;
}

static void slot_changed(void *arg, uint32_t slot)
{
	struct hf_app *app = arg;

	hf_lamps_slot_changed(app->lamps, slot);
	hf_http_slot_changed(app->http, slot);
}

static void journal_put(void *arg, const struct hf_store_call *call)
{
	struct hf_app *app = arg;

	if (hf_store_put_call(app->store, call))
		hf_warn("call %llu: no memory for its record",
			(unsigned long long)call->id);
}

static void journal_drop(void *arg, uint64_t call)
{
	struct hf_app *app = arg;

	hf_store_drop_call(app->store, call);
}

/* The answers that wait for their records: see before_wait(). */
static void journal_moved(void *arg)
{
	struct hf_app *app = arg;

	hf_store_settled(app->store);
}

static int open_store(struct hf_app *app)
{
	const struct hf_config *c = app->config;
	char path[4096], err[512] = "";
	int error;

	if (c->journal.path)
		snprintf(path, sizeof(path), "%s", c->journal.path);
	else
		snprintf(path, sizeof(path), "%s/journal.db",
			 c->control.state_dir);
	error = hf_store_open(path, c->journal.sync == HF_SYNC_FULL,
			      &app->store, err, sizeof(err));
	if (!error)
		error = hf_loop_watch(app->loop, hf_store_fd(app->store),
				      journal_moved, app);
	if (!error)
		return 0;
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}

struct restored {
	struct hf_app *app;
	unsigned int calls, lost;
};

static void restore_call(void *arg, const struct hf_store_call *call)
{
	struct restored *r = arg;

	if (hf_park_restore(r->app->park, call))
		r->lost++;
	else
		r->calls++;
}

static void name_orphan(void *arg, uint32_t leg,
			const struct hf_media_leg_stats *s)
{
	const struct hf_app *app = arg;
	char local[INET_ADDRSTRLEN] = "", remote[INET_ADDRSTRLEN] = "";

	inet_ntop(AF_INET, &s->local_ip4, local, sizeof(local));
	inet_ntop(AF_INET, &s->remote_ip4, remote, sizeof(remote));
	hf_warn("leg %u (%s:%u, peer %s:%u) belongs to no call in the journal: it goes on for %u s",
		leg, local, s->local_port, remote, s->remote_port,
		app->config->journal.orphan_grace_s);
}

/* Calls of the process before us. Its media goes on meanwhile. */
static int restore_calls(struct hf_app *app)
{
	struct restored r = {.app = app};
	uint64_t start = hf_now_ms();
	bool same_boot = hf_store_same_boot(app->store);
	int error = hf_store_each_call(app->store, restore_call, &r);

	hf_media_adopted(app->media);
	if (hf_media_orphans(app->media, name_orphan, app))
		app->orphans_end_ms =
			hf_now_ms() +
			app->config->journal.orphan_grace_s * 1000ULL;
	if (r.calls || r.lost)
		hf_info("journal: %u calls taken up in %llu ms, %u ended%s",
			r.calls, (unsigned long long)(hf_now_ms() - start),
			r.lost,
			same_boot ? "" : ": this machine was started anew");
	if (!error)
		error = hf_store_start(app->store);
	if (!error)
		hf_sip_journal(app->sip, true);
	return error ? HF_EXIT_FAILED : 0;
}

static void end_orphans(struct hf_app *app, uint64_t now)
{
	uint32_t count;

	if (now < app->orphans_end_ms)
		return;
	app->orphans_end_ms = UINT64_MAX;
	count = hf_media_orphans(app->media, NULL, NULL);
	hf_media_orphans_end(app->media);
	hf_warn("media: ended %u legs that belong to no call", count);
}

static int open_park(struct hf_app *app)
{
	const struct hf_park_wiring wiring = {
		.config = app->config,
		.media = app->media,
		.signal = hf_sip_signal_ops(),
		.stack = app->sip,
		.event = hf_bus_publish,
		.event_arg = app->bus,
		.call_id_base = app->epoch * HF_CALLS_PER_EPOCH,
		.slot_changed = slot_changed,
		.slot_arg = app,
		.journal_put = journal_put,
		.journal_drop = journal_drop,
		.journal_arg = app,
	};
	int error = hf_park_create(&wiring, &app->park);

	if (error) {
		hf_error("park logic: %s", strerror(-error));
		return HF_EXIT_FAILED;
	}
	hf_lamps_attach(app->lamps, app->park, hf_now_ms());
	hf_sip_attach(app->sip, app->park);
	hf_sip_attach_lamps(app->sip, app->lamps, &hf_watch_calls);
	hf_control_attach_lamps(app->control, app->lamps);
	hf_control_attach(app->control, app->park, app->media);
	hf_http_not_ready(app->http, NULL);
	hf_control_attach_library(app->control, app->library);
	return restore_calls(app);
}

static void http_asks(void *arg)
{
	struct hf_app *app = arg;

	if (app->park)
		hf_park_run(app->park, hf_now_ms());
	hf_http_dispatch(app->http);
}

/* Everything that can be refused without having touched the packet path. */
static int open_signalling(struct hf_app *app)
{
	struct hf_control_wiring control = {
		.config = app->config,
		.bus = app->bus,
		.version = HF_VERSION,
		.start_ms = app->start_ms,
	};
	struct hf_sip_wiring sip = {
		.loop = app->loop,
		.config = app->config,
	};
	char err[512] = "";
	int error;

	error = hf_control_create(&control, &app->control, err, sizeof(err));
	if (!error)
		error = hf_http_create(hf_control_live(app->control),
				       &app->http, err, sizeof(err));
	if (!error && app->http)
		error = hf_loop_watch(app->loop, hf_http_fd(app->http),
				      http_asks, app);
	if (!error)
		error = hf_epoch_next(app->config->control.state_dir,
				      &app->epoch, err, sizeof(err));
	sip.epoch = app->epoch;
	if (!error && open_store(app))
		return HF_EXIT_FAILED;
	if (!error)
		error = hf_sip_create(&sip, &app->sip, err, sizeof(err));
	if (!error)
		return 0;
	hf_error("%s", err[0] ? err : strerror(-error));
	return HF_EXIT_FAILED;
}

static void arm(struct hf_app *app, uint64_t at_ms)
{
	struct itimerspec when = {0};

	if (at_ms == app->armed_ms)
		return;
	app->armed_ms = at_ms;
	if (at_ms != UINT64_MAX) {
		when.it_value.tv_sec = (time_t)(at_ms / 1000);
		when.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000 + 1;
	}
	if (timerfd_settime(app->timer, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		hf_error("timer: %s", strerror(errno));
}

/* Before each sleep: what is the next thing to be done without being asked? */
static void before_wait(void *arg)
{
	struct hf_app *app = arg;
	uint64_t next, lamps;

	if (!app->park)
		return;
	if (hf_sip_holds(app->sip))
		hf_sip_settled(app->sip, hf_store_settled(app->store),
			       hf_store_ticket(app->store));
	hf_http_flush(app->http);
	next = hf_park_next_ms(app->park);
	if (app->orphans_end_ms < next)
		next = app->orphans_end_ms;
	if (app->tick_ms == UINT64_MAX) {
		struct hf_park_totals totals;

		hf_park_totals(app->park, &totals);
		if (totals.calls)
			app->tick_ms = hf_now_ms() + HF_MEDIA_TICK_MS;
	}
	next = next < app->tick_ms ? next : app->tick_ms;
	if (hf_lamps_next_ms(app->lamps) <= hf_now_ms())
		hf_lamps_run(app->lamps, hf_now_ms());
	lamps = hf_lamps_next_ms(app->lamps);
	arm(app, next < lamps ? next : lamps);
}

static void timer_due(void *arg)
{
	struct hf_app *app = arg;
	struct hf_park_totals totals;
	uint64_t now = hf_now_ms(), ticks;

	if (read(app->timer, &ticks, sizeof(ticks)) < 0 && errno != EAGAIN)
		hf_error("timer: %s", strerror(errno));
	app->armed_ms = UINT64_MAX;
	if (!app->park)
		return;
	hf_park_run(app->park, now);
	end_orphans(app, now);
	if (now < app->tick_ms)
		return;
	hf_media_tick(app->media);
	/* One tick after the last call, then rest. */
	hf_park_totals(app->park, &totals);
	app->tick_ms = totals.calls ? now + HF_MEDIA_TICK_MS : UINT64_MAX;
}

static void control_readable(void *arg)
{
	struct hf_app *app = arg;

	if (app->park)
		hf_park_run(app->park, hf_now_ms());
	hf_control_dispatch(app->control);
}

static void signal_came(void *arg)
{
	struct hf_app *app = arg;
	struct signalfd_siginfo info;

	while (read(app->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			hf_warn("SIGHUP: this version cannot reload; restart to apply a new configuration");
			continue;
		}
		app->leave = info.ssi_signo == SIGUSR1;
		app->impatient = app->stopping;
		app->stopping = true;
		hf_loop_stop(app->loop);
	}
}

static int open_loop(struct hf_app *app)
{
	sigset_t set;
	int error = hf_loop_create(&app->loop);

	if (error) {
		hf_error("event loop: %s", strerror(-error));
		return HF_EXIT_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	app->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	app->timer =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (app->signals < 0 || app->timer < 0 ||
	    hf_loop_watch(app->loop, app->signals, signal_came, app) ||
	    hf_loop_watch(app->loop, app->timer, timer_due, app)) {
		hf_error("event loop: %s", strerror(errno));
		return HF_EXIT_FAILED;
	}
	hf_loop_before_wait(app->loop, before_wait, app);
	return 0;
}

static int open_all(struct hf_app *app)
{
	int error = open_loop(app);

	if (!error && hf_bus_create(0, &app->bus)) {
		hf_error("event bus: out of memory");
		error = HF_EXIT_FAILED;
	}
	if (!error)
		error = open_signalling(app);
	if (!error)
		error = open_media(app);
	/* After the media: they have loaded the module, if it can be. */
	if (!error && hf_event_netlink_open(app->bus, app->options.instance,
					    &app->netlink))
		hf_warn("events: no netlink here; the control socket has them");
	if (!error)
		error = open_lamps(app);
	if (!error)
		error = open_park(app);
	if (!error && hf_loop_watch(app->loop, hf_control_fd(app->control),
				    control_readable, app)) {
		hf_error("control socket: cannot be watched");
		error = HF_EXIT_FAILED;
	}
	return error;
}

/* The last BYEs go out and are answered, or their time is over. */
static void say_goodbye(struct hf_app *app)
{
	uint64_t until = hf_now_ms() + HF_LAST_BYE_MS;

	while (!hf_sip_idle(app->sip) && hf_now_ms() < until && !app->impatient)
		hf_loop_step(app->loop, 50);
}

/* In any state of half-openness. `hang_up`: we were asked to stop. */
static void close_all(struct hf_app *app, bool hang_up)
{
	if (app->control) {
		hf_control_attach(app->control, NULL, NULL);
		hf_http_not_ready(app->http, "stopping");
		hf_control_attach_library(app->control, NULL);
		hf_control_attach_lamps(app->control, NULL);
	}
	if (app->sip)
		hf_sip_attach_lamps(app->sip, NULL, NULL);
	if (app->lamps && hang_up)
		hf_lamps_deactivate(app->lamps, hf_now_ms());
	if (app->lamps)
		hf_lamps_attach(app->lamps, NULL, hf_now_ms());
	hf_park_destroy(app->park, hang_up);
	app->park = NULL;
	if (app->sip) {
		hf_sip_attach(app->sip, NULL);
		if (hang_up)
			say_goodbye(app);
	}
	if (app->library) {
		hf_loop_unwatch(app->loop, hf_library_fd(app->library));
		hf_library_destroy(app->library);
	}
	if (app->http) {
		hf_loop_unwatch(app->loop, hf_http_fd(app->http));
		hf_http_destroy(app->http);
	}
	/* A start that failed ends no call of the process before us. */
	hf_media_close(app->media,
		       hang_up || !hf_media_is_adopted(app->media));
	if (app->control) {
		hf_loop_unwatch(app->loop, hf_control_fd(app->control));
		hf_control_destroy(app->control);
	}
	hf_push_destroy(app->push);
	hf_lamps_destroy(app->lamps);
	hf_sip_destroy(app->sip);
	if (app->store) {
		hf_loop_unwatch(app->loop, hf_store_fd(app->store));
		hf_store_close(app->store);
	}
	if (app->lamp_events)
		hf_bus_unsubscribe(app->bus, app->lamp_events);
	hf_event_netlink_close(app->netlink);
	hf_bus_destroy(app->bus);
	if (app->loop) {
		hf_loop_unwatch(app->loop, app->signals);
		hf_loop_unwatch(app->loop, app->timer);
		hf_loop_destroy(app->loop);
	}
	if (app->signals >= 0)
		close(app->signals);
	if (app->timer >= 0)
		close(app->timer);
	hf_config_free(app->config);
}

/* All is in the journal and in the pinned maps: end as if killed, and the next
 * holdfastd takes the calls up. */
static void leave(struct hf_app *app, int status)
{
	struct hf_park_totals totals;

	hf_park_totals(app->park, &totals);
	hf_store_close(app->store);
	hf_info("left %u calls to the next holdfastd", totals.calls);
	unlink(app->config->control.socket);
	_exit(status);
}

int main(int argc, char **argv)
{
	struct hf_app app = {
		.signals = -1,
		.timer = -1,
		.armed_ms = UINT64_MAX,
		.tick_ms = UINT64_MAX,
		.orphans_end_ms = UINT64_MAX,
	};
	int status = read_options(argc, argv, &app.options);

	if (status)
		return status - 1;
	if (!instance_ok(app.options.instance)) {
		fprintf(stderr,
			"holdfastd: --instance is up to 32 letters, digits, _ and -\n");
		return HF_EXIT_USAGE;
	}
	if (app.options.check)
		return check_config(&app.options);
	hf_log_open("holdfastd",
		    app.options.verbose ? HF_LOG_DEBUG : HF_LOG_INFO);
	app.start_ms = hf_now_ms();
	if (hf_config_load(app.options.config, app.options.instance, stderr,
			   &app.config))
		return HF_EXIT_USAGE;
	status = open_all(&app);
	if (!status) {
		printf("ready\n");
		fflush(stdout);
		notify("READY=1");
		hf_loop_run(app.loop);
		notify("STOPPING=1");
		if (app.leave)
			leave(&app, 0);
	} else if (app.park && hf_media_is_adopted(app.media)) {
		leave(&app, status);
	}
	close_all(&app, !status);
	return status;
}
