/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program on a device, by a pinned link: what the controller (attach.c) and
 * holdfast-mediad, which attaches again while the controller is dead, both do.
 */
#ifndef HOLDFAST_MEDIA_XDP_H
#define HOLDFAST_MEDIA_XDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_PIN_RECEIVE "prog_receive"
/* Pins: of the link to a device, and of one that holdfast-mediad made in the
 * place of a lost one, until a controller has told of it. */
#define HF_PIN_LINK_OF "link_"
#define HF_PIN_AGAIN_OF "again_"
/* And of one that was native and is in generic mode for the sake of others. */
#define HF_PIN_GENERIC_OF "generic_"
/* And, by the name of a VLAN device, of the one it stands on, natively. */
#define HF_PIN_VLAN_OF "vlan_"

#define HF_PIN_NAME_MAX 32
/* The pin of a device's link. bpffs takes no '.' (eth0.7), and no device has a
 * ':' in its name. */
void hf_xdp_pin(const char *prefix, const char *device,
		char pin[HF_PIN_NAME_MAX]);

/* HF_DEVICE_* of abi.h. */
uint32_t hf_xdp_flags(const char *device);
/* Native mode first, then generic: *ret_native_error says why (0: native). The
 * link's descriptor, or -errno. */
int hf_xdp_attach(uint32_t ifindex, int program, int *ret_native_error);
int hf_xdp_attach_generic(uint32_t ifindex, int program);
/* Is it in generic mode? */
bool hf_xdp_is_generic(uint32_t ifindex);
/* 0 if no XDP program is on the device, else -EBUSY and a sentence. */
int hf_xdp_check_foreign(const char *device, uint32_t ifindex, char *err,
			 size_t err_len);
/* The device of a pinned link: 0 when it is gone, -ENOENT without such a pin. */
int hf_xdp_pinned(const char *instance, const char *pin, uint32_t *ret_ifindex);
/* Each pinned link to a media device, by the device's name behind the prefix. */
void hf_xdp_each(const char *instance, const char *of,
		 void (*fn)(void *arg, const char *device, uint32_t ifindex),
		 void *arg);

#endif
