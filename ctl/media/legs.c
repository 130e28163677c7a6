// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leg's life: a pair of ports, the peer's side, what it shall hear, close.
 * Here stands what is wanted (struct hf_leg_own); program.c makes it so.
 */
#include "state.h"

#include <errno.h>
#include <string.h>

struct hf_leg_own *hf_leg_get(const struct hf_media *m, uint32_t leg)
{
	if (leg >= m->map.instance->legs || !m->own[leg].open)
		return NULL;
	return &m->own[leg];
}

/* The media address that has this leg. */
static uint32_t hf_leg_address(const struct hf_media *m, uint32_t leg)
{
	const struct hf_instance *in = m->map.instance;
	uint32_t a = 0;

	while (a + 1 < in->addresses && leg >= in->address[a + 1].leg_base)
		a++;
	return a;
}

const struct hf_address *hf_leg_address_of(const struct hf_media *m,
					   uint32_t leg)
{
	return &m->map.instance->address[hf_leg_address(m, leg)];
}

struct hf_ip hf_address_ip(const struct hf_address *a)
{
	struct in6_addr six;

	if (a->ip4)
		return (struct hf_ip){.s_addr = a->ip4};
	memcpy(&six, a->ip6, sizeof(six));
	return hf_ip_of6(&six);
}

/* The index of the address that the route has, or the first of the family. */
static int hf_media_choose(struct hf_media *m, struct hf_ip towards)
{
	const struct hf_instance *in = m->map.instance;
	struct hf_ip source = {0}, own;
	int first = -EAFNOSUPPORT;

	if (!towards.s_addr)
		return 0;
	if (hf_route_source(m, towards, &source))
		source = (struct hf_ip){0};
	for (uint32_t a = in->addresses; a-- > 0;) {
		own = hf_address_ip(&in->address[a]);
		if (hf_ip_equal(&own, &source))
			return (int)a;
		if (hf_ip_is6(&own) == hf_ip_is6(&towards))
			first = (int)a;
	}
	return first;
}

/* The next free one, false if there is none. It stays free until it is used. */
static bool hf_ports_next(const struct hf_media *m, const struct hf_ports *p,
			  uint32_t *ret_leg, bool *ret_fresh)
{
	uint32_t oldest = p->count ? p->ring[p->head] : 0;
	bool rested = p->count && hf_media_now(m) - m->own[oldest].closed_ns >=
					  HF_PORT_REST_NS;

	*ret_fresh = !rested && p->fresh_at < p->fresh_count;
	*ret_leg = *ret_fresh ? p->fresh[p->fresh_at] : oldest;
	return *ret_fresh || p->count;
}

static void hf_ports_used(struct hf_ports *p, bool fresh)
{
	if (fresh) {
		p->fresh_at++;
		return;
	}
	p->head = (p->head + 1) % p->size;
	p->count--;
}

/* A leg of the media address of this index. */
static int hf_leg_open_at(struct hf_media *m, uint32_t a, uint32_t *ret_leg,
			  uint16_t *ret_port)
{
	const struct hf_address *address = &m->map.instance->address[a];
	struct hf_ports *ports = &m->ports[a];
	uint32_t leg;
	uint16_t port;
	bool fresh;
	int r;

	if (!hf_ports_next(m, ports, &leg, &fresh))
		return -ENOSPC;
	port = (uint16_t)(address->port_min + 2 * (leg - address->leg_base));
	m->own[leg] = (struct hf_leg_own){
		.want = HF_MODE_IDLE,
		.peer = HF_LEG_NONE,
		.clip = HF_NO_CLIP,
		.playing = HF_NO_CLIP,
		.hop = HF_NO_HOP,
		.bucket = HF_NO_BUCKET,
	};
	m->own[leg].opened_ns = hf_media_now(m);
	m->map.heard[leg] = (struct hf_heard){0};
	m->map.claims[leg].intake.stream = (struct hf_stream){0};
	hf_rtcp_begin(m, leg);
	r = hf_leg_start(m, leg, address, port);
	if (r)
		return r;
	m->own[leg].open = true;
	hf_ports_used(ports, fresh);
	m->legs_open++;
	*ret_leg = leg;
	*ret_port = port;
	return 0;
}

int hf_media_leg_open(struct hf_media *m, struct hf_ip towards,
		      uint32_t *ret_leg, struct hf_ip *ret_ip4,
		      uint16_t *ret_port)
{
	const struct in6_addr peer = hf_ip_in6(&towards);
	const struct hf_config_address *at;
	int a = hf_media_choose(m, towards), r;

	if (a < 0)
		return a;
	r = hf_leg_open_at(m, (uint32_t)a, ret_leg, ret_port);
	if (r)
		return r;
	at = &m->config->media.addresses[a];
	*ret_ip4 = hf_prefix_any(at->inside, at->inside_count, &peer) ?
			   at->ip4 :
			   at->advertise;
	return 0;
}

int hf_media_group_open(struct hf_media *m, const struct hf_media_group *g,
			uint32_t *ret_leg)
{
	static const uint8_t type[HF_CODEC_COUNT] = {/* RFC 3551 6 */
						     [HF_CODEC_PCMU] = 0,
						     [HF_CODEC_PCMA] = 8,
						     [HF_CODEC_G722] = 9};
	uint32_t a = 0, leg, hop;
	struct hf_leg_own *own;
	uint16_t port;
	int r;

	if (g->codec > HF_CODEC_G722 || !IN_MULTICAST(ntohl(g->ip4.s_addr)))
		return -EINVAL;
	while (a < m->config->media.address_count &&
	       (strcmp(m->config->media.addresses[a].interface, g->interface) ||
		!m->map.instance->address[a].ip4))
		a++;
	if (a == m->config->media.address_count)
		return -ENODEV;
	r = hf_hop_get(m, hf_ip_of4(g->ip4), g->ttl, (uint8_t)(a + 1), &hop);
	if (r)
		return r;
	r = hf_leg_open_at(m, a, &leg, &port);
	if (r) {
		hf_hop_put(m, hop);
		return r;
	}
	own = &m->own[leg];
	own->hop = hop;
	own->has_remote = true;
	own->remote = (struct hf_media_remote){
		.ip4 = hf_ip_of4(g->ip4),
		.port = g->port,
		.codec = g->codec,
		.payload_type = type[g->codec],
		.ptime_ms = HF_PTIME_DEFAULT_MS,
		.may_receive = true,
	};
	hf_leg_apply(m, leg);
	*ret_leg = leg;
	return 0;
}

void hf_leg_part(struct hf_media *m, uint32_t leg)
{
	struct hf_leg_own *own = &m->own[leg], *other;
	uint32_t peer = own->peer;

	if (own->want != HF_MODE_RELAY)
		return;
	own->want = HF_MODE_IDLE;
	own->peer = HF_LEG_NONE;
	other = hf_leg_get(m, peer);
	if (!other || other->want != HF_MODE_RELAY || other->peer != leg)
		return;
	other->want = HF_MODE_IDLE;
	other->peer = HF_LEG_NONE;
	hf_leg_apply(m, peer);
}

void hf_media_leg_close(struct hf_media *m, uint32_t leg)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);
	struct hf_ports *ports;

	if (!own)
		return;
	hf_leg_part(m, leg);
	hf_rtcp_end(m, leg);
	hf_leg_stop(m, leg);
	hf_hop_put(m, own->hop);
	own->open = false;
	own->closed_ns = hf_media_now(m);
	m->orphans -= own->orphan;
	own->orphan = false;
	if (m->marks)
		m->marks[leg] = 0;
	ports = &m->ports[hf_leg_address(m, leg)];
	ports->ring[(ports->head + ports->count++) % ports->size] = leg;
	m->legs_open--;
}

bool hf_media_has_ip6(const struct hf_media *m)
{
	return hf_instance_has6(m->map.instance);
}

bool hf_media_is_own(const struct hf_media *m, struct hf_ip ip)
{
	const struct hf_config *c = m->config;

	for (unsigned int i = 0; i < c->media.address_count; i++)
		if (hf_ip_equal(&c->media.addresses[i].ip4, &ip) ||
		    hf_ip_equal(&c->media.addresses[i].advertise, &ip))
			return true;
	return false;
}

bool hf_media_is_own_port(const struct hf_media *m, struct hf_ip ip,
			  uint16_t port)
{
	return hf_media_is_own(m, ip) && port >= m->config->media.port_min &&
	       port <= m->config->media.port_max;
}

uint32_t hf_media_leg_at(const struct hf_media *m, struct hf_ip ip4,
			 uint16_t port)
{
	const struct hf_instance *in = m->map.instance;

	for (uint32_t a = 0; a < in->addresses; a++) {
		const struct hf_config_address *at =
			&m->config->media.addresses[a];
		uint32_t n = (uint32_t)(port - in->address[a].port_min) / 2;

		if ((hf_ip_equal(&at->ip4, &ip4) ||
		     hf_ip_equal(&at->advertise, &ip4)) &&
		    port >= in->address[a].port_min && n < m->ports[a].size &&
		    hf_leg_get(m, in->address[a].leg_base + n))
			return in->address[a].leg_base + n;
	}
	return HF_LEG_NONE;
}

/* Media sent there would come back to us, or go to many. */
static bool hf_remote_is_refused(struct hf_media *m, struct hf_ip ip4,
				 uint16_t port)
{
	uint32_t host = ntohl(ip4.s_addr);
	struct hf_ip source;

	if (!host)
		return false; /* nowhere: nothing is sent */
	if (hf_ip_is6(&ip4)) {
		if (IN6_IS_ADDR_MULTICAST(&ip4.six) ||
		    IN6_IS_ADDR_LINKLOCAL(&ip4.six))
			return true; /* of which link, SDP does not say */
	} else if (host >> 24 == 0 || host >> 28 >= 0xe)
		return true; /* "this network", multicast, reserved, broadcast
			      */
	return hf_media_is_own_port(m, ip4, port) ||
	       hf_route_source(m, ip4, &source) == -EACCES;
}

/* The kernel's source towards an address of this host is that address. */
static bool hf_remote_is_here(struct hf_media *m, struct hf_ip ip4)
{
	struct hf_ip source;

	if (!hf_ip_is6(&ip4) && ntohl(ip4.s_addr) >> 24 == IN_LOOPBACKNET)
		return true;
	return !hf_route_source(m, ip4, &source) && hf_ip_equal(&source, &ip4);
}

int hf_media_leg_remote(struct hf_media *m, uint32_t leg,
			const struct hf_media_remote *remote)
{
	struct hf_leg_own *own = hf_leg_get(m, leg), *peer;
	uint32_t hop = HF_NO_HOP, old_hop;
	int r;

	if (!own || remote->codec >= HF_CODEC_COUNT)
		return -EINVAL;
	if (hf_remote_is_refused(m, remote->ip4, remote->port))
		return -EADDRNOTAVAIL;
	/* The leg's own address is of one family. */
	if (remote->ip4.s_addr &&
	    hf_ip_is6(&remote->ip4) == !!hf_leg_address_of(m, leg)->ip4)
		return -EAFNOSUPPORT;
	peer = own->want == HF_MODE_RELAY ? hf_leg_get(m, own->peer) : NULL;
	if (peer && peer->has_remote && peer->remote.codec != remote->codec)
		return -EPROTONOSUPPORT;
	if (remote->ip4.s_addr && remote->port) {
		r = hf_hop_get(m, remote->ip4, 0, 0, &hop);
		if (r)
			return r;
		if (hf_remote_is_here(m, remote->ip4))
			hf_devices_use_lo(m);
	}
	old_hop = own->hop;
	own->hop = hop;
	own->remote = *remote;
	if (hf_remote_is_refused(m, remote->rtcp_ip4, remote->rtcp_port) ||
	    hf_ip_is6(&remote->rtcp_ip4) != hf_ip_is6(&remote->ip4))
		own->remote.rtcp_ip4 = (struct hf_ip){0};
	own->has_remote = true;
	hf_leg_apply(m, leg);
	hf_rtcp_apply(m, leg);
	hf_silence_begin(m, leg);
	hf_hop_put(m, old_hop);
	return 0;
}

int hf_media_leg_hold(struct hf_media *m, uint32_t leg, const char *clip)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);
	uint32_t found;
	int r;

	if (!own)
		return -EINVAL;
	r = hf_clip_lookup(m, clip, &found);
	if (r)
		return r;
	hf_leg_part(m, leg);
	own->clip = found;
	own->want = HF_MODE_HOLD;
	hf_leg_apply(m, leg);
	return 0;
}

int hf_media_leg_idle(struct hf_media *m, uint32_t leg)
{
	struct hf_leg_own *own = hf_leg_get(m, leg);

	if (!own)
		return -EINVAL;
	hf_leg_part(m, leg);
	own->want = HF_MODE_IDLE;
	hf_leg_apply(m, leg);
	return 0;
}

int hf_media_relay(struct hf_media *m, uint32_t a, uint32_t b)
{
	struct hf_leg_own *x = hf_leg_get(m, a), *y = hf_leg_get(m, b);

	if (!x || !y || a == b)
		return -EINVAL;
	if (x->has_remote && y->has_remote &&
	    x->remote.codec != y->remote.codec)
		return -EPROTONOSUPPORT;
	if (x->want == HF_MODE_RELAY && x->peer != b)
		hf_leg_part(m, a);
	if (y->want == HF_MODE_RELAY && y->peer != a)
		hf_leg_part(m, b);
	x->want = HF_MODE_RELAY;
	x->peer = b;
	y->want = HF_MODE_RELAY;
	y->peer = a;
	hf_leg_apply(m, a);
	hf_leg_apply(m, b);
	return 0;
}
