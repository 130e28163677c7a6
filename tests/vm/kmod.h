/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the module's tests share: the seven maps as a controller would make them,
 * requests to the netlink family with the kernel's own words for a refusal, and
 * a listener on the far end of a veth pair.
 */
#ifndef HOLDFAST_TESTS_VM_KMOD_H
#define HOLDFAST_TESTS_VM_KMOD_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/abi.h>
#include <holdfast/claim.h>

#define RIG_MAPS 7
enum { RIG_INSTANCE, RIG_LEGS, RIG_FRAMES, RIG_NEXTHOPS, RIG_WHEEL, RIG_FILL, RIG_WORK };

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
int rig_stats(struct rig *r, const char *instance, struct rig_stats *s);

/* A leg that plays `frames` frames in a loop to 10.9.0.2:port over hop 0. */
void rig_leg(struct rig *r, uint32_t leg, uint16_t port, uint64_t base_ns);
void rig_leg_stop(struct rig *r, uint32_t leg);
void rig_hop(struct rig *r, uint32_t index, const char *dev, const uint8_t dmac[6]);
void rig_frames(struct rig *r);

uint64_t rig_now(void);
int run(const char *command); /* a shell command's exit status */
int runf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
