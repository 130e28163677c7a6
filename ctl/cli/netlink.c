// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events by netlink, see netlink.h. Anybody may send to the controller's group,
 * so a message counts only with the credentials of root or of who runs the
 * daemon; the kernel attaches those, and its own are root's.
 *
 * The module may come and go, with another group each time: the kernel tells
 * those who listen to the family of families.
 */
#include "netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <holdfast/abi.h>
#include <uapi/holdfast.h>

enum { MODULE, USERSOCK, FAMILIES, SOCKETS };
HF_ASSERT(SOCKETS == HF_NETLINK_READER_FDS, "as the header says");

struct hf_netlink_reader {
	struct nl_sock *sock[SOCKETS];
	int group; /* of the module, 0 = it is not there */
};

static struct nl_sock *join(int protocol, int group)
{
	struct nl_sock *s = group > 0 ? nl_socket_alloc() : NULL;

	if (!s)
		return NULL;
	if (nl_connect(s, protocol) || nl_socket_set_passcred(s, 1) ||
	    nl_socket_set_nonblocking(s) ||
	    nl_socket_add_membership(s, group)) {
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

static int group_of(const char *family, const char *name)
{
	struct nl_sock *ask = nl_socket_alloc();
	int group = 0;

	if (ask && !genl_connect(ask))
		group = genl_ctrl_resolve_grp(ask, family, name);
	nl_socket_free(ask);
	return group > 0 ? group : 0;
}

/* The module's group is another one now, or none. */
static void follow_module(struct hf_netlink_reader *r)
{
	int group = group_of(HOLDFAST_FAMILY, HOLDFAST_GROUP_EVENTS);

	if (group == r->group)
		return;
	nl_socket_free(r->sock[MODULE]);
	r->sock[MODULE] = join(NETLINK_GENERIC, group);
	r->group = r->sock[MODULE] ? group : 0;
}

struct hf_netlink_reader *hf_netlink_reader_open(void)
{
	struct hf_netlink_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->sock[USERSOCK] = join(NETLINK_USERSOCK, HOLDFAST_USERSOCK_GROUP);
	if (!r->sock[USERSOCK]) {
		hf_netlink_reader_close(r);
		return NULL;
	}
	r->sock[FAMILIES] =
		join(NETLINK_GENERIC, group_of("nlctrl", "notify"));
	follow_module(r);
	return r;
}

void hf_netlink_reader_close(struct hf_netlink_reader *r)
{
	for (int i = 0; r && i < SOCKETS; i++)
		nl_socket_free(r->sock[i]);
	free(r);
}

const char *hf_netlink_reader_source(const struct hf_netlink_reader *r)
{
	return r->sock[MODULE] ? "module" : "usersock";
}

void hf_netlink_reader_poll(const struct hf_netlink_reader *r,
			    struct pollfd *p)
{
	for (int i = 0; i < SOCKETS; i++)
		p[i] = (struct pollfd){
			.fd = r->sock[i] ? nl_socket_get_fd(r->sock[i]) : -1,
			.events = POLLIN,
		};
}

static json_t *text_of(struct nlattr *a)
{
	json_t *text = a ? json_string(nla_get_string(a)) : NULL;

	return text ? text : json_null();
}

static json_t *number_of(struct nlattr *a)
{
	if (!a)
		return json_integer(0);
	return json_integer(nla_len(a) == 8 ? (json_int_t)nla_get_u64(a) :
					      (json_int_t)nla_get_u32(a));
}

/* The keys of Documentation/control.md. */
static json_t *event_of(struct nlattr **a)
{
	static const struct {
		const char *key;
		int attribute;
		bool number;
	} map[] = {
		{ "number", HOLDFAST_A_NUMBER, true },
		{ "event", HOLDFAST_A_EVENT, false },
		{ "wall_ms", HOLDFAST_A_WALL_MS, true },
		{ "call", HOLDFAST_A_CALL, true },
		{ "tenant", HOLDFAST_A_TENANT, false },
		{ "lot", HOLDFAST_A_LOT, false },
		{ "slot", HOLDFAST_A_SLOT, false },
		{ "caller_number", HOLDFAST_A_CALLER_NUMBER, false },
		{ "caller_name", HOLDFAST_A_CALLER_NAME, false },
		{ "caller_uri", HOLDFAST_A_CALLER_URI, false },
		{ "parker_uri", HOLDFAST_A_PARKER, false },
		{ "retriever_uri", HOLDFAST_A_RETRIEVER, false },
		{ "parked_call_id", HOLDFAST_A_PARKED_CALL_ID, false },
		{ "other_call_id", HOLDFAST_A_OTHER_CALL_ID, false },
		{ "seconds_parked", HOLDFAST_A_SECONDS_PARKED, true },
		{ "seconds_left", HOLDFAST_A_SECONDS_LEFT, true },
		{ "attempt", HOLDFAST_A_ATTEMPT, true },
		{ "rule", HOLDFAST_A_RULE, false },
		{ "reason", HOLDFAST_A_REASON, false },
		{ "user_to_user", HOLDFAST_A_USER_TO_USER, false },
		{ "party", HOLDFAST_A_PARTY, false },
		{ "digit", HOLDFAST_A_DIGIT, false },
		{ "digit_ms", HOLDFAST_A_DIGIT_MS, true },
		{ "text", HOLDFAST_A_TEXT, false },
	};
	json_t *event = json_object();

	for (size_t i = 0; i < sizeof(map) / sizeof(*map); i++) {
		struct nlattr *at = a[map[i].attribute];

		json_object_set_new(event, map[i].key,
				    map[i].number ? number_of(at) : text_of(at));
	}
	json_object_set_new(event, "private",
			    json_boolean(a[HOLDFAST_A_PRIVATE] &&
					 nla_get_u32(a[HOLDFAST_A_PRIVATE])));
	if (!json_integer_value(json_object_get(event, "seconds_left")))
		json_object_set_new(event, "seconds_left", json_null());
	return event;
}

/* One datagram as an event, or NULL if it is none that we believe. */
static json_t *parse(unsigned char *data, int len, const struct ucred *from,
		     const char *instance, uid_t owner)
{
	static const struct nla_policy policy[HOLDFAST_A_MAX + 1] = {
		[HOLDFAST_A_NUMBER] = { .type = NLA_U64 },
		[HOLDFAST_A_WALL_MS] = { .type = NLA_U64 },
		[HOLDFAST_A_CALL] = { .type = NLA_U64 },
		[HOLDFAST_A_SECONDS_PARKED] = { .type = NLA_U32 },
		[HOLDFAST_A_SECONDS_LEFT] = { .type = NLA_U32 },
		[HOLDFAST_A_ATTEMPT] = { .type = NLA_U32 },
		[HOLDFAST_A_DIGIT_MS] = { .type = NLA_U32 },
		[HOLDFAST_A_PRIVATE] = { .type = NLA_U32 },
		[HOLDFAST_A_INSTANCE] = { .type = NLA_STRING },
		[HOLDFAST_A_EVENT] = { .type = NLA_STRING },
	};
	struct nlattr *a[HOLDFAST_A_MAX + 1];
	struct nlmsghdr *h = (struct nlmsghdr *)data;

	if (!from || (from->uid && from->uid != owner) || !nlmsg_ok(h, len) ||
	    genlmsg_parse(h, 0, a, HOLDFAST_A_MAX, policy) ||
	    !a[HOLDFAST_A_NUMBER] || !a[HOLDFAST_A_EVENT] ||
	    !a[HOLDFAST_A_INSTANCE] ||
	    strcmp(nla_get_string(a[HOLDFAST_A_INSTANCE]), instance))
		return NULL;
	return event_of(a);
}

/* The next datagram; 0 if there is none now, -ENOBUFS if some were lost. */
static int take(struct nl_sock *sock, unsigned char **data, struct ucred **from)
{
	struct sockaddr_nl peer;
	int n;

	*data = NULL;
	*from = NULL;
	n = sock ? nl_recv(sock, &peer, data, from) : 0;
	if (n > 0)
		return n;
	free(*from);
	*from = NULL;
	return n == -NLE_NOMEM ? -ENOBUFS : 0;
}

/* Families came or went; what the module had sent has been read. */
static void take_families(struct hf_netlink_reader *r)
{
	unsigned char *data;
	struct ucred *from;
	bool any = false;
	int n;

	while ((n = take(r->sock[FAMILIES], &data, &from))) {
		any = true;
		if (n > 0) {
			free(data);
			free(from);
		}
	}
	if (any)
		follow_module(r);
}

json_t *hf_netlink_reader_next(struct hf_netlink_reader *r,
			       const char *instance, uid_t owner,
			       bool *overrun)
{
	for (int i = MODULE; i <= USERSOCK; i++) {
		unsigned char *data;
		struct ucred *from;
		int n;

		while ((n = take(r->sock[i], &data, &from))) {
			json_t *event = NULL;

			if (n < 0) {
				*overrun = true;
				continue;
			}
			event = parse(data, n, from, instance, owner);
			free(from);
			free(data);
			if (event)
				return event;
		}
	}
	take_families(r);
	return NULL;
}
