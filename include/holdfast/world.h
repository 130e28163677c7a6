/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three worlds this project's pure headers build in (XDP, module,
 * userspace) each have their own words for the same few things: an acquiring
 * load, a releasing store, a 64-bit compare-and-exchange, byte order.
 */
#ifndef HOLDFAST_WORLD_H
#define HOLDFAST_WORLD_H

#if defined(__bpf__)

#define HF_INLINE static __attribute__((always_inline)) inline
#define HF_BARRIER() __asm__ volatile("" ::: "memory")
/*
 * BPF has no acquiring load before 6.13. A plain load is one on x86; elsewhere
 * the address of what is read next (program[epoch & 1]) depends on the value
 * loaded, which orders the two reads on every machine Linux runs XDP on.
 */
#define hf_load_acquire(p)                                                     \
	({                                                                     \
		__typeof__(*(p)) hf_v = *(volatile __typeof__(*(p)) *)(p);     \
		HF_BARRIER();                                                  \
		hf_v;                                                          \
	})
#define hf_store_release(p, v)                                                 \
	do {                                                                   \
		HF_BARRIER();                                                  \
		*(volatile __typeof__(*(p)) *)(p) = (v);                       \
	} while (0)
/* The value found; the exchange took place if it equals `old`. */
#define hf_cmpxchg64(p, old, new) __sync_val_compare_and_swap((p), (old), (new))

#elif defined(__KERNEL__)

#include <linux/atomic.h>
#include <linux/compiler.h>
#define HF_INLINE static __always_inline
#define HF_BARRIER() barrier()
#define hf_load_acquire(p) smp_load_acquire(p)
#define hf_store_release(p, v) smp_store_release(p, v)
#define hf_cmpxchg64(p, old, new) cmpxchg64((p), (old), (new))

#else

#define HF_INLINE static inline __attribute__((always_inline))
#define HF_BARRIER() __asm__ volatile("" ::: "memory")
#define hf_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define hf_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define hf_cmpxchg64(p, old, new)                                              \
	({                                                                     \
		__u64 hf_o = (old);                                            \
		__atomic_compare_exchange_n((p), &hf_o, (new), 0,              \
					    __ATOMIC_SEQ_CST,                  \
					    __ATOMIC_SEQ_CST);                 \
		hf_o;                                                          \
	})

#endif

/* One read of memory that somebody else may write at the same time: a value
 * that was checked must be the value that is used. */
#define HF_READ(x) (*(const volatile __typeof__(x) *)&(x))
#define HF_WRITE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

/* Byte order is changed here and summed over in csum.h, nowhere else: sparse
 * checks that (scripts/check-kmod). */
#ifdef __CHECKER__
#define HF_FORCE __attribute__((force))
#else
#define HF_FORCE
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HF_HTONS(x) ((HF_FORCE __be16)__builtin_bswap16((HF_FORCE __u16)(x)))
#define HF_NTOHS(x) ((__u16)__builtin_bswap16((HF_FORCE __u16)(x)))
#define HF_HTONL(x) ((HF_FORCE __be32)__builtin_bswap32((HF_FORCE __u32)(x)))
#define HF_NTOHL(x) ((__u32)__builtin_bswap32((HF_FORCE __u32)(x)))
#else
#define HF_HTONS(x) ((HF_FORCE __be16)(x))
#define HF_NTOHS(x) ((HF_FORCE __u16)(x))
#define HF_HTONL(x) ((HF_FORCE __be32)(x))
#define HF_NTOHL(x) ((HF_FORCE __u32)(x))
#endif

#endif
