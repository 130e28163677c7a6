// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What calls cost: parks and pick-ups by the second, how long an answer takes,
 * the CPU time and memory of a parked call, and who wins a race for a slot.
 * holdfastd has CPU 0, with its journal, its events and native XDP; the load
 * comes from CPU 1 (lib/sipload.c), which is at the far end of a veth pair.
 *
 * The CPU time of a park is compared with that of an INVITE at a server that
 * does nothing else (lib/uas.c), on the same CPU, by turns in the same run.
 *
 * HF_BENCH_SECONDS (20), HF_BENCH_RATE (1000), HF_BENCH_PARKED (50000),
 * HF_BENCH_RACES (10000). HF_BENCH_PARTS: letters of the parts to run, of
 * "rlcmd" (rate, latency, CPU, memory, double wins).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>

#include "lib/anchor.h"
#include "lib/sipload.h"
#include "report.h"

#define LOT		"700"
#define UAS_PORT	5090u
#define WAIT_MS		1000.0 /* in the slot */
#define TALK_MS		500.0
#define CPU_CALLS	2000u
#define CPU_ROUNDS	5
#define RACES_AT_ONCE	100u
#define REST_MS		40000.0 /* until no transaction is left: 64*T1 */
#define MANY		500000u

/* Numbers of dialogs by the time they came. */
struct line {
	uint32_t *n;
	uint32_t first, last;
};

struct bench {
	struct anchor a;
	pid_t uas;
	struct sl_load sip;
	uint32_t seconds, rate, parked, races;
	const char *parts;
	struct line waiting, talking;
	uint32_t picked_up;
	double *ms;
};

static bool settled(const struct sl_load *l, void *arg)
{
	return l->up + l->failed >= *(const uint32_t *)arg;
}

static bool all_over(const struct sl_load *l, void *arg)
{
	(void)arg;
	return l->ended >= l->up;
}

static void rest(struct bench *b, double ms)
{
	sl_run(&b->sip, sl_now_ms() + ms, NULL, NULL);
}

static int fresh(struct bench *b, uint32_t slots)
{
	int r = anchor_fresh(&b->a, &b->sip, slots, MANY);

	b->sip.arg = b;
	return r;
}

/* Parks `count` callers at `rate`, from dialog `first` on, and waits for all. */
static int park_at_rate(struct bench *b, uint32_t first, uint32_t count,
			double rate, const char *direction)
{
	uint32_t goal = b->sip.up + b->sip.failed + count, done = 0;
	double begin = sl_now_ms(), until;

	while (done < count) {
		uint32_t due =
			(uint32_t)((sl_now_ms() - begin) * rate / 1e3) + 1;

		for (; done < due && done < count; done++) {
			struct sockaddr_in rtp = anchor_rtp(first + done);

			sl_park_any(&b->sip, first + done, LOT, &rtp,
				    direction);
		}
		sl_run(&b->sip, begin + done * 1e3 / rate, NULL, NULL);
	}
	until = sl_now_ms() + 32000;
	while (!settled(&b->sip, &goal) && sl_now_ms() < until) {
		sl_run(&b->sip, sl_now_ms() + 100, settled, &goal);
		sl_repeat(&b->sip, first, first + count);
	}
	if (b->sip.failed)
		fprintf(stderr, "sip: %u calls failed\n", b->sip.failed);
	return settled(&b->sip, &goal) ? 0 : -ETIMEDOUT;
}

static int hang_up(struct bench *b, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (b->sip.dialog[first + i].state == SL_UP)
			sl_bye(&b->sip, first + i);
		if (i % 4 == 3)
			sl_run(&b->sip, sl_now_ms() + 2, NULL, NULL);
	}
	return sl_run(&b->sip, sl_now_ms() + 32000, all_over, NULL)
		       ? 0
		       : -ETIMEDOUT;
}

/* ---- parks and pick-ups by the second */

/* Even numbers are callers, the next odd one picks each up. */
static void came_or_went(struct sl_load *l, uint32_t n)
{
	struct bench *b = l->arg;

	if (l->dialog[n].state != SL_UP)
		return;
	if (n % 2) {
		b->picked_up++;
		b->talking.n[b->talking.last++] = n;
	} else {
		b->waiting.n[b->waiting.last++] = n;
	}
}

static void what_is_due(struct bench *b, double now)
{
	struct line *w = &b->waiting, *t = &b->talking;

	for (; w->first < w->last; w->first++) {
		uint32_t n = w->n[w->first];
		struct sockaddr_in rtp = anchor_rtp(n + 1);

		if (b->sip.dialog[n].answer_ms + WAIT_MS > now)
			break;
		sl_pick_up(&b->sip, n + 1, b->sip.dialog[n].slot, &rtp);
	}
	for (; t->first < t->last; t->first++) {
		uint32_t n = t->n[t->first];

		if (b->sip.dialog[n].answer_ms + TALK_MS > now)
			break;
		sl_bye(&b->sip, n);
	}
}

/* At `rate` for so many seconds; then as long as it takes. */
static uint32_t live(struct bench *b, double *seconds, uint64_t *cpu)
{
	double begin = sl_now_ms(), step = 1e3 / b->rate, swept = begin;
	double end = begin + b->seconds * 1e3, now;
	uint32_t made = 0;

	*cpu = anchor_cpu_ns(b->a.pid, NULL);
	while ((now = sl_now_ms()) < end + 60000) {
		while (now < end && begin + made * step <= now) {
			struct sockaddr_in rtp = anchor_rtp(2 * made);

			sl_park_any(&b->sip, 2 * made, LOT, &rtp, "sendrecv");
			made++;
		}
		what_is_due(b, now);
		if (now - swept > 200) {
			uint32_t from = made > 10000 ? made - 10000 : 0;

			sl_repeat(&b->sip, 2 * from, 2 * made);
			swept = now;
		}
		if (now < end)
			sl_run(&b->sip, begin + made * step, NULL, NULL);
		else if (b->sip.ended + b->sip.failed >= 2 * made)
			break;
		else
			sl_run(&b->sip, now + 1, NULL, NULL);
		if (now < end)
			*seconds = (sl_now_ms() - begin) / 1e3;
	}
	*cpu = anchor_cpu_ns(b->a.pid, NULL) - *cpu;
	return made;
}

static int part_rate(struct bench *b, struct report *rep)
{
	uint32_t most = b->seconds * b->rate + 1000, made;
	double seconds = 1;
	uint64_t cpu;
	int r = fresh(b, 20000);

	if (r)
		return r;
	b->waiting.n = calloc(most, sizeof(uint32_t));
	b->talking.n = calloc(most, sizeof(uint32_t));
	b->sip.changed = came_or_went;
	made = live(b, &seconds, &cpu);
	b->sip.changed = NULL;
	report_ratio(rep, "parks_per_s", b->waiting.last / seconds, "1/s", NULL,
		     0);
	report_carry(rep, "asked_for", b->rate);
	report_carry(rep, "invites_again", b->sip.repeated);
	report_carry(rep, "cpu_percent", (uint64_t)((double)cpu / seconds / 1e7));
	report_ratio(rep, "pickups_per_s", b->picked_up / seconds, "1/s", NULL,
		     0);
	report_ratio(rep, "failed_calls",
		     2.0 * made - b->waiting.last - b->picked_up, "calls",
		     NULL, 0);
	report_carry(rep, "calls", made);
	report_carry(rep, "not_ended", 2 * made - b->sip.ended);
	for (uint32_t i = 0; i < made; i++)
		b->ms[i] = b->sip.dialog[2 * i].answer_ms -
			   b->sip.dialog[2 * i].sent_ms;
	report_carry(rep, "park_200_p99_us",
		     (uint64_t)(report_p99(b->ms, made) * 1e3));
	for (uint32_t i = 0; i < made; i++)
		b->ms[i] = b->sip.dialog[2 * i + 1].answer_ms -
			   b->sip.dialog[2 * i + 1].sent_ms;
	report_carry(rep, "pickup_200_p99_us",
		     (uint64_t)(report_p99(b->ms, made) * 1e3));
	free(b->waiting.n);
	free(b->talking.n);
	return 0;
}

/* ---- how long an answer takes */

static int part_latency(struct bench *b, struct report *rep)
{
	static struct anchor_sync sync;
	uint32_t n = b->rate / 2 * 10;
	double parks, fsyncs;
	int r = fresh(b, n);

	if (r)
		return r;
	anchor_sync_begin(&sync, &b->a);
	r = park_at_rate(b, 0, n, b->rate / 2.0, "sendonly");
	anchor_sync_end(&sync);
	for (uint32_t i = 0; i < n; i++)
		b->ms[i] = b->sip.dialog[i].answer_ms -
			   b->sip.dialog[i].sent_ms;
	parks = report_p99(b->ms, n);
	fsyncs = report_p99(sync.ms, sync.count);
	report_ratio(rep, "park_200_p99", parks, "ms",
		     "10 ms and the p99 of an fsync of 4 KiB in the same run",
		     parks / (10 + fsyncs));
	report_carry(rep, "median_us", (uint64_t)(b->ms[n / 2] * 1e3));
	report_carry(rep, "parks_a_second", b->rate / 2);
	report_ratio(rep, "fsync_p99", fsyncs, "ms", NULL, 0);
	return r;
}

/* ---- CPU */

/* ns for each call: INVITE, 200, ACK, and what is left to do half a second
 * later. They hang up after that. */
static int cpu_of(struct bench *b, pid_t pid, uint32_t first, uint64_t *journal,
		  double *ns)
{
	uint64_t before;
	int r;

	rest(b, 300);
	before = anchor_cpu_ns(pid, NULL);
	*journal = anchor_cpu_ns(pid, "journal");
	r = park_at_rate(b, first, CPU_CALLS, b->rate, "sendrecv");
	rest(b, 500);
	*ns = (double)(anchor_cpu_ns(pid, NULL) - before) / CPU_CALLS;
	*journal = anchor_cpu_ns(pid, "journal") - *journal;
	return r ? r : hang_up(b, first, CPU_CALLS);
}

static int part_cpu(struct bench *b, struct report *rep)
{
	char port[8];
	const char *const argument[] = {"bench-uas", ANCHOR_HERE, port, NULL};
	double ours[CPU_ROUNDS], empty[CPU_ROUNDS];
	uint64_t journal = 0, unused;
	int r = fresh(b, CPU_CALLS);

	snprintf(port, sizeof(port), "%u", UAS_PORT);
	b->uas = anchor_run(&b->a, b->a.cpu, "bench-uas", argument);
	sl_towards(&b->sip, UAS_PORT);
	if (!r && anchor_until_answer(&b->sip, 10000) < 0)
		r = -ETIMEDOUT;
	for (uint32_t i = 0; i < CPU_ROUNDS && !r; i++) {
		sl_towards(&b->sip, UAS_PORT);
		r = cpu_of(b, b->uas, 2 * i * CPU_CALLS, &unused, &empty[i]);
		sl_towards(&b->sip, 5060);
		if (!r)
			r = cpu_of(b, b->a.pid, (2 * i + 1) * CPU_CALLS,
				   &journal, &ours[i]);
	}
	anchor_end(&b->uas, SIGTERM);
	if (r)
		return r;
	report_ratio(rep, "cpu_per_park", median(ours, CPU_ROUNDS) / 1e3, "us",
		     "cpu_per_invite_empty_uas",
		     median_ratio(ours, empty, CPU_ROUNDS));
	report_carry(rep, "journal_thread_ns", journal / CPU_CALLS);
	report_ratio(rep, "cpu_per_invite_empty_uas",
		     median(empty, CPU_ROUNDS) / 1e3, "us", NULL, 0);
	return 0;
}

/* ---- many */

static double middle(struct bench *b, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		b->ms[i] = b->sip.dialog[first + i].answer_ms -
			   b->sip.dialog[first + i].sent_ms;
	qsort(b->ms, count, sizeof(*b->ms), report_by_size);
	return b->ms[count / 2] * 1e3;
}

static int part_memory(struct bench *b, struct report *rep)
{
	uint32_t tenth = b->parked / 10;
	double before, rss, first = 0, last = 0, first_us, last_us;
	int r = fresh(b, b->parked);

	rest(b, 1000);
	before = anchor_memory(b->a.pid, "RssAnon");
	rss = anchor_memory(b->a.pid, "VmRSS");
	for (uint32_t i = 0; i < 10 && !r; i++) {
		uint64_t cpu = anchor_cpu_ns(b->a.pid, NULL);

		r = park_at_rate(b, i * tenth, tenth, b->rate, "sendonly");
		last = (double)(anchor_cpu_ns(b->a.pid, NULL) - cpu) / tenth;
		first = i ? first : last;
	}
	if (r)
		return r;
	rest(b, REST_MS);
	report_ratio(rep, "memory_per_parked_call",
		     (anchor_memory(b->a.pid, "RssAnon") - before) / b->parked,
		     "bytes", NULL, 0);
	report_carry(rep, "parked", b->parked);
	report_carry(rep, "resident_all",
		     (uint64_t)((anchor_memory(b->a.pid, "VmRSS") - rss) /
				b->parked));
	report_carry(rep, "calls_failed", b->sip.failed);
	first_us = middle(b, 0, tenth);
	last_us = middle(b, 9 * tenth, tenth);
	report_ratio(rep, "park_200_median_when_full", last_us, "us",
		     "the median while the first tenth was parked",
		     last_us / first_us);
	report_ratio(rep, "cpu_per_park_when_full", last / 1e3, "us",
		     "the same while the first tenth was parked",
		     last / first);
	return 0;
}

/* ---- races for a slot */

struct tally {
	uint32_t none, two, others;
};

/* Both INVITEs are on their way before either is answered. Callers are the
 * dialogs from 3 * first on, each followed by its two retrievers. */
static int race(struct bench *b, uint32_t first, uint32_t count,
		struct tally *ret)
{
	uint32_t goal = b->sip.up + b->sip.failed + 3 * count;

	for (uint32_t i = first; i < first + count; i++) {
		struct sockaddr_in rtp = anchor_rtp(3 * i);

		sl_park_any(&b->sip, 3 * i, LOT, &rtp, "sendonly");
	}
	goal -= 2 * count;
	if (!sl_run(&b->sip, sl_now_ms() + 32000, settled, &goal))
		return -ETIMEDOUT;
	rest(b, 5); /* the ACKs */
	for (uint32_t i = first; i < first + count; i++)
		for (uint32_t k = 1; k < 3; k++) {
			uint32_t n = 3 * i + (i % 2 ? k : 3 - k);
			struct sockaddr_in rtp = anchor_rtp(n);

			sl_pick_up(&b->sip, n, b->sip.dialog[3 * i].slot, &rtp);
		}
	goal += 2 * count;
	if (!sl_run(&b->sip, sl_now_ms() + 32000, settled, &goal))
		return -ETIMEDOUT;
	for (uint32_t i = first; i < first + count; i++) {
		const struct sl_dialog *d = &b->sip.dialog[3 * i];
		uint32_t won = (d[1].status == 200) + (d[2].status == 200);

		ret->none += !won;
		ret->two += won == 2;
		ret->others += (d[1].status != 200 && d[1].status != 486) ||
			       (d[2].status != 200 && d[2].status != 486);
		for (uint32_t k = 1; k < 3; k++)
			if (d[k].state == SL_UP)
				sl_bye(&b->sip, 3 * i + k);
	}
	return sl_run(&b->sip, sl_now_ms() + 32000, all_over, NULL)
		       ? 0
		       : -ETIMEDOUT;
}

static int part_race(struct bench *b, struct report *rep)
{
	struct tally t = {0, 0, 0};
	int r = fresh(b, RACES_AT_ONCE);

	for (uint32_t i = 0; i < b->races && !r; i += RACES_AT_ONCE)
		r = race(b, i, RACES_AT_ONCE, &t);
	if (r)
		return r;
	rest(b, 500);
	report_ratio(rep, "race_double_wins", t.two, "races", NULL, 0);
	report_carry(rep, "races", b->races);
	report_carry(rep, "nobody_won", t.none);
	report_carry(rep, "loser_not_486", t.others);
	report_carry(rep, "calls_left",
		     (uint64_t)anchor_status(&b->a, "calls", "total"));
	report_carry(rep, "legs_left",
		     (uint64_t)anchor_status(&b->a, NULL, "legs_open"));
	return 0;
}

static int all_parts(struct bench *b, struct report *rep)
{
	static const struct {
		char letter;
		int (*run)(struct bench *, struct report *);
	} part[] = {{'r', part_rate},
		    {'l', part_latency},
		    {'c', part_cpu},
		    {'m', part_memory},
		    {'d', part_race}};
	int r = 0;

	for (size_t i = 0; i < sizeof(part) / sizeof(*part) && !r; i++)
		if (strchr(b->parts, part[i].letter))
			r = part[i].run(b, rep);
	return r;
}

int main(int argc, char **argv)
{
	static struct bench b = {.a = {.instance = "bench-sip", .cpu = 0}};
	struct report rep = report_begin("sip");
	int r;

	setlinebuf(stdout);
	b.seconds = anchor_number("HF_BENCH_SECONDS", 20);
	b.rate = anchor_number("HF_BENCH_RATE", 1000);
	b.parked = anchor_number("HF_BENCH_PARKED", 50000);
	b.races = anchor_number("HF_BENCH_RACES", 10000);
	b.parts = getenv("HF_BENCH_PARTS") ?: "rlcmd";
	b.ms = calloc(MANY, sizeof(*b.ms));
	anchor_stay_on(1);
	r = b.ms ? anchor_open(&b.a) : -ENOMEM;
	if (!r)
		r = sl_open(&b.sip, ANCHOR_THERE, 5070, ANCHOR_HERE, 1);
	if (!r)
		r = all_parts(&b, &rep);
	if (r)
		fprintf(stderr, "sip: %s; the log of holdfastd:\n",
			strerror(-r));
	anchor_end(&b.uas, SIGTERM);
	anchor_close(&b.a, r);
	if (report_end(&rep, argc > 1 ? argv[1] : NULL) || r)
		return 1;
	return 0;
}
