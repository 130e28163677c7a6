// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module, tested from outside: requests, refusals, events, and every byte of
 * what it sends. Runs as root on a kernel that loads modules (scripts/vm); the
 * path of the module is the environment's HOLDFAST_KO.
 * rooms:
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <holdfast/csum.h>
#include <holdfast/remote.h>
#include <uapi/holdfast.h>

#include "../unit/test.h"
#include "kmod.h"

#define LEGS 256
#define SECONDS 10 /* of exact counts */
#define FRAMES 50
#define PACKET 214

static uint8_t peer_mac[6];

/* A kernel that checks itself is 20 to 100 times slower: fewer calls there. */
static int calls(void)
{
	const char *n = getenv("HF_VM_CALLS");

	return n && atoi(n) > 0 && atoi(n) < 200 ? atoi(n) : 200;
}

/* ---- the stage: hf0 here, hf1 with 10.9.0.2 in namespace "peer" ---- */

static int load(void)
{
	const char *ko = getenv("HOLDFAST_KO");

	return runf("busybox insmod %s", ko ? ko : "/holdfast/holdfast.ko");
}

static int unload(void)
{
	return run("busybox rmmod holdfast");
}

static int stage_up(void)
{
	FILE *f;
	char text[32] = "";
	unsigned int m[6];

	run("ip netns add peer 2>/dev/null");
	if (run("ip link add hf0 type veth peer name hf1 netns peer") ||
	    run("ip addr add 10.9.0.1/24 dev hf0 && ip link set hf0 up") ||
	    run("ip -n peer addr add 10.9.0.2/24 dev hf1 && ip -n peer link set hf1 up"))
		return -1;
	f = popen("ip netns exec peer cat /sys/class/net/hf1/address", "r");
	if (!f || !fgets(text, sizeof(text), f))
		return -1;
	pclose(f);
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6)
		return -1;
	for (int i = 0; i < 6; i++)
		peer_mac[i] = (uint8_t)m[i];
	return runf("ip neigh replace 10.9.0.2 lladdr %s dev hf0 nud permanent",
		    strtok(text, "\n"));
}

static void stage_down(void)
{
	run("ip link del hf0 2>/dev/null; ip netns del peer 2>/dev/null");
}

/* ---- the listener on hf1: what came, per leg ---- */

struct heard {
	uint64_t count;
	uint16_t first_seq, last_seq;
	uint32_t first_ts, last_ts;
	uint64_t first_ns, last_ns;
	uint64_t holes, wrong;
	uint8_t packet[PACKET]; /* the newest, as it came */
	uint8_t first[PACKET];
};

struct ear {
	pthread_t thread;
	int fd;
	volatile bool stop;
	struct heard leg[LEGS];
	uint64_t foreign; /* frames that are not ours */
	const struct hf_frame *frames;
	uint32_t frame_count;
};

static bool ear_checks(const struct ear *e, const uint8_t *p, uint32_t leg)
{
	const uint8_t *rtp = p + 42;
	uint32_t ts;
	uint32_t slot;
	uint64_t sum;
	__be32 saddr, daddr;
	__be16 sport, dport, len;

	memcpy(&ts, rtp + 4, 4);
	slot = (HF_NTOHL(ts) - 1000 * leg) / 160;
	memcpy(&saddr, p + 26, 4);
	memcpy(&daddr, p + 30, 4);
	memcpy(&sport, p + 34, 2);
	memcpy(&dport, p + 36, 2);
	memcpy(&len, p + 38, 2);
	sum = hf_csum_udp_header(saddr, daddr, sport, dport, len);
	sum += hf_csum_bytes(p + 40, 2) + (uint64_t)hf_csum_bytes(rtp, 172);
	return hf_csum_fold(sum) == 0xffff && hf_csum_bytes(p + 14, 20) == 0xffff &&
	       !memcmp(rtp + 12, e->frames[slot % e->frame_count].payload, 160);
}

static void ear_hear(struct ear *e, const uint8_t *p, ssize_t n)
{
	uint16_t port, seq;
	uint32_t leg, ts;
	struct heard *h;

	if (n < 42 || p[12] != 8 || p[13] != 0 || p[23] != 17)
		return; /* neighbour discovery and the like */
	memcpy(&port, p + 36, 2);
	leg = HF_NTOHS(port) - 30000u;
	if (n != PACKET || leg >= LEGS || p[26] != 10 || p[27] != 9) {
		e->foreign++;
		return;
	}
	h = &e->leg[leg];
	memcpy(&seq, p + 44, 2);
	memcpy(&ts, p + 46, 4);
	seq = HF_NTOHS(seq);
	ts = HF_NTOHL(ts);
	if (!h->count) {
		h->first_seq = seq;
		h->first_ts = ts;
		h->first_ns = rig_now();
		memcpy(h->first, p, PACKET);
	} else if ((uint16_t)(h->last_seq + 1) != seq) {
		h->holes++;
	}
	if (!ear_checks(e, p, leg))
		h->wrong++;
	h->last_seq = seq;
	h->last_ts = ts;
	h->last_ns = rig_now();
	memcpy(h->packet, p, PACKET);
	h->count++;
}

static void *ear_run(void *arg)
{
	struct ear *e = arg;
	uint8_t p[2048];

	while (!e->stop) {
		ssize_t n = recv(e->fd, p, sizeof(p), 0);

		if (n > 0)
			ear_hear(e, p, n);
	}
	return NULL;
}

static int ear_open(struct ear *e, struct rig *r)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval tv = { .tv_usec = 50000 };
	int here = open("/proc/self/ns/net", O_RDONLY), there, size = 16 << 20;

	memset(e, 0, sizeof(*e));
	e->frames = r->value[RIG_FRAMES];
	e->frame_count = r->frames;
	there = open("/run/netns/peer", O_RDONLY);
	if (there < 0 || setns(there, CLONE_NEWNET))
		return -1;
	e->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	setsockopt(e->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(e->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	bind(e->fd, (struct sockaddr *)&a, sizeof(a));
	setns(here, CLONE_NEWNET);
	close(here);
	close(there);
	return pthread_create(&e->thread, NULL, ear_run, e);
}

static void ear_close(struct ear *e)
{
	e->stop = true;
	pthread_join(e->thread, NULL);
	close(e->fd);
}

static uint64_t ear_total(const struct ear *e)
{
	uint64_t n = 0;

	for (int i = 0; i < LEGS; i++)
		n += e->leg[i].count;
	return n;
}

/* Wait until `leg` has been heard `count` times; false after `ms`. */
static bool ear_wait(struct ear *e, uint32_t leg, uint64_t count, int ms)
{
	uint64_t end = rig_now() + (uint64_t)ms * HF_MS;

	while (rig_now() < end) {
		if (*(volatile uint64_t *)&e->leg[leg].count >= count)
			return true;
		usleep(1000);
	}
	return false;
}

static struct rig_request attach_request(const char *name)
{
	return (struct rig_request){ .cmd = HOLDFAST_CMD_ATTACH, .instance = name, .maps = true };
}

static int begin_with(struct rig *r, struct ear *e, uint32_t legs)
{
	/* What a failed test before this one has left. */
	run("ip link del hf0 2>/dev/null; ip netns del peer 2>/dev/null; "
	    "[ ! -d /sys/module/holdfast ] || busybox rmmod holdfast");
	if (load() || stage_up() || rig_open(r, legs, FRAMES))
		return -1;
	rig_frames(r);
	rig_hop(r, 0, "hf0", peer_mac);
	return e ? ear_open(e, r) : 0;
}

static int begin(struct rig *r, struct ear *e)
{
	return begin_with(r, e, LEGS);
}

static void end(struct rig *r, struct ear *e)
{
	if (e)
		ear_close(e);
	rig_close(r);
	stage_down();
	if (unload())
		printf("# the module does not unload\n");
}

static void play(struct rig *r, int legs)
{
	uint64_t base = (rig_now() / HF_MS + 40) * HF_MS;

	for (int i = 0; i < legs; i++)
		rig_leg(r, (uint32_t)i, (uint16_t)(30000 + i), base + (uint64_t)(i % 20) * HF_MS);
}

/* ---- tests ---- */

static struct rig rig;
static struct ear ear;

TEST(every_byte_of_a_frame_is_right)
{
	static const uint8_t ip[20] = { 0x45, 0, 0, 200, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2 };
	struct rig_request q = attach_request("bytes");
	uint8_t expected[PACKET];
	char why[256];
	uint16_t check;

	if (begin(&rig, &ear))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, 1);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, 0, 3, 3000));
	memcpy(expected, ear.leg[0].first, 14); /* the addresses of the stage */
	CHECK_MEM(ear.leg[0].first, peer_mac, 6);
	memcpy(expected + 14, ip, 20);
	check = (uint16_t)~hf_csum_bytes(ip, 20);
	memcpy(expected + 24, &check, 2);
	memcpy(expected + 34, (uint8_t[]){ 20000 >> 8, 20000 & 255, 30000 >> 8, 30000 & 255, 0, 180 }, 6);
	memcpy(expected + 40, ear.leg[0].first + 40, 2); /* its sum is checked by the ear */
	/* marker on the first frame, sequence 0, timestamp 0, SSRC of the leg */
	memcpy(expected + 42, (uint8_t[]){ 0x80, 0x80, 0, 0, 0, 0, 0, 0, 0x48, 0x46, 0, 0 }, 12);
	memcpy(expected + 54, ((struct hf_frame *)rig.value[RIG_FRAMES])->payload, 160);
	CHECK_MEM(ear.leg[0].first, expected, PACKET);
	CHECK_INT(ear.leg[0].packet[43] & 0x80, 0);
	CHECK_INT(ear.leg[0].wrong, 0);
	end(&rig, &ear);
}

/* An XDP program that passes everything, on both ends: what makes a driver take
 * XDP frames, and its peer poll for them. */
static int xdp_both_ends(void)
{
	struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", pass, 2, NULL);
	int here = open("/proc/self/ns/net", O_RDONLY);
	int there = open("/run/netns/peer", O_RDONLY), err;

	err = bpf_xdp_attach((int)if_nametoindex("hf0"), prog, XDP_FLAGS_DRV_MODE, NULL);
	setns(there, CLONE_NEWNET);
	err |= bpf_xdp_attach((int)if_nametoindex("hf1"), prog, XDP_FLAGS_DRV_MODE, NULL);
	setns(here, CLONE_NEWNET);
	close(here);
	close(there);
	close(prog);
	return err;
}

/* Frames that the device took as XDP frames. */
static unsigned long long xdp_xmitted(void)
{
	unsigned long long n = 0, sum = 0;
	FILE *f = popen("ethtool -S hf0 | sed -n 's/.*tx_queue_[0-9]*_xdp_xmit: //p'", "r");

	while (f && fscanf(f, "%llu", &n) == 1)
		sum += n;
	if (f)
		pclose(f);
	return sum;
}

TEST(a_caller_learned_behind_its_nat_is_sent_to_where_it_was_learned)
{
	struct rig_request q = attach_request("nat");
	struct hf_program *p;
	struct hf_leg *leg;
	char why[256];

	if (begin(&rig, &ear))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, 1);
	leg = rig.value[RIG_LEGS];
	p = &leg->program[hf_word_epoch(leg->tx.word) & 1];
	leg->rx.latched_ip4 = p->remote_ip4;
	leg->rx.latched_port = HF_HTONS(30007);
	leg->rx.latch_key = hf_remote_key(p->remote_ip4, p->remote_port);
	hf_store_release(&leg->rx.latch_state, HF_LATCH_LEARNED);
	p->flags |= HF_PROGRAM_LATCH;
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	/* the ear names legs by their port */
	CHECK(ear_wait(&ear, 7, 3, 3000));
	CHECK_INT(ear.leg[0].count, 0);
	end(&rig, &ear);
}

static void counts_are_exact(bool xdp_xmit)
{
	struct rig_request q = attach_request("counts");
	uint64_t sent = 0, skipped = 0, seqs = 0, until;
	struct rig_stats s;
	char why[256];

	if (begin(&rig, &ear))
		FAIL("no stage");
	q.xdp_xmit = xdp_xmit;
	if (xdp_xmit && xdp_both_ends())
		FAIL("the stage takes no XDP program");
	if (rig_ask(&rig, &q, why, sizeof(why)))
		FAIL("attach: %s", why);
	play(&rig, calls());
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = q.xdp_xmit = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, 0, calls() < 200 ? 50 : 50 * SECONDS, 30000));
	for (int i = 0; i < calls(); i++)
		rig_leg_stop(&rig, (uint32_t)i);
	CHECK_INT(rig_stats(&rig, "counts", &s), 0);
	until = rig_now() + 3000 * HF_MS;
	while (ear_total(&ear) < s.sent && rig_now() < until)
		usleep(1000);
	CHECK_INT(ear_total(&ear), s.sent);
	for (int i = 0; i < calls(); i++) {
		struct hf_leg *l = (struct hf_leg *)rig.value[RIG_LEGS] + i;

		sent += l->tx.sent;
		skipped += l->tx.skipped;
		/* the word survives the flip: sequence numbers = frames sent */
		seqs += hf_word_seq(l->tx.word);
		CHECK_INT(ear.leg[i].wrong, 0);
		CHECK_INT(ear.leg[i].holes, 0);
		/* sent + skipped = elapsed / packet time */
		CHECK_INT((ear.leg[i].last_ts - ear.leg[i].first_ts) / 160 + 1,
			  l->tx.sent + l->tx.skipped -
				  (ear.leg[i].first_ts - 1000 * (uint32_t)i) / 160);
	}
	printf("# %llu sent, %llu skipped, late at most %llu us, %u CPUs, %llu ticks\n",
	       (unsigned long long)sent, (unsigned long long)skipped,
	       (unsigned long long)s.late_max_ns / 1000, s.cpus, (unsigned long long)s.ticks);
	CHECK_INT(seqs, sent);
	CHECK_INT(s.sent, sent);
	CHECK_INT(s.skipped, skipped);
	CHECK_INT(s.bad + s.no_hop + s.no_memory + s.busy, 0);
	CHECK_INT(ear.foreign, 0);
	CHECK_INT(xdp_xmitted(), xdp_xmit ? sent : 0);
	end(&rig, &ear);
}

TEST(two_hundred_calls_for_ten_seconds_lose_no_frame)
{
	counts_are_exact(false);
}

TEST(frames_through_ndo_xdp_xmit_lose_none_either)
{
	counts_are_exact(true);
}

TEST(without_entries_in_the_wheel_nothing_ticks)
{
	struct rig_request q = attach_request("idle");
	struct rig_stats a, b;
	uint64_t until;
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	until = rig_now() + 100 * HF_MS;
	while (rig_now() < until)
		usleep(1000);
	CHECK_INT(rig_stats(&rig, "idle", &a), 0);
	until = rig_now() + 500 * HF_MS;
	while (rig_now() < until)
		usleep(1000);
	CHECK_INT(rig_stats(&rig, "idle", &b), 0);
	CHECK_INT(a.ticks, b.ticks);
	end(&rig, NULL);
}

TEST(every_refusal_says_why)
{
	static const struct {
		struct rig_request q;
		int err;
		const char *why;
	} t[] = {
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "" }, -EINVAL, "instance: the name is empty" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .skip = HOLDFAST_A_ABI_MAJOR }, -EINVAL, "abi-major: say which ABI you were built with" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_ABI_MAJOR, .value = 99 }, -EPROTO, "this module speaks another ABI version; get-info tells which" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .skip = HOLDFAST_A_FD_LEGS }, -EINVAL, "a map is missing: all seven descriptors are needed" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_FD_LEGS, .value = 0 }, -EINVAL, "not the descriptor of a BPF map" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_FD_LEGS, .value = 9999 }, -EBADF, "not the descriptor of a BPF map" },
		{ { .cmd = HOLDFAST_CMD_DETACH }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_DETACH, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_KICK, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_GET_STATS, .dump = 1, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_GET_STATS, .dump = 1 }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_NOTIFY }, -EINVAL, "event: what happened is missing" },
		{ { .cmd = HOLDFAST_CMD_NOTIFY, .event = "parked", .no_event_number = true }, -EINVAL, "number: an event without a number cannot be missed" },
		{ { .cmd = HOLDFAST_CMD_EVENT }, -EOPNOTSUPP, "" },
	};
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int err = rig_ask(&rig, &t[i].q, why, sizeof(why));

		if (err != t[i].err || strcmp(why, t[i].why))
			printf("# case %u: error %d (%d wanted), \"%s\"\n", i, err, t[i].err, why);
		CHECK_INT(err, t[i].err);
		CHECK_STR(why, t[i].why);
	}
	end(&rig, NULL);
}

TEST(the_policy_refuses_wrong_types_and_lengths)
{
	static const struct {
		int type, len;
		uint8_t cmd;
	} t[] = {
		{ HOLDFAST_A_ABI_MAJOR, 2, HOLDFAST_CMD_ATTACH },
		{ HOLDFAST_A_FD_WORK, 8, HOLDFAST_CMD_ATTACH },
		{ HOLDFAST_A_XDP_XMIT, 4, HOLDFAST_CMD_ATTACH },
		{ HOLDFAST_A_INSTANCE, 40, HOLDFAST_CMD_DETACH }, /* no NUL, too long */
		{ HOLDFAST_A_SLOT, 64, HOLDFAST_CMD_NOTIFY },
		{ HOLDFAST_A_CALL, 4, HOLDFAST_CMD_NOTIFY },
		{ HOLDFAST_A_SENT, 8, HOLDFAST_CMD_ATTACH }, /* not of this command */
		{ HOLDFAST_A_MAX + 1, 4, HOLDFAST_CMD_ATTACH }, /* unknown */
	};
	static const char junk[64] = "0123456789012345678901234567890123456789012345678901234567890123";
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct rig_request q = { .cmd = t[i].cmd, .extra_type = t[i].type,
					 .extra = junk, .extra_len = t[i].len };
		int err = rig_ask(&rig, &q, why, sizeof(why));

		if (err != -EINVAL && err != -ERANGE)
			printf("# case %u: error %d, \"%s\"\n", i, err, why);
		CHECK(err == -EINVAL || err == -ERANGE);
		CHECK(why[0]);
	}
	end(&rig, NULL);
}

TEST(a_map_of_another_shape_is_refused_by_name)
{
	struct rig_request q = attach_request("shape");
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	q.attr = HOLDFAST_A_FD_LEGS;
	q.value = (uint32_t)rig.fd[RIG_FRAMES];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "the values of the map have another size: another ABI?");
	q.attr = HOLDFAST_A_FD_FRAMES;
	q.value = (uint32_t)rig.fd[RIG_NEXTHOPS];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	q.attr = 0;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = 7;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EPROTO);
	CHECK_STR(why, "the maps are of another ABI version than this module");
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = HF_ABI_MAJOR;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->wheel_capacity = 1u << 30;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "wheel_capacity does not fit the map of the wheel");
	end(&rig, NULL);
}

TEST(values_out_of_bounds_are_counted_and_never_followed)
{
	struct rig_request q = attach_request("hostile");
	struct hf_wheel_entry *w;
	struct hf_leg *legs;
	struct rig_stats s;
	uint64_t until;
	char why[256];

	if (begin(&rig, &ear))
		FAIL("no stage");
	legs = rig.value[RIG_LEGS];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, 6);
	legs[0].program[hf_word_epoch(legs[0].tx.word) & 1].nexthop = 60000;
	legs[1].program[hf_word_epoch(legs[1].tx.word) & 1].loop_first = 0x7ffffff0;
	legs[2].program[hf_word_epoch(legs[2].tx.word) & 1].once_first = 0x7fffffff;
	legs[2].program[hf_word_epoch(legs[2].tx.word) & 1].once_len = 60000;
	legs[3].program[hf_word_epoch(legs[3].tx.word) & 1].ptime_ns = 0;
	((struct hf_frame *)rig.value[RIG_FRAMES])[0].bytes = 65535;
	w = rig.value[RIG_WHEEL];
	w[10 * rig.capacity].leg = 0x7fffffff;
	((struct hf_wheel_fill *)rig.value[RIG_FILL])[11].entries = 0xffffffff;
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, 5, 20, 5000));
	CHECK_INT(rig_stats(&rig, "hostile", &s), 0);
	CHECK(s.bad > 0);
	until = rig_now() + 100 * HF_MS;
	while (rig_now() < until)
		usleep(1000);
	CHECK_INT(ear.leg[0].count, 0);
	CHECK_INT(ear.leg[1].count, 0);
	CHECK_INT(ear.leg[2].count, 0);
	CHECK_INT(ear.leg[3].count, 0);
	CHECK_INT(ear.leg[5].wrong, 0);
	CHECK_INT(ear.foreign, 0);
	end(&rig, &ear);
}

static int next_event(struct nl_sock *s, char *event, size_t len, uint64_t *number)
{
	static char buffer[65536];
	int n = (int)recv(nl_socket_get_fd(s), buffer, sizeof(buffer), 0);
	struct nlattr *a[HOLDFAST_A_MAX + 1];

	if (n < 0)
		return -errno;
	if (genlmsg_parse((struct nlmsghdr *)buffer, 0, a, HOLDFAST_A_MAX, NULL))
		return -EBADMSG;
	snprintf(event, len, "%s", a[HOLDFAST_A_EVENT] ? nla_get_string(a[HOLDFAST_A_EVENT]) : "?");
	*number = a[HOLDFAST_A_NUMBER] ? nla_get_u64(a[HOLDFAST_A_NUMBER]) : 0;
	return 0;
}

TEST(an_event_reaches_every_member_of_the_group_whole)
{
	struct rig_request q = { .cmd = HOLDFAST_CMD_NOTIFY, .event = "parked", .number = 41 };
	struct timeval tv = { .tv_sec = 2 };
	struct nl_sock *s = nl_socket_alloc();
	uint64_t number = 0;
	char event[32] = "", why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0); /* nobody listens yet */
	genl_connect(s);
	setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	CHECK_INT(nl_socket_add_membership(s, rig.group), 0);
	for (int i = 42; i < 45; i++) {
		q.number = (uint64_t)i;
		CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
		CHECK_INT(next_event(s, event, sizeof(event), &number), 0);
		CHECK_STR(event, "parked");
		CHECK_INT(number, i);
	}
	nl_socket_free(s);
	end(&rig, NULL);
}

/* In a child that is nobody: what errno does this end with? */
static int as_nobody(int (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(200);
		_exit(-what());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

static int subscribe(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int fd, group = rig.group;

	genl_connect(s);
	fd = nl_socket_get_fd(s);
	return setsockopt(fd, SOL_NETLINK, 1 /* NETLINK_ADD_MEMBERSHIP */, &group,
			  sizeof(group)) ? -errno : 0;
}

static int attach_any(void)
{
	struct rig_request q = attach_request("nobody");
	char why[64];

	nl_socket_free(rig.sock);
	rig.sock = nl_socket_alloc();
	genl_connect(rig.sock);
	return rig_ask(&rig, &q, why, sizeof(why));
}

TEST(an_unprivileged_user_can_neither_subscribe_nor_attach)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(subscribe(), 0);
	CHECK_INT(as_nobody(subscribe), -EPERM);
	CHECK_INT(as_nobody(attach_any), -EPERM);
	end(&rig, NULL);
}

TEST(removing_the_device_under_load_neither_leaks_nor_hangs)
{
	struct rig_request q = attach_request("device");
	struct rig_stats s;
	char why[256];

	if (begin(&rig, &ear))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, calls() / 2);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, (uint32_t)calls() / 2 - 1, 5, 3000));
	CHECK_INT(run("ip link del hf0"), 0);
	CHECK_INT(rig_stats(&rig, "device", &s), 0);
	CHECK(s.sent > 0);
	end(&rig, &ear);
}

TEST(the_namespace_goes_while_its_calls_are_sent)
{
	int status = 0;
	pid_t pid;

	if (load())
		FAIL("no module");
	pid = fork();
	if (!pid) {
		struct rig_request q = attach_request("ns");
		char why[64];

		/* A namespace of our own: it ends with us, while sending. */
		if (unshare(CLONE_NEWNET) || run("ip link set lo up") ||
		    run("ip link add hf0 type veth peer name hf1") ||
		    run("ip link set hf0 up && ip link set hf1 up") ||
		    rig_open(&rig, LEGS, FRAMES))
			_exit(1);
		rig_frames(&rig);
		rig_hop(&rig, 0, "hf0", (uint8_t[]){ 2, 0, 0, 0, 0, 1 });
		play(&rig, calls() / 2);
		if (rig_ask(&rig, &q, why, sizeof(why)))
			_exit(2);
		struct rig_stats s = { 0 };
		while (s.sent < 500)
			rig_stats(&rig, "ns", &s);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	/* The namespace is taken down behind our back; unloading waits for it. */
	CHECK_INT(unload(), 0);
}

TEST(the_module_unloads_while_it_sends)
{
	struct rig_request q = attach_request("unload");
	uint64_t count;
	char why[256];

	if (begin(&rig, &ear))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, calls());
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, (uint32_t)calls() - 1, 10, 5000));
	CHECK_INT(unload(), 0);
	CHECK(ear_wait(&ear, 0, 1, 100));
	count = ear_total(&ear);
	uint64_t until = rig_now() + 200 * HF_MS;
	while (rig_now() < until)
		usleep(1000);
	/* what was on the wire may still have been heard */
	CHECK(ear_total(&ear) - count < 200);
	CHECK_INT(load(), 0);
	end(&rig, &ear);
}

TEST(a_cpu_goes_and_comes_back_while_it_sends)
{
	struct rig_request q = attach_request("hotplug");
	char why[256];

	if (access("/sys/devices/system/cpu/cpu1/online", W_OK))
		SKIP("this kernel cannot take a CPU offline");
	if (begin(&rig, &ear))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, calls());
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	for (int i = 1; i <= 3; i++) {
		CHECK(ear_wait(&ear, (uint32_t)calls() - 1, (uint64_t)i * 40 - 20, 5000));
		CHECK_INT(run("echo 0 > /sys/devices/system/cpu/cpu1/online"), 0);
		CHECK(ear_wait(&ear, (uint32_t)calls() - 1, (uint64_t)i * 40, 5000));
		CHECK_INT(run("echo 1 > /sys/devices/system/cpu/cpu1/online"), 0);
	}
	CHECK(ear_wait(&ear, (uint32_t)calls() - 1, 150, 5000));
	for (int i = 0; i < calls(); i++) {
		CHECK_INT(ear.leg[i].holes, 0);
		CHECK_INT(ear.leg[i].wrong, 0);
	}
	end(&rig, &ear);
}

TEST(a_hundred_loads_and_unloads_in_a_row)
{
	for (int i = 0; i < (calls() < 200 ? 10 : 100); i++) {
		CHECK_INT(load(), 0);
		CHECK_INT(unload(), 0);
	}
}

static double cost(bool plain)
{
	struct rig_request q = attach_request("cost");
	struct rig_stats s = { 0 };
	char why[256];
	double ns;

	if (begin_with(&rig, NULL, 1000))
		return -1;
	q.plain = plain;
	if (rig_ask(&rig, &q, why, sizeof(why)))
		return -1;
	play(&rig, 1000);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = q.plain = false;
	rig_ask(&rig, &q, why, sizeof(why));
	while (s.sent < 50000 && !rig_stats(&rig, "cost", &s))
		usleep(20000);
	ns = (double)s.send_ns / (double)s.sent;
	end(&rig, NULL);
	return ns;
}

/* Not a pass or fail: the figure that the documents quote. */
TEST(the_cost_of_a_frame_against_the_straightforward_way_is_printed)
{
	double plain = 0, ours = 0;

	if (calls() < 200)
		SKIP("this kernel checks itself: its times say nothing");
	for (int i = 0; i < 3; i++) {
		plain += cost(true);
		ours += cost(false);
	}
	CHECK(ours > 0);
	printf("# ns a frame: straightforward %.0f, ours %.0f, ratio %.2f\n",
	       plain / 3, ours / 3, plain / ours);
}

TEST_MAIN()
