/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paced program, one run at a time, on what holdfast-mediad makes ready for
 * it: which frame each run takes, and every byte of what it writes. That the
 * frames arrive is shown with holdfast-mediad.
 * rooms: mediad
 */
#include <linux/bpf.h>

#include <holdfast/claim.h>

#include "../unit/test.h"
#include "fixture.h"
#include "ready.h"

/* Blank paper with what an earlier frame left on it. */
static struct packet paper(void)
{
	struct packet p = {.len = HF_PACED_BYTES};

	memset(p.bytes, 0xa5, sizeof(p.bytes));
	return p;
}

static void hold(struct fixture *f, uint32_t leg)
{
	struct hf_program p = program_hold(leg);

	p.nexthop = HOP_ACROSS;
	leg_set(f, leg, &p, (uint16_t)(100 * leg));
}

static struct packet frame_of(struct fixture *f, uint32_t leg, uint32_t slot)
{
	struct shape s = shape_hold(f, leg, 10 + slot % 20);

	s.seq = (uint16_t)(100 * leg + slot);
	s.timestamp = 0xfffffff0 + 160 * slot;
	return packet_build(&s);
}

TEST(a_blank_page_becomes_the_whole_frame_of_the_next_leg)
{
	FIXTURE(f);
	struct packet p = paper(), want;

	hold(f, 7);
	fixture_now(f, BASE);
	want = frame_of(f, 7, 0);
	CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
	CHECK(packet_check_right(&p));
	CHECK_STR(fixture_counted(f), "hold_paced 1");
	CHECK_INT(f->claims[7].sent, 1);
	CHECK_INT(f->claims[7].skipped, 0);
	CHECK(f->claims[7].word == hf_word_make(5, 0, 41, 701, 1));
}

/* The second frames of two legs, from what is kept of the hop, and to the byte. */
static bool second_frame_is(struct fixture *f, struct hf_ready_front *front,
			    uint32_t leg, const uint8_t *dmac)
{
	struct packet p = paper(), want = frame_of(f, leg, 1);

	memcpy(want.bytes, dmac, 6);
	ready_clear(f);
	return ready_add_behind(f, leg, front) == HF_READY_LIVE &&
	       fixture_paced(f, &p) == XDP_REDIRECT && p.len == want.len &&
	       !memcmp(p.bytes, want.bytes, want.len);
}

TEST(a_frame_goes_by_the_way_of_now_whichever_way_the_one_before_took)
{
	FIXTURE(f);
	static const uint8_t moved[6] = {2, 0, 0, 0, 7, 7};
	struct hf_nexthop *n = &f->nexthops[HOP_ACROSS];
	struct hf_ready_front front = {0};
	struct hf_hop hop;
	uint8_t dmac[6];

	for (uint32_t leg = 3; leg < 9; leg++) {
		struct packet p = paper();

		hold(f, leg);
		fixture_now(f, BASE);
		CHECK_INT(ready_one(f, leg), HF_READY_LIVE);
		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	}
	fixture_now(f, BASE + 20 * HF_MS);
	hop = n->hop[n->turn & 1];
	memcpy(dmac, hop.dmac, 6);
	CHECK(second_frame_is(f, &front, 3, dmac));
	CHECK(front.nexthop == n);
	CHECK(second_frame_is(f, &front, 4, dmac));
	memcpy(hop.dmac, moved, 6); /* as holdfast-mediad does it */
	n->hop[(n->turn + 1) & 1] = hop;
	n->turn++;
	CHECK(second_frame_is(f, &front, 5, moved));
	CHECK(second_frame_is(f, &front, 6, moved));
	n->hop[n->turn & 1].flags = 0; /* as the controller, of a new one */
	ready_clear(f);
	CHECK_INT(ready_add_behind(f, 7, &front), HF_READY_NONE);
	n->hop[n->turn & 1].flags = HF_HOP_VALID | HF_HOP_NO_REDIRECT;
	CHECK_INT(ready_add_behind(f, 7, &front), HF_READY_PACKET);
	n->hop[n->turn & 1].flags = HF_HOP_VALID | HF_HOP_VLAN;
	CHECK_INT(ready_add_behind(f, 8, &front), HF_READY_LIVE);
	CHECK_INT(f->ready->frame[0].head_bytes, 54 + 4);
}

TEST(what_is_ready_is_taken_in_its_order_and_ends)
{
	static const uint32_t order[] = {7, 40, 9, 8, 41};

	FIXTURE(f);
	fixture_now(f, BASE);
	ready_clear(f);
	for (int i = 0; i < 5; i++) {
		hold(f, order[i]);
		CHECK_INT(ready_add(f, order[i]), HF_READY_LIVE);
	}
	for (int i = 0; i < 5; i++) {
		struct packet p = paper(), want = frame_of(f, order[i], 0);

		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
	}
	CHECK_STR(fixture_counted(f), "hold_paced 5");
	for (int i = 0; i < 3; i++) {
		struct packet p = paper(), before = p;

		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_PACKET(p, before);
	}
	CHECK_STR(fixture_counted(f), "paced_idle 3");
	CHECK_INT(f->ready->at, 5);
}

TEST(a_leg_whose_frame_is_not_due_has_none_ready)
{
	FIXTURE(f);
	uint64_t word;

	hold(f, 7);
	word = f->claims[7].word;
	fixture_now(f, BASE - 1);
	CHECK_INT(ready_one(f, 7), HF_READY_NONE);
	CHECK(f->claims[7].word == word);
}

TEST(a_leg_that_stands_in_the_wheel_twice_sends_one_frame)
{
	FIXTURE(f);
	struct packet p = paper(), before = p;

	hold(f, 7);
	fixture_now(f, BASE + MS);
	ready_clear(f);
	CHECK_INT(ready_add(f, 7), HF_READY_LIVE);
	CHECK_INT(ready_add(f, 7), HF_READY_LIVE);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	p = before;
	CHECK_INT(fixture_paced(f, &p), XDP_DROP);
	CHECK_PACKET(p, before);
	CHECK_STR(fixture_counted(f), "hold_paced 1, claim_lost 1");
}

TEST(a_leg_that_was_reprogrammed_keeps_what_was_ready_from_being_sent)
{
	FIXTURE(f);
	struct hf_program other = program_hold(7);
	struct packet p = paper(), before = p;
	uint64_t word;

	hold(f, 7);
	fixture_now(f, BASE);
	CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
	other.nexthop = HOP_ACROSS;
	other.remote_port = HF_HTONS(4);
	CHECK_INT(leg_flip(f, 7, &other, 0), 1);
	word = f->claims[7].word;
	CHECK_INT(fixture_paced(f, &p), XDP_DROP);
	CHECK_PACKET(p, before);
	CHECK_STR(fixture_counted(f), "claim_lost 1");
	CHECK(f->claims[7].word == word);
	CHECK_INT(f->claims[7].sent, 0);
}

/* How late it is stands in its claim, which says when the next may follow. */
TEST(what_was_made_ready_too_long_ago_is_not_sent)
{
	FIXTURE(f);
	struct packet p = paper(), before = p;

	fixture_now(f, BASE);
	ready_clear(f);
	for (uint32_t leg = 0; leg < 2 * HF_READY_WATCH; leg++) {
		hold(f, leg);
		CHECK_INT(ready_add(f, leg), HF_READY_LIVE);
	}
	fixture_now(f, BASE + HF_READY_NS);
	for (uint32_t leg = 0; leg < HF_READY_WATCH; leg++) {
		p = before;
		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	}
	CHECK_STR(fixture_counted(f), "hold_paced 16");
	fixture_now(f, BASE + HF_READY_NS + 1);
	for (uint32_t leg = 0; leg < HF_READY_WATCH; leg++) {
		p = before;
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_PACKET(p, before);
	}
	CHECK_STR(fixture_counted(f), "paced_idle 16");
	CHECK_INT(f->ready->at, HF_READY_WATCH);
	CHECK_INT(f->claims[HF_READY_WATCH].sent, 0);
}

TEST(skipped_time_slots_are_counted_on_the_leg)
{
	FIXTURE(f);
	struct packet p = paper(), want;
	struct shape s;

	hold(f, 7);
	fixture_now(f, BASE + 201 * MS);
	CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
	s = shape_hold(f, 7, 20);
	s.seq = 700;
	s.timestamp = 0xfffffff0 + 1600;
	s.marker = 1;
	want = packet_build(&s);
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
	CHECK_STR(fixture_counted(f), "hold_paced 1, hold_skipped 10");
	CHECK_INT(f->claims[7].skipped, 10);
}

TEST(a_shorter_frame_makes_the_page_shorter)
{
	static const uint32_t first[] = {FRAME_SHORT, FRAME_ODD};

	FIXTURE(f);
	for (int i = 0; i < 2; i++) {
		struct hf_program h = program_hold(7);
		struct shape s = shape_hold(f, 7, first[i]);
		struct packet p = paper(), want;

		h.nexthop = HOP_ACROSS;
		h.loop_first = first[i];
		leg_set(f, 7, &h, 700);
		fixture_now(f, BASE);
		CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
		s.seq = 700;
		s.timestamp = 0xfffffff0;
		want = packet_build(&s);
		CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
		CHECK_PACKET(p, want);
	}
}

TEST(legs_that_are_none_or_have_nothing_to_send_have_nothing_ready)
{
	static const uint32_t wrong[] = {HF_LEG_NONE, 96, 20, 21, 22};

	FIXTURE(f);
	struct hf_program h = program_hold(21);

	h.mode = HF_MODE_RELAY;
	leg_set(f, 21, &h, 1);
	h = program_hold(22);
	h.remote_port = 0;
	leg_set(f, 22, &h, 1);
	fixture_now(f, BASE + MS);
	for (int i = 0; i < 5; i++)
		CHECK_INT(ready_one(f, wrong[i]), HF_READY_NONE);
}

TEST(a_cursor_or_a_frame_out_of_all_bounds_sends_nothing)
{
	static const struct {
		uint32_t count, at, leg, ifindex;
		uint16_t head, bytes;
		uint32_t frame;
		const char *counted;
	} bad[] = {
		{0, 0, 7, 0, 54, 160, 10, "paced_idle 1"},
		{1, 1, 7, 0, 54, 160, 10, "paced_idle 1"},
		{0xffffffff, HF_READY_FRAMES, 7, 0, 54, 160, 10, "paced_idle 1"},
		{0xffffffff, 0xffffffff, 7, 0, 54, 160, 10, "paced_idle 1"},
		{1, 0, 96, 0, 54, 160, 10, "paced_idle 1"},
		{1, 0, HF_LEG_NONE, 0, 54, 160, 10, "paced_idle 1"},
		{1, 0, 7, 0, 54, 160, FRAMES, "paced_idle 1"},
		{1, 0, 7, 4242, 54, 160, 10, "drop_no_hop 1"},
		{1, 0, 7, 0, 0, 160, 10, "drop_resize 1"},
		{1, 0, 7, 0, 54, 0, 10, "drop_resize 1"},
		{1, 0, 7, 0, HF_READY_HEAD + 1, 160, 10, "drop_resize 1"},
		{1, 0, 7, 0, 54, 161, 10, "drop_resize 1"},
		{1, 0, 7, 0, 0xffff, 0xffff, 10, "drop_resize 1"},
	};

	FIXTURE(f);
	hold(f, 7);
	fixture_now(f, BASE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct packet p = paper();
		struct hf_ready_frame *first = f->ready->frame;

		CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
		f->ready->count = bad[i].count;
		f->ready->at = bad[i].at;
		first->leg = bad[i].leg;
		first->head_bytes = bad[i].head;
		first->bytes = bad[i].bytes;
		first->frame = bad[i].frame;
		if (bad[i].ifindex)
			first->ifindex = bad[i].ifindex;
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_STR(fixture_counted(f), bad[i].counted);
		CHECK(f->claims[7].word == hf_word_make(5, 0, 0, 700, 0));
	}
}

TEST(without_a_way_out_the_frame_stays_unclaimed)
{
	static const struct {
		uint16_t hop;
		enum hf_ready_way way;
		uint64_t too_long;
	} ways[] = {
		{HOP_UNRESOLVED, HF_READY_NONE, 0},
		{HOP_NO_REDIRECT, HF_READY_PACKET, 0},
		{HOP_GENERIC, HF_READY_PACKET, 0},
		{HOP_HOST, HF_READY_HOST, 0},
		{HOPS, HF_READY_NONE, 0},
		{HOP_NARROW, HF_READY_NONE, 1},
		{HOP_UNKNOWN, HF_READY_LIVE, 0},
		{0, HF_READY_LIVE, 0},
	};

	FIXTURE(f);

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct hf_program h = program_hold(7);
		struct packet p = paper(), before = p;

		h.nexthop = ways[i].hop;
		leg_set(f, 7, &h, 700);
		fixture_now(f, BASE);
		memset(&f->work->packets, 0, sizeof(f->work->packets));
		CHECK_INT(ready_one(f, 7), ways[i].way);
		CHECK_INT(f->work->packets.mtu, ways[i].too_long);
		/* By a device that left a moment ago, or never was. */
		CHECK_INT(fixture_paced(f, &p), XDP_DROP);
		CHECK_PACKET(p, before);
		CHECK_STR(fixture_counted(f), ways[i].way == HF_READY_LIVE ?
						      "drop_no_hop 1" :
						      "paced_idle 1");
		CHECK(f->claims[7].word == hf_word_make(5, 0, 0, 700, 0));
	}
}

TEST(a_frame_that_is_not_there_is_counted)
{
	FIXTURE(f);
	struct hf_program h = program_hold(7);

	h.nexthop = HOP_ACROSS;
	h.loop_first = FRAMES;
	leg_set(f, 7, &h, 700);
	fixture_now(f, BASE);
	CHECK_INT(ready_one(f, 7), HF_READY_NONE);
	CHECK_INT(f->work->packets.no_frame, 1);
	f->frames[12].bytes = 0;
	h.loop_first = 12;
	leg_set(f, 7, &h, 700);
	CHECK_INT(ready_one(f, 7), HF_READY_NONE);
	CHECK_INT(f->work->packets.no_frame, 2);
}

TEST(a_caller_learned_behind_its_nat_is_sent_to_where_it_was_learned)
{
	FIXTURE(f);
	struct hf_program h = program_hold(7);
	struct shape in = shape_from_caller(7), out = shape_hold(f, 7, 10);
	struct packet p, want;

	h.nexthop = HOP_ACROSS;
	h.flags = HF_PROGRAM_LATCH;
	leg_set(f, 7, &h, 700);
	fixture_now(f, BASE - 100 * MS);
	in.sport = 61000;
	for (int i = 0; i < 3; i++) {
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p), XDP_DROP);
	}
	fixture_now(f, BASE);
	CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
	out.seq = 700;
	out.timestamp = 0xfffffff0;
	out.dport = 61000;
	want = packet_build(&out);
	p = paper();
	CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
	CHECK_PACKET(p, want);
}

TEST(turn_around_and_the_timer_share_one_stream)
{
	FIXTURE(f);
	struct shape in = shape_from_caller(7);

	hold(f, 7);
	for (uint32_t n = 0; n < 100; n++) {
		struct packet p, want = frame_of(f, 7, n);

		/* The timer misses every third; the caller's packet mends it.
		 */
		if (n % 3) {
			fixture_now(f, BASE + 20 * n * MS);
			CHECK_INT(ready_one(f, 7), HF_READY_LIVE);
			p = paper();
			CHECK_INT(fixture_paced(f, &p), XDP_REDIRECT);
			CHECK_PACKET(p, want);
		}
		fixture_now(f, BASE + 20 * n * MS + TURN);
		p = packet_build(&in);
		CHECK_INT(fixture_receive(f, &p),
			  n % 3 ? XDP_DROP : XDP_REDIRECT);
		if (n % 3 == 0)
			CHECK_PACKET(p, want);
	}
	CHECK_STR(fixture_counted(f),
		  "hold_turned 34, hold_paced 66, hold_not_due 66");
}

TEST_MAIN()
