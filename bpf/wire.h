/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things are in a packet, and how they are read and written there: by
 * whole words at constant offsets (a packed struct would make clang go byte by
 * byte). Every access needs an earlier comparison with data_end.
 */
#ifndef HF_BPF_WIRE_H
#define HF_BPF_WIRE_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

typedef __u16 __attribute__((may_alias)) hf_w16;
typedef __u32 __attribute__((may_alias)) hf_w32;
typedef __u64 __attribute__((may_alias)) hf_w64;

#define HF_W16(base, offset) (*(hf_w16 *)((char *)(base) + (offset)))
#define HF_W32(base, offset) (*(hf_w32 *)((char *)(base) + (offset)))
#define HF_W64(base, offset) (*(hf_w64 *)((char *)(base) + (offset)))
#define HF_W8(base, offset)  (*(__u8 *)((char *)(base) + (offset)))

/* Ethernet without tag, IPv4 without options: the plain form. Others are brought
 * to it (shape.h), so that this is where things are for everybody else. */
enum {
	HF_AT_ETHERTYPE = 12,
	HF_AT_IP = 14,
	HF_AT_IP_LEN = HF_AT_IP + 2,
	HF_AT_IP_ID = HF_AT_IP + 4,
	HF_AT_IP_FRAG = HF_AT_IP + 6,
	HF_AT_IP_TTL = HF_AT_IP + 8,
	HF_AT_IP_PROTOCOL = HF_AT_IP + 9,
	HF_AT_IP_CHECK = HF_AT_IP + 10,
	HF_AT_IP_SADDR = HF_AT_IP + 12,
	HF_AT_IP_DADDR = HF_AT_IP + 16,
	HF_AT_UDP = HF_AT_IP + 20,
	HF_AT_UDP_LEN = HF_AT_UDP + 4,
	HF_AT_UDP_CHECK = HF_AT_UDP + 6,
	HF_AT_RTP = HF_AT_UDP + 8,
	HF_AT_RTP_SEQ = HF_AT_RTP + 2,
	HF_AT_RTP_TS = HF_AT_RTP + 4,
	HF_AT_RTP_SSRC = HF_AT_RTP + 8,
	HF_AT_PAYLOAD = HF_AT_RTP + 12,
	/* IPv6 (RFC 8200 3), in its own form. */
	HF_AT_IP6_LEN = HF_AT_IP + 4,
	HF_AT_IP6_NEXT = HF_AT_IP + 6,
	HF_AT_IP6_SADDR = HF_AT_IP + 8,
	HF_AT_IP6_DADDR = HF_AT_IP + 24,
};

#define HF_IP_DF       0x4000 /* host order, as IP_FRAG */
#define HF_IP_FRAGMENT 0x3fff /* more fragments, or an offset */
#define HF_IP_TTL      64
#define HF_IP_HEADERS  28 /* IPv4 and UDP */
#define HF_IP6_MORE    20 /* bytes that IPv6 has more than IPv4 */
#define HF_TAG_BYTES   4  /* 802.1Q */

/*
 * Copy `bytes` out of the packet, or into it, from `at` on. 0 if that cannot be:
 * none, more than `most`, or not there. The verifier of 6.1 forgets the bounds
 * of what went through the stack, and does not learn "at least 1" from "not 0":
 * it is told as a range from 0.
 */
static __always_inline int hf_bytes_read(struct xdp_md *ctx, __u32 at, void *to,
					 __u32 bytes, __u32 most)
{
	__u32 less = bytes - 1;

	asm volatile("" : "+r"(less));
	return less < most && !bpf_xdp_load_bytes(ctx, at, to, less + 1);
}

static __always_inline int hf_bytes_write(struct xdp_md *ctx, __u32 at,
					  const void *from, __u32 bytes,
					  __u32 most)
{
	__u32 less = bytes - 1;

	asm volatile("" : "+r"(less));
	return less < most &&
	       !bpf_xdp_store_bytes(ctx, at, (void *)from, less + 1);
}

#endif
