// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The media keeper end to end: real devices, real programs, and what is on the
 * wire. See mediad_stage.h for the stage; the ways to the peers, as it finds and
 * follows them, are in test_nexthops.c.
 */
/* rooms: mediad media audio sdp config base */
#include "../unit/test.h"

/* More than one call of the paced sender takes. */
#define STAGE_LEGS   4608
#define STAGE_BUCKET 256
#include "mediad_listen.h"

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

TEST(a_silent_caller_hears_each_frame_once_and_every_byte_is_right)
{
	struct hf_claim *claim;
	struct listener l;
	uint32_t slots;
	uint64_t stop;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	claim = &s.pins.claims[0];
	CHECK(listen_until(&l, l.base + 3010));
	stop = hf_now_ms();
	CHECK(listen_end(&l));
	slots = hf_word_slot(claim->word);
	CHECK_INT((uint16_t)(hf_word_seq(claim->word) - FIRST_SEQ),
		  claim->sent);
	/* Slots are elapsed / packet time: not one early, none forgotten. */
	CHECK(slots >= (stop - l.base) / PTIME_MS - 3);
	CHECK(slots <= (hf_now_ms() - l.base) / PTIME_MS + 1);
	CHECK_INT(claim->intake.turn_sent, 0);
}

TEST(a_leg_that_is_said_to_serve_itself_is_passed_by_but_never_for_long)
{
	struct listener l;
	struct hf_claim *claim;
	uint32_t passed_by;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	claim = &s.pins.claims[0];
	/* It is not true, and is said all the time: one look in 1,024 ms. */
	for (int ms = 0; ms < 1200; ms++) {
		__atomic_fetch_or(&s.pins.turned[0].legs, 1, __ATOMIC_RELAXED);
		CHECK(listen_until(&l, hf_now_ms() + 1));
	}
	passed_by = claim->sent;
	CHECK(passed_by > 0 && passed_by < 30);
	CHECK(WAIT_FOR(5000, listen_until(&l, hf_now_ms() + 50) &&
				     claim->sent > passed_by + 20));
	CHECK(listen_end(&l));
	CHECK_INT(s.pins.turned[0].legs & 1, 0);
}

TEST(after_a_kill_and_a_restart_the_stream_goes_on_without_a_sequence_gap)
{
	struct listener l;
	uint64_t stop;
	uint32_t slots;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	CHECK(listen_until(&l, l.base + 500));
	kill(s.mediad, SIGKILL);
	waitpid(s.mediad, NULL, 0);
	CHECK(listen_until(&l, l.base + 1500));
	stage_start_mediad(&s);
	CHECK(WAIT_FOR(5000, stage_mediad_ready(&s)));
	CHECK(listen_until(&l, l.base + 3010));
	stop = hf_now_ms();
	CHECK(listen_end(&l));
	slots = hf_word_slot(s.pins.claims[0].word);
	CHECK(l.longest_gap_ms >= 900);
	CHECK(l.skipped >= 40);
	CHECK(l.markers >= 2);
	CHECK(slots >= (stop - l.base) / PTIME_MS - 3);
	CHECK(slots <= (hf_now_ms() - l.base) / PTIME_MS + 1);
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

	CHECK(stage_reach(&s, 0, REMOTE));
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

/* By the program. */
static uint64_t live_sent(const struct stage *s)
{
	return HF_READ(s->pins.ready->sent);
}

/* Over this time, with the crowd at hand, frames went out this way. */
static bool listen_way(struct listener *l, uint64_t end_ms, bool live)
{
	const struct stage *s = l->s;
	uint64_t lived = live_sent(s), packets = s->pins.work->packets.sent;

	if (!listen_until(l, end_ms))
		return false;
	lived = live_sent(s) - lived;
	packets = s->pins.work->packets.sent - packets;
	/* When a busy machine has it late, a few may come by themselves. */
	return live ? lived > packets : !lived && packets;
}

TEST(live_frames_and_packets_take_turns_and_no_frame_is_lost_or_doubled)
{
	struct listener l;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_REDIRECT);
	crowd_come(&s, 0, l.base);
	for (int i = 1; i <= 10; i++) {
		CHECK(listen_way(&l, l.base + 200 * (uint64_t)i, i % 2));
		HF_WRITE(s.pins.work->pacer, i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF);
		CHECK(WAIT_FOR(2000, HF_READ(s.pins.work->engine) ==
					     (i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF)));
	}
	CHECK(listen_end(&l));
	CHECK_INT(s.pins.work->packets.busy, 0);
}

TEST(few_frames_of_a_turn_are_packets_and_many_live_frames_of_one_stream)
{
	struct listener l;
	uint64_t slot, live, packets;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	for (int i = 1; i <= 6; i++) {
		CHECK(listen_until(&l, l.base + 300 * (uint64_t)i));
		CHECK_INT(s.pins.work->engine, HF_ENGINE_BPF);
		live = live_sent(&s);
		packets = s.pins.work->packets.sent;
		CHECK(live > 0);
		CHECK(WAIT_FOR(2000, i % 2 ? s.pins.work->packets.sent > packets :
					     live_sent(&s) > live + 2 * CROWD));
		slot = (hf_now_ms() - l.base) / PTIME_MS;
		if (i % 2)
			crowd_come(&s, 0, l.base + PTIME_MS * (slot + 2));
		else
			crowd_go(&s, l.base);
		CHECK_INT(s.pins.work->live_error, 0);
	}
	CHECK(listen_end(&l));
	CHECK_INT(s.pins.work->packets.busy + s.pins.work->packets.no_frame +
			  s.pins.work->packets.mtu, 0);
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
	struct listener l;
	STAGE(s);

	CHECK(listen_begin(&l, &s));
	CHECK(listen_until(&l, l.base + 200));
	CHECK_INT(s.pins.work->live_error, 0);
	CHECK(!pin_another(&s));
	stage_poke(&s, HF_POKE_WHEEL);
	CHECK(WAIT_FOR(10000, listen_until(&l, hf_now_ms() + 20) &&
				      s.pins.work->live_error));
	CHECK_INT(s.pins.work->live_error, EINVAL);
	CHECK(WAIT_FOR(2000, s.pins.work->engine == HF_ENGINE_PACKET));
	CHECK(listen_end(&l));
}

TEST(what_cannot_be_sent_as_a_packet_is_counted_by_its_reason)
{
	STAGE(s);

	CHECK(stage_reach(&s, 0, REMOTE));
	hold(&s, 0, 0, hf_now_ms() + 30);
	CHECK(WAIT_FOR(2000, s.pins.work->packets.sent > 3));
	sh("ip link set hfm0 mtu 190");
	CHECK(WAIT_FOR(2000, stage_hop_valid(&s, 0) && stage_hop(&s, 0).mtu == 190));
	/* Each of them, not only those of a turn by live frames. */
	CHECK(WAIT_FOR(8000, s.pins.work->packets.mtu >= 20));
	CHECK_INT(s.pins.work->packets.no_frame, 0);
}

TEST(of_ipv6_live_frames_and_packets_are_the_same_byte_by_byte)
{
	struct listener l = {.seq = FIRST_SEQ};
	STAGE(s);

	l.s = &s;
	l.wire6 = wire6_open(&s);
	if (l.wire6 < 0)
		SKIP("this kernel has no IPv6");
	CHECK(stage_reach(&s, 0, REMOTE6) && stage_reach(&s, 1, REMOTE));
	CHECK_INT(stage_hop(&s, 0).flags, HF_HOP_VALID | HF_HOP_REDIRECT);
	l.base = hf_now_ms() + 50;
	l.p = hold6(&s, REMOTE6, l.base);
	crowd_come(&s, 1, l.base);
	for (int i = 1; i <= 4; i++) {
		CHECK(listen_way(&l, l.base + 200 * (uint64_t)i, i % 2));
		HF_WRITE(s.pins.work->pacer, i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF);
		CHECK(WAIT_FOR(2000, HF_READ(s.pins.work->engine) ==
					     (i % 2 ? HF_ENGINE_PACKET : HF_ENGINE_BPF)));
	}
	CHECK(listen_end(&l));
	CHECK(l.packets > 20);
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
	CHECK(stage_reach(&s, 0, LOCAL6));
	CHECK(stage_hop(&s, 0).flags & HF_HOP_LOCAL);
	hold6(&s, LOCAL6, hf_now_ms() + 100);
	CHECK(hear_datagrams(fd, 25));
	close(fd);
	close(wire);
}

TEST(a_device_that_swallows_redirected_frames_gets_packets)
{
	struct listener l;
	STAGE(s);

	/* Neither polls now: frames that are redirected there vanish. */
	CHECK(!peer_sh(&s, "ethtool -K hfm1 gro off"));
	CHECK(listen_begin(&l, &s));
	CHECK_INT(stage_hop(&s, 0).flags,
		  HF_HOP_VALID | HF_HOP_NO_REDIRECT | HF_HOP_SWALLOWED);
	CHECK(listen_until(&l, l.base + 1000));
	CHECK(listen_end(&l));
	CHECK(l.packets > 20);
	CHECK_INT(s.pins.work->packets.sent, l.packets);
	CHECK_INT(s.pins.work->engine, HF_ENGINE_BPF);
}

TEST(hold_frames_for_a_peer_on_this_host_arrive_there)
{
	int fd;
	STAGE(s);

	fd = udp_socket(&s, false, "10.9.0.1", 40000);
	CHECK(stage_reach(&s, 0, "10.9.0.1"));
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
	CHECK(stage_reach(&s, 0, "10.11.0.2"));
	CHECK(stage_hop(&s, 0).flags & HF_HOP_VLAN);
	hold_towards(&s, "10.11.0.2");
	CHECK(hear_datagrams(fd, 25));
	close(fd);
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

	CHECK(stage_reach(&s, 0, REMOTE));
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
	struct listener l;
	uint64_t end;
	uint8_t b[2048];
	long before;
	STAGE(s);

	/* Also after it had work. */
	CHECK(listen_begin(&l, &s));
	CHECK(listen_until(&l, l.base + 100));
	CHECK(listen_end(&l));
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

	CHECK(stage_reach(&s, 0, REMOTE));
	stage_poke(&s, HF_POKE_QUIT);
	CHECK_INT(stage_wait_mediad(&s), 0);
	CHECK(stage_hop_valid(&s, 0));
	CHECK_INT(s.pins.work->engine, HF_ENGINE_NONE);
	CHECK(!stage_poke(&s, HF_POKE_WHEEL));
}

TEST_MAIN()
