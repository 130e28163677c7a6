// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The paced sender's thread, see sender.h.
 *
 * The frames of a turn are made ready (ready.h), then one BPF_PROG_TEST_RUN with
 * live frames sends them, by all devices of the namespace. It costs a hundred
 * microseconds and more before the first frame, so there is one for all legs of a
 * tick and none when few legs are due (FEW_FRAMES).
 */
#include "mediad/sender.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "media/pins.h"
#include "mediad/packets.h"
#include "mediad/pacer.h"
#include "mediad/ready.h"

/* More at once overflow the ring of a veth device (256 slots). */
#define LIVE_BATCH   64
/* An attached program answers in well under a millisecond. One that is not
 * attached anywhere makes the kernel patch its dispatcher at each call. */
#define SLOW_CALL_NS 10000000ULL
#define SLOW_CALLS   20

/* The module is looked after this often, and replaced after as long. */
#define STANDBY_MS 1000
/* It looks each millisecond or two, once a second if it stands by. */
#define STUCK_MS 3000
/* Live frames are refused: tried again after this. */
#define LIVE_RETRY_NS 10000000000ULL
/*
 * So many frames of a turn, or fewer, are sent as packets. A call for live frames
 * sets up and tears down a pool of pages: as much as some 60 packets cost where
 * it was measured, on veth devices; half of that, as it will be another number
 * elsewhere. So ten calls cost half of what they would.
 *
 * To who receives them they are the same (packets.h), and the order is kept
 * though a device may have queues of their own for either: two frames of a call
 * are HF_GAP_NS apart, and neither kind waits as long, as no queueing discipline
 * is in front of either. (Turn-around has always been a third.)
 */
#define FEW_FRAMES    32
/* Live frames were taken: believed for so long, then a turn with few frames is
 * sent by them too. Else nobody would know that they are refused, or take too
 * long, before there are many calls. */
#define LIVE_PROVEN_NS 2000000000ULL
/* From the announcement that it leaves until it must have left. */
#define ALONE_NS 2000000000ULL

struct hf_sender {
	const struct hf_pins *pins;
	int priority;
	int wake_fd;
	pthread_t thread;
	atomic_bool quit;
	_Atomic uint64_t alone_until; /* the module is leaving */
	_Atomic uint64_t round_ms;    /* when it last looked */
	struct hf_pacer pacer;
	struct hf_packets *packets;
	struct hf_ready_front front;
	enum hf_engine engine; /* of this turn: BPF or PACKET */
	bool only6; /* the module sends the rest */
	uint32_t ready;	  /* frames in map `ready` that are not sent yet */
	uint64_t look_ns; /* for when they were worked out */
	uint64_t live_after;   /* live frames were refused: not before then */
	uint64_t live_until;   /* they were taken: proven until then */
	unsigned int slow_calls;
	int failed; /* what the last call said, to say it once */
	unsigned char frame[HF_PACED_BYTES];
};

static void call_failed(struct hf_sender *s, int rc)
{
	if (s->failed != rc)
		hf_error("the kernel refuses live frames (%s): hold frames go out as packets",
			 strerror(-rc));
	s->failed = rc;
	s->live_after = hf_now_ns() + LIVE_RETRY_NS;
	s->live_until = 0;
	HF_WRITE(s->pins->work->live_error, (uint32_t)-rc);
}

static void call_took(struct hf_sender *s, uint64_t ns)
{
	s->live_until = hf_now_ns() + LIVE_PROVEN_NS;
	if (s->failed)
		hf_info("the kernel takes live frames again");
	s->failed = 0;
	HF_WRITE(s->pins->work->live_error, 0);
	if (ns < SLOW_CALL_NS) {
		s->slow_calls = 0;
		return;
	}
	if (++s->slow_calls == SLOW_CALLS)
		hf_warn("each call of the paced program takes %u ms: is it still attached to its holder device?",
			(unsigned int)(ns / 1000000));
}

/* For who watches us. */
static void beat(struct hf_sender *s, uint64_t now_ns)
{
	struct hf_work *work = s->pins->work;

	if (HF_READ(work->engine) == s->engine)
		HF_WRITE(work->beat_ns, now_ns);
}

/* What is ready, as packets. */
static void send_packets(struct hf_sender *s)
{
	const struct hf_ready *ready = s->pins->ready;

	for (uint32_t i = 0; i < s->ready; i++)
		hf_packets_add(s->packets, &ready->frame[i], false);
}

/* Work out anew, for now, what is not sent yet. */
static void make_anew(struct hf_sender *s)
{
	struct hf_ready *ready = s->pins->ready;
	uint32_t n = 0;

	ready->now_ns = hf_now_ns();
	for (uint32_t i = HF_READ(ready->at); i < s->ready; i++)
		if (hf_ready_make(s->pins, &s->front, ready->frame[i].leg,
				  ready->now_ns, s->only6,
				  &ready->frame[n]) == HF_READY_LIVE)
			n++;
	s->ready = n;
}

/* One call for what is ready; its error. Where it ends early, for a debugger's
 * stop or because somebody held us up, `at` says so. */
static int call_live(struct hf_sender *s)
{
	struct hf_ready *ready = s->pins->ready;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame,
		    .data_size_in = sizeof(s->frame),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = LIVE_BATCH, .repeat = (int)s->ready);
	uint64_t began = hf_now_ns();
	int rc;

	beat(s, began);
	ready->count = s->ready;
	HF_WRITE(ready->at, 0);
	rc = bpf_prog_test_run_opts(s->pins->prog_paced, &opts);
	if (!rc)
		call_took(s, hf_now_ns() - began);
	return rc == -EINTR ? 0 : rc;
}

/* What is still left after so many calls waits for the next visit or a sweep.
 * Another program in the place of the paced one takes nothing. */
#define CALLS_MAX 4

static void send_live(struct hf_sender *s)
{
	struct hf_ready *ready = s->pins->ready;
	int rc = 0;

	for (int i = 0; s->ready && !rc && i < CALLS_MAX; i++) {
		rc = call_live(s);
		if (!rc && HF_READ(ready->at) >= s->ready)
			return;
		make_anew(s);
	}
	if (!rc)
		return;
	call_failed(s, rc);
	send_packets(s);
}

static void flush(struct hf_sender *s)
{
	if (!s->ready)
		return;
	if (s->ready > FEW_FRAMES || s->look_ns >= s->live_until)
		send_live(s);
	else
		send_packets(s);
	s->ready = 0;
	s->look_ns = hf_now_ns();
}

/* Visits at which a leg is looked at whatever its bit says: one in so many, each
 * about a second. It costs what the bit saves, a line that another CPU has just
 * written. */
#define LOOK_ANYWAY 32

/*
 * Has turn-around sent this visit's frame, so that there is nothing to look for?
 * A leg that is behind would stay so while its packets come regularly: so it is
 * looked at now and then, and always by a sweep.
 */
static bool turned(const struct hf_sender *s, uint32_t leg, uint64_t now_ns)
{
	uint64_t bit = 1ULL << leg % 64, now_ms = now_ns / HF_MS;
	__u64 *legs;

	legs = &s->pins->turned[leg / 64].legs;
	if (!(HF_READ(*legs) & bit))
		return false;
	__atomic_fetch_and(legs, ~bit, __ATOMIC_RELAXED);
	return !hf_pacer_sweeping(&s->pacer, now_ms) &&
	       (leg + (uint32_t)(now_ms >> 5)) % LOOK_ANYWAY;
}

/* It was claimed a moment ago, which is no news at the next visit. */
static void turned_forget(const struct hf_sender *s, uint32_t leg)
{
	uint64_t bit = 1ULL << leg % 64;
	__u64 *legs = &s->pins->turned[leg / 64].legs;

	if (HF_READ(*legs) & bit)
		__atomic_fetch_and(legs, ~bit, __ATOMIC_RELAXED);
}

/* The frame that this leg is due: made ready, or queued as a packet. */
static void serve(struct hf_sender *s, uint32_t leg)
{
	struct hf_ready *ready = s->pins->ready;
	enum hf_ready_way way;

	if (!s->ready)
		ready->now_ns = s->look_ns;
	way = hf_ready_make(s->pins, &s->front, leg, s->look_ns, s->only6,
			    &ready->frame[s->ready]);
	if (way == HF_READY_NONE)
		turned_forget(s, leg);
	else if (way != HF_READY_LIVE || s->engine == HF_ENGINE_PACKET)
		hf_packets_add(s->packets, &ready->frame[s->ready],
			       way == HF_READY_HOST);
	else if (++s->ready == HF_READY_FRAMES)
		flush(s);
}

static bool is_turned(const struct hf_pins *pins, uint32_t leg)
{
	return HF_READ(pins->turned[leg / 64].legs) >> leg % 64 & 1;
}

/* The memory of legs that come later. */
static void ask(const struct hf_pins *pins, const struct hf_wheel_entry *e,
		uint32_t left)
{
	uint32_t leg;

	if (left > HF_ASK_CLAIM) {
		leg = HF_READ(e[HF_ASK_CLAIM].leg);
		if (leg < pins->instance->legs && !is_turned(pins, leg))
			hf_ready_ask_claim(pins, leg);
	}
	if (left > HF_ASK_FRAME) {
		leg = HF_READ(e[HF_ASK_FRAME].leg);
		if (leg < pins->instance->legs && !is_turned(pins, leg))
			hf_ready_ask_frame(pins, leg);
	}
}

static void visit(struct hf_sender *s, uint32_t bucket, uint64_t now_ns)
{
	const struct hf_pins *pins = s->pins;
	uint32_t fill = HF_READ(pins->wheel_fill[bucket].entries);
	const struct hf_wheel_entry *e =
		&pins->wheel[bucket * pins->wheel_capacity];

	if (fill > pins->wheel_capacity)
		fill = pins->wheel_capacity;
	if (!fill || (s->only6 && !HF_READ(pins->wheel_fill[bucket].legs6)))
		return;
	s->look_ns = hf_now_ns();
	for (uint32_t i = 0; i < fill; i++) {
		uint32_t leg = HF_READ(e[i].leg);

		ask(pins, &e[i], fill - i);
		if (leg < pins->instance->legs && !turned(s, leg, now_ns))
			serve(s, leg);
	}
}

static void visit_class(struct hf_sender *s, uint32_t base, uint32_t ptime_ms,
			uint64_t now_ns)
{
	uint64_t now_ms = now_ns / HF_MS;
	struct hf_pacer_run run = hf_pacer_due(&s->pacer, now_ms, ptime_ms);

	if (hf_pacer_sweeping(&s->pacer, now_ms)) {
		run.first = 0;
		run.count = ptime_ms;
	}
	for (uint32_t i = 0; i < run.count; i++)
		visit(s, base + (run.first + i) % ptime_ms, now_ns);
}

static void turn(struct hf_sender *s, uint64_t now_ns)
{
	beat(s, now_ns);
#define X(ptime, base) visit_class(s, base, ptime, now_ns);
	HF_WHEEL_CLASSES(X)
#undef X
	flush(s);
	hf_packets_flush(s->packets);
	hf_pacer_done(&s->pacer, now_ns / HF_MS, hf_now_ms());
}

static void sleep_until(uint64_t ms)
{
	struct timespec t = {.tv_sec = (time_t)(ms / 1000),
			     .tv_nsec = (long)(ms % 1000 * HF_MS)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) ==
	       EINTR)
		;
}

/* Woken, or only at the end of that time? NULL = for ever. */
static bool wait_woken(struct hf_sender *s, const struct timespec *t)
{
	struct pollfd p = {.fd = s->wake_fd, .events = POLLIN};
	eventfd_t count;
	int n;

	while ((n = ppoll(&p, 1, t, NULL)) < 0 && errno == EINTR)
		;
	if (n > 0)
		eventfd_read(s->wake_fd, &count);
	return n > 0;
}

/* At most `ms`, for ever if negative. */
static void sleep_until_woken(struct hf_sender *s, int ms)
{
	struct timespec t = {.tv_sec = ms / 1000,
			     .tv_nsec = ms % 1000 * (long)HF_MS};

	wait_woken(s, ms < 0 ? NULL : &t);
	hf_pacer_start(&s->pacer, hf_now_ms());
}

/*
 * Until that millisecond; false if woken before. A sleep from one turn to the
 * next is not broken off: whoever fills a bucket that was empty can wait as long,
 * and with many legs nobody asks. One that may be costs a third more.
 */
#define SHORT_MS HF_PACER_COARSER_MS
static bool nap_until(struct hf_sender *s, uint64_t ms)
{
	uint64_t now_ns = hf_now_ns(), left_ns;
	struct timespec t = {0};

	if (ms * HF_MS > now_ns + SHORT_MS * HF_MS) {
		left_ns = ms * HF_MS - now_ns;
		t.tv_nsec = (long)left_ns;
		if (wait_woken(s, &t)) {
			hf_pacer_start(&s->pacer, hf_now_ms());
			return false;
		}
	}
	sleep_until(ms);
	return true;
}

static void get_priority(const struct hf_sender *s)
{
	struct sched_param param = {.sched_priority = s->priority};
	int rc;

	if (!s->priority)
		return;
	rc = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	if (rc) {
		hf_warn("no real-time priority (%s): hold audio may stutter when the machine is busy; give it CAP_SYS_NICE",
			strerror(rc));
		prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	}
}

/*
 * Does the module send? Where both do for a moment, the claim sees to it that
 * each frame is sent once. A wheel that was empty and is filled finds an old
 * beat: then we send until the module has ticked.
 */
static bool legs6_wait(const struct hf_sender *s)
{
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		if (HF_READ(s->pins->wheel_fill[b].legs6))
			return true;
	return false;
}

static bool stands_by(struct hf_sender *s, uint64_t now_ns)
{
	struct hf_work *work = s->pins->work;
	uint32_t engine = HF_READ(work->engine);
	uint64_t beat = HF_READ(work->beat_ns);

	if (engine == HF_ENGINE_KMOD && now_ns >= s->alone_until &&
	    (!hf_wheel_filled(s->pins->wheel_fill) ||
	     now_ns < beat + STANDBY_MS * HF_MS)) {
		/* It sends no IPv6. */
		s->only6 = true;
		if (!legs6_wait(s))
			return true;
	} else {
		s->only6 = false;
	}
	s->engine = HF_READ(work->pacer) == HF_ENGINE_PACKET ||
				    now_ns < s->live_after ?
			    HF_ENGINE_PACKET :
			    HF_ENGINE_BPF;
	if (engine != s->engine && !s->only6) {
		HF_WRITE(work->pid, (uint32_t)getpid());
		HF_WRITE(work->engine, s->engine);
	}
	return false;
}

static bool is_ours(uint32_t engine)
{
	return engine == HF_ENGINE_BPF || engine == HF_ENGINE_PACKET;
}

/* How late the turn of that millisecond begins, for people to see. */
static void account(struct hf_sender *s, uint64_t ms)
{
	struct hf_work *work = s->pins->work;
	uint64_t now_ns = hf_now_ns();
	uint64_t late_us =
		now_ns > ms * HF_MS ? (now_ns - ms * HF_MS) / 1000 : 0;

	if (late_us >= HF_TICK_LATE_MS * 1000)
		HF_WRITE(work->late_ticks, work->late_ticks + 1);
	if (late_us > work->late_max_us)
		HF_WRITE(work->late_max_us,
			 late_us < UINT32_MAX ? (uint32_t)late_us : UINT32_MAX);
}

static void *sender_main(void *arg)
{
	struct hf_sender *s = arg;
	bool filled;

	prctl(PR_SET_NAME, "hf-sender", 0, 0, 0);
	get_priority(s);
	/* The one before us may have been killed in the same role. */
	if (is_ours(HF_READ(s->pins->work->engine)))
		HF_WRITE(s->pins->work->pid, (uint32_t)getpid());
	HF_WRITE(s->pins->work->late_ticks, 0);
	HF_WRITE(s->pins->work->late_max_us, 0);
	hf_pacer_start(&s->pacer, hf_now_ms());
	while (!atomic_load(&s->quit)) {
		uint64_t next;

		atomic_store(&s->round_ms, hf_now_ms());
		if (stands_by(s, hf_now_ns())) {
			filled = hf_wheel_filled(s->pins->wheel_fill);
			sleep_until_woken(s, filled ? STANDBY_MS : -1);
			continue;
		}
		turn(s, hf_now_ns());
		do
			next = hf_pacer_next(&s->pacer, s->pacer.last_ms,
					     s->pins->wheel_fill);
		while (next && !nap_until(s, next) && !atomic_load(&s->quit));
		if (next)
			account(s, next);
		else
			sleep_until_woken(s, -1);
	}
	return NULL;
}

static void sender_free(struct hf_sender *s)
{
	hf_packets_close(s->packets);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	free(s);
}

int hf_sender_start(const struct hf_pins *pins, int priority,
		    struct hf_sender **ret)
{
	struct hf_sender *s = calloc(1, sizeof(*s));
	sigset_t all, before;
	int rc;

	if (!s)
		return -ENOMEM;
	s->pins = pins;
	s->priority = priority;
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake_fd < 0 ? -errno : hf_packets_open(pins, &s->packets);
	if (rc) {
		sender_free(s);
		return rc;
	}
	/* Signals are for the other thread: one here would end a call early. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = -pthread_create(&s->thread, NULL, sender_main, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc) {
		sender_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

void hf_sender_wake(struct hf_sender *s)
{
	eventfd_write(s->wake_fd, 1);
}

void hf_sender_alone(struct hf_sender *s)
{
	s->alone_until = hf_now_ns() + ALONE_NS;
	hf_sender_wake(s);
}

/* With an empty wheel it sleeps; if that has just been filled, for a moment too
 * long, and the next to ask hears better. */
bool hf_sender_is_well(const struct hf_sender *s)
{
	return !hf_wheel_filled(s->pins->wheel_fill) ||
	       hf_now_ms() < atomic_load(&s->round_ms) + STUCK_MS;
}

void hf_sender_stop(struct hf_sender *s)
{
	if (!s)
		return;
	atomic_store(&s->quit, true);
	hf_sender_wake(s);
	pthread_join(s->thread, NULL);
	if (is_ours(HF_READ(s->pins->work->engine)))
		HF_WRITE(s->pins->work->engine, HF_ENGINE_NONE);
	s->pins->work->pid = 0;
	sender_free(s);
}
