// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A controller gone mad: random bytes over all maps while the module sends.
 * Whatever it writes, the module may send wrong frames or none, but never crash
 * and never put memory on the wire that is not a frame's. Runs on a kernel that
 * checks itself (scripts/vm debug); the log of the kernel is part of the result.
 * HF_VM_SECONDS says how long (60).
 * rooms:
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uapi/holdfast.h>

#include "../unit/test.h"
#include "kmod.h"

#define FEW 64 /* legs */
#define MARK 0x5a /* every byte of every frame of the half that leaves frames alone */

static struct rig rig;
static uint64_t seed = 88172645463325252ULL;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int stage(void)
{
	if (runf("[ -d /sys/module/holdfast ] || busybox insmod %s",
		 getenv("HOLDFAST_KO") ? getenv("HOLDFAST_KO") : "/holdfast/holdfast.ko"))
		return -1;
	run("ip link del hf0 2>/dev/null");
	if (run("ip link add hf0 type veth peer name hf1") ||
	    run("ip addr add 10.9.0.1/24 dev hf0; ip link set hf0 up; ip link set hf1 up"))
		return -1;
	return rig_open(&rig, FEW, FRAMES);
}

/* What a controller that is not mad would have there. */
static void sane(void)
{
	struct hf_instance *in = rig.value[RIG_INSTANCE];
	uint64_t base = (rig_now() / HF_MS + 20) * HF_MS;
	struct hf_frame *f = rig.value[RIG_FRAMES];

	memset(rig.value[RIG_FILL], 0, sizeof(struct hf_wheel_fill) * HF_WHEEL_BUCKETS);
	memset(rig.value[RIG_LEGS], 0, sizeof(struct hf_leg) * FEW);
	memset(rig.value[RIG_CLAIMS], 0, sizeof(struct hf_claim) * FEW);
	in->abi_major = HF_ABI_MAJOR;
	in->wheel_capacity = rig.capacity;
	for (int i = 0; i < FRAMES; i++) {
		memset(f[i].payload, MARK, sizeof(f[i].payload));
		f[i].bytes = HF_FRAME_BYTES;
	}
	rig_hop(&rig, 0, "hf0", (uint8_t[]){ 2, 0, 0, 0, 0, 1 });
	for (uint32_t i = 0; i < 10; i++)
		rig_leg(&rig, i, (uint16_t)(30000 + i), base + i * HF_MS);
}

/* One random value in a random place of one map; never the length of `frames`'
 * payload if those are to stay true. */
static void scribble(bool frames_too)
{
	static const size_t size[RIG_MAPS] = {
		sizeof(struct hf_instance), sizeof(struct hf_leg) * FEW,
		sizeof(struct hf_claim) * FEW,
		sizeof(struct hf_frame) * FRAMES, sizeof(struct hf_nexthop) * 64, 0,
		sizeof(struct hf_wheel_fill) * HF_WHEEL_BUCKETS, sizeof(struct hf_work),
	};
	int map = (int)(any() % RIG_MAPS);
	size_t bytes = size[map];
	uint64_t value = any();

	if (map == RIG_WHEEL)
		bytes = sizeof(struct hf_wheel_entry) * HF_WHEEL_BUCKETS * rig.capacity;
	if (map == RIG_FRAMES && !frames_too)
		return;
	switch (any() % 4) {
	case 0: /* small numbers get past more checks than large ones */
		value &= 0xff;
		break;
	case 1:
		value = 0xffffffffffffffffULL;
		break;
	}
	*(volatile uint64_t *)((char *)rig.value[map] + any() % (bytes / 8) * 8) = value;
}

static int tap(void)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
				 .sll_ifindex = (int)if_nametoindex("hf1") };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	return bind(fd, (struct sockaddr *)&a, sizeof(a)) ? -1 : fd;
}

/* A frame of ours carries nothing but our payload behind its RTP header. */
static bool foreign(const uint8_t *p, ssize_t n)
{
	int link = p[12] == 0x81 && p[13] == 0 ? 18 : 14;

	if (n < link + 40 || p[link] != 0x45 || p[link + 9] != 17 || p[link + 28] != 0x80)
		return false; /* the kernel's own: neighbour discovery */
	for (ssize_t i = link + 40; i < n; i++)
		if (p[i] != MARK)
			return true;
	return false;
}

static void scribbling(bool frames_too)
{
	struct rig_request q = { .cmd = HOLDFAST_CMD_ATTACH, .instance = "mad", .maps = true };
	struct rig_request kick = { .cmd = HOLDFAST_CMD_KICK, .instance = "mad" };
	const char *s = getenv("HF_VM_SECONDS");
	uint64_t end, writes = 0, heard = 0, wrong = 0, next = 0;
	struct rig_stats stats;
	uint8_t packet[2048];
	char why[128];
	int fd;

	if (stage())
		FAIL("no stage");
	sane();
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	fd = tap();
	CHECK(fd >= 0);
	end = rig_now() + (uint64_t)(s ? atoi(s) : 60) / 2 * 1000 * HF_MS;
	while (rig_now() < end) {
		ssize_t n;

		/* Mend it now and then, or soon nothing is sent any more. */
		if (rig_now() > next) {
			sane();
			rig_ask(&rig, &kick, why, sizeof(why));
			next = rig_now() + 300 * HF_MS;
		}
		for (int i = 0; i < 20; i++, writes++)
			scribble(frames_too);
		while ((n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
			heard++;
			if (foreign(packet, n) && !wrong++)
				printf("# foreign: %zd bytes, %02x %02x %02x %02x at 54\n", n,
				       packet[54], packet[55], packet[56], packet[57]);
		}
	}
	CHECK_INT(rig_stats(&rig, "mad", &stats), 0);
	printf("# %llu writes, %llu frames sent, %llu heard, %llu refused as out of bounds, %llu without a hop\n",
	       (unsigned long long)writes, (unsigned long long)stats.sent,
	       (unsigned long long)heard, (unsigned long long)stats.bad,
	       (unsigned long long)stats.no_hop);
	CHECK(stats.sent > 50);
	CHECK(stats.bad > 0);
	if (!frames_too)
		CHECK_INT(wrong, 0);
	close(fd);
	rig_close(&rig);
	run("ip link del hf0; busybox rmmod holdfast");
}

TEST(random_bytes_over_all_maps_but_the_frames_put_nothing_foreign_on_the_wire)
{
	scribbling(false);
}

TEST(random_bytes_over_all_maps_bring_nothing_down)
{
	scribbling(true);
}

/* What nobody points to any more while the kernel says it is still there. */
TEST(no_memory_of_the_module_is_leaked)
{
	const char *path = "/sys/kernel/debug/kmemleak";
	char text[4096] = "";
	size_t n;
	FILE *f;

	if (access(path, W_OK))
		SKIP("this kernel has no kmemleak");
	/* Twice: what is found young once may be in use. */
	for (int i = 0; i < 2; i++)
		CHECK_INT(runf("echo scan > %s", path), 0);
	f = fopen(path, "r");
	CHECK(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	for (char *at = strstr(text, "hf_"); at; at = strstr(at + 1, "hf_"))
		printf("# %.60s\n", at);
	CHECK(!strstr(text, "holdfast") && !strstr(text, "hf_"));
}

TEST_MAIN()
