/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory that the receive side (XDP), the paced senders (BPF, module,
 * userspace) and the controller share: keys and values of the BPF maps.
 *
 * One header for three compilers: host gcc, kernel gcc and clang -target bpf.
 * Only fixed-width types, no pointer, no enum-typed field, no bitfield, no
 * implicit padding; every size and the offsets that matter are asserted at the
 * end, so each world proves the layout when it is built. A minor version only
 * ever uses reserved bytes, a new map is a new major one; whoever attaches to maps
 * checks the major version and refuses a different one, naming both.
 *
 * Every leg is one RTP endpoint of the anchor: one even UDP port of one media
 * address, with the RTCP port above it. The index of a leg is computed from
 * the packet's destination, so the packet path needs no hash.
 */
#ifndef HOLDFAST_ABI_H
#define HOLDFAST_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define HF_ABI_MAJOR 8
#define HF_ABI_MINOR 1

#define HF_MAX_ADDRESSES 16	/* media addresses of one instance */
#define HF_HINTS 64		/* of where an address stands */
#define HF_MAX_DEVICES 32	/* devices our receive program is attached to */
#define HF_MAX_NEXTHOPS 65536
#define HF_FRAME_BYTES 160	/* the largest payload of a hold frame */
#define HF_LEG_NONE 0xffffffffu

/* What is sent to the leg's remote. X(symbol, word for people). */
#define HF_MODES(X)                                                            \
	X(IDLE, "idle") /* nothing; the port is taken but no stream runs */    \
	X(HOLD, "hold") /* frames of the clip program, by the clock */         \
	X(RELAY, "relay") /* the stream received on leg `peer` */

enum hf_mode {
#define X(symbol, word) HF_MODE_##symbol,
	HF_MODES(X)
#undef X
	HF_MODE_COUNT
};

/* hf_program.flags */
#define HF_PROGRAM_MARK_FIRST 0x01 /* marker bit on the first packet of this epoch */
#define HF_PROGRAM_AUTO_CLOCK 0x02 /* turn-around may claim before the deadline */
#define HF_PROGRAM_LATCH 0x04	   /* learn the remote's port from packets (NAT) */
#define HF_PROGRAM_IPV6 0x08	   /* addresses are in struct hf_leg6, those here
				    * are their digests (remote.h) */
#define HF_PROGRAM_RX_OFF 0x10	   /* drop what the remote sends (it was told not to) */
#define HF_PROGRAM_LATCH_ANY 0x20  /* with LATCH, IPv4: learn the address too.
				    * Without it a candidate comes from the remote
				    * address, so set that to the signalling
				    * source under NAT */

/*
 * Everything a packet to this leg needs besides the claim word. Constant within
 * an epoch: a leg has two, the word's epoch says which is in force, and only the
 * one not in force is ever written, by the controller alone.
 *
 * Sent time slot m (see claim.h) is due at base_ns + m * ptime_ns and carries
 * timestamp ts_base + m * ts_step; a relayed stream begins at the timestamp
 * this line gives for the moment of its first packet, but not before that of
 * the time slot in the word (a hold frame may have been sent early).
 */
struct hf_program {
	__u64 base_ns;	   /* CLOCK_MONOTONIC, whole ms; deadline of time slot 0 */
	__u32 ptime_ns;	   /* packet time; never 0 */
	__u32 ts_base;	   /* host order; RTP timestamp at base_ns */
	__be32 ssrc;	   /* of the one stream towards this leg */
	__u16 ts_step;	   /* RTP timestamp units per packet time */
	__u8 mode;	   /* enum hf_mode */
	__u8 payload_type; /* sent to the remote (audio), 0-127 */
	__be32 remote_ip4;
	__be32 local_ip4;
	__be16 remote_port;
	__be16 local_port;
	__u16 nexthop;	       /* index into the next hops */
	__u8 flags;	       /* HF_PROGRAM_* */
	__u8 rx_dtmf_pt;       /* telephone-event as the remote sends it, 0 = none */
	__u32 peer;	       /* leg our remote's packets go to, and in RELAY also
				* the leg our stream comes from; HF_LEG_NONE */
	__u8 rx_payload_type;  /* audio as the remote sends it */
	__u8 tx_dtmf_pt;       /* telephone-event as the remote wants it, 0 = none */
	__u16 once_len;	       /* HOLD: frames of a one-shot clip, from time slot 0 */
	__u32 loop_first;      /* HOLD: first frame of the looping clip */
	__u32 loop_len;	       /* HOLD: frames in the loop; 0 = send nothing */
	__u32 loop_phase;      /* HOLD: time slot at which loop_first plays (mod 2^32) */
	__u32 once_first;      /* HOLD: first frame of the one-shot clip */
};

/*
 * A leg's state is spread by who touches it how often, because with 100,000 legs
 * what the packet path touches must fit the caches:
 *
 *   map      bytes  written by             read
 *   claims   128:   (two lines, side by side because memory comes in pairs
 *                   of lines: who waits for the one has the other)
 *             64    whoever sends; of it,  with every packet
 *                   40 the controller
 *             64    receive side           with every packet
 *   bound     16    receive side           when the lines above do not do
 *   leg6      64    controller             with every packet of an IPv6 leg
 *   legs     192    see its lines          when the lines above do not do
 */

/*
 * The program in force once more, as short as it gets, for the common case: a
 * held leg that is past its one-shot clip and whose remote is known. Holds
 * only while `epoch` is that of the word; else struct hf_leg is what counts, so
 * it may be missing or old at any time (hot.h).
 */
#define HF_HOT_NONE 0xffff     /* no epoch */
#define HF_HOT_PTIME 0x3f      /* of `kind`: packet time in ms */
#define HF_HOT_AUTO_CLOCK 0x40 /* of `kind` */
#define HF_HOT_MARK_FIRST 0x80 /* of `kind` */
#define HF_HOT_CLOCK_48 0x80   /* of payload_type: 48 units a ms, else 8 */
struct hf_hot {
	__u16 epoch; /* for which it holds; written last */
	__u8 payload_type; /* both ways */
	__u8 kind;
	__be32 remote_ip4;
	__be16 remote_port;
	__u16 nexthop;
	__be32 ssrc;
	__u32 ts_base;
	__u32 base_ms;	 /* CLOCK_MONOTONIC; */
	__u32 loop;	 /* its bits 32-39, then 24 bits of the first frame */
	__u16 loop_len;	 /* never 0 */
	__u16 loop_at;	 /* frame of the loop for time slot 0 */
	__be32 local_ip4;
	__be16 local_port;
	__u16 six; /* not 0: an IPv6 leg */
};

/*
 * The same of a leg whose remote's packets are relayed: what is asked of them,
 * by this leg's program, and what becomes of them, by the peer's. Holds only
 * while both epochs are those of the two words (hot.h).
 */
#define HF_ACROSS 0x8000 /* of `epoch`: no epoch that struct hf_hot could have */
struct hf_across {
	__u16 epoch; /* of this leg's word, with HF_ACROSS; the first 8 bytes */
	__u16 to_epoch; /* of the peer's word;               are written last */
	__u8 rx_payload_type;
	__u8 payload_type;
	__be16 remote_port;
	__be32 remote_ip4;
	/* The peer's: */
	__be32 ssrc;
	__be32 saddr;
	__be32 daddr;
	__be16 sport;
	__be16 dport;
	__u16 nexthop;
	__u16 six; /* not 0: an IPv6 leg */
	__u32 peer;
	__u32 reserved;
};

/* How well the stream of a leg's remote arrives (stream.h). */
struct hf_stream {
	__be32 source; /* SSRC */
	__u32 newest;  /* highest sequence number, with its cycles */
	__u32 count;   /* packets of it, doubled ones too; 0 = none yet */
	__u32 octets;  /* of payload, of all sources */
	__u32 jitter;  /* 16 times the jitter, in units of 2^10 ns */
	__u32 transit; /* of the newest audio, in the same units */
	__u16 first;   /* sequence number it began with */
	__u16 wild;    /* sequence number that would confirm a jump */
};

/* Written by the receive side: the counters for each packet from the remote that
 * is not relayed, and for the frames it turns around; the stream for each. */
#define HF_STEADY 0x8000 /* of `epoch`: the offsets are in force */
struct hf_intake {
	__u32 packets;	 /* from the right source */
	__u32 last_rx;	 /* newest of them, 2^20 ns units */
	__u32 turn_sent; /* hold frames sent by turn-around */
	__u32 dropped;	 /* refused by this leg, all reasons */
	struct hf_stream stream;
	/* Of packets relayed to the peer: */
	__u32 forwarded;
	/* High half: timestamp of the newest of them; low half: when, in
	 * CLOCK_MONOTONIC units of 2^20 ns. One store, so a reader never pairs a
	 * timestamp with another packet's time. 0 = none yet. */
	__u64 last_out;
	/* The offsets of struct hf_bound once more, for the source of the
	 * stream, while the next packet needs nothing else of it (rtp.h). */
	__u32 ts;
	__u16 seq;
	__u16 epoch; /* with HF_STEADY; else there are none */
};

/*
 * What every sender touches of a leg, in one line: whoever looks at the word
 * wants the short form too, and whoever moves the word owns the line anyway.
 */
struct hf_claim {
	__u64 word;	 /* see claim.h */
	__u32 sent;	 /* frames sent by a paced sender, which counts them */
	__u32 skipped;	 /* time slots it skipped */
	union {		 /* written by the controller */
		struct hf_hot hot;
		struct hf_across across;
	};
	__u32 peer;	 /* of the program, by the controller: a hint only, for
			  * those who ask for its memory early */
	__u32 unit_ns;	 /* of the timestamps of the leg's remote, by the
			  * controller; 0 = HF_STREAM_UNIT_NS */
	struct hf_intake intake; /* the second line */
};

/* The source of the packets that are relayed FROM the remote of this leg.
 * Written by the receive side alone. */
#define HF_BOUND 0x01	    /* the offsets are in force */
#define HF_BOUND_FRESH 0x02 /* a DTMF event from before the switch may still come */
#define HF_BOUND_JUMP 0x04  /* hf_leg_rx.bad_seq is set */
struct hf_bound {
	__be32 ssrc;	 /* source whose offsets are in force */
	__u32 ts;	 /* out timestamp - in timestamp */
	__u16 seq;	 /* out sequence - in sequence */
	__u16 epoch;	 /* of the RECEIVING leg for which they hold */
	__u16 first;	 /* out sequence of the first packet so bound, later
			  * moved along: what is older is from before */
	__u8 flags;	 /* HF_BOUND_* */
	__u8 reserved;
};

/* Written by the receive side alone, rarely. */
#define HF_LATCH_NONE 0
#define HF_LATCH_CANDIDATE 1
#define HF_LATCH_LEARNED 2
struct hf_leg_rx {
	__u32 turn_skipped; /* time slots skipped by turn-around */
	__be32 latched_ip4; /* candidate or learned source */
	__be16 latched_port;
	__u8 latch_count;   /* packets seen of the candidate */
	__u8 latch_state;   /* HF_LATCH_* */
	__u32 latch_key;    /* CANDIDATE: of source and remote; LEARNED: of the
			     * signalled remote it stands in for, see remote.h */
	__u16 event;	    /* in timestamp of the first packet bound, low half */
	__u16 bad_seq;	    /* in sequence that would confirm a jump */
	__u8 reserved[44];
};

struct hf_leg {
	struct hf_program program[2];
	struct hf_leg_rx rx;
};

/* An IPv6 address, as it stands in packets. */
struct hf_ip6 {
	__be32 word[4];
};

/* IPv6 addresses of a leg, one line for both programs; map `leg6`. Changed as
 * they are: the one not in force alone is written, before the flip. */
struct hf_pair6 {
	struct hf_ip6 remote, local;
};
struct hf_leg6 {
	struct hf_pair6 program[2];
};

/* One pre-encoded hold frame. */
struct hf_frame {
	__u8 payload[HF_FRAME_BYTES];
	__u16 sum;   /* one's-complement sum of payload as stored, folded, not inverted */
	__u16 bytes; /* of payload used */
	__u8 reserved[28];
};

/* hf_hop.flags */
#define HF_HOP_VALID 0x01	  /* resolved: frames may be sent */
#define HF_HOP_VLAN 0x02	  /* push vlan_tci */
#define HF_HOP_NO_REDIRECT 0x04 /* the device cannot take redirected frames */
#define HF_HOP_SWALLOWED 0x08	/* with NO_REDIRECT: it should, but they vanish */
#define HF_HOP_LOCAL 0x10	/* with NO_REDIRECT: the destination is this host */
#define HF_HOP_GENERIC 0x20	/* with NO_REDIRECT: but media devices are all in
				 * generic mode, where any device takes them */
#define HF_HOP_REDIRECT 0x40	/* also what came in there is redirected: the
				 * device may swallow XDP_TX (veth) */

/* How to reach one destination. */
struct hf_hop {
	__u32 ifindex;
	__u16 mtu;
	__u8 flags; /* HF_HOP_* */
	__u8 tos;   /* DSCP << 2 */
	__u8 dmac[6];
	__u8 smac[6];
	__be16 vlan_tci;
	__u8 ttl; /* 0 = 64 */
	__u8 reserved;
};

/*
 * A destination of media. The controller writes family, dest, ttl, from and `wanted`;
 * holdfast-mediad resolves it and writes the hop not in force, then `turn`
 * plus one (a reader that finds another `turn` afterwards read too slowly).
 */
struct hf_nexthop {
	struct hf_hop hop[2];
	__u32 turn;    /* changes so far; the lowest bit is the hop in force */
	__u32 wanted;  /* legs that use this entry, plus one; 0 = free */
	__be32 dest_ip4;
	__u8 family;   /* 4 or 6; dest6 is in map `nexthop6` */
	__u8 ttl;      /* of what is sent there, 0 = 64 */
	__u8 from;     /* a multicast group: by the device of the media address
			* of this index plus one; 0 = by the route */
	__u8 reserved;
};

/* A media address; map `instance`. */
struct hf_address {
	__be32 ip4;	/* 0 if this is an IPv6 address */
	__u16 port_min; /* host order, even, inclusive */
	__u16 port_max; /* host order, odd, inclusive (the last leg's RTCP) */
	__u32 leg_base; /* index of the leg on port_min */
	__u32 vlan;	/* its 802.1Q id: frames of another one are not for it;
			 * 0 = whatever tag a frame has */
	__u8 ip6[16];
};

/* Map `instance`, one element. Written by the controller before attach. */
struct hf_instance {
	__u16 abi_major;
	__u16 abi_minor;
	__u32 addresses; /* in use of address[] */
	__u32 legs;	 /* size of the map `legs` */
	__u32 frames;	 /* size of the map `frames` */
	__u8 boot_id[16];
	__u32 wheel_capacity; /* entries of one bucket of the wheel */
	__u32 devices;	      /* in use of device[] */
	struct hf_address address[HF_MAX_ADDRESSES];
	struct {
		__u32 ifindex;
		__u32 flags; /* HF_DEVICE_* */
	} device[HF_MAX_DEVICES];
	/* Which address[] an IPv4 address may be, by its last bits: a search
	 * through all is a branch that no CPU foresees (remote.h). */
	__u8 hint[HF_HINTS];
};

/* Senders on this device may leave UDP checksums to be completed by hardware
 * that is not there (veth, virtio): an incoming checksum proves nothing, and a
 * changed packet needs a full new one. */
#define HF_DEVICE_PARTIAL_CSUM 0x01

/*
 * The timing wheel: for each packet time a ring of 1 ms buckets, each bucket a
 * run of `wheel_capacity` leg indices (HF_LEG_NONE = empty entry). Written by
 * the controller alone; the claim makes stale and doubled entries harmless.
 * X(packet time in ms, first bucket): a program of class c with base_ns belongs
 * in bucket b = base_ns / 1 ms % packet time, its entry e is element
 * (first bucket + b) * wheel_capacity + e of map `wheel`; map `wheel_fill` says
 * how many elements of each bucket are in use. With HF_PROGRAM_AUTO_CLOCK the
 * bucket is half a packet time later: the leg's own packets have from half a
 * packet time before the deadline until half a packet time after it.
 */
#define HF_WHEEL_CLASSES(X) X(10, 0) X(20, 10) X(30, 30) X(40, 60) X(60, 100)
#define HF_WHEEL_BUCKETS 160

/* An array map strides by 8 bytes however small its value is; so these say so. */
struct hf_wheel_entry {
	__u32 leg; /* HF_LEG_NONE = empty */
	__u32 reserved;
};
/*
 * Which legs with HF_PROGRAM_AUTO_CLOCK turn-around has served since the paced
 * sender came by: bit leg % 64 of element leg / 64. A sender that finds the bit
 * set need not touch the leg's line, which another CPU has. Turn-around sets the
 * bit before it claims and takes it back if it loses; a sender takes it back when
 * it has looked, either there or at the leg. So it may be missing at any time,
 * and is never there of a frame that was not sent.
 */
struct hf_turned {
	__u64 legs;
};
#define HF_TURNED_WORDS(legs) (((legs) + 63) / 64)

struct hf_wheel_fill {
	__u32 entries;
	__u32 legs6; /* IPv6 legs in the bucket */
};

/* Who sends paced frames. X(symbol, word for people). */
#define HF_ENGINES(X) X(NONE, "none") X(BPF, "bpf") X(KMOD, "kmod") X(PACKET, "packet")
enum hf_engine {
#define X(symbol, word) HF_ENGINE_##symbol,
	HF_ENGINES(X)
#undef X
};

/*
 * Who sends, and how it fares; map `work`, one element. Whatever engine sends
 * writes beat_ns at each tick, also when nothing is due; while the wheel is empty
 * it may sleep, and its lock says whether it lives.
 */
#define HF_TICK_LATE_MS 5
struct hf_work {
	__u64 now_ns;  /* CLOCK_MONOTONIC, for packet tests: see maps.h of bpf/ */
	__u64 beat_ns; /* CLOCK_MONOTONIC of the newest tick */
	__u32 engine;  /* enum hf_engine */
	__u32 pid;     /* of the sender, 0 in the module */
	__u32 pacer; /* controller: enum hf_engine wanted of holdfast-mediad, NONE
		      * = the best there is */
	__u32 live_error; /* errno of the newest call for live frames */
	__u32 late_ticks;  /* that began HF_TICK_LATE_MS or more after their time */
	__u32 late_max_us; /* the latest of all, since the sender started */
	/* What holdfast-mediad sent as packets, and what it could not make at all:
	 * the map `stats` is for programs. */
	struct {
		__u64 sent, skipped, lost, no_frame, mtu, busy;
	} packets;
	__u64 reserved;
};

/*
 * Hold frames that are ready to be sent, but not claimed yet; map `ready`, one
 * element. holdfast-mediad works them out and writes all their headers, because
 * its loads can be asked for long before they are needed and a program's cannot;
 * then it sets `at` to 0 and asks the paced program for as many live frames
 * (each HF_PACED_BYTES of input). Each takes the next element, claims it and
 * copies headers and payload. A claim of a leg that has moved on meanwhile fails.
 *
 * Frames that were worked out more than HF_READY_NS ago are not taken: how late
 * a frame is sent stands in its claim. The program looks at the clock at one
 * frame in HF_READY_WATCH, and leaves `at` there.
 */
#define HF_PACED_BYTES 214 /* Ethernet, IPv4, UDP, RTP, HF_FRAME_BYTES */
#define HF_READY_FRAMES 1024
#define HF_READY_HEAD 88 /* Ethernet with a tag, IPv6, UDP and RTP: 78 */
#define HF_READY_NS 2000000u
#define HF_READY_WATCH 16
struct hf_ready_frame {
	__u64 word;    /* the claim that it was worked out from, */
	__u64 next;    /* and the one that takes it */
	__u32 leg;
	__u32 ifindex; /* as in `devmap` */
	__u32 skipped; /* time slots that it gives up */
	__u32 frame;   /* its payload, in the frame table; */
	__u16 bytes;   /* of it */
	__u16 head_bytes;
	__u32 reserved;
	__u8 head[HF_READY_HEAD]; /* from the MAC address on */
};
struct hf_ready {
	__u64 now_ns; /* CLOCK_MONOTONIC when the first was worked out */
	__u32 count;
	__u32 at; /* cursor, moved by the program */
	__u64 sent; /* frames that the program took since the map was made; it
		     * counts what it does not take in `stats` */
	__u8 reserved[40];
	struct hf_ready_frame frame[HF_READY_FRAMES];
};

/*
 * Why a packet was dropped, or what was done with it. One counter per cause and
 * CPU (map `stats`). X(symbol, name in JSON, sentence).
 */
#define HF_COUNTERS(X)                                                         \
	X(HOLD_TURNED, "hold_turned", "hold frames sent by turn-around")       \
	X(HOLD_PACED, "hold_paced", "hold frames sent by a paced sender")      \
	X(HOLD_SKIPPED, "hold_skipped", "time slots skipped because overdue")  \
	X(HOLD_NOT_DUE, "hold_not_due", "packets of held callers, consumed")   \
	X(CLAIM_LOST, "claim_lost", "claims that another sender won")          \
	X(RELAYED, "relayed", "packets relayed")                               \
	X(RELAY_LATE, "relay_late", "packets from before a switch, dropped")   \
	X(DROP_NO_LEG, "drop_no_leg", "to a port with no call")                \
	X(DROP_IDLE, "drop_idle", "for a leg that has nobody to send to")      \
	X(DROP_SOURCE, "drop_source", "from an address that was not signalled") \
	X(DROP_NOT_RTP, "drop_not_rtp", "not RTP version 2")                   \
	X(DROP_PAYLOAD_TYPE, "drop_payload_type", "payload type not agreed")   \
	X(DROP_LENGTH, "drop_length", "truncated, or lengths contradict")      \
	X(DROP_MTU, "drop_mtu", "larger than the MTU of the way out")          \
	X(DROP_NO_HOP, "drop_no_hop", "the next hop is not resolved")          \
	X(DROP_FRAME, "drop_frame", "the clip points outside the frames")      \
	X(DROP_RESIZE, "drop_resize", "could not be made a hold frame's size") \
	X(RTCP_RX, "rtcp_rx", "RTCP packets taken in")                         \
	X(PACED_IDLE, "paced_idle", "live frames that found no hold frame ready") \
	X(LATCHED, "latched", "remotes learned from packets")                  \
	X(TX_REFUSED, "tx_refused", "frames that a device's full queue refused") \
	X(RELAY_JUMP, "relay_jump", "wild sequence numbers, not yet confirmed") \
	X(HAPPENING_LOST, "happening_lost", "not told: the controller is slow") \
	X(RTCP_SOURCE, "rtcp_source", "RTCP from an address that was not agreed") \
	X(RTCP_LENGTH, "rtcp_length", "RTCP truncated, or lengths contradict")  \
	X(RTCP_LOST, "rtcp_lost", "RTCP not read: too much, or nobody reads")   \
	X(DROP_NO_CHECK, "drop_no_check", "IPv6 without a UDP checksum")

enum hf_counter {
#define X(symbol, name, text) HF_COUNT_##symbol,
	HF_COUNTERS(X)
#undef X
	HF_COUNTERS_IN_USE
};
#define HF_COUNTERS_MAX 64 /* entries of the map `stats`, spare ones read 0 */

/*
 * The maps, pinned under these names below HF_PIN_ROOT/INSTANCE/. Keys are a
 * __u32. All but stats, devmap, happenings and rtcp_in are ARRAY with BPF_F_MMAPABLE.
 *
 * name        entries              value                  written by
 * instance    1                    struct hf_instance     controller
 * legs        hf_instance.legs     struct hf_leg          see its lines
 * claims      hf_instance.legs     struct hf_claim        who sends
 * bound       hf_instance.legs     struct hf_bound        receive side
 * leg6        hf_instance.legs, 1  struct hf_leg6         controller
 *             without IPv6
 * frames      hf_instance.frames   struct hf_frame        controller
 * nexthops    HF_MAX_NEXTHOPS or   struct hf_nexthop      controller: dest;
 *             fewer                                       mediad: hops
 * nexthop6    as nexthops          struct hf_ip6          controller
 * wheel       HF_WHEEL_BUCKETS *   struct hf_wheel_entry  controller
 *             wheel_capacity
 * wheel_fill  HF_WHEEL_BUCKETS     struct hf_wheel_fill   controller
 * turned      HF_TURNED_WORDS()    struct hf_turned       receive side, sender
 * work        1                    struct hf_work         who sends
 * ready       1                    struct hf_ready        mediad, paced program
 * stats       HF_COUNTERS_MAX      __u64 (PERCPU_ARRAY)   everybody, own CPU
 * devmap      HF_MAX_DEVICES       __u32 ifindex          controller, mediad
 *             (DEVMAP_HASH, key = ifindex)
 * gather      HF_MAX_DEVICES       struct bpf_devmap_val  mediad: the device whose
 *             (DEVMAP_HASH, key = ifindex)                packets are gathered
 * heard       hf_instance.legs     struct hf_heard        receive side
 * happenings  HF_HAPPENINGS_BYTES  struct hf_happening    receive side
 *             (RINGBUF; the controller reads; heard.h has both)
 * rtcp        hf_instance.legs     struct hf_rtcp         see its lines
 * rtcp_in     HF_RTCP_IN_BYTES     struct hf_rtcp_in or   receive side
 *                                  hf_to_host
 *             (RINGBUF; mediad reads; report.h has all)
 *
 * What has a size of hf_instance, nexthops and wheel are sized with
 * bpf_map__set_max_entries() before the object is loaded. Programs: hf_receive
 * on every media device, hf_paced on the holder device, hf_gathered in `gather`.
 */
#define HF_PIN_ROOT "/sys/fs/bpf/holdfast"

#ifdef __cplusplus
#define HF_ASSERT static_assert
#else
#define HF_ASSERT _Static_assert
#endif
HF_ASSERT(sizeof(struct hf_program) == 64, "one line per program");
HF_ASSERT(__builtin_offsetof(struct hf_program, remote_ip4) == 24, "abi");
HF_ASSERT(__builtin_offsetof(struct hf_program, peer) == 40, "abi");
HF_ASSERT(__builtin_offsetof(struct hf_program, once_first) == 60, "abi");
HF_ASSERT(sizeof(struct hf_leg_rx) == 64, "one line");
HF_ASSERT(sizeof(struct hf_leg) == 192, "three lines");
HF_ASSERT(__builtin_offsetof(struct hf_leg, rx) == 128, "abi");
HF_ASSERT(sizeof(struct hf_claim) == 128, "two lines");
HF_ASSERT(__builtin_offsetof(struct hf_claim, intake) == 64, "its own line");
HF_ASSERT(__builtin_offsetof(struct hf_claim, hot) == 16, "abi");
HF_ASSERT(sizeof(struct hf_hot) == 40, "abi");
HF_ASSERT(__builtin_offsetof(struct hf_hot, loop_at) == 30, "abi");
HF_ASSERT(sizeof(struct hf_intake) == 64, "one line");
HF_ASSERT(sizeof(struct hf_across) == sizeof(struct hf_hot), "abi");
HF_ASSERT(__builtin_offsetof(struct hf_across, sport) == 24, "abi");
HF_ASSERT(sizeof(struct hf_stream) == 28, "abi");
HF_ASSERT(__builtin_offsetof(struct hf_intake, last_out) == 48, "abi");
HF_ASSERT(sizeof(struct hf_bound) == 16, "abi");
HF_ASSERT(sizeof(struct hf_ip6) == 16, "abi");
HF_ASSERT(sizeof(struct hf_leg6) == 64, "one line");
HF_ASSERT(sizeof(struct hf_frame) == 192, "three lines");
HF_ASSERT(sizeof(struct hf_hop) == 24, "abi");
HF_ASSERT(sizeof(struct hf_nexthop) == 64, "one line");
HF_ASSERT(sizeof(struct hf_address) == 32, "abi");
HF_ASSERT(sizeof(struct hf_instance) == 40 + 32 * HF_MAX_ADDRESSES + 8 * HF_MAX_DEVICES +
					       HF_HINTS, "abi");
HF_ASSERT(sizeof(struct hf_wheel_entry) == 8, "abi");
HF_ASSERT(sizeof(struct hf_wheel_fill) == 8, "abi");
HF_ASSERT(sizeof(struct hf_work) == 96, "abi");
HF_ASSERT(__builtin_offsetof(struct hf_work, pacer) == 24, "tests/vm has it");
HF_ASSERT(sizeof(struct hf_ready_frame) == 128, "whole lines");
HF_ASSERT(__builtin_offsetof(struct hf_ready, frame) == 64, "whole lines");
HF_ASSERT(HF_COUNTERS_IN_USE <= HF_COUNTERS_MAX, "counters");

#endif
