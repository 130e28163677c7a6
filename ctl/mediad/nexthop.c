// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Next hops, see nexthop.h: which entries of the map are wanted, and when to
 * look at their ways (way.h) again.
 *
 * The kernel does not see the packets that XDP sends, so to it our neighbours
 * look unused: each is asked after every REFRESH_MS. One that changed its
 * hardware address and told nobody is found by ask.h.
 */
#include "mediad/nexthop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mediad/ask.h"
#include "mediad/way.h"

#define REFRESH_MS 20000
#define RETRY_MS   1000 /* while a neighbour does not answer */
#define SCAN_SPARE 256	/* entries looked at beyond the last one in use */

struct hf_nexthops {
	struct hf_wayfinder finder;
	struct hf_way **of;  /* by entry of the map, NULL = not wanted */
	struct hf_way **way; /* all, in no order */
	uint32_t ways;
	uint32_t room;
	uint32_t used_up_to; /* entries: the last one wanted, plus one */
	uint64_t all_ms;     /* resolve everything then, 0 = no need */
	uint64_t all_done_ms, all_cost_ms;
	uint64_t retry_ms, refresh_ms;
	struct hf_asker asker;
};

static void way_close(struct hf_nexthops *n, struct hf_way *w)
{
	hf_way_drop(&n->finder, w);
	n->of[w->index] = NULL;
	n->way[w->place] = n->way[--n->ways];
	n->way[w->place]->place = w->place;
	free(w);
}

static struct hf_way *way_open(struct hf_nexthops *n, uint32_t index)
{
	struct hf_way *w;

	if (n->ways == n->room) {
		uint32_t room = n->room ? n->room * 2 : 64;
		struct hf_way **all = realloc(n->way, room * sizeof(*all));

		if (!all)
			return NULL;
		n->way = all;
		n->room = room;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->index = index;
	w->place = n->ways;
	n->way[n->ways++] = w;
	n->of[index] = w;
	if (n->used_up_to <= index)
		n->used_up_to = index + 1;
	return w;
}

static struct hf_ip dest_of(const struct hf_nexthops *n, uint32_t index)
{
	const struct hf_nexthop *e = &n->finder.setup.table[index];
	struct in6_addr six;

	if (e->family != 6)
		return (struct hf_ip){.s_addr = HF_READ(e->dest_ip4)};
	memcpy(&six, &n->finder.setup.dest6[index], sizeof(six));
	return hf_ip_of6(&six);
}

/* Compare one entry of the map with what we have. */
static void look_at(struct hf_nexthops *n, uint32_t index)
{
	const struct hf_nexthop *e = &n->finder.setup.table[index];
	struct hf_way *w = n->of[index];
	bool wanted = hf_load_acquire(&e->wanted) &&
		      (e->family == 4 || e->family == 6);
	struct hf_ip dest = dest_of(n, index);

	if (!wanted) {
		if (w)
			way_close(n, w);
		return;
	}
	/* The controller wipes the hop when an entry gets a destination, and
	 * that may be the one it had before. */
	if (w && hf_ip_equal(&w->dest, &dest) &&
	    (w->state != HF_WAY_OPEN || hf_hop_current(e).flags & HF_HOP_VALID))
		return;
	if (!w)
		w = way_open(n, index);
	if (!w)
		return; /* out of memory: the retry looks again */
	w->dest = dest;
	w->state = HF_WAY_NEW;
	hf_way_resolve(&n->finder, w);
}

/* Everything, or as far as entries are known to be in use and some more. */
static void look_at_table(struct hf_nexthops *n, bool all)
{
	for (uint32_t i = 0; i < n->finder.setup.count; i++) {
		if (!all && i > n->used_up_to + SCAN_SPARE)
			break;
		look_at(n, i);
	}
	while (n->used_up_to && !n->of[n->used_up_to - 1])
		n->used_up_to--;
}

/* Notifications are of no interest while nothing is wanted. */
static void watch(struct hf_nexthops *n)
{
	int rc = hf_netlink_watch(n->finder.nl, n->ways > 0);

	if (rc > 0) /* began just now: what changed before it was not seen */
		n->all_ms = hf_now_ms();
	else if (rc < 0)
		hf_error(
			"changes of routes and neighbours cannot be watched: %s",
			strerror(-rc));
}

static void round_end(struct hf_nexthops *n)
{
	bool asking = false;
	uint64_t now = hf_now_ms();

	hf_wayfinder_end(&n->finder);
	for (uint32_t i = 0; i < n->ways && !asking; i++)
		asking = n->way[i]->state == HF_WAY_ASKING ||
			 n->way[i]->state == HF_WAY_NEW;
	if (!asking)
		n->retry_ms = 0;
	else if (!n->retry_ms)
		n->retry_ms = now + RETRY_MS;
	if (!n->ways) {
		n->refresh_ms = 0;
		hf_asker_stop(&n->asker);
	} else if (!n->refresh_ms) {
		n->refresh_ms = now + REFRESH_MS;
	}
	if (n->ways)
		hf_asker_start(&n->asker, now);
}

static void resolve_all(struct hf_nexthops *n)
{
	uint64_t begin = hf_now_ms();

	n->all_ms = 0;
	for (uint32_t i = 0; i < n->ways; i++)
		hf_way_resolve(&n->finder, n->way[i]);
	n->all_done_ms = hf_now_ms();
	n->all_cost_ms = n->all_done_ms - begin;
}

/* Soon, but never more than a fifth of the time for it: routes may flap. */
static void resolve_all_soon(struct hf_nexthops *n)
{
	uint64_t earliest = n->all_done_ms + 4 * n->all_cost_ms;
	uint64_t now = hf_now_ms();

	if (!n->ways)
		return;
	if (!n->all_ms)
		n->all_ms = now > earliest ? now : earliest;
}

void hf_nexthops_wanted(struct hf_nexthops *n, uint32_t index)
{
	hf_wayfinder_begin(&n->finder);
	n->asker.rests = false;
	if (index < n->finder.setup.count)
		look_at(n, index);
	else
		look_at_table(n, false);
	watch(n);
	round_end(n);
}

static void on_link(void *arg, uint32_t ifindex, bool gone)
{
	struct hf_nexthops *n = arg;

	hf_wayfinder_begin(&n->finder);
	if (gone)
		hf_wayfinder_forget_device(&n->finder, ifindex);
	for (uint32_t i = 0; i < n->ways; i++) {
		const struct hf_way *w = n->way[i];

		if (w->route_ifindex == ifindex || w->ifindex == ifindex ||
		    w->state != HF_WAY_OPEN) {
			resolve_all_soon(n);
			return;
		}
	}
}

void hf_nexthops_device(struct hf_nexthops *n, uint32_t ifindex)
{
	hf_wayfinder_begin(&n->finder);
	hf_wayfinder_forget_device(&n->finder, ifindex);
	resolve_all_soon(n);
}

static void on_route(void *arg)
{
	struct hf_nexthops *n = arg;

	hf_wayfinder_begin(&n->finder);
	resolve_all_soon(n);
}

static void on_neigh(void *arg, uint32_t ifindex, const struct hf_ip *address)
{
	struct hf_nexthops *n = arg;

	hf_way_neighbour(&n->finder, ifindex, address);
}

void hf_nexthops_read(struct hf_nexthops *n)
{
	int rc;

	hf_wayfinder_begin(&n->finder);
	rc = hf_netlink_read(n->finder.nl);
	if (rc) {
		hf_info("changes came faster than they could be read: looking at every route again");
		hf_wayfinder_begin(&n->finder);
		/* One may be gone, and another of its number there. */
		hf_wayfinder_forget_device(&n->finder, 0);
		resolve_all_soon(n);
	}
	if (n->all_ms && hf_now_ms() >= n->all_ms)
		resolve_all(n);
	round_end(n);
}

static void retry(struct hf_nexthops *n)
{
	n->retry_ms = 0;
	for (uint32_t i = 0; i < n->ways; i++) {
		struct hf_way *w = n->way[i];

		if (w->state != HF_WAY_ASKING && w->state != HF_WAY_NEW)
			continue;
		hf_way_use(&n->finder, w);
		hf_way_resolve(&n->finder, w);
	}
}

static void refresh(struct hf_nexthops *n)
{
	n->refresh_ms = 0;
	n->asker.rests = false;
	/* Also finds what a lost message of the controller was about. */
	look_at_table(n, true);
	for (uint32_t i = 0; i < n->ways; i++) {
		if (n->way[i]->state == HF_WAY_OPEN)
			hf_way_use(&n->finder, n->way[i]);
		else
			hf_way_resolve(&n->finder, n->way[i]);
	}
}

int hf_nexthops_fd(const struct hf_nexthops *n)
{
	return hf_netlink_fd(n->finder.nl);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

int hf_nexthops_wait_ms(const struct hf_nexthops *n)
{
	uint64_t at = sooner(sooner(n->all_ms, n->retry_ms),
			     sooner(n->refresh_ms, n->asker.next_ms));
	uint64_t now = hf_now_ms();

	if (n->ways)
		at = sooner(at, hf_wayfinder_again_ms(&n->finder));
	if (!at)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

void hf_nexthops_tick(struct hf_nexthops *n)
{
	uint64_t now = hf_now_ms(), again;

	hf_wayfinder_begin(&n->finder);
	again = n->ways ? hf_wayfinder_again_ms(&n->finder) : 0;
	if ((n->all_ms && now >= n->all_ms) || (again && now >= again))
		resolve_all(n);
	if (n->retry_ms && now >= n->retry_ms)
		retry(n);
	if (n->refresh_ms && now >= n->refresh_ms)
		refresh(n);
	if (n->asker.next_ms && now >= n->asker.next_ms)
		hf_asker_turn(&n->asker, &n->finder, now);
	watch(n);
	round_end(n);
}

int hf_nexthops_open(const struct hf_nexthops_setup *setup,
		     struct hf_nexthops **ret)
{
	struct hf_nexthops *n = calloc(1, sizeof(*n));
	const struct hf_netlink_events events = {.link = on_link,
						 .neigh = on_neigh,
						 .route = on_route,
						 .arg = n};
	int rc = -ENOMEM;

	if (!n)
		return -ENOMEM;
	n->finder.setup = *setup;
	hf_asker_open(&n->asker);
	n->of = calloc(setup->count, sizeof(*n->of));
	if (n->of)
		rc = hf_netlink_open(&events, &n->finder.nl);
	if (rc) {
		hf_nexthops_close(n);
		return rc;
	}
	hf_wayfinder_begin(&n->finder);
	look_at_table(n, true);
	watch(n);
	round_end(n);
	*ret = n;
	return 0;
}

void hf_nexthops_close(struct hf_nexthops *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->ways; i++)
		free(n->way[i]);
	hf_netlink_close(n->finder.nl);
	hf_asker_close(&n->asker);
	free(n->finder.device);
	free(n->way);
	free(n->of);
	free(n);
}
