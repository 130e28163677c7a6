/* SPDX-License-Identifier: GPL-2.0 */
/* Made by scripts/netlink-gen from Documentation/netlink/holdfast.yaml. */
#ifndef HOLDFAST_NETLINK_GEN_H
#define HOLDFAST_NETLINK_GEN_H

#include <uapi/holdfast.h>

struct genl_ops;
struct genl_info;
struct netlink_callback;
struct sk_buff;

int hf_nl_get_info(struct sk_buff *skb, struct genl_info *info);
int hf_nl_attach(struct sk_buff *skb, struct genl_info *info);
int hf_nl_detach(struct sk_buff *skb, struct genl_info *info);
int hf_nl_kick(struct sk_buff *skb, struct genl_info *info);
int hf_nl_get_stats(struct sk_buff *skb, struct genl_info *info);
int hf_nl_get_stats_dump(struct sk_buff *skb, struct netlink_callback *cb);
int hf_nl_notify(struct sk_buff *skb, struct genl_info *info);

#define HF_NL_OPS 6
extern const struct genl_ops hf_nl_ops[HF_NL_OPS];

#endif
