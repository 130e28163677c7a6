// SPDX-License-Identifier: GPL-2.0
/*
 * holdfast.ko: sends the hold audio of parked calls from the kernel, out of the
 * maps that the XDP programs of the same instance use, and multicasts what
 * happens to calls. Loading and unloading only; holdfast.h says who does what.
 */
#include <linux/module.h>
#include <net/genetlink.h>

#include "compat.h"
#include "holdfast.h"

LIST_HEAD(hf_holds);
DEFINE_MUTEX(hf_mutex); /* see holdfast.h */

static void __net_exit hf_net_exit(struct net *net)
{
	struct hf_hold *hold, *next;

	mutex_lock(&hf_mutex);
	list_for_each_entry_safe(hold, next, &hf_holds, list)
		if (net_eq(hold->net, net))
			hf_hold_destroy(hold);
	mutex_unlock(&hf_mutex);
}

static struct pernet_operations hf_net_ops = {
	.exit = hf_net_exit,
};

static int __init hf_init(void)
{
	int err;

	err = hf_pacer_init();
	if (err)
		return err;
	err = register_pernet_subsys(&hf_net_ops);
	if (err)
		goto undo_pacer;
	err = hf_netlink_init();
	if (err)
		goto undo_pernet;
	return 0;

undo_pernet:
	unregister_pernet_subsys(&hf_net_ops);
undo_pacer:
	hf_pacer_exit();
	return err;
}

static void __exit hf_exit(void)
{
	hf_netlink_exit();
	unregister_pernet_subsys(&hf_net_ops);
	hf_pacer_exit();
}

module_init(hf_init);
module_exit(hf_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hold audio for parked calls, and what happens to them");
MODULE_VERSION(HF_KMOD_VERSION);
MODULE_ALIAS_GENL_FAMILY(HOLDFAST_FAMILY);
HF_IMPORT_BPF;
