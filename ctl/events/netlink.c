// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events as netlink messages, see netlink.h. The one file beside the datapath
 * that sees libnl. A request to the module is answered before sendmsg() returns,
 * so its refusal (the module is gone) is known at once and the event goes the
 * other way.
 */
#include "netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <holdfast/abi.h>
#include <uapi/holdfast.h>

#include "base/clock.h"

/* How often to look for a module that has come; looking makes the kernel try
 * to load it. */
#define HF_LOOK_MS 10000
/* Readers hear that it has come, and join its group: time for that. */
#define HF_JOIN_MS 1000

/* All attributes at their longest need less than half of it. */
#define MESSAGE_MAX 8192

struct hf_event_netlink {
	struct hf_bus *bus;
	struct hf_bus_reader *reader;
	struct nl_sock *genl;
	struct nl_msg *msg; /* of the event at hand; made once */
	int usersock;
	int family; /* of the module, 0 = not there */
	uint64_t looked_ms, found_ms;
	bool began; /* the first look finds a module that was there before us */
	char instance[HOLDFAST_INSTANCE_MAX + 1];
	char boot_id[HOLDFAST_BOOT_ID_MAX + 1];
};

/* Cut to what the policy allows, at the beginning of a UTF-8 character. */
static int put_text(struct nl_msg *msg, int attribute, const char *text,
		    size_t max)
{
	char cut[HOLDFAST_TEXT_MAX + 1];
	size_t len;

	if (!text || !*text)
		return 0;
	len = strnlen(text, max + 1);
	if (len > max)
		for (len = max; len && (text[len] & 0xc0) == 0x80;)
			len--;
	memcpy(cut, text, len);
	cut[len] = 0;
	return nla_put_string(msg, attribute, cut);
}

static int put_event(struct nl_msg *msg, const struct hf_event_netlink *n,
		     const struct hf_event *e)
{
	char text[HOLDFAST_TEXT_MAX + 1];

	hf_event_text(e, text, sizeof(text));
#define TEXT(id, value) put_text(msg, HOLDFAST_A_##id, value, HOLDFAST_##id##_MAX)
	return nla_put_u64(msg, HOLDFAST_A_NUMBER, e->number) ||
	       nla_put_u64(msg, HOLDFAST_A_WALL_MS, e->wall_ms) ||
	       nla_put_u64(msg, HOLDFAST_A_CALL, e->call) ||
	       nla_put_u32(msg, HOLDFAST_A_SECONDS_PARKED, e->seconds_parked) ||
	       nla_put_u32(msg, HOLDFAST_A_SECONDS_LEFT, e->seconds_left) ||
	       nla_put_u32(msg, HOLDFAST_A_ATTEMPT, e->attempt) ||
	       nla_put_u32(msg, HOLDFAST_A_PRIVATE, e->privacy) ||
	       nla_put_u32(msg, HOLDFAST_A_DIGIT_MS, e->digit_ms) ||
	       TEXT(TENANT, e->tenant) || TEXT(PARTY, e->party) || TEXT(DIGIT, e->digit) ||
	       nla_put_u32(msg, HOLDFAST_A_ABI_MAJOR, HF_ABI_MAJOR) ||
	       nla_put_u32(msg, HOLDFAST_A_ABI_MINOR, HF_ABI_MINOR) ||
	       TEXT(INSTANCE, n->instance) || TEXT(BOOT_ID, n->boot_id) ||
	       TEXT(EVENT, hf_event_name(e->type)) || TEXT(LOT, e->lot) ||
	       TEXT(SLOT, e->slot) || TEXT(CALLER_NUMBER, e->caller_number) ||
	       TEXT(CALLER_NAME, e->caller_name) ||
	       TEXT(CALLER_URI, e->caller_uri) ||
	       TEXT(PARKER, e->parker_uri) ||
	       TEXT(RETRIEVER, e->retriever_uri) ||
	       TEXT(PARKED_CALL_ID, e->parked_call_id) ||
	       TEXT(OTHER_CALL_ID, e->other_call_id) || TEXT(RULE, e->rule) ||
	       TEXT(REASON, e->reason) ||
	       TEXT(USER_TO_USER, e->user_to_user) || TEXT(TEXT, text);
#undef TEXT
}

static bool fill_message(struct hf_event_netlink *n, const struct hf_event *e,
			 int type, int flags, uint8_t command)
{
	nlmsg_hdr(n->msg)->nlmsg_len = NLMSG_HDRLEN; /* empty it */
	return genlmsg_put(n->msg, 0, 0, type, 0, flags, command,
			   HOLDFAST_VERSION) &&
	       !put_event(n->msg, n, e);
}

/* By the module. 0, or why it did not take it. */
static int send_by_module(struct hf_event_netlink *n, const struct hf_event *e)
{
	if (!fill_message(n, e, n->family, NLM_F_REQUEST | NLM_F_ACK,
			  HOLDFAST_CMD_NOTIFY))
		return -ENOMEM;
	if (nl_send_auto(n->genl, n->msg) < 0)
		return -EIO;
	return nl_wait_for_ack(n->genl) ? -EIO : 0;
}

static void send_by_ourselves(struct hf_event_netlink *n,
			      const struct hf_event *e)
{
	struct sockaddr_nl to = {
		.nl_family = AF_NETLINK,
		.nl_groups = 1u << (HOLDFAST_USERSOCK_GROUP - 1),
	};
	struct nlmsghdr *h = nlmsg_hdr(n->msg);

	if (!fill_message(n, e, HOLDFAST_USERSOCK_TYPE, 0, HOLDFAST_CMD_EVENT))
		return;
	/* Nobody listens, or a reader's queue is full: the numbers tell it. */
	(void)sendto(n->usersock, h, h->nlmsg_len, MSG_DONTWAIT,
		     (struct sockaddr *)&to, sizeof(to));
}

static void look_for_module(struct hf_event_netlink *n)
{
	uint64_t now = hf_now_ms();
	int family;

	if (n->family || (n->looked_ms && now - n->looked_ms < HF_LOOK_MS))
		return;
	n->looked_ms = now;
	family = genl_ctrl_resolve(n->genl, HOLDFAST_FAMILY);
	n->family = family > 0 ? family : 0;
	n->found_ms = n->began ? now : 0;
	n->began = true;
}

static void send_event(void *arg, const struct hf_event *e, const char *json,
		       size_t len)
{
	struct hf_event_netlink *n = arg;

	look_for_module(n);
	if (!n->family || hf_now_ms() < n->found_ms + HF_JOIN_MS) {
		send_by_ourselves(n, e);
	} else if (send_by_module(n, e)) {
		n->family = 0;
		send_by_ourselves(n, e);
	}
}

static void read_boot_id(char *id, size_t len)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, id, len - 1);

	id[got < 0 ? 0 : got] = 0;
	id[strcspn(id, "\n")] = 0;
	if (fd >= 0)
		close(fd);
}

int hf_event_netlink_open(struct hf_bus *bus, const char *instance,
			  struct hf_event_netlink **ret)
{
	struct hf_event_netlink *n = calloc(1, sizeof(*n));
	int r = -ENOMEM;

	if (!n)
		return r;
	n->usersock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			     NETLINK_USERSOCK);
	n->genl = nl_socket_alloc();
	n->msg = nlmsg_alloc_size(MESSAGE_MAX);
	strncpy(n->instance, instance, sizeof(n->instance) - 1);
	read_boot_id(n->boot_id, sizeof(n->boot_id));
	if (n->usersock < 0)
		r = -errno;
	else if (n->msg && n->genl && !genl_connect(n->genl))
		r = hf_bus_subscribe(bus, send_event, n, &n->reader);
	if (r) {
		hf_event_netlink_close(n);
		return r;
	}
	n->bus = bus;
	hf_bus_wants(n->reader, hf_bus_no_json);
	hf_bus_set_netlink(bus, true);
	*ret = n;
	return 0;
}

void hf_event_netlink_close(struct hf_event_netlink *n)
{
	if (!n)
		return;
	if (n->reader)
		hf_bus_unsubscribe(n->bus, n->reader);
	nlmsg_free(n->msg);
	nl_socket_free(n->genl);
	if (n->usersock >= 0)
		close(n->usersock);
	free(n);
}
