/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that come in quick succession are looked at together, because with
 * many legs a packet costs the wait for its leg's memory, and several waits at
 * once are no longer than one.
 *
 * hf_receive only finds out which leg a packet is for, notes it, and redirects
 * the packet to the device it came from, through an entry of the devmap `gather`
 * that has a program, hf_gathered. The kernel collects up to 16 such packets, at
 * the latest until the device has no more for now, and runs that program on each
 * before it sends them. The first of them asks for the memory of all.
 *
 * What was noted are hints: hf_gathered reads each packet anew. A program there
 * can send by that one device only, so holdfast-mediad puts a device into the
 * map while it is the only one that media comes from and goes to
 * (ctl/mediad/gather.c).
 */
#ifndef HF_BPF_GATHER_H
#define HF_BPF_GATHER_H

#include <holdfast/claim.h>
#include <holdfast/hot.h>
#include "maps.h"
#include "parse.h"

#define HF_GATHER 16 /* the kernel's own: DEV_MAP_BULK_SIZE */

struct hf_gathering {
	__u64 now_ns; /* of those that are left */
	__u32 left;   /* still to come of those whose memory was asked for */
	__u32 count;  /* noted meanwhile */
	__u32 leg[HF_GATHER];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hf_gathering);
} gathering SEC(".maps");

/* 1 if the packet waits for others now. */
static __always_inline int hf_gather(const struct hf_incoming *in)
{
	struct hf_gathering *g;
	__u32 zero = 0;

	g = bpf_map_lookup_elem(&gathering, &zero);
	if (!g || bpf_redirect_map(&gather, in->ifindex, 0) != XDP_REDIRECT)
		return 0;
	if (!g->count)
		g->left = 0;
	g->leg[g->count & (HF_GATHER - 1)] = in->leg;
	g->count++;
	return 1;
}

/* Loads whose results nobody waits for: in two goes, since what is next to
 * be asked for stands in what was asked for before. */

static __always_inline void hf_ask_first(__u32 leg)
{
	const struct hf_claim *c = bpf_map_lookup_elem(&claims, &leg);
	const struct hf_stream *s = bpf_map_lookup_elem(&streams, &leg);

	if (!c || !s)
		return;
	(void)HF_READ(c->word);
	(void)*(const volatile __u32 *)s;
}

/* The frame that turn-around may send. */
static __always_inline void hf_ask_frame(const struct hf_hot *h, __u64 word,
					 __u64 now_ns)
{
	__u32 slot = hf_word_slot(word), key;
	const struct hf_frame *f;
	struct hf_program p;

	hf_hot_program(h, &p);
	if ((__s64)(now_ns - p.base_ns - (__u64)slot * p.ptime_ns) <
	    hf_turn_after(&p))
		return;
	key = hf_program_frame(&p, slot);
	f = bpf_map_lookup_elem(&frames, &key);
	if (!f)
		return;
	(void)HF_READ(f->bytes);
	(void)HF_READ(f->payload[0]);
	(void)HF_READ(f->payload[64]);
}

static __always_inline void hf_ask_second(__u32 leg, __u64 now_ns)
{
	const struct hf_claim *c = bpf_map_lookup_elem(&claims, &leg);
	const struct hf_intake *i = bpf_map_lookup_elem(&intake, &leg);
	const struct hf_bound *b = bpf_map_lookup_elem(&bound, &leg);
	__u32 peer;

	if (!c || !i || !b)
		return;
	if (c->hot.epoch == hf_word_epoch(c->word)) {
		(void)HF_READ(i->packets);
		hf_ask_frame(&c->hot, c->word, now_ns);
		return;
	}
	(void)HF_READ(b->ssrc);
	peer = c->peer;
	c = bpf_map_lookup_elem(&claims, &peer);
	if (c)
		(void)HF_READ(c->word);
}

/* Called once for each packet that was gathered. Returns the time. Not inline: a
 * stack of its own. */
static __attribute__((noinline)) __u64 hf_gathered_next(void)
{
	struct hf_gathering *g;
	__u32 zero = 0, n, i;

	g = bpf_map_lookup_elem(&gathering, &zero);
	if (!g)
		return hf_now();
	if (g->left) {
		g->left--;
		return g->now_ns;
	}
	n = g->count;
	if (!n)
		return hf_now();
	if (n > HF_GATHER)
		n = HF_GATHER;
	g->now_ns = hf_now();
	for (i = 0; i < HF_GATHER && i < n; i++)
		hf_ask_first(g->leg[i]);
	for (i = 0; i < HF_GATHER && i < n; i++)
		hf_ask_second(g->leg[i], g->now_ns);
	g->count = 0;
	g->left = n - 1;
	return g->now_ns;
}

#endif
