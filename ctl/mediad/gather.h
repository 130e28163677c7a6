/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether packets of the media device may be gathered (bpf/gather.h), which is
 * cheaper by far with many legs. They may while all media comes in on one device
 * in native mode and leaves by it, and that device sends what is redirected to
 * it: the map `gather` has it then.
 */
#ifndef HOLDFAST_MEDIAD_GATHER_H
#define HOLDFAST_MEDIAD_GATHER_H

#include <stdbool.h>
#include <stdint.h>

struct hf_pins;

struct hf_gather {
	const struct hf_pins *pins;
	uint32_t ifindex; /* gathered there, 0 = nowhere */
	bool never;	  /* there has been another way out */
};

void hf_gather_open(struct hf_gather *, const struct hf_pins *);
/* This device is about to become a way out; `sends`: what is redirected to it,
 * for certain. */
void hf_gather_way_out(struct hf_gather *, uint32_t ifindex, bool sends);
/* Something that is no such device is, this host for one. */
void hf_gather_elsewhere(struct hf_gather *);

#endif
