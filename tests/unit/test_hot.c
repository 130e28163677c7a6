// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The short form of a program (hot.h): it says the same as the program, and a
 * controller killed at any instruction of a change leaves the leg as it was or
 * as it shall be, whichever of the two forms a sender reads.
 * rooms:
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/hot.h>

#include "test.h"

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

static struct hf_program random_program(uint64_t *r)
{
	static const uint8_t ptimes[] = {10, 20, 30, 40, 60};
	uint32_t ms = ptimes[draw(r) % 5];
	uint32_t clock = draw(r) % 2 ? 8 : 48;
	struct hf_program p = {
		/* Also after half a century without a boot. */
		.base_ns = ((uint64_t)(draw(r) % 300) << 32 | draw(r)) * HF_MS,
		.ptime_ns = ms * (uint32_t)HF_MS,
		.ts_base = draw(r) * 2654435761u,
		.ssrc = (__be32)draw(r),
		.ts_step = (uint16_t)(ms * clock),
		.mode = HF_MODE_HOLD,
		.payload_type = (uint8_t)(draw(r) % 128),
		.remote_ip4 = (__be32)(draw(r) | 1),
		.local_ip4 = (__be32)draw(r),
		.remote_port = (__be16)(draw(r) | 1),
		.local_port = (__be16)draw(r),
		.nexthop = (uint16_t)draw(r),
		.flags = (uint8_t)(draw(r) % 4),
		.peer = HF_LEG_NONE,
		.once_len = (uint16_t)(draw(r) % 2 * (draw(r) % 500)),
		.loop_first = draw(r) % HF_HOT_FRAMES,
		.loop_len = 1 + draw(r) % 0xffff,
	};

	p.rx_payload_type = p.payload_type;
	/* As the controller draws it: some place of the loop at some slot. */
	p.loop_phase = p.once_len + draw(r) % 1000 - draw(r) % p.loop_len;
	return p;
}

static int due_is_same(const struct hf_due *a, const struct hf_due *b)
{
	return a->next == b->next && a->timestamp == b->timestamp &&
	       a->frame == b->frame && a->skipped == b->skipped &&
	       a->seq == b->seq && a->marker == b->marker;
}

TEST(the_short_form_says_the_same_as_the_program)
{
	uint64_t r = 7;
	int shortened = 0;

	for (int i = 0; i < 200000; i++) {
		struct hf_program p = random_program(&r), q;
		uint32_t slot = p.once_len + draw(&r) % 3 * draw(&r) % 100000;
		uint64_t word = hf_word_make(draw(&r), draw(&r) % 3,
					     draw(&r) % 128, (uint16_t)draw(&r),
					     slot);
		struct hf_hot h = hf_hot_make(&p, word);
		uint64_t now = p.base_ns + (uint64_t)slot * p.ptime_ns +
			       draw(&r) % 200 * HF_MS - 60 * HF_MS;
		struct hf_due a, b;
		int due;

		if (h.epoch == HF_HOT_NONE)
			continue;
		shortened++;
		CHECK_INT(h.epoch, hf_word_epoch(word));
		hf_hot_program(&h, &q);
		due = hf_due(&p, word, now, -5 * (int64_t)HF_MS, &a);
		CHECK_INT(hf_due(&q, word, now, -5 * (int64_t)HF_MS, &b), due);
		CHECK(!due || due_is_same(&a, &b));
		CHECK(p.ssrc == q.ssrc && p.remote_ip4 == q.remote_ip4 &&
		      p.remote_port == q.remote_port &&
		      p.payload_type == q.payload_type &&
		      p.nexthop == q.nexthop && p.mode == q.mode &&
		      p.ptime_ns == q.ptime_ns &&
		      (p.flags & HF_PROGRAM_AUTO_CLOCK) ==
			      (q.flags & HF_PROGRAM_AUTO_CLOCK));
	}
	CHECK(shortened > 50000);
}

/* Near the deadline it has an answer for nearly all. */
TEST(the_next_frame_on_time_is_the_same_worked_out_from_the_short_form)
{
	uint64_t r = 11;
	int same = 0, due_only = 0;

	for (int i = 0; i < 1000000; i++) {
		struct hf_program p = random_program(&r);
		uint32_t slot = p.once_len + draw(&r) % 3 * draw(&r) % 100000;
		uint64_t word =
			hf_word_make(draw(&r), draw(&r) % 3, draw(&r) % 128,
				     (uint16_t)draw(&r), slot);
		struct hf_hot h = hf_hot_make(&p, word);
		uint64_t now = p.base_ns + (uint64_t)slot * p.ptime_ns +
			       draw(&r) % (90 * HF_MS) - 10 * HF_MS;
		struct hf_due a, b;

		if (h.epoch == HF_HOT_NONE)
			continue;
		/* To the nanosecond, at either end. */
		if (i % 8 == 0)
			now = p.base_ns + slot * (uint64_t)p.ptime_ns +
			      draw(&r) % 2 * p.ptime_ns - draw(&r) % 2;
		if (!hf_hot_due(&h, word, now, &b)) {
			due_only +=
				now - p.base_ns - slot * (uint64_t)p.ptime_ns <
					p.ptime_ns &&
				slot && hf_due(&p, word, now, 0, &a);
			continue;
		}
		same++;
		CHECK_INT(hf_due(&p, word, now, 0, &a), 1);
		CHECK(due_is_same(&a, &b));
	}
	CHECK(same > 50000);
	CHECK_INT(due_only, 0);
}

/* One thing that the short form cannot say, each. */
TEST(what_does_not_fit_has_no_short_form)
{
	struct hf_program fits = {
		.base_ns = 5000 * HF_MS,
		.ptime_ns = 20 * HF_MS,
		.ts_step = 160,
		.mode = HF_MODE_HOLD,
		.remote_ip4 = 1,
		.remote_port = 1,
		.peer = HF_LEG_NONE,
		.loop_len = 10,
	};
	struct hf_program p[14];
	__u64 word = hf_word_make(3, 0, 0, 1, 5);
	unsigned int n = 0;

	CHECK_INT(hf_hot_make(&fits, word).epoch, 3);
	for (n = 0; n < 14; n++)
		p[n] = fits;
	p[0].mode = HF_MODE_RELAY;
	p[1].mode = HF_MODE_IDLE;
	p[2].peer = 7;
	p[3].flags = HF_PROGRAM_LATCH;
	p[4].flags = HF_PROGRAM_RX_OFF;
	p[5].flags = HF_PROGRAM_LATCH_ANY;
	p[6].rx_payload_type = 8;
	p[7].ts_step = 161;
	p[8].ptime_ns += 1;
	p[9].base_ns += 1;
	p[10].once_len = 6; /* slot 5 is still of the one-shot clip */
	p[11].loop_len = 0x10000;
	p[12].loop_first = HF_HOT_FRAMES;
	p[13].remote_port = 0;
	for (unsigned int i = 0; i < n; i++)
		if (hf_hot_make(&p[i], word).epoch != HF_HOT_NONE)
			FAIL("case %u has a short form", i);
	p[10].once_len = 5;
	CHECK_INT(hf_hot_make(&p[10], word).epoch, 3);
}

/* The relay's: what each side must be. */
TEST(a_relay_has_a_short_form_if_both_programs_say_so_and_no_address_is_to_be_learned)
{
	const struct hf_program leg = {.mode = HF_MODE_RELAY,
				       .remote_ip4 = 11,
				       .remote_port = 12,
				       .local_ip4 = 13,
				       .local_port = 14,
				       .ssrc = 15,
				       .nexthop = 16,
				       .payload_type = 17,
				       .rx_payload_type = 18,
				       .peer = 7};
	const __u64 word = hf_word_make(3, 0, 0, 1, 5);
	const __u64 to_word = hf_word_make(9, 0, 0, 1, 5);
	struct hf_program p = leg, q = leg, bad[2][5];
	struct hf_across a;

	q.peer = 4;
	q.remote_ip4 = 21;
	q.remote_port = 22;
	q.payload_type = 27;
	q.flags = HF_PROGRAM_IPV6 | HF_PROGRAM_RX_OFF;
	a = hf_across_make(4, &p, word, &q, to_word);
	CHECK(hf_across_is(&a, word, to_word));
	CHECK(!hf_across_is(&a, to_word, word));
	CHECK(!hf_across_is(&a, word, word));
	CHECK_INT(a.remote_ip4, 11);
	CHECK_INT(a.remote_port, 12);
	CHECK_INT(a.rx_payload_type, 18);
	CHECK_INT(a.payload_type, 27);
	CHECK_INT(a.daddr, 21);
	CHECK_INT(a.dport, 22);
	CHECK_INT(a.saddr, 13);
	CHECK_INT(a.sport, 14);
	CHECK_INT(a.ssrc, 15);
	CHECK_INT(a.nexthop, 16);
	CHECK_INT(a.peer, 7);
	CHECK(a.six);
	/* Nobody who looks for a held leg's takes it for one. */
	for (__u32 epoch = 0; epoch < 1 << HF_EPOCH_BITS; epoch++)
		CHECK(hf_across_make(4, &p, hf_word_make(epoch, 0, 0, 0, 0), &q,
				     to_word)
			      .epoch >> HF_EPOCH_BITS);
	for (int i = 0; i < 5; i++)
		bad[0][i] = p, bad[1][i] = q;
	bad[0][0].flags = HF_PROGRAM_LATCH;
	bad[0][1].flags = HF_PROGRAM_RX_OFF;
	bad[0][2].remote_port = 0;
	bad[0][3].remote_ip4 = 0;
	bad[0][4].flags = HF_PROGRAM_LATCH_ANY;
	bad[1][0].flags = HF_PROGRAM_LATCH;
	bad[1][1].mode = HF_MODE_HOLD;
	bad[1][2].peer = 5;
	bad[1][3].remote_port = 0;
	bad[1][4].remote_ip4 = 0;
	for (int i = 0; i < 5; i++) {
		a = hf_across_make(4, &bad[0][i], word, &q, to_word);
		CHECK_INT(a.epoch, HF_HOT_NONE);
		a = hf_across_make(4, &p, word, &bad[1][i], to_word);
		CHECK_INT(a.epoch, HF_HOT_NONE);
	}
}

/* Killed at every instruction. */

struct shared {
	struct hf_leg leg;
	struct hf_hot hot;
	__u64 word;
};

struct change {
	struct hf_program old, next;
};

static void change_run(struct shared *s, const struct change *c)
{
	struct hf_leg_at at = {&s->leg, &s->word};
	struct hf_hot hot;

	hf_flip(&at, s->word, &c->next, 0, 0);
	hot = hf_hot_make(&c->next, s->word);
	if (hot.epoch != HF_HOT_NONE)
		hf_hot_store(&s->hot, &hot);
	else
		HF_WRITE(s->hot.epoch, HF_HOT_NONE);
}

/* The program by which a sender would send now. */
static struct hf_program seen_by_sender(const struct shared *s, int *ret_hot)
{
	struct hf_program p = *hf_word_program(&s->leg, s->word);

	*ret_hot = s->hot.epoch == hf_word_epoch(s->word);
	if (*ret_hot) {
		struct hf_program q = p;

		/* The local side is the packet's. */
		hf_hot_program(&s->hot, &q);
		q.rx_payload_type = q.payload_type;
		q.loop_phase = p.loop_phase;
		if (hf_hot_loop_at(&p) != hf_hot_loop_at(&q))
			q.loop_phase = ~p.loop_phase;
		q.once_len = p.once_len;
		q.once_first = p.once_first;
		return q;
	}
	return p;
}

/* Step through the change; after every instruction the leg must be old or new.
 * Returns how many instructions, or -1; *ret_hot says whether the short form
 * was in use before and is now. */
static int step_through(struct shared *s, const struct change *c, int *ret_hot)
{
	struct hf_program seen;
	int status, steps = 0, hot;
	pid_t child = fork();

	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		change_run(s, c);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return -1;
	while (steps < 1000000) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) ||
		    waitpid(child, &status, 0) != child)
			break;
		if (WIFEXITED(status))
			break;
		steps++;
		seen = seen_by_sender(s, &hot);
		if (memcmp(&seen, hf_word_epoch(s->word) == 6 ? &c->next :
								 &c->old,
			   sizeof(seen))) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
			return -1;
		}
	}
	*ret_hot = s->hot.epoch == hf_word_epoch(s->word);
	return WIFEXITED(status) ? steps : -1;
}

TEST(killed_at_any_instruction_a_change_is_whole_or_has_not_begun)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t r = 99;
	int hot, steps, from_hot = 0, to_hot = 0;

	for (int i = 0; i < 24; i++) {
		struct change c = {random_program(&r), random_program(&r)};
		struct hf_hot h;

		/* A whole change of everything, now and then to no short form. */
		if (i % 4 == 3)
			c.next.mode = HF_MODE_RELAY;
		c.old.once_len = c.next.once_len = 0;
		c.old.loop_phase = c.next.loop_phase = 0;
		c.old.local_ip4 = c.next.local_ip4;
		*s = (struct shared){.leg = {.program[1] = c.old},
				     .hot = {.epoch = HF_HOT_NONE},
				     .word = hf_word_make(5, 0, 0, 77, 9)};
		h = hf_hot_make(&c.old, s->word);
		if (i % 3 && h.epoch != HF_HOT_NONE) {
			hf_hot_store(&s->hot, &h);
			from_hot++;
		}
		steps = step_through(s, &c, &hot);
		if (steps < 0)
			FAIL("change %d: neither the old program nor the new", i);
		CHECK(steps > 50);
		CHECK_INT(hf_word_epoch(s->word), 6);
		to_hot += hot;
	}
	CHECK(from_hot >= 4);
	CHECK(to_hot >= 4);
	munmap(s, sizeof(*s));
}

TEST_MAIN()
