// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a kill of holdfastd costs. Callers are parked and pairs are joined over a
 * veth pair with native XDP; ears on the far end (restart.bpf.c) count the RTP
 * of each of them. In the middle holdfastd is killed (SIGKILL) and started
 * again; a control run of the same length and load has no kill. Then every
 * dialog is asked for by OPTIONS in it, and the legs are counted.
 *
 * And: how long a start takes with 100,000 dialogs, what the journal costs, and
 * what it adds to the answer of a park.
 *
 * HF_BENCH_CALLS (1000): parked, and as many joined. HF_BENCH_DIALOGS (100000).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "bench/restart.skel.h"
#include "lib/sipload.h"
#include "report.h"
#include "restart.h"

/* Four networks: a media address has no more than 32,000 legs. */
#define NETS	   4
#define FIRST_NET  96
#define HERE	   "10.99.0.1"
#define THERE	   "10.99.0.2"
#define FIRST_SLOT 100001u
#define RTP_BASE   2000u
#define RUN_MS	   8000.0
#define PARKS_S	   1000.0

struct talk {
	struct bench *bench;
	pthread_t thread;
	volatile bool stop;
	uint32_t every_ms;
	uint64_t sent, refused;
};

struct bench {
	char folder[64], config[128], socket[128], log[128];
	uint32_t calls, dialogs;
	pid_t pid;
	int starts;
	struct bench_restart_bpf *ears;
	struct heard *heard;
	struct sl_load sip;
	uint32_t used; /* dialogs of it so far */
	int far, home; /* network namespaces */
	uint8_t near_mac[6], far_mac[6];
	unsigned int far_index;
};

/* ---- the stage */

static int in_namespace(int fd)
{
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

/* Two namespaces; the far end has its own, made by a child that lends it. */
static int stage(struct bench *b)
{
	int back = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char line[512];

	if (unshare(CLONE_NEWNET))
		return -errno;
	b->far = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (unshare(CLONE_NEWNET))
		return -errno;
	b->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	close(back);
	snprintf(line, sizeof(line),
		 "ip link set lo up && ip link add near type veth peer name far"
		 " netns /proc/%d/fd/%d && for n in 96 97 98 99; do ip addr add"
		 " 10.$n.0.1/16 dev near; done && ip link set near up",
		 getpid(), b->far);
	if (system(line))
		return -ENODEV;
	if (in_namespace(b->far) ||
	    system("ip link set lo up && for n in 96 97 98 99; do ip addr add "
		   "10.$n.0.2/16 dev far; done && ip link set far up"))
		return -ENODEV;
	b->far_index = if_nametoindex("far");
	return 0;
}

static int macs(struct bench *b)
{
	char text[128] = "";
	unsigned int m[6];
	FILE *p;

	for (int i = 0; i < 2; i++) {
		if (in_namespace(i ? b->far : b->home))
			return -EIO;
		p = popen(i ? "ip -br link show far" : "ip -br link show near",
			  "r");
		if (!p || !fgets(text, sizeof(text), p) ||
		    sscanf(text, "%*s %*s %x:%x:%x:%x:%x:%x", m, m + 1, m + 2,
			   m + 3, m + 4, m + 5) != 6)
			return -EIO;
		pclose(p);
		for (int k = 0; k < 6; k++)
			(i ? b->far_mac : b->near_mac)[k] = (uint8_t)m[k];
	}
	return 0;
}

static int ears(struct bench *b)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd;

	b->ears = bench_restart_bpf__open_and_load();
	if (!b->ears)
		return -errno;
	fd = bpf_link_create(bpf_program__fd(b->ears->progs.listen),
			     (int)b->far_index, BPF_XDP, &opts);
	if (fd < 0)
		return -errno;
	b->heard = mmap(NULL, 65536 * sizeof(*b->heard), PROT_READ | PROT_WRITE,
			MAP_SHARED, bpf_map__fd(b->ears->maps.ears), 0);
	return b->heard == MAP_FAILED ? -errno : 0;
}

/* ---- holdfastd */

static int configure(struct bench *b, uint32_t slots)
{
	FILE *f = fopen(b->config, "w");

	if (!f)
		return -errno;
	fprintf(f,
		"sip: { listen: [ \"udp:" HERE ":5060\" ], domain: "
		"park.example.com,\n  trusted: [ 10.0.0.0/8 ], internal: [ "
		"\"2??????@pbx.example.com\" ], outbound_proxy: \"sip:"
		THERE ":5070\" }\n"
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
		b->folder, b->socket, b->folder, FIRST_SLOT,
		FIRST_SLOT + slots - 1);
	return fclose(f) ? -errno : 0;
}

static int start(struct bench *b)
{
	char program[256];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 16);
	char *slash;

	if (n < 0)
		return -errno;
	program[n] = '\0';
	slash = strrchr(program, '/');
	strcpy(slash ? slash + 1 : program, "holdfastd");
	b->pid = fork();
	if (!b->pid) {
		int log = open(b->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		in_namespace(b->home);
		dup2(log, 1);
		dup2(log, 2);
		execl(program, program, "--config", b->config, "--instance",
		      "bench-restart", NULL);
		_exit(127);
	}
	b->starts++;
	return b->pid < 0 ? -errno : 0;
}

/* Until SIP answers: how long that took from now, or a negative number. */
static double until_answer(struct bench *b, double most_ms)
{
	double begin = sl_now_ms(), ping = 0;

	while (sl_now_ms() < begin + most_ms) {
		if (sl_now_ms() - ping > 5) {
			ping = sl_now_ms();
			sl_ping(&b->sip);
		}
		sl_run(&b->sip, sl_now_ms() + 2, NULL, NULL);
		if (b->sip.options_ms > begin)
			return b->sip.options_ms - begin;
	}
	return -1;
}

static void stop(struct bench *b, int signal)
{
	if (b->pid > 0) {
		kill(b->pid, signal);
		waitpid(b->pid, NULL, 0);
	}
	b->pid = 0;
}

/* ---- calls */

struct goal {
	uint32_t up, over;
};

static bool reached(const struct sl_load *l, void *arg)
{
	const struct goal *g = arg;

	return l->up + l->failed >= g->up && l->ended >= g->over;
}

static uint16_t rtp_port(uint32_t n)
{
	return (uint16_t)(RTP_BASE + n % 63000);
}

static struct sockaddr_in rtp_of(uint32_t n)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(rtp_port(n)),
		.sin_addr.s_addr = htonl(10u << 24 |
					 (FIRST_NET + n % NETS) << 16 | 2),
	};
}

/* `count` calls at `rate` a second: parked, or picked up if `pick`. */
static int place(struct bench *b, uint32_t first, uint32_t count, double rate,
		 uint32_t slot, bool pick, const char *direction)
{
	struct goal g = {.up = b->sip.up + b->sip.failed + count,
			 .over = b->sip.ended};
	double begin = sl_now_ms(), until;
	uint32_t done = 0;

	while (done < count) {
		uint32_t due = (uint32_t)((sl_now_ms() - begin) * rate / 1e3) +
			       1;

		for (; done < due && done < count; done++) {
			uint32_t n = first + done;
			struct sockaddr_in rtp = rtp_of(n);

			if (pick)
				sl_pick_up(&b->sip, n, slot + done, &rtp);
			else
				sl_park(&b->sip, n, slot + done, &rtp,
					direction);
		}
		sl_run(&b->sip, sl_now_ms() + 1, NULL, NULL);
	}
	until = sl_now_ms() + 60000;
	while (!reached(&b->sip, &g) && sl_now_ms() < until) {
		sl_run(&b->sip, sl_now_ms() + 100, reached, &g);
		if (!pick)
			sl_repeat(&b->sip, first, first + count);
	}
	if (b->sip.failed)
		fprintf(stderr, "restart: %u calls failed, the first with %u\n",
			b->sip.failed, b->sip.dialog[first].status);
	return reached(&b->sip, &g) && !b->sip.failed ? 0 : -ETIMEDOUT;
}

/* ---- RTP of those who talk */

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t rtp[12], sound[160];
} __attribute__((packed));

static uint16_t ip_sum(const void *ip)
{
	uint16_t w[10];
	uint32_t sum = 0;

	memcpy(w, ip, sizeof(w));
	for (int i = 0; i < 10; i++)
		sum += w[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void fill(const struct bench *b, struct frame *f,
		 const struct sl_dialog *d, uint32_t n, uint32_t turn,
		 uint32_t step)
{
	uint32_t ts = htonl(turn * step * 8), ssrc = htonl(n + 1);
	uint16_t seq = htons((uint16_t)turn);

	memset(f, 0, sizeof(*f));
	memcpy(f->eth.h_dest, b->near_mac, 6);
	memcpy(f->eth.h_source, b->far_mac, 6);
	f->eth.h_proto = htons(ETH_P_IP);
	f->ip.version = 4;
	f->ip.ihl = 5;
	f->ip.ttl = 64;
	f->ip.protocol = IPPROTO_UDP;
	f->ip.tot_len = htons(sizeof(*f) - sizeof(f->eth));
	f->ip.saddr = d->rtp_ip4;
	f->ip.daddr = d->remote_ip4;
	f->ip.check = ip_sum((uint8_t *)f + sizeof(f->eth));
	f->udp.source = htons(d->rtp_port);
	f->udp.dest = htons(d->remote_port);
	f->udp.len = htons(sizeof(*f) - sizeof(f->eth) - sizeof(f->ip));
	f->rtp[0] = 0x80;
	memcpy(f->rtp + 2, &seq, 2);
	memcpy(f->rtp + 4, &ts, 4);
	memcpy(f->rtp + 8, &ssrc, 4);
}

#define BATCH 64

static void talk_one_turn(struct talk *t, int fd, uint32_t turn,
			  struct frame *frame, struct mmsghdr *message,
			  struct iovec *part, struct sockaddr_ll *to)
{
	const struct sl_load *l = &t->bench->sip;
	unsigned int k = 0;

	for (uint32_t n = 0; n <= t->bench->used && !t->stop; n++) {
		if (n < t->bench->used && l->dialog[n].state == SL_UP &&
		    l->dialog[n].remote_port &&
		    /* half of those who are parked say nothing */
		    (n >= t->bench->calls || n % 2)) {
			fill(t->bench, &frame[k], &l->dialog[n], n, turn,
			     t->every_ms);
			part[k] = (struct iovec){&frame[k], sizeof(*frame)};
			message[k].msg_hdr = (struct msghdr){
				.msg_name = to,
				.msg_namelen = sizeof(*to),
				.msg_iov = &part[k],
				.msg_iovlen = 1};
			k++;
		}
		if (k == BATCH || (n == t->bench->used && k)) {
			int sent = sendmmsg(fd, message, k, 0);

			t->sent += sent > 0 ? (unsigned int)sent : 0;
			t->refused += k - (sent > 0 ? (unsigned int)sent : 0);
			k = 0;
		}
	}
}

static void *talk(void *arg)
{
	struct talk *t = arg;
	static struct frame frame[BATCH];
	static struct mmsghdr message[BATCH];
	static struct iovec part[BATCH];
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_IP),
				 .sll_halen = 6};
	int fd, on = 1;
	double next;

	in_namespace(t->bench->far);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = (int)t->bench->far_index;
	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	next = sl_now_ms();
	for (uint32_t turn = 1; !t->stop; turn++) {
		double left;

		talk_one_turn(t, fd, turn, frame, message, part, &to);
		next += t->every_ms;
		left = next - sl_now_ms();
		if (left > 0)
			usleep((useconds_t)(left * 1000));
		else
			next = sl_now_ms();
	}
	close(fd);
	return NULL;
}

/* ---- what was heard */

struct loss {
	uint64_t packets, lost, streams, silent_over_100ms;
	double longest_ms;
};

static void listen_anew(struct bench *b)
{
	uint64_t now = (uint64_t)(sl_now_ms() * 1e6);

	for (uint32_t n = 0; n < b->used; n++) {
		struct heard *h = &b->heard[rtp_port(n)];

		h->lost = 0;
		h->longest_ns = 0;
		h->streams = h->packets ? 1 : 0;
		if (h->packets)
			h->last_ns = now;
	}
}

static void count(const struct bench *b, struct loss *ret)
{
	uint64_t now = (uint64_t)(sl_now_ms() * 1e6);

	memset(ret, 0, sizeof(*ret));
	for (uint32_t n = 0; n < b->used; n++) {
		const struct heard *h = &b->heard[rtp_port(n)];
		uint64_t pause = h->longest_ns;

		if (!h->packets || b->sip.dialog[n].state != SL_UP)
			continue;
		if (now > h->last_ns && now - h->last_ns > pause)
			pause = now - h->last_ns;
		ret->packets += h->packets;
		ret->lost += h->lost;
		ret->streams++;
		ret->silent_over_100ms += pause > 100000000;
		if ((double)pause / 1e6 > ret->longest_ms)
			ret->longest_ms = (double)pause / 1e6;
	}
}

static void listen_for(struct bench *b, double ms, struct loss *ret)
{
	listen_anew(b);
	sl_run(&b->sip, sl_now_ms() + ms, NULL, NULL);
	count(b, ret);
}

/* The kill in the middle of the run. How long SIP was silent is returned. */
static double listen_and_kill(struct bench *b, struct loss *ret)
{
	double begin = sl_now_ms(), answer;

	listen_anew(b);
	sl_run(&b->sip, begin + RUN_MS / 3, NULL, NULL);
	stop(b, SIGKILL);
	sl_run(&b->sip, sl_now_ms() + 200, NULL, NULL);
	start(b);
	answer = until_answer(b, 60000);
	sl_run(&b->sip, begin + RUN_MS, NULL, NULL);
	count(b, ret);
	return answer;
}

/* ---- accounts */

static long status_number(const struct bench *b, const char *object,
			  const char *key)
{
	char command[512];
	json_t *root, *at;
	long value = -1;
	FILE *p;

	snprintf(command, sizeof(command),
		 "$(dirname $(readlink /proc/%d/exe))/holdfastctl --socket %s "
		 "-j status",
		 getpid(), b->socket);
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

static bool all_asked(const struct sl_load *l, void *arg)
{
	return l->pinged + l->refused >= *(uint32_t *)arg;
}

/* Dialogs that the other side does not know, calls and legs too many or few. */
static uint64_t unaccounted(struct bench *b, long calls, long legs)
{
	uint32_t asked = 0, goal;
	long have;

	b->sip.pinged = b->sip.refused = 0;
	for (int round = 0; round < 8; round++) {
		for (uint32_t n = 0; n < b->used; n++) {
			if (b->sip.dialog[n].state != SL_UP ||
			    b->sip.dialog[n].known)
				continue;
			asked += !round;
			sl_ask(&b->sip, n);
			if (n % 20 == 19)
				sl_run(&b->sip, sl_now_ms() + 2, NULL, NULL);
		}
		goal = asked;
		if (sl_run(&b->sip, sl_now_ms() + 1000, all_asked, &goal))
			break;
	}
	have = status_number(b, "calls", "total");
	if (have != calls)
		fprintf(stderr, "restart: %ld calls, not %ld\n", have, calls);
	calls = labs(have - calls);
	have = status_number(b, NULL, "legs_open");
	if (have != legs)
		fprintf(stderr, "restart: %ld legs, not %ld\n", have, legs);
	return asked - b->sip.pinged + (uint64_t)calls +
	       (uint64_t)labs(have - legs);
}

static void forget_known(struct bench *b)
{
	for (uint32_t n = 0; n < b->used; n++)
		b->sip.dialog[n].known = 0;
}

static int fresh(struct bench *b, uint32_t slots)
{
	char command[256];
	int r;

	stop(b, SIGTERM);
	snprintf(command, sizeof(command), "rm -rf %s/state", b->folder);
	if (system(command))
		return -EIO;
	r = configure(b, slots);
	if (!r)
		r = start(b);
	if (!r && until_answer(b, 60000) < 0)
		r = -ETIMEDOUT;
	sl_close(&b->sip);
	b->used = 0;
	memset(b->heard, 0, 65536 * sizeof(*b->heard));
	return r ? r
		 : sl_open(&b->sip, THERE, 5070, HERE,
			   3 * b->calls > b->dialogs ? 3 * b->calls + 100000
						     : b->dialogs + 100000);
}

/* ---- the parts */

static int part_kill(struct bench *b, struct report *rep)
{
	struct talk t = {.bench = b, .every_ms = b->calls > 2000 ? 100 : 20};
	struct loss control, kill;
	uint32_t n = b->calls;
	double answer;
	int r = fresh(b, 2 * n);

	/* 0 to n-1 parked; n to 2n-1 parked and joined with 2n to 3n-1 */
	if (!r)
		r = place(b, 0, 2 * n, 500, FIRST_SLOT, false, "sendrecv");
	if (!r)
		r = place(b, 2 * n, n, 500, FIRST_SLOT + n, true, NULL);
	if (r)
		return r;
	b->used = 3 * n;
	if (pthread_create(&t.thread, NULL, talk, &t))
		return -errno;
	sl_run(&b->sip, sl_now_ms() + 2000, NULL, NULL);
	listen_for(b, RUN_MS, &control);
	answer = listen_and_kill(b, &kill);
	t.stop = true;
	pthread_join(t.thread, NULL);
	forget_known(b);
	report_ratio(rep, "media_packets_lost", (double)kill.lost, "packets",
		     "the same run without a kill",
		     control.lost ? (double)kill.lost / (double)control.lost
				  : (double)kill.lost);
	report_carry(rep, "lost_without_kill", control.lost);
	report_carry(rep, "parked", n);
	report_carry(rep, "relayed", n);
	report_carry(rep, "packets", kill.packets);
	report_carry(rep, "streams", kill.streams);
	report_carry(rep, "silent_over_100ms", kill.silent_over_100ms);
	report_carry(rep, "silent_without_kill", control.silent_over_100ms);
	report_carry(rep, "longest_pause_ms", (uint64_t)kill.longest_ms);
	report_carry(rep, "talkers_behind", t.refused);
	report_ratio(rep, "sip_answers_after_s", answer / 1e3, "s", NULL, 0);
	report_ratio(rep, "calls_unaccounted",
		     (double)unaccounted(b, 2 * (long)n, 3 * (long)n), "calls",
		     NULL, 0);
	return answer < 0 ? -ETIMEDOUT : 0;
}

/* Callers who want to hear nothing: only their dialogs count here. */
static int part_dialogs(struct bench *b, struct report *rep)
{
	uint32_t n = b->dialogs;
	double answer;
	int r = fresh(b, n);

	if (!r)
		r = place(b, 0, n, 3000, FIRST_SLOT, false, "sendonly");
	if (r)
		return r;
	b->used = n;
	stop(b, SIGKILL);
	start(b);
	answer = until_answer(b, 60000);
	report_ratio(rep, "restore_100k_dialogs_s",
		     answer / 1e3, "s", NULL, 0);
	report_carry(rep, "dialogs", n);
	report_carry(rep, "start_to_answer_ms", (uint64_t)answer);
	report_carry(rep, "unaccounted", unaccounted(b, (long)n, (long)n));
	return answer < 0 ? -ETIMEDOUT : 0;
}

/* CPU time of the process, or of its thread of that name, in ns. */
static uint64_t cpu_ns(pid_t pid, const char *thread)
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

static int part_cpu(struct bench *b, struct report *rep)
{
	uint32_t n = 5000;
	uint64_t all, journal;
	struct goal g;
	int r = fresh(b, n);

	if (r)
		return r;
	all = cpu_ns(b->pid, NULL);
	journal = cpu_ns(b->pid, "journal");
	r = place(b, 0, n, PARKS_S, FIRST_SLOT, false, "sendonly");
	g = (struct goal){.up = n, .over = b->sip.ended + n};
	for (uint32_t i = 0; i < n && !r; i++) {
		sl_bye(&b->sip, i);
		if (i % 10 == 9)
			sl_run(&b->sip, sl_now_ms() + 10, NULL, NULL);
	}
	sl_run(&b->sip, sl_now_ms() + 10000, reached, &g);
	all = cpu_ns(b->pid, NULL) - all;
	journal = cpu_ns(b->pid, "journal") - journal;
	report_ratio(rep, "journal_cpu_share",
		     all ? 100.0 * (double)journal / (double)all : -1, "%",
		     NULL, 0);
	report_carry(rep, "parks_a_second", (uint64_t)PARKS_S);
	report_carry(rep, "journal_ns_per_park", journal / n);
	report_carry(rep, "controller_ns_per_park", all / n);
	return r;
}

struct sync {
	const char *folder;
	pthread_t thread;
	volatile bool stop;
	double ms[REPORT_ROUNDS_MAX];
	unsigned int count;
};

/* What the disk itself takes, beside it. */
static void *sync_now_and_then(void *arg)
{
	struct sync *s = arg;
	char path[128], page[4096] = "x";
	int fd;

	snprintf(path, sizeof(path), "%s/sync", s->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (!s->stop && s->count < REPORT_ROUNDS_MAX && fd >= 0) {
		double begin = sl_now_ms();

		if (pwrite(fd, page, sizeof(page), 0) < 0 || fdatasync(fd))
			break;
		s->ms[s->count++] = sl_now_ms() - begin;
		usleep(20000);
	}
	close(fd);
	return NULL;
}

static double p99(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), report_by_size);
	return n ? v[(n - 1) * 99 / 100] : 0;
}

static int part_latency(struct bench *b, struct report *rep)
{
	static struct sync s;
	static double ms[2000];
	uint32_t n = 2000;
	double parks, fsyncs;
	int r = fresh(b, n);

	if (r)
		return r;
	s.folder = b->folder;
	pthread_create(&s.thread, NULL, sync_now_and_then, &s);
	r = place(b, 0, n, 200, FIRST_SLOT, false, "sendonly");
	s.stop = true;
	pthread_join(s.thread, NULL);
	for (uint32_t i = 0; i < n; i++)
		ms[i] = b->sip.dialog[i].answer_ms - b->sip.dialog[i].sent_ms;
	parks = p99(ms, n);
	fsyncs = p99(s.ms, s.count);
	report_ratio(rep, "park_200_p99_fsync", parks, "ms",
		     "p99 of an fsync of 4 KiB in the same run",
		     fsyncs > 0 ? parks / fsyncs : 0);
	report_carry(rep, "fsync_p99_us", (uint64_t)(fsyncs * 1e3));
	return r;
}

static uint32_t number(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static int all_parts(struct bench *b, struct report *rep)
{
	int r = part_kill(b, rep);

	if (!r)
		r = part_latency(b, rep);
	if (!r)
		r = part_cpu(b, rep);
	if (!r)
		r = part_dialogs(b, rep);
	return r;
}

int main(int argc, char **argv)
{
	static struct bench b;
	struct report rep = report_begin("restart");
	char command[256];
	int r;

	b.calls = number("HF_BENCH_CALLS", 1000);
	b.dialogs = number("HF_BENCH_DIALOGS", 100000);
	strcpy(b.folder, "/var/tmp/hf-bench-restart-XXXXXX");
	if (!mkdtemp(b.folder))
		return 1;
	snprintf(b.config, sizeof(b.config), "%s/holdfast.yaml", b.folder);
	snprintf(b.socket, sizeof(b.socket), "%s/control.sock", b.folder);
	snprintf(b.log, sizeof(b.log), "%s/log", b.folder);
	snprintf(command, sizeof(command),
		 "/usr/bin/python3 scripts/make-hold-audio --short %s/hold.wav",
		 b.folder);
	r = system(command) ? -EIO : 0;
	if (!r)
		r = stage(&b);
	if (!r)
		r = macs(&b);
	if (!r)
		r = ears(&b);
	if (!r)
		r = sl_open(&b.sip, THERE, 5070, HERE, 1);
	if (!r)
		r = all_parts(&b, &rep);
	stop(&b, SIGTERM);
	if (r) {
		fprintf(stderr, "restart: %s; the log of holdfastd:\n",
			strerror(-r));
		snprintf(command, sizeof(command), "tail -n 15 %s >&2", b.log);
		if (system(command))
			fprintf(stderr, "none\n");
	}
	snprintf(command, sizeof(command), "rm -rf %s", b.folder);
	if (system(command))
		fprintf(stderr, "restart: %s stays\n", b.folder);
	if (report_end(&rep, argc > 1 ? argv[1] : NULL) || r)
		return 1;
	return 0;
}
