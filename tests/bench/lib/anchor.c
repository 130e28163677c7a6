// SPDX-License-Identifier: GPL-2.0-or-later
/* The stage of the benchmarks of calls, see anchor.h. */
#include "anchor.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/ears.skel.h"
#include "../ears.h"

#define RTP_BASE 2000u

int anchor_go(int fd)
{
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

/* A queue for each CPU, else one fills the ring that the other empties. Two
 * namespaces, of which this thread is in the last: the far end. */
static int stage(struct anchor *a)
{
	char line[512];

	if (unshare(CLONE_NEWNET))
		return -errno;
	a->far = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET))
		return -errno;
	a->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	snprintf(line, sizeof(line),
		 "ip link set lo up && ip link add near numtxqueues 2 "
		 "numrxqueues 2 type veth peer name far numtxqueues 2 "
		 "numrxqueues 2 netns /proc/%d/fd/%d && for n in 96 97 98 99; do ip addr add"
		 " 10.$n.0.1/16 dev near; done && ip link set near up",
		 getpid(), a->far);
	if (system(line))
		return -ENODEV;
	if (anchor_go(a->far) ||
	    system("ip link set lo up && for n in 96 97 98 99; do ip addr add "
		   "10.$n.0.2/16 dev far; done && ip link set far up"))
		return -ENODEV;
	a->far_index = if_nametoindex("far");
	return 0;
}

static int macs(struct anchor *a)
{
	char text[128] = "";
	unsigned int m[6];
	FILE *p;

	for (int i = 0; i < 2; i++) {
		if (anchor_go(i ? a->far : a->home))
			return -EIO;
		p = popen(i ? "ip -br link show far" : "ip -br link show near",
			  "r");
		if (!p || !fgets(text, sizeof(text), p) ||
		    sscanf(text, "%*s %*s %x:%x:%x:%x:%x:%x", m, m + 1, m + 2,
			   m + 3, m + 4, m + 5) != 6)
			return -EIO;
		pclose(p);
		for (int k = 0; k < 6; k++)
			(i ? a->far_mac : a->near_mac)[k] = (uint8_t)m[k];
	}
	return 0;
}

static int ears(struct anchor *a)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd;

	a->ears = bench_ears_bpf__open_and_load();
	if (!a->ears)
		return -errno;
	fd = bpf_link_create(bpf_program__fd(a->ears->progs.listen),
			     (int)a->far_index, BPF_XDP, &opts);
	if (fd < 0)
		return -errno;
	a->heard = mmap(NULL, 65536 * sizeof(*a->heard), PROT_READ | PROT_WRITE,
			MAP_SHARED, bpf_map__fd(a->ears->maps.ears), 0);
	return a->heard == MAP_FAILED ? -errno : 0;
}

static int configure(struct anchor *a, uint32_t slots)
{
	FILE *f = fopen(a->config, "w");

	if (!f)
		return -errno;
	fprintf(f,
		"sip: { listen: [ \"udp:" ANCHOR_HERE ":5060\" ], domain: "
		"park.example.com,\n  trusted: [ 10.0.0.0/8 ], internal: [ "
		"\"2??????@pbx.example.com\" ], outbound_proxy: \"sip:"
		ANCHOR_THERE ":5070\" }\n"
		"media:\n  addresses:\n"
		"    - { address: 10.96.0.1, interface: near }\n"
		"    - { address: 10.97.0.1, interface: near }\n"
		"    - { address: 10.98.0.1, interface: near }\n"
		"    - { address: 10.99.0.1, interface: near }\n"
		"  ports: %u-%u\n"
		"audio: { memory_mib: 16, clips: [ { name: default, file: "
		"%s/hold.wav } ] }\n"
		"control: { socket: %s, state_dir: %s/state }\n"
		"lots: [ { name: main, park: \"700\", slots: %u-%u, "
		"park_prefix: \"*68\", hold_audio: default, timeout_s: 3600, "
		"max_wait_s: 86400, may_park: [ any ], may_retrieve: [ any ] }"
		" ]\n",
		6000u, 6000u + (slots > 57000u ? 57000u : slots) + 1999,
		a->folder, a->socket, a->folder, ANCHOR_FIRST_SLOT,
		ANCHOR_FIRST_SLOT + slots - 1);
	return fclose(f) ? -errno : 0;
}

int anchor_open(struct anchor *a)
{
	ssize_t n = readlink("/proc/self/exe", a->folder_of_programs,
			     sizeof(a->folder_of_programs) - 1);
	char command[256];
	char *slash;
	int r;

	if (n < 0)
		return -errno;
	slash = strrchr(a->folder_of_programs, '/');
	if (slash)
		*slash = '\0';
	snprintf(a->folder, sizeof(a->folder), "/var/tmp/hf-%s-XXXXXX",
		 a->instance);
	if (!mkdtemp(a->folder))
		return -errno;
	snprintf(a->config, sizeof(a->config), "%s/holdfast.yaml", a->folder);
	snprintf(a->socket, sizeof(a->socket), "%s/control.sock", a->folder);
	snprintf(a->log, sizeof(a->log), "%s/log", a->folder);
	snprintf(command, sizeof(command),
		 "/usr/bin/python3 scripts/make-hold-audio --short %s/hold.wav",
		 a->folder);
	r = system(command) ? -EIO : stage(a);
	if (!r)
		r = macs(a);
	return r ? r : ears(a);
}

void anchor_close(struct anchor *a, bool show_log)
{
	char command[256];

	anchor_end(&a->pid, SIGTERM);
	if (show_log) {
		snprintf(command, sizeof(command), "tail -n 15 %s >&2", a->log);
		if (system(command))
			fprintf(stderr, "%s: no log\n", a->instance);
	}
	snprintf(command, sizeof(command), "rm -rf %s", a->folder);
	if (system(command))
		fprintf(stderr, "%s: %s stays\n", a->instance, a->folder);
}

void anchor_stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (cpu >= 0 && sysconf(_SC_NPROCESSORS_ONLN) > cpu)
		sched_setaffinity(0, sizeof(set), &set);
}

pid_t anchor_run(struct anchor *a, int cpu, const char *program,
		 const char *const *argument)
{
	char path[320];
	pid_t pid = fork();

	if (!pid) {
		int log = open(a->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		anchor_go(a->home);
		anchor_stay_on(cpu);
		dup2(log, 1);
		dup2(log, 2);
		snprintf(path, sizeof(path), "%s/%s", a->folder_of_programs,
			 program);
		execv(path, (char *const *)argument);
		_exit(127);
	}
	return pid;
}

int anchor_start(struct anchor *a)
{
	const char *const argument[] = {"holdfastd",  "--config",  a->config,
					"--instance", a->instance, NULL};

	a->pid = anchor_run(a, a->cpu, "holdfastd", argument);
	return a->pid < 0 ? -errno : 0;
}

double anchor_until_answer(struct sl_load *l, double most_ms)
{
	double begin = sl_now_ms(), ping = 0;

	while (sl_now_ms() < begin + most_ms) {
		if (sl_now_ms() - ping > 5) {
			ping = sl_now_ms();
			sl_ping(l);
		}
		sl_run(l, sl_now_ms() + 2, NULL, NULL);
		if (l->options_ms > begin)
			return l->options_ms - begin;
	}
	return -1;
}

void anchor_end(pid_t *pid, int signal)
{
	if (*pid > 0) {
		kill(*pid, signal);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

int anchor_fresh(struct anchor *a, struct sl_load *l, uint32_t slots,
		 uint32_t dialogs)
{
	char command[256];
	int r;

	anchor_end(&a->pid, SIGTERM);
	snprintf(command, sizeof(command), "rm -rf %s/state", a->folder);
	if (system(command))
		return -EIO;
	sl_close(l);
	r = sl_open(l, ANCHOR_THERE, 5070, ANCHOR_HERE, dialogs);
	if (!r)
		r = configure(a, slots);
	if (!r)
		r = anchor_start(a);
	if (!r && anchor_until_answer(l, 60000) < 0)
		r = -ETIMEDOUT;
	memset(a->heard, 0, 65536 * sizeof(*a->heard));
	return r;
}

long anchor_status(const struct anchor *a, const char *object, const char *key)
{
	char command[512];
	json_t *root, *at;
	long value = -1;
	FILE *p;

	snprintf(command, sizeof(command),
		 "%s/holdfastctl --socket %s -j status", a->folder_of_programs,
		 a->socket);
	p = popen(command, "r");
	root = p ? json_loadf(p, 0, NULL) : NULL;
	at = object ? json_object_get(root, object) : root;
	if (json_is_integer(json_object_get(at, key)))
		value = (long)json_integer_value(json_object_get(at, key));
	json_decref(root);
	if (p)
		pclose(p);
	return value;
}

uint16_t anchor_rtp_port(uint32_t n)
{
	return (uint16_t)(RTP_BASE + n % 63000);
}

struct sockaddr_in anchor_rtp(uint32_t n)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(anchor_rtp_port(n)),
		.sin_addr.s_addr = htonl(
			10u << 24 |
			(ANCHOR_FIRST_NET + n % ANCHOR_NETS) << 16 | 2),
	};
}

uint64_t anchor_cpu_ns(pid_t pid, const char *thread)
{
	char command[256], line[256];
	uint64_t sum = 0;
	FILE *p;

	snprintf(command, sizeof(command),
		 "for t in /proc/%d/task/*; do echo $(cat $t/comm | tr ' ' _) "
		 "$(cat $t/schedstat); done",
		 pid);
	p = popen(command, "r");
	while (p && fgets(line, sizeof(line), p)) {
		char name[32];
		unsigned long long ns;

		if (sscanf(line, "%31s %llu", name, &ns) == 2 &&
		    (!thread || !strcmp(name, thread)))
			sum += ns;
	}
	if (p)
		pclose(p);
	return sum;
}

double anchor_memory(pid_t pid, const char *line)
{
	char path[64], text[256], form[64];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	snprintf(form, sizeof(form), "%s: %%lf", line);
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f))
		if (sscanf(text, form, &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

static void *sync_now_and_then(void *arg)
{
	const unsigned int most = sizeof(((struct anchor_sync *)0)->ms) /
				  sizeof(double);
	struct anchor_sync *s = arg;
	char path[128], page[4096] = "x";
	int fd;

	snprintf(path, sizeof(path), "%s/sync", s->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (!s->stop && s->count < most && fd >= 0) {
		double begin = sl_now_ms();

		if (pwrite(fd, page, sizeof(page), 0) < 0 || fdatasync(fd))
			break;
		s->ms[s->count++] = sl_now_ms() - begin;
		usleep(20000);
	}
	close(fd);
	return NULL;
}

void anchor_sync_begin(struct anchor_sync *s, const struct anchor *a)
{
	s->folder = a->folder;
	s->stop = false;
	s->count = 0;
	pthread_create(&s->thread, NULL, sync_now_and_then, s);
}

void anchor_sync_end(struct anchor_sync *s)
{
	s->stop = true;
	pthread_join(s->thread, NULL);
}

uint32_t anchor_number(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}
