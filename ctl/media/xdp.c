// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs on devices, see xdp.h. */
#include "xdp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "driver.h"
#include "pins.h"

/* Drivers whose peers are in this machine: nobody completes a checksum that
 * never leaves it. */
static const char *const hf_partial_drivers[] = {
	"veth",	   "virtio_net", "tun",	    "vif",
	/* what stands on one of these */
	"bonding", "bridge",	 "macvlan", "802.1Q VLAN Support", NULL};

static void hf_pin_swap(char *name, char from, char to)
{
	for (; *name; name++)
		if (*name == from)
			*name = to;
}

void hf_xdp_pin(const char *prefix, const char *device,
		char pin[HF_PIN_NAME_MAX])
{
	snprintf(pin, HF_PIN_NAME_MAX, "%s%s", prefix, device);
	hf_pin_swap(pin, '.', ':');
}

uint32_t hf_xdp_flags(const char *device)
{
	char driver[32];

	hf_driver_name(device, driver, sizeof(driver));
	/* No answer (lo): computing a sum in full is never wrong. */
	if (!driver[0])
		return HF_DEVICE_PARTIAL_CSUM;
	for (int i = 0; hf_partial_drivers[i]; i++)
		if (!strcmp(driver, hf_partial_drivers[i]))
			return HF_DEVICE_PARTIAL_CSUM;
	return 0;
}

int hf_xdp_attach_generic(uint32_t ifindex, int program)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
	int fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

int hf_xdp_attach(uint32_t ifindex, int program, int *ret_native_error)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_DRV_MODE);
	int fd = bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);

	*ret_native_error = fd < 0 ? -errno : 0;
	return fd >= 0 ? fd : hf_xdp_attach_generic(ifindex, program);
}

bool hf_xdp_is_generic(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return !bpf_xdp_query((int)ifindex, 0, &query) &&
	       query.attach_mode == XDP_ATTACHED_SKB;
}

static const char *hf_mode_name(uint8_t mode)
{
	return mode == XDP_ATTACHED_SKB	 ? "generic"
	       : mode == XDP_ATTACHED_HW ? "hardware"
					 : "native";
}

int hf_xdp_check_foreign(const char *device, uint32_t ifindex, char *err,
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

int hf_xdp_pinned(const char *instance, const char *pin, uint32_t *ret_ifindex)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	char path[256];
	int fd, r;

	if (hf_pins_path(instance, pin, path, sizeof(path)))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	r = bpf_obj_get_info_by_fd(fd, &info, &len) ? -errno : 0;
	close(fd);
	if (!r && info.type != BPF_LINK_TYPE_XDP)
		r = -EINVAL;
	if (!r)
		*ret_ifindex = info.xdp.ifindex;
	return r;
}

void hf_xdp_each(const char *instance, const char *of,
		 void (*fn)(void *arg, const char *device, uint32_t ifindex),
		 void *arg)
{
	const size_t prefix = strlen(of);
	char folder[256];
	struct dirent *d;
	uint32_t ifindex;
	DIR *dir;

	if (hf_pins_path(instance, "", folder, sizeof(folder)))
		return;
	dir = opendir(folder);
	while (dir && (d = readdir(dir))) {
		char device[IFNAMSIZ];

		if (strncmp(d->d_name, of, prefix) ||
		    strlen(d->d_name) >= prefix + IFNAMSIZ ||
		    !strcmp(d->d_name, HF_PIN_LINK_OF "paced") ||
		    hf_xdp_pinned(instance, d->d_name, &ifindex))
			continue;
		snprintf(device, sizeof(device), "%s", d->d_name + prefix);
		hf_pin_swap(device, ':', '.');
		fn(arg, device, ifindex);
	}
	if (dir)
		closedir(dir);
}
