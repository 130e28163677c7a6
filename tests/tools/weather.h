/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What weather.bpf.c keeps of each call, for tests/bpf/test_soak.c. */
#ifndef HOLDFAST_TOOLS_WEATHER_H
#define HOLDFAST_TOOLS_WEATHER_H

#include <linux/types.h>

#define WEATHER_CALLS 1024
#define WEATHER_PORT  40000u /* of the first caller; the next is two further */
#define WEATHER_PTIME_NS 20000000ULL
#define WEATHER_TS_STEP 160u
#define WEATHER_TS_BASE 0xfffff000u
#define WEATHER_SSRC	0x48460000u /* of the first call */
#define WEATHER_BYTES	214	    /* Ethernet to the last byte of sound */
/* A frame is caught up if it was taken this soon after the one before - the
 * claim keeps them 5 ms apart, nobody's jitter brings them closer than 10 - and a
 * packet time late. The claim word says how late in whole ms, rounded up. */
#define WEATHER_CLOSE_MS 9

/* Counted by the receiver alone, of each frame at its arrival. */
struct weather_heard {
	__u64 base_ns; /* deadline of time slot 0; set before the call begins */
	__u64 taken_ms; /* when the newest was claimed, after base_ns */
	__u32 packets;
	__u32 slot; /* of the newest: begins at -1 */
	__u16 seq;  /* of the newest: begins one before the first */
	__u16 run;  /* catch-up frames in a row */
	__u32 longest_run;
	__u32 skipped;	/* time slots without a frame */
	__u32 lost;	/* numbers left out */
	__u32 doubled;	/* the number before, once more */
	__u32 disorder; /* a number from behind that */
	__u32 stamp;	/* timestamp that no time slot has, or one from behind */
	__u32 marker;	/* set without a skip, or missing with one */
	__u32 header;	/* length, version, payload type, SSRC, addresses */
	__u32 sound;	/* not the bytes of this time slot's frame */
	__u32 held_up;	/* arrived after the next one was taken */
	__u32 late_us;	/* the latest of all against its deadline */
	__u32 reserved;
};

#endif
