// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Media addresses on VLAN devices. Such a device has no native mode of XDP, but
 * the one below it may: then the receive program goes there, reads the tag in
 * the frame, or finds that the hardware has taken it off, and writes it on the
 * way out. Else it goes to the VLAN device, in generic mode, where frames have
 * no tag any more. attach.c asks where; what becomes of the VLAN device itself
 * devices.c tells.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vlan.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "xdp.h"

/* False: it is none, or what it stands on is in another namespace. */
static bool hf_vlan_lookup(const char *name, char lower[IFNAMSIZ],
			   uint16_t *ret_id)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *link = NULL;
	int32_t elsewhere;
	bool is = false;

	if (sock && !nl_connect(sock, NETLINK_ROUTE) &&
	    !rtnl_link_get_kernel(sock, 0, name, &link) &&
	    rtnl_link_is_vlan(link) &&
	    rtnl_link_get_link_netnsid(link, &elsewhere)) {
		*ret_id = (uint16_t)rtnl_link_vlan_get_id(link);
		is = if_indextoname((unsigned int)rtnl_link_get_link(link),
				    lower);
	}
	rtnl_link_put(link);
	nl_socket_free(sock);
	return is;
}

/* Would it take a program natively? A moment with one that passes everything
 * tells; there is none on it now. */
static bool hf_native_try(uint32_t ifindex)
{
	const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0,
		 .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .prog_flags = BPF_F_XDP_HAS_FRAGS);
	LIBBPF_OPTS(bpf_link_create_opts, how, .flags = XDP_FLAGS_DRV_MODE);
	int program = bpf_prog_load(BPF_PROG_TYPE_XDP, "hf_try", "GPL", pass,
				    sizeof(pass) / sizeof(*pass), &opts);
	int link = -1;

	if (program >= 0)
		link = bpf_link_create(program, (int)ifindex, BPF_XDP, &how);
	if (link >= 0)
		close(link);
	if (program >= 0)
		close(program);
	return link >= 0;
}

/* Is there, or can there be, our program natively on that device? */
static bool hf_native_fits(const struct hf_bpf *b, const char *name,
			   uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char pin[HF_PIN_NAME_MAX];
	uint32_t pinned;

	if (bpf_xdp_query((int)ifindex, 0, &query))
		return false;
	if (!query.attach_mode)
		return hf_native_try(ifindex);
	hf_xdp_pin(HF_PIN_LINK_OF, name, pin);
	return query.attach_mode == XDP_ATTACHED_DRV &&
	       !hf_xdp_pinned(b->instance, pin, &pinned) && pinned == ifindex;
}

static void hf_vlan_add(struct hf_bpf *b, const char *name, const char *lower)
{
	struct hf_bpf_vlan *v = &b->vlan[b->vlans];

	if (b->vlans == HF_MAX_ADDRESSES)
		return;
	b->vlans++;
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->lower, sizeof(v->lower), "%s", lower);
}

/* One that is gone now: a controller before us knew what it was on. */
static bool hf_vlan_lost(struct hf_bpf *b, const char *name,
			 char place[IFNAMSIZ])
{
	char pin[HF_PIN_NAME_MAX], lower[IFNAMSIZ];
	uint32_t ifindex;

	hf_xdp_pin(HF_PIN_VLAN_OF, name, pin);
	if (hf_xdp_pinned(b->instance, pin, &ifindex) || !ifindex ||
	    !if_indextoname(ifindex, lower))
		return false;
	hf_warn("media: the VLAN device %s is gone: media goes on when there is one of that name again",
		name);
	hf_vlan_add(b, name, lower);
	memcpy(place, lower, IFNAMSIZ);
	return true;
}

uint16_t hf_vlan_place(struct hf_bpf *b, const char *name,
		       char place[IFNAMSIZ])
{
	char pin[HF_PIN_NAME_MAX], lower[IFNAMSIZ];
	uint32_t ifindex;
	uint16_t id = 0;

	snprintf(place, IFNAMSIZ, "%s", name);
	if (!if_nametoindex(name)) {
		hf_vlan_lost(b, name, place);
		return 0;
	}
	if (!hf_vlan_lookup(name, lower, &id))
		return 0;
	hf_xdp_pin(HF_PIN_LINK_OF, name, pin);
	ifindex = if_nametoindex(lower);
	/* Where a controller before us has it, there it stays. */
	if (!ifindex || !hf_xdp_pinned(b->instance, pin, &(uint32_t){0}) ||
	    !hf_native_fits(b, lower, ifindex))
		return id;
	hf_info("media: %s is VLAN %u of %s, where the receive program goes",
		name, id, lower);
	hf_vlan_add(b, name, lower);
	memcpy(place, lower, IFNAMSIZ);
	return id;
}

void hf_vlan_again(struct hf_media *m, const char *name)
{
	const struct hf_config *c = m->config;
	char lower[IFNAMSIZ];
	uint16_t id;

	if (!hf_vlan_lookup(name, lower, &id))
		return;
	for (unsigned int i = 0; i < c->media.address_count; i++) {
		struct hf_address *a = &m->map.instance->address[i];

		if (strcmp(c->media.addresses[i].interface, name) ||
		    a->vlan == id)
			continue;
		hf_info("media: %s is VLAN %u of %s now", name, id, lower);
		HF_WRITE(a->vlan, id);
	}
}

void hf_vlans_pin(const struct hf_bpf *b, const struct hf_bpf_device *d)
{
	char pin[HF_PIN_NAME_MAX], path[256];

	for (uint32_t i = 0; i < b->vlans; i++) {
		if (strcmp(b->vlan[i].lower, d->name))
			continue;
		hf_xdp_pin(HF_PIN_VLAN_OF, b->vlan[i].name, pin);
		if (hf_pins_path(b->instance, pin, path, sizeof(path)))
			continue;
		unlink(path);
		hf_link_pin(b, pin, d->link);
	}
}
