/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data path under test: loaded once, with a program for each of its legs and
 * each row. A part of dataplane.c, which has the rows it goes by.
 */
#ifndef HOLDFAST_BENCH_PATH_H
#define HOLDFAST_BENCH_PATH_H

static uint32_t leg_address(uint32_t leg)
{
	return BENCH_ANCHOR + leg / BENCH_LEGS_EACH;
}

static uint16_t leg_port(uint32_t leg)
{
	return (uint16_t)(BENCH_PORT_MIN + 2 * (leg % BENCH_LEGS_EACH));
}

/* The other leg of its call: the one beside it, or one far away in memory. */
static uint32_t leg_peer(const struct path *p, uint32_t leg)
{
	return p->apart ? (leg + BENCH_LEGS / 2) % BENCH_LEGS : leg ^ 1;
}

/* What comes in, as packets of the remote of `leg`. */
static struct shape shape_in(const struct bench *b, uint32_t leg)
{
	static uint8_t voice[160];
	struct shape s = {
		.saddr = BENCH_REMOTE + leg,
		.daddr = leg_address(leg),
		.sport = BENCH_REMOTE_PORT,
		.dport = leg_port(leg),
		.ttl = 60,
		.first = 0x80,
		.ssrc = BENCH_REMOTE + leg,
		.payload = voice,
		.payload_len = sizeof(voice),
	};

	for (size_t i = 0; i < sizeof(voice); i++)
		voice[i] = (uint8_t)(i * 31 + 5);
	memcpy(s.dmac, "\2\0\0\0\0\2", 6);
	memcpy(s.smac, "\2\0\0\0\0\1", 6);
	return s;
}

/* The data paths. */

static struct hf_program program_make(const struct path *path, uint32_t leg,
				      enum row row, uint64_t base_ns)
{
	struct hf_program p = {
		.base_ns = base_ns,
		.ptime_ns = 20 * HF_MS,
		.ts_base = leg * 977,
		.ssrc = HF_HTONL(0x50000000 + leg),
		.ts_step = 160,
		.mode = HF_MODE_HOLD,
		.remote_ip4 = HF_HTONL(BENCH_REMOTE + leg),
		.local_ip4 = HF_HTONL(leg_address(leg)),
		.remote_port = HF_HTONS(BENCH_REMOTE_PORT),
		.local_port = HF_HTONS(leg_port(leg)),
		.nexthop = 1,
		.peer = HF_LEG_NONE,
		.loop_len = FRAMES,
		.loop_phase = 0u - leg * 7919 % FRAMES,
	};

	if (row == NOT_DUE)
		p.base_ns += 3600 * 1000 * HF_MS;
	if (row == RELAY) {
		p.mode = HF_MODE_RELAY;
		p.peer = leg_peer(path, leg);
	}
	return p;
}

static void instance_fill(struct hf_instance *in)
{
	in->abi_major = HF_ABI_MAJOR;
	in->addresses = BENCH_ADDRESSES;
	for (uint32_t i = 0; i < BENCH_ADDRESSES; i++)
		in->address[i] = (struct hf_address){
			.ip4 = HF_HTONL(BENCH_ANCHOR + i),
			.port_min = BENCH_PORT_MIN,
			.port_max = BENCH_PORT_MIN + 2 * BENCH_LEGS_EACH - 1,
			.leg_base = i * BENCH_LEGS_EACH,
		};
	hf_hints_fill(in);
	in->legs = BENCH_LEGS;
	in->frames = FRAMES;
}

static void hop_fill(const struct bench *b, struct hf_nexthop *n)
{
	n->hop[0] = (struct hf_hop){
		.ifindex = b->far,
		.mtu = 1500,
		.flags = HF_HOP_VALID,
		.dmac = {2, 0, 0, 0, 0, 1},
		.smac = {2, 0, 0, 0, 0, 2},
	};
}

static int path_open(struct bench *b)
{
	struct path *p = &b->path;
	struct hf_datapath_bpf *s = p->skel = p->in_use =
		hf_datapath_bpf__open();
	struct hf_instance *in;
	struct hf_nexthop *hops;

	if (!s)
		return -errno;
	bpf_map__set_max_entries(s->maps.legs, BENCH_LEGS);
	bpf_map__set_max_entries(s->maps.heard, BENCH_LEGS);
	bpf_map__set_max_entries(s->maps.claims, BENCH_LEGS);
	bpf_map__set_max_entries(s->maps.bound, BENCH_LEGS);
	bpf_map__set_max_entries(s->maps.rtcp, BENCH_LEGS);
	bpf_map__set_max_entries(s->maps.turned, HF_TURNED_WORDS(BENCH_LEGS));
	bpf_map__set_max_entries(s->maps.frames, FRAMES);
	bpf_map__set_max_entries(s->maps.wheel, PACED_LEGS);
	if (hf_datapath_bpf__load(s))
		return -errno;
	in = map_memory(s->maps.instance);
	hops = map_memory(s->maps.nexthops);
	p->legs = map_memory(s->maps.legs);
	p->frames = map_memory(s->maps.frames);
	p->claims = map_memory(s->maps.claims);
	p->bound = map_memory(s->maps.bound);
	p->ready = map_memory(s->maps.ready);
	p->pins = (struct hf_pins){
		.instance = in,
		.legs = p->legs,
		.claims = p->claims,
		.frames = p->frames,
		.nexthops = hops,
		.nexthop_count = bpf_map__max_entries(s->maps.nexthops),
		.work = map_memory(s->maps.work),
	};
	p->wheel = map_memory(s->maps.wheel);
	if (!p->claims || !p->bound || !p->ready || !p->wheel ||
	    bpf_map_update_elem(bpf_map__fd(s->maps.devmap), &b->far, &b->far,
				0) ||
	    !in || !hops || !p->legs || !p->frames)
		return -ENOMEM;
	/* In any order, but where the controller gives so many calls their
	 * ports (struct hf_ports). */
	for (uint32_t i = 0, n = 0; i < BENCH_LEGS; i++)
		if (b->order[2 * i] < PACED_LEGS)
			p->wheel[n++].leg = b->order[2 * i];
	instance_fill(in);
	hop_fill(b, &hops[1]);
	for (uint32_t i = 0; i < FRAMES; i++) {
		struct hf_frame *f = &p->frames[i];

		f->bytes = HF_FRAME_BYTES;
		for (uint32_t k = 0; k < HF_FRAME_BYTES; k++)
			f->payload[k] = (uint8_t)(i * 13 + k * (i % 7 + 1));
		f->sum = hf_csum_bytes(f->payload, HF_FRAME_BYTES);
	}
	return 0;
}

/* The sequence number that the next packet to this leg has. */
static uint16_t next_seq(const struct path *p, uint32_t leg, enum row row)
{
	const struct hf_bound *from = &p->bound[leg_peer(p, leg)];

	if (row == RELAY && from->flags & HF_BOUND)
		return (uint16_t)(from->seq + p->seq + 1);
	return (uint16_t)(leg * 7);
}

/*
 * Program every leg for this row. When its packet comes, a hold frame is some
 * milliseconds overdue, as where the paced sender is dead: all are due, and none
 * is skipped. Relayed streams go on where they were. The round may begin when
 * this returns.
 */
static void path_program(struct bench *b, enum row which)
{
	uint32_t legs = which == PACED ? PACED_LEGS : BENCH_LEGS;
	enum row row = row_kind(which);
	uint64_t begin = now_ns() + PROGRAM_MS * HF_MS, base;
	struct path *p = &b->path;

	if (row == REFLECTOR || row == LIVE_FLOOR)
		return;
	p->apart = which == RELAY_APART;
	for (uint32_t k = 0; k < legs; k++) {
		uint32_t i = which == PACED ? p->wheel[k].leg :
					      b->order[2 * k];
		uint16_t seq = next_seq(p, i, row);

		base = begin + (uint64_t)(k * b->pace_ns[which]) - 14 * HF_MS;
		base = base / HF_MS * HF_MS;
		p->legs[i].program[0] = program_make(p, i, row, base);
		p->claims[i].word =
			hf_word_make(row == RELAY ? 2 : 0, 0, 0, seq, 0);
		p->claims[i].peer = leg_peer(p, i);
		p->claims[i].hot = hf_hot_make(&p->legs[i].program[0],
					p->claims[i].word);
	}
	for (uint32_t i = 0; i < BENCH_LEGS && row == RELAY; i++) {
		uint32_t k = leg_peer(p, i);

		p->claims[i].across = hf_across_make(
			i, &p->legs[i].program[0], p->claims[i].word,
			&p->legs[k].program[0], p->claims[k].word);
	}
	wait_until(begin);
}

static uint64_t path_counter(const struct path *p, uint32_t which)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t v[cpus], sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.stats), &which, v))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += v[i];
	return sum;
}

#endif
