// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive program on the media devices, by pinned links: a link outlives
 * its process, and a later controller changes the program under it in one step.
 * Native mode first; generic where the driver refuses, which is said in the
 * totals. A program of somebody else is never replaced.
 */
#include "bpf_state.h"
#include "driver.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/world.h>

#include "../base/log.h"

/* Drivers whose peers are in this machine: nobody completes a checksum that
 * never leaves it. */
static const char *const hf_partial_drivers[] = {"veth", "virtio_net", "tun",
						 "vif", NULL};

static uint32_t hf_device_flags(const char *name)
{
	char driver[32];

	hf_driver_name(name, driver, sizeof(driver));
	/* No answer (lo): computing a sum in full is never wrong. */
	if (!driver[0])
		return HF_DEVICE_PARTIAL_CSUM;
	for (int i = 0; hf_partial_drivers[i]; i++)
		if (!strcmp(driver, hf_partial_drivers[i]))
			return HF_DEVICE_PARTIAL_CSUM;
	return 0;
}

static bool hf_device_known(const struct hf_bpf *b, const char *name)
{
	for (uint32_t i = 0; i < b->devices; i++)
		if (!strcmp(b->device[i].name, name))
			return true;
	return false;
}

static bool hf_pin_exists(const struct hf_bpf *b, const char *pin)
{
	char path[256];

	return !hf_pins_path(b->instance, pin, path, sizeof(path)) &&
	       !access(path, F_OK);
}

/* -ENODEV, or where the device stands now. */
static int hf_device_add(struct hf_bpf *b, struct hf_instance *in,
			 const char *name)
{
	struct hf_bpf_device *d = &b->device[b->devices];

	if (b->devices == HF_MAX_DEVICES)
		return -ENOSPC;
	memset(d, 0, sizeof(*d));
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->link = -1;
	d->ifindex = if_nametoindex(name);
	if (!d->ifindex)
		return -ENODEV;
	in->device[b->devices].ifindex = d->ifindex;
	in->device[b->devices].flags = hf_device_flags(name);
	hf_store_release(&in->devices, ++b->devices);
	return (int)b->devices - 1;
}

int hf_devices_find(struct hf_bpf *b, const struct hf_config *c,
		    struct hf_instance *in, char *err, size_t err_len)
{
	for (unsigned int i = 0; i < c->media.address_count; i++) {
		const char *name = c->media.addresses[i].interface;

		if (hf_device_known(b, name))
			continue;
		if (hf_device_add(b, in, name) < 0) {
			snprintf(err, err_len,
				 "media.addresses: there is no interface '%s'",
				 name);
			return -ENODEV;
		}
	}
	/* A controller before us has had peers on this host. */
	if (hf_pin_exists(b, "link_lo") && !hf_device_known(b, "lo"))
		hf_device_add(b, in, "lo");
	return 0;
}

int hf_link_pin(const struct hf_bpf *b, const char *pin, int link)
{
	char path[256];

	if (hf_pins_path(b->instance, pin, path, sizeof(path)))
		return -ENAMETOOLONG;
	return bpf_obj_pin(link, path) ? -errno : 0;
}

int hf_link_adopt(const struct hf_bpf *b, const char *pin, uint32_t ifindex,
		  int program)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	char path[256];
	int fd, r = 0;

	if (hf_pins_path(b->instance, pin, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	/* The device may be gone, or another one of that name. */
	if (bpf_obj_get_info_by_fd(fd, &info, &len) ||
	    info.type != BPF_LINK_TYPE_XDP || info.xdp.ifindex != ifindex) {
		unlink(path);
		r = -ENOENT;
	} else if (program >= 0 && bpf_link_update(fd, program, NULL)) {
		r = -errno;
	}
	if (r)
		close(fd);
	return r ? r : fd;
}

static const char *hf_mode_name(uint8_t mode)
{
	return mode == XDP_ATTACHED_SKB	 ? "generic"
	       : mode == XDP_ATTACHED_HW ? "hardware"
					 : "native";
}

int hf_link_check_foreign(const char *device, uint32_t ifindex, char *err,
			  size_t err_len)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	uint32_t id;
	int fd;

	if (bpf_xdp_query((int)ifindex, 0, &query) || !query.attach_mode)
		return 0;
	id = query.prog_id	 ? query.prog_id
	     : query.drv_prog_id ? query.drv_prog_id
	     : query.skb_prog_id ? query.skb_prog_id
				 : query.hw_prog_id;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
	}
	snprintf(
		err, err_len,
		"%s already runs the XDP program '%s' (id %u, %s mode), which is not replaced: detach it (ip link set dev %s xdp off) or use another interface",
		device, info.name, id, hf_mode_name(query.attach_mode), device);
	return -EBUSY;
}

static int hf_device_link(struct hf_bpf_device *d, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program, (int)d->ifindex, BPF_XDP, &opts);

	if (fd >= 0)
		return fd;
	d->native_error = -errno;
	d->generic = true;
	opts.flags = XDP_FLAGS_SKB_MODE;
	fd = bpf_link_create(program, (int)d->ifindex, BPF_XDP, &opts);
	return fd < 0 ? -errno : fd;
}

static int hf_device_attach(struct hf_bpf *b, struct hf_bpf_device *d,
			    int program, char *err, size_t err_len)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char pin[32];
	int r;

	snprintf(pin, sizeof(pin), "link_%s", d->name);
	d->link = hf_link_adopt(b, pin, d->ifindex, program);
	if (d->link >= 0) {
		bpf_xdp_query((int)d->ifindex, 0, &query);
		d->generic = query.attach_mode == XDP_ATTACHED_SKB;
		d->native_error = -EOPNOTSUPP; /* it was so then */
		return 0;
	}
	if (d->link == -ENOENT) {
		r = hf_link_check_foreign(d->name, d->ifindex, err, err_len);
		if (r)
			return r;
		d->link = hf_device_link(d, program);
	}
	r = d->link < 0 ? d->link : hf_link_pin(b, pin, d->link);
	if (r)
		snprintf(err, err_len,
			 "the receive program cannot be attached to %s: %s",
			 d->name, strerror(-r));
	return r;
}

/* Before anything is made: a device that is taken is the likeliest obstacle. */
int hf_devices_check(const struct hf_bpf *b, char *err, size_t err_len)
{
	char pin[32];
	int r = 0;

	for (uint32_t i = 0; i < b->devices && !r; i++) {
		const struct hf_bpf_device *d = &b->device[i];
		int link;

		snprintf(pin, sizeof(pin), "link_%s", d->name);
		link = hf_link_adopt(b, pin, d->ifindex, -1);
		if (link >= 0)
			close(link);
		else
			r = hf_link_check_foreign(d->name, d->ifindex, err,
						  err_len);
	}
	return r;
}

int hf_devices_attach(struct hf_bpf *b, int program, char *err, size_t err_len)
{
	for (uint32_t i = 0; i < b->devices; i++) {
		int r = hf_device_attach(b, &b->device[i], program, err,
					 err_len);

		if (r)
			return r;
	}
	return 0;
}

void hf_devices_use_lo(struct hf_media *m)
{
	struct hf_bpf *b = m->bpf;
	struct hf_bpf_device *d;
	char err[256] = "";
	uint32_t key = 1;
	int i;

	if (!b || b->no_lo || hf_device_known(b, "lo"))
		return;
	i = hf_device_add(b, m->map.instance, "lo");
	if (i < 0)
		return;
	d = &b->device[i];
	key = d->ifindex;
	if (hf_device_attach(b, d, b->program[HF_PROGRAM_receive], err,
			     sizeof(err)) ||
	    bpf_map_update_elem(m->map.fd[HF_PIN_devmap], &key, &key,
				BPF_ANY)) {
		b->no_lo = true;
		b->devices--;
		hf_store_release(&m->map.instance->devices, b->devices);
		hf_warn("media: a peer is on this host, but its packets cannot be heard: %s",
			err[0] ? err : strerror(errno));
		return;
	}
	hf_info("media: a peer is on this host: listening on lo, too");
}

void hf_devices_close(struct hf_bpf *b)
{
	for (uint32_t i = 0; i < b->devices; i++)
		if (b->device[i].link >= 0)
			close(b->device[i].link);
	b->devices = 0;
}
