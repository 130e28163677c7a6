/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pinned maps of one instance, opened by name and mapped into memory.
 *
 * What a process needs to work beside the controller on the same legs:
 * holdfast-mediad opens an instance by hf_pins_open() alone. Inside ctl/media
 * the same struct is the controller's view of the memory, whether it lies in
 * BPF maps (bpf.c) or was allocated (memory.c, all descriptors -1).
 */
#ifndef HOLDFAST_MEDIA_PINS_H
#define HOLDFAST_MEDIA_PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <holdfast/abi.h>
#include <holdfast/claim.h>
#include <holdfast/heard.h>
#include <holdfast/report.h>
#include <holdfast/stream.h>

/* Map names, as pinned below HF_PIN_ROOT/INSTANCE/ and as in the skeleton.
 * X(name, mapped into memory) */
#define HF_PIN_MAPS(X)                                                         \
	X(instance, 1)                                                         \
	X(legs, 1)                                                             \
	X(frames, 1)                                                           \
	X(nexthops, 1)                                                         \
	X(wheel, 1)                                                            \
	X(wheel_fill, 1)                                                       \
	X(turned, 1)                                                           \
	X(work, 1)                                                             \
	X(ready, 1)                                                            \
	X(stats, 0)                                                            \
	X(devmap, 0)                                                           \
	X(heard, 1)                                                            \
	X(claims, 1)                                                           \
	X(bound, 1)                                                            \
	X(leg6, 1)                                                             \
	X(nexthop6, 1)                                                         \
	X(gather, 0)                                                           \
	X(happenings, 0)                                                       \
	X(rtcp, 1)                                                             \
	X(rtcp_in, 0)

enum hf_pin_map {
#define X(name, mapped) HF_PIN_##name,
	HF_PIN_MAPS(X)
#undef X
	HF_PIN_MAP_COUNT
};

struct hf_pins {
	struct hf_instance *instance;
	struct hf_leg *legs;	      /* instance->legs of them */
	struct hf_frame *frames;      /* instance->frames */
	struct hf_nexthop *nexthops;  /* nexthop_count */
	struct hf_wheel_entry *wheel; /* see hf_pins_wheel() */
	struct hf_wheel_fill *wheel_fill; /* HF_WHEEL_BUCKETS */
	struct hf_turned *turned; /* HF_TURNED_WORDS(instance->legs) */
	struct hf_work *work;
	struct hf_ready *ready;
	struct hf_heard *heard; /* these too are instance->legs */
	struct hf_claim *claims;
	struct hf_bound *bound;
	struct hf_leg6 *leg6;	  /* the same, one without IPv6 addresses */
	struct hf_ip6 *nexthop6; /* nexthop_count, or one */
	struct hf_rtcp *rtcp;
	uint32_t nexthop_count;
	uint32_t wheel_capacity; /* entries of one bucket */
	int fd[HF_PIN_MAP_COUNT]; /* by enum hf_pin_map */
	int prog_paced;		  /* the live-frames program */
	int prog_gathered;	  /* of the entries of `gather` */
	size_t bytes[HF_PIN_MAP_COUNT]; /* of each mapping, 0 = not mapped */
};

/*
 * Open what holdfastd pinned for `instance`. Checks the ABI version and the
 * sizes. 0, or -errno and one sentence in err: -ENOENT nothing is pinned (yet),
 * -EPROTO another ABI version, -EPERM.
 */
int hf_pins_open(const char *instance, struct hf_pins *ret, char *err,
		 size_t err_len);
void hf_pins_close(struct hf_pins *);
/* 0: of our ABI version, or nothing is pinned; else -EPROTO and a sentence. */
int hf_pins_version(const char *instance, char *err, size_t err_len);

/* Entry `entry` of a bucket: hf_wheel_bucket() below gives the bucket. */
static inline struct hf_wheel_entry *
hf_pins_wheel(const struct hf_pins *p, uint32_t bucket, uint32_t entry)
{
	return p->wheel + ((size_t)bucket * p->wheel_capacity + entry);
}

/* Is one of its media addresses IPv6? */
bool hf_instance_has6(const struct hf_instance *);

/* Where the controller writes a leg's program. */
static inline struct hf_leg_at hf_pins_leg(const struct hf_pins *p,
					   uint32_t leg)
{
	return (struct hf_leg_at){&p->legs[leg], &p->claims[leg].word};
}

/*
 * The bucket of the wheel in which legs of this packet time are due at this
 * whole millisecond of CLOCK_MONOTONIC; UINT32_MAX for another packet time.
 */
static inline uint32_t hf_wheel_bucket(uint32_t ptime_ms, uint64_t ms)
{
	switch (ptime_ms) {
#define X(ptime, base)                                                         \
	case ptime:                                                            \
		return base + (uint32_t)(ms % ptime);
		HF_WHEEL_CLASSES(X)
#undef X
	}
	return UINT32_MAX;
}

/* How much later than its deadline a frame's turn is, in ms: with `auto` the leg's
 * own packets come first. */
static inline uint32_t hf_wheel_wait(uint8_t flags, uint32_t ptime_ms)
{
	return flags & HF_PROGRAM_AUTO_CLOCK ? ptime_ms / 2 : 0;
}

/* "/sys/fs/bpf/holdfast/INSTANCE/NAME", or the folder if name is "". */
int hf_pins_path(const char *instance, const char *name, char *ret, size_t len);

/*
 * The sender's two files beside the control socket: it holds an flock on the
 * first for as long as it lives and takes datagrams of one byte on the second.
 */
int hf_sender_lock_path(const char *control_socket, const char *instance,
			char *ret, size_t len);
int hf_sender_poke_path(const char *control_socket, const char *instance,
			char *ret, size_t len);
#define HF_POKE_NEXTHOP 'n' /* a destination is wanted: resolve it now */
#define HF_POKE_WHEEL 'w'   /* a bucket of the wheel is no longer empty */
#define HF_POKE_RTCP 'r'    /* a leg began or ended: look whom to report to */
#define HF_POKE_QUIT 'q'    /* the instance is torn down */

#endif
