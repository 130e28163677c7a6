// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive program on the media devices, by pinned links: a link outlives
 * its process, and a later controller changes the program under it in one step.
 * Native mode first; generic where the driver refuses, which is said in the
 * totals. A program of somebody else is never replaced.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <holdfast/world.h>

#include "../base/log.h"
#include "xdp.h"

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

/*
 * The device of that name; one that has another name by now, which a controller
 * before us used; or 0 for one that is gone and that holdfast-mediad waits for.
 * -ENODEV: there never was one.
 */
static int hf_device_lookup(const struct hf_bpf *b, const char *name,
			    uint32_t *ret_ifindex)
{
	char pin[HF_PIN_NAME_MAX], now[IFNAMSIZ];

	*ret_ifindex = if_nametoindex(name);
	if (*ret_ifindex)
		return 0;
	hf_xdp_pin(HF_PIN_LINK_OF, name, pin);
	if (hf_xdp_pinned(b->instance, pin, ret_ifindex))
		return -ENODEV;
	if (*ret_ifindex && if_indextoname(*ret_ifindex, now))
		hf_warn("media: %s is called %s now: its calls go on there; say so in media.addresses",
			name, now);
	else
		hf_warn("media: %s is gone: media goes on when there is one of that name again",
			name);
	return 0;
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
	if (hf_device_lookup(b, name, &d->ifindex))
		return -ENODEV;
	in->device[b->devices].ifindex = d->ifindex;
	in->device[b->devices].flags = hf_xdp_flags(name);
	hf_store_release(&in->devices, ++b->devices);
	return (int)b->devices - 1;
}

int hf_devices_find(struct hf_bpf *b, const struct hf_config *c,
		    struct hf_instance *in, char *err, size_t err_len)
{
	for (unsigned int i = 0; i < c->media.address_count; i++) {
		const char *name = c->media.addresses[i].interface;
		char place[IFNAMSIZ];

		in->address[i].vlan = hf_vlan_place(b, name, place);
		if (hf_device_known(b, place))
			continue;
		if (hf_device_add(b, in, place) < 0) {
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

bool hf_device_is_for_others(const struct hf_bpf *b,
			     const struct hf_bpf_device *d)
{
	char pin[HF_PIN_NAME_MAX];

	hf_xdp_pin(HF_PIN_GENERIC_OF, d->name, pin);
	return d->generic && hf_pin_exists(b, pin);
}

static int hf_device_attach(struct hf_bpf *b, struct hf_bpf_device *d,
			    int program, char *err, size_t err_len)
{
	char pin[HF_PIN_NAME_MAX];
	int r;

	if (!d->ifindex)
		return 0; /* holdfast-mediad attaches it when it is back */
	hf_xdp_pin(HF_PIN_LINK_OF, d->name, pin);
	d->link = hf_link_adopt(b, pin, d->ifindex, program);
	if (d->link >= 0) {
		d->generic = hf_xdp_is_generic(d->ifindex);
		d->native_error = -EOPNOTSUPP; /* it was so then */
		d->for_others = hf_device_is_for_others(b, d);
		hf_vlans_pin(b, d);
		return 0;
	}
	if (d->link == -ENOENT) {
		r = hf_xdp_check_foreign(d->name, d->ifindex, err, err_len);
		if (r)
			return r;
		d->link = hf_xdp_attach(d->ifindex, program, &d->native_error);
		d->generic = d->native_error;
	}
	r = d->link < 0 ? d->link : hf_link_pin(b, pin, d->link);
	if (r)
		snprintf(err, err_len,
			 "the receive program cannot be attached to %s: %s",
			 d->name, strerror(-r));
	else
		hf_vlans_pin(b, d);
	return r;
}

/* A link to one of our devices by another name: that of a controller before us,
 * since when the device was renamed and media.addresses says so. */
static void hf_link_rename(void *arg, const char *device, uint32_t ifindex)
{
	const struct hf_bpf *b = arg;
	char pin[HF_PIN_NAME_MAX], from[256], to[256];

	for (uint32_t i = 0; i < b->devices; i++) {
		const char *name = b->device[i].name;

		if (!ifindex || b->device[i].ifindex != ifindex ||
		    !strcmp(name, device))
			continue;
		hf_xdp_pin(HF_PIN_LINK_OF, device, pin);
		if (hf_pins_path(b->instance, pin, from, sizeof(from)))
			continue;
		hf_xdp_pin(HF_PIN_LINK_OF, name, pin);
		if (!hf_pins_path(b->instance, pin, to, sizeof(to)) &&
		    !rename(from, to))
			hf_info("media: %s was called %s: going on with its program",
				name, device);
	}
}

/* Before anything is made: a device that is taken is the likeliest obstacle. */
int hf_devices_check(struct hf_bpf *b, char *err, size_t err_len)
{
	char pin[HF_PIN_NAME_MAX];
	int r = 0;

	hf_xdp_each(b->instance, HF_PIN_LINK_OF, hf_link_rename, b);
	for (uint32_t i = 0; i < b->devices && !r; i++) {
		const struct hf_bpf_device *d = &b->device[i];
		int link;

		if (!d->ifindex)
			continue;
		hf_xdp_pin(HF_PIN_LINK_OF, d->name, pin);
		link = hf_link_adopt(b, pin, d->ifindex, -1);
		if (link >= 0)
			close(link);
		else
			r = hf_xdp_check_foreign(d->name, d->ifindex, err,
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
