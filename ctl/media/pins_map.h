/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bpf.c shares with pins.c beyond the contract in pins.h. */
#ifndef HOLDFAST_MEDIA_PINS_MAP_H
#define HOLDFAST_MEDIA_PINS_MAP_H

#include <stdbool.h>

#include "pins.h"

const char *hf_pin_name(enum hf_pin_map);
/* Does this map have one element a leg? */
bool hf_pin_is_by_leg(enum hf_pin_map);
void hf_pins_init(struct hf_pins *);
/* Take over fd as this map: mapped into memory where it is a mapped one. On
 * failure fd stays the caller's. */
int hf_pins_map_fd(struct hf_pins *, enum hf_pin_map, int fd,
		   uint32_t *ret_entries);
/* The sizes: 0, or -EPROTO and a sentence. */
int hf_pins_check(const struct hf_pins *, const uint32_t *entries, char *err,
		  size_t err_len);

#endif
