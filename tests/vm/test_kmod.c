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
	CHECK(ear_wait(&ear, 0, 3, 30000));
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
	/* none later, unless one was so late that it was skipped */
	if (!((struct hf_claim *)rig.value[RIG_CLAIMS])->skipped)
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
	p = &leg->program[hf_word_epoch(*rig_word(&rig, 0)) & 1];
	leg->rx.latched_ip4 = p->remote_ip4;
	leg->rx.latched_port = HF_HTONS(30007);
	leg->rx.latch_key = hf_remote_key(p->remote_ip4, p->remote_port);
	hf_store_release(&leg->rx.latch_state, HF_LATCH_LEARNED);
	p->flags |= HF_PROGRAM_LATCH;
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	/* the ear names legs by their port */
	CHECK(ear_wait(&ear, 7, 3, 30000));
	CHECK_INT(ear.leg[0].count, 0);
	end(&rig, &ear);
}

/* Leg 0 through another device than usual: datagrams that arrive at this address
 * here, or in the namespace "peer". The kernel's UDP has checked their sums. */
static int heard_through(const char *device, const char *address, bool peers, int wanted)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(30000),
				 .sin_addr.s_addr = inet_addr(address) };
	struct rig_request q = attach_request("device");
	int here = open("/proc/self/ns/net", O_RDONLY), there = open("/run/netns/peer", O_RDONLY);
	struct timeval tv = { .tv_sec = 10 };
	struct hf_program *p;
	uint8_t packet[256];
	char why[256];
	int fd, n = 0;

	if (peers)
		setns(there, CLONE_NEWNET);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)))
		printf("# bind %s: %s\n", address, strerror(errno));
	setns(here, CLONE_NEWNET);
	rig_hop(&rig, 0, device, (uint8_t[]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff });
	if (rig_ask(&rig, &q, why, sizeof(why)))
		printf("# attach: %s\n", why);
	play(&rig, 1);
	p = (struct hf_program *)hf_word_program(rig.value[RIG_LEGS], *rig_word(&rig, 0));
	p->remote_ip4 = inet_addr(address);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	rig_ask(&rig, &q, why, sizeof(why));
	while (n < wanted && recv(fd, packet, sizeof(packet), 0) == 12 + HF_FRAME_BYTES)
		n++;
	close(fd);
	close(here);
	close(there);
	return n;
}

TEST(a_peer_on_this_host_hears_the_module_through_lo)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(heard_through("lo", "10.9.0.1", false, 20), 20);
	end(&rig, NULL);
}

TEST(frames_go_through_a_vlan_on_a_bond_as_through_any_device)
{
	int n;

	if (begin(&rig, NULL))
		FAIL("no stage");
	if (run("ip link add hfbond type bond mode active-backup 2>/dev/null") ||
	    run("ip link add link hfbond name hfbond.7 type vlan id 7 2>/dev/null")) {
		run("ip link del hfbond 2>/dev/null");
		end(&rig, NULL);
		SKIP("this kernel has no bond or no VLAN");
	}
	run("ip link set hf0 down; ip link set hf0 master hfbond; ip link set hfbond up; "
	    "ip addr add 10.9.7.1/24 dev hfbond.7; ip link set hfbond.7 up");
	run("ip -n peer link add link hf1 name hf1.7 type vlan id 7; "
	    "ip -n peer addr add 10.9.7.2/24 dev hf1.7; ip -n peer link set hf1.7 up");
	/* a bond has a carrier when its port has been seen to have one */
	for (int i = 0; i < 500 && run("grep -qx 1 /sys/class/net/hfbond.7/carrier"); i++)
		usleep(10000);
	n = heard_through("hfbond.7", "10.9.7.2", true, 20);
	run("ip link del hfbond");
	CHECK_INT(n, 20);
	end(&rig, NULL);
}

static void counts_are_exact(bool xdp_xmit, unsigned int seconds)
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
	CHECK(ear_wait(&ear, 0, calls() < 200 ? 50 : 50 * seconds, 60000));
	for (int i = 0; i < calls(); i++)
		rig_leg_stop(&rig, (uint32_t)i);
	/* The word survives the flip: sequence numbers = frames claimed. A tick may
	 * still be under way, and what it claimed not yet be sent and counted. */
	for (int i = 0; i < calls(); i++)
		seqs += hf_word_seq(*rig_word(&rig, (uint32_t)i));
	until = rig_now() + 10000 * HF_MS;
	do {
		usleep(1000);
		CHECK_INT(rig_stats(&rig, "counts", &s), 0);
	} while ((s.sent != seqs || ear_total(&ear) != seqs) && rig_now() < until);
	CHECK_INT(ear_total(&ear), seqs);
	for (int i = 0; i < calls(); i++) {
		struct hf_claim *l = (struct hf_claim *)rig.value[RIG_CLAIMS] + i;

		sent += l->sent;
		skipped += l->skipped;
		CHECK_INT(ear.leg[i].wrong, 0);
		CHECK_INT(ear.leg[i].holes, 0);
		/* sent + skipped = elapsed / packet time */
		CHECK_INT((ear.leg[i].last_ts - ear.leg[i].first_ts) / 160 + 1,
			  l->sent + l->skipped -
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
	counts_are_exact(false, 10);
}

TEST(frames_through_ndo_xdp_xmit_lose_none_either)
{
	counts_are_exact(true, 3);
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

TEST(values_out_of_bounds_are_counted_and_never_followed)
{
	struct rig_request q = attach_request("hostile");
	struct hf_wheel_fill *fill;
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
	legs[0].program[hf_word_epoch(*rig_word(&rig, 0)) & 1].nexthop = 60000;
	legs[1].program[hf_word_epoch(*rig_word(&rig, 1)) & 1].loop_first = 0x7ffffff0;
	legs[2].program[hf_word_epoch(*rig_word(&rig, 2)) & 1].once_first = 0x7fffffff;
	legs[2].program[hf_word_epoch(*rig_word(&rig, 2)) & 1].once_len = 60000;
	legs[3].program[hf_word_epoch(*rig_word(&rig, 3)) & 1].ptime_ns = 0;
	((struct hf_frame *)rig.value[RIG_FRAMES])[0].bytes = 65535;
	/* Behind what is in the bucket: one of the legs is to be heard. */
	w = rig.value[RIG_WHEEL];
	fill = rig.value[RIG_FILL];
	w[10 * rig.capacity + fill[10].entries++].leg = 0x7fffffff;
	fill[11].entries = 0xffffffff;
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK(ear_wait(&ear, 5, 20, 30000));
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
	CHECK(ear_wait(&ear, (uint32_t)calls() / 2 - 1, 5, 30000));
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
	CHECK(ear_wait(&ear, (uint32_t)calls() - 1, 10, 30000));
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
		CHECK(ear_wait(&ear, (uint32_t)calls() - 1, (uint64_t)i * 40 - 20, 30000));
		CHECK_INT(run("echo 0 > /sys/devices/system/cpu/cpu1/online"), 0);
		CHECK(ear_wait(&ear, (uint32_t)calls() - 1, (uint64_t)i * 40, 30000));
		CHECK_INT(run("echo 1 > /sys/devices/system/cpu/cpu1/online"), 0);
	}
	CHECK(ear_wait(&ear, (uint32_t)calls() - 1, 150, 30000));
	for (int i = 0; i < calls(); i++) {
		CHECK_INT(ear.leg[i].holes, 0);
		CHECK_INT(ear.leg[i].wrong, 0);
	}
	end(&rig, &ear);
}

TEST(many_loads_and_unloads_in_a_row)
{
	/* a kernel that checks itself takes seconds for each */
	for (int i = 0; i < (calls() < 200 ? 10 : 100); i++) {
		CHECK_INT(load(), 0);
		CHECK_INT(unload(), 0);
	}
}

TEST_MAIN()
