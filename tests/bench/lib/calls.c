// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What 10,000 held calls cost in CPU, by the anchor and by other means on the
 * same veth pair side by side, and how even the packets are that reach them.
 *
 * Cost is the time that an idle spinner on each CPU does not get: so it holds
 * whatever was used, by a process or by interrupts, on either end, and is given
 * in percent of one CPU. The kinds take turns, round after round, each between
 * two looks at the machine without it. The far end drops what arrives in the
 * way that is cheapest for its sender.
 *
 * Spacing is the distance of two packets of a call, as they arrive, less what it
 * should be. What a sender would have that costs nothing is measured beside it:
 * the timer's floor, the same distance of the wake-ups of a real-time thread.
 *
 * Its rows go into those of the bench of the data path (scripts/bench).
 */
#include <math.h>

#include "calls_stage.h"
#include "rtpengine.h"

/* ---- what it costs */

/* On top of receiving and dropping what callers send. */
static bool calls_are_heard(enum kind k)
{
	return k == REFLECT || k == LEAST || k == CONSUME || k == TALK ||
	       k == AUTO;
}

static int kind_begin(struct bench *b, enum kind kind)
{
	bool held = kind == TIMER || kind == TALK || kind == AUTO ||
		    kind == CONSUME;

	if (near_set(b, kind) ||
	    far_set(b, kind != SENDMMSG && kind != AF_PACKETS))
		return -EIO;
	calls_hold_over(b, held, kind == AUTO ? HF_PROGRAM_AUTO_CLOCK : 0,
			kind == CONSUME ? 0 : PTIME_MS);
	atomic_store(&b->sender, kind);
	atomic_store(&b->talking,
		     kind == EAT || calls_are_heard(kind));
	poll(NULL, 0, 200); /* under way */
	return 0;
}

static void kind_end(struct bench *b)
{
	atomic_store(&b->sender, IDLE);
	atomic_store(&b->talking, false);
	calls_hold(b, false, 0);
	poll(NULL, 0, 50);
}

/* This number of its threads' /proc files, all together. */
static double keeper_sum(const struct bench *b, const char *file,
			 const char *awk)
{
	char command[160];
	double sum = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "cat /proc/%d/task/*/%s | awk '%s END { print n + 0 }'",
		 (int)b->s.mediad, file, awk);
	f = popen(command, "r");
	if (!f || fscanf(f, "%lf", &sum) != 1)
		sum = 0;
	if (f)
		pclose(f);
	return sum;
}

static double keeper_ran_ns(const struct bench *b)
{
	return keeper_sum(b, "schedstat", "{ n += $1 }");
}

static int cost_round(struct bench *b, int r)
{
	double before = used_percent(b), after, used, keeper;
	uint64_t out, in, turned, start;

	for (int k = TIMER; k < KINDS; k++) {
		out = frames_sent(b) + b->sent;
		turned = frames_turned(b);
		in = arrived(b);
		if (kind_begin(b, (enum kind)k))
			return -EIO;
		keeper = keeper_ran_ns(b);
		start = hf_now_ns();
		used = used_percent(b);
		keeper = (keeper_ran_ns(b) - keeper) * 100 /
			 (double)(hf_now_ns() - start);
		kind_end(b);
		b->out[k] += frames_sent(b) + b->sent - out;
		b->in[k] += arrived(b) - in;
		if (k == AUTO) {
			b->turned += frames_turned(b) - turned;
			b->keeper[r] = keeper * 10000 / b->calls;
		}
		after = used_percent(b);
		b->cost[k][r] = (used - (before + after) / 2) * 10000 /
				b->calls;
		before = after;
	}
	return 0;
}

/* rtpengine's player, with fewer calls, started once. */
static int rtpengine_rounds(struct bench *b)
{
	double idle = used_percent(b);
	struct rtpengine r;
	uint64_t in, start;
	int err = far_set(b, false);

	if (!err)
		err = rtpengine_open(&r, b->s.dir, ANCHOR, REMOTE,
				     2 * CALLS_PORT, RTPENGINE_CALLS);
	if (!err)
		poll(NULL, 0, RUN_MS); /* under way */
	for (int n = 0; n < ROUNDS && !err; n++) {
		in = arrived(b);
		start = hf_now_ns();
		b->rtpengine[n] = used_percent(b);
		b->rtpengine_in += arrived(b) - in;
		b->rtpengine_wanted += (hf_now_ns() - start) * RTPENGINE_CALLS /
				       (PTIME_MS * HF_MS);
	}
	rtpengine_close(&r);
	idle = (idle + used_percent(b)) / 2;
	for (int n = 0; n < ROUNDS; n++)
		b->rtpengine[n] = (b->rtpengine[n] - idle) * 10000 /
				  RTPENGINE_CALLS;
	return err;
}

static void cost_report(struct bench *b, struct report *r)
{
	static const struct {
		enum kind kind;
		const char *name;
	} row[] = {{TIMER, "cpu_per_10k_timer"},
		   {TALK, "cpu_per_10k_timer_callers_send"},
		   {REFLECT, "cpu_per_10k_reflect"},
		   {LEAST, "cpu_per_10k_hold_least"},
		   {CONSUME, "cpu_per_10k_consume"},
		   {AUTO, "cpu_per_10k_auto"},
		   {SENDMMSG, "cpu_per_10k_sendmmsg"},
		   {AF_PACKETS, "cpu_per_10k_af_packet"}};
	double value[ROUNDS];

	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		enum kind k = row[i].kind;

		if (!b->out[TIMER])
			break;
		for (int n = 0; n < ROUNDS; n++)
			value[n] = b->cost[k][n] -
				   (calls_are_heard(k) ? b->cost[EAT][n] : 0);
		report_ratio(r, row[i].name, median(value, ROUNDS), "% CPU",
			     k == TIMER ? NULL : "cpu_per_10k_timer",
			     median_ratio(value, b->cost[TIMER], ROUNDS));
		report_carry(r, "packets_sent", b->out[k]);
		report_carry(r, "packets_arrived", b->in[k]);
		if (k == AUTO)
			report_carry(r, "packets_turned_around", b->turned);
	}
	if (b->rtpengine_in) {
		report_ratio(r, "cpu_per_10k_rtpengine",
			     median(b->rtpengine, ROUNDS), "% CPU",
			     "cpu_per_10k_timer",
			     median_ratio(b->rtpengine, b->cost[TIMER],
					  ROUNDS));
		report_carry(r, "calls_measured", RTPENGINE_CALLS);
		report_carry(r, "packets_wanted", b->rtpengine_wanted);
		report_carry(r, "packets_arrived", b->rtpengine_in);
	}
	if (b->out[AUTO])
		report_ratio(r, "cpu_per_10k_auto_keeper",
			     median(b->keeper, ROUNDS), "% CPU",
			     "cpu_per_10k_timer",
			     median_ratio(b->keeper, b->cost[TIMER], ROUNDS));
	if (b->out[TIMER])
		report_ratio(r, "cpu_per_10k_receive_and_drop",
			     median(b->cost[EAT], ROUNDS), "% CPU", NULL, 0);
}

/* ---- how even */

/* The error that this share of all stays below, ms. */
static double percentile(const struct bench *b, double share)
{
	static uint64_t sum[CALLS_ERRORS_US];
	int n = libbpf_num_possible_cpus();
	uint64_t all = 0, below = 0, v[n];

	for (__u32 k = 0; k < CALLS_ERRORS_US; k++) {
		bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.errors), &k, v);
		sum[k] = 0;
		for (int i = 0; i < n; i++)
			sum[k] += v[i];
		all += sum[k];
	}
	for (__u32 k = 0; k < CALLS_ERRORS_US; k++) {
		below += sum[k];
		if ((double)below >= share * (double)all)
			return (k + 1) / 1000.0;
	}
	return CALLS_ERRORS_US / 1000.0;
}

static void errors_forget(struct bench *b)
{
	int n = libbpf_num_possible_cpus();
	uint64_t v[n];

	memset(v, 0, sizeof(v));
	for (__u32 k = 0; k < CALLS_ERRORS_US; k++)
		bpf_map_update_elem(bpf_map__fd(b->skel->maps.errors), &k, v, 0);
	memset(b->heard, 0, CALLS_MAX * sizeof(*b->heard));
}

static int spacing_run(struct bench *b, uint32_t calls, double *p99,
		       double *p999)
{
	uint32_t all = b->calls;
	uint64_t wrong = 0;

	b->calls = calls;
	if (kind_begin(b, TIMER))
		return -EIO;
	errors_forget(b);
	b->talk->listen = 1;
	poll(NULL, 0, SPACING_MS);
	b->talk->listen = 0;
	kind_end(b);
	for (uint32_t i = 0; i < calls; i++)
		wrong += b->heard[i].wrong;
	b->calls = all;
	*p99 = percentile(b, 0.99);
	*p999 = percentile(b, 0.999);
	b->wrong += wrong;
	return 0;
}

/* The same error of a thread that wakes and does nothing, ms. */
static double timer_floor(double share)
{
	enum { N = SPACING_MS / TICK_MS, SLOTS = PTIME_MS / TICK_MS };
	static double late[N], error[N - SLOTS];
	uint64_t next = hf_now_ns();

	be_first(50);
	for (int i = 0; i < N; i++) {
		next = tick_wait(next + TICK_MS * HF_MS);
		late[i] = (double)(hf_now_ns() - next) / 1e6;
	}
	pthread_setschedparam(pthread_self(), SCHED_OTHER,
			      &(struct sched_param){0});
	for (int i = 0; i < N - SLOTS; i++)
		error[i] = fabs(late[i + SLOTS] - late[i]);
	qsort(error, N - SLOTS, sizeof(*error), report_by_size);
	return error[(int)(share * (N - SLOTS))];
}

static int spacing_report(struct bench *b, struct report *r)
{
	double p99[2][ROUNDS], p999[2][ROUNDS], floor[ROUNDS];
	int err;

	for (int n = 0; n < ROUNDS; n++) {
		floor[n] = timer_floor(0.999);
		err = spacing_run(b, 1000, &p99[0][n], &p999[0][n]);
		if (!err)
			err = spacing_run(b, b->calls, &p99[1][n], &p999[1][n]);
		if (err)
			return err;
	}
	report_ms(r, "spacing_p99_10k", median(p99[1], ROUNDS));
	report_carry(r, "packets_out_of_sequence", b->wrong);
	report_ms(r, "spacing_p999_1k", median(p999[0], ROUNDS));
	report_ms(r, "spacing_p999_10k", median(p999[1], ROUNDS));
	report_ms(r, "timer_floor_p999", median(floor, ROUNDS));
	return 0;
}

static int costs(struct bench *b, struct report *r, bool calls, bool rtpengine)
{
	int err = 0;

	for (int i = 0; i < b->cpus && i < 64 && !err; i++) {
		b->spinner[i].cpu = i;
		err = -pthread_create(&b->spinner[i].thread, NULL, spin,
				      &b->spinner[i]);
	}
	for (int n = 0; n < ROUNDS && !err && calls; n++)
		err = cost_round(b, n);
	if (!err && rtpengine)
		err = rtpengine_rounds(b);
	if (err == -ENOENT) {
		printf("cpu_per_10k_rtpengine: not measured, rtpengine is not installed\n");
		err = 0;
	}
	if (!err)
		cost_report(b, r);
	return err;
}

/* ---- a keeper with little to do, and with nothing */

#define FEW_CALLS 10
/* They share a millisecond, as new calls do (wheel.c); or each has one of its own,
 * as those that are left of many. */
static void few_cost(struct bench *b, struct report *r, const char *row,
		     uint32_t apart)
{
	uint32_t all = b->calls;
	double before, after;
	uint64_t start;

	b->calls = FEW_CALLS;
	calls_hold_over(b, true, 0, apart);
	poll(NULL, 0, 200); /* under way */
	start = hf_now_ns();
	before = keeper_ran_ns(b);
	poll(NULL, 0, SPACING_MS);
	after = keeper_ran_ns(b);
	report_ratio(r, row,
		     (after - before) * 100 / (double)(hf_now_ns() - start),
		     "% CPU", NULL, 0);
	calls_hold(b, false, 0);
	b->calls = all;
}

static void few_report(struct bench *b, struct report *r)
{
	static const char *const woken =
		"/^voluntary_ctxt_switches/ { n += $2 }";
	double before, after;

	/* The first time there may be something left of the start. */
	for (int n = 0; n < 2; n++) {
		before = keeper_sum(b, "status", woken);
		poll(NULL, 0, SPACING_MS);
		after = keeper_sum(b, "status", woken);
	}
	report_ratio(r, "wakeups_without_calls",
		   (after - before) * 1000 / SPACING_MS, "per s", NULL, 0);
	few_cost(b, r, "cpu_10_calls_keeper", 1);
	few_cost(b, r, "cpu_10_calls_apart_keeper", FEW_CALLS);
}

static int setup(struct bench *b)
{
	pthread_t thread;
	int err;

	b->calls = CALLS_MAX;
	b->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	err = stage_open(&b->s);
	if (!err)
		err = ends_open(b);
	if (!err)
		err = anchor_open(b);
	if (!err)
		err = -pthread_create(&thread, NULL, talker_main, b);
	if (!err)
		err = -pthread_create(&thread, NULL, other_main, b);
	return err;
}

/* Is this part to run? All are unless some are named. */
static bool wanted(int argc, char **argv, const char *part)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], part))
			return true;
	return argc <= 2;
}

/* usage: bench-calls [FILE [few|spacing|cost|rtpengine ...]] */
int main(int argc, char **argv)
{
	static struct bench b;
	struct report r = report_begin("calls");
	int err;

	libbpf_set_print(NULL);
	err = setup(&b);
	if (!err && wanted(argc, argv, "few"))
		few_report(&b, &r);
	if (!err && wanted(argc, argv, "spacing"))
		err = spacing_report(&b, &r);
	if (!err)
		err = costs(&b, &r, wanted(argc, argv, "cost"),
			    wanted(argc, argv, "rtpengine"));
	if (!err)
		err = report_end(&r, argc > 1 ? argv[1] : NULL);
	if (err)
		fprintf(stderr, "bench: calls: %s\n", strerror(-err));
	atomic_store(&b.quit, true);
	stage_close(&b.s);
	return err ? 1 : 0;
}
