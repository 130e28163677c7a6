// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Destinations of media: one entry a remote address, counted by the legs that
 * send there. We say which are wanted; holdfast-mediad finds device and MACs
 * and writes them into the entry, because it outlives the controller.
 *
 * An entry that nobody uses is kept for a while: the next call to the same PBX
 * finds its hop resolved, and its first packet waits for no ARP.
 */
#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HF_HOP_KEEP_NS (60 * 1000 * HF_MS)
#define HF_HOP_SWEEP   1024 /* entries looked at in one tick */

static uint32_t hf_hop_bucket(const struct hf_hops *h, struct hf_ip to)
{
	return (uint32_t)((to.s_addr * 0x9e3779b97f4a7c15ULL) >> 40) &
	       (h->buckets - 1);
}

/* Free entries form a queue, used from the head: an entry rests as long as
 * possible before it means another destination. */
static void hf_hop_free(struct hf_hops *h, uint32_t i)
{
	h->next[i] = HF_NO_HOP;
	if (h->free_head == HF_NO_HOP)
		h->free_head = i;
	else
		h->next[h->free_tail] = i;
	h->free_tail = i;
}

static void hf_hop_chain(struct hf_hops *h, uint32_t i, struct hf_ip to)
{
	uint32_t b = hf_hop_bucket(h, to);

	h->next[i] = h->hash[b];
	h->hash[b] = i;
}

/* Where an entry leads. */
static struct hf_ip hf_hop_dest(const struct hf_media *m, uint32_t i)
{
	const struct hf_nexthop *hop = &m->map.nexthops[i];
	struct in6_addr six;

	if (hop->family != 6)
		return (struct hf_ip){.s_addr = hop->dest_ip4};
	memcpy(&six, &m->map.nexthop6[i], sizeof(six));
	return hf_ip_of6(&six);
}

int hf_hops_init(struct hf_media *m)
{
	struct hf_hops *h = &m->hops;
	uint32_t n = m->map.nexthop_count;

	h->buckets = 1;
	while (h->buckets < n)
		h->buckets *= 2;
	h->users = calloc(n, sizeof(*h->users));
	h->next = calloc(n, sizeof(*h->next));
	h->idle_ns = calloc(n, sizeof(*h->idle_ns));
	h->hash = malloc(h->buckets * sizeof(*h->hash));
	if (!h->users || !h->next || !h->idle_ns || !h->hash)
		return -ENOMEM;
	memset(h->hash, 0xff, h->buckets * sizeof(*h->hash));
	h->free_head = HF_NO_HOP;
	for (uint32_t i = 0; i < n; i++) {
		struct hf_nexthop *hop = &m->map.nexthops[i];

		/* Adopted maps: the destinations of before stay resolved. */
		if (hop->wanted && (hop->family == 4 || hop->family == 6)) {
			hf_store_release(&hop->wanted, 1);
			h->idle_ns[i] = hf_media_now(m);
			hf_hop_chain(h, i, hf_hop_dest(m, i));
		} else {
			hf_hop_free(h, i);
		}
	}
	return 0;
}

void hf_hops_fini(struct hf_media *m)
{
	free(m->hops.users);
	free(m->hops.next);
	free(m->hops.idle_ns);
	free(m->hops.hash);
	memset(&m->hops, 0, sizeof(m->hops));
}

static uint32_t hf_hop_find(const struct hf_media *m, struct hf_ip to,
			    uint8_t ttl, uint8_t from)
{
	const struct hf_hops *h = &m->hops;
	uint32_t i = h->hash[hf_hop_bucket(h, to)];

	for (; i != HF_NO_HOP; i = h->next[i]) {
		const struct hf_nexthop *hop = &m->map.nexthops[i];
		struct hf_ip dest = hf_hop_dest(m, i);

		if (hf_ip_equal(&dest, &to) && hop->ttl == ttl &&
		    hop->from == from)
			break;
	}
	return i;
}

int hf_hop_get(struct hf_media *m, struct hf_ip to, uint8_t ttl, uint8_t from,
	       uint32_t *ret_hop)
{
	struct hf_hops *h = &m->hops;
	uint32_t i = hf_hop_find(m, to, ttl, from);
	struct hf_nexthop *hop;

	if (i == HF_NO_HOP) {
		i = h->free_head;
		if (i == HF_NO_HOP)
			return -ENOSPC;
		h->free_head = h->next[i];
		hop = &m->map.nexthops[i];
		/* MACs of the destination before must not serve this one. */
		hf_store_release(&hop->hop[0].flags, 0);
		hf_store_release(&hop->hop[1].flags, 0);
		hop->family = hf_ip_is6(&to) ? 6 : 4;
		hop->dest_ip4 = to.s_addr;
		if (hop->family == 6)
			memcpy(&m->map.nexthop6[i], &to.six, sizeof(to.six));
		hop->ttl = ttl;
		hop->from = from;
		hf_hop_chain(h, i, to);
	}
	h->users[i]++;
	/* Last: whoever sees it wanted sees the destination. One more than its
	 * users: kept, see above. */
	hf_store_release(&m->map.nexthops[i].wanted, h->users[i] + 1);
	if (h->users[i] == 1 && m->poke)
		m->poke(m, HF_POKE_NEXTHOP);
	*ret_hop = i;
	return 0;
}

void hf_hop_put(struct hf_media *m, uint32_t hop)
{
	struct hf_hops *h = &m->hops;

	if (hop == HF_NO_HOP)
		return;
	h->users[hop]--;
	hf_store_release(&m->map.nexthops[hop].wanted, h->users[hop] + 1);
	if (!h->users[hop])
		h->idle_ns[hop] = hf_media_now(m);
}

static void hf_hop_expire(struct hf_media *m, uint32_t i)
{
	struct hf_hops *h = &m->hops;
	struct hf_nexthop *hop = &m->map.nexthops[i];
	struct hf_ip to = hf_hop_dest(m, i);
	uint32_t *at = &h->hash[hf_hop_bucket(h, to)];

	while (*at != i)
		at = &h->next[*at];
	*at = h->next[i];
	hf_store_release(&hop->wanted, 0);
	hf_hop_free(h, i);
}

void hf_hops_tick(struct hf_media *m, uint64_t now_ns)
{
	struct hf_hops *h = &m->hops;

	for (uint32_t n = 0; n < HF_HOP_SWEEP && n < m->map.nexthop_count;
	     n++) {
		uint32_t i = h->sweep++ % m->map.nexthop_count;

		if (m->map.nexthops[i].wanted && !h->users[i] &&
		    now_ns - h->idle_ns[i] > HF_HOP_KEEP_NS)
			hf_hop_expire(m, i);
	}
}
