// SPDX-License-Identifier: GPL-2.0-or-later
/* From a destination to a hop in the map, see way.h. */
#include "mediad/way.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "media/driver.h"

static int ask_link(struct hf_wayfinder *f, uint32_t ifindex,
		    const struct hf_link **ret)
{
	if (f->last_link.ifindex != ifindex) {
		f->last_link.rc =
			hf_netlink_link(f->nl, ifindex, &f->last_link.link);
		f->last_link.ifindex = ifindex;
	}
	*ret = &f->last_link.link;
	return f->last_link.rc;
}

static int ask_neigh(struct hf_wayfinder *f, uint32_t ifindex,
		     const struct hf_ip *via, const struct hf_neigh **ret)
{
	if (f->last_neigh.ifindex != ifindex ||
	    !hf_ip_equal(&f->last_neigh.via, via)) {
		f->last_neigh.rc = hf_netlink_neigh(f->nl, ifindex, via,
						    &f->last_neigh.neigh);
		f->last_neigh.ifindex = ifindex;
		f->last_neigh.via = *via;
	}
	*ret = &f->last_neigh.neigh;
	return f->last_neigh.rc;
}

void hf_way_use(struct hf_wayfinder *f, const struct hf_way *w)
{
	if (f->used_ifindex == w->route_ifindex &&
	    hf_ip_equal(&f->used_via, &w->via))
		return;
	f->used_ifindex = w->route_ifindex;
	f->used_via = w->via;
	hf_netlink_neigh_use(f->nl, w->route_ifindex, &w->via);
}

static uint32_t chain_of(uint32_t ifindex, const struct hf_ip *via)
{
	return (ifindex * 2654435761u ^ via->s_addr * 2246822519u) >> 20 &
	       (HF_WAY_CHAINS - 1);
}

static void chain_remove(struct hf_wayfinder *f, struct hf_way *w)
{
	struct hf_way **p = &f->chain[chain_of(w->route_ifindex, &w->via)];

	for (; *p; p = &(*p)->chain) {
		if (*p == w) {
			*p = w->chain;
			break;
		}
	}
	w->chain = NULL;
}

/* Where the way leads now: the chain is by neighbour. */
static void way_lead(struct hf_wayfinder *f, struct hf_way *w, uint32_t ifindex,
		     const struct hf_ip *via)
{
	struct hf_way **head;

	if (w->route_ifindex == ifindex && hf_ip_equal(&w->via, via))
		return;
	if (w->route_ifindex)
		chain_remove(f, w);
	w->route_ifindex = ifindex;
	w->via = *via;
	if (!ifindex)
		return;
	head = &f->chain[chain_of(ifindex, via)];
	w->chain = *head;
	*head = w;
}

static void news_add(struct hf_way_news *news, const struct hf_way *w,
		     const char *why)
{
	if (news->count++)
		return;
	news->index = w->index;
	news->ifindex = w->route_ifindex;
	news->dest = w->dest;
	news->via = w->via;
	snprintf(news->why, sizeof(news->why), "%s", why);
}

static void set_state(struct hf_wayfinder *f, struct hf_way *w,
		      enum hf_way_state state, const char *why)
{
	if (w->state == state)
		return;
	if (state == HF_WAY_OPEN)
		news_add(&f->opened, w, "");
	else if (state == HF_WAY_BLOCKED || w->state == HF_WAY_OPEN)
		news_add(&f->lost, w, why);
	w->state = state;
}

/* " and N more" behind the first of several. */
static const char *and_more(const struct hf_way_news *news, char text[32])
{
	text[0] = '\0';
	if (news->count > 1)
		snprintf(text, 32, " and %u more", news->count - 1);
	return text;
}

static void say_opened(struct hf_wayfinder *f)
{
	struct hf_hop hop = hf_hop_current(&f->setup.table[f->opened.index]);
	char dest[HF_IP_TEXT], via[HF_IP_TEXT], more[32];
	const struct hf_link *link;

	hf_info("way to %s%s: via %s (%02x:%02x:%02x:%02x:%02x:%02x) on %s",
		hf_ip_text(&f->opened.dest, dest), and_more(&f->opened, more),
		hf_ip_text(&f->opened.via, via), hop.dmac[0], hop.dmac[1],
		hop.dmac[2], hop.dmac[3], hop.dmac[4], hop.dmac[5],
		ask_link(f, f->opened.ifindex, &link) ? "?" : link->name);
}

void hf_wayfinder_begin(struct hf_wayfinder *f)
{
	f->last_link.ifindex = 0;
	f->last_neigh.ifindex = 0;
	f->used_ifindex = 0;
}

void hf_wayfinder_end(struct hf_wayfinder *f)
{
	char dest[HF_IP_TEXT], via[HF_IP_TEXT], more[32];

	if (f->lost.count)
		hf_warn("no way to %s%s: %s", hf_ip_text(&f->lost.dest, dest),
			and_more(&f->lost, more), f->lost.why);
	if (f->unanswered.count)
		hf_warn("%s, the way to %s%s, does not answer: sending to where it was",
			hf_ip_text(&f->unanswered.via, via),
			hf_ip_text(&f->unanswered.dest, dest),
			and_more(&f->unanswered, more));
	if (f->opened.count)
		say_opened(f);
	f->lost.count = 0;
	f->unanswered.count = 0;
	f->opened.count = 0;
}

static void say_swallows(struct hf_wayfinder *f, const struct hf_way_device *d)
{
	const struct hf_link *link;
	char driver[32];

	if (ask_link(f, d->ifindex, &link))
		return;
	if (!d->swallows) {
		hf_info("%s sends redirected frames now", link->name);
		return;
	}
	hf_driver_name(link->name, driver, sizeof(driver));
	hf_warn("%s (%s) takes redirected frames and sends none: packets go there instead; %s",
		link->name, driver, hf_driver_fix(driver));
}

static struct hf_way_device *device_lookup(struct hf_wayfinder *f,
					   uint32_t ifindex)
{
	struct hf_way_device *d;

	for (uint32_t i = 0; i < f->devices; i++)
		if (f->device[i].ifindex == ifindex)
			return &f->device[i];
	d = realloc(f->device, (f->devices + 1) * sizeof(*d));
	if (!d)
		return NULL;
	f->device = d;
	d += f->devices++;
	memset(d, 0, sizeof(*d));
	d->ifindex = ifindex;
	return d;
}

static bool is_veth(struct hf_wayfinder *f, uint32_t ifindex)
{
	struct hf_link link;
	char driver[32] = "";

	if (!hf_netlink_link(f->nl, ifindex, &link))
		hf_driver_name(link.name, driver, sizeof(driver));
	return !strcmp(driver, "veth");
}

/* Everything in the map points at a device that redirects may name. 0, 1 if it
 * swallows what is redirected to it, or -errno. */
static int device_add(struct hf_wayfinder *f, uint32_t ifindex)
{
	struct hf_way_device *d = device_lookup(f, ifindex);
	bool known, before;
	int rc;

	if (!d)
		return -ENOMEM;
	known = d->asked_ms;
	/* One that swallowed may have been mended since. */
	if (known && (!d->swallows ||
		      hf_now_ms() < d->asked_ms + d->again_ms))
		return d->swallows;
	before = d->swallows;
	if (!known)
		d->veth = is_veth(f, ifindex);
	rc = f->setup.use_device(f->setup.arg, ifindex);
	if (rc < 0) {
		hf_wayfinder_forget_device(f, ifindex);
		return rc;
	}
	d->swallows = rc;
	d->asked_ms = hf_now_ms();
	d->again_ms = d->again_ms ? 2 * d->again_ms : HF_WAY_ASK_SOON_MS;
	if (d->again_ms > HF_WAY_ASK_AGAIN_MS)
		d->again_ms = HF_WAY_ASK_AGAIN_MS;
	if (d->swallows != before)
		say_swallows(f, d);
	return rc;
}

uint64_t hf_wayfinder_again_ms(const struct hf_wayfinder *f)
{
	uint64_t at, first = 0;

	for (uint32_t i = 0; i < f->devices; i++) {
		at = f->device[i].asked_ms + f->device[i].again_ms;
		if (f->device[i].swallows && (!first || at < first))
			first = at;
	}
	return first;
}

void hf_wayfinder_forget_device(struct hf_wayfinder *f, uint32_t ifindex)
{
	f->last_link.ifindex = 0;
	for (uint32_t i = 0; i < f->devices; i++)
		if (!ifindex || f->device[i].ifindex == ifindex)
			f->device[i--] = f->device[--f->devices];
}

static void publish(struct hf_wayfinder *f, struct hf_way *w,
		    const struct hf_hop *hop)
{
	if (!hf_hop_write(&f->setup.table[w->index], hop))
		return;
	if (w->state == HF_WAY_OPEN && hop->flags & HF_HOP_VALID)
		news_add(&f->opened, w, ""); /* open as before, but another */
	hf_debug(
		"next hop %u: device %u, %02x:%02x:%02x:%02x:%02x:%02x, MTU %u, flags %x",
		w->index, hop->ifindex, hop->dmac[0], hop->dmac[1],
		hop->dmac[2], hop->dmac[3], hop->dmac[4], hop->dmac[5],
		hop->mtu, hop->flags);
}

static void way_shut(struct hf_wayfinder *f, struct hf_way *w,
		     enum hf_way_state state, const char *why)
{
	struct hf_hop none = {0};

	publish(f, w, &none);
	set_state(f, w, state, why);
}

/* No frame can be redirected to such a device: packets go there (packets.h). A
 * packet that came in on it can be answered there. */
static void way_packets(struct hf_wayfinder *f, struct hf_way *w,
			struct hf_hop *hop, uint8_t why)
{
	if (f->setup.elsewhere)
		f->setup.elsewhere(f->setup.arg);
	hop->flags |= HF_HOP_VALID | HF_HOP_NO_REDIRECT | why;
	if (!(why & HF_HOP_LOCAL) && f->setup.make_generic &&
	    !f->setup.make_generic(f->setup.arg))
		hop->flags |= HF_HOP_GENERIC;
	publish(f, w, hop);
	set_state(f, w, HF_WAY_OPEN, "");
}

/* May frames be redirected there? Below a VLAN device it is the lower one that
 * takes them. */
static bool takes_frames(struct hf_wayfinder *f, const struct hf_link *link)
{
	struct hf_link lower;

	if (!link->vlan)
		return link->redirect;
	return !hf_netlink_link(f->nl, link->lower, &lower) && lower.redirect;
}

/* The neighbour's address into hop->dmac: 0, or -EINPROGRESS. */
static int find_neigh(struct hf_wayfinder *f, struct hf_way *w,
		      const struct hf_link *link, struct hf_hop *hop)
{
	struct hf_hop now = hf_hop_current(&f->setup.table[w->index]);
	const struct hf_neigh *neigh;
	int rc;

	/* RFC 1112 6.4: nobody has to be asked for the address of a group. */
	if (!hf_ip_is6(&w->dest) && IN_MULTICAST(ntohl(w->dest.s_addr))) {
		const uint32_t group = ntohl(w->dest.s_addr);
		const unsigned char mac[6] = {0x01,
					      0x00,
					      0x5e,
					      group >> 16 & 0x7f,
					      group >> 8 & 0xff,
					      group & 0xff};

		memcpy(hop->dmac, mac, 6);
		return 0;
	}
	/* As the kernel fills such entries itself. */
	if (link->noarp || link->loopback || !link->ethernet) {
		memcpy(hop->dmac, link->mac, 6);
		return 0;
	}
	rc = ask_neigh(f, w->route_ifindex, &w->via, &neigh);
	if (!rc && neigh->known) {
		w->unanswered = false;
		memcpy(hop->dmac, neigh->mac, 6);
		return 0;
	}
	if (w->state != HF_WAY_ASKING || (!rc && neigh->failed))
		hf_way_use(f, w);
	/* The kernel has lost it on a way that we know: what was right until
	 * now is better than silence while it asks. */
	if (w->state == HF_WAY_OPEN && now.flags & HF_HOP_VALID &&
	    now.ifindex == hop->ifindex) {
		memcpy(hop->dmac, now.dmac, 6);
		if (!rc && neigh->failed && !w->unanswered) {
			w->unanswered = true;
			news_add(&f->unanswered, w, "");
		}
		return 0;
	}
	return -EINPROGRESS;
}

static void fill_hop(const struct hf_wayfinder *f, const struct hf_route *route,
		     const struct hf_link *link, struct hf_hop *hop)
{
	uint32_t mtu = link->mtu;

	if (route->mtu && route->mtu < mtu)
		mtu = route->mtu;
	hop->ifindex = link->vlan ? link->lower : link->ifindex;
	hop->mtu = mtu > UINT16_MAX ? UINT16_MAX : (uint16_t)mtu;
	hop->tos = f->setup.tos;
	memcpy(hop->smac, link->mac, 6);
	if (link->vlan) {
		hop->vlan_tci = htons(link->vlan_id);
		hop->flags = HF_HOP_VLAN;
	}
}

/* From a route to a hop in force. */
static void way_follow(struct hf_wayfinder *f, struct hf_way *w,
		       const struct hf_route *route)
{
	const struct hf_link *link;
	struct hf_hop hop = {0};
	char why[160];
	int rc;

	if (w->route_ifindex != route->ifindex ||
	    !hf_ip_equal(&w->via, &route->via))
		if (w->state == HF_WAY_OPEN)
			w->state = HF_WAY_NEW; /* what was known is of no use */
	way_lead(f, w, route->ifindex, &route->via);
	w->from = route->from;
	if (ask_link(f, route->ifindex, &link)) {
		way_shut(f, w, HF_WAY_BLOCKED, "its device is gone");
		return;
	}
	fill_hop(f, route, link, &hop);
	hop.ttl = f->setup.table[w->index].ttl;
	w->ifindex = hop.ifindex;
	if (!link->up) {
		snprintf(why, sizeof(why), "%s is down", link->name);
		way_shut(f, w, HF_WAY_BLOCKED, why);
		return;
	}
	if (find_neigh(f, w, link, &hop)) {
		way_shut(f, w, HF_WAY_ASKING, "its neighbour does not answer");
		return;
	}
	if (route->local || !takes_frames(f, link)) {
		way_packets(f, w, &hop, route->local ? HF_HOP_LOCAL : 0);
		return;
	}
	rc = device_add(f, hop.ifindex);
	if (rc > 0) {
		way_packets(f, w, &hop, HF_HOP_SWALLOWED);
		return;
	}
	if (rc) {
		snprintf(why, sizeof(why), "%s cannot be used: %s", link->name,
			 strerror(-rc));
		way_shut(f, w, HF_WAY_BLOCKED, why);
		return;
	}
	hop.flags |= HF_HOP_VALID;
	if (device_lookup(f, hop.ifindex)->veth)
		hop.flags |= HF_HOP_REDIRECT;
	publish(f, w, &hop);
	set_state(f, w, HF_WAY_OPEN, "");
}

void hf_way_resolve(struct hf_wayfinder *f, struct hf_way *w)
{
	const struct hf_ip none = {0};
	struct hf_route route;
	const struct hf_nexthop *e = &f->setup.table[w->index];
	__be32 from = 0;
	int rc;

	if (e->from && e->from <= f->setup.addresses)
		from = f->setup.address[e->from - 1].ip4;
	rc = hf_netlink_route(f->nl, &w->dest, from, &route);

	if (!rc) {
		way_follow(f, w, &route);
		return;
	}
	way_lead(f, w, 0, &none);
	w->ifindex = 0;
	way_shut(f, w, HF_WAY_BLOCKED, strerror(-rc));
}

void hf_way_drop(struct hf_wayfinder *f, struct hf_way *w)
{
	const struct hf_ip none = {0};

	way_shut(f, w, w->state, "");
	way_lead(f, w, 0, &none);
}

void hf_way_neighbour(struct hf_wayfinder *f, uint32_t ifindex,
		      const struct hf_ip *address)
{
	struct hf_way *w = f->chain[chain_of(ifindex, address)];
	const struct hf_neigh *neigh;
	struct hf_way *next;

	f->last_neigh.ifindex = 0;
	for (; w; w = next) {
		struct hf_hop now;

		next = w->chain; /* the way may lead elsewhere in a moment */
		if (w->route_ifindex != ifindex || !hf_ip_equal(&w->via, address))
			continue;
		now = hf_hop_current(&f->setup.table[w->index]);
		if (w->state == HF_WAY_OPEN && !w->unanswered &&
		    !ask_neigh(f, ifindex, address, &neigh) && neigh->known &&
		    !memcmp(now.dmac, neigh->mac, 6))
			continue; /* confirmed, not changed */
		hf_way_resolve(f, w);
	}
}
