/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Media legs, for the park logic: where RTP of a party goes and what it hears.
 *
 * A leg is a pair of UDP ports of a media address. These calls change records
 * in memory that the packet path reads (include/holdfast/abi.h); none of them
 * blocks, allocates or touches a packet. The same code runs over the pinned BPF
 * maps (hf_media_open_bpf) and over plain memory (hf_media_open_memory, for
 * unit tests and machines without BPF).
 *
 * Errors are negative errno and leave the leg as it was.
 */
#ifndef HOLDFAST_MEDIA_H
#define HOLDFAST_MEDIA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ip.h"

struct hf_config;
struct hf_media;

enum hf_codec {
	HF_CODEC_PCMU,
	HF_CODEC_PCMA,
	HF_CODEC_G722,
	HF_CODEC_OPUS,
	HF_CODEC_G729,
	HF_CODEC_COUNT
};

/* How a peer wants its media, as negotiated (ctl/sdp fills this). */
struct hf_media_remote {
	struct hf_ip ip4;	/* 0.0.0.0, :: = nowhere (RFC 2543 hold) */
	uint16_t port;		/* host order; 0 = nowhere */
	enum hf_codec codec;	/* of what we send */
	uint8_t payload_type;	 /* as the peer wants it */
	uint8_t dtmf_pt;	 /* telephone-event as the peer wants it, 0 = none */
	uint8_t rx_payload_type; /* as the peer sends it */
	uint8_t rx_dtmf_pt;
	uint32_t dtmf_clock; /* of both, 0 = 8000 */
	struct hf_ip rtcp_ip4; /* none = ip4 */
	uint16_t rtcp_port; /* host order; 0 = none */
	bool rtcp_mux;	    /* RTCP on the ports of RTP */
	uint16_t ptime_ms;  /* 10, 20, 30, 40 or 60: of hold audio to the peer */
	bool may_send;	    /* the peer's direction lets it send to us */
	bool may_receive;   /* and lets us send to it */
	bool latch;	    /* learn the source (NAT) */
	bool auto_clock;    /* hold_clock: auto */
};

/* Reserve a leg. `towards` (the peer's signalling or media address) picks the
 * media address by the route there, of the same family: -EAFNOSUPPORT if there is
 * none. Nothing is sent, what arrives is dropped. */
int hf_media_leg_open(struct hf_media *, struct hf_ip towards,
		      uint32_t *ret_leg, struct hf_ip *ret_ip4,
		      uint16_t *ret_port);
void hf_media_leg_close(struct hf_media *, uint32_t leg);
/* A leg of nobody's call that sends to a multicast group (paging): said to with
 * hf_media_leg_say(). Nothing is taken in on it. */
struct hf_media_group {
	struct in_addr ip4;
	uint16_t port;
	uint8_t ttl;
	const char *interface; /* of one of our media addresses */
	enum hf_codec codec;   /* PCMU, PCMA, G722: by their static types */
};
int hf_media_group_open(struct hf_media *, const struct hf_media_group *,
			uint32_t *ret_leg);
/* Set or change the peer's side; what the leg plays or relays goes on. */
int hf_media_leg_remote(struct hf_media *, uint32_t leg,
			const struct hf_media_remote *);
/* Play hold audio: the named clip in the peer's codec, -ENOENT if unknown. The
 * one RTP stream to the peer goes on (SSRC, sequence, timestamp). While the frame
 * table has no room for the clip, the leg goes on with the one that it plays, or
 * hears the clip "default"; it goes over within a minute of there being room. */
int hf_media_leg_hold(struct hf_media *, uint32_t leg, const char *clip);
/*
 * Say something once: these clips one after the other, from now on; then hold
 * audio (`then`), or nothing (NULL). *ret_ms: how long it takes. -ENOENT if a
 * clip is unknown or not there in the leg's codec.
 */
#define HF_SAY_MAX 16
int hf_media_leg_say(struct hf_media *, uint32_t leg, const char *const *clips,
		     unsigned int count, const char *then, uint32_t *ret_ms);
/*
 * Put an announcement into the music that the leg plays, at the next place for
 * it. -EAGAIN: ask again in *ret_ms. 0: it begins, and takes *ret_ms.
 */
int hf_media_leg_announce(struct hf_media *, uint32_t leg, const char *clip,
			  uint32_t *ret_ms);
/* Send nothing, drop what comes. */
int hf_media_leg_idle(struct hf_media *, uint32_t leg);
/*
 * Legs that a controller before us left in the pinned maps go on as they are
 * and belong to nobody, until a call takes its own back: its mark (0 = had
 * none), its remote as it was (NULL = none yet), its hold audio. What the leg plays or relays goes on; say
 * next what it shall (hold, idle, relay), which changes nothing if it is that.
 */
int hf_media_leg_adopt(struct hf_media *, uint32_t leg, uint64_t mark,
		       const struct hf_media_remote *, const char *clip);
/* The ones nobody took; how many. */
struct hf_media_leg_stats;
uint32_t hf_media_orphans(struct hf_media *,
			  void (*fn)(void *arg, uint32_t leg,
				     const struct hf_media_leg_stats *),
			  void *arg);
void hf_media_orphans_end(struct hf_media *);
/* Whose a leg is, in a number that lives as long as the leg, also where no call
 * knows of it any more; 0 = nobody's. */
void hf_media_leg_mark(struct hf_media *, uint32_t leg, uint64_t mark);
uint64_t hf_media_leg_get_mark(const struct hf_media *, uint32_t leg);
/* The ones of that mark that nobody took end now. False: there are none. */
bool hf_media_orphan_end(struct hf_media *, uint64_t mark);
/* Was there a controller before us? */
bool hf_media_is_adopted(const struct hf_media *);
/* All calls have their legs: what else was kept for them is given free. */
void hf_media_adopted(struct hf_media *);

/* Join two legs: each hears the other. Payload types are mapped; the codecs
 * must be equal (-EPROTONOSUPPORT if not). */
int hf_media_relay(struct hf_media *, uint32_t a, uint32_t b);

enum hf_media_device_news {
	HF_MEDIA_DEVICE_LOST,
	HF_MEDIA_DEVICE_BACK,
	HF_MEDIA_DEVICE_CHANGED,
};

/*
 * What parties do besides talking. `digit` is one key press (RFC 4733): 0-9, *,
 * #, A-D, ! for a hook flash; told once, when it is over. In a relay the other
 * party gets the packets all the same. Called from hf_media_dispatch() and
 * hf_media_tick().
 */
struct hf_media_ears {
	void (*digit)(void *arg, uint32_t leg, char digit,
		      uint32_t duration_ms);
	/* Nothing has come for so many seconds from a party that should send
	 * (media.silence_s), or it sends again after so many. */
	void (*silent)(void *arg, uint32_t leg, bool silent, uint32_t seconds);
	/* One of media.addresses: lost (gone, or without a carrier), back, or
	 * changed. `text` is a sentence. */
	void (*device)(void *arg, enum hf_media_device_news, const char *text);
	void *arg;
};
/* After the calls of a controller before us have their legs; NULL: nobody
 * listens any more. */
void hf_media_listen(struct hf_media *, const struct hf_media_ears *);
/* Readable when there is something for hf_media_dispatch(); -1 over plain
 * memory, where hf_media_hear_digit() says what is heard. */
int hf_media_fd(const struct hf_media *);
void hf_media_dispatch(struct hf_media *);
void hf_media_hear_digit(struct hf_media *, uint32_t leg, char digit,
			 uint32_t duration_ms);
/* The same for what becomes of devices; -1 over plain memory. */
int hf_media_devices_fd(const struct hf_media *);
void hf_media_devices_dispatch(struct hf_media *);

/* Is one of our media addresses IPv6? */
bool hf_media_has_ip6(const struct hf_media *);
/* Is this address one of ours? */
bool hf_media_is_own(const struct hf_media *, struct hf_ip);
/* Is this one of our media ports? (A remote that is gets 488. Other ports of our
 * address are those of a PBX on this host.) */
bool hf_media_is_own_port(const struct hf_media *, struct hf_ip,
			  uint16_t port);

/* The open leg that has this port, or HF_LEG_NONE. */
uint32_t hf_media_leg_at(const struct hf_media *, struct hf_ip, uint16_t port);

struct hf_media_leg_stats {
	const char *mode; /* "idle", "hold", "relay" */
	uint32_t ssrc;
	struct hf_ip local_ip4, remote_ip4;
	uint16_t local_port, remote_port;
	uint64_t packets_in;  /* from the right source */
	uint64_t hold_sent;   /* by all senders */
	uint64_t hold_turned; /* of these by turn-around */
	uint64_t hold_skipped;
	uint64_t relayed_out; /* to this leg's peer leg */
	uint64_t dropped;
	int64_t idle_ms; /* since the newest packet, -1 = none yet */
	int32_t lost;	 /* of the peer's packets; negative: doubled ones */
	uint32_t jitter_us;
	/* RTCP, and what the peer says in it of what we send. */
	uint32_t rtcp_out, rtcp_in;
	int32_t peer_lost;
	uint32_t peer_lost_percent; /* since its report before */
	uint32_t peer_jitter_us;
	int64_t round_trip_us; /* -1 = not known */
};
int hf_media_leg_stats(const struct hf_media *, uint32_t leg,
		       struct hf_media_leg_stats *ret);

struct hf_media_totals {
	const char *engine;	  /* "bpf", "memory" */
	const char *engine_reason; /* why this one */
	uint32_t legs, legs_open;
	uint32_t frames, frames_used;
	uint64_t clips_starved; /* legs that found no room for their clip */
	uint64_t counter[64]; /* by enum hf_counter, summed over CPUs */
	bool sender_alive;    /* holdfast-mediad beats */
	uint32_t late_ticks;  /* of the paced sender: 5 ms late or more */
	uint32_t late_max_us; /* the latest */
	struct {
		char name[16];
		char mode[8]; /* "native", "generic", "lost" */
	} device[32];
	unsigned int devices;
};
int hf_media_totals(const struct hf_media *, struct hf_media_totals *ret);

/*
 * A clip, encoded by ctl/audio: 20 ms frames, all of one size per codec, 0 of
 * them where it does not exist in that codec.
 *
 * An announcement into a piece of music (`into`) is cut into blocks, one for
 * each place of the music where it may begin: `lead_frames` of the music before
 * that place, the announcement, and `tail_frames` of the music from that place
 * on, faded in; after a block the music goes on behind those.
 */
struct hf_coded {
	uint8_t *bytes;
	uint32_t frames;
	uint16_t frame_bytes; /* 1-160 */
};
struct hf_clip_data {
	struct hf_coded in[HF_CODEC_COUNT];
	bool shared; /* all who hear it hear the same moment, like a radio */
	const char *into; /* name of the music, or NULL */
	uint32_t block_frames, lead_frames, tail_frames, every_frames;
};
/*
 * Keep a copy under a name. It goes into the frame table codec by codec, when a
 * leg plays it, and leaves that when none has done so for a minute; in a codec
 * in which legs play the clip of this name, now: they go over in one step.
 * -ENOSPC if there is no room for those, or if one codec is more than the whole
 * table; and then the old clip stays.
 */
int hf_media_clip_put(struct hf_media *, const char *name,
		      const struct hf_clip_data *);
/* How many frames of it would go into the table at once. */
uint32_t hf_media_clip_played(const struct hf_media *, const char *name,
			      const struct hf_clip_data *);
/* hf_media_clip_put() from 16-bit samples at 8000/s, as PCMU and PCMA only. */
int hf_media_clip_load(struct hf_media *, const char *name,
		       const int16_t *samples, size_t count);
/* -ENOENT; -EBUSY while a leg plays it. */
int hf_media_clip_remove(struct hf_media *, const char *name);
struct hf_clip_view {
	const char *name;
	uint32_t ms; /* of one pass */
	uint32_t encoded[HF_CODEC_COUNT]; /* frames of 20 ms that there are */
	uint32_t frames[HF_CODEC_COUNT]; /* of the frame table, all packings */
	uint32_t legs; /* that play it now */
	bool shared;
};
/* False from `fn` ends the walk. */
void hf_media_clips(const struct hf_media *,
		    bool (*fn)(void *arg, const struct hf_clip_view *),
		    void *arg);
/* How long one pass takes; -ENOENT. */
int hf_media_clip_ms(const struct hf_media *, const char *name,
		     uint32_t *ret_ms);
bool hf_media_clip_exists(const struct hf_media *, const char *name,
			  enum hf_codec);

/* Wait, two seconds at most, until what sends is ready: a call that comes before
 * that misses the beginning of what it should hear. */
void hf_media_settle(struct hf_media *);

/* Longest of the housekeeping needs: call every 100 ms or so. */
void hf_media_tick(struct hf_media *);

/* Constructors: text of the failure in err (one clear sentence). */
int hf_media_open_memory(const struct hf_config *, struct hf_media **ret,
			 char *err, size_t err_len);
/* Before anything is touched, the journal included: 0, or -EPROTO and a sentence
 * if maps of another layout are pinned, whose calls only their version can end. */
int hf_media_check_pinned(const struct hf_config *, char *err, size_t err_len);
/* For a service that loads the packet programs in a step of its own (load.h):
 * loads and pins them for the hf_media_open_bpf() that follows. */
int hf_media_prepare(const struct hf_config *, char *err, size_t err_len);
int hf_media_open_bpf(const struct hf_config *, struct hf_media **ret,
		      char *err, size_t err_len);
/* From now on by this configuration, whose addresses and ports are the same. */
void hf_media_reload(struct hf_media *, const struct hf_config *);
/* The maps, the links and the sender go on without us unless `tear_down`. */
void hf_media_close(struct hf_media *, bool tear_down);

#endif
