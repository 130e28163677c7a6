// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The device that keeps the paced program attached.
 *
 * A program that is run with live frames while it is attached nowhere costs the
 * kernel a rewrite of its XDP dispatcher and an RCU grace period, some 16 ms,
 * at every call; attached anywhere, microseconds. On a media device it would
 * run for every packet there, so it gets a pair of its own that stays down.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "xdp.h"

#define HF_PIN_LINK "link_paced"
#define HF_PIN_PROG "prog_paced"

/* libnl has its own numbers for what went wrong. */
static int hf_nl_errno(int r)
{
	switch (r < 0 ? -r : r) {
	case 0:
		return 0;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_PERM:
		return -EPERM;
	case NLE_OPNOTSUPP:
		return -EOPNOTSUPP;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_NOMEM:
		return -ENOMEM;
	}
	return -EIO;
}

static struct nl_sock *hf_nl_open(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	if (sock && nl_connect(sock, NETLINK_ROUTE)) {
		nl_socket_free(sock);
		sock = NULL;
	}
	return sock;
}

/* Interface names have 15 characters: the instance stands in by its hash. */
static void hf_holder_names(struct hf_bpf *b, char peer[IFNAMSIZ])
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (const char *c = b->instance; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	snprintf(b->holder, IFNAMSIZ, "hfh-%08x", hash);
	snprintf(peer, IFNAMSIZ, "hfp-%08x", hash);
}

static int hf_holder_create(const char *name, const char *peer)
{
	struct nl_sock *sock = hf_nl_open();
	struct rtnl_link *veth = rtnl_link_veth_alloc(), *other;
	int r = -ENOMEM;

	if (sock && veth) {
		rtnl_link_set_name(veth, name);
		other = rtnl_link_veth_get_peer(veth);
		rtnl_link_set_name(other, peer);
		rtnl_link_put(other);
		r = hf_nl_errno(
			rtnl_link_add(sock, veth, NLM_F_CREATE | NLM_F_EXCL));
	}
	if (veth)
		rtnl_link_veth_release(veth);
	nl_socket_free(sock);
	return r == -EEXIST ? 0 : r;
}

void hf_holder_remove(struct hf_bpf *b)
{
	struct nl_sock *sock;
	struct rtnl_link *link;

	if (!b->holder[0] || !if_nametoindex(b->holder))
		return;
	sock = hf_nl_open();
	link = rtnl_link_alloc();
	if (sock && link) {
		rtnl_link_set_name(link, b->holder);
		rtnl_link_delete(sock, link);
	}
	rtnl_link_put(link);
	nl_socket_free(sock);
}

int hf_program_pin(struct hf_bpf *b, const char *pin, int program)
{
	char path[256];

	if (hf_pins_path(b->instance, pin, path, sizeof(path)))
		return -ENAMETOOLONG;
	unlink(path);
	return bpf_obj_pin(program, path) ? -errno : 0;
}

static int hf_holder_link(struct hf_bpf *b, uint32_t ifindex, int program,
			  char *err, size_t err_len)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd, r;

	r = hf_xdp_check_foreign(b->holder, ifindex, err, err_len);
	if (r)
		return r;
	fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
	r = fd < 0 ? -errno : hf_link_pin(b, HF_PIN_LINK, fd);
	if (r && fd >= 0)
		close(fd);
	if (r)
		snprintf(err, err_len,
			 "the paced program cannot be attached to %s: %s",
			 b->holder, strerror(-r));
	return r ? r : fd;
}

int hf_holder_attach(struct hf_bpf *b, int program, char *err, size_t err_len)
{
	char peer[IFNAMSIZ];
	uint32_t ifindex;
	int r;

	hf_holder_names(b, peer);
	r = hf_holder_create(b->holder, peer);
	ifindex = if_nametoindex(b->holder);
	if (r || !ifindex) {
		snprintf(
			err, err_len,
			"the device %s (veth) cannot be made: %s; CAP_NET_ADMIN and the kernel's veth driver are needed",
			b->holder, strerror(r ? -r : ENODEV));
		return r ? r : -ENODEV;
	}
	b->paced_link = hf_link_adopt(b, HF_PIN_LINK, ifindex, program);
	if (b->paced_link == -ENOENT) {
		b->paced_link =
			hf_holder_link(b, ifindex, program, err, err_len);
		if (b->paced_link < 0)
			return b->paced_link;
	}
	r = b->paced_link < 0 ? b->paced_link
			      : hf_program_pin(b, HF_PIN_PROG, program);
	if (r)
		snprintf(err, err_len, "the paced program cannot be kept: %s",
			 strerror(-r));
	return r;
}
