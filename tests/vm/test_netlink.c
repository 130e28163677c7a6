// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The netlink family of the module, from outside: every refusal with its errno
 * and its sentence, who may ask and who may listen, and events. Runs as root on
 * a kernel that loads modules (scripts/vm). policy.h is made from the
 * specification, so a new line of a policy has its case by itself.
 * rooms:
 */
#include <errno.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <uapi/holdfast.h>

#include "../unit/test.h"
#include "kmod.h"
#include "policy.h"

static struct rig rig;

TEST(every_refusal_says_why)
{
	static const struct {
		struct rig_request q;
		int err;
		const char *why;
	} t[] = {
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "" }, -EINVAL, "instance: the name is empty" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .skip = HOLDFAST_A_ABI_MAJOR }, -EINVAL, "abi-major: say which ABI you were built with" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_ABI_MAJOR, .value = 99 }, -EPROTO, "this module speaks another ABI version; get-info tells which" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .skip = HOLDFAST_A_FD_LEGS }, -EINVAL, "a map is missing: all eight descriptors are needed" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_FD_LEGS, .value = 0 }, -EINVAL, "not the descriptor of a BPF map" },
		{ { .cmd = HOLDFAST_CMD_ATTACH, .maps = true, .instance = "x", .attr = HOLDFAST_A_FD_LEGS, .value = 9999 }, -EBADF, "not the descriptor of a BPF map" },
		{ { .cmd = HOLDFAST_CMD_DETACH }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_DETACH, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_KICK, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_GET_STATS, .dump = 1, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_GET_STATS, .dump = 1 }, -EINVAL, "instance: the name is missing" },
		{ { .cmd = HOLDFAST_CMD_NOTIFY }, -EINVAL, "event: what happened is missing" },
		{ { .cmd = HOLDFAST_CMD_NOTIFY, .event = "parked", .no_event_number = true }, -EINVAL, "number: an event without a number cannot be missed" },
		{ { .cmd = HOLDFAST_CMD_EVENT }, -EOPNOTSUPP, "" },
	};
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int err = rig_ask(&rig, &t[i].q, why, sizeof(why));

		if (err != t[i].err || strcmp(why, t[i].why))
			printf("# case %u: error %d (%d wanted), \"%s\"\n", i, err, t[i].err, why);
		CHECK_INT(err, t[i].err);
		CHECK_STR(why, t[i].why);
	}
	end(&rig, NULL);
}

/* ---- one case for each line of each policy ---- */

static int policy_cases, policy_wrong;

/* A request with this one attribute: what does the kernel say? */
static void refused(uint8_t cmd, int dump, const char *command, const char *attribute, int type,
		    const void *data, int len, int err, const char *sentence)
{
	struct rig_request q = { .cmd = cmd, .dump = dump, .extra_type = type,
				 .extra = data, .extra_len = len };
	char why[256];
	int got = rig_ask(&rig, &q, why, sizeof(why));

	policy_cases++;
	if (got == err && !strcmp(why, sentence))
		return;
	policy_wrong++;
	printf("# %s %s with %d bytes: error %d, \"%s\"; %d, \"%s\" wanted\n", command,
	       attribute, len, got, why, err, sentence);
}

enum policy_type { U32, U64, STRING, FLAG };
static const char junk[1024] = { [0 ... 1023] = 'x' };

static void policy_line(uint8_t cmd, int dump, const char *command, const char *attribute,
			int type, enum policy_type of, int longest)
{
	static const char length[] = "invalid attribute length";
	static const char policy[] = "Attribute failed policy validation";
	char text[1024];
	int bytes = of == U32 ? 4 : 8;

	switch (of) {
	case U32:
	case U64:
		refused(cmd, dump, command, attribute, type, junk, bytes - 2, -EINVAL, length);
		refused(cmd, dump, command, attribute, type, junk, bytes + 4, -EINVAL, length);
		break;
	case FLAG:
		refused(cmd, dump, command, attribute, type, junk, 4, -ERANGE, policy);
		break;
	case STRING:
		/* not a string; one too long; one with something behind its end */
		refused(cmd, dump, command, attribute, type, junk, 4, -EINVAL, policy);
		memset(text, 'x', sizeof(text));
		text[longest + 1] = 0;
		refused(cmd, dump, command, attribute, type, text, longest + 2, -EINVAL, policy);
		text[longest] = 0;
		refused(cmd, dump, command, attribute, type, text, longest + 8, -ERANGE, policy);
		break;
	}
}

TEST(each_line_of_each_policy_refuses_what_it_should)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	policy_cases = policy_wrong = 0;
#define X(command, attribute, type, longest)                                       \
	policy_line(HOLDFAST_CMD_##command, HOLDFAST_CMD_##command == HOLDFAST_CMD_GET_STATS, \
		    #command, #attribute, HOLDFAST_A_##attribute, type, longest);
	POLICY_LINES(X)
#undef X
	printf("# %d refusals\n", policy_cases);
	CHECK(policy_cases > 40);
	CHECK_INT(policy_wrong, 0);
	end(&rig, NULL);
}

/* A command without any attribute has the kernel's policy that takes none. */
static const char *not_taken(uint8_t cmd, int attribute)
{
	if (cmd != HOLDFAST_CMD_GET_INFO)
		return "Unsupported attribute";
	return attribute == 1 ? "Attribute failed policy validation" : "Unknown attribute type";
}

TEST(a_command_refuses_the_attributes_of_others)
{
	bool takes[HOLDFAST_CMD_MAX + 1][HOLDFAST_A_MAX + 1] = { 0 };

	if (begin(&rig, NULL))
		FAIL("no stage");
	policy_cases = policy_wrong = 0;
#define X(command, attribute, type, longest)                                       \
	takes[HOLDFAST_CMD_##command][HOLDFAST_A_##attribute] = true;
	POLICY_LINES(X)
#undef X
#define X(command, dump)                                                           \
	for (int i = 1; i <= HOLDFAST_A_MAX; i++)                                  \
		if (!takes[HOLDFAST_CMD_##command][i])                             \
			refused(HOLDFAST_CMD_##command, dump, #command, "another", i, junk, 8, \
				-EINVAL, not_taken(HOLDFAST_CMD_##command, i));    \
	refused(HOLDFAST_CMD_##command, dump, #command, "unknown", HOLDFAST_A_MAX + 1, \
		junk, 8, -EINVAL, "Unknown attribute type");
	POLICY_COMMANDS(X)
#undef X
	CHECK_INT(policy_wrong, 0);
	end(&rig, NULL);
}

TEST(a_map_of_another_shape_is_refused_by_name)
{
	struct rig_request q = attach_request("shape");
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	q.attr = HOLDFAST_A_FD_LEGS;
	q.value = (uint32_t)rig.fd[RIG_FRAMES];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "the values of the map have another size: another ABI?");
	q.attr = HOLDFAST_A_FD_FRAMES;
	q.value = (uint32_t)rig.fd[RIG_NEXTHOPS];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	q.attr = 0;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = 7;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EPROTO);
	CHECK_STR(why, "the maps are of another ABI version than this module");
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = HF_ABI_MAJOR;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->wheel_capacity = 1u << 30;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "wheel_capacity does not fit the map of the wheel");
	end(&rig, NULL);
}

static int next_event(struct nl_sock *s, char *event, size_t len, uint64_t *number)
{
	static char buffer[65536];
	int n = (int)recv(nl_socket_get_fd(s), buffer, sizeof(buffer), 0);
	struct nlattr *a[HOLDFAST_A_MAX + 1];

	if (n < 0)
		return -errno;
	if (genlmsg_parse((struct nlmsghdr *)buffer, 0, a, HOLDFAST_A_MAX, NULL))
		return -EBADMSG;
	snprintf(event, len, "%s", a[HOLDFAST_A_EVENT] ? nla_get_string(a[HOLDFAST_A_EVENT]) : "?");
	*number = a[HOLDFAST_A_NUMBER] ? nla_get_u64(a[HOLDFAST_A_NUMBER]) : 0;
	return 0;
}

TEST(an_event_reaches_every_member_of_the_group_whole)
{
	struct rig_request q = { .cmd = HOLDFAST_CMD_NOTIFY, .event = "parked", .number = 41 };
	struct timeval tv = { .tv_sec = 2 };
	struct nl_sock *s = nl_socket_alloc();
	uint64_t number = 0;
	char event[32] = "", why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0); /* nobody listens yet */
	genl_connect(s);
	setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	CHECK_INT(nl_socket_add_membership(s, rig.group), 0);
	for (int i = 42; i < 45; i++) {
		q.number = (uint64_t)i;
		CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
		CHECK_INT(next_event(s, event, sizeof(event), &number), 0);
		CHECK_STR(event, "parked");
		CHECK_INT(number, i);
	}
	nl_socket_free(s);
	end(&rig, NULL);
}

/* In a child that is nobody: what errno does this end with? */
static int as_nobody(int (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(200);
		_exit(-what());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

static int subscribe(void)
{
	struct nl_sock *s = nl_socket_alloc();
	int fd, group = rig.group;

	genl_connect(s);
	fd = nl_socket_get_fd(s);
	return setsockopt(fd, SOL_NETLINK, 1 /* NETLINK_ADD_MEMBERSHIP */, &group,
			  sizeof(group)) ? -errno : 0;
}

static int attach_any(void)
{
	struct rig_request q = attach_request("nobody");
	char why[64];

	nl_socket_free(rig.sock);
	rig.sock = nl_socket_alloc();
	genl_connect(rig.sock);
	return rig_ask(&rig, &q, why, sizeof(why));
}

TEST(an_unprivileged_user_can_neither_subscribe_nor_attach)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(subscribe(), 0);
	CHECK_INT(as_nobody(subscribe), -EPERM);
	CHECK_INT(as_nobody(attach_any), -EPERM);
	end(&rig, NULL);
}

TEST_MAIN()
