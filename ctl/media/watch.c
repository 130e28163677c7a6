// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state of network devices by rtnetlink notifications, see watch.h. Of what
 * overflows the socket's buffer nothing is guessed: all devices are asked for
 * again, and what differs is told.
 */
#include "watch.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of <linux/if.h>, which does not go together with <net/if.h>. */
#define IFF_CARRIER (1 << 16)

struct watched {
	char name[IFNAMSIZ]; /* of the configuration */
	struct hf_device_now now;
	bool seen; /* what it is like is known */
};

struct hf_device_watch {
	struct nl_sock *sock;
	hf_device_change_fn fn;
	void *arg;
	struct watched *device;
	unsigned int devices;
};

static const char *change_text(enum hf_device_change change)
{
	static const char *const text[] = {
#define X(symbol, text) [HF_DEVICE_##symbol] = text,
		HF_DEVICE_CHANGES(X)
#undef X
	};

	return text[change];
}

static void tell(struct hf_device_watch *w, const struct watched *d,
		 enum hf_device_change change)
{
	const uint8_t *m = d->now.mac;
	char text[160], more[64] = "", member[IFNAMSIZ] = "";

	if (change == HF_DEVICE_RENAMED)
		snprintf(more, sizeof(more), ": %s", d->now.name);
	else if (change == HF_DEVICE_MAC)
		snprintf(more, sizeof(more),
			 ": %02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2],
			 m[3], m[4], m[5]);
	else if (change == HF_DEVICE_MTU)
		snprintf(more, sizeof(more), ": %u", d->now.mtu);
	else if (change == HF_DEVICE_MEMBER &&
		 if_indextoname(d->now.member, member))
		snprintf(more, sizeof(more), ": %s", member);
	snprintf(text, sizeof(text), "%s %s%s", d->name, change_text(change),
		 more);
	w->fn(w->arg, d->name, &d->now, change, text);
}

static void lose(struct hf_device_watch *w, struct watched *d)
{
	memset(&d->now, 0, sizeof(d->now));
	d->seen = false;
	tell(w, d, HF_DEVICE_GONE);
}

static void update(struct hf_device_watch *w, struct watched *d,
		   const struct hf_device_now *now)
{
	struct hf_device_now before = d->now;
	bool seen = d->seen;

	d->now = *now;
	d->seen = true;
	if (!before.ifindex)
		tell(w, d, HF_DEVICE_FOUND);
	if (!seen)
		return; /* compared with what? */
	if (strcmp(before.name, now->name))
		tell(w, d, HF_DEVICE_RENAMED);
	if (memcmp(before.mac, now->mac, sizeof(now->mac)))
		tell(w, d, HF_DEVICE_MAC);
	if (before.mtu != now->mtu)
		tell(w, d, HF_DEVICE_MTU);
	if (before.member != now->member && now->member)
		tell(w, d, HF_DEVICE_MEMBER);
	if (before.up != now->up)
		tell(w, d, now->up ? HF_DEVICE_UP : HF_DEVICE_DOWN);
}

static void parse_member(struct nlattr *info, struct hf_device_now *now)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1], *bond[IFLA_BOND_MAX + 1];

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) ||
	    !tb[IFLA_INFO_KIND] || nla_strcmp(tb[IFLA_INFO_KIND], "bond") ||
	    !tb[IFLA_INFO_DATA] ||
	    nla_parse_nested(bond, IFLA_BOND_MAX, tb[IFLA_INFO_DATA], NULL) ||
	    !bond[IFLA_BOND_ACTIVE_SLAVE])
		return;
	now->member = nla_get_u32(bond[IFLA_BOND_ACTIVE_SLAVE]);
}

static bool parse(struct nlmsghdr *h, struct hf_device_now *now)
{
	const struct ifinfomsg *m = nlmsg_data(h);
	struct nlattr *tb[IFLA_MAX + 1];

	/* Bridges report their ports in a family of their own. */
	if (!nlmsg_valid_hdr(h, sizeof(*m)) || m->ifi_family != AF_UNSPEC ||
	    nlmsg_parse(h, sizeof(*m), tb, IFLA_MAX, NULL))
		return false;
	memset(now, 0, sizeof(*now));
	now->ifindex = (uint32_t)m->ifi_index;
	now->up = (m->ifi_flags & (IFF_UP | IFF_CARRIER)) ==
		  (IFF_UP | IFF_CARRIER);
	if (tb[IFLA_IFNAME])
		nla_strlcpy(now->name, tb[IFLA_IFNAME], sizeof(now->name));
	if (tb[IFLA_MTU])
		now->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(now->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	if (tb[IFLA_LINKINFO])
		parse_member(tb[IFLA_LINKINFO], now);
	return true;
}

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct hf_device_watch *w = arg;
	struct hf_device_now now;

	if ((h->nlmsg_type != RTM_NEWLINK && h->nlmsg_type != RTM_DELLINK) ||
	    !parse(h, &now))
		return NL_OK;
	for (unsigned int i = 0; i < w->devices; i++) {
		struct watched *d = &w->device[i];

		if (d->now.ifindex ? d->now.ifindex != now.ifindex :
				     strcmp(d->name, now.name) != 0)
			continue;
		if (h->nlmsg_type == RTM_NEWLINK)
			update(w, d, &now);
		else if (d->now.ifindex)
			lose(w, d);
	}
	return NL_OK;
}

int hf_device_watch_open(hf_device_change_fn fn, void *arg,
			 struct hf_device_watch **ret)
{
	struct hf_device_watch *w = calloc(1, sizeof(*w));
	int rc = -NLE_NOMEM;

	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->arg = arg;
	w->sock = nl_socket_alloc();
	if (w->sock) {
		nl_socket_disable_seq_check(w->sock);
		nl_socket_modify_cb(w->sock, NL_CB_VALID, NL_CB_CUSTOM,
				    on_message, w);
		rc = nl_connect(w->sock, NETLINK_ROUTE);
	}
	if (rc >= 0)
		rc = nl_socket_set_nonblocking(w->sock);
	if (rc >= 0)
		rc = nl_socket_add_membership(w->sock, RTNLGRP_LINK);
	if (rc < 0) {
		hf_device_watch_close(w);
		return rc == -NLE_NOMEM ? -ENOMEM : -EIO;
	}
	*ret = w;
	return 0;
}

void hf_device_watch_close(struct hf_device_watch *w)
{
	if (!w)
		return;
	nl_socket_free(w->sock);
	free(w->device);
	free(w);
}

int hf_device_watch_add(struct hf_device_watch *w, const char *name,
			uint32_t ifindex)
{
	struct watched *d = reallocarray(w->device, w->devices + 1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	w->device = d;
	d += w->devices++;
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->now.ifindex = ifindex;
	return 0;
}

/* What is not there any more is in no answer; the answers come as if they were
 * changes. */
void hf_device_watch_begin(struct hf_device_watch *w)
{
	char name[IFNAMSIZ];

	for (unsigned int i = 0; i < w->devices; i++)
		if (w->device[i].now.ifindex &&
		    !if_indextoname(w->device[i].now.ifindex, name))
			lose(w, &w->device[i]);
	nl_rtgen_request(w->sock, RTM_GETLINK, AF_UNSPEC, NLM_F_DUMP);
}

int hf_device_watch_fd(const struct hf_device_watch *w)
{
	return nl_socket_get_fd(w->sock);
}

void hf_device_watch_read(struct hf_device_watch *w)
{
	int rc;

	do {
		rc = nl_recvmsgs_default(w->sock);
		if (rc == -NLE_NOMEM || rc == -NLE_DUMP_INTR)
			hf_device_watch_begin(w);
	} while (rc >= 0 || rc == -NLE_NOMEM || rc == -NLE_DUMP_INTR);
}
