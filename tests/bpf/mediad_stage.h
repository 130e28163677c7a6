/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A stage for test_mediad.c, test_nexthops.c and the soak: two fresh network namespaces joined by a veth
 * pair, the programs and maps of one instance pinned under a name of its own,
 * and the media keeper as a child process.
 *
 *	this namespace                      the peer's namespace
 *	hfm0 10.9.0.1/24  ----- veth -----  hfm1 10.9.0.2/24, 10.9.0.3
 *	hfh0 (down; holds hf_paced)         all that arrives is recorded
 *
 * The peer's device has GRO on: without that (or a program) a veth device drops
 * frames that were redirected to it.
 */
#ifndef HOLDFAST_TEST_MEDIAD_STAGE_H
#define HOLDFAST_TEST_MEDIAD_STAGE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "bpf/datapath.skel.h"
#include "holdfast/claim.h"
#include "holdfast/csum.h"
#include "media/pins.h"
#include "mediad/mediad.h"

#ifndef STAGE_LEGS
#define STAGE_LEGS 1024
#endif
#define STAGE_FRAMES 50
#define STAGE_HOPS   512
#ifndef STAGE_BUCKET
#define STAGE_BUCKET 64 /* entries */
#endif
#define STAGE_TOS 0xb8

struct stage {
	char instance[32], dir[64], control[96];
	pid_t peer, mediad;
	int wire; /* records what the peer's device receives */
	struct hf_datapath_bpf *bpf;
	struct bpf_link *holder;
	struct hf_pins pins;
};

__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
	char command[1024];
	va_list args;
	int rc;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	rc = system(command);
	if (rc)
		printf("# failed: %s\n", command);
	return rc;
}

/* `command` in the peer's namespace. */
#define peer_sh(s, ...) peer_sh_(s, __VA_ARGS__)
__attribute__((format(printf, 2, 3))) static int
peer_sh_(const struct stage *s, const char *format, ...)
{
	char command[900];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return sh("nsenter --net=/proc/%d/ns/net sh -ec '%s'", (int)s->peer,
		  command);
}

/* Until `condition`, at most `ms`; evaluates to whether it became true. */
#define WAIT_FOR(ms, condition)                                         \
	({                                                              \
		uint64_t hf_end = hf_now_ms() + (ms);                   \
		bool hf_yes;                                            \
		while (!(hf_yes = (condition)) && hf_now_ms() < hf_end) \
			poll(NULL, 0, 1);                               \
		hf_yes;                                                 \
	})

static pid_t stage_peer(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/* A socket keeps the namespace it was made in. */
static int stage_wire(const struct stage *s, uint16_t protocol)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_protocol = htons(protocol)};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int size = 16 << 20, fd = -1, there;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)s->peer);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (!setns(there, CLONE_NEWNET)) {
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC,
			    htons(protocol));
		a.sll_ifindex = (int)if_nametoindex("hfm1");
		if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
			printf("# bind: %s\n", strerror(errno));
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		if (setns(home, CLONE_NEWNET))
			abort();
	}
	close(there);
	close(home);
	return fd;
}

static int stage_net(struct stage *s)
{
	s->peer = stage_peer();
	if (s->peer < 0 || unshare(CLONE_NEWNET))
		return -1;
	if (sh("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; "
	       "ip link set lo up; ip link add hfh0 type veth peer name hfh1; "
	       "ip link add hfm0 type veth peer name hfm1 netns %d; "
	       "ip addr add 10.9.0.1/24 dev hfm0; ip link set hfm0 up",
	       (int)s->peer))
		return -1;
	if (peer_sh(s, "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; "
		       "echo 1 > /proc/sys/net/ipv4/conf/hfm1/arp_notify; "
		       "ip link set lo up; ip addr add 10.9.0.2/24 dev hfm1; "
		       "ip addr add 10.9.0.3/24 dev hfm1; ip link set hfm1 up; "
		       "ethtool -K hfm1 gro on"))
		return -1;
	s->wire = stage_wire(s, ETH_P_IP);
	return s->wire < 0 ? -1 : 0;
}

static int stage_pin(struct stage *s)
{
	char path[256];
	struct bpf_map *map = NULL;

	mkdir(HF_PIN_ROOT, 0700);
	hf_pins_path(s->instance, "", path, sizeof(path));
	if (mkdir(path, 0700))
		return -1;
	while ((map = bpf_object__next_map(s->bpf->obj, map))) {
		if (strchr(bpf_map__name(map), '.'))
			continue; /* .rodata and the like */
		hf_pins_path(s->instance, bpf_map__name(map), path,
			     sizeof(path));
		if (bpf_map__pin(map, path))
			return -1;
	}
	hf_pins_path(s->instance, "prog_paced", path, sizeof(path));
	if (bpf_program__pin(s->bpf->progs.hf_paced, path))
		return -1;
	hf_pins_path(s->instance, "prog_gathered", path, sizeof(path));
	return bpf_program__pin(s->bpf->progs.hf_gathered, path);
}

static void stage_fill(struct stage *s)
{
	struct hf_instance *in = s->pins.instance;

	for (uint32_t f = 0; f < STAGE_FRAMES; f++) {
		struct hf_frame *frame = &s->pins.frames[f];

		for (uint32_t i = 0; i < HF_FRAME_BYTES; i++)
			frame->payload[i] = (uint8_t)(f * 31 + i);
		frame->bytes = HF_FRAME_BYTES;
		frame->sum = hf_csum_bytes(frame->payload, HF_FRAME_BYTES);
	}
	for (uint32_t i = 0; i < HF_WHEEL_BUCKETS * in->wheel_capacity; i++)
		s->pins.wheel[i].leg = HF_LEG_NONE;
}

static int stage_bpf(struct stage *s)
{
	struct hf_instance in = {.abi_major = HF_ABI_MAJOR,
				 .abi_minor = HF_ABI_MINOR,
				 .legs = STAGE_LEGS,
				 .frames = STAGE_FRAMES,
				 .wheel_capacity = STAGE_BUCKET};
	struct hf_datapath_bpf *b = hf_datapath_bpf__open();
	char err[256];
	__u32 zero = 0;

	s->bpf = b;
	if (!b)
		return -1;
	bpf_map__set_max_entries(b->maps.legs, STAGE_LEGS);
	bpf_map__set_max_entries(b->maps.heard, STAGE_LEGS);
	bpf_map__set_max_entries(b->maps.claims, STAGE_LEGS);
	bpf_map__set_max_entries(b->maps.bound, STAGE_LEGS);
	bpf_map__set_max_entries(b->maps.rtcp, STAGE_LEGS);
	bpf_map__set_max_entries(b->maps.turned,
				 HF_TURNED_WORDS(STAGE_LEGS));
	bpf_map__set_max_entries(b->maps.frames, STAGE_FRAMES);
	bpf_map__set_max_entries(b->maps.nexthops, STAGE_HOPS);
	bpf_map__set_max_entries(b->maps.wheel,
				 HF_WHEEL_BUCKETS * STAGE_BUCKET);
#ifndef STAGE_RECEIVE /* only the sender is on stage */
	bpf_program__set_autoload(b->progs.hf_receive, false);
#endif
	if (hf_datapath_bpf__load(b) ||
	    bpf_map_update_elem(bpf_map__fd(b->maps.instance), &zero, &in, 0))
		return -1;
	s->holder = bpf_program__attach_xdp(b->progs.hf_paced,
					    (int)if_nametoindex("hfh0"));
	if (!s->holder || stage_pin(s))
		return -1;
	if (hf_pins_open(s->instance, &s->pins, err, sizeof(err))) {
		printf("# %s\n", err);
		return -1;
	}
	stage_fill(s);
	return 0;
}

/* One byte to the keeper; false if nobody listens. */
static bool stage_poke(const struct stage *s, char byte)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool sent;

	hf_sender_poke_path(s->control, s->instance, a.sun_path,
			    sizeof(a.sun_path));
	sent = sendto(fd, &byte, 1, 0, (struct sockaddr *)&a, sizeof(a)) == 1;
	close(fd);
	return sent;
}

static void stage_start_mediad(struct stage *s)
{
	struct hf_mediad_options o = {.instance = s->instance,
				      .control_socket = s->control,
				      .tos = STAGE_TOS,
				      .priority = 50};

	s->mediad = fork();
	if (!s->mediad) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* As after exec: what it holds it opened itself. */
		close_range(3, ~0U, 0);
		exit(hf_mediad_run(&o) ? 1 : 0);
	}
}

/* -1 when it does not end by itself. */
static inline int stage_wait_mediad(struct stage *s)
{
	int status = 0;
	pid_t pid = s->mediad;

	s->mediad = 0;
	if (!WAIT_FOR(3000, waitpid(pid, &status, WNOHANG) == pid)) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool stage_mediad_ready(const struct stage *s)
{
	return s->pins.work->pid == (uint32_t)s->mediad &&
	       s->pins.work->beat_ns;
}

static int stage_open(struct stage *s)
{
	static unsigned int number;

	memset(s, 0, sizeof(*s));
	s->wire = -1;
	snprintf(s->instance, sizeof(s->instance), "test-mediad-%d-%u",
		 (int)getpid(), number++);
	snprintf(s->dir, sizeof(s->dir), "/tmp/hf-%s", s->instance);
	snprintf(s->control, sizeof(s->control), "%s/control.sock", s->dir);
	if (mkdir(s->dir, 0700) || stage_net(s) || stage_bpf(s))
		return -1;
	stage_start_mediad(s);
	return WAIT_FOR(5000, stage_mediad_ready(s)) ? 0 : -1;
}

static void stage_close(struct stage *s)
{
	char path[256];

	if (s->mediad > 0) {
		kill(s->mediad, SIGKILL);
		waitpid(s->mediad, NULL, 0);
	}
	if (s->peer > 0) {
		kill(s->peer, SIGKILL);
		waitpid(s->peer, NULL, 0);
	}
	if (s->wire >= 0)
		close(s->wire);
	if (s->pins.work)
		hf_pins_close(&s->pins);
	bpf_link__destroy(s->holder);
	hf_datapath_bpf__destroy(s->bpf);
	hf_pins_path(s->instance, "", path, sizeof(path));
	sh("rm -rf %s %s", path, s->dir);
}

/* What the controller does for a new destination. */
static void stage_want(struct stage *s, uint32_t hop, const char *dest)
{
	struct hf_nexthop *n = &s->pins.nexthops[hop];

	n->hop[0].flags = 0;
	n->hop[1].flags = 0;
	n->family = inet_pton(AF_INET6, dest, &s->pins.nexthop6[hop]) ? 6 : 4;
	n->dest_ip4 = n->family == 4 ? inet_addr(dest) : 0;
	hf_store_release(&n->wanted, 1);
	stage_poke(s, HF_POKE_NEXTHOP);
}

static struct hf_hop stage_hop(const struct stage *s, uint32_t hop)
{
	const struct hf_nexthop *n = &s->pins.nexthops[hop];

	return n->hop[hf_load_acquire(&n->turn) & 1];
}

static bool stage_hop_valid(const struct stage *s, uint32_t hop)
{
	return stage_hop(s, hop).flags & HF_HOP_VALID;
}

/* Is it known how to get there? */
static inline bool stage_reach(struct stage *s, uint32_t hop, const char *dest)
{
	stage_want(s, hop, dest);
	return WAIT_FOR(5000, stage_hop_valid(s, hop));
}

/* The stage of a test. */
#define STAGE(s)                                              \
	__attribute__((cleanup(stage_close))) struct stage s; \
	if (geteuid())                                        \
		SKIP("needs root");                           \
	if (stage_open(&s))                                   \
	FAIL("the stage could not be set up")

#endif
