// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a kill of holdfastd costs. Callers are parked and pairs are joined over a
 * veth pair with native XDP; ears on the far end (ears.bpf.c) count the RTP
 * of each of them. In the middle holdfastd is killed (SIGKILL) and started
 * again; a control run of the same length and load has no kill. Half of those who
 * are parked say nothing. Then every
 * dialog is asked for by OPTIONS in it, and the legs are counted.
 *
 * And: how long a start takes with 100,000 dialogs, what the journal costs, and
 * what it adds to the answer of a park.
 *
 * The kill is measured with 1,000 calls parked and as many joined, and at the end
 * with 10,000 of each. HF_BENCH_CALLS: with so many instead of both.
 * HF_BENCH_DIALOGS (100000). HF_BENCH_PARTS: some of "kill latency cpu dialogs
 * many".
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "lib/anchor.h"
#include "lib/sipload.h"
#include "lib/talk.h"
#include "report.h"

#define RUN_MS	8000.0
#define PARKS_S 1000.0

struct bench {
	struct anchor a;
	uint32_t calls, dialogs;
	bool many; /* the run with 10,000 calls */
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
		sl_repeat(&b->sip, first, first + count);
	}
	for (uint32_t n = first; b->sip.failed && n < first + count; n++)
		if (b->sip.dialog[n].state != SL_UP)
			fprintf(stderr, "restart: call %u %s: %u\n", n,
				pick ? "is not picked up" : "is not parked",
				b->sip.dialog[n].status);
	return reached(&b->sip, &g) && !b->sip.failed ? 0 : -ETIMEDOUT;
}

/* ---- the run */

static void listen_for(struct talk *t, struct bench *b, double ms,
		       struct talk_loss *ret)
{
	talk_listen_anew(t);
	sl_run(&b->sip, sl_now_ms() + ms, NULL, NULL);
	talk_heard(t, ret);
}

/* The kill in the middle of the run. How long SIP was silent is returned. */
static double listen_and_kill(struct talk *t, struct bench *b,
			      struct talk_loss *ret)
{
	double begin = sl_now_ms(), answer;

	talk_listen_anew(t);
	sl_run(&b->sip, begin + RUN_MS / 3, NULL, NULL);
	anchor_end(&b->a.pid, SIGKILL);
	sl_run(&b->sip, sl_now_ms() + 200, NULL, NULL);
	anchor_start(&b->a);
	answer = anchor_until_answer(&b->sip, 60000);
	sl_run(&b->sip, begin + RUN_MS, NULL, NULL);
	talk_heard(t, ret);
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

static void report_loss(struct report *rep, const struct talk_loss *kill,
			const struct talk_loss *control)
{
	report_carry(rep, "lost_without_kill", control->lost);
	report_carry(rep, "packets", kill->packets);
	report_carry(rep, "packets_without_kill", control->packets);
	report_carry(rep, "numbers_wrong", kill->wrong);
	report_carry(rep, "wrong_without_kill", control->wrong);
	report_carry(rep, "streams", kill->streams);
	report_carry(rep, "silent_over_100ms", kill->silent_over_100ms);
	report_carry(rep, "silent_without_kill", control->silent_over_100ms);
	report_carry(rep, "longest_pause_ms", (uint64_t)kill->longest_ms);
	report_carry(rep, "longest_without_kill_ms",
		     (uint64_t)control->longest_ms);
	report_carry(rep, "not_said", kill->not_said);
	report_carry(rep, "not_said_without_kill", control->not_said);
}

/* The name of a row; of the run with many calls one of its own. */
static const char *named(char *ret, size_t len, const char *name,
			 const struct bench *b)
{
	snprintf(ret, len, b->many ? "%s_10k" : "%s", name);
	return ret;
}

static int part_kill(struct bench *b, struct report *rep)
{
	struct talk t = {.anchor = &b->a, .sip = &b->sip};
	struct talk_loss control, kill;
	uint32_t n = b->calls;
	char name[64];
	double answer;
	int r = fresh(b, 2 * n);

	/* 0 to n-1 parked; n to 2n-1 parked and joined with 2n to 3n-1 */
	if (!r)
		r = place(b, 0, 2 * n, 500, ANCHOR_FIRST_SLOT, false, "sendrecv");
	if (!r)
		r = place(b, 2 * n, n, 500, ANCHOR_FIRST_SLOT + n, true, NULL);
	b->used = t.dialogs = 3 * n;
	t.half_silent = n;
	if (!r)
		r = talk_begin(&t);
	if (r)
		return r;
	sl_run(&b->sip, sl_now_ms() + 2000, NULL, NULL);
	listen_for(&t, b, RUN_MS, &control);
	answer = listen_and_kill(&t, b, &kill);
	talk_end(&t);
	forget_known(b);
	report_ratio(rep, named(name, sizeof(name), "media_packets_lost", b),
		     (double)kill.lost, "packets",
		     "the same run without a kill",
		     control.lost ? (double)kill.lost / (double)control.lost
				  : (double)kill.lost);
	report_carry(rep, "parked", n);
	report_carry(rep, "relayed", n);
	report_carry(rep, "silent_callers", n / 2);
	report_loss(rep, &kill, &control);
	report_carry(rep, "talkers_late_ms", (uint64_t)t.late_ms);
	report_ratio(rep, named(name, sizeof(name), "sip_answers_after_s", b),
		     answer / 1e3, "s", NULL, 0);
	report_ratio(rep, named(name, sizeof(name), "calls_unaccounted", b),
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

static bool wanted(const char *part)
{
	const char *parts = getenv("HF_BENCH_PARTS");

	return !parts || !*parts || strstr(parts, part);
}

static int all_parts(struct bench *b, struct report *rep)
{
	int r = 0;

	b->calls = anchor_number("HF_BENCH_CALLS", 1000);
	if (wanted("kill"))
		r = part_kill(b, rep);
	if (!r && wanted("latency"))
		r = part_latency(b, rep);
	if (!r && wanted("cpu"))
		r = part_cpu(b, rep);
	if (!r && wanted("dialogs"))
		r = part_dialogs(b, rep);
	b->many = !getenv("HF_BENCH_CALLS");
	if (!r && b->many && wanted("many")) {
		b->calls = 10000;
		r = part_kill(b, rep);
	}
	return r;
}

int main(int argc, char **argv)
{
	static struct bench b = {.a = {.instance = "bench-restart", .cpu = -1}};
	struct report rep = report_begin("restart");
	int r;

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
