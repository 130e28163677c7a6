// SPDX-License-Identifier: GPL-2.0-or-later
/* Hold frames, worked out and written, see ready.h. */
#include "mediad/ready.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "holdfast/hold_packet.h"
#include "holdfast/remote.h"

/* So what the usual frame takes stays in registers. */
#define ALWAYS_INLINE inline __attribute__((always_inline))

/* What one frame needs, each part of shared memory read once. */
struct making {
	const struct hf_program *program;
	const struct hf_nexthop *nexthop;
	const struct hf_hop *hop; /* of it, as of `turn` */
	uint32_t turn;
	uint8_t flags;
	struct hf_due due;
	const struct hf_frame *frame;
	uint16_t bytes, sum; /* of its payload */
};

/* The hop in force; what is read of it is believed if hop_stayed() afterwards. (A
 * copy would be read in other pieces than it was written, and wait for that.) */
static ALWAYS_INLINE bool get_hop(const struct hf_pins *pins, uint16_t index,
				  struct making *m)
{
	if (index >= pins->nexthop_count)
		return false;
	m->nexthop = &pins->nexthops[index];
	m->turn = hf_load_acquire(&m->nexthop->turn);
	m->hop = &m->nexthop->hop[m->turn & 1];
	m->flags = HF_READ(m->hop->flags);
	return m->flags & HF_HOP_VALID;
}

static ALWAYS_INLINE bool hop_stayed(const struct making *m)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return HF_READ(m->nexthop->turn) == m->turn;
}

/* Is there a frame, and does it fit? */
static ALWAYS_INLINE bool get_frame(const struct hf_pins *pins, struct making *m,
			     uint32_t headers)
{
	struct hf_work *work = pins->work;

	if (m->due.frame >= pins->instance->frames) {
		work->packets.no_frame++;
		return false;
	}
	m->frame = &pins->frames[m->due.frame];
	m->bytes = HF_READ(m->frame->bytes);
	m->sum = HF_READ(m->frame->sum);
	if (!m->bytes || m->bytes > HF_FRAME_BYTES) {
		work->packets.no_frame++;
		return false;
	}
	if (headers + m->bytes > HF_READ(m->hop->mtu)) {
		work->packets.mtu++;
		return false;
	}
	return true;
}

/* Ethernet, with the tag of the hop; returns its length. */
static uint32_t write_link(uint8_t *at, const struct making *m, uint16_t type)
{
	uint16_t tag = htons(ETHERTYPE_VLAN);

	type = htons(type);
	memcpy(at, m->hop->dmac, 6);
	memcpy(at + 6, m->hop->smac, 6);
	if (!(m->flags & HF_HOP_VLAN)) {
		memcpy(at + 12, &type, 2);
		return ETH_HLEN;
	}
	memcpy(at + 12, &tag, 2);
	memcpy(at + 14, &m->hop->vlan_tci, 2);
	memcpy(at + 16, &type, 2);
	return ETH_HLEN + 4;
}

/* A frame of any form. */
static void
write_other(const struct making *m, const struct hf_pair6 *six,
	    struct hf_ready_frame *f)
{
	uint32_t head;

	if (six) {
		head = write_link(f->head, m, ETHERTYPE_IPV6);
		hf_hold_headers6_write(f->head + head, m->program, six, &m->due,
				       m->hop, m->bytes, m->sum);
		head += HF_HOLD_HEADERS6;
	} else {
		head = write_link(f->head, m, ETHERTYPE_IP);
		hf_hold_headers_write(f->head + head, m->program, &m->due,
				      m->hop, m->bytes, m->sum);
		head += HF_HOLD_HEADERS;
	}
	f->head_bytes = (uint16_t)head;
}

/* All but what is in the frame: before it is written, and after that. */
static ALWAYS_INLINE bool make_begin(const struct hf_pins *pins, uint64_t word,
				     uint64_t now_ns, struct making *m,
				     uint32_t headers)
{
	const struct hf_program *p = m->program;

	return p->remote_port && hf_due(p, word, now_ns, 0, &m->due) &&
	       get_hop(pins, p->nexthop, m) && get_frame(pins, m, headers);
}

static ALWAYS_INLINE enum hf_ready_way way_of(uint8_t hop_flags)
{
	if (!(hop_flags & (HF_HOP_LOCAL | HF_HOP_NO_REDIRECT)))
		return HF_READY_LIVE;
	return hop_flags & HF_HOP_LOCAL ? HF_READY_HOST : HF_READY_PACKET;
}

static ALWAYS_INLINE enum hf_ready_way make_end(uint32_t leg, uint64_t word,
						const struct making *m,
						struct hf_ready_frame *f)
{
	f->word = word;
	f->next = m->due.next;
	f->leg = leg;
	f->ifindex = HF_READ(m->hop->ifindex);
	f->skipped = m->due.skipped;
	f->frame = m->due.frame;
	f->bytes = m->bytes;
	if (!hop_stayed(m))
		return HF_READY_NONE;
	return way_of(m->flags);
}

/* In any form. */
static __attribute__((noinline)) enum hf_ready_way
make_other(const struct hf_pins *pins, uint32_t leg, uint64_t word,
	   const struct hf_program *p, uint64_t now_ns,
	   struct hf_ready_frame *f)
{
	struct making m = {.program = p};
	const struct hf_pair6 *six = NULL;
	struct hf_pair6 pair;

	if (p->flags & HF_PROGRAM_IPV6) {
		pair = pins->leg6[leg].program[hf_word_epoch(word) & 1];
		six = &pair;
	}
	if (!make_begin(pins, word, now_ns, &m,
			six ? HF_HOLD_HEADERS6 : HF_HOLD_HEADERS))
		return HF_READY_NONE;
	write_other(&m, six, f);
	return make_end(leg, word, &m, f);
}

/* A leg by its short form, in any form. */
static __attribute__((noinline)) enum hf_ready_way
make_short(const struct hf_pins *pins, uint32_t leg, uint64_t word,
	   uint64_t now_ns, struct hf_ready_frame *f)
{
	struct hf_program p;

	hf_hot_program(&pins->claims[leg].hot, &p);
	return make_other(pins, leg, word, &p, now_ns, f);
}

/* A leg without a short form. */
static __attribute__((noinline)) enum hf_ready_way
make_long(const struct hf_pins *pins, uint32_t leg, uint64_t word,
	  uint64_t now_ns, bool only6, struct hf_ready_frame *f)
{
	struct hf_program p = *hf_word_program(&pins->legs[leg], word);
	struct hf_remote to = hf_remote_get(&p, &pins->legs[leg].rx);

	if (only6 && !(p.flags & HF_PROGRAM_IPV6))
		return HF_READY_NONE;
	p.remote_ip4 = to.ip4;
	p.remote_port = to.port;
	return make_other(pins, leg, word, &p, now_ns, f);
}

/* ---- the usual form: IPv4, no tag, a frame of the usual length */

/* Make the front of what goes by this hop; 0 if none of the usual form can. */
static __attribute__((noinline)) bool front_make(const struct hf_pins *pins,
						 uint16_t index,
						 struct hf_ready_front *front)
{
	struct making m;

	front->nexthop = NULL;
	if (!get_hop(pins, index, &m) || m.flags & HF_HOP_VLAN ||
	    HF_READ(m.hop->mtu) < HF_HOLD_HEADERS + HF_FRAME_BYTES)
		return false;
	write_link(front->bytes, &m, ETHERTYPE_IP);
	front->sum = hf_hold_front_write(front->bytes + ETH_HLEN, m.hop,
					 HF_FRAME_BYTES);
	front->ifindex = HF_READ(m.hop->ifindex);
	front->flags = m.flags;
	front->turn = m.turn;
	if (!hop_stayed(&m))
		return false;
	front->nexthop = m.nexthop;
	return true;
}

/* Is it still the one for this hop? */
static ALWAYS_INLINE bool front_holds(const struct hf_pins *pins,
				      uint16_t index,
				      const struct hf_ready_front *front)
{
	const struct hf_nexthop *n = front->nexthop;
	uint32_t turn;

	if (n != &pins->nexthops[index] || index >= pins->nexthop_count)
		return false;
	turn = hf_load_acquire(&n->turn);
	return turn == front->turn &&
	       HF_READ(n->hop[turn & 1].flags) == front->flags;
}

/* HF_READY_NONE: not of this form, or not due at all; make_short() knows. */
static ALWAYS_INLINE enum hf_ready_way make_plain(const struct hf_pins *pins,
						  struct hf_ready_front *front,
						  uint32_t leg, uint64_t word,
						  uint64_t now_ns,
						  struct hf_ready_frame *f)
{
	const struct hf_hot *hot = &pins->claims[leg].hot;
	const struct hf_frame *frame;
	struct hf_program p;
	struct hf_due due;

	if (HF_READ(hot->six) || !hf_hot_due(hot, word, now_ns, &due) ||
	    due.frame >= pins->instance->frames)
		return HF_READY_NONE;
	frame = &pins->frames[due.frame];
	hf_hot_program(hot, &p);
	if (HF_READ(frame->bytes) != HF_FRAME_BYTES ||
	    (!front_holds(pins, p.nexthop, front) &&
	     !front_make(pins, p.nexthop, front)))
		return HF_READY_NONE;
	memcpy(f->head, front->bytes, sizeof(front->bytes));
	hf_hold_behind_write(f->head + ETH_HLEN, &p, &due, front->sum,
			     HF_FRAME_BYTES, HF_READ(frame->sum));
	f->word = word;
	f->next = due.next;
	f->leg = leg;
	f->ifindex = front->ifindex;
	f->skipped = 0;
	f->frame = due.frame;
	f->bytes = HF_FRAME_BYTES;
	f->head_bytes = ETH_HLEN + HF_HOLD_HEADERS;
	return way_of(front->flags);
}

enum hf_ready_way hf_ready_make(const struct hf_pins *pins,
				struct hf_ready_front *front, uint32_t leg,
				uint64_t now_ns, bool only6,
				struct hf_ready_frame *f)
{
	const struct hf_claim *claim;
	enum hf_ready_way way;
	uint64_t word;

	if (leg >= pins->instance->legs)
		return HF_READY_NONE;
	claim = &pins->claims[leg];
	word = hf_load_acquire(&claim->word);
	/* The short form is on the same line: a receiver on another CPU may
	 * just have had it, and one line to wait for is enough. */
	if (HF_READ(claim->hot.epoch) != hf_word_epoch(word))
		return make_long(pins, leg, word, now_ns, only6, f);
	if (only6)
		return HF_READ(claim->hot.six)
			       ? make_short(pins, leg, word, now_ns, f)
			       : HF_READY_NONE;
	way = make_plain(pins, front, leg, word, now_ns, f);
	return way != HF_READY_NONE ? way
				    : make_short(pins, leg, word, now_ns, f);
}
