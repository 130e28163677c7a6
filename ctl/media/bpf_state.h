/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF side of ctl/media holds besides the maps: the loaded programs, the
 * links to devices, the sender.
 *
 * bpf.c      sets an instance up, or takes over the pinned one
 * load.c     the programs and new maps, into the kernel
 * attach.c   the receive program on the media devices
 * vlan.c     and on what VLAN devices stand on
 * devices.c  what becomes of them (watch.h), told to the controller
 * engine.c   who paces, and why
 * holder.c   the device that keeps the paced program attached
 * bpffs.c    the folder of pins
 * inuse.c    who has a UDP port of our range
 * kmod.c     the kernel module as the sender, if there is one
 * sender.c   holdfast-mediad ("the keeper"): start, wake, watch, stop
 */
#ifndef HOLDFAST_MEDIA_BPF_STATE_H
#define HOLDFAST_MEDIA_BPF_STATE_H

#include <net/if.h>
#include <sys/un.h>

#include "kmod.h"
#include "load.h"
#include "state.h"

struct ring_buffer;

struct hf_bpf_device {
	char name[IFNAMSIZ];
	uint32_t ifindex;
	int link;	/* descriptor, -1 */
	bool generic;	/* the driver refuses native mode: */
	int native_error;
	bool for_others; /* generic though native would do: HF_PIN_GENERIC_OF */
};

/* A VLAN device that is served by the device it stands on. */
struct hf_bpf_vlan {
	char name[IFNAMSIZ], lower[IFNAMSIZ];
};

struct hf_keeper {
	char lock_path[256];
	struct sockaddr_un poke;
	int poke_fd;
	uint64_t checked_ns, started_ns;
	uint64_t busy_ns; /* somebody is on hold since then */
	char error[256]; /* why it could not be started, "" */
};

struct hf_bpf {
	char instance[64];
	int lock; /* held while we run: one controller an instance */
	char lock_path[256];
	int program[HF_PROGRAM_COUNT];
	bool adopted; /* the maps are those of a controller before us */
	bool pinned;
	int paced_link;
	int marks; /* descriptor of that map (marks.c) */
	uint64_t repin_ns;
	int repin_said;
	char holder[IFNAMSIZ];
	struct hf_bpf_device device[HF_MAX_DEVICES];
	uint32_t devices;
	struct hf_bpf_vlan vlan[HF_MAX_ADDRESSES];
	uint32_t vlans;
	bool no_lo; /* it was tried, and said */
	struct ring_buffer *happenings;
	struct hf_device_watch *watch;
	int news_fd; /* of `watch`, and of links that were made again: */
	int again_fd;
	struct hf_keeper keeper;
	struct hf_kmod kmod;
	char reason[1024];
};

/* engine.c */
enum hf_engine hf_engine_wanted(const struct hf_config *);
void hf_engine_describe(const struct hf_media *, struct hf_media_totals *);
void hf_engine_totals(const struct hf_media *, struct hf_media_totals *);

/* attach.c */
int hf_devices_find(struct hf_bpf *, const struct hf_config *,
		    struct hf_instance *, char *err, size_t err_len);
/* Nobody else's program is on them. */
int hf_devices_check(struct hf_bpf *, char *err, size_t err_len);
int hf_devices_attach(struct hf_bpf *, int program, char *err, size_t err_len);
/* Does holdfast-mediad keep it in generic mode (mediad/devices.h)? */
bool hf_device_is_for_others(const struct hf_bpf *,
			     const struct hf_bpf_device *);
void hf_devices_close(struct hf_bpf *);
/* A pinned link to this device that a controller before us left: made to run
 * `program` if that is not negative. The descriptor, -ENOENT, or -errno. */
int hf_link_adopt(const struct hf_bpf *, const char *pin, uint32_t ifindex,
		  int program);
int hf_link_pin(const struct hf_bpf *, const char *pin, int link);
/* vlan.c: to which device the program goes for the sake of this one; the id of
 * its VLAN, 0 = none. */
uint16_t hf_vlan_place(struct hf_bpf *, const char *name,
		       char place[IFNAMSIZ]);
/* It is attached: remembered for each VLAN device on it. */
void hf_vlans_pin(const struct hf_bpf *, const struct hf_bpf_device *);
/* One is there again, maybe with another id: its addresses have that now. */
void hf_vlan_again(struct hf_media *, const char *name);

/* devices.c */
int hf_devices_watch(struct hf_media *);
void hf_devices_unwatch(struct hf_bpf *);
/* Those that holdfast-mediad attached again are told of. */
void hf_devices_again(struct hf_media *);

/* hear.c */
int hf_happenings_open(struct hf_media *);
void hf_happenings_close(struct hf_bpf *);

/* holder.c */
int hf_program_pin(struct hf_bpf *b, const char *pin, int program);
int hf_holder_attach(struct hf_bpf *, int program, char *err, size_t err_len);
void hf_holder_remove(struct hf_bpf *);

/* repin.c: what is pinned stays so. */
void hf_repin_tick(struct hf_media *, uint64_t now_ns);

/* inuse.c: -EADDRINUSE and a sentence that names the port and who has it. */
int hf_ports_check_free(const struct hf_config *, char *err, size_t err_len);

/* sender.c */
void hf_keeper_init(struct hf_bpf *, const char *control_socket);
void hf_keeper_fini(struct hf_bpf *);
void hf_keeper_poke(struct hf_media *, char what);
/* Starts it if it is not there. */
void hf_keeper_tick(struct hf_media *, uint64_t now_ns);
bool hf_keeper_is_alive(const struct hf_media *);
/* Told to go; waits a moment for that. */
void hf_keeper_stop(struct hf_bpf *);

#endif
