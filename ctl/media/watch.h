/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of network devices: gone and there again, renamed, another
 * hardware address or MTU, carrier. The controller watches its media devices to
 * tell of it (devices.c), holdfast-mediad to attach to them again
 * (mediad/devices.c); both see each change, so neither waits for the other.
 *
 * A device is known by the name that the configuration has for it. While it is
 * there it is followed by its number, so a new name changes nothing; when it is
 * gone, the next one of that name is it.
 */
#ifndef HOLDFAST_MEDIA_WATCH_H
#define HOLDFAST_MEDIA_WATCH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* X(symbol, what is said of the device). Only FOUND is told with `device` being
 * another one than before. */
#define HF_DEVICE_CHANGES(X)                                                   \
	X(GONE, "is gone")                                                     \
	X(FOUND, "is there again")                                             \
	X(RENAMED, "has another name")                                         \
	X(MAC, "has another hardware address")                                 \
	X(MTU, "has another MTU")                                              \
	X(DOWN, "has no carrier")                                              \
	X(UP, "has a carrier again")                                           \
	X(MEMBER, "sends by another member")

enum hf_device_change {
#define X(symbol, text) HF_DEVICE_##symbol,
	HF_DEVICE_CHANGES(X)
#undef X
};

struct hf_device_now {
	uint32_t ifindex; /* 0 = gone */
	char name[IFNAMSIZ];
	uint8_t mac[6];
	uint32_t mtu;
	bool up; /* administratively, and with a carrier */
	uint32_t member; /* of a bond, the one that sends; 0 = none */
};

/* `name` is that of the configuration, `text` a sentence with the device and
 * what is new. */
typedef void (*hf_device_change_fn)(void *arg, const char *name,
				    const struct hf_device_now *device,
				    enum hf_device_change, const char *text);

struct hf_device_watch;

int hf_device_watch_open(hf_device_change_fn, void *arg,
			 struct hf_device_watch **ret);
void hf_device_watch_close(struct hf_device_watch *);
/* ifindex 0: it is gone, the next one of that name is FOUND. */
int hf_device_watch_add(struct hf_device_watch *, const char *name,
			uint32_t ifindex);
/* All are added: look at them as they stand now. */
void hf_device_watch_begin(struct hf_device_watch *);
int hf_device_watch_fd(const struct hf_device_watch *);
/* When that is readable; calls the function. */
void hf_device_watch_read(struct hf_device_watch *);

#endif
