// SPDX-License-Identifier: GPL-2.0-or-later
/* Does a device send what is redirected to it? See probe.h. */
#include "mediad/probe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "media/driver.h"

#define PROBE_FRAMES  16
#define PROBE_BYTES   60
#define PROBE_LOOKS   50 /* at the counters, */
#define PROBE_LOOK_NS 4000000L /* that far apart */

/* r1 = ifindex; r2 = 0; return bpf_redirect(r1, r2) */
static int load_redirect(uint32_t ifindex)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1,
		 .imm = (int)ifindex},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "hf_probe", "GPL", program,
			       sizeof(program) / sizeof(*program), NULL);

	return fd < 0 ? -errno : fd;
}

/* To the nearest bridge (IEEE 802.1D, table 7-10) and no further, of an
 * EtherType for local experiments (IEEE 802): nobody takes it in. */
static void make_frame(uint8_t *frame, const uint8_t mac[6])
{
	static const uint8_t to[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e};

	memset(frame, 0, PROBE_BYTES);
	memcpy(frame, to, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
}

static int send_frames(uint32_t ifindex, const uint8_t mac[6])
{
	uint8_t frame[PROBE_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = PROBE_FRAMES,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = PROBE_FRAMES);
	int fd = load_redirect(ifindex), rc;

	if (fd < 0)
		return fd;
	make_frame(frame, mac);
	rc = bpf_prog_test_run_opts(fd, &opts);
	close(fd);
	return rc;
}

/* Drivers count them among all packets or apart: each alone would do. */
static int look(struct hf_netlink *nl, uint32_t ifindex, struct hf_link *link,
		uint64_t *ret_xdp)
{
	int rc = hf_netlink_link(nl, ifindex, link);

	if (!rc)
		*ret_xdp = hf_driver_xdp_sent(link->name);
	return rc;
}

int hf_probe_device(struct hf_netlink *nl, uint32_t ifindex)
{
	const struct timespec pause = {.tv_nsec = PROBE_LOOK_NS};
	struct hf_link before, after;
	uint64_t xdp_before, xdp_after;
	int rc = look(nl, ifindex, &before, &xdp_before);

	if (!rc)
		rc = send_frames(ifindex, before.mac);
	for (int i = 0; !rc && i < PROBE_LOOKS; i++) {
		rc = look(nl, ifindex, &after, &xdp_after);
		if (!rc &&
		    (after.tx_packets - before.tx_packets >= PROBE_FRAMES ||
		     xdp_after - xdp_before >= PROBE_FRAMES))
			return 0;
		nanosleep(&pause, NULL);
	}
	return rc ? rc : 1;
}
