// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hold under weather: calls whose callers' packets are lost at random, come
 * late by up to half a packet time and run on clocks up to 200 ppm off, by both
 * clocks of hold, and callers who say nothing. All that reaches them is read
 * from the wire. In the middle the paced sender is killed for a while.
 *
 * HF_SOAK_CALLS (40), HF_SOAK_S (12) seconds of which HF_SOAK_DEAD_MS (2000) are
 * without the paced sender; scripts/soak has the long form.
 */
/* rooms: mediad media audio sdp config base */
#define STAGE_LEGS   1024
#define STAGE_BUCKET 128
#define STAGE_RECEIVE
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "../unit/test.h"
#include "holdfast/hot.h"
#include "mediad/pacer.h"
#include "mediad_stage.h"

#define PTIME_MS   20
#define FIRST_SEQ  65500u
#define PORT	   20000u /* of the anchor, and twice as far for the callers */
#define REMOTE	   "10.9.0.2"
#define JITTER_NS  (10 * HF_MS)
#define LOST_OF_64 2 /* 3 percent */
#define SKEW_PPM   200
/* The claim keeps frames 5 ms apart; the wire may bring them closer. */
#define BURST_NS   (4 * HF_MS)

/* A caller, and what it hears. */
struct call {
	bool talks;
	uint64_t first_ns, period_ns; /* of its packets */
	uint64_t next_ns;	      /* the next of them, with its jitter */
	uint32_t said;		      /* packets so far, lost ones too */
	uint32_t lost_dead;	      /* lost while no paced sender ran */
	uint64_t base_ms;
	/* Heard. */
	uint64_t last_ns;
	uint32_t packets, wrong, burst, longest_burst, skipped;
	uint32_t skipped_by_then, packets_by_then; /* when the sender died */
	uint32_t skipped_dead, packets_dead;	   /* while it was dead */
};

struct weather {
	struct stage *s;
	struct call *call;
	uint32_t calls;
	pthread_t thread;
	atomic_bool stop, dead;
	int out; /* packet socket of the peer */
	uint64_t random;
};

static uint32_t setting(const char *name, uint32_t otherwise)
{
	const char *value = getenv(name);

	return value && *value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

static uint32_t draw(struct weather *w)
{
	w->random = w->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(w->random >> 33);
}

/* ---- callers */

static size_t packet_make(const struct weather *w, uint32_t i, uint8_t *p)
{
	const struct call *c = &w->call[i];
	struct hf_hop hop = stage_hop(w->s, 0);
	struct iphdr ip = {.version = 4,
			   .ihl = 5,
			   .tot_len = htons(200),
			   .ttl = 60,
			   .protocol = 17,
			   .saddr = inet_addr(REMOTE),
			   .daddr = inet_addr("10.9.0.1")};
	struct udphdr udp = {.source = htons((uint16_t)(2 * PORT + 2 * i)),
			     .dest = htons((uint16_t)(PORT + 2 * i)),
			     .len = htons(180)};
	uint32_t ts = htonl(c->said * 160), ssrc = htonl(0x1000 + i);
	uint16_t seq = htons((uint16_t)c->said);

	memcpy(p, hop.smac, 6);
	memcpy(p + 6, hop.dmac, 6);
	p[12] = 8;
	p[13] = 0;
	ip.check = (uint16_t)~hf_csum_bytes((uint8_t *)&ip, sizeof(ip));
	memcpy(p + 14, &ip, sizeof(ip));
	memcpy(p + 34, &udp, sizeof(udp));
	p[42] = 0x80;
	p[43] = 8;
	memcpy(p + 44, &seq, 2);
	memcpy(p + 46, &ts, 4);
	memcpy(p + 50, &ssrc, 4);
	memset(p + 54, 0xd5, 160);
	return 214;
}

static void say(struct weather *w, uint32_t i)
{
	struct call *c = &w->call[i];
	uint8_t p[214];

	if (draw(w) % 64 < LOST_OF_64)
		c->lost_dead += atomic_load(&w->dead);
	else if (send(w->out, p, packet_make(w, i, p), 0) != sizeof(p))
		c->lost_dead += atomic_load(&w->dead);
	c->said++;
	c->next_ns = c->first_ns + c->said * c->period_ns +
		     draw(w) % (uint32_t)JITTER_NS;
}

static void *callers_main(void *arg)
{
	struct weather *w = arg;

	while (!atomic_load(&w->stop)) {
		uint64_t now = hf_now_ns();

		for (uint32_t i = 0; i < w->calls; i++)
			if (w->call[i].talks && w->call[i].next_ns <= now)
				say(w, i);
		poll(NULL, 0, 1);
	}
	return NULL;
}

/* A packet socket of the peer's device, to send with. */
static int out_open(const struct stage *s)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[64];
	int fd, there, one = 1;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)s->peer);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(there, CLONE_NEWNET))
		abort();
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	a.sll_ifindex = (int)if_nametoindex("hfm1");
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		abort();
	if (setns(home, CLONE_NEWNET))
		abort();
	close(there);
	close(home);
	return fd;
}

/* ---- calls */

/* What a veth device asks of its peer before it takes what XDP sends back. */
static int far_end_program(const struct stage *s)
{
	struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	char path[64];
	int there, rc;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)s->peer);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(there, CLONE_NEWNET))
		return -1;
	rc = bpf_xdp_attach((int)if_nametoindex("hfm1"), fd, XDP_FLAGS_DRV_MODE,
			    NULL);
	if (setns(home, CLONE_NEWNET))
		abort();
	close(there);
	close(home);
	close(fd);
	return rc;
}

static int anchor_open(struct stage *s)
{
	struct hf_instance *in = s->pins.instance;

	in->address[0] = (struct hf_address){
		.ip4 = inet_addr("10.9.0.1"),
		.port_min = PORT,
		.port_max = (uint16_t)(PORT + 2 * STAGE_LEGS - 1),
	};
	in->addresses = 1;
	in->device[0].ifindex = if_nametoindex("hfm0");
	in->devices = 1;
	return bpf_xdp_attach((int)in->device[0].ifindex,
			      bpf_program__fd(s->bpf->progs.hf_receive),
			      XDP_FLAGS_DRV_MODE, NULL) ?
		       -1 :
		       far_end_program(s);
}

/* Every third caller says nothing; of the others every second has the clock
 * that its own packets may drive. */
static void call_begin(struct weather *w, uint32_t i, uint64_t ms)
{
	uint32_t bucket = hf_wheel_bucket(PTIME_MS, ms), entry;
	struct stage *s = w->s;
	struct hf_program *p = &s->pins.legs[i].program[1];
	struct call *c = &w->call[i];
	uint64_t word = hf_word_make(1, 0, 0, (uint16_t)FIRST_SEQ, 0);
	struct hf_hot hot;

	*p = (struct hf_program){
		.base_ns = ms * HF_MS,
		.ptime_ns = PTIME_MS * HF_MS,
		.ts_base = 0xfffff000u,
		.ts_step = 160,
		.ssrc = htonl(0x48460000 + i),
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.rx_payload_type = 8,
		.remote_ip4 = inet_addr(REMOTE),
		.local_ip4 = inet_addr("10.9.0.1"),
		.remote_port = htons((uint16_t)(2 * PORT + 2 * i)),
		.local_port = htons((uint16_t)(PORT + 2 * i)),
		.flags = i % 2 ? HF_PROGRAM_AUTO_CLOCK : 0,
		.peer = HF_LEG_NONE,
		.loop_len = STAGE_FRAMES,
	};
	hf_store_release(&s->pins.claims[i].word, word);
	hot = hf_hot_make(p, word);
	hf_hot_store(&s->pins.claims[i].hot, &hot);
	entry = s->pins.wheel_fill[bucket].entries;
	hf_pins_wheel(&s->pins, bucket, entry)->leg = i;
	hf_store_release(&s->pins.wheel_fill[bucket].entries, entry + 1);
	c->base_ms = ms;
	c->talks = i % 3 != 0;
	c->period_ns = PTIME_MS * HF_MS + draw(w) % (2 * SKEW_PPM * 20) -
		       SKEW_PPM * 20;
	c->first_ns = c->next_ns = ms * HF_MS + draw(w) % (20 * HF_MS);
}

/* ---- what they hear */

static void hear(struct weather *w, const uint8_t *p, ssize_t len, uint64_t now)
{
	uint32_t i = (uint32_t)(p[36] << 8 | p[37]) / 2 - PORT, ts, slot, skip;
	const struct hf_frame *frame;
	struct call *c;
	uint16_t seq;

	if (len != 214 || p[23] != 17 || i >= w->calls)
		return;
	c = &w->call[i];
	memcpy(&seq, p + 44, 2);
	memcpy(&ts, p + 46, 4);
	slot = (ntohl(ts) - 0xfffff000u) / 160;
	frame = &w->s->pins.frames[slot % STAGE_FRAMES];
	skip = slot - c->packets - c->skipped;
	if (ntohs(seq) != (uint16_t)(FIRST_SEQ + c->packets) || skip > 1u << 30 ||
	    (p[43] & 0x80) != (skip ? 0x80 : 0) ||
	    memcmp(p + 54, frame->payload, HF_FRAME_BYTES))
		c->wrong++;
	c->packets++;
	c->skipped += skip;
	c->burst = c->last_ns && now - c->last_ns < BURST_NS ? c->burst + 1 : 0;
	if (c->burst > c->longest_burst)
		c->longest_burst = c->burst;
	c->last_ns = now;
}

/* Takes in what arrives until this millisecond, or until it is quiet. */
static void hear_until(struct weather *w, uint64_t end_ms)
{
	struct pollfd q = {.fd = w->s->wire, .events = POLLIN};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	uint8_t p[2048];
	struct iovec iov = {p, sizeof(p)};

	for (;;) {
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};
		struct timespec t = {0};
		struct cmsghdr *h;
		ssize_t len = recvmsg(w->s->wire, &m, MSG_DONTWAIT);

		if (len < 0) {
			if (end_ms && hf_now_ms() >= end_ms)
				return;
			if (!poll(&q, 1, end_ms ? 1 : 100) && !end_ms)
				return;
			continue;
		}
		for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
			if (h->cmsg_type == SO_TIMESTAMPNS)
				memcpy(&t, CMSG_DATA(h), sizeof(t));
		if (len > 54)
			hear(w, p, len,
			     (uint64_t)t.tv_sec * 1000000000 +
				     (uint64_t)t.tv_nsec);
	}
}

/* The paced sender dies, and comes back. */
static void die_for(struct weather *w, uint32_t ms)
{
	struct stage *s = w->s;
	uint64_t end;

	kill(s->mediad, SIGKILL);
	waitpid(s->mediad, NULL, 0);
	/* What it had sent is heard, and turn-around has taken over. */
	hear_until(w, hf_now_ms() + 60);
	for (uint32_t i = 0; i < w->calls; i++) {
		w->call[i].skipped_by_then = w->call[i].skipped;
		w->call[i].packets_by_then = w->call[i].packets;
	}
	atomic_store(&w->dead, true);
	end = hf_now_ms() + ms;
	hear_until(w, end);
	atomic_store(&w->dead, false);
	hear_until(w, hf_now_ms() + 60);
	for (uint32_t i = 0; i < w->calls; i++) {
		struct call *c = &w->call[i];

		c->skipped_dead = c->skipped - c->skipped_by_then;
		c->packets_dead = c->packets - c->packets_by_then;
	}
	stage_start_mediad(s);
}

static void call_check(struct weather *w, uint32_t i, uint64_t stop_ms,
		       uint64_t end_ms, uint32_t late_ms)
{
	const struct hf_pins *pins = &w->s->pins;
	const struct hf_claim *k = &pins->claims[i];
	const struct call *c = &w->call[i];
	uint32_t slots = hf_word_slot(k->word);
	uint32_t turned = pins->intake[i].turn_sent;

	CHECK_INT(c->wrong, 0);
	CHECK_INT(c->packets, k->sent + turned);
	CHECK_INT((uint16_t)(hf_word_seq(k->word) - FIRST_SEQ),
		  (uint16_t)c->packets);
	CHECK_INT(k->sent + k->skipped + turned +
			  pins->legs[i].rx.turn_skipped,
		  slots);
	CHECK(slots + 1 >= (stop_ms - late_ms - c->base_ms) / PTIME_MS);
	CHECK(slots <= (end_ms - c->base_ms) / PTIME_MS + 2);
	CHECK(c->longest_burst < HF_CATCH_UP_MAX);
	if (!c->talks)
		CHECK_INT(c->packets_dead, 0);
	else /* what its own lost packets cost, and what was on its way */
		CHECK(c->skipped_dead <= c->lost_dead + 2);
}

TEST(in_all_weather_and_without_its_sender_each_call_hears_each_frame_once)
{
	uint32_t seconds = setting("HF_SOAK_S", 12);
	uint32_t dead_ms = setting("HF_SOAK_DEAD_MS", 2000);
	struct weather w = {.calls = setting("HF_SOAK_CALLS", 40)};
	uint64_t begin, stop, end, packets = 0, skipped = 0, lost = 0;
	uint32_t late_ms, burst = 0, dead = 0;
	int on = 1;
	STAGE(s);

	w.s = &s;
	w.call = calloc(w.calls, sizeof(*w.call));
	CHECK(w.call && w.calls <= STAGE_LEGS);
	stage_want(&s, 0, REMOTE);
	CHECK(WAIT_FOR(5000, stage_hop_valid(&s, 0)));
	CHECK_INT(anchor_open(&s), 0);
	setsockopt(s.wire, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	w.out = out_open(&s);
	begin = hf_now_ms() + 100;
	for (uint32_t i = 0; i < w.calls; i++)
		call_begin(&w, i, begin + i % PTIME_MS);
	stage_poke(&s, HF_POKE_WHEEL);
	CHECK_INT(pthread_create(&w.thread, NULL, callers_main, &w), 0);
	hear_until(&w, begin + seconds * 500);
	late_ms = s.pins.work->late_max_us / 1000 + 1;
	die_for(&w, dead_ms);
	CHECK(WAIT_FOR(5000, stage_mediad_ready(&s)));
	hear_until(&w, begin + seconds * 1000);

	stop = hf_now_ms();
	if (s.pins.work->late_max_us / 1000 + 1 > late_ms)
		late_ms = s.pins.work->late_max_us / 1000 + 1;
	atomic_store(&w.stop, true);
	pthread_join(w.thread, NULL);
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		hf_store_release(&s.pins.wheel_fill[b].entries, 0);
	end = hf_now_ms() + HF_PACER_GRID_MS + late_ms;
	hear_until(&w, 0);
	for (uint32_t i = 0; i < w.calls; i++) {
		const struct call *c = &w.call[i];

		call_check(&w, i, stop, end, late_ms);
		packets += c->packets;
		skipped += c->skipped;
		lost += c->lost_dead;
		dead += c->talks ? c->skipped_dead : 0;
		if (c->longest_burst > burst)
			burst = c->longest_burst;
	}
	printf("# %u calls, %u s: %llu frames, %llu skipped; %u ms without sender: callers lost %llu packets and %u frames; longest run of close frames %u; sender late by %u ms at most\n",
	       w.calls, seconds, (unsigned long long)packets,
	       (unsigned long long)skipped, dead_ms, (unsigned long long)lost,
	       dead, burst ? burst + 1 : 0, late_ms);
	close(w.out);
	free(w.call);
}

TEST_MAIN()
