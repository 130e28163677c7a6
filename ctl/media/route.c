// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Our address towards a peer, as the kernel would choose it: a UDP socket is
 * connected (no packet is sent) and asked for its name. The answer is kept for
 * some seconds, since most calls come from the same few peers.
 */
#include "state.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define HF_ROUTE_KEEP_NS       (10 * 1000 * HF_MS)
#define HF_ROUTE_KEEP_ERROR_NS (500 * HF_MS)

static int hf_route_ask(struct hf_ip to, struct hf_ip *ret_source)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
	} a = {.four.sin_port = htons(9)}; /* any: nothing is sent */
	socklen_t len = sizeof(a.four);
	int fd, r = 0;

	a.any.sa_family = hf_ip_is6(&to) ? AF_INET6 : AF_INET;
	a.four.sin_addr.s_addr = to.s_addr;
	if (hf_ip_is6(&to)) {
		a.six.sin6_flowinfo = 0;
		a.six.sin6_addr = to.six;
		len = sizeof(a.six);
	}
	fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* EACCES: a broadcast address of one of our networks (udp(7)). */
	if (connect(fd, &a.any, len) || getsockname(fd, &a.any, &len))
		r = -errno;
	else if (a.any.sa_family == AF_INET6)
		*ret_source = hf_ip_of6(&a.six.sin6_addr);
	else
		*ret_source = hf_ip_of4(a.four.sin_addr);
	close(fd);
	return r;
}

int hf_route_source(struct hf_media *m, struct hf_ip to,
		    struct hf_ip *ret_source)
{
	uint32_t i = (uint32_t)((to.s_addr * 0x9e3779b97f4a7c15ULL) >> 40) %
		     HF_ROUTES_CACHED;
	struct hf_route_cached *c = &m->route[i];
	uint64_t now = hf_media_now(m);

	if (!hf_ip_equal(&c->to, &to) || now >= c->until_ns) {
		c->to = to;
		c->error = hf_route_ask(to, &c->source);
		c->until_ns = now + (c->error ? HF_ROUTE_KEEP_ERROR_NS
					      : HF_ROUTE_KEEP_NS);
	}
	if (!c->error)
		*ret_source = c->source;
	return c->error;
}
