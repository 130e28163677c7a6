/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module from the inside. A *hold* is one instance whose maps we send for:
 * maps.c takes the maps over and bounds what is read from them, pacer.c says
 * when, transmit.c how, netlink.c lets a controller ask for it.
 */
#ifndef HOLDFAST_KMOD_H
#define HOLDFAST_KMOD_H

#include <linux/bpf.h>
#include <linux/list.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/u64_stats_sync.h>
#include <net/net_namespace.h>

#include <holdfast/abi.h>
#include <holdfast/claim.h>
#include <uapi/holdfast.h>

#define HF_KMOD_VERSION "0.1.0"

/* What is counted, in the order of the attributes from HOLDFAST_A_SENT on. */
enum hf_stat {
	HF_STAT_SENT,
	HF_STAT_SKIPPED,
	HF_STAT_LOST,
	HF_STAT_IDLE,
	HF_STAT_NO_HOP,
	HF_STAT_BAD,
	HF_STAT_NO_MEMORY,
	HF_STAT_BUSY,
	HF_STAT_TICKS,
	HF_STAT_CAPPED,
	HF_STAT_LATE_MAX_NS,
	HF_STAT_SEND_NS,
	HF_STAT_COUNT
};

/* Of one hold on one CPU; written there alone. */
struct hf_counters {
	u64_stats_t value[HF_STAT_COUNT];
	struct u64_stats_sync sync;
};

/* One adopted array map: its memory and what may be read of it. */
struct hf_map {
	struct bpf_map *map;
	void *value;
	u32 entries;
	u32 stride;
};

enum {
	HF_MAP_INSTANCE,
	HF_MAP_LEGS,
	HF_MAP_CLAIMS,
	HF_MAP_FRAMES,
	HF_MAP_NEXTHOPS,
	HF_MAP_WHEEL,
	HF_MAP_WHEEL_FILL,
	HF_MAP_WORK,
	HF_MAPS
};

/* Where a CPU stands in its walk of the wheel. */
struct hf_walk {
	u64 ms;		 /* the bucket time being served, CLOCK_MONOTONIC */
	u32 class;	 /* in it: packet-time class, */
	u32 pass;	 /* visit: on time, or again behind a late one, */
	u32 entry;	 /* and entry */
	bool late;	 /* this bucket held frames that need another visit */
	u64 late_until[HF_WHEEL_BUCKETS]; /* revisit buckets until this ms */
};

struct hf_hold {
	struct list_head list;
	struct net *net; /* it ends before this does */
	struct hf_map map[HF_MAPS];
	struct hf_counters __percpu *counters;
	struct hf_walk __percpu *walk;
	u32 wheel_capacity;
	bool xdp_xmit, plain;
	char instance[HOLDFAST_INSTANCE_MAX + 1];
};

extern struct list_head hf_holds; /* of all namespaces; RCU */
extern struct mutex hf_mutex;	  /* who changes that list, and which CPUs tick */

/* maps.c */
int hf_maps_adopt(struct hf_hold *hold, const u32 fds[HF_MAPS],
		  struct netlink_ext_ack *extack, int *ret_bad);
void hf_maps_release(struct hf_hold *hold);

static inline void *hf_map_at(const struct hf_map *m, u32 index)
{
	return m->value + (u64)m->stride * index;
}

/*
 * A private copy of shared memory: every word is read exactly once, so what is
 * checked is what is used. Whole 8-byte words.
 */
static inline void hf_copy_once(void *to, const void *from, size_t bytes)
{
	const u64 *f = from;
	u64 *t = to;

	for (; bytes >= 8; bytes -= 8)
		*t++ = READ_ONCE(*f++);
}

/* pacer.c */
int hf_pacer_init(void);
void hf_pacer_exit(void);
void hf_pacer_add(struct hf_hold *hold);
void hf_pacer_remove(struct hf_hold *hold); /* no tick uses it afterwards */
void hf_pacer_kick(void);

/* transmit.c: a batch collects frames for one device and queue */
#define HF_BATCH 32
struct hf_batch {
	struct hf_hold *hold;
	struct hf_counters *counters;
	u32 ifindex; /* 0: none was asked for yet */
	struct net_device *dev; /* NULL: not one we can send through */
	unsigned int mtu, count;
	bool raw;    /* xdp frames, else skbs */
	bool routed; /* neither: each frame through the stack */
	bool refused; /* a queue was full: leave the rest to the next tick */
	void *item[HF_BATCH];
};

/* What one frame needs, copied and bounded already. */
struct hf_packet {
	struct hf_program program;
	struct hf_hop hop;
	struct hf_due due;
	u16 bytes; /* of payload */
	u16 sum;   /* of payload, see struct hf_frame */
	const struct hf_frame *frame;
};

/* Build the frame; claims it in between. Returns false if nothing was sent. */
bool hf_transmit(struct hf_batch *batch, struct hf_packet *packet, u64 *word,
		 u64 old);
void hf_batch_flush(struct hf_batch *batch);
void hf_memory_free(void); /* no tick comes any more */

/* netlink.c */
int hf_netlink_init(void);
void hf_netlink_exit(void);
void hf_hold_destroy(struct hf_hold *hold); /* hf_mutex held */

static inline void hf_count(struct hf_counters *c, enum hf_stat stat, u64 n)
{
	u64_stats_update_begin(&c->sync);
	u64_stats_add(&c->value[stat], n);
	u64_stats_update_end(&c->sync);
}

#endif
