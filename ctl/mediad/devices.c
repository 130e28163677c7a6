// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receive program on devices that were lost, see devices.h.
 *
 * The order matters: what a packet meets is there before its device is attached
 * to, and the new link takes the place of the old pin in one step, so that a
 * controller that starts at any moment finds one or the other.
 */
#include "mediad/devices.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "holdfast/world.h"
#include "media/pins.h"
#include "media/watch.h"
#include "media/xdp.h"

#define NO_ENTRY HF_MAX_DEVICES
#define RETRY_MS 1000

struct device {
	char name[IFNAMSIZ];
	uint32_t ifindex; /* attached to, 0 = lost */
	uint32_t entry;	  /* of hf_instance.device */
	uint32_t waiting; /* it is there as this one, but refused us: */
	char refused[256]; /* said already */
};

struct hf_devices {
	struct hf_devices_setup setup;
	struct hf_device_watch *watch;
	struct device device[HF_MAX_DEVICES];
	unsigned int devices;
	uint64_t retry_ms; /* 0 = nothing was refused */
};

static int path_of(const struct hf_devices *d, const char *prefix,
		   const char *device, char path[256])
{
	char pin[HF_PIN_NAME_MAX];

	hf_xdp_pin(prefix, device, pin);
	return hf_pins_path(d->setup.instance, pin, path, 256);
}

static int open_program(const struct hf_devices *d)
{
	char path[256];
	int fd;

	if (hf_pins_path(d->setup.instance, HF_PIN_RECEIVE, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

/* Packets find what they need under the new number. */
static int introduce(struct hf_devices *d, struct device *v, uint32_t ifindex)
{
	struct hf_instance *in = d->setup.pins->instance;

	if (bpf_map_update_elem(d->setup.pins->fd[HF_PIN_devmap], &ifindex,
				&ifindex, BPF_ANY))
		return -errno;
	if (v->entry >= HF_MAX_DEVICES)
		return 0;
	HF_WRITE(in->device[v->entry].flags, hf_xdp_flags(v->name));
	HF_WRITE(in->device[v->entry].ifindex, ifindex);
	return 0;
}

/* In the place of the old link; and as news, which a controller takes away. */
static int pin_link(struct hf_devices *d, const struct device *v, int link)
{
	char path[256], fresh[256], again[256];

	if (path_of(d, HF_PIN_LINK_OF, v->name, path) ||
	    path_of(d, "new_", v->name, fresh) ||
	    path_of(d, HF_PIN_AGAIN_OF, v->name, again))
		return -ENAMETOOLONG;
	unlink(fresh);
	unlink(again);
	if (bpf_obj_pin(link, again) || bpf_obj_pin(link, fresh) ||
	    rename(fresh, path))
		return -errno;
	return 0;
}

static int attach(struct hf_devices *d, struct device *v, uint32_t ifindex,
		  int *ret_native_error)
{
	int program = open_program(d), link, r;
	char generic[256];

	if (program < 0)
		return program;
	if (!path_of(d, HF_PIN_GENERIC_OF, v->name, generic))
		unlink(generic); /* native mode is tried */
	r = introduce(d, v, ifindex);
	if (!r) {
		link = hf_xdp_attach(ifindex, program, ret_native_error);
		r = link < 0 ? link : pin_link(d, v, link);
		if (link >= 0)
			close(link);
	}
	close(program);
	return r;
}

/* A lost device that may be there again. */
static void try_attach(struct hf_devices *d, struct device *v, uint32_t ifindex)
{
	int native_error = 0, r;
	char why[256];

	r = hf_xdp_check_foreign(v->name, ifindex, why, sizeof(why));
	if (!r) {
		r = attach(d, v, ifindex, &native_error);
		if (r)
			snprintf(why, sizeof(why),
				 "the receive program cannot be attached to %s again: %s",
				 v->name, strerror(-r));
	}
	if (r) {
		if (strcmp(why, v->refused))
			hf_error("%s; tried again every second", why);
		snprintf(v->refused, sizeof(v->refused), "%s", why);
		v->waiting = ifindex;
		d->retry_ms = hf_now_ms() + RETRY_MS;
		return;
	}
	v->refused[0] = 0;
	v->waiting = 0;
	v->ifindex = ifindex;
	hf_warn("%s is there again: attached to device %u in %s mode, its calls go on",
		v->name, ifindex, native_error ? "generic" : "native");
	d->setup.attached(d->setup.arg, ifindex);
}

static void on_change(void *arg, const char *name,
		      const struct hf_device_now *now,
		      enum hf_device_change change, const char *text)
{
	struct hf_devices *d = arg;
	struct device *v = NULL;

	for (unsigned int i = 0; i < d->devices && !v; i++)
		if (!strcmp(d->device[i].name, name))
			v = &d->device[i];
	if (!v)
		return;
	if (change == HF_DEVICE_GONE || change == HF_DEVICE_DOWN)
		hf_warn("%s", text);
	else if (change != HF_DEVICE_FOUND)
		hf_info("%s", text);
	if (change == HF_DEVICE_GONE)
		v->ifindex = v->waiting = 0;
	else if (!v->ifindex)
		try_attach(d, v, now->ifindex);
}

/* Which entry of the instance is that of a lost device? Any whose device is
 * gone will do: they all say the same then. */
static void find_entries(struct hf_devices *d)
{
	const struct hf_instance *in = d->setup.pins->instance;
	bool taken[HF_MAX_DEVICES] = {false};

	for (unsigned int i = 0; i < d->devices; i++)
		for (uint32_t e = 0; e < in->devices && e < HF_MAX_DEVICES; e++)
			if (d->device[i].ifindex &&
			    in->device[e].ifindex == d->device[i].ifindex) {
				d->device[i].entry = e;
				taken[e] = true;
			}
	for (unsigned int i = 0; i < d->devices; i++)
		for (uint32_t e = 0; e < in->devices && e < HF_MAX_DEVICES &&
				     d->device[i].entry == NO_ENTRY;
		     e++)
			if (!taken[e]) {
				d->device[i].entry = e;
				taken[e] = true;
			}
}

static void add_device(void *arg, const char *device, uint32_t ifindex)
{
	struct hf_devices *d = arg;
	struct device *v = &d->device[d->devices];

	if (d->devices == HF_MAX_DEVICES)
		return;
	d->devices++;
	snprintf(v->name, sizeof(v->name), "%s", device);
	v->ifindex = ifindex;
	v->entry = NO_ENTRY;
}

static int begin(struct hf_devices *d)
{
	int r;

	hf_device_watch_close(d->watch);
	d->watch = NULL;
	d->devices = 0;
	d->retry_ms = 0;
	memset(d->device, 0, sizeof(d->device));
	hf_xdp_each(d->setup.instance, HF_PIN_LINK_OF, add_device, d);
	find_entries(d);
	r = hf_device_watch_open(on_change, d, &d->watch);
	for (unsigned int i = 0; i < d->devices && !r; i++)
		r = hf_device_watch_add(d->watch, d->device[i].name,
					d->device[i].ifindex);
	if (!r)
		hf_device_watch_begin(d->watch);
	return r;
}

/* The link to a device leaves it, whoever else holds it. */
static int detach(const struct hf_devices *d, const struct device *v)
{
	char path[256];
	int link, r;

	if (path_of(d, HF_PIN_LINK_OF, v->name, path))
		return -ENAMETOOLONG;
	link = bpf_obj_get(path);
	if (link < 0)
		return -errno;
	r = bpf_link_detach(link) ? -errno : 0;
	close(link);
	return r;
}

struct vlan_search {
	uint32_t ifindex;
	bool found;
};

static void is_below(void *arg, const char *vlan, uint32_t ifindex)
{
	struct vlan_search *s = arg;

	s->found |= ifindex == s->ifindex;
}

/* In generic mode a tag may be kept beside the frame, where we cannot change it:
 * it would leave with that and with ours. */
static bool has_vlans(const struct hf_devices *d, const struct device *v)
{
	struct vlan_search s = {.ifindex = v->ifindex};

	hf_xdp_each(d->setup.instance, HF_PIN_VLAN_OF, is_below, &s);
	return s.found;
}

/* A device has one program in one mode: between the two some packets meet none,
 * and nobody listens where they go then. */
static int make_generic(struct hf_devices *d, struct device *v)
{
	int program = open_program(d), link, native_error = 0, r;
	char path[256];

	if (program < 0)
		return program;
	r = detach(d, v);
	if (!r) {
		link = hf_xdp_attach_generic(v->ifindex, program);
		r = link < 0 ? link : 0;
		if (r) /* better than none */
			link = hf_xdp_attach(v->ifindex, program,
					     &native_error);
		if (!r && !path_of(d, HF_PIN_GENERIC_OF, v->name, path))
			bpf_obj_pin(link, path);
		if (link >= 0) {
			pin_link(d, v, link);
			close(link);
		}
	}
	close(program);
	return r;
}

int hf_devices_make_generic(struct hf_devices *d)
{
	int r = d->devices ? 0 : -ENOENT;

	for (unsigned int i = 0; i < d->devices && !r; i++) {
		struct device *v = &d->device[i];

		if (!v->ifindex || hf_xdp_is_generic(v->ifindex))
			continue;
		if (has_vlans(d, v))
			return -EOPNOTSUPP;
		r = make_generic(d, v);
		if (r)
			hf_error("%s cannot go to generic mode: %s", v->name,
				 strerror(-r));
		else
			hf_warn("%s is in generic mode now, which costs more: natively, no packet could be relayed to a device that sends no redirected frames",
				v->name);
	}
	return r;
}

int hf_devices_open(const struct hf_devices_setup *setup,
		    struct hf_devices **ret)
{
	struct hf_devices *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->setup = *setup;
	r = begin(d);
	if (r)
		hf_devices_close(d);
	else
		*ret = d;
	return r;
}

void hf_devices_close(struct hf_devices *d)
{
	if (!d)
		return;
	hf_device_watch_close(d->watch);
	free(d);
}

void hf_devices_refresh(struct hf_devices *d)
{
	int r;

	if (d->devices >= HF_READ(d->setup.pins->instance->devices))
		return;
	r = begin(d);
	if (r)
		hf_error("media devices cannot be watched: %s", strerror(-r));
}

int hf_devices_fd(const struct hf_devices *d)
{
	return d->watch ? hf_device_watch_fd(d->watch) : -1;
}

void hf_devices_read(struct hf_devices *d)
{
	if (d->watch)
		hf_device_watch_read(d->watch);
}

int hf_devices_wait_ms(const struct hf_devices *d)
{
	uint64_t now = hf_now_ms();

	if (!d->retry_ms)
		return -1;
	return d->retry_ms > now ? (int)(d->retry_ms - now) : 0;
}

void hf_devices_tick(struct hf_devices *d)
{
	if (!d->retry_ms || hf_now_ms() < d->retry_ms)
		return;
	d->retry_ms = 0;
	for (unsigned int i = 0; i < d->devices; i++)
		if (d->device[i].waiting)
			try_attach(d, &d->device[i], d->device[i].waiting);
}
