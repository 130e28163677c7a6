/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What hold by turn-around and relay cost a packet, against a bare reflector on
 * the same path in the same run.
 *
 * In a network namespace of its own stands a veth pair with native XDP. Live
 * frames leave bench_generate on the near end, the program in question runs on
 * the far end and sends back, bench_sink counts on the near end: all of it on
 * one CPU, so the time of a call for N packets is the cost of the whole chain.
 * The rows take turns, round after round; a figure is the median of the rounds
 * and a ratio the median of the ratios within a round. Before the first round
 * every byte that hold and relay send back is compared with packets built
 * otherwise.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/claim.h>
#include <holdfast/csum.h>
#include <holdfast/hot.h>
#include <holdfast/remote.h>

#include "../bpf/packet.h"
#include "bench/dataplane.skel.h"
#include "bpf/datapath.skel.h"
#include "mediad/ready.h"
#include "dataplane.h"
#include "report.h"

#define ROUNDS	    41
#define PROGRAM_MS  60 /* to program all legs */
#define FEATURE_ROUNDS 15
#define FRAMES	    6000 /* the music that comes with Holdfast: two minutes */

/* The legs of a relayed call are neighbours in memory, as those of calls that come
 * and go one by one, or far apart. Three rows are without gathering (bpf/gather.h).
 * The last two are the other sender: PACED_LEGS calls in ticks of PACED_TICK frames,
 * as holdfast-mediad has them. */
enum row {
	REFLECTOR,
	HOLD,
	NOT_DUE,
	RELAY,
	RELAY_APART,
	HOLD_1,
	NOT_DUE_1,
	RELAY_1,
	LIVE_FLOOR,
	PACED,
	ROWS
};
#define FIRST_UNGATHERED HOLD_1
#define FEATURES 5
#define PACED_LEGS	 10000
#define PACED_TICK	 1000 /* of 2 ms */
#define PACED_TURNS	 8    /* packet times a round */
#define PACED_FRAMES	 (PACED_TURNS * PACED_LEGS)
static const char *const row_names[ROWS] = {
	"reflector",	 "hold_turn_around", "hold_not_due",	    "relay",
	"relay_apart",	 "hold_ungathered",  "not_due_ungathered",
	"relay_ungathered", "live_frames_floor", "paced",
};

static enum row row_floor(enum row row)
{
	return row == PACED ? LIVE_FLOOR : REFLECTOR;
}

static enum row row_kind(enum row row)
{
	if (row == PACED)
		return HOLD;
	if (row == RELAY_APART)
		return RELAY;
	return row < FIRST_UNGATHERED || row == LIVE_FLOOR ?
		       row :
		       row - FIRST_UNGATHERED + HOLD;
}

/* The data path; all rows use the same maps, as one machine would. */
struct path {
	struct hf_datapath_bpf *skel;
	struct hf_datapath_bpf *in_use; /* it, or one with less (features.h) */
	struct hf_leg *legs;
	struct hf_claim *claims;
	struct hf_bound *bound;
	struct hf_pins pins; /* what the sender works with (mediad/ready.h) */
	struct hf_ready *ready;
	struct hf_wheel_entry *wheel;
	struct hf_frame *frames;
	uint16_t seq; /* of the packets that come in */
	bool apart;   /* the legs of a call are, in memory */
};

struct bench {
	struct bench_dataplane_bpf *skel;
	struct bench_control *control;
	uint32_t *order; /* every second word: array maps stride by 8 */
	struct bench_kept *kept;
	struct path path;
	uint8_t template[BENCH_PACKET];
	uint32_t near, far, holder;
	double ns[ROWS][ROUNDS];
	double saved[FEATURES][2][FEATURE_ROUNDS]; /* of the reflector */
	double saved_ns[FEATURES][2][FEATURE_ROUNDS];
	uint64_t making_ns; /* of `paced`, in userspace; a round */
	double making[ROUNDS];
	double pace_ns[ROWS]; /* half of what a packet took at best */
	uint64_t in[ROWS], returned[ROWS], verified[ROWS];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void wait_until(uint64_t ns)
{
	struct timespec t = {(time_t)(ns / 1000000000),
			     (long)(ns % 1000000000)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

static void *map_memory(struct bpf_map *map)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t stride = (bpf_map__value_size(map) + 7) & ~7u;
	size_t len = (size_t)bpf_map__max_entries(map) * stride;
	void *at =
		mmap(NULL, (len + page - 1) / page * page,
		     PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

#include "path.h"

/* The path between. */

static int devices_make(struct bench *b)
{
	if (unshare(CLONE_NEWNET)) {
		fprintf(stderr, "bench: no network namespace (root?): %s\n",
			strerror(errno));
		return -errno;
	}
	if (system("ip link set lo up && "
		   "ip link add near type veth peer far && "
		   "sysctl -qw net.ipv6.conf.near.disable_ipv6=1 "
		   "net.ipv6.conf.far.disable_ipv6=1 && "
		   "ip link set near up && ip link set far up && "
		   "ip link add holder type veth peer holder1 && "
		   "ip link add holder2 type veth peer holder3"))
		return -ENODEV;
	b->near = if_nametoindex("near");
	b->far = if_nametoindex("far");
	b->holder = if_nametoindex("holder");
	return b->near && b->far && b->holder ? 0 : -ENODEV;
}

static void order_fill(struct bench *b)
{
	uint64_t seed = 20;

	for (uint32_t i = 0; i < BENCH_LEGS; i++)
		b->order[2 * i] = i;
	for (uint32_t i = BENCH_LEGS - 1; i; i--) {
		uint32_t k = draw(&seed) % (i + 1);
		uint32_t t = b->order[2 * i];

		b->order[2 * i] = b->order[2 * k];
		b->order[2 * k] = t;
	}
}

static int ends_open(struct bench *b)
{
	struct shape s = shape_in(b, 0);
	struct packet p = packet_build(&s);
	struct bench_kept *bare;
	int err;

	memcpy(b->template, p.bytes, sizeof(b->template));
	b->skel = bench_dataplane_bpf__open_and_load();
	if (!b->skel)
		return -errno;
	b->control = map_memory(b->skel->maps.control);
	b->order = map_memory(b->skel->maps.order);
	b->kept = map_memory(b->skel->maps.kept);
	bare = map_memory(b->skel->maps.bare);
	if (!b->control || !b->order || !b->kept || !bare ||
	    bpf_map_update_elem(bpf_map__fd(b->skel->maps.bare_devmap), &b->far,
				&b->far, 0))
		return -ENOMEM;
	order_fill(b);
	memcpy(b->control->macs, p.bytes, 12);
	b->control->out = b->near;
	b->control->bare_out = b->far;
	memcpy(bare->bytes, p.bytes, BENCH_PACKET);
	/* A program that is attached somewhere is in the dispatcher already,
	 * which spares every run 16 ms. */
	err = bpf_xdp_attach((int)b->holder,
			     bpf_program__fd(b->skel->progs.bench_generate),
			     XDP_FLAGS_DRV_MODE, NULL);
	if (!err)
		err = bpf_xdp_attach((int)b->near,
				     bpf_program__fd(b->skel->progs.bench_sink),
				     XDP_FLAGS_DRV_MODE, NULL);
	return err;
}

/* Rounds. */

static int row_attach(const struct bench *b, enum row row)
{
	struct hf_datapath_bpf *s = b->path.in_use;
	struct bpf_devmap_val v = {.ifindex = b->far};
	int fd = row == REFLECTOR
			 ? bpf_program__fd(b->skel->progs.bench_reflect)
			 : bpf_program__fd(s->progs.hf_receive);
	int gather = bpf_map__fd(s->maps.gather);

	v.bpf_prog.fd = bpf_program__fd(s->progs.hf_gathered);
	if (row >= FIRST_UNGATHERED)
		bpf_map_delete_elem(gather, &b->far);
	else if (bpf_map_update_elem(gather, &b->far, &v, 0))
		return -1;

	return bpf_xdp_attach((int)b->far, fd, XDP_FLAGS_DRV_MODE, NULL);
}

static uint64_t row_consumed(const struct bench *b, enum row row)
{
	if (row_kind(row) == NOT_DUE)
		return path_counter(&b->path, HF_COUNT_HOLD_NOT_DUE);
	return HF_READ(b->control->returned);
}

static void control_fill(struct bench *b, struct path *p)
{
	struct bench_control *c = b->control;

	p->seq++;
	c->generated = 0;
	c->returned = 0;
	c->first = HF_HTONS(0x8000);
	c->seq = HF_HTONS(p->seq);
	c->timestamp = HF_HTONL(p->seq * 160u);
	c->sum = (uint64_t)HF_HTONS(17) + 2 * (uint64_t)HF_HTONS(180) +
		 c->first + c->seq + c->timestamp +
		 hf_csum_bytes(b->template + 54, 160);
}

/* One packet of every leg. Returns the nanoseconds a packet, or a negative
 * errno; *ret_back is how many came back (or were consumed). */
static double chunk_run(struct bench *b, enum row row, uint64_t *ret_back)
{
	struct xdp_md ctx = {.data_end = BENCH_PACKET,
			     .ingress_ifindex = b->near};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b->template,
		    .data_size_in = BENCH_PACKET, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = BENCH_LEGS,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	struct timespec a_moment = {0, 1000};
	double ns;
	uint64_t before, start, end, back;
	int err;

	control_fill(b, &b->path);
	before = row_consumed(b, row);
	start = now_ns();
	err = bpf_prog_test_run_opts(
		bpf_program__fd(b->skel->progs.bench_generate), &opts);
	if (err)
		return err;
	/* What a busy softirq left to its thread counts too. */
	do {
		back = row_consumed(b, row) - before;
		end = now_ns();
	} while (back < BENCH_LEGS && end - start < 1000 * HF_MS &&
		 !clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, NULL));
	*ret_back = back;
	ns = (double)(end - start) / BENCH_LEGS;
	if (!b->pace_ns[row] || ns / 2 < b->pace_ns[row])
		b->pace_ns[row] = ns / 2;
	return ns;
}

#include "paced.h"

/* What the leg's remote must have received, byte for byte. */
static struct packet expected(struct bench *b, enum row row, uint32_t leg)
{
	const struct path *p = &b->path;
	const struct hf_bound *from = &p->bound[leg_peer(p, leg)];
	struct shape s = shape_in(b, leg_peer(p, leg));
	uint32_t in_ts = p->seq * 160u;
	struct hf_program q = p->legs[leg].program[0];
	uint32_t slot;

	s.saddr = leg_address(leg);
	s.daddr = BENCH_REMOTE + leg;
	s.sport = leg_port(leg);
	s.dport = BENCH_REMOTE_PORT;
	s.ttl = 64;
	s.frag = 0x4000;
	memcpy(s.dmac, "\2\0\0\0\0\1", 6);
	memcpy(s.smac, "\2\0\0\0\0\2", 6);
	s.ssrc = 0x50000000 + leg;
	s.seq = (uint16_t)(leg * 7);
	if (row == HOLD) {
		/* A machine busy elsewhere may have made it skip. */
		slot = hf_word_slot(p->claims[leg].word) - 1;
		s.marker = !!slot;
		s.timestamp = q.ts_base + slot * q.ts_step;
		s.payload = p->frames[hf_program_frame(&q, slot)].payload;
	} else {
		/* The second packet: the first bound the source. */
		s.seq++;
		s.timestamp = in_ts + from->ts;
	}
	return packet_build(&s);
}

static int row_verify(struct bench *b, enum row row)
{
	uint64_t back = 0;

	b->control->keep = 1;
	if (row_attach(b, row))
		return -errno;
	path_program(b, row);
	if (row == RELAY) {
		if (chunk_run(b, row, &back) < 0)
			return -EIO;
		path_program(b, row);
	}
	if (chunk_run(b, row, &back) < 0)
		return -EIO;
	b->control->keep = 0;
	b->in[row] = BENCH_LEGS;
	b->returned[row] = back;
	for (uint64_t i = 0; i < back; i++) {
		const struct bench_kept *k = &b->kept[i];
		struct packet got = {.len = k->len}, want;
		uint32_t leg;

		memcpy(got.bytes, k->bytes, BENCH_PACKET);
		leg = packet_peek32(&got, 30) - BENCH_REMOTE;
		if (leg >= BENCH_LEGS)
			continue;
		want = expected(b, row, leg);
		if (want.len == got.len &&
		    !memcmp(want.bytes, got.bytes, want.len))
			b->verified[row] += got.len;
	}
	return 0;
}

static int rounds_run(struct bench *b)
{
	for (int r = 0; r < ROUNDS; r++)
		for (int row = 0; row < ROWS; row++) {
			uint64_t back = 0;
			uint32_t want;

			if (row_attach(b, (enum row)row))
				return -errno;
			path_program(b, (enum row)row);
			/* What begins the next HF_RTP_WATCH sequence numbers
			 * takes the long way: one packet in so many, and not
			 * whatever was sent in the rows before. */
			if (row_kind((enum row)row) == RELAY &&
			    chunk_run(b, (enum row)row, &back) < 0)
				return -EIO;
			b->ns[row][r] =
				row >= LIVE_FLOOR ?
					ticks_run(b, (enum row)row, &back) :
					chunk_run(b, (enum row)row, &back);
			want = row >= LIVE_FLOOR ? PACED_FRAMES : BENCH_LEGS;
			if (row == PACED) {
				b->making[r] = (double)b->making_ns / want;
				b->making_ns = 0;
			}
			if (b->ns[row][r] < 0 || back < want) {
				fprintf(stderr,
					"bench: %s: %llu of %u packets came through\n",
					row_names[row],
					(unsigned long long)back, want);
				return -EIO;
			}
		}
	return 0;
}

#include "features.h"

/* Of all maps, without the frames; one element a leg and the wheel for them. */
static uint64_t map_bytes(const struct bench *b)
{
	uint64_t sum = (uint64_t)BENCH_LEGS * sizeof(struct hf_wheel_entry);
	struct bpf_map *map;

	bpf_object__for_each_map(map, b->path.skel->obj) {
		uint64_t stride = (bpf_map__value_size(map) + 7) & ~7ull;

		if (map != b->path.skel->maps.frames &&
		    map != b->path.skel->maps.wheel)
			sum += stride * bpf_map__max_entries(map);
	}
	return sum;
}

/* The report. */

static int report(const struct bench *b, const char *path)
{
	struct report r = report_begin("dataplane");

	printf("%d legs in random order, %d rounds, medians\n", BENCH_LEGS,
	       ROUNDS);
	for (int row = 0; row < ROWS; row++) {
		report_ratio(
			&r, row_names[row], median(b->ns[row], ROUNDS),
			"ns/packet",
			row && row != LIVE_FLOOR ?
				row_names[row_floor((enum row)row)] :
				NULL,
			median_ratio(b->ns[row],
				     b->ns[row_floor((enum row)row)], ROUNDS));
		if (row != HOLD && row != RELAY)
			continue;
		report_carry(&r, "packets_in", b->in[row]);
		report_carry(&r, "packets_returned", b->returned[row]);
		report_carry(&r, "bytes_verified", b->verified[row]);
	}
	report_ratio(&r, "paced_making", median(b->making, ROUNDS), "ns/packet",
		     NULL, 0);
	features_report(b, &r);
	report_ratio(&r, "map_bytes_100k_v4", (double)map_bytes(b), "bytes",
		     NULL, 0);
	/* As ctl/media/load.c makes them where one address is IPv6. */
	report_ratio(&r, "map_bytes_100k_v6",
		     (double)(map_bytes(b) +
			      (uint64_t)(BENCH_LEGS - 1) *
				      sizeof(struct hf_leg6)),
		     "bytes", NULL, 0);
	return report_end(&r, path);
}

static int stage_set(struct bench *b)
{
	int err = devices_make(b);

	if (!err)
		err = ends_open(b);
	if (!err)
		err = path_open(b);
	/* As bench_generate above. */
	if (!err)
		err = bpf_xdp_attach(
			(int)if_nametoindex("holder1"),
			bpf_program__fd(b->path.skel->progs.hf_paced),
			XDP_FLAGS_DRV_MODE, NULL);
	if (!err)
		err = bpf_xdp_attach((int)if_nametoindex("holder2"),
				     bpf_program__fd(b->skel->progs.bench_bare),
				     XDP_FLAGS_DRV_MODE, NULL);
	return err;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	struct sched_param first = {.sched_priority = 10};
	cpu_set_t set;
	int err;

	/* The CPU that is least likely to serve interrupts. */
	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
	/* Others on this machine would be part of the figure. */
	(void)sched_setscheduler(0, SCHED_FIFO, &first);
	err = stage_set(&bench);
	if (!err)
		err = row_verify(&bench, HOLD);
	if (!err)
		err = row_verify(&bench, RELAY);
	if (!err)
		err = rounds_run(&bench);
	if (!err)
		err = features_run(&bench);
	if (!err)
		err = report(&bench, argc > 1 ? argv[1] : NULL);
	if (err)
		fprintf(stderr, "bench: dataplane: %s\n", strerror(-err));
	for (int row = HOLD; row <= RELAY; row += RELAY - HOLD)
		if (!err && (bench.returned[row] != BENCH_LEGS ||
			     bench.verified[row] !=
				     (uint64_t)BENCH_LEGS * BENCH_PACKET)) {
			fprintf(stderr,
				"bench: %s did not send back what it should\n",
				row_names[row]);
			err = -EIO;
		}
	return err ? 1 : 0;
}
