/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hold frame that is due for a leg, worked out and written whole but not
 * claimed: for the paced program (bpf/paced.h) and for sockets (packets.h).
 */
#ifndef HOLDFAST_MEDIAD_READY_H
#define HOLDFAST_MEDIAD_READY_H

#include <net/ethernet.h>
#include <stdbool.h>
#include <stdint.h>

#include "holdfast/abi.h"
#include "holdfast/claim.h"
#include "holdfast/hold_packet.h"
#include "holdfast/hot.h"
#include "media/pins.h"

/* How a frame can leave. */
enum hf_ready_way {
	HF_READY_NONE,
	HF_READY_LIVE,	 /* as live frame */
	HF_READY_PACKET, /* as packet of a socket, by the same device */
	HF_READY_HOST,	 /* to this host itself */
};

/*
 * What a frame of the usual form has in front of its addresses, kept for those
 * after it: most go by the same next hop. A zeroed one is empty. It holds while
 * the hop's turn is the same; of one thread.
 */
#define HF_READY_FRONT (ETH_HLEN + HF_HOLD_FRONT)
struct hf_ready_front {
	const struct hf_nexthop *nexthop;
	uint32_t turn, ifindex;
	uint64_t sum;  /* of the IP header's words but addresses and check */
	uint8_t flags; /* of the hop; one without HF_HOP_VLAN */
	uint8_t bytes[HF_READY_FRONT + 8]; /* some to spare, for whole words */
};

/*
 * The frame that `leg` is due at this moment goes to *f, with its Ethernet header,
 * whatever the way. HF_READY_NONE: nothing is due, there is no way, or the frame
 * cannot be made, and then work.packets counts why. With `only6` nothing is due
 * for legs of IPv4.
 */
enum hf_ready_way hf_ready_make(const struct hf_pins *, struct hf_ready_front *,
				uint32_t leg, uint64_t now_ns, bool only6,
				struct hf_ready_frame *f);

/*
 * A leg's memory is asked for before it is needed, as far ahead as these say (in
 * legs that follow): first its claim, and when that is there, its frame. `leg` is
 * one of the instance here and below; its frame need not be.
 */
#define HF_ASK_CLAIM 24
#define HF_ASK_FRAME 12

static inline void hf_ready_ask_claim(const struct hf_pins *pins, uint32_t leg)
{
	__builtin_prefetch(&pins->claims[leg], 1);
}

static inline void hf_ready_ask_frame(const struct hf_pins *pins, uint32_t leg)
{
	const struct hf_claim *c = &pins->claims[leg];
	uint64_t word = HF_READ(c->word);
	struct hf_hot hot = {.loop = c->hot.loop,
			     .loop_len = HF_READ(c->hot.loop_len),
			     .loop_at = c->hot.loop_at};
	const struct hf_frame *f;

	if (HF_READ(c->hot.epoch) != hf_word_epoch(word) || !hot.loop_len)
		return;
	f = &pins->frames[hf_hot_frame(&hot, hf_word_slot(word))];
	__builtin_prefetch(f);
	__builtin_prefetch(f->payload + 64);
	__builtin_prefetch(f->payload + 128);
}

#endif
