// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hold under weather: calls whose callers' packets are lost at random, come
 * late by up to half a packet time and run on clocks up to 200 ppm off, by both
 * clocks of hold, and callers who say nothing. Each frame that reaches them is
 * checked where it arrives, by a program of the far end's device
 * (tests/tools/weather.bpf.c). In the middle the paced sender is killed for a
 * while.
 *
 * HF_SOAK_CALLS (40), HF_SOAK_S (12) seconds of which HF_SOAK_DEAD_MS (2000) are
 * without the paced sender, 0: it lives; scripts/soak has the long form. Where
 * others keep the machine busy, HF_SOAK_CPU is a CPU for both senders and the
 * wire between them, which nothing that is not urgent then keeps waiting.
 */
/* rooms: mediad media audio sdp config base */
#define STAGE_LEGS   WEATHER_CALLS
#define STAGE_BUCKET 128
#define STAGE_RECEIVE
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "../tools/weather.h"
#include "../unit/test.h"
#include "holdfast/hot.h"
#include "mediad/pacer.h"
#include "mediad_stage.h"
#include "tools/weather.skel.h"

#define PTIME_MS   20
#define FIRST_SEQ  65500u
#define PORT	   20000u /* of the anchor's first leg */
#define REMOTE	   "10.9.0.2"
#define JITTER_NS  (10 * HF_MS)
#define LOST_OF_64 2 /* 3 percent */
#define SKEW_PPM   200
/* A caller's packet that was to be sent this long ago: not the weather, but a
 * machine with too much to do. */
#define BEHIND_NS  (5 * HF_MS)

/* A caller. */
struct call {
	bool talks;
	uint64_t first_ns, period_ns; /* of its packets */
	uint64_t next_ns;	      /* the next of them, with its jitter */
	uint64_t last_ns;	      /* when the newest was sent */
	uint32_t said;		      /* packets so far, lost ones too */
	uint32_t sent;
	uint32_t behind;	      /* sent too late by the generator, */
	uint32_t bunched;	      /* and closer than their jitter makes them */
	uint32_t lost_dead, behind_dead; /* while no paced sender ran */
	uint32_t skipped_dead, packets_dead;
};

struct weather {
	struct stage *s;
	struct call *call;
	uint32_t calls;
	uint64_t base_ms; /* of the first call */
	struct weather_bpf *bpf;
	struct bpf_link *ear;
	struct weather_heard *heard; /* of each call */
	pthread_t thread;
	atomic_bool stop, dead;
	int out; /* packet socket of the peer */
	uint64_t random, behind_max_ns;
};

/* What is wrong with all calls together. */
struct verdict {
	uint32_t missing, doubled, stamp, marker, header, sound;
	uint32_t disorder; /* but for what the machine held up, */
	uint32_t held_up;  /* so that the next was taken before it arrived */
	uint32_t counts;  /* calls whose frames are not those that were counted */
	uint32_t elapsed; /* calls whose sent + skipped is not the time */
	uint32_t bursts;  /* calls with more than two frames caught up in a row */
	uint32_t dead;	  /* calls that lost more than their own packets */
	uint32_t told;
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
	struct udphdr udp = {.source = htons((uint16_t)(WEATHER_PORT + 2 * i)),
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
	uint64_t now = hf_now_ns(), behind = now - c->next_ns;

	c->bunched += c->last_ns && now - c->last_ns < WEATHER_CLOSE_MS * HF_MS;
	c->last_ns = now;
	if (draw(w) % 64 >= LOST_OF_64 &&
	    send(w->out, p, packet_make(w, i, p), 0) == sizeof(p))
		c->sent++;
	else
		c->lost_dead += atomic_load(&w->dead);
	if (behind > BEHIND_NS) {
		c->behind++;
		c->behind_dead += atomic_load(&w->dead);
	}
	if (behind > w->behind_max_ns)
		w->behind_max_ns = behind;
	c->said++;
	c->next_ns = c->first_ns + c->said * c->period_ns +
		     draw(w) % (uint32_t)JITTER_NS;
}

/* They are not a part of what is tested: as punctual as the machine allows. */
static void *callers_main(void *arg)
{
	struct sched_param param = {.sched_priority = 40};
	struct weather *w = arg;

	pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
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
static int out_open(void)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;

	a.sll_ifindex = (int)if_nametoindex("hfm1");
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)))
		abort();
	return fd;
}

/* Attaches it; the program is also what a veth device asks of its peer before
 * it takes what XDP sends back. */
static int ear_open(struct weather *w)
{
	struct weather_bpf *b = weather_bpf__open();
	size_t bytes = WEATHER_CALLS * sizeof(struct weather_heard);

	w->bpf = b;
	if (!b ||
	    bpf_map__reuse_fd(b->maps.frames,
			      bpf_map__fd(w->s->bpf->maps.frames)) ||
	    bpf_map__reuse_fd(b->maps.claims,
			      bpf_map__fd(w->s->bpf->maps.claims)))
		return -1;
	b->bss->frames_used = STAGE_FRAMES;
	if (weather_bpf__load(b))
		return -1;
	w->heard = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(b->maps.heard), 0);
	w->ear = bpf_program__attach_xdp(b->progs.listen,
					 (int)if_nametoindex("hfm1"));
	return w->heard == MAP_FAILED || !w->ear ? -1 : 0;
}

static int far_end_open(struct weather *w)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there, rc;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)w->s->peer);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(there, CLONE_NEWNET))
		abort();
	rc = ear_open(w);
	w->out = out_open();
	if (setns(home, CLONE_NEWNET))
		abort();
	close(there);
	close(home);
	return rc;
}

/* ---- calls */

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
			      XDP_FLAGS_DRV_MODE, NULL);
}

/* Every third caller says nothing; of the others every second has the clock
 * that its own packets may drive. */
static void call_begin(struct weather *w, uint32_t i, uint64_t ms)
{
	uint32_t bucket = hf_wheel_bucket(PTIME_MS, ms), entry;
	struct stage *s = w->s;
	struct hf_program *p = &s->pins.legs[i].program[1];
	struct weather_heard *h = &w->heard[i];
	struct call *c = &w->call[i];
	uint64_t word = hf_word_make(1, 0, 0, (uint16_t)FIRST_SEQ, 0);
	struct hf_hot hot;

	*p = (struct hf_program){
		.base_ns = ms * HF_MS,
		.ptime_ns = PTIME_MS * HF_MS,
		.ts_base = WEATHER_TS_BASE,
		.ts_step = WEATHER_TS_STEP,
		.ssrc = htonl(WEATHER_SSRC + i),
		.mode = HF_MODE_HOLD,
		.payload_type = 8,
		.rx_payload_type = 8,
		.remote_ip4 = inet_addr(REMOTE),
		.local_ip4 = inet_addr("10.9.0.1"),
		.remote_port = htons((uint16_t)(WEATHER_PORT + 2 * i)),
		.local_port = htons((uint16_t)(PORT + 2 * i)),
		.flags = i % 2 ? HF_PROGRAM_AUTO_CLOCK : 0,
		.peer = HF_LEG_NONE,
		.loop_len = STAGE_FRAMES,
	};
	h->slot = (uint32_t)-1;
	h->seq = FIRST_SEQ - 1;
	hf_store_release(&h->base_ns, ms * HF_MS);
	hf_store_release(&s->pins.claims[i].word, word);
	hot = hf_hot_make(p, word);
	hf_hot_store(&s->pins.claims[i].hot, &hot);
	entry = s->pins.wheel_fill[bucket].entries;
	hf_pins_wheel(&s->pins, bucket, entry)->leg = i;
	hf_store_release(&s->pins.wheel_fill[bucket].entries, entry + 1);
	c->talks = i % 3 != 0;
	c->period_ns = PTIME_MS * HF_MS + draw(w) % (2 * SKEW_PPM * 20) -
		       SKEW_PPM * 20;
	c->first_ns = c->next_ns = ms * HF_MS + draw(w) % (20 * HF_MS);
}

/* ---- what they hear */

static void wait_ms(uint64_t until_ms)
{
	uint64_t now;

	while ((now = hf_now_ms()) < until_ms)
		poll(NULL, 0, (int)(until_ms - now));
}

/* The paced sender dies, and comes back. */
static void die_for(struct weather *w, uint32_t ms)
{
	struct stage *s = w->s;

	kill(s->mediad, SIGKILL);
	waitpid(s->mediad, NULL, 0);
	/* What it had sent is heard, and turn-around has taken over. */
	wait_ms(hf_now_ms() + 60);
	for (uint32_t i = 0; i < w->calls; i++) {
		w->call[i].skipped_dead = w->heard[i].skipped;
		w->call[i].packets_dead = w->heard[i].packets;
	}
	atomic_store(&w->dead, true);
	wait_ms(hf_now_ms() + ms);
	atomic_store(&w->dead, false);
	for (uint32_t i = 0; i < w->calls; i++) {
		struct call *c = &w->call[i];

		c->skipped_dead = w->heard[i].skipped - c->skipped_dead;
		c->packets_dead = w->heard[i].packets - c->packets_dead;
	}
	stage_start_mediad(s);
}

/* Are so many frames sent and skipped as there were packet times? A sender that
 * is late this moment says no, and yes the next. */
static bool in_time(const struct weather *w, uint32_t i)
{
	uint64_t base = w->heard[i].base_ns;
	uint64_t before = (hf_now_ns() - base) / (PTIME_MS * HF_MS);
	uint64_t word = hf_load_acquire(&w->s->pins.claims[i].word);
	uint64_t after = (hf_now_ns() - base) / (PTIME_MS * HF_MS);

	return hf_word_slot(word) + 1 >= before + 1 &&
	       hf_word_slot(word) <= after + 2;
}

/* Frames that never arrived. One that was overtaken left a gap at first. */
static uint32_t missing(const struct weather_heard *h)
{
	return h->lost - h->disorder;
}

/* The numbers of one call; true if they are one account. */
static bool adds_up(const struct weather *w, uint32_t i)
{
	const struct hf_pins *pins = &w->s->pins;
	const struct weather_heard *h = &w->heard[i];
	const struct hf_claim *k = &pins->claims[i];
	uint32_t turned = pins->claims[i].intake.turn_sent;
	uint32_t turn_skipped = pins->legs[i].rx.turn_skipped;

	return h->packets + missing(h) == k->sent + turned &&
	       h->skipped == k->skipped + turn_skipped &&
	       h->packets + missing(h) + h->skipped == hf_word_slot(k->word) &&
	       h->slot + 1 == hf_word_slot(k->word) &&
	       (uint16_t)(h->seq + 1) == hf_word_seq(k->word);
}

static void tell(const struct weather *w, uint32_t i)
{
	const struct weather_heard *h = &w->heard[i];
	const struct hf_claim *k = &w->s->pins.claims[i];
	const struct call *c = &w->call[i];

	printf("# call %u%s: heard %u, skipped %u, missing %u, doubled %u, out of order %u (%u held up), timestamps %u, markers %u, headers %u, sound %u, caught up %u in a row, late by %u us; sent %u paced %u turned, skipped %u paced %u turned, %u time slots; said %u, sent %u, behind %u, bunched %u; without sender: lost %u, behind %u, skipped %u, heard %u\n",
	       i, c->talks ? "" : " (silent)", h->packets, h->skipped,
	       missing(h), h->doubled, h->disorder, h->held_up, h->stamp, h->marker, h->header,
	       h->sound, h->longest_run + 1, h->late_us, k->sent,
	       w->s->pins.claims[i].intake.turn_sent, k->skipped,
	       w->s->pins.legs[i].rx.turn_skipped, hf_word_slot(k->word),
	       c->said, c->sent, c->behind, c->bunched, c->lost_dead, c->behind_dead,
	       c->skipped_dead, c->packets_dead);
}

/* Callers that send lose nothing but what their own lost packets cost, and what
 * was on its way; those who do not hear nothing. */
static bool bore_it(const struct call *c)
{
	if (!c->talks)
		return !c->packets_dead;
	return c->skipped_dead <= c->lost_dead + c->behind_dead + 2;
}

static void judge(const struct weather *w, uint32_t i, struct verdict *v)
{
	const struct weather_heard *h = &w->heard[i];
	struct verdict was = *v;

	v->missing += missing(h);
	v->doubled += h->doubled;
	if (h->held_up)
		v->held_up += h->disorder;
	else
		v->disorder += h->disorder;
	v->stamp += h->stamp;
	v->marker += h->marker;
	v->header += h->header;
	v->sound += h->sound;
	v->counts += !adds_up(w, i);
	/* What the machine brings in a bunch is answered in one. */
	v->bursts += h->longest_run >= HF_CATCH_UP_MAX && !w->call[i].bunched;
	v->dead += !bore_it(&w->call[i]);
	if (memcmp(&was, v, sizeof(was)) && v->told++ < 5)
		tell(w, i);
}

/* What the devices between us and the callers would not take. */
static unsigned long wire_refused(const struct stage *s)
{
	char command[256];
	unsigned long n = 0;
	FILE *f;

	snprintf(command, sizeof(command),
		 "{ ethtool -S hfm0; nsenter --net=/proc/%d/ns/net ethtool -S hfm1; } | awk '/(errors|_drops|xdp_xmit_err)/ && !/xdp_drops/ { n += $2 } END { print n + 0 }'",
		 (int)s->peer);
	f = popen(command, "r");
	if (f && fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		pclose(f);
	return n;
}

/* Before there are other processes and threads: they inherit it. */
static void keep_to_cpu(void)
{
	const char *value = getenv("HF_SOAK_CPU");
	cpu_set_t set;

	if (!value || !*value)
		return;
	CPU_ZERO(&set);
	CPU_SET(strtoul(value, NULL, 10) % CPU_SETSIZE, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		printf("# CPU %s: %s\n", value, strerror(errno));
}

static void weather_begin(struct weather *w)
{
	w->base_ms = hf_now_ms() + 100;
	for (uint32_t i = 0; i < w->calls; i++)
		call_begin(w, i, w->base_ms + i % PTIME_MS);
	stage_poke(w->s, HF_POKE_WHEEL);
	if (pthread_create(&w->thread, NULL, callers_main, w))
		abort();
}

/* Counts against the clock, and then to the last frame. */
static void weather_end(struct weather *w, struct verdict *v)
{
	for (uint32_t i = 0; i < w->calls; i++)
		if (!WAIT_FOR(2000, in_time(w, i)) && v->elapsed++ < 5)
			tell(w, i);
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	for (uint32_t b = 0; b < HF_WHEEL_BUCKETS; b++)
		hf_store_release(&w->s->pins.wheel_fill[b].entries, 0);
	WAIT_FOR(2000, ({
			 uint32_t i = 0;

			 while (i < w->calls && adds_up(w, i))
				 i++;
			 i == w->calls;
		 }));
	for (uint32_t i = 0; i < w->calls; i++)
		judge(w, i, v);
}

static void report(const struct weather *w, uint32_t seconds, uint32_t dead_ms)
{
	uint64_t heard = 0, skipped = 0, said = 0, sent = 0, arrived = 0;
	uint64_t lost = 0, dead = 0, behind = 0, bunched = 0, held_up = 0;
	uint32_t run = 0, late = 0;

	for (uint32_t i = 0; i < w->calls; i++) {
		const struct weather_heard *h = &w->heard[i];
		const struct call *c = &w->call[i];

		heard += h->packets;
		skipped += h->skipped;
		said += c->said;
		sent += c->sent;
		arrived += w->s->pins.claims[i].intake.packets;
		lost += c->lost_dead;
		dead += c->talks ? c->skipped_dead : 0;
		behind += c->behind;
		bunched += c->bunched;
		held_up += h->held_up;
		run = h->longest_run > run ? h->longest_run : run;
		late = h->late_us > late ? h->late_us : late;
	}
	printf("# %u calls, %u s: %llu frames heard, %llu skipped; %llu packets of callers, %llu sent, %llu arrived\n",
	       w->calls, seconds, (unsigned long long)heard,
	       (unsigned long long)skipped, (unsigned long long)said,
	       (unsigned long long)sent, (unsigned long long)arrived);
	if (dead_ms)
		printf("# %u ms without paced sender: callers lost %llu packets on the way and %llu frames\n",
		       dead_ms, (unsigned long long)lost,
		       (unsigned long long)dead);
	printf("# at most %u frames caught up in a row; latest frame %.1f ms after its deadline, latest tick of the sender %.1f ms\n",
	       run + 1, late / 1000.0, w->s->pins.work->late_max_us / 1000.0);
	printf("# the machine: %llu packets of callers were sent more than %llu ms late, the latest %.1f ms, and %llu in a bunch; %llu frames came when the next was taken; the devices refused %lu\n",
	       (unsigned long long)behind, BEHIND_NS / HF_MS,
	       (double)w->behind_max_ns / 1e6, (unsigned long long)bunched,
	       (unsigned long long)held_up,
	       wire_refused(w->s));
}

static void weather_close(struct weather *w)
{
	bpf_link__destroy(w->ear);
	weather_bpf__destroy(w->bpf);
	close(w->out);
	free(w->call);
}

TEST(in_all_weather_and_without_its_sender_each_call_hears_each_frame_once)
{
	uint32_t seconds = setting("HF_SOAK_S", 12);
	uint32_t dead_ms = setting("HF_SOAK_DEAD_MS", 2000);
	__attribute__((cleanup(weather_close))) struct weather w = {
		.calls = setting("HF_SOAK_CALLS", 40), .out = -1};
	struct verdict v = {0};
	static char why[160];
	unsigned long refused;

	keep_to_cpu();
	STAGE(s);
	w.s = &s;
	w.call = calloc(w.calls, sizeof(*w.call));
	CHECK(w.call && w.calls && w.calls <= STAGE_LEGS);
	CHECK(stage_reach(&s, 0, REMOTE));
	CHECK_INT(anchor_open(&s), 0);
	CHECK_INT(far_end_open(&w), 0);
	weather_begin(&w);
	wait_ms(w.base_ms + seconds * 500);
	if (dead_ms) {
		die_for(&w, dead_ms);
		CHECK(WAIT_FOR(5000, stage_mediad_ready(&s)));
	}
	wait_ms(w.base_ms + seconds * 1000);
	weather_end(&w, &v);
	report(&w, seconds, dead_ms);
	CHECK_INT(w.bpf->bss->strangers, 0);
	CHECK_INT(v.doubled, 0);
	CHECK_INT(v.disorder, 0);
	CHECK_INT(v.stamp, 0);
	CHECK_INT(v.marker, 0);
	CHECK_INT(v.header, 0);
	CHECK_INT(v.sound, 0);
	CHECK_INT(v.counts, 0);
	CHECK_INT(v.elapsed, 0);
	CHECK_INT(v.bursts, 0);
	CHECK_INT(v.dead, 0);
	refused = wire_refused(&s);
	if (v.held_up || (v.missing && v.missing == refused)) {
		snprintf(why, sizeof(why),
			 "the machine was too busy to say: of the frames a full device refused %lu, and %u were held up until the next was sent",
			 refused, v.held_up);
		SKIP(why);
	}
	CHECK_INT(v.missing, 0);
}

TEST_MAIN()
