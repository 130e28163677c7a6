// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The netlink family of the module, from outside: every refusal with its errno
 * and its sentence, who may ask and who may listen, and events. Runs as root on
 * a kernel that loads modules (scripts/vm). policy.h is made from the
 * specification, so a new line of a policy has its case by itself.
 * rooms:
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/capability.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
		{ { .cmd = HOLDFAST_CMD_GET_STATS, .instance = "nobody" }, -ENOENT, "no instance of this name is attached in this network namespace" },
		{ { .cmd = HOLDFAST_CMD_GET_STATS }, -EINVAL, "instance: the name is missing" },
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
#define X(command, dump, attribute, type, longest)                                 \
	policy_line(HOLDFAST_CMD_##command, dump, #command, #attribute,            \
		    HOLDFAST_A_##attribute, type, longest);
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
#define X(command, dump, attribute, type, longest)                                 \
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
	q.value = (uint32_t)rig.fd[RIG_CLAIMS];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "the values of the map have another size: another ABI?");
	q.attr = HOLDFAST_A_FD_FRAMES;
	q.value = (uint32_t)rig.fd[RIG_NEXTHOPS];
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	q.attr = 0;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = HF_ABI_MAJOR + 1;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EPROTO);
	CHECK_STR(why, "the maps are of another ABI version than this module");
	((struct hf_instance *)rig.value[RIG_INSTANCE])->abi_major = HF_ABI_MAJOR;
	((struct hf_instance *)rig.value[RIG_INSTANCE])->wheel_capacity = 1u << 30;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), -EINVAL);
	CHECK_STR(why, "wheel_capacity does not fit the map of the wheel");
	end(&rig, NULL);
}

/* Values that begin with a lock: what only type information says of a map. */
static int map_with_lock(uint32_t value)
{
	struct btf *btf = btf__new_empty();
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int u32, lock, words, of, fd;

	u32 = btf__add_int(btf, "unsigned int", 4, 0);
	lock = btf__add_struct(btf, "bpf_spin_lock", 4);
	btf__add_field(btf, "val", u32, 0, 0);
	words = btf__add_array(btf, u32, u32, value / 4 - 1);
	of = btf__add_struct(btf, "value", value);
	btf__add_field(btf, "lock", lock, 0, 0);
	btf__add_field(btf, "words", words, 32, 0);
	if (of < 0 || btf__load_into_kernel(btf))
		return -1;
	opts.btf_fd = (uint32_t)btf__fd(btf);
	opts.btf_key_type_id = (uint32_t)u32;
	opts.btf_value_type_id = (uint32_t)of;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "lock", 4, value, HF_WHEEL_BUCKETS, &opts);
	btf__free(btf);
	return fd;
}

TEST(a_map_is_checked_for_type_size_entries_flags_and_kernel_objects)
{
	const uint32_t value = sizeof(struct hf_wheel_fill), entries = HF_WHEEL_BUCKETS;
	struct {
		uint32_t type, entries, flags;
		bool lock, frozen;
		const char *why;
	} t[] = {
		{ BPF_MAP_TYPE_HASH, entries, 0, false, false, "the map is not an array" },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, entries, 0, false, false, "the map is not an array" },
		{ BPF_MAP_TYPE_ARRAY, entries - 1, BPF_F_MMAPABLE, false, false,
		  "the map has a wrong number of entries" },
		{ BPF_MAP_TYPE_ARRAY, entries + 1, BPF_F_MMAPABLE, false, false,
		  "the map has a wrong number of entries" },
		{ BPF_MAP_TYPE_ARRAY, entries, 0, false, false,
		  "the map is not memory-mappable, or has other flags" },
		{ BPF_MAP_TYPE_ARRAY, entries, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG, false, false,
		  "the map is not memory-mappable, or has other flags" },
		{ BPF_MAP_TYPE_ARRAY, entries, BPF_F_MMAPABLE, false, true, "the map is frozen" },
		{ BPF_MAP_TYPE_ARRAY, entries, BPF_F_MMAPABLE, true, false,
		  "the values of the map hold kernel objects" },
		{ BPF_MAP_TYPE_ARRAY, entries, BPF_F_MMAPABLE, false, false, "" },
	};
	struct rig_request q = attach_request("checks");
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	q.attr = HOLDFAST_A_FD_WHEEL_FILL;
	for (unsigned int i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = t[i].flags);
		int fd = t[i].lock ? map_with_lock(value) :
				     bpf_map_create(t[i].type, "wrong", 4, value, t[i].entries,
						    &opts);

		CHECK(fd >= 0);
		if (t[i].frozen)
			CHECK_INT(bpf_map_freeze(fd), 0);
		q.value = (uint32_t)fd;
		CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), *t[i].why ? -EINVAL : 0);
		CHECK_STR(why, t[i].why);
		close(fd);
	}
	end(&rig, NULL);
}

TEST(the_total_of_the_counters_is_the_sum_of_the_cpus)
{
	struct rig_request q = attach_request("sum");
	struct rig_stats each, total;
	uint64_t until;
	char why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	play(&rig, calls() / 4);
	q.cmd = HOLDFAST_CMD_KICK;
	q.maps = false;
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	until = rig_now() + 20000 * HF_MS;
	do
		CHECK_INT(rig_stats(&rig, "sum", &each), 0);
	while (each.sent < 100 && rig_now() < until);
	for (int i = 0; i < calls() / 4; i++)
		rig_leg_stop(&rig, (uint32_t)i);
	memset(rig.value[RIG_FILL], 0, sizeof(struct hf_wheel_fill) * HF_WHEEL_BUCKETS);
	/* without entries the ticks end, and with them the counting */
	do {
		CHECK_INT(rig_total(&rig, "sum", &total), 0);
		CHECK_INT(rig_stats(&rig, "sum", &each), 0);
	} while (total.ticks != each.ticks && rig_now() < until);
	CHECK_INT(total.ticks, each.ticks);
	CHECK_INT(total.cpus, 1);
	CHECK(each.cpus > 1);
	CHECK_INT(total.sent, each.sent);
	CHECK_INT(total.idle, each.idle);
	CHECK_INT(total.send_ns, each.send_ns);
	CHECK_INT(total.late_max_ns, each.late_max_ns);
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

/* What errno does this end with, in a process of its own? */
static int in_child(int (*what)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(-what());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

static int become_nobody(void)
{
	return setgid(65534) || setuid(65534) ? -200 : 0;
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

static int nobody_subscribes(void)
{
	return become_nobody() ?: subscribe();
}

static int nobody_attaches(void)
{
	struct rig_request q = attach_request("nobody");
	char why[64];

	if (become_nobody())
		return -200;
	nl_socket_free(rig.sock);
	rig.sock = nl_socket_alloc();
	genl_connect(rig.sock);
	return rig_ask(&rig, &q, why, sizeof(why));
}

/* As root, with CAP_NET_ADMIN but neither CAP_BPF nor CAP_SYS_ADMIN. */
static int attach_without_cap_bpf(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { { 0 } };
	struct rig_request q = attach_request("capable");
	char why[64];
	int err;

	d[0].effective = d[0].permitted = 1u << CAP_NET_ADMIN;
	if (syscall(SYS_capset, &h, d))
		return -200;
	err = rig_ask(&rig, &q, why, sizeof(why));
	return strcmp(why, "attaching BPF maps needs CAP_BPF") ? -201 : err;
}

/* Root of a user and network namespace of one's own is not root of the maps. */
static int attach_in_own_namespace(void)
{
	struct rig_request q = attach_request("own");
	struct nl_sock *s = nl_socket_alloc();
	char why[64];
	int err;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) || genl_connect(s))
		return -200;
	rig.sock = s;
	err = rig_ask(&rig, &q, why, sizeof(why));
	return strcmp(why, "attaching BPF maps needs CAP_BPF") ? -201 : err;
}

TEST(attaching_needs_cap_bpf_beside_cap_net_admin)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(in_child(attach_without_cap_bpf), -EPERM);
	if (access("/proc/self/ns/user", F_OK) == 0)
		CHECK_INT(in_child(attach_in_own_namespace), -EPERM);
	end(&rig, NULL);
}

/* Asked in another network namespace: is "here" attached, do events arrive? */
static int elsewhere(void)
{
	struct rig_request q = { .cmd = HOLDFAST_CMD_DETACH, .instance = "here" };
	struct nl_sock *s = nl_socket_alloc();
	char why[128];
	int err;

	if (unshare(CLONE_NEWNET) || genl_connect(s))
		return -200;
	rig.sock = s;
	err = rig_ask(&rig, &q, why, sizeof(why));
	q = (struct rig_request){ .cmd = HOLDFAST_CMD_NOTIFY, .event = "elsewhere", .number = 7 };
	return rig_ask(&rig, &q, why, sizeof(why)) ? -201 : err;
}

TEST(another_network_namespace_sees_neither_instance_nor_events)
{
	struct rig_request q = attach_request("here");
	struct timeval tv = { .tv_sec = 2 };
	struct nl_sock *s = nl_socket_alloc();
	uint64_t number = 0;
	char event[32] = "", why[256];

	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	genl_connect(s);
	setsockopt(nl_socket_get_fd(s), SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	CHECK_INT(nl_socket_add_membership(s, rig.group), 0);
	CHECK_INT(in_child(elsewhere), -ENOENT);
	q = (struct rig_request){ .cmd = HOLDFAST_CMD_NOTIFY, .event = "here", .number = 8 };
	CHECK_INT(rig_ask(&rig, &q, why, sizeof(why)), 0);
	CHECK_INT(next_event(s, event, sizeof(event), &number), 0);
	CHECK_STR(event, "here"); /* the first to arrive */
	nl_socket_free(s);
	end(&rig, NULL);
}

TEST(an_unprivileged_user_can_neither_subscribe_nor_attach)
{
	if (begin(&rig, NULL))
		FAIL("no stage");
	CHECK_INT(subscribe(), 0);
	CHECK_INT(in_child(nobody_subscribes), -EPERM);
	CHECK_INT(in_child(nobody_attaches), -EPERM);
	end(&rig, NULL);
}

TEST_MAIN()
