// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Route, link and neighbour questions over rtnetlink (see netlink.h), with two
 * sockets: one asks and waits for its answer, the other only listens, so that
 * a burst of notifications never stands between a question and its answer.
 *
 * The library reports failures in numbers of its own; from_nl() is the only
 * place where they turn into errno.
 */
#include "mediad/netlink.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <arpa/inet.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* IFF_LOWER_UP of <linux/if.h>, which does not go together with <net/if.h>. */
#define IFF_CARRIER (1 << 16)

/* Room for the notifications of a burst, e.g. thousands of routes flushed. */
#define LISTEN_BUFFER (1 << 20)

struct hf_netlink {
	struct nl_sock *ask;
	struct nl_sock *listen;
	struct hf_netlink_events events;
	bool watching;
	/* The question under way. */
	int (*answer)(const struct nlmsghdr *, void *ret);
	void *answer_ret;
	int status; /* 1 = not answered, 0, or -errno */
	bool done;  /* acknowledged or refused: nothing more will come */
};

static int from_nl(int code)
{
	switch (code >= 0 ? 0 : -code) {
	case NLE_SUCCESS:
		return 0;
	case NLE_INTR:
	case NLE_AGAIN:
	case NLE_DUMP_INTR:
		return -EAGAIN;
	case NLE_NOMEM: /* also ENOBUFS of a socket that overflowed */
		return -ENOBUFS;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_EXIST:
		return -EEXIST;
	case NLE_BUSY:
		return -EBUSY;
	case NLE_OPNOTSUPP:
	case NLE_PROTO_MISMATCH:
	case NLE_AF_NOSUPPORT:
		return -EOPNOTSUPP;
	case NLE_BAD_SOCK:
		return -EBADF;
	default:
		return -EIO;
	}
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct hf_netlink *nl = arg;

	nl->status = nl->answer(nlmsg_hdr(msg), nl->answer_ret);
	return NL_OK;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct hf_netlink *nl = arg;

	if (nl->status > 0)
		nl->status = nl->answer ? -ENOENT : 0;
	nl->done = true;
	return NL_STOP;
}

static int on_refusal(struct sockaddr_nl *from, struct nlmsgerr *err, void *arg)
{
	struct hf_netlink *nl = arg;

	nl->status = err->error;
	nl->done = true;
	return NL_STOP;
}

/* Sends `msg` (and frees it), takes at most one answer, waits for the ack. */
static int ask(struct hf_netlink *nl, struct nl_msg *msg,
	       int (*answer)(const struct nlmsghdr *, void *), void *ret)
{
	int rc;

	nl->answer = answer;
	nl->answer_ret = ret;
	nl->status = 1;
	nl->done = false;
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	rc = nl_send_auto(nl->ask, msg);
	nlmsg_free(msg);
	if (rc < 0)
		return from_nl(rc);
	/* The answer and the acknowledgement come one after the other. */
	while (!nl->done) {
		rc = nl_recvmsgs_default(nl->ask);
		if (rc < 0 && !nl->done && rc != -NLE_AGAIN &&
		    rc != -NLE_INTR && rc != -NLE_SEQ_MISMATCH)
			return from_nl(rc);
	}
	return nl->status;
}

static void event_link(struct hf_netlink *nl, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = nlmsg_data(h);

	/* Bridges report their ports in a family of their own. */
	if (!nlmsg_valid_hdr(h, sizeof(*m)) || m->ifi_family != AF_UNSPEC)
		return;
	nl->events.link(nl->events.arg, (uint32_t)m->ifi_index,
			h->nlmsg_type == RTM_DELLINK);
}

/* An attribute that is an address of either family. */
static bool get_ip(struct nlattr *attribute, struct hf_ip *ret)
{
	struct in6_addr six;
	struct in_addr ip4;

	if (attribute && nla_len(attribute) == 4) {
		memcpy(&ip4, nla_data(attribute), sizeof(ip4));
		*ret = hf_ip_of4(ip4);
		return true;
	}
	if (!attribute || nla_len(attribute) != 16)
		return false;
	memcpy(&six, nla_data(attribute), sizeof(six));
	*ret = hf_ip_of6(&six);
	return true;
}

static int put_ip(struct nl_msg *msg, int type, const struct hf_ip *ip)
{
	return hf_ip_is6(ip) ? nla_put(msg, type, 16, &ip->six) :
			       nla_put_u32(msg, type, ip->s_addr);
}

static void event_neigh(struct hf_netlink *nl, const struct nlmsghdr *h)
{
	const struct ndmsg *m = nlmsg_data(h);
	struct hf_ip address;

	if (!nlmsg_valid_hdr(h, sizeof(*m)) ||
	    (m->ndm_family != AF_INET && m->ndm_family != AF_INET6))
		return;
	if (get_ip(nlmsg_find_attr((struct nlmsghdr *)h, sizeof(*m), NDA_DST),
		   &address))
		nl->events.neigh(nl->events.arg, (uint32_t)m->ndm_ifindex,
				 &address);
}

static int on_event(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	struct hf_netlink *nl = arg;

	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		event_link(nl, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		event_neigh(nl, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWADDR: /* an address gone takes its routes along silently */
	case RTM_DELADDR:
		nl->events.route(nl->events.arg);
		break;
	}
	return NL_OK;
}

static int open_ask(struct hf_netlink *nl)
{
	struct nl_cb *cb;
	int rc;

	nl->ask = nl_socket_alloc();
	if (!nl->ask)
		return -ENOMEM;
	rc = nl_connect(nl->ask, NETLINK_ROUTE);
	if (rc < 0)
		return from_nl(rc);
	nl_socket_modify_cb(nl->ask, NL_CB_VALID, NL_CB_CUSTOM, on_answer, nl);
	nl_socket_modify_cb(nl->ask, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	cb = nl_socket_get_cb(nl->ask);
	nl_cb_err(cb, NL_CB_CUSTOM, on_refusal, nl);
	nl_cb_put(cb);
	return 0;
}

static int open_listen(struct hf_netlink *nl)
{
	int rc;

	nl->listen = nl_socket_alloc();
	if (!nl->listen)
		return -ENOMEM;
	nl_socket_disable_seq_check(nl->listen);
	nl_socket_modify_cb(nl->listen, NL_CB_VALID, NL_CB_CUSTOM, on_event,
			    nl);
	rc = nl_connect(nl->listen, NETLINK_ROUTE);
	if (rc >= 0)
		rc = nl_socket_set_nonblocking(nl->listen);
	if (rc < 0)
		return from_nl(rc);
	/* The default is too small for a burst; without the privilege to go
	 * above the system's limit the library takes what it may. */
	nl_socket_set_buffer_size(nl->listen, LISTEN_BUFFER, 0);
	return 0;
}

int hf_netlink_open(const struct hf_netlink_events *events,
		    struct hf_netlink **ret)
{
	struct hf_netlink *nl = calloc(1, sizeof(*nl));
	int rc;

	if (!nl)
		return -ENOMEM;
	rc = open_ask(nl);
	if (events) {
		nl->events = *events;
		rc = rc ? rc : open_listen(nl);
	}
	if (rc) {
		hf_netlink_close(nl);
		return rc;
	}
	*ret = nl;
	return 0;
}

void hf_netlink_close(struct hf_netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->ask);
	nl_socket_free(nl->listen);
	free(nl);
}

int hf_netlink_watch(struct hf_netlink *nl, bool on)
{
	static const int groups[] = {
		RTNLGRP_LINK,	     RTNLGRP_NEIGH,	  RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV4_RULE,   RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_ROUTE,
		RTNLGRP_IPV6_RULE,   RTNLGRP_IPV6_IFADDR,
	};
	int rc = 0;

	if (on == nl->watching)
		return 0;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && rc >= 0; i++)
		rc = on ? nl_socket_add_membership(nl->listen, groups[i]) :
			  nl_socket_drop_membership(nl->listen, groups[i]);
	if (rc < 0)
		return from_nl(rc);
	nl->watching = on;
	return on;
}

int hf_netlink_fd(const struct hf_netlink *nl)
{
	return nl_socket_get_fd(nl->listen);
}

int hf_netlink_read(struct hf_netlink *nl)
{
	int rc;

	do {
		rc = nl_recvmsgs_default(nl->listen);
	} while (rc >= 0);
	rc = from_nl(rc);
	return rc == -EAGAIN ? 0 : rc;
}

static int parse_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *m = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct nlattr *metrics[RTAX_MAX + 1];
	struct hf_route *r = arg;

	if (nlmsg_parse((struct nlmsghdr *)h, sizeof(*m), tb, RTA_MAX, NULL))
		return -EBADMSG;
	if (!tb[RTA_OIF] || nla_len(tb[RTA_OIF]) != 4)
		return -ENETUNREACH;
	if (m->rtm_type != RTN_UNICAST && m->rtm_type != RTN_LOCAL &&
	    m->rtm_type != RTN_MULTICAST)
		return -ENETUNREACH;
	r->ifindex = nla_get_u32(tb[RTA_OIF]);
	r->local = m->rtm_type == RTN_LOCAL;
	if (tb[RTA_VIA] && nla_len(tb[RTA_VIA]) == 2 + 16) {
		struct in6_addr six;

		/* An IPv4 route via an IPv6 gateway (RFC 5549). */
		memcpy(&six, (char *)nla_data(tb[RTA_VIA]) + 2, sizeof(six));
		r->via = hf_ip_of6(&six);
	} else if (tb[RTA_VIA]) {
		return -EAFNOSUPPORT;
	} else {
		get_ip(tb[RTA_GATEWAY], &r->via);
	}
	get_ip(tb[RTA_PREFSRC], &r->from);
	if (tb[RTA_METRICS] &&
	    !nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) &&
	    metrics[RTAX_MTU] && nla_len(metrics[RTAX_MTU]) == 4)
		r->mtu = nla_get_u32(metrics[RTAX_MTU]);
	return 0;
}

int hf_netlink_route(struct hf_netlink *nl, const struct hf_ip *dest,
		     __be32 from, struct hf_route *ret)
{
	struct rtmsg m = {.rtm_family = hf_ip_is6(dest) ? AF_INET6 : AF_INET,
			  .rtm_dst_len = hf_ip_is6(dest) ? 128 : 32};
	struct hf_route r = {.via = *dest};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	int rc;

	if (!msg)
		return -ENOMEM;
	if (from)
		m.rtm_src_len = 32;
	if (nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO) ||
	    put_ip(msg, RTA_DST, dest) ||
	    (from && nla_put_u32(msg, RTA_SRC, from))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rc = ask(nl, msg, parse_route, &r);
	if (!rc)
		*ret = r;
	return rc;
}

static void parse_vlan(struct nlattr *data, struct hf_link *l)
{
	struct nlattr *vlan[IFLA_VLAN_MAX + 1];
	struct nlattr *protocol;

	if (nla_parse_nested(vlan, IFLA_VLAN_MAX, data, NULL) ||
	    !vlan[IFLA_VLAN_ID])
		return;
	protocol = vlan[IFLA_VLAN_PROTOCOL];
	/* 802.1ad (stacked) tags are left to the device. */
	if (protocol && nla_get_u16(protocol) != htons(0x8100))
		return;
	l->vlan = true;
	l->vlan_id = nla_get_u16(vlan[IFLA_VLAN_ID]);
}

/* Devices made of software have a kind. Of these only some have the driver
 * function for redirected frames (ndo_xdp_xmit); a bridge, say, has not, and
 * the kernel drops such frames without a word. */
static void parse_kind(struct nlattr *info, struct hf_link *l)
{
	static const char *const take[] = {"veth", "tun", "bond"};
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) ||
	    !tb[IFLA_INFO_KIND])
		return;
	l->redirect = false;
	for (size_t i = 0; i < sizeof(take) / sizeof(take[0]); i++)
		if (!nla_strcmp(tb[IFLA_INFO_KIND], take[i]))
			l->redirect = true;
	if (!nla_strcmp(tb[IFLA_INFO_KIND], "vlan") && tb[IFLA_INFO_DATA] &&
	    l->lower)
		parse_vlan(tb[IFLA_INFO_DATA], l);
}

static int parse_link(const struct nlmsghdr *h, void *arg)
{
	const struct ifinfomsg *m = nlmsg_data(h);
	struct nlattr *tb[IFLA_MAX + 1];
	struct hf_link *l = arg;

	if (nlmsg_parse((struct nlmsghdr *)h, sizeof(*m), tb, IFLA_MAX, NULL))
		return -EBADMSG;
	l->ifindex = (uint32_t)m->ifi_index;
	/* The carrier itself: IFF_RUNNING may lag a second behind it. */
	l->up = (m->ifi_flags & (IFF_UP | IFF_CARRIER)) ==
		(IFF_UP | IFF_CARRIER);
	l->loopback = m->ifi_flags & IFF_LOOPBACK;
	l->noarp = m->ifi_flags & IFF_NOARP;
	l->ethernet = m->ifi_type == ARPHRD_ETHER;
	l->redirect = l->ethernet && !l->loopback;
	if (tb[IFLA_IFNAME])
		nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof(l->name));
	if (tb[IFLA_MTU])
		l->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	/* A device below in another namespace has a number of that one. */
	if (tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID])
		l->lower = nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_STATS64] &&
	    nla_len(tb[IFLA_STATS64]) >= (int)sizeof(uint64_t) * 2)
		memcpy(&l->tx_packets,
		       (char *)nla_data(tb[IFLA_STATS64]) +
			       offsetof(struct rtnl_link_stats64, tx_packets),
		       sizeof(l->tx_packets));
	if (tb[IFLA_LINKINFO])
		parse_kind(tb[IFLA_LINKINFO], l);
	return 0;
}

int hf_netlink_link(struct hf_netlink *nl, uint32_t ifindex,
		    struct hf_link *ret)
{
	struct ifinfomsg m = {.ifi_index = (int)ifindex};
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETLINK, 0);
	struct hf_link l = {0};
	int rc;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, &m, sizeof(m), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rc = ask(nl, msg, parse_link, &l);
	if (!rc)
		*ret = l;
	return rc;
}

static struct nl_msg *neigh_message(int type, int flags, const struct ndmsg *m,
				    const struct hf_ip *address)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, (void *)m, sizeof(*m), NLMSG_ALIGNTO) ||
	    put_ip(msg, NDA_DST, address)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int parse_neigh(const struct nlmsghdr *h, void *arg)
{
	const struct ndmsg *m = nlmsg_data(h);
	struct hf_neigh *n = arg;
	struct nlattr *mac, *cache, *more;

	if (!nlmsg_valid_hdr(h, sizeof(*m)))
		return -EBADMSG;
	cache = nlmsg_find_attr((struct nlmsghdr *)h, sizeof(*m), NDA_CACHEINFO);
	if (cache && nla_len(cache) >= (int)sizeof(struct nda_cacheinfo)) {
		const struct nda_cacheinfo *c = nla_data(cache);

		/* In hundredths of a second, whatever the kernel's HZ. */
		n->confirmed_ms = 10ULL * c->ndm_confirmed;
		n->updated_ms = 10ULL * c->ndm_updated;
	}
	more = nlmsg_find_attr((struct nlmsghdr *)h, sizeof(*m), NDA_FLAGS_EXT);
	n->fixed = m->ndm_state & (NUD_PERMANENT | NUD_NOARP);
	n->others = m->ndm_flags & NTF_EXT_LEARNED ||
		    (more && nla_len(more) == 4 && nla_get_u32(more));
	mac = nlmsg_find_attr((struct nlmsghdr *)h, sizeof(*m), NDA_LLADDR);
	n->failed = m->ndm_state & NUD_FAILED;
	if (mac && nla_len(mac) == 6 &&
	    (m->ndm_state & (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE |
			     NUD_PERMANENT | NUD_NOARP))) {
		n->known = true;
		memcpy(n->mac, nla_data(mac), 6);
	}
	return 0;
}

int hf_netlink_neigh(struct hf_netlink *nl, uint32_t ifindex,
		     const struct hf_ip *address, struct hf_neigh *ret)
{
	struct ndmsg m = {.ndm_family = hf_ip_is6(address) ? AF_INET6 : AF_INET,
			  .ndm_ifindex = (int)ifindex};
	struct nl_msg *msg = neigh_message(RTM_GETNEIGH, 0, &m, address);
	struct hf_neigh n = {0};
	int rc;

	if (!msg)
		return -ENOMEM;
	rc = ask(nl, msg, parse_neigh, &n);
	if (!rc)
		*ret = n;
	return rc;
}

int hf_netlink_neigh_use(struct hf_netlink *nl, uint32_t ifindex,
			 const struct hf_ip *address)
{
	struct ndmsg m = {.ndm_family = hf_ip_is6(address) ? AF_INET6 : AF_INET,
			  .ndm_ifindex = (int)ifindex,
			  .ndm_flags = NTF_USE};
	struct hf_neigh now;
	struct nl_msg *msg;

	/* From 5.16 on this would take from an entry what makes it permanent,
	 * managed or learned, and of a permanent one the address, too. */
	if (!hf_netlink_neigh(nl, ifindex, address, &now) &&
	    (now.fixed || now.others))
		return 0;
	msg = neigh_message(RTM_NEWNEIGH, NLM_F_CREATE, &m, address);
	return msg ? ask(nl, msg, NULL, NULL) : -ENOMEM;
}

int hf_netlink_neigh_found(struct hf_netlink *nl, uint32_t ifindex,
			   const struct hf_ip *address, const uint8_t mac[6])
{
	struct ndmsg m = {.ndm_family = hf_ip_is6(address) ? AF_INET6 : AF_INET,
			  .ndm_ifindex = (int)ifindex,
			  .ndm_state = NUD_REACHABLE};
	struct nl_msg *msg;

	msg = neigh_message(RTM_NEWNEIGH, NLM_F_REPLACE, &m, address);
	if (msg && nla_put(msg, NDA_LLADDR, 6, mac)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg ? ask(nl, msg, NULL, NULL) : -ENOMEM;
}
