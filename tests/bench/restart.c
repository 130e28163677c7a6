// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a kill of holdfastd costs. Callers are parked and pairs are joined over a
 * veth pair with native XDP; ears on the far end (ears.bpf.c) count the RTP
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
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "ears.h"
#include "lib/anchor.h"
#include "lib/sipload.h"
#include "report.h"

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
	struct anchor a;
	uint32_t calls, dialogs;
	struct sl_load sip;
	uint32_t used; /* dialogs of it so far */
};

/* ---- calls */

struct goal {
	uint32_t up, over;
};

static bool reached(const struct sl_load *l, void *arg)
{
	const struct goal *g = arg;

	return l->up + l->failed >= g->up && l->ended >= g->over;
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
			struct sockaddr_in rtp = anchor_rtp(n);

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
	memcpy(f->eth.h_dest, b->a.near_mac, 6);
	memcpy(f->eth.h_source, b->a.far_mac, 6);
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

	anchor_go(t->bench->a.far);
	fd = socket(AF_PACKET, SOCK_RAW, 0);
	to.sll_ifindex = (int)t->bench->a.far_index;
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
		struct heard *h = &b->a.heard[anchor_rtp_port(n)];

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
		const struct heard *h = &b->a.heard[anchor_rtp_port(n)];
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
	anchor_end(&b->a.pid, SIGKILL);
	sl_run(&b->sip, sl_now_ms() + 200, NULL, NULL);
	anchor_start(&b->a);
	answer = anchor_until_answer(&b->sip, 60000);
	sl_run(&b->sip, begin + RUN_MS, NULL, NULL);
	count(b, ret);
	return answer;
}

/* ---- accounts */

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
	have = anchor_status(&b->a, "calls", "total");
	if (have != calls)
		fprintf(stderr, "restart: %ld calls, not %ld\n", have, calls);
	calls = labs(have - calls);
	have = anchor_status(&b->a, NULL, "legs_open");
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
	b->used = 0;
	return anchor_fresh(&b->a, &b->sip, slots,
			    (3 * b->calls > b->dialogs ? 3 * b->calls
						       : b->dialogs) +
				    100000);
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
		r = place(b, 0, 2 * n, 500, ANCHOR_FIRST_SLOT, false, "sendrecv");
	if (!r)
		r = place(b, 2 * n, n, 500, ANCHOR_FIRST_SLOT + n, true, NULL);
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
		r = place(b, 0, n, 3000, ANCHOR_FIRST_SLOT, false, "sendonly");
	if (r)
		return r;
	b->used = n;
	anchor_end(&b->a.pid, SIGKILL);
	anchor_start(&b->a);
	answer = anchor_until_answer(&b->sip, 60000);
	report_ratio(rep, "restore_100k_dialogs_s",
		     answer / 1e3, "s", NULL, 0);
	report_carry(rep, "dialogs", n);
	report_carry(rep, "start_to_answer_ms", (uint64_t)answer);
	report_carry(rep, "unaccounted", unaccounted(b, (long)n, (long)n));
	return answer < 0 ? -ETIMEDOUT : 0;
}

static int part_cpu(struct bench *b, struct report *rep)
{
	uint32_t n = 5000;
	uint64_t all, journal;
	struct goal g;
	int r = fresh(b, n);

	if (r)
		return r;
	all = anchor_cpu_ns(b->a.pid, NULL);
	journal = anchor_cpu_ns(b->a.pid, "journal");
	r = place(b, 0, n, PARKS_S, ANCHOR_FIRST_SLOT, false, "sendonly");
	g = (struct goal){.up = n, .over = b->sip.ended + n};
	for (uint32_t i = 0; i < n && !r; i++) {
		sl_bye(&b->sip, i);
		if (i % 10 == 9)
			sl_run(&b->sip, sl_now_ms() + 10, NULL, NULL);
	}
	sl_run(&b->sip, sl_now_ms() + 10000, reached, &g);
	all = anchor_cpu_ns(b->a.pid, NULL) - all;
	journal = anchor_cpu_ns(b->a.pid, "journal") - journal;
	report_ratio(rep, "journal_cpu_share",
		     all ? 100.0 * (double)journal / (double)all : -1, "%",
		     NULL, 0);
	report_carry(rep, "parks_a_second", (uint64_t)PARKS_S);
	report_carry(rep, "journal_ns_per_park", journal / n);
	report_carry(rep, "controller_ns_per_park", all / n);
	return r;
}

static int part_latency(struct bench *b, struct report *rep)
{
	static struct anchor_sync s;
	static double ms[2000];
	uint32_t n = 2000;
	double parks, fsyncs;
	int r = fresh(b, n);

	if (r)
		return r;
	anchor_sync_begin(&s, &b->a);
	r = place(b, 0, n, 200, ANCHOR_FIRST_SLOT, false, "sendonly");
	anchor_sync_end(&s);
	for (uint32_t i = 0; i < n; i++)
		ms[i] = b->sip.dialog[i].answer_ms - b->sip.dialog[i].sent_ms;
	parks = report_p99(ms, n);
	fsyncs = report_p99(s.ms, s.count);
	report_ratio(rep, "park_200_p99_fsync", parks, "ms",
		     "p99 of an fsync of 4 KiB in the same run",
		     fsyncs > 0 ? parks / fsyncs : 0);
	report_carry(rep, "fsync_p99_us", (uint64_t)(fsyncs * 1e3));
	return r;
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
	static struct bench b = {.a = {.instance = "bench-restart", .cpu = -1}};
	struct report rep = report_begin("restart");
	int r;

	b.calls = anchor_number("HF_BENCH_CALLS", 1000);
	b.dialogs = anchor_number("HF_BENCH_DIALOGS", 100000);
	r = anchor_open(&b.a);
	if (!r)
		r = sl_open(&b.sip, ANCHOR_THERE, 5070, ANCHOR_HERE, 1);
	if (!r)
		r = all_parts(&b, &rep);
	if (r)
		fprintf(stderr, "restart: %s; the log of holdfastd:\n",
			strerror(-r));
	anchor_close(&b.a, r);
	if (report_end(&rep, argc > 1 ? argv[1] : NULL) || r)
		return 1;
	return 0;
}
