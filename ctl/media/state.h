/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The controller's own side of the media: what the maps do not say because the
 * packet path has no use for it. Internal to ctl/media; media.h is the contract.
 *
 * legs.c      a leg's life: ports, the peer's side, close
 * adopt.c     legs of a controller before us
 * program.c   the next program of a leg, and the flip to it
 * wheel.c     which bucket of the timing wheel a holding leg stands in
 * ranges.c    runs of the frame table
 * frames.c    clips by name, in every codec
 * pairs.c     a clip in one codec as a run of the table, while it is in use
 * say.c       prompts and announcements on a leg
 * nexthops.c  destinations, counted
 * route.c     our address towards a peer
 * hear.c      keys that are pressed
 * silence.c   parties from whom nothing comes
 * rtcp.c      whom is reported to
 * stats.c     what leg and totals say
 * media.c     set-up and housekeeping common to both kinds of memory
 * memory.c    over plain memory
 * bpf.c       over pinned maps; bpf_state.h names the files that belong to it
 */
#ifndef HOLDFAST_MEDIA_STATE_H
#define HOLDFAST_MEDIA_STATE_H

#include <holdfast/abi.h>
#include <holdfast/claim.h>

#include "../base/random.h"
#include "../config/config.h"
#include "media.h"
#include "pins.h"

#define HF_NO_CLIP UINT32_MAX
#define HF_NO_BUCKET UINT32_MAX
#define HF_NO_HOP UINT32_MAX
#define HF_SAY_KEEP UINT32_MAX /* where the music is */
#define HF_SAY_NOW UINT32_MAX
#define HF_PTIME_DEFAULT_MS 20
#define HF_KEYS_DOWN_MAX 1024

/* One leg, beside struct hf_leg. */
struct hf_leg_own {
	struct hf_media_remote remote;
	bool open;
	bool orphan;	     /* of a controller before us, of no call yet */
	bool has_remote;
	bool listening;	     /* its peer should send, since */
	bool silent;	     /* but does not; its newest packet: */
	uint32_t listen_unit, silent_unit; /* 2^20 ns units */
	uint8_t want;	     /* enum hf_mode, if the peer's side allows it */
	uint32_t peer;	     /* RELAY: the other leg */
	uint32_t clip;	     /* that is wanted, or whose place is remembered */
	uint32_t playing;    /* clip of the program in force */
	bool loops;	     /* the program in force loops the run that */
	uint32_t loop_first; /* begins there */
	bool starved;	     /* the clip that is wanted found no room */
	uint32_t say_first;  /* frames to be said before the clip, */
	uint32_t say_len;    /* 0 = none */
	uint32_t say_at;     /* the first of them to be sent, if this is */
	uint32_t say_lead_ms; /* from now to the first, if nothing is sent now */
	uint32_t say_slot;   /* still the time slot; HF_SAY_NOW: in any */
	uint32_t say_music;  /* frame of the clip after them; HF_SAY_KEEP */
	enum hf_codec say_codec; /* of what was said last */
	uint32_t say_ptime_ms;
	uint64_t opened_ns;  /* what was heard before belongs to no call */
	uint64_t closed_ns;
	uint64_t line_ns;    /* the stream's timestamp by our own clock: */
	uint32_t line_ts;    /* this much at that moment */
	uint32_t music_ms;   /* not holding: where the clip goes on */
	uint32_t relay_unit; /* when RELAY began, 2^20 ns units */
	uint32_t hop;	     /* entry of the next hops, HF_NO_HOP */
	uint32_t bucket;     /* of the wheel, HF_NO_BUCKET */
	uint32_t entry;
};

/*
 * Free legs of one media address. A port that was closed rests for a while, since
 * its caller's last packets may still come; but rather one that has rested than
 * one that was never used: few calls then stand close together in the maps,
 * however many ports there are, and what a packet touches is nearby.
 */
#define HF_PORT_REST_NS (30000 * HF_MS)
struct hf_ports {
	uint32_t *ring; /* of those closed, the oldest first */
	uint32_t size, head, count;
	uint32_t *fresh; /* never used, from fresh_at on */
	uint32_t fresh_at, fresh_count;
};

enum hf_packing { HF_PACKING_20, HF_PACKING_10, HF_PACKING_COUNT };

struct hf_clip_frames {
	uint32_t first, len; /* len 0: not in the table */
};

struct hf_clip {
	char *name; /* NULL: removed, the entry is free */
	struct hf_coded coded[HF_CODEC_COUNT]; /* the bytes are its own */
	struct hf_clip_frames frames[HF_CODEC_COUNT][HF_PACKING_COUNT];
	bool said_full[HF_CODEC_COUNT]; /* that there is no room, once */
	uint32_t version; /* counts what was loaded under this name */
	bool shared;
	char *into; /* announcement: see struct hf_clip_data */
	uint32_t block_frames, lead_frames, tail_frames, every_frames;
};

/* Clips one after the other, copied into one run of frames. Gone a while after
 * the last leg has heard the end. */
struct hf_phrase {
	uint32_t first, len;
	uint32_t clip[HF_SAY_MAX], version[HF_SAY_MAX];
	unsigned int count;
	enum hf_codec codec;
	enum hf_packing packing;
};
#define HF_PHRASES_MAX 1024

/* A run of the frame table, in order of `first`. */
struct hf_range {
	uint32_t first, len;
	uint64_t free_at_ns; /* 0 = in use; not before its last leg has left */
	bool kept;	     /* by a program of a controller before us */
	uint32_t users;	     /* legs whose program in force loops it */
	uint64_t idle_ns;    /* no users: nobody has played it since */
	/* The pair that it holds; HF_NO_CLIP: phrases, what is replaced, kept */
	uint32_t clip;
	uint8_t codec, packing;
};

struct hf_clips {
	struct hf_clip *clip;
	uint32_t count;
	struct hf_range *range;
	uint32_t ranges, room;
	uint32_t used; /* frames in ranges */
	uint64_t starved; /* times that a pair wanted found no room */
	struct hf_phrase *phrase;
	uint32_t phrases;
};

struct hf_hops {
	uint32_t *users;   /* legs, by entry */
	uint32_t *next;	   /* chain of a hash bucket, or of the free ones */
	uint64_t *idle_ns; /* since when without users */
	uint32_t *hash;	   /* by destination: first entry, HF_NO_HOP */
	uint32_t buckets;
	uint32_t free_head, free_tail;
	uint32_t sweep; /* housekeeping goes on here */
};

struct hf_wheel {
	uint32_t count[HF_WHEEL_BUCKETS];
	uint32_t hint[HF_WHEEL_BUCKETS]; /* no hole before this word of `taken` */
	uint64_t *taken; /* one bit an entry, `words` a bucket */
	uint32_t words;
	uint32_t total, total6; /* of these IPv6 legs */
};

struct hf_route_cached {
	struct hf_ip to, source;
	uint64_t until_ns;
	int error;
};
#define HF_ROUTES_CACHED 64

struct hf_bpf; /* links, programs and the sender: bpf.c */

struct hf_media {
	const struct hf_config *config;
	struct hf_pins map;
	struct hf_leg_own *own;
	uint32_t orphans; /* legs that no call has taken */
	uint64_t *marks; /* whose each leg is: marks.c */
	size_t marks_bytes;
	uint32_t legs_open;
	bool adopted; /* the maps are of a controller before us */
	struct hf_ports ports[HF_MAX_ADDRESSES];
	struct hf_clips clips;
	struct hf_hops hops;
	struct hf_wheel wheel;
	struct hf_route_cached route[HF_ROUTES_CACHED];
	struct hf_media_ears ears;
	uint32_t key_down[HF_KEYS_DOWN_MAX]; /* legs whose key may have to be */
	uint32_t keys_down;		     /* let go of by us */
	uint32_t silence_sweep;
	uint32_t sweep; /* rebasing long epochs goes on at this leg */
	/* Wakes holdfast-mediad; NULL over plain memory. */
	void (*poke)(struct hf_media *, char what);
	uint64_t told_ns; /* when it last heard of whom to report to */
	bool report_owed; /* it does not know them all */
	struct hf_random random;
	uint64_t (*clock)(void *arg); /* CLOCK_MONOTONIC unless a test turns it */
	void *clock_arg;
	struct hf_bpf *bpf; /* NULL over plain memory */
	void *memory[HF_PIN_MAP_COUNT]; /* over plain memory: to free */
};

static inline uint64_t hf_media_now(const struct hf_media *m)
{
	return m->clock(m->clock_arg);
}

/* media.c: everything but m->map, which is there already. */
int hf_media_init(struct hf_media *);
void hf_media_fini(struct hf_media *);
/* Fills `instance` but for its devices: addresses, ports, sizes, version. */
int hf_media_describe(const struct hf_config *, struct hf_instance *,
		      uint32_t frames, uint32_t wheel_capacity);
uint32_t hf_media_leg_count(const struct hf_config *);
uint32_t hf_media_wheel_capacity(uint32_t legs);
uint32_t hf_media_frame_count(const struct hf_config *);
/* legs.c: the media address that has this leg; one of them, either family */
const struct hf_address *hf_leg_address_of(const struct hf_media *,
					   uint32_t leg);
struct hf_ip hf_address_ip(const struct hf_address *);
/* NULL if it is not open. */
struct hf_leg_own *hf_leg_get(const struct hf_media *, uint32_t leg);
/* The leg leaves whomever it was joined with; the other one is idle then. */
void hf_leg_part(struct hf_media *, uint32_t leg);

/* marks.c: over a pinned map of its own, or over plain memory. */
int hf_marks_open_pinned(struct hf_media *, const char *instance);
int hf_marks_open_memory(struct hf_media *);
void hf_marks_close(struct hf_media *);

/* adopt.c */
bool hf_leg_is_live(const struct hf_media *, uint32_t leg);
void hf_legs_adopt(struct hf_media *);

/* begin.c: a first program, a random SSRC, sequence and timestamp. */
int hf_leg_start(struct hf_media *, uint32_t leg,
		 const struct hf_address *local, uint16_t port);
/* Whoever still sends loses its claim; nothing of the call is left. */
void hf_leg_stop(struct hf_media *, uint32_t leg);

/* program.c: make the leg's program what `own` says. Cannot fail. */
void hf_leg_apply(struct hf_media *, uint32_t leg);
/* Timestamp units in a millisecond. */
uint32_t hf_codec_units(enum hf_codec);
/* The address of a leg's remote, or ours, under the word. */
struct hf_ip hf_leg_remote_ip(const struct hf_media *, uint32_t leg,
			      uint64_t word);
struct hf_ip hf_leg_local_ip(const struct hf_media *, uint32_t leg,
			     uint64_t word);
/* There may be room for the clip now that it wants; not while it is told
 * something. */
void hf_leg_feed(struct hf_media *, uint32_t leg);
/* Long epochs: start counting time slots from 0 again. */
void hf_leg_rebase(struct hf_media *, uint32_t leg);

/* short.c: make up for the short form of the program in force, if it has none
 * and fits one (hot.h). */
void hf_leg_shorten(struct hf_media *, uint32_t leg);

/* wheel.c */
int hf_wheel_init(struct hf_media *);
void hf_wheel_fini(struct hf_media *);
/* The whole millisecond at or after from_ms (within one packet time) whose
 * bucket has few others already, or is the emptiest of the next few. */
uint64_t hf_wheel_pick(const struct hf_media *, uint32_t ptime_ms,
		       uint64_t from_ms);
void hf_wheel_put(struct hf_media *, uint32_t leg, uint32_t bucket);
void hf_wheel_remove(struct hf_media *, uint32_t leg);

/* frames.c */
void hf_clips_fini(struct hf_clips *);
int hf_clip_lookup(const struct hf_media *, const char *name,
		   uint32_t *ret_clip);

/* pairs.c */
/* The clip in this codec and packet time; falls back to 20 ms (*ptime_ms). It
 * is put into the table if it is not there: len 0 if it finds no room, or does
 * not exist in the codec. */
struct hf_clip_frames hf_clip_frames_get(struct hf_media *, uint32_t clip,
					 enum hf_codec, uint32_t *ptime_ms);
/* How many frames that is, wherever they are; 0 if it does not exist. */
uint32_t hf_clip_measure(const struct hf_media *, uint32_t clip, enum hf_codec,
			 uint32_t *ptime_ms);
/* Which clip the leg shall loop: the one that it wants, or while there is no
 * room for that, what it plays, or the default. Says so once. */
uint32_t hf_clip_choose(struct hf_media *, uint32_t leg, uint32_t wanted,
			uint32_t *ptime_ms, struct hf_clip_frames *ret);
void hf_coded_fill(struct hf_media *, uint32_t first, const struct hf_coded *,
		   enum hf_packing);
/* A run for these frames, filled, of no pair yet. */
int hf_pair_make(struct hf_media *, const struct hf_coded *, enum hf_packing,
		 struct hf_clip_frames *ret);
/* The run is the clip's in this codec from now on. */
void hf_pair_set(struct hf_media *, uint32_t clip, enum hf_codec,
		 enum hf_packing, struct hf_clip_frames);
/* The program in force loops this run now (first); or none. */
void hf_leg_loops(struct hf_media *, uint32_t leg, bool loops, uint32_t first);
/* Frames of it are in use until then, whoever leaves it. */
void hf_pair_busy(struct hf_media *, struct hf_clip_frames, uint64_t until_ns);
/* The pair that has been unused for longest, and long enough for any sender,
 * leaves the table; false: there is none. `unused_ns`: for how long at least. */
bool hf_pair_evict(struct hf_media *, uint64_t now_ns, uint64_t unused_ns);

/* ranges.c: runs of the frame table. */
#define HF_GRACE_NS (1000 * HF_MS) /* no sender copies from it for longer */
/* Pairs that are not in use make room. */
int hf_range_get(struct hf_media *, uint32_t len, uint32_t *ret_first);
/* Frames that are free, and how many of them in one piece. */
uint32_t hf_range_free(const struct hf_media *, uint32_t *ret_longest);
/* Not to be overwritten: a program plays it. */
void hf_range_keep(struct hf_media *, uint32_t first, uint32_t len);
/* A kept run that holds just these frames is taken into use. */
bool hf_range_reuse(struct hf_media *, const struct hf_coded *,
		    enum hf_packing, uint32_t *ret_first);
struct hf_range *hf_range_find(const struct hf_clips *, uint32_t first);
/* free_at_ns: now for what no program ever pointed to. */
void hf_range_release(struct hf_clips *, struct hf_clip_frames,
		      uint64_t free_at_ns);
void hf_clips_tick(struct hf_media *, uint64_t now_ns);

/* nexthops.c */
int hf_hops_init(struct hf_media *);
void hf_hops_fini(struct hf_media *);
/* ttl and from as in struct hf_nexthop; 0 and 0 for peers. */
int hf_hop_get(struct hf_media *, struct hf_ip to, uint8_t ttl, uint8_t from,
	       uint32_t *ret_hop);
void hf_hop_put(struct hf_media *, uint32_t hop);
void hf_hops_tick(struct hf_media *, uint64_t now_ns);

/* route.c: which of our addresses the kernel would use towards a peer. */
int hf_route_source(struct hf_media *, struct hf_ip to,
		    struct hf_ip *ret_source);

/* rtcp.c: a new call; what the peer said; the end */
void hf_rtcp_begin(struct hf_media *, uint32_t leg);
void hf_rtcp_apply(struct hf_media *, uint32_t leg);
void hf_rtcp_talker(struct hf_media *, uint32_t leg, uint32_t peer);
void hf_rtcp_end(struct hf_media *, uint32_t leg);
/* holdfast-mediad hears of what has changed, if anything has. */
void hf_rtcp_tell(struct hf_media *);

/* silence.c: what the peer said of itself changed */
void hf_silence_begin(struct hf_media *, uint32_t leg);
void hf_silence_tick(struct hf_media *);

/* hear.c */
void hf_key_watch(struct hf_media *, uint32_t leg);
void hf_hear_tick(struct hf_media *, uint64_t now_ns);

/* bpf.c */
/* attach.c: a peer is on this host; what it sends comes out of lo. */
void hf_devices_use_lo(struct hf_media *);
void hf_bpf_close(struct hf_media *, bool tear_down);
void hf_bpf_tick(struct hf_media *, uint64_t now_ns);
void hf_bpf_totals(const struct hf_media *, struct hf_media_totals *);

#endif
