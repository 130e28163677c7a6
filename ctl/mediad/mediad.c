// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The media keeper's main thread, see mediad.h: one poll() over its socket, the
 * kernel's notifications and the signals. The sender has a thread of its own,
 * so that no route lookup ever delays a frame.
 */
#include "mediad/gather.h"
#include "mediad/mediad.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "holdfast/world.h"
#include "media/pins.h"
#include "mediad/devices.h"
#include "mediad/files.h"
#include "mediad/module.h"
#include "mediad/netlink.h"
#include "mediad/nexthop.h"
#include "mediad/probe.h"
#include "mediad/report.h"
#include "mediad/sender.h"

/* How often an instance is looked for that is not there. */
#define WAIT_MS 500

enum verdict { GO_ON, QUIT, REOPEN };

struct mediad {
	struct {
		uint32_t ifindex; /* 0 = none */
		int swallows;
	} tried[HF_MAX_DEVICES]; /* before anybody called */
	const struct hf_mediad_options *options;
	struct hf_files files;
	int signal_fd;
	struct hf_gather gather;
	struct hf_pins pins;
	/* Tell these maps and this program from later ones of that name. */
	ino_t work_inode, program_inode;
	struct hf_sender *sender;
	struct hf_nexthops *nexthops;
	struct hf_devices *devices;
	struct hf_netlink *probe; /* asks for counters */
	struct hf_reports *reports; /* NULL: this host does not allow them */
	struct nl_sock *module; /* hears of it, may be NULL */
	struct hf_watchdog watchdog;
};

static int open_signals(struct mediad *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* Started by the controller, but not to end with its terminal. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	m->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->signal_fd < 0 ? -errno : 0;
}

static int open_process(struct mediad *m)
{
	const struct hf_mediad_options *o = m->options;
	int rc;

	m->signal_fd = -1;
	rc = hf_files_open(&m->files, o->instance, o->control_socket);
	if (!rc)
		rc = open_signals(m);
	m->module = hf_module_listen();
	return rc;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_process(struct mediad *m)
{
	hf_module_close(m->module);
	close_fd(m->signal_fd);
	hf_files_close(&m->files);
}

/* 0 when there is no such pin. */
static ino_t pinned_inode(const struct mediad *m, const char *name)
{
	char path[256];
	struct stat st;

	if (hf_pins_path(m->options->instance, name, path, sizeof(path)) ||
	    stat(path, &st))
		return 0;
	return st.st_ino;
}

/* Redirects may name a device only once it is in this map. Whether it sends what
 * comes by them is not asked if the operator has said who sends. */
static int use_device(void *arg, uint32_t ifindex)
{
	struct mediad *m = arg;
	int rc;

	if (bpf_map_update_elem(m->pins.fd[HF_PIN_devmap], &ifindex, &ifindex,
				BPF_ANY))
		return -errno;
	if (HF_READ(m->pins.work->pacer) == HF_ENGINE_BPF) {
		hf_gather_way_out(&m->gather, ifindex, false);
		return 0;
	}
	for (unsigned int i = 0; i < HF_MAX_DEVICES; i++)
		if (m->tried[i].ifindex == ifindex) {
			m->tried[i].ifindex = 0; /* next time it is asked again */
			hf_gather_way_out(&m->gather, ifindex,
					  !m->tried[i].swallows);
			return m->tried[i].swallows;
		}
	rc = hf_probe_device(m->probe, ifindex);
	hf_gather_way_out(&m->gather, ifindex, !rc);
	if (rc < 0)
		hf_debug("device %u cannot be probed: %s", ifindex,
			 strerror(-rc));
	return rc > 0;
}

/* With pacer: bpf the operator answers for every device. */
static int make_generic(void *arg)
{
	struct mediad *m = arg;

	if (HF_READ(m->pins.work->pacer) == HF_ENGINE_BPF || !m->devices)
		return -EPERM;
	return hf_devices_make_generic(m->devices);
}

/* What is gathered leaves by its device alone. */
static void elsewhere(void *arg)
{
	struct mediad *m = arg;

	hf_gather_elsewhere(&m->gather);
}

/* Before the first call, whose first frames would wait for it. */
static void try_devices(struct mediad *m)
{
	const struct hf_instance *in = m->pins.instance;

	memset(m->tried, 0, sizeof(m->tried));
	for (unsigned int i = 0; i < in->devices && i < HF_MAX_DEVICES; i++) {
		int rc = use_device(m, in->device[i].ifindex);

		if (rc < 0)
			continue;
		m->tried[i].ifindex = in->device[i].ifindex;
		m->tried[i].swallows = rc;
	}
}

/* Its number is new: ways lead there anew, and packets may be gathered again. */
static void device_attached(void *arg, uint32_t ifindex)
{
	struct mediad *m = arg;

	hf_gather_open(&m->gather, &m->pins);
	if (m->nexthops) /* else it finds out by itself */
		hf_nexthops_device(m->nexthops, ifindex);
}

static int open_devices(struct mediad *m)
{
	const struct hf_devices_setup setup = {.instance = m->options->instance,
					       .pins = &m->pins,
					       .attached = device_attached,
					       .arg = m};
	int rc = hf_devices_open(&setup, &m->devices);

	if (rc)
		hf_error("media devices cannot be watched: %s", strerror(-rc));
	for (unsigned int i = 0; i < HF_MAX_DEVICES && !rc; i++)
		if (m->tried[i].ifindex && m->tried[i].swallows) {
			make_generic(m);
			break;
		}
	return rc;
}

static int open_instance(struct mediad *m)
{
	struct hf_nexthops_setup setup = {
		.use_device = use_device, .make_generic = make_generic,
		.elsewhere = elsewhere,
		.arg = m, .tos = m->options->tos};
	char err[512];
	int rc;

	m->work_inode = pinned_inode(m, "work");
	m->program_inode = pinned_inode(m, "prog_paced");
	rc = hf_pins_open(m->options->instance, &m->pins, err, sizeof(err));
	if (rc) {
		hf_error("%s", err);
		return rc;
	}
	rc = hf_netlink_open(NULL, &m->probe);
	if (rc) {
		hf_error("devices cannot be asked: %s", strerror(-rc));
		return rc;
	}
	hf_gather_open(&m->gather, &m->pins);
	try_devices(m);
	rc = open_devices(m);
	if (rc)
		return rc;
	setup.table = m->pins.nexthops;
	setup.dest6 = m->pins.nexthop6;
	setup.count = m->pins.nexthop_count;
	setup.address = m->pins.instance->address;
	setup.addresses = m->pins.instance->addresses;
	rc = hf_nexthops_open(&setup, &m->nexthops);
	if (rc) {
		hf_error("routes and neighbours cannot be followed: %s",
			 strerror(-rc));
		return rc;
	}
	rc = hf_reports_open(&m->pins, m->options->tos, &m->reports);
	if (rc)
		hf_warn("no RTCP is sent: %s; give us CAP_NET_RAW",
			strerror(-rc));
	rc = hf_sender_start(&m->pins, m->options->priority, &m->sender);
	if (rc)
		hf_error("the sender cannot be started: %s", strerror(-rc));
	return rc;
}

static void close_instance(struct mediad *m)
{
	hf_sender_stop(m->sender);
	hf_reports_close(m->reports);
	hf_devices_close(m->devices);
	hf_nexthops_close(m->nexthops);
	m->devices = NULL;
	m->reports = NULL;
	m->sender = NULL;
	hf_netlink_close(m->probe);
	m->nexthops = NULL;
	m->probe = NULL;
	if (m->pins.work)
		hf_pins_close(&m->pins);
	memset(&m->pins, 0, sizeof(m->pins));
}

/*
 * The program of a later controller over the same maps: it takes the place of
 * the one before under its descriptor, in one step, and no frame waits for it.
 */
static enum verdict take_program(struct mediad *m, ino_t inode)
{
	char path[256];
	int fd = -1;

	if (!hf_pins_path(m->options->instance, "prog_paced", path,
			  sizeof(path)))
		fd = bpf_obj_get(path);
	if (fd < 0 || dup3(fd, m->pins.prog_paced, O_CLOEXEC) < 0) {
		close_fd(fd);
		return REOPEN;
	}
	close(fd);
	m->program_inode = inode;
	hf_info("going on with the program of another holdfastd");
	return GO_ON;
}

/* Do we still work on what is pinned? An upgrade replaces the program alone;
 * for a moment there is none, and that is no reason to stop. */
static enum verdict check_pins(struct mediad *m)
{
	ino_t work = pinned_inode(m, "work");
	ino_t program = pinned_inode(m, "prog_paced");

	if (!work) {
		hf_info("the instance '%s' is gone", m->options->instance);
		return m->options->service ? REOPEN : QUIT;
	}
	if (program && work != m->work_inode)
		return REOPEN;
	if (program && program != m->program_inode)
		return take_program(m, program);
	return GO_ON;
}

/* A poke is one byte, see media/pins.h; of many, one walk does the work. */
static enum verdict read_pokes(struct mediad *m)
{
	bool wanted = false, wheel = false, any = false;
	enum verdict verdict;
	char poke[16];
	ssize_t n;

	while ((n = recv(m->files.poke_fd, poke, sizeof(poke), 0)) >= 0) {
		any = true;
		if (n < 1)
			continue;
		if (poke[0] == HF_POKE_QUIT) {
			hf_info("asked to stop");
			return QUIT;
		}
		wanted |= poke[0] == HF_POKE_NEXTHOP;
		wheel |= poke[0] != HF_POKE_RTCP;
	}
	if (!any)
		return GO_ON;
	if (m->reports)
		hf_reports_changed(m->reports);
	if (!wheel)
		return GO_ON;
	verdict = check_pins(m);
	if (verdict != GO_ON)
		return verdict;
	hf_devices_refresh(m->devices);
	if (wanted)
		hf_nexthops_wanted(m->nexthops, UINT32_MAX);
	hf_sender_wake(m->sender);
	return GO_ON;
}

/* With its pins gone an instance is torn down, and its files are not missed. */
static enum verdict check_files(struct mediad *m)
{
	enum verdict verdict = check_pins(m);

	if (verdict == GO_ON && hf_files_check(&m->files) == -EAGAIN)
		return QUIT; /* there is a keeper already that has its place */
	return verdict;
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* systemd hears of us while both threads go round: one that is stuck leaves
 * callers in silence as surely as one that is dead. */
static int watchdog_ms(struct mediad *m)
{
	uint64_t now = hf_now_ms(), next;

	if (!hf_sender_is_well(m->sender))
		return m->watchdog.every_ms ? (int)m->watchdog.every_ms : -1;
	next = hf_watchdog_turn(&m->watchdog, now);
	return next == UINT64_MAX ? -1 : (int)(next - now);
}

static int wait_ms(struct mediad *m)
{
	int reports = m->reports ? hf_reports_wait_ms(m->reports) : -1;

	int devices = hf_devices_wait_ms(m->devices);

	return sooner(sooner(hf_nexthops_wait_ms(m->nexthops), reports),
		      sooner(devices, watchdog_ms(m)));
}

static enum verdict serve(struct mediad *m)
{
	struct pollfd p[] = {
		{.fd = m->files.poke_fd, .events = POLLIN},
		{.fd = hf_nexthops_fd(m->nexthops), .events = POLLIN},
		{.fd = m->signal_fd, .events = POLLIN},
		{.fd = hf_module_fd(m->module), .events = POLLIN},
		{.fd = m->files.watch_fd, .events = POLLIN},
		{.events = POLLIN},
		{.fd = m->reports ? hf_reports_fd(m->reports) : -1,
		 .events = POLLIN},
	};
	enum verdict verdict = GO_ON;

	while (verdict == GO_ON) {
		int n;

		p[5].fd = hf_devices_fd(m->devices);
		n = poll(p, 7, wait_ms(m));

		if (n < 0 && errno != EINTR)
			return QUIT;
		if (m->reports)
			hf_reports_tick(m->reports);
		hf_devices_tick(m->devices);
		if (n <= 0) {
			if (!hf_nexthops_wait_ms(m->nexthops))
				hf_nexthops_tick(m->nexthops);
			continue;
		}
		if (p[2].revents) {
			hf_info("asked to stop");
			return QUIT;
		}
		if (p[6].revents)
			hf_reports_read(m->reports);
		if (p[0].revents)
			verdict = read_pokes(m);
		if (p[5].revents)
			hf_devices_read(m->devices);
		if (p[1].revents)
			hf_nexthops_read(m->nexthops);
		if (p[3].revents && hf_module_left(m->module))
			hf_sender_alone(m->sender);
		if (p[4].revents && verdict == GO_ON)
			verdict = check_files(m);
	}
	return verdict;
}

/* As a service: until the controller has pinned the instance, at least for
 * `ms`. A poke does not shorten it; what it says is found when we open. */
static enum verdict wait_for_instance(struct mediad *m, int ms)
{
	struct pollfd p[] = {
		{.fd = m->files.poke_fd, .events = POLLIN},
		{.fd = m->signal_fd, .events = POLLIN},
		{.fd = m->files.watch_fd, .events = POLLIN},
	};
	char poke[16];

	do {
		hf_watchdog_turn(&m->watchdog, hf_now_ms());
		if (poll(p, 3, ms) < 0 && errno != EINTR)
			return QUIT;
		while (recv(m->files.poke_fd, poke, sizeof(poke), 0) > 0)
			if (poke[0] == HF_POKE_QUIT)
				return QUIT;
		if (p[1].revents)
			return QUIT;
		if (p[2].revents && hf_files_check(&m->files) == -EAGAIN)
			return QUIT;
		ms = WAIT_MS;
	} while (!pinned_inode(m, "prog_paced"));
	return REOPEN;
}

/* One instance, until its pins or we have to go; *ret_rc: was it there? */
static enum verdict keep(struct mediad *m, bool again, int *ret_rc)
{
	enum verdict verdict = QUIT;

	*ret_rc = open_instance(m);
	if (!*ret_rc) {
		hf_info("%s: keeping the media of instance '%s'",
			again ? "ready again" : "ready", m->options->instance);
		verdict = serve(m);
	}
	close_instance(m);
	return verdict;
}

int hf_mediad_run(const struct hf_mediad_options *options)
{
	struct mediad m = {.options = options};
	enum verdict verdict = GO_ON;
	int rc = open_process(&m);

	/* A page that has to be fetched from swap is a frame sent too late. */
	if (!rc && mlockall(MCL_CURRENT))
		hf_debug("memory is not locked: %s", strerror(errno));
	if (!rc && options->service) {
		hf_watchdog_begin(&m.watchdog);
		hf_notify("READY=1");
		verdict = wait_for_instance(&m, 0);
	}
	while (!rc && verdict != QUIT) {
		verdict = keep(&m, verdict == REOPEN, &rc);
		if (!options->service || (verdict == QUIT && !rc))
			continue;
		verdict = wait_for_instance(&m, rc ? WAIT_MS : 0);
		rc = 0;
	}
	if (options->service)
		hf_notify("STOPPING=1");
	close_process(&m);
	return rc;
}
