/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fixture of fixture.h. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <holdfast/claim.h>
#include <holdfast/hot.h>
#include <holdfast/remote.h>

#include "bpf/datapath.skel.h"

#define LEGS	       96
#define WHEEL_CAPACITY 8

static const uint8_t gateway_mac[6] = {2, 0, 0, 0, 0, 0x11};
static const uint8_t anchor_mac[6] = {2, 0, 0, 0, 0, 0x22};

const uint8_t fixture_anchor6[16] = {0x20, 1, 0xd, 0xb8, [15] = 0x10};
const uint8_t fixture_caller6[16] = {0x20, 1, 0xd, 0xb8, 0, 7, [14] = 0xfe, 7};
const uint8_t fixture_agent6[16] = {0x20, 1, 0xd, 0xb8, 0, 9, [14] = 0xfd, 9};

static void *map_memory(struct bpf_map *map, size_t value)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t len = bpf_map__max_entries(map) * value;
	void *at =
		mmap(NULL, (len + page - 1) / page * page,
		     PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	return at == MAP_FAILED ? NULL : at;
}

static const char *load(struct fixture *f)
{
	struct hf_datapath_bpf *skel = hf_datapath_bpf__open();

	f->skel = skel;
	if (!skel)
		return "the object cannot be opened";
	skel->rodata->hf_test_clock = 1;
	bpf_map__set_max_entries(skel->maps.legs, LEGS);
	bpf_map__set_max_entries(skel->maps.leg6, LEGS);
	bpf_map__set_max_entries(skel->maps.heard, LEGS);
	bpf_map__set_max_entries(skel->maps.claims, LEGS);
	bpf_map__set_max_entries(skel->maps.bound, LEGS);
	bpf_map__set_max_entries(skel->maps.rtcp, LEGS);
	bpf_map__set_max_entries(skel->maps.turned,
				 HF_TURNED_WORDS(LEGS));
	bpf_map__set_max_entries(skel->maps.frames, FRAMES);
	bpf_map__set_max_entries(skel->maps.nexthops, HOPS);
	bpf_map__set_max_entries(skel->maps.wheel,
				 HF_WHEEL_BUCKETS * WHEEL_CAPACITY);
	if (hf_datapath_bpf__load(skel))
		return "the kernel does not load the programs (root?)";
	f->instance = map_memory(skel->maps.instance, sizeof(*f->instance));
	f->legs = map_memory(skel->maps.legs, sizeof(*f->legs));
	f->leg6 = map_memory(skel->maps.leg6, sizeof(*f->leg6));
	f->claims = map_memory(skel->maps.claims, sizeof(*f->claims));
	f->bound = map_memory(skel->maps.bound, sizeof(*f->bound));
	f->frames = map_memory(skel->maps.frames, sizeof(*f->frames));
	f->nexthops = map_memory(skel->maps.nexthops, sizeof(*f->nexthops));
	f->wheel = map_memory(skel->maps.wheel, sizeof(*f->wheel));
	f->turned = map_memory(skel->maps.turned, sizeof(*f->turned));
	f->work = map_memory(skel->maps.work, sizeof(*f->work));
	f->ready = map_memory(skel->maps.ready, sizeof(*f->ready));
	f->heard = map_memory(skel->maps.heard, sizeof(*f->heard));
	if (!f->leg6 || !f->claims || !f->bound ||
	    !f->heard || !f->instance || !f->legs || !f->frames || !f->nexthops ||
	    !f->wheel || !f->turned || !f->work || !f->ready)
		return "the maps cannot be mapped";
	f->receive = bpf_program__fd(skel->progs.hf_receive);
	f->paced = bpf_program__fd(skel->progs.hf_paced);
	return NULL;
}

static const char *devices_make(struct fixture *f)
{
	int fd = bpf_map__fd(f->skel->maps.devmap);
	uint32_t lo = 1; /* where packets come in */

	if (system("ip link set lo up && ip link add hft0 type veth peer hft1"))
		return "no veth pair can be made";
	f->other = if_nametoindex("hft0");
	if (!f->other || bpf_map_update_elem(fd, &f->other, &f->other, 0) ||
	    bpf_map_update_elem(fd, &lo, &lo, 0))
		return "the devmap does not take the device";
	return NULL;
}

static void hop_set(struct fixture *f, uint32_t at, uint32_t ifindex,
		    uint16_t mtu, uint8_t flags)
{
	struct hf_hop hop = {
		.ifindex = ifindex,
		.mtu = mtu,
		.flags = flags,
		.tos = 46 << 2,
		.vlan_tci = HF_HTONS(VLAN_TCI),
	};

	memcpy(hop.dmac, gateway_mac, 6);
	memcpy(hop.smac, anchor_mac, 6);
	/* The other one is not in force and must not be looked at. */
	f->nexthops[at] = (struct hf_nexthop){.turn = at, .family = 4};
	f->nexthops[at].hop[at & 1] = hop;
}

static void frame_set(struct hf_frame *frame, unsigned int i, uint16_t bytes)
{
	uint16_t sum;

	*frame = (struct hf_frame){.bytes = bytes};
	for (unsigned int k = 0; k < bytes; k++)
		frame->payload[k] = (uint8_t)(i * 37 + k * 11 + 3);
	sum = slow_sum(frame->payload, bytes, 0);
	frame->sum = (uint16_t)HF_HTONS(sum);
}

static void fill(struct fixture *f)
{
	struct hf_instance *in = f->instance;

	memset(in, 0, sizeof(*in));
	in->abi_major = HF_ABI_MAJOR;
	in->addresses = 4;
	in->address[0] = (struct hf_address){.ip6 = {0x20}};
	in->address[3] = (struct hf_address){
		.port_min = 40000,
		.port_max = 40063,
		.leg_base = LEGS6,
	};
	memcpy(in->address[3].ip6, fixture_anchor6, 16);
	in->address[1] = (struct hf_address){
		.ip4 = HF_HTONL(ANCHOR),
		.port_min = 20000,
		.port_max = 20063,
	};
	in->address[2] = (struct hf_address){
		.ip4 = HF_HTONL(ANCHOR2),
		.port_min = 30000,
		.port_max = 30063,
		.leg_base = 32,
	};
	hf_hints_fill(in);
	in->legs = LEGS;
	in->frames = FRAMES;
	in->wheel_capacity = WHEEL_CAPACITY;
	memset(f->legs, 0, LEGS * sizeof(*f->legs));
	memset(f->claims, 0, LEGS * sizeof(*f->claims));
	memset(f->leg6, 0, LEGS * sizeof(*f->leg6));
	memset(f->work, 0, sizeof(*f->work));
	memset(f->ready, 0, sizeof(*f->ready));
	for (unsigned int i = 0; i < FRAMES; i++)
		frame_set(&f->frames[i], i,
			  i < FRAME_SHORT ? HF_FRAME_BYTES
			  : i < FRAME_ODD ? 80
					  : 33);
	for (unsigned int i = 0; i < HF_WHEEL_BUCKETS * WHEEL_CAPACITY; i++)
		f->wheel[i].leg = HF_LEG_NONE;
	hop_set(f, 0, 0, 1500, HF_HOP_VALID); /* of no device */
	hop_set(f, HOP_BACK, 1, 1500, HF_HOP_VALID);
	hop_set(f, HOP_ACROSS, f->other, 1500, HF_HOP_VALID);
	hop_set(f, HOP_UNRESOLVED, 1, 1500, 0);
	hop_set(f, HOP_UNKNOWN, 4711, 1500, HF_HOP_VALID);
	hop_set(f, HOP_NARROW, 1, 150, HF_HOP_VALID);
	hop_set(f, HOP_VLAN, f->other, 1500, HF_HOP_VALID | HF_HOP_VLAN);
	hop_set(f, HOP_VLAN_BACK, 1, 1500, HF_HOP_VALID | HF_HOP_VLAN);
	hop_set(f, HOP_NO_REDIRECT, f->other, 1500,
		HF_HOP_VALID | HF_HOP_NO_REDIRECT);
	hop_set(f, HOP_GENERIC, f->other, 1500,
		HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_GENERIC);
	hop_set(f, HOP_HOST, 4711, UINT16_MAX, /* as lo has it */
		HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_LOCAL);
	hop_set(f, HOP_VETH, 1, 1500, HF_HOP_VALID | HF_HOP_REDIRECT);
}

static void counters_read(struct fixture *f, uint64_t *sum)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t v[cpus];

	for (uint32_t i = 0; i < HF_COUNTERS_MAX; i++) {
		sum[i] = 0;
		if (bpf_map_lookup_elem(bpf_map__fd(f->skel->maps.stats), &i,
					v))
			continue;
		for (int c = 0; c < cpus; c++)
			sum[i] += v[c];
	}
	sum[HF_COUNT_HOLD_PACED] += f->ready->sent;
}

struct fixture *fixture_get(const char **ret_why)
{
	static struct fixture fixture;
	static const char *why;
	struct fixture *f = &fixture;

	if (!f->skel && !why) {
		if (unshare(CLONE_NEWNET))
			why = "needs root, for a network namespace";
		if (!why)
			why = load(f);
		if (!why)
			why = devices_make(f);
	}
	*ret_why = why;
	if (why)
		return NULL;
	fill(f);
	counters_read(f, f->counters);
	return f;
}

void fixture_now(struct fixture *f, uint64_t ns)
{
	f->work->now_ns = ns;
}

static int run(int fd, struct packet *p)
{
	struct packet out = {.len = 0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->bytes,
		    .data_size_in = (uint32_t)p->len, .data_out = out.bytes,
		    .data_size_out = sizeof(out.bytes), .repeat = 1);
	int err = bpf_prog_test_run_opts(fd, &opts);

	if (err)
		return err;
	out.len = opts.data_size_out;
	*p = out;
	return (int)opts.retval;
}

int fixture_receive(struct fixture *f, struct packet *p)
{
	return run(f->receive, p);
}

int fixture_paced(struct fixture *f, struct packet *p)
{
	return run(f->paced, p);
}

const char *fixture_counted(struct fixture *f)
{
	static const char *const names[] = {
#define X(symbol, name, text) name,
		HF_COUNTERS(X)
#undef X
	};
	static char text[512];
	uint64_t now[HF_COUNTERS_MAX];
	size_t at = 0;

	text[0] = 0;
	counters_read(f, now);
	for (uint32_t i = 0; i < HF_COUNTERS_MAX; i++)
		if (now[i] != f->counters[i])
			at += (size_t)snprintf(
				text + at, sizeof(text) - at, "%s%s %llu",
				at ? ", " : "",
				i < HF_COUNTERS_IN_USE ? names[i] : "?",
				(unsigned long long)(now[i] - f->counters[i]));
	memcpy(f->counters, now, sizeof(now));
	return text;
}

static uint32_t leg_address(uint32_t leg)
{
	return leg < 32 ? ANCHOR : ANCHOR2;
}

static uint16_t leg_port(uint32_t leg)
{
	if (leg >= LEGS6)
		return (uint16_t)(40000 + 2 * (leg - LEGS6));
	return (uint16_t)(leg < 32 ? 20000 + 2 * leg : 30000 + 2 * (leg - 32));
}

static struct hf_program program_hold4(uint32_t leg)
{
	return (struct hf_program){
		.base_ns = BASE,
		.ptime_ns = 20 * MS,
		.ts_base = 0xfffffff0,
		.ssrc = HF_HTONL(0xabcd0000 + leg),
		.ts_step = 160,
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.remote_ip4 = HF_HTONL(CALLER),
		.local_ip4 = HF_HTONL(leg_address(leg)),
		.remote_port = HF_HTONS(CALLER_PORT),
		.local_port = HF_HTONS(leg_port(leg)),
		.nexthop = HOP_BACK,
		.peer = HF_LEG_NONE,
		.rx_payload_type = 8,
		.loop_first = 10,
		.loop_len = 20,
	};
}

struct hf_program program_hold(uint32_t leg)
{
	struct hf_program p = program_hold4(leg);

	if (leg < LEGS6)
		return p;
	p.flags = HF_PROGRAM_IPV6;
	p.local_ip4 = hf_ip6_digest((const void *)fixture_anchor6);
	p.remote_ip4 = hf_ip6_digest((const void *)fixture_caller6);
	return p;
}

/* The addresses that the digests of a program are of. */
static void leg_addresses(struct fixture *f, uint32_t leg,
			  const struct hf_program *p, unsigned int which)
{
	struct hf_pair6 *six = &f->leg6[leg].program[which & 1];
	const void *agent = fixture_agent6;

	memset(six, 0, sizeof(*six));
	if (!(p->flags & HF_PROGRAM_IPV6))
		return;
	memcpy(&six->local, fixture_anchor6, 16);
	memcpy(&six->remote,
	       p->remote_ip4 == hf_ip6_digest(agent) ? agent : fixture_caller6,
	       16);
}

/* As the controller does: of a relay in both directions. */
static void leg_cross(struct fixture *f, uint32_t leg)
{
	__u64 word = f->claims[leg].word, to_word;
	const struct hf_program *p = hf_word_program(&f->legs[leg], word);
	struct hf_across across;

	if (p->peer >= LEGS)
		return;
	to_word = f->claims[p->peer].word;
	across = hf_across_make(leg, p, word,
				hf_word_program(&f->legs[p->peer], to_word),
				to_word);
	/* leg_set() begins at an epoch that was there before. */
	if (across.epoch != HF_HOT_NONE)
		hf_across_store(&f->claims[leg].across, &across);
	else if (f->claims[leg].across.epoch & HF_ACROSS)
		f->claims[leg].across.epoch = HF_HOT_NONE;
}

void leg_shorten(struct fixture *f, uint32_t leg)
{
	__u64 word = f->claims[leg].word;
	const struct hf_program *p = hf_word_program(&f->legs[leg], word);
	struct hf_hot hot = hf_hot_make(p, word);

	if (f->no_hot)
		return;
	if (hot.epoch != HF_HOT_NONE)
		hf_hot_store(&f->claims[leg].hot, &hot);
	leg_cross(f, leg);
	if (p->peer < LEGS)
		leg_cross(f, p->peer);
}

void leg_set(struct fixture *f, uint32_t leg, const struct hf_program *p,
	     uint16_t seq)
{
	f->legs[leg] = (struct hf_leg){.program[1] = *p};
	f->claims[leg].intake = (struct hf_intake){};
	f->bound[leg] = (struct hf_bound){};
	f->claims[leg].hot = (struct hf_hot){.epoch = HF_HOT_NONE};
	leg_addresses(f, leg, p, 1);
	f->claims[leg].word = hf_word_make(5, 0, 0, seq, 0);
	leg_shorten(f, leg);
}

int leg_flip(struct fixture *f, uint32_t leg, const struct hf_program *p,
	     uint32_t slot)
{
	struct hf_leg_at at = {&f->legs[leg], &f->claims[leg].word};
	int done;

	leg_addresses(f, leg, p, hf_word_epoch(*at.word) + 1);
	done = hf_flip(&at, *at.word, p, slot, 0);

	leg_shorten(f, leg);
	return done;
}

struct shape shape_from_caller(uint32_t leg)
{
	static uint8_t voice[1500];
	struct shape s = {
		.saddr = CALLER,
		.daddr = leg_address(leg),
		.sport = CALLER_PORT,
		.dport = leg_port(leg),
		.tos = 0x10,
		.ttl = 57,
		.id = 0x7777,
		.first = 0x80,
		.payload_type = 8,
		.seq = 1000,
		.timestamp = 160000,
		.ssrc = 0x11223344,
		.payload = voice,
		.payload_len = 160,
	};

	for (size_t i = 0; i < sizeof(voice); i++)
		voice[i] = (uint8_t)(i * 29 + 1);
	if (leg >= LEGS6) {
		s.saddr6 = fixture_caller6;
		s.daddr6 = fixture_anchor6;
	}
	memcpy(s.dmac, anchor_mac, 6);
	memcpy(s.smac, "\2\0\0\0\0\x33", 6);
	return s;
}

struct shape shape_hold(const struct fixture *f, uint32_t leg, uint32_t frame)
{
	struct shape s = {
		.saddr = leg_address(leg),
		.daddr = CALLER,
		.sport = leg_port(leg),
		.dport = CALLER_PORT,
		.tos = 46 << 2,
		.ttl = 64,
		.frag = 0x4000,
		.first = 0x80,
		.payload_type = 8,
		.ssrc = 0xabcd0000 + leg,
		.payload = f->frames[frame].payload,
		.payload_len = f->frames[frame].bytes,
	};

	if (leg >= LEGS6) {
		s.saddr6 = fixture_anchor6;
		s.daddr6 = fixture_caller6;
	}
	memcpy(s.dmac, gateway_mac, 6);
	memcpy(s.smac, anchor_mac, 6);
	return s;
}
