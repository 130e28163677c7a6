// SPDX-License-Identifier: GPL-2.0-or-later
/* The coming and going of the kernel module, see module.h. */
#include "mediad/module.h"

#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <string.h>

#include "uapi/holdfast.h"

static int announced(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *head = nlmsg_data(nlmsg_hdr(msg));
	struct nlattr *a[CTRL_ATTR_MAX + 1];
	bool *left = arg;

	if (head->cmd == CTRL_CMD_DELFAMILY &&
	    !genlmsg_parse(nlmsg_hdr(msg), 0, a, CTRL_ATTR_MAX, NULL) &&
	    a[CTRL_ATTR_FAMILY_NAME] &&
	    !nla_strcmp(a[CTRL_ATTR_FAMILY_NAME], HOLDFAST_FAMILY))
		*left = true;
	return NL_OK;
}

struct nl_sock *hf_module_listen(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group;

	if (!sock)
		return NULL;
	nl_socket_disable_seq_check(sock);
	if (genl_connect(sock))
		goto fail;
	group = genl_ctrl_resolve_grp(sock, "nlctrl", "notify");
	if (group < 0 || nl_socket_add_membership(sock, group) ||
	    nl_socket_set_nonblocking(sock))
		goto fail;
	return sock;
fail:
	nl_socket_free(sock);
	return NULL;
}

void hf_module_close(struct nl_sock *sock)
{
	nl_socket_free(sock);
}

int hf_module_fd(const struct nl_sock *sock)
{
	return sock ? nl_socket_get_fd(sock) : -1;
}

bool hf_module_left(struct nl_sock *sock)
{
	bool left = false;

	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, announced, &left);
	while (nl_recvmsgs_default(sock) >= 0)
		;
	return left;
}
