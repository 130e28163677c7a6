// SPDX-License-Identifier: GPL-2.0
/*
 * Takes over the maps of an instance. This is the only file that knows how a
 * BPF map is reached, so that another way (pinned user pages of the same
 * memory) can replace it where a kernel withdraws bpf_map_get().
 *
 * A map is shared with a process that may write anything into it at any time.
 * What is checked here is the shape that cannot change afterwards; every value
 * is bounded where it is read.
 */
#include <linux/bpf.h>
#include <linux/netlink.h>

#include "compat.h"
#include "holdfast.h"

static const struct {
	const char *name;
	u32 value_size;
	u32 at_least, at_most; /* entries */
} hf_shape[HF_MAPS] = {
	[HF_MAP_INSTANCE] = { "instance", sizeof(struct hf_instance), 1, 1 },
	[HF_MAP_LEGS] = { "legs", sizeof(struct hf_leg), 1, 1u << 24 },
	[HF_MAP_CLAIMS] = { "claims", sizeof(struct hf_claim), 1, 1u << 24 },
	[HF_MAP_FRAMES] = { "frames", sizeof(struct hf_frame), 1, 1u << 26 },
	[HF_MAP_NEXTHOPS] = { "nexthops", sizeof(struct hf_nexthop), 1,
			      HF_MAX_NEXTHOPS },
	[HF_MAP_WHEEL] = { "wheel", sizeof(struct hf_wheel_entry),
			   HF_WHEEL_BUCKETS, 1u << 28 },
	[HF_MAP_WHEEL_FILL] = { "wheel_fill", sizeof(struct hf_wheel_fill),
				HF_WHEEL_BUCKETS, HF_WHEEL_BUCKETS },
	[HF_MAP_WORK] = { "work", sizeof(struct hf_work), 1, 1 },
};

static const char *hf_map_fault(const struct bpf_map *map, int i)
{
	if (map->map_type != BPF_MAP_TYPE_ARRAY)
		return "the map is not an array";
	if (map->key_size != sizeof(u32))
		return "the key of the map is not 4 bytes";
	if (map->value_size != hf_shape[i].value_size)
		return "the values of the map have another size: another ABI?";
	if (map->max_entries < hf_shape[i].at_least ||
	    map->max_entries > hf_shape[i].at_most)
		return "the map has a wrong number of entries";
	if (map->map_flags != BPF_F_MMAPABLE)
		return "the map is not memory-mappable, or has other flags";
	if (map->frozen)
		return "the map is frozen";
	if (!hf_map_is_plain(map))
		return "the values of the map hold kernel objects";
	return NULL;
}

static int hf_map_adopt(struct hf_map *m, u32 fd, int i,
			struct netlink_ext_ack *extack)
{
	struct bpf_map *map = bpf_map_get(fd);
	const char *fault;

	if (IS_ERR(map)) {
		NL_SET_ERR_MSG(extack, "not the descriptor of a BPF map");
		return PTR_ERR(map);
	}
	fault = hf_map_fault(map, i);
	if (fault) {
		/* The text must be constant for the life of the reply: it is. */
		if (extack)
			extack->_msg = fault;
		bpf_map_put(map);
		return -EINVAL;
	}
	m->map = map;
	m->value = container_of(map, struct bpf_array, map)->value;
	m->stride = container_of(map, struct bpf_array, map)->elem_size;
	m->entries = map->max_entries;
	return 0;
}

/* ret_bad: which map was refused. */
int hf_maps_adopt(struct hf_hold *hold, const u32 fds[HF_MAPS],
		  struct netlink_ext_ack *extack, int *ret_bad)
{
	const struct hf_instance *instance;
	u32 major, capacity;
	int err, i;

	for (i = 0; i < HF_MAPS; i++) {
		err = hf_map_adopt(&hold->map[i], fds[i], i, extack);
		if (err) {
			*ret_bad = i;
			goto release;
		}
	}
	*ret_bad = HF_MAP_INSTANCE;
	instance = hold->map[HF_MAP_INSTANCE].value;
	major = READ_ONCE(instance->abi_major);
	if (major != HF_ABI_MAJOR) {
		NL_SET_ERR_MSG(extack, "the maps are of another ABI version than this module");
		err = -EPROTO;
		goto release;
	}
	capacity = READ_ONCE(instance->wheel_capacity);
	if (!capacity ||
	    capacity > hold->map[HF_MAP_WHEEL].entries / HF_WHEEL_BUCKETS) {
		NL_SET_ERR_MSG(extack, "wheel_capacity does not fit the map of the wheel");
		err = -EINVAL;
		goto release;
	}
	hold->wheel_capacity = capacity;
	return 0;

release:
	hf_maps_release(hold);
	return err;
}

void hf_maps_release(struct hf_hold *hold)
{
	int i;

	for (i = 0; i < HF_MAPS; i++) {
		if (hold->map[i].map)
			bpf_map_put(hold->map[i].map);
		hold->map[i].map = NULL;
	}
}
