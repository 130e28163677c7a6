// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: what a controller may ask, and the multicast group
 * of what happens to calls. Policies and the table of operations are made from
 * Documentation/netlink/holdfast.yaml. Every refusal says why in the extended
 * ack.
 */
#include <linux/capability.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "compat.h"
#include "holdfast.h"
#include "netlink-gen.h"

#define HF_NO_MEMORY "the kernel has no memory left for this"

static struct genl_family hf_family;

/* The attributes of the descriptors follow each other as the maps do. */
#define HF_FD_ATTR(i) (HOLDFAST_A_FD_INSTANCE + (i))
static_assert(HF_FD_ATTR(HF_MAP_WORK) == HOLDFAST_A_FD_WORK);
static_assert(HF_FD_ATTR(HF_MAP_WHEEL) == HOLDFAST_A_FD_WHEEL);

static struct hf_hold *hf_hold_lookup(struct net *net, const struct nlattr *name)
{
	struct hf_hold *hold;

	lockdep_assert_held(&hf_mutex);
	list_for_each_entry(hold, &hf_holds, list)
		if (net_eq(hold->net, net) && !nla_strcmp(name, hold->instance))
			return hold;
	return NULL;
}

static void hf_hold_free(struct hf_hold *hold)
{
	hf_maps_release(hold);
	free_percpu(hold->counters);
	free_percpu(hold->walk);
	kfree(hold);
}

void hf_hold_destroy(struct hf_hold *hold)
{
	hf_pacer_remove(hold);
	hf_hold_free(hold);
}

static struct hf_hold *hf_hold_alloc(struct net *net, const struct nlattr *name)
{
	struct hf_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL);

	if (!hold)
		return NULL;
	hold->net = net;
	nla_strscpy(hold->instance, name, sizeof(hold->instance));
	hold->counters = alloc_percpu(struct hf_counters);
	hold->walk = alloc_percpu(struct hf_walk);
	if (!hold->counters || !hold->walk) {
		hf_hold_free(hold);
		return NULL;
	}
	return hold;
}

/* attr: which one is to blame, 0 for none. */
static int hf_refuse(struct genl_info *info, int err, u16 attr, const char *why)
{
	info->extack->_msg = why;
	NL_SET_BAD_ATTR(info->extack, info->attrs[attr]);
	return err;
}

static int hf_attach_check(struct genl_info *info, u32 fds[HF_MAPS])
{
	struct nlattr **attrs = info->attrs;
	int i;

	if (!bpf_capable())
		return hf_refuse(info, -EPERM, 0, "attaching BPF maps needs CAP_BPF");
	if (!attrs[HOLDFAST_A_INSTANCE])
		return hf_refuse(info, -EINVAL, 0, "instance: the name is missing");
	if (!attrs[HOLDFAST_A_ABI_MAJOR])
		return hf_refuse(info, -EINVAL, 0,
				 "abi-major: say which ABI you were built with");
	if (!nla_len(attrs[HOLDFAST_A_INSTANCE]) ||
	    !*(char *)nla_data(attrs[HOLDFAST_A_INSTANCE]))
		return hf_refuse(info, -EINVAL, HOLDFAST_A_INSTANCE,
				 "instance: the name is empty");
	if (nla_get_u32(attrs[HOLDFAST_A_ABI_MAJOR]) != HF_ABI_MAJOR)
		return hf_refuse(info, -EPROTO, HOLDFAST_A_ABI_MAJOR,
				 "this module speaks another ABI version; get-info tells which");
	for (i = 0; i < HF_MAPS; i++) {
		if (!attrs[HF_FD_ATTR(i)])
			return hf_refuse(info, -EINVAL, 0,
					 "a map is missing: all eight descriptors are needed");
		fds[i] = nla_get_u32(attrs[HF_FD_ATTR(i)]);
	}
	return 0;
}

int hf_nl_attach(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	struct hf_hold *hold, *old;
	u32 fds[HF_MAPS];
	int err, bad = 0;

	err = hf_attach_check(info, fds);
	if (err)
		return err;
	hold = hf_hold_alloc(net, info->attrs[HOLDFAST_A_INSTANCE]);
	if (!hold)
		return hf_refuse(info, -ENOMEM, 0, HF_NO_MEMORY);
	hold->xdp_xmit = nla_get_flag(info->attrs[HOLDFAST_A_XDP_XMIT]);
	hold->plain = nla_get_flag(info->attrs[HOLDFAST_A_PLAIN]);
	err = hf_maps_adopt(hold, fds, info->extack, &bad);
	if (err) {
		NL_SET_BAD_ATTR(info->extack, info->attrs[HF_FD_ATTR(bad)]);
		hf_hold_free(hold);
		return err;
	}
	mutex_lock(&hf_mutex);
	old = hf_hold_lookup(net, info->attrs[HOLDFAST_A_INSTANCE]);
	if (old)
		hf_hold_destroy(old);
	hf_pacer_add(hold);
	mutex_unlock(&hf_mutex);
	return 0;
}

/* Find the hold that a request names; hf_mutex is held on success. */
static struct hf_hold *hf_hold_find(struct net *net, const struct nlattr *name,
				    struct netlink_ext_ack *extack)
{
	struct hf_hold *hold;

	if (!name) {
		NL_SET_ERR_MSG(extack, "instance: the name is missing");
		return ERR_PTR(-EINVAL);
	}
	mutex_lock(&hf_mutex);
	hold = hf_hold_lookup(net, name);
	if (hold)
		return hold;
	mutex_unlock(&hf_mutex);
	NL_SET_ERR_MSG_ATTR(extack, name,
			    "no instance of this name is attached in this network namespace");
	return ERR_PTR(-ENOENT);
}

static struct hf_hold *hf_hold_get(struct genl_info *info)
{
	return hf_hold_find(genl_info_net(info), info->attrs[HOLDFAST_A_INSTANCE],
			    info->extack);
}

int hf_nl_detach(struct sk_buff *skb, struct genl_info *info)
{
	struct hf_hold *hold = hf_hold_get(info);

	if (IS_ERR(hold))
		return PTR_ERR(hold);
	hf_hold_destroy(hold);
	mutex_unlock(&hf_mutex);
	return 0;
}

int hf_nl_kick(struct sk_buff *skb, struct genl_info *info)
{
	struct hf_hold *hold = hf_hold_get(info);

	if (IS_ERR(hold))
		return PTR_ERR(hold);
	hf_pacer_kick();
	mutex_unlock(&hf_mutex);
	return 0;
}

int hf_nl_get_info(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	const struct hf_hold *hold;
	u32 attached = 0;
	void *head;

	if (!reply)
		return hf_refuse(info, -ENOMEM, 0, HF_NO_MEMORY);
	mutex_lock(&hf_mutex);
	list_for_each_entry(hold, &hf_holds, list)
		attached += net_eq(hold->net, genl_info_net(info));
	mutex_unlock(&hf_mutex);
	head = genlmsg_put_reply(reply, info, &hf_family, 0, HOLDFAST_CMD_GET_INFO);
	if (!head ||
	    nla_put_string(reply, HOLDFAST_A_VERSION, HF_KMOD_VERSION) ||
	    nla_put_u32(reply, HOLDFAST_A_ABI_MAJOR, HF_ABI_MAJOR) ||
	    nla_put_u32(reply, HOLDFAST_A_ABI_MINOR, HF_ABI_MINOR) ||
	    nla_put_u32(reply, HOLDFAST_A_ATTACHED, attached) ||
	    nla_put_u32(reply, HOLDFAST_A_CPUS, num_online_cpus())) {
		nlmsg_free(reply);
		return -EMSGSIZE;
	}
	genlmsg_end(reply, head);
	return genlmsg_reply(reply, info);
}

static_assert(HOLDFAST_A_SENT + HF_STAT_BUSY == HOLDFAST_A_BUSY);
static_assert(HOLDFAST_A_SENT + HF_STAT_SEND_NS == HOLDFAST_A_SEND_NS);

static void hf_counters_add(const struct hf_counters *c, u64 total[HF_STAT_COUNT])
{
	u64 value[HF_STAT_COUNT];
	unsigned int start, i;

	do {
		start = u64_stats_fetch_begin(&c->sync);
		for (i = 0; i < HF_STAT_COUNT; i++)
			value[i] = u64_stats_read(&c->value[i]);
	} while (u64_stats_fetch_retry(&c->sync, start));
	for (i = 0; i < HF_STAT_COUNT; i++)
		total[i] = i == HF_STAT_LATE_MAX_NS ? max(total[i], value[i]) :
						      total[i] + value[i];
}

/* Of one CPU, or of all together: HF_ALL_CPUS. */
#define HF_ALL_CPUS -1
static int hf_put_stats(struct sk_buff *skb, u32 portid, u32 seq, int flags,
			const struct hf_hold *hold, int cpu)
{
	u64 value[HF_STAT_COUNT] = {};
	unsigned int i;
	void *head;

	for_each_possible_cpu(i)
		if (cpu == HF_ALL_CPUS || cpu == i)
			hf_counters_add(per_cpu_ptr(hold->counters, i), value);
	head = genlmsg_put(skb, portid, seq, &hf_family, flags,
			   HOLDFAST_CMD_GET_STATS);
	if (!head)
		return -EMSGSIZE;
	if (nla_put_string(skb, HOLDFAST_A_INSTANCE, hold->instance) ||
	    (cpu != HF_ALL_CPUS && nla_put_u32(skb, HOLDFAST_A_CPU, cpu)))
		goto full;
	for (i = 0; i < HF_STAT_COUNT; i++)
		if (nla_put_u64_64bit(skb, HOLDFAST_A_SENT + i, value[i],
				      HOLDFAST_A_PAD))
			goto full;
	genlmsg_end(skb, head);
	return 0;

full:
	genlmsg_cancel(skb, head);
	return -EMSGSIZE;
}

int hf_nl_get_stats(struct sk_buff *skb, struct genl_info *info)
{
	struct hf_hold *hold = hf_hold_get(info);
	struct sk_buff *reply;
	int err = -ENOMEM;

	if (IS_ERR(hold))
		return PTR_ERR(hold);
	reply = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (reply)
		err = hf_put_stats(reply, info->snd_portid, info->snd_seq, 0,
				   hold, HF_ALL_CPUS);
	mutex_unlock(&hf_mutex);
	if (!err)
		return genlmsg_reply(reply, info);
	nlmsg_free(reply);
	return err;
}

int hf_nl_get_stats_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_dumpit_info *info = genl_dumpit_info(cb);
	struct hf_hold *hold;
	int cpu;

	hold = hf_hold_find(sock_net(skb->sk), hf_dump_attrs(info)[HOLDFAST_A_INSTANCE],
			    cb->extack);
	if (IS_ERR(hold))
		return PTR_ERR(hold);
	for (cpu = cb->args[0]; cpu < nr_cpu_ids; cpu++) {
		if (!cpu_possible(cpu))
			continue;
		if (hf_put_stats(skb, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, NLM_F_MULTI, hold, cpu))
			break;
	}
	mutex_unlock(&hf_mutex);
	cb->args[0] = cpu;
	return skb->len;
}

int hf_nl_notify(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *event;
	unsigned int i;
	void *head;
	int err;

	if (!info->attrs[HOLDFAST_A_EVENT])
		return hf_refuse(info, -EINVAL, 0, "event: what happened is missing");
	if (!info->attrs[HOLDFAST_A_NUMBER])
		return hf_refuse(info, -EINVAL, 0,
				 "number: an event without a number cannot be missed");
	event = genlmsg_new(nlmsg_len(info->nlhdr) + NLMSG_ALIGN(64), GFP_KERNEL);
	if (!event)
		return hf_refuse(info, -ENOMEM, 0, HF_NO_MEMORY);
	head = genlmsg_put(event, 0, 0, &hf_family, 0, HOLDFAST_CMD_EVENT);
	for (i = 1; head && i <= HOLDFAST_A_MAX; i++)
		if (info->attrs[i] &&
		    nla_put(event, i, nla_len(info->attrs[i]),
			    nla_data(info->attrs[i])))
			head = NULL;
	if (!head) {
		nlmsg_free(event);
		return hf_refuse(info, -EMSGSIZE, 0, "the event is too long");
	}
	genlmsg_end(event, head);
	err = genlmsg_multicast_netns(&hf_family, genl_info_net(info), event, 0,
				      0, GFP_KERNEL);
	return err == -ESRCH ? 0 : err; /* nobody listens: not a failure */
}

static const struct genl_multicast_group hf_groups[] = {
	{
		.name = HOLDFAST_GROUP_EVENTS,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

static struct genl_family hf_family __ro_after_init = {
	.name = HOLDFAST_FAMILY,
	.version = HOLDFAST_VERSION,
	.netnsok = true,
	.module = THIS_MODULE,
	.ops = hf_nl_ops,
	.n_ops = HF_NL_OPS,
	.mcgrps = hf_groups,
	.n_mcgrps = ARRAY_SIZE(hf_groups),
};

int __init hf_netlink_init(void)
{
	return genl_register_family(&hf_family);
}

void hf_netlink_exit(void)
{
	genl_unregister_family(&hf_family);
}
