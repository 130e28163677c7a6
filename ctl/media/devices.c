// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of the media devices, told to the park logic's world. Whoever
 * lost one gets it back by holdfast-mediad (mediad/devices.c), which works also
 * while no controller does: it pins the new link in the place of the old one,
 * and once more as again_DEVICE. We take over the first and remove the second
 * when we have told of it, so nothing is told twice, and what happened before
 * we started is told then.
 */
#include "bpf_state.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "watch.h"
#include "xdp.h"

static void hf_device_tell(struct hf_media *m, enum hf_media_device_news news,
			   const char *text)
{
	if (m->ears.device)
		m->ears.device(m->ears.arg, news, text);
}

static struct hf_bpf_device *hf_device_of(struct hf_bpf *b, const char *name)
{
	for (uint32_t i = 0; i < b->devices; i++)
		if (!strcmp(b->device[i].name, name))
			return &b->device[i];
	return NULL;
}

static void hf_device_changed(void *arg, const char *name,
			      const struct hf_device_now *now,
			      enum hf_device_change change, const char *text)
{
	struct hf_media *m = arg;
	struct hf_bpf_device *d = hf_device_of(m->bpf, name);

	switch (change) {
	case HF_DEVICE_GONE:
		if (d)
			d->ifindex = 0;
		hf_device_tell(m, HF_MEDIA_DEVICE_LOST, text);
		break;
	case HF_DEVICE_DOWN:
		hf_device_tell(m, HF_MEDIA_DEVICE_LOST, text);
		break;
	case HF_DEVICE_FOUND: /* back when it is attached */
		if (d)
			break;
		/* A VLAN device: nothing is attached to it. */
		hf_vlan_again(m, name);
		hf_device_tell(m, HF_MEDIA_DEVICE_BACK, text);
		break;
	case HF_DEVICE_UP:
		hf_device_tell(m, HF_MEDIA_DEVICE_BACK, text);
		break;
	default:
		hf_device_tell(m, HF_MEDIA_DEVICE_CHANGED, text);
	}
}

/* 0 if that is the newest link to the device, which is ours now. */
static int hf_device_take(struct hf_bpf *b, struct hf_bpf_device *d)
{
	char pin[HF_PIN_NAME_MAX], path[256];
	uint32_t ifindex;
	int fd;

	hf_xdp_pin(HF_PIN_LINK_OF, d->name, pin);
	if (hf_xdp_pinned(b->instance, pin, &ifindex) || !ifindex ||
	    hf_pins_path(b->instance, pin, path, sizeof(path)))
		return -ENOENT;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	if (d->link >= 0)
		close(d->link);
	d->link = fd;
	d->ifindex = ifindex;
	d->generic = hf_xdp_is_generic(ifindex);
	d->native_error = d->generic ? -EOPNOTSUPP : 0;
	d->for_others = hf_device_is_for_others(b, d);
	return 0;
}

static void hf_device_tell_again(struct hf_media *m,
				 const struct hf_bpf_device *d, uint32_t before)
{
	char text[160];

	if (d->for_others && d->ifindex == before) {
		snprintf(text, sizeof(text),
			 "%s is in generic mode, for a device that sends no redirected frames",
			 d->name);
		hf_device_tell(m, HF_MEDIA_DEVICE_CHANGED, text);
		return;
	}
	snprintf(text, sizeof(text), "%s is there again, and attached to (%s)",
		 d->name, d->generic ? "generic" : "native");
	hf_device_tell(m, HF_MEDIA_DEVICE_BACK, text);
}

void hf_devices_again(struct hf_media *m)
{
	struct hf_bpf *b = m->bpf;
	char pin[HF_PIN_NAME_MAX], path[256];
	uint32_t before;

	for (uint32_t i = 0; i < b->devices; i++) {
		struct hf_bpf_device *d = &b->device[i];

		before = d->ifindex;
		hf_xdp_pin(HF_PIN_AGAIN_OF, d->name, pin);
		if (hf_pins_path(b->instance, pin, path, sizeof(path)) ||
		    access(path, F_OK) || hf_device_take(b, d))
			continue;
		unlink(path);
		hf_device_tell_again(m, d, before);
	}
}

static int hf_again_open(const struct hf_bpf *b)
{
	char folder[256];
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (!hf_pins_path(b->instance, "", folder, sizeof(folder)) &&
	    inotify_add_watch(fd, folder, IN_MOVED_TO) >= 0)
		return fd;
	close(fd);
	return -EIO;
}

static int hf_news_add(const struct hf_bpf *b, int fd)
{
	struct epoll_event e = {.events = EPOLLIN};

	return epoll_ctl(b->news_fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

int hf_devices_watch(struct hf_media *m)
{
	struct hf_bpf *b = m->bpf;
	int r = hf_device_watch_open(hf_device_changed, m, &b->watch);

	for (uint32_t i = 0; i < b->devices && !r; i++)
		r = hf_device_watch_add(b->watch, b->device[i].name,
					b->device[i].ifindex);
	for (uint32_t i = 0; i < b->vlans && !r; i++)
		r = hf_device_watch_add(b->watch, b->vlan[i].name,
					if_nametoindex(b->vlan[i].name));
	if (r)
		return r;
	hf_device_watch_begin(b->watch);
	b->news_fd = epoll_create1(EPOLL_CLOEXEC);
	b->again_fd = hf_again_open(b);
	if (b->news_fd < 0 || b->again_fd < 0)
		return -EMFILE;
	r = hf_news_add(b, hf_device_watch_fd(b->watch));
	return r ? r : hf_news_add(b, b->again_fd);
}

void hf_devices_unwatch(struct hf_bpf *b)
{
	hf_device_watch_close(b->watch);
	b->watch = NULL;
	if (b->news_fd >= 0)
		close(b->news_fd);
	if (b->again_fd >= 0)
		close(b->again_fd);
	b->news_fd = b->again_fd = -1;
}

int hf_media_devices_fd(const struct hf_media *m)
{
	return m->bpf ? m->bpf->news_fd : -1;
}

void hf_media_devices_dispatch(struct hf_media *m)
{
	char event[4096] __attribute__((aligned(8)));

	if (!m->bpf)
		return;
	hf_device_watch_read(m->bpf->watch);
	while (read(m->bpf->again_fd, event, sizeof(event)) > 0)
		;
	hf_devices_again(m);
}
