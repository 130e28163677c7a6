// SPDX-License-Identifier: GPL-2.0-or-later
/* The writer of next hops against readers as the packet path has them. */
/* rooms: base */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "mediad/hop.h"

#define WRITES 2000000

/* A hop all of whose bytes say the same. */
static struct hf_hop hop_of(unsigned int n)
{
	struct hf_hop hop;

	memset(&hop, (int)(n & 0xff), sizeof(hop));
	return hop;
}

struct race {
	struct hf_nexthop n;
	atomic_bool done;
	unsigned long whole, torn, refused;
};

/* What bpf/egress.h does: turn, copy, turn. */
static void *reader(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->done)) {
		__u32 turn = hf_load_acquire(&r->n.turn);
		struct hf_hop hop =
			*(volatile struct hf_hop *)&r->n.hop[turn & 1];
		const unsigned char *b = (const unsigned char *)&hop;
		int same = 1;

		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (hf_load_acquire(&r->n.turn) != turn) {
			r->refused++;
			continue;
		}
		for (size_t i = 1; i < sizeof(hop); i++)
			same &= b[i] == b[0];
		if (same)
			r->whole++;
		else
			r->torn++;
	}
	return NULL;
}

TEST(a_reader_never_holds_a_half_written_hop)
{
	static struct race r;
	pthread_t thread;

	memset(&r, 0, sizeof(r));
	CHECK(!pthread_create(&thread, NULL, reader, &r));
	for (unsigned int i = 1; i <= WRITES; i++) {
		struct hf_hop hop = hop_of(i);

		hf_hop_write(&r.n, &hop);
	}
	atomic_store(&r.done, true);
	pthread_join(thread, NULL);
	CHECK_INT(r.torn, 0);
	CHECK(r.whole > 0);
	CHECK_INT(r.n.turn, WRITES);
}

TEST(writing_the_hop_that_is_in_force_changes_nothing)
{
	struct hf_hop hop = hop_of(7);
	struct hf_nexthop n = {0};

	CHECK(hf_hop_write(&n, &hop));
	CHECK_INT(n.turn, 1);
	CHECK(!hf_hop_write(&n, &hop));
	CHECK_INT(n.turn, 1);
}

TEST(a_hop_is_complete_before_its_turn_and_the_old_one_stays)
{
	struct hf_hop first = hop_of(1), second = hop_of(2), third = hop_of(3);
	struct hf_nexthop n = {0};
	struct hf_hop now;

	hf_hop_write(&n, &first);
	now = hf_hop_current(&n);
	CHECK_MEM(&now, &first, sizeof(now));
	hf_hop_write(&n, &second);
	now = hf_hop_current(&n);
	CHECK_MEM(&now, &second, sizeof(now));
	CHECK_MEM(&n.hop[1], &first, sizeof(first));
	hf_hop_write(&n, &third);
	CHECK_MEM(&n.hop[0], &second, sizeof(second));
	CHECK_MEM(&n.hop[1], &third, sizeof(third));
}

TEST(the_turn_goes_round_without_losing_its_place)
{
	struct hf_hop hop = hop_of(9), now;
	struct hf_nexthop n = {.turn = UINT32_MAX};

	CHECK(hf_hop_write(&n, &hop));
	CHECK_INT(n.turn, 0);
	now = hf_hop_current(&n);
	CHECK_MEM(&now, &hop, sizeof(now));
}

TEST_MAIN()
