// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Follows what happens to parked calls, without holdfastd's knowledge.
 *
 *	cc -o follow follow.c -I../../include $(pkg-config --cflags --libs libnl-genl-3.0)
 *	sudo ./follow [COUNT]
 *
 * Listens to the kernel module's group and to the controller's own (where there
 * is no module), and believes only the kernel and root: anybody may send to the
 * second. Prints number, event, lot, slot and a sentence; says when it missed
 * some. Ends after COUNT events. The module may come and go meanwhile: the
 * kernel tells those who listen to the family of families ("nlctrl").
 */
#define _GNU_SOURCE /* struct ucred */
#include <errno.h>
#include <inttypes.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <uapi/holdfast.h>

struct follower {
	uint64_t last, seen, count;
};

static const char *text(struct nlattr *a)
{
	return a ? nla_get_string(a) : "";
}

static int event(struct nl_msg *msg, void *arg)
{
	struct ucred *from = nlmsg_get_creds(msg);
	struct nlattr *a[HOLDFAST_A_MAX + 1];
	struct follower *f = arg;
	uint64_t number;

	/* Messages of the kernel are root's, too. */
	if (!from || from->uid)
		return NL_SKIP;
	if (genlmsg_parse(nlmsg_hdr(msg), 0, a, HOLDFAST_A_MAX, NULL) ||
	    !a[HOLDFAST_A_NUMBER] || !a[HOLDFAST_A_EVENT])
		return NL_SKIP;
	number = nla_get_u64(a[HOLDFAST_A_NUMBER]);
	if (f->last && number > f->last + 1)
		printf("lost %" PRIu64 "\n", number - f->last - 1);
	f->last = number;
	printf("%" PRIu64 " %s %s %s: %s\n", number, text(a[HOLDFAST_A_EVENT]),
	       text(a[HOLDFAST_A_LOT]), text(a[HOLDFAST_A_SLOT]), text(a[HOLDFAST_A_TEXT]));
	fflush(stdout);
	f->seen++;
	return NL_OK;
}

/* What families say is no event; that they spoke is enough. */
static int nothing(struct nl_msg *msg, void *arg)
{
	return NL_OK;
}

static struct nl_sock *subscribe(int protocol, int group, struct follower *f)
{
	struct nl_sock *s = nl_socket_alloc();

	nl_socket_disable_seq_check(s);
	nl_socket_modify_cb(s, NL_CB_VALID, NL_CB_CUSTOM, f ? event : nothing, f);
	if (nl_connect(s, protocol) || nl_socket_set_passcred(s, 1) ||
	    nl_socket_add_membership(s, group)) {
		nl_socket_free(s);
		return NULL;
	}
	nl_socket_set_nonblocking(s);
	return s;
}

static struct nl_sock *subscribe_to(const char *family, const char *name, struct follower *f)
{
	struct nl_sock *ask = nl_socket_alloc(), *s = NULL;
	int group;

	if (!genl_connect(ask)) {
		group = genl_ctrl_resolve_grp(ask, family, name);
		if (group > 0)
			s = subscribe(NETLINK_GENERIC, group, f);
	}
	nl_socket_free(ask);
	return s;
}

static void families_changed(struct nl_sock *sock[3], struct follower *f)
{
	while (nl_recvmsgs_default(sock[2]) >= 0)
		;
	nl_socket_free(sock[0]);
	sock[0] = subscribe_to(HOLDFAST_FAMILY, HOLDFAST_GROUP_EVENTS, f);
}

int main(int argc, char **argv)
{
	struct follower f = { .count = argc > 1 ? strtoull(argv[1], NULL, 10) : 0 };
	struct nl_sock *sock[3] = {
		subscribe_to(HOLDFAST_FAMILY, HOLDFAST_GROUP_EVENTS, &f),
		subscribe(NETLINK_USERSOCK, HOLDFAST_USERSOCK_GROUP, &f),
		subscribe_to("nlctrl", "notify", NULL),
	};
	struct pollfd p[3];

	if (!sock[0] && !sock[1]) {
		fprintf(stderr, "follow: not allowed: CAP_NET_ADMIN is needed\n");
		return 1;
	}
	printf("following %s\n", sock[0] ? "the kernel module and the controller" : "the controller");
	fflush(stdout);
	while (!f.count || f.seen < f.count) {
		for (int i = 0; i < 3; i++)
			p[i] = (struct pollfd){ .fd = sock[i] ? nl_socket_get_fd(sock[i]) : -1,
						.events = POLLIN };
		if (poll(p, 3, -1) < 0 && errno != EINTR)
			break;
		for (int i = 0; i < 2; i++)
			/* -NLE_NOMEM is ENOBUFS: what was missed shows in the numbers */
			while (sock[i] && nl_recvmsgs_default(sock[i]) >= 0)
				;
		if (p[2].revents)
			families_changed(sock, &f);
	}
	for (int i = 0; i < 3; i++)
		nl_socket_free(sock[i]);
	return 0;
}
