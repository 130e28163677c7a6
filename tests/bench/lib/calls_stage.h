/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage of the bench of calls (calls.c): the anchor and its media keeper on
 * one end of a veth pair (../../bpf/mediad_stage.h), on the other the callers and
 * what takes their packets off the wire (../calls.bpf.c), idle spinners, and the
 * other means of sending.
 */
#ifndef HOLDFAST_BENCH_CALLS_STAGE_H
#define HOLDFAST_BENCH_CALLS_STAGE_H

#define STAGE_LEGS   10240
#define STAGE_BUCKET 1024
#define STAGE_RECEIVE
#include <linux/if_link.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

#include "../../bpf/mediad_stage.h"
#include "../calls.h"
#include "../report.h"
#include "bench/calls.skel.h"
#include "holdfast/hold_packet.h"
#include "holdfast/hot.h"

#define ROUNDS	 5
#define RUN_MS	 1000
#define SPACING_MS 3000
#define TICK_MS	 2
#define PTIME_MS 20
/* Between two looks at the clock: more, and somebody else had the CPU. */
#define GAP_NS	 400
#define REMOTE	 "10.9.0.2"
#define ANCHOR	 "10.9.0.1"
/* More of them it does not carry without losing packets. */
#define RTPENGINE_CALLS 500

enum kind {
	IDLE,
	TIMER,
	EAT,
	REFLECT,
	LEAST,
	CONSUME,
	TALK,
	AUTO,
	SENDMMSG,
	AF_PACKETS,
	KINDS
};

struct spinner {
	pthread_t thread;
	int cpu;
	_Atomic uint64_t lost_ns __attribute__((aligned(64)));
};

struct bench {
	struct stage s;
	struct bench_calls_bpf *skel;
	struct calls_talk *talk;
	struct calls_heard *heard;
	struct spinner spinner[64];
	int cpus;
	int peer_ns, home_ns;
	uint32_t calls;
	atomic_int sender; /* enum kind that runs */
	atomic_bool talking, quit;
	atomic_uint_fast64_t sent; /* by the other means */
	double cost[KINDS][ROUNDS];
	double rtpengine[ROUNDS];
	double keeper[ROUNDS]; /* of `auto`, its own threads */
	uint64_t rtpengine_in, rtpengine_wanted, turned, wrong;
	uint64_t in[KINDS], out[KINDS];
};

static void *spin(void *arg)
{
	struct spinner *me = arg;
	struct sched_param none = {0};
	uint64_t now, prev;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(me->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
	prev = hf_now_ns();
	for (;;) {
		now = hf_now_ns();
		if (now - prev > GAP_NS)
			atomic_fetch_add_explicit(&me->lost_ns, now - prev,
						  memory_order_relaxed);
		prev = now;
	}
	return NULL;
}

/* What the spinners did not get of the CPUs over RUN_MS, percent of one. */
static double used_percent(struct bench *b)
{
	uint64_t before = 0, after = 0, start = hf_now_ns(), end;

	for (int i = 0; i < b->cpus; i++)
		before += atomic_load(&b->spinner[i].lost_ns);
	poll(NULL, 0, RUN_MS);
	end = hf_now_ns();
	for (int i = 0; i < b->cpus; i++)
		after += atomic_load(&b->spinner[i].lost_ns);
	return (double)(after - before) / (double)(end - start) * 100;
}

static uint64_t arrived(const struct bench *b)
{
	int n = libbpf_num_possible_cpus();
	uint64_t v[n], sum = 0;
	__u32 zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.arrived), &zero, v);
	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

static void be_first(int priority)
{
	struct sched_param first = {.sched_priority = priority};

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
}

static uint64_t tick_wait(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000),
			     (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
	return ns;
}

/* ---- the callers */

static void *talker_main(void *arg)
{
	struct bench *b = arg;
	struct xdp_md ctx = {.data_end = CALLS_PACKET};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = b->talk->packet,
		    .data_size_in = CALLS_PACKET, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx),
		    .repeat = (int)(b->calls * TICK_MS / PTIME_MS),
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	uint64_t next;

	if (setns(b->peer_ns, CLONE_NEWNET))
		abort();
	ctx.ingress_ifindex = if_nametoindex("hfm1");
	be_first(40);
	next = hf_now_ns();
	while (!atomic_load(&b->quit)) {
		if (!atomic_load(&b->talking)) {
			poll(NULL, 0, 10);
			next = hf_now_ns();
			continue;
		}
		next = tick_wait(next + TICK_MS * HF_MS);
		bpf_prog_test_run_opts(
			bpf_program__fd(b->skel->progs.calls_talk), &o);
	}
	return NULL;
}

/* ---- other means of sending: the same packets, from the same frames */

#define BATCH 64
struct other {
	int fd;
	bool link; /* with the Ethernet header */
	struct mmsghdr m[BATCH];
	struct iovec iov[BATCH];
	struct sockaddr_in to[BATCH];
	uint8_t data[BATCH][CALLS_PACKET];
};

static int other_open(struct other *o, bool link)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET,
				.sll_ifindex = (int)if_nametoindex("hfm0")};
	int one = 1, size = 16 << 20;

	memset(o, 0, sizeof(*o));
	o->link = link;
	o->fd = link ? socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0) :
		       socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (o->fd < 0)
		return -errno;
	setsockopt(o->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (link && (bind(o->fd, (struct sockaddr *)&a, sizeof(a)) ||
		     setsockopt(o->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one,
				sizeof(one))))
		return -errno;
	for (int i = 0; i < BATCH; i++) {
		o->iov[i].iov_base = o->data[i] + (link ? 0 : 14);
		o->iov[i].iov_len = CALLS_PACKET - (link ? 0 : 14);
		o->m[i].msg_hdr.msg_iov = &o->iov[i];
		o->m[i].msg_hdr.msg_iovlen = 1;
		o->to[i] = (struct sockaddr_in){.sin_family = AF_INET,
						.sin_addr.s_addr =
							inet_addr(REMOTE)};
		if (!link) {
			o->m[i].msg_hdr.msg_name = &o->to[i];
			o->m[i].msg_hdr.msg_namelen = sizeof(o->to[i]);
		}
	}
	return 0;
}

static struct hf_program program_of(uint32_t i, uint64_t ms, uint8_t flags)
{
	return (struct hf_program){
		.base_ns = ms * HF_MS,
		.ptime_ns = PTIME_MS * HF_MS,
		.ts_base = i * 977,
		.ts_step = 160,
		.ssrc = htonl(0x48460000 + i),
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.rx_payload_type = 8,
		.remote_ip4 = inet_addr(REMOTE),
		.local_ip4 = inet_addr(ANCHOR),
		.remote_port = htons((uint16_t)(2 * CALLS_PORT + 2 * i)),
		.local_port = htons((uint16_t)(CALLS_PORT + 2 * i)),
		.flags = flags,
		.peer = HF_LEG_NONE,
		.loop_len = STAGE_FRAMES,
		.loop_phase = 0u - i % STAGE_FRAMES,
	};
}

static void other_tick(struct bench *b, struct other *o, uint32_t first,
		       uint32_t count, uint32_t slot)
{
	struct hf_hop hop = stage_hop(&b->s, 0);
	uint32_t n = 0;

	for (uint32_t i = first; i < first + count; i++) {
		struct hf_program p = program_of(i, 0, 0);
		struct hf_due d = {.seq = (uint16_t)slot,
				   .timestamp = p.ts_base + slot * 160};
		const struct hf_frame *f =
			&b->s.pins.frames[hf_program_frame(&p, slot)];
		uint8_t *at = o->data[n];

		memcpy(at, hop.dmac, 6);
		memcpy(at + 6, hop.smac, 6);
		at[12] = 8;
		at[13] = 0;
		hf_hold_headers_write(at + 14, &p, &d, &hop, HF_FRAME_BYTES,
				      f->sum);
		memcpy(at + 54, f->payload, HF_FRAME_BYTES);
		if (++n < BATCH && i + 1 < first + count)
			continue;
		if (sendmmsg(o->fd, o->m, n, 0) == (int)n)
			atomic_fetch_add(&b->sent, n);
		n = 0;
	}
}

static void *other_main(void *arg)
{
	struct bench *b = arg;
	struct other *raw = malloc(sizeof(*raw)), *packet = malloc(sizeof(*packet));
	uint32_t step = b->calls * TICK_MS / PTIME_MS, at = 0, slot = 0;
	uint64_t next = hf_now_ns();
	int kind;

	if (!raw || !packet || other_open(raw, false) || other_open(packet, true))
		abort();
	be_first(50);
	while (!atomic_load(&b->quit)) {
		kind = atomic_load(&b->sender);
		if (kind != SENDMMSG && kind != AF_PACKETS) {
			poll(NULL, 0, 10);
			next = hf_now_ns();
			continue;
		}
		next = tick_wait(next + TICK_MS * HF_MS);
		other_tick(b, kind == SENDMMSG ? raw : packet, at, step, slot);
		at = (at + step) % b->calls;
		slot += !at;
	}
	return NULL;
}

/* ---- the stage */

static void in_peer(const struct bench *b, int there)
{
	if (setns(there ? b->peer_ns : b->home_ns, CLONE_NEWNET))
		abort();
}

/* The far end: for who sends frames, or for who sends packets of the stack. */
static int far_set(struct bench *b, bool frames)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, o,
		    .prog_fd = bpf_program__fd(b->skel->progs.calls_far_tc));
	int rc, index;

	in_peer(b, 1);
	index = (int)if_nametoindex("hfm1");
	hook.ifindex = index;
	rc = bpf_xdp_attach(index,
			    frames ? bpf_program__fd(b->skel->progs.calls_far) :
				     -1,
			    XDP_FLAGS_DRV_MODE, NULL);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
	hook.attach_point = BPF_TC_INGRESS;
	if (!rc && !frames) {
		rc = bpf_tc_hook_create(&hook);
		if (!rc)
			rc = bpf_tc_attach(&hook, &o);
	}
	in_peer(b, 0);
	return rc;
}

static int near_set(const struct bench *b, enum kind kind)
{
	const struct bpf_program *p = b->s.bpf->progs.hf_receive;

	if (kind == EAT)
		p = b->skel->progs.calls_eat;
	if (kind == REFLECT)
		p = b->skel->progs.calls_reflect;
	if (kind == LEAST)
		p = b->skel->progs.calls_hold_least;
	return bpf_xdp_attach((int)if_nametoindex("hfm0"), bpf_program__fd(p),
			      XDP_FLAGS_DRV_MODE, NULL);
}

/* All calls are held from now on, spread over this number of milliseconds; or
 * none. 0: nothing is due for an hour. */
static void calls_hold_over(struct bench *b, bool yes, uint8_t flags,
			    uint32_t spread)
{
	struct hf_pins *pins = &b->s.pins;
	uint64_t ms = hf_now_ms() + 30;
	struct hf_hot hot;

	for (uint32_t i = 0; i < HF_WHEEL_BUCKETS; i++)
		hf_store_release(&pins->wheel_fill[i].entries, 0);
	poll(NULL, 0, 10);
	for (uint32_t i = 0; i < b->calls; i++) {
		uint64_t word = hf_word_make((i + 1) & 0x3fff, 0, 0, 100, 0);
		uint64_t base = spread ? ms + i % spread * PTIME_MS / spread :
					 ms + 3600000;
		struct hf_program p = program_of(i, base, flags);
		uint32_t wait = hf_wheel_wait(flags, PTIME_MS), n;
		uint32_t bucket = hf_wheel_bucket(PTIME_MS, base + wait);

		if (!yes)
			p.mode = HF_MODE_IDLE;
		pins->claims[i].hot.epoch = HF_HOT_NONE;
		pins->legs[i].program[0] = pins->legs[i].program[1] = p;
		hf_store_release(&pins->claims[i].word, word);
		hot = hf_hot_make(&p, word);
		hf_hot_store(&pins->claims[i].hot, &hot);
		if (!yes || !spread)
			continue;
		n = pins->wheel_fill[bucket].entries;
		hf_pins_wheel(pins, bucket, n)->leg = i;
		hf_store_release(&pins->wheel_fill[bucket].entries, n + 1);
	}
	stage_poke(&b->s, HF_POKE_WHEEL);
}

static void calls_hold(struct bench *b, bool yes, uint8_t flags)
{
	calls_hold_over(b, yes, flags, PTIME_MS);
}

/* Frames of the anchor so far: those sent by turn-around, and all. */
static uint64_t frames_turned(const struct bench *b)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < b->calls; i++)
		sum += b->s.pins.claims[i].intake.turn_sent;
	return sum;
}

static uint64_t frames_sent(const struct bench *b)
{
	uint64_t sum = frames_turned(b);

	for (uint32_t i = 0; i < b->calls; i++)
		sum += b->s.pins.claims[i].sent;
	return sum;
}

static int talk_fill(struct bench *b)
{
	struct hf_hop hop = stage_hop(&b->s, 0);
	struct hf_program p = program_of(0, 0, 0);
	struct hf_due d = {0};
	struct hf_hop back = hop;
	struct hf_program in = p;

	memcpy(back.dmac, hop.smac, 6);
	memcpy(back.smac, hop.dmac, 6);
	in.local_ip4 = p.remote_ip4;
	in.remote_ip4 = p.local_ip4;
	memset(b->talk->packet + 54, 0xd5, 160);
	memcpy(b->talk->packet, back.dmac, 6);
	memcpy(b->talk->packet + 6, back.smac, 6);
	b->talk->packet[12] = 8;
	hf_hold_headers_write(b->talk->packet + 14, &in, &d, &back, 160, 0);
	b->talk->sum = (uint64_t)in.local_ip4 + in.remote_ip4 + htons(17) +
		       2 * htons(180) + htons(0x8008) +
		       hf_csum_bytes(b->talk->packet + 54, 160);
	b->talk->calls = b->calls;
	in_peer(b, 1);
	b->talk->out = if_nametoindex("hfm1");
	in_peer(b, 0);
	return 0;
}

static void *map_memory(struct bpf_map *m)
{
	size_t len = ((size_t)bpf_map__value_size(m) + 7) / 8 * 8 *
		     bpf_map__max_entries(m);
	void *at = mmap(NULL, (len + 4095) / 4096 * 4096,
			PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(m), 0);

	return at == MAP_FAILED ? NULL : at;
}

static int ends_open(struct bench *b)
{
	char path[64];
	int rc;

	/* It would be given each packet of the stack before it is dropped. */
	close(b->s.wire);
	b->s.wire = -1;
	b->skel = bench_calls_bpf__open_and_load();
	if (!b->skel)
		return -errno;
	b->talk = map_memory(b->skel->maps.talk);
	b->heard = map_memory(b->skel->maps.heard);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)b->s.peer);
	b->peer_ns = open(path, O_RDONLY | O_CLOEXEC);
	b->home_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!b->talk || !b->heard || b->peer_ns < 0 || b->home_ns < 0)
		return -ENOMEM;
	/* In the dispatcher, so that a run does not patch it. */
	in_peer(b, 1);
	rc = sh("ip link add hft0 type veth peer name hft1") ? -ENODEV : 0;
	if (!rc)
		rc = bpf_xdp_attach(
			(int)if_nametoindex("hft0"),
			bpf_program__fd(b->skel->progs.calls_talk),
			XDP_FLAGS_DRV_MODE, NULL);
	in_peer(b, 0);
	return rc;
}

static int anchor_open(struct bench *b)
{
	struct hf_instance *in = b->s.pins.instance;

	in->address[0] = (struct hf_address){
		.ip4 = inet_addr(ANCHOR),
		.port_min = CALLS_PORT,
		.port_max = CALLS_PORT + 2 * CALLS_MAX - 1,
	};
	in->addresses = 1;
	in->device[0].ifindex = if_nametoindex("hfm0");
	in->devices = 1;
	/* Devices are looked at when the keeper starts. */
	kill(b->s.mediad, SIGKILL);
	waitpid(b->s.mediad, NULL, 0);
	if (near_set(b, IDLE) || far_set(b, true))
		return -EIO;
	stage_start_mediad(&b->s);
	if (!WAIT_FOR(5000, stage_mediad_ready(&b->s)))
		return -EIO;
	stage_want(&b->s, 0, REMOTE);
	return WAIT_FOR(5000, stage_hop_valid(&b->s, 0)) ? talk_fill(b) : -EIO;
}

#endif
