// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Next hops, see nexthop.h. A `way` is what we know of one wanted entry of the
 * map. Questions to the kernel are asked a way at a time; answers about the
 * device and the neighbour that the way before it used are kept for one round,
 * because most callers are reached through one gateway.
 *
 * The kernel does not see the packets that XDP sends, so to it our neighbours
 * look unused: each is asked after every REFRESH_MS, which also finds a gateway
 * that changed its hardware address and told nobody.
 */
#include "mediad/nexthop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "mediad/hop.h"
#include "mediad/netlink.h"

#define REFRESH_MS 20000
#define RETRY_MS 1000	/* while a way has no end */
#define SCAN_SPARE 256	/* entries looked at beyond the last one in use */
#define CHAINS 4096	/* of ways by neighbour */
#define NO_WAY UINT32_MAX

enum way_state {
	WAY_NEW,
	WAY_OPEN,     /* the map has a valid hop */
	WAY_ASKING,   /* waiting for the neighbour's address */
	WAY_BLOCKED,  /* no route, device down */
	WAY_UNUSABLE, /* a device this engine cannot send through */
};

struct way {
	struct way *chain; /* next of the same hash */
	uint32_t index; /* of the map */
	uint32_t place; /* in nexthops.way */
	uint32_t route_ifindex; /* where the route leads, 0 = none */
	uint32_t ifindex;	/* where frames go (below a VLAN device) */
	__be32 dest;
	__be32 via;
	enum way_state state;
};

/* What the last question said, for the rest of the round. */
struct memo {
	struct hf_link link;
	uint32_t link_of;
	int link_rc;
	struct hf_neigh neigh;
	uint32_t neigh_if;
	__be32 neigh_via;
	int neigh_rc;
	uint32_t used_if; /* the last neighbour whose use was announced */
	__be32 used_via;
};

/* What a round of changes came to, for one line of the log instead of many. */
struct report {
	uint32_t opened, lost;
	struct way *opened_first, *lost_first;
	char why[160]; /* the first one was lost */
};

struct hf_nexthops {
	struct hf_nexthops_setup setup;
	struct hf_netlink *nl;
	struct way **of; /* by entry of the map, NULL = not wanted */
	struct way **way; /* all, in no order */
	uint32_t ways;
	uint32_t room;
	uint32_t used_up_to; /* entries: the last one wanted, plus one */
	struct way *chain[CHAINS];
	uint32_t *device; /* that use_device() knows */
	uint32_t devices;
	struct memo memo;
	struct report report;
	uint64_t all_ms;   /* resolve everything then, 0 = no need */
	uint64_t all_done_ms, all_cost_ms;
	uint64_t retry_ms, refresh_ms;
};

static const char *text_of(__be32 address, char text[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

static void memo_forget(struct hf_nexthops *n)
{
	n->memo.link_of = 0;
	n->memo.neigh_if = 0;
	n->memo.used_if = 0;
}

static int ask_link(struct hf_nexthops *n, uint32_t ifindex,
		    const struct hf_link **ret)
{
	struct memo *m = &n->memo;

	if (m->link_of != ifindex) {
		m->link_rc = hf_netlink_link(n->nl, ifindex, &m->link);
		m->link_of = ifindex;
	}
	*ret = &m->link;
	return m->link_rc;
}

static int ask_neigh(struct hf_nexthops *n, uint32_t ifindex, __be32 via,
		     const struct hf_neigh **ret)
{
	struct memo *m = &n->memo;

	if (m->neigh_if != ifindex || m->neigh_via != via) {
		m->neigh_rc = hf_netlink_neigh(n->nl, ifindex, via, &m->neigh);
		m->neigh_if = ifindex;
		m->neigh_via = via;
	}
	*ret = &m->neigh;
	return m->neigh_rc;
}

static void use_neigh(struct hf_nexthops *n, const struct way *w)
{
	struct memo *m = &n->memo;

	if (m->used_if == w->route_ifindex && m->used_via == w->via)
		return;
	m->used_if = w->route_ifindex;
	m->used_via = w->via;
	hf_netlink_neigh_use(n->nl, w->route_ifindex, w->via);
}

static uint32_t chain_of(uint32_t ifindex, __be32 via)
{
	return (ifindex * 2654435761u ^ via * 2246822519u) >> 20 & (CHAINS - 1);
}

static void chain_remove(struct hf_nexthops *n, struct way *w)
{
	struct way **p = &n->chain[chain_of(w->route_ifindex, w->via)];

	for (; *p; p = &(*p)->chain) {
		if (*p == w) {
			*p = w->chain;
			break;
		}
	}
	w->chain = NULL;
}

/* Where the way leads now: the chain is by neighbour. */
static void way_lead(struct hf_nexthops *n, struct way *w, uint32_t ifindex,
		     __be32 via)
{
	struct way **head;

	if (w->route_ifindex == ifindex && w->via == via)
		return;
	if (w->route_ifindex)
		chain_remove(n, w);
	w->route_ifindex = ifindex;
	w->via = via;
	if (!ifindex)
		return;
	head = &n->chain[chain_of(ifindex, via)];
	w->chain = *head;
	*head = w;
}

static void set_state(struct hf_nexthops *n, struct way *w,
		      enum way_state state, const char *why)
{
	struct report *r = &n->report;
	char dest[INET_ADDRSTRLEN];

	if (w->state == state)
		return;
	if (state == WAY_OPEN) {
		if (!r->opened++)
			r->opened_first = w;
	} else if (state == WAY_UNUSABLE) {
		hf_warn("%s %s", text_of(w->dest, dest), why);
	} else if (state == WAY_BLOCKED || w->state == WAY_OPEN) {
		if (!r->lost++) {
			r->lost_first = w;
			snprintf(r->why, sizeof(r->why), "%s", why);
		}
	}
	w->state = state;
}

static void say_report(struct hf_nexthops *n)
{
	struct report *r = &n->report;
	char dest[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN];
	const struct hf_link *link;
	char more[48] = "";

	if (r->lost) {
		if (r->lost > 1)
			snprintf(more, sizeof(more), ", nor to %u more",
				 r->lost - 1);
		hf_warn("no way to %s%s: %s",
			text_of(r->lost_first->dest, dest), more, r->why);
	}
	if (r->opened) {
		const struct way *w = r->opened_first;
		struct hf_hop hop = hf_hop_current(&n->setup.table[w->index]);

		more[0] = '\0';
		if (r->opened > 1)
			snprintf(more, sizeof(more), ", and %u more",
				 r->opened - 1);
		hf_info("way to %s: via %s (%02x:%02x:%02x:%02x:%02x:%02x) on %s%s",
			text_of(w->dest, dest), text_of(w->via, via),
			hop.dmac[0], hop.dmac[1], hop.dmac[2], hop.dmac[3],
			hop.dmac[4], hop.dmac[5],
			ask_link(n, w->route_ifindex, &link) ? "?" : link->name,
			more);
	}
	memset(r, 0, sizeof(*r));
}

/* Everything in the map points at a device that redirects may name. */
static int device_add(struct hf_nexthops *n, uint32_t ifindex)
{
	uint32_t *d;
	int rc;

	for (uint32_t i = 0; i < n->devices; i++)
		if (n->device[i] == ifindex)
			return 0;
	rc = n->setup.use_device(n->setup.arg, ifindex);
	if (rc)
		return rc;
	d = realloc(n->device, (n->devices + 1) * sizeof(*d));
	if (!d)
		return -ENOMEM;
	n->device = d;
	d[n->devices++] = ifindex;
	return 0;
}

static void device_forget(struct hf_nexthops *n, uint32_t ifindex)
{
	for (uint32_t i = 0; i < n->devices; i++)
		if (n->device[i] == ifindex)
			n->device[i--] = n->device[--n->devices];
}

static void publish(struct hf_nexthops *n, struct way *w,
		    const struct hf_hop *hop)
{
	if (!hf_hop_write(&n->setup.table[w->index], hop))
		return;
	if (w->state == WAY_OPEN && hop->flags & HF_HOP_VALID &&
	    !n->report.opened++)
		n->report.opened_first = w; /* open as before, but another */
	hf_debug("next hop %u: device %u, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, flags %x",
		 w->index, hop->ifindex, hop->dmac[0], hop->dmac[1],
		 hop->dmac[2], hop->dmac[3], hop->dmac[4], hop->dmac[5],
		 hop->mtu, hop->flags);
}

static void way_shut(struct hf_nexthops *n, struct way *w, enum way_state state,
		     const char *why)
{
	struct hf_hop none = { 0 };

	publish(n, w, &none);
	set_state(n, w, state, why);
}

/* No frame can be redirected to such a device, but a packet that came in on it
 * can be answered there. */
static void way_no_redirect(struct hf_nexthops *n, struct way *w,
			    const struct hf_link *link, struct hf_hop *hop)
{
	char why[160];

	hop->flags = HF_HOP_VALID | HF_HOP_NO_REDIRECT;
	publish(n, w, hop);
	snprintf(why, sizeof(why),
		 "is reached through %s, which takes no frames from XDP: hold audio goes there only in answer to the caller's own packets",
		 link->name);
	set_state(n, w, WAY_UNUSABLE, why);
}

/* The neighbour's address into hop->dmac: 0, or -EINPROGRESS. */
static int find_neigh(struct hf_nexthops *n, struct way *w,
		      const struct hf_link *link, struct hf_hop *hop)
{
	struct hf_hop now = hf_hop_current(&n->setup.table[w->index]);
	const struct hf_neigh *neigh;
	int rc;

	if (link->noarp) { /* as the kernel fills such entries itself */
		memcpy(hop->dmac, link->mac, 6);
		return 0;
	}
	rc = ask_neigh(n, w->route_ifindex, w->via, &neigh);
	if (!rc && neigh->known) {
		memcpy(hop->dmac, neigh->mac, 6);
		return 0;
	}
	if (w->state != WAY_ASKING || (!rc && neigh->failed))
		use_neigh(n, w);
	/* The kernel has lost it on a way that we know: what was right until
	 * now is better than silence while it asks. */
	if (w->state == WAY_OPEN && now.flags & HF_HOP_VALID &&
	    now.ifindex == hop->ifindex) {
		memcpy(hop->dmac, now.dmac, 6);
		return 0;
	}
	return -EINPROGRESS;
}

static void fill_hop(const struct hf_nexthops *n, const struct hf_route *route,
		     const struct hf_link *link, struct hf_hop *hop)
{
	uint32_t mtu = link->mtu;

	if (route->mtu && route->mtu < mtu)
		mtu = route->mtu;
	hop->ifindex = link->vlan ? link->lower : link->ifindex;
	hop->mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
	hop->tos = n->setup.tos;
	memcpy(hop->smac, link->mac, 6);
	if (link->vlan)
		hop->vlan_tci = htons(link->vlan_id);
}

/* From a route to a hop in force. */
static void way_follow(struct hf_nexthops *n, struct way *w,
		       const struct hf_route *route)
{
	const struct hf_link *link;
	struct hf_hop hop = { 0 };
	char why[160];
	int rc;

	if (w->route_ifindex != route->ifindex || w->via != route->via)
		if (w->state == WAY_OPEN)
			w->state = WAY_NEW; /* what was known is of no use */
	way_lead(n, w, route->ifindex, route->via);
	if (ask_link(n, route->ifindex, &link)) {
		way_shut(n, w, WAY_BLOCKED, "its device is gone");
		return;
	}
	fill_hop(n, route, link, &hop);
	w->ifindex = hop.ifindex;
	if (!link->up) {
		snprintf(why, sizeof(why), "%s is down", link->name);
		way_shut(n, w, WAY_BLOCKED, why);
		return;
	}
	if (route->local || link->loopback || !link->ethernet) {
		way_no_redirect(n, w, link, &hop);
		return;
	}
	if (find_neigh(n, w, link, &hop)) {
		way_shut(n, w, WAY_ASKING, "its neighbour does not answer");
		return;
	}
	rc = device_add(n, hop.ifindex);
	if (rc) {
		snprintf(why, sizeof(why), "%s cannot be used: %s", link->name,
			 strerror(-rc));
		way_shut(n, w, WAY_BLOCKED, why);
		return;
	}
	hop.flags = HF_HOP_VALID | (link->vlan ? HF_HOP_VLAN : 0);
	publish(n, w, &hop);
	set_state(n, w, WAY_OPEN, "");
}

static void way_resolve(struct hf_nexthops *n, struct way *w)
{
	struct hf_route route;
	int rc = hf_netlink_route(n->nl, w->dest, &route);

	if (!rc) {
		way_follow(n, w, &route);
		return;
	}
	way_lead(n, w, 0, 0);
	w->ifindex = 0;
	way_shut(n, w, WAY_BLOCKED, strerror(-rc));
}

static void way_close(struct hf_nexthops *n, struct way *w)
{
	way_shut(n, w, w->state, "");
	way_lead(n, w, 0, 0);
	n->of[w->index] = NULL;
	n->way[w->place] = n->way[--n->ways];
	n->way[w->place]->place = w->place;
	free(w);
}

static struct way *way_open(struct hf_nexthops *n, uint32_t index)
{
	struct way *w;

	if (n->ways == n->room) {
		uint32_t room = n->room ? n->room * 2 : 64;
		struct way **all = realloc(n->way, room * sizeof(*all));

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

/* Compare one entry of the map with what we have. */
static void look_at(struct hf_nexthops *n, uint32_t index)
{
	const struct hf_nexthop *e = &n->setup.table[index];
	struct way *w = n->of[index];
	bool wanted = hf_load_acquire(&e->wanted) && e->family == 4;
	__be32 dest = HF_READ(e->dest_ip4);

	if (!wanted) {
		if (w)
			way_close(n, w);
		return;
	}
	/* The controller wipes the hop when an entry gets a destination, and
	 * that may be the one it had before. */
	if (w && w->dest == dest &&
	    (w->state != WAY_OPEN || hf_hop_current(e).flags & HF_HOP_VALID))
		return;
	if (!w)
		w = way_open(n, index);
	if (!w)
		return; /* out of memory: the retry looks again */
	w->dest = dest;
	w->state = WAY_NEW;
	way_resolve(n, w);
}

/* Everything, or as far as entries are known to be in use and some more. */
static void look_at_table(struct hf_nexthops *n, bool all)
{
	for (uint32_t i = 0; i < n->setup.count; i++) {
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
	int rc = hf_netlink_watch(n->nl, n->ways > 0);

	if (rc > 0) /* began just now: what changed before it was not seen */
		n->all_ms = hf_now_ms();
	else if (rc < 0)
		hf_error("changes of routes and neighbours cannot be watched: %s",
			 strerror(-rc));
}

static void round_begin(struct hf_nexthops *n)
{
	memo_forget(n);
}

static void round_end(struct hf_nexthops *n)
{
	bool asking = false;
	uint64_t now = hf_now_ms();

	say_report(n);
	for (uint32_t i = 0; i < n->ways && !asking; i++)
		asking = n->way[i]->state == WAY_ASKING ||
			 n->way[i]->state == WAY_NEW;
	if (!asking)
		n->retry_ms = 0;
	else if (!n->retry_ms)
		n->retry_ms = now + RETRY_MS;
	if (!n->ways)
		n->refresh_ms = 0;
	else if (!n->refresh_ms)
		n->refresh_ms = now + REFRESH_MS;
}

static void resolve_all(struct hf_nexthops *n)
{
	uint64_t begin = hf_now_ms();

	n->all_ms = 0;
	for (uint32_t i = 0; i < n->ways; i++)
		way_resolve(n, n->way[i]);
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
	round_begin(n);
	if (index < n->setup.count)
		look_at(n, index);
	else
		look_at_table(n, false);
	watch(n);
	round_end(n);
}

static void on_link(void *arg, uint32_t ifindex, bool gone)
{
	struct hf_nexthops *n = arg;

	memo_forget(n);
	if (gone)
		device_forget(n, ifindex);
	for (uint32_t i = 0; i < n->ways; i++) {
		const struct way *w = n->way[i];

		if (w->route_ifindex == ifindex || w->ifindex == ifindex ||
		    w->state != WAY_OPEN) {
			resolve_all_soon(n);
			return;
		}
	}
}

static void on_route(void *arg)
{
	memo_forget(arg);
	resolve_all_soon(arg);
}

static void on_neigh(void *arg, uint32_t ifindex, __be32 address)
{
	struct hf_nexthops *n = arg;
	const struct hf_neigh *neigh;
	struct way *w = n->chain[chain_of(ifindex, address)];
	struct way *next;

	n->memo.neigh_if = 0;
	for (; w; w = next) {
		struct hf_hop now;

		next = w->chain; /* the way may lead elsewhere in a moment */
		if (w->route_ifindex != ifindex || w->via != address)
			continue;
		now = hf_hop_current(&n->setup.table[w->index]);
		if (w->state == WAY_OPEN &&
		    !ask_neigh(n, ifindex, address, &neigh) && neigh->known &&
		    !memcmp(now.dmac, neigh->mac, 6))
			continue; /* confirmed, not changed */
		way_resolve(n, w);
	}
}

void hf_nexthops_read(struct hf_nexthops *n)
{
	int rc;

	round_begin(n);
	rc = hf_netlink_read(n->nl);
	if (rc) {
		hf_info("changes came faster than they could be read: looking at every route again");
		memo_forget(n);
		n->devices = 0; /* one may be gone and another come */
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
		struct way *w = n->way[i];

		if (w->state != WAY_ASKING && w->state != WAY_NEW)
			continue;
		use_neigh(n, w);
		way_resolve(n, w);
	}
}

static void refresh(struct hf_nexthops *n)
{
	n->refresh_ms = 0;
	/* Also finds what a lost message of the controller was about. */
	look_at_table(n, true);
	for (uint32_t i = 0; i < n->ways; i++) {
		if (n->way[i]->state == WAY_OPEN)
			use_neigh(n, n->way[i]);
		else
			way_resolve(n, n->way[i]);
	}
}

int hf_nexthops_fd(const struct hf_nexthops *n)
{
	return hf_netlink_fd(n->nl);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

int hf_nexthops_wait_ms(const struct hf_nexthops *n)
{
	uint64_t at = sooner(sooner(n->all_ms, n->retry_ms), n->refresh_ms);
	uint64_t now = hf_now_ms();

	if (!at)
		return -1;
	return at > now ? (int)(at - now) : 0;
}

void hf_nexthops_tick(struct hf_nexthops *n)
{
	uint64_t now = hf_now_ms();

	round_begin(n);
	if (n->all_ms && now >= n->all_ms)
		resolve_all(n);
	if (n->retry_ms && now >= n->retry_ms)
		retry(n);
	if (n->refresh_ms && now >= n->refresh_ms)
		refresh(n);
	watch(n);
	round_end(n);
}

int hf_nexthops_open(const struct hf_nexthops_setup *setup,
		     struct hf_nexthops **ret)
{
	struct hf_nexthops *n = calloc(1, sizeof(*n));
	const struct hf_netlink_events events = { .link = on_link,
						  .neigh = on_neigh,
						  .route = on_route,
						  .arg = n };
	int rc = -ENOMEM;

	if (!n)
		return -ENOMEM;
	n->setup = *setup;
	n->of = calloc(setup->count, sizeof(*n->of));
	if (n->of)
		rc = hf_netlink_open(&events, &n->nl);
	if (rc) {
		hf_nexthops_close(n);
		return rc;
	}
	round_begin(n);
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
	hf_netlink_close(n->nl);
	free(n->device);
	free(n->way);
	free(n->of);
	free(n);
}
