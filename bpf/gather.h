/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets that come in quick succession are looked at together, because with
 * many legs a packet costs the wait for its leg's memory, and several waits at
 * once are no longer than one.
 *
 * hf_receive only finds out which leg a packet is for, notes that, and redirects
 * the packet to the device it came from, through an entry of the devmap `gather`
 * that has a program, hf_gathered. The kernel collects up to 16 such packets, at
 * the latest until the device has no more for now, and runs that program on each
 * before it sends them. The first of them asks for the memory of all.
 *
 * A note is believed of a packet whose headers are those that were noted; any
 * other one is looked at anew. A program there can send by that one device only,
 * so holdfast-mediad puts a device into the map while it is the only one that
 * media comes from and goes to (ctl/mediad/gather.c).
 */
#ifndef HF_BPF_GATHER_H
#define HF_BPF_GATHER_H

#include <holdfast/claim.h>
#include <holdfast/hot.h>
#include "maps.h"
#include "parse.h"

#define HF_GATHER 16 /* the kernel's own: DEV_MAP_BULK_SIZE */
/* The packet that makes the sixteen leave is noted before they do. */
#define HF_NOTES 32
/* Packets in a row without a note, more than can be on their way unnoted, after
 * which the notes are those of packets that never came. */
#define HF_NOTE_MISSES 64

/* The words of its headers that hf_parse() goes by. */
struct hf_header {
	__u64 lens; /* IPv4: length, identification, fragment, TTL, protocol */
	__u64 addresses;
	__u32 type; /* Ethernet's, and the first two bytes of IPv4 */
	__u32 ports;
	__u64 udp_len;
};

/* What was found out about a packet. */
struct hf_note {
	struct hf_header header;
	struct hf_incoming in;
};

struct hf_gathering {
	__u64 now_ns; /* of those that are left */
	__u32 left;   /* still to come of those whose memory was asked for */
	__u32 noted;  /* counts up */
	__u32 taken;  /* up to `noted` */
	__u32 missed; /* packets in a row that have no note */
	__u32 relayed; /* of those whose memory was asked for last */
	__u32 leg[HF_NOTES]; /* of the notes once more: close together */
	struct hf_note note[HF_NOTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hf_gathering);
} gathering SEC(".maps");

/* Needs 42 bytes. */
static __always_inline void hf_header_get(const void *data, struct hf_header *h)
{
	h->lens = HF_W64(data, HF_AT_IP_LEN);
	h->addresses = HF_W64(data, HF_AT_IP_SADDR);
	h->type = HF_W32(data, HF_AT_ETHERTYPE);
	h->ports = HF_W32(data, HF_AT_UDP);
	h->udp_len = HF_W16(data, HF_AT_UDP_LEN);
}

static __always_inline int hf_header_is(const void *data,
					const struct hf_header *h)
{
	return h->addresses == HF_W64(data, HF_AT_IP_SADDR) &&
	       h->ports == HF_W32(data, HF_AT_UDP) &&
	       h->lens == HF_W64(data, HF_AT_IP_LEN) &&
	       h->type == HF_W32(data, HF_AT_ETHERTYPE) &&
	       h->udp_len == HF_W16(data, HF_AT_UDP_LEN);
}

/* 1 if the packet waits for others now. */
static __always_inline int hf_gather(void *data, void *data_end,
				     const struct hf_incoming *in)
{
	struct hf_gathering *g;
	struct hf_note *n;
	__u32 zero = 0;

	g = bpf_map_lookup_elem(&gathering, &zero);
	if (!g || bpf_redirect_map(&gather, in->ifindex, 0) != XDP_REDIRECT ||
	    data + HF_AT_RTP > data_end)
		return 0;
	n = &g->note[g->noted & (HF_NOTES - 1)];
	hf_header_get(data, &n->header);
	n->in = *in;
	n->in.here_only = 1;
	g->leg[g->noted & (HF_NOTES - 1)] = in->leg;
	g->noted++;
	/* Whatever is still waited for of earlier ones never came. */
	g->left = 0;
	return 1;
}

/*
 * Loads whose results nobody waits for: in two goes, since what is next to
 * be asked for stands in what was asked for before.
 *
 * The second line of a leg comes along with the first on many processors, and a
 * load too many waits for a place among those under way. Measured, it has to be
 * asked for where frames follow, and costs a tenth of the packet's time where
 * peers do: so it depends on what most of the packets before were.
 */
static __always_inline void hf_ask_first(__u32 leg, int both)
{
	const struct hf_claim *c = bpf_map_lookup_elem(&claims, &leg);

	if (!c)
		return;
	(void)HF_READ(c->word);
	if (both)
		(void)HF_READ(c->intake.packets);
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
	    hf_turn_after(&p, word))
		return;
	key = hf_program_frame(&p, slot);
	f = bpf_map_lookup_elem(&frames, &key);
	if (!f)
		return;
	(void)HF_READ(f->bytes);
	if (hf_without & HF_WITHOUT_PAYLOAD)
		return;
	(void)HF_READ(f->payload[0]);
	(void)HF_READ(f->payload[64]);
}

/* 1 if it is relayed, as far as that is known. */
static __always_inline __u32 hf_ask_second(__u32 leg, __u64 now_ns)
{
	const struct hf_claim *c = bpf_map_lookup_elem(&claims, &leg);
	__u32 peer;

	if (!c)
		return 0;
	if (c->hot.epoch == hf_word_epoch(c->word)) {
		hf_ask_frame(&c->hot, c->word, now_ns);
		return 0;
	}
	peer = c->peer;
	c = bpf_map_lookup_elem(&claims, &peer);
	if (c)
		(void)HF_READ(c->word);
	return 1;
}

static __always_inline void hf_gathered_ask(struct hf_gathering *g)
{
	__u32 n = g->noted - g->taken, i, at, relayed = 0;
	int both = g->relayed <= HF_GATHER / 2;

	if (n > HF_GATHER)
		n = HF_GATHER;
	g->left = n;
	g->now_ns = hf_now();
	at = g->taken;
	for (i = 0; i < HF_GATHER && i < n; i++)
		hf_ask_first(g->leg[(at + i) & (HF_NOTES - 1)], both);
	for (i = 0; i < HF_GATHER && i < n; i++)
		relayed += hf_ask_second(g->leg[(at + i) & (HF_NOTES - 1)],
					 g->now_ns);
	g->relayed = relayed;
}

/*
 * Which note is of this packet? A packet that was noted may have been lost on the
 * way, and one may come that was not. 0 if there is none.
 */
static __always_inline struct hf_note *hf_note_of(struct hf_gathering *g,
						  const void *data)
{
	struct hf_note *n = &g->note[g->taken & (HF_NOTES - 1)];

	if (g->taken == g->noted)
		return 0;
	if (hf_header_is(data, &n->header)) {
		g->taken++;
		g->missed = 0;
		return n;
	}
	n = &g->note[(g->taken + 1) & (HF_NOTES - 1)];
	if (g->taken + 1 != g->noted && hf_header_is(data, &n->header)) {
		g->taken += 2;
		return n;
	}
	if (g->missed++ >= HF_NOTE_MISSES) {
		g->taken = g->noted;
		g->missed = 0;
	}
	return 0;
}

/*
 * Called once for each packet that was gathered: its note, or 0 if it has none,
 * and the time. Not inline: a stack of its own.
 */
static __attribute__((noinline)) struct hf_note *
hf_gathered_next(struct xdp_md *ctx, __u64 *now_ns)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct hf_gathering *g;
	__u32 zero = 0;

	g = bpf_map_lookup_elem(&gathering, &zero);
	if (!g)
		return 0;
	if (!g->left)
		hf_gathered_ask(g);
	if (g->left)
		g->left--;
	*now_ns = g->now_ns;
	if (data + HF_AT_RTP > data_end)
		return 0;
	return hf_note_of(g, data);
}

#endif
