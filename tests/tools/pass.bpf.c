// SPDX-License-Identifier: GPL-2.0
/*
 * Passes everything. A veth device hands frames that XDP sent on its peer to
 * the stack only while it has an XDP program itself; the test stage
 * (tests/e2e/lib/net.py) puts this one on the far ends.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
