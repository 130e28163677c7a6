// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opens the pinned maps of an instance and maps them into memory. bpf.c makes
 * and pins them; holdfast-mediad and the controller both read them through here.
 */
#include "pins.h"
#include "pins_map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
	const char *name;
	bool mapped;
} hf_pin_maps[HF_PIN_MAP_COUNT] = {
#define X(name, mapped) { #name, mapped },
	HF_PIN_MAPS(X)
#undef X
};

const char *hf_pin_name(enum hf_pin_map map)
{
	return hf_pin_maps[map].name;
}

bool hf_pin_is_by_leg(enum hf_pin_map map)
{
	switch (map) {
	case HF_PIN_legs:
	case HF_PIN_heard:
	case HF_PIN_claims:
	case HF_PIN_bound:
	case HF_PIN_rtcp:
		return true;
	default:
		return false;
	}
}

int hf_pins_path(const char *instance, const char *name, char *ret, size_t len)
{
	int n = snprintf(ret, len, "%s/%s%s%s", HF_PIN_ROOT, instance,
			 *name ? "/" : "", name);

	return n < 0 || (size_t)n >= len ? -ENAMETOOLONG : 0;
}

/* The folder of the control socket is where an instance's run-time files lie. */
static int hf_beside_socket(const char *control_socket, const char *instance,
			    const char *suffix, char *ret, size_t len)
{
	char copy[4096];
	int n;

	if (snprintf(copy, sizeof(copy), "%s", control_socket) >=
	    (int)sizeof(copy))
		return -ENAMETOOLONG;
	n = snprintf(ret, len, "%s/mediad-%s.%s", dirname(copy), instance,
		     suffix);
	return n < 0 || (size_t)n >= len ? -ENAMETOOLONG : 0;
}

int hf_sender_lock_path(const char *control_socket, const char *instance,
			char *ret, size_t len)
{
	return hf_beside_socket(control_socket, instance, "lock", ret, len);
}

int hf_sender_poke_path(const char *control_socket, const char *instance,
			char *ret, size_t len)
{
	return hf_beside_socket(control_socket, instance, "sock", ret, len);
}

void hf_pins_init(struct hf_pins *p)
{
	memset(p, 0, sizeof(*p));
	for (int i = 0; i < HF_PIN_MAP_COUNT; i++)
		p->fd[i] = -1;
	p->prog_paced = -1;
	p->prog_gathered = -1;
}

/* The kernel gives each element of an array map whole 8-byte words. */
static uint32_t hf_element_bytes(uint32_t value_size)
{
	return (value_size + 7) & ~7u;
}

static void hf_pins_place(struct hf_pins *p, enum hf_pin_map map, void *memory,
			  const struct bpf_map_info *info)
{
	switch (map) {
	case HF_PIN_instance:
		p->instance = memory;
		break;
	case HF_PIN_legs:
		p->legs = memory;
		break;
	case HF_PIN_frames:
		p->frames = memory;
		break;
	case HF_PIN_nexthops:
		p->nexthops = memory;
		p->nexthop_count = info->max_entries;
		break;
	case HF_PIN_wheel:
		p->wheel = memory;
		p->wheel_capacity = info->max_entries / HF_WHEEL_BUCKETS;
		break;
	case HF_PIN_wheel_fill:
		p->wheel_fill = memory;
		break;
	case HF_PIN_turned:
		p->turned = memory;
		break;
	case HF_PIN_work:
		p->work = memory;
		break;
	case HF_PIN_ready:
		p->ready = memory;
		break;
	case HF_PIN_heard:
		p->heard = memory;
		break;
	case HF_PIN_claims:
		p->claims = memory;
		break;
	case HF_PIN_bound:
		p->bound = memory;
		break;
	case HF_PIN_leg6:
		p->leg6 = memory;
		break;
	case HF_PIN_nexthop6:
		p->nexthop6 = memory;
		break;
	case HF_PIN_rtcp:
		p->rtcp = memory;
		break;
	default:
		break;
	}
}

int hf_pins_map_fd(struct hf_pins *p, enum hf_pin_map map, int fd,
		   uint32_t *ret_entries)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes;
	void *memory;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (ret_entries)
		*ret_entries = info.max_entries;
	if (hf_pin_maps[map].mapped) {
		bytes = (size_t)info.max_entries *
			hf_element_bytes(info.value_size);
		bytes = (bytes + page - 1) & ~(page - 1);
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			      fd, 0);
		if (memory == MAP_FAILED)
			return -errno;
		p->bytes[map] = bytes;
		hf_pins_place(p, map, memory, &info);
	}
	p->fd[map] = fd;
	return 0;
}

bool hf_instance_has6(const struct hf_instance *in)
{
	for (uint32_t i = 0; i < in->addresses && i < HF_MAX_ADDRESSES; i++)
		if (!in->address[i].ip4)
			return true;
	return false;
}

int hf_pins_check(const struct hf_pins *p, const uint32_t *entries, char *err,
		  size_t err_len)
{
	const struct hf_instance *in = p->instance;

	if (in->legs > entries[HF_PIN_legs] ||
	    in->legs > entries[HF_PIN_heard] ||
	    in->legs > entries[HF_PIN_rtcp] ||
	    HF_TURNED_WORDS(in->legs) > entries[HF_PIN_turned] ||
	    in->frames > entries[HF_PIN_frames] ||
	    in->wheel_capacity != p->wheel_capacity ||
	    (hf_instance_has6(in) &&
	     (in->legs > entries[HF_PIN_leg6] ||
	      p->nexthop_count > entries[HF_PIN_nexthop6])) ||
	    in->addresses > HF_MAX_ADDRESSES || in->devices > HF_MAX_DEVICES ||
	    entries[HF_PIN_wheel_fill] < HF_WHEEL_BUCKETS)
		goto sizes;
	return 0;
sizes:
	snprintf(err, err_len,
		 "the pinned maps do not have the sizes they claim: stop the instance and start it again");
	return -EPROTO;
}

/*
 * The version, before anything else: another layout has other maps, and one that
 * is missing there does not mean that nothing is there. Only the first bytes of
 * the map are looked at, which are the same in all versions.
 */
int hf_pins_version(const char *instance, char *err, size_t err_len)
{
	struct bpf_map_info info = { 0 };
	__u32 len = sizeof(info), key = 0;
	struct hf_instance *in = NULL;
	char path[256];
	int fd, r = 0;

	if (hf_pins_path(instance, hf_pin_name(HF_PIN_instance), path,
			 sizeof(path)))
		return 0; /* who opens them all says so */
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		in = calloc(1, info.value_size > sizeof(*in) ? info.value_size
							     : sizeof(*in));
	if (in && !bpf_map_lookup_elem(fd, &key, in) &&
	    in->abi_major != HF_ABI_MAJOR) {
		snprintf(err, err_len,
			 "the pinned maps have ABI %u.%u and this program speaks %u.%u: use the programs of one version",
			 in->abi_major, in->abi_minor, HF_ABI_MAJOR,
			 HF_ABI_MINOR);
		r = -EPROTO;
	}
	free(in);
	close(fd);
	return r;
}

static int hf_pins_open_all(const char *instance, struct hf_pins *p,
			    uint32_t *entries, char *failed, size_t len)
{
	int fd, r;

	for (int i = 0; i < HF_PIN_MAP_COUNT; i++) {
		if (hf_pins_path(instance, hf_pin_maps[i].name, failed, len))
			return -ENAMETOOLONG;
		fd = bpf_obj_get(failed);
		if (fd < 0)
			return -errno;
		r = hf_pins_map_fd(p, i, fd, &entries[i]);
		if (r) {
			close(fd);
			return r;
		}
	}
	if (hf_pins_path(instance, "prog_paced", failed, len))
		return -ENAMETOOLONG;
	p->prog_paced = bpf_obj_get(failed);
	if (p->prog_paced < 0)
		return -errno;
	if (hf_pins_path(instance, "prog_gathered", failed, len))
		return -ENAMETOOLONG;
	p->prog_gathered = bpf_obj_get(failed);
	return p->prog_gathered < 0 ? -errno : 0;
}

int hf_pins_open(const char *instance, struct hf_pins *ret, char *err,
		 size_t err_len)
{
	uint32_t entries[HF_PIN_MAP_COUNT];
	struct hf_pins p;
	char path[256];
	int r;

	r = hf_pins_version(instance, err, err_len);
	if (r)
		return r;
	hf_pins_init(&p);
	r = hf_pins_open_all(instance, &p, entries, path, sizeof(path));
	if (r == -ENOENT)
		snprintf(err, err_len,
			 "%s is not there: holdfastd has not set up the instance '%s'",
			 path, instance);
	else if (r)
		snprintf(err, err_len, "%s cannot be opened: %s", path,
			 strerror(-r));
	else
		r = hf_pins_check(&p, entries, err, err_len);
	if (r) {
		hf_pins_close(&p);
		return r;
	}
	*ret = p;
	return 0;
}

void hf_pins_close(struct hf_pins *p)
{
	void *memory[HF_PIN_MAP_COUNT] = { 0 };

	if (!p)
		return;
	memory[HF_PIN_instance] = p->instance;
	memory[HF_PIN_legs] = p->legs;
	memory[HF_PIN_frames] = p->frames;
	memory[HF_PIN_nexthops] = p->nexthops;
	memory[HF_PIN_wheel] = p->wheel;
	memory[HF_PIN_wheel_fill] = p->wheel_fill;
	memory[HF_PIN_turned] = p->turned;
	memory[HF_PIN_work] = p->work;
	memory[HF_PIN_ready] = p->ready;
	memory[HF_PIN_claims] = p->claims;
	memory[HF_PIN_bound] = p->bound;
	memory[HF_PIN_leg6] = p->leg6;
	memory[HF_PIN_nexthop6] = p->nexthop6;
	memory[HF_PIN_heard] = p->heard;
	memory[HF_PIN_rtcp] = p->rtcp;
	for (int i = 0; i < HF_PIN_MAP_COUNT; i++) {
		if (p->bytes[i])
			munmap(memory[i], p->bytes[i]);
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	}
	if (p->prog_paced >= 0)
		close(p->prog_paced);
	if (p->prog_gathered >= 0)
		close(p->prog_gathered);
	hf_pins_init(p);
}
