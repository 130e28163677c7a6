/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the module's tests share: the eight maps as a controller would make them,
 * requests to the netlink family with the kernel's own words for a refusal
 * (rig.c), and a listener on the far end of a veth pair (stage.c).
 */
#ifndef HOLDFAST_TESTS_VM_KMOD_H
#define HOLDFAST_TESTS_VM_KMOD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <holdfast/abi.h>
#include <holdfast/claim.h>

#define RIG_MAPS 8
enum { RIG_INSTANCE, RIG_LEGS, RIG_CLAIMS, RIG_FRAMES, RIG_NEXTHOPS, RIG_WHEEL, RIG_FILL, RIG_WORK };

struct rig {
	int fd[RIG_MAPS];
	void *value[RIG_MAPS];
	uint32_t legs, frames, capacity;
	struct nl_sock *sock;
	int family, group;
};

/* Maps of the right shape; -1 on failure (and says why). */
int rig_open(struct rig *r, uint32_t legs, uint32_t frames);
void rig_close(struct rig *r);

/* One request. Returns 0 or -errno; `why` gets the extended acknowledgement.
 * `skip` leaves that attribute out, `attr`=`value` replaces a u32 one. */
struct rig_request {
	uint8_t cmd;
	const char *instance; /* NULL: no such attribute */
	bool maps;	      /* all descriptors and the ABI version */
	int skip;	      /* attribute to leave out, 0 = none */
	int attr;	      /* u32 attribute to set or replace, 0 = none */
	uint32_t value;
	bool xdp_xmit, plain;
	const char *event; /* for notify: its name; with a number */
	uint64_t number;
	int dump;	 /* as NLM_F_DUMP */
	int extra_type;	 /* a raw attribute with `extra`, 0 = none */
	const void *extra;
	int extra_len;
	bool no_event_number;
};
int rig_ask(struct rig *r, const struct rig_request *q, char *why, int why_len);

struct rig_stats {
	uint64_t sent, skipped, lost, idle, no_hop, bad, no_memory, busy, ticks,
		capped, late_max_ns, send_ns;
	uint32_t cpus;
};
int rig_stats(struct rig *r, const char *instance, struct rig_stats *s); /* of each CPU */
int rig_total(struct rig *r, const char *instance, struct rig_stats *s); /* as one */

/* A leg that plays `frames` frames in a loop to 10.9.0.2:port over hop 0. */
void rig_leg(struct rig *r, uint32_t leg, uint16_t port, uint64_t base_ns);
__u64 *rig_word(struct rig *r, uint32_t leg); /* its claim */
void rig_leg_stop(struct rig *r, uint32_t leg);
void rig_hop(struct rig *r, uint32_t index, const char *dev, const uint8_t dmac[6]);
void rig_frames(struct rig *r);

uint64_t rig_now(void);
int run(const char *command); /* a shell command's exit status */
int runf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * The stage: hf0 here, hf1 with 10.9.0.2 in namespace "peer", the module loaded
 * ($HOLDFAST_KO), and an ear on hf1 that tells the legs apart by their port.
 */
#define LEGS 256
#define FRAMES 50
#define PACKET 214

struct heard {
	uint64_t count;
	uint16_t first_seq, last_seq;
	uint32_t first_ts, last_ts;
	uint64_t first_ns, last_ns;
	uint64_t holes, wrong;
	uint8_t packet[PACKET]; /* the newest, as it came */
	uint8_t first[PACKET];
};

struct ear {
	pthread_t thread;
	int fd;
	volatile bool stop;
	struct heard leg[LEGS];
	uint64_t foreign; /* frames that are not ours */
	const struct hf_frame *frames;
	uint32_t frame_count;
};

extern uint8_t peer_mac[6]; /* of hf1 */

/* A kernel that checks itself is 20 to 100 times slower: fewer calls there. */
int calls(void);
int load(void);
int unload(void);
/* `e` may be NULL. Takes down what a failed test before it has left. */
int begin(struct rig *r, struct ear *e);
int begin_with(struct rig *r, struct ear *e, uint32_t legs);
void end(struct rig *r, struct ear *e);
uint64_t ear_total(const struct ear *e);
/* Wait until `leg` has been heard `count` times; false after `ms`. */
bool ear_wait(struct ear *e, uint32_t leg, uint64_t count, int ms);
struct rig_request attach_request(const char *name);
/* So many legs in the wheel, spread over the packet time. */
void play(struct rig *r, int legs);

#endif
