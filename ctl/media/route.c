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

static int hf_route_ask(struct in_addr to, struct in_addr *ret_source)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_addr = to,
		.sin_port = htons(9), /* any: nothing is sent */
	};
	socklen_t len = sizeof(a);
	int fd, r = 0;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* EACCES: a broadcast address of one of our networks (udp(7)). */
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		r = -errno;
	else
		*ret_source = a.sin_addr;
	close(fd);
	return r;
}

int hf_route_source(struct hf_media *m, struct in_addr to,
		    struct in_addr *ret_source)
{
	uint32_t i = (uint32_t)((to.s_addr * 0x9e3779b97f4a7c15ULL) >> 40) %
		     HF_ROUTES_CACHED;
	struct hf_route_cached *c = &m->route[i];
	uint64_t now = hf_media_now(m);

	if (c->to.s_addr != to.s_addr || now >= c->until_ns) {
		c->to = to;
		c->error = hf_route_ask(to, &c->source);
		c->until_ns = now + (c->error ? HF_ROUTE_KEEP_ERROR_NS
					      : HF_ROUTE_KEEP_NS);
	}
	if (!c->error)
		*ret_source = c->source;
	return c->error;
}
