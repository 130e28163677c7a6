// SPDX-License-Identifier: GPL-2.0
/*
 * When frames are sent: one timer a CPU, on whole milliseconds.
 *
 *  - A tick serves every bucket of the wheel since the tick before, so a late
 *    timer loses nothing; after a long stall it starts at the present, and the
 *    claim skips what is overdue.
 *  - After a stall a tick serves HF_CATCH_UP_STEP milliseconds, not all at once:
 *    what is sent in one go has to fit the ring of the device behind it.
 *  - Each CPU takes its share of a bucket (blocks of HF_SHARE entries in turn).
 *    While CPUs come and go two may serve one block for a tick; the claim makes
 *    that harmless.
 *  - A tick sends at most HF_TICK_FRAMES and leaves the rest to the next: a
 *    softirq that never ends starves the receive side of its CPU.
 *    So does a tick whose device has a full queue: what is claimed is sent or
 *    lost, what is not yet claimed can wait a millisecond.
 *  - A bucket in which a frame was overdue by a packet time or more is visited
 *    again 6 and 12 ms later, as the claim allows, until it has caught up.
 *  - Without entries in any wheel the timers stop; a kick starts them.
 */
#include <linux/cpuhotplug.h>
#include <linux/hrtimer.h>
#include <linux/rculist.h>

#include <holdfast/remote.h>

#include "compat.h"
#include "holdfast.h"

#define HF_SHARE 32u
#define HF_TICK_FRAMES 2048
#define HF_TICK_LOOKS 32768 /* entries looked at, due or not */
#define HF_CATCH_UP_MS 40   /* milliseconds served after a stall */
#define HF_CATCH_UP_STEP 4  /* of them in one tick */
#define HF_REVISIT_MS 6	    /* the claim's gap, and its rounding */

struct hf_cpu {
	struct hrtimer timer;
	unsigned int rank; /* among the CPUs that tick */
	int ticking; /* the timer is armed, or about to be, by who set this */
};

static DEFINE_PER_CPU(struct hf_cpu, hf_cpu);
static unsigned int hf_cpus = 1;
static int hf_hotplug_state;

static const struct {
	u32 ms, first;
} hf_class[] = {
#define X(ms, first) { ms, first },
	HF_WHEEL_CLASSES(X)
#undef X
};

/* What a tick may still do. */
struct hf_budget {
	int frames, looks;
};

/* Bound everything a frame needs. False: counted, nothing to send. */
static bool hf_prepare(struct hf_hold *hold, struct hf_counters *c,
		       struct hf_packet *p)
{
	const struct hf_frame *frame;
	const struct hf_nexthop *nh;
	u32 index, current_hop;

	index = p->due.frame;
	if (index >= hold->map[HF_MAP_FRAMES].entries)
		goto bad;
	frame = hf_map_at(&hold->map[HF_MAP_FRAMES], index);
	p->frame = frame;
	p->bytes = READ_ONCE(frame->bytes);
	p->sum = READ_ONCE(frame->sum);
	if (!p->bytes || p->bytes > HF_FRAME_BYTES)
		goto bad;
	index = p->program.nexthop;
	if (index >= hold->map[HF_MAP_NEXTHOPS].entries)
		goto bad;
	nh = hf_map_at(&hold->map[HF_MAP_NEXTHOPS], index);
	/* The hop behind the turn that names it: the other is being written. */
	current_hop = smp_load_acquire(&nh->turn);
	hf_copy_once(&p->hop, &nh->hop[current_hop & 1], sizeof(p->hop));
	smp_rmb(); /* the copy before the check that it was still in force */
	if (!(p->hop.flags & HF_HOP_VALID) ||
	    READ_ONCE(nh->turn) != current_hop) {
		hf_count(c, HF_STAT_NO_HOP, 1);
		return false;
	}
	return true;

bad:
	hf_count(c, HF_STAT_BAD, 1);
	return false;
}

/*
 * Most looks find nothing: two words tell. Only a hint, hf_due() decides on a
 * copy of the whole.
 */
static bool hf_is_early(const struct hf_program *p, u64 word, u64 now)
{
	u64 due = READ_ONCE(p->base_ns) +
		  (u64)hf_word_slot(word) * READ_ONCE(p->ptime_ns);

	return (s64)(now - due) < 0;
}

/* Behind a NAT the remote is where its packets came from. */
static void hf_seek_remote(struct hf_program *p, const struct hf_leg *leg)
{
	struct hf_remote remote;
	struct hf_leg_rx rx;

	if (!(p->flags & HF_PROGRAM_LATCH))
		return;
	hf_copy_once(&rx, &leg->rx, sizeof(rx));
	remote = hf_remote_get(p, &rx);
	p->remote_ip4 = remote.ip4;
	p->remote_port = remote.port;
}

/* One entry of the wheel. Returns frames sent (0 or 1). */
static int hf_serve(struct hf_batch *batch, u32 index, u64 now,
		    struct hf_walk *walk)
{
	struct hf_hold *hold = batch->hold;
	struct hf_counters *c = batch->counters;
	const struct hf_program *program;
	struct hf_packet packet;
	struct hf_claim *claim;
	struct hf_leg *leg;
	u64 word;

	if (index == HF_LEG_NONE)
		return 0;
	if (index >= hold->map[HF_MAP_LEGS].entries ||
	    index >= hold->map[HF_MAP_CLAIMS].entries) {
		hf_count(c, HF_STAT_BAD, 1);
		return 0;
	}
	leg = hf_map_at(&hold->map[HF_MAP_LEGS], index);
	claim = hf_map_at(&hold->map[HF_MAP_CLAIMS], index);
	/* The program after the word that says which is in force. */
	word = smp_load_acquire(&claim->word);
	program = hf_word_program(leg, word);
	if (hf_is_early(program, word, now)) {
		hf_count(c, HF_STAT_IDLE, 1);
		return 0;
	}
	hf_copy_once(&packet.program, program, sizeof(packet.program));
	/* IPv6 is left to holdfast-mediad. */
	if (packet.program.flags & HF_PROGRAM_IPV6 ||
	    !hf_due(&packet.program, word, now, 0, &packet.due)) {
		hf_count(c, HF_STAT_IDLE, 1);
		return 0;
	}
	if (hf_word_run(packet.due.next) || packet.due.skipped)
		walk->late = true;
	hf_seek_remote(&packet.program, leg);
	if (!hf_prepare(hold, c, &packet))
		return 0;
	if (!hf_transmit(batch, &packet, &claim->word, word))
		return 0;
	/* The line is here already; no other engine is sending now. */
	WRITE_ONCE(claim->sent, READ_ONCE(claim->sent) + 1);
	hf_count(c, HF_STAT_SENT, 1);
	if (packet.due.skipped) {
		WRITE_ONCE(claim->skipped,
			   READ_ONCE(claim->skipped) + packet.due.skipped);
		hf_count(c, HF_STAT_SKIPPED, packet.due.skipped);
	}
	return 1;
}

/* This CPU's share of one bucket. False: the budget ended, go on from there. */
static bool hf_bucket(struct hf_batch *batch, u32 bucket, u64 now,
		      struct hf_walk *walk, unsigned int rank,
		      struct hf_budget *budget)
{
	struct hf_hold *hold = batch->hold;
	const struct hf_wheel_fill *fill;
	const struct hf_wheel_entry *entry;
	unsigned int cpus = READ_ONCE(hf_cpus) ?: 1;
	u32 entries;

	fill = hf_map_at(&hold->map[HF_MAP_WHEEL_FILL], bucket);
	entries = min(READ_ONCE(fill->entries), hold->wheel_capacity);
	for (; walk->entry < entries; walk->entry++) {
		if (cpus > 1 && walk->entry / HF_SHARE % cpus != rank) {
			walk->entry |= HF_SHARE - 1;
			continue;
		}
		if (batch->refused || budget->frames <= 0 || budget->looks-- <= 0)
			return false;
		entry = hf_map_at(&hold->map[HF_MAP_WHEEL],
				  bucket * hold->wheel_capacity + walk->entry);
		budget->frames -= hf_serve(batch, READ_ONCE(entry->leg), now, walk);
	}
	walk->entry = 0;
	return true;
}

/* Every bucket that the present millisecond of the walk asks for. */
static bool hf_millisecond(struct hf_batch *batch, struct hf_walk *walk,
			   u64 now, unsigned int rank, struct hf_budget *budget)
{
	for (; walk->class < ARRAY_SIZE(hf_class); walk->class++) {
		u32 ms = hf_class[walk->class].ms;

		/* On time, then what was late 6 and 12 ms ago. */
		for (; walk->pass < 3; walk->pass++) {
			u64 at = walk->ms - walk->pass * HF_REVISIT_MS;
			u32 bucket = hf_class[walk->class].first +
				     do_div(at, ms);

			if (walk->pass && walk->late_until[bucket] < walk->ms)
				continue;
			if (!hf_bucket(batch, bucket, now, walk, rank, budget))
				return false;
			if (walk->late)
				walk->late_until[bucket] = walk->ms + 2 * HF_REVISIT_MS;
			walk->late = false;
		}
		walk->pass = 0;
	}
	walk->class = 0;
	return true;
}

static void hf_tick_hold(struct hf_hold *hold, u64 now, unsigned int rank,
			 struct hf_budget *budget)
{
	struct hf_walk *walk = this_cpu_ptr(hold->walk);
	struct hf_counters *c = this_cpu_ptr(hold->counters);
	struct hf_batch batch = { .hold = hold, .counters = c };
	u64 now_ms = div_u64(now, NSEC_PER_MSEC);
	unsigned int step = HF_CATCH_UP_STEP;

	if ((s64)(now_ms - walk->ms) > HF_CATCH_UP_MS) {
		walk->ms = now_ms - HF_CATCH_UP_MS;
		walk->class = 0;
		walk->pass = 0;
		walk->entry = 0;
	}
	while (walk->ms <= now_ms) {
		if (!step-- || !hf_millisecond(&batch, walk, now, rank, budget)) {
			hf_count(c, HF_STAT_CAPPED, 1);
			break;
		}
		walk->ms++;
	}
	hf_batch_flush(&batch);
	hf_count(c, HF_STAT_TICKS, 1);
}

static bool hf_wheel_empty(const struct hf_hold *hold)
{
	const struct hf_wheel_fill *fill;
	u32 b;

	for (b = 0; b < HF_WHEEL_BUCKETS; b++) {
		fill = hf_map_at(&hold->map[HF_MAP_WHEEL_FILL], b);
		if (READ_ONCE(fill->entries))
			return false;
	}
	return true;
}

static void hf_account(struct hf_hold *hold, u64 late, u64 spent)
{
	struct hf_counters *c = this_cpu_ptr(hold->counters);
	struct hf_work *work = hold->map[HF_MAP_WORK].value;

	u64_stats_update_begin(&c->sync);
	if (late > u64_stats_read(&c->value[HF_STAT_LATE_MAX_NS]))
		u64_stats_set(&c->value[HF_STAT_LATE_MAX_NS], late);
	u64_stats_add(&c->value[HF_STAT_SEND_NS], spent);
	u64_stats_update_end(&c->sync);
	WRITE_ONCE(work->beat_ns, ktime_get_ns());
	/* For people; two CPUs at once may lose one. */
	if (late >= HF_TICK_LATE_MS * NSEC_PER_MSEC)
		WRITE_ONCE(work->late_ticks, READ_ONCE(work->late_ticks) + 1);
	if (div_u64(late, NSEC_PER_USEC) > READ_ONCE(work->late_max_us))
		WRITE_ONCE(work->late_max_us,
			   (u32)min_t(u64, div_u64(late, NSEC_PER_USEC), U32_MAX));
	/* Who stood in while we were stuck stands by again. */
	if (READ_ONCE(work->engine) != HF_ENGINE_KMOD)
		WRITE_ONCE(work->engine, HF_ENGINE_KMOD);
}

static enum hrtimer_restart hf_tick(struct hrtimer *timer)
{
	struct hf_cpu *cpu = container_of(timer, struct hf_cpu, timer);
	struct hf_budget budget = { HF_TICK_FRAMES, HF_TICK_LOOKS };
	u64 expires = ktime_to_ns(hrtimer_get_expires(timer));
	unsigned int rank = READ_ONCE(cpu->rank);
	u64 now = ktime_get_ns();
	struct hf_hold *hold;
	bool busy = false;

	rcu_read_lock();
	list_for_each_entry_rcu(hold, &hf_holds, list) {
		u64 begun = ktime_get_ns();

		if (hf_wheel_empty(hold))
			continue;
		busy = true;
		hf_tick_hold(hold, now, rank, &budget);
		hf_account(hold, now - expires, ktime_get_ns() - begun);
	}
	rcu_read_unlock();
	if (!busy) {
		WRITE_ONCE(cpu->ticking, 0);
		/*
		 * Pairs with hf_pacer_kick(): the controller fills the wheel,
		 * then kicks; whoever is second sees the other's store.
		 */
		smp_mb();
		rcu_read_lock();
		list_for_each_entry_rcu(hold, &hf_holds, list)
			busy |= !hf_wheel_empty(hold);
		rcu_read_unlock();
		/* Or else a kick has armed the timer meanwhile. */
		if (!busy || cmpxchg(&cpu->ticking, 0, 1))
			return HRTIMER_NORESTART;
	}
	hrtimer_forward_now(timer, ms_to_ktime(1));
	return HRTIMER_RESTART;
}

static void hf_start_here(void *unused)
{
	struct hf_cpu *cpu = this_cpu_ptr(&hf_cpu);
	u64 next = div_u64(ktime_get_ns(), NSEC_PER_MSEC) + 1;

	if (cmpxchg(&cpu->ticking, 0, 1))
		return;
	hrtimer_start(&cpu->timer, ns_to_ktime(next * NSEC_PER_MSEC),
		      HRTIMER_MODE_ABS_PINNED_SOFT);
}

void hf_pacer_kick(void)
{
	smp_mb(); /* pairs with hf_tick() */
	on_each_cpu(hf_start_here, NULL, 1);
}

static void hf_rank_cpus(unsigned int but)
{
	unsigned int cpu, n = 0;

	for_each_online_cpu(cpu)
		if (cpu != but)
			WRITE_ONCE(per_cpu(hf_cpu, cpu).rank, n++);
	WRITE_ONCE(hf_cpus, n ?: 1);
}

static int hf_cpu_online(unsigned int cpu)
{
	hf_rank_cpus(nr_cpu_ids);
	if (!list_empty(&hf_holds))
		hf_start_here(NULL);
	return 0;
}

static int hf_cpu_offline(unsigned int cpu)
{
	hf_rank_cpus(cpu);
	hrtimer_cancel(&per_cpu(hf_cpu, cpu).timer);
	WRITE_ONCE(per_cpu(hf_cpu, cpu).ticking, 0);
	return 0;
}

void hf_pacer_add(struct hf_hold *hold)
{
	u64 now_ms = div_u64(ktime_get_ns(), NSEC_PER_MSEC);
	struct hf_work *work;
	int cpu;

	lockdep_assert_held(&hf_mutex);
	for_each_possible_cpu(cpu)
		per_cpu_ptr(hold->walk, cpu)->ms = now_ms;
	list_add_tail_rcu(&hold->list, &hf_holds);
	work = hold->map[HF_MAP_WORK].value;
	WRITE_ONCE(work->pid, 0);
	WRITE_ONCE(work->engine, HF_ENGINE_KMOD);
	hf_pacer_kick();
}

void hf_pacer_remove(struct hf_hold *hold)
{
	struct hf_work *work = hold->map[HF_MAP_WORK].value;

	lockdep_assert_held(&hf_mutex);
	list_del_rcu(&hold->list);
	synchronize_rcu();
	/* Whoever stands by may send from here on. */
	if (READ_ONCE(work->engine) == HF_ENGINE_KMOD)
		WRITE_ONCE(work->engine, HF_ENGINE_NONE);
}

int hf_pacer_init(void)
{
	int cpu, state;

	for_each_possible_cpu(cpu)
		hf_timer_setup(&per_cpu(hf_cpu, cpu).timer, hf_tick);
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "net/holdfast:online",
				  hf_cpu_online, hf_cpu_offline);
	if (state < 0)
		return state;
	hf_hotplug_state = state;
	return 0;
}

void hf_pacer_exit(void)
{
	int cpu;

	cpuhp_remove_state_nocalls(hf_hotplug_state);
	for_each_possible_cpu(cpu)
		hrtimer_cancel(&per_cpu(hf_cpu, cpu).timer);
	hf_memory_free();
}
