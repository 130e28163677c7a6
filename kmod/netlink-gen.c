// SPDX-License-Identifier: GPL-2.0
/* Made by scripts/netlink-gen from Documentation/netlink/holdfast.yaml. */
#include <net/genetlink.h>

#include "netlink-gen.h"

static const struct nla_policy hf_nl_attach_policy[HOLDFAST_A_MAX + 1] = {
	[HOLDFAST_A_INSTANCE] = { .type = NLA_NUL_STRING, .len = HOLDFAST_INSTANCE_MAX },
	[HOLDFAST_A_ABI_MAJOR] = { .type = NLA_U32 },
	[HOLDFAST_A_ABI_MINOR] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_INSTANCE] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_LEGS] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_CLAIMS] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_FRAMES] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_NEXTHOPS] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_WHEEL] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_WHEEL_FILL] = { .type = NLA_U32 },
	[HOLDFAST_A_FD_WORK] = { .type = NLA_U32 },
	[HOLDFAST_A_XDP_XMIT] = { .type = NLA_FLAG },
	[HOLDFAST_A_PLAIN] = { .type = NLA_FLAG },
};

static const struct nla_policy hf_nl_detach_policy[HOLDFAST_A_MAX + 1] = {
	[HOLDFAST_A_INSTANCE] = { .type = NLA_NUL_STRING, .len = HOLDFAST_INSTANCE_MAX },
};

static const struct nla_policy hf_nl_notify_policy[HOLDFAST_A_MAX + 1] = {
	[HOLDFAST_A_BOOT_ID] = { .type = NLA_NUL_STRING, .len = HOLDFAST_BOOT_ID_MAX },
	[HOLDFAST_A_NUMBER] = { .type = NLA_U64 },
	[HOLDFAST_A_WALL_MS] = { .type = NLA_U64 },
	[HOLDFAST_A_EVENT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_EVENT_MAX },
	[HOLDFAST_A_CALL] = { .type = NLA_U64 },
	[HOLDFAST_A_LOT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_LOT_MAX },
	[HOLDFAST_A_SLOT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_SLOT_MAX },
	[HOLDFAST_A_CALLER_NUMBER] = { .type = NLA_NUL_STRING, .len = HOLDFAST_CALLER_NUMBER_MAX },
	[HOLDFAST_A_CALLER_NAME] = { .type = NLA_NUL_STRING, .len = HOLDFAST_CALLER_NAME_MAX },
	[HOLDFAST_A_CALLER_URI] = { .type = NLA_NUL_STRING, .len = HOLDFAST_CALLER_URI_MAX },
	[HOLDFAST_A_PARKER] = { .type = NLA_NUL_STRING, .len = HOLDFAST_PARKER_MAX },
	[HOLDFAST_A_RETRIEVER] = { .type = NLA_NUL_STRING, .len = HOLDFAST_RETRIEVER_MAX },
	[HOLDFAST_A_PARKED_CALL_ID] = {
		.type = NLA_NUL_STRING,
		.len = HOLDFAST_PARKED_CALL_ID_MAX
	},
	[HOLDFAST_A_OTHER_CALL_ID] = { .type = NLA_NUL_STRING, .len = HOLDFAST_OTHER_CALL_ID_MAX },
	[HOLDFAST_A_SECONDS_PARKED] = { .type = NLA_U32 },
	[HOLDFAST_A_SECONDS_LEFT] = { .type = NLA_U32 },
	[HOLDFAST_A_ATTEMPT] = { .type = NLA_U32 },
	[HOLDFAST_A_RULE] = { .type = NLA_NUL_STRING, .len = HOLDFAST_RULE_MAX },
	[HOLDFAST_A_REASON] = { .type = NLA_NUL_STRING, .len = HOLDFAST_REASON_MAX },
	[HOLDFAST_A_USER_TO_USER] = { .type = NLA_NUL_STRING, .len = HOLDFAST_USER_TO_USER_MAX },
	[HOLDFAST_A_TEXT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_TEXT_MAX },
	[HOLDFAST_A_PRIVATE] = { .type = NLA_U32 },
	[HOLDFAST_A_ABI_MAJOR] = { .type = NLA_U32 },
	[HOLDFAST_A_ABI_MINOR] = { .type = NLA_U32 },
	[HOLDFAST_A_INSTANCE] = { .type = NLA_NUL_STRING, .len = HOLDFAST_INSTANCE_MAX },
	[HOLDFAST_A_PARTY] = { .type = NLA_NUL_STRING, .len = HOLDFAST_PARTY_MAX },
	[HOLDFAST_A_DIGIT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_DIGIT_MAX },
	[HOLDFAST_A_DIGIT_MS] = { .type = NLA_U32 },
	[HOLDFAST_A_TENANT] = { .type = NLA_NUL_STRING, .len = HOLDFAST_TENANT_MAX },
};

const struct genl_ops hf_nl_ops[HF_NL_OPS] = {
	{
		.cmd = HOLDFAST_CMD_GET_INFO,
		.doit = hf_nl_get_info,
	},
	{
		.cmd = HOLDFAST_CMD_ATTACH,
		.doit = hf_nl_attach,
		.policy = hf_nl_attach_policy,
		.maxattr = HOLDFAST_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = HOLDFAST_CMD_DETACH,
		.doit = hf_nl_detach,
		.policy = hf_nl_detach_policy,
		.maxattr = HOLDFAST_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = HOLDFAST_CMD_KICK,
		.doit = hf_nl_kick,
		.policy = hf_nl_detach_policy,
		.maxattr = HOLDFAST_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = HOLDFAST_CMD_GET_STATS,
		.doit = hf_nl_get_stats,
		.dumpit = hf_nl_get_stats_dump,
		.policy = hf_nl_detach_policy,
		.maxattr = HOLDFAST_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd = HOLDFAST_CMD_NOTIFY,
		.doit = hf_nl_notify,
		.policy = hf_nl_notify_policy,
		.maxattr = HOLDFAST_A_MAX,
		.flags = GENL_UNS_ADMIN_PERM,
	},
};
