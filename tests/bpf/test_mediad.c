// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The media keeper end to end: real devices, real programs, and what is on the
 * wire. See mediad_stage.h for the stage.
 */
/* rooms: mediad media audio sdp config base */
#include "../unit/test.h"

/* More than one call of the paced sender takes. */
#define STAGE_LEGS   4608
#define STAGE_BUCKET 256
#include "mediad_stage.h"

#include "holdfast/remote.h"
#include "mediad/netlink.h"

#define PTIME_MS  20
#define SSRC	  0x5eed5eedu
#define FIRST_SEQ 65500u /* the sequence wraps on the way */
#define REMOTE	  "10.9.0.2"
#define LOCAL6	  "2001:db8:9::1"
#define REMOTE6	  "2001:db8:9::2"

/* Leg `index` hears the clip from `ms` on. */
static struct hf_program *hold(struct stage *s, uint32_t index, uint32_t hop,
			       uint64_t ms)
{
	uint32_t bucket = hf_wheel_bucket(PTIME_MS, ms), entry;
	struct hf_leg *leg = &s->pins.legs[index];
	struct hf_program *p = &leg->program[1];

	*p = (struct hf_program){
		.base_ns = ms * HF_MS,
		.ptime_ns = PTIME_MS * HF_MS,
		.ts_base = 0xfffff000u, /* wraps, too */
		.ts_step = 160,
		.ssrc = htonl(SSRC),
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.remote_ip4 = inet_addr(REMOTE),
		.local_ip4 = inet_addr("10.9.0.1"),
		.remote_port = htons((uint16_t)(40000 + 2 * index)),
		.local_port = htons((uint16_t)(20000 + 2 * index)),
		.nexthop = (uint16_t)hop,
		.flags = HF_PROGRAM_MARK_FIRST,
		.peer = HF_LEG_NONE,
		.loop_len = STAGE_FRAMES,
	};
	hf_store_release(&s->pins.claims[index].word,
			 hf_word_make(1, 0, 0, (uint16_t)FIRST_SEQ, 0));
	entry = s->pins.wheel_fill[bucket].entries;
	hf_pins_wheel(&s->pins, bucket, entry)->leg = index;
	hf_store_release(&s->pins.wheel_fill[bucket].entries, entry + 1);
	stage_poke(s, HF_POKE_WHEEL);
	return p;
}

static void unhold_all(struct stage *s)
{
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		hf_store_release(&s->pins.wheel_fill[b].entries, 0);
	/* A turn that began before is over when the next one begins. */
	for (uint64_t beat = s->pins.work->beat_ns, i = 0;
	     i < 100 && s->pins.work->beat_ns == beat; i++)
		poll(NULL, 0, 1);
}

/* Others at the same millisecond, so that a turn has more frames than are sent
 * as packets; their ports are none that next_on() takes. */
#define CROWD	    48
#define CROWD_FIRST 1000u
static void crowd_come(struct stage *s, uint32_t hop, uint64_t ms)
{
	for (uint32_t i = CROWD_FIRST; i < CROWD_FIRST + CROWD; i++)
		hold(s, i, hop, ms)->local_port = htons((uint16_t)(50000 + i));
}

/* They leave, as the controller has it: the end of the bucket last. */
static void crowd_go(struct stage *s, uint64_t ms)
{
	uint32_t bucket = hf_wheel_bucket(PTIME_MS, ms);
	uint32_t fill = s->pins.wheel_fill[bucket].entries;

	for (uint32_t e = fill - CROWD; e < fill; e++)
		hf_pins_wheel(&s->pins, bucket, e)->leg = HF_LEG_NONE;
	hf_store_release(&s->pins.wheel_fill[bucket].entries, fill - CROWD);
}

static uint16_t check_of(const uint8_t *bytes, size_t n, uint32_t sum)
{
	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | (i + 1 < n ? bytes[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static void put32(uint8_t *at, uint32_t v)
{
	put16(at, v >> 16);
	put16(at + 2, v);
}

static bool is_six(const struct hf_program *p)
{
	return p->flags & HF_PROGRAM_IPV6;
}

/* Where UDP begins. */
static size_t udp_at(bool six)
{
	return six ? 54 : 34;
}

/* IPv4 (RFC 791) or IPv6 (RFC 8200) behind Ethernet; where the addresses are. */
static size_t expect_ip(const struct hf_program *p, uint8_t *b)
{
	if (is_six(p)) {
		put16(b + 12, 0x86dd);
		put32(b + 14, 6u << 28 | STAGE_TOS << 20);
		put16(b + 18, 180);
		b[20] = 17;
		b[21] = 64;
		inet_pton(AF_INET6, LOCAL6, b + 22);
		inet_pton(AF_INET6, REMOTE6, b + 38);
		return 22;
	}
	put16(b + 12, 0x0800);
	b[14] = 0x45;
	b[15] = STAGE_TOS;
	put16(b + 16, 200);
	put16(b + 20, 0x4000); /* do not fragment */
	b[22] = 64;
	b[23] = 17;
	memcpy(b + 26, &p->local_ip4, 4);
	memcpy(b + 30, &p->remote_ip4, 4);
	put16(b + 24, check_of(b + 14, 20, 0));
	return 26;
}

/* The packet for sequence number and time slot, byte by byte, from the RFCs. */
static void expect(const struct stage *s, const struct hf_program *p,
		   uint16_t seq, uint32_t slot, bool marker, uint8_t *b)
{
	struct hf_hop hop = stage_hop(s, p->nexthop);
	uint8_t *udp = b + udp_at(is_six(p));
	uint32_t pseudo = 17 + 180;

	memset(b, 0, HF_PACED_BYTES + 20);
	memcpy(b, hop.dmac, 6);
	memcpy(b + 6, hop.smac, 6);
	for (size_t i = expect_ip(p, b); b + i < udp; i += 2)
		pseudo += (uint32_t)b[i] << 8 | b[i + 1];
	memcpy(udp, &p->local_port, 2);
	memcpy(udp + 2, &p->remote_port, 2);
	put16(udp + 4, 180);
	udp[8] = 0x80;
	udp[9] = (uint8_t)(p->payload_type | (marker ? 0x80 : 0));
	put16(udp + 10, seq);
	put32(udp + 12, p->ts_base + slot * p->ts_step);
	memcpy(udp + 16, &p->ssrc, 4);
	for (uint32_t i = 0; i < HF_FRAME_BYTES; i++)
		udp[20 + i] = (uint8_t)(slot % STAGE_FRAMES * 31 + i);
	put16(udp + 6, check_of(udp, 180, pseudo));
}

/* The next RTP packet on this wire within `ms`, or 0. */
static ssize_t next_on(int wire, bool six, uint8_t *b, size_t size, int ms)
{
	uint64_t end = hf_now_ms() + (uint64_t)ms;
	const uint8_t *udp = b + udp_at(six);

	for (;;) {
		struct pollfd p = {.fd = wire, .events = POLLIN};
		uint64_t now = hf_now_ms();
		ssize_t n;

		if (poll(&p, 1, now < end ? (int)(end - now) : 0) <= 0)
			return 0;
		n = recv(wire, b, size, 0);
		if (n >= udp + 8 - b && b[six ? 20 : 23] == 17 &&
		    *udp >= 20000 >> 8 && *udp <= 30000 >> 8)
			return n;
	}
}

static ssize_t next_packet(const struct stage *s, uint8_t *b, size_t size,
			   int ms)
{
	return next_on(s->wire, false, b, size, ms);
}

/* Reads the stream of leg 0 and compares each packet with what it must be. */
struct listener {
	int wire6; /* of IPv6 */
	uint16_t seq;
	uint32_t packets, markers, skipped, longest_gap_ms;
	uint32_t slot; /* expected next */
	uint64_t last_ms;
};

static bool listen_one(const struct stage *s, const struct hf_program *p,
		       struct listener *l, const uint8_t *b, ssize_t n)
{
	uint8_t wanted[HF_PACED_BYTES + 20];
	const uint8_t *ts = b + udp_at(is_six(p)) + 12;
	uint32_t slot, skip;
	uint64_t now = hf_now_ms();
	bool marker;

	if (n != HF_PACED_BYTES + (is_six(p) ? 20 : 0)) {
		printf("# %zd bytes\n", n);
		return false;
	}
	slot = (((uint32_t)ts[0] << 24 | (uint32_t)ts[1] << 16 |
		 (uint32_t)ts[2] << 8 | ts[3]) -
		p->ts_base) /
	       p->ts_step;
	skip = slot - l->slot;
	/* The first packet carries the marker, and one behind a skip. */
	marker = !l->packets || skip;
	expect(s, p, l->seq, slot, marker, wanted);
	for (int i = 0; i < n; i++) {
		if (b[i] != wanted[i]) {
			printf("# packet %u: byte %d is %02x, not %02x\n",
			       l->packets, i, b[i], wanted[i]);
			return false;
		}
	}
	if (l->packets && now - l->last_ms > l->longest_gap_ms)
		l->longest_gap_ms = (uint32_t)(now - l->last_ms);
	l->last_ms = now;
	l->packets++;
	l->markers += marker;
	l->skipped += skip;
	l->seq++;
	l->slot = slot + 1;
	return true;
}

static bool listen_until(const struct stage *s, const struct hf_program *p,
			 struct listener *l, uint64_t end_ms)
{
	uint8_t b[2048];
	uint64_t now;

	while ((now = hf_now_ms()) < end_ms) {
		ssize_t n = next_on(is_six(p) ? l->wire6 : s->wire, is_six(p),
				    b, sizeof(b), (int)(end_ms - now));

		if (n && !listen_one(s, p, l, b, n))
			return false;
	}
	return true;
}

/* All that is still on its way. */
static bool listen_rest(const struct stage *s, const struct hf_program *p,
			struct listener *l)
{
	uint8_t b[2048];
	ssize_t n;

	while ((n = next_on(is_six(p) ? l->wire6 : s->wire, is_six(p), b,
			    sizeof(b), 50)) > 0)
		if (!listen_one(s, p, l, b, n))
			return false;
	return true;
}

TEST(a_silent_caller_hears_each_frame_once_and_every_byte_is_right)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	uint64_t base, stop;
	struct hf_claim *claim;
	uint32_t slots;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	claim = &s.pins.claims[0];
	CHECK(listen_until(&s, p, &l, base + 3010));
	stop = hf_now_ms();
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	slots = hf_word_slot(s.pins.claims[0].word);
	printf("# %u frames, %u skipped, longest gap %u ms\n", l.packets,
	       l.skipped, l.longest_gap_ms);
	CHECK_INT(l.packets, claim->sent);
	CHECK_INT(claim->sent + claim->skipped, slots);
	CHECK_INT((uint16_t)(hf_word_seq(s.pins.claims[0].word) - FIRST_SEQ),
		  claim->sent);
	/* Slots are elapsed / packet time: not one early, none forgotten. */
	CHECK(slots >= (stop - base) / PTIME_MS - 3);
	CHECK(slots <= (hf_now_ms() - base) / PTIME_MS + 1);
	CHECK_INT(s.pins.claims[0].intake.turn_sent, 0);
}

TEST(a_leg_that_is_said_to_serve_itself_is_passed_by_but_never_for_long)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_claim *claim;
	struct hf_program *p;
	uint32_t passed_by;
	uint64_t base;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	claim = &s.pins.claims[0];
	/* It is not true, and is said all the time: one look in eight. */
	for (int ms = 0; ms < 800; ms++) {
		__atomic_fetch_or(&s.pins.turned[0].legs, 1, __ATOMIC_RELAXED);
		CHECK(listen_until(&s, p, &l, hf_now_ms() + 1));
	}
	passed_by = claim->sent;
	CHECK(passed_by > 0 && passed_by < 30);
	CHECK(WAIT_FOR(5000, listen_until(&s, p, &l, hf_now_ms() + 50) &&
				     claim->sent > passed_by + 20));
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	CHECK_INT(l.packets, claim->sent);
	CHECK_INT(claim->sent + claim->skipped, hf_word_slot(claim->word));
	CHECK_INT(s.pins.turned[0].legs & 1, 0);
}

TEST(after_a_kill_and_a_restart_the_stream_goes_on_without_a_sequence_gap)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	uint64_t base, stop;
	struct hf_claim *claim;
	uint32_t slots;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	claim = &s.pins.claims[0];
	CHECK(listen_until(&s, p, &l, base + 500));
	kill(s.mediad, SIGKILL);
	waitpid(s.mediad, NULL, 0);
	CHECK(listen_until(&s, p, &l, base + 1500));
	stage_start_mediad(&s);
	CHECK(WAIT_FOR(5000, stage_mediad_ready(&s)));
	CHECK(listen_until(&s, p, &l, base + 3010));
	stop = hf_now_ms();
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	slots = hf_word_slot(s.pins.claims[0].word);
	printf("# %u frames, %u skipped, longest gap %u ms\n", l.packets,
	       l.skipped, l.longest_gap_ms);
	CHECK(l.longest_gap_ms >= 900);
	CHECK(l.skipped >= 40);
	CHECK(l.markers >= 2);
	CHECK_INT(l.packets, claim->sent);
	CHECK_INT(l.skipped, claim->skipped);
	CHECK_INT(claim->sent + claim->skipped, slots);
	CHECK(slots >= (stop - base) / PTIME_MS - 3);
	CHECK(slots <= (hf_now_ms() - base) / PTIME_MS + 1);
}

/*
 * A keeper that was held up finds the frames of all legs overdue, more than one
 * call takes. In the time since, no leg may have got more than the frames of
 * that time, the one that was due, and the catch-up frames.
 */
static bool stall(struct stage *s, uint32_t legs, uint64_t ms)
{
	static uint32_t before[STAGE_LEGS];
	uint64_t began, elapsed;
	uint32_t i, sent;

	kill(s->mediad, SIGSTOP);
	began = hf_now_ms();
	while (hf_now_ms() < began + ms)
		poll(NULL, 0, 1);
	for (i = 0; i < legs; i++)
		before[i] = s->pins.claims[i].sent;
	began = hf_now_ms();
	kill(s->mediad, SIGCONT);
	for (i = 0; i < legs; i++)
		if (!WAIT_FOR(5000, s->pins.claims[i].sent - before[i] >= 6))
			return false;
	for (i = 0; i < legs; i++) {
		sent = s->pins.claims[i].sent - before[i];
		elapsed = hf_now_ms() - began;
		if (sent > elapsed / PTIME_MS + 2 + HF_CATCH_UP_MAX) {
			printf("# leg %u: %u frames in %u ms\n", i, sent,
			       (unsigned int)elapsed);
			return false;
		}
	}
	return true;
}

TEST(whoever_held_up_the_keeper_no_leg_gets_a_burst)
{
	uint32_t late, sent = 0, skipped = 0;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	for (uint32_t i = 0; i < STAGE_LEGS; i++)
		hold(&s, i, 0, hf_now_ms() + 20 + i % PTIME_MS);
	CHECK(WAIT_FOR(3000, s.pins.claims[STAGE_LEGS - 1].sent >= 3));
	late = s.pins.work->late_ticks;
	CHECK(stall(&s, STAGE_LEGS, 45)); /* to be caught up */
	CHECK(stall(&s, STAGE_LEGS, 300)); /* to be skipped */
	CHECK(s.pins.work->late_ticks >= late + 2);
	unhold_all(&s);
	for (uint32_t i = 0; i < STAGE_LEGS; i++) {
		const struct hf_claim *c = &s.pins.claims[i];

		CHECK_INT(c->sent + c->skipped, hf_word_slot(c->word));
		sent += c->sent;
		skipped += c->skipped;
	}
	printf("# %u frames, %u skipped\n", sent, skipped);
	CHECK(skipped >= STAGE_LEGS * (300 - 60 - PTIME_MS) / PTIME_MS);
}

/* ---- packets of sockets: packets.h ---- */

/* A datagram socket of the peer's namespace, or of ours. */
static int udp_socket(const struct stage *s, bool peers, const char *ip, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} a = {.four = {.sin_family = AF_INET,
			.sin_port = htons(port),
			.sin_addr.s_addr = inet_addr(ip)}};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int there, fd;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net",
		 peers ? (int)s->peer : (int)getpid());
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(there, CLONE_NEWNET))
		abort();
	if (inet_pton(AF_INET6, ip, &a.six.sin6_addr)) {
		a.any.sa_family = AF_INET6;
		a.six.sin6_flowinfo = 0;
	}
	fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, &a.any,
		 a.any.sa_family == AF_INET ? sizeof(a.four) : sizeof(a.six)))
		printf("# bind %s: %s\n", ip, strerror(errno));
	if (setns(home, CLONE_NEWNET))
		abort();
	close(there);
	close(home);
	return fd;
}

/* So many datagrams of leg 0, in order, as the kernel's UDP takes them in: it
 * has checked their sums. */
static bool hear_datagrams(int fd, unsigned int count)
{
	uint8_t b[512];

	for (unsigned int i = 0; i < count; i++) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 3000) <= 0 ||
		    recv(fd, b, sizeof(b), 0) != 12 + HF_FRAME_BYTES)
			return false;
		if (((uint32_t)b[2] << 8 | b[3]) != (uint16_t)(FIRST_SEQ + i)) {
			printf("# datagram %u: sequence number %u\n", i,
			       (uint32_t)b[2] << 8 | b[3]);
			return false;
		}
	}
	return true;
}

/* Leg 0 over hop 0 to another address than usual. */
static void hold_towards(struct stage *s, const char *ip)
{
	struct hf_program *p = hold(s, 0, 0, hf_now_ms() + 100);

	p->remote_ip4 = inet_addr(ip);
}

/* By the programs. */
static uint64_t counted(const struct stage *s, __u32 key)
{
	int n = libbpf_num_possible_cpus();
	uint64_t v[n], sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(s->bpf->maps.stats), &key, v))
		return 0;
	for (int i = 0; i < n; i++)
		sum += v[i];
	return sum;
}

static uint64_t live_sent(const struct stage *s)
{
	return counted(s, HF_COUNT_HOLD_PACED);
}

/* Over this time, with the crowd at hand, frames went out this way. */
static bool listen_way(const struct stage *s, const struct hf_program *p,
		       struct listener *l, uint64_t end_ms, bool live)
{
	uint64_t lived = live_sent(s), packets = s->pins.work->packets.sent;

	if (!listen_until(s, p, l, end_ms))
		return false;
	lived = live_sent(s) - lived;
	packets = s->pins.work->packets.sent - packets;
	/* When a busy machine has it late, a few may come by themselves. */
	return live ? lived > packets : !lived && packets;
}

TEST(live_frames_and_packets_take_turns_and_no_frame_is_lost_or_doubled)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	struct hf_claim *claim;
	uint64_t base;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_REDIRECT);
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	crowd_come(&s, 0, base);
	claim = &s.pins.claims[0];
	for (int i = 1; i <= 10; i++) {
		CHECK(listen_way(&s, p, &l, base + 200 * (uint64_t)i, i % 2));
		HF_WRITE(s.pins.work->pacer, i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF);
		CHECK(WAIT_FOR(2000, HF_READ(s.pins.work->engine) ==
					     (i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF)));
	}
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	printf("# %u frames, %u skipped, %llu packets of all\n", l.packets, l.skipped,
	       (unsigned long long)s.pins.work->packets.sent);
	CHECK_INT(l.packets, claim->sent);
	CHECK_INT(claim->sent + claim->skipped, hf_word_slot(s.pins.claims[0].word));
	CHECK_INT(s.pins.work->packets.busy, 0);
}

TEST(few_frames_of_a_turn_are_packets_and_many_live_frames_of_one_stream)
{
	struct listener l = {.seq = FIRST_SEQ};
	uint64_t base, slot, live, packets;
	struct hf_program *p;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	for (int i = 1; i <= 6; i++) {
		CHECK(listen_until(&s, p, &l, base + 300 * (uint64_t)i));
		CHECK_INT(s.pins.work->engine, HF_ENGINE_BPF);
		live = live_sent(&s);
		packets = s.pins.work->packets.sent;
		CHECK(live > 0);
		CHECK(WAIT_FOR(2000, i % 2 ? s.pins.work->packets.sent > packets :
					     live_sent(&s) > live + 2 * CROWD));
		slot = (hf_now_ms() - base) / PTIME_MS;
		if (i % 2)
			crowd_come(&s, 0, base + PTIME_MS * (slot + 2));
		else
			crowd_go(&s, base);
		CHECK_INT(s.pins.work->live_error, 0);
	}
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	live = live_sent(&s);
	packets = s.pins.work->packets.sent;
	printf("# %u frames, %u skipped; %llu live, %llu packets of all\n", l.packets,
	       l.skipped, (unsigned long long)live, (unsigned long long)packets);
	CHECK_INT(l.packets, s.pins.claims[0].sent);
	CHECK_INT(l.packets + l.skipped, hf_word_slot(s.pins.claims[0].word));
	CHECK_INT(s.pins.work->packets.busy + s.pins.work->packets.no_hop, 0);
}

/* A program that live frames are refused for stands where the paced one was. */
static int pin_another(const struct stage *s)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int rc, fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "hf_other", "GPL",
				   program, 2, NULL);
	char path[256];

	hf_pins_path(s->instance, "prog_paced", path, sizeof(path));
	rc = fd < 0 || unlink(path) || bpf_obj_pin(fd, path);
	close(fd);
	return rc;
}

TEST(with_one_call_it_is_noticed_that_live_frames_are_refused_and_no_frame_waits)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	uint64_t base;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	CHECK(listen_until(&s, p, &l, base + 200));
	CHECK_INT(s.pins.work->live_error, 0);
	CHECK(!pin_another(&s));
	stage_poke(&s, HF_POKE_WHEEL);
	CHECK(WAIT_FOR(10000, listen_until(&s, p, &l, hf_now_ms() + 20) &&
				      s.pins.work->live_error));
	CHECK_INT(s.pins.work->live_error, EINVAL);
	CHECK(WAIT_FOR(2000, s.pins.work->engine == HF_ENGINE_PACKET));
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	CHECK_INT(l.packets, s.pins.claims[0].sent);
	CHECK_INT(l.packets + l.skipped, hf_word_slot(s.pins.claims[0].word));
}

TEST(what_cannot_be_sent_as_a_packet_is_counted_by_its_reason)
{
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	hold(&s, 0, 0, hf_now_ms() + 30);
	CHECK(WAIT_FOR(2000, s.pins.work->packets.sent > 3));
	sh("ip link set hfm0 mtu 190");
	CHECK(WAIT_FOR(2000, stage_hop_valid(&s, 0) && stage_hop(&s, 0).mtu == 190));
	/* Each of them, not only those of a turn by live frames. */
	CHECK(WAIT_FOR(8000, counted(&s, HF_COUNT_DROP_MTU) >= 20));
	CHECK_INT(s.pins.work->packets.no_hop, 0);
}

/* Nobody is asked before the address of the link is sure to be ours. */
#define ON6                                                        \
	"d=%s; c=/proc/sys/net/ipv6/conf/$d; echo 0 > $c/accept_dad; " \
	"echo 0 > $c/disable_ipv6; ip addr add %s/64 dev $d nodad"

/* Both ends of the line get an IPv6 address; what comes is recorded. */
static int wire6_open(struct stage *s)
{
	if (access("/proc/sys/net/ipv6", F_OK))
		return -1;
	peer_sh(s, ON6, "hfm1", REMOTE6);
	sh(ON6, "hfm0", LOCAL6);
	return stage_wire(s, ETH_P_IPV6);
}

/* Leg 0 over hop 0, of IPv6. */
static struct hf_program *hold6(struct stage *s, const char *to, uint64_t ms)
{
	struct hf_pair6 *six = s->pins.leg6[0].program;
	struct hf_program *p = hold(s, 0, 0, ms);

	inet_pton(AF_INET6, LOCAL6, &six[1].local);
	inet_pton(AF_INET6, to, &six[1].remote);
	p->local_ip4 = hf_ip6_digest(&six[1].local);
	p->remote_ip4 = hf_ip6_digest(&six[1].remote);
	p->flags |= HF_PROGRAM_IPV6;
	return p;
}

TEST(of_ipv6_live_frames_and_packets_are_the_same_byte_by_byte)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	struct hf_claim *claim;
	uint64_t base;
	STAGE(s);

	l.wire6 = wire6_open(&s);
	if (l.wire6 < 0)
		SKIP("this kernel has no IPv6");
	stage_want(&s, 0, REMOTE6);
	stage_want(&s, 1, REMOTE);
	CHECK(WAIT_FOR(3000, stage_hop_valid(&s, 0) && stage_hop_valid(&s, 1)));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_REDIRECT);
	base = hf_now_ms() + 50;
	p = hold6(&s, REMOTE6, base);
	crowd_come(&s, 1, base);
	claim = &s.pins.claims[0];
	for (int i = 1; i <= 4; i++) {
		CHECK(listen_way(&s, p, &l, base + 200 * (uint64_t)i, i % 2));
		HF_WRITE(s.pins.work->pacer, i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF);
		CHECK(WAIT_FOR(2000, HF_READ(s.pins.work->engine) ==
					     (i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF)));
	}
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	CHECK(l.packets > 20);
	CHECK_INT(l.packets, claim->sent);
	CHECK_INT(s.pins.work->packets.busy, 0);
	close(l.wire6);
}

TEST(hold_frames_of_ipv6_for_a_peer_on_this_host_arrive_there)
{
	int fd, wire;
	STAGE(s);

	wire = wire6_open(&s);
	if (wire < 0)
		SKIP("this kernel has no IPv6");
	fd = udp_socket(&s, false, LOCAL6, 40000);
	stage_want(&s, 0, LOCAL6);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	CHECK(stage_hop(&s, 0).flags & HF_HOP_LOCAL);
	hold6(&s, LOCAL6, hf_now_ms() + 100);
	CHECK(hear_datagrams(fd, 25));
	close(fd);
	close(wire);
}

TEST(a_device_that_swallows_redirected_frames_gets_packets)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	uint64_t base;
	STAGE(s);

	/* Neither polls now: frames that are redirected there vanish. */
	CHECK(!peer_sh(&s, "ethtool -K hfm1 gro off"));
	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(3000, stage_hop_valid(&s, 0)));
	CHECK_INT(stage_hop(&s, 0).flags,
		  HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_SWALLOWED);
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	CHECK(listen_until(&s, p, &l, base + 1000));
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	CHECK(l.packets > 20);
	CHECK_INT(l.packets, s.pins.claims[0].sent);
	CHECK_INT(s.pins.work->packets.sent, l.packets);
	CHECK_INT(s.pins.work->engine, HF_ENGINE_BPF);
}

TEST(hold_frames_for_a_peer_on_this_host_arrive_there)
{
	int fd;
	STAGE(s);

	fd = udp_socket(&s, false, "10.9.0.1", 40000);
	stage_want(&s, 0, "10.9.0.1");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	hold_towards(&s, "10.9.0.1");
	CHECK(hear_datagrams(fd, 25));
	close(fd);
}

TEST(packets_carry_the_tag_of_a_vlan)
{
	int fd;
	STAGE(s);

	if (sh("ip link add link hfm0 name hfm0.7 type vlan id 7"))
		SKIP("this kernel has no VLANs");
	sh("ip addr add 10.11.0.1/24 dev hfm0.7; ip link set hfm0.7 up");
	CHECK(!peer_sh(&s, "ip link add link hfm1 name hfm1.7 type vlan id 7; "
			   "ip addr add 10.11.0.2/24 dev hfm1.7; ip link set hfm1.7 up"));
	HF_WRITE(s.pins.work->pacer, HF_ENGINE_PACKET);
	fd = udp_socket(&s, true, "10.11.0.2", 40000);
	stage_want(&s, 0, "10.11.0.2");
	CHECK(WAIT_FOR(3000, stage_hop_valid(&s, 0)));
	CHECK(stage_hop(&s, 0).flags & HF_HOP_VLAN);
	hold_towards(&s, "10.11.0.2");
	CHECK(hear_datagrams(fd, 25));
	close(fd);
}

static bool mac_is(const uint8_t *mac, const char *text)
{
	char now[18];

	snprintf(now, sizeof(now), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
	return !strcmp(now, text);
}

TEST(a_gateway_that_changes_its_hardware_address_is_followed_within_a_second)
{
	uint8_t b[2048];
	STAGE(s);

	sh("ip route add 192.0.2.0/24 via 10.9.0.2");
	stage_want(&s, 0, "192.0.2.77");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	hold(&s, 0, 0, hf_now_ms() + 30);
	CHECK(next_packet(&s, b, sizeof(b), 1000));
	CHECK(!peer_sh(&s, "ip link set hfm1 address 02:00:00:00:be:ef"));
	CHECK(WAIT_FOR(1000,
		       mac_is(stage_hop(&s, 0).dmac, "02:00:00:00:be:ef")));
	CHECK(WAIT_FOR(1000, next_packet(&s, b, sizeof(b), 100) &&
				     mac_is(b, "02:00:00:00:be:ef")));
}

#define MOVED "02:00:00:00:be:ef"

/* The neighbours of ways 0 and 1 get another address, and tell nobody. */
static bool gateway_moves(struct stage *s)
{
	uint64_t begin = hf_now_ms();

	if (peer_sh(s, "ip link set hfm1 address " MOVED) ||
	    !WAIT_FOR(8000, mac_is(stage_hop(s, 0).dmac, MOVED) &&
				    mac_is(stage_hop(s, 1).dmac, MOVED)))
		return false;
	printf("# after %u ms\n", (unsigned int)(hf_now_ms() - begin));
	return true;
}

/* How it is found then: by asking it, and when it does not answer, all. Also
 * when the kernel would not believe who answers, for a minute to come. */
TEST(a_gateway_with_another_hardware_address_that_tells_nobody_is_found)
{
	STAGE(s);

	CHECK(!peer_sh(&s,
		       "echo 0 > /proc/sys/net/ipv4/conf/hfm1/arp_notify"));
	sh("echo 6000 > /proc/sys/net/ipv4/neigh/hfm0/locktime; "
	   "ip route add 192.0.2.0/24 via 10.9.0.2");
	stage_want(&s, 0, "192.0.2.77");
	stage_want(&s, 1, "10.9.0.3");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0) && stage_hop_valid(&s, 1)));
	/* With a call each; else nobody is asked. */
	s.pins.nexthops[0].wanted = s.pins.nexthops[1].wanted = 2;
	stage_poke(&s, HF_POKE_NEXTHOP);
	CHECK(gateway_moves(&s));
}

/* Two gateways: one by its address of the network, one by that of the link. */
#define LINK6 "fe80::9:2"

TEST(of_ipv6_too_a_gateway_with_another_hardware_address_is_found)
{
	uint8_t b[2048];
	int wire;
	STAGE(s);

	wire = wire6_open(&s);
	if (wire < 0)
		SKIP("this kernel has no IPv6");
	CHECK(!peer_sh(&s, "ip addr add " LINK6 "/64 dev hfm1 nodad"));
	sh("ip route add 2001:db8:77::/48 via " REMOTE6 "; "
	   "ip route add 2001:db8:78::/48 via " LINK6 " dev hfm0");
	stage_want(&s, 0, "2001:db8:77::77");
	stage_want(&s, 1, "2001:db8:78::78");
	CHECK(WAIT_FOR(3000, stage_hop_valid(&s, 0) && stage_hop_valid(&s, 1)));
	s.pins.nexthops[0].wanted = s.pins.nexthops[1].wanted = 2;
	stage_poke(&s, HF_POKE_NEXTHOP);
	hold6(&s, "2001:db8:77::77", hf_now_ms() + 30);
	CHECK(WAIT_FOR(1000, next_on(wire, true, b, sizeof(b), 100)));
	CHECK(gateway_moves(&s));
	CHECK(WAIT_FOR(1000, next_on(wire, true, b, sizeof(b), 100) &&
				     mac_is(b, MOVED)));
	close(wire);
}

/* Where way 3 leads from here on: the gateway has that address there. */
static void route_changes(struct stage *s, const char *net, const char *dest,
			  const char *first, const char *second)
{
	struct hf_hop hop;
	uint32_t turn;

	sh("ip route add %s via %s", net, first);
	stage_want(s, 3, dest);
	CHECK(WAIT_FOR(3000, stage_hop_valid(s, 3)));
	hop = stage_hop(s, 3);
	CHECK_INT(hop.ifindex, if_nametoindex("hfm0"));
	turn = s->pins.nexthops[3].turn;
	sh("ip route replace %s via %s", net, second);
	CHECK(WAIT_FOR(1000, stage_hop_valid(s, 3) &&
				     stage_hop(s, 3).ifindex ==
					     if_nametoindex("hfn0")));
	CHECK(s->pins.nexthops[3].turn > turn);
	hop = stage_hop(s, 3);
	CHECK(mac_is(hop.dmac, "02:00:00:00:00:99"));
	sh("ip route del %s", net);
	CHECK(WAIT_FOR(1000, !stage_hop_valid(s, 3)));
}

TEST(a_changed_route_leads_to_its_new_gateway_within_a_second)
{
	int wire;
	STAGE(s);

	wire = wire6_open(&s);
	sh("ip link add hfn0 type veth peer name hfn1 netns %d", (int)s.peer);
	sh("ip addr add 10.10.0.1/24 dev hfn0; ip link set hfn0 up");
	CHECK(!peer_sh(&s, "ip addr add 10.10.0.2/24 dev hfn1; "
			   "ip link set hfn1 address 02:00:00:00:00:99 up"));
	route_changes(&s, "192.0.2.0/24", "192.0.2.77", "10.9.0.2",
		      "10.10.0.2");
	if (wire < 0)
		return;
	sh(ON6, "hfn0", "2001:db8:10::1");
	CHECK(!peer_sh(&s, ON6, "hfn1", "2001:db8:10::2"));
	route_changes(&s, "2001:db8:77::/48", "2001:db8:77::77", REMOTE6,
		      "2001:db8:10::2");
	close(wire);
}

TEST(the_own_device_is_followed_through_address_mtu_down_up_and_re_creation)
{
	uint32_t key, value, old;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	CHECK_INT(stage_hop(&s, 0).mtu, 1500);
	CHECK_INT(stage_hop(&s, 0).tos, STAGE_TOS);
	sh("ip link set hfm0 mtu 1300 address 02:00:00:00:00:01");
	CHECK(WAIT_FOR(1000,
		       stage_hop_valid(&s, 0) && stage_hop(&s, 0).mtu == 1300));
	CHECK(WAIT_FOR(1000,
		       mac_is(stage_hop(&s, 0).smac, "02:00:00:00:00:01")));
	sh("ip link set hfm0 down");
	CHECK(WAIT_FOR(1000, !stage_hop_valid(&s, 0)));
	sh("ip link set hfm0 up");
	/* The peer's device may take a second to see its carrier and answer. */
	CHECK(WAIT_FOR(4000, stage_hop_valid(&s, 0)));
	old = if_nametoindex("hfm0");
	sh("ip link del hfm0");
	CHECK(WAIT_FOR(1000, !stage_hop_valid(&s, 0)));
	sh("ip link add hfm0 type veth peer name hfm1 netns %d", (int)s.peer);
	sh("ip addr add 10.9.0.1/24 dev hfm0; ip link set hfm0 up");
	CHECK(!peer_sh(&s, "ip addr add 10.9.0.2/24 dev hfm1; "
			   "ip link set hfm1 up; ethtool -K hfm1 gro on"));
	CHECK(WAIT_FOR(4000, stage_hop_valid(&s, 0)));
	key = stage_hop(&s, 0).ifindex;
	CHECK_INT(key, if_nametoindex("hfm0"));
	CHECK(key != old);
	CHECK(!bpf_map_lookup_elem(s.pins.fd[HF_PIN_devmap], &key, &value));
	CHECK_INT(value, key);
}

TEST(a_neighbour_that_is_silent_at_first_is_found_when_it_wakes_up)
{
	STAGE(s);

	CHECK(!peer_sh(&s, "ip addr del 10.9.0.3/24 dev hfm1"));
	stage_want(&s, 0, "10.9.0.3");
	CHECK(WAIT_FOR(1000, s.pins.work->pid && !stage_hop_valid(&s, 0)));
	CHECK(!WAIT_FOR(300, stage_hop_valid(&s, 0)));
	CHECK(!peer_sh(&s, "echo 0 > /proc/sys/net/ipv4/conf/hfm1/arp_notify; "
			   "ip addr add 10.9.0.3/24 dev hfm1"));
	CHECK(WAIT_FOR(5000, stage_hop_valid(&s, 0)));
}

TEST(an_entry_used_again_for_another_destination_is_resolved_again)
{
	struct hf_hop first, second;
	STAGE(s);

	sh("ip neigh replace 10.9.0.7 lladdr 02:00:00:00:00:07 dev hfm0 nud permanent");
	stage_want(&s, 5, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 5)));
	first = stage_hop(&s, 5);
	s.pins.nexthops[5].wanted = 0;
	stage_want(&s, 5, "10.9.0.7");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 5)));
	second = stage_hop(&s, 5);
	CHECK(mac_is(second.dmac, "02:00:00:00:00:07"));
	CHECK(memcmp(first.dmac, second.dmac, 6));
	/* The same destination again: the controller wiped the hop. */
	s.pins.nexthops[5].wanted = 0;
	stage_want(&s, 5, "10.9.0.7");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 5)));
}

TEST(an_entry_of_the_neighbour_table_that_is_somebody_elses_stays_as_it_is)
{
	struct hf_netlink *nl = NULL;
	STAGE(s);

	sh("i=\"ip neigh replace dev hfm0\"; "
	   "$i 10.9.0.7 lladdr 02:00:00:00:00:07 nud permanent; "
	   "$i 10.9.0.8 lladdr 02:00:00:00:00:08 nud stale extern_learn; "
	   "$i 10.9.0.9 managed");
	CHECK(!hf_netlink_open(NULL, &nl));
	for (unsigned int i = 7; i <= 10; i++) {
		struct hf_ip ip = {.s_addr = htonl(0x0a090000 | i)};

		CHECK(!hf_netlink_neigh_use(nl, if_nametoindex("hfm0"), &ip));
	}
	hf_netlink_close(nl);
	CHECK(!sh("ip neigh show 10.9.0.7 | grep 00:07.PERMANENT"));
	CHECK(!sh("ip neigh show 10.9.0.8 | grep 00:08.extern_learn"));
	CHECK(!sh("ip neigh show 10.9.0.9 | grep managed"));
	CHECK(!sh("ip neigh show 10.9.0.10 | grep INCOMPLETE"));
}

TEST(a_destination_on_this_host_is_marked_as_one_that_takes_no_redirect)
{
	STAGE(s);

	stage_want(&s, 0, "127.0.0.1");
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	CHECK_INT(stage_hop(&s, 0).flags,
		  HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_LOCAL);
	CHECK_INT(stage_hop(&s, 0).ifindex, 1);
}

TEST(a_bridge_is_known_to_take_no_redirect_and_is_not_given_any)
{
	uint32_t key;
	STAGE(s);

	if (sh("ip link add hfb0 type bridge"))
		SKIP("this kernel has no bridge");
	sh("ip link set hfb0 up; ip addr flush dev hfm0; ip link set hfm0 master hfb0; "
	   "ip addr add 10.9.0.1/24 dev hfb0");
	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(3000, stage_hop_valid(&s, 0)));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_NO_REDIRECT);
	key = stage_hop(&s, 0).ifindex;
	CHECK_INT(key, if_nametoindex("hfb0"));
	CHECK(bpf_map_lookup_elem(s.pins.fd[HF_PIN_devmap], &key, &key));
}

TEST(more_changes_than_it_can_read_make_it_look_at_everything_again)
{
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	kill(s.mediad, SIGSTOP);
	/* Its buffer is full long before the change that matters. */
	sh("i=0; while [ $i -lt 40 ]; do j=1; while [ $j -lt 250 ]; do "
	   "echo neigh add 198.18.$i.$j lladdr 02:00:00:00:00:01 dev hfm0 "
	   "nud permanent; j=$((j+1)); done; i=$((i+1)); done | ip -batch -");
	sh("ip neigh replace 10.9.0.2 lladdr 02:00:00:00:00:09 dev hfm0 "
	   "nud permanent");
	kill(s.mediad, SIGCONT);
	CHECK(WAIT_FOR(2000,
		       mac_is(stage_hop(&s, 0).dmac, "02:00:00:00:00:09")));
}

/* Does the process hold this program? */
static bool holds_program(pid_t pid, int fd)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	char command[160];

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	snprintf(command, sizeof(command),
		 "grep -qsw \"prog_id:.%u\" /proc/%d/fdinfo/*", info.id,
		 (int)pid);
	return !system(command);
}

/* A second copy of the programs over the same maps. */
static struct hf_datapath_bpf *upgrade(struct stage *s)
{
	struct hf_datapath_bpf *b = hf_datapath_bpf__open();
	struct bpf_map *map = NULL;

	while ((map = bpf_object__next_map(b->obj, map))) {
		const char *name = bpf_map__name(map);
		int fd = bpf_object__find_map_fd_by_name(s->bpf->obj, name);

		if (!strchr(name, '.'))
			bpf_map__reuse_fd(map, fd);
	}
	bpf_program__set_autoload(b->progs.hf_receive, false);
	if (hf_datapath_bpf__load(b)) {
		hf_datapath_bpf__destroy(b);
		return NULL;
	}
	return b;
}

TEST(a_program_put_in_place_of_the_old_one_is_taken_up)
{
	struct hf_datapath_bpf *later;
	char path[256];
	uint8_t b[2048];
	uint64_t sent;
	bool taken_up;
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	hold(&s, 0, 0, hf_now_ms() + 30);
	CHECK(next_packet(&s, b, sizeof(b), 1000));
	CHECK(holds_program(s.mediad, bpf_program__fd(s.bpf->progs.hf_paced)));
	later = upgrade(&s);
	CHECK(later);
	CHECK(!bpf_link__update_program(s.holder, later->progs.hf_paced));
	hf_pins_path(s.instance, "prog_paced", path, sizeof(path));
	CHECK(!unlink(path));
	stage_poke(&s, HF_POKE_WHEEL); /* between the two it must not give up */
	CHECK(next_packet(&s, b, sizeof(b), 1000));
	CHECK(!bpf_program__pin(later->progs.hf_paced, path));
	stage_poke(&s, HF_POKE_WHEEL);
	taken_up = WAIT_FOR(
		1000, holds_program(s.mediad,
				    bpf_program__fd(later->progs.hf_paced)));
	hf_datapath_bpf__destroy(later);
	CHECK(taken_up);
	CHECK(!holds_program(s.mediad, bpf_program__fd(s.bpf->progs.hf_paced)));
	sent = s.pins.claims[0].sent;
	CHECK(WAIT_FOR(1000, s.pins.claims[0].sent > sent + 5));
}

/* Voluntary context switches of all threads of the keeper. */
static long wake_ups(pid_t pid)
{
	char command[160], text[32] = "";
	FILE *f;

	snprintf(
		command, sizeof(command),
		"cat /proc/%d/task/*/status | awk \"/^voluntary/{n+=\\$2} END{print n}\"",
		(int)pid);
	f = popen(command, "r");
	if (!f || !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		pclose(f);
	return *text ? atol(text) : -1;
}

/* For half a second. */
static bool it_rests(const struct stage *s)
{
	long before = wake_ups(s->mediad);

	return !WAIT_FOR(500, wake_ups(s->mediad) != before);
}

TEST(with_nothing_to_send_the_keeper_is_never_woken)
{
	struct listener l = {.seq = FIRST_SEQ};
	struct hf_program *p;
	uint64_t base, end;
	uint8_t b[2048];
	long before;
	STAGE(s);

	/* Also after it had work. */
	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	base = hf_now_ms() + 30;
	p = hold(&s, 0, 0, base);
	CHECK(listen_until(&s, p, &l, base + 100));
	unhold_all(&s);
	CHECK(listen_rest(&s, p, &l));
	s.pins.nexthops[0].wanted = 0;
	/* One is kept for a while after its last call. */
	stage_want(&s, 1, "10.9.0.3");
	CHECK(WAIT_FOR(1000, !stage_hop_valid(&s, 0) && stage_hop_valid(&s, 1)));
	CHECK(WAIT_FOR(5000, it_rests(&s)));
	before = wake_ups(s.mediad);
	CHECK(before > 0);
	end = hf_now_ms() + 1000;
	while (hf_now_ms() < end)
		CHECK(!next_packet(&s, b, sizeof(b), (int)(end - hf_now_ms())));
	CHECK_INT(wake_ups(s.mediad) - before, 0);
}

TEST(a_second_keeper_of_one_instance_is_refused)
{
	struct stage other;
	STAGE(s);

	other = s;
	stage_start_mediad(&other);
	CHECK_INT(stage_wait_mediad(&other), 1);
	CHECK(stage_poke(&s, HF_POKE_WHEEL));
}

TEST(it_stops_when_asked_and_leaves_the_hops_in_force)
{
	STAGE(s);

	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(1000, stage_hop_valid(&s, 0)));
	stage_poke(&s, HF_POKE_QUIT);
	CHECK_INT(stage_wait_mediad(&s), 0);
	CHECK(stage_hop_valid(&s, 0));
	CHECK_INT(s.pins.work->engine, HF_ENGINE_NONE);
	CHECK(!stage_poke(&s, HF_POKE_WHEEL));
}

TEST_MAIN()
