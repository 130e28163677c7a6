// SPDX-License-Identifier: GPL-2.0-or-later
/* May packets be gathered? See gather.h. */
#include "mediad/gather.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "media/pins.h"

/* What was gathered before the map was changed is on its way until the device's
 * poll ends: microseconds, and this is for an interrupted one. */
#define UNDER_WAY_NS (5 * 1000 * 1000)

static bool is_native(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return !bpf_xdp_query((int)ifindex, 0, &query) &&
	       query.attach_mode == XDP_ATTACHED_DRV;
}

static void stop(struct hf_gather *g, uint32_t ifindex)
{
	struct timespec t = {0, UNDER_WAY_NS};

	if (!bpf_map_delete_elem(g->pins->fd[HF_PIN_gather], &ifindex))
		nanosleep(&t, NULL);
	g->ifindex = 0;
}

static void start(struct hf_gather *g, uint32_t ifindex)
{
	struct bpf_devmap_val v = {.ifindex = ifindex,
				   .bpf_prog.fd = g->pins->prog_gathered};

	if (bpf_map_update_elem(g->pins->fd[HF_PIN_gather], &ifindex, &v,
				BPF_ANY)) {
		hf_info("packets of device %u are not gathered: %s", ifindex,
			strerror(errno));
		return;
	}
	if (g->ifindex != ifindex)
		hf_info("packets of device %u are gathered", ifindex);
	g->ifindex = ifindex;
}

void hf_gather_open(struct hf_gather *g, const struct hf_pins *pins)
{
	const struct hf_instance *in = pins->instance;

	memset(g, 0, sizeof(*g));
	g->pins = pins;
	if (in->devices == 1)
		return;
	g->never = true;
	for (uint32_t i = 0; i < in->devices && i < HF_MAX_DEVICES; i++)
		stop(g, in->device[i].ifindex);
}

void hf_gather_elsewhere(struct hf_gather *g)
{
	if (g->never)
		return;
	g->never = true;
	stop(g, g->pins->instance->device[0].ifindex);
}

void hf_gather_way_out(struct hf_gather *g, uint32_t ifindex, bool sends)
{
	const struct hf_instance *in = g->pins->instance;
	uint32_t only = in->device[0].ifindex;

	if (g->never)
		return;
	if (in->devices == 1 && ifindex == only && sends && is_native(ifindex)) {
		start(g, ifindex);
		return;
	}
	hf_gather_elsewhere(g);
}
