/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/* Made by scripts/netlink-gen from Documentation/netlink/holdfast.yaml. */
/*
 * The kernel module sends the hold audio of parked calls. A controller hands
 * it the BPF maps that hold the legs (attach), and asks it to multicast what
 * happens to calls (notify). Any program with CAP_NET_ADMIN may join the
 * group `events` and follow. Everything is per network namespace: the one of
 * the socket. Every refusal carries a sentence in the extended ack.
 */
#ifndef _UAPI_HOLDFAST_H
#define _UAPI_HOLDFAST_H

#define HOLDFAST_FAMILY "holdfast"
#define HOLDFAST_VERSION 1
#define HOLDFAST_GROUP_EVENTS "events"
#define HOLDFAST_USERSOCK_GROUP 21
#define HOLDFAST_USERSOCK_TYPE 16

enum holdfast_cmd {
	HOLDFAST_CMD_UNSPEC,
	HOLDFAST_CMD_GET_INFO, /* Version and what is attached. */
	HOLDFAST_CMD_ATTACH, /* Take over the maps of an instance and send for it from now on. */
	HOLDFAST_CMD_DETACH, /* Stop sending for an instance and let its maps go. */
	HOLDFAST_CMD_KICK, /* The wheel of an instance is no longer empty; start ticking. */
	HOLDFAST_CMD_GET_STATS, /* Counters of an instance, in total or for each CPU (dump). */
	HOLDFAST_CMD_NOTIFY, /* Multicast an event to the group `events` of this namespace. */
	HOLDFAST_CMD_EVENT, /* What a reader of the group gets; the attributes of notify. */

	__HOLDFAST_CMD_MAX,
	HOLDFAST_CMD_MAX = __HOLDFAST_CMD_MAX - 1
};

enum holdfast_attr {
	HOLDFAST_A_UNSPEC,
	HOLDFAST_A_PAD, /* pad */
	HOLDFAST_A_ABI_MAJOR, /* u32: of include/holdfast/abi.h; only an equal one is attached */
	HOLDFAST_A_ABI_MINOR, /* u32 */
	HOLDFAST_A_VERSION, /* string, at most 64 bytes: of the module */
	HOLDFAST_A_INSTANCE, /* string, at most 32 bytes: name of the Holdfast instance */
	HOLDFAST_A_ATTACHED, /* u32: instances attached in this network namespace */
	HOLDFAST_A_CPUS, /* u32: CPUs that send */
	HOLDFAST_A_FD_INSTANCE, /* u32: descriptor of the map `instance` in the sender */
	HOLDFAST_A_FD_LEGS, /* u32 */
	HOLDFAST_A_FD_CLAIMS, /* u32 */
	HOLDFAST_A_FD_FRAMES, /* u32 */
	HOLDFAST_A_FD_NEXTHOPS, /* u32 */
	HOLDFAST_A_FD_WHEEL, /* u32 */
	HOLDFAST_A_FD_WHEEL_FILL, /* u32 */
	HOLDFAST_A_FD_WORK, /* u32 */
	HOLDFAST_A_XDP_XMIT, /* flag: ndo_xdp_xmit where the device has it and an XDP program */
	HOLDFAST_A_PLAIN, /* flag: the slow way for each frame: only to measure against */
	HOLDFAST_A_CPU, /* u32 */
	HOLDFAST_A_SENT, /* u64: hold frames given to a device */
	HOLDFAST_A_SKIPPED, /* u64: time slots given up because they were overdue */
	HOLDFAST_A_LOST, /* u64: frames another sender claimed first */
	HOLDFAST_A_IDLE, /* u64: wheel entries that were not due */
	HOLDFAST_A_NO_HOP, /* u64: frames without a resolved next hop or device */
	HOLDFAST_A_BAD, /* u64: map values out of bounds, refused */
	HOLDFAST_A_NO_MEMORY, /* u64: frames without memory for a packet */
	HOLDFAST_A_BUSY, /* u64: frames a full device queue refused */
	HOLDFAST_A_TICKS, /* u64 */
	HOLDFAST_A_CAPPED, /* u64: ticks that left work to the next one */
	HOLDFAST_A_LATE_MAX_NS, /* u64: the latest tick against its time */
	HOLDFAST_A_SEND_NS, /* u64: time spent in ticks */
	HOLDFAST_A_BOOT_ID, /* string, at most 36 bytes: of the kernel the sender ran on */
	HOLDFAST_A_NUMBER, /* u64: of the event, without holes until the controller starts anew */
	HOLDFAST_A_WALL_MS, /* u64: milliseconds since 1970 */
	HOLDFAST_A_EVENT, /* string, at most 32 bytes: what happened: parked, retrieved, ... */
	HOLDFAST_A_CALL, /* u64: stable id of the call */
	HOLDFAST_A_LOT, /* string, at most 64 bytes */
	HOLDFAST_A_SLOT, /* string, at most 32 bytes */
	HOLDFAST_A_CALLER_NUMBER, /* string, at most 128 bytes */
	HOLDFAST_A_CALLER_NAME, /* string, at most 128 bytes */
	HOLDFAST_A_CALLER_URI, /* string, at most 255 bytes */
	HOLDFAST_A_PARKER, /* string, at most 255 bytes */
	HOLDFAST_A_RETRIEVER, /* string, at most 255 bytes */
	HOLDFAST_A_PARKED_CALL_ID, /* string, at most 255 bytes */
	HOLDFAST_A_OTHER_CALL_ID, /* string, at most 255 bytes */
	HOLDFAST_A_SECONDS_PARKED, /* u32 */
	HOLDFAST_A_SECONDS_LEFT, /* u32: to the ring-back */
	HOLDFAST_A_ATTEMPT, /* u32 */
	HOLDFAST_A_RULE, /* string, at most 64 bytes */
	HOLDFAST_A_REASON, /* string, at most 255 bytes */
	HOLDFAST_A_USER_TO_USER, /* string, at most 255 bytes */
	HOLDFAST_A_TEXT, /* string, at most 511 bytes: the event as a sentence */
	HOLDFAST_A_PRIVATE, /* u32: 1: name and number of the caller are not for everybody */
	HOLDFAST_A_PARTY, /* string, at most 16 bytes: whose leg: parkee, retriever, ... */
	HOLDFAST_A_DIGIT, /* string, at most 1 bytes: the key that was pressed */
	HOLDFAST_A_DIGIT_MS, /* u32: and for how long */
	HOLDFAST_A_TENANT, /* string, at most 64 bytes: whose lot it is, where there are tenants */

	__HOLDFAST_A_MAX,
	HOLDFAST_A_MAX = __HOLDFAST_A_MAX - 1
};

#define HOLDFAST_VERSION_MAX 64
#define HOLDFAST_INSTANCE_MAX 32
#define HOLDFAST_BOOT_ID_MAX 36
#define HOLDFAST_EVENT_MAX 32
#define HOLDFAST_LOT_MAX 64
#define HOLDFAST_SLOT_MAX 32
#define HOLDFAST_CALLER_NUMBER_MAX 128
#define HOLDFAST_CALLER_NAME_MAX 128
#define HOLDFAST_CALLER_URI_MAX 255
#define HOLDFAST_PARKER_MAX 255
#define HOLDFAST_RETRIEVER_MAX 255
#define HOLDFAST_PARKED_CALL_ID_MAX 255
#define HOLDFAST_OTHER_CALL_ID_MAX 255
#define HOLDFAST_RULE_MAX 64
#define HOLDFAST_REASON_MAX 255
#define HOLDFAST_USER_TO_USER_MAX 255
#define HOLDFAST_TEXT_MAX 511
#define HOLDFAST_PARTY_MAX 16
#define HOLDFAST_DIGIT_MAX 1
#define HOLDFAST_TENANT_MAX 64

#endif
