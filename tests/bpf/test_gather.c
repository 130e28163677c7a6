/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Gathered packets (bpf/gather.h), live: only a device's own poll runs the
 * program of a devmap. Packets are put on a veth pair in bursts and what comes
 * back is compared byte by byte with what one packet alone would get.
 * rooms: base
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <holdfast/claim.h>

#include "../../ctl/base/clock.h"
#include "../unit/test.h"
#include "bpf/datapath.skel.h"
#include "fixture.h"

#define LEGS 32
#define NOW  (BASE + TURN)

struct line {
	struct fixture *f;
	int fd;	      /* on the far end */
	int gathered; /* the program */
};

/* What a veth sends back by XDP_TX arrives only if its peer runs XDP too. */
static int pass_attach(void)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	int err = bpf_xdp_attach((int)if_nametoindex("hft1"), fd,
				 XDP_FLAGS_DRV_MODE, NULL);

	close(fd);
	return err;
}

/* hft0 is where packets come in, hft1 where we stand. */
static const char *line_open(struct line *l, struct fixture *f)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_protocol = htons(ETH_P_ALL)};

	l->f = f;
	l->gathered = bpf_program__fd(f->skel->progs.hf_gathered);
	if (system("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 && "
		   "ip link set hft0 up && ip link set hft1 up"))
		return "the veth pair cannot be set up";
	if (bpf_xdp_attach((int)f->other, f->receive, XDP_FLAGS_DRV_MODE,
			   NULL) ||
	    pass_attach())
		return "no native XDP on veth";
	l->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	at.sll_ifindex = (int)if_nametoindex("hft1");
	return bind(l->fd, (struct sockaddr *)&at, sizeof(at)) ?
		       "no packet socket" :
		       NULL;
}

static void line_close(struct line *l)
{
	__u32 key = l->f->other;

	bpf_map_delete_elem(bpf_map__fd(l->f->skel->maps.gather), &key);
	bpf_xdp_detach((int)l->f->other, XDP_FLAGS_DRV_MODE, NULL);
	bpf_xdp_detach((int)if_nametoindex("hft1"), XDP_FLAGS_DRV_MODE, NULL);
	close(l->fd);
}

static int line_gather(struct line *l)
{
	struct bpf_devmap_val v = {.ifindex = l->f->other,
				   .bpf_prog.fd = l->gathered};
	__u32 key = l->f->other;

	return bpf_map_update_elem(bpf_map__fd(l->f->skel->maps.gather), &key,
				   &v, 0);
}

static uint64_t line_runs(const struct line *l)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	bpf_obj_get_info_by_fd(l->gathered, &info, &len);
	return info.run_cnt;
}

static void put(const struct line *l, const struct shape *s)
{
	struct packet p = packet_build(s);

	if (send(l->fd, p.bytes, p.len, 0) != (ssize_t)p.len)
		perror("# send");
}

/* The next packet that came back; 0 if none does. */
static int take(const struct line *l, struct packet *p, int wait_ms)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	struct pollfd fd = {.fd = l->fd, .events = POLLIN};
	uint64_t end = hf_now_ms() + (uint64_t)wait_ms;
	ssize_t n;

	memset(p, 0, sizeof(*p));
	while (hf_now_ms() < end) {
		if (poll(&fd, 1, 20) <= 0)
			continue;
		n = recvfrom(l->fd, p->bytes, sizeof(p->bytes), 0,
			     (struct sockaddr *)&from, &len);
		if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		p->len = (size_t)n;
		return 1;
	}
	return 0;
}

/* Even legs are held and due, odd ones relay to the leg before them. */
static void legs_set(struct fixture *f)
{
	for (uint32_t i = 0; i < LEGS; i++) {
		struct hf_program p = program_hold(i);

		p.nexthop = HOP_ACROSS;
		p.peer = i % 4 == 2 ? i + 1 : i % 4 == 3 ? i - 1 : HF_LEG_NONE;
		if (i % 4 > 1)
			p.mode = HF_MODE_RELAY;
		leg_set(f, i, &p, (uint16_t)(600 + i));
	}
	fixture_now(f, NOW);
	fixture_counted(f);
}

/* What leg i's remote gets when each leg has had the packet of burst_send(). */
static struct packet wanted(const struct fixture *f, uint32_t i)
{
	struct shape s = shape_hold(f, i, 10);

	s.seq = (uint16_t)(600 + i);
	s.timestamp = 0xfffffff0;
	if (i % 4 > 1) {
		struct shape in = shape_from_caller(i ^ 1);

		s.timestamp = (uint32_t)(0xfffffff0 + TURN / 125000);
		s.marker = 1;
		s.payload = in.payload;
		s.payload_len = in.payload_len;
	}
	return packet_build(&s);
}

static void burst_send(const struct line *l)
{
	for (uint32_t i = 0; i < LEGS; i++) {
		struct shape s = shape_from_caller(i);

		put(l, &s);
	}
}

TEST(gathered_packets_are_answered_as_each_would_be_alone)
{
	const char *why;
	struct fixture *f = fixture_get(&why);
	struct line l;
	int stats;

	if (!f)
		SKIP(why);
	why = line_open(&l, f);
	if (why)
		SKIP(why);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	for (int gathered = 0; gathered < 2; gathered++) {
		uint64_t runs = line_runs(&l);
		int back = 0;

		if (gathered)
			CHECK_INT(line_gather(&l), 0);
		legs_set(f);
		burst_send(&l);
		for (; back < LEGS; back++) {
			struct packet got, want;
			uint32_t leg;

			if (!take(&l, &got, 5000))
				break;
			leg = (packet_peek16(&got, 34) - 20000u) / 2;
			if (leg >= LEGS)
				FAIL("from port %u", packet_peek16(&got, 34));
			want = wanted(f, leg);
			CHECK_INT(got.len, want.len);
			CHECK_MEM(got.bytes, want.bytes, want.len);
		}
		CHECK_INT(back, LEGS);
		CHECK_STR(fixture_counted(f), "hold_turned 16, relayed 16");
		if (stats >= 0)
			CHECK_INT(line_runs(&l) - runs, gathered ? LEGS : 0);
	}
	close(stats);
	line_close(&l);
}

TEST(of_gathered_packets_what_is_not_ours_passes_and_the_rest_is_counted)
{
	const char *why;
	struct fixture *f = fixture_get(&why);
	struct hf_program p;
	struct packet got;
	struct line l;
	struct shape s;

	if (!f)
		SKIP(why);
	why = line_open(&l, f);
	if (why)
		SKIP(why);
	CHECK_INT(line_gather(&l), 0);
	legs_set(f);
	p = program_hold(4);
	p.nexthop = HOP_BACK; /* another device: not from here */
	leg_set(f, 4, &p, 1);
	s = shape_from_caller(0);
	s.daddr++; /* another port of another address: not ours */
	s.dport = 9;
	put(&l, &s);
	s = shape_from_caller(0);
	s.first = 0x40; /* RTP version 1 */
	put(&l, &s);
	s = shape_from_caller(4);
	put(&l, &s);
	s = shape_from_caller(8);
	put(&l, &s);
	CHECK(take(&l, &got, 5000));
	CHECK_INT(packet_peek16(&got, 34), 20000 + 2 * 8);
	CHECK_INT(f->claims[0].intake.dropped, 1);
	CHECK_INT(f->claims[4].intake.dropped, 1);
	CHECK_INT(hf_word_seq(f->claims[4].word), 1);
	line_close(&l);
}

TEST_MAIN()
