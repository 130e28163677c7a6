/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The internet checksum (RFC 1071) as this project needs it: sums of words as
 * they lie in memory, so no byte order is ever swapped, carried in 64 bits and
 * folded once. "Sum" is the folded one's-complement sum, "check" its inverse as
 * it stands in a header.
 *
 * Pure; built into XDP, the module and userspace.
 */
#ifndef HOLDFAST_CSUM_H
#define HOLDFAST_CSUM_H

#include "abi.h"
#include "world.h"

HF_INLINE __u16 hf_csum_fold(__u64 sum)
{
	__u32 half;

	/* With itself turned by half its width, the upper half becomes the sum
	 * of both with the carry (RFC 1071, 2(B)). */
	sum += sum << 32 | sum >> 32;
	half = (__u32)(sum >> 32);
	half += half << 16 | half >> 16;
	return (__u16)(half >> 16);
}

/* An IPv4 header's check of the sum of its other words. */
HF_INLINE __u16 hf_csum_ip(__u64 sum)
{
	return (__u16)~hf_csum_fold(sum);
}

/* A UDP check: 0 would say "no checksum" (RFC 768), its twin says the same
 * number. */
HF_INLINE __u16 hf_csum_udp(__u64 sum)
{
	__u16 check = (__u16)~hf_csum_fold(sum);

	return check ? check : 0xffff;
}

/* The UDP check after words that added up to `old` became words that add up to
 * `now` (RFC 1624, equation 3). Only for a packet that has a check. */
HF_INLINE __u16 hf_csum_udp_change(__u16 check, __u64 old, __u64 now)
{
	return hf_csum_udp((__u64)(__u16)~check + (__u16)~hf_csum_fold(old) +
			   now);
}

/* Of the two addresses of a packet. */
HF_INLINE __u64 hf_csum_pair4(__be32 saddr, __be32 daddr)
{
	return (__u64)(HF_FORCE __u32)saddr + (HF_FORCE __u32)daddr;
}

HF_INLINE __u64 hf_csum_pair6(const struct hf_ip6 *saddr,
			      const struct hf_ip6 *daddr)
{
	return hf_csum_pair4(saddr->word[0], daddr->word[0]) +
	       hf_csum_pair4(saddr->word[1], daddr->word[1]) +
	       hf_csum_pair4(saddr->word[2], daddr->word[2]) +
	       hf_csum_pair4(saddr->word[3], daddr->word[3]);
}

/* Of the pseudo header (RFC 768, RFC 8200 8.1), whose addresses add up to
 * `pair`, and the four words of the UDP header. */
HF_INLINE __u64 hf_csum_udp_header(__u64 pair, __be16 sport, __be16 dport,
				   __be16 udp_len)
{
	return pair + (HF_FORCE __u16)HF_HTONS(17) + (HF_FORCE __u16)sport +
	       (HF_FORCE __u16)dport + 2ULL * (HF_FORCE __u16)udp_len;
}

#ifndef __bpf__
/* The sum of bytes that begin at an even offset of what is summed. */
HF_INLINE __u16 hf_csum_bytes(const __u8 *bytes, __u32 len)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i + 1 < len; i += 2) {
		__u16 word;

		__builtin_memcpy(&word, bytes + i, 2);
		sum += word;
	}
	if (len & 1) {
		__u8 last[2] = {bytes[len - 1], 0};
		__u16 word;

		__builtin_memcpy(&word, last, 2);
		sum += word;
	}
	return hf_csum_fold(sum);
}
#endif

#endif
