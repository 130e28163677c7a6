// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 20,000 lamps: a crowd of phones that subscribe to slots, and callers who are
 * parked and fetched (lib/crowd.h, the checker too), against holdfastd on another
 * CPU (--media memory: only signalling is measured here).
 *
 * One slot is watched by 1,000 phones, the others by 20 each.
 */
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/crowd.h"
#include "report.h"

static int open_socket(unsigned int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 64 << 20;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len)) {
		perror("socket");
		exit(1);
	}
	*port = ntohs(a.sin_port);
	return fd;
}

/* A CPU of its own, before whatever else this machine is doing. */
static void stay_on(int cpu)
{
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > cpu)
		sched_setaffinity(0, sizeof(set), &set);
	if (sched_setscheduler(0, SCHED_RR, &first))
		fprintf(stderr, "lamps: no real-time priority: a busy machine "
				"makes the figures worse\n");
}

static void write_files(struct crowd *c)
{
	char path[128];
	FILE *f;

	strcpy(c->folder, "/tmp/holdfast-bench-XXXXXX");
	if (!mkdtemp(c->folder))
		exit(1);
	snprintf(path, sizeof(path), "%s/c.yaml", c->folder);
	f = fopen(path, "w");
	if (!f)
		exit(1);
	fprintf(f,
		"sip:\n  listen: [ \"udp:127.0.0.1:%u\" ]\n"
		"  domain: park.example.com\n  trusted: [ 127.0.0.0/8 ]\n"
		"  internal: [ \"1*@pbx.example.com\" ]\n"
		"media:\n  addresses: [ { address: 127.0.0.1, interface: lo } ]\n"
		"  ports: 30000-37999\n"
		"audio:\n  memory_mib: 1\n  clips: [ { name: default, file: s.wav } ]\n"
		"control: { socket: %s/sock, state_dir: %s/state }\n"
		"lots:\n  - { name: main, park: \"999\", slots: %u-%u, "
		"park_prefix: \"*68\", timeout_s: 0 }\n",
		PORT, c->folder, c->folder, FIRST_SLOT, FIRST_SLOT + SLOTS - 1);
	fclose(f);
	snprintf(path, sizeof(path), "%s/s.wav", c->folder);
	f = fopen(path, "w");
	if (!f)
		exit(1);
	/* 0.1 s of silence: 8000 Hz, 16 bits, mono */
	fwrite("RIFF\x64\x06\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e"
	       "\0\0\2\0\x10\0data\x40\x06\0\0", 1, 44, f);
	for (int i = 0; i < 1600; i++)
		fputc(0, f);
	fclose(f);
}

static void start_daemon(struct crowd *c, const char *self)
{
	char program[512], config[128], line[256];
	int out[2];
	FILE *f;

	snprintf(program, sizeof(program), "%.*sholdfastd",
		 (int)(strrchr(self, '/') ? strrchr(self, '/') - self + 1 : 0),
		 self);
	snprintf(config, sizeof(config), "%s/c.yaml", c->folder);
	if (pipe(out))
		exit(1);
	c->pid = fork();
	if (!c->pid) {
		stay_on(0);
		dup2(out[1], 1);
		freopen(getenv("HF_BENCH_LOG") ?: "/dev/null", "w", stderr);
		execl(program, program, "--config", config, "--instance",
		      "bench-lamps", "--media", "memory", NULL);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	while (fgets(line, sizeof(line), f))
		if (!strcmp(line, "ready\n"))
			break;
	fclose(f);
	stay_on(1);
}

static void stop_daemon(struct crowd *c)
{
	char command[160];

	kill(c->pid, SIGTERM);
	waitpid(c->pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", c->folder);
	if (system(command))
		fprintf(stderr, "lamps: %s is left\n", c->folder);
}

static double daemon_bytes(const struct crowd *c)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", c->pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lf", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

static double daemon_cpu_ms(const struct crowd *c)
{
	unsigned long user = 0, system = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", c->pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u "
			    "%*u %*u %lu %lu", &user, &system) != 2)
		fprintf(stderr, "lamps: no %s\n", path);
	if (f)
		fclose(f);
	return (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

static void phase_subscribe(struct crowd *c, struct report *r)
{
	double start = now_ms();
	uint32_t sent = 0;

	while (c->subscribed < PHONES || c->notifies < PHONES) {
		while (sent < PHONES && sent - c->subscribed < WINDOW)
			subscribe(c, sent++);
		hear(c, 1);
		if (now_ms() - start > 120e3) {
			fprintf(stderr, "lamps: %u subscribed, %llu told\n",
				c->subscribed, (unsigned long long)c->notifies);
			exit(1);
		}
	}
	report_ratio(r, "subscribe_per_s", PHONES / (now_ms() - start) * 1e3,
		     "1/s", NULL, 0);
	report_carry(r, "subscriptions", PHONES);
}

/*
 * The stack keeps a SUBSCRIBE for 32 s after its answer (timer J); phones do
 * that once an hour, so it is waited for. Then somebody is parked in one slot
 * after the other until every lamp has been told, and ten seconds later what
 * there is, the parked calls included, is what it costs. (In a burst the small
 * allocations of the calls lie among those of transactions, and keep pages from
 * being given back until they end: see after_burst_bytes.)
 */
static void phase_memory(struct crowd *c, struct report *r, double before)
{
	rest(c, 33e3);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		change(c, slot);
		rest(c, 40);
	}
	while (now_ms() - c->last_notify < 10e3)
		hear(c, 5);
	report_ratio(r, "memory_per_subscription",
		     (daemon_bytes(c) - before) / PHONES, "bytes", NULL, 0);
	report_carry(r, "wrong_lamps", wrong_now(c));
	report_carry(r, "parked_calls", SLOTS);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		if (c->slot[slot].truth)
			end(c, slot, false);
		rest(c, 5);
	}
	rest(c, 1500);
}

static void phase_all(struct crowd *c, struct report *r)
{
	double worst = 0;

	for (int i = 0; i < 6; i++) {
		uint64_t before = c->notifies;
		uint32_t changes = c->changes;
		double start;

		change(c, 0);
		while (c->changes == changes)
			hear(c, 1);
		start = now_ms();
		while (c->notifies < before + CROWD && now_ms() < start + 5e3)
			hear(c, 1);
		if (now_ms() - start > worst)
			worst = now_ms() - start;
		rest(c, 1500);
	}
	report_ratio(r, "notify_all_1000_ms", worst, "ms", NULL, 0);
}

static void phase_rate(struct crowd *c, struct report *r, double before_bytes)
{
	double cpu = daemon_cpu_ms(c), start = now_ms(), took;
	uint64_t before = c->notifies;
	uint32_t changes;

	c->answer_count = c->wrong_count = 0;
	c->measure = true;
	changes = change_at_rate(c, 15, 200, 0);
	took = now_ms() - start;
	cpu = daemon_cpu_ms(c) - cpu;
	rest(c, 1500);
	c->measure = false;
	while (now_ms() - c->last_notify < 10e3)
		hear(c, 5);
	/* held: none of them was more than 1.2 s behind, none is left */
	report_ratio(r, "changes_per_s_held",
		     percentile(c->wrong, c->wrong_count, 1) <= 1200 &&
				     !wrong_now(c) ?
			     changes / took * 1e3 : 0,
		     "1/s", NULL, 0);
	report_carry(r, "notifies_per_s",
		     (uint64_t)((double)(c->notifies - before) / took * 1e3));
	report_carry(r, "daemon_cpu_percent", (uint64_t)(cpu / took * 100));
	report_carry(r, "after_burst_bytes",
		     (uint64_t)((daemon_bytes(c) - before_bytes) / PHONES));
	report_ratio(r, "park_and_pick_up_p99_ms",
		     percentile(c->answer, c->answer_count, 0.99), "ms", NULL, 0);
}

static void phase_wrong(struct crowd *c, struct report *r, double loss)
{
	const char *name = loss > 0 ? "lamp_wrong_p99_ms_lossy" :
				      "lamp_wrong_p99_ms";
	double last, cpu = daemon_cpu_ms(c), start = now_ms();

	c->wrong_count = c->answer_count = 0;
	c->loss = loss;
	c->measure = true;
	change_at_rate(c, 20, 200, 3);
	last = now_ms();
	cpu = (daemon_cpu_ms(c) - cpu) / (last - start);
	while (now_ms() < last + (loss > 0 ? 35e3 : 2e3) && (wrong_now(c) || loss <= 0))
		hear(c, 5);
	c->measure = false;
	c->loss = 0;
	report_ratio(r, name, percentile(c->wrong, c->wrong_count, 0.99), "ms",
		     NULL, 0);
	report_carry(r, "worst_ms",
		     (uint64_t)percentile(c->wrong, c->wrong_count, 1));
	report_carry(r, "times_wrong", c->wrong_count);
	report_carry(r, "wrong_at_the_end", wrong_now(c));
	report_carry(r, "daemon_cpu_percent", (uint64_t)(cpu * 100));
	report_carry(r, "park_and_pick_up_p99_ms",
		     (uint64_t)percentile(c->answer, c->answer_count, 0.99));
}

static void set_out(struct crowd *c)
{
	for (uint32_t i = 0; i < PHONES; i++)
		c->phone[i].slot = i < CROWD ? 0 : 1 + (i - CROWD) / EACH;
	for (uint32_t i = 0; i < SLOTS; i++) {
		c->slot[i].first = i ? CROWD + (i - 1) * EACH : 0;
		c->slot[i].count = i ? EACH : CROWD;
	}
	c->random = 88172645463325252ULL;
	c->daemon.sin_family = AF_INET;
	c->daemon.sin_port = htons(PORT);
	c->daemon.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->phones = open_socket(&c->phone_port);
	c->calls = open_socket(&c->call_port);
}

int main(int argc, char **argv)
{
	struct crowd *c = calloc(1, sizeof(*c));
	struct report r = report_begin("lamps");
	double before;
	int err;

	if (!c)
		return 1;
	(void)median_ratio; /* of other benchmarks */
	set_out(c);
	write_files(c);
	start_daemon(c, argv[0]);
	before = daemon_bytes(c);
	phase_subscribe(c, &r);
	phase_memory(c, &r, before);
	phase_all(c, &r);
	phase_rate(c, &r, before);
	phase_wrong(c, &r, 0);
	phase_wrong(c, &r, 0.05);
	stop_daemon(c);
	err = report_end(&r, argc > 1 ? argv[1] : NULL);
	free(c->wrong);
	free(c->answer);
	free(c);
	return !!err;
}
