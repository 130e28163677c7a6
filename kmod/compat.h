/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels this builds for; nothing else may ask. */
#ifndef HOLDFAST_COMPAT_H
#define HOLDFAST_COMPAT_H

#include <linux/bpf.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/version.h>
#include <net/genetlink.h>
#include <net/xdp.h>

/* bpf_map_get() is in a namespace of its own from 6.16 and in 6.12.y. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
#define HF_IMPORT_BPF MODULE_IMPORT_NS("BPF_INTERNAL")
#else
#define HF_IMPORT_BPF MODULE_IMPORT_NS(BPF_INTERNAL)
#endif

static inline void hf_timer_setup(struct hrtimer *timer,
				  enum hrtimer_restart (*fn)(struct hrtimer *))
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
	timer->function = fn;
#endif
}

/*
 * A map with spin locks, timers or pointers in its values is not ours. One with
 * type information and none of these has an error there, not NULL.
 */
static inline bool hf_map_is_plain(const struct bpf_map *map)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return IS_ERR_OR_NULL(map->record);
#else
	return map->spin_lock_off < 0 && map->timer_off < 0 &&
	       IS_ERR_OR_NULL(map->kptr_off_tab);
#endif
}

static inline struct nlattr **hf_dump_attrs(const struct genl_dumpit_info *info)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return info->info.attrs;
#else
	return info->attrs;
#endif
}

static inline void hf_frame_page_shared(struct xdp_frame *frame)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	frame->mem_type = MEM_TYPE_PAGE_SHARED;
#else
	frame->mem.type = MEM_TYPE_PAGE_SHARED;
#endif
}

#endif
