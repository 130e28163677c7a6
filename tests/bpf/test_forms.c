/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packet path has a short way and a long way for the common packet of a held
 * and of a relayed leg. Both must send the same bytes and leave the same state,
 * whatever comes: here each packet of a long random sequence takes both.
 * rooms:
 */
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <holdfast/claim.h>
#include <holdfast/hot.h>

#include "../unit/test.h"
#include "bpf/datapath.skel.h"
#include "fixture.h"

#define CALLER_LEG 3
#define AGENT_LEG  4

static uint32_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33);
}

static uint32_t one_in(uint64_t *r, uint32_t n)
{
	return draw(r) % n == 0;
}

/* What a packet did. */
struct outcome {
	struct packet out;
	int verdict;
	char counted[256];
	struct hf_intake intake;
	struct hf_bound bound;
	uint64_t word;
};

static int not_read(void *arg, void *data, size_t len)
{
	return 0;
}

/* Reports are taken in again: a full ring, or one report just before, would
 * tell the two ways apart where nothing else does. */
static void forget_reports(struct fixture *f, uint32_t leg)
{
	static struct ring_buffer *ring;

	if (!ring)
		ring = ring_buffer__new(bpf_map__fd(f->skel->maps.rtcp_in),
					not_read, NULL, NULL);
	ring_buffer__consume(ring);
	f->heard[leg].report_unit = 0;
}

static void pass(struct fixture *f, uint32_t from, uint32_t to,
		 const struct packet *in, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	forget_reports(f, from);
	o->out = *in;
	o->verdict = fixture_receive(f, &o->out);
	snprintf(o->counted, sizeof(o->counted), "%s", fixture_counted(f));
	o->intake = f->claims[from].intake;
	o->bound = f->bound[from];
	o->word = f->claims[to].word;
}

#define CHECK_SAME(a, b)                                                 \
	do {                                                             \
		CHECK_STR((a).counted, (b).counted);                     \
		CHECK_INT((a).verdict, (b).verdict);                     \
		CHECK_INT((a).out.len, (b).out.len);                     \
		CHECK_MEM((a).out.bytes, (b).out.bytes, (a).out.len);    \
		CHECK_MEM(&(a).intake, &(b).intake, sizeof((a).intake)); \
		CHECK_MEM(&(a).bound, &(b).bound, sizeof((a).bound));    \
		CHECK(hf_word_seq((a).word) == hf_word_seq((b).word) &&  \
		      (a).word == (b).word);                             \
	} while (0)

static struct packet random_packet(uint32_t leg, uint64_t *r)
{
	static const size_t sizes[] = {160, 160, 160, 80, 33, 240, 4, 0};
	struct shape s = shape_from_caller(leg);

	s.seq = (uint16_t)draw(r);
	s.timestamp = draw(r);
	s.payload_len = sizes[draw(r) % 8];
	s.marker = (uint8_t)one_in(r, 5);
	if (one_in(r, 8))
		s.payload_type = (uint8_t)(draw(r) % 64); /* none of RTCP's */
	if (one_in(r, 8))
		s.first = (uint8_t)draw(r);
	if (one_in(r, 8))
		s.sport++;
	if (one_in(r, 8))
		s.saddr++;
	s.behind = one_in(r, 8) ? draw(r) % 20 : 0;
	return packet_build(&s);
}

static struct hf_program random_hold(uint32_t leg, uint64_t *r)
{
	static const uint8_t ptimes[] = {10, 20, 30, 40};
	uint32_t ms = ptimes[draw(r) % 4];
	struct hf_program p = program_hold(leg);

	p.base_ns += draw(r) % 1000 * MS;
	p.ptime_ns = ms * (uint32_t)MS;
	p.ts_step = (uint16_t)((one_in(r, 4) ? 48 : 8) * ms);
	p.ts_base = draw(r);
	p.flags = (uint8_t)(draw(r) % 4);
	p.nexthop = (uint16_t)(one_in(r, 3) ? draw(r) % HOPS : HOP_BACK);
	p.loop_first = draw(r) % (FRAMES + 2);
	p.loop_len = 1 + draw(r) % 40;
	p.loop_phase = draw(r) % 100 - 50;
	return p;
}

TEST(a_held_leg_sends_the_same_by_the_short_form_as_by_its_program)
{
	FIXTURE(f);
	struct outcome by_short, by_long;
	uint64_t r = 31, turned = 0;

	for (int i = 0; i < 20000; i++) {
		struct packet in = random_packet(CALLER_LEG, &r);
		struct hf_program p = random_hold(CALLER_LEG, &r);
		uint32_t slot = draw(&r) % 3000;
		uint64_t word = hf_word_make(5, draw(&r) % 3, draw(&r) % 60,
					     (uint16_t)draw(&r), slot);
		uint64_t now = p.base_ns + (uint64_t)slot * p.ptime_ns +
			       draw(&r) % 100 * MS - 20 * MS;

		fixture_now(f, now);
		for (int way = 0; way < 2; way++) {
			f->no_hot = way;
			leg_set(f, CALLER_LEG, &p, 1);
			f->claims[CALLER_LEG].word = word;
			leg_shorten(f, CALLER_LEG);
			pass(f, CALLER_LEG, CALLER_LEG, &in,
			     way ? &by_long : &by_short);
		}
		CHECK_SAME(by_short, by_long);
		turned += by_short.intake.turn_sent;
	}
	f->no_hot = 0;
	CHECK(turned > 2000);
}

static void join(struct fixture *f)
{
	struct hf_program caller = program_hold(CALLER_LEG), agent;

	caller.mode = HF_MODE_RELAY;
	caller.loop_len = 0;
	caller.rx_dtmf_pt = caller.tx_dtmf_pt = 101;
	agent = caller;
	agent.remote_ip4 = HF_HTONL(AGENT);
	agent.remote_port = HF_HTONS(AGENT_PORT);
	agent.ssrc = 77;
	caller.peer = AGENT_LEG;
	agent.peer = CALLER_LEG;
	agent.local_port = HF_HTONS(20000 + 2 * AGENT_LEG);
	leg_set(f, CALLER_LEG, &caller, 65500);
	leg_set(f, AGENT_LEG, &agent, 7000);
}

/* The talk of somebody with a bad line. */
struct talk {
	uint16_t seq;
	uint32_t ts, ssrc;
};

static struct packet random_talk(struct talk *t, uint64_t *r)
{
	struct packet p = random_packet(CALLER_LEG, r);

	t->seq++;
	t->ts += 160;
	if (one_in(r, 100))
		t->seq = (uint16_t)(t->seq + draw(r) % 5000);
	if (one_in(r, 50))
		t->seq = (uint16_t)(t->seq - draw(r) % 20);
	if (one_in(r, 300))
		t->ssrc = draw(r) % 3;
	packet_poke16(&p, 44, t->seq);
	packet_poke16(&p, 46, (uint16_t)(t->ts >> 16));
	packet_poke16(&p, 48, (uint16_t)t->ts);
	packet_poke16(&p, 50, (uint16_t)t->ssrc);
	if (one_in(r, 20)) /* a key: RFC 4733 */
		p.bytes[43] = (uint8_t)(101 | draw(r) % 2 << 7);
	return p;
}

/* Will the next packet go by the short form, if it is a plain one? */
static int is_short(const struct fixture *f)
{
	const struct hf_claim *from = &f->claims[CALLER_LEG];
	__u64 to = f->claims[AGENT_LEG].word;

	return hf_across_is(&from->across, from->word, to) &&
	       f->claims[CALLER_LEG].intake.epoch == (HF_STEADY | hf_word_epoch(to));
}

TEST(a_relayed_leg_sends_the_same_by_the_short_form_as_by_the_programs)
{
	FIXTURE(f);
	struct talk t = {.seq = 100, .ts = 1000};
	struct outcome by_short, by_long;
	uint64_t r = 5, now = BASE + 100 * MS;
	struct hf_across across;
	struct hf_intake intake;
	struct hf_bound bound, next;
	int relayed = 0, shortly = 0;
	uint64_t word;

	join(f);
	for (int i = 0; i < 20000; i++) {
		struct packet in = random_talk(&t, &r);
		struct hf_program p;

		now += draw(&r) % 40 * MS;
		fixture_now(f, now);
		if (one_in(&r, 200)) { /* one of the two is changed */
			uint32_t leg = draw(&r) % 2 ? CALLER_LEG : AGENT_LEG;

			p = *hf_word_program(&f->legs[leg],
					     f->claims[leg].word);
			p.nexthop = one_in(&r, 2) ? HOP_BACK : HOP_ACROSS;
			p.flags ^= leg == CALLER_LEG ? HF_PROGRAM_RX_OFF : 0;
			CHECK_INT(leg_flip(f, leg, &p, 0), 1);
		}
		bound = f->bound[CALLER_LEG];
		intake = f->claims[CALLER_LEG].intake;
		word = f->claims[AGENT_LEG].word;
		shortly += is_short(f);
		pass(f, CALLER_LEG, AGENT_LEG, &in, &by_short);
		next = by_short.bound;
		f->bound[CALLER_LEG] = bound;
		f->claims[CALLER_LEG].intake = intake;
		f->claims[AGENT_LEG].word = word;
		across = f->claims[CALLER_LEG].across;
		f->claims[CALLER_LEG].across.epoch = HF_HOT_NONE;
		pass(f, CALLER_LEG, AGENT_LEG, &in, &by_long);
		f->claims[CALLER_LEG].across = across;
		f->bound[CALLER_LEG] = next;
		/* The long way watches the begin with every packet. */
		by_short.bound.first = by_long.bound.first;
		if (!(by_long.bound.flags & HF_BOUND_FRESH))
			by_short.bound.flags &= (__u8)~HF_BOUND_FRESH;
		CHECK_SAME(by_short, by_long);
		relayed += by_short.verdict != XDP_DROP;
	}
	CHECK(relayed > 2000);
	CHECK(shortly > 2000);
}

TEST_MAIN()
