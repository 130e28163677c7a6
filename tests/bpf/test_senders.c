/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two real senders at once: turn-around, by packets into the receive
 * program on one CPU, and a paced sender in userspace through the mapped map on
 * another, while a third thread reprograms the legs as the controller does.
 * Every sequence number is sent exactly once, and no packet mixes two programs.
 *
 * The clock is virtual: the reprogramming thread moves it on.
 * rooms:
 */
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"

#define LEGS	   2
#define SENDS	   20000 /* by turn-around */
#define FLIP_EVERY 50

/* Sequence numbers are told apart for 60000 frames, the rounds are shorter. */
struct both {
	struct fixture *f;
	_Atomic uint8_t seen[LEGS][65536];
	_Atomic uint64_t turned, paced, mixed, flips;
	_Atomic int stop;
};

/* All of a program from its epoch, so that any packet says if it is whole. */
static struct hf_program program_of(uint32_t leg, uint32_t epoch)
{
	struct hf_program p = program_hold(leg);

	p.ptime_ns = 10 * MS;
	p.ts_step = 80;
	p.flags = HF_PROGRAM_AUTO_CLOCK;
	p.ssrc = HF_HTONL(epoch * 2654435761u);
	p.ts_base = epoch * 40503u;
	p.payload_type = epoch & 0x7f;
	p.loop_first = FRAME_SHORT;
	p.loop_len = 1 + epoch % 5;
	return p;
}

static int is_whole(struct both *b, uint32_t leg, uint64_t next,
		    const struct packet *got)
{
	struct hf_program p = program_of(leg, hf_word_epoch(next));
	uint32_t slot = hf_word_slot(next) - 1;
	struct shape s = shape_hold(b->f, leg, hf_program_frame(&p, slot));
	struct packet want;

	s.ssrc = HF_NTOHL(p.ssrc);
	s.payload_type = p.payload_type;
	s.seq = (uint16_t)(hf_word_seq(next) - 1);
	s.timestamp = p.ts_base + slot * p.ts_step;
	s.marker = got->bytes[43] >> 7;
	want = packet_build(&s);
	return got->len == want.len &&
	       !memcmp(got->bytes, want.bytes, want.len);
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* What came out of the program says itself which epoch and slot it was. */
static void *turn_run(void *arg)
{
	struct both *b = arg;

	pin_to(0);
	/* Until each of the three has had a fair part, on a busy machine too. */
	while ((b->turned < SENDS || b->paced <= 100 || b->flips <= 100) &&
	       b->turned + b->paced < 50000 * LEGS) {
		uint32_t leg = b->turned % LEGS;
		struct shape s = shape_from_caller(leg);
		struct packet p = packet_build(&s);
		uint32_t ssrc, epoch, slot;

		if (fixture_receive(b->f, &p) != XDP_TX)
			continue;
		b->turned++;
		b->seen[leg][packet_peek16(&p, 44)]++;
		ssrc = packet_peek32(&p, 50);
		/* The multiplier's inverse mod 2^32. */
		epoch = ssrc * 244002641u;
		slot = (packet_peek32(&p, 46) - epoch * 40503u) / 80;
		if (epoch > 0x3fff ||
		    !is_whole(
			    b, leg,
			    hf_word_make(epoch, 0, 0,
					 (uint16_t)(packet_peek16(&p, 44) + 1),
					 slot + 1),
			    &p))
			b->mixed++;
	}
	b->stop = 1;
	return NULL;
}

static void *paced_run(void *arg)
{
	struct both *b = arg;

	pin_to(1);
	for (uint32_t i = 0; !b->stop; i++) {
		struct hf_leg *leg = &b->f->legs[i % LEGS];
		__u64 *claim = &b->f->claims[i % LEGS].word;
		__u64 word = hf_load_acquire(claim);
		struct hf_program p = *hf_word_program(leg, word);
		struct hf_program whole =
			program_of(i % LEGS, hf_word_epoch(word));
		struct hf_due d;

		whole.base_ns = p.base_ns;
		if (!hf_due(&p, word, HF_READ(b->f->work->now_ns), 0, &d)) {
			sched_yield();
			continue;
		}
		if (!hf_claim(claim, word, d.next))
			continue;
		b->paced++;
		b->seen[i % LEGS][d.seq]++;
		if (memcmp(&p, &whole, sizeof(p)))
			b->mixed++;
	}
	return NULL;
}

static void *flip_run(void *arg)
{
	struct both *b = arg;
	struct timespec a_moment = {0, 1000};

	for (uint32_t i = 0; !b->stop; i++) {
		uint64_t now = b->f->work->now_ns + 3 * MS;
		uint32_t leg = i / FLIP_EVERY % LEGS;
		struct hf_leg_at at = {&b->f->legs[leg],
				       &b->f->claims[leg].word};

		HF_WRITE(b->f->work->now_ns, now);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, NULL);
		for (int k = 0; i % FLIP_EVERY == 0 && k < 100; k++) {
			__u64 word = hf_load_acquire(at.word);
			uint32_t epoch = (hf_word_epoch(word) + 1) & 0x3fff;
			struct hf_program p = program_of(leg, epoch);

			p.base_ns = now;
			if (hf_flip(&at, word, &p, 0, 0)) {
				leg_shorten(b->f, leg);
				b->flips++;
				break;
			}
		}
	}
	return NULL;
}

static const char *exactly_once(struct both *b, uint32_t leg, uint16_t first)
{
	uint16_t count =
		(uint16_t)(hf_word_seq(b->f->claims[leg].word) - first);

	for (uint32_t n = 0; n < 65536; n++) {
		uint8_t times = b->seen[leg][(uint16_t)(first + n)];

		if (times > (n < count))
			return "a sequence number was sent twice";
		if (times < (n < count))
			return "a sequence number was never sent";
	}
	return "";
}

TEST(turn_around_and_a_paced_sender_on_two_cpus_send_each_frame_once)
{
	static struct both both;
	pthread_t thread[3];
	const char *why;

	memset(&both, 0, sizeof(both));
	both.f = fixture_get(&why);
	if (!both.f)
		SKIP(why);
	fixture_now(both.f, BASE);
	for (uint32_t leg = 0; leg < LEGS; leg++) {
		struct hf_program p = program_of(leg, 5);

		leg_set(both.f, leg, &p, (uint16_t)(50000 * leg));
	}
	pthread_create(&thread[0], NULL, turn_run, &both);
	pthread_create(&thread[1], NULL, paced_run, &both);
	pthread_create(&thread[2], NULL, flip_run, &both);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	printf("# %llu by turn-around, %llu paced, %llu reprogrammings; %s\n",
	       (unsigned long long)both.turned, (unsigned long long)both.paced,
	       (unsigned long long)both.flips, fixture_counted(both.f));
	CHECK_INT(both.mixed, 0);
	CHECK(both.turned + both.paced < 60000 * LEGS);
	for (uint32_t leg = 0; leg < LEGS; leg++)
		CHECK_STR(exactly_once(&both, leg, (uint16_t)(50000 * leg)),
			  "");
	CHECK(both.turned > SENDS / 20);
	CHECK(both.paced > 100);
	CHECK(both.flips > 100);
}

/*
 * Two who talk, the packets of each on a CPU and a device of its own, while they
 * are put on hold and joined again and again, by two flips as the controller
 * does it, with the paced sender at work.
 */
#define TALKED 10000

struct talk {
	struct fixture *f;
	_Atomic uint8_t seen[LEGS][65536];
	_Atomic uint64_t relayed[LEGS], turned, paced, wrong, flips;
	_Atomic int stop;
};

struct talker {
	struct talk *t;
	uint32_t leg;
};

static struct hf_program talking(uint32_t leg, int held)
{
	struct hf_program p = program_hold(leg);

	p.ptime_ns = 10 * MS;
	p.ts_step = 80;
	p.nexthop = leg ? HOP_ACROSS : HOP_BACK;
	if (held)
		return p;
	p.mode = HF_MODE_RELAY;
	p.peer = !leg;
	return p;
}

/* Whose stream it is in says its source port. */
static void talk_got(struct talk *t, uint32_t from, const struct packet *sent,
		     const struct packet *p)
{
	uint32_t to = (packet_peek16(p, 34) - 20000u) / 2;
	size_t payload = 54;

	if (to >= LEGS || !packet_check_right(p)) {
		t->wrong++;
		return;
	}
	t->seen[to][packet_peek16(p, 44)]++;
	if (to == from) {
		t->turned++;
		return;
	}
	t->relayed[from]++;
	if (packet_peek32(p, 50) != 0xabcd0000 + to || p->len != sent->len ||
	    memcmp(p->bytes + payload, sent->bytes + payload, p->len - payload))
		t->wrong++;
}

static void *talker_run(void *arg)
{
	struct talker *me = arg;
	struct talk *t = me->t;

	pin_to((int)me->leg);
	for (uint32_t i = 0; !t->stop; i++) {
		struct shape s = shape_from_caller(me->leg);
		struct packet p, sent;
		int verdict;

		s.seq = (uint16_t)i;
		s.timestamp = 80 * i;
		sent = p = packet_build(&s);
		verdict = fixture_receive(t->f, &p);
		if (verdict == XDP_TX || verdict == XDP_REDIRECT)
			talk_got(t, me->leg, &sent, &p);
		if ((t->relayed[0] > TALKED && t->relayed[1] > TALKED &&
		     t->paced > 100 && t->flips > 100) ||
		    t->relayed[0] > 60000 || t->relayed[1] > 60000)
			t->stop = 1;
	}
	return NULL;
}

static void *talk_paced_run(void *arg)
{
	struct talk *t = arg;

	for (uint32_t leg = 0; !t->stop; leg = !leg) {
		__u64 *claim = &t->f->claims[leg].word;
		__u64 word = hf_load_acquire(claim);
		struct hf_program p =
			*hf_word_program(&t->f->legs[leg], word);
		struct hf_due d;

		if (!hf_due(&p, word, HF_READ(t->f->work->now_ns), 0, &d) ||
		    !hf_claim(claim, word, d.next)) {
			sched_yield();
			continue;
		}
		t->paced++;
		t->seen[leg][d.seq]++;
	}
	return NULL;
}

static void talk_flip(struct talk *t, uint32_t leg, int held)
{
	struct hf_leg_at at = {&t->f->legs[leg], &t->f->claims[leg].word};

	for (;;) {
		__u64 word = hf_load_acquire(at.word);
		struct hf_program p = talking(leg, held);

		p.base_ns = t->f->work->now_ns;
		if (!hf_flip(&at, word, &p, 0, 0))
			continue;
		leg_shorten(t->f, leg);
		t->flips++;
		return;
	}
}

static void *talk_flip_run(void *arg)
{
	struct timespec a_moment = {0, 1000};
	struct talk *t = arg;

	for (uint32_t i = 0; !t->stop; i++) {
		HF_WRITE(t->f->work->now_ns, t->f->work->now_ns + 3 * MS);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, NULL);
		if (i % FLIP_EVERY)
			continue;
		talk_flip(t, 1, i / FLIP_EVERY % 2);
		talk_flip(t, 0, i / FLIP_EVERY % 2);
	}
	return NULL;
}

/* Numbers of the stream that were sent more than once, and never. */
static void count_talked(const struct talk *t, uint32_t leg, uint16_t first,
			 uint32_t *doubled, uint32_t *never)
{
	uint16_t count =
		(uint16_t)(hf_word_seq(t->f->claims[leg].word) - first);

	*doubled = *never = 0;
	for (uint32_t n = 0; n < 65536; n++) {
		uint8_t times = t->seen[leg][(uint16_t)(first + n)];

		*doubled += times > (n < count);
		*never += times < (n < count);
	}
}

TEST(two_who_talk_on_two_cpus_and_devices_keep_one_stream_each_through_every_switch)
{
	static struct talk talk;
	struct talker talker[LEGS];
	pthread_t thread[4];
	const char *why, *counted, *lost;
	uint32_t doubled, never;

	memset(&talk, 0, sizeof(talk));
	talk.f = fixture_get(&why);
	if (!talk.f)
		SKIP(why);
	fixture_now(talk.f, BASE);
	for (uint32_t leg = 0; leg < LEGS; leg++) {
		struct hf_program p = talking(leg, 0);

		leg_set(talk.f, leg, &p, (uint16_t)(50000 * leg));
		talker[leg] = (struct talker){&talk, leg};
		pthread_create(&thread[leg], NULL, talker_run, &talker[leg]);
	}
	pthread_create(&thread[2], NULL, talk_paced_run, &talk);
	pthread_create(&thread[3], NULL, talk_flip_run, &talk);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	counted = fixture_counted(talk.f);
	printf("# relayed %llu and %llu, %llu turned around, %llu paced, %llu switches; %s\n",
	       (unsigned long long)talk.relayed[0],
	       (unsigned long long)talk.relayed[1],
	       (unsigned long long)talk.turned, (unsigned long long)talk.paced,
	       (unsigned long long)talk.flips, counted);
	CHECK_INT(talk.wrong, 0);
	lost = strstr(counted, "claim_lost ");
	for (uint32_t leg = 0; leg < LEGS; leg++) {
		count_talked(&talk, leg, (uint16_t)(50000 * leg), &doubled,
			     &never);
		CHECK_INT(doubled, 0);
		/* A packet that lost its claim three times is the talker's
		 * loss, and stays visible. */
		CHECK(never <= (lost ? strtoul(lost + 11, NULL, 10) : 0));
	}
}

TEST_MAIN()
