/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets of one leg, both ways, as they are on the wire: for holdfastctl
 * leg capture. Programs of its own (bpf/capture.bpf.c) hook those of the packet
 * path while this is open; when it is closed, or its process dies in whatever
 * way, they are gone. holdfastd and holdfast-mediad have no part in it, so
 * neither needs the rights for it.
 */
#ifndef HOLDFAST_CAPTURE_CAPTURE_H
#define HOLDFAST_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <holdfast/capture.h>

struct hf_capture;

struct hf_capture_setup {
	const char *instance;
	struct hf_capture_leg leg;
	void (*packet)(void *arg, const struct hf_captured *);
	void *arg;
};

/* 0, or -errno and one sentence: -EPERM, -EBUSY somebody else captures, -ENOENT
 * no such instance. */
int hf_capture_open(const struct hf_capture_setup *, struct hf_capture **ret,
		    char *err, size_t err_len);
void hf_capture_close(struct hf_capture *);
/* Readable when there are packets: hf_capture_read(), which hands them out. */
int hf_capture_fd(const struct hf_capture *);
void hf_capture_read(struct hf_capture *);
/* Packets that came faster than they were read. */
uint64_t hf_capture_lost(const struct hf_capture *);

/* pcapng (draft-ietf-opsawg-pcapng): one section, one Ethernet interface with
 * nanoseconds; each packet says whether it came in or went out. 0 or -errno. */
int hf_pcapng_begin(FILE *, const char *comment);
int hf_pcapng_packet(FILE *, const struct hf_captured *, uint64_t wall_ns);

#endif
