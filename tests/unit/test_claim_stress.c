/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claim between processors: two senders on two CPUs take frames of the same
 * few legs, ten million in all, while a third thread reprograms the legs. Every
 * sequence number is sent exactly once, and no frame is a mixture of two
 * programs: all fields of a program are drawn from one tag, which also says for
 * which epoch it was made.
 *
 * The clock is virtual and frames are always due, so the senders collide as
 * often as the machine allows. Two broken claims follow: the same test must
 * catch them.
 * rooms:
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <holdfast/claim.h>

#include "test.h"

#define LEGS	  3
#define PER_ROUND 60000 /* frames a leg and round: fewer than 2^16 */
#define ROUNDS	  56	/* 56 * 3 * 60000 = 10.08 million */

struct ops {
	int (*claim)(__u64 *word, __u64 old, __u64 next);
	int (*flip)(const struct hf_leg_at *, __u64 word, const struct hf_program *,
		    __u32 slot, __u32 late);
};

struct stress {
	struct hf_leg leg[LEGS] __attribute__((aligned(256)));
	struct hf_claim claim[LEGS];
	_Atomic uint8_t seen[LEGS][65536];
	struct ops ops;
	uint16_t start[LEGS];
	uint64_t slots[LEGS]; /* of epochs that ended, by the flipper */
	_Atomic uint64_t counted[LEGS]; /* sent + skipped, by the senders */
	_Atomic uint64_t frames, mixtures, lost, flips;
	_Atomic int stop;
};

struct sender {
	struct stress *s;
	int cpu;
	uint64_t random;
};

static uint32_t mix(uint32_t tag, uint32_t which)
{
	uint64_t h = (tag + 1ULL) * 0x9e3779b97f4a7c15ULL * (2 * which + 1);

	return (uint32_t)(h >> 32);
}

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

/* The program for an epoch, all of it from one tag. */
static struct hf_program program_of(uint32_t tag)
{
	return (struct hf_program){
		.base_ns = (uint64_t)(mix(tag, 0) | 1) << 20,
		.ptime_ns = (uint32_t)((10 + 10 * (mix(tag, 1) % 3)) * HF_MS),
		.ts_base = mix(tag, 2),
		.ssrc = (__be32)tag,
		.ts_step = (uint16_t)(80 + 80 * (mix(tag, 1) % 3)),
		.mode = HF_MODE_HOLD,
		.payload_type = mix(tag, 3) & 0x7f,
		.remote_ip4 = (__be32)mix(tag, 4),
		.local_ip4 = (__be32)mix(tag, 5),
		.remote_port = (__be16)mix(tag, 6),
		.local_port = (__be16)mix(tag, 7),
		.nexthop = (uint16_t)mix(tag, 8),
		.peer = HF_LEG_NONE,
		.loop_first = mix(tag, 9) & 0xffff,
		.loop_len = 1 + (mix(tag, 10) & 0xff),
		.loop_phase = mix(tag, 11),
	};
}

/* What a sender puts on the wire. */
struct sent {
	uint32_t ssrc, saddr, daddr, timestamp, frame;
	uint16_t sport, dport, nexthop, seq;
	uint8_t payload_type;
};

static int is_mixture(const struct sent *f, uint64_t next)
{
	struct hf_program p = program_of(f->ssrc);
	uint32_t slot = hf_word_slot(next) - 1;

	return f->ssrc >> 18 != hf_word_epoch(next) ||
	       f->saddr != (uint32_t)p.local_ip4 ||
	       f->daddr != (uint32_t)p.remote_ip4 ||
	       f->sport != (uint16_t)p.local_port ||
	       f->dport != (uint16_t)p.remote_port || f->nexthop != p.nexthop ||
	       f->payload_type != p.payload_type ||
	       f->timestamp != p.ts_base + slot * p.ts_step ||
	       f->frame != hf_program_frame(&p, slot);
}

static void send_one(struct stress *s, int i, uint32_t jitter)
{
	struct hf_leg *leg = &s->leg[i];
	uint64_t word = hf_load_acquire(&s->claim[i].word);
	const struct hf_program *p = hf_word_program(leg, word);
	uint64_t now = p->base_ns + (uint64_t)hf_word_slot(word) * p->ptime_ns;
	struct hf_due d;
	struct sent f;

	if ((uint16_t)(hf_word_seq(word) - s->start[i]) >= PER_ROUND)
		return;
	/* Now and then late enough to catch up or to skip. */
	if (!hf_due(p, word,
		    now + 5 * HF_MS + jitter % 2 * (jitter % 90) * HF_MS, 0,
		    &d))
		return;
	f = (struct sent){
		.ssrc = (uint32_t)p->ssrc,
		.saddr = (uint32_t)p->local_ip4,
		.daddr = (uint32_t)p->remote_ip4,
		.timestamp = d.timestamp,
		.frame = d.frame,
		.sport = (uint16_t)p->local_port,
		.dport = (uint16_t)p->remote_port,
		.nexthop = p->nexthop,
		.seq = d.seq,
		.payload_type = p->payload_type,
	};
	if (!s->ops.claim(&s->claim[i].word, word, d.next)) {
		s->lost++;
		return;
	}
	s->seen[i][f.seq]++;
	s->counted[i] += 1 + d.skipped;
	s->frames++;
	if (is_mixture(&f, d.next))
		s->mixtures++;
}

static int round_over(struct stress *s)
{
	for (int i = 0; i < LEGS; i++)
		if ((uint16_t)(hf_word_seq(
				       hf_load_acquire(&s->claim[i].word)) -
			       s->start[i]) < PER_ROUND)
			return 0;
	return 1;
}

static void *sender_run(void *arg)
{
	struct sender *me = arg;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(me->cpu, &set);
	/* On a machine with one CPU the two just take turns. */
	(void)pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	while (!round_over(me->s) && !me->s->stop)
		for (int k = 0; k < 64; k++) {
			uint32_t r = draw(&me->random);

			send_one(me->s, (int)(r >> 8) % LEGS, r & 0xff);
		}
	return NULL;
}

static void reprogram(struct stress *s, int i, uint64_t *random)
{
	struct hf_leg_at at = {&s->leg[i], &s->claim[i].word};

	for (int tries = 0; tries < 100; tries++) {
		uint64_t word = hf_load_acquire(at.word);
		uint32_t epoch = (hf_word_epoch(word) + 1) & 0x3fff;
		struct hf_program p =
			program_of(epoch << 18 | (draw(random) & 0x3ffff));

		if (!s->ops.flip(&at, word, &p, 0, 0))
			continue;
		s->slots[i] += hf_word_slot(word);
		s->flips++;
		return;
	}
}

static void *flipper_run(void *arg)
{
	struct stress *s = arg;
	uint64_t random = 4711;

	while (!round_over(s) && !s->stop) {
		struct timespec a_moment = {0, 5000};

		for (int i = 0; i < LEGS; i++)
			reprogram(s, i, &random);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &a_moment, NULL);
	}
	return NULL;
}

/* "" if the round was right, else what was not. */
static const char *round_run(struct stress *s, uint64_t seed)
{
	struct sender sender[2] = {{s, 0, seed}, {s, 1, ~seed}};
	pthread_t thread[3];

	for (int i = 0; i < LEGS; i++) {
		s->start[i] = hf_word_seq(s->claim[i].word);
		s->slots[i] = 0;
		s->counted[i] = hf_word_slot(s->claim[i].word);
		memset((void *)s->seen[i], 0, sizeof(s->seen[i]));
	}
	pthread_create(&thread[0], NULL, sender_run, &sender[0]);
	pthread_create(&thread[1], NULL, sender_run, &sender[1]);
	pthread_create(&thread[2], NULL, flipper_run, s);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);

	if (s->mixtures)
		return "a frame is a mixture of two programs";
	for (int i = 0; i < LEGS; i++) {
		for (uint32_t n = 0; n < 65536; n++) {
			uint16_t seq = (uint16_t)(s->start[i] + n);

			if (s->seen[i][seq] > (n < PER_ROUND))
				return "a sequence number was sent twice";
			if (s->seen[i][seq] < (n < PER_ROUND))
				return "a sequence number was never sent";
		}
		if (s->counted[i] !=
		    s->slots[i] + hf_word_slot(s->claim[i].word))
			return "sent + skipped is not the time slots";
	}
	return "";
}

static const char *stress_run(struct stress *s, int rounds)
{
	const char *wrong = "";

	for (int i = 0; i < LEGS; i++) {
		s->leg[i].program[0] = program_of((uint32_t)i);
		s->claim[i].word =
			hf_word_make(0, 0, 0, (uint16_t)(i * 30000), 0);
	}
	for (int i = 0; i < rounds && !*wrong; i++)
		wrong = round_run(s, (uint64_t)i * 99991 + 7);
	printf("# %llu frames, %llu claims lost to the other sender, %llu "
	       "reprogrammings\n",
	       (unsigned long long)s->frames, (unsigned long long)s->lost,
	       (unsigned long long)s->flips);
	return wrong;
}

static int true_claim(__u64 *word, __u64 old, __u64 next)
{
	return hf_claim(word, old, next);
}

static int true_flip(const struct hf_leg_at *at, __u64 word,
		     const struct hf_program *p, __u32 slot, __u32 late)
{
	return hf_flip(at, word, p, slot, late);
}

/* Looks, then stores: what the exchange must not be replaced by. */
static int stored_claim(__u64 *word, __u64 old, __u64 next)
{
	if (hf_load_acquire(word) != old)
		return 0;
	hf_store_release(word, next);
	return 1;
}

/* Writes the program that is in force. */
static int in_force_flip(const struct hf_leg_at *at, __u64 word,
			 const struct hf_program *p, __u32 slot, __u32 late)
{
	at->leg->program[hf_word_epoch(word) & 1] = *p;
	return hf_flip(at, word, p, slot, late);
}

static struct stress stress;

TEST(ten_million_frames_by_two_senders_are_each_sent_once_and_none_is_mixed)
{
	memset(&stress, 0, sizeof(stress));
	stress.ops = (struct ops){true_claim, true_flip};
	CHECK_STR(stress_run(&stress, ROUNDS), "");
	CHECK_INT(stress.frames, (long long)ROUNDS * LEGS * PER_ROUND);
	CHECK(stress.flips > 1000);
}

TEST(this_test_notices_a_claim_that_stores_instead_of_exchanging)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP("needs two CPUs");
	memset(&stress, 0, sizeof(stress));
	stress.ops = (struct ops){stored_claim, true_flip};
	CHECK(*stress_run(&stress, ROUNDS));
}

TEST(this_test_notices_a_flip_that_writes_the_program_in_force)
{
	memset(&stress, 0, sizeof(stress));
	stress.ops = (struct ops){true_claim, in_force_flip};
	CHECK_STR(stress_run(&stress, ROUNDS),
		  "a frame is a mixture of two programs");
}

TEST_MAIN()
