// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 20,000 lamps: a crowd of phones that subscribe to slots, and callers who are
 * parked and fetched, against holdfastd on another CPU (--media memory: only
 * signalling is measured here). The crowd speaks just enough SIP over UDP, and
 * it is the checker too: it knows from its own calls what each lamp has to show
 * and measures for how long each shows what is not true any more.
 *
 * One slot is watched by 1,000 phones, the others by 20 each.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "report.h"

#define PHONES	   20000u
#define CROWD	   1000u /* phones at slot 0 */
#define EACH	   20u
#define SLOTS	   (1u + (PHONES - CROWD) / EACH)
#define FIRST_SLOT 1000u
#define PORT	   25060u
#define WINDOW	   200u /* SUBSCRIBEs without answer */
#define MESSAGE	   8192
#define RETRIEVER  0x80000000u
#define ENDING	   0x40000000u

struct phone {
	uint32_t slot, shown, notifies;
	bool wrong, subscribed;
	double since;
};

#define PAST 8

struct slot {
	uint32_t truth; /* the number of the call that waits, 0 = free */
	struct {
		uint32_t truth;
		double until;
	} past[PAST]; /* what was true before, newest first */
	bool busy;	/* a transaction is under way: */
	uint32_t expect; /* call number and what of it is under way */
	uint32_t first, count; /* its phones */
	char tag[80];	/* To tag of the parked call */
};

struct crowd {
	int phones, calls; /* sockets */
	unsigned int phone_port, call_port;
	struct sockaddr_in daemon;
	pid_t pid;
	struct phone phone[PHONES];
	struct slot slot[SLOTS];
	double *wrong; /* how long each was, in ms */
	size_t wrong_count, wrong_room;
	double *answer; /* of INVITEs, ms */
	size_t answer_count, answer_room;
	double invited[1 << 16]; /* when, by call number */
	uint32_t slot_of[1 << 16];
	uint32_t calls_made, subscribed, changes;
	uint64_t notifies;
	double last_notify;
	double loss;
	bool measure;
	uint64_t random;
	char folder[64];
};

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint32_t draw(struct crowd *c, uint32_t below)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return (uint32_t)((c->random >> 32) % below);
}

static bool lost(struct crowd *c)
{
	return c->loss > 0 && draw(c, 10000) < c->loss * 10000;
}

static void keep(double **list, size_t *count, size_t *room, double value)
{
	if (*count == *room) {
		*room = *room ? *room * 2 : 4096;
		*list = reallocarray(*list, *room, sizeof(**list));
		if (!*list)
			abort();
	}
	(*list)[(*count)++] = value;
}

static double percentile(double *list, size_t count, double p)
{
	if (!count)
		return 0;
	qsort(list, count, sizeof(*list), report_by_size);
	return list[(size_t)((double)(count - 1) * p)];
}

static void say(struct crowd *c, int fd, const char *text, int len)
{
	if (sendto(fd, text, (size_t)len, 0, (struct sockaddr *)&c->daemon,
		   sizeof(c->daemon)) < 0)
		perror("sendto");
}

static void wrong_until(struct crowd *c, struct phone *p, double now)
{
	if (p->wrong && c->measure)
		keep(&c->wrong, &c->wrong_count, &c->wrong_room, now - p->since);
	p->wrong = false;
}

/* The truth has changed: what the lamp shows is wrong from now on, or right. */
static void truth_changed(struct crowd *c, struct phone *p, double now)
{
	if (p->shown == c->slot[p->slot].truth) {
		wrong_until(c, p, now);
	} else if (!p->wrong) {
		p->wrong = true;
		p->since = now;
	}
}

/*
 * The lamp has changed. If it was overtaken by the next change on its way, it is
 * wrong since what it shows stopped being true, not since long before.
 */
static void lamp_changed(struct crowd *c, struct phone *p, uint32_t shown,
			 double now)
{
	const struct slot *s = &c->slot[p->slot];

	if (p->shown == shown)
		return;
	p->shown = shown;
	if (shown == s->truth) {
		wrong_until(c, p, now);
		return;
	}
	for (int i = 0; i < PAST; i++) {
		if (s->past[i].truth != shown || !s->past[i].until)
			continue;
		wrong_until(c, p, now);
		p->since = s->past[i].until;
		break;
	}
	p->wrong = true;
}

static void set_truth(struct crowd *c, uint32_t slot, uint32_t value)
{
	struct slot *s = &c->slot[slot];
	double now = now_ms();

	memmove(&s->past[1], &s->past[0], sizeof(s->past) - sizeof(s->past[0]));
	s->past[0].truth = s->truth;
	s->past[0].until = now;
	s->truth = value;
	c->changes++;
	for (uint32_t i = 0; i < s->count; i++)
		truth_changed(c, &c->phone[s->first + i], now);
}

static void subscribe(struct crowd *c, uint32_t i)
{
	char text[1024];
	unsigned int number = FIRST_SLOT + c->phone[i].slot;

	say(c, c->phones, text,
	    snprintf(text, sizeof(text),
		     "SUBSCRIBE sip:%u@127.0.0.1:%u SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bKs%u;rport\r\n"
		     "From: <sip:1%u@pbx.example.com>;tag=f%u\r\n"
		     "To: <sip:%u@park.example.com>\r\n"
		     "Call-ID: p%u-0123456789abcdef@pbx.example.com\r\n"
		     "CSeq: 1 SUBSCRIBE\r\nMax-Forwards: 70\r\n"
		     "Contact: <sip:1%u@127.0.0.1:%u>\r\nEvent: dialog\r\n"
		     "Accept: application/dialog-info+xml\r\nExpires: 3600\r\n"
		     "Content-Length: 0\r\n\r\n",
		     number, PORT, c->phone_port, i, i, i, number, i, i,
		     c->phone_port));
}

/* kind: 'c' the caller who is parked, 'r' who picks up. */
static void request(struct crowd *c, char kind, const char *method, uint32_t n,
		    const char *target, unsigned int cseq, const char *tag,
		    const char *more, const char *body)
{
	char text[2048];

	say(c, c->calls, text,
	    snprintf(text, sizeof(text),
		     "%s sip:%s@127.0.0.1:%u SIP/2.0\r\n"
		     "Via: SIP/2.0/UDP 127.0.0.1:%u;branch=z9hG4bK%c%u%s%u;rport\r\n"
		     "From: \"n%u\" <sip:%s@pbx.example.com>;tag=%c%u\r\n"
		     "To: <sip:%s@park.example.com>%s%s\r\n"
		     "Call-ID: %c%u@pbx.example.com\r\nCSeq: %u %s\r\n"
		     "Contact: <sip:%c@127.0.0.1:%u>\r\nMax-Forwards: 70\r\n%s"
		     "Content-Length: %zu\r\n\r\n%s",
		     method, target, PORT, c->call_port, kind, n, method, cseq,
		     n, kind == 'c' ? "4930111" : "1001", kind, n, target,
		     tag ? ";tag=" : "", tag ? tag : "", kind, n, cseq, method,
		     kind, c->call_port, more, strlen(body), body));
}

#define SDP                                                                    \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.2\r\ns=-\r\nc=IN IP4 127.0.0.2\r\n"     \
	"t=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define HAS_SDP "Content-Type: application/sdp\r\n"

static void park(struct crowd *c, uint32_t slot)
{
	uint32_t n = ++c->calls_made & 0xffff;
	char target[32];

	c->slot[slot].busy = true;
	c->slot[slot].expect = n;
	c->slot_of[n] = slot;
	c->invited[n] = now_ms();
	snprintf(target, sizeof(target), "*68%u", FIRST_SLOT + slot);
	request(c, 'c', "INVITE", n, target, 1, NULL,
		HAS_SDP "Referred-By: <sip:1001@pbx.example.com>\r\n", SDP);
}

/* The caller hangs up, or somebody picks up. */
static void end(struct crowd *c, uint32_t slot, bool pick_up)
{
	struct slot *s = &c->slot[slot];
	uint32_t n = s->truth;
	char target[32];

	s->busy = true;
	if (pick_up) {
		s->expect = n | RETRIEVER;
		c->invited[n] = now_ms();
		snprintf(target, sizeof(target), "%u", FIRST_SLOT + slot);
		request(c, 'r', "INVITE", n, target, 1, NULL,
			HAS_SDP "P-Asserted-Identity: <sip:1001@pbx.example.com>\r\n",
			SDP);
		return;
	}
	s->expect = n | ENDING;
	request(c, 'c', "BYE", n, "park", 2, s->tag, "", "");
	set_truth(c, slot, 0);
}

/* The value of a header, in `out`. */
static bool header(const char *m, const char *name, char *out, size_t len)
{
	const char *at = strcasestr(m, name);

	if (!at)
		return false;
	at += strlen(name);
	snprintf(out, len, "%.*s", (int)strcspn(at, "\r\n"), at);
	return true;
}

static void answer(struct crowd *c, int fd, const char *m)
{
	char via[512], from[256], to[256], id[128], cseq[64], text[1500];

	if (!header(m, "\r\nVia: ", via, sizeof(via)) ||
	    !header(m, "\r\nFrom: ", from, sizeof(from)) ||
	    !header(m, "\r\nTo: ", to, sizeof(to)) ||
	    !header(m, "\r\nCall-ID: ", id, sizeof(id)) ||
	    !header(m, "\r\nCSeq: ", cseq, sizeof(cseq)))
		return;
	say(c, fd, text,
	    snprintf(text, sizeof(text),
		     "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\n"
		     "Call-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
		     via, from, to, id, cseq));
}

static void notified(struct crowd *c, const char *m)
{
	const char *body = strstr(m, "\r\n\r\n"), *name;
	char id[128];
	uint32_t i;

	if (lost(c) || !body || !header(m, "\r\nCall-ID: p", id, sizeof(id)))
		return;
	i = (uint32_t)strtoul(id, NULL, 10);
	if (i >= PHONES)
		return;
	c->notifies++;
	c->last_notify = now_ms();
	name = strstr(body, "display=\"n");
	c->phone[i].notifies++;
	lamp_changed(c, &c->phone[i],
		     name ? (uint32_t)strtoul(name + 10, NULL, 10) : 0,
		     c->last_notify);
	if (!lost(c))
		answer(c, c->phones, m);
}

static void phones_hear(struct crowd *c, const char *m)
{
	char id[128];
	uint32_t i;

	if (!strncmp(m, "NOTIFY ", 7)) {
		notified(c, m);
		return;
	}
	if (strncmp(m, "SIP/2.0 200", 11)) {
		fprintf(stderr, "lamps: %.*s\n", (int)strcspn(m, "\r\n"), m);
		return;
	}
	header(m, "\r\nCall-ID: p", id, sizeof(id));
	i = (uint32_t)strtoul(id, NULL, 10);
	if (i < PHONES && !c->phone[i].subscribed) {
		c->phone[i].subscribed = true;
		c->subscribed++;
	}
}

static void invite_answered(struct crowd *c, char kind, uint32_t n,
			    const char *m)
{
	uint32_t slot = c->slot_of[n];
	struct slot *s = &c->slot[slot];
	char to[256], target[32], *tag;

	/* a repetition, or of a call that is over? */
	if (!s->busy || s->expect != (kind == 'r' ? n | RETRIEVER : n))
		return;
	if (strncmp(m, "SIP/2.0 200", 11)) {
		if (strncmp(m, "SIP/2.0 1", 9)) {
			fprintf(stderr, "lamps: INVITE: %.*s\n",
				(int)strcspn(m, "\r\n"), m);
			s->busy = false;
		}
		return;
	}
	header(m, "\r\nTo: ", to, sizeof(to));
	tag = strstr(to, "tag=");
	if (!tag)
		return;
	keep(&c->answer, &c->answer_count, &c->answer_room,
	     now_ms() - c->invited[n]);
	snprintf(target, sizeof(target), "%u", FIRST_SLOT + slot);
	request(c, kind, "ACK", n, target, 1, tag + 4, "", "");
	s->busy = false;
	if (kind == 'c') {
		snprintf(s->tag, sizeof(s->tag), "%.79s", tag + 4);
		set_truth(c, slot, n);
		return;
	}
	set_truth(c, slot, 0);
	s->expect = n | ENDING;
	s->busy = true;
	request(c, 'r', "BYE", n, target, 2, tag + 4, "", "");
}

static void calls_hear(struct crowd *c, const char *m)
{
	char id[128], cseq[64];
	uint32_t n;

	if (!strncmp(m, "BYE ", 4)) {
		answer(c, c->calls, m);
		return;
	}
	if (!header(m, "\r\nCall-ID: ", id, sizeof(id)) ||
	    !header(m, "\r\nCSeq: ", cseq, sizeof(cseq)))
		return;
	n = (uint32_t)strtoul(id + 1, NULL, 10) & 0xffff;
	if (strstr(cseq, "INVITE"))
		invite_answered(c, id[0], n, m);
	else if (strstr(cseq, "BYE") &&
		 c->slot[c->slot_of[n]].expect == (n | ENDING))
		c->slot[c->slot_of[n]].busy = false;
}

/* Take what has come; wait for at most so long. */
static void hear(struct crowd *c, double wait_ms)
{
	struct pollfd fd[2] = { { c->phones, POLLIN, 0 }, { c->calls, POLLIN, 0 } };
	struct timespec t = { 0, 0 };
	char m[MESSAGE];
	ssize_t n;

	if (wait_ms > 0)
		t.tv_nsec = (long)(wait_ms * 1e6);
	ppoll(fd, 2, &t, NULL);
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 64; k++) {
			n = recv(fd[i].fd, m, sizeof(m) - 1, MSG_DONTWAIT);
			if (n <= 0)
				break;
			m[n] = '\0';
			if (i)
				calls_hear(c, m);
			else
				phones_hear(c, m);
		}
}

static void rest(struct crowd *c, double ms)
{
	double until = now_ms() + ms;

	while (now_ms() < until)
		hear(c, 5);
}

/* Something changes at a slot: park, or one of the two ends. */
static bool change(struct crowd *c, uint32_t slot)
{
	if (c->slot[slot].busy)
		return false;
	if (!c->slot[slot].truth)
		park(c, slot);
	else
		end(c, slot, draw(c, 4) == 0);
	return true;
}

/* `hot`: of ten changes so many are at only ten slots. */
static uint32_t change_at_rate(struct crowd *c, double seconds, double rate,
			       uint32_t hot)
{
	double start = now_ms(), stop = start + seconds * 1e3, next = start;
	uint32_t before = c->changes;

	while (now_ms() < stop) {
		for (; next <= now_ms(); next += 1e3 / rate) {
			for (int tries = 0; tries < 20; tries++) {
				uint32_t slot = draw(c, 10) < hot ?
							1 + draw(c, 10) :
							1 + draw(c, SLOTS - 1);

				if (change(c, slot))
					break;
			}
		}
		hear(c, next - now_ms() < 1 ? next - now_ms() : 1);
	}
	return c->changes - before;
}

static uint32_t wrong_now(const struct crowd *c)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < PHONES; i++)
		n += c->phone[i].wrong;
	return n;
}

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
